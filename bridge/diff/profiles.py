"""What is to be thought of a difference: profiles, and the rules of the project that owns a feed.

The profile ``exact`` explains nothing. ``migration`` explains what the move from MWS to SP-API does by itself, each
time with the reason that the mapping tables give: fields that SP-API has no source for, personal data that it gives
to applications with a role only, elements that Amazon added later, members that no MWS element carries. ``upgrade``
explains what the move from Orders v0 to v2026-01-01 does by itself.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache

from bridge.diff.differences import Change, Difference, Verdict, spot_of
from bridge.mapping.orders_v0 import ITEM_MAP, ORDER_MAP
from bridge.mapping.rows import Omitted, Row, StructMap
from mws_compat.orders import ORDER, ORDER_ITEM
from mws_compat.schema import DECIMAL, UNMAPPED, Kind, ListOf, Node, Repeated, Struct

__all__ = ["AUTO", "PROFILES", "Origin", "Pattern", "Profile", "Rule", "make_profile"]


class Origin(StrEnum):
    """Whose form a record came in."""

    MWS = "MWS"
    SP_API = "SP-API"


# --- rules ----------------------------------------------------------------------------------------------------------


class Pattern:
    """Matches the place of a difference, and every place below it.

    ``text`` names elements from the outside in: ``ShippingAddress/City`` anywhere, ``/Order/OrderTotal`` from the
    record on. A step may hold wildcards (``*`` and ``?``; brackets hold keys) and a key:
    ``Order[902-*]/OrderTotal``. Raises ValueError when it is empty or a bracket is not closed.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._anchored = text.startswith("/")
        self._steps = [_parse_step(step) for step in text.strip("/").split("/")]

    def matches(self, difference: Difference) -> bool:
        steps = difference.steps
        last = 0 if self._anchored else len(steps) - len(self._steps)
        for first in range(last + 1):
            rest = steps[first : first + len(self._steps)]
            if len(rest) == len(self._steps) and all(
                fnmatchcase(step.name, name) and (key is None or fnmatchcase(step.key, key))
                for step, (name, key) in zip(rest, self._steps, strict=True)
            ):
                return True
        return False


def _parse_step(text: str) -> tuple[str, str | None]:
    name, bracket, rest = text.partition("[")
    if not name or "]" in name or (bracket and not rest.endswith("]")):
        raise ValueError("a path names elements, for example ShippingAddress/City or Order[902-*]/OrderTotal")
    return name, rest[:-1] if bracket else None


@dataclass(slots=True)
class Rule:
    """``verdict`` for the differences that ``pattern`` matches; of the kinds ``changes`` when there are any, within
    ``tolerance`` when that is given: the most by which two numbers may differ. ``used`` counts them."""

    pattern: Pattern
    verdict: Verdict
    reason: str
    changes: frozenset[Change] = frozenset()
    tolerance: Decimal | None = None
    used: int = 0

    def applies(self, difference: Difference) -> bool:
        if self.changes and difference.change not in self.changes:
            return False
        if self.tolerance is not None and not _is_within(difference, self.tolerance):
            return False
        return self.pattern.matches(difference)


def _is_within(difference: Difference, tolerance: Decimal) -> bool:
    if not isinstance(difference.old, str) or not isinstance(difference.new, str):
        return False
    try:
        one, other = (Decimal(DECIMAL.canonical(text)) for text in (difference.old, difference.new))
    except (ValueError, InvalidOperation):
        return False
    return abs(one - other) <= tolerance


# --- profiles -------------------------------------------------------------------------------------------------------

#: Says why a difference was to be expected, or ''; it is given seen with MWS on the old side.
Explain = Callable[[Difference], str]


def _explain_nothing(_: Difference) -> str:
    return ""


@dataclass(slots=True)
class Profile:
    """How differences are judged: ``rules`` first, in their order, then what ``explain`` says of those between MWS
    and SP-API. With ``only``, differences anywhere else are ignored."""

    name: str
    explain: Explain = _explain_nothing
    rules: list[Rule] = field(default_factory=list)
    only: list[Pattern] = field(default_factory=list)

    def judge(self, difference: Difference, old: Origin, new: Origin) -> Difference:
        """The difference with its verdict and reason. ``old`` and ``new`` are where its sides came from; of two sides
        of the same origin the new one is taken for SP-API's."""
        if self.only and not any(pattern.matches(difference) for pattern in self.only):
            return difference._replace(verdict=Verdict.IGNORED, reason="not among what was asked for")
        for rule in self.rules:
            if rule.applies(difference):
                rule.used += 1
                return difference._replace(verdict=rule.verdict, reason=rule.reason)
        turned = old is Origin.SP_API and new is Origin.MWS
        reason = self.explain(difference.mirrored() if turned else difference)
        return difference._replace(verdict=Verdict.EXPECTED, reason=reason) if reason else difference


_ROLE = "SP-API gives it only to applications with a role for personal data"
_LATER = "Amazon added the element later; older answers lack it"
_NO_ELEMENT = "a member of SP-API that no MWS element carries"


def _explain_migration(difference: Difference) -> str:
    """Why the move from MWS (old) to SP-API (new) makes this difference, or ''."""
    if difference.change is Change.MISSING_FIELD and difference.old is not None:
        return _why_missing(spot_of(difference.steps), difference.old, difference.kind)
    if difference.change is Change.EXTRA_FIELD:
        if any(step.name == UNMAPPED for step in difference.steps):
            place = spot_of(difference.steps).partition(f"{UNMAPPED}/")[2].replace("/", ".")
            reason = _unused().get(place)
            return f"{_NO_ELEMENT}: {reason}" if reason else _NO_ELEMENT
        if difference.spot in _later():
            return _LATER
    return ""


def _explain_upgrade(difference: Difference) -> str:
    from bridge.diff.upgrade import explain_upgrade  # noqa: PLC0415 - two tables more, for those who ask for it

    return explain_upgrade(difference)


def _why_missing(spot: str, node: Node, kind: Kind | None) -> str:
    """The reason for which a node is missing; of an element with children, when there is one for all that it held."""
    reason = _missing().get(spot)
    if reason or isinstance(node, str):
        return reason or ""
    reasons = list(
        dict.fromkeys(_why_missing(f"{spot}{below}", inner, of) for below, inner, of in _below(node, kind))
    )
    return "; ".join(reasons) if all(reasons) else ""


def _below(node: Node, kind: Kind | None) -> Iterator[tuple[str, Node, Kind | None]]:
    if isinstance(node, dict):
        kinds = {inner.name: inner.kind for inner in kind.fields} if isinstance(kind, Struct) else {}
        for name, inner in node.items():
            yield f"/{name}", inner, kinds.get(name)
    elif isinstance(node, list):
        for inner in node:
            yield "", inner, kind.of if isinstance(kind, ListOf | Repeated) else None


#: The profile that is chosen by where two records come from.
AUTO = "auto"
#: The profiles by name.
PROFILES: dict[str, Explain] = {
    "exact": _explain_nothing,
    "migration": _explain_migration,
    "upgrade": _explain_upgrade,
}

_TABLES: Sequence[tuple[str, StructMap, Struct]] = (
    ("Order", ORDER_MAP, ORDER),
    ("Order/OrderItem", ITEM_MAP, ORDER_ITEM),
)


@cache
def _missing() -> dict[str, str]:
    """Spots that SP-API may not give, and why."""
    return {spot: reason for start, table, _ in _TABLES for spot, reason in _reasons(table, start)}


def _reasons(table: StructMap, start: str) -> Iterator[tuple[str, str]]:
    for row in table.rows:
        if isinstance(row, Omitted):
            yield f"{start}/{row.mws}", f"SP-API has no such field: {row.reason}"
        elif row.restricted:
            yield f"{start}/{row.mws}", _ROLE
        elif row.via is not None:
            yield from _reasons(row.via, f"{start}/{row.mws}")


@cache
def _unused() -> dict[str, str]:
    """Paths of SP-API members that no MWS element carries, and why."""
    return {path: reason for _, table, _ in _TABLES for path, reason in _unused_of(table, "")}


def _unused_of(table: StructMap, start: str) -> Iterator[tuple[str, str]]:
    for unused in table.unused:
        yield f"{start}{unused.source}", unused.reason
    for row in table.rows:
        if isinstance(row, Row) and row.via is not None:
            yield from _unused_of(row.via, f"{start}{row.source}.")


@cache
def _later() -> frozenset[str]:
    """Spots of elements that Amazon added when MWS had been in use for years."""
    return frozenset(
        f"{start}/{field.name}" for start, _, struct in _TABLES for field in struct.fields if field.later
    )


def make_profile(name: str) -> Profile:
    """A new profile, one of PROFILES: its rules count how often they were used. Raises ValueError."""
    if name not in PROFILES:
        raise ValueError(f"there is no profile {name!r}; choose from {', '.join(PROFILES)}")
    return Profile(name, PROFILES[name])
