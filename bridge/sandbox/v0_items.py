"""Orders v0's way to write an order line down."""

from collections.abc import Mapping
from typing import Final

from bridge.sandbox.model import Charges, FulfilledBy, Item, Order
from bridge.sandbox.shapes import Json, present
from bridge.sandbox.v0_words import local_date_text, money

_JAPAN_HOURS: Final = 9  # scheduled deliveries exist in Japan only and carry its offset

# Charges beside the gift wrap, which v0 counts as the buyer's data.
_CHARGES: Final[Mapping[str, str]] = {
    "ItemPrice": "item",
    "ItemTax": "item_tax",
    "ShippingPrice": "shipping",
    "ShippingTax": "shipping_tax",
    "ShippingDiscount": "shipping_discount",
    "ShippingDiscountTax": "shipping_discount_tax",
    "PromotionDiscount": "promotion",
    "PromotionDiscountTax": "promotion_tax",
    "CODFee": "cod_fee",
    "CODFeeDiscount": "cod_fee_discount",
}
_GIFT_CHARGES: Final[Mapping[str, str]] = {"GiftWrapPrice": "gift_wrap", "GiftWrapTax": "gift_wrap_tax"}


def _charges_json(charges: Charges, names: Mapping[str, str], currency: str) -> Json:
    payload: Json = {}
    for name, field in names.items():
        amount = getattr(charges, field)
        if amount is not None:
            payload[name] = money(amount, currency)
    return payload


def item_buyer_json(order: Order, item: Item) -> Json:
    """Return what the buyer wished for a line: gift wrap, gift message, customisation (the last two MFN only)."""
    payload: Json = {}
    merchant = order.purchase.fulfilled_by is FulfilledBy.MERCHANT
    if item.customization_url is not None and merchant:
        payload["BuyerCustomizedInfo"] = {"CustomizedURL": item.customization_url}
    if item.gift is not None:
        payload |= _charges_json(item.charges, _GIFT_CHARGES, order.purchase.currency)
        if item.gift.message is not None and merchant:
            payload["GiftMessageText"] = item.gift.message
        if item.gift.wrap_level is not None:
            payload["GiftWrapLevel"] = item.gift.wrap_level
    return payload


def _cancel_request_json(item: Item) -> Json:
    if item.cancel_request is None:
        return {"IsBuyerRequestedCancel": "false", "BuyerCancelReason": ""}
    return {"IsBuyerRequestedCancel": "true", "BuyerCancelReason": item.cancel_request.reason}


def item_json(order: Order, item: Item, *, priced: bool, buyer_shown: bool) -> Json:
    """Return one order line. IsGift, NumberOfItems and IsBuyerRequestedCancel are strings, as the model has them."""
    payload: Json = {
        "ASIN": item.asin,
        "SellerSKU": item.sku,
        "OrderItemId": item.id,
        "Title": item.title,
        # A cancelled unit counts as not ordered.
        "QuantityOrdered": item.quantity - item.cancelled,
        "QuantityShipped": item.shipped,
        "ProductInfo": {"NumberOfItems": str(item.pack_size)},
        "IsGift": "false" if item.gift is None else "true",
        "ConditionId": item.condition,
        "ConditionSubtypeId": item.condition_subtype,
        "IsTransparency": item.transparency,
        "BuyerRequestedCancel": _cancel_request_json(item),
        "IossNumber": item.ioss_number or "",
        "BuyerInfo": item_buyer_json(order, item) if buyer_shown and priced else {},
    }
    if priced:
        payload |= _charges_json(item.charges, _CHARGES, order.purchase.currency)
    if item.promotions:
        payload["PromotionIds"] = list(item.promotions)
    if item.points is not None and priced:
        payload["PointsGranted"] = {
            "PointsNumber": item.points.number,
            "PointsMonetaryValue": money(item.points.value, order.purchase.currency),
        }
    if item.scheduled_delivery is not None:
        window = item.scheduled_delivery
        payload["ScheduledDeliveryStartDate"] = local_date_text(window.start, _JAPAN_HOURS)
        payload["ScheduledDeliveryEndDate"] = local_date_text(window.end, _JAPAN_HOURS)
    if item.tax_collector is not None and priced:
        payload["TaxCollection"] = {"Model": "MarketplaceFacilitator", "ResponsibleParty": item.tax_collector}
    if item.business_price and priced:
        payload["PriceDesignation"] = "BusinessPrice"
    if item.signature_required:
        payload["ShippingConstraints"] = {"SignatureConfirmation": "MANDATORY"}
    if item.serial_numbers and item.shipped:
        payload["SerialNumbers"] = list(item.serial_numbers)
    if item.programs:
        payload["AmazonPrograms"] = {"Programs": list(item.programs)}
    optional = {
        "ConditionNote": item.condition_note,
        "SerialNumberRequired": item.serial_number_required,
        "DeemedResellerCategory": item.deemed_reseller,
        "StoreChainStoreId": item.store_chain_store,
    }
    return payload | present(optional)
