"""From settings to a running endpoint: the one place where the parts are put together."""

import asyncio
import contextlib
import logging
import os
import platform
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypedDict, Unpack

import httpx

from bridge import VERSION
from bridge.endpoint.app import Endpoint, EndpointSettings, new_request_id, utc_now
from bridge.endpoint.handlers import Handlers
from bridge.endpoint.kept import KeptOrders
from bridge.endpoint.limits import Limits
from bridge.endpoint.nexttoken import TokenSealer
from bridge.endpoint.reads import OrderReads
from bridge.endpoint.reads_v0 import ReadsV0
from bridge.endpoint.reads_v2026 import Freshness, ReadsV2026
from bridge.endpoint.recording import Recorder
from bridge.endpoint.service import Service, book_of, sellers_of
from bridge.endpoint.versions import Versions
from bridge.observe import Emit, log_event
from bridge.sealing import KeyRing
from bridge.settings import Settings
from bridge.state.fallback import FallbackState
from bridge.state.interface import State
from bridge.state.memory import MemoryState
from bridge.upstream.client import ClientSettings, SpApi
from bridge.upstream.datasets import Datasets
from bridge.upstream.plans import V0, V0_REMOVED, V2026
from bridge.upstream.throttle import Throttle
from bridge.upstream.transport import AiohttpTransport

__all__ = ["build_api", "build_endpoint", "build_handlers", "build_service", "build_state", "user_agent"]

_log = logging.getLogger("mws_bridge")


class _Sources(TypedDict, total=False):
    """The keywords of ``build_service``."""

    transport: httpx.AsyncBaseTransport | None
    emit: Emit
    now: Callable[[], datetime]
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    random_bytes: Callable[[int], bytes]
    new_request_id: Callable[[], str]
    recorder: Recorder | None
    state: State | None


def user_agent() -> str:
    """``AppId/Version (Language=…; Platform=…)``, as SP-API asks for it; nothing in it needs escaping."""
    return f"mws-bridge/{VERSION} (Language=Python; Platform={platform.system() or 'unknown'})"


def build_api(
    settings: Settings,
    http: httpx.AsyncClient,
    *,
    clock: Callable[[], float] = time.monotonic,
    wall: Callable[[], float] = time.time,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    state: State | None = None,
) -> SpApi:
    """The SP-API client of these settings over ``http``. Buckets and tokens are in ``state``: in memory, when none is
    given."""
    if state is None:
        state = MemoryState(clock=clock)
    upstream = settings.upstream
    return SpApi(
        http,
        throttle=Throttle(clock=clock, sleep=sleep, max_wait=upstream.max_wait, state=state),
        settings=ClientSettings(
            deadline=upstream.deadline,
            connect_timeout=upstream.connect_timeout,
            read_timeout=upstream.read_timeout,
            attempts=upstream.attempts,
            user_agent=user_agent(),
            lwa_url=upstream.lwa_url,
            origins={region: upstream.origin_of(region) for region in ("na", "eu", "fe")},
        ),
        clock=clock,
        wall=wall,
        sleep=sleep,
        state=state,
    )


def build_state(
    settings: Settings,
    *,
    clock: Callable[[], float] = time.monotonic,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> State:
    """What the copies of a bridge share: this process's memory, or the store of the settings with that to fall back
    on."""
    memory = MemoryState(clock=clock, max_bytes=settings.order_cache.megabytes * 2**20)
    if settings.state is None:
        return memory
    # Imported where it is needed: a bridge of one process starts without a store's client.
    from bridge.state.redis import RedisState  # noqa: PLC0415

    ring = [key.get_secret_value() for key in settings.server.token_keys]
    store = RedisState(settings.state.get_secret_value(), KeyRing(ring, purpose="state", random_bytes=random_bytes))
    return FallbackState(store, memory, clock=clock)


def build_handlers(
    api: SpApi,
    sealer: TokenSealer,
    *,
    clock: Callable[[], float],
    v0_until: datetime = V0_REMOVED,
    versions: Versions | None = None,
    kept: KeptOrders | None = None,
    freshness: Freshness | None = None,
    datasets: Datasets | None = None,
) -> Handlers:
    """The operations over both versions of the Orders API."""
    datasets = datasets or Datasets(clock=clock)
    reads: dict[str, OrderReads] = {V0: ReadsV0(api), V2026: ReadsV2026(api, datasets, kept, freshness)}
    return Handlers(reads, versions or Versions(clock=clock, v0_until=v0_until), sealer)


def build_service(
    settings: Settings,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    emit: Emit = log_event,
    now: Callable[[], datetime] = utc_now,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    random_bytes: Callable[[int], bytes] = os.urandom,
    new_request_id: Callable[[], str] = new_request_id,
    recorder: Recorder | None = None,
    state: State | None = None,
) -> Service:
    """The bridge of these settings. ``transport`` carries the upstream calls (aiohttp's by default); ``emit`` gets
    one event for each request, ``recorder`` what was asked and answered; ``state`` is what the settings say unless
    given; the others are the sources of time and chance. Whoever made the recorder closes it."""
    http = httpx.AsyncClient(transport=transport or AiohttpTransport(), follow_redirects=False)
    if state is None:
        state = build_state(settings, clock=clock, random_bytes=random_bytes)
    sellers = sellers_of(settings)
    ring = [key.get_secret_value() for key in settings.server.token_keys]
    if not ring:
        _log.warning("server.token_keys is not set: NextTokens made before a restart will not be good after it")
        ring = [secrets.token_hex(32)]
    sealer = TokenSealer(ring, clock=lambda: now().timestamp(), random_bytes=random_bytes)

    cache = settings.order_cache
    freshness = Freshness(timedelta(seconds=cache.fresh), timedelta(seconds=cache.stale))
    api = build_api(settings, http, clock=clock, wall=lambda: now().timestamp(), sleep=sleep, state=state)
    versions = Versions(clock=clock, v0_until=settings.upstream.v0_until)
    handlers = build_handlers(
        api,
        sealer,
        clock=clock,
        versions=versions,
        kept=KeptOrders(state, max(freshness)) if cache.megabytes else None,
        freshness=freshness,
    )
    limits = Limits(
        in_flight=settings.server.in_flight,
        in_flight_per_seller=settings.server.in_flight_per_seller,
        delayed=settings.server.connections // 2,
        clock=clock,
        sleep=sleep,
    )

    @contextlib.asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        sweeper = asyncio.create_task(_sweep(state, lambda: handlers.forget(now())))
        try:
            yield
        finally:
            sweeper.cancel()
            await http.aclose()
            await state.aclose()

    endpoint = Endpoint(
        book_of(settings, sellers),
        handlers,
        settings=EndpointSettings(strict_status_pair=settings.server.strict_status_pair),
        now=now,
        new_request_id=new_request_id,
        random_bytes=random_bytes,
        emit=emit,
        limits=limits,
        lifespan=lifespan(),
        recorder=recorder,
    )
    return Service(endpoint, api, versions, state, sellers, in_flight=lambda: limits.in_flight, now=now)


def build_endpoint(settings: Settings, **sources: Unpack[_Sources]) -> Endpoint:
    """The endpoint of ``build_service``, for whoever needs nothing else of it."""
    return build_service(settings, **sources).endpoint


async def _sweep(state: State, forget: Callable[[], None]) -> None:
    """Forget what is too old, also where nobody asks any more; and find out whether a store that was lost is back."""
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        await state.sweep()
        forget()


_SWEEP_SECONDS = 15.0
