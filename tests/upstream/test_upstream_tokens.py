"""Access tokens and restricted data tokens: cached, renewed early and once, never across sellers."""

import asyncio
import dataclasses
import logging
import time
from urllib.parse import parse_qs

import httpx
import orjson
import pytest

from bridge.state.interface import StoreError
from bridge.state.memory import MemoryState
from bridge.upstream.accounts import Application
from bridge.upstream.plans import OPERATIONS
from bridge.upstream.tokens import EARLY, Grant, Tokens
from mws_compat.errors import ACCESS_DENIED, REQUEST_THROTTLED, SERVICE_UNAVAILABLE, MwsError
from tests.support import SELLER, Clock, another_seller

GET_ORDERS, GET_ORDER, GET_ITEMS = (OPERATIONS[name] for name in ("getOrders", "getOrder", "getOrderItems"))
PLAIN = OPERATIONS["createRestrictedDataToken"]  # an operation without restricted data
DENIED = "Access to requested resource is denied."
EXPIRED = "The access token you provided has expired."


class TokenService:
    """Login with Amazon and the token service, as far as a client sees them: numbered tokens, faults on a list."""

    def __init__(self):
        self.lwa, self.rdt, self.faults = [], [], []
        self.lifetime = 3600
        self.taken = 0
        self.gate = None

    async def send(self, request, name, journal):
        body = await request.aread()
        kind = self.lwa if "/auth/" in str(request.url) else self.rdt
        kind.append((request, parse_qs(body.decode()) if kind is self.lwa else orjson.loads(body)))
        number = len(kind)
        if self.gate is not None:
            await self.gate.wait()
        if self.faults:
            fault = self.faults.pop(0)
            if isinstance(fault, MwsError):
                raise fault
            if fault is not None:
                return fault
        if kind is self.lwa:
            seller = kind[-1][1]["refresh_token"][0]
            return answer(200, {"access_token": f"Atza|{number}|{seller}", "expires_in": self.lifetime})
        return answer(200, {"restrictedDataToken": f"Atz.sprdt|{number}", "expiresIn": self.lifetime})

    async def take(self, seller):
        self.taken += 1
        return 0.0

    def tokens(self, clock, **changes):
        return Tokens(
            **{
                "send": self.send,
                "take_rdt": self.take,
                "lwa_url": "https://lwa.test/auth/o2/token",
                "base_url": lambda seller: f"https://{seller.region}.test",
                "clock": clock,
                "wall": clock,
                "sleep": asyncio.sleep,
                "state": MemoryState(clock=clock),
                **changes,
            }
        )


def answer(status, body):
    return httpx.Response(status, content=body if isinstance(body, bytes) else orjson.dumps(body))


def refusal(status, message, details=""):
    return answer(status, {"errors": [{"code": "InvalidInput", "message": message, "details": details}]})


def lacking(*elements):
    words = f"Application does not have access to one or more requested data elements: [{', '.join(elements)}]"
    return refusal(400, words)


def down():
    return MwsError(SERVICE_UNAVAILABLE, reason="down")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def service():
    return TokenService()


@pytest.fixture
def tokens(service, clock):
    return service.tokens(clock)


# --- access tokens --------------------------------------------------------------------------------------------------


async def test_the_login_request_is_the_documented_form(service, tokens):
    """A refresh token is exchanged by one form POST with exactly the four documented fields."""
    assert await tokens.access_token(SELLER) == "Atza|1|Atzr|refresh-1"
    request, form = service.lwa[0]
    assert (request.method, str(request.url)) == ("POST", "https://lwa.test/auth/o2/token")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert form == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["Atzr|refresh-1"],
        "client_id": ["client-1"],
        "client_secret": ["client-secret"],
    }


async def test_an_access_token_is_renewed_exactly_five_minutes_before_its_end(service, tokens, clock):
    """One login serves every call until 300 seconds before the expiry, and the next call after that logs in again."""
    first = await tokens.access_token(SELLER)
    clock.at += 3600 - EARLY - 0.001
    assert await tokens.access_token(SELLER) == first
    assert len(service.lwa) == 1
    clock.at += 0.001
    assert await tokens.access_token(SELLER) == "Atza|2|Atzr|refresh-1"
    assert EARLY == 300.0


async def test_a_short_lived_token_is_renewed_at_half_its_life(service, tokens, clock):
    """A token of ten minutes is used for five, one of a minute for thirty seconds."""
    service.lifetime = 60
    await tokens.access_token(SELLER)
    clock.at += 29.9
    await tokens.access_token(SELLER)
    assert len(service.lwa) == 1
    clock.at += 0.1
    await tokens.access_token(SELLER)
    assert len(service.lwa) == 2


async def test_a_lifetime_that_is_not_told_is_an_hour(service, tokens, clock):
    """expires_in may be missing."""
    service.faults = [answer(200, {"access_token": "Atza|x"})]
    await tokens.access_token(SELLER)
    clock.at += 3299
    assert await tokens.access_token(SELLER) == "Atza|x"
    clock.at += 1
    assert await tokens.access_token(SELLER) != "Atza|x"


async def test_many_callers_make_one_login(service, tokens, clock):
    """Fifty calls at once, with no token and later with an expired one, cost one login each time."""
    service.gate = asyncio.Event()
    for wanted in (1, 2):
        callers = [asyncio.create_task(tokens.access_token(SELLER)) for _ in range(50)]
        await asyncio.sleep(0)
        service.gate.set()
        assert set(await asyncio.gather(*callers)) == {f"Atza|{wanted}|Atzr|refresh-1"}
        assert len(service.lwa) == wanted
        clock.at += 3601


async def test_callers_do_not_wait_for_a_renewal_while_the_old_token_is_good(service, tokens, clock):
    """In the last five minutes one caller renews; the others go on with the old token at once."""
    old = await tokens.access_token(SELLER)
    clock.at += 3400
    service.gate = asyncio.Event()
    renewer = asyncio.create_task(tokens.access_token(SELLER))
    await asyncio.sleep(0)
    assert [await tokens.access_token(SELLER) for _ in range(20)] == [old] * 20
    service.gate.set()
    assert await renewer != old
    assert len(service.lwa) == 2


async def test_sellers_applications_and_regions_have_tokens_of_their_own(service, tokens):
    """No token serves another seller, another application of the same seller, or another region."""
    sellers = [
        SELLER,
        another_seller(),
        another_seller("A1SELLER", application=Application("client-2", "secret-2")),
        another_seller("A1SELLER", region="eu"),
    ]
    got = [await tokens.access_token(seller) for seller in sellers]
    assert len(set(got)) == len(service.lwa) == 4
    assert got[1] == "Atza|2|Atzr|of-A2SELLER"
    assert [await tokens.access_token(seller) for seller in sellers] == got


async def test_the_old_token_is_used_while_renewing_fails(service, tokens, clock):
    """A failing login costs nothing while the old token lives; with its end comes the error."""
    old = await tokens.access_token(SELLER)
    service.faults = [down() for _ in range(100)]
    clock.at += 3300
    assert await tokens.access_token(SELLER) == old
    clock.at += 299
    assert await tokens.access_token(SELLER) == old
    clock.at += 1
    with pytest.raises(MwsError) as caught:
        await tokens.access_token(SELLER)
    assert caught.value.fault is SERVICE_UNAVAILABLE


async def test_a_failed_renewal_is_not_tried_again_by_every_call(service, tokens, clock):
    """While the old token lives, a login service that is down is asked every so often, not by each call."""
    await tokens.access_token(SELLER)
    clock.at += 3300
    service.faults = [down() for _ in range(100)]
    for _ in range(50):
        await tokens.access_token(SELLER)
    assert len(service.lwa) == 2
    service.faults.clear()
    clock.at += 60
    assert await tokens.access_token(SELLER) == "Atza|3|Atzr|refresh-1"


async def test_a_renewal_that_hangs_does_not_hold_up_a_call_with_a_good_token(service, clock):
    """A login service that never answers is left alone after the patience given, and the old token is used."""
    tokens = service.tokens(clock, patience=0.02)
    old = await tokens.access_token(SELLER)
    clock.at += 3300
    service.gate = asyncio.Event()
    async with asyncio.timeout(0.25):
        assert await tokens.access_token(SELLER) == old


async def test_a_hanging_renewal_whose_token_ends_meanwhile_is_an_error(service, clock):
    """When the old token ends while the login service keeps us waiting, the call fails as unavailable."""
    tokens = service.tokens(clock, patience=0.02)
    await tokens.access_token(SELLER)
    clock.at += 3599.9
    service.gate = asyncio.Event()
    renewer = asyncio.create_task(tokens.access_token(SELLER))
    await asyncio.sleep(0)
    clock.at += 1
    with pytest.raises(MwsError) as caught:
        await renewer
    assert caught.value.fault is SERVICE_UNAVAILABLE


@pytest.mark.parametrize(
    ("response", "fault", "message", "words"),
    [
        (
            answer(400, {"error": "invalid_grant", "error_description": "revoked"}),
            ACCESS_DENIED,
            "AuthToken is not valid for SellerId and AWSAccountId",
            "refresh token is not valid any more",
        ),
        (answer(401, {"error": "invalid_client"}), ACCESS_DENIED, "Access denied", "client id or secret is wrong"),
        (answer(400, {"error": "unauthorized_client"}), ACCESS_DENIED, "Access denied", "may not use this grant"),
        (answer(400, b"nonsense"), ACCESS_DENIED, "Access denied", "refused the request (seller A1SELLER, 400)"),
        (answer(429, b""), SERVICE_UNAVAILABLE, None, "answered HTTP 429"),
        (answer(500, b""), SERVICE_UNAVAILABLE, None, "answered HTTP 500"),
        (answer(200, b"<html>"), SERVICE_UNAVAILABLE, None, "an answer without a token"),
        (answer(200, {"access_token": ""}), SERVICE_UNAVAILABLE, None, "an answer without a token"),
        (answer(200, {"access_token": "x", "expires_in": "soon"}), SERVICE_UNAVAILABLE, None, "without a token"),
    ],
)
async def test_each_refusal_of_a_login(service, tokens, response, fault, message, words):
    """What the login service answers decides the MWS fault, and the reason tells the operator what to mend."""
    service.faults = [response]
    with pytest.raises(MwsError) as caught:
        await tokens.access_token(SELLER)
    assert caught.value.fault is fault
    assert words in caught.value.reason
    assert message is None or caught.value.message == message
    assert await tokens.access_token(SELLER) == "Atza|2|Atzr|refresh-1"


# --- restricted data tokens -----------------------------------------------------------------------------------------


async def test_one_restricted_token_opens_the_three_operations_for_every_order(service, tokens):
    """One RDT is asked for, with the literal {orderId} and the elements of each path, and serves all three reads."""
    grants = [await tokens.grant_for(SELLER, operation) for operation in (GET_ORDERS, GET_ORDER, GET_ITEMS)]
    assert {grant.token for grant in grants} == {"Atz.sprdt|1"}
    assert grants[0].data_elements == {"buyerInfo", "shippingAddress"}
    request, body = service.rdt[0]
    assert len(service.rdt) == len(service.lwa) == service.taken == 1
    assert str(request.url) == "https://na.test/tokens/2021-03-01/restrictedDataToken"
    assert request.headers["x-amz-access-token"] == "Atza|1|Atzr|refresh-1"
    assert body == {
        "restrictedResources": [
            {"method": "GET", "path": "/orders/v0/orders", "dataElements": ["buyerInfo", "shippingAddress"]},
            {
                "method": "GET",
                "path": "/orders/v0/orders/{orderId}",
                "dataElements": ["buyerInfo", "shippingAddress"],
            },
            {"method": "GET", "path": "/orders/v0/orders/{orderId}/orderItems", "dataElements": ["buyerInfo"]},
        ]
    }


async def test_an_operation_without_restricted_data_gets_the_plain_token(service, tokens):
    """No RDT is made where none is needed."""
    assert await tokens.grant_for(SELLER, PLAIN) == Grant("Atza|1|Atzr|refresh-1")
    assert service.rdt == []


async def test_many_callers_make_one_restricted_token(service, tokens, clock):
    """Forty calls of all operations at once cost one login and one RDT, also at renewal."""
    for wanted in (1, 2):
        operations = (GET_ORDERS, GET_ORDER, GET_ITEMS, GET_ORDERS) * 10
        grants = await asyncio.gather(*(tokens.grant_for(SELLER, operation) for operation in operations))
        assert {grant.token for grant in grants} == {f"Atz.sprdt|{wanted}"}
        assert (len(service.lwa), len(service.rdt)) == (wanted, wanted)
        clock.at += 3600


async def test_restricted_tokens_are_never_shared_between_sellers(service, tokens):
    """Two sellers have two RDTs, each made with the seller's own access token."""
    grants = [await tokens.grant_for(seller, GET_ORDERS) for seller in (SELLER, another_seller())]
    assert grants[0].token != grants[1].token
    assert [request.headers["x-amz-access-token"] for request, _ in service.rdt] == [
        "Atza|1|Atzr|refresh-1",
        "Atza|2|Atzr|of-A2SELLER",
    ]


async def test_a_missing_role_leads_to_a_smaller_token_and_one_warning(service, tokens, clock, caplog):
    """Without the address role the RDT is asked for again without it; the operator is told once, by name."""
    caplog.set_level(logging.DEBUG, "mws_bridge.tokens")
    service.faults = [None, lacking("shippingAddress")]
    grant = await tokens.grant_for(SELLER, GET_ORDERS)
    assert grant.data_elements == {"buyerInfo"}
    assert [resource["dataElements"] for resource in service.rdt[1][1]["restrictedResources"]] == [["buyerInfo"]] * 3
    assert service.taken == 2
    clock.at += 3599.9
    assert tokens.refused(SELLER) == {"shippingAddress"}
    assert tokens.refused(another_seller()) == frozenset()
    clock.at += 0.1
    service.faults = [None, lacking("shippingAddress")]
    assert (await tokens.grant_for(SELLER, GET_ORDERS)).data_elements == {"buyerInfo"}
    assert len(service.rdt) == 4
    assert [(record.levelname, record.args) for record in caplog.records] == [
        ("WARNING", ("A1SELLER", "shippingAddress"))
    ]


async def test_a_role_that_was_granted_is_found_within_the_hour(service, tokens, clock):
    """A refused element is asked for again after an hour: a role may have been granted, or the refusal a whim."""
    service.faults = [None, refusal(403, DENIED)]
    assert (await tokens.grant_for(SELLER, GET_ORDERS)).data_elements == frozenset()
    clock.at += 3600
    assert (await tokens.grant_for(SELLER, GET_ORDERS)).data_elements == {"buyerInfo", "shippingAddress"}


async def test_an_operation_of_which_nothing_is_left_gets_the_plain_token(service, tokens):
    """Without the buyer role the items, whose only element it is, are read with the plain token and no RDT."""
    service.faults = [None, lacking("buyerInfo")]
    assert (await tokens.grant_for(SELLER, GET_ORDERS)).data_elements == {"shippingAddress"}
    paths = [resource["path"] for resource in service.rdt[1][1]["restrictedResources"]]
    assert paths == ["/orders/v0/orders", "/orders/v0/orders/{orderId}"]
    assert (await tokens.grant_for(SELLER, GET_ITEMS)).token == "Atza|1|Atzr|refresh-1"
    assert len(service.rdt) == 2


@pytest.mark.parametrize(
    "response",
    [
        refusal(400, "Application do not have access to some or all requested resource"),
        refusal(403, DENIED),
        lacking("buyerInfo", "shippingAddress"),
        lacking("something else"),
    ],
)
async def test_without_any_role_the_plain_token_is_used_for_an_hour(service, tokens, clock, response):
    """A refusal of everything, or of nothing by name, means plain tokens, and no further RDT is asked for."""
    service.faults = [None, response]
    grant = await tokens.grant_for(SELLER, GET_ORDERS)
    assert grant == Grant("Atza|1|Atzr|refresh-1")
    clock.at += 3599
    assert (await tokens.grant_for(SELLER, GET_ITEMS)).token == "Atza|2|Atzr|refresh-1"
    assert len(service.rdt) == 1
    assert tokens.refused(SELLER) == {"buyerInfo", "shippingAddress"}


@pytest.mark.parametrize(
    ("response", "fault"),
    [
        (
            answer(429, {"errors": [{"code": "QuotaExceeded", "message": "You exceeded your quota."}]}),
            REQUEST_THROTTLED,
        ),
        (answer(200, {"restrictedDataToken": ""}), SERVICE_UNAVAILABLE),
        (answer(200, b"[]"), SERVICE_UNAVAILABLE),
    ],
)
async def test_a_token_service_that_fails_is_an_error_and_not_a_missing_role(service, tokens, response, fault):
    """Throttling and nonsense from the token service refuse the call and no data element."""
    service.faults = [None, response]
    with pytest.raises(MwsError) as caught:
        await tokens.grant_for(SELLER, GET_ORDERS)
    assert caught.value.fault is fault
    assert tokens.refused(SELLER) == frozenset()


async def test_the_old_restricted_token_is_used_while_the_token_service_fails(service, tokens, clock):
    """A failing renewal of an RDT costs nothing while the old one lives."""
    old = await tokens.grant_for(SELLER, GET_ORDERS)
    clock.at += 3300
    service.faults = [None, answer(503, b"")]
    assert await tokens.grant_for(SELLER, GET_ORDERS) == old


@pytest.mark.parametrize("words", [(EXPIRED, ""), (DENIED, EXPIRED)])
async def test_a_stale_access_token_is_renewed_before_the_restricted_one_is_given_up(service, tokens, words):
    """When Amazon refuses the access token with which an RDT is asked for, a new one is fetched and the RDT asked
    for again, once; no role counts as missing."""
    service.faults = [None, refusal(403, *words)]
    assert (await tokens.grant_for(SELLER, GET_ORDERS)).token == "Atz.sprdt|2"
    assert [request.headers["x-amz-access-token"][:6] for request, _ in service.rdt] == ["Atza|1", "Atza|2"]
    assert tokens.refused(SELLER) == frozenset()


async def test_an_access_token_that_stays_stale_ends_in_access_denied(service, tokens):
    """Two refusals in a row are not asked a third time."""
    service.faults = [None, refusal(403, EXPIRED), None, refusal(403, EXPIRED)]
    with pytest.raises(MwsError) as caught:
        await tokens.grant_for(SELLER, GET_ORDERS)
    assert caught.value.fault is ACCESS_DENIED
    assert (len(service.lwa), len(service.rdt)) == (2, 2)


# --- forgetting -----------------------------------------------------------------------------------------------------


async def test_a_refused_token_is_forgotten_with_its_kin(service, tokens):
    """Forgetting drops the seller's access token and RDT, and no other seller's."""
    grant = await tokens.grant_for(SELLER, GET_ORDERS)
    other = await tokens.grant_for(another_seller(), GET_ORDERS)
    await tokens.forget(SELLER, grant.token)
    assert (await tokens.grant_for(SELLER, GET_ORDERS)).token == "Atz.sprdt|3"
    assert len(service.lwa) == 3
    assert await tokens.grant_for(another_seller(), GET_ORDERS) == other


async def test_forgetting_an_access_token_drops_the_restricted_one_too(service, tokens):
    """A refused plain token takes the RDT that was made with it along."""
    await tokens.grant_for(SELLER, GET_ORDERS)
    await tokens.forget(SELLER, await tokens.access_token(SELLER))
    assert (await tokens.grant_for(SELLER, GET_ORDERS)).token == "Atz.sprdt|2"


async def test_a_token_that_was_renewed_since_is_not_forgotten(service, tokens):
    """Of many calls refused with one old token, only the first drops it; the others find the new one."""
    old = (await tokens.grant_for(SELLER, GET_ORDERS)).token
    for _ in range(20):
        await tokens.forget(SELLER, old)
        await tokens.grant_for(SELLER, GET_ORDERS)
    assert (len(service.lwa), len(service.rdt)) == (2, 2)


async def test_forgetting_where_nothing_is_known_is_harmless(tokens):
    """A seller without tokens can be forgotten."""
    await tokens.forget(SELLER, "Atza|x")


async def test_no_repr_holds_a_token(service, tokens):
    """Grants and cache entries show no token."""
    grant = await tokens.grant_for(SELLER, GET_ORDERS)
    for shown in (repr(grant), repr(tokens), repr(tokens._entries), repr(SELLER)):
        assert not any(secret in shown for secret in ("Atza", "Atzr", "sprdt", "client-secret"))


async def test_new_secrets_make_new_tokens(service, tokens):
    """Whoever corrects a refresh token or a client secret does not wait for the end of what the old one got."""
    await tokens.access_token(SELLER)
    await tokens.access_token(dataclasses.replace(SELLER, refresh_token="Atzr|another"))
    application = dataclasses.replace(SELLER.application, client_secret="another")
    await tokens.access_token(dataclasses.replace(SELLER, application=application))
    assert len(service.lwa) == 3
    await tokens.access_token(SELLER)
    assert len(service.lwa) == 3


async def test_copies_share_their_tokens(service):
    """What one copy of the bridge has got, or given up, is known to the others: one login for all of them."""
    clock = Clock()
    state = MemoryState(clock=clock)
    one, other = service.tokens(clock, state=state), service.tokens(clock, state=state)
    tokens = await asyncio.gather(*(copy.access_token(SELLER) for copy in (one, other, one, other)))
    assert len(set(tokens)) == len(service.lwa) == 1
    clock.at += 60
    assert (one.age(SELLER), other.age(SELLER)) == (60.0, 60.0)
    await other.forget(SELLER, tokens[0])
    third = service.tokens(clock, state=state)
    assert await third.access_token(SELLER) not in tokens
    clock.at += 3301
    await asyncio.gather(*(copy.access_token(SELLER) for copy in (third, other)))
    assert len(service.lwa) == 3


async def test_a_login_that_takes_longer_than_a_lease(service, monkeypatch):
    """It is still the only one: the lease is for copies that have ended in the middle."""
    monkeypatch.setattr("bridge.upstream.tokens._LEASE", 0.3)
    state = MemoryState(clock=time.monotonic)
    one, other = (service.tokens(time.monotonic, wall=time.time, state=state) for _ in range(2))
    service.gate = asyncio.Event()
    asking = [asyncio.create_task(copy.access_token(SELLER)) for copy in (one, other)]
    await asyncio.sleep(0.8)
    service.gate.set()
    assert len({await task for task in asking}) == len(service.lwa) == 1


async def test_a_lease_that_the_store_does_not_extend(service, clock, monkeypatch):
    """A store that fails meanwhile costs the login nothing."""
    monkeypatch.setattr("bridge.upstream.tokens._LEASE", 0.03)
    state = MemoryState(clock=clock)
    asked = asyncio.Event()

    async def refuse(*_):
        asked.set()
        raise StoreError("ConnectionError")

    state.extend = refuse
    service.gate = asyncio.Event()
    asking = asyncio.create_task(service.tokens(clock, state=state).access_token(SELLER))
    await asyncio.wait_for(asked.wait(), 10)
    service.gate.set()
    assert await asking == "Atza|1|Atzr|refresh-1"
