"""Reading the store for one version of the API: one order, or the pages of a walk through many."""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, floor
from typing import Any, Final, Protocol

import orjson

from bridge.sandbox.answers import Call, invalid_input, not_found
from bridge.sandbox.disclosure import retained
from bridge.sandbox.model import Order
from bridge.sandbox.paging import NextTokens
from bridge.sandbox.query_rules import Period
from bridge.sandbox.query_values import ORDER_ID
from bridge.sandbox.store import Snapshot, Store

_KEPT_TEXTS: Final = 20_000
_KEPT_RESULTS: Final = 32

Rows = list[tuple[int, str, Order]]  # (date, id, order), sorted by the first two


class Query(Protocol):
    """A checked search."""

    @property
    def period(self) -> Period:
        """The bounds and the date that they bound."""

    @property
    def page_size(self) -> int:
        """Orders on one page."""

    def matches(self, order: Order) -> bool:
        """Tell whether an order meets both bounds and every filter."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where a paging token goes on: the raw parameters, the upper bound, the moment and the last order so far."""

    raw: Mapping[str, str]
    before: float
    snapshot: Snapshot
    position: tuple[int, str] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """The orders of one page, and the token for the next when there is one."""

    orders: tuple[Order, ...]
    next_token: str | None


class OrderReads:
    """Walks whose pages are exact however the store changes, and single orders.

    Equal queries under one snapshot have equal results, and one state of an order always reads the same: both are
    kept for the next time, as far as there is room.
    """

    def __init__(self, store: Store, tokens: NextTokens, clock: Callable[[], float]) -> None:
        self._store = store
        self._tokens = tokens
        self._clock = clock
        self._results: dict[tuple[str, tuple[tuple[str, str], ...], float, Snapshot], Rows] = {}
        self._texts: dict[tuple[str, int, object], bytes] = {}

    def order(self, call: Call, parameter: str) -> Order:
        """Return the order that a path names, or raise 400 for what is no order id and 404 for an unknown one."""
        if not ORDER_ID.fullmatch(call.order_id):
            raise invalid_input(f"Invalid {parameter}: {call.order_id}")
        order = self._store.get(call.seller.selling_partner_id, call.order_id)
        # Another seller's order is answered like an unknown one: an id must not be found out by trying.
        if order is None or not retained(order, int(self._clock())):
            raise not_found(f"Order {call.order_id} was not found.")
        return order

    def begin(self, call: Call, query: Query) -> Start:
        """Return the start of a new walk, now."""
        return Start(call.parameters, query.period.before, self._store.snapshot())

    def resume(self, purpose: str, token: str) -> Start:
        """Return where a token goes on, or raise 400 for one that was not made for this purpose or is too old."""
        content: Any = self._tokens.open(purpose, token)
        date, order_id = content["position"]
        snapshot = Snapshot(content["at"], content["changes"])
        return Start(content["parameters"], content["before"], snapshot, (date, order_id))

    def page(self, purpose: str, seller_id: str, query: Query, start: Start) -> Page:
        """Return the page that follows the start."""
        rows = self._rows(seller_id, query, start)
        first = 0 if start.position is None else bisect_right(rows, start.position, key=lambda row: row[:2])
        page = rows[first : first + query.page_size]
        token = None
        if first + len(page) < len(rows):
            content = {
                "parameters": start.raw,
                "before": start.before,
                "at": start.snapshot.at,
                "changes": start.snapshot.changes,
                "position": page[-1][:2],
            }
            token = self._tokens.seal(purpose, content)
        return Page(tuple(order for _, _, order in page), token)

    def written(self, order: Order, view: object, write: Callable[[], object]) -> orjson.Fragment:
        """Return an order as JSON text; `view` is all that the writing depends on beside the state of the order."""
        key = (order.id, order.revision, view)
        text = self._texts.get(key)
        if text is None:
            if len(self._texts) >= _KEPT_TEXTS:
                self._texts.clear()
            text = self._texts[key] = orjson.dumps(write())
        return orjson.Fragment(text)

    def _rows(self, seller_id: str, query: Query, start: Start) -> Rows:
        key = (seller_id, tuple(sorted(start.raw.items())), start.before, start.snapshot)
        rows = self._results.get(key)
        if rows is None:
            if len(self._results) >= _KEPT_RESULTS:
                del self._results[next(iter(self._results))]
            rows = self._results[key] = self._select(seller_id, query, start.snapshot)
        return rows

    def _select(self, seller_id: str, query: Query, snapshot: Snapshot) -> Rows:
        """Return all that match, as (date, id, order), in order."""
        period = query.period
        # An order cannot have been updated before it was placed, so the upper bound holds for both families.
        orders = self._store.orders(
            seller_id,
            snapshot,
            purchased_from=None if period.by_update else ceil(period.after),
            purchased_to=floor(period.before),
        )
        rows = [
            (period.date_of(order), order.id, order)
            for order in orders
            if query.matches(order) and retained(order, snapshot.at)
        ]
        rows.sort(key=lambda row: row[:2])
        return rows
