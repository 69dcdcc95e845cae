"""Usage plans against a bucket written anew."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.sandbox.usage import PLANS, UsagePlans
from tests.sandbox.probe import ANCHOR, EU, LIST_PII, NA, US, Clock, Probe

QUERY = {"MarketplaceIds": US, "CreatedAfter": "2026-11-19T00:00:00Z"}


@settings(max_examples=60)
@given(
    operation=st.sampled_from(sorted(PLANS)),
    steps=st.lists(st.sampled_from([0, 0, 0, 0, 1, 7, 20, 600, 40_000]), min_size=30, max_size=120),
    scale=st.sampled_from([1.0, 10.0]),
)
def test_buckets_behave_like_the_textbook(operation, steps, scale):
    """Over any sequence of waits (tenths of a second) the bucket grants what a plain token bucket grants."""
    clock = Clock(1000.0)
    plans = UsagePlans(clock, enforced=True, rate_scale=scale)
    plan = PLANS[operation]
    level, fractions = plan.burst * 10**7, round(plan.rate * scale * 10**4)  # in ten-millionths of a request
    for tenths in steps:
        clock.now = round(clock.now * 10 + tenths) / 10
        level = min(plan.burst * 10**7, level + tenths * fractions * 100)
        granted = level >= 10**7
        level -= 10**7 * granted
        assert plans.take(operation, "app", "seller") == granted


@pytest.mark.parametrize(
    ("operation", "burst", "wait"),
    [("getOrders", 20, 60), ("getOrder", 30, 2), ("getOrderItems", 30, 2), ("getOrderAddress", 30, 2)],
)
def test_burst_then_429_then_recovery(operation, burst, wait):
    """After the burst comes 429 as documented: no Retry-After, no rate header; after 1/rate seconds one call more."""
    probe = Probe(usage_plans=True, orders=0)
    order = probe.store.create_order(NA.selling_partner_id, US, at=ANCHOR - 3600)
    path = {"getOrders": "", "getOrder": f"/{order.id}"}.get(
        operation, f"/{order.id}/{operation[8:9].lower()}{operation[9:]}"
    )
    path = path.replace("/items", "/orderItems")
    for _ in range(burst):
        answer = probe.get(path, QUERY)
        assert answer.status == 200
        assert float(answer.headers["x-amzn-ratelimit-limit"]) == PLANS[operation].rate
    answer = probe.get(path, QUERY)
    assert answer.status == 429
    assert answer.json == {
        "errors": [
            {
                "code": "QuotaExceeded",
                "message": "You exceeded your quota for the requested resource.",
                "details": "",
            }
        ]
    }
    assert not {"retry-after", "x-amzn-ratelimit-limit"} & answer.headers.keys()
    assert "x-amzn-requestid" in answer.headers
    probe.clock.now += wait
    assert [probe.get(path, QUERY).status for _ in range(2)] == [200, 429]


def test_buckets_are_apart(probe):
    """Operations and sellers do not share buckets; an RDT shares its seller's."""
    probe = Probe(usage_plans=True)
    assert [probe.list().status for _ in range(21)][-1] == 429
    assert probe.list(EU).status == 200
    assert probe.get("/111-1111111-1111111").status == 404
    assert probe.list(token=probe.rdt(LIST_PII)).status == 429


def test_invalid_requests_cost_as_well():
    """A request that ends in 400 has taken its share; one without a good token has not."""
    probe = Probe(usage_plans=True, orders=0)
    for _ in range(20):
        assert probe.list(token="Atza|bad").status == 403
    assert {probe.get("", {}).status for _ in range(20)} == {400}
    assert probe.list().status == 429


def test_rdt_plan():
    """createRestrictedDataToken grants ten at once and one a second."""
    probe = Probe(usage_plans=True, orders=0)
    assert [probe.ask_rdt(LIST_PII).status for _ in range(11)] == [200] * 10 + [429]
    probe.clock.now += 1
    assert probe.ask_rdt(LIST_PII).status == 200
    probe.clock.now += 3000  # however long the rest, the bucket holds no more than its burst
    assert [probe.ask_rdt(LIST_PII).status for _ in range(11)] == [200] * 10 + [429]


def test_plans_can_be_scaled_and_switched_off():
    """rate_scale multiplies rate and header, not the burst; usage_plans=False grants everything."""
    probe = Probe(usage_plans=True, rate_scale=100, orders=0)
    statuses = [probe.list().status for _ in range(21)]
    assert statuses == [200] * 20 + [429]
    probe.clock.now += 1
    answer = probe.list()
    assert (answer.status, answer.headers["x-amzn-ratelimit-limit"]) == (200, "1.67")
    free = Probe(orders=0)
    assert {free.list().status for _ in range(100)} == {200}


def test_clock_going_back_grants_nothing_extra():
    """A clock that steps back neither fills a bucket nor breaks it."""
    clock = Clock(100.0)
    plans = UsagePlans(clock, enforced=True, rate_scale=1)
    assert all(plans.take("createRestrictedDataToken", "a", "s") for _ in range(10))
    clock.now = 0.0
    assert not plans.take("createRestrictedDataToken", "a", "s")
