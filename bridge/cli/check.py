"""``mws-bridge check``: is the configuration right, and does Amazon agree? In plain words."""

import argparse
import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta

import httpx

from bridge.cli.config import config_path, load_or_explain
from bridge.cli.console import heading, line
from bridge.endpoint.app import utc_now
from bridge.endpoint.build import build_api, sellers_of
from bridge.mapping import orders_v0 as v0
from bridge.mapping.rows import MappingError
from bridge.settings import Settings
from bridge.upstream.accounts import Seller
from bridge.upstream.client import SpApi, UpstreamJournal
from bridge.upstream.plans import OPERATIONS
from bridge.upstream.transport import AiohttpTransport
from mws_compat.errors import MwsError
from mws_compat.schema import format_instant

__all__ = ["run"]

_ROLES = {
    "buyerInfo": "buyer names, e-mail addresses and gift messages (role: Tax Invoicing or Tax Remittance)",
    "shippingAddress": "names and streets of shipping addresses (role: Direct-to-Consumer Shipping)",
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


async def _check_all(settings: Settings, sellers: list[Seller]) -> int:
    failed = 0
    async with httpx.AsyncClient(transport=AiohttpTransport()) as http:
        api = build_api(settings, http)
        for seller in sellers:
            heading(f"{seller.seller_id} ({seller.region}, {', '.join(seller.marketplace_ids)})")
            async for ok in _check_seller(api, seller):
                failed += not ok
                if not ok:
                    break
    line("all sellers can be served" if not failed else f"not served: {failed} of {_count(len(sellers), 'seller')}")
    return 1 if failed else 0


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


async def _check_seller(api: SpApi, seller: Seller) -> AsyncIterator[bool]:
    """One verdict for each step; the later ones make no sense once one has failed."""
    yield await _step("login", api.tokens.access_token(seller), "Login with Amazon gave an access token")
    operation = OPERATIONS["getOrders"]
    yield await _step("restricted data", api.tokens.grant_for(seller, operation), "the token service answered")
    for element in sorted(api.tokens.refused(seller)):
        line(f"  note  without a role for {element}: answers will lack {_ROLES.get(element, element)}", "yellow")
    yield await _step("orders", _list_one(api, seller), "getOrders answered")


async def _list_one(api: SpApi, seller: Seller) -> None:
    query = [
        ("MarketplaceIds", ",".join(seller.marketplace_ids)),
        ("CreatedAfter", format_instant(utc_now() - timedelta(days=1))),
        ("MaxResultsPerPage", "1"),
    ]
    operation = OPERATIONS["getOrders"]
    answer = await api.get(
        seller, operation, v0.LIST_PATH, query, mws_operation="ListOrders", journal=UpstreamJournal()
    )
    v0.read_order_page(answer)


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
