"""Plain words for every error: the reasons that our own code gives find the row that is about them."""

import re

import httpx
import pytest

from bridge.upstream.accounts import Application, Seller
from bridge.upstream.errors import UpstreamFault
from bridge.upstream.tokens import _lwa_refusal
from bridge.watch.figures import CODES
from bridge.watch.meanings import MEANINGS, meaning_of
from mws_compat.errors import MwsError

SELLER = Seller("A1SELLER", Application("id", "secret"), "Atzr|x", "na", (), "auto")


def refused_login(status, error):
    return _lwa_refusal(SELLER, httpx.Response(status, json={"error": error, "error_description": "no"}))


def refused_call(status, message="no", code="Unauthorized"):
    response = httpx.Response(status, json={"errors": [{"code": code, "message": message}]})
    return UpstreamFault.of(response).as_mws_error("ListOrders")


def explained(error: MwsError):
    """The row for an error, with the reason that its event would have."""
    return meaning_of(error.fault.code, error.reason or error.message)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (refused_login(400, "invalid_grant"), "authorise the application again"),
        (refused_login(401, "invalid_client"), "new client secret"),
        (refused_login(400, "unauthorized_client"), "application’s registration"),
        (refused_login(400, "something_new"), "application’s registration"),
        (refused_login(503, "x"), "Wait"),
        (refused_call(403, "Access to requested resource is denied."), "missing role"),
        (refused_call(403, "The access token you provided has expired."), "region that authorised"),
        (refused_call(401, "Access token is missing."), "region that authorised"),
        (refused_call(400, "Invalid CreatedAfter", "InvalidInput"), "Amazon’s words"),
        (refused_call(500), "Wait"),
        (refused_call(503), "Wait"),
    ],
    ids=lambda value: getattr(value, "reason", ""),
)
def test_what_amazon_refuses(error, words):
    """What Amazon refuses, and why, leads to what helps against it."""
    assert words in explained(error).remedy


@pytest.mark.parametrize(
    ("code", "reason", "urgency", "words"),
    [
        (
            "AccessDenied",
            "access key AKIA1 is not configured for the seller that was asked for",
            "operator",
            "Add the",
        ),
        ("AccessDenied", "Missing required MWSAuthToken for Seller.", "caller", "MWSAuthToken"),
        ("AccessDenied", "AuthToken is not valid for SellerId and AWSAccountId", "caller", "MWSAuthToken"),
        ("NextTokenCorrupted", "the token is not ours, or its key has left the key ring", "operator", "token_keys"),
        ("NextTokenCorrupted", "the token is older than 24 hours", "caller", "begins anew"),
        ("NextTokenCorrupted", "the listing was begun with Orders v0, which has ended", "caller", "begins anew"),
        ("NextTokenCorrupted", "the token was altered, or belongs to another seller", "caller", "each token once"),
        ("NextTokenCorrupted", "the token is not ours: it is no base32 text", "caller", "column"),
        ("InvalidParameterValue", "Missing required parameter Signature.", "caller", "stranger"),
        ("InvalidParameterValue", "Missing required parameter Timestamp.", "caller", "stranger"),
        ("InvalidParameterValue", "MaxResultsPerPage must be from 1 to 100", "caller", "names the parameter"),
        ("InternalError", "KeyError in ReadsV2026.page:88", "operator", "Report it"),
        ("InternalError", "getOrders answered something that is not a JSON object", "amazon", "Wait"),
        ("ServiceUnavailable", "getOrders: ConnectError", "operator", "DNS"),
        ("ServiceUnavailable", "getOrders: ReadTimeout", "amazon", "Wait"),
        ("ServiceUnavailable", "getOrders did not end within 25 s", "amazon", "Wait"),
        ("ServiceUnavailable", "1000 requests are at work already: see server.in_flight", "operator", "workers"),
        ("ServiceUnavailable", "the server stopped before the answer was ready", "operator", "asks again"),
        ("SignatureDoesNotMatch", "", "caller", "secret"),
        ("RequestExpired", "the caller's clock differs from ours by 1:00:00", "caller", "clock"),
    ],
)
def test_what_we_refuse(code, reason, urgency, words):
    """Our own reasons lead to what helps, and to who can do it."""
    found = meaning_of(code, reason)
    assert found.urgency == urgency
    assert words in found.remedy


def test_every_code_is_explained():
    """Every code but throttling, which is none of an operator's business, has a row for whatever reason; a code that
    nobody knows sends its reader to the log."""
    for code in CODES - {"", "RequestThrottled"}:
        assert meaning_of(code, "something that nobody has thought of").code == code
    assert "log" in meaning_of("Invented", "x").remedy


def test_every_row_can_be_reached():
    """No row stands behind one that takes all of its errors, and each is written out."""
    for place, row in enumerate(MEANINGS):
        assert not any(before.code == row.code and not before.reason for before in MEANINGS[:place])
        assert row.meaning.endswith(".")
        assert row.remedy
        assert re.compile(row.reason)
    assert len({(row.code, row.reason) for row in MEANINGS}) == len(MEANINGS)
