"""Skeletons: what a member with these tags in this order says, whatever its values are.

The hardened parser and the table are asked, with a *mark* in place of every value, which shows where each value ends
up in the record. A feed has some hundreds of skeletons, but they are made of few different elements: so it is the
elements inside a member that the parser is asked about, one at a time, and an *outline* is put together from theirs.
Two things are owed for that:

*The whole is well-formed.* Of each run of tags the parser has said that ``<Order>run</Order>`` is a document. Its
first tag is closed by its last one, since a document has one root; so the run between them is what XML calls content:
elements closed in the order in which they were opened. Contents, one after the other, are content. Nothing but the
nesting of elements could tell the whole from its parts: there are no declarations of namespaces, no prefixes, no
entities, and no attribute knows of another element's; depth is bounded for each.

*The record of the whole is the records of its parts, one after the other.* ``read_element`` takes the elements inside
a member one by one, and what it makes of one depends on earlier ones only where they come under the same name, in the
record or under ``#unknown``. Where a name would come twice (an element that is repeated, two spellings of one), or an
element cannot be cut out, all that the member holds is one run, and the parser is asked about that.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import chain, compress, count
from typing import NamedTuple

from mws_compat.documents import DOCUMENTS, FRAGMENTS
from mws_compat.errors import ReadError
from mws_compat.reader import MAX_ATTRIBUTES, parse_element, read_element
from mws_compat.schema import (
    BOOLEAN,
    DATETIME,
    DECIMAL,
    INTEGER,
    UNKNOWN,
    Attributed,
    Kind,
    ListOf,
    Node,
    Record,
    Repeated,
    Scalar,
    Struct,
)

__all__ = ["KINDS", "MARK", "Outline", "Skeletons"]

#: The kinds whose values must look like them to be converted.
KINDS = (BOOLEAN, INTEGER, DECIMAL, DATETIME)

#: A mark is this, of the private use area, and a number. No tag that is learned holds it.
MARK = "\ue000"
_MARK = MARK.encode()

_MAX_DEPTH = 32
#: Runs remembered, and the most bytes of one: a member with others is asked about as a whole.
_MAX_RUNS = 4096
_MAX_RUN = 4096

_NAME = rb"[A-Za-z_][A-Za-z0-9_.-]*+"
_ATTRIBUTE = rb"""[ \t\r\n]+(?!xmlns)%b[ \t\r\n]*=[ \t\r\n]*(?:"[^">]*"|'[^'>]*')""" % _NAME
_TAG = rb"(?:/%b[ \t\r\n]*|%b(?:%b)*[ \t\r\n]*/?)" % (_NAME, _NAME, _ATTRIBUTE)
_PREFIX = re.compile(_NAME)
_TAGS = re.compile(rb"%b(?:>%b)*+" % (_TAG, _TAG))
#: Where one of these stands in a block, the document before it was cut short.
_ROOTS = {name.encode() for name in DOCUMENTS if name not in FRAGMENTS}


class Outline(NamedTuple):
    """What is known of a skeleton: the member's ``record``, with marks for values; ``numbers``, which value a mark
    stands for; which of the texts between tags are values (``leaves``) and which are not (``gaps``); and the numbers
    of values of each of ``KINDS``. Others, and those in ``#unknown``, are just text."""

    record: Record
    numbers: Mapping[str, int]
    leaves: list[int]
    gaps: list[int]
    kinds: list[list[int]]


class _Run(NamedTuple):
    """The same of a run of elements, when they are all that a member holds. ``unknown`` is what the record has under
    ``#unknown``; ``is_leaf`` has a 1 for each tag with a value before it; ``kinds`` has for each value 0, or the
    place of its kind in ``KINDS``, from 1."""

    tags: list[bytes]
    record: Record
    unknown: Record
    marks: list[str]
    is_leaf: bytes
    kinds: bytes


class Skeletons:
    """Tells the outlines of one kind of member; ``struct`` and ``name`` are the member's. ``asked`` is how often the
    parser was."""

    def __init__(self, struct: Struct, name: str) -> None:
        self._struct = struct
        self._name = name.encode()
        self._runs: dict[bytes, _Run | None] = {}
        #: the run that was met last of those that begin with a tag
        self._last: dict[bytes, _Run] = {}
        self._marks = count()
        self.asked = 0

    def outline(self, skeleton: bytes) -> Outline | None:
        """The outline of a skeleton: the insides of tags with ``>`` between them. None when it is not one that can be
        trusted to the short way."""
        tags = _without_prefix(skeleton).split(b">")
        if len(tags) <= 2 or tags[0] != self._name or tags[-1] != b"/" + self._name:
            return None
        runs = self._elements(tags)
        outline = _joined(runs) if runs else None
        if outline is None:
            whole = self._ask(tags[1:-1])
            outline = _joined([whole]) if whole else None
        return outline

    def _elements(self, tags: list[bytes]) -> list[_Run] | None:
        """Each element inside a member as a run; None where the parser has not said of each that it is one."""
        runs: list[_Run] = []
        at, end = 1, len(tags) - 1
        while at < end:
            tag = tags[at]
            run = self._last.get(tag)
            if run is None or tags[at : at + len(run.tags)] != run.tags:
                run = self._element(tags, at, end)
                if run is None:
                    return None
                self._last[tag] = run
            runs.append(run)
            at += len(run.tags)
        return runs if at == end else None  # the last one may have ended with the member's own end tag

    def _element(self, tags: list[bytes], at: int, end: int) -> _Run | None:
        """The run that begins at a place: to the first end tag of its name. Where that is not its own, the run is
        none that the parser accepts."""
        tag = tags[at]
        try:
            stop = at if tag[-1:] == b"/" else tags.index(b"/" + tag.partition(b" ")[0], at, end)
        except ValueError:
            return None
        own = tags[at : stop + 1]
        key = b">".join(own)
        if key not in self._runs:
            if len(key) > _MAX_RUN or len(self._runs) >= _MAX_RUNS:
                return None
            self._runs[key] = self._ask(own)
        return self._runs[key]

    def _ask(self, tags: list[bytes]) -> _Run | None:
        """What the parser says of a run; None when it says that it is none, or it is not worth trusting."""
        if not _are_sound(tags) or _depth(tags) >= _MAX_DEPTH:
            return None
        names = [b"/" if tag[-1:] == b"/" else tag.split(None, 1)[0] for tag in tags]
        before = [b"", *(b"/" + name for name in names)]
        is_leaf = bytes([tag.rstrip() == end for tag, end in zip(tags, before, strict=False)])
        marks = [f"{MARK}{next(self._marks)}" for _ in range(sum(is_leaf))]
        mark = iter(marks)
        texts = [next(mark).encode() if leaf else b"" for leaf in is_leaf]
        probe = b"".join([b"%b<%b>" % pair for pair in zip(texts, tags, strict=True)])
        self.asked += 1
        try:
            member = parse_element(b"<%b>%b</%b>" % (self._name, probe, self._name))
        except ReadError:
            return None
        record = read_element(member, self._struct)
        unknown = record.pop(UNKNOWN, {})
        assert isinstance(unknown, dict)  # noqa: S101 - it is a record
        if _has_text(unknown):
            return None  # a value where the table has elements: the record tells an empty one from none
        kinds = {text: KINDS.index(kind) + 1 for text, kind in _kinds_of(record, self._struct) if kind in KINDS}
        return _Run(tags, record, unknown, marks, is_leaf, bytes([kinds.get(text, 0) for text in marks]))


#: For each byte that stands for a kind, or none: 1 in its place, 0 elsewhere.
_EQUAL = [bytes(value == code for value in range(256)) for code in range(len(KINDS) + 1)]


def _joined(runs: list[_Run]) -> Outline | None:
    """The outline of a member that holds these runs; None where a name comes twice."""
    record: Record = {}
    unknown: Record = {}
    fields = strangers = 0
    for run in runs:
        record.update(run.record)
        fields += len(run.record)
        if run.unknown:
            unknown.update(run.unknown)
            strangers += len(run.unknown)
    if len(record) != fields or len(unknown) != strangers:
        return None
    if unknown:
        record[UNKNOWN] = unknown
    is_leaf = b"\0%b\0\0" % b"".join([run.is_leaf for run in runs])  # with the texts around the member's own tags
    kinds = b"".join([run.kinds for run in runs])
    return Outline(
        record,
        dict(zip(chain.from_iterable([run.marks for run in runs]), count(), strict=False)),
        leaves=[*compress(count(), is_leaf)],
        gaps=[*compress(count(), is_leaf.translate(_EQUAL[0]))],
        kinds=[[*compress(count(), kinds.translate(equal))] for equal in _EQUAL[1:]],
    )


def _without_prefix(skeleton: bytes) -> bytes:
    """The skeleton without prefixes, when all tags have the same: that of the member's end tag, of which whoever
    gives the block knows that it stands for the document's namespace."""
    prefix, colon, _ = skeleton.partition(b">")[0].partition(b":")
    if not colon or not _PREFIX.fullmatch(prefix):
        return skeleton
    starts, ends = b">" + prefix + colon, b">/" + prefix + colon
    between = skeleton.count(b">")
    if skeleton.count(starts) + skeleton.count(ends) != between:
        return skeleton
    return (b">" + skeleton).replace(starts, b">").replace(ends, b">/")[1:]


def _are_sound(tags: list[bytes]) -> bool:
    """Whether all of these are tags that a skeleton may have."""
    together = b">".join(tags)
    if _MARK in together or not _TAGS.fullmatch(together):
        return False
    if b"=" in together and any(tag.count(b"=") > MAX_ATTRIBUTES for tag in tags):
        return False
    return _ROOTS.isdisjoint([tag.rstrip(b"/").split(None, 1)[0] for tag in tags])


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


def _has_text(node: Node) -> bool:
    """Whether there is a ``#text`` at or below the node."""
    if isinstance(node, dict):
        return "#text" in node or any(map(_has_text, node.values()))
    return isinstance(node, list) and any(map(_has_text, node))


def _kinds_of(node: Node, kind: Kind) -> Iterable[tuple[str, Scalar]]:
    """The texts of a node that are of a kind, with it. Others are just text."""
    if isinstance(kind, Scalar):
        return [(node, kind)] if isinstance(node, str) else []
    if isinstance(kind, ListOf | Repeated):
        members = node if isinstance(node, list) else []
        return [found for member in members for found in _kinds_of(member, kind.of)]
    assert isinstance(node, dict)  # noqa: S101 - structs and amounts are always records
    if isinstance(kind, Attributed):
        return _kinds_of(node.get(kind.text_key, ""), kind.of)
    return [found for field in kind.fields if field.name in node for found in _kinds_of(node[field.name], field.kind)]
