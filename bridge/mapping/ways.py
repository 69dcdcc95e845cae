"""Ways: how what stands at a place of Orders v2026-01-01 and the wire text of MWS become one another, in symmetric
pairs. Reading accepts what SP-API sends and refuses other types, never showing the value."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

from bridge.mapping.rows import Converter, MappingError, as_boolean, as_integer, as_text
from mws_compat.schema import (
    BOOLEAN,
    DATETIME,
    DECIMAL,
    INTEGER,
    Node,
    format_instant,
    parse_instant,
)

__all__ = ["LEAVES", "TEXT_LEAF", "Absolute", "Each", "Flag", "Leaf", "Money", "Way", "Words", "as_second"]


class Way(Protocol):
    """How a node and what stands at a place become one another."""

    def read(self, found: list[object]) -> Node | None:
        """The node of the values at the place; None for none. Raises MappingError."""

    def write(self, node: Node) -> list[object]:
        """The values to put at the place."""


class Leaf(NamedTuple):
    """One value of a scalar kind."""

    convert: Converter
    to_json: Callable[[str], object]

    def read(self, found: list[object]) -> Node | None:
        return self.convert(found[0]) if found else None

    def write(self, node: Node) -> list[object]:
        return [self.to_json(node)] if isinstance(node, str) else []


class Words(NamedTuple):
    """One word of an enumeration: JSON's → MWS's. Words that the table does not have pass; ``silent`` ones count as
    absent. ``gone`` are MWS's words that JSON has none of its own for, with what is written for them."""

    table: Mapping[str, str]
    silent: frozenset[str] = frozenset()
    gone: Mapping[str, str] = MappingProxyType({})

    def read(self, found: list[object]) -> Node | None:
        text = as_text(found[0]) if found else None
        return None if text is None or text in self.silent else self.table.get(text, text)

    def write(self, node: Node) -> list[object]:
        return [self.gone.get(node) or self.back(node)] if isinstance(node, str) else []

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
            if self.negative and isinstance(value, dict) and isinstance(amount := value.get("amount"), str):
                value["amount"] = _negated(amount)
        return values


def _negated(amount: str) -> str:
    """The amount with a sign, unless it is zero, has one, or is none."""
    try:
        plain = DECIMAL.canonical(amount)
    except ValueError:
        return amount
    return amount if plain == "0" or amount.strip()[0] in "+-" else f"-{amount.strip()}"


class Each(NamedTuple):
    """Every member of an array."""

    of: Way

    def read(self, found: list[object]) -> Node | None:
        nodes = [self.of.read([value]) for value in found]
        return [node for node in nodes if node] or None

    def write(self, node: Node) -> list[object]:
        return [value for inner in node for value in self.of.write(inner)] if isinstance(node, list) else []


def _inside(place: str, value: object) -> str | None:
    try:
        return as_text(value)
    except MappingError as error:
        raise error.inside(place) from None


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


LEAVES: Mapping[str, Leaf] = {
    BOOLEAN.name: Leaf(as_boolean, _boolean),
    INTEGER.name: Leaf(as_integer, _integer),
    DATETIME.name: Leaf(as_second, str),
}
TEXT_LEAF = Leaf(as_text, str)
