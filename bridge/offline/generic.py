"""The generic form: what xmltodict makes of a document, for scripts that already eat that shape.

``force_list`` comes from the table, so that a list of one stays a list. Members are converted one by one, so a large
document streams; they come first in their list's parent, whatever stood before them.
"""

from abc import ABC, abstractmethod
from xml.parsers.expat import ExpatError

import orjson
import xmltodict
from lxml import etree

from bridge.offline.report import ConvertError, Report
from bridge.offline.to_json import Sink, left_out_of_lines, tell_left_out
from bridge.offline.xml_documents import version_of
from mws_compat.documents import DOCUMENTS, DocumentKind
from mws_compat.errors import ReadError
from mws_compat.overlay import write_element, write_root
from mws_compat.reader import read_element, refuse_crowded, unknown_paths
from mws_compat.schema import Kind, ListOf, Record, Repeated, Struct

__all__ = ["FORCE_LIST", "GenericDocuments", "GenericLines"]


def _lists(kind: Kind) -> set[str]:
    """Names of elements that may stand several times."""
    if isinstance(kind, ListOf):
        return {kind.member} | _lists(kind.of)
    if isinstance(kind, Repeated):
        return _lists(kind.of)
    if not isinstance(kind, Struct):
        return set()
    found: set[str] = set()
    for field in kind.fields:
        found |= _lists(field.kind) | ({field.name} if isinstance(field.kind, Repeated) else set())
    return found


#: By root: its elements that are always lists.
FORCE_LIST = {name: tuple(sorted(_lists(kind.root))) for name, kind in DOCUMENTS.items()}


def _parse(text: bytes, kind: DocumentKind) -> dict[str, object]:
    try:
        parsed: dict[str, object] = xmltodict.parse(text, force_list=FORCE_LIST[kind.root.name])
    except ExpatError:  # it knows fewer letters than libxml2, whose names follow XML's fifth edition
        raise ReadError("a name that xmltodict cannot read") from None
    return parsed


class _Generic(ABC):
    """What both forms share."""

    def __init__(self, sink: Sink, report: Report, source: str, *, strict: bool = False) -> None:
        self._sink = sink
        self._report = report
        self._source = source
        self._strict = strict
        self._kind: DocumentKind | None = None
        self._namespace = ""
        self._count = 0

    def begin(self, kind: DocumentKind, namespace: str) -> None:
        self._kind = kind
        self._namespace = namespace
        self._count = 0

    def member(self, element: etree._Element) -> None:
        kind = self._kind
        assert kind is not None  # noqa: S101 - begin came first
        assert kind.struct is not None  # noqa: S101 - a document that has members
        refuse_crowded(element)
        if self._strict:
            self._refuse_unknown(read_element(element, kind.struct), kind.struct, kind.member)
        text = etree.tostring(element, encoding="utf-8", with_tail=False)
        parent = element.getparent()
        moved = parent is not None and etree.QName(parent).namespace != etree.QName(element).namespace
        if moved or b" xmlns:" in text:  # prefixes are not declared in what is written around it
            record = read_element(element, kind.struct)
            version = version_of(self._namespace)
            text = write_element(kind.member, kind.struct, record, depth=0, version=version).encode()
        value = next(iter(_parse(text, kind).values()))
        value = value[0] if isinstance(value, list) else value
        if not moved and isinstance(value, dict):
            value.pop("@xmlns", None)  # the root's, and only serialising the element alone has put it here
        self._write(orjson.dumps(value if value is not None else {}))
        self._count += 1

    def _refuse_unknown(self, record: Record, struct: Struct, place: str) -> None:
        for path in unknown_paths(record, struct):
            raise ReadError(f"{place}: {path} is not known to the tables")

    def made(self, result: object) -> None:  # noqa: ARG002
        raise AssertionError("no shortcut is given")

    @abstractmethod
    def _write(self, data: bytes) -> None:
        """Write a member."""

    def end(self, record: Record) -> None:
        kind = self._kind
        assert kind is not None  # noqa: S101 - begin came first
        try:
            if self._strict:
                self._refuse_unknown(record, kind.root, kind.root.name)
            self._finish(kind, record)
        except (ValueError, TypeError) as error:
            self.fail(error if isinstance(error, ReadError) else ReadError(str(error)))
            return
        self._sink.mark()
        self._report.documents += 1
        self._report.members[kind.member or kind.root.name] += self._count if kind.member else 1

    @abstractmethod
    def _finish(self, kind: DocumentKind, record: Record) -> None:
        """Write what is around the members, and end the document."""

    def fail(self, error: ReadError) -> None:
        self._sink.rollback()
        self._report.failures.append(ConvertError.of(self._source, error))

    def _around(self, kind: DocumentKind, record: Record) -> dict[str, object]:
        """The document without its members, as xmltodict reads it."""
        text = write_root(kind.root, record, namespace=self._namespace, version="")
        return _parse(text.encode(), kind)


class GenericDocuments(_Generic):
    """One JSON document for each MWS document, each on a line of its own."""

    def begin(self, kind: DocumentKind, namespace: str) -> None:
        super().begin(kind, namespace)
        self._started = False

    def _write(self, data: bytes) -> None:
        assert self._kind is not None  # noqa: S101 - begin came first
        if not self._started:
            steps = (self._kind.root.name, *self._kind.path)
            self._sink.write(b"".join(b"{%b:" % orjson.dumps(step) for step in steps))
            self._sink.write(b"{%b:[" % orjson.dumps(self._kind.member))
            self._started = True
        else:
            self._sink.write(b",")
        self._sink.write(data)

    def _finish(self, kind: DocumentKind, record: Record) -> None:
        rest: object = self._around(kind, record)
        if not self._started:
            self._sink.write(orjson.dumps(rest) + b"\n")
            return
        closing = [b"]"]
        levels = []
        left_out: list[str] = []
        for step in (kind.root.name, *kind.path):
            assert isinstance(rest, dict)  # noqa: S101 - it was written around the members
            levels.append({name: value for name, value in rest.items() if name != step})
            rest = rest.get(step)
            if isinstance(rest, list):  # the first is what stands around the members; the others came too late
                left_out += [f"{step}[{number}]" for number in range(2, len(rest) + 1)]
                rest = rest[0]
            if isinstance(rest, str):
                rest = {"#text": rest}
        tell_left_out(self._report, self._source, kind, left_out)
        levels.append(rest if isinstance(rest, dict) else {})
        for level in reversed(levels):
            members = orjson.dumps({name: value for name, value in level.items() if value is not None or level})[1:]
            closing.append((b"," if members != b"}" else b"") + members)
        self._sink.write(b"".join(closing) + b"\n")


class GenericLines(_Generic):
    """One member a line."""

    def _write(self, data: bytes) -> None:
        self._sink.write(data + b"\n")

    def _finish(self, kind: DocumentKind, record: Record) -> None:
        if kind.root.name in {"Order", "OrderItem"}:
            around = self._around(kind, record)[kind.root.name]
            self._sink.write(orjson.dumps(around[0] if isinstance(around, list) else around) + b"\n")
        elif kind.member:
            tell_left_out(self._report, self._source, kind, left_out_of_lines(kind, record))
        else:
            self._report.warn(self._source, f"<{kind.root.name}> holds no orders; it is left out of the lines")
