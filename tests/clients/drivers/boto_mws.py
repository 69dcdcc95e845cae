"""boto 2: host, port and is_secure are arguments of its connection; it signs the host without the port.

num_retries is the attribute behind its `[Boto] num_retries` setting: the default of six waits minutes on a throttle.
"""

import target
from boto.mws.connection import MWSConnection
from boto.mws.exception import ResponseError

connection = MWSConnection(
    target.ACCESS_KEY,
    target.SECRET,
    SellerId=target.SELLER,
    host=target.HOST,
    port=target.PORT,
    is_secure=False,
    validate_certs=False,
)
connection.num_retries = 0


def first_page() -> object:
    answer = connection.list_orders(
        MarketplaceId=[target.MARKETPLACE],
        CreatedAfter=target.CREATED_AFTER,
        CreatedBefore=target.CREATED_BEFORE,
        MaxResultsPerPage=target.PAGE_SIZE,
    )
    return answer.ListOrdersResult


def read() -> dict:
    pages = [first_page()]
    while token := getattr(pages[-1], "NextToken", None):
        pages.append(connection.list_orders_by_next_token(NextToken=token).ListOrdersByNextTokenResult)
    orders = [order for page in pages for order in page.Orders.Order]
    ids = [order.AmazonOrderId for order in orders]
    again = connection.get_order(AmazonOrderId=ids[:2]).GetOrderResult.Orders.Order
    return {
        "pages": len(pages),
        "orders": ids,
        "first": {
            "PurchaseDate": orders[0].PurchaseDate,
            "OrderStatus": orders[0].OrderStatus,
            "OrderTotal": amount(orders[0], "OrderTotal"),
        },
        "get_order": [order.AmazonOrderId for order in again],
        "items": {order_id: items_of(order_id) for order_id in ids[: target.ITEMS_OF]},
    }


def items_of(order_id: str) -> list:
    answer = connection.list_order_items(AmazonOrderId=order_id).ListOrderItemsResult
    return [
        [item.OrderItemId, item.ASIN, item.QuantityOrdered, amount(item, "ItemPrice")]
        for item in answer.OrderItems.OrderItem
    ]


def amount(parent: object, name: str) -> str | None:
    money = getattr(parent, name, None)
    return None if money is None else str(money)


def failure(error: Exception) -> dict:
    if not isinstance(error, ResponseError):
        raise error
    return {"code": error.error_code, "status": error.status, "message": error.message}


target.report(read, first_page, failure)
