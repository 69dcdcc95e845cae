"""The reads over Orders v0. Deletable as one file once v0 is gone (2027-03-27)."""

import asyncio
from datetime import UTC, datetime

from bridge.endpoint.reads import Following, ItemListing, Listing, Request
from bridge.mapping import orders_v0 as v0
from bridge.mapping.pages import OrderPage
from bridge.upstream.client import SpApi
from bridge.upstream.errors import unavailable, unreadable
from bridge.upstream.plans import OPERATIONS, UpstreamOperation
from mws_compat.schema import Record
from mws_compat.validation import Arguments

__all__ = ["ReadsV0"]

_GET_ORDERS = OPERATIONS["getOrders"]
_GET_ORDER = OPERATIONS["getOrder"]
_GET_ITEMS = OPERATIONS["getOrderItems"]

#: Before the first order that SP-API could show.
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


class ReadsV0:
    """OrderReads over ``api``."""

    def __init__(self, api: SpApi) -> None:
        self._api = api

    def forget(self, now: datetime) -> None:
        """Nothing is kept."""

    async def list_orders(self, request: Request, arguments: Arguments, bound: str, before: str) -> Listing:
        if "TFMShipmentStatus" in arguments:
            # Only orders of the closed China programme had one; no order that SP-API can show matches.
            return Listing([], None, before)
        query = v0.list_query(arguments)
        page = await self._order_page(request, query)
        told = page.created_before if bound == "CreatedBefore" else page.last_updated_before
        before = told or before
        following = query if bound in arguments else [*query, (bound, before)]
        return _listing(page, following, before)

    async def continue_orders(self, request: Request, following: Following) -> Listing:
        query = [(str(name), str(value)) for name, value in _pairs(following["query"])]
        page = await self._order_page(request, [*query, ("NextToken", str(following["token"]))])
        return _listing(page, query, str(following["before"]))

    async def orders(self, request: Request, ids: tuple[str, ...]) -> list[Record]:
        if len(ids) > 1 and await self._prefers_one_listing(request, len(ids)):
            query = v0.ids_query(ids, request.caller.seller.marketplace_ids, _BEGINNING)
            return (await self._order_page(request, query)).orders
        try:
            # All of them within the one deadline of a request.
            async with asyncio.timeout(self._api.deadline):
                answers = [await self._ask(request, _GET_ORDER, v0.order_path(id_), []) for id_ in ids]
        except TimeoutError:
            raise unavailable(f"{len(ids)} orders could not be read within {self._api.deadline:g} s") from None
        return [v0.read_order(answer) for answer in answers if answer is not None]

    async def _prefers_one_listing(self, request: Request, count: int) -> bool:
        """Whether to read several orders by one getOrders call. It costs one token whatever their number, so it is
        the cheaper way; but its bucket refills thirty times more slowly, so when that one is empty and the other
        holds enough, the orders are read one by one rather than not at all."""
        throttle, seller = self._api.throttle, request.caller.seller
        return (
            await throttle.available(seller, _GET_ORDERS) >= 1 or await throttle.available(seller, _GET_ORDER) < count
        )

    async def items(self, request: Request, order_id: str) -> ItemListing | None:
        return await self._items(request, order_id, [])

    async def continue_items(self, request: Request, following: Following) -> ItemListing | None:
        return await self._items(request, str(following["order"]), [("NextToken", str(following["token"]))])

    async def _items(self, request: Request, order_id: str, query: v0.Query) -> ItemListing | None:
        answer = await self._ask(request, _GET_ITEMS, v0.items_path(order_id), query)
        if answer is None:
            return None
        page = v0.read_item_page(answer)
        following: Following | None = {"order": order_id, "token": page.next_token} if page.next_token else None
        return ItemListing(page.order_id or order_id, page.items, following)

    async def _order_page(self, request: Request, query: v0.Query) -> OrderPage:
        answer = await self._ask(request, _GET_ORDERS, v0.LIST_PATH, query)
        if answer is None:
            raise unreadable("SP-API answered getOrders with 404: is the endpoint address right?")
        return v0.read_order_page(answer)

    async def _ask(self, request: Request, operation: UpstreamOperation, path: str, query: v0.Query) -> object | None:
        """The answer of one upstream call; None for 404."""
        return await self._api.get(
            request.caller.seller,
            operation,
            path,
            query,
            mws_operation=request.operation.name,
            journal=request.journal,
        )


def _listing(page: OrderPage, query: v0.Query, before: str) -> Listing:
    following: Following | None = {"query": query, "token": page.next_token} if page.next_token else None
    return Listing(page.orders, following, before)


def _pairs(query: object) -> list[tuple[object, object]]:
    assert isinstance(query, list)  # noqa: S101 - we sealed it ourselves
    return [(name, value) for name, value in query]
