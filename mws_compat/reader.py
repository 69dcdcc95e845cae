"""MWS XML to records: the only place of the project that parses XML, and the only parser settings.

Refused always: a DOCTYPE (so every entity but the five predefined), documents over the size limit, and whatever
libxml2 refuses (depth over 256, text over 10 MB, malformed input). Nothing is fetched and nothing is expanded.
Comments and processing instructions are dropped while parsing, because a comment inside a leaf would otherwise cut
its text short. Elements are recognised by local name, so old documents without a namespace read alike.
"""

from dataclasses import dataclass

from lxml import etree

from mws_compat.errors import ReadError
from mws_compat.orders import OPERATIONS
from mws_compat.schema import TEXT, Field, Kind, ListOf, Node, Record, Scalar, Struct

__all__ = ["MAX_DOCUMENT_BYTES", "Document", "parse_document"]

MAX_DOCUMENT_BYTES = 10 * 2**20
_MAX_ATTRIBUTES = 64
#: libxml2 remembers an element's line up to here; past it, no place is better than a wrong one.
_LINES_COUNTED = 65_535
_CROWDED = etree.XPath(f"(/descendant-or-self::*[count(@*) > {_MAX_ATTRIBUTES}])[1]")

_ERROR = Struct("Error", tuple(Field(name, TEXT) for name in ("Type", "Code", "Message", "Detail")))


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was read.

    ``action``      the operation whose answer it is; ``Error`` for an ErrorResponse
    ``namespace``   the root's namespace, '' when it has none
    ``result``      the record of the operation's result, or {Type, Code, Message, Detail} of an error
    ``request_id``  from ResponseMetadata or beside Error, under either spelling; '' when there is none
    ``unknown``     paths below the result of elements that the table does not know, in document order; their content
                    is kept in the record under their own names
    """

    action: str
    namespace: str
    result: Record
    request_id: str
    unknown: tuple[str, ...]


def parse_document(data: bytes, *, limit: int = MAX_DOCUMENT_BYTES) -> Document:
    """Read one MWS answer. ``data`` is the whole document, at most ``limit`` bytes. Raises ReadError, with line and
    column where there is a place to name."""
    root = _parse(data, limit)
    name = etree.QName(root)
    children: dict[str, etree._Element] = {}
    for child in root:
        # The schema allows several Error elements; the first is the one that clients read.
        if children.setdefault(_local(child), child) is not child and _local(child) != "Error":
            raise _refusal(child, f"<{_local(child)}> stands twice in <{name.localname}>")
    request_id = _request_id(root)
    unknown: list[str] = []
    if name.localname == "ErrorResponse":
        error = children.get("Error")
        if error is None:
            raise _refusal(root, "ErrorResponse has no Error element")
        record = _read_struct(error, _ERROR, "Error", unknown)
        return Document("Error", name.namespace or "", record, request_id, tuple(unknown))
    action = name.localname.removesuffix("Response")
    operation = OPERATIONS.get(action)
    result = children.get(f"{action}Result")
    if operation is None or result is None or action == name.localname:
        raise _refusal(root, f"<{name.localname}> is not an answer of an Orders operation")
    record = _read_struct(result, operation.result, "", unknown)
    return Document(action, name.namespace or "", record, request_id, tuple(unknown))


def _parse(data: bytes, limit: int) -> etree._Element:
    if len(data) > limit:
        raise ReadError(f"document of {len(data)} bytes is over the limit of {limit}")
    # Every option is spelled out: defaults have differed between lxml's entry points and versions.
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
        line, column = error.position
        problem = " ".join(str(error.msg).rpartition(", line ")[0].split())
        raise ReadError(problem, line=line, column=column) from None
    if root.getroottree().docinfo.doctype:
        raise ReadError("a DOCTYPE is refused; remove it", line=1, column=1)
    for element in _CROWDED(root):
        raise _refusal(element, f"<{_local(element)}> has {len(element.attrib)} attributes; MWS wrote none")
    return root


def _refusal(element: etree._Element, problem: str) -> ReadError:
    line = element.sourceline or 0
    if line >= _LINES_COUNTED:
        return ReadError(problem)
    return ReadError(problem, line=line, column=1)


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname


def _request_id(root: etree._Element) -> str:
    for element in root.iter("{*}RequestId", "{*}RequestID"):
        parent = element.getparent()
        if parent is root or (parent is not None and _local(parent) == "ResponseMetadata"):
            return (element.text or "").strip()
    return ""


#: Made once for each struct of the table, by identity: a struct is a tuple of tuples, dear to hash.
_fields: dict[int, tuple[Struct, dict[str, Field]]] = {}


def _fields_of(struct: Struct) -> dict[str, Field]:
    """A struct's fields under every name that they have had; ``name_2011`` is '' for most, which no element is."""
    known = _fields.get(id(struct))
    if known is None:
        spelled = {name: field for field in struct.fields for name in (field.name, field.name_2011, *field.aliases)}
        known = _fields[id(struct)] = (struct, spelled)
    return known[1]


def _read_struct(element: etree._Element, struct: Struct, path: str, unknown: list[str]) -> Record:
    fields = _fields_of(struct)
    record: Record = {}
    for child in element:
        name = _local(child)
        place = f"{path}/{name}" if path else name
        field = fields.get(name)
        if field is None:
            unknown.append(place)
            _add(record, name, _read_generic(child))
        elif field.name in record:
            raise _refusal(child, f"<{name}> stands twice in <{_local(element)}>")
        else:
            record[field.name] = _read(child, field.kind, place, unknown)
    return record


def _read(element: etree._Element, kind: Kind, path: str, unknown: list[str]) -> Node:
    if isinstance(kind, Scalar):
        if len(element):
            raise _refusal(element, f"<{_local(element)}> holds elements where text is expected")
        return element.text or ""
    if isinstance(kind, Struct):
        return _read_struct(element, kind, path, unknown)
    return _read_list(element, kind, path, unknown)


def _read_list(element: etree._Element, kind: ListOf, path: str, unknown: list[str]) -> list[Node]:
    members: list[Node] = []
    for child in element:
        if _local(child) != kind.member:
            raise _refusal(
                child, f"<{_local(child)}> stands in <{_local(element)}>, which holds only <{kind.member}>"
            )
        members.append(_read(child, kind.of, f"{path}/{kind.member}", unknown))
    return members


def _read_generic(element: etree._Element) -> Node:
    if not len(element):
        return element.text or ""
    record: Record = {}
    for child in element:
        _add(record, _local(child), _read_generic(child))
    return record


def _add(record: Record, name: str, node: Node) -> None:
    """Keep one more element that the table does not know: the second of a name makes a list of both."""
    earlier = record.setdefault(name, node)
    if isinstance(earlier, list):
        earlier.append(node)  # in place: a copy for each would take quadratic time
    elif earlier is not node:
        record[name] = [earlier, node]
