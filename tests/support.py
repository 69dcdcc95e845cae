"""Shared by the tests of the upstream client and of the endpoint: a clock that stands still, a legacy caller with
its own Signature Version 2, the endpoint over the sandbox in one process, and what every MWS answer must be."""

import asyncio
import base64
import contextlib
import dataclasses
import hmac
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from random import Random
from urllib.parse import quote
from uuid import UUID
from xml.etree import ElementTree as ET

import httpx
from pydantic import SecretStr

from bridge.cli.config import DEMO_ACCESS_KEY, DEMO_SECRET, demo_settings
from bridge.endpoint.access import AccessBook, AccessKey, SellerAccess
from bridge.endpoint.app import Endpoint, EndpointSettings
from bridge.endpoint.build import build_endpoint, build_handlers
from bridge.endpoint.nexttoken import TokenSealer
from bridge.endpoint.service import sellers_of
from bridge.observe import RequestEvent, log_event
from bridge.sandbox import DEMO_SELLERS, SandboxSettings
from bridge.settings import Settings
from bridge.upstream.accounts import Application, Seller
from bridge.upstream.client import ClientSettings, SpApi
from bridge.upstream.plans import V0
from bridge.upstream.throttle import Throttle
from tests.stock import stocked

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PATH = "/Orders/2013-09-01"
HOST = "mws.amazonservices.com"
NA, EU, FE, NO_PII = DEMO_SELLERS
US, CA = NA.marketplace_ids[:2]
ALWAYS = "2013-09-01T00:00:00Z"
UPSTREAM = "http://sandbox.test"

#: code → (status, Type), from section 6.2 of the wire reference; InvalidRequest is the bridge's own addition.
CATALOGUE = {
    "AccessDenied": {(401, "Sender")},
    "InternalError": {(500, "Receiver")},
    "InvalidAccessKeyId": {(403, "Sender")},
    "InvalidAddress": {(404, "Sender")},
    "InvalidParameterValue": {(400, "Sender")},
    "InvalidRequest": {(400, "Sender"), (405, "Sender"), (413, "Sender"), (431, "Sender")},
    "NextTokenCorrupted": {(400, "Sender")},
    "RequestExpired": {(400, "Sender")},
    "RequestThrottled": {(503, "")},
    "ServiceUnavailable": {(503, "Receiver")},
    "SignatureDoesNotMatch": {(403, "Sender")},
}
#: A section's own, or the bare host's where no section could be made out.
_NAMESPACE = re.compile(r"https://mws\.amazonservices\.com/([A-Za-z]+/\d{4}-\d\d-\d\d)?")


class Clock:
    """Stands still until it is told, or slept on."""

    def __init__(self, at: float = NOW.timestamp()) -> None:
        self.at = at
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.at

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds
        await asyncio.sleep(0)


def text_time(instant: datetime) -> str:
    """An instant as most clients write it."""
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


# --- the caller -----------------------------------------------------------------------------------------------------


@lru_cache(1024)
def encoded(text: str) -> str:
    """RFC 3986, as Signature Version 2 wants it."""
    return quote(text, safe="-_.~")


def signature(
    secret: str, method: str, host: str, path: str, pairs: Mapping[str, str], digest: str = "sha256"
) -> str:
    """Signature Version 2, written down again from the specification."""
    query = "&".join(f"{encoded(n)}={encoded(v)}" for n, v in sorted(pairs.items(), key=lambda p: p[0].encode()))
    text = f"{method}\n{host}\n{path}\n{query}"
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), digest)).decode()


def signed_query(
    action: str,
    parameters: Mapping[str, str] | None = None,
    *,
    now: datetime = NOW,
    seller: str = NA.selling_partner_id,
    key: str = DEMO_ACCESS_KEY,
    secret: str = DEMO_SECRET,
    method: str = "POST",
    path: str = PATH,
    host: str = HOST,
) -> str:
    """The signed parameters of a call, as they go over the wire. An empty ``seller`` leaves SellerId out."""
    pairs = {
        "AWSAccessKeyId": key,
        "Action": action,
        **({"SellerId": seller} if seller else {}),
        "SignatureMethod": "HmacSHA256",
        "SignatureVersion": "2",
        "Timestamp": text_time(now),
        "Version": "2013-09-01",
        **(parameters or {}),
    }
    wire = "&".join(f"{encoded(name)}={encoded(value)}" for name, value in pairs.items())
    return f"{wire}&Signature={encoded(signature(secret, method, host, path, pairs))}"


# --- the answer -----------------------------------------------------------------------------------------------------


def plain(tag: str) -> str:
    """An element's name without its namespace."""
    return tag.rpartition("}")[2]


class Answer:
    """An MWS answer: bytes that have been found to be well-formed XML."""

    def __init__(self, status: int, headers: httpx.Headers, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.root = ET.fromstring(body)

    @cached_property
    def tags(self) -> set[str]:
        """All names of elements that there are, each with its namespace."""
        return {element.tag for element in self.root.iter()}

    def all(self, name: str) -> list[ET.Element]:
        wanted = {tag for tag in self.tags if plain(tag) == name}
        return [element for element in self.root.iter() if element.tag in wanted] if wanted else []

    def text(self, name: str) -> str | None:
        """The text of the first element of that name; None when there is none."""
        found = self.all(name)
        return (found[0].text or "") if found else None

    @property
    def code(self) -> str | None:
        return self.text("Code")

    @property
    def type(self) -> str | None:
        return self.text("Type")

    @property
    def message(self) -> str | None:
        return self.text("Message")

    @property
    def token(self) -> str | None:
        return self.text("NextToken")

    @property
    def ids(self) -> list[str]:
        """The orders' ids, in document order."""
        orders = self.all("Order")
        return [child.text or "" for order in orders for child in order if plain(child.tag) == "AmazonOrderId"]

    @property
    def outcome(self) -> tuple[int, str | None]:
        return self.status, self.code


def assert_mws(answer: Answer) -> None:
    """What holds of every answer: MWS XML of the right namespace with the request id of its header, the content type,
    the x-mws headers, and a status that belongs to its code."""
    headers = answer.headers
    assert headers["content-type"] == "text/xml"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", headers["x-mws-timestamp"])
    assert len(base64.b64decode(headers["x-mws-response-context"])) == 66
    request_id = headers["x-mws-request-id"]
    assert str(UUID(request_id)) == request_id
    assert not [name for name in headers if name.startswith("x-mws-quota")]
    assert answer.body.startswith(b'<?xml version="1.0"?>\n<')
    assert b"\n\n" not in answer.body
    assert answer.body.endswith(b">\n")
    root = plain(answer.root.tag)
    if root == "PingResponse":
        assert answer.status == 200
        return
    namespaces = {tag[1:].partition("}")[0] for tag in answer.tags}
    assert len(namespaces) == 1
    assert _NAMESPACE.fullmatch(namespaces.pop())
    if root == "ErrorResponse":
        assert [plain(child.tag) for child in answer.root] in (["Error", "RequestID"], ["Error", "RequestId"])
        assert [plain(child.tag) for child in answer.root[0]] == ["Type", "Code", "Message"]
        assert answer.root[1].text == request_id
        assert (answer.status, answer.type) in CATALOGUE[answer.code or ""]
        assert answer.message
    else:
        assert answer.status == 200
        name = root.removesuffix("Response")
        assert [plain(child.tag) for child in answer.root] == [f"{name}Result", "ResponseMetadata"]
        assert answer.root[1][0].text == request_id


# --- the endpoint ---------------------------------------------------------------------------------------------------


class CountingTransport(httpx.AsyncBaseTransport):
    """Hands requests on, and keeps them."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner = inner
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return await self.inner.handle_async_request(request)


class Bridge:
    """The whole endpoint over the sandbox, in one process, at a time that stands still."""

    def __init__(
        self,
        *,
        sandbox: SandboxSettings | None = None,
        settings: Callable[[Settings], Settings] = lambda settings: settings,
        transport: httpx.AsyncBaseTransport | None = None,
        ring: tuple[str, ...] = ("a key for NextTokens",),
        clock: Clock | None = None,
        version: str = V0,
    ) -> None:
        self.clock = clock or Clock()
        self.sandbox = stocked(sandbox or SandboxSettings(orders=90, anchor=NOW), self.clock, self.clock.sleep)
        self.upstream = CountingTransport(transport or httpx.ASGITransport(self.sandbox.app))
        made = demo_settings(UPSTREAM, upstream=version)
        server = made.server.model_copy(update={"token_keys": tuple(SecretStr(key) for key in ring)})
        self.settings = settings(made.model_copy(update={"server": server}))
        self.events: list[RequestEvent] = []
        numbers = Random(2013)
        self.endpoint = build_endpoint(
            self.settings,
            transport=self.upstream,
            emit=self._emit,
            now=self.clock.now,
            clock=self.clock,
            sleep=self.clock.sleep,
            random_bytes=numbers.randbytes,
            new_request_id=lambda: str(UUID(bytes=numbers.randbytes(16), version=4)),
        )

    def _emit(self, event: RequestEvent) -> None:
        self.events.append(event)
        log_event(event)

    @property
    def api(self) -> SpApi:
        return self.endpoint._handlers._reads[V0]._api

    def restart(self, *ring: str) -> "Bridge":
        """The same bridge started again with another key ring, over the same sandbox."""
        other = Bridge(ring=ring, clock=self.clock, transport=self.upstream)
        other.sandbox = self.sandbox
        return other

    async def send(
        self,
        method: str = "POST",
        path: str = PATH,
        query: str | bytes = b"",
        body: str | bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Any request whatever, and an answer that has been found to be one of MWS."""
        answer = await ask(self.endpoint, method, path, query, body, headers)
        assert_mws(answer)
        return answer

    async def call(
        self,
        action: str,
        parameters: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        path: str = PATH,
        **signing: str,
    ) -> Answer:
        """One signed POST."""
        query = signed_query(action, parameters, now=self.clock.now(), path=path, **signing)
        return await self.send("POST", path, body=query, headers=headers)

    async def pages(self, parameters: Mapping[str, str], *, most: int = 200, **signing: str) -> list[Answer]:
        """ListOrders and every ListOrdersByNextToken after it."""
        answers = [await self.call("ListOrders", parameters, **signing)]
        while (token := answers[-1].token) is not None:
            assert len(answers) < most, "the listing does not end"
            answers.append(await self.call("ListOrdersByNextToken", {"NextToken": token}, **signing))
        return answers

    def upstream_queries(self, operation: str = "getOrders") -> list[dict[str, str]]:
        """The decoded queries that reached the sandbox."""
        return [dict(call.query) for call in self.sandbox.log if call.operation == operation]

    def order_ids(self, seller: str = NA.selling_partner_id) -> list[str]:
        return [order.id for order in self.sandbox.store.orders(seller)]


async def ask(
    app: Callable[..., Awaitable[None]],
    method: str,
    path: str,
    query: str | bytes = b"",
    body: str | bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request to an ASGI application, straight through the interface: nothing between mends path or query."""
    query = query.encode() if isinstance(query, str) else query
    body = body.encode() if isinstance(body, str) else body
    given = {"host": HOST, **(headers or {})}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode("latin-1"),
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in given.items()],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 80),
    }
    pieces = [body[start : start + 65536] for start in range(0, len(body), 65536)] or [b""]
    inbox: Iterator[dict[str, object]] = iter(
        {"type": "http.request", "body": piece, "more_body": number < len(pieces)}
        for number, piece in enumerate(pieces, 1)
    )
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return next(inbox, {"type": "http.disconnect"})

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    answer = httpx.Response(sent[0]["status"], headers=sent[0]["headers"], content=sent[1]["body"])
    assert int(answer.headers["content-length"]) == len(sent[1]["body"])
    return Answer(answer.status_code, answer.headers, answer.content)


def faulty_endpoint(
    transport: httpx.AsyncBaseTransport,
    *,
    origin: str = UPSTREAM,
    events: list[RequestEvent] | None = None,
    version: str = V0,
    **client: float,
) -> Endpoint:
    """An endpoint whose upstream is up to no good: real time, small deadlines. ``client`` are ClientSettings."""
    settings = demo_settings(origin, upstream=version)
    loop_time = asyncio.get_running_loop().time
    patience: dict[str, float] = {"deadline": 0.3, "read_timeout": 0.08, "connect_timeout": 0.08, "backoff": 0.005}
    api = SpApi(
        httpx.AsyncClient(transport=transport),
        throttle=Throttle(clock=loop_time, sleep=asyncio.sleep, max_wait=0.0),
        settings=ClientSettings(
            lwa_url=settings.upstream.lwa_url,
            origins=dict.fromkeys(("na", "eu", "fe"), origin),
            **{**patience, **client},
        ),
        clock=loop_time,
        sleep=asyncio.sleep,
    )
    numbers = Random(7)
    sellers = {id_: SellerAccess(seller) for id_, seller in sellers_of(settings).items()}
    return Endpoint(
        AccessBook([AccessKey(DEMO_ACCESS_KEY, DEMO_SECRET, sellers)]),
        build_handlers(
            api, TokenSealer(["key"], clock=NOW.timestamp, random_bytes=numbers.randbytes), clock=NOW.timestamp
        ),
        settings=EndpointSettings(),
        now=lambda: NOW,
        new_request_id=lambda: str(UUID(bytes=numbers.randbytes(16), version=4)),
        random_bytes=numbers.randbytes,
        emit=(events if events is not None else []).append,
    )


# --- upstream -------------------------------------------------------------------------------------------------------

SELLER = Seller("A1SELLER", Application("client-1", "client-secret"), "Atzr|refresh-1", "na", ("ATVPDKIKX0DER",))


def another_seller(seller_id: str = "A2SELLER", **changes: object) -> Seller:
    """A seller beside SELLER."""
    return dataclasses.replace(SELLER, seller_id=seller_id, refresh_token=f"Atzr|of-{seller_id}", **changes)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


@contextlib.asynccontextmanager
async def raw_server(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """A loopback server that does with its connections what it likes; yields its origin."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the other side went away, or the test is over
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """One HTTP request: head, and as much body as it declares."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    return head + (await reader.readexactly(int(length[1])) if length else b"")


def reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection by RST."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    writer.transport.abort()
