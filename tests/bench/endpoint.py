"""The endpoint end to end: ListOrders of 100 orders, the upstream in another process, 32 keep-alive clients (wrk).

Needs ``wrk`` (Debian: apt-get install wrk). On a machine of two cores the server has one to itself, the upstream and
the load generator share the other.
"""

import asyncio
import contextlib
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import orjson
import uvloop

from bridge.cli.config import DEMO_ACCESS_KEY, DEMO_SECRET
from bridge.cli.signing import Account, sign_request
from bridge.sandbox import DEMO_SELLERS
from bridge.upstream.transport import AiohttpTransport
from mws_compat.schema import format_instant
from tests.bench.payload import page_of_100_orders
from tests.bench.render import render

CLIENTS, SECONDS, ROUNDS = 32, 3, 5
UPSTREAM_PORT, SERVER_PORT = 18731, 18732


def _pin(core: int) -> list[str]:
    cores = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", str(cores[core % len(cores)])] if len(cores) > 1 and shutil.which("taskset") else []


@contextlib.contextmanager
def serve(kind: str, port: int, core: int, **environment: str) -> Iterator[tuple[str, int]]:
    """Run one of tests/bench/servers.py pinned to a core; yields its origin and process id."""
    command = [*_pin(core), sys.executable, "-m", "tests.bench.servers", kind, str(port)]
    process = subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL)
    origin = f"http://127.0.0.1:{port}"
    try:
        _await_port(port, process)
        yield origin, process.pid
    finally:
        process.terminate()
        process.wait(20)


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        if process.poll() is not None:
            raise RuntimeError(f"the server ended at once: {process.args}")
        time.sleep(0.05)
    raise RuntimeError("the server did not start")


def signed_url(origin: str, operation: str = "ListOrders", parameters: Mapping[str, str] | None = None) -> str:
    """A request to the server under test, signed now: a listing of a week, or another."""
    now = datetime.now(UTC)
    if parameters is None:
        parameters = {"CreatedAfter": format_instant(now - timedelta(days=7)), "MarketplaceId.Id.1": "ATVPDKIKX0DER"}
    account = Account(DEMO_ACCESS_KEY, DEMO_SECRET, DEMO_SELLERS[0].selling_partner_id)
    return sign_request(origin, operation, dict(parameters), account, now=now, method="GET").url


def load(url: str) -> float:
    """Requests per second of one round. Raises RuntimeError when an answer was not 2xx."""
    return _told(url, r"Requests/sec:\s+([0-9.]+)")


def requests(url: str) -> int:
    """How many requests one round made. Raises RuntimeError when an answer was not 2xx."""
    return int(_told(url, r"([0-9]+) requests in"))


def _told(url: str, pattern: str) -> float:
    urllib.request.urlopen(url, timeout=20).read()  # tokens are fetched and the usage plan learned
    out = subprocess.run(
        [*_pin(1), "wrk", "-t1", f"-c{CLIENTS}", f"-d{SECONDS}s", "--timeout", "20s", url],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    if "Non-2xx" in out:
        raise RuntimeError(out)
    match = re.search(pattern, out)
    assert match
    return float(match.group(1))


def _fetches(origin: str) -> float:
    """Seconds of one upstream fetch with JSON decode, 32 in flight, over our transport: a floor."""

    async def run() -> float:
        async with httpx.AsyncClient(transport=AiohttpTransport(trust_env=False)) as http:

            async def worker(count: int) -> None:
                for _ in range(count):
                    orjson.loads((await http.get(f"{origin}/orders/v0/orders")).content)

            await asyncio.gather(*(worker(2) for _ in range(CLIENTS)))
            started = time.perf_counter()
            await asyncio.gather(*(worker(40) for _ in range(CLIENTS)))
            return (time.perf_counter() - started) / (40 * CLIENTS)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())


def _renders(raw: bytes) -> float:
    """Seconds of one render without the JSON decode, which the fetch has counted."""
    render(raw)
    started = time.perf_counter()
    for _ in range(60):
        render(raw)
    whole = (time.perf_counter() - started) / 60
    started = time.perf_counter()
    for _ in range(60):
        orjson.loads(raw)
    return whole - (time.perf_counter() - started) / 60


def main() -> None:
    measure("ours", "the endpoint alone")


def measure(kind: str, what: str, **more: str) -> None:
    """Print the figures of one of the servers; ``more`` is for its environment."""
    if shutil.which("wrk") is None:
        print("endpoint: skipped, wrk is not installed (Debian: apt-get install wrk)")
        return
    cores = sorted(os.sched_getaffinity(0))
    try:
        if len(cores) > 1:
            os.sched_setaffinity(0, {cores[0]})  # the floors are measured on the server's core
        _measure(kind, what, more)
    finally:
        os.sched_setaffinity(0, cores)


def _measure(kind: str, what: str, more: Mapping[str, str]) -> None:
    raw = page_of_100_orders()
    rates: dict[str, list[float]] = {kind: [], "naive": [], "bare": []}
    fetches: list[float] = []
    renders: list[float] = []
    ratios: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        page, body = Path(folder, "page.json"), Path(folder, "body.xml")
        page.write_bytes(raw)
        body.write_bytes(render(raw))
        with serve("upstream", UPSTREAM_PORT, 1, BENCH_BODY=str(page)) as (upstream, _):
            environment = {"BENCH_UPSTREAM": upstream, "BENCH_SECRET": DEMO_SECRET, "BENCH_BODY": str(body), **more}
            for _ in range(ROUNDS):
                for name, found in rates.items():
                    with serve(name, SERVER_PORT, 0, **environment) as (origin, _):
                        found.append(load(signed_url(origin)))
                fetches.append(_fetches(upstream))
                renders.append(_renders(raw))
                ratios.append(1 / rates[kind][-1] / (1 / rates["bare"][-1] + fetches[-1] + renders[-1]))
    print(f"{what}: ListOrders of 100 orders, {CLIENTS} clients, {ROUNDS} rounds of {SECONDS} s; medians")
    for name, found in rates.items():
        print(f"  {name:<8} {statistics.median(found):8.1f} requests/s   ({min(found):.1f} to {max(found):.1f})")
    for name, values in (("upstream fetch + JSON", fetches), ("render", renders)):
        print(f"  {name:<24} {1e6 * statistics.median(values):8.0f} µs")
    paired = [ours / theirs for ours, theirs in zip(rates[kind], rates["naive"], strict=True)]
    spread = f"({min(paired):.1f} to {max(paired):.1f})"
    print(f"  {kind} / naive: {statistics.median(paired):.1f} ×   {spread}; wanted: at least 6 ×")
    print(
        f"  whole / sum of floors: {statistics.median(ratios):.2f} ×   ({min(ratios):.2f} to {max(ratios):.2f}); "
        "wanted: at most 1.3 ×"
    )
