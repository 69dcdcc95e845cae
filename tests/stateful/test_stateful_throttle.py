"""The throttle against another algorithm for the same promise, and against the promise itself."""

from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bridge.upstream.plans import UpstreamOperation
from bridge.upstream.throttle import Throttle
from mws_compat.errors import REQUEST_THROTTLED, MwsError
from tests.support import SELLER, Clock, another_seller

HAIR = 1e-6
SELLERS = (SELLER, another_seller())
rates = st.sampled_from([0.25, 0.5, 1.0, 2.0, 8.0])


class Reference:
    """The generic cell rate algorithm: no tokens, only the time at which the bucket would be full again."""

    def __init__(self, rate, burst, now):
        self.interval, self.burst, self.full_at = 1 / rate, burst, now

    def delay(self, now):
        return max(0.0, max(now, self.full_at) + self.interval - self.burst * self.interval - now)

    def tokens(self, now):
        return self.burst - max(0.0, self.full_at - now) / self.interval

    def take(self, now):
        self.full_at = max(now, self.full_at) + self.interval

    def drain(self, now):
        self.full_at = max(self.full_at, now + self.burst * self.interval)

    def learn(self, now, rate):
        self.full_at = now + max(0.0, self.full_at - now) / self.interval / rate
        self.interval = 1 / rate


def driven(coroutine):
    """The result of a coroutine that never has to wait for the event loop."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits for something")


class ThrottleMachine(RuleBasedStateMachine):
    """Takes, waits, drains, lessons and clocks in any order, for two sellers."""

    @initialize(rate=rates, burst=st.integers(1, 5), max_wait=st.sampled_from([0.0, 0.5, 2.0, 10.0]))
    def start(self, rate, burst, max_wait):
        self.clock = Clock(1000.0)
        self.slept = []

        async def sleep(seconds):  # the caller waits; time goes on when the machine says so
            self.slept.append(seconds)

        self.operation = UpstreamOperation("op", rate, burst)
        self.rates = dict.fromkeys(SELLERS, rate)
        self.max_wait = max_wait
        self.throttle = Throttle(clock=self.clock, sleep=sleep, max_wait=max_wait)
        self.reference = {seller: Reference(rate, burst, 1000.0) for seller in SELLERS}
        self.sent = {seller: [] for seller in SELLERS}

    @rule(
        seller=st.sampled_from(SELLERS),
        waits=st.lists(st.booleans(), min_size=1, max_size=4),
        seconds=st.floats(0, 20) | st.sampled_from([0.0, 0.125, 0.5, 1.0, 2.0, 4.0]),
    )
    def take_a_few(self, seller, waits, seconds):
        """Time passes, then some calls come at once."""
        self.clock.at += seconds
        for wait in waits:
            self.take(seller, wait=wait)

    def take(self, seller, *, wait):
        reference, now = self.reference[seller], self.clock.at
        expected, most = reference.delay(now), self.max_wait if wait else 0.0
        self.slept.clear()
        try:
            delay = driven(self.throttle.take(seller, self.operation, wait=wait))
        except MwsError as error:
            assert error.fault is REQUEST_THROTTLED  # noqa: PT017 - whether it is raised is for the reference to say
            assert expected > most - HAIR
            assert self.slept == []
        else:
            assert expected <= most + HAIR
            assert delay == pytest.approx(expected, abs=HAIR)
            assert self.slept == ([delay] if delay else [])
            reference.take(now)
            self.sent[seller].append(now + delay)
        assert driven(self.throttle.available(seller, self.operation)) == pytest.approx(
            reference.tokens(now), abs=HAIR
        )

    @rule(seller=st.sampled_from(SELLERS), rate=st.none() | rates)
    def hear(self, seller, rate):
        """Amazon says 429, or names another rate."""
        if rate is None:
            driven(self.throttle.drain(seller, self.operation))
            self.reference[seller].drain(self.clock.at)
        else:
            driven(self.throttle.learn(seller, self.operation, rate))
            self.reference[seller].learn(self.clock.at, rate)
            self.rates[seller] = rate
            self.sent[seller].clear()  # the promise below is about one rate

    @precondition(lambda self: self.clock.at > 500)
    @rule(seconds=st.floats(0.5, 100))
    def set_the_clock_back(self, seconds):
        for seller, reference in self.reference.items():
            driven(self.throttle.available(seller, self.operation))
            reference.full_at = max(reference.full_at, self.clock.at) - seconds
            self.sent[seller].clear()
        self.clock.at -= seconds
        for seller in SELLERS:  # seen at once; time that passed unseen behind the clock's back is not made good
            driven(self.throttle.available(seller, self.operation))

    @invariant()
    def no_window_holds_more_than_its_burst_and_rate(self):
        if not hasattr(self, "sent"):
            return
        for seller, times in self.sent.items():
            assert all(one <= other + HAIR for one, other in pairwise(times)), "served out of order"
            for first in range(len(times)):
                for last in range(first, len(times)):
                    allowed = self.operation.burst + self.rates[seller] * (times[last] - times[first])
                    assert last - first + 1 <= allowed + HAIR


TestThrottle = ThrottleMachine.TestCase
TestThrottle.__doc__ = "In no window of time are more calls sent than the burst and what the rate adds to it."
TestThrottle.settings = settings(max_examples=50, stateful_step_count=20)
