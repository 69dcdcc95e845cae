"""``mws-bridge serve`` with several workers over a real store: what it must survive."""

import asyncio
import os
import signal
import time

import httpx
import pytest

from bridge.cli.config import DEMO_ACCESS_KEY
from bridge.endpoint.server import serving
from bridge.sandbox import Sandbox, SandboxSettings
from tests.processes.running import LISTING, TOKEN, served, write_config, write_key
from tests.state.servers import SERVER, running_store
from tests.support import NOW

pytestmark = pytest.mark.skipif(SERVER is None, reason="no store is installed (Debian: apt-get install redis-server)")


async def test_workers_come_and_go_and_requests_are_answered(tmp_path):
    """A killed worker costs only what it had begun, and is replaced. Without the store the workers go on alone, say
    so, and come back. Accounts change while it runs. Told to end, it answers what it has begun, and ends well."""
    sandbox = Sandbox(SandboxSettings(orders=20, anchor=NOW), time.time, asyncio.sleep)
    with running_store(tmp_path) as store:
        async with serving(sandbox.app, mws=False) as upstream:
            config = write_config(tmp_path, upstream, state=store.url)
            (tmp_path / "orjson.py").write_text("raise SystemExit('I am no part of the program')")
            async with served(config, "--workers", "2") as bridge:
                assert "2 workers" in bridge.lines[-1]
                assert await bridge.readiness() == (200, {"status": "ready"})
                listed = await bridge.call("ListOrders", LISTING)
                await killed_worker(bridge)
                await lost_store(bridge, store, listed.ids[0])
                await changed_accounts(bridge, config.parent / "accounts")
                await replaced_with_bad_files(bridge, config)
                await drained(bridge, sandbox)
    assert not [line for line in bridge.lines if "Traceback" in line]


async def killed_worker(bridge):
    """Callers with connections of their own to either worker; one of these is killed between the answers."""
    failures, answers, killed, stop = [], [], asyncio.Event(), asyncio.Event()

    async def keep_calling():
        async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
            while not stop.is_set():
                try:
                    answers.append((await bridge.call(http=http)).status)
                except httpx.TransportError as error:
                    failures.append(error)
                if killed.is_set():
                    await asyncio.sleep(0.02)  # a worker that starts needs the processor more

    callers = [asyncio.create_task(keep_calling()) for _ in range(6)]
    await bridge.until(lambda: len(answers) > 50, "no answers")
    victim = (await workers(bridge))[0]
    os.kill(victim, signal.SIGKILL)
    killed.set()
    before = len(answers)
    await bridge.until(lambda: any("is replaced" in line for line in bridge.lines), "nobody noticed")
    await bridge.until(lambda: len(answers) > before + 100, "no answers after the kill")
    stop.set()
    await asyncio.gather(*callers)
    assert set(answers) == {200}
    assert len(failures) <= len(callers)  # each had one request under way at most
    await bridge.until_ready("ready")
    assert victim not in await workers(bridge)
    assert len(await workers(bridge)) == 2


async def workers(bridge):
    """Process ids of the workers."""
    asked = await asyncio.create_subprocess_exec(
        "ps", "-o", "pid=", "--ppid", str(bridge.process.pid), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asked.communicate()
    return sorted(int(line) for line in output.split())


async def lost_store(bridge, store, order_id):
    """Requests are answered with the store, without it, and with it again."""
    order = {"AmazonOrderId.Id.1": order_id}
    store.stop()
    for _ in range(4):
        assert (await bridge.call("GetOrder", order)).ids == [order_id]
    told = await bridge.until_ready("degraded")
    assert "shared store" in str(told["why"])
    page = await bridge.http.get(bridge.admin, auth=("", TOKEN))
    assert "shared store" in page.text
    store.start()
    for _ in range(600):
        assert (await bridge.call("GetOrder", order)).ids == [order_id]
        if (await bridge.readiness())[1]["status"] == "ready":
            break
        await asyncio.sleep(0.1)
    assert await bridge.readiness() == (200, {"status": "ready"})
    assert sum("going on alone" in line for line in bridge.lines) >= 1


async def changed_accounts(bridge, accounts):
    """A key that is written there is good soon, a bad file is told of and changes nothing, a hangup is heard."""
    new = "AKIANEW0000000000001"
    assert (await bridge.call(key=new)).code == "InvalidAccessKeyId"
    (accounts / "bad.toml").write_text("[[seller]]\nseller_id = ")
    write_key(accounts, new)
    bridge.process.send_signal(signal.SIGHUP)
    await everywhere(bridge, new, None)
    assert sum(f"access keys added: {new}" in line for line in bridge.lines) == 1
    assert sum("bad.toml: not TOML" in line for line in bridge.lines) == 1
    assert "fault in the configuration" in str((await bridge.until_ready("degraded"))["why"])
    page = await bridge.http.get(bridge.admin, auth=("", TOKEN))
    assert "bad.toml: not TOML" in page.text
    (accounts / "bad.toml").unlink()
    (accounts / f"{new}.toml").unlink()
    await everywhere(bridge, new, "InvalidAccessKeyId")
    assert sum(f"access keys removed: {new}" in line for line in bridge.lines) == 1
    await bridge.until_ready("ready")


async def everywhere(bridge, key, code):
    """Wait until so many calls on connections of their own are answered alike that both workers were among them."""
    alike = 0
    for _ in range(3000):
        async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
            answer = await bridge.call(key=key, http=http)
        alike = alike + 1 if answer.code == code else 0
        if alike == 12:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"never {code} for {key}")


async def replaced_with_bad_files(bridge, config):
    """A worker that takes another one's place serves what the others serve: accounts of files that are bad by now,
    with the keys for NextTokens that are in force, and also when the main file cannot be read."""
    good, seller = config.read_text(), config.parent / "accounts" / "seller.toml"
    listed = await bridge.call("ListOrders", {**LISTING, "MaxResultsPerPage": "2"})
    seller.write_text("oops\n" + seller.read_text())
    config.write_text(good.replace('token_keys = ["a key"]', 'token_keys = ["another"]'))
    await bridge.until(
        lambda: any("takes effect at the next start: server.token_keys" in line for line in bridge.lines),
        "the new key is not told of",
    )
    config.write_text("oops")
    await bridge.until(lambda: any("bridge.toml: not TOML" in line for line in bridge.lines), "nobody noticed")
    before = await workers(bridge)
    for victim in before:
        os.kill(victim, signal.SIGKILL)
    await bridge.until(lambda: sum("is replaced" in line for line in bridge.lines) == 3, "nobody noticed")
    await everywhere(bridge, DEMO_ACCESS_KEY, None)
    assert not set(before) & set(await workers(bridge))
    assert (await bridge.call("ListOrdersByNextToken", {"NextToken": listed.token})).status == 200
    config.write_text(good)
    seller.write_text(seller.read_text().removeprefix("oops\n"))
    await bridge.until_ready("ready")


async def drained(bridge, sandbox):
    """A request that waits for Amazon when the end is told gets its answer."""
    sandbox.faults.script("getOrder2026", ["slow:1.5"])
    before = len(sandbox.log)
    waiting = asyncio.create_task(bridge.call("GetOrder", {"AmazonOrderId.Id.1": "111-1234567-1234567"}))
    await bridge.until(lambda: len(sandbox.log) > before, "the request does not arrive")
    bridge.process.send_signal(signal.SIGTERM)
    assert (await waiting).status == 200
    assert await bridge.stop() == 0
