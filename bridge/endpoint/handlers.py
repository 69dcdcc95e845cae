"""One handler for each operation: typed arguments in, a record of the operation's result out.

Only here do the mapping tables and the upstream client meet.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bridge.endpoint.access import Caller
from bridge.endpoint.nexttoken import TokenSealer
from bridge.mapping import orders_v0 as v0
from bridge.mapping.pages import OrderPage
from bridge.mapping.rows import MappingError
from bridge.upstream.client import SpApi, UpstreamJournal
from bridge.upstream.errors import unavailable, unreadable
from bridge.upstream.plans import OPERATIONS, UpstreamOperation
from bridge.upstream.regions import region_of
from mws_compat.errors import INVALID_PARAMETER_VALUE, MwsError
from mws_compat.orders import Operation
from mws_compat.schema import Node, Record, format_instant
from mws_compat.validation import SETTLING, Arguments

__all__ = ["Handlers", "Request"]

_GET_ORDERS = OPERATIONS["getOrders"]
_GET_ORDER = OPERATIONS["getOrder"]
_GET_ITEMS = OPERATIONS["getOrderItems"]

#: 3-7-7, of digits; multi-channel orders have S01 and the like in front.
_ORDER_ID = re.compile(r"[0-9A-Z]{3}-[0-9]{7}-[0-9]{7}").fullmatch
_MARKETPLACE_ID = re.compile(r"[0-9A-Za-z]{1,32}").fullmatch
#: How far SP-API's clock may be behind ours without a refusal.
_CLOCKS_APART = timedelta(seconds=5)
#: Before the first order that SP-API could show.
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Request:
    """A validated call. ``now`` is the moment of its arrival; ``journal`` takes down what it costs upstream."""

    caller: Caller
    operation: Operation
    arguments: Arguments = field(repr=False)  # may be personal: BuyerEmail
    now: datetime
    journal: UpstreamJournal


class Handlers:
    """The operations over Orders v0. Every handler raises MwsError, and nothing else, for what can go wrong."""

    def __init__(self, api: SpApi, sealer: TokenSealer) -> None:
        self._api = api
        self._sealer = sealer
        self._by_name: dict[str, Callable[[Request], Awaitable[Record]]] = {
            "ListOrders": self._list_orders,
            "ListOrdersByNextToken": self._list_orders_by_next_token,
            "GetOrder": self._get_order,
            "ListOrderItems": self._list_order_items,
            "ListOrderItemsByNextToken": self._list_order_items_by_next_token,
            "GetServiceStatus": self._get_service_status,
        }

    async def handle(self, request: Request) -> Record:
        """The result record of a call."""
        try:
            return await self._by_name[request.operation.name](request)
        except MappingError as error:
            raise unreadable(f"SP-API sent an unexpected shape at {error}") from None

    # --- orders -------------------------------------------------------------------------------------------------

    async def _list_orders(self, request: Request) -> Record:
        _check_marketplaces(request)
        arguments, bound, before = _upper_bound(request)
        if "TFMShipmentStatus" in arguments:
            # Only orders of the closed China programme had one; no order that SP-API can show matches.
            return {bound: before, "Orders": []}
        query = v0.list_query(arguments)
        page = await self._order_page(request, query)
        told = page.created_before if bound == "CreatedBefore" else page.last_updated_before
        before = told or before
        following = query if bound in arguments else [*query, (bound, before)]
        return self._order_result(request, page, following, bound, before)

    async def _list_orders_by_next_token(self, request: Request) -> Record:
        payload = self._open(request)
        query = [(str(name), str(value)) for name, value in _pairs(payload["query"])]
        page = await self._order_page(request, [*query, ("NextToken", str(payload["token"]))])
        return self._order_result(request, page, query, str(payload["bound"]), str(payload["before"]))

    async def _order_page(self, request: Request, query: v0.Query) -> OrderPage:
        answer = await self._ask(request, _GET_ORDERS, v0.LIST_PATH, query)
        if answer is None:
            raise unreadable("SP-API answered getOrders with 404: is the endpoint address right?")
        return v0.read_order_page(answer)

    def _order_result(self, request: Request, page: OrderPage, query: v0.Query, bound: str, before: str) -> Record:
        result: Record = {}
        if page.next_token:
            payload: dict[str, object] = {"query": query, "token": page.next_token, "bound": bound, "before": before}
            result["NextToken"] = self._seal(request, payload)
        result[bound] = before
        result["Orders"] = _nodes(page.orders)
        return result

    async def _get_order(self, request: Request) -> Record:
        ids = request.arguments["AmazonOrderId"]
        assert isinstance(ids, tuple)  # noqa: S101 - validation has typed it
        # Ids that cannot exist are left out silently, like ids that do not: MWS answered both with 200.
        ids = tuple(id_ for id_ in ids if _ORDER_ID(id_))
        if len(ids) > 1 and self._prefers_one_listing(request, len(ids)):
            query = v0.ids_query(ids, request.caller.seller.marketplace_ids, _BEGINNING)
            found = (await self._order_page(request, query)).orders
        else:
            found = await self._one_by_one(request, ids)
        by_id = {order.get("AmazonOrderId"): order for order in found}
        return {"Orders": _nodes([by_id[id_] for id_ in ids if id_ in by_id])}

    async def _one_by_one(self, request: Request, ids: tuple[str, ...]) -> list[Record]:
        """The orders that there are of ``ids``, all of them within the one deadline of a request."""
        try:
            async with asyncio.timeout(self._api.deadline):
                answers = [await self._ask(request, _GET_ORDER, v0.order_path(id_), []) for id_ in ids]
        except TimeoutError:
            raise unavailable(f"{len(ids)} orders could not be read within {self._api.deadline:g} s") from None
        return [v0.read_order(answer) for answer in answers if answer is not None]

    def _prefers_one_listing(self, request: Request, count: int) -> bool:
        """Whether to read several orders by one getOrders call. It costs one token whatever their number, so it is
        the cheaper way; but its bucket refills thirty times more slowly, so when that one is empty and the other
        holds enough, the orders are read one by one rather than not at all."""
        throttle, seller = self._api.throttle, request.caller.seller
        return throttle.available(seller, _GET_ORDERS) >= 1 or throttle.available(seller, _GET_ORDER) < count

    # --- items --------------------------------------------------------------------------------------------------

    async def _list_order_items(self, request: Request) -> Record:
        order_id = str(request.arguments["AmazonOrderId"])
        return await self._items(request, order_id, [])

    async def _list_order_items_by_next_token(self, request: Request) -> Record:
        payload = self._open(request)
        return await self._items(request, str(payload["order"]), [("NextToken", str(payload["token"]))])

    async def _items(self, request: Request, order_id: str, query: v0.Query) -> Record:
        if not _ORDER_ID(order_id):
            raise _no_such_order(order_id)
        answer = await self._ask(request, _GET_ITEMS, v0.items_path(order_id), query)
        if answer is None:
            raise _no_such_order(order_id)
        page = v0.read_item_page(answer)
        result: Record = {}
        if page.next_token:
            result["NextToken"] = self._seal(request, {"order": order_id, "token": page.next_token})
        result["AmazonOrderId"] = page.order_id or order_id
        result["OrderItems"] = _nodes(page.items)
        return result

    # --- service ------------------------------------------------------------------------------------------------

    async def _get_service_status(self, request: Request) -> Record:
        # ScaleLeap's client knows GREEN, YELLOW and RED only; SP-API has no such operation to ask.
        return {"Status": "GREEN", "Timestamp": format_instant(request.now, milliseconds=True)}

    # --- shared -------------------------------------------------------------------------------------------------

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

    def _bound_to(self, request: Request) -> tuple[str, ...]:
        family = request.operation.continues or request.operation.name
        return (request.caller.seller.seller_id, request.caller.access_key_id, family)

    def _seal(self, request: Request, payload: dict[str, object]) -> str:
        return self._sealer.seal(payload, bound_to=self._bound_to(request))

    def _open(self, request: Request) -> dict[str, object]:
        return self._sealer.open(str(request.arguments["NextToken"]), bound_to=self._bound_to(request))


def _pairs(query: object) -> list[tuple[object, object]]:
    assert isinstance(query, list)  # noqa: S101 - we sealed it ourselves
    return [(name, value) for name, value in query]


def _upper_bound(request: Request) -> tuple[Arguments, str, str]:
    """The arguments with the *Before* that SP-API will take, that parameter's name, and its value as MWS text.

    SP-API refuses a bound that its own clock finds younger than two minutes. Its default is the youngest that it
    takes, so the latest possible bound is left to it; one that comes close to that is trimmed by _CLOCKS_APART. The
    answer tells the caller the bound that was used, as MWS did.
    """
    arguments = dict(request.arguments)
    after, bound = ("CreatedAfter", "CreatedBefore")
    if after not in arguments:
        after, bound = ("LastUpdatedAfter", "LastUpdatedBefore")
    latest = request.now - SETTLING
    start, end = arguments[after], arguments.pop(bound, latest)
    assert isinstance(start, datetime)  # noqa: S101 - validation has typed them
    assert isinstance(end, datetime)  # noqa: S101
    if end < latest:
        end = arguments[bound] = min(end, max(latest - _CLOCKS_APART, start))
    return arguments, bound, format_instant(end, milliseconds=True)


def _nodes(records: list[Record]) -> list[Node]:
    return list(records)


def _no_such_order(order_id: str) -> MwsError:
    shown = order_id if len(order_id) <= 64 and order_id.isprintable() else "(unprintable)"
    return MwsError(INVALID_PARAMETER_VALUE, f"Invalid AmazonOrderId: {shown}")


def _check_marketplaces(request: Request) -> None:
    """One call goes to one region: that of the seller's authorisation."""
    ids = request.arguments["MarketplaceId"]
    assert isinstance(ids, tuple)  # noqa: S101 - validation has typed it
    seller = request.caller.seller
    if not all(map(_MARKETPLACE_ID, ids)):  # a comma in one would be two ids upstream
        raise MwsError(INVALID_PARAMETER_VALUE, "Value of parameter MarketplaceId.Id.N is not a marketplace id.")
    regions = {region_of(id_) for id_ in ids} - {None}
    if len(regions) > 1:
        text = "MarketplaceId.Id.N values belong to more than one region; ask for one region in a call."
        raise MwsError(INVALID_PARAMETER_VALUE, text)
    for id_ in ids:
        # An id that our table does not know may be a new marketplace: Amazon decides.
        if region_of(id_) not in {None, seller.region} and id_ not in seller.marketplace_ids:
            text = f"Seller {seller.seller_id} does not have access to the given marketplace {id_}"
            raise MwsError(INVALID_PARAMETER_VALUE, text)
