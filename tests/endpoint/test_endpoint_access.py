"""Who may call for whom: keys, sellers, auth tokens, signatures, time."""

import hmac
import statistics
import time

import pytest
from pydantic import SecretStr

from bridge.cli.config import DEMO_ACCESS_KEY, DEMO_SECRET
from bridge.endpoint import access
from bridge.settings import AccessKeySettings
from mws_compat.signature import AMAZON_HOSTS
from tests.support import EU, HOST, NA, NOW, PATH, Bridge, Clock, minutes, signed_query, text_time

KEYS = {
    "AKIAPLAIN": ("plain-secret", {NA.selling_partner_id: ""}),
    "AKIATOKEN": ("token-secret", {NA.selling_partner_id: "amzn.mws.1111-2222", EU.selling_partner_id: ""}),
}


def configured(settings):
    keys = [
        AccessKeySettings(
            id=id_,
            secret=SecretStr(secret),
            sellers=tuple(sellers),
            mws_auth_tokens={seller: SecretStr(token) for seller, token in sellers.items() if token},
        )
        for id_, (secret, sellers) in KEYS.items()
    ]
    return settings.model_copy(update={"access_key": (*settings.access_key, *keys)})


@pytest.fixture
def keyed():
    return Bridge(settings=configured)


@pytest.mark.parametrize("token", [None, "", "amzn.mws.1111-2222", "amzn.mws.wrong"])
@pytest.mark.parametrize("seller", [NA.selling_partner_id, EU.selling_partner_id, "A1UNKNOWN"])
@pytest.mark.parametrize("key", ["AKIAPLAIN", "AKIATOKEN"])
async def test_the_matrix_of_key_seller_and_auth_token(keyed, key, seller, token):
    """A key reaches its own sellers only, and a seller with an MWSAuthToken only with that token."""
    secret, sellers = KEYS[key]
    parameters = {} if token is None else {"MWSAuthToken": token}
    answer = await keyed.call("GetServiceStatus", parameters, key=key, secret=secret, seller=seller)
    if seller not in sellers:
        expected = (401, "Access to Orders.GetServiceStatus is denied")
    elif not sellers[seller] or token == sellers[seller]:
        expected = (200, None)
    elif not token:
        expected = (401, "Missing required MWSAuthToken for Seller.")
    else:
        expected = (401, "AuthToken is not valid for SellerId and AWSAccountId")
    assert (answer.status, answer.message) == expected
    if answer.status == 401:
        assert (answer.code, answer.root[1].tag.rpartition("}")[2]) == ("AccessDenied", "RequestID")


async def test_merchant_is_another_word_for_seller_id(keyed):
    """Merchant names the seller where SellerId is missing; SellerId decides where both are."""
    merchant = {"Merchant": NA.selling_partner_id}
    assert (await keyed.call("GetServiceStatus", merchant, seller="")).status == 200
    assert (await keyed.call("GetServiceStatus", {"Merchant": "A1UNKNOWN"})).status == 200
    assert (await keyed.call("GetServiceStatus", {"Merchant": "A1UNKNOWN"}, seller="")).code == "AccessDenied"
    answer = await keyed.call("GetServiceStatus", seller="")
    assert (answer.status, answer.message) == (400, "Missing required parameter SellerId.")


@pytest.mark.parametrize(
    "name", ["AWSAccessKeyId", "Signature", "SignatureVersion", "SignatureMethod", "Timestamp", "SellerId"]
)
async def test_each_common_parameter_is_asked_for_by_name(keyed, name):
    """A call without one of the common parameters is InvalidParameterValue with RequestID, and names it."""
    if name == "Signature":
        query = signed_query("GetServiceStatus").partition("&Signature=")[0]
    else:
        query = signed_query("GetServiceStatus", {name: ""})
    answer = await keyed.send(body=query)
    assert answer.outcome == (400, "InvalidParameterValue")
    assert answer.message == f"Missing required parameter {name}."
    assert answer.root[1].tag.endswith("RequestID")


async def test_an_unknown_key_and_a_wrong_secret_are_told_apart_as_mws_did(keyed):
    """403 InvalidAccessKeyId for the one, 403 SignatureDoesNotMatch for the other."""
    unknown = await keyed.call("GetServiceStatus", key="AKIANOBODY")
    wrong = await keyed.call("GetServiceStatus", secret="wrong")
    assert unknown.outcome == (403, "InvalidAccessKeyId")
    assert wrong.outcome == (403, "SignatureDoesNotMatch")
    assert len(unknown.body) == 344


async def test_nobody_can_sign_for_a_key_that_does_not_exist(keyed):
    """Even the stand-in secret for unknown keys opens nothing."""
    answer = await keyed.call("GetServiceStatus", key="AKIANOBODY", secret=access._NO_SECRET)
    assert answer.outcome == (403, "InvalidAccessKeyId")
    assert "stand-in" in keyed.events[-1].reason


@pytest.mark.parametrize("deviant", [(), ("whatwg-form", "encode-uri-component")])
async def test_an_unknown_key_costs_what_a_wrong_signature_costs(deviant, monkeypatch):
    """Both make the same number of HMACs, one for each host and encoding that is tried."""
    counted = []
    digest = hmac.digest
    monkeypatch.setattr(hmac, "digest", lambda *args: counted.append(1) or digest(*args))

    def settings(made):
        server = made.server.model_copy(update={"accept_deviant_signatures": deviant})
        return made.model_copy(update={"server": server})

    bridge = Bridge(settings=settings)
    numbers = []
    for who in ({"key": "AKIANOBODY"}, {"secret": "wrong"}):
        query = signed_query("GetServiceStatus", **who)
        counted.clear()
        await bridge.send(body=query)
        numbers.append(len(counted))
    assert numbers[0] == numbers[1] >= (len(AMAZON_HOSTS) + 1) * (1 + len(deviant))


def test_an_unknown_key_takes_as_long_as_a_wrong_signature():
    """A smoke test of the same in time: medians of many trials lie within a quarter of each other."""
    from mws_compat.errors import MwsError
    from mws_compat.query import HttpRequest, parse_call

    book = Bridge().endpoint.book
    calls = [
        parse_call(HttpRequest("POST", PATH, b"", signed_query("GetServiceStatus", **who).encode(), HOST))
        for who in ({"key": "AKIANOBODY0000000001"}, {"secret": "wrong"})
    ]
    spent = ([], [])
    for _ in range(300):
        for call, times in zip(calls, spent, strict=True):
            started = time.perf_counter()
            with pytest.raises(MwsError):
                book.authenticate(call, section="Orders", now=NOW)
            times.append(time.perf_counter() - started)
    one, other = map(statistics.median, spent)
    assert 0.75 < one / other < 1.33


@pytest.mark.parametrize(
    ("minutes_off", "status"),
    [(-15, 200), (15, 200), (-15.02, 400), (15.02, 400), (0, 200), (-60 * 24 * 365, 400), (60 * 24, 400)],
)
async def test_a_request_is_good_for_fifteen_minutes_either_way(minutes_off, status):
    """Exactly fifteen minutes are accepted, a second more is RequestExpired, both ways."""
    bridge = Bridge()
    stamp = NOW + minutes(round(minutes_off, 2) if abs(minutes_off) != 15.02 else minutes_off)
    answer = await bridge.call("GetServiceStatus", {"Timestamp": text_time(stamp)})
    assert answer.status == status
    if status == 400:
        assert answer.code == "RequestExpired"
        way = "past and has expired" if minutes_off < 0 else "future"
        assert answer.message.startswith(f"Request signature is too far in the {way}. Timestamp date: ")


@pytest.mark.parametrize("beyond", [0.0, 0.001])
async def test_the_boundary_is_exact_to_the_millisecond(beyond):
    """900.000 seconds after the Timestamp the request is good, 900.001 seconds after it is not."""
    bridge = Bridge(clock=Clock(NOW.timestamp() + 900 + beyond))
    answer = await bridge.send(body=signed_query("GetServiceStatus", now=NOW))
    assert answer.status == (200 if not beyond else 400)


@pytest.mark.parametrize("spelling", ["soon", "2026-13-01T00:00:00Z", "20261120T120000Z", "١٢", "1763640000"])
async def test_a_timestamp_that_is_none(keyed, spelling):
    """What is no date-time is InvalidParameterValue, not an expired request."""
    answer = await keyed.call("GetServiceStatus", {"Timestamp": spelling})
    assert answer.outcome == (400, "InvalidParameterValue")


async def test_an_expired_request_with_a_wrong_signature_is_told_of_the_signature(keyed):
    """Nobody without the secret learns anything about our clock."""
    answer = await keyed.call("GetServiceStatus", {"Timestamp": "2001-01-01T00:00:00Z"}, secret="wrong")
    assert answer.code == "SignatureDoesNotMatch"


async def test_a_request_may_be_repeated_as_it_is(keyed):
    """Old clients send the identical signed request again after a 500 or 503; each time it is answered."""
    query = signed_query("GetServiceStatus")
    assert [(await keyed.send(body=query)).status for _ in range(3)] == [200, 200, 200]


@pytest.mark.parametrize("host", [HOST, "bridge.example:8443", "bridge.example", "BRIDGE.example", "192.0.2.1"])
async def test_a_client_may_have_signed_any_of_our_names(keyed, host):
    """The Host header, with and without its port and in any case, and Amazon's own hosts are accepted."""
    for signed in {host.lower(), host.lower().partition(":")[0], "mws-eu.amazonservices.com"}:
        query = signed_query("GetServiceStatus", host=signed)
        assert (await keyed.send(body=query, headers={"host": host})).status == 200
    query = signed_query("GetServiceStatus", host="evil.example")
    assert (await keyed.send(body=query, headers={"host": host})).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_parameters_may_come_by_url_or_body_and_the_verb_is_signed(keyed, method):
    """GET, POST with a form, and boto's POST with everything in the URL; a signature for the other verb fails."""
    query = signed_query("GetServiceStatus", method=method)
    assert (await keyed.send(method, query=query)).status == 200
    assert (await keyed.send(method, body=query, headers={"content-type": "text/plain"})).status == 200
    other = {"GET": "POST", "POST": "GET"}[method]
    assert (await keyed.send(other, query=query)).code == "SignatureDoesNotMatch"


async def test_a_parameter_changed_after_signing_is_noticed(keyed):
    """Any value that differs from the signed one fails, also the seller's id."""
    query = signed_query("GetServiceStatus").replace(NA.selling_partner_id, EU.selling_partner_id)
    assert (await keyed.send(body=query)).code == "SignatureDoesNotMatch"
    assert (await keyed.send(body=f"{signed_query('GetServiceStatus')}&Extra=1")).code == "SignatureDoesNotMatch"


async def test_the_older_hash_is_accepted(keyed):
    """HmacSHA1 is a signature method like HmacSHA256; any other is named in the refusal."""
    from tests.support import encoded, signature

    for method, digest in (("HmacSHA1", "sha1"), ("HmacMD5", "md5")):
        pairs = {
            "AWSAccessKeyId": DEMO_ACCESS_KEY,
            "Action": "GetServiceStatus",
            "SellerId": NA.selling_partner_id,
            "SignatureMethod": method,
            "SignatureVersion": "2",
            "Timestamp": text_time(NOW),
        }
        made = signature(DEMO_SECRET, "POST", HOST, PATH, pairs, digest)
        wire = "&".join(f"{name}={encoded(value)}" for name, value in {**pairs, "Signature": made}.items())
        answer = await keyed.send(body=wire)
        assert answer.status == (200 if method == "HmacSHA1" else 400)
