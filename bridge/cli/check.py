"""``mws-bridge check``: is the configuration right, and does Amazon agree? In plain words."""

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple, TypeAlias

import httpx

from bridge.cli.config import config_path, load_or_explain, name_of
from bridge.cli.console import heading, line
from bridge.endpoint.access import Caller
from bridge.endpoint.app import utc_now
from bridge.endpoint.build import build_api
from bridge.endpoint.reads import OrderReads, Request
from bridge.endpoint.reads_v0 import ReadsV0
from bridge.endpoint.reads_v2026 import ReadsV2026
from bridge.endpoint.service import sellers_of
from bridge.endpoint.versions import Versions
from bridge.mapping.rows import MappingError
from bridge.settings import Settings
from bridge.settings.files import list_account_files
from bridge.upstream.accounts import Seller
from bridge.upstream.client import SpApi
from bridge.upstream.datasets import Datasets
from bridge.upstream.errors import RefusalError
from bridge.upstream.journal import UpstreamJournal
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
    chosen = dict.fromkeys(arguments.sellers or sellers)
    unknown = [seller for seller in chosen if seller not in sellers]
    if unknown:
        print(f"mws-bridge: no [[seller]] has seller_id {', '.join(unknown)}", file=sys.stderr)
        return 2
    keys = len(settings.access_key)
    line(
        f"{_place(path, settings)}: {_count(len(sellers), 'seller')}, {_count(keys, 'access key')}: "
        "the configuration is consistent"
    )
    if not settings.server.token_keys:
        line("note: server.token_keys is not set; a restart will break listings that are under way", "yellow")
    if arguments.offline:
        return 0
    logging.disable(logging.WARNING)  # what would be logged is said below, in its place
    stored = settings.state is None or _check_store(settings.state.get_secret_value())
    served = asyncio.run(_check_all(settings, [sellers[id_] for id_ in chosen]))
    return 0 if stored and served else 1


def _place(path: Path | None, settings: Settings) -> str:
    if path is None or settings.accounts is None:
        return name_of(path)
    directory = path.parent / settings.accounts
    return f"{path} and {_count(len(list_account_files(directory)), 'file')} of {directory}"


def _check_store(url: str) -> bool:
    # Imported where it is needed: without a shared store, nobody needs its client.
    from bridge.state.redis import check  # noqa: PLC0415

    trouble = check(url, lambda work: asyncio.run(_finish(work)))
    if trouble is None:
        line("  ok    state: the shared store answers", "green")
        return True
    line(f"  FAIL  state: {trouble}", "bold red")
    line(f"        {_STORE_REMEDIES.get(trouble, _STORE_REMEDY)} Without it each process is on its own")
    return False


#: By what the store says; and where it says nothing.
_STORE_REMEDIES = {
    "AuthenticationError": "the user or the password in its address is wrong.",
    "NoPermissionError": "its user may not do what the bridge does: see its ACL.",
    "OutOfMemoryError": "it is full: set maxmemory-policy volatile-ttl, or give it more memory.",
    "ReadOnlyError": "it is a replica, which takes no changes: name the primary.",
}
_STORE_REMEDY = "is the store up, and is there a way to it from here?"


async def _finish(work: Awaitable[None]) -> None:
    await work


class _Parts(NamedTuple):
    """What a check works with."""

    api: SpApi
    reads: Mapping[str, OrderReads]
    versions: Versions
    datasets: Datasets


#: Takes a line of the report, and its style.
_Say: TypeAlias = Callable[[str, str], None]
#: Sellers that are checked at the same time.
_AT_ONCE = 8
#: Sellers whom the verdict names.
_NAMED = 10


async def _check_all(settings: Settings, sellers: list[Seller]) -> bool:
    """Whether all sellers can be served. They are told of in their order."""
    failed: list[str] = []
    async with httpx.AsyncClient(transport=AiohttpTransport()) as http:
        api = build_api(settings, http)
        datasets = Datasets(clock=time.monotonic)
        reads: dict[str, OrderReads] = {V0: ReadsV0(api), V2026: ReadsV2026(api, datasets)}
        versions = Versions(clock=time.monotonic, v0_until=settings.upstream.v0_until)
        parts = _Parts(api, reads, versions, datasets)
        turns = asyncio.Semaphore(_AT_ONCE)

        async def check(seller: Seller) -> tuple[bool, list[tuple[str, str]]]:
            said: list[tuple[str, str]] = []
            async with turns:
                async for ok in _check_seller(parts, seller, lambda text, style: said.append((text, style))):
                    if not ok:
                        return False, said
            return True, said

        tasks = [asyncio.create_task(check(seller)) for seller in sellers]
        for seller, task in zip(sellers, tasks, strict=True):
            served, said = await task
            heading(f"{seller.seller_id} ({seller.region}, {', '.join(seller.marketplace_ids)})")
            for text, style in said:
                line(text, style)
            if not served:
                failed.append(seller.seller_id)
    if not failed:
        line("all sellers can be served")
        return True
    more = len(failed) - _NAMED
    names = ", ".join(failed[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    of_several = f": {names}" if len(sellers) > 1 else ""
    line(f"not served: {len(failed)} of {_count(len(sellers), 'seller')}{of_several}")
    return False


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


async def _check_seller(parts: _Parts, seller: Seller, say: _Say) -> AsyncIterator[bool]:
    """One verdict for each step; the later ones make no sense once one has failed."""
    yield await _step(say, "login", parts.api.tokens.access_token(seller), "Login with Amazon gave an access token")
    now = utc_now()
    if parts.versions.in_force(seller, now) == V2026:
        try:
            await _list_one(parts, V2026, seller, now)
        except RefusalError as refusal:
            if not parts.versions.falls_back(seller, now, refusal):
                yield await _step(say, "orders", _raise(refusal), "")
                return
            say(f"  note  v2026-01-01 is refused: {refusal.reason}", "yellow")
        except (MwsError, MappingError) as error:
            yield await _step(say, "orders", _raise(error), "")
            return
        else:
            for dataset in sorted(parts.datasets.refused(seller)):
                say(
                    f"  note  without a role for {dataset}: answers will lack {_ROLES.get(dataset, dataset)}",
                    "yellow",
                )
            yield await _step(say, "orders", _done(), f"searchOrders answered; {_in_force(parts, seller, now)}")
            return
    operation = OPERATIONS["getOrders"]
    yield await _step(
        say, "restricted data", parts.api.tokens.grant_for(seller, operation), "the token service answered"
    )
    for element in sorted(parts.api.tokens.refused(seller)):
        say(f"  note  without a role for {element}: answers will lack {_ROLES.get(element, element)}", "yellow")
    success = f"getOrders answered; {_in_force(parts, seller, now)}"
    yield await _step(say, "orders", _list_one(parts, V0, seller, now), success)


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


async def _step(say: _Say, name: str, work: Awaitable[object], success: str) -> bool:
    try:
        await work
    except MwsError as error:
        say(f"  FAIL  {name}: {error.reason or error.message}", "bold red")
        say(f"        {_remedy(error)}", "")
        return False
    except MappingError as error:
        say(f"  FAIL  {name}: the answer is not what SP-API promises, at {error}", "bold red")
        return False
    say(f"  ok    {name}: {success}", "green")
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
