"""Orders v2026-01-01's account of what an order and its lines bring in."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from bridge.sandbox.model import Charges, Order
from bridge.sandbox.shapes import Json
from bridge.sandbox.v2026_words import money

# Whether discounts are told as negative amounts (-1) or as positive ones (+1). Amazon's documentation does not say;
# the only payload that was seen, a third party's fixture, has them negative (reference 2.4 and 11.1). It holds for
# the breakdown DISCOUNT, for its details, and for the detail DISCOUNT of the breakdown TAX.
DISCOUNT_SIGN: Final = -1

_CHARGES: Final = {
    "ITEM": "item",
    "SHIPPING": "shipping",
    "GIFT_WRAP": "gift_wrap",
    "COD_FEE": "cod_fee",
}
_TAXES: Final = {"ITEM": "item_tax", "SHIPPING": "shipping_tax", "GIFT_WRAP": "gift_wrap_tax"}
_DISCOUNTS: Final = {"ITEM": "promotion", "SHIPPING": "shipping_discount", "COD_FEE": "cod_fee_discount"}

Amounts = dict[str, Decimal]


def _amounts(charges: Charges, names: dict[str, str]) -> Amounts:
    values = {word: getattr(charges, field) for word, field in names.items()}
    return {word: amount for word, amount in values.items() if amount is not None}


def _discounted(amount: Decimal) -> Decimal:
    return DISCOUNT_SIGN * amount if amount else amount  # there is no "-0.00"


def _tax(charges: Charges) -> tuple[Decimal, Amounts]:
    """Return the tax of a line after its discounts, and of what it is made up.

    The detail DISCOUNT is the tax on the promotion, because Amazon's migration data maps PromotionDiscountTax there.
    The tax on the shipping discount has no detail of its own: it is part of the subtotal alone.
    """
    details = _amounts(charges, _TAXES)
    untaxed = (charges.promotion_tax, charges.shipping_discount_tax)
    subtotal = sum(details.values(), Decimal(0)) - sum((amount for amount in untaxed if amount), Decimal(0))
    if charges.promotion_tax is not None:
        details["DISCOUNT"] = _discounted(charges.promotion_tax)
    return subtotal, details


def _discount(charges: Charges) -> tuple[Decimal, Amounts] | None:
    """Return everything that is taken off a line, the promotion as detail ITEM; None when nothing is."""
    details = {word: _discounted(amount) for word, amount in _amounts(charges, _DISCOUNTS).items()}
    return (sum(details.values(), Decimal(0)), details) if details else None


def _subtotals(charges: Charges) -> Iterable[tuple[str, Decimal, Amounts]]:
    """Yield (type, subtotal, details); TAX is always among them, DISCOUNT when there is one."""
    for word, amount in _amounts(charges, _CHARGES).items():
        yield word, amount, {}
    yield "TAX", *_tax(charges)
    discount = _discount(charges)
    if discount is not None:
        yield "DISCOUNT", *discount


def item_proceeds(charges: Charges, currency: str, *, tax_included: bool) -> Json:
    """Return the proceeds of one line, for its whole quantity.

    Where prices include the tax, TAX tells what is in them; where not, the subtotals add up to `proceedsTotal`.
    """
    breakdowns: list[Json] = []
    for word, subtotal, details in _subtotals(charges):
        breakdown: Json = {"type": word, "subtotal": money(subtotal, currency)}
        if details:
            breakdown["detailedBreakdowns"] = [
                {"subtype": subtype, "value": money(amount, currency)} for subtype, amount in details.items()
            ]
        breakdowns.append(breakdown)
    return {"proceedsTotal": money(charges.total(tax_included=tax_included), currency), "breakdowns": breakdowns}


def order_proceeds(order: Order) -> Json:
    """Return the proceeds of an order: the total that v0 reports too, and the lines' subtotals by type."""
    sums: Amounts = {}
    for item in order.items:
        for word, subtotal, _ in _subtotals(item.charges):
            sums[word] = sums.get(word, Decimal(0)) + subtotal
    currency = order.purchase.currency
    return {
        "grandTotal": money(order.total, currency),
        "breakdowns": [{"type": word, "subtotal": money(amount, currency)} for word, amount in sums.items()],
    }
