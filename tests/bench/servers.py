"""The processes of the endpoint figures: ``python -m tests.bench.servers KIND PORT``.

``upstream``  SP-API as far as a listing needs it: tokens, and one stored page of 100 orders; with BENCH_ORDER the
              stored order of v2026-01-01 for each path below its orders
``ours``      the endpoint alone
``whole``     all that ``mws-bridge serve`` runs: log lines, metrics, limits, and BENCH_STATE as its store
``naive``     the bridge of tests/bench/naive.py
``bare``      the same server answering the same body after one HMAC over its query: nothing else could be less
``checked``   the same after one check of Signature Version 2, written plainly: the ceiling
"""

import asyncio
import base64
import hashlib
import hmac
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

import uvicorn
from pydantic import SecretStr

from bridge.accounts import Loaded
from bridge.cli.config import DEMO_SECRET, demo_settings
from bridge.endpoint.build import build_endpoint
from bridge.endpoint.server import bind, make_server, run_loop
from bridge.observe import start_logging
from bridge.processes.work import Work
from bridge.settings import OrderCacheSettings
from bridge.upstream.transport import AiohttpTransport
from bridge.watch.board import Board
from tests.bench import naive


def upstream_app(page: bytes, order: bytes = b"") -> Any:
    token = b'{"access_token":"Atza|bench","token_type":"bearer","expires_in":3600}'
    rdt = b'{"restrictedDataToken":"Atz.sprdt|bench","expiresIn":3600}'
    # A rate that never binds: what is measured is the work, not the usage plan.
    headers = [(b"content-type", b"application/json"), (b"x-amzn-ratelimit-limit", b"999.0")]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        body = token if path.startswith("/auth") else rdt if path.startswith("/tokens") else page
        if order and path.startswith("/orders/2026-01-01/orders/"):
            body = order
        await receive()
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [*headers, length]})
        await send({"type": "http.response.body", "body": body})

    return app


def bare_app(body: bytes, *, check: bool = False) -> Any:
    key = DEMO_SECRET.encode()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        status = 200
        if check:
            host = dict(scope["headers"])[b"host"].decode()
            query = scope["query_string"].decode()
            status = 200 if naive.verify(scope["method"], host, scope["path"], query, DEMO_SECRET) else 403
        else:
            base64.b64encode(hmac.digest(key, scope["query_string"], hashlib.sha256))
        headers = [(b"content-type", b"text/xml"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def whole() -> Work:
    """Everything that a worker process has, for the demo's sellers."""
    settings = demo_settings(os.environ["BENCH_UPSTREAM"], upstream=os.environ.get("BENCH_VERSION", "v0"))
    changed: dict[str, object] = {"server": settings.server.model_copy(update={"log_format": "json"})}
    if "BENCH_STATE" in os.environ:
        changed["state"] = SecretStr(os.environ["BENCH_STATE"])
    if "BENCH_MEGABYTES" in os.environ:
        changed["order_cache"] = OrderCacheSettings(megabytes=int(os.environ["BENCH_MEGABYTES"]))
    start_logging("info", "json")
    return Work(Loaded(settings.model_copy(update=changed)))


async def _serve(work: Work, listener: socket.socket) -> int:
    board = Board(now=time.time, own=work.watch)

    async def merge() -> None:
        while True:  # as the admin port is asked by Prometheus, and more often
            await asyncio.sleep(5)
            board.view()

    merging = asyncio.create_task(merge())
    await work.run(listener)
    merging.cancel()
    return 0


def main() -> None:
    kind, port = sys.argv[1], int(sys.argv[2])
    listener = bind("127.0.0.1", port)
    if kind == "ours":
        settings = demo_settings(os.environ["BENCH_UPSTREAM"], upstream=os.environ.get("BENCH_VERSION", "v0"))
        endpoint = build_endpoint(settings, transport=AiohttpTransport(trust_env=False))
        server = make_server(endpoint)
    elif kind == "whole":
        work = whole()
        run_loop(_serve(work, listener))
        return
    elif kind == "naive":
        server = uvicorn.Server(uvicorn.Config(naive.make_app(), log_config=None, access_log=False))
    else:
        body = Path(os.environ["BENCH_BODY"]).read_bytes()
        order = Path(os.environ["BENCH_ORDER"]).read_bytes() if "BENCH_ORDER" in os.environ else b""
        app = upstream_app(body, order) if kind == "upstream" else bare_app(body, check=kind == "checked")
        server = make_server(app, mws=False)
    server.run(sockets=[listener])


if __name__ == "__main__":
    main()
