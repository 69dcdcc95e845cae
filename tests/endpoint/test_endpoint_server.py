"""The production server over a real loopback socket, spoken to in raw bytes."""

import asyncio
import contextlib
import re
import socket
import threading

import httpx
import pytest

from bridge.endpoint.server import MAX_HEAD_BYTES, bind, make_server, serving
from bridge.sandbox import SandboxSettings
from tests.support import NOW, PATH, Answer, Bridge, assert_mws, signed_query

OWN_HOST = "bridge.test"
PATIENCE = 5.0  # seconds after which a test that waits for bytes has failed; nothing waits that long in a good run


@pytest.fixture
async def server():
    bridge = Bridge(sandbox=SandboxSettings(orders=4, anchor=NOW))
    async with serving(bridge.endpoint) as origin:
        yield bridge, int(origin.rpartition(":")[2])


def request(method="GET", target=None, *headers, body=b"", version="1.1", length=None):
    target = target or f"{PATH}?{signed_query('GetServiceStatus', method=method, host=OWN_HOST)}"
    lines = [f"{method} {target} HTTP/{version}", f"Host: {OWN_HOST}", *headers]
    if body or length is not None:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode() + body


class Wire:
    """A client that writes bytes and reads responses, in a thread of its own: blocking sockets show what really came,
    also after a reset."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.buffer = b""

    def send(self, data):
        # Writing goes on beside reading: the server may answer and close before it has read everything.
        def write():
            with contextlib.suppress(OSError):
                self.sock.sendall(data)

        thread = threading.Thread(target=write)
        thread.start()
        return thread

    def more(self):
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b""
        self.buffer += data
        return bool(data)

    def response(self, *, bodiless=False):
        """The next response, as (status line, header lines, body)."""
        while b"\r\n\r\n" not in self.buffer:
            assert self.more(), f"closed inside a head: {self.buffer!r}"
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        status, *headers = head.decode("latin-1").split("\r\n")
        length = next((int(line[15:]) for line in headers if line.startswith("content-length:")), 0)
        while not bodiless and len(self.buffer) < length:
            assert self.more(), "closed inside a body"
        body, self.buffer = (b"", self.buffer) if bodiless else (self.buffer[:length], self.buffer[length:])
        return status, headers, body

    def at_end(self):
        """Whether the server has closed the connection, with nothing unread before."""
        return not self.buffer and not self.more()

    def close(self):
        self.sock.close()


async def talk(port, conversation):
    def run():
        wire = Wire(port)
        try:
            return conversation(wire)
        finally:
            wire.close()

    return await asyncio.to_thread(run)


def mws(response):
    """The MWS answer in a raw response, with what old clients need of status line and headers."""
    status, headers, body = response
    assert re.fullmatch(r"HTTP/1\.1 \d{3} [A-Z][A-Za-z -]+", status), status
    names = [line.partition(":")[0] for line in headers]
    assert all(name == name.lower() for name in names)
    assert all(": " in line for line in headers)
    assert names.count("content-length") == names.count("x-mws-request-id") == names.count("date") == 1
    assert "transfer-encoding" not in names
    answer = Answer(int(status[9:12]), httpx.Headers([line.split(": ", 1) for line in headers]), body)
    assert_mws(answer)
    return answer


async def asked(port, data):
    """The one answer to some bytes."""

    def conversation(wire):
        thread = wire.send(data)
        response = wire.response()
        wire.close() if thread.is_alive() else None
        thread.join()
        return response

    return mws(await talk(port, conversation))


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
