"""PyPI mws 0.8: the endpoint is its own `domain` argument.

It signs whatever follows `https://` in that argument, so a plain http URL would be signed with its scheme. The
domain therefore stays https, and `mws.mws.request`, the only place where it opens a connection, is given a session
that sends to loopback.
"""

import https_to_loopback
import mws.mws
import target
from mws import Orders

mws.mws.request = https_to_loopback.session().request
api = Orders(
    target.ACCESS_KEY, target.SECRET, target.SELLER, domain=target.URL.replace("http://", "https://"), region=""
)


def first_page() -> mws.mws.DictWrapper:
    return api.list_orders(
        marketplaceids=[target.MARKETPLACE],
        created_after=target.CREATED_AFTER,
        created_before=target.CREATED_BEFORE,
        max_results=target.PAGE_SIZE,
    )


def members(parent: dict, name: str) -> list:
    """One or many: the library's dictionaries hold a list only when an element repeats."""
    return list(parent[name]) if name in parent else []


def read() -> dict:
    pages = [first_page().parsed]
    while token := pages[-1].get("NextToken"):
        pages.append(api.list_orders(next_token=token).parsed)
    orders = [order for page in pages for order in members(page.Orders, "Order")]
    ids = [order.AmazonOrderId for order in orders]
    return {
        "pages": len(pages),
        "orders": ids,
        "first": {
            "PurchaseDate": orders[0].PurchaseDate,
            "OrderStatus": orders[0].OrderStatus,
            "OrderTotal": orders[0].OrderTotal.Amount if "OrderTotal" in orders[0] else None,
        },
        "get_order": [order.AmazonOrderId for order in members(api.get_order(ids[:2]).parsed.Orders, "Order")],
        "items": {order_id: items_of(order_id) for order_id in ids[: target.ITEMS_OF]},
    }


def items_of(order_id: str) -> list:
    return [
        [
            item.OrderItemId,
            item.ASIN,
            item.QuantityOrdered,
            item.ItemPrice.Amount if "ItemPrice" in item else None,
        ]
        for item in members(api.list_order_items(order_id).parsed.OrderItems, "OrderItem")
    ]


def failure(error: Exception) -> dict:
    return {"status": error.response.status_code, **target.wire_error(str(error))}


target.report(read, first_page, failure)
