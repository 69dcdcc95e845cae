"""pymws: the endpoint is a field of the marketplace tuple that its client carries, so the tuple is replaced."""

import pymws
import target

client = pymws.MWS(
    target.MARKETPLACE,
    merchant_id=target.SELLER,
    access_key_id=target.ACCESS_KEY,
    secret_key=target.SECRET,
)
client.marketplace = client.marketplace._replace(endpoint=target.URL)


def first_page() -> object:
    return client.orders.list_orders(
        CreatedAfter=target.CREATED_AFTER,
        CreatedBefore=target.CREATED_BEFORE,
        MaxResultsPerPage=target.PAGE_SIZE,
    )


def text(parent: object, *path: str) -> str | None:
    """The text at a path of lxml's object tree; str() of a leaf would read an id of digits as a number."""
    for name in path:
        parent = getattr(parent, name, None)
        if parent is None:
            return None
    return parent.text


def read() -> dict:
    pages = [first_page()]
    while (token := text(pages[-1], "NextToken")) is not None:
        pages.append(client.orders.list_orders_by_next_token(token))
    orders = [order for page in pages for order in page.Orders.iterchildren()]
    ids = [text(order, "AmazonOrderId") for order in orders]
    again = [client.orders.get_order(order_id) for order_id in ids[:2]]
    return {
        "pages": len(pages),
        "orders": ids,
        "first": {
            "PurchaseDate": text(orders[0], "PurchaseDate"),
            "OrderStatus": text(orders[0], "OrderStatus"),
            "OrderTotal": text(orders[0], "OrderTotal", "Amount"),
        },
        "get_order": [text(answer, "Orders", "Order", "AmazonOrderId") for answer in again],
        "items": {order_id: items_of(order_id) for order_id in ids[: target.ITEMS_OF]},
    }


def items_of(order_id: str) -> list:
    answer = client.orders.list_order_items(order_id)
    return [
        [
            text(item, "OrderItemId"),
            text(item, "ASIN"),
            text(item, "QuantityOrdered"),
            text(item, "ItemPrice", "Amount"),
        ]
        for item in answer.OrderItems.iterchildren()
    ]


def failure(error: Exception) -> dict:
    return {"status": None, **target.wire_error(str(error))}


target.report(read, first_page, failure)
