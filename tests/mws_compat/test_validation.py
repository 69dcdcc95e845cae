"""Typed arguments and every fault: boundaries that the case files of fixtures/calls leave to arithmetic."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mws_compat.errors import INVALID_PARAMETER_VALUE, REQUEST_EXPIRED, UNREADABLE_PARAMETER, MwsError
from mws_compat.orders import OPERATIONS, ORDER_STATUSES, Operation, Parameter
from mws_compat.schema import Struct
from mws_compat.validation import CLOCK_SKEW, SETTLING, Arguments, check, check_timestamp

NOW = datetime(2020, 6, 1, 12, tzinfo=UTC)
LIST_ORDERS = OPERATIONS["ListOrders"]
BASE = {"MarketplaceId.Id.1": "A", "CreatedAfter": "2020-01-01T00:00:00Z"}
UPDATED = {"MarketplaceId.Id.1": "A", "LastUpdatedAfter": "2020-01-01T00:00:00Z"}


def faults_of(parameters: dict[str, str], operation: Operation = LIST_ORDERS, **options: bool) -> tuple[str, ...]:
    with pytest.raises(MwsError) as caught:
        check(operation, parameters, now=NOW, **options)
    assert caught.value.fault is INVALID_PARAMETER_VALUE
    assert caught.value.message == caught.value.faults[0]
    return caught.value.faults


def arguments_of(parameters: dict[str, str], **options: bool) -> Arguments:
    return check(LIST_ORDERS, parameters, now=NOW, **options)


# --- Timestamp ------------------------------------------------------------------------------------------------------


def test_windows_are_the_documented_ones() -> None:
    """Fifteen minutes for a request's clock, two for orders to settle."""
    assert timedelta(seconds=900) == CLOCK_SKEW
    assert timedelta(seconds=120) == SETTLING


@pytest.mark.parametrize(
    "text",
    [
        *("2020-06-01T12:00:00Z", "2020-06-01T12:00:00", "2020-06-01T12:00:00.000Z", "2020-06-01T14:00:00+02:00"),
        *("2020-06-01T12:15:00Z", "2020-06-01T11:45:00Z", "2020-06-01T12:15:00.000000Z", "2020-06-01T12:14:60Z"),
        *("2020-06-01T12:15:00.000000999Z", "2020-06-01T05:00:00-07", "2020-06-01T11:58:00+0000"),
    ],
)
def test_timestamp_within_the_window(text: str) -> None:
    """Up to 900 seconds either way pass, in any spelling."""
    check_timestamp({"Timestamp": text}, NOW)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2020-06-01T11:44:59.999Z", "past and has expired. Timestamp date: 2020-06-01T11:44:59Z"),
        ("2020-06-01T12:15:00.001Z", "future. Timestamp date: 2020-06-01T12:15:00Z"),
        ("2020-06-01T12:15:00.000001Z", "future. Timestamp date: 2020-06-01T12:15:00Z"),
        ("2020-06-01T12:14:60.001Z", "future. Timestamp date: 2020-06-01T12:15:00Z"),
        ("2018-09-23T12:04:57+02:00", "past and has expired. Timestamp date: 2018-09-23T10:04:57Z"),
        ("9999-12-31T23:59:59Z", "future. Timestamp date: 9999-12-31T23:59:59Z"),
        ("0001-01-01T00:00:00-01:00", "past and has expired. Timestamp date: 0001-01-01T01:00:00Z"),
        ("2020-06-01", "past and has expired. Timestamp date: 2020-06-01T00:00:00Z"),
    ],
)
def test_timestamp_outside_the_window(text: str, message: str) -> None:
    """A thousandth of a second more is refused with Amazon's text, on either side; the log learns the distance."""
    with pytest.raises(MwsError) as caught:
        check_timestamp({"Timestamp": text}, NOW)
    assert caught.value.fault is REQUEST_EXPIRED
    assert caught.value.message == f"Request signature is too far in the {message}"
    assert caught.value.reason.startswith("the caller's clock differs from ours by ")


def test_timestamp_reason_is_the_distance() -> None:
    """The operator reads how far the clocks are apart, without a sign."""
    for text in ("2020-06-01T13:00:00Z", "2020-06-01T11:00:00Z"):
        with pytest.raises(MwsError) as caught:
            check_timestamp({"Timestamp": text}, NOW)
        assert caught.value.reason == "the caller's clock differs from ours by 1:00:00"


@pytest.mark.parametrize("text", ["", "now", "1591012800", "2020-06-01T12:00:00 00:00", "9999-12-31T23:59:59-01:00"])
def test_timestamp_unreadable(text: str) -> None:
    """A Timestamp that is no date-time, or outside the calendar, says how to write one."""
    with pytest.raises(MwsError) as caught:
        check_timestamp({"Timestamp": text}, NOW)
    assert caught.value.fault is UNREADABLE_PARAMETER
    wanted = "Value of parameter Timestamp is not a date-time; write it like 2020-06-01T12:00:00Z."
    assert caught.value.message == wanted


def test_timestamp_missing() -> None:
    """A missing Timestamp is named."""
    with pytest.raises(MwsError) as caught:
        check_timestamp({"timestamp": "2020-06-01T12:00:00Z"}, NOW)
    assert (caught.value.fault, caught.value.message) == (
        UNREADABLE_PARAMETER,
        "Missing required parameter Timestamp.",
    )


@given(st.timedeltas(timedelta(seconds=-2000), timedelta(seconds=2000)), st.integers(-23, 23))
def test_timestamp_window_is_symmetric(distance: timedelta, hours: int) -> None:
    """Accepted exactly when no further than 900 s away, whatever the caller's zone."""
    text = (NOW + distance).astimezone(timezone(timedelta(hours=hours))).isoformat()
    fault = None
    try:
        check_timestamp({"Timestamp": text}, NOW)
    except MwsError as error:
        fault = error.fault
    assert fault is (REQUEST_EXPIRED if abs(distance) > timedelta(seconds=900) else None)


# --- the window of dates --------------------------------------------------------------------------------------------

LATEST = NOW - timedelta(minutes=2)
SPELL = "%Y-%m-%dT%H:%M:%S.%fZ"
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("after", "before"), [("CreatedAfter", "CreatedBefore"), ("LastUpdatedAfter", "LastUpdatedBefore")]
)
@pytest.mark.parametrize(
    ("given_before", "kept"), [(-TICK, -TICK), (timedelta(0), timedelta(0)), (TICK, timedelta(0))]
)
def test_before_is_trimmed_exactly(after: str, before: str, given_before: timedelta, kept: timedelta) -> None:
    """A Before up to now minus two minutes is kept to the microsecond; a later one becomes exactly that."""
    parameters = {"MarketplaceId.Id.1": "A", after: "2020-01-01", before: (LATEST + given_before).strftime(SPELL)}
    assert arguments_of(parameters)[before] == LATEST + kept


def test_before_is_not_invented() -> None:
    """A Before that was not given is not among the arguments: the handler knows the default."""
    assert set(arguments_of(BASE)) == {"MarketplaceId", "CreatedAfter"}


@pytest.mark.parametrize(
    ("after", "before"), [("CreatedAfter", "CreatedBefore"), ("LastUpdatedAfter", "LastUpdatedBefore")]
)
def test_after_at_the_edge(after: str, before: str) -> None:
    """After may equal Before, given or implied; a microsecond more is refused with Amazon's text."""
    marketplace = {"MarketplaceId.Id.1": "A"}
    text = f"The {after} date is after the {before} date."
    assert arguments_of(marketplace | {after: LATEST.strftime(SPELL)})[after] == LATEST
    assert faults_of(marketplace | {after: (LATEST + TICK).strftime(SPELL)}) == (text,)
    # a Before in the future does not lift the edge
    future = {before: "2030-01-01"}
    assert arguments_of(marketplace | future | {after: LATEST.strftime(SPELL)})[before] == LATEST
    assert faults_of(marketplace | future | {after: (LATEST + TICK).strftime(SPELL)}) == (text,)
    # a Before in the past is the edge
    past = {before: "2020-02-01T00:00:00Z"}
    assert arguments_of(marketplace | past | {after: "2020-02-01T00:00:00.000Z"})[after] == datetime(
        2020, 2, 1, tzinfo=UTC
    )
    assert faults_of(marketplace | past | {after: "2020-02-01T00:00:00.000001Z"}) == (text,)


def test_unreadable_after_is_told_once() -> None:
    """An After that cannot be read was given: its Before is not said to stand alone, nor the pair to be missing."""
    unreadable = "Value of parameter CreatedAfter is not a date-time; write it like 2020-06-01T12:00:00Z."
    parameters = BASE | {"CreatedAfter": "x", "CreatedBefore": "2020-02-01"}
    assert faults_of(parameters) == (unreadable,)
    both = faults_of(parameters | {"LastUpdatedAfter": "2020-01-01"})
    assert both == (unreadable, "CreatedAfter and LastUpdatedAfter cannot both be specified")


def test_unreadable_before_is_told_once() -> None:
    """A Before that cannot be read leaves the After judged against now minus two minutes."""
    unreadable = "Value of parameter CreatedBefore is not a date-time; write it like 2020-06-01T12:00:00Z."
    assert faults_of(BASE | {"CreatedBefore": "x"}) == (unreadable,)


# --- all faults -----------------------------------------------------------------------------------------------------


def test_every_fault_is_found_in_order() -> None:
    """Nine faults in one call: parameters in the table's order, then the rules in theirs, then the pair."""
    parameters = {
        "CreatedAfter": "x",
        "CreatedBefore": "y",
        "LastUpdatedBefore": "2020-01-01",
        "OrderStatus.Status.1": "Unshipped",
        "FulfillmentChannel.Channel.1": "XFN",
        "BuyerEmail": "a@b",
        "SellerOrderId": "1",
        "MaxResultsPerPage": "0",
    }
    date = "is not a date-time; write it like 2020-06-01T12:00:00Z."
    together = "cannot be used together."
    assert faults_of(parameters, strict_status_pair=True) == (
        f"Value of parameter CreatedAfter {date}",
        f"Value of parameter CreatedBefore {date}",
        "Missing required parameter MarketplaceId.Id.1.",
        "Value of parameter FulfillmentChannel.Channel.N is not valid: use AFN or MFN.",
        "Value of parameter MaxResultsPerPage is not a whole number from 1 to 100.",
        "Parameter LastUpdatedBefore can only be used together with LastUpdatedAfter.",
        f"Parameters BuyerEmail and OrderStatus {together}",
        f"Parameters BuyerEmail and LastUpdatedBefore {together}",
        f"Parameters BuyerEmail and SellerOrderId {together}",
        f"Parameters SellerOrderId and OrderStatus {together}",
        f"Parameters SellerOrderId and LastUpdatedBefore {together}",
        f"Parameters SellerOrderId and BuyerEmail {together}",
        "OrderStatus.Status.N values Unshipped and PartiallyShipped must be used together.",
    )


def test_faults_hold_no_value() -> None:
    """No fault repeats what the caller sent, which may be personal."""
    canary = "canary-7f3a"
    values = dict.fromkeys(
        [
            "CreatedAfter",
            "CreatedBefore",
            "LastUpdatedAfter",
            "MaxResultsPerPage",
            "OrderStatus.Status.1",
            "PaymentMethod.1",
        ],
        canary,
    )
    values |= {"BuyerEmail": canary, "SellerOrderId": canary, "TFMShipmentStatus.Status.1": canary}
    assert not [fault for fault in faults_of(values) if canary in fault]


@pytest.mark.parametrize(
    "name", ["FulfillmentChannel.Channel.1", "OrderStatus.Status.1", "PaymentMethod.1", "PaymentMethod.Method.1"]
)
@pytest.mark.parametrize("exclusive", ["BuyerEmail", "SellerOrderId"])
def test_each_exclusion(name: str, exclusive: str) -> None:
    """BuyerEmail and SellerOrderId each exclude each filter."""
    value = {"F": "AFN", "O": "Shipped", "P": "COD"}[name[0]]
    wanted = f"Parameters {exclusive} and {name.partition('.')[0]} cannot be used together."
    assert faults_of(BASE | {name: value, exclusive: "x"}) == (wanted,)


@pytest.mark.parametrize("name", ["LastUpdatedAfter", "LastUpdatedBefore"])
@pytest.mark.parametrize("exclusive", ["BuyerEmail", "SellerOrderId"])
def test_updated_dates_are_excluded(name: str, exclusive: str) -> None:
    """Nor do they go with the dates of the last update."""
    faults = faults_of(UPDATED | {name: "2020-02-01", exclusive: "x"})
    assert f"Parameters {exclusive} and {name} cannot be used together." in faults


@pytest.mark.parametrize(
    ("statuses", "broken"),
    [
        ((), False),
        (("Shipped",), False),
        (("Unshipped",), True),
        (("PartiallyShipped",), True),
        (("Shipped", "PartiallyShipped"), True),
        (("Unshipped", "PartiallyShipped"), False),
        (ORDER_STATUSES, False),
    ],
)
def test_status_pair(statuses: tuple[str, ...], *, broken: bool) -> None:
    """Unshipped and PartiallyShipped belong together where strictness is asked for, and nowhere else."""
    parameters = BASE | {f"OrderStatus.Status.{n}": status for n, status in enumerate(statuses, 1)}
    assert arguments_of(parameters).get("OrderStatus", ()) == statuses
    if broken:
        text = "OrderStatus.Status.N values Unshipped and PartiallyShipped must be used together."
        assert faults_of(parameters, strict_status_pair=True) == (text,)
    else:
        assert arguments_of(parameters, strict_status_pair=True).get("OrderStatus", ()) == statuses


# --- lists and integers ---------------------------------------------------------------------------------------------


@given(
    st.dictionaries(st.integers(0, 999_999_999), st.text(min_size=1, max_size=3), min_size=1, max_size=50),
    st.randoms(),
)
def test_lists_come_by_number(members: dict[int, str], dice) -> None:
    """Whatever the order on the wire, members come by number, each value once, at its first place."""
    items = list(members.items())
    dice.shuffle(items)
    got = check(OPERATIONS["GetOrder"], {f"AmazonOrderId.Id.{n}": value for n, value in items}, now=NOW)
    assert got == {"AmazonOrderId": tuple(dict.fromkeys(members[n] for n in sorted(members)))}


@pytest.mark.parametrize("number", ["x", "1x", " 1", "-1", "+1", "1.0", "", "٣", "²", "1234567890"])
def test_what_is_no_number_is_no_member(number: str) -> None:
    """A suffix that is no number of at most nine digits makes another, unknown parameter of it."""
    assert faults_of({f"AmazonOrderId.Id.{number}": "1"}, OPERATIONS["GetOrder"]) == (
        "Missing required parameter AmazonOrderId.Id.1.",
    )
    assert check(OPERATIONS["GetOrder"], {"AmazonOrderId.Id.123456789": "1"}, now=NOW) == {"AmazonOrderId": ("1",)}


def test_prefix_is_matched_from_the_start() -> None:
    """Another name that only ends alike is no member."""
    assert "OrderStatus" not in arguments_of(
        BASE | {"XOrderStatus.Status.1": "Nonsense", "rderStatus.Status.11": "x"}
    )


def test_fifty_different_values() -> None:
    """The limit counts different values: a repeated one does not make fifty-one."""
    ids = {f"AmazonOrderId.Id.{n}": str(n) for n in range(1, 51)}
    assert len(check(OPERATIONS["GetOrder"], ids | {"AmazonOrderId.Id.51": "1"}, now=NOW)["AmazonOrderId"]) == 50
    faults = faults_of(ids | {"AmazonOrderId.Id.51": "x"}, OPERATIONS["GetOrder"])
    assert faults == ("Parameter AmazonOrderId.Id.N takes at most 50 values.",)


def test_a_list_without_limit() -> None:
    """most=0 means that a list has no limit of its own, and no values that any value is right."""
    free = Operation("X", Struct("X", ()), LIST_ORDERS.quota, (Parameter("L", lists=("L",)),))
    assert len(check(free, {f"L.{n}": str(n) for n in range(200)}, now=NOW)["L"]) == 200


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("100", 100), (" 50 ", 50), ("007", 7), ("000000001", 1)])
def test_integers(text: str, number: int) -> None:
    """Whole numbers in the bounds are read, spaces and leading zeros allowed."""
    assert arguments_of(BASE | {"MaxResultsPerPage": text})["MaxResultsPerPage"] == number


@pytest.mark.parametrize("text", ["0", "101", "-1", "+1", "1.0", "1e1", "ten", " ", "٣", "²", "0000000001", "1 0"])
def test_integers_refused(text: str) -> None:
    """Everything else names the bounds."""
    wanted = "Value of parameter MaxResultsPerPage is not a whole number from 1 to 100."
    assert faults_of(BASE | {"MaxResultsPerPage": text}) == (wanted,)


def test_integer_of_nine_digits() -> None:
    """Nine digits are read and judged by the bounds; ten are not even read."""
    wide = Parameter("N", "integer", least=0, most=10**12)
    operation = Operation("X", Struct("X", ()), LIST_ORDERS.quota, (wide,))
    assert check(operation, {"N": "999999999"}, now=NOW) == {"N": 999_999_999}
    assert faults_of({"N": "1000000000"}, operation) == (
        "Value of parameter N is not a whole number from 0 to 1000000000000.",
    )


def test_parameters_are_not_changed() -> None:
    """check reads its parameters and leaves them as they were."""
    parameters = BASE | {"CreatedBefore": "2030-01-01"}
    before = dict(parameters)
    arguments_of(parameters)
    assert parameters == before
