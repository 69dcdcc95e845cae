"""Legacy programs that poll for orders, in simulated time: what they get to see, and what it costs upstream."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.support import NA, NOW, US, Answer, Bridge, text_time

__all__ = ["Polling", "follow_the_bound", "poll", "rewind", "tile"]

#: The orders of MWS's answers are two minutes old at least.
SETTLING = timedelta(minutes=2)

#: (now, when the last listing succeeded, the bound that it told) → where the next one begins.
Next = Callable[[datetime, datetime, str], str]


def follow_the_bound(now: datetime, last: datetime, told: str) -> str:
    """From where the last listing ended, as Amazon advised."""
    return told


def rewind(minutes: int) -> Next:
    """From some minutes ago, time and again."""
    return lambda now, last, told: text_time(now - timedelta(minutes=minutes))


def tile(now: datetime, last: datetime, told: str) -> str:
    """From where the last listing must have ended by the program's own clock, without any overlap."""
    return text_time(last - SETTLING)


@dataclass
class Polling:
    """What a program saw: ``seen`` orders whose items it read, ``throttled`` answers, and upstream calls by
    operation."""

    seen: set[str] = field(default_factory=set)
    listings: int = 0
    throttled: int = 0
    upstream: Counter[str] = field(default_factory=Counter)


async def poll(
    bridge: Bridge, begin: Next, *, minutes: int, orders_a_minute: int, every: int = 1, losing: bool = False
) -> tuple[Polling, set[str]]:
    """Run a program that lists once in ``every`` minutes and reads the items of every order that it has not seen,
    half a second for each; new orders come in all the while. When it is ``losing``, every answer to a first attempt
    is lost on the way, and it asks again a quarter of a minute later. Returns what it saw, and the orders that it
    should have seen."""
    polling = Polling()
    placed: dict[str, float] = {}
    last, told = NOW, text_time(NOW - SETTLING)
    logged = len(bridge.sandbox.log)
    for minute in range(minutes):
        start = NOW.timestamp() + 60 * minute
        for number in range(orders_a_minute):
            at = start + (60 * number) // orders_a_minute
            placed[bridge.sandbox.store.create_order(NA.selling_partner_id, US, at=at, lines=1).id] = at
        if minute % every:
            continue
        bridge.clock.at = max(bridge.clock.at, start)
        window = {"LastUpdatedAfter": begin(bridge.clock.now(), last, told), "MarketplaceId.Id.1": US}
        answer = await bridge.call("ListOrders", window)
        if losing:
            bridge.clock.at += 15
            answer = await bridge.call("ListOrders", window)
        now = bridge.clock.now()
        polling.listings += 1
        found = []
        succeeded = answer.status == 200
        while answer.status == 200:
            found += ids_of(answer)
            told = answer.root[0].findtext("{*}LastUpdatedBefore") or told
            if answer.token is None:
                break
            answer = await bridge.call("ListOrdersByNextToken", {"NextToken": answer.token})
        polling.throttled += answer.code == "RequestThrottled"
        last = now if succeeded else last
        for order_id in found:
            if order_id not in polling.seen and order_id in placed:
                bridge.clock.at += 0.5
                items = await bridge.call("ListOrderItems", {"AmazonOrderId": order_id})
                polling.throttled += items.code == "RequestThrottled"
                if items.status != 200:
                    continue
            polling.seen.add(order_id)
    polling.upstream = Counter(
        call.operation for call in list(bridge.sandbox.log)[logged:] if call.operation not in {"lwa", None}
    )
    # The last two minutes are too young for any answer, and the last listings may have come from memory.
    until = NOW.timestamp() + 60 * (minutes - every) - SETTLING.total_seconds() - 300
    return polling, {order_id for order_id, at in placed.items() if at <= until}


def ids_of(answer: Answer) -> list[str]:
    """The orders on a page."""
    return [element.text or "" for element in answer.root.iterfind(".//{*}AmazonOrderId")]
