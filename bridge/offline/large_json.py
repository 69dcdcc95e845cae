"""One JSON value that is too large to be decoded at once, by ``ijson``: its members one by one, then what is around
them. On the way to XML the members wait in a temporary file until that is known."""

import tempfile
from collections.abc import Iterable, Iterator
from typing import IO

import ijson
from ijson.common import ObjectBuilder

from bridge.mapping.rows import JsonObject, MappingError
from bridge.offline.to_xml import XmlWriter

__all__ = ["MEMBER_PLACES", "large_members", "write_large"]

#: Where members stand, as ijson writes paths, and what they are.
MEMBER_PLACES = {
    "payload.Orders.item": "Order",
    "Orders.item": "Order",
    "payload.OrderItems.item": "OrderItem",
    "OrderItems.item": "OrderItem",
    "AmazonEnvelope.Message.item": "Message",
}
#: A member of an array that is no document.
_BARE = "item"


class _File:
    """Pieces as a file for ijson."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = b""

    def read(self, size: int) -> bytes:
        if not self._rest and size:
            self._rest = next(self._pieces, b"")
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


def large_members(pieces: Iterable[bytes]) -> Iterator[tuple[str, JsonObject]]:
    """The members of a value, each with its path as ijson writes it; last, with an empty path, the document without
    them, unless the value is an array. Numbers with a fraction are Decimals. Raises ValueError for what is not
    JSON."""
    around = ObjectBuilder()
    builder: ObjectBuilder | None = None
    place = ""
    try:
        for prefix, event, value in ijson.parse(_File(pieces)):
            if builder is not None:
                builder.event(event, value)
                if prefix == place and event == "end_map":
                    yield place, _object(builder.value)
                    builder = None
            elif event == "start_map" and (prefix in MEMBER_PLACES or prefix == _BARE):
                place = prefix
                builder = ObjectBuilder()
                builder.event(event, value)
            else:
                around.event(event, value)
    except ijson.JSONError as error:
        raise ValueError(f"not JSON: {' '.join(str(error).split())[:100]}") from None
    if isinstance(around.value, dict):
        yield "", around.value


def write_large(pieces: Iterable[bytes], writer: XmlWriter) -> None:
    """Convert the value to ``writer``; its faults go to the writer's report."""
    with tempfile.TemporaryFile() as waiting:
        try:
            _write(pieces, writer, waiting)
        except (ValueError, TypeError) as error:
            writer.fail(str(error), "")


def _write(pieces: Iterable[bytes], writer: XmlWriter, waiting: IO[bytes]) -> None:
    ends: list[int] = []
    written = 0
    for number, (place, value) in enumerate(large_members(pieces)):
        if not place:
            writer.put_around(value, waiting, ends)
        elif place == _BARE:
            writer.put(value, f"[{number}]")
        else:
            text = writer.member_text(
                MEMBER_PLACES[place], value, f"{place.removesuffix('.item')}[{number}]"
            ).encode()
            waiting.write(text)
            written += len(text)
            ends.append(written)


def _object(value: object) -> JsonObject:
    if not isinstance(value, dict):
        raise MappingError("object expected")
    return value
