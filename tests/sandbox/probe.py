"""A client for the tests: speaks ASGI to a sandbox without a loop, and holds every answer against the model."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from urllib.parse import urlencode

import orjson

from bridge.sandbox import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, DEMO_SELLERS, SandboxSettings
from tests.sandbox.model import MODELS, faults_of
from tests.stock import stocked

ANCHOR = int(datetime(2026, 11, 20, tzinfo=UTC).timestamp())
NA, EU, FE, NO_PII = DEMO_SELLERS
US = "ATVPDKIKX0DER"
RDT = "/tokens/2021-03-01/restrictedDataToken"
ORDERS = "/orders/v0/orders"
ORDERS_2026 = "/orders/2026-01-01/orders"
EVERYTHING = (
    "BUYER,RECIPIENT,PROCEEDS,EXPENSE,PROMOTION,CANCELLATION,FULFILLMENT,PACKAGES,TAX,PAYMENT,FULFILLMENT_ORDERS"
)
LIST_PII = {"method": "GET", "path": ORDERS, "dataElements": ["buyerInfo", "shippingAddress", "buyerTaxInformation"]}
ORDER_PII = {**LIST_PII, "path": ORDERS + "/{orderId}"}
ITEMS_PII = {"method": "GET", "path": ORDERS + "/{orderId}/orderItems", "dataElements": ["buyerInfo"]}


def iso(moment):
    """Return unix seconds as v0 writes them."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Clock:
    """Time that passes when the test says so."""

    def __init__(self, now=float(ANCHOR)):
        self.now = now

    def __call__(self):
        return self.now


@dataclass
class Response:
    """What came back, with every ASGI message that it came in."""

    status: int
    headers: dict
    body: bytes
    messages: list = field(repr=False)

    @cached_property
    def json(self):
        return orjson.loads(self.body)

    @property
    def payload(self):
        assert self.status == 200, self.body
        return self.json["payload"]

    @property
    def error(self):
        (error,) = self.json["errors"]
        return error


def drive(coroutine):
    """Run a coroutine that never really waits."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("the sandbox waited for something other than its clock")


class Probe:
    """A sandbox and a client of it; ``make``: Sandbox for one that makes its own first orders."""

    def __init__(self, clock=None, *, make=stocked, **settings):
        self.clock = clock or Clock()
        self.slept = []
        self.sandbox = make(
            SandboxSettings(**{"orders": 24, "usage_plans": False, **settings}), clock=self.clock, sleep=self._sleep
        )
        self.store = self.sandbox.store
        self._tokens = {}

    async def _sleep(self, seconds):
        self.slept.append(seconds)

    def request(self, method, path, params=(), headers=(), body=b"", host="sandbox.test", checked=True):
        """Send one request; an answer of an API operation that the model does not allow fails the test."""
        query = params if isinstance(params, str) else urlencode(params)
        sent = {"host": host, **dict(headers)}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
        }
        messages = []

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            messages.append(message)

        drive(self.sandbox.app(scope, receive, send))
        start, *rest = messages
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        response = Response(start["status"], headers, b"".join(part["body"] for part in rest), messages)
        operation = self.sandbox.log[-1].operation
        if checked and operation not in {None, "lwa"} and MODELS.exists():
            assert faults_of(operation, response.status, response.json) == []
        return response

    def lwa(self, headers=(), **form):
        """Ask for an access token; with no form as the NA seller."""
        form = {
            "grant_type": "refresh_token",
            "refresh_token": NA.refresh_token,
            "client_id": DEMO_CLIENT_ID,
            "client_secret": DEMO_CLIENT_SECRET,
            **form,
        }
        body = urlencode({name: value for name, value in form.items() if value is not None}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded;charset=UTF-8", **dict(headers)}
        return self.request("POST", "/auth/o2/token", headers=headers, body=body)

    def token(self, seller=NA):
        """Return an access token of a seller; one is enough for a test."""
        if seller.refresh_token not in self._tokens:
            self._tokens[seller.refresh_token] = self.lwa(refresh_token=seller.refresh_token).json["access_token"]
        return self._tokens[seller.refresh_token]

    def ask_rdt(self, *resources, seller=NA, token=None, headers=(), **more):
        """Ask for a restricted data token."""
        body = orjson.dumps({"restrictedResources": list(resources), **more})
        headers = {"x-amz-access-token": token or self.token(seller), **dict(headers)}
        return self.request("POST", RDT, headers=headers, body=body)

    def rdt(self, *resources, seller=NA):
        """Return a restricted data token, by default for everything on orders and items."""
        return self.ask_rdt(*(resources or (LIST_PII, ORDER_PII, ITEMS_PII)), seller=seller).json[
            "restrictedDataToken"
        ]

    def get(self, path="", params=(), seller=NA, token=None, headers=(), **more):
        """Send an authorised GET below /orders/v0/orders."""
        headers = {"x-amz-access-token": token or self.token(seller), **dict(headers)}
        return self.request("GET", ORDERS + path, params, headers, **more)

    def get_2026(self, path="", params=(), seller=NA, token=None, headers=(), **more):
        """Send an authorised GET below /orders/2026-01-01/orders."""
        headers = {"x-amz-access-token": token or self.token(seller), **dict(headers)}
        return self.request("GET", ORDERS_2026 + path, params, headers, **more)

    def search(self, seller=NA, data=EVERYTHING, **params):
        """Ask for a page of orders of v2026, by default of all time and with every data set."""
        params = {"includedData": data, **params}
        if not any(name.endswith("dAfter") for name in params):
            params["createdAfter"] = "2025-01-01T00:00:00Z"
        return self.get_2026("", params, seller)

    def search_pages(self, seller=NA, data=EVERYTHING, between=lambda number: None, **params):
        """Yield the documents of a whole walk; `between` is called before each further page."""
        number, token = 1, {}
        while True:
            answer = self.search(seller, data, **params, **token)
            assert answer.status == 200, answer.body
            yield answer.json
            if "pagination" not in answer.json:
                return
            between(number)
            number += 1
            token = {"paginationToken": answer.json["pagination"]["nextToken"]}

    def search_ids(self, seller=NA, **params):
        """Return the ids of a whole walk, in the order in which they came."""
        return [order["orderId"] for page in self.search_pages(seller, "", **params) for order in page["orders"]]

    def list(self, seller=NA, token=None, **params):
        """Ask for a page of orders of all the seller's marketplaces, by default of all time."""
        params = {"MarketplaceIds": ",".join(seller.marketplace_ids), **params}
        if not any(name.endswith("dAfter") for name in params):
            params["CreatedAfter"] = "2025-01-01T00:00:00Z"
        return self.get("", params, seller, token)

    def pages(self, seller=NA, token=None, between=lambda number: None, **params):
        """Yield the payloads of a whole walk; `between` is called before each further page."""
        payload = self.list(seller, token, **params).payload
        number = 1
        yield payload
        while payload.get("NextToken"):
            between(number)
            number += 1
            payload = self.list(seller, token, **params, NextToken=payload["NextToken"]).payload
            yield payload

    def ids(self, seller=NA, **params):
        """Return the ids of a whole walk, in the order in which they came."""
        return [order["AmazonOrderId"] for page in self.pages(seller, **params) for order in page["Orders"]]


def is_uuid(text):
    """Tell whether a text looks like a request id."""
    return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text) is not None
