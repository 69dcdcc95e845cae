"""Rendering: one getOrders page of 100 orders, JSON bytes to MWS XML bytes."""

import orjson

from bridge.mapping import orders_v0
from mws_compat.orders import OPERATIONS, namespace_of
from mws_compat.writer import render_response
from tests.bench import naive
from tests.bench.measure import interleave, report
from tests.bench.payload import page_of_100_orders

LIST_ORDERS = OPERATIONS["ListOrders"]
NAMESPACE = namespace_of("Orders", "2013-09-01")


def render(raw: bytes) -> bytes:
    """What the endpoint does between the upstream's bytes and its own."""
    page = orders_v0.read_order_page(orjson.loads(raw))
    result = {"CreatedBefore": page.created_before, "Orders": page.orders}
    return render_response(LIST_ORDERS, result, namespace=NAMESPACE, request_id="0")


def main() -> None:
    raw = page_of_100_orders()
    print(f"render: {len(raw)} bytes of JSON, {len(render(raw))} bytes of XML, {raw.count(b'AmazonOrderId')} orders")
    peer, ours = "json + renaming + xmltodict.unparse", "orjson + table + writer"
    variants = {
        ours: lambda: render(raw),
        peer: lambda: naive.render(raw),
        "(orjson.loads alone)": lambda: orjson.loads(raw),
    }
    report("rendering a page of 100 orders", interleave(variants, rounds=21), ours=ours, peer=peer, wanted=9)
