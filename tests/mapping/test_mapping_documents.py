"""Whole documents: what each JSON is taken for, both ways, and the place of what is wrong with it."""

import csv
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bridge.mapping.cells import Typing
from bridge.mapping.documents_v0 import MEMBER_MAPS, NAMESPACE, JsonDocument, member_of, read_document, write_document
from bridge.mapping.rows import MappingError
from mws_compat.documents import DOCUMENTS

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("MWS_CORPUS") or ROOT.parent / "shared" / "corpus")


def written(document: JsonDocument) -> Any:
    """The JSON of a document, its members put back through their records."""
    out: Any = write_document(document.kind, document.namespace, document.record, Typing())
    if document.members:
        table = MEMBER_MAPS[document.kind.member]
        objects = [table.write(table.read(member), Typing()) for member in document.members]  # type: ignore[arg-type]
        holder = out["payload"] if document.kind.path else out["AmazonEnvelope"]
        holder[(document.kind.path or ("Message",))[-1]] = objects
    return out


def read(source: Any) -> JsonDocument:
    found = read_document(source)
    assert found is not None
    return found


ORDER = {"AmazonOrderId": "1", "Future": 1}
FULL: dict[str, Any] = {
    "ListOrders": {
        "payload": {"NextToken": "t", "CreatedBefore": "2020-01-01T00:00:00Z", "Future": [1], "Orders": [ORDER, {}]},
        "errors": [],
        "#mws": {
            "Operation": "ListOrders",
            "Namespace": "urn:x",
            "ResponseMetadata": {"RequestId": "r"},
            "RequestID": "s",
        },
        "#unknown": {"@a": "1", "ListOrdersResult": {"New": "x"}},
    },
    "ListOrderItems": {
        "payload": {"AmazonOrderId": "1", "OrderItems": [{"ASIN": "B"}]},
        "#mws": {"Operation": "ListOrderItems"},
    },
    "GetOrder": {"payload": {"Orders": [ORDER]}, "#mws": {"Operation": "GetOrder"}},
    "GetServiceStatus": {
        "payload": {"Status": "GREEN", "Messages": [{"Locale": "en", "Text": "x"}]},
        "#mws": {"Operation": "GetServiceStatus"},
    },
    "Error": {
        "errors": [
            {"code": "X", "message": "m", "details": "d", "more": 1, "#mws": {"Type": "Sender"}},
            {"code": "Y"},
        ],
        "#mws": {"Namespace": "urn:y", "RequestID": "r"},
        "payload": None,
    },
    "AmazonEnvelope": {
        "AmazonEnvelope": {
            "Header": {"DocumentVersion": "1.01"},
            "PurgeAndReplace": False,
            "Future": 1,
            "Message": [{"MessageID": "1", "OrderReport": {"AmazonOrderID": "1"}}],
        },
        "#mws": {"Namespace": "urn:z"},
        "Bar": 2,
    },
}


@pytest.mark.parametrize("action", FULL)
def test_a_whole_document(action: str) -> None:
    """A document with all that can stand in it comes back as it was."""
    document = read(FULL[action])
    assert document.kind.action == action
    assert written(document) == FULL[action]


@pytest.mark.parametrize(
    ("source", "action", "members", "place"),
    [
        ({"payload": {"Orders": []}}, "ListOrders", 0, "payload.Orders"),
        ({"payload": {"Orders": None}}, "ListOrders", 0, "payload.Orders"),
        ({"payload": {"OrderItems": ""}}, "ListOrderItems", 0, "payload.OrderItems"),
        ({"Orders": [{}]}, "ListOrders", 1, "Orders"),
        ({"OrderItems": {"OrderItem": {"ASIN": "x"}}, "AmazonOrderId": "1"}, "ListOrderItems", 1, "OrderItems"),
        ({"payload": {"Orders": {"Order": [{}, {}]}}}, "ListOrders", 2, "payload.Orders"),
        ({"payload": {"Status": "GREEN"}}, "GetServiceStatus", 0, ""),
        ({"payload": ORDER}, "GetOrder", 1, "payload"),
        ({"payload": {}, "#mws": {"Operation": "ListOrdersByNextToken"}}, "ListOrdersByNextToken", 0, ""),
        ({"errors": []}, "Error", 0, ""),
        ({"errors": [], "payload": {"Orders": []}}, "ListOrders", 0, "payload.Orders"),
        ({"AmazonEnvelope": {}}, "AmazonEnvelope", 0, "AmazonEnvelope.Message"),
        ({"AmazonEnvelope": {"Message": [{}]}}, "AmazonEnvelope", 1, "AmazonEnvelope.Message"),
    ],
)
def test_what_a_document_is_taken_for(source: Any, action: str, members: int, place: str) -> None:
    """What a JSON object is, its members say, or its operation."""
    before = json.dumps(source)
    document = read(source)
    assert (document.kind.action, len(document.members), document.place) == (action, members, place)
    assert document.namespace == ("" if action == "AmazonEnvelope" else NAMESPACE)
    assert json.dumps(source) == before


def test_what_is_no_document() -> None:
    """Members outside any document, and anything else, are none."""
    for source in ({}, {"foo": 1}, {"ASIN": "x"}, {"errors": "text"}):
        assert read_document(source) is None


@pytest.mark.parametrize(
    ("source", "member"),
    [
        ({"ASIN": "x"}, "OrderItem"),
        ({"OrderItemId": "x", "AmazonOrderId": "1"}, "OrderItem"),
        ({"AmazonOrderId": "1"}, "Order"),
        ({"AmazonOrderId": "1", "OrderItems": []}, ""),
        ({"AmazonOrderId": "1", "Orders": []}, ""),
        ({"MessageID": "1", "OrderReport": {}}, "Message"),
        ({"MessageID": "1"}, ""),
        ({}, ""),
    ],
)
def test_member_of(source: Any, member: str) -> None:
    """An object outside any document is known by its members; an answer without its payload is none."""
    assert member_of(source) == member


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"payload": None}, "payload: object expected"),
        ({"payload": ["secret"]}, "payload: object expected"),
        ({"payload": {"secret": 1}}, "payload: neither Orders nor OrderItems nor an order"),
        ({"payload": {"Orders": "secret"}}, "payload.Orders: array expected"),
        ({"Orders": {"secret": []}}, "Orders: array expected"),
        ({"payload": {"Orders": [], "#unknown": "secret"}}, "payload.#unknown: object expected"),
        ({"Orders": [], "#mws": "secret"}, "#mws: object expected"),
        ({"Orders": [], "#mws": []}, "#mws: object expected"),
        ({"Orders": [], "#mws": {"Operation": "secret"}}, "#mws.Operation: not an operation"),
        ({"Orders": [], "#mws": {"Operation": ["secret"]}}, "#mws.Operation: not an operation"),
        ({"Orders": [], "#mws": {"Namespace": 5}}, "#mws.Namespace: text expected"),
        ({"payload": ORDER, "#mws": {"Namespace": 5}}, "#mws.Namespace: text expected"),
        ({"Orders": [], "#mws": {"ListOrdersResult": {}}}, "#mws: only Namespace, Operation, RequestID, RequestId,"),
        ({"AmazonEnvelope": {}, "#mws": {"Message": []}}, "#mws: only Namespace, Operation may stand here"),
        ({"Orders": [], "#mws": {"RequestId": 5}}, "#mws.RequestId: text, object or array expected"),
        ({"Orders": [], "#unknown": "secret"}, "#unknown: object expected"),
        ({"AmazonEnvelope": {"#unknown": {}}, "#unknown": {}}, "#unknown: stands twice"),
        ({"AmazonEnvelope": "secret"}, "AmazonEnvelope: object expected"),
        ({"AmazonEnvelope": {"Message": {"secret": 1}}}, "AmazonEnvelope.Message: array expected"),
        ({"AmazonEnvelope": {"Header": {"#unknown": {}}}}, "AmazonEnvelope.Header.#unknown: may stand only"),
        ({"errors": ["secret"]}, "errors[0]: object expected"),
        ({"errors": [{}, {"#mws": {"secret": 1}}]}, "errors[1].#mws: only nothing may stand here"),
    ],
)
def test_wrong_shapes(source: Any, message: str) -> None:
    """What is wrong is refused with its place and no value."""
    with pytest.raises(MappingError) as caught:
        read_document(source)
    assert str(caught.value).startswith(message)
    assert "secret" not in str(caught.value)


def test_an_order_answer_keeps_what_stands_beside_it() -> None:
    """Request id and unknown things beside a single order are those of the document."""
    document = read(
        {"payload": ORDER, "#mws": {"RequestId": "r", "Namespace": "urn:x"}, "#unknown": {"@a": "1"}, "b": 1}
    )
    assert document.record == {"GetOrderResult": {}, "RequestId": "r", "#unknown": {"@a": "1"}, "#json": '{"b":1}'}
    assert (document.namespace, document.members) == ("urn:x", [ORDER])


def test_fragments() -> None:
    """A single order is written as getOrder answers it, a single item alone."""
    order, item = DOCUMENTS["Order"], DOCUMENTS["OrderItem"]
    assert write_document(order, NAMESPACE, {"IsPrime": "true"}, Typing()) == {"payload": {"IsPrime": True}}
    assert write_document(order, "", {}, Typing()) == {"payload": {}}
    assert write_document(order, "urn:x", {}, Typing()) == {"payload": {}, "#mws": {"Namespace": "urn:x"}}
    assert write_document(item, "urn:x", {"ASIN": "x"}, Typing()) == {"ASIN": "x"}


def test_an_answer_without_a_result() -> None:
    """An answer of an operation has a result; an error answer may have no error."""
    with pytest.raises(ValueError, match="<ListOrdersResponse> has no <ListOrdersResult>"):
        write_document(DOCUMENTS["ListOrdersResponse"], NAMESPACE, {}, Typing())
    assert write_document(DOCUMENTS["ErrorResponse"], NAMESPACE, {}, Typing()) == {"errors": []}
    with pytest.raises(MappingError, match="#json: JSON object expected"):
        write_document(DOCUMENTS["ErrorResponse"], NAMESPACE, {"#json": "x"}, Typing())


# --- what was collected ---------------------------------------------------------------------------------------------


def rows(prefix: str) -> list[dict[str, str]]:
    if not (CORPUS / "INDEX.tsv").is_file():
        pytest.skip("no corpus: set MWS_CORPUS to its folder")
    with (CORPUS / "INDEX.tsv").open(newline="") as index:
        return [row for row in csv.DictReader(index, delimiter="\t") if row["kind"].startswith(prefix)]


def loaded(row: dict[str, str]) -> Any:
    return json.loads((CORPUS / row["path"]).read_text(encoding="utf-8"), parse_float=str)


def plain(value: Any) -> Any:
    """A value without null and empty groups, which count as absent."""
    if isinstance(value, dict):
        pruned = {name: plain(inner) for name, inner in value.items()}
        return {name: inner for name, inner in pruned.items() if inner not in (None, {}, "")}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def differences(one: Any, other: Any, place: str = "") -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        names = sorted(one.keys() | other.keys())
        return [found for name in names for found in differences(one.get(name), other.get(name), f"{place}.{name}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = zip(one, other, strict=True)
        return [found for inner, theirs in pairs for found in differences(inner, theirs, f"{place}[]")]
    return [] if one == other else [f"{place}: {type(one).__name__} became {type(other).__name__}"]


#: What differs after the way there and back, each for a reason: types are those of the model and of live payloads,
#: and a guide's SellerFulfilled becomes MFN.
KNOWN = {
    *("IsGift", "NumberOfItems", "IsReplacementOrder", "IsBuyerRequestedCancel"),
    *("FulfillmentChannel", "Amount", "IsTransparency", "SerialNumberRequired", "HasAutomatedShippingSettings"),
}


def test_collected_v0_documents() -> None:
    """Every collected v0 answer is known for what it is, and comes back as it was but for types."""
    counts: Counter[str] = Counter()
    for row in rows("SPv0."):
        source = loaded(row)
        try:
            document = read_document(source)
        except MappingError:
            counts["refused"] += 1
            schema = "$ref" in (CORPUS / row["path"]).read_text(encoding="utf-8")  # one of the model's, no answer
            assert schema or row["kind"] == "SPv0.getOrderItemsBuyerInfo" or row["orders"] == row["items"] == "0", row
            continue
        if document is None:
            counts["none"] += 1
            assert not int(row["orders"] or 0) + int(row["items"] or 0), row["path"]
            continue
        counts[document.kind.action] += 1
        if document.kind.action in {"ListOrders", "GetOrder"} and row["kind"] in {"SPv0.getOrders", "SPv0.getOrder"}:
            assert len(document.members) >= int(row["orders"] or 0), row["path"]  # a schema's orders do not count
        back = written(document)
        back.pop("#mws", None)
        if document.place == "payload":
            back["payload"] = back["payload"].pop("Orders")[0]
        if "payload" not in source and document.kind.action != "Error":
            back = back["payload"]
        for found in differences(plain(source), plain(back)):
            assert found.partition(":")[0].rpartition(".")[2].removesuffix("[]") in KNOWN, (row["path"], found)
    print(dict(counts))
    assert counts["ListOrders"] + counts["GetOrder"] + counts["ListOrderItems"] > 60


def test_collected_json_of_mws() -> None:
    """MWS answers as JSON, their lists still wrapped, are read with all their orders and items."""
    for row in rows("MWSJSON."):
        source = loaded(row)
        assert member_of(source) == "", row["path"]
        document = read(source)
        assert len(document.members) == int(row["orders"] or 0) + int(row["items"] or 0), row["path"]
        table = MEMBER_MAPS[document.kind.member]
        for member in document.members:
            assert isinstance(member, dict)
            record = table.read(member)
            assert record.keys() & {"AmazonOrderId", "OrderItemId"}, row["path"]
