"""What Orders v2026-01-01 says of an order: its shape, its data sets, its money, and what it keeps to itself."""

import re
from dataclasses import replace
from decimal import Decimal

import pytest

from bridge.sandbox import MARKETPLACES, Sandbox, v2026_proceeds
from bridge.sandbox.model import Charges, FulfilledBy, Status
from bridge.sandbox.v0_words import EASY_SHIP_STATUSES
from bridge.sandbox.v2026 import order_json
from bridge.sandbox.v2026_words import EASY_SHIP_WORDS, Dataset, View, time_text
from tests.sandbox.model import faults_of, load_model
from tests.sandbox.probe import ANCHOR, EU, EVERYTHING, FE, NA, NO_PII, US, Probe, iso

IN, BR, TR = "A21TJRUUN4KGV", "A2Q3Y263D00KWC", "A33AVAJ2PDY3EV"
PENDING = {"PENDING", "PENDING_AVAILABILITY"}
LATELY = iso(ANCHOR - 90 * 86400)
DATASETS = EVERYTHING.split(",")
ALWAYS = {
    "orderId",
    "orderAliases",
    "createdTime",
    "lastUpdatedTime",
    "programs",
    "associatedOrders",
    "salesChannel",
    "orderItems",
}
ALWAYS_OF_ITEM = {"orderItemId", "quantityOrdered", "programs", "product"}
# data set → (what it adds to an order, what to a line)
ADDED = {
    "BUYER": ({"buyer"}, set()),
    "RECIPIENT": ({"recipient"}, set()),
    "PROCEEDS": ({"proceeds"}, {"proceeds"}),
    "EXPENSE": (set(), {"expense"}),
    "PROMOTION": (set(), {"promotion"}),
    "CANCELLATION": (set(), {"cancellation"}),
    "FULFILLMENT": ({"fulfillment"}, {"fulfillment"}),
    "PACKAGES": ({"packages"}, set()),
    "TAX": ({"tax"}, {"tax"}),
    "PAYMENT": ({"payment"}, set()),
    "FULFILLMENT_ORDERS": ({"fulfillmentOrders"}, set()),
}


def keys_of(documents):
    """Return all keys of orders and of lines."""
    orders = [order for document in documents for order in document["orders"]]
    return (
        {name for order in orders for name in order},
        {name for order in orders for item in order["orderItems"] for name in item},
    )


def gather(value, name, found):
    """Put (name, text or number) of every leaf into a list."""
    if isinstance(value, dict):
        for key, inner in value.items():
            gather(inner, key, found)
    elif isinstance(value, list):
        for inner in value:
            gather(inner, name, found)
    else:
        found.append((name, value))


@pytest.fixture(scope="module")
def leaves(newer):
    """Every order with its leaves, which nobody changes."""
    found = [(order, []) for order in newer.values()]
    for order, inner in found:
        gather(order, "", inner)
    return found


@pytest.mark.parametrize("seller", [NA, EU, FE], ids=lambda seller: seller.name)
@pytest.mark.long
def test_every_order_is_valid_in_the_model(demo, seller):
    """With every data set each order of the store has Amazon's fields and words and no others."""
    load_model("orders_2026-01-01.json")
    for page in demo.search_pages(seller):
        for order in page["orders"]:
            assert faults_of("searchOrders", 200, {**page, "orders": [order]}) == []


def test_without_data_sets_the_frame_is_there_and_valid(demo):
    """No includedData brings what is always there, and nothing personal."""
    for seller in (NA, EU, FE, NO_PII):
        pages = list(demo.search_pages(seller, ""))
        assert keys_of(pages) == (ALWAYS, ALWAYS_OF_ITEM)
        for page in pages:
            assert faults_of("searchOrders", 200, page, orders=100) == []


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.long
def test_each_data_set_adds_its_own_parts(demo, newer, dataset):
    """One data set alone brings its parts, these only, and the same that all together bring."""
    of_order, of_item = ADDED[dataset]
    pages = [page for seller in (NA, EU, FE) for page in demo.search_pages(seller, dataset, createdAfter=LATELY)]
    assert keys_of(pages) == (ALWAYS | of_order, ALWAYS_OF_ITEM | of_item)
    for page in pages:
        assert faults_of("searchOrders", 200, page, orders=3) == []
        for order in page["orders"]:
            whole = newer[order["orderId"]]
            assert order.items() <= {**whole, "orderItems": order["orderItems"]}.items()
            for item, of_whole in zip(order["orderItems"], whole["orderItems"], strict=True):
                assert item.items() <= of_whole.items()


def test_an_order_reads_the_same_alone_and_in_a_list(demo):
    """getOrder brings the very order that searchOrders brings, for equal data sets."""
    for data in ("", "FULFILLMENT,PROCEEDS", EVERYTHING):
        for order in demo.search(EU, data).json["orders"][::9]:
            assert demo.get_2026(f"/{order['orderId']}", {"includedData": data}, EU).json == {"order": order}


def test_times_have_milliseconds(leaves):
    """Every time is ISO 8601 in UTC with three digits behind the second."""
    form = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
    times = [text for _, found in leaves for name, text in found if name.endswith("Time")]
    assert len(times) > 10_000
    assert all(map(form.fullmatch, times))
    assert time_text(1451606400.1234) == "2016-01-01T00:00:00.123Z"
    assert time_text(1451606399.9996) == "2016-01-01T00:00:00.000Z"


def test_money_is_text_with_the_decimals_of_its_currency(leaves):
    """Amounts are strings, with as many decimals as the currency has."""
    for order, found in leaves:
        market = MARKETPLACES[order["salesChannel"]["marketplaceId"]]
        form = re.compile(r"-?\d+" if market.digits == 0 else rf"-?\d+\.\d{{{market.digits}}}")
        for name, text in found:
            if name == "amount":
                assert form.fullmatch(text), text
                assert not re.fullmatch(r"-0(\.0+)?", text)
            elif name == "currencyCode":
                assert text == market.currency


def amounts(breakdowns):
    return {one["type"]: Decimal(one["subtotal"]["amount"]) for one in breakdowns}


def test_proceeds_add_up(newer, truth):
    """Lines make up the order; the parts of a line make up its total, the tax counting only where it is on top."""
    for order_id, order in newer.items():
        if "proceeds" not in order:
            assert not any("proceeds" in item for item in order["orderItems"])
            continue
        items = [item["proceeds"] for item in order["orderItems"]]
        assert sum(Decimal(item["proceedsTotal"]["amount"]) for item in items) == Decimal(
            order["proceeds"]["grandTotal"]["amount"]
        )
        sums = {}
        for item in items:
            parts = amounts(item["breakdowns"])
            for kind, value in parts.items():
                sums[kind] = sums.get(kind, 0) + value
            if truth[order_id].purchase.tax_included:
                parts.pop("TAX")
            assert sum(parts.values()) == Decimal(item["proceedsTotal"]["amount"])
        assert amounts(order["proceeds"]["breakdowns"]) == sums


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_sign_of_discounts_is_one_constant(monkeypatch, sign):
    """Turned round, the constant turns every discount and nothing else; zero has no sign."""
    monkeypatch.setattr(v2026_proceeds, "DISCOUNT_SIGN", sign)
    charges = Charges(
        item=Decimal("10.00"),
        item_tax=Decimal("1.00"),
        shipping=Decimal("4.00"),
        promotion=Decimal("2.00"),
        promotion_tax=Decimal("0.20"),
        shipping_discount=Decimal("3.00"),
        shipping_discount_tax=Decimal("0.30"),
        cod_fee=Decimal("1.50"),
        cod_fee_discount=Decimal("0.00"),
    )
    proceeds = v2026_proceeds.item_proceeds(charges, "USD", tax_included=False)
    tax, discount = proceeds["breakdowns"][-2:]
    assert proceeds["proceedsTotal"]["amount"] == "11.00"
    assert tax["subtotal"]["amount"] == "0.50"
    assert {one["subtype"]: one["value"]["amount"] for one in tax["detailedBreakdowns"]} == {
        "ITEM": "1.00",
        "DISCOUNT": str(sign * Decimal("0.20")),
    }
    assert discount["subtotal"]["amount"] == str(sign * Decimal("5.00"))
    assert {one["subtype"]: one["value"]["amount"] for one in discount["detailedBreakdowns"]} == {
        "ITEM": str(sign * Decimal("2.00")),
        "SHIPPING": str(sign * Decimal("3.00")),
        "COD_FEE": "0.00",
    }


def test_pending_orders_hide_what_v0_hides(newer, truth):
    """A pending order has no buyer, address, proceeds, amounts, points or gift text, whatever is asked for."""
    seen = gifts = methods = 0
    for order_id, order in newer.items():
        if order["fulfillment"]["fulfillmentStatus"] not in PENDING:
            continue
        seen += 1
        assert order.keys().isdisjoint({"buyer", "recipient", "proceeds", "fulfillmentOrders"})
        parties = [one["entityType"] for one in order.get("tax", {}).get("taxRegistrations", ())]
        assert "BUYER" not in parties
        for part in order.get("payment", {}).get("paymentExecutions", ()):
            assert part.keys() == {"paymentMethod"}
            methods += 1
        for item in order["orderItems"]:
            assert item.keys().isdisjoint({"proceeds", "expense"})
            assert item["product"].keys().isdisjoint({"customization"})
            assert item["product"]["price"].keys() == {"unitPrice"}
            gift = item["fulfillment"].get("packing", {}).get("giftOption")
            assert gift in ({}, None)
            gifts += gift is not None
        assert truth[order_id].status in {Status.PENDING, Status.PENDING_AVAILABILITY}
    assert min(seen, gifts, methods) > 5


def test_gift_texts_of_amazons_own_shipments_stay_with_amazon(newer, truth):
    """A gift that Amazon ships shows its wrapping and no message; the merchant's shows both."""
    messages = {FulfilledBy.AMAZON: 0, FulfilledBy.MERCHANT: 0}
    gifts = dict(messages)
    for order_id, order in newer.items():
        for item in order["orderItems"]:
            gift = item["fulfillment"].get("packing", {}).get("giftOption")
            if gift is not None:
                by = truth[order_id].purchase.fulfilled_by
                gifts[by] += 1
                messages[by] += "giftMessage" in gift
    assert min(gifts.values()) > 5
    assert messages[FulfilledBy.AMAZON] == 0 < messages[FulfilledBy.MERCHANT]


def test_packages_are_the_merchants(newer, truth):
    """Shipments of the merchant are packages with carrier, number and contents; Amazon's are none."""
    several = 0
    for order_id, order in newer.items():
        true = truth[order_id]
        if true.purchase.fulfilled_by is FulfilledBy.AMAZON:
            assert "packages" not in order
            continue
        packages = order.get("packages", [])
        several += len(packages) > 1
        if true.easy_ship is None:
            assert len(packages) == len(true.packages)
        sent = {}
        for number, package in enumerate(packages, 1):
            assert package["packageReferenceId"] == str(number)
            assert ("packageItems" in package) == ("carrier" in package) == ("shipTime" in package)
            for row in package.get("packageItems", ()):
                sent[row["orderItemId"]] = sent.get(row["orderItemId"], 0) + row["quantity"]
        shipped = {
            item["orderItemId"]: item["fulfillment"]["quantityFulfilled"]
            for item in order["orderItems"]
            if item["fulfillment"]["quantityFulfilled"]
        }
        assert sent == shipped
    assert several > 5


def test_easy_ship_has_a_package_before_it_is_packed(probe):
    """The status of an Easy Ship parcel is told from the first moment on, in a package without contents."""
    seller_id = EU.selling_partner_id
    order = next(
        order for order in (probe.store.create_order(seller_id, IN) for _ in range(60)) if order.easy_ship is not None
    )
    (package,) = probe.get_2026(f"/{order.id}", {"includedData": "PACKAGES"}, EU).json["order"]["packages"]
    assert package == {
        "packageReferenceId": "1",
        "packageStatus": {"status": "PENDING", "detailedStatus": "PENDING_SCHEDULE"},
    }
    probe.store.ship(order.id)
    probe.store.revise(order.id, lambda state, at: replace(state, easy_ship="OutForDelivery", updated=at))
    (package,) = probe.get_2026(f"/{order.id}", {"includedData": "PACKAGES"}, EU).json["order"]["packages"]
    assert package["packageStatus"] == {"status": "IN_TRANSIT", "detailedStatus": "OUT_FOR_DELIVERY"}
    assert sum(row["quantity"] for row in package["packageItems"]) == sum(item.quantity for item in order.items)


def test_every_easy_ship_status_has_its_words():
    """The sixteen statuses of v0 are sixteen detailed statuses of v2026, each under a status of the model."""
    assert EASY_SHIP_WORDS.keys() == EASY_SHIP_STATUSES
    status = load_model("orders_2026-01-01.json")["definitions"]["PackageStatus"]["properties"]
    listed = set(re.findall(r"- `([A-Z_]+)`", status["detailedStatus"]["description"]))
    assert {detailed for _, detailed in EASY_SHIP_WORDS.values()} == listed
    assert {general for general, _ in EASY_SHIP_WORDS.values()} == set(status["status"]["enum"]) - {"SHIPPED"}


def test_data_sets_are_those_of_the_model():
    """The data sets and their order are the model's."""
    (search,) = [
        parameter
        for parameter in load_model("orders_2026-01-01.json")["paths"]["/orders/2026-01-01/orders"]["get"][
            "parameters"
        ]
        if parameter["name"] == "includedData"
    ]
    assert search["items"]["enum"] == list(Dataset) == DATASETS


def test_tax_registrations_of_the_parties(newer):
    """Brazil names three parties, the merchant without a number; Turkey adds address and office."""
    brazil = [order for order in newer.values() if order["salesChannel"]["marketplaceId"] == BR]
    turkey = [order for order in newer.values() if order["salesChannel"]["marketplaceId"] == TR]
    paid = next(order for order in brazil if "buyer" in order)
    buyer, market, merchant = paid["tax"]["taxRegistrations"]
    assert (buyer["entityType"], market["entityType"], merchant["entityType"]) == ("BUYER", "MARKETPLACE", "MERCHANT")
    assert buyer["taxRegistrationType"] in {"CPF", "CNPJ"}
    assert merchant == {"entityType": "MERCHANT", "legalName": NA.name}
    offices = [
        one["taxRegistrationAttributes"][0]["key"]
        for order in turkey
        for one in order["tax"].get("taxRegistrations", ())
    ]
    assert set(offices) == {"TAX_OFFICE"}
    assert {order["tax"]["taxInvoicing"]["buyerInvoicePreference"] for order in turkey} == {"INDIVIDUAL", "BUSINESS"}


def test_a_number_each_is_an_entry_each(truth):
    """A party with two registered numbers has two entries."""
    view = View(frozenset({Dataset.TAX}), phone=False, buyer_tax=True)
    order = next(one for one in truth.values() if one.marketplace == BR and one.status is Status.SHIPPED)
    buyer = replace(order.purchase.registrations[0], numbers=(("VAT", "1"), ("CST", "2")))
    two = replace(order, purchase=replace(order.purchase, registrations=(buyer,)))
    entries = order_json(two, view)["tax"]["taxRegistrations"]
    assert [(one["taxRegistrationType"], one["taxRegistrationNumber"]) for one in entries] == [
        ("VAT", "1"),
        ("CST", "2"),
    ]
    assert {one["legalName"] for one in entries} == {buyer.legal_name}


def test_the_recipients_number_disappears_as_time_passes(probe):
    """The same state of an order loses its number when the delivery promise is over, as in v0."""
    orders = (probe.store.create_order(NA.selling_partner_id, US, at=ANCHOR - 7200) for _ in range(60))
    order = next(one for one in orders if one.purchase.fulfilled_by is FulfilledBy.MERCHANT)
    probe.store.ship(order.id)

    def address():
        answer = probe.get_2026(f"/{order.id}", {"includedData": "RECIPIENT"})
        return answer.json["order"]["recipient"]["deliveryAddress"]

    assert address()["phone"] == order.purchase.address.phone
    probe.clock.now = order.purchase.deliver_by.end + 1.0
    probe._tokens.clear()
    assert "phone" not in address()


def test_cancellations_tell_the_wish_and_the_deed(probe):
    """Who asked and who cancelled are told apart, each with the reason."""
    order = probe.store.create_order(NA.selling_partner_id, US)
    path, query = f"/{order.id}", {"includedData": "CANCELLATION,FULFILLMENT"}
    assert "cancellation" not in probe.get_2026(path, query).json["order"]["orderItems"][0]
    probe.store.request_cancellation(order.id, "Too late")
    wish = {"requester": "BUYER", "cancelReason": "Too late"}
    (item, *_) = probe.get_2026(path, query).json["order"]["orderItems"]
    assert item["cancellation"] == {"cancellationRequest": wish}
    probe.store.cancel(order.id, "Sold out")
    (item, *_) = probe.get_2026(path, query).json["order"]["orderItems"]
    deed = {"cancelledBy": "MERCHANT", "cancelReason": "Sold out"}
    assert item["cancellation"] == {"cancellationRequest": wish, "cancellationExecution": deed}
    assert item["quantityOrdered"] == item["fulfillment"]["quantityUnfulfilled"] == 0


def _conversation(seed):
    probe = Probe(make=Sandbox, seed=seed, orders=120)
    return [repr(page) for size in (30, 100) for page in probe.search_pages(maxResultsPerPage=size)]


def test_equal_seeds_give_equal_bytes():
    """Equal settings, clock and requests give equal answers, tokens included; another seed gives others."""
    assert _conversation(1) == _conversation(1)
    assert not set(_conversation(1)) & set(_conversation(2))
