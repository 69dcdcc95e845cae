"""Records to bytes and back: the goldens of fixtures/golden, then the laws of the pair."""

import json
import random
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mws_compat import errors, writer
from mws_compat.documents import ENVELOPE, MESSAGE
from mws_compat.orders import ADDRESS, OPERATIONS, ORDER, ORDER_ITEM, namespace_of
from mws_compat.reader import parse_document
from mws_compat.schema import MONEY, Kind, Node, Scalar, Struct
from mws_compat.writer import LastingRecord, render_error, render_ping, render_response
from tests.examples import examples

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "golden"
GOLDENS = {path.stem: json.loads(path.read_text()) for path in sorted(FIXTURES.glob("*.json"))}
each_golden = pytest.mark.parametrize("name", GOLDENS)
ANSWERS = [name for name, golden in GOLDENS.items() if "operation" in golden]
ERRORS = [name for name, golden in GOLDENS.items() if "fault" in golden]

NS = namespace_of("Orders", "2013-09-01")
ID = "7b1f3a5e-0c2d-4e6f-8a9b-1c2d3e4f5a6b"


def bytes_of(name: str) -> bytes:
    return (FIXTURES / f"{name}.xml").read_bytes()


def render(golden: dict) -> bytes:
    envelope = {"namespace": golden["namespace"], "request_id": golden["request_id"]}
    if "fault" in golden:
        return render_error(getattr(errors, golden["fault"]), golden["message"], **envelope)
    operation = OPERATIONS[golden["operation"]]
    return render_response(operation, golden["record"], version=golden["version"], **envelope)


def lawful(node: Node) -> Node:
    """A node as it comes back: what is no Char of XML 1.0 is U+FFFD. Written from the production, not the writer."""

    def char(code: int) -> bool:
        return code in {9, 10, 13} or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000

    if isinstance(node, str):
        return "".join(one if char(ord(one)) else "\ufffd" for one in node)
    if isinstance(node, list):
        return [lawful(item) for item in node]
    return {name: lawful(item) for name, item in node.items()}


# --- goldens --------------------------------------------------------------------------------------------------------


def test_enough_goldens() -> None:
    """At least forty goldens, for every operation and every fault of the catalogue."""
    assert len(GOLDENS) >= 40
    assert {GOLDENS[name]["operation"] for name in ANSWERS} == set(OPERATIONS)
    faults = {name for name, value in vars(errors).items() if isinstance(value, errors.Fault)}
    assert {GOLDENS[name]["fault"] for name in ERRORS} == faults


@each_golden
def test_render_golden(name: str) -> None:
    """The record gives the golden, byte for byte."""
    assert render(GOLDENS[name]).decode() == bytes_of(name).decode()


@each_golden
def test_parse_golden(name: str) -> None:
    """The golden gives the record, but for what XML cannot hold."""
    golden = GOLDENS[name]
    document = parse_document(bytes_of(name))
    assert document.result == lawful(golden["record"])
    assert document.action == golden.get("operation", "Error")
    assert document.namespace == golden["namespace"]
    assert document.request_id == golden["request_id"]
    assert document.unknown == ()


@pytest.mark.parametrize("name", ANSWERS)
def test_render_parsed_golden(name: str) -> None:
    """render(parse(golden)) is the golden."""
    golden = GOLDENS[name]
    assert render(golden | {"record": parse_document(bytes_of(name)).result}) == bytes_of(name)


@each_golden
def test_golden_envelope(name: str) -> None:
    """Declaration without encoding first, one newline at the end, no blank line, two spaces a level."""
    data = bytes_of(name).decode()
    assert data.startswith('<?xml version="1.0"?>\n<')
    assert data.endswith("Response>\n")
    assert not data.endswith("\n\n")
    assert "\n\n" not in data
    assert "\r" not in data
    root = ET.fromstring(data)  # an independent parser finds it well-formed
    namespace = GOLDENS[name]["namespace"]
    assert data.count("xmlns") == 1
    assert all(element.tag.startswith(f"{{{namespace}}}") and not element.attrib for element in root.iter())

    def indented(element: ET.Element, depth: int) -> None:
        if len(element):
            for child in element:
                indented(child, depth + 1)
            assert element.text == "\n" + "  " * (depth + 1)
            tails = [child.tail for child in element]
            assert set(tails[:-1]) <= {element.text}
            assert tails[-1] == "\n" + "  " * depth

    indented(root, 0)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("list-orders-empty", 346),
        ("list-orders-empty-updated", 354),
        ("get-order-empty", 278),
        ("status-green", 375),
        ("error-invalid-access-key-id", 344),
        ("error-request-throttled", 291),
        ("error-access-denied", 286),
    ],
)
def test_recorded_byte_counts(name: str, count: int) -> None:
    """The lengths that the live service was recorded to send (wire reference 5.1 and 6.2)."""
    assert len(render(GOLDENS[name])) == count


def leaves(kind: Kind, path: str) -> set[str]:
    if isinstance(kind, Scalar):
        return {path}
    if isinstance(kind, Struct):
        return {leaf for field in kind.fields for leaf in leaves(field.kind, f"{path}/{field.name}")}
    return leaves(kind.of, f"{path}/{kind.member}")


def paths(node: Node, kind: Kind, path: str) -> set[str]:
    if isinstance(node, str):
        return {path}
    if isinstance(node, dict):
        kinds = {field.name: field.kind for field in kind.fields}
        return {leaf for name, item in node.items() for leaf in paths(item, kinds[name], f"{path}/{name}")}
    return {leaf for item in node for leaf in paths(item, kind.of, f"{path}/{kind.member}")}


def test_every_leaf_has_a_golden() -> None:
    """Each leaf of the table, of each operation's result, occurs with a value in some golden. An address is one
    shape in two places: its lines count wherever they stand."""
    seen: set[str] = set()
    wanted: set[str] = set()

    def short(path: str) -> str:
        return path.replace("DefaultShipFromLocationAddress", "ShippingAddress").replace("ByNextToken", "")

    for name, operation in OPERATIONS.items():
        wanted |= {short(leaf) for leaf in leaves(operation.result, name.removeprefix("Get").removeprefix("List"))}
    for name in ANSWERS:
        golden = GOLDENS[name]
        operation = OPERATIONS[golden["operation"]]
        root = operation.name.removeprefix("Get").removeprefix("List")
        seen |= {short(leaf) for leaf in paths(golden["record"], operation.result, root)}
    whole_order = {leaf.removeprefix("Order/") for leaf in seen if leaf.startswith("Order/Orders")}
    seen |= {f"Orders/{leaf}" for leaf in whole_order}  # GetOrder's and ListOrders' Order are one struct
    assert sorted(wanted - seen) == []
    assert len(wanted) > 150


# --- laws -----------------------------------------------------------------------------------------------------------

texts = st.text(max_size=6) | st.sampled_from(
    ["", "12.30", "\r", "\n\n", "<&>", "%s", "\x00", "\ud800", "\ufffe", "😀"]
)


def nodes(kind: Kind, depth: int = 0) -> st.SearchStrategy[Node]:
    """Records of the table: any subset of a struct's elements, in any order."""
    if isinstance(kind, Scalar):
        return texts
    if isinstance(kind, Struct):
        fields = {field.name: field.kind for field in kind.fields}
        chosen = st.lists(st.sampled_from(sorted(fields)), unique=True, max_size=6)
        return chosen.flatmap(
            lambda names: st.fixed_dictionaries({name: nodes(fields[name], depth + 1) for name in names})
        )
    return st.lists(nodes(kind.of, depth + 1), max_size=3)


results = st.sampled_from(sorted(OPERATIONS)).flatmap(
    lambda name: st.tuples(st.just(name), nodes(OPERATIONS[name].result))
)


def plain(element: ET.Element) -> object:
    """An element as xml.etree sees it, for comparing without our reader."""
    name = element.tag.rpartition("}")[2]
    return (name, [plain(child) for child in element]) if len(element) else (name, element.text or "")


@examples(60)
@given(results, st.sampled_from(["2013-09-01", "2011-01-01"]))
def test_parse_render_is_the_identity(result: tuple[str, dict], version: str) -> None:
    """parse(render(x)) == x for any record of the table in either version, illegal characters apart."""
    name, record = result
    data = render_response(
        OPERATIONS[name], record, namespace=namespace_of("Orders", version), request_id=ID, version=version
    )
    document = parse_document(data)
    assert document.result == lawful(record)
    assert (document.action, document.request_id, document.unknown) == (name, ID, ())
    assert b"\n\n" not in data
    ET.fromstring(data)


@examples(60)
@given(nodes(ORDER), st.randoms(use_true_random=False))
def test_element_order_is_the_schemas(record: dict, dice: random.Random) -> None:
    """However a record's keys are ordered, and whatever was written before, the bytes are the same."""

    def shuffled(node: Node) -> Node:
        if isinstance(node, dict):
            items = [(name, shuffled(item)) for name, item in node.items()]
            dice.shuffle(items)
            return dict(items)
        return [shuffled(item) for item in node] if isinstance(node, list) else node

    one = get_order(record)
    assert get_order(shuffled(record)) == one
    order = ET.fromstring(one)[0][0][0]
    names = [child.tag.rpartition("}")[2] for child in order]
    schema = [field.name for field in ORDER.fields]
    assert names == sorted(names, key=schema.index)


def get_order(*orders: Node) -> bytes:
    return render_response(OPERATIONS["GetOrder"], {"Orders": list(orders)}, namespace=NS, request_id=ID)


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"Nonsense": "1"}, "Order has no element 'Nonsense'"),
        ({"OrderTotal": {"amount": "1"}}, "Money has no element 'amount'"),
        ({"PaymentExecutionDetail": [{"X": "1"}]}, "PaymentExecutionDetailItem has no element 'X'"),
    ],
)
def test_unknown_element(record: dict, message: str) -> None:
    """An element that the table does not know is a ValueError that names struct and element."""
    with pytest.raises(ValueError, match=message):
        get_order(record)


@pytest.mark.parametrize("operation", ["ListOrders", "ListOrderItems", "GetOrder", "GetServiceStatus"])
def test_unknown_element_of_a_result(operation: str) -> None:
    """The same for what stands beside the members."""
    with pytest.raises(ValueError, match=f"{operation}Result has no element 'Nonsense'"):
        render_response(OPERATIONS[operation], {"Nonsense": "1"}, namespace=NS, request_id=ID)


@pytest.mark.parametrize("wrong", [None, 0, 1, True, [], ["x"], {}, {"a": "b"}, b"x", 1.5])
@pytest.mark.parametrize(
    "place",
    [
        lambda node: {"BuyerName": node},
        lambda node: {"AmazonOrderId": "1", "OrderTotal": {"Amount": node}},
        lambda node: {"PaymentMethodDetails": ["x", node]},
        lambda node: {"PaymentMethodDetails": [node]},
    ],
    ids=["leaf", "nested leaf", "member", "only member"],
)
def test_leaf_that_is_no_text(place, wrong: object) -> None:
    """A leaf that is not text is a TypeError, again and again, and does not spoil what is written after it."""
    writer._writers.clear()
    for _ in range(2):
        with pytest.raises(TypeError):
            get_order(place(wrong))
    right = place("right")
    assert parse_document(get_order(right)).result == {"Orders": [right]}


@pytest.mark.parametrize("wrong", [None, "text", 1, []])
def test_struct_that_is_no_record(wrong: object) -> None:
    """A struct that is not a record is a TypeError that names it."""
    with pytest.raises(TypeError, match=f"Address must be a record, not {type(wrong).__name__}$"):
        get_order({"ShippingAddress": wrong})
    with pytest.raises(TypeError, match=f"PaymentExecutionDetailItem must be a record, not {type(wrong).__name__}$"):
        get_order({"PaymentExecutionDetail": [wrong]})
    with pytest.raises(TypeError, match=f"Order must be a record, not {type(wrong).__name__}$"):
        get_order(wrong)


@pytest.mark.parametrize("wrong", [None, "text", 1, {}])
def test_list_that_is_no_list(wrong: object) -> None:
    """A list that is not a list is a TypeError that names it."""
    with pytest.raises(TypeError, match=f"PaymentMethodDetails must be a list, not {type(wrong).__name__}$"):
        get_order({"PaymentMethodDetails": wrong})
    with pytest.raises(TypeError, match=f"Orders must be a list, not {type(wrong).__name__}$"):
        render_response(OPERATIONS["GetOrder"], {"Orders": wrong}, namespace=NS, request_id=ID)


def test_envelopes_have_no_shapes() -> None:
    """A struct with repeated elements is not written by shape; its members are written all the same."""
    with pytest.raises(TypeError, match="envelopes are not written by shape"):
        writer._StructWriter(ENVELOPE, 0, "")
    write = writer.MemberWriter(MESSAGE, "Message", 1, "")
    assert write({"MessageID": "1"}) == "  <Message>\n    <MessageID>1</MessageID>\n  </Message>\n"


def test_an_empty_member() -> None:
    """A member without elements is one tag, as every other empty element."""
    assert b"      <Order/>\n" in get_order({})


def test_members_that_no_element_carries() -> None:
    """``#json`` is written last, by shape, and read back, in an order and inside it."""
    order = {"#json": '{"<":1}', "AmazonOrderId": "1", "ShippingAddress": {"#json": "{}", "City": "x"}}
    data = get_order(order)
    assert b'<Unmapped xmlns="urn:mws-bridge">{"&lt;":1}</Unmapped>\n      </Order>' in data
    assert parse_document(data).result["Orders"] == [order]


# --- shapes ---------------------------------------------------------------------------------------------------------


def test_shapes_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many shapes come, no more than _MAX_SHAPES are kept, and all are written right."""
    assert writer._MAX_SHAPES == 4096
    monkeypatch.setattr(writer, "_MAX_SHAPES", 4)
    write = writer._StructWriter(ADDRESS, 0, "2013-09-01")
    remembered = [cell.cell_contents for cell in write._flatten.__closure__ if cell.cell_contents == {}]
    nested_of = next(cell for cell in remembered if isinstance(cell, dict))
    names = [field.name for field in ADDRESS.fields]
    for size in range(1, len(names) + 1):
        record = dict.fromkeys(names[:size], "x")
        assert write(record) == "".join(f"<{name}>x</{name}>\n" for name in names[:size])
        assert len(write._plans) <= 4
        assert len(nested_of) <= 4
    assert (len(write._plans), len(nested_of)) == (14 % 4, 14 % 4)


def test_a_shape_is_planned_once() -> None:
    """A second record of a shape uses the first one's template; another order of keys is another shape."""
    write = writer._StructWriter(MONEY, 0, "2013-09-01")
    assert (
        write({"CurrencyCode": "USD", "Amount": "1.00"})
        == "<CurrencyCode>USD</CurrencyCode>\n<Amount>1.00</Amount>\n"
    )
    assert (
        write({"CurrencyCode": "EUR", "Amount": "<"}) == "<CurrencyCode>EUR</CurrencyCode>\n<Amount>&lt;</Amount>\n"
    )
    assert len(write._plans) == 1
    assert (
        write({"Amount": "2.00", "CurrencyCode": "EUR"})
        == "<CurrencyCode>EUR</CurrencyCode>\n<Amount>2.00</Amount>\n"
    )
    assert len(write._plans) == 2


def test_writers_are_kept_by_operation_and_version() -> None:
    """One writer for an operation and version: the versions do not share their element names."""
    record = {"Orders": [{"PaymentExecutionDetail": [{"PaymentMethod": "COD"}]}]}
    texts = {
        version: render_response(OPERATIONS["GetOrder"], record, namespace=NS, request_id=ID, version=version)
        for version in ("2013-09-01", "2011-01-01", "2013-09-01")
    }
    assert b"<PaymentMethod>COD<" in texts["2013-09-01"]
    assert b"<SubPaymentMethod>COD<" in texts["2011-01-01"]
    assert render_response(OPERATIONS["GetOrder"], record, namespace=NS, request_id=ID) == texts["2013-09-01"]


def test_a_hundred_orders_make_one_shape() -> None:
    """A page of a hundred alike orders is planned once, not as a shape of a hundred."""
    writer._writers.clear()
    order = {"AmazonOrderId": "1", "OrderTotal": {"CurrencyCode": "USD", "Amount": "1.00"}}
    data = get_order(*({**order, "AmazonOrderId": str(n)} for n in range(100)))
    assert len(parse_document(data).result["Orders"]) == 100
    write = writer._writers["GetOrder", "2013-09-01"]
    assert len(write._write_member._write._plans) == 1
    get_order(order)
    assert writer._writers["GetOrder", "2013-09-01"] is write
    items = {"OrderItems": [{"ASIN": "A"}, {"ASIN": "B"}], "AmazonOrderId": "1"}
    render_response(OPERATIONS["ListOrderItems"], items, namespace=NS, request_id=ID)
    assert len(writer._writers["ListOrderItems", "2013-09-01"]._write_member._write._plans) == 1


# --- the rest of the envelope ---------------------------------------------------------------------------------------


def test_ping() -> None:
    """The clock of the host's root, as documented."""
    data = render_ping("2020-06-01T12:00:00.000Z")
    assert data.decode().splitlines(keepends=True) == [
        '<?xml version="1.0"?>\n',
        "<PingResponse>\n",
        '  <Timestamp timestamp="2020-06-01T12:00:00.000Z"/>\n',
        "</PingResponse>\n",
    ]


def test_content_type_is_bare() -> None:
    """boto insists that the type begins so; MWS sent no charset."""
    assert writer.CONTENT_TYPE == "text/xml"


def test_error_without_section() -> None:
    """An error whose request fits no section has the host's namespace."""
    data = render_error(errors.ACCESS_DENIED, "No.", request_id=ID)
    assert ET.fromstring(data).tag == "{https://mws.amazonservices.com/}ErrorResponse"


@settings(max_examples=50)
@given(texts, st.sampled_from([value for value in vars(errors).values() if isinstance(value, errors.Fault)]))
def test_error_message_round_trip(message: str, fault: errors.Fault) -> None:
    """Any message survives, and each fault spells its id as its kind did."""
    data = render_error(fault, message, request_id=ID)
    document = parse_document(data)
    assert document.result == {"Type": fault.type, "Code": fault.code, "Message": lawful(message)}
    assert f"<{fault.id_element}>{ID}</{fault.id_element}>".encode() in data


def test_item_struct_is_written_in_schema_order() -> None:
    """The independent goldens and the table agree on every element of an item, in order."""
    record = parse_document(bytes_of("list-order-items-everything")).result["OrderItems"][0]
    assert list(record) == [field.name for field in ORDER_ITEM.fields]
    order = parse_document(bytes_of("get-order-everything")).result["Orders"][0]
    assert list(order) == [field.name for field in ORDER.fields]


def test_a_lasting_record_is_written_once():
    """It is written as any other record, in each version of the API; what came of it is remembered, and not shown."""
    order = {"AmazonOrderId": "902-3159896-1390916", "BuyerName": "Jane & Joe"}
    lasting = LastingRecord(order)
    assert lasting == order
    for version in ("2013-09-01", "2011-01-01", "2013-09-01"):
        rendered = [
            render_response(
                OPERATIONS["GetOrder"], {"Orders": [record]}, namespace="n", request_id="r", version=version
            )
            for record in (order, lasting, lasting)
        ]
        assert rendered[0] == rendered[1] == rendered[2]
    assert len(lasting._written) == 2
    assert "Jane" not in repr(lasting)
    with pytest.raises(ValueError, match="has no element"):
        render_response(
            OPERATIONS["GetOrder"],
            {"Orders": [LastingRecord({"Nonsense": "x"})]},
            namespace="n",
            request_id="r",
        )
