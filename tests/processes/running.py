"""``mws-bridge serve`` as a process of its own, over an emulated Amazon in the test's event loop."""

import asyncio
import contextlib
import json
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx

from bridge.cli.config import DEMO_ACCESS_KEY, DEMO_SECRET
from bridge.sandbox import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET
from tests.support import HOST, NA, PATH, US, Answer, assert_mws, signed_query

TOKEN = "an operator's token"
#: For a machine that is busy with much else.
PATIENCE = 60


def write_config(folder: Path, upstream: str, **top: object) -> Path:
    """A configuration over ``upstream`` whose accounts are in ``folder/accounts``; ``top`` are settings of the top
    level, and tables of it."""
    accounts = folder / "accounts"
    accounts.mkdir()
    tables = {name: value for name, value in top.items() if isinstance(value, dict)}
    lines = [f"{name} = {json.dumps(value)}" for name, value in top.items() if name not in tables]
    lines += ['accounts = "accounts"']
    server = {"port": 0, "token_keys": ["a key"], **tables.pop("server", {})}
    upstreams = {"lwa_url": f"{upstream}/auth/o2/token", **tables.pop("upstream", {})}
    for name, table in {"server": server, "upstream": upstreams, **tables}.items():
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    lines += ["[upstream.origins]", *(f"{region} = {json.dumps(upstream)}" for region in ("na", "eu", "fe"))]
    lines += ["[admin]", "port = 0", f"token = {json.dumps(TOKEN)}"]
    (folder / "bridge.toml").write_text("\n".join(lines))
    (accounts / "application.toml").write_text(
        f"[[application]]\nclient_id = {json.dumps(DEMO_CLIENT_ID)}\nclient_secret = {json.dumps(DEMO_CLIENT_SECRET)}"
    )
    (accounts / "seller.toml").write_text(
        f"[[seller]]\nseller_id = {json.dumps(NA.selling_partner_id)}\n"
        f"refresh_token = {json.dumps(NA.refresh_token)}\nmarketplaces = {json.dumps(NA.marketplace_ids)}"
    )
    write_key(accounts, DEMO_ACCESS_KEY)
    return folder / "bridge.toml"


def write_key(accounts: Path, key: str) -> None:
    """One more access key of the seller, with the demo's secret."""
    (accounts / f"{key}.toml").write_text(
        f"[[access_key]]\nid = {json.dumps(key)}\nsecret = {json.dumps(DEMO_SECRET)}\n"
        f"sellers = {json.dumps([NA.selling_partner_id])}"
    )


class Served:
    """A bridge that runs. ``lines`` are what it has written to stdout and stderr."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self.origin = self.admin = ""
        self.http = httpx.AsyncClient(timeout=PATIENCE, trust_env=False)
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while line := (await self.process.stdout.readline()).decode():
            self.lines.append(line.rstrip())

    async def started(self) -> None:
        """It listens, on the ports that it tells."""
        await self.until(lambda: self._port(r"listening on (http\S+?)(?:,|$)"), "it does not listen")
        self.origin = self._port(r"listening on (http\S+?)(?:,|$)")
        self.admin = self._port(r"status page and metrics on (\S+)")

    def _port(self, pattern: str) -> str:
        found = re.search(pattern, "\n".join(self.lines), re.MULTILINE)
        return found.group(1) if found else ""

    async def until(self, holds: Callable[[], object], otherwise: str) -> None:
        """Wait for something that must come."""
        for _ in range(PATIENCE * 20):
            if holds():
                return
            assert self.process.returncode is None, self.lines
            await asyncio.sleep(0.05)
        raise AssertionError(f"{otherwise}: {self.lines}")

    async def call(
        self,
        action: str = "GetServiceStatus",
        parameters: dict[str, str] | None = None,
        *,
        key: str = DEMO_ACCESS_KEY,
        http: httpx.AsyncClient | None = None,
    ) -> Answer:
        """One signed call, whose answer is one of MWS."""
        query = signed_query(action, parameters, now=datetime.now(UTC), key=key)
        response = await (http or self.http).post(
            self.origin + PATH,
            content=query,
            headers={"content-type": "application/x-www-form-urlencoded", "host": HOST},
        )
        answer = Answer(response.status_code, response.headers, response.content)
        assert_mws(answer)
        return answer

    async def readiness(self) -> tuple[int, dict[str, object]]:
        """What a load balancer is told."""
        response = await self.http.get(f"{self.admin}/readyz")
        return response.status_code, response.json()

    async def until_ready(self, status: str) -> dict[str, object]:
        """Wait for a readiness."""
        for _ in range(PATIENCE * 10):
            _, told = await self.readiness()
            if told["status"] == status:
                return told
            await asyncio.sleep(0.1)
        raise AssertionError(f"never {status}: {told}")

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Have it end; returns its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        code = await asyncio.wait_for(self.process.wait(), PATIENCE)
        await self._reading
        await self.http.aclose()
        return code


@contextlib.asynccontextmanager
async def served(config: Path, *options: str) -> AsyncIterator[Served]:
    """A bridge with that configuration, which is killed in the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "bridge",
        "serve",
        "--config",
        str(config),
        *options,
        cwd=config.parent,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    bridge = Served(process)
    try:
        await bridge.started()
        yield bridge
    finally:
        if process.returncode is None:
            await bridge.stop()


LISTING = {"CreatedAfter": "2013-09-01T00:00:00Z", "MarketplaceId.Id.1": US}
