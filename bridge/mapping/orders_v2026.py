"""SP-API Orders v2026-01-01 ⇄ MWS Orders: the fields.

Checked against ``sp-api-mapping.json`` and Amazon's model file by the tests: every MWS element is linked or lost with
its reason, every v2026 field is read or listed as unused. What the documents leave open is in ``choices_v2026``.
"""

from bridge.mapping.amounts_v2026 import ITEM_PRICE, ITEM_TAX, PROMOTION_DISCOUNT, detail, part_of, subtotal, sum_of
from bridge.mapping.choices_v2026 import DISTRICT_COUNTRIES
from bridge.mapping.item_parts_v2026 import CANCEL_MAP, CANCEL_REQUEST, IS_GIFT, SERIAL_NUMBER_REQUIRED, scheduled
from bridge.mapping.links import Differs, First, Link, LinkMap, Lost
from bridge.mapping.order_parts_v2026 import (
    ACCESS_POINT,
    EASY_SHIP_STATUS,
    EXECUTIONS,
    IS_REPLACEMENT,
    ORDER_TYPE,
    PAYMENT_DETAILS,
    PAYMENT_MAP,
    PAYMENT_METHOD,
    REPLACED,
    SALES_CHANNEL,
    SELLER_ORDER_ID,
    TAX_INFO,
    TAX_MAP,
    TOTAL,
    district,
    invoiced_by_amazon,
    service_level,
    shipped_by_amazon_tfm,
)
from bridge.mapping.rows import Unused, nested_struct
from bridge.mapping.ways import Flag, Words
from bridge.mapping.words_v2026 import (
    ADDRESS_TYPES,
    CHANNELS,
    CONDITION_SUBTYPES,
    CONDITIONS,
    SERVICE_LEVELS,
    STATUSES,
)
from mws_compat.orders import ADDRESS, ORDER, ORDER_ITEM
from mws_compat.schema import Node

__all__ = ["ADDRESS_MAP", "ITEM_MAP", "ORDER_MAP"]


def _shared(*names: str) -> tuple[Link, ...]:
    """Links of elements whose JSON member has the same name with a small initial."""
    return tuple(Link(name, name[0].lower() + name[1:]) for name in names)


def _is_gone(_: Node | None, new: Node | None) -> bool:
    return new is None


ADDRESS_MAP = LinkMap(
    ADDRESS,
    (
        *_shared("Name", "AddressLine1", "AddressLine2", "AddressLine3", "City"),
        Link("County", "districtOrCounty", district(here=False), note="but where District is used"),
        Link("District", "districtOrCounty", district(here=True), note=f"in {', '.join(sorted(DISTRICT_COUNTRIES))}"),
        *_shared("StateOrRegion", "Municipality", "PostalCode", "CountryCode", "Phone"),
        Link(
            "AddressType",
            "addressType",
            ADDRESS_TYPES,
            differs=Differs("a pickup point is of neither type", _is_gone),
            note="nothing for PICKUP_POINT",
        ),
        Lost("isAddressSharingConfidential", "not in v2026"),
    ),
    (
        Unused("companyName", "no MWS element"),
        Unused("extendedFields", "no MWS element (BR: the address lines hold the same text)"),
    ),
)

_ROLE = "given to applications with the role for it; without it the whole dataset is refused"
_FULFILLMENT, _PROCEEDS, _PAYMENT, _BUYER = "FULFILLMENT", "PROCEEDS", "PAYMENT", "BUYER"

ORDER_MAP = LinkMap(
    ORDER,
    (
        Link("AmazonOrderId", "orderId"),
        Link(
            "SellerOrderId",
            "orderAliases[aliasType=SELLER_ORDER_ID].aliasId",
            SELLER_ORDER_ID,
            note="the order's own id where it has no alias",
        ),
        Link("PurchaseDate", "createdTime"),
        Link("LastUpdateDate", "lastUpdatedTime"),
        Link(
            "OrderStatus",
            "fulfillment.fulfillmentStatus",
            Words(STATUSES, gone={"InvoiceUnconfirmed": "SHIPPED"}),
            dataset=_FULFILLMENT,
            differs=Differs(
                "v2026 has no InvoiceUnconfirmed: such orders are Shipped",
                lambda old, new: old == "InvoiceUnconfirmed" and new == "Shipped",
            ),
        ),
        Link("FulfillmentChannel", "fulfillment.fulfilledBy", Words(CHANNELS), dataset=_FULFILLMENT),
        Link(
            "SalesChannel",
            "salesChannel.marketplaceName",
            SALES_CHANNEL,
            note="Non-Amazon for orders of another channel that have no name",
        ),
        Lost("OrderChannel", "deprecated by Amazon, without a successor"),
        Lost(
            "ShipServiceLevel",
            "deprecated by Amazon, without a successor; the service level category stands in for it",
            service_level,
        ),
        Link(
            "ShippingAddress",
            "recipient.deliveryAddress",
            via=ADDRESS_MAP,
            dataset="RECIPIENT",
            restricted=True,
            differs=Differs(f"City, StateOrRegion, PostalCode and CountryCode too are {_ROLE}", _is_gone),
        ),
        Link(
            "OrderTotal",
            "proceeds.grandTotal",
            TOTAL,
            dataset=_PROCEEDS,
            note="else the sum of the items' totals",
        ),
        Link(
            "NumberOfItemsShipped",
            "orderItems[].fulfillment.quantityFulfilled",
            sum_of("orderItems[].fulfillment.quantityFulfilled"),
            dataset=_FULFILLMENT,
            note="the sum of the items",
        ),
        Link(
            "NumberOfItemsUnshipped",
            "orderItems[].fulfillment.quantityUnfulfilled",
            sum_of("orderItems[].fulfillment.quantityUnfulfilled"),
            dataset=_FULFILLMENT,
            note="the sum of the items",
        ),
        Link(
            "PaymentExecutionDetail",
            "payment.paymentExecutions",
            EXECUTIONS,
            PAYMENT_MAP,
            _PAYMENT,
            note="with cash on delivery, and in Brazil",
        ),
        Link(
            "PaymentMethod",
            "payment.paymentExecutions[].paymentMethod",
            PAYMENT_METHOD,
            dataset=_PAYMENT,
            note="COD, CVS, else Other",
        ),
        Link(
            "PaymentMethodDetails",
            "payment.paymentExecutions[].paymentMethod",
            PAYMENT_DETAILS,
            dataset=_PAYMENT,
            note="Standard where there is none",
        ),
        Link("MarketplaceId", "salesChannel.marketplaceId"),
        Link(
            "BuyerEmail",
            "buyer.buyerEmail",
            dataset=_BUYER,
            restricted=True,
            differs=Differs("v2026 gives it for orders that the merchant ships only", _is_gone),
        ),
        Link("BuyerName", "buyer.buyerName", dataset=_BUYER, restricted=True),
        Lost("BuyerCounty", "deprecated by Amazon, without a successor"),
        Link(
            "BuyerTaxInfo",
            "",
            TAX_INFO,
            TAX_MAP,
            "TAX",
            restricted=True,
        ),
        Link(
            "ShipmentServiceLevelCategory",
            "fulfillment.fulfillmentServiceLevel",
            Words(SERVICE_LEVELS),
            dataset=_FULFILLMENT,
        ),
        Lost(
            "ShippedByAmazonTFM",
            "the China programme is closed; false on merchant-fulfilled orders, as MWS wrote it",
            shipped_by_amazon_tfm,
        ),
        Lost("TFMShipmentStatus", "the China programme is closed"),
        Link(
            "EasyShipShipmentStatus",
            "packages[].packageStatus.detailedStatus",
            EASY_SHIP_STATUS,
            dataset="PACKAGES",
            note="of Easy Ship orders; of several packages the least advanced",
        ),
        Lost("CbaDisplayableShippingLabel", "Checkout by Amazon is gone"),
        Link(
            "OrderType",
            "programs[]",
            ORDER_TYPE,
            differs=Differs(
                "v2026 tells only Preorder from StandardOrder",
                lambda old, new: old != "Preorder" and new == "StandardOrder",
            ),
        ),
        Link("EarliestShipDate", "fulfillment.shipByWindow.earliestDateTime", dataset=_FULFILLMENT),
        Link("LatestShipDate", "fulfillment.shipByWindow.latestDateTime", dataset=_FULFILLMENT),
        Link("EarliestDeliveryDate", "fulfillment.deliverByWindow.earliestDateTime", dataset=_FULFILLMENT),
        Link("LatestDeliveryDate", "fulfillment.deliverByWindow.latestDateTime", dataset=_FULFILLMENT),
        Link("IsBusinessOrder", "programs[]", Flag("AMAZON_BUSINESS"), note="AMAZON_BUSINESS is among them"),
        Link("PurchaseOrderNumber", "buyer.buyerPurchaseOrderNumber", dataset=_BUYER, restricted=True),
        Link("IsPrime", "programs[]", Flag("PRIME"), note="PRIME is among them"),
        Lost("IsGlobalExpressEnabled", "deprecated by Amazon; written as false", lambda _: "false"),
        Link("IsPremiumOrder", "programs[]", Flag("PREMIUM"), note="PREMIUM is among them"),
        Link("ReplacedOrderId", f"{REPLACED}.orderId"),
        Link(
            "IsReplacementOrder",
            "associatedOrders[].associationType",
            IS_REPLACEMENT,
            note="there is a replaced or exchanged order",
        ),
        Lost("PromiseResponseDueDate", "deprecated by Amazon, without a successor"),
        Lost("IsEstimatedShipDateSet", "deprecated by Amazon, without a successor"),
        Lost("TaxRegistrationDetails", "neither in v0 nor in v2026"),
        Lost(
            "IsSoldByAB",
            "deprecated by Amazon; v0 documents it in the words of IsIBA, whose value stands in for it",
            invoiced_by_amazon,
        ),
        Lost("BuyerIdentificationInformation", "neither in v0 nor in v2026"),
        Lost("DefaultShipFromLocationAddress", "not supported; a package's shipFromAddress is another thing"),
        Lost("AutomatedShippingSettings", "not supported"),
        Link("IsIBA", "programs[]", Flag("INVOICE_BY_AMAZON"), note="INVOICE_BY_AMAZON is among them"),
        Link(
            "IsAccessPointOrder",
            "recipient.deliveryAddress.addressType",
            ACCESS_POINT,
            dataset="RECIPIENT",
            differs=Differs(
                "only told with an address: not of Pending orders, and not without the role for RECIPIENT", _is_gone
            ),
            note="it is PICKUP_POINT",
        ),
        Link("IsISPU", "programs[]", Flag("IN_STORE_PICK_UP"), note="IN_STORE_PICK_UP is among them"),
    ),
    (
        Unused("salesChannel.channelName", "told by SalesChannel"),
        Unused("orderItems", "answered to ListOrderItems"),
        Unused("buyer.buyerCompanyName", "no MWS element"),
        Unused("recipient.deliveryPreference", "no MWS element"),
        Unused("proceeds.breakdowns", "no MWS element (the order's roll-up)"),
        Unused("fulfillment.labelPrintingWindow", "no MWS element"),
        Unused("packages", "no MWS element but the Easy Ship status"),
        Unused("fulfillmentOrders", "no MWS element"),
        Unused("tax.taxInvoicing", "no MWS element"),
        Unused("tax.taxRegistrations.taxRegistrationAttributes", "no MWS element (TR: the tax office)"),
    ),
)

_COLLECTION_MAP = LinkMap(
    nested_struct(ORDER_ITEM, "TaxCollection"),
    (
        Link("Model", "model", Words({"MARKETPLACE_FACILITATOR": "MarketplaceFacilitator"})),
        Link("ResponsibleParty", "responsibleParty"),
    ),
)
_POINTS_MAP = LinkMap(nested_struct(ORDER_ITEM, "PointsGranted"), _shared("PointsNumber", "PointsMonetaryValue"))
_CUSTOMIZED_MAP = LinkMap(nested_struct(ORDER_ITEM, "BuyerCustomizedInfo"), (Link("CustomizedURL", "customizedUrl"),))

ITEM_MAP = LinkMap(
    ORDER_ITEM,
    (
        Link("ASIN", "product.asin"),
        Link("SellerSKU", "product.sellerSku"),
        Link("OrderItemId", "orderItemId"),
        Link("Title", "product.title"),
        Link("QuantityOrdered", "quantityOrdered"),
        Link("QuantityShipped", "fulfillment.quantityFulfilled", dataset=_FULFILLMENT),
        Lost("ProductInfo", "not supported: the size of a pack is not told any more"),
        Link("PointsGranted", "expense.pointsCost.pointsGranted", via=_POINTS_MAP, dataset="EXPENSE"),
        Link(
            "ItemPrice",
            subtotal("ITEM").text,
            ITEM_PRICE,
            dataset=_PROCEEDS,
            note="else unitPrice × quantityOrdered",
        ),
        Link("ShippingPrice", subtotal("SHIPPING").text, dataset=_PROCEEDS),
        Link("GiftWrapPrice", subtotal("GIFT_WRAP").text, dataset=_PROCEEDS),
        Link(
            "ItemTax",
            detail("TAX", "ITEM").text,
            ITEM_TAX,
            dataset=_PROCEEDS,
            note="else the subtotal, when nothing but the item was charged",
        ),
        Link("ShippingTax", detail("TAX", "SHIPPING").text, part_of("TAX", "SHIPPING"), dataset=_PROCEEDS),
        Link("GiftWrapTax", detail("TAX", "GIFT_WRAP").text, part_of("TAX", "GIFT_WRAP"), dataset=_PROCEEDS),
        Link(
            "ShippingDiscount",
            detail("DISCOUNT", "SHIPPING").text,
            part_of("DISCOUNT", "SHIPPING", discount=True),
            dataset=_PROCEEDS,
            note="without its sign",
        ),
        Lost("ShippingDiscountTax", "not told any more: TAX/DISCOUNT is that of the promotion"),
        Link(
            "PromotionDiscount",
            subtotal("DISCOUNT").text,
            PROMOTION_DISCOUNT,
            dataset=_PROCEEDS,
            note="without its sign, and without what is ShippingDiscount and CODFeeDiscount",
        ),
        Link(
            "PromotionDiscountTax",
            detail("TAX", "DISCOUNT").text,
            part_of("TAX", "DISCOUNT", discount=True),
            dataset=_PROCEEDS,
            note="without its sign",
        ),
        Link("PromotionIds", "promotion.breakdowns[].promotionId", dataset="PROMOTION"),
        Link("CODFee", subtotal("COD_FEE").text, dataset=_PROCEEDS),
        Link(
            "CODFeeDiscount",
            detail("DISCOUNT", "COD_FEE").text,
            part_of("DISCOUNT", "COD_FEE", discount=True),
            dataset=_PROCEEDS,
            note="without its sign",
        ),
        Link(
            "IsGift",
            "fulfillment.packing.giftOption",
            IS_GIFT,
            dataset=_FULFILLMENT,
            note="there is one",
        ),
        Link("GiftMessageText", "fulfillment.packing.giftOption.giftMessage", dataset=_FULFILLMENT),
        Link("GiftWrapLevel", "fulfillment.packing.giftOption.giftWrapLevel", dataset=_FULFILLMENT),
        Lost("InvoiceData", "the China marketplace is closed"),
        Link("ConditionNote", "product.condition.conditionNote"),
        Link("ConditionId", "product.condition.conditionType", Words(CONDITIONS)),
        Link("ConditionSubtypeId", "product.condition.conditionSubtype", Words(CONDITION_SUBTYPES)),
        Link(
            "ScheduledDeliveryStartDate",
            "fulfillment.shipping.scheduledDeliveryWindow.earliestDateTime",
            scheduled("earliestDateTime"),
            dataset=_FULFILLMENT,
            note="with Japan's offset in Japan",
        ),
        Link(
            "ScheduledDeliveryEndDate",
            "fulfillment.shipping.scheduledDeliveryWindow.latestDateTime",
            scheduled("latestDateTime"),
            dataset=_FULFILLMENT,
            note="with Japan's offset in Japan",
        ),
        Link("PriceDesignation", "product.price.priceDesignation", Words({"BUSINESS_PRICE": "BusinessPrice"})),
        Link("BuyerCustomizedInfo", "product.customization", via=_CUSTOMIZED_MAP),
        Link(
            "TaxCollection",
            "tax.taxCollections[]",
            First(_COLLECTION_MAP),
            _COLLECTION_MAP,
            "TAX",
            note="the first",
        ),
        Link(
            "SerialNumberRequired",
            "fulfillment.packing.serialNumberRequirement.requirementType",
            SERIAL_NUMBER_REQUIRED,
            dataset=_FULFILLMENT,
            differs=Differs("v2026 says only where one is required", lambda old, new: old == "false" and new is None),
            note="it is REQUIRED; false on other items of Easy Ship orders",
        ),
        Link("IsTransparency", "programs[]", Flag("TRANSPARENCY"), note="TRANSPARENCY is among them"),
        Link(
            "BuyerRequestedCancel",
            "",
            CANCEL_REQUEST,
            CANCEL_MAP,
            "CANCELLATION",
        ),
        Link("IossNumber", "fulfillment.shipping.internationalShipping.iossNumber", dataset=_FULFILLMENT),
    ),
    (
        Unused("measurement", "no MWS element"),
        Unused("associatedOrderItems", "no MWS element"),
        Unused("product.serialNumbers", "no MWS element"),
        Unused("product.price.unitPrice", "ItemPrice is of the whole line; only where that is missing"),
        Unused("proceeds.proceedsTotal", "no MWS element"),
        Unused("cancellation.cancellationExecution", "no MWS element"),
        Unused("fulfillment.quantityUnfulfilled", "summed up in the order's NumberOfItemsUnshipped"),
        Unused("fulfillment.picking", "no MWS element"),
        Unused("fulfillment.shipping.shippingConstraints", "no MWS element"),
        Unused("tax.taxCalculationBreakdowns", "no MWS element"),
    ),
)
