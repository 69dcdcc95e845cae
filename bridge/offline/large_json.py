"""One JSON value that is too large to be decoded at once, by ``ijson``: its members one by one, then what is around
them. On the way to XML the members wait in a temporary file until that is known."""

import re
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO

import ijson
from ijson.common import ObjectBuilder

from bridge.mapping.rows import JsonObject, MappingError
from bridge.offline.json_values import GENERIC_ROOTS, problem_of
from bridge.offline.to_xml import XmlWriter

__all__ = ["NEWER", "large_members", "write_large"]

#: An order of v2026-01-01, which may hold its items.
NEWER = "orders"
#: Where members stand, and what they are: names from the outermost on, None for the members of an array. In an array
#: that is no document's, each object says for itself what it is.
_PLACES: dict[tuple[str | None, ...], str] = {
    ("payload", "Orders", None): "Order",
    ("payload", "Orders", "Order", None): "Order",
    ("Orders", None): "Order",
    ("Orders", "Order", None): "Order",
    ("payload", "OrderItems", None): "OrderItem",
    ("payload", "OrderItems", "OrderItem", None): "OrderItem",
    ("OrderItems", None): "OrderItem",
    ("OrderItems", "OrderItem", None): "OrderItem",
    ("AmazonEnvelope", "Message", None): "Message",
    ("AmazonEnvelope", "Message", "Message", None): "Message",
    ("orders", None): NEWER,
    (None,): "",
}
_DEEPEST_PLACE = max(map(len, _PLACES))
#: As deep as orjson writes.
_MAX_DEPTH = 254
#: What of yajl's complaints is about JSON and not of the text.
_COMPLAINT = re.compile(r"(?:b')?((?:lexical|parse) error: [\w ,'-]*\w)")


#: Python converts numbers of up to 4,300 digits. That one has more, ijson 3.6 notices too late: it crashes.
_MAX_DIGITS = 4000
_SLICE = 2**18
_LONG_NUMBER = re.compile(rb"(?<![0-9])[0-9]{%d}" % _MAX_DIGITS)


class _File:
    """Pieces as a file for ijson."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = (piece[at : at + _SLICE] for piece in pieces for at in range(0, len(piece), _SLICE))
        self._rest = b""
        self._end = b""

    def read(self, size: int) -> bytes:
        if not self._rest and size:
            self._rest = next(self._pieces, b"")
            if _LONG_NUMBER.search(self._rest) or _LONG_NUMBER.search(self._end + self._rest[:_MAX_DIGITS]):
                raise ValueError(f"a number of {_MAX_DIGITS} digits or more")
            self._end = (self._end + self._rest[-_MAX_DIGITS:])[-_MAX_DIGITS:]
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


def _events(pieces: Iterable[bytes]) -> Iterator[tuple[str, object]]:
    try:
        yield from ijson.basic_parse(_File(pieces))
    except ijson.JSONError as error:
        complaint = _COMPLAINT.match(str(error).partition("\n")[0].partition("\\n")[0])
        raise ValueError(f"not JSON: {complaint[1]}" if complaint else "not JSON") from None
    except ArithmeticError:
        raise ValueError("a number with an exponent that no number has") from None


def large_members(pieces: Iterable[bytes]) -> Iterator[tuple[str, str, JsonObject]]:
    """The members of a value: what each is ('' where it must say so itself), its place, the object; last, without a
    place, the document without them, unless the value is an array. Numbers with a fraction are Decimals. Raises
    ValueError for what is not JSON or is nested too deeply."""
    around = ObjectBuilder()
    builder: ObjectBuilder | None = None
    member = place = ""
    counts: dict[str, int] = {}
    outside = 0
    where: list[str | None] = []  # the name at hand in each open object, None for each open array
    names: list[set[str]] = []  # those of each of them that were met
    for event, value in _events(pieces):
        if event == "map_key":
            where[-1] = str(value)
            if value in names[-1]:
                raise MappingError("stands twice in one object; leave one of them out", str(value))
            names[-1].add(str(value))
            if len(where) == 1 and value in GENERIC_ROOTS:
                raise MappingError("xmltodict's notation can be read up to 32 MiB", str(value))
        elif event in {"end_map", "end_array"}:
            where.pop()
            names.pop()
        else:
            if builder is None and len(where) <= _DEEPEST_PLACE and (found := _PLACES.get(tuple(where))) is not None:
                name = ".".join(step for step in where if step)
                counts[name] = counts.get(name, -1) + 1
                place = f"{name}[{counts[name]}]"
                if event == "start_map":
                    member, outside, builder = found, len(where), ObjectBuilder()
                elif not name:
                    raise MappingError("object expected", place)
            if event in {"start_map", "start_array"}:
                where.append("" if event == "start_map" else None)
                names.append(set())
                if len(where) > _MAX_DEPTH:
                    raise ValueError("nested too deeply")
        if builder is None:
            around.event(event, value)
            continue
        builder.event(event, value)
        if len(where) == outside:
            yield member, place, builder.value
            builder = None
    if isinstance(around.value, dict):
        yield "", "", around.value


def write_large(pieces: Iterable[bytes], writer: XmlWriter) -> None:
    """Convert the value to ``writer``; its faults go to the writer's report."""
    with tempfile.TemporaryFile() as waiting, tempfile.TemporaryFile() as behind:
        try:
            _write(pieces, writer, waiting, behind)
        except (ValueError, TypeError, RecursionError) as error:
            writer.fail(problem_of(error), "")


def _write(pieces: Iterable[bytes], writer: XmlWriter, waiting: IO[bytes], behind: IO[bytes]) -> None:
    ends: list[int] = []
    written = 0
    lists: set[tuple[str, str]] = set()
    items: list[int] = []
    for member, place, value in large_members(pieces):
        writer.tell_forbidden(value, place)
        if not place:
            if len(lists) > 1:
                raise MappingError("lists of members in more than one place")
            writer.put_around(value, next(iter(lists), ("", ""))[1], waiting, ends)
            writer.put_behind(behind, items)
        elif not member:
            writer.put(value, place)
        else:
            if member == NEWER:
                text, document = writer.order_text(value, place)
                if document is not None:
                    behind.write("".join(document.frame("".join(document.texts))).encode())
                    items.append(len(document.texts))
            else:
                text = writer.member_text(member, value, place)
            data = text.encode()
            lists.add((place.partition("[")[0], member))
            waiting.write(data)
            written += len(data)
            ends.append(written)
