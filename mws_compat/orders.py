"""THE table of Orders 2013-09-01: response shapes, operations, parameters, rules and quotas.

Everything that knows an Orders element or parameter by name walks this module: parsing, validation, rendering,
conversion, comparison, redaction, and the tables in MIGRATION.md. The order of fields is the schema's (Amazon's PHP
library of 2020-05-11); elements that only the documentation or the wire had come last. Sources in brackets name the
sections of the wire reference.
"""

from typing import NamedTuple

from mws_compat.schema import BOOLEAN, DATETIME, INTEGER, MONEY, TEXT, Field, ListOf, Struct

__all__ = [
    "ADDRESS",
    "LATEST_VERSION",
    "MEMBER_STRUCTS",
    "OPERATIONS",
    "ORDER",
    "ORDER_ITEM",
    "ORDER_STATUSES",
    "SECTION",
    "SERVICE_STATUS",
    "VERSIONS",
    "After",
    "Excludes",
    "OneOf",
    "Operation",
    "Parameter",
    "Quota",
    "Rule",
    "namespace_of",
]

SECTION = "Orders"
LATEST_VERSION = "2013-09-01"
#: API versions answered: the path's second segment. 2011-01-01 had the same operations and one other element name.
VERSIONS = ("2013-09-01", "2011-01-01")


def namespace_of(section: str, version: str) -> str:
    """The default namespace of a section's answers: https, no trailing slash [5.1]."""
    return f"https://mws.amazonservices.com/{section}/{version}"


# --- shapes of answers [4] ------------------------------------------------------------------------------------------

#: lower-case initial in Amazon's own data [4.2]
_CONFIDENTIAL = Field("isAddressSharingConfidential", BOOLEAN)

ADDRESS = Struct(
    "Address",
    (
        Field("Name", TEXT, required=True, pii=True),
        Field("AddressLine1", TEXT, pii=True),
        Field("AddressLine2", TEXT, pii=True),
        Field("AddressLine3", TEXT, pii=True),
        Field("City", TEXT, pii=True),
        Field("County", TEXT, pii=True),
        Field("District", TEXT, pii=True),
        Field("StateOrRegion", TEXT, pii=True),
        Field("Municipality", TEXT, pii=True),
        Field("PostalCode", TEXT, pii=True),
        Field("CountryCode", TEXT, aliases=("Country",)),
        Field("Phone", TEXT, pii=True),
        Field("AddressType", TEXT),
        _CONFIDENTIAL,
    ),
)

_PAYMENT_EXECUTION = Struct(
    "PaymentExecutionDetailItem",
    (
        Field("Payment", MONEY, required=True),
        Field("PaymentMethod", TEXT, required=True, key=True, name_2011="SubPaymentMethod"),
    ),
)

_TAX_CLASSIFICATION = Struct(
    "TaxClassification",
    (Field("Name", TEXT, required=True, key=True), Field("Value", TEXT, required=True, pii=True)),
)

_BUYER_TAX_INFO = Struct(
    "BuyerTaxInfo",
    (
        Field("CompanyLegalName", TEXT, pii=True),
        Field("TaxingRegion", TEXT),
        Field("TaxClassifications", ListOf("TaxClassification", _TAX_CLASSIFICATION)),
    ),
)

_TAX_AUTHORITY = Struct(
    "TaxRegistrationAuthority",
    tuple(Field(name, TEXT) for name in ("country", "state", "district", "province", "city", "warehouseId")),
)

#: lower-camel names, and the only list of Orders whose member is called ``member`` [4.5]
_TAX_REGISTRATION = Struct(
    "TaxRegistrationDetails",
    (
        Field("taxRegistrationType", TEXT),
        Field("taxRegistrationId", TEXT, pii=True, key=True),
        Field("taxRegistrationAuthority", _TAX_AUTHORITY),
    ),
)

_AUTOMATED_SHIPPING = Struct(
    "AutomatedShippingSettings",
    (
        Field("hasAutomatedShippingSettings", BOOLEAN, required=True),
        Field("automatedCarrier", TEXT),
        Field("automatedShipMethod", TEXT),
    ),
)

_BUYER_IDENTIFICATION = Struct(
    "BuyerIdentificationInformation",
    (
        Field("BuyerCitizenId", TEXT, required=True, pii=True),
        Field("BuyerLegalName", TEXT, required=True, pii=True),
    ),
)

ORDER = Struct(
    "Order",
    (
        Field("AmazonOrderId", TEXT, required=True, key=True),
        Field("SellerOrderId", TEXT),
        Field("PurchaseDate", DATETIME, required=True),
        Field("LastUpdateDate", DATETIME, required=True),
        Field("OrderStatus", TEXT, required=True),
        Field("FulfillmentChannel", TEXT),
        Field("SalesChannel", TEXT),
        Field("OrderChannel", TEXT),
        Field("ShipServiceLevel", TEXT),
        Field("ShippingAddress", ADDRESS),
        Field("OrderTotal", MONEY),
        Field("NumberOfItemsShipped", INTEGER),
        Field("NumberOfItemsUnshipped", INTEGER),
        Field("PaymentExecutionDetail", ListOf("PaymentExecutionDetailItem", _PAYMENT_EXECUTION)),
        Field("PaymentMethod", TEXT),
        Field("PaymentMethodDetails", ListOf("PaymentMethodDetail", TEXT)),
        Field("MarketplaceId", TEXT),
        Field("BuyerEmail", TEXT, pii=True),
        Field("BuyerName", TEXT, pii=True),
        Field("BuyerCounty", TEXT, pii=True),
        Field("BuyerTaxInfo", _BUYER_TAX_INFO),
        Field("ShipmentServiceLevelCategory", TEXT),
        Field("ShippedByAmazonTFM", BOOLEAN),
        Field("TFMShipmentStatus", TEXT),
        Field("EasyShipShipmentStatus", TEXT),
        Field("CbaDisplayableShippingLabel", TEXT),
        Field("OrderType", TEXT),
        Field("EarliestShipDate", DATETIME),
        Field("LatestShipDate", DATETIME),
        Field("EarliestDeliveryDate", DATETIME),
        Field("LatestDeliveryDate", DATETIME),
        Field("IsBusinessOrder", BOOLEAN),
        Field("PurchaseOrderNumber", TEXT, pii=True),
        Field("IsPrime", BOOLEAN),
        Field("IsGlobalExpressEnabled", BOOLEAN),
        Field("IsPremiumOrder", BOOLEAN),
        Field("ReplacedOrderId", TEXT),
        Field("IsReplacementOrder", BOOLEAN),
        Field("PromiseResponseDueDate", DATETIME),
        Field("IsEstimatedShipDateSet", BOOLEAN),
        Field("TaxRegistrationDetails", ListOf("member", _TAX_REGISTRATION)),
        Field("IsSoldByAB", BOOLEAN),
        Field("BuyerIdentificationInformation", _BUYER_IDENTIFICATION),
        # Documented after the last library was generated, so without a position of their own [4.1]:
        Field("DefaultShipFromLocationAddress", ADDRESS, later=True),
        Field("AutomatedShippingSettings", _AUTOMATED_SHIPPING, later=True),
        Field("IsIBA", BOOLEAN, later=True),
        Field("IsAccessPointOrder", BOOLEAN, later=True),
        # On the wire in 2020, never documented [4.1]:
        Field("IsISPU", BOOLEAN, later=True),
    ),
)

ORDER_ITEM = Struct(
    "OrderItem",
    (
        Field("ASIN", TEXT, required=True),
        Field("SellerSKU", TEXT),
        Field("OrderItemId", TEXT, required=True, key=True),
        Field("Title", TEXT),
        Field("QuantityOrdered", INTEGER, required=True),
        Field("QuantityShipped", INTEGER),
        Field("ProductInfo", Struct("ProductInfo", (Field("NumberOfItems", INTEGER),))),
        Field(
            "PointsGranted",
            Struct("PointsGranted", (Field("PointsNumber", INTEGER), Field("PointsMonetaryValue", MONEY))),
        ),
        Field("ItemPrice", MONEY),
        Field("ShippingPrice", MONEY),
        Field("GiftWrapPrice", MONEY),
        Field("ItemTax", MONEY),
        Field("ShippingTax", MONEY),
        Field("GiftWrapTax", MONEY),
        Field("ShippingDiscount", MONEY),
        Field("ShippingDiscountTax", MONEY),
        Field("PromotionDiscount", MONEY),
        Field("PromotionDiscountTax", MONEY),
        Field("PromotionIds", ListOf("PromotionId", TEXT)),
        Field("CODFee", MONEY),
        Field("CODFeeDiscount", MONEY),
        Field("IsGift", BOOLEAN),
        Field("GiftMessageText", TEXT, pii=True),
        Field("GiftWrapLevel", TEXT),
        Field(
            "InvoiceData",
            Struct(
                "InvoiceData",
                (
                    Field("InvoiceRequirement", TEXT),
                    Field("BuyerSelectedInvoiceCategory", TEXT),
                    Field("InvoiceTitle", TEXT, pii=True),
                    Field("InvoiceInformation", TEXT, pii=True),
                ),
            ),
        ),
        Field("ConditionNote", TEXT),
        Field("ConditionId", TEXT),
        Field("ConditionSubtypeId", TEXT),
        # xs:string on the wire although they look like dates: they keep the destination's offset [4.4]
        Field("ScheduledDeliveryStartDate", TEXT),
        Field("ScheduledDeliveryEndDate", TEXT),
        Field("PriceDesignation", TEXT),
        Field("BuyerCustomizedInfo", Struct("BuyerCustomizedInfo", (Field("CustomizedURL", TEXT, pii=True),))),
        Field("TaxCollection", Struct("TaxCollection", (Field("Model", TEXT), Field("ResponsibleParty", TEXT)))),
        Field("SerialNumberRequired", BOOLEAN),
        Field("IsTransparency", BOOLEAN),
        # Documented later, without a position of their own [4.4]:
        Field(
            "BuyerRequestedCancel",
            Struct(
                "BuyerRequestedCancel",
                (
                    Field("IsBuyerRequestedCancel", BOOLEAN, required=True),
                    Field("BuyerCancelReason", TEXT, required=True),
                ),
            ),
            later=True,
        ),
        Field("IossNumber", TEXT, pii=True, later=True),
    ),
)

_NEXT_TOKEN = Field("NextToken", TEXT, volatile=True)
_ORDERS = Field("Orders", ListOf("Order", ORDER), keep_empty=True)

_ORDER_LIST = Struct(
    "ListOrdersResult",
    (
        _NEXT_TOKEN,
        Field("CreatedBefore", DATETIME, volatile=True),
        Field("LastUpdatedBefore", DATETIME, volatile=True),
        _ORDERS,
    ),
)

_ITEM_LIST = Struct(
    "ListOrderItemsResult",
    (
        _NEXT_TOKEN,
        Field("AmazonOrderId", TEXT, required=True),
        Field("OrderItems", ListOf("OrderItem", ORDER_ITEM), keep_empty=True),
    ),
)

SERVICE_STATUS = Struct(
    "GetServiceStatusResult",
    (
        Field("Status", TEXT, required=True),
        Field("Timestamp", DATETIME, required=True, volatile=True),
        Field("MessageId", TEXT),
        Field(
            "Messages",
            ListOf("Message", Struct("Message", (Field("Locale", TEXT), Field("Text", TEXT)))),
        ),
    ),
)

#: The structs that documents are made of one by one: what the offline tools stream.
MEMBER_STRUCTS = (ORDER, ORDER_ITEM)


# --- parameters, rules, operations [3] ------------------------------------------------------------------------------


class Parameter(NamedTuple):
    """A parameter of an operation.

    ``kind``       ``text``, ``instant`` or ``integer``: what validation makes of the value
    ``lists``      prefixes under which a list's members arrive, ``N`` appended after a full stop; empty: no list
    ``values``     the closed enumeration, if Amazon documented one
    ``least`` and ``most`` bound an integer's value or a list's length
    """

    name: str
    kind: str = "text"
    required: bool = False
    lists: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    least: int = 0
    most: int = 0
    pii: bool = False


class OneOf(NamedTuple):
    """Exactly one of ``names`` must be given; the texts are what the caller is told."""

    names: tuple[str, ...]
    none_text: str
    both_text: str


class Excludes(NamedTuple):
    """When ``name`` is given, none of ``others`` may be."""

    name: str
    others: tuple[str, ...]


class After(NamedTuple):
    """``later`` must not lie before ``earlier``, and goes only with it; absent or too young, it means now minus
    two minutes."""

    earlier: str
    later: str


Rule = OneOf | Excludes | After


class Quota(NamedTuple):
    """What MWS itself allowed: ``burst`` requests, one restored every ``restore_seconds`` [3.0]. The operations that
    name one quota shared it. The bridge does not enforce it, since SP-API's usage plans bind; the documents
    show it."""

    name: str
    burst: int
    restore_seconds: int


class Operation(NamedTuple):
    """One operation. ``continues`` names the operation whose further pages it reads: such a one takes a NextToken
    and nothing else."""

    name: str
    result: Struct
    quota: Quota
    parameters: tuple[Parameter, ...] = ()
    rules: tuple[Rule, ...] = ()
    continues: str = ""


ORDER_STATUSES = (
    "PendingAvailability",
    "Pending",
    "Unshipped",
    "PartiallyShipped",
    "Shipped",
    "InvoiceUnconfirmed",
    "Canceled",
    "Unfulfillable",
)

_TFM_STATUSES = (
    "PendingPickUp",
    "LabelCanceled",
    "PickedUp",
    "AtDestinationFC",
    "Delivered",
    "RejectedByBuyer",
    "Undeliverable",
    "ReturnedToSeller",
    "Lost",
)

#: The eleven that MWS documented, then the five that only SP-API v0 knows: harmless to ask for.
_EASY_SHIP_STATUSES = (
    "PendingPickUp",
    "LabelCanceled",
    "PickedUp",
    "OutForDelivery",
    "Damaged",
    "Delivered",
    "RejectedByBuyer",
    "Undeliverable",
    "ReturnedToSeller",
    "ReturningToSeller",
    "Lost",
    "PendingSchedule",
    "PendingDropOff",
    "DroppedOff",
    "AtOriginFC",
    "AtDestinationFC",
)

_NEITHER = "CreatedAfter or LastUpdatedAfter must be specified"  # [6.3]
_BOTH = "CreatedAfter and LastUpdatedAfter cannot both be specified"  # text unverified

_FILTERS = ("FulfillmentChannel", "OrderStatus", "PaymentMethod")
_UPDATED = ("LastUpdatedAfter", "LastUpdatedBefore")

_LIST_QUOTA = Quota("ListOrders", 6, 60)
_GET_QUOTA = Quota("GetOrder", 6, 60)
_ITEMS_QUOTA = Quota("ListOrderItems", 30, 2)
_STATUS_QUOTA = Quota("GetServiceStatus", 2, 300)
_TOKEN = Parameter("NextToken", required=True)

_LIST_ORDERS = Operation(
    "ListOrders",
    _ORDER_LIST,
    _LIST_QUOTA,
    (
        Parameter("CreatedAfter", "instant"),
        Parameter("CreatedBefore", "instant"),
        Parameter("LastUpdatedAfter", "instant"),
        Parameter("LastUpdatedBefore", "instant"),
        Parameter("OrderStatus", lists=("OrderStatus.Status",), values=ORDER_STATUSES, most=50),
        Parameter("MarketplaceId", required=True, lists=("MarketplaceId.Id",), most=50),
        Parameter("FulfillmentChannel", lists=("FulfillmentChannel.Channel",), values=("AFN", "MFN"), most=50),
        # Both spellings are Amazon's own [3.1 b]
        Parameter(
            "PaymentMethod",
            lists=("PaymentMethod.Method", "PaymentMethod"),
            values=("COD", "CVS", "Other"),
            most=50,
        ),
        Parameter("BuyerEmail", pii=True),
        Parameter("SellerOrderId"),
        Parameter("MaxResultsPerPage", "integer", least=1, most=100),
        Parameter("TFMShipmentStatus", lists=("TFMShipmentStatus.Status",), values=_TFM_STATUSES, most=50),
        Parameter(
            "EasyShipShipmentStatus",
            lists=("EasyShipShipmentStatus.Status",),
            values=_EASY_SHIP_STATUSES,
            most=50,
        ),
    ),
    (
        OneOf(("CreatedAfter", "LastUpdatedAfter"), _NEITHER, _BOTH),
        After("CreatedAfter", "CreatedBefore"),
        After("LastUpdatedAfter", "LastUpdatedBefore"),
        Excludes("BuyerEmail", (*_FILTERS, *_UPDATED, "SellerOrderId")),
        Excludes("SellerOrderId", (*_FILTERS, *_UPDATED, "BuyerEmail")),
    ),
)

_LIST_ORDER_ITEMS = Operation(
    "ListOrderItems", _ITEM_LIST, _ITEMS_QUOTA, (Parameter("AmazonOrderId", required=True),)
)

OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        _LIST_ORDERS,
        Operation("ListOrdersByNextToken", _ORDER_LIST, _LIST_QUOTA, (_TOKEN,), continues="ListOrders"),
        Operation(
            "GetOrder",
            Struct("GetOrderResult", (_ORDERS,)),
            _GET_QUOTA,
            (Parameter("AmazonOrderId", required=True, lists=("AmazonOrderId.Id",), most=50),),
        ),
        _LIST_ORDER_ITEMS,
        Operation(
            "ListOrderItemsByNextToken",
            _ITEM_LIST,
            _ITEMS_QUOTA,
            (_TOKEN,),
            continues="ListOrderItems",
        ),
        Operation("GetServiceStatus", SERVICE_STATUS, _STATUS_QUOTA),
    )
}
