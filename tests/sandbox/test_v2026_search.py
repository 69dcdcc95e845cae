"""searchOrders: its query against a filter written anew over the store, and the pages of its walks."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.sandbox.model import FulfilledBy, Status
from tests.sandbox.probe import ANCHOR, EU, FE, NA, NO_PII, US, Probe, iso

DAY = 86400
DAY_AGO = iso(ANCHOR - DAY)
STATUS = {
    "PENDING_AVAILABILITY": {Status.PENDING_AVAILABILITY},
    "PENDING": {Status.PENDING},
    "UNSHIPPED": {Status.UNSHIPPED},
    "PARTIALLY_SHIPPED": {Status.PARTIALLY_SHIPPED},
    "SHIPPED": {Status.SHIPPED, Status.INVOICE_UNCONFIRMED},
    "CANCELLED": {Status.CANCELLED},
    "UNFULFILLABLE": {Status.UNFULFILLABLE},
}


def expected(probe, seller, keep=lambda order: True, by="purchased"):
    """Return the ids of a seller's orders that `keep` accepts and that are shown now, as they are sorted."""
    orders = [
        order
        for order in probe.store.orders(seller.selling_partner_id)
        if getattr(order, by) <= probe.clock.now - 120 and keep(order)
    ]
    return [order.id for order in sorted(orders, key=lambda order: (getattr(order, by), order.id))]


FILTERS = [
    *[(NA, {"fulfillmentStatuses": word}, lambda o, of=of: o.status in of) for word, of in STATUS.items()],
    (EU, {"fulfillmentStatuses": "UNSHIPPED,CANCELLED"}, lambda o: o.status in {Status.UNSHIPPED, Status.CANCELLED}),
    (EU, {"fulfilledBy": "AMAZON"}, lambda o: o.purchase.fulfilled_by is FulfilledBy.AMAZON),
    (EU, {"fulfilledBy": "MERCHANT"}, lambda o: o.purchase.fulfilled_by is FulfilledBy.MERCHANT),
    (EU, {"fulfilledBy": "MERCHANT,AMAZON"}, lambda o: True),
    (NA, {"marketplaceIds": US}, lambda o: o.marketplace == US),
    (NA, {"marketplaceIds": f"{US},A2Q3Y263D00KWC"}, lambda o: o.marketplace in {US, "A2Q3Y263D00KWC"}),
    (NA, {"marketplaceIds": ""}, lambda o: True),
    (
        EU,
        {"fulfillmentStatuses": "SHIPPED", "fulfilledBy": "MERCHANT", "marketplaceIds": "A1PA6795UKMFR9"},
        lambda o: (
            o.status is Status.SHIPPED
            and o.purchase.fulfilled_by is FulfilledBy.MERCHANT
            and o.marketplace == "A1PA6795UKMFR9"
        ),
    ),
]


def _name(value: object) -> str:
    """The same in every process, whatever its hash seed."""
    return getattr(value, "selling_partner_id", "") or ("keep" if callable(value) else str(value)[:60])


@pytest.mark.parametrize(("seller", "query", "keep"), FILTERS, ids=_name)
@pytest.mark.long
def test_each_filter_selects_what_a_plain_filter_selects(demo, seller, query, keep):
    """A filter brings exactly the orders that meet it; unshipped alone does not bring the partially shipped."""
    found = demo.search_ids(seller, **query)
    assert found == expected(demo, seller, keep)
    assert found


@pytest.mark.long
def test_both_versions_find_the_same_orders(demo):
    """Without marketplaces a search is for all of the seller's, and brings what v0 brings for all of them."""
    for seller in (NA, EU, FE, NO_PII):
        assert demo.search_ids(seller) == demo.ids(seller) == expected(demo, seller)


@pytest.mark.parametrize(("family", "by"), [("created", "purchased"), ("lastUpdated", "updated")])
def test_bounds_are_inclusive(demo, family, by):
    """Both bounds of both families include the order whose date they are, and the answer tells the upper one."""
    ids = expected(demo, EU, by=by)
    low, high = (getattr(demo.store.get(EU.selling_partner_id, ids[index]), by) for index in (700, 760))
    between = expected(demo, EU, lambda order: low <= getattr(order, by) <= high, by)
    answer = demo.search(EU, "", **{f"{family}After": iso(low), f"{family}Before": iso(high)}).json
    assert [order["orderId"] for order in answer["orders"]] == between
    assert answer[f"{family}Before"] == iso(high).replace("Z", ".000Z")
    assert answer.keys() == {"orders", f"{family}Before"}


def test_answer_stops_two_minutes_ago(probe):
    """Without an upper bound the answer ends two minutes before now, and says so; no order is no error."""
    probe.store.create_order(NA.selling_partner_id, US, at=ANCHOR - 119)
    answer = probe.search(createdAfter=iso(ANCHOR - 119)).json
    assert answer == {"orders": [], "createdBefore": iso(ANCHOR - 120).replace("Z", ".000Z")}
    probe.clock.now += 1
    assert len(probe.search(createdAfter=iso(ANCHOR - 119)).json["orders"]) == 1
    bound = {"lastUpdatedAfter": DAY_AGO, "lastUpdatedBefore": iso(ANCHOR - 119)}
    assert probe.search(**bound).status == 200
    bound["lastUpdatedBefore"] = iso(ANCHOR - 118)
    answer = probe.search(**bound)
    assert (answer.status, answer.error["code"]) == (400, "InvalidInput")


@pytest.mark.parametrize(
    "query",
    [
        {"createdAfter": "2026-11-01T00:00:00"},
        {"createdAfter": "2026-02-30T00:00:00Z"},
        {"createdAfter": "yesterday"},
        {"createdAfter": iso(ANCHOR + 60)},
        {"createdAfter": DAY_AGO, "createdBefore": iso(ANCHOR - DAY - 1)},
        {"createdAfter": DAY_AGO, "lastUpdatedAfter": DAY_AGO},
        {"createdAfter": DAY_AGO, "lastUpdatedBefore": DAY_AGO},
        {"lastUpdatedAfter": DAY_AGO, "createdBefore": DAY_AGO},
        {"createdAfter": DAY_AGO, "fulfillmentStatuses": "Shipped"},
        {"createdAfter": DAY_AGO, "fulfillmentStatuses": "SHIPPED,INVOICE_UNCONFIRMED"},
        {"createdAfter": DAY_AGO, "fulfilledBy": "MFN"},
        {"createdAfter": DAY_AGO, "includedData": "BUYER,ADDRESS"},
        {"createdAfter": DAY_AGO, "includedData": "BUYER, TAX"},
        {"createdAfter": DAY_AGO, "maxResultsPerPage": "0"},
        {"createdAfter": DAY_AGO, "maxResultsPerPage": "101"},
        {"createdAfter": DAY_AGO, "maxResultsPerPage": "ten"},
        {"createdAfter": DAY_AGO, "marketplaceIds": "US"},
        {"createdAfter": DAY_AGO, "marketplaceIds": ",".join([US] * 51)},
        {"createdAfter": DAY_AGO, "paginationToken": "x"},
    ],
    ids=str,
)
@pytest.mark.long
def test_broken_rules_are_invalid_input(demo, query):
    """Every rule of the query, when broken, brings 400 InvalidInput with the rate header."""
    answer = demo.get_2026("", query)
    assert (answer.status, answer.error["code"]) == (400, "InvalidInput")
    assert answer.headers["x-amzn-ratelimit-limit"] == "0.0056"


@pytest.mark.parametrize(
    "query",
    [{}, {"createdBefore": DAY_AGO}, {"lastUpdatedBefore": DAY_AGO}, {"createdAfter": ""}, {"CreatedAfter": DAY_AGO}],
    ids=str,
)
def test_a_date_is_required(demo, query):
    """One of the two *After* dates must be there, in v2026's spelling; an empty one is none."""
    answer = demo.get_2026("", query)
    assert (answer.status, answer.error["code"]) == (400, "InvalidInput")
    assert "createdAfter" in answer.error["message"]


def test_bad_words_are_named_in_amazons_words(demo):
    """A malformed date and a word beyond an enumeration are named as Amazon names them."""
    assert demo.search(createdAfter="x").error["message"] == "Invalid Date-Time field(s) [createdAfter]"
    assert demo.search(fulfilledBy="MFN").error["message"] == (
        "1 validation error detected: Value '[MFN]' at 'fulfilledBy' failed to satisfy constraint: "
        "Member must satisfy constraint: [Member must satisfy enum value set: [AMAZON, MERCHANT]]"
    )


def test_marketplaces_of_others(demo):
    """A marketplace of another region is 403, one of the region without participation is 400."""
    answer = demo.search(NA, marketplaceIds="A1PA6795UKMFR9")
    assert (answer.status, answer.error["code"]) == (403, "Unauthorized")
    assert demo.search(NO_PII, "", marketplaceIds="A2EUQ1WTGCTBG2").status == 400


def test_only_the_first_of_repeated_parameters_counts(demo):
    """Lists are comma separated; of a repeated parameter the first value alone counts."""
    base = f"createdAfter={iso(ANCHOR - 30 * DAY)}&fulfillmentStatuses="
    both = demo.get_2026("", base + "SHIPPED,CANCELLED").json["orders"]
    assert demo.get_2026("", base + "SHIPPED%2CCANCELLED").json["orders"] == both
    assert demo.get_2026("", base + "CANCELLED&fulfillmentStatuses=SHIPPED").json["orders"] != both


def test_two_years_of_history_and_more_in_the_far_east():
    """Orders over two years old are gone, except in Japan, Australia and Singapore, where all since 2016 stay."""
    probe = Probe(orders=0)
    for seller, marketplace in ((NA, US), (FE, "A1VC38T7YXB528")):
        probe.store.create_order(seller.selling_partner_id, marketplace, at=1451606399)
        order = probe.store.create_order(seller.selling_partner_id, marketplace, at=ANCHOR - 731 * DAY)
        seen = probe.search_ids(seller, createdAfter="2010-01-01T00:00:00Z")
        assert seen == ([] if seller is NA else [order.id])
        assert probe.get_2026(f"/{order.id}", seller=seller).status == (404 if seller is NA else 200)


@pytest.mark.parametrize("size", [1, 7, 50, 100])
def test_pages_add_up(size):
    """Walks of every page size bring each order of the store once, in full pages, and end without `pagination`."""
    probe = Probe(orders=130)
    pages = list(probe.search_pages(data="", maxResultsPerPage=size))
    assert [len(page["orders"]) for page in pages[:-1]] == [size] * (len(pages) - 1)
    assert "pagination" not in pages[-1]
    assert [order["orderId"] for page in pages for order in page["orders"]] == expected(probe, NA)


def test_the_page_size_may_change_between_pages(demo):
    """maxResultsPerPage counts for its own request; left out, it is a hundred again."""
    query = {"createdAfter": "2025-01-01T00:00:00Z", "includedData": "FULFILLMENT"}
    seen, token = [], {}
    for size in ({"maxResultsPerPage": 3}, {"maxResultsPerPage": 60}, {}):
        page = demo.get_2026("", {**query, **size, **token}).json
        seen.append(len(page["orders"]))
        token = {"paginationToken": page["pagination"]["nextToken"]}
    assert seen == [3, 60, 100]


QUERY = {"createdAfter": iso(ANCHOR - 250 * DAY), "includedData": "FULFILLMENT,BUYER", "fulfilledBy": "MERCHANT"}


def first_token(probe, query=None, **more):
    answer = probe.get_2026("", {**(query or QUERY), "maxResultsPerPage": 2}, **more).json
    return answer["pagination"]["nextToken"]


@pytest.mark.parametrize(
    "change",
    [
        {"includedData": "FULFILLMENT"},
        {"includedData": ""},
        {"fulfilledBy": ""},
        {"fulfilledBy": "AMAZON"},
        {"createdAfter": iso(ANCHOR - 249 * DAY)},
        {"createdAfter": "", "lastUpdatedAfter": iso(ANCHOR - 250 * DAY)},
        {"createdAfter": ""},
        {"createdBefore": iso(ANCHOR - 120)},
        {"marketplaceIds": US},
        {"fulfillmentStatuses": "SHIPPED"},
        {"fulfilledBy": "MFN"},
    ],
    ids=str,
)
def test_a_token_belongs_to_its_query(demo, change):
    """Whatever is added, changed or left out is refused, but for the page size; so is another choice of data."""
    token = {"paginationToken": first_token(demo)}
    assert demo.get_2026("", {**QUERY, **token}).status == 200
    answer = demo.get_2026("", {**QUERY, **token, **change})
    assert (answer.status, answer.error["code"]) == (400, "InvalidInput")


def test_a_token_does_not_mind_another_spelling(demo):
    """The same values in another order or precision are the same values."""
    token = {"paginationToken": first_token(demo)}
    other = {
        **QUERY,
        "includedData": "BUYER,FULFILLMENT",
        "createdAfter": QUERY["createdAfter"].replace("Z", ".0+00:00"),
    }
    assert demo.get_2026("", {**other, **token}).json == demo.get_2026("", {**QUERY, **token}).json


def test_a_token_belongs_to_its_seller_and_operation():
    """Neither another seller nor getOrders of v0 takes it, nor does searchOrders take a token of v0."""
    twin = dataclasses.replace(NA, selling_partner_id="A2", refresh_token="Atzr|2")
    probe = Probe(sellers=(NA, twin), orders=100)
    token = first_token(probe)
    assert probe.get_2026("", {**QUERY, "paginationToken": token}).status == 200
    assert probe.get_2026("", {**QUERY, "paginationToken": token}, twin).status == 400
    assert probe.list(NextToken=token).status == 400
    old = probe.list(MaxResultsPerPage=2).payload["NextToken"]
    assert probe.get_2026("", {**QUERY, "paginationToken": old}).status == 400


@pytest.mark.parametrize(
    "spoil", [lambda t: t.replace("+", " "), lambda t: t[:-4], lambda t: "é", lambda t: "AAAA" + t]
)
def test_damaged_tokens_are_refused(demo, spoil):
    """A token that lost something on the way is 400 InvalidInput."""
    answer = demo.get_2026("", {**QUERY, "paginationToken": spoil(first_token(demo))})
    assert (answer.status, answer.error["code"]) == (400, "InvalidInput")


def test_tokens_live_for_a_day():
    """A token leads on for 24 hours and no longer."""
    probe = Probe(orders=100)
    query = {**QUERY, "includedData": "FULFILLMENT"}
    token = {"paginationToken": first_token(probe, query)}
    probe.clock.now += DAY - 1
    probe._tokens.clear()
    assert probe.get_2026("", {**query, **token}).status == 200
    probe.clock.now += 1
    assert probe.get_2026("", {**query, **token}).status == 400


@settings(max_examples=20)
@given(
    family=st.sampled_from(["created", "lastUpdated"]),
    statuses=st.sampled_from(["", "UNSHIPPED", "SHIPPED,CANCELLED"]),
    size=st.integers(3, 15),
    plan=st.lists(
        st.lists(
            st.tuples(st.sampled_from(["create", "old", "ship", "cancel", "touch", "wait"]), st.integers(0, 10**6))
        ),
        min_size=2,
        max_size=4,
    ),
)
def test_a_walk_is_a_snapshot(family, statuses, size, plan):
    """However the store changes between the pages, a walk brings exactly what matched at its first page, once."""
    probe = Probe(orders=0)
    seller_id = NA.selling_partner_id
    for number in range(30):
        probe.store.create_order(seller_id, US, at=ANCHOR - 600 * number - 200)
    probe.store.ship(next(probe.store.orders(seller_id)).id)
    probe.clock.now += 300

    def mutate(number):
        # The kept result would hide whether the store keeps its word.
        probe.sandbox._orders_2026._reads._results.clear()
        for action, pick in plan[number % len(plan)]:
            present = list(probe.store.orders(seller_id))
            order = present[pick % len(present)]
            if action == "create":
                probe.store.create_order(seller_id, US)
            elif action == "old":
                probe.store.create_order(seller_id, US, at=ANCHOR - 300 - pick % 30_000)
            elif action == "ship" and order.status is Status.UNSHIPPED:
                probe.store.ship(order.id)
            elif action == "cancel" and order.status is Status.UNSHIPPED:
                probe.store.cancel(order.id)
            elif action == "touch":
                probe.store.touch(order.id)
            else:
                probe.clock.now += pick % 300

    mutate(0)
    probe.clock.now += 300
    query = {f"{family}After": "2026-01-01T00:00:00Z", "maxResultsPerPage": size, "fulfillmentStatuses": statuses}
    by = "updated" if family == "lastUpdated" else "purchased"
    wanted = {state for word in statuses.split(",") for state in STATUS.get(word, ())} or set(Status)
    matching = expected(probe, NA, lambda order: order.status in wanted, by)
    states = {order.id: order.updated for order in probe.store.orders(NA.selling_partner_id)}
    pages = probe.search_pages(data="FULFILLMENT", between=mutate, **query)
    seen = [(order["orderId"], order["lastUpdatedTime"]) for page in pages for order in page["orders"]]
    assert seen == [(order_id, iso(states[order_id]).replace("Z", ".000Z")) for order_id in matching]
