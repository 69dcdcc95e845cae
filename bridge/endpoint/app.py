"""The drop-in endpoint as an ASGI application: HTTP in, MWS XML out, whatever comes."""

import asyncio
import base64
import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from isal import igzip

from bridge.endpoint.access import AccessBook, Caller
from bridge.endpoint.handlers import Handlers
from bridge.endpoint.limits import Limits, address_of, no_limits
from bridge.endpoint.reads import Request
from bridge.endpoint.recording import Exchange, Recorder
from bridge.observe import Emit, RequestEvent
from bridge.upstream.journal import UpstreamJournal
from mws_compat.errors import (
    ACCESS_DENIED,
    INTERNAL_ERROR,
    INVALID_ACCESS_KEY_ID,
    METHOD_NOT_ALLOWED,
    REQUEST_TOO_LARGE,
    SERVICE_UNAVAILABLE,
    SIGNATURE_DOES_NOT_MATCH,
    MwsError,
)
from mws_compat.orders import SECTION, namespace_of
from mws_compat.query import Address, Call, HttpRequest, parse_call, plain_name, resolve_address
from mws_compat.schema import format_instant
from mws_compat.validation import check
from mws_compat.writer import CONTENT_TYPE, DEFAULT_NAMESPACE, render_error, render_ping, render_response

__all__ = ["MAX_BODY_BYTES", "Endpoint", "EndpointSettings", "answer_headers", "new_request_id", "utc_now"]

# ASGI's own types are open mappings of anything.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_BODY_BYTES = 2**20
_log = logging.getLogger("mws_bridge")

#: A shorter body is sent as it is: it fits into the packets that its headers need anyway.
_MIN_GZIP_BYTES = 1024
_METHODS = frozenset({"GET", "POST"})
_FIXED_HEADERS = (
    (b"server", b"Server"),
    (b"content-type", CONTENT_TYPE.encode()),
    (b"vary", b"Accept-Encoding,User-Agent"),
)
#: What a caller is told who could not prove who it is.
_UNPROVEN = frozenset({ACCESS_DENIED, INVALID_ACCESS_KEY_ID, SIGNATURE_DOES_NOT_MATCH})


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """``strict_status_pair``: refuse Unshipped without PartiallyShipped, as documented, though MWS did not."""

    strict_status_pair: bool = False


@dataclass(slots=True)
class _Progress:
    """How far a request has come, for the error that may end it and for the event that reports it."""

    request_id: str
    now: datetime
    headers: Mapping[bytes, bytes] = field(repr=False)
    call: Call | None = None
    address: Address | None = None
    caller: Caller | None = None
    journal: UpstreamJournal = field(default_factory=UpstreamJournal)
    bytes_in: int = 0


class _Reply(NamedTuple):
    """An answer that can be sent. ``unproven``: its caller could not prove who it is."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    unproven: bool


class Endpoint:
    """The ASGI application.

    ``now`` gives the time as an aware datetime, ``new_request_id`` UUID text, ``random_bytes`` unpredictable bytes,
    ``clock`` seconds for measuring; ``emit`` gets one event for each answer; ``lifespan`` is entered when the server
    starts and left when it stops. ``recorder`` keeps what was asked and answered, but for pings. ``limits`` bound
    what it takes on at once; without them it takes on everything.
    """

    def __init__(
        self,
        book: AccessBook,
        handlers: Handlers,
        *,
        settings: EndpointSettings,
        now: Callable[[], datetime],
        new_request_id: Callable[[], str],
        random_bytes: Callable[[int], bytes],
        emit: Emit,
        clock: Callable[[], float] = time.perf_counter,
        lifespan: AbstractAsyncContextManager[object] | None = None,
        recorder: Recorder | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.book = book
        self.limits = limits or no_limits()
        self._handlers = handlers
        self._settings = settings
        self._now = now
        self._new_request_id = new_request_id
        self._random_bytes = random_bytes
        self._emit = emit
        self._clock = clock
        self._lifespan = lifespan
        self._recorder = recorder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        if self._lifespan is not None:
            await self._lifespan.__aenter__()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if self._lifespan is not None:
            await self._lifespan.__aexit__(None, None, None)
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        reply = await self._reply(scope, receive)
        if reply is None:
            return
        if reply.unproven:
            with suppress(asyncio.CancelledError):  # the server stops: the answer is due now
                if not await self.limits.slow_down(address_of(scope)):
                    reply.headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def _reply(self, scope: Scope, receive: Receive) -> _Reply | None:
        """The answer, recorded and reported; None when nobody is left to be told. Of the request it leaves nothing in
        memory, because the answer may have to wait."""
        started = self._clock()
        # Of a header that came twice the first one counts.
        progress = _Progress(self._new_request_id(), self._now(), dict(reversed(list(scope["headers"]))))
        if self._recorder is not None:
            progress.journal.answers = []
        error: MwsError | None = None
        try:
            body = await self._work(scope, receive, progress)
            status = 200
        except MwsError as mws_error:
            error = mws_error
        except _Disconnected:
            return None
        except asyncio.CancelledError:  # the server stops, and does not wait for its last requests any longer
            error = MwsError(SERVICE_UNAVAILABLE, reason="the server stopped before the answer was ready")
        except Exception as unexpected:  # noqa: BLE001 - the one place that turns any failure into an MWS answer
            # The class and the place, not the message: that may repeat a value.
            error = MwsError(INTERNAL_ERROR, reason=_where(unexpected))
        if error is not None:
            status = error.fault.status
            namespace = _namespace(progress)
            body = render_error(error.fault, error.message, request_id=progress.request_id, namespace=namespace)
        self._record(scope, progress, error, status, body)
        headers = answer_headers(progress.request_id, progress.now, self._random_bytes)
        if error is not None and error.fault is METHOD_NOT_ALLOWED:
            headers.append((b"allow", b"GET, POST"))
        if len(body) >= _MIN_GZIP_BYTES and _takes_gzip(progress.headers):
            body = igzip.compress(body, compresslevel=1)
            headers.append((b"content-encoding", b"gzip"))
        headers.append((b"content-length", b"%d" % len(body)))
        if error is not None and error.fault is REQUEST_TOO_LARGE:
            headers.append((b"connection", b"close"))  # the rest of the body was not read
        self._report(_event(scope, progress, error, status, len(body), self._clock() - started))
        unproven = error is not None and progress.caller is None and error.fault in _UNPROVEN
        error = None  # whose traceback holds this frame, and with it the request
        return _Reply(status, headers, body, unproven)

    async def _work(self, scope: Scope, receive: Receive, progress: _Progress) -> bytes:
        if scope["method"] not in _METHODS:
            raise MwsError(METHOD_NOT_ALLOWED)
        with self.limits.body() as hold:
            body = await _read_body(progress.headers, receive, hold)
        request = HttpRequest(
            method=scope["method"],
            path=(scope.get("raw_path") or scope["path"].encode()).decode("latin-1").partition("?")[0],
            query=scope["query_string"],
            body=body,
            host=progress.headers.get(b"host", b"").decode("latin-1"),
        )
        progress.bytes_in = len(request.body) + len(request.query)
        call = progress.call = parse_call(request)
        if call.is_ping:
            return render_ping(format_instant(progress.now, milliseconds=True))
        with self.limits.request():
            address = progress.address = resolve_address(call)
            caller = progress.caller = self.book.authenticate(call, section=address.section, now=progress.now)
            with self.limits.seller(caller.seller.seller_id):
                arguments = check(
                    address.operation,
                    call.parameters,
                    now=progress.now,
                    strict_status_pair=self._settings.strict_status_pair,
                )
                result = await self._handlers.handle(
                    Request(caller, address.operation, arguments, progress.now, progress.journal)
                )
                return render_response(
                    address.operation,
                    result,
                    namespace=namespace_of(address.section, address.version),
                    request_id=progress.request_id,
                    version=address.version,
                )

    def _report(self, event: RequestEvent) -> None:
        try:
            self._emit(event)
        except Exception as unexpected:  # noqa: BLE001 - the answer is ready, and its caller waits
            _log.error("an event could not be told of: %s", _where(unexpected))

    def _record(self, scope: Scope, progress: _Progress, error: MwsError | None, status: int, body: bytes) -> None:
        if self._recorder is None or (progress.call is not None and progress.call.is_ping):
            return
        try:
            self._recorder.take(self._exchange(scope, progress, error, status, body))
        except Exception as unexpected:  # noqa: BLE001 - as above
            _log.error("an exchange could not be recorded: %s", _where(unexpected))

    def _exchange(
        self, scope: Scope, progress: _Progress, error: MwsError | None, status: int, body: bytes
    ) -> Exchange:
        return Exchange(
            at=progress.now,
            method=scope["method"],
            call=progress.call,
            address=progress.address,
            caller=progress.caller,
            strict_status_pair=self._settings.strict_status_pair,
            status=status,
            code=error.fault.code if error else "",
            body=body,
            upstream=tuple(progress.journal.answers or ()),
        )


def answer_headers(request_id: str, now: datetime, random_bytes: Callable[[int], bytes]) -> list[tuple[bytes, bytes]]:
    """The headers of every MWS answer, also of errors: lower-case names, which the official PHP library compares
    letter by letter; the response context, without which the C# library fails."""
    return [
        *_FIXED_HEADERS,
        (b"x-mws-request-id", request_id.encode()),
        (b"x-mws-timestamp", format_instant(now, milliseconds=True).encode()),
        (b"x-mws-response-context", base64.b64encode(random_bytes(66))),
    ]


class _Disconnected(Exception):  # noqa: N818 - it is no error: nobody is left to be told
    pass


def _takes_gzip(headers: Mapping[bytes, bytes]) -> bool:
    for part in headers.get(b"accept-encoding", b"").lower().split(b","):
        coding, _, quality = part.partition(b";")
        if coding.strip() in {b"gzip", b"x-gzip"}:
            return quality.replace(b" ", b"") not in {b"q=0", b"q=0.0", b"q=0.00", b"q=0.000"}
    return False


async def _read_body(headers: Mapping[bytes, bytes], receive: Receive, hold: Callable[[int], None]) -> bytes:
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and (len(declared) > 12 or int(declared) > MAX_BODY_BYTES):
        raise MwsError(REQUEST_TOO_LARGE)
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Disconnected
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise MwsError(REQUEST_TOO_LARGE)
        hold(len(body))
        if not message.get("more_body", False):
            return bytes(body)


def _namespace(progress: _Progress) -> str:
    if progress.address is not None:
        return namespace_of(progress.address.section, progress.address.version)
    # A request for our section that failed before its operation was known still gets the section's namespace.
    path = progress.call.path.strip("/") if progress.call is not None else ""
    section, _, version = path.partition("/")
    if section == SECTION and version in {"2013-09-01", "2011-01-01"}:
        return namespace_of(section, version)
    return DEFAULT_NAMESPACE


def _where(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace is not None else "?"
    return f"{type(error).__name__} in {place}"


def _event(
    scope: Scope, progress: _Progress, error: MwsError | None, status: int, bytes_out: int, seconds: float
) -> RequestEvent:
    operation = progress.address.operation.name if progress.address else ""
    if progress.call is not None and progress.call.is_ping:
        operation = "Ping"
    return RequestEvent(
        request_id=progress.request_id,
        method=scope["method"] if scope["method"] in _METHODS else plain_name(scope["method"]),
        operation=operation,
        seller_id=progress.caller.seller.seller_id if progress.caller else "",
        access_key_id=progress.caller.access_key_id if progress.caller else "",
        status=status,
        code=error.fault.code if error else "",
        reason=(error.reason or error.message) if error else "",
        faults=error.faults if error else (),
        upstream=tuple(progress.journal.calls),
        token_calls=tuple(progress.journal.token_calls),
        waited=progress.journal.waited,
        seconds=seconds,
        bytes_in=progress.bytes_in,
        bytes_out=bytes_out,
        hits=progress.journal.hits,
        misses=progress.journal.misses,
        address=address_of(scope),
    )


def new_request_id() -> str:
    """A random UUID as text: what ``str(uuid.uuid4())`` gives, in a fraction of its time."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def utc_now() -> datetime:
    """The time, as the endpoint's default clock gives it."""
    return datetime.now(UTC)
