"""Who sees which personal data."""

import pytest

from bridge.sandbox.model import FulfilledBy, Status
from tests.sandbox.probe import EU, FE, ITEMS_PII, LIST_PII, NA, NO_PII, ORDERS

OPEN_ADDRESS = {"City", "StateOrRegion", "PostalCode", "CountryCode"}
SHOWN = {Status.UNSHIPPED, Status.PARTIALLY_SHIPPED, Status.SHIPPED, Status.INVOICE_UNCONFIRMED}


@pytest.mark.parametrize("seller", [NA, EU, FE, NO_PII], ids=lambda seller: seller.name)
def test_plain_token_shows_no_personal_data(demo, seller):
    """Without an RDT an address is four fields, BuyerInfo is empty, and no text of the buyer is anywhere."""
    seen = 0
    for page in demo.pages(seller):
        for order in page["Orders"]:
            assert order["BuyerInfo"] == {}
            assert "BuyerTaxInformation" not in order
            assert order.get("ShippingAddress", {}).keys() <= OPEN_ADDRESS
            seen += "ShippingAddress" in order
    assert seen > 100


def test_address_exists_from_unshipped_on(demo):
    """ShippingAddress is there for orders to be shipped or shipped, and for no others."""
    for page in demo.pages(EU):
        for order in page["Orders"]:
            truth = demo.store.get(EU.selling_partner_id, order["AmazonOrderId"])
            assert ("ShippingAddress" in order) == (truth.status in SHOWN)


@pytest.mark.parametrize(
    ("elements", "named", "bought"),
    [(["shippingAddress"], True, False), (["buyerInfo"], False, True), (["buyerTaxInformation"], False, False)],
)
def test_each_element_opens_its_own_data(demo, elements, named, bought):
    """shippingAddress opens the address, buyerInfo the buyer, and neither opens the other's."""
    token = demo.rdt({**LIST_PII, "dataElements": elements}, seller=EU)
    orders = [order for page in demo.pages(EU, token) for order in page["Orders"]]
    assert any("Name" in order.get("ShippingAddress", {}) for order in orders) == named
    assert any(order["BuyerInfo"] for order in orders) == bought
    assert any("BuyerTaxInformation" in order for order in orders) == (elements == ["buyerTaxInformation"])


def test_full_data_with_all_elements(demo):
    """With every element the whole truth of the store comes out."""
    token = demo.rdt(LIST_PII, seller=EU)
    for page in demo.pages(EU, token):
        for order in page["Orders"]:
            truth = demo.store.get(EU.selling_partner_id, order["AmazonOrderId"])
            address = order.get("ShippingAddress")
            if address is not None:
                assert address["Name"] == truth.purchase.address.name
                assert address["AddressLine1"] == truth.purchase.address.lines[0]
            if truth.status not in {Status.PENDING, Status.PENDING_AVAILABILITY}:
                assert order["BuyerInfo"]["BuyerEmail"] == truth.purchase.buyer.email
                assert order["BuyerInfo"].get("PurchaseOrderNumber") == truth.purchase.buyer.purchase_order
                assert order["BuyerInfo"].get("BuyerName") == truth.purchase.buyer.name


def test_phone_is_suppressed_as_documented(demo):
    """A number is shown only for the merchant's own shipments, and after shipping only until the promised day."""
    token = demo.rdt(LIST_PII, seller=NA)
    shown = hidden = 0
    for page in demo.pages(NA, token):
        for order in page["Orders"]:
            truth = demo.store.get(NA.selling_partner_id, order["AmazonOrderId"])
            if "ShippingAddress" not in order:
                continue
            late = (
                truth.status is Status.SHIPPED and demo.clock.now > truth.purchase.deliver_by.end
                if (truth.purchase.deliver_by)
                else False
            )
            expected = truth.purchase.fulfilled_by is FulfilledBy.MERCHANT and not late
            assert ("Phone" in order["ShippingAddress"]) == expected
            shown, hidden = shown + expected, hidden + (not expected)
    assert shown > 5
    assert hidden > 100


def test_phone_disappears_as_time_passes(probe):
    """The same state of an order loses its number when the delivery promise is over."""
    order = probe.store.create_order(NA.selling_partner_id, NA.marketplace_ids[0], at=probe.clock.now - 7200)
    while order.purchase.fulfilled_by is FulfilledBy.AMAZON:
        order = probe.store.create_order(NA.selling_partner_id, NA.marketplace_ids[0], at=probe.clock.now - 7200)
    probe.store.ship(order.id)
    assert "Phone" in probe.get(f"/{order.id}", token=probe.rdt()).payload["ShippingAddress"]
    probe.clock.now = order.purchase.deliver_by.end + 1.0
    probe._tokens.clear()
    assert "Phone" not in probe.get(f"/{order.id}", token=probe.rdt()).payload["ShippingAddress"]


def _gift_order(probe, seller=NA):
    for order in probe.store.orders(seller.selling_partner_id):
        gift = order.items[0].gift
        if gift and gift.message and gift.wrap_level and order.status is Status.SHIPPED:  # noqa: SIM102
            if order.purchase.fulfilled_by is FulfilledBy.MERCHANT:
                return order
    raise AssertionError("no gift in the store")


def test_gifts_are_the_buyers_business(demo):
    """Gift price, wrap and message of an item need buyerInfo; that it is a gift does not."""
    order = _gift_order(demo)
    plain = demo.get(f"/{order.id}/orderItems").payload["OrderItems"][0]
    full = demo.get(f"/{order.id}/orderItems", token=demo.rdt(ITEMS_PII)).payload["OrderItems"][0]
    assert plain["BuyerInfo"] == {}
    assert plain["IsGift"] == full["IsGift"] == "true"
    assert full["BuyerInfo"]["GiftMessageText"] == order.items[0].gift.message
    assert full["BuyerInfo"]["GiftWrapLevel"] == order.items[0].gift.wrap_level
    assert full["BuyerInfo"]["GiftWrapPrice"]["Amount"] == str(order.items[0].charges.gift_wrap)


def test_gift_message_is_for_merchants_only(demo):
    """Amazon writes the messages of its own shipments itself and does not pass them on."""
    for order in demo.store.orders(NA.selling_partner_id):
        if order.purchase.fulfilled_by is FulfilledBy.AMAZON and order.items[0].gift and order.status in SHOWN:
            item = demo.get(f"/{order.id}/orderItems", token=demo.rdt(ITEMS_PII)).payload["OrderItems"][0]
            assert "GiftMessageText" not in item["BuyerInfo"]
            return
    raise AssertionError("no FBA gift in the store")


@pytest.mark.parametrize("part", ["buyerInfo", "address", "orderItems/buyerInfo"])
def test_restricted_reads_work_without_rdt_minus_the_data(demo, part):
    """The restricted operations answer a plain token with what is not personal, and an RDT with everything."""
    order = _gift_order(demo)
    resource = {"method": "GET", "path": f"{ORDERS}/{{orderId}}/{part}"}
    plain = demo.get(f"/{order.id}/{part}").payload
    full = demo.get(f"/{order.id}/{part}", token=demo.rdt(resource)).payload
    assert plain["AmazonOrderId"] == full["AmazonOrderId"] == order.id
    if part == "address":
        assert plain["ShippingAddress"].keys() <= OPEN_ADDRESS
        assert full["ShippingAddress"]["Name"] == order.purchase.address.name
    elif part == "buyerInfo":
        assert plain.keys() == {"AmazonOrderId"}
        assert "BuyerEmail" in full
    else:
        assert plain["OrderItems"] == [{"OrderItemId": item.id} for item in order.items]
        assert full["OrderItems"][0]["GiftMessageText"] == order.items[0].gift.message


def test_address_answer_has_company_and_wishes(demo):
    """getOrderAddress adds the buyer's company and delivery preferences, under an RDT only."""
    token = demo.rdt({"method": "GET", "path": ORDERS + "/{orderId}/address"}, seller=EU)
    seen = set()
    for order in demo.store.orders(EU.selling_partner_id):
        if order.status in SHOWN and (order.purchase.buyer.company or order.purchase.delivery_preferences):
            payload = demo.get(f"/{order.id}/address", seller=EU, token=token).payload
            assert payload.get("BuyerCompanyName") == order.purchase.buyer.company
            assert ("DeliveryPreferences" in payload) == (order.purchase.delivery_preferences is not None)
            assert demo.get(f"/{order.id}/address", seller=EU).payload.keys() == {"AmazonOrderId", "ShippingAddress"}
            seen |= payload.keys()
            if len(seen) == 4:
                return
    raise AssertionError(seen)


@pytest.mark.parametrize("seller", [NA, EU, FE], ids=lambda seller: seller.name)
def test_pending_orders_hide_everything(demo, seller):
    """A pending order has no total, no address, no buyer, no prices and no gift, whatever the token shows."""
    wishes = {"method": "GET", "path": ORDERS + "/{orderId}/orderItems/buyerInfo"}
    token = demo.rdt(LIST_PII, ITEMS_PII, wishes, seller=seller)
    (page,) = demo.pages(seller, token, OrderStatuses="Pending,PendingAvailability")
    assert len(page["Orders"]) > 5
    for order in page["Orders"]:
        path = f"/{order['AmazonOrderId']}"
        assert not {"OrderTotal", "ShippingAddress", "PaymentExecutionDetail"} & order.keys()
        assert order["BuyerInfo"] == {}
        for item in demo.get(path + "/orderItems", token=token).payload["OrderItems"]:
            assert not any("Price" in name or "Tax" in name or name.endswith("Discount") for name in item)
            assert item["BuyerInfo"] == {}
        for item in demo.get(path + "/orderItems/buyerInfo", token=token).payload["OrderItems"]:
            assert item.keys() == {"OrderItemId"}
        assert demo.get(path + "/address", seller=seller).payload == {"AmazonOrderId": order["AmazonOrderId"]}


def test_some_pending_order_has_a_gift_to_hide(demo):
    """The test above has something to find."""
    pending = [
        order
        for seller in (NA, EU, FE)
        for order in demo.store.orders(seller.selling_partner_id)
        if order.status in {Status.PENDING, Status.PENDING_AVAILABILITY}
    ]
    assert any(item.gift for order in pending for item in order.items)
