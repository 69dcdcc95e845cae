"""Other values for personal ones, such that what was the same stays the same, and what differed differs.

A value is masked; where two of one field would look the same although they mean different things, they are numbered:
``xxxx (1)``, ``xxxx (2)``. A number or date that a field asks for stays one.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import orjson

from bridge.diff.differences import mask
from mws_compat.schema import (
    BOOLEAN,
    DECIMAL,
    INTEGER,
    TEXT,
    UNMAPPED,
    Attributed,
    Kind,
    ListOf,
    Node,
    Record,
    Repeated,
    Scalar,
    Struct,
    format_instant,
)

__all__ = ["with_pseudonyms"]

#: Stands in the record of an item although it is no field of it; an id is not personal.
_ORDER_ID = "AmazonOrderId"
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
#: A number as it was written: in JSON that no table knows, one that is written otherwise is another.
_DIGITS = Scalar("digits", str.strip)
_FIRST_DAY = datetime(2000, 1, 1, tzinfo=UTC)

#: What stands for a text of a kind at a place.
_Replace = Callable[[str, Scalar, str], str]


def with_pseudonyms(old: Record, new: Record, struct: Struct) -> tuple[Record, Record]:
    """The two records with other values for what is personal, and for what no table knows."""
    names = _Pseudonyms()
    for record in (old, new):
        _record(record, struct, "", names.meet, pii=False)
    return (
        _record(old, struct, "", names.name, pii=False),
        _record(new, struct, "", names.name, pii=False),
    )


class _Pseudonyms:
    """Every value has to be met before any is named."""

    def __init__(self) -> None:
        self._alike: dict[tuple[str, str], dict[str, int]] = {}

    def meet(self, place: str, kind: Scalar, text: str) -> str:
        kind, value = _value_of(kind, text)
        alike = self._alike.setdefault((place, _form(kind, value)), {})
        alike.setdefault(value, len(alike) + 1)
        return text

    def name(self, place: str, kind: Scalar, text: str) -> str:
        kind, value = _value_of(kind, text)
        form = _form(kind, value)
        alike = self._alike[place, form]
        number = alike[value]
        if kind is TEXT:
            return f"{form} ({number})" if len(alike) > 1 else form  # no mask has a 1
        if kind in (INTEGER, _DIGITS):
            return str(number)
        if kind is DECIMAL:
            return f"{number}.00"
        return value if kind is BOOLEAN else format_instant(_FIRST_DAY + timedelta(days=number))


def _value_of(kind: Scalar, text: str) -> tuple[Scalar, str]:
    """What a text means; one that is not of its kind is just a text."""
    try:
        return kind, kind.canonical(text)
    except ValueError:
        return TEXT, TEXT.canonical(text)


def _form(kind: Scalar, value: str) -> str:
    return mask(value) if kind is TEXT else kind.name


# --- walking --------------------------------------------------------------------------------------------------------


def _record(record: Record, struct: Struct, place: str, replace: _Replace, *, pii: bool) -> Record:
    fields = {field.name: field for field in struct.fields}
    out: Record = {}
    for name, node in record.items():
        field = fields.get(name)
        if field is not None:
            out[name] = _node(node, field.kind, f"{place}/{name}", replace, pii=pii or field.pii)
        elif name == UNMAPPED and isinstance(node, str):
            out[name] = orjson.dumps(_json(orjson.loads(node), f"{place}/{name}", replace)).decode()
        elif name == _ORDER_ID:
            out[name] = node
        else:
            out[name] = _unknown(node, f"{place}/{name}", replace)
    return out


def _node(node: Node, kind: Kind, place: str, replace: _Replace, *, pii: bool) -> Node:
    if isinstance(kind, ListOf | Repeated) and isinstance(node, list):
        return [_node(inner, kind.of, place, replace, pii=pii) for inner in node]
    if isinstance(kind, Struct) and isinstance(node, dict):
        return _record(node, kind, place, replace, pii=pii)
    if isinstance(kind, Attributed) and isinstance(node, dict):
        kinds = {kind.text_key: kind.of}
        return {
            name: _node(inner, kinds.get(name, TEXT), f"{place}/{name}", replace, pii=pii)
            for name, inner in node.items()
        }
    if isinstance(kind, Scalar) and isinstance(node, str):
        return replace(place, kind, node) if pii and node.strip() else node
    return _unknown(node, place, replace)  # not what the table says


def _unknown(node: Node, place: str, replace: _Replace) -> Node:
    if isinstance(node, str):
        return replace(place, TEXT, node) if node.strip() else node
    if isinstance(node, list):
        return [_unknown(inner, place, replace) for inner in node]
    return {
        name: inner if name.startswith("@xmlns") else _unknown(inner, f"{place}/{name}", replace)
        for name, inner in node.items()
    }


def _json(value: object, place: str, replace: _Replace) -> object:
    """JSON with its names, types and layout. A number and a text of the same digits are compared as equal."""
    if isinstance(value, dict):
        return {name: _json(inner, f"{place}/{name}", replace) for name, inner in value.items()}
    if isinstance(value, list):
        return [_json(inner, place, replace) for inner in value]
    if isinstance(value, bool) or value is None:
        return value
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    if not text.strip():
        return value
    digits = _NUMBER.fullmatch(text.strip()) is not None
    found = replace(place, _DIGITS if digits else TEXT, text)
    return found if isinstance(value, str) or not digits else int(found)
