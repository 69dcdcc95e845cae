"""Orders v2026-01-01 payloads as they are recorded.

The mapping tables say what a value is read for: it stays when none of that is personal and when it is of the kind
that is read there. What decides about an element without being its text (the type of an array's member, a word of a
list, an amount that is added up) stays for that reason, if it is a word or an amount and no more.
"""

import re
from functools import cache
from typing import NamedTuple, cast

from bridge.endpoint.personal import fields_of, fits, masked_json, masked_text, with_placeholder
from bridge.mapping.amounts_v2026 import detail, subtotal
from bridge.mapping.links import Link, LinkMap
from bridge.mapping.orders_v2026 import ITEM_MAP, ORDER_MAP
from bridge.mapping.paths import parse_path
from bridge.mapping.rows import JsonObject
from bridge.mapping.ways import Words
from mws_compat.schema import BOOLEAN, DATETIME, MONEY, Kind, ListOf, Scalar, Struct

__all__ = ["TOKEN", "kept_v2026"]

#: The query parameter that continues a listing.
TOKEN = "paginationToken"  # noqa: S105 - a parameter's name


def kept_v2026(answer: JsonObject, *, masked: bool) -> JsonObject:
    """The answer of a searchOrders or getOrder call as it is recorded. What is beside the orders and the dates is
    masked in any case: it could be anything, a token for example."""
    document = _document()
    if masked:
        out = cast("JsonObject", _masked(answer, [document]))
    else:
        out = {name: value if name in document.members else masked_json(value) for name, value in answer.items()}
    pagination = answer.get("pagination")
    if isinstance(pagination, dict):
        token = {name: value for name, value in pagination.items() if name == "nextToken"}
        out["pagination"] = {**cast("JsonObject", out["pagination"]), **with_placeholder(token, "nextToken")}
    return out


# --- what is read where ---------------------------------------------------------------------------------------------

_is_constant = re.compile("[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*").fullmatch


#: A word of an enumeration, where it is not an element's text.
_WORD = Scalar("word", str)

#: Places that ways read beside their link's source, and what they find there.
_BESIDE: tuple[tuple[LinkMap, str, Kind], ...] = (
    (ORDER_MAP, "salesChannel.channelName", _WORD),
    (ORDER_MAP, "orderItems[].proceeds.proceedsTotal", MONEY),
    (ITEM_MAP, "product.price.unitPrice", MONEY),
    (ITEM_MAP, "proceeds.breakdowns[].type", _WORD),
    (ITEM_MAP, subtotal("TAX").text, MONEY),
    (ITEM_MAP, detail("DISCOUNT", "ITEM").text, MONEY),
)


class _Reading(NamedTuple):
    """That a value is read: what it must be, whether what it becomes is personal, and by which words it does."""

    kind: Kind
    hidden: bool = False
    words: Words | None = None


class _Place:
    """What is read of a value, of the members of an object, and of those of an array: of all of them, or of the ones
    whose ``key`` is one of the words."""

    def __init__(self) -> None:
        self.readings: list[_Reading] = []
        self.members: dict[str, _Place] = {}
        self.each: dict[tuple[str, tuple[str, ...]], _Place] = {}

    def at(self, path: str) -> "_Place":
        """The place at a path from here; '' for this one."""
        place = self
        for step in parse_path(path).steps if path else ():
            place = place.members.setdefault(step.name, _Place())
            if step.key:
                place.each.setdefault(_EVERY, _Place()).at(step.key).read_as(_Reading(_WORD))
            if step.each:
                place = place.each.setdefault((step.key, step.words), _Place())
        return place

    def read(self, table: LinkMap, *, whole: bool) -> None:
        """Take down what a table reads; ``whole`` when all of it is personal."""
        fields = fields_of(table.struct)
        for row in table.rows:
            if isinstance(row, Link):
                field, hidden = fields[row.mws]
                place, kind = self.at(row.source), field.kind
                if isinstance(kind, ListOf):
                    kind = kind.of
                    place = place if "[" in row.source else place.each.setdefault(_EVERY, _Place())
                if kind is BOOLEAN and row.way is not None:
                    kind = _WORD  # it is told by one
                words = row.way if isinstance(row.way, Words) else None
                place.read_as(_Reading(kind, whole or hidden, words), row.via)
        for other, path, kind in _BESIDE:
            if other is table:
                self.at(path).read_as(_Reading(kind))

    def read_as(self, reading: _Reading, via: LinkMap | None = None) -> None:
        """Take down what a value is read as."""
        if reading.kind is MONEY:
            for member, money in (("currencyCode", "CurrencyCode"), ("amount", "Amount")):
                kind = fields_of(MONEY)[money][0].kind
                self.at(member).read_as(reading._replace(kind=kind))
        elif isinstance(reading.kind, Struct):
            if via is not None:
                self.read(via, whole=reading.hidden)
        elif reading not in self.readings:
            self.readings.append(reading)


_EVERY = ("", ())


@cache
def _document() -> _Place:
    """What is read of an answer of either operation."""
    document, order = _Place(), _Place()
    order.read(ORDER_MAP, whole=False)
    order.at("orderItems[]").read(ITEM_MAP, whole=False)
    document.members["order"] = order
    document.at("orders").each[_EVERY] = order
    for name in ("createdBefore", "lastUpdatedBefore"):
        document.at(name).read_as(_Reading(DATETIME))
    return document


# --- masking --------------------------------------------------------------------------------------------------------


def _masked(value: object, places: list[_Place]) -> object:
    """A value of which ``places`` tell what is read."""
    if isinstance(value, dict):
        return {
            name: _masked(inner, [place.members[name] for place in places if name in place.members])
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_masked(inner, _places_of(inner, places)) for inner in value]
    return _masked_leaf(value, [reading for place in places for reading in place.readings])


def _places_of(member: object, places: list[_Place]) -> list[_Place]:
    return [
        inner
        for place in places
        for (key, words), inner in place.each.items()
        if not key or (isinstance(member, dict) and member.get(key) in words)
    ]


def _masked_leaf(value: object, readings: list[_Reading]) -> object:
    hidden = [reading for reading in readings if reading.hidden]
    if not readings or not isinstance(value, str):
        kept = readings and not hidden and all(reading.kind is not _WORD for reading in readings)
        return value if kept else masked_json(value)
    for words in [reading.words for reading in hidden if reading.words]:
        if value in words.silent:
            return value  # it becomes no text, and another element may be told by it
        value = words.table.get(value, value)
    return masked_text(value) if hidden or not all(_fits(value, reading.kind) for reading in readings) else value


def _fits(text: str, kind: Kind) -> bool:
    return _is_constant(text) is not None if kind is _WORD else fits(text, kind)
