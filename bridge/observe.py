"""What happened to a request, as one frozen event, and the log line that is made of it.

An event has no room for a parameter's value, a secret or personal data: only for names of operations, ids that are
not secret, numbers, and the reason that an error carries for the operator. The caller's address is there to be
counted with, and is in no line and no repr.

A log line is one line, whatever a caller wrote that it repeats: text with key=value pairs, or a JSON object. Of an
exception it tells the class and the places, never the message, which may repeat a value.

There is a line for each request, so the JSON ones are written without ``logging``, which takes longer to find out
where a line has to go than the request may take; it only says from which level on there are lines.
"""

import functools
import json
import logging
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal, NamedTuple

import orjson

from bridge.upstream.journal import UpstreamCall

__all__ = [
    "Emit",
    "JsonLines",
    "LogFormat",
    "RequestEvent",
    "TextLines",
    "emit_to_log",
    "is_error",
    "log_event",
    "start_logging",
]

LogFormat = Literal["text", "json"]

_log = logging.getLogger("mws_bridge.requests")

_PLAIN = re.compile(r"[^ '=]+").fullmatch

#: Letters of one explanation that are written.
_MOST = 500
#: Places of a traceback that are named, the innermost ones.
_MOST_PLACES = 20


class RequestEvent(NamedTuple):
    """One answered request. ``code`` is '' for success; ``seconds`` is from arrival to answer, ``waited`` the part of
    it spent on waiting for usage-plan tokens; ``upstream`` are the calls for orders and items, ``token_calls`` those
    for access tokens; ``reason`` and ``faults`` explain an error to the operator. ``hits``
    orders were answered from what is kept, ``misses`` were asked for upstream. ``address`` is the caller's, for
    counting only: never logged, never shown."""

    request_id: str
    method: str
    operation: str
    seller_id: str
    access_key_id: str
    status: int
    code: str
    reason: str
    faults: tuple[str, ...]
    upstream: tuple[UpstreamCall, ...]
    waited: float
    seconds: float
    bytes_in: int
    bytes_out: int
    hits: int = 0
    misses: int = 0
    address: str = ""
    token_calls: tuple[UpstreamCall, ...] = ()

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in self._asdict().items() if name != "address")
        return f"RequestEvent({', '.join(shown)})"


Emit = Callable[[RequestEvent], None]


def is_error(event: RequestEvent) -> bool:
    """Whether somebody may have to do something about it. Throttling is how a usage plan is kept, and no error."""
    return event.status >= 400 and event.code != "RequestThrottled"


def emit_to_log(
    format: LogFormat,  # noqa: A002 - that is what the setting is called
    *,
    write: Callable[[str], object] | None = None,
    now: Callable[[], float] = time.time,
) -> Emit:
    """What writes each event as one log line: key=value pairs to the log (``log_event``), or a JSON object that
    ``write`` gets, with its newline (standard error by default), and whose time is ``now()`` in unix seconds. INFO
    for success and throttling, WARNING for what the caller did wrong, ERROR for what went wrong behind the door."""
    return log_event if format == "text" else _json_log(write or _write_to_stderr, now)


def log_event(event: RequestEvent) -> None:
    """Write the event as one line of key=value pairs; levels as ``emit_to_log`` says."""
    level = _level(event)
    if not _log.isEnabledFor(level):
        return
    pairs: list[tuple[str, object]] = [
        ("id", event.request_id),
        ("operation", event.operation or "-"),
        ("seller", event.seller_id or "-"),
        ("key", event.access_key_id or "-"),
        ("status", event.status),
        ("code", event.code),
        ("ms", f"{event.seconds * 1000:.1f}"),
        ("waited_ms", f"{event.waited * 1000:.0f}" if event.waited else ""),
        ("in", event.bytes_in),
        ("out", event.bytes_out),
        ("tokens", _told(event.token_calls)),
        ("upstream", _told(event.upstream)),
        ("hits", event.hits or ""),
        ("misses", event.misses or ""),
        ("reason", event.reason),
        ("faults", " | ".join(event.faults) if len(event.faults) > 1 else ""),
    ]
    _log.log(level, "%s", " ".join(f"{name}={_quoted(value)}" for name, value in pairs if value != ""))


def _told(calls: tuple[UpstreamCall, ...]) -> str:
    return ",".join(f"{call.operation}:{call.status}:{call.request_id or '-'}" for call in calls)


def _json_log(write: Callable[[str], object], now: Callable[[], float]) -> Emit:
    def log_event_as_json(event: RequestEvent) -> None:
        level = _level(event)
        if not _log.isEnabledFor(level):
            return
        members: dict[str, object] = {
            "time": _time_text(now()),
            "level": logging.getLevelName(level),
            "logger": _log.name,
            "id": event.request_id,
        }
        if event.operation:
            members["operation"] = event.operation
        if event.seller_id:
            members["seller"] = event.seller_id
        if event.access_key_id:
            members["key"] = event.access_key_id
        members["status"] = event.status
        if event.code:
            members["code"] = event.code
        members["ms"] = round(event.seconds * 1000, 1)
        if event.waited:
            members["waited_ms"] = round(event.waited * 1000)
        members["bytes_in"] = event.bytes_in
        members["bytes_out"] = event.bytes_out
        if event.token_calls:
            members["tokens"] = [_call(call) for call in event.token_calls]
        if event.upstream:
            members["upstream"] = [_call(call) for call in event.upstream]
        if event.hits:
            members["hits"] = event.hits
        if event.misses:
            members["misses"] = event.misses
        if event.reason:
            members["reason"] = event.reason[:_MOST]
        if len(event.faults) > 1:
            members["faults"] = [fault[:_MOST] for fault in event.faults]
        write(f"{_json(members)}\n")

    return log_event_as_json


def _call(call: UpstreamCall) -> dict[str, object]:
    told: dict[str, object] = {"operation": call.operation, "status": call.status}
    if call.request_id:
        told["request_id"] = call.request_id
    told["ms"] = round(call.seconds * 1000, 1)
    return told


def _write_to_stderr(line: str) -> None:
    sys.stderr.write(line)  # as a whole and at once: Python's standard error is never buffered beyond a line


def _time_text(at: float) -> str:
    """Unix seconds as ``2026-11-22T02:13:05.250Z``."""
    whole = int(at)
    return f"{_second_text(whole)}.{int((at - whole) * 1000):03}Z"


@functools.lru_cache(2)
def _second_text(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()[:19]


def _level(event: RequestEvent) -> int:
    if not is_error(event):
        return logging.INFO
    return logging.WARNING if event.status < 500 else logging.ERROR


def _quoted(value: object) -> str:
    # One event is one line and one value one value, whatever a caller wrote that a reason repeats.
    text = _one_line(str(value))[:_MOST]
    text = text.replace('"', "'").replace("\\", "/")
    return f'"{text}"' if not text or not _PLAIN(text) else text


def _one_line(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "?" for character in text)


def _json(members: dict[str, object]) -> str:
    # In ASCII with \u escapes: no separator of lines, no control character, no lone surrogate can get into a line.
    try:
        packed = orjson.dumps(members)
    except TypeError:  # a lone surrogate
        packed = b"\xff"
    return packed.decode() if packed.isascii() else json.dumps(members, separators=(",", ":"))


# --- all lines of the process ---------------------------------------------------------------------------------------


class TextLines(logging.Formatter):
    """Each record as one printable line: time (local), level, logger, message; class and places of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = f"{self.formatTime(record)} {record.levelname} {record.name} {record.getMessage()}"
        if found := _exception_of(record):
            name, places = found
            line += f" exception={name} at={','.join(places)}"
        return _one_line(line)


class JsonLines(logging.Formatter):
    """Each record as one JSON object in one line of ASCII, beginning as a request's line does: time (ISO 8601, UTC),
    level, logger; then the message, and class and places of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        members: dict[str, object] = {
            "time": _time_text(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if found := _exception_of(record):
            name, places = found
            members["exception"] = {"class": name, "at": places}
        return _json(members)


def _exception_of(record: logging.LogRecord) -> tuple[str, list[str]] | None:
    """Class and places, from the outermost to the innermost."""
    kind, _, trace = record.exc_info or (None, None, None)
    if kind is None:
        return None
    return kind.__qualname__, _places(trace)[-_MOST_PLACES:]


def _places(trace: TracebackType | None) -> list[str]:
    places: list[str] = []
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "?")
        places.append(f"{module}.{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}")
        trace = trace.tb_next
    return places


def start_logging(level: str, format: LogFormat = "text") -> None:  # noqa: A002 - as in emit_to_log
    """Log to stderr, one line an event. ``level`` is a name of logging's, in any case."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if format == "json" else TextLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # No line tells them, and to find them out takes a while for each.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    # Their request lines hold whole URLs: parameters, and with them personal data.
    for name in ("httpx", "httpcore", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Its comings and goings, in the middle of what we print of ours.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
