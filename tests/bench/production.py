"""Production: all of ``mws-bridge serve`` under load, with its log, metrics and a shared store.

``python -m tests.bench production`` runs all of it; MWS_BENCH_ONLY chooses: ``floors``, ``latency``, ``kept``,
``workers``, ``sellers``, ``programs``, ``soak``. Needs ``wrk`` and ``redis-server`` or ``valkey-server`` (Debian).
"""

import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from bridge.cli.config import DEMO_ACCESS_KEY, DEMO_SECRET
from bridge.sandbox import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, DEMO_SELLERS
from tests.bench import endpoint, programs
from tests.bench.memory import resident
from tests.bench.open_loop import latencies
from tests.bench.payload import order_and_items, page_of_100_orders
from tests.state.servers import SERVER, Store, running_store

ROUNDS = int(os.environ.get("MWS_BENCH_ROUNDS", "5"))


def main() -> None:
    if SERVER is None:
        print("production: skipped, no store is installed (Debian: apt-get install redis-server)")
        return
    chosen = os.environ.get("MWS_BENCH_ONLY", ",".join(PARTS)).split(",")
    with tempfile.TemporaryDirectory() as folder, running_store(Path(folder)) as store:
        for name in chosen:
            PARTS[name](Path(folder), store)


def floors(_: Path, store: Store) -> None:
    """The endpoint's figure again, with everything switched on."""
    endpoint.measure("whole", "all of serve, over a store", BENCH_STATE=store.url)


def latency(folder: Path, store: Store) -> None:
    """How much longer the slowest requests take, at half of the highest load."""
    page = folder / "page.json"
    page.write_bytes(page_of_100_orders())
    ratios, most = [], []
    with endpoint.serve("upstream", endpoint.UPSTREAM_PORT, 1, BENCH_BODY=str(page)) as (upstream, _):
        for _ in range(ROUNDS):
            environment = {"BENCH_UPSTREAM": upstream, "BENCH_STATE": store.url}
            with endpoint.serve("whole", endpoint.SERVER_PORT, 0, **environment) as (origin, _):
                most.append(endpoint.load(endpoint.signed_url(origin)))
                time.sleep(2)  # what wrk left behind in the middle is still being answered
                took = sorted(latencies(endpoint.signed_url(origin), rate=most[-1] / 2, seconds=15.0))
                ratios.append(took[int(len(took) * 0.99)] / took[len(took) // 2])
    _tell("latency at half the highest load: p99 / p50", ratios, "wanted: under 3 ×", "×")
    print(f"  highest load {statistics.median(most):.0f} requests/s")


def kept(folder: Path, _: Store) -> None:
    """Answers from the order cache, against a stored body and against asking upstream each time.

    The ceiling is performance.md's: a stored body after one check of Signature Version 2 by urllib and hmac.
    """
    order, order_id = order_and_items()
    file, body = folder / "order.json", folder / "body.xml"
    file.write_bytes(order)
    upstream_files = {"BENCH_BODY": str(file), "BENCH_ORDER": str(file)}
    for operation, name in (("ListOrderItems", "AmazonOrderId"), ("GetOrder", "AmazonOrderId.Id.1")):
        ceilings, least, gains, rates = [], [], [], []
        with endpoint.serve("upstream", endpoint.UPSTREAM_PORT, 1, **upstream_files) as (upstream, _):
            environment = {"BENCH_UPSTREAM": upstream, "BENCH_VERSION": "v2026-01-01"}
            for _ in range(ROUNDS):
                with endpoint.serve("whole", endpoint.SERVER_PORT, 0, **environment) as (origin, _):
                    url = endpoint.signed_url(origin, operation, {name: order_id})
                    body.write_bytes(urllib.request.urlopen(url, timeout=20).read())
                    rates.append(endpoint.load(url))
                for kind, found in (("checked", ceilings), ("bare", least)):
                    with endpoint.serve(kind, endpoint.SERVER_PORT, 0, BENCH_BODY=str(body)):
                        found.append(rates[-1] / endpoint.load(url))
                with endpoint.serve("whole", endpoint.SERVER_PORT, 0, BENCH_MEGABYTES="0", **environment) as (
                    origin,
                    _,
                ):
                    gains.append(rates[-1] / endpoint.load(endpoint.signed_url(origin, operation, {name: order_id})))
        what = f"{operation} from the order cache, of a stored body's"
        _tell(f"{what} after one check of the signature", [100 * one for one in ceilings], "wanted: 35 %", "%")
        _tell(f"{what} after one HMAC and nothing else", [100 * one for one in least], "no figure is wanted", "%")
        _tell(f"{operation} from the order cache / asking upstream each time", gains, "wanted: 10 ×", "×")
        print(f"  {statistics.median(rates):.0f} requests/s")


def workers(folder: Path, store: Store) -> None:
    """Four workers over one store against one, of ``mws-bridge serve``."""
    page = folder / "page.json"
    page.write_bytes(page_of_100_orders())
    ratios, rates = [], []
    with endpoint.serve("upstream", endpoint.UPSTREAM_PORT, 1, BENCH_BODY=str(page)) as (upstream, _):
        for _ in range(ROUNDS):
            found = []
            for count in (1, 4):
                config = _write_config(folder, upstream, f"state = {json.dumps(store.url)}", _demo_accounts())
                with _served(config, "--workers", str(count)) as (origin, _):
                    found.append(endpoint.load(endpoint.signed_url(origin)))
            rates.append(found[0])
            ratios.append(found[1] / found[0])
    _tell("four workers / one", ratios, "wanted: 1.7 ×", "×")
    print(f"  one worker {statistics.median(rates):.0f} requests/s")


def sellers(folder: Path, store: Store) -> None:
    """A bridge of 2,000 sellers in as many files: its start, its memory, and what finding one costs."""
    accounts = folder / "many"
    accounts.mkdir(exist_ok=True)
    (accounts / "application.toml").write_text(_application())
    for number in range(2000):
        (accounts / f"{number:04}.toml").write_text(_seller(number) + _key(number, [number]))
    config = _write_config(folder, "http://127.0.0.1:1", f'state = {json.dumps(store.url)}\naccounts = "many"', "")
    starts, sizes = [], []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        with _served(config) as (_, process):
            starts.append(time.perf_counter() - began)
            time.sleep(1)
            sizes.append(resident(process.pid) / 2**20)
    _tell("2,000 sellers: start until it listens", starts, "wanted: under 2 s", "s")
    _tell("2,000 sellers: memory of the process", sizes, "wanted: under 150 MB", "MB")
    programs.tell_lookups()


def _tell(what: str, values: list[float], wanted: str, unit: str) -> None:
    print(
        f"{what}: {statistics.median(values):.2f} {unit}   ({min(values):.2f} to {max(values):.2f}); {wanted}",
        flush=True,
    )


def soak(folder: Path, store: Store) -> None:
    """100,000 requests for kept orders and items of v2026, 5,000 listings of v0; what they leave in memory."""
    order, order_id = order_and_items()
    page, file = folder / "page.json", folder / "order.json"
    page.write_bytes(page_of_100_orders())
    file.write_bytes(order)
    upstream_files = {"BENCH_BODY": str(page), "BENCH_ORDER": str(file)}
    with endpoint.serve("upstream", endpoint.UPSTREAM_PORT, 1, **upstream_files) as (upstream, _):
        lines = []
        for version, most in (("v0", 5_000), ("v2026-01-01", 100_000)):
            calls: list[tuple[str, dict[str, str] | None]] = [("ListOrders", None)]
            if version != "v0":
                calls = [
                    ("ListOrderItems", {"AmazonOrderId": order_id}),
                    ("GetOrder", {"AmazonOrderId.Id.1": order_id}),
                ]
            environment = {"BENCH_UPSTREAM": upstream, "BENCH_VERSION": version, "BENCH_STATE": store.url}
            with endpoint.serve("whole", endpoint.SERVER_PORT, 0, **environment) as (origin, pid):
                told, warm = [(0, 0.0)], most / 10
                while (done := told[-1][0]) < most:
                    for operation, parameters in calls:
                        done += endpoint.requests(endpoint.signed_url(origin, operation, parameters))
                    told.append((done, resident(pid) / 2**20))
                (early, before), (late, after) = next(one for one in told if one[0] >= warm), told[-1]
                lines.append(f"  {version}: {before:.1f} MB after {early} requests, {after:.1f} MB after {late}")
    print("soak; wanted: growth under 4 MB", *lines, sep="\n", flush=True)


# --- configurations -------------------------------------------------------------------------------------------------


def _application() -> str:
    return (
        f"[[application]]\nclient_id = {json.dumps(DEMO_CLIENT_ID)}\n"
        f"client_secret = {json.dumps(DEMO_CLIENT_SECRET)}\n"
    )


def _demo_accounts() -> str:
    seller = DEMO_SELLERS[0]
    return (
        _application()
        + f'[[seller]]\nseller_id = {json.dumps(seller.selling_partner_id)}\nupstream = "v0"\n'
        + f"refresh_token = {json.dumps(seller.refresh_token)}\nmarketplaces = {json.dumps(seller.marketplace_ids)}\n"
        + f"[[access_key]]\nid = {json.dumps(DEMO_ACCESS_KEY)}\nsecret = {json.dumps(DEMO_SECRET)}\n"
        + f"sellers = {json.dumps([seller.selling_partner_id])}\n"
    )


def _seller(number: int) -> str:
    return (
        f'[[seller]]\nseller_id = "A1SELLER{number:04}"\nrefresh_token = "Atzr|{number}"\n'
        'marketplaces = ["ATVPDKIKX0DER"]\n'
    )


def _key(number: int, of: list[int]) -> str:
    names = json.dumps([f"A1SELLER{one:04}" for one in of])
    return f'[[access_key]]\nid = "AKIAPROGRAM{number:09}"\nsecret = "{number:040}"\nsellers = {names}\n'


def _write_config(folder: Path, upstream: str, top: str, accounts: str) -> Path:
    path = folder / "bridge.toml"
    regions = ", ".join(f"{region} = {json.dumps(upstream)}" for region in ("na", "eu", "fe"))
    path.write_text(
        f'{top}\n[server]\nport = {endpoint.SERVER_PORT}\ntoken_keys = ["a key"]\nlog_format = "json"\n'
        f'[admin]\nport = 0\ntoken = "a token"\n'
        f"[upstream]\nlwa_url = {json.dumps(upstream + '/auth/o2/token')}\norigins = {{{regions}}}\n{accounts}"
    )
    return path


@contextlib.contextmanager
def _served(config: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """``mws-bridge serve``, from the moment it listens."""
    command = [sys.executable, "-m", "bridge", "serve", "--config", str(config), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        while not (line := process.stdout.readline()).startswith(b"listening on "):
            if not line:
                raise RuntimeError("the bridge did not start")
        yield f"http://127.0.0.1:{endpoint.SERVER_PORT}", process
    finally:
        process.terminate()
        process.wait(30)


def simulated_programs(_: Path, __: Store) -> None:
    """Five hundred programs over as many sellers for ten simulated minutes."""
    asyncio.run(programs.ten_minutes())


PARTS: dict[str, Callable[[Path, Store], None]] = {
    "floors": floors,
    "latency": latency,
    "kept": kept,
    "workers": workers,
    "sellers": sellers,
    "programs": simulated_programs,
    "soak": soak,
}
