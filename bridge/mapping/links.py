"""The engine under the v2026 table: rows of data that are walked in both directions.

Orders v2026-01-01 is not MWS under other names: what MWS had as an element may be one word in a list, a member of an
array picked by its type, or the sum of its items. So a Link names a place and a *way*, a symmetric pair: how the wire
text is read from what stands there, and what is put there for a wire text. A LinkMap describes a struct once and is
walked to read an answer for the endpoint (``read``) and to write JSON of a record (``write``).

Reading accepts what SP-API sends and refuses other shapes with the place named, never with the value.
"""

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import NamedTuple, cast

from bridge.mapping.paths import Path, parse_path
from bridge.mapping.rows import JsonObject, MappingError, Unused
from bridge.mapping.ways import LEAVES, TEXT_LEAF, Each, Flag, Money, Way, Words
from mws_compat.schema import (
    DATETIME,
    INTEGER,
    MONEY,
    Kind,
    ListOf,
    Node,
    Record,
    Scalar,
    Struct,
)

__all__ = ["Derived", "Differs", "First", "Link", "LinkMap", "Lost"]


class Derived(NamedTuple):
    """What no single place holds. ``read(source, whole)`` is given the struct's object and that of the order which it
    belongs to; ``write(node, target)`` puts what it can into the struct's object."""

    read: Callable[[JsonObject, JsonObject], Node | None]
    write: Callable[[Node, JsonObject], None]


class Differs(NamedTuple):
    """Where an element can have another text than v0's for the same order: ``when(old, new)`` says so of v0's node
    and v2026's, None being none."""

    reason: str
    when: Callable[[Node | None, Node | None], bool]


class Link(NamedTuple):
    """Element ``mws`` of the struct stands at ``source``, in the notation of ``bridge.mapping.paths``; '' for a
    nested struct whose members stand in the outer object.

    ``way`` says how, by default what the element's kind and ``via``, the map of a nested struct, say. ``dataset`` is
    the one that must be asked for, '' when the place is always there. ``restricted``: given only to applications with
    a role for personal data.
    """

    mws: str
    source: str
    way: Way | Derived | None = None
    via: "LinkMap | None" = None
    dataset: str = ""
    restricted: bool = False
    differs: Differs | None = None
    note: str = ""


class Lost(NamedTuple):
    """Element ``mws`` has no place. ``otherwise`` computes what is written instead, from the order's object."""

    mws: str
    reason: str
    otherwise: Callable[[JsonObject], str | None] | None = None


class _Nested(NamedTuple):
    """An object of its own."""

    table: "LinkMap"

    def read(self, found: list[object]) -> Node | None:
        if not found:
            return None
        if not isinstance(found[0], dict):
            raise MappingError("object expected")
        return self.table.read(found[0]) or None

    def write(self, node: Node) -> list[object]:
        return [self.table.write(node)] if isinstance(node, dict) else []


#: The first member of an array where MWS had a single struct.
First = _Nested


def _way_of(kind: Kind, via: "LinkMap | None") -> Way:
    if kind is MONEY:
        return Money()
    if isinstance(kind, ListOf):
        return Each(_way_of(kind.of, via))
    if isinstance(kind, Struct):
        if via is None:
            raise ValueError(f"no map for {kind.name}")
        return _Nested(via)
    return LEAVES.get(kind.name, TEXT_LEAF) if isinstance(kind, Scalar) else TEXT_LEAF


# --- tables ---------------------------------------------------------------------------------------------------------


class LinkMap:
    """How one MWS struct and one kind of JSON object become one another.

    Raises ValueError at construction when the links do not cover the struct's fields exactly once each.
    """

    def __init__(self, struct: Struct, rows: Iterable[Link | Lost], unused: Iterable[Unused] = ()) -> None:
        self.struct = struct
        self.rows = tuple(rows)
        self.unused = tuple(unused)
        fields = {field.name for field in struct.fields}
        listed = [row.mws for row in self.rows]
        if sorted(listed) != sorted(fields):
            wrong = sorted(set(listed) ^ fields) or ["an element twice"]
            raise ValueError(f"mapping of {struct.name}: {', '.join(wrong)}")

    @cached_property
    def ways(self) -> list[tuple[str, "_Placed | Derived"]]:
        """Element and way of every link; made when they are first needed."""
        kinds = {field.name: field.kind for field in self.struct.fields}
        ways: list[tuple[str, _Placed | Derived]] = []
        for row in self.rows:
            if isinstance(row, Link):
                way = row.way or _way_of(kinds[row.mws], row.via)
                ways.append((row.mws, way if isinstance(way, Derived) else _Placed(parse_path(row.source), way)))
        return ways

    @property
    def datasets(self) -> frozenset[str]:
        """What must be asked for to have everything that the map reads."""
        return frozenset(row.dataset for row in self.rows if isinstance(row, Link) and row.dataset)

    def read(self, source: JsonObject, whole: JsonObject | None = None) -> Record:
        """The record of an object, ``whole`` being the order that it belongs to. Raises MappingError, naming the
        place, for a value of the wrong type."""
        return self._read(source, source if whole is None else whole)

    @cached_property
    def _read(self) -> Callable[[JsonObject, JsonObject], Record]:
        return _compile(self)

    def write(self, record: Record) -> JsonObject:
        """The JSON object of a record, as far as the links lead: what else the record holds is left out."""
        target: JsonObject = {}
        self.write_into(record, target)
        return target

    def write_into(self, record: Record, target: JsonObject) -> None:
        """Put what ``write`` makes into an object."""
        for name, way in self.ways:
            if node := record.get(name):
                way.write(node, target)


class _Placed(NamedTuple):
    """A way with its place."""

    path: Path
    way: Way

    def read(self, source: JsonObject, _: JsonObject) -> Node | None:
        found = self.path.find(source)
        try:
            return self.way.read(found)
        except MappingError as error:
            raise error.inside(self.path.text) from None

    def write(self, node: Node, target: JsonObject) -> None:
        for value in self.way.write(node):
            self.path.put(target, value)


# --- compilation ----------------------------------------------------------------------------------------------------
#
# As in rows.py a table is read through one function that is written from its rows. Members of one object are taken
# from it one after the other, and a value of the type that it nearly always is goes into the record on the spot. Any
# other value goes through the row's way, whose answer is the same.

_IS_SECOND = re.compile(
    r"(?!0000)[0-9]{4}-"
    r"(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{3})?Z"
).fullmatch


def _short_way(way: Way, name: str, names: dict[str, object]) -> tuple[str, str] | None:
    """When a value needs no way, and what is written for it."""
    if isinstance(way, Words):
        names[f"words_{name}"] = {word: mws for word, mws in way.table.items() if word not in way.silent}
        return f"value.__class__ is str and value in words_{name}", f"words_{name}[value]"
    if way == TEXT_LEAF:
        return "value.__class__ is str and value", "value"
    if way == LEAVES[INTEGER.name]:
        return "value.__class__ is int", "str(value)"
    if way == LEAVES[DATETIME.name]:
        return "value.__class__ is str and is_second(value)", "value[:19] + 'Z'"
    return None


def _compile(table: LinkMap) -> Callable[[JsonObject, JsonObject], Record]:
    names: dict[str, object] = {"is_second": _IS_SECOND, "MappingError": MappingError}
    lines = ["def read(source, order):", "    record = {}"]
    groups: dict[tuple[str, ...], list[tuple[str, str, _Placed]]] = {}
    flags: dict[str, list[tuple[str, str]]] = {}
    others: list[tuple[str, _Placed | Derived]] = []
    for name, way in table.ways:
        names[f"way_{name}"] = way.read
        if isinstance(way, _Placed) and isinstance(way.way, Flag):
            names[f"find_{way.path.text}"] = way.path.find
            flags.setdefault(way.path.text, []).append((name, way.way.word))
        elif isinstance(way, _Placed) and way.path.is_plain:
            *outer, last = (step.name for step in way.path.steps)
            groups.setdefault(tuple(outer), []).append((name, last, way))
        else:
            others.append((name, way))
    for object_path, members in groups.items():
        lines += _group(object_path, members, names)
    for number, (text, words) in enumerate(flags.items()):
        names[f"find{number}"] = names.pop(f"find_{text}")
        lines.append(f"    words = find{number}(source)")
        lines += [f"    record[{name!r}] = 'true' if {word!r} in words else 'false'" for name, word in words]
    for name, _ in others:
        lines.append(f"    if node := way_{name}(source, order):")
        lines.append(f"        record[{name!r}] = node")
    for row in table.rows:
        if isinstance(row, Lost) and row.otherwise is not None:
            names[f"compute_{row.mws}"] = row.otherwise
            lines.append(f"    if (text := compute_{row.mws}(order)) is not None:")
            lines.append(f"        record[{row.mws!r}] = text")
    lines.append("    return record")
    # The text is made of names that stand in this project's own tables; no input has a part in it.
    exec("\n".join(lines), names)  # noqa: S102
    return cast("Callable[[JsonObject, JsonObject], Record]", names["read"])


def _group(outer: tuple[str, ...], members: list[tuple[str, str, _Placed]], names: dict[str, object]) -> list[str]:
    """The elements whose members stand in one object. Where something else stands than the object that they need,
    the first of their ways says so."""
    lines = ["    node = source"]
    indent = "    "
    lines += [f"{indent}node = node.get({step!r}) if node.__class__ is dict else node" for step in outer]
    lines.append(f"{indent}if node.__class__ is dict:")
    lines.append(f"{indent}    get = node.get")
    for name, last, placed in members:
        lines.append(f"{indent}    value = get({last!r})")
        short = _short_way(placed.way, name, names)
        if short is not None:
            lines.append(f"{indent}    if {short[0]}:")
            lines.append(f"{indent}        record[{name!r}] = {short[1]}")
            lines.append(f"{indent}    elif value is not None and (found := way_{name}(source, order)):")
        else:
            lines.append(f"{indent}    if value is not None and (found := way_{name}(source, order)):")
        lines.append(f"{indent}        record[{name!r}] = found")
    lines.append(f"{indent}elif node is not None:")
    lines.append(f"{indent}    way_{members[0][0]}(source, order)")
    return lines
