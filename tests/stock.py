"""Sandboxes of one's own whose first orders are made once for equal settings: making them is most of the work."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from functools import cache

from bridge.sandbox import DemoSeller, Sandbox, SandboxSettings
from bridge.sandbox.store import Store

__all__ = ["stocked"]


@cache
def _filled(seed: int | str, orders: int, anchor: datetime, sellers: tuple[DemoSeller, ...]) -> Store:
    """A store that nobody changes."""
    return Store(SandboxSettings(seed=seed, orders=orders, anchor=anchor, sellers=sellers), anchor.timestamp)


def stocked(
    settings: SandboxSettings, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
) -> Sandbox:
    """What ``Sandbox(settings, clock, sleep)`` is, sooner: the orders are values, their histories are its own."""
    first = _filled(settings.seed, settings.orders, settings.anchor, settings.sellers)
    sandbox = Sandbox(replace(settings, orders=0), clock, sleep)
    sandbox.settings = settings
    sandbox.store._owners.update(first._owners)
    for seller_id, shelf in first._shelves.items():
        own = sandbox.store._shelves[seller_id]
        own.index[:] = shelf.index
        own.histories.update(
            (order_id, replace(history, states=[*history.states], changes=[*history.changes]))
            for order_id, history in shelf.histories.items()
        )
    return sandbox
