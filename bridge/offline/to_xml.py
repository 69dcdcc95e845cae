"""SP-API JSON to MWS XML: whole documents, arrays, and lines."""

from typing import IO, cast

import orjson

from bridge.mapping.cells import InexactError, dump, json_text
from bridge.mapping.documents_v0 import (
    MEMBER_MAPS,
    JsonDocument,
    read_document,
)
from bridge.mapping.exact import OWN
from bridge.mapping.forms import FormReader, Make, template_of
from bridge.mapping.rows import JsonObject, MappingError
from bridge.mapping.versions import PATCH, is_v2026
from bridge.offline.json_values import (
    UNUSED,
    check_generic,
    decode,
    forbidden,
    generic_kind,
    is_as_alone,
    lone_member,
    problem_of,
    strangers,
)
from bridge.offline.report import ConvertError, Report
from bridge.offline.to_json import Sink
from bridge.offline.xml_documents import Document, Member, OpenDocument, fitting, member_writer, version_of
from mws_compat.blocks import picker
from mws_compat.documents import DOCUMENTS, DocumentKind
from mws_compat.escape import escape_all
from mws_compat.orders import LATEST_VERSION
from mws_compat.overlay import MEMBERS
from mws_compat.reader import parse_element, read_element, unknown_paths
from mws_compat.schema import UNKNOWN, UNMAPPED, Record

__all__ = ["CHOICES", "HOLDERS", "XmlWriter"]

_BATCH = 2**18
#: So many orders whose items come behind are put into one document.
_MAX_BEHIND = 100

#: The documents that objects outside any document are put into.
HOLDERS = {"Order": "ListOrdersResponse", "OrderItem": "ListOrderItemsResponse", "Message": "AmazonEnvelope"}

#: The members that come in forms. Messages do not: what is repeated in them would make one of nearly every message.
_SHAPED = frozenset(("Order", "OrderItem"))
#: The members whose text the tables may change.
CHOICES = MEMBER_MAPS["Order"].choices() | MEMBER_MAPS["OrderItem"].choices()


class XmlWriter:
    """Writes documents to a sink. ``page`` bounds the members of one document, 0: no bound; ``drop`` leaves out what
    no table knows; ``strict`` refuses it."""

    def __init__(
        self, sink: Sink, report: Report, source: str, *, page: int = 0, strict: bool = False, drop: bool = False
    ) -> None:
        self._sink = sink
        self._report = report
        self._source = source
        self._page = page
        self._strict = strict
        self._drop = drop
        self._open: OpenDocument | None = None
        self._behind: list[Document] = []
        self._forms = FormReader(self._learn, CHOICES)

    def value(self, text: bytes, place: str) -> None:
        """Convert one JSON value: a document, a member, or an array of those. What is wrong with it goes to the
        report, with ``place``, and leaves nothing in the output."""
        counted = self._report.unknown, self._report.left_out
        try:
            value = decode(text)
            try:
                self._value(value, "")
            except InexactError:
                self._report.unknown, self._report.left_out = counted
                self._value(decode(text, exact=True), "")
            self.tell_forbidden(value, place, text)
        except (ValueError, TypeError, RecursionError) as error:
            self._report.unknown, self._report.left_out = counted
            self.fail(problem_of(error), place)

    def put(self, value: object, place: str) -> None:
        """Convert a decoded value. Raises ValueError or TypeError."""
        self._value(value, place)

    def tell_forbidden(self, value: object, place: str, text: bytes | None = None) -> None:
        """Warn of what an element cannot hold; ``text`` is the value as JSON, where there is such a text."""
        for path in forbidden(value, text):
            at = ": ".join(filter(None, (place, path)))
            self._report.warn(self._source, f"{at}: a character that XML forbids; in an element it became U+FFFD")

    def put_record(self, member: str, record: Record, order_id: str = "") -> None:
        """Write the record of one member; ``order_id`` is the order of an item. Raises ValueError or TypeError."""
        self._put_member(self._write_member(member, record, order_id))

    def member_text(self, member: str, source: JsonObject, place: str) -> str:
        """The XML of one member of a document that is not known to its end yet. Raises ValueError or TypeError."""
        kind = DOCUMENTS[HOLDERS[member]]
        try:
            return fitting(member_writer(kind, LATEST_VERSION)(self._read_member(member, source)))
        except MappingError as error:
            raise error.inside(place) from None

    def order_text(self, source: JsonObject, place: str) -> tuple[str, Document | None]:
        """The XML of one order of v2026-01-01, and the document of its items. Raises ValueError or TypeError."""
        from bridge.offline.from_v2026 import prepare_order  # noqa: PLC0415 - its tables are not for everyone

        try:
            return prepare_order(self, source)
        except MappingError as error:
            raise error.inside(place) from None

    def put_behind(self, documents: IO[bytes], items: list[int]) -> None:
        """Write documents that wait in a file, each with so many items."""
        if not items:
            return
        documents.seek(0)
        while piece := documents.read(_BATCH):
            self._sink.write(piece)
        self._report.documents += len(items)
        self._count(DOCUMENTS[HOLDERS["OrderItem"]], sum(items))
        self._sink.mark()

    def put_around(self, source: JsonObject, member: str, members: IO[bytes], ends: list[int]) -> None:
        """Write a document whose members wait in a file, as ``member_text`` wrote them; ``ends`` are the offsets of
        their ends. Raises ValueError or TypeError."""
        if not ends:
            self._value(source, "")
            return
        ready = self._around_newer(source) if is_v2026(source) else self._around(source, member)
        if version_of(ready.namespace) != LATEST_VERSION:
            raise MappingError("a document this large can only be written in the latest version", f"{OWN}.Namespace")
        fitting("".join(ready.frame("")))  # a head that cannot be written must not be found out half-way
        self.close()
        members.seek(0)
        step = self._page or len(ends)
        for first in range(0, len(ends), step):
            last = first + step >= len(ends)
            head, tail = ready.frame(MEMBERS, last=last)
            self._sink.write(head.removesuffix(MEMBERS).encode())
            left = ends[min(first + step, len(ends)) - 1] - members.tell()
            while left:
                piece = members.read(min(left, _BATCH))
                self._sink.write(piece)
                left -= len(piece)
            self._sink.write(tail.encode())
            self._report.documents += 1
        self._count(ready.kind, len(ends))
        self._sink.mark()

    def _around(self, source: JsonObject, member: str) -> Document:
        document = read_document(source)
        if document is None or document.kind.member != member:
            raise MappingError(f"{member} is not what such an answer lists")
        if document.members:
            raise MappingError("objects expected", document.place)
        self._look_around(document)
        return Document(document.kind, document.namespace, document.record, [])

    def _around_newer(self, source: JsonObject) -> Document:
        from bridge.offline.from_v2026 import prepare  # noqa: PLC0415 - its tables are not for everyone

        (ready,) = prepare(self, source)
        if not isinstance(ready, Document) or ready.kind.member != "Order":
            raise MappingError("orders is not what such an answer lists")
        return ready

    def fail(self, problem: str, place: str) -> None:
        """Note a failure."""
        self._report.failures.append(ConvertError(self._source, problem, place=place))

    def _value(self, value: object, place: str) -> None:
        if isinstance(value, dict) and (member := self._by_form(value)) is not None:
            self._put_member(member)
            return
        if isinstance(value, list):
            prepared = [ready for number, inner in enumerate(value) for ready in self._prepare(inner, f"[{number}]")]
        else:
            prepared = self._prepare(value, place)
        for ready in prepared:
            if isinstance(ready, Member):
                self._put_member(ready)
            else:
                self._put_document(ready)

    def _prepare(self, value: object, place: str) -> list[Document | Member]:
        """Everything that can go wrong goes wrong here, before anything of the value is written."""
        if not isinstance(value, dict):
            raise MappingError("object expected", place)
        if is_v2026(value):
            from bridge.offline.from_v2026 import prepare  # noqa: PLC0415 - its tables are not for everyone

            try:
                return prepare(self, value)
            except MappingError as error:
                raise error.inside(place) if place else error from None
        return [self._prepare_v0(value, place)]

    def _prepare_v0(self, value: JsonObject, place: str) -> Document | Member:
        if (ready := self._by_form(value)) is not None:
            return ready
        if kind := generic_kind(value):
            return self._prepare_generic(kind, value)
        try:
            if member := lone_member(value):
                return self._prepare_member(member, value)
            document = read_document(value)
        except MappingError as error:
            raise error.inside(place) if place else error from None
        if document is None:
            raise MappingError("neither an answer of Orders v0, nor an order or item of one", place)
        return self._prepare_document(document)

    def _by_form(self, value: JsonObject) -> Member | None:
        """The XML of an order or item that is like others before it."""
        if "AmazonOrderId" not in value and "OrderItemId" not in value:
            return None
        member = self._forms.read(value)
        if member is not None:
            fitting(member.text)
            self._tally(member.unknown)
        return member

    def _prepare_member(self, member: str, source: JsonObject) -> Member:
        key = ""
        if member == "OrderItem":
            source = dict(source)
            key = source.pop("AmazonOrderId", "")  # type: ignore[assignment]  # checked on the next line
            if not isinstance(key, str):
                raise MappingError("text expected", "AmazonOrderId")
        return self._write_member(member, self._read_member(member, source), key)

    def _write_member(self, member: str, record: Record, key: str) -> Member:
        kind = DOCUMENTS[HOLDERS[member]]
        text = fitting(member_writer(kind, LATEST_VERSION)(record))
        return Member(kind, text, key or _message_type(record, member))

    def _learn(self, value: JsonObject) -> Make[Member] | None:
        """What makes XML of orders or items like this one, in which marks stand for texts."""
        member = lone_member(value)
        if UNKNOWN in value or member not in _SHAPED:
            return None  # what is unknown has names and namespaces, which are not put anywhere as they are
        counted = self._report.unknown, self._report.left_out
        try:
            ready = self._prepare_member(member, value)
        except (ValueError, TypeError, RecursionError):
            return None
        finally:
            found = self._report.unknown + self._report.left_out - sum(counted)
            self._report.unknown, self._report.left_out = counted
        text, order, quoted = template_of(ready.text)
        key = template_of(ready.key).order
        pick = picker(order)

        def make(values: list[str]) -> Member:
            texts = list(pick(values))
            for place in quoted:
                texts[place] = json_text(texts[place])
            order_id = values[key[0]] if key else ""
            return Member(ready.kind, text % tuple(escape_all(texts)), order_id, found)

        return make

    def _prepare_document(self, document: JsonDocument) -> Document:
        kind, head = document.kind, document.record
        texts: list[str] = []
        version = version_of(document.namespace)
        write = member_writer(kind, version) if kind.member else None
        alike = kind.member in _SHAPED and version == LATEST_VERSION
        for number, member in enumerate(document.members):
            place = f"{document.place}[{number}]"
            if not isinstance(member, dict):
                raise MappingError("object expected", place)
            assert write is not None  # noqa: S101 - only such documents have members
            try:
                if alike and is_as_alone(kind.member, member) and (ready := self._by_form(member)) is not None:
                    texts.append(ready.text)
                else:
                    texts.append(fitting(write(self._read_member(kind.member, member))))
            except MappingError as error:
                raise error.inside(place) from None
        self._look_around(document)
        whole = Document(kind, document.namespace, head, texts)
        fitting("".join(whole.frame("")))  # a head that cannot be written must not be found out half-way
        return whole

    def _prepare_generic(self, kind: DocumentKind, value: JsonObject) -> Document:
        """A document in xmltodict's notation, by way of the XML that xmltodict makes of it."""
        import xmltodict  # noqa: PLC0415 - only this form needs it

        check_generic(value, "")
        root = parse_element(xmltodict.unparse(value).encode(), limit=2**31)
        namespace = str(root.tag).rpartition("}")[0][1:]
        head = read_element(root, kind.root)
        unknown = list(unknown_paths(head, kind.root))
        if self._strict and unknown:
            raise MappingError("not known to the tables", unknown[0])
        self._tally(len(unknown))
        holder: Record = head
        for name in kind.path[:-1]:
            inner = holder.get(name)
            if not isinstance(inner, dict):
                raise MappingError(f"no {name}", kind.root.name)
            holder = inner
        members = holder.pop(kind.path[-1] if kind.path else kind.member, [])
        records = [member for member in members if isinstance(member, dict)]
        if self._drop:
            for record in (head, *records):
                record.pop(UNKNOWN, None)
        write = member_writer(kind, version_of(namespace)) if kind.member else None
        return Document(kind, namespace, head, [fitting(write(record)) for record in records] if write else [])

    def _read_member(self, member: str, source: JsonObject) -> Record:
        record, rest = MEMBER_MAPS[member].take(source)
        if rest or UNKNOWN in record:
            self._look(record, rest, UNUSED[member])
            if rest and not self._drop:
                record[UNMAPPED] = dump(rest)
                if PATCH in rest:
                    from bridge.offline.from_v2026 import refuse_unreadable  # noqa: PLC0415 - as above

                    refuse_unreadable(member, record)
        return record

    def _look_around(self, document: JsonDocument) -> None:
        """Count, refuse or drop what no table knows around members."""
        result = document.record.get(f"{document.kind.action}Result")
        for record in (document.record, result):
            if isinstance(record, dict):
                self._look(record, orjson.loads(cast("str", record.get(UNMAPPED, "{}"))), frozenset())

    def _look(self, record: Record, rest: JsonObject, unused: frozenset[str]) -> None:
        """Count, refuse or drop what no table knows: in the record, and in ``rest``, the members that no element
        carries. ``unused`` are those that are known to have none."""
        found: list[str] = []
        if UNKNOWN in record:
            found += [f"{UNKNOWN}.{name}" for name in cast("Record", record[UNKNOWN])]
        if rest:
            found += strangers(rest, unused)
        self.judge(record, found)

    def judge(self, record: Record, found: list[str]) -> None:
        """Count, refuse or drop what no table knows; ``found`` are its places."""
        if self._strict and found:
            raise MappingError("not known to the tables", found[0])
        self._tally(len(found))
        if self._drop:
            record.pop(UNKNOWN, None)
            record.pop(UNMAPPED, None)

    def _tally(self, found: int) -> None:
        if self._drop:
            self._report.left_out += found
        else:
            self._report.unknown += found

    def _put_document(self, ready: Document) -> None:
        self.close()
        texts = ready.texts
        step = self._page or len(texts) or 1
        pages = [texts[start : start + step] for start in range(0, len(texts), step)] or [[]]
        for number, page in enumerate(pages, 1):
            head, tail = ready.frame("".join(page), last=number == len(pages))
            self._sink.write(f"{head}{tail}".encode())
            self._report.documents += 1
            for place in range((number - 1) * step, number * step):
                if place in ready.behind:
                    self._put_document(ready.behind[place])
        self._count(ready.kind, len(texts))
        self._sink.mark()

    def _put_member(self, member: Member) -> None:
        if self._open is None or not self._open.takes(member, self._page):
            self.close()
            self._open = OpenDocument(member, self._sink)
            self._report.documents += 1
        self._open.add(member.text)
        self._count(member.kind, 1)
        if member.behind is not None:
            self._behind.append(member.behind)
            if len(self._behind) >= _MAX_BEHIND:
                self.close()

    def _count(self, kind: DocumentKind, members: int) -> None:
        self._report.members[kind.member or kind.root.name] += members if kind.member else 1

    def close(self) -> None:
        """End the document that lines are being put into, and write what waits for that."""
        if self._open is not None:
            self._open.close()
            self._open = None
            self._sink.mark()
        behind, self._behind = self._behind, []
        for document in behind:
            self._put_document(document)


def _message_type(record: Record, member: str) -> str:
    if member != "Message":
        return ""
    return next((name for name, node in record.items() if isinstance(node, dict) and name != UNKNOWN), "")
