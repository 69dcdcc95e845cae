"""Why an order read from SP-API Orders v2026-01-01 may differ from the same order read from v0: what the profile
``upgrade`` explains, each time with the reason that the mapping tables give."""

from collections.abc import Iterator, Mapping
from functools import cache

from bridge.diff.differences import Change, Difference
from bridge.mapping import orders_v0, orders_v2026
from bridge.mapping.links import Differs, Link, LinkMap, Lost
from bridge.mapping.rows import Row, StructMap
from mws_compat.schema import UNMAPPED

__all__ = ["differing_fields", "explain_upgrade", "lost_fields"]

_NO_ELEMENT = "a member of SP-API that no MWS element carries; the versions have others"
_NO_ROLE_NEEDED = "v0 gives it only to applications with a role for personal data, v2026 to everyone"


def explain_upgrade(difference: Difference) -> str:
    """Why the move from v0 (old) to v2026-01-01 (new) makes this difference, or ''. What only the upgrade makes is
    explained: a field that both have, and that has another value, is not."""
    if any(step.name == UNMAPPED for step in difference.steps):
        return _NO_ELEMENT
    reason = lost_fields().get(difference.spot)
    if reason is not None:
        return reason
    differs = differing_fields().get(difference.spot)
    if differs is not None and differs.when(difference.old, difference.new):
        return differs.reason
    if difference.change is Change.EXTRA_FIELD and difference.spot in _unrestricted():
        return _NO_ROLE_NEEDED
    return ""


_TABLES = (
    ("Order", orders_v0.ORDER_MAP, orders_v2026.ORDER_MAP),
    ("Order/OrderItem", orders_v0.ITEM_MAP, orders_v2026.ITEM_MAP),
)


@cache
def lost_fields() -> Mapping[str, str]:
    """Spots that v0 has a source for and v2026 has none, and why."""
    return {
        f"{start}/{row.mws}": f"v2026 has no such field: {row.reason}"
        for start, old, new in _TABLES
        for row in new.rows
        if isinstance(row, Lost) and any(isinstance(one, Row) and one.mws == row.mws for one in old.rows)
    }


@cache
def differing_fields() -> Mapping[str, Differs]:
    """Spots that v2026 tells otherwise than v0, when, and why."""
    return {spot: differs for start, _, new in _TABLES for spot, differs in _differs_of(new, start)}


def _differs_of(table: LinkMap, start: str) -> Iterator[tuple[str, Differs]]:
    for row in table.rows:
        if isinstance(row, Link):
            if row.differs is not None:
                yield f"{start}/{row.mws}", row.differs
            if row.via is not None:
                yield from _differs_of(row.via, f"{start}/{row.mws}")


@cache
def _unrestricted() -> frozenset[str]:
    """Spots that v0 gives with a role only, and v2026 without."""
    return frozenset(spot for start, old, new in _TABLES for spot in _freed(old, new, start))


def _freed(old: StructMap, new: LinkMap, start: str) -> Iterator[str]:
    links = {row.mws: row for row in new.rows if isinstance(row, Link)}
    for row in old.rows:
        link = links.get(row.mws)
        if isinstance(row, Row) and link is not None and row.restricted and not link.restricted:
            yield f"{start}/{row.mws}"
