"""The generic form: what xmltodict makes of a document, member by member."""

import json

import pytest
import xmltodict

from bridge.offline.generic import FORCE_LIST
from tests.offline.converting import FEEDS, NAMESPACE, convert, converted, failures, items, jsons, order, orders
from tests.offline.test_to_json import GOLDEN, STRANGE


def sorted_json(value):
    """A value without the order of its members."""
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize("name", GOLDEN)
def test_it_is_what_xmltodict_makes(name):
    """Each document is what xmltodict makes of it, but for the order of members."""
    xml = GOLDEN[name][0]
    (found,) = jsons(xml, form="generic")
    root = next(iter(found))
    expected = xmltodict.parse(xml, force_list=FORCE_LIST[root])
    if name == "2011":  # written anew in the spelling of its namespace
        assert "SubPaymentMethod" in sorted_json(found)
    if name == "envelope":  # xmltodict keeps prefixes, and we the namespaces that they stand for
        expected["AmazonEnvelope"] = {
            key: value for key, value in expected["AmazonEnvelope"].items() if not key.startswith("@")
        }
        found["AmazonEnvelope"] = {
            key: value for key, value in found["AmazonEnvelope"].items() if not key.startswith("@")
        }
    assert sorted_json(found) == sorted_json(expected).replace(", null]", ", {}]")  # a member is always an object


def test_lines():
    """With lines each member stands alone."""
    assert jsons(orders(order("1"), order("2")), form="generic", lines=True) == [
        {"AmazonOrderId": "1"},
        {"AmazonOrderId": "2"},
    ]
    assert jsons("<Order><AmazonOrderId>1</AmazonOrderId></Order>", form="generic", lines=True) == [
        {"AmazonOrderId": "1"}
    ]
    _, report = convert(GOLDEN["error"][0], form="generic", lines=True)
    assert [note.text for note in report.warnings] == ["<ErrorResponse> holds no orders; it is left out of the lines"]


def test_empty_members():
    """A member without anything inside is an object without members."""
    assert jsons(items("", "<ASIN/>"), form="generic", lines=True) == [{}, {"ASIN": None}]


PREFIXED = (
    f'<m:ListOrdersResponse xmlns:m="{NAMESPACE}"><m:ListOrdersResult><m:Orders><m:Order a="1">'
    '<m:AmazonOrderId>1</m:AmazonOrderId><X xmlns="u:x">2</X></m:Order><o:Order xmlns:o="u:o"/>'
    "</m:Orders></m:ListOrdersResult></m:ListOrdersResponse>"
)


def test_prefixes():
    """A document with prefixes has the names that it would have without; what is of another namespace says so."""
    (found,) = jsons(PREFIXED, form="generic")
    assert found["ListOrdersResponse"]["ListOrdersResult"]["Orders"]["Order"] == [
        {"@a": "1", "AmazonOrderId": "1", "X": {"@xmlns": "u:x", "#text": "2"}},
        {"@xmlns": "u:o"},
    ]
    assert b'<X xmlns="u:x">2</X>' in converted(converted(PREFIXED, form="generic"))


@pytest.mark.parametrize("lines", [False, True])
def test_strict(lines):
    """Strict means the same as in the other form."""
    assert failures(STRANGE, form="generic", strict=True, lines=lines) == [
        "f: Order: Novel is not known to the tables"
    ]
    xml = orders(order("1")).replace("<Orders>", "<Novel/><Orders>")
    assert failures(xml, form="generic", strict=True, lines=lines) == [
        "f: ListOrdersResponse: ListOrdersResult/Novel is not known to the tables"
    ]
    assert converted(orders(order("1")), form="generic", strict=True)


def test_a_name_that_xmltodict_cannot_read():
    """A name that is one for libxml2 alone is a fault, not a crash."""
    xml = orders(order("1", "<\u200c\u2070a/>".replace("\u200c", "")))
    assert failures(xml, form="generic") == ["f: a name that xmltodict cannot read"]


def test_broken_after_members():
    """Nothing of a document that turns out to be broken is written."""
    xml = orders(order("1")).replace("</ListOrdersResult>", "")
    for lines in (False, True):
        (told,) = failures(xml, form="generic", lines=lines)
        assert "mismatch" in told


def test_envelopes_in_generic_form_come_back():
    """An envelope that xmltodict made is recognised by its attributes, and by a message that stands alone."""
    for name in ("order-report.xml", "fulfillment.xml", "acknowledgement.xml"):
        xml = (FEEDS / name).read_bytes()
        assert jsons(converted(json.dumps(xmltodict.parse(xml)))) == jsons(xml)


def test_amounts_that_are_numbers():
    """An amount that is a number keeps its digits on the way back."""
    order_ = '{"AmazonOrderId":1,"OrderTotal":{"Amount":12.30},"IsPrime":true,"BuyerName":null}'
    text = f'{{"ListOrdersResponse":{{"ListOrdersResult":{{"Orders":{{"Order":{order_}}}}}}}}}'
    out = converted(text)
    assert b"<Amount>12.30</Amount>" in out
    assert b"<IsPrime>true</IsPrime>" in out


def test_the_form_takes_no_shortcut():
    """It is made of parsed members only."""
    from bridge.offline.generic import GenericLines
    from bridge.offline.report import Report
    from tests.offline.converting import Memory

    with pytest.raises(AssertionError):
        GenericLines(Memory(), Report(), "f").made(None)
