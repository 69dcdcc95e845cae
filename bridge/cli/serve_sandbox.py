"""``mws-bridge serve --sandbox``: the endpoint over an emulated Amazon, with all that is needed to ask it."""

import argparse
import asyncio
import secrets
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from bridge.accounts import Loaded
from bridge.cli.config import DEMO_ACCESS_KEY, DEMO_SECRET, demo_settings
from bridge.cli.serve import serve
from bridge.cli.signing import Account, sign_request
from bridge.endpoint.recording import Recorder
from bridge.endpoint.server import serving
from bridge.sandbox import DEMO_SELLERS, Sandbox, SandboxSettings
from bridge.settings import AdminSettings
from mws_compat.schema import format_instant

__all__ = ["serve_sandbox"]

_DEFAULT_PORT = 8013


async def serve_sandbox(arguments: argparse.Namespace, recorder: Recorder | None) -> int:
    """Serve the sellers of an emulated Amazon until told to stop. Returns the exit code."""
    now = datetime.now(UTC)
    sandbox = Sandbox(SandboxSettings(anchor=now), clock=time.time, sleep=asyncio.sleep)
    async with serving(sandbox.app, mws=False) as upstream:
        settings = demo_settings(
            upstream,
            host=arguments.host or "127.0.0.1",
            port=_DEFAULT_PORT if arguments.port is None else arguments.port,
        )
        admin = None
        if arguments.admin_port is not None:
            admin = AdminSettings(port=arguments.admin_port, token=secrets.token_urlsafe(9))
            settings = settings.model_copy(update={"admin": admin})
        return await serve(Loaded(settings), recorder, banner=lambda origin: _banner(origin, now, admin))


def _banner(origin: str, now: datetime, admin: AdminSettings | None) -> str:
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
    # It opens the status page of this run of the emulation, and nothing else.
    token = f"  admin token  {admin.token.get_secret_value()}\n" if admin is not None and admin.token else ""
    return f"""\
  access key   {account.access_key}
  secret       {account.secret}
  seller       {account.seller}
  marketplace  {marketplace}
{token}
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
