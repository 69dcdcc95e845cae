"""JSON values that are about to become XML: what they are, and what of them no table knows."""

import json
import re
from collections.abc import Iterator

from bridge.mapping.cells import InexactError, load, load_exact
from bridge.mapping.documents_v0 import ENVELOPE_KEY, member_of
from bridge.mapping.orders_v0 import ITEM_MAP, ORDER_MAP
from bridge.mapping.rows import JsonObject, MappingError, Row, StructMap
from bridge.mapping.versions import PATCH
from mws_compat.documents import DOCUMENTS, DocumentKind

__all__ = [
    "GENERIC_ROOTS",
    "UNUSED",
    "check_generic",
    "decode",
    "forbidden",
    "generic_kind",
    "is_as_alone",
    "lone_member",
    "problem_of",
    "strangers",
]

#: Roots that stand alone in an object of the generic form. Envelopes are called alike in both forms.
GENERIC_ROOTS = frozenset(name for name in DOCUMENTS if name != ENVELOPE_KEY)


def decode(text: bytes, *, exact: bool = False) -> object:
    """A JSON value. ``exact``: no number is a float. Raises ValueError."""
    return load_exact(text) if exact else load(text)


#: In JSON text, what may be a character that XML forbids.
_SUSPECT = re.compile(rb"\\(?:u(?:00[01]|[fF]{3}[eEfF])|[bf])|\xef\xbf[\xbe\xbf]")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def forbidden(value: object, text: bytes | None = None) -> Iterator[str]:
    """Paths of the texts in a value that hold a character that XML cannot hold. ``text`` is the value as JSON: where
    it has no such character, nothing is looked at."""
    if text is None or ((b"\\" in text or b"\xef\xbf" in text) and _SUSPECT.search(text)):
        yield from _forbidden(value, "")


def _forbidden(value: object, place: str) -> Iterator[str]:
    if isinstance(value, str):
        if _FORBIDDEN.search(value):
            yield place
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _forbidden(inner, f"{place}.{name}".lstrip("."))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _forbidden(inner, f"{place}[{number}]")


def lone_member(source: JsonObject) -> str:
    """What an object is that stands outside any document, ``Order``, ``OrderItem`` or ``Message``; '' for a document,
    and for the payload of one."""
    return "" if "payload" in source else member_of(source)


def is_as_alone(member: str, source: JsonObject) -> bool:
    """Whether an order or item of a document means what it would mean if it stood alone."""
    of_order = member == "OrderItem" and "AmazonOrderId" in source  # alone it says which order the item is of
    return lone_member(source) == member and not of_order


def problem_of(error: Exception) -> str:
    """What is wrong with a value, in words that hold nothing of it."""
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} (column {error.colno})"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return str(error)


def generic_kind(value: JsonObject) -> DocumentKind | None:
    """The kind of a document in xmltodict's notation."""
    if len(value) != 1:
        return None
    (name, inner), *_ = value.items()
    if name in GENERIC_ROOTS:
        return DOCUMENTS[name]
    if name == ENVELOPE_KEY and isinstance(inner, dict):
        plain = isinstance(inner.get("Message", []), list) and not any(key.startswith("@") for key in inner)
        return None if plain else DOCUMENTS[name]
    return None


def check_generic(value: object, place: str) -> None:
    """Raise what is not in xmltodict's notation, which would write it as Python does."""
    if isinstance(value, float):
        raise InexactError(place)
    if isinstance(value, list):
        for number, inner in enumerate(value):
            if isinstance(inner, list):
                raise MappingError("no array expected", f"{place}[{number}]")
            check_generic(inner, f"{place}[{number}]")
    if isinstance(value, dict):
        for name, inner in value.items():
            if (name == "#text" or name.startswith("@")) and isinstance(inner, dict | list):
                raise MappingError("text expected", f"{place}.{name}".lstrip("."))
            check_generic(inner, f"{place}.{name}".lstrip("."))


def _unused_of(table: StructMap, outer: str = "") -> Iterator[str]:
    """Paths of the JSON members that are known to have no element."""
    for unused in table.unused:
        yield f"{outer}{unused.source}"
    for row in table.rows:
        if isinstance(row, Row) and row.via:
            yield from _unused_of(row.via, f"{outer}{row.source}.")


#: Member → paths of its JSON members that are known to have no element.
UNUSED = {
    "Order": frozenset((*_unused_of(ORDER_MAP), PATCH)),
    "OrderItem": frozenset((*_unused_of(ITEM_MAP), PATCH)),
    "Message": frozenset[str](),
}


def strangers(members: object, unused: frozenset[str], path: str = "") -> Iterator[str]:
    """Paths of what stands in ``#json`` and is not ``unused``; what is empty does not count."""
    if path in unused or members in (None, "", [], {}):
        return
    if not isinstance(members, dict):
        yield path
        return
    for name, inner in members.items():
        place = path if name.isdecimal() else f"{path}.{name}".lstrip(".")
        yield from strangers(inner, unused, place)
