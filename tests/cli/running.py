"""Servers in threads, the command line in a process of its own, and configurations over a sandbox."""

import asyncio
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bridge.endpoint.server import serving
from bridge.sandbox import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, DEMO_SELLERS, Sandbox, SandboxSettings

PATIENCE = 60.0
SELLER = DEMO_SELLERS[0]
WITHOUT_ROLES = DEMO_SELLERS[3]
ACCESS_SECRET = "the secret of AKIATEST"


@dataclass(frozen=True)
class Upstream:
    """A sandbox and where it is served."""

    sandbox: Sandbox
    origin: str


def new_sandbox() -> Sandbox:
    """A small sandbox of orders up to now, which never throttles."""
    settings = SandboxSettings(orders=80, usage_plans=False, anchor=datetime.now(UTC))
    return Sandbox(settings, sleep=asyncio.sleep)


@contextmanager
def served(app: Any, *, mws: bool = True, **options: Any) -> Iterator[str]:
    """Serve an ASGI application in a thread with an event loop of its own; yields its origin. ``options`` go to
    ``serving``."""
    told: queue.Queue[Any] = queue.Queue()

    async def live() -> None:
        stop = asyncio.Event()
        async with serving(app, mws=mws, **options) as origin:
            told.put((origin, asyncio.get_running_loop(), stop))
            await stop.wait()

    def run() -> None:
        try:
            asyncio.run(live())
        except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it is
            told.put(error)

    thread = threading.Thread(target=run)
    thread.start()
    first = told.get(timeout=PATIENCE)
    if isinstance(first, BaseException):
        raise first
    origin, loop, stop = first
    try:
        yield origin
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE)
        assert not thread.is_alive()


def command(*arguments: str) -> list[str]:
    """``mws-bridge`` with arguments, as a process of this interpreter."""
    return [sys.executable, "-W", "error", "-m", "bridge", *arguments]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )


@contextmanager
def running(*arguments: str, cwd: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """Start the command line; it is killed if it is still there in the end."""
    process = subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", cwd=cwd
    )
    watchdog = threading.Timer(PATIENCE, process.kill)  # reading a line of it must not wait for ever
    watchdog.start()
    try:
        yield process
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate()


def lines_until_blank(process: subprocess.Popen[str]) -> list[str]:
    """What a process prints up to the first blank line."""
    assert process.stdout is not None
    lines: list[str] = []
    while (line := process.stdout.readline()) not in {"", "\n"}:
        lines.append(line.rstrip("\n"))
    return lines


def configuration(
    folder: Path,
    origin: str,
    *,
    sellers: Sequence[Any] = (SELLER,),
    client_secret: str = DEMO_CLIENT_SECRET,
    refresh_token: str = "",
    marketplaces: Sequence[str] = (),
    server: str = "",
    access_key: str = "",
    version: str = "v0",
) -> Path:
    """A TOML file for an endpoint over the SP-API at ``origin``."""
    parts = [
        f"[server]\nport = 0\n{server}",
        f'[upstream]\nattempts = 1\nlwa_url = "{origin}/auth/o2/token"',
        f'origins = {{ na = "{origin}", eu = "{origin}", fe = "{origin}" }}',
        f'[[application]]\nclient_id = "{DEMO_CLIENT_ID}"\nclient_secret = "{client_secret}"',
    ]
    parts += [
        f'[[seller]]\nseller_id = "{seller.selling_partner_id}"\n'
        f'refresh_token = "{refresh_token or seller.refresh_token}"\n'
        f"marketplaces = {list(marketplaces or seller.marketplace_ids)}\n"
        f'upstream = "{version}"\n'
        for seller in sellers
    ]
    ids = [seller.selling_partner_id for seller in sellers]
    parts.append(f'[[access_key]]\nid = "AKIATEST"\nsecret = "{ACCESS_SECRET}"\nsellers = {ids}\n{access_key}')
    path = folder / "mws-bridge.toml"
    path.write_text("\n".join(parts))
    return path
