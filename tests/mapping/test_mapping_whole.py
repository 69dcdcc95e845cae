"""The v2026 table without loss: both ways for any record and any object, with and without what is around them."""

import copy
import json
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.cells import InexactError, Typing
from bridge.mapping.documents_v2026 import ITEMS, ORDERS
from bridge.mapping.links import Link, LinkMap, Lost
from bridge.mapping.orders_v2026 import ORDER_MAP
from bridge.mapping.rows import JsonObject, MappingError
from bridge.mapping.whole import WholeMap, load_unmapped
from mws_compat.schema import INTEGER, TEXT, UNMAPPED, Field, ListOf, Record, Struct
from tests.examples import examples
from tests.mapping.store import newer_orders, static_answers
from tests.offline.converting import KINDS, members, same

MAPS: dict[str, WholeMap] = {"Order": ORDERS, "OrderItem": ITEMS}
each = pytest.mark.parametrize("name", MAPS)

AROUND: JsonObject = {
    "programs": ["AMAZON_EASY_SHIP"],
    "salesChannel": {"marketplaceId": "A1VC38T7YXB528"},
    "fulfillment": {"fulfillmentStatus": "PENDING"},
}
BESIDE: JsonObject = {"orderItems": [{"fulfillment": {"quantityFulfilled": 3}}, {}]}


def contexts(name: str) -> list[dict[str, JsonObject | None]]:
    """What an object may be read and written with."""
    if name == "Order":
        return [{}, {"beside": BESIDE}, {"beside": {"orderItems": []}}, {"beside": {"orderItems": [5]}}]
    return [{"whole": {}}, {"whole": AROUND}]


# --- records --------------------------------------------------------------------------------------------------------


@each
@examples(40)
@given(data=st.data())
@pytest.mark.long
def test_record_to_json_and_back(name: str, data: st.DataObject) -> None:
    """Whatever a record holds comes back with the same meaning, and nothing else; the JSON is the same again."""
    struct, key = KINDS[name]
    record = data.draw(members(struct, key))
    around = data.draw(st.sampled_from(contexts(name)))
    written = MAPS[name].write(record, Typing(), **around)
    again = MAPS[name].read(json.loads(json.dumps(written)), **around)
    assert same(again, record, struct)
    assert MAPS[name].write(again, Typing(), **around) == written


@each
def test_every_element(name: str) -> None:
    """Each element comes back, though it stands alone, and brings no other."""
    struct, _ = KINDS[name]
    for field in struct.fields:
        node: Any = ["x"] if isinstance(field.kind, ListOf) else "true"
        if isinstance(field.kind, Struct | ListOf):
            inner = field.kind.of if isinstance(field.kind, ListOf) else field.kind
            if isinstance(inner, Struct):
                node = {one.name: "1" for one in inner.fields if not isinstance(one.kind, Struct | ListOf)}
                node = [node, node] if isinstance(field.kind, ListOf) else node
        record: Record = {field.name: node}
        assert MAPS[name].read(MAPS[name].write(record, Typing())) == record, field.name


def test_what_reading_would_not_give() -> None:
    """``#mws`` holds elements, parts of structs, and what must not be there; empty ones count as absent."""
    record: Record = {
        "AmazonOrderId": "1",
        "SellerOrderId": "",
        "LatestShipDate": " 2016-01-29T18:49:10.120Z ",
        "ShippingAddress": {"City": "x", "isAddressSharingConfidential": "true", "Name": ""},
        "TFMShipmentStatus": "Out",
        "IsPrime": "TRUE",
        "BuyerTaxInfo": {},
    }
    written = ORDERS.write(record, Typing())
    own: Any = written["#mws"]
    absent = own.pop("#absent")
    assert own == {
        "LatestShipDate": "2016-01-29T18:49:10.120Z",
        "ShippingAddress": {"isAddressSharingConfidential": "true"},
        "TFMShipmentStatus": "Out",
    }
    assert {"SellerOrderId", "IsBusinessOrder", "OrderType", "PaymentMethod"} <= set(absent)
    assert written["programs"] == ["PRIME"]
    assert "IsPrime" not in absent


def test_odd_values_are_named() -> None:
    """What is not of its kind stays text, and its name is told."""
    typing = Typing()
    record: Record = {"AmazonOrderId": "1", "IsPrime": "yes", "NumberOfItemsShipped": "many"}
    again = ORDERS.read(ORDERS.write(record, typing))
    assert typing.odd == ["NumberOfItemsShipped", "IsPrime"]
    assert again == record


# --- objects --------------------------------------------------------------------------------------------------------


def both_ways(source: JsonObject, name: str, **around: JsonObject | None) -> Record:
    """The record of an object, which is the same again when it is written."""
    before = copy.deepcopy(source)
    record = MAPS[name].read(source, **around)
    assert source == before
    assert MAPS[name].write(record, Typing(), **around) == source
    return record


@pytest.mark.long
def test_orders_of_the_sandbox() -> None:
    """Every order and item comes back as it was, when its surroundings are the same; what is around it is not kept
    in it."""
    for order in newer_orders():
        items = order.pop("orderItems")
        record = both_ways(order, "Order", beside={"orderItems": items})
        assert not list(ORDERS.strangers(order))
        alone = ORDERS.write(record, Typing())
        assert ORDERS.read(alone) == record
        own: Any = alone.get("#mws", {})
        assert {"NumberOfItemsShipped", "NumberOfItemsUnshipped"} == own.keys(), own
        for item in items:
            record = both_ways(item, "OrderItem", whole=order)
            alone = ITEMS.write(record, Typing(), whole={})
            assert ITEMS.read(alone, whole={}) == record
            assert not list(ITEMS.strangers(item))


def test_orders_of_the_model() -> None:
    """So do Amazon's examples, of which nothing is unknown."""
    found = [
        order
        for answer in static_answers()
        for order in (answer.get("orders", []) or [answer.get("order")])
        if order is not None
    ]
    assert len(found) >= 6
    for order in found:
        items = order.pop("orderItems")
        both_ways(order, "Order", beside={"orderItems": items})
        assert not list(ORDERS.strangers(order))
        for item in items:
            both_ways(item, "OrderItem", whole=order)
            assert not list(ITEMS.strangers(item))


@cache
def few() -> list[dict[str, Any]]:
    return newer_orders()[:20]


NAMES = ["programs", "fulfillment", "proceeds", "recipient", "deliveryAddress", "breakdowns", "type", "amount", "tax"]
NAMES += ["subtotal", "packages", "payment", "paymentExecutions", "grandTotal", "fulfillmentStatus", "salesChannel"]
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["ITEM", "1.50", "", " x ", "PENDING"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=8,
)


@each
@examples(40)
@given(data=st.data())
@pytest.mark.long
def test_any_object(name: str, data: st.DataObject) -> None:
    """An object of any shape comes back as it was; what is of another shape than the table needs is kept as it is."""
    source = data.draw(st.dictionaries(st.sampled_from([*NAMES, "orderId", "createdTime"]), anything, max_size=5))
    base: Any = copy.deepcopy(few()[data.draw(st.integers(0, 19))])
    items = base.pop("orderItems")
    if data.draw(st.booleans()):
        source = {**(base if name == "Order" else items[0]), **source}
    both_ways(source, name, **data.draw(st.sampled_from(contexts(name))))


def test_what_writing_would_not_give() -> None:
    """``#json`` holds members that no element carries, arrays whole, and the names of those that were not there."""
    source: JsonObject = {
        "orderId": "1",
        "programs": ["PRIME", "NEW"],
        "salesChannel": {"marketplaceName": "Amazon.com"},
        "recipient": {"deliveryAddress": {"city": "x"}, "deliveryPreference": {"dropOffLocation": "y"}},
        "buyer": None,
        "future": [1, None],
    }
    record = both_ways(source, "Order")
    assert json.loads(str(record[UNMAPPED])) == {
        "#v2026": {
            "programs": ["PRIME", "NEW"],
            "salesChannel": {"#absent": ["channelName"]},
            "recipient": {"deliveryPreference": {"dropOffLocation": "y"}},
            "buyer": None,
            "future": [1, None],
            "#absent": ["orderAliases"],
        }
    }
    assert list(ORDERS.strangers({**source, "#unknown": {"New": "x"}, "buyer": {"new": 1}})) == [
        "#unknown.New",
        "buyer.new",
        "future",
    ]


def test_kept_elements_are_put_on() -> None:
    """``#mws`` of any JSON is obeyed, and comes back also where it says more than it needs to."""
    source: JsonObject = {
        "orderId": "1",
        "#mws": {"AmazonOrderId": "1", "IsPrime": "true", "ShippingAddress": {"City": "x"}, "#absent": ["IsIBA"]},
        "#unknown": {"New": {"@a": "1"}},
        "#v0": {"HasRegulatedItems": False},
    }
    record = both_ways(source, "Order")
    assert (record["IsPrime"], record["ShippingAddress"]) == ("true", {"City": "x"})
    assert "IsIBA" not in record
    assert json.loads(str(record[UNMAPPED]))["HasRegulatedItems"] is False
    assert "#mws" in json.loads(str(record[UNMAPPED]))["#v2026"]
    changed = {**record, "IsPrime": "false"}  # by hand: what was kept does not fit any more
    assert ORDERS.read(ORDERS.write(changed, Typing()))["IsPrime"] == "false"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"#mws": "secret"}, "#mws: object expected"),
        ({"#mws": {"secret": 1}}, "#mws: only elements of Order may stand here"),
        (
            {"#mws": {"ShippingAddress": {"secret": 1}}},
            "#mws.ShippingAddress: only elements of Address may stand here",
        ),
        ({"#mws": {"IsPrime": True}}, "#mws.IsPrime: text expected"),
        ({"#mws": {"OrderTotal": "secret"}}, "#mws.OrderTotal: object expected"),
        ({"#mws": {"PaymentMethodDetails": "secret"}}, "#mws.PaymentMethodDetails: array expected"),
        ({"#mws": {"PaymentMethodDetails": ["x", 5]}}, "#mws.PaymentMethodDetails[1]: text expected"),
        ({"#mws": {"#absent": "secret"}}, "#mws.#absent: array of names expected"),
        ({"#unknown": "secret"}, "#unknown: object expected"),
        ({"#unknown": {"a": 5}}, "#unknown.a: text, object or array expected"),
        ({"#v0": "secret"}, "#v0: object expected"),
        ({"#v0": {"#v2026": "secret"}}, "#v0.#v2026: may not stand here"),
        ({"#absent": "secret"}, "#absent: may not stand here"),
        ({"orderId": "1", "fulfillment": {"fulfillmentStatus": "X", "#absent": 1}}, "fulfillment.#absent: may not"),
        ({"future": 2**70}, "members that no element carries are too large or too deep"),
    ],
)
def test_objects_that_are_refused(source: JsonObject, message: str) -> None:
    """What is not as ``write`` writes it is refused with its place, and no value."""
    with pytest.raises(MappingError) as caught:
        ORDERS.read(source)
    assert str(caught.value).startswith(message)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({UNMAPPED: "secret"}, "#json: JSON object expected"),
        ({UNMAPPED: "[1]"}, "#json: JSON object expected"),
        ({UNMAPPED: '{"a":NaN}'}, "#json: JSON object expected"),
        ({UNMAPPED: '{"a":1e9999999999999999999}'}, "#json: JSON object expected"),
        ({UNMAPPED: '{"#v2026":5}'}, "#json.#v2026: object expected"),
        ({UNMAPPED: '{"#v2026":{"#absent":5}}'}, "#json.#v2026.#absent: array of names expected"),
        ({"IsPrime": ["secret"]}, "IsPrime: not of the element's shape"),
        ({"OrderTotal": "secret"}, "OrderTotal: not of the element's shape"),
    ],
)
def test_records_that_are_refused(record: Record, message: str) -> None:
    """A record that holds what ``read`` never puts there is refused."""
    with pytest.raises(MappingError) as caught:
        ORDERS.write(record, Typing())
    assert str(caught.value).startswith(message)
    assert "secret" not in str(caught.value)


# --- numbers --------------------------------------------------------------------------------------------------------


def test_amounts_that_are_numbers() -> None:
    """A number with a fraction where text is needed is refused as a float, and kept to the digit otherwise."""
    for place in ({"grandTotal": {"amount": 1.10, "currencyCode": "EUR"}}, {"breakdowns": [], "grandTotal": 1.5}):
        with pytest.raises(InexactError):
            ORDERS.read({"orderId": "1", "proceeds": place})
    source: JsonObject = {
        "orderId": "1",
        "proceeds": {"grandTotal": {"amount": Decimal("1.10"), "currencyCode": "X"}},
    }
    record = both_ways(source, "Order")
    assert record["OrderTotal"] == {"Amount": "1.10", "CurrencyCode": "X"}
    assert load_unmapped(record) == {"#v2026": {**source, "#absent": ["orderAliases"]}} | {
        "#v2026": {"proceeds": {"grandTotal": {"amount": Decimal("1.10")}}, "#absent": ["orderAliases"]}
    }
    item: JsonObject = {"measurement": {"value": 1.5}, "product": {"asin": "B"}}
    assert ITEMS.read(item)["ASIN"] == "B"  # nobody needs that number's text


def test_objects_of_another_shape() -> None:
    """The parts that can be read are; an object of endless such parts costs no endless time."""
    source: JsonObject = {
        "orderId": "1",
        "programs": "PRIME",
        "packages": [{"packageStatus": 5}, {"packageStatus": {"detailedStatus": "LOST"}}],
        "fulfillment": {"fulfillmentStatus": ["x"], "fulfilledBy": "MERCHANT"},
        "payment": {"paymentExecutions": [[{"paymentMethod": 5}] * 50] * 200},
    }
    record = both_ways(source, "Order")
    assert (record["AmazonOrderId"], record["FulfillmentChannel"]) == ("1", "MFN")
    with pytest.raises(InexactError):
        ORDERS.read({**source, "salesChannel": {"marketplaceId": 1.5}})


# --- tables ---------------------------------------------------------------------------------------------------------


class Refusing:
    """A way that writes nothing but ``good`` and reads nothing but ``good``."""

    def read(self, found: list[object]) -> Any:
        if found and found[0] != "good":
            raise ArithmeticError
        return found[0] if found else None

    def write(self, node: Any) -> list[object]:
        if node != "good":
            raise TypeError
        return [node]


def test_a_table_that_refuses() -> None:
    """Elements that a table cannot write are kept beside what it can, whatever it raises."""
    struct = Struct("T", (Field("A", TEXT), Field("B", TEXT), Field("C", INTEGER), Field("D", TEXT)))
    table = WholeMap(LinkMap(struct, (Link("A", "a", Refusing()), Link("B", "b.b"), Link("C", "c"), Lost("D", ""))))
    record: Record = {"A": "bad", "B": "x", "C": "5"}
    written = table.write(record, Typing())
    assert written == {"b": {"b": "x"}, "c": 5, "#mws": {"A": "bad"}}
    assert table.read(written) == record
    assert table.read({"a": "bad", "b": {"b": "x"}}) == {"B": "x", UNMAPPED: '{"#v2026":{"a":"bad"}}'}
    assert table.struct is struct


def test_the_table_is_the_table() -> None:
    """The maps are those of the endpoint's table."""
    assert ORDERS.struct is ORDER_MAP.struct
