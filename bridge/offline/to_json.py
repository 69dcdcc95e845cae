"""MWS XML to SP-API JSON, document by document or line by line."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol

import orjson
from lxml import etree

from bridge.mapping.cells import Typing, json_bytes, put_back
from bridge.mapping.documents import holds_list
from bridge.mapping.documents_v0 import ENVELOPE_KEY, write_document
from bridge.mapping.rows import JsonObject, MappingError
from bridge.offline.report import ConvertError, Report
from bridge.offline.sp_api import Converted, Members, SpApiMember, member_for
from mws_compat.documents import ENVELOPE, FRAGMENTS, DocumentKind
from mws_compat.errors import ReadError
from mws_compat.reader import unknown_paths
from mws_compat.schema import UNMAPPED, Record
from mws_compat.stream import Segment

__all__ = ["Immediate", "JsonDocuments", "JsonLines", "Sink", "key_of", "left_out_of_lines", "tell_left_out"]

#: What an order's or item's id looks like; other text is not shown.
_ID = re.compile(r"[A-Z]?[0-9][0-9-]{0,39}")
#: Items are held until their list's end has told which order they are of.
_MAX_ITEMS = 100_000
_SHOWN_NAMES = 5


class Sink(Protocol):
    """Where converted bytes go. What is written after ``mark`` can be taken back."""

    def write(self, data: bytes) -> None: ...
    def mark(self) -> None: ...
    def rollback(self) -> None: ...


class Immediate:
    """The shortcut without processes: a chunk is converted when it is submitted."""

    def __init__(self, members: Members) -> None:
        self._members = members

    def submit(self, kind: DocumentKind, chunk: bytes) -> Callable[[], list[Segment]]:
        segments = self._members.convert(kind.root.name, chunk)
        return lambda: segments


class _ToJson(ABC):
    """What both forms share: counting, warning, strictness."""

    separator: bytes

    def __init__(self, sink: Sink, report: Report, source: str, *, strict: bool = False) -> None:
        self._sink = sink
        self._report = report
        self._source = source
        self._strict = strict
        self._kind: DocumentKind | None = None
        self._namespace = ""
        self._member: SpApiMember | None = None
        self._started = False
        self._counts = [0, 0, 0]  # members, unknown, odd

    def begin(self, kind: DocumentKind, namespace: str) -> None:
        self._kind = kind
        self._namespace = namespace
        self._member = member_for(kind.root.name) if kind.member else None
        self._started = False
        self._counts = [0, 0, 0]

    def member(self, element: etree._Element) -> None:
        assert self._member is not None  # noqa: S101 - members come only from documents that have them
        data, unknown, record, odd = self._member.element(element)
        if record is not None and (unknown or odd):
            self._tell(record, unknown, odd)
        self._put(data, 1, unknown)

    def _tell(self, record: Record, unknown: int, odd: list[str]) -> None:
        assert self._kind is not None  # noqa: S101 - begin came first
        assert self._kind.struct is not None  # noqa: S101
        place = f"{self._kind.member} {key_of(record)}".rstrip()
        if self._strict and unknown:
            first = next(unknown_paths(record, self._kind.struct))
            raise ReadError(f"{place}: {first} is not known to the tables")
        self._counts[2] += len(odd)
        for name in dict.fromkeys(odd):
            self._report.warn(self._source, f"{place}: {name} is not of its kind; it stays text")

    def made(self, result: object) -> None:
        assert isinstance(result, Converted)  # noqa: S101 - the shortcut is ours
        self._put(result.data, result.count, result.unknown)

    def _put(self, data: bytes, count: int, unknown: int) -> None:
        self._counts[0] += count
        self._counts[1] += unknown
        self._write(data)

    @abstractmethod
    def _write(self, data: bytes) -> None:
        """Write a member."""

    def end(self, record: Record) -> None:
        kind = self._kind
        assert kind is not None  # noqa: S101 - begin came first
        unknown = list(unknown_paths(record, kind.root))
        if self._strict and unknown:
            self.fail(ReadError(f"{unknown[0]} is not known to the tables"))
            return
        typing = Typing()
        try:
            self._finish(kind, record, typing)
        except (ValueError, TypeError) as error:  # no result; what came back from #json is no object, or too deep
            self.fail(ReadError(str(error)))
            return
        for name in dict.fromkeys(typing.odd):
            self._report.warn(self._source, f"{kind.root.name}: {name} is not of its kind; it stays text")
        self._sink.mark()
        self._report.documents += 1
        self._report.members[kind.member or kind.root.name] += self._counts[0] if kind.member else 1
        left_out = self._left_out(kind, record)
        tell_left_out(self._report, self._source, kind, left_out)
        self._report.unknown += self._counts[1] + (0 if left_out else len(unknown))
        self._report.odd += self._counts[2] + len(typing.odd)

    def _left_out(self, kind: DocumentKind, record: Record) -> list[str]:  # noqa: ARG002
        """What no table knows of a document and is not in what was written."""
        return []

    @abstractmethod
    def _finish(self, kind: DocumentKind, record: Record, typing: Typing) -> None:
        """Write what is around the members, and end the document."""

    def fail(self, error: ReadError) -> None:
        self._sink.rollback()
        self._report.failures.append(ConvertError.of(self._source, error))


def key_of(record: Record) -> str:
    """What a message calls an order, item or message by; '' where it has no id that looks like one."""
    for name in ("AmazonOrderId", "OrderItemId", "MessageID"):
        value = record.get(name)
        if isinstance(value, str) and _ID.fullmatch(value.strip()):
            return value.strip()
    return ""


def left_out_of_lines(kind: DocumentKind, record: Record) -> list[str]:
    """What stands around the members of a document, and no table knows: names, elements before JSON members."""
    if kind.root.name in FRAGMENTS:
        return []
    found = list(unknown_paths(record, kind.root))
    for holder in (record, record.get(kind.path[0]) if kind.path else None):
        if isinstance(holder, dict) and UNMAPPED in holder:
            members: JsonObject = {}
            try:
                put_back(members, holder[UNMAPPED])
            except MappingError:
                members = {UNMAPPED: None}
            found += members
    return found


def tell_left_out(report: Report, source: str, kind: DocumentKind, names: list[str]) -> None:
    """Count and name what of a document is not in what was written."""
    if names:
        report.left_out += len(names)
        more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
        where = f"around the {kind.member}s" if kind.member else "there"
        named = f"{', '.join(names[:_SHOWN_NAMES])}{more}"
        report.warn(source, f"<{kind.root.name}>: what no table knows {where} is left out: {named}")


class JsonDocuments(_ToJson):
    """One JSON document for each MWS document, each on a line of its own."""

    separator = b","

    def _write(self, data: bytes) -> None:
        if self._started:
            self._sink.write(b",")
        else:
            assert self._kind is not None  # noqa: S101 - begin came first
            self._sink.write(_opening(self._kind))
            self._started = True
        self._sink.write(data)

    def _finish(self, kind: DocumentKind, record: Record, typing: Typing) -> None:
        whole = write_document(kind, self._namespace, record, typing)
        if not kind.member:
            self._sink.write(json_bytes(whole) + b"\n")
            return
        outer = whole.pop("payload" if kind.root is not ENVELOPE else ENVELOPE_KEY)
        rest = json_bytes(outer)[1:]  # its members, and the brace
        if not self._started:
            if not holds_list(kind, record):
                self._sink.write(json_bytes({"payload": outer, **whole}) + b"\n")
                return
            self._sink.write(_opening(kind))
        self._sink.write(b"]" + (b"," if rest != b"}" else b"") + rest)
        rest = json_bytes(whole)[1:]
        self._sink.write((b"," if rest != b"}" else b"") + rest + b"\n")


def _opening(kind: DocumentKind) -> bytes:
    name = b"payload" if kind.root is not ENVELOPE else ENVELOPE_KEY.encode()
    return b'{"%b":{"%b":[' % (name, (kind.path or (kind.member,))[-1].encode())


class JsonLines(_ToJson):
    """One order, item or message a line. An item's line begins with the ``AmazonOrderId`` of its list, which is not
    in the item itself. What stands around the members is left out; documents without members are told of."""

    separator = b"\n"

    def begin(self, kind: DocumentKind, namespace: str) -> None:
        super().begin(kind, namespace)
        self._held: list[bytes] = []

    def _left_out(self, kind: DocumentKind, record: Record) -> list[str]:
        return left_out_of_lines(kind, record)

    def _write(self, data: bytes) -> None:
        assert self._kind is not None  # noqa: S101 - begin came first
        if self._kind.member == "OrderItem":
            self._held.append(data)
            if self._counts[0] > _MAX_ITEMS:
                raise ReadError(f"more than {_MAX_ITEMS} items in one list")
        else:
            self._sink.write(data + b"\n")

    def _finish(self, kind: DocumentKind, record: Record, typing: Typing) -> None:
        whole = write_document(kind, self._namespace, record, typing)
        if self._held:
            payload = whole["payload"]
            order_id = payload.get("AmazonOrderId", "") if isinstance(payload, dict) else ""
            head = b'{"AmazonOrderId":%b,' % orjson.dumps(order_id)
            lines = b"\n".join(self._held).split(b"\n")
            self._sink.write(b"".join(b"%b%b\n" % (head, line[1:]) for line in lines).replace(b",}\n", b"}\n"))
        elif kind.root.name in {"Order", "OrderItem"}:
            self._sink.write(json_bytes(whole.get("payload", whole)) + b"\n")
        elif not kind.member:
            self._report.warn(self._source, f"<{kind.root.name}> holds no orders; it is left out of the lines")
