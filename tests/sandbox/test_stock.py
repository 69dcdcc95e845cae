"""The tests' own way to a sandbox with orders."""

import asyncio

from bridge.sandbox import Sandbox, SandboxSettings
from tests.sandbox.probe import ANCHOR, NA, NO_PII, Clock
from tests.stock import stocked


def contents(sandbox):
    """All that the store holds."""
    store = sandbox.store
    shelves = {
        id_: (shelf.seller, shelf.index, {one: (its.states, its.changes) for one, its in shelf.histories.items()})
        for id_, shelf in store._shelves.items()
    }
    return sandbox.settings, shelves, store._owners, store._seed, store._changes, store._arrivals


def test_it_is_what_fills_itself():
    """A stocked sandbox holds what a sandbox of equal settings makes, and what is done to it is done to no other."""
    settings = SandboxSettings(orders=40, seed="stock", sellers=(NA, NO_PII))
    expected = contents(Sandbox(settings, Clock(), asyncio.sleep))
    first = stocked(settings, Clock(), asyncio.sleep)
    assert contents(first) == expected
    orders = list(first.store.orders(NA.selling_partner_id))
    first.store.touch(orders[0].id)
    first.store.create_order(NA.selling_partner_id, NA.marketplace_ids[0], at=ANCHOR - 5)
    assert contents(first) != expected
    assert contents(stocked(settings, Clock(), asyncio.sleep)) == expected
