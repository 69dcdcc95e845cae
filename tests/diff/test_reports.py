"""The reports of the differ: each says the same of a comparison, and none gives away what is personal."""

import json
import re
import xml.etree.ElementTree as ET

import pytest
from rich.cells import cell_len

from bridge.diff import Change, Difference, Step, Tally, Verdict
from bridge.diff.reports import FORMATS, write_report
from bridge.diff.reports.view import visible, visible_pair
from mws_compat.orders import ORDER
from mws_compat.schema import TEXT
from tests.diff.reporting import CANARIES, HOSTILE, order_id, report, same, sample

KEYS = {
    *("change", "path", "spot", "record", "old", "new", "masked", "verdict", "reason", "old_source", "new_source"),
}
ANSI = re.compile(r"\x1b\[[0-9;]*m")

each_format = pytest.mark.parametrize("form", FORMATS)


def one(old, new, **fields):
    """A comparison with one difference: a value of the order's channel."""
    tally = Tally()
    steps = (Step("Order", "902-1"), Step("SalesChannel"))
    tally.pair("Order", [Difference(Change.VALUE, steps, old, new, TEXT, **fields)])
    return tally


# --- every format ---------------------------------------------------------------------------------------------------


@each_format
@pytest.mark.parametrize("hostile", [False, True])
def test_nothing_personal_is_told(form, hostile):
    """Without show_pii no report holds a personal value, a personal key, or a value that no table knows."""
    text = report(sample(hostile=hostile), form, details=1000)
    assert [canary for canary in CANARIES if canary in text] == []
    assert "before.xml" in text
    assert order_id(3) in text


@each_format
def test_what_is_personal_is_told_when_asked_for(form):
    """With show_pii every report holds the values that differ: the canaries are in what was to be told."""
    text = report(sample(), form, details=1000, show_pii=True)
    wanted = {"Xanadu", "Yggdrasil", "KEY-TAX-2", "unheard-of-2"}
    assert {canary for canary in wanted if canary not in text} == set()


@each_format
def test_no_control_character_is_in_a_report(form):
    """No value makes a terminal, an XML parser or a page do anything: what cannot be seen is escaped."""
    text = report(sample(hostile=True), form, details=1000)
    assert [character for character in text if not character.isprintable() and character != "\n"] == []


@each_format
def test_half_a_character_stops_no_report(form):
    """A lone surrogate, which no encoding can write, in a value or a name, ends no report with an error."""
    text = report(one("a", "b\ud800"), form)
    assert text.encode()
    assert "b\\ud800" in text or "b\\\\ud800" in text


@each_format
def test_a_comparison_without_differences_has_a_report(form):
    """When all is the same every report can be read, and a patch is empty as diff's is."""
    text = report(same(), form)
    assert ("before.xml" in text) is (form != "patch")
    if form == "patch":
        assert text == ""


def test_an_unknown_format_is_refused():
    """A format that is none is an error that names those that are."""
    with pytest.raises(ValueError, match="'yaml'; choose from text, json, ndjson, junit, html, patch"):
        report(same(), "yaml")


# --- text -----------------------------------------------------------------------------------------------------------


def test_the_text_begins_with_the_outcome():
    """The text report says first what was compared and what came of it."""
    lines = report(sample(), "text").splitlines()
    assert lines[:4] == [
        "old  before.xml",
        "new  after.json",
        "",
        "Different: 24 of 1,024 compared differ, 1 missing, 1 extra, 1 duplicate.",
    ]
    assert "  compared        1,024   1,012 orders, 12 items" in lines
    assert "  equal           1,000" in lines


def test_the_text_says_when_all_is_the_same():
    """Nothing but the counts is said of equal feeds; differences that do not count are mentioned."""
    assert "The same: 3 records compared." in report(same(), "text")
    tally = one("a", "b", verdict=Verdict.IGNORED, reason="--ignore SalesChannel")
    text = report(tally, "text")
    assert "The same: 1 record compared, but for 1 difference that does not count." in text
    assert "Ignored: 1 difference\n      1  Order/SalesChannel  changed-value" in text
    assert "One by one" not in text


def test_the_text_counts_places_and_shows_one_of_each():
    """The most frequent places come first, with their count and an example; what is expected has its reason."""
    text = report(sample(), "text")
    place = text.index("     12  Order/OrderStatus  changed-value\n         Unshipped → Shipped\n")
    assert place < text.index("      1  Order  missing: only the old side has it") < text.index("Expected: ")
    reason = "SP-API gives it only to applications with a role for personal data"
    assert f"     24  {reason}\n         Order/BuyerEmail, Order/OrderItem/GiftMessageText\n" in text
    assert text.index("Expected: ") < text.index("Ignored: 12 differences") < text.index("One by one")


def test_the_text_says_how_to_see_more():
    """Differences past the bound are counted, and the way to see them is said."""
    text = report(sample(), "text", details=5)
    total = sample().differences[Verdict.DIFFERENT]
    assert f"… {total - 5} more: --details {total} lists them, --format html filters them" in text
    assert text.count("\n    + ") <= 5
    assert f"… {total} not listed: " in report(sample(), "text", details=0)


def test_lines_are_cut_to_the_terminal_only():
    """With a width no line takes more columns, wide characters counted as two; without one nothing is cut."""
    tally = one("東京都" * 60, "東京都" * 60 + "x")
    for width in (20, 40, 80, 200):
        assert max(map(cell_len, report(tally, "text", width=width).splitlines())) <= width
        coloured = ANSI.sub("", report(tally, "text", width=width, colour=True))
        assert max(map(cell_len, coloured.splitlines())) <= width
    assert "東京都" * 60 + "x" in report(tally, "text", width=0)


def test_a_long_value_is_cut_so_that_the_change_is_seen():
    """Of two long values that begin alike the part is shown in which they differ."""
    old, new = f"{'same ' * 60}apple", f"{'same ' * 60}pear"
    text = report(one(old, new), "text", width=80)
    assert re.search(r"^         ….*apple → ….*pear$", text, re.MULTILINE)
    assert re.search(r"^    - ….*apple$", text, re.MULTILINE)


def test_colour_only_when_asked_for(monkeypatch):
    """Colours are the caller's choice; the environment neither adds nor takes them away."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    plain, coloured = report(sample(), "text"), report(sample(), "text", colour=True)
    assert "\x1b" not in plain
    assert "\x1b[31m" in coloured
    assert ANSI.sub("", coloured) == plain


def test_a_record_of_masked_name_keeps_its_own_differences():
    """Records that look the same when they are masked are still told apart."""
    tally = Tally()
    for key in ("ab", "cd"):
        steps = (Step("Order", key, pii=True), Step("SalesChannel"))
        tally.pair("Order", [Difference(Change.VALUE, steps, key, "z", TEXT)])
    assert report(tally, "text").split("One by one")[1].count("Order[xx]") == 2


# --- JSON -----------------------------------------------------------------------------------------------------------


def test_json_holds_summary_places_and_differences():
    """The JSON report is one object with documented keys, whose counts agree with each other."""
    found = json.loads(report(sample(), "json"))
    assert list(found) == ["summary", "places", "differences"]
    assert all(set(difference) == KEYS for difference in found["differences"])
    summary = found["summary"]
    assert (summary["compared"], summary["equal"], summary["different"]) == (1024, 1000, 24)
    assert (summary["old"], summary["new"], summary["same"]) == ("before.xml", "after.json", False)
    assert sum(summary["differences"].values()) == len(found["differences"])
    assert sum(place["count"] for place in found["places"]) == len(found["differences"])
    assert summary["listed"] == summary["differences"]
    city = next(place["example"] for place in found["places"] if place["spot"].endswith("/City"))
    assert city == {
        "change": "changed-value",
        "path": f"Order[{order_id(0)}]/ShippingAddress/City",
        "spot": "Order/ShippingAddress/City",
        "record": f"Order[{order_id(0)}]",
        "old": "xxxxxx",
        "new": "xxxxxxxxx",
        "masked": True,
        "verdict": "different",
        "reason": "",
        "old_source": "a.xml",
        "new_source": "b.json",
    }


def test_ndjson_is_a_difference_a_line():
    """NDJSON holds what JSON holds, a difference a line and the summary last."""
    *lines, last = map(json.loads, report(sample(), "ndjson").splitlines())
    whole = json.loads(report(sample(), "json"))
    assert lines == whole["differences"]
    assert last == {"summary": whole["summary"]}


def test_json_values_are_the_values():
    """In JSON values stand as they are, with what other reports escape."""
    found = json.loads(report(one(HOSTILE, "a\\b\n"), "json"))["differences"][0]
    assert (found["old"], found["new"], found["masked"]) == (HOSTILE, "a\\b\n", False)


# --- JUnit ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tally", [sample(), sample(hostile=True), same()], ids=["sample", "hostile", "same"])
def test_junit_counts_its_cases(tally):
    """A JUnit report parses, and says of itself as many tests, failures and skipped ones as it has."""
    root = ET.fromstring(report(tally, "junit").encode())
    for suite in (root, root[0]):
        assert int(suite.get("tests")) == len(list(suite.iter("testcase")))
        assert int(suite.get("failures")) == len(list(suite.iter("failure")))
        assert int(suite.get("skipped")) == len(list(suite.iter("skipped")))
    records = {found.record for found in tally.details}
    assert len(list(root.iter("failure"))) == len(records)
    assert {case.get("name") for case in root.iter("testcase") if case.find("failure") is not None} == records
    assert len(list(root.iter("skipped"))) == len(tally.places(Verdict.EXPECTED))


def test_junit_tells_what_failed():
    """The failure of a record holds each of its differences; expected ones are skipped with their reason."""
    root = ET.fromstring(report(sample(), "junit"))
    case = next(root.iter("testcase"))
    assert (case.get("classname"), case.get("name")) == ("Order", f"Order[{order_id(0)}]")
    assert "OrderStatus: Unshipped → Shipped [a.xml against b.json]" in case.findtext("failure")
    assert "City: xxxxxx → xxxxxxxxx (masked)" in case.findtext("failure")
    assert next(root.iter("skipped")).get("message").startswith("12 differences: SP-API gives it only")
    assert list(root.iter("testcase"))[-1].get("name") == "1,000 of 1,024 compared are equal"


@each_format
def test_a_comparison_that_is_not_complete(form):
    """Every report names each fault, and none says that the sides are the same."""
    tally = same()
    tally.faults += ["answers/7.xml: line 1, column 1: empty", "gave\x1b up"]
    text = report(tally, form)
    assert "answers/7.xml: line 1, column 1: empty" in text
    assert "gave\\x1b up" in text or "gave\\u001b up" in text
    assert "The same" not in text
    assert 'class="same"' not in text
    if form in {"json", "ndjson"}:
        summary = json.loads(text.splitlines()[-1])["summary"] if form == "ndjson" else json.loads(text)["summary"]
        assert (summary["same"], len(summary["faults"])) == (False, 2)
    if form == "junit":
        root = ET.fromstring(text.encode())
        assert {(suite.get("errors"), suite.get("failures")) for suite in (root, root[0])} == {("2", "0")}
        assert len(list(root.iter("error"))) == 2
    tally.faults += ["x"] * 100
    assert report(tally, form).count("gave") == 1


# --- patch ----------------------------------------------------------------------------------------------------------


def test_patch_reads_like_a_unified_diff():
    """Each line of a patch begins as diff's do: names, a hunk for each record, old and new values."""
    lines = report(sample(), "patch").splitlines()
    assert lines[:5] == [
        "--- before.xml",
        "+++ after.json",
        f"@@ Order[{order_id(0)}] @@",
        "-OrderStatus: Unshipped",
        "+OrderStatus: Shipped",
    ]
    assert {line[0] for line in lines} == {"-", "+", "@"}
    assert sum(line.startswith("@@ ") for line in lines) == len({found.record for found in sample().details})


# --- what was not kept ----------------------------------------------------------------------------------------------


@each_format
def test_what_was_not_kept_is_not_hidden(form, monkeypatch):
    """A report that lists fewer differences than were found says so."""
    monkeypatch.setattr("bridge.diff.tally.MAX_DETAILS", 10)
    tally = sample()
    assert len(tally.details) == 10 < tally.differences[Verdict.DIFFERENT]
    left = tally.differences[Verdict.DIFFERENT] - 10
    text = report(tally, form, details=10, width=0)
    wanted = {
        "text": f"… {left} more: --details 10 lists the first 10, ",
        "junit": f'message="{left} more"',
        "patch": f"# {left} more differences",
        "html": f"{left + 10} differences are different; this report lists 10 of them.",
    }
    assert wanted.get(form, '"listed":{"different":10,') in text


# --- texts ----------------------------------------------------------------------------------------------------------


def test_visible_leaves_printable_text_alone():
    """Only what cannot be seen is escaped, and the escape's own sign, so that no text looks like another."""
    assert visible("Größe 東京 <&> 'x'") == "Größe 東京 <&> 'x'"
    assert visible("a\nb\\n\u00a0\u200b\ud800") == "a\\nb\\\\n\\xa0\\u200b\\ud800"


def test_texts_that_look_the_same_are_told_apart():
    """Two spellings of one letter, which look alike, are escaped; a side that has nothing stays so."""
    assert visible_pair("é", "e\u0301") == ("\\xe9", "e\\u0301")
    assert visible_pair("é", "é!") == ("é", "é!")
    assert visible_pair(None, "é") == (None, "é")


def test_a_masked_difference_that_looks_the_same_says_so():
    """Two masked values may look alike; every report says that they are masked."""
    tally = one("Anna", "Emma", pii=True)
    assert "xxxx → xxxx" in report(tally, "text")
    for form in FORMATS:
        assert "masked" in report(tally, form)


def test_reports_are_written_to_the_stream(tmp_path):
    """A report goes to the given stream, here a file in UTF-8."""
    path = tmp_path / "report.html"
    with path.open("w", encoding="utf-8") as file:
        write_report(sample(), file, format="html", old_name="alt ü", new_name="<neu>")
    assert "<title>alt ü → &lt;neu&gt;</title>" in path.read_text(encoding="utf-8")


def test_struct_of_lone_records_is_shown_in_brief():
    """An order that one side lacks stands with what it is known by."""
    found = json.loads(report(sample(), "json"))
    missing = next(entry for entry in found["differences"] if entry["change"] == "missing")
    assert missing["old"] == f"{{AmazonOrderId: {order_id(500)}}}"
    assert missing["new"] is None
    assert ORDER.name == missing["spot"]
