"""Kinds of wire value: instants in every spelling, canonical texts, and when two texts mean the same."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mws_compat.schema import (
    BOOLEAN,
    DATETIME,
    DECIMAL,
    INTEGER,
    MONEY,
    TEXT,
    Field,
    Scalar,
    format_instant,
    parse_instant,
)


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        # wire reference 2.1, each sender's spelling
        ("2020-10-13T10:58:01Z", "2020-10-13T10:58:01"),
        ("2020-05-28T11:22:24.768Z", "2020-05-28T11:22:24.768000"),
        ("2020-05-28T11:22:24.000Z", "2020-05-28T11:22:24"),
        ("2021-05-01T10:00:00", "2021-05-01T10:00:00"),
        ("2021-05-01T10:00:00.123456", "2021-05-01T10:00:00.123456"),
        ("2016-11-01T07:34:53+0000", "2016-11-01T07:34:53"),
        ("2016-11-01T07:34:53+00:00", "2016-11-01T07:34:53"),
        ("2016-11-01T07:34:53-07", "2016-11-01T14:34:53"),
        ("2016-11-01T07:34:53+05:30", "2016-11-01T02:04:53"),
        ("2016-11-01T07:34:53-0930", "2016-11-01T17:04:53"),
        ("2016-11-01T07:34:53.25Z", "2016-11-01T07:34:53.250000"),
        # 3.1
        ("2015-01-01", "2015-01-01T00:00:00"),
        ("2013-08-01T18:12:21", "2013-08-01T18:12:21"),
        # further spellings of xs:dateTime and ISO 8601
        ("2013-08-01T18:12", "2013-08-01T18:12:00"),
        ("2013-08-01T18:12Z", "2013-08-01T18:12:00"),
        ("2013-08-01 18:12:21", "2013-08-01T18:12:21"),
        ("2013-08-01t18:12:21z", "2013-08-01T18:12:21"),
        ("2013-08-01T18:12:21 Z", "2013-08-01T18:12:21"),
        ("  2013-08-01T18:12:21Z\n", "2013-08-01T18:12:21"),
        ("2013-08-01T18:12:21,5Z", "2013-08-01T18:12:21.500000"),
        ("2013-08-01T18:12:21.1Z", "2013-08-01T18:12:21.100000"),
        ("2013-08-01T18:12:21.123456789Z", "2013-08-01T18:12:21.123456"),
        ("2013-08-01T18:12:21.000000999Z", "2013-08-01T18:12:21"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00"),
        ("2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00.500000"),
        ("2016-06-30T12:00:60Z", "2016-06-30T12:01:00"),
        ("2016-02-29T00:00:00Z", "2016-02-29T00:00:00"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59"),
        ("2020-01-01T00:00:00+23:59", "2019-12-31T00:01:00"),
    ],
)
def test_instants_read(text: str, iso: str) -> None:
    """Every spelling seen in the wild is read as its UTC instant, to the microsecond."""
    instant = parse_instant(text)
    assert instant.tzinfo is UTC
    assert instant.replace(tzinfo=None).isoformat() == iso


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "yesterday",
            "2020",
            "2020-01",
            "20200101",
            "2020-1-1",
            "20-01-01",
            "2020-01-01T",
            "2020-01-01T10",
        ),
        *("2020-01-01Z", "2020-01-01T10:00:00.Z", "2020-01-01T10:00:00.1234567890Z", "2020-01-01T10:00:00X"),
        *("2020-01-01T24:00:00Z", "2020-01-01T10:60:00Z", "2020-01-01T10:00:61Z", "2020-01-01T10:00:99Z"),
        *("2020-02-30", "2019-02-29", "2020-13-01", "2020-00-01", "2020-01-00", "0000-01-01", "-2020-01-01"),
        *("2020-01-01T10:00:00+24:00", "2020-01-01T10:00:00+5:30", "2020-01-01T10:00:00+05:3"),
        *("2020-01-01T10:00:00+05:60", "2020-01-01T10:00:00 00:00", "2020-01-01T10:00:00ZZ"),
        *("2020-01-01T10:00:00UTC", "2020-01-01T10.5Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"),
        *("9999-12-31T23:59:60Z", "２０２０-０１-０１", "٢٠٢٠-٠١-٠١", "2020-01-01\n2020-01-01"),
        "2017-02-25T18%3A10%3A21.687Z",
    ],
)
def test_instants_refused(text: str) -> None:
    """Anything else is a ValueError, also where only the calendar or its ends are left."""
    with pytest.raises(ValueError, match=r"date-time|must be in|out of range|strictly between"):
        parse_instant(text)


@given(st.text(max_size=30) | st.text("0123456789-T:.Z+ ", max_size=30))
def test_instants_never_surprise(text: str) -> None:
    """Any text is an aware UTC instant or a ValueError."""
    try:
        instant = parse_instant(text)
    except ValueError:
        return
    assert instant.tzinfo is UTC


@given(st.datetimes(timezones=st.timezones() | st.just(UTC)))
def test_instants_round_trip(instant: datetime) -> None:
    """What Python writes as ISO 8601 is read as the same instant; what we write too, to its precision."""
    try:
        utc = instant.astimezone(UTC)
    except OverflowError:
        return
    if instant.utcoffset() % timedelta(minutes=1) == timedelta(0):
        assert parse_instant(instant.isoformat()) == utc
    assert parse_instant(format_instant(instant)) == utc.replace(microsecond=0)
    assert parse_instant(format_instant(instant, milliseconds=True)) == utc.replace(
        microsecond=utc.microsecond // 1000 * 1000
    )


def test_two_written_forms() -> None:
    """Seconds, or three digits of fraction; always Z, always four digits of year."""
    instant = datetime(2016, 1, 20, 20, 49, 10, 999_999, timezone(timedelta(hours=2)))
    assert format_instant(instant) == "2016-01-20T18:49:10Z"
    assert format_instant(instant, milliseconds=True) == "2016-01-20T18:49:10.999Z"
    assert format_instant(datetime(7, 1, 2, tzinfo=UTC)) == "0007-01-02T00:00:00Z"


@pytest.mark.parametrize(
    ("kind", "text", "canonical"),
    [
        (TEXT, " a b\n", "a b"),
        (BOOLEAN, " TRUE ", "true"),
        (BOOLEAN, "false", "false"),
        (INTEGER, "007", "7"),
        (INTEGER, "+7", "7"),
        (INTEGER, "-7 ", "-7"),
        (INTEGER, "-0", "0"),
        (INTEGER, "9" * 18, "9" * 18),
        (DECIMAL, "12.30", "12.3"),
        (DECIMAL, "12.3", "12.3"),
        (DECIMAL, "12.00", "12"),
        (DECIMAL, "1200", "1200"),
        (DECIMAL, "0.00", "0"),
        (DECIMAL, "-0.00", "0"),
        (DECIMAL, "-0", "0"),
        (DECIMAL, "00", "0"),
        (DECIMAL, ".5", "0.5"),
        (DECIMAL, "5.", "5"),
        (DECIMAL, "+5.10", "5.1"),
        (DECIMAL, " -5 ", "-5"),
        (DECIMAL, "0.000000000000000000000000000001", "0.000000000000000000000000000001"),
        (DECIMAL, "9" * 30 + "." + "9" * 30, "9" * 30 + "." + "9" * 30),
        (DATETIME, "2020-01-01T00:00:00.000Z", "2020-01-01T00:00:00Z"),
        (DATETIME, "2020-01-01T01:00:00+01:00", "2020-01-01T00:00:00Z"),
        (DATETIME, "2020-01-01T00:00:00.25Z", "2020-01-01T00:00:00.250000Z"),
        (DATETIME, " 2020-01-01T00%3A00%3A00z", "2020-01-01T00:00:00Z"),
        (DATETIME, "2020-01-01T01:00+0100", "2020-01-01T00:00:00Z"),
        (DATETIME, "2020-01-01T00:00:00", "2020-01-01T00:00:00"),
        (DATETIME, "2020-01-01T00:00:00.250", "2020-01-01T00:00:00.250000"),
        (DATETIME, "2020-01-01", "2020-01-01T00:00:00"),
    ],
)
def test_canonical(kind: Scalar, text: str, canonical: str) -> None:
    """Each kind has one canonical text for one value, and canonical text is its own canonical text."""
    assert kind.canonical(text) == canonical
    assert kind.canonical(canonical) == canonical


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *((BOOLEAN, text) for text in ("", "1", "yes", "truee", "tr ue")),
        *((INTEGER, text) for text in ("", "1.0", "1e3", "٣", "9" * 19, "--1", "1 2", "+")),
        *((DECIMAL, text) for text in ("", ".", "-", "1e3", "NaN", "1,5", "٣", "9" * 31, "." + "0" * 31, "1.2.3")),
        (DATETIME, "soon"),
    ],
)
def test_not_of_the_kind(kind: Scalar, text: str) -> None:
    """A text that is not of the kind is a ValueError that says so."""
    with pytest.raises(ValueError, match=r"^not an? "):
        kind.canonical(text)


@pytest.mark.parametrize(
    ("kind", "one", "other", "same"),
    [
        (DECIMAL, "12.30", "12.3", True),
        (DECIMAL, "12.30", "12.31", False),
        (DECIMAL, "12.30", "n/a", False),
        (DECIMAL, "n/a", "n/a", True),
        (DECIMAL, "n/a", " n/a ", True),
        (DATETIME, "2020-01-01T00:00:00Z", "2020-01-01T00:00:00.000Z", True),
        (DATETIME, "2020-01-01T00:00:00Z", "2020-01-01T00:00:00.001Z", False),
        (DATETIME, "2020-01-01T00:00:00Z", "2020-01-01T00:00:00", False),  # local time, to many
        (DATETIME, "2020-01-01T00:00:00.000", "2020-01-01T00:00:00", True),
        (BOOLEAN, "true", "True", True),
        (BOOLEAN, "true", "false", False),
        (INTEGER, "1", "01", True),
        (INTEGER, "1", "2", False),
        (TEXT, "Standard", "Standard\n", True),
        (TEXT, "Standard", "standard", False),
    ],
)
def test_same(kind: Scalar, one: str, other: str, *, same: bool) -> None:
    """Two texts are the same when they mean the same, whichever is asked first."""
    assert kind.same(one, other) is same
    assert kind.same(other, one) is same


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9))
def test_money_is_compared_by_value(amount: Decimal) -> None:
    """Amounts are the same exactly when their decimal values are, however many zeros trail."""
    text = f"{amount:f}"
    assert DECIMAL.same(text, text + "0")
    assert Decimal(DECIMAL.canonical(text)) == amount
    assert not DECIMAL.same(text, f"{amount + Decimal('0.01'):f}")


def test_names_by_version() -> None:
    """Only a field with an older name has another one, and only in 2011-01-01."""
    field = Field("PaymentMethod", TEXT, name_2011="SubPaymentMethod")
    assert field.name_in("2011-01-01") == "SubPaymentMethod"
    assert field.name_in("2013-09-01") == "PaymentMethod"
    assert Field("PaymentMethod", TEXT).name_in("2011-01-01") == "PaymentMethod"


def test_money() -> None:
    """Money is a currency and an amount, in the schema's order, the amount compared as a number."""
    assert [(field.name, field.kind) for field in MONEY.fields] == [("CurrencyCode", TEXT), ("Amount", DECIMAL)]


@pytest.mark.parametrize(
    ("kind", "name"),
    [(TEXT, "string"), (BOOLEAN, "boolean"), (INTEGER, "int"), (DECIMAL, "decimal"), (DATETIME, "dateTime")],
)
def test_kinds_are_named_as_in_xml_schema(kind: Scalar, name: str) -> None:
    """The documents print these names."""
    assert kind.name == name
