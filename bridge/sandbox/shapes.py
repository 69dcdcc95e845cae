"""JSON under construction: objects without empty places, and dates."""

from collections.abc import Mapping
from time import gmtime

Json = dict[str, object]


def present(pairs: Mapping[str, object]) -> Json:
    """Return the pairs that have a value; None is none, while an empty text, list or object is one."""
    return {name: value for name, value in pairs.items() if value is not None}


def filled(pairs: Mapping[str, object]) -> Json | None:
    """Return the pairs that have a value, or None when there is no such pair."""
    return present(pairs) or None


def date_text(moment: float) -> str:
    """Return ISO 8601 in UTC, whole seconds."""
    year, month, day, hour, minute, second = gmtime(moment)[:6]
    return f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}Z"
