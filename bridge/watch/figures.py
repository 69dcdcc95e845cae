"""What is counted, and how it travels from the process that counts to the one that shows.

Nothing here grows with what callers send: operations, codes and statuses come from fixed sets, sellers from answered
signatures, minutes from the last hour, errors from the last fifty.
"""

from typing import NamedTuple, NotRequired, TypedDict

from bridge.upstream.plans import OPERATIONS as UPSTREAM_OPERATIONS
from bridge.upstream.tokens import LWA
from bridge.watch.survey import StoreKind
from mws_compat import errors
from mws_compat.orders import OPERATIONS

__all__ = [
    "AUTHENTICATION_CODES",
    "BOUNDS",
    "CODES",
    "HOUR",
    "KNOWN_OPERATIONS",
    "KNOWN_UPSTREAM_OPERATIONS",
    "MINUTE",
    "MOST_MISHAPS",
    "OTHER",
    "SLOT",
    "Activity",
    "Minute",
    "Mishap",
    "MishapFigures",
    "Report",
    "SurveyFigures",
]

#: Upper ends of the latency buckets, in seconds; one more bucket takes the rest.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

#: The label of whatever is not in its fixed set.
OTHER = "other"
KNOWN_OPERATIONS = frozenset({*OPERATIONS, "Ping"})
KNOWN_UPSTREAM_OPERATIONS = frozenset({*UPSTREAM_OPERATIONS, LWA})
#: Every MWS code; '' is success.
CODES = frozenset({"", *(fault.code for fault in vars(errors).values() if isinstance(fault, errors.Fault))})
#: The codes of a caller that has not shown who it is.
AUTHENTICATION_CODES = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestExpired", "AccessDenied"})

#: Seconds.
MINUTE = 60
HOUR = 3600
#: Sellers are counted in steps of five minutes: two thousand of them in steps of one would fill megabytes.
SLOT = 300
#: Errors that are kept, of known sellers and of unknown callers each: noise at the door hides no seller's trouble.
MOST_MISHAPS = 50


class Minute(NamedTuple):
    """The requests of one minute; ``errors`` are those that are no throttling."""

    requests: int
    throttled: int
    errors: int


class Activity(NamedTuple):
    """The requests of one seller; ``last`` is the time of the last one, in unix seconds."""

    requests: int
    throttled: int
    errors: int
    last: float


class Mishap(NamedTuple):
    """A request that ended in an error. ``at`` in unix seconds; ``seller_id`` is '' for an unknown caller,
    ``operation`` '' where none was known."""

    at: float
    seller_id: str
    operation: str
    code: str
    status: int
    reason: str
    request_id: str


#: A Mishap as JSON has it.
MishapFigures = tuple[float, str, str, str, int, str, str]


class SurveyFigures(TypedDict):
    """A Survey as JSON has it; each seller as the fields of SellerState in order."""

    sellers: list[tuple[str, str, str, dict[str, float], float | None]]
    store: StoreKind
    store_since: float
    in_flight: int
    configuration_faults: list[str]
    draining: bool


class Report(TypedDict):
    """What was counted since the report before, as it is written in JSON.

    Histograms are the counts of each bucket of BOUNDS and of the rest, and last the sum of seconds. ``minutes`` and
    ``sellers`` are keyed by the number of the minute and of the SLOT since 1970."""

    requests: list[tuple[str, str, int]]
    seconds: dict[str, list[float]]
    upstream: list[tuple[str, str, int]]
    upstream_seconds: dict[str, list[float]]
    waited: float
    hits: int
    misses: int
    bytes_in: int
    bytes_out: int
    refusals: dict[str, int]
    next_token: int
    minutes: dict[str, list[int]]
    sellers: dict[str, dict[str, list[float]]]
    mishaps: list[MishapFigures]
    strangers: list[MishapFigures]
    survey: NotRequired[SurveyFigures]
