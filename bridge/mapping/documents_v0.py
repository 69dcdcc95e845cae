"""Whole documents between MWS XML and SP-API Orders v0 JSON: envelopes, payloads, errors.

| MWS document | JSON |
|---|---|
| ListOrders, ListOrdersByNextToken, GetOrder | ``{"payload": {"Orders": […], "NextToken": …, "CreatedBefore": …}}`` |
| ListOrderItems, ListOrderItemsByNextToken | ``{"payload": {"OrderItems": […], "AmazonOrderId": …}}`` |
| GetServiceStatus | ``{"payload": {"Status": …, "Timestamp": …}}``: SP-API has no such call |
| ErrorResponse | ``{"errors": [{"code": …, "message": …, "details": …}]}`` |
| AmazonEnvelope (reports, feeds) | ``{"AmazonEnvelope": …}`` under its own names: SP-API has the same XML |
| a single Order, cut out of its document | ``{"payload": {…}}`` as getOrder answers it |
| a single OrderItem | the object alone |

Beside ``payload`` or ``errors`` stands ``#mws`` with what only MWS said: ``Operation``, ``Namespace`` where it is not
that of 2013-09-01, the request id.
"""

from typing import NamedTuple, cast

from bridge.mapping.cells import Leaf, as_node, dump, put_back
from bridge.mapping.exact import OWN, ExactMap, exact, mirror
from bridge.mapping.orders_v0 import ITEM_MAP, ORDER_MAP
from bridge.mapping.rows import JsonObject, MappingError, Row
from mws_compat.documents import DOCUMENTS, ENVELOPE, ERROR, MESSAGE, DocumentKind
from mws_compat.orders import LATEST_VERSION, namespace_of
from mws_compat.schema import UNKNOWN, UNMAPPED, Field, ListOf, Record, Struct

__all__ = [
    "ENVELOPE_KEY",
    "MEMBER_MAPS",
    "NAMESPACE",
    "JsonDocument",
    "member_of",
    "read_document",
    "write_document",
]

NAMESPACE = namespace_of("Orders", LATEST_VERSION)
ENVELOPE_KEY = ENVELOPE.name

#: Member element → the map of its objects.
MEMBER_MAPS: dict[str, ExactMap] = {
    "Order": exact(ORDER_MAP),
    "OrderItem": exact(ITEM_MAP),
    "Message": mirror(MESSAGE),
}

_ERROR_MAP = ExactMap(
    ERROR,
    (Row("Code", "code"), Row("Message", "message"), Row("Detail", "details"), Row("Type", f"{OWN}.Type")),
)


def _without_members(kind: DocumentKind) -> ExactMap:
    """The map of an operation's result but for its members, which are written one by one."""
    result = _result_struct(kind)
    fields = tuple(
        field
        for field in result.fields
        if not (isinstance(field.kind, ListOf) and field.kind.of is kind.struct and kind.struct is not None)
    )
    return mirror(Struct(result.name, fields))


def _result_struct(kind: DocumentKind) -> Struct:
    field: Field = kind.root.fields[0]
    assert isinstance(field.kind, Struct)  # noqa: S101 - the first field of an operation's root is its result
    return field.kind


_OPERATIONS = {kind.action: kind for kind in DOCUMENTS.values() if kind.root.name == f"{kind.action}Response"}
_RESULTS = {action: _without_members(kind) for action, kind in _OPERATIONS.items() if action != "Error"}
_ENVELOPE_HEAD = mirror(
    Struct("AmazonEnvelope", tuple(field for field in ENVELOPE.fields if field.name != "Message"))
)
#: What an answer says of itself beside its result.
_METADATA = ("ResponseMetadata", "RequestId", "RequestID")
#: What a payload is taken for when nothing says which operation it answered.
_DEFAULTS = {"Orders": "ListOrders", "OrderItems": "ListOrderItems", "Status": "GetServiceStatus"}


def write_document(kind: DocumentKind, namespace: str, record: Record, leaf: Leaf) -> JsonObject:
    """The JSON of a document, from the record of its root. Members that the record holds are left out: they are
    written one by one. Raises ValueError when an answer has no result."""
    own: JsonObject = {}
    out: JsonObject = {}
    rest = dict(record)
    unknown, unmapped = rest.pop(UNKNOWN, None), rest.pop(UNMAPPED, None)
    if kind.action == "Error":
        errors = cast("list[Record]", rest.pop("Error", []))
        out["errors"] = [_ERROR_MAP.write(error, leaf) for error in errors]
    elif kind.action in _RESULTS:
        result = rest.pop(f"{kind.action}Result", None)
        if not isinstance(result, dict):
            raise ValueError(f"<{kind.root.name}> has no <{kind.action}Result>")
        own["Operation"] = kind.action
        table = _RESULTS[kind.action]
        out["payload"] = table.write(result, leaf)
    elif kind.root is ENVELOPE:
        out[ENVELOPE_KEY] = _ENVELOPE_HEAD.write(
            {name: rest.pop(name) for name in list(rest) if name != "Message"}, leaf
        )
        rest.pop("Message", None)
    else:
        single = MEMBER_MAPS[kind.root.name].write(record, leaf)
        if kind.root.name != "Order":
            return single
        out["payload"] = single
        if namespace not in {"", NAMESPACE}:
            out[OWN] = {"Namespace": namespace}
        return out
    if namespace != (NAMESPACE if kind.root is not ENVELOPE else ""):
        own["Namespace"] = namespace
    metadata = rest.pop("ResponseMetadata", None)
    if isinstance(metadata, dict):
        own["ResponseMetadata"] = metadata
    own.update(rest)
    if own:
        out[OWN] = own
    if unknown is not None:
        out[UNKNOWN] = unknown
    if unmapped is not None:
        put_back(out, unmapped)
    return out


# --- JSON to document -----------------------------------------------------------------------------------------------


class JsonDocument(NamedTuple):
    """A decoded document: ``record`` is its root's, without members; ``members`` are the JSON objects of those, and
    ``place`` says where they stood."""

    kind: DocumentKind
    namespace: str
    record: Record
    members: list[object]
    place: str


def member_of(source: JsonObject) -> str:
    """What a JSON object outside any document is: ``Order``, ``OrderItem``, ``Message``; '' for none of them."""
    if "Orders" in source or "OrderItems" in source:  # an answer without its payload around it
        return ""
    if "OrderItemId" in source or "ASIN" in source:
        return "OrderItem"
    if "AmazonOrderId" in source:
        return "Order"
    if any(field.name in source for field in MESSAGE.fields if isinstance(field.kind, Struct)):
        return "Message"
    return ""


def read_document(source: JsonObject) -> JsonDocument | None:
    """The document that a JSON object is; None when it is none of those of the table above. Raises MappingError,
    naming the place, when it is one but not of its shape, and InexactError."""
    rest = dict(source)
    own = rest.pop(OWN, None)
    own = {} if own is None else _object(own, OWN)
    unknown = rest.pop(UNKNOWN, None)
    namespace = own.pop("Namespace", None)
    operation = own.pop("Operation", "")
    if not isinstance(operation, str) or operation not in {"", *_RESULTS}:
        raise MappingError("not an operation", f"{OWN}.Operation")
    head: Record = {}
    members: list[object] = []
    place = ""
    if ENVELOPE_KEY in rest:
        kind = DOCUMENTS[ENVELOPE_KEY]
        envelope = _object(rest.pop(ENVELOPE_KEY), ENVELOPE_KEY)
        place = f"{ENVELOPE_KEY}.Message"
        members = _members(envelope.pop("Message", []), "Message", place)
        head, left = _take(_ENVELOPE_HEAD, envelope, ENVELOPE_KEY)
        if left:
            rest[ENVELOPE_KEY] = left
    elif isinstance(rest.get("errors"), list) and not rest.get("payload"):
        kind = DOCUMENTS["ErrorResponse"]
        errors = cast("list[object]", rest.pop("errors"))
        head["Error"] = [_read_error(error, f"errors[{number}]") for number, error in enumerate(errors)]
    else:
        wrapped = "payload" in rest
        payload = _object(rest.pop("payload"), "payload") if wrapped else rest
        action = operation or next((_DEFAULTS[name] for name in _DEFAULTS if name in payload), "")
        if not wrapped:
            if not action:
                return None
            rest = {}
        if not action:
            if "AmazonOrderId" not in payload:
                raise MappingError("neither Orders nor OrderItems nor an order", "payload")
            action, members, place, payload = "GetOrder", [payload], "payload", {}  # as getOrder answers
        kind = _OPERATIONS[action]
        payload = dict(payload)
        if kind.path and kind.path[-1] in payload:
            place = f"payload.{kind.path[-1]}" if wrapped else kind.path[-1]
            members = _members(payload.pop(kind.path[-1]), kind.member, place)
        result, left = _take(_RESULTS[action], payload, "payload" if wrapped else "")
        if left:
            result[UNMAPPED] = dump(left)
        head[f"{action}Result"] = result
    allowed = {field.name for field in kind.root.fields if field.name in _METADATA}
    if not allowed.issuperset(own):
        raise MappingError(f"only {', '.join(sorted({'Namespace', 'Operation', *allowed}))} may stand here", OWN)
    for name, node in own.items():
        head[name] = as_node(node, f"{OWN}.{name}")
    if unknown is not None:
        if UNKNOWN in head:
            raise MappingError("stands twice", UNKNOWN)
        head[UNKNOWN] = as_node(_object(unknown, UNKNOWN), UNKNOWN)
    if rest:
        head[UNMAPPED] = dump(rest)
    if namespace is None:
        namespace = "" if kind.root is ENVELOPE else NAMESPACE
    if not isinstance(namespace, str):
        raise MappingError("text expected", f"{OWN}.Namespace")
    return JsonDocument(kind, namespace, head, members, place)


def _take(table: ExactMap, source: JsonObject, place: str) -> tuple[Record, JsonObject]:
    try:
        return table.take(source)
    except MappingError as error:
        raise (error.inside(place) if place else error) from None


def _read_error(source: object, place: str) -> Record:
    try:
        return _ERROR_MAP.read(_object(source, ""))
    except MappingError as error:
        raise error.inside(place) from None


def _object(value: object, place: str) -> JsonObject:
    if not isinstance(value, dict):
        raise MappingError("object expected", place)
    return dict(value)


def _members(value: object, member: str, place: str) -> list[object]:
    """The objects of an array, still wrapped as MWS wrapped it or not."""
    if isinstance(value, dict) and list(value) == [member]:
        value = value[member]
        value = value if isinstance(value, list) else [value]
    if value is None or value == "":
        value = []
    if not isinstance(value, list):
        raise MappingError("array expected", place)
    return value
