"""The short way for feeds as MWS wrote them: an order as bytes, converted without building a tree.

A *block* is the text of one member, ``<Order>…</Order>``, with the white space before it. Its *skeleton* is its tags
in order. Skeletons repeat: a few hundred serve any number of orders. When a skeleton is met for the first time, the
hardened parser says where each value ends up in the record (see ``skeletons.py``); from then on a block of that
skeleton is cut at its tags and its values are put there. So the meaning of a block is always the parser's and the
table's; there is no second description of either.

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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Generic, TypeVar

from lxml import etree

from mws_compat.documents import UNMAPPED_NAMESPACE
from mws_compat.markup import STRANGE_REFERENCE, is_legal, is_plain, resolve, simplified
from mws_compat.schema import BOOLEAN, DATETIME, DECIMAL, INTEGER, UNKNOWN, Node, Record, Struct
from mws_compat.skeletons import KINDS, Skeletons

__all__ = ["BlockReader", "Build", "Learn", "Values", "canonical_block", "maker_of", "picker", "read_blocks"]

_T = TypeVar("_T")
_V = TypeVar("_V")

#: The values of a block, in document order, as UTF-8 with references resolved.
Values = Sequence[bytes]
#: Makes of the values of any block of one skeleton what the caller wants.
Build = Callable[[Values], _T]
#: Makes this of a record in which marks stand for values, and their numbers.
Learn = Callable[[Record, Mapping[str, int]], Build[_T] | None]

#: Skeletons remembered, and their bytes; past it the memory starts anew. Longer ones than a member of any feed has
#: are not worth it.
_MAX_SKELETONS = 4096
_MAX_REMEMBERED = 2**24
_MAX_SKELETON = 2**18
#: Once the parser was asked so often, skeletons are learned when they are met again; so many first sights are
#: remembered.
_EAGER = 512
_MAX_MET = 2**16

_BLANKS = b" \t\r\n"
#: Bytes of which a value needs no second look. Not among them: controls, ``&``, and ``"`` and ``\\`` for JSON's sake.
_PLAIN = bytes(sorted(set(range(0x20, 0x100)) - set(b'&"\\')))
_BETWEEN = b"\0"

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
#: How many values of each of those kinds → what all of them joined must look like, each with the separator behind it.
_forms: dict[tuple[int, ...], Callable[[bytes], object]] = {}


def _forms_of(counts: tuple[int, ...]) -> Callable[[bytes], object]:
    known = _forms.get(counts)
    if known is None:
        if len(_forms) >= _MAX_SKELETONS:
            _forms.clear()
        parts = (rb"(?:%b\0){%d}" % (_FORMS[kind.name], count) for kind, count in zip(KINDS, counts, strict=True))
        known = _forms[counts] = re.compile(b"".join(parts)).fullmatch
    return known


def read_blocks(chunk: bytes, read: Callable[[bytes], _T | None]) -> Iterator[tuple[list[_T] | None, int, int]]:
    """What ``read`` makes of a chunk of whole blocks that all end with the end tag at the chunk's end: runs of it, or
    None for those that have to go to the parser; each with where it begins and ends. They cover the chunk."""
    end_tag = chunk[chunk.rindex(b"<") :]
    plain = is_plain(chunk)
    if not plain and not is_legal(chunk):
        yield None, 0, len(chunk)
        return
    run: list[_T] = []
    start = place = 0
    while place < len(chunk):
        end = chunk.index(end_tag, place) + len(end_tag)
        block = chunk[place:end] if plain else simplified(chunk[place:end])
        made = read(block) if block else None
        if (made is None) is bool(run) and place:  # a run ends
            yield run or None, start, place
            run = []
            start = place
        if made is not None:
            run.append(made)
        place = end
    yield run or None, start, place


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

    ``struct`` and ``name`` are the member's. ``learn(record, numbers)`` is called once for each skeleton with a
    record in which a mark stands for every value; ``numbers`` tells for which, and has no text that stands for itself
    (an attribute's, or an empty one). It returns what makes a T of the values of any such block, or None when it
    cannot, and leaves the record as it is. ``escape`` is applied to values that hold ``"`` or ``\\``. ``trim`` takes
    white space off the ends of values; without it, a block with such values goes to the parser. Without ``typed``
    values are texts, whatever their kind is, and need not look like it.
    """

    def __init__(
        self,
        struct: Struct,
        name: str,
        learn: Learn[_T],
        escape: Callable[[bytes], bytes] = bytes,
        *,
        trim: bool = False,
        typed: bool = True,
    ) -> None:
        self._member = struct, name
        self._skeletons = Skeletons(struct, name)
        self._learn = learn
        self._escape = escape
        self._trim = trim
        self._typed = typed
        self._tolerated = b'\0&"\\' + (b"\t\n" if trim else b"")
        self._plans: dict[bytes, _Plan[_T] | None] = {}
        self._remembered = 0
        self._met: set[int] = set()

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
                if STRANGE_REFERENCE.search(together):
                    return None
                together = resolve(together)
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
        if self._skeletons.asked >= _EAGER and (mark := hash(skeleton)) not in self._met:
            if len(self._met) >= _MAX_MET:
                self._met.clear()
            self._met.add(mark)  # the parser takes as long as several readings: shapes must show that they repeat
            return None
        self._remembered += len(skeleton)
        if len(self._plans) >= _MAX_SKELETONS or self._remembered > _MAX_REMEMBERED:
            self._plans.clear()
            self._skeletons = Skeletons(*self._member)
            self._remembered = len(skeleton)
        plan = self._plans[skeleton] = self._plan(skeleton, texts)
        return plan

    def _plan(self, skeleton: bytes, texts: list[bytes]) -> _Plan[_T] | None:
        """The plan for a skeleton; None when it is not one that can be trusted to the short way."""
        outline = self._skeletons.outline(skeleton)
        build = self._learn(outline.record, outline.numbers) if outline else None
        if outline is None or build is None:
            return None
        gaps = picker(outline.gaps)
        kinds = outline.kinds if self._typed else [[] for _ in KINDS]
        return _Plan(
            gaps=gaps,
            usual=() if b"".join(gaps(texts)).translate(None, _BLANKS) else gaps(texts),
            leaves=picker(outline.leaves),
            separators=_BETWEEN * (len(outline.leaves) - 1),
            typed=picker([slot for slots in kinds for slot in slots]),
            forms=_forms_of(tuple(map(len, kinds))),
            verbatim=UNKNOWN in outline.record,
            build=build,
        )


def _trimmed(together: bytes) -> bytes:
    return _BETWEEN.join([value.strip(_BLANKS) for value in together.split(_BETWEEN)])


def picker(places: Sequence[int]) -> Callable[[Sequence[_V]], Sequence[_V]]:
    """Picks the values at ``places``, always as a sequence."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: [values[place] for place in places]


def maker_of(record: Record, numbers: Mapping[str, int]) -> Callable[[Sequence[str]], Record]:
    """Makes records like this one, with other texts for those that have a number."""
    slots = {name: numbers[node] for name, node in record.items() if isinstance(node, str) and node in numbers}
    pick = picker([*slots.values()])
    others = [(name, _maker_of(node, numbers)) for name, node in record.items() if name not in slots]
    names = tuple(record)

    def make(texts: Sequence[str]) -> Record:
        made: Record = dict.fromkeys(names, "")
        made.update(zip(slots, pick(texts), strict=True))
        for name, make_node in others:
            made[name] = make_node(texts)
        return made

    return make


def _maker_of(node: Node, numbers: Mapping[str, int]) -> Callable[[Sequence[str]], Node]:
    if isinstance(node, dict):
        return maker_of(node, numbers)
    if isinstance(node, list):
        makers = [_maker_of(inner, numbers) for inner in node]
        return lambda texts: [make(texts) for make in makers]
    slot = numbers.get(node)
    return (lambda _: node) if slot is None else itemgetter(slot)
