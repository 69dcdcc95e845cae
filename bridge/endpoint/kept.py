"""Orders that an answer of v2026-01-01 brought, kept to answer the next questions about them.

searchOrders brings whole orders, items included, and may be asked once in three minutes; legacy programs list every
minute and then ask for each order's items. MWS's own answers lagged behind by up to two minutes, so what is younger
than that is as fresh as MWS was. What is kept belongs to one seller, stays in this process's memory or goes sealed
into the store that copies of the bridge share, and is gone when it is too old to be used: nothing personal is kept
for longer than ``stale`` seconds.

A *listing* is what one searchOrders window held: which orders, with the date that the window selects by. It answers
another question about the same orders (``KeptListing.answers``) only where no program that walks through time can
lose an order by it.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import orjson

from bridge.state.interface import State

__all__ = ["KeptListing", "KeptOrder", "KeptOrders", "Window"]


class Window(NamedTuple):
    """What a ListOrders call asks for in time: orders from ``after``, up to ``before`` where that is given."""

    after: datetime
    before: datetime | None


#: When an order was asked for, in unix seconds, before its content.
_AT = struct.Struct(">d")


class KeptOrder(NamedTuple):
    """An order as it is kept. Two of the same order at the same time are equal."""

    packed: bytes

    @classmethod
    def of(cls, content: bytes, at: datetime) -> "KeptOrder":
        """``content``: the JSON that SP-API sent; ``at``: the moment of the request that brought it."""
        return cls(_AT.pack(at.timestamp()) + content)

    @property
    def content(self) -> bytes:
        """The JSON that SP-API sent."""
        return self.packed[_AT.size :]

    @property
    def at(self) -> datetime:
        """The moment of the request that brought it."""
        (at,) = _AT.unpack_from(self.packed)
        return datetime.fromtimestamp(at, UTC)

    def __repr__(self) -> str:
        return f"<KeptOrder of {len(self.packed)} bytes>"  # they are personal


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


class KeptOrders:
    """Orders and listings in ``state``, for ``lifetime``. ``seller`` tells sellers apart: nothing kept for one is
    found for another; ``listing`` tells apart what was asked for beside the window."""

    def __init__(self, state: State, lifetime: timedelta) -> None:
        self._state = state
        self._seconds = lifetime.total_seconds()

    async def keep_orders(self, seller: str, orders: Mapping[str, KeptOrder]) -> None:
        """Keep orders by their ids, in place of older ones: an answer may have been under way for longer."""
        by_time: dict[datetime, dict[str, bytes]] = {}
        for order_id, order in orders.items():
            by_time.setdefault(order.at, {})[_order_name(seller, order_id)] = order.packed
        for at, values in by_time.items():
            await self._state.put(values, self._seconds, version=at.timestamp())

    async def orders(self, seller: str, ids: Sequence[str]) -> dict[str, KeptOrder]:
        """Those of ``ids`` that are kept."""
        found = await self._state.get([_order_name(seller, id_) for id_ in ids])
        return {id_: KeptOrder(packed) for id_, packed in zip(ids, found, strict=True) if packed is not None}

    async def keep_listing(self, seller: str, listing: str, kept: KeptListing) -> None:
        """Keep a listing in place of the last one."""
        packed = orjson.dumps([kept.after, kept.bound, kept.at, kept.since, kept.entries])
        await self._state.put({_listing_name(seller, listing): packed}, self._seconds, version=kept.at.timestamp())

    async def listing(self, seller: str, listing: str) -> KeptListing | None:
        """The last listing."""
        (packed,) = await self._state.get([_listing_name(seller, listing)])
        if packed is None:
            return None
        *times, entries = orjson.loads(packed)
        after, bound, at, since = map(datetime.fromisoformat, times)
        dated = tuple((datetime.fromisoformat(date), order_id) for date, order_id in entries)
        return KeptListing(after, bound, at, since, dated)


def _order_name(seller: str, order_id: str) -> str:
    return f"order:{seller}:{order_id}"


def _listing_name(seller: str, listing: str) -> str:
    return f"listing:{seller}:{listing}"
