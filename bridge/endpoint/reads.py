"""What an operation needs of SP-API, whichever version of its Orders API answers."""

from datetime import datetime
from typing import NamedTuple, Protocol

from bridge.endpoint.access import Caller
from bridge.upstream.journal import UpstreamJournal
from mws_compat.orders import Operation
from mws_compat.schema import Record
from mws_compat.validation import Arguments

__all__ = ["Following", "ItemListing", "Listing", "OrderReads", "Request"]

#: What the next page needs, as JSON: it travels in the sealed NextToken.
Following = dict[str, object]


class Request(NamedTuple):
    """A validated call. ``now`` is the moment of its arrival; ``journal`` takes down what it costs upstream."""

    caller: Caller
    operation: Operation
    arguments: Arguments
    now: datetime
    journal: UpstreamJournal

    def __repr__(self) -> str:
        return f"<Request for {self.operation.name}>"  # arguments may be personal: BuyerEmail


class Listing(NamedTuple):
    """A page of orders. ``following`` is None on the last one; ``before`` is the upper bound that the listing was
    made with, as MWS text."""

    orders: list[Record]
    following: Following | None
    before: str

    def __repr__(self) -> str:
        return f"<Listing of {len(self.orders)} orders>"  # they are personal


class ItemListing(NamedTuple):
    """A page of an order's items; ``following`` is None on the last one."""

    order_id: str
    items: list[Record]
    following: Following | None

    def __repr__(self) -> str:
        return f"<ItemListing of {len(self.items)} items>"


class OrderReads(Protocol):
    """The reads over one version of the Orders API. Every method raises MwsError for what can go wrong, and
    MappingError for an answer that is not of the promised shape."""

    async def list_orders(self, request: Request, arguments: Arguments, bound: str, before: str) -> Listing:
        """The first page. ``arguments`` name the upper bound ``bound`` only where it is not the latest possible;
        ``before`` is the bound's value either way."""

    async def continue_orders(self, request: Request, following: Following) -> Listing:
        """The page that follows."""

    async def orders(self, request: Request, ids: tuple[str, ...]) -> list[Record]:
        """The orders that there are of ``ids``, in any order."""

    async def items(self, request: Request, order_id: str) -> ItemListing | None:
        """The first page of an order's items; None when there is no such order."""

    def forget(self, now: datetime) -> None:
        """Drop from memory what is too old."""

    async def continue_items(self, request: Request, following: Following) -> ItemListing | None:
        """The page that follows."""
