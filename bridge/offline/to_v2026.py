"""MWS XML to SP-API Orders v2026-01-01 JSON, document by document or line by line.

A list of fewer than 1,000 orders waits for what follows it: lists of items that say nothing but their order, as
converting from v2026 writes them, go back into it. Longer lists are written as they are read. Documents that hold
neither orders nor items have the same JSON as with v0.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from lxml import etree

from bridge.mapping.cells import Typing, dump
from bridge.mapping.documents import NAMESPACE, holds_list, order_of
from bridge.mapping.documents_v2026 import (
    ITEMS_KEY,
    ORDER_ID,
    tells_only_order,
    write_head,
    write_item,
    write_order,
)
from bridge.mapping.exact import OWN
from bridge.mapping.rows import JsonObject
from bridge.offline.report import ConvertError, Report
from bridge.offline.to_json import JsonDocuments, JsonLines, Sink, key_of, left_out_of_lines, tell_left_out
from mws_compat.documents import FRAGMENTS, DocumentKind
from mws_compat.errors import ReadError
from mws_compat.reader import read_element, refuse_crowded, unknown_paths
from mws_compat.schema import Record, Struct

__all__ = ["MAX_WAITING", "Documents2026", "Lines2026"]

#: Members of a document are held until its end if there are fewer.
MAX_WAITING = 1000
_ITEM = "OrderItem"


class _Member:
    """An order or item: its record, its object, and whether its items were put into that."""

    __slots__ = ("is_complete", "record", "value")

    def __init__(self, record: Record, value: JsonObject) -> None:
        self.record = record
        self.value = value
        self.is_complete = False


class _Answer(NamedTuple):
    """A document that lists orders or items, read to its end."""

    kind: DocumentKind
    namespace: str
    record: Record
    members: list[_Member]

    @property
    def is_single(self) -> bool:
        """Whether it is the answer to a question for one order."""
        return self.kind.action == "GetOrder" and len(self.members) == 1

    def head(self, typing: Typing, *, listed: bool) -> JsonObject:
        """What stands around the members."""
        return write_head(
            self.kind, self.namespace, self.record, typing, listed=listed, single=listed and self.is_single
        )


class _To2026(ABC):
    """What both forms share."""

    def __init__(self, sink: Sink, report: Report, source: str, *, strict: bool = False) -> None:
        self._sink = sink
        self._report = report
        self._source = source
        self._strict = strict
        self._other = self._other_form()(sink, report, source, strict=strict)
        self._kind: DocumentKind | None = None
        self._namespace = ""
        self._members: list[_Member] = []
        self._written = 0
        self._unknown = 0
        self._odd = 0
        self._waiting: _Answer | None = None

    @abstractmethod
    def _other_form(self) -> "type[JsonDocuments | JsonLines]":
        """What converts documents that hold neither orders nor items."""

    # --- the handler ---

    def begin(self, kind: DocumentKind, namespace: str) -> None:
        self._kind = kind
        self._namespace = namespace
        self._members = []
        self._written = self._unknown = self._odd = 0
        if self._is_other(kind):
            self.close()
            self._other.begin(kind, namespace)

    def member(self, element: etree._Element) -> None:
        kind = self._kind
        assert kind is not None  # noqa: S101 - begin came first
        if self._is_other(kind):
            self._other.member(element)
            return
        assert kind.struct is not None  # noqa: S101 - a document that has members
        refuse_crowded(element)
        record = read_element(element, kind.struct)
        self._members.append(_Member(record, self._object(record, kind.struct, kind.member)))
        if len(self._members) >= MAX_WAITING:
            self._write_some(kind)

    def made(self, result: object) -> None:  # noqa: ARG002
        raise AssertionError("no shortcut is given")

    def end(self, record: Record) -> None:
        kind = self._kind
        assert kind is not None  # noqa: S101 - begin came first
        if self._is_other(kind):
            self._other.end(record)
            return
        typing = Typing()
        unknown = list(unknown_paths(record, kind.root))
        if self._strict and unknown:
            self.fail(ReadError(f"{unknown[0]} is not known to the tables"))
            return
        count = self._written + len(self._members) if kind.member else 1
        try:
            if kind.member:
                self._end_answer(_Answer(kind, self._namespace, record, self._members), typing)
            else:
                self._end_fragment(kind, record)
        except (ValueError, TypeError) as error:  # no result; what came back from #json is no object, or too deep
            self.fail(ReadError(str(error)))
            return
        self._tell_odd(kind.root.name, typing)
        self._report.documents += 1
        self._report.members[kind.member or kind.root.name] += count
        left_out = self._left_out(kind, record)
        tell_left_out(self._report, self._source, kind, left_out)
        self._report.unknown += self._unknown + (0 if left_out else len(unknown))
        self._report.odd += self._odd

    def fail(self, error: ReadError) -> None:
        self._sink.rollback()
        self._report.failures.append(ConvertError.of(self._source, error))

    def close(self) -> None:
        """Write what still waits: at the end of a source."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._write_answer(waiting)
            self._sink.mark()

    # --- members ---

    def _object(self, record: Record, struct: Struct, name: str) -> JsonObject:
        """The object of an order or item. Raises ReadError."""
        typing = Typing()
        place = f"{name} {key_of(record)}".rstrip()
        unknown = list(unknown_paths(record, struct))
        if self._strict and unknown:
            raise ReadError(f"{place}: {unknown[0]} is not known to the tables")
        try:
            value = write_item(record, typing) if name == _ITEM else write_order(record, typing)
            dump(value)
        except (ValueError, TypeError) as error:
            raise ReadError(str(error)) from error
        self._unknown += len(unknown)
        self._tell_odd(place, typing)
        return value

    def _tell_odd(self, place: str, typing: Typing) -> None:
        self._odd += len(typing.odd)
        for name in dict.fromkeys(typing.odd):
            self._report.warn(self._source, f"{place}: {name} is not of its kind; it stays text")

    # --- documents ---

    def _is_other(self, kind: DocumentKind) -> bool:
        return kind.member not in FRAGMENTS and kind.root.name not in FRAGMENTS

    def _end_answer(self, answer: _Answer, typing: Typing) -> None:
        if self._written:
            head = answer.head(typing, listed=True)
            dump(head)
            self._write_some(answer.kind)
            self._write_end(answer.kind, head)
            self._sink.mark()
            return
        dump(answer.head(typing, listed=True))  # what cannot be written must not be found out later
        if self._put_into_order(answer):
            return
        self.close()
        if answer.kind.member == _ITEM:
            self._write_answer(answer)
            self._sink.mark()
        else:
            self._waiting = answer

    def _put_into_order(self, answer: _Answer) -> bool:
        """Put items into the order that waits for them, if there is one and nothing is lost by that."""
        waiting = self._waiting
        if waiting is None or answer.namespace != NAMESPACE or not tells_only_order(answer.kind, answer.record):
            return False
        if not holds_list(answer.kind, answer.record) and not answer.members:
            return False
        order_id = order_of(answer.kind, answer.record)
        for member in waiting.members:
            if str(member.record.get("AmazonOrderId", "")).strip() == order_id and not member.is_complete:
                try:
                    value = write_order(member.record, Typing(), [item.record for item in answer.members])
                    dump(value)
                except ValueError:  # too deep, with its items inside
                    return False
                member.value, member.is_complete = value, True
                return True
        return False

    def _end_fragment(self, kind: DocumentKind, record: Record) -> None:
        value = self._object(record, kind.root, kind.root.name)
        self.close()
        self._write_fragment(kind, value)
        self._sink.mark()

    def _write_some(self, kind: DocumentKind) -> None:
        """Write the members at hand of a document whose end is not known yet."""
        self.close()
        if not self._written:
            self._write_start(kind)
        if self._members:
            self._write_members(kind, [member.value for member in self._members], first=not self._written)
        self._written += len(self._members)
        self._members.clear()

    def _left_out(self, kind: DocumentKind, record: Record) -> list[str]:  # noqa: ARG002
        """What no table knows of a document and is not in what is written."""
        return []

    @abstractmethod
    def _write_answer(self, answer: _Answer) -> None:
        """Write a document that is at hand to its end."""

    @abstractmethod
    def _write_start(self, kind: DocumentKind) -> None:
        """Write what stands before the members."""

    @abstractmethod
    def _write_members(self, kind: DocumentKind, values: Sequence[JsonObject], *, first: bool) -> None:
        """Write members; ``first`` when there are none before them."""

    @abstractmethod
    def _write_end(self, kind: DocumentKind, head: JsonObject) -> None:
        """Write what stands behind the members, ``head`` being what stands around them."""

    @abstractmethod
    def _write_fragment(self, kind: DocumentKind, value: JsonObject) -> None:
        """Write an order or item that is a document of its own."""


class Documents2026(_To2026):
    """One JSON document for each MWS document, each on a line of its own; but items that go into their order."""

    def _other_form(self) -> type[JsonDocuments]:
        return JsonDocuments

    def _write_answer(self, answer: _Answer) -> None:
        values = [member.value for member in answer.members]
        listed = bool(values) or holds_list(answer.kind, answer.record)
        head = answer.head(Typing(), listed=listed)
        if not listed:
            self._sink.write(_bytes(head) + b"\n")
        elif answer.is_single:
            self._sink.write(_bytes({"order": values[0], **head}) + b"\n")
        else:
            self._write_start(answer.kind)
            self._write_members(answer.kind, values, first=True)
            self._write_end(answer.kind, head)

    def _write_start(self, kind: DocumentKind) -> None:
        self._sink.write(b'{"order":{"orderItems":[' if kind.member == _ITEM else b'{"orders":[')

    def _write_members(self, kind: DocumentKind, values: Sequence[JsonObject], *, first: bool) -> None:  # noqa: ARG002
        self._sink.write((b"" if first else b",") + b",".join(map(_bytes, values)))

    def _write_end(self, kind: DocumentKind, head: JsonObject) -> None:
        closing = [b"]"]
        if kind.member == _ITEM:
            closing.append(_rest_of(head.pop("order", None)))
        self._sink.write(b"".join([*closing, _rest_of(head), b"\n"]))

    def _write_fragment(self, kind: DocumentKind, value: JsonObject) -> None:
        if kind.root.name != _ITEM:
            value = {"order": value}
            if self._namespace not in {"", NAMESPACE}:
                value[OWN] = {"Namespace": self._namespace}
        self._sink.write(_bytes(value) + b"\n")


class Lines2026(_To2026):
    """One order, or one order's list of items, a line. What stands around them is left out; documents with neither
    are told of."""

    def _other_form(self) -> type[JsonLines]:
        return JsonLines

    def _left_out(self, kind: DocumentKind, record: Record) -> list[str]:
        return left_out_of_lines(kind, record)

    def _write_answer(self, answer: _Answer) -> None:
        values = [member.value for member in answer.members]
        if answer.kind.member != _ITEM:
            self._write_members(answer.kind, values, first=True)
        elif values:
            order_id = order_of(answer.kind, answer.record)
            head: JsonObject = {ORDER_ID: order_id} if order_id else {}
            self._sink.write(_bytes({**head, ITEMS_KEY: values}) + b"\n")

    def _write_start(self, kind: DocumentKind) -> None:
        if kind.member == _ITEM:
            self._sink.write(b'{"orderItems":[')

    def _write_members(self, kind: DocumentKind, values: Sequence[JsonObject], *, first: bool) -> None:
        if kind.member == _ITEM:
            self._sink.write((b"" if first else b",") + b",".join(map(_bytes, values)))
        else:
            self._sink.write(b"".join(_bytes(value) + b"\n" for value in values))

    def _write_end(self, kind: DocumentKind, head: JsonObject) -> None:
        if kind.member == _ITEM:
            order = head.get("order")
            order_id = order.get(ORDER_ID) if isinstance(order, dict) else None
            self._sink.write(b"]" + _rest_of({ORDER_ID: order_id} if order_id else {}) + b"\n")

    def _write_fragment(self, kind: DocumentKind, value: JsonObject) -> None:  # noqa: ARG002
        self._sink.write(_bytes(value) + b"\n")


def _bytes(value: JsonObject) -> bytes:
    return dump(value).encode()


def _rest_of(value: object) -> bytes:
    """The members of an object and its brace, behind others."""
    text = _bytes(value if isinstance(value, dict) else {})[1:]
    return text if text == b"}" else b"," + text
