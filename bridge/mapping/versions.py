"""Which version of SP-API's Orders a JSON object is of. Apart from the tables, which only who needs them imports."""

from collections.abc import Mapping

__all__ = ["FORM_2026", "OLD", "PATCH", "is_v2026"]

#: The name of the form, as it is typed.
FORM_2026 = "sp-api-2026"

#: What v2026 JSON holds of v0's members that no element carries; and v0 JSON, like a record's ``#json``, of v2026's.
OLD = "#v0"
PATCH = "#v2026"

#: Members by which an answer, an order or an item is known: of v2026-01-01, and of v0.
_NEWER = frozenset(
    (
        *("orders", "order", "pagination", "createdBefore", "lastUpdatedBefore"),
        *("orderId", "orderItems", "orderItemId", "quantityOrdered", "product"),
    )
)
_OLDER = frozenset(("payload", "Orders", "OrderItems", "AmazonOrderId", "OrderItemId", "ASIN"))


def is_v2026(source: Mapping[str, object]) -> bool:
    """Whether an object is an answer, an order or an item of Orders v2026-01-01."""
    return not _NEWER.isdisjoint(source) and _OLDER.isdisjoint(source)
