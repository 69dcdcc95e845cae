"""What a listing call brings back, whichever SP-API version answered."""

from typing import NamedTuple

from mws_compat.schema import Record

__all__ = ["ItemPage", "OrderPage"]


class OrderPage(NamedTuple):
    """A page of orders. ``next_token`` is the upstream's, '' on the last page; the *Before* dates are MWS text, ''
    where the upstream named none."""

    orders: list[Record]
    next_token: str
    created_before: str
    last_updated_before: str

    def __repr__(self) -> str:
        return f"<OrderPage of {len(self.orders)} orders>"  # they are personal


class ItemPage(NamedTuple):
    """A page of one order's items."""

    order_id: str
    items: list[Record]
    next_token: str

    def __repr__(self) -> str:
        return f"<ItemPage of {len(self.items)} items>"
