"""Orders v0's words for the neutral values: statuses, channels, payment methods, dates, money."""

from decimal import Decimal
from typing import Final

from bridge.sandbox.model import FulfilledBy, Order, OrderKind, PaymentKind, Status
from bridge.sandbox.shapes import date_text

STATUS_WORDS: Final[dict[Status, str]] = {
    Status.PENDING_AVAILABILITY: "PendingAvailability",
    Status.PENDING: "Pending",
    Status.UNSHIPPED: "Unshipped",
    Status.PARTIALLY_SHIPPED: "PartiallyShipped",
    Status.SHIPPED: "Shipped",
    Status.INVOICE_UNCONFIRMED: "InvoiceUnconfirmed",
    Status.CANCELLED: "Canceled",
    Status.UNFULFILLABLE: "Unfulfillable",
}
KIND_WORDS: Final[dict[OrderKind, str]] = {
    OrderKind.STANDARD: "StandardOrder",
    OrderKind.PREORDER: "Preorder",
    OrderKind.BACKORDER: "BackOrder",
    OrderKind.LONG_LEAD_TIME: "LongLeadTimeOrder",
    OrderKind.SOURCING_ON_DEMAND: "SourcingOnDemandOrder",
}
PAYMENT_WORDS: Final[dict[PaymentKind, str]] = {
    PaymentKind.CASH_ON_DELIVERY: "COD",
    PaymentKind.CONVENIENCE_STORE: "CVS",
    PaymentKind.CREDIT_CARD: "CreditCard",
    PaymentKind.GIFT_CARD: "GC",
    PaymentKind.INVOICE: "Invoice",
    PaymentKind.PIX: "Pix",
    PaymentKind.POINTS: "PointsAccount",
}
# PaymentMethodDetails has its own word for two of them.
PAYMENT_DETAIL_WORDS: Final[dict[PaymentKind, str]] = PAYMENT_WORDS | {
    PaymentKind.GIFT_CARD: "GiftCertificate",
    PaymentKind.POINTS: "Other",
}
TAX_NUMBER_WORDS: Final = {"VAT": "VATNumber", "CST": "CSTNumber"}
PAYMENT_METHODS: Final = frozenset({"COD", "CVS", "Other"})
EASY_SHIP_STATUSES: Final = frozenset(
    {
        "PendingSchedule",
        "PendingPickUp",
        "PendingDropOff",
        "LabelCanceled",
        "PickedUp",
        "DroppedOff",
        "AtOriginFC",
        "AtDestinationFC",
        "Delivered",
        "RejectedByBuyer",
        "Undeliverable",
        "ReturningToSeller",
        "ReturnedToSeller",
        "Lost",
        "OutForDelivery",
        "Damaged",
    }
)
INVOICE_STATUSES: Final = frozenset({"NotRequired", "NotFound", "Processing", "Errored", "Accepted"})


def channel_word(order: Order) -> str:
    """Return AFN or MFN."""
    return "AFN" if order.purchase.fulfilled_by is FulfilledBy.AMAZON else "MFN"


def payment_method(order: Order) -> str:
    """Return the payment method of the whole order: COD, CVS or Other."""
    kinds = {payment.kind for payment in order.purchase.payments}
    if PaymentKind.CASH_ON_DELIVERY in kinds:
        return "COD"
    return "CVS" if PaymentKind.CONVENIENCE_STORE in kinds else "Other"


def local_date_text(moment: float, hours: int) -> str:
    """Return ISO 8601 with a fixed whole-hour offset, as scheduled deliveries in Japan have it."""
    return f"{date_text(moment + hours * 3600)[:-1]}{hours:+03d}:00"


def money(amount: Decimal, currency: str) -> dict[str, str]:
    """Return a Money object; the amount keeps the decimals of its currency."""
    return {"CurrencyCode": currency, "Amount": str(amount)}
