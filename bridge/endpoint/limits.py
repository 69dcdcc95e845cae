"""How much the endpoint takes on at once, and how soon it answers those who cannot prove who they are.

Three bounds, none of which a stranger can turn against a seller:

- requests at work, of one seller and of all: beyond them a caller is told to come again, at once;
- bodies that are still coming in: a large one needs a share of a fixed amount of memory, a usual one needs none;
- failed authentications by address: the failing answers themselves are delayed, more and more, and the more of them
  wait the longer: many connections get no more of them than a few. A good request from the same address is neither
  delayed nor refused, so the shop behind the same proxy goes on working.
"""

import asyncio
import functools
import ipaddress
import sys
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mws_compat.errors import REQUEST_THROTTLED, SERVICE_UNAVAILABLE, MwsError

__all__ = ["USUAL_BODY_BYTES", "Limits", "address_of", "no_limits"]

#: A body up to here needs no share: calls of the largest legacy clients stay under 8 KB.
USUAL_BODY_BYTES = 65_536


@dataclass(slots=True)
class _Failures:
    """Of one address: how many, less those that time has forgiven up to ``at``; and how many answers wait."""

    level: float
    at: float
    waiting: int = 0


# What callers of ``Limits`` enter and leave. A generator for each would take longer than all that they do.


class _Places:
    __slots__ = ("_most", "taken")

    def __init__(self, most: int) -> None:
        self._most = most
        self.taken = 0

    def __enter__(self) -> None:
        if self.taken >= self._most:
            reason = f"{self._most} requests are at work already: see server.in_flight"
            raise MwsError(SERVICE_UNAVAILABLE, reason=reason)
        self.taken += 1

    def __exit__(self, *_: object) -> None:
        self.taken -= 1


class _SellerPlace:
    __slots__ = ("_most", "_seller_id", "_taken")

    def __init__(self, taken: dict[str, int], seller_id: str, most: int) -> None:
        self._taken = taken
        self._seller_id = seller_id
        self._most = most

    def __enter__(self) -> None:
        taken = self._taken.get(self._seller_id, 0)
        if taken >= self._most:
            reason = f"{taken} requests of this seller are at work already: see server.in_flight_per_seller"
            raise MwsError(REQUEST_THROTTLED, reason=reason)
        self._taken[self._seller_id] = taken + 1

    def __exit__(self, *_: object) -> None:
        taken = self._taken[self._seller_id]
        if taken == 1:
            del self._taken[self._seller_id]
        else:
            self._taken[self._seller_id] = taken - 1


@dataclass(slots=True)
class _Memory:
    most: int
    taken: int = 0


class _BodyShare:
    __slots__ = ("_held", "_memory")

    def __init__(self, memory: _Memory) -> None:
        self._memory = memory
        self._held = 0

    def __enter__(self) -> Callable[[int], None]:
        return self._hold

    def __exit__(self, *_: object) -> None:
        self._memory.taken -= self._held

    def _hold(self, size: int) -> None:
        more = size - USUAL_BODY_BYTES - self._held
        if more <= 0:
            return
        memory = self._memory
        if memory.taken + more > memory.most:
            reason = f"unfinished request bodies hold {memory.taken} bytes already"
            raise MwsError(SERVICE_UNAVAILABLE, reason=reason)
        memory.taken += more
        self._held += more


class Limits:
    """The bounds of one process. ``clock`` gives monotonic seconds, ``sleep`` waits for some.

    ``body_bytes``: memory for unfinished bodies beyond the usual size; ``free_failures``: failed authentications in a
    minute that are answered at once; ``delay`` seconds for the next one, doubled with each up to ``longest_delay``.
    Up to ``delayed_of_address`` answers of one address wait so long, each further one longer in proportion to their
    number; ``delayed`` wait in all. ``addresses`` are remembered at most.
    """

    def __init__(
        self,
        *,
        in_flight: int = 1000,
        in_flight_per_seller: int = 64,
        body_bytes: int = 64 * 2**20,
        free_failures: int = 10,
        delay: float = 0.1,
        longest_delay: float = 2.0,
        delayed_of_address: int = 64,
        delayed: int = 1000,  # half of the connections: see slow_down
        addresses: int = 4096,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._requests = _Places(in_flight)
        self._most_per_seller = in_flight_per_seller
        self._bodies = _Memory(body_bytes)
        self._free_failures = free_failures
        self._delay = delay
        self._longest_delay = longest_delay
        self._most_of_address = delayed_of_address
        self._most_delayed = delayed
        self._most_addresses = addresses
        self._clock = clock
        self._sleep = sleep
        self._sellers: dict[str, int] = {}
        self._delayed = 0
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    @property
    def in_flight(self) -> int:
        """Requests at work now, of all sellers."""
        return self._requests.taken

    @property
    def in_flight_by_seller(self) -> Mapping[str, int]:
        """Requests at work now, of each seller that has any."""
        return dict(self._sellers)

    @property
    def delayed(self) -> int:
        """Answers to failed authentications that wait now."""
        return self._delayed

    @property
    def body_bytes(self) -> int:
        """Memory that unfinished bodies beyond the usual size hold now."""
        return self._bodies.taken

    def request(self) -> "_Places":
        """For ``with``: a place among the requests at work. Raises MwsError (ServiceUnavailable) there when all are
        taken."""
        return self._requests

    def seller(self, seller_id: str) -> "_SellerPlace":
        """For ``with``: a place among one seller's. Raises MwsError (RequestThrottled) there when all are taken."""
        return _SellerPlace(self._sellers, seller_id, self._most_per_seller)

    def body(self) -> "_BodyShare":
        """For ``with``: room for a body that comes in. The function that comes of it is told the body's size as it
        grows, and raises MwsError (ServiceUnavailable) when there is no memory for it."""
        return _BodyShare(self._bodies)

    async def slow_down(self, address: str) -> bool:
        """Count a failed authentication from ``address`` (of ``address_of``), and wait as long as its answer has to.
        The caller must hold no place here meanwhile, and nothing of the request. False: so many answers wait that
        this one is due now, as the last one on its connection.

        One address gets no more than ``delayed_of_address`` such answers in ``longest_delay`` seconds, over however
        many connections it asks: with each that waits the next one waits longer.

        An answer that waits keeps a connection, and the connections are everybody's. So not all of them may wait:
        beyond ``delayed`` the answer is given and the connection with it, for whoever comes next. A guess then costs
        a connection. It costs no less where answers wait: a guesser need not wait for them, since a right guess is
        answered at once and must be, for the sake of the shop behind the same address.
        """
        failures = self._failures_of(address)
        seconds = self._count(failures)
        if seconds <= 0:
            return True
        if self._delayed >= self._most_delayed:
            return False
        self._delayed += 1
        failures.waiting += 1
        try:
            await self._sleep(seconds * max(1.0, failures.waiting / self._most_of_address))
        finally:
            self._delayed -= 1
            failures.waiting -= 1
        return True

    def _failures_of(self, address: str) -> _Failures:
        failures = self._failures.pop(address, None)
        if failures is None:
            failures = _Failures(0.0, self._clock())
            if len(self._failures) >= self._most_addresses:
                self._failures.popitem(last=False)  # the one that has been quiet for longest
        self._failures[address] = failures
        return failures

    def _count(self, failures: _Failures) -> float:
        """The seconds by which one more failure's answer is delayed, if it is the only one that waits."""
        now = self._clock()
        forgiven = max(0.0, now - failures.at) * self._free_failures / 60
        failures.level = max(0.0, failures.level - forgiven) + 1
        failures.at = now
        beyond = failures.level - self._free_failures
        if beyond <= 0:
            return 0.0
        seconds: float = self._delay * 2.0 ** (beyond - 1)
        if seconds >= self._longest_delay:
            failures.level -= 1  # what counts no more need not be forgiven either
        return min(seconds, self._longest_delay)


def no_limits() -> Limits:
    """For an endpoint that nobody but its builder calls: everything is let in, and nothing delayed."""
    endless = sys.maxsize
    return Limits(in_flight=endless, in_flight_per_seller=endless, body_bytes=endless, free_failures=endless)


def address_of(scope: Mapping[str, Any]) -> str:
    """What an ASGI scope's client counts as: its IPv4 address, the /64 network of its IPv6 address, or, of what a
    proxy wrote and is no address, the first letters; '' when there is no client."""
    client = scope.get("client")
    return _counted_as(str(client[0])) if client else ""


@functools.lru_cache(4096)  # callers come again and again
def _counted_as(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text[:64]
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
    return str(address)
