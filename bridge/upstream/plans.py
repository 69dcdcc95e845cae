"""The SP-API operations that the bridge calls: usage plans, and which restricted data an RDT opens in them.

Rates are Amazon's defaults per selling partner and application [SP-API reference 1.1, 5.2]; the service may tell a
seller another one in ``x-amzn-RateLimit-Limit``.
"""

from dataclasses import dataclass

__all__ = ["OPERATIONS", "UpstreamOperation"]


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
    )
}
