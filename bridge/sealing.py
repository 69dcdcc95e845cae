"""Sealing: what leaves our memory is encrypted and authenticated (AES-256-GCM), with keys that can be replaced."""

import hashlib
from collections.abc import Callable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

__all__ = ["AlteredError", "KeyRing", "SealError", "UnknownKeyError"]

_FORMAT = b"\x01"
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
_NONCE_AT = len(_FORMAT) + _KEY_ID_BYTES
_SEALED_AT = _NONCE_AT + _NONCE_BYTES


class SealError(ValueError):
    """Bytes that cannot be opened."""


class UnknownKeyError(SealError):
    """They are not ours, or were sealed with a key that has left the ring."""


class AlteredError(SealError):
    """They were altered, or are bound to something else."""


class KeyRing:
    """Seals and opens bytes.

    ``secrets`` are the ring: the first one seals, every one opens, so that a key can be replaced while things sealed
    with the old one are about. Keys derived for one ``purpose`` open nothing that was sealed for another.
    ``random_bytes`` gives unpredictable bytes.
    """

    def __init__(self, secrets: Sequence[str], *, purpose: str, random_bytes: Callable[[int], bytes]) -> None:
        if not secrets:
            raise ValueError(f"at least one key is needed to seal {purpose}s")
        self._random_bytes = random_bytes
        keys = [_derive(secret, purpose) for secret in secrets]
        self._sealing_id = _key_id(keys[0])
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}

    def seal(self, plain: bytes, *, bound_to: bytes) -> bytes:
        """Bytes that open only with the same ``bound_to``."""
        nonce = self._random_bytes(_NONCE_BYTES)
        sealed = self._ciphers[self._sealing_id].encrypt(nonce, plain, bound_to)
        return b"".join((_FORMAT, self._sealing_id, nonce, sealed))

    def open(self, raw: bytes, *, bound_to: bytes) -> bytes:
        """What was sealed. Raises UnknownKeyError, AlteredError."""
        cipher = self._ciphers.get(raw[len(_FORMAT) : _NONCE_AT])
        if raw[: len(_FORMAT)] != _FORMAT or cipher is None:
            raise UnknownKeyError("no key of the ring sealed this")
        try:
            return cipher.decrypt(raw[_NONCE_AT:_SEALED_AT], raw[_SEALED_AT:], bound_to)
        except (InvalidTag, ValueError):
            raise AlteredError("altered, or bound to something else") from None


def _derive(secret: str, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"mws-bridge {purpose}".encode()).derive(
        secret.encode()
    )


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"mws-bridge key id" + key).digest()[:_KEY_ID_BYTES]
