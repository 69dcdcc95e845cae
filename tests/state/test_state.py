"""What both implementations of State promise, in memory and over a real server; and what is peculiar to each."""

import asyncio
import os
import uuid

import pytest
from redis.asyncio import Redis

from bridge.sealing import KeyRing
from bridge.state.interface import Bucket, Heard, StoreError
from bridge.state.memory import MemoryState
from bridge.state.redis import RedisState, check, faulty
from tests.state.servers import Store
from tests.support import Clock


def ring(*secrets):
    return KeyRing(secrets or ("key",), purpose="state", random_bytes=os.urandom)


class Kind:
    """A state, names that nobody else uses, and a way to let time pass."""

    def __init__(self, state, clock):
        self.state = state
        self.clock = clock
        self.run = uuid.uuid4().hex

    def name(self, name):
        return f"{self.run}:{name}"

    def bucket(self, rate=0.5, burst=3):
        return Bucket(self.name("bucket"), rate, burst)

    async def passes(self, seconds):
        if self.clock is None:
            await asyncio.sleep(seconds + 0.02)
        else:
            self.clock.at += seconds


@pytest.fixture(params=["memory", "redis"])
async def kind(request, monkeypatch):
    if request.param == "memory":
        clock = Clock()
        yield Kind(MemoryState(clock=clock), clock)
        return
    monkeypatch.setattr("bridge.state.redis._TIMEOUT", 10.0)  # a busy machine is no subject of these tests
    state = RedisState(request.getfixturevalue("store").url, ring())
    yield Kind(state, None)
    await state.aclose()


# --- buckets --------------------------------------------------------------------------------------------------------


async def test_a_bucket_gives_its_burst_and_then_refuses(kind):
    """A bucket nobody took from is full; an empty one says when its next token comes, and takes nothing."""
    bucket = kind.bucket(rate=0.001)
    for left in (2, 1, 0):
        taken = await kind.state.take(bucket, 0.0)
        assert (taken.granted, taken.delay) == (True, 0.0)
        assert taken.tokens == pytest.approx(left, abs=0.01)
    refused = await kind.state.take(bucket, 0.0)
    assert not refused.granted
    assert refused.delay == pytest.approx(1000, rel=0.02)
    assert refused.rate == 0.001
    assert (await kind.state.level(bucket)).tokens == pytest.approx(0, abs=0.01)


async def test_whoever_waits_has_its_token_already(kind):
    """A token that comes soon enough is taken at once: the next caller waits behind."""
    bucket = kind.bucket(rate=10.0, burst=1)
    assert (await kind.state.take(bucket, 0.0)).delay == 0.0
    first, second = await kind.state.take(bucket, 5.0), await kind.state.take(bucket, 5.0)
    assert (first.granted, second.granted) == (True, True)
    assert first.delay == pytest.approx(0.1, abs=0.08)
    assert second.delay == pytest.approx(0.2, abs=0.08)
    assert second.delay > first.delay
    assert second.tokens < 0


async def test_tokens_come_at_the_rate_and_never_beyond_the_burst(kind):
    """After a while there is as much as the rate gives; after a long one the burst, and no more."""
    bucket = kind.bucket(rate=20.0, burst=4)
    for _ in range(4):
        await kind.state.take(bucket, 0.0)
    await kind.passes(0.1)
    assert (await kind.state.level(bucket)).tokens >= 1.9
    await kind.passes(0.3)
    assert (await kind.state.level(bucket)).tokens == 4.0


async def test_a_learned_rate_counts_from_then_on(kind):
    """What came before was gained at the old rate; the plan's own rate is not used any more."""
    bucket = kind.bucket(rate=0.001, burst=2)
    await kind.state.take(bucket, 0.0)
    await kind.state.take(bucket, 0.0)
    await kind.state.learn(bucket, 50.0)
    assert (await kind.state.level(bucket)).rate == 50.0
    await kind.passes(0.1)
    assert (await kind.state.level(bucket)).tokens == 2.0
    await kind.state.learn(kind.bucket()._replace(name=kind.name("untouched")), 7.0)
    fresh = await kind.state.level(kind.bucket()._replace(name=kind.name("untouched")))
    assert (fresh.tokens, fresh.rate) == (3.0, 7.0)


async def test_a_drained_bucket_is_empty_and_forgives_no_debt(kind):
    """Drain leaves nothing; a bucket whose callers wait already is not filled by it."""
    bucket = kind.bucket(rate=0.01)
    await kind.state.drain(bucket)
    assert (await kind.state.level(bucket)).tokens == pytest.approx(0, abs=0.01)
    for _ in range(2):
        assert (await kind.state.take(bucket, 1000.0)).granted
    owed = (await kind.state.level(bucket)).tokens
    assert owed == pytest.approx(-2, abs=0.01)
    await kind.state.drain(bucket)
    assert (await kind.state.level(bucket)).tokens == pytest.approx(owed, abs=0.01)


async def test_a_bucket_is_lowered_to_what_is_known(kind):
    """A caller that knows of fewer tokens lowers the bucket, never raises it."""
    bucket = kind.bucket(rate=0.001)
    assert (await kind.state.take(bucket, 0.0, Heard(2.0))).tokens == pytest.approx(1, abs=0.01)
    assert not (await kind.state.take(bucket, 0.0, Heard(0.5))).granted
    assert (await kind.state.level(bucket)).tokens == pytest.approx(0.5, abs=0.01)
    assert not (await kind.state.take(bucket, 0.0, Heard(3.0))).granted
    assert (await kind.state.level(bucket, Heard(0.2))).tokens == pytest.approx(0.2, abs=0.01)
    assert (await kind.state.level(bucket)).tokens == pytest.approx(0.2, abs=0.01)


async def test_what_was_heard_of_this_life_changes_nothing(kind):
    """A bucket has a life, which its answers name: what was heard of it is older than what it knows itself."""
    bucket = kind.bucket(rate=0.001)
    first = await kind.state.take(bucket, 0.0)
    assert first.life
    again = await kind.state.take(bucket, 0.0, Heard(0.5, first.life))
    assert (again.granted, again.life) == (True, first.life)
    assert (await kind.state.level(bucket)).life == first.life
    assert not (await kind.state.take(bucket, 0.0, Heard(0.5, "another"))).granted


async def test_looking_takes_nothing(kind):
    """However often a level is asked for, the bucket stays."""
    bucket = kind.bucket()
    for _ in range(5):
        seen = await kind.state.level(bucket)
        assert (seen.granted, seen.tokens, seen.delay) == (False, 3.0, 0.0)


async def test_many_at_once_never_take_more_than_there_is(kind):
    """Of fifty callers at once as many get a token as the bucket has."""
    bucket = kind.bucket(rate=0.001, burst=7)
    taken = await asyncio.gather(*(kind.state.take(bucket, 0.0) for _ in range(50)))
    assert sum(one.granted for one in taken) == 7


# --- values and leases ----------------------------------------------------------------------------------------------


async def test_values_are_held_for_their_time(kind):
    """What was put is there, small or large, until its time is over; what was not, is not."""
    small, large = b"x", os.urandom(700) + bytes(20_000)
    await kind.state.put({kind.name("a"): small, kind.name("b"): large}, 60.0)
    await kind.state.put({kind.name("short"): b"y"}, 0.05)
    names = [kind.name(name) for name in ("a", "nothing", "b")]
    assert await kind.state.get(names) == [small, None, large]
    assert await kind.state.get([]) == []
    await kind.state.put({}, 60.0)
    await kind.passes(0.06)
    assert await kind.state.get([kind.name("short"), kind.name("a")]) == [None, small]
    await kind.state.drop([kind.name("a"), kind.name("nothing")])
    await kind.state.drop([])
    assert await kind.state.get([kind.name("a"), kind.name("b")]) == [None, large]


async def test_an_older_version_does_not_replace_a_newer_one(kind):
    """Of two values the one of the higher version stays, whichever is put last; equals replace each other."""
    name = kind.name("v")
    for version, content in ((5.0, b"five"), (4.0, b"four"), (5.0, b"again"), (-1.0, b"minus")):
        await kind.state.put({name: content}, 60.0, version=version)
    assert await kind.state.get([name]) == [b"again"]
    await kind.state.put({name: b"six"}, 60.0, version=6.0)
    assert await kind.state.get([name]) == [b"six"]


async def test_a_lease_has_one_holder(kind):
    """Only one gets it; it can be given back by its holder only, and ends by itself."""
    name = kind.name("lease")
    word = await kind.state.lease(name, 60.0)
    assert word is not None
    assert await kind.state.lease(name, 60.0) is None
    await kind.state.release(name, "another")
    assert await kind.state.lease(name, 60.0) is None
    await kind.state.release(name, word)
    again = await kind.state.lease(name, 0.05)
    assert again is not None
    assert again != word
    await kind.passes(0.06)
    assert await kind.state.lease(name, 60.0) is not None
    await kind.state.release(name, again)
    assert await kind.state.lease(name, 60.0) is None


async def test_a_lease_is_extended_by_its_holder(kind):
    """From then on, and by nobody else; one that has ended does not come back."""
    name = kind.name("lease")
    word = await kind.state.lease(name, 0.3)
    await kind.state.extend(name, word, 60.0)
    await kind.passes(0.3)
    assert await kind.state.lease(name, 60.0) is None
    await kind.state.extend(name, "another", 0.01)
    await kind.passes(0.02)
    assert await kind.state.lease(name, 60.0) is None
    await kind.state.release(name, word)
    await kind.state.extend(name, word, 60.0)
    assert await kind.state.lease(name, 60.0) is not None


# --- memory ---------------------------------------------------------------------------------------------------------


async def test_memory_is_bounded_and_swept():
    """The longest unused go first; what has had its time goes without being asked for."""
    clock = Clock()
    state = MemoryState(clock=clock, max_bytes=3000)
    await state.put({name: bytes(500) for name in "abc"}, 10.0)
    await state.get(["a"])
    await state.put({"d": bytes(500)}, 99.0)
    assert await state.get(["a", "b", "c", "d"]) == [bytes(500), None, bytes(500), bytes(500)]
    clock.at += 10
    await state.sweep()
    assert (len(state), state._bytes) == (1, 900)
    clock.at += 89
    assert await state.get(["d"]) == [None]
    assert (len(state), state._bytes) == (0, 0)
    await state.aclose()


async def test_an_expired_value_gives_way_to_an_older_version():
    """A version that nobody can read any more protects nothing."""
    clock = Clock()
    state = MemoryState(clock=clock)
    await state.put({"a": b"new"}, 1.0, version=2.0)
    clock.at += 1
    await state.put({"a": b"old"}, 1.0, version=1.0)
    assert await state.get(["a"]) == [b"old"]


async def test_no_repr_of_memory_shows_a_value():
    """Values are tokens and orders."""
    state = MemoryState(clock=Clock())
    await state.put({"a": b"Atza|secret"}, 10.0)
    assert "secret" not in repr(vars(state))


# --- the store ------------------------------------------------------------------------------------------------------


async def test_nothing_readable_leaves_the_process(store):
    """In the store values are sealed, with all names in their place: none can be read, altered or moved."""
    run = uuid.uuid4().hex
    state = RedisState(store.url, ring())
    secret = b"Atza|secret" * 100
    await state.put({f"{run}:a": secret, f"{run}:b": b"other"}, 60.0)
    raw = Redis.from_url(store.url)
    held = await raw.get(f"mws-bridge:{run}:a")
    assert b"secret" not in held
    assert len(held) < 300  # packed before it is sealed
    await raw.set(f"mws-bridge:{run}:b", held)
    await raw.set(f"mws-bridge:{run}:c", held[:-1] + bytes([held[-1] ^ 1]))
    await raw.set(f"mws-bridge:{run}:d", b"short")
    assert await state.get([f"{run}:{name}" for name in "abcd"]) == [secret, None, None, None]
    assert 0 < await raw.pttl(f"mws-bridge:{run}:a") <= 60_000
    await state.take(Bucket(f"{run}:bucket", 1.0, 2), 0.0)
    assert 0 < await raw.ttl(f"mws-bridge:bucket:{run}:bucket") <= 86_400
    await raw.aclose()
    await state.aclose()


async def test_keys_rotate(store, caplog):
    """A new key reads what the old one sealed while it is on the ring, and not after; then the log says so, not more
    than once a minute."""
    name, clock = uuid.uuid4().hex, Clock()
    old, both, new = (
        RedisState(store.url, ring(*keys), clock=clock) for keys in (("old",), ("new", "old"), ("new",))
    )
    await old.put({name: b"x"}, 60.0)
    assert await both.get([name]) == [b"x"]
    assert caplog.messages == []
    for passed, lines in ((0, 1), (59, 1), (1, 2)):
        clock.at += passed
        assert await new.get([name, name]) == [None, None]
        assert (
            caplog.messages.count(
                "the shared store holds what cannot be opened: is server.token_keys the same on all machines?"
            )
            == lines
        )
    await both.put({name: b"y"}, 60.0)
    assert await new.get([name]) == [b"y"]
    for state in (old, both, new):
        await state.aclose()


async def test_a_store_that_was_started_again_is_used_at_once(tmp_path, store):
    """A connection that the store has closed is made anew, without an error."""
    own = Store(tmp_path)
    own.start()
    try:
        state = RedisState(own.url, ring())
        await state.put({"a": b"x"}, 60.0)
        own.stop()
        with pytest.raises(StoreError, match=r"^ConnectionError$"):
            await state.get(["a"])
        own.start()
        assert await state.get(["a"]) == [None]
        assert (await state.take(Bucket("b", 1.0, 2), 0.0)).granted
        await state.aclose()
    finally:
        own.stop()


def test_whether_a_store_can_be_used(store):
    """Nothing to say of one that answers; of another the reason, without its address or password."""
    assert check(store.url, asyncio.run) is None
    assert check(store.url.replace("redis://", "valkey://"), asyncio.run) is None
    assert check("redis://:password@127.0.0.1:1/0", asyncio.run) == "ConnectionError"


async def test_a_store_that_is_full(tmp_path, store):
    """It answers, but cannot be used."""
    own = Store(tmp_path)
    own.start()
    try:
        raw = Redis.from_url(own.url)
        await raw.config_set("maxmemory", "1")
        await raw.aclose()
        assert await asyncio.to_thread(check, own.url, asyncio.run) == "OutOfMemoryError"
    finally:
        own.stop()


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("redis://127.0.0.1:1/0?health_check_interval=30", None),
        ("rediss://:p%40ss%2Fword@store/3?ssl_ca_certs=/a.pem", None),
        ("unix:///run/store.sock?db=1", None),
        ("redis://127.0.0.1/0?ssl_cert_reqs=none", "it has an option that is unknown"),
        ("redis://127.0.0.1/0?colour=red", "it has an option that is unknown"),
        (
            "redis://127.0.0.1?socket_timeout=abc",
            "an option of it, the port, or the number of the database is no number",
        ),
        ("redis://127.0.0.1?db=x", "an option of it, the port, or the number of the database is no number"),
        ("redis://127.0.0.1:70000", "an option of it, the port, or the number of the database is no number"),
    ],
)
def test_what_is_wrong_with_a_url(url, fault):
    """It is found without asking the store."""
    assert faulty(url) == fault
