"""The counters and gauges of all workers, in the process that shows them."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeVar

import orjson

from bridge.watch.counting import Watch
from bridge.watch.figures import (
    HOUR,
    MINUTE,
    MOST_MISHAPS,
    SLOT,
    Activity,
    Minute,
    Mishap,
    MishapFigures,
    Report,
    SurveyFigures,
)
from bridge.watch.survey import SellerState, StoreKind
from bridge.watch.view import Gauges, Histogram, View, WorkerState

__all__ = ["OWN", "Board"]

#: The name of the worker that is this process itself.
OWN = "0"
#: The worse, the further back.
_STORES: tuple[StoreKind, ...] = ("memory", "shared", "alone")


@dataclass(slots=True)
class _Heard:
    at: float
    survey: SurveyFigures | None = None


class Board:
    """Adds up what workers report. Counters never fall: what a worker counted stays when the worker has gone.

    ``now`` gives unix seconds. ``own``: the watch of this process, where it serves requests itself; its report is
    merged just before the board is read. Belongs to one event loop.
    """

    def __init__(self, *, now: Callable[[], float], own: Watch | None = None) -> None:
        self._now = now
        self._own = own
        self._since = now()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._seconds: dict[str, list[float]] = {}
        self._upstream: Counter[tuple[str, str]] = Counter()
        self._upstream_seconds: dict[str, list[float]] = {}
        self._refusals: Counter[str] = Counter()
        self._waited = 0.0
        self._hits = self._misses = self._bytes_in = self._bytes_out = self._next_token = 0
        self._minutes: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
        self._sellers: defaultdict[int, dict[str, list[float]]] = defaultdict(dict)
        self._mishaps: deque[Mishap] = deque(maxlen=MOST_MISHAPS)
        self._strangers: deque[Mishap] = deque(maxlen=MOST_MISHAPS)
        self._workers: dict[str, _Heard] = {}

    def merge(self, worker: str, report: bytes) -> None:
        """Add what ``Watch.report`` of a worker returned. Raises ValueError when it is no JSON."""
        new: Report = orjson.loads(report)
        for operation, code, count in new["requests"]:
            self._requests[operation, code] += count
        for name, status, count in new["upstream"]:
            self._upstream[name, status] += count
        _add_each(self._seconds, new["seconds"])
        _add_each(self._upstream_seconds, new["upstream_seconds"])
        self._refusals.update(new["refusals"])
        self._waited += new["waited"]
        self._hits += new["hits"]
        self._misses += new["misses"]
        self._bytes_in += new["bytes_in"]
        self._bytes_out += new["bytes_out"]
        self._next_token += new["next_token"]
        for minute, counts in new["minutes"].items():
            _add(self._minutes[int(minute)], counts)
        for slot, sellers in new["sellers"].items():
            _add_activities(self._sellers[int(slot)], sellers)
        _keep_latest(self._mishaps, new["mishaps"])
        _keep_latest(self._strangers, new["strangers"])
        heard = self._workers.setdefault(worker, _Heard(0.0))
        heard.at = self._now()
        if "survey" in new:
            heard.survey = new["survey"]
        self._prune(heard.at)

    def forget(self, worker: str) -> None:
        """A worker has gone: its gauges go, its counters stay."""
        self._workers.pop(worker, None)

    def _prune(self, now: float) -> None:
        for minute in [kept for kept in self._minutes if kept <= now // MINUTE - HOUR // MINUTE]:
            del self._minutes[minute]
        for slot in [kept for kept in self._sellers if kept <= now // SLOT - HOUR // SLOT]:
            del self._sellers[slot]

    def gauges(self) -> Gauges:
        """What the bridge itself is like now: cheap enough to be asked for by everybody."""
        if self._own is not None:
            self.merge(OWN, self._own.report())
        surveys = self._surveys()
        store, store_since = _store(surveys)
        return Gauges(
            at=self._now(),
            workers=tuple(
                WorkerState(name, heard.at, survey["in_flight"], survey["draining"], survey["store"])
                for name, heard in sorted(self._workers.items())
                if (survey := heard.survey) is not None
            ),
            store=store,
            store_since=store_since,
            configuration_faults=tuple(sorted({text for found in surveys for text in found["configuration_faults"]})),
        )

    def _surveys(self) -> list[SurveyFigures]:
        return [heard.survey for heard in self._workers.values() if heard.survey is not None]

    def view(self) -> View:
        """All that is known now."""
        gauges = self.gauges()
        now = gauges.at
        self._prune(now)
        this_minute = int(now // MINUTE)
        minutes = range(this_minute - HOUR // MINUTE + 1, this_minute + 1)
        return View(
            at=now,
            since=self._since,
            requests=dict(self._requests),
            seconds=_histograms(self._seconds),
            upstream=dict(self._upstream),
            upstream_seconds=_histograms(self._upstream_seconds),
            waited=self._waited,
            hits=self._hits,
            misses=self._misses,
            bytes_in=self._bytes_in,
            bytes_out=self._bytes_out,
            refusals=dict(self._refusals),
            next_token=self._next_token,
            minutes=tuple(Minute(*self._minutes.get(minute, (0, 0, 0))) for minute in minutes),
            activity=self._activity(),
            sellers=_sellers(self._surveys()),
            mishaps=tuple(reversed(self._mishaps)),
            strangers=tuple(reversed(self._strangers)),
            workers=gauges.workers,
            store=gauges.store,
            store_since=gauges.store_since,
            configuration_faults=gauges.configuration_faults,
        )

    def _activity(self) -> dict[str, Activity]:
        total: dict[str, list[float]] = {}
        for sellers in self._sellers.values():
            _add_activities(total, sellers)
        return {
            seller_id: Activity(int(requests), int(throttled), int(errors), last)
            for seller_id, (requests, throttled, errors, last) in total.items()
        }


_Number = TypeVar("_Number", int, float)


def _add(total: list[_Number], new: Iterable[_Number]) -> None:
    total[:] = [one + other for one, other in zip(total, new, strict=True)]


def _add_each(totals: dict[str, list[float]], new: dict[str, list[float]]) -> None:
    for name, counts in new.items():
        if name in totals:
            _add(totals[name], counts)
        else:
            totals[name] = list(counts)


def _add_activities(totals: dict[str, list[float]], new: dict[str, list[float]]) -> None:
    for seller_id, counts in new.items():
        total = totals.get(seller_id)
        if total is None:
            totals[seller_id] = list(counts)
        else:
            for place in range(3):
                total[place] += counts[place]
            total[3] = max(total[3], counts[3])


def _keep_latest(kept: deque[Mishap], new: Iterable[MishapFigures]) -> None:
    # Workers report in turn, so that the errors of one come in order and those of all do not.
    found = sorted([*kept, *(Mishap(*figures) for figures in new)], key=attrgetter("at"))
    kept.clear()
    kept.extend(found)


def _histograms(counted: dict[str, list[float]]) -> dict[str, Histogram]:
    return {
        name: Histogram(tuple(int(count) for count in counts), total) for name, (*counts, total) in counted.items()
    }


def _store(surveys: Iterable[SurveyFigures]) -> tuple[StoreKind | None, float]:
    """The worst store that a worker sees, and since when the first of them has seen it."""
    seen = [(_STORES.index(survey["store"]), -survey["store_since"]) for survey in surveys]
    if not seen:
        return None, 0.0
    worst, since = max(seen)
    return _STORES[worst], -since


def _sellers(surveys: Iterable[SurveyFigures]) -> dict[str, SellerState]:
    """Each seller once: of several workers' views the lowest level of each bucket, and the youngest token, which is
    the one that is used."""
    found: dict[str, SellerState] = {}
    for survey in surveys:
        for state in (SellerState(*figures) for figures in survey["sellers"]):
            known = found.get(state.seller_id)
            found[state.seller_id] = state if known is None else _both(known, state)
    return found


def _both(one: SellerState, other: SellerState) -> SellerState:
    levels = dict(one.buckets)
    for name, level in other.buckets.items():
        levels[name] = min(level, levels.get(name, level))
    ages = [age for age in (one.token_age, other.token_age) if age is not None]
    return SellerState(one.seller_id, one.upstream, one.why, levels, min(ages, default=None))
