"""``mws-bridge serve``: the endpoint for real sellers, or over the sandbox."""

import argparse
import asyncio
import contextlib
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import uvicorn

from bridge.cli.config import DEMO_ACCESS_KEY, DEMO_SECRET, config_path, demo_settings, load_or_explain
from bridge.cli.signing import Account, sign_request
from bridge.endpoint.build import build_endpoint
from bridge.endpoint.recording import Recorder
from bridge.endpoint.recording_store import RecordingError
from bridge.endpoint.server import bind, make_server, origin_of, run_loop, serving
from bridge.sandbox import DEMO_SELLERS, Sandbox, SandboxSettings
from bridge.settings import Settings
from mws_compat.schema import format_instant

__all__ = ["listen", "run", "start_logging", "stopped_by_signals"]

_DEFAULT_PORT = 8013


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop. Returns 2 when the configuration or the address cannot be used."""
    if arguments.sandbox and arguments.config:
        print("mws-bridge: --sandbox needs no --config: leave one of them out", file=sys.stderr)
        return 2
    if arguments.sandbox:
        host, port = arguments.host or "127.0.0.1", _port(arguments, _DEFAULT_PORT)
        return _run(arguments, lambda recorder: _serve_sandbox(host, port, recorder))
    settings = load_or_explain(config_path(arguments))
    if settings is None:
        print("Try it without one: mws-bridge serve --sandbox", file=sys.stderr)
        return 2
    host, port = arguments.host or settings.server.host, _port(arguments, settings.server.port)
    return _run(arguments, lambda recorder: _serve(settings, host, port, recorder))


def _run(arguments: argparse.Namespace, serve: Callable[[Recorder | None], Coroutine[Any, Any, int]]) -> int:
    """Serve, and record where that is asked for: what waits to be written is written in the end."""
    if arguments.record is None:
        return run_loop(serve(None))
    masked = arguments.record_pii == "mask"
    try:
        recorder = Recorder(arguments.record, masked=masked, max_bytes=arguments.record_max_mb * 2**20)
    except RecordingError as error:
        print(f"mws-bridge: --record {error}", file=sys.stderr)
        return 2
    with recorder:
        print(f"recording to {arguments.record}, personal data {'masked' if masked else 'kept'}", file=sys.stderr)
        return run_loop(serve(recorder))


def _port(arguments: argparse.Namespace, default: int) -> int:
    return default if arguments.port is None else int(arguments.port)


def start_logging(level: str) -> None:
    """Log to stderr, one line an event."""
    logging.basicConfig(
        level=level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s", force=True
    )
    # Their request lines hold whole URLs: parameters, and with them personal data.
    for name in ("httpx", "httpcore", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Its comings and goings, in the middle of what we print of ours.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


def listen(host: str, port: int) -> socket.socket | None:
    """A listening socket; None after saying why there is none."""
    try:
        host.encode("idna")  # bind would find it out only after it has opened a socket, and not close that
        return bind(host, port)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).partition(" (while attempting")[0]
    except UnicodeError:
        reason = "this is no host name"
    print(f"mws-bridge: cannot listen on {host}:{port}: {reason}", file=sys.stderr)
    return None


@contextlib.contextmanager
def stopped_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """Being told to stop is no failure. uvicorn shuts down on SIGINT and SIGTERM, and then raises them again: here
    they find a handler that has nothing left to do, instead of the one that ends the process as killed."""

    def stop(_number: int, _frame: object) -> None:
        server.should_exit = True

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread hears signals
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _serve(
    settings: Settings,
    host: str,
    port: int,
    recorder: Recorder | None,
    *,
    banner: Callable[[str], str] | None = None,
) -> int:
    start_logging(settings.server.log_level)
    listener = listen(host, port)
    if listener is None:
        return 2
    server = make_server(build_endpoint(settings, recorder=recorder))
    with contextlib.closing(listener), stopped_by_signals(server):
        origin = origin_of(host, listener)
        print(f"listening on {origin}", flush=True)
        if banner:
            print(banner(origin), flush=True)
        await server.serve(sockets=[listener])
    return 0


async def _serve_sandbox(host: str, port: int, recorder: Recorder | None) -> int:
    now = datetime.now(UTC)
    sandbox = Sandbox(SandboxSettings(anchor=now), clock=time.time, sleep=asyncio.sleep)
    async with serving(sandbox.app, mws=False) as upstream:
        return await _serve(demo_settings(upstream), host, port, recorder, banner=lambda origin: _banner(origin, now))


def _banner(origin: str, now: datetime) -> str:
    seller = DEMO_SELLERS[0]
    marketplace = seller.marketplace_ids[0]
    account = Account(DEMO_ACCESS_KEY, DEMO_SECRET, seller.selling_partner_id)
    parameters = {
        "CreatedAfter": format_instant(now - timedelta(days=7)),
        "MarketplaceId.Id.1": marketplace,
        "MaxResultsPerPage": "2",
    }
    signed = sign_request(origin, "ListOrders", parameters, account, now=now, method="GET")
    php = _PHP % {
        "key": account.access_key,
        "secret": account.secret,
        "seller": account.seller,
        "marketplace": marketplace,
        "host": urlsplit(origin).hostname,
        "origin": origin,
    }
    return f"""\
  access key   {account.access_key}
  secret       {account.secret}
  seller       {account.seller}
  marketplace  {marketplace}

Ask it (good for 15 minutes):

curl '{signed.url}'

The same from PHP, as old programs do it:

{php}"""


_PHP = """\
<?php
$p = ['AWSAccessKeyId' => '%(key)s', 'Action' => 'ListOrders', 'SellerId' => '%(seller)s',
      'SignatureMethod' => 'HmacSHA256', 'SignatureVersion' => '2', 'Version' => '2013-09-01',
      'Timestamp' => gmdate('Y-m-d\\TH:i:s\\Z'), 'CreatedAfter' => gmdate('Y-m-d\\TH:i:s\\Z', time() - 7 * 86400),
      'MarketplaceId.Id.1' => '%(marketplace)s', 'MaxResultsPerPage' => '2'];
ksort($p, SORT_STRING);
$q = http_build_query($p, '', '&', PHP_QUERY_RFC3986);
$sts = "POST\\n%(host)s\\n/Orders/2013-09-01\\n$q";
$q .= '&Signature=' . rawurlencode(base64_encode(hash_hmac('sha256', $sts, '%(secret)s', true)));
echo file_get_contents('%(origin)s/Orders/2013-09-01', false, stream_context_create(['http' => [
      'method' => 'POST', 'header' => 'Content-Type: application/x-www-form-urlencoded', 'content' => $q]]));
"""
