"""Converting one source: which way it goes, and through what."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

from lxml import etree

from bridge.mapping.versions import FORM_2026
from bridge.offline.faults import SourceError
from bridge.offline.report import ConvertError, Report
from bridge.offline.sp_api import Members
from bridge.offline.to_json import Immediate, JsonDocuments, JsonLines, Sink
from mws_compat.documents import FRAGMENTS, DocumentKind
from mws_compat.errors import ReadError
from mws_compat.schema import Record
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

    @property
    def how(self) -> str:
        """All of it that shows in what is written."""
        return " ".join(f"{name}={value}" for name, value in self._asdict().items() if value and name != "jobs")


#: What may stand before the first byte that tells what an input is; and how much of it is looked at.
_BLANK = b"\xef\xbb\xbf \t\r\n"
_MAX_BLANK = 2**24
#: In so much a page of HTML shows itself.
_HEAD = 2**12


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


def _is_page(head: bytes) -> bool:
    """Whether the first bytes are those of a page of HTML."""
    return (
        re.match(rb"(?is)(?:\xef\xbb\xbf|\s|<\?xml\s[^<>]*>|<!--.*?-->)*<(?:!doctype\s+)?html[\s>]", head[:_HEAD])
        is not None
    )


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
        if _is_page(head):
            problem = "is a page of HTML, as servers send for errors; no order is in it: fetch the document again"
            report.failures.append(ConvertError(name, problem))
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
            self._recover(name, pieces, sink, size)
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

    def _recover(self, name: str, pieces: Iterator[bytes], sink: Sink, size: int) -> None:
        from mws_compat.salvage import MAX_SALVAGE_BYTES, as_utf8, split_documents  # noqa: PLC0415 - on demand

        report = self._report
        parts: list[bytes] = []
        try:
            parts.extend(_bounded(pieces, MAX_SALVAGE_BYTES + 1))
        except SourceError as error:
            report.repaired(name, f"what follows could not be read: {error.problem}")
        data = b"".join(parts)
        if len(data) > MAX_SALVAGE_BYTES:
            problem = f"recovery reads files of up to {MAX_SALVAGE_BYTES // 2**20} MiB; this one is larger"
            report.failures.append(ConvertError(name, problem))
            return
        survey = _Survey()
        read_stream([data], survey)
        if not survey.is_broken:
            self._from_xml(name, iter([data]), sink, size)
            return
        handler, _ = self._handler(name, sink, 1)
        plain = as_utf8(data)
        for repair in plain.repairs:
            report.repaired(name, f"line {repair.line}: {repair.text}")
        for start, part in split_documents(plain.document):
            self._recover_part(name, part, plain.document.count(b"\n", 0, start), handler)
        _close(handler)

    def _recover_part(self, name: str, part: bytes, line: int, handler: Handler) -> None:
        """Read what begins behind ``line`` lines and goes up to the next document: plainly, or what can be saved."""
        from mws_compat.salvage import names_document  # noqa: PLC0415 - on demand

        report = self._report
        documents, failures = report.documents, len(report.failures)
        read_stream([b"\n" * line, part], handler)
        if len(report.failures) == failures:
            return
        if report.documents > documents:  # it is whole: what is wrong stands behind it
            self._leave_out(name, part, line, failures)
        elif names_document(part):
            self._salvage(name, part, line, handler, failures)
        else:
            del report.failures[failures:]
            report.repaired(name, f"line {line + 1}: {len(part.strip())} bytes that are no document were skipped")

    def _leave_out(self, name: str, part: bytes, line: int, failures: int) -> None:
        """Tell of what stands behind a document that was read; an order of its own there that is broken stays a
        failure."""
        from mws_compat.salvage import end_of_document  # noqa: PLC0415 - on demand

        rest = part[end_of_document(part) :].lstrip()
        if re.search(rb"<(?:[\w.-]+:)?(?:%b)[\s/>]" % "|".join(FRAGMENTS).encode(), rest):
            return
        del self._report.failures[failures:]
        line += part.count(b"\n", 0, len(part) - len(rest)) + 1
        count = len(rest.decode("utf-8", "replace").rstrip())
        self._report.repaired(name, f"line {line}: {count} characters after the document are left out")

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
        report = self._report
        first, failures = Report(), len(report.failures)
        unknown, left_out = report.unknown, report.left_out
        xml = json_to_xml(pieces, first, name, page=options.page, strict=options.strict, drop=options.drop)
        handler, _ = self._handler(name, sink, 1)
        read_stream(xml, handler)
        _close(handler)
        # A place in the XML is none of the input.
        report.failures[failures:] = [
            *(
                ConvertError(name, f"{error.problem}, in XML, by way of which it goes")
                for error in report.failures[failures:]
            ),
            *first.failures,
        ]
        for note in first.warnings:
            report.warn(note.source, note.text)
        report.warnings_dropped += first.warnings_dropped
        # All that the XML holds of it was counted there; but not all of that was written.
        report.unknown = unknown + max(0, first.unknown - (report.left_out - left_out))
        report.left_out += first.left_out


class _Survey:
    """Only looks whether all can be read."""

    is_broken = False

    def begin(self, kind: DocumentKind, namespace: str) -> None:
        pass

    def member(self, element: etree._Element) -> None:
        pass

    def made(self, result: object) -> None:
        pass

    def end(self, record: Record) -> None:
        pass

    def fail(self, error: ReadError) -> None:  # noqa: ARG002
        self.is_broken = True


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
