"""Polling: what a legacy program costs upstream in two simulated hours, within Amazon's usage plans.

Not a matter of time but of counts, so one run is enough: the program lists once a minute, goes on from the bound that
the last answer told, and reads the items of thirty new orders a minute.
"""

import asyncio

from bridge.sandbox import SandboxSettings
from bridge.upstream.plans import V0, V2026
from tests.endpoint.polling import Next, follow_the_bound, poll, rewind, tile
from tests.support import NOW, Bridge


def main() -> None:
    print("two hours of a program that lists every minute")
    _print("30 orders a minute, goes on from the bound it was told", V0, follow_the_bound, 30)
    _print("the same", V2026, follow_the_bound, 30)
    _print("2 orders a minute, asks for the last quarter of an hour", V2026, rewind(15), 2)
    _print("2 orders a minute, goes on by its own clock", V2026, tile, 2)


def _print(what: str, version: str, begin: Next, orders: int) -> None:
    bridge = Bridge(version=version, sandbox=SandboxSettings(orders=20, anchor=NOW, log_size=100_000))
    polling, expected = asyncio.run(poll(bridge, begin, minutes=120, orders_a_minute=orders))
    calls = ", ".join(f"{count} {name}" for name, count in sorted(polling.upstream.items()))
    print(f"  {version:12} {what}")
    print(
        f"  {'':12} {polling.upstream.total()} calls upstream ({calls}), {polling.throttled} RequestThrottled, "
        f"{len(expected - polling.seen)} of {len(expected)} orders not seen"
    )
