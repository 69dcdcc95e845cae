"""What a bridge at work tells about itself, and how it takes over new accounts."""

from datetime import timedelta

import pytest
from pydantic import SecretStr

from bridge.cli.config import DEMO_ACCESS_KEY, demo_settings
from bridge.endpoint.build import build_service, build_state
from bridge.endpoint.kept import KeptOrder
from bridge.endpoint.read_once import ReadOnce
from bridge.sealing import AlteredError, KeyRing, UnknownKeyError
from bridge.state.fallback import FallbackState
from bridge.state.memory import MemoryState
from bridge.upstream.plans import V2026
from tests.support import ALWAYS, EU, NA, NOW, UPSTREAM, US, Bridge, ask, assert_mws, signed_query


class Served:
    """A service over the sandbox of a Bridge."""

    def __init__(self, settings=None):
        self.inner = Bridge(version="auto")
        self.clock = self.inner.clock
        self.service = build_service(
            settings or self.inner.settings,
            transport=self.inner.upstream,
            emit=lambda _: None,
            now=self.clock.now,
            clock=self.clock,
            sleep=self.clock.sleep,
        )

    async def call(self, action, parameters=None, **signing):
        body = signed_query(action, parameters, now=self.clock.now(), **signing)
        answer = await ask(self.service.endpoint, "POST", "/Orders/2013-09-01", body=body)
        assert_mws(answer)
        return answer


async def test_sellers_that_were_served_lately_are_surveyed():
    """Version and reason, buckets with what has come since, the token's age; gone after an hour without a call."""
    served = Served()
    assert served.service.survey().sellers == ()
    await served.call("ListOrders", {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US})
    served.clock.at += 60
    survey = served.service.survey()
    (seller,) = survey.sellers
    assert (seller.seller_id, seller.upstream, seller.token_age) == (NA.selling_partner_id, V2026, 60.0)
    assert seller.why == "the newest version that Amazon lets the application use"
    assert seller.buckets["searchOrders"] == pytest.approx(19 + 60 * 0.0056)
    assert (survey.store, survey.in_flight, survey.draining) == ("memory", 0, False)
    served.clock.at += 3541
    assert served.service.survey().sellers == ()


async def test_new_accounts_are_taken_over_and_what_is_known_stays():
    """A seller that is gone is not served and not surveyed; one that stays keeps its token and its kept orders."""
    served = Served()
    listed = await served.call("ListOrders", {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US})
    upstream = len(served.inner.upstream.requests)
    settings = served.inner.settings
    (key,) = settings.access_key
    only = settings.model_copy(
        update={
            "seller": tuple(seller for seller in settings.seller if seller.seller_id == NA.selling_partner_id),
            "access_key": (key.model_copy(update={"sellers": (NA.selling_partner_id,)}),),
        }
    )
    served.service.take_over(only)
    assert (await served.call("GetOrder", {"AmazonOrderId.Id.1": listed.ids[0]})).ids == [listed.ids[0]]
    assert len(served.inner.upstream.requests) == upstream
    refused = await served.call("GetServiceStatus", seller=EU.selling_partner_id)
    assert refused.code == "AccessDenied"
    other = only.model_copy(update={"seller": (), "access_key": ()})
    served.service.take_over(other)
    assert (await served.call("GetServiceStatus")).code == "InvalidAccessKeyId"
    assert served.service.survey().sellers == ()


async def test_a_key_that_ends_is_unknown_from_then_on():
    """Until its end a revoked key is good; from that moment on it is as unknown as one that never was."""
    served = Served()
    settings = served.inner.settings
    ending = {"id": DEMO_ACCESS_KEY, "at": NOW + timedelta(hours=1)}
    served.service.take_over(type(settings).model_validate({**settings.model_dump(), "revoked": [ending]}))
    assert (await served.call("GetServiceStatus")).code is None
    served.clock.at += 3599
    assert (await served.call("GetServiceStatus")).code is None
    served.clock.at += 1
    assert (await served.call("GetServiceStatus")).code == "InvalidAccessKeyId"


async def test_a_lost_store_is_surveyed():
    """With a store the survey says whether it is there, and since when not."""
    settings = demo_settings(UPSTREAM).model_copy(update={"state": SecretStr("redis://127.0.0.1:1/0")})
    served = Served(settings)
    assert served.service.survey().store == "shared"
    await served.service._state.get(["x"])
    served.clock.at += 5
    survey = served.service.survey()
    assert (survey.store, survey.store_since) == ("alone", NOW.timestamp())
    await served.service._state.aclose()


def test_the_state_is_what_the_settings_say():
    """Memory without a store, and the store with memory to fall back on."""
    settings = demo_settings(UPSTREAM)
    assert isinstance(build_state(settings), MemoryState)
    stored = settings.model_copy(update={"state": SecretStr("redis://127.0.0.1:1/0")})
    assert isinstance(build_state(stored), FallbackState)


def test_a_kept_order_is_read_once_for_as_long_as_it_may_be_kept():
    """The same bytes are read once; after their time, and beyond a number, they are forgotten."""
    read = []
    once = ReadOnce(lambda order: read.append(order) or order["x"], timedelta(seconds=10))
    order = KeptOrder.of(b'{"x": 1}', NOW)
    assert [once.kept(order), once.kept(order)] == [1, 1]
    assert len(read) == 1
    once.forget(NOW + timedelta(seconds=9))
    once.kept(order)
    assert len(read) == 1
    once.forget(NOW + timedelta(seconds=10))
    once.kept(order)
    assert len(read) == 2
    for number in range(1000):
        once.kept(KeptOrder.of(b'{"x": %d}' % (number + 2), NOW))
    once.kept(order)
    assert len(read) == 1003
    assert repr(once) == "<1000 orders that were read>"


def test_a_seal_opens_only_what_it_closed():
    """Not for another purpose, another place, another key, or with a byte changed."""
    numbers = iter(range(100))

    def random_bytes(count):
        return bytes([next(numbers)] * count)

    ring = KeyRing(["a"], purpose="one", random_bytes=random_bytes)
    sealed = ring.seal(b"plain", bound_to=b"place")
    assert ring.open(sealed, bound_to=b"place") == b"plain"
    with pytest.raises(AlteredError):
        ring.open(sealed, bound_to=b"elsewhere")
    with pytest.raises(AlteredError):
        ring.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), bound_to=b"place")
    for other in (
        KeyRing(["a"], purpose="two", random_bytes=random_bytes),
        KeyRing(["b"], purpose="one", random_bytes=random_bytes),
    ):
        with pytest.raises(UnknownKeyError):
            other.open(sealed, bound_to=b"place")
    for damaged in (b"", b"\x01", b"\x02" + sealed[1:]):
        with pytest.raises(UnknownKeyError):
            ring.open(damaged, bound_to=b"place")
    assert "plain" not in repr(vars(ring))
