"""Going on alone: while the shared store is gone, each copy of the bridge works from its own memory."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from bridge.state.interface import Bucket, State, StoreError, Taken
from bridge.state.memory import MemoryState

__all__ = ["FallbackState"]

#: Seconds between two tries to reach a store that is gone.
_RETRY = 1.0

_T = TypeVar("_T")

_log = logging.getLogger("mws_bridge.state")


class FallbackState:
    """``shared`` as long as it answers, otherwise ``alone``.

    Buckets go on from the level last heard of, and what was taken from them alone is told to the store when it is
    back. One caller a second tries whether it is; the others do not wait for it. ``clock`` gives monotonic seconds.
    """

    def __init__(self, shared: State, alone: MemoryState, *, clock: Callable[[], float]) -> None:
        self._shared = shared
        self._alone = alone
        self._clock = clock
        self._gone_at: float | None = None
        self._next_try = 0.0
        self._used_alone: set[str] = set()

    @property
    def gone_for(self) -> float:
        """Seconds since the store was lost; 0 when it is there."""
        return 0.0 if self._gone_at is None else max(self._clock() - self._gone_at, 1e-3)

    # --- buckets ------------------------------------------------------------------------------------------------

    async def take(self, bucket: Bucket, wait: float, at_most: float = float("inf")) -> Taken:
        async def together(state: State) -> Taken:
            nonlocal at_most
            if bucket.name in self._used_alone:
                at_most = min(at_most, (await self._alone.level(bucket)).tokens)
            taken = await state.take(bucket, wait, at_most)
            self._used_alone.discard(bucket.name)
            self._alone.adopt(bucket, taken)
            return taken

        async def alone(state: State) -> Taken:
            self._used_alone.add(bucket.name)
            return await state.take(bucket, wait, at_most)

        return await self._on(together, alone)

    async def level(self, bucket: Bucket) -> Taken:
        return await self._on(lambda state: state.level(bucket))

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

    async def release(self, name: str, word: str) -> None:
        await self._on(lambda state: state.release(name, word))

    async def sweep(self) -> None:
        await self._alone.sweep()
        await self._on(lambda state: state.get(["probe"]))  # also where nobody asks, it is told whether it is there

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
            _log.error("the shared store cannot be reached (%s): going on alone", error)

    def _is_back(self) -> None:
        if self._gone_at is not None:
            _log.warning("the shared store is back after %.0f s", self._clock() - self._gone_at)
            self._gone_at = None
