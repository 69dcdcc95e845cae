import pytest

from bridge.sandbox import DEMO_CLIENT_ID, Application
from tests.sandbox.probe import EU, NA, NO_PII, US, Probe


def test_refresh_token_is_exchanged_for_an_access_token(probe):
    """A refresh token brings a bearer token of documented form that opens the seller's orders."""
    answer = probe.lwa()
    assert answer.status == 200
    assert answer.json["token_type"] == "bearer"
    assert answer.json["expires_in"] == 3600
    assert answer.json["refresh_token"] == NA.refresh_token
    assert answer.json["access_token"].startswith("Atza|")
    assert len(answer.json["access_token"]) < 2048
    assert probe.list(token=answer.json["access_token"]).status == 200


def test_every_access_token_is_another_one(probe):
    """Two exchanges bring two tokens, and both are good."""
    one, two = probe.lwa().json["access_token"], probe.lwa().json["access_token"]
    assert one != two
    assert [probe.list(token=token).status for token in (one, two)] == [200, 200]


def test_grantless_token_opens_no_order(probe):
    """client_credentials brings a token without refresh token; Orders has no grantless operation."""
    answer = probe.lwa(grant_type="client_credentials", scope="sellingpartnerapi::notifications", refresh_token=None)
    assert answer.status == 200
    assert "refresh_token" not in answer.json
    assert probe.list(token=answer.json["access_token"]).status == 403
    assert probe.ask_rdt(token=answer.json["access_token"]).status == 403


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "amzn1.application-oa2-client.other"}, 401, "invalid_client"),
        ({"refresh_token": "Atzr|unknown"}, 400, "invalid_grant"),
        ({"refresh_token": None}, 400, "invalid_request"),
        ({"grant_type": None}, 400, "invalid_request"),
        ({"client_id": None}, 400, "invalid_request"),
        ({"client_secret": None}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, 400, "unauthorized_client"),
        ({"grant_type": "client_credentials", "scope": "all"}, 400, "invalid_scope"),
        ({"grant_type": "client_credentials"}, 400, "invalid_scope"),
    ],
)
def test_bad_token_requests_get_the_documented_error(probe, form, status, error):
    """Each way to ask wrongly has its OAuth error, with a description and the request id of the header."""
    answer = probe.lwa(**form)
    assert (answer.status, answer.json["error"]) == (status, error)
    assert answer.json["error_description"]
    assert answer.json["request_id"] == answer.headers["x-amzn-requestid"]
    assert "x-amzn-ratelimit-limit" not in answer.headers


def test_token_request_must_be_a_plain_form(probe):
    """JSON and repeated parameters are refused as invalid requests."""
    as_json = probe.lwa(headers={"content-type": "application/json"})
    assert (as_json.status, as_json.json["error"]) == (400, "invalid_request")
    repeated = probe.request(
        "POST",
        "/auth/o2/token",
        headers={"content-type": "application/x-www-form-urlencoded"},
        body=b"grant_type=refresh_token&grant_type=refresh_token",
    )
    assert (repeated.status, repeated.json["error"]) == (400, "invalid_request")


def test_application_uses_only_its_own_grants():
    """An application that is not registered for a grant is an unauthorized client."""
    app = Application(DEMO_CLIENT_ID, "s", frozenset({"refresh_token"}))
    probe = Probe(applications=(app,), orders=0)
    refused = probe.lwa(grant_type="client_credentials", client_secret="s", scope="sellingpartnerapi::notifications")
    assert refused.json["error"] == "unauthorized_client"
    assert probe.lwa(client_secret="s").status == 200


def test_token_expires_by_the_clock(probe):
    """A token is good until its very last second and then answered 403 with the words of an expired one."""
    token = probe.token()
    probe.clock.now += 3599
    assert probe.list(token=token).status == 200
    probe.clock.now += 1
    answer = probe.list(token=token)
    assert (answer.status, answer.error["code"]) == (403, "Unauthorized")
    assert answer.error["details"] == "The access token you provided has expired."


def test_token_lifetime_is_a_setting():
    """access_token_lifetime governs what is promised and what is kept."""
    probe = Probe(access_token_lifetime=60, orders=0)
    assert probe.lwa().json["expires_in"] == 60
    token = probe.token()
    probe.clock.now += 60
    assert probe.list(token=token).status == 403


def test_old_tokens_are_forgotten(probe):
    """A day after its end a token is not told from a foreign one any more, so memory is bounded."""
    token = probe.token()
    probe.clock.now += 3600 + 86400 + 1
    probe.lwa()
    assert probe.list(token=token).error["details"].startswith("The access token you provided is revoked")


@pytest.mark.parametrize("token", ["Atza|forged", "nonsense", "Atzr|sandbox-na-001"])
def test_foreign_token_is_refused(probe, token):
    """What the sandbox did not issue is revoked, malformed or invalid."""
    answer = probe.list(token=token)
    assert (answer.status, answer.error["code"]) == (403, "Unauthorized")
    assert answer.error["message"] == "Access to requested resource is denied."
    assert answer.error["details"] == "The access token you provided is revoked, malformed or invalid."


def test_missing_token_is_401(probe):
    """A call without token says so."""
    answer = probe.request("GET", "/orders/v0/orders", {"MarketplaceIds": US})
    assert (answer.status, answer.error["code"]) == (401, "Unauthorized")
    assert answer.error["details"] == "Access token is missing in the request header."


def test_tokens_of_another_sandbox_mean_nothing(probe):
    """A token is known to the sandbox that issued it and to no other."""
    other = Probe(seed="another", orders=0)
    assert probe.list(token=other.token()).status == 403


def test_seller_without_the_base_role_sees_no_orders():
    """Without the order tracking role every order call is denied, whatever else is allowed."""
    from dataclasses import replace

    seller = replace(EU, roles=frozenset({"tax"}))
    probe = Probe(sellers=(seller,), orders=10)
    answer = probe.list(seller)
    assert (answer.status, answer.error["details"]) == (403, "")
    assert NO_PII.roles == {"order-tracking"}
