"""SP-API Orders v0 ⇄ MWS Orders: fields, parameters, paths. Deletable as one file once v0 is gone (2027-03-27).

Checked against ``sp-api-mapping.json`` and Amazon's model file by the tests: every MWS element is mapped or omitted
with its reason, every v0 field is read or listed as unused.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from bridge.mapping.pages import ItemPage, OrderPage
from bridge.mapping.rows import (
    JsonObject,
    MappingError,
    Omitted,
    Row,
    StructMap,
    Unused,
    as_choice,
    as_instant,
    as_text,
    nested_struct,
)
from mws_compat.orders import ADDRESS, ORDER, ORDER_ITEM
from mws_compat.schema import Record, format_instant

if TYPE_CHECKING:
    from mws_compat.validation import Arguments

__all__ = [
    "ADDRESS_MAP",
    "ITEM_MAP",
    "LIST_PATH",
    "ORDER_MAP",
    "QUERY_NAMES",
    "Query",
    "ids_query",
    "items_path",
    "list_query",
    "order_path",
    "read_item_page",
    "read_order",
    "read_order_page",
]


def _copy(*names: str, restricted: bool = False, quoted: bool = False) -> tuple[Row, ...]:
    """Rows of elements whose JSON member has the same name."""
    return tuple(Row(name, name, restricted=restricted, quoted=quoted) for name in names)


# --- Address ------------------------------------------------------------------------------------------------------

ADDRESS_MAP = StructMap(
    ADDRESS,
    (
        *_copy("Name", "AddressLine1", "AddressLine2", "AddressLine3", "County", "District", restricted=True),
        *_copy("Municipality", "Phone", "AddressType", restricted=True),
        *_copy("City", "StateOrRegion", "PostalCode", "CountryCode"),
        Row(
            "isAddressSharingConfidential",
            "isAddressSharingConfidential",
            note="not in the model; seen live inside DefaultShipFromLocationAddress",
        ),
    ),
    (
        Unused("CompanyName", "no MWS element"),
        Unused("ExtendedFields", "no MWS element (BR: the address lines hold the same text)"),
    ),
)

# --- Order --------------------------------------------------------------------------------------------------------

_TAX = nested_struct(ORDER, "BuyerTaxInfo")
_PAYMENT = nested_struct(ORDER, "PaymentExecutionDetail")
_SHIPPING = nested_struct(ORDER, "AutomatedShippingSettings")

_CHANNELS = as_choice({"SellerFulfilled": "MFN", "AmazonFulfilled": "AFN"})


def _shipped_by_amazon_tfm(order: JsonObject) -> str | None:
    """MWS wrote ``false`` on every merchant-fulfilled order recorded, and nothing on AFN and Canceled ones."""
    merchant = _CHANNELS(order.get("FulfillmentChannel") or "") == "MFN"
    return "false" if merchant and order.get("OrderStatus") != "Canceled" else None


ORDER_MAP = StructMap(
    ORDER,
    (
        *_copy("AmazonOrderId", "SellerOrderId", "PurchaseDate", "LastUpdateDate", "OrderStatus"),
        Row("FulfillmentChannel", "FulfillmentChannel", _CHANNELS, note="guides also show SellerFulfilled for MFN"),
        *_copy("SalesChannel", "OrderChannel", "ShipServiceLevel"),
        Row("ShippingAddress", "ShippingAddress", via=ADDRESS_MAP),
        *_copy("OrderTotal", "NumberOfItemsShipped", "NumberOfItemsUnshipped"),
        Row(
            "PaymentExecutionDetail",
            "PaymentExecutionDetail",
            via=StructMap(
                _PAYMENT,
                _copy("Payment", "PaymentMethod"),
                (
                    Unused("AcquirerId", "no MWS element (BR)"),
                    Unused("CardBrand", "no MWS element (BR)"),
                    Unused("AuthorizationCode", "no MWS element (BR)"),
                ),
            ),
        ),
        *_copy("PaymentMethod", "PaymentMethodDetails", "MarketplaceId"),
        Row("BuyerEmail", "BuyerInfo.BuyerEmail", restricted=True),
        Row("BuyerName", "BuyerInfo.BuyerName", restricted=True),
        Row("BuyerCounty", "BuyerInfo.BuyerCounty", restricted=True),
        Row(
            "BuyerTaxInfo",
            "BuyerInfo.BuyerTaxInfo",
            via=StructMap(
                _TAX,
                (
                    *_copy("CompanyLegalName", "TaxingRegion", restricted=True),
                    Row(
                        "TaxClassifications",
                        "TaxClassifications",
                        via=StructMap(
                            nested_struct(_TAX, "TaxClassifications"), _copy("Name", "Value", restricted=True)
                        ),
                        restricted=True,
                    ),
                ),
            ),
            restricted=True,
        ),
        *_copy("ShipmentServiceLevelCategory"),
        Omitted(
            "ShippedByAmazonTFM",
            "the China programme is closed; false on merchant-fulfilled orders, as MWS wrote it",
            _shipped_by_amazon_tfm,
        ),
        Omitted("TFMShipmentStatus", "the China programme is closed"),
        *_copy("EasyShipShipmentStatus", "CbaDisplayableShippingLabel", "OrderType"),
        *_copy("EarliestShipDate", "LatestShipDate", "EarliestDeliveryDate", "LatestDeliveryDate"),
        *_copy("IsBusinessOrder"),
        Row("PurchaseOrderNumber", "BuyerInfo.PurchaseOrderNumber", restricted=True),
        *_copy("IsPrime", "IsGlobalExpressEnabled", "IsPremiumOrder", "ReplacedOrderId"),
        *_copy("IsReplacementOrder", quoted=True),
        *_copy("PromiseResponseDueDate", "IsEstimatedShipDateSet"),
        Omitted("TaxRegistrationDetails", "not in the v0 model"),
        *_copy("IsSoldByAB"),
        Omitted("BuyerIdentificationInformation", "v0's BuyerTaxInformation is another (company) block"),
        Row("DefaultShipFromLocationAddress", "DefaultShipFromLocationAddress", via=ADDRESS_MAP),
        Row(
            "AutomatedShippingSettings",
            "AutomatedShippingSettings",
            via=StructMap(
                _SHIPPING,
                (
                    Row("hasAutomatedShippingSettings", "HasAutomatedShippingSettings"),
                    Row("automatedCarrier", "AutomatedCarrier"),
                    Row("automatedShipMethod", "AutomatedShipMethod"),
                ),
            ),
        ),
        *_copy("IsIBA", "IsAccessPointOrder", "IsISPU"),
    ),
    (
        Unused("BuyerInvoicePreference", "no MWS element (TR)"),
        Unused("BuyerTaxInformation", "no MWS element (TR)"),
        Unused("FulfillmentInstruction", "no MWS element"),
        Unused("MarketplaceTaxInfo", "no MWS element (BR)"),
        Unused("SellerDisplayName", "no MWS element (BR)"),
        Unused("HasRegulatedItems", "no MWS element"),
        Unused("ElectronicInvoiceStatus", "no MWS element"),
    ),
)

# --- OrderItem ----------------------------------------------------------------------------------------------------

_CUSTOMIZED = nested_struct(ORDER_ITEM, "BuyerCustomizedInfo")
_CANCEL = nested_struct(ORDER_ITEM, "BuyerRequestedCancel")

ITEM_MAP = StructMap(
    ORDER_ITEM,
    (
        *_copy("ASIN", "SellerSKU", "OrderItemId", "Title", "QuantityOrdered", "QuantityShipped"),
        Row(
            "ProductInfo",
            "ProductInfo",
            via=StructMap(nested_struct(ORDER_ITEM, "ProductInfo"), _copy("NumberOfItems", quoted=True)),
        ),
        Row(
            "PointsGranted",
            "PointsGranted",
            via=StructMap(nested_struct(ORDER_ITEM, "PointsGranted"), _copy("PointsNumber", "PointsMonetaryValue")),
        ),
        *_copy("ItemPrice", "ShippingPrice"),
        Row("GiftWrapPrice", "BuyerInfo.GiftWrapPrice", restricted=True),
        *_copy("ItemTax", "ShippingTax"),
        Row("GiftWrapTax", "BuyerInfo.GiftWrapTax", restricted=True),
        *_copy("ShippingDiscount", "ShippingDiscountTax", "PromotionDiscount", "PromotionDiscountTax"),
        *_copy("PromotionIds", "CODFee", "CODFeeDiscount"),
        *_copy("IsGift", quoted=True),
        Row("GiftMessageText", "BuyerInfo.GiftMessageText", restricted=True),
        Row("GiftWrapLevel", "BuyerInfo.GiftWrapLevel", restricted=True),
        Omitted("InvoiceData", "the China marketplace is closed"),
        *_copy("ConditionNote", "ConditionId", "ConditionSubtypeId"),
        *_copy("ScheduledDeliveryStartDate", "ScheduledDeliveryEndDate", "PriceDesignation"),
        Row(
            "BuyerCustomizedInfo",
            "BuyerInfo.BuyerCustomizedInfo",
            via=StructMap(_CUSTOMIZED, _copy("CustomizedURL", restricted=True)),
            restricted=True,
        ),
        Row(
            "TaxCollection",
            "TaxCollection",
            via=StructMap(nested_struct(ORDER_ITEM, "TaxCollection"), _copy("Model", "ResponsibleParty")),
        ),
        *_copy("SerialNumberRequired", "IsTransparency"),
        Row(
            "BuyerRequestedCancel",
            "BuyerRequestedCancel",
            via=StructMap(_CANCEL, (*_copy("IsBuyerRequestedCancel", quoted=True), *_copy("BuyerCancelReason"))),
        ),
        *_copy("IossNumber"),
    ),
    (
        Unused("DeemedResellerCategory", "no MWS element"),
        Unused("StoreChainStoreId", "no MWS element"),
        Unused("SerialNumbers", "no MWS element"),
        Unused("AssociatedItems", "no MWS element"),
        Unused("SubstitutionPreferences", "no MWS element"),
        Unused("Measurement", "no MWS element"),
        Unused("ShippingConstraints", "no MWS element"),
        Unused("AmazonPrograms", "no MWS element"),
    ),
)

# --- requests -----------------------------------------------------------------------------------------------------

LIST_PATH = "/orders/v0/orders"

#: MWS parameter → v0 query parameter. What is not here (TFMShipmentStatus) has no counterpart.
QUERY_NAMES = {
    "MarketplaceId": "MarketplaceIds",
    "CreatedAfter": "CreatedAfter",
    "CreatedBefore": "CreatedBefore",
    "LastUpdatedAfter": "LastUpdatedAfter",
    "LastUpdatedBefore": "LastUpdatedBefore",
    "OrderStatus": "OrderStatuses",
    "FulfillmentChannel": "FulfillmentChannels",
    "PaymentMethod": "PaymentMethods",
    "BuyerEmail": "BuyerEmail",
    "SellerOrderId": "SellerOrderId",
    "MaxResultsPerPage": "MaxResultsPerPage",
    "EasyShipShipmentStatus": "EasyShipShipmentStatuses",
}

Query = list[tuple[str, str]]


def order_path(order_id: str) -> str:
    """The path of getOrder."""
    return f"{LIST_PATH}/{quote(order_id, safe='')}"


def items_path(order_id: str) -> str:
    """The path of getOrderItems."""
    return f"{order_path(order_id)}/orderItems"


def list_query(arguments: "Arguments") -> Query:
    """The getOrders query of typed ListOrders arguments: lists joined by commas (a repeated parameter counts only
    once there), instants in UTC with ``Z``, milliseconds kept."""
    query: Query = []
    for name, target in QUERY_NAMES.items():
        value = arguments.get(name)
        if isinstance(value, tuple):
            query.append((target, ",".join(value)))
        elif isinstance(value, datetime):
            query.append((target, format_instant(value, milliseconds=bool(value.microsecond))))
        elif value is not None:
            query.append((target, str(value)))
    return query


def ids_query(order_ids: Sequence[str], marketplace_ids: Iterable[str], created_after: datetime) -> Query:
    """The getOrders query that reads up to 50 orders by id. Whether v0 insists on a date here is unverified, so one
    is sent that lets every order through."""
    return [
        ("MarketplaceIds", ",".join(marketplace_ids)),
        ("CreatedAfter", format_instant(created_after)),
        ("AmazonOrderIds", ",".join(order_ids)),
    ]


# --- answers ------------------------------------------------------------------------------------------------------


def read_order_page(answer: object) -> OrderPage:
    """Records, token and upper bound of a getOrders answer. Raises MappingError when it is not one."""
    payload = _payload(answer)
    return OrderPage(
        orders=_records(payload, "Orders", ORDER_MAP),
        next_token=_token(payload),
        created_before=_instant(payload, "CreatedBefore"),
        last_updated_before=_instant(payload, "LastUpdatedBefore"),
    )


def read_order(answer: object) -> Record:
    """The record of a getOrder answer. Raises MappingError when it is not one."""
    payload = _payload(answer)
    try:
        return ORDER_MAP.read(payload)
    except MappingError as error:
        raise error.inside("payload") from None


def read_item_page(answer: object) -> ItemPage:
    """Order id, records and token of a getOrderItems answer. Raises MappingError when it is not one."""
    payload = _payload(answer)
    order_id = payload.get("AmazonOrderId")
    return ItemPage(
        order_id=order_id if isinstance(order_id, str) else "",
        items=_records(payload, "OrderItems", ITEM_MAP),
        next_token=_token(payload),
    )


def _payload(answer: object) -> JsonObject:
    payload = answer.get("payload") if isinstance(answer, dict) else None
    if not isinstance(payload, dict):
        raise MappingError("object expected", "payload")
    return payload


def _records(payload: JsonObject, name: str, table: StructMap) -> list[Record]:
    members = payload.get(name)
    if not isinstance(members, list):
        raise MappingError("array expected", f"payload.{name}")
    records = []
    for place, member in enumerate(members):
        if not isinstance(member, dict):
            raise MappingError("object expected", f"payload.{name}[{place}]")
        try:
            records.append(table.read(member))
        except MappingError as error:
            raise error.inside(f"payload.{name}[{place}]") from None
    return records


def _token(payload: JsonObject) -> str:
    try:
        return as_text(payload.get("NextToken") or "") or ""
    except MappingError as error:
        raise error.inside("payload.NextToken") from None


def _instant(payload: JsonObject, name: str) -> str:
    value = payload.get(name)
    return (as_instant(value) or "") if isinstance(value, str) else ""
