"""The report for a person at a terminal: the outcome first, then where most differs, then what was expected, then
the differences one by one."""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from operator import eq
from textwrap import wrap
from typing import TextIO

from rich.cells import cell_len
from rich.text import Text

from bridge.diff.differences import Change, Verdict
from bridge.diff.reports.view import MASKED, Row, View, counted, visible, visible_pair
from bridge.diff.tally import Place, Tally

__all__ = ["write"]

_MOST_PLACES = 20
_MOST_SPOTS = 3  # of those that one reason explains
_INDENT = "         "

_OLD, _NEW, _HEAD, _FAINT = "red", "green", "bold", "dim"
_STYLES = {Change.MISSING: _OLD, Change.MISSING_FIELD: _OLD, Change.EXTRA: _NEW, Change.EXTRA_FIELD: _NEW}
_ARROW = " → "


def write(view: View, out: TextIO) -> None:
    """Write the report: its lines cut to the view's width when it has one, coloured when it is."""
    console = None
    if view.colour:  # nothing of the environment decides: the caller has asked it
        from rich.console import Console  # noqa: PLC0415 - takes long to import

        console = Console(file=out, force_terminal=True, color_system="standard", _environ={})
    for line in _lines(view):
        if view.width:
            line.truncate(view.width, overflow="ellipsis")
        if console is None:
            out.write(f"{line.plain.rstrip()}\n")
        else:
            console.print(line, soft_wrap=True, highlight=False)


def _lines(view: View) -> Iterator[Text]:
    yield from _summary(view)
    yield from _faults(view)
    yield from _places(view)
    yield from _expected(view)
    yield from _ignored(view)
    yield from _details(view)


# --- counts ---------------------------------------------------------------------------------------------------------


def _summary(view: View) -> Iterator[Text]:
    tally = view.tally
    yield Text.assemble(("old  ", _FAINT), visible(view.old_name))
    yield Text.assemble(("new  ", _FAINT), visible(view.new_name))
    yield Text()
    yield Text(view.headline(), f"bold {_NEW if tally.same else _OLD}")
    yield Text()
    members = view.members()
    rows = [
        ("compared", tally.compared, members, ""),
        ("equal", tally.equal, "", ""),
        ("different", tally.different, "", _OLD),
        ("expected", tally.expected, "differ only as the profile explains" if tally.expected else "", ""),
        ("ignored", tally.ignored, "differ only where it was to be ignored" if tally.ignored else "", ""),
        ("missing", tally.missing, "only the old side has them" if tally.missing else "", _OLD),
        ("extra", tally.extra, "only the new side has them" if tally.extra else "", _OLD),
        ("duplicate", tally.duplicate, "one side has them more than once" if tally.duplicate else "", _OLD),
    ]
    for name, count, note, style in rows:
        figure = Text(f"  {name:<10}{count:>11,}", style if count else _FAINT)
        yield Text.assemble(figure, (f"   {note}", _FAINT)) if note else figure


def _faults(view: View) -> Iterator[Text]:
    faults = view.tally.faults
    if not faults:
        return
    yield from _heading("What could not be compared")
    yield from (Text(f"  {visible(fault)}", _OLD) for fault in faults[:_MOST_PLACES])
    if left := faults[_MOST_PLACES:]:
        yield Text(f"{_INDENT}… and {len(left):,} more", _FAINT)


def _places(view: View) -> Iterator[Text]:
    places = view.tally.places()
    if not places:
        return
    yield from _heading(f"Where it differs: {_sum(places)}, in {counted(len(places), 'place', 'places')}")
    for place in places[:_MOST_PLACES]:
        row = view.row(place.example)
        yield Text.assemble(f"{place.count:>7,}  ", (visible(place.spot), _HEAD), "  ", _changed(row))
        yield _values(row, view.width)
        yield Text(f"{_INDENT}in {visible(row.record)}", _FAINT)
    left = places[_MOST_PLACES:]
    if left:
        yield Text(f"{_INDENT}… and {_sum(left)} in {counted(len(left), 'more place', 'more places')}", _FAINT)


def _expected(view: View) -> Iterator[Text]:
    places = view.tally.places(Verdict.EXPECTED)
    if not places:
        return
    yield from _heading(f"Expected: {_sum(places)}, explained")
    by_reason: dict[str, list[Place]] = {}
    for place in places:
        by_reason.setdefault(place.reason, []).append(place)
    for reason, found in sorted(by_reason.items(), key=lambda entry: -sum(place.count for place in entry[1])):
        first, *rest = _wrapped(visible(reason), view.width)
        yield Text(f"{sum(place.count for place in found):>7,}  {first}")
        yield from (Text(f"{_INDENT}{line}") for line in rest)
        spots = list(dict.fromkeys(visible(place.spot) for place in found))
        more = f" and {len(spots) - _MOST_SPOTS} more" if len(spots) > _MOST_SPOTS else ""
        yield Text(f"{_INDENT}{', '.join(spots[:_MOST_SPOTS])}{more}", _FAINT)


def _wrapped(text: str, width: int) -> list[str]:
    return (wrap(text, max(20, width - len(_INDENT))) if width else []) or [text]


def _ignored(view: View) -> Iterator[Text]:
    places = view.tally.places(Verdict.IGNORED)
    if not places:
        return
    yield from _heading(f"Ignored: {_sum(places)}")
    for place in places[:_MOST_PLACES]:
        yield Text(f"{place.count:>7,}  {visible(place.spot)}  {place.change}", _FAINT)
    left = places[_MOST_PLACES:]
    if left:
        yield Text(f"{_INDENT}… and {_sum(left)} in {counted(len(left), 'more place', 'more places')}", _FAINT)


def _heading(text: str) -> Iterator[Text]:
    yield Text()
    yield Text(text, _HEAD)


def _sum(places: Sequence[Place]) -> str:
    return counted(sum(place.count for place in places), "difference", "differences")


# --- one by one -----------------------------------------------------------------------------------------------------


def _details(view: View) -> Iterator[Text]:
    total = view.tally.differences[Verdict.DIFFERENT]
    shown = view.tally.details[: view.details]
    if not total:
        return
    if shown:
        yield from _heading("One by one")
    for rows in view.grouped(shown):
        yield Text()
        yield Text.assemble((visible(rows[0].record), "bold cyan"), (_sources(view, rows[0]), _FAINT))
        for row in rows:
            yield Text.assemble("  ", visible(row.place), "  " if row.place else "", _changed(row))
            old, new = visible_pair(row.old, row.new)
            if view.width and old is not None and new is not None:
                old, new = _fitted(old, new, max(12, view.width - 6))
            if old is not None:
                yield Text(f"    - {old}", _OLD)
            if new is not None:
                yield Text(f"    + {new}", _NEW)
    left = total - len(shown)
    if left:
        yield Text()
        yield Text(f"… {left:,} {'more' if shown else 'not listed'}: {_remedy(view.tally)}", _FAINT)


def _remedy(tally: Tally) -> str:
    """How to see what is not listed."""
    kept = len(tally.details)
    found = (
        f"--details {kept} lists {'them' if kept == tally.differences[Verdict.DIFFERENT] else f'the first {kept:,}'}"
    )
    return f"{found}, --format html filters them"


def _sources(view: View, row: Row) -> str:
    """The inputs that a record came from, where they are not what the sides are called."""
    pairs = ((row.old_source, view.old_name), (row.new_source, view.new_name))
    if all(source in ("", name) for source, name in pairs):
        return ""
    return f"  ({' → '.join(visible(source) for source, _ in pairs if source)})"


def _changed(row: Row) -> Text:
    """What a difference is; of whole records, which side has them."""
    side = "new" if row.old is None else "old"
    said = str(row.change)
    if row.change in (Change.MISSING, Change.EXTRA):
        said = f"{said}: only the {side} side has it"
    elif row.change is Change.DUPLICATE:
        said = f"{said}: the {side} side has it more than once"
    return Text(f"{said} ({MASKED})" if row.masked else said, _STYLES.get(row.change, "yellow"))


def _values(row: Row, width: int) -> Text:
    """``old → new`` in a line in which both can be seen."""
    old, new = visible_pair(row.old, row.new)
    line = Text(_INDENT)
    if old is None or new is None:
        return line.append(old or new or "", _NEW if old is None else _OLD)
    if width:
        room = width - len(_INDENT) - len(_ARROW)
        if cell_len(old) + cell_len(new) > room:
            old, new = _fitted(old, new, max(6, room // 2))
    return line.append(old, _OLD).append(_ARROW).append(new, _NEW)


def _fitted(old: str, new: str, room: int) -> tuple[str, str]:
    """Both texts cut to ``room`` columns, so that the place is seen where they begin to differ."""
    common = sum(takewhile(bool, map(eq, old, new)))
    if max(cell_len(old), cell_len(new)) > room and common > room // 2:
        start = common - room // 4
        old, new = f"…{old[start:]}", f"…{new[start:]}"
    pieces = Text(old), Text(new)
    for piece in pieces:
        piece.truncate(room, overflow="ellipsis")
    return pieces[0].plain, pieces[1].plain
