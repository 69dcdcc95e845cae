"""One of several bridges over one store: ``python -m tests.state.caller UPSTREAM STORE SECONDS EVERY``.

Asks its own endpoint for listings, one after the other, until SECONDS are over, and prints how each ended.
"""

import asyncio
import sys
import time
from collections import Counter
from datetime import UTC, datetime

import orjson
from pydantic import SecretStr

from bridge.cli.config import demo_settings
from bridge.endpoint.build import build_service
from bridge.state import redis
from bridge.upstream.transport import AiohttpTransport
from tests.support import ALWAYS, US, ask, signed_query


async def call_for(upstream: str, store: str, seconds: float, every: float) -> Counter[str]:
    """How calls ended, by code; '' for those that were answered."""
    settings = demo_settings(upstream, upstream="v0").model_copy(update={"state": SecretStr(store)})
    settings = settings.model_copy(update={"upstream": settings.upstream.model_copy(update={"max_wait": 0.0})})
    service = build_service(settings, transport=AiohttpTransport(trust_env=False), emit=lambda _: None)
    ends: Counter[str] = Counter()
    until = time.monotonic() + seconds
    async with service.endpoint._lifespan:
        while time.monotonic() < until:
            parameters = {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US, "MaxResultsPerPage": "1"}
            body = signed_query("ListOrders", parameters, now=datetime.now(UTC))
            answer = await ask(service.endpoint, "POST", "/Orders/2013-09-01", body=body)
            ends[answer.code or ""] += 1
            await asyncio.sleep(every)
    return ends


if __name__ == "__main__":
    redis._TIMEOUT = 10.0  # on a busy machine the bridges would go on alone, which is tested elsewhere
    upstream, store, seconds, every = sys.argv[1:]
    found = asyncio.run(call_for(upstream, store, float(seconds), float(every)))
    sys.stdout.write(orjson.dumps(found).decode())
