"""Orders v2026-01-01's way to write an order down: what is always there, and one part for each data set."""

from collections.abc import Callable, Mapping
from typing import Final
from zlib import crc32

from bridge.sandbox.disclosure import pending, priced
from bridge.sandbox.model import FulfilledBy, Order, Package, Payment
from bridge.sandbox.shapes import Json, present
from bridge.sandbox.v2026_items import item_json, window_json
from bridge.sandbox.v2026_parties import address_json, buyer_json, recipient_json, tax_json
from bridge.sandbox.v2026_proceeds import order_proceeds
from bridge.sandbox.v2026_words import (
    EASY_SHIP_WORDS,
    FULFILLED_BY_WORDS,
    PAYMENT_WORDS,
    SERVICE_LEVEL_WORDS,
    STATUS_WORDS,
    Dataset,
    View,
    money,
    order_programs,
    time_text,
)

_NON_AMAZON: Final = "Non-Amazon"


def order_json(order: Order, view: View) -> Json:
    """Return an order with its lines; a data set of which the order has nothing is left out."""
    purchase = order.purchase
    payload: Json = {
        "orderId": order.id,
        "orderAliases": [{"aliasId": purchase.seller_order_id or order.id, "aliasType": "SELLER_ORDER_ID"}],
        "createdTime": time_text(order.purchased),
        "lastUpdatedTime": time_text(order.updated),
        "programs": order_programs(order),
        "associatedOrders": [{"orderId": purchase.replaces, "associationType": "REPLACEMENT_ORIGINAL_ID"}]
        if purchase.replaces
        else [],
        "salesChannel": {
            "channelName": "NON_AMAZON" if purchase.sales_channel == _NON_AMAZON else "AMAZON",
            "marketplaceId": order.marketplace,
            "marketplaceName": purchase.sales_channel,
        },
    }
    written = {name: write(order, view) for dataset, (name, write) in _WRITERS.items() if dataset in view.datasets}
    items = [item_json(order, item, view.datasets) for item in order.items]
    return payload | present(written) | {"orderItems": items}


def _proceeds(order: Order, _view: View) -> Json | None:
    return order_proceeds(order) if priced(order) else None


def _payment(order: Order, _view: View) -> Json | None:
    """Return the payments, of every order that has any.

    v0 names the means of payment of a pending order, but no amounts; so do these.
    """
    if not order.purchase.payments:
        return None
    amounts = not pending(order)
    return {
        "paymentExecutions": [
            _payment_execution(payment, order.purchase.currency)
            if amounts
            else {"paymentMethod": PAYMENT_WORDS[payment.kind]}
            for payment in order.purchase.payments
        ]
    }


def _payment_execution(payment: Payment, currency: str) -> Json:
    return present(
        {
            "paymentMethod": PAYMENT_WORDS[payment.kind],
            "paymentAmount": money(payment.amount, currency),
            "acquirerId": payment.acquirer,
            "cardBrand": payment.card_brand,
            "authorizationCode": payment.authorization,
        }
    )


def _fulfillment(order: Order, _view: View) -> Json:
    purchase = order.purchase
    return present(
        {
            "fulfillmentStatus": STATUS_WORDS[order.status],
            "fulfilledBy": FULFILLED_BY_WORDS[purchase.fulfilled_by],
            "fulfillmentServiceLevel": SERVICE_LEVEL_WORDS[purchase.service_category],
            "shipByWindow": window_json(purchase.ship_by),
            "deliverByWindow": window_json(purchase.deliver_by),
        }
    )


def _packages(order: Order, _view: View) -> list[Json] | None:
    """Return the merchant's packages; an Easy Ship parcel has a status, and a package for it, before it is packed."""
    if order.purchase.fulfilled_by is FulfilledBy.AMAZON:
        return None
    if order.packages:
        return [_package(order, package) for package in order.packages]
    if order.easy_ship is None:
        return None
    return [{"packageReferenceId": "1", "packageStatus": _package_status(order)}]


def _package(order: Order, package: Package) -> Json:
    return present(
        {
            "packageReferenceId": package.reference,
            "createdTime": time_text(package.created),
            "packageStatus": _package_status(order),
            "carrier": package.carrier,
            "shipTime": time_text(package.shipped),
            "shippingService": package.service,
            "trackingNumber": package.tracking_number,
            "shipFromAddress": order.purchase.ship_from and address_json(order.purchase.ship_from),
            "packageItems": [{"orderItemId": item_id, "quantity": units} for item_id, units in package.contents],
        }
    )


def _package_status(order: Order) -> Json:
    """Return the status of an order's packages; of the merchant's own parcels only that they left is known."""
    if order.easy_ship is None:
        return {"status": "SHIPPED"}
    status, detailed = EASY_SHIP_WORDS[order.easy_ship]
    return {"status": status, "detailedStatus": detailed}


def _fulfillment_orders(order: Order, _view: View) -> list[Json] | None:
    """Return the one fulfilment order that Amazon plans for a paid Easy Ship order."""
    if order.easy_ship is None or pending(order):
        return None
    return [{"fulfillmentOrderId": f"FO{crc32(order.id.encode()):010d}"}]


_WRITERS: Final[Mapping[Dataset, tuple[str, Callable[[Order, View], object]]]] = {
    Dataset.BUYER: ("buyer", buyer_json),
    Dataset.RECIPIENT: ("recipient", recipient_json),
    Dataset.PROCEEDS: ("proceeds", _proceeds),
    Dataset.PAYMENT: ("payment", _payment),
    Dataset.TAX: ("tax", tax_json),
    Dataset.FULFILLMENT: ("fulfillment", _fulfillment),
    Dataset.PACKAGES: ("packages", _packages),
    Dataset.FULFILLMENT_ORDERS: ("fulfillmentOrders", _fulfillment_orders),
}
