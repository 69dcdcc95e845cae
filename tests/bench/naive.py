"""The bridge that one writes in an afternoon: Starlette, httpx, json, xmltodict, a plain signature check.

It is the peer of our figures, so it is written plainly and without malice: one client for all requests, no work done
twice, the fields renamed as MWS had them.
"""

import base64
import hashlib
import hmac
import json
import os
from typing import Any
from urllib.parse import parse_qsl, quote

import httpx
import xmltodict
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

NAMESPACE = "https://mws.amazonservices.com/Orders/2013-09-01"
FROM_BUYER_INFO = ("BuyerEmail", "BuyerName", "BuyerCounty", "BuyerTaxInfo", "PurchaseOrderNumber")
NOT_IN_MWS = ("BuyerInfo", "HasRegulatedItems", "MarketplaceTaxInfo", "SellerDisplayName", "ElectronicInvoiceStatus")


def rename(order: dict[str, Any]) -> dict[str, Any]:
    """One order with MWS's names and structure."""
    renamed = {name: text_of(value) for name, value in order.items() if name not in NOT_IN_MWS}
    buyer = order.get("BuyerInfo") or {}
    renamed.update({name: text_of(buyer[name]) for name in FROM_BUYER_INFO if name in buyer})
    if "PaymentMethodDetails" in order:
        renamed["PaymentMethodDetails"] = {"PaymentMethodDetail": order["PaymentMethodDetails"]}
    if "PaymentExecutionDetail" in order:
        renamed["PaymentExecutionDetail"] = {"PaymentExecutionDetailItem": order["PaymentExecutionDetail"]}
    return {name: value for name, value in renamed.items() if value not in (None, "", {})}


def text_of(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return {name: text_of(inner) for name, inner in value.items()}
    return value


def render(raw: bytes, request_id: str = "0") -> bytes:
    """getOrders JSON to a ListOrders envelope."""
    payload = json.loads(raw)["payload"]
    document = {
        "ListOrdersResponse": {
            "@xmlns": NAMESPACE,
            "ListOrdersResult": {
                "CreatedBefore": payload.get("CreatedBefore"),
                "Orders": {"Order": [rename(order) for order in payload["Orders"]]},
            },
            "ResponseMetadata": {"RequestId": request_id},
        }
    }
    return xmltodict.unparse(document, pretty=True, indent="  ").encode()


def verify(method: str, host: str, path: str, query: str, secret: str) -> bool:
    """Signature Version 2 with urllib and hmac, written plainly."""
    pairs = parse_qsl(query, keep_blank_values=True)
    given = dict(pairs)["Signature"]
    canonical = "&".join(
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
        for name, value in sorted(pairs)
        if name != "Signature"
    )
    text = f"{method}\n{host}\n{path}\n{canonical}"
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return hmac.compare_digest(base64.b64encode(digest).decode(), given)


def make_app() -> Starlette:
    """The naive endpoint over the upstream that the environment names."""
    client = httpx.AsyncClient()
    upstream, secret = os.environ["BENCH_UPSTREAM"], os.environ["BENCH_SECRET"]

    async def list_orders(request: Request) -> Response:
        if not verify(request.method, request.url.netloc, request.url.path, request.url.query, secret):
            return Response("no", status_code=403)
        marketplace = request.query_params["MarketplaceId.Id.1"]
        answer = await client.get(
            f"{upstream}/orders/v0/orders",
            params={"MarketplaceIds": marketplace, "CreatedAfter": request.query_params["CreatedAfter"]},
            headers={"x-amz-access-token": "Atza|bench"},
        )
        return Response(render(answer.content), media_type="text/xml")

    return Starlette(routes=[Route("/Orders/2013-09-01", list_orders)])
