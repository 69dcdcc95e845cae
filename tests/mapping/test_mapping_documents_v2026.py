"""Answers of v2026: what each JSON is taken for, its records, and the place of what is wrong with it."""

from typing import Any

import pytest

from bridge.mapping.cells import InexactError, Typing
from bridge.mapping.documents import NAMESPACE
from bridge.mapping.documents_v2026 import (
    is_item_list,
    read_document,
    read_order,
    read_records,
    refuse_floats,
    tells_only_order,
    write_head,
    write_order,
)
from bridge.mapping.rows import MappingError
from bridge.mapping.versions import is_v2026

ITEM = {"orderItemId": "a"}


@pytest.mark.parametrize(
    ("source", "action", "members", "place"),
    [
        ({"orders": []}, "ListOrders", 0, "orders"),
        ({"orders": None}, "ListOrders", 0, "orders"),
        ({"orders": [{}, {}], "#mws": {"Operation": "GetOrder"}}, "GetOrder", 2, "orders"),
        ({"pagination": {"nextToken": "t"}}, "ListOrders", 0, ""),
        ({"order": {"orderId": "1"}}, "GetOrder", 1, "order"),
        ({"order": {"orderId": "1", "programs": [], "orderItems": []}}, "GetOrder", 1, "order"),
        ({"order": {"orderId": "1", "orderItems": [ITEM]}}, "ListOrderItems", 1, "order.orderItems"),
        ({"order": {"orderItems": None}}, "ListOrderItems", 0, "order.orderItems"),
        (
            {"order": {"orderId": "1"}, "#mws": {"Operation": "ListOrderItems"}},
            "ListOrderItems",
            0,
            "order.orderItems",
        ),
        ({"order": None, "createdBefore": "2026-01-01T00:00:00Z"}, "ListOrders", 0, ""),
    ],
)
def test_what_a_document_is_taken_for(source: Any, action: str, members: int, place: str) -> None:
    """What a JSON object is, its shape says, or its operation; what is around the members comes back."""
    assert is_v2026(source)
    document = read_document(source)
    assert document is not None
    assert (document.kind.action, len(document.members), document.place) == (action, members, place)
    listed = place in {"orders", "order.orderItems"}
    head = write_head(document.kind, document.namespace, document.record, Typing(), listed=listed)
    around = {name: value for name, value in source.items() if name not in {"orders", "order", "#mws"}}
    assert {name: value for name, value in head.items() if name not in {"order", "#mws"}} == around


@pytest.mark.parametrize("source", [{"orderId": "1"}, ITEM, {"orderItems": []}, {"product": {}}])
def test_what_is_no_document(source: Any) -> None:
    """Orders and items outside any answer are none."""
    assert is_v2026(source)
    assert read_document(source) is None


@pytest.mark.parametrize(
    "source",
    [{}, {"errors": []}, {"payload": {}, "orders": []}, {"AmazonOrderId": "1", "orderId": "1"}, {"Orders": []}],
)
def test_what_is_not_v2026(source: Any) -> None:
    """v0's objects stay v0's, whatever unknown members they have."""
    assert not is_v2026(source)


def test_items_tell_what_their_order_does_not() -> None:
    """Counts that the items add up to are not said twice; alone, an order says them itself."""
    source = {
        "orderId": "1",
        "programs": ["PRIME"],
        "orderItems": [{**ITEM, "fulfillment": {"quantityFulfilled": 2}}],
    }
    order, item = read_records(source)
    assert order["NumberOfItemsShipped"] == item["QuantityShipped"] == "2"
    own = {name: node for name, node in item.items() if name != "AmazonOrderId"}
    assert write_order(order, Typing(), [own]) == source
    assert write_order(order, Typing())["#mws"] == {"NumberOfItemsShipped": "2"}


def test_an_item_is_read_with_its_order() -> None:
    """What the order says counts for the item, unless that cannot be read."""
    priced = {**ITEM, "quantityOrdered": 2, "product": {"price": {"unitPrice": {"amount": "1.50"}}}}
    _, item = read_records({"orderId": "1", "programs": [], "orderItems": [priced]})
    assert item["ItemPrice"] == {"Amount": "3.00"}
    for status, is_priced in (("PENDING", False), (["PENDING"], True)):
        _, item = read_records({"orderId": "1", "fulfillment": {"fulfillmentStatus": status}, "orderItems": [priced]})
        assert ("ItemPrice" in item) == is_priced
    assert read_order({"orderId": "1"}).items is None


def test_lists_of_items() -> None:
    """A list of items is nothing but that, and only its order goes into another document."""
    assert is_item_list({"orderItems": []})
    assert not is_item_list({"orderId": 1, "orderItems": []})
    assert not is_item_list({"orderId": "1"})
    document = read_document({"order": {"orderId": "1", "orderItems": []}})
    assert document is not None
    assert tells_only_order(document.kind, document.record)
    assert not tells_only_order(document.kind, {**document.record, "RequestId": "r"})
    assert document.namespace == NAMESPACE


def test_what_is_refused() -> None:
    """Members in the way of the elements, and floats."""
    document = read_document({"orders": []})
    assert document is not None
    record = {**document.record, "#json": '{"#v2026":{"order":{}}}'}
    with pytest.raises(MappingError, match="order: what no element carries has no place"):
        write_head(document.kind, NAMESPACE, record, Typing(), listed=True)
    with pytest.raises(InexactError, match="amount"):
        refuse_floats({"a": [{"b": 1}, {"amount": 1.5}]})
