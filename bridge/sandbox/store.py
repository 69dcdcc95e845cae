"""The orders of all sellers, as they stand at a moment.

Every order is kept with its whole history, past and scheduled, and nothing is ever overwritten. A `Snapshot` names a
moment; whatever is asked under it has the same answer for ever, however the store has changed since. That is what
makes paging exact.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from bridge.sandbox import transitions
from bridge.sandbox.factory import make_order
from bridge.sandbox.items import DAY
from bridge.sandbox.life import make_life
from bridge.sandbox.marketplaces import MARKETPLACES
from bridge.sandbox.model import Order, Status
from bridge.sandbox.sellers import DemoSeller
from bridge.sandbox.settings import SandboxSettings

SPAN_DAYS: Final = 300
_RECENT_SHARE: Final = 0.15  # of all orders, placed in the last seven days before the anchor


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A moment of the store: the second, and how many changes had been made by then."""

    at: int
    changes: int


@dataclass(slots=True)
class _History:
    """The states of one order, oldest first, each with the number of the change that made it."""

    states: list[Order]
    changes: list[int]

    def at(self, snapshot: Snapshot) -> Order | None:
        for order, change in zip(reversed(self.states), reversed(self.changes), strict=True):
            if order.updated <= snapshot.at and change <= snapshot.changes:
                return order
        return None


@dataclass(slots=True)
class _Shelf:
    """One seller's orders; `index` is sorted by (purchase, id)."""

    seller: DemoSeller
    histories: dict[str, _History] = field(default_factory=dict)
    index: list[tuple[int, str]] = field(default_factory=list)


class Store:
    """Orders by selling partner; changes happen at the clock's now and never before an order's last update.

    Unknown sellers and orders raise KeyError, changes that a status does not allow ValueError.
    """

    def __init__(self, settings: SandboxSettings, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seed = settings.seed
        self._changes = 0
        self._arrivals = 0
        self._shelves = {seller.selling_partner_id: _Shelf(seller) for seller in settings.sellers}
        self._owners: dict[str, str] = {}
        self._fill(settings)

    # -- asking

    @property
    def seller_ids(self) -> tuple[str, ...]:
        """The selling partners, as configured."""
        return tuple(self._shelves)

    def snapshot(self) -> Snapshot:
        """Return the present moment."""
        return Snapshot(int(self._clock()), self._changes)

    def get(self, seller_id: str, order_id: str, snapshot: Snapshot | None = None) -> Order | None:
        """Return one order of one seller, or None when it is unknown or not yet placed."""
        history = self._shelves[seller_id].histories.get(order_id)
        return None if history is None else history.at(snapshot or self.snapshot())

    def orders(
        self,
        seller_id: str,
        snapshot: Snapshot | None = None,
        *,
        purchased_from: int | None = None,
        purchased_to: int | None = None,
    ) -> Iterator[Order]:
        """Yield a seller's orders by (purchase, id), bounds inclusive, each as it stood at the snapshot."""
        shelf = self._shelves[seller_id]
        moment = snapshot or self.snapshot()
        index = shelf.index
        first = 0 if purchased_from is None else bisect_left(index, (purchased_from, ""))
        until = moment.at if purchased_to is None else min(purchased_to, moment.at)
        for _, order_id in index[first : bisect_right(index, (until, "\uffff"))]:
            order = shelf.histories[order_id].at(moment)
            if order is not None:
                yield order

    # -- changing

    def create_order(
        self,
        seller_id: str,
        marketplace_id: str,
        *,
        at: float | None = None,
        pending: bool = False,
        lines: int | None = None,
    ) -> Order:
        """Place a fresh plausible order, by default now and paid for; it changes no more by itself.

        `at` (unix seconds) may lie in the past or the future; `lines` fixes the number of order lines.
        """
        seller = self._shelves[seller_id].seller
        if marketplace_id not in seller.marketplace_ids:
            raise ValueError(f"{seller_id} does not sell in {marketplace_id}")
        self._arrivals += 1
        rng = Random(f"{self._seed}/arrival/{self._arrivals}")  # noqa: S311 - synthetic data, not secrets
        moment = int(self._clock() if at is None else at)
        order = make_order(rng, seller, marketplace_id, moment, lines=lines)
        if pending:
            order = replace(order, status=Status.PENDING)
        self._changes += 1
        self._add(seller_id, [order])
        return order

    def revise(self, order_id: str, change: Callable[[Order, int], Order]) -> Order:
        """Apply `change` (present state and now → next state); what was scheduled for later is called off."""
        shelf = self._shelves[self._owners[order_id]]
        history = shelf.histories[order_id]
        now = int(self._clock())
        keep = sum(1 for state in history.states if state.updated <= now)
        if keep == 0:
            raise KeyError(f"{order_id} is not placed yet")
        present = history.states[keep - 1]
        following = replace(change(present, now), updated=now, revision=present.revision + 1)
        if following.purchase != present.purchase:
            raise ValueError("what was settled at the checkout does not change")
        # No snapshot taken so far can see the future, so dropping scheduled states changes no snapshot's answer.
        del history.states[keep:], history.changes[keep:]
        self._changes += 1
        history.states.append(following)
        history.changes.append(self._changes)
        return following

    def confirm_payment(self, order_id: str) -> Order:
        """Make a pending order ready to ship."""
        return self.revise(order_id, transitions.confirm_payment)

    def ship(self, order_id: str, quantities: Mapping[str, int] | None = None) -> Order:
        """Ship units by item id, or everything that is open."""
        return self.revise(order_id, lambda order, at: transitions.ship(order, at, quantities))

    def cancel(self, order_id: str, reason: str = "No inventory") -> Order:
        """Cancel an order of which nothing has left."""
        return self.revise(order_id, lambda order, at: transitions.cancel(order, at, reason))

    def request_cancellation(self, order_id: str, reason: str = "Ordered by mistake") -> Order:
        """Note the buyer's wish to cancel."""
        return self.revise(order_id, lambda order, at: transitions.request_cancellation(order, at, reason))

    def touch(self, order_id: str) -> Order:
        """Move the last update to now."""
        return self.revise(order_id, transitions.touch)

    # -- filling

    def _add(self, seller_id: str, states: list[Order]) -> None:
        shelf = self._shelves[seller_id]
        first = states[0]
        if first.id in self._owners:
            raise ValueError(f"order id {first.id} was drawn twice")
        self._owners[first.id] = seller_id
        shelf.histories[first.id] = _History(states, [self._changes] * len(states))
        insort(shelf.index, (first.purchased, first.id))

    def _fill(self, settings: SandboxSettings) -> None:
        anchor = int(settings.anchor.timestamp())
        shares = sum(len(seller.marketplace_ids) for seller in settings.sellers)
        left = settings.orders
        for number, seller in enumerate(settings.sellers, 1):
            last = number == len(settings.sellers)
            count = left if last else settings.orders * len(seller.marketplace_ids) // shares
            left -= count
            self._fill_shelf(seller, count, anchor)

    def _fill_shelf(self, seller: DemoSeller, count: int, anchor: int) -> None:
        rng = Random(f"{self._seed}/{seller.selling_partner_id}")  # noqa: S311 - synthetic data, not secrets
        weighted = [one for one in seller.marketplace_ids for _ in range(MARKETPLACES[one].weight)]
        dates = []
        for _ in range(count):
            days = 7 * rng.random() if rng.random() < _RECENT_SHARE else 7 + (SPAN_DAYS - 7) * rng.random()
            dates.append(anchor - 1 - int(days * DAY))
        earlier: dict[str, str] = {}
        for purchased in sorted(dates):
            marketplace_id = rng.choice(weighted)
            paid = make_order(rng, seller, marketplace_id, purchased, replaceable=earlier.get(marketplace_id))
            self._add(seller.selling_partner_id, list(make_life(rng, paid)))
            earlier[marketplace_id] = paid.id
