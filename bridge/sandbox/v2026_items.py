"""Orders v2026-01-01's way to write an order line down."""

from typing import Final

from bridge.sandbox.disclosure import priced
from bridge.sandbox.model import Cancellation, FulfilledBy, Item, Order, Window
from bridge.sandbox.shapes import Json, filled, present
from bridge.sandbox.v2026_proceeds import item_proceeds
from bridge.sandbox.v2026_words import Dataset, constant_word, money, time_text

_FACILITATOR: Final = "MARKETPLACE_FACILITATOR"


def window_json(window: Window | None) -> Json | None:
    """Return a DateTimeRange."""
    if window is None:
        return None
    return {"earliestDateTime": time_text(window.start), "latestDateTime": time_text(window.end)}


def item_json(order: Order, item: Item, datasets: frozenset[Dataset]) -> Json:
    """Return one order line; a data set of which it has nothing is left out."""
    programs = ["TRANSPARENCY"] if item.transparency else []
    payload: Json = {
        "orderItemId": item.id,
        # A cancelled unit counts as not ordered, as in v0.
        "quantityOrdered": item.quantity - item.cancelled,
        "programs": [*programs, *item.programs],
        "product": _product(order, item),
    }
    writers = {
        Dataset.PROCEEDS: ("proceeds", _proceeds),
        Dataset.EXPENSE: ("expense", _expense),
        Dataset.PROMOTION: ("promotion", _promotion),
        Dataset.CANCELLATION: ("cancellation", _cancellation),
        Dataset.FULFILLMENT: ("fulfillment", _fulfillment),
        Dataset.TAX: ("tax", _tax),
    }
    written = {name: write(order, item) for dataset, (name, write) in writers.items() if dataset in datasets}
    return payload | present(written)


def _product(order: Order, item: Item) -> Json:
    """Return the product; unlike the proceeds its unit price is always there (reference 2.4)."""
    shown = priced(order)
    customized = shown and order.purchase.fulfilled_by is FulfilledBy.MERCHANT
    return present(
        {
            "asin": item.asin,
            "title": item.title,
            "sellerSku": item.sku,
            "condition": present(
                {
                    "conditionType": constant_word(item.condition),
                    "conditionSubtype": constant_word(item.condition_subtype),
                    "conditionNote": item.condition_note,
                }
            ),
            "price": present(
                {
                    "unitPrice": money(item.unit_price, order.purchase.currency),
                    "priceDesignation": "BUSINESS_PRICE" if item.business_price and shown else None,
                }
            ),
            "serialNumbers": list(item.serial_numbers) if item.serial_numbers and item.shipped else None,
            # Beside the product, not the buyer: no role is needed, says the model by its silence.
            "customization": filled({"customizedUrl": item.customization_url}) if customized else None,
        }
    )


def _proceeds(order: Order, item: Item) -> Json | None:
    if not priced(order):
        return None
    purchase = order.purchase
    return item_proceeds(item.charges, purchase.currency, tax_included=purchase.tax_included)


def _expense(order: Order, item: Item) -> Json | None:
    if item.points is None or not priced(order):
        return None
    granted = {
        "pointsNumber": item.points.number,
        "pointsMonetaryValue": money(item.points.value, order.purchase.currency),
    }
    return {"pointsCost": {"pointsGranted": granted}}


def _promotion(_order: Order, item: Item) -> Json | None:
    return {"breakdowns": [{"promotionId": one} for one in item.promotions]} if item.promotions else None


def _cancellation(_order: Order, item: Item) -> Json | None:
    return filled(
        {
            "cancellationRequest": _cancelled("requester", item.cancel_request),
            "cancellationExecution": _cancelled("cancelledBy", item.cancel_execution),
        }
    )


def _cancelled(party: str, cancellation: Cancellation | None) -> Json | None:
    if cancellation is None:
        return None
    return {party: constant_word(cancellation.by), "cancelReason": cancellation.reason}


def _fulfillment(order: Order, item: Item) -> Json:
    packing = {
        "giftOption": _gift_option(order, item),
        "serialNumberRequirement": {"requirementType": "REQUIRED"} if item.serial_number_required else None,
    }
    shipping = {
        "scheduledDeliveryWindow": window_json(item.scheduled_delivery),
        "shippingConstraints": {"signatureConfirmation": "MANDATORY"} if item.signature_required else None,
        "internationalShipping": filled({"iossNumber": item.ioss_number}),
    }
    return present(
        {
            "quantityFulfilled": item.shipped,
            "quantityUnfulfilled": item.open,
            "packing": filled(packing),
            "shipping": filled(shipping),
        }
    )


def _gift_option(order: Order, item: Item) -> Json | None:
    """Return the gift option; that there is one is always told, and what it says as v0 tells it.

    Message and wrapping wait until the order shows its prices, and the message is the merchant's business only: until
    then, and for Amazon, the option is an empty object.
    """
    if item.gift is None or not priced(order):
        return None if item.gift is None else {}
    merchant = order.purchase.fulfilled_by is FulfilledBy.MERCHANT
    return present({"giftMessage": item.gift.message if merchant else None, "giftWrapLevel": item.gift.wrap_level})


def _tax(order: Order, item: Item) -> Json | None:
    collector = item.tax_collector if priced(order) else None
    scheme = item.deemed_reseller
    return filled(
        {
            "taxCalculationBreakdowns": [{"reportingScheme": scheme}] if scheme else None,
            "taxCollections": [{"model": _FACILITATOR, "responsibleParty": collector}] if collector else None,
        }
    )
