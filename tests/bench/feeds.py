"""Legacy feeds of any size, made from the sandbox's orders: as MWS laid them out, or as other programs may have."""

import asyncio
import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import httpx
import orjson

from bridge.mapping import orders_v0
from bridge.sandbox import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, DEMO_SELLERS, Sandbox, SandboxSettings
from mws_compat.orders import OPERATIONS, namespace_of
from mws_compat.writer import render_response

_NOW = datetime(2026, 11, 20, tzinfo=UTC)
_NAMESPACE = namespace_of("Orders", "2013-09-01")
#: Leaves that are left out here and there, so that orders come in some hundreds of shapes, as real ones do.
_OPTIONAL = ("SellerOrderId", "IsISPU", "IsIBA", "AddressLine1", "IsAccessPointOrder", "BuyerEmail", "OrderType")


@cache
def v0_orders() -> list[dict[str, object]]:
    """The sandbox's orders as SP-API v0 gives them, with all personal data; the same in every run."""
    return asyncio.run(_fetch())


async def _fetch() -> list[dict[str, object]]:
    settings = SandboxSettings(anchor=_NOW, usage_plans=False)
    sandbox = Sandbox(settings, clock=_NOW.timestamp, sleep=asyncio.sleep)
    found: list[dict[str, object]] = []
    async with httpx.AsyncClient(transport=httpx.ASGITransport(sandbox.app), base_url="http://sandbox") as http:
        form = {
            "grant_type": "refresh_token",
            "refresh_token": DEMO_SELLERS[0].refresh_token,
            "client_id": DEMO_CLIENT_ID,
            "client_secret": DEMO_CLIENT_SECRET,
        }
        token = (await http.post("/auth/o2/token", data=form)).json()["access_token"]
        resource = {"method": "GET", "path": "/orders/v0/orders", "dataElements": ["buyerInfo", "shippingAddress"]}
        answer = await http.post(
            "/tokens/2021-03-01/restrictedDataToken",
            json={"restrictedResources": [resource]},
            headers={"x-amz-access-token": token},
        )
        headers = {"x-amz-access-token": answer.json()["restrictedDataToken"]}
        query = {"MarketplaceIds": "ATVPDKIKX0DER", "CreatedAfter": "2016-01-01T00:00:00Z"}
        while True:
            page = await http.get("/orders/v0/orders", params=query, headers=headers)
            payload = page.raise_for_status().json()["payload"]
            found += payload["Orders"]
            if not payload.get("NextToken"):
                return found
            query["NextToken"] = payload["NextToken"]


def _blocks(orders: list[dict[str, object]]) -> tuple[str, list[str], str]:
    """The text before the orders, each order's, and the text behind them."""
    page = orders_v0.read_order_page({"payload": {"Orders": orders}})
    result = {"CreatedBefore": "2026-11-20T00:00:00Z", "Orders": page.orders}
    return blocks_of(render_response(OPERATIONS["ListOrders"], result, namespace=_NAMESPACE, request_id="0").decode())


def blocks_of(xml: str) -> tuple[str, list[str], str]:
    """The text of an answer of ListOrders before the orders, each order's, and the text behind them."""
    head, _, rest = xml.partition("      <Order>\n")
    body, _, tail = rest.rpartition("      </Order>\n")
    return (
        head,
        [f"      <Order>\n{block}      </Order>\n" for block in body.split("      </Order>\n      <Order>\n")],
        tail,
    )


def _varied(count: int) -> Iterator[tuple[str, dict[str, object]]]:
    """``count`` orders as XML and as v0 JSON, each with an id of its own."""
    orders = v0_orders()
    _, blocks, _ = _blocks(orders)
    chance = random.Random(2013)
    for number in range(count):
        place = chance.randrange(len(blocks))
        block, order = blocks[place], orders[place]
        for name in chance.sample(_OPTIONAL, chance.randrange(2)):
            block = re.sub(rf" *<{name}>[^<]*</{name}>\n", "", block, count=1)
        old = str(order["AmazonOrderId"])
        new = f"902-{number:07}-{chance.randrange(10**7):07}"
        if chance.random() < 0.12:
            block = block.replace("<OrderStatus>", "<OrderChannel>A &amp; B</OrderChannel>\n        <OrderStatus>", 1)
        yield block.replace(old, new), {**order, "AmazonOrderId": new}


def write_canonical(path: Path, count: int) -> int:
    """A ListOrders answer of ``count`` orders as MWS laid it out; returns its size."""
    head, _, tail = _blocks(v0_orders())
    with path.open("w") as file:
        file.write(head)
        file.writelines(block for block, _ in _varied(count))
        file.write(tail)
    return path.stat().st_size


def write_reversed(source: Path, target: Path) -> None:
    """The orders of a feed that ``write_canonical`` wrote, the last first, without holding them."""
    start, end, step = b"      <Order>\n", b"    </Orders>", 2**20
    with source.open("rb") as file, target.open("wb") as out:
        size = file.seek(0, 2)
        file.seek(0)
        head = file.read(step).partition(start)[0]
        rest = b""
        place = size
        out.write(head)
        tail = b""
        while place > len(head):
            before = max(len(head), place - step)
            file.seek(before)
            rest = file.read(place - before) + rest
            place = before
            if not tail:
                rest, _, tail = rest.rpartition(end)
            first, *blocks = rest.split(start)
            out.writelines(start + block for block in reversed(blocks))
            rest = first
        out.write(end + tail)


def write_prefixed(path: Path, count: int) -> int:
    """The same orders as other programs' serialisers write them: every tag with a prefix, indented with tabs."""
    with path.open("w") as file:
        file.write(f'<?xml version="1.0" encoding="utf-8"?>\n<m:ListOrdersResponse xmlns:m="{_NAMESPACE}">\n')
        file.write("<m:ListOrdersResult>\n<m:Orders>\n")
        for block, _ in _varied(count):
            file.write(re.sub(r"<(/?)(\w)", r"<\1m:\2", block).replace("  ", "\t"))
        file.write("</m:Orders>\n</m:ListOrdersResult>\n</m:ListOrdersResponse>\n")
    return path.stat().st_size


def write_other(path: Path, count: int) -> int:
    """The same orders as the worst of well-formed XML: a comment or a CDATA section in every single order, a prefix,
    tabs, numeric references."""
    with path.open("w") as file:
        file.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<m:ListOrdersResponse xmlns:m="{_NAMESPACE}">\n')
        file.write("<m:ListOrdersResult>\n<!-- exported -->\n<m:Orders>\n")
        for number, (block, _) in enumerate(_varied(count)):
            other = re.sub(r"<(/?)(\w)", r"<\1m:\2", block).replace("        ", "\t\t").replace("&amp;", "&#38;")
            if number % 2:
                other = other.replace("<m:OrderStatus>", "<m:OrderStatus ><!-- as told -->", 1)
            else:
                other = re.sub(r"<m:SalesChannel>([^<]*)<", r"<m:SalesChannel><![CDATA[\1]]><", other, count=1)
            file.write(other)
        file.write("</m:Orders>\n</m:ListOrdersResult>\n</m:ListOrdersResponse>\n")
    return path.stat().st_size


def write_v0_lines(path: Path, count: int) -> int:
    """The same orders as v0 JSON, one a line."""
    with path.open("wb") as file:
        file.writelines(orjson.dumps(order) + b"\n" for _, order in _varied(count))
    return path.stat().st_size
