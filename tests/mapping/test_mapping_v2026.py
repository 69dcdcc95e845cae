"""The tables of Orders v2026-01-01 are complete, both ways, and agree with Amazon's model and with the reference."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from bridge.mapping import calls_v2026, orders_v0, words_v2026
from bridge.mapping.choices_v2026 import CHOICES
from bridge.mapping.links import Link, LinkMap, Lost
from bridge.mapping.orders_v2026 import ADDRESS_MAP, ITEM_MAP, ORDER_MAP
from bridge.mapping.paths import parse_path
from bridge.mapping.rows import Omitted, Unused
from mws_compat.orders import ADDRESS, OPERATIONS, ORDER, ORDER_ITEM
from mws_compat.schema import ListOf, Struct
from tests.mapping.reference import reference

TABLES = {"Order": (ORDER_MAP, ORDER), "Address": (ADDRESS_MAP, ADDRESS), "OrderItem": (ITEM_MAP, ORDER_ITEM)}
DEFINITIONS = {"Order": "Order", "Address": "CustomerAddress", "OrderItem": "OrderItem"}
#: On the wire of 2020 without any document.
ON_THE_WIRE_ONLY = {"/IsISPU"}
#: Read by a way beside the place that its link names.
ALSO_READ = {
    "product.price.unitPrice",
    "proceeds.proceedsTotal",
    "proceeds.breakdowns.subtotal",
    "packages.packageReferenceId",
}

each_scope = pytest.mark.parametrize("scope", TABLES)


def nested(table: LinkMap) -> Iterator[LinkMap]:
    """A table and all tables inside it."""
    yield table
    for row in table.rows:
        if isinstance(row, Link) and row.via is not None:
            yield from nested(row.via)


@each_scope
def test_every_element_is_linked_or_lost(scope: str) -> None:
    """Every element of the schema is a Link or Lost, exactly once, at every depth, and every place can be parsed."""
    table, struct = TABLES[scope]
    assert table.struct is struct
    for inner in nested(table):
        assert sorted(row.mws for row in inner.rows) == sorted(field.name for field in inner.struct.fields)
        for row in inner.rows:
            if isinstance(row, Link) and row.source:
                assert parse_path(row.source).text == row.source


@each_scope
def test_what_is_left_out_has_a_reason(scope: str) -> None:
    """Nothing is lost or unused without a word why."""
    for inner in nested(TABLES[scope][0]):
        for entry in (*inner.rows, *inner.unused):
            if isinstance(entry, Lost | Unused):
                assert len(entry.reason) > 5


def test_a_table_that_is_not_complete_is_refused() -> None:
    """A missing, unknown or repeated element is a ValueError that names it, when the table is made."""
    rows = ADDRESS_MAP.rows
    with pytest.raises(ValueError, match="Address: Name"):
        LinkMap(ADDRESS, rows[1:])
    with pytest.raises(ValueError, match="Address: Nowhere"):
        LinkMap(ADDRESS, (*rows, Link("Nowhere", "nowhere")))
    with pytest.raises(ValueError, match="an element twice"):
        LinkMap(ADDRESS, (*rows, rows[0]))
    broken = LinkMap(Struct("Outer", (ORDER.fields[9],)), (Link("ShippingAddress", "recipient"),))
    with pytest.raises(ValueError, match="no map for Address"):
        broken.read({})


# --- against the reference's mapping ------------------------------------------------------------------------------


class Leaf(NamedTuple):
    """One leaf of a table, in the notation of the reference."""

    source: str
    dataset: str


def leaves(table: LinkMap, mws: str = "", source: str = "", dataset: str = "") -> Iterator[tuple[str, Leaf]]:
    fields = {field.name: field for field in table.struct.fields}
    for row in table.rows:
        if not isinstance(row, Link):
            continue
        kind = fields[row.mws].kind
        element = f"{mws}/{row.mws}" + (f"/{kind.member}" if isinstance(kind, ListOf) else "")
        path = source + row.source
        given = row.dataset or dataset
        if row.via is ADDRESS_MAP:
            yield f"{element}/*", Leaf(path, given)
        elif row.via is not None:
            listed = isinstance(kind, ListOf) and not path.endswith("]")
            yield from leaves(row.via, element, f"{path}{'[]' * listed}{'.' if path else ''}", given)
        else:
            yield element, Leaf(path, given)


def rows_of(scope: str) -> list[Any]:
    return [row for row in reference("sp-api-mapping.json")["fields"] if row["scope"] == scope]


@each_scope
def test_the_tables_agree_with_the_reference(scope: str) -> None:
    """Every row of the reference that has an MWS element and a v2026 field is in our table, at the same place and of
    the same dataset, and our table has no other."""
    ours = dict(leaves(TABLES[scope][0]))
    theirs = {"/" + row["mws"]["path"].split("/", 1)[1]: row for row in rows_of(scope) if row["mws"] and row["v2026"]}
    assert ours.keys() - theirs.keys() <= ON_THE_WIRE_ONLY
    assert theirs.keys() <= ours.keys()
    for name, row in theirs.items():
        assert ours[name].source == row["v2026"]["path"], name
        if scope != "Address":  # the dataset is the whole address's
            assert ours[name].dataset == (row["v2026"]["included_data"] or ""), name


@each_scope
def test_what_v2026_has_no_field_for_is_lost(scope: str) -> None:
    """Every element for which the reference knows no v2026 field is Lost, and nothing else is."""
    lost = {row.mws for row in TABLES[scope][0].rows if isinstance(row, Lost)}
    without = {row["mws"]["path"].split("/")[1] for row in rows_of(scope) if row["mws"] and not row["v2026"]}
    assert without - {"TaxRegistrationDetails"} == lost - {"TaxRegistrationDetails"}


def test_what_v0_omits_is_lost_too() -> None:
    """No element that v0 has no source for is found in v2026."""
    for old, new in ((orders_v0.ORDER_MAP, ORDER_MAP), (orders_v0.ITEM_MAP, ITEM_MAP)):
        omitted = {row.mws for row in old.rows if isinstance(row, Omitted)}
        assert omitted <= {row.mws for row in new.rows if isinstance(row, Lost)}


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ("STATUSES", "OrderStatus<->fulfillmentStatus"),
        ("CHANNELS", "FulfillmentChannel<->fulfilledBy"),
        ("SERVICE_LEVELS", "ShipmentServiceLevelCategory<->fulfillmentServiceLevel"),
        ("EASY_SHIP", "EasyShipShipmentStatus<->packageStatus.detailedStatus"),
        ("CONDITIONS", "ConditionId<->conditionType"),
        ("CONDITION_SUBTYPES", "ConditionSubtypeId<->conditionSubtype"),
    ],
)
def test_the_words_are_those_of_the_reference(words: str, field: str) -> None:
    """Every enumeration is the reference's, word for word."""
    table = getattr(words_v2026, words)
    ours = {(mws if isinstance(mws, str) else mws[0], word) for word, mws in table.items()}
    theirs = next(row["pairs"] for row in reference("sp-api-mapping.json")["enums"] if row["name"] == field)
    assert ours == {tuple(pair) for pair in theirs}


def test_the_parameters_agree_with_the_reference() -> None:
    """Every ListOrders parameter has the v2026 name that the reference gives it, or is one that we filter by."""
    rows = reference("sp-api-mapping.json")["parameters"]
    theirs = {row["mws"].split(".")[0]: row["v2026"] for row in rows if row["mws"]}
    for parameter in OPERATIONS["ListOrders"].parameters:
        name = parameter.name
        assert calls_v2026.QUERY_NAMES.get(name) == theirs[name], name
        assert (theirs[name] is None) == (name in calls_v2026.FILTERS or name == "TFMShipmentStatus"), name
    fields = {field.name for field in ORDER.fields}
    assert fields.issuperset(calls_v2026.FILTERS)


def test_every_choice_is_explained() -> None:
    """Each open point of the reference's section 11 that concerns fields has its choice, with a reason."""
    told = " ".join(choice.open for choice in CHOICES)
    assert all(f"[11.{number}]" in told for number in (1, 2, 6, 9))
    assert all(choice.chosen and choice.why for choice in CHOICES)


# --- against Amazon's model ---------------------------------------------------------------------------------------


def properties(model: Any, schema: Any, prefix: str = "") -> Iterator[str]:
    """The paths of a definition's leaves; money and addresses count as one."""
    while "$ref" in schema or schema.get("type") == "array":
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            if name in {"Money", "CustomerAddress", "MerchantAddress"} and prefix:
                yield prefix
                return
            schema = model["definitions"][name]
        else:
            schema = schema["items"]
    if "properties" not in schema:
        yield prefix
        return
    for name, inner in schema["properties"].items():
        yield from properties(model, inner, f"{prefix}.{name}" if prefix else name)


def plain(source: str) -> str:
    """A path without what is in brackets."""
    return re.sub(r"\[[^\]]*\]", "", source)


def selectors(source: str) -> Iterator[str]:
    """The members by which a path picks."""
    for match in re.finditer(r"\[(\w+)=", source):
        yield f"{plain(source[: match.start()])}.{match[1]}"


@each_scope
def test_every_field_of_the_model_is_read_or_unused(scope: str) -> None:
    """Every property of Amazon's model is read by a link, picked by, or listed as unused; no link reads anything
    else."""
    model = reference("models/orders_2026-01-01.json")
    table = TABLES[scope][0]
    sources = [leaf.source for _, leaf in leaves(table)] + [row.source for row in table.rows if isinstance(row, Link)]
    used = {plain(source) for source in sources if source} | {name for one in sources for name in selectors(one)}
    unused = {entry.source for entry in table.unused}
    for inner in nested(table):
        if inner is not table and inner is not ADDRESS_MAP:
            unused |= {f"payment.paymentExecutions.{entry.source}" for entry in inner.unused}
    found = set(properties(model, model["definitions"][DEFINITIONS[scope]]))
    for path in found:
        below = [path[: match.start()] for match in re.finditer(r"\.", path)] + [path]
        inside = any(one.startswith(f"{path}.") for one in used)
        covered = path in used or inside or path in ALSO_READ or unused.intersection(below)
        assert covered, f"{path} is neither read nor listed as unused"
    for path in used:
        assert path in found or any(one.startswith(f"{path}.") for one in found) or scope == "Order", path


@pytest.mark.parametrize("operation", ["searchOrders", "getOrder"])
def test_amazons_own_examples_can_be_read(operation: str) -> None:
    """Every order of the model's sandbox cases is read, whole, and nothing in it is of an unexpected shape."""
    model = reference("models/orders_2026-01-01.json")
    for path in model["paths"].values():
        if path["get"]["operationId"] != operation:
            continue
        for case in path["get"]["responses"]["200"]["x-amzn-api-sandbox"]["static"]:
            answer = case["response"]
            orders = (
                calls_v2026.read_search_page(answer).orders
                if "orders" in answer
                else [calls_v2026.read_found_order(answer)]
            )
            for order in orders:
                record = calls_v2026.read_order(order)
                assert record["AmazonOrderId"] == order["orderId"]
                assert {"OrderStatus", "PurchaseDate", "OrderTotal", "MarketplaceId"} <= record.keys()
                items = calls_v2026.read_items(order)
                assert [item["OrderItemId"] for item in items] == [
                    item["orderItemId"] for item in order["orderItems"]
                ]
                assert all("ItemPrice" in item and "ASIN" in item for item in items)


def test_the_datasets_are_those_that_the_elements_need() -> None:
    """What is asked for is read off the table: nothing that no element needs, everything that one does."""
    assert {
        *("BUYER", "FULFILLMENT", "PACKAGES", "PAYMENT", "PROCEEDS", "RECIPIENT", "TAX")
    } == calls_v2026.ORDER_DATASETS
    assert {"CANCELLATION", "EXPENSE", "FULFILLMENT", "PROCEEDS", "PROMOTION", "TAX"} == calls_v2026.ITEM_DATASETS
