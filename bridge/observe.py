"""What happened to a request, as one frozen event, and the log line that is made of it.

An event has no room for a parameter's value, a secret or personal data: only for names of operations, ids that are
not secret, numbers, and the reason that an error carries for the operator. The caller's address is there to be
counted with, and is in no line and no repr.

A log line is one line, whatever a caller wrote that it repeats: text with key=value pairs, or a JSON object. Of an
exception it tells the class and the places, never the message, which may repeat a value.
"""

import json
import logging
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal

import orjson

from bridge.upstream.client import UpstreamCall

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


@dataclass(frozen=True, slots=True)
class RequestEvent:
    """One answered request. ``code`` is '' for success; ``seconds`` is from arrival to answer, ``waited`` the part of
    it spent on waiting for usage-plan tokens; ``reason`` and ``faults`` explain an error to the operator. ``hits``
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
    address: str = field(default="", repr=False)


Emit = Callable[[RequestEvent], None]


def is_error(event: RequestEvent) -> bool:
    """Whether somebody may have to do something about it. Throttling is how a usage plan is kept, and no error."""
    return event.status >= 400 and event.code != "RequestThrottled"


def emit_to_log(format: LogFormat) -> Emit:  # noqa: A002 - that is what the setting is called
    """What writes each event as one log line: key=value pairs (``log_event``), or a JSON object, which ``JsonLines``
    joins with the line's own members. INFO for success and throttling, WARNING for what the caller did wrong, ERROR
    for what went wrong behind the door."""
    return log_event if format == "text" else _log_json


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
        ("upstream", ",".join(f"{call.operation}:{call.status}:{call.request_id or '-'}" for call in event.upstream)),
        ("hits", event.hits or ""),
        ("misses", event.misses or ""),
        ("reason", event.reason),
        ("faults", " | ".join(event.faults) if len(event.faults) > 1 else ""),
    ]
    _log.log(level, "%s", " ".join(f"{name}={_quoted(value)}" for name, value in pairs if value != ""))


def _log_json(event: RequestEvent) -> None:
    level = _level(event)
    if not _log.isEnabledFor(level):
        return
    calls = [
        {
            "operation": call.operation,
            "status": call.status,
            **({"request_id": call.request_id} if call.request_id else {}),
            "ms": round(call.seconds * 1000, 1),
        }
        for call in event.upstream
    ]
    members: dict[str, object] = {
        "id": event.request_id,
        "operation": event.operation,
        "seller": event.seller_id,
        "key": event.access_key_id,
        "status": event.status,
        "code": event.code,
        "ms": round(event.seconds * 1000, 1),
        "waited_ms": round(event.waited * 1000) if event.waited else "",
        "bytes_in": event.bytes_in,
        "bytes_out": event.bytes_out,
        "upstream": calls or "",
        "hits": event.hits or "",
        "misses": event.misses or "",
        "reason": event.reason[:_MOST],
        "faults": [fault[:_MOST] for fault in event.faults] if len(event.faults) > 1 else "",
    }
    told = _Members({name: value for name, value in members.items() if value != ""})
    # Made here, because to find out who called takes longer than all the rest, and no line tells it.
    _log.handle(logging.LogRecord(_log.name, level, "", 0, "%s", (told,), None))


@dataclass(frozen=True, slots=True)
class _Members:
    """Members for a JSON line; as text, the JSON object of them alone."""

    members: dict[str, object]

    def __str__(self) -> str:
        return _json(self.members)


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
    """Each record as one JSON object in one line of ASCII: time (ISO 8601, UTC), level, logger, then the members of a
    request's line, or the message; class and places of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        members: dict[str, object] = {"time": at, "level": record.levelname, "logger": record.name}
        told = record.args[0] if isinstance(record.args, tuple) and record.args else None
        if isinstance(told, _Members):
            members |= told.members
        else:
            members["message"] = record.getMessage()
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
