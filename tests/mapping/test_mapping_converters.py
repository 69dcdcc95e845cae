"""Converters: each quirk of live payloads that is accepted, and each refusal, which names place and type only."""

import pytest

from bridge.mapping import orders_v0 as v0
from bridge.mapping.rows import (
    Converter,
    MappingError,
    Row,
    StructMap,
    as_boolean,
    as_choice,
    as_instant,
    as_integer,
    as_text,
)
from mws_compat.schema import BOOLEAN, INTEGER, TEXT, Field, ListOf, Struct

as_colour = as_choice({"Grey": "Gray"})


@pytest.mark.parametrize(
    ("convert", "value", "text"),
    [
        (as_text, "12.30", "12.30"),
        (as_text, " kept ", " kept "),
        (as_text, "", None),
        (as_text, 0, "0"),
        (as_text, 12345678901234567890, "12345678901234567890"),
        (as_text, -7, "-7"),
        (as_boolean, True, "true"),
        (as_boolean, False, "false"),
        (as_boolean, "true", "true"),
        (as_boolean, "False", "false"),
        (as_boolean, " TRUE ", "true"),
        (as_boolean, "", None),
        (as_boolean, "  ", None),
        (as_integer, 3, "3"),
        (as_integer, -3, "-3"),
        (as_integer, "3", "3"),
        (as_integer, " 007 ", "7"),
        (as_integer, "+5", "5"),
        (as_integer, "-0", "0"),
        (as_integer, "", None),
        (as_integer, " ", None),
        (as_instant, "2026-11-18T09:15:42Z", "2026-11-18T09:15:42Z"),
        (as_instant, "2026-11-18T09:15:42.120Z", "2026-11-18T09:15:42.120Z"),
        (as_instant, "2026-11-18T09:15:42.120999Z", "2026-11-18T09:15:42.120Z"),
        (as_instant, "2026-11-18T11:15:42+02:00", "2026-11-18T09:15:42Z"),
        (as_instant, "2026-11-18", "2026-11-18T00:00:00Z"),
        (as_instant, "2026-11-18T09:15:42", "2026-11-18T09:15:42Z"),
        (as_instant, "2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
        (as_instant, "2026-12-31T23:59:60Z", "2027-01-01T00:00:00Z"),
        (as_instant, "1.569521782042E9", None),
        (as_instant, "", None),
        (as_instant, "soon", None),
        (as_colour, "Grey", "Gray"),
        (as_colour, "Blue", "Blue"),
        (as_colour, "", None),
        (as_colour, 5, "5"),
    ],
)
def test_accepted(convert: Converter, value: object, text: str | None) -> None:
    """What live payloads were seen to hold becomes the wire text of MWS, or counts as absent."""
    assert convert(value) == text


@pytest.mark.parametrize(
    "value",
    [
        "0000-00-00T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00.000Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z",
        "٢٠٢٦-01-01T00:00:00Z",
    ],
)
def test_a_date_that_does_not_exist_is_absent(value: str) -> None:
    """An old parser never sees a date that is none, however much it looks like one."""
    assert as_instant(value) is None
    assert "PurchaseDate" not in v0.ORDER_MAP.read({"PurchaseDate": value})


@pytest.mark.parametrize("month", range(1, 13))
def test_every_day_of_the_calendar_passes(month: int) -> None:
    """Every date that exists is written as it came: none is lost to the pattern of the short way."""
    for year, february in ((2023, 28), (2024, 29)):
        for day in range(1, (february if month == 2 else 30 if month in {4, 6, 9, 11} else 31) + 1):
            text = f"{year}-{month:02d}-{day:02d}T23:59:59Z"
            assert v0.ORDER_MAP.read({"PurchaseDate": text}) == {"PurchaseDate": text}


@pytest.mark.parametrize(
    ("convert", "value", "problem"),
    [
        (as_text, 1.5, "text expected, number found"),
        (as_text, True, "text expected, boolean found"),
        (as_text, None, "text expected, null found"),
        (as_text, ["secret"], "text expected, array found"),
        (as_text, {"secret": 1}, "text expected, object found"),
        (as_boolean, "secret", "boolean expected, other text found"),
        (as_boolean, "1", "boolean expected, other text found"),
        (as_boolean, 1, "boolean expected, number found"),
        (as_boolean, 0.0, "boolean expected, number found"),
        (as_boolean, [], "boolean expected, array found"),
        (as_integer, "secret", "integer expected, other text found"),
        (as_integer, "1.0", "integer expected, other text found"),
        (as_integer, "٣", "integer expected, other text found"),
        (as_integer, "1" * 19, "integer expected, other text found"),
        (as_integer, 1.0, "integer expected, number found"),
        (as_integer, True, "integer expected, boolean found"),
        (as_integer, {}, "integer expected, object found"),
        (as_instant, 1569521782, "date-time expected, number found"),
        (as_instant, ["2026-11-18T09:15:42Z"], "date-time expected, array found"),
        (as_colour, False, "text expected, boolean found"),
    ],
)
def test_refused(convert: Converter, value: object, problem: str) -> None:
    """Anything else is refused in words that name the two types and never the value."""
    with pytest.raises(MappingError) as caught:
        convert(value)
    assert str(caught.value) == caught.value.problem == problem
    assert caught.value.place == ""


INNER = StructMap(Struct("Inner", (Field("Flag", BOOLEAN),)), (Row("Flag", "flag"),))
OUTER = StructMap(
    Struct(
        "Outer",
        (
            Field("Text", TEXT),
            Field("Deep", INTEGER),
            Field("Words", ListOf("Word", TEXT)),
            Field("Inners", ListOf("Inner", INNER.struct)),
            Field("One", INNER.struct),
        ),
    ),
    (
        Row("Text", "text"),
        Row("Deep", "a.b.c"),
        Row("Words", "words"),
        Row("Inners", "inners", via=INNER),
        Row("One", "a.one", via=INNER),
    ),
)


@pytest.mark.parametrize(
    ("source", "record"),
    [
        ({}, {}),
        ({"text": None, "words": None, "inners": None, "a": None}, {}),
        ({"text": "", "words": "", "inners": "", "a": ""}, {}),
        ({"words": [], "inners": [], "a": {}}, {}),
        ({"words": {}, "inners": {}, "a": {"b": "", "one": ""}}, {}),
        ({"a": {"b": {}, "one": {}}}, {}),
        ({"a": {"b": {"c": 1}, "one": {"flag": "TRUE"}}}, {"Deep": "1", "One": {"Flag": "true"}}),
        ({"words": ["one", None, "", "two"]}, {"Words": ["one", "two"]}),
        ({"words": {"Word": ["one", "two"]}}, {"Words": ["one", "two"]}),
        ({"words": {"Word": "one"}}, {"Words": ["one"]}),
        ({"words": {"Word": None}}, {}),
        (
            {"inners": [{"flag": True}, {}, None, "", {"flag": False}]},
            {"Inners": [{"Flag": "true"}, {"Flag": "false"}]},
        ),
        ({"inners": {"Inner": {"flag": True}}}, {"Inners": [{"Flag": "true"}]}),
        ({"inners": {"Inner": [{"flag": True}]}}, {"Inners": [{"Flag": "true"}]}),
        ({"unknown": object()}, {}),
    ],
)
def test_shapes_that_are_accepted(source: dict[str, object], record: dict[str, object]) -> None:
    """Null, "", {}, [] and what holds nothing else are absent; lists may still be wrapped as MWS wrapped them."""
    assert OUTER.read(source) == record


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"text": ["private"]}, "text: text expected, array found"),
        ({"a": "private"}, "a: object expected, other text found"),
        ({"a": []}, "a: object expected, array found"),
        ({"a": {"b": 1}}, "a.b: object expected, number found"),
        ({"a": {"b": {"c": "private"}}}, "a.b.c: integer expected, other text found"),
        ({"a": {"one": "private"}}, "a.one: object expected, other text found"),
        ({"a": {"one": {"flag": "private"}}}, "a.one.flag: boolean expected, other text found"),
        ({"words": "private"}, "words: array expected, other text found"),
        ({"words": 0}, "words: array expected, number found"),
        ({"words": {"Word": ["ok", {"private": 1}]}}, "words[1]: text expected, object found"),
        ({"words": {"Word": [], "private": 1}}, "words: array expected, object found"),
        ({"words": ["ok", 1.5]}, "words[1]: text expected, number found"),
        ({"inners": [{}, {"flag": "private"}]}, "inners[1].flag: boolean expected, other text found"),
        ({"inners": ["private"]}, "inners[0]: object expected, other text found"),
    ],
)
def test_shapes_that_are_refused(source: dict[str, object], message: str) -> None:
    """A value of the wrong type is refused with the path to it; the value is not in the message."""
    with pytest.raises(MappingError) as caught:
        OUTER.read(source)
    assert str(caught.value) == message
    assert "private" not in str(caught.value) + repr(caught.value)
    assert caught.value.__cause__ is None
