"""One seller's orders as each version of the Orders API tells them: what to compare before switching."""

import dataclasses
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from bridge.endpoint.access import Caller
from bridge.endpoint.handlers import Handlers
from bridge.endpoint.reads import Request
from bridge.upstream.accounts import Seller
from bridge.upstream.journal import UpstreamJournal
from mws_compat.orders import LATEST_VERSION, OPERATIONS, SECTION, namespace_of
from mws_compat.schema import Node, Record
from mws_compat.validation import Arguments
from mws_compat.writer import render_response

__all__ = ["Reading", "documents_of", "read_orders"]

_NAMESPACE = namespace_of(SECTION, LATEST_VERSION)


class Reading(NamedTuple):
    """What a version told: ``orders`` and ``items`` are records, by the order's id; ``calls`` how many went
    upstream."""

    version: str
    orders: dict[str, Record]
    items: dict[str, list[Record]]
    calls: int

    def changed(self, other: "Reading") -> set[str]:
        """Orders that were updated between the two readings."""
        return {
            order_id
            for order_id, order in self.orders.items()
            if order_id in other.orders
            and order.get("LastUpdateDate") != other.orders[order_id].get("LastUpdateDate")
        }


async def read_orders(
    handlers: Handlers,
    seller: Seller,
    version: str,
    *,
    since: datetime,
    until: datetime,
    now: Callable[[], datetime],
    most_items: int,
    tell: Callable[[str], None],
) -> Reading:
    """Read all orders that were created from ``since`` until ``until``, and the items of the first ``most_items`` of
    them (by id), over one version of the API, with the very code that answers legacy programs. ``tell`` hears how far
    it is. Raises MwsError."""
    journal = UpstreamJournal()
    caller = Caller("compare-upstreams", dataclasses.replace(seller, upstream=version))

    async def ask(operation: str, arguments: Arguments) -> Record:
        return await handlers.handle(Request(caller, OPERATIONS[operation], arguments, now(), journal))

    orders: dict[str, Record] = {}
    result = await ask(
        "ListOrders", {"MarketplaceId": seller.marketplace_ids, "CreatedAfter": since, "CreatedBefore": until}
    )
    while True:
        members = result["Orders"]
        orders |= {str(order["AmazonOrderId"]): order for order in members if isinstance(order, dict)}
        tell(f"Orders {version}: {len(orders)} orders")
        token = result.get("NextToken")
        if not isinstance(token, str):
            break
        result = await ask("ListOrdersByNextToken", {"NextToken": token})
    items: dict[str, list[Record]] = {}
    for order_id in sorted(orders)[:most_items]:
        found: list[Node] = []
        result = await ask("ListOrderItems", {"AmazonOrderId": order_id})
        while True:
            found += result["OrderItems"]
            token = result.get("NextToken")
            if not isinstance(token, str):
                break
            result = await ask("ListOrderItemsByNextToken", {"NextToken": token})
        items[order_id] = [item for item in found if isinstance(item, dict)]
        tell(f"Orders {version}: {len(orders)} orders, items of {len(items)}")
    return Reading(version, orders, items, len(journal.calls))


def documents_of(reading: Reading, left_out: set[str]) -> bytes:
    """The MWS documents that a legacy program would have got, without some orders, one behind the other."""
    orders = [order for order_id, order in reading.orders.items() if order_id not in left_out]
    parts = [_rendered("GetOrder", {"Orders": list(orders)})]
    parts += [
        _rendered("ListOrderItems", {"AmazonOrderId": order_id, "OrderItems": list(items)})
        for order_id, items in reading.items.items()
        if order_id not in left_out
    ]
    return b"\n".join(parts)


def _rendered(operation: str, result: Record) -> bytes:
    return render_response(OPERATIONS[operation], result, namespace=_NAMESPACE, request_id="compare-upstreams")
