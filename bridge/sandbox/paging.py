"""Paging tokens: sealed, bound to what they were made for, and awkward to transport as real ones are.

Base64 with the standard alphabet: each token holds `+` and `/` and ends in `=`, so that a client which encodes it not
at all, or twice, fails here as it fails at Amazon.
"""

import hmac
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from hashlib import sha256, shake_256
from typing import Any, Final

import orjson

from bridge.sandbox.answers import UNDECODABLE_NEXT_TOKEN, SandboxError, invalid_input

_MARK: Final = b"\xfb\xff\xbf"  # base64 "+/+/"
_MAC_SIZE: Final = 16


def undecodable() -> SandboxError:
    """400 in Amazon's words: the token is damaged, foreign, expired or for something else."""
    return invalid_input(UNDECODABLE_NEXT_TOKEN)


class NextTokens:
    """Seals and opens paging tokens with a key that only this sandbox has."""

    def __init__(self, key: bytes, clock: Callable[[], float], lifetime: int) -> None:
        self._key = key
        self._clock = clock
        self._lifetime = lifetime

    def seal(self, purpose: str, content: Mapping[str, object]) -> str:
        """Return a token; `purpose` names what it may be used for (operation, seller, order)."""
        envelope = {"purpose": purpose, "expires": self._clock() + self._lifetime, "content": content}
        plain = orjson.dumps(envelope)
        plain += b" " * (-(len(plain) + _MAC_SIZE) % 3 + 1)  # one byte over a multiple of three: "==" at the end
        mac = self._mac(plain)
        return b64encode(_MARK + mac + self._mask(mac, plain)).decode()

    def open(self, purpose: str, token: str) -> Any:
        """Return the content, as JSON has it, of a living token that was made for `purpose`, or raise 400."""
        try:
            raw = b64decode(token, validate=True)
        except (Base64Error, ValueError):
            raise undecodable() from None
        mac, masked = raw[len(_MARK) : len(_MARK) + _MAC_SIZE], raw[len(_MARK) + _MAC_SIZE :]
        plain = self._mask(mac, masked)
        if not raw.startswith(_MARK) or not hmac.compare_digest(mac, self._mac(plain)):
            raise undecodable()
        envelope = orjson.loads(plain)
        if envelope["purpose"] != purpose or self._clock() >= envelope["expires"]:
            raise undecodable()
        return envelope["content"]

    def _mac(self, plain: bytes) -> bytes:
        return hmac.new(self._key, plain, sha256).digest()[:_MAC_SIZE]

    def _mask(self, mac: bytes, data: bytes) -> bytes:
        stream = shake_256(self._key + mac).digest(len(data))
        return (int.from_bytes(data) ^ int.from_bytes(stream)).to_bytes(len(data))
