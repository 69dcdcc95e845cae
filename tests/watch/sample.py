"""A busy hour as a watch would have seen it, and the parts that its tests are made of."""

from random import Random

from bridge.observe import RequestEvent
from bridge.upstream.journal import UpstreamCall
from bridge.upstream.plans import OPERATIONS
from bridge.watch.board import Board
from bridge.watch.counting import Watch
from bridge.watch.survey import SellerState, Survey

#: 2026-11-22T02:13:05Z
NOW = 1_795_313_585.0
NEWEST = "the newest version that Amazon lets the application use"
HOSTILE = "<script>alert(1)</script>\"'&\u202e\x00\x1b[31m\n"

EVENT = RequestEvent(
    request_id="6f1c",
    method="POST",
    operation="ListOrders",
    seller_id="A1SELLER",
    access_key_id="AKIA1",
    status=200,
    code="",
    reason="",
    faults=(),
    upstream=(UpstreamCall("getOrders", 200, "req-1", 0.2),),
    waited=0.0,
    seconds=0.31,
    bytes_in=311,
    bytes_out=9585,
)
REASONS = {
    "AccessDenied": "the seller's refresh token is not valid any more: authorise the application again "
    "(seller A1SELLER, invalid_grant)",
    "InvalidParameterValue": "Value of parameter CreatedAfter is not a date-time.",
    "ServiceUnavailable": "searchOrders did not end within 25 s",
    "InternalError": "KeyError in ReadsV2026.page:88",
    "RequestThrottled": "searchOrders is at its usage plan (0.0056/s); next token in 170 s",
    "SignatureDoesNotMatch": "The request signature we calculated does not match the signature you provided.",
    "InvalidAddress": "Resource /wp-login.php is not found on this server.",
}
STATUSES = {
    "AccessDenied": 401,
    "InvalidParameterValue": 400,
    "ServiceUnavailable": 503,
    "InternalError": 500,
    "RequestThrottled": 503,
    "SignatureDoesNotMatch": 403,
    "InvalidAddress": 404,
}


class Clock:
    """Unix seconds that stand still until they are set."""

    def __init__(self, at: float = NOW) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


def failure(code: str, **changes: object) -> RequestEvent:
    """An event that ended in an error, with a reason as the endpoint gives it."""
    fields = {"code": code, "status": STATUSES[code], "reason": REASONS[code], "upstream": (), **changes}
    return EVENT._replace(**fields)


def stranger(code: str) -> RequestEvent:
    """A request that was refused before anybody knew who it was."""
    return failure(code, seller_id="", access_key_id="", operation="")


def seller(number: int) -> str:
    return f"A{number:02d}EXAMPLESELL"


def state(seller_id: str, **changes: object) -> SellerState:
    """A seller who is served from v2026."""
    buckets = {"searchOrders": 17.4, "getOrder2026": OPERATIONS["getOrder2026"].burst}
    fields = {"upstream": "v2026-01-01", "why": NEWEST, "buckets": buckets, "token_age": 1260.0, **changes}
    return SellerState(seller_id, **fields)


def quiet() -> Board:
    """A board to which one worker has reported, and nothing else has happened."""
    clock = Clock()
    return Board(now=clock, own=Watch(now=clock, survey=Survey))


def busy(sellers: int = 12, *, trouble: bool = True, store: str = "shared") -> Board:
    """A board after an hour of two workers; with ``trouble``, errors of each kind, some of them hostile."""
    clock, random = Clock(NOW - 3600), Random(60)
    board = Board(now=clock)
    states = [state(seller(number)) for number in range(sellers)]
    if trouble:
        old = {"getOrders": 0.3, "getOrder": 21.0, "getOrderItems": -2.5, "createRestrictedDataToken": 10.0}
        why = "Amazon refuses v2026-01-01 to this application; v0 ends on 2027-03-27"
        states[1:2] = [state(seller(1), upstream="v0", why=why, buckets=old, token_age=None)]
    faulty = ("sellers.d/acme.toml: [[seller]][1].region: must be na, eu or fe",) if trouble else ()
    watches = {}
    for name in ("1", "2"):
        survey = Survey(tuple(states), store, NOW - 1690, in_flight=2, configuration_faults=faulty)
        watches[name] = Watch(now=clock, survey=lambda survey=survey: survey)
    while clock.at < NOW:
        clock.at = min(clock.at + 60, NOW)
        for _ in range(random.randrange(20, 45)):
            watch = watches[random.choice("12")]
            calls = tuple(
                UpstreamCall("searchOrders", 200, "", random.uniform(0.1, 0.4)) for _ in range(random.randrange(2))
            )
            watch(
                EVENT._replace(
                    seller_id=seller(random.randrange(sellers)),
                    seconds=random.uniform(0.002, 0.2) + sum(call.seconds for call in calls),
                    upstream=calls,
                    hits=1 - len(calls),
                    misses=len(calls),
                )
            )
        if trouble and random.random() < 0.3:
            watch(failure("RequestThrottled", seller_id=seller(1)))
        if trouble and clock.at > NOW - 1800 and random.random() < 0.5:
            code = random.choice(("AccessDenied", "AccessDenied", "InvalidParameterValue", "ServiceUnavailable"))
            watch(failure(code, seller_id=seller(1 if code == "AccessDenied" else random.randrange(sellers))))
        if trouble and random.random() < 0.2:
            watch(stranger(random.choice(("SignatureDoesNotMatch", "InvalidAddress"))))
        for name, watch in watches.items():
            board.merge(name, watch.report())
    return board
