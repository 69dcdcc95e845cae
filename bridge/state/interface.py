"""What copies of the bridge share, as one small interface: usage-plan buckets, short-lived values, and leases.

Two implementations: ``memory.MemoryState`` for a bridge of one process, ``redis.RedisState`` for several.
``fallback.FallbackState`` goes on alone while the shared one is gone. What is built on them (the throttle, tokens,
kept orders) does not know which it is.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

__all__ = ["Bucket", "Heard", "State", "StoreError", "Taken"]


class StoreError(Exception):
    """The store cannot be asked; the message names what happened, without addresses or values."""


class Bucket(NamedTuple):
    """A token bucket: its name, and what its usage plan is until the service has told another rate (tokens a
    second). It is full when nobody has taken from it."""

    name: str
    rate: float
    burst: int


class Taken(NamedTuple):
    """What came of asking a bucket for a token. ``delay``: seconds until there is one, 0 for at once. ``granted``: it
    was taken, and is the caller's after the delay. ``tokens``: what is left, below zero while calls wait for theirs;
    ``rate``: tokens a second. ``life``: which life of the bucket answered; a state that has lost a bucket begins
    another one."""

    granted: bool
    delay: float
    tokens: float
    rate: float
    life: str = ""


class Heard(NamedTuple):
    """What somebody knows of a bucket: the ``tokens`` that there can be now, from what was heard last, and of which
    ``life`` that was; '' for one that counts in any case."""

    tokens: float
    life: str = ""


class State(Protocol):
    """Every method may raise StoreError; names are text without control characters."""

    async def take(self, bucket: Bucket, wait: float, heard: Heard | None = None) -> Taken:
        """Take a token when there is one within ``wait`` seconds. Where ``heard`` is of another life of the bucket,
        the state may have lost what was taken from it: it is first lowered to what was heard."""

    async def level(self, bucket: Bucket, heard: Heard | None = None) -> Taken:
        """The bucket as it is, lowered as in ``take``; nothing is taken."""

    async def learn(self, bucket: Bucket, rate: float) -> None:
        """The service has told the bucket's rate."""

    async def drain(self, bucket: Bucket) -> None:
        """The service has found the bucket empty."""

    async def get(self, names: Sequence[str]) -> list[bytes | None]:
        """The values that are held under ``names``, None for each that is not."""

    async def put(self, values: Mapping[str, bytes], seconds: float, *, version: float = 0.0) -> None:
        """Hold values for a time, in place of those of the same names whose version is not higher."""

    async def drop(self, names: Sequence[str]) -> None:
        """Forget values."""

    async def lease(self, name: str, seconds: float) -> str | None:
        """Be the only one for a time; a word to give it back with, or None while somebody else is."""

    async def extend(self, name: str, word: str, seconds: float) -> None:
        """Keep a lease for a time from now on, if it is still ours."""

    async def release(self, name: str, word: str) -> None:
        """Give a lease back, if it is still ours."""

    async def sweep(self) -> None:
        """Forget what has had its time; what shares a store with others leaves that to the store."""

    async def aclose(self) -> None:
        """Close connections."""
