"""Every order of a sandbox's store as SP-API shows it, in both versions."""

from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from bridge.sandbox import v0, v2026
from bridge.sandbox.settings import SandboxSettings
from bridge.sandbox.store import Store
from bridge.sandbox.v2026_words import Dataset, View

__all__ = ["newer_orders", "older_orders", "static_answers"]

_SETTINGS = SandboxSettings(orders=160)
_VIEW = View(frozenset(Dataset), phone=True, buyer_tax=True)
_ELEMENTS = frozenset(("buyerInfo", "shippingAddress", "buyerTaxInformation"))


@cache
def _store() -> Store:
    return Store(_SETTINGS, _SETTINGS.anchor.timestamp)


def _orders() -> Any:
    return [order for seller in _store().seller_ids for order in _store().orders(seller)]


@cache
def _newer() -> bytes:
    return orjson.dumps([v2026.order_json(order, _VIEW) for order in _orders()])


@cache
def _older() -> bytes:
    return orjson.dumps(
        [
            (v0.order_json(order, _ELEMENTS, phone=True), v0.items_json(order, order.items, _ELEMENTS))
            for order in _orders()
        ]
    )


def newer_orders() -> list[dict[str, Any]]:
    """Orders of v2026 with every data set; they may be changed."""
    found: list[dict[str, Any]] = orjson.loads(_newer())
    return found


def older_orders() -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Orders of v0, each with its items; they may be changed."""
    return [(order, items) for order, items in orjson.loads(_older())]


def static_answers() -> list[dict[str, Any]]:
    """The answers of Amazon's model file."""
    rows = orjson.loads(files("bridge.sandbox").joinpath("static_v2026.json").read_bytes())
    return [row["response"] for row in rows]
