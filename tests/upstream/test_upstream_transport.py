"""httpx over aiohttp, against loopback servers that behave and that misbehave."""

import asyncio
import gzip
import socket

import httpx
import pytest
from aiohttp import web

from bridge.upstream import transport as transport_module
from bridge.upstream.transport import AiohttpTransport
from tests.support import raw_server, read_request, reset


@pytest.fixture
async def http():
    async with httpx.AsyncClient(transport=AiohttpTransport(trust_env=False)) as client:
        yield client


def say(*pieces, then=None):
    """A server that reads one request after the other and answers each with the same bytes."""
    asked = []

    async def serve(reader, writer):
        while True:
            asked.append(await read_request(reader))
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            if then is not None:
                await then(writer)
                return

    serve.asked = asked
    return serve


def ok(body, *headers):
    head = b"".join(header + b"\r\n" for header in headers)
    return b"HTTP/1.1 200 OK\r\n" + head + b"Content-Length: %d\r\n\r\n" % len(body) + body


async def close(writer):
    writer.close()


async def abort(writer):
    reset(writer)


async def wait(writer):
    await asyncio.Event().wait()


async def fetch(http, url, **timeouts):
    return await http.get(url, timeout=httpx.Timeout(timeouts.pop("read", 1.0), connect=timeouts.pop("connect", 1.0)))


async def test_an_aiohttp_server_is_read_whole(http):
    """Method, path, query, headers and body go out as given; status, headers and body come back."""
    seen = {}

    async def handle(request):
        seen.update(method=request.method, raw=request.raw_path, headers=request.headers, body=await request.read())
        return web.Response(status=418, body=b'{"a":1}', headers={"X-Amzn-RequestId": "r"})

    server = web.Server(handle)
    runner = web.ServerRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = site._server.sockets[0].getsockname()[1]
        answer = await http.post(
            f"http://127.0.0.1:{port}/a%2Fb?NextToken=%2B%2F%3D%3D&x=%252B", content=b"body", headers={"x-y": "z"}
        )
    finally:
        await runner.cleanup()
    assert (answer.status_code, answer.json(), answer.headers["x-amzn-requestid"]) == (418, {"a": 1}, "r")
    assert (seen["method"], seen["raw"], seen["body"]) == ("POST", "/a%2Fb?NextToken=%2B%2F%3D%3D&x=%252B", b"body")
    assert seen["headers"]["x-y"] == "z"


async def test_nothing_is_sent_that_was_not_asked_for(http):
    """A GET has no body, no Content-Length, no Content-Type, no cookie, and each header once."""
    serve = say(ok(b"{}", b"Set-Cookie: session=1"))
    async with raw_server(serve) as origin:
        request = httpx.Request("GET", f"{origin}/x", headers={"user-agent": "u", "accept": "a"})
        await http.send(request)
        await http.send(httpx.Request("GET", f"{origin}/x", headers={"user-agent": "u", "accept": "a"}))
    lines = serve.asked[1].decode().lower().split("\r\n")
    names = sorted(line.partition(":")[0] for line in lines[1:] if line)
    assert names == ["accept", "host", "user-agent"]
    assert serve.asked[0] == serve.asked[1]


async def test_gzip_is_unpacked_once(http):
    """A compressed answer is handed over unpacked."""
    async with raw_server(say(ok(gzip.compress(b'{"a":1}'), b"Content-Encoding: gzip"))) as origin:
        assert (await fetch(http, origin)).json() == {"a": 1}


async def test_damaged_gzip_is_a_decoding_error(http):
    """What does not unpack is httpx's DecodingError."""
    async with raw_server(say(ok(b"no gzip at all", b"Content-Encoding: gzip"))) as origin:
        with pytest.raises(httpx.DecodingError):
            await fetch(http, origin)


async def test_chunks_are_put_together(http):
    """A chunked answer in odd pieces is one body."""
    pieces = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"3\r\n{",
        b'"a\r\n4\r\n":1}\r\n0\r\n',
        b"\r\n",
    )
    async with raw_server(say(*pieces)) as origin:
        assert (await fetch(http, origin)).json() == {"a": 1}


async def test_a_header_that_is_no_ascii_does_no_harm(http):
    """A stray byte in a header of the answer does not lose the answer."""
    async with raw_server(say(ok(b"{}", b"X-Name: caf\xe9"))) as origin:
        assert (await fetch(http, origin)).json() == {}


async def test_redirects_are_not_followed(http):
    """An answer that points elsewhere is the answer: no token goes to another host."""
    serve = say(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
    async with raw_server(serve) as origin:
        assert (await fetch(http, origin)).status_code == 302
    assert len(serve.asked) == 1


@pytest.mark.parametrize("framing", ["declared", "chunked", "until-close"])
async def test_an_answer_over_the_limit_is_refused_and_one_at_the_limit_is_not(http, framing, monkeypatch):
    """Whether its size is declared or not, an answer may have MAX_ANSWER_BYTES and not one more."""
    monkeypatch.setattr(transport_module, "MAX_ANSWER_BYTES", 1000)
    for size in (1000, 1001):
        body = b"x" * size
        if framing == "declared":
            serve = say(ok(body))
        elif framing == "chunked":
            head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            serve = say(head, b"1f4\r\n", body[:500], b"\r\n%x\r\n" % (size - 500), body[500:], b"\r\n0\r\n\r\n")
        else:
            serve = say(b"HTTP/1.1 200 OK\r\n\r\n", body, then=close)
        async with raw_server(serve) as origin:
            if size == 1000:
                assert len((await fetch(http, origin)).content) == 1000
            else:
                with pytest.raises(httpx.ReadError, match="too large"):
                    await fetch(http, origin)


def test_the_limit_is_far_above_a_page_of_orders():
    """32 MiB."""
    assert transport_module.MAX_ANSWER_BYTES == 32 * 1024 * 1024


async def test_a_refused_connection_is_a_connect_error(http):
    """Nobody listens: ConnectError."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(httpx.ConnectError):
        await fetch(http, f"http://127.0.0.1:{port}/")


async def test_a_connection_that_is_not_accepted_is_a_connect_timeout(http):
    """A full backlog: ConnectTimeout after the connect timeout."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    port = listener.getsockname()[1]
    fillers = []
    try:
        for _ in range(6):  # until the queue is full and the next SYN gets no answer
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            fillers.append(filler)
        with pytest.raises(httpx.ConnectTimeout):
            await fetch(http, f"http://127.0.0.1:{port}/", connect=0.1)
    finally:
        for filler in fillers:
            filler.close()
        listener.close()


async def test_an_unknown_host_is_a_connect_error():
    """A name that does not resolve: ConnectError."""
    transport = AiohttpTransport(trust_env=False)
    async with httpx.AsyncClient(transport=transport) as http:
        session = transport._open()

        async def fail(*_, **__):
            raise OSError("no such name")

        session.connector._resolve_host = fail
        with pytest.raises(httpx.ConnectError):
            await fetch(http, "http://name.invalid/")


@pytest.mark.parametrize(
    "pieces",
    [(), (b"HTTP/1.1 200 OK\r\n",), (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",)],
    ids=["before-the-status", "inside-the-head", "inside-the-body"],
)
async def test_silence_is_a_read_timeout(http, pieces):
    """Wherever the answer stops coming: ReadTimeout."""
    async with raw_server(say(*pieces, then=wait)) as origin:
        with pytest.raises(httpx.ReadTimeout):
            await fetch(http, origin, read=0.05)


@pytest.mark.parametrize("end", [close, abort])
@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (b"HTTP/1.1 200 OK\r\n",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal",),
    ],
)
async def test_an_answer_that_breaks_off_is_a_protocol_or_read_error(http, pieces, end):
    """Closed or reset, before, in or after the head: an httpx TransportError that a client may retry."""
    async with raw_server(say(*pieces, then=end)) as origin:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await fetch(http, origin)


async def test_one_request_is_sent_once(http):
    """A connection that breaks before the answer is the caller's to retry: no second request goes out by itself."""
    serve = say(then=close)
    async with raw_server(serve) as origin:
        with pytest.raises(httpx.RemoteProtocolError):
            await fetch(http, origin)
    assert len(serve.asked) == 1


@pytest.mark.parametrize("garbage", [b"SSH-2.0-OpenSSH_9.6\r\n\r\n", b"HTTP/9.9 200\r\n\r\n", b"\0\0\0\r\n\r\n"])
async def test_what_is_no_http_is_a_protocol_error(http, garbage):
    """Another protocol on the port: RemoteProtocolError, whose text repeats nothing of what came."""
    async with raw_server(say(garbage, then=close)) as origin:
        with pytest.raises(httpx.RemoteProtocolError) as caught:
            await fetch(http, origin)
    assert "SSH" not in str(caught.value)


async def test_other_trouble_with_the_socket_is_a_read_error():
    """An OSError that aiohttp does not know of is httpx's ReadError."""
    transport = AiohttpTransport(trust_env=False)

    class Broken:
        def request(self, *_, **__):
            raise OSError("odd")

        async def close(self):
            pass

    transport._session = Broken()
    async with httpx.AsyncClient(transport=transport) as http:
        with pytest.raises(httpx.ReadError, match=r"^OSError$"):
            await http.get("http://127.0.0.1/")


async def test_connections_are_kept_and_closed():
    """Two requests share a connection; after aclose the transport opens anew; closing twice is harmless."""
    connections = []

    async def serve(reader, writer):
        connections.append(writer)
        while True:
            await read_request(reader)
            writer.write(ok(b"{}"))

    transport = AiohttpTransport(trust_env=False)
    async with raw_server(serve) as origin, httpx.AsyncClient(transport=transport) as http:
        await fetch(http, origin)
        await fetch(http, origin)
        assert len(connections) == 1
        await transport.aclose()
        await transport.aclose()
        await fetch(http, origin)
        assert len(connections) == 2


async def test_a_proxy_of_the_environment_is_used_and_its_netrc_is_not(monkeypatch, tmp_path):
    """HTTP_PROXY is obeyed but for NO_PROXY; a ~/.netrc with credentials for every host sends none of them."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    serve = say(ok(b"{}"))
    async with raw_server(serve) as origin:
        monkeypatch.setenv("http_proxy", origin)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        async with httpx.AsyncClient(transport=AiohttpTransport()) as client:
            assert (await client.get("http://sp-api.example/orders")).content == b"{}"
            (head,) = serve.asked
            with pytest.raises(httpx.ConnectError):
                await client.get("http://127.0.0.1:1/orders")
    assert head.startswith(b"GET http://sp-api.example/orders HTTP/1.1\r\n")
    assert b"authorization" not in head.lower()
