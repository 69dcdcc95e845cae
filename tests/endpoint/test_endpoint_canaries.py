"""Canaries: every secret and every personal field holds a marker, everything that can fail is made to fail, with all
loggers at DEBUG, and then the markers are looked for where they must not be."""

import ast
import asyncio
import contextlib
import gc
import logging
import traceback
from pathlib import Path
from random import Random
from uuid import UUID

import httpx
import orjson
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from bridge.endpoint import app as app_module
from bridge.endpoint import reads_v0, reads_v2026
from bridge.endpoint.build import build_endpoint
from bridge.endpoint.server import serving
from bridge.mapping import orders_v0, orders_v2026
from bridge.mapping.rows import Row
from bridge.observe import emit_to_log, log_event
from bridge.settings import parse_settings
from bridge.upstream.plans import V0, V2026
from bridge.upstream.transport import AiohttpTransport
from bridge.watch.board import Board
from bridge.watch.counting import Watch
from bridge.watch.metrics import render_metrics
from bridge.watch.page import render_page
from bridge.watch.spans import Spans
from bridge.watch.survey import Survey
from mws_compat.orders import ORDER, ORDER_ITEM
from mws_compat.query import HttpRequest, parse_call, resolve_address
from mws_compat.schema import BOOLEAN, DATETIME, DECIMAL, INTEGER, ListOf, Scalar, Struct
from tests.support import ALWAYS, PATH, US, Clock, ask, raw_server, read_request, signed_query

ROOT = Path(__file__).resolve().parents[2]
SELLER = "A1SELLER"
KEY = "AKIA-NOT-SECRET"
ORDER_ID = "123-1234567-1234567"

SECRETS = {
    "access key": "CANARY/secret+of/the=key",
    "client secret": "CANARY-client-secret",
    "refresh token": "Atzr|CANARY-refresh",
    "access token": "Atza|CANARY-access",
    "restricted token": "Atz.sprdt|CANARY-rdt",
    "token key": "CANARY-token-key",
    "auth token": "CANARY-mws-auth-token",
    "upstream NextToken": "CANARY+upstream/next==",
}
#: What a caller gives that is personal.
ASKED = {"BuyerEmail": "canary.asked@example.com"}
PERSONAL: dict[str, str] = {}


def marked(table, prefix):
    """A v0 JSON object in which every mapped field has a value, and every personal one a marker, kept in PERSONAL."""
    document = {}
    fields = {field.name: field for field in table.struct.fields}
    for row in table.rows:
        if not isinstance(row, Row):
            continue
        *outer, last = row.source.split(".")
        inner = document
        for step in outer:
            inner = inner.setdefault(step, {})
        inner[last] = _value(fields[row.mws], row, f"{prefix}.{row.mws}")
    return document


def _value(field, row, name):
    kind = field.kind
    if isinstance(kind, ListOf):
        return [_value_of(kind.of, row, name, pii=field.pii)]
    return _value_of(kind, row, name, pii=field.pii)


def _value_of(kind, row, name, *, pii):
    if isinstance(kind, Struct):
        return marked(row.via, name) if row.via else {"CurrencyCode": "USD", "Amount": "1.00"}
    assert isinstance(kind, Scalar)
    if pii:
        marker = PERSONAL[name] = f"canary.{name}@example.com" if "Email" in name else f"CANARY<{name}>&é"
        return marker
    return {BOOLEAN: "false", INTEGER: 1, DATETIME: "2026-11-01T00:00:00Z", DECIMAL: "1.00"}.get(kind, "plain")


ORDER_JSON = {**marked(orders_v0.ORDER_MAP, "Order"), "AmazonOrderId": ORDER_ID, "FulfillmentChannel": "MFN"}
ITEM_JSON = marked(orders_v0.ITEM_MAP, "Item")


def personal_leaves(struct):
    """The names of all personal leaves of a struct."""
    for field in struct.fields:
        kind = field.kind.of if isinstance(field.kind, ListOf) else field.kind
        if isinstance(kind, Struct):
            yield from personal_leaves(kind)
        elif field.pii:
            yield field.name


#: Personal leaves that no v0 field feeds: the mapping says why.
WITHOUT_SOURCE = {
    "taxRegistrationId",
    "BuyerCitizenId",
    "BuyerLegalName",
    "InvoiceTitle",
    "InvoiceInformation",
}


def test_every_personal_field_has_a_canary():
    """A new personal field in the tables gets a canary by itself, or this test says that it has none."""
    leaves = set(personal_leaves(ORDER)) | set(personal_leaves(ORDER_ITEM))
    assert leaves - {name.rpartition(".")[2] for name in PERSONAL} == WITHOUT_SOURCE
    assert len(PERSONAL) >= 30


def settings(version, origin="http://amazon.test"):
    return parse_settings(
        {
            "server": {"token_keys": [SECRETS["token key"]]},
            "upstream": {
                "lwa_url": f"{origin}/auth/o2/token",
                "origins": dict.fromkeys(("na", "eu", "fe"), origin),
                "attempts": 2,
            },
            "application": [{"client_id": "client", "client_secret": SECRETS["client secret"]}],
            "seller": [
                {
                    "seller_id": SELLER,
                    "refresh_token": SECRETS["refresh token"],
                    "marketplaces": [US],
                    "upstream": version,
                }
            ],
            "access_key": [
                {
                    "id": KEY,
                    "secret": SECRETS["access key"],
                    "sellers": [SELLER],
                    "mws_auth_tokens": {SELLER: SECRETS["auth token"]},
                }
            ],
        },
        {},
        base=None,
    )


#: The same order as v2026-01-01 tells it.
ORDER_2026 = {
    **orders_v2026.ORDER_MAP.write(orders_v0.ORDER_MAP.read(ORDER_JSON)),
    "orderItems": [orders_v2026.ITEM_MAP.write(orders_v0.ITEM_MAP.read(ITEM_JSON))],
}
EVERYTHING = orjson.dumps([SECRETS, PERSONAL, ASKED, ORDER_JSON]).decode()


def amazon_error(status):
    """An error of SP-API that quotes everything there is."""
    words = f"Value {ASKED['BuyerEmail']} of {SECRETS['access token']} and {SECRETS['restricted token']} is refused"
    body = {"errors": [{"code": "InvalidInput", "message": words, "details": f"{words} (the token has expired)"}]}
    return httpx.Response(status, json=body)


def login_error(status, error):
    return httpx.Response(status, json={"error": error, "error_description": f"bad {EVERYTHING}", "request_id": "x"})


def broken(kind):
    def fail(request):
        raise kind(f"{request.url} {request.headers} {EVERYTHING}", request=request)

    return fail


def answer(body):
    return httpx.Response(200, content=body if isinstance(body, bytes) else orjson.dumps(body))


ORDERS = {"payload": {"Orders": [ORDER_JSON], "NextToken": SECRETS["upstream NextToken"]}}
ITEMS = {
    "payload": {"AmazonOrderId": ORDER_ID, "OrderItems": [ITEM_JSON], "NextToken": SECRETS["upstream NextToken"]}
}

FOUND = {"orders": [ORDER_2026], "pagination": {"nextToken": SECRETS["upstream NextToken"]}}

#: Faults of Login with Amazon, of the token service, of the order operations.
LOGIN_FAULTS = {
    "invalid_grant": login_error(400, "invalid_grant"),
    "invalid_client": login_error(401, "invalid_client"),
    "500": login_error(500, "server_error"),
    "html": answer(EVERYTHING.encode()),
    "no token": answer({"token": SECRETS["access token"]}),
    "wrong type": answer({"access_token": {"x": SECRETS["access token"]}, "expires_in": SECRETS["access token"]}),
    "connection": broken(httpx.ConnectError),
}
TOKEN_FAULTS = {
    **{f"{status}": amazon_error(status) for status in (400, 401, 403, 404, 429, 500, 503)},
    "html": answer(EVERYTHING.encode()),
    "wrong type": answer({"restrictedDataToken": [SECRETS["restricted token"]], "expiresIn": "soon"}),
    "connection": broken(httpx.ReadError),
}
ORDER_FAULTS = {
    **TOKEN_FAULTS,
    "unzip": broken(httpx.DecodingError),
    "truncated": answer(orjson.dumps(ORDERS)[:-20]),
    "shape": answer({"payload": [ORDER_JSON]}),
    **{
        f"type of {name}": answer(
            {"payload": {"Orders": [{**ORDER_JSON, name: value}], "OrderItems": [{**ITEM_JSON, name: value}]}}
        )
        for name, value in {
            "BuyerInfo": [PERSONAL],
            "ShippingAddress": {"Name": {"x": [*PERSONAL.values()]}},
            "AmazonOrderId": [*PERSONAL.values()],
            "NumberOfItemsShipped": "CANARY",
            "IsPrime": PERSONAL["Order.BuyerName"],
            "PromotionIds": {"x": PERSONAL["Order.BuyerName"]},
            "IsGift": PERSONAL["Order.BuyerName"],
        }.items()
    },
}

FAULTS_2026 = {
    f"2026 type of {name}": answer({"orders": [{**ORDER_2026, name: value}], "order": {**ORDER_2026, name: value}})
    for name, value in {
        "buyer": [PERSONAL],
        "recipient": {"deliveryAddress": {"name": {"x": [*PERSONAL.values()]}}},
        "orderId": [*PERSONAL.values()],
        "programs": PERSONAL["Order.BuyerName"],
        "proceeds": {"grandTotal": PERSONAL["Order.BuyerName"]},
        "createdTime": PERSONAL["Order.BuyerName"],
        "orderItems": [{"product": [PERSONAL]}, {"quantityOrdered": PERSONAL["Order.BuyerName"]}],
    }.items()
}

CALLS = [
    ("ListOrders", {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US, **ASKED}),
    ("ListOrdersByNextToken", {}),
    ("GetOrder", {"AmazonOrderId.Id.1": ORDER_ID}),
    ("ListOrderItems", {"AmazonOrderId": ORDER_ID}),
    ("ListOrderItemsByNextToken", {}),
    ("GetServiceStatus", {}),
]
#: Calls that fail by themselves.
BAD_CALLS = [
    ("ListOrders", {"CreatedAfter": ASKED["BuyerEmail"], "MarketplaceId.Id.1": US, **ASKED}),
    ("ListOrders", {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US, "SellerOrderId": "x", **ASKED}),
    ("ListOrders", {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US, "MWSAuthToken": "CANARY-wrong-auth"}),
    ("ListOrders", {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US, "SellerId": ASKED["BuyerEmail"]}),
    ("ListOrders", {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US, "MaxResultsPerPage": ASKED["BuyerEmail"]}),
    ("ListOrdersByNextToken", {"NextToken": SECRETS["upstream NextToken"]}),
]


class Lines(logging.Handler):
    """Every record of every logger as text, arguments and traceback included."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(message)s %(args)r"))
        self.lines = []

    def emit(self, record):
        self.lines.append(self.format(record))


class Witness:
    """The endpoint, its upstream, and everything that was seen or could be printed."""

    def __init__(self, lines, monkeypatch, version):
        self.version = version
        self.lines = lines
        self.faults = {}
        self.events, self.raised, self.objects = [], [], []
        self.signatures = set()
        self.tokens = {}
        self.clock = Clock()
        self.settings = settings(version)
        numbers = Random(3)
        self.endpoint = build_endpoint(
            self.settings,
            transport=httpx.MockTransport(self.amazon),
            emit=self._emit,
            now=self.clock.now,
            clock=self.clock,
            sleep=self.clock.sleep,
            random_bytes=numbers.randbytes,
            new_request_id=lambda: str(UUID(bytes=numbers.randbytes(16), version=4)),
        )
        handle = self.endpoint._handlers.handle

        async def watched(request):
            self.objects.append(repr(request))
            try:
                return await handle(request)
            except app_module.MwsError as error:
                self.raised.append("".join(traceback.format_exception(error)) + repr(error) + repr(vars(error)))
                raise

        monkeypatch.setattr(self.endpoint._handlers, "handle", watched)

    def _emit(self, event):
        self.events.append(event)
        log_event(event)

    def amazon(self, request):
        path = request.url.path
        kind = "login" if path.startswith("/auth") else "token" if path.startswith("/tokens") else "orders"
        fault = self.faults.get(kind)
        if fault is not None:
            return fault(request) if callable(fault) else fault
        if kind == "login":
            return answer({"access_token": SECRETS["access token"], "refresh_token": SECRETS["refresh token"]})
        if kind == "token":
            return answer({"restrictedDataToken": SECRETS["restricted token"]})
        if "/2026-01-01/" in path:
            return answer(FOUND if path.endswith("/orders") else {"order": ORDER_2026})
        if path.endswith("/orderItems"):
            return answer(ITEMS)
        return answer(ORDERS if path.endswith("/orders") else {"payload": ORDER_JSON})

    async def call(self, http, action, parameters, **signing):
        if action in self.tokens:
            parameters = {"NextToken": self.tokens[action], **parameters}
        query = signed_query(
            action,
            {"MWSAuthToken": SECRETS["auth token"], **parameters},
            now=self.clock.now(),
            **{"seller": SELLER, "key": KEY, "secret": SECRETS["access key"], **signing},
        )
        self.signatures.add(query.rpartition("&Signature=")[2])
        self.signatures.add(httpx.QueryParams(query)["Signature"])
        with contextlib.suppress(app_module.MwsError):
            self.objects.append(repr(parse_call(HttpRequest("POST", PATH, b"", query.encode(), "h"))))
        got = await http.post(PATH, content=query.encode(), headers={"accept-encoding": "identity"})
        if got.status_code == 200:
            self._succeeded(got, action)
        else:
            self.objects.append(got.text)
        self.objects.append(repr(got.headers.raw))
        self.clock.at += 600
        return got

    def _succeeded(self, got, action):
        """A success may hold personal data, but no secret."""
        for name, secret in SECRETS.items():
            assert secret not in got.text, name
        if action in {"ListOrders", "ListOrderItems"}:
            token = got.text.partition("<NextToken>")[2].partition("</")[0]
            self.tokens[f"{action}ByNextToken"] = token

    async def session(self, http):
        """All calls, once without tokens in the cache and once with."""
        for action, parameters in CALLS:
            await self.call(http, action, parameters)
        await self.call(http, *CALLS[0], secret="CANARY-wrong-secret")
        await self.call(http, *CALLS[0], key="AKIANOBODY")

    def forget(self):
        self.endpoint._handlers._reads[V0]._api.tokens._entries.clear()
        self.endpoint._handlers._reads[V0]._api.tokens._refused.clear()
        self.endpoint._handlers._reads[V0]._api.throttle._state._levels.clear()

    def everything(self):
        """All that could be printed, by where it was found."""
        api = self.endpoint._handlers._reads[V0]._api
        newer = self.endpoint._handlers._reads[V2026]
        book = self.endpoint.book
        things = [
            self.settings,
            self.settings.model_dump(),
            self.endpoint,
            book,
            book._keys,
            [key.sellers for key in book._keys.values()],
            self.endpoint._handlers,
            self.endpoint._handlers._sealer,
            vars(self.endpoint),
            vars(self.endpoint._handlers),
            api,
            api._settings,
            api.throttle,
            vars(api.throttle),
            api.tokens,
            vars(api.tokens),
            api.tokens._entries,
            self.events,
            vars(newer),
            vars(newer._datasets),
            newer._kept,
            vars(newer._kept),
            vars(newer._kept._state),
            vars(self.endpoint._handlers._versions),
        ]
        yield from (("repr", repr(thing)) for thing in things)
        yield from (("str", str(thing)) for thing in things)
        yield from (("log", line) for line in self.lines)
        yield from (("traceback", text) for text in self.raised)
        yield from (("shown", text) for text in self.objects)

    def assert_no_canary(self):
        markers = {
            **SECRETS,
            **PERSONAL,
            **ASKED,
            **{f"signature {number}": made for number, made in enumerate(self.signatures)},
        }
        # Most say that they are canaries: the few others are looked for one by one, and all in what is suspicious.
        silent = {name: marker for name, marker in markers.items() if "canary" not in marker.lower()}
        assert silent.keys() == {name for name in markers if name.startswith("signature ")}
        for text, where in {text: where for where, text in self.everything()}.items():
            low = text.lower()
            for name, marker in (markers if "canary" in low else silent).items():
                assert marker not in text, f"{name} in {where}: {text[:2000]}"
            assert "canary" not in low, f"a canary in {where}: {text[max(0, low.index('canary') - 200) :][:600]}"


@pytest.fixture(scope="module")
def _only_ours():
    """What is there before the first of these tests is none of their garbage: it is not looked through for each."""
    gc.collect()
    gc.freeze()


@pytest.fixture(params=[V0, V2026])
async def witness(request, caplog, monkeypatch, _only_ours):
    for name in ["", *logging.Logger.manager.loggerDict]:
        caplog.set_level(logging.DEBUG, name)
    handler = Lines()
    logging.getLogger().addHandler(handler)
    made = Witness(handler.lines, monkeypatch, request.param)
    try:
        yield made
        gc.collect()  # what asyncio has to say about forgotten exceptions it says now
    finally:
        logging.getLogger().removeHandler(handler)
    assert any(line.startswith("mws_bridge.requests ") for line in made.lines)
    assert any(line.startswith("httpx ") for line in made.lines)
    made.assert_no_canary()


@pytest.fixture
async def http(witness):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(witness.endpoint), base_url="http://h") as client:
        yield client


async def test_personal_data_is_in_the_answers_and_nowhere_else(witness, http):
    """A session without faults: each personal field is in an answer, and nothing of it anywhere else."""
    bodies = ""
    for action, parameters in CALLS:
        if witness.version == V2026 and action == "ListOrderItemsByNextToken":
            continue  # all items come at once
        got = await witness.call(http, action, parameters)
        assert got.status_code == 200
        bodies += got.text
    told = orjson.dumps(ORDER_2026).decode()
    for name, marker in PERSONAL.items():
        if witness.version == V2026 and marker not in told:
            continue  # no member of v2026 carries it
        written = marker.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        assert written in bodies, name


@pytest.mark.parametrize("fault", LOGIN_FAULTS)
async def test_faults_of_the_login(witness, http, fault):
    """Whatever Login with Amazon says while it fails, nobody repeats it."""
    witness.faults["login"] = LOGIN_FAULTS[fault]
    await witness.session(http)


@pytest.mark.parametrize("fault", TOKEN_FAULTS)
@pytest.mark.long
async def test_faults_of_the_token_service(witness, http, fault):
    """Whatever the token service says while it fails, nobody repeats it."""
    witness.faults["token"] = TOKEN_FAULTS[fault]
    await witness.session(http)


@pytest.mark.parametrize("fault", [*ORDER_FAULTS, *FAULTS_2026])
@pytest.mark.long
async def test_faults_of_the_order_operations(witness, http, fault):
    """Whatever SP-API answers wrongly, with personal data in the wrong places, nobody repeats it."""
    await witness.call(http, *CALLS[0])
    await witness.call(http, *CALLS[3])
    witness.faults["orders"] = {**ORDER_FAULTS, **FAULTS_2026}[fault]
    await witness.session(http)
    witness.forget()
    await witness.session(http)


async def test_mistakes_of_the_caller(witness, http):
    """What a caller writes into the wrong parameter is not repeated by an answer or the log."""
    for action, parameters in BAD_CALLS:
        assert (await witness.call(http, action, parameters)).status_code != 200


#: What v2026 calls v0's functions.
NAMES_2026 = {"read_order_page": "read_search_page", "read_item_page": "read_items"}


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (app_module, "parse_call"),
        (app_module, "check"),
        (app_module, "render_response"),
        (None, "list_query"),
        (None, "read_order_page"),
        (None, "read_order"),
        (None, "read_item_page"),
    ],
)
async def test_exceptions_in_our_own_code(witness, http, monkeypatch, module, name):
    """An exception whose text holds everything, thrown at each step, shows nothing of it."""
    if module is None:
        module = reads_v0.v0 if witness.version == V0 else reads_v2026.v2026
        name = name if witness.version == V0 else NAMES_2026.get(name, name)

    def fail(*arguments, **named):
        raise ValueError(f"{arguments} {named} {EVERYTHING}")

    await witness.call(http, *CALLS[0])
    await witness.call(http, *CALLS[3])
    monkeypatch.setattr(module, name, fail)
    reads = witness.endpoint._handlers._reads[V2026]
    for reader in (reads._read_orders, reads._read_items):
        reader._remembered.clear()
    await witness.session(http)
    assert any(event.reason.startswith("ValueError in ") for event in witness.events)


@pytest.mark.parametrize("place", ["authenticate", "seal", "open", "get", "grant_for"])
async def test_exceptions_in_our_own_objects(witness, http, monkeypatch, place):
    """The same for access, sealing, the client and the tokens."""
    handlers = witness.endpoint._handlers
    owner = {
        "authenticate": witness.endpoint.book,
        "seal": handlers._sealer,
        "open": handlers._sealer,
        "get": handlers._reads[V0]._api,
        "grant_for": handlers._reads[V0]._api.tokens,
    }[place]

    def fail(*arguments, **named):
        raise KeyError(f"{arguments} {named} {EVERYTHING}")

    await witness.call(http, *CALLS[0])
    await witness.call(http, *CALLS[3])
    monkeypatch.setattr(owner, place, fail)
    await witness.session(http)
    assert any(event.reason.startswith("KeyError in ") for event in witness.events)


async def test_over_real_sockets(witness):
    """The same session with uvicorn in front and aiohttp behind, which have loggers of their own."""
    said = orjson.dumps(ORDERS)

    async def amazon(reader, writer):
        for number in range(100):
            head = await read_request(reader)
            if b"/auth" in head:
                body = orjson.dumps({"access_token": SECRETS["access token"]})
            elif b"/tokens" in head:
                body = orjson.dumps({"restrictedDataToken": SECRETS["restricted token"]})
            elif number % 2:
                body = said
            else:
                writer.write(f"HTTP/1.1 200 {EVERYTHING}\r\nX: {EVERYTHING}\r\n\0".encode("latin-1", "replace"))
                return
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    transport = AiohttpTransport(trust_env=False)
    async with raw_server(amazon) as origin:
        witness.endpoint._handlers._reads[V0]._api._http._transport = transport
        witness.endpoint._handlers._reads[V0]._api.tokens._lwa_url = f"{origin}/auth/o2/token"
        witness.endpoint._handlers._reads[V0]._api._settings.origins["na"] = origin
        async with serving(witness.endpoint) as own, httpx.AsyncClient(base_url=own, trust_env=False) as http:
            for _ in range(3):
                await witness.call(http, *CALLS[0])
            await http.post("/" + "x" * 10, content=orjson.dumps(SECRETS))
            reader, writer = await asyncio.open_connection(*own.removeprefix("http://").split(":"))
            writer.write(f"{SECRETS['access key']} {ASKED['BuyerEmail']}\r\n\r\n".encode())
            assert b" 400 " in await reader.readline()
            writer.close()
            await writer.wait_closed()


# --- what a caller writes where a name or an id belongs -------------------------------------------------------------

#: As a client sends it that takes a wrong column, or escapes wrongly.
STRAY = "canary.jane@example.com, Canary Street 12"
ESCAPED = "canary.jane%40example.com%2C+Canary+Street+12"
DEFINITION = {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US}


def unsigned(query, path=PATH):
    return path, query


def signed(action, parameters, **signing):
    """A request that nothing is wrong with but what is said."""
    given = {"MWSAuthToken": SECRETS["auth token"], **parameters}
    who = {"seller": SELLER, "key": KEY, "secret": SECRETS["access key"], **signing}
    return PATH, signed_query(action, given, **who)


#: Where it was written → path and body of the request, and the code that it is refused with ('' where it is not).
STRAYS = {
    "Action": (unsigned(f"Action=ListOrders%26BuyerEmail={ESCAPED}"), "InvalidAddress"),
    "Action, alone": (unsigned(f"Action={ESCAPED}"), "InvalidAddress"),
    "Action, in letters only": (unsigned("Action=Canäry"), "InvalidAddress"),
    "Action, a name too long": (unsigned(f"Action={'canary' * 11}"), "InvalidAddress"),
    "path": (unsigned("", f"/Orders&BuyerEmail={ESCAPED}"), "InvalidAddress"),
    "path, behind the version": (unsigned("", f"{PATH}/{ESCAPED}"), "InvalidAddress"),
    "path, without a version": (unsigned("", "/Orders/canary.jane@example.com"), "InvalidAddress"),
    "version in the path": (unsigned("", f"{PATH}%20{ESCAPED}"), "InvalidAddress"),
    "name of a parameter sent twice": (unsigned(f"Action=x&{ESCAPED}=1&{ESCAPED}=2"), "InvalidParameterValue"),
    "name of an unreadable one": (unsigned(f"Action=x&{ESCAPED}=%FF"), "InvalidParameterValue"),
    "an unreadable name": (unsigned(f"Action=x&{ESCAPED}%FF=1"), "InvalidParameterValue"),
    "value sent twice": (unsigned(f"Action={ESCAPED}&Action=x"), "InvalidParameterValue"),
    "an unreadable value": (unsigned(f"Action=x&SellerId={ESCAPED}%FF"), "InvalidParameterValue"),
    "unknown parameter": (signed("GetServiceStatus", {STRAY: STRAY}), ""),
    "SellerId": (signed("GetServiceStatus", {}, seller=STRAY), "AccessDenied"),
    "MWSAuthToken": (signed("GetServiceStatus", {"MWSAuthToken": STRAY}), "AccessDenied"),
    "AWSAccessKeyId": (signed("GetServiceStatus", {}, key=STRAY), "InvalidAccessKeyId"),
    "Signature": (unsigned(f"{signed('GetServiceStatus', {})[1]}{ESCAPED}"), "SignatureDoesNotMatch"),
    "SignatureMethod": (
        unsigned(f"Action=ListOrders&AWSAccessKeyId=x&SignatureVersion=2&SignatureMethod={ESCAPED}&Signature=x"),
        "InvalidParameterValue",
    ),
    "SignatureVersion": (
        unsigned(f"Action=ListOrders&AWSAccessKeyId=x&SignatureVersion={ESCAPED}&SignatureMethod=x&Signature=x"),
        "InvalidParameterValue",
    ),
    "Timestamp": (signed("GetServiceStatus", {"Timestamp": STRAY}), "InvalidParameterValue"),
    "Version": (signed("GetServiceStatus", {"Version": STRAY}), ""),
    "AmazonOrderId": (signed("ListOrderItems", {"AmazonOrderId": STRAY}), "InvalidParameterValue"),
    "AmazonOrderId, in letters only": (
        signed("ListOrderItems", {"AmazonOrderId": "canary-jane"}),
        "InvalidParameterValue",
    ),
    "AmazonOrderId.Id.N": (signed("GetOrder", {"AmazonOrderId.Id.1": STRAY}), ""),
    "MarketplaceId.Id.N": (
        signed("ListOrders", {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": STRAY}),
        "InvalidParameterValue",
    ),
    "number of a list": (signed("ListOrders", {**DEFINITION, f"OrderStatus.Status.{STRAY}": "x"}), ""),
    "status": (signed("ListOrders", {**DEFINITION, "OrderStatus.Status.1": STRAY}), "InvalidParameterValue"),
    "NextToken": (signed("ListOrdersByNextToken", {"NextToken": STRAY}), "NextTokenCorrupted"),
    "date": (signed("ListOrders", {**DEFINITION, "CreatedAfter": STRAY}), "InvalidParameterValue"),
    "two faults": (
        signed("ListOrders", {**DEFINITION, "CreatedBefore": STRAY, "MaxResultsPerPage": STRAY}),
        "InvalidParameterValue",
    ),
    "number": (signed("ListOrders", {**DEFINITION, "MaxResultsPerPage": STRAY}), "InvalidParameterValue"),
}


#: What Amazon answers whatever it is asked.
CONTENT = {"access_token": "x", "restrictedDataToken": "x", "payload": {"Orders": []}}


class Told:
    """All that an operator is told of requests: log lines of both forms, spans, the status page and the metrics."""

    def __init__(self, caplog):
        self.events, self.json = [], []
        self.caplog = caplog
        self.spans = InMemorySpanExporter()
        self.tracer = Spans(self.spans, now=Clock())
        self.watch = Watch(now=Clock(), survey=Survey)
        self.emits = [
            self.events.append,
            log_event,
            emit_to_log("json", write=self.json.append),
            self.tracer,
            self.watch,
        ]

    def __call__(self, event):
        for emit in self.emits:
            emit(event)

    def texts(self):
        self.tracer.close()
        yield from (repr(event) for event in self.events)
        yield from self.json
        yield from (record.getMessage() for record in self.caplog.records if record.name.startswith("mws_bridge"))
        yield from (span.to_json() for span in self.spans.get_finished_spans())
        report = self.watch.report()
        yield report.decode()
        board = Board(now=Clock())
        board.merge("1", report)
        yield render_page(board.view())
        yield render_metrics(board.view(), "text/plain")[0].decode()


@pytest.mark.parametrize(("request_", "code"), STRAYS.values(), ids=STRAYS)
async def test_what_a_caller_writes_anywhere(request_, code, caplog):
    """Whatever is written where a name, an id, a date or a number belongs, the caller may read again; the operator
    reads what is wrong, and not what was written. The same for Host, User-Agent and the method."""
    caplog.set_level(logging.DEBUG)
    told = Told(caplog)
    clock = Clock()
    endpoint = build_endpoint(
        settings(V0),
        transport=httpx.MockTransport(lambda request: answer(CONTENT)),
        emit=told,
        now=clock.now,
        clock=clock,
        sleep=clock.sleep,
    )
    path, body = request_
    plain = await ask(endpoint, "POST", path, body=body)
    assert plain.code == (code or None)
    await ask(endpoint, "POST", path, body=body, headers={"host": STRAY, "user-agent": STRAY})
    await ask(endpoint, STRAY, path, body=body)
    assert [event.status for event in told.events][::2] == [plain.status, 405]
    texts = list(told.texts())
    assert len(texts) == 3 + 3 + 3 + len(told.spans.get_finished_spans()) + 3
    for text in texts:
        assert "canary" not in text.lower(), text
        assert "jane" not in text.lower(), text
    if code:
        assert told.events[0].reason


def test_what_is_plain_is_told():
    """The operator still reads which operation, path or parameter it was, where it is written like one."""
    for path, query, reason in [
        (PATH, b"Action=ListFoo", "Operation ListFoo is not available for section Orders/2013-09-01"),
        ("/wp-login.php", b"", "Resource /wp-login.php is not found on this server."),
        (PATH, b"Action=a%26b", "Operation (not a plain name) is not available for section Orders/2013-09-01"),
    ]:
        with pytest.raises(app_module.MwsError) as caught:
            resolve_address(parse_call(HttpRequest("POST", path, query, b"", "h")))
        assert caught.value.reason == reason
    with pytest.raises(app_module.MwsError) as caught:
        parse_call(HttpRequest("POST", PATH, b"MarketplaceId.Id.1=1&MarketplaceId.Id.1=2", b"", "h"))
    assert caught.value.reason == "Parameter MarketplaceId.Id.1 was sent more than once."


#: Messages that are put together and told to the operator as well: of words of ours only.
PUT_TOGETHER = {
    ("query.py", "f'More than {MAX_PARAMETERS} parameters were sent.'"),
    ("signature.py", "f'Missing required parameter {name}.'"),  # a name of our table
    ("signature.py", "text"),  # the names of the algorithms
    ("access.py", "f'Missing required parameter {name}.'"),  # as above
    ("validation.py", "faults[0]"),  # names of our tables and what they allow
}


def test_every_message_that_may_repeat_something_has_a_reason():
    """The operator reads the reason, or else the message. So a message that is not all in the source needs a reason;
    whoever writes another one has to say here that it repeats nothing of the caller's."""
    found = set()
    for path in [*(ROOT / "mws_compat").rglob("*.py"), *(ROOT / "bridge").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or ast.unparse(node.func) != "MwsError":
                continue
            words = {word.arg: word.value for word in node.keywords}
            message = node.args[1] if len(node.args) > 1 else words.get("message")
            if message is not None and "reason" not in words and not isinstance(message, ast.Constant):
                found.add((path.name, ast.unparse(message)))
    assert found == PUT_TOGETHER
