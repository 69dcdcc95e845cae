"""Faults on demand: what the sandbox is told to do wrong, and when.

A fault comes from the request header `x-sandbox-fault: <name>` or from a script held here. `slow` and `drip` take
seconds after a colon: `slow:3` waits three before it answers, `drip:0.1` waits so long before each piece.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from bridge.sandbox.answers import (
    INTERNAL,
    TOKEN_EXPIRED,
    UNAVAILABLE,
    Answer,
    SandboxError,
    denied,
    not_found,
    quota_exceeded,
)
from bridge.sandbox.lwa import INVALID_GRANT, lwa_error
from bridge.sandbox.rdt import BUYER_INFO, RDT_OPERATION, SHIPPING_ADDRESS, missing_role

FAULT_HEADER: Final = "x-sandbox-fault"
ANY_OPERATION: Final = "*"
LWA_OPERATION: Final = "lwa"

SLOW: Final = "slow"
DRIP: Final = "drip"
_SECONDS: Final[Mapping[str, float]] = {SLOW: 1.0, DRIP: 0.01}

TRUNCATED: Final = "truncated"
MALFORMED: Final = "malformed"
# These four need the real answer: the request is served, and then its delivery goes wrong.
_OF_DELIVERY: Final = frozenset({SLOW, DRIP, TRUNCATED, MALFORMED})

_HTML: Final = (
    b"<!DOCTYPE html><html><head><title>Amazon</title></head><body><h1>Sorry!</h1><p>&nbsp;</p></body></html>"
)
_WRONG_SHAPE: Final = orjson.dumps({"payload": ["unexpected"], "result": None})

FAULTS: Final = frozenset(
    {
        "throttle",
        "throttle-with-rate",
        "internal",
        "unavailable",
        "html",
        "wrong-shape",
        "denied",
        "unauthorized-token",
        "invalid-grant",
        "missing-role",
        "not-found",
    }
    | _OF_DELIVERY
)
#: Where faults can be set: the operations as the model files name them, but for getOrder2026, which is the getOrder
#: of Orders v2026-01-01; the token endpoint, and all of them.
FAULTY_OPERATIONS: Final = frozenset(
    {
        ANY_OPERATION,
        LWA_OPERATION,
        RDT_OPERATION,
        "getOrders",
        "getOrder",
        "getOrderBuyerInfo",
        "getOrderAddress",
        "getOrderItems",
        "getOrderItemsBuyerInfo",
        "searchOrders",
        "getOrder2026",
    }
)
# These two exist at one place only.
_ONLY_AT: Final[Mapping[str, str]] = {"invalid-grant": LWA_OPERATION, "missing-role": RDT_OPERATION}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; `seconds` is how long `slow` and `drip` wait and 0 for all others."""

    name: str
    seconds: float = 0.0

    @property
    def of_delivery(self) -> bool:
        """Whether the request is served and only its answer spoiled."""
        return self.name in _OF_DELIVERY


def parse_fault(text: str, operation: str) -> Fault:
    """Return the fault that `text` names for an operation, or raise ValueError when there is none such."""
    if operation not in FAULTY_OPERATIONS:
        raise ValueError(f"unknown operation {operation!r}, known are {', '.join(sorted(FAULTY_OPERATIONS))}")
    name, _, argument = text.strip().partition(":")
    if name not in FAULTS:
        raise ValueError(f"unknown fault {name!r}, known are {', '.join(sorted(FAULTS))}")
    if operation != _ONLY_AT.get(name, operation):
        raise ValueError(f"fault {name!r} exists only at {_ONLY_AT[name]}, not at {operation}")
    if name not in _SECONDS:
        if argument:
            raise ValueError(f"fault {name!r} takes no argument")
        return Fault(name)
    seconds = float(argument) if argument else _SECONDS[name]
    if not 0 <= seconds < 86400:
        raise ValueError(f"fault {name!r} cannot wait {argument} seconds")
    return Fault(name, seconds)


class Faults:
    """The script. Operations are named as in `FAULTY_OPERATIONS`.

    A request takes the first of: its own header; the next of its operation's script; the next of the script for "*";
    the fault always set for its operation; the one always set for "*".
    """

    def __init__(self) -> None:
        self._scripts: dict[str, deque[Fault | None]] = {}
        self._always: dict[str, Fault] = {}

    def script(self, operation: str, faults: Iterable[str | None]) -> None:
        """Queue one fault for each of the next requests; None lets a request pass. Raises ValueError."""
        parsed = [None if fault is None else parse_fault(fault, operation) for fault in faults]
        self._scripts.setdefault(operation, deque()).extend(parsed)

    def always(self, operation: str, fault: str | None) -> None:
        """Set the fault of every further request, None for none. Raises ValueError."""
        if fault is None:
            self._always.pop(operation, None)
        else:
            self._always[operation] = parse_fault(fault, operation)

    def clear(self) -> None:
        """Forget every script and setting."""
        self._scripts.clear()
        self._always.clear()

    def take(self, operation: str, header: str | None) -> Fault | None:
        """Return the fault for one request and use it up. A bad header raises ValueError."""
        if header is not None:
            return parse_fault(header, operation)
        for key in (operation, ANY_OPERATION):
            if self._scripts.get(key):
                return self._scripts[key].popleft()
        return self._always.get(operation) or self._always.get(ANY_OPERATION)


def fault_answer(fault: Fault, operation: str, request_id: str, rate: str) -> Answer:
    """Return the whole answer of a fault that needs no real one. `rate` is what the rate header would say."""
    if fault.name == "html":
        return Answer(200, _HTML, content_type="text/html; charset=utf-8")
    if fault.name == "wrong-shape":
        return Answer(200, _WRONG_SHAPE)
    if operation == LWA_OPERATION:
        status, error, description = _LWA_ERRORS[fault.name]
        return lwa_error(status, error, description, request_id)
    answer = _ERRORS[fault.name].answer()
    if fault.name == "throttle-with-rate":
        # Against the documentation, which promises that a 429 never carries it.
        return Answer(answer.status, answer.body, {"x-amzn-RateLimit-Limit": rate})
    return answer


_ERRORS: Final[Mapping[str, SandboxError]] = {
    "throttle": quota_exceeded(),
    "throttle-with-rate": quota_exceeded(),
    "internal": SandboxError(500, "InternalFailure", INTERNAL),
    "unavailable": SandboxError(503, "ServiceUnavailable", UNAVAILABLE),
    "denied": denied(),
    "unauthorized-token": denied(TOKEN_EXPIRED),
    "missing-role": missing_role([BUYER_INFO, SHIPPING_ADDRESS]),
    "not-found": not_found(),
}
_LWA_ERRORS: Final[Mapping[str, tuple[int, str, str]]] = {
    "throttle": (429, "slow_down", "Too many requests"),
    "throttle-with-rate": (429, "slow_down", "Too many requests"),
    "internal": (500, "server_error", "The authorization server encountered an unexpected condition"),
    "unavailable": (503, "temporarily_unavailable", "The authorization server is currently unavailable"),
    "denied": (401, "invalid_client", "Client authentication failed"),
    "unauthorized-token": (403, "invalid_client", "The LWA secret token you provided has expired."),
    "invalid-grant": (400, "invalid_grant", INVALID_GRANT),
    "not-found": (404, "invalid_request", "Not found"),
}
