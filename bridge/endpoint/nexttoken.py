"""The sealed NextToken: everything that the next page needs, in the token itself.

A ListOrdersByNextToken call carries nothing but its token, and the bridge keeps nothing between calls. So the token
holds the whole upstream query, the upstream's own token and the upper date bound, encrypted and authenticated
(AES-256-GCM), bound to the caller it was made for. It is written in base32: letters and digits survive every way in
which a client can fail to escape a parameter.
"""

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Sequence

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mws_compat.errors import NEXT_TOKEN_CORRUPTED, MwsError

__all__ = ["LIFETIME", "TokenSealer"]

#: Seconds for which a token is good: as long as the pagination token of SP-API v2026-01-01.
LIFETIME = 24 * 3600

_FORMAT = b"\x01"
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
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
        if not secrets:
            raise ValueError("at least one key is needed to seal NextTokens")
        self._clock = clock
        self._random_bytes = random_bytes
        keys = [_derive(secret) for secret in secrets]
        self._sealing_id = _key_id(keys[0])
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}

    def seal(self, payload: dict[str, object], *, bound_to: Sequence[str]) -> str:
        """A token of capital letters and digits that opens only with the same ``bound_to``, for LIFETIME seconds.
        ``payload`` is anything that JSON can say."""
        plain = zlib.compress(orjson.dumps([self._clock() + LIFETIME, payload]), 9)
        nonce = self._random_bytes(_NONCE_BYTES)
        sealed = self._ciphers[self._sealing_id].encrypt(nonce, plain, _binding(bound_to))
        return base64.b32encode(_FORMAT + self._sealing_id + nonce + sealed).decode().rstrip("=")

    def open(self, token: str, *, bound_to: Sequence[str]) -> dict[str, object]:
        """The payload of a token. Raises MwsError NextTokenCorrupted for one that is damaged, foreign, too old or
        sealed with a key that is no longer on the ring; ``reason`` tells the operator which."""
        raw = _decode(token.strip())
        key_id = raw[1 : 1 + _KEY_ID_BYTES]
        cipher = self._ciphers.get(key_id)
        if raw[:1] != _FORMAT or cipher is None:
            raise MwsError(NEXT_TOKEN_CORRUPTED, reason="the token is not ours, or its key has left the key ring")
        start = 1 + _KEY_ID_BYTES + _NONCE_BYTES
        try:
            plain = cipher.decrypt(raw[start - _NONCE_BYTES : start], raw[start:], _binding(bound_to))
        except (InvalidTag, ValueError):
            reason = "the token was altered, or belongs to another seller, access key or operation"
            raise MwsError(NEXT_TOKEN_CORRUPTED, reason=reason) from None
        expires, payload = orjson.loads(zlib.decompress(plain))
        if self._clock() >= expires:
            raise MwsError(NEXT_TOKEN_CORRUPTED, reason=f"the token is older than {LIFETIME // 3600} hours")
        opened: dict[str, object] = payload
        return opened


def _derive(secret: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"mws-bridge NextToken").derive(secret.encode())


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"mws-bridge key id" + key).digest()[:_KEY_ID_BYTES]


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
