"""Access tokens: Login with Amazon for every call, restricted data tokens for personal data in Orders v0.

Both are cached until five minutes before they expire and renewed by one request at a time, however many calls wait,
and however many copies of the bridge share their state. While a renewal is under way, hangs or fails, the old token
is used for as long as it is valid.
"""

import asyncio
import contextlib
import hashlib
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import httpx
import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bridge.state.interface import State, StoreError
from bridge.upstream.accounts import Seller
from bridge.upstream.errors import UpstreamFault, denied, unavailable
from bridge.upstream.journal import UpstreamJournal
from bridge.upstream.plans import OPERATIONS, UpstreamOperation
from mws_compat.errors import MwsError

__all__ = ["EARLY", "LWA", "Grant", "Tokens"]

#: Seconds before its end at which a token is renewed.
EARLY = 300.0

#: Seconds for which a failed renewal is not tried again while the old token is good.
_PAUSE = 15.0

#: Seconds for which a refused data element is not asked for again: as long as a token lasts.
_REFUSED_FOR = 3600.0

#: Seconds after which a copy of the bridge that ended in the middle of a renewal keeps the others from it no more.
_LEASE = 10.0
#: Seconds between two looks at whether another copy has renewed a token.
_LOOK = 0.05

#: How Login with Amazon is called among the operations of SP-API.
LWA = "LWA"
_RDT = "createRestrictedDataToken"
_RDT_PATH = "/tokens/2021-03-01/restrictedDataToken"

_log = logging.getLogger("mws_bridge.tokens")


class _LwaAnswer(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)
    access_token: str = Field(min_length=1, repr=False)
    expires_in: float = 3600.0


class _RdtAnswer(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)
    restricted_data_token: str = Field(alias="restrictedDataToken", min_length=1, repr=False)
    expires_in: float = Field(alias="expiresIn", default=3600.0)


@dataclass(frozen=True, slots=True)
class Grant:
    """A token and the restricted data elements that it opens."""

    token: str = field(repr=False)
    data_elements: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Entry:
    grant: Grant = field(repr=False)
    got_at: float
    renew_at: float
    dead_at: float


#: Sends one token request upstream, by that name in the journal if there is one, and returns the answer.
Send = Callable[[httpx.Request, str, UpstreamJournal | None], Awaitable[httpx.Response]]


class Tokens:
    """The tokens of all sellers.

    ``send`` sends a request and raises MwsError when no answer comes; ``take_rdt`` waits for the usage plan of
    createRestrictedDataToken; ``clock`` gives monotonic seconds, ``wall`` unix seconds; ``patience`` is how many
    seconds a renewal may take while the old token is good; ``state`` is shared with the other copies of the bridge.
    """

    def __init__(
        self,
        *,
        send: Send,
        take_rdt: Callable[[Seller], Awaitable[float]],
        lwa_url: str,
        base_url: Callable[[Seller], str],
        clock: Callable[[], float],
        wall: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        state: State,
        patience: float = 5.0,
    ) -> None:
        self._send = send
        self._take_rdt = take_rdt
        self._lwa_url = lwa_url
        self._base_url = base_url
        self._clock = clock
        self._wall = wall
        self._sleep = sleep
        self._state = state
        self._patience = patience
        self._entries: dict[tuple[str, ...], _Entry] = {}
        self._locks: dict[tuple[str, ...], asyncio.Lock] = {}
        self._refused: dict[tuple[str, ...], dict[str, float]] = {}
        self._warned: set[tuple[str, ...]] = set()

    async def access_token(self, seller: Seller, journal: UpstreamJournal | None = None) -> str:
        """A plain access token; what it costs upstream is written into ``journal``. Raises MwsError AccessDenied when
        Amazon refuses the application or the seller's authorisation, ServiceUnavailable when it cannot be asked."""
        grant = await self._cached(("lwa", *_key(seller)), lambda: self._fetch_access_token(seller, journal))
        return grant.token

    async def grant_for(
        self, seller: Seller, operation: UpstreamOperation, journal: UpstreamJournal | None = None
    ) -> Grant:
        """The token to call ``operation`` with: restricted where the application may have one, plain otherwise."""
        wanted = frozenset(operation.data_elements) - self.refused(seller)
        if not wanted:
            return Grant(await self.access_token(seller, journal))
        grant = await self._cached(("rdt", *_key(seller)), lambda: self._fetch_restricted_token(seller, journal))
        opened = grant.data_elements & wanted
        return grant if opened else Grant(await self.access_token(seller, journal))

    def refused(self, seller: Seller) -> frozenset[str]:
        """The data elements that Amazon has refused this seller's application in the last hour: its missing roles.
        They are asked for again after that, because a role may be granted and a refusal may have been a whim."""
        now = self._clock()
        return frozenset(name for name, until in self._refused.get(_key(seller), {}).items() if now < until)

    def age(self, seller: Seller) -> float | None:
        """Seconds since the seller's access token was got; None when there is none."""
        entry = self._entries.get(("lwa", *_key(seller)))
        return self._clock() - entry.got_at if entry is not None else None

    async def forget(self, seller: Seller, refused: str) -> None:
        """Drop the seller's tokens, because Amazon no longer takes ``refused``, unless they were renewed since: of
        many calls that were under way with one old token, the first drops it and the others find the new one."""
        keys = [(kind, *_key(seller)) for kind in ("lwa", "rdt")]
        if any(self._entries[key].grant.token == refused for key in keys if key in self._entries):
            for key in keys:
                self._entries.pop(key, None)
        shared = [await self._shared(key) for key in keys]
        if any(entry is not None and entry.grant.token == refused for entry in shared):
            await self._state.drop([_name(key) for key in keys])

    async def _cached(self, key: tuple[str, ...], fetch: Callable[[], Awaitable[_Entry]]) -> Grant:
        entry = self._entries.get(key)
        if entry is not None and self._clock() < entry.renew_at:
            return entry.grant
        lock = self._locks.setdefault(key, asyncio.Lock())
        if entry is not None and lock.locked() and self._clock() < entry.dead_at:
            return entry.grant  # somebody is renewing it
        async with lock:
            entry = self._entries.get(key)  # somebody may have renewed it while we waited
            if entry is not None and self._clock() < entry.renew_at:
                return entry.grant
            good = entry is not None and self._clock() < entry.dead_at
            try:
                async with asyncio.timeout(self._patience if good else None):
                    fresh = await self._renewed(key, fetch)
            except (MwsError, TimeoutError) as error:
                if entry is not None and self._clock() < entry.dead_at:
                    entry.renew_at = min(self._clock() + _PAUSE, entry.dead_at)
                    return entry.grant
                if isinstance(error, MwsError):
                    raise
                raise unavailable("the old token ended while its renewal took too long") from None
            self._entries[key] = fresh
            return fresh.grant

    async def _renewed(self, key: tuple[str, ...], fetch: Callable[[], Awaitable[_Entry]]) -> _Entry:
        """A fresh entry: one that another copy of the bridge has fetched, or else our own; one copy at a time."""
        name = _name(key)
        while True:
            shared = await self._shared(key)
            if shared is not None and self._clock() < shared.renew_at:
                return shared
            word = await self._state.lease(name, _LEASE)
            if word is None:
                await self._sleep(_LOOK)
                continue
            try:
                shared = await self._shared(key)  # the one before us may just have put it there
                if shared is not None and self._clock() < shared.renew_at:
                    return shared
                async with self._holding(name, word):
                    fresh = await fetch()
                await self._state.put({name: self._packed(fresh)}, fresh.dead_at - self._clock())
                return fresh
            finally:
                await self._state.release(name, word)

    @contextlib.asynccontextmanager
    async def _holding(self, name: str, word: str) -> AsyncIterator[None]:
        """Keep a lease for as long as a renewal takes."""

        async def hold() -> None:
            while True:
                await asyncio.sleep(_LEASE / 3)  # in the store's time, whatever clock we were given
                with contextlib.suppress(StoreError):
                    await self._state.extend(name, word, _LEASE)

        holding = asyncio.create_task(hold())
        try:
            yield
        finally:
            holding.cancel()

    async def _shared(self, key: tuple[str, ...]) -> _Entry | None:
        (packed,) = await self._state.get([_name(key)])
        if packed is None:
            return None
        token, elements, *times = orjson.loads(packed)
        got_at, renew_at, dead_at = (self._clock() + (moment - self._wall()) for moment in times)
        return _Entry(Grant(token, frozenset(elements)), got_at, renew_at, dead_at)

    def _packed(self, entry: _Entry) -> bytes:
        """An entry as others read it: in unix seconds, which is the clock that they have as well."""
        times = [self._wall() + (at - self._clock()) for at in (entry.got_at, entry.renew_at, entry.dead_at)]
        return orjson.dumps([entry.grant.token, sorted(entry.grant.data_elements), *times])

    def _entry(self, grant: Grant, expires_in: float) -> _Entry:
        now = self._clock()
        return _Entry(grant, now, now + max(expires_in - EARLY, expires_in / 2), now + expires_in)

    async def _fetch_access_token(self, seller: Seller, journal: UpstreamJournal | None) -> _Entry:
        form = {
            "grant_type": "refresh_token",
            "refresh_token": seller.refresh_token,
            "client_id": seller.application.client_id,
            "client_secret": seller.application.client_secret,
        }
        response = await self._send(httpx.Request("POST", self._lwa_url, data=form), LWA, journal)
        if response.status_code != 200:
            raise _lwa_refusal(seller, response)
        try:
            answer = _LwaAnswer.model_validate_json(response.content)
        except ValidationError:
            raise unavailable("Login with Amazon sent an answer without a token") from None
        return self._entry(Grant(answer.access_token), answer.expires_in)

    async def _fetch_restricted_token(self, seller: Seller, journal: UpstreamJournal | None) -> _Entry:
        """An RDT for as many data elements as the application has roles for; a plain token when it has none."""
        plain = await self.access_token(seller, journal)
        renewed = False
        while True:
            elements = _ALL_ELEMENTS - self.refused(seller)
            resources = _resources(elements)
            if not resources:
                return self._entry(Grant(plain), 3600.0)
            await self._take_rdt(seller)
            response = await self._send(
                httpx.Request(
                    "POST",
                    self._base_url(seller) + _RDT_PATH,
                    json={"restrictedResources": resources},
                    headers={"x-amz-access-token": plain},
                ),
                _RDT,
                journal,
            )
            if response.status_code == 200:
                try:
                    answer = _RdtAnswer.model_validate_json(response.content)
                except ValidationError:
                    raise unavailable("the token service sent an answer without a token") from None
                return self._entry(Grant(answer.restricted_data_token, elements), answer.expires_in)
            fault = UpstreamFault.of(response)
            if fault.is_stale_token and not renewed:
                renewed = True
                await self.forget(seller, plain)
                plain = await self.access_token(seller, journal)
                continue
            if response.status_code not in {400, 403} or fault.is_stale_token:
                raise fault.as_mws_error(_RDT)
            self._refuse(seller, _named(fault.message, elements))

    def _refuse(self, seller: Seller, elements: frozenset[str]) -> None:
        until = self._clock() + _REFUSED_FOR
        self._refused.setdefault(_key(seller), {}).update(dict.fromkeys(elements, until))
        news = sorted(name for name in elements if (*_key(seller), name) not in self._warned)
        self._warned.update((*_key(seller), name) for name in news)
        if news:
            _log.warning(
                "seller %s: the application has no role for %s; answers will lack it (see: mws-bridge check)",
                seller.seller_id,
                ", ".join(news),
            )


_ALL_ELEMENTS = frozenset(element for operation in OPERATIONS.values() for element in operation.data_elements)


def _key(seller: Seller) -> tuple[str, ...]:
    # New secrets make new tokens: whoever has corrected one need not wait for the end of what the old one got.
    secrets = f"{seller.refresh_token}\0{seller.application.client_secret}".encode()
    return (seller.application.client_id, seller.seller_id, seller.region, hashlib.sha256(secrets).hexdigest()[:16])


def _name(key: tuple[str, ...]) -> str:
    return ":".join(("token", *key))


def _resources(elements: frozenset[str]) -> list[dict[str, object]]:
    resources: list[dict[str, object]] = []
    for operation in OPERATIONS.values():
        kept = [element for element in operation.data_elements if element in elements]
        if kept:
            resources.append({"method": "GET", "path": operation.rdt_path, "dataElements": kept})
    return resources


def _named(message: str, asked: frozenset[str]) -> frozenset[str]:
    """The elements that a refusal names in brackets; all that were asked for when it names none of them."""
    match = re.search(r"\[([^\]]*)\]", message)
    named = frozenset(part.strip() for part in match.group(1).split(",")) & asked if match else frozenset()
    return named or asked


def _lwa_refusal(seller: Seller, response: httpx.Response) -> MwsError:
    if response.status_code >= 500 or response.status_code == 429:
        return unavailable(f"Login with Amazon answered HTTP {response.status_code}")
    fault = UpstreamFault.of(response)
    meaning = {
        "invalid_grant": "the seller's refresh token is not valid any more: authorise the application again",
        "invalid_client": "the application's client id or secret is wrong, or the secret has expired (180 days)",
        "unauthorized_client": "the application may not use this grant: look at its registration",
    }.get(fault.code, "Login with Amazon refused the request")
    message = "AuthToken is not valid for SellerId and AWSAccountId" if fault.code == "invalid_grant" else None
    return denied(f"{meaning} (seller {seller.seller_id}, {fault.code or response.status_code})", message)
