"""JUnit XML, as CI servers read it: a test case for each record with a difference that counts, which fails; one for
each fault that kept something from being compared, which is an error; one for each place where differences were
expected, which is skipped with the reason; and one, which passes, that says how many records are equal."""

from collections.abc import Iterable
from typing import TextIO

from lxml import etree

from bridge.diff.differences import Verdict
from bridge.diff.reports.view import MASKED, Row, View, counted, visible, visible_pair

__all__ = ["write"]


def write(view: View, out: TextIO) -> None:
    """Write the document."""
    cases = [*_failures(view), *_errors(view), *_skipped(view), _equal(view)]
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": str(len(view.tally.faults)),
        "skipped": str(sum(case.find("skipped") is not None for case in cases)),
        "time": "0",
    }
    suites = etree.Element("testsuites", counts, name="mws-bridge diff")
    name = visible(f"{view.old_name} against {view.new_name}")
    etree.SubElement(suites, "testsuite", counts, name=name).extend(cases)
    etree.indent(suites)
    out.write('<?xml version="1.0" encoding="UTF-8"?>\n')
    out.write(etree.tostring(suites, encoding="unicode"))
    out.write("\n")


def _case(kind: str, name: str) -> etree._Element:
    return etree.Element("testcase", {"classname": kind, "name": visible(name), "time": "0"})


def _failures(view: View) -> Iterable[etree._Element]:
    for rows in view.grouped(view.tally.details):
        first = rows[0]
        case = _case(first.kind, first.record)
        message = first.change if len(rows) == 1 else counted(len(rows), "difference", "differences")
        failure = etree.SubElement(case, "failure", {"type": first.change, "message": message})
        failure.text = "\n".join(map(_line, rows))
        yield case
    left = view.tally.differences[Verdict.DIFFERENT] - len(view.tally.details)
    if left:
        case = _case("left out", "differences that were counted but not kept")
        etree.SubElement(case, "failure", {"type": "left-out", "message": counted(left, "more", "more")})
        yield case


def _errors(view: View) -> Iterable[etree._Element]:
    for number, fault in enumerate(view.tally.faults, 1):
        case = _case("not compared", f"fault {number}")
        etree.SubElement(case, "error", {"type": "not-compared", "message": visible(fault)})
        yield case


def _line(row: Row) -> str:
    old, new = visible_pair(row.old, row.new)
    values = f"{'(nothing)' if old is None else old} → {'(nothing)' if new is None else new}"
    sources = " against ".join(visible(source) for source in (row.old_source, row.new_source) if source)
    note = f" ({MASKED})" if row.masked else ""
    return f"{row.change} {visible(row.path)}: {values}{note}{f' [{sources}]' if sources else ''}"


def _skipped(view: View) -> Iterable[etree._Element]:
    for place in view.tally.places(Verdict.EXPECTED):
        case = _case("expected", f"{place.spot}: {place.change}")
        message = f"{counted(place.count, 'difference', 'differences')}: {visible(place.reason)}"
        etree.SubElement(case, "skipped", {"message": message})
        yield case


def _equal(view: View) -> etree._Element:
    tally = view.tally
    case = _case("equal", f"{tally.equal:,} of {tally.compared:,} compared are equal")
    output = etree.SubElement(case, "system-out")
    output.text = (
        f"compared: {view.members() or 'nothing'}\n"
        f"only with expected differences: {tally.expected:,}, only with ignored ones: {tally.ignored:,}\n"
        f"differences ignored: {tally.differences[Verdict.IGNORED]:,}"
    )
    return case
