"""The compiled readers against a plain walk over the rows, on JSON of every shape, right and wrong."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.mapping import orders_v0 as v0
from bridge.mapping.rows import MappingError, Omitted, Row, StructMap, as_choice
from mws_compat.schema import MONEY, Field, Scalar, Struct, format_instant, parse_instant
from tests.mapping import cases

TABLES = {"Order": v0.ORDER_MAP, "Address": v0.ADDRESS_MAP, "OrderItem": v0.ITEM_MAP}


class WrongTypeError(Exception):
    """The plain walk's refusal: the place, and what was expected there."""

    def __init__(self, expected: str, place: str) -> None:
        super().__init__(expected, place)
        self.expected, self.place = expected, place


# --- the plain walk: the contract written down again, one step after the other --------------------------------------


def plain_scalar(kind: str, value: Any, place: str) -> str:
    """The wire text of a leaf; '' for absent."""
    text = value.strip() if isinstance(value, str) else None
    match kind:
        case "boolean":
            if isinstance(value, bool) or (text is not None and text.lower() in {"true", "false", ""}):
                return str(value).strip().lower()
        case "int":
            if isinstance(value, int) and not isinstance(value, bool):
                return str(value)
            if text is not None and (not text or text.lstrip("+-").isdecimal()):
                return str(int(text)) if text else ""
        case "dateTime":
            if isinstance(value, str):
                try:
                    instant = parse_instant(value)
                except ValueError:
                    return ""
                # A text that MWS itself could have written stays as it is, its zeros of a second included.
                written = value.endswith("Z") and "T" in value and len(value) in {20, 24} and ":60" not in value
                return value if written else format_instant(instant, milliseconds=bool(instant.microsecond))
        case _:
            if isinstance(value, str):
                return value
            if isinstance(value, int) and not isinstance(value, bool):
                return str(value)
    raise WrongTypeError({"boolean": "boolean", "int": "integer", "dateTime": "date-time"}.get(kind, "text"), place)


def plain_node(row: Row, field: Field, value: Any, place: str) -> Any:
    kind = field.kind
    if isinstance(kind, Scalar):
        text = plain_scalar(kind.name, value, place)
        swap = {"SellerFulfilled": "MFN", "AmazonFulfilled": "AFN"} if row.mws == "FulfillmentChannel" else {}
        return swap.get(text, text)
    if isinstance(kind, Struct):
        return plain_struct(row.via, value, place)
    if isinstance(value, dict) and list(value) == [kind.member]:
        value = value[kind.member]
        value = value if isinstance(value, list) else [value]
    if value in ("", {}):
        return []
    if not isinstance(value, list):
        raise WrongTypeError("array", place)
    members = []
    for number, item in enumerate(value):
        if item is not None:
            spot = f"{place}[{number}]"
            member = plain_struct(row.via, item, spot) if row.via else plain_scalar("string", item, spot)
            members += [member] if member else []
    return members


def plain_struct(table: StructMap | None, value: Any, place: str) -> Any:
    if value == "":
        return {}
    if not isinstance(value, dict):
        raise WrongTypeError("object", place)
    if table is None:
        pairs = ((name, value.get(name), f"{place}.{name}") for name in ("CurrencyCode", "Amount"))
        texts = {name: plain_scalar("string", inner, spot) for name, inner, spot in pairs if inner is not None}
        return {name: text for name, text in texts.items() if text}
    return plain_read(table, value, place)


def plain_read(table: StructMap, source: dict[str, Any], place: str = "") -> dict[str, Any]:
    """Rows of the object itself first, then those of the objects inside it, in the order in which these come up."""
    fields = {field.name: field for field in table.struct.fields}
    rows = [row for row in table.rows if isinstance(row, Row)]
    parents = list(dict.fromkeys(row.source.rpartition(".")[0] for row in rows))
    record: dict[str, Any] = {}
    for row in sorted(rows, key=lambda row: parents.index(row.source.rpartition(".")[0])):
        value: Any = source
        path = place
        for step in row.source.split("."):
            if value is None or value == "":
                value = None
                break
            if not isinstance(value, dict):
                raise WrongTypeError("object", path)
            value = value.get(step)
            path = f"{path}.{step}" if path else step
        if value is not None:
            node = plain_node(row, fields[row.mws], value, path)
            if node:
                record[row.mws] = node
    if "ShippedByAmazonTFM" in fields and record.get("FulfillmentChannel") == "MFN":
        canceled = record.get("OrderStatus") == "Canceled"
        record |= {} if canceled else {"ShippedByAmazonTFM": "false"}
    return record


# --- objects: every member right, odd, or of another type -----------------------------------------------------------

ANYTHING = st.sampled_from(
    [
        *("", " ", "text", "true", "FALSE", "12", "+7", "1.5", "2026-11-18T09:15:42Z", "2026-02-30T00:00:00Z"),
        *(0, 1, -3, 1.5, 0.0, True, False, None),
        *([], {}, [None], [""], ["a", 1], [{}], {"x": 1}, [["y"]], {"CurrencyCode": True}),
    ]
)
RIGHT = {
    "string": st.sampled_from(
        ["a", "ä ö", "Canceled", "Unshipped", "AFN", "MFN", "SellerFulfilled", "AmazonFulfilled"]
    ),
    "decimal": st.sampled_from(["12.30", "0", "1E3", 12]),
    "boolean": st.sampled_from([True, False, "true", "False", " TRUE "]),
    "int": st.sampled_from([0, 1, 99, "3", " 04 ", "+1"]),
    "dateTime": st.sampled_from(
        [
            "2026-11-18T09:15:42Z",
            "2026-11-18T09:15:42.000Z",
            "2026-11-18T11:15:42.5+02:00",
            "1.569521782042E9",
            "2026-11-18",
        ]
    ),
}


def mostly(strategy: st.SearchStrategy[Any], odds: int) -> st.SearchStrategy[Any]:
    """Anything at all, one time in ``odds``."""
    return st.integers(1, odds).flatmap(lambda number: ANYTHING if number == odds else strategy)


def values(table: StructMap | None, field: Field, odds: int) -> st.SearchStrategy[Any]:
    kind = field.kind
    if isinstance(kind, Scalar):
        return mostly(RIGHT[kind.name], odds)
    if isinstance(kind, Struct):
        return mostly(objects(table, odds) if table else money(odds), odds)
    member = objects(table, odds) if table else mostly(RIGHT["string"], odds)
    several = st.lists(member, max_size=3)
    return mostly(st.one_of(several, several.map(lambda items: {kind.member: items})), odds)


def money(odds: int) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {}, optional={field.name: mostly(RIGHT["decimal"], odds * 3) for field in MONEY.fields}
    )


def objects(table: StructMap, odds: int) -> st.SearchStrategy[dict[str, Any]]:
    """JSON objects with a choice of the table's sources, of unused fields and of a field nobody knows."""
    fields = {field.name: field for field in table.struct.fields}
    tree: dict[str, Any] = {"Unheard": ANYTHING, **{entry.source: ANYTHING for entry in table.unused}}
    inner: dict[str, dict[str, Any]] = {}
    for row in table.rows:
        if isinstance(row, Row):
            parent, _, name = row.source.rpartition(".")
            (inner.setdefault(parent, {}) if parent else tree)[name] = values(row.via, fields[row.mws], odds)
    for parent, members in inner.items():
        tree[parent] = mostly(st.fixed_dictionaries({}, optional=members), odds)
    return st.fixed_dictionaries({}, optional=tree)


def same(table: StructMap, source: dict[str, Any]) -> None:
    """Both ways of reading give the same record, or refuse the same place for the same reason."""
    before = copy.deepcopy(source)
    try:
        expected: Any = plain_read(table, source)
    except WrongTypeError as wrong:
        expected = wrong
    if isinstance(expected, WrongTypeError):
        with pytest.raises(MappingError) as caught:
            table.read(source)
        assert (caught.value.place, caught.value.problem.split(" expected")[0]) == (expected.place, expected.expected)
    else:
        assert table.read(source) == expected
    assert source == before


@pytest.mark.parametrize("odds", [4, 40, 4000])
@pytest.mark.parametrize("name", TABLES)
@pytest.mark.long
def test_compiled_and_plain_reading_agree(name: str, odds: int) -> None:
    """For JSON with right and wrong types anywhere, the compiled reader gives the record of the plain walk, or
    refuses with the place at which the plain walk fails; it never changes what it reads."""
    table = TABLES[name]
    enough = settings(max_examples=settings.default.max_examples // 4)  # nine runs, of large objects

    @enough
    @given(objects(table, odds))
    def check(source: dict[str, Any]) -> None:
        same(table, source)

    check()


@pytest.mark.parametrize("name", cases.NAMES)
def test_the_cases_read_alike(name: str) -> None:
    """Compiled and plain reading agree on every case of the fixtures."""
    payload = cases.answer(name)["payload"]
    for source in payload.get("Orders", []):
        same(v0.ORDER_MAP, source)
    for source in payload.get("OrderItems", []):
        same(v0.ITEM_MAP, source)
    if "OrderStatus" in payload:
        same(v0.ORDER_MAP, payload)


def every_spot(table: StructMap) -> list[str]:
    """The sources of a table's rows that read anything."""
    return [row.source for row in table.rows if isinstance(row, Row)]


@pytest.mark.parametrize(
    ("name", "source"), [(name, source) for name, table in TABLES.items() for source in every_spot(table)]
)
@pytest.mark.parametrize("value", [1.5, [1.5], {"CurrencyCode": 1.5}], ids=["number", "array", "object"])
def test_a_wrong_type_at_every_place(name: str, source: str, value: object) -> None:
    """One wrong value anywhere is refused at its own place by both readers alike, or accepted by both."""
    *parents, last = source.split(".")
    tree: dict[str, Any] = {last: value}
    for parent in reversed(parents):
        tree = {parent: tree}
    same(TABLES[name], tree)


@pytest.mark.parametrize(
    ("order", "written"),
    [
        ({"FulfillmentChannel": "MFN", "OrderStatus": "Unshipped"}, "false"),
        ({"FulfillmentChannel": "SellerFulfilled"}, "false"),
        ({"FulfillmentChannel": "MFN", "OrderStatus": "Canceled"}, None),
        ({"FulfillmentChannel": "AFN", "OrderStatus": "Shipped"}, None),
        ({"FulfillmentChannel": "AmazonFulfilled"}, None),
        ({"FulfillmentChannel": None}, None),
        ({"FulfillmentChannel": ""}, None),
        ({}, None),
    ],
)
def test_the_element_without_a_source(order: dict[str, object], written: str | None) -> None:
    """ShippedByAmazonTFM is false on merchant-fulfilled orders that are not cancelled, and absent on all others."""
    assert v0.ORDER_MAP.read(order).get("ShippedByAmazonTFM") == written


def test_a_converter_of_its_own_and_an_omission() -> None:
    """A row's converter overrides its kind; an Omitted computes from the whole object, or writes nothing."""
    struct = Struct("S", (Field("A", Scalar("boolean", str)), Field("B", MONEY), Field("C", MONEY)))
    table = StructMap(
        struct,
        (
            Row("A", "a", as_choice({"yes": "true"})),
            Omitted("B", "not known", lambda source: "" if "b" in source else None),
            Omitted("C", "not known"),
        ),
    )
    read: Callable[[dict[str, object]], object] = table.read
    assert read({"a": "yes"}) == {"A": "true"}
    assert read({"a": "other", "b": 1}) == {"A": "other", "B": ""}
