"""Records out of any stream, and records to either side: the converter as a library.

::

    from bridge.offline import iter_records, render, to_sp_api

    with open("orders.xml", "rb") as file:
        for record in iter_records(file):
            print(to_sp_api(record)["OrderStatus"])

Everything is lazy and keeps no state between calls, so it can be called on a partition in a worker of Spark, Dask or
Ray. A record is what ``mws_compat.schema`` says: a dict from MWS element names to wire text, records and lists. The
record of an item has the ``AmazonOrderId`` of its list as well.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import chain
from typing import BinaryIO, NamedTuple

from lxml import etree

from bridge.mapping.cells import InexactError, Typing, json_text
from bridge.mapping.documents import as_object
from bridge.mapping.documents_v0 import MEMBER_MAPS, JsonDocument, member_of, read_document
from bridge.mapping.forms import FormReader, Make, template_of
from bridge.mapping.rows import JsonObject, MappingError
from bridge.mapping.versions import is_v2026
from bridge.offline.convert import gather_head, looks_like_json
from bridge.offline.from_json import Queue, json_values
from bridge.offline.json_values import decode, is_as_alone, lone_member, problem_of
from bridge.offline.report import ConvertError, Report
from bridge.offline.to_xml import CHOICES, XmlWriter
from mws_compat.blocks import BlockReader, Build, Values, canonical_block, maker_of, read_blocks
from mws_compat.documents import FRAGMENTS, DocumentKind
from mws_compat.errors import ReadError
from mws_compat.reader import read_element, refuse_crowded
from mws_compat.schema import UNMAPPED, Node, Record
from mws_compat.stream import Segment, stream_steps

__all__ = [
    "JsonHead",
    "from_sp_api",
    "iter_records",
    "member_name",
    "read_json_records",
    "render",
    "to_sp_api",
]

_PIECE = 2**20
_ORDER_ID = "AmazonOrderId"
_ITEM = "OrderItem"
_VERSIONS = ("v0", "v2026-01-01")

_ByForm = Callable[[JsonObject], Record | None]
OnError = Callable[[ConvertError], None]


def iter_records(
    stream: BinaryIO | Iterable[bytes] | bytes, *, name: str = "<stream>", on_error: OnError | None = None
) -> Iterator[Record]:
    """The records of every order, item and message in a stream, in its order, as they are read.

    ``stream`` is a binary file, its bytes, or pieces of them; it holds legacy XML or SP-API JSON, v0 or v2026-01-01,
    in any layout that ``mws-bridge convert`` reads, unpacked. Documents that hold none of these (errors, service
    status) give nothing.

    Raises ConvertError, with ``name``, at a document that cannot be read; with ``on_error`` that is called instead
    and the rest is read. Records of a document that turns out to be broken at its end have been given by then; those
    of a list of items have not, since an item's order may be named after it.
    """
    pieces = _pieces_of(stream)
    head = gather_head(lambda: next(pieces, b""))
    found = read_json_records if looks_like_json(head) else _from_xml
    for outcome in found(chain([head], pieces), name):
        if isinstance(outcome, JsonHead):
            continue
        if isinstance(outcome, dict):
            yield outcome
        elif on_error is None:
            raise outcome
        else:
            on_error(outcome)


def to_sp_api(record: Record, version: str = "v0") -> JsonObject:
    """The SP-API Orders object of a record. Of ``v0``, typed as live v0 types it: what it has no member for stands
    under ``#mws``, what no table knows under ``#unknown``. Of ``v2026-01-01``: an item as an order of which only that
    item is told. Of either, a number with a fraction or of more than 64 bits, which only unknown members can be, is a
    float where that is the same number, else a Decimal. Raises ValueError for another version."""
    if version not in _VERSIONS:
        raise ValueError(f"not a version: write {' or '.join(_VERSIONS)}")
    name, own, order_id = _parted(record)
    if version == "v0" or name not in FRAGMENTS:
        found = MEMBER_MAPS[name].write(own, Typing())
        if UNMAPPED in own:
            found = {member: _as_float(value) for member, value in found.items()}
        return {_ORDER_ID: order_id, **found} if order_id else found
    from bridge.mapping import documents_v2026 as newer  # noqa: PLC0415 - its tables are not for everyone

    found = newer.write_item(own, Typing()) if name == _ITEM else newer.write_order(own, Typing())
    if order_id:
        found = {newer.ORDER_ID: order_id, newer.ITEMS_KEY: [found]}
    return {member: _as_float(value) for member, value in found.items()}


def from_sp_api(source: JsonObject) -> Record:
    """The record of an SP-API Orders object of either version: the inverse of ``to_sp_api``. Of a v2026 order with
    items it is the order's; ``iter_records`` gives those of its items too. Raises ValueError for an object that is
    none, or several items, and where a number with a fraction stands for an amount (decode with
    ``parse_float=str``)."""
    if is_v2026(source):
        return _from_newer(source)
    name = member_of(source)
    if not name:
        raise ValueError("neither an order, nor an item or message")
    order_id = source.get(_ORDER_ID) if name == _ITEM else None
    if not isinstance(order_id, str):
        return MEMBER_MAPS[name].read(source)
    rest = {key: value for key, value in source.items() if key != _ORDER_ID}
    return {_ORDER_ID: order_id, **MEMBER_MAPS[name].read(rest)}


def _from_newer(source: JsonObject) -> Record:
    from bridge.mapping import documents_v2026 as newer  # noqa: PLC0415 - its tables are not for everyone

    if newer.read_document(source) is not None:
        raise ValueError("neither an order, nor an item or message")
    records = newer.read_records(source)
    record = next(records, None)
    if record is None or (newer.is_item_list(source) and next(records, None) is not None):
        raise ValueError("a list of items is not one record; iter_records reads it")
    return record


def _as_float(value: object) -> object:
    """A value with floats for the Decimals that are the same numbers."""
    if isinstance(value, dict):
        return {name: _as_float(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_as_float(inner) for inner in value]
    if isinstance(value, Decimal) and Decimal(repr(float(value))) == value:
        return float(value)
    return value


def render(records: Iterable[Record], *, page: int = 0) -> Iterator[bytes]:
    """MWS XML of records, in pieces: one document for each run of records of a kind (and, for items, of one order),
    of at most ``page`` records unless that is 0. ``file.writelines(render(records))`` writes them. Raises ValueError
    or TypeError for what is not a record."""
    queue = Queue()
    writer = XmlWriter(queue, Report(), "", page=page)
    for record in records:
        name, own, order_id = _parted(record)
        writer.put_record(name, own, order_id)
        yield from queue.drain()
    writer.close()
    yield from queue.drain()


def member_name(record: Record) -> str:
    """What a record is: ``Order``, ``OrderItem`` or ``Message``."""
    if "OrderItemId" in record or "ASIN" in record:
        return _ITEM
    return "Order" if _ORDER_ID in record or "OrderStatus" in record else "Message"


def _parted(record: Record) -> tuple[str, Record, str]:
    """What a record is, the record without what is not its own, and the order of an item."""
    name = member_name(record)
    order_id = record.get(_ORDER_ID) if name == _ITEM else None
    if not isinstance(order_id, str):
        return name, record, ""
    return name, {key: node for key, node in record.items() if key != _ORDER_ID}, order_id


def _pieces_of(stream: BinaryIO | Iterable[bytes] | bytes) -> Iterator[bytes]:
    if isinstance(stream, bytes):
        yield stream
    elif hasattr(stream, "read"):
        while piece := stream.read(_PIECE):
            yield piece
    else:
        yield from stream


# --- XML ------------------------------------------------------------------------------------------------------------


def _from_xml(pieces: Iterable[bytes], name: str) -> Iterator[Record | ConvertError]:
    collector = _Collector(name)
    for _ in stream_steps(pieces, collector, shortcut=collector):
        while collector.ready:
            yield collector.ready.popleft()
    yield from collector.ready


class _Collector:
    """Collects what is read: the handler and the shortcut of one stream."""

    def __init__(self, name: str) -> None:
        self.ready: deque[Record | ConvertError] = deque()
        self._name = name
        self._kind: DocumentKind | None = None
        self._items: list[Record] = []
        self._readers: dict[str, BlockReader[Record]] = {}

    def begin(self, kind: DocumentKind, namespace: str) -> None:  # noqa: ARG002
        self._kind = kind
        self._items = []

    def member(self, element: etree._Element) -> None:
        assert self._kind is not None  # noqa: S101 - begin came first
        assert self._kind.struct is not None  # noqa: S101 - a document that has members
        block = canonical_block(element)
        record = None if block is None else self._reader(self._kind).read(block)
        if record is None:
            refuse_crowded(element)
            record = read_element(element, self._kind.struct)
        self._put([record])

    def made(self, result: object) -> None:
        assert isinstance(result, list)  # noqa: S101 - submit made it
        self._put(result)

    def _put(self, records: list[Record]) -> None:
        assert self._kind is not None  # noqa: S101 - begin came first
        (self._items if self._kind.member == _ITEM else self.ready).extend(records)

    def end(self, record: Record) -> None:
        assert self._kind is not None  # noqa: S101 - begin came first
        if self._kind.root.name in FRAGMENTS:
            self.ready.append(record)
        if self._items:
            result = record.get(self._kind.path[0])
            order_id = result.get(_ORDER_ID) if isinstance(result, dict) else None
            head: Record = {_ORDER_ID: order_id.strip()} if isinstance(order_id, str) else {}
            self.ready.extend({**head, **item} for item in self._items)

    def fail(self, error: ReadError) -> None:
        self.ready.append(ConvertError.of(self._name, error))

    def _reader(self, kind: DocumentKind) -> BlockReader[Record]:
        if kind.member not in self._readers:
            assert kind.struct is not None  # noqa: S101 - a document that has members
            self._readers[kind.member] = BlockReader(kind.struct, kind.member, _learn, typed=False)
        return self._readers[kind.member]

    def submit(self, kind: DocumentKind, chunk: bytes) -> Callable[[], list[Segment]]:
        segments: list[Segment] = list(read_blocks(chunk, self._reader(kind).read))
        return lambda: segments


def _learn(record: Record, numbers: Mapping[str, int]) -> Build[Record]:
    make = maker_of(record, numbers)

    def build(values: Values) -> Record:
        return make(b"\0".join(values).decode().split("\0"))

    return build


# --- JSON -----------------------------------------------------------------------------------------------------------


class JsonHead(NamedTuple):
    """What a JSON document says around its members, as the record of its root."""

    kind: DocumentKind
    record: Record


def read_json_records(pieces: Iterable[bytes], name: str) -> Iterator[Record | JsonHead | ConvertError]:
    """The records of a stream of JSON, each document's followed by its head, which one without any has, too."""
    forms = FormReader(_learn_form, CHOICES)
    for place, value in json_values(pieces):
        try:
            if isinstance(value, bytes):
                try:
                    found = list(_records_of(decode(value), forms.read))
                except InexactError:
                    found = list(_records_of(decode(value, exact=True), forms.read))
                yield from found
            else:
                yield from _large_records(value, forms.read)
        except (ValueError, TypeError, RecursionError) as error:
            yield ConvertError(name, problem_of(error), place=place)


def _large_records(pieces: Iterable[bytes], by_form: _ByForm) -> Iterator[Record | JsonHead]:
    """Items wait until it is known which order they are of."""
    from bridge.offline.large_json import NEWER, large_members  # noqa: PLC0415 - ijson on demand

    items: list[Record] = []
    found = False
    for member, place, value in large_members(pieces):
        if not place and not found:
            yield from _records_of(value, by_form)
        elif not place:
            document = _newer_document(value) if is_v2026(value) else _document(value)
            if document.members:
                raise MappingError("objects expected", document.place)
            head = _head_of(document)
            yield from ({**head, **item} for item in items)
            yield JsonHead(document.kind, document.record)
        elif member:
            found = True
            if member == NEWER:
                yield from _newer_member(value, place)
                continue
            try:
                record = _member_record(member, value, by_form)
            except MappingError as error:
                raise error.inside(place) from None
            if member == _ITEM:
                items.append(record)
            else:
                yield record
        else:
            yield from _records_of(value, by_form)


def _records_of(value: object, by_form: _ByForm) -> Iterator[Record | JsonHead]:
    if isinstance(value, list):
        for inner in value:
            yield from _records_of(inner, by_form)
        return
    if not isinstance(value, dict):
        raise TypeError("object expected")
    if is_v2026(value):
        yield from _newer_records(value)
        return
    if lone_member(value):
        yield by_form(value) or from_sp_api(value)
        return
    document = _document(value)
    head = _head_of(document)
    for member in document.members:
        if not isinstance(member, dict):
            raise MappingError("objects expected", document.place)
        yield {**head, **_member_record(document.kind.member, member, by_form)}
    yield JsonHead(document.kind, document.record)


def _newer_records(source: JsonObject) -> Iterator[Record | JsonHead]:
    """The records of v2026 JSON: each order's followed by those of its items."""
    from bridge.mapping import documents_v2026 as newer  # noqa: PLC0415 - as above

    newer.refuse_floats(source)
    document = newer.read_document(source)
    if document is None:
        yield from newer.read_records(source)
        return
    head = _head_of(document)
    for number, member in enumerate(document.members):
        try:
            inner = as_object(member, "")
            if document.kind.member == _ITEM:
                yield {**head, **newer.read_item(inner).whole()}
            else:
                yield from newer.read_records(inner)
        except MappingError as error:
            raise error.inside(
                document.place if document.place == "order" else f"{document.place}[{number}]"
            ) from None
    yield JsonHead(document.kind, document.record)


def _newer_member(source: JsonObject, place: str) -> Iterator[Record]:
    from bridge.mapping.documents_v2026 import read_records  # noqa: PLC0415 - as above

    try:
        yield from read_records(source)
    except MappingError as error:
        raise error.inside(place) from None


def _newer_document(source: JsonObject) -> JsonDocument:
    from bridge.mapping.documents_v2026 import read_document as read_newer  # noqa: PLC0415 - as above

    document = read_newer(source)
    assert document is not None  # noqa: S101 - it lists orders
    return document


def _member_record(name: str, source: JsonObject, by_form: _ByForm) -> Record:
    """The record of a document's member. By its form it is what it would be if it stood alone."""
    record = by_form(source) if is_as_alone(name, source) else None
    return MEMBER_MAPS[name].read(source) if record is None else record


def _learn_form(source: JsonObject) -> Make[Record] | None:
    """What makes records of objects like this one, in which marks stand for values."""
    try:
        record = from_sp_api(source)
    except (ValueError, TypeError, RecursionError):
        return None
    make: Make[Record] = eval(f"lambda v: {_written_form(record)}", {"json_text": json_text})  # noqa: S307 - only repr()s and numbers
    return make


def _written_form(node: Node) -> str:
    if isinstance(node, dict):
        return "{" + ",".join(f"{name!r}:{_written_form(inner)}" for name, inner in node.items()) + "}"
    if isinstance(node, list):
        return f"[{','.join(map(_written_form, node))}]"
    text, order, quoted = template_of(node)
    values = [f"json_text(v[{slot}])" if place in quoted else f"v[{slot}]" for place, slot in enumerate(order)]
    if not order:
        return repr(node)
    return values[0] if text == "%s" else f"{text!r}%({','.join(values)},)"


def _document(source: JsonObject) -> JsonDocument:
    document = read_document(source)
    if document is None:
        raise ValueError("neither an answer of Orders v0, nor an order or item of one")
    return document


def _head_of(document: JsonDocument) -> Record:
    """What a list says of each of its items: the order."""
    result = document.record.get(document.kind.path[0]) if document.kind.path else None
    order_id = result.get(_ORDER_ID) if isinstance(result, dict) and document.kind.member == _ITEM else None
    return {_ORDER_ID: order_id} if isinstance(order_id, str) else {}
