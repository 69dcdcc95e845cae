"""Kinds of wire node: what an element of MWS XML can be, and when two spellings of it mean the same.

Values are wire text from end to end. A scalar kind never converts a value for transport; it only supplies the
*canonical text* by which two values are compared (``12.30`` and ``12.3`` are one amount, ``…Z`` and ``….000Z`` one
instant) and says whether a text is of the kind at all.

A record is what a struct looks like in Python: a dict from element name to text, record, or list. An absent element
is an absent key; ``None`` never occurs. Two keys that no element can have hold what does not fit the table:

``#unknown``   what the document held beyond the table, in xmltodict's notation: an unknown element under its own
               name (text, or a dict of its children, ``@attributes`` and ``#text``; a list when it is repeated); for
               a known element a dict of its attributes and of what is unknown inside it. Entries of a list stand in
               the list's order, ``{}`` where there is nothing to say.
``#json``      JSON members that no element carries, as JSON text: written into the XML as one element, read back
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import NamedTuple

__all__ = [
    "BOOLEAN",
    "DATETIME",
    "DECIMAL",
    "INTEGER",
    "MONEY",
    "TEXT",
    "UNKNOWN",
    "UNMAPPED",
    "Attributed",
    "Field",
    "Kind",
    "ListOf",
    "Node",
    "Record",
    "Repeated",
    "Scalar",
    "Struct",
    "format_instant",
    "parse_instant",
]

Node = str | dict[str, "Node"] | list["Node"]
Record = dict[str, Node]

UNKNOWN = "#unknown"
UNMAPPED = "#json"

_INSTANT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?"
    r"\s*([Zz]|[+-]\d\d(?::?[0-5]\d)?)?)?",
    re.ASCII,  # \d is 0-9 here: no other script's digits
)
#: What nearly every program sends, and Python itself reads as we do.
_is_usual = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{3}|\.\d{6})?Z", re.ASCII).fullmatch
_has_zone = re.compile(r"[Zz]$|:.*[+-]").search
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})")


def parse_instant(text: str) -> datetime:
    """An instant from any spelling that MWS clients were seen to send, as an aware UTC datetime.

    Accepted: a date alone (midnight), seconds or minutes, one to nine digits of fraction (kept to microseconds),
    ``Z``, ``+hh:mm``, ``+hhmm``, ``+hh``; without a zone the value is UTC; a leap second counts as the next second.
    Raises ValueError for anything else.
    """
    if _is_usual(text):
        return datetime.fromisoformat(text)
    match = _INSTANT.fullmatch(text.strip())
    if match is None:
        raise ValueError("not a date-time")
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    seconds = int(second or 0)
    leap = seconds == 60
    micro = int(fraction[:6].ljust(6, "0")) if fraction else 0
    tz: timezone = UTC
    if zone and zone not in "Zz":
        digits = zone[1:].replace(":", "")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
        tz = timezone(-offset if zone[0] == "-" else offset)
    try:
        local = datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            59 if leap else seconds,
            micro,
            tz,
        )
        if leap:
            local += timedelta(seconds=1)
        return local.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("not a date-time of this calendar") from error


def format_instant(instant: datetime, *, milliseconds: bool = False) -> str:
    """``2016-01-20T18:49:10Z``, or with three digits of fraction: the two forms that MWS wrote. Always UTC."""
    # Not strftime: %Y does not pad years below 1000 on every platform.
    text = instant.astimezone(UTC).isoformat(timespec="milliseconds" if milliseconds else "seconds")
    return f"{text[:-6]}Z"  # without its +00:00


def _canonical_instant(text: str) -> str:
    # Amazon's old documentation prints its dates as they stand in URLs.
    text = text.replace("%3A", ":").replace("%3a", ":").strip()
    instant = parse_instant(text)
    whole = format_instant(instant).removesuffix("Z")
    # A date without a zone is not the same as one with it: PHP and others take it for local time.
    zone = "Z" if _has_zone(text) else ""
    return f"{whole}.{instant.microsecond:06d}{zone}" if instant.microsecond else f"{whole}{zone}"


def _canonical_boolean(text: str) -> str:
    word = text.strip().lower()
    if word not in {"true", "false"}:
        raise ValueError("not a boolean")
    return word


def _canonical_integer(text: str) -> str:
    digits = text.strip()
    if not _INTEGER.fullmatch(digits):
        raise ValueError("not an integer")
    return str(int(digits))


def _canonical_decimal(text: str) -> str:
    digits = text.strip()
    if not _DECIMAL.fullmatch(digits):
        raise ValueError("not a decimal number")
    plain = f"{Decimal(digits):f}"
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in {"-0", "0", ""} else plain


# Named tuples here and wherever the converter passes at start-up: a data class takes six times as long to define, and
# two dozen of them a tenth of what the conversion of a small document takes.
class Scalar(NamedTuple):
    """A leaf kind. ``canonical(text)`` gives the text by which values are compared; ValueError: not of this kind."""

    name: str
    canonical: Callable[[str], str]

    def same(self, one: str, other: str) -> bool:
        """Whether two wire texts mean the same value. Texts that are not of the kind compare as plain text."""
        if one == other:
            return True
        try:
            return self.canonical(one) == self.canonical(other)
        except ValueError:
            return one.strip() == other.strip()


TEXT = Scalar("string", str.strip)
BOOLEAN = Scalar("boolean", _canonical_boolean)
INTEGER = Scalar("int", _canonical_integer)
DECIMAL = Scalar("decimal", _canonical_decimal)
DATETIME = Scalar("dateTime", _canonical_instant)


class Struct(NamedTuple):
    """An element with named children. The order of ``fields`` is the schema's, in which we write."""

    name: str
    fields: tuple["Field", ...]


class ListOf(NamedTuple):
    """A wrapper element around repeated ``member`` elements: ``<Orders><Order/><Order/></Orders>``."""

    member: str
    of: "Scalar | Struct"


class Repeated(NamedTuple):
    """An element that stands any number of times among its siblings, without a wrapper: ``<Item/><Item/>``."""

    of: "Scalar | Struct"


class Attributed(NamedTuple):
    """A leaf with one attribute: ``<Amount currency="USD">1.00</Amount>``, as a record of two texts. ``attribute`` is
    the attribute's name; ``attribute_key`` and ``text_key`` are the record's."""

    attribute: str
    attribute_key: str
    text_key: str
    of: Scalar


Kind = Scalar | Struct | ListOf | Repeated | Attributed


class Field(NamedTuple):
    """A child element of a struct, described once for every walker.

    ``required``   Amazon documented it as always present (absence is still tolerated: clients are)
    ``pii``        personal data: never logged, masked in reports
    ``volatile``   differs between two answers to one question; left out of comparisons
    ``key``        identifies its struct among its siblings
    ``keep_empty`` an empty list is written (``<Orders/>``) rather than omitted
    ``name_2011``  the element's name in API version 2011-01-01, where it differs
    ``aliases``    other spellings met in old documents; read, never written
    ``later``      Amazon added it after years: older answers to the same question lack it
    """

    name: str
    kind: Kind
    required: bool = False
    pii: bool = False
    volatile: bool = False
    key: bool = False
    keep_empty: bool = False
    name_2011: str = ""
    aliases: tuple[str, ...] = ()
    later: bool = False

    def name_in(self, version: str) -> str:
        """The element's name on the wire of this API version."""
        return self.name_2011 if self.name_2011 and version == "2011-01-01" else self.name


MONEY = Struct("Money", (Field("CurrencyCode", TEXT), Field("Amount", DECIMAL)))
