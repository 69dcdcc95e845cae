"""The lossless map: both ways for every table, the short way against the long one, and Amazon's types."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.mapping import exact as module
from bridge.mapping import orders_v0 as v0
from bridge.mapping.cells import Cell, InexactError, Typing, as_node, dump, merge, put_back
from bridge.mapping.documents_v0 import _ERROR_MAP, MEMBER_MAPS
from bridge.mapping.exact import ExactMap, exact, mirror
from bridge.mapping.rows import MappingError, Row, StructMap
from mws_compat.orders import ORDER
from mws_compat.schema import (
    BOOLEAN,
    DATETIME,
    DECIMAL,
    INTEGER,
    TEXT,
    Attributed,
    Kind,
    ListOf,
    Node,
    Repeated,
    Scalar,
)
from tests.examples import examples
from tests.mapping.reference import reference

TABLES: dict[str, ExactMap] = {**MEMBER_MAPS, "Error": _ERROR_MAP, "Address": exact(v0.ADDRESS_MAP)}
each_table = pytest.mark.parametrize("name", TABLES)

CANONICAL = {
    BOOLEAN.name: st.sampled_from(["true", "false"]),
    INTEGER.name: st.integers(-(10**17), 10**17).map(str),
    DECIMAL.name: st.sampled_from(["0", "12.30", "-1", "1000000000000000000000.01"]),
    DATETIME.name: st.sampled_from(["2020-02-29T00:00:00Z", "2016-01-20T18:49:10.123Z", "2020-01-01T00:00:00+09:00"]),
    TEXT.name: st.sampled_from(["", "x", "MFN", "a  b", "é", "0", "true", '"', "%41"]),
}


@st.composite
def canonical(draw: st.DrawFn, kind: Kind) -> Node:
    if isinstance(kind, Scalar):
        return draw(CANONICAL[kind.name])
    if isinstance(kind, ListOf):
        return draw(st.lists(canonical(kind.of), max_size=2))
    if isinstance(kind, Repeated):
        return draw(st.lists(canonical(kind.of), min_size=1, max_size=2))
    if isinstance(kind, Attributed):
        return {kind.attribute_key: "USD", kind.text_key: draw(CANONICAL[DECIMAL.name])}
    fields = draw(st.lists(st.sampled_from(kind.fields), unique_by=lambda field: field.name, max_size=5))
    return {field.name: draw(canonical(field.kind)) for field in fields}


generic = st.recursive(
    st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
unknowns = st.dictionaries(st.text(max_size=3), generic, max_size=2)


# --- both ways ------------------------------------------------------------------------------------------------------


@each_table
@examples(30)
@given(data=st.data())
@pytest.mark.long
def test_record_to_json_and_back(name: str, data: st.DataObject) -> None:
    """read(write(record)) == record for any record of canonical values, with anything unknown in it; no text of it is
    missing in the JSON."""
    table = TABLES[name]
    record = data.draw(canonical(table.struct))
    assert isinstance(record, dict)
    if data.draw(st.booleans()):
        record["#unknown"] = data.draw(unknowns)
    if data.draw(st.booleans()):
        record["#json"] = dump({"Strange": data.draw(generic), "Other": [1, None, 1.5]})
    typing = Typing()
    written = json.loads(json.dumps(table.write(record, typing)))
    assert typing.odd == []
    assert table.read(written) == record
    assert sorted(leaves(written)) == sorted(leaves({**json.loads(str(record.pop("#json", "{}"))), **record}))


def leaves(node: Any) -> list[str]:
    if isinstance(node, dict):
        return [leaf for inner in node.values() for leaf in leaves(inner)]
    if isinstance(node, list):
        return [leaf for inner in node for leaf in leaves(inner)]
    return [str(node).lower() if isinstance(node, bool) else str(node)]


def test_every_element_has_a_member() -> None:
    """Each element of an order and an item is a member of the object, or of its ``#mws``."""
    for table in (TABLES["Order"], TABLES["OrderItem"]):
        for field in table.struct.fields:
            node: Node = "true" if isinstance(field.kind, Scalar) else [] if isinstance(field.kind, ListOf) else {}
            written = table.write({field.name: node}, Typing())
            assert written, field.name
            assert table.read(written) == {field.name: node}


live: dict[str, Any] = {
    "AmazonOrderId": "902-3159896-1390916",
    "NumberOfItemsShipped": 0,
    "IsReplacementOrder": "false",
    "IsPrime": False,
    "OrderTotal": {"CurrencyCode": "USD", "Amount": "1.00"},
    "PaymentExecutionDetail": [
        {"Payment": {"Amount": "1.00"}, "PaymentMethod": "COD"},
        {"PaymentMethod": "GC", "AcquirerId": "x", "Payment": {"Future": [1.25, None]}},
    ],
    "PaymentMethodDetails": ["COD"],
    "ShippingAddress": {"City": "Oslo", "ExtendedFields": {"StreetName": "x"}},
    "BuyerInfo": {"BuyerName": "A", "Future": 12345678901},
    "MarketplaceTaxInfo": {"TaxClassifications": [{"Name": "CNPJ", "Value": "1"}]},
    "HasRegulatedItems": False,
    "Future": None,
    "PurchaseDate": {"an": "object"},
    "SalesChannel": ["an", "array"],
    "BuyerEmail": "not here",
    "#mws": {"TFMShipmentStatus": "x", "TaxRegistrationDetails": [{"taxRegistrationId": "1"}]},
    "#unknown": {"New": {"@a": "1"}},
}


def test_a_live_object_to_record_and_back() -> None:
    """Every member of an object comes back where it was, whatever no element carries; null and empty count as
    absent."""
    table = TABLES["Order"]
    record = table.read(live)
    assert table.write(record, Typing()) == live
    assert json.loads(str(record["#json"])).keys() == {
        *("PaymentExecutionDetail", "ShippingAddress", "BuyerInfo", "MarketplaceTaxInfo", "HasRegulatedItems"),
        *("Future", "PurchaseDate", "SalesChannel", "BuyerEmail"),
    }
    empty = {
        "AmazonOrderId": "1",
        "BuyerInfo": {},
        "ShippingAddress": "",
        "OrderTotal": None,
        "PaymentMethodDetails": "",
    }
    assert table.read(empty) == {"AmazonOrderId": "1"}
    assert table.read({"BuyerInfo": ""}) == table.read({"BuyerInfo": "", "OrderTotal": ""}) == {}


@pytest.mark.parametrize("group", [0, False, [], "x", 1.5])
def test_a_group_that_is_none(group: object) -> None:
    """What stands where a group should is kept."""
    table = TABLES["Order"]
    assert table.write(table.read({"BuyerInfo": group}), Typing()) == {"BuyerInfo": group}


@pytest.mark.parametrize(
    "value", [{"PaymentMethodDetail": None}, {"PaymentMethodDetail": [None]}, {"": ["x"]}, [None], 0]
)
def test_a_list_of_something_else(value: object) -> None:
    """An array of other things than the table says is kept whole, wrapping included."""
    table = TABLES["Order"]
    assert table.write(table.read({"PaymentMethodDetails": value}), Typing()) == {"PaymentMethodDetails": value}


def test_wrapped_lists() -> None:
    """Lists still wrapped as in MWS are read; a single member stands for a list of one."""
    table = TABLES["Order"]
    wrapped = {"PaymentMethodDetails": {"PaymentMethodDetail": ["a", "b"]}}
    assert table.read(wrapped) == {"PaymentMethodDetails": ["a", "b"]}
    assert table.read({"PaymentMethodDetails": {"PaymentMethodDetail": "a"}}) == {"PaymentMethodDetails": ["a"]}
    single = {"PaymentExecutionDetail": {"PaymentExecutionDetailItem": {"PaymentMethod": "COD", "CardBrand": "x"}}}
    assert table.write(table.read(single), Typing()) == {
        "PaymentExecutionDetail": [{"PaymentMethod": "COD", "CardBrand": "x"}]
    }
    item = {"OrderReport": {"Item": {"": [{"SKU": "x"}]}}}
    assert MEMBER_MAPS["Message"].write(MEMBER_MAPS["Message"].read(item), Typing()) == item


def test_the_channel_is_spelled_as_mws_did() -> None:
    """The guides' long names become MWS's; empty text stays."""
    table = TABLES["Order"]
    assert table.read({"FulfillmentChannel": "SellerFulfilled"}) == {"FulfillmentChannel": "MFN"}
    assert table.read({"FulfillmentChannel": ""}) == {"FulfillmentChannel": ""}


def fee(amount: object) -> dict[str, Any]:
    return {"OrderReport": {"Item": [{"ItemFees": {"Fee": [{"Type": "x", "Amount": amount}]}}]}}


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ({"CurrencyCode": "USD", "Amount": "1.50"}, {"CurrencyCode": "USD", "Amount": "1.50"}),
        ({"@currency": "USD", "#text": "1.50"}, {"CurrencyCode": "USD", "Amount": "1.50"}),
        ({"Amount": 1, "CurrencyCode": None}, {"Amount": "1"}),
        ({"Amount": Decimal("1.50")}, {"Amount": "1.50"}),
        ({}, None),
        ("", None),
        (None, None),
    ],
)
def test_amounts_of_envelopes(amount: object, text: object) -> None:
    """A leaf with an attribute is an object of two texts, in our notation or xmltodict's."""
    table = MEMBER_MAPS["Message"]
    record = table.read(fee(amount))
    assert table.read(table.write(record, Typing())) == record
    assert (
        record == fee(text) if text else record == {"OrderReport": {"Item": [{"ItemFees": {"Fee": [{"Type": "x"}]}}]}}
    )


@pytest.mark.parametrize("amount", ["1.50", {"Amount": []}, {"Amount": "1", "More": "x"}, [], {"@currency": "USD"}])
def test_amounts_of_another_shape(amount: object) -> None:
    """Any other is kept as it is."""
    table = MEMBER_MAPS["Message"]
    assert table.write(table.read(fee(amount)), Typing()) == fee(amount)


# --- the short way --------------------------------------------------------------------------------------------------

ODD: list[Any] = [None, "", "x", 0, 1, 10**30, True, False, Decimal("1.50"), [], {}, [None], ["a"], [{}], {"a": 1}]


@st.composite
def objects(draw: st.DrawFn, table: ExactMap, depth: int = 0) -> dict[str, Any]:
    made: dict[str, Any] = {}
    rows = draw(st.lists(st.sampled_from(table._rows), unique_by=lambda row: row[0], max_size=4))
    for _, path, way in rows:
        target = made
        for step in path[:-1]:
            if draw(st.integers(0, 7)) == 0:
                target[step] = draw(st.sampled_from(ODD))
            target = target.setdefault(step, {})
            if not isinstance(target, dict):
                break
        else:
            target[path[-1]] = draw(values(way, depth))
    if draw(st.integers(0, 5)) == 0:
        made["#mws"] = draw(
            st.sampled_from([{}, {"TFMShipmentStatus": "x"}, {"X": "y"}, 1, None, {"InvoiceData": {}}])
        )
    if draw(st.integers(0, 5)) == 0:
        made["#unknown"] = draw(st.sampled_from([{}, {"X": "x"}, 1, None, {"X": 1}]))
    if draw(st.integers(0, 3)) == 0:
        made["Strange"] = draw(st.sampled_from(ODD))
    return made


@st.composite
def values(draw: st.DrawFn, way: Any, depth: int) -> Any:
    if draw(st.integers(0, 5)) == 0:
        return draw(st.sampled_from([*ODD, 1.5]))
    if isinstance(way, module._Leaf):
        return draw(st.sampled_from(["x", "1", "true", "SellerFulfilled", 1, True, ""]))
    if isinstance(way, module._Struct):
        return draw(objects(way.table, depth + 1))
    if isinstance(way, module._List):
        inner = draw(st.lists(values(way.of, depth + 1), max_size=2))
        return {way._member: inner} if draw(st.integers(0, 3)) == 0 else inner
    return draw(st.sampled_from([{"CurrencyCode": "USD", "Amount": "1"}, {"Amount": 1, "x": 2}, {"#text": "1"}]))


def outcome(read: Any, source: Any) -> Any:
    try:
        return read(source)
    except (MappingError, InexactError) as error:
        return type(error), str(error)


@each_table
@settings(max_examples=60)
@given(data=st.data())
@pytest.mark.long
def test_any_object_comes_back(name: str, data: st.DataObject) -> None:
    """Whatever the object, what was read is written back with no member missing, and the object stays as it was."""
    table = TABLES[name]
    source = data.draw(objects(table))
    before = json.dumps(source, default=str)
    found = outcome(table.take, source)
    assert json.dumps(source, default=str) == before
    if isinstance(found[0], dict) and not isinstance(outcome(dump, found[1]), tuple):
        record = table.read(source)
        again = table.read(table.write(record, lambda text, _: text))
        assert again == table.read(table.write(again, lambda text, _: text))
        assert {**again, "#json": ""} == {**record, "#json": ""}


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ({"#mws": {"Foo": "x"}}, "#mws: only "),
        ({"#mws": []}, "#mws: only "),
        ({"#mws": {"TFMShipmentStatus": 1}}, "#mws.TFMShipmentStatus: text, object or array expected"),
        ({"#unknown": "x"}, "#unknown: object expected"),
        ({"#unknown": {"a": [{"b": None}]}}, "#unknown.a[0].b: text, object or array expected"),
        ({"ShippingAddress": {"#mws": {"a": "x"}}}, "ShippingAddress.#mws: only nothing may stand here"),
        ({"ShippingAddress": {"#unknown": {}}}, "ShippingAddress.#unknown: may stand only in an order or an item"),
        ({"BuyerInfo": {"BuyerTaxInfo": {"#unknown": {}}}}, "BuyerInfo.BuyerTaxInfo.#unknown: may stand only"),
        ({"PaymentExecutionDetail": [{}, {"#unknown": {}}]}, "PaymentExecutionDetail[1].#unknown: may stand only"),
    ],
)
def test_what_is_wrong_is_named(source: dict[str, Any], place: str) -> None:
    """A refusal names the whole place and no value."""
    with pytest.raises(MappingError) as caught:
        TABLES["Order"].read(source)
    assert str(caught.value).startswith(place)


def test_a_float_is_no_text() -> None:
    """A number with a fraction where its text is needed asks for exact decoding; as a Decimal or text it is exact."""
    table = TABLES["Order"]
    with pytest.raises(InexactError, match=r"^Amount$"):
        table.read({"OrderTotal": {"Amount": 1.1}})
    with pytest.raises(InexactError):
        MEMBER_MAPS["Message"].read(fee({"Amount": 1.1}))
    assert table.read({"OrderTotal": {"Amount": Decimal("1.10")}}) == {"OrderTotal": {"Amount": "1.10"}}
    assert table.read({"OrderTotal": {"Amount": 10**30}}) == {"OrderTotal": {"Amount": f"1{'0' * 30}"}}


# --- what no element carries ----------------------------------------------------------------------------------------


def test_dump_is_exact() -> None:
    """Decimals keep their digits; what JSON text cannot be relied on to carry is refused without its value."""
    assert dump({"a": Decimal("1.10"), "b": 1.5}) == '{"a":1.10,"b":1.5}'
    deep: Any = "secret"
    for _ in range(300):
        deep = [deep]
    for value in (10**30, "\ud800", deep, {1, 2}):
        with pytest.raises(
            MappingError, match=r"^members that no element carries are too large or too deep to be kept$"
        ):
            dump({"a": value})


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("not JSON", "#json: JSON object expected"),
        ("[]", "#json: JSON object expected"),
        ("5", "#json: JSON object expected"),
        ('{"a": "over"}', "a: what no element carries has no place"),
        ('{"b": {"c": {}}}', "c: what no element carries has no place"),
        ('{"d": {"1": {"x": 1}}}', "d: what no element carries has no place"),
        ('{"d": {"0": {"e": 1}}}', "e: what no element carries has no place"),
        ('{"d": {"0": "x"}}', "0: what no element carries has no place"),
        ('{"d": ["x"]}', "d: what no element carries has no place"),
    ],
)
def test_what_cannot_be_put_back(text: str, place: str) -> None:
    """Members never replace what elements say, and are never dropped for want of a place."""
    target = {"a": "secret", "b": {"c": "x"}, "d": [{"e": "x"}]}
    with pytest.raises(MappingError) as caught:
        put_back(target, text)
    assert str(caught.value).startswith(place)
    with pytest.raises(MappingError):
        TABLES["Order"].write({"AmazonOrderId": "1", "#json": '{"AmazonOrderId": "2"}'}, Typing())


def test_merge() -> None:
    """Members go where they were, down through objects and arrays."""
    target: dict[str, Any] = {"b": {"c": "x"}, "d": [{"e": "x"}, {}]}
    merge(target, {"a": 1, "b": {"f": 2}, "d": {"1": {"g": [3]}}})
    assert target == {"a": 1, "b": {"c": "x", "f": 2}, "d": [{"e": "x"}, {"g": [3]}]}


def test_as_node_is_bounded() -> None:
    """Nodes may be a hundred levels deep."""
    node: Any = "x"
    for _ in range(101):
        node = {"a": node}
    assert as_node(node, "p") == node
    with pytest.raises(MappingError, match="deeper than 100 levels"):
        as_node([node], "p")


# --- types ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "quoted", "value"),
    [
        (" x ", None, False, " x "),
        (" a  b\n", TEXT, False, "a  b"),
        ("\xa0x", TEXT, False, "\xa0x"),
        (" \n", INTEGER, False, ""),
        ("True", BOOLEAN, False, True),
        (" false ", BOOLEAN, False, False),
        ("TRUE", BOOLEAN, True, "true"),
        ("+007", INTEGER, False, 7),
        ("-0", INTEGER, False, 0),
        (" 12 ", INTEGER, True, "12"),
        ("12.30", DECIMAL, False, "12.30"),
        ("2020-01-01T00:00:00Z", DATETIME, False, "2020-01-01T00:00:00Z"),
        ("2017-02-25T18%3A10%3A21.687Z", DATETIME, False, "2017-02-25T18:10:21.687Z"),
        ("100%", TEXT, False, "100%"),
    ],
)
def test_typing(text: str, kind: Scalar | None, quoted: bool, value: object) -> None:
    """Wire text becomes what v0 has: typed, without the white space around it, old percent signs decoded."""
    typing = Typing()
    assert (typing(text, Cell(kind, quoted, "Name")), typing.odd) == (value, [])
    assert type(typing(text, Cell(kind, quoted, "Name"))) is type(value)


@pytest.mark.parametrize(
    ("text", "kind"),
    [("yes", BOOLEAN), ("1.0", INTEGER), ("1" * 19, INTEGER), ("a", DECIMAL), ("soon", DATETIME), ("%41", DATETIME)],
)
def test_what_is_not_of_its_kind(text: str, kind: Scalar) -> None:
    """Text that is not of its kind stays, and its element is told."""
    typing = Typing()
    assert typing(f" {text}", Cell(kind, name="Name")) == text
    assert typing.odd == ["Name"]


#: Section 1.3 of the reference: strings in live payloads.
QUOTED = {"IsReplacementOrder", "IsGift", "NumberOfItems", "IsBuyerRequestedCancel"}


@pytest.mark.parametrize("name", ["Order", "OrderItem", "Address"])
def test_types_are_amazons(name: str) -> None:
    """The JSON type of every row is that of Amazon's model, but for those that live payloads are known to quote."""
    model = reference("models/ordersV0.json")
    quoted: set[str] = set()

    def resolve(schema: Any) -> Any:
        while "$ref" in schema:
            schema = model["definitions"][schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def check(table: ExactMap, schema: Any) -> None:
        for element, path, way in table._rows:
            inner = schema
            for step in path:
                inner = resolve(inner)["properties"].get(step)
                if inner is None:
                    assert step == "isAddressSharingConfidential"
                    break
            else:
                compare(element, way, resolve(inner))

    def compare(element: str, way: Any, schema: Any) -> None:
        if isinstance(way, module._Leaf):
            cell = way._cell
            own = {BOOLEAN.name: "boolean", INTEGER.name: "integer"}.get(cell.kind.name, "string")
            if cell.quoted:
                quoted.add(element)
            elif own != schema["type"]:
                assert element == "isAddressSharingConfidential", (element, own, schema["type"])
        elif isinstance(way, module._List):
            assert schema["type"] == "array"
            compare(element, way.of, resolve(schema["items"]))
        else:
            assert schema["type"] == "object"
            check(way.table, schema)

    check(TABLES[name], model["definitions"][name])
    assert quoted <= QUOTED
    rows = {element for table in (v0.ORDER_MAP, v0.ITEM_MAP) for element in quoted_rows(table)}
    assert rows == QUOTED


def quoted_rows(table: StructMap) -> set[str]:
    found: set[str] = set()
    for row in table.rows:
        if isinstance(row, Row):
            found |= {row.mws} if row.quoted else set()
            found |= quoted_rows(row.via) if row.via else set()
    return found


def test_maps_are_made_once() -> None:
    """One map for a table, one for a struct."""
    assert exact(v0.ORDER_MAP) is exact(v0.ORDER_MAP) is TABLES["Order"]
    assert mirror(ORDER) is mirror(ORDER)
