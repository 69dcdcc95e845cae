"""Orders that an answer of v2026-01-01 brought, kept to answer the next questions about them.

searchOrders brings whole orders, items included, and may be asked once in three minutes; legacy programs list every
minute and then ask for each order's items. MWS's own answers lagged behind by up to two minutes, so what is younger
than that is as fresh as MWS was. What is kept stays in this process's memory, belongs to one seller, is bounded in
bytes, and is gone when it is too old to be used: nothing personal is kept for longer than ``stale`` seconds.

A *listing* is what one searchOrders window held: which orders, with the date that the window selects by. It answers
another question about the same orders (``KeptListing.answers``) only where no program that walks through time can
lose an order by it.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

__all__ = ["KeptListing", "KeptOrder", "KeptOrders", "MemoryOrders", "Window"]


class Window(NamedTuple):
    """What a ListOrders call asks for in time: orders from ``after``, up to ``before`` where that is given."""

    after: datetime
    before: datetime | None


class KeptOrder(NamedTuple):
    """An order as the JSON that SP-API sent, and when (the moment of the request that brought it)."""

    content: bytes
    at: datetime

    def __repr__(self) -> str:
        return f"<KeptOrder of {len(self.content)} bytes>"  # they are personal


@dataclass(frozen=True, slots=True)
class KeptListing:
    """All orders of a window: ``entries`` are their dates and ids, in the answer's order. ``bound`` is the upper end
    that was told, ``at`` when it was asked for, ``since`` when the very same window was first asked for."""

    after: datetime
    bound: datetime
    at: datetime
    since: datetime
    entries: tuple[tuple[datetime, str], ...] = field(repr=False)

    def answers(self, window: Window, now: datetime, age: timedelta) -> bool:
        """Whether this listing may answer for ``window`` now, when it may be ``age`` old.

        It knows nothing past ``bound``, and MWS always told what was two minutes old. A program that goes on by its
        own clock, from where an answer must have ended, would never see what came in between. So only these are
        answered:

        * a window that ends within what is known;
        * one that begins at the bound as it was told, to the millisecond: a program that goes on from there;
        * of windows that reach back so far that the same orders will still be in the program's window when the next
          listing is fetched: those of a program that always asks from the same date, for at least ten minutes (a
          program of its own clock repeats itself too, when an answer was lost), and those of one that always reaches
          back equally far.
        """
        if now - self.at >= age or window.after < self.after:
            return False
        if window.before is not None:
            return window.before <= self.bound
        if window.after == self.bound:
            return True
        if window.after > self.bound - age - _JITTER:
            return False
        if window.after == self.after:
            return now - self.since >= _ESTABLISHED
        return abs((now - window.after) - (self.at - self.after)) <= _JITTER

    def ids(self, window: Window) -> list[str]:
        """The orders in the window."""
        return [
            order_id
            for date, order_id in self.entries
            if window.after <= date and (window.before is None or date <= window.before)
        ]


#: How exactly a program reaches back equally far each time: some cut off the seconds.
_JITTER = timedelta(minutes=1)
#: For so long a program has asked from the same date when it is taken to go on with it.
_ESTABLISHED = timedelta(minutes=10)


class KeptOrders(Protocol):
    """Where orders and listings are kept. ``seller`` tells sellers apart: nothing kept for one is found for another.
    ``listing`` tells apart what was asked for beside the window."""

    async def keep_orders(self, seller: str, orders: Mapping[str, KeptOrder]) -> None:
        """Keep orders by their ids; older ones of the same id are replaced."""

    async def orders(self, seller: str, ids: Sequence[str]) -> dict[str, KeptOrder]:
        """Those of ``ids`` that are kept."""

    async def keep_listing(self, seller: str, listing: str, kept: KeptListing) -> None:
        """Keep a listing in place of the last one."""

    async def listing(self, seller: str, listing: str) -> KeptListing | None:
        """The last listing."""

    async def expire(self, now: datetime) -> None:
        """Forget what is too old."""


class MemoryOrders:
    """KeptOrders in this process. ``max_bytes`` bounds what is kept, the longest unused go first; ``lifetime`` is
    the age at which everything goes."""

    def __init__(self, max_bytes: int, lifetime: timedelta) -> None:
        self._max_bytes = max_bytes
        self._lifetime = lifetime
        self._bytes = 0
        self._kept: OrderedDict[tuple[str, str, str], tuple[KeptOrder | KeptListing, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    async def keep_orders(self, seller: str, orders: Mapping[str, KeptOrder]) -> None:
        for order_id, order in orders.items():
            self._put(("order", seller, order_id), order, len(order.content), order.at)

    async def orders(self, seller: str, ids: Sequence[str]) -> dict[str, KeptOrder]:
        found = {}
        for order_id in ids:
            entry = self._get(("order", seller, order_id))
            if isinstance(entry, KeptOrder):
                found[order_id] = entry
        return found

    async def keep_listing(self, seller: str, listing: str, kept: KeptListing) -> None:
        self._put(("listing", seller, listing), kept, _ENTRY_BYTES * len(kept.entries), kept.at)

    async def listing(self, seller: str, listing: str) -> KeptListing | None:
        entry = self._get(("listing", seller, listing))
        return entry if isinstance(entry, KeptListing) else None

    async def expire(self, now: datetime) -> None:
        for key in [key for key, (entry, _) in self._kept.items() if now - entry.at >= self._lifetime]:
            self._drop(key)

    def _get(self, key: tuple[str, str, str]) -> KeptOrder | KeptListing | None:
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def _put(self, key: tuple[str, str, str], entry: KeptOrder | KeptListing, size: int, at: datetime) -> None:
        there = self._kept.get(key)
        if there is not None:
            if there[0].at > at:
                return  # an answer that was under way for longer
            self._drop(key)
        size += _ENTRY_BYTES
        self._kept[key] = (entry, size)
        self._bytes += size
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: tuple[str, str, str]) -> None:
        _, size = self._kept.pop(key)
        self._bytes -= size


#: What an entry takes beside its content, about.
_ENTRY_BYTES = 400
