"""Every fault, from the header and from the script."""

import orjson
import pytest

from bridge.sandbox import FAULTS
from tests.sandbox.probe import ANCHOR, LIST_PII, NA, US

CANNED = {
    "throttle": (429, "QuotaExceeded"),
    "throttle-with-rate": (429, "QuotaExceeded"),
    "internal": (500, "InternalFailure"),
    "unavailable": (503, "ServiceUnavailable"),
    "denied": (403, "Unauthorized"),
    "unauthorized-token": (403, "Unauthorized"),
    "not-found": (404, "NotFound"),
}
LWA = {
    "throttle": 429,
    "throttle-with-rate": 429,
    "internal": 500,
    "unavailable": 503,
    "denied": 401,
    "unauthorized-token": 403,
    "not-found": 404,
    "invalid-grant": 400,
}


def with_fault(probe, fault, **more):
    return probe.get(
        "", {"MarketplaceIds": US, "CreatedAfter": "2025-11-01T00:00:00Z"}, headers={"x-sandbox-fault": fault}, **more
    )


@pytest.mark.parametrize("fault", sorted(CANNED))
def test_error_faults(probe, fault):
    """Each error fault brings its documented status and code, is logged, and passes with the request."""
    answer = with_fault(probe, fault)
    assert (answer.status, answer.error["code"]) == CANNED[fault]
    assert ("x-amzn-ratelimit-limit" in answer.headers) == (fault in {"throttle-with-rate", "not-found"})
    assert "x-amzn-requestid" in answer.headers
    call = probe.sandbox.log[-1]
    assert (call.fault, call.status, call.operation) == (fault, CANNED[fault][0], "getOrders")
    assert call.selling_partner_id == NA.selling_partner_id
    assert probe.list().status == 200
    assert probe.sandbox.log[-1].fault is None


def test_expired_token_fault_speaks_of_expiry(probe):
    """unauthorized-token is the answer to an expired token."""
    assert with_fault(probe, "unauthorized-token").error["details"] == "The access token you provided has expired."


@pytest.mark.parametrize("fault", sorted(LWA))
def test_faults_of_the_token_endpoint(probe, fault):
    """At Login with Amazon the faults have OAuth's shape."""
    answer = probe.lwa(headers={"x-sandbox-fault": fault})
    assert answer.status == LWA[fault]
    assert {"error", "error_description", "request_id"} == answer.json.keys()
    assert (fault == "invalid-grant") == (answer.json["error"] == "invalid_grant")
    assert probe.lwa().status == 200


def test_missing_role_fault(probe):
    """missing-role is the RDT's refusal, also for a seller who has the roles."""
    answer = probe.ask_rdt(LIST_PII, headers={"x-sandbox-fault": "missing-role"})
    assert answer.status == 400
    assert answer.error["message"].endswith("requested data elements: [buyerInfo, shippingAddress]")


def test_html_fault(probe):
    """html is a 200 whose body is a web page."""
    answer = with_fault(probe, "html", checked=False)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.body.startswith(b"<!DOCTYPE html>")


def test_wrong_shape_fault(probe):
    """wrong-shape is sound JSON that no operation answers with."""
    answer = with_fault(probe, "wrong-shape", checked=False)
    assert answer.status == 200
    assert not isinstance(answer.json["payload"], dict)
    assert "access_token" not in probe.lwa(headers={"x-sandbox-fault": "wrong-shape"}).json


def test_malformed_fault(probe):
    """malformed is the real answer with a broken end, of the promised length."""
    answer = with_fault(probe, "malformed", checked=False)
    assert answer.status == 200
    assert len(answer.body) == int(answer.headers["content-length"])
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(answer.body)


def test_truncated_fault(probe):
    """truncated promises the whole body and sends half of it."""
    whole = with_fault(probe, "slow:0").body
    answer = with_fault(probe, "truncated", checked=False)
    assert int(answer.headers["content-length"]) == len(whole)
    assert answer.body == whole[: len(whole) // 2]


async def test_truncated_survives_a_strict_server(probe):
    """A server that raises on the missing bytes does not make the sandbox fail."""
    token = probe.token()
    sent = []

    async def send(message):
        sent.append(message)
        if message["type"] == "http.response.body":
            raise RuntimeError("Response content shorter than Content-Length")

    async def receive():
        return {"type": "http.request", "body": b""}

    headers = [(b"x-amz-access-token", token.encode()), (b"x-sandbox-fault", b"truncated")]
    query = b"MarketplaceIds=ATVPDKIKX0DER&CreatedAfter=2025-11-01T00:00:00Z"
    scope = {"type": "http", "method": "GET", "path": "/orders/v0/orders", "query_string": query, "headers": headers}
    await probe.sandbox.app(scope, receive, send)
    assert len(sent) == 2


def test_slow_fault(probe):
    """slow:N waits N seconds of the injected sleep, then answers in order; without a number it waits one."""
    assert with_fault(probe, "slow:3").status == 200
    with_fault(probe, "slow")
    assert probe.slept == [3.0, 1.0]


def test_drip_fault(probe):
    """drip sends the whole answer in small pieces with a wait before each."""
    whole = with_fault(probe, "slow:0").body
    probe.slept.clear()
    answer = with_fault(probe, "drip:0.5")
    assert answer.body == whole
    pieces = [message for message in answer.messages if message.get("body")]
    assert len(pieces) == len(probe.slept) > 100
    assert max(len(message["body"]) for message in pieces) < 16
    assert set(probe.slept) == {0.5}


def test_faults_come_before_everything_else(probe):
    """An error fault needs no token, reads nothing and spends nothing."""
    answer = probe.request("GET", "/orders/v0/orders/x", headers={"x-sandbox-fault": "internal"})
    assert answer.status == 500
    assert probe.sandbox.log[-1].selling_partner_id is None


def test_script_is_consumed_in_order(probe):
    """A script answers the next requests of its operation one by one; None lets one pass."""
    probe.sandbox.faults.script("getOrders", ["throttle", None, "internal"])
    order = probe.store.create_order(NA.selling_partner_id, US, at=ANCHOR - 3600)
    assert probe.get(f"/{order.id}").status == 200
    assert [probe.list().status for _ in range(4)] == [429, 200, 500, 200]
    assert [call.fault for call in list(probe.sandbox.log)[-4:]] == ["throttle", None, "internal", None]


def test_precedence(probe):
    """Header before script before the script for all before always before always for all."""
    faults = probe.sandbox.faults
    order = probe.store.create_order(NA.selling_partner_id, US, at=ANCHOR - 3600)
    probe.token()
    faults.always("*", "not-found")
    faults.always("getOrders", "denied")
    faults.script("*", ["unavailable"])
    faults.script("getOrders", ["throttle"])
    assert with_fault(probe, "internal").status == 500
    assert [probe.list().status for _ in range(3)] == [429, 503, 403]
    assert probe.get(f"/{order.id}").status == 404
    faults.always("getOrders", None)
    assert probe.list().status == 404
    faults.clear()
    assert probe.list().status == 200
    faults.always("getOrders", None)


def test_star_reaches_the_token_endpoint(probe):
    """A fault for all operations hits Login with Amazon too."""
    probe.sandbox.faults.script("*", ["internal"])
    assert probe.lwa().json["error"] == "server_error"


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        ("getOrders", "thunder"),
        ("getOrders", "throttle:3"),
        ("getOrders", "slow:x"),
        ("getOrders", "slow:-1"),
        ("getOrders", "slow:nan"),
        ("getOrders", "invalid-grant"),
        ("getOrders", "missing-role"),
        ("lwa", "missing-role"),
        ("*", "invalid-grant"),
        ("getorders", "throttle"),
    ],
)
def test_impossible_faults_are_refused(probe, operation, fault):
    """A fault that does not exist, or not there, is an error at once and not a silent pass."""
    with pytest.raises(ValueError, match=r"fault|float|operation"):
        probe.sandbox.faults.script(operation, [fault])
    with pytest.raises(ValueError, match=r"fault|float|operation"):
        probe.sandbox.faults.always(operation, fault)
    if operation == "getOrders":
        answer = with_fault(probe, fault)
        assert (answer.status, answer.error["code"]) == (400, "InvalidInput")
        assert "x-sandbox-fault" in answer.error["message"]


def test_every_fault_is_covered_here():
    """The list of faults is the one that these tests know."""
    known = {
        *CANNED,
        "invalid-grant",
        "missing-role",
        "html",
        "wrong-shape",
        "malformed",
        "truncated",
        "slow",
        "drip",
    }
    assert known == FAULTS
