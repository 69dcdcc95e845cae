"""XML to records: the attack corpus of fixtures/attack, tolerance for old documents, and the collected real ones."""

import csv
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from mws_compat import reader
from mws_compat.documents import DOCUMENTS
from mws_compat.errors import ReadError
from mws_compat.orders import ORDER
from mws_compat.reader import (
    MAX_DOCUMENT_BYTES,
    Document,
    parse_document,
    parse_element,
    read_element,
    refuse_crowded,
    unknown_paths,
)
from mws_compat.schema import TEXT, Field, ListOf, Node, Record, Repeated, Struct
from tests.examples import examples

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "fixtures" / "attack"
ATTACKS = json.loads((FIXTURES / "INDEX.json").read_text())
REFUSED = [name for name, case in ATTACKS.items() if "refused" in case]
HARMLESS = [name for name, case in ATTACKS.items() if "result" in case]

HEAD, TAIL = b"<ListOrdersResponse><ListOrdersResult>", b"</ListOrdersResult></ListOrdersResponse>"

# An audit hook cannot be removed again, so there is one, that listens only when it is told to.
_events: list[str] = []
_listening = False


def _listen(event: str, arguments: tuple) -> None:
    if _listening and event.startswith(("open", "socket.", "subprocess.", "os.", "urllib.", "http.")):
        _events.append(f"{event} {arguments!r}")


sys.addaudithook(_listen)


def parse(data: bytes, **options: int) -> Document:
    """Parse, and see to it that nothing is opened meanwhile."""
    global _listening  # noqa: PLW0603 - see above
    _events.clear()
    _listening = True
    try:
        return parse_document(data, **options)
    finally:
        _listening = False
        assert _events == []


def refusal(data: bytes, **options: int) -> ReadError:
    with pytest.raises(ReadError) as caught:
        parse(data, **options)
    return caught.value


# --- attacks --------------------------------------------------------------------------------------------------------


def test_corpus_is_complete() -> None:
    """Every file is described and every description has its file; at least fifteen are refused."""
    assert {path.stem for path in FIXTURES.glob("*.xml")} == set(ATTACKS)
    assert len(REFUSED) >= 15


@pytest.mark.parametrize("name", REFUSED)
def test_attack_is_refused(name: str) -> None:
    """The document is refused in a word, with its place, quickly, and nothing is opened."""
    case = ATTACKS[name]
    data = (FIXTURES / f"{name}.xml").read_bytes()
    before = time.process_time()
    error = refusal(data)
    assert time.process_time() - before < 0.5
    assert case["refused"] in error.problem
    assert error.line == case.get("line", error.line) >= 1  # an entity's own lines are no place to name
    assert error.column == case.get("column", error.column) >= 1
    assert str(error) == f"line {error.line}, column {error.column}: {error.problem}"
    assert "\n" not in error.problem
    assert ", line " not in error.problem
    assert error.__suppress_context__ or error.__context__ is None


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_is_read(name: str) -> None:
    """What only looks dangerous is read for what it says, and nothing is opened."""
    document = parse((FIXTURES / f"{name}.xml").read_bytes())
    assert document.result == ATTACKS[name]["result"]
    assert list(document.unknown) == ATTACKS[name]["unknown"]


def _attributes(element: bytes, number: int) -> bytes:
    return b"<" + element + b"".join(b' a%d=""' % n for n in range(number)) + b">"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"<a>" * 100_000, "Excessive depth in document: 256"),
        (HEAD + b"<X>" * 100_000, "Excessive depth in document: 256"),
        (HEAD + b"<NextToken>" + b"x" * (10_100_000) + b"</NextToken>" + TAIL, "Text node too long"),
        (HEAD + b'<NextToken a="' + b"x" * (10_100_000) + b'"/>' + TAIL, "Buffer size limit exceeded"),
        (HEAD + _attributes(b"X", 200_000) + b"</X>" + TAIL, "<X> has 200000 attributes"),
        (
            _attributes(b"ListOrdersResponse", 200_000) + b"<ListOrdersResult/></ListOrdersResponse>",
            "200000 attributes",
        ),
    ],
    ids=["depth", "depth in result", "long text", "long attribute", "attributes", "attributes on the root"],
)
def test_large_attack_is_refused(data: bytes, problem: str) -> None:
    """Depth, length and number are bounded whatever they cost to send."""
    before = time.process_time()
    error = refusal(data)
    assert time.process_time() - before < 5
    assert problem in error.problem
    assert error.line == 1


def test_size_limit_is_exact() -> None:
    """A document of the limit is read, one byte more is refused before it is parsed."""
    assert MAX_DOCUMENT_BYTES == 10 * 1024 * 1024
    data = HEAD + TAIL
    assert parse(data, limit=len(data)).result == {}
    error = refusal(data, limit=len(data) - 1)
    assert str(error) == f"document of {len(data)} bytes is over the limit of {len(data) - 1}"
    assert (error.line, error.column) == (0, 0)
    lines = b"<!-- %s -->\n" % (b"x" * 90)  # a hundred bytes; libxml2 bounds one comment or text at 10 MB
    padded = data + b"\n" + lines * 104_850
    padded += b"\n" * (MAX_DOCUMENT_BYTES - len(padded))
    assert parse(padded).result == {}
    assert "over the limit of 10485760" in refusal(padded + b" ").problem


@pytest.mark.parametrize("unit", [b"<x/>", b"<Orders/>", b"<x><y/></x>", b"text"], ids=["x", "twice", "xy", "text"])
@pytest.mark.long
def test_repetition_costs_linear_time(unit: bytes) -> None:
    """A hundred thousand small things are read in a moment of processor time, not in minutes."""
    before = time.process_time()
    document = parse(HEAD + unit * (400_000 // len(unit)) + TAIL)
    assert len(document.unknown) in {1, 400_000 // len(unit), 400_000 // len(unit) - 1}
    assert time.process_time() - before < 8


@given(st.binary(max_size=100) | st.text("<>/&;!?[]ax= \"'", max_size=60).map(str.encode), st.integers(0, 5))
def test_any_bytes(data: bytes, place: int) -> None:
    """Whatever the bytes, alone or amid a document: a Document or a ReadError."""
    for document in (data, HEAD + b"<Orders><Order>"[: place * 4] + data + TAIL):
        try:
            outcome = parse_document(document)
        except ReadError as error:
            outcome = error
        assert isinstance(outcome, Document) or outcome.problem


GOLDEN = (ROOT / "fixtures" / "golden" / "get-order-everything.xml").read_bytes()


@given(st.integers(0, len(GOLDEN) - 1), st.integers(0, 255))
def test_any_damage(at: int, byte: int) -> None:
    """One byte damaged in a real document gives a Document or a ReadError with its line."""
    line = 1
    try:
        parse_document(GOLDEN[:at] + bytes([byte]) + GOLDEN[at + 1 :])
    except ReadError as error:
        line = error.line
    assert 1 <= line <= GOLDEN.count(b"\n") + 2


@given(st.integers(1, len(GOLDEN) - 2))
def test_any_truncation(at: int) -> None:
    """A document cut short is refused wherever it was cut."""
    with pytest.raises(ReadError) as caught:
        parse_document(GOLDEN[:at])
    assert caught.value.line >= 1


# --- tolerance ------------------------------------------------------------------------------------------------------


def result_of(inner: bytes) -> Document:
    return parse(HEAD + inner + TAIL)


def order_of(inner: bytes) -> object:
    return result_of(b"<Orders><Order>" + inner + b"</Order></Orders>").result["Orders"][0]


def test_absent_empty_and_whitespace() -> None:
    """Absent is no key, empty is '', and whitespace inside a leaf is kept."""
    assert order_of(b"") == {}
    assert order_of(b"<BuyerName/>") == order_of(b"<BuyerName></BuyerName>") == {"BuyerName": ""}
    assert order_of(b"<BuyerName> \n a\t</BuyerName>") == {"BuyerName": " \n a\t"}
    assert order_of(b"<ShippingAddress/><PaymentMethodDetails/>") == {
        "ShippingAddress": {},
        "PaymentMethodDetails": [],
    }


def test_any_element_order() -> None:
    """The live service's orders of elements are all read, and the record keeps the document's."""
    record = order_of(b"<OrderStatus>Shipped</OrderStatus><AmazonOrderId>1</AmazonOrderId>")
    assert list(record.items()) == [("OrderStatus", "Shipped"), ("AmazonOrderId", "1")]


def test_old_names_are_read() -> None:
    """Country for CountryCode, and SubPaymentMethod for PaymentMethod, under any namespace or none."""
    assert order_of(b"<ShippingAddress><Country>US</Country></ShippingAddress>") == {
        "ShippingAddress": {"CountryCode": "US"}
    }
    for namespace in (
        b"",
        b' xmlns="https://mws.amazonservices.com/Orders/2011-01-01"',
        b' xmlns="urn:x/2013-09-01"',
    ):
        for name in (b"SubPaymentMethod", b"PaymentMethod"):
            inner = b"<PaymentExecutionDetailItem><%s>COD</%s></PaymentExecutionDetailItem>" % (name, name)
            inner = b"<Orders><Order><PaymentExecutionDetail>%s</PaymentExecutionDetail></Order></Orders>" % inner
            data = b"<GetOrderResponse%s><GetOrderResult>%s</GetOrderResult></GetOrderResponse>"
            document = parse(data % (namespace, inner))
            assert document.result == {"Orders": [{"PaymentExecutionDetail": [{"PaymentMethod": "COD"}]}]}
            assert document.unknown == ()


def test_unknown_elements_are_kept_and_told() -> None:
    """What the table does not know stays under ``#unknown``, and its path is told, in the order of the overlays."""
    document = result_of(
        b"<Orders><Order><New>1</New><BuyerName>A</BuyerName><Deep><A>1</A><B><C/></B><A>2</A><A>3</A></Deep></Order></Orders>"
        b"<Late/>"
    )
    deep = {"A": ["1", "2", "3"], "B": {"C": ""}}
    assert document.result == {"Orders": [{"BuyerName": "A", "#unknown": {"New": "1", "Deep": deep}}]}
    assert document.unknown == (
        "ListOrdersResult/Late",
        "ListOrdersResult/Orders/Order/New",
        "ListOrdersResult/Orders/Order/Deep",
    )


@pytest.mark.parametrize(
    ("inner", "record", "unknown"),
    [
        (b"<New>1</New><New><A/></New><New>3</New>", {}, {"New": ["1", {"A": ""}, "3"]}),
        (b"<New/><New/>", {}, {"New": ["", ""]}),
        (b'<New a="1"/>', {}, {"New": {"@a": "1"}}),
        (b'<New a="1">x</New>', {}, {"New": {"@a": "1", "#text": "x"}}),
        (b'<New a="1">x<A/> y </New>', {}, {"New": {"@a": "1", "A": "", "#text": "x y"}}),
        (b'<New xmlns="u"><A/></New>', {}, {"New": {"@xmlns": "u", "A": ""}}),
        (b'<New xmlns="u"><A xmlns=""/></New>', {}, {"New": {"@xmlns": "u", "A": {"@xmlns": ""}}}),
        (b'<New xmlns:p="u" p:a="1"/>', {}, {"New": {"@{u}a": "1"}}),
        (b'<BuyerName a="1">x</BuyerName>', {"BuyerName": "x"}, {"BuyerName": {"@a": "1"}}),
        (b'<BuyerName xmlns="u">x</BuyerName>', {"BuyerName": "x"}, {"BuyerName": {"@xmlns": "u"}}),
        (b"<BuyerName>x</BuyerName><BuyerName>y</BuyerName>", {"BuyerName": "x"}, {"BuyerName": [{}, "y"]}),
        (b"<BuyerName/><BuyerName/><BuyerName/>", {"BuyerName": ""}, {"BuyerName": [{}, "", ""]}),
        (b'<BuyerName a="1"/><BuyerName>y</BuyerName>', {"BuyerName": ""}, {"BuyerName": [{"@a": "1"}, "y"]}),
        (b"<BuyerName>x<B>y</B>z</BuyerName>", {"BuyerName": ""}, {"BuyerName": {"B": "y", "#text": "xz"}}),
        (
            b"<ShippingAddress><Country>A</Country><CountryCode>B</CountryCode></ShippingAddress>",
            {"ShippingAddress": {"CountryCode": "A"}},
            {"ShippingAddress": {"CountryCode": [{}, "B"]}},
        ),
        (
            b"<ShippingAddress><City/></ShippingAddress><ShippingAddress><City>B</City></ShippingAddress>",
            {"ShippingAddress": {"City": ""}},
            {"ShippingAddress": [{}, {"City": "B"}]},
        ),
        (b"<ShippingAddress>text</ShippingAddress>", {"ShippingAddress": {}}, {"ShippingAddress": {"#text": "text"}}),
        (
            b'<Details b="2"><Detail/><X/>stray<Detail a="1"/><X/></Details>'.replace(
                b"Detail", b"PaymentMethodDetail"
            ),
            {"PaymentMethodDetails": ["", ""]},
            {
                "PaymentMethodDetails": {
                    "@b": "2",
                    "X": ["", ""],
                    "PaymentMethodDetail": [{}, {"@a": "1"}],
                    "#text": "stray",
                }
            },
        ),
        (b"<MarketplaceId>A</MarketplaceId>><IsPrime/>", {"MarketplaceId": "A", "IsPrime": ""}, {"#text": ">"}),
        (b" a <IsPrime/>\n b ", {"IsPrime": ""}, {"#text": "a \n b"}),
        (b'<Unmapped xmlns="urn:mws-bridge">{"a":1}</Unmapped>', {"#json": '{"a":1}'}, {}),
        (b'<Unmapped xmlns="urn:mws-bridge"/>', {"#json": ""}, {}),
        (b'<p:Unmapped xmlns:p="urn:mws-bridge"/>' * 2, {"#json": ""}, {"Unmapped": {"@xmlns": "urn:mws-bridge"}}),
        (
            b'<Unmapped xmlns="urn:mws-bridge"><A/></Unmapped>',
            {},
            {"Unmapped": {"@xmlns": "urn:mws-bridge", "A": ""}},
        ),
        (b"<Unmapped>1</Unmapped>", {}, {"Unmapped": "1"}),
        (b"<Order>1</Order>", {}, {"Order": "1"}),
    ],
)
def test_nothing_is_lost(inner: bytes, record: dict, unknown: dict) -> None:
    """Attributes, repetitions, elements in leaves, stray text, changes of namespace: all is kept in its place."""
    expected = {**record, "#unknown": unknown} if unknown else record
    assert order_of(inner) == expected


def test_the_root_keeps_what_is_not_in_a_member() -> None:
    """What is unknown outside of members stands in the root's record, known elements leading to it."""
    root = parse_element(
        b'<ListOrdersResponse a="1"><ListOrdersResult><X/><Orders b="2"><Order c="3"/><Y/></Orders>'
        b"</ListOrdersResult>"
        b"<ListOrdersResult><NextToken/></ListOrdersResult>stray</ListOrdersResponse>"
    )
    struct = DOCUMENTS["ListOrdersResponse"].root
    record = read_element(root, struct)
    assert record == {
        "ListOrdersResult": {"Orders": [{"#unknown": {"@c": "3"}}]},
        "#unknown": {
            "@a": "1",
            "ListOrdersResult": [{"X": "", "Orders": {"@b": "2", "Y": ""}}, {"NextToken": ""}],
            "#text": "stray",
        },
    }
    assert list(unknown_paths(record, struct)) == [
        "@a",
        "ListOrdersResult/X",
        "ListOrdersResult/Orders/@b",
        "ListOrdersResult/Orders/Y",
        "ListOrdersResult",
        "#text",
        "ListOrdersResult/Orders/Order/@c",
    ]


def test_envelopes_keep_what_is_unknown_with_the_message() -> None:
    """Members of an envelope without a list around them, amounts with a currency, and repeated leaves."""
    root = parse_element(
        b"<AmazonEnvelope><Message><OrderReport><Item><ItemPrice><Component><Type>P</Type>"
        b'<Amount currency="USD" a="1">1.0</Amount></Component><Component><Amount>2</Amount></Component></ItemPrice>'
        b'</Item><Item b="2"><X/></Item></OrderReport><OrderFulfillment><Item><TransparencyCode>1</TransparencyCode>'
        b'<TransparencyCode c="3">2</TransparencyCode></Item></OrderFulfillment></Message><Message/></AmazonEnvelope>'
    )
    record = read_element(root, DOCUMENTS["AmazonEnvelope"].root)
    price = {
        "Component": [{"Type": "P", "Amount": {"CurrencyCode": "USD", "Amount": "1.0"}}, {"Amount": {"Amount": "2"}}]
    }
    assert record == {
        "Message": [
            {
                "OrderReport": {"Item": [{"ItemPrice": price}, {}]},
                "OrderFulfillment": {"Item": [{"TransparencyCode": ["1", "2"]}]},
                "#unknown": {
                    "OrderReport": {
                        "Item": [{"ItemPrice": {"Component": [{"Amount": {"@a": "1"}}]}}, {"@b": "2", "X": ""}]
                    },
                    "OrderFulfillment": {"Item": [{"TransparencyCode": [{}, {"@c": "3"}]}]},
                },
            },
            {},
        ]
    }
    assert list(unknown_paths(record, DOCUMENTS["AmazonEnvelope"].root)) == [
        "Message/OrderReport/Item/ItemPrice/Component/Amount/@a",
        "Message/OrderReport/Item/@b",
        "Message/OrderReport/Item/X",
        "Message/OrderFulfillment/Item/TransparencyCode/@c",
    ]


def test_unknown_paths_count_repetitions() -> None:
    """One path for each unknown element, however much it holds."""
    assert result_of(b"<X/><X><Y/></X>").unknown == ("ListOrdersResult/X",) * 2
    assert result_of(b"<NextToken/><NextToken/><NextToken/>").unknown == ("ListOrdersResult/NextToken",) * 2
    assert list(unknown_paths({"ShippingAddress": "x", "Orders": [""]}, ORDER)) == []
    assert list(unknown_paths({"#unknown": {"BuyerName": "x"}}, ORDER)) == ["BuyerName"]
    member = {"Orders": {"#unknown": {"@a": "1"}}}
    assert list(unknown_paths(member, Struct("R", (Field("Orders", ORDER),)), "x")) == ["x/Orders/@a"]


@pytest.mark.parametrize(
    ("metadata", "request_id"),
    [
        (b"<ResponseMetadata><RequestId> abc\n</RequestId></ResponseMetadata>", "abc"),
        (b"<ResponseMetadata><RequestID>abc</RequestID></ResponseMetadata>", "abc"),
        (b"<ResponseMetadata><RequestId/></ResponseMetadata>", ""),
        (b"<ResponseMetadata/>", ""),
        (b"", ""),
        (b"<RequestID>abc</RequestID>", "abc"),
        (b"<RequestId>abc</RequestId>", "abc"),
        (b"<Other><RequestId>abc</RequestId></Other>", ""),
        (b"<Other><RequestId>no</RequestId></Other><RequestId>abc</RequestId>", "abc"),
    ],
)
def test_request_id(metadata: bytes, request_id: str) -> None:
    """The request id is read under either spelling, from ResponseMetadata or the root, and from nowhere else."""
    data = b"<ListOrdersResponse><ListOrdersResult/>%s</ListOrdersResponse>" % metadata
    assert parse(data).request_id == request_id


def test_request_id_inside_the_result_is_not_it() -> None:
    """An element of that name inside the result is not the request's id."""
    data = b"<ListOrdersResponse><ListOrdersResult><RequestId>no</RequestId></ListOrdersResult></ListOrdersResponse>"
    assert parse(data).request_id == ""


def test_error_documents() -> None:
    """An error is read with its four known elements; of several the first counts; strangers are kept."""
    document = parse(
        b'<ErrorResponse xmlns="urn:x"><Error><Type/><Code>A</Code><Message>m</Message><Detail/>'
        b"<More>1</More></Error><Error><Code>B</Code></Error><RequestID>abc</RequestID></ErrorResponse>"
    )
    assert document == Document(
        action="Error",
        namespace="urn:x",
        result={"Type": "", "Code": "A", "Message": "m", "Detail": ""},
        request_id="abc",
        unknown=("Error/More",),
    )


def test_namespace() -> None:
    """The root's namespace is told as it stands; none is ''."""
    assert parse(HEAD + TAIL).namespace == ""
    assert parse(b'<GetOrderResponse xmlns="urn:any"><GetOrderResult/></GetOrderResponse>').namespace == "urn:any"


def test_fields_are_looked_up_by_identity() -> None:
    """Two structs that differ are never taken for one another, also when one was thrown away."""
    for name in ("a", "b", "c"):
        assert list(reader._fields_of(Struct("S", (Field(name, TEXT),)))) == [name, ""]


@pytest.mark.parametrize(("newlines", "line"), [(65_533, 65_534), (65_534, 0), (70_000, 0)])
def test_no_wrong_line_is_named(newlines: int, line: int) -> None:
    """Past the lines that libxml2 counts for an element, no line is named rather than a wrong one."""
    error = refusal(HEAD + b"\n" * newlines + _attributes(b"NextToken", 65) + b"</NextToken>" + TAIL)
    assert (error.line, error.column) == (line, 1 if line else 0)
    assert str(error).endswith("<NextToken> has 65 attributes; MWS wrote none")


def test_crowded_elements_below_an_element() -> None:
    """An element with too many attributes is refused by itself, too, with all below it and nothing beside it."""
    root = parse_element(HEAD + b"<X><Y/></X><Z/>" + TAIL)
    crowded = root[0][0][0]
    for number in range(65):
        crowded.set(f"a{number}", "")
    refuse_crowded(root[0][1])
    for element in (crowded, root[0][0], root):
        with pytest.raises(ReadError, match="<Y> has 65 attributes"):
            refuse_crowded(element)


# --- back and forth -------------------------------------------------------------------------------------------------

_WORDS = st.text("ab é<&>\"'\n😀", min_size=1, max_size=6).map(lambda text: f"x{text}x")
_NAMES = st.sampled_from(["New", "Other", "Order"])


def _written(name: str, node: Node, kind: object, overlay: Node) -> etree._Element:
    """An element with all that is known of it; ``kind`` is None for what no table knows. Not by our writers."""
    element = etree.Element(name)
    if isinstance(overlay, str) or isinstance(node, str):
        element.text = node if isinstance(node, str) else ""
    overlay = overlay if isinstance(overlay, dict) else {}
    if isinstance(kind, Struct):
        overlay = {**overlay, **node.get("#unknown", {})}
        fields = {field.name: field.kind for field in kind.fields}
    else:
        fields = {kind.member: Repeated(kind.of)} if isinstance(kind, ListOf) else {}
        node = {kind.member: node} if isinstance(kind, ListOf) else {}
    for child, inner in node.items():
        of = fields.get(child)
        entry = overlay.get(child, {})
        if of is None:
            continue
        if isinstance(of, Repeated):
            entries = entry if isinstance(entry, list) else []
            for place, one in enumerate(inner):
                element.append(_written(child, one, of.of, entries[place] if place < len(entries) else {}))
            continue
        first, *more = entry if isinstance(entry, list) else [entry]
        element.append(_written(child, inner, of, first))
        element.extend(_generic(child, one) for one in more)
    for child, inner in overlay.items():
        if child.startswith("@"):
            element.set(child[1:], inner)
        elif child == "#text":
            if len(element):
                element[-1].tail = inner
            else:
                element.text = inner
        elif child not in fields:
            element.extend(_generic(child, one) for one in (inner if isinstance(inner, list) else [inner]))
    return element


def _generic(name: str, node: Node) -> etree._Element:
    return _written(name, node if isinstance(node, str) else {}, None, node)


@st.composite
def _unknowns(draw: st.DrawFn, depth: int = 2) -> Node:
    """An unknown element's content as a record holds it."""
    if not depth or draw(st.booleans()):
        return draw(_WORDS | st.just(""))
    node: Record = draw(st.dictionaries(st.sampled_from(["@a", "@b", "#text"]), _WORDS, max_size=2))
    for name in draw(st.lists(_NAMES, unique=True, max_size=2)):
        ones = draw(st.lists(_unknowns(depth - 1), min_size=1, max_size=2))
        node[name] = ones if len(ones) > 1 else ones[0]
    return node if set(node) - {"#text"} else draw(_WORDS)


@st.composite
def _orders(draw: st.DrawFn) -> Record:
    """An order's record with an overlay."""
    record: Record = {}
    overlay: Record = {}
    for name in draw(st.lists(st.sampled_from(["BuyerName", "IsPrime", "OrderStatus"]), unique=True)):
        record[name] = draw(_WORDS | st.just(""))
        attributes = draw(st.dictionaries(st.sampled_from(["@a", "@b"]), _WORDS, max_size=1))
        more = draw(st.lists(_unknowns(), max_size=1))
        if attributes or more:
            overlay[name] = [attributes, *more] if more else attributes
    if draw(st.booleans()):
        record["ShippingAddress"] = draw(st.dictionaries(st.sampled_from(["City", "Name"]), _WORDS))
        inside = draw(_unknowns())
        if isinstance(inside, dict):
            overlay["ShippingAddress"] = inside
    if draw(st.booleans()):
        members = record["PaymentMethodDetails"] = draw(st.lists(_WORDS, max_size=3))
        entries = [draw(st.dictionaries(st.just("@a"), _WORDS)) for _ in members]
        while entries and not entries[-1]:
            entries.pop()
        if entries:
            overlay["PaymentMethodDetails"] = {"PaymentMethodDetail": entries}
    for name in draw(st.lists(_NAMES, unique=True)):
        ones = draw(st.lists(_unknowns(), min_size=1, max_size=3))
        overlay[name] = ones if len(ones) > 1 else ones[0]
    if draw(st.booleans()):
        overlay["#text"] = draw(_WORDS)
    if overlay:
        record["#unknown"] = overlay
    return record


@examples(40)
@given(_orders())
@pytest.mark.long
def test_a_record_with_its_overlay_comes_back(record: Record) -> None:
    """Whatever a record holds beyond the table, written as XML it is read as the same record."""
    data = etree.tostring(_written("Order", record, ORDER, {}), encoding="utf-8")
    assert read_element(parse_element(data), ORDER) == record


# --- real documents -------------------------------------------------------------------------------------------------

CORPUS = Path(os.environ.get("MWS_CORPUS") or ROOT.parent / "shared" / "corpus")
ORDERS = ("ListOrders", "GetOrder", "ListOrderItems", "ListOrdersByNextToken", "ListOrderItemsByNextToken")


@pytest.mark.skipif(not (CORPUS / "INDEX.tsv").is_file(), reason="no corpus: set MWS_CORPUS to its folder")
def test_collected_documents() -> None:
    """Every collected answer of Orders is read, with all its orders and items, or refused for a fault it has."""
    with (CORPUS / "INDEX.tsv").open(newline="") as index:
        rows = [
            row for row in csv.DictReader(index, delimiter="\t") if row["kind"].removesuffix("Response") in ORDERS
        ]
    counts: Counter[str] = Counter()
    for row in rows:
        data = (CORPUS / row["path"]).read_bytes()
        try:
            document = parse_document(data)
        except ReadError as error:
            refused = error
        else:
            refused = None
        if refused:
            counts["refused"] += 1
            assert refused.line >= 1, row["path"]
            broken = row["well_formed"] != "yes" or "is not a valid URI" in refused.problem
            assert broken, (row["path"], str(refused))
            continue
        counts["read"] += 1
        assert row["well_formed"] == "yes", row["path"]
        assert f"{document.action}Response" == row["kind"]
        assert len(document.result.get("Orders", ())) == int(row["orders"] or 0), row["path"]
        assert len(document.result.get("OrderItems", ())) == int(row["items"] or 0), row["path"]
    print(dict(counts))
    assert counts["read"] >= 80
    assert counts["refused"] <= 12
