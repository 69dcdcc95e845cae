"""The production server over a real loopback socket, spoken to in raw bytes."""

import asyncio
import contextlib
import logging
import os
import resource
import signal
import socket
import ssl
import sys
import threading
from pathlib import Path

import httpx
import pytest

from bridge.endpoint.server import (
    MAX_HEAD_BYTES,
    CertificateError,
    ServerLimits,
    bind,
    make_server,
    room_for,
    run_loop,
    serving,
    tls_context,
)
from bridge.processes.work import limits_of
from bridge.sandbox import SandboxSettings
from bridge.settings import ServerSettings
from tests.certificates import make_certificate
from tests.cli.running import served
from tests.support import NOW, PATH, Bridge, signed_query
from tests.wire import OWN_HOST, PATIENCE, asked, mws, request, talk

ROOT = Path(__file__).resolve().parents[2]


@contextlib.asynccontextmanager
async def serving_bridge(limits=None, **options):
    """A small bridge behind the server; yields it and the port."""
    bridge = Bridge(sandbox=SandboxSettings(orders=4, anchor=NOW))
    async with serving(bridge.endpoint, limits=limits, **options) as origin:
        yield bridge, int(origin.rpartition(":")[2])


@pytest.fixture(scope="module")
def one_server():
    bridge = Bridge(sandbox=SandboxSettings(orders=4, anchor=NOW))
    with served(bridge.endpoint) as origin:
        yield bridge, int(origin.rpartition(":")[2])


@pytest.fixture
def server(one_server):
    """A small bridge behind a server that runs beside the tests, and its port."""
    bridge, _ = one_server
    bridge.events.clear()
    return one_server


def with_lifespan(app):
    """An application that starts and stops without ado."""

    async def whole(scope, receive, send):
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        for step in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{step}.complete"})

    return whole


@pytest.mark.parametrize(("secret", "line"), [(None, "HTTP/1.1 200 OK"), ("wrong", "HTTP/1.1 403 Forbidden")])
async def test_the_status_line_has_a_reason_phrase(server, secret, line):
    """The official PHP library cannot read a status line without its phrase."""
    _, port = server
    query = signed_query("GetServiceStatus", method="GET", host=OWN_HOST, **({"secret": secret} if secret else {}))
    data = request(target=f"{PATH}?{query}")

    def conversation(wire):
        wire.send(data).join()
        return wire.response()

    response = await talk(port, conversation)
    assert response[0] == line
    mws(response)


@pytest.mark.parametrize("host", [f"http://{OWN_HOST}", ""])
async def test_a_request_in_absolute_form(server, host):
    """A client behind a proxy may send the whole URL as its target; it means the same."""
    _, port = server
    target = f"{host}{PATH}?{signed_query('GetServiceStatus', method='GET', host=OWN_HOST)}"
    assert (await asked(port, request(target=target))).status == 200


@pytest.mark.parametrize(
    "garbage",
    [
        b"\0\0\0\0\r\n\r\n",
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x07" * 64 + b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nBad Header\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: nine\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_answered_in_mws_xml(server, garbage):
    """Bytes that are no HTTP get an InvalidRequest document and a closed connection; the server lives on."""
    _, port = server

    def conversation(wire):
        wire.send(garbage).join()
        response = wire.response()
        return response, wire.at_end()

    response, ended = await talk(port, conversation)
    answer = mws(response)
    assert answer.outcome == (400, "InvalidRequest")
    assert answer.headers["connection"] == "close"
    assert ended
    assert (await asked(port, request())).status == 200


@pytest.mark.parametrize("shape", ["one header", "many headers", "request line"])
async def test_a_head_without_end_is_431(server, shape):
    """A head that goes on past the limit ends in 431 as MWS XML, however it is built, and the connection closes."""
    _, port = server
    endless = {
        "one header": b"GET / HTTP/1.1\r\nX: " + b"y" * 2**20,
        "many headers": b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 180_000,
        "request line": b"GET /" + b"y" * 2**20,
    }[shape]
    answer = await asked(port, endless)
    assert answer.outcome == (431, "InvalidRequest")
    assert answer.headers["connection"] == "close"


async def test_a_long_but_lawful_head_is_read(server):
    """A GET with fifty marketplaces and a NextToken stays far below the limit; 16 KiB of query are no trouble."""
    _, port = server
    query = signed_query("GetServiceStatus", {"Filler": "x" * 16_000}, method="GET", host=OWN_HOST)
    assert (await asked(port, request(target=f"{PATH}?{query}"))).status == 200
    assert MAX_HEAD_BYTES == 65_536


async def test_heads_are_counted_one_by_one(server):
    """Many small requests on one connection are not taken for one long head."""
    _, port = server
    data = request("GET", "/", "X: " + "y" * 6000)

    def conversation(wire):
        for _ in range(30):
            wire.send(data).join()
            assert wire.response()[0] == "HTTP/1.1 200 OK"
        return True

    assert await talk(port, conversation)


async def test_http_1_0_is_answered_and_closed(server):
    """An old client without keep-alive gets its answer and the end of the connection."""
    _, port = server

    def conversation(wire):
        wire.send(request(version="1.0")).join()
        return wire.response(), wire.at_end()

    response, ended = await talk(port, conversation)
    assert mws(response).status == 200
    assert ended


async def test_http_1_0_without_a_host(server):
    """A request without a Host header is answered, for a signature over one of Amazon's hosts."""
    _, port = server
    query = signed_query("GetServiceStatus", method="GET")
    assert (await asked(port, f"GET {PATH}?{query} HTTP/1.0\r\n\r\n".encode())).status == 200


async def test_keep_alive_serves_many_requests_on_one_connection(server):
    """Ten requests, one connection; Connection: close ends it."""
    _, port = server

    def conversation(wire):
        for _ in range(10):
            wire.send(request()).join()
            mws(wire.response())
        wire.send(request("GET", None, "Connection: close")).join()
        response = wire.response()
        return response, wire.at_end()

    response, ended = await talk(port, conversation)
    assert mws(response).headers["connection"] == "close"
    assert ended


async def test_pipelined_requests_are_answered_in_order(server):
    """Three requests written at once get three answers in their order."""
    _, port = server
    body = signed_query("GetServiceStatus", host=OWN_HOST).encode()
    data = request("GET", "/") + request("POST", PATH, body=body) + request("GET", "/nowhere")

    def conversation(wire):
        wire.send(data).join()
        return [wire.response() for _ in range(3)]

    answers = [mws(response) for response in await talk(port, conversation)]
    assert [answer.outcome for answer in answers] == [(200, None), (200, None), (404, "InvalidAddress")]
    assert answers[0].root.tag == "PingResponse"


async def test_100_continue_is_said_before_the_body(server):
    """curl waits for 100 before a larger body; it gets it, and then its answer."""
    _, port = server
    body = signed_query("GetServiceStatus", host=OWN_HOST).encode()
    data = request("POST", PATH, "Expect: 100-continue", body=body)

    def conversation(wire):
        wire.send(data[: -len(body)]).join()
        first = wire.response()
        wire.send(body).join()
        return first, wire.response()

    first, response = await talk(port, conversation)
    assert first[0] == "HTTP/1.1 100 Continue"
    assert mws(response).status == 200


async def test_a_body_that_is_too_large_is_not_waited_for(server):
    """A declared size over the limit is answered 413 before the body is sent, with 100-continue or without."""
    _, port = server
    data = request("POST", PATH, "Expect: 100-continue", length=2**20 + 1)
    answer = await asked(port, data)
    assert answer.outcome == (413, "InvalidRequest")
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("chunked", [False, True])
async def test_the_limit_of_a_body_over_the_wire(server, chunked):
    """1 MiB is read, 1 MiB + 1 is 413, declared or chunked."""
    _, port = server
    for size, status in ((2**20, 400), (2**20 + 1, 413)):
        body = b"x" * size
        if chunked:
            pieces = b"".join(
                b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (body[:700_000], body[700_000:]) if piece
            )
            data = request("POST", PATH, "Transfer-Encoding: chunked") + pieces + b"0\r\n\r\n"
        else:
            data = request("POST", PATH, body=body)
        assert (await asked(port, data)).status == status


@pytest.mark.parametrize("step", [1, 7, 100_000])
async def test_a_chunked_body_is_put_together(server, step):
    """Chunks of any size are the same body."""
    _, port = server
    body = signed_query("GetServiceStatus", host=OWN_HOST).encode()
    pieces = [body[start : start + step] for start in range(0, len(body), step)]
    data = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    head = request("POST", PATH, "Transfer-Encoding: chunked", "Content-Type: application/x-www-form-urlencoded")
    assert (await asked(port, head + data + b"0\r\n\r\n")).status == 200


async def test_a_request_in_single_bytes(server):
    """However a request is cut into packets, it is the same request."""
    _, port = server
    data = request()

    def conversation(wire):
        wire.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for place in range(len(data)):
            wire.sock.sendall(data[place : place + 1])
        return wire.response()

    assert mws(await talk(port, conversation)).status == 200


async def test_a_body_shorter_than_declared(server):
    """A client that promises more than it sends and goes away leaves no answer, no event and a living server."""
    bridge, port = server

    def conversation(wire):
        wire.send(request("POST", PATH, body=b"Action=x", length=1000)).join()
        wire.sock.shutdown(socket.SHUT_WR)
        return wire.at_end()

    assert await talk(port, conversation)
    assert bridge.events == []
    assert (await asked(port, request())).status == 200


async def test_head_is_405_without_a_body_and_the_connection_goes_on(server):
    """The answer to HEAD has the headers of a 405, no body, and the next request is read rightly."""
    _, port = server

    def conversation(wire):
        wire.send(request("HEAD", "/")).join()
        first = wire.response(bodiless=True)
        wire.send(request()).join()
        return first, wire.response()

    first, second = await talk(port, conversation)
    assert first[0] == "HTTP/1.1 405 Method Not Allowed"
    assert "allow: GET, POST" in first[1]
    assert mws(second).status == 200


async def test_the_body_of_a_refused_method_is_not_read_as_a_request(server):
    """What a PUT carries is not taken for the next request, though nobody read it."""
    bridge, port = server
    hidden = request("GET", "/hidden")
    data = request("PUT", PATH, body=hidden) + request("GET", "/")

    def conversation(wire):
        wire.send(data).join()
        return wire.response(), wire.response()

    first, second = [mws(response) for response in await talk(port, conversation)]
    assert (first.status, second.status) == (405, 200)
    assert [event.method for event in bridge.events] == ["PUT", "GET"]


@pytest.mark.parametrize(
    "headers", ["Connection: Upgrade\r\nUpgrade: websocket", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c"]
)
async def test_an_upgrade_is_not_taken_up(server, headers):
    """WebSocket and HTTP/2 offers are ignored: the answer is HTTP/1.1, which is all that old clients speak."""
    _, port = server
    assert (await asked(port, request("GET", "/", *headers.split("\r\n")))).status == 200


async def test_a_client_library_reads_the_server():
    """httpx gets a whole listing over the wire, packed."""
    bridge = Bridge(sandbox=SandboxSettings(orders=30, anchor=NOW))
    async with serving(bridge.endpoint) as origin, httpx.AsyncClient(trust_env=False) as http:
        host = origin.removeprefix("http://")
        query = signed_query(
            "ListOrders", {"CreatedAfter": "2013-01-01", "MarketplaceId.Id.1": "ATVPDKIKX0DER"}, host=host
        )
        answer = await http.post(f"{origin}{PATH}", content=query.encode())
    assert (answer.status_code, answer.headers["content-encoding"]) == (200, "gzip")
    assert answer.reason_phrase == "OK"


async def test_an_address_that_is_taken_is_an_os_error():
    """Binding twice fails at once, for both address families."""
    listener = bind("127.0.0.1", 0)
    with listener, pytest.raises(OSError, match="in use"):
        bind("127.0.0.1", listener.getsockname()[1])
    with bind("::1", 0) as six:
        assert six.family == socket.AF_INET6


@pytest.mark.parametrize("failure", [None, OSError("no")])
async def test_a_server_that_does_not_start_says_so(monkeypatch, failure):
    """When the server ends before it has begun, serving neither waits for ever nor leaves its socket open."""
    bound = []

    async def serve(self, sockets):
        bound.extend(sockets)
        if failure:
            raise failure

    monkeypatch.setattr("uvicorn.Server.serve", serve)
    with pytest.raises((RuntimeError, OSError)):
        async with serving(Bridge(sandbox=SandboxSettings(orders=0)).endpoint):
            pass
    assert bound[0].fileno() == -1


def test_answers_are_not_held_back():
    """Accepted connections have TCP_NODELAY: else the body of each answer on a kept connection waits 40 ms."""
    with bind("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_the_server_is_configured_for_old_clients():
    """No server header of its own, no access log with URLs, a keep-alive longer than a minute."""
    config = make_server(Bridge(sandbox=SandboxSettings(orders=0)).endpoint).config
    assert (config.server_header, config.access_log, config.proxy_headers) == (False, False, False)
    assert config.timeout_keep_alive > 60


# --- callers that take their time


async def test_a_silent_connection_is_closed_without_a_word():
    """Over a real socket, on a real clock: who says nothing gets nothing."""
    async with serving_bridge(ServerLimits(head_seconds=0.05)) as (bridge, port):
        assert await talk(port, lambda wire: wire.at_end())
        assert bridge.events == []


@pytest.mark.parametrize("half", ["head", "body"])
async def test_a_caller_that_never_ends_is_told_so(half):
    """Bytes that come one by one, and never to an end, are answered in MWS XML while they still come."""
    body = b"x" * 100_000
    data = {"head": request()[:-2] + b"X: " + body, "body": request("POST", PATH, body=body)}[half]
    start = data.index(b"X: ") if half == "head" else data.index(b"\r\n\r\n") + 4

    def conversation(wire):
        wire.sock.sendall(data[:start])
        wire.sock.settimeout(0.01)
        for byte in data[start:]:
            with contextlib.suppress(TimeoutError):
                if b"\r\n\r\n" in wire.buffer or not wire.more():
                    break
            with contextlib.suppress(OSError):
                wire.sock.send(bytes([byte]))
        wire.sock.settimeout(PATIENCE)
        return wire.response(), wire.at_end()

    limits = ServerLimits(**{f"{half}_seconds": 0.2, "head_seconds" if half == "body" else "body_seconds": 600})
    async with serving_bridge(limits) as (bridge, port):
        response, ended = await talk(port, conversation)
        answer = mws(response)
        assert answer.outcome == (400, "InvalidRequest")
        assert "did not arrive within 0.2 seconds" in answer.message
        assert ended
        assert bridge.events == []


async def test_a_caller_that_does_not_read_its_answer():
    """Who asks for much and reads nothing is cut off, and what was written for it is thrown away."""

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % 2**25)]})
        await send({"type": "http.response.body", "body": bytes(2**25)})

    listener = bind("127.0.0.1", 0)
    server = make_server(with_lifespan(app), embedded=True, limits=ServerLimits(send_seconds=0.1))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    connections = server.server_state.connections
    cut_off = threading.Event()

    def conversation(wire):
        wire.send(request()).join()
        assert wire.more()
        return cut_off.wait(PATIENCE)

    talking = asyncio.create_task(talk(listener.getsockname()[1], conversation))
    for _ in range(3000):
        if server.server_state.total_requests and not connections:
            break
        await asyncio.sleep(0.01)
    assert not connections
    cut_off.set()
    assert await talking
    server.should_exit = True
    await running


# --- smuggling

_POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
_CHUNKED = _POST + b"Transfer-Encoding: chunked\r\n\r\n"

#: What one server could read as one request and another as two.
SMUGGLED = {
    "length and chunks": _POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": _POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": _POST + b"Content-Length: 1\r\nContent-Length: 0\r\n\r\na",
    "two equal lengths": _POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "a list of lengths": _POST + b"Content-Length: 1, 1\r\n\r\na",
    "a signed length": _POST + b"Content-Length: +1\r\n\r\na",
    "a length in two": _POST + b"Content-Length: 1 1\r\n\r\na",
    "an empty length": _POST + b"Content-Length:\r\n\r\na",
    "a length beyond 64 bits": _POST + b"Content-Length: 18446744073709551617\r\n\r\na",
    "a hexadecimal length": _POST + b"Content-Length: 0x1\r\n\r\na",
    "another coding": _POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunks and then identity": _POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunks twice": _POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a vertical tab": _POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": _POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a folded value": _POST + b"X: a\r\n b\r\nContent-Length: 1\r\n\r\na",
    "a folded coding": _POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "bare line feeds": _POST.replace(b"\r", b"") + b"Content-Length: 1\n\na",
    "one bare line feed": _POST + b"X: y\nContent-Length: 1\r\n\r\na",
    "one bare carriage return": _POST + b"X: y\rContent-Length: 1\r\n\r\na",
    "a bare line feed at the end": _POST + b"Content-Length: 1\r\n\na",
    "a space before a name": b"GET / HTTP/1.1\r\n Host: x\r\n\r\n",
    "NUL in a value": b"GET / HTTP/1.1\r\nHost: x\0y\r\n\r\n",
    "a chunk's bare line feed": _CHUNKED + b"1\na\r\n0\r\n\r\n",
    "a line feed in an extension": _CHUNKED + b"1;x\ny\r\na\r\n0\r\n\r\n",
    "a chunk of 0x1": _CHUNKED + b"0x1\r\na\r\n0\r\n\r\n",
    "a chunk of -1": _CHUNKED + b"-1\r\na\r\n0\r\n\r\n",
    "a chunk beyond 64 bits": _CHUNKED + b"10000000000000001\r\na\r\n0\r\n\r\n",
    "a chunk longer than it says": _CHUNKED + b"1\r\nab\r\n0\r\n\r\n",
    "a chunk's space": _CHUNKED + b"1 \r\na\r\n0\r\n\r\n",
    "a length in the trailer": _CHUNKED + b"1\r\na\r\n0\r\nContent-Length: 50\r\n\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\nHost: x\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n",
    "a tunnel": b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
}
#: These are read, and must be the connection's last.
LAST = {
    "Connection: close": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "HTTP/1.0": b"GET / HTTP/1.0\r\nHost: x\r\n\r\n",
    "HTTP/1.0 with chunks": _CHUNKED.replace(b"1.1", b"1.0") + b"0\r\n\r\n",
    "an upgrade with a body": _POST + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc",
}


@pytest.mark.parametrize("shape", [*SMUGGLED, *LAST])
async def test_no_request_is_two(server, shape):
    """What could be read in two ways is refused, and what stands behind it is not read: one answer, and the end."""
    bridge, port = server
    data = SMUGGLED.get(shape) or LAST[shape]

    def conversation(wire):
        wire.send(data + request("GET", "/hidden")).join()
        return wire.response(), wire.at_end()

    response, ended = await talk(port, conversation)
    assert mws(response).outcome == (400, "InvalidRequest") or shape in LAST
    assert ended
    assert len(bridge.events) == (1 if shape in LAST else 0)


# --- the end of the server


async def test_a_server_that_stops_ends_its_work_first():
    """Told to stop, it answers the request at work and takes no new connection; idle connections end."""
    bridge = Bridge(sandbox=SandboxSettings(orders=4, anchor=NOW))
    at_work, release = asyncio.Event(), asyncio.Event()
    handle = bridge.endpoint._handlers.handle

    async def slowly(asked_for):
        at_work.set()
        await release.wait()
        return await handle(asked_for)

    bridge.endpoint._handlers.handle = slowly
    listener = bind("127.0.0.1", 0)
    port = listener.getsockname()[1]
    server = make_server(bridge.endpoint, embedded=True)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    idle = threading.Event()

    def wait_idle(wire):
        wire.send(request("GET", "/")).join()
        wire.response()
        idle.set()
        return wire.at_end()

    def work(wire):
        wire.send(request()).join()
        return wire.response(), wire.at_end()

    idling = asyncio.create_task(talk(port, wait_idle))
    await asyncio.to_thread(idle.wait, PATIENCE)
    working = asyncio.create_task(talk(port, work))
    await at_work.wait()
    server.should_exit = True
    assert await idling
    with pytest.raises(ConnectionRefusedError):
        await talk(port, lambda wire: None)
    assert not running.done()
    release.set()
    response, ended = await working
    assert mws(response).status == 200
    assert ended
    await running


_PROGRAM = """
import asyncio, sys
from bridge.endpoint.server import bind, make_server, run_loop

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("left", flush=True)
        await send({"type": "lifespan.shutdown.complete"})
        return
    print("at work", flush=True)
    message = await receive()
    await asyncio.sleep(0.3)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})

async def main():
    listener = bind("127.0.0.1", 0)
    print(listener.getsockname()[1], flush=True)
    await make_server(app).serve(sockets=[listener])
    return 0

run_loop(main())
"""


async def test_idle_connections_shut_nobody_out():
    """More connections than there may be are held open by somebody who says nothing; whoever asks is answered."""
    async with serving_bridge(ServerLimits(connections=5)) as (_, port):
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
        try:
            for _ in range(3):
                assert (await asked(port, request())).status == 200
            await asyncio.wait_for(asyncio.gather(*(reader.read() for reader, _ in held[:10])), 5)  # closed, wordless
        finally:
            for _, writer in held:
                writer.close()


@pytest.mark.parametrize(
    ("limit", "wanted", "room", "raised"),
    [
        ((1024, 4096), 500, 500, None),
        ((1024, 4096), 768, 768, None),
        ((1024, 4096), 2000, 2000, (2256, 4096)),
        ((1024, 2000), 2000, 1744, (2000, 2000)),
        ((1024, -1), 2000, 2000, (2256, -1)),
        ((-1, -1), 2000, 2000, None),
        ((100, 200), 2000, 1, (200, 200)),
    ],
)
def test_room_for_connections(monkeypatch, limit, wanted, room, raised):
    """The limit of open files is raised as far as it may be and has to be; it bounds the connections."""
    set_to = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limit)
    monkeypatch.setattr(resource, "setrlimit", lambda _, values: set_to.append(values))
    assert resource.RLIM_INFINITY == -1
    assert room_for(wanted) == room
    assert set_to == ([raised] if raised else [])


def test_fewer_connections_than_configured_are_told_of(monkeypatch, caplog):
    """An operator learns from the log that the machine's limit is the lower one, and what to do."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 1024))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    assert limits_of(ServerSettings(connections=700)).connections == 700
    assert caplog.messages == []
    assert limits_of(ServerSettings(connections=1000, head_seconds=7)) == ServerLimits(
        connections=768, head_seconds=7
    )
    assert caplog.messages == [
        "server.connections: only 768 of 1000 are possible: raise the limit of open files (ulimit -n, LimitNOFILE)"
    ]


async def test_sigterm_ends_a_server_gently():
    """SIGTERM in the middle of a request: it is answered, the application is told to end, and then the process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PROGRAM, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    try:
        port = int(await process.stdout.readline())

        def conversation(wire):
            wire.send(request()).join()
            return wire.response(), wire.at_end()

        talking = asyncio.create_task(talk(port, conversation))
        assert await process.stdout.readline() == b"at work\n"
        process.send_signal(signal.SIGTERM)
        (status, _, body), ended = await talking
        assert (status, body, ended) == ("HTTP/1.1 200 OK", b"ok", True)
        assert await process.stdout.readline() == b"left\n"
        assert await process.wait() == -signal.SIGTERM
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


# --- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize("offered", [("h2", "http/1.1"), ("h2",), ("http/1.1",), ()], ids=str)
async def test_tls_speaks_http_1_1_only(certificate, offered):
    """Whoever offers HTTP/2 gets HTTP/1.1: the official PHP library cannot read anything else."""

    def conversation(wire):
        wire.send(request()).join()
        return wire.sock.selected_alpn_protocol(), wire.sock.version(), wire.response()

    async with serving_bridge(None, **certificate._asdict()) as (bridge, port):
        alpn, version, response = await talk(port, conversation, tls=certificate.trusting(*offered))
        assert mws(response).status == 200
    assert alpn == ("http/1.1" if "http/1.1" in offered else None)
    assert version in {"TLSv1.2", "TLSv1.3"}
    assert len(bridge.events) == 1


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1")
async def test_old_tls_is_refused(certificate):
    """TLS 1.2 is spoken, TLS 1.1 is not."""
    async with serving_bridge(None, **certificate._asdict()) as (_, port):
        context = certificate.trusting()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        version = await talk(port, lambda wire: wire.sock.version(), tls=context)
        assert version == "TLSv1.2"
        old = certificate.trusting()
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(ssl.SSLError):
            await talk(port, lambda wire: None, tls=old)


async def test_the_origin_over_tls_is_https(certificate):
    """An ordinary client reaches the server under the origin that it names."""
    bridge = Bridge(sandbox=SandboxSettings(orders=4, anchor=NOW))
    async with serving(bridge.endpoint, **certificate._asdict()) as origin:
        assert origin.startswith("https://127.0.0.1:")
        async with httpx.AsyncClient(trust_env=False, verify=certificate.trusting("h2", "http/1.1")) as http:
            answer = await http.get(f"{origin}/")
    assert (answer.status_code, answer.http_version) == (200, "HTTP/1.1")


async def test_a_handshake_that_never_ends(certificate, caplog):
    """Who connects and says nothing, or something that is no TLS, is cut off in the time of a head, unlogged."""
    caplog.set_level("INFO")
    async with serving_bridge(ServerLimits(head_seconds=0.1), **certificate._asdict()) as (bridge, port):
        assert await talk(port, lambda wire: wire.at_end())

        def in_the_clear(wire):
            wire.send(request()).join()
            while wire.more():
                pass
            return wire.buffer

        assert not (await talk(port, in_the_clear)).startswith(b"HTTP")
        assert bridge.events == []
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_times_hold_over_tls_too(certificate):
    """A head that never ends is refused in MWS XML also inside TLS."""

    def conversation(wire):
        wire.send(b"GET / HTT").join()
        return wire.response(), wire.at_end()

    async with serving_bridge(ServerLimits(head_seconds=0.3), **certificate._asdict()) as (_, port):
        response, ended = await talk(port, conversation, tls=certificate.trusting())
        assert mws(response).outcome == (400, "InvalidRequest")
        assert ended


def test_certificates_that_cannot_be_used(certificate, tmp_path):
    """Each is one sentence that names the file and the remedy, before anything is served; no key asks for a
    passphrase on the terminal."""
    other = make_certificate(tmp_path, name="other")
    locked = make_certificate(tmp_path, name="locked", passphrase=b"secret")
    text = tmp_path / "text.pem"
    text.write_text("no PEM")
    for wrong, words in (
        (
            (str(tmp_path / "none.pem"), certificate.private_key),
            r"certificate .*none\.pem: No such file .*: name a PEM",
        ),
        ((certificate.certificate, str(tmp_path)), "private key .*: Is a directory: name a PEM"),
        ((certificate.certificate, other.private_key), "KEY_VALUES_MISMATCH: both must be PEM, belong together"),
        ((locked.certificate, locked.private_key), "must have no passphrase"),
        ((str(text), certificate.private_key), "text.pem with private key .*: both must be PEM"),
    ):
        with pytest.raises(CertificateError, match=words):
            tls_context(*wrong)
    for half in ({"certificate": certificate.certificate}, {"private_key": certificate.private_key}):
        with pytest.raises(CertificateError, match="both a certificate and its private key"):
            make_server(None, **half)


async def test_a_server_over_tls_that_cannot_start(certificate):
    """When the application cannot start, neither does the server."""

    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no"})

    with bind("127.0.0.1", 0) as listener, pytest.raises(SystemExit) as exit_:
        await make_server(app, embedded=True, **certificate._asdict()).serve(sockets=[listener])
    assert exit_.value.code == 3


# --- proxies


@pytest.mark.parametrize(
    ("trusted", "seen"),
    [
        ((), "127.0.0.1"),
        (("192.0.2.0/24",), "127.0.0.1"),
        (("127.0.0.1",), "198.51.100.7"),
        (("127.0.0.0/8", "198.51.100.7"), "203.0.113.9"),
    ],
    ids=str,
)
async def test_only_named_proxies_are_believed(trusted, seen):
    """The caller's address is the connection's, unless that is a proxy of the configuration: then the last one that
    is no such proxy."""
    clients = []

    async def app(scope, receive, send):
        clients.append(scope["client"][0])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    headers = ("X-Forwarded-For: 10.0.0.1, 203.0.113.9", "X-Forwarded-For: 198.51.100.7", "X-Forwarded-Proto: https")
    async with serving(with_lifespan(app), trusted_proxies=trusted) as origin:
        port = int(origin.rpartition(":")[2])

        def conversation(wire):
            wire.send(request("GET", "/", *headers)).join()
            return wire.response()

        await talk(port, conversation)
    assert clients == [seen]


def test_proxies_are_not_named_by_the_environment(monkeypatch):
    """uvicorn's variable for that has no say here."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    config = make_server(None).config
    assert (config.proxy_headers, config.forwarded_allow_ips) == (False, [])


# --- another event loop


def test_slow_callers_and_stopping_on_the_loop_of_production():
    """What is tested here on asyncio's loop holds on uvloop, which serves: a slow head, a broken body behind a
    request, a caller that leaves in the middle, and then a good request."""

    def broken(wire):
        wire.send(request("GET", "/") + _CHUNKED + b"zz\r\n").join()
        return [wire.response()[0][9:12], wire.response()[0][9:12], wire.at_end()]

    def slow(wire):
        wire.send(b"GET / HTTP/1.1\r\nHo").join()
        return [wire.response()[0][9:12], wire.at_end()]

    def leave(wire):
        wire.send(request("GET", "/") * 30 + b"GET").join()
        wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")

    async def main():
        bridge = Bridge(sandbox=SandboxSettings(orders=4, anchor=NOW))
        async with serving(bridge.endpoint, limits=ServerLimits(head_seconds=0.3)) as origin:
            port = int(origin.rpartition(":")[2])
            assert await talk(port, broken) == ["200", "400", True]
            assert await talk(port, slow) == ["400", True]
            await asyncio.gather(*(talk(port, leave) for _ in range(10)))
            assert (await asked(port, request())).status == 200
        return 7

    assert run_loop(main()) == 7
