"""One real page: a getOrders answer of 100 orders with all personal data, as the sandbox gives it."""

import asyncio
from datetime import UTC, datetime

import httpx

from bridge.sandbox import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, DEMO_SELLERS, Sandbox, SandboxSettings

_NOW = datetime(2026, 11, 20, tzinfo=UTC)


def page_of_100_orders() -> bytes:
    """The bytes of the answer; the same in every run."""
    return asyncio.run(_fetch())


async def _fetch() -> bytes:
    sandbox = Sandbox(SandboxSettings(anchor=_NOW), clock=_NOW.timestamp, sleep=asyncio.sleep)
    seller = DEMO_SELLERS[0]
    transport = httpx.ASGITransport(sandbox.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as http:
        form = {
            "grant_type": "refresh_token",
            "refresh_token": seller.refresh_token,
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
        page = await http.get(
            "/orders/v0/orders",
            params={"MarketplaceIds": "ATVPDKIKX0DER", "CreatedAfter": "2026-01-01T00:00:00Z"},
            headers={"x-amz-access-token": answer.json()["restrictedDataToken"]},
        )
        page.raise_for_status()
        return page.content
