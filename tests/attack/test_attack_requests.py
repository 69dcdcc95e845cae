"""Requests that mean harm, or look as if they did: each ends in its tabled MWS error, and nothing leaks or breaks."""

import pytest

from bridge.sandbox import SandboxSettings
from tests.support import ALWAYS, HOST, NA, NOW, PATH, US, Bridge, encoded, signed_query

MEBIBYTE = 2**20


@pytest.fixture
def bridge():
    return Bridge(sandbox=SandboxSettings(orders=15, anchor=NOW))


def signed(**extra):
    return signed_query("ListOrders", {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US, **extra})


# --- sizes ----------------------------------------------------------------------------------------------------------


async def test_a_body_of_one_byte_too_many(bridge):
    """1 MiB + 1 is 413 and unread; 1 MiB is read."""
    filler = "&x=" + "y" * MEBIBYTE
    query = signed()
    assert (await bridge.send(body=(query + filler)[: MEBIBYTE + 1])).outcome == (413, "InvalidRequest")
    assert (await bridge.send(body=(query + filler)[:MEBIBYTE])).outcome == (403, "SignatureDoesNotMatch")


async def test_a_query_of_one_mebibyte(bridge):
    """What the server lets through as a query string is read like a body."""
    assert (await bridge.send("GET", query="x=" + "y" * MEBIBYTE)).outcome == (400, "InvalidParameterValue")


@pytest.mark.parametrize(("count", "code"), [(1000, "SignatureDoesNotMatch"), (1001, "InvalidParameterValue")])
@pytest.mark.parametrize("where", ["query", "body", "both"])
async def test_parameters_without_number(bridge, where, count, code):
    """A thousand parameters are read, one more is refused, wherever they stand."""
    own = signed().split("&")
    pairs = own + [f"p{number}=" for number in range(count - len(own))]
    half = {"query": count, "body": 0, "both": count // 2}[where]
    answer = await bridge.send(query="&".join(pairs[:half]), body="&".join(pairs[half:]))
    assert answer.code == code
    if count == 1001:
        assert answer.message == "More than 1000 parameters were sent."


async def test_empty_pairs_do_not_count(bridge):
    """A million ampersands are no parameter."""
    assert (await bridge.send(body=signed() + "&" * (MEBIBYTE - 2000))).status == 200


@pytest.mark.parametrize(
    ("prefix", "most"), [("AmazonOrderId.Id", 50), ("MarketplaceId.Id", 50), ("OrderStatus.Status", 50)]
)
async def test_lists_without_end(bridge, prefix, most):
    """51 different members of any list are refused with the limit in the message."""
    action = "GetOrder" if prefix.startswith("Amazon") else "ListOrders"
    members = {f"{prefix}.{number}": f"A{number}" for number in range(most + 1)}
    base = {} if action == "GetOrder" else {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US}
    answer = await bridge.call(action, {**base, **members})
    assert answer.outcome == (400, "InvalidParameterValue")
    assert bridge.upstream.requests == []


@pytest.mark.parametrize("index", ["0", "-1", "1" * 10, "1" * 5000, "١", "1.1", "", "0x1", "1e3", " 1", "+1"])
async def test_numbers_of_list_members_that_are_none(bridge, index):
    """Only plain numbers of up to nine digits number a member; others are unknown parameters, never a crash."""
    answer = await bridge.call("GetOrder", {f"AmazonOrderId.Id.{index}": "123-1234567-1234567"})
    assert answer.status == (200 if index == "0" else 400)


@pytest.mark.parametrize("length", [65, 10_000, 500_000])
async def test_very_long_names_are_not_repeated(bridge, length):
    """A name too long to show is not shown, neither to the caller nor in the log."""
    answer = await bridge.send(body=f"{'n' * length}=1&{'n' * length}=2")
    assert answer.outcome == (400, "InvalidParameterValue")
    assert answer.message == "Parameter (unprintable name) was sent more than once."
    assert "nnn" not in bridge.events[-1].reason


@pytest.mark.parametrize("value", ["9" * 5000, "1e9", "-1", "0x10", "٣", "1.0", "0", "101", "NaN"])
async def test_numbers_that_are_none(bridge, value):
    """MaxResultsPerPage takes 1 to 100 in plain digits."""
    answer = await bridge.send(body=signed(MaxResultsPerPage=value))
    assert (answer.status, answer.message) == (
        400,
        "Value of parameter MaxResultsPerPage is not a whole number from 1 to 100.",
    )


@pytest.mark.parametrize(
    "value", ["0000-00-00", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2026-02-30", "T", "1" * 9999]
)
async def test_dates_at_the_edge_of_the_calendar(bridge, value):
    """A date that cannot be is a 400, not an overflow."""
    answer = await bridge.call("ListOrders", {"CreatedAfter": value, "MarketplaceId.Id.1": US})
    assert answer.outcome == (400, "InvalidParameterValue")


# --- bytes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", [b"%FF", b"\xff", b"%C3%28", b"%ED%A0%80", b"%F5%80%80%80", b"%C0%80"])
@pytest.mark.parametrize("place", ["name", "value"])
async def test_text_that_is_not_utf_8(bridge, raw, place):
    """Broken UTF-8 in a name or a value is refused, and the bytes are not repeated."""
    body = raw + b"=1" if place == "name" else b"Action=" + raw
    answer = await bridge.send(body=body)
    assert answer.outcome == (400, "InvalidParameterValue")
    assert "not valid UTF-8" in answer.message


@pytest.mark.parametrize("value", ["\0", "a\0b", "\x1b[31m", "\x7f", "\ufffe", "\U0010ffff", "\u202e", "\ud7ff"])
async def test_characters_that_xml_cannot_hold(bridge, value):
    """NUL and its kin in a value that an answer repeats are shown as unprintable or replaced, never sent raw."""
    answer = await bridge.call("ListOrderItems", {"AmazonOrderId": value})
    assert answer.outcome == (400, "InvalidParameterValue")
    assert b"\0" not in answer.body
    assert b"\x1b" not in answer.body
    assert (await bridge.send(body=f"Action={encoded(value)}")).outcome == (404, "InvalidAddress")


@pytest.mark.parametrize("value", ["<x/>", "]]>", "<!ENTITY x SYSTEM 'file:///etc/passwd'>", "&lt;", "' \" &"])
async def test_markup_in_a_value_stays_text(bridge, value):
    """What looks like XML in a parameter comes back as text, and the answer stays well formed."""
    answer = await bridge.call("ListOrderItems", {"AmazonOrderId": value})
    assert answer.message == f"Invalid AmazonOrderId: {value}"
    answer = await bridge.send(body=f"Action={encoded(value)}")
    assert value in answer.message


@pytest.mark.parametrize("depth", [1, 2, 10, 1000])
async def test_percent_signs_upon_percent_signs(bridge, depth):
    """A value is decoded once, however often it was encoded."""
    value = "%" + "25" * depth + "41"
    answer = await bridge.send(body=f"Action={value}")
    assert answer.outcome == (404, "InvalidAddress")
    once = "%" + "25" * (depth - 1) + "41"
    assert (once in answer.message) is (len(once) <= 64)


@pytest.mark.parametrize("value", ["%", "%4", "%zz", "%%41", "a%", "%u0041", "+%2B+"])
async def test_percent_signs_that_encode_nothing(bridge, value):
    """Damaged escapes are taken as they stand."""
    assert (await bridge.send(body=f"Action={value}")).outcome == (404, "InvalidAddress")


# --- signatures -----------------------------------------------------------------------------------------------------


async def test_two_signatures(bridge):
    """A second, different Signature is refused, before or behind the right one; a repeated one is the same."""
    query = signed()
    right = query.rpartition("&Signature=")[2]
    for body in (f"{query}&Signature=AAAA", f"Signature=AAAA&{query}"):
        answer = await bridge.send(body=body)
        assert (answer.status, answer.message) == (400, "Parameter Signature was sent more than once.")
    assert (await bridge.send(body=f"{query}&Signature={right}")).status == 200
    assert (await bridge.send(query="Signature=AAAA", body=query)).status == 400


@pytest.mark.parametrize("name", ["SellerId", "Action", "Timestamp", "AWSAccessKeyId", "CreatedAfter"])
async def test_a_parameter_smuggled_beside_the_signed_one(bridge, name):
    """Two values for one name, in URL and body, are refused: one could be signed and the other read."""
    answer = await bridge.send(query=f"{name}=evil", body=signed())
    assert (answer.status, answer.message) == (400, f"Parameter {name} was sent more than once.")


@pytest.mark.parametrize("made", ["", "A", "AAAA", "é", "=" * 44, "A" * 100_000, "\0"])
async def test_signatures_that_are_none(bridge, made):
    """Short, long, foreign signatures are wrong ones; an empty one is a missing one."""
    body = signed().rpartition("&Signature=")[0] + f"&Signature={encoded(made)}"
    assert (await bridge.send(body=body)).code == ("SignatureDoesNotMatch" if made else "InvalidParameterValue")


@pytest.mark.parametrize("version", ["1", "0", "4", "2 ", "two"])
async def test_other_signature_versions(bridge, version):
    """Only version 2 is one; version 0 and 1, which can be forged, never were."""
    body = signed().replace("SignatureVersion=2", f"SignatureVersion={encoded(version)}")
    assert (await bridge.send(body=body)).code == "InvalidParameterValue"


# --- headers and log lines ------------------------------------------------------------------------------------------

INJECTED = "x\r\nX-Evil: 1\r\n\r\n<html>"


@pytest.mark.parametrize(
    "name", ["Action", "AmazonOrderId", "SellerId", "AWSAccessKeyId", "NextToken", "Timestamp", INJECTED]
)
async def test_line_breaks_in_values_stay_out_of_headers_and_log_lines(bridge, caplog, name):
    """CR and LF in any value or name reach neither a header of ours, nor one upstream, nor a line of the log."""
    caplog.set_level("DEBUG")
    for action in ("ListOrders", "ListOrderItems", "ListOrdersByNextToken"):
        query = signed_query(action, {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US, name: INJECTED})
        answer = await bridge.send(body=query)
        assert not any(b"\r" in part or b"\n" in part for header in answer.headers.raw for part in header)
        assert "x-evil" not in answer.headers
    for record in caplog.records:
        assert record.getMessage().isprintable(), record.getMessage()
    for request in bridge.upstream.requests:
        assert not any(b"\n" in part for header in request.headers.raw for part in header)
        assert b"\n" not in request.url.raw_path


@pytest.mark.parametrize("name", ["BuyerEmail", "SellerOrderId"])
async def test_line_breaks_in_a_filter_go_upstream_encoded(bridge, name):
    """A filter's value is data: SP-API gets exactly it, in the query and nowhere else."""
    await bridge.send(body=signed(**{name: INJECTED}))
    assert bridge.upstream_queries()[0][name] == INJECTED


@pytest.mark.parametrize("header", ["host", "user-agent", "x-amzn-authorization", "accept-encoding", "content-type"])
@pytest.mark.parametrize("value", ["", "x" * 20_000, "\xff\xfe", 'a, b; c="d"', "../../etc", "gzip\t;q=x"])
async def test_headers_of_any_kind(bridge, header, value):
    """No header's value changes more than the outcome of the signature."""
    answer = await bridge.send(body=signed_query("GetServiceStatus"), headers={header: value})
    assert answer.outcome == (200, None)


# --- paths ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/Orders/%2e%2e/Orders/2013-09-01",
        "/Orders/../Orders/2013-09-01",
        "/./Orders/2013-09-01",
        "/Orders%2F2013-09-01",
        "/Orders/2013-09-01%00",
        "/Orders/2013-09-01;x=y",
        "/Orders/2013-09-01.xml",
        "/Orders\\2013-09-01",
        "/orders/2013-09-01",
        "/%4Frders/2013-09-01",
        "http://evil.example/Orders/2013-09-01",
        "//evil.example/Orders/2013-09-01",
        "/Orders/٢٠١٣-09-01".encode().decode("latin-1"),
        "/Orders/2013-09-01\n",
        "",
        "*",
        "/" + "Orders/" * 5000,
        "/" * 60_000,
        "/cgi-bin/../../etc/passwd",
    ],
)
async def test_paths_that_try_something(bridge, path):
    """Nothing is normalised: a path that is not literally section and version is 404, and costs nothing upstream."""
    answer = await bridge.send(path=path, body=signed())
    assert answer.outcome == (404, "InvalidAddress")
    assert bridge.upstream.requests == []


@pytest.mark.parametrize("path", ["/Orders/2013-09-01/", "//Orders/2013-09-01", "/Orders//2013-09-01//"])
async def test_slashes_too_many_are_forgiven(bridge, path):
    """Clients were seen to write too many slashes; they mean the same operation, and sign the path as sent."""
    assert (await bridge.call("GetServiceStatus", path=path)).status == 200


@pytest.mark.parametrize("order_id", ["../../tokens", "%2e%2e", "123-1234567-1234567/buyerInfo", "a?b=c", "a#b", ""])
async def test_an_order_id_cannot_leave_its_path_segment(bridge, order_id):
    """An order id with slashes, dots or question marks never becomes part of an upstream path."""
    await bridge.call("ListOrderItems", {"AmazonOrderId": order_id})
    await bridge.call("GetOrder", {"AmazonOrderId.Id.1": order_id, "AmazonOrderId.Id.2": order_id + "x"})
    assert bridge.upstream.requests == []


async def test_no_parameter_chooses_the_host_that_is_called(bridge):
    """Whatever the caller sends, requests go to the configured origin only."""
    hostile = {"origin": "http://evil.example", "MWSHost": "evil.example", "lwa_url": "http://evil.example"}
    answer = await bridge.call(
        "ListOrders",
        {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US, **hostile},
        headers={"x-forwarded-host": "evil.example", "host": HOST},
    )
    assert answer.status == 200
    assert {request.url.host for request in bridge.upstream.requests} == {"sandbox.test"}
    assert {dict(request.headers)["host"] for request in bridge.upstream.requests} == {"sandbox.test"}


async def test_a_key_cannot_reach_another_keys_seller_by_any_spelling(bridge):
    """Case, blanks, commas and a second spelling of the parameter change nothing about whose orders are read."""
    for seller in (NA.selling_partner_id.lower(), f" {NA.selling_partner_id}", f"{NA.selling_partner_id},X", "*"):
        answer = await bridge.call("ListOrders", {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US}, seller=seller)
        assert answer.outcome == (401, "AccessDenied")
    assert bridge.upstream.requests == []
    assert PATH == "/Orders/2013-09-01"
