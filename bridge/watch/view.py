"""What the board shows at a moment: a picture that does not change any more while it is rendered."""

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.watch.figures import Activity, Minute, Mishap
from bridge.watch.survey import SellerState, StoreKind

__all__ = ["Gauges", "Histogram", "View", "WorkerState"]


@dataclass(frozen=True, slots=True)
class Histogram:
    """``counts`` of each bucket of BOUNDS and of the rest, not added up; ``total``: the sum of seconds."""

    counts: tuple[int, ...]
    total: float


@dataclass(frozen=True, slots=True)
class WorkerState:
    """A worker process. ``heard``: when its last report came, in unix seconds."""

    name: str
    heard: float
    in_flight: int
    draining: bool
    store: StoreKind


@dataclass(frozen=True, slots=True)
class Gauges:
    """What the bridge itself is like at ``at`` (unix seconds), cheaply had. ``store`` is the worst of what workers
    see, None before any has said it; ``store_since`` since when, in unix seconds."""

    at: float
    workers: tuple[WorkerState, ...]
    store: StoreKind | None
    store_since: float
    configuration_faults: tuple[str, ...]

    @property
    def in_flight(self) -> int:
        """Requests at this moment, in all workers."""
        return sum(worker.in_flight for worker in self.workers)


@dataclass(frozen=True, slots=True)
class View(Gauges):
    """All that is known. Counters are since ``since``, when counting began.

    ``requests``: by operation and MWS code ('' is success); ``upstream``: by operation and status ('none': no
    answer); ``refusals``: by code, of callers that have not shown who they are. ``minutes``: the last sixty, the
    last one not over yet. ``activity``: of each seller in the last hour; ``sellers``: those that workers know of.
    ``mishaps`` and ``strangers``: the last errors of known and of unknown callers, the latest first.
    """

    since: float
    requests: Mapping[tuple[str, str], int]
    seconds: Mapping[str, Histogram]
    upstream: Mapping[tuple[str, str], int]
    upstream_seconds: Mapping[str, Histogram]
    waited: float
    hits: int
    misses: int
    bytes_in: int
    bytes_out: int
    refusals: Mapping[str, int]
    next_token: int
    minutes: tuple[Minute, ...]
    activity: Mapping[str, Activity]
    sellers: Mapping[str, SellerState]
    mishaps: tuple[Mishap, ...]
    strangers: tuple[Mishap, ...]
