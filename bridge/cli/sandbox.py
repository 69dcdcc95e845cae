"""``mws-bridge sandbox``: the emulated SP-API alone, for trying any client of it."""

import argparse
import asyncio
import contextlib
import sys
import time
from datetime import UTC, datetime

from bridge.cli.serve import listen, stopped_by_signals
from bridge.endpoint.server import make_server, origin_of, run_loop
from bridge.observe import start_logging
from bridge.sandbox import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, DEMO_SELLERS, Sandbox, SandboxSettings

__all__ = ["run"]


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop. Returns 2 for a fault that there is not, or an address that cannot be had."""
    settings = SandboxSettings(
        seed=arguments.seed,
        orders=arguments.orders,
        usage_plans=not arguments.no_usage_plans,
        anchor=datetime.now(UTC),
    )
    sandbox = Sandbox(settings, clock=time.time, sleep=asyncio.sleep)
    for text in arguments.fault:
        operation, _, fault = text.partition("=")
        try:
            sandbox.faults.always(operation, fault)
        except ValueError as error:
            print(f"mws-bridge: --fault {text}: {error}", file=sys.stderr)
            return 2
    return run_loop(_serve(sandbox, arguments.host or "127.0.0.1", arguments.port))


async def _serve(sandbox: Sandbox, host: str, port: int) -> int:
    start_logging("info")
    listener = listen(host, port)
    if listener is None:
        return 2
    server = make_server(sandbox.app, mws=False)
    with contextlib.closing(listener), stopped_by_signals(server):
        print(f"listening on {origin_of(host, listener)}")
        print(f"  client id      {DEMO_CLIENT_ID}")
        print(f"  client secret  {DEMO_CLIENT_SECRET}")
        for seller in DEMO_SELLERS:
            print(f"  refresh token  {seller.refresh_token}  ({seller.selling_partner_id}, {seller.region})")
        sys.stdout.flush()
        await server.serve(sockets=[listener])
    return 0
