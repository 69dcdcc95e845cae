"""Which version of SP-API's Orders a JSON object is of. Apart from the tables, which only who needs them imports."""

from collections.abc import Mapping

__all__ = ["FORM_2026", "is_v2026"]

#: The name of the form, as it is typed.
FORM_2026 = "sp-api-2026"

#: Members by which an answer, an order or an item is known: of v2026-01-01, and of v0.
_NEWER = frozenset(
    ("orders", "order", "orderId", "orderItems", "orderItemId", "pagination", "createdBefore", "lastUpdatedBefore")
)
_OLDER = frozenset(("payload", "Orders", "OrderItems", "AmazonOrderId", "OrderItemId", "ASIN"))


def is_v2026(source: Mapping[str, object]) -> bool:
    """Whether an object is an answer, an order or an item of Orders v2026-01-01."""
    return not _NEWER.isdisjoint(source) and _OLDER.isdisjoint(source)
