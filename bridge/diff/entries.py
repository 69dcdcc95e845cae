"""One side of a comparison, read: every order, item, message and document of any number of inputs, with its key and a
digest of what it says.

Two digests stand for an entry. Equal *raw* digests mean the same bytes in the same namespace; equal *digests* mean
the same texts at the same places, however the elements were ordered and laid out. Either way the records are equal;
when neither is, only the schema can tell. So a digest says "equal", never "different".
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from hashlib import blake2b
from itertools import chain
from typing import NamedTuple, cast

import orjson
from lxml import etree

from bridge.diff.profiles import Origin
from bridge.diff.records import without_volatile
from bridge.mapping.documents_v0 import MEMBER_MAPS
from bridge.offline.convert import gather_head, looks_like_json
from bridge.offline.records import JsonHead, member_name, read_json_records
from bridge.offline.report import ConvertError
from mws_compat.blocks import BlockReader, Build, Values, canonical_block, maker_of, picker, read_blocks
from mws_compat.documents import DOCUMENTS, ENVELOPE, FRAGMENTS, DocumentKind
from mws_compat.errors import ReadError
from mws_compat.reader import read_element, refuse_crowded
from mws_compat.schema import UNKNOWN, UNMAPPED, Node, Record, Struct
from mws_compat.stream import Segment, stream_steps

__all__ = ["Entry", "EntryReader", "Found", "Known", "has_unknown", "struct_of"]

_SIZE = 16
#: So many different shapes of records are remembered; others are kept whole.
_MAX_SHAPES = 2**13
_BLANKS = " \t\r\n"
_ITEM = "OrderItem"


class Entry(NamedTuple):
    """``member`` is the element's name, ``key`` what it is known by: for an item its order's id, a slash, its own; ''
    for what has none. ``raw`` is b'' when it was not read as plain bytes, ``digest`` when it has texts that cannot be
    told apart by one. ``body`` and ``make`` are for ``EntryReader.record``."""

    member: str
    key: str
    origin: Origin
    source: str
    raw: bytes
    digest: bytes
    body: bytes
    make: int = -1


class Known(NamedTuple):
    """An entry that equals one of the other side: its raw digest is the same."""

    member: str
    raw: bytes
    source: str


class _Read(NamedTuple):
    """What a block says."""

    key: str
    digest: bytes
    body: bytes
    make: int


Found = Entry | Known | ConvertError


def struct_of(member: str) -> Struct:
    """The struct of what entries of a name hold."""
    table = MEMBER_MAPS.get(member)
    return table.struct if table is not None else DOCUMENTS[member].root


class EntryReader:
    """Reads both sides of a comparison: what one teaches about the forms of its orders serves the other."""

    def __init__(self) -> None:
        self._blocks: dict[str, BlockReader[_Read]] = {}
        #: The numbers of shapes of records by a digest, and what makes the records of texts in the order of their
        #: places; or, until it is asked for, one that has the numbers of texts.
        self._shapes: dict[bytes, int] = {}
        self._makers: list[Record | Callable[[list[str]], Record]] = []

    def read(
        self, pieces: Iterable[bytes], source: str, is_known: Callable[[bytes], bool] | None = None
    ) -> Iterator[Found]:
        """What an input holds, in its order. ``is_known`` says whether the other side has an entry with a raw digest.
        A document that cannot be read gives a ConvertError, and the rest is read; so does an input without any."""
        rest = iter(pieces)
        head = gather_head(lambda: next(rest, b""))
        if looks_like_json(head):
            yield from _from_json(chain([head], rest), source)
            return
        collector = _Collector(self, source, is_known)
        for _ in stream_steps(chain([head], rest), collector, shortcut=collector):
            while collector.ready:
                yield collector.ready.popleft()
        yield from collector.ready
        if collector.empty:
            yield _no_document(source)

    def record(self, body: bytes, make: int) -> Record:
        """The record of an entry."""
        if make < 0:
            return cast("Record", orjson.loads(body))
        maker = self._makers[make]
        texts = body.decode().split("\0")
        if isinstance(maker, dict):
            maker = self._makers[make] = maker_of(maker, {str(place): place for place in range(len(texts))})
        return maker(texts)

    def blocks(self, kind: DocumentKind) -> BlockReader[_Read]:
        """The reader of a kind of member."""
        if kind.member not in self._blocks:
            assert kind.struct is not None  # noqa: S101 - asked only for documents that have members
            learn = partial(self._learn, kind.member)
            self._blocks[kind.member] = BlockReader(kind.struct, kind.member, learn, trim=True, typed=False)
        return self._blocks[kind.member]

    def _learn(self, member: str, record: Record, numbers: Mapping[str, int]) -> Build[_Read] | None:
        """What reads blocks like the one whose record is given, in which marks stand for values."""
        flat: list[tuple[str, str]] = []
        shape = _taken_apart(record, "", flat)
        slots = [numbers.get(text) for _, text in flat]
        fixed = [text.encode() for (_, text), slot in zip(flat, slots, strict=True) if slot is None]
        place = iter(range(len(fixed)))
        pick = picker([next(place) if slot is None else len(fixed) + slot for slot in slots])
        head = _head_of(flat)
        key = [(numbers.get(part), part) for part in _key_parts(member, record)]
        # Not by the head: it does not tell what holds no text, and is in the record nevertheless.
        known = blake2b(orjson.dumps(shape), digest_size=_SIZE).digest()
        number = self._shapes.get(known)
        if number is None:
            if len(self._makers) >= _MAX_SHAPES:
                return None
            number = self._shapes[known] = len(self._makers)
            self._makers.append(cast("Record", shape))

        def build(values: Values) -> _Read:
            body = b"\0".join(pick([*fixed, *values] if fixed else values))
            digest = blake2b(head + body, digest_size=_SIZE).digest()
            parts = [part if slot is None else values[slot].decode() for slot, part in key]
            return _Read(" ".join(parts), digest, body, number)

        return build


def _taken_apart(node: Node, path: str, flat: list[tuple[str, str]]) -> Node:
    """Collect the texts of a node with their places, in the order of those. Places are written so that no two are the
    same, whatever the names are. Returns the node in that order, with the numbers of the texts."""
    if isinstance(node, str):
        flat.append((path, node))
        return str(len(flat) - 1)
    if isinstance(node, list):
        return [_taken_apart(inner, f"{path}[{place}]", flat) for place, inner in enumerate(node)]
    shape: Record = {}
    for name in sorted(node):
        inner = node[name]
        place = f"{path}.{name!r}"
        if isinstance(inner, str):  # most are, and need no call of their own
            shape[name] = str(len(flat))
            flat.append((place, inner))
        else:
            shape[name] = _taken_apart(inner, place, flat)
    return shape


def _head_of(flat: list[tuple[str, str]]) -> bytes:
    """A digest of the places of texts."""
    return blake2b("\0".join(path for path, _ in flat).encode(), digest_size=_SIZE).digest()


def _entry_of(member: str, record: Record, origin: Origin, source: str) -> Entry:
    """The entry of a record that was read by its elements. Raises ReadError for one that cannot be kept."""
    flat: list[tuple[str, str]] = []
    _taken_apart(_trimmed(record), "", flat)
    texts = [text for _, text in flat]
    digest = b""
    if not any("\0" in text for text in texts):
        body = "\0".join(texts).encode(errors="surrogatepass")
        digest = blake2b(_head_of(flat) + body, digest_size=_SIZE).digest()
    key = " ".join(_key_parts(member, record)).strip(_BLANKS)
    try:
        return Entry(member, key, origin, source, b"", digest, orjson.dumps(record))
    except TypeError:  # more than 254 levels, or surrogates
        raise ReadError("nested too deeply to be compared, or holds text that is no Unicode") from None


def _trimmed(record: Record) -> Record:
    """The record with its known texts as blocks are read: without white space at their ends."""

    def trim(node: Node) -> Node:
        if isinstance(node, str):
            return node.strip(_BLANKS)
        if isinstance(node, list):
            return [trim(inner) for inner in node]
        return {name: inner if name in (UNKNOWN, UNMAPPED) else trim(inner) for name, inner in node.items()}

    return {name: node if name in (UNKNOWN, UNMAPPED) else trim(node) for name, node in record.items()}


def _key_parts(member: str, record: Record) -> list[str]:
    """What a record is known by: texts of it, or of ours. Reports are told apart by their order; feeds may have
    several messages for one."""
    if member != "Message":
        key = record.get("OrderItemId" if member == _ITEM else "AmazonOrderId") if member in MEMBER_MAPS else None
        return [key] if isinstance(key, str) else []
    for name, node in record.items():
        if isinstance(node, dict) and name != UNKNOWN:
            order, number = node.get("AmazonOrderID"), record.get("MessageID")
            parts = [order] if name == "OrderReport" else [order, number]
            return [name, *(part for part in parts if isinstance(part, str))]
    return []


# --- XML ------------------------------------------------------------------------------------------------------------


class _Collector:
    """Collects what is read: the handler and the shortcut of one stream."""

    def __init__(self, reader: EntryReader, source: str, is_known: Callable[[bytes], bool] | None) -> None:
        self.ready: deque[Found] = deque()
        self.empty = True
        self._reader = reader
        self._source = source
        self._is_known = is_known
        self._kind: DocumentKind | None = None
        self._context = b""
        self._items: list[Entry] = []

    def begin(self, kind: DocumentKind, namespace: str) -> None:
        self.empty = False
        self._kind = kind
        self._context = f"{kind.member} {namespace} ".encode()
        self._items = []

    def submit(self, kind: DocumentKind, chunk: bytes) -> Callable[[], list[Segment]]:
        self._kind = kind
        segments: list[Segment] = list(read_blocks(chunk, self._block))
        return lambda: segments

    def _block(self, block: bytes) -> Entry | Known | None:
        assert self._kind is not None  # noqa: S101 - begin came first
        raw = blake2b(self._context + block.lstrip(), digest_size=_SIZE).digest()
        member = self._kind.member
        if self._is_known is not None and member != _ITEM and self._is_known(raw):
            return Known(member, raw, self._source)
        found = self._reader.blocks(self._kind).read(block)
        return None if found is None else Entry(member, found.key, Origin.MWS, self._source, raw, *found[1:])

    def member(self, element: etree._Element) -> None:
        assert self._kind is not None  # noqa: S101 - begin came first
        assert self._kind.struct is not None  # noqa: S101 - a document that has members
        block = canonical_block(element)
        found = None if block is None else self._block(block)
        if found is None:
            refuse_crowded(element)
            record = read_element(element, self._kind.struct)
            found = _entry_of(self._kind.member, record, Origin.MWS, self._source)
        self._put([found])

    def made(self, result: object) -> None:
        assert isinstance(result, list)  # noqa: S101 - submit made it
        self._put(result)

    def _put(self, found: list[Entry | Known]) -> None:
        assert self._kind is not None  # noqa: S101 - begin came first
        if self._kind.member == _ITEM:
            self._items.extend(entry for entry in found if isinstance(entry, Entry))
        else:
            self.ready.extend(found)

    def end(self, record: Record) -> None:
        kind = self._kind
        assert kind is not None  # noqa: S101 - begin came first
        try:
            self._end(kind, record)
        except ReadError as error:
            self.fail(error)

    def _end(self, kind: DocumentKind, record: Record) -> None:
        if kind.root.name in FRAGMENTS:
            self.ready.append(_entry_of(kind.root.name, record, Origin.MWS, self._source))
            return
        if self._items:
            result = record.get(kind.path[0])
            order_id = result.get("AmazonOrderId") if isinstance(result, dict) else None
            self.ready.extend(_item(entry, order_id) for entry in self._items)
        self.ready.extend(_around(kind, record, Origin.MWS, self._source))

    def fail(self, error: ReadError) -> None:
        self.empty = False
        self.ready.append(ConvertError.of(self._source, error))


# --- JSON -----------------------------------------------------------------------------------------------------------


def _from_json(pieces: Iterable[bytes], source: str) -> Iterator[Entry | ConvertError]:
    empty = True
    for found in read_json_records(pieces, source):
        empty = False
        if isinstance(found, ConvertError):
            yield found
            continue
        try:
            yield from _json_entries(found, source)
        except ReadError as error:
            yield ConvertError.of(source, error)
    if empty:
        yield _no_document(source)


def _json_entries(found: Record | JsonHead, source: str) -> Iterator[Entry]:
    if isinstance(found, JsonHead):
        yield from _around(found.kind, found.record, Origin.SP_API, source)
    elif (member := member_name(found)) == _ITEM:
        own = {name: node for name, node in found.items() if name != "AmazonOrderId"}
        yield _item(_entry_of(member, own, Origin.SP_API, source), found.get("AmazonOrderId"))
    else:
        yield _entry_of(member, found, Origin.SP_API, source)


# --- both -----------------------------------------------------------------------------------------------------------


def _no_document(source: str) -> ConvertError:
    return ConvertError(source, "holds no document")


def _item(entry: Entry, order_id: Node | None) -> Entry:
    """An item with its order's id before its own."""
    order = order_id.strip() if isinstance(order_id, str) else ""
    return entry._replace(key=f"{order}/{entry.key}" if order or entry.key else "")


def _around(kind: DocumentKind, record: Record, origin: Origin, source: str) -> Iterator[Entry]:
    """What a document says that is neither volatile nor in its members; of an answer that is a list, only what no
    table knows, since the rest of it says how it was cut into pages."""
    rest = without_volatile(record, kind.root)
    if kind.member and kind.root is not ENVELOPE:
        rest = _only_unknown(rest)
    if rest:
        yield _entry_of(kind.root.name, rest, origin, source)


def has_unknown(record: Record) -> bool:
    """Whether anything in it is what no table knows."""
    return bool(_only_unknown(record))


def _only_unknown(record: Record) -> Record:
    out: Record = {}
    for name, node in record.items():
        if name in (UNKNOWN, UNMAPPED):
            out[name] = node
        elif isinstance(node, dict) and (inner := _only_unknown(node)):
            out[name] = inner
    return out
