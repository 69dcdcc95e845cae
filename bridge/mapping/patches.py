"""What one value has that another has not, and how it is put there: for JSON objects and for records.

Both are written in the shape of what they belong to, so that a person can read them; ``#absent`` lists the members
that must go.
"""

from collections.abc import Mapping

from bridge.mapping.rows import JsonObject, MappingError
from mws_compat.schema import Field, ListOf, Node, Record, Scalar, Struct

__all__ = ["ABSENT", "apply_patch", "difference", "overlay", "patch_of", "same_json"]

ABSENT = "#absent"


# --- JSON -----------------------------------------------------------------------------------------------------------


def same_json(one: object, other: object) -> bool:
    """Whether two JSON values are the same: an object's members in any order, ``1`` not being ``true``."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same_json(*pair) for pair in zip(one, other, strict=True))
    return type(one) is type(other) and one == other


def patch_of(written: Mapping[str, object], source: Mapping[str, object]) -> JsonObject:
    """What makes ``source`` of ``written``: objects member by member, anything else whole; sorted, since the order of
    the source's members is nothing that comes back. Raises MappingError where ``source`` has a member ``#absent`` of
    its own."""
    patch: JsonObject = {}
    for name, value in source.items():
        there = written.get(name)
        if name == ABSENT:
            raise MappingError("may not stand here", name)
        if name not in written:
            patch[name] = value
        elif isinstance(there, dict) and isinstance(value, dict):
            try:
                inner = patch_of(there, value)
            except MappingError as error:
                raise error.inside(name) from None
            if inner:
                patch[name] = inner
        elif not same_json(there, value):
            patch[name] = value
    if absent := sorted(name for name in written if name not in source):
        patch[ABSENT] = absent
    return dict(sorted(patch.items()))


def apply_patch(target: JsonObject, patch: Mapping[str, object]) -> None:
    """Make of ``target`` what the patch was made for; where it is another one by now, the patch's members win. Raises
    MappingError for what is no patch."""
    for name, value in patch.items():
        there = target.get(name)
        if name == ABSENT:
            for gone in _names(value):
                target.pop(gone, None)
        elif isinstance(there, dict) and isinstance(value, dict):
            apply_patch(there, value)
        else:
            target[name] = value


def _names(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise MappingError("array of names expected", ABSENT)
    return value


# --- records --------------------------------------------------------------------------------------------------------


def difference(record: Record, other: Record) -> JsonObject:
    """What ``record`` has and ``other`` has not: structs element by element, lists whole."""
    found: JsonObject = {}
    for name, node in record.items():
        there = other.get(name)
        if isinstance(node, dict) and isinstance(there, dict):
            if inner := difference(node, there):
                found[name] = inner
        elif node != there:
            found[name] = node
    absent: list[object] = [name for name in other if name not in record]
    return {**found, ABSENT: absent} if absent else found


def overlay(record: Record, found: Mapping[str, object], struct: Struct, place: str) -> Record:
    """The record that ``difference`` was asked for, from the other one. Raises MappingError where ``found`` is not of
    the struct's shape, with ``place`` before it."""
    fields = {field.name: field for field in struct.fields}
    made = dict(record)
    for name, value in found.items():
        if name == ABSENT:
            try:
                gone = _names(value)
            except MappingError as error:
                raise error.inside(place) from None
            made = {name: node for name, node in made.items() if name not in gone}
        elif name not in fields:
            raise MappingError(f"only elements of {struct.name} may stand here", place)
        else:
            made[name] = _node(made.get(name), value, fields[name], f"{place}.{name}")
    return made


def _node(there: Node | None, value: object, field: Field, place: str) -> Node:
    kind = field.kind
    if isinstance(kind, ListOf):
        if not isinstance(value, list):
            raise MappingError("array expected", place)
        return [_leaf_or_struct(None, inner, kind.of, f"{place}[{number}]") for number, inner in enumerate(value)]
    assert isinstance(kind, Scalar | Struct)  # noqa: S101 - orders and items are made of nothing else
    return _leaf_or_struct(there, value, kind, place)


def _leaf_or_struct(there: Node | None, value: object, kind: Scalar | Struct, place: str) -> Node:
    if isinstance(kind, Struct):
        if not isinstance(value, dict):
            raise MappingError("object expected", place)
        return overlay(there if isinstance(there, dict) else {}, value, kind, place)
    if not isinstance(value, str):
        raise MappingError("text expected", place)
    return value
