"""From the bytes of an HTTP request to a Call: parameters merged, decoded, and the address resolved.

Legacy clients put their parameters where they like: in the URL of a GET, in a form body, or (boto) in the URL of a
POST that carries an empty ``text/plain`` body. So the Content-Type decides nothing: URL and body are read alike, as
form data in which ``+`` is a space [wire reference 1.2, 2.4].
"""

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from mws_compat.errors import INVALID_ADDRESS, UNREADABLE_PARAMETER, Fault, MwsError
from mws_compat.layouts import read_laid_out
from mws_compat.orders import OPERATIONS, SECTION, VERSIONS, Operation

__all__ = [
    "MAX_PARAMETERS",
    "Address",
    "Call",
    "HttpRequest",
    "parse_call",
    "plain_name",
    "refusal",
    "resolve_address",
]

MAX_PARAMETERS = 1000

_MOST_LETTERS = 64
#: As names of operations, parameters, versions and paths are written: a dot only between two parts.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_/-]+(?:\.[A-Za-z0-9_/-]+)*").fullmatch

_SEGMENTS = re.compile(r"/+([A-Za-z]+)(?:/+([0-9]{4}-[0-9]{2}-[0-9]{2}))?/*")


class HttpRequest(NamedTuple):
    """What arrived, as it arrived: ``method`` as sent, ``path`` still percent-encoded and without the query,
    ``query`` without its question mark, ``host`` the Host header's text ('' when there was none)."""

    method: str
    path: str
    query: bytes
    body: bytes
    host: str

    def __repr__(self) -> str:
        # Values may be secrets or personal data.
        return f"HttpRequest({plain_name(self.method)} {len(self.query)} and {len(self.body)} bytes)"


class Call(NamedTuple):
    """A request whose parameters have been read.

    ``values``      name → decoded value, in the order in which they were sent
    ``parameters``  the same without the empty values, which count as absent
    ``canonical``   the canonical query of Signature Version 2, where it could be read off the request; else None
    """

    method: str
    path: str
    host: str
    values: dict[str, str]
    parameters: dict[str, str]
    canonical: str | None

    @property
    def action(self) -> str:
        """The operation's name as the caller wrote it; '' when there is none."""
        return self.parameters.get("Action", "")

    @property
    def is_ping(self) -> bool:
        """Whether this is the bare ``GET /`` that MWS answered with its clock."""
        return self.path in {"", "/"} and not self.values and self.method == "GET"

    def __repr__(self) -> str:
        # Values may be secrets or personal data; so may names that are no names, where a client escapes wrongly.
        names = sorted({plain_name(name) for name in self.parameters})
        method, path, action = map(plain_name, (self.method, self.path, self.action))
        return f"Call({method} {path} Action={action!r} names={names})"


class Address(NamedTuple):
    """Which operation of which section and API version a call is for."""

    section: str
    version: str
    operation: Operation


def parse_call(request: HttpRequest) -> Call:
    """Read a request's parameters. Raises MwsError (InvalidParameterValue, 400) for more than 1,000 parameters, text
    that is not UTF-8, or one name with two different values; any other bytes give a Call."""
    query, body = request.query, request.body
    wire = query + b"&" + body if query and body else query or body
    read = read_laid_out(wire) if wire.count(b"&") < MAX_PARAMETERS else None
    values, canonical = read or (_read([piece for piece in wire.split(b"&") if piece]), None)
    return Call(
        method=request.method,
        path=request.path,
        host=request.host,
        values=values,
        parameters={name: value for name, value in values.items() if value} if "" in values.values() else values,
        canonical=canonical,
    )


def _read(pieces: list[bytes]) -> dict[str, str]:
    if len(pieces) > MAX_PARAMETERS:
        raise MwsError(UNREADABLE_PARAMETER, f"More than {MAX_PARAMETERS} parameters were sent.")
    values: dict[str, str] = {}
    for piece in pieces:
        raw_name, _, raw_value = piece.partition(b"=")
        name = _decode(raw_name)
        value = _decode(raw_value, name)
        if values.setdefault(name, value) != value:
            # Two values for one name could be signed as one and read as the other.
            raise refusal(UNREADABLE_PARAMETER, "Parameter {} was sent more than once.", name)
    return values


def _decode(raw: bytes, name: str | None = None) -> str:
    """The text of a name, or of the value of the parameter ``name``."""
    if b"+" in raw:
        raw = raw.replace(b"+", b" ")
    if b"%" in raw:
        raw = unquote_to_bytes(raw)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        if name is None:
            raise MwsError(UNREADABLE_PARAMETER, "A parameter name is not valid UTF-8.") from None
        raise refusal(UNREADABLE_PARAMETER, "The value of parameter {} is not valid UTF-8.", name) from None


def refusal(fault: Fault, text: str, *said: str) -> MwsError:
    """The error whose ``text`` repeats, for each ``{}``, a name that the caller wrote. The caller reads it as it was
    sent, if that is short and printable. The operator reads it only where it is a ``plain_name``: what a client
    escapes wrongly, such as ``Action=ListOrders%26BuyerEmail=…``, puts personal data in a name's place."""
    return MwsError(fault, text.format(*map(_shown, said)), reason=text.format(*map(plain_name, said)))


def plain_name(name: str) -> str:
    """A name that a caller wrote, fit for the operator's log: itself if it is empty, or is written like the names of
    MWS (letters, digits, ``_ - /``, dots between them) and not longer than 64; else words that say that it is not."""
    return name if not name or (len(name) <= _MOST_LETTERS and _PLAIN_NAME(name)) else "(not a plain name)"


def _shown(name: str) -> str:
    """A name fit to be repeated to its caller: short, printable."""
    return name if len(name) <= _MOST_LETTERS and name.isprintable() else "(unprintable name)"


def resolve_address(call: Call) -> Address:
    """The operation that path and ``Action`` ask for. Raises MwsError InvalidAddress (404) as MWS did for an unknown
    path, section, version or operation. GetServiceStatus is answered for any section, in that section's namespace,
    and the ``Version`` parameter is not consulted: clients were seen to send one that does not fit the path."""
    return _address(call.path, call.action)


@lru_cache(64)  # errors are not remembered: there is no end of them
def _address(path: str, action: str) -> Address:
    match = _SEGMENTS.fullmatch(path)
    if match is None:
        raise refusal(INVALID_ADDRESS, "Resource {} is not found on this server.", path)
    section, version = match.groups()
    if version is None:
        raise refusal(INVALID_ADDRESS, "Resource {} is not found on this server. API Version is missing", path)
    if action == "GetServiceStatus":
        return Address(section, version, OPERATIONS[action])
    if section != SECTION:
        text = "Section {}/{} is not available here: the bridge answers {}/{}."
        raise refusal(INVALID_ADDRESS, text, section, version, SECTION, VERSIONS[0])
    if version not in VERSIONS:
        text = "Section {}/{} is not available; use {}/{}."
        raise refusal(INVALID_ADDRESS, text, section, version, SECTION, VERSIONS[0])
    if not action:
        raise MwsError(UNREADABLE_PARAMETER, "Missing required parameter Action.")
    operation = OPERATIONS.get(action)
    if operation is None:
        text = "Operation {} is not available for section {}/{}"
        raise refusal(INVALID_ADDRESS, text, action, section, version)
    return Address(section, version, operation)
