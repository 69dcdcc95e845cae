"""What an MWS caller is told of an SP-API refusal: each row of the table in errors.py."""

import time

import httpx
import orjson
import pytest

from bridge.upstream.errors import UpstreamFault, denied, unavailable, unreadable
from mws_compat.errors import (
    ACCESS_DENIED,
    INTERNAL_ERROR,
    INVALID_PARAMETER_VALUE,
    NEXT_TOKEN_CORRUPTED,
    REQUEST_THROTTLED,
    SERVICE_UNAVAILABLE,
)

DENIED = "Access to requested resource is denied."
UNDECODABLE = (
    "We could not decode your NextToken. Possible reasons include: a transmission error, improper quoting or a "
    "truncation problem."
)
TOKENS = ("Atza|IwEBIA-secret", "Atzr|IwEBIB+secret", "Atz.sprdt|IwEBIC/secret")


def answer(status, code="Code", message="Message", details=None, request_id="rid-1"):
    error = {"code": code, "message": message, **({} if details is None else {"details": details})}
    return httpx.Response(status, content=orjson.dumps({"errors": [error]}), headers={"x-amzn-RequestId": request_id})


@pytest.mark.parametrize(
    ("response", "fault", "message"),
    [
        (
            answer(400, "InvalidInput", "Bad."),
            INVALID_PARAMETER_VALUE,
            "The Selling Partner API refused the request: Bad.",
        ),
        (
            answer(400, "InvalidInput", ""),
            INVALID_PARAMETER_VALUE,
            "The Selling Partner API refused the request: InvalidInput",
        ),
        (answer(400, "", None), INVALID_PARAMETER_VALUE, "The Selling Partner API refused the request: no reason"),
        (answer(400, "InvalidInput", UNDECODABLE), NEXT_TOKEN_CORRUPTED, NEXT_TOKEN_CORRUPTED.message),
        (
            answer(401, "Unauthorized", "Access token is missing in the request header."),
            ACCESS_DENIED,
            "Access denied",
        ),
        (answer(403, "Unauthorized", DENIED), ACCESS_DENIED, "Access to Orders.ListOrders is denied"),
        (
            answer(403, "MissingAuthenticationToken", DENIED, ""),
            ACCESS_DENIED,
            "Access to Orders.ListOrders is denied",
        ),
        (answer(403, "Unauthorized", "The access token you provided has expired."), ACCESS_DENIED, "Access denied"),
        (
            answer(403, "Unauthorized", DENIED, "The access token you provided has expired."),
            ACCESS_DENIED,
            "Access denied",
        ),
        (answer(429, "QuotaExceeded", "You exceeded your quota."), REQUEST_THROTTLED, "Request is throttled"),
        (answer(500, "InternalFailure", "Again."), INTERNAL_ERROR, INTERNAL_ERROR.message),
        (answer(502), SERVICE_UNAVAILABLE, SERVICE_UNAVAILABLE.message),
        (answer(503), SERVICE_UNAVAILABLE, SERVICE_UNAVAILABLE.message),
        (answer(504), SERVICE_UNAVAILABLE, SERVICE_UNAVAILABLE.message),
        (answer(413), INTERNAL_ERROR, INTERNAL_ERROR.message),
        (answer(302), INTERNAL_ERROR, INTERNAL_ERROR.message),
    ],
)
def test_each_row_of_the_table(response, fault, message):
    """Status and words of an SP-API error lead to one MWS fault and message, and Amazon's request id goes along."""
    error = UpstreamFault.of(response).as_mws_error("ListOrders")
    assert error.fault is fault
    assert error.message == message
    assert error.upstream_request_id == "rid-1"
    assert f"HTTP {response.status_code}" in error.reason


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"text"',
        b'{"errors":[]}',
        b'{"errors":{}}',
        b'{"errors":["text"]}',
        b'{"errors":[{}]}',
        b'{"errors":[{"code":1,"message":{"a":1},"details":[]}]}',
        b"[" * 5000,
    ],
)
@pytest.mark.parametrize("status", [400, 403, 500])
def test_an_error_body_of_any_shape_is_read_as_far_as_it_goes(status, body):
    """Whatever the body is, the status alone is enough for an MWS error."""
    fault = UpstreamFault.of(httpx.Response(status, content=body))
    assert (fault.status, fault.code, fault.message, fault.request_id) == (status, "", "", "")
    assert fault.as_mws_error("GetOrder").fault.status in {400, 401, 500}
    assert fault.reason == f"SP-API answered HTTP {status} (no code): (no message)"


def test_the_login_services_own_shape_is_read():
    """LWA's error and error_description are code and message."""
    body = orjson.dumps({"error": "invalid_grant", "error_description": "User may have revoked.", "request_id": "x"})
    fault = UpstreamFault.of(httpx.Response(400, content=body))
    assert (fault.code, fault.message) == ("invalid_grant", "User may have revoked.")


@pytest.mark.parametrize(
    ("status", "message", "details", "stale"),
    [
        (401, "Access token is missing in the request header.", None, True),
        (403, "The access token you provided has expired.", None, True),
        (403, DENIED, "The access token you provided has expired.", True),
        (403, DENIED, "The access token you provided is revoked, malformed or invalid.", True),
        (403, DENIED, "", False),
        (403, DENIED, None, False),
        (400, UNDECODABLE, None, False),
        (500, "token", None, False),
    ],
)
def test_a_stale_token_is_told_from_a_missing_role(status, message, details, stale):
    """Amazon tells of an expired token in ``message`` or in ``details``; nothing else is worth a new token."""
    assert UpstreamFault.of(answer(status, "Unauthorized", message, details)).is_stale_token is stale


@pytest.mark.parametrize("field", ["message", "details"])
@pytest.mark.parametrize("secret", [*TOKENS, "jane.doe+shop@example.co.uk", "<x.y@marketplace.amazon.com>"])
@pytest.mark.parametrize("status", [400, 403, 500])
def test_no_answer_of_ours_repeats_an_address_or_a_token(status, secret, field):
    """E-mail addresses and tokens that Amazon quotes reach neither reason, message, str nor repr."""
    words = {"message": "Refused", field: f"Value '{secret}' (of {secret}) is refused"}
    fault = UpstreamFault.of(answer(status, "InvalidInput", words["message"], words.get("details")))
    error = fault.as_mws_error("ListOrders")
    marker = secret.strip("<>").partition("|")[2] or secret.strip("<>")
    for text in (fault.reason, repr(fault), error.reason, error.message, str(error), repr(error)):
        assert marker not in text


def test_long_words_are_cut():
    """Neither the log nor the caller gets more than 300 letters of Amazon's words, and a megabyte of them costs
    no time."""
    started = time.perf_counter()
    error = UpstreamFault.of(answer(400, "InvalidInput", "x" * 1_000_000)).as_mws_error("ListOrders")
    assert time.perf_counter() - started < 2.0
    assert error.message.endswith(": " + "x" * 300)
    assert error.reason.endswith(": " + "x" * 300)


def test_the_three_makers_of_errors():
    """denied, unavailable and unreadable choose the fault and keep reason and id for the log."""
    assert denied("why").fault is ACCESS_DENIED
    assert denied("why").message == "Access denied"
    assert denied("why", "text", upstream_request_id="r").message == "text"
    assert denied("why", upstream_request_id="r").upstream_request_id == "r"
    assert (unavailable("why").fault, unavailable("why").reason) == (SERVICE_UNAVAILABLE, "why")
    made = unreadable("why", upstream_request_id="r")
    assert (made.fault, made.reason, made.upstream_request_id) == (INTERNAL_ERROR, "why", "r")
