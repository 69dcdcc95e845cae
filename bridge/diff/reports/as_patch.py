"""A text that reads like a unified diff, for viewers that colour one: the differences that count, a hunk for each
record, ``-path: value`` and ``+path: value``. It is for reading; no tool can apply it."""

from collections.abc import Iterator
from typing import TextIO

from bridge.diff.reports.view import MASKED, Row, View, visible, visible_pair

__all__ = ["write"]


def write(view: View, out: TextIO) -> None:
    """Write the text; nothing at all when nothing differs, as diff does, and everything could be compared."""
    tally = view.tally
    if tally.same:
        return
    out.write(f"--- {visible(view.old_name)}\n+++ {visible(view.new_name)}\n")
    out.writelines(f"# could not be compared: {visible(fault)}\n" for fault in tally.faults)
    for rows in view.grouped(tally.details):
        out.write(f"@@ {visible(rows[0].record)} @@\n")
        for row in rows:
            out.writelines(f"{line}\n" for line in _lines(row))
    left = sum(place.count for place in tally.places()) - len(tally.details)
    if left:
        out.write(f"# {left:,} more differences were counted but not kept\n")


def _lines(row: Row) -> Iterator[str]:
    place = visible(row.place or row.record)
    note = f"  ({MASKED})" if row.masked else ""
    old, new = visible_pair(row.old, row.new)
    if old is None and new is None:
        yield f" {place}: {row.change}"
    if old is not None:
        yield f"-{place}: {old}{note}"
    if new is not None:
        yield f"+{place}: {new}{note}"
