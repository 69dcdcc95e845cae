"""Access tokens and restricted data tokens: handed out, looked up, run out.

A token is a keyed digest of a counter and means nothing outside the sandbox that made it: the grant is kept here.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha512
from typing import Final

from bridge.sandbox.answers import TOKEN_EXPIRED, TOKEN_INVALID, TOKEN_MISSING, SandboxError, denied
from bridge.sandbox.sellers import DemoSeller

# How long an expired token is still told from a foreign one, in seconds.
_MEMORY: Final = 86400


@dataclass(frozen=True, slots=True)
class RestrictedResource:
    """One (method, path) that a restricted data token opens, and the elements that it shows there."""

    method: str
    path: str
    data_elements: frozenset[str]


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token stands for. `seller` is None for a grantless token; `resources` is None unless it is an RDT."""

    client_id: str
    seller: DemoSeller | None
    expires: float
    resources: tuple[RestrictedResource, ...] | None = None


class TokenDesk:
    """Issues tokens and knows them again."""

    def __init__(self, key: bytes, clock: Callable[[], float], lifetime: int) -> None:
        self._key = key
        self._clock = clock
        self.lifetime = lifetime
        self._counter = 0
        self._grants: dict[str, Grant] = {}

    def issue(self, client_id: str, seller: DemoSeller | None) -> str:
        """Return a new access token."""
        return self._keep("Atza|", Grant(client_id, seller, self._clock() + self.lifetime))

    def issue_restricted(self, grant: Grant, resources: tuple[RestrictedResource, ...]) -> str:
        """Return a new restricted data token for the seller and the application of `grant`."""
        expires = self._clock() + self.lifetime
        return self._keep("Atz.sprdt|", Grant(grant.client_id, grant.seller, expires, resources))

    def verify(self, token: str | None) -> Grant:
        """Return the grant of a token that is still good, or raise the documented 401 or 403."""
        if not token:
            # Reference 1.4: a missing token is answered 401 in practice, every other token trouble 403.
            raise SandboxError(401, "Unauthorized", denied().message, TOKEN_MISSING)
        grant = self._grants.get(token)
        if grant is None:
            raise denied(TOKEN_INVALID)
        if self._clock() >= grant.expires:
            raise denied(TOKEN_EXPIRED)
        return grant

    def owner(self, token: str | None) -> str | None:
        """Return the selling partner of a token, good or expired; None for a token that stands for none."""
        grant = self._grants.get(token or "")
        return None if grant is None or grant.seller is None else grant.seller.selling_partner_id

    def _keep(self, prefix: str, grant: Grant) -> str:
        now = self._clock()
        for old in [token for token, kept in self._grants.items() if kept.expires + _MEMORY < now]:
            del self._grants[old]
        self._counter += 1
        digest = hmac.new(self._key, f"{prefix}{self._counter}".encode(), sha512).digest()
        token = prefix + urlsafe_b64encode(digest).decode().rstrip("=")
        self._grants[token] = grant
        return token
