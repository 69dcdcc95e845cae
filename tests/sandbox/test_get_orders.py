"""The query of getOrders against a filter written anew over the store."""

import pytest

from bridge.sandbox.model import FulfilledBy, PaymentKind, Status
from tests.sandbox.probe import ANCHOR, EU, FE, NA, NO_PII, US, Probe, iso

DAY = 86400
STATUS = {
    "PendingAvailability": Status.PENDING_AVAILABILITY,
    "Pending": Status.PENDING,
    "Unshipped": Status.UNSHIPPED,
    "PartiallyShipped": Status.PARTIALLY_SHIPPED,
    "Shipped": Status.SHIPPED,
    "InvoiceUnconfirmed": Status.INVOICE_UNCONFIRMED,
    "Canceled": Status.CANCELLED,
    "Unfulfillable": Status.UNFULFILLABLE,
}


def truth(probe, seller, keep, by="purchased"):
    """Return the ids of a seller's orders that `keep` accepts and that v0 shows now, as v0 sorts them."""
    orders = [
        order
        for order in probe.store.orders(seller.selling_partner_id)
        if getattr(order, by) <= probe.clock.now - 120 and keep(order)
    ]
    return [order.id for order in sorted(orders, key=lambda order: (getattr(order, by), order.id))]


def kinds(order):
    return {payment.kind for payment in order.purchase.payments}


def method_of(order):
    if PaymentKind.CASH_ON_DELIVERY in kinds(order):
        return "COD"
    return "CVS" if PaymentKind.CONVENIENCE_STORE in kinds(order) else "Other"


FILTERS = [
    (NA, {"MarketplaceIds": US}, lambda o: o.marketplace == US),
    (NA, {"MarketplaceIds": f"{US},A2Q3Y263D00KWC"}, lambda o: o.marketplace in {US, "A2Q3Y263D00KWC"}),
    *[
        (EU, {"OrderStatuses": word}, lambda o, status=status: o.status is status)
        for word, status in STATUS.items()
        if word not in {"Unshipped", "PartiallyShipped"}
    ],
    (EU, {"OrderStatuses": "Shipped,Canceled"}, lambda o: o.status in {Status.SHIPPED, Status.CANCELLED}),
    *[
        (EU, {"OrderStatuses": words}, lambda o: o.status in {Status.UNSHIPPED, Status.PARTIALLY_SHIPPED})
        for words in ("Unshipped", "PartiallyShipped", "Unshipped,PartiallyShipped")
    ],
    (EU, {"FulfillmentChannels": "AFN"}, lambda o: o.purchase.fulfilled_by is FulfilledBy.AMAZON),
    (EU, {"FulfillmentChannels": "MFN"}, lambda o: o.purchase.fulfilled_by is FulfilledBy.MERCHANT),
    (EU, {"FulfillmentChannels": "AFN,MFN"}, lambda o: True),
    *[(FE, {"PaymentMethods": word}, lambda o, word=word: method_of(o) == word) for word in ("COD", "CVS", "Other")],
    (FE, {"PaymentMethods": "COD,CVS"}, lambda o: method_of(o) != "Other"),
    (EU, {"EasyShipShipmentStatuses": "Delivered"}, lambda o: o.easy_ship == "Delivered"),
    (EU, {"EasyShipShipmentStatuses": "PendingSchedule,Lost"}, lambda o: o.easy_ship in {"PendingSchedule", "Lost"}),
    (NA, {"ElectronicInvoiceStatuses": "Accepted"}, lambda o: o.purchase.invoice_status == "Accepted"),
    (NA, {"IsISPU": "true"}, lambda o: o.purchase.is_store_pickup),
    (NA, {"IsISPU": "False"}, lambda o: not o.purchase.is_store_pickup),
    (NA, {"StoreChainStoreId": "store-1"}, lambda o: any(i.store_chain_store == "store-1" for i in o.items)),
    (
        NA,
        {"ActualFulfillmentSupplySourceId": "supply-store-1"},
        lambda o: o.purchase.supply_source == "supply-store-1",
    ),
    *[
        (
            NA,
            {name: iso(ANCHOR - 30 * DAY)},
            lambda o, side=side, sign=sign: (
                o.purchase.deliver_by is not None
                and sign * getattr(o.purchase.deliver_by, side) <= sign * (ANCHOR - 30 * DAY)
            ),
        )
        for name, side, sign in (
            ("EarliestDeliveryDateBefore", "start", 1),
            ("EarliestDeliveryDateAfter", "start", -1),
            ("LatestDeliveryDateBefore", "end", 1),
            ("LatestDeliveryDateAfter", "end", -1),
        )
    ],
    (
        EU,
        {"OrderStatuses": "Shipped", "FulfillmentChannels": "MFN", "MarketplaceIds": "A1PA6795UKMFR9"},
        lambda o: (
            o.status is Status.SHIPPED
            and o.purchase.fulfilled_by is FulfilledBy.MERCHANT
            and o.marketplace == "A1PA6795UKMFR9"
        ),
    ),
]


def _name(value: object) -> str:
    """The same in every process, whatever its hash seed."""
    return getattr(value, "selling_partner_id", "") or ("keep" if callable(value) else str(value)[:60])


@pytest.mark.parametrize(("seller", "query", "keep"), FILTERS, ids=_name)
@pytest.mark.long
def test_each_filter_selects_what_a_plain_filter_selects(demo, seller, query, keep):
    """A filter brings exactly the orders of the store that meet it, in order of purchase."""
    expected = truth(demo, seller, keep)
    assert demo.ids(seller, **query) == expected
    impossible = {"OrderStatuses": "InvoiceUnconfirmed"}  # Brazil only
    assert expected or query == impossible


def test_sellers_see_their_own_orders_only(demo):
    """Each walk brings all orders of its seller, and together they are all there are."""
    walks = {seller.selling_partner_id: demo.ids(seller) for seller in (NA, EU, FE, NO_PII)}
    for seller in (NA, EU, FE, NO_PII):
        assert walks[seller.selling_partner_id] == truth(demo, seller, lambda order: True)
    assert len(set().union(*walks.values())) == sum(len(walk) for walk in walks.values()) > 2900


def test_buyer_email_and_seller_order_id(demo):
    """BuyerEmail finds the buyer's orders; SellerOrderId finds by the seller's id, which defaults to Amazon's."""
    orders = list(demo.store.orders(NA.selling_partner_id))
    mail = next(order.purchase.buyer.email for order in orders if order.purchase.buyer.email)
    assert demo.ids(BuyerEmail=mail) == truth(demo, NA, lambda order: order.purchase.buyer.email == mail)
    own = next(order for order in orders if order.purchase.seller_order_id)
    assert own.id in demo.ids(SellerOrderId=own.purchase.seller_order_id)
    other = next(order for order in orders if order.purchase.seller_order_id is None)
    assert demo.ids(SellerOrderId=other.id) == [other.id]


def test_orders_by_id(demo):
    """AmazonOrderIds picks orders, needs a date like every query, and is cut by it."""
    ids = demo.ids()
    wanted = [ids[3], ids[-3], ids[500]]
    assert sorted(demo.ids(AmazonOrderIds=",".join(wanted))) == sorted(wanted)
    recent = demo.list(AmazonOrderIds=",".join(wanted), CreatedAfter=iso(ANCHOR - 7 * DAY)).payload["Orders"]
    assert [order["AmazonOrderId"] for order in recent] == [ids[-3]]
    undated = demo.get("", {"MarketplaceIds": US, "AmazonOrderIds": ids[0]})
    assert undated.status == 400


@pytest.mark.parametrize(("family", "by"), [("Created", "purchased"), ("LastUpdated", "updated")])
def test_bounds_are_inclusive(demo, family, by):
    """Both bounds of both families include the order whose date they are, and the answer tells the upper one."""
    ids = truth(demo, EU, lambda order: True, by)
    orders = [demo.store.get(EU.selling_partner_id, order_id) for order_id in ids]
    low, high = getattr(orders[700], by), getattr(orders[760], by)
    expected = [order.id for order in orders if low <= getattr(order, by) <= high]
    bounds = {f"{family}After": iso(low), f"{family}Before": iso(high)}
    payload = demo.list(EU, **bounds).payload
    assert [order["AmazonOrderId"] for order in payload["Orders"]] == expected
    assert payload[f"{family}Before"] == iso(high)
    assert payload.keys() <= {"Orders", f"{family}Before"}
    outside = demo.list(EU, **{f"{family}After": iso(low + 1), f"{family}Before": iso(high - 1)}).payload["Orders"]
    assert len(outside) < len(expected)


@pytest.mark.parametrize(("family", "field"), [("Created", "PurchaseDate"), ("LastUpdated", "LastUpdateDate")])
def test_sorted_by_the_date_of_the_family(demo, family, field):
    """Orders come by PurchaseDate, or by LastUpdateDate when asked by update."""
    dates = [
        order[field]
        for page in demo.pages(EU, **{f"{family}After": iso(ANCHOR - 60 * DAY)})
        for order in page["Orders"]
    ]
    assert dates == sorted(dates)
    assert len(dates) > 100


def test_answer_stops_two_minutes_ago(probe):
    """Without an upper bound the answer ends two minutes before now, and says so."""
    probe.store.create_order(NA.selling_partner_id, US, at=ANCHOR - 120)
    young = probe.store.create_order(NA.selling_partner_id, US, at=ANCHOR - 119)
    payload = probe.list(CreatedAfter=iso(ANCHOR - 3600)).payload
    assert payload["CreatedBefore"] == iso(ANCHOR - 120)
    assert young.id not in {order["AmazonOrderId"] for order in payload["Orders"]}
    probe.clock.now += 1
    assert young.id in {
        order["AmazonOrderId"] for order in probe.list(CreatedAfter=iso(ANCHOR - 3600)).payload["Orders"]
    }
    assert probe.list(LastUpdatedAfter=iso(ANCHOR - 60)).payload == {
        "Orders": [],
        "LastUpdatedBefore": iso(ANCHOR - 119),
    }


def test_before_must_be_two_minutes_old(demo):
    """A *Before* exactly two minutes old is taken, one second younger is refused."""
    for family in ("Created", "LastUpdated"):
        bounds = {f"{family}After": iso(ANCHOR - DAY), f"{family}Before": iso(ANCHOR - 120)}
        assert demo.list(**bounds).status == 200
        bounds[f"{family}Before"] = iso(ANCHOR - 119)
        answer = demo.list(**bounds)
        assert (answer.status, answer.error["code"]) == (400, "InvalidInput")


DAY_AGO = iso(ANCHOR - DAY)


@pytest.mark.parametrize(
    "query",
    [
        {"CreatedAfter": "2026-11-01T00:00:00"},
        {"CreatedAfter": "2026-11-01"},
        {"CreatedAfter": "2026-02-30T00:00:00Z"},
        {"CreatedAfter": "yesterday"},
        {"CreatedAfter": "2026-11-01T00:00:00 02:00"},
        {"CreatedAfter": "0001-01-01T00:00:00+14:00x"},
        {"CreatedAfter": iso(ANCHOR + 60)},
        {"CreatedAfter": DAY_AGO, "CreatedBefore": iso(ANCHOR - DAY - 1)},
        {"CreatedAfter": DAY_AGO, "CreatedBefore": "x"},
        {"CreatedAfter": DAY_AGO, "LastUpdatedAfter": DAY_AGO},
        {"CreatedAfter": DAY_AGO, "LastUpdatedBefore": DAY_AGO},
        {"LastUpdatedAfter": DAY_AGO, "CreatedBefore": DAY_AGO},
        {"CreatedAfter": DAY_AGO, "OrderStatuses": "shipped"},
        {"CreatedAfter": DAY_AGO, "OrderStatuses": "Shipped,Gone"},
        {"CreatedAfter": DAY_AGO, "FulfillmentChannels": "FBA"},
        {"CreatedAfter": DAY_AGO, "PaymentMethods": "Card"},
        {"CreatedAfter": DAY_AGO, "EasyShipShipmentStatuses": "Stolen"},
        {"CreatedAfter": DAY_AGO, "ElectronicInvoiceStatuses": "accepted"},
        {"CreatedAfter": DAY_AGO, "MaxResultsPerPage": "0"},
        {"CreatedAfter": DAY_AGO, "MaxResultsPerPage": "101"},
        {"CreatedAfter": DAY_AGO, "MaxResultsPerPage": "ten"},
        {"CreatedAfter": DAY_AGO, "MaxResultsPerPage": "٣"},
        {"CreatedAfter": DAY_AGO, "IsISPU": "yes"},
        {"CreatedAfter": DAY_AGO, "AmazonOrderIds": "123"},
        {"CreatedAfter": DAY_AGO, "AmazonOrderIds": ",".join(["111-1111111-1111111"] * 51)},
        {"CreatedAfter": DAY_AGO, "MarketplaceIds": ",".join([US] * 51)},
        {"CreatedAfter": DAY_AGO, "MarketplaceIds": ""},
        {"CreatedAfter": DAY_AGO, "MarketplaceIds": "US"},
        {"CreatedAfter": DAY_AGO, "EarliestDeliveryDateAfter": "2026-11-01"},
        {"CreatedAfter": DAY_AGO, "SellerOrderId": "x", "OrderStatuses": "Shipped"},
        {"CreatedAfter": DAY_AGO, "SellerOrderId": "x", "FulfillmentChannels": "AFN"},
        {"CreatedAfter": DAY_AGO, "SellerOrderId": "x", "PaymentMethods": "COD"},
        {"CreatedAfter": DAY_AGO, "SellerOrderId": "x", "BuyerEmail": "a@b"},
        {"LastUpdatedAfter": DAY_AGO, "SellerOrderId": "x"},
    ],
    ids=str,
)
def test_broken_rules_are_invalid_input(demo, query):
    """Every rule of the query, when broken, brings 400 InvalidInput with the rate header."""
    answer = demo.list(**query)
    assert (answer.status, answer.error["code"]) == (400, "InvalidInput")
    assert answer.headers["x-amzn-ratelimit-limit"] == "0.0167"


@pytest.mark.parametrize(
    "query", [{}, {"CreatedBefore": DAY_AGO}, {"LastUpdatedBefore": DAY_AGO}, {"CreatedAfter": ""}]
)
def test_a_date_is_required(demo, query):
    """One of the two *After* dates must be there; an empty one is none."""
    answer = demo.get("", {"MarketplaceIds": US, **query})
    assert (answer.status, answer.error["code"]) == (400, "InvalidInput")


def test_bad_dates_are_named_in_amazons_words(demo):
    """A malformed date is named with a lower-case first letter."""
    assert demo.list(CreatedAfter="x").error["message"] == "Invalid Date-Time field(s) [createdAfter]"
    assert "'orderStatuses'" in demo.list(OrderStatuses="x").error["message"]


def test_dates_in_other_zones_and_precisions(demo):
    """An offset and a fraction of a second are understood."""
    expected = demo.ids(CreatedAfter="2026-11-19T12:00:00Z")
    assert expected
    for text in (
        "2026-11-19T14:00:00+02:00",
        "2026-11-19T12:00:00.000Z",
        "2026-11-19T12:00Z",
        "2026-11-19T07:00:00-0500",
    ):
        assert demo.ids(CreatedAfter=text) == expected
    assert demo.list(CreatedAfter="2026-11-19T11:59:59.5Z").payload["Orders"]


def test_marketplaces_of_others(demo):
    """A marketplace of another region is 403, one of the region without participation is 400."""
    answer = demo.list(NA, MarketplaceIds="A1PA6795UKMFR9")
    assert (answer.status, answer.error["code"]) == (403, "Unauthorized")
    assert "x-amzn-ratelimit-limit" not in answer.headers
    assert demo.list(NO_PII, MarketplaceIds="A2EUQ1WTGCTBG2").status == 400
    assert demo.list(NA, MarketplaceIds=f"{US},A1PA6795UKMFR9").status == 403


def test_regional_hosts_hold_sellers_to_their_region(demo):
    """At a regional Amazon host only the region's sellers are served; any other host serves all."""
    params = {"MarketplaceIds": US, "CreatedAfter": DAY_AGO}
    assert demo.get("", params, host="sellingpartnerapi-na.amazon.com").status == 200
    assert demo.get("", params, host="sandbox.sellingpartnerapi-na.amazon.com:443").status == 200
    assert demo.get("", params, host="sellingpartnerapi-eu.amazon.com").status == 403
    assert demo.get("", params, host="127.0.0.1:8000").status == 200


def test_only_the_first_of_repeated_parameters_counts(demo):
    """Lists are comma separated; of a repeated parameter the first value alone counts, however it is encoded."""
    base = f"CreatedAfter={DAY_AGO}&MarketplaceIds={US}&"
    both = demo.get("", base + "OrderStatuses=Shipped,Canceled").payload["Orders"]
    assert demo.get("", base + "OrderStatuses=Shipped%2CCanceled").payload["Orders"] == both
    first = demo.get("", base + "OrderStatuses=Canceled&OrderStatuses=Shipped").payload["Orders"]
    assert {order["OrderStatus"] for order in first} <= {"Canceled"}
    assert first != both


def test_unknown_parameters_are_ignored(demo):
    """A misspelt parameter changes nothing, as in Amazon's own guide."""
    page = demo.list(MaxResultPerPage="1").payload
    assert page["Orders"] == demo.list().payload["Orders"]
    assert len(page["Orders"]) == 100


def test_two_years_of_history_and_more_in_the_far_east():
    """Orders over two years old are gone, except in Japan, Australia and Singapore, where all since 2016 stay."""
    probe = Probe(orders=0)
    old, older = ANCHOR - 731 * DAY, 1451606399
    for seller, marketplace in ((NA, US), (FE, "A1VC38T7YXB528")):
        probe.store.create_order(seller.selling_partner_id, marketplace, at=older)
        order = probe.store.create_order(seller.selling_partner_id, marketplace, at=old)
        seen = probe.ids(seller, CreatedAfter="2010-01-01T00:00:00Z")
        assert seen == ([] if seller is NA else [order.id])
        assert probe.get(f"/{order.id}", seller=seller).status == (404 if seller is NA else 200)


def test_get_has_no_body(demo):
    """A GET with a body is refused."""
    params = {"MarketplaceIds": US, "CreatedAfter": DAY_AGO}
    assert demo.get("", params, body=b"{}").status == 400
