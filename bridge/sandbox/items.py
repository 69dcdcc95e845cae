"""Synthetic order lines: products, prices, taxes, discounts, gifts."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Final

from bridge.sandbox.marketplaces import Marketplace
from bridge.sandbox.model import Charges, Gift, Item, Points, Window
from bridge.sandbox.vocabulary import CONDITION_NOTES, FORBIDDEN_IN_XML, GIFT_MESSAGES, PRODUCTS

DAY: Final = 86400
# How many units of the currency stand for one "dollar" of the product list; roughly, and 1 where not named.
_SCALE: Final = {"INR": 60, "TRY": 30, "MXN": 18, "BRL": 5, "SEK": 10, "PLN": 4, "ZAR": 18, "EGP": 45}
_EU: Final = frozenset({"DE", "FR", "IT", "ES", "NL", "SE", "PL", "BE", "IE"})


@dataclass(frozen=True, slots=True)
class LineTraits:
    """What the order decides for all its lines."""

    merchant: bool
    business: bool
    free: bool
    cash_on_delivery: bool
    gift: bool
    store: str | None
    purchased: int


def _money(rng: Random, marketplace: Marketplace, low: int, high: int) -> Decimal:
    cents = rng.randint(low, high) * _SCALE.get(marketplace.currency, 1)
    return Decimal(cents).scaleb(-marketplace.digits)


def _tax(amount: Decimal | None, marketplace: Marketplace) -> Decimal | None:
    """Tax in the amount (prices that include it) or on it."""
    if amount is None:
        return None
    rate = marketplace.tax_rate
    share = rate / (1 + rate) if marketplace.tax_included else rate
    return (amount * share).quantize(marketplace.cent, ROUND_HALF_UP)


def _charges(rng: Random, marketplace: Marketplace, item: Decimal, traits: LineTraits, *, wrapped: bool) -> Charges:
    zero = Decimal(0).quantize(marketplace.cent)
    if traits.free:
        return Charges(item=zero, item_tax=zero, shipping=zero, shipping_tax=zero)
    shipping = _money(rng, marketplace, 299, 999) if traits.merchant and rng.random() < 0.6 else None
    promotion = (item / 10).quantize(marketplace.cent, ROUND_HALF_UP) if rng.random() < 0.2 else None
    discount = shipping if shipping is not None and rng.random() < 0.3 else None
    wrap = _money(rng, marketplace, 250, 550) if wrapped else None
    fee = Decimal(330).quantize(marketplace.cent) if traits.cash_on_delivery else None
    return Charges(
        item=item,
        item_tax=_tax(item, marketplace) or zero,
        shipping=shipping,
        shipping_tax=_tax(shipping, marketplace),
        gift_wrap=wrap,
        gift_wrap_tax=_tax(wrap, marketplace),
        promotion=promotion,
        promotion_tax=_tax(promotion, marketplace),
        shipping_discount=discount,
        shipping_discount_tax=_tax(discount, marketplace),
        cod_fee=fee,
        cod_fee_discount=fee if fee is not None and rng.random() < 0.3 else None,
    )


def _gift(rng: Random, *, wrappable: bool) -> Gift:
    message: str | None = rng.choice(GIFT_MESSAGES)
    if rng.random() < 0.08:
        message = rng.choice(FORBIDDEN_IN_XML)
    level = rng.choice(("Classic", "Premium Box")) if wrappable else None
    return Gift(None if level is not None and rng.random() < 0.2 else message, level)


def make_item(rng: Random, marketplace: Marketplace, traits: LineTraits) -> Item:
    """Return one unshipped line whose tax and discounts are consistent with its price."""
    title, cents, wrappable, electronic = rng.choice(PRODUCTS)
    quantity = 1 if rng.random() < 0.75 else rng.randint(2, 12 if traits.business else 4)
    unit = _money(rng, marketplace, int(cents * 0.9), int(cents * 1.1))
    gift = _gift(rng, wrappable=wrappable) if traits.gift else None
    charges = _charges(
        rng, marketplace, unit * quantity, traits, wrapped=gift is not None and gift.wrap_level is not None
    )
    country = marketplace.country
    imported = country in _EU and rng.random() < 0.08
    used = rng.random() < 0.06
    promotions: list[str] = []
    if charges.promotion is not None:
        promotions.append(f"Sandbox Coupon {rng.randint(100, 999)}: 10% off & more")
    if charges.shipping_discount is not None:
        promotions.append("IN Core Free Shipping 2026/01/01 00-00-00-000")
    points = None
    if country == "JP" and not traits.free and rng.random() < 0.5:
        number = max(1, int(charges.item) // 100)
        points = Points(number, Decimal(number))
    scheduled = None
    if country == "JP" and traits.merchant and rng.random() < 0.08:
        start = traits.purchased - traits.purchased % DAY + 4 * DAY
        scheduled = Window(start, start + 7200)
    serial = country == "IN" and traits.merchant
    return Item(
        id=f"{rng.randrange(10**13):014d}",
        asin=f"B0{rng.getrandbits(32):08X}",
        sku=f"SBX-{rng.randint(1, 400):04d}" + rng.choice(("", "", "-FBA", " blue/L", "_ü&<1>")),
        title=title,
        quantity=quantity,
        unit_price=unit if not traits.free else charges.item,
        charges=charges,
        pack_size=3 if "3-Pack" in title else 1,
        promotions=tuple(promotions),
        condition="Used" if used else "New",
        condition_subtype=rng.choice(("Mint", "Very Good", "Good")) if used else "New",
        condition_note=rng.choice(CONDITION_NOTES) if used else None,
        gift=gift,
        customization_url=(
            f"https://sandbox.example/custom/{rng.getrandbits(48):012x}.zip"
            if traits.merchant and rng.random() < 0.03
            else None
        ),
        points=points,
        business_price=traits.business and rng.random() < 0.7,
        tax_collector="Amazon Services, Inc." if country == "US" else None,
        serial_number_required=electronic if serial else None,
        serial_numbers=(f"SN{rng.getrandbits(32):08X}",) if electronic and not traits.merchant else (),
        transparency=rng.random() < 0.03,
        ioss_number="IM0000000000" if imported else None,
        deemed_reseller=("IOSS" if rng.random() < 0.7 else "UOSS") if imported else None,
        store_chain_store=traits.store,
        scheduled_delivery=scheduled,
        signature_required=unit * 100 > cents * 90 * _SCALE.get(marketplace.currency, 1) and rng.random() < 0.02,
        programs=("SUBSCRIBE_AND_SAVE",) if rng.random() < 0.04 else (),
    )
