"""Synthetic orders: one seed and number, one order, always the same."""

from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Final

from bridge.sandbox.items import DAY, LineTraits, make_item
from bridge.sandbox.marketplaces import MARKETPLACES, Marketplace
from bridge.sandbox.model import (
    DeliveryPreferences,
    FulfilledBy,
    Order,
    OrderKind,
    Payment,
    PaymentKind,
    Purchase,
    Status,
    Window,
    total_of,
)
from bridge.sandbox.people import SHIP_FROM, make_address, make_buyer, make_registrations
from bridge.sandbox.sellers import DemoSeller

HOUR: Final = 3600
# The first group of an order id tells the marketplace, roughly as Amazon's do.
_ID_PREFIXES: Final = {
    "US": ("111", "112", "113", "114"),
    "CA": ("701", "702"),
    "BR": ("701",),
    "GB": ("026", "202", "203"),
    "DE": ("028", "302", "303"),
    "FR": ("171", "402"),
    "IN": ("171", "403", "404"),
    "JP": ("249", "250", "503"),
}
_LINES: Final = (1,) * 36 + (2,) * 9 + (3,) * 4 + (7,)  # order lines, as often as they shall occur
# service name, category, days to ship, days to deliver
_SERVICES: Final = (
    ("Std {} D2D Dom", "Standard", 2, 6),
    ("Std {} D2D Dom", "Standard", 1, 5),
    ("Exp {} D2D Dom", "Expedited", 1, 3),
    ("Econ {} Dom", "FreeEconomy", 3, 10),
    ("Second {} Dom", "SecondDay", 1, 2),
    ("Next {} Dom", "NextDay", 0, 1),
)


def make_order_id(rng: Random, marketplace: Marketplace) -> str:
    """Return an id in Amazon's 3-7-7 form."""
    prefix = rng.choice(_ID_PREFIXES.get(marketplace.country, ("404",)))
    return f"{prefix}-{rng.randrange(10**7):07d}-{rng.randrange(10**7):07d}"


def make_order(
    rng: Random,
    seller: DemoSeller,
    marketplace_id: str,
    purchased: int,
    *,
    replaceable: str | None = None,
    lines: int | None = None,
) -> Order:
    """Return an order as it stands once paid for: unshipped, with all that will ever be known of it.

    `replaceable` is an earlier order of the same marketplace that a replacement order may name; `lines` fixes the
    number of order lines.
    """
    marketplace = MARKETPLACES[marketplace_id]
    country = marketplace.country
    order_id = make_order_id(rng, marketplace)
    merchant = rng.random() < 0.65
    business = rng.random() < 0.1
    pickup = country == "US" and merchant and rng.random() < 0.02
    replaced = replaceable if rng.random() < 0.03 else None
    cod = country == "JP" and merchant and replaced is None and rng.random() < 0.2
    traits = LineTraits(
        merchant=merchant,
        business=business,
        free=replaced is not None,
        cash_on_delivery=cod,
        gift=not business and rng.random() < 0.14,
        store=f"store-{rng.randint(1, 5)}" if pickup else None,
        purchased=purchased,
    )
    count = lines if lines is not None else rng.choice(_LINES)
    items = [make_item(rng, marketplace, traits) for _ in range(count)]
    if cod:  # the fee is charged once for an order
        items[1:] = [
            replace(item, charges=replace(item.charges, cod_fee=None, cod_fee_discount=None)) for item in items[1:]
        ]
    address = make_address(rng, marketplace, business=business)
    if not merchant:
        address = replace(address, phone=None)
    buyer = make_buyer(rng, marketplace, address, merchant=merchant)
    service, category, ship_days, delivery_days = rng.choice(_SERVICES)
    start = purchased - purchased % DAY
    easy_ship = country == "IN" and merchant and rng.random() < 0.7
    kind = _kind(rng, country, merchant=merchant)
    total = total_of(items, tax_included=marketplace.tax_included)
    purchase = Purchase(
        id=order_id,
        seller=seller.selling_partner_id,
        marketplace=marketplace_id,
        purchased=purchased,
        fulfilled_by=FulfilledBy.MERCHANT if merchant else FulfilledBy.AMAZON,
        currency=marketplace.currency,
        tax_included=marketplace.tax_included,
        sales_channel=marketplace.channel if merchant or rng.random() < 0.97 else "Non-Amazon",
        service_level=service.format(country),
        service_category=category,
        buyer=buyer,
        address=address,
        seller_order_id=f"SHOP-{rng.randint(10000, 99999)}" if rng.random() < 0.1 else None,
        kind=kind,
        payments=_payments(rng, marketplace, total, cash_on_delivery=cod, business=business),
        ship_from=SHIP_FROM if merchant else None,
        ship_by=Window(start, start + (ship_days + 1) * DAY - 1),
        deliver_by=Window(start + delivery_days * DAY, start + (delivery_days + 2) * DAY - 1) if merchant else None,
        replaces=replaced,
        registrations=make_registrations(marketplace, buyer, seller.name),
        invoice_preference=("BUSINESS" if buyer.company else "INDIVIDUAL") if country == "TR" else None,
        invoice_status=rng.choice(("NotRequired", "NotFound", "Processing", "Errored", "Accepted"))
        if country == "BR" or easy_ship
        else None,
        delivery_preferences=DeliveryPreferences(
            rng.choice((None, "FRONT_DOOR", "NEIGHBOR")), "Ring twice & wait <1 min>"
        )
        if rng.random() < 0.05
        else None,
        response_due=purchased + 2 * DAY if kind is OrderKind.SOURCING_ON_DEMAND else None,
        supply_source=f"supply-{traits.store}" if traits.store else None,
        is_business=business,
        is_prime=merchant and rng.random() < 0.1,
        is_premium=category == "NextDay",
        is_global_express=rng.random() < 0.01,
        is_invoiced_by_amazon=country in {"DE", "FR", "IT", "ES"} and business and rng.random() < 0.3,
        is_store_pickup=pickup,
        is_access_point=country in {"DE", "FR", "GB", "JP"} and rng.random() < 0.03,
        has_regulated_items=rng.random() < 0.01,
        automated_carrier="UPS" if country == "US" and merchant and rng.random() < 0.1 else None,
        automated_method="UPS Ground" if country == "US" and merchant and rng.random() < 0.1 else None,
    )
    return Order(
        purchase,
        revision=0,
        updated=purchased,
        status=Status.UNSHIPPED,
        items=tuple(items),
        easy_ship="PendingSchedule" if easy_ship else None,
    )


def _kind(rng: Random, country: str, *, merchant: bool) -> OrderKind:
    draw = rng.random()
    if draw < 0.025:
        return OrderKind.PREORDER
    if draw < 0.03:
        return OrderKind.BACKORDER
    if draw < 0.035 and merchant:
        return OrderKind.LONG_LEAD_TIME
    if draw < 0.06 and merchant and country == "JP":
        return OrderKind.SOURCING_ON_DEMAND
    return OrderKind.STANDARD


def _payments(
    rng: Random, marketplace: Marketplace, total: Decimal, *, cash_on_delivery: bool, business: bool
) -> tuple[Payment, ...]:
    """Return payments that add up to the order's total; a replacement costs nothing and has none."""
    if total <= 0:
        return ()
    country = marketplace.country
    if country == "BR":
        kind = PaymentKind.PIX if rng.random() < 0.4 else PaymentKind.CREDIT_CARD
        brand = None if kind is PaymentKind.PIX else rng.choice(("Visa", "Mastercard"))
        return (Payment(kind, total, "XX.XXX.XXX/0001-ZZ", brand, f"{rng.randint(0, 999999):06d}"),)
    if cash_on_delivery:
        main = PaymentKind.CASH_ON_DELIVERY
    elif country == "JP" and rng.random() < 0.12:
        return (Payment(PaymentKind.CONVENIENCE_STORE, total),)
    elif business and rng.random() < 0.5:
        return (Payment(PaymentKind.INVOICE, total),)
    else:
        main = PaymentKind.CREDIT_CARD
    if rng.random() < 0.25:
        part = (total / 4).quantize(marketplace.cent)
        second = PaymentKind.POINTS if country == "JP" and rng.random() < 0.6 else PaymentKind.GIFT_CARD
        return (Payment(main, total - part), Payment(second, part))
    return (Payment(main, total),)
