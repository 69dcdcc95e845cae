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
* values are already in the form that their kind is converted to (``true``, ``12``, ``2016-01-20T18:49:10Z``), but for
  white space at their ends where the reader was made to trim it.

Whatever falls short of this is not refused here: it goes to the parser, which decides.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Generic, TypeVar

from lxml import etree

from mws_compat.documents import DOCUMENTS, FRAGMENTS, UNMAPPED_NAMESPACE
from mws_compat.errors import ReadError
from mws_compat.reader import MAX_ATTRIBUTES, parse_element, read_element
from mws_compat.schema import (
    BOOLEAN,
    DATETIME,
    DECIMAL,
    INTEGER,
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
from mws_compat.source import SECTION

__all__ = [
    "BlockReader",
    "Build",
    "Values",
    "canonical_block",
    "only_tags",
    "picker",
    "read_blocks",
    "slot_of",
]

_T = TypeVar("_T")
_V = TypeVar("_V")

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
#: So many skeletons are learned at first sight, others at the second; so many first sights are remembered.
_EAGER = 512
_MAX_MET = 2**16

_BLANKS = b" \t\r\n"
_NOT_ANGLES = bytes(sorted(set(range(256)) - set(b"<>")))
#: Bytes of which a value needs no second look. Not among them: controls, ``&``, and ``"`` and ``\\`` for JSON's sake.
_PLAIN = bytes(sorted(set(range(0x20, 0x100)) - set(b'&"\\')))
_BETWEEN = b"\0"
_STRANGE_REFERENCE = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos);)")

_NOT_CONTROLS = bytes(sorted({*range(0x20, 0x100), *_BLANKS}))
_NUMBERED = re.compile(rb"&#(?:([0-9]{1,7})|x([0-9A-Fa-f]{1,6}));")
#: Left where something was taken out; no legal block holds it.
_MARKER = b"\x02"
_NAMED = {0x26: b"&amp;", 0x3C: b"&lt;", 0x3E: b"&gt;", 0x22: b"&quot;", 0x27: b"&apos;"}

_NAME = rb"[A-Za-z_][A-Za-z0-9_.-]*+"
_ATTRIBUTE = rb"""[ \t\r\n]+(?!xmlns)%b[ \t\r\n]*=[ \t\r\n]*(?:"[^"]*"|'[^']*')""" % _NAME
_TAG = re.compile(rb"/%b[ \t\r\n]*|%b(?:%b)*[ \t\r\n]*/?" % (_NAME, _NAME, _ATTRIBUTE))
#: Stands before the number of a value in the record that a skeleton is learned with; of the private use area.
_MARK = "\ue000"
#: Where one of these stands in a block, the document before it was cut short.
_ROOTS = {name.encode() + end for name in DOCUMENTS if name not in FRAGMENTS for end in (b"", b"/")}

#: What a value of a kind looks like when its canonical text is itself. Dates: only such as exist; the 29th of
#: February goes the long way.
_FORMS = {
    BOOLEAN.name: rb"(?:true|false)",
    INTEGER.name: rb"(?:0|-?[1-9][0-9]{0,17})",
    DECIMAL.name: rb"-?[0-9]{1,30}(?:\.[0-9]{1,30})?",
    DATETIME.name: (
        rb"(?!0000|0001-01-01|9999-12-31)[0-9]{4}-"
        rb"(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
        rb"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])"
    ),
}
_KINDS = tuple(_FORMS)
#: How many values of each of those kinds → what all of them joined must look like, each with the separator behind it.
_forms: dict[tuple[int, ...], Callable[[bytes], object]] = {}


def _forms_of(counts: tuple[int, ...]) -> Callable[[bytes], object]:
    known = _forms.get(counts)
    if known is None:
        if len(_forms) >= _MAX_SKELETONS:
            _forms.clear()
        parts = (rb"(?:%b\0){%d}" % (_FORMS[kind], count) for kind, count in zip(_KINDS, counts, strict=True))
        known = _forms[counts] = re.compile(b"".join(parts)).fullmatch
    return known


def slot_of(text: str) -> int | None:
    """Which value a text stands for in the record that a skeleton is learned with; None for a text that stands for
    itself: an attribute's, or an empty one."""
    return int(text[1:]) if text[:1] == _MARK else None


def read_blocks(chunk: bytes, read: Callable[[bytes], _T | None]) -> Iterator[tuple[list[_T] | None, int, int]]:
    """What ``read`` makes of a chunk of whole blocks that all end with the end tag at the chunk's end: runs of it, or
    None for those that have to go to the parser; each with where it begins and ends. They cover the chunk."""
    end_tag = chunk[chunk.rindex(b"<") :]
    plain = b"<!" not in chunk and b"&#" not in chunk and only_tags(chunk)
    if not plain and not _is_legal(chunk):
        yield None, 0, len(chunk)
        return
    run: list[_T] = []
    start = place = 0
    while place < len(chunk):
        end = chunk.index(end_tag, place) + len(end_tag)
        block = chunk[place:end] if plain else _simplified(chunk[place:end])
        made = read(block) if block else None
        if (made is None) is bool(run) and place:  # a run ends
            yield run or None, start, place
            run = []
            start = place
        if made is not None:
            run.append(made)
        place = end
    yield run or None, start, place


def _is_legal(chunk: bytes) -> bool:
    """Whether there is nothing in the chunk that XML does not allow anywhere, and no instruction, in which a comment
    may seem to begin."""
    if b"<?" in chunk or _has_noncharacter(chunk) or chunk.translate(None, _NOT_CONTROLS):
        return False
    try:
        chunk.decode()
    except UnicodeDecodeError:
        return False
    return True


def _has_noncharacter(text: bytes) -> bool:
    """Whether U+FFFE or U+FFFF stands in UTF-8 text: XML does not allow them."""
    return b"\xef\xbf\xbe" in text or b"\xef\xbf\xbf" in text


def _simplified(block: bytes) -> bytes:
    """A legal block without its comments, with its CDATA sections and numeric references as text; empty when that is
    not all that keeps it from having only tags.

    In content ``<!--`` and ``<![CDATA[`` can only be what they are, and end at the first end of theirs. Whether one
    begins in a tag, or in a reference, shows in the mark that each leaves."""
    try:
        if b"<!" in block:
            block = SECTION.sub(_section_text, block)
            if _is_marked_in_tag(block):
                return b""
        if b"&" in block:
            block = _NUMBERED.sub(_character, block)
            if _STRANGE_REFERENCE.search(block):
                return b""
    except ValueError:
        return b""
    block = block.replace(_MARKER, b"")
    if not only_tags(block):
        return b""
    return block.replace(b" >", b">")  # here only tags end with one, and their blanks would make another skeleton


def _is_marked_in_tag(block: bytes) -> bool:
    """Whether a mark stands in a tag: the last bracket before the first one that does has opened it."""
    return any(part.rfind(b"<") > part.rfind(b">") for part in block.split(_MARKER)[:-1])


def _section_text(match: re.Match[bytes]) -> bytes:
    """A mark, and behind it what stands for a CDATA section. Raises ValueError for a comment that is none."""
    comment, section = match.groups()
    if comment is None:
        return _MARKER + section.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
    if b"--" in comment or comment[-1:] == b"-":
        raise ValueError
    return _MARKER


def _character(match: re.Match[bytes]) -> bytes:
    """The character that a reference stands for, by its name if it has one. Raises ValueError where there is none
    that a value may hold as it is."""
    decimal, hexadecimal = match.groups()
    code = int(decimal) if decimal else int(hexadecimal, 16)
    if code < 0x20 or code in (0xFFFE, 0xFFFF):
        raise ValueError
    return _NAMED.get(code) or chr(code).encode()


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
    return not _has_noncharacter(blocks)


_DECLARATIONS = rb'(?: xmlns(?::[A-Za-z_][\w.-]*)?="[^"<>]*")*'
_HEAD = re.compile(rb"<((?:[A-Za-z_][\w.-]*:)?[A-Za-z_][\w.-]*)%b>" % _DECLARATIONS)
_UNMAPPED = f"{{{UNMAPPED_NAMESPACE}}}"


def canonical_block(element: etree._Element) -> bytes | None:
    """A parsed member as a block that BlockReader can take: whatever its author's comments, CDATA, references or
    prefixes were, libxml2 writes it plainly; a prefix stays. None when it is not of its parent's namespace, or when
    that is the one in which names mean something else."""
    tag = str(element.tag)
    namespace = tag[: tag.rfind("}") + 1]
    parent = element.getparent()
    if namespace == _UNMAPPED or (parent is not None and not _is_of(str(parent.tag), namespace)):
        return None
    text = etree.tostring(element, encoding="utf-8", with_tail=False)
    head = _HEAD.match(text)
    if head is None:
        return None
    return b"<%b>%b" % (head[1], text[head.end() :])


def _is_of(tag: str, namespace: str) -> bool:
    """Whether a tag is of a namespace, in braces or ''."""
    return tag.startswith(namespace) and (bool(namespace) or tag[0] != "{")


def _without_prefix(tags: list[bytes]) -> list[bytes]:
    """The tags without their prefix, when all have the same: that of the member's end tag, of which whoever gives the
    block knows that it stands for the document's namespace."""
    prefix, colon, _ = tags[0].partition(b":")
    starts = (prefix + colon, b"/" + prefix + colon)
    if not colon or not all(tag.startswith(starts) for tag in tags):
        return tags
    return [tag.replace(prefix + colon, b"", 1) for tag in tags]


@dataclass(frozen=True, slots=True)
class _Plan(Generic[_T]):
    """What is known of a skeleton. ``gaps`` and ``leaves`` pick from the texts between tags, ``usual`` are the gaps
    of the block that it was learned from, or nothing where those were not blank; ``typed`` picks from the
    leaves those that must look like their kind, ``forms`` says how. ``verbatim``: some are kept with the white space
    at their ends."""

    gaps: Callable[[list[bytes]], Sequence[bytes]]
    usual: Sequence[bytes]
    leaves: Callable[[list[bytes]], Sequence[bytes]]
    separators: bytes
    typed: Callable[[Values], Sequence[bytes]]
    forms: Callable[[bytes], object]
    verbatim: bool
    build: Build[_T]


class BlockReader(Generic[_T]):
    """Reads blocks of one kind of member.

    ``struct`` and ``name`` are the member's. ``learn(record)`` is called once for each skeleton with a record in
    which every value is a text that ``slot_of`` knows the number of; it returns what makes a T of the values of any
    such block, or None when it cannot. ``escape`` is applied to values that hold ``"`` or ``\\``. ``trim`` takes
    white space off the ends of values; without it, a block with such values goes to the parser. Without ``typed``
    values are texts, whatever their kind is, and need not look like it.
    """

    def __init__(
        self,
        struct: Struct,
        name: str,
        learn: Callable[[Record], Build[_T] | None],
        escape: Callable[[bytes], bytes] = bytes,
        *,
        trim: bool = False,
        typed: bool = True,
    ) -> None:
        self._struct = struct
        self._name = name.encode()
        self._learn = learn
        self._escape = escape
        self._trim = trim
        self._typed = typed
        self._tolerated = b'\0&"\\' + (b"\t\n" if trim else b"")
        self._plans: dict[bytes, _Plan[_T] | None] = {}
        self._remembered = 0
        self._met: set[int] = set()
        self._sound: set[bytes] = set()

    def read(self, block: bytes) -> _T | None:
        """The block's T, or None when it has to go to the parser. ``only_tags`` holds for the block."""
        parts = block.replace(b"<", b">").split(b">")
        skeleton = b">".join(parts[1::2])
        texts = parts[0::2]
        try:
            plan = self._plans[skeleton]
        except KeyError:
            plan = self._remember(skeleton, texts)
        if plan is None:
            return None
        gaps = plan.gaps(texts)
        if gaps != plan.usual and b"".join(gaps).translate(None, _BLANKS):
            return None
        values = plan.leaves(texts)
        together = _BETWEEN.join(values)
        special = together.translate(None, _PLAIN)
        if special != plan.separators:
            if special.count(_BETWEEN) != len(plan.separators) or special.translate(None, self._tolerated):
                return None
            if b"&" in special:
                if _STRANGE_REFERENCE.search(together):
                    return None
                together = _resolve(together)
            if b"\n" in special or b"\t" in special:
                together = _trimmed(together)
                if plan.verbatim or b"\n" in together or b"\t" in together:
                    return None
            values = self._escape(together).split(_BETWEEN)
        if b" \0" in together or b"\0 " in together or together[:1] == b" " or together[-1:] == b" ":
            if plan.verbatim or not self._trim:
                return None
            values = self._escape(_trimmed(together)).split(_BETWEEN)
        typed = plan.typed(values)
        if typed and not plan.forms(_BETWEEN.join(typed) + _BETWEEN):
            return None
        return plan.build(values)

    def _remember(self, skeleton: bytes, texts: list[bytes]) -> _Plan[_T] | None:
        if len(skeleton) > _MAX_SKELETON:
            return None
        if len(self._plans) >= _EAGER and (mark := hash(skeleton)) not in self._met:
            if len(self._met) >= _MAX_MET:
                self._met.clear()
            self._met.add(mark)  # learning costs as much as several readings: many shapes must show that they repeat
            return None
        self._remembered += len(skeleton)
        if len(self._plans) >= _MAX_SKELETONS or self._remembered > _MAX_REMEMBERED:
            self._plans.clear()
            self._remembered = len(skeleton)
        plan = self._plans[skeleton] = self._plan(skeleton.split(b">"), texts)
        return plan

    def _plan(self, tags: list[bytes], texts: list[bytes]) -> _Plan[_T] | None:
        """The plan for a skeleton; None when it is not one that can be trusted to the short way."""
        tags = _without_prefix(tags)
        if len(texts) != len(tags) + 1 or tags[0] != self._name or tags[-1] != b"/" + self._name:
            return None
        if not self._sound.issuperset(tags) and not all(map(self._is_sound, tags)):
            return None
        names = [b"/" if tag[-1:] == b"/" else tag.split(None, 1)[0] for tag in tags]
        leaves = [place for place in range(1, len(tags)) if tags[place] == b"/" + names[place - 1]]
        gaps = picker(sorted({*range(len(texts))} - {*leaves}))
        mark = _MARK.encode()
        number = {place: b"%b%d" % (mark, count) for count, place in enumerate(leaves)}
        probe = b"".join(b"%b<%b>" % (number.get(place, b""), tag) for place, tag in enumerate(tags))
        if _depth(tags) > _MAX_DEPTH:
            return None
        try:
            root = parse_element(b"<_>%b</_>" % probe)
        except ReadError:
            return None
        if len(root) != 1:
            return None
        record = read_element(root[0], self._struct)
        if "#text" in _keys(record.get(UNKNOWN, {})):
            return None  # a value where the table has elements: the record tells an empty one from none
        build = self._learn(record)
        if build is None:
            return None
        kinds = _kinds_of(record, self._struct) if self._typed else []
        of_kind = {name: [slot for slot, kind in kinds if kind.name == name] for name in _KINDS}
        typed = [slot for slots in of_kind.values() for slot in slots]
        return _Plan(
            gaps=gaps,
            usual=() if b"".join(gaps(texts)).translate(None, _BLANKS) else gaps(texts),
            leaves=picker(leaves),
            separators=_BETWEEN * (len(leaves) - 1),
            typed=picker(typed),
            forms=_forms_of(tuple(map(len, of_kind.values()))),
            verbatim=UNKNOWN in record,
            build=build,
        )

    def _is_sound(self, tag: bytes) -> bool:
        """Whether a tag is one that a skeleton may have; what is, is remembered: there are few."""
        if tag in self._sound:
            return True
        marked = _MARK.encode() in tag or tag.count(b"=") > MAX_ATTRIBUTES
        if marked or tag in _ROOTS or not _TAG.fullmatch(tag):
            return False
        if len(self._sound) < _MAX_SKELETONS:
            self._sound.add(tag)
        return True


def _depth(tags: list[bytes]) -> int:
    """How deep elements are nested, at most; the tags are balanced or the parser will say so."""
    depth = deepest = 0
    for tag in tags:
        if tag[:1] == b"/":
            depth -= 1
        else:
            deepest = max(deepest, depth + 1)
            depth += tag[-1:] != b"/"
    return deepest


def _trimmed(together: bytes) -> bytes:
    return _BETWEEN.join([value.strip(_BLANKS) for value in together.split(_BETWEEN)])


def _resolve(text: bytes) -> bytes:
    """The five references of XML, resolved; ``&amp;`` last, so that ``&amp;lt;`` means ``&lt;``."""
    text = text.replace(b"&lt;", b"<").replace(b"&gt;", b">").replace(b"&quot;", b'"').replace(b"&apos;", b"'")
    return text.replace(b"&amp;", b"&")


def picker(places: Sequence[int]) -> Callable[[Sequence[_V]], Sequence[_V]]:
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
        slot = slot_of(node) if isinstance(node, str) else None
        return [] if slot is None else [(slot, kind)]
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
