"""Counting in the workers, and the board that adds it up: nothing lost, nothing twice, nothing without end."""

import dataclasses
import sys

import orjson
import pytest

from bridge.upstream.journal import UpstreamCall
from bridge.watch.board import Board
from bridge.watch.counting import Watch
from bridge.watch.figures import BOUNDS, KNOWN_OPERATIONS, MOST_MISHAPS, Minute
from bridge.watch.survey import Survey
from bridge.watch.view import Gauges
from mws_compat.orders import OPERATIONS
from tests.watch.sample import EVENT, HOSTILE, NOW, Clock, failure, seller, state, stranger


def made(survey=Survey, **options):
    """A clock, a watch, and a board that reads it."""
    clock = Clock()
    watch = Watch(now=clock, survey=survey, **options)
    return clock, watch, Board(now=clock, own=watch)


# --- counters -------------------------------------------------------------------------------------------------------


def test_what_a_success_counts():
    """A success counts under its operation: its time, its bytes, its upstream calls, its wait, what was kept."""
    _, watch, board = made()
    watch(EVENT._replace(waited=1.5, hits=7, misses=2))
    view = board.view()
    assert view.requests == {("ListOrders", ""): 1}
    assert view.upstream == {("getOrders", "200"): 1}
    assert (view.waited, view.hits, view.misses, view.bytes_in, view.bytes_out) == (1.5, 7, 2, 311, 9585)
    histogram = view.seconds["ListOrders"]
    assert (sum(histogram.counts), histogram.total) == (1, 0.31)
    assert view.upstream_seconds["getOrders"].total == 0.2
    assert view.activity == {"A1SELLER": (1, 0, 0, NOW)}
    assert view.minutes[-1] == Minute(1, 0, 0)
    assert view.mishaps == view.strangers == ()
    assert view.refusals == {}


@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [(0.0, 0), (0.001, 0), (0.0011, 1), (0.31, 8), (30.0, 13), (30.1, 14)],
)
def test_buckets_hold_their_upper_ends(seconds, bucket):
    """A time falls into the first bucket whose end it does not pass, as Prometheus means it."""
    _, watch, board = made()
    watch(EVENT._replace(seconds=seconds))
    counts = board.view().seconds["ListOrders"].counts
    assert len(counts) == len(BOUNDS) + 1
    assert [place for place, count in enumerate(counts) if count] == [bucket]


def test_every_operation_of_mws_has_a_label_of_its_own():
    """The known operations are those of the table, and Ping; whatever else somebody invents is one label."""
    assert {*OPERATIONS, "Ping"} == KNOWN_OPERATIONS
    _, watch, board = made()
    for number in range(100):
        odd = EVENT._replace(operation=f"Invented{number}", code=f"Code{number}", status=400, upstream=())
        watch(odd)
        call = UpstreamCall(f"made up {number}", number % 100, "", 0.1)
        watch(EVENT._replace(upstream=(call,)))
    view = board.view()
    assert view.requests == {("other", "other"): 100, ("ListOrders", ""): 100}
    assert view.upstream == {("other", "none"): 100}
    assert set(view.seconds) == {"other", "ListOrders"}


def test_statuses_of_upstream_calls():
    """A call without an answer, or with a status that is none, counts as none."""
    _, watch, board = made()
    calls = tuple(UpstreamCall("getOrder", status, "", 0.1) for status in (200, 429, 0, 7, 600, 599))
    watch(EVENT._replace(upstream=calls))
    watch(EVENT._replace(upstream=(), token_calls=(UpstreamCall("LWA", 400, "", 0.1),)))
    assert board.view().upstream == {
        ("LWA", "400"): 1,
        **{("getOrder", status): 1 for status in ("200", "429", "599")},
        ("getOrder", "none"): 3,
    }


def test_what_failures_count():
    """Refused callers count by code as long as nobody knows who they are; NextTokens that cannot be opened count
    too."""
    _, watch, board = made()
    for code in ("SignatureDoesNotMatch", "AccessDenied", "AccessDenied", "InvalidAddress"):
        watch(stranger(code))
    watch(failure("AccessDenied"))  # Amazon's refusal of a seller whom we know
    watch(EVENT._replace(code="NextTokenCorrupted", status=400))
    view = board.view()
    assert view.refusals == {"SignatureDoesNotMatch": 1, "AccessDenied": 2}
    assert view.next_token == 1
    assert view.minutes[-1] == Minute(6, 0, 6)
    assert view.activity["A1SELLER"][:3] == (2, 0, 2)


def test_throttling_is_counted_apart():
    """Throttled requests are no errors: they are counted, and are not among the last errors."""
    _, watch, board = made()
    watch(failure("RequestThrottled"))
    view = board.view()
    assert view.minutes[-1] == Minute(1, 1, 0)
    assert view.activity["A1SELLER"][:3] == (1, 1, 0)
    assert view.requests == {("ListOrders", "RequestThrottled"): 1}
    assert view.mishaps == ()


def test_a_report_is_what_is_new():
    """Each event is in one report and in no other, and a report with nothing in it changes nothing."""
    clock, watch, _ = made()
    board = Board(now=clock)
    for number in range(5):
        watch(EVENT._replace(waited=0.5))
        board.merge("1", watch.report())
        board.merge("1", watch.report())
        assert board.view().requests == {("ListOrders", ""): number + 1}
    view = board.view()
    assert (view.waited, view.seconds["ListOrders"].total) == (2.5, pytest.approx(5 * 0.31))
    assert view.activity["A1SELLER"].requests == view.minutes[-1].requests == 5


def test_workers_add_up_and_a_dead_one_stays_counted():
    """What workers count is added up; a worker that is forgotten takes its gauges with it, never its counters."""
    clock = Clock()
    board = Board(now=clock)
    watches = {name: Watch(now=clock, survey=lambda: Survey(in_flight=3)) for name in ("1", "2")}
    for name, watch in watches.items():
        watch(EVENT)
        watch(failure("InternalError"))
        board.merge(name, watch.report())
    before = board.view()
    assert before.requests == {("ListOrders", ""): 2, ("ListOrders", "InternalError"): 2}
    assert (before.in_flight, [worker.name for worker in before.workers]) == (6, ["1", "2"])
    board.forget("1")
    board.forget("never heard of")
    after = board.view()
    assert after.requests == before.requests
    assert after.mishaps == before.mishaps
    assert after.activity == before.activity
    assert (after.in_flight, [worker.name for worker in after.workers]) == (3, ["2"])


def test_a_report_that_is_none():
    """What is no JSON is refused."""
    with pytest.raises(ValueError, match="unexpected end of data"):
        Board(now=Clock()).merge("1", b"{")


# --- the last hour --------------------------------------------------------------------------------------------------


def test_minutes_pass():
    """Requests stand in their own minute, also when they are reported later; after an hour they are gone, the
    counters are not."""
    clock, watch, board = made()
    watch(EVENT)
    clock.at += 120
    watch(failure("AccessDenied"))
    clock.at += 60
    view = board.view()
    assert len(view.minutes) == 60
    assert [minute for minute in view.minutes if minute.requests] == [Minute(1, 0, 0), Minute(1, 0, 1)]
    assert view.minutes[-4].requests == view.minutes[-2].requests == 1
    clock.at += 3600
    view = board.view()
    assert not any(minute.requests for minute in view.minutes)
    assert view.activity == {}
    assert sum(view.requests.values()) == 2


def test_the_last_request_of_a_seller():
    """A seller's counts come from its last hour, in steps of five minutes, and its last request is the latest."""
    clock = Clock()
    board = Board(now=clock)
    one, other = (Watch(now=clock, survey=Survey) for _ in range(2))
    one(EVENT)
    clock.at += 400
    other(EVENT)
    late, early = other.report(), one.report()
    board.merge("2", late)
    board.merge("1", early)
    assert board.view().activity == {"A1SELLER": (2, 0, 0, NOW + 400)}
    clock.at = NOW + 3600
    assert board.view().activity == {"A1SELLER": (1, 0, 0, NOW + 400)}


def test_two_workers_in_the_same_five_minutes():
    """Of two reports about the same minutes the later one does not make the last request earlier."""
    clock = Clock()
    board = Board(now=clock)
    one, other = (Watch(now=clock, survey=Survey) for _ in range(2))
    one(EVENT)
    clock.at += 10
    other(EVENT)
    board.merge("2", other.report())
    board.merge("1", one.report())
    assert board.view().activity == {"A1SELLER": (2, 0, 0, NOW + 10)}


def test_a_clock_that_is_set_back():
    """When the clock is set back, requests go on being counted, in the minutes that the clock tells."""
    clock, watch, board = made()
    watch(EVENT)
    clock.at -= 300
    watch(EVENT)
    clock.at += 300
    view = board.view()
    assert sum(minute.requests for minute in view.minutes) == 2
    assert view.requests == {("ListOrders", ""): 2}


def test_nothing_grows_without_end():
    """Two thousand sellers for a day, read by nobody, leave an hour's worth in the watch and in the board."""
    clock, watch, _ = made()
    board = Board(now=clock)
    sizes = []
    for _ in range(30):
        for number in range(0, 2000, 20):
            watch(EVENT._replace(seller_id=seller(number)))
        for _ in range(80):
            watch(failure("AccessDenied", reason="x" * 10_000))
            watch(stranger("InvalidAddress"))
        clock.at += 3000
        sizes.append((len(watch._minutes), len(watch._sellers)))
    assert max(sizes) <= (61, 13)
    report = watch.report()
    assert len(orjson.loads(report)["mishaps"]) == MOST_MISHAPS
    assert len(report) < 100_000
    board.merge("1", report)
    view = board.view()
    assert (len(view.mishaps), len(view.strangers)) == (MOST_MISHAPS, MOST_MISHAPS)
    assert len(board._minutes) <= 60
    assert len(board._sellers) <= 12


def test_a_seller_costs_a_few_hundred_bytes():
    """What a board keeps of two thousand sellers who are busy all the hour would be a few megabytes."""
    clock, watch, _ = made()
    board = Board(now=clock)
    names = [seller(number) for number in range(200)]
    for _ in range(13):
        for name in names:
            watch(EVENT._replace(seller_id=name))
        board.merge("1", watch.report())
        clock.at += 300
    cells = sum(len(sellers) for sellers in board._sellers.values())
    assert cells <= 12 * len(names)
    row = next(iter(next(iter(board._sellers.values())).values()))
    assert 10 * cells * (sys.getsizeof(row) + 100) < 8 * 2**20


# --- the last errors ------------------------------------------------------------------------------------------------


def test_the_last_errors():
    """The latest error comes first, whichever worker reported it when, with its reason and its request id."""
    clock = Clock()
    board = Board(now=clock)
    one, other = (Watch(now=clock, survey=Survey) for _ in range(2))
    one(failure("AccessDenied", request_id="a"))
    clock.at += 1
    other(failure("InternalError", request_id="b"))
    clock.at += 1
    one(failure("InternalError", request_id="c", operation=""))
    board.merge("2", other.report())
    board.merge("1", one.report())
    found = board.view().mishaps
    assert [mishap.request_id for mishap in found] == ["c", "b", "a"]
    assert found[1] == (
        NOW + 1,
        "A1SELLER",
        "ListOrders",
        "InternalError",
        500,
        "KeyError in ReadsV2026.page:88",
        "b",
    )
    assert found[0].operation == ""


def test_noise_at_the_door_hides_no_trouble():
    """Errors of unknown callers are kept apart, so that a scanner does not push out a seller's trouble; what fails
    behind the door is trouble, whoever asked."""
    _, watch, board = made()
    watch(failure("AccessDenied"))
    watch(stranger("InternalError"))
    for _ in range(200):
        watch(stranger("InvalidAddress"))
    view = board.view()
    assert [mishap.code for mishap in view.mishaps] == ["InternalError", "AccessDenied"]
    assert {mishap.code for mishap in view.strangers} == {"InvalidAddress"}


def test_reasons_survive_whatever_they_hold():
    """A reason with control characters, lone surrogates or without end is reported, cut at five hundred letters; an
    address is in no report."""
    _, watch, board = made()
    watch(failure("AccessDenied", reason=HOSTILE + "\ud800" + "y" * 600, address="203.0.113.9"))
    watch(EVENT)
    (mishap,) = board.view().mishaps
    assert mishap.reason.startswith(HOSTILE + "?y")
    assert len(mishap.reason) == 500
    watch(failure("AccessDenied", address="203.0.113.9"))
    assert b"203.0.113.9" not in watch.report()


# --- gauges ---------------------------------------------------------------------------------------------------------


def test_a_survey_is_taken_now_and_then():
    """The process is looked at with the first report and then every few seconds, not with each report; between,
    what was seen last stays."""
    taken = []

    def survey():
        taken.append(None)
        return Survey(in_flight=len(taken))

    clock, _, board = made(survey, survey_seconds=5)
    assert board.view().in_flight == 1
    clock.at += 4.9
    assert board.view().in_flight == 1
    clock.at += 0.1
    assert board.view().in_flight == 2
    clock.at -= 100  # set back: better once too often than never again
    assert board.view().in_flight == 3


def test_gauges_of_several_workers():
    """Of what workers see the worst store, the lowest level of each bucket and the youngest token are shown; faults
    in files are named once; workers without a survey are not shown."""
    clock = Clock()
    board = Board(now=clock)
    silent = Watch(now=clock, survey=Survey)
    silent.report()
    surveys = {
        "1": Survey(
            (state("A", buckets={"getOrder": 3.0, "getOrders": 1.0}, token_age=None), state("B")),
            store="shared",
            store_since=NOW - 900,
            configuration_faults=("b.toml: bad \ud800", "a.toml: bad"),
        ),
        "2": Survey(
            (state("A", buckets={"getOrder": 2.0, "searchOrders": 9.0}, token_age=30.0),),
            store="alone",
            store_since=NOW - 50,
            configuration_faults=("a.toml: bad",),
            draining=True,
        ),
        "3": Survey((state("A", buckets={}, token_age=20.0),), store="alone", store_since=NOW - 60),
    }
    board.merge("0", silent.report())
    assert board.view().store is None
    for name, survey in surveys.items():
        board.merge(name, Watch(now=clock, survey=lambda survey=survey: survey).report())
    view = board.view()
    assert view.sellers["A"].buckets == {"getOrder": 2.0, "getOrders": 1.0, "searchOrders": 9.0}
    assert view.sellers["A"].token_age == 20.0
    assert view.sellers["B"] == state("B")
    assert (view.store, view.store_since) == ("alone", NOW - 60)
    assert view.configuration_faults == ("a.toml: bad", "b.toml: bad ?")
    assert all(
        getattr(board.gauges(), field.name) == getattr(view, field.name) for field in dataclasses.fields(Gauges)
    )
    assert [(worker.name, worker.draining) for worker in view.workers] == [("1", False), ("2", True), ("3", False)]


def test_a_survey_that_fails_loses_no_counts():
    """When the process cannot be looked at, what was counted is in the next report."""
    answers = iter((ZeroDivisionError(), Survey()))

    def survey():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    clock = Clock()
    watch = Watch(now=clock, survey=survey)
    watch(EVENT)
    with pytest.raises(ZeroDivisionError):
        watch.report()
    board = Board(now=clock)
    clock.at += 10
    board.merge("1", watch.report())
    assert board.view().requests == {("ListOrders", ""): 1}
