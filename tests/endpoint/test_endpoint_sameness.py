"""The proof of sameness: for every order of the store, MWS XML from v0 and from v2026-01-01 is the same, but for what
the mapping tables list as lost, each with its reason."""

import os

import pytest

from bridge.diff.comparison import compare_all
from bridge.diff.differences import Verdict
from bridge.diff.upgrade import lost_fields
from bridge.endpoint.build import build_handlers
from bridge.endpoint.kept import KeptOrders
from bridge.endpoint.nexttoken import TokenSealer
from bridge.endpoint.readings import documents_of, read_orders
from bridge.mapping import calls_v2026
from bridge.mapping.links import Link, LinkMap
from bridge.mapping.ways import Words
from bridge.sandbox import SandboxSettings
from bridge.state.memory import MemoryState
from bridge.upstream.plans import V0, V2026
from mws_compat.schema import parse_instant
from tests.support import ALWAYS, EU, FE, NA, NO_PII, NOW, Bridge


async def readings(seller, *, orders=300, items=10_000):
    """All orders of a seller, from both versions."""
    bridge = Bridge(sandbox=SandboxSettings(orders=orders, anchor=NOW, usage_plans=False, rate_scale=1000))
    configured = bridge.endpoint.book._keys[next(iter(bridge.endpoint.book._keys))].sellers
    handlers = build_handlers(
        bridge.api,
        TokenSealer(["key"], clock=NOW.timestamp, random_bytes=os.urandom),
        clock=bridge.clock,
        kept=KeptOrders(MemoryState(clock=bridge.clock, max_bytes=2**28), NOW - parse_instant(ALWAYS)),
    )
    return [
        await read_orders(
            handlers,
            configured[seller.selling_partner_id].seller,
            version,
            since=parse_instant(ALWAYS),
            until=NOW - (NOW - parse_instant("2026-11-20T11:50:00Z")),
            now=lambda: NOW,
            most_items=items,
            tell=lambda _: None,
        )
        for version in (V0, V2026)
    ]


@pytest.mark.parametrize("seller", [NA, EU, FE, NO_PII], ids=lambda seller: seller.selling_partner_id)
@pytest.mark.long
async def test_every_order_is_the_same_but_for_what_is_lost(seller):
    """No difference is left that the tables do not explain; both versions tell the same orders and items."""
    old, new = await readings(seller)
    assert old.orders.keys() == new.orders.keys() == old.items.keys()
    assert len(old.orders) >= 20
    assert old.changed(new) == set()
    tally = compare_all(documents_of(old, set()), documents_of(new, set()), "upgrade")
    assert tally.same, [(kind.spot, kind.change) for kind in tally.kinds if kind.verdict is Verdict.DIFFERENT]
    assert {item["OrderItemId"] for items in old.items.values() for item in items} == {
        item["OrderItemId"] for items in new.items.values() for item in items
    }
    assert new.calls <= old.calls / 8


async def test_a_mistake_in_the_table_is_found(monkeypatch):
    """A status that is mapped to the wrong word shows as a difference."""
    rows = [
        row._replace(way=Words({"SHIPPED": "Unshipped"}))
        if isinstance(row, Link) and row.mws == "OrderStatus"
        else row
        for row in calls_v2026.ORDER_MAP.rows
    ]
    monkeypatch.setattr(calls_v2026, "ORDER_MAP", LinkMap(calls_v2026.ORDER_MAP.struct, rows))
    old, new = await readings(FE, orders=90, items=0)
    tally = compare_all(documents_of(old, set()), documents_of(new, set()), "upgrade")
    assert not tally.same


async def test_orders_that_changed_meanwhile_are_left_out():
    """An order with another date of update on the two sides is not compared."""
    old, new = await readings(FE, orders=90, items=3)
    order_id = next(iter(new.items))
    new.orders[order_id] = {**new.orders[order_id], "LastUpdateDate": "2026-11-20T11:59:00Z", "OrderStatus": "Odd"}
    changed = old.changed(new)
    assert changed == {order_id}
    assert order_id.encode() not in documents_of(new, changed)
    assert compare_all(documents_of(old, changed), documents_of(new, changed), "upgrade").same
    assert not compare_all(documents_of(old, set()), documents_of(new, set()), "upgrade").same


def test_the_lost_fields_are_those_of_the_reference():
    """What the proof lets pass is short, and named."""
    assert set(lost_fields()) == {
        f"Order/{name}"
        for name in (
            *("OrderChannel", "ShipServiceLevel", "BuyerCounty", "CbaDisplayableShippingLabel"),
            *("IsGlobalExpressEnabled", "PromiseResponseDueDate", "IsEstimatedShipDateSet", "IsSoldByAB"),
            *("DefaultShipFromLocationAddress", "AutomatedShippingSettings"),
            *("OrderItem/ProductInfo", "OrderItem/ShippingDiscountTax"),
        )
    }
