"""The endpoint that the legacy clients talk to, and a plain reading of it to compare them with."""

import base64
import hashlib
import hmac
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from queue import Empty, Queue
from threading import Thread
from typing import NoReturn
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as ET

import pytest

collect_ignore = ["drivers", "installed"]

SERVE = [sys.executable, "-m", "bridge", "serve", "--sandbox", "--host", "127.0.0.1", "--port", "0"]
PATIENCE = 30  # seconds until the endpoint listens
ANNOUNCED = {"access key", "secret", "seller", "marketplace"}
END = "(end of output)"
ALWAYS = "2013-09-01T00:00:00Z"
WINDOW = 13  # orders that a client is asked to read
PAGE_SIZE = 5
THROTTLE_CALLS = 60  # ListOrders in a row, of which one must be throttled
ITEMS_OF = 8  # orders of them whose items are asked for; the emulated SP-API grants 30 such calls at once
PATH = "/Orders/2013-09-01"
NAMESPACE = {"m": f"https://mws.amazonservices.com{PATH}"}


@dataclass(frozen=True, slots=True)
class Task:
    """What a driver is told in its environment, and what it should find."""

    environment: dict[str, str]
    expected: dict


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where it listens and the demo account that it announced."""

    url: str
    access_key: str
    secret: str
    seller: str
    marketplace: str


@dataclass(frozen=True, slots=True)
class Period:
    """Two moments of purchase; both belong to it."""

    after: str
    before: str


@pytest.fixture(scope="session")
def new_task() -> Callable[[], AbstractContextManager[Task]]:
    """Start an endpoint for one client, so that its quotas are full, and read it once to know what is there.

    An endpoint that cannot be started or read is tried once: the other clients fail without waiting for it again.
    """
    broken: list[str] = []

    @contextmanager
    def task() -> Iterator[Task]:
        if broken:
            pytest.fail(broken[0], pytrace=False)
        with ExitStack() as stack:
            try:
                endpoint = stack.enter_context(_serve())
                reader = PlainReader(endpoint)
                period = reader.busy_period()
                made = Task(_environment(endpoint, period), reader.read(period))
            except BaseException as exc:
                broken.append(f"the endpoint failed before a client was run: {exc}")
                raise
            yield made

    return task


def _environment(endpoint: Endpoint, period: Period) -> dict[str, str]:
    return {
        "MWS_URL": endpoint.url,
        "MWS_ACCESS_KEY": endpoint.access_key,
        "MWS_SECRET": endpoint.secret,
        "MWS_SELLER": endpoint.seller,
        "MWS_MARKETPLACE": endpoint.marketplace,
        "MWS_CREATED_AFTER": period.after,
        "MWS_CREATED_BEFORE": period.before,
        "MWS_PAGE_SIZE": str(PAGE_SIZE),
        "MWS_ITEMS_OF": str(ITEMS_OF),
        "MWS_CALLS": str(THROTTLE_CALLS),
    }


@contextmanager
def _serve() -> Iterator[Endpoint]:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        SERVE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        lines: Queue[str] = Queue()
        reader = Thread(target=_drain, args=(process, lines), daemon=True)
        reader.start()
        try:
            yield _announced(lines)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
            reader.join(10)


def _drain(process: subprocess.Popen[str], lines: Queue[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line.rstrip("\n"))
    lines.put(END)


def _announced(lines: Queue[str]) -> Endpoint:
    """Read `listening on URL` and the credentials of the demo account from the indented lines after it."""
    seen: list[str] = []
    deadline = time.monotonic() + PATIENCE
    url = ""
    account: dict[str, str] = {}
    while True:
        try:
            line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty:
            _not_announced(seen)
        seen.append(line)
        if line.startswith("listening on "):
            url = line.split()[2].rstrip("/")
        elif url and line.startswith("  "):
            name, _, value = line.strip().partition("  ")
            account.setdefault(name, value.strip())
        elif line == END:
            _not_announced(seen)
        if account.keys() >= ANNOUNCED:
            return Endpoint(url, account["access key"], account["secret"], account["seller"], account["marketplace"])


def _not_announced(seen: list[str]) -> NoReturn:
    pytest.fail("the endpoint did not announce itself; it printed:\n" + "\n".join(seen), pytrace=False)


class PlainReader:
    """Reads the endpoint with the standard library alone; its record has the shape that every driver prints."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def busy_period(self) -> Period:
        """Choose WINDOW of the oldest orders, which change no more, with as many kinds of order as can be."""
        page = self._call("ListOrders", CreatedAfter=ALWAYS, MaxResultsPerPage="100")
        orders = page.findall("m:Orders/m:Order", NAMESPACE)
        assert len(orders) > WINDOW, f"the sandbox has only {len(orders)} orders to show"
        kinds = [(_text(order, "OrderStatus"), _text(order, "OrderTotal/Amount") is None) for order in orders]
        start = max(range(len(orders) - WINDOW + 1), key=lambda n: len(set(kinds[n : n + WINDOW])))
        chosen = orders[start : start + WINDOW]
        return Period(_text(chosen[0], "PurchaseDate") or "", _text(chosen[-1], "PurchaseDate") or "")

    def read(self, period: Period) -> dict:
        """Follow the NextTokens to the end, then get two orders and the items of the first ITEMS_OF."""
        pages = [
            self._call(
                "ListOrders",
                CreatedAfter=period.after,
                CreatedBefore=period.before,
                MaxResultsPerPage=str(PAGE_SIZE),
            )
        ]
        while token := _text(pages[-1], "NextToken"):
            pages.append(self._call("ListOrdersByNextToken", NextToken=token))
        orders = [order for page in pages for order in page.findall("m:Orders/m:Order", NAMESPACE)]
        ids = [_text(order, "AmazonOrderId") for order in orders]
        return {
            "pages": len(pages),
            "orders": ids,
            "first": {
                "PurchaseDate": _text(orders[0], "PurchaseDate"),
                "OrderStatus": _text(orders[0], "OrderStatus"),
                "OrderTotal": _text(orders[0], "OrderTotal/Amount"),
            },
            "get_order": ids[:2],
            "items": {order_id: self._items(order_id) for order_id in ids[:ITEMS_OF] if order_id},
        }

    def _items(self, order_id: str) -> list[list[str | None]]:
        items = self._call("ListOrderItems", AmazonOrderId=order_id).findall("m:OrderItems/m:OrderItem", NAMESPACE)
        names = ("OrderItemId", "ASIN", "QuantityOrdered", "ItemPrice/Amount")
        return [[_text(item, name) for name in names] for item in items]

    def _call(self, action: str, **arguments: str) -> ET.Element:
        endpoint = self._endpoint
        parameters = {
            "Action": action,
            "AWSAccessKeyId": endpoint.access_key,
            "SellerId": endpoint.seller,
            "SignatureMethod": "HmacSHA256",
            "SignatureVersion": "2",
            "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "Version": "2013-09-01",
            **arguments,
        }
        if action == "ListOrders":
            parameters["MarketplaceId.Id.1"] = endpoint.marketplace
        query = "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in sorted(parameters.items()))
        text = f"GET\n{urlsplit(endpoint.url).netloc}\n{PATH}\n{query}"
        signature = base64.b64encode(hmac.digest(endpoint.secret.encode(), text.encode(), hashlib.sha256)).decode()
        url = f"{endpoint.url}{PATH}?{query}&Signature={quote(signature, safe='')}"
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=20) as answer:
                document = ET.fromstring(answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                pytest.fail(f"{action} was answered {refused.code}: {refused.read().decode()}", pytrace=False)
        result = document.find(f"m:{action}Result", NAMESPACE)
        assert result is not None, f"{action} was answered by {document.tag}"
        return result


def _text(element: ET.Element, path: str) -> str | None:
    return element.findtext("/".join(f"m:{name}" for name in path.split("/")), namespaces=NAMESPACE)
