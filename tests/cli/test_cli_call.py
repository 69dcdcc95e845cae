"""``mws-bridge call``: one signed request, against a real endpoint on loopback."""

import base64
import gzip
import hmac
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from bridge.cli import main
from bridge.cli.config import DEMO_ACCESS_KEY, DEMO_SECRET
from bridge.cli.signing import Account
from bridge.endpoint.build import build_endpoint
from bridge.settings import load_settings
from mws_compat.reader import Document, parse_document
from tests.cli.running import ACCESS_SECRET, SELLER, Upstream, configuration, served

US = SELLER.marketplace_ids[0]
LISTING = ["ListOrders", "--sandbox", "--created-after", "2020-01-01", "--marketplace-id", US]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def call(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """``mws-bridge call`` at the endpoint; its origin is in the environment, as people put it there."""
    monkeypatch.setenv("MWS_URL", f"{endpoint}/")

    def run(*typed: str) -> int:
        return main(["call", *typed])

    return run


def answered(capsys: Capture) -> Document:
    """The document that was printed."""
    return parse_document(capsys.readouterr().out.encode())


def test_a_listing_and_its_next_page(call: Callable[..., int], upstream: Upstream, capsys: Capture) -> None:
    """The XML is printed on stdout, status and request id on stderr, and the token of one page asks for the next."""
    assert call(*LISTING, "--max-results-per-page", "2") == 0
    told = capsys.readouterr()
    first = parse_document(told.out.encode())
    assert first.action == "ListOrders"
    assert told.err == f"HTTP 200  x-mws-request-id: {first.request_id}\n"
    assert call("ListOrdersByNextToken", "--sandbox", "--next-token", str(first.result["NextToken"])) == 0
    second = answered(capsys)
    assert second.action == "ListOrdersByNextToken"
    orders = [*first.result["Orders"], *second.result["Orders"]]  # type: ignore[misc]
    assert len({order["AmazonOrderId"] for order in orders}) == 4  # type: ignore[index,call-overload]


def test_options_become_parameters(call: Callable[..., int], upstream: Upstream, capsys: Capture) -> None:
    """Each option is sent under its parameter's name, those of lists numbered, and reaches SP-API."""
    typed = [
        *("--marketplace-id", SELLER.marketplace_ids[1], "--order-status", "Unshipped"),
        *("--order-status", "PartiallyShipped", "--fulfillment-channel", "MFN", "--payment-method", "Other"),
        *("--max-results-per-page", "7", "--easy-ship-shipment-status", "Lost", "--created-before", "2021-01-01"),
    ]
    assert call(*LISTING, *typed) == 0
    query = dict(upstream.sandbox.log[-1].query)
    assert query == {
        "MarketplaceIds": f"{US},{SELLER.marketplace_ids[1]}",
        "CreatedAfter": "2020-01-01T00:00:00Z",
        "CreatedBefore": "2021-01-01T00:00:00Z",
        "OrderStatuses": "Unshipped,PartiallyShipped",
        "FulfillmentChannels": "MFN",
        "PaymentMethods": "Other",
        "MaxResultsPerPage": "7",
        "EasyShipShipmentStatuses": "Lost",
    }


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        (["--last-updated-after", "2020-01-01", "--last-updated-before", "2021-01-01"], "LastUpdatedBefore"),
        (["--created-after", "2020-01-01", "--buyer-email", "a+b@c.example"], "BuyerEmail"),
        (["--created-after", "2020-01-01", "--seller-order-id", "web 1/2&3"], "SellerOrderId"),
    ],
)
def test_the_other_options(
    typed: list[str], name: str, call: Callable[..., int], upstream: Upstream, capsys: Capture
) -> None:
    """Also the parameters that exclude each other reach SP-API, whatever characters they hold."""
    assert call("ListOrders", "--sandbox", "--marketplace-id", US, *typed) == 0
    assert dict(upstream.sandbox.log[-1].query)[name] == typed[3].replace("2021-01-01", "2021-01-01T00:00:00Z")


@pytest.mark.parametrize("option", ["--get", "--sha1", "--api-version=2011-01-01", "--seller=A1SANDBOXNOPII"])
def test_ways_of_asking(option: str, call: Callable[..., int], upstream: Upstream, capsys: Capture) -> None:
    """GET, the old signature, the old API version and another seller of the account are all answered."""
    assert call(*LISTING, option, "--max-results-per-page", "1") == 0
    assert answered(capsys).namespace.endswith("2011-01-01" if "2011" in option else "2013-09-01")
    assert upstream.sandbox.log[-1].selling_partner_id == (option[9:] if "seller" in option else "A1SANDBOXNA001")


def test_orders_and_items(call: Callable[..., int], upstream: Upstream, capsys: Capture) -> None:
    """--amazon-order-id is a list for GetOrder and a single value for ListOrderItems."""
    ids = [order.id for order in upstream.sandbox.store.orders(SELLER.selling_partner_id)][:2]
    assert call("GetOrder", "--sandbox", "--amazon-order-id", ids[0], "--amazon-order-id", ids[1]) == 0
    assert [order["AmazonOrderId"] for order in answered(capsys).result["Orders"]] == ids  # type: ignore[index,call-overload,union-attr]
    assert call("ListOrderItems", "--sandbox", "--amazon-order-id", ids[0]) == 0
    assert answered(capsys).result["AmazonOrderId"] == ids[0]


def test_parameters_as_they_are(call: Callable[..., int], upstream: Upstream, capsys: Capture) -> None:
    """--param sends any name, with anything after the first equals sign, and wins over everything else."""
    typed = ["GetServiceStatus", "--sandbox", "--param", "Any.Thing.1=a=b", "--param", "Empty="]
    assert call(*typed) == 0
    capsys.readouterr()
    assert call(*typed, "--param", "SellerId=A1NOBODY") == 1
    assert answered(capsys).result["Code"] == "AccessDenied"
    assert call(*typed, "--dry-run") == 0
    assert "&Any.Thing.1=a%3Db&Empty=&" in capsys.readouterr().out


def test_an_error_is_an_answer(call: Callable[..., int], upstream: Upstream, capsys: Capture) -> None:
    """An MWS error is printed like any answer, and the exit code is 1."""
    assert call("ListOrders", "--sandbox", "--marketplace-id", US) == 1
    told = capsys.readouterr()
    assert told.err.startswith("HTTP 400  x-mws-request-id: ")
    assert parse_document(told.out.encode()).result["Code"] == "InvalidParameterValue"


def test_an_unknown_operation_is_sent(call: Callable[..., int], upstream: Upstream, capsys: Capture) -> None:
    """What we do not know goes to the endpoint all the same, which knows no such address."""
    assert call("ListFinancialEvents", "--sandbox", "--param", "PostedAfter=2020-01-01") == 1
    assert answered(capsys).result["Code"] == "InvalidAddress"


def test_dry_run(capsys: Capture) -> None:
    """Nothing is sent: the string to sign, method and URL and the body are printed, and the signature is right."""
    account = ["--sandbox", "--url", "https://MWS.example.com:8443", "--dry-run"]
    assert main(["call", "GetOrder", *account, "--amazon-order-id", "112-1"]) == 0
    lines = capsys.readouterr().out.split("\n")
    verb, host, path, query, blank, request, body, end = lines
    assert (verb, host, path, blank, end) == ("POST", "mws.example.com:8443", "/Orders/2013-09-01", "", "")
    assert request == "POST https://MWS.example.com:8443/Orders/2013-09-01"
    pairs = dict(parse_qsl(body))
    assert pairs["AmazonOrderId.Id.1"] == "112-1"
    text = f"POST\nmws.example.com:8443\n/Orders/2013-09-01\n{query}".encode()
    assert pairs["Signature"] == base64.b64encode(hmac.digest(DEMO_SECRET.encode(), text, "sha256")).decode()
    assert DEMO_SECRET not in "\n".join(lines)

    assert main(["call", "GetServiceStatus", *account, "--get", "--sha1", "--api-version", "2011-01-01"]) == 0
    lines = capsys.readouterr().out.split("\n")
    assert lines[:3] == ["GET", "mws.example.com:8443", "/Orders/2011-01-01"]
    asked = dict(parse_qsl(urlsplit(lines[5].removeprefix("GET ")).query))
    assert (asked["SignatureMethod"], asked["Version"]) == ("HmacSHA1", "2011-01-01")
    digest = hmac.digest(DEMO_SECRET.encode(), "\n".join(lines[:4]).encode(), "sha1")
    assert asked["Signature"] == base64.b64encode(digest).decode()


def refused(capsys: Capture, *typed: str) -> str:
    """What is said of a call that cannot be made."""
    assert main(["call", *typed]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "Traceback" not in told.err
    return told.err


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["GetOrder", "--param", "AmazonOrderId"], "--param AmazonOrderId: write NAME=VALUE"),
        (["ListOrders", "--created-after", "a", "--created-after", "b"], "CreatedAfter takes one value"),
        (
            ["GetOrder", "--created-after", "2020"],
            "GetOrder has no parameter CreatedAfter that we know of; to send it",
        ),
        (
            ["Anything", "--next-token", "x"],
            "Anything has no parameter NextToken that we know of; to send it all the",
        ),
        (
            ["GetServiceStatus", "--url", "localhost:8013"],
            "the endpoint's origin is not an address like https://host",
        ),
        (
            ["GetServiceStatus", "--url", "http://[::1"],
            "the endpoint's origin is not an address like https://host:port",
        ),
        (["GetServiceStatus", "--url", "http://h/mws"], "the endpoint's origin must end after host and port"),
        (["GetServiceStatus", "--param", "Name=\udcff"], "what is to be sent is not UTF-8 text"),
        (["GetServiceStatus", "--url", "http://127.0.0.1:1"], "no answer: ConnectError"),
    ],
)
def test_what_cannot_be_asked(typed: list[str], words: str, capsys: Capture) -> None:
    """When nothing could be asked the exit code is 2, and one sentence says why."""
    told = refused(capsys, *typed, "--sandbox")
    assert told.startswith(f"mws-bridge: {words}")
    assert told.count("\n") == 1


def test_an_answer_that_cannot_be_read(capsys: Capture) -> None:
    """An answer that breaks HTTP's own rules is no answer, and no traceback."""

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-encoding", b"gzip"), (b"content-length", b"4")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": gzip.compress(b"")[:3] + b"x"})

    with served(broken, mws=False) as origin:
        assert "no answer: DecodingError" in refused(capsys, "GetServiceStatus", "--sandbox", "--url", origin)


# --- whose key ------------------------------------------------------------------------------------------------------


def sent(capsys: Capture, *typed: str) -> dict[str, str]:
    """The parameters that a call would send."""
    assert main(["call", "GetServiceStatus", "--dry-run", *typed]) == 0
    return dict(parse_qsl(capsys.readouterr().out.split("\n")[-2]))


def test_nobodys_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """Without any account the user is told the three ways to have one."""
    monkeypatch.chdir(tmp_path)
    told = refused(capsys, "GetServiceStatus")
    assert told == "mws-bridge: whose key? Set MWS_ACCESS_KEY and MWS_SECRET, or use --config or --sandbox\n"


def test_the_account_of_the_environment(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """Key, secret and seller come from the environment; options take the place of key and seller."""
    for name, value in {"MWS_ACCESS_KEY": "AKIAENV", "MWS_SECRET": "s", "MWS_SELLER": "A1ENV"}.items():
        monkeypatch.setenv(name, value)
    pairs = sent(capsys)
    assert (pairs["AWSAccessKeyId"], pairs["SellerId"]) == ("AKIAENV", "A1ENV")
    pairs = sent(capsys, "--access-key", "AKIAOPTION", "--seller", "A1OPTION")
    assert (pairs["AWSAccessKeyId"], pairs["SellerId"]) == ("AKIAOPTION", "A1OPTION")
    pairs = sent(capsys, "--sandbox")
    assert (pairs["AWSAccessKeyId"], pairs["SellerId"]) == (DEMO_ACCESS_KEY, "A1ENV")


def test_the_account_of_a_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """The first access key of a configuration is used, or the one that is named, with its first seller; the file is
    the one given, or that of the environment, or the one at hand."""
    second = '[[access_key]]\nid = "AKIAOTHER"\nsecret = "other"\nsellers = ["A1SANDBOXNA001"]'
    path = configuration(tmp_path, "http://127.0.0.1:1", access_key=second)
    pairs = sent(capsys, "--config", str(path))
    assert (pairs["AWSAccessKeyId"], pairs["SellerId"]) == ("AKIATEST", "A1SANDBOXNA001")
    assert "MWSAuthToken" not in pairs
    assert sent(capsys, "--config", str(path), "--access-key", "AKIAOTHER")["AWSAccessKeyId"] == "AKIAOTHER"
    assert sent(capsys, "--config", str(path), "--seller", "A9")["SellerId"] == "A9"
    told = refused(capsys, "GetServiceStatus", "--config", str(path), "--access-key", "AKIANONE")
    assert told == f"mws-bridge: {path} has no access key AKIANONE\n"

    monkeypatch.setenv("MWS_BRIDGE_CONFIG", str(path))
    assert sent(capsys)["AWSAccessKeyId"] == "AKIATEST"
    monkeypatch.setenv("MWS_BRIDGE_CONFIG", "")
    monkeypatch.chdir(tmp_path)
    assert sent(capsys)["AWSAccessKeyId"] == "AKIATEST"
    path.write_text("[server]\nport = -1\n")
    told = refused(capsys, "GetServiceStatus")
    assert told.startswith("mws-bridge: mws-bridge.toml cannot be used:\n  server.port: ")


def test_the_token_of_a_configuration(tmp_path: Path, upstream: Upstream, capsys: Capture) -> None:
    """Where a configuration asks for an MWSAuthToken, the call sends it."""
    token = 'mws_auth_tokens = { A1SANDBOXNA001 = "amzn.mws.1" }'
    path = configuration(tmp_path, upstream.origin, access_key=token)
    with served(build_endpoint(load_settings(path, {}), emit=lambda _: None)) as origin:
        typed = ["ListOrders", *LISTING[2:], "--config", str(path), "--url", origin]
        assert main(["call", *typed]) == 0
        assert main(["call", *typed, "--param", "MWSAuthToken=another"]) == 1
    assert "AccessDenied" in capsys.readouterr().out


def test_secrets_are_not_shown() -> None:
    """The account that a request is signed with does not show its secrets."""
    shown = repr(Account("AKIATEST", ACCESS_SECRET, "A1", "amzn.mws.1"))
    assert shown == "Account(access_key='AKIATEST', seller='A1')"


def test_a_slow_endpoint(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """An endpoint that does not answer in time is told of as no answer."""

    def late(*_arguments: object, **_options: object) -> httpx.Response:
        raise httpx.ReadTimeout("timed out")

    monkeypatch.setattr(httpx, "request", late)
    assert refused(capsys, "GetServiceStatus", "--sandbox") == "mws-bridge: no answer: ReadTimeout: timed out\n"
