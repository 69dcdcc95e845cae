"""From settings to a running endpoint: the one place where the parts are put together."""

import asyncio
import contextlib
import logging
import os
import platform
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from importlib.metadata import version

import httpx

from bridge.endpoint.access import AccessBook, AccessKey, SellerAccess
from bridge.endpoint.app import Endpoint, EndpointSettings, utc_now
from bridge.endpoint.handlers import Handlers
from bridge.endpoint.kept import KeptOrders, MemoryOrders
from bridge.endpoint.nexttoken import TokenSealer
from bridge.endpoint.reads import OrderReads
from bridge.endpoint.reads_v0 import ReadsV0
from bridge.endpoint.reads_v2026 import Freshness, ReadsV2026
from bridge.endpoint.recording import Recorder
from bridge.endpoint.versions import Versions
from bridge.observe import Emit, log_event
from bridge.settings import Settings
from bridge.upstream.accounts import Application, Seller
from bridge.upstream.client import ClientSettings, SpApi
from bridge.upstream.datasets import Datasets
from bridge.upstream.plans import V0, V0_REMOVED, V2026
from bridge.upstream.throttle import Throttle
from bridge.upstream.transport import AiohttpTransport
from mws_compat.signature import AMAZON_HOSTS

__all__ = ["build_api", "build_endpoint", "build_handlers", "sellers_of", "user_agent"]

_log = logging.getLogger("mws_bridge")


def user_agent() -> str:
    """``AppId/Version (Language=…; Platform=…)``, as SP-API asks for it; nothing in it needs escaping."""
    return f"mws-bridge/{version('mws-bridge')} (Language=Python; Platform={platform.system() or 'unknown'})"


def sellers_of(settings: Settings) -> dict[str, Seller]:
    """The configured sellers by id. ``settings`` must have passed validation: one region each."""
    applications = {
        application.name: Application(application.client_id, application.client_secret.get_secret_value())
        for application in settings.application
    }
    return {
        seller.seller_id: Seller(
            seller.seller_id,
            applications[seller.application],
            seller.refresh_token.get_secret_value(),
            next(iter(seller.regions)),
            seller.marketplaces,
            seller.upstream,
        )
        for seller in settings.seller
    }


def build_api(
    settings: Settings,
    http: httpx.AsyncClient,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> SpApi:
    """The SP-API client of these settings over ``http``."""
    upstream = settings.upstream
    return SpApi(
        http,
        throttle=Throttle(clock=clock, sleep=sleep, max_wait=upstream.max_wait),
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
        sleep=sleep,
    )


def build_handlers(
    api: SpApi,
    sealer: TokenSealer,
    *,
    clock: Callable[[], float],
    v0_until: datetime = V0_REMOVED,
    kept: KeptOrders | None = None,
    freshness: Freshness | None = None,
    datasets: Datasets | None = None,
) -> Handlers:
    """The operations over both versions of the Orders API."""
    datasets = datasets or Datasets(clock=clock)
    reads: dict[str, OrderReads] = {V0: ReadsV0(api), V2026: ReadsV2026(api, datasets, kept, freshness)}
    return Handlers(reads, Versions(clock=clock, v0_until=v0_until), sealer)


def build_endpoint(
    settings: Settings,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    emit: Emit = log_event,
    now: Callable[[], datetime] = utc_now,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    random_bytes: Callable[[int], bytes] = os.urandom,
    new_request_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    recorder: Recorder | None = None,
) -> Endpoint:
    """The endpoint of these settings. ``transport`` carries the upstream calls (aiohttp's by default); ``emit`` gets
    one event for each request, ``recorder`` what was asked and answered; the others are the sources of time and
    chance. Whoever made the recorder closes it."""
    http = httpx.AsyncClient(transport=transport or AiohttpTransport(), follow_redirects=False)
    sellers = sellers_of(settings)
    book = AccessBook(
        [
            AccessKey(
                key.id,
                key.secret.get_secret_value(),
                {
                    id_: SellerAccess(
                        sellers[id_],
                        key.mws_auth_tokens[id_].get_secret_value() if id_ in key.mws_auth_tokens else "",
                    )
                    for id_ in key.sellers
                },
            )
            for key in settings.access_key
        ],
        aliases=(*settings.server.hosts, *AMAZON_HOSTS),
        deviant_encodings=settings.server.accept_deviant_signatures,
    )
    ring = [key.get_secret_value() for key in settings.server.token_keys]
    if not ring:
        _log.warning("server.token_keys is not set: NextTokens made before a restart will not be good after it")
        ring = [secrets.token_hex(32)]
    sealer = TokenSealer(ring, clock=lambda: now().timestamp(), random_bytes=random_bytes)

    cache = settings.order_cache
    freshness = Freshness(timedelta(seconds=cache.fresh), timedelta(seconds=cache.stale))
    kept = MemoryOrders(cache.megabytes * 2**20, max(freshness)) if cache.megabytes else None
    api = build_api(settings, http, clock=clock, sleep=sleep)
    handlers = build_handlers(
        api, sealer, clock=clock, v0_until=settings.upstream.v0_until, kept=kept, freshness=freshness
    )

    @contextlib.asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        sweeper = asyncio.create_task(_sweep(kept, now)) if kept else None
        try:
            yield
        finally:
            if sweeper is not None:
                sweeper.cancel()
            await http.aclose()

    return Endpoint(
        book,
        handlers,
        settings=EndpointSettings(strict_status_pair=settings.server.strict_status_pair),
        now=now,
        new_request_id=new_request_id,
        random_bytes=random_bytes,
        emit=emit,
        lifespan=lifespan(),
        recorder=recorder,
    )


async def _sweep(kept: MemoryOrders, now: Callable[[], datetime]) -> None:
    """Forget orders when they are too old, also where nobody asks any more."""
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        await kept.expire(now())


_SWEEP_SECONDS = 30.0
