"""Values of the lossless mapping: wire text to JSON and back, and what an object holds that no element carries."""

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import NamedTuple, NoReturn, Self, cast
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
    "Number",
    "Typing",
    "as_it_is",
    "as_node",
    "dump",
    "json_bytes",
    "json_text",
    "load",
    "load_exact",
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


class Number(Decimal):
    """A number of JSON as it is written there: ``1e2`` stays that."""

    __slots__ = ("_text",)
    _text: str

    def __new__(cls, text: str) -> Self:
        try:
            made = super().__new__(cls, text)
        except InvalidOperation:
            raise ValueError("a number with an exponent that no number has") from None
        made._text = text
        return made

    def __str__(self) -> str:
        return self._text


#: What no number is written with, and does not part two of them.
_NO_NUMBER = bytes(sorted({*range(0x100)} - {*b"0123456789+-.eE,"}))
_ESCAPED = re.compile(rb"\\u[0-9A-Fa-f]{4}")


def load(text: bytes) -> object:
    """A JSON value of which nothing is lost: a number with a fraction is a float where that is written alike, else
    all of them are ``Number``. Raises ValueError, also for an object with two members of one name."""
    value = orjson.loads(text)
    try:
        again = orjson.dumps(value)
    except TypeError:  # deeper than it writes
        return load_exact(text)
    return value if again == text.strip() or _is_kept(text, again) else load_exact(text)


def _is_kept(text: bytes, again: bytes) -> bool:
    """Whether all of a JSON text is in what orjson has read and written ``again``. Of two members of one name it has
    the quotation marks of one; of a number that it cannot hold it has other digits."""
    if b"\\u" in text:
        text = _ESCAPED.sub(b"", text)  # an escaped digit, or quotation mark, is then one too many there
    return text.count(b'"') == again.count(b'"') and text.translate(None, _NO_NUMBER) == again.translate(
        None, _NO_NUMBER
    )


def load_exact(text: bytes | str) -> object:
    """The same, more slowly: every number with a fraction, or over 64 bits, is a ``Number``."""
    return json.loads(
        text, parse_float=Number, parse_int=_whole, parse_constant=_refuse, object_pairs_hook=_object_of
    )


def _whole(text: str) -> int | Number:
    if text == "-0" or len(text) > len(str(-(2**64))):
        return Number(text)
    number = int(text)
    return number if -(2**63) <= number < 2**64 else Number(text)


def _refuse(_: str) -> NoReturn:
    raise ValueError("not JSON")


def _object_of(pairs: list[tuple[str, object]]) -> JsonObject:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise MappingError("stands twice in one object; leave one of them out", max(names, key=names.count))
    return made


def dump(members: JsonObject) -> str:
    """Members that no element carries, as the JSON text that a record holds. Raises MappingError for what JSON text
    cannot be relied on to carry."""
    try:
        return json_bytes(members).decode()
    except TypeError:  # whole numbers over 64 bits, lone surrogates, over 254 levels
        raise MappingError("members that no element carries are too large or too deep to be kept") from None


def json_bytes(value: object) -> bytes:
    """A JSON value as text, Decimals as they are written. Raises TypeError for what orjson does not write."""
    return orjson.dumps(value, default=_number)


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
        members = load(cast("str", text).encode())
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
