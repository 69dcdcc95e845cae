"""Counting in a worker process: a few dictionary steps for each request, and a report of what is new."""

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable

import orjson

from bridge.observe import RequestEvent, is_error
from bridge.watch.figures import (
    AUTHENTICATION_CODES,
    BOUNDS,
    CODES,
    HOUR,
    KNOWN_OPERATIONS,
    KNOWN_UPSTREAM_OPERATIONS,
    MINUTE,
    MOST_MISHAPS,
    OTHER,
    SLOT,
    MishapFigures,
    Report,
    SurveyFigures,
)
from bridge.watch.survey import SellerState, Survey

__all__ = ["Watch"]

#: Letters of a reason that are kept.
_MOST_LETTERS = 500


def _buckets() -> list[float]:
    return [0] * (len(BOUNDS) + 1) + [0.0]


class Watch:
    """Counts events and reports what is new. Belongs to one event loop.

    ``now`` gives unix seconds. ``survey`` looks at the process; it is asked for at most every ``survey_seconds``,
    because it may look at thousands of sellers. Also where nobody takes the reports, no more than an hour is kept.
    """

    def __init__(
        self, *, now: Callable[[], float], survey: Callable[[], Survey], survey_seconds: float = 5.0
    ) -> None:
        self._now = now
        self._survey = survey
        self._survey_seconds = survey_seconds
        self._surveyed = float("-inf")
        self._begin()

    def _begin(self) -> None:
        self._requests: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._seconds: defaultdict[str, list[float]] = defaultdict(_buckets)
        self._upstream: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._upstream_seconds: defaultdict[str, list[float]] = defaultdict(_buckets)
        self._refusals: defaultdict[str, int] = defaultdict(int)
        self._waited = 0.0
        self._hits = self._misses = self._bytes_in = self._bytes_out = self._next_token = 0
        self._mishaps: deque[MishapFigures] = deque(maxlen=MOST_MISHAPS)
        self._strangers: deque[MishapFigures] = deque(maxlen=MOST_MISHAPS)
        self._minutes: dict[int, list[int]] = {}
        self._sellers: dict[int, dict[str, list[float]]] = {}
        # The step that events fall into now; from ``_from`` to ``_until`` in unix seconds.
        self._from = self._until = 0.0

    def __call__(self, event: RequestEvent) -> None:
        """Count an event."""
        now = self._now()
        if not self._from <= now < self._until:
            self._turn(now)
        operation, code = event.operation, event.code
        if operation not in KNOWN_OPERATIONS:
            operation = OTHER
        if code not in CODES:
            code = OTHER
        self._requests[operation, code] += 1
        histogram = self._seconds[operation]
        histogram[bisect_left(BOUNDS, event.seconds)] += 1
        histogram[-1] += event.seconds
        self._bytes_in += event.bytes_in
        self._bytes_out += event.bytes_out
        self._hits += event.hits
        self._misses += event.misses
        self._waited += event.waited
        for call in (*event.token_calls, *event.upstream):
            name = call.operation if call.operation in KNOWN_UPSTREAM_OPERATIONS else OTHER
            self._upstream[name, call.status] += 1
            histogram = self._upstream_seconds[name]
            histogram[bisect_left(BOUNDS, call.seconds)] += 1
            histogram[-1] += call.seconds
        self._minute[0] += 1
        seller_id = event.seller_id
        if seller_id:
            activity = self._slot.get(seller_id)
            if activity is None:
                activity = self._slot[seller_id] = [0, 0, 0, 0.0]
            activity[0] += 1
            activity[3] = now
        if code:
            self._count_failure(event, operation, code, now)

    def _count_failure(self, event: RequestEvent, operation: str, code: str, now: float) -> None:
        kind = 2 if is_error(event) else 1
        self._minute[kind] += 1
        if event.seller_id:
            self._slot[event.seller_id][kind] += 1
        elif code in AUTHENTICATION_CODES:
            self._refusals[code] += 1
        if code == "NextTokenCorrupted":
            self._next_token += 1
        if kind == 2:
            mishap: MishapFigures = (
                now,
                event.seller_id,
                operation if event.operation else "",
                code,
                event.status,
                event.reason,
                event.request_id,
            )
            known = event.seller_id or event.status >= 500
            (self._mishaps if known else self._strangers).append(mishap)

    def _turn(self, now: float) -> None:
        """Begin another minute, and another slot of the sellers if it is time."""
        minute, slot = int(now // MINUTE), int(now // SLOT)
        self._from, self._until = minute * MINUTE, (minute + 1) * MINUTE
        self._minute = self._minutes.setdefault(minute, [0, 0, 0])
        self._slot = self._sellers.setdefault(slot, {})
        for past in [kept for kept in self._minutes if kept < minute - HOUR // MINUTE]:
            del self._minutes[past]
        for past in [kept for kept in self._sellers if kept < slot - HOUR // SLOT]:
            del self._sellers[past]

    def report(self) -> bytes:
        """What was counted since the last report, as JSON of ``Report``; with a survey when it is time for one."""
        report: Report = {
            "requests": [(operation, code, count) for (operation, code), count in self._requests.items()],
            "seconds": self._seconds,
            "upstream": [(name, _status(status), count) for (name, status), count in self._upstream.items()],
            "upstream_seconds": self._upstream_seconds,
            "waited": self._waited,
            "hits": self._hits,
            "misses": self._misses,
            "bytes_in": self._bytes_in,
            "bytes_out": self._bytes_out,
            "refusals": self._refusals,
            "next_token": self._next_token,
            "minutes": {str(minute): counts for minute, counts in self._minutes.items()},
            "sellers": {str(slot): sellers for slot, sellers in self._sellers.items()},
            "mishaps": [_writable(mishap) for mishap in self._mishaps],
            "strangers": [_writable(mishap) for mishap in self._strangers],
        }
        now = self._now()
        if not 0 <= now - self._surveyed < self._survey_seconds:
            self._surveyed = now
            report["survey"] = _as_json(self._survey())
        written = orjson.dumps(report)
        self._begin()
        return written


def _status(status: int) -> str:
    return str(status) if 100 <= status <= 599 else "none"


def _writable(mishap: MishapFigures) -> MishapFigures:
    at, seller_id, operation, code, status, reason, request_id = mishap
    return at, seller_id, operation, code, status, _cleaned(reason[:_MOST_LETTERS]), request_id


def _cleaned(text: str) -> str:
    """Without lone surrogates, which a file's name or a caller's text can hold and JSON cannot."""
    return text.encode(errors="replace").decode()


def _as_json(survey: Survey) -> SurveyFigures:
    return {
        "sellers": [_seller(state) for state in survey.sellers],
        "store": survey.store,
        "store_since": survey.store_since,
        "in_flight": survey.in_flight,
        "configuration_faults": [_cleaned(text) for text in survey.configuration_faults],
        "draining": survey.draining,
    }


def _seller(state: SellerState) -> tuple[str, str, str, dict[str, float], float | None]:
    return (state.seller_id, state.upstream, state.why, dict(state.buckets), state.token_age)
