"""Kept orders are read once, however often programs ask for them."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import orjson

from bridge.endpoint.kept import KeptOrder
from bridge.mapping.rows import JsonObject

__all__ = ["ReadOnce", "json_of"]

_T = TypeVar("_T")

#: Orders of which it is remembered at most what came of them.
_REMEMBERED = 1000


class ReadOnce(Generic[_T]):
    """Reads orders with ``order``. What came of a kept one is remembered until it is ``lifetime`` old: whoever gets
    it must leave it as it is."""

    def __init__(self, order: Callable[[JsonObject], _T], lifetime: timedelta) -> None:
        self.order = order
        self._lifetime = lifetime
        # By the very bytes: when those are the same, so is what comes of them.
        self._remembered: OrderedDict[bytes, tuple[_T, datetime]] = OrderedDict()

    def __repr__(self) -> str:
        return f"<{len(self._remembered)} orders that were read>"  # they are personal

    def kept(self, order: KeptOrder) -> _T:
        """What comes of a kept order."""
        known = self._remembered.get(order.packed)
        if known is not None:
            self._remembered.move_to_end(order.packed)
            return known[0]
        made = self.order(json_of(order))
        self._remembered[order.packed] = (made, order.at + self._lifetime)
        if len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)
        return made

    def forget(self, now: datetime) -> None:
        """Drop what is too old."""
        for packed in [packed for packed, (_, until) in self._remembered.items() if now >= until]:
            del self._remembered[packed]


def json_of(order: KeptOrder) -> JsonObject:
    """The object that SP-API sent."""
    found: JsonObject = orjson.loads(order.content)
    return found
