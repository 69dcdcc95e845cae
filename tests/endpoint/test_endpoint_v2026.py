"""The operations over Orders v2026-01-01: what reaches SP-API, what is kept, and which version is in force."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from bridge.cli.config import DEMO_ACCESS_KEY
from bridge.endpoint.kept import KeptOrder
from bridge.mapping.calls_v2026 import ITEM_DATASETS, ORDER_DATASETS
from bridge.sandbox import SandboxSettings
from bridge.state.interface import Heard
from bridge.upstream.plans import OPERATIONS, V0_REMOVED, V2026
from bridge.upstream.throttle import _bucket
from tests.endpoint.polling import follow_the_bound, poll, rewind, tile
from tests.support import ALWAYS, CA, EU, FE, NA, NO_PII, NOW, US, Bridge, Clock, text_time

EVERYTHING = ",".join(sorted(ORDER_DATASETS | ITEM_DATASETS))
WINDOW = {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US}


@pytest.fixture
def bridge():
    return Bridge(version=V2026)


def with_cache(**changes):
    """Settings with another [order_cache]."""

    def change(settings):
        return settings.model_copy(update={"order_cache": settings.order_cache.model_copy(update=changes)})

    return change


def with_upstream(**changes):
    """Settings with another [upstream]."""

    def change(settings):
        return settings.model_copy(update={"upstream": settings.upstream.model_copy(update=changes)})

    return change


def operations(bridge):
    """What was asked upstream, without the tokens."""
    names = [call.operation for call in bridge.sandbox.log]
    return [name for name in names if name not in {"lwa", "createRestrictedDataToken"}]


# --- what reaches SP-API --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "upstream"),
    [
        ({"CreatedAfter": "2026-11-01T00:00:00.25"}, {"createdAfter": "2026-11-01T00:00:00.250Z"}),
        (
            {"LastUpdatedAfter": ALWAYS, "LastUpdatedBefore": "2026-11-02T00:00:00Z"},
            {"lastUpdatedAfter": ALWAYS, "lastUpdatedBefore": "2026-11-02T00:00:00Z"},
        ),
        (
            {"OrderStatus.Status.2": "PartiallyShipped", "OrderStatus.Status.1": "Unshipped"},
            {"fulfillmentStatuses": "UNSHIPPED,PARTIALLY_SHIPPED"},
        ),
        ({"OrderStatus.Status.1": "Canceled"}, {"fulfillmentStatuses": "CANCELLED"}),
        (
            {"OrderStatus.Status.1": "InvoiceUnconfirmed", "OrderStatus.Status.2": "Shipped"},
            {"fulfillmentStatuses": "SHIPPED"},
        ),
        ({"MarketplaceId.Id.7": CA}, {"marketplaceIds": f"{US},{CA}"}),
        ({"FulfillmentChannel.Channel.1": "MFN"}, {"fulfilledBy": "MERCHANT"}),
        ({"MaxResultsPerPage": "7"}, {"maxResultsPerPage": "7"}),
    ],
)
async def test_each_parameter_reaches_sp_api(bridge, parameters, upstream):
    """Parameters come to searchOrders under its names and words, with every dataset, and nothing beside them."""
    family = "LastUpdatedAfter" if "LastUpdatedAfter" in parameters else "CreatedAfter"
    whole = {family: ALWAYS, "MarketplaceId.Id.1": US, **parameters}
    assert (await bridge.call("ListOrders", whole)).status == 200
    expected = {family[0].lower() + family[1:]: ALWAYS, "marketplaceIds": US, "includedData": EVERYTHING}
    assert bridge.upstream_queries("searchOrders") == [{**expected, **upstream}]
    assert not [call for call in bridge.sandbox.log if call.operation == "createRestrictedDataToken"]


@pytest.mark.parametrize(
    "parameters", [{"OrderStatus.Status.1": "InvoiceUnconfirmed"}, {"TFMShipmentStatus.Status.1": "PickedUp"}]
)
async def test_what_no_order_can_match_is_answered_empty_without_a_call(bridge, parameters):
    """A status that v2026 has no word for, and the closed China programme."""
    answer = await bridge.call("ListOrders", {**WINDOW, **parameters})
    assert (answer.status, answer.ids, answer.token) == (200, [], None)
    assert answer.text("CreatedBefore") == "2026-11-20T11:58:00.000Z"
    assert operations(bridge) == []


@pytest.mark.parametrize("size", ["1", "7", "100"])
@pytest.mark.parametrize("seller", [NA, EU, FE])
async def test_paging_to_the_end_gives_the_sellers_orders(seller, size):
    """The union of the pages is the store's listing, each order once; every page repeats the query unchanged."""
    settings = SandboxSettings(orders=90, anchor=NOW, usage_plans=False, rate_scale=1000)
    bridge = Bridge(version=V2026, sandbox=settings)
    ids = {f"MarketplaceId.Id.{number}": id_ for number, id_ in enumerate(seller.marketplace_ids, 1)}
    parameters = {"CreatedAfter": ALWAYS, **ids, "MaxResultsPerPage": size}
    answers = await bridge.pages(parameters, seller=seller.selling_partner_id)
    found = [order_id for answer in answers for order_id in answer.ids]
    latest = (NOW - timedelta(minutes=2)).timestamp()
    store = [order for order in bridge.sandbox.store.orders(seller.selling_partner_id) if order.purchased <= latest]
    assert sorted(found) == sorted(order.id for order in store)
    queries = bridge.upstream_queries("searchOrders")
    first, *others = queries
    assert all({**query, "paginationToken": ""} == {**first, "paginationToken": ""} for query in others)
    assert len({answer.text("CreatedBefore") for answer in answers}) == 1


async def test_a_token_is_good_for_a_day(bridge):
    """Older than 24 hours it is NextTokenCorrupted, without a call."""
    first = await bridge.call("ListOrders", {**WINDOW, "MaxResultsPerPage": "2"})
    bridge.clock.at += 24 * 3600 - 1
    assert (await bridge.call("ListOrdersByNextToken", {"NextToken": first.token})).status == 200
    bridge.clock.at += 1
    asked = len(bridge.sandbox.log)
    late = await bridge.call("ListOrdersByNextToken", {"NextToken": first.token})
    assert late.outcome == (400, "NextTokenCorrupted")
    assert len(bridge.sandbox.log) == asked


async def test_a_404_where_none_can_be_is_not_an_empty_answer(bridge):
    """searchOrders that does not exist is an error of the address, not a shop without orders."""
    bridge.sandbox.faults.script("searchOrders", ["not-found"])
    bridge.upstream.inner = httpx.MockTransport(
        lambda request: (
            httpx.Response(200, json={"access_token": "a", "expires_in": 3600})
            if request.method == "POST"
            else httpx.Response(404, json={"errors": [{"code": "NotFound", "message": "no"}]})
        )
    )
    assert (await bridge.call("ListOrders", WINDOW)).outcome == (500, "InternalError")


# --- the filters that v2026 has lost --------------------------------------------------------------------------------


def expected_orders(bridge, keep):
    latest = (NOW - timedelta(minutes=3)).timestamp()
    return sorted(
        order.id
        for order in bridge.sandbox.store.orders(NA.selling_partner_id)
        if order.marketplace == US and order.purchased <= latest and keep(order)
    )


@pytest.fixture
def large():
    """A seller with several pages of orders, and plenty of calls."""
    settings = SandboxSettings(orders=1200, anchor=NOW, usage_plans=False, rate_scale=1000)
    return Bridge(version=V2026, sandbox=settings)


@pytest.mark.parametrize("size", ["3", "100"])
@pytest.mark.long
async def test_orders_are_filtered_by_the_bridge(large, size):
    """What the old filter would have found is found, each order once, however small the pages are."""
    wanted = {"PaymentMethod.Method.1": "Other", "MaxResultsPerPage": size}
    answers = await large.pages({**WINDOW, **wanted}, most=200)
    assert all(len(answer.ids) <= int(size) for answer in answers)
    assert len({answer.text("CreatedBefore") for answer in answers}) == 1
    found = [order_id for answer in answers for order_id in answer.ids]
    assert found
    assert sorted(found) == expected_orders(large, lambda order: True)
    none = await large.pages({**WINDOW, "PaymentMethod.Method.1": "COD"})
    assert [order_id for answer in none for order_id in answer.ids] == []


async def test_one_order_by_its_sellers_number(large):
    """SellerOrderId and BuyerEmail find what they found, wherever in the listing it is."""
    orders = [order for order in large.sandbox.store.orders(NA.selling_partner_id) if order.marketplace == US]
    order = next(order for order in orders[len(orders) // 2 :] if order.purchase.seller_order_id)
    wanted = order.purchase.seller_order_id
    answers = await large.pages({**WINDOW, "SellerOrderId": wanted})
    assert [one for answer in answers for one in answer.ids] == [order.id]
    mail = next(
        o
        for o in orders
        if o.purchase.buyer.email and o.purchase.fulfilled_by.value == "merchant" and o.status.value == "unshipped"
    )
    answers = await large.pages({**WINDOW, "BuyerEmail": mail.purchase.buyer.email})
    assert mail.id in [one for answer in answers for one in answer.ids]


async def test_a_search_reads_five_pages_and_no_more(large):
    """When nothing matches on five pages, the answer is empty and goes on with a NextToken."""
    for _ in range(4):
        for number in range(100):
            at = NOW.timestamp() - 86400 - number
            large.sandbox.store.create_order(NA.selling_partner_id, US, at=at, lines=1)
    answer = await large.call("ListOrders", {**WINDOW, "SellerOrderId": "no such number"})
    assert (answer.status, answer.ids) == (200, [])
    assert answer.token is not None
    assert operations(large) == ["searchOrders"] * 5
    rest = await large.call("ListOrdersByNextToken", {"NextToken": answer.token})
    assert (rest.ids, rest.token) == ([], None)


async def test_a_search_stops_where_the_tokens_end(bridge):
    """With an empty bucket the search goes on with the next call instead of failing this one."""
    for number in range(300):
        bridge.sandbox.store.create_order(NA.selling_partner_id, US, at=NOW.timestamp() - 9000 - number, lines=1)
    seller = bridge.endpoint.book._keys[next(iter(bridge.endpoint.book._keys))].sellers[NA.selling_partner_id].seller
    throttle = bridge.api.throttle
    await throttle._state.take(_bucket(seller, OPERATIONS["searchOrders"]), 0.0, Heard(3.5))
    answer = await bridge.call("ListOrders", {**WINDOW, "SellerOrderId": "no such number"})
    assert (answer.status, answer.ids) == (200, [])
    assert answer.token is not None
    assert operations(bridge) == ["searchOrders"] * 2


# --- what an answer brought -----------------------------------------------------------------------------------------


async def test_items_and_orders_come_from_the_listing(bridge):
    """After a listing no further call is needed for the items and the orders on it, for two minutes."""
    listing = await bridge.call("ListOrders", {**WINDOW, "MaxResultsPerPage": "20"})
    first = listing.ids[0]
    items = await bridge.call("ListOrderItems", {"AmazonOrderId": first})
    both = await bridge.call("GetOrder", {"AmazonOrderId.Id.1": first, "AmazonOrderId.Id.2": listing.ids[1]})
    assert (items.status, both.ids) == (200, listing.ids[:2])
    assert items.all("OrderItem")
    assert operations(bridge) == ["searchOrders"]
    bridge.clock.at += 119
    await bridge.call("ListOrderItems", {"AmazonOrderId": first})
    assert operations(bridge) == ["searchOrders"]
    bridge.clock.at += 1
    later = await bridge.call("ListOrderItems", {"AmazonOrderId": first})
    assert operations(bridge) == ["searchOrders", "getOrder2026"]
    assert later.body.split(b"<ResponseMetadata>")[0] == items.body.split(b"<ResponseMetadata>")[0]


async def test_nothing_is_kept_when_nothing_may_be():
    """With megabytes = 0 every question goes upstream, and asks only for the datasets that it needs."""
    bridge = Bridge(version=V2026, settings=with_cache(megabytes=0))
    listing = await bridge.call("ListOrders", WINDOW)
    await bridge.call("ListOrderItems", {"AmazonOrderId": listing.ids[0]})
    await bridge.call("GetOrder", {"AmazonOrderId.Id.1": listing.ids[0]})
    asked = [dict(call.query).get("includedData") for call in bridge.sandbox.log if call.operation != "lwa"]
    orders, items = ",".join(sorted(ORDER_DATASETS)), ",".join(sorted(ITEM_DATASETS))
    assert asked == [orders, items, orders]


async def test_nothing_kept_is_found_for_another_seller(bridge):
    """Orders are kept by seller: another one's question goes upstream, and is answered that there is none."""
    listing = await bridge.call("ListOrders", WINDOW)
    other = await bridge.call("ListOrderItems", {"AmazonOrderId": listing.ids[0]}, seller=EU.selling_partner_id)
    assert other.outcome == (400, "InvalidParameterValue")
    assert operations(bridge) == ["searchOrders", "getOrder2026"]


async def test_fifty_orders_by_id_are_read_in_two_goes():
    """v2026 gives one order a call, thirty at once: the first answer is RequestThrottled, and what it read is kept,
    so that the caller's second attempt is answered, with no order read twice."""
    sandbox = SandboxSettings(orders=400, anchor=NOW)
    bridge = Bridge(version=V2026, sandbox=sandbox, settings=with_upstream(max_wait=0.0))
    ids = bridge.order_ids()[:50]
    wanted = {f"AmazonOrderId.Id.{number}": id_ for number, id_ in enumerate(ids, 1)}
    first = await bridge.call("GetOrder", wanted)
    assert first.outcome == (503, "RequestThrottled")
    read = len(operations(bridge))
    assert read == 30
    bridge.clock.at += 40
    second = await bridge.call("GetOrder", wanted)
    assert second.ids == ids
    assert len(operations(bridge)) == 50


async def test_orders_that_do_not_exist_are_left_out(bridge):
    """An unknown id among others is not an error, as it was not with MWS; items of one are."""
    known = bridge.order_ids()[0]
    answer = await bridge.call("GetOrder", {"AmazonOrderId.Id.1": "902-0000000-0000000", "AmazonOrderId.Id.2": known})
    assert answer.ids == [known]
    items = await bridge.call("ListOrderItems", {"AmazonOrderId": "902-0000000-0000000"})
    assert items.outcome == (400, "InvalidParameterValue")


async def test_orders_that_take_too_long(bridge):
    """All of them within one deadline."""

    async def never(request):
        if request.method == "POST":
            return httpx.Response(200, json={"access_token": "a", "expires_in": 3600})
        await asyncio.sleep(60)
        raise AssertionError

    bridge.upstream.inner = httpx.MockTransport(never)
    bridge.endpoint._handlers._reads[V2026]._api.deadline = 0.05
    answer = await bridge.call("GetOrder", {"AmazonOrderId.Id.1": bridge.order_ids()[0]})
    assert answer.outcome == (503, "ServiceUnavailable")


# --- repeated listings ----------------------------------------------------------------------------------------------


@pytest.fixture
def recent(bridge):
    """With five orders of yesterday."""
    return with_recent_orders(bridge)


def with_recent_orders(bridge):
    for hours in range(20, 25):
        at = (NOW - timedelta(hours=hours)).timestamp()
        bridge.sandbox.store.create_order(NA.selling_partner_id, US, at=at, lines=1)
    return bridge


def updated(after):
    return {"LastUpdatedAfter": after, "MarketplaceId.Id.1": US}


async def test_the_same_window_again_costs_nothing(recent):
    """A window that came whole on one page, and that the program has asked for during ten minutes, answers the same
    question for two minutes, with its own bound."""
    bridge, day = recent, text_time(NOW - timedelta(days=3))
    for _ in range(6):
        first = await bridge.call("ListOrders", updated(day))
        bridge.clock.at += 120
    assert operations(bridge) == ["searchOrders"] * 6
    bridge.clock.at -= 1
    assert len(first.ids) >= 5
    again = await bridge.call("ListOrders", updated(day))
    assert again.ids == first.ids
    assert again.text("LastUpdatedBefore") == first.text("LastUpdatedBefore") == "2026-11-20T12:07:59.583Z"
    assert operations(bridge) == ["searchOrders"] * 6
    bridge.clock.at += 1
    fresh = await bridge.call("ListOrders", updated(day))
    assert fresh.text("LastUpdatedBefore") > again.text("LastUpdatedBefore")
    assert operations(bridge) == ["searchOrders"] * 7


async def test_another_program_has_listings_of_its_own(recent):
    """A listing is kept for the access key that asked for it: another program walks through time in another way."""
    bridge, day = recent, "2026-11-17T12:00:00Z"
    await bridge.call("ListOrders", updated(day))
    state = bridge.endpoint._handlers._reads[V2026]._kept._state
    assert DEMO_ACCESS_KEY in next(name for name in state._values if name.startswith("listing:"))


def _seller_of(kept, order_id):
    name = next(name for name in kept._state._values if name.endswith(order_id))
    return name.removeprefix("order:").removesuffix(f":{order_id}")


async def test_an_order_that_has_left_the_filter_is_not_listed(recent):
    """An order that was read again since, and is of another status now, is not among those of the old status."""
    bridge = recent
    window = {"OrderStatus.Status.1": "Unshipped", "OrderStatus.Status.2": "PartiallyShipped"}
    first = await bridge.call("ListOrders", {**updated("2026-11-17T12:00:00Z"), **window})
    assert len(first.ids) >= 5
    bridge.clock.at += 60
    kept = bridge.endpoint._handlers._reads[V2026]._kept
    seller = _seller_of(kept, first.ids[0])
    order = json.loads((await kept.orders(seller, [first.ids[0]]))[first.ids[0]].content)
    order["fulfillment"]["fulfillmentStatus"] = "SHIPPED"
    changed = KeptOrder.of(json.dumps(order).encode(), bridge.clock.now())
    await kept.keep_orders(seller, {first.ids[0]: changed})
    again = await bridge.call("ListOrders", {**updated("2026-11-17T12:01:00Z"), **window})
    assert operations(bridge) == ["searchOrders"]
    assert again.ids == first.ids[1:]


@pytest.mark.parametrize(
    ("parameters", "calls"),
    [
        ({"LastUpdatedAfter": "2026-11-17T12:01:00Z"}, 1),  # reaching back equally far
        ({"LastUpdatedAfter": "2026-11-17T12:00:00Z"}, 2),  # the same again, perhaps because the answer was lost
        ({"LastUpdatedAfter": "2026-11-18T00:00:00Z"}, 2),  # a part of it: perhaps another program
        ({"LastUpdatedAfter": "2026-11-17T12:00:00Z", "LastUpdatedBefore": "2026-11-20T11:00:00Z"}, 1),  # ends within
        ({"LastUpdatedAfter": "2026-11-17T12:00:00Z", "MaxResultsPerPage": "1"}, 2),  # does not fit on a page
        ({"LastUpdatedAfter": "2026-11-01T00:00:00Z"}, 2),  # reaches back further
        ({"LastUpdatedAfter": "2026-11-17T12:00:00Z", "LastUpdatedBefore": "2026-11-20T11:58:30Z"}, 2),  # ends later
        ({"LastUpdatedAfter": "2026-11-20T11:57:00Z"}, 2),  # begins where a program of its own clock may go on
        ({"LastUpdatedAfter": "2026-11-20T11:58:00Z"}, 2),  # at the bound, but not as it was told
        ({"LastUpdatedAfter": "2026-11-20T11:57:59.583Z"}, 1),  # at the bound as it was told
        ({"LastUpdatedAfter": "2026-11-17T12:00:00Z", "FulfillmentChannel.Channel.1": "AFN"}, 2),  # another listing
        ({"LastUpdatedAfter": "2026-11-17T12:01:00Z", "PaymentMethod.Method.1": "COD"}, 1),  # filtered by the bridge
        ({"CreatedAfter": "2026-11-17T12:00:00Z"}, 2),
    ],
)
async def test_which_windows_a_kept_listing_answers(recent, parameters, calls):
    """Only those in which nobody can miss an order."""
    bridge = recent
    first = await bridge.call("ListOrders", updated("2026-11-17T12:00:00Z"))
    assert first.token is None
    bridge.clock.at += 60
    answer = await bridge.call("ListOrders", {"MarketplaceId.Id.1": US, **parameters})
    assert answer.status == 200
    assert operations(bridge) == ["searchOrders"] * calls
    whole = with_recent_orders(Bridge(version=V2026))
    whole.clock.at += 60
    fresh = await whole.call("ListOrders", {"MarketplaceId.Id.1": US, **parameters})
    assert answer.ids == fresh.ids


async def test_an_order_that_was_forgotten_sends_the_listing_upstream(recent):
    """A listing answers only when all of its orders are there."""
    bridge = recent
    first = await bridge.call("ListOrders", updated("2026-11-17T12:00:00Z"))
    bridge.clock.at += 60
    state = bridge.endpoint._handlers._reads[V2026]._kept._state
    await state.drop([next(name for name in state._values if name.endswith(first.ids[0]))])
    await bridge.call("ListOrders", updated("2026-11-17T12:01:00Z"))
    assert operations(bridge) == ["searchOrders"] * 2


async def test_what_is_kept_is_gone_when_it_is_too_old(bridge):
    """Nothing personal stays in memory for longer than it may be used."""
    await bridge.call("ListOrders", WINDOW)
    state = bridge.endpoint._handlers._reads[V2026]._kept._state
    orders = [name for name in state._values if name.startswith(("order:", "listing:"))]
    assert len(orders) > 1
    bridge.clock.at += 299
    await state.sweep()
    assert set(orders) <= set(state._values)
    bridge.clock.at += 1
    await state.sweep()
    assert set(orders).isdisjoint(state._values)
    bridge.clock.at += 3600  # the access token
    await state.sweep()
    assert len(state) == 0
    assert state._bytes == 0


# --- programs that poll ---------------------------------------------------------------------------------------------


def busy(**settings):
    return Bridge(version=V2026, sandbox=SandboxSettings(orders=20, anchor=NOW, log_size=100_000), **settings)


@pytest.mark.long
async def test_more_than_an_hour_of_a_program_that_lists_every_minute():
    """A program that lists each minute and reads the items of thirty new orders a minute sees every order, is never
    throttled within Amazon's usage plans, and costs one call in two minutes."""
    polling, expected = await poll(busy(), follow_the_bound, minutes=64, orders_a_minute=30)
    assert polling.throttled == 0
    assert expected <= polling.seen
    assert len(expected) > 1500
    assert polling.upstream.keys() == {"searchOrders"}
    assert polling.upstream.total() <= 34


@pytest.mark.long
async def test_two_hours_of_a_program_that_reads_the_last_minutes_again():
    """One that asks for the last quarter of an hour each time sees every order too, unthrottled."""
    polling, expected = await poll(busy(), rewind(15), minutes=120, orders_a_minute=2)
    assert polling.throttled == 0
    assert expected <= polling.seen
    assert polling.upstream.total() <= 60


async def test_a_program_that_trusts_its_own_clock_loses_nothing():
    """One whose windows meet exactly is answered by Amazon or told to wait, but never from memory."""
    polling, expected = await poll(busy(), tile, minutes=90, orders_a_minute=2)
    assert expected <= polling.seen
    assert polling.throttled > 0


@pytest.mark.long
async def test_a_program_whose_answers_are_lost_loses_nothing():
    """One that goes on by its own clock every ten minutes, and has to ask twice each time, misses no order between
    the lost answer and the second one."""
    polling, expected = await poll(busy(), tile, minutes=120, orders_a_minute=6, every=10, losing=True)
    assert len(expected) > 500
    assert expected <= polling.seen


async def test_an_old_listing_is_better_than_none():
    """With the plan used up a listing serves for five minutes, telling its true bound; then the caller must wait."""
    bridge = busy()
    seller = bridge.endpoint.book._keys[next(iter(bridge.endpoint.book._keys))].sellers[NA.selling_partner_id].seller

    def later(seconds):
        return text_time(NOW - timedelta(days=3) + timedelta(seconds=seconds))

    first = await bridge.call("ListOrders", updated(later(0)))
    await bridge.api.throttle.learn(seller, OPERATIONS["searchOrders"], 1e-9)
    await bridge.api.throttle.drain(seller, OPERATIONS["searchOrders"])
    bridge.clock.at += 299
    late = await bridge.call("ListOrders", updated(later(299)))
    assert (late.status, late.ids) == (200, first.ids)
    assert late.text("LastUpdatedBefore") == first.text("LastUpdatedBefore")
    bridge.clock.at += 1
    assert (await bridge.call("ListOrders", updated(later(300)))).outcome == (503, "RequestThrottled")


# --- roles ----------------------------------------------------------------------------------------------------------


async def test_without_roles_the_request_is_narrowed_once(caplog):
    """A refused dataset is left out, in the same request and all that follow, and the log says so once."""
    bridge = Bridge(version=V2026)
    answer = await bridge.call("ListOrders", WINDOW, seller=NO_PII.selling_partner_id)
    assert answer.status == 200
    assert answer.ids
    assert answer.all("BuyerName") == answer.all("ShippingAddress") == []
    await bridge.call("ListOrders", updated(ALWAYS), seller=NO_PII.selling_partner_id)
    statuses = [call.status for call in bridge.sandbox.log if call.operation == "searchOrders"]
    assert statuses == [403, 200, 200]
    last = dict(bridge.sandbox.log[-1].query)["includedData"].split(",")
    assert {"BUYER", "RECIPIENT"}.isdisjoint(last)
    assert caplog.text.count("Amazon refuses BUYER, RECIPIENT") == 1


@pytest.mark.parametrize("allowed", [{"RECIPIENT"}, {"BUYER"}, set()])
async def test_a_refusal_that_names_nothing(allowed):
    """Whichever of the two datasets is refused, the other one is still had; learned once a day."""
    bridge = Bridge(version=V2026)
    sandbox = bridge.upstream.inner

    class Terse(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            asked = set(request.url.params.get("includedData", "").split(","))
            if asked & {"RECIPIENT", "BUYER"} - allowed:
                errors = [
                    {"code": "Unauthorized", "message": "Access to requested resource is denied.", "details": ""}
                ]
                return httpx.Response(403, json={"errors": errors})
            return await sandbox.handle_async_request(request)

    bridge.upstream.inner = Terse()
    listing = await bridge.call("ListOrders", WINDOW)
    assert listing.status == 200
    assert bool(listing.all("ShippingAddress")) == ("RECIPIENT" in allowed)
    assert bool(listing.all("BuyerName")) == ("BUYER" in allowed)
    asked = [set(r.url.params["includedData"].split(",")) for r in bridge.upstream.requests if "2026" in r.url.path]
    assert asked[-1] & {"RECIPIENT", "BUYER"} == allowed
    assert len(asked) <= 4
    bridge.clock.at += 3600
    await bridge.call("ListOrders", updated(ALWAYS))
    asked = [set(r.url.params["includedData"].split(",")) for r in bridge.upstream.requests if "2026" in r.url.path]
    assert asked[-1] & {"RECIPIENT", "BUYER"} == allowed
    seen = len(asked)
    bridge.clock.at += 24 * 3600
    await bridge.call("ListOrders", updated(ALWAYS))
    asked = [set(r.url.params["includedData"].split(",")) for r in bridge.upstream.requests if "2026" in r.url.path]
    assert asked[seen] >= {"RECIPIENT", "BUYER"}


async def test_datasets_that_are_left_out_silently():
    """If Amazon leaves a dataset out without a word, its elements are missing, and nothing else happens."""
    settings = SandboxSettings(orders=90, anchor=NOW, datasets_refused=False)
    bridge = Bridge(version=V2026, sandbox=settings)
    answer = await bridge.call("ListOrders", WINDOW, seller=NO_PII.selling_partner_id)
    assert answer.ids
    assert answer.all("BuyerName") == answer.all("ShippingAddress") == []
    assert operations(bridge) == ["searchOrders"]


# --- which version --------------------------------------------------------------------------------------------------


def without_v2026(bridge):
    """Have Amazon refuse v2026 to the application altogether."""
    sandbox = bridge.upstream.inner

    class Refusing(httpx.AsyncBaseTransport):
        open = False

        async def handle_async_request(self, request):
            if "/orders/2026-01-01/" in request.url.path and not self.open:
                return httpx.Response(403, json={"errors": [{"code": "Unauthorized", "message": "Access denied."}]})
            return await sandbox.handle_async_request(request)

    bridge.upstream.inner = Refusing()
    return bridge.upstream.inner


async def test_auto_falls_back_to_v0_and_comes_back(caplog):
    """An application without the role is served from v0 until v2026 is tried again, an hour later."""
    bridge = Bridge(version="auto")
    gate = without_v2026(bridge)
    answer = await bridge.call("ListOrders", {**WINDOW, "MaxResultsPerPage": "5"})
    assert (answer.status, len(answer.ids)) == (200, 5)
    assert operations(bridge) == ["getOrders"]
    assert caplog.text.count("Amazon refuses Orders v2026-01-01") == 1
    await bridge.call("ListOrderItems", {"AmazonOrderId": answer.ids[0]})
    assert operations(bridge) == ["getOrders", "getOrderItems"]
    gate.open = True
    bridge.clock.at += 3600
    newer = await bridge.call("ListOrders", WINDOW)
    assert operations(bridge)[-1] == "searchOrders"
    assert newer.all("BuyerName")
    assert newer.all("ShippingAddress")
    rest = await bridge.call("ListOrdersByNextToken", {"NextToken": answer.token})
    assert rest.status == 200
    assert operations(bridge)[-1] == "getOrders"


@pytest.mark.parametrize("version", ["v2026-01-01", "auto"])
async def test_v0_is_never_tried_after_its_end(version):
    """From the removal date on a refusal is the caller's answer; for sellers who want v2026 it always is."""
    clock = Clock(V0_REMOVED.timestamp() if version == "auto" else NOW.timestamp())
    bridge = Bridge(version=version, clock=clock)
    without_v2026(bridge)
    assert (await bridge.call("ListOrders", WINDOW)).outcome == (401, "AccessDenied")
    assert operations(bridge) == []


@pytest.mark.parametrize("version", ["v0", "auto"])
async def test_the_day_on_which_v0_ends(version):
    """A program that polls across midnight notices nothing but a listing that it has to begin anew."""
    until = V0_REMOVED
    clock = Clock((until - timedelta(seconds=30)).timestamp())
    sandbox = SandboxSettings(orders=90, anchor=until - timedelta(days=1), v0_until=until)
    bridge = Bridge(version=version, clock=clock, sandbox=sandbox)
    window = {"CreatedAfter": "2026-01-01T00:00:00Z", "MarketplaceId.Id.1": US, "MaxResultsPerPage": "3"}
    before = await bridge.call("ListOrders", window)
    clock.at += 60
    going_on = await bridge.call("ListOrdersByNextToken", {"NextToken": before.token})
    after = await bridge.call("ListOrders", window)
    assert after.ids == before.ids
    assert going_on.outcome == ((400, "NextTokenCorrupted") if version == "v0" else (200, None))
    assert "getOrders" not in operations(bridge)[1:]


async def test_a_later_end_can_be_set():
    """If Amazon grants v0 more time, the settings say until when."""
    until = datetime(2027, 9, 27, tzinfo=UTC)

    bridge = Bridge(version="v0", clock=Clock(V0_REMOVED.timestamp()), settings=with_upstream(v0_until=until))
    assert (await bridge.call("ListOrders", WINDOW)).status == 200
    assert operations(bridge) == ["getOrders"]


async def test_tokens_of_earlier_releases_are_v0s():
    """A NextToken that was sealed before there were two versions goes on."""
    bridge = Bridge(version="auto")
    old = Bridge(version="v0", clock=bridge.clock)
    old.sandbox = bridge.sandbox
    old.upstream.inner = bridge.upstream.inner
    first = await old.call("ListOrders", {**WINDOW, "MaxResultsPerPage": "5"})
    sealer = old.endpoint._handlers._sealer
    bound = (NA.selling_partner_id, next(iter(old.endpoint.book._keys)), "ListOrders")
    payload = sealer.open(first.token, bound_to=bound)
    del payload["api"]
    answer = await bridge.call("ListOrdersByNextToken", {"NextToken": sealer.seal(payload, bound_to=bound)})
    assert (answer.status, len(answer.ids)) == (200, 5)
