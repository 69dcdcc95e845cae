"""MWS XML to records: the only place of the project that parses XML, and the only parser settings.

Refused always: a DOCTYPE (so every entity but the five predefined), documents over the size limit, elements with
more than 64 attributes, and whatever libxml2 refuses (depth over 256, text over 10 MB, malformed input). Nothing is
fetched and nothing is expanded. Comments and processing instructions are dropped while parsing, because a comment
inside a leaf would otherwise cut its text short. Elements are recognised by local name, so old documents without a
namespace read alike. What the table does not know is kept: see ``schema.py`` for how a record holds it.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from lxml import etree

from mws_compat.documents import DOCUMENTS, ELEMENT_NAMES, UNMAPPED_NAME, UNMAPPED_NAMESPACE
from mws_compat.errors import ReadError
from mws_compat.schema import (
    UNKNOWN,
    UNMAPPED,
    Attributed,
    Field,
    Kind,
    ListOf,
    Node,
    Record,
    Repeated,
    Scalar,
    Struct,
)

__all__ = [
    "MAX_ATTRIBUTES",
    "MAX_DOCUMENT_BYTES",
    "Document",
    "fault_in_words",
    "parse_document",
    "parse_element",
    "pull_parser",
    "read_element",
    "refuse_crowded",
    "syntax_error",
    "unknown_paths",
]

MAX_DOCUMENT_BYTES = 10 * 2**20
MAX_ATTRIBUTES = 64
#: libxml2 remembers an element's line up to here; past it, no place is better than a wrong one.
_LINES_COUNTED = 65_535
_CROWDED = etree.XPath(f"(/descendant-or-self::*[count(@*) > {MAX_ATTRIBUTES}])[1]")
_CROWDED_WITHIN = etree.XPath(f"(descendant-or-self::*[count(@*) > {MAX_ATTRIBUTES}])[1]")

_UNMAPPED_TAG = f"{{{UNMAPPED_NAMESPACE}}}{UNMAPPED_NAME}"


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was read.

    ``action``      the operation whose answer it is; ``Error`` for an ErrorResponse
    ``namespace``   the root's namespace, '' when it has none
    ``result``      the record of the operation's result, or {Type, Code, Message, Detail} of the (first) error
    ``request_id``  from ResponseMetadata or beside Error, under either spelling; '' when there is none
    ``unknown``     paths below the root of what the table does not know; its content is kept in the records
    """

    action: str
    namespace: str
    result: Record
    request_id: str
    unknown: tuple[str, ...]


def parse_document(data: bytes, *, limit: int = MAX_DOCUMENT_BYTES) -> Document:
    """Read one MWS answer. ``data`` is the whole document, at most ``limit`` bytes. Raises ReadError, with line and
    column where there is a place to name."""
    root = parse_element(data, limit=limit)
    name = etree.QName(root)
    kind = DOCUMENTS.get(name.localname)
    if kind is None or not name.localname.endswith("Response"):
        raise _refusal(root, f"<{name.localname}> is not an answer of an Orders operation")
    record = read_element(root, kind.root)
    if kind.action == "Error":
        errors = record.get("Error")
        if not isinstance(errors, list):
            raise _refusal(root, "ErrorResponse has no Error element")
        result = errors[0]
    else:
        result = record.get(f"{kind.action}Result", "")
    if not isinstance(result, dict):
        raise _refusal(root, f"<{name.localname}> is not an answer of an Orders operation: it has no result")
    unknown = tuple(unknown_paths(record, kind.root))
    return Document(kind.action, name.namespace or "", result, _request_id(record), unknown)


def parse_element(data: bytes, *, limit: int = MAX_DOCUMENT_BYTES) -> etree._Element:
    """The root of a whole document, parsed and checked as the module says. Raises ReadError."""
    if len(data) > limit:
        raise ReadError(f"document of {len(data)} bytes is over the limit of {limit}")
    # Every option is spelled out, here and below: defaults have differed between lxml's entry points and versions.
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        recover=False,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise syntax_error(error) from None
    if root.getroottree().docinfo.doctype:
        raise ReadError("a DOCTYPE is refused; remove it", line=1, column=1)
    for element in _CROWDED(root):
        raise _crowded(element)
    return root


def pull_parser(tags: Collection[str]) -> etree.XMLPullParser:
    """The same parser for a document that arrives in pieces; tells of beginnings and ends of elements of these tags.
    Blank text is kept: where the parser is asked to drop it, it also drops some that values begin with."""
    return etree.XMLPullParser(
        events=("start", "end"),
        tag=tuple(tags),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        recover=False,
    )


#: What libxml2 says in the words of its source, in ours.
_IN_WORDS = {
    "xmlParseEntityRef: no name": "a bare & stands in the text; write &amp;",
    "StartTag: invalid element name": "a bare < stands in the text, or a tag without a name; write &lt;",
}


#: Where libxml2's messages quote the document: between apostrophes, and after these words.
_QUOTED = re.compile(
    r"(?<=')[^']*(?=')|(?<=\bmismatch: )\S+|(?<=\d and )\S+|(?<=\b[Aa]ttribute )\S+|(?<= prefix )\S+|(?<= on )\S+"
    r"|(?<= for )\S+|(?<= in tag )\S+|(?<= Tag )\S+|(?<= URI )\S+|(?<=\bPI )\S+"
)
#: What follows one of those words without being quoted.
_ORDINARY = frozenset(["name", "value", "values", "the", "attribute", "declaration", "target", "names"])


def fault_in_words(message: str) -> str:
    """A message of libxml2 in one line, without its place and without what it quotes of the document, which may be
    personal; names of known elements stay."""
    first = message.partition("\n")[0]
    first = " ".join((first.rpartition(", line ")[0] or first).split())

    def shown(match: re.Match[str]) -> str:
        word = match[0]
        known = word.rpartition(":")[2] in ELEMENT_NAMES or word in _ORDINARY or not any(map(str.isalnum, word))
        return word if known else "…"

    return _IN_WORDS.get(first) or _QUOTED.sub(shown, first) or "not well-formed"


def syntax_error(error: etree.XMLSyntaxError) -> ReadError:
    """libxml2's complaint as ours."""
    line, column = error.position
    return ReadError(fault_in_words(str(error.msg)), line=line, column=column)


def refuse_crowded(element: etree._Element) -> None:
    """Raise ReadError when the element, or one inside it, has more attributes than any MWS document ever had."""
    for crowded in _CROWDED_WITHIN(element):
        raise _crowded(crowded)


def _crowded(element: etree._Element) -> ReadError:
    return _refusal(element, f"<{_local(element)}> has {len(element.attrib)} attributes; MWS wrote none")


def _refusal(element: etree._Element, problem: str) -> ReadError:
    line = element.sourceline or 0
    if line >= _LINES_COUNTED:
        return ReadError(problem)
    return ReadError(problem, line=line, column=1)


def _local(element: etree._Element) -> str:
    return _split(element)[1]


def _split(element: etree._Element) -> tuple[str, str]:
    """An element's namespace, '' for none, and its local name."""
    namespace, _, name = str(element.tag).rpartition("}")
    return namespace[1:], name


def _request_id(record: Record) -> str:
    for holder in (record.get("ResponseMetadata"), record):
        for name in ("RequestId", "RequestID"):
            found = holder.get(name) if isinstance(holder, dict) else None
            if isinstance(found, str) and found.strip():
                return found.strip()
    return ""


# --- elements to records --------------------------------------------------------------------------------------------

#: Made once for each struct of the table, by identity: a struct is a tuple of tuples, dear to hash.
_fields: dict[int, tuple[Struct, dict[str, Field]]] = {}


def _fields_of(struct: Struct) -> dict[str, Field]:
    """A struct's fields under every name that they have had; ``name_2011`` is '' for most, which no element is."""
    known = _fields.get(id(struct))
    if known is None:
        spelled = {name: field for field in struct.fields for name in (field.name, field.name_2011, *field.aliases)}
        known = _fields[id(struct)] = (struct, spelled)
    return known[1]


def read_element(element: etree._Element, struct: Struct) -> Record:
    """The record of a parsed element. Nothing of it is lost: what the struct does not know stands under ``#unknown``,
    in the record itself or, where it is found inside a member of its document, in the member's."""
    record, unknown = _read_struct(element, struct)
    if unknown:
        record[UNKNOWN] = unknown
    return record


#: Structs whose records keep for themselves what is unknown inside them, by identity.
_MEMBERS = {id(kind.struct) for kind in DOCUMENTS.values() if kind.struct}


def _read_struct(element: etree._Element, struct: Struct) -> tuple[Record, Record]:
    """The record, and what is unknown at or below the element and not kept in a record there."""
    fields = _fields_of(struct)
    record: Record = {}
    unknown = _attributes(element)
    texts = [element.text]
    tag = str(element.tag)
    namespace = tag[: tag.rfind("}") + 1]
    skip = len(namespace)
    for child in element:
        texts.append(child.tail)
        tag = str(child.tag)
        # What nearly every child is goes a short way: a bare leaf of its parent's namespace, met for the first time.
        field = fields.get(tag[skip:]) if tag.startswith(namespace) else None
        leaf = field is not None and field.kind.__class__ is Scalar and not len(child) and not child.keys()
        if field is not None and leaf and field.name not in record:
            record[field.name] = child.text or ""
            continue
        if tag == _UNMAPPED_TAG and UNMAPPED not in record and not len(child) and not child.keys():
            record[UNMAPPED] = child.text or ""
            continue
        name = _local(child)
        field = fields.get(name)
        if field is None:
            _add(unknown, name, _read_generic(child))
            continue
        kind = field.kind
        if isinstance(kind, Repeated):
            node, strange = _read(child, kind.of)
            nodes = record.setdefault(field.name, [])
            assert isinstance(nodes, list)  # noqa: S101 - a repeated field is always a list
            nodes.append(node)
            if strange:
                _align(unknown, field.name, len(nodes) - 1, strange)
        elif field.name in record:
            _add(unknown, field.name, _read_generic(child), known=True)
        else:
            node, strange = _read(child, kind)
            record[field.name] = node
            if strange:
                unknown[field.name] = strange
    _keep_text(unknown, texts)
    return record, unknown


def _read(element: etree._Element, kind: Kind) -> tuple[Node, Record]:
    if isinstance(kind, Scalar):
        if len(element):  # elements where text is expected: all of it is kept as unknown
            generic = _read_generic(element)
            return "", generic if isinstance(generic, dict) else {}
        return element.text or "", _attributes(element)
    if isinstance(kind, Struct):
        if id(kind) in _MEMBERS:
            return read_element(element, kind), {}
        return _read_struct(element, kind)
    if isinstance(kind, ListOf):
        return _read_list(element, kind)
    assert isinstance(kind, Attributed)  # noqa: S101 - repeated fields are read where they stand
    text, unknown = _read(element, kind.of)
    record: Record = {kind.text_key: text}
    attribute = unknown.pop(f"@{kind.attribute}", None)
    if attribute is not None:
        record[kind.attribute_key] = attribute
    return record, unknown


def _read_list(element: etree._Element, kind: ListOf) -> tuple[list[Node], Record]:
    members: list[Node] = []
    unknown = _attributes(element)
    texts = [element.text]
    for child in element:
        texts.append(child.tail)
        name = _local(child)
        if name != kind.member:
            _add(unknown, name, _read_generic(child))
            continue
        node, strange = _read(child, kind.of)
        members.append(node)
        if strange:
            _align(unknown, kind.member, len(members) - 1, strange)
    _keep_text(unknown, texts)
    return members, unknown


def _attributes(element: etree._Element) -> Record:
    """Attributes under ``@name`` (``@{namespace}name``); and ``@xmlns`` where an element leaves its parent's
    namespace."""
    found: Record = {f"@{name}": value for name, value in element.items()}
    parent = element.getparent()
    if parent is not None:
        namespace = _split(element)[0]
        if namespace != _split(parent)[0]:
            found["@xmlns"] = namespace
    return found


def _keep_text(unknown: Record, texts: list[str | None]) -> None:
    """Text between elements: Amazon's own samples have a stray ``>`` there."""
    stray = "".join([text for text in texts if text and not text.isspace()]).strip()
    if stray:
        unknown["#text"] = stray


def _read_generic(element: etree._Element) -> Node:
    """An element that no table knows, in xmltodict's notation."""
    record = _attributes(element)
    if not len(element):
        if not record:
            return element.text or ""
        if element.text:
            record["#text"] = element.text
        return record
    texts = [element.text]
    for child in element:
        texts.append(child.tail)
        _add(record, _local(child), _read_generic(child))
    _keep_text(record, texts)
    return record


def _add(record: Record, name: str, node: Node, *, known: bool = False) -> None:
    """Keep one more element that the table does not know: the second of a name makes a list of both. Of a ``known``
    element the first occurrence stands in the record itself, so that its place in the list says only what else is to
    say of it."""
    earlier = record.get(name)
    if isinstance(earlier, list):
        earlier.append(node)  # in place: a copy for each would take quadratic time
    elif earlier is not None:
        record[name] = [earlier, node]
    else:
        record[name] = [{}, node] if known else node


def _align(unknown: Record, name: str, place: int, strange: Record) -> None:
    """Note what is unknown in the list's member at ``place``, with ``{}`` for the members before it."""
    entries = unknown.setdefault(name, [])
    assert isinstance(entries, list)  # noqa: S101 - nothing else is put under a member's name
    entries.extend({} for _ in range(place - len(entries)))
    entries.append(strange)


def unknown_paths(record: Record, struct: Struct, path: str = "") -> Iterator[str]:
    """Where in a record of ``struct``, below ``path``, something stands that the table does not know: one path for
    each unknown element, attribute (``…/@name``) or stray text (``…/#text``), however much it holds."""
    yield from _strange(record.get(UNKNOWN, {}), struct, path)
    for field in struct.fields:
        node = record.get(field.name)
        if not node:
            continue
        place = f"{path}/{field.name}" if path else field.name
        of = field.kind
        if isinstance(of, ListOf):
            place, of = f"{place}/{of.member}", of.of
        elif isinstance(of, Repeated):
            of = of.of
        if isinstance(of, Struct):
            for inner in node if isinstance(node, list) else [node]:
                if isinstance(inner, dict):
                    yield from unknown_paths(inner, of, place)


def _strange(unknown: Node, kind: Kind, path: str) -> Iterator[str]:
    """The paths of what is unknown at or below a known element of ``kind``."""
    if not isinstance(unknown, dict):
        yield path
        return
    for name, entry in unknown.items():
        place = f"{path}/{name}" if path else name
        entries = entry if isinstance(entry, list) else [entry]
        field = _fields_of(kind).get(name) if isinstance(kind, Struct) else None
        if name[0] in "@#":
            yield place
        elif isinstance(kind, ListOf) and name == kind.member:
            for inner in entries:
                yield from _strange(inner, kind.of, place)
        elif field is None:
            yield from (place for _ in entries)
        elif isinstance(field.kind, Repeated):
            for inner in entries:
                yield from _strange(inner, field.kind.of, place)
        else:
            yield from _strange(entries[0], field.kind, place)
            yield from (place for _ in entries[1:])
