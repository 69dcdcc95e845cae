"""State in this process: the default, and what a bridge goes on with when the shared store is gone."""

import itertools
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bridge.state.interface import Bucket, Heard, Taken

__all__ = ["MemoryState"]

#: What an entry takes beside its content, about.
_ENTRY_BYTES = 400


@dataclass(slots=True)
class _Level:
    tokens: float
    rate: float
    burst: int
    filled_at: float
    life: str

    def refill(self, now: float) -> None:
        # A clock that was set back must not empty the bucket.
        self.tokens = min(float(self.burst), self.tokens + max(0.0, now - self.filled_at) * self.rate)
        self.filled_at = now


class _Value(NamedTuple):
    content: bytes
    until: float
    size: int
    version: float

    def __repr__(self) -> str:
        return f"<value of {self.size} bytes>"  # tokens, orders


class MemoryState:
    """State with ``clock``'s seconds. Values take at most ``max_bytes``; the longest unused go first."""

    def __init__(self, *, clock: Callable[[], float], max_bytes: int = 2**26) -> None:
        self._clock = clock
        self._max_bytes = max_bytes
        self._levels: dict[str, _Level] = {}
        self._values: OrderedDict[str, _Value] = OrderedDict()
        self._bytes = 0
        self._leases: dict[str, tuple[str, float]] = {}
        self._words = itertools.count()

    def __len__(self) -> int:
        return len(self._values)

    # --- buckets ------------------------------------------------------------------------------------------------

    async def take(self, bucket: Bucket, wait: float, heard: Heard | None = None) -> Taken:
        level = self._level(bucket, heard)
        delay = max(0.0, 1.0 - level.tokens) / level.rate
        granted = delay <= wait
        if granted:
            level.tokens -= 1.0  # taken before the wait: whoever comes next waits behind
        return Taken(granted, delay, level.tokens, level.rate, level.life)

    async def level(self, bucket: Bucket, heard: Heard | None = None) -> Taken:
        level = self._level(bucket, heard)
        delay = max(0.0, 1.0 - level.tokens) / level.rate
        return Taken(granted=False, delay=delay, tokens=level.tokens, rate=level.rate, life=level.life)

    def heard(self, bucket: Bucket) -> Heard | None:
        """What there can be in a bucket; None where nothing was heard of it."""
        level = self._levels.get(bucket.name)
        if level is None:
            return None
        level.refill(self._clock())
        return Heard(level.tokens, level.life)

    async def learn(self, bucket: Bucket, rate: float) -> None:
        self._level(bucket).rate = rate

    async def drain(self, bucket: Bucket) -> None:
        level = self._level(bucket)
        level.tokens = min(level.tokens, 0.0)

    def adopt(self, bucket: Bucket, seen: Taken) -> None:
        """Take over what another state has said about a bucket."""
        self._levels[bucket.name] = _Level(seen.tokens, seen.rate, bucket.burst, self._clock(), seen.life)

    def _level(self, bucket: Bucket, heard: Heard | None = None) -> _Level:
        level = self._levels.get(bucket.name)
        if level is None:
            level = _Level(float(bucket.burst), bucket.rate, bucket.burst, self._clock(), str(next(self._words)))
            self._levels[bucket.name] = level
        level.refill(self._clock())
        if heard is not None and heard.life != level.life:
            level.tokens = min(level.tokens, heard.tokens)
        return level

    # --- values -------------------------------------------------------------------------------------------------

    async def get(self, names: Sequence[str]) -> list[bytes | None]:
        return [self._get(name) for name in names]

    async def put(self, values: Mapping[str, bytes], seconds: float, *, version: float = 0.0) -> None:
        now = self._clock()
        until = now + seconds
        for name, content in values.items():
            there = self._values.get(name)
            if there is not None and there.version > version and now < there.until:
                continue
            self._forget(name)
            size = len(content) + _ENTRY_BYTES
            self._values[name] = _Value(content, until, size, version)
            self._bytes += size
        while self._bytes > self._max_bytes:
            self._forget(next(iter(self._values)))

    async def drop(self, names: Sequence[str]) -> None:
        for name in names:
            self._forget(name)

    async def sweep(self) -> None:
        now = self._clock()
        for name in [name for name, value in self._values.items() if now >= value.until]:
            self._forget(name)

    def _get(self, name: str) -> bytes | None:
        found = self._values.get(name)
        if found is None:
            return None
        if self._clock() >= found.until:
            self._forget(name)
            return None
        self._values.move_to_end(name)
        return found.content

    def _forget(self, name: str) -> None:
        found = self._values.pop(name, None)
        if found is not None:
            self._bytes -= found.size

    # --- leases -------------------------------------------------------------------------------------------------

    async def lease(self, name: str, seconds: float) -> str | None:
        now = self._clock()
        held = self._leases.get(name)
        if held is not None and now < held[1]:
            return None
        word = str(next(self._words))
        self._leases[name] = (word, now + seconds)
        return word

    async def extend(self, name: str, word: str, seconds: float) -> None:
        if self._holds(name, word):
            self._leases[name] = (word, self._clock() + seconds)

    async def release(self, name: str, word: str) -> None:
        if self._holds(name, word):
            del self._leases[name]

    def _holds(self, name: str, word: str) -> bool:
        held = self._leases.get(name)
        return held is not None and held[0] == word

    async def aclose(self) -> None:
        """Nothing is open."""
