"""The production server: uvicorn, told to speak HTTP/1.1 as old clients need it, and MWS XML also to garbage."""

import asyncio
import contextlib
import secrets
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from bridge.endpoint.app import answer_headers, utc_now
from mws_compat.errors import INVALID_REQUEST, REQUEST_HEADERS_TOO_LARGE, Fault
from mws_compat.writer import render_error

__all__ = ["MAX_HEAD_BYTES", "MwsHttpProtocol", "bind", "make_server", "origin_of", "run_loop", "serving"]

#: Request line and headers together. A ListOrders GET with fifty marketplaces and a NextToken stays under 8 KB.
MAX_HEAD_BYTES = 65_536


_new_event_loop: Callable[[], asyncio.AbstractEventLoop]
try:
    import uvloop

    _new_event_loop = uvloop.new_event_loop
except ImportError:  # pragma: no cover - not to be had on Windows
    _new_event_loop = asyncio.new_event_loop


class MwsHttpProtocol(HttpToolsProtocol):
    """uvicorn's httptools protocol, which answers what is not HTTP in MWS XML and bounds the head of a request."""

    _in_head = False
    _head_bytes = 0
    _refused_with: Fault = INVALID_REQUEST

    def data_received(self, data: bytes) -> None:
        was_in_head = self._in_head
        super().data_received(data)
        if was_in_head and self._in_head:
            # Only whole chunks of head are counted, so a head may be one chunk longer than the limit.
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self._refused_with = REQUEST_HEADERS_TOO_LARGE
                self.send_400_response("")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the server's words are not for MWS clients
        fault = self._refused_with
        request_id = str(uuid.uuid4())
        body = render_error(fault, fault.message, request_id=request_id)
        headers = [
            *self.server_state.default_headers,
            *answer_headers(request_id, utc_now(), secrets.token_bytes),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
        ]
        head = b"".join(b"%b: %b\r\n" % header for header in headers)
        self.transport.write(STATUS_LINE[fault.status] + head + b"\r\n" + body)
        self.transport.close()


class _EmbeddedServer(uvicorn.Server):
    """A server inside a program that handles signals itself."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises OSError when the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=2048)
    # asyncio sets this only on sockets made with an explicit protocol, which these are not. Without it the body of an
    # answer, written after its head, waits 40 ms for the client's acknowledgement. Accepted sockets inherit it.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def origin_of(host: str, listener: socket.socket) -> str:
    """The origin under which a listening socket is reached: ``http://127.0.0.1:49152``, ``http://[::1]:49152``."""
    return f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"


def run_loop(main: Coroutine[Any, Any, int]) -> int:
    """``asyncio.run`` on uvloop, where there is one."""
    with asyncio.Runner(loop_factory=_new_event_loop) as runner:
        return runner.run(main)


def make_server(app: Any, *, embedded: bool = False, mws: bool = True) -> uvicorn.Server:
    """A uvicorn server for an ASGI app. ``mws``: the answers to garbage are MWS XML; ``embedded``: leave signals to
    the program around it."""
    config = uvicorn.Config(
        app,
        http=MwsHttpProtocol if mws else "httptools",
        ws="none",
        lifespan="on" if mws else "off",
        loop="auto",
        interface="asgi3",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # nothing here looks at the client's address
        timeout_keep_alive=65,  # longer than the minute at which old programs poll
        timeout_graceful_shutdown=10,
    )
    return (_EmbeddedServer if embedded else uvicorn.Server)(config)


@contextlib.asynccontextmanager
async def serving(app: Any, *, host: str = "127.0.0.1", port: int = 0, mws: bool = True) -> AsyncIterator[str]:
    """Serve ``app`` inside this event loop; yields its origin, like ``http://127.0.0.1:49152``."""
    with contextlib.closing(bind(host, port)) as listener:
        server = make_server(app, embedded=True, mws=mws)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not server.started:
                if task.done():
                    await task
                    raise RuntimeError("the server stopped before it had started")
                await asyncio.sleep(0.005)
            yield origin_of(host, listener)
        finally:
            server.should_exit = True
            await task
