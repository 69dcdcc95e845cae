"""Values of the lossless mapping: wire text to JSON and back, and what an object holds that no element carries."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple, cast
from urllib.parse import unquote

import orjson

from bridge.mapping.rows import JsonObject, MappingError
from mws_compat.schema import BOOLEAN, DATETIME, DECIMAL, INTEGER, TEXT, UNMAPPED, Node, Scalar, parse_instant

__all__ = [
    "OWN_CELL",
    "VERBATIM",
    "Cell",
    "InexactError",
    "Leaf",
    "Typing",
    "as_it_is",
    "as_node",
    "dump",
    "json_text",
    "merge",
    "put_back",
]

_MAX_DEPTH = 100


class Cell(NamedTuple):
    """Where a text stands: its ``kind`` (None: kept verbatim), whether live payloads have it ``quoted``, and the
    element's ``name``."""

    kind: Scalar | None
    quoted: bool = False
    name: str = ""


#: Wire text → JSON value.
Leaf = Callable[[str, Cell], object]
#: What is kept as it is.
VERBATIM = Cell(None)
#: An element that only MWS had.
OWN_CELL = Cell(TEXT)

_BLANK = " \t\r\n"
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}").fullmatch


class Typing:
    """Gives wire text the JSON type that v0 has for it, without the white space around it. Text that is not of its
    kind stays text, and ``odd`` gets the element's name."""

    def __init__(self) -> None:
        self.odd: list[str] = []

    def __call__(self, text: str, cell: Cell) -> object:
        kind = cell.kind
        if kind is None:
            return text
        text = text.strip(_BLANK)
        if not text:
            return text
        if kind is BOOLEAN:
            word = text.lower()
            if word in {"true", "false"}:
                return word if cell.quoted else word == "true"
        elif kind is INTEGER:
            if _INTEGER(text):
                return str(int(text)) if cell.quoted else int(text)
        elif kind is DATETIME:
            decoded = unquote(text) if "%" in text else text  # as Amazon's old documentation prints its dates
            if _is(parse_instant, decoded):
                return decoded
        elif kind is not DECIMAL or _is(DECIMAL.canonical, text):
            return text
        self.odd.append(cell.name)
        return text


def _is(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


class InexactError(ValueError):
    """A number with a fraction stands where its exact text is needed: the JSON must be decoded with such numbers as
    text (``json.loads(…, parse_float=str)``), since a float may not be what was written."""


def dump(members: JsonObject) -> str:
    """Members that no element carries, as the JSON text that a record holds. Raises MappingError for what JSON text
    cannot be relied on to carry."""
    try:
        return orjson.dumps(members, default=_number).decode()
    except TypeError:  # whole numbers over 64 bits, lone surrogates, over 254 levels
        raise MappingError("members that no element carries are too large or too deep to be kept") from None


def json_text(text: str) -> str:
    """Text as it stands between quotation marks in what ``dump`` writes."""
    return orjson.dumps(text).decode()[1:-1]


def _number(value: object) -> orjson.Fragment:
    if not isinstance(value, Decimal):
        raise TypeError
    return orjson.Fragment(str(value).encode())


def put_back(target: JsonObject, text: Node) -> None:
    """``merge`` what ``dump`` made."""
    try:
        members = orjson.loads(cast("str", text))
    except ValueError:
        members = None
    if not isinstance(members, dict):
        raise MappingError("JSON object expected", UNMAPPED)
    merge(target, members)


def merge(target: JsonObject, members: Mapping[str, object]) -> None:
    """Put members back where ``take`` found them. Raises MappingError where something else stands, or nothing does
    that they could go into."""
    for name, value in members.items():
        there = target.get(name)
        if isinstance(there, list) and isinstance(value, dict):
            places = {str(place): inner for place, inner in enumerate(there)}
            there = places if value.keys() <= places.keys() else there
        if isinstance(there, dict) and isinstance(value, dict):
            merge(there, value)
        elif name in target:
            raise MappingError("what no element carries has no place beside the elements", name)
        else:
            target[name] = value


def as_it_is(node: Node, leaf: Leaf, cell: Cell) -> object:
    """A node of a record as JSON of the same shape."""
    if isinstance(node, str):
        return leaf(node, cell)
    if isinstance(node, list):
        return [as_it_is(inner, leaf, cell) for inner in node]
    return {name: as_it_is(inner, leaf, cell) for name, inner in node.items()}


def as_node(value: object, place: str, depth: int = 0) -> Node:
    """A JSON value as a node of a record. Raises MappingError where it is not made of text, objects and arrays, or of
    more than 100 levels of them."""
    if isinstance(value, str):
        return value
    if depth > _MAX_DEPTH:
        raise MappingError(f"deeper than {_MAX_DEPTH} levels", place)
    if isinstance(value, dict):
        return {name: as_node(inner, f"{place}.{name}", depth + 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [as_node(inner, f"{place}[{number}]", depth + 1) for number, inner in enumerate(value)]
    raise MappingError("text, object or array expected", place)
