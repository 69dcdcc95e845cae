"""Every operation through the whole endpoint, over the sandbox."""

from datetime import timedelta

import pytest

from bridge.sandbox import SandboxSettings
from tests.support import (
    ALWAYS,
    CA,
    EU,
    FE,
    NA,
    NO_PII,
    NOW,
    US,
    Bridge,
    minutes,
    plain,
    text_time,
)

ALL = {"CreatedAfter": ALWAYS, **{f"MarketplaceId.Id.{n}": id_ for n, id_ in enumerate(NA.marketplace_ids, 1)}}
LATEST = "2026-11-20T11:58:00Z"


def window(**extra):
    return {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US, **extra}


def dotted(parameters):
    return {name.replace("__", "."): value for name, value in parameters.items()}


# --- ListOrders: what reaches SP-API --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "upstream"),
    [
        ({"CreatedAfter": "2026-11-01T00:00:00Z"}, {"CreatedAfter": "2026-11-01T00:00:00Z"}),
        ({"CreatedAfter": "2026-11-01"}, {"CreatedAfter": "2026-11-01T00:00:00Z"}),
        ({"CreatedAfter": "2026-11-01T02:00:00+0200"}, {"CreatedAfter": "2026-11-01T00:00:00Z"}),
        ({"CreatedAfter": "2026-11-01T00:00:00.25"}, {"CreatedAfter": "2026-11-01T00:00:00.250Z"}),
        (
            {"CreatedAfter": ALWAYS, "CreatedBefore": "2026-11-02T00:00:00Z"},
            {"CreatedAfter": ALWAYS, "CreatedBefore": "2026-11-02T00:00:00Z"},
        ),
        ({"LastUpdatedAfter": ALWAYS}, {"LastUpdatedAfter": ALWAYS}),
        (
            {"LastUpdatedAfter": ALWAYS, "LastUpdatedBefore": "2026-11-02T00:00:00Z"},
            {"LastUpdatedAfter": ALWAYS, "LastUpdatedBefore": "2026-11-02T00:00:00Z"},
        ),
        (
            {"OrderStatus.Status.2": "PartiallyShipped", "OrderStatus.Status.1": "Unshipped"},
            {"OrderStatuses": "Unshipped,PartiallyShipped"},
        ),
        ({"MarketplaceId.Id.7": CA}, {"MarketplaceIds": f"{US},{CA}"}),
        ({"FulfillmentChannel.Channel.1": "MFN"}, {"FulfillmentChannels": "MFN"}),
        ({"PaymentMethod.Method.1": "COD"}, {"PaymentMethods": "COD"}),
        ({"PaymentMethod.1": "COD", "PaymentMethod.2": "Other"}, {"PaymentMethods": "COD,Other"}),
        ({"BuyerEmail": "a+b c@example.com"}, {"BuyerEmail": "a+b c@example.com"}),
        ({"SellerOrderId": "id, with = & %2B"}, {"SellerOrderId": "id, with = & %2B"}),
        ({"MaxResultsPerPage": "7"}, {"MaxResultsPerPage": "7"}),
        ({"EasyShipShipmentStatus.Status.1": "PickedUp"}, {"EasyShipShipmentStatuses": "PickedUp"}),
        ({"OrderStatus": "Unshipped", "MarketplaceId": CA, "responseFormat": "xml", "BuyerEmail": ""}, {}),
    ],
)
async def test_each_parameter_reaches_sp_api(bridge, parameters, upstream):
    """A ListOrders parameter arrives as SP-API's own, decoded once, lists as one comma-separated value; what MWS
    ignored is not sent."""
    dated = any(name.endswith("After") for name in parameters)
    given = {"MarketplaceId.Id.1": US, **({} if dated else {"CreatedAfter": ALWAYS}), **parameters}
    answer = await bridge.call("ListOrders", given)
    assert answer.status == 200
    expected = {"MarketplaceIds": US, **({} if dated else {"CreatedAfter": ALWAYS}), **upstream}
    assert bridge.upstream_queries() == [expected]


@pytest.mark.parametrize("family", ["Created", "LastUpdated"])
async def test_the_upper_bound_is_answered_and_defaults_to_two_minutes_ago(bridge, family):
    """Without a *Before* the answer names now minus two minutes, and only the one of its family."""
    answer = await bridge.call("ListOrders", {f"{family}After": ALWAYS, "MarketplaceId.Id.1": US})
    assert answer.text(f"{family}Before") == LATEST
    assert answer.text("CreatedBefore" if family == "LastUpdated" else "LastUpdatedBefore") is None
    assert f"{family}Before" not in bridge.upstream_queries()[0]


@pytest.mark.parametrize("ago", [-60, 0, 1.5, 2])
async def test_a_bound_that_is_too_young_is_trimmed_and_not_sent(bridge, ago):
    """A *Before* up to the future is answered as now minus two minutes; SP-API, which would refuse it, never
    sees it."""
    answer = await bridge.call("ListOrders", window(CreatedBefore=text_time(NOW - minutes(ago))))
    assert (answer.status, answer.text("CreatedBefore")) == (200, LATEST)
    assert "CreatedBefore" not in bridge.upstream_queries()[0]


async def test_an_older_bound_is_echoed(bridge):
    """A *Before* more than two minutes old is sent, obeyed and answered as it was given."""
    bound = "2026-11-15T00:00:00Z"
    answer = await bridge.call("ListOrders", {**ALL, "CreatedBefore": bound})
    assert answer.text("CreatedBefore") == bound
    dates = [date.text for date in answer.all("PurchaseDate")]
    assert dates == sorted(dates)
    assert max(dates) <= bound


async def test_asking_for_tfm_orders_is_answered_empty_without_a_call(bridge):
    """No order of the closed China programme exists: an empty list with its bound, and nothing is asked upstream."""
    answer = await bridge.call("ListOrders", window(**{"TFMShipmentStatus.Status.1": "Delivered"}))
    assert (answer.status, answer.ids, answer.text("CreatedBefore")) == (200, [], "2026-11-20T11:58:00.000Z")
    assert plain(answer.root[0][-1].tag) == "Orders"
    assert bridge.upstream.requests == []


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"MarketplaceId.Id.1": US, "MarketplaceId.Id.2": EU.marketplace_ids[0]}, "more than one region"),
        (
            {"MarketplaceId.Id.1": EU.marketplace_ids[0]},
            "does not have access to the given marketplace A1F83G8C2ARO7P",
        ),
        ({"MarketplaceId.Id.1": f"{US},A0OTHER"}, "is not a marketplace id"),
        ({}, "Missing required parameter MarketplaceId.Id.1."),
    ],
)
async def test_marketplaces_that_cannot_be_asked_together_or_at_all(bridge, parameters, words):
    """Two regions in one call, a foreign region, or none: 400 with the reason, and no upstream call."""
    answer = await bridge.call("ListOrders", {"CreatedAfter": ALWAYS, **parameters})
    assert answer.outcome == (400, "InvalidParameterValue")
    assert words in answer.message
    assert bridge.upstream.requests == []


async def test_a_marketplace_that_nobody_knows_is_amazons_to_judge(bridge):
    """An id that is not in the table may be new: it is sent, and Amazon's refusal is handed on."""
    answer = await bridge.call("ListOrders", {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": "A0NEWMARKET000"})
    assert answer.outcome == (400, "InvalidParameterValue")
    assert "Invalid MarketplaceIds: [A0NEWMARKET000]" in answer.message
    assert bridge.upstream_queries()[0]["MarketplaceIds"] == "A0NEWMARKET000"


async def test_no_parameters_that_exclude_each_other_go_upstream(bridge):
    """Validation comes before anything is sent."""
    both = {**window(), "LastUpdatedAfter": ALWAYS}
    assert (await bridge.call("ListOrders", both)).outcome == (400, "InvalidParameterValue")
    assert (await bridge.call("ListOrders", {"MarketplaceId.Id.1": US})).message == (
        "CreatedAfter or LastUpdatedAfter must be specified"
    )
    assert bridge.upstream.requests == []
    assert len(bridge.events[0].faults) >= 1


# --- paging ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [None, 1, 7, 100])
@pytest.mark.parametrize("seller", [NA, EU, FE, NO_PII], ids=lambda seller: seller.selling_partner_id)
async def test_paging_to_the_end_gives_the_sellers_orders(seller, size):
    """All pages together are the store's listing: every order once, in order, none of another seller."""
    bridge = Bridge(sandbox=SandboxSettings(orders=60, anchor=NOW, usage_plans=False))
    parameters = {
        "CreatedAfter": ALWAYS,
        **{f"MarketplaceId.Id.{n}": id_ for n, id_ in enumerate(seller.marketplace_ids, 1)},
        **({"MaxResultsPerPage": str(size)} if size else {}),
    }
    bridge.api.throttle._max_wait = 1e9
    pages = await bridge.pages(parameters, seller=seller.selling_partner_id)
    got = [id_ for page in pages for id_ in page.ids]
    assert got == bridge.order_ids(seller.selling_partner_id)
    assert all(len(page.ids) == (size or 100) for page in pages[:-1])
    assert {page.text("CreatedBefore") for page in pages} == {LATEST}


@pytest.mark.parametrize("family", ["Created", "LastUpdated"])
async def test_a_page_repeats_the_whole_query_with_the_bound_of_the_first(bridge, family):
    """Page two asks SP-API the same question, upper bound included, even when the clock has moved on."""
    parameters = {
        f"{family}After": ALWAYS,
        "MarketplaceId.Id.1": US,
        "MarketplaceId.Id.2": CA,
        "OrderStatus.Status.1": "Shipped",
        "MaxResultsPerPage": "3",
    }
    first = await bridge.call("ListOrders", parameters)
    bridge.clock.at += 600
    second = await bridge.call("ListOrdersByNextToken", {"NextToken": first.token})
    asked, again = bridge.upstream_queries()
    assert again.pop("NextToken")
    assert again == {**asked, f"{family}Before": LATEST}
    assert first.text(f"{family}Before") == second.text(f"{family}Before") == LATEST
    assert plain(second.root.tag) == "ListOrdersByNextTokenResponse"


async def test_an_explicit_bound_is_kept_through_the_pages(bridge):
    """A *Before* that was given is repeated once, not twice."""
    pages = await bridge.pages({**ALL, "CreatedBefore": "2026-11-15T00:00:00Z", "MaxResultsPerPage": "10"})
    assert len(pages) > 1
    for call in list(bridge.sandbox.log)[3:]:
        assert [value for name, value in call.query if name == "CreatedBefore"] == ["2026-11-15T00:00:00Z"]
    assert {page.text("CreatedBefore") for page in pages} == {"2026-11-15T00:00:00Z"}


async def test_the_last_page_has_no_next_token_element(bridge):
    """The element is absent on the last page, not empty."""
    last = (await bridge.pages({**ALL, "MaxResultsPerPage": "10"}))[-1]
    assert last.all("NextToken") == []


# --- GetOrder -------------------------------------------------------------------------------------------------------


def wanted(ids):
    return {f"AmazonOrderId.Id.{number}": id_ for number, id_ in enumerate(ids, 1)}


@pytest.mark.parametrize("count", [1, 2, 50])
async def test_orders_come_back_by_id_in_the_order_asked_for(count):
    """One to fifty ids cost one upstream call and come back in the order of their numbers."""
    bridge = Bridge(sandbox=SandboxSettings(orders=50, sellers=(NA,), anchor=NOW))
    ids = bridge.order_ids()[:count][::-1]
    answer = await bridge.call("GetOrder", wanted(ids))
    assert (answer.status, answer.ids, answer.token) == (200, ids, None)
    assert [call.operation for call in bridge.sandbox.log if call.operation.startswith("getOrder")] == [
        "getOrder" if count == 1 else "getOrders"
    ]
    assert len(bridge.events[-1].upstream) == 1


@pytest.mark.parametrize(
    "bad",
    ["123-1234567-1234567", "FILTERED", "1", "' OR 1=1", "../orders", "123-1234567-1234567\n", "١٢٣-1234567-1234567"],
)
@pytest.mark.parametrize("others", [0, 1, 2])
async def test_ids_that_are_unknown_or_no_ids_are_left_out(bridge, bad, others):
    """GetOrder never complains about an id: the known ones come back, an empty list if there is none."""
    ids = bridge.order_ids()[:others]
    answer = await bridge.call("GetOrder", wanted([bad, *ids]))
    assert (answer.status, answer.ids) == (200, ids)
    assert plain(answer.root[0][0].tag) == "Orders"


async def test_another_sellers_order_is_an_unknown_one(bridge):
    """An id of another seller is left out like one that does not exist."""
    foreign = bridge.order_ids(EU.selling_partner_id)[:2]
    own = bridge.order_ids()[:1]
    assert (await bridge.call("GetOrder", wanted([foreign[0], *own, foreign[1]]))).ids == own
    assert (await bridge.call("GetOrder", wanted(foreign[:1]))).ids == []


async def test_an_id_given_twice_comes_back_once(bridge):
    """A repeated id is one order."""
    ids = bridge.order_ids()[:2]
    assert (await bridge.call("GetOrder", wanted([ids[0], ids[1], ids[0]]))).ids == ids


async def test_more_than_fifty_ids_are_refused(bridge):
    """51 ids are a 400 that names the limit."""
    answer = await bridge.call("GetOrder", wanted([f"123-1234567-{number:07}" for number in range(51)]))
    assert answer.outcome == (400, "InvalidParameterValue")
    assert answer.message == "Parameter AmazonOrderId.Id.N takes at most 50 values."


async def test_few_tokens_of_the_list_plan_send_orders_the_other_way(bridge):
    """With the list bucket empty several orders are read one by one; with both empty the call is throttled."""
    ids = bridge.order_ids()[:3]
    seller = bridge.api
    account = next(iter(bridge.endpoint.book._keys.values())).sellers[NA.selling_partner_id].seller
    throttle = seller.throttle
    await throttle.drain(account, _plan("getOrders"))
    answer = await bridge.call("GetOrder", wanted([ids[0], "123-1234567-1234567", ids[2]]))
    assert (answer.status, answer.ids) == (200, [ids[0], ids[2]])
    assert [call.operation for call in bridge.sandbox.log][-3:] == ["getOrder"] * 3
    await throttle.drain(account, _plan("getOrder"))
    throttle._max_wait = 0.0
    assert (await bridge.call("GetOrder", wanted(ids))).outcome == (503, "RequestThrottled")


async def test_too_few_tokens_for_one_by_one_wait_for_the_list(bridge):
    """Three orders are not begun one by one with two tokens: the list's next token is waited for, or refused."""
    api = bridge.api
    account = next(iter(bridge.endpoint.book._keys.values())).sellers[NA.selling_partner_id].seller
    await api.throttle.drain(account, _plan("getOrders"))
    for _ in range(28):
        await api.throttle.take(account, _plan("getOrder"))
    ids = bridge.order_ids()[:3]
    assert (await bridge.call("GetOrder", wanted(ids))).outcome == (503, "RequestThrottled")
    assert (await bridge.call("GetOrder", wanted(ids[:2]))).ids == ids[:2]


def _plan(name):
    from bridge.upstream.plans import OPERATIONS

    return OPERATIONS[name]


# --- ListOrderItems -------------------------------------------------------------------------------------------------


async def test_items_of_an_order(bridge):
    """The items are those of the store, the order's id before them."""
    order = next(bridge.sandbox.store.orders(NA.selling_partner_id))
    answer = await bridge.call("ListOrderItems", {"AmazonOrderId": order.id})
    assert answer.status == 200
    assert [item.text for item in answer.all("OrderItemId")] == [item.id for item in order.items]
    assert [plain(child.tag) for child in answer.root[0]] == ["AmazonOrderId", "OrderItems"]
    assert answer.text("AmazonOrderId") == order.id


@pytest.mark.parametrize("bad", ["123-1234567-1234567", "FILTERED", "x" * 65, "a\tb", "../..", "é"])
async def test_items_of_no_order_are_an_error(bridge, bad):
    """ListOrderItems says Invalid AmazonOrderId, with the id when that can be shown."""
    answer = await bridge.call("ListOrderItems", {"AmazonOrderId": bad})
    assert answer.outcome == (400, "InvalidParameterValue")
    shown = bad if len(bad) <= 64 and bad.isprintable() else "(unprintable)"
    assert answer.message == f"Invalid AmazonOrderId: {shown}"


@pytest.mark.parametrize("size", [1, 2])
async def test_items_page_to_the_end(size):
    """ListOrderItemsByNextToken continues the same order until all its items were there once."""
    bridge = Bridge(sandbox=SandboxSettings(orders=5, anchor=NOW, items_page_size=size))
    order = bridge.sandbox.store.create_order(NA.selling_partner_id, US, lines=5)
    answer = await bridge.call("ListOrderItems", {"AmazonOrderId": order.id})
    got = [item.text for item in answer.all("OrderItemId")]
    while answer.token:
        answer = await bridge.call("ListOrderItemsByNextToken", {"NextToken": answer.token})
        assert answer.text("AmazonOrderId") == order.id
        assert plain(answer.root.tag) == "ListOrderItemsByNextTokenResponse"
        got += [item.text for item in answer.all("OrderItemId")]
    assert got == [item.id for item in order.items]


async def test_a_missing_order_id_is_named(bridge):
    """The list spelling is not the scalar parameter."""
    answer = await bridge.call("ListOrderItems", {"AmazonOrderId.Id.1": bridge.order_ids()[0]})
    assert (answer.status, answer.message) == (400, "Missing required parameter AmazonOrderId.")


@pytest.mark.parametrize("action", ["ListOrders", "GetOrder"])
async def test_a_404_where_none_can_be_is_not_an_empty_answer(bridge, action):
    """A listing that Amazon answers with 404 is a wrong address, never "no orders"."""
    bridge.sandbox.faults.always("getOrders", "not-found")
    parameters = window() if action == "ListOrders" else wanted(bridge.order_ids()[:2])
    assert (await bridge.call(action, parameters)).outcome == (500, "InternalError")
    assert "404" in bridge.events[-1].reason


# --- restricted data ------------------------------------------------------------------------------------------------


async def test_personal_data_comes_with_the_roles_and_not_without():
    """Names, streets and e-mails are in the answer of a seller with the roles, and absent, without an error, else."""
    bridge = Bridge(sandbox=SandboxSettings(orders=300, anchor=NOW))
    parameters = window(**{"OrderStatus.Status.1": "Unshipped"})
    full = await bridge.call("ListOrders", parameters)
    assert full.all("BuyerEmail")
    assert full.all("AddressLine1")
    bare = await bridge.call("ListOrders", parameters, seller=NO_PII.selling_partner_id)
    assert bare.status == 200
    assert bare.all("Order")
    assert not bare.all("BuyerEmail")
    assert not bare.all("AddressLine1")
    assert bare.all("PostalCode")


# --- service status, other versions, other sections -----------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/Orders/2013-09-01",
        "/Orders/2011-01-01",
        "/Sellers/2011-07-01",
        "/Products/2011-10-01",
        "//Feeds//2009-01-01/",
    ],
)
async def test_the_service_status_of_any_section(bridge, path):
    """GetServiceStatus is GREEN at x-mws-timestamp for every section, in that section's namespace, at no cost."""
    answer = await bridge.call("GetServiceStatus", path=path)
    assert (answer.status, answer.text("Status")) == (200, "GREEN")
    assert answer.text("Timestamp") == answer.headers["x-mws-timestamp"] == "2026-11-20T12:00:00.000Z"
    section, version = [part for part in path.split("/") if part]
    assert answer.root.tag == f"{{https://mws.amazonservices.com/{section}/{version}}}GetServiceStatusResponse"
    assert bridge.upstream.requests == []


async def test_the_recorded_byte_counts(bridge):
    """An empty ListOrders, an empty GetOrder and GetServiceStatus are as long as the recorded answers were."""
    empty = await bridge.call("ListOrders", window(**{"TFMShipmentStatus.Status.1": "Lost"}))
    assert len(empty.body) == 346
    assert len((await bridge.call("GetOrder", wanted(["FILTERED"]))).body) == 278
    assert len((await bridge.call("GetServiceStatus")).body) == 375


async def test_the_older_api_version_is_answered_in_its_own_namespace(bridge):
    """2011-01-01 works like its successor, pages included, with its own namespace."""
    path = "/Orders/2011-01-01"
    first = await bridge.call("ListOrders", {**ALL, "MaxResultsPerPage": "10"}, path=path)
    second = await bridge.call("ListOrdersByNextToken", {"NextToken": first.token}, path=path)
    for answer in (first, second):
        assert answer.status == 200
        assert answer.root.tag.startswith("{https://mws.amazonservices.com/Orders/2011-01-01}")
    assert not set(first.ids) & set(second.ids)


async def test_the_one_element_that_the_older_version_called_otherwise(bridge):
    """PaymentExecutionDetailItem has SubPaymentMethod in 2011-01-01 and PaymentMethod in 2013-09-01."""
    japan = FE.marketplace_ids[0]
    big = Bridge(sandbox=SandboxSettings(orders=3000, anchor=NOW))
    parameters = {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": japan, "PaymentMethod.Method.1": "COD"}
    for version, name in (("2011-01-01", "SubPaymentMethod"), ("2013-09-01", "PaymentMethod")):
        answer = await big.call("ListOrders", parameters, seller=FE.selling_partner_id, path=f"/Orders/{version}")
        names = {plain(child.tag) for item in answer.all("PaymentExecutionDetailItem") for child in item}
        assert names == {"Payment", name}


async def test_the_bare_get_of_the_root_shows_the_clock(bridge):
    """GET / without parameters is PingResponse, unsigned; with parameters it is not."""
    answer = await bridge.send("GET", "/")
    assert (answer.status, answer.root.tag) == (200, "PingResponse")
    assert answer.root[0].attrib == {"timestamp": "2026-11-20T12:00:00.000Z"}
    assert bridge.events[-1].operation == "Ping"
    assert (await bridge.send("GET", "/", query="a=b")).outcome == (404, "InvalidAddress")
    assert (await bridge.send("POST", "/")).outcome == (404, "InvalidAddress")


@pytest.mark.parametrize(
    ("path", "action", "code", "status"),
    [
        ("/Orders/2013-09-01", "", "InvalidParameterValue", 400),
        ("/Orders/2013-09-01", "listOrders", "InvalidAddress", 404),
        ("/Orders/2013-09-01", "SubmitFeed", "InvalidAddress", 404),
        ("/Orders/2020-01-01", "ListOrders", "InvalidAddress", 404),
        ("/Orders", "ListOrders", "InvalidAddress", 404),
        ("/Feeds/2009-01-01", "SubmitFeed", "InvalidAddress", 404),
        ("/", "ListOrders", "InvalidAddress", 404),
        ("/favicon.ico", "", "InvalidAddress", 404),
        ("/Orders/2013-09-01/extra", "ListOrders", "InvalidAddress", 404),
    ],
)
async def test_an_address_that_does_not_exist(bridge, path, action, code, status):
    """Unknown sections, versions and operations are told as MWS told them, before any signature is looked at."""
    answer = await bridge.send("POST", path, body=f"Action={action}")
    assert answer.outcome == (status, code)


async def test_the_events_tell_what_happened(bridge):
    """One event for each answer: operation, seller, key, status, upstream calls, sizes; nothing of the values."""
    await bridge.call("ListOrders", window(BuyerEmail="jane@example.com"))
    event = bridge.events[-1]
    assert (event.operation, event.seller_id, event.access_key_id) == (
        "ListOrders",
        NA.selling_partner_id,
        "AKIASANDBOX000000001",
    )
    assert (event.status, event.code, event.reason, event.method) == (200, "", "", "POST")
    assert [(call.operation, call.status) for call in event.upstream] == [("getOrders", 200)]
    assert event.bytes_in > 300
    assert event.bytes_out > 300
    assert "jane" not in repr(event)
    bridge.clock.at += timedelta(hours=1).total_seconds()
    await bridge.send("GET", "/nowhere")
    assert (bridge.events[-1].code, bridge.events[-1].seller_id) == ("InvalidAddress", "")


async def test_strict_pairs_when_configured():
    """strict_status_pair refuses Unshipped without PartiallyShipped; by default it is accepted."""
    lone = window(**{"OrderStatus.Status.1": "Unshipped"})

    def strict(settings):
        return settings.model_copy(update={"server": settings.server.model_copy(update={"strict_status_pair": True})})

    assert (await Bridge().call("ListOrders", lone)).status == 200
    assert (await Bridge(settings=strict).call("ListOrders", lone)).outcome == (400, "InvalidParameterValue")
