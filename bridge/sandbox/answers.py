"""Requests and answers as values, and the error answers that Amazon documents or was seen to give."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

import orjson

from bridge.sandbox.sellers import DemoSeller

JSON: Final = "application/json"

DENIED: Final = "Access to requested resource is denied."
TOKEN_MISSING: Final = "Access token is missing in the request header."  # noqa: S105 - a message
TOKEN_EXPIRED: Final = "The access token you provided has expired."  # noqa: S105 - a message
TOKEN_INVALID: Final = "The access token you provided is revoked, malformed or invalid."  # noqa: S105 - a message
QUOTA_EXCEEDED: Final = "You exceeded your quota for the requested resource."
INTERNAL: Final = "We encountered an internal error. Please try again."
UNAVAILABLE: Final = "Service is temporarily unavailable. Please try again."
UNDECODABLE_NEXT_TOKEN: Final = (
    "We could not decode your NextToken. Possible reasons include: "  # noqa: S105 - a message
    "a transmission error, improper quoting or a truncation problem."
)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, read whole; header names are in lower case, `query` keeps repeats and their order."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes

    def parameters(self) -> dict[str, str]:
        """Return the query as Amazon reads it: of a repeated parameter only the first value counts."""
        first: dict[str, str] = {}
        for name, value in self.query:
            first.setdefault(name, value)
        return first


def parse_query(query_string: bytes) -> tuple[tuple[str, str], ...]:
    """Decode a raw query string once; `+` is a space, bytes that are no UTF-8 become U+FFFD."""
    return tuple(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True, errors="replace"))


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; `headers` come on top of the request id and the content type."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON


@dataclass(frozen=True, slots=True)
class Call:
    """One authorised call of an operation. `elements` are the personal data elements that its token shows."""

    seller: DemoSeller
    parameters: Mapping[str, str]
    elements: frozenset[str]
    order_id: str = ""


class SandboxError(Exception):
    """An error answer in the shape of the Selling Partner API, on its way out."""

    def __init__(
        self, status: int, code: str, message: str | None, details: str = "", *, error_type: str | None = None
    ) -> None:
        super().__init__(status, code, message, details)
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.error_type = error_type

    def answer(self) -> Answer:
        """Return the HTTP answer; `details` is always there, empty when there is nothing to add."""
        error: dict[str, str | None] = {"code": self.code, "message": self.message, "details": self.details}
        headers = {} if self.error_type is None else {"x-amzn-ErrorType": self.error_type}
        return Answer(self.status, orjson.dumps({"errors": [error]}), headers)


def invalid_input(message: str | None, details: str = "", *, error_type: str | None = None) -> SandboxError:
    """400: a parameter or the order id is wrong."""
    return SandboxError(400, "InvalidInput", message, details, error_type=error_type)


def denied(details: str = "") -> SandboxError:
    """403: the token is not good for what was asked."""
    return SandboxError(403, "Unauthorized", DENIED, details)


def no_such_resource() -> SandboxError:
    """403: the gateway's answer to a path or method that it does not know, whatever the token."""
    return SandboxError(403, "MissingAuthenticationToken", DENIED, error_type="MissingAuthenticationTokenException")


def not_found(details: str = "") -> SandboxError:
    """404: no such order for this seller."""
    return SandboxError(404, "NotFound", "The requested resource was not found.", details)


def quota_exceeded() -> SandboxError:
    """429: the bucket is empty."""
    return SandboxError(429, "QuotaExceeded", QUOTA_EXCEEDED)
