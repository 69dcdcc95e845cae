"""What Amazon lets a seller see of an order, and when: rules that hold in every version of the API."""

from typing import Final

from bridge.sandbox.marketplaces import MARKETPLACES
from bridge.sandbox.model import FulfilledBy, Order, Status
from bridge.sandbox.transitions import PENDING

_TWO_YEARS: Final = 730 * 86400
_YEAR_2016: Final = 1451606400

_ADDRESSED: Final = frozenset(
    {Status.UNSHIPPED, Status.PARTIALLY_SHIPPED, Status.SHIPPED, Status.INVOICE_UNCONFIRMED}
)
_UNPRICED: Final = PENDING | {Status.CANCELLED}


def addressed(order: Order) -> bool:
    """Tell whether an order shows its delivery address: not before it is to be shipped."""
    return order.status in _ADDRESSED


def priced(order: Order) -> bool:
    """Tell whether an order shows what it costs: not before it is paid for, nor once it is cancelled."""
    return order.status not in _UNPRICED


def pending(order: Order) -> bool:
    """Tell whether the buyer has yet to pay; until then nothing is told of him."""
    return order.status in PENDING


def phone_shown(order: Order, now: float) -> bool:
    """Amazon hides the number of its own shipments, and of the merchant's once delivered by promise."""
    if order.purchase.fulfilled_by is FulfilledBy.AMAZON:
        return False
    promise = order.purchase.deliver_by
    return order.status is not Status.SHIPPED or promise is None or now <= promise.end


def retained(order: Order, now: int) -> bool:
    """Amazon shows two years of orders, and in Japan, Australia and Singapore everything since 2016."""
    if MARKETPLACES[order.marketplace].history_since_2016:
        return order.purchased >= _YEAR_2016
    return order.purchased >= now - _TWO_YEARS
