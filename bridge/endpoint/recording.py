"""Keeps what was asked and answered, as files that ``convert``, ``diff`` and ``replay`` read.

::

    DIR/.recording.toml                                    version; whether personal data is masked
    DIR/answers/2026-11-22/000000017-ListOrders.mws.xml    the answer, when it holds orders or items
    DIR/others/2026-11-22/000000018-ListOrders.mws.xml     the answer, when it is an error or the service status
    DIR/upstream/2026-11-22/000000017-ListOrders.upstream.ndjson
                                                           what SP-API said, a payload a line; when it said something
    DIR/requests/2026-11-22/000000017-ListOrders.request   the request, status and code of the answer, what was asked
                                                           upstream; JSON, but under a name that is taken for no feed

``answers`` and ``upstream`` hold the same orders, in two forms: read one of them, or one against the other, but not
DIR as a whole. Exchanges are numbered in the order in which they were answered. The request is written last: an
exchange without one is not whole, and is nobody's.

Nothing that signs, authenticates or authorises gets in: neither keys, signatures, MWSAuthTokens nor headers; a
NextToken is replaced by what only tells it from others. Personal data is masked unless told otherwise.
"""

import contextlib
import logging
import os
import queue
import re
import sys
import threading
import time
import tomllib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from sys import intern
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import parse_qsl

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from bridge.endpoint.access import Caller
from bridge.endpoint.masking import kept_answer, kept_error, kept_parameters, kept_payload, kept_query
from bridge.upstream.client import UpstreamAnswer
from mws_compat.query import Address, Call

__all__ = [
    "ANSWERS",
    "MARKER",
    "OTHERS",
    "REQUESTS",
    "UPSTREAM",
    "Exchange",
    "RecordedCall",
    "RecordedRequest",
    "RecordedSeller",
    "Recorder",
    "RecordingError",
    "answers_of",
    "read_marker",
]

_log = logging.getLogger("mws_bridge.recording")

MARKER = ".recording.toml"
_VERSION = 1
#: Directory → the suffix of its files.
ANSWERS, OTHERS, UPSTREAM, REQUESTS = "answers", "others", "upstream", "requests"
# In the order of writing.
_SUFFIXES = {UPSTREAM: ".upstream.ndjson", ANSWERS: ".mws.xml", OTHERS: ".mws.xml", REQUESTS: ".request"}
_NAME = re.compile(r"([0-9]{9,})-([A-Za-z]+)(\.upstream\.ndjson|\.mws\.xml|\.request)")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
#: What a file takes of the disk, in steps of this.
_BLOCK = 4096
#: Seconds between two complaints in the log.
_QUIET = 60.0
#: Exchanges that may wait to be written.
_QUEUE = 128
#: Seconds that the writer is given at the end.
_PATIENCE = 30.0


class RecordingError(ValueError):
    """A directory that cannot be recorded into, or no recording: the place, the reason, what to do."""


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
    """A call upstream. ``status`` 0: no answer came. ``line`` is the number, from 0, of its payload's line in the
    upstream file; an answer without one was no JSON object, or an ``error``."""

    operation: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    status: int
    line: int | None = Field(default=None, ge=0)
    error: dict[str, JsonValue] | None = None


class RecordedSeller(_Model):
    """Whom the caller called for."""

    id: str
    region: str
    marketplaces: tuple[str, ...]


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
        seller=_seller(caller) if caller else None,
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


def _seller(caller: Caller) -> RecordedSeller:
    seller = caller.seller
    return RecordedSeller(id=seller.seller_id, region=seller.region, marketplaces=seller.marketplace_ids)


def _decoded(content: bytes) -> object:
    try:
        found: object = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    return found


# --- the directory --------------------------------------------------------------------------------------------------


def read_marker(directory: Path) -> bool:
    """Whether a recording's personal data is masked. Raises RecordingError when the directory holds none that this
    version can read."""
    path = directory / MARKER
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        text = f"{directory}: is no recording (it has no {MARKER}); name the directory that serve --record wrote"
        raise RecordingError(text) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not TOML"
        raise RecordingError(f"{path}: {reason}; restore it, or record anew") from None
    if told.get("version") != _VERSION or not isinstance(told.get("masked"), bool):
        raise RecordingError(
            f"{path}: is not of version {_VERSION}; use the mws-bridge that wrote it, or record anew"
        )
    masked: bool = told["masked"]
    return masked


class _Kept(NamedTuple):
    """An exchange that has files, and what these take of the disk."""

    day: str
    operation: str
    size: int


def _on_disk(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


class _Store:
    """The files of a recording: written whole or not at all, readable by their owner only, the oldest removed when
    there are too many bytes of them. Raises RecordingError when the directory cannot be used."""

    def __init__(self, directory: Path, *, masked: bool, max_bytes: int) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._kept: OrderedDict[int, _Kept] = OrderedDict()
        self._size = 0
        try:
            self._open(masked=masked)
            self._lock = self._locked()
            self._scan()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise RecordingError(f"{directory}: cannot be recorded into: {reason}; choose another one") from None
        self.next_number = max(self._kept, default=0) + 1

    def _open(self, *, masked: bool) -> None:
        directory = self._directory
        directory.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            directory.mkdir(mode=0o700)
        if not any(directory.iterdir()):
            _write(directory / MARKER, f"version = {_VERSION}\nmasked = {str(masked).lower()}\n".encode())
        elif not (directory / MARKER).exists():
            raise RecordingError(f"{directory}: holds other files; choose an empty directory, or a new one")
        if read_marker(directory) != masked:
            has = "kept" if masked else "masked"
            raise RecordingError(
                f"{directory}: its personal data is {has}; go on with --record-pii {'keep' if masked else 'mask'}, "
                "or choose another directory"
            )
        for name in _SUFFIXES:
            (directory / name).mkdir(mode=0o700, exist_ok=True)

    def _locked(self) -> int:
        """The marker, locked against other processes for as long as it is open; -1 where there are no such locks."""
        if sys.platform == "win32":
            return -1
        import fcntl  # noqa: PLC0415 - not to be had on Windows

        handle = os.open(self._directory / MARKER, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            text = f"{self._directory}: another process is recording into it; choose another directory"
            raise RecordingError(text) from None
        except OSError:
            pass  # a file system that has no locks
        return handle

    def close(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _scan(self) -> None:
        """Take stock of what is there; what a killed process left half written is removed."""
        found: dict[int, _Kept] = {}
        for day, entry in self._entries():
            match = _NAME.fullmatch(entry.name)
            if match:
                number, size = int(match[1]), _on_disk(entry.stat().st_size)
                before = found[number].size if number in found else 0
                found[number] = _Kept(intern(day), intern(match[2]), before + size)
            elif entry.name.startswith(".") and entry.name.endswith(".part"):
                os.unlink(entry.path)
        for number in sorted(found):
            self._kept[number] = found[number]
            self._size += found[number].size

    def _entries(self) -> Iterator[tuple[str, os.DirEntry[str]]]:
        for name in _SUFFIXES:
            for day in os.scandir(self._directory / name):
                if _DAY.fullmatch(day.name) and day.is_dir(follow_symlinks=False):
                    yield from (
                        (day.name, file) for file in os.scandir(day.path) if file.is_file(follow_symlinks=False)
                    )

    def _path(self, name: str, number: int, day: str, operation: str) -> Path:
        return self._directory / name / day / f"{number:09}-{operation}{_SUFFIXES[name]}"

    def put(self, day: str, operation: str, files: dict[str, bytes]) -> None:
        """Write an exchange's files. Raises OSError, and then nothing of it is there."""
        number = self.next_number
        try:
            for name in _SUFFIXES:
                if name in files:
                    path = self._path(name, number, day, operation)
                    path.parent.mkdir(mode=0o700, exist_ok=True)
                    _write(path, files[name])
        except OSError:
            self._remove(number, day, operation)
            raise
        self.next_number += 1
        kept = self._kept[number] = _Kept(intern(day), operation, sum(map(_on_disk, map(len, files.values()))))
        self._size += kept.size
        while self._size > self._max_bytes and len(self._kept) > 1:
            oldest, kept = self._kept.popitem(last=False)
            self._size -= kept.size
            self._remove(oldest, kept.day, kept.operation)

    def _remove(self, number: int, day: str, operation: str) -> None:
        """Remove an exchange, its request first, and the directories that it leaves empty."""
        for name in reversed(_SUFFIXES):
            path = self._path(name, number, day, operation)
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
                path.parent.rmdir()


def _write(path: Path, data: bytes) -> None:
    """Write a file that appears under its name only when it is whole."""
    part = path.with_name(f".{path.name}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(part, flags, 0o600), "wb") as file:
            file.write(data)
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


# --- the recorder ---------------------------------------------------------------------------------------------------


class Recorder:
    """Records exchanges into a directory, in a thread of its own: ``take`` never waits and never fails.

    ``masked``: without personal data. ``max_bytes`` bounds what all files together take of the disk; the oldest
    exchanges go first, the newest one stays. When more than ``waiting`` exchanges wait to be written, further ones
    are dropped; they and what the disk refuses are counted, and the log is told now and then. A context manager:
    leaving it writes what still waits. Raises RecordingError when the directory cannot be used.
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
        self._store = _Store(directory, masked=masked, max_bytes=max_bytes)
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
            self._say("%d exchanges were not recorded: they came faster than they can be written", self.dropped)

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
                self._say("%d exchanges were not recorded: %s", self.failed, error.strerror or type(error).__name__)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next exchange is to be recorded
                self.failed += 1
                # The class, not the message: that may repeat a value.
                self._say("%d exchanges were not recorded: %s", self.failed, type(error).__name__)

    def _write(self, exchange: Exchange) -> None:
        files = _files_of(exchange, self._store.next_number, masked=self.masked)
        self._store.put(f"{exchange.at.astimezone(UTC):%Y-%m-%d}", _operation(exchange), files)

    def _say(self, text: str, *values: object) -> None:
        """Warn, of one thing not more than once a minute."""
        now = self._clock()
        if now - self._said.get(text, now - _QUIET) >= _QUIET:
            self._said[text] = now
            _log.warning(text, *values)
