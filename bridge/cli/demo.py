"""``mws-bridge demo``: a legacy session, played against the endpoint over the sandbox.

Everything is real but the clock, which stands still, and the random numbers, which are seeded: so every run, and the
copy of it in README, shows the same.
"""

import argparse
import asyncio
import logging
import random
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

import httpx

from bridge.cli.config import DEMO_ACCESS_KEY, DEMO_SECRET, demo_settings
from bridge.cli.console import heading, line, show_xml
from bridge.cli.signing import Account, sign_request
from bridge.endpoint.build import build_endpoint
from bridge.endpoint.server import serving
from bridge.sandbox import DEMO_SELLERS, Sandbox, SandboxSettings
from bridge.upstream.transport import AiohttpTransport
from mws_compat.reader import Document, parse_document

__all__ = ["NOW", "run"]

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
#: Lines shown of an answer: an order and a bit of the first one, the head of the others.
_FIRST_LINES, _OTHER_LINES = 52, 16

_LONG_TOKEN = re.compile(r"\b([A-Z2-7]{24})[A-Z2-7]{100,}")


class _Session:
    """A legacy program: signs, sends, shows. ``failures`` counts the answers that were not what they should be."""

    def __init__(self, origin: str, sandbox: Sandbox, http: httpx.AsyncClient, *, full: bool) -> None:
        self._origin = origin
        self._sandbox = sandbox
        self._http = http
        self._full = full
        self._step = 0
        self.failures = 0

    async def call(
        self,
        title: str,
        operation: str,
        parameters: Mapping[str, str],
        *,
        expected: tuple[int, str] = (200, ""),
        secret: str = DEMO_SECRET,
    ) -> Document:
        """Send one request and show all three sides of it. ``expected`` are the status and the error code."""
        self._step += 1
        account = Account(DEMO_ACCESS_KEY, secret, DEMO_SELLERS[0].selling_partner_id)
        signed = sign_request(self._origin, operation, parameters, account, now=NOW)
        heading(f"{self._step}. {title}")
        line(f"   asked      POST /Orders/2013-09-01  Action={operation}")
        for name, value in parameters.items():
            line(f"              {name}={value if len(value) <= 60 else value[:48] + f'… ({len(value)} letters)'}")
        before = len(self._sandbox.log)
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        answer = await self._http.post(signed.url, content=signed.body, headers=headers)
        calls = list(self._sandbox.log)[before:]
        for call in calls:
            line(f"   upstream   {call.method} {call.path}  → {call.status}")
            for name, value in call.query:
                line(f"              {name}={'…' if name == 'NextToken' else value}")
        if not calls:
            line("   upstream   nothing was sent")
        document = parse_document(answer.content)
        code = str(document.result.get("Code", ""))
        right = (answer.status_code, code) == expected
        self.failures += not right
        line(
            f"   answered   HTTP {answer.status_code} {answer.reason_phrase}  {answer.headers['content-type']}, "
            f"{len(answer.content)} bytes{'' if right else f'  NOT AS EXPECTED: {expected}'}",
            "green" if right else "bold red",
        )
        most_lines = 0 if self._full else _FIRST_LINES if self._step == 1 else _OTHER_LINES
        text = answer.text
        if not self._full:
            text = _LONG_TOKEN.sub(lambda match: f"{match[1]}…", text)
        show_xml(text, most_lines=most_lines)
        line("")
        return document


def run(arguments: argparse.Namespace) -> int:
    """Returns 0 when every answer was the right one, 1 otherwise."""
    logging.disable(logging.WARNING)  # the throttle and the bad signature are part of the play
    return asyncio.run(_play(full=arguments.full))


async def _play(*, full: bool) -> int:
    numbers = random.Random(2013)  # noqa: S311 - a play, not a secret
    sandbox = Sandbox(SandboxSettings(anchor=NOW), clock=NOW.timestamp, sleep=asyncio.sleep)
    async with serving(sandbox.app, mws=False) as upstream:
        endpoint = build_endpoint(
            demo_settings(upstream),
            transport=AiohttpTransport(trust_env=False),
            emit=lambda _: None,
            now=lambda: NOW,
            clock=NOW.timestamp,
            random_bytes=numbers.randbytes,
            new_request_id=lambda: str(uuid.UUID(bytes=numbers.randbytes(16), version=4)),
        )
        async with serving(endpoint) as origin, httpx.AsyncClient(trust_env=False) as http:
            line("The endpoint and the emulated SP-API are up. A legacy program starts its work;")
            line(f"the clock of this demo stands at {NOW:%Y-%m-%d %H:%M} UTC.\n")
            session = _Session(origin, sandbox, http, full=full)
            await _work_as_a_legacy_program(session, sandbox)
    if session.failures:
        line(f"{session.failures} answers were not as expected", "bold red")
        return 1
    line("Every answer was the one that Amazon MWS would have given.", "bold green")
    line("Next: mws-bridge serve --sandbox, and point an old program at it.")
    return 0


async def _work_as_a_legacy_program(session: _Session, sandbox: Sandbox) -> None:
    window = {
        "CreatedAfter": "2026-11-19T00:00:00Z",
        "MarketplaceId.Id.1": DEMO_SELLERS[0].marketplace_ids[0],
        "OrderStatus.Status.1": "Unshipped",
        "OrderStatus.Status.2": "PartiallyShipped",
        "MaxResultsPerPage": "3",
    }
    page = await session.call(
        "List the orders of two days that are not shipped yet, three at a time", "ListOrders", window
    )
    orders = _order_ids(page)
    while token := page.result.get("NextToken"):
        page = await session.call("The next page", "ListOrdersByNextToken", {"NextToken": str(token)})
        orders += _order_ids(page)
    if not orders:
        return  # said already: the listing was not as expected
    two = {f"AmazonOrderId.Id.{number}": id_ for number, id_ in enumerate(orders[:2], 1)}
    await session.call("Two of them again, by id", "GetOrder", two)
    await session.call("What was bought", "ListOrderItems", {"AmazonOrderId": orders[0]})
    await session.call("Is the service up?", "GetServiceStatus", {})
    sandbox.faults.script("searchOrders", ["throttle"])
    throttled = (503, "RequestThrottled")
    await session.call("One request too many: SP-API says 429", "ListOrders", window, expected=throttled)
    refused = (403, "SignatureDoesNotMatch")
    await session.call("A program with a wrong secret", "ListOrders", window, expected=refused, secret="wrong")  # noqa: S106


def _order_ids(page: Document) -> list[str]:
    orders = page.result.get("Orders")
    return (
        [str(order["AmazonOrderId"]) for order in orders if isinstance(order, dict)]
        if isinstance(orders, list)
        else []
    )
