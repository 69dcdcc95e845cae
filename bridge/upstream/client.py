"""The SP-API client: throttle → token → send → classify, with retries inside one deadline."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import quote

import httpx
import orjson

from bridge.state.interface import State
from bridge.state.memory import MemoryState
from bridge.upstream.accounts import Seller
from bridge.upstream.errors import UpstreamFault, unavailable, unreadable
from bridge.upstream.journal import UpstreamAnswer, UpstreamCall, UpstreamJournal
from bridge.upstream.plans import OPERATIONS, UpstreamOperation
from bridge.upstream.regions import LWA_URL, REGION_HOSTS
from bridge.upstream.throttle import Throttle
from bridge.upstream.tokens import Tokens
from mws_compat.errors import MwsError

__all__ = ["ClientSettings", "SpApi"]

#: Statuses after which the same GET may be sent again.
_TRANSIENT = frozenset({500, 502, 503, 504})


class _WithoutQueries(logging.Filter):
    """httpx writes the URL of every request to its log; our queries may hold a buyer's address."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                value.copy_with(query=None) if isinstance(value, httpx.URL) else value for value in record.args
            )
        return True


_WITHOUT_QUERIES = _WithoutQueries()


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """How patient the client is. ``deadline`` bounds a call with all its retries and waits, in seconds; ``attempts``
    counts the first; ``origins`` and ``lwa_url`` point at another SP-API than Amazon's (the sandbox)."""

    deadline: float = 25.0
    connect_timeout: float = 5.0
    read_timeout: float = 12.0
    attempts: int = 3
    backoff: float = 0.25
    user_agent: str = "mws-bridge"
    lwa_url: str = LWA_URL
    origins: dict[str, str] = field(default_factory=lambda: dict(REGION_HOSTS))


class SpApi:
    """Calls SP-API for sellers.

    ``http`` is the connection (its transport is the caller's choice); ``clock`` gives monotonic seconds, ``sleep``
    waits, ``jitter`` gives numbers from 0 to 1. ``state`` holds the tokens, as the throttle's holds the buckets: this
    process's memory when none is given. ``wall`` gives unix seconds; nothing that is shared needs no other clock
    than ``clock``.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        throttle: Throttle,
        settings: ClientSettings,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        jitter: Callable[[], float] = random.random,
        state: State | None = None,
        wall: Callable[[], float] | None = None,
    ) -> None:
        logging.getLogger("httpx").addFilter(_WITHOUT_QUERIES)
        self._http = http
        self.throttle = throttle
        self._settings = settings
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._wall = wall or (clock if state is None else time.time)
        self.deadline = settings.deadline
        self._timeout = httpx.Timeout(settings.read_timeout, connect=settings.connect_timeout)
        self.tokens = Tokens(
            send=self._send_token_request,
            take_rdt=lambda seller: throttle.take(seller, OPERATIONS["createRestrictedDataToken"]),
            lwa_url=settings.lwa_url,
            base_url=self._origin,
            clock=clock,
            wall=self._wall,
            sleep=sleep,
            state=MemoryState(clock=clock) if state is None else state,
            patience=settings.deadline / 4,  # leaves time for the call itself
        )

    def _origin(self, seller: Seller) -> str:
        return self._settings.origins[seller.region]

    async def get(
        self,
        seller: Seller,
        operation: UpstreamOperation,
        path: str,
        query: list[tuple[str, str]],
        *,
        mws_operation: str,
        journal: UpstreamJournal,
    ) -> object | None:
        """The decoded JSON object of a GET; None when the answer is 404.

        ``query`` values are percent-encoded here, once. Raises MwsError for everything else that can go wrong, within
        the deadline. Retries answers 500, 502, 503, 504, broken connections, and answers that are not JSON, while the
        usage plan has tokens to spare.
        """
        url = self._origin(seller) + path
        if query:
            url += "?" + "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in query)
        try:
            async with asyncio.timeout(self._settings.deadline):
                return await self._get(seller, operation, url, mws_operation, journal)
        except TimeoutError:
            raise unavailable(f"{operation.name} did not end within {self._settings.deadline:g} s") from None

    async def _get(
        self, seller: Seller, operation: UpstreamOperation, url: str, mws_operation: str, journal: UpstreamJournal
    ) -> object | None:
        # The access token first: what the bucket gives is to be used at once, or Amazon's count is behind ours.
        grant = await self.tokens.grant_for(seller, operation, journal)
        journal.waited += await self.throttle.take(seller, operation)
        renewed = False
        attempt = 1
        while True:
            request = httpx.Request("GET", url, headers={"x-amz-access-token": grant.token, **self._headers()})
            failure: MwsError
            try:
                response = await self._send(request, operation.name, journal)
            except httpx.TransportError as error:
                failure = unavailable(f"{operation.name}: {type(error).__name__}")
            except httpx.DecodingError:
                failure = unreadable(f"{operation.name} answered something that cannot be unpacked")
            else:
                await self._learn(seller, operation, response)
                if response.status_code == 200:
                    answer = _decode(response)
                    if answer is not None:
                        return answer
                    failure = unreadable(
                        f"{operation.name} answered something that is not a JSON object",
                        upstream_request_id=response.headers.get("x-amzn-requestid", ""),
                    )
                elif response.status_code == 404:
                    return None
                else:
                    fault = UpstreamFault.of(response)
                    failure = fault.as_mws_error(mws_operation)
                    if fault.status == 429:
                        await self.throttle.drain(seller, operation)
                    if fault.is_stale_token and not renewed:
                        renewed = True
                        await self.tokens.forget(seller, grant.token)
                        grant = await self.tokens.grant_for(seller, operation, journal)
                        continue  # a refused token cost no work upstream; it does not count as an attempt
                    if fault.status not in _TRANSIENT:
                        raise failure
            if attempt >= self._settings.attempts:
                raise failure
            await self._sleep(self._settings.backoff * 2 ** (attempt - 1) * (0.5 + self._jitter()))
            attempt += 1
            grant = await self.tokens.grant_for(seller, operation, journal)
            try:
                await self.throttle.take(seller, operation, wait=False)
            except MwsError:
                raise failure from None  # what went wrong says more than that we may not try again

    def _headers(self) -> dict[str, str]:
        return {"user-agent": self._settings.user_agent, "accept": "application/json", "accept-encoding": "gzip"}

    async def _send(self, request: httpx.Request, name: str, journal: UpstreamJournal) -> httpx.Response:
        request.extensions["timeout"] = self._timeout.as_dict()
        started, at = self._clock(), self._wall()
        status, request_id, content = 0, "", b""
        try:
            response = await self._http.send(request)
            status, request_id = response.status_code, response.headers.get("x-amzn-requestid", "")
            content = response.content
            return response
        finally:
            journal.calls.append(UpstreamCall(name, status, request_id, self._clock() - started, at))
            if journal.answers is not None:
                path, _, query = request.url.raw_path.decode("ascii").partition("?")
                journal.answers.append(UpstreamAnswer(name, path, query, status, content))

    async def _send_token_request(
        self, request: httpx.Request, name: str, journal: UpstreamJournal | None
    ) -> httpx.Response:
        request.headers.update(self._headers())
        request.extensions["timeout"] = self._timeout.as_dict()
        attempt = 1
        while True:
            started, at = self._clock(), self._wall()
            status, request_id = 0, ""
            try:
                response = await self._http.send(request)
                status, request_id = response.status_code, response.headers.get("x-amzn-requestid", "")
            except httpx.RequestError as error:  # TransportError, and DecodingError
                failure = unavailable(f"{request.url.host}: {type(error).__name__}")
            else:
                if status not in _TRANSIENT:
                    return response
                failure = unavailable(f"{request.url.host} answered HTTP {status}")
            finally:
                if journal is not None:
                    journal.token_calls.append(UpstreamCall(name, status, request_id, self._clock() - started, at))
            if attempt >= self._settings.attempts:
                raise failure
            await self._sleep(self._settings.backoff * 2 ** (attempt - 1) * (0.5 + self._jitter()))
            attempt += 1

    async def _learn(self, seller: Seller, operation: UpstreamOperation, response: httpx.Response) -> None:
        told = response.headers.get("x-amzn-ratelimit-limit")
        if told:
            try:
                await self.throttle.learn(seller, operation, float(told))
            except ValueError:
                return  # best effort, as the header itself is


def _decode(response: httpx.Response) -> object | None:
    try:
        answer: object = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return None
    return answer if isinstance(answer, dict) else None
