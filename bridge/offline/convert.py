"""Converting one source: which way it goes, and through what."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

from bridge.mapping.versions import FORM_2026
from bridge.offline.faults import SourceError
from bridge.offline.report import ConvertError, Report
from bridge.offline.sp_api import Members
from bridge.offline.to_json import Immediate, JsonDocuments, JsonLines, Sink
from mws_compat.errors import ReadError
from mws_compat.stream import Handler, Shortcut, read_stream

if TYPE_CHECKING:
    from bridge.offline.jobs import Pool

__all__ = ["Converter", "Options", "Readable", "gather_head", "looks_like_json", "suffix_of"]

_PIECE = 2**20
_LOST_WORKER = "a worker process was killed, or ran out of memory; --jobs 1 does without"


class Readable(Protocol):
    """An open input."""

    def read(self, size: int) -> bytes: ...


class Options(NamedTuple):
    """How to convert.

    ``form``     ``sp-api``, ``sp-api-2026`` or ``generic``: the JSON that the input becomes; '' for the usual way,
                 XML to ``sp-api`` and JSON to XML
    ``lines``    one order, item or message a line instead of one document a line
    ``page``     members of one XML document, 0 for no bound
    ``strict``   what no table knows is an error
    ``drop``     what no table knows is left out of the XML
    ``recover``  salvage what is not well-formed
    ``jobs``     processes that convert XML to JSON
    """

    form: str = ""
    lines: bool = False
    page: int = 0
    strict: bool = False
    drop: bool = False
    recover: bool = False
    jobs: int = 1


#: What may stand before the first byte that tells what an input is; and how much of it is looked at.
_BLANK = b"\xef\xbb\xbf \t\r\n"
_MAX_BLANK = 2**24


def gather_head(read: Callable[[], bytes]) -> bytes:
    """The first pieces of an input, as many as it takes to tell what it is: a pipe may give it byte by byte."""
    head = b""
    while len(head.lstrip(_BLANK)) < 4 and len(head) < _MAX_BLANK and (piece := read()):
        head += piece
    return head


def looks_like_json(head: bytes) -> bool:
    """Whether the first bytes are those of JSON; of XML otherwise."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")[:1] in (b"{", b"[")


def _is_wide_json(head: bytes) -> bool:
    """Whether the first bytes are those of JSON in another encoding than UTF-8."""
    if not head.startswith((b"\xff\xfe", b"\xfe\xff")) and b"\0" not in head[:4]:
        return False
    return looks_like_json(head[:64].lstrip(b"\xff\xfe").replace(b"\0", b""))


def suffix_of(head: bytes, options: Options) -> str:
    """The file name suffix of what a source becomes."""
    if looks_like_json(head) and not options.form:
        return ".xml"
    return ".ndjson" if options.lines else ".json"


class Converter:
    """Converts sources with the same options. A context manager: it may hold processes."""

    def __init__(self, options: Options, report: Report) -> None:
        self._options = options
        self._report = report
        self._stack = ExitStack()
        self._pool: Pool | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def convert(self, name: str, head: bytes, stream: Readable, sink: Sink, size: int = 0) -> None:
        """Convert what ``head`` and then ``stream`` hold into ``sink``. Faults of documents go to the report; faults
        of the stream and of the sink are raised. ``size`` is a hint."""
        report = self._report
        if _is_wide_json(head):
            report.failures.append(ConvertError(name, "JSON must be in UTF-8; this is in UTF-16 or UTF-32"))
            return
        before = report.documents, len(report.failures), len(report.warnings)
        self._convert(name, head, _pieces(head, stream), sink, size)
        if before == (report.documents, len(report.failures), len(report.warnings)):
            report.failures.append(ConvertError(name, "holds no document"))

    def _convert(self, name: str, head: bytes, pieces: Iterator[bytes], sink: Sink, size: int) -> None:
        if looks_like_json(head):
            if self._options.form:
                self._between_jsons(name, pieces, sink)
            else:
                self._from_json(name, pieces, sink)
        elif self._options.recover:
            self._recover(name, pieces, sink)
        else:
            self._from_xml(name, pieces, sink, size)

    def _from_xml(self, name: str, pieces: Iterator[bytes], sink: Sink, size: int) -> None:
        handler, shortcut = self._handler(name, sink, size)
        if self._pool is None or shortcut is not self._pool:
            read_stream(pieces, handler, shortcut=shortcut)
            _close(handler)
            return
        from bridge.offline.jobs import WorkerError  # noqa: PLC0415 - imported with the pool

        try:
            read_stream(pieces, handler, shortcut=shortcut, ahead=self._pool.ahead)
        except WorkerError:
            self._stack.close()
            self._pool = None  # the next source gets a new one
            raise SourceError(name, _LOST_WORKER) from None

    def _handler(self, name: str, sink: Sink, size: int) -> tuple[Handler, Shortcut | None]:
        options = self._options
        if options.form == "generic":
            from bridge.offline.generic import GenericDocuments, GenericLines  # noqa: PLC0415 - xmltodict on demand

            generic = GenericLines if options.lines else GenericDocuments
            return generic(sink, self._report, name, strict=options.strict), None
        if options.form == FORM_2026:
            from bridge.offline.to_v2026 import Documents2026, Lines2026  # noqa: PLC0415 - only who asks for it

            newer = Lines2026 if options.lines else Documents2026
            return newer(sink, self._report, name, strict=options.strict), None
        form = JsonLines if options.lines else JsonDocuments
        handler = form(sink, self._report, name, strict=options.strict)
        if options.jobs > 1 and (size == 0 or size > 4 * _PIECE):
            from bridge.offline.jobs import Pool  # noqa: PLC0415 - only large inputs are worth processes

            if self._pool is None:
                self._pool = self._stack.enter_context(Pool(options.jobs, form.separator, strict=options.strict))
            return handler, self._pool
        return handler, Immediate(Members(form.separator, strict=options.strict))

    # --- recovery ---

    def _recover(self, name: str, pieces: Iterator[bytes], sink: Sink) -> None:
        from mws_compat.salvage import MAX_SALVAGE_BYTES, names_document, split_documents  # noqa: PLC0415 - on demand

        handler, _ = self._handler(name, sink, 1)
        report = self._report
        parts: list[bytes] = []
        try:
            parts.extend(_bounded(pieces, MAX_SALVAGE_BYTES + 1))
        except SourceError as error:
            report.repaired(name, f"what follows could not be read: {error.problem}")
        data = b"".join(parts)
        if len(data) > MAX_SALVAGE_BYTES:
            handler.fail(
                ReadError(f"recovery reads files of up to {MAX_SALVAGE_BYTES // 2**20} MiB; this one is larger")
            )
            return
        for start, part in split_documents(data):
            line = data.count(b"\n", 0, start)
            if not names_document(part):
                report.repaired(name, f"line {line + 1}: {len(part.strip())} bytes that are no document were skipped")
                continue
            failures = len(report.failures)
            read_stream([b"\n" * line, part], handler)
            if len(report.failures) > failures:
                self._salvage(name, part, line, handler, failures)
        _close(handler)

    def _salvage(self, name: str, part: bytes, line: int, handler: Handler, failures: int) -> None:
        """Try again with what can be saved of a document that failed; its failures stand in the report."""
        from mws_compat.salvage import salvage  # noqa: PLC0415 - on demand

        report = self._report
        first = report.failures[failures]
        del report.failures[failures:]
        try:
            salvaged = salvage(part)
        except ReadError as error:
            problem = f"{first.problem}; {error.problem}"
            report.failures.append(ConvertError(name, problem, place=first.place, excerpt=first.excerpt))
            return
        read_stream([salvaged.document], handler)
        for repair in salvaged.repairs:
            place = f"line {line + repair.line}: " if repair.line else ""
            report.repaired(name, f"{place}{repair.text}")

    # --- JSON ---

    def _from_json(self, name: str, pieces: Iterator[bytes], sink: Sink) -> None:
        from bridge.offline.from_json import read_json  # noqa: PLC0415 - only this way needs it

        options = self._options
        read_json(pieces, sink, self._report, name, page=options.page, strict=options.strict, drop=options.drop)

    def _between_jsons(self, name: str, pieces: Iterator[bytes], sink: Sink) -> None:
        """JSON to JSON of a form goes by way of XML, which holds all of either: nothing else is needed for it."""
        from bridge.offline.from_json import json_to_xml  # noqa: PLC0415 - only this way needs it

        options = self._options
        first, unknown = Report(), self._report.unknown
        xml = json_to_xml(pieces, first, name, page=options.page, strict=options.strict, drop=options.drop)
        handler, _ = self._handler(name, sink, 1)
        read_stream(xml, handler)
        _close(handler)
        self._report.failures.extend(first.failures)
        self._report.unknown = unknown + first.unknown  # all that the XML holds of it was counted there
        self._report.left_out += first.left_out


def _close(handler: Handler) -> None:
    """Let a handler write what it holds back."""
    close = getattr(handler, "close", None)
    if close is not None:
        close()


def _pieces(head: bytes, stream: Readable) -> Iterator[bytes]:
    if head:
        yield head
    while piece := stream.read(_PIECE):
        yield piece


def _bounded(pieces: Iterator[bytes], most: int) -> Iterator[bytes]:
    """Pieces until there are more than ``most`` bytes."""
    for piece in pieces:
        yield piece
        most -= len(piece)
        if most < 0:
            return
