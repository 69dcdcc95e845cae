"""The v2026 table walked in both directions without loss: the engine of the converter for Orders v2026-01-01.

v2026 says by a word in a list, by a sum, or by what is missing what MWS had elements for, and there is more than one
way to say some things. So what its links do not carry is not known from the table; it is found by walking back and
comparing. Nothing here is about a single field. In JSON these members carry what has none of its own in v2026:

``#mws``      what reading the object would not give: elements, or parts of them, as wire text in the record's shape;
              ``#absent`` lists elements that reading would give and the record has not
``#unknown``  what no table knows, as the record holds it (see ``mws_compat.schema``)
``#v0``       members of a v0 object that no element carries, from a record's ``#json``

and in a record's ``#json``, as ``#v2026``, stands what writing the record would not give: members in the object's
shape, arrays whole; ``#absent`` lists members that writing would give and the object had not. They win over what is
written. Empty text, structs and lists of a record count as absent.

What an object says may depend on what stands around it: an order's counts are the sums of its items, an item's price
is another one while the order is pending. ``beside`` are members that belong to the object and are converted
elsewhere, ``whole`` is the object that it is a part of.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple, cast

from bridge.mapping.cells import VERBATIM, InexactError, Leaf, Typing, as_it_is, as_node, dump, load_exact
from bridge.mapping.exact import OWN
from bridge.mapping.links import Link, LinkMap
from bridge.mapping.patches import apply_patch, difference, overlay, patch_of, same_json
from bridge.mapping.rows import JsonObject, MappingError
from bridge.mapping.spelling import cleaner
from bridge.mapping.versions import OLD, PATCH
from mws_compat.schema import UNKNOWN, UNMAPPED, Record, Struct

__all__ = ["Taken", "WholeMap", "load_unmapped", "unknown_members"]

_KEPT = frozenset((OWN, UNKNOWN, OLD))
#: What a table raises for values that are not of its kind.
_REFUSALS = (ValueError, TypeError, ArithmeticError)
#: What XML cannot hold and JSON need not escape.
_NOT_IN_XML = "\ufffe\uffff"
#: How often an object that is not of its shape is read to find out which parts of it are.
_MAX_TRIALS = 2000


class Taken(NamedTuple):
    """The record of an object without ``#json``, and what stands there."""

    record: Record
    rest: JsonObject

    def whole(self) -> Record:
        """The record with its ``#json``. Raises MappingError when that is too large or too deep."""
        if not self.rest:
            return self.record
        text = dump(self.rest)
        for character in _NOT_IN_XML:
            text = text.replace(character, f"\\u{ord(character):04x}")
        return {**self.record, UNMAPPED: text}


class WholeMap:
    """One struct and one kind of JSON object, both ways."""

    def __init__(self, table: LinkMap) -> None:
        self._table = table
        self._clean = cleaner(table.struct)

    @property
    def struct(self) -> Struct:
        """The struct of the records."""
        return self._table.struct

    # --- record to JSON ---

    def write(
        self, record: Record, leaf: Leaf, *, beside: JsonObject | None = None, whole: JsonObject | None = None
    ) -> JsonObject:
        """The JSON object of a record, without ``beside``. Raises MappingError when ``#json`` is not what ``read``
        puts there, or the record not of its struct's shape."""
        clean = self._clean(record, leaf)
        old = load_unmapped(record)
        patch = old.pop(PATCH, None)
        if patch is not None and not isinstance(patch, dict):
            raise MappingError("object expected", f"{UNMAPPED}.{PATCH}")
        out = self._written(clean)
        own = None
        if patch:
            own = patch.pop(OWN, None)
            try:
                apply_patch(out, patch)
            except MappingError as error:
                raise error.inside(f"{UNMAPPED}.{PATCH}") from None
        found = self._own(clean, out, beside, whole, own)
        if found:
            out[OWN] = found
        if UNKNOWN in record:
            out[UNKNOWN] = as_it_is(record[UNKNOWN], leaf, VERBATIM)
        if old:
            out[OLD] = old
        return out

    def _written(self, clean: Record) -> JsonObject:
        """What the table makes of a record; elements that it cannot write are left out."""
        try:
            return self._table.write(clean)
        except _REFUSALS:
            target: JsonObject = {}
            for row in self._table.rows:
                trial = json.loads(json.dumps(target))
                try:
                    if row.mws in clean:
                        self._table.write_into({row.mws: clean[row.mws]}, trial)
                except _REFUSALS:
                    continue
                target = trial
            return target

    def _own(
        self, clean: Record, out: JsonObject, beside: JsonObject | None, whole: JsonObject | None, given: object
    ) -> JsonObject:
        """What stands under ``#mws``: what was ``given``, when that gives the record."""
        again = self._clean(self._read(out, beside, whole), Typing())
        if isinstance(given, dict):
            try:
                if overlay(again, given, self.struct, "") == clean:
                    return given
            except MappingError:
                pass
        return difference(clean, again)

    # --- JSON to record ---

    def read(
        self, source: JsonObject, *, beside: JsonObject | None = None, whole: JsonObject | None = None
    ) -> Record:
        """The record of a JSON object. Raises MappingError when ``#mws``, ``#unknown`` or ``#v0`` are not what
        ``write`` puts there, and InexactError."""
        return self.take(source, beside=beside, whole=whole).whole()

    def take(self, source: JsonObject, *, beside: JsonObject | None = None, whole: JsonObject | None = None) -> Taken:
        """Like ``read``, in two parts."""
        plain = {name: value for name, value in source.items() if name not in _KEPT}
        record = self._read(plain, beside, whole)
        own = _object(source, OWN)
        if own:
            record = overlay(record, own, self.struct, OWN)
        clean = self._clean(record, Typing())
        patch = patch_of(self._written(clean), plain)
        if not same_json(self._own(clean, plain, beside, whole, None), own):
            patch[OWN] = own
        rest = _object(source, OLD)
        if PATCH in rest:
            raise MappingError("may not stand here", f"{OLD}.{PATCH}")
        if patch:
            rest[PATCH] = patch
        if UNKNOWN in source and source[UNKNOWN] is not None:
            record[UNKNOWN] = as_node(_object(source, UNKNOWN), UNKNOWN)
        return Taken(record, rest)

    def readable(self, source: JsonObject, whole: JsonObject | None = None) -> JsonObject:
        """The parts of an object that are of the shape that the table needs. Raises InexactError."""

        def fits(value: object) -> bool:
            try:
                self._table.read(cast("JsonObject", value), whole)
            except _REFUSALS:
                return False
            return True

        if fits(source):
            return source
        found = _Sieve().parts(_with_texts(source), fits, "")
        return found if isinstance(found, dict) else {}

    def _read(self, source: JsonObject, beside: JsonObject | None, whole: JsonObject | None) -> Record:
        """The record of what can be read."""
        source = {**source, **(beside or {})}
        try:
            return self._table.read(source, whole)
        except _REFUSALS:
            return self._table.read(self.readable(source, whole), whole)

    # --- what the table knows ---

    def strangers(self, source: JsonObject) -> Iterator[str]:
        """Paths of members that the table neither reads nor lists as unused; what is empty does not count, and what
        stands in arrays is not looked at."""
        if source.get(UNKNOWN):
            yield from (f"{UNKNOWN}.{name}" for name in _object(source, UNKNOWN))
        yield from unknown_members({name: value for name, value in source.items() if name not in _KEPT}, self._known)

    @cached_property
    def _known(self) -> dict[str, object]:
        tree: dict[str, object] = {}
        _grow(tree, self._table)
        return tree


def load_unmapped(record: Record) -> JsonObject:
    """What a record's ``#json`` holds, numbers with a fraction as Decimals. Raises MappingError."""
    text = record.get(UNMAPPED, "{}")
    try:
        members = load_exact(str(text))
    except ValueError:
        members = None
    if not isinstance(members, dict):
        raise MappingError("JSON object expected", UNMAPPED)
    return members


def _object(source: Mapping[str, object], name: str) -> JsonObject:
    """A copy of a member that is an object; an empty one where there is none."""
    value = source.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MappingError("object expected", name)
    return dict(value)


# --- objects that are not of their shape ----------------------------------------------------------------------------


class _Sieve:
    """Finds the parts of a value that fit."""

    def __init__(self) -> None:
        self._left = _MAX_TRIALS

    def parts(self, value: object, fits: Callable[[object], bool], name: str) -> object | None:
        """As much of the value as fits, None for nothing. Raises InexactError for a float that does not."""
        self._left -= 1
        if self._left >= 0 and fits(value):
            return value
        if isinstance(value, float):
            raise InexactError(name)
        kept: JsonObject | list[object]
        if isinstance(value, dict):
            kept = {}
            for key, inner in value.items():
                found = self.parts(inner, lambda one, kept=kept, key=key: fits({**kept, key: one}), key)  # type: ignore[misc]
                if found is not None:
                    kept[key] = found
        elif isinstance(value, list):
            kept = []
            for inner in value:
                found = self.parts(inner, lambda one, kept=kept: fits([*kept, one]), name)  # type: ignore[misc]
                if found is not None:
                    kept.append(found)
        else:
            return None
        return kept if kept and fits(kept) else None


def _with_texts(value: object) -> object:
    """A value with text in place of Decimals."""
    if isinstance(value, dict):
        return {name: _with_texts(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_texts(inner) for inner in value]
    return str(value) if isinstance(value, Decimal) else value


# --- what the table knows -------------------------------------------------------------------------------------------


def _grow(tree: dict[str, object], table: LinkMap) -> None:
    """Add what a table knows to the tree of ``unknown_members``."""
    for row in table.rows:
        if isinstance(row, Link):
            branch = _branch(tree, row.source, leaf=row.via is None)
            if branch is not None and row.via is not None:
                _grow(branch, row.via)
    for unused in table.unused:
        _branch(tree, unused.source, leaf=True)


def _branch(tree: dict[str, object], source: str, *, leaf: bool) -> dict[str, object] | None:
    """The branch of a place, made where there is none; None where all is known."""
    path, keyed, _ = source.partition("[")
    steps = path.split(".") if path else []
    for number, step in enumerate(steps, 1):
        if number == len(steps) and (leaf or keyed):
            tree[step] = None
            return None
        inner = tree.setdefault(step, {})
        if not isinstance(inner, dict):
            return None
        tree = inner
    return tree


def unknown_members(source: Mapping[str, object], known: Mapping[str, object], path: str = "") -> Iterator[str]:
    """Paths of what a tree does not know: member → the same again, None for one that is known with all in it."""
    for name, value in source.items():
        place = f"{path}.{name}".lstrip(".")
        inner = known.get(name, {})
        if value in (None, "", [], {}) or inner is None or (name in known and isinstance(value, list)):
            continue
        if name in known and isinstance(inner, dict) and isinstance(value, dict):
            yield from unknown_members(value, inner, place)
        else:
            yield place
