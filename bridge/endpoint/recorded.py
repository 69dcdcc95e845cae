"""A recording, read; and what the present code makes of it.

The recorded requests are asked again of an endpoint whose upstream is the recording: signature, parameters, mapping
and rendering are the present code's, and nothing goes over any network.
"""

import math
import os
import re
import secrets
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl

import httpx
import orjson
from pydantic import ValidationError

from bridge.endpoint.access import AccessBook, AccessKey, SellerAccess
from bridge.endpoint.app import Endpoint, EndpointSettings, new_request_id
from bridge.endpoint.build import build_handlers
from bridge.endpoint.kept import KeptOrders
from bridge.endpoint.nexttoken import TokenSealer
from bridge.endpoint.recording import RecordedCall, RecordedRequest, answers_of
from bridge.endpoint.recording_store import REQUESTS, UPSTREAM, RecordingError, read_marker
from bridge.mapping import calls_v2026
from bridge.state.memory import MemoryState
from bridge.upstream.accounts import Application, Seller
from bridge.upstream.client import ClientSettings, SpApi
from bridge.upstream.datasets import Datasets
from bridge.upstream.plans import UpstreamOperation
from bridge.upstream.throttle import Throttle

__all__ = ["KEY_ID", "ORIGIN", "SECRET", "Recorded", "RecordedUpstream", "Recording", "endpoint_over"]

#: Where the endpoint over a recording is, for whoever signs: nowhere.
ORIGIN = "http://recording.invalid"
KEY_ID = "AKIARECORDING"
SECRET = "opens a recording and nothing else"  # noqa: S105 - it does
_REQUEST_FILE = re.compile(r"([0-9]{9,})-[A-Za-z]+\.request")


class Recorded(NamedTuple):
    """An exchange: its request, its answer, the payloads of its upstream file."""

    name: str
    path: Path
    request: RecordedRequest
    answer: bytes
    payloads: tuple[bytes, ...]


class Recording:
    """The exchanges in a directory. Raises RecordingError when it holds no recording."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.masked = read_marker(directory)
        found: list[tuple[int, str, str]] = []
        try:
            for day in os.scandir(directory / REQUESTS):
                if day.is_dir():
                    for entry in os.scandir(day.path):
                        match = _REQUEST_FILE.fullmatch(entry.name)
                        if match:
                            found.append((int(match[1]), day.name, entry.name.removesuffix(".request")))
        except OSError as error:
            place = error.filename or directory
            raise RecordingError(f"{place}: {error.strerror}; restore it, or record anew") from None
        self._found = sorted(found)

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Recorded | RecordingError]:
        """The exchanges in their order; a RecordingError for one that cannot be read."""
        for _, day, name in self._found:
            try:
                yield self._read(day, name)
            except RecordingError as error:
                yield error

    def _read(self, day: str, name: str) -> Recorded:
        place = self._directory / REQUESTS / day / f"{name}.request"
        try:
            request = RecordedRequest.model_validate_json(_bytes_of(place))
        except ValidationError as error:
            fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(map(str, fault["loc"])) or "the file"
            raise _damaged(place, f"{where}: {fault['msg'].lower()}") from None
        answer = self._directory / answers_of(request) / day / f"{name}.mws.xml"
        body = _bytes_of(answer)
        payloads: tuple[bytes, ...] = ()
        needed = [call.line for call in request.upstream if call.line is not None]
        if needed:
            upstream = self._directory / UPSTREAM / day / f"{name}.upstream.ndjson"
            payloads = tuple(_bytes_of(upstream).splitlines())
            if len(payloads) <= max(needed):
                raise _damaged(upstream, f"has {len(payloads)} lines of {max(needed) + 1}")
            for number, line in enumerate(payloads, 1):
                try:
                    orjson.loads(line)
                except orjson.JSONDecodeError:
                    raise _damaged(upstream, f"line {number} is not JSON") from None
        return Recorded(name, answer, request, body, payloads)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _damaged(path, error.strerror or type(error).__name__) from None


def _damaged(path: Path, reason: str) -> RecordingError:
    return RecordingError(f"{path}: {reason}; restore it, or remove this exchange's files")


# --- an endpoint over it --------------------------------------------------------------------------------------------


class RecordedUpstream(httpx.AsyncBaseTransport):
    """Answers as SP-API answered in one exchange: each path with its answers in their order, though that to the very
    query before others, and the last one as often as it is asked for. ``asked`` are the paths that were asked for
    although the recording has nothing of them, and ``changed`` (parameter, recorded value, present value) where a
    query is not the recorded one."""

    def __init__(self, exchange: Recorded) -> None:
        self._payloads = exchange.payloads
        self._answers: dict[str, list[RecordedCall]] = {}
        for call in exchange.request.upstream:
            self._answers.setdefault(call.path, []).append(call)
        self.asked: list[str] = []
        self.changed: list[tuple[str, str | None, str | None]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        if path == _LOGIN_PATH:
            return httpx.Response(200, json={"access_token": "recorded", "expires_in": 3600})
        if request.method == "POST":  # the token service
            return httpx.Response(200, json={"restrictedDataToken": "recorded", "expiresIn": 3600})
        answers = self._answers.get(path)
        if not answers:
            self.asked.append(path)
            raise httpx.ConnectError("the recording has no answer")
        pairs = parse_qsl(query, keep_blank_values=True)
        # Answers to other queries were refusals: the bridge asked for less after them, and knows it now beforehand.
        call = next((one for one in answers if list(one.query) == pairs), answers[0])
        if len(answers) > 1:
            answers.remove(call)
        self._compare(dict(call.query), dict(pairs))
        if call.status == 0:
            raise httpx.ConnectError("no answer came")
        if call.line is not None:
            return httpx.Response(call.status, content=self._payloads[call.line])
        return httpx.Response(call.status, content=orjson.dumps(call.error) if call.error else b"")

    def _compare(self, old: dict[str, str], new: dict[str, str]) -> None:
        for name in dict.fromkeys([*old, *new]):
            change = (name, old.get(name), new.get(name))
            if change[1] != change[2] and change not in self.changed:
                self.changed.append(change)


_LOGIN_PATH = "/auth/o2/token"


class _BucketsThen(Throttle):
    """Never refuses a call, and tells of the buckets what the bridge saw of them: those of operations that it called
    held enough, that of searchOrders for just as many pages; the others were empty."""

    def __init__(self, request: RecordedRequest) -> None:
        super().__init__(clock=request.at.timestamp, sleep=_at_once)
        # What a refused call took is not needed now: it is not made again (_DatasetsThen).
        made = Counter(call.operation for call in request.upstream if call.status != 403)
        self._left = {call.operation: math.inf for call in request.upstream} | {_SEARCH: float(made[_SEARCH])}

    async def available(self, seller: Seller, operation: UpstreamOperation) -> float:  # noqa: ARG002 - there is but one
        return self._left.get(operation.name, 0.0)

    async def take(self, seller: Seller, operation: UpstreamOperation, *, wait: bool = True) -> float:  # noqa: ARG002
        self._left[operation.name] = self._left.get(operation.name, 0.0) - 1.0
        return 0.0


_SEARCH = "searchOrders"


class _DatasetsThen(Datasets):
    """Knows beforehand which datasets had been refused when an exchange was over."""

    def __init__(self, request: RecordedRequest) -> None:
        super().__init__(clock=request.at.timestamp)
        asked = [
            frozenset(dict(call.query).get("includedData", "").split(","))
            for call in request.upstream
            if call.path.startswith(calls_v2026.LIST_PATH)
        ]
        self.given = asked[-1] if asked else frozenset[str]()
        self._then = frozenset(calls_v2026.RESTRICTED_DATASETS).union(*asked) - self.given

    def refused(self, seller: Seller) -> frozenset[str]:
        return self._then | super().refused(seller)

    @property
    def of_everything(self) -> bool:
        """Whether more was asked for than one operation needs, so that what came could be kept for others."""
        return not any(self.given <= needed for needed in (calls_v2026.ORDER_DATASETS, calls_v2026.ITEM_DATASETS))


def endpoint_over(exchange: Recorded, upstream: RecordedUpstream, sealer: TokenSealer) -> Endpoint:
    """The present endpoint, at the moment of an exchange, for the caller of that exchange (under KEY_ID and SECRET)
    and over its upstream answers. NextTokens are good in the endpoints that have the same ``sealer``."""
    request = exchange.request
    assert request.seller is not None  # noqa: S101 - the caller asks only for exchanges that have one
    seller = Seller(
        request.seller.id,
        Application("recorded", "recorded"),
        "recorded",
        request.seller.region,
        request.seller.marketplaces,
        request.seller.upstream,
    )
    api = SpApi(
        httpx.AsyncClient(transport=upstream, trust_env=False),
        throttle=_BucketsThen(request),
        settings=ClientSettings(
            attempts=max(3, len(request.upstream)),
            lwa_url=f"{ORIGIN}{_LOGIN_PATH}",
            origins={request.seller.region: ORIGIN},
        ),
        clock=request.at.timestamp,
        sleep=_at_once,
    )
    datasets = _DatasetsThen(request)
    handlers = build_handlers(
        api,
        sealer,
        clock=request.at.timestamp,
        v0_until=_NEVER,  # it served then
        # It keeps nothing: what was answered from memory then stands in the recording.
        kept=KeptOrders(MemoryState(clock=request.at.timestamp, max_bytes=0), timedelta())
        if datasets.of_everything
        else None,
        datasets=datasets,
    )
    return Endpoint(
        AccessBook([AccessKey(KEY_ID, SECRET, {seller.seller_id: SellerAccess(seller)})]),
        handlers,
        settings=EndpointSettings(strict_status_pair=request.strict_status_pair),
        now=lambda: request.at,
        new_request_id=new_request_id,
        random_bytes=secrets.token_bytes,
        emit=lambda _: None,
    )


_NEVER = datetime.max.replace(tzinfo=UTC)


async def _at_once(_: float) -> None:
    """Nobody waits for what is over."""
