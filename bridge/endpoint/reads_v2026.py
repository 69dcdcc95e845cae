"""The reads over Orders v2026-01-01: one call where there were a hundred.

searchOrders brings orders with their items but may be asked once in three minutes; getOrder brings one, twice a
second. What an answer brought is kept (``kept.py``), and questions about it are answered from there while it is as
fresh as MWS's own answers were.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar
from urllib.parse import quote, urlencode

import orjson

from bridge.endpoint.kept import KeptListing, KeptOrder, KeptOrders, Window
from bridge.endpoint.read_once import ReadOnce, json_of
from bridge.endpoint.reads import Following, ItemListing, Listing, Request
from bridge.endpoint.walks import PAGE_SIZE, Walk, words_of
from bridge.endpoint.windows import key_of, meets, recognisable, window_of
from bridge.mapping import calls_v2026 as v2026
from bridge.mapping.rows import JsonObject
from bridge.upstream.client import SpApi
from bridge.upstream.datasets import Datasets
from bridge.upstream.errors import RefusalError, unavailable, unreadable
from bridge.upstream.journal import UpstreamAnswer
from bridge.upstream.plans import OPERATIONS, UpstreamOperation
from mws_compat.schema import Record, format_instant, parse_instant
from mws_compat.validation import Arguments
from mws_compat.writer import LastingRecord

__all__ = ["MAX_PAGES", "Freshness", "ReadsV2026"]

_T = TypeVar("_T")

_SEARCH = OPERATIONS["searchOrders"]
_GET_ORDER = OPERATIONS["getOrder2026"]

#: Pages of searchOrders that one call reads at most in search of orders that meet a filter which v2026 does not have.
#: Past it the answer is a page without orders, and with a NextToken.
MAX_PAGES = 5
#: Family of dates → the member in which an answer tells its bound.
_BOUNDS = {"Created": "createdBefore", "LastUpdated": "lastUpdatedBefore"}
#: Orders asked for at the same time.
_AT_ONCE = 5


class Freshness(NamedTuple):
    """How old an answer may be: ``fresh`` always, a listing ``stale`` rather than RequestThrottled."""

    fresh: timedelta = timedelta(seconds=120)
    stale: timedelta = timedelta(seconds=300)


class ReadsV2026:
    """OrderReads over ``api``. Without ``kept`` every question goes upstream."""

    def __init__(
        self, api: SpApi, datasets: Datasets, kept: KeptOrders | None = None, freshness: Freshness | None = None
    ) -> None:
        self._api = api
        self._datasets = datasets
        self._kept = kept
        self._freshness = freshness or Freshness()
        self._read_orders = ReadOnce(_lasting_order, max(self._freshness))
        self._read_items = ReadOnce(_lasting_items, max(self._freshness))

    def forget(self, now: datetime) -> None:
        self._read_orders.forget(now)
        self._read_items.forget(now)

    # --- listing ------------------------------------------------------------------------------------------------

    async def list_orders(self, request: Request, arguments: Arguments, bound: str, before: str) -> Listing:
        # Only orders of the closed China programme had a TFMShipmentStatus: no order that SP-API can show matches.
        query = None if "TFMShipmentStatus" in arguments else v2026.list_query(arguments)
        if query is None:
            return Listing([], None, before)
        filters = {name: arguments[name] for name in v2026.FILTERS if name in arguments}
        window = window_of(arguments)
        walk = Walk(query, "", "", before, _size_of(arguments), words_of(filters))
        if filters:
            walk = walk.in_search(v2026.QUERY_NAMES[bound])
        kept = await self._from_kept(request, arguments, window, walk)
        if kept is not None:
            return kept
        page, query = await self._search(request, walk.query, narrow=True)
        told = page.created_before if bound == "CreatedBefore" else page.last_updated_before
        walk = walk._replace(query=query, before=told or walk.before)
        if not page.next_token:
            walk = walk._replace(
                before=await self._keep_listing(request, key_of(request, arguments), window, page, walk.before)
            )
        return await self._walk(request, walk, page)

    async def continue_orders(self, request: Request, following: Following) -> Listing:
        walk = Walk.of(following)
        page, _ = await self._search(request, walk.asks, narrow=False)
        return await self._walk(request, walk, page)

    async def _walk(self, request: Request, walk: Walk, page: v2026.SearchPage) -> Listing:
        """Of the orders that meet the walk's filters as many as a page may have, ``page`` being the one at hand.
        Pages without any are passed over, MAX_PAGES at most, and as long as there are tokens for them."""
        number = 1
        while True:
            found, last = walk.matching([v2026.read_order(order) for order in page.orders])
            if last:  # the rest of this page is for the next call
                return Listing(found, walk.after(last), walk.before)
            if not page.next_token:
                return Listing(found, None, walk.before)
            walk = walk.at(page.next_token)
            spare = await self._api.throttle.available(request.caller.seller, _SEARCH) >= 1
            if found or not walk.filters or number == MAX_PAGES or not spare:
                return Listing(found, walk.following(), walk.before)
            page, _ = await self._search(request, walk.asks, narrow=False)
            number += 1

    async def _search(
        self, request: Request, query: v2026.Query, *, narrow: bool
    ) -> tuple[v2026.SearchPage, v2026.Query]:
        """A page, and the query that brought it: with datasets, which must stay the same on the pages that follow."""
        wanted = self._wanted(request) if narrow else None
        answer, query = await self._ask(request, _SEARCH, v2026.LIST_PATH, query, wanted)
        if answer is None:
            raise unreadable("SP-API answered searchOrders with 404: is the endpoint address right?")
        page = v2026.read_search_page(answer)
        await self._keep(request, page.orders)
        if self._kept is not None:
            request.journal.misses += len(page.orders)
        return page, query

    # --- by id --------------------------------------------------------------------------------------------------

    async def orders(self, request: Request, ids: tuple[str, ...]) -> list[Record]:
        return await self._read(request, ids, self._read_orders)

    async def items(self, request: Request, order_id: str) -> ItemListing | None:
        found = await self._read(request, (order_id,), self._read_items)
        return ItemListing(order_id, found[0], None) if found else None

    async def continue_items(self, request: Request, following: Following) -> ItemListing | None:
        return await self.items(request, str(following["order"]))  # all items come at once: there is no next page

    async def _read(self, request: Request, ids: tuple[str, ...], read: ReadOnce[_T]) -> list[_T]:
        """What ``read`` makes of the orders that there are of ``ids``: kept ones, and the others one by one, all
        within the deadline. Those that were read are kept, so that a caller who is told to come again later need not
        ask for them anew."""
        kept = await self._young(request, ids, self._freshness.fresh)
        found = {id_: read.kept(order) for id_, order in kept.items()}
        if request.journal.answers is not None:
            for id_, order in kept.items():
                self._take_down(request, _GET_ORDER, v2026.order_path(id_), [], {"order": json_of(order)})
        missing = [id_ for id_ in ids if id_ not in found]
        if self._kept is not None:
            request.journal.hits += len(found)
            request.journal.misses += len(missing)
        if missing:
            found |= {id_: read.order(order) for id_, order in (await self._fetch(request, missing)).items()}
        return [found[id_] for id_ in ids if id_ in found]

    async def _fetch(self, request: Request, ids: list[str]) -> dict[str, JsonObject]:
        found: dict[str, JsonObject] = {}
        try:
            async with asyncio.timeout(self._api.deadline):
                for start in range(0, len(ids), _AT_ONCE):
                    asked = ids[start : start + _AT_ONCE]
                    work = [self._order(request, id_) for id_ in asked]
                    answers = await asyncio.gather(*work, return_exceptions=True)
                    for id_, answer in zip(asked, answers, strict=True):
                        if isinstance(answer, BaseException):
                            raise answer
                        if answer is not None:
                            found[id_] = answer
        except TimeoutError:
            raise unavailable(f"{len(ids)} orders could not be read within {self._api.deadline:g} s") from None
        return found

    async def _order(self, request: Request, order_id: str) -> JsonObject | None:
        answer, _ = await self._ask(request, _GET_ORDER, v2026.order_path(order_id), [], self._wanted(request))
        if answer is None:
            return None
        order = v2026.read_found_order(answer)
        await self._keep(request, [order])
        return order

    def _wanted(self, request: Request) -> frozenset[str]:
        """The datasets that an operation's answer is made of; all of them when answers are kept for other ones."""
        if self._kept is not None:
            return v2026.ORDER_DATASETS | v2026.ITEM_DATASETS
        items = request.operation.name in {"ListOrderItems", "ListOrderItemsByNextToken"}
        return v2026.ITEM_DATASETS if items else v2026.ORDER_DATASETS

    # --- upstream -----------------------------------------------------------------------------------------------

    async def _ask(
        self,
        request: Request,
        operation: UpstreamOperation,
        path: str,
        query: v2026.Query,
        wanted: frozenset[str] | None,
    ) -> tuple[object | None, v2026.Query]:
        """The answer of one upstream call, None for 404, and the query that it answers. With ``wanted`` datasets, as
        many of them as Amazon gives this seller's application; otherwise the query has its own."""
        seller = request.caller.seller
        while True:
            asked = frozenset[str]() if wanted is None else wanted - self._datasets.refused(seller)
            whole = [*query, *v2026.datasets_query(asked)]
            try:
                answer = await self._api.get(
                    seller, operation, path, whole, mws_operation=request.operation.name, journal=request.journal
                )
            except RefusalError as refusal:
                if not self._datasets.narrow(seller, asked, refusal.upstream):
                    raise
            else:
                return answer, whole

    # --- what is kept -------------------------------------------------------------------------------------------

    async def _keep(self, request: Request, orders: Sequence[JsonObject]) -> None:
        if self._kept is not None:
            at = request.now
            kept = {v2026.order_id_of(order): KeptOrder.of(orjson.dumps(order), at) for order in orders}
            await self._kept.keep_orders(_seller_key(request), kept)

    async def _young(self, request: Request, ids: Sequence[str], age: timedelta) -> dict[str, KeptOrder]:
        """Of ``ids`` those orders that are kept and younger than ``age``."""
        if self._kept is None:
            return {}
        found = await self._kept.orders(_seller_key(request), ids)
        return {id_: kept for id_, kept in found.items() if _age(request, kept.at) < age}

    async def _keep_listing(
        self, request: Request, key: str, window: Window, page: v2026.SearchPage, before: str
    ) -> str:
        """Keep a window that came on one page. Returns the bound to tell: made recognisable, so that a program which
        reads on from it is told from one that happens to ask for the same second."""
        bound = recognisable(parse_instant(before), window)
        if self._kept is None or bound is None:
            return before
        by_update = key.startswith("LastUpdated")
        entries = tuple(
            (date, v2026.order_id_of(order))
            for order in page.orders
            if (date := v2026.date_of(order, by_update=by_update)) is not None
        )
        if len(entries) == len(page.orders):
            last = await self._kept.listing(_seller_key(request), key)
            since = last.since if last is not None and last.after == window.after else request.now
            listing = KeptListing(window.after, bound, request.now, since, entries)
            await self._kept.keep_listing(_seller_key(request), key, listing)
        return format_instant(bound, milliseconds=True)

    async def _from_kept(self, request: Request, arguments: Arguments, window: Window, walk: Walk) -> Listing | None:
        """The answer from what is kept, if that is certain to lose nothing; None when Amazon must be asked, by
        ``walk``."""
        listing = None
        if self._kept is not None:
            listing = await self._kept.listing(_seller_key(request), key_of(request, arguments))
        if listing is None:
            return None
        throttled = await self._api.throttle.available(request.caller.seller, _SEARCH) < 1
        age = max(self._freshness) if throttled else self._freshness.fresh
        if not listing.answers(window, request.now, age):
            return None
        ids = listing.ids(window)
        kept = await self._young(request, ids, age)
        if len(kept) < len(ids):
            return None
        records = [self._read_orders.kept(kept[id_]) for id_ in ids]
        found, more = walk.matching([record for record in records if meets(record, arguments)])
        if more:
            return None  # the next page would need a listing that may be gone by then
        before = format_instant(window.before or listing.bound, milliseconds=True)
        told = _BOUNDS[key_of(request, arguments).partition(" ")[0]]
        request.journal.hits += len(ids)
        if request.journal.answers is not None:
            answer: JsonObject = {"orders": [json_of(kept[id_]) for id_ in ids], told: before}
            self._take_down(request, _SEARCH, v2026.LIST_PATH, walk.query, answer)
        return Listing(found, None, before)

    def _take_down(
        self, request: Request, operation: UpstreamOperation, path: str, query: v2026.Query, answer: JsonObject
    ) -> None:
        """What was answered from memory stands in a recording as the answer of the call that it saved."""
        answers = request.journal.answers
        if answers is not None:
            asked = self._wanted(request) - self._datasets.refused(request.caller.seller)
            sent = urlencode([*query, *v2026.datasets_query(asked)], quote_via=quote)
            answers.append(UpstreamAnswer(operation.name, path, sent, 200, orjson.dumps(answer)))


def _lasting_order(order: JsonObject) -> Record:
    return LastingRecord(v2026.read_order(order))


def _lasting_items(order: JsonObject) -> list[Record]:
    return [LastingRecord(item) for item in v2026.read_items(order)]


def _size_of(arguments: Arguments) -> int:
    size = arguments.get("MaxResultsPerPage", PAGE_SIZE)
    return size if isinstance(size, int) else PAGE_SIZE


def _seller_key(request: Request) -> str:
    seller = request.caller.seller
    return orjson.dumps([seller.application.client_id, seller.region, seller.seller_id]).decode()


def _age(request: Request, at: datetime) -> timedelta:
    return request.now - at
