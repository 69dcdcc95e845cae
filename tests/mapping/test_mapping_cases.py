"""Data-driven: the same case proves mapping, writer and reader."""

import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bridge.mapping import orders_v0 as v0
from bridge.mapping.rows import Row, StructMap
from mws_compat.reader import parse_document
from mws_compat.schema import Node, Struct
from tests.mapping import cases
from tests.mapping.reference import reference

#: Cases whose point is that Amazon's JSON is not as its model says: their values do not compare letter by letter.
ODD = {"us-live-quirks", "us-text", "items-live-quirks", "list-static-sandbox", "fr-amazon-fulfilled"}

each_case = pytest.mark.parametrize("name", cases.NAMES)


def test_there_are_cases_in_pairs() -> None:
    """Every JSON answer has its XML document and the other way round, and there are at least twenty."""
    assert len(cases.NAMES) >= 20
    assert sorted(path.stem for path in (cases.FOLDER / "mws").glob("*.xml")) == cases.NAMES
    assert set(cases.NAMES) >= ODD


@each_case
def test_rendered_to_the_byte(name: str) -> None:
    """A v0 answer becomes exactly the MWS document of its case."""
    assert cases.rendered(cases.answer(name)).decode() == cases.document(name).decode()


@each_case
def test_read_again(name: str) -> None:
    """The document, read by our own reader, is the record that was rendered, but for what XML cannot hold."""
    answered = cases.answer(name)
    document = parse_document(cases.document(name))
    assert document.action == cases.operation_of(answered)
    assert document.unknown == ()
    assert document.request_id == cases.REQUEST_ID
    assert document.result == _legal(cases.result_of(answered))


def _legal(node: Node) -> Node:
    """Control characters, which XML 1.0 forbids, as MWS wrote them."""
    if isinstance(node, str):
        return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f]", "\ufffd", node)
    if isinstance(node, list):
        return [_legal(item) for item in node]
    return {name: _legal(inner) for name, inner in node.items()}


def leaves(table: StructMap, path: str = "") -> Iterator[str]:
    """The paths of all elements that a table can write."""
    fields = {field.name: field for field in table.struct.fields}
    for row in table.rows:
        kind = fields[row.mws].kind
        if isinstance(row, Row) and row.via is not None:
            yield from leaves(row.via, f"{path}/{row.mws}")
        elif isinstance(row, Row) and isinstance(kind, Struct):
            yield f"{path}/{row.mws}/CurrencyCode"
            yield f"{path}/{row.mws}/Amount"
        elif isinstance(row, Row) or row.otherwise is not None:
            yield f"{path}/{row.mws}"


def paths_of(node: Node, path: str) -> Iterator[str]:
    """The paths of all leaves of a record; a list's members share their list's."""
    if isinstance(node, dict):
        for name, inner in node.items():
            yield from paths_of(inner, f"{path}/{name}")
    elif isinstance(node, list):
        for inner in node:
            yield from paths_of(inner, path)
    else:
        yield path


def test_every_element_with_a_source_occurs() -> None:
    """No row of the tables is without a case; inside addresses, the one or the other address will do."""

    def one_address(path: str) -> str:
        return path.replace("/DefaultShipFromLocationAddress/", "/ShippingAddress/")

    expected = {f"/Orders{path}" for path in leaves(v0.ORDER_MAP)} | {
        f"/OrderItems{path}" for path in leaves(v0.ITEM_MAP)
    }
    found = {path for name in cases.NAMES for path in paths_of(parse_document(cases.document(name)).result, "")}
    assert {one_address(path) for path in expected} - {one_address(path) for path in found} == set()


def json_values(value: Any, path: str) -> list[Any]:
    """What stands at a path of the reference's notation: members separated by full stops, [] for every item."""
    values = [value]
    for step in path.split("."):
        name = step.removesuffix("[]")
        values = [inner[name] for inner in values if isinstance(inner, dict) and name in inner]
        if step.endswith("[]"):
            values = [item for items in values for item in items]
    return values


def as_wire(value: Any) -> str:
    """A JSON value of the documented type, as MWS would write it."""
    if isinstance(value, dict):
        return f"{value['CurrencyCode']} {value['Amount']}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def xml_values(element: ET.Element, path: list[str]) -> list[str]:
    """The texts at a path of elements; money as currency and amount."""
    found = element.findall("/".join(f"{{*}}{name}" for name in path))
    return [
        " ".join(child.text or "" for child in leaf) if len(leaf) else (leaf.text or "").replace("\r\n", "\n")
        for leaf in found
    ]


@pytest.mark.parametrize("name", sorted(set(cases.NAMES) - ODD))
def test_cases_agree_with_the_reference(name: str) -> None:
    """Read by the reference's own paths, JSON and XML of a case hold the same values: no table of ours has a part."""
    fields = [row for row in reference("sp-api-mapping.json")["fields"] if row["mws"] and row["v0"]]
    payload = cases.answer(name)["payload"]
    root = ET.fromstring(cases.document(name))
    scopes = {
        "Order": (payload.get("Orders", [payload] if "OrderItems" not in payload else []), "Order"),
        "OrderItem": (payload.get("OrderItems", []), "OrderItem"),
    }
    compared = 0
    for scope, (objects, tag) in scopes.items():
        elements = root.findall(f".//{{*}}{tag}")
        assert len(elements) == len(objects)
        for thing, element in zip(objects, elements, strict=True):
            for outer, inner, rows in [
                ("", [], [row for row in fields if row["scope"] == scope and not row["mws"]["path"].endswith("/*")]),
                *(
                    (f"{address}.", [address], [row for row in fields if row["scope"] == "Address"])
                    for address in ("ShippingAddress", "DefaultShipFromLocationAddress")
                ),
            ]:
                for row in rows:
                    path = inner + row["mws"]["path"].split("/")[1:]
                    expected = [as_wire(value) for value in json_values(thing, outer + row["v0"]["path"])]
                    got = xml_values(element, path)
                    assert got == [text.replace("\r\n", "\n") for text in expected], path
                    compared += len(got)
    assert compared > 0 or name in {"items-empty", "list-empty"}
