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

from bridge.diff.differences import Change, Difference, Step, Verdict, spot_of
from bridge.diff.records import places_in
from bridge.mapping.orders_v0 import ITEM_MAP, ORDER_MAP
from bridge.mapping.rows import Omitted, Row, StructMap
from mws_compat.orders import ORDER, ORDER_ITEM
from mws_compat.schema import DECIMAL, UNMAPPED, Kind, ListOf, Node, Repeated, Struct

__all__ = ["AUTO", "PROFILES", "Origin", "Pattern", "Profile", "Rule", "make_profile", "unused_members"]


class Origin(StrEnum):
    """Whose form a record came in."""

    MWS = "MWS"
    SP_API = "SP-API"


# --- rules ----------------------------------------------------------------------------------------------------------


class Pattern:
    """Matches the place of a difference, and every place below it.

    ``text`` names elements from the outside in: ``ShippingAddress/City`` anywhere, ``/Order/OrderTotal`` from the
    record on. A step may hold wildcards (``*`` and ``?``; brackets hold keys) and a key:
    ``Order[902-*]/OrderTotal``. ``met`` is for whoever compares to note that there is such a place. Raises ValueError
    when it is empty or a bracket is not closed.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.met = False
        self._anchored = text.startswith("/")
        self._steps = [_parse_step(step) for step in text.strip("/").split("/")]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its elements."""
        return tuple(name for name, _ in self._steps)

    @property
    def is_keyed(self) -> bool:
        """Whether it matches some records and not others of the same elements."""
        return any(key is not None for _, key in self._steps)

    def covers(self, steps: Sequence[Step], *, keys: bool = True) -> bool:
        """Whether a place is one that it names, or below one. Without ``keys``, whatever the keys are."""
        last = 0 if self._anchored else len(steps) - len(self._steps)
        for first in range(last + 1):
            rest = steps[first : first + len(self._steps)]
            if len(rest) == len(self._steps) and all(
                fnmatchcase(step.name, name) and (key is None or not keys or fnmatchcase(step.key, key))
                for step, (name, key) in zip(rest, self._steps, strict=True)
            ):
                return True
        return False

    def matches(self, difference: Difference) -> bool:
        """Whether a difference is at such a place."""
        return self.covers(difference.steps)

    def reaches(self, difference: Difference) -> bool:
        """Whether a difference is at such a place, or is one of something that holds such a place on either side."""
        return self.matches(difference) or any(
            self.covers(place)
            for node in (difference.old, difference.new)
            if node is not None
            for place in places_in(node, difference.kind, difference.steps)
        )


def _parse_step(text: str) -> tuple[str, str | None]:
    name, bracket, rest = text.partition("[")
    if not name or "]" in name or (bracket and not rest.endswith("]")):
        raise ValueError("a path names elements, for example ShippingAddress/City or Order[902-*]/OrderTotal")
    return name, rest[:-1] if bracket else None


@dataclass(slots=True)
class Rule:
    """``verdict`` for the differences that ``pattern`` matches; of the kinds ``changes`` when there are any, within
    ``tolerance`` when that is given: the most by which two numbers may differ. ``used`` counts those that it applies
    to, also where another rule goes first."""

    pattern: Pattern
    verdict: Verdict
    reason: str
    changes: frozenset[Change] = frozenset()
    tolerance: Decimal | None = None
    used: int = 0

    def applies(self, difference: Difference) -> bool:
        """Whether it is for a difference; one at its place is noted as ``met`` either way."""
        if not self.pattern.matches(difference):
            return False
        self.pattern.met = True
        if self.changes and difference.change not in self.changes:
            return False
        return self.tolerance is None or _is_within(difference, self.tolerance)


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
    and SP-API. With ``only``, differences anywhere else are ignored, but not that a record is missing, extra or there
    more than once: nothing of it could be looked at."""

    name: str
    explain: Explain = _explain_nothing
    rules: list[Rule] = field(default_factory=list)
    only: list[Pattern] = field(default_factory=list)

    def judge(self, difference: Difference, old: Origin, new: Origin) -> Difference:
        """The difference with its verdict and reason. ``old`` and ``new`` are where its sides came from; of two sides
        of the same origin the new one is taken for SP-API's."""
        applying = [rule for rule in self.rules if rule.applies(difference)]
        for rule in applying:
            rule.used += 1
        if not self._is_asked_for(difference):
            return difference._replace(verdict=Verdict.IGNORED, reason="not among what was asked for")
        if applying:
            return difference._replace(verdict=applying[0].verdict, reason=applying[0].reason)
        turned = old is Origin.SP_API and new is Origin.MWS
        reason = self.explain(difference.mirrored() if turned else difference)
        return difference._replace(verdict=Verdict.EXPECTED, reason=reason) if reason else difference

    def _is_asked_for(self, difference: Difference) -> bool:
        reaching = [pattern for pattern in self.only if pattern.reaches(difference)]
        for pattern in reaching:
            pattern.met = True
        return bool(reaching) or not self.only or difference.change in _WHOLE


#: Changes of whole records.
_WHOLE = frozenset({Change.MISSING, Change.EXTRA, Change.DUPLICATE})

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
            reason = unused_members().get(place)
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
def unused_members() -> dict[str, str]:
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
