"""The token buckets that keep us inside SP-API's usage plans."""

import asyncio

import pytest

from bridge.state.memory import MemoryState
from bridge.upstream.accounts import Application
from bridge.upstream.plans import OPERATIONS, UpstreamOperation
from bridge.upstream.throttle import Throttle, _bucket
from mws_compat.errors import REQUEST_THROTTLED, MwsError
from tests.support import SELLER, Clock, another_seller

PLAN = UpstreamOperation("plan", 0.5, 3)
OTHER = UpstreamOperation("other", 0.5, 3)


def throttle(clock, max_wait=2.0):
    return Throttle(clock=clock, sleep=clock.sleep, max_wait=max_wait)


async def drained(clock, max_wait=2.0):
    made = throttle(clock, max_wait)
    for _ in range(PLAN.burst):
        await made.take(SELLER, PLAN)
    return made


async def test_a_full_bucket_serves_its_burst_without_a_wait():
    """As many calls as the burst go at once, and the next one is the first to wait."""
    clock = Clock()
    made = throttle(clock)
    assert await made.available(SELLER, PLAN) == 3.0
    assert [await made.take(SELLER, PLAN) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert clock.slept == []
    assert await made.available(SELLER, PLAN) == 0.0
    assert await made.take(SELLER, PLAN) == 2.0
    assert clock.slept == [2.0]


@pytest.mark.parametrize(("seconds", "tokens"), [(0, 0.0), (1, 0.5), (3, 1.5), (6, 3.0), (1000, 3.0)])
async def test_a_bucket_refills_at_its_rate_and_not_beyond_its_burst(seconds, tokens):
    """An empty bucket holds rate × seconds tokens, at most the burst."""
    clock = Clock()
    made = await drained(clock)
    clock.at += seconds
    assert await made.available(SELLER, PLAN) == tokens


async def test_a_part_of_a_token_shortens_the_wait():
    """Half a token in the bucket is half the wait."""
    clock = Clock()
    made = await drained(clock)
    clock.at += 1.5
    assert await made.take(SELLER, PLAN) == pytest.approx(0.5)
    assert clock.slept == [pytest.approx(0.5)]


async def test_a_wait_of_exactly_max_wait_is_taken_and_a_longer_one_refused():
    """max_wait is the longest wait, inclusive; one hair over it is RequestThrottled."""
    clock = Clock()
    assert await (await drained(clock, 2.0)).take(SELLER, PLAN) == 2.0
    shorter = await drained(Clock(), 1.999)
    with pytest.raises(MwsError) as caught:
        await shorter.take(SELLER, PLAN)
    assert caught.value.fault is REQUEST_THROTTLED


async def test_a_refused_call_takes_nothing_and_says_when_to_come_back():
    """A refusal leaves the bucket as it was, and its reason names plan, rate and seconds."""
    clock = Clock()
    made = await drained(clock, 0.0)
    with pytest.raises(MwsError) as caught:
        await made.take(SELLER, PLAN)
    assert caught.value.reason == "plan is at its usage plan (0.5/s); next token in 2 s"
    assert caught.value.message == "Request is throttled"
    assert await made.available(SELLER, PLAN) == 0.0
    assert clock.slept == []
    clock.at += 2
    assert await made.take(SELLER, PLAN) == 0.0


async def test_whoever_does_not_wait_is_served_from_a_whole_token_only():
    """wait=False takes a token that is there and never sleeps for one."""
    clock = Clock()
    made = throttle(clock)
    assert [await made.take(SELLER, PLAN, wait=False) for _ in range(3)] == [0.0, 0.0, 0.0]
    clock.at += 1.999
    with pytest.raises(MwsError):
        await made.take(SELLER, PLAN, wait=False)
    clock.at += 0.001
    assert await made.take(SELLER, PLAN, wait=False) == 0.0
    assert clock.slept == []


async def test_waiters_are_served_in_order_one_interval_apart():
    """Each waiting call waits behind the one before it, and whoever would wait too long is refused at once."""
    clock = Clock()
    made = await drained(clock, 6.0)
    woken = []

    async def hold(seconds):
        clock.slept.append(seconds)
        await asyncio.sleep(0)

    made._sleep = hold

    async def take(name):
        try:
            woken.append((name, await made.take(SELLER, PLAN)))
        except MwsError:
            woken.append((name, None))

    await asyncio.gather(*(take(name) for name in "abcde"))
    assert sorted(woken) == [("a", 2.0), ("b", 4.0), ("c", 6.0), ("d", None), ("e", None)]
    assert clock.slept == [2.0, 4.0, 6.0]
    assert await made.available(SELLER, PLAN) == -3.0


async def test_buckets_are_apart_by_application_seller_and_operation():
    """Draining one seller's bucket of one operation leaves every other bucket full; the region is no key."""
    clock = Clock()
    made = await drained(clock)
    assert await made.available(SELLER, OTHER) == 3.0
    assert await made.available(another_seller(), PLAN) == 3.0
    assert await made.available(another_seller("A1SELLER", application=Application("client-2", "")), PLAN) == 3.0
    assert await made.available(another_seller("A1SELLER", region="eu"), PLAN) == 0.0


async def test_a_learned_rate_holds_from_then_on_for_that_bucket_only():
    """What was gained until the lesson was gained at the old rate, what comes after it at the new one."""
    clock = Clock()
    made = await drained(clock)
    clock.at += 2
    await made.learn(SELLER, PLAN, 0.1)
    assert await made.available(SELLER, PLAN) == 1.0
    clock.at += 5
    assert await made.available(SELLER, PLAN) == 1.5
    await made.take(SELLER, PLAN)
    assert await throttle_wait(made) == pytest.approx(5.0)
    await made.learn(another_seller(), OTHER, 7.0)
    assert await rate_of(made, another_seller()) == 0.5


async def rate_of(made, seller):
    return (await made._state.level(_bucket(seller, PLAN))).rate


async def throttle_wait(made):
    made._max_wait = 100.0
    return await made.take(SELLER, PLAN)


@pytest.mark.parametrize("nonsense", [0.0, -1.0, 1000.0, float("inf"), float("nan")])
async def test_a_rate_that_cannot_be_one_is_not_learned(nonsense):
    """Zero, negative, huge and NaN rates leave the plan's own."""
    made = throttle(Clock())
    await made.learn(SELLER, PLAN, nonsense)
    assert await rate_of(made, SELLER) == 0.5


@pytest.mark.parametrize("rate", [0.001, 999.9])
async def test_the_extreme_rates_that_are_learned(rate):
    """Slow and fast plans are possible."""
    made = throttle(Clock())
    await made.learn(SELLER, PLAN, rate)
    assert await rate_of(made, SELLER) == rate


async def test_a_429_empties_the_bucket_but_forgives_no_debt():
    """After drain the next token is a whole interval away; calls that wait already keep their places."""
    clock = Clock()
    made = throttle(clock)
    await made.drain(SELLER, PLAN)
    assert await made.available(SELLER, PLAN) == 0.0
    assert await made.take(SELLER, PLAN) == 2.0
    await made.drain(SELLER, PLAN)
    made._max_wait = 10.0
    made._sleep = lambda seconds: asyncio.sleep(0)
    await made.take(SELLER, PLAN)
    await made.take(SELLER, PLAN)
    owed = await made.available(SELLER, PLAN)
    assert owed < 0
    await made.drain(SELLER, PLAN)
    assert await made.available(SELLER, PLAN) == owed


async def test_a_clock_set_back_neither_empties_nor_fills_a_bucket():
    """Time that runs backwards costs no tokens, and refilling goes on from there."""
    clock = Clock()
    made = throttle(clock)
    await made.take(SELLER, PLAN)
    await made.take(SELLER, PLAN)
    clock.at -= 3600
    assert await made.available(SELLER, PLAN) == 1.0
    clock.at += 2
    assert await made.available(SELLER, PLAN) == 2.0


def test_the_default_patience_is_two_seconds():
    """Without max_wait a call waits two seconds at most: one getOrderItems interval."""
    assert Throttle(clock=Clock(), sleep=Clock().sleep)._max_wait == 2.0


@pytest.mark.parametrize(
    ("name", "rate", "burst"),
    [
        ("getOrders", 0.0167, 20),
        ("getOrder", 0.5, 30),
        ("getOrderItems", 0.5, 30),
        ("createRestrictedDataToken", 1.0, 10),
    ],
)
def test_the_plans_are_those_of_the_reference(name, rate, burst):
    """The usage plans of section 1.1 and 5.2, and a name that is its own key."""
    operation = OPERATIONS[name]
    assert (operation.name, operation.rate, operation.burst) == (name, rate, burst)


async def test_a_rate_is_told_to_the_state_when_it_is_news():
    """Every answer names the rate; the state hears of it when it is another one, and every ten minutes, because it
    may have lost it."""
    clock, told = Clock(), []

    class Listening(MemoryState):
        async def learn(self, bucket, rate):
            told.append(rate)
            await super().learn(bucket, rate)

    made = Throttle(clock=clock, sleep=clock.sleep, state=Listening(clock=clock))
    for _ in range(5):
        await made.learn(SELLER, PLAN, 0.1)
    await made.learn(SELLER, PLAN, 0.2)
    clock.at += 599
    await made.learn(SELLER, PLAN, 0.2)
    assert told == [0.1, 0.2]
    clock.at += 1
    await made.learn(SELLER, PLAN, 0.2)
    assert told == [0.1, 0.2, 0.2]


async def test_levels_are_shown_as_they_must_be_now():
    """What was heard last, with what has come since, and never more than the burst; of sellers asked for lately."""
    clock = Clock()
    made = await drained(clock)
    assert made.levels(SELLER) == {PLAN.name: 0.0}
    clock.at += 2
    assert made.levels(SELLER) == {PLAN.name: 1.0}
    clock.at += 1000
    assert made.levels(SELLER) == {PLAN.name: 3.0}
    assert made.levels(another_seller()) == {}
    assert made.seen(1002) == [SELLER.seller_id]
    assert made.seen(1001) == []
