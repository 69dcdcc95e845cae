"""Orders v2026-01-01's words for the neutral values: data sets, statuses, programmes, payments, dates, money."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from bridge.sandbox.marketplaces import MARKETPLACES
from bridge.sandbox.model import FulfilledBy, Order, OrderKind, PaymentKind, Status
from bridge.sandbox.sellers import DIRECT_TO_CONSUMER, TAX
from bridge.sandbox.shapes import Json, date_text


class Dataset(StrEnum):
    """What `includedData` can add to an order."""

    BUYER = "BUYER"
    RECIPIENT = "RECIPIENT"
    PROCEEDS = "PROCEEDS"
    EXPENSE = "EXPENSE"
    PROMOTION = "PROMOTION"
    CANCELLATION = "CANCELLATION"
    FULFILLMENT = "FULFILLMENT"
    PACKAGES = "PACKAGES"
    TAX = "TAX"
    PAYMENT = "PAYMENT"
    FULFILLMENT_ORDERS = "FULFILLMENT_ORDERS"


@dataclass(frozen=True, slots=True)
class View:
    """What a caller gets to see: the data sets, the recipient's number, and the buyer's tax registrations."""

    datasets: frozenset[Dataset]
    phone: bool
    buyer_tax: bool


#: The data sets that are personal data altogether. There are no restricted data tokens: the role alone decides.
ROLE_OF_DATASET: Final = {Dataset.BUYER: TAX, Dataset.RECIPIENT: DIRECT_TO_CONSUMER}

# The model has no word for InvoiceUnconfirmed, in which everything is shipped (Amazon's migration data names
# INVOICE_UNCONFIRMED, which the model does not allow).
STATUS_WORDS: Final[dict[Status, str]] = {
    Status.PENDING_AVAILABILITY: "PENDING_AVAILABILITY",
    Status.PENDING: "PENDING",
    Status.UNSHIPPED: "UNSHIPPED",
    Status.PARTIALLY_SHIPPED: "PARTIALLY_SHIPPED",
    Status.SHIPPED: "SHIPPED",
    Status.INVOICE_UNCONFIRMED: "SHIPPED",
    Status.CANCELLED: "CANCELLED",
    Status.UNFULFILLABLE: "UNFULFILLABLE",
}
FULFILLED_BY_WORDS: Final[dict[FulfilledBy, str]] = {
    FulfilledBy.AMAZON: "AMAZON",
    FulfilledBy.MERCHANT: "MERCHANT",
}
SERVICE_LEVEL_WORDS: Final = {
    "Expedited": "EXPEDITED",
    "FreeEconomy": "FREE_ECONOMY",
    "NextDay": "NEXT_DAY",
    "Priority": "PRIORITY",
    "SameDay": "SAME_DAY",
    "SecondDay": "SECOND_DAY",
    "Scheduled": "SCHEDULED",
    "Standard": "STANDARD",
}
INVOICE_STATUS_WORDS: Final = {
    "NotRequired": "NOT_REQUIRED",
    "NotFound": "NOT_FOUND",
    "Processing": "PROCESSING",
    "Errored": "ERRORED",
    "Accepted": "ACCEPTED",
}
# Easy Ship: (status, detailedStatus) of a package. The model gives both lists, but not which belong together.
EASY_SHIP_WORDS: Final = {
    "PendingSchedule": ("PENDING", "PENDING_SCHEDULE"),
    "PendingPickUp": ("PENDING", "PENDING_PICK_UP"),
    "PendingDropOff": ("PENDING", "PENDING_DROP_OFF"),
    "LabelCanceled": ("CANCELLED", "LABEL_CANCELLED"),
    "PickedUp": ("IN_TRANSIT", "PICKED_UP"),
    "DroppedOff": ("IN_TRANSIT", "DROPPED_OFF"),
    "AtOriginFC": ("IN_TRANSIT", "AT_ORIGIN_FC"),
    "AtDestinationFC": ("IN_TRANSIT", "AT_DESTINATION_FC"),
    "OutForDelivery": ("IN_TRANSIT", "OUT_FOR_DELIVERY"),
    "Delivered": ("DELIVERED", "DELIVERED"),
    "RejectedByBuyer": ("UNDELIVERABLE", "REJECTED_BY_BUYER"),
    "Undeliverable": ("UNDELIVERABLE", "UNDELIVERABLE"),
    "ReturningToSeller": ("UNDELIVERABLE", "RETURNING_TO_SELLER"),
    "ReturnedToSeller": ("UNDELIVERABLE", "RETURNED_TO_SELLER"),
    "Lost": ("UNDELIVERABLE", "LOST"),
    "Damaged": ("UNDELIVERABLE", "DAMAGED"),
}
# The model names five and adds "and so on"; GiftCard and PointsAccount are guesses in their manner.
PAYMENT_WORDS: Final[dict[PaymentKind, str]] = {
    PaymentKind.CASH_ON_DELIVERY: "CashOnDelivery",
    PaymentKind.CONVENIENCE_STORE: "ConvenienceStore",
    PaymentKind.CREDIT_CARD: "CreditCard",
    PaymentKind.GIFT_CARD: "GiftCard",
    PaymentKind.INVOICE: "Invoice",
    PaymentKind.PIX: "Pix",
    PaymentKind.POINTS: "PointsAccount",
}
_CENTS: Final = {marketplace.currency: marketplace.cent for marketplace in MARKETPLACES.values()}


def constant_word(words: str) -> str:
    """Return words as a constant: "Very Good" is VERY_GOOD. So conditions and parties are spelled."""
    return words.upper().replace(" ", "_")


def order_programs(order: Order) -> list[str]:
    """Return the programmes of an order, in alphabetical order."""
    purchase = order.purchase
    taking_part = {
        "AMAZON_BUSINESS": purchase.is_business,
        "AMAZON_EASY_SHIP": order.easy_ship is not None,
        "INVOICE_BY_AMAZON": purchase.is_invoiced_by_amazon,
        "IN_STORE_PICK_UP": purchase.is_store_pickup,
        "PREMIUM": purchase.is_premium,
        "PREORDER": purchase.kind is OrderKind.PREORDER,
        "PRIME": purchase.is_prime,
    }
    return [name for name, takes_part in taking_part.items() if takes_part]


def time_text(moment: float) -> str:
    """Return ISO 8601 in UTC, with milliseconds."""
    seconds, milliseconds = divmod(round(moment * 1000), 1000)
    return f"{date_text(seconds)[:-1]}.{milliseconds:03d}Z"


def money(amount: Decimal, currency: str) -> Json:
    """Return a Money object; the amount has the decimals of its currency, also where nothing was added up to it."""
    return {"amount": str(amount.quantize(_CENTS[currency])), "currencyCode": currency}
