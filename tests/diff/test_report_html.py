"""The HTML report, opened in a real Chromium that cannot reach any network."""

import json
import re
from contextlib import contextmanager
from importlib.resources import files

import pytest

from bridge.diff import Change, Difference, Step, Tally, Verdict
from mws_compat.schema import TEXT
from tests.browser import CONTRASTS
from tests.diff.reporting import CANARIES, HOSTILE, order_id, report, same, sample

PHONE = {"width": 390, "height": 844}

browser_test = pytest.mark.browser


@pytest.fixture
def show(chromium, tmp_path):
    """Opens a report; fails at the end if the page complained, but for what it was to refuse, or asked for anything
    but itself."""
    complaints, asked, contexts = [], [], []
    refusals = []

    def open_page(tally, *, show_pii=False, refused=0, **options):
        refusals.append(refused)
        path = tmp_path / f"{len(contexts)}.html"
        path.write_text(report(tally, "html", show_pii=show_pii), encoding="utf-8")
        context = chromium.new_context(**options)
        contexts.append(context)
        context.set_offline(True)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert len(complaints) == sum(refusals), complaints
    assert [url for url in asked if not url.startswith("file:")] == []
    assert len(asked) == len(contexts)


def shown(page):
    return page.locator("#shown").inner_text()


def rows(page):
    return page.locator("#list li").count()


def many(count):
    """A comparison with one difference in each of so many orders, of two kinds in turn."""
    tally = Tally()
    for number in range(count):
        steps = (Step("Order", order_id(number)), Step("SalesChannel"))
        change, new = (Change.VALUE, f"new {number}") if number % 2 else (Change.MISSING_FIELD, None)
        tally.pair("Order", [Difference(change, steps, f"old {number}", new, TEXT)])
    return tally


# --- filtering ------------------------------------------------------------------------------------------------------


@browser_test
def test_what_counts_is_shown_first(show):
    """The page opens with the differences that count, by record, and says how many there are of how many."""
    tally = sample()
    page = show(tally)
    count = tally.differences[Verdict.DIFFERENT]
    assert shown(page) == f"{count} of {tally.differences.total()} differences"
    assert rows(page) == count
    assert page.locator("h1").inner_text().startswith("Different: 24 of 1,024 compared differ")
    records = page.locator("h3").all_text_contents()
    assert records == list(dict.fromkeys(found.record for found in tally.details))


@browser_test
def test_filter_by_path(show):
    """A part of a path, an order's id, or a path without keys leaves the differences there, in any case."""
    page = show(sample())
    for text, count in (
        ("shippingaddress/CITY", 12),
        (order_id(3), 5),
        ("Order/OrderItem/QuantityOrdered", 12),
        ("?", 0),
    ):
        page.get_by_label("Path holds").fill(text)
        assert shown(page).startswith(f"{count} of "), text
        assert rows(page) == count
    page.get_by_role("button", name="Clear").click()
    page.wait_for_function("document.querySelectorAll('#list li').length > 12")


@browser_test
def test_filter_by_kind_and_verdict(show):
    """Kinds and verdicts are chosen by their boxes, which say how many there are; together they narrow."""
    tally = sample()
    page = show(tally)
    total = tally.differences[Verdict.DIFFERENT]
    page.get_by_role("checkbox", name="changed-value").uncheck()
    changed = sum(found.change is Change.VALUE for found in tally.details)
    assert rows(page) == total - changed
    page.get_by_role("checkbox", name="ignored").check()
    assert rows(page) == total - changed  # they are all changed values
    page.get_by_role("checkbox", name="changed-value").check()
    assert rows(page) == total + 12
    assert page.locator("li.ignored").first.text_content().count("ignored: --ignore LastUpdateDate") == 1
    page.get_by_label("Path holds").fill("LastUpdate")
    assert rows(page) == 12
    assert page.locator("label", has_text="ignored").inner_text().split() == ["ignored", "12"]


@browser_test
def test_a_place_of_the_summary_filters(show):
    """A place in the summary leads to its differences."""
    page = show(sample())
    page.get_by_role("button", name="Order/OrderStatus").click()
    assert rows(page) == 12
    assert page.evaluate("document.activeElement.id") == "path"


@browser_test
@pytest.mark.long
def test_ten_thousand_differences(show):
    """Of 10,000 differences 500 are shown at a time; the button shows more, and filtering finds the last."""
    page = show(many(10_000))
    assert shown(page) == "10,000 differences, the first 500 shown"
    assert rows(page) == 500
    more = page.get_by_role("button", name="more of")
    assert more.inner_text() == "Show 500 more of 9,500"
    more.click()
    assert rows(page) == 1000
    assert page.evaluate("document.activeElement.textContent").startswith("SalesChannel")
    page.get_by_label("Path holds").fill(order_id(9_999))
    assert (rows(page), shown(page)) == (1, "1 of 10,000 differences")
    assert more.is_hidden()
    page.get_by_label("Path holds").fill("")
    page.get_by_role("checkbox", name="missing-field").uncheck()
    assert shown(page) == "5,000 of 10,000 differences, the first 500 shown"
    page.evaluate("for (const more = document.getElementById('more'); !more.hidden;) more.click()")
    assert (rows(page), more.is_hidden()) == (5000, True)


@browser_test
def test_the_keyboard_is_enough(show):
    """Every control can be reached and used without a mouse, and has a name."""
    page = show(sample())
    page.get_by_label("Path holds").focus()
    page.keyboard.type("City")
    assert rows(page) == 12
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # clears
    page.wait_for_function("document.querySelectorAll('#list li').length > 12")
    page.keyboard.press("Tab")
    before = rows(page)
    page.keyboard.press("Space")  # the first box: what counts
    assert rows(page) < before
    unnamed = "[...document.querySelectorAll('input')].filter((input) => !input.labels.length).length"
    assert page.evaluate(unnamed) == 0
    assert page.evaluate("document.documentElement.lang") == "en"


# --- values ---------------------------------------------------------------------------------------------------------


@browser_test
def test_values_stand_side_by_side_with_their_change_marked(show):
    """Both values are shown, and of each the part that the other has not is marked."""
    page = show(many(2))
    line = page.locator("li", has_text="changed-value")
    assert line.locator(".old").text_content() == "old: old 1"
    assert line.locator(".old mark").text_content() == "old"
    assert line.locator(".new mark").text_content() == "new"
    old, new = line.locator(".old").bounding_box(), line.locator(".new").bounding_box()
    assert old["y"] == new["y"]
    assert old["x"] + old["width"] <= new["x"]
    assert page.locator("li", has_text="missing-field").locator(".new").text_content().endswith("nothing")


@browser_test
def test_a_long_value_is_shown_where_it_differs(show):
    """Of a long value the part around the change is shown, all of it on request."""
    tally = Tally()
    steps = (Step("Order", "902-1"), Step("SalesChannel"))
    tally.pair("Order", [Difference(Change.VALUE, steps, "x" * 5000 + "old", "x" * 5000 + "new", TEXT)])
    page = show(tally)
    box = page.locator("li .old")
    assert box.locator("mark").inner_text() == "old"
    assert len(box.inner_text()) < 600
    box.get_by_role("button", name="show all 5,003 characters").click()
    assert box.inner_text().endswith("x" * 5000 + "old")


@browser_test
def test_hostile_values_are_inert(show):
    """Values, paths, reasons and names that are HTML, scripts or escapes are shown as text, and nothing runs."""
    tally = sample(hostile=True)
    steps = (Step("Order", HOSTILE), Step(HOSTILE))
    tally.pair("Order", [Difference(Change.VALUE, steps, HOSTILE, "<!--@data-->@title@", TEXT, old_source=HOSTILE)])
    tally.pair("Order", [Difference(Change.VALUE, steps, "1", "2", TEXT, verdict=Verdict.EXPECTED, reason=HOSTILE)])
    page = show(tally)  # the fixture fails on dialogs and errors
    page.get_by_role("checkbox", name="expected").check()
    assert page.evaluate("document.images.length") == 0
    assert page.evaluate("document.scripts.length") == 2
    escaped = HOSTILE.replace("\u2028", "\\u2028").replace("\u202e", "\\u202e").replace("\x1b", "\\x1b")
    escaped = escaped.replace("\x00", "\\x00")
    assert page.locator("li .new", has_text=escaped).count() == 12
    assert page.locator("h3", has_text=escaped).count() == 1
    assert page.locator("li .new", has_text="<!--@data-->@title@").count() == 1


@browser_test
def test_the_page_runs_no_script_but_its_own(show):
    """The policy forbids any other script, style from elsewhere, and every request."""
    page = show(same(), refused=2)
    blocked = page.evaluate(
        """() => new Promise((resolve) => {
            const found = [];
            document.addEventListener("securitypolicyviolation", (event) => found.push(event.effectiveDirective));
            const script = document.createElement("script");
            script.textContent = "document.title = 'ran'";
            document.body.append(script);
            const image = document.createElement("img");
            image.src = "data:image/gif;base64,R0lGODlhAQABAAAAACw=";
            document.body.append(image);
            setTimeout(() => resolve([document.title, ...found.sort()]), 200);
        })"""
    )
    assert blocked == ["before.xml → after.json", "img-src", "script-src-elem"]


@browser_test
def test_nothing_personal_is_in_the_page(show):
    """What the browser holds of the page has no personal value, unless it was asked for, and then it says so."""
    page = show(sample())
    assert [canary for canary in CANARIES if canary in page.content()] == []
    assert page.get_by_text("Personal data is masked").count() == 1
    page = show(sample(), show_pii=True)
    assert page.get_by_text("This report shows personal data.").count() == 1
    assert page.locator("li .old", has_text="Xanadu").count() == 12


# --- every screen ---------------------------------------------------------------------------------------------------


@browser_test
@pytest.mark.parametrize("options", [{"viewport": PHONE}, {"viewport": {"width": 1280, "height": 900}}], ids=str)
def test_no_screen_is_too_narrow(show, options):
    """Nothing reaches beyond the screen, whatever the values are."""
    tally = sample(hostile=True)
    steps = (Step("Order", "k" * 300), Step("Field" * 60))
    tally.pair("Order", [Difference(Change.VALUE, steps, "o" * 300, "n" * 300, TEXT)])
    page = show(tally, **options)
    assert page.evaluate("document.documentElement.scrollWidth") == options["viewport"]["width"]


@browser_test
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_sufficient(show, scheme):
    """Every text stands out from its background by 4.5 to 1 at least, in light and in dark."""
    page = show(sample(), color_scheme=scheme)
    page.get_by_role("checkbox", name="expected").check()
    page.locator("summary").click()
    assert page.evaluate(CONTRASTS) == []


# --- without a browser ----------------------------------------------------------------------------------------------


@contextmanager
def parsed(text):
    """What an HTML parser makes of the data in the page."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    yield json.loads(found[1])


def test_the_data_end_where_they_should():
    """Nothing in the data ends their element or opens another, and each mark of the page is filled once."""
    text = report(sample(hostile=True), "html")
    with parsed(text) as data:
        assert sum(map(len, data["groups"])) == sample().differences.total()
    template = files("bridge.diff.reports").joinpath("report.html").read_text(encoding="utf-8")
    assert text.count("<script") == template.count("<script")
    assert text.count("</script") == template.count("</script")
    assert set(re.findall(r"<!--@\w+-->|@\w+@", text)) == set()


def test_the_page_names_no_address():
    """The page asks nobody for anything: no address is in it, and its policy begins with forbidding everything."""
    text = report(sample(), "html")
    assert re.findall(r"https?://|//[a-z]+\.|@import|url\(", text) == []
    assert "content=\"default-src 'none'; script-src 'sha256-" in text
    assert "unsafe" not in text


def test_the_summary_needs_no_script():
    """Where scripts do not run, the outcome, the counts and the places can still be read."""
    text = re.sub(r"<script.*?</script>", "", report(sample(), "html"), flags=re.DOTALL)
    assert "Different: 24 of 1,024 compared differ, 1 missing, 1 extra, 1 duplicate." in text
    assert "<dt>equal</dt><dd>1,000</dd>" in text
    assert "<del>Unshipped</del> → <ins>Shipped</ins>" in text
