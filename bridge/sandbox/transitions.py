"""What can happen to an order: pure functions from one state to the next.

Each takes the moment `at` (unix seconds) and returns a new `Order` with `updated` set to it and the revision counted
up. A change that the order's status does not allow raises ValueError and names the order.
"""

from collections.abc import Mapping
from dataclasses import replace
from zlib import crc32

from bridge.sandbox.model import Cancellation, FulfilledBy, Order, Package, Status
from bridge.sandbox.vocabulary import WORDS

PENDING = frozenset({Status.PENDING, Status.PENDING_AVAILABILITY})
OPEN = frozenset({Status.UNSHIPPED, Status.PARTIALLY_SHIPPED})


def touch(order: Order, at: int) -> Order:
    """Change nothing but the moment of the last update."""
    return replace(order, updated=at, revision=order.revision + 1)


def with_status(order: Order, at: int, status: Status) -> Order:
    """Give the order another status without moving goods."""
    return replace(order, updated=at, revision=order.revision + 1, status=status)


def with_parcel(order: Order, at: int, easy_ship: str) -> Order:
    """Give an Easy Ship order the next status of its parcel."""
    return replace(order, updated=at, revision=order.revision + 1, easy_ship=easy_ship)


def confirm_payment(order: Order, at: int) -> Order:
    """Make a pending order ready to ship."""
    if order.status not in PENDING:
        raise ValueError(f"{order.id} is {order.status}, not pending")
    return with_status(order, at, Status.UNSHIPPED)


def request_cancellation(order: Order, at: int, reason: str) -> Order:
    """Note on every line that the buyer wishes to cancel."""
    wish = Cancellation("buyer", reason)
    items = tuple(replace(item, cancel_request=wish) for item in order.items)
    return replace(order, updated=at, revision=order.revision + 1, items=items)


def cancel(order: Order, at: int, reason: str, by: str = "merchant") -> Order:
    """Cancel every unit of an order of which none has left."""
    if order.status not in PENDING | {Status.UNSHIPPED}:
        raise ValueError(f"{order.id} is {order.status} and cannot be cancelled")
    done = Cancellation(by, reason)
    items = tuple(replace(item, cancelled=item.quantity, cancel_execution=done) for item in order.items)
    return replace(order, updated=at, revision=order.revision + 1, items=items, status=Status.CANCELLED)


def ship(order: Order, at: int, quantities: Mapping[str, int] | None = None) -> Order:
    """Ship `quantities` (units by item id), or all that is open; a merchant's shipment becomes one package.

    The order is then shipped when nothing is open and partially shipped otherwise.
    """
    if order.status not in OPEN:
        raise ValueError(f"{order.id} is {order.status} and cannot be shipped")
    if quantities is None:
        quantities = {item.id: item.open for item in order.items if item.open}
    open_units = {item.id: item.open for item in order.items}
    for item_id, units in quantities.items():
        if not 0 < units <= open_units.get(item_id, 0):
            raise ValueError(f"{order.id} has no {units} units of {item_id} to ship")
    items = tuple(
        replace(item, shipped=item.shipped + quantities[item.id]) if item.id in quantities else item
        for item in order.items
    )
    packages = order.packages
    if order.purchase.fulfilled_by is FulfilledBy.MERCHANT and quantities:
        packages = (*packages, _package(order, at, tuple(quantities.items())))
    everything = all(item.open == 0 for item in items)
    return replace(
        order,
        updated=at,
        revision=order.revision + 1,
        items=items,
        packages=packages,
        status=Status.SHIPPED if everything else Status.PARTIALLY_SHIPPED,
    )


def _package(order: Order, at: int, contents: tuple[tuple[str, int], ...]) -> Package:
    number = len(order.packages) + 1
    digest = crc32(f"{order.id}/{number}".encode())
    carriers = WORDS[order.purchase.address.country].carriers
    carrier, service = carriers[digest % len(carriers)]
    return Package(
        reference=str(number),
        created=max(order.purchased, at - 3600),
        carrier=carrier,
        service=service,
        tracking_number=f"SANDBOX{digest:010d}",
        contents=contents,
        shipped=at,
    )
