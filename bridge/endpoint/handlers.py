"""One handler for each operation: typed arguments in, a record of the operation's result out.

What SP-API is asked, and how its answers are read, is in ``reads_v0`` and ``reads_v2026``: only there do the mapping
tables and the upstream client meet.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from bridge.endpoint.nexttoken import TokenSealer
from bridge.endpoint.reads import Following, ItemListing, Listing, OrderReads, Request
from bridge.endpoint.versions import Versions
from bridge.mapping.rows import MappingError
from bridge.upstream.errors import RefusalError, unreadable
from bridge.upstream.plans import V0
from bridge.upstream.regions import region_of
from mws_compat.errors import INVALID_PARAMETER_VALUE, NEXT_TOKEN_CORRUPTED, MwsError
from mws_compat.query import refusal
from mws_compat.schema import Node, Record, format_instant
from mws_compat.validation import SETTLING, Arguments

__all__ = ["Handlers"]

_T = TypeVar("_T")

#: 3-7-7, of digits; multi-channel orders have S01 and the like in front.
_ORDER_ID = re.compile(r"[0-9A-Z]{3}-[0-9]{7}-[0-9]{7}").fullmatch
_MARKETPLACE_ID = re.compile(r"[0-9A-Za-z]{1,32}").fullmatch
#: How far SP-API's clock may be behind ours without a refusal.
_CLOCKS_APART = timedelta(seconds=5)


class Handlers:
    """The operations. ``reads`` has the reads of each version of the Orders API, ``versions`` says which one serves a
    seller. Every handler raises MwsError, and nothing else, for what can go wrong."""

    def __init__(self, reads: Mapping[str, OrderReads], versions: Versions, sealer: TokenSealer) -> None:
        self._reads = reads
        self._versions = versions
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

    def forget(self, now: datetime) -> None:
        """Drop from memory what is too old."""
        for reads in self._reads.values():
            reads.forget(now)

    # --- orders -------------------------------------------------------------------------------------------------

    async def _list_orders(self, request: Request) -> Record:
        _check_marketplaces(request)
        arguments, bound, before = _upper_bound(request)
        version, page = await self._serve(request, lambda reads: reads.list_orders(request, arguments, bound, before))
        return self._order_result(request, version, page, bound)

    async def _list_orders_by_next_token(self, request: Request) -> Record:
        version, payload = self._open(request)
        page = await self._reads[version].continue_orders(request, payload)
        return self._order_result(request, version, page, str(payload["bound"]))

    def _order_result(self, request: Request, version: str, page: Listing, bound: str) -> Record:
        result: Record = {}
        if page.following is not None:
            result["NextToken"] = self._seal(
                request, version, {**page.following, "bound": bound, "before": page.before}
            )
        result[bound] = page.before
        result["Orders"] = _nodes(page.orders)
        return result

    async def _get_order(self, request: Request) -> Record:
        asked = request.arguments["AmazonOrderId"]
        assert isinstance(asked, tuple)  # noqa: S101 - validation has typed it
        # Ids that cannot exist are left out silently, like ids that do not: MWS answered both with 200.
        ids = tuple(id_ for id_ in asked if _ORDER_ID(id_))
        _, found = await self._serve(request, lambda reads: reads.orders(request, ids))
        by_id = {order.get("AmazonOrderId"): order for order in found}
        return {"Orders": _nodes([by_id[id_] for id_ in ids if id_ in by_id])}

    # --- items --------------------------------------------------------------------------------------------------

    async def _list_order_items(self, request: Request) -> Record:
        order_id = str(request.arguments["AmazonOrderId"])
        if not _ORDER_ID(order_id):
            raise _no_such_order(order_id, "AmazonOrderId is not of the form 3-7-7")
        version, page = await self._serve(request, lambda reads: reads.items(request, order_id))
        return self._item_result(request, version, page, order_id)

    async def _list_order_items_by_next_token(self, request: Request) -> Record:
        version, payload = self._open(request)
        page = await self._reads[version].continue_items(request, payload)
        return self._item_result(request, version, page, str(payload["order"]))

    def _item_result(self, request: Request, version: str, page: ItemListing | None, order_id: str) -> Record:
        if page is None:
            raise _no_such_order(order_id, "the seller has no order with this AmazonOrderId")
        result: Record = {}
        if page.following is not None:
            result["NextToken"] = self._seal(request, version, page.following)
        result["AmazonOrderId"] = page.order_id
        result["OrderItems"] = _nodes(page.items)
        return result

    # --- service ------------------------------------------------------------------------------------------------

    async def _get_service_status(self, request: Request) -> Record:
        # ScaleLeap's client knows GREEN, YELLOW and RED only; SP-API has no such operation to ask.
        return {"Status": "GREEN", "Timestamp": format_instant(request.now, milliseconds=True)}

    # --- shared -------------------------------------------------------------------------------------------------

    async def _serve(self, request: Request, work: Callable[[OrderReads], Awaitable[_T]]) -> tuple[str, _T]:
        """What the version in force for the seller has to say, and that version. When Amazon refuses the newer one to
        the application, and the settings leave the choice to us, the older one serves."""
        seller = request.caller.seller
        version = self._versions.in_force(seller, request.now)
        try:
            return version, await work(self._reads[version])
        except RefusalError as refusal:
            if version == V0 or not self._versions.falls_back(seller, request.now, refusal):
                raise
        return V0, await work(self._reads[V0])

    def _bound_to(self, request: Request) -> tuple[str, ...]:
        family = request.operation.continues or request.operation.name
        return (request.caller.seller.seller_id, request.caller.access_key_id, family)

    def _seal(self, request: Request, version: str, following: Following) -> str:
        return self._sealer.seal({"api": version, **following}, bound_to=self._bound_to(request))

    def _open(self, request: Request) -> tuple[str, Following]:
        """The version that a listing was begun with, and what its next page needs."""
        payload = self._sealer.open(str(request.arguments["NextToken"]), bound_to=self._bound_to(request))
        version = str(payload.get("api", V0))  # tokens of earlier releases name none
        if not self._versions.is_open(version, request.now):
            raise MwsError(NEXT_TOKEN_CORRUPTED, reason="the listing was begun with Orders v0, which has ended")
        return version, payload


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


def _no_such_order(order_id: str, reason: str) -> MwsError:
    """``reason`` says what is wrong without the id, which a caller can have taken from the wrong column."""
    shown = order_id if len(order_id) <= 64 and order_id.isprintable() else "(unprintable)"
    return MwsError(INVALID_PARAMETER_VALUE, f"Invalid AmazonOrderId: {shown}", reason=reason)


def _check_marketplaces(request: Request) -> None:
    """One call goes to one region: that of the seller's authorisation."""
    ids = request.arguments["MarketplaceId"]
    assert isinstance(ids, tuple)  # noqa: S101 - validation has typed it
    seller = request.caller.seller
    if not all(map(_MARKETPLACE_ID, ids)):  # a comma in one would be two ids upstream
        raise MwsError(INVALID_PARAMETER_VALUE, "Value of parameter MarketplaceId.Id.N is not a marketplace id.")
    regions = {region_of(id_) for id_ in ids} - {None}
    if len(regions) > 1:
        raise MwsError(
            INVALID_PARAMETER_VALUE,
            "MarketplaceId.Id.N values belong to more than one region; ask for one region in a call.",
        )
    for id_ in ids:
        # An id that our table does not know may be a new marketplace: Amazon decides.
        if region_of(id_) not in {None, seller.region} and id_ not in seller.marketplace_ids:
            text = "Seller {} does not have access to the given marketplace {}"
            raise refusal(INVALID_PARAMETER_VALUE, text, seller.seller_id, id_)
