"""``mws-bridge replay``: ask recorded requests again, and compare the answers with the recorded ones."""

import argparse
import asyncio
import os
import secrets
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from io import BytesIO
from typing import Protocol

import httpx

from bridge.cli.accounts import find_account
from bridge.cli.config import config_path
from bridge.cli.diff import misspelt_paths, publish, refused, tell_unused, trouble
from bridge.cli.signing import Account, SignedRequest, sign_request
from bridge.diff import Change, Difference, DiffError, Origin, Profile, Step, Tally, compare
from bridge.diff.rules import Rules, RulesError, load_rules
from bridge.endpoint.masking import PERSONAL_QUERY, TOKEN, kept_answer
from bridge.endpoint.nexttoken import TokenSealer
from bridge.endpoint.recorded import KEY_ID, ORIGIN, SECRET, Recorded, RecordedUpstream, Recording, endpoint_over
from bridge.endpoint.recording import RecordedRequest
from bridge.endpoint.recording_store import RecordingError
from bridge.settings import check_origin
from bridge.upstream.plans import V0
from mws_compat.documents import ERROR
from mws_compat.errors import ReadError
from mws_compat.orders import OPERATIONS, After
from mws_compat.reader import Document, parse_document
from mws_compat.schema import TEXT, Record

__all__ = ["run"]

#: Seconds to wait, one after the other, while an endpoint throttles. A ListOrders is restored every minute.
_WAITS = (5.0, 15.0, 30.0, 60.0, 60.0)
#: Requests in a row without an answer, after which no further one is sent.
_MOST_SILENT = 3
#: Places of differences that stand in no table.
_OWN = frozenset({"Error", "Status", "UpstreamRequest", TOKEN, *OPERATIONS})
_HEADERS = {"User-Agent": "mws-bridge replay", "Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}


def run(arguments: argparse.Namespace) -> int:
    """Returns 0 when every answer is the recorded one, 1 when one is not, 2 when something could not be read or
    asked, or nothing was there to ask."""
    try:
        recording = Recording(arguments.recording)
        rules = load_rules(arguments.rules) if arguments.rules else Rules()
        asker, new_name = _asker(arguments)
    except RecordingError as error:
        return trouble([str(error)])
    except RulesError as error:
        return trouble(error.faults)
    except ValueError as error:
        return trouble([f"--against {error}"])
    config = config_path(arguments)
    if refused(arguments, [config] if config else [], recording=arguments.recording):
        return 2
    replay = _Replay(recording, asker, rules, live=arguments.against is not None)
    try:
        asyncio.run(replay.run())
    except _NoAccountError:
        return 2
    replay.tell()
    if not replay.compared:
        return trouble([*replay.faults, f"{arguments.recording}: nothing of it could be compared"])
    if misspelt := misspelt_paths(rules, own=_OWN):
        return trouble([*replay.faults, *misspelt])
    code = publish(replay.tally, arguments, old_name=str(arguments.recording), new_name=new_name)
    tell_unused(rules)
    return trouble(replay.faults) if replay.faults else code


def _asker(arguments: argparse.Namespace) -> tuple["_Asker", str]:
    """Whom to ask, and what the report calls that. Raises ValueError for what is no address."""
    if arguments.against is None:
        return _PresentCode(), "the present code"
    origin = check_origin(arguments.against)
    return _Live(origin, arguments), origin


# --- who answers ----------------------------------------------------------------------------------------------------


class _NoAccountError(Exception):
    """Nobody to call as; it has been said."""


class _SilentError(Exception):
    """No answer came, or none but that the request is throttled."""


class _Asker(Protocol):
    """Answers recorded requests."""

    async def ask(self, exchange: Recorded, parameters: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body. Raises _SilentError, and _NoAccountError."""

    def remarks(self, request: RecordedRequest) -> Iterable[Difference]:
        """What else differed in the last request."""

    async def close(self) -> None:
        """No more requests come."""


def _signed(
    origin: str, request: RecordedRequest, parameters: Mapping[str, str], account: Account, now: datetime
) -> SignedRequest:
    return sign_request(
        origin,
        request.operation,
        parameters,
        account,
        now=now,
        method="GET" if request.method == "GET" else "POST",
        section=request.section,
        version=request.version,
    )


class _Live:
    """An endpoint somewhere. Nobody else is called: redirects are not followed."""

    def __init__(self, origin: str, arguments: argparse.Namespace) -> None:
        self._origin = origin
        self._arguments = arguments
        self._accounts: dict[str, Account] = {}
        self._pause = 1.0 / arguments.rate
        self._next = 0.0
        self._http = httpx.AsyncClient(timeout=60.0, headers=_HEADERS, follow_redirects=False)

    async def close(self) -> None:
        await self._http.aclose()

    async def ask(self, exchange: Recorded, parameters: Mapping[str, str]) -> tuple[int, bytes]:
        seller = exchange.request.seller.id if exchange.request.seller else ""
        account = self._accounts.get(seller)
        if account is None:
            found = find_account(self._arguments, seller=seller)
            if found is None:
                raise _NoAccountError
            account = self._accounts[seller] = found
        for wait in (*_WAITS, None):
            await self._take_turn()
            signed = _signed(self._origin, exchange.request, parameters, account, datetime.now(UTC))
            try:
                answer = await self._http.request(signed.method, signed.url, content=signed.body)
            except (httpx.RequestError, httpx.InvalidURL) as error:
                raise _SilentError(f"no answer: {type(error).__name__}") from None
            if answer.status_code != 503 or b"<Code>RequestThrottled</Code>" not in answer.content:
                return answer.status_code, answer.content
            if wait is not None:
                print(f"mws-bridge: throttled; asking again in {wait:g} s", file=sys.stderr)
                await asyncio.sleep(wait)
        raise _SilentError(f"still throttled after {sum(_WAITS):g} s; use a smaller --rate")

    async def _take_turn(self) -> None:
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, self._next - now))
        self._next = max(now, self._next) + self._pause

    def remarks(self, request: RecordedRequest) -> Iterable[Difference]:  # noqa: ARG002 - it sees nothing else
        return ()


class _PresentCode:
    """The endpoint as it is now, over what SP-API answered then."""

    def __init__(self) -> None:
        self._at = 0.0
        self._sealer = TokenSealer([secrets.token_hex(32)], clock=lambda: self._at, random_bytes=os.urandom)
        self._upstream: RecordedUpstream | None = None

    async def close(self) -> None:
        return None

    async def ask(self, exchange: Recorded, parameters: Mapping[str, str]) -> tuple[int, bytes]:
        request = exchange.request
        assert request.seller is not None  # noqa: S101 - others are left out
        self._at = request.at.timestamp()
        self._upstream = RecordedUpstream(exchange)
        endpoint = endpoint_over(exchange, self._upstream, self._sealer)
        signed = _signed(ORIGIN, request, parameters, Account(KEY_ID, SECRET, request.seller.id), request.at)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(endpoint), headers=_HEADERS) as http:
            answer = await http.request(signed.method, signed.url, content=signed.body)
        return answer.status_code, answer.content

    def remarks(self, request: RecordedRequest) -> Iterable[Difference]:
        if self._upstream is None:
            return
        for path in self._upstream.asked:
            yield Difference(Change.EXTRA_FIELD, (_step(request), Step("UpstreamRequest")), None, path, TEXT)
        for name, old, new in self._upstream.changed:
            change = Change.MISSING_FIELD if new is None else Change.EXTRA_FIELD if old is None else Change.VALUE
            steps = (_step(request), Step("UpstreamRequest"), Step(name))
            yield Difference(change, steps, old, new, TEXT, pii=name in PERSONAL_QUERY)


# --- the replay -----------------------------------------------------------------------------------------------------


class _Input(BytesIO):
    """Bytes with the name under which a comparison knows them."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name


class _Replay:
    """Asks the exchanges of a recording one after the other. ``compared`` counts them, ``left_out`` the others by the
    reason; ``faults`` says what could not be read or asked."""

    def __init__(self, recording: Recording, asker: _Asker, rules: Rules, *, live: bool) -> None:
        self._recording = recording
        self._asker = asker
        self._rules = rules
        self._judge = Profile("exact", rules=rules.rules, only=rules.only)
        #: For what keeps all that is asked about from being looked at.
        self._judge_always = Profile("exact", rules=rules.rules)
        self._live = live
        #: The recorded placeholder of each NextToken, and the token that the present answer has; '' for none.
        self._tokens: dict[str, str] = {}
        self._silent = 0
        self.tally = Tally()
        self.faults = self.tally.faults
        self.compared = 0
        self.left_out: Counter[str] = Counter()

    async def run(self) -> None:
        try:
            for exchange in self._recording:
                if isinstance(exchange, RecordingError):
                    self.faults.append(str(exchange))
                    continue
                await self._replay(exchange)
                if self._silent == _MOST_SILENT:
                    self.faults.append(f"gave up after {_MOST_SILENT} requests in a row without an answer")
                    return
        finally:
            await self._asker.close()

    async def _replay(self, exchange: Recorded) -> None:
        request = exchange.request
        reason = self._why_not(request)
        if reason:
            self.left_out[reason] += 1
            return
        try:
            old = parse_document(exchange.answer)
        except ReadError as error:
            self.faults.append(f"{exchange.path}: {error}; restore it, or remove this exchange's files")
            return
        try:
            status, body = await self._asker.ask(exchange, self._parameters(request, old.result))
        except _SilentError as error:
            self._silent += 1
            self.faults.append(f"{exchange.name}: {error}")
            return
        self._silent = 0
        try:
            new = parse_document(body)
            kept = kept_answer(body, masked=self._recording.masked)
        except (ReadError, ValueError) as error:
            self.faults.append(f"{exchange.name}: HTTP {status} with what is no answer of MWS: {error}")
            return
        self._compare(exchange, old, status, new, kept)

    def _why_not(self, request: RecordedRequest) -> str:
        """Why a request is not asked again, or ''."""
        operation = OPERATIONS.get(request.operation)
        if request.seller is None or operation is None:
            return "the caller was not let in"
        if self._live and request.status >= 500:
            return "the failure was one that passes"
        if not self._live and _failed_here(request):
            return "it failed before SP-API was asked"
        personal = any(parameter.pii and parameter.name in request.parameters for parameter in operation.parameters)
        # Over v2026-01-01 the bridge itself looks for it, and among masked values more than one may look alike.
        looked_for = self._live or request.seller.upstream != V0
        if personal and looked_for and self._recording.masked:
            return "it asks for personal data, which is masked in the recording"
        token = request.parameters.get(TOKEN)
        if request.status == 200 and token is not None and not self._tokens.get(token):
            if token in self._tokens:
                return "it continues a listing that ends earlier now"
            return "it continues a listing of which the page before is not in the recording"
        return ""

    def _parameters(self, request: RecordedRequest, answered: Record) -> dict[str, str]:
        """What to ask: the next page of the listing as it is now, and no further than the recorded answer went."""
        parameters = dict(request.parameters)
        token = parameters.get(TOKEN)
        if token is not None and request.code != "NextTokenCorrupted":
            parameters[TOKEN] = self._tokens.get(token) or token
        if self._live:
            for rule in OPERATIONS[request.operation].rules:
                if isinstance(rule, After) and rule.earlier in parameters and rule.later not in parameters:
                    bound = answered.get(rule.later)
                    if isinstance(bound, str) and bound:
                        parameters[rule.later] = bound
        return parameters

    def _compare(self, exchange: Recorded, old: Document, status: int, new: Document, kept: bytes) -> None:
        request = exchange.request
        step = _step(request)
        found = list(self._asker.remarks(request))
        if status != request.status:
            found.append(Difference(Change.VALUE, (step, Step("Status")), str(request.status), str(status), TEXT))
        old_error, new_error = (document.action == "Error" for document in (old, new))
        if old_error and not new_error:
            found.append(Difference(Change.MISSING_FIELD, (step, Step("Error")), old.result, None, ERROR))
        elif new_error and not old_error:
            found.append(Difference(Change.EXTRA_FIELD, (step, Step("Error")), None, new.result, ERROR))
        else:
            token, fresh = _token_of(old), _token_of(new)
            if token:
                self._tokens[token] = fresh
            if token and not fresh:
                found.append(Difference(Change.MISSING_FIELD, (step, Step(TOKEN)), token, None, TEXT))
            elif fresh and not token:
                found.append(Difference(Change.EXTRA_FIELD, (step, Step(TOKEN)), None, "a further page", TEXT))
            self._compare_documents(exchange, kept)
        if old_error != new_error and (token := _token_of(old)):
            self._tokens[token] = ""
        placed = [one._replace(old_source=str(exchange.path), new_source=f"{exchange.name}, now") for one in found]
        judged = [self._judge_of(one).judge(one, Origin.MWS, Origin.MWS) for one in placed]
        self.tally.pair(request.operation, judged)
        self.compared += 1

    def _judge_of(self, difference: Difference) -> Profile:
        return self._judge_always if difference.steps[-1].name in {"Error", TOKEN} else self._judge

    def _compare_documents(self, exchange: Recorded, kept: bytes) -> None:
        old, new = _Input(exchange.answer, str(exchange.path)), _Input(kept, f"{exchange.name}, now")
        rules = self._rules
        try:
            for _ in compare(old, new, "exact", rules=rules.rules, only=rules.only, tally=self.tally):
                pass  # the tally keeps them
        except DiffError as error:
            self.faults += [str(fault) for fault in error.faults]

    def tell(self) -> None:
        """Say on stderr how many were asked, and why others were not."""
        print(
            f"mws-bridge: {self.compared:,} of {len(self._recording):,} recorded requests compared", file=sys.stderr
        )
        for reason, count in self.left_out.most_common():
            print(f"mws-bridge: {count:,} left out: {reason}", file=sys.stderr)


def _step(request: RecordedRequest) -> Step:
    return Step(request.operation, f"{request.number:09}")


def _failed_here(request: RecordedRequest) -> bool:
    """Whether it was not SP-API's answers that made a request fail: a bucket was empty, or a token was not to be
    had."""
    statuses = {call.status for call in request.upstream}
    if request.code == "RequestThrottled":
        return 429 not in statuses
    if request.code == "ServiceUnavailable":
        return not any(status == 0 or status >= 500 for status in statuses)
    return not statuses and (request.status >= 500 or request.code == "AccessDenied")


def _token_of(document: Document) -> str:
    token = document.result.get(TOKEN)
    return token.strip() if isinstance(token, str) else ""
