"""JSON of any layout, value by value, and its way to MWS XML.

When the first line is a whole JSON value, each line is one; also when it is broken and the second one is whole.
Otherwise the input is one value: up to 32 MiB it is decoded at once; beyond that ``ijson`` walks through it.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import IO

import orjson

from bridge.offline.report import MAX_NOTES, Report
from bridge.offline.to_json import Sink
from bridge.offline.to_xml import XmlWriter

__all__ = ["MAX_WHOLE_JSON", "Queue", "json_to_xml", "json_values", "read_json"]

MAX_WHOLE_JSON = 32 * 2**20
_PIECE = 2**20
_BOM = b"\xef\xbb\xbf"


def read_json(
    pieces: Iterable[bytes],
    sink: Sink,
    report: Report,
    source: str,
    *,
    page: int = 0,
    strict: bool = False,
    drop: bool = False,
) -> None:
    """Convert everything that ``pieces`` hold. What is wrong with a value goes to the report, with its line; past
    ``MAX_NOTES`` of that the rest is not read, since it is something else."""
    for _ in _steps(pieces, XmlWriter(sink, report, source, page=page, strict=strict, drop=drop), report):
        pass


def json_to_xml(
    pieces: Iterable[bytes], report: Report, source: str, *, page: int = 0, strict: bool = False, drop: bool = False
) -> Iterator[bytes]:
    """Like ``read_json``, the XML in pieces as it is made: no more is read than the pieces that are taken need. What
    a value makes that is too large to be decoded at once is kept in a temporary file."""
    queue = Queue()
    writer = XmlWriter(queue, report, source, page=page, strict=strict, drop=drop)
    for _ in _steps(pieces, writer, report, queue.spool):
        yield from queue.drain()
    yield from queue.drain()


class Queue:
    """A sink whose bytes are taken out again."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._file: IO[bytes] | None = None

    def write(self, data: bytes) -> None:
        if self._file is None:
            self._pieces.append(data)
        else:
            self._file.write(data)

    def mark(self) -> None:
        """Nothing is ever taken back."""

    rollback = mark

    def spool(self) -> None:
        """From now on until ``drain``, keep what is written in a temporary file."""
        import tempfile  # noqa: PLC0415 - only large values need it

        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - drain closes it

    def drain(self) -> Iterator[bytes]:
        """What was written, and forget it."""
        pieces, self._pieces = self._pieces, []
        yield from pieces
        file, self._file = self._file, None
        if file is not None:
            with file:
                file.seek(0)
                while piece := file.read(_PIECE):
                    yield piece


def _steps(
    pieces: Iterable[bytes], writer: XmlWriter, report: Report, before_large: Callable[[], None] | None = None
) -> Iterator[None]:
    """Convert a value at a time."""
    failures = len(report.failures)
    for place, value in json_values(pieces):
        if len(report.failures) - failures > MAX_NOTES:
            writer.fail(f"more than {MAX_NOTES} values cannot be converted; from here on nothing is read", place)
            break
        if isinstance(value, bytes):
            writer.value(value, place)
        else:
            from bridge.offline.large_json import write_large  # noqa: PLC0415 - ijson on demand

            if before_large is not None:
                before_large()
            write_large(value, writer)
        yield
    writer.close()


def json_values(pieces: Iterable[bytes]) -> Iterator[tuple[str, bytes | Iterable[bytes]]]:
    """The JSON values of a stream as text, each with its place (``line 3``, or '' for the only one). A value that is
    too large to be decoded at once comes as pieces."""
    rest = iter(pieces)
    parts: deque[bytes] = deque()
    size = 0
    first = second = b""
    for piece in rest:
        parts.append(piece if size else piece.removeprefix(_BOM))
        size += len(piece)
        if size <= len(_BOM) or b"\n" in piece:
            head = b"".join(parts).removeprefix(_BOM)
            parts = deque([head])
            first, second = _first_lines(head)
        if second or size > MAX_WHOLE_JSON:
            break
    if _are_lines(first, second):
        for number, line in _lines(chain(_taken(parts), rest)):
            yield f"line {number}", line
        return
    while size <= MAX_WHOLE_JSON and (piece := next(rest, b"")):
        parts.append(piece)
        size += len(piece)
    if size <= MAX_WHOLE_JSON:
        yield "", b"".join(parts)
    else:
        yield "", chain(_taken(parts), rest)


def _taken(parts: deque[bytes]) -> Iterator[bytes]:
    while parts:
        yield parts.popleft()


def _first_lines(head: bytes) -> tuple[bytes, bytes]:
    """The first two lines that are not blank, where they are whole."""
    found: list[bytes] = []
    start = 0
    while len(found) < 2 and (end := head.find(b"\n", start)) >= 0:
        if line := head[start:end].strip():
            found.append(line)
        start = end + 1
    first, second, *_ = *found, b"", b""
    return first, second


def _are_lines(first: bytes, second: bytes) -> bool:
    """Whether each line is a value of its own. No value goes on with a whole object in its second line when its first
    ends as none in the middle of one does."""
    if _is_value(first):
        return True
    broken = first.startswith(b"{") and not first.endswith((b":", b",", b"["))
    return broken and second.startswith(b"{") and _is_value(second)


def _is_value(text: bytes) -> bool:
    try:
        orjson.loads(text)
    except ValueError:
        return False
    return True


def _lines(pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers, without those that are blank. The last may lack its newline."""
    rest = b""
    number = 0
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            number += 1
            if line and not line.isspace():
                yield number, line
    if rest and not rest.isspace():
        yield number + 1, rest
