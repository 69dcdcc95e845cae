"""XML to SP-API JSON: what each document becomes, in both forms; and that the short way changes nothing."""

import json
import re
from random import Random

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.cells import Typing
from bridge.mapping.documents_v0 import MEMBER_MAPS
from bridge.offline.report import Report
from bridge.offline.sp_api import Members, SpApiMember, escape_json, member_for
from bridge.offline.to_json import Immediate, JsonDocuments, JsonLines
from mws_compat.documents import DOCUMENTS
from mws_compat.escape import escape_text
from mws_compat.markup import only_tags
from mws_compat.orders import ORDER
from mws_compat.reader import parse_element, read_element, unknown_paths
from mws_compat.schema import DATETIME
from mws_compat.stream import read_stream
from tests.bench import feeds
from tests.examples import examples
from tests.offline.converting import (
    KINDS,
    NAMESPACE,
    TEXTS,
    VALUES,
    Memory,
    convert,
    converted,
    failures,
    items,
    jsons,
    order,
    orders,
)
from tests.soup import soup

OWN = "#mws"

# --- golden ---------------------------------------------------------------------------------------------------------

FULL = order(
    "902-1",
    "<PurchaseDate>2016-01-20T18:49:10Z</PurchaseDate><OrderStatus>Shipped</OrderStatus>"
    "<FulfillmentChannel>MFN</FulfillmentChannel>"
    "<ShippingAddress><Name>Ann</Name><isAddressSharingConfidential>false</isAddressSharingConfidential>"
    "</ShippingAddress><OrderTotal><CurrencyCode>USD</CurrencyCode><Amount>12.30</Amount></OrderTotal>"
    "<NumberOfItemsShipped>2</NumberOfItemsShipped>"
    "<PaymentMethodDetails><PaymentMethodDetail>Standard</PaymentMethodDetail></PaymentMethodDetails>"
    "<BuyerName>Ann</BuyerName><ShippedByAmazonTFM>false</ShippedByAmazonTFM><IsPrime>TRUE</IsPrime>"
    "<IsReplacementOrder>false</IsReplacementOrder>",
)
FULL_JSON = {
    "AmazonOrderId": "902-1",
    "PurchaseDate": "2016-01-20T18:49:10Z",
    "OrderStatus": "Shipped",
    "FulfillmentChannel": "MFN",
    "ShippingAddress": {"Name": "Ann", "isAddressSharingConfidential": False},
    "OrderTotal": {"CurrencyCode": "USD", "Amount": "12.30"},
    "NumberOfItemsShipped": 2,
    "PaymentMethodDetails": ["Standard"],
    "BuyerInfo": {"BuyerName": "Ann"},
    "IsPrime": True,
    "IsReplacementOrder": "false",
    OWN: {"ShippedByAmazonTFM": "false"},
}
ITEM = "<ASIN>B0</ASIN><OrderItemId>7</OrderItemId><QuantityOrdered>1</QuantityOrdered><IsGift>false</IsGift>"
ITEM_JSON = {"ASIN": "B0", "OrderItemId": "7", "QuantityOrdered": 1, "IsGift": "false"}
REQUEST = {"ResponseMetadata": {"RequestId": "r-1"}}
ERROR = (
    f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>Sender</Type><Code>Bad</Code><Message>no</Message>'
    "<Detail/></Error><RequestID>r-2</RequestID></ErrorResponse>"
)
STATUS = (
    f'<GetServiceStatusResponse xmlns="{NAMESPACE}"><GetServiceStatusResult><Status>GREEN</Status>'
    "<Timestamp>2016-01-20T18:49:10.120Z</Timestamp></GetServiceStatusResult></GetServiceStatusResponse>"
)
ENVELOPE = (
    '<AmazonEnvelope xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="a.xsd">'
    "<Header><DocumentVersion>1.01</DocumentVersion></Header><MessageType>OrderReport</MessageType>"
    "<Message><MessageID>1</MessageID><OrderReport><AmazonOrderID>902-1</AmazonOrderID><Item>"
    '<Quantity>2</Quantity><ItemPrice><Component><Type>Principal</Type><Amount currency="USD">1.50</Amount>'
    "</Component></ItemPrice></Item></OrderReport></Message></AmazonEnvelope>"
)
MESSAGE_JSON = {
    "MessageID": "1",
    "OrderReport": {
        "AmazonOrderID": "902-1",
        "Item": [
            {
                "Quantity": 2,
                "ItemPrice": {
                    "Component": [{"Type": "Principal", "Amount": {"Amount": "1.50", "CurrencyCode": "USD"}}]
                },
            }
        ],
    },
}

GOLDEN = {
    "orders": (
        orders(FULL, token="t"),
        {"payload": {"Orders": [FULL_JSON], "NextToken": "t"}, OWN: {"Operation": "ListOrders", **REQUEST}},
        [FULL_JSON],
    ),
    "orders-by-token": (
        orders(FULL, action="ListOrdersByNextToken"),
        {"payload": {"Orders": [FULL_JSON]}, OWN: {"Operation": "ListOrdersByNextToken", **REQUEST}},
        [FULL_JSON],
    ),
    "get-order": (
        orders(FULL, action="GetOrder"),
        {"payload": {"Orders": [FULL_JSON]}, OWN: {"Operation": "GetOrder", **REQUEST}},
        [FULL_JSON],
    ),
    "no-orders": (
        orders().replace("<Orders>\n\n    </Orders>", "<Orders/>"),
        {"payload": {"Orders": []}, OWN: {"Operation": "ListOrders", **REQUEST}},
        [],
    ),
    "no-list": (
        orders().replace("<Orders>\n\n    </Orders>", ""),
        {"payload": {}, OWN: {"Operation": "ListOrders", **REQUEST}},
        [],
    ),
    "2011": (
        orders(
            order(
                "1",
                "<PaymentExecutionDetail><PaymentExecutionDetailItem><SubPaymentMethod>COD</SubPaymentMethod>"
                "</PaymentExecutionDetailItem></PaymentExecutionDetail>",
            ),
            namespace="https://mws.amazonservices.com/Orders/2011-01-01",
        ),
        {
            "payload": {"Orders": [{"AmazonOrderId": "1", "PaymentExecutionDetail": [{"PaymentMethod": "COD"}]}]},
            OWN: {
                "Operation": "ListOrders",
                "Namespace": "https://mws.amazonservices.com/Orders/2011-01-01",
                **REQUEST,
            },
        },
        [{"AmazonOrderId": "1", "PaymentExecutionDetail": [{"PaymentMethod": "COD"}]}],
    ),
    "items": (
        items(ITEM, order="902-1"),
        {"payload": {"OrderItems": [ITEM_JSON], "AmazonOrderId": "902-1"}, OWN: {"Operation": "ListOrderItems"}},
        [{"AmazonOrderId": "902-1", **ITEM_JSON}],
    ),
    "items-before-their-order": (
        items(ITEM, "", order="902-1", behind=True, action="ListOrderItemsByNextToken"),
        {
            "payload": {"OrderItems": [ITEM_JSON, {}], "AmazonOrderId": "902-1"},
            OWN: {"Operation": "ListOrderItemsByNextToken"},
        },
        [{"AmazonOrderId": "902-1", **ITEM_JSON}, {"AmazonOrderId": "902-1"}],
    ),
    "error": (
        ERROR,
        {
            "errors": [{"code": "Bad", "message": "no", "details": "", OWN: {"Type": "Sender"}}],
            OWN: {"RequestID": "r-2"},
        },
        [],
    ),
    "status": (
        STATUS,
        {
            "payload": {"Status": "GREEN", "Timestamp": "2016-01-20T18:49:10.120Z"},
            OWN: {"Operation": "GetServiceStatus"},
        },
        [],
    ),
    "envelope": (
        ENVELOPE,
        {
            "AmazonEnvelope": {
                "Message": [MESSAGE_JSON],
                "Header": {"DocumentVersion": "1.01"},
                "MessageType": "OrderReport",
            },
            "#unknown": {"@{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation": "a.xsd"},
        },
        [MESSAGE_JSON],
    ),
    "order-alone": (f"<Order>{FULL}</Order>", {"payload": FULL_JSON}, [FULL_JSON]),
    "item-alone": (f"<OrderItem>{ITEM}</OrderItem>", ITEM_JSON, [ITEM_JSON]),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_documents(name):
    """Each kind of document becomes the JSON that is written here by hand."""
    xml, document, _ = GOLDEN[name]
    assert jsons(xml) == [document]


@pytest.mark.parametrize("name", GOLDEN)
def test_lines(name):
    """With lines each order, item or message is an object alone; what is around it is left out."""
    xml, _, lines = GOLDEN[name]
    assert jsons(xml, lines=True) == lines


@pytest.mark.parametrize(("xml", "root"), [(ERROR, "ErrorResponse"), (STATUS, "GetServiceStatusResponse")])
def test_lines_of_documents_without_members(xml, root):
    """An error or a status among lines is told of, not written."""
    _, report = convert(xml, lines=True)
    assert [note.text for note in report.warnings] == [f"<{root}> holds no orders; it is left out of the lines"]
    assert (report.documents, report.members) == (1, {root: 1})


def test_an_answer_without_its_result():
    """An answer that has no result is no answer."""
    xml = f'<ListOrdersResponse xmlns="{NAMESPACE}"/>'
    assert failures(xml) == ["f: <ListOrdersResponse> has no <ListOrdersResult>"]
    assert failures(xml, lines=True) == ["f: <ListOrdersResponse> has no <ListOrdersResult>"]


def test_every_document_on_its_line():
    """Documents of a file stand one a line, each as it would alone."""
    names = ["orders", "error", "items", "envelope", "order-alone"]
    texts = [GOLDEN[name][0] for name in names]
    assert converted("".join(texts)) == b"".join(converted(text) for text in texts)


# --- values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "value", "odd"),
    [
        ("IsPrime", "true", True, False),
        ("IsPrime", "\n TRUE ", True, False),
        ("IsPrime", "yes", "yes", True),
        ("IsPrime", "", "", False),
        ("IsReplacementOrder", " True", "true", False),
        ("NumberOfItemsShipped", "+07", 7, False),
        ("NumberOfItemsShipped", "9" * 19, "9" * 19, True),
        ("NumberOfItemsShipped", "two", "two", True),
        ("PurchaseDate", "2016-02-29T00:00:00Z", "2016-02-29T00:00:00Z", False),
        ("PurchaseDate", "2015-02-29T00:00:00Z", "2015-02-29T00:00:00Z", True),
        ("PurchaseDate", "2013-09-01T00%3A00%3A00Z", "2013-09-01T00:00:00Z", False),
        ("OrderStatus", " Shipped\n", "Shipped", False),
    ],
)
def test_values(name, text, value, odd):
    """A value has the type that v0 has for it; one that is not of its kind stays text, and is told of by its
    element's name."""
    out, report = convert(orders(order("902-1", f"<{name}>{text}</{name}>")))
    assert json.loads(out)["payload"]["Orders"][0][name] == value
    told = [f"Order 902-1: {name} is not of its kind; it stays text"] if odd else []
    assert [note.text for note in report.warnings] == told
    assert report.odd == odd


def test_values_around_members():
    """What is odd around the members is told of as well."""
    xml = orders(order("1")).replace("<Orders>", "<CreatedBefore>soon</CreatedBefore><Orders>")
    out, report = convert(xml)
    assert json.loads(out)["payload"]["CreatedBefore"] == "soon"
    assert [note.text for note in report.warnings] == [
        "ListOrdersResponse: CreatedBefore is not of its kind; it stays text"
    ]


@pytest.mark.parametrize(
    ("key", "shown"), [("902-1-2", " 902-1-2"), ("S01-7", " S01-7"), ("Ann Smith", ""), ("", "")]
)
def test_only_what_looks_like_an_id_is_shown(key, shown):
    """A member is named by its id; whatever else stands there is not repeated."""
    _, report = convert(orders(order(key, "<IsPrime>?</IsPrime>")))
    assert report.warnings[0].text == f"Order{shown}: IsPrime is not of its kind; it stays text"


# --- what no table knows --------------------------------------------------------------------------------------------

STRANGE = orders(
    order("902-1", "<Novel a='1'><Deep>x</Deep></Novel><OrderStatus b='2'>Shipped</OrderStatus>"), order("902-2")
)


def test_unknown_is_kept_and_counted():
    """Elements and attributes that no table knows stand under #unknown and are counted."""
    out, report = convert(STRANGE)
    assert json.loads(out)["payload"]["Orders"][0]["#unknown"] == {
        "Novel": {"@a": "1", "Deep": "x"},
        "OrderStatus": {"@b": "2"},
    }
    assert report.unknown == 2


@pytest.mark.parametrize("lines", [False, True])
def test_strict(lines):
    """With strict the document is an error that names the order and the element, and nothing of it is written."""
    assert failures(STRANGE, strict=True, lines=lines) == ["f: Order 902-1: Novel is not known to the tables"]


def test_strict_around_members():
    """Strict looks around the members too."""
    xml = orders(order("1")).replace("<Orders>", "<Novel/><Orders>")
    assert failures(xml, strict=True) == ["f: ListOrdersResult/Novel is not known to the tables"]
    assert json.loads(convert(xml)[0])["#unknown"] == {"ListOrdersResult": {"Novel": ""}}


def test_strict_and_the_short_way():
    """An element that every order has is found by strict although such orders take the short way."""
    xml = orders(*[order(f"902-{number}", "<Novel>x</Novel><OrderStatus>a</OrderStatus>") for number in range(5)])
    assert failures(xml, strict=True) == ["f: Order 902-0: Novel is not known to the tables"]
    assert convert(xml)[1].unknown == 5


@pytest.mark.parametrize("text", ["x", "[1]", "", "null"])
@pytest.mark.parametrize("place", ["order", "nested", "root"])
def test_members_put_back_that_are_none(text, place):
    """What stands where JSON members are kept, and is no object, is a fault of the document."""
    unmapped = f'<Unmapped xmlns="urn:mws-bridge">{text}</Unmapped>'
    xml = {
        "order": orders(order("1", unmapped)),
        "nested": orders(order("1", f"<OrderTotal>{unmapped}</OrderTotal>")),
        "root": orders(order("1")).replace("</ListOrdersResponse>", f"{unmapped}</ListOrdersResponse>"),
    }[place]
    (told,) = failures(xml)
    assert "JSON object expected" in told


def test_items_without_bound(monkeypatch):
    """Items wait for their order's id, but not without end."""
    monkeypatch.setattr("bridge.offline.to_json._MAX_ITEMS", 2)
    assert len(jsons(items(ITEM, ITEM), lines=True)) == 2
    assert failures(items(ITEM, ITEM, ITEM), lines=True) == ["f: more than 2 items in one list"]


# --- the short way --------------------------------------------------------------------------------------------------


def long_and_short(xml, *, lines=False, strict=False, pieces=2**16):
    """The output, warnings and counts without a shortcut and with it."""
    found = []
    for short in (False, True):
        report, sink = Report(), Memory()
        form = JsonLines if lines else JsonDocuments
        handler = form(sink, report, "f", strict=strict)
        shortcut = Immediate(Members(form.separator, strict=strict)) if short else None
        cut = (xml[start : start + pieces] for start in range(0, len(xml), pieces))
        read_stream(cut, handler, shortcut=shortcut)
        told = [note.text for note in report.warnings], [str(failure) for failure in report.failures]
        found.append((bytes(sink.data), told, report.members, report.unknown, report.odd, report.documents))
    return found


FRAGMENTS = [
    *(f"<{name}>{value}</{name}>" for name in ("PurchaseDate", "LatestShipDate") for value in VALUES[DATETIME]),
    *(f"<OrderStatus>{escape_text(text)}</OrderStatus>" for text in TEXTS),
    "<IsPrime>true</IsPrime>",
    "<IsPrime>True</IsPrime>",
    "<IsPrime> false</IsPrime>",
    "<IsReplacementOrder>false</IsReplacementOrder>",
    "<NumberOfItemsShipped>0</NumberOfItemsShipped>",
    "<NumberOfItemsShipped>-0</NumberOfItemsShipped>",
    "<NumberOfItemsShipped>007</NumberOfItemsShipped>",
    "<OrderTotal><CurrencyCode>USD</CurrencyCode><Amount>12.30</Amount></OrderTotal>",
    "<OrderTotal><Amount>twelve</Amount><CurrencyCode/></OrderTotal>",
    "<OrderTotal/>",
    "<OrderTotal>12</OrderTotal>",
    "<ShippingAddress><Name>Ann &amp; Bob</Name><County/></ShippingAddress>",
    "<ShippingAddress>\n\t<Name> Ann</Name>\n</ShippingAddress>",
    "<PaymentMethodDetails><PaymentMethodDetail>A</PaymentMethodDetail><PaymentMethodDetail/></PaymentMethodDetails>",
    "<PaymentMethodDetails/>",
    "<TFMShipmentStatus>x</TFMShipmentStatus>",
    "<BuyerName>&#233;</BuyerName>",
    "<BuyerName><![CDATA[<b>]]></BuyerName>",
    "<BuyerName>a<!-- b -->c</BuyerName>",
    "<BuyerEmail/>",
    "<BuyerEmail></BuyerEmail>",
    "<Novel>12</Novel>",
    "<Novel>12</Novel>",
    "<Novel> padded </Novel>",
    "<Novel><A>1</A><B/></Novel>",
    "<Novel a='1'>x</Novel>",
    "<OrderStatus>again</OrderStatus>",
    "stray",
]


@examples(75)
@given(
    chosen=st.lists(st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=7), min_size=1, max_size=6),
    repeat=st.integers(1, 3),
    lines=st.booleans(),
    strict=st.booleans(),
    pieces=st.sampled_from([7, 100, 2**16]),
)
def test_the_short_way_writes_what_the_long_way_writes(chosen, repeat, lines, strict, pieces):
    """Whatever stands in orders, in whatever order and pieces: output, warnings and counts do not depend on the
    way."""
    inner = [order(f"902-{number}", "\n".join(parts)) for number, parts in enumerate(chosen * repeat)]
    long, short = long_and_short(orders(*inner).encode(), lines=lines, strict=strict, pieces=pieces)
    assert short == long


@pytest.mark.parametrize("odd", [0, 0.05])
def test_a_template_is_what_the_table_writes(odd):
    """Whatever elements an order is put together of: what its template writes is, to the byte, what the table makes
    of the record that the parser read, and as much of it is unknown."""
    dice = Random(f"template {odd}")
    member = SpApiMember(DOCUMENTS["ListOrdersResponse"])
    taken = 0
    for _ in range(3000):
        block = soup(dice, odd=odd)
        found = member.block(block) if only_tags(block) else None
        if found is None:
            continue
        (element,) = parse_element(b"<_>%b</_>" % block)
        record = read_element(element, ORDER)
        typing = Typing()
        unknown = sum(1 for _ in unknown_paths(record, ORDER))
        assert found == (orjson.dumps(MEMBER_MAPS["Order"].write(record, typing)), unknown), block
        assert not typing.odd
        taken += 1
    assert taken >= 300


@pytest.fixture(scope="session")
def sandbox_feed(tmp_path_factory):
    """1,000 orders as MWS laid them out, and as others may have."""
    place = tmp_path_factory.mktemp("feeds")
    feeds.write_canonical(place / "canonical.xml", 1000)
    feeds.write_other(place / "other.xml", 250)
    return place


@pytest.mark.parametrize("name", ["canonical.xml", "other.xml"])
@pytest.mark.parametrize("lines", [False, True], ids=["document", "lines"])
@pytest.mark.long
def test_the_short_way_over_the_sandbox(sandbox_feed, name, lines):
    """The same over the sandbox's orders."""
    long, short = long_and_short((sandbox_feed / name).read_bytes(), lines=lines)
    assert short == long
    assert short[5] == 1


@pytest.mark.parametrize("member", KINDS)
def test_chunks(member):
    """Segments cover a chunk without gaps; runs of members that the parser must read come together."""
    root = "ListOrdersResponse" if member == "Order" else "ListOrderItemsResponse"
    key = KINDS[member][1]
    plain = f"<{member}><{key}>1</{key}><X>2</X></{member}>".encode()
    odd = f"<{member}><{key}>1&#9;1</{key}><X>2</X></{member}>".encode()
    for strict, expected in ((False, "mdmdm"), (True, "d")):
        chunk = plain + odd + odd + plain + odd + plain
        members = Members(b",", strict=strict)
        members.convert(root, chunk)  # what is met for the first time may go to the parser
        segments = members.convert(root, chunk)
        assert [start for _, start, _ in segments[1:]] == [end for _, _, end in segments[:-1]]
        assert (segments[0][1], segments[-1][2]) == (0, len(chunk))
        kinds = "".join("d" if made is None else "m" for made, _, _ in segments)
        assert kinds == expected
    assert Members(b",", strict=False).convert(root, plain + b"<?x ?>" + plain)[-1][0] is None


def test_escapes():
    """JSON wants two characters escaped in text that has no controls."""
    assert escape_json(b'a\\b"c') == b'a\\\\b\\"c'


def test_one_converter_for_each_member():
    """Documents of the same members share what was learnt."""
    assert member_for("ListOrdersResponse") is member_for("GetOrderResponse")
    assert member_for("ListOrderItemsResponse") is not member_for("GetOrderResponse")


def test_too_many_attributes():
    """A member with more attributes than MWS ever wrote is refused."""
    attributes = " ".join(f"a{number}=''" for number in range(65))
    xml = orders(order("1", f"<Novel {attributes}/>"))
    (told,) = failures(xml)
    assert "65 attributes" in told


def test_errors_keep_their_place():
    """A fault has the line, the column and the masked line of the document."""
    xml = orders(order("1"), order("2")).replace("2</AmazonOrderId>", "2</Amazon>")
    _, report = convert(xml)
    assert re.fullmatch(r"f: line 7, column \d+: .*AmazonOrderId.*", str(report.failures[0]))
    assert report.failures[0].excerpt == "<Order><AmazonOrderId>0</xxxxxx></Order>"
