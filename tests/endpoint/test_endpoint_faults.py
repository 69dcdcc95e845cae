"""Twelve ways in which an upstream fails, over loopback sockets, and what the legacy caller is told, in time."""

import asyncio
import contextlib
import json
import socket
import time

import httpx
import pytest

from bridge.sandbox import SandboxSettings
from bridge.upstream.transport import AiohttpTransport
from tests.support import (
    ALWAYS,
    NOW,
    PATH,
    US,
    Bridge,
    ask,
    assert_mws,
    faulty_endpoint,
    raw_server,
    read_request,
    reset,
    signed_query,
)

#: Of an endpoint whose upstream never ends, and what a busy machine may add to it.
DEADLINE, SLACK = 0.3, 2.0
#: Of one whose upstream answers, however badly: no busy machine reaches it.
PATIENT = {"deadline": 30.0, "read_timeout": 20.0, "connect_timeout": 20.0}
ATTEMPTS = 3
LIST = ("ListOrders", {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US})
ITEMS = ("ListOrderItems", {"AmazonOrderId": "123-1234567-1234567"})
ORDER = ("GetOrder", {"AmazonOrderId.Id.1": "123-1234567-1234567"})

PAYLOADS = {
    "ListOrders": {"Orders": []},
    "GetOrder": {
        "AmazonOrderId": "123-1234567-1234567",
        "PurchaseDate": "2026-11-01T00:00:00Z",
        "LastUpdateDate": "2026-11-01T00:00:00Z",
        "OrderStatus": "Shipped",
    },
    "ListOrderItems": {"AmazonOrderId": "123-1234567-1234567", "OrderItems": []},
}


def response(status, body, *headers, reason="Whatever"):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} {reason}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def problem(code, message):
    return {"errors": [{"code": code, "message": message, "details": ""}]}


TOKENS = {
    b"/auth": response(200, {"access_token": "Atza|1", "expires_in": 3600}),
    b"/tokens": response(200, {"restrictedDataToken": "Atz.sprdt|1", "expiresIn": 3600}),
}


class Amazon:
    """A loopback SP-API whose tokens are fine, and whose order operations do what ``misbehave`` does.

    ``misbehave(writer, number)`` gets the connection after request ``number``, counted from 1."""

    def __init__(self, misbehave, login=None):
        self.misbehave = misbehave
        self.login = login
        self.calls = 0
        self.logins = 0

    async def __call__(self, reader, writer):
        while True:
            request = await read_request(reader)
            target = request.split(b" ", 2)[1]
            kind = next((kind for kind in TOKENS if target.startswith(kind)), None)
            if kind == b"/auth":
                self.logins += 1
                writer.write(self.login or TOKENS[kind])
            elif kind is not None:
                writer.write(TOKENS[kind])
            else:
                self.calls += 1
                if not await self.misbehave(writer, self.calls):
                    return
            await writer.drain()


def always(data):
    async def misbehave(writer, number):
        writer.write(data)
        return True

    return misbehave


async def nothing(writer, number):
    await asyncio.Event().wait()


async def reset_before_headers(writer, number):
    reset(writer)


async def reset_after_headers(writer, number):
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n" + b'{"payload":'
    )
    await writer.drain()
    reset(writer)


async def close_inside_body(writer, number):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n" + b'{"payload":')
    await writer.drain()
    writer.close()


async def drip(writer, number):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n")
    while True:  # each byte comes well within the read timeout, the last one never within the deadline
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


def then_good(*bad):
    def make(action):
        async def misbehave(writer, number):
            good = response(200, {"payload": PAYLOADS[action]})
            writer.write(bad[number - 1] if number <= len(bad) else good)
            return True

        return misbehave

    return make


HTML = response(200, b"<html><body>Sorry!</body></html>", "Content-Type: text/html")
THROTTLED = problem("QuotaExceeded", "You exceeded your quota for the requested resource.")

#: fault → (what the upstream does, status, code, Type, most requests)
FAULTS = {
    "read timeout": (nothing, 503, "ServiceUnavailable", ATTEMPTS),
    "reset before headers": (reset_before_headers, 503, "ServiceUnavailable", ATTEMPTS),
    "reset after headers": (reset_after_headers, 503, "ServiceUnavailable", ATTEMPTS),
    "closed inside the body": (close_inside_body, 503, "ServiceUnavailable", ATTEMPTS),
    "truncated JSON": (always(response(200, b'{"payload": {"Orders": [')), 500, "InternalError", ATTEMPTS),
    "slow drip past the deadline": (drip, 503, "ServiceUnavailable", ATTEMPTS),
    "429 without rate": (always(response(429, THROTTLED)), 503, "RequestThrottled", 1),
    "429 with rate": (always(response(429, THROTTLED, "x-amzn-RateLimit-Limit: 0.01")), 503, "RequestThrottled", 1),
    "503 always": (
        always(response(503, problem("ServiceUnavailable", "Later."))),
        503,
        "ServiceUnavailable",
        ATTEMPTS,
    ),
    "500 always": (always(response(500, problem("InternalFailure", "Again."))), 500, "InternalError", ATTEMPTS),
    "HTML 200": (always(HTML), 500, "InternalError", ATTEMPTS),
    "wrong JSON shape": (always(response(200, {"payload": ["?"], "result": None})), 500, "InternalError", 1),
    "no HTTP": (always(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), 503, "ServiceUnavailable", ATTEMPTS),
    "damaged gzip": (always(response(200, b"no gzip", "Content-Encoding: gzip")), 500, "InternalError", ATTEMPTS),
}
#: From Amazon's answer to this status nothing can be read wrongly: the Type that goes with the code.
TYPES = {
    "RequestThrottled": "",
    "ServiceUnavailable": "Receiver",
    "InternalError": "Receiver",
    "AccessDenied": "Sender",
}


#: Those that only the deadline ends.
ENDLESS = {"read timeout", "slow drip past the deadline"}


@contextlib.asynccontextmanager
async def over_loopback(origin, *, endless=False):
    transport = AiohttpTransport(trust_env=False)
    events = []
    try:
        patience = {"deadline": DEADLINE} if endless else PATIENT
        yield faulty_endpoint(transport, origin=origin, events=events, **patience), events
    finally:
        await transport.aclose()


async def timed(endpoint, call):
    """The answer to a call, which came within the deadline of an impatient endpoint."""
    started = time.perf_counter()
    answer = await ask(endpoint, "POST", PATH, body=signed_query(*call))
    assert time.perf_counter() - started < DEADLINE + SLACK
    assert_mws(answer)
    return answer


def assert_told(answer, status, code):
    assert (answer.status, answer.code, answer.type) == (status, code, TYPES[code])


@pytest.mark.parametrize("call", [LIST, ITEMS, ORDER], ids=lambda call: call[0])
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_of_the_upstream(fault, call):
    """Each fault ends in its tabled MWS error, within the deadline, after at most the configured attempts."""
    misbehave, status, code, most = FAULTS[fault]
    amazon = Amazon(misbehave)
    endless = fault in ENDLESS
    async with raw_server(amazon) as origin, over_loopback(origin, endless=endless) as (endpoint, events):
        assert_told(await timed(endpoint, call), status, code)
    assert 1 <= amazon.calls <= most
    assert len(events[0].upstream) == amazon.calls
    assert events[0].reason


@pytest.mark.parametrize("call", [LIST, ITEMS, ORDER], ids=lambda call: call[0])
@pytest.mark.parametrize("bad", [500, 502, 503, 504])
async def test_one_server_error_and_then_a_good_answer(bad, call):
    """A single 5xx is not noticed by the caller, and costs one more request."""
    amazon = Amazon(then_good(response(bad, problem("X", "Y")))(call[0]))
    async with raw_server(amazon) as origin, over_loopback(origin) as (endpoint, _):
        assert (await timed(endpoint, call)).status == 200
    assert amazon.calls == 2


async def test_a_reset_and_then_a_good_answer():
    """A single broken connection is not noticed either."""

    async def misbehave(writer, number):
        if number == 1:
            reset(writer)
            return False
        writer.write(response(200, {"payload": PAYLOADS["ListOrders"]}))
        return True

    amazon = Amazon(misbehave)
    async with raw_server(amazon) as origin, over_loopback(origin) as (endpoint, _):
        assert (await timed(endpoint, LIST)).status == 200
    assert amazon.calls == 2


async def test_connection_refused():
    """Nobody listens upstream: ServiceUnavailable."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with over_loopback(f"http://127.0.0.1:{port}") as (endpoint, events):
        assert_told(await timed(endpoint, LIST), 503, "ServiceUnavailable")
    assert "ConnectError" in events[0].reason


async def test_connect_timeout():
    """Nobody accepts the connection: ServiceUnavailable, after as many tries as there is time for."""
    tried = []

    async def hang(request):
        tried.append(request)
        raise httpx.ConnectTimeout("connecting took too long", request=request)

    endpoint = faulty_endpoint(httpx.MockTransport(hang), deadline=DEADLINE)
    assert_told(await timed(endpoint, LIST), 503, "ServiceUnavailable")
    assert len(tried) == ATTEMPTS


@pytest.mark.parametrize(
    ("status", "error", "mws", "code", "message"),
    [
        (400, "invalid_grant", 401, "AccessDenied", "AuthToken is not valid for SellerId and AWSAccountId"),
        (401, "invalid_client", 401, "AccessDenied", "Access denied"),
        (500, "server_error", 503, "ServiceUnavailable", None),
        (503, "temporarily_unavailable", 503, "ServiceUnavailable", None),
        (429, "slow_down", 503, "ServiceUnavailable", None),
    ],
)
async def test_a_login_that_is_refused(status, error, mws, code, message):
    """What Login with Amazon refuses is AccessDenied, what it cannot do ServiceUnavailable; no order call is made."""
    amazon = Amazon(always(HTML), login=response(status, {"error": error, "error_description": "…"}))
    async with raw_server(amazon) as origin, over_loopback(origin) as (endpoint, _):
        answer = await timed(endpoint, LIST)
    assert_told(answer, mws, code)
    assert message is None or answer.message == message
    assert amazon.calls == 0
    assert amazon.logins == (ATTEMPTS if status in {500, 503} else 1)


@pytest.mark.parametrize(
    ("status", "message", "mws", "code"),
    [
        (400, "Bad.", 400, "InvalidParameterValue"),
        (401, "Access token is missing in the request header.", 401, "AccessDenied"),
        (403, "Access to requested resource is denied.", 401, "AccessDenied"),
    ],
)
async def test_a_refusal_by_sp_api(status, message, mws, code):
    """What SP-API refuses is told once and not tried again, but for one new token."""
    amazon = Amazon(always(response(status, problem("X", message))))
    async with raw_server(amazon) as origin, over_loopback(origin) as (endpoint, _):
        answer = await timed(endpoint, LIST)
    assert answer.outcome == (mws, code)
    assert amazon.calls == (2 if status == 401 else 1)


@pytest.mark.parametrize("fault", ["throttle", "throttle-with-rate"])
async def test_after_a_429_the_next_call_does_not_reach_amazon(fault):
    """The bucket is taken for empty: RequestThrottled again, at no cost upstream."""
    bridge = Bridge()
    bridge.sandbox.faults.script("getOrders", [fault])
    for _ in range(3):
        assert (await bridge.call(*LIST)).outcome == (503, "RequestThrottled")
    assert len(bridge.upstream_queries()) == 1


#: Every fault of the sandbox → what ListOrders ends in. The delivery faults concern sockets; in one process
#: a truncated body is one that is no JSON.
SANDBOX_FAULTS = {
    "throttle": (503, "RequestThrottled"),
    "throttle-with-rate": (503, "RequestThrottled"),
    "internal": (500, "InternalError"),
    "unavailable": (503, "ServiceUnavailable"),
    "html": (500, "InternalError"),
    "wrong-shape": (500, "InternalError"),
    "denied": (401, "AccessDenied"),
    "unauthorized-token": (401, "AccessDenied"),
    "truncated": (500, "InternalError"),
    "malformed": (500, "InternalError"),
    "slow:0.01": (200, None),
    "drip:0": (200, None),
}


@pytest.mark.parametrize("fault", SANDBOX_FAULTS)
async def test_each_fault_of_the_sandbox(fault):
    """What the sandbox plays for ever on getOrders, the caller is told as tabled."""
    bridge = Bridge(sandbox=SandboxSettings(orders=15, anchor=NOW))
    bridge.sandbox.faults.always("getOrders", fault)
    assert (await bridge.call(*LIST)).outcome == SANDBOX_FAULTS[fault]


@pytest.mark.parametrize("operation", ["getOrders", "createRestrictedDataToken"])
async def test_a_token_that_expired_early_is_not_noticed(operation):
    """When Amazon no longer takes a cached token, it is renewed and the call made, wherever it is found out."""
    bridge = Bridge(sandbox=SandboxSettings(orders=15, anchor=NOW))
    bridge.sandbox.faults.script(operation, ["unauthorized-token"])
    assert (await bridge.call(*LIST)).status == 200
    logins = [call for call in bridge.sandbox.log if call.operation == "lwa"]
    assert len(logins) == 2


@pytest.mark.parametrize("operation", ["lwa", "createRestrictedDataToken"])
@pytest.mark.parametrize("fault", ["internal", "unavailable", "html", "wrong-shape"])
async def test_the_old_tokens_carry_a_bridge_through_an_outage(operation, fault):
    """While the token services are down, callers with tokens of the last hour notice nothing."""
    bridge = Bridge(sandbox=SandboxSettings(orders=15, anchor=NOW))
    assert (await bridge.call(*LIST)).status == 200
    bridge.sandbox.faults.always(operation, fault)
    bridge.clock.at += 3400
    assert (await bridge.call(*LIST)).status == 200


async def test_a_missing_role_is_an_answer_without_personal_data():
    """A refused RDT is not an error of the call."""
    bridge = Bridge(sandbox=SandboxSettings(orders=100, anchor=NOW))
    bridge.sandbox.faults.always("createRestrictedDataToken", "missing-role")
    answer = await bridge.call(*LIST)
    assert answer.status == 200
    assert not answer.all("BuyerEmail")
