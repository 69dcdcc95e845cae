"""SP-API's usage plans, kept on our side so that a refusal costs nothing: a token bucket for each (application,
seller, operation), shared by all copies of the bridge."""

from collections.abc import Awaitable, Callable, Mapping

from bridge.state.interface import Bucket, State, Taken
from bridge.state.memory import MemoryState
from bridge.upstream.accounts import Seller
from bridge.upstream.plans import UpstreamOperation
from mws_compat.errors import REQUEST_THROTTLED, MwsError

__all__ = ["Throttle"]


#: Seconds after which the state is told a rate again: it may have lost it.
_REMEMBERED = 600.0


class Throttle:
    """Holds calls to the usage plans.

    ``clock`` gives monotonic seconds, ``sleep`` waits for some; ``max_wait`` is how many seconds a call may wait for
    its token before it is refused, as MWS would have refused it. ``state`` holds the buckets: this process's memory
    when none is given.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        max_wait: float = 2.0,
        state: State | None = None,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._max_wait = max_wait
        self._state: State = MemoryState(clock=clock) if state is None else state
        self._seen: dict[str, dict[str, tuple[Taken, float, int]]] = {}
        self._told: dict[str, tuple[float, float]] = {}

    async def available(self, seller: Seller, operation: UpstreamOperation) -> float:
        """Tokens in the bucket now; below zero when calls are waiting for theirs."""
        seen = await self._state.level(_bucket(seller, operation))
        self._see(seller, operation, seen)
        return seen.tokens

    async def take(self, seller: Seller, operation: UpstreamOperation, *, wait: bool = True) -> float:
        """Take one token, waiting for it if that is soon enough and ``wait`` is set. Returns the seconds waited.
        Raises MwsError RequestThrottled, without having taken one, otherwise. Waiting calls are served in order."""
        taken = await self._state.take(_bucket(seller, operation), self._max_wait if wait else 0.0)
        self._see(seller, operation, taken)
        if not taken.granted:
            reason = f"{operation.name} is at its usage plan ({taken.rate:g}/s); next token in {taken.delay:.0f} s"
            raise MwsError(REQUEST_THROTTLED, reason=reason)
        if taken.delay:
            await self._sleep(taken.delay)
        return taken.delay

    async def learn(self, seller: Seller, operation: UpstreamOperation, rate: float) -> None:
        """Take over the rate that the service named for this seller, in tokens a second."""
        if not 0.0 < rate < 1000.0:
            return
        bucket, now = _bucket(seller, operation), self._clock()
        last, until = self._told.get(bucket.name, (0.0, now))
        if rate != last or now >= until:  # it is named with every answer, and hardly ever changes
            await self._state.learn(bucket, rate)
            self._told[bucket.name] = (rate, now + _REMEMBERED)

    async def drain(self, seller: Seller, operation: UpstreamOperation) -> None:
        """The service said 429: its bucket is empty, whatever we thought of it."""
        await self._state.drain(_bucket(seller, operation))

    def levels(self, seller: Seller) -> dict[str, float]:
        """Tokens by operation as this process has last heard of them, with what has come since; for showing."""
        now = self._clock()
        return {
            operation: min(float(burst), seen.tokens + (now - at) * seen.rate)
            for operation, (seen, at, burst) in self._seen.get(_owner(seller), {}).items()
        }

    def seen(self, lately: float) -> list[str]:
        """The sellers whose buckets were asked within ``lately`` seconds."""
        since = self._clock() - lately
        for owner in [owner for owner, buckets in self._seen.items() if _last(buckets) < since]:
            del self._seen[owner]
        return [owner.rpartition(":")[2] for owner in self._seen]

    def _see(self, seller: Seller, operation: UpstreamOperation, seen: Taken) -> None:
        self._seen.setdefault(_owner(seller), {})[operation.name] = (seen, self._clock(), operation.burst)


def _last(buckets: Mapping[str, tuple[Taken, float, int]]) -> float:
    return max(at for _, at, _ in buckets.values())


def _owner(seller: Seller) -> str:
    return f"{seller.application.client_id}:{seller.seller_id}"


def _bucket(seller: Seller, operation: UpstreamOperation) -> Bucket:
    return Bucket(f"{_owner(seller)}:{operation.name}", operation.rate, operation.burst)
