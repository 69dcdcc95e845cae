"""JSON by its form against JSON by the tables: the same XML, records and report, whatever the values."""

import json
from decimal import Decimal
from unittest import mock

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.mapping import forms
from bridge.mapping.forms import FormReader, template_of
from bridge.offline import iter_records
from bridge.offline.report import ConvertError
from tests.examples import examples
from tests.mapping.test_mapping_exact import TABLES, objects
from tests.offline.converting import convert, converted

TEXTS = [
    "x",
    "",
    "MFN",
    "SellerFulfilled",
    'a "b" \\ %s %',
    "<&>",
    "a\n\nb\r\0",
    "\ue0000",
    '\ue0001"',
    "é😀\uffff",
    " a ",
]
NUMBERS = [0, 1, -5, 17, 10**17 + 1, 2**63, 10**30]  # fmt: skip


def varied(value, draw):
    """The value with other texts, numbers and truths of the same types."""
    if isinstance(value, dict):
        return {name: varied(inner, draw) for name, inner in value.items()}
    if isinstance(value, list):
        return [varied(inner, draw) for inner in value]
    if isinstance(value, bool):
        return draw(st.booleans())
    if isinstance(value, str):
        return draw(st.sampled_from(TEXTS))
    if isinstance(value, Decimal):
        return 1.5
    return draw(st.sampled_from(NUMBERS)) if isinstance(value, int) else value


@st.composite
def alike(draw):
    """Orders or items of one form, with some of another."""
    name = draw(st.sampled_from(["Order", "OrderItem"]))
    found = []
    for _ in range(draw(st.integers(1, 2))):
        base = {"AmazonOrderId": "1", **draw(objects(TABLES[name]))}
        if name == "OrderItem":
            base["OrderItemId"] = "2"
        found += [varied(base, draw) for _ in range(draw(st.integers(1, 3)))]
    return name, found


def outcome(data, **options):
    out, report = convert(data, **options)
    return out, report.unknown, report.left_out, report.members, [str(failure) for failure in report.failures]


def records(data):
    faults: list[ConvertError] = []
    return list(iter_records(data, on_error=faults.append)), [str(fault) for fault in faults]


def by_the_tables():
    return mock.patch.object(FormReader, "read", return_value=None)


@examples(60)
@given(alike(), st.sampled_from([{}, {"strict": True}, {"drop": True}]), st.booleans())
@example(("Order", [{"AmazonOrderId": None}, {"AmazonOrderId": []}]), {}, False)
@example(("Order", [{"AmazonOrderId": "1", "Novel": text} for text in TEXTS]), {}, False)
@pytest.mark.long
def test_a_form_is_what_the_tables_say(found, options, whole):
    """As lines and as a document, strict or not."""
    name, values = found
    if whole:
        data = json.dumps({"payload": {f"{name}s": values}}).encode()
    else:
        data = b"".join(json.dumps(value).encode() + b"\n" for value in values)
    quick = outcome(data, **options), records(data)
    with by_the_tables():
        assert quick == (outcome(data, **options), records(data))


ORDER = {
    "AmazonOrderId": "1",
    "FulfillmentChannel": "MFN",
    "NumberOfItemsShipped": 2,
    "IsPrime": False,
    "BuyerInfo": {"BuyerName": "x"},
    "ShippingAddress": {"City": "x", "CompanyName": "y"},
    "PaymentMethodDetails": ["x", "y"],
    "HasRegulatedItems": False,
}


def test_a_form_is_learned_once():
    """The tables are asked for the first object of a form only."""
    learned = []

    def learn(marked):
        learned.append(marked)
        return "|".join

    reader = FormReader(learn, {})
    for name in ("a", "b"):
        assert reader.read({"A": name, "B": {"C": 1, "D": True}, "E": [name, {}]}) == f"{name}|1|true|{name}"
    assert learned == [{"A": '\ue0000"', "B": {"C": 10**17 + 1, "D": 10**17 + 2}, "E": ['\ue0003"', {}]}]
    assert reader.read({"A": "", "B": {"C": 1, "D": True}, "E": ["c", {}]}) == "|1|true|c"
    assert len(learned) == 2


def test_what_is_an_object_now_and_was_none_before():
    """Objects and arrays are told from leaves, wherever they are met, once they were met there."""
    reader = FormReader(lambda marked: lambda values: (json.dumps(marked).count("{"), values), {})
    assert reader.read({"A": "a"}) == (1, ["a"])
    assert reader.read({"A": {"B": "b"}}) is None  # met there for the first time
    assert reader.read({"A": {"B": "b"}}) == (2, ["b"])
    assert reader.read({"A": "a"}) == (1, ["a"])
    assert reader.read({"A": ["b"]}) == (1, ["b"])
    assert reader.read({"A": [{"B": "b"}]}) is None
    assert reader.read({"A": [{"B": "b"}]}) == (2, ["b"])


def test_which_one_is_the_object():
    """Two forms whose leaves are the same are not the same."""
    reader = FormReader(lambda marked: lambda values: json.dumps(marked), {})
    for value in ({"A": {"B": "b"}, "C": "c"}, {"A": "a", "C": {"B": "b"}}, {"A": [], "C": {}}, {"A": {}, "C": []}):
        reader.read(value)
        reader.read(value)
    assert "{" not in reader.read({"A": "a", "C": {"B": "b"}}).split('"C"')[0][1:]
    assert "{" in reader.read({"A": {"B": "b"}, "C": "c"}).split('"C"')[0][1:]
    assert reader.read({"A": [], "C": {}}) == '{"A": [], "C": {}}'
    assert reader.read({"A": {}, "C": []}) == '{"A": {}, "C": []}'


@pytest.mark.parametrize(
    "value",
    [
        {"A": 1.5},
        {"A": Decimal("1.5")},
        {"A": [1.5]},
        {str(number): "x" for number in range(600)},
        {"A": ["x"] * 600},
        {str(number): ["x"] * 300 for number in range(3)},
        {"A": ["x"] * 300, "B": ["x"] * 300},
    ],
    ids=["float", "decimal", "inside", "wide", "long", "large", "together"],
)
def test_what_has_no_form(value):
    """Numbers with a fraction and what is too wide are left to the tables."""
    reader = FormReader(lambda marked: lambda values: marked, {})
    assert reader.read(value) is None
    assert reader.read(value) is None


def test_what_is_nested_too_deeply():
    """It is left to the tables, which say so."""
    value = {}
    for _ in range(5000):
        value = {"A": value}
    assert FormReader(lambda marked: lambda values: marked, {}).read(value) is None


def test_what_cannot_be_learned_is_remembered():
    """The tables are not asked again."""
    learn = mock.Mock(return_value=None)
    reader = FormReader(learn, {})
    assert [reader.read({"A": "a"}) for _ in range(3)] == [None] * 3
    assert learn.call_count == 1


def test_choices():
    """A text that a converter would change is left to the tables, in whatever object or array of that name."""
    seen = []

    def convert_(text):
        seen.append(text)
        return text.lower()

    reader = FormReader(lambda marked: tuple, {"A": convert_})
    assert reader.read({"A": "a", "B": "B"}) == ("a", "B")
    assert reader.read({"A": "A", "B": "B"}) is None
    assert reader.read({"A": "a", "B": "C"}) == ("a", "C")
    assert seen == ["a", "A"]
    assert reader.read({"A": ["a", "b"]}) == ("a", "b")
    assert reader.read({"A": ["a", "B"]}) is None
    assert reader.read({"A": 1}) == ("1",)
    with mock.patch.object(forms, "_MAX_FIT", 0):
        assert reader.read({"A": "c", "B": "B"}) == ("c", "B")
        assert reader.read({"A": "c", "B": "B"}) == ("c", "B")
    assert seen[-2:] == ["c", "c"]


def test_memory_is_bounded(monkeypatch):
    """However many forms come, few are remembered; past the first ones a form must come twice."""
    monkeypatch.setattr(forms, "_MAX_FORMS", 20)
    monkeypatch.setattr(forms, "_EAGER", 5)
    monkeypatch.setattr(forms, "_MAX_MET", 10)
    reader = FormReader(lambda marked: tuple, {})
    for number in range(100):
        found = reader.read({f"A{number}": "x", "B": {f"C{number}": "y"}})
        assert found == (("x", "y") if number < 5 else None) or number >= 10
        assert reader.read({f"A{number}": "x", "B": {f"C{number}": "y"}}) in {("x", "y"), None}
        assert len(reader._levels) <= 20
        assert len(reader._forms) <= 20
        assert len(reader._met) <= 10
    monkeypatch.setattr(forms, "_EAGER", 512)
    for number in range(64):
        value = {name: "x" if number >> place & 1 else 1 for place, name in enumerate("ABCDEF")}
        assert reader.read(value)
        assert len(reader._forms) <= 20
    for number in range(100):
        assert reader.read({"A": "x" if number % 2 else 1, **dict.fromkeys("BCDEFG"[: number % 7], "y")})
        assert len(reader._forms) <= 20


def test_a_template():
    """Marks of texts, of texts inside JSON text, and of numbers."""
    text = f'<A>\ue0000"</A><B>100%</B>{{"C":"\ue0002\\"","D":{10**17 + 1}}}'
    assert template_of(text) == ('<A>%s</A><B>100%%</B>{"C":"%s","D":%s}', [0, 2, 1], [1])


def test_usual_lines_go_by_form():
    """Of orders that are alike the tables see the first."""
    lines = [{**ORDER, "AmazonOrderId": str(number), "NumberOfItemsShipped": number} for number in range(5)]
    with mock.patch.object(TABLES["Order"], "take", wraps=TABLES["Order"].take) as take:
        xml = converted(b"\n".join(map(orjson.dumps, lines)))
        assert take.call_count == 1
        assert len(list(iter_records(b"\n".join(map(orjson.dumps, lines))))) == 5
        assert take.call_count == 2
    assert xml.count(b"<NumberOfItemsShipped>4</NumberOfItemsShipped>") == 1
