"""What an operator's browser, a load balancer and Prometheus ask: a small application on a port of its own."""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hmac import compare_digest
from typing import Literal

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.watch.board import Board
from bridge.watch.metrics import render_metrics
from bridge.watch.page import STYLE_DIGEST, render_locked, render_page

__all__ = ["Readiness", "admin_app"]

#: Seconds that a wrong token costs whoever tries it.
_PENALTY = 0.5

_HEADERS = {
    "content-security-policy": f"default-src 'none'; style-src '{STYLE_DIGEST}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether requests should be sent here. ``degraded``: they are answered, though not all is as it should be;
    ``why`` in words, without secrets."""

    status: Literal["ready", "degraded", "starting", "stopping"]
    why: tuple[str, ...] = ()

    @property
    def takes_requests(self) -> bool:
        """Whether a load balancer should keep this one."""
        return self.status in {"ready", "degraded"}


def admin_app(
    board: Board,
    *,
    token: str | None,
    ready: Callable[[], Readiness],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> ASGIApp:
    """The application: ``/healthz`` and ``/readyz`` for everybody; ``/metrics`` and the status page ``/`` for whoever
    shows the token, as a bearer or as the password of any user name. Without a ``token`` those two are closed.
    ``sleep`` slows down whoever shows a wrong one."""

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(_: Request) -> Response:
        found = ready()
        body: dict[str, object] = {"status": found.status}
        if found.why:
            body["why"] = found.why
        return JSONResponse(body, status_code=200 if found.takes_requests else 503)

    async def metrics(request: Request) -> Response:
        if refusal := await _refusal(request, token, sleep):
            return refusal
        # In a thread: with thousands of sellers it takes a while, and requests are answered meanwhile.
        accept = ",".join(request.headers.getlist("accept"))
        content, content_type = await run_in_threadpool(render_metrics, board.view(), accept)
        return Response(content, headers={"content-type": content_type})

    async def status(request: Request) -> Response:
        if refusal := await _refusal(request, token, sleep):
            return refusal
        return HTMLResponse(await run_in_threadpool(render_page, board.view(), ready().why))

    app = Starlette(
        routes=[
            Route("/", status),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
        ],
        middleware=[Middleware(_SafeHeaders), Middleware(GZipMiddleware, minimum_size=2048, compresslevel=4)],
    )
    app.router.redirect_slashes = False  # a redirect would repeat whatever the Host header says
    return app


class _SafeHeaders:
    """Every answer, also of an error, may be shown nowhere but in its own window, and is kept nowhere."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)


async def _refusal(request: Request, token: str | None, sleep: Callable[[float], Awaitable[None]]) -> Response | None:
    """The answer to whoever may not see this; None to whoever may."""
    if not token:
        return HTMLResponse(render_locked(), status_code=403)
    shown = _shown_token(request.headers.get("authorization", ""))
    if shown is not None and compare_digest(shown, token.encode()):
        return None
    if shown is not None:
        await sleep(_PENALTY)
    return PlainTextResponse(
        "The [admin] token is needed: as a bearer, or as the password of any user name.\n",
        status_code=401,
        headers={"www-authenticate": 'Basic realm="mws-bridge", charset="UTF-8"'},
    )


def _shown_token(authorization: str) -> bytes | None:
    """What stands for the token in an Authorization header; None where there is nothing to compare."""
    scheme, _, credentials = authorization.strip().partition(" ")
    credentials = credentials.strip()
    if scheme.lower() == "bearer" and credentials:
        return credentials.encode("latin-1")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(credentials, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return b""
    return None
