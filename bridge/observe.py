"""What happened to a request, as one frozen event, and the log line that is made of it.

An event has no room for a parameter's value, a secret or personal data: only for names of operations, ids that are
not secret, numbers, and the reason that an error carries for the operator.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

from bridge.upstream.client import UpstreamCall

__all__ = ["Emit", "RequestEvent", "log_event"]

_log = logging.getLogger("mws_bridge.requests")

_PLAIN = re.compile(r"[^ '=]+").fullmatch


@dataclass(frozen=True, slots=True)
class RequestEvent:
    """One answered request. ``code`` is '' for success; ``seconds`` is from arrival to answer, ``waited`` the part of
    it spent on waiting for usage-plan tokens; ``reason`` and ``faults`` explain an error to the operator."""

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


Emit = Callable[[RequestEvent], None]


def log_event(event: RequestEvent) -> None:
    """Write the event as one line of key=value pairs: INFO for success and throttling, WARNING for what the caller
    did wrong, ERROR for what went wrong behind the door."""
    if event.status < 400 or event.code == "RequestThrottled":
        level = logging.INFO
    else:
        level = logging.WARNING if event.status < 500 else logging.ERROR
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
        ("reason", event.reason),
        ("faults", " | ".join(event.faults) if len(event.faults) > 1 else ""),
    ]
    _log.log(level, "%s", " ".join(f"{name}={_quoted(value)}" for name, value in pairs if value != ""))


def _quoted(value: object) -> str:
    # One event is one line and one value one value, whatever a caller wrote that a reason repeats.
    text = "".join(character if character.isprintable() else "?" for character in str(value))[:500]
    text = text.replace('"', "'").replace("\\", "/")
    return f'"{text}"' if not text or not _PLAIN(text) else text
