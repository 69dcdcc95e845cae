"""Places in JSON objects whose arrays are keyed by a member, as SP-API Orders v2026-01-01 has them.

The notation is that of the reference: steps separated by full stops, ``name[]`` for every member of an array,
``name[key=word]`` for the members whose ``key`` is that word, ``name[key=one|other]`` for either::

    orderAliases[aliasType=SELLER_ORDER_ID].aliasId
    proceeds.breakdowns[type=TAX].detailedBreakdowns[subtype=ITEM].value
"""

import re
from functools import cache
from typing import NamedTuple

from bridge.mapping.rows import JsonObject, MappingError

__all__ = ["Path", "PathStep", "parse_path"]

_STEP = re.compile(r"(\w+)(?:(\[)(?:(\w+)=(\w+(?:\|\w+)*))?\])?")


class PathStep(NamedTuple):
    """A member ``name``; of its array every member when ``each``, with ``key`` only those whose ``key`` is one of
    ``words``."""

    name: str
    each: bool = False
    key: str = ""
    words: tuple[str, ...] = ()


class Path(NamedTuple):
    """A parsed place. ``text`` is how it was written."""

    text: str
    steps: tuple[PathStep, ...]

    def find(self, source: JsonObject) -> list[object]:
        """Every value at the place, in the arrays' order; null and what is absent left out. Raises MappingError where
        something else stands than the place needs."""
        found: list[object] = [source]
        place = ""
        for step in self.steps:
            found = [value for node in found for value in _inside(node, step, place)]
            place = f"{place}.{step.name}" if place else step.name
        return found

    def put(self, target: JsonObject, value: object) -> None:
        """Make ``value`` stand at the place: in the first member that fits, which is made where there is none, and
        at ``name[]`` in a new one. What stands there already is replaced; an object is added to instead."""
        node = target
        for step in self.steps[:-1]:
            node = _made(node, step)
        last = self.steps[-1]
        if last.each:
            members = node.setdefault(last.name, [])
            assert isinstance(members, list)  # noqa: S101 - only put writes here
            members.append(value)
            return
        there = node.get(last.name)
        if isinstance(there, dict) and isinstance(value, dict):
            there.update(value)
        else:
            node[last.name] = value


@cache
def parse_path(text: str) -> Path:
    """The place that ``text`` names. Raises ValueError."""
    steps = []
    for part in re.split(r"\.(?![^\[]*\])", text):
        match = _STEP.fullmatch(part)
        if match is None:
            raise ValueError(f"not a path: {text}")
        name, bracket, key, words = match.groups()
        steps.append(PathStep(name, bool(bracket), key or "", tuple(words.split("|")) if words else ()))
    return Path(text, tuple(steps))


def _inside(node: object, step: PathStep, place: str) -> list[object]:
    if not isinstance(node, dict):
        raise MappingError("object expected", place)
    value = node.get(step.name)
    if value is None:
        return []
    if not step.each:
        return [value]
    inner = f"{place}.{step.name}" if place else step.name
    if not isinstance(value, list):
        raise MappingError("array expected", inner)
    members = [member for member in value if member is not None]
    if not step.key:
        return members
    if not all(isinstance(member, dict) for member in members):
        raise MappingError("array of objects expected", inner)
    return [member for member in members if member.get(step.key) in step.words]


def _made(node: JsonObject, step: PathStep) -> JsonObject:
    """The object that a step leads into, made where there is none."""
    if not step.each:
        inner = node.setdefault(step.name, {})
        assert isinstance(inner, dict)  # noqa: S101 - only put writes here
        return inner
    members = node.setdefault(step.name, [])
    assert isinstance(members, list)  # noqa: S101
    for member in members:
        if step.key and isinstance(member, dict) and member.get(step.key) in step.words:
            return member
    made: JsonObject = {step.key: step.words[0]} if step.key else {}
    members.append(made)
    return made
