"""Every answer is MWS, whatever was asked and whatever upstream did."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.sandbox import FAULTS, SandboxSettings
from mws_compat.orders import OPERATIONS
from tests.examples import examples
from tests.support import ALWAYS, NA, NOW, US, Bridge, ask, assert_mws, plain, signed_query

BRIDGE = Bridge(sandbox=SandboxSettings(orders=15, anchor=NOW, usage_plans=False))
IDS = BRIDGE.order_ids()

methods = st.sampled_from(["GET", "POST"]) | st.sampled_from(["HEAD", "PUT", "DELETE", "PATCH", "BREW", "get", ""])
segments = st.sampled_from(["Orders", "2013-09-01", "2011-01-01", "Sellers", "", "..", "%2e%2e", "x", "é", "\t", "%"])
paths = st.just("/Orders/2013-09-01") | st.lists(segments, max_size=4).map(lambda parts: "/" + "/".join(parts))
texts = st.text(max_size=30) | st.sampled_from([ALWAYS, US, *IDS[:2], "Shipped", "100", "", "\0", "\r\nX: y", "<&>"])
names = st.sampled_from(
    [parameter.name for operation in OPERATIONS.values() for parameter in operation.parameters]
    + [
        "MarketplaceId.Id.1",
        "AmazonOrderId.Id.1",
        "OrderStatus.Status.1",
        "SellerId",
        "Timestamp",
        "Signature",
        "Action",
    ]
) | st.text(max_size=12)
parameters = st.dictionaries(names, texts, max_size=6)
valid = {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US, "AmazonOrderId.Id.1": IDS[0], "AmazonOrderId": IDS[0]}
actions = st.sampled_from([*OPERATIONS, "SubmitFeed", "", "<&>"])
sellers = st.sampled_from([NA.selling_partner_id, "A1SANDBOXNOPII", "A1UNKNOWN"])
faults = st.none() | st.sampled_from(sorted(FAULTS - {"invalid-grant", "missing-role", "slow", "drip"}))


def answered(method, path, query=b"", body=b"", fault=None):
    """The answer, which has been found to be MWS XML; every run has full buckets and no memory of faults."""
    BRIDGE.clock.at += 3600
    BRIDGE.sandbox.faults.clear()
    BRIDGE.sandbox.faults.always("*", fault)
    answer = asyncio.run(ask(BRIDGE.endpoint, method, path, query, body))
    assert_mws(answer)
    assert len(BRIDGE.events) == 1
    event = BRIDGE.events.pop()
    assert (event.status, event.code) == (answer.status, answer.code or "")
    return answer


@given(methods, paths, st.binary(max_size=60), st.binary(max_size=60))
def test_garbage(method, path, query, body):
    """Random bytes in query and body, at any path, by any method: an MWS error, or the clock."""
    answer = answered(method, path.encode().decode("latin-1"), query, body)
    assert answer.status != 200 or plain(answer.root.tag) == "PingResponse"


@examples(75)
@given(methods, paths, actions, parameters, sellers, faults)
def test_signed_nonsense(method, path, action, given_parameters, seller, fault):
    """Well-signed calls of any operation with any parameters, over any upstream fault."""
    path = path if path.isascii() and "\t" not in path else "/Orders/2013-09-01"
    query = signed_query(action, given_parameters, now=BRIDGE.clock.now(), seller=seller, method=method, path=path)
    answered(method, path, body=query, fault=fault)


@examples(75)
@given(actions, parameters, sellers, faults, st.booleans())
@pytest.mark.long
def test_calls_that_are_nearly_right(action, given_parameters, seller, fault, right):
    """Calls with all that an operation needs, and something besides, over any upstream fault."""
    query = signed_query(
        action,
        {**given_parameters, **valid},
        now=BRIDGE.clock.now(),
        seller=seller,
        secret="sandbox/secret+key/for/legacy/programs00" if right else "wrong",
    )
    answer = answered("POST", "/Orders/2013-09-01", body=query, fault=fault)
    assert right or answer.status != 200
