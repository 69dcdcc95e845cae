"""Places in JSON objects whose arrays are keyed by a member, as SP-API Orders v2026-01-01 has them.

The notation is that of the reference: steps separated by full stops, ``name[]`` for every member of an array,
``name[key=word]`` for the members whose ``key`` is that word, ``name[key=one|other]`` for either::

    orderAliases[aliasType=SELLER_ORDER_ID].aliasId
    proceeds.breakdowns[type=TAX].detailedBreakdowns[subtype=ITEM].value
"""

import re
from collections.abc import Callable
from functools import cache, cached_property
from typing import NamedTuple, cast

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


class Path:
    """A parsed place. ``text`` is how it was written."""

    def __init__(self, text: str, steps: tuple[PathStep, ...]) -> None:
        self.text = text
        self.steps = steps

    @cached_property
    def find(self) -> Callable[[JsonObject], list[object]]:
        """Gives every value at the place, in the arrays' order; null and what is absent left out. Raises MappingError
        where something else stands than the place needs. Made when it is first asked for."""
        return _compile(self.steps)

    @property
    def is_plain(self) -> bool:
        """Whether the place is in no array."""
        return not any(step.each for step in self.steps)

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


def _compile(steps: tuple[PathStep, ...]) -> Callable[[JsonObject], list[object]]:
    """The search for a place, written out as one function: half a dozen loops and calls for every element of every
    order, otherwise."""
    names: dict[str, object] = {"MappingError": MappingError}
    lines = ["def find(node0):", "    found = []"]
    indent = "    "

    def expect(what: str, kind: str, variable: str, place: str) -> None:
        lines.append(f"{indent}if {variable}.__class__ is not {kind}:")
        lines.append(f"{indent}    raise MappingError({f'{what} expected'!r}, {place!r})")

    place = ""
    for depth, step in enumerate(steps):
        node, value = f"node{depth}", f"node{depth + 1}"
        expect("object", "dict", node, place)
        place = f"{place}.{step.name}" if place else step.name
        lines.append(f"{indent}{value} = {node}.get({step.name!r})")
        lines.append(f"{indent}if {value} is not None:")
        indent += "    "
        if step.each:
            expect("array", "list", value, place)
            lines.append(f"{indent}for {value} in {value}:")
            indent += "    "
            lines.append(f"{indent}if {value} is None:")
            lines.append(f"{indent}    continue")
            if step.key:
                names[f"words{depth}"] = frozenset(step.words)
                expect("array of objects", "dict", value, place)
                lines.append(f"{indent}key = {value}.get({step.key!r})")
                lines.append(f"{indent}if key.__class__ is not str or key not in words{depth}:")
                lines.append(f"{indent}    continue")
    lines.append(f"{indent}found.append(node{len(steps)})")
    lines.append("    return found")
    # The text is made of places that stand in this project's own tables; no input has a part in it.
    exec("\n".join(lines), names)  # noqa: S102
    return cast("Callable[[JsonObject], list[object]]", names["find"])


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
