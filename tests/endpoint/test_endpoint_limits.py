"""What the endpoint takes on at once, and how soon it answers those who cannot prove who they are."""

import asyncio
import gc
import hmac
from unittest.mock import ANY

import pytest

from bridge.endpoint.limits import USUAL_BODY_BYTES, Limits, address_of, no_limits
from bridge.sandbox import SandboxSettings
from mws_compat import signature
from mws_compat.errors import MwsError
from mws_compat.query import Call, HttpRequest
from tests.support import ALWAYS, EU, HOST, NA, NOW, PATH, US, Bridge, Clock, ask, assert_mws, signed_query

LIST = ("ListOrders", {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US})
ENOUGH = 10  # failures in a minute that are answered at once


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def bridge():
    """A bridge whose limits have a clock of their own: their sleeps do not move the bridge's time."""
    made = Bridge(sandbox=SandboxSettings(orders=9, anchor=NOW, usage_plans=False))
    made.pauses = Clock()
    made.endpoint.limits = Limits(clock=made.pauses, sleep=made.pauses.sleep)
    return made


def refused(taking):
    """What the refusal of a place tells the caller, and the operator."""
    with pytest.raises(MwsError) as caught, taking:
        pytest.fail("a place was given")
    return caught.value.fault.code, caught.value.reason


# --- requests at work


def test_places_are_counted_exactly():
    """So many requests are at work, and one more is told to come again; an ended one leaves its place."""
    limits = Limits(in_flight=2)
    with limits.request(), limits.request():
        assert limits.in_flight == 2
        code, reason = refused(limits.request())
        assert code == "ServiceUnavailable"
        assert "server.in_flight" in reason
    assert limits.in_flight == 0
    with limits.request():
        assert limits.in_flight == 1


def test_places_of_one_seller_are_its_own():
    """A seller with too many requests is throttled; another one is not, and nothing is kept of who has gone."""
    limits = Limits(in_flight_per_seller=2)
    with limits.seller("A"), limits.seller("A"), limits.seller("B"):
        code, reason = refused(limits.seller("A"))
        assert code == "RequestThrottled"
        assert "server.in_flight_per_seller" in reason
        assert limits.in_flight_by_seller == {"A": 2, "B": 1}
    assert limits.in_flight_by_seller == {}


@pytest.mark.parametrize("failure", [ValueError, asyncio.CancelledError, KeyboardInterrupt])
def test_places_are_given_back_however_a_request_ends(failure):
    """An error, a cancelled task and a signal give back what was taken."""
    limits = Limits()

    def work():
        with limits.request(), limits.seller("A"), limits.body() as hold:
            hold(USUAL_BODY_BYTES + 100)
            assert (limits.in_flight, limits.body_bytes) == (1, 100)
            raise failure

    with pytest.raises(failure):
        work()
    assert (limits.in_flight, limits.in_flight_by_seller, limits.body_bytes) == (0, {}, 0)


async def at_once(bridge, number, *call, **signing):
    """The outcomes of so many calls that are all at work before the first is done."""
    handle = bridge.endpoint._handlers.handle

    async def slowly(request):
        for _ in range(2 * number):
            await asyncio.sleep(0)
        return await handle(request)

    bridge.endpoint._handlers.handle = slowly
    query = signed_query(*call, **signing)
    answers = await asyncio.gather(*(ask(bridge.endpoint, "POST", PATH, body=query) for _ in range(number)))
    bridge.endpoint._handlers.handle = handle
    for answer in answers:
        assert_mws(answer)
    return [answer.outcome for answer in answers]


async def test_a_seller_that_asks_too_much_at_once_is_throttled(bridge):
    """The calls of one seller beyond its bound are RequestThrottled at once; they cost nothing upstream, and later
    ones are answered again."""
    bridge.endpoint.limits = Limits(in_flight_per_seller=3)
    outcomes = await at_once(bridge, 5, *LIST)
    assert sorted(outcomes, key=str) == [(200, None)] * 3 + [(503, "RequestThrottled")] * 2
    assert len(bridge.upstream_queries()) <= 3
    assert [event.code for event in bridge.events].count("RequestThrottled") == 2
    assert bridge.endpoint.limits.in_flight == 0
    assert await at_once(bridge, 3, *LIST) == [(200, None)] * 3


async def test_one_seller_does_not_take_anothers_places(bridge):
    """While one seller is throttled, another one is served."""
    bridge.endpoint.limits = Limits(in_flight_per_seller=1)
    mine, others = await asyncio.gather(
        at_once(bridge, 3, *LIST),
        at_once(bridge, 1, "GetServiceStatus", seller=EU.selling_partner_id),
    )
    assert mine.count((503, "RequestThrottled")) == 2
    assert others == [(200, None)]


async def test_too_many_requests_in_all_are_unavailable(bridge):
    """Beyond the bound of all sellers a call is ServiceUnavailable; the sign of life that load balancers ask for is
    given nevertheless."""
    bridge.endpoint.limits = Limits(in_flight=2)
    outcomes, ping = await asyncio.gather(at_once(bridge, 4, *LIST), ask(bridge.endpoint, "GET", "/"))
    assert sorted(outcomes, key=str) == [(200, None)] * 2 + [(503, "ServiceUnavailable")] * 2
    assert ping.status == 200
    assert bridge.endpoint.limits.in_flight == 0


async def test_places_are_seen_while_they_are_taken(bridge):
    """Metrics read how many requests are at work, while they are."""
    seen = []
    limits = bridge.endpoint.limits
    handle = bridge.endpoint._handlers.handle

    async def look(request):
        seen.append((limits.in_flight, limits.in_flight_by_seller))
        return await handle(request)

    bridge.endpoint._handlers.handle = look
    assert (await bridge.call(*LIST)).status == 200
    assert seen == [(1, {NA.selling_partner_id: 1})]


async def test_the_last_requests_of_a_server_that_stops(bridge):
    """A request that the server does not wait for any longer is ServiceUnavailable, and gives back its place."""
    started = asyncio.Event()

    async def endless(request):
        started.set()
        await asyncio.Event().wait()

    bridge.endpoint._handlers.handle = endless
    task = asyncio.create_task(ask(bridge.endpoint, "POST", PATH, body=signed_query(*LIST)))
    await started.wait()
    task.cancel()
    answer = await task
    assert_mws(answer)
    assert answer.outcome == (503, "ServiceUnavailable")
    assert bridge.endpoint.limits.in_flight == 0
    assert "stopped" in bridge.events[-1].reason


# --- bodies


def test_usual_bodies_need_no_share():
    """However many bodies of the usual size come in at once, each is taken."""
    limits = Limits(body_bytes=0)
    with limits.body() as one, limits.body() as other:
        one(USUAL_BODY_BYTES)
        other(USUAL_BODY_BYTES)
        assert limits.body_bytes == 0


def test_large_bodies_share_what_there_is():
    """Beyond the usual size bodies share a fixed amount of memory, counted once however they grow."""
    limits = Limits(body_bytes=100)
    with limits.body() as one, limits.body() as other:
        for size in (10, USUAL_BODY_BYTES + 50, USUAL_BODY_BYTES + 60):
            one(size)
        assert limits.body_bytes == 60
        other(USUAL_BODY_BYTES + 40)
        with pytest.raises(MwsError, match="ServiceUnavailable"):
            other(USUAL_BODY_BYTES + 41)
        assert limits.body_bytes == 100
    assert limits.body_bytes == 0


async def test_a_large_body_when_memory_is_short(bridge):
    """It is told to come again; a call of the usual size is served."""
    bridge.endpoint.limits = Limits(body_bytes=1000)
    query = signed_query(*LIST)
    assert (await bridge.send(body=query + "&" * 100_000)).outcome == (503, "ServiceUnavailable")
    assert (await bridge.send(body=query)).status == 200
    bridge.endpoint.limits = Limits(body_bytes=100_000)
    assert (await bridge.send(body=query + "&" * 100_000)).status == 200
    assert bridge.endpoint.limits.body_bytes == 0


# --- failed authentications


async def failures(limits, number, address="192.0.2.1"):
    for _ in range(number):
        await limits.slow_down(address)


async def test_failures_are_answered_ever_more_slowly(clock):
    """The first ten in a minute at once; then a tenth of a second, doubled up to two."""
    limits = Limits(clock=lambda: 0.0, sleep=clock.sleep)
    await failures(limits, ENOUGH)
    assert clock.slept == []
    await failures(limits, 8)
    assert clock.slept == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0]


async def test_failures_are_forgiven(clock):
    """A minute's rest forgives ten; a program that fails every six seconds is never delayed."""
    limits = Limits(clock=clock, sleep=clock.sleep)
    for _ in range(100):
        await limits.slow_down("192.0.2.1")
        clock.at += 6
    assert clock.slept == []
    await failures(limits, 1000, "192.0.2.2")
    clock.slept.clear()
    clock.at += 96  # of the longest delay, however long it went on
    await failures(limits, ENOUGH, "192.0.2.2")
    assert clock.slept == []


async def test_a_clock_that_is_set_back_forgives_nothing_and_breaks_nothing(clock):
    """Time that runs backwards counts as none."""
    limits = Limits(clock=clock, sleep=clock.sleep)
    await failures(limits, ENOUGH)
    clock.at -= 1e6
    await failures(limits, 1)
    assert clock.slept == [0.1]


async def test_each_address_has_its_own_count(clock):
    """One address's failures do not slow another's."""
    limits = Limits(clock=lambda: 0.0, sleep=clock.sleep)
    await failures(limits, 20, "192.0.2.1")
    clock.slept.clear()
    await failures(limits, ENOUGH, "192.0.2.2")
    assert clock.slept == []


async def test_memory_of_addresses_is_bounded(clock):
    """Of very many addresses the quietest are forgotten."""
    limits = Limits(addresses=3, clock=lambda: 0.0, sleep=clock.sleep)
    for address in ("a", "b", "c"):
        await failures(limits, ENOUGH, address)
    await failures(limits, 1, "a")
    assert clock.slept == [0.1]
    await failures(limits, 1, "d")  # in the place of b
    await failures(limits, 1, "b")  # in the place of c
    await failures(limits, 1, "a")
    assert clock.slept == [0.1, 0.2]
    assert len(limits._failures) == 3


class Doors:
    """A sleep that ends when it is told, and remembers for how long it was asked."""

    def __init__(self):
        self.slept = []
        self.opened = asyncio.Event()

    async def sleep(self, seconds):
        self.slept.append(seconds)
        await self.opened.wait()


async def begun(number, waiting):
    """So many tasks of ``waiting()``, all of them waiting."""
    tasks = [asyncio.create_task(waiting()) for _ in range(number)]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_answers_that_wait_are_bounded():
    """When so many answers wait already, the next one is due at once, as the last one of its connection: nobody is
    locked out by those who wait."""
    doors = Doors()
    limits = Limits(delayed=2, clock=lambda: 0.0, sleep=doors.sleep)
    await failures(limits, ENOUGH)
    waiting = await begun(2, lambda: limits.slow_down("192.0.2.1"))
    assert limits.delayed == len(doors.slept) == 2
    assert await limits.slow_down("192.0.2.1") is False
    assert limits.delayed == 2
    waiting[0].cancel()
    doors.opened.set()
    assert await asyncio.gather(*waiting, return_exceptions=True) == [ANY, True]
    assert limits.delayed == 0


@pytest.mark.parametrize("connections", [10, 300, 900])
async def test_many_connections_guess_no_faster_than_a_few(connections):
    """However many answers of one address wait, no more than so many a second are given; another address does not
    wait longer for it, and nothing is left of it when they are given."""
    doors = Doors()
    limits = Limits(delayed_of_address=10, clock=lambda: 0.0, sleep=doors.sleep)
    doors.opened.set()
    await failures(limits, ENOUGH + 5)
    doors.opened.clear()
    doors.slept.clear()
    waiting = await begun(connections, lambda: limits.slow_down("192.0.2.1"))
    assert limits.delayed == len(doors.slept) == connections
    # A connection that is answered asks anew, and is the last again: so all of them get this many answers a second.
    assert connections / doors.slept[-1] == pytest.approx(10 / 2.0)
    await failures(limits, ENOUGH, "192.0.2.2")
    others = await begun(1, lambda: limits.slow_down("192.0.2.2"))
    assert doors.slept[-1] == 0.1
    doors.opened.set()
    assert await asyncio.gather(*waiting, *others) == [True] * (connections + 1)
    await limits.slow_down("192.0.2.1")
    assert doors.slept[-1] == 2.0


async def test_what_does_not_wait_ends_its_connection(bridge):
    """A guesser beyond the bound is answered, and has to connect anew; a right request is not told to."""
    doors = Doors()
    bridge.endpoint.limits = Limits(delayed=1, free_failures=1, clock=lambda: 0.0, sleep=doors.sleep)
    query = signed_query(*LIST, secret="wrong")
    first = await ask(bridge.endpoint, "POST", PATH, body=query)
    (waits,) = await begun(1, lambda: ask(bridge.endpoint, "POST", PATH, body=query))
    beyond = await ask(bridge.endpoint, "POST", PATH, body=query)
    assert_mws(beyond)
    assert beyond.outcome == (403, "SignatureDoesNotMatch")
    assert beyond.headers["connection"] == "close"
    good = await bridge.call(*LIST)
    assert good.status == 200
    doors.opened.set()
    for answer in (first, await waits, good):
        assert "connection" not in answer.headers


@pytest.mark.parametrize("failing", [{"secret": "wrong"}, {"key": "AKIAUNKNOWN"}, {"seller": "A1UNKNOWN"}], ids=str)
async def test_an_answer_that_waits_holds_nothing_of_its_request(bridge, failing):
    """Thousands of answers may wait: what they answer, up to a megabyte each, is out of memory by then."""
    doors = Doors()
    bridge.endpoint.limits = Limits(free_failures=0, clock=lambda: 0.0, sleep=doors.sleep)
    query = signed_query(LIST[0], {**LIST[1], "Ignored": "canary" * 100}, **failing)
    gc.collect()
    before = {id(thing): thing for thing in requests_in_memory()}  # other tests' own
    gc.disable()  # it is to go by itself
    try:
        waiting = await begun(1, lambda: ask(bridge.endpoint, "POST", PATH, body=query))
        assert bridge.endpoint.limits.delayed == 1
        held = [thing for thing in requests_in_memory() if id(thing) not in before]
    finally:
        gc.enable()
    doors.opened.set()
    await asyncio.gather(*waiting)
    assert held == []


def requests_in_memory():
    return [thing for thing in gc.get_objects() if type(thing) in {Call, HttpRequest}]


@pytest.mark.parametrize(
    ("client", "address"),
    [
        (("192.0.2.1", 1), "192.0.2.1"),
        (("::ffff:192.0.2.1", 1), "192.0.2.1"),
        (("2001:db8:1:2:3:4:5:6", 1), "2001:db8:1:2::/64"),
        (("2001:db8:1:2::9", 1), "2001:db8:1:2::/64"),
        (("fe80::1%eth0", 1), "fe80::/64"),
        (("unknown", 0), "unknown"),
        (("x" * 10_000, 0), "x" * 64),
        (None, ""),
    ],
)
def test_the_address_that_counts(client, address):
    """IPv4 as it is, IPv6 by its network, what is no address by its beginning."""
    assert address_of({"client": client}) == address


async def test_whoever_cannot_prove_who_it_is_waits(bridge):
    """Unknown keys, wrong signatures and sellers out of reach count together; the answers stay what they are."""
    wrong = {"secret": "wrong"}
    unknown = {"key": "AKIAUNKNOWN", "secret": "wrong"}
    denied = {"seller": "A1UNKNOWN"}
    codes = [(await bridge.call(*LIST, **signing)).code for signing in [wrong, unknown, denied] * 4]
    assert codes == ["SignatureDoesNotMatch", "InvalidAccessKeyId", "AccessDenied"] * 4
    assert bridge.pauses.slept == pytest.approx([0.1, 0.2], rel=0.1)


async def test_a_good_request_is_never_delayed(bridge):
    """From the address of the worst guesser a right signature is answered at once, and nothing of the guesser's is
    forgiven or added."""
    for _ in range(100):
        assert (await bridge.call(*LIST, secret="wrong")).code == "SignatureDoesNotMatch"
    bridge.pauses.slept.clear()
    for _ in range(20):
        assert (await bridge.call("GetServiceStatus")).status == 200
        assert (await bridge.call("ListOrders")).code == "InvalidParameterValue"
        assert (await bridge.send("GET", "/")).status == 200
        assert (await bridge.send("GET", "/nowhere")).status == 404
    assert bridge.pauses.slept == []
    await bridge.call(*LIST, secret="wrong")
    assert bridge.pauses.slept[0] > 1


async def test_a_refusal_from_upstream_is_no_failure_to_prove(bridge):
    """AccessDenied that Amazon said is about the seller's authorisation, not about who calls."""
    bridge.sandbox.faults.always("getOrders", "denied")
    for _ in range(ENOUGH + 5):
        assert (await bridge.call(*LIST)).code == "AccessDenied"
    assert bridge.pauses.slept == []


async def test_an_answer_that_waits_holds_no_place(bridge):
    """While failing answers wait, neither sellers nor the whole miss a place; when the server stops they are sent."""
    entered = asyncio.Event()

    async def sleep(seconds):
        entered.set()
        await asyncio.Event().wait()

    limits = bridge.endpoint.limits = Limits(in_flight=1, free_failures=1, clock=lambda: 0.0, sleep=sleep)
    query = signed_query(*LIST, secret="wrong")
    assert (await ask(bridge.endpoint, "POST", PATH, body=query)).status == 403
    waits = asyncio.create_task(ask(bridge.endpoint, "POST", PATH, body=query))
    await entered.wait()
    assert (limits.delayed, limits.in_flight) == (1, 0)
    assert (await bridge.call(*LIST)).status == 200
    waits.cancel()
    assert (await waits).outcome == (403, "SignatureDoesNotMatch")
    assert limits.delayed == 0


async def test_addresses_are_those_of_the_connection(bridge):
    """What a caller writes about where it comes from changes nothing; the server alone believes proxies."""
    for number in range(ENOUGH + 1):
        query = signed_query(*LIST, secret="wrong")
        headers = {"host": HOST, "x-forwarded-for": f"192.0.2.{number}", "x-real-ip": f"192.0.2.{number}"}
        await bridge.send(body=query, headers=headers)
    assert len(bridge.pauses.slept) == 1


@pytest.mark.parametrize("method", ["HmacSHA256", "HmacSHA1"])
async def test_an_unknown_key_costs_what_a_wrong_signature_costs(bridge, monkeypatch, method):
    """Both kinds of failure take the same path: as many hashes over as many bytes, and the same delay."""
    hashed = []
    original = hmac.digest

    def digest(key, text, name):
        hashed.append((len(text), str(name)))
        return original(key, text, name)

    monkeypatch.setattr(signature.hmac, "digest", digest)
    costs = {}
    for kind, signing in {
        "known": {"secret": "wrong"},
        "unknown": {"key": "AKIASANDBOXLEGACY00X", "secret": "wrong"},
    }.items():
        bridge.pauses.slept.clear()
        bridge.endpoint.limits = Limits(free_failures=1, clock=lambda: 0.0, sleep=bridge.pauses.sleep)
        for _ in range(3):
            hashed.clear()
            answer = await bridge.call(LIST[0], {**LIST[1], "SignatureMethod": method}, **signing)
            assert answer.status == 403
        costs[kind] = (len(hashed), {name for _, name in hashed}, list(bridge.pauses.slept))
    assert costs["known"] == costs["unknown"]
    assert costs["known"][0] > 1
    assert costs["known"][2] == [0.1, 0.2]


async def test_without_limits_everything_is_let_in(clock):
    """An endpoint that is built without limits takes on everything, and delays nothing."""
    limits = no_limits()
    await failures(limits, 1000)
    with limits.request(), limits.seller("A"), limits.body() as hold:
        hold(2**30)
    assert clock.slept == []
