"""Records to XML with all that they hold, ``#unknown`` and ``#json`` too: the inverse of ``reader.read_element``.

``writer.py`` writes what the endpoint answers and what is regular, by shape; this module writes what is not, element
by element, in the same layout. What is unknown is put back where it was found: attributes on their element, elements
and text after the known children of the same parent. What the reader would not read back as it stands in the record
is refused with a ValueError or TypeError that names elements, never values.
"""

import re
from collections.abc import Iterator

from lxml import etree

from mws_compat.documents import UNMAPPED_NAME, UNMAPPED_NAMESPACE
from mws_compat.escape import escape_attribute, escape_text
from mws_compat.schema import (
    UNKNOWN,
    UNMAPPED,
    Attributed,
    Kind,
    ListOf,
    Node,
    Record,
    Repeated,
    Scalar,
    Struct,
)

__all__ = ["MEMBERS", "write_element", "write_root"]

_DECLARATION = '<?xml version="1.0"?>\n'
_CLARK = re.compile(r"(?:\{([^{}]*)\})?([^{}]*)")
_XML_NAMESPACE = "http://www.w3.org/XML/1998/namespace"
# A part of the URIs that libxml2 takes, with all that were ever used as a namespace. The parser refuses others.
_URI_PATH = r"(?:[\w.~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*"
_URI = re.compile(
    rf"(?:[A-Za-z][A-Za-z0-9+.-]*:(?!//)|(?:[A-Za-z][A-Za-z0-9+.-]*:)?//[\w.-]+(?::[0-9]{{1,5}})?(?=[/?#]|$)|(?![^/?#]*:|//))"
    rf"{_URI_PATH}(?:#{_URI_PATH})?",
    re.ASCII,
)
#: How deep elements may stand that no table knows, and how many attributes they may have: the reader refuses more.
_MAX_DEPTH = 100
_MAX_ATTRIBUTES = 64


class _Place(str):
    """Text that is told from every other by being itself."""

    __slots__ = ()


#: Put in place of a list of members, it stands in the text where they go; no written value can hold it.
MEMBERS: str = _Place("\0")


def write_root(struct: Struct, record: Record, *, namespace: str, version: str) -> str:
    """A whole document. Raises ValueError or TypeError for what is not a record of the struct."""
    declared: Record = {"@xmlns": namespace} if namespace else {}
    return _DECLARATION + "".join(_element(struct.name, struct, record, declared, 0, version))


def write_element(name: str, struct: Struct, record: Record, *, depth: int, version: str) -> str:
    """One element with all that its record holds, indented ``depth`` times."""
    return "".join(_element(name, struct, record, {}, depth, version))


def _record(name: str, node: Node) -> Record:
    if not isinstance(node, dict):
        raise TypeError(f"{name} must be a record, not {type(node).__name__}")
    return node


def _both(name: str, one: Record, other: Record) -> Record:
    """What two sources say of an element; they must not contradict each other."""
    if twice := one.keys() & other.keys():
        raise ValueError(f"{name}: {min(twice)!r} is said twice")
    return {**one, **other}


def _element(name: str, kind: Kind, node: Node, unknown: Record, depth: int, version: str) -> Iterator[str]:
    """An element of the table. ``unknown`` is what else is known of it."""
    if isinstance(kind, Attributed):
        record = _record(name, node)
        for key in sorted(record.keys() - {kind.attribute_key, kind.text_key}):
            raise ValueError(f"{name} has no {key!r}")
        if f"@{kind.attribute}" in unknown:
            raise ValueError(f"{name}: the table knows {kind.attribute!r}")
        if kind.attribute_key in record:
            unknown = {f"@{kind.attribute}": record[kind.attribute_key], **unknown}
        node, kind = record.get(kind.text_key, ""), kind.of
    if isinstance(kind, Scalar):
        if not isinstance(node, str) or node is MEMBERS:
            raise TypeError(f"{name} must be text, not {type(node).__name__}")
        yield from _generic(name, _both(name, {"#text": node} if node else {}, unknown) if unknown else node, depth)
        return
    indent = "  " * depth
    if isinstance(kind, Struct):
        record = _record(name, node)
        unknown = _both(name, unknown, _record(UNKNOWN, record.get(UNKNOWN, {})))
        body = "".join(_children(kind, record, unknown, depth + 1, version))
    else:
        assert isinstance(kind, ListOf)  # noqa: S101 - repeated fields are written where they stand
        body = "".join(_members(name, kind, node, unknown, depth + 1, version))
    start = f"{indent}<{name}{_attributes(unknown)}"
    yield f"{start}>\n{body}{indent}</{name}>\n" if body else f"{start}/>\n"


def _children(struct: Struct, record: Record, unknown: Record, depth: int, version: str) -> Iterator[str]:
    known = {field.name for field in struct.fields}
    for name in sorted(record.keys() - known - {UNKNOWN, UNMAPPED}):
        raise ValueError(f"{struct.name} has no element {name!r}")
    done = set()
    for field in struct.fields:
        node = record.get(field.name)
        if node is None and field.name not in unknown:
            continue
        done.add(field.name)
        name = field.name_in(version)
        entry = unknown.get(field.name, {})
        if node is None:  # empty, but for what no table knows of it
            node = _empty(field.kind, entry)
        if isinstance(field.kind, Repeated):
            yield from _repeated(name, field.kind, node, entry, depth, version)
            continue
        first, *more = entry if isinstance(entry, list) and entry else [entry]
        yield from _element(name, field.kind, node, _record(f"what is unknown of {name}", first), depth, version)
        for other in more:
            yield from _generic(name, other, depth)
    if UNMAPPED in record:
        text = {"@xmlns": UNMAPPED_NAMESPACE, "#text": record[UNMAPPED]}
        yield from _generic(UNMAPPED_NAME, text, depth)
    spelled = {name for field in struct.fields for name in (field.name, field.name_2011, *field.aliases)}
    for name in sorted(unknown.keys() & spelled - done):
        raise ValueError(f"{struct.name} has no {name!r} of which something could be unknown")
    if UNMAPPED not in record and any(map(_is_unmapped, _list(unknown.get(UNMAPPED_NAME, [])))):
        raise ValueError(f"{UNMAPPED_NAME!r} is not unknown in {struct.name}")
    yield from _strangers(unknown, done, depth)


def _empty(kind: Kind, entry: Node) -> Node:
    """The node of an element that holds nothing; of several in a row, as many as ``entry`` tells of."""
    if isinstance(kind, Repeated):
        return [_empty(kind.of, "") for _ in entry] if isinstance(entry, list) else []
    if isinstance(kind, ListOf):
        members = entry.get(kind.member, []) if isinstance(entry, dict) else []
        return [_empty(kind.of, "") for _ in members] if isinstance(members, list) else []
    return "" if isinstance(kind, Scalar) else {}


def _is_unmapped(node: Node) -> bool:
    """Whether the reader would take an element for ``#json``."""
    return isinstance(node, dict) and node.keys() <= {"@xmlns", "#text"} and node.get("@xmlns") == UNMAPPED_NAMESPACE


def _list(node: Node) -> list[Node]:
    return node if isinstance(node, list) else [node]


def _members(name: str, kind: ListOf, node: Node, unknown: Record, depth: int, version: str) -> Iterator[str]:
    entry = unknown.get(kind.member, [])
    yield from _repeated(kind.member, Repeated(kind.of), node, entry, depth, version, name)
    yield from _strangers(unknown, {kind.member}, depth)


def _repeated(
    name: str, kind: Repeated, node: Node, entry: Node, depth: int, version: str, holder: str = ""
) -> Iterator[str]:
    if node is MEMBERS:
        yield MEMBERS
        return
    if not isinstance(node, list):
        raise TypeError(f"{holder or name} must be a list, not {type(node).__name__}")
    entries = entry or []
    if not isinstance(entries, list) or len(entries) > len(node):
        raise ValueError(f"what is unknown of {name} must be a list of no more entries than it has itself")
    for place, inner in enumerate(node):
        unknown = entries[place] if place < len(entries) else {}
        yield from _element(name, kind.of, inner, _record(f"what is unknown of {name}", unknown), depth, version)


def _strangers(unknown: Record, done: set[str], depth: int) -> Iterator[str]:
    """Elements that no table knows, and stray text, which the reader has without the white space around it."""
    for name, entry in unknown.items():
        if name[:1] not in {"@", "#"} and name not in done:
            for inner in _list(entry):
                yield from _generic(name, inner, depth)
    if stray := _text_of(unknown).strip():
        yield f"{'  ' * depth}{escape_text(stray)}\n"


def _text_of(node: Record) -> str:
    for name in node:
        if name[:1] == "#" and name != "#text":
            raise ValueError(f"{name!r} cannot stand among what is unknown")
    text = node.get("#text", "")
    if not isinstance(text, str):
        raise TypeError(f"#text must be text, not {type(text).__name__}")
    return text


def _generic(name: str, node: Node, depth: int) -> Iterator[str]:
    """An element in xmltodict's notation."""
    if not _is_name(name):
        raise ValueError(f"{name!r} cannot be an element's name")
    if depth > _MAX_DEPTH:
        raise ValueError(f"an element that no table knows stands deeper than {_MAX_DEPTH} levels")
    indent = "  " * depth
    if isinstance(node, str):
        yield f"{indent}<{name}>{escape_text(node)}</{name}>\n"
        return
    record = _record(name, node)
    text = _text_of(record)
    children = "".join(_strangers({**record, "#text": ""}, set(), depth + 1))
    start = f"{indent}<{name}{_attributes(record)}"
    if children:
        stray = f"{indent}  {escape_text(text.strip())}\n" if text.strip() else ""
        yield f"{start}>\n{stray}{children}{indent}</{name}>\n"
    else:
        yield f"{start}>{escape_text(text)}</{name}>\n"


def _is_name(text: str) -> bool:
    try:
        etree.QName(None, text.replace("{", " "))  # which knows what may stand in a name, and wants no colon
    except ValueError:
        return False
    return True


def _attributes(node: Record) -> str:
    """The attributes of an element in xmltodict's notation, ready to stand in its tag."""
    written: list[str] = []
    for key, value in node.items():
        if key[:1] != "@":
            continue
        match = _CLARK.fullmatch(key, 1)
        if match is None or not isinstance(value, str) or not _is_name(match[2]):
            raise ValueError(f"{key!r} cannot be an attribute")
        namespace, name = match.groups()
        prefix = ""
        if namespace == _XML_NAMESPACE:
            prefix = "xml:"
        elif namespace is not None or name == "xmlns":
            uri = value if namespace is None else namespace
            if not _URI.fullmatch(uri) or uri.startswith("http://www.w3.org/2000/xmlns") or uri == _XML_NAMESPACE:
                raise ValueError(f"{name!r}: no namespace that could be declared")
            if namespace is not None:
                if not namespace or name == "xmlns":
                    raise ValueError(f"{key!r} cannot be an attribute")
                prefix = f"n{len(written) + 1}:"
                written.append(f" xmlns:{prefix[:-1]}={escape_attribute(namespace)}")
        written.append(f" {prefix}{name}={escape_attribute(value)}")
    if sum(1 for key in node if key[:1] == "@" and key != "@xmlns") > _MAX_ATTRIBUTES:
        raise ValueError(f"an element has more than {_MAX_ATTRIBUTES} attributes")
    return "".join(written)
