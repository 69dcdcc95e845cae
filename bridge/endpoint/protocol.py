"""HTTP/1.1 as old clients speak it, for callers of every kind: what they draw out ends, what they pile up is bounded,
and what is no HTTP is answered in MWS XML.

::

    connection ──▶ head ──▶ body ──▶ answer ──▶ idle ──▶ head …
               head_seconds  body_seconds  send_seconds  idle_seconds

Requests that are written ahead of their answers wait in uvicorn's queue. What cannot be read is refused after the
answers to what came before it, once, and then the connection ends. Where there is no room for another connection, the
one that has sent no whole request for longest goes: to hold many open shuts nobody out.
"""

import asyncio
import logging
import secrets
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Any, ClassVar

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from bridge.endpoint.app import MAX_BODY_BYTES, answer_headers, new_request_id, utc_now
from mws_compat.errors import (
    INVALID_REQUEST,
    REQUEST_HEADERS_TOO_LARGE,
    REQUEST_TOO_LARGE,
    SERVICE_UNAVAILABLE,
    Fault,
)
from mws_compat.writer import render_error

__all__ = ["MAX_HEAD_BYTES", "MAX_PIPELINED", "MAX_WIRE_BYTES", "MwsHttpProtocol", "ServerLimits", "protocol_with"]

#: Request line and headers together. A ListOrders GET with fifty marketplaces and a NextToken stays under 8 KB.
MAX_HEAD_BYTES = 65_536
#: A body on the wire, with all that chunks and trailers add. A body cut into single bytes is six times its size.
MAX_WIRE_BYTES = 8 * MAX_BODY_BYTES
#: Requests that wait for the answers before theirs.
MAX_PIPELINED = 64

_NO_ROOM = "Too many connections are at work already. Try again later."

_log = logging.getLogger("mws_bridge.server")


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """How long callers may take, in seconds: for the head of a request, counted from the connection's start or the
    request's first byte; for its body, from the head's end to the last byte; for reading an answer that fills the
    connection; and between two requests. ``connections`` there may be at a time."""

    head_seconds: float = 10.0
    body_seconds: float = 30.0
    send_seconds: float = 60.0
    idle_seconds: int = 65  # longer than the minute at which old programs poll
    connections: int = 2000


class _TooManyAhead(Exception):  # noqa: N818 - never seen outside: it stops the parser
    pass


class MwsHttpProtocol(HttpToolsProtocol):
    """One connection. ``limits``, and ``silent``, the connections from which no whole request has come, the longest
    silent first, are the class's own: uvicorn makes the objects (see ``protocol_with``)."""

    limits = ServerLimits()
    silent: ClassVar["OrderedDict[MwsHttpProtocol, None]"] = OrderedDict()

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._in_head = False  # its first byte has come
        self._in_body = False  # its head has come
        self._number = 0  # of the request that is read or waited for
        self._part_bytes = 0  # how much of that head or body has come, in whole pieces
        self._unanswered: deque[RequestResponseCycle] = deque()
        self._refusal: tuple[Fault, str] | None = None
        self._read_timer: asyncio.TimerHandle | None = None
        self._read_timer_for = (0, False)
        self._send_timer: asyncio.TimerHandle | None = None

    # --- the connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            if not self.silent:
                self._refuse(SERVICE_UNAVAILABLE, _NO_ROOM)
                return
            longest, _ = self.silent.popitem(last=False)
            longest.make_room()
        self.silent[self] = None
        self._await_rest()

    def connection_lost(self, exc: Exception | None) -> None:
        for cycle in self._unanswered:  # uvicorn tells the last one only
            _disconnect(cycle)
        self.pipeline.clear()
        self.silent.pop(self, None)
        self._unset_keepalive_if_required()
        self._stop_read_timer()
        self._stop_send_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None:
            return  # only the answers before the refusal are still to be written
        self._unset_keepalive_if_required()
        before = self._number, self._in_body
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # on_headers_complete has seen to it
        except httptools.HttpParserError as error:
            ahead = isinstance(error.__context__, _TooManyAhead)
            self._refuse(INVALID_REQUEST, "Too many requests came ahead of their answers." if ahead else "")
            return
        # Nearly every request comes whole, in one piece; this costs it a few comparisons and no timer.
        if not (self._in_head or self._in_body) and self._unanswered:
            self._stop_read_timer()
            return
        self._part_bytes = self._part_bytes + len(data) if before == (self._number, self._in_body) else 0
        # Only whole pieces are counted, so a head or a body may be one piece longer than its limit.
        if self._part_bytes > (MAX_WIRE_BYTES if self._in_body else MAX_HEAD_BYTES):
            self._refuse(REQUEST_TOO_LARGE if self._in_body else REQUEST_HEADERS_TOO_LARGE)
        else:
            self._await_rest()

    # --- the parser's word

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= MAX_PIPELINED:
            raise _TooManyAhead
        super().on_headers_complete()
        self._in_head = False
        self._in_body = True
        self._unanswered.append(self.cycle)
        self.headers = []  # what follows a chunked body is not for the application
        if self.parser.should_upgrade():
            # No other protocol is spoken, but the parser reads no more: the answer is the connection's last.
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        self.silent.pop(self, None)
        self._in_body = False
        self._number += 1
        super().on_message_complete()

    # --- reading in time

    def _await_rest(self) -> None:
        """Give the part of a request that is being read, or waited for, its time, if it has none yet."""
        part = self._number, self._in_body
        if self._read_timer is None or self._read_timer_for != part:
            self._stop_read_timer()
            seconds = self.limits.body_seconds if self._in_body else self.limits.head_seconds
            self._read_timer = self.loop.call_later(seconds, self._end_of_patience)
            self._read_timer_for = part

    def _stop_read_timer(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None

    def _end_of_patience(self) -> None:
        self._read_timer = None
        if self.flow.read_paused:
            self._await_rest()  # it was we who did not read
        elif self._in_body:
            self._refuse(
                INVALID_REQUEST, f"The request body did not arrive within {self.limits.body_seconds:g} seconds."
            )
        elif self._in_head:
            self._refuse(
                INVALID_REQUEST, f"The request headers did not arrive within {self.limits.head_seconds:g} seconds."
            )
        else:
            self._end()

    # --- refusing

    def make_room(self) -> None:
        """End the connection, whose request has not come as a whole yet."""
        if self._in_body:
            self._refuse(SERVICE_UNAVAILABLE, _NO_ROOM)
        else:
            self.shutdown()

    def _refuse(self, fault: Fault, message: str = "") -> None:
        """Answer no more than what came before, then ``fault``, then end the connection."""
        self._refusal = (fault, message or fault.message)
        self._stop_read_timer()
        if self._in_body:  # so the application has the request already
            if self.cycle.response_complete:
                self._end()
                return
            if self.cycle.response_started:
                self.cycle.keep_alive = False
                return
            _disconnect(self._unanswered.pop())
            if self.pipeline:
                self.pipeline.popleft()
        if not self._unanswered:
            self._write_refusal(fault, message or fault.message)

    def _write_refusal(self, fault: Fault, message: str) -> None:
        _log.info("refused what is no request: %s", message)
        request_id = new_request_id()
        body = render_error(fault, message, request_id=request_id)
        headers = [
            *self.server_state.default_headers,
            *answer_headers(request_id, utc_now(), secrets.token_bytes),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
        ]
        head = b"".join(b"%b: %b\r\n" % header for header in headers)
        self.transport.write(STATUS_LINE[fault.status] + head + b"\r\n" + body)
        self._end()

    # --- answering in time

    def on_response_complete(self) -> None:
        answered = self._unanswered.popleft()
        super().on_response_complete()
        if self.transport.is_closing():
            self._end()
        elif self._in_body and answered is self.cycle and self.expect_100_continue:
            self._end()  # nobody can know whether the body will still come, or the next request
        elif self._refusal is not None and not self._unanswered:
            self._unset_keepalive_if_required()
            self._write_refusal(*self._refusal)
        elif not self._unanswered:
            self.silent[self] = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_send_timer()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._stop_send_timer()

    def timeout_keep_alive_handler(self) -> None:
        self._end()

    def shutdown(self) -> None:
        """End the connection when nothing is at work, else behind the answer under way."""
        super().shutdown()
        if self.transport.is_closing():
            self._end()

    def _end(self) -> None:
        """Close the connection; within ``send_seconds``, whether the caller reads what was written or not."""
        self.transport.close()
        if self.transport.get_write_buffer_size():
            self._start_send_timer()

    def _start_send_timer(self) -> None:
        if self._send_timer is None:
            self._send_timer = self.loop.call_later(self.limits.send_seconds, self.transport.abort)

    def _stop_send_timer(self) -> None:
        if self._send_timer is not None:
            self._send_timer.cancel()
            self._send_timer = None


def protocol_with(limits: ServerLimits) -> type[MwsHttpProtocol]:
    """The protocol of a server with these limits."""
    return type("MwsHttpProtocol", (MwsHttpProtocol,), {"limits": limits, "silent": OrderedDict()})


def _disconnect(cycle: RequestResponseCycle) -> None:
    """Tell the application that nobody waits for its answer."""
    cycle.disconnected = True
    cycle.message_event.set()
