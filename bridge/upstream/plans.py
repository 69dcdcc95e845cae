"""The SP-API operations that the bridge calls: usage plans, and which restricted data an RDT opens in them.

Rates are Amazon's defaults per selling partner and application [SP-API reference 1.1, 5.2]; the service may tell a
seller another one in ``x-amzn-RateLimit-Limit``.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

__all__ = ["OPERATIONS", "V0", "V0_REMOVED", "V2026", "UpstreamOperation"]

#: The versions of the Orders API, as settings and reports name them.
V0 = "v0"
V2026 = "v2026-01-01"

#: When Amazon removes the reads of Orders v0 [SP-API reference 9].
V0_REMOVED = datetime(2027, 3, 27, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class UpstreamOperation:
    """An upstream operation: ``rate`` tokens a second up to ``burst``; ``rdt_path`` and ``data_elements`` are how a
    restricted data token names it, empty where none is needed."""

    name: str
    rate: float
    burst: int
    rdt_path: str = ""
    data_elements: tuple[str, ...] = ()


OPERATIONS = {
    operation.name: operation
    for operation in (
        UpstreamOperation("getOrders", 0.0167, 20, "/orders/v0/orders", ("buyerInfo", "shippingAddress")),
        # The literal {orderId}: one token serves every order for an hour.
        UpstreamOperation("getOrder", 0.5, 30, "/orders/v0/orders/{orderId}", ("buyerInfo", "shippingAddress")),
        UpstreamOperation("getOrderItems", 0.5, 30, "/orders/v0/orders/{orderId}/orderItems", ("buyerInfo",)),
        UpstreamOperation("createRestrictedDataToken", 1.0, 10),
        UpstreamOperation("searchOrders", 0.0056, 20),
        # Amazon calls it getOrder too, and gives it a usage plan of its own.
        UpstreamOperation("getOrder2026", 0.5, 30),
    )
}
