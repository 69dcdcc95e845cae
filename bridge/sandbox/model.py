"""What the sandbox knows of an order: neutral values that no wire format shapes.

The truth is kept apart from every version of the API: `v0` is one way to write it down and another version is
another. Times are whole unix seconds in UTC, money is a `Decimal` with the currency at the order, an absent value is
`None`, and amounts are stored in their parts (price, tax, discount, each separately), so that a format which reports
sums and one which reports parts can both be served.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Status(StrEnum):
    """Where an order stands."""

    PENDING_AVAILABILITY = "pending-availability"
    PENDING = "pending"
    UNSHIPPED = "unshipped"
    PARTIALLY_SHIPPED = "partially-shipped"
    SHIPPED = "shipped"
    INVOICE_UNCONFIRMED = "invoice-unconfirmed"
    CANCELLED = "cancelled"
    UNFULFILLABLE = "unfulfillable"


class FulfilledBy(StrEnum):
    """Who ships."""

    AMAZON = "amazon"
    MERCHANT = "merchant"


class OrderKind(StrEnum):
    """How the order came to be promised."""

    STANDARD = "standard"
    PREORDER = "preorder"
    BACKORDER = "backorder"
    LONG_LEAD_TIME = "long-lead-time"
    SOURCING_ON_DEMAND = "sourcing-on-demand"


class PaymentKind(StrEnum):
    """A means of payment, as each payment of an order names it."""

    CASH_ON_DELIVERY = "cash-on-delivery"
    CONVENIENCE_STORE = "convenience-store"
    CREDIT_CARD = "credit-card"
    GIFT_CARD = "gift-card"
    INVOICE = "invoice"
    PIX = "pix"
    POINTS = "points"


class Entity(StrEnum):
    """Whose tax registration it is."""

    BUYER = "buyer"
    MARKETPLACE = "marketplace"
    MERCHANT = "merchant"


@dataclass(frozen=True, slots=True)
class Window:
    """From and to, both inclusive, unix seconds."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ExtendedAddress:
    """The parts of a street line, as Brazil wants them."""

    street: str
    number: str
    complement: str
    neighborhood: str


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; the four fields city, region, postal_code and country are not personal data for Amazon."""

    name: str
    lines: tuple[str, ...]
    city: str
    region: str | None
    postal_code: str
    country: str
    company: str | None = None
    county: str | None = None
    district: str | None = None
    municipality: str | None = None
    phone: str | None = None
    extended: ExtendedAddress | None = None
    commercial: bool | None = None


@dataclass(frozen=True, slots=True)
class TaxRegistration:
    """One registered party; `numbers` are (kind, number) pairs, kind being VAT, CST, CPF, CNPJ or BUSINESS."""

    entity: Entity
    legal_name: str
    numbers: tuple[tuple[str, str], ...]
    taxing_region: str | None = None
    office: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who bought; every field is personal data."""

    name: str | None = None
    email: str | None = None
    county: str | None = None
    company: str | None = None
    purchase_order: str | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """One sub-payment; the last three exist in Brazil only."""

    kind: PaymentKind
    amount: Decimal
    acquirer: str | None = None
    card_brand: str | None = None
    authorization: str | None = None


@dataclass(frozen=True, slots=True)
class Charges:
    """What one order line costs, for its whole quantity. Discounts are positive; None means "no such charge"."""

    item: Decimal
    item_tax: Decimal
    shipping: Decimal | None = None
    shipping_tax: Decimal | None = None
    gift_wrap: Decimal | None = None
    gift_wrap_tax: Decimal | None = None
    promotion: Decimal | None = None
    promotion_tax: Decimal | None = None
    shipping_discount: Decimal | None = None
    shipping_discount_tax: Decimal | None = None
    cod_fee: Decimal | None = None
    cod_fee_discount: Decimal | None = None

    def total(self, *, tax_included: bool) -> Decimal:
        """Return what the buyer pays for the line; with `tax_included` the taxes are parts of the prices."""
        added = (self.item, self.shipping, self.gift_wrap, self.cod_fee)
        taken = (self.promotion, self.shipping_discount, self.cod_fee_discount)
        total = sum((amount for amount in added if amount), Decimal(0))
        total -= sum((amount for amount in taken if amount), Decimal(0))
        if tax_included:
            return total
        taxes = (self.item_tax, self.shipping_tax, self.gift_wrap_tax)
        untaxed = (self.promotion_tax, self.shipping_discount_tax)
        total += sum((amount for amount in taxes if amount), Decimal(0))
        return total - sum((amount for amount in untaxed if amount), Decimal(0))


@dataclass(frozen=True, slots=True)
class Gift:
    """A gift option; the wrap level is absent when only a message was asked for."""

    message: str | None
    wrap_level: str | None


@dataclass(frozen=True, slots=True)
class Points:
    """Amazon points that the seller grants (Japan)."""

    number: int
    value: Decimal


@dataclass(frozen=True, slots=True)
class Cancellation:
    """A wish to cancel, or its execution; `by` is buyer, merchant or amazon."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Item:
    """One order line."""

    id: str
    asin: str
    sku: str
    title: str
    quantity: int
    unit_price: Decimal
    charges: Charges
    shipped: int = 0
    cancelled: int = 0
    pack_size: int = 1
    promotions: tuple[str, ...] = ()
    condition: str = "New"
    condition_subtype: str = "New"
    condition_note: str | None = None
    gift: Gift | None = None
    customization_url: str | None = None
    points: Points | None = None
    cancel_request: Cancellation | None = None
    cancel_execution: Cancellation | None = None
    business_price: bool = False
    tax_collector: str | None = None
    serial_number_required: bool | None = None
    serial_numbers: tuple[str, ...] = ()
    transparency: bool = False
    ioss_number: str | None = None
    deemed_reseller: str | None = None
    store_chain_store: str | None = None
    scheduled_delivery: Window | None = None
    signature_required: bool = False
    programs: tuple[str, ...] = ()

    @property
    def open(self) -> int:
        """Units neither shipped nor cancelled."""
        return self.quantity - self.shipped - self.cancelled


@dataclass(frozen=True, slots=True)
class Package:
    """One parcel of an order that the merchant ships; `contents` are (item id, units)."""

    reference: str
    created: int
    carrier: str
    service: str
    tracking_number: str
    contents: tuple[tuple[str, int], ...]
    shipped: int


@dataclass(frozen=True, slots=True)
class DeliveryPreferences:
    """What the buyer asked of the courier."""

    drop_off: str | None = None
    instructions: str | None = None


@dataclass(frozen=True, slots=True)
class Purchase:
    """What was settled at the checkout and never changes."""

    id: str
    seller: str
    marketplace: str
    purchased: int
    fulfilled_by: FulfilledBy
    currency: str
    tax_included: bool
    sales_channel: str
    service_level: str
    service_category: str
    buyer: Buyer
    address: Address
    seller_order_id: str | None = None
    kind: OrderKind = OrderKind.STANDARD
    payments: tuple[Payment, ...] = ()
    ship_from: Address | None = None
    ship_by: Window | None = None
    deliver_by: Window | None = None
    replaces: str | None = None
    registrations: tuple[TaxRegistration, ...] = ()
    invoice_preference: str | None = None
    invoice_status: str | None = None
    delivery_preferences: DeliveryPreferences | None = None
    supply_source: str | None = None
    response_due: int | None = None
    is_business: bool = False
    is_prime: bool = False
    is_premium: bool = False
    is_global_express: bool = False
    is_invoiced_by_amazon: bool = False
    is_store_pickup: bool = False
    is_access_point: bool = False
    has_regulated_items: bool = False
    automated_carrier: str | None = None
    automated_method: str | None = None

    def registrations_of(self, entity: Entity) -> Iterator[TaxRegistration]:
        """Yield the tax registrations of one party."""
        return (one for one in self.registrations if one.entity is entity)


@dataclass(frozen=True, slots=True)
class Order:
    """A purchase and where it stands. `revision` counts the states of this order from 0 and never repeats."""

    purchase: Purchase
    revision: int
    updated: int
    status: Status
    items: tuple[Item, ...]
    easy_ship: str | None = None
    packages: tuple[Package, ...] = ()

    @property
    def id(self) -> str:
        """The order id, in 3-7-7 form."""
        return self.purchase.id

    @property
    def purchased(self) -> int:
        """When the order was placed."""
        return self.purchase.purchased

    @property
    def marketplace(self) -> str:
        """The id of the marketplace."""
        return self.purchase.marketplace

    @property
    def total(self) -> Decimal:
        """What the buyer pays."""
        return total_of(self.items, tax_included=self.purchase.tax_included)

    @property
    def units_shipped(self) -> int:
        """Units that left, over all lines."""
        return sum(item.shipped for item in self.items)

    @property
    def units_open(self) -> int:
        """Units still to ship, over all lines."""
        return sum(item.open for item in self.items)


def total_of(items: Iterable[Item], *, tax_included: bool) -> Decimal:
    """Return what the buyer pays for order lines."""
    return sum((item.charges.total(tax_included=tax_included) for item in items), Decimal(0))
