"""The endpoint over connections that are slow, cut, reset or swallowed: a legacy program that retries gets its whole
listing, and every answer on the way is one of MWS."""

import asyncio
import contextlib
import gzip

import pytest

from bridge.endpoint.server import serving
from bridge.sandbox import Sandbox, SandboxSettings
from bridge.upstream.plans import V0, V2026
from bridge.upstream.throttle import Throttle
from bridge.upstream.transport import MAX_ANSWER_BYTES, AiohttpTransport
from tests.support import (
    ALWAYS,
    NA,
    NOW,
    PATH,
    US,
    Clock,
    ask,
    assert_mws,
    faulty_endpoint,
    raw_server,
    read_request,
    signed_query,
)
from tests.toxics import (
    DOWNSTREAM,
    UPSTREAM,
    Bandwidth,
    Latency,
    LimitData,
    ResetPeer,
    Slicer,
    SlowClose,
    Timeout,
    poisoned,
)

#: What a busy machine may add; nothing takes as long in a good run.
PATIENCE = 60.0
LISTING = {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US, "MaxResultsPerPage": "2"}

#: Toxic and toxicity: with some patience everything comes through.
BEARABLE = {
    "latency": (Latency(0.02, jitter=0.02), 1.0),
    "bandwidth": (Bandwidth(400_000), 1.0),
    "slow close": (SlowClose(0.05), 1.0),
    "slicer": (Slicer(700, 0.001), 1.0),
    "timeout": (Timeout(0.03), 0.3),
    "reset at once": (ResetPeer(), 0.3),
    "reset after a while": (ResetPeer(0.01), 0.3),
    "limit data": (LimitData(900), 0.3),
}
#: At 100 % nothing comes through.
FATAL = {
    "timeout": Timeout(600),
    "bandwidth": Bandwidth(5),
    "reset": ResetPeer(),
    "limit to nothing": LimitData(0),
    "limit to half a head": LimitData(50),
}


def closing(app):
    """``app``, whose answers end their connections: so every request draws its toxics anew."""

    async def wrapped(scope, receive, send):
        async def send_last(message):
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        await app(scope, receive, send_last)

    return wrapped


@contextlib.asynccontextmanager
async def polluted(version, *, seed=2013, **client):
    """An endpoint over a proxy over a served sandbox: (endpoint, proxy, sandbox)."""
    clock = Clock()
    sandbox = Sandbox(SandboxSettings(orders=60, anchor=NOW, usage_plans=False), clock, clock.sleep)
    transport = AiohttpTransport(trust_env=False)
    async with serving(closing(sandbox.app), mws=False) as target, poisoned(target, seed=seed) as proxy:
        try:
            endpoint = faulty_endpoint(transport, origin=proxy.origin, version=version, **client)
            fast = Clock()

            def minutes_later():  # usage plans are not what is tested: each look at the clock fills the buckets
                fast.at += 3600
                return fast.at

            api = endpoint._handlers._reads[version]._api
            api.throttle = Throttle(clock=minutes_later, sleep=fast.sleep)
            yield endpoint, proxy, sandbox
        finally:
            await transport.aclose()


async def call(endpoint, action, parameters):
    answer = await ask(endpoint, "POST", PATH, body=signed_query(action, parameters))
    assert_mws(answer)
    return answer


async def insist(endpoint, action, parameters):
    """One call as old programs make it: again after every 5xx."""
    while True:
        answer = await call(endpoint, action, parameters)
        if answer.status < 500:
            assert answer.status == 200, answer.message
            return answer


async def walk(endpoint):
    """The ids of every page of the listing."""
    answer = await insist(endpoint, "ListOrders", LISTING)
    pages = [answer.ids]
    while answer.token:
        answer = await insist(endpoint, "ListOrdersByNextToken", {"NextToken": answer.token})
        pages.append(answer.ids)
    return pages


def listed(sandbox):
    return sorted(order.id for order in sandbox.store.orders(NA.selling_partner_id) if order.marketplace == US)


@pytest.mark.parametrize("version", [V0, V2026])
@pytest.mark.parametrize("kind", BEARABLE)
@pytest.mark.long
async def test_a_program_that_retries_gets_its_listing(kind, version):
    """Over any bearable toxic in both directions the pages are the store's orders, each of them once."""
    toxic, toxicity = BEARABLE[kind]
    patience = {"deadline": 5.0, "read_timeout": 2.0, "connect_timeout": 2.0, "backoff": 0.001}
    async with polluted(version, **patience) as (endpoint, proxy, sandbox), asyncio.timeout(PATIENCE):
        proxy.add(toxic, toxicity=toxicity)
        pages = await walk(endpoint)
        assert proxy.spoiled >= 1
        assert proxy.made >= len(pages) + 1
        ids = [id_ for page in pages for id_ in page]
        assert len(pages) >= 4
        assert sorted(ids) == listed(sandbox)


@pytest.mark.parametrize("version", [V0, V2026])
@pytest.mark.parametrize("kind", FATAL)
@pytest.mark.long
async def test_a_dead_connection_is_told_and_survived(kind, version):
    """While nothing comes through every answer is ServiceUnavailable, and soon given; when it does again, the
    next calls are answered."""
    async with polluted(version, deadline=0.15) as (endpoint, proxy, sandbox), asyncio.timeout(PATIENCE):
        proxy.add(FATAL[kind])
        for _ in range(2):
            answer = await call(endpoint, "ListOrders", LISTING)
            assert answer.outcome == (503, "ServiceUnavailable")
        assert proxy.made == proxy.spoiled >= 1
        proxy.clear()
        pages = await walk(endpoint)
        assert sorted(id_ for page in pages for id_ in page) == listed(sandbox)


TOKEN = b'{"access_token": "Atza|1", "expires_in": 3600}'


async def asked_of(answer):
    """What a caller is told when ``answer``, a function of the connection, is what the listing is answered with."""

    async def serve(reader, writer):
        request = await read_request(reader)
        if b"/auth" in request.split(b"\r\n")[0]:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(TOKEN), TOKEN))
            request = await read_request(reader)
        await answer(writer)

    transport = AiohttpTransport(trust_env=False)
    patience = {"deadline": 50.0, "read_timeout": 50.0, "connect_timeout": 50.0, "attempts": 1}
    events = []
    async with raw_server(serve) as origin, asyncio.timeout(PATIENCE):
        try:
            endpoint = faulty_endpoint(transport, origin=origin, version=V2026, events=events, **patience)
            return await call(endpoint, "ListOrders", LISTING), events[0].reason
        finally:
            await transport.aclose()


async def test_an_answer_without_end_is_bounded():
    """An upstream that sends and sends is cut off at the bound of an answer, and the caller told to come again."""
    sent = 0

    async def endless(writer):
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        piece = b"%x\r\n%b\r\n" % (2**20, b" " * 2**20)
        while True:
            writer.write(piece)
            await writer.drain()
            sent += 2**20

    answer, reason = await asked_of(endless)
    assert answer.outcome == (503, "ServiceUnavailable")
    assert "ReadError" in reason
    assert MAX_ANSWER_BYTES - 2**21 < sent < 2 * MAX_ANSWER_BYTES


@pytest.mark.parametrize(
    ("size", "code", "cause"),
    [(MAX_ANSWER_BYTES + 1, "ServiceUnavailable", "ReadError"), (1000, "InternalError", "not a JSON object")],
)
async def test_an_answer_that_unpacks_to_too_much_is_bounded(size, code, cause):
    """A few packed kilobytes are unpacked no further than an answer may be long."""
    packed = gzip.compress(b" " * size)

    async def bomb(writer):
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
        writer.write(head + packed)
        await writer.drain()
        await asyncio.sleep(PATIENCE)

    assert len(packed) < 2**17
    answer, reason = await asked_of(bomb)
    assert answer.code == code
    assert cause in reason


# --- the toxics themselves


async def echo(reader, writer):
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()


async def sent_through(proxy, data):
    """What comes back of ``data``, and why it ended."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.origin.rpartition(":")[2]))
    came = b""
    try:
        writer.write(data)
        while len(came) < len(data):
            piece = await reader.read(65536)
            if not piece:
                return came, "closed"
            came += piece
    except ConnectionError:
        return came, "reset"
    else:
        return came, "whole"
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("stream", [UPSTREAM, DOWNSTREAM])
@pytest.mark.parametrize(
    ("toxic", "length", "end"),
    [
        (Latency(0.001, jitter=0.001), 1000, "whole"),
        (Bandwidth(100_000), 1000, "whole"),
        (SlowClose(0.01), 1000, "whole"),
        (Slicer(10), 1000, "whole"),
        (LimitData(2000), 1000, "whole"),
        (LimitData(300), 300, "closed"),
        (LimitData(0), 0, "closed"),
        (Timeout(0.01), 0, "closed"),
        (ResetPeer(), 0, "reset"),
    ],
    ids=str,
)
async def test_what_a_toxic_does(toxic, length, end, stream):
    """Each does to a stream what its name says, in either direction."""
    data = bytes(range(250)) * 4
    async with raw_server(echo) as target, poisoned(target) as proxy, asyncio.timeout(PATIENCE):
        assert await sent_through(proxy, data) == (data, "whole")
        proxy.add(toxic, stream)
        came, ended = await sent_through(proxy, data)
        assert (came, ended) == (data[:length], end)
        proxy.clear()
        assert await sent_through(proxy, data) == (data, "whole")


async def test_toxicity_is_a_share_drawn_from_the_seed():
    """A toxicity spoils about that share of the connections, the same ones for the same seed."""
    drawn = []
    for seed in (1, 1, 2):
        async with raw_server(echo) as target, poisoned(target, seed=seed) as proxy, asyncio.timeout(PATIENCE):
            proxy.add(LimitData(0), DOWNSTREAM, toxicity=0.5)
            drawn.append([(await sent_through(proxy, b"x"))[1] for _ in range(30)])
            assert proxy.made == 30
            assert proxy.spoiled == drawn[-1].count("closed")
    assert drawn[0] == drawn[1] != drawn[2]
    assert 5 < drawn[0].count("closed") < 25
