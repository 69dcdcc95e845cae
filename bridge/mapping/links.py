"""The engine under the v2026 table: rows of data that are walked in both directions.

Orders v2026-01-01 is not MWS under other names: what MWS had as an element may be one word in a list, a member of an
array picked by its type, or the sum of its items. So a Link names a place and a *way*, a symmetric pair: how the wire
text is read from what stands there, and what is put there for a wire text. A LinkMap describes a struct once and is
walked to read an answer for the endpoint (``read``) and to write JSON of a record (``write``).

Reading accepts what SP-API sends and refuses other shapes with the place named, never with the value.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple, Protocol

from bridge.mapping.paths import Path, parse_path
from bridge.mapping.rows import (
    Converter,
    JsonObject,
    MappingError,
    Unused,
    as_boolean,
    as_integer,
    as_text,
)
from mws_compat.schema import (
    BOOLEAN,
    DATETIME,
    INTEGER,
    MONEY,
    Kind,
    ListOf,
    Node,
    Record,
    Scalar,
    Struct,
    format_instant,
    parse_instant,
)

__all__ = [
    "Absolute",
    "Derived",
    "Differs",
    "First",
    "Flag",
    "Link",
    "LinkMap",
    "Lost",
    "Money",
    "Way",
    "Words",
    "as_second",
]


class Way(Protocol):
    """How a node and what stands at a place become one another."""

    def read(self, found: list[object]) -> Node | None:
        """The node of the values at the place; None for none. Raises MappingError."""

    def write(self, node: Node) -> list[object]:
        """The values to put at the place."""


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


# --- ways -----------------------------------------------------------------------------------------------------------


class _Leaf(NamedTuple):
    """One value of a scalar kind."""

    convert: Converter
    to_json: Callable[[str], object]

    def read(self, found: list[object]) -> Node | None:
        return self.convert(found[0]) if found else None

    def write(self, node: Node) -> list[object]:
        return [self.to_json(node)] if isinstance(node, str) else []


class Words(NamedTuple):
    """One word of an enumeration: JSON's → MWS's. Words that the table does not have pass; ``silent`` ones count as
    absent."""

    table: Mapping[str, str]
    silent: frozenset[str] = frozenset()

    def read(self, found: list[object]) -> Node | None:
        text = as_text(found[0]) if found else None
        return None if text is None or text in self.silent else self.table.get(text, text)

    def write(self, node: Node) -> list[object]:
        return [self.back(node)] if isinstance(node, str) else []

    def back(self, text: str) -> str:
        """JSON's word for MWS's."""
        return next((word for word, mws in self.table.items() if mws == text), text)


class Flag(NamedTuple):
    """Whether ``word`` is in a list of words."""

    word: str

    def read(self, found: list[object]) -> Node | None:
        return "true" if self.word in found else "false"

    def write(self, node: Node) -> list[object]:
        return [self.word] if node == "true" else []


class Money(NamedTuple):
    """An amount."""

    def read(self, found: list[object]) -> Node | None:
        if not found or found[0] == {}:
            return None
        value = found[0]
        if not isinstance(value, dict):
            raise MappingError("object expected")
        record = {
            name: text
            for name, member in (("CurrencyCode", "currencyCode"), ("Amount", "amount"))
            if (inner := value.get(member)) is not None and (text := _inside(member, inner)) is not None
        }
        return dict(record) or None

    def write(self, node: Node) -> list[object]:
        if not isinstance(node, dict):
            return []
        amount = {"amount": node.get("Amount"), "currencyCode": node.get("CurrencyCode")}
        return [{name: text for name, text in amount.items() if text is not None}]


class Absolute(NamedTuple):
    """An amount whose sign MWS did not write; ``negative``: JSON does."""

    negative: bool

    def read(self, found: list[object]) -> Node | None:
        node = Money().read(found)
        if isinstance(node, dict) and isinstance(amount := node.get("Amount"), str):
            node["Amount"] = amount.removeprefix("-")
        return node

    def write(self, node: Node) -> list[object]:
        values = Money().write(node)
        for value in values:
            if self.negative and isinstance(value, dict) and (amount := value.get("amount")):
                value["amount"] = amount if Decimal(amount).is_zero() else f"-{amount}"
        return values


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


class _Each(NamedTuple):
    """Every member of an array."""

    of: Way

    def read(self, found: list[object]) -> Node | None:
        nodes = [self.of.read([value]) for value in found]
        return [node for node in nodes if node] or None

    def write(self, node: Node) -> list[object]:
        return [value for inner in node for value in self.of.write(inner)] if isinstance(node, list) else []


def as_second(value: object) -> str | None:
    """A date-time as v0 wrote it: whole seconds, always ``Z``. Text that is no date-time counts as absent."""
    if not isinstance(value, str):
        raise MappingError("date-time expected")
    try:
        return format_instant(parse_instant(value))
    except ValueError:
        return None


def _boolean(text: str) -> object:
    return {"true": True, "false": False}.get(text.strip().lower(), text)


def _integer(text: str) -> object:
    try:
        return int(INTEGER.canonical(text))
    except ValueError:
        return text


_LEAVES: Mapping[str, _Leaf] = {
    BOOLEAN.name: _Leaf(as_boolean, _boolean),
    INTEGER.name: _Leaf(as_integer, _integer),
    DATETIME.name: _Leaf(as_second, str),
}
_TEXT = _Leaf(as_text, str)


def _way_of(kind: Kind, via: "LinkMap | None") -> Way:
    if kind is MONEY:
        return Money()
    if isinstance(kind, ListOf):
        return _Each(_way_of(kind.of, via))
    if isinstance(kind, Struct):
        if via is None:
            raise ValueError(f"no map for {kind.name}")
        return _Nested(via)
    return _LEAVES.get(kind.name, _TEXT) if isinstance(kind, Scalar) else _TEXT


def _inside(place: str, value: object) -> str | None:
    try:
        return as_text(value)
    except MappingError as error:
        raise error.inside(place) from None


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
    def _ways(self) -> list[tuple[str, "_Placed | Derived"]]:
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
        order = source if whole is None else whole
        record: Record = {}
        for name, way in self._ways:
            if node := way.read(source, order):
                record[name] = node
        for row in self.rows:
            if isinstance(row, Lost) and row.otherwise is not None and (text := row.otherwise(order)) is not None:
                record[row.mws] = text
        return record

    def write(self, record: Record) -> JsonObject:
        """The JSON object of a record, as far as the links lead: what else the record holds is left out."""
        target: JsonObject = {}
        self.write_into(record, target)
        return target

    def write_into(self, record: Record, target: JsonObject) -> None:
        """Put what ``write`` makes into an object."""
        for name, way in self._ways:
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
