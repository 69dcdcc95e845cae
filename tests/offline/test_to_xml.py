"""SP-API JSON to XML and the whole way round."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.offline.json_values import decode, lone_member
from bridge.offline.records import render
from bridge.offline.xml_documents import version_of
from mws_compat.orders import ORDER
from tests.examples import examples
from tests.offline.converting import (
    KINDS,
    NAMESPACE,
    convert,
    converted,
    failures,
    items,
    jsons,
    members,
    order,
    orders,
    root_of,
    same,
)
from tests.offline.test_to_json import GOLDEN

# --- round trips ----------------------------------------------------------------------------------------------------


def round_trip(xml, **options):
    """XML → JSON → XML → JSON → XML: the second XML, after it was checked that bytes stay from then on."""
    second = converted(converted(xml, **options))
    assert converted(converted(second, **options)) == second
    return second


@pytest.mark.parametrize("form", ["sp-api", "generic"])
@pytest.mark.parametrize("name", GOLDEN)
def test_every_document_comes_back(name, form):
    """A document that went to JSON and back is the same document, of the same operation and namespace, and from then
    on the same bytes."""
    xml = GOLDEN[name][0].encode()
    second = round_trip(xml, form=form)
    kind, record = root_of(xml)
    other_kind, other = root_of(second)
    if name == "order-alone" and form == "sp-api":
        assert same(other["GetOrderResult"]["Orders"][0], record, ORDER)
    elif name == "item-alone" and form == "sp-api":
        assert same(other["ListOrderItemsResult"]["OrderItems"][0], record, kind.root)
    else:
        assert other_kind is kind
        assert same(other, record, kind.root)


@examples(40)
@given(data=st.data(), member=st.sampled_from(sorted(KINDS)))
def test_any_record_comes_back(data, member):
    """Orders and items with unknown things, attributes and JSON members come back as the same records."""
    struct, key = KINDS[member]
    records = data.draw(st.lists(members(struct, key), min_size=1, max_size=3))
    xml = b"".join(render(records))
    kind, first = root_of(xml)
    second = round_trip(xml)
    assert same(root_of(second)[1], first, kind.root)


# --- goldens --------------------------------------------------------------------------------------------------------

HEAD = f'<?xml version="1.0"?>\n<ListOrdersResponse xmlns="{NAMESPACE}">\n  <ListOrdersResult>\n'
TAIL = "  </ListOrdersResult>\n</ListOrdersResponse>\n"


def listed(*keys, token=""):
    """A document of bare orders."""
    head = f"    <NextToken>{token}</NextToken>\n" if token else ""
    body = "".join(f"      <Order>\n        <AmazonOrderId>{key}</AmazonOrderId>\n      </Order>\n" for key in keys)
    return f"{HEAD}{head}    <Orders>\n{body}    </Orders>\n{TAIL}" if keys else f"{HEAD}{head}    <Orders/>\n{TAIL}"


def ids(*keys):
    return [{"AmazonOrderId": key} for key in keys]


@pytest.mark.parametrize(
    "source",
    [
        {"payload": {"Orders": ids("1", "2")}},
        {"Orders": ids("1", "2")},
        {"payload": {"Orders": {"Order": ids("1", "2")}}},
        ids("1", "2"),
        {"payload": {"Orders": ids("1", "2")}, "errors": None},
    ],
    ids=["document", "payload", "wrapped", "array", "no-errors"],
)
def test_layouts_of_orders(source):
    """Orders are found in a document, in its payload alone, wrapped as in MWS, and in an array."""
    for indent in (None, 2):
        assert converted(json.dumps(source, indent=indent), drop=True).decode() == listed("1", "2")


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (0, [(["1", "2", "3"], "t")]),
        (2, [(["1", "2"], ""), (["3"], "t")]),
        (3, [(["1", "2", "3"], "t")]),
        (1, [(["1"], ""), (["2"], ""), (["3"], "t")]),
    ],
)
def test_pages(page, expected):
    """A page has so many orders, and only the last one the NextToken."""
    source = {"payload": {"Orders": ids("1", "2", "3"), "NextToken": "t"}}
    out, report = convert(json.dumps(source), page=page)
    assert out.decode() == "".join(listed(*keys, token=token) for keys, token in expected)
    assert (report.documents, report.members) == (len(expected), {"Order": 3})


def test_pages_of_an_empty_list():
    """A list of nothing is one page."""
    assert converted('{"payload":{"Orders":[],"NextToken":"t"}}', page=2).decode() == listed(token="t")


def test_lines_become_one_document():
    """Orders that stand alone share a document; with pages each has so many."""
    lines = "".join(json.dumps(one) + "\n" for one in ids("1", "2", "3"))
    assert converted(lines).decode() == listed("1", "2", "3")
    assert converted(lines, page=2).decode() == listed("1", "2") + listed("3")


def test_items_are_grouped_by_order():
    """Items that follow one another and are of one order share a document."""
    lines = [("1", "a"), ("1", "b"), ("2", "c"), ("1", "d"), (None, "e")]
    objects = [{"OrderItemId": item} | ({"AmazonOrderId": key} if key else {}) for key, item in lines]
    out = converted("\n".join(map(json.dumps, objects)))
    found = [
        (one["payload"].get("AmazonOrderId"), [item["OrderItemId"] for item in one["payload"]["OrderItems"]])
        for one in jsons(out)
    ]
    assert found == [("1", ["a", "b"]), ("2", ["c"]), ("1", ["d"]), (None, ["e"])]


def test_kinds_among_lines():
    """A document among bare members, or a member of another kind, ends the document that they share."""
    lines = [{"AmazonOrderId": "1"}, {"Orders": ids("2")}, {"AmazonOrderId": "3"}, {"OrderItemId": "4"}]
    messages = [{"MessageID": "1", "OrderReport": {}}, {"MessageID": "2", "OrderFulfillment": {}}]
    out = converted("\n".join(map(json.dumps, lines + messages))).decode()
    assert out.count("<ListOrdersResponse ") == 3
    assert out.count("<ListOrderItemsResponse ") == 1
    assert out.count("<MessageType>OrderReport<") == out.count("<MessageType>OrderFulfillment<") == 1


def test_get_order_items_as_its_payload_alone():
    """getOrderItems' payload is a list of items although it names an order."""
    payload = {"OrderItems": [{"ASIN": "B0"}], "AmazonOrderId": "1"}
    (document,) = jsons(converted(json.dumps(payload)))
    assert document["payload"] == payload
    assert lone_member(payload) == ""


def test_lines_and_back():
    """Lines of XML's members come back to the members of the same lists."""
    xml = items("<OrderItemId>1</OrderItemId>", "", order="7") + items("<OrderItemId>2</OrderItemId>", order="8")
    lines = converted(xml, lines=True)
    assert converted(converted(lines), lines=True) == lines


def test_2011():
    """The namespace decides the spelling."""
    xml = GOLDEN["2011"][0]
    assert b"<SubPaymentMethod>COD</SubPaymentMethod>" in converted(converted(xml))


def test_large_texts_are_written_as_they_come():
    """A document of lines does not wait for its end."""
    lines = "".join(
        json.dumps({"AmazonOrderId": str(number), "BuyerInfo": {"BuyerName": "x" * 50_000}}) + "\n"
        for number in range(12)
    )
    assert converted(lines).count(b"<Order>") == 12


# --- what no element carries ----------------------------------------------------------------------------------------


def test_members_without_an_element_come_back():
    """They stand in the XML as JSON, in one element of our own, and come back where they were."""
    source = {
        "AmazonOrderId": "1",
        "HasRegulatedItems": True,
        "Novel": {"a": [1, None, "<&>"]},
        "ShippingAddress": {"Name": "A", "CompanyName": "B"},
        "PaymentExecutionDetail": [{"PaymentMethod": "COD"}, {"PaymentMethod": "GC", "CardBrand": "V"}],
    }
    out, report = convert(json.dumps(source))
    assert b'<Unmapped xmlns="urn:mws-bridge">' in out
    assert jsons(out)[0]["payload"]["Orders"] == [source]
    assert report.unknown == 1  # Novel; of the others it is known that they have no element


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ({"AmazonOrderId": "1", "Novel": 1}, "Novel"),
        ({"AmazonOrderId": "1", "ShippingAddress": {"Novel": 1}}, "ShippingAddress.Novel"),
        ({"AmazonOrderId": "1", "OrderTotal": "12"}, "OrderTotal"),
        ({"payload": {"Orders": [{"AmazonOrderId": "1"}, {"Novel": 1}]}}, "payload.Orders[1].Novel"),
        ({"payload": {"Orders": [], "Novel": 1}}, "Novel"),
        ({"payload": {"Orders": []}, "Novel": 1}, "Novel"),
        ({"payload": {"Orders": []}, "#unknown": {"A": "1"}}, "#unknown.A"),
        ({"AmazonOrderId": "1", "#unknown": {"A": "1"}}, "#unknown.A"),
        (
            {"ListOrdersResponse": {"ListOrdersResult": {"Orders": {"Order": {"A": "1"}}}}},
            "ListOrdersResult/Orders/Order/A",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_strict_and_drop(source, place):
    """Strict names the place; drop leaves it out; otherwise it is kept. It is counted in any case."""
    text = json.dumps(source)
    assert failures(text, strict=True) == [f"f: {place}: not known to the tables"]
    kept, report = convert(text)
    assert report.unknown == 1
    dropped = converted(text, drop=True)
    assert len(dropped) < len(kept)
    assert b"Novel" not in dropped
    assert b"Unmapped" not in dropped
    assert b"<A>" not in dropped


def test_strict_takes_what_is_known_to_have_no_element():
    """Members of v0 that never had an element are no error."""
    source = {"AmazonOrderId": "1", "HasRegulatedItems": True, "ShippingAddress": {"CompanyName": "x"}, "Novel": None}
    assert converted(json.dumps(source), strict=True)


# --- numbers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("12.30", "12.30"),
        ("0.1", "0.1"),
        ("12345678901234567.89", "12345678901234567.89"),
        ("5", "5"),
        ('"1.0"', "1.0"),
    ],
)
def test_amounts_keep_their_digits(written, text):
    """An amount that is a number has in XML the digits that it has in JSON."""
    order = '{"AmazonOrderId":"1","OrderTotal":{"CurrencyCode":"USD","Amount":NUMBER}}'
    message = '{"MessageID":"1","OrderReport":{"Item":[{"ItemFees":{"Fee":[{"Amount":{"Amount":NUMBER}}]}}]}}'
    for source in (order, message):
        assert f">{text}</Amount>".encode() in converted(source.replace("NUMBER", written))


def test_other_numbers_stay_numbers_beside_an_amount():
    """Numbers of members without an element do not depend on what else the object holds."""
    source = '{"AmazonOrderId":"1","Novel":2.5,"OrderTotal":{"Amount":1.10}}'
    assert jsons(converted(source))[0]["payload"]["Orders"][0]["Novel"] == 2.5


def test_decode():
    """Numbers with a fraction keep their digits when asked."""
    assert str(decode(b"[1.10]", exact=True)[0]) == "1.10"
    assert version_of("urn:x") == "2013-09-01"
    with pytest.raises(ValueError, match="exponent"):
        decode(b"[1e-99999999999999999999]", exact=True)


# --- what is no document --------------------------------------------------------------------------------------------

REFUSED = {
    "scalar-in-array": ("[1]", "[0]: object expected"),
    "array-in-array": ("[[{}]]", "[0]: object expected"),
    "other-object": ('{"a":1}', "neither an answer of Orders v0, nor an order or item of one"),
    "other-payload": ('{"payload":{"a":1}}', "payload: neither Orders nor OrderItems nor an order"),
    "no-payload": ('{"payload":null}', "payload: object expected"),
    "member-no-object": ('{"payload":{"Orders":[{"AmazonOrderId":"1"},2]}}', "payload.Orders[1]: object expected"),
    "list-no-array": ('{"payload":{"Orders":5}}', "payload.Orders: array expected"),
    "item-with-odd-order": ('{"OrderItemId":"1","AmazonOrderId":5}', "AmazonOrderId: text expected"),
    "unknown-no-object": ('{"AmazonOrderId":"1","#unknown":5}', "#unknown: object expected"),
    "array-with-a-bad-one": ('[{"AmazonOrderId":"1","#unknown":5}]', "[0].#unknown: object expected"),
    "surrogate": (r'{"AmazonOrderId":"\ud800"}', "not JSON: no low surrogate in string (column 19)"),
    "deep": ("[" * 100_000, "not JSON: depth limit exceeded (column 1026)"),
    "deep-array": ("[" * 900 + "]" * 900, "[0]: object expected"),
    "unfinished": ('{"a":', "not JSON: unexpected end of data (column 6)"),
    "generic-text": ('{"ListOrdersResponse":{"#text":{"a":"b"}}}', "ListOrdersResponse.#text: text expected"),
    "generic-arrays": ('{"ListOrdersResponse":[[]]}', "ListOrdersResponse[0]: no array expected"),
    "generic-no-result": ('{"ListOrdersResponse":"x"}', "ListOrdersResponse: no ListOrdersResult"),
    "generic-name": ('{"ErrorResponse":{"a b":"x"}}', "Invalid element name: whitespace not allowed"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    """What is no document is refused with its place, and nothing is written."""
    text, problem = REFUSED[name]
    assert failures(text) == [f"f: {problem}"]


@pytest.mark.parametrize(
    "head",
    [
        '{"AmazonOrderId":"1","#unknown":',
        '{"AmazonOrderId":"1","OrderTotal":{"Amount":1.5},"x":',
        '{"ErrorResponse":',
        '{"x":',
    ],
)
def test_deep_objects(head):
    """Whatever is nested beyond reason is refused, wherever it stands."""
    for depth in (300, 500, 1000):
        assert failures(head + '{"a":' * depth + '"x"' + "}" * depth + "}")


def test_a_huge_number():
    """A number that no float holds is refused."""
    assert failures('{"AmazonOrderId":%s}' % ("9" * 5000))
    assert b"9" * 30 in converted('{"AmazonOrderId":%s}' % ("9" * 30))


@pytest.mark.parametrize(
    "text",
    [
        '{"payload":{"Orders":[{"AmazonOrderId":"1"}],"Orders":[{"AmazonOrderId":"2"}]}}',
        '{"AmazonOrderId":"1","Orders":1,"Orders":1}',
        '{"AmazonOrderId":"1", "Orders" : 2.50, "X":"\\"\\u0022\\u00e9", "Orders":"\\""}',
    ],
)
def test_a_repeated_name_is_refused(text):
    """Of two members of one name every JSON reader drops the first without a word."""
    assert failures(text) == ["f: Orders: stands twice in one object; leave one of them out"]


def test_nothing_of_a_broken_array_is_written():
    """An array is converted whole or not at all."""
    assert failures('[{"AmazonOrderId":"1"},{"a":1}]')


def test_order_of_elements():
    """Elements come in the table's order whatever the object's."""
    out = converted('{"OrderStatus":"x","AmazonOrderId":"1"}')
    assert out.index(b"AmazonOrderId") < out.index(b"OrderStatus")
    assert orders(order("1"))
