"""What whole documents have in common, whatever version of SP-API their JSON is of.

Beside what an answer says stands ``#mws`` with what only MWS said: ``Operation``, ``Namespace`` where it is not that
of 2013-09-01, the request id.
"""

from typing import NamedTuple, cast

from bridge.mapping.cells import as_node, dump, put_back
from bridge.mapping.exact import OWN
from bridge.mapping.rows import JsonObject, MappingError
from mws_compat.documents import DOCUMENTS, ENVELOPE, DocumentKind
from mws_compat.orders import LATEST_VERSION, namespace_of
from mws_compat.schema import UNKNOWN, UNMAPPED, Field, ListOf, Record, Struct

__all__ = [
    "NAMESPACE",
    "OPERATIONS",
    "Frame",
    "JsonDocument",
    "as_object",
    "holds_list",
    "order_of",
    "pop_result",
    "result_without_members",
    "write_frame",
]

NAMESPACE = namespace_of("Orders", LATEST_VERSION)

#: Operation, or Error → the kind of its answer.
OPERATIONS = {kind.action: kind for kind in DOCUMENTS.values() if kind.root.name == f"{kind.action}Response"}
#: What an answer says of itself beside its result.
_METADATA = ("ResponseMetadata", "RequestId", "RequestID")


class JsonDocument(NamedTuple):
    """A decoded document: ``record`` is its root's, without members; ``members`` are the JSON objects of those, and
    ``place`` says where they stood."""

    kind: DocumentKind
    namespace: str
    record: Record
    members: list[object]
    place: str


def result_without_members(kind: DocumentKind) -> Struct:
    """An operation's result but for its members, which are converted one by one."""
    field: Field = kind.root.fields[0]
    result = field.kind
    assert isinstance(result, Struct)  # noqa: S101 - the first field of an operation's root is its result
    fields = tuple(
        field
        for field in result.fields
        if not (isinstance(field.kind, ListOf) and field.kind.of is kind.struct and kind.struct is not None)
    )
    return Struct(result.name, fields)


def holds_list(kind: DocumentKind, record: Record) -> bool:
    """Whether the document has the element around the members, though it holds none."""
    node: object = record
    for name in kind.path:
        node = node.get(name) if isinstance(node, dict) else None
    return node is not None


def order_of(kind: DocumentKind, record: Record) -> str:
    """The order that a list of items is of, '' where it does not say."""
    result = record.get(kind.path[0])
    order_id = result.get("AmazonOrderId") if isinstance(result, dict) else None
    return order_id.strip() if isinstance(order_id, str) else ""


# --- record to JSON -------------------------------------------------------------------------------------------------


def pop_result(kind: DocumentKind, rest: Record) -> Record:
    """Take the operation's result out of its root's record. Raises ValueError when there is none."""
    result = rest.pop(f"{kind.action}Result", None)
    if not isinstance(result, dict):
        raise ValueError(f"<{kind.root.name}> has no <{kind.action}Result>")  # noqa: TRY004 - a fault of the document
    return result


def write_frame(kind: DocumentKind, namespace: str, rest: Record, out: JsonObject, operation: str = "") -> JsonObject:
    """Put into ``out`` what ``rest``, the root's record without its content, says around that."""
    rest = dict(rest)
    unknown, unmapped = rest.pop(UNKNOWN, None), rest.pop(UNMAPPED, None)
    own: JsonObject = {"Operation": operation} if operation else {}
    if namespace != (NAMESPACE if kind.root is not ENVELOPE else ""):
        own["Namespace"] = namespace
    metadata = rest.pop("ResponseMetadata", None)
    if isinstance(metadata, dict):
        own["ResponseMetadata"] = metadata
    own.update(rest)
    if own:
        out[OWN] = {**cast("JsonObject", out.get(OWN, {})), **own}
    if unknown is not None:
        out[UNKNOWN] = unknown
    if unmapped is not None:
        put_back(out, unmapped)
    return out


# --- JSON to document -----------------------------------------------------------------------------------------------


class Frame(NamedTuple):
    """A document's JSON taken apart: ``rest`` is what it says, the others what stands around that."""

    rest: JsonObject
    own: JsonObject
    unknown: object
    namespace: object
    operation: str

    @classmethod
    def of(cls, source: JsonObject) -> "Frame":
        """Take a copy of the object apart. Raises MappingError."""
        rest = dict(source)
        own = rest.pop(OWN, None)
        own = {} if own is None else as_object(own, OWN)
        unknown = rest.pop(UNKNOWN, None)
        namespace = own.pop("Namespace", None)
        operation = own.pop("Operation", "")
        if not isinstance(operation, str) or operation not in {"", *OPERATIONS} - {"Error"}:
            raise MappingError("not an operation", f"{OWN}.Operation")
        return cls(rest, own, unknown, namespace, operation)

    def document(self, kind: DocumentKind, head: Record, members: list[object], place: str) -> JsonDocument:
        """The document whose root's record is ``head`` and what stands around it; what is left in ``rest`` no element
        carries. Raises MappingError."""
        allowed = {field.name for field in kind.root.fields if field.name in _METADATA}
        if not allowed.issuperset(self.own):
            raise MappingError(f"only {', '.join(sorted({'Namespace', 'Operation', *allowed}))} may stand here", OWN)
        for name, node in self.own.items():
            head[name] = as_node(node, f"{OWN}.{name}")
        if self.unknown is not None:
            if UNKNOWN in head:
                raise MappingError("stands twice", UNKNOWN)
            head[UNKNOWN] = as_node(as_object(self.unknown, UNKNOWN), UNKNOWN)
        if self.rest:
            head[UNMAPPED] = dump(self.rest)
        namespace = self.namespace
        if namespace is None:
            namespace = "" if kind.root is ENVELOPE else NAMESPACE
        if not isinstance(namespace, str):
            raise MappingError("text expected", f"{OWN}.Namespace")
        return JsonDocument(kind, namespace, head, members, place)


def as_object(value: object, place: str) -> JsonObject:
    """A copy of an object. Raises MappingError for anything else."""
    if not isinstance(value, dict):
        raise MappingError("object expected", place)
    return dict(value)
