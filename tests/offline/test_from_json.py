"""JSON of any layout and size, up to its way to XML."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.offline import from_json
from bridge.offline.from_json import json_values
from tests.offline.converting import convert, converted, failures, items, jsons
from tests.offline.test_to_json import GOLDEN
from tests.offline.test_to_xml import ids, listed

ORDERS = [json.dumps(one) for one in ids("1", "2", "3")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n", "\n \t\n"], ids=repr)
@pytest.mark.parametrize("last", [True, False], ids=["ended", "not-ended"])
@pytest.mark.parametrize("start", ["", "\ufeff", "\ufeff\n", "\n\n"], ids=repr)
def test_lines(start, end, last):
    """Lines may end as they like, be blank, begin with a BOM, and the last need not end."""
    text = start + end.join(ORDERS) + (end if last else "")
    for size in (1, 7, 2**20):
        assert converted(text, head=size).decode() == listed("1", "2", "3")


@pytest.mark.parametrize("broken", [0, 1, 2])
@pytest.mark.parametrize("cut", [5, 16, 20])
def test_a_broken_line_among_good_ones(broken, cut):
    """The others are converted; the broken one is told of by its number."""
    lines = [line[:cut] if number == broken else line for number, line in enumerate(ORDERS)]
    out, report = convert("\n".join(lines))
    assert out.decode() == listed(*[key for number, key in enumerate("123") if number != broken])
    (failure,) = report.failures
    assert str(failure).startswith(f"f: line {broken + 1}: not JSON: ")


def test_a_line_that_is_no_member():
    """A line may be JSON and yet nothing that is known."""
    out, report = convert(f"{ORDERS[0]}\n{{}}\n[]\n5\n{ORDERS[2]}\n")
    assert out.decode() == listed("1", "3")
    assert [failure.place for failure in report.failures] == ["line 2", "line 4"]


@pytest.mark.parametrize(
    "text",
    [
        '{"payload":\n{"Orders":[]}\n}',
        '{"payload":{"Orders":[\n{"AmazonOrderId":"1"}\n]}}',
        '[\n{"AmazonOrderId":"1"}\n]',
        '[{"AmazonOrderId":"1"},\n{"AmazonOrderId":"2"}\n]',
        '{\n"AmazonOrderId":"1"}',
    ],
)
def test_one_value_over_several_lines(text):
    """One value may be broken into lines anywhere."""
    for size in (1, 2**20):
        out, report = convert(text, head=size)
        assert report.failures == []
        assert out.count(b"<?xml") == 1


def test_values():
    """A value comes with its line when each line is one, else alone; without end of line too."""
    assert list(json_values([b'{"a":1}'])) == [("", b'{"a":1}')]
    assert list(json_values([b'{"a":1}\n'])) == [("line 1", b'{"a":1}')]
    assert list(json_values([b"\xef\xbb", b'\xbf{"a":1}\n', b"{}"])) == [("line 1", b'{"a":1}'), ("line 2", b"{}")]
    assert list(json_values([])) == [("", b"")]


# --- large ----------------------------------------------------------------------------------------------------------

LARGE = {
    "document": {"payload": {"Orders": ids("1", "2", "3"), "NextToken": "t", "Novel": 1.5}, "#unknown": {"a": "b"}},
    "payload": {"NextToken": "t", "Orders": ids("1", "2")},
    "wrapped": {"payload": {"Orders": {"Order": ids("1", "2")}}},
    "items": {"payload": {"OrderItems": [{"ASIN": "a"}, {"OrderItemId": "b"}], "AmazonOrderId": "7"}},
    "bare-items": {"OrderItems": [{"ASIN": "a"}], "AmazonOrderId": "7"},
    "envelope": {
        "AmazonEnvelope": {
            "MessageType": "OrderReport",
            "Message": [
                {"MessageID": "1", "OrderReport": {"Item": [{"ItemFees": {"Fee": [{"Amount": {"Amount": 1.10}}]}}]}}
            ],
        }
    },
    "empty": {"payload": {"Orders": []}},
    "none": {"payload": {"NextToken": "t"}, "#mws": {"Operation": "ListOrdersByNextToken"}},
    "get-order": {"payload": {"AmazonOrderId": "1"}},
    "errors": {"errors": [{"code": "a", "message": "b"}]},
    "array": ids("1", "2"),
    "array-of-documents": [{"payload": {"Orders": ids("1")}}, {"OrderItems": [{"ASIN": "a"}], "AmazonOrderId": "7"}],
    "odd-names": {"payload": {"Orders": ids("1"), "a.b": {"item": [{"Orders": [1]}]}}, "payload.Orders": [{}]},
    "numbers": {
        "payload": {"Orders": [{"AmazonOrderId": "1", "OrderTotal": {"Amount": 12.5}, "NumberOfItemsShipped": 3}]}
    },
}


@pytest.mark.parametrize("page", [0, 1, 2])
@pytest.mark.parametrize("name", LARGE)
def test_large_is_as_small(name, page, monkeypatch):
    """A value that is too large to be decoded at once becomes the same bytes and counts."""
    text = json.dumps(LARGE[name], indent=1)
    small, told = convert(text, page=page)
    monkeypatch.setattr(from_json, "MAX_WHOLE_JSON", 10)
    large, other = convert(text, page=page)
    assert large == small
    assert (other.documents, other.members, other.unknown) == (told.documents, told.members, told.unknown)
    assert told.failures == other.failures == []


@pytest.mark.parametrize("name", GOLDEN)
def test_large_goldens(name, monkeypatch):
    """The same for what XML becomes."""
    text = json.dumps(json.loads(converted(GOLDEN[name][0])), indent=1)
    small = converted(text)
    monkeypatch.setattr(from_json, "MAX_WHOLE_JSON", 10)
    if name == "2011":
        assert failures(text) == [
            "f: #mws.Namespace: a document this large can only be written in the latest version"
        ]
    elif name == "item-alone":
        assert converted(text) == small
    else:
        assert converted(text) == small


LARGE_REFUSED = {
    "broken": ('{"payload":{"Orders":[{"AmazonOrderId":"SECRET"}', "not JSON: parse error: premature EOF"),
    "broken-text": ('{"payload": SECRET}', "not JSON: lexical error: invalid char in json text"),
    "behind": ('{"Orders":[]}       SECRET', "not JSON: parse error: trailing garbage"),
    "not-utf-8": (b'{"Orders": "\xff SECRET"}', "not JSON: lexical error: invalid bytes in UTF8 string"),
    "deep-array": ('{"a":' + "[" * 100_000, "nested too deeply"),
    "deep-object": ('{"a":' * 100_000, "nested too deeply"),
    "scalar-in-array": ('[{"AmazonOrderId":"1"}, 5]', "[1]: object expected"),
    "array-in-array": ("[[" + " " * 20 + "]]", "[0]: object expected"),
    "member-no-object": ('{"payload":{"Orders":[{"AmazonOrderId":"1"},2]}}', "payload.Orders: objects expected"),
    "bad-member": (
        '{"payload":{"Orders":[{"AmazonOrderId":"1"},{"#unknown":2}]}}',
        "payload.Orders[1].#unknown: object expected",
    ),
    "two-lists": (
        '{"Orders":[{"AmazonOrderId":"1"}],"OrderItems":[{"ASIN":"1"}]}',
        "lists of members in more than one place",
    ),
    "other-list": (
        '{"payload":{"Orders":[{"AmazonOrderId":"1"}]},"#mws":{"Operation":"ListOrderItems"}}',
        "Order is not what such an answer lists",
    ),
    "generic": (
        '{"ListOrdersResponse":{"a":"b"}}',
        "ListOrdersResponse: xmltodict's notation can be read up to 32 MiB",
    ),
    "other": ('{"something":"else"}', "neither an answer of Orders v0, nor an order or item of one"),
    "digits": ('{"payload":{"Orders":[{"AmazonOrderId":%s}]}}' % ("1" * 5000), "a number of 4000 digits or more"),
    "exponent": ('{"payload":{"Novel":1e99999999999999999999}}', "a number with an exponent that no number has"),
}


@pytest.mark.parametrize("name", LARGE_REFUSED)
def test_large_refused(name, monkeypatch):
    """What is wrong with a large value is said without a letter of it, and nothing is written."""
    text, problem = LARGE_REFUSED[name]
    monkeypatch.setattr(from_json, "MAX_WHOLE_JSON", 10)
    out, report = convert(text, head=5)
    assert [str(failure) for failure in report.failures] == [f"f: {problem}"]
    assert out == (listed("1").encode() if name == "scalar-in-array" else b"")


@given(cut=st.integers(3990, 4010), digits=st.integers(3995, 4005))
def test_digits_over_the_edge_of_pieces(cut, digits):
    """Digits are counted over the edge of what is read at a time."""
    from bridge.offline.large_json import _File

    text = b"[" + b"1" * digits + b"]"
    file = _File([text[:cut], text[cut:]])
    try:
        while file.read(2**16):
            pass
    except ValueError:
        assert digits >= 4000
    else:
        assert digits < 4000


def test_large_lines_of_xml_come_back():
    """Lines of items and back."""
    assert jsons(converted(converted(items("<ASIN>a</ASIN>"), lines=True)), lines=True) == [
        {"AmazonOrderId": "1", "ASIN": "a"}
    ]


def test_a_file_of_something_else_is_given_up():
    """Past a thousand values that cannot be converted the rest is not read; what was converted stays."""
    out, report = convert("\n".join([ORDERS[0], *(['{"a":1}'] * 1_100), ORDERS[1]]))
    assert len(report.failures) == 1_002
    assert str(report.failures[-1]).startswith("f: line 1003: more than 1000 values")
    assert out.decode() == listed("1")


def test_a_large_value_with_a_repeated_name(monkeypatch):
    """It is refused as it is in a small one, wherever it stands."""
    monkeypatch.setattr(from_json, "MAX_WHOLE_JSON", 10)
    for text in ('{"payload":{"Orders":[],"Orders":[]}}', '{"payload":{"Orders":[{"Orders":1,"Orders":2}]}}'):
        assert failures(text) == ["f: Orders: stands twice in one object; leave one of them out"]
    assert jsons(converted('[{"AmazonOrderId":"1"},{"AmazonOrderId":"2"}]'), lines=True)


def test_a_large_value_with_a_forbidden_character(monkeypatch):
    """It is told with its place."""
    monkeypatch.setattr(from_json, "MAX_WHOLE_JSON", 10)
    text = '{"payload":{"Orders":[{"AmazonOrderId":"1"},{"AmazonOrderId":"2","SellerOrderId":"\\u0007"}]}}'
    _, report = convert(text)
    assert [note.text.partition(": a char")[0] for note in report.warnings] == ["payload.Orders[1]: SellerOrderId"]
