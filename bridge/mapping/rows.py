"""The engine under the mapping tables: rows of data that say which JSON field an MWS element comes from.

A table describes each struct of ``mws_compat.orders`` once: a Row for every element that has a source, an Omitted
for every one that has none (with the reason), and an Unused for every JSON field that no MWS element carries. Reading
is the same walk for all of them.

JSON arrives as SP-API sends it, which is not quite as its model says: booleans and integers as strings, null, empty
strings and empty objects for absent values, lists still wrapped as MWS wrapped them. The converters accept what was
seen and refuse the rest with the place named, never with the value: values can be personal.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, cached_property
from typing import NamedTuple, cast

from mws_compat.schema import (
    BOOLEAN,
    DATETIME,
    INTEGER,
    MONEY,
    Field,
    ListOf,
    Node,
    Record,
    Scalar,
    Struct,
    format_instant,
    parse_instant,
)

__all__ = [
    "Converter",
    "JsonObject",
    "MappingError",
    "Omitted",
    "Row",
    "StructMap",
    "Unused",
    "as_boolean",
    "as_choice",
    "as_instant",
    "as_integer",
    "as_text",
    "nested_struct",
]

#: A decoded JSON object, as it came over the wire: nothing about its values is known yet.
JsonObject = dict[str, object]
#: JSON value → wire text, or None when the value means "absent". Raises MappingError when it is neither.
Converter = Callable[[object], str | None]


class MappingError(ValueError):
    """A JSON document that is not of the shape that its API promises. ``place`` is the path to the field; the message
    holds no value."""

    def __init__(self, problem: str, place: str = "") -> None:
        self.place = place
        self.problem = problem
        super().__init__(f"{place}: {problem}" if place else problem)

    def inside(self, outer: str) -> "MappingError":
        """The same fault, seen from one level further out."""
        joint = "." if self.place and not self.place.startswith("[") else ""
        return MappingError(self.problem, f"{outer}{joint}{self.place}")


# --- converters -------------------------------------------------------------------------------------------------


def as_text(value: object) -> str | None:
    """Text as it is; whole numbers as digits. No float ever becomes text: money must not pass through one."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise _wrong("text", value)


def as_boolean(value: object) -> str | None:
    """``true`` or ``false`` from a JSON boolean or from its name as a string in any case, as live payloads have
    it."""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, str):
        word = value.strip().lower()
        if word in {"true", "false"}:
            return word
        if not word:
            return None
    raise _wrong("boolean", value)


_DIGITS = re.compile(r"[+-]?[0-9]{1,18}").fullmatch


def as_integer(value: object) -> str | None:
    """Plain digits from a JSON integer or from a string of digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str):
        digits = value.strip()
        if _DIGITS(digits):
            return str(int(digits))
        if not digits:
            return None
    raise _wrong("integer", value)


# Only dates that exist: what passes here is written as it is. The 29th of February goes to the parser.
_MWS_INSTANT = (
    r"(?!0000)[0-9]{4}-"
    r"(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{3})?Z"
)


@cache
def _is_mws_instant() -> Callable[[str], re.Match[str] | None]:
    """Whether a text is a date-time as MWS wrote it. Compiled when it is asked: the converter reads no payload."""
    return re.compile(_MWS_INSTANT).fullmatch


def as_instant(value: object) -> str | None:
    """A date-time as MWS wrote it, always ``Z``. Text that is no date-time counts as absent: Amazon's own sandbox
    answers ``1.569521782042E9``, and an old parser must never see that."""
    if not isinstance(value, str):
        raise _wrong("date-time", value)
    if _is_mws_instant()(value):
        return value
    try:
        instant = parse_instant(value)
    except ValueError:
        return None
    return format_instant(instant, milliseconds=bool(instant.microsecond))


def as_choice(table: Mapping[str, str]) -> Converter:
    """A converter that spells some values otherwise and lets every other one pass."""

    def convert(value: object) -> str | None:
        text = as_text(value)
        return text if text is None else table.get(text, text)

    return convert


def _wrong(expected: str, value: object) -> MappingError:
    names = {dict: "object", list: "array", str: "other text", bool: "boolean", type(None): "null"}
    return MappingError(f"{expected} expected, {names.get(type(value), 'number')} found")


# --- tables -----------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """Element ``mws`` of the struct comes from ``source``, a path of object members separated by full stops.

    ``convert`` overrides what the element's kind says; ``via`` describes the struct of a nested element or of a
    list's members; ``restricted`` marks what SP-API gives only to applications with a role for personal data;
    ``quoted`` marks booleans and integers that live payloads carry as strings.
    """

    mws: str
    source: str
    convert: Converter | None = None
    via: "StructMap | None" = None
    restricted: bool = False
    quoted: bool = False
    note: str = ""


class Omitted(NamedTuple):
    """Element ``mws`` has no source. ``otherwise`` computes what is written instead, from the whole JSON object."""

    mws: str
    reason: str
    otherwise: Callable[[JsonObject], str | None] | None = None


class Unused(NamedTuple):
    """JSON path ``source`` that no MWS element carries."""

    source: str
    reason: str


Read = Callable[[object], Node | None]


def nested_struct(parent: Struct, name: str) -> Struct:
    """The struct of a nested element, or of a nested list's members."""
    kind = next(field.kind for field in parent.fields if field.name == name)
    kind = kind.of if isinstance(kind, ListOf) else kind
    assert isinstance(kind, Struct)  # noqa: S101 - a table that names a leaf here is wrong at import
    return kind


class StructMap:
    """How one MWS struct is read from one kind of JSON object.

    Raises ValueError at construction when the rows do not cover the struct's fields exactly once each.
    """

    def __init__(self, struct: Struct, rows: Iterable[Row | Omitted], unused: Iterable[Unused] = ()) -> None:
        self.struct = struct
        self.rows = tuple(rows)
        self.unused = tuple(unused)
        fields = {field.name: field for field in struct.fields}
        if sorted(row.mws for row in self.rows) != sorted(fields):
            listed = {row.mws for row in self.rows}
            wrong = sorted(listed ^ fields.keys()) or ["an element twice"]
            raise ValueError(f"mapping of {struct.name}: {', '.join(wrong)}")

    @cached_property
    def read(self) -> Callable[[JsonObject], Record]:
        """Gives the record of one JSON object. Raises MappingError, naming the place, for a value of the wrong type.
        Made when it is first asked for: not everyone who imports a table reads live payloads."""
        return _compile(self)


# --- compilation ------------------------------------------------------------------------------------------------
#
# A table is read through one Python function, written from its rows when the table is made. For every row it takes
# the member and, where the value is of the type that it nearly always is, puts it into the record on the spot; any
# other value goes to the row's converter, whose answer is the same. Half the time of a walk over the rows.

#: How a value that needs no converter is recognised, and what is written for it.
_SHORT_WAYS: Mapping[Converter, tuple[str, str]] = {
    as_text: ("value.__class__ is str and value", "value"),
    as_boolean: ("value is False", "'false'"),
    as_integer: ("value.__class__ is int", "str(value)"),
    as_instant: ("value.__class__ is str and is_instant(value)", "value"),
}


def _compile(table: StructMap) -> Callable[[JsonObject], Record]:
    fields = {field.name: field for field in table.struct.fields}
    names: dict[str, object] = {
        "is_instant": _is_mws_instant(),
        "convert": _convert,
        "descend": _descend,
        "MappingError": MappingError,
    }
    lines = ["def read(source):", "    record = {}"]
    groups: dict[str, list[tuple[Row, str]]] = {}
    for row in table.rows:
        if isinstance(row, Row):
            path, _, key = row.source.rpartition(".")
            groups.setdefault(path, []).append((row, key))
    for path, rows in groups.items():
        lines.append(f"    node = descend(source, {path.split('.')!r})" if path else "    node = source")
        lines.append("    if node:")
        lines.append("        get = node.get")
        for row, key in rows:
            read = _reader_of(row, fields[row.mws])
            names[f"read_{row.mws}"] = read
            lines.append(f"        value = get({key!r})")
            if isinstance(fields[row.mws].kind, Struct):
                names[f"nested_{row.mws}"] = (row.via or _MONEY_MAP).read
                lines.append("        if value.__class__ is dict:")
                lines.append("            try:")
                lines.append(f"                nested = nested_{row.mws}(value)")
                lines.append("            except MappingError as error:")
                lines.append(f"                raise error.inside({row.source!r}) from None")
                lines.append("            if nested:")
                lines.append(f"                record[{row.mws!r}] = nested")
                lines.append("        elif value is not None:")
            elif short_way := _SHORT_WAYS.get(cast("Converter", read)):
                condition, written = short_way
                lines.append(f"        if {condition}:")
                lines.append(f"            record[{row.mws!r}] = {written}")
                lines.append("        elif value is not None:")
            else:
                lines.append("        if value is not None:")
            lines.append(f"            convert(read_{row.mws}, {row.mws!r}, {row.source!r}, value, record)")
    for row in table.rows:
        if isinstance(row, Omitted) and row.otherwise is not None:
            names[f"compute_{row.mws}"] = row.otherwise
            lines.append(f"    if (text := compute_{row.mws}(source)) is not None:")
            lines.append(f"        record[{row.mws!r}] = text")
    lines.append("    return record")
    # The text is made of names that stand in this project's own tables; no input has a part in it.
    exec("\n".join(lines), names)  # noqa: S102
    return cast("Callable[[JsonObject], Record]", names["read"])


def _convert(read: "Read", name: str, source: str, value: object, record: Record) -> None:
    try:
        found = read(value)
    except MappingError as error:
        raise error.inside(source) from None
    if found:
        record[name] = found


def _descend(node: JsonObject, path: Sequence[str]) -> JsonObject | None:
    """The object at ``path``, None where it is absent, null or an empty string."""
    for depth, step in enumerate(path, 1):
        inner = node.get(step)
        if inner is None or inner == "":
            return None
        if not isinstance(inner, dict):
            raise _wrong("object", inner).inside(".".join(path[:depth]))
        node = inner
    return node


def _reader_of(row: Row, field: Field) -> Read:
    """What turns a row's JSON value into its node; a falsy result means absent."""
    if isinstance(field.kind, Struct):
        return _struct_reader(row.via or _MONEY_MAP)
    if isinstance(field.kind, ListOf):
        return _list_reader(field.kind, row.via)
    by_kind: dict[str, Converter] = {
        BOOLEAN.name: as_boolean,
        INTEGER.name: as_integer,
        DATETIME.name: as_instant,
    }
    name = field.kind.name if isinstance(field.kind, Scalar) else ""  # envelopes are not read from live payloads
    return row.convert or by_kind.get(name, as_text)


def _struct_reader(via: StructMap) -> Read:
    def read(value: object) -> Node | None:
        if isinstance(value, dict):
            return via.read(value)
        if value == "":
            return None
        raise _wrong("object", value)

    return read


def _list_reader(kind: ListOf, via: StructMap | None) -> Read:
    read_member: Read = as_text if via is None else _struct_reader(via)

    def read(value: object) -> Node | None:
        if isinstance(value, dict) and list(value) == [kind.member]:
            value = value[kind.member]  # still wrapped as in MWS: seen in SP-API's first releases
            value = value if isinstance(value, list) else [value]
        if value in ("", {}):
            return None
        if not isinstance(value, list):
            raise _wrong("array", value)
        members: list[Node] = []
        for place, item in enumerate(value):
            try:
                member = None if item is None else read_member(item)
            except MappingError as error:
                raise error.inside(f"[{place}]") from None
            if member:
                members.append(member)
        return members

    return read


_MONEY_MAP = StructMap(MONEY, (Row("CurrencyCode", "CurrencyCode"), Row("Amount", "Amount")))
