"""The short way for feeds as MWS wrote them: an order as bytes, converted without building a tree.

A *block* is the text of one member, ``<Order>…</Order>``, with the white space before it. Its *skeleton* is its tags
in order. Skeletons repeat: a few hundred serve any number of orders. The first block of a skeleton is taken through
the hardened parser with a number in place of every value, which shows where each value ends up in the record; from
then on a block of that skeleton is cut at its tags and its values are put where the numbers stood. So the meaning of
a block is always the parser's and the table's; there is no second description of either.

A block goes this way only when everything about it is accounted for:

* every ``<`` has its ``>`` and none is anywhere else (``only_tags``, for many blocks at once);
* every tag is a bare name, opened and closed in balance: proven by the parser, for the skeleton;
* between elements there is nothing but white space;
* values are UTF-8 without control characters, illegal characters, or references other than the five of XML;
* values are already in the form that their kind is converted to (``true``, ``12``, ``2016-01-20T18:49:10Z``), and
  texts have no white space at their ends.

Whatever falls short of this is not refused here: it goes to the parser, which decides.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Generic, TypeVar

from lxml import etree

from mws_compat.documents import DOCUMENTS, FRAGMENTS, UNMAPPED_NAMESPACE
from mws_compat.errors import ReadError
from mws_compat.reader import parse_element, read_element
from mws_compat.schema import (
    BOOLEAN,
    DATETIME,
    DECIMAL,
    INTEGER,
    TEXT,
    UNKNOWN,
    UNMAPPED,
    Attributed,
    Kind,
    ListOf,
    Node,
    Record,
    Repeated,
    Scalar,
    Struct,
)

__all__ = ["BlockReader", "Build", "Values", "canonical_block", "only_tags"]

_T = TypeVar("_T")

#: The values of a block, in document order, as UTF-8 with references resolved.
Values = Sequence[bytes]
#: Makes of the values of any block of one skeleton what the caller wants.
Build = Callable[[Values], _T]

#: Skeletons remembered, and their bytes; past it the memory starts anew. Longer ones than a member of any feed has
#: are not worth it.
_MAX_SKELETONS = 4096
_MAX_REMEMBERED = 2**24
_MAX_SKELETON = 2**18
_MAX_DEPTH = 32

_BLANKS = b" \t\r\n"
_NOT_ANGLES = bytes(sorted(set(range(256)) - set(b"<>")))
#: Bytes of which a value needs no second look. Not among them: controls, ``&``, and ``"`` and ``\\`` for JSON's sake.
_PLAIN = bytes(sorted(set(range(0x20, 0x100)) - set(b'&"\\')))
_BETWEEN = b"\0"
_STRANGE_REFERENCE = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos);)")
#: U+FFFE and U+FFFF, which XML does not allow.
_ILLEGAL = re.compile(rb"\xef\xbf[\xbe\xbf]")

_NAME = rb"[A-Za-z_][A-Za-z0-9_.-]*"
_TAG = re.compile(rb"/?%b|%b/" % (_NAME, _NAME))
#: Where one of these stands in a block, the document before it was cut short.
_ROOTS = {name.encode() + end for name in DOCUMENTS if name not in FRAGMENTS for end in (b"", b"/")}

#: What a value of a kind looks like when its canonical text is itself. Dates: only such as exist; the 29th of
#: February goes the long way.
_FORMS = {
    BOOLEAN.name: rb"(?:true|false)",
    INTEGER.name: rb"(?:0|-?[1-9][0-9]{0,17})",
    DECIMAL.name: rb"-?[0-9]{1,30}(?:\.[0-9]{1,30})?",
    DATETIME.name: (
        rb"(?!0000)[0-9]{4}-"
        rb"(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
        rb"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{3})?Z"
    ),
}


def only_tags(blocks: bytes) -> bool:
    """Whether angle brackets in ``blocks`` only ever open and close tags, and all of it is legal UTF-8: what
    BlockReader takes for granted."""
    angles = blocks.translate(None, _NOT_ANGLES)
    if angles != b"<>" * (len(angles) // 2):
        return False
    try:
        blocks.decode()
    except UnicodeDecodeError:
        return False
    return not _ILLEGAL.search(blocks)


_DECLARATIONS = rb'(?: xmlns(?::[A-Za-z_][\w.-]*)?="[^"<>]*")*'
_HEAD = re.compile(rb"<(?:([A-Za-z_][\w.-]*):)?([A-Za-z_][\w.-]*)%b>" % _DECLARATIONS)


def canonical_block(element: etree._Element) -> bytes | None:
    """A parsed member as a block that BlockReader can take: whatever its author's comments, CDATA, references or
    prefixes were, libxml2 writes it plainly. None when its elements have attributes or are not all of its parent's
    namespace, or when that is the one in which names mean something else."""
    namespace = etree.QName(element).namespace
    parent = element.getparent()
    if namespace == UNMAPPED_NAMESPACE or (parent is not None and etree.QName(parent).namespace != namespace):
        return None
    text = etree.tostring(element, encoding="utf-8", with_tail=False)
    head = _HEAD.match(text)
    if head is None:
        return None
    prefix, name = head.groups()
    block = b"<%b>%b" % (name, text[head.end() :])
    if prefix is None:
        return block
    # In what libxml2 writes, no text and no attribute holds a bare "<".
    own, closing = b"<%b:" % prefix, b"</%b:" % prefix
    if block.count(own) + block.count(closing) != block.count(b"<") - 1:
        return None
    return block.replace(own, b"<").replace(closing, b"</")


@dataclass(frozen=True, slots=True)
class _Plan(Generic[_T]):
    """What is known of a skeleton. ``gaps`` and ``leaves`` pick from the texts between tags; ``typed`` picks from the
    leaves those that must look like their kind, ``forms`` says how."""

    gaps: Callable[[list[bytes]], Sequence[bytes]]
    leaves: Callable[[list[bytes]], Sequence[bytes]]
    separators: int
    typed: Callable[[Values], Sequence[bytes]]
    forms: Callable[[bytes], object]
    build: Build[_T]


class BlockReader(Generic[_T]):
    """Reads blocks of one kind of member.

    ``struct`` and ``name`` are the member's. ``learn(record, slots)`` is called once for each skeleton with a record
    in which every value is the decimal number of its place among the values; it returns what makes a T of the values
    of any such block, or None when it cannot. ``escape`` is applied to values that hold ``"`` or ``\\``.
    """

    def __init__(
        self,
        struct: Struct,
        name: str,
        learn: Callable[[Record], Build[_T] | None],
        escape: Callable[[bytes], bytes] = bytes,
    ) -> None:
        self._struct = struct
        self._name = name.encode()
        self._learn = learn
        self._escape = escape
        self._plans: dict[bytes, _Plan[_T] | None] = {}
        self._remembered = 0

    def read(self, block: bytes) -> _T | None:
        """The block's T, or None when it has to go to the parser. ``only_tags`` holds for the block."""
        parts = block.replace(b"<", b">").split(b">")
        skeleton = b">".join(parts[1::2])
        texts = parts[0::2]
        try:
            plan = self._plans[skeleton]
        except KeyError:
            plan = self._remember(skeleton, texts)
        if plan is None or b"".join(plan.gaps(texts)).translate(None, _BLANKS):
            return None
        values = plan.leaves(texts)
        together = _BETWEEN.join(values)
        special = together.translate(None, _PLAIN)
        if len(special) != plan.separators or special.count(_BETWEEN) != plan.separators:
            if special.count(_BETWEEN) != plan.separators or special.translate(None, b'\0&"\\'):
                return None
            if b"&" in special:
                if _STRANGE_REFERENCE.search(together):
                    return None
                together = _resolve(together)
            values = self._escape(together).split(_BETWEEN)
        if b" \0" in together or b"\0 " in together or together[:1] == b" " or together[-1:] == b" ":
            return None
        if not plan.forms(_BETWEEN.join(plan.typed(values))):
            return None
        return plan.build(values)

    def _remember(self, skeleton: bytes, texts: list[bytes]) -> _Plan[_T] | None:
        if len(skeleton) > _MAX_SKELETON:
            return None
        self._remembered += len(skeleton)
        if len(self._plans) >= _MAX_SKELETONS or self._remembered > _MAX_REMEMBERED:
            self._plans.clear()
            self._remembered = len(skeleton)
        plan = self._plans[skeleton] = self._plan(skeleton.split(b">"), len(texts))
        return plan

    def _plan(self, tags: list[bytes], texts: int) -> _Plan[_T] | None:
        """The plan for a skeleton; None when it is not one that can be trusted to the short way."""
        if texts != len(tags) + 1 or tags[0] != self._name or tags[-1] != b"/" + self._name:
            return None
        if not all(map(_TAG.fullmatch, tags)) or not _ROOTS.isdisjoint(tags):
            return None
        leaves = [place for place in range(1, len(tags)) if tags[place] == b"/" + tags[place - 1]]
        gaps = sorted({*range(texts)} - {*leaves})
        number = {place: b"%d" % count for count, place in enumerate(leaves)}
        probe = b"".join(b"%b<%b>" % (number.get(place, b""), tag) for place, tag in enumerate(tags))
        try:
            root = parse_element(b"<_>%b</_>" % probe)
        except ReadError:
            return None
        if len(root) != 1 or max(len(list(element.iterancestors())) for element in root.iter()) > _MAX_DEPTH:
            return None
        record = read_element(root[0], self._struct)
        if "#text" in _keys(record.get(UNKNOWN, {})):
            return None  # a value where the table has elements: the record tells an empty one from none
        build = self._learn(record)
        if build is None:
            return None
        kinds = dict(_kinds_of(record, self._struct))
        typed = [place for place in range(len(leaves)) if kinds.get(place, TEXT).name in _FORMS]
        forms = re.compile(rb"\0".join(_FORMS[kinds[place].name] for place in typed))
        return _Plan(
            gaps=_picker(gaps),
            leaves=_picker(leaves),
            separators=max(len(leaves) - 1, 0),
            typed=_picker(typed),
            forms=forms.fullmatch,
            build=build,
        )


def _resolve(text: bytes) -> bytes:
    """The five references of XML, resolved; ``&amp;`` last, so that ``&amp;lt;`` means ``&lt;``."""
    text = text.replace(b"&lt;", b"<").replace(b"&gt;", b">").replace(b"&quot;", b'"').replace(b"&apos;", b"'")
    return text.replace(b"&amp;", b"&")


def _picker(places: list[int]) -> Callable[[Sequence[bytes]], Sequence[bytes]]:
    """Picks the values at ``places``, always as a sequence."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: [values[place] for place in places]


def _keys(node: Node) -> set[str]:
    """Every key at or below the node."""
    if isinstance(node, dict):
        return set(node).union(*map(_keys, node.values()))
    return set().union(*map(_keys, node)) if isinstance(node, list) else set()


def _kinds_of(node: Node, kind: Kind) -> list[tuple[int, Scalar]]:
    """The kind of each numbered value. Values in ``#unknown`` and ``#json`` are text."""
    if isinstance(kind, Scalar):
        return [(int(node), kind)] if isinstance(node, str) and node else []
    if isinstance(kind, ListOf | Repeated):
        members = node if isinstance(node, list) else []
        return [found for member in members for found in _kinds_of(member, kind.of)]
    assert isinstance(node, dict)  # noqa: S101 - structs and amounts are always records
    if isinstance(kind, Attributed):
        return _kinds_of(node.get(kind.text_key, ""), kind.of)
    return [
        found
        for field in kind.fields
        if field.name in node and field.name not in {UNKNOWN, UNMAPPED}
        for found in _kinds_of(node[field.name], field.kind)
    ]
