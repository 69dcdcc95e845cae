"""Keeps what was asked and answered, as files that ``convert``, ``diff`` and ``replay`` read.

::

    DIR/.recording.toml                                    version; whether personal data is masked
    DIR/answers/2026-11-22/000000017-ListOrders.mws.xml    the answer, when it holds orders or items
    DIR/others/2026-11-22/000000018-ListOrders.mws.xml     the answer, when it is an error or the service status
    DIR/upstream/2026-11-22/000000017-ListOrders.upstream.ndjson
                                                           what SP-API said, a payload a line; when it said something
    DIR/requests/2026-11-22/000000017-ListOrders.request   the request, status and code of the answer, what was asked
                                                           upstream; JSON, but under a name that is taken for no feed

``answers`` and ``upstream`` tell of the same orders, in two forms: read one of them, not DIR as a whole. Upstream may
hold more: items that came along with orders, and orders that the bridge left out. Exchanges are numbered in the order
in which they were answered. The request is written last: an exchange without one is not whole, and is nobody's.

Nothing that signs, authenticates or authorises gets in: neither keys, signatures, MWSAuthTokens nor headers; a
NextToken is replaced by what only tells it from others. Personal data is masked unless told otherwise.
"""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple, Self
from urllib.parse import parse_qsl

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from bridge.endpoint.access import Caller
from bridge.endpoint.masking import kept_answer, kept_error, kept_parameters, kept_payload, kept_query
from bridge.endpoint.recording_store import ANSWERS, OTHERS, REQUESTS, UPSTREAM, Store
from bridge.mapping import calls_v2026
from bridge.upstream.journal import UpstreamAnswer
from bridge.upstream.plans import V0
from mws_compat.query import Address, Call

__all__ = ["Exchange", "RecordedCall", "RecordedRequest", "RecordedSeller", "Recorder", "answers_of"]

_log = logging.getLogger("mws_bridge.recording")

#: Seconds between two complaints in the log.
_QUIET = 60.0
#: Exchanges that may wait to be written.
_QUEUE = 128
#: Seconds that the writer is given at the end.
_PATIENCE = 30.0


class Exchange(NamedTuple):
    """A request and its answer, as the endpoint had them: ``call``, ``address`` and ``caller`` are None for what did
    not come that far. ``code`` is '' for success; ``body`` is not compressed."""

    at: datetime
    method: str
    call: Call | None
    address: Address | None
    caller: Caller | None
    strict_status_pair: bool
    status: int
    code: str
    body: bytes
    upstream: tuple[UpstreamAnswer, ...]


# --- what is written ------------------------------------------------------------------------------------------------


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class RecordedCall(_Model):
    """A call upstream, or one that an answer from memory saved. ``status`` 0: no answer came. ``line`` is the number,
    from 0, of its payload's line in the upstream file; an answer without one was no JSON object, or an ``error``."""

    operation: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    status: int
    line: int | None = Field(default=None, ge=0)
    error: dict[str, JsonValue] | None = None


class RecordedSeller(_Model):
    """Whom the caller called for. ``upstream`` is the version of the Orders API that answered; recordings that do not
    name it are older than the choice."""

    id: str
    region: str
    marketplaces: tuple[str, ...]
    upstream: Literal["v0", "v2026-01-01"] = "v0"


class RecordedRequest(_Model):
    """A request file. ``operation`` is ``Unknown`` and ``seller`` None where the request did not come that far;
    ``left_out`` counts parameters of which nothing is kept."""

    number: int
    at: AwareDatetime
    method: str
    section: str = ""
    version: str = ""
    operation: str
    parameters: dict[str, str] = {}
    left_out: int = 0
    seller: RecordedSeller | None = None
    strict_status_pair: bool = False
    status: int
    code: str = ""
    upstream: tuple[RecordedCall, ...] = ()


def _files_of(exchange: Exchange, number: int, *, masked: bool) -> dict[str, bytes]:
    """Directory → the content of the exchange's file there."""
    calls: list[RecordedCall] = []
    payloads: list[bytes] = []
    for answer in exchange.upstream:
        query = kept_query(parse_qsl(answer.query, keep_blank_values=True), masked=masked)
        body = _decoded(answer.content)
        line, error = None, None
        if answer.status == 200 and isinstance(body, dict):
            line = len(payloads)
            payloads.append(orjson.dumps(kept_payload(answer.operation, body, masked=masked)))
        elif answer.status not in {0, 200}:
            error = kept_error(body)
        calls.append(
            RecordedCall(
                operation=answer.operation,
                path=answer.path,
                query=tuple(query),
                status=answer.status,
                line=line,
                error=error,
            )
        )
    address, call, caller = exchange.address, exchange.call, exchange.caller
    given = call.parameters if call is not None else {}
    known = kept_parameters(address.operation, given, masked=masked) if address and caller else {}
    request = RecordedRequest(
        number=number,
        at=exchange.at,
        method=exchange.method if exchange.method in {"GET", "POST"} else "",
        section=address.section if address else "",
        version=address.version if address else "",
        operation=_operation(exchange),
        parameters=known,
        left_out=len(given.keys() - known.keys() - _COMMON),
        seller=_seller(caller, exchange.upstream) if caller else None,
        strict_status_pair=exchange.strict_status_pair,
        status=exchange.status,
        code=exchange.code,
        upstream=tuple(calls),
    )
    files = {answers_of(request): kept_answer(exchange.body, masked=masked)}
    files[REQUESTS] = request.model_dump_json(indent=1).encode() + b"\n"
    if payloads:
        files[UPSTREAM] = b"\n".join([*payloads, b""])
    return files


def answers_of(request: RecordedRequest) -> str:
    """The directory in which the answer to a request is."""
    return ANSWERS if request.status == 200 and request.operation != "GetServiceStatus" else OTHERS


#: What every request has; a replay makes it anew.
_COMMON = frozenset(
    {
        *("AWSAccessKeyId", "Action", "SellerId", "Merchant", "MWSAuthToken", "Signature", "SignatureMethod"),
        *("SignatureVersion", "Timestamp", "Version"),
    }
)


def _operation(exchange: Exchange) -> str:
    return exchange.address.operation.name if exchange.address else "Unknown"


def _seller(caller: Caller, answers: Sequence[UpstreamAnswer]) -> RecordedSeller:
    seller = caller.seller
    newer = answers[-1].path.startswith(calls_v2026.LIST_PATH) if answers else seller.upstream != V0
    return RecordedSeller(
        id=seller.seller_id,
        region=seller.region,
        marketplaces=seller.marketplace_ids,
        upstream="v2026-01-01" if newer else "v0",
    )


def _decoded(content: bytes) -> object:
    try:
        found: object = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    return found


# --- the recorder ---------------------------------------------------------------------------------------------------


class Recorder:
    """Records exchanges into a directory, in a thread of its own: ``take`` never waits and never fails.

    ``masked``: without personal data. ``max_bytes`` bounds what all files together take of the disk; the oldest
    exchanges go first, the newest one stays. When more than ``waiting`` exchanges wait to be written, further ones
    are dropped; they and what the disk refuses are counted, and the log is told now and then, and in the end how many
    they are in all. A context manager: leaving it writes what still waits. Raises RecordingError when the directory
    cannot be used.
    """

    def __init__(
        self,
        directory: Path,
        *,
        masked: bool = True,
        max_bytes: int = 2**30,
        waiting: int = _QUEUE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.masked = masked
        self.dropped = 0
        self.failed = 0
        self._store = Store(directory, masked=masked, max_bytes=max_bytes)
        self._queue: queue.Queue[Exchange | None] = queue.Queue(waiting)
        self._clock = clock
        self._said: dict[str, float] = {}
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        self._thread.start()

    def take(self, exchange: Exchange) -> None:
        """Have an exchange written."""
        if self._closed:
            return
        try:
            self._queue.put_nowait(exchange)
        except queue.Full:
            self.dropped += 1
            self._say(self.dropped, "they came faster than they can be written")

    def close(self) -> None:
        """Write what still waits, and stop. Told twice, it does nothing more."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=_PATIENCE)
        self._thread.join(_PATIENCE)
        if not self._thread.is_alive():
            self._store.close()
        # What has been told of so far may be less than what has been lost since.
        waiting = sum(exchange is not None for exchange in list(self._queue.queue))
        lost = self.dropped + self.failed + waiting
        if lost:
            _log.warning("%s not recorded in all", _exchanges(lost))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _work(self) -> None:
        while (exchange := self._queue.get()) is not None:
            try:
                self._write(exchange)
            except OSError as error:
                self.failed += 1
                self._say(self.failed, error.strerror or type(error).__name__)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next exchange is to be recorded
                self.failed += 1
                # The class, not the message: that may repeat a value.
                self._say(self.failed, type(error).__name__)

    def _write(self, exchange: Exchange) -> None:
        files = _files_of(exchange, self._store.next_number, masked=self.masked)
        self._store.put(f"{exchange.at.astimezone(UTC):%Y-%m-%d}", _operation(exchange), files)

    def _say(self, count: int, reason: str) -> None:
        """Warn, of one reason not more than once a minute."""
        now = self._clock()
        if now - self._said.get(reason, now - _QUIET) >= _QUIET:
            self._said[reason] = now
            _log.warning("%s not recorded: %s", _exchanges(count), reason)


def _exchanges(count: int) -> str:
    return f"{count:,} {'exchange was' if count == 1 else 'exchanges were'}"
