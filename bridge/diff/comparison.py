"""Two feeds against each other: every order, item, message and document of one side with that of the other.

The old side is read and shelved; the new one is compared as it is read. Orders pair by their id whatever page, file
or document they stand in, items by their order's and their own, messages by their order; what comes twice on one side
is paired with the second of the other, and told of when there is none. Documents without any of these (errors,
service status) pair by their number. What envelopes say around their messages is compared once, however many files it
heads; lines of JSON have none.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import zip_longest
from typing import BinaryIO

from bridge.diff.differences import Change, Difference, Step, path_of
from bridge.diff.entries import Entry, EntryReader, Known, has_unknown, struct_of
from bridge.diff.profiles import AUTO, Origin, Pattern, Profile, Rule, make_profile
from bridge.diff.records import compare_records, places_in
from bridge.diff.shelf import MAX_HELD, Shelf, ShelfError
from bridge.diff.tally import Tally
from bridge.offline.faults import SourceError
from bridge.offline.report import MAX_NOTES, ConvertError
from bridge.offline.sources import find_sources
from mws_compat.schema import Node, Record, Scalar

__all__ = ["DiffError", "Side", "compare", "compare_all", "find_records"]

_PIECE = 2**20
_ENVELOPE = "AmazonEnvelope"
#: The different heads of envelopes of a side, by what stands for what they say.
_Heads = dict[bytes, Entry]

#: A path (file, directory, pattern, ``-``), the bytes of a document, or a binary file; and a side, which is one or
#: several of them.
Part = str | os.PathLike[str] | bytes | BinaryIO
Side = Part | list[Part] | tuple[Part, ...]


class DiffError(ValueError):
    """A side that cannot be read. ``faults`` names each input, place and reason."""

    def __init__(self, faults: Sequence[ConvertError]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, faults)))


def compare(
    old: Side,
    new: Side,
    profile: str | Profile = AUTO,
    *,
    rules: Sequence[Rule] = (),
    only: Sequence[Pattern] = (),
    tally: Tally | None = None,
    most_held: int = MAX_HELD,
) -> Iterator[Difference]:
    """The differences of two feeds, judged, as they are found; ``tally`` counts them, and what is equal.

    Each side may be legacy XML of any operation, SP-API v0 JSON or lines of it, packed or not. ``profile`` is
    ``exact``, ``migration``, a Profile, or ``auto``: ``migration`` for two records of which one came as MWS XML and
    the other as SP-API JSON, ``exact`` for others. ``rules`` come before it, ``only`` bounds it (see Profile). Past
    ``most_held`` bytes the old side is kept in a temporary database. Raises ValueError for a profile that there is
    none of, and DiffError when a document of either side cannot be read, an input has none, or the database finds no
    room; what was given before it does not count.
    """
    tally = Tally() if tally is None else tally
    comparison = _Comparison(profile, tally, rules, only)
    try:
        with Shelf(most=most_held) as shelf:
            yield from comparison.run(old, new, shelf)
    except ShelfError as error:
        raise DiffError([ConvertError("<temporary database>", str(error))]) from error


def _feeds(side: Side, what: str) -> Iterator[tuple[str, Iterator[bytes]] | ConvertError]:
    """The inputs of a side: their names, and their bytes."""
    if isinstance(side, bytes):
        yield f"<{what}>", iter([side])
    elif isinstance(side, str | os.PathLike):
        for source in find_sources([os.fspath(side)]):
            if isinstance(source, SourceError):
                yield ConvertError(source.name, source.problem)
                continue
            try:
                with source.open() as stream:
                    yield source.name, iter(partial(stream.read, _PIECE), b"")
            except SourceError as error:
                yield ConvertError(error.name, error.problem)
    elif isinstance(side, list | tuple):
        for number, part in enumerate(side, 1):
            yield from _feeds(part, f"{what} {number}")
    else:
        yield str(getattr(side, "name", f"<{what}>")), iter(partial(side.read, _PIECE), b"")


class _Comparison:
    def __init__(self, profile: str | Profile, tally: Tally, rules: Sequence[Rule], only: Sequence[Pattern]) -> None:
        self._tally = tally
        self.reader = EntryReader()
        tally.profile = profile.name if isinstance(profile, Profile) else profile
        if isinstance(profile, Profile):
            alike = other = profile
        else:
            alike = make_profile("exact" if profile == AUTO else profile)
            other = make_profile("migration" if profile == AUTO else profile)
        self._alike = replace(alike, rules=[*rules, *alike.rules], only=[*only, *alike.only])
        self._other = replace(other, rules=self._alike.rules, only=self._alike.only)
        self._sought = [pattern for pattern in self._alike.only if not pattern.met]
        self._searched: set[tuple[str, int]] = set()

    def run(self, old: Side, new: Side, shelf: Shelf) -> Iterator[Difference]:
        faults: list[ConvertError] = []
        heads: tuple[_Heads, _Heads] = {}, {}
        for entry in self.read(old, "old", faults):
            if entry.member == _ENVELOPE:
                heads[0].setdefault(entry.digest or entry.body, entry)
            else:
                shelf.put(entry)
        shelf.seal()
        for found in self._found(new, "new", faults, lambda raw: shelf.find_raw(raw) is not None):
            if isinstance(found, Known):
                yield from self._pair_known(found, shelf)
            elif found.member == _ENVELOPE:
                heads[1].setdefault(found.digest or found.body, found)
            else:
                yield from self._pair(found, shelf)
        if faults:
            raise DiffError(faults)
        yield from self._pair_heads(*heads)
        for held in shelf.rest():
            change = Change.MISSING if held.occurrence == 1 else Change.DUPLICATE
            yield self._lone(change, held.entry, old=True)

    def read(self, side: Side, what: str, faults: list[ConvertError]) -> Iterator[Entry]:
        """The entries of a side, those without a key numbered; what cannot be read goes to ``faults``."""
        return (found for found in self._found(side, what, faults, None) if isinstance(found, Entry))

    def _found(
        self, side: Side, what: str, faults: list[ConvertError], is_known: Callable[[bytes], bool] | None
    ) -> Iterator[Entry | Known]:
        counts: dict[str, int] = {}
        empty = True
        for feed in _feeds(side, what):
            if isinstance(feed, ConvertError):
                faults.append(feed)
                continue
            name, pieces = feed
            empty = False
            try:
                for found in self.reader.read(pieces, name, is_known):
                    if isinstance(found, ConvertError):
                        faults.append(found)
                        if len(faults) > MAX_NOTES:
                            raise DiffError(faults)
                        continue
                    if isinstance(found, Entry) and not found.key:
                        counts[found.member] = counts.get(found.member, 0) + 1
                        found = found._replace(key=f"#{counts[found.member]}", raw=b"")  # noqa: PLW2901 - the same
                    if self._sought and isinstance(found, Entry):
                        self._seek(found)
                    yield found
            except SourceError as error:
                faults.append(ConvertError(error.name, error.problem))
        if empty and not faults:
            faults.append(ConvertError(f"<{what}>", "there is no feed on this side; name a file that holds one"))

    def _seek(self, entry: Entry) -> None:
        """Look for the places that alone are asked about: of a path that is nowhere it is not to be said that nothing
        differs there. Entries of one shape have the same places."""
        known = entry.make >= 0 and (entry.member, entry.make) in self._searched
        sought = [pattern for pattern in self._sought if pattern.is_keyed or not known]
        if not sought:
            return
        self._searched.add((entry.member, entry.make))
        record = self.reader.record(entry.body, entry.make)
        for place in places_in(record, struct_of(entry.member), _steps_of(entry)):
            for pattern in sought:
                pattern.met = pattern.met or pattern.covers(place)
        self._sought = [pattern for pattern in self._sought if not pattern.met]

    # --- pairs ---

    def _pair_known(self, known: Known, shelf: Shelf) -> Iterator[Difference]:
        held = shelf.find_raw(known.raw)
        assert held is not None  # noqa: S101 - it was found when the block was read
        if shelf.claim(held):
            self._tally.equals(known.member)
        else:  # its equal was met before: what is paired with another says the same as that one
            yield from self._pair(held.entry._replace(source=known.source), shelf)

    def _pair(self, entry: Entry, shelf: Shelf) -> Iterator[Difference]:
        held = shelf.find(entry.member, entry.key)
        if held is None:
            change = Change.EXTRA if shelf.meet(entry.member, entry.key) else Change.DUPLICATE
            yield self._lone(change, entry, old=False)
            return
        shelf.claim(held)
        if held.entry.digest and held.entry.digest == entry.digest:
            self._tally.equals(entry.member)
            return
        found = list(self._compare(held.entry, entry))
        self._tally.pair(entry.member, found)
        yield from found

    def _pair_heads(self, old: _Heads, new: _Heads) -> Iterator[Difference]:
        """Those that both sides have; then the others, in their order. A side without any has its messages in lines,
        and is to have only what no table knows."""
        for _ in old.keys() & new.keys():
            self._tally.equals(_ENVELOPE)
        left = [entry for head, entry in old.items() if head not in new]
        right = [entry for head, entry in new.items() if head not in old]
        for number, (one, other) in enumerate(zip_longest(left, right), 1):
            if one is not None and other is not None:
                found = list(self._compare(one, other._replace(key=f"#{number}")))
                self._tally.pair(_ENVELOPE, found)
                yield from found
            elif one is not None and (new or has_unknown(self.reader.record(one.body, one.make))):
                yield self._lone(Change.MISSING, one, old=True)
            elif other is not None and (old or has_unknown(self.reader.record(other.body, other.make))):
                yield self._lone(Change.EXTRA, other, old=False)

    def _compare(self, old: Entry, new: Entry) -> Iterator[Difference]:
        records = self.reader.record(old.body, old.make), self.reader.record(new.body, new.make)
        for difference in compare_records(*records, struct_of(new.member), _steps_of(new)):
            placed = difference._replace(old_source=old.source, new_source=new.source)
            yield self._judge(placed, old.origin, new.origin)

    def _lone(self, change: Change, entry: Entry, *, old: bool) -> Difference:
        brief = _brief(self.reader.record(entry.body, entry.make), entry.member)
        difference = Difference(change, _steps_of(entry), kind=struct_of(entry.member))
        if old:
            difference = difference._replace(old=brief, old_source=entry.source)
        else:
            difference = difference._replace(new=brief, new_source=entry.source)
        judged = self._judge(difference, entry.origin, entry.origin)
        self._tally.lone(judged)
        return judged

    def _judge(self, difference: Difference, old: Origin, new: Origin) -> Difference:
        return (self._alike if old is new else self._other).judge(difference, old, new)


def find_records(side: Side, key: str) -> dict[str, tuple[str, Record]]:
    """The records of an order: its own, its items', its messages', by path; each with its element's name. ``key`` is
    the order's id, or an order's and an item's with a slash between. Raises DiffError."""
    faults: list[ConvertError] = []
    comparison = _Comparison(AUTO, Tally(), (), ())
    found: dict[str, tuple[str, Record]] = {}
    for entry in comparison.read(side, "side", faults):
        if entry.key == key or entry.key.startswith(f"{key}/") or entry.key.split(" ")[1:2] == [key]:
            record = comparison.reader.record(entry.body, entry.make)
            found.setdefault(path_of(_steps_of(entry)), (entry.member, record))
    if faults:
        raise DiffError(faults)
    return found


def _steps_of(entry: Entry) -> tuple[Step, ...]:
    """The way to an entry: an item's is below its order's."""
    if entry.member == "OrderItem":
        order, _, item = entry.key.rpartition("/")
        return (Step("Order", order), Step("OrderItem", item))
    return (Step(entry.member, entry.key),)


def _brief(record: Record, member: str) -> Record:
    """What a record is known by: the leaves that are always there, and not personal."""
    out: Record = {}
    for field in struct_of(member).fields:
        node: Node | None = record.get(field.name)
        if node is not None and field.required and not field.pii and isinstance(field.kind, Scalar):
            out[field.name] = node
    return out


def compare_all(
    old: Side,
    new: Side,
    profile: str | Profile = AUTO,
    *,
    rules: Sequence[Rule] = (),
    only: Sequence[Pattern] = (),
    most_held: int = MAX_HELD,
) -> Tally:
    """What a comparison comes to. Raises as ``compare`` does."""
    tally = Tally()
    for _ in compare(old, new, profile, rules=rules, only=only, tally=tally, most_held=most_held):
        pass
    return tally
