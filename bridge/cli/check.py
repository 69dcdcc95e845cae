"""``mws-bridge check``: is the configuration right, and does Amazon agree? In plain words."""

import argparse
import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import httpx

from bridge.cli.config import config_path, load_or_explain
from bridge.cli.console import heading, line
from bridge.endpoint.access import Caller
from bridge.endpoint.app import utc_now
from bridge.endpoint.build import build_api, sellers_of
from bridge.endpoint.reads import OrderReads, Request
from bridge.endpoint.reads_v0 import ReadsV0
from bridge.endpoint.reads_v2026 import ReadsV2026
from bridge.endpoint.versions import Versions
from bridge.mapping.rows import MappingError
from bridge.settings import Settings
from bridge.upstream.accounts import Seller
from bridge.upstream.client import SpApi, UpstreamJournal
from bridge.upstream.datasets import Datasets
from bridge.upstream.errors import RefusalError
from bridge.upstream.plans import OPERATIONS, V0, V2026
from bridge.upstream.transport import AiohttpTransport
from mws_compat.errors import MwsError
from mws_compat.orders import OPERATIONS as MWS_OPERATIONS
from mws_compat.schema import format_instant
from mws_compat.validation import SETTLING, Arguments

__all__ = ["run"]

_ROLES = {
    "buyerInfo": "buyer names, e-mail addresses and gift messages (role: Tax Invoicing or Tax Remittance)",
    "shippingAddress": "names and streets of shipping addresses (role: Direct-to-Consumer Shipping)",
    "BUYER": "buyer names, e-mail addresses and purchase order numbers (role: Tax Invoicing or Tax Remittance)",
    "RECIPIENT": "shipping addresses, city and country too (role: Direct-to-Consumer Shipping)",
}


def run(arguments: argparse.Namespace) -> int:
    """Returns 0 when all is well, 1 when Amazon refuses something that orders need, 2 when the configuration cannot
    be used."""
    path = config_path(arguments)
    settings = load_or_explain(path)
    if settings is None:
        return 2
    sellers = sellers_of(settings)
    keys = len(settings.access_key)
    line(f"{path}: {_count(len(sellers), 'seller')}, {_count(keys, 'access key')}: the configuration is consistent")
    if not settings.server.token_keys:
        line("note: server.token_keys is not set; a restart will break listings that are under way", "yellow")
    if arguments.offline:
        return 0
    logging.disable(logging.WARNING)  # what would be logged is said below, in its place
    return asyncio.run(_check_all(settings, list(sellers.values())))


class _Parts(NamedTuple):
    """What a check works with."""

    api: SpApi
    reads: Mapping[str, OrderReads]
    versions: Versions
    datasets: Datasets


async def _check_all(settings: Settings, sellers: list[Seller]) -> int:
    failed = 0
    async with httpx.AsyncClient(transport=AiohttpTransport()) as http:
        api = build_api(settings, http)
        datasets = Datasets(clock=time.monotonic)
        reads: dict[str, OrderReads] = {V0: ReadsV0(api), V2026: ReadsV2026(api, datasets)}
        versions = Versions(clock=time.monotonic, v0_until=settings.upstream.v0_until)
        parts = _Parts(api, reads, versions, datasets)
        for seller in sellers:
            heading(f"{seller.seller_id} ({seller.region}, {', '.join(seller.marketplace_ids)})")
            async for ok in _check_seller(parts, seller):
                failed += not ok
                if not ok:
                    break
    line("all sellers can be served" if not failed else f"not served: {failed} of {_count(len(sellers), 'seller')}")
    return 1 if failed else 0


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


async def _check_seller(parts: _Parts, seller: Seller) -> AsyncIterator[bool]:
    """One verdict for each step; the later ones make no sense once one has failed."""
    yield await _step("login", parts.api.tokens.access_token(seller), "Login with Amazon gave an access token")
    now = utc_now()
    if parts.versions.in_force(seller, now) == V2026:
        try:
            await _list_one(parts, V2026, seller, now)
        except RefusalError as refusal:
            if not parts.versions.falls_back(seller, now, refusal):
                yield await _step("orders", _raise(refusal), "")
                return
            line(f"  note  v2026-01-01 is refused: {refusal.reason}", "yellow")
        except (MwsError, MappingError) as error:
            yield await _step("orders", _raise(error), "")
            return
        else:
            for dataset in sorted(parts.datasets.refused(seller)):
                line(
                    f"  note  without a role for {dataset}: answers will lack {_ROLES.get(dataset, dataset)}",
                    "yellow",
                )
            yield await _step("orders", _done(), f"searchOrders answered; {_in_force(parts, seller, now)}")
            return
    operation = OPERATIONS["getOrders"]
    yield await _step("restricted data", parts.api.tokens.grant_for(seller, operation), "the token service answered")
    for element in sorted(parts.api.tokens.refused(seller)):
        line(f"  note  without a role for {element}: answers will lack {_ROLES.get(element, element)}", "yellow")
    success = f"getOrders answered; {_in_force(parts, seller, now)}"
    yield await _step("orders", _list_one(parts, V0, seller, now), success)


def _in_force(parts: _Parts, seller: Seller, now: datetime) -> str:
    return f"Orders {parts.versions.in_force(seller, now)} is in force: {parts.versions.why(seller, now)}"


async def _done() -> None:
    """Nothing is left to do."""


async def _raise(error: Exception) -> None:
    raise error


async def _list_one(parts: _Parts, version: str, seller: Seller, now: datetime) -> None:
    """Read one order, as the endpoint would."""
    arguments: Arguments = {
        "MarketplaceId": seller.marketplace_ids,
        "CreatedAfter": now - timedelta(days=1),
        "MaxResultsPerPage": 1,
    }
    operation = MWS_OPERATIONS["ListOrders"]
    request = Request(Caller("check", seller), operation, arguments, now, UpstreamJournal())
    await parts.reads[version].list_orders(request, arguments, "CreatedBefore", format_instant(now - SETTLING))


async def _step(name: str, work: Awaitable[object], success: str) -> bool:
    try:
        await work
    except MwsError as error:
        line(f"  FAIL  {name}: {error.reason or error.message}", "bold red")
        line(f"        {_remedy(error)}")
        return False
    except MappingError as error:
        line(f"  FAIL  {name}: the answer is not what SP-API promises, at {error}", "bold red")
        return False
    line(f"  ok    {name}: {success}", "green")
    return True


def _remedy(error: MwsError) -> str:
    reason = error.reason.lower()
    for words, remedy in _REMEDIES:
        if words in reason:
            return remedy
    return _BY_CODE.get(error.fault.code, "look at the message of SP-API above")


#: Words of Amazon's refusals → what to do, first fit.
_REMEDIES = (
    (
        "invalid_grant",
        "let the seller authorise the application again, and put the new refresh token into the settings",
    ),
    ("invalid_client", "compare client_id and client_secret with the developer console; secrets end after 180 days"),
    ("unauthorized_client", "the application is not registered for this grant: look at it in the developer console"),
    # Amazon says "access … is denied" to these too, and this only in the details.
    ("access token you provided", "the refresh token, the role or the region is not right for this seller"),
    (
        "access to requested resource is denied",
        "the role Inventory and Order Tracking is missing, or the refresh token is of another region",
    ),
)

_BY_CODE = {
    "AccessDenied": "the refresh token, the role or the region is not right for this seller",
    "InvalidParameterValue": "one of the marketplaces is not one of this seller's in this region",
    "RequestThrottled": "the usage plan of this seller is used up; try again in a minute",
    "ServiceUnavailable": "no answer: is there a way out to Amazon from here (firewall, proxy, DNS)?",
    "InternalError": "Amazon answered something unexpected; try again, and look at the addresses in [upstream]",
}
