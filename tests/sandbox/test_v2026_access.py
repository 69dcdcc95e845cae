"""Who may read what of Orders v2026-01-01: tokens, roles, plans, faults, and the day on which v0 ends."""

from datetime import UTC, datetime

import pytest

from bridge.sandbox import SandboxSettings
from bridge.sandbox.sellers import DIRECT_TO_CONSUMER, ORDER_TRACKING, TAX, DemoSeller
from tests.sandbox.probe import (
    ANCHOR,
    EU,
    EVERYTHING,
    LIST_PII,
    NA,
    NO_PII,
    ORDER_PII,
    ORDERS,
    ORDERS_2026,
    US,
    Probe,
)

SINCE = {"createdAfter": "2025-01-01T00:00:00Z"}
OPEN = ",".join(one for one in EVERYTHING.split(",") if one not in {"BUYER", "RECIPIENT"})


def seller_with(*roles):
    return DemoSeller("A1ROLES", "Atzr|roles", "na", NA.marketplace_ids, frozenset({ORDER_TRACKING, *roles}), "Roles")


@pytest.mark.parametrize(
    ("roles", "closed"),
    [
        ((), {"BUYER", "RECIPIENT"}),
        ((TAX,), {"RECIPIENT"}),
        ((DIRECT_TO_CONSUMER,), {"BUYER"}),
        ((TAX, DIRECT_TO_CONSUMER), set()),
    ],
    ids=["none", "tax", "direct-to-consumer", "both"],
)
def test_roles_open_data_sets(roles, closed):
    """BUYER needs the role of tax, RECIPIENT that of delivery; asked for without it, the whole request is 403."""
    seller = seller_with(*roles)
    probe = Probe(sellers=(seller,))
    order = next(probe.store.orders(seller.selling_partner_id))
    for dataset in EVERYTHING.split(","):
        for answer in (
            probe.search(seller, f"FULFILLMENT,{dataset}"),
            probe.get_2026(f"/{order.id}", {"includedData": dataset}, seller),
        ):
            assert answer.status == (403 if dataset in closed else 200)
            if dataset in closed:
                assert answer.error["code"] == "Unauthorized"
                assert answer.error["message"] == "Access to requested resource is denied."
                assert dataset in answer.error["details"]
                assert "x-amzn-ratelimit-limit" not in answer.headers


def test_refused_data_sets_can_be_left_out_silently():
    """With datasets_refused=False the order comes without them."""
    probe = Probe(datasets_refused=False, orders=300)
    allowed = [page["orders"] for page in probe.search_pages(NO_PII, OPEN)]
    assert [page["orders"] for page in probe.search_pages(NO_PII, EVERYTHING)] == allowed
    assert sum(map(len, allowed)) > 10


def test_tax_without_the_role_leaves_the_buyer_out():
    """The data set TAX is open to all, but the buyer's registrations in it are not."""
    parties = {}
    for roles in ((), (TAX,)):
        seller = seller_with(*roles)
        probe = Probe(sellers=(seller,), orders=200)
        parties[roles] = {
            one["entityType"]
            for page in probe.search_pages(seller, "TAX")
            for order in page["orders"]
            for one in order.get("tax", {}).get("taxRegistrations", ())
        }
    assert parties == {(): {"MARKETPLACE", "MERCHANT"}, (TAX,): {"BUYER", "MARKETPLACE", "MERCHANT"}}


def test_no_personal_data_without_roles(demo):
    """Whatever a seller without roles may ask for holds no name, address, e-mail, company or number of a buyer."""
    text = "".join(repr(page) for page in demo.search_pages(NO_PII, OPEN))
    for order in demo.store.orders(NO_PII.selling_partner_id):
        purchase = order.purchase
        for secret in (purchase.buyer.email, purchase.buyer.purchase_order, purchase.address.lines[0]):
            assert secret is None or secret not in text


def test_a_restricted_data_token_opens_nothing(demo):
    """v2026 knows no such tokens: one is 403, whatever it lists, and none can be had for its paths."""
    order = next(demo.store.orders(NA.selling_partner_id))
    token = demo.rdt(LIST_PII, ORDER_PII)
    for path, params in (("", SINCE), (f"/{order.id}", {})):
        answer = demo.get_2026(path, params, token=token)
        assert (answer.status, answer.error["code"]) == (403, "Unauthorized")
    assert demo.ask_rdt({**LIST_PII, "path": ORDERS_2026}).status == 400


def test_tokens_and_regions_are_checked_as_for_v0(demo):
    """No token is 401; a bad one, and a host of another region, are 403."""
    assert demo.request("GET", ORDERS_2026, SINCE).status == 401
    assert demo.get_2026("", SINCE, token="Atza|bad").status == 403
    assert demo.get_2026("", SINCE, host="sellingpartnerapi-eu.amazon.com").status == 403
    assert demo.get_2026("", SINCE, host="sellingpartnerapi-na.amazon.com").status == 200
    assert demo.get_2026("", SINCE, body=b"{}").status == 400


def test_unknown_malformed_and_foreign_orders(demo):
    """Unknown ids are 404 NotFound, so are another seller's; what is no order id at all is 400 InvalidInput."""
    foreign = next(demo.store.orders(EU.selling_partner_id)).id
    for order_id in ("111-1111111-1111111", foreign):
        answer = demo.get_2026(f"/{order_id}")
        assert (answer.status, answer.error["code"]) == (404, "NotFound")
        assert answer.headers["x-amzn-ratelimit-limit"] == "0.5"
    for order_id in ("1", "111-1111111-111111"):
        answer = demo.get_2026(f"/{order_id}")
        assert (answer.status, answer.error["code"]) == (400, "InvalidInput")
    order = next(demo.store.orders(NA.selling_partner_id))
    answer = demo.get_2026(f"/{order.id}", {"includedData": "buyer"})
    assert (answer.status, answer.error["code"]) == (400, "InvalidInput")


@pytest.mark.parametrize(
    ("method", "path"), [("POST", ORDERS_2026), ("GET", ORDERS_2026 + "/"), ("GET", "/orders/2026-01-02/orders")]
)
def test_unknown_resources(probe, method, path):
    """Only the two reads are there; all else is the gateway's 403."""
    answer = probe.request(method, path, headers={"x-amz-access-token": probe.token()})
    assert (answer.status, answer.error["code"]) == (403, "MissingAuthenticationToken")


def test_plans_of_their_own():
    """searchOrders grants twenty at once and one in 179 seconds, getOrder thirty and one in two, apart from v0's."""
    probe = Probe(usage_plans=True, orders=0)
    order = probe.store.create_order(NA.selling_partner_id, US, at=ANCHOR - 3600)
    searches = [probe.get_2026("", SINCE) for _ in range(21)]
    assert [answer.status for answer in searches] == [200] * 20 + [429]
    assert searches[0].headers["x-amzn-ratelimit-limit"] == "0.0056"
    assert [probe.get_2026(f"/{order.id}").status for _ in range(31)] == [200] * 30 + [429]
    assert probe.list().status == probe.get(f"/{order.id}").status == 200
    probe.clock.now += 178
    assert probe.get_2026("", SINCE).status == 429
    probe.clock.now += 1
    assert probe.get_2026("", SINCE).status == 200


@pytest.mark.parametrize("operation", ["searchOrders", "getOrder2026"])
def test_faults_reach_both_operations(probe, operation):
    """A fault can be scripted for each, and the log tells them apart from v0's."""
    order = probe.store.create_order(NA.selling_partner_id, US, at=ANCHOR - 3600)
    path = "" if operation == "searchOrders" else f"/{order.id}"
    probe.sandbox.faults.script(operation, ["throttle", "internal", None])
    assert [probe.get_2026(path, SINCE).status for _ in range(3)] == [429, 500, 200]
    assert [(call.operation, call.fault) for call in list(probe.sandbox.log)[-3:]] == [
        (operation, "throttle"),
        (operation, "internal"),
        (operation, None),
    ]
    assert probe.get_2026(path, SINCE, headers={"x-sandbox-fault": "not-found"}).status == 404
    probe.sandbox.faults.script("getOrder", ["internal"])
    assert probe.get_2026(path, SINCE).status == 200


READS = ["", "/{id}", "/{id}/buyerInfo", "/{id}/address", "/{id}/orderItems", "/{id}/orderItems/buyerInfo"]


@pytest.mark.parametrize("part", READS)
def test_v0_ends_on_its_day(part):
    """From v0_until on the six reads are 404, token or not, and not a second earlier; v2026 goes on."""
    probe = Probe(v0_until=datetime.fromtimestamp(ANCHOR + 10, UTC))
    order = next(probe.store.orders(NA.selling_partner_id))
    path = part.replace("{id}", order.id)
    params = {"MarketplaceIds": US, "CreatedAfter": "2025-01-01T00:00:00Z"}
    probe.clock.now += 9.9
    assert probe.get(path, params).status == 200
    probe.clock.now += 0.1
    answer = probe.get(path, params)
    assert (answer.status, answer.error["code"]) == (404, "NotFound")
    assert probe.request("GET", ORDERS + path, params).status == 404
    assert probe.search().status == probe.get_2026(f"/{order.id}").status == 200
    assert probe.ask_rdt(LIST_PII).status == 200


def test_the_end_of_v0_needs_a_zone():
    """A date without a zone is no moment."""
    with pytest.raises(ValueError, match="v0_until"):
        SandboxSettings(v0_until=datetime(2027, 3, 27))  # noqa: DTZ001
