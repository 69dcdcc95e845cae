"""XML to SP-API JSON, member by member, by template where the block allows it.

The template of a skeleton is made by running the mapping table over the record of numbers that ``BlockReader`` learns
a skeleton with: so the short way writes what ``orjson.dumps`` of the mapped record would, byte for byte, and no field
is described here.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from operator import itemgetter

import orjson
from lxml import etree

from bridge.mapping.cells import Cell, Typing, json_bytes
from bridge.mapping.documents_v0 import MEMBER_MAPS
from bridge.mapping.exact import ExactMap
from mws_compat.blocks import BlockReader, Build, Values, canonical_block, read_blocks
from mws_compat.documents import DOCUMENTS, DocumentKind
from mws_compat.errors import ReadError
from mws_compat.reader import read_element, refuse_crowded, unknown_paths
from mws_compat.schema import BOOLEAN, INTEGER, UNKNOWN, Record
from mws_compat.skeletons import MARK
from mws_compat.stream import Segment

__all__ = ["Converted", "Members", "SpApiMember", "escape_json", "member_for"]


@dataclass(frozen=True, slots=True)
class Converted:
    """A run of members as JSON objects, joined by the form's separator; how many they are, and how many unknown
    things they hold."""

    data: bytes
    count: int
    unknown: int


_MARKED = re.compile(f"({MARK}[0-9]+)")


def _marked(text: str, cell: Cell) -> object:
    """The mark of a value, as it stands in the object: bare where it is a number, true or false. A text that stands
    for itself as it is."""
    bare = (cell.kind is BOOLEAN or cell.kind is INTEGER) and not cell.quoted
    return orjson.Fragment(text) if bare and text[:1] == MARK else text


def escape_json(text: bytes) -> bytes:
    """What JSON wants escaped in text without control characters."""
    return text.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


class SpApiMember:
    """Converts one kind of member to its SP-API object."""

    def __init__(self, kind: DocumentKind) -> None:
        assert kind.struct is not None  # noqa: S101 - asked only for documents that have members
        self._kind = kind
        self._struct = kind.struct
        self._table: ExactMap = MEMBER_MAPS[kind.member]
        #: The object of a plain block and how many unknown things it holds; None: the parser must read it.
        self.block = BlockReader(kind.struct, kind.member, self._learn, escape_json, trim=True).read

    def _learn(self, record: Record, numbers: Mapping[str, int]) -> Build[tuple[bytes, int]] | None:
        text = orjson.dumps(self._table.write(record, _marked)).decode()
        unknown = sum(1 for _ in unknown_paths(record, self._struct)) if f'"{UNKNOWN}":' in text else 0
        parts = _MARKED.split(text.replace("%", "%%"))
        template = "%b".join(parts[0::2]).encode()
        order = [numbers[mark] for mark in parts[1::2]]
        pick: Callable[[Values], tuple[bytes, ...]] = tuple if order == [*range(len(order))] else itemgetter(*order)
        return lambda values: (template % pick(values), unknown)

    def element(self, element: etree._Element) -> tuple[bytes, int, Record | None, list[str]]:
        """The object of a parsed member, how many unknown things it holds and, where there is something to tell, its
        record and the names of values that are not of their kind. Raises ReadError for more attributes than MWS ever
        wrote."""
        block = canonical_block(element)
        found = None if block is None else self.block(block)
        if found is not None and not found[1]:
            return *found, None, []
        refuse_crowded(element)
        record = read_element(element, self._struct)
        typing = Typing()
        try:
            data = json_bytes(self._table.write(record, typing))
        except (ValueError, TypeError) as error:  # what came back from #json is no JSON object, or too deep
            raise ReadError(str(error)) from error
        return data, sum(1 for _ in unknown_paths(record, self._struct)), record, typing.odd


_members: dict[str, SpApiMember] = {}


def member_for(root: str) -> SpApiMember:
    """The converter of a document's members; one for each kind of member, whatever the document."""
    kind = DOCUMENTS[root]
    if kind.member not in _members:
        _members[kind.member] = SpApiMember(kind)
    return _members[kind.member]


class Members:
    """Converts chunks of blocks. ``separator`` goes between objects; ``strict`` leaves members with unknown things to
    the parser, which can name them."""

    def __init__(self, separator: bytes, *, strict: bool) -> None:
        self._separator = separator
        self._strict = strict

    def convert(self, root: str, chunk: bytes) -> list[Segment]:
        """The segments of a chunk of whole blocks of the document ``root``, which all end with the same end tag."""
        convert = member_for(root).block
        if self._strict:
            convert = partial(_without_unknown, convert)
        segments: list[Segment] = []
        for run, start, end in read_blocks(chunk, convert):
            if run is None:
                segments.append((None, start, end))
            else:
                data = self._separator.join([text for text, _ in run])
                segments.append((Converted(data, len(run), sum(unknown for _, unknown in run)), start, end))
        return segments


def _without_unknown(convert: Callable[[bytes], tuple[bytes, int] | None], block: bytes) -> tuple[bytes, int] | None:
    found = convert(block)
    return None if found is None or found[1] else found
