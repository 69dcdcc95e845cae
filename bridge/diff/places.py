"""Which places the tables know: what tells a path that happens to be nowhere from one that is misspelt."""

from collections.abc import Iterator
from functools import cache

from bridge.diff.differences import Step
from bridge.diff.profiles import Pattern, unused_members
from mws_compat.documents import DOCUMENTS, FRAGMENTS, MESSAGE
from mws_compat.orders import ORDER, ORDER_ITEM
from mws_compat.schema import UNMAPPED, Attributed, Kind, ListOf, Repeated, Struct

__all__ = ["is_known"]

Place = tuple[Step, ...]


def is_known(pattern: Pattern) -> bool:
    """Whether the tables have a place that a pattern matches, whatever its keys are."""
    return any(pattern.covers(place, keys=False) for place in _places())


@cache
def _places() -> tuple[Place, ...]:
    order = (Step("Order"),)
    starts: list[tuple[Place, Struct]] = [
        (order, ORDER),
        ((*order, Step("OrderItem")), ORDER_ITEM),
        ((Step("Message"),), MESSAGE),
        *(((Step(name),), kind.root) for name, kind in DOCUMENTS.items() if name not in FRAGMENTS),
    ]
    unmapped = [(*order, Step(UNMAPPED), *map(Step, path.split("."))) for path in unused_members()]
    return (*(place for start, struct in starts for place in _inside(struct, start)), *unmapped)


def _inside(kind: Kind, place: Place) -> Iterator[Place]:
    yield place
    if isinstance(kind, ListOf | Repeated):
        yield from _inside(kind.of, place)
    elif isinstance(kind, Attributed):
        yield (*place, Step(kind.attribute_key))
        yield (*place, Step(kind.text_key))
    elif isinstance(kind, Struct):
        for field in kind.fields:
            yield from _inside(field.kind, (*place, Step(field.name)))
