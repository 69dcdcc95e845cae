"""Whole documents between MWS XML and SP-API Orders v2026-01-01 JSON.

| MWS document | JSON |
|---|---|
| ListOrders, ListOrdersByNextToken | ``{"orders": […], "pagination": {"nextToken": …}, "createdBefore": …}`` |
| GetOrder | the same; ``{"order": {…}}`` for a single order |
| ListOrderItems, ListOrderItemsByNextToken | ``{"order": {"orderId": …, "orderItems": […]}}`` |
| a single Order, cut out of its document | ``{"order": {…}}`` |
| a single OrderItem | the object alone |
| anything else | as with v0 |

v2026 has the items inside their order, MWS in an answer of their own. On the way to XML an order with ``orderItems``
is two: the order, whose record holds what was to be reckoned from its items, and a ListOrderItems answer that says
nothing but the order's id. Such an answer, and no other, is put back into its order when that is at hand.

Beside these stand ``#mws``, with ``Operation`` where it is not told by the shape, ``#unknown``, and, as in
``bridge.mapping.whole``, ``#v0``; the root's ``#json`` has ``#v2026``.
"""

from collections.abc import Iterator
from typing import NamedTuple

from bridge.mapping.cells import InexactError, Leaf, Typing, dump
from bridge.mapping.documents import (
    OPERATIONS,
    Frame,
    JsonDocument,
    as_object,
    pop_result,
    result_without_members,
    write_frame,
)
from bridge.mapping.exact import OWN, ExactMap
from bridge.mapping.orders_v2026 import ITEM_MAP, ORDER_MAP
from bridge.mapping.patches import apply_patch, patch_of
from bridge.mapping.rows import JsonObject, MappingError, Omitted, Row
from bridge.mapping.versions import OLD, PATCH
from bridge.mapping.whole import Taken, WholeMap, load_unmapped, unknown_members
from mws_compat.documents import DocumentKind
from mws_compat.schema import UNKNOWN, UNMAPPED, Record

__all__ = [
    "ITEMS",
    "ITEMS_KEY",
    "ORDERS",
    "ORDER_ID",
    "OrderParts",
    "is_item_list",
    "items_head",
    "read_document",
    "read_item",
    "read_order",
    "read_records",
    "refuse_floats",
    "strangers_around",
    "tells_only_order",
    "write_head",
    "write_item",
    "write_order",
]

ORDERS = WholeMap(ORDER_MAP)
ITEMS = WholeMap(ITEM_MAP)

ITEMS_KEY = "orderItems"
ORDER_ID = "orderId"
_ANSWER = OPERATIONS["ListOrderItems"]

_PLACES = {
    "NextToken": "pagination.nextToken",
    "CreatedBefore": "createdBefore",
    "LastUpdatedBefore": "lastUpdatedBefore",
    "AmazonOrderId": f"order.{ORDER_ID}",
}


def _result_map(kind: DocumentKind) -> ExactMap:
    struct = result_without_members(kind)
    of_items = kind.member == "OrderItem"
    rows = tuple(
        Omitted(field.name, "v2026 gives all items at once")
        if of_items and field.name == "NextToken"
        else Row(field.name, _PLACES[field.name])
        for field in struct.fields
    )
    return ExactMap(struct, rows)


#: What no order or item has and every answer has one of.
_AROUND = frozenset(("orders", "order", "pagination", "createdBefore", "lastUpdatedBefore"))
#: What a list of items may tell that goes into its order.
_ONLY_ORDER = frozenset(("AmazonOrderId", "OrderItems"))
#: The operations whose answers v2026 has another JSON for.
_RESULTS = {action: _result_map(kind) for action, kind in OPERATIONS.items() if kind.member}


# --- record to JSON -------------------------------------------------------------------------------------------------


def write_head(
    kind: DocumentKind, namespace: str, record: Record, leaf: Leaf, *, listed: bool, single: bool = False
) -> JsonObject:
    """The JSON of an answer that lists orders or items, without those, from the record of its root. ``listed``:
    whether there is a list, if only an empty one; ``single``: whether an order stands there instead. Raises
    ValueError when the answer has no result."""
    rest = dict(record)
    result = dict(pop_result(kind, rest))
    old = load_unmapped(rest)
    rest.pop(UNMAPPED, None)
    patch = as_object(old.pop(PATCH, {}), f"{UNMAPPED}.{PATCH}")
    if UNMAPPED in result:  # only v0 has a level that this can be of
        old["payload"] = load_unmapped(result)
        del result[UNMAPPED]
    out = _RESULTS[kind.action].write(result, leaf)
    apply_patch(out, patch)
    order = out.get("order")
    order = order if isinstance(order, dict) else {}
    shape = "GetOrder" if single else "ListOrders"
    taken = {"order", "orders"}.intersection(out) if kind.member == "Order" else {ITEMS_KEY}.intersection(order)
    if taken:
        raise MappingError("what no element carries has no place beside the elements", taken.pop())
    if kind.member == "OrderItem":
        shape = "ListOrderItems" if is_item_list({**order, ITEMS_KEY: []}) else ""
    write_frame(kind, namespace, rest, out, "" if listed and kind.action == shape else kind.action)
    if old:
        out[OLD] = old
    return out


def write_order(record: Record, leaf: Leaf, items: list[Record] | None = None) -> JsonObject:
    """The JSON object of an order; with ``items`` it holds them, and need not say itself what they tell."""
    if items is None:
        return ORDERS.write(record, leaf)
    around = ORDERS.readable(ORDERS.write(record, Typing()))
    members: list[object] = [ITEMS.write(item, leaf, whole=around) for item in items]
    return {**ORDERS.write(record, leaf, beside={ITEMS_KEY: members}), ITEMS_KEY: members}


def write_item(record: Record, leaf: Leaf) -> JsonObject:
    """The object of an item whose order is not at hand."""
    return ITEMS.write(record, leaf, whole={})


def items_head(order_id: str) -> Record:
    """The record of the root of a list of items that tells nothing but their order."""
    return {_ANSWER.path[0]: {"AmazonOrderId": order_id} if order_id else {}}


def tells_only_order(kind: DocumentKind, record: Record) -> bool:
    """Whether a list of items tells nothing but the order that they are of."""
    result = record.get(_ANSWER.path[0])
    return kind is _ANSWER and len(record) == 1 and isinstance(result, dict) and _ONLY_ORDER.issuperset(result)


# --- JSON to document -----------------------------------------------------------------------------------------------


class OrderParts(NamedTuple):
    """An order taken apart: what its record holds; its items' objects, None where it has none; what the items are
    read with."""

    taken: Taken
    items: list[JsonObject] | None
    around: JsonObject


def is_item_list(order: JsonObject) -> bool:
    """Whether an object of an order is nothing but a list of its items."""
    return ITEMS_KEY in order and {ORDER_ID, ITEMS_KEY}.issuperset(order) and isinstance(order.get(ORDER_ID, ""), str)


def read_document(source: JsonObject) -> JsonDocument | None:
    """The answer that a JSON object is; None for an order or item alone. Its members are the objects of its orders,
    which ``read_order`` takes apart, or of its items. Raises MappingError, with the place, and InexactError."""
    frame = Frame.of(source)
    rest = frame.rest
    old = as_object(rest.pop(OLD, None) or {}, OLD)
    order = rest.get("order")
    if order is None:
        rest.pop("order", None)
    elif not isinstance(order, dict):
        raise MappingError("object expected", "order")
    listed = "orders" in rest
    if listed and order is not None:
        raise MappingError("may not stand beside orders", "order")
    action = frame.operation
    if not action:
        if not _AROUND.intersection(rest):
            return None
        action = _shape_of(order)
    if action not in _RESULTS:
        raise MappingError("not an operation that lists orders or items", f"{OWN}.Operation")
    kind = OPERATIONS[action]
    place, members = "", list[object]()
    if kind.member == "OrderItem":
        place = f"order.{ITEMS_KEY}"
        if order is not None:
            order = dict(order)
            members = _array(order.pop(ITEMS_KEY, None), place)
            rest = {name: value for name, value in rest.items() if name != "order"} | (
                {"order": order} if order else {}
            )
    elif listed:
        place = "orders"
        members = _array(rest.pop("orders"), place)
    elif order is not None:
        place, members = "order", [rest.pop("order")]
    table = _RESULTS[action]
    own = {"NextToken"}.intersection(frame.own) if kind.member == "OrderItem" else ()
    result, _ = table.take({**rest, OWN: {name: frame.own.pop(name) for name in own}})
    written = table.write(result, Typing())
    written.pop(OWN, None)
    patch = patch_of(written, rest)
    if "payload" in old:
        result[UNMAPPED] = dump(as_object(old.pop("payload"), f"{OLD}.payload"))
    kept = {**old, PATCH: patch} if patch else old
    return frame._replace(rest=kept).document(kind, {f"{action}Result": result}, members, place)


def strangers_around(source: JsonObject, kind: DocumentKind) -> Iterator[str]:
    """Paths of members around orders and items that nobody knows."""
    known: dict[str, object] = dict.fromkeys(("orders", "createdBefore", "lastUpdatedBefore", OWN, OLD))
    known |= {"order": None, "pagination": {"nextToken": None}, UNKNOWN: {}}
    if kind.member == "OrderItem":
        known["order"] = {ORDER_ID: None, ITEMS_KEY: None}
    return unknown_members(source, known)


def _shape_of(order: JsonObject | None) -> str:
    """The operation whose answer has this shape."""
    if order is None:
        return "ListOrders"
    return "ListOrderItems" if is_item_list(order) else "GetOrder"


def read_order(source: JsonObject) -> OrderParts:
    """An order, taken apart. Raises MappingError, and InexactError."""
    order = dict(source)
    items = order.pop(ITEMS_KEY, None)
    if items is None:
        return OrderParts(ORDERS.take(order), None, order)
    members = _array(items, ITEMS_KEY)
    objects = [as_object(member, f"{ITEMS_KEY}[{number}]") for number, member in enumerate(members)]
    taken = ORDERS.take(order, beside={ITEMS_KEY: members})
    return OrderParts(taken, objects, ORDERS.readable(order))


def read_item(source: JsonObject, around: JsonObject | None = None) -> Taken:
    """An item of the order ``around`` it. Raises MappingError, and InexactError."""
    return ITEMS.take(source, whole=around or {})


def refuse_floats(value: object, name: str = "") -> None:
    """Raise InexactError, with the member's name, for a float in a JSON value."""
    if isinstance(value, float):
        raise InexactError(name)
    if isinstance(value, dict):
        for key, inner in value.items():
            refuse_floats(inner, key)
    elif isinstance(value, list):
        for inner in value:
            refuse_floats(inner, name)


def read_records(source: JsonObject) -> Iterator[Record]:
    """The records of an order and of its items, or of an item, that stand outside any answer; those of items with
    their order's ``AmazonOrderId``. Raises MappingError, and InexactError."""
    if ORDER_ID not in source and ITEMS_KEY not in source:
        yield read_item(source).whole()
        return
    parts = read_order(source)
    record = parts.taken.whole()
    order_id = record.get("AmazonOrderId")
    head: Record = {} if order_id is None else {"AmazonOrderId": order_id}
    if not is_item_list(source):
        yield record
    for number, item in enumerate(parts.items or []):
        try:
            yield {**head, **read_item(item, parts.around).whole()}
        except MappingError as error:
            raise error.inside(f"{ITEMS_KEY}[{number}]") from None


def _array(value: object, place: str) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise MappingError("array expected", place)
    return value
