"""Values of query parameters, each by itself: dates, lists, page sizes, order ids. The same in every version."""

import re
from datetime import datetime
from typing import Final

from bridge.sandbox.answers import SandboxError, invalid_input

MAX_LIST: Final = 50
ORDER_ID: Final = re.compile(r"\d{3}-\d{7}-\d{7}", re.ASCII)
# A zone is required: without one Amazon answers "Invalid Date-Time field(s)".
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)", re.ASCII)


def wire_name(name: str) -> str:
    """Return a parameter's name as Amazon's messages spell it: with a lower-case first letter."""
    return name[:1].lower() + name[1:]


def parse_date(name: str, raw: str) -> float:
    """Return the unix seconds of an ISO 8601 date-time with a zone, or raise 400."""
    try:
        if _DATE.fullmatch(raw):
            return datetime.fromisoformat(raw).timestamp()
    except ValueError:
        pass
    raise invalid_dates(name)


def invalid_dates(name: str) -> SandboxError:
    """400 in Amazon's words: a date is malformed, or missing where one has to be."""
    return invalid_input(f"Invalid Date-Time field(s) [{wire_name(name)}]")


def parse_list(name: str, raw: str, allowed: frozenset[str] | None) -> frozenset[str]:
    """Return the values of a comma separated list, of a closed set where `allowed` is one, or raise 400."""
    values = raw.split(",")
    if allowed is not None and not allowed.issuperset(values):
        raise invalid_input(
            f"1 validation error detected: Value '[{raw}]' at '{wire_name(name)}' failed to satisfy constraint: "
            f"Member must satisfy constraint: [Member must satisfy enum value set: [{', '.join(sorted(allowed))}]]"
        )
    if len(values) > MAX_LIST:
        raise invalid_input(f"'{wire_name(name)}' holds more than {MAX_LIST} values.")
    return frozenset(values)


def parse_page_size(name: str, raw: str) -> int:
    """Return an integer from 1 to 100, or raise 400."""
    if not re.fullmatch(r"[0-9]{1,3}", raw) or not 1 <= int(raw) <= 100:
        raise invalid_input(f"Value '{raw}' at '{wire_name(name)}' must be an integer from 1 to 100.")
    return int(raw)
