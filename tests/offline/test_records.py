"""The converter as a library: records out of any stream, and to either side."""

import io
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.offline import from_json, iter_records, render, to_sp_api
from bridge.offline.records import from_sp_api, member_name
from bridge.offline.report import ConvertError
from mws_compat.documents import MESSAGE
from mws_compat.orders import ORDER, ORDER_ITEM
from mws_compat.schema import UNMAPPED
from tests.examples import examples
from tests.offline.converting import FEEDS, KINDS, converted, items, jsons, members, order, orders, root_of, same
from tests.offline.test_from_json import LARGE
from tests.offline.test_to_json import GOLDEN
from tests.offline.test_to_xml import ids

STRUCTS = {"Order": ORDER, "OrderItem": ORDER_ITEM, "Message": MESSAGE}


@pytest.mark.parametrize("name", GOLDEN)
def test_records_are_the_lines(name):
    """What the records of a document map to is what it becomes with lines; from its JSON come the same records."""
    xml, _, lines = GOLDEN[name]
    records = list(iter_records(xml.encode()))
    assert [to_sp_api(record) for record in records] == lines
    back = list(iter_records(converted(xml)))
    assert len(back) == len(records)
    for one, other in zip(records, back, strict=True):
        name = member_name(one)
        if name == "OrderItem":
            assert one.pop("AmazonOrderId", "") == other.pop("AmazonOrderId", "")
        assert same(one, other, STRUCTS[name])


@pytest.mark.parametrize(
    "opened", [io.BytesIO, bytes, lambda data: (data[place : place + 1] for place in range(len(data)))]
)
@pytest.mark.parametrize("form", ["xml", "json", "lines"])
def test_streams(opened, form):
    """A stream is a file, bytes, or pieces of any size."""
    data = orders(order("1"), order("2")).encode()
    if form != "xml":
        data = b"\n " + converted(data, lines=form == "lines")
    assert [record["AmazonOrderId"] for record in iter_records(opened(data))] == ["1", "2"]


def test_it_is_lazy():
    """Records come before the stream is read to its end."""

    def pieces():
        yield orders(
            *[order(str(number), "<BuyerName>" + "x" * 10_000 + "</BuyerName>") for number in range(300)]
        ).encode()
        raise AssertionError("read further")

    assert next(iter_records(pieces()))["AmazonOrderId"] == "0"


@examples(40)
@given(data=st.data(), member=st.sampled_from(sorted(KINDS)), page=st.integers(0, 2))
def test_rendered_records_are_read_again(data, member, page):
    """What is rendered gives the same records, page by page."""
    struct, key = KINDS[member]
    records = data.draw(st.lists(members(struct, key), min_size=1, max_size=3))
    xml = b"".join(render(records, page=page))
    assert xml.count(b"<?xml") == (math.ceil(len(records) / page) if page else 1)
    again = list(iter_records(xml))
    assert all(same(one, other, struct) for one, other in zip(records, again, strict=True))
    for record in records:
        assert same(from_sp_api(json.loads(json.dumps(to_sp_api(record)))), record, struct)


def test_items_keep_their_order():
    """An item's record has its order's id, wherever the list names it, and is rendered into its order's list."""
    xml = items("<ASIN>a</ASIN>", "<ASIN>b</ASIN>", order="7", behind=True) + items("<ASIN>c</ASIN>", order="8")
    records = list(iter_records(xml.encode()))
    assert [(record["AmazonOrderId"], record["ASIN"]) for record in records] == [("7", "a"), ("7", "b"), ("8", "c")]
    rendered = b"".join(render(records))
    assert rendered.count(b"<ListOrderItemsResponse ") == 2
    assert list(iter_records(rendered)) == records
    assert from_sp_api(to_sp_api(records[0])) == records[0]
    assert from_sp_api({"ASIN": "x"}) == {"ASIN": "x"}


def test_feeds():
    """Messages of feeds are records too."""
    for name in ("order-report.xml", "fulfillment.xml", "acknowledgement.xml"):
        data = (FEEDS / name).read_bytes()
        records = list(iter_records(data))
        assert [member_name(record) for record in records] == ["Message"] * len(records)
        assert same(root_of(b"".join(render(records)))[1]["Message"][0], records[0], MESSAGE)
        assert [to_sp_api(record) for record in records] == jsons(data, lines=True)


@pytest.mark.parametrize("name", LARGE)
def test_large_is_as_small(name, monkeypatch):
    """A value that is too large to be decoded at once gives the same records."""
    text = json.dumps(LARGE[name], indent=1).encode()
    small = list(iter_records(text))
    monkeypatch.setattr(from_json, "MAX_WHOLE_JSON", 10)
    assert list(iter_records(text)) == small


BROKEN = {
    "xml": (orders(order("1")) + "<ListOrdersResponse><x>" + orders(order("2")), ["1", "2"]),
    "lines": ('{"AmazonOrderId":"1"}\n{"Amaz\n{"a":1}\n[5]\n{"AmazonOrderId":"2"}\n', ["1", "2"]),
    "value": ('{"payload":{"Orders":[5]}}', []),
    "deep": ('{"ErrorResponse":' + '{"a":' * 1000 + "1" + "}" * 1001, []),
    "float": ('{"AmazonOrderId":"1","OrderTotal":{"Amount":1.10},"#unknown":5}', []),
}


@pytest.mark.parametrize("name", BROKEN)
def test_errors(name):
    """An error is raised with the stream's name; or given to who asked for it, and the rest is read."""
    text, keys = BROKEN[name]
    with pytest.raises(ConvertError) as caught:
        list(iter_records(text.encode(), name="n"))
    assert caught.value.source == "n"
    told = []
    records = list(iter_records(text.encode(), on_error=told.append))
    assert [record["AmazonOrderId"] for record in records] == keys
    assert told
    assert {error.source for error in told} == {"<stream>"}


@pytest.mark.parametrize(
    "text",
    [
        '{"payload":{"Orders":[{"AmazonOrderId":"1"},5]}}',
        '{"payload":{"Orders":[{"AmazonOrderId":"1"},{"#unknown":5}]}}',
        '{"payload":{"Orders":[{"AmazonOrderId":"1"}',
        '[{"AmazonOrderId":"1"},{"a":"b"}]',
    ],
)
def test_large_errors(text, monkeypatch):
    """Of a large value the members before the fault are given."""
    monkeypatch.setattr(from_json, "MAX_WHOLE_JSON", 10)
    told = []
    assert list(iter_records(text.encode(), on_error=told.append)) == ids("1")
    assert len(told) == 1


def test_inexact_amounts():
    """Amounts that are numbers keep their digits, also on the way through records."""
    (record,) = iter_records(b'{"AmazonOrderId":"1","OrderTotal":{"Amount":1.10}}')
    assert record["OrderTotal"] == {"Amount": "1.10"}
    with pytest.raises(ValueError, match="Amount"):
        from_sp_api({"AmazonOrderId": "1", "OrderTotal": {"Amount": 1.10}})


def test_what_is_no_record():
    """What is no object of v0, and what is no record, is refused."""
    with pytest.raises(ValueError, match="neither an order"):
        from_sp_api({"a": 1})
    with pytest.raises(ValueError, match="no element"):
        list(render([{"AmazonOrderId": "1", "Novel": "x"}]))
    with pytest.raises(TypeError):
        list(render([{"AmazonOrderId": 1}]))
    with pytest.raises(ValueError, match="JSON object expected"):
        to_sp_api({"AmazonOrderId": "1", UNMAPPED: "[1]"})


def test_crowded():
    """A member with more attributes than MWS ever wrote is refused here as well."""
    attributes = " ".join(f"a{number}=''" for number in range(65))
    with pytest.raises(ConvertError, match="65 attributes"):
        list(iter_records(orders(order("1", f"<Novel {attributes}/>")).encode()))


def test_the_short_way():
    """Members that take the short way and members that do not give the same records."""
    plain = order("1", f"<OrderStatus>Ship &amp; go</OrderStatus><BuyerName>{'x' * 4000}</BuyerName><Novel a='1'/>")
    odd = plain.replace("Ship", "Sh<!-- > -->ip")
    cdata = plain.replace("Ship", "<![CDATA[Sh]]>ip")
    text = orders(*[plain] * 300, odd, *[plain] * 300, cdata, *[plain] * 300)
    records = list(iter_records(text.encode()))
    assert len(records) == 902
    assert all(record == records[0] for record in records)
    assert records[0]["OrderStatus"] == "Ship & go"
    envelope = (FEEDS / "fulfillment.xml").read_text()
    head, message, tail = envelope.partition("  <Message>\n    <MessageID>2</MessageID>")
    body, end, rest = tail.partition("</Message>\n")
    (_, *many) = iter_records((head + (message + body + end) * 900 + rest).encode())
    assert len(many) == 900
    assert all(record == many[0] for record in many)


def test_the_library_has_no_other_names():
    """A name that is not offered is none."""
    import bridge.offline

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = bridge.offline.nothing


@pytest.mark.parametrize("version", ["v0", "v2026-01-01"])
def test_numbers_of_unknown_members(version):
    """A float where that is the number, else a Decimal with all of its digits."""
    text = b'{"AmazonOrderId":"1","A":1.50,"B":0.12345678901234567890123,"C":12345678901234567890123,"D":7}'
    (record,) = iter_records(text)
    found = to_sp_api(record, version)
    found = found if version == "v0" else found["#v0"]
    assert (found["A"], type(found["A"]), found["D"], type(found["D"])) == (1.5, float, 7, int)
    assert [str(found[name]) for name in "BC"] == ["0.12345678901234567890123", "12345678901234567890123"]
