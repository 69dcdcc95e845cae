"""One HTML file that a person can hand to a colleague: it needs no network and asks for none.

``report.html`` is the page. What is put into it: the summary as HTML, so that it can be read where scripts do not
run, and the differences as JSON, which its script shows. Every value counts as hostile: the former is escaped, the
latter never reaches the parser as HTML, and the page's policy runs no script but its own, known by its digest.
"""

import base64
import hashlib
import re
from collections.abc import Iterator
from html import escape
from importlib.resources import files
from typing import TextIO

from bridge.diff.differences import Change, Verdict
from bridge.diff.reports.as_json import json_line
from bridge.diff.reports.view import MASKED, Row, View, counted, visible, visible_pair
from bridge.diff.tally import Place

__all__ = ["write"]

_MOST_PLACES = 50
#: What stands in the page for what is put in: ``<!--@name-->``, or ``@name@`` inside an attribute.
_MARK = re.compile(r"<!--@(\w+)-->|@(\w+)@")
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


def write(view: View, out: TextIO) -> None:
    """Write the page."""
    page = files(__package__).joinpath("report.html").read_text(encoding="utf-8")
    parts = {
        "policy": f"default-src 'none'; script-src {_digests(_SCRIPT, page)}; style-src {_digests(_STYLE, page)}; "
        "base-uri 'none'; form-action 'none'",
        "title": _text(f"{view.old_name} → {view.new_name}"),
        "headline": _text(view.headline()),
        "outcome": "same" if view.tally.same else "different",
        "summary": "".join(_summary(view)),
        "places": "".join(_places(view)),
        "expected": "".join(_expected(view)),
        "data": _data(view),
    }
    out.write(_MARK.sub(lambda mark: parts[mark[1] or mark[2]], page))


def _digests(pattern: re.Pattern[str], page: str) -> str:
    """What the policy allows to run or to style: exactly these texts."""
    digests = (hashlib.sha256(text.encode()).digest() for text in pattern.findall(page))
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


def _text(text: str) -> str:
    return escape(visible(text))


# --- read without scripts -------------------------------------------------------------------------------------------


def _summary(view: View) -> Iterator[str]:
    tally = view.tally
    sides = (("old", view.old_name), ("new", view.new_name), ("profile", tally.profile))
    yield '<dl class="sides">'
    yield from (f"<div><dt>{name}</dt><dd>{_text(value)}</dd></div>" for name, value in sides if value)
    yield '</dl><dl class="counts">'
    counts = (
        ("compared", tally.compared, view.members()),
        ("equal", tally.equal, ""),
        ("different", tally.different, ""),
        ("expected", tally.expected, "differ only as explained"),
        ("ignored", tally.ignored, "differ only where ignored"),
        ("missing", tally.missing, "only the old side has them"),
        ("extra", tally.extra, "only the new side has them"),
        ("duplicate", tally.duplicate, "more than once on a side"),
    )
    for name, count, note in counts:
        bad = ' class="bad"' if count and name in {"different", "missing", "extra", "duplicate"} else ""
        yield f"<div{bad}><dt>{name}</dt><dd>{count:,}</dd>"
        yield f"<dd class=note>{escape(note)}</dd></div>" if count and note else "</div>"
    yield "</dl>"
    pii = (
        "This report shows personal data."
        if view.show_pii
        else "Personal data is masked: its letters are x, its digits 0."
    )
    yield f'<p class="{"warning" if view.show_pii else "note"}">{pii}</p>'
    faults = tally.faults
    yield from (f'<p class="warning">Could not be compared: {_text(fault)}</p>' for fault in faults[:_MOST_PLACES])
    if left := faults[_MOST_PLACES:]:
        yield f'<p class="warning">… and {len(left):,} more</p>'
    for verdict, kept in ((Verdict.DIFFERENT, tally.details), (None, tally.others)):
        wanted = [verdict] if verdict else [Verdict.EXPECTED, Verdict.IGNORED]
        total = sum(tally.differences[found] for found in wanted)
        if total > len(kept):
            what = " or ".join(wanted)
            yield f'<p class="warning">{total:,} differences are {what}; this report lists {len(kept):,} of them.</p>'


def _places(view: View) -> Iterator[str]:
    places = view.tally.places()
    if not places:
        return
    yield f"<section><h2>Where it differs</h2><table><caption>{_sum(places)}, in "
    yield f"{counted(len(places), 'place', 'places')}</caption><thead><tr><th scope=col class=number>Count"
    yield "<th scope=col>Place<th scope=col>Kind<th scope=col>For example</thead><tbody>"
    for place in places[:_MOST_PLACES]:
        row = view.row(place.example)
        old, new = visible_pair(row.old, row.new)
        values = (
            f"{_value('del', old)} → {_value('ins', new)}"
            if old and new
            else _value("del", old) or _value("ins", new)
        )
        note = f" <span class=tag>{MASKED}</span>" if row.masked else ""
        button = f"<button type=button class=place>{_broken(place.spot)}</button>"
        yield f"<tr><td class=number>{place.count:,}<td>{button}"
        yield f'<td><span class="kind {place.change}">{place.change}</span><td>{values}{note}'
    yield "</tbody></table>"
    if left := places[_MOST_PLACES:]:
        yield f"<p class=note>… and {_sum(left)} in {counted(len(left), 'more place', 'more places')}</p>"
    yield "</section>"


def _broken(path: str) -> str:
    """A path that may go on in the next line after each of its elements."""
    return _text(path).replace("/", "/<wbr>")


def _value(element: str, text: str | None) -> str:
    """A value, cut: it is an example."""
    if text is None:
        return ""
    return f"<{element}>{escape(text if len(text) <= 120 else text[:120] + '…')}</{element}>"


def _expected(view: View) -> Iterator[str]:
    places = view.tally.places(Verdict.EXPECTED)
    if not places:
        return
    yield f"<details><summary>Expected: {_sum(places)}, explained</summary><table><thead><tr>"
    yield "<th scope=col class=number>Count<th scope=col>Place<th scope=col>Kind<th scope=col>Reason</thead><tbody>"
    for place in places[:_MOST_PLACES]:
        yield f"<tr><td class=number>{place.count:,}<td>{_text(place.spot)}"
        yield f'<td><span class="kind {place.change}">{place.change}</span><td>{_text(place.reason)}'
    yield "</tbody></table>"
    if left := places[_MOST_PLACES:]:
        yield f"<p class=note>… and {_sum(left)} in {counted(len(left), 'more place', 'more places')}</p>"
    yield "</details>"


def _sum(places: list[Place]) -> str:
    return counted(sum(place.count for place in places), "difference", "differences")


# --- shown by the script --------------------------------------------------------------------------------------------


def _data(view: View) -> str:
    """The differences as JSON that an HTML parser takes for nothing else. Texts that many have in common stand once,
    in ``texts``; a row names them by number."""
    texts: dict[str, int] = {}
    changes, verdicts = list(Change), list(Verdict)

    def number(text: str) -> int:
        return texts.setdefault(visible(text), len(texts))

    def packed(row: Row) -> list[object]:
        old, new = visible_pair(row.old, row.new)
        sources = " → ".join(source for source in (row.old_source, row.new_source) if source)
        return [
            number(row.record),
            number(row.place),
            number(row.spot),
            changes.index(row.change),
            verdicts.index(row.verdict),
            old,
            new,
            int(row.masked),
            number(row.reason),
            number(sources),
        ]

    kept = (*view.tally.details, *view.tally.others)
    rows = [[packed(row) for row in group] for group in view.grouped(kept)]
    line = json_line({"changes": changes, "verdicts": verdicts, "groups": rows, "texts": list(texts)})
    return line.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
