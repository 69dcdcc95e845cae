"""The processes of the endpoint figures: ``python -m tests.bench.servers KIND PORT``.

``upstream``  SP-API as far as a listing needs it: tokens, and one stored page of 100 orders
``ours``      the endpoint, as ``mws-bridge serve`` runs it
``naive``     the bridge of tests/bench/naive.py
``bare``      the same server answering the same body after one HMAC check: the ceiling
"""

import base64
import hashlib
import hmac
import os
import sys
from pathlib import Path
from typing import Any

import uvicorn

from bridge.cli.config import DEMO_SECRET, demo_settings
from bridge.endpoint.build import build_endpoint
from bridge.endpoint.server import bind, make_server
from bridge.upstream.transport import AiohttpTransport
from tests.bench import naive


def upstream_app(page: bytes) -> Any:
    token = b'{"access_token":"Atza|bench","token_type":"bearer","expires_in":3600}'
    rdt = b'{"restrictedDataToken":"Atz.sprdt|bench","expiresIn":3600}'
    # A rate that never binds: what is measured is the work, not the usage plan.
    headers = [(b"content-type", b"application/json"), (b"x-amzn-ratelimit-limit", b"999.0")]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = token if scope["path"].startswith("/auth") else rdt if scope["path"].startswith("/tokens") else page
        await receive()
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [*headers, length]})
        await send({"type": "http.response.body", "body": body})

    return app


def bare_app(body: bytes) -> Any:
    key = DEMO_SECRET.encode()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        base64.b64encode(hmac.digest(key, scope["query_string"], hashlib.sha256))
        headers = [(b"content-type", b"text/xml"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def main() -> None:
    kind, port = sys.argv[1], int(sys.argv[2])
    listener = bind("127.0.0.1", port)
    if kind == "ours":
        settings = demo_settings(os.environ["BENCH_UPSTREAM"], upstream=os.environ.get("BENCH_VERSION", "v0"))
        endpoint = build_endpoint(settings, transport=AiohttpTransport(trust_env=False))
        server = make_server(endpoint)
    elif kind == "naive":
        server = uvicorn.Server(uvicorn.Config(naive.make_app(), log_config=None, access_log=False))
    else:
        body = Path(os.environ["BENCH_BODY"]).read_bytes()
        server = make_server((upstream_app if kind == "upstream" else bare_app)(body), mws=False)
    server.run(sockets=[listener])


if __name__ == "__main__":
    main()
