"""The sealed NextToken: everything that the next page needs, in the token itself.

A ListOrdersByNextToken call carries nothing but its token, and the bridge keeps nothing between calls. So the token
holds the whole upstream query, the upstream's own token and the upper date bound, encrypted and authenticated
(AES-256-GCM), bound to the caller it was made for. It is written in base32: letters and digits survive every way in
which a client can fail to escape a parameter.
"""

import base64
import binascii
import zlib
from collections.abc import Callable, Sequence

import orjson

from bridge.sealing import AlteredError, KeyRing, UnknownKeyError
from mws_compat.errors import NEXT_TOKEN_CORRUPTED, MwsError

__all__ = ["LIFETIME", "TokenSealer"]

#: Seconds for which a token is good: as long as the pagination token of SP-API v2026-01-01.
LIFETIME = 24 * 3600

_MAX_TOKEN = 16_384


class TokenSealer:
    """Seals and opens NextTokens.

    ``secrets`` are the key ring: the first one seals, every one opens, so that a key can be replaced without breaking
    a listing that is under way. ``clock`` gives unix seconds, ``random_bytes`` unpredictable bytes.
    """

    def __init__(
        self,
        secrets: Sequence[str],
        *,
        clock: Callable[[], float],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._clock = clock
        self._ring = KeyRing(secrets, purpose="NextToken", random_bytes=random_bytes)

    def seal(self, payload: dict[str, object], *, bound_to: Sequence[str]) -> str:
        """A token of capital letters and digits that opens only with the same ``bound_to``, for LIFETIME seconds.
        ``payload`` is anything that JSON can say."""
        plain = zlib.compress(orjson.dumps([self._clock() + LIFETIME, payload]), 9)
        sealed = self._ring.seal(plain, bound_to=_binding(bound_to))
        return base64.b32encode(sealed).decode().rstrip("=")

    def open(self, token: str, *, bound_to: Sequence[str]) -> dict[str, object]:
        """The payload of a token. Raises MwsError NextTokenCorrupted for one that is damaged, foreign, too old or
        sealed with a key that is no longer on the ring; ``reason`` tells the operator which."""
        raw = _decode(token.strip())
        try:
            plain = self._ring.open(raw, bound_to=_binding(bound_to))
        except UnknownKeyError:
            reason = "the token is not ours, or its key has left the key ring"
            raise MwsError(NEXT_TOKEN_CORRUPTED, reason=reason) from None
        except AlteredError:
            reason = "the token was altered, or belongs to another seller, access key or operation"
            raise MwsError(NEXT_TOKEN_CORRUPTED, reason=reason) from None
        expires, payload = orjson.loads(zlib.decompress(plain))
        if self._clock() >= expires:
            raise MwsError(NEXT_TOKEN_CORRUPTED, reason=f"the token is older than {LIFETIME // 3600} hours")
        opened: dict[str, object] = payload
        return opened


def _binding(parts: Sequence[str]) -> bytes:
    return orjson.dumps(list(parts))


def _decode(token: str) -> bytes:
    if len(token) > _MAX_TOKEN:
        raise MwsError(NEXT_TOKEN_CORRUPTED, reason="the token is too long to be ours")
    try:
        raw = base64.b32decode(token + "=" * (-len(token) % 8))
    except (binascii.Error, ValueError):
        raw = b""
    # The last letter may hold more bits than the last byte needs: only the spelling that we gave out is good.
    if not raw or base64.b32encode(raw).rstrip(b"=") != token.encode():
        raise MwsError(NEXT_TOKEN_CORRUPTED, reason="the token is not ours: it is no base32 text")
    return raw
