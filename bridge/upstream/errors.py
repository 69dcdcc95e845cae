"""What SP-API and Login with Amazon say when they refuse, and what an MWS caller is told of it.

======================================  ===========================================
SP-API                                  MWS
======================================  ===========================================
400                                     400 InvalidParameterValue
400 "could not decode your NextToken"   400 NextTokenCorrupted
401, 403, a refused login               401 AccessDenied
404                                     as the operation did (the handler decides)
429                                     503 RequestThrottled
500, an answer that is not JSON         500 InternalError (old clients repeat a 500)
502, 503, 504, no answer in time        503 ServiceUnavailable
======================================  ===========================================
"""

import re
from dataclasses import dataclass, field

import httpx
import orjson

from mws_compat.errors import (
    ACCESS_DENIED,
    INTERNAL_ERROR,
    INVALID_PARAMETER_VALUE,
    NEXT_TOKEN_CORRUPTED,
    REQUEST_THROTTLED,
    SERVICE_UNAVAILABLE,
    MwsError,
)

__all__ = ["RefusalError", "UpstreamFault", "clean_words", "denied", "unavailable", "unreadable"]

# From the beginning of a word only: else a long word without an address is searched anew from each of its letters.
_EMAIL = re.compile(r"(?<![^\s\"'<>])[^\s\"'<>]+(?:@|%40)[^\s\"'<>]+")
_TOKEN = re.compile(r"At(?:za|zr|z\.sprdt)\|\S*")


def denied(reason: str, message: str | None = None, *, upstream_request_id: str = "") -> MwsError:
    """401 AccessDenied; ``reason`` is for the log."""
    return MwsError(ACCESS_DENIED, message, reason=reason, upstream_request_id=upstream_request_id)


def unavailable(reason: str) -> MwsError:
    """503 ServiceUnavailable: Amazon could not be reached, or not in time."""
    return MwsError(SERVICE_UNAVAILABLE, reason=reason)


def unreadable(reason: str, *, upstream_request_id: str = "") -> MwsError:
    """500 InternalError: Amazon answered something that is not an answer."""
    return MwsError(INTERNAL_ERROR, reason=reason, upstream_request_id=upstream_request_id)


@dataclass(frozen=True, slots=True)
class UpstreamFault:
    """An error answer, read as far as it can be read: ``code``, ``message`` and ``details`` are '' where it has
    none. The words may repeat what was asked for, personal data included, and stay out of the repr."""

    status: int
    code: str
    message: str = field(repr=False)
    details: str = field(repr=False)
    request_id: str

    @classmethod
    def of(cls, response: httpx.Response) -> "UpstreamFault":
        """Read SP-API's ``{"errors": [{"code", "message", "details"}]}`` or LWA's ``{"error",
        "error_description"}``."""
        code: object = ""
        message: object = ""
        details: object = ""
        try:
            body: object = orjson.loads(response.content)
        except orjson.JSONDecodeError:
            body = None
        if isinstance(body, dict):
            errors = body.get("errors")
            first = errors[0] if isinstance(errors, list) and errors else None
            if isinstance(first, dict):
                code, message, details = first.get("code"), first.get("message"), first.get("details")
            else:
                code, message = body.get("error"), body.get("error_description")
        return cls(
            response.status_code,
            code if isinstance(code, str) else "",
            message if isinstance(message, str) else "",
            details if isinstance(details, str) else "",
            response.headers.get("x-amzn-requestid", ""),
        )

    @property
    def is_stale_token(self) -> bool:
        """Whether the access token, and nothing else, was refused: a new one may help. Amazon says so in the message
        or, under a message that only says "denied", in the details."""
        return self.status in {401, 403} and "token" in f"{self.message} {self.details}".lower()

    @property
    def reason(self) -> str:
        """For the log: status, code and Amazon's words, without e-mail addresses and tokens that they may repeat."""
        words = clean_words(f"{self.message} {self.details}".strip())
        return f"SP-API answered HTTP {self.status} {self.code or '(no code)'}: {words or '(no message)'}"

    def as_mws_error(self, mws_operation: str) -> MwsError:
        """The MWS error that the caller of ``mws_operation`` gets, an RefusalError for a 403 that is not about the
        token. 404 is the handler's and must not come here."""
        fault, message = INTERNAL_ERROR, None
        if self.status == 429:
            fault = REQUEST_THROTTLED
        elif self.status in {401, 403}:
            fault = ACCESS_DENIED
            if not self.is_stale_token:
                message = f"Access to Orders.{mws_operation} is denied"
                if self.status == 403:
                    return RefusalError(self, message)
        elif self.status == 400 and "decode your NextToken" in self.message:
            fault = NEXT_TOKEN_CORRUPTED
        elif self.status == 400:
            fault = INVALID_PARAMETER_VALUE
            words = clean_words(self.message) or self.code or "no reason"
            message = f"The Selling Partner API refused the request: {words}"
        elif self.status in {502, 503, 504}:
            fault = SERVICE_UNAVAILABLE
        return MwsError(fault, message, reason=self.reason, upstream_request_id=self.request_id)


class RefusalError(MwsError):
    """AccessDenied because Amazon refused what was asked for, not who asked: a role is missing. ``upstream`` is what
    Amazon said."""

    def __init__(self, upstream: UpstreamFault, message: str) -> None:
        super().__init__(ACCESS_DENIED, message, reason=upstream.reason, upstream_request_id=upstream.request_id)
        self.upstream = upstream


def clean_words(words: str) -> str:
    """Amazon's words without the e-mail addresses and tokens that they may repeat, 300 letters of them."""
    return _TOKEN.sub("(token)", _EMAIL.sub("(address)", words))[:300]
