"""What is kept of answers: bounds, sellers, ages; and which version serves whom."""

import asyncio
import dataclasses
from datetime import timedelta

import pytest

from bridge.endpoint import build
from bridge.endpoint.kept import KeptListing, KeptOrder, KeptOrders, Window
from bridge.endpoint.reads import ItemListing, Listing
from bridge.endpoint.versions import Versions
from bridge.endpoint.walks import Walk
from bridge.mapping.calls_v2026 import SearchPage
from bridge.mapping.pages import ItemPage, OrderPage
from bridge.state.memory import MemoryState
from bridge.upstream.datasets import Datasets
from bridge.upstream.errors import UpstreamFault
from bridge.upstream.plans import V0, V0_REMOVED, V2026
from tests.support import ALWAYS, NOW, SELLER, US, Bridge, Clock

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def order(size: int, *, at=NOW) -> KeptOrder:
    return KeptOrder.of(b"x" * size, at)


async def test_the_longest_unused_go_first():
    """What is kept never takes more than it may; what was asked for lately stays."""
    state = MemoryState(clock=NOW.timestamp, max_bytes=10_000)
    kept = KeptOrders(state, HOUR)
    await kept.keep_orders("one", {str(number): order(2_000) for number in range(4)})
    assert set(await kept.orders("one", ["0", "1", "2", "3"])) == {"0", "1", "2", "3"}
    await kept.orders("one", ["0"])
    await kept.keep_orders("one", {"new": order(2_000)})
    assert set(await kept.orders("one", ["0", "1", "2", "3", "new"])) == {"0", "2", "3", "new"}
    await kept.keep_orders("one", {"huge": order(20_000)})
    assert len(state) == 0
    assert state._bytes == 0


async def test_sellers_are_kept_apart():
    """What is kept for one seller is not found for another, orders and listings alike."""
    state = MemoryState(clock=NOW.timestamp, max_bytes=10_000)
    kept = KeptOrders(state, HOUR)
    await kept.keep_orders("one", {"1": order(1)})
    await kept.keep_listing("one", "key", KeptListing(NOW, NOW, NOW, NOW, ()))
    assert await kept.orders("two", ["1"]) == {}
    assert await kept.listing("two", "key") is None
    assert await kept.listing("one", "key") is not None
    assert await kept.listing("one", "other") is None


async def test_a_late_answer_does_not_replace_a_younger_one():
    """Of two answers under way the one that was asked for later counts."""
    state = MemoryState(clock=NOW.timestamp, max_bytes=10_000)
    kept = KeptOrders(state, HOUR)
    await kept.keep_orders("one", {"1": order(5, at=NOW)})
    await kept.keep_orders("one", {"1": order(6, at=NOW - MINUTE)})
    assert len((await kept.orders("one", ["1"]))["1"].content) == 5
    await kept.keep_orders("one", {"1": order(7, at=NOW + MINUTE)})
    assert len((await kept.orders("one", ["1"]))["1"].content) == 7


def test_what_a_listing_shows_of_itself():
    """Neither contents nor ids are in a repr that could be logged."""
    order_id = "902-1234567-1234567"
    page = SearchPage([{"orderId": order_id}], "", "", "")
    walk = Walk([], "", order_id, "", 1, {"BuyerEmail": [order_id]})
    records = [{"AmazonOrderId": order_id}]
    shown = [KeptListing(NOW, NOW, NOW, NOW, ((NOW, order_id),)), KeptOrder.of(order_id.encode(), NOW), page, walk]
    shown += [Listing(records, None, ""), ItemListing("", records, None)]
    shown += [OrderPage(records, "", "", ""), ItemPage("", records, "")]
    assert "902-" not in repr(shown)


#: Minutes from the bound of a listing that was asked for at NOW, reached back an hour, and may be two minutes old.
@pytest.mark.parametrize(
    ("later", "after", "before", "answers"),
    [
        (1, -57, None, True),  # reaches back equally far, a minute later
        (1, -56, None, True),  # and almost so
        (1, -55, None, False),  # less far: another program, which may go on by its own clock
        (1, -58, None, False),  # the very same window: an answer may have been lost
        (2, -56, None, False),  # too old
        (1, -59, None, False),  # reaches back further than is known
        (1, 0, None, True),  # at the bound as it was told
        (1, -1, None, False),  # where a program of its own clock may go on
        (1, 1, None, False),
        (1, -1, 0, True),  # ends within
        (1, -1, 1, False),
    ],
)
def test_a_listing_answers_where_nobody_loses_an_order(later, after, before, answers):
    """Neither a program that walks through time by its own clock, nor one that asks again, misses an order."""
    bound = NOW - 2 * MINUTE
    listing = KeptListing(bound - 58 * MINUTE, bound, NOW, NOW, ())
    window = Window(bound + after * MINUTE, None if before is None else bound + before * MINUTE)
    assert listing.answers(window, NOW + later * MINUTE, 2 * MINUTE) is answers


def test_a_date_that_is_asked_from_for_ten_minutes():
    """A program that always asks from the same date is known by it after ten minutes, and not where it would have to
    go on from a date so young."""
    old = KeptListing(NOW - HOUR, NOW - 2 * MINUTE, NOW, NOW - 9 * MINUTE, ())
    window = Window(NOW - HOUR, None)
    assert not old.answers(window, NOW, 2 * MINUTE)
    assert old.answers(window, NOW + MINUTE, 2 * MINUTE)
    young = dataclasses.replace(old, after=NOW - 4 * MINUTE)
    assert not young.answers(Window(NOW - 4 * MINUTE, None), NOW + MINUTE, 2 * MINUTE)


def test_the_orders_of_a_window():
    """Both bounds are inclusive, as Amazon's are."""
    entries = tuple((NOW + number * MINUTE, str(number)) for number in range(-3, 2))
    listing = KeptListing(NOW - HOUR, NOW, NOW, NOW, entries)
    assert listing.ids(Window(NOW - 2 * MINUTE, NOW)) == ["-2", "-1", "0"]
    assert listing.ids(Window(NOW - 2 * MINUTE, None)) == ["-2", "-1", "0", "1"]


# --- versions and datasets ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "at", "version", "why"),
    [
        ("auto", NOW, V2026, "the newest version that Amazon lets the application use"),
        ("v0", NOW, V0, 'the settings say upstream = "v0"'),
        (V2026, NOW, V2026, 'the settings say upstream = "v2026-01-01"'),
        ("v0", V0_REMOVED, V2026, "Orders v0 is not called since 2027-03-27"),
        ("auto", V0_REMOVED, V2026, "Orders v0 is not called since 2027-03-27"),
    ],
)
def test_the_version_in_force_has_its_reason(wanted, at, version, why):
    """What a seller wants, until v0 has ended."""
    versions = Versions(clock=Clock())
    seller = dataclasses.replace(SELLER, upstream=wanted)
    assert (versions.in_force(seller, at), versions.why(seller, at)) == (version, why)
    assert versions.is_open(V0, at) is (at < V0_REMOVED)
    assert versions.is_open(V2026, at)


def refusal(message="no", details=""):
    return UpstreamFault(403, "Unauthorized", message, details, "")


def test_a_refusal_that_names_datasets_is_about_those():
    """Named ones are left out; a second refusal of something that is left out already is no news."""
    clock = Clock()
    datasets = Datasets(clock=clock)
    asked = frozenset({"BUYER", "RECIPIENT", "TAX"})
    assert datasets.narrow(SELLER, asked, refusal(details="Datasets: [TAX]"))
    assert datasets.refused(SELLER) == {"TAX"}
    assert datasets.narrow(SELLER, asked, refusal())
    assert datasets.refused(SELLER) == {"TAX"}
    other = dataclasses.replace(SELLER, seller_id="A1OTHER")
    assert datasets.refused(other) == frozenset()
    clock.at += 24 * 3600
    assert datasets.refused(SELLER) == frozenset()


def test_a_refusal_with_nothing_left_to_leave_out():
    """When it is refused without personal datasets too, it was about the application itself, and nothing is learned
    of the datasets: they must not be missing once it may use the API."""
    datasets = Datasets(clock=Clock())
    asked = frozenset({"BUYER", "RECIPIENT", "FULFILLMENT"})
    for names in ({"BUYER"}, {"RECIPIENT"}, {"BUYER", "RECIPIENT"}):
        assert datasets.narrow(SELLER, asked - datasets.refused(SELLER), refusal())
        assert datasets.refused(SELLER) == names
    assert not datasets.narrow(SELLER, asked - datasets.refused(SELLER), refusal())
    assert datasets.refused(SELLER) == frozenset()


async def test_the_endpoint_forgets_where_nobody_asks(monkeypatch):
    """While it runs the endpoint drops what is too old, without any request; and stops doing so when it ends."""
    monkeypatch.setattr(build, "_SWEEP_SECONDS", 0.01)
    bridge = Bridge(version=V2026)
    await bridge.call("ListOrders", {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US})
    state = bridge.endpoint._handlers._reads[V2026]._kept._state
    assert len(state)
    swept, sweep = asyncio.Event(), state.sweep

    async def swept_clean():
        await sweep()
        if not len(state):
            swept.set()

    monkeypatch.setattr(state, "sweep", swept_clean)
    told: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    heard: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    running = asyncio.create_task(bridge.endpoint({"type": "lifespan", "asgi": {}}, told.get, heard.put))
    await told.put({"type": "lifespan.startup"})
    assert (await heard.get())["type"] == "lifespan.startup.complete"
    bridge.clock.at += 3600
    async with asyncio.timeout(5):
        await swept.wait()
    assert len(state) == 0
    await told.put({"type": "lifespan.shutdown"})
    assert (await heard.get())["type"] == "lifespan.shutdown.complete"
    await running
