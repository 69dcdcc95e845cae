"""One real page: a getOrders answer of 100 orders with all personal data, as the sandbox gives it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx

from bridge.mapping.calls_v2026 import ITEM_DATASETS, ORDER_DATASETS
from bridge.sandbox import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, DEMO_SELLERS, Sandbox, SandboxSettings

_NOW = datetime(2026, 11, 20, tzinfo=UTC)


def page_of_100_orders() -> bytes:
    """The bytes of the answer; the same in every run."""
    return asyncio.run(_fetch())


def order_and_items() -> tuple[bytes, str]:
    """A getOrder answer of v2026-01-01, with everything that an order may bring, and the order's id."""
    return asyncio.run(_fetch_order())


async def _fetch_order() -> tuple[bytes, str]:
    async with _logged_in() as (http, token):
        headers = {"x-amz-access-token": token}
        path = "/orders/2026-01-01/orders"
        window = {"marketplaceIds": "ATVPDKIKX0DER", "createdAfter": "2026-01-01T00:00:00Z"}
        listed = (await http.get(path, params=window, headers=headers)).json()["orders"]
        order_id = next(order["orderId"] for order in listed if len(order["orderItems"]) == 2)
        everything = {"includedData": ",".join(sorted(ORDER_DATASETS | ITEM_DATASETS))}
        answer = await http.get(f"{path}/{order_id}", params=everything, headers=headers)
        answer.raise_for_status()
        return answer.content, order_id


@contextlib.asynccontextmanager
async def _logged_in() -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    sandbox = Sandbox(SandboxSettings(anchor=_NOW), clock=_NOW.timestamp, sleep=asyncio.sleep)
    transport = httpx.ASGITransport(sandbox.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as http:
        form = {
            "grant_type": "refresh_token",
            "refresh_token": DEMO_SELLERS[0].refresh_token,
            "client_id": DEMO_CLIENT_ID,
            "client_secret": DEMO_CLIENT_SECRET,
        }
        yield http, (await http.post("/auth/o2/token", data=form)).json()["access_token"]


async def _fetch() -> bytes:
    async with _logged_in() as (http, token):
        resource = {"method": "GET", "path": "/orders/v0/orders", "dataElements": ["buyerInfo", "shippingAddress"]}
        answer = await http.post(
            "/tokens/2021-03-01/restrictedDataToken",
            json={"restrictedResources": [resource]},
            headers={"x-amz-access-token": token},
        )
        page = await http.get(
            "/orders/v0/orders",
            params={"MarketplaceIds": "ATVPDKIKX0DER", "CreatedAfter": "2026-01-01T00:00:00Z"},
            headers={"x-amz-access-token": answer.json()["restrictedDataToken"]},
        )
        page.raise_for_status()
        return page.content
