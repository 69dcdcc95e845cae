"""The store and its synthetic orders."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bridge.sandbox import MARKETPLACES, DemoSeller, SandboxSettings, Store
from bridge.sandbox.model import Entity, FulfilledBy, OrderKind, PaymentKind, Status
from tests.sandbox.probe import ANCHOR, EU, FE, NA, NO_PII, US, Clock, Probe

DAY = 86400
BR, IN, TR, JP, DE = "A2Q3Y263D00KWC", "A21TJRUUN4KGV", "A33AVAJ2PDY3EV", "A1VC38T7YXB528", "A1PA6795UKMFR9"


@pytest.fixture(scope="module")
def orders(demo):
    """Return every order of the demo store as it stands at the anchor."""
    return [order for seller_id in demo.store.seller_ids for order in demo.store.orders(seller_id)]


@pytest.fixture(scope="module")
def items(orders):
    """Return every line of every order."""
    return [item for order in orders for item in order.items]


def test_size_and_spread(orders):
    """Three thousand orders over three hundred days, hundreds of them in the last week."""
    assert len(orders) == 3000
    ages = [ANCHOR - order.purchased for order in orders]
    assert min(ages) > 0
    assert max(ages) <= 300 * DAY
    assert 200 < sum(age <= 7 * DAY for age in ages) < 700
    assert len({order.id for order in orders}) == 3000


def test_every_kind_of_order_occurs(orders, items):
    """All statuses, channels, kinds, payments and programmes that the world has are somewhere in the store."""
    assert {order.status for order in orders} == set(Status)
    assert {order.purchase.fulfilled_by for order in orders} == set(FulfilledBy)
    assert {order.purchase.kind for order in orders} == set(OrderKind)
    assert {payment.kind for order in orders for payment in order.purchase.payments} == set(PaymentKind)
    assert {order.marketplace for order in orders} == {m for s in (NA, EU, FE) for m in s.marketplace_ids}
    purchases = [order.purchase for order in orders]
    for flag in (
        "business",
        "prime",
        "premium",
        "global_express",
        "invoiced_by_amazon",
        "store_pickup",
        "access_point",
    ):
        assert {getattr(purchase, f"is_{flag}") for purchase in purchases} == {True, False}
    assert any(purchase.sales_channel == "Non-Amazon" for purchase in purchases)
    assert any(purchase.automated_carrier for purchase in purchases)
    assert any(item.ioss_number and item.deemed_reseller for item in items)
    assert any(item.tax_collector for item in items)
    assert any(item.customization_url for item in items)
    assert any(item.scheduled_delivery for item in items)
    assert any(item.signature_required for item in items)
    assert any(item.condition == "Used" and item.condition_note == "" for item in items)
    assert any(item.cancel_request for item in items)
    assert any(len(order.items) > 3 for order in orders)


def test_regional_peculiarities(orders):
    """Each country has what only it has."""
    for order in orders:
        purchase, address = order.purchase, order.purchase.address
        if order.marketplace == BR:
            assert address.extended
            assert address.municipality
            assert purchase.buyer.county
            assert {one.entity for one in purchase.registrations} == set(Entity)
        else:
            assert address.extended is None
            assert purchase.buyer.county is None
        assert (purchase.invoice_preference is not None) == (order.marketplace == TR)
        if order.easy_ship:
            assert order.marketplace == IN
        if any(item.points for item in order.items):
            assert order.marketplace == JP
    assert any(order.easy_ship == "Delivered" for order in orders)
    assert len({order.easy_ship for order in orders}) > 8
    assert any(one.office for order in orders for one in order.purchase.registrations)
    business = [order.purchase for order in orders if order.marketplace == DE and order.purchase.is_business]
    assert any(purchase.registrations and purchase.buyer.purchase_order for purchase in business)


def test_cash_on_delivery_in_japan(demo):
    """COD orders charge a fee once, and their payments are told one by one."""
    (page, *_) = demo.pages(FE, PaymentMethods="COD", OrderStatuses="Shipped")
    assert len(page["Orders"]) > 5
    for order in page["Orders"]:
        parts = order["PaymentExecutionDetail"]
        assert parts[0]["PaymentMethod"] == "COD"
        assert sum(Decimal(part["Payment"]["Amount"]) for part in parts) == Decimal(order["OrderTotal"]["Amount"])
        items = demo.get(f"/{order['AmazonOrderId']}/orderItems", seller=FE).payload["OrderItems"]
        assert sum("CODFee" in item for item in items) == 1
        assert "." not in order["OrderTotal"]["Amount"]


def test_sums_are_consistent(orders):
    """Payments add up to the total, tax is what the rate says, and discounts never exceed what they discount."""
    for order in orders:
        marketplace = MARKETPLACES[order.marketplace]
        if order.purchase.replaces:
            assert order.total == 0
            assert order.purchase.payments == ()
            continue
        assert order.total > 0
        assert sum(payment.amount for payment in order.purchase.payments) == order.total
        for item in order.items:
            charges = item.charges
            assert charges.item == item.unit_price * item.quantity
            rate = marketplace.tax_rate
            share = rate / (1 + rate) if marketplace.tax_included else rate
            assert abs(charges.item_tax - charges.item * share) <= marketplace.cent
            assert (charges.promotion or 0) < charges.item
            assert (charges.shipping_discount or 0) <= (charges.shipping or 0)
            assert len(item.promotions) == bool(charges.promotion) + bool(charges.shipping_discount)
            assert item.quantity >= item.shipped + item.cancelled


def test_order_total_of_v0_is_the_sum_of_its_lines(demo):
    """OrderTotal is price + shipping + wrap + fee − discounts, plus the taxes where prices exclude them."""
    token = demo.rdt()
    for order in demo.list(token=token, OrderStatuses="Shipped", MarketplaceIds=US).payload["Orders"][:40]:
        total = Decimal(0)
        for item in demo.get(f"/{order['AmazonOrderId']}/orderItems", token=token).payload["OrderItems"]:
            amounts = {**item, **item["BuyerInfo"]}
            for name in ("ItemPrice", "ShippingPrice", "GiftWrapPrice", "ItemTax", "ShippingTax", "GiftWrapTax"):
                total += Decimal(amounts.get(name, {"Amount": "0"})["Amount"])
            for name in ("PromotionDiscount", "ShippingDiscount", "PromotionDiscountTax", "ShippingDiscountTax"):
                total -= Decimal(amounts.get(name, {"Amount": "0"})["Amount"])
        assert Decimal(order["OrderTotal"]["Amount"]) == total


def test_replacements_name_an_earlier_order(demo):
    """A replacement order costs nothing and replaces an earlier order of the same marketplace."""
    seen = 0
    for order in demo.store.orders(EU.selling_partner_id):
        if order.purchase.replaces:
            original = demo.store.get(EU.selling_partner_id, order.purchase.replaces)
            assert original.purchased <= order.purchased
            assert original.marketplace == order.marketplace
            seen += 1
    assert seen > 5


def test_texts_are_a_trial_for_xml(items, orders):
    """Markup, line ends, emoji, scripts of the world and what XML 1.0 forbids all occur in the texts."""
    messages = "".join(item.gift.message for item in items if item.gift and item.gift.message)
    for piece in ("<", "&", '"', "]]>", "\r\n", "🎂", "\u000b", "\u0000", "\uffff", "お"):
        assert piece in messages
    names = "".join(order.purchase.address.name for order in orders)
    for piece in ("山田", "Ş", "ü", "आ"):
        assert piece in names


def test_people_are_synthetic(orders):
    """Mail addresses, numbers and names say that nobody is meant."""
    for order in orders:
        mail = order.purchase.buyer.email
        assert mail is None or mail.startswith("sandbox-")
        phone = order.purchase.address.phone
        fictional = ("555-01", "7946 0", "23125", "99 00", "5550", "000")
        assert phone is None or any(part in phone for part in fictional)


def test_life_goes_on_with_the_clock():
    """An order does not exist before its purchase, is pending at first, and moves on by the clock alone."""
    probe = Probe(orders=300)
    store = probe.store
    probe.clock.now = float(ANCHOR + 90 * DAY)
    final = {order.id: order for order in store.orders(NA.selling_partner_id)}
    shipped = next(order for order in final.values() if order.status is Status.SHIPPED)
    probe.clock.now = shipped.purchased - 0.5
    assert store.get(NA.selling_partner_id, shipped.id) is None
    assert probe.get(f"/{shipped.id}", token=probe.token()).status == 404
    probe.clock.now = float(shipped.purchased)
    first = store.get(NA.selling_partner_id, shipped.id)
    assert first.status in {Status.PENDING, Status.PENDING_AVAILABILITY}
    assert (first.revision, first.updated) == (0, shipped.purchased)
    probe.clock.now = float(ANCHOR - 150 * DAY)
    half = len(list(store.orders(NA.selling_partner_id)))
    assert 0 < half < len(final)


def test_every_life_is_in_order(demo):
    """States follow each other in time and number, never unship, and end where they should."""
    for shelf in demo.store._shelves.values():
        for history in shelf.histories.values():
            states = history.states
            assert [state.revision for state in states] == list(range(len(states)))
            dates = [state.updated for state in states]
            assert dates == sorted(set(dates))
            shipped = [state.units_shipped for state in states]
            assert shipped == sorted(shipped)
            for state in states:
                if state.status in {Status.SHIPPED, Status.INVOICE_UNCONFIRMED}:
                    assert state.units_open == 0
                if state.status is Status.CANCELLED:
                    assert all(item.cancelled == item.quantity for item in state.items)
                packed = sum(units for package in state.packages for _, units in package.contents)
                merchant = state.purchase.fulfilled_by is FulfilledBy.MERCHANT
                assert packed == (state.units_shipped if merchant else 0)


def test_create_ship_cancel(probe):
    """Orders are placed, shipped in part and whole, cancelled; each step is seen at once and bumps the update."""
    store = probe.store
    order = store.create_order(NA.selling_partner_id, US, lines=2)
    assert (order.status, order.purchased) == (Status.UNSHIPPED, ANCHOR)
    probe.clock.now += 60
    first = order.items[0]
    part = store.ship(order.id, {first.id: first.quantity})
    assert (part.status, part.updated, part.revision) == (Status.PARTIALLY_SHIPPED, ANCHOR + 60, 1)
    assert probe.get(f"/{order.id}").payload["OrderStatus"] == "PartiallyShipped"
    whole = store.ship(order.id)
    assert whole.status is Status.SHIPPED
    assert probe.get(f"/{order.id}").payload["NumberOfItemsUnshipped"] == 0
    with pytest.raises(ValueError, match="cannot be shipped"):
        store.ship(order.id)
    with pytest.raises(ValueError, match="cannot be cancelled"):
        store.cancel(order.id)
    other = store.create_order(NA.selling_partner_id, US, pending=True)
    with pytest.raises(ValueError, match="cannot be shipped"):
        store.ship(other.id)
    assert store.request_cancellation(other.id).items[0].cancel_request.by == "buyer"
    assert store.confirm_payment(other.id).status is Status.UNSHIPPED
    with pytest.raises(ValueError, match="not pending"):
        store.confirm_payment(other.id)
    assert store.cancel(other.id).status is Status.CANCELLED
    payload = probe.get(f"/{other.id}").payload
    assert payload["OrderStatus"] == "Canceled"
    assert "OrderTotal" not in payload
    item = probe.get(f"/{other.id}/orderItems").payload["OrderItems"][0]
    assert item["QuantityOrdered"] == 0
    assert item["BuyerRequestedCancel"] == {
        "IsBuyerRequestedCancel": "true",
        "BuyerCancelReason": "Ordered by mistake",
    }


@pytest.mark.parametrize("quantities", [{"nothing": 1}, {None: 0}, {None: 99}, {None: -1}])
def test_impossible_shipments(probe, quantities):
    """Units that are not there cannot be shipped."""
    order = probe.store.create_order(NA.selling_partner_id, US)
    quantities = {order.items[0].id if name is None else name: units for name, units in quantities.items()}
    with pytest.raises(ValueError, match="units"):
        probe.store.ship(order.id, quantities)


def test_touch_and_revise(probe):
    """touch moves the last update alone; revise can change what is not settled at the checkout."""
    order = probe.store.create_order(NA.selling_partner_id, US)
    probe.clock.now += 10
    touched = probe.store.touch(order.id)
    assert replace(touched, updated=order.updated, revision=0) == order
    revised = probe.store.revise(order.id, lambda state, at: replace(state, status=Status.UNFULFILLABLE, revision=99))
    assert (revised.status, revised.revision) == (Status.UNFULFILLABLE, 2)
    with pytest.raises(ValueError, match="checkout"):
        probe.store.revise(
            order.id, lambda state, at: replace(state, purchase=replace(state.purchase, is_prime=None))
        )


def test_a_change_calls_off_the_scheduled_future():
    """After an intervention an order goes no further by itself."""
    probe = Probe(orders=400)
    store = probe.store
    probe.clock.now = float(ANCHOR - 5 * DAY)
    pending = next(
        order
        for order in store.orders(EU.selling_partner_id)
        if order.status is Status.UNSHIPPED
        and len(store._shelves[EU.selling_partner_id].histories[order.id].states) > order.revision + 1
    )
    store.cancel(pending.id)
    assert store.touch(pending.id).status is Status.CANCELLED
    probe.clock.now = float(ANCHOR + 90 * DAY)
    assert store.get(EU.selling_partner_id, pending.id).status is Status.CANCELLED
    assert store.touch(pending.id).status is Status.CANCELLED


def test_orders_to_come(probe):
    """An order placed for the future appears then, and cannot be changed before."""
    order = probe.store.create_order(NA.selling_partner_id, US, at=ANCHOR + 100)
    assert probe.store.get(NA.selling_partner_id, order.id) is None
    with pytest.raises(KeyError, match="not placed yet"):
        probe.store.ship(order.id)
    probe.clock.now += 100
    assert probe.store.get(NA.selling_partner_id, order.id) == order


def test_unknown_names(probe):
    """Unknown sellers and orders are KeyErrors, a foreign marketplace is a ValueError."""
    with pytest.raises(KeyError):
        probe.store.create_order("A1NOBODY", US)
    with pytest.raises(KeyError):
        probe.store.ship("111-1111111-1111111")
    with pytest.raises(ValueError, match="does not sell"):
        probe.store.create_order(NA.selling_partner_id, DE)
    with pytest.raises(ValueError, match="drawn twice"):
        probe.store._add(NA.selling_partner_id, [next(probe.store.orders(NA.selling_partner_id))])


def test_snapshots_do_not_change(probe):
    """What a snapshot shows stays, whatever happens afterwards."""
    store = probe.store
    order = store.create_order(NA.selling_partner_id, US)
    then = store.snapshot()
    before = list(store.orders(NA.selling_partner_id, then))
    store.ship(order.id)
    store.create_order(NA.selling_partner_id, US, at=ANCHOR - 10)
    probe.clock.now += DAY
    assert list(store.orders(NA.selling_partner_id, then)) == before
    assert store.get(NA.selling_partner_id, order.id, then) == order


def test_same_seed_same_store():
    """Two stores of one seed are equal order by order; the number of orders and sellers follows the settings."""
    one, two = (Store(SandboxSettings(orders=60), Clock()) for _ in range(2))
    for seller_id in one.seller_ids:
        assert list(one.orders(seller_id)) == list(two.orders(seller_id))
    shop = DemoSeller("A2", "Atzr|2", "eu", ("A1805IZSGTT6HS", "AE08WJ6YKNBMC"), frozenset({"order-tracking"}), "Two")
    own = Store(SandboxSettings(orders=25, sellers=(shop,), anchor=datetime(2025, 1, 1, tzinfo=UTC)), Clock())
    assert len(list(own.orders("A2"))) == 25
    assert {order.purchase.address.country for order in own.orders("A2")} <= {"NL", "ZA"}


@pytest.mark.parametrize(
    "settings",
    [
        {"anchor": datetime(2026, 1, 1)},  # noqa: DTZ001 - the fault under test
        {"orders": -1},
        {"items_page_size": 0},
        {"log_size": -1},
        {"rate_scale": 0},
        {"access_token_lifetime": 0},
        {"next_token_lifetime": -1},
        {"sellers": (NA, replace(NA, refresh_token="Atzr|x"))},
        {"sellers": (NA, replace(NA, selling_partner_id="A2"))},
        {"sellers": (replace(NA, marketplace_ids=()),)},
        {"sellers": (replace(NA, marketplace_ids=(DE,)),)},
        {"sellers": (replace(NA, marketplace_ids=("X",)),)},
    ],
    ids=",".join,
)
def test_settings_that_cannot_work_are_refused(settings):
    """A sandbox that could not work is not built."""
    with pytest.raises(ValueError, match=r".+"):
        SandboxSettings(**settings)


def test_a_sandbox_may_be_empty():
    """No seller at all is a possible world."""
    assert Store(SandboxSettings(sellers=(), orders=10), Clock()).seller_ids == ()
    assert NO_PII.selling_partner_id == "A1SANDBOXNOPII"
