"""The life of a synthetic order: its states over time, from the purchase on."""

from dataclasses import replace
from random import Random
from typing import Final

from bridge.sandbox.factory import HOUR
from bridge.sandbox.items import DAY
from bridge.sandbox.model import FulfilledBy, Order, OrderKind, PaymentKind, Status
from bridge.sandbox.transitions import (
    cancel,
    confirm_payment,
    request_cancellation,
    ship,
    touch,
    with_parcel,
    with_status,
)
from bridge.sandbox.vocabulary import CANCEL_REASONS

_EASY_SHIP_ROUTE: Final = ("PickedUp", "AtOriginFC", "AtDestinationFC", "OutForDelivery")
_EASY_SHIP_ENDS: Final = (
    ("Delivered", 88),
    ("RejectedByBuyer", 4),
    ("Undeliverable", 4),
    ("Lost", 2),
    ("Damaged", 2),
)


def make_life(rng: Random, paid: Order) -> tuple[Order, ...]:
    """Return every state of the order, first the one at the purchase, each later than the one before.

    Some orders stop on the way: they stay pending, unshipped or partially shipped for good, so that every status is
    found at any time.
    """
    preorder = paid.purchase.kind is OrderKind.PREORDER
    states = [replace(paid, status=Status.PENDING_AVAILABILITY if preorder else Status.PENDING)]
    at = paid.purchased
    if preorder:
        if rng.random() < 0.2:
            return tuple(states)
        at += rng.randint(5 * DAY, 25 * DAY)
        states.append(with_status(states[-1], at, Status.PENDING))
    if rng.random() < 0.015:
        return tuple(states)
    at += _payment_delay(rng, paid)
    if rng.random() < 0.03:
        return (*states, cancel(states[-1], at, "Payment was not authorised", by="amazon"))
    states.append(confirm_payment(states[-1], at))
    if rng.random() < 0.02:
        return tuple(states)
    _after_payment(rng, states, at)
    return tuple(states)


def _payment_delay(rng: Random, order: Order) -> int:
    if any(payment.kind is PaymentKind.CONVENIENCE_STORE for payment in order.purchase.payments):
        return rng.randint(2 * HOUR, 3 * DAY)
    return rng.randint(20 * 60, 45 * 60)


def _after_payment(rng: Random, states: list[Order], at: int) -> None:
    order = states[-1]
    draw = rng.random()
    if draw < 0.03:
        at += rng.randint(HOUR, 8 * HOUR)
        states.append(request_cancellation(order, at, rng.choice(CANCEL_REASONS)))
        if rng.random() < 0.7:
            at += rng.randint(HOUR, 8 * HOUR)
            states.append(cancel(states[-1], at, "Cancelled at the buyer's wish"))
            return
    elif draw < 0.05:
        states.append(cancel(order, at + rng.randint(HOUR, 2 * DAY), "No inventory"))
        return
    elif draw < 0.07 and order.purchase.fulfilled_by is FulfilledBy.AMAZON:
        states.append(with_status(order, at + rng.randint(HOUR, DAY), Status.UNFULFILLABLE))
        return
    at += rng.randint(3 * HOUR, 2 * DAY)
    if order.easy_ship is not None:
        _easy_ship(rng, states, at)
        return
    if order.units_open > 1 and rng.random() < 0.3:
        first = next(item for item in order.items if item.open)
        units = max(1, first.open // 2)
        states.append(ship(states[-1], at, {first.id: units}))
        if rng.random() < 0.3:
            return
        at += rng.randint(6 * HOUR, 3 * DAY)
    states.append(ship(states[-1], at))
    if order.purchase.invoice_status is not None and order.units_open and rng.random() < 0.15:
        states[-1] = replace(states[-1], status=Status.INVOICE_UNCONFIRMED)
        if rng.random() < 0.6:
            at += rng.randint(HOUR, 2 * DAY)
            states.append(with_status(states[-1], at, Status.SHIPPED))
    elif rng.random() < 0.05:
        states.append(touch(states[-1], at + rng.randint(HOUR, 10 * DAY)))


def _easy_ship(rng: Random, states: list[Order], at: int) -> None:
    """Walk the parcel; the order counts as shipped from the pick-up on."""
    draw = rng.random()
    if draw < 0.1:
        return
    if draw < 0.15:
        states.append(with_parcel(states[-1], at, "LabelCanceled"))
        return
    waiting = "PendingPickUp" if rng.random() < 0.75 else "PendingDropOff"
    states.append(with_parcel(states[-1], at, waiting))
    if rng.random() < 0.05:
        return
    at += rng.randint(2 * HOUR, DAY)
    first = "DroppedOff" if waiting == "PendingDropOff" else "PickedUp"
    states.append(replace(ship(states[-1], at), easy_ship=first))
    for step in _EASY_SHIP_ROUTE[1:]:
        at += rng.randint(2 * HOUR, DAY)
        states.append(with_parcel(states[-1], at, step))
        if rng.random() < 0.08:
            return
    end = rng.choices([name for name, _ in _EASY_SHIP_ENDS], [weight for _, weight in _EASY_SHIP_ENDS])[0]
    at += HOUR
    states.append(with_parcel(states[-1], at, end))
    if end in {"RejectedByBuyer", "Undeliverable"}:
        at += DAY
        states.append(with_parcel(states[-1], at, "ReturningToSeller"))
        if rng.random() < 0.7:
            states.append(with_parcel(states[-1], at + 4 * DAY, "ReturnedToSeller"))
