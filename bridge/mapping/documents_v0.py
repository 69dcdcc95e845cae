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

from typing import cast

from bridge.mapping.cells import Leaf, dump
from bridge.mapping.documents import (
    NAMESPACE,
    OPERATIONS,
    Frame,
    JsonDocument,
    as_object,
    pop_result,
    result_without_members,
    write_frame,
)
from bridge.mapping.exact import OWN, ExactMap, exact, mirror
from bridge.mapping.orders_v0 import ITEM_MAP, ORDER_MAP
from bridge.mapping.rows import JsonObject, MappingError, Row
from mws_compat.documents import DOCUMENTS, ENVELOPE, ERROR, MESSAGE, DocumentKind
from mws_compat.schema import UNMAPPED, Record, Struct

__all__ = [
    "ENVELOPE_KEY",
    "MEMBER_MAPS",
    "NAMESPACE",
    "JsonDocument",
    "member_of",
    "read_document",
    "write_document",
]

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

_RESULTS = {action: mirror(result_without_members(kind)) for action, kind in OPERATIONS.items() if action != "Error"}
_ENVELOPE_HEAD = mirror(
    Struct("AmazonEnvelope", tuple(field for field in ENVELOPE.fields if field.name != "Message"))
)
#: What a payload is taken for when nothing says which operation it answered.
_DEFAULTS = {"Orders": "ListOrders", "OrderItems": "ListOrderItems", "Status": "GetServiceStatus"}


def write_document(kind: DocumentKind, namespace: str, record: Record, leaf: Leaf) -> JsonObject:
    """The JSON of a document, from the record of its root. Members that the record holds are left out: they are
    written one by one. Raises ValueError when an answer has no result."""
    out: JsonObject = {}
    rest = dict(record)
    if kind.action == "Error":
        errors = cast("list[Record]", rest.pop("Error", []))
        out["errors"] = [_ERROR_MAP.write(error, leaf) for error in errors]
    elif kind.action in _RESULTS:
        out["payload"] = _RESULTS[kind.action].write(pop_result(kind, rest), leaf)
        return write_frame(kind, namespace, rest, out, kind.action)
    elif kind.root is ENVELOPE:
        fields = {field.name for field in ENVELOPE.fields}
        out[ENVELOPE_KEY] = _ENVELOPE_HEAD.write(
            {name: rest.pop(name) for name in fields.intersection(rest) - {"Message"}}, leaf
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
    return write_frame(kind, namespace, rest, out)


# --- JSON to document -----------------------------------------------------------------------------------------------


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
    frame = Frame.of(source)
    rest, operation = frame.rest, frame.operation
    head: Record = {}
    members: list[object] = []
    place = ""
    if ENVELOPE_KEY in rest:
        kind = DOCUMENTS[ENVELOPE_KEY]
        envelope = as_object(rest.pop(ENVELOPE_KEY), ENVELOPE_KEY)
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
        payload = as_object(rest.pop("payload"), "payload") if wrapped else rest
        action = operation or next((_DEFAULTS[name] for name in _DEFAULTS if name in payload), "")
        if not wrapped:
            if not action:
                return None
            rest = {}
        if not action:
            if "AmazonOrderId" not in payload:
                raise MappingError("neither Orders nor OrderItems nor an order", "payload")
            action, members, place, payload = "GetOrder", [payload], "payload", {}  # as getOrder answers
        kind = OPERATIONS[action]
        payload = dict(payload)
        if kind.path and kind.path[-1] in payload:
            place = f"payload.{kind.path[-1]}" if wrapped else kind.path[-1]
            members = _members(payload.pop(kind.path[-1]), kind.member, place)
        result, left = _take(_RESULTS[action], payload, "payload" if wrapped else "")
        if left:
            result[UNMAPPED] = dump(left)
        head[f"{action}Result"] = result
    return frame._replace(rest=rest).document(kind, head, members, place)


def _take(table: ExactMap, source: JsonObject, place: str) -> tuple[Record, JsonObject]:
    try:
        return table.take(source)
    except MappingError as error:
        raise (error.inside(place) if place else error) from None


def _read_error(source: object, place: str) -> Record:
    try:
        return _ERROR_MAP.read(as_object(source, ""))
    except MappingError as error:
        raise error.inside(place) from None


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
