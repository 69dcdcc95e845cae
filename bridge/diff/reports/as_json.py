"""One JSON object: ``summary``, ``places``, ``differences``. Its keys are a promise to programs.

``summary``      ``View.summary``'s
``places``       what differs most, of every verdict: ``change``, ``spot``, ``verdict``, ``reason``, ``count``, and
                 ``example``, a difference
``differences``  each with ``change``, ``path``, ``spot``, ``record``, ``old``, ``new`` (null where a side has
                 nothing), ``masked`` (the values are not shown as they are, and may look the same), ``verdict``,
                 ``reason``, ``old_source``, ``new_source``; those that count come first
"""

import json
from typing import TextIO

import orjson

from bridge.diff.differences import Difference, Verdict
from bridge.diff.reports.view import View

__all__ = ["difference_object", "json_line", "write"]


def write(view: View, out: TextIO) -> None:
    """Write the object, a difference a line."""
    tally = view.tally
    places = [
        {
            "change": place.change,
            "spot": place.spot,
            "verdict": place.verdict,
            "reason": place.reason,
            "count": place.count,
            "example": difference_object(view, place.example),
        }
        for verdict in Verdict
        for place in tally.places(verdict)
    ]
    out.write(f'{{"summary":{json_line(view.summary())},\n"places":[')
    _write_all(places, out)
    out.write('],\n"differences":[')
    _write_all([difference_object(view, difference) for difference in (*tally.details, *tally.others)], out)
    out.write("]}\n")


def _write_all(objects: list[dict[str, object]], out: TextIO) -> None:
    out.writelines(f"{',' if number else ''}\n{json_line(found)}" for number, found in enumerate(objects))


def difference_object(view: View, difference: Difference) -> dict[str, object]:
    """What stands for a difference."""
    found = view.row(difference)._asdict()
    del found["place"], found["kind"]  # they follow from the path, the spot and the record
    return found


def json_line(value: object) -> str:
    """A value as JSON in one line, in which what cannot be seen is escaped: it may be read at a terminal. Halves of
    characters, which no JSON text can hold, become escapes of Python's."""
    try:
        line = orjson.dumps(value).decode()
    except TypeError:
        line = orjson.dumps(_encodable(value)).decode()
    return line if line.isprintable() else "".join(map(_escape, line))


def _escape(character: str) -> str:
    return character if character.isprintable() else json.dumps(character)[1:-1]


def _encodable(value: object) -> object:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {_encodable(name): _encodable(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(inner) for inner in value]
    return value
