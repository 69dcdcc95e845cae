"""The tables are complete, both ways, and agree with Amazon's model and with the reference."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from bridge.mapping import orders_v0 as v0
from bridge.mapping.rows import Omitted, Row, StructMap, Unused
from mws_compat.orders import ADDRESS, OPERATIONS, ORDER, ORDER_ITEM
from mws_compat.schema import BOOLEAN, DATETIME, INTEGER, MONEY, TEXT, Field, Kind, ListOf, Struct
from tests.mapping.reference import reference

TABLES = {
    "Order": (v0.ORDER_MAP, ORDER),
    "Address": (v0.ADDRESS_MAP, ADDRESS),
    "OrderItem": (v0.ITEM_MAP, ORDER_ITEM),
}

#: Read although the documents give them no MWS element, or no v0 field: live data had them.
ON_THE_WIRE_ONLY = {"IsISPU": "the wire of 2020 had the element", "isAddressSharingConfidential": "seen in v0 too"}

each_table = pytest.mark.parametrize(("table", "struct"), TABLES.values(), ids=TABLES)


def struct_of(kind: Kind) -> Kind:
    return kind.of if isinstance(kind, ListOf) else kind


def nested(table: StructMap) -> Iterator[StructMap]:
    """A table and all tables inside it."""
    yield table
    for row in table.rows:
        if isinstance(row, Row) and row.via is not None:
            yield from nested(row.via)


@each_table
def test_every_leaf_is_mapped_or_omitted(table: StructMap, struct: Struct) -> None:
    """Every element of the schema is a Row or an Omitted, exactly once, at every depth; whatever has a struct of its
    own is described down to its leaves."""
    assert table.struct is struct
    for inner in nested(table):
        fields = {field.name: field for field in inner.struct.fields}
        assert sorted(row.mws for row in inner.rows) == sorted(fields)
        for row in inner.rows:
            kind = struct_of(fields[row.mws].kind)
            if not isinstance(row, Row) or not isinstance(kind, Struct) or kind == MONEY:
                assert not isinstance(row, Row) or row.via is None
            else:
                assert row.via is not None
                assert row.via.struct is kind


@each_table
def test_what_is_left_out_has_a_reason(table: StructMap, struct: Struct) -> None:
    """Nothing is omitted or unused without a word why; no JSON field is both read and unused."""
    for inner in nested(table):
        for entry in (*inner.rows, *inner.unused):
            if isinstance(entry, Omitted | Unused):
                assert len(entry.reason) > 5
        unused = [entry.source for entry in inner.unused]
        assert len(unused) == len(set(unused))
        assert not {row.source for row in inner.rows if isinstance(row, Row)} & set(unused)


@each_table
def test_no_two_elements_share_a_source(table: StructMap, struct: Struct) -> None:
    """Each JSON field feeds one element."""
    sources = [row.source for row in table.rows if isinstance(row, Row)]
    assert len(sources) == len(set(sources))


def test_a_table_that_is_not_complete_is_refused() -> None:
    """A missing, unknown or repeated element is a ValueError that names it, when the table is made."""
    struct = Struct("Pair", (Field("A", TEXT), Field("B", TEXT)))
    with pytest.raises(ValueError, match="Pair: B"):
        StructMap(struct, (Row("A", "A"),))
    with pytest.raises(ValueError, match="Pair: C"):
        StructMap(struct, (Row("A", "A"), Row("B", "B"), Row("C", "C")))
    with pytest.raises(ValueError, match="an element twice"):
        StructMap(struct, (Row("A", "A"), Row("B", "B"), Row("B", "C")))
    assert StructMap(struct, (Row("A", "A"), Omitted("B", "no source"))).read({"A": "1", "B": "2"}) == {"A": "1"}


# --- against Amazon's model -----------------------------------------------------------------------------------------


def definition(model: Any, schema: Any) -> Any:
    """A schema with its reference followed; of an array, the schema of its items."""
    while "$ref" in schema or schema.get("type") == "array":
        schema = model["definitions"][schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema["items"]
    return schema


def check_object(model: Any, schema: Any, table: StructMap, prefix: str = "") -> set[str]:
    """Compare the properties of one object with a table's rows below ``prefix``; returns the sources that it used."""
    rows = {row.source: row for row in table.rows if isinstance(row, Row)}
    unused = {entry.source for entry in table.unused}
    used: set[str] = set()
    for name, inner in schema["properties"].items():
        source = prefix + name
        below = definition(model, inner)
        if any(other.startswith(f"{source}.") for other in rows):
            used |= check_object(model, below, table, f"{source}.")
        else:
            assert source in rows.keys() | unused, f"{source} is neither read nor listed as unused"
            used.add(source)
            row = rows.get(source)
            if row is not None and row.via is not None:
                check_whole(model, below, row.via)
    return used


def check_whole(model: Any, schema: Any, table: StructMap) -> None:
    used = check_object(model, schema, table)
    listed = {row.source for row in table.rows if isinstance(row, Row)} | {entry.source for entry in table.unused}
    assert listed - used <= {"isAddressSharingConfidential"}, "fields that the model does not have"


@pytest.mark.parametrize("name", TABLES)
def test_every_field_of_the_model_is_read_or_unused(name: str) -> None:
    """Every property of Amazon's v0 model is read by a row or listed as unused, and no row reads anything else."""
    model = reference("models/ordersV0.json")
    check_whole(model, model["definitions"][name], TABLES[name][0])


# --- against the reference's mapping --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """One leaf of a table, in the notation of the reference."""

    mws: str
    v0: str
    kind: Kind
    restricted: bool


def pairs(table: StructMap, mws: str = "", source: str = "", *, restricted: bool = False) -> Iterator[Pair]:
    fields = {field.name: field for field in table.struct.fields}
    for row in table.rows:
        if not isinstance(row, Row):
            continue
        kind = fields[row.mws].kind
        element = f"{mws}/{row.mws}" + (f"/{kind.member}" if isinstance(kind, ListOf) else "")
        path = f"{source}{row.source}" + ("[]" if isinstance(kind, ListOf) else "")
        secret = restricted or row.restricted
        if row.via is v0.ADDRESS_MAP:
            yield Pair(f"{element}/*", path, ADDRESS, secret)
        elif row.via is not None:
            yield from pairs(row.via, element, f"{path}.", restricted=secret)
        else:
            yield Pair(element, path, struct_of(kind), secret)


def rows_of(scope: str) -> list[Any]:
    return [row for row in reference("sp-api-mapping.json")["fields"] if row["scope"] == scope]


def kind_of(text: str) -> Kind:
    """The kind that an MWS type of the reference means."""
    for start, kind in {
        "xs:boolean": BOOLEAN,
        "xs:int": INTEGER,
        "xs:dateTime": DATETIME,
        "Money": MONEY,
        "Address": ADDRESS,
    }.items():
        if text.startswith(start):
            return kind
    return TEXT


@pytest.mark.parametrize("scope", TABLES)
def test_the_tables_agree_with_the_reference(scope: str) -> None:
    """Every row of the reference that has an MWS element and a v0 field is in our table, of the same type and
    likewise restricted, and our table has no other."""
    ours = {pair.mws: pair for pair in pairs(TABLES[scope][0])}
    theirs = {"/" + row["mws"]["path"].split("/", 1)[1]: row for row in rows_of(scope) if row["mws"] and row["v0"]}
    assert set(ours.keys() ^ theirs.keys()) <= {f"/{name}" for name in ON_THE_WIRE_ONLY}
    for name, row in theirs.items():
        assert ours[name].v0 == row["v0"]["path"]
        assert ours[name].kind == kind_of(row["mws"]["type"]), name
        element = row["v0"]["restricted_data_element"] or "-"
        if name != "/ShippingAddress/*":  # what is restricted in it are its leaves, not the place of delivery
            assert ours[name].restricted == (not element.startswith("-")), name


@pytest.mark.parametrize("scope", TABLES)
def test_what_only_mws_had_is_omitted(scope: str) -> None:
    """Every element for which the reference knows no v0 field is Omitted."""
    omitted = {row.mws for row in TABLES[scope][0].rows if isinstance(row, Omitted)}
    only = {row["mws"]["path"].split("/")[1] for row in rows_of(scope) if row["mws"] and not row["v0"]}
    assert only <= omitted | ON_THE_WIRE_ONLY.keys()


@pytest.mark.parametrize("scope", TABLES)
def test_what_only_v0_has_is_unused(scope: str) -> None:
    """Every v0 field for which the reference knows no MWS element is listed as unused, itself or its parent."""
    table = TABLES[scope][0]
    unused = {entry.source for entry in table.unused}
    inner = {row.source: row.via for row in table.rows if isinstance(row, Row) and row.via is not None}
    for row in rows_of(scope):
        if row["mws"] or not row["v0"] or row["v0"]["path"] in ON_THE_WIRE_ONLY:
            continue
        first, _, rest = row["v0"]["path"].replace("[]", "").partition(".")
        known = {entry.source for entry in inner[first].unused} if first in inner else unused
        assert (rest if first in inner else first) in known


def test_the_parameters_agree_with_the_reference() -> None:
    """Every ListOrders parameter has the v0 name that reference and model give it, or none where they know none."""
    rows = reference("sp-api-mapping.json")["parameters"]
    theirs = {row["mws"].split(".")[0]: row["v0"] for row in rows if row["mws"]}
    names = [parameter.name for parameter in OPERATIONS["ListOrders"].parameters]
    assert {name: v0.QUERY_NAMES.get(name) for name in names} == {name: theirs[name] for name in names}
    get_orders = reference("models/ordersV0.json")["paths"]["/orders/v0/orders"]["get"]
    assert set(v0.QUERY_NAMES.values()) <= {parameter["name"] for parameter in get_orders["parameters"]}
