"""JSON objects converted by their *form*: their member names and the types of their values, at every level.

A few hundred forms serve any number of orders. The first object of a form is converted by the tables with a mark in
place of every text and number, which shows where each of them ends up; from then on an object of that form is taken
apart, and its values are put where the marks stood. So the meaning of an object is always the tables'; nothing of it
is described here.

That is right for whatever is converted alike whatever the texts and numbers are. What is not is looked at for each
object: texts that are empty, and those of members that the table has a converter for. Objects with numbers that have
a fraction are left to the tables.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from operator import itemgetter
from typing import Generic, NamedTuple, TypeVar

from bridge.mapping.rows import JsonObject

__all__ = ["FormReader", "Make", "Template", "template_of"]

_T = TypeVar("_T")
#: Makes what the caller wants of the values of an object, in the order of the object.
Make = Callable[[list[str]], _T]

#: Forms remembered, and levels of them; past it the memory starts anew.
_MAX_FORMS = 4096
_MAX_FIT = 64
_MAX_WIDTH = 512
#: So many forms are learned at first sight, others at the second; so many first sights are remembered.
_EAGER = 512
_MAX_MET = 2**16

#: Stands before the number of a value that is a text, and a quotation mark behind it, which shows where the text
#: became part of JSON text; this much is added to the number of a value that is a number.
_MARK = "\ue000"
_FIRST = 10**17
_SLOT = re.compile(rf'{_MARK}([0-9]+)(\\?)"|1([0-9]{{17}})')
_LEAVES = (str, bool, int, type(None))


class Template(NamedTuple):
    """``text`` has ``%s`` where values go, ``order`` says which; ``quoted`` are the places in ``order`` of those that
    stand in JSON text."""

    text: str
    order: list[int]
    quoted: list[int]


def template_of(text: str) -> Template:
    """The template of text that was made of a marked object."""
    order: list[int] = []
    quoted: list[int] = []

    def put(match: re.Match[str]) -> str:
        if match[2]:
            quoted.append(len(order))
        order.append(int(match[1] or match[3]))
        return "%s"

    return Template(_SLOT.sub(put, text.replace("%", "%%")), order, quoted)


class _Level(NamedTuple):
    """What is known of objects by their names, and of arrays by their length: a number that stands for them, and the
    places where objects and arrays were met."""

    number: int
    nested: tuple[int, ...]


class _Form(NamedTuple, Generic[_T]):
    """What is known of a form. ``truths`` and ``numbers`` are the places of values that are no text; ``chosen`` are
    those that a converter may change, ``fit`` are values of theirs that it does not."""

    truths: tuple[int, ...]
    numbers: tuple[int, ...]
    chosen: Callable[[list[object]], object]
    converters: list[tuple[int, Callable[[object], object]]]
    fit: set[object]
    make: Make[_T]


class _UnfitError(Exception):
    """An object whose form is not worth remembering."""


class FormReader(Generic[_T]):
    """Converts objects. ``learn(marked)`` is called once for each form; it returns what makes a T of the values of
    any object of that form, or None when there is no such thing. ``choices`` are the converters that may change a
    text, by the name of the member."""

    def __init__(
        self, learn: Callable[[JsonObject], Make[_T] | None], choices: Mapping[str, Callable[[object], object]]
    ) -> None:
        self._learn = learn
        self._choices = choices
        self._number = count()
        self._levels: dict[object, _Level] = {}
        self._forms: dict[tuple[object, ...], _Form[_T] | None] = {}
        self._met: set[int] = set()

    def read(self, source: JsonObject) -> _T | None:
        """What the object is converted to; None when the tables must see it."""
        keys: list[object] = []
        values: list[object] = []
        try:
            self._spread(source, keys, values)
        except (_UnfitError, RecursionError):
            return None
        key = (*keys, *map(type, values))
        if "" in values:
            key = (*key, *(place for place, value in enumerate(values) if value == ""))
        try:
            form = self._forms[key]
        except KeyError:
            form = self._remember(key, source)
        if form is None:
            return None
        for place in form.truths:
            values[place] = "true" if values[place] else "false"
        for place in form.numbers:
            values[place] = str(values[place])
        if form.converters:
            chosen = form.chosen(values)
            if chosen not in form.fit and not self._fits(form, values, chosen):
                return None
        return form.make(values)  # type: ignore[arg-type]  # all that are of use are text by now

    def _spread(self, node: JsonObject | list[object], keys: list[object], values: list[object]) -> None:
        """Take a node apart: what stands for its levels goes to ``keys``, its leaves to ``values``."""
        if isinstance(node, dict):
            row = list(node.values())
            names: object = tuple(node)
        else:
            row = node
            names = len(row)
        level = self._levels.get(names)
        if level is None:
            level = self._level(names, row)
        number, nested = level
        keys.append(number)
        start = 0
        for place in nested:
            inner = row[place]
            if isinstance(inner, dict | list):
                values += row[start:place]
                self._spread(inner, keys, values)
                start = place + 1
            else:
                keys.append(None)
        values += row[start:] if start else row

    def _level(self, names: object, row: list[object], known: Iterable[int] = ()) -> _Level:
        if len(row) > _MAX_WIDTH:
            raise _UnfitError
        if len(self._levels) >= _MAX_FORMS:
            self._levels.clear()
            self._forms.clear()
        nested = {place for place, node in enumerate(row) if isinstance(node, dict | list)}
        level = self._levels[names] = _Level(next(self._number), tuple(sorted(nested.union(known))))
        return level

    def _widen(self, node: object) -> None:
        """Make every object and array in the node known as one."""
        if isinstance(node, dict | list):
            row = list(node.values()) if isinstance(node, dict) else node
            names: object = tuple(node) if isinstance(node, dict) else len(node)
            level = self._levels.get(names)
            self._level(names, row, level.nested if level else ())
            for inner in row:
                self._widen(inner)

    def _remember(self, key: tuple[object, ...], source: JsonObject) -> _Form[_T] | None:
        if len(key) > _MAX_WIDTH:
            return None
        if dict in key or list in key:
            self._widen(source)  # the next one of the form is taken apart
            return None
        if len(self._forms) >= _EAGER and (mark := hash(key)) not in self._met:
            if len(self._met) >= _MAX_MET:
                self._met.clear()
            self._met.add(mark)  # learning costs as much as several readings: forms must show that they repeat
            return None
        if len(self._forms) >= _MAX_FORMS:
            self._forms.clear()
        form = self._forms[key] = self._form(source)
        return form

    def _form(self, source: JsonObject) -> _Form[_T] | None:
        leaves = list(_leaves_of(source, ""))
        if any(type(leaf) not in _LEAVES for _, leaf in leaves):
            return None
        make = self._learn(_marked(source, count()))  # type: ignore[arg-type]  # marking changes leaves alone
        if make is None:
            return None
        chosen = [place for place, (name, leaf) in enumerate(leaves) if name in self._choices and type(leaf) is str]
        return _Form(
            truths=tuple(place for place, (_, leaf) in enumerate(leaves) if type(leaf) is bool),
            numbers=tuple(place for place, (_, leaf) in enumerate(leaves) if type(leaf) is int),
            chosen=itemgetter(*chosen) if chosen else tuple,
            converters=[(place, self._choices[leaves[place][0]]) for place in chosen],
            fit=set(),
            make=make,
        )

    def _fits(self, form: _Form[_T], values: list[object], chosen: object) -> bool:
        if any(convert(values[place]) != values[place] for place, convert in form.converters):
            return False
        if len(form.fit) < _MAX_FIT:
            form.fit.add(chosen)
        return True


def _leaves_of(node: object, name: str) -> Iterator[tuple[str, object]]:
    """The leaves of a value, each with the name of its member."""
    if isinstance(node, dict):
        for key, inner in node.items():
            yield from _leaves_of(inner, key)
    elif isinstance(node, list):
        for inner in node:
            yield from _leaves_of(inner, name)
    else:
        yield name, node


def _marked(node: object, numbers: Iterator[int]) -> object:
    """The value with a mark in place of every leaf but null and empty texts."""
    if isinstance(node, dict):
        return {name: _marked(inner, numbers) for name, inner in node.items()}
    if isinstance(node, list):
        return [_marked(inner, numbers) for inner in node]
    number = next(numbers)
    if node is None or node == "":
        return node
    return f'{_MARK}{number}"' if isinstance(node, str) else _FIRST + number
