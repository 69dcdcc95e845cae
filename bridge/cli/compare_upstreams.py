"""``mws-bridge compare-upstreams``: the same orders from Orders v0 and from v2026-01-01, compared."""

import argparse
import asyncio
import logging
import os
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import httpx

from bridge.cli.config import config_path, demo_settings, load_or_explain
from bridge.cli.demo import NOW as DEMO_NOW
from bridge.cli.diff import misspelt_paths, publish, refused, tell_unused, trouble
from bridge.diff.comparison import DiffError, compare_all
from bridge.diff.rules import Rules, RulesError, load_rules
from bridge.endpoint.app import utc_now
from bridge.endpoint.build import build_api, build_handlers
from bridge.endpoint.kept import KeptOrders
from bridge.endpoint.nexttoken import TokenSealer
from bridge.endpoint.readings import Reading, documents_of, read_orders
from bridge.endpoint.reads_v2026 import Freshness
from bridge.endpoint.server import serving
from bridge.endpoint.service import sellers_of
from bridge.sandbox import Sandbox, SandboxSettings
from bridge.settings import Settings
from bridge.state.memory import MemoryState
from bridge.upstream.accounts import Seller
from bridge.upstream.plans import V0, V2026
from bridge.upstream.transport import AiohttpTransport
from mws_compat.errors import MwsError
from mws_compat.schema import format_instant

__all__ = ["run"]

#: Seconds that a call may take, waiting for its token included: a token of searchOrders comes every three minutes.
_PATIENCE = 600.0
_DAY = timedelta(days=1)
#: Orders that are younger are still coming in on one version or the other.
_SETTLED = timedelta(minutes=3)


def run(arguments: argparse.Namespace) -> int:
    """Returns 0 when both versions tell the same but for what the tables explain, 1 when they differ, 2 when it
    cannot be known."""
    logging.disable(logging.WARNING)  # what Amazon refuses shows in the report
    try:
        rules = load_rules(arguments.rules) if arguments.rules else Rules()
    except RulesError as error:
        return trouble(error.faults)
    config = config_path(arguments)
    if refused(arguments, [config] if config else []):
        return 2
    if arguments.sandbox:
        readings = asyncio.run(_with_sandbox(arguments))
    else:
        settings = load_or_explain(config)
        if settings is None:
            return 2
        readings = asyncio.run(_read_both(settings, arguments))
    if isinstance(readings, int):
        return readings
    old, new = readings
    changed = old.changed(new)
    if changed:
        print(f"left out because they changed while they were read: {len(changed)} orders", file=sys.stderr)
    print(f"calls upstream: {old.calls} for {old.version}, {new.calls} for {new.version}", file=sys.stderr)
    try:
        tally = compare_all(
            documents_of(old, changed),
            documents_of(new, changed),
            "upgrade",
            rules=rules.rules,
            only=rules.only,
        )
    except DiffError as error:
        return trouble([str(fault) for fault in error.faults])
    if misspelt := misspelt_paths(rules):
        return trouble(misspelt)
    code = publish(tally, arguments, old_name=f"Orders {old.version}", new_name=f"Orders {new.version}")
    tell_unused(rules)
    return code


async def _with_sandbox(arguments: argparse.Namespace) -> tuple[Reading, Reading] | int:
    # Its clock stands still, so that every run shows the same, and its usage plans are no use then.
    settings = SandboxSettings(anchor=DEMO_NOW, usage_plans=False, rate_scale=1000)
    sandbox = Sandbox(settings, clock=DEMO_NOW.timestamp, sleep=asyncio.sleep)
    async with serving(sandbox.app, mws=False) as upstream:
        return await _read_both(demo_settings(upstream), arguments, lambda: DEMO_NOW)


async def _read_both(
    settings: Settings, arguments: argparse.Namespace, clock: Callable[[], datetime] = utc_now
) -> tuple[Reading, Reading] | int:
    now = clock()
    if now >= settings.upstream.v0_until:
        ended = f"{settings.upstream.v0_until:%Y-%m-%d}"
        return trouble([f"Orders v0 is not called since {ended}: there is nothing to compare with"])
    sellers = sellers_of(settings)
    seller = sellers.get(arguments.seller)
    if seller is None:
        return trouble([f"there is no seller {arguments.seller}; the configuration has {', '.join(sellers)}"])
    until = now - _SETTLED
    since = arguments.since or until - _DAY
    if since >= until:
        clock_says = "the sandbox's clock stands still at" if arguments.sandbox else "it is now"
        return trouble([f"--since: must be three minutes ago or earlier; {clock_says} {format_instant(now)}"])
    patient = settings.upstream.model_copy(update={"max_wait": _PATIENCE, "deadline": _PATIENCE})
    settings = settings.model_copy(update={"upstream": patient})
    transport = AiohttpTransport(trust_env=not arguments.sandbox)
    async with httpx.AsyncClient(transport=transport, follow_redirects=False) as http:
        return await _read(settings, seller, since, until, http, arguments.items, clock)


async def _read(
    settings: Settings,
    seller: Seller,
    since: datetime,
    until: datetime,
    http: httpx.AsyncClient,
    items: int,
    clock: Callable[[], datetime],
) -> tuple[Reading, Reading] | int:
    # A listing's items are as old as it is, however long the other version takes to read.
    freshness = Freshness(_DAY, _DAY)
    megabytes = settings.order_cache.megabytes
    memory = MemoryState(clock=time.monotonic, max_bytes=megabytes * 2**20)
    kept = KeptOrders(memory, _DAY) if megabytes else None
    handlers = build_handlers(
        build_api(settings, http),
        TokenSealer([os.urandom(32).hex()], clock=time.time, random_bytes=os.urandom),
        clock=time.monotonic,
        v0_until=settings.upstream.v0_until,
        kept=kept,
        freshness=freshness,
    )
    readings = {}
    # The newer one first: it is quick, and the listings of both are then read within seconds.
    for version in (V2026, V0):
        try:
            readings[version] = await read_orders(
                handlers,
                seller,
                version,
                since=since,
                until=until,
                now=clock,
                most_items=items,
                tell=_tell,
            )
        except MwsError as error:
            return trouble([f"Orders {version}: {error.reason or error.message}"])
        finally:
            _tell("")
    return readings[V0], readings[V2026]


def _tell(text: str) -> None:
    """How far it is, on a terminal."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
