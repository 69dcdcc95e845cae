"""A difference between two feeds: what changed, where, and what is to be thought of it.

Nothing here shows a value by accident: ``repr`` and ``str`` of a difference mask what is personal, and so does
``shown`` unless it is told otherwise.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from mws_compat.schema import UNKNOWN, Attributed, Kind, ListOf, Node, Repeated, Scalar, Struct

__all__ = ["Change", "Difference", "Step", "Verdict", "mask", "path_of", "shown", "spot_of"]


class Change(StrEnum):
    """What a difference is. *Missing* is what only the old side has, *extra* what only the new side has."""

    MISSING = "missing"  # a whole order, item, message or document
    EXTRA = "extra"
    MISSING_FIELD = "missing-field"
    EXTRA_FIELD = "extra-field"
    VALUE = "changed-value"
    TYPE = "type"  # one side's value is of the field's kind, the other's is not
    ORDER = "list-order"  # a list with the same members in another order
    COUNT = "count"  # a list, whose members have no key, of another length
    DUPLICATE = "duplicate"  # one side has the order, item or message more than once

    @property
    def mirrored(self) -> "Change":
        """What the same difference is when the sides are swapped."""
        return _MIRRORED.get(self, self)


_MIRRORED = {
    Change.MISSING: Change.EXTRA,
    Change.EXTRA: Change.MISSING,
    Change.MISSING_FIELD: Change.EXTRA_FIELD,
    Change.EXTRA_FIELD: Change.MISSING_FIELD,
}


class Verdict(StrEnum):
    """What is to be thought of a difference: it counts, a profile explains it, or nobody wants to see it."""

    DIFFERENT = "different"
    EXPECTED = "expected"
    IGNORED = "ignored"


class Step(NamedTuple):
    """One element on the way to a difference. ``key`` tells it from its siblings; '' where it has none."""

    name: str
    key: str = ""
    pii: bool = False

    def text(self, *, show_pii: bool = False) -> str:
        if not self.key:
            return self.name
        return f"{self.name}[{mask(self.key) if self.pii and not show_pii else self.key}]"


def path_of(steps: Sequence[Step], *, show_pii: bool = False) -> str:
    """``Order[902-3159896-1390916]/ShippingAddress/City``"""
    return "/".join(step.text(show_pii=show_pii) for step in steps)


def spot_of(steps: Sequence[Step]) -> str:
    """The path without keys, by which differences of many orders are counted together:
    ``Order/ShippingAddress/City``."""
    return "/".join(step.name for step in steps)


class Difference(NamedTuple):
    """One difference.

    ``steps``    the way to it; the first is the order, message or document
    ``old``, ``new``  the nodes on both sides; None for what a side does not have
    ``kind``     what the table says the nodes are; None for what no table knows, which is masked as if it were
                 personal
    ``pii``      the field is personal data
    ``verdict``, ``reason``  what a profile makes of it; the reason is '' when it counts as a difference
    ``old_source``, ``new_source``  the inputs that the sides came from
    """

    change: Change
    steps: tuple[Step, ...]
    old: Node | None = None
    new: Node | None = None
    kind: Kind | None = None
    pii: bool = False
    verdict: Verdict = Verdict.DIFFERENT
    reason: str = ""
    old_source: str = ""
    new_source: str = ""

    @property
    def path(self) -> str:
        """The path with keys; personal ones masked."""
        return path_of(self.steps)

    @property
    def spot(self) -> str:
        """The path without keys."""
        return spot_of(self.steps)

    @property
    def record(self) -> str:
        """The order, item, message or document that the difference is in: its path."""
        return path_of(self.steps[: self.record_steps])

    @property
    def record_steps(self) -> int:
        """How many steps lead to that record: an item's is below its order's."""
        return 2 if len(self.steps) > 1 and self.steps[1].name == "OrderItem" and self.steps[1].key else 1

    def old_text(self, *, show_pii: bool = False) -> str | None:
        """The old side's node as text; None where there is none."""
        return None if self.old is None else shown(self.old, self.kind, pii=self.pii, show_pii=show_pii)

    def new_text(self, *, show_pii: bool = False) -> str | None:
        return None if self.new is None else shown(self.new, self.kind, pii=self.pii, show_pii=show_pii)

    def mirrored(self) -> "Difference":
        """The same difference seen from the other side."""
        return self._replace(
            change=self.change.mirrored,
            old=self.new,
            new=self.old,
            old_source=self.new_source,
            new_source=self.old_source,
        )

    def __repr__(self) -> str:
        return f"<Difference {self.change} {self.path}: {self.old_text()!r} → {self.new_text()!r}, {self.verdict}>"


def mask(text: str) -> str:
    """Text with its digits as ``0`` and all else but blanks and ASCII punctuation as ``x``: its form stays, what it
    says is gone."""
    return re.sub(r"[A-Za-z]|[^\s\x00-\x7f]", "x", re.sub(r"\d", "0", text))


def shown(node: Node, kind: Kind | None, *, pii: bool = False, show_pii: bool = False) -> str:
    """A node in one line: text as it is, a record as ``{City: Seattle, CountryCode: US}``, a list as ``[a, b]``.
    What is personal, and what no table knows, is masked unless ``show_pii``."""
    if isinstance(node, str):
        return mask(node) if (pii or kind is None) and not show_pii else node
    if isinstance(node, list):
        of = kind.of if isinstance(kind, ListOf | Repeated) else None
        return f"[{', '.join(shown(inner, of, pii=pii, show_pii=show_pii) for inner in node)}]"
    parts = []
    for name, inner in node.items():
        inner_kind, inner_pii = _inside(kind, name)
        parts.append(f"{name}: {shown(inner, inner_kind, pii=pii or inner_pii, show_pii=show_pii)}")
    return f"{{{', '.join(parts)}}}"


def _inside(kind: Kind | None, name: str) -> tuple[Kind | None, bool]:
    if isinstance(kind, Struct) and name != UNKNOWN:
        for field in kind.fields:
            if field.name == name:
                return field.kind, field.pii
    if isinstance(kind, Attributed):
        return (kind.of if name == kind.text_key else Scalar("attribute", str)), False
    return None, False
