"""What Amazon's documents leave open about Orders v2026-01-01, and what we take for true until somebody has seen it.

Each point is decided here and nowhere else; the table reads the constants, MIGRATION.md prints ``CHOICES``.
Numbers in brackets name the sections of the SP-API reference.
"""

from typing import NamedTuple

__all__ = [
    "CHOICES",
    "DISCOUNTS_ARE_NEGATIVE",
    "DISTRICT_COUNTRIES",
    "PROMOTION_IS_WHOLE_DISCOUNT",
    "TAX_NUMBER_NAMES",
    "Choice",
]

#: Whether v2026 writes discounts below zero. It is read either way; this is what is written.
DISCOUNTS_ARE_NEGATIVE = True

#: Whether PromotionDiscount is the whole DISCOUNT subtotal, or that without its parts for shipping and cash on
#: delivery, which MWS had elements of their own for.
PROMOTION_IS_WHOLE_DISCOUNT = False

#: Countries whose ``districtOrCounty`` MWS called District; it is County elsewhere.
DISTRICT_COUNTRIES = frozenset({"BR", "JP", "MX", "TR"})

#: v2026's kinds of tax registration → the names that MWS and v0 had; the others are the same.
TAX_NUMBER_NAMES = {"VAT": "VATNumber", "CST": "CSTNumber"}


class Choice(NamedTuple):
    """An open point: what is not known, what the bridge does, why."""

    open: str
    chosen: str
    why: str


CHOICES = (
    Choice(
        "Sign of discounts in `proceeds.breakdowns` [11.1]",
        "the sign is dropped when reading; written negative",
        "MWS and v0 wrote discounts as positive amounts; the one published v2026 payload has them negative",
    ),
    Choice(
        "Whether `PromotionDiscount` is all of the DISCOUNT subtotal [11.1]",
        "the subtotal without its SHIPPING and COD_FEE parts",
        "MWS had ShippingDiscount and CODFeeDiscount beside it: programs that subtract all three would count twice",
    ),
    Choice(
        "`grandTotal` against OrderTotal where Amazon collects the tax, and while it is null [11.2]",
        "OrderTotal is `grandTotal`; where that is missing, the sum of the items' `proceedsTotal` when all have one",
        "Amazon's own mapping; an order without its total stops more programs than one whose total leaves out a tip",
    ),
    Choice(
        "Names of tax registrations [11.6]",
        "VAT is VATNumber, CST is CSTNumber, the others keep their name",
        "the names that v0 and MWS are seen to use",
    ),
    Choice(
        "TaxingRegion [11.6]",
        "the country of the registration's address",
        "the nearest member that v2026 has",
    ),
    Choice(
        "County or District",
        f"District in {', '.join(sorted(DISTRICT_COUNTRIES))}, County elsewhere",
        "v2026 has one member for both",
    ),
    Choice(
        "Several packages with an Easy Ship status",
        "the least advanced one",
        "an order is delivered when all of it is",
    ),
    Choice(
        "Order without a SELLER_ORDER_ID alias",
        "SellerOrderId is the AmazonOrderId",
        "v0 echoes it, and programs use it as a key",
    ),
    Choice(
        "Payment datasets without an execution",
        "PaymentMethod is Other, PaymentMethodDetails is Standard",
        "what MWS and v0 write on an order that was paid by card",
    ),
    Choice(
        "PaymentExecutionDetail",
        "written for orders with cash on delivery, and where an execution names its acquirer (Brazil)",
        "v2026 lists every payment; MWS and v0 listed these",
    ),
    Choice(
        "ShipServiceLevel, which v2026 does not have",
        "the service level category (`Expedited`, `Standard`, …)",
        "programs choose a carrier by it; an unknown name finds their default, a missing element may not",
    ),
    Choice(
        "Scheduled deliveries",
        "with Japan's offset in Japan, as v0 has them; elsewhere as v2026 writes them",
        "v0 keeps the offset of the destination, v2026 presumably gives UTC",
    ),
    Choice(
        "Milliseconds of dates",
        "cut off",
        "v0 wrote whole seconds; programs with a fixed date pattern exist",
    ),
    Choice(
        "What a 403 means that names no dataset [11.9]",
        "BUYER and RECIPIENT are asked for apart, then without; the answer is remembered for a day",
        "an import with addresses and without names is better than neither",
    ),
)
