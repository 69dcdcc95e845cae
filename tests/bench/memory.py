"""Memory: the endpoint's resident set before and after 10,000 requests (ListOrders of 100 orders among them)."""

import os
import tempfile
import urllib.request
from pathlib import Path

from bridge.cli.config import DEMO_SECRET
from tests.bench import endpoint
from tests.bench.payload import page_of_100_orders

WARM_UP, REQUESTS = 2_000, 10_000
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "page.json")
        page.write_bytes(page_of_100_orders())
        with endpoint.serve("upstream", endpoint.UPSTREAM_PORT, 1, BENCH_BODY=str(page)) as (upstream, _):
            environment = {"BENCH_UPSTREAM": upstream, "BENCH_SECRET": DEMO_SECRET}
            with endpoint.serve("ours", endpoint.SERVER_PORT, 0, **environment) as (origin, pid):
                url = endpoint.signed_url(origin)
                for _ in range(WARM_UP):
                    urllib.request.urlopen(url, timeout=20).read()
                before = resident(pid)
                for _ in range(REQUESTS):
                    urllib.request.urlopen(url, timeout=20).read()
                after = resident(pid)
    print(f"memory: {before / 2**20:.1f} MB after {WARM_UP} requests, {after / 2**20:.1f} MB after {REQUESTS} more")
    print(f"  growth: {(after - before) / 2**20:.2f} MB; wanted: at most 4 MB")
