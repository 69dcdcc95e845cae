"""Paging: complete, stable, and as picky about its tokens as the real thing."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.sandbox.model import Status
from tests.sandbox.probe import ANCHOR, EU, NA, US, Probe, iso

DAY = 86400
UNDECODABLE = (
    "We could not decode your NextToken. Possible reasons include: "
    "a transmission error, improper quoting or a truncation problem."
)


@pytest.mark.parametrize("size", [1, 7, 50, 100])
def test_pages_add_up(size):
    """Walks of every page size bring the same orders, in full pages but for the last, and end without a token."""
    probe = Probe(orders=130)
    pages = list(probe.pages(MaxResultsPerPage=size))
    assert [len(page["Orders"]) for page in pages[:-1]] == [size] * (len(pages) - 1)
    assert "NextToken" not in pages[-1]
    assert [order["AmazonOrderId"] for page in pages for order in page["Orders"]] == probe.ids()


def test_tokens_are_awkward_to_transport(demo):
    """Every token holds plus, slash and padding, so that wrong encoding shows."""
    tokens = [page["NextToken"] for page in demo.pages(EU) if "NextToken" in page]
    assert len(set(tokens)) == len(tokens) > 5
    for token in tokens:
        assert "+" in token
        assert "/" in token
        assert token.endswith("==")
        base64.b64decode(token, validate=True)


def first_token(probe, **params):
    return probe.list(MaxResultsPerPage=10, **params).payload["NextToken"]


def test_token_with_marketplaces_and_date_is_enough(demo):
    """The token with MarketplaceIds and the date leads on, keeping filters and page size."""
    query = {"CreatedAfter": iso(ANCHOR - 100 * DAY), "OrderStatuses": "Shipped", "MaxResultsPerPage": 10}
    token = demo.list(**query).payload["NextToken"]
    full = demo.list(**query, NextToken=token).payload
    short = demo.list(CreatedAfter=query["CreatedAfter"], NextToken=token).payload
    assert [order["AmazonOrderId"] for order in short["Orders"]] == [
        order["AmazonOrderId"] for order in full["Orders"]
    ]
    assert len(short["Orders"]) == 10
    assert {order["OrderStatus"] for order in short["Orders"]} == {"Shipped"}


@pytest.mark.parametrize("family", ["Created", "LastUpdated"])
def test_upper_bound_of_the_answer_may_be_sent_back(demo, family):
    """A client may make the bound of the first answer explicit on later pages."""
    after = {f"{family}After": iso(ANCHOR - 200 * DAY)}
    first = demo.list(EU, **after).payload
    bound = {f"{family}Before": first[f"{family}Before"]}
    assert demo.list(EU, **after, **bound, NextToken=first["NextToken"]).status == 200
    bound = {f"{family}Before": iso(ANCHOR - DAY)}
    assert demo.list(EU, **after, **bound, NextToken=first["NextToken"]).status == 400


def test_fractional_upper_bound_survives_a_walk(demo):
    """A bound with a fraction may be repeated as it was sent or as the answer told it."""
    query = {"CreatedAfter": iso(ANCHOR - 200 * DAY), "CreatedBefore": iso(ANCHOR - DAY)[:-1] + ".500Z"}
    first = demo.list(EU, **query).payload
    assert demo.list(EU, **query, NextToken=first["NextToken"]).status == 200
    query["CreatedBefore"] = first["CreatedBefore"]
    assert demo.list(EU, **query, NextToken=first["NextToken"]).status == 200


def test_token_alone_is_refused_by_the_gateway(demo):
    """Only NextToken: 400 InvalidInput without a message, with the gateway's error type."""
    answer = demo.get("", {"NextToken": first_token(demo)})
    assert answer.status == 400
    assert (answer.error["code"], answer.error["message"]) == ("InvalidInput", None)
    assert answer.headers["x-amzn-errortype"] == "InvalidQueryStringException"


def test_token_without_date_is_refused(demo):
    """Token and marketplaces without the date: the message that cost others a day."""
    answer = demo.get("", {"NextToken": first_token(demo), "MarketplaceIds": ",".join(NA.marketplace_ids)})
    assert answer.status == 400
    assert answer.error["message"] == "Invalid Date-Time field(s) [createdAfter]"


@pytest.mark.parametrize(
    "change",
    [
        {"MarketplaceIds": US},
        {"CreatedAfter": "2025-01-02T00:00:00Z"},
        {"MaxResultsPerPage": 11},
        {"OrderStatuses": "Shipped"},
        {"LastUpdatedAfter": "2025-01-01T00:00:00Z"},
        {"IsISPU": "false"},
    ],
    ids=str,
)
def test_token_belongs_to_its_query(demo, change):
    """Whatever differs from the first request is refused."""
    query = {"CreatedAfter": "2025-01-01T00:00:00Z", "MaxResultsPerPage": 10, "NextToken": first_token(demo)}
    assert demo.list(**query).status == 200
    answer = demo.list(**{**query, **change})
    assert (answer.status, answer.error["code"]) == (400, "InvalidInput")


def test_token_belongs_to_its_seller(demo):
    """Another seller cannot use it, even with a query of the same words."""
    both = Probe(
        sellers=(NA, *[__import__("dataclasses").replace(NA, selling_partner_id="A2", refresh_token="Atzr|2")])
    )
    other = both.sandbox.settings.sellers[1]
    token = first_token(both)
    assert both.list(NextToken=token).status == 200
    assert both.list(other, NextToken=token).error["message"] == UNDECODABLE


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token.replace("+", " "),
        lambda token: token.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"),
        lambda token: token[:-4],
        lambda token: token[:20],
        lambda token: token[:60] + ("A" if token[60] != "A" else "B") + token[61:],
        lambda token: "x",
        lambda token: "é",
        lambda token: "AAAA" + token[4:],
        lambda token: token.rstrip("="),
        lambda token: "+/+/",
    ],
)
@pytest.mark.long
def test_damaged_tokens_cannot_be_decoded(demo, spoil):
    """Lost plus signs, double encoding, truncation and forgery all bring Amazon's words."""
    answer = demo.list(MaxResultsPerPage=10, NextToken=spoil(first_token(demo)))
    assert (answer.status, answer.error["code"]) == (400, "InvalidInput")
    assert answer.error["message"] == UNDECODABLE


def test_raw_plus_becomes_a_blank(demo):
    """A token put into the URL unencoded fails, encoded once it works, encoded twice it fails."""
    from urllib.parse import quote

    token = first_token(demo)
    base = f"MarketplaceIds={','.join(NA.marketplace_ids)}&CreatedAfter=2025-01-01T00:00:00Z&NextToken="
    assert demo.get("", base + token).error["message"] == UNDECODABLE
    assert demo.get("", base + quote(token, safe="")).status == 200
    assert demo.get("", base + quote(quote(token, safe=""), safe="")).error["message"] == UNDECODABLE


def test_tokens_end():
    """A token lives for its lifetime and no longer."""
    probe = Probe(next_token_lifetime=100, orders=100)
    token = first_token(probe)
    probe.clock.now += 99
    assert probe.list(NextToken=token).status == 200
    probe.clock.now += 1
    assert probe.list(NextToken=token).error["message"] == UNDECODABLE


MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from(["create", "create-old", "ship", "cancel", "touch", "pay", "wait"]), st.integers(0, 10**6)
    ),
    min_size=2,
    max_size=8,
)


@settings(max_examples=30)
@given(
    family=st.sampled_from(["Created", "LastUpdated"]),
    statuses=st.sampled_from(["", "Unshipped", "Shipped,Canceled", "Pending"]),
    size=st.integers(3, 40),
    plan=st.lists(MUTATIONS, min_size=2, max_size=6),
)
@pytest.mark.long
def test_a_walk_is_a_snapshot(family, statuses, size, plan):
    """However the store changes between the pages, a walk brings exactly what matched at its first page, once."""
    probe = Probe(orders=0)
    seller_id = NA.selling_partner_id
    for number in range(40):
        probe.store.create_order(seller_id, US, at=ANCHOR - 600 * number - 200, pending=number % 7 == 0)

    def mutate(number):
        probe.sandbox._orders._reads._results.clear()  # the kept result would hide whether the store keeps its word
        for action, pick in plan[number % len(plan)]:
            present = list(probe.store.orders(seller_id))
            order = present[pick % len(present)]
            if action == "create":
                probe.store.create_order(seller_id, US)
            elif action == "create-old":
                probe.store.create_order(seller_id, US, at=ANCHOR - 300 - pick % 30_000)
            elif action == "ship" and order.status is Status.UNSHIPPED:
                probe.store.ship(order.id)
            elif action == "cancel" and order.status in {Status.PENDING, Status.UNSHIPPED}:
                probe.store.cancel(order.id)
            elif action == "pay" and order.status is Status.PENDING:
                probe.store.confirm_payment(order.id)
            elif action == "touch":
                probe.store.touch(order.id)
            elif action == "wait":
                probe.clock.now += pick % 300

    mutate(0)
    probe.clock.now += 300
    query = {f"{family}After": "2026-01-01T00:00:00Z", "MaxResultsPerPage": size, "OrderStatuses": statuses}
    bound = int(probe.clock.now) - 120
    wanted = set(statuses.split(",")) | ({"PartiallyShipped"} if statuses == "Unshipped" else set())
    words = {"unshipped": "Unshipped", "shipped": "Shipped", "cancelled": "Canceled", "pending": "Pending"}
    expected = [
        (order.updated if family == "LastUpdated" else order.purchased, order.id, words[order.status])
        for order in probe.store.orders(seller_id)
    ]
    expected = sorted(row for row in expected if row[0] <= bound and (not statuses or row[2] in wanted))
    seen = [
        (
            order["LastUpdateDate" if family == "LastUpdated" else "PurchaseDate"],
            order["AmazonOrderId"],
            order["OrderStatus"],
        )
        for page in probe.pages(between=mutate, **query)
        for order in page["Orders"]
    ]
    assert seen == [(iso(date), order_id, status) for date, order_id, status in expected]


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("family", ["Created", "LastUpdated"])
def test_late_arrivals_and_updates_do_not_disturb_a_walk(family, kept):
    """Orders placed into the past and orders that change between pages are neither added, lost nor doubled."""
    probe = Probe(orders=0)
    seller_id = NA.selling_partner_id
    placed = [
        probe.store.create_order(seller_id, US, at=ANCHOR - 600 * number - 200).id for number in range(20, 0, -1)
    ]

    def disturb(number):
        if not kept:
            probe.sandbox._orders._reads._results.clear()
        probe.store.create_order(seller_id, US, at=ANCHOR - 300)
        probe.store.ship(placed[-number])
        probe.store.touch(placed[number])

    pages = probe.pages(between=disturb, MaxResultsPerPage=3, **{f"{family}After": "2026-01-01T00:00:00Z"})
    seen = [(order["AmazonOrderId"], order["OrderStatus"]) for page in pages for order in page["Orders"]]
    assert seen == [(order_id, "Unshipped") for order_id in placed]


def test_polling_by_update_misses_nothing(probe):
    """Walks by LastUpdated, each from the bound of the one before, see every state that lasts beyond two minutes."""
    order = probe.store.create_order(NA.selling_partner_id, US, pending=True)
    bound, seen = iso(ANCHOR - 60), []
    for step in range(12):
        if step == 3:
            probe.store.confirm_payment(order.id)
        if step == 7:
            probe.store.ship(order.id)
        probe.clock.now += 90
        for page in probe.pages(LastUpdatedAfter=bound):
            seen += [row["OrderStatus"] for row in page["Orders"] if row["AmazonOrderId"] == order.id]
        bound = page["LastUpdatedBefore"]
    assert list(dict.fromkeys(seen)) == ["Pending", "Unshipped", "Shipped"]


@pytest.mark.parametrize("part", ["orderItems", "orderItems/buyerInfo"])
@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_items_page_too(part, size):
    """Order lines come in pages of the set size; the token alone leads on."""
    probe = Probe(orders=0, items_page_size=size)
    order = probe.store.create_order(NA.selling_partner_id, US, at=ANCHOR - 3600, lines=5)
    payload = probe.get(f"/{order.id}/{part}").payload
    seen = [payload["OrderItems"]]
    while "NextToken" in payload:
        payload = probe.get(f"/{order.id}/{part}", {"NextToken": payload["NextToken"]}).payload
        seen.append(payload["OrderItems"])
        assert payload["AmazonOrderId"] == order.id
    assert [item["OrderItemId"] for page in seen for item in page] == [item.id for item in order.items]
    assert [len(page) for page in seen[:-1]] == [size] * (len(seen) - 1)


def test_item_tokens_belong_to_their_order_and_operation():
    """A token of one order is worth nothing at another, nor at the other operation."""
    probe = Probe(orders=0, items_page_size=1)
    one, two = (probe.store.create_order(NA.selling_partner_id, US, at=ANCHOR - 3600, lines=2) for _ in range(2))
    token = {"NextToken": probe.get(f"/{one.id}/orderItems").payload["NextToken"]}
    assert probe.get(f"/{one.id}/orderItems", token).status == 200
    assert probe.get(f"/{two.id}/orderItems", token).error["message"] == UNDECODABLE
    assert probe.get(f"/{one.id}/orderItems/buyerInfo", token).error["message"] == UNDECODABLE
    assert probe.get(f"/{one.id}/orderItems", {"NextToken": "x"}).error["message"] == UNDECODABLE
