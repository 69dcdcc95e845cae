"""Requests to Orders v0 and the pages of its answers."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from bridge.mapping import orders_v0 as v0
from bridge.mapping.pages import ItemPage, OrderPage
from bridge.mapping.rows import MappingError
from mws_compat.orders import OPERATIONS
from mws_compat.validation import Argument, check

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WHOLE = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "value", "pair"),
    [
        ("MarketplaceId", ("ATVPDKIKX0DER", "A2EUQ1WTGCTBG2"), ("MarketplaceIds", "ATVPDKIKX0DER,A2EUQ1WTGCTBG2")),
        ("MarketplaceId", ("ATVPDKIKX0DER",), ("MarketplaceIds", "ATVPDKIKX0DER")),
        ("CreatedAfter", WHOLE, ("CreatedAfter", "2026-11-01T08:30:00Z")),
        ("CreatedAfter", WHOLE.replace(microsecond=5000), ("CreatedAfter", "2026-11-01T08:30:00.005Z")),
        ("CreatedBefore", WHOLE.astimezone(timezone(timedelta(hours=9))), ("CreatedBefore", "2026-11-01T08:30:00Z")),
        ("LastUpdatedAfter", WHOLE, ("LastUpdatedAfter", "2026-11-01T08:30:00Z")),
        ("LastUpdatedBefore", WHOLE, ("LastUpdatedBefore", "2026-11-01T08:30:00Z")),
        ("OrderStatus", ("Unshipped", "PartiallyShipped"), ("OrderStatuses", "Unshipped,PartiallyShipped")),
        ("FulfillmentChannel", ("AFN", "MFN"), ("FulfillmentChannels", "AFN,MFN")),
        ("PaymentMethod", ("COD", "CVS"), ("PaymentMethods", "COD,CVS")),
        ("BuyerEmail", "a+b@marketplace.amazon.com", ("BuyerEmail", "a+b@marketplace.amazon.com")),
        ("SellerOrderId", "web/1 & 2", ("SellerOrderId", "web/1 & 2")),
        ("MaxResultsPerPage", 7, ("MaxResultsPerPage", "7")),
        ("EasyShipShipmentStatus", ("PickedUp", "Lost"), ("EasyShipShipmentStatuses", "PickedUp,Lost")),
        ("TFMShipmentStatus", ("PickedUp",), None),
        ("NextToken", "never", None),
    ],
)
def test_each_parameter(name: str, value: Argument, pair: tuple[str, str] | None) -> None:
    """A typed argument becomes its v0 parameter: lists joined by commas, instants in UTC, values not yet encoded;
    what v0 does not have is left out."""
    assert v0.list_query({name: value}) == ([] if pair is None else [pair])


def test_all_parameters_at_once() -> None:
    """Everything that validation lets through at once is in the query, under different names."""
    given = {
        "CreatedAfter": "2026-11-01",
        "CreatedBefore": "2026-11-02T00:00:00.250Z",
        "MarketplaceId.Id.2": "B",
        "MarketplaceId.Id.1": "A",
        "OrderStatus.Status.1": "Shipped",
        "FulfillmentChannel.Channel.1": "MFN",
        "PaymentMethod.1": "Other",
        "MaxResultsPerPage": "100",
        "EasyShipShipmentStatus.Status.1": "Lost",
        "TFMShipmentStatus.Status.1": "Lost",
    }
    assert v0.list_query(check(OPERATIONS["ListOrders"], given, now=NOW)) == [
        ("MarketplaceIds", "A,B"),
        ("CreatedAfter", "2026-11-01T00:00:00Z"),
        ("CreatedBefore", "2026-11-02T00:00:00.250Z"),
        ("OrderStatuses", "Shipped"),
        ("FulfillmentChannels", "MFN"),
        ("PaymentMethods", "Other"),
        ("MaxResultsPerPage", "100"),
        ("EasyShipShipmentStatuses", "Lost"),
    ]
    assert v0.list_query({}) == []


def test_every_parameter_has_a_place() -> None:
    """Each parameter of ListOrders is named in v0, but for the one that has no counterpart."""
    names = {parameter.name for parameter in OPERATIONS["ListOrders"].parameters}
    assert names - v0.QUERY_NAMES.keys() == {"TFMShipmentStatus"}
    assert v0.QUERY_NAMES.keys() <= names


def test_paths() -> None:
    """Order ids stand in the path percent-encoded: none can lead to another path."""
    assert v0.LIST_PATH == "/orders/v0/orders"
    assert v0.order_path("112-0000001-0000001") == "/orders/v0/orders/112-0000001-0000001"
    assert v0.items_path("112-0000001-0000001") == "/orders/v0/orders/112-0000001-0000001/orderItems"
    assert v0.order_path("../a?b#c%é") == "/orders/v0/orders/..%2Fa%3Fb%23c%25%C3%A9"
    assert v0.items_path("a/b") == "/orders/v0/orders/a%2Fb/orderItems"


def test_orders_by_id() -> None:
    """Several orders are asked for in one listing, with marketplaces and a date that lets every order through."""
    assert v0.ids_query(["1", "2"], ("A", "B"), datetime(2000, 1, 1, tzinfo=UTC)) == [
        ("MarketplaceIds", "A,B"),
        ("CreatedAfter", "2000-01-01T00:00:00Z"),
        ("AmazonOrderIds", "1,2"),
    ]


# --- answers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "page"),
    [
        ({"Orders": []}, OrderPage([], "", "", "")),
        (
            {"Orders": [{"AmazonOrderId": "1"}, {}], "NextToken": "t", "CreatedBefore": "2026-11-20T11:58:00+01:00"},
            OrderPage([{"AmazonOrderId": "1"}, {}], "t", "2026-11-20T10:58:00Z", ""),
        ),
        (
            {"Orders": [], "NextToken": "", "CreatedBefore": "1.569521782042E9", "LastUpdatedBefore": "2026-11-20"},
            OrderPage([], "", "", "2026-11-20T00:00:00Z"),
        ),
        ({"Orders": [], "NextToken": None, "CreatedBefore": None, "LastUpdatedBefore": 5}, OrderPage([], "", "", "")),
    ],
)
def test_order_pages(payload: dict[str, object], page: OrderPage) -> None:
    """Records, token and bounds of a getOrders answer; an empty token and a bound that is no date are absent."""
    assert v0.read_order_page({"payload": payload}) == page


@pytest.mark.parametrize(
    ("payload", "page"),
    [
        ({"OrderItems": []}, ItemPage("", [], "")),
        ({"OrderItems": [], "AmazonOrderId": 5, "NextToken": None}, ItemPage("", [], "")),
        (
            {"OrderItems": [{"ASIN": "B"}], "AmazonOrderId": "112-1", "NextToken": "t"},
            ItemPage("112-1", [{"ASIN": "B"}], "t"),
        ),
    ],
)
def test_item_pages(payload: dict[str, object], page: ItemPage) -> None:
    """Order id, records and token of a getOrderItems answer."""
    assert v0.read_item_page({"payload": payload}) == page


def test_one_order() -> None:
    """getOrder's payload is the order itself."""
    assert v0.read_order({"payload": {"AmazonOrderId": "1"}}) == {"AmazonOrderId": "1"}


@pytest.mark.parametrize(
    ("read", "answer", "message"),
    [
        (v0.read_order, None, "payload: object expected"),
        (v0.read_order, [], "payload: object expected"),
        (v0.read_order, {"payload": ["private"]}, "payload: object expected"),
        (v0.read_order, {"errors": [{"code": "private"}]}, "payload: object expected"),
        (v0.read_order, {"payload": {"IsPrime": "private"}}, "payload.IsPrime: boolean expected, other text found"),
        (v0.read_order_page, {"payload": {}}, "payload.Orders: array expected"),
        (v0.read_order_page, {"payload": {"Orders": {"Order": []}}}, "payload.Orders: array expected"),
        (v0.read_order_page, {"payload": {"Orders": [{}, "private"]}}, "payload.Orders[1]: object expected"),
        (
            v0.read_order_page,
            {"payload": {"Orders": [{}, {"ShippingAddress": {"Name": ["private"]}}]}},
            "payload.Orders[1].ShippingAddress.Name: text expected, array found",
        ),
        (
            v0.read_order_page,
            {"payload": {"Orders": [], "NextToken": {"private": 1}}},
            "payload.NextToken: text expected, object found",
        ),
        (v0.read_item_page, {"payload": {"OrderItems": None}}, "payload.OrderItems: array expected"),
        (
            v0.read_item_page,
            {"payload": {"OrderItems": [{"PromotionIds": [["private"]]}]}},
            "payload.OrderItems[0].PromotionIds[0]: text expected, array found",
        ),
        (
            v0.read_item_page,
            {"payload": {"OrderItems": [], "NextToken": True}},
            "payload.NextToken: text expected, boolean found",
        ),
    ],
)
def test_answers_of_another_shape(read: Any, answer: object, message: str) -> None:
    """What is no such answer is refused with the whole path from the top, and without any value."""
    with pytest.raises(MappingError) as caught:
        read(answer)
    assert str(caught.value) == message
    assert "private" not in repr(caught.value)
