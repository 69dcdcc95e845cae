"""SP-API's usage plans, kept on our side so that a refusal costs nothing: a token bucket for each (application,
seller, operation)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bridge.upstream.accounts import Seller
from bridge.upstream.plans import UpstreamOperation
from mws_compat.errors import REQUEST_THROTTLED, MwsError

__all__ = ["Throttle"]


@dataclass(slots=True)
class _Bucket:
    tokens: float
    rate: float
    burst: int
    filled_at: float

    def refill(self, now: float) -> None:
        # A clock that was set back must not empty the bucket.
        self.tokens = min(float(self.burst), self.tokens + max(0.0, now - self.filled_at) * self.rate)
        self.filled_at = now


class Throttle:
    """Holds calls to the usage plans.

    ``clock`` gives monotonic seconds, ``sleep`` waits for some; ``max_wait`` is how many seconds a call may wait for
    its token before it is refused, as MWS would have refused it.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        max_wait: float = 2.0,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._max_wait = max_wait
        self._buckets: dict[tuple[str, str, str], _Bucket] = {}

    def _bucket(self, seller: Seller, operation: UpstreamOperation) -> _Bucket:
        key = (seller.application.client_id, seller.seller_id, operation.name)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = _Bucket(float(operation.burst), operation.rate, operation.burst, self._clock())
            self._buckets[key] = bucket
        bucket.refill(self._clock())
        return bucket

    def available(self, seller: Seller, operation: UpstreamOperation) -> float:
        """Tokens in the bucket now; below zero when calls are waiting for theirs."""
        return self._bucket(seller, operation).tokens

    async def take(self, seller: Seller, operation: UpstreamOperation, *, wait: bool = True) -> float:
        """Take one token, waiting for it if that is soon enough and ``wait`` is set. Returns the seconds waited.
        Raises MwsError RequestThrottled, without having taken one, otherwise. Waiting calls are served in order."""
        bucket = self._bucket(seller, operation)
        delay = max(0.0, 1.0 - bucket.tokens) / bucket.rate
        if delay > (self._max_wait if wait else 0.0):
            reason = f"{operation.name} is at its usage plan ({bucket.rate:g}/s); next token in {delay:.0f} s"
            raise MwsError(REQUEST_THROTTLED, reason=reason)
        bucket.tokens -= 1.0  # taken before the wait: whoever comes next waits behind us
        if delay:
            await self._sleep(delay)
        return delay

    def learn(self, seller: Seller, operation: UpstreamOperation, rate: float) -> None:
        """Take over the rate that the service named for this seller, in tokens a second."""
        if 0.0 < rate < 1000.0:
            self._bucket(seller, operation).rate = rate

    def drain(self, seller: Seller, operation: UpstreamOperation) -> None:
        """The service said 429: its bucket is empty, whatever we thought of it."""
        bucket = self._bucket(seller, operation)
        bucket.tokens = min(bucket.tokens, 0.0)
