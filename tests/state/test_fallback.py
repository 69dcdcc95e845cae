"""Going on alone while the shared store is gone."""

import logging

import pytest

from bridge.state.fallback import FallbackState
from bridge.state.interface import Bucket, StoreError
from bridge.state.memory import MemoryState
from tests.support import Clock

BUCKET = Bucket("b", 0.001, 5)


class Shared(MemoryState):
    """A store that can be out of reach, and counts how often it is asked."""

    def __init__(self, clock):
        super().__init__(clock=clock)
        self.there = True
        self.asked = 0
        self.closed = False

    def __getattribute__(self, name):
        if name in {"take", "level", "learn", "drain", "get", "put", "drop", "lease", "extend", "release"}:
            self.asked += 1
            if not self.there:
                raise StoreError("ConnectionError")
        return super().__getattribute__(name)

    async def aclose(self):
        self.closed = True


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def shared(clock):
    return Shared(clock)


@pytest.fixture
def state(clock, shared):
    return FallbackState(shared, MemoryState(clock=clock), clock=clock)


async def test_while_the_store_is_there_all_goes_to_it(state, shared):
    """Buckets, values and leases are the store's."""
    other = FallbackState(shared, MemoryState(clock=shared._clock), clock=shared._clock)
    await state.put({"a": b"x"}, 60.0)
    assert await other.get(["a"]) == [b"x"]
    await state.take(BUCKET, 0.0)
    assert (await other.level(BUCKET)).tokens == 4.0
    word = await state.lease("l", 60.0)
    assert await other.lease("l", 60.0) is None
    await state.release("l", word)
    assert await other.lease("l", 60.0) is not None
    await state.learn(BUCKET, 2.0)
    assert (await other.level(BUCKET)).rate == 2.0
    await state.drain(BUCKET)
    assert (await other.level(BUCKET)).tokens == 0.0
    await state.drop(["a"])
    assert await other.get(["a"]) == [None]
    assert state.gone_for == 0.0
    await state.aclose()
    assert shared.closed


async def test_alone_it_goes_on_from_what_was_last_heard(state, shared, clock):
    """A bucket has no more than the store said; values and leases are this process's own; nothing is an error."""
    for _ in range(3):
        await state.take(BUCKET, 0.0)
    shared.there = False
    taken = [await state.take(BUCKET, 0.0) for _ in range(3)]
    assert [one.granted for one in taken] == [True, True, False]
    await state.put({"a": b"x"}, 60.0)
    assert await state.get(["a"]) == [b"x"]
    assert await state.lease("l", 60.0) is not None
    assert await state.lease("l", 60.0) is None
    assert state.gone_for > 0


async def test_a_store_that_is_gone_is_tried_once_a_second(state, shared, clock):
    """Callers do not wait for a store that does not answer, but for one a second."""
    shared.there = False
    await state.get(["a"])
    before = shared.asked
    for _ in range(10):
        await state.get(["a"])
    assert shared.asked == before
    clock.at += 1
    await state.get(["a"])
    await state.get(["a"])
    assert shared.asked == before + 1


async def test_what_was_taken_alone_is_told_to_the_store(state, shared, clock):
    """A store that has come back empty gives out no more than this process knows to be left."""
    shared.there = False
    for _ in range(4):
        await state.take(BUCKET, 0.0)
    shared.there = True
    clock.at += 1
    taken = [await state.take(BUCKET, 0.0) for _ in range(2)]
    assert [one.granted for one in taken] == [True, False]
    assert (await shared.level(BUCKET)).tokens < 1
    clock.at += 1000
    assert (await state.take(BUCKET, 0.0)).granted  # lowered once, not for ever


async def test_coming_back_is_noticed_where_nobody_asks(state, shared, clock, caplog):
    """The log says once that the store has gone, and once that it is back, also without a request."""
    caplog.set_level(logging.WARNING, "mws_bridge.state")
    shared.there = False
    for _ in range(5):
        clock.at += 2
        await state.get(["a"])
    assert [record.getMessage() for record in caplog.records] == [
        "the shared store cannot be used (ConnectionError): going on alone"
    ]
    assert state.gone_for == pytest.approx(8)
    shared.there = True
    clock.at += 2
    await state.sweep()
    assert caplog.records[-1].getMessage() == "the shared store is back after 10 s"
    assert len(caplog.records) == 2
    assert state.gone_for == 0.0


async def test_lessons_learned_alone_and_together_reach_both(state, shared, clock):
    """A rate and an empty bucket are known alone as well: they were told by Amazon, whoever keeps the count."""
    await state.learn(BUCKET, 0.5)
    await state.drain(BUCKET)
    shared.there = False
    seen = await state.level(BUCKET)
    assert (seen.rate, seen.tokens) == (0.5, 0.0)
    await state.drop(["a"])
    await state.release("l", "no word")


async def test_a_store_that_has_forgotten(state, shared, clock, caplog):
    """One that was started anew, or emptied, gives out no more than there can be by what was heard of it last; one
    line says so, for all buckets."""
    others = [Bucket(name, 0.001, 5) for name in "cd"]
    for bucket in (BUCKET, *others):
        for _ in range(4):
            await state.take(bucket, 0.0)
    clock.at += 1000
    shared._levels.clear()
    assert (await state.level(BUCKET)).tokens == pytest.approx(2)
    taken = [(await state.take(bucket, 0.0)).granted for bucket in (BUCKET, *others) for _ in range(3)]
    assert taken == [True, True, False] * 3
    assert [record.getMessage() for record in caplog.records] == [
        "the shared store has forgotten usage plans: they go on from what was heard of them last"
    ]
    clock.at += 60
    shared._levels.clear()
    await state.take(BUCKET, 0.0)
    assert len(caplog.records) == 2


async def test_what_another_copy_has_heard_counts_as_well(shared, clock):
    """Whichever copy asks first after a loss: the next one lowers the bucket to what it knows."""
    late, busy = (FallbackState(shared, MemoryState(clock=clock), clock=clock) for _ in range(2))
    await late.level(BUCKET)
    for _ in range(5):
        await busy.take(BUCKET, 0.0)
    shared._levels.clear()
    assert (await late.take(BUCKET, 0.0)).granted  # it knows of a full one
    assert not (await busy.take(BUCKET, 0.0)).granted
    assert not (await late.take(BUCKET, 0.0)).granted


async def test_a_store_that_can_only_be_read(state, shared, clock, caplog):
    """A full one, or a copy that takes no changes, is of no use though it answers: it counts as gone until it can be
    written to, and the log says so once."""
    real = MemoryState.put

    async def refuse(*_, **__):
        raise StoreError("ReadOnlyError")

    shared.put = refuse
    await state.put({"a": b"x"}, 60.0)
    for _ in range(5):
        clock.at += 2
        assert await state.get(["a"]) == [None if state.gone_for == 0 else b"x"]
        await state.sweep()
    assert state.gone_for == pytest.approx(10)
    shared.put = real.__get__(shared)
    clock.at += 2
    await state.sweep()
    assert [record.getMessage() for record in caplog.records] == [
        "the shared store cannot be used (ReadOnlyError): going on alone",
        "the shared store is back after 12 s",
    ]


async def test_a_lease_is_extended_where_it_was_taken(state, shared, clock):
    """With the store there it is the store's, alone it is our own."""
    word = await state.lease("l", 10.0)
    clock.at += 9
    await state.extend("l", word, 10.0)
    clock.at += 9
    assert await shared.lease("l", 10.0) is None
    shared.there = False
    own = await state.lease("l", 10.0)
    await state.extend("l", own, 60.0)
    clock.at += 30
    assert await state.lease("l", 10.0) is None
