"""Going on alone: while the shared store is gone, each copy of the bridge works from its own memory."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from bridge.state.interface import Bucket, Heard, State, StoreError, Taken
from bridge.state.memory import MemoryState

__all__ = ["FallbackState"]

#: Seconds between two tries to use a store that is gone.
_RETRY = 1.0
#: Seconds between two lines about usage plans that a store has forgotten: it forgets all of them at once.
_QUIET = 60.0

_T = TypeVar("_T")

_log = logging.getLogger("mws_bridge.state")


class FallbackState:
    """``shared`` as long as it can be used, otherwise ``alone``.

    Buckets go on from the level last heard of, and what was taken from them alone is told to the store when it is
    back; so is what was heard of a bucket that the store has forgotten, started anew or emptied. One caller a second
    tries whether the store can be written to again; the others do not wait for it. ``clock`` gives monotonic seconds.
    """

    def __init__(self, shared: State, alone: MemoryState, *, clock: Callable[[], float]) -> None:
        self._shared = shared
        self._alone = alone
        self._clock = clock
        self._gone_at: float | None = None
        self._next_try = 0.0
        self._used_alone: set[str] = set()
        self._told_at = float("-inf")

    @property
    def gone_for(self) -> float:
        """Seconds since the store was lost; 0 when it is there."""
        return 0.0 if self._gone_at is None else max(self._clock() - self._gone_at, 1e-3)

    # --- buckets ------------------------------------------------------------------------------------------------

    async def take(self, bucket: Bucket, wait: float, heard: Heard | None = None) -> Taken:
        async def alone(state: State) -> Taken:
            self._used_alone.add(bucket.name)
            return await state.take(bucket, wait, heard)

        return await self._on(
            self._asking(bucket, heard, lambda state, known: state.take(bucket, wait, known)), alone
        )

    async def level(self, bucket: Bucket, heard: Heard | None = None) -> Taken:
        return await self._on(
            self._asking(bucket, heard, lambda state, known: state.level(bucket, known)),
            lambda state: state.level(bucket, heard),
        )

    def _asking(
        self, bucket: Bucket, heard: Heard | None, ask: Callable[[State, Heard | None], Awaitable[Taken]]
    ) -> Callable[[State], Awaitable[Taken]]:
        """Ask the store about a bucket, which is told what is known here and tells us what it knows."""

        async def asking(state: State) -> Taken:
            known = heard or self._alone.heard(bucket)
            if known is not None and bucket.name in self._used_alone:
                known = known._replace(life="")
            taken = await ask(state, known)
            self._used_alone.discard(bucket.name)
            if known is not None and known.life and taken.life != known.life:
                self._has_forgotten()
            self._alone.adopt(bucket, taken)
            return taken

        return asking

    async def learn(self, bucket: Bucket, rate: float) -> None:
        await self._alone.learn(bucket, rate)
        await self._on(lambda state: state.learn(bucket, rate))

    async def drain(self, bucket: Bucket) -> None:
        await self._alone.drain(bucket)
        await self._on(lambda state: state.drain(bucket))

    # --- values and leases --------------------------------------------------------------------------------------

    async def get(self, names: Sequence[str]) -> list[bytes | None]:
        return await self._on(lambda state: state.get(names))

    async def put(self, values: Mapping[str, bytes], seconds: float, *, version: float = 0.0) -> None:
        await self._on(lambda state: state.put(values, seconds, version=version))

    async def drop(self, names: Sequence[str]) -> None:
        await self._alone.drop(names)
        await self._on(lambda state: state.drop(names))

    async def lease(self, name: str, seconds: float) -> str | None:
        return await self._on(lambda state: state.lease(name, seconds))

    async def extend(self, name: str, word: str, seconds: float) -> None:
        await self._on(lambda state: state.extend(name, word, seconds))

    async def release(self, name: str, word: str) -> None:
        await self._on(lambda state: state.release(name, word))

    async def sweep(self) -> None:
        await self._alone.sweep()
        await self._on(_probe)  # also where nobody asks, it is told whether it is there

    async def aclose(self) -> None:
        await self._shared.aclose()

    async def _on(
        self,
        together: Callable[[State], Awaitable[_T]],
        alone: Callable[[State], Awaitable[_T]] | None = None,
    ) -> _T:
        if self._gone_at is None or self._clock() >= self._next_try:
            self._next_try = self._clock() + _RETRY  # whoever comes while we try goes on alone
            try:
                if self._gone_at is not None:
                    await _probe(self._shared)
                done = await together(self._shared)
            except StoreError as error:
                self._is_gone(error)
            else:
                self._is_back()
                return done
        return await (alone or together)(self._alone)

    def _is_gone(self, error: StoreError) -> None:
        self._next_try = self._clock() + _RETRY
        if self._gone_at is None:
            self._gone_at = self._clock()
            _log.error("the shared store cannot be used (%s): going on alone", error)

    def _is_back(self) -> None:
        if self._gone_at is not None:
            _log.warning("the shared store is back after %.0f s", self._clock() - self._gone_at)
            self._gone_at = None

    def _has_forgotten(self) -> None:
        if self._clock() - self._told_at >= _QUIET:
            self._told_at = self._clock()
            _log.warning("the shared store has forgotten usage plans: they go on from what was heard of them last")


async def _probe(state: State) -> None:
    """A small write: one that is full, or is a copy that may only be read, answers questions and is of no use."""
    await state.put({"probe": b""}, 60.0)
