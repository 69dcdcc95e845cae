"""Four bridges, each a process of its own, over one real store and one emulated Amazon."""

import asyncio
import sys
import time
from collections import Counter

import orjson
import pytest

from bridge.endpoint.server import serving
from bridge.sandbox import Sandbox, SandboxSettings
from tests.support import NOW


async def callers(upstream, store, *, seconds, every):
    """What four processes that start at once saw."""
    command = (sys.executable, "-m", "tests.state.caller", upstream, store.url, str(seconds), str(every))
    processes = [await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE) for _ in range(4)]
    outputs = await asyncio.gather(*(process.communicate() for process in processes))
    assert [process.returncode for process in processes] == [0] * 4
    return [Counter(orjson.loads(output)) for output, _ in outputs]


@pytest.mark.long
async def test_four_processes_keep_to_one_plan_and_share_their_tokens(store):
    """Together they take no more than the plan gives, to a token that was under way, and leave nothing unused. A
    token that ends every few seconds is got once for all of them each time."""
    lifetime, rate, burst = 6, 1.67, 20  # seconds, of which it is used for a half; tokens a second, as Amazon tells
    settings = SandboxSettings(
        orders=20, anchor=NOW, access_token_lifetime=lifetime, usage_plans=False, rate_scale=100.0
    )
    sandbox = Sandbox(settings, time.time, asyncio.sleep)
    started = time.time()
    async with serving(sandbox.app, mws=False) as upstream:
        seen = await callers(upstream, store, seconds=4.0, every=0.02)
    lasted = time.time() - started
    calls = Counter(call.operation for call in sandbox.log)
    assert set().union(*seen) == {"", "RequestThrottled"}
    assert calls["getOrders"] == sum(ends[""] for ends in seen)
    assert burst < calls["getOrders"] <= burst + rate * lasted + 1
    assert all(ends["RequestThrottled"] for ends in seen)
    for operation in ("lwa", "createRestrictedDataToken"):
        assert 2 <= calls[operation] <= 1 + lasted / (lifetime / 2)
