"""Places, ways and links: read and written alike, and refused with the place named."""

import asyncio
from typing import Any

import httpx
import pytest

from bridge.mapping import calls_v2026, orders_v0
from bridge.mapping.orders_v2026 import ADDRESS_MAP, ITEM_MAP, ORDER_MAP
from bridge.mapping.paths import parse_path
from bridge.mapping.rows import MappingError
from bridge.mapping.ways import Absolute, Flag, Money, Words, as_second
from bridge.sandbox import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, DEMO_SELLERS, Sandbox, SandboxSettings
from tests.support import NOW

TAX = {"proceeds": {"breakdowns": [{"type": "ITEM"}, {"type": "TAX", "parts": [{"is": "A", "v": 1}, {"is": "B"}]}]}}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("proceeds.breakdowns[type=TAX].parts[is=A].v", [1]),
        ("proceeds.breakdowns[].type", ["ITEM", "TAX"]),
        ("proceeds.breakdowns[type=ITEM|TAX].type", ["ITEM", "TAX"]),
        ("proceeds.breakdowns[type=DISCOUNT].type", []),
        ("proceeds.breakdowns[type=TAX].parts[].v", [1]),
        ("nothing.here[]", []),
    ],
)
def test_a_place_is_found(path: str, found: list[object]) -> None:
    """Every value at a place is found, in order; what is absent is not."""
    assert parse_path(path).find(TAX) == found


@pytest.mark.parametrize(
    ("source", "path", "place"),
    [
        ({"a": "text"}, "a.b", "a"),
        ({"a": {"b": "text"}}, "a.b[]", "a.b"),
        ({"a": {"b": ["text"]}}, "a.b[k=v].c", "a.b"),
        ({"a": [{"b": 1}]}, "a[].b.c", "a.b"),
    ],
)
def test_another_shape_is_refused_at_its_place(source: dict[str, object], path: str, place: str) -> None:
    """Where an object or array is expected and something else stands, the place is named, and not the value."""
    with pytest.raises(MappingError) as caught:
        parse_path(path).find(source)
    assert caught.value.place == place
    assert "text" not in caught.value.problem


def test_null_is_absent() -> None:
    """null and members that are null count as absent."""
    assert parse_path("a[].b").find({"a": [None, {"b": None}, {"b": "x"}]}) == ["x"]
    assert parse_path("a.b").find({"a": None}) == []


@pytest.mark.parametrize("path", ["", "a..b", "a[", "a[k=]", "a[=v]", "a b"])
def test_what_is_no_path_is_refused(path: str) -> None:
    """A mistake in a table is found when it is made."""
    with pytest.raises(ValueError, match="not a path"):
        parse_path(path)


def test_what_is_put_is_found() -> None:
    """A value is put into the member that fits, which is made where there is none."""
    target: dict[str, object] = {}
    parse_path("a[type=TAX].b[is=A].v").put(target, 1)
    parse_path("a[type=TAX].b[is=B|C].v").put(target, 2)
    parse_path("a[type=TAX].b[is=C|B].v").put(target, 3)
    parse_path("words[]").put(target, "ONE")
    parse_path("words[]").put(target, "TWO")
    parse_path("each[].id").put(target, "x")
    parse_path("each[].id").put(target, "y")
    parse_path("deep.er").put(target, {"one": 1})
    parse_path("deep.er").put(target, {"two": 2})
    assert target == {
        "a": [{"type": "TAX", "b": [{"is": "A", "v": 1}, {"is": "B", "v": 3}]}],
        "words": ["ONE", "TWO"],
        "each": [{"id": "x"}, {"id": "y"}],
        "deep": {"er": {"one": 1, "two": 2}},
    }


def test_ways_are_symmetric() -> None:
    """What a way writes it reads as the same node."""
    words = Words({"CANCELLED": "Canceled"}, frozenset({"PICKUP_POINT"}))
    assert words.write("Canceled") == ["CANCELLED"]
    assert words.read(["CANCELLED"]) == "Canceled"
    assert words.read(["NEW_WORD"]) == "NEW_WORD"
    assert words.read(["PICKUP_POINT"]) is None
    assert Flag("PRIME").read(["PREMIUM", "PRIME"]) == "true"
    assert Flag("PRIME").read([]) == "false"
    assert Flag("PRIME").write("true") == ["PRIME"]
    assert Flag("PRIME").write("false") == []
    amount = {"CurrencyCode": "USD", "Amount": "1.50"}
    assert Money().read(Money().write(amount)) == amount
    assert Absolute(True).write(amount) == [{"amount": "-1.50", "currencyCode": "USD"}]
    assert Absolute(True).write({"Amount": "0.00"}) == [{"amount": "0.00"}]
    assert Absolute(True).write({"Amount": "-5"}) == [{"amount": "-5"}]
    assert Absolute(True).write({"Amount": "much"}) == [{"amount": "much"}]
    assert ORDER_MAP.write({"OrderStatus": "InvoiceUnconfirmed"}) == {"fulfillment": {"fulfillmentStatus": "SHIPPED"}}
    assert Absolute(False).write(amount) == [{"amount": "1.50", "currencyCode": "USD"}]
    assert Absolute(True).read(Absolute(True).write(amount)) == amount
    assert Money().read([{}]) is None


@pytest.mark.parametrize("node", ["text", ["text"]])
def test_a_node_of_another_shape_writes_nothing(node: Any) -> None:
    """A record that holds another shape than the schema's does not put nonsense into JSON."""
    assert Money().write(node) == []
    assert Words({}).write(["a"]) == []
    assert "recipient" not in ORDER_MAP.write({"ShippingAddress": node})
    assert "promotion" not in ITEM_MAP.write({"PromotionIds": "text"})


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2026-11-20T10:00:00.987Z", "2026-11-20T10:00:00Z"),
        ("2026-11-20T10:00:00+09:00", "2026-11-20T01:00:00Z"),
        ("1.569521782042E9", None),
    ],
)
def test_dates_are_whole_seconds(text: str, written: str | None) -> None:
    """One form of date, as v0 had it; what is no date is absent."""
    assert as_second(text) == written


def test_a_date_of_another_type_is_refused() -> None:
    """A number is no date."""
    with pytest.raises(MappingError, match="date-time expected"):
        as_second(1569521782)


@pytest.mark.parametrize(
    ("order", "place"),
    [
        ({"orderId": {"a": 1}}, "orderId"),
        ({"proceeds": {"grandTotal": "12"}}, "proceeds.grandTotal"),
        ({"proceeds": {"grandTotal": {"amount": 1.5, "currencyCode": "USD"}}}, "proceeds.grandTotal.amount"),
        ({"recipient": {"deliveryAddress": []}}, "recipient.deliveryAddress"),
        ({"recipient": {"deliveryAddress": {"city": 1.5}}}, "recipient.deliveryAddress.city"),
        ({"orderItems": [{"fulfillment": {"quantityFulfilled": "x"}}]}, "orderItems[].fulfillment.quantityFulfilled"),
        (
            {"payment": {"paymentExecutions": [{"paymentMethod": "CashOnDelivery", "paymentAmount": 3}]}},
            "paymentAmount",
        ),
        ({"programs": "PRIME"}, "programs"),
        (
            {"orderAliases": [{"aliasType": "SELLER_ORDER_ID", "aliasId": []}]},
            "orderAliases[aliasType=SELLER_ORDER_ID].aliasId",
        ),
    ],
)
def test_an_order_of_another_shape_is_refused_at_its_place(order: dict[str, object], place: str) -> None:
    """A value of the wrong type names its place in the order, and the value is not shown."""
    with pytest.raises(MappingError) as caught:
        calls_v2026.read_order(order)
    assert caught.value.place.startswith("order.")
    assert place in caught.value.place


@pytest.mark.parametrize(
    "answer",
    [None, {}, {"orders": {}}, {"orders": [1]}, {"orders": [{"orderId": 1}]}, {"order": {}}, {"order": []}],
)
def test_an_answer_of_another_shape_is_refused(answer: object) -> None:
    """An answer without orders, or with an order that has no id, is none."""
    with pytest.raises(MappingError):
        calls_v2026.read_search_page(answer)
    with pytest.raises(MappingError):
        calls_v2026.read_found_order(answer)


def test_an_item_of_another_shape_is_refused() -> None:
    """The item and the member in it are named."""
    with pytest.raises(MappingError, match=r"order\.orderItems\[1\]"):
        calls_v2026.read_items({"orderId": "1", "orderItems": [{}, "text"]})
    with pytest.raises(MappingError, match=r"order\.orderItems\[0\]\.quantityOrdered"):
        calls_v2026.read_items({"orderId": "1", "orderItems": [{"quantityOrdered": "many"}]})


# --- what the table derives ---------------------------------------------------------------------------------------


def read(**members: object) -> dict[str, Any]:
    return calls_v2026.read_order({"orderId": "1", **members})


def read_item(item: dict[str, object], **members: object) -> dict[str, Any]:
    return calls_v2026.read_items({"orderId": "1", **members, "orderItems": [item]})[0]


def breakdown(kind: str, amount: str, **details: str) -> dict[str, object]:
    parts = [{"subtype": name, "value": {"amount": text, "currencyCode": "USD"}} for name, text in details.items()]
    subtotal = {"amount": amount, "currencyCode": "USD"}
    return {"type": kind, "subtotal": subtotal, **({"detailedBreakdowns": parts} if parts else {})}


def test_a_missing_total_is_the_sum_of_the_items() -> None:
    """grandTotal first; else the items' totals when all have one of the same currency; else nothing."""
    item = {"proceeds": {"proceedsTotal": {"amount": "1.10", "currencyCode": "USD"}}}
    other = {"proceeds": {"proceedsTotal": {"amount": "1.10", "currencyCode": "EUR"}}}
    odd = {"proceeds": {"proceedsTotal": {"amount": "much", "currencyCode": "USD"}}}
    assert read(orderItems=[item, item])["OrderTotal"] == {"CurrencyCode": "USD", "Amount": "2.20"}
    for items in ([item, {}], [item, other], [odd], []):
        assert "OrderTotal" not in read(orderItems=items)
    total = {"amount": "9", "currencyCode": "USD"}
    assert read(proceeds={"grandTotal": total}, orderItems=[item])["OrderTotal"]["Amount"] == "9"


def test_discounts_are_told_without_sign_and_once() -> None:
    """PromotionDiscount is what is not ShippingDiscount and CODFeeDiscount."""
    whole = {"proceeds": {"breakdowns": [breakdown("DISCOUNT", "-5.00", SHIPPING="-2.00", COD_FEE="-1.00")]}}
    item = read_item(whole)
    assert item["PromotionDiscount"]["Amount"] == "2.00"
    assert item["ShippingDiscount"]["Amount"] == "2.00"
    assert item["CODFeeDiscount"]["Amount"] == "1.00"
    only = read_item({"proceeds": {"breakdowns": [breakdown("DISCOUNT", "-2.00", SHIPPING="-2.00")]}})
    assert "PromotionDiscount" not in only
    plain = read_item({"proceeds": {"breakdowns": [breakdown("DISCOUNT", "0.00")]}})
    assert plain["PromotionDiscount"]["Amount"] == "0.00"
    named = read_item({"proceeds": {"breakdowns": [breakdown("DISCOUNT", "-5.00", ITEM="-4.00", OTHER="-1.00")]}})
    assert named["PromotionDiscount"]["Amount"] == "4.00"
    odd = read_item({"proceeds": {"breakdowns": [breakdown("DISCOUNT", "much", SHIPPING="-2.00")]}})
    assert odd["PromotionDiscount"]["Amount"] == "much"


def test_the_tax_of_a_single_charge() -> None:
    """A TAX subtotal without parts is the item's, when nothing else was charged."""
    alone = {"proceeds": {"breakdowns": [breakdown("ITEM", "10"), breakdown("TAX", "1")]}}
    assert read_item(alone)["ItemTax"]["Amount"] == "1"
    shipped = {
        "proceeds": {"breakdowns": [breakdown("ITEM", "10"), breakdown("SHIPPING", "3"), breakdown("TAX", "1")]}
    }
    assert "ItemTax" not in read_item(shipped)


def test_a_missing_item_price_is_the_unit_price_times_the_quantity() -> None:
    """Only where nothing is told of proceeds, and not of orders whose prices MWS hid."""
    item: dict[str, object] = {
        "quantityOrdered": 3,
        "product": {"price": {"unitPrice": {"amount": "1.25", "currencyCode": "USD"}}},
    }
    assert read_item(item)["ItemPrice"] == {"CurrencyCode": "USD", "Amount": "3.75"}
    assert "ItemPrice" not in read_item(item, fulfillment={"fulfillmentStatus": "PENDING"})
    assert "ItemPrice" not in read_item({**item, "proceeds": {"breakdowns": [breakdown("TAX", "1")]}})
    assert "ItemPrice" not in read_item({**item, "quantityOrdered": None})
    assert "ItemPrice" not in read_item({"quantityOrdered": 3})


def test_the_least_advanced_package_speaks_for_an_easy_ship_order() -> None:
    """Of several packages the least advanced; a status that we do not know counts as the most advanced."""
    packages = [{"packageStatus": {"detailedStatus": word}} for word in ("DELIVERED", "PICKED_UP", "WITH_A_DRONE")]
    assert read(programs=["AMAZON_EASY_SHIP"], packages=packages)["EasyShipShipmentStatus"] == "PickedUp"
    assert read(programs=["AMAZON_EASY_SHIP"], packages=packages[2:])["EasyShipShipmentStatus"] == "WITH_A_DRONE"
    assert "EasyShipShipmentStatus" not in read(packages=packages)
    assert "EasyShipShipmentStatus" not in read(programs=["AMAZON_EASY_SHIP"])


@pytest.mark.parametrize(("country", "element"), [("TR", "District"), ("GB", "County"), (None, "County")])
def test_district_or_county_by_country(country: str | None, element: str) -> None:
    """v2026 has one member for both."""
    assert ADDRESS_MAP.read({"districtOrCounty": "Here", **({"countryCode": country} if country else {})}) == {
        element: "Here",
        **({"CountryCode": country} if country else {}),
    }


def test_another_channel_has_a_name() -> None:
    """A multi-channel order is Non-Amazon where the marketplace has no name."""
    assert read(salesChannel={"channelName": "NON_AMAZON"})["SalesChannel"] == "Non-Amazon"
    assert ORDER_MAP.write({"SalesChannel": "Non-Amazon US"})["salesChannel"] == {
        "channelName": "NON_AMAZON",
        "marketplaceName": "Non-Amazon US",
    }


def test_scheduled_deliveries_keep_japans_offset() -> None:
    """v0 wrote them in the time of the destination."""
    window = {"earliestDateTime": "2026-11-20T01:00:00Z", "latestDateTime": "no date"}
    item: dict[str, object] = {"fulfillment": {"shipping": {"scheduledDeliveryWindow": window}}}
    there = read_item(item, salesChannel={"marketplaceId": "A1VC38T7YXB528"})
    assert there["ScheduledDeliveryStartDate"] == "2026-11-20T10:00:00+09:00"
    assert "ScheduledDeliveryEndDate" not in there
    assert read_item(item)["ScheduledDeliveryStartDate"] == "2026-11-20T01:00:00Z"
    window["earliestDateTime"] = last = "9999-12-31T23:00:00Z"
    there = read_item(item, salesChannel={"marketplaceId": "A1VC38T7YXB528"})
    assert there["ScheduledDeliveryStartDate"] == last
    written = ITEM_MAP.write(
        {"ScheduledDeliveryStartDate": "2026-11-20T10:00:00+09:00", "ScheduledDeliveryEndDate": "?"}
    )
    assert written["fulfillment"] == {
        "shipping": {"scheduledDeliveryWindow": {"earliestDateTime": "2026-11-20T01:00:00Z", "latestDateTime": "?"}}
    }


# --- both directions, over everything that the sandbox has --------------------------------------------------------


def store(version: str) -> list[dict[str, Any]]:
    """Every order of the sandbox, as one version of the API gives it."""

    async def ask() -> list[dict[str, Any]]:
        sandbox = Sandbox(SandboxSettings(orders=240, anchor=NOW, usage_plans=False), NOW.timestamp)
        found: list[dict[str, Any]] = []
        async with httpx.AsyncClient(transport=httpx.ASGITransport(sandbox.app), base_url="http://s.test") as http:
            for seller in DEMO_SELLERS[:3]:
                form = {
                    "grant_type": "refresh_token",
                    "refresh_token": seller.refresh_token,
                    "client_id": DEMO_CLIENT_ID,
                    "client_secret": DEMO_CLIENT_SECRET,
                }
                token = (await http.post("/auth/o2/token", data=form)).json()["access_token"]
                headers = {"x-amz-access-token": token}
                ids = ",".join(seller.marketplace_ids)
                if version == "v0":
                    query = {"MarketplaceIds": ids, "CreatedAfter": "2016-01-01T00:00:00Z"}
                    page = (await http.get("/orders/v0/orders", params=query, headers=headers)).json()
                    found += page["payload"]["Orders"]
                else:
                    names = calls_v2026.ORDER_DATASETS | calls_v2026.ITEM_DATASETS
                    query = {"marketplaceIds": ids, "createdAfter": "2016-01-01T00:00:00Z"}
                    query["includedData"] = ",".join(names)
                    found += (await http.get("/orders/2026-01-01/orders", params=query, headers=headers)).json()[
                        "orders"
                    ]
        return found

    return asyncio.run(ask())


def _not_told(record: dict[str, Any]) -> set[str]:
    """Elements that an order without its items, and a payment without its acquirer, does not tell."""
    sums = {"NumberOfItemsShipped", "NumberOfItemsUnshipped"}
    return sums if record["PaymentMethod"] == "COD" else sums | {"PaymentExecutionDetail"}


def test_what_is_written_of_an_order_is_read_as_the_same_order() -> None:
    """Record → v2026 JSON → record keeps every element but those that the items hold."""
    orders = store("v2026")
    assert len(orders) > 100
    for order in orders:
        record = calls_v2026.read_order(order)
        again = ORDER_MAP.read(ORDER_MAP.write(record))
        assert again == {name: node for name, node in record.items() if name not in _not_told(record)}
        for item in calls_v2026.read_items(order):
            written = ITEM_MAP.write(item)
            assert {**item, **ITEM_MAP.read(written, order)} == item
            assert item.keys() - ITEM_MAP.read(written, order).keys() == set()


def test_an_order_of_v0_can_be_told_in_v2026() -> None:
    """Record of a v0 order → v2026 JSON → record has every element that v2026 has a place for."""
    placeless = {row.mws for row in ORDER_MAP.rows if not hasattr(row, "source")}
    for order in store("v0"):
        record = orders_v0.ORDER_MAP.read(order)
        again = ORDER_MAP.read(ORDER_MAP.write(record))
        for name, node in record.items():
            if (
                name in placeless | _not_told(record)
                or record["OrderStatus"] == "InvoiceUnconfirmed"
                or name == "OrderType"
            ):
                continue
            if name == "IsAccessPointOrder" and "ShippingAddress" not in record:
                continue
            assert again.get(name) == node, name
