"""Many programs over many sellers: in simulated time, and how finding one of them among many costs."""

import asyncio
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from random import Random

import httpx

from bridge.endpoint.build import build_endpoint
from bridge.sandbox import Sandbox, SandboxSettings
from bridge.sandbox.sellers import ALL_ROLES, DEMO_APPLICATION, DemoSeller
from bridge.settings import parse_settings
from mws_compat.query import HttpRequest, parse_call
from tests.bench.measure import interleave
from tests.support import NOW, UPSTREAM, US, Answer, Clock, ask, signed_query, text_time

__all__ = ["tell_lookups", "ten_minutes"]

SELLERS, MINUTES = 500, 10


def _accounts(count: int) -> dict[str, object]:
    return {
        "server": {"token_keys": ["a key"]},
        "upstream": {"lwa_url": f"{UPSTREAM}/auth/o2/token", "origins": dict.fromkeys(("na", "eu", "fe"), UPSTREAM)},
        "application": [{"client_id": DEMO_APPLICATION.client_id, "client_secret": DEMO_APPLICATION.client_secret}],
        "seller": [
            {"seller_id": f"A1S{number:05}", "refresh_token": f"Atzr|{number}", "marketplaces": [US]}
            for number in range(count)
        ],
        "access_key": [
            {"id": f"AKIA{number:05}", "secret": f"secret {number}", "sellers": [f"A1S{number:05}"]}
            for number in range(count)
        ],
    }


async def ten_minutes() -> None:
    """Each program lists once a minute from the bound that it was told, reads the items of each new order, and asks
    again for one that it knows; eight orders a minute are placed with a seller. No call upstream may be beyond a
    usage plan, and no answer an error but RequestThrottled."""
    clock = Clock()
    sellers = tuple(
        DemoSeller(f"A1S{number:05}", f"Atzr|{number}", "na", (US,), ALL_ROLES, f"Seller {number}")
        for number in range(SELLERS)
    )
    sandbox = Sandbox(SandboxSettings(orders=0, sellers=sellers, anchor=NOW, log_size=10**6), clock, clock.sleep)
    endpoint = build_endpoint(
        parse_settings(_accounts(SELLERS), {}, base=Path()),
        transport=httpx.ASGITransport(sandbox.app),
        emit=lambda _: None,
        now=clock.now,
        clock=clock,
        sleep=clock.sleep,
    )
    random, outcomes = Random(2013), Counter[str]()
    bounds = [text_time(NOW - timedelta(minutes=5))] * SELLERS
    seen: list[set[str]] = [set() for _ in range(SELLERS)]
    placed: list[dict[str, float]] = [{} for _ in range(SELLERS)]

    async def call(number: int, action: str, parameters: dict[str, str]) -> Answer:
        query = signed_query(
            action, parameters, now=clock.now(), seller=f"A1S{number:05}", key=f"AKIA{number:05}",
            secret=f"secret {number}",
        )  # fmt: skip
        answer = await ask(endpoint, "POST", "/Orders/2013-09-01", body=query)
        outcomes[answer.code or "answered"] += 1
        return answer

    started = time.perf_counter()
    for minute in range(MINUTES):
        begin = NOW.timestamp() + 60 * minute
        for number in range(SELLERS):
            # Their minutes begin at moments of their own, one after the other: time never goes back.
            clock.at = begin + 60 * number / SELLERS
            for _ in range(8):
                at = begin - 60 * random.random()
                order = sandbox.store.create_order(f"A1S{number:05}", US, at=at, lines=1)
                placed[number][order.id] = at
            answer = await call(number, "ListOrders", {"LastUpdatedAfter": bounds[number], "MarketplaceId.Id.1": US})
            fresh = [id_ for id_ in answer.ids if id_ not in seen[number]]
            if answer.status == 200:
                bounds[number] = answer.text("LastUpdatedBefore") or bounds[number]
            for id_ in fresh:
                items = await call(number, "ListOrderItems", {"AmazonOrderId": id_})
                if items.status == 200:
                    seen[number].add(id_)
            if fresh:
                await call(number, "GetOrder", {"AmazonOrderId.Id.1": fresh[0]})
    # The youngest are not to be seen yet: answers are two minutes old, and a kept listing may be two more.
    until = NOW.timestamp() + 60 * (MINUTES - 5)
    lost = sum(
        at < until and id_ not in known
        for orders, known in zip(placed, seen, strict=True)
        for id_, at in orders.items()
    )
    upstream = Counter(f"{call.operation} {call.status}" for call in sandbox.log)
    beyond = sum(count for name, count in upstream.items() if name.endswith(" 429"))
    errors = outcomes.total() - outcomes["answered"] - outcomes["RequestThrottled"]
    passed = time.perf_counter() - started
    print(f"{SELLERS} programs over as many sellers, {MINUTES} simulated minutes ({passed:.0f} s)")
    print(f"  answers: {_counts(outcomes)}")
    print(f"  upstream: {_counts(upstream)}")
    print(f"  beyond a usage plan: {beyond}; errors: {errors}; orders lost: {lost}; wanted: none", flush=True)


def _counts(found: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(found.items()))


def tell_lookups() -> None:
    """Authenticating one caller, when there are 20 sellers and when there are 2,000."""
    now = NOW
    runs = {}
    for count in (20, 2000):
        book = build_endpoint(parse_settings(_accounts(count), {}, base=Path())).book
        query = signed_query("GetServiceStatus", {}, now=now, seller="A1S00007", key="AKIA00007", secret="secret 7",
            method="GET", host="h",
        )  # fmt: skip
        call = parse_call(
            HttpRequest(method="GET", path="/Orders/2013-09-01", query=query.encode(), body=b"", host="h")
        )
        runs[f"{count} sellers"] = lambda book=book, call=call: book.authenticate(call, section="Orders", now=now)
    seconds = interleave(runs, rounds=9, repeat=400)
    few, many = (sorted(values)[len(values) // 2] for values in seconds.values())
    print(f"finding a caller: {1e6 * few:.1f} µs among 20, {1e6 * many:.1f} µs among 2,000; wanted: the same")


if __name__ == "__main__":
    asyncio.run(ten_minutes())
