"""The status page: what is wrong comes first, in plain words; on every screen, in light and in dark."""

import dataclasses
import itertools
import re

import pytest

from bridge.watch.admin import _HEADERS
from bridge.watch.board import Board
from bridge.watch.counting import Watch
from bridge.watch.figures import Minute
from bridge.watch.page import MOST_SELLERS, render_locked, render_page
from bridge.watch.plot import _top, render_plot
from bridge.watch.survey import Survey
from bridge.watch.verdict import clock_time, duration, judge, why_degraded
from tests.browser import CONTRASTS
from tests.watch.sample import EVENT, HOSTILE, NOW, Clock, busy, failure, quiet, seller, state, stranger

browser_test = pytest.mark.browser


@pytest.fixture(scope="module")
def trouble():
    """The view of a busy board that has every kind of trouble."""
    return busy(store="alone").view()


@pytest.fixture(scope="module")
def well():
    """The view of a busy board on which nothing is wrong."""
    return busy(trouble=False).view()


def board(*events, survey=None):
    """A view after some events."""
    clock = Clock()
    found = survey or Survey()
    watch = Watch(now=clock, survey=lambda: found)
    for event in events:
        watch(event)
    return Board(now=clock, own=watch).view()


def text_of(html):
    """What a reader sees, roughly."""
    html = re.sub(r"<style>.*?</style>|<wbr>", "", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


# --- the headline ---------------------------------------------------------------------------------------------------


def test_all_is_well(well):
    """A busy hour without trouble is well; an hour without requests is quiet."""
    assert (judge(well).level, judge(well).headline) == ("fine", "All is well")
    assert judge(quiet().view()).headline == "All is quiet"


def test_trouble_comes_first(trouble):
    """What is wrong is counted in the headline and told in the order of its weight, each with what helps."""
    verdict = judge(trouble)
    assert verdict.level == "bad"
    assert verdict.headline == "3 things need attention"
    assert [finding.level for finding in verdict.findings] == ["bad"] * 3 + ["warn"] * (len(verdict.findings) - 3)
    store, files, grant = verdict.findings[:3]
    assert store.text.startswith("The shared store has been out of reach since 01:44. ")
    assert store.note == "for 28 min"
    assert files.details == ("sellers.d/acme.toml: [[seller]][1].region: must be na, eu or fe",)
    assert grant.text == "Amazon no longer accepts the seller’s authorisation."
    assert re.fullmatch(r"AccessDenied · \d+ times in 15 minutes · seller A01EXAMPLESELL", grant.note)
    assert all(finding.remedy for finding in verdict.findings)


@pytest.mark.parametrize(
    ("event", "level", "headline"),
    [
        (failure("InternalError"), "bad", "1 thing needs attention"),
        (failure("AccessDenied"), "bad", "1 thing needs attention"),
        (failure("ServiceUnavailable"), "warn", "It runs, with 1 thing to know"),
        (failure("InvalidParameterValue"), "warn", "It runs, with 1 thing to know"),
        (failure("RequestThrottled"), "fine", "All is well"),
        (stranger("SignatureDoesNotMatch"), "fine", "All is well"),
    ],
    ids=lambda value: getattr(value, "code", ""),
)
def test_whose_trouble_it_is(event, level, headline):
    """What the operator can mend needs attention; what Amazon or a program's owner can mend is worth knowing;
    throttling and strangers are no trouble."""
    verdict = judge(board(event))
    assert (verdict.level, verdict.headline) == (level, headline)


def test_old_trouble_is_no_news():
    """A quarter of an hour after its last error a trouble is over; it is still among the last errors."""
    clock = Clock()
    watch = Watch(now=clock, survey=Survey)
    found = Board(now=clock, own=watch)
    watch(failure("AccessDenied"))
    clock.at += 899
    assert judge(found.view()).level == "bad"
    clock.at += 1
    assert judge(found.view()).level == "fine"
    assert "Amazon no longer accepts" in render_page(found.view())


def test_workers_that_are_missed():
    """No worker at all, and one that has been silent for a minute, are trouble; a worker about to stop is none."""
    clock = Clock()
    found = Board(now=clock)
    assert judge(found.view()).findings[0].text == "No worker reports."
    found.merge("1", Watch(now=clock, survey=lambda: Survey(draining=True)).report())
    assert judge(found.view()).level == "fine"
    assert "1 about to stop" in text_of(render_page(found.view()))
    clock.at += 95
    (finding,) = judge(found.view()).findings
    assert (finding.text, finding.note) == ("Worker 1 has not reported since 02:13.", "for 2 min")


def test_what_the_process_says_of_itself(trouble, well):
    """Reasons of the process are told too, but not twice; what the board knows of the bridge itself can be given to
    whoever asks whether it is ready."""
    assert judge(well, ("worker 7 ends again and again",)).findings[0].text == "worker 7 ends again and again"
    assert judge(trouble, why_degraded(trouble)) == judge(trouble)
    later = dataclasses.replace(trouble, at=trouble.at + 30)  # the two are not taken at the same moment
    assert judge(trouble, why_degraded(later)) == judge(trouble)
    assert len(why_degraded(trouble)) == 2
    assert why_degraded(well) == ()


def test_many_sellers_are_named_shortly():
    """Of many sellers three are named, and the number of the others."""
    events = [failure("AccessDenied", seller_id=seller(number)) for number in range(9)]
    (finding,) = judge(board(*events)).findings
    assert finding.note.endswith("· sellers A08EXAMPLESELL, A07EXAMPLESELL, A06EXAMPLESELL and 6 more")
    bug = failure("InternalError", seller_id="")
    assert judge(board(bug)).findings[0].note == "InternalError · 1 time in 15 minutes"


# --- the parts ------------------------------------------------------------------------------------------------------


def test_sellers_with_errors_come_first():
    """Sellers with the most errors come first, then the busiest; each with what is known of it."""
    events = [EVENT._replace(seller_id="BUSY")] * 3
    events += [EVENT._replace(seller_id="CALM"), failure("AccessDenied", seller_id="SICK")]
    events += [failure("RequestThrottled", seller_id="CALM")]
    calm = state("CALM", buckets={"getOrder": 0.4, "getOrders": -1.5, "unheardOf": 0.0}, token_age=7300.0)
    html = render_page(board(*events, survey=Survey((calm, state("IDLE", buckets={}, token_age=None)))))
    assert re.findall(r"<tr><th scope=row>([A-Z]+)", html) == ["SICK", "BUSY", "CALM", "IDLE"]
    text = text_of(html)
    assert "SICK 1 1 error last 02:13" in text
    assert "CALM 2 1 throttled last 02:13 Orders v2026-01-01" in text
    assert "getOrder 0 of 30 getOrders 2 waiting unheardOf 0 of 1 2 h" in text
    assert html.count("<li class=low>") == 3


def test_the_first_two_hundred_sellers():
    """Of two thousand sellers two hundred are shown, and how many there are beyond, and whether they have errors."""
    many = board(survey=Survey(tuple(state(f"S{number:04d}", buckets={}) for number in range(2000))))
    html = render_page(many)
    assert html.count("<th scope=row>S") == MOST_SELLERS == 200
    assert "… and 1,800 more sellers, none with errors." in html
    sick = board(*(failure("AccessDenied", seller_id=f"S{number:04d}") for number in range(201)))
    assert "… and 1 more seller, 1 of them with errors." in render_page(sick)
    assert "more seller" not in render_page(board(EVENT))
    assert "None has asked for anything." in render_page(quiet().view())


def test_errors_are_told_by_what_they_mean(trouble):
    """Errors that mean the same stand together with their remedy, how many there were and when; each one is below."""
    html = render_page(trouble)
    text = text_of(html)
    assert "AccessDenied Amazon no longer accepts the seller’s authorisation." in text
    assert re.search(r"Yours to mend · \d+ times, last at 02:\d\d:\d\d, first at 01:\d\d:\d\d · seller A01", text)
    assert html.count("<h3>") == len({(mishap.code) for mishap in (*trouble.mishaps, *trouble.strangers)})
    assert html.count("<small class=mono>6f1c</small>") == len(trouble.mishaps) + len(trouble.strangers)
    once = text_of(render_page(board(stranger("InvalidAddress"))))
    assert "Turned away at the door" in once
    assert "1 time, last at 02:13:05 One by one" in once
    assert "Last errors" not in once
    assert "02:13:05 – – 404 Resource /wp-login.php is not found" in once


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.0005, "≤ 1 ms"), (0.0025, "≤ 2.5 ms"), (0.3, "≤ 500 ms"), (0.7, "≤ 1 s"), (31.0, "over 30 s"), (None, "–")],
)
def test_answer_times(seconds, told):
    """How long ninety-five of a hundred requests take at most is told in words that can be read."""
    events = [] if seconds is None else [EVENT._replace(seconds=seconds, upstream=())] * 20
    assert f"Answer time {told} for 95 of 100" in text_of(render_page(board(*events)))


def test_the_facts(trouble):
    """Throughput, errors, store, workers and what was kept are told."""
    text = text_of(render_page(trouble))
    assert "Workers 2 all at work" in text
    assert "Store out of reach each worker goes on alone, since 01:44" in text
    assert "In flight 4 requests" in text
    assert re.search(r"Orders kept \d\d% [\d,]+ of [\d,]+ spared Amazon a question", text)
    assert "Store own memory" in text_of(render_page(quiet().view()))
    assert "Store unknown no worker has reported" in text_of(render_page(Board(now=Clock()).view()))


@pytest.mark.parametrize(
    ("most", "top"), [(0, 2), (1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 20), (41, 60), (99, 100), (101, 200)]
)
def test_the_scale_ends_on_a_round_number(most, top):
    """The scale reaches the highest bar, and its middle is a whole number."""
    assert _top(most) == top


def test_the_plot_says_what_it_shows():
    """The plot has a title, a description, bars that add up, and a table with the same numbers."""
    minutes = [Minute(0, 0, 0)] * 59 + [Minute(10, 3, 2)]
    html = "".join(render_plot(minutes, NOW))
    assert "10 requests in the last hour, 3 throttled, 2 errors; at most 10 a minute." in html
    assert re.findall(r'<path class="(\w+)" d="M59.1 [\d.]+h.8v-([\d.]+)', html) == [
        ("errors", "20"),
        ("throttled", "30"),
        ("answered", "50"),
    ]
    rows = re.findall(
        r"<tr><th scope=row>([\d:]+)<td class=number>(\d+)<td class=number>(\d+)<td class=number>(\d+)", html
    )
    assert rows[0] == ("02:09", "10", "3", "2")
    assert (len(rows), rows[-1]) == (12, ("01:14", "0", "0", "0"))


def test_few_errors_are_seen_beside_many_requests():
    """One error among ten thousand requests has a bar that can be seen, and none reaches over the top."""
    html = "".join(render_plot([Minute(0, 0, 0)] * 59 + [Minute(10_000, 1, 1)], NOW))
    heights = [float(height) for height in re.findall(r"h.8v-([\d.]+)", html)]
    assert heights[:2] == [1.5, 1.5]
    assert sum(heights) <= 100


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0 s"), (89, "89 s"), (91, "2 min"), (5399, "90 min"), (7200, "2 h"), (300_000, "3 days")],
)
def test_durations(seconds, told):
    """A duration is told in the unit that a person would take."""
    assert duration(seconds) == told


def test_times_of_another_day():
    """A time of another day has its date."""
    assert clock_time(NOW - 60, NOW) == "02:12"
    assert clock_time(NOW - 86_400, NOW, seconds=True) == "2026-11-21 02:13:05"


# --- whatever it shows ----------------------------------------------------------------------------------------------


def hostile_page():
    """A page on which every text that can come from elsewhere is hostile."""
    evil = state(HOSTILE, why=HOSTILE, upstream=HOSTILE, buckets={HOSTILE: 1.0})
    survey = Survey((evil,), "alone", NOW, configuration_faults=(HOSTILE,))
    events = [
        failure("AccessDenied", reason=HOSTILE, seller_id=HOSTILE, request_id=HOSTILE),
        stranger("InvalidAddress")._replace(reason=HOSTILE),
    ]
    return render_page(board(*events, survey=survey), (HOSTILE,))


def test_everything_is_escaped():
    """Whatever ids, reasons, files and words hold is shown as text, and cannot turn the writing round."""
    html = hostile_page()
    assert "<script" not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 9
    assert "\u202e" not in html
    assert "\x1b" not in html
    assert "\x00" not in html


def test_the_page_asks_for_nothing(trouble):
    """No script, no address of elsewhere, no handler, no inline style: only its own style, known by its digest."""
    for html in (render_page(trouble), render_locked()):
        assert re.findall(r"<script|https?://|@import|url\(|\son\w+=|style=|<img|<link|<iframe", html) in (
            [],
            ["https://"],
        )
        assert html.count("<style>") == 1
    assert render_page(trouble).count('http-equiv="refresh"') == 1
    assert 'http-equiv="refresh"' not in render_locked()


# --- in a browser ---------------------------------------------------------------------------------------------------


PHONE = {"width": 375, "height": 800}
WIDE = {"width": 1280, "height": 900}


@pytest.fixture
def show(chromium):
    """Opens a page under the headers of the admin port; fails at the end if it complained or asked for anything."""
    complaints, asked, shown = [], [], []
    page = chromium.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    headers = {**_HEADERS, "content-type": "text/html; charset=utf-8"}
    page.route("**/*", lambda route: route.fulfill(status=200, headers=headers, body=shown[-1]))

    def open_page(html, *, size=WIDE, scheme="light"):
        shown.append(html)
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        page.goto("http://status.invalid/")
        return page

    yield open_page
    page.close()
    assert complaints == []
    assert asked == ["http://status.invalid/"] * len(shown)


@browser_test
@pytest.mark.parametrize("size", [PHONE, WIDE], ids=str)
def test_no_screen_is_too_narrow(show, trouble, size):
    """Nothing reaches beyond the screen, whatever the values are, closed or unfolded."""
    long = board(
        failure("AccessDenied", reason="r" * 400, seller_id="S" * 80, request_id="q" * 80),
        survey=Survey((state("S" * 80, why="w" * 200, buckets={"o" * 90: 1.0}),), configuration_faults=("f" * 300,)),
    )
    for html in (render_page(trouble), hostile_page(), render_page(long, ("y" * 300,)), render_locked()):
        page = show(html, size=size)
        page.evaluate("document.querySelectorAll('details').forEach((found) => { found.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
        beyond = """[...document.querySelectorAll('body *')]
            .filter((found) => found.getBoundingClientRect().right > innerWidth + 0.5).length"""
        assert page.evaluate(beyond) == 0


@browser_test
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_sufficient(show, trouble, scheme):
    """Every text stands out from its background by 4.5 to 1 at least, in light and in dark; the style is in force."""
    for html in (render_page(trouble), render_page(quiet().view()), render_locked()):
        page = show(html, scheme=scheme)
        page.evaluate("document.querySelectorAll('details').forEach((found) => { found.open = true; })")
        assert page.evaluate(CONTRASTS) == []
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(13, 17, 23)"
        assert dark is (scheme == "dark")


@browser_test
def test_the_page_can_be_heard(show, trouble):
    """Somebody who does not see the page finds its headings in order, the plot's words, and the headers of tables."""
    page = show(render_page(trouble))
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map((found) => +found.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    image = page.get_by_role("img", name="Requests a minute")
    assert image.count() == 1
    assert "requests in the last hour" in image.locator("desc").text_content()
    assert page.evaluate(
        "[...document.querySelectorAll('table')].every((found) => found.querySelector('th[scope=col]'))"
    )
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.title() == "3 things need attention – mws-bridge"


@browser_test
def test_the_plot_is_drawn(show, trouble):
    """The bars fill the plot's width and stand on its ground line, errors in a colour of their own."""
    page = show(render_page(trouble))
    frame = page.locator(".plot svg").bounding_box()
    bars = page.locator("path.answered").bounding_box()
    assert bars["width"] > 0.95 * frame["width"]
    assert 0.3 * frame["height"] < bars["height"] <= frame["height"]
    colour = "(name) => getComputedStyle(document.querySelector('path.' + name)).fill"
    colours = [page.evaluate(colour, name) for name in ("answered", "throttled", "errors")]
    assert len(set(colours)) == 3
