"""The short way against the parser: whenever a block is read without a tree, the tree says exactly the same."""

import json
import random
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from mws_compat import blocks
from mws_compat.blocks import BlockReader, Values, canonical_block, read_blocks
from mws_compat.documents import DOCUMENTS, MESSAGE
from mws_compat.errors import ReadError
from mws_compat.markup import only_tags
from mws_compat.orders import ORDER
from mws_compat.reader import parse_element, read_element
from mws_compat.schema import (
    BOOLEAN,
    DATETIME,
    DECIMAL,
    INTEGER,
    TEXT,
    Attributed,
    Field,
    ListOf,
    Node,
    Record,
    Repeated,
    Struct,
    parse_instant,
)


def learn(record: Record, numbers: Mapping[str, int]) -> Callable[[Values], Record]:
    """A build that gives the record again, with the values where the marks stood."""

    def fill(node: Node, values: Values) -> Node:
        if isinstance(node, dict):
            return {name: fill(inner, values) for name, inner in node.items()}
        if isinstance(node, list):
            return [fill(inner, values) for inner in node]
        slot = numbers.get(node)
        return node if slot is None else values[slot].decode()

    return lambda values: {name: fill(node, values) for name, node in record.items()}


def truth(block: bytes, struct: Struct) -> Record | None:
    """What the parser says of the block; None when it refuses it."""
    try:
        root = parse_element(b"<_>" + block + b"</_>")
    except ReadError:
        return None
    assert len(root) == 1
    return read_element(root[0], struct)


def check(reader: BlockReader[Record], block: bytes, struct: Struct = ORDER) -> Record | None:
    """Read a block the short way, and hold what comes of it against the parser."""
    read = reader.read(block) if only_tags(block) else None
    if read is not None:
        assert read == truth(block, struct), block
    return read


def order_reader() -> BlockReader[Record]:
    return BlockReader(ORDER, "Order", learn)


def read_order(inner: bytes) -> Record | None:
    """An order that has been seen before in a plainer form: its skeleton is known from other values."""
    return check(order_reader(), b"<Order>" + inner + b"</Order>")


REAL = b"""
      <Order>
        <AmazonOrderId>902-0000000-9549656</AmazonOrderId>
        <PurchaseDate>2026-03-30T18:59:32Z</PurchaseDate>
        <LastUpdateDate>2026-03-31T02:48:30.123Z</LastUpdateDate>
        <ShippingAddress>
          <Name>Jos\xc3\xa9 &amp; \xe6\x9d\xb1 "x" \\ Sample</Name>
          <AddressLine2/>
          <AddressLine3></AddressLine3>
        </ShippingAddress>
        <OrderTotal><CurrencyCode>USD</CurrencyCode><Amount>12.89</Amount></OrderTotal>
        <NumberOfItemsShipped>1</NumberOfItemsShipped>
        <PaymentMethodDetails>
          <PaymentMethodDetail>CreditCard</PaymentMethodDetail>
          <PaymentMethodDetail>GiftCard</PaymentMethodDetail>
        </PaymentMethodDetails>
        <IsPrime>false</IsPrime>
        <New><Deep>1</Deep><Deep>2</Deep></New>
        <IsPrime>true</IsPrime>
      </Order>"""


# --- what goes the short way ----------------------------------------------------------------------------------------


def test_a_real_order_is_read() -> None:
    """An order as MWS wrote it goes the short way, with unknown elements, repetitions and empty ones."""
    record = check(order_reader(), REAL)
    assert record is not None
    assert record["ShippingAddress"] == {
        "Name": 'José & 東 "x" \\ Sample',
        "AddressLine2": "",
        "AddressLine3": "",
    }
    assert record["#unknown"] == {"New": {"Deep": ["1", "2"]}, "IsPrime": [{}, "true"]}


def test_learning_once_is_enough() -> None:
    """A skeleton is learned once, however many blocks have it, and its values do not stick."""
    learned: list[Record] = []

    def counted(record: Record, numbers: Mapping[str, int]) -> Callable[[Values], Record]:
        learned.append(record)
        return learn(record, numbers)

    reader = BlockReader(ORDER, "Order", counted)
    for name in (b"a", b"b", b"", b"&lt;"):
        record = check(reader, b"<Order><BuyerName>%b</BuyerName></Order>" % name)
        assert record == {"BuyerName": name.decode().replace("&lt;", "<")}
    assert learned == [{"BuyerName": "\ue0000"}]


def test_a_member_without_values() -> None:
    """Members and containers that hold nothing are read when they are written as one tag."""
    assert read_order(b"<ShippingAddress/><BuyerName/>") == {"ShippingAddress": {}, "BuyerName": ""}
    assert read_order(b"\n<PaymentMethodDetails/> ") == {"PaymentMethodDetails": []}


@pytest.mark.parametrize(
    "inner",
    [
        b"",
        b"text",
        b"<ShippingAddress></ShippingAddress>",
        b"<ShippingAddress>text</ShippingAddress>",
        b"<PaymentMethodDetails></PaymentMethodDetails>",
        b"<TaxRegistrationDetails><member></member></TaxRegistrationDetails>",
    ],
)
def test_a_value_where_elements_belong(inner: bytes) -> None:
    """Text where the table has elements is told from no text only by the parser, in whichever order both come."""
    for other in (b"1", b""):
        reader = order_reader()
        check(reader, b"<Order>" + inner.replace(b"text", other) + b"</Order>")
        assert check(reader, b"<Order>" + inner + b"</Order>") is None


def test_escape_is_applied_to_quotes_and_backslashes() -> None:
    """Values with ``"`` or ``\\`` reach the build escaped, after references are resolved; others as they stand."""
    reader = BlockReader(
        ORDER,
        "Order",
        lambda *_: b"|".join,
        lambda text: text.replace(b"\\", b"\\\\").replace(b'"', b'\\"'),
    )
    block = b"<Order><BuyerName>%b</BuyerName><BuyerCounty>%b</BuyerCounty></Order>"
    assert reader.read(block % (b'a"b', b"c\\d")) == b'a\\"b|c\\\\d'
    assert reader.read(block % (b"&quot;", b"&amp;amp;&lt;&gt;&apos;")) == b"\\\"|&amp;<>'"
    assert reader.read(block % (b"a", b"b")) == b"a|b"
    assert reader.read(block % (b"a", b"c\\d")) == b"a|c\\\\d"
    assert reader.read(block % (b"a", b'"')) == b'a|\\"'


def test_a_skeleton_that_cannot_be_learned() -> None:
    """When the caller cannot learn a record, its blocks go to the parser, every time."""
    reader: BlockReader[Record] = BlockReader(ORDER, "Order", lambda *_: None)
    assert [reader.read(REAL) for _ in range(2)] == [None, None]


# --- what does not --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("IsPrime", ["true", "false"], ["", "TRUE", "True", "1", "0", "yes", "truefalse", "true "]),
        (
            "NumberOfItemsShipped",
            ["0", "1", "-1", "10", "9" * 18],
            ["", "007", "+1", "-0", "1e3", "1.0", "9" * 19, "\u0661", "1_0", "--1"],
        ),
        (
            "OrderTotal",
            ["0", "0.00", "12.30", "-1.5", "9" * 30, "0." + "9" * 30, "007"],
            ["", ".5", "5.", "+1", "1e3", "1,5", "9" * 31, "0." + "9" * 31, "NaN", "--1"],
        ),
        (
            "PurchaseDate",
            [
                "2016-01-20T18:49:10Z",
                "2016-01-20T23:59:59.000Z",
                "0001-12-31T00:00:00.999Z",
                "2016-02-28T00:00:00Z",
                "2015-01-01T00:00:00.1Z",
                "2015-01-01T00:00:00.123456789Z",
                "2015-01-01T00:00:00+00:00",
                "0001-01-02T00:00:00-14:59",
                "9999-12-30T23:59:59+14:59",
                *(f"2015-{month:02}-30T00:00:00Z" for month in (1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)),
                *(f"2015-{month:02}-29T19:30:00Z" for month in (1, 3, 4, 12)),
                *(f"2015-{month:02}-31T00:00:00Z" for month in (1, 3, 5, 7, 8, 10, 12)),
            ],
            [
                "",
                "2016-02-29T00:00:00Z",  # exists, but only the calendar knows
                "2015-02-29T00:00:00Z",
                "2015-02-30T00:00:00Z",
                *(f"2015-{month:02}-31T00:00:00Z" for month in (2, 4, 6, 9, 11)),
                "0000-01-01T00:00:00Z",
                "2015-00-01T00:00:00Z",
                "2015-13-01T00:00:00Z",
                "2015-01-00T00:00:00Z",
                "2015-01-32T00:00:00Z",
                "2015-01-01T24:00:00Z",
                "2015-01-01T00:60:00Z",
                "2015-01-01T00:00:60Z",
                "2015-01-01T00:00:00",
                "2015-01-01T00:00:00z",
                "2015-01-01 00:00:00Z",
                "2015-01-01T00:00:00.1234567890Z",
                "2015-01-01T00:00:00.Z",
                "2015-01-01T00:00:00+15:00",
                "2015-01-01T00:00:00+00:60",
                "2015-01-01T00:00:00+00",
                "0001-01-01T00:00:00Z",
                "9999-12-31T00:00:00Z",
                "2015-01-01T00:00:00x000Z",
                "2015-01-01",
            ],
        ),
    ],
    ids=["boolean", "integer", "decimal", "instant"],
)
def test_forms_are_exact(name: str, good: list[str], bad: list[str]) -> None:
    """A value that is typed goes the short way in its own form only, alone and between others."""
    tag = b"<%b>%%b</%b>" % (name.encode(), name.encode())
    if name == "OrderTotal":
        tag = b"<OrderTotal><Amount>%b</Amount></OrderTotal>"
    reader = order_reader()
    for frame in (b"%b", b"<BuyerName>x</BuyerName><IsISPU>true</IsISPU>%b<IsIBA>true</IsIBA>"):
        for value in good:
            assert check(reader, b"<Order>" + frame % (tag % value.encode()) + b"</Order>") is not None, value
            if name == "PurchaseDate":
                parse_instant(value)
        for value in bad:
            assert check(reader, b"<Order>" + frame % (tag % value.encode()) + b"</Order>") is None, value


def test_values_that_are_texts() -> None:
    """A reader of texts takes values that are not of their kind, as the parser does."""
    reader = BlockReader(ORDER, "Order", learn, typed=False)
    for value in (b"yes", b"true", b""):
        assert check(reader, b"<Order><IsPrime>%b</IsPrime></Order>" % value) == {"IsPrime": value.decode()}


@pytest.mark.parametrize(
    "value",
    [
        b" a", b"a ", b" ", b"\ta", b"a\n", b"a\r\nb", b"\r", b"a\0b", b"\0", b"\x01", b"\x1f", b"a\tb", b"&",
        b"a & b", b"&;", b"&copy;", b"&#65;", b"&#x41;", b"&#0;", b"&#13;", b"&amp", b"&AMP;", b"&amp;&x;",
        b"\xef\xbf\xbe", b"\xef\xbf\xbf", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b">",
        b"]]>", b"<![CDATA[a]]>", b"<!--a-->", b"<?a?>", b"a<!--b-->c", b"<", b"<a", b"<>", b"</>", b"< a/>",
        b"<a x:b='1'/>", b"<a b='>'/>", b"<a xmlns='u'/>", b"<a b='1' b='2'/>", b"<a b=1/>", b"<a b='&x;'/>",
        b"<a b='1'c='2'/>", b"<x:a/>", b"<a:b:c/>", b"<\xc3\xa9/>", b"<1/>",
        b"<a></b>", b"<a>", b"</a>", b"<a//>", b"</a/>", b"<a b='\xee\x80\x800'/>",
    ],
    ids=repr,
)  # fmt: skip
def test_what_the_short_way_leaves_alone(value: bytes) -> None:
    """Whatever the parser would refuse, resolve, normalise or drop goes to it, in every place of a block."""
    reader = order_reader()
    for block in (
        b"<Order><BuyerName>%b</BuyerName></Order>",
        b"<Order><BuyerEmail>x</BuyerEmail><BuyerName>%b</BuyerName><BuyerCounty>y</BuyerCounty></Order>",
    ):
        assert check(reader, block % value) is None
        check(reader, block % b"a")  # the skeleton is known from now on
        assert check(reader, block % value) is None


@pytest.mark.parametrize(
    "value", [b"\x7f", b"\xc2\x85", b"\xc2\xa0x", b"\xef\xbf\xbd", b"\xf0\x9f\x98\x80", b"'", b";"]
)
def test_odd_but_plain(value: bytes) -> None:
    """Characters that only look dangerous are values like others."""
    assert read_order(b"<BuyerName>%b</BuyerName>" % value) == {"BuyerName": value.decode()}


@pytest.mark.parametrize("text", [b"x", b"\0", b"\x0b", b"\xc2\xa0", b"&#32;", b"&amp;", b">"], ids=repr)
def test_only_white_space_between_elements(text: bytes) -> None:
    """Anything else between elements, before the block or behind it goes to the parser."""
    block = b"{}<Order>{}<BuyerTaxInfo>{}<TaxingRegion>a</TaxingRegion>{}<New/>{}</BuyerTaxInfo>{}</Order>{}"
    reader = order_reader()
    assert check(reader, block.replace(b"{}", b"")) is not None
    for place in range(block.count(b"{}")):
        parts = block.split(b"{}")
        filled = b" \t\r\n".join(parts[: place + 1]) + text + b"\n".join(parts[place + 1 :])
        assert (reader.read(filled) if only_tags(filled) else None) is None


@pytest.mark.parametrize(
    "block",
    [
        b"", b"x", b"<Order/>", b"<Order>", b"</Order>", b"<order></order>", b"<Order></Order><Order></Order>",
        b"<Order><a/></Order><Order><a/></Order>", b"<OrderItem><a/></OrderItem>", b"<Order><a/></OrderItem>",
        b"<OrderItem><a/></Order>", b"<Orders><Order><a/></Order>", b"<Order><a/></Order></Orders>",
        b"<Order xmlns='u'><a/></Order>", b"<Order ><a/></Order>", b"<Order><a/></Order >",
        b"<_><Order><a/></Order></_>",
        b"<Order></_><_></Order>", b"</_><Order><a/></Order><_>",
    ],
    ids=repr,
)  # fmt: skip
def test_only_whole_members(block: bytes) -> None:
    """A block is one member with its end: nothing else is read."""
    assert order_reader().read(block) is None


@pytest.mark.parametrize(("depth", "read"), [(31, True), (32, False), (200, False), (300, False)])
def test_depth_is_bounded(depth: int, *, read: bool) -> None:
    """A block nested deeper than any order, with room for what stands around it, goes to the parser."""
    nested = b"<X>" * (depth - 1) + b"<Y/>" + b"</X>" * (depth - 1)
    assert (read_order(nested) is not None) == read


def test_only_tags() -> None:
    """Angle brackets must alternate and the bytes be legal UTF-8."""
    for text in (b"", b"<a>", b"x<a>y<b/>", "<é>😀\ufffd\x7f".encode()):
        assert only_tags(text)
    for text in (
        b"<",
        b">",
        b"<<>>",
        b"<a>>",
        b"<a><",
        b"><",
        b"\xff",
        b"\xef\xbf\xbe",
        b"\xef\xbf\xbf<a>",
        b"\xed\xa0\x80",
    ):
        assert not only_tags(text)


# --- what is simplified first ---------------------------------------------------------------------------------------


def simplified(value: bytes) -> Record | None:
    """What a chunk of two orders gives, of which one has the value; checked against the parser."""
    block = b"\n<Order><BuyerEmail>x</BuyerEmail><BuyerName>%b</BuyerName></Order>" % value
    plain = b"<Order><BuyerEmail>x</BuyerEmail><BuyerName>p</BuyerName></Order>"
    ((first, _, _), *rest) = read_blocks(block + plain, order_reader().read)
    if first is None:
        assert not rest or rest == [([{"BuyerEmail": "x", "BuyerName": "p"}], len(block), len(block + plain))]
        return None
    assert first[0] == truth(block, ORDER)
    return first[0]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"a<!-- b -->c", "ac"), (b"<!---->", ""), (b"<!-- <b> & &#65; ]]> - -->x", "x"), (b"a<!--\r\n\t-->", "a"),
        (b"<![CDATA[a <b> & &amp; &#65; ]]]>", "a <b> & &amp; &#65; ]"), (b"<![CDATA[]]>", ""),
        (b"a<![CDATA[>]]>", "a>"),
        (b"<![CDATA[a]]><![CDATA[b]]>", "ab"), (b"<![CDATA[<!-- a -->]]>", "<!-- a -->"),
        (b"]]<![CDATA[>]]>", "]]>"),
        (b"&#65;&#x42;&#233;&#xe9;&#128512;", "ABéé😀"), (b"&#38;&#x3c;&#62;&#34;&#39;&#38;amp;", "&<>\"'&amp;"),
        (b"&#38;#65;", "&#65;"), (b"&amp;<!-- a -->#65;", "&#65;"), (b"<![CDATA[&]]>amp;", "&amp;"),
        (b"&#128;", "\x80"),
    ],
    ids=repr,
)  # fmt: skip
def test_comments_sections_and_references(value: bytes, text: str) -> None:
    """They are what XML says they are."""
    assert simplified(value) == {"BuyerEmail": "x", "BuyerName": text}


@pytest.mark.parametrize(
    "value",
    [
        b"<!-- -- -->", b"<!-- --->", b"<!--->", b"<!-- a", b"a -->b<!--", b"<!-->", b"<!- a -->", b"<!a>",
        b"<![CDATA[a",
        b"<![cdata[a]]>", b"<![CDATA [a]]>", b"]]><![CDATA[a]]>", b"<!DOCTYPE a>", b"<?a <!-- ?> -->",
        b"<!-- \x01 -->",
        b"<!-- \xff -->", b"<!-- \xef\xbf\xbe -->", b"<![CDATA[\0]]>", b"&am<!-- -->p;", b"&<!-- -->#65;",
        b"&#6<!-- -->5;",
        b"&am<![CDATA[]]>p;", b"&#0;", b"&#10;", b"&#13;", b"&#9;", b"&#31;", b"&#xD800;", b"&#xFFFE;", b"&#xFFFF;",
        b"&#x110000;", b"&#99999999;", b"&#;", b"&#x;", b"&#X41;", b"&# 65;", b"&#65", b"<a b='<!-- -->'/>",
        b"<a b='<![CDATA[]]>'/>", b"<a <!-- --> />", b"<<!-- -->a/>", b"<a<!-- -->/>", b"<a b='>' c='<!-- -->'/>",
        b"<a b='> <!-- --> <'/>", b"</<!-- -->BuyerName>", b"<!-- a --> > ",
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_not_simplified(value: bytes) -> None:
    """Whatever only looks like it goes to the parser."""
    assert simplified(value) is None


@settings(max_examples=300)
@given(
    st.lists(
        st.sampled_from(
            [
                b"a", b" ", b"<!--", b"-->", b"--", b"-", b"<!", b"<![CDATA[", b"]]>", b"]]", b">", b"<",
                b"&", b"&#", b"65;",
                b"&#65;", b"&amp;", b"amp;", b"<b>", b"</b>", b"<b/>", b"<b c='", b"'>", b'<b c="', b'">',
                b"<?x", b"?>", b"\r",
                b"&#10;", b"&#38;", b"&#x3c;", b"\x02", b"\xc3", b"\xa9", b"</BuyerName>", b"<BuyerName>",
                b"</Order>", b"<Order>",
            ]
        ),
        max_size=8,
    )
)  # fmt: skip
def test_any_mixture_is_what_the_parser_says(parts: list[bytes]) -> None:
    """Whatever is read without the parser, with any confusion of markup in it, is what the parser says of it."""
    reader = order_reader()
    chunk = b"<Order><BuyerEmail>%b</BuyerEmail>%b<BuyerName>x</BuyerName></Order>" % (
        b"".join(parts[:4]),
        b"".join(parts),
    )
    for run, start, end in read_blocks(chunk, reader.read):
        if run is None:
            continue
        try:
            root = parse_element(b"<_>%b</_>" % chunk[start:end])
        except ReadError:
            # Between blocks of which the parser has one, what stands there need not be well-formed by itself.
            assert start, chunk
            continue
        assert run == [read_element(element, ORDER) for element in root], chunk


# --- memory ---------------------------------------------------------------------------------------------------------


def _numbered(number: int) -> bytes:
    return b"<Order><N%d>%d</N%d></Order>" % (number, number, number)


def test_memory_is_bounded_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the number of skeletons the memory starts anew, and answers stay right."""
    assert blocks._MAX_SKELETONS == 4096
    monkeypatch.setattr(blocks, "_MAX_SKELETONS", 3)
    reader = order_reader()
    for number in (1, 2, 3, 1, 4, 5, 1, 2, 6, 7, 8, 4):
        assert check(reader, _numbered(number)) == {"#unknown": {f"N{number}": str(number)}}
        assert len(reader._plans) <= 3


def test_memory_is_bounded_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for the skeletons' bytes; one that is too long is not remembered at all."""
    assert (blocks._MAX_REMEMBERED, blocks._MAX_SKELETON) == (2**24, 2**18)
    size = len(b"Order>N1>/N1>/Order")
    monkeypatch.setattr(blocks, "_MAX_SKELETON", size)
    monkeypatch.setattr(blocks, "_MAX_REMEMBERED", 2 * size)
    reader = order_reader()
    for number, kept in ((1, 1), (2, 2), (1, 2), (3, 1), (4, 2), (1, 1)):
        assert check(reader, _numbered(number)) == {"#unknown": {f"N{number}": str(number)}}
        assert len(reader._plans) == kept
    assert check(reader, _numbered(10)) is None
    assert len(reader._plans) == 1


# --- against the parser, at random ----------------------------------------------------------------------------------

_NASTY = [
    "a", "Ann Example", "", " padded ", "tab\there", "line\nbreak", "cr\r\nlf", "\r", "é東😀", "\x7f", "\x85",
    "\u00a0", "]]", 'q"q', "b\\s", "0", "true", "TRUE", "007", "+1", "1e3", "-0", "12.30", "2015-02-28T01:02:03Z",
    "2015-02-29T01:02:03Z", "2016-02-29T01:02:03Z", "2015-04-31T01:02:03.004Z", "2015-12-31T23:59:59Z", "<&>'\"",
    "&amp;",
]  # fmt: skip
_RAW = [
    b"&", b"&#65;", b"&#x1F600;", b"&#0;", b"&#13;", b"&copy;", b"]]>", b">", b"\0", b"\x01", b"\x0b", b"\xff",
    b"\xc3", b"\xef\xbf\xbe", b"\xed\xa0\x80", b"<!-- </Order> -->", b"<![CDATA[<a>&b;]]>",
    b"<?x </Order> ?>", b"<",
    b"<b/>", b"<b>x</b>", b"</Order>",
]  # fmt: skip


class Scribe:
    """Writes an order of the table as XML in one of many ways; ``odd`` is how often it leaves the plain way."""

    def __init__(self, random: random.Random, odd: float) -> None:
        self._random = random
        self._odd = odd

    def _oddly(self) -> bool:
        return self._random.random() < self._odd

    def blank(self) -> bytes:
        if self._oddly():
            return self._random.choice([b"text", b"<!-- c -->", b"<?p?>", b">", b"\0", b"&#32;", b"<![CDATA[ ]]>"])
        return self._random.choice([b"", b"\n  ", b"\r\n", b"\t", b" "])

    def value(self, kind: object) -> bytes:
        if self._oddly():
            return b"".join(self._random.choices([b"a", *_RAW], k=2))
        plain = {
            BOOLEAN.name: ["true", "false"],
            INTEGER.name: ["0", "12", "-3"],
            DECIMAL.name: ["12.30", "0", "-1"],
            DATETIME.name: ["2015-01-30T01:02:03Z", "2015-12-31T23:59:59.999Z"],
            TEXT.name: ["Ann", "é東😀", "a&b<c>", 'q"', "b\\s", ""],
        }[kind.name]
        text = self._random.choice(_NASTY if self._oddly() else plain)
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").encode()

    def element(self, name: str, inner: bytes) -> bytes:
        tag = name.encode()
        if not inner and self._random.random() < 0.5:
            return b"<%b/>" % tag
        attributes = spaces = b""
        if self._oddly():
            attributes = self._random.choice([b' a="1"', b" a='>'", b' xmlns="u"', b' xmlns:p="u"', b" ", b"\n"])
            spaces = self._random.choice([b"", b" ", b"\n"])
        if self._oddly():
            tag = self._random.choice([b"p:", b"", b"x"]) + tag
        return b"<%b%b>%b</%b%b>" % (tag, attributes, inner, tag, spaces)

    def member(self, kind: object, name: str) -> bytes:
        if isinstance(kind, Struct):
            inner = self.struct(kind, 0.3)
            return self.element(name, inner) if inner.strip() or self._oddly() else b"<%b/>" % name.encode()
        if isinstance(kind, ListOf):
            members = [self.blank() + self.member(kind.of, kind.member) for _ in range(self._random.randrange(3))]
            inner = b"".join([*members, self.blank()])
            return self.element(name, inner) if members or self._oddly() else b"<%b/>" % name.encode()
        if isinstance(kind, Repeated):
            return b"".join(self.member(kind.of, name) for _ in range(self._random.randrange(1, 3)))
        return self.element(name, self.value(kind.of if isinstance(kind, Attributed) else kind))

    def struct(self, struct: Struct, share: float) -> bytes:
        fields = [field for field in struct.fields if self._random.random() < share]
        if self._oddly():
            self._random.shuffle(fields)
        if fields and self._oddly():
            fields.append(self._random.choice(fields))
        if self._oddly():
            name = self._random.choice(["New", "Order", "BuyerName", "xml", "_"])
            kind = self._random.choice([TEXT, Struct("S", (Field(name, TEXT), Field("Y", TEXT))), ListOf("Z", TEXT)])
            fields.insert(self._random.randrange(len(fields) + 1), Field(name, kind))
        return b"".join([*(self.blank() + self.member(field.kind, field.name) for field in fields), self.blank()])


@pytest.mark.parametrize(("member", "struct"), [("Order", ORDER), ("Message", MESSAGE)], ids=["Order", "Message"])
@pytest.mark.parametrize("odd", [0, 0.005, 0.05])
@pytest.mark.long
def test_short_way_against_parser(member: str, struct: Struct, odd: float) -> None:
    """However an order is written: what the short way reads, the parser reads alike; it takes all that is plain."""
    dice = random.Random(f"{member} {odd}")
    reader = BlockReader(struct, member, learn)
    taken = 0
    for _ in range(400):
        block = b"\n<%b>%b</%b>" % (member.encode(), Scribe(dice, odd).struct(struct, 0.3), member.encode())
        record = check(reader, block, struct)
        taken += record is not None
        again = check(reader, block, struct)
        assert again == record
    print(member, odd, taken)
    assert taken >= {0: 200, 0.005: 80, 0.05: 1}[odd]


_PARTS = [
    b"<", b">", b"</", b"/>", b"Order", b"BuyerName", b"IsPrime", b"true", b"&amp;", b"&", b";", b" ", b"\n", b"\0",
    b'"', b"=", b"!", b"--", b"[CDATA[", b"]]", b"?", b"\xc3\xa9", b"\xff", b"1", b"<BuyerName>", b"</BuyerName>",
    b"<IsPrime>", b"</IsPrime>", b"<Order>", b"</Order>", b"<ShippingAddress>", b"</ShippingAddress>", b"<New/>",
]  # fmt: skip


@settings(max_examples=300)
@given(st.lists(st.sampled_from(_PARTS), max_size=12).map(b"".join))
def test_any_pieces(inner: bytes) -> None:
    """Whatever stands in a block, well-formed or not: the short way and the parser never differ."""
    check(order_reader(), b"<Order>" + inner + b"</Order>")
    reader = order_reader()
    check(reader, inner)


def test_any_byte_replaced() -> None:
    """Any byte of an order replaced by any nasty one: the parser agrees with whatever is still read."""
    reader = order_reader()
    assert check(reader, REAL) is not None
    for at in range(len(REAL)):
        for byte in (
            b"",
            b"<",
            b">",
            b"&",
            b";",
            b"/",
            b"\0",
            b" ",
            b"\n",
            b'"',
            b"\x1f",
            b"\x80",
            b"\xff",
            b"0",
            b"a",
        ):
            check(reader, REAL[:at] + byte + REAL[at + 1 :])


# --- canonical blocks -----------------------------------------------------------------------------------------------


def _first(document: bytes) -> etree._Element:
    return parse_element(document)[0]


@pytest.mark.parametrize(
    "document",
    [
        b"<r>%b</r>" % REAL,
        b'<r xmlns="u">%b</r>' % REAL,
        b'<p:r xmlns:p="u"><p:Order><p:BuyerName>a</p:BuyerName><p:ShippingAddress/></p:Order></p:r>',
        b'<r xmlns="u" xmlns:p="v" xmlns:q="w&amp;x"><Order><BuyerName>a<!-- c -->b</BuyerName></Order></r>',
        b"<r><Order><BuyerName><![CDATA[<p:&]]></BuyerName><BuyerCounty>]]&gt;&#65;</BuyerCounty></Order></r>",
        b"<?xml version='1.0' encoding='ISO-8859-1'?><r><Order ><BuyerName>\xe9</BuyerName ></Order></r>",
    ],
)
def test_canonical_block_is_read(document: bytes) -> None:
    """A parsed member, written plainly, is read the short way as the same record."""
    element = _first(document)
    block = canonical_block(element)
    assert block is not None
    assert order_reader().read(block) == read_element(element, ORDER)


@pytest.mark.parametrize(
    "document",
    [
        b'<r><Order a="1"><BuyerName/></Order></r>',
        b"<r><Order/></r>",
        b'<r xmlns:p="u"><p:Order><BuyerName>a</BuyerName></p:Order></r>',
        b'<r xmlns="urn:mws-bridge"><Order><Unmapped>{}</Unmapped></Order></r>',
        b'<p:r xmlns:p="urn:mws-bridge"><p:Order><p:Unmapped>{}</p:Unmapped></p:Order></p:r>',
        b'<r><Order xmlns="u"><BuyerName>a</BuyerName></Order></r>',
        "<r><é><BuyerName>a</BuyerName></é></r>".encode(),
    ],
)
def test_no_canonical_block(document: bytes) -> None:
    """Where a block could not say all that the element says, there is none."""
    assert canonical_block(_first(document)) is None


@pytest.mark.parametrize(
    "inner",
    [
        b'<BuyerName q:a="1" xmlns:q="v">x</BuyerName>',
        b'<BuyerName xmlns="">x</BuyerName>',
        b'<q:BuyerName xmlns:q="v">x</q:BuyerName>',
        b'<Unmapped xmlns="urn:mws-bridge">{}</Unmapped>',
        b"<BuyerName>a\r\n&#13;b</BuyerName>",
        b"stray<BuyerName/>",
    ],
)
def test_canonical_block_that_is_left(inner: bytes) -> None:
    """What only the parser can read is left to it in the canonical block as well."""
    block = canonical_block(_first(b'<r xmlns="u"><Order>%b</Order></r>' % inner))
    assert block is not None
    assert order_reader().read(block) is None


@pytest.mark.parametrize(
    "inner",
    [
        b"<BuyerName>a</BuyerName>",
        b'<p:A/><q:B xmlns:q="v"/>',
        b'<p:A/><q:B xmlns:q="u"/>',
        b"<p:BuyerName>a</p:BuyerName><p:p:X/>",
    ],
)
def test_prefixes_are_not_mixed(inner: bytes) -> None:
    """A member whose elements do not all have its prefix is left to the parser."""
    try:
        element = _first(b'<p:r xmlns:p="u"><p:Order>%b</p:Order></p:r>' % inner)
    except ReadError:
        return
    block = canonical_block(element)
    assert block is not None
    assert order_reader().read(block) is None


@pytest.mark.parametrize(
    ("inner", "unknown"),
    [
        (b'<BuyerName a="1">x</BuyerName>', {"BuyerName": {"@a": "1"}}),
        (b"<BuyerName\n a = '1' b=\"&lt;2\" >x</BuyerName>", {"BuyerName": {"@a": "1", "@b": "<2"}}),
        (b'<New a="1"/>', {"New": {"@a": "1"}}),
        (b'<ShippingAddress a=""/>', {"ShippingAddress": {"@a": ""}}),
    ],
)
def test_attributes_go_the_short_way(inner: bytes, unknown: Record) -> None:
    """Attributes belong to the skeleton: they are read once, by the parser, and are those of every such block."""
    record = read_order(inner)
    assert record is not None
    assert record["#unknown"] == unknown


@pytest.mark.parametrize("value", [b" a", b"a ", b" \t\na b\n ", b" &lt; ", b" ", b""])
def test_trimming(value: bytes) -> None:
    """A reader that trims takes white space off the ends of values, and of nothing else; one that does not leaves
    such blocks to the parser."""
    block = b"<Order><BuyerEmail>x</BuyerEmail><BuyerName>%b</BuyerName><IsPrime> true </IsPrime></Order>" % value
    name = value.decode().replace("&lt;", "<").strip()
    record = {"BuyerEmail": "x", "BuyerName": name, "IsPrime": "true"}
    assert BlockReader(ORDER, "Order", learn, trim=True).read(block) == record
    assert order_reader().read(block) is None
    unknown = block.replace(b"</Order>", b"<New> x </New></Order>")
    assert BlockReader(ORDER, "Order", learn, trim=True).read(unknown) is None  # what is unknown is kept as it is


@pytest.mark.parametrize("value", [b"a\nb", b"a\tb", b"a\rb", b"\r"])
def test_trimming_keeps_what_is_inside(value: bytes) -> None:
    """White space inside a value is the parser's business."""
    block = b"<Order><BuyerName>%b</BuyerName></Order>" % value
    assert BlockReader(ORDER, "Order", learn, trim=True).read(block) is None


def test_many_shapes_must_show_that_they_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the first skeletons one is learned when it is met again; what is remembered of first sights is bounded."""
    monkeypatch.setattr(blocks, "_EAGER", 2)
    monkeypatch.setattr(blocks, "_MAX_MET", 3)
    reader = order_reader()
    shapes = [b"<Order><X%d>a</X%d></Order>" % (number, number) for number in range(6)]
    assert [check(reader, shape) is not None for shape in shapes] == [True, True, False, False, False, False]
    assert check(reader, shapes[5]) is not None  # the third of them made the memory begin anew with it
    assert check(reader, shapes[2]) is None
    assert check(reader, shapes[2]) is not None


def test_a_canonical_block_alone() -> None:
    """An element without a parent has no namespace to differ from."""
    block = canonical_block(parse_element(b'<Order xmlns="u"><BuyerName>a</BuyerName></Order>'))
    assert block == b"<Order><BuyerName>a</BuyerName></Order>"


def test_canonical_blocks_at_random() -> None:
    """Whatever the parser reads: when the canonical block is read, it says the same."""
    dice = random.Random("canonical")
    reader = order_reader()
    taken = 0
    for _ in range(500):
        inner = Scribe(dice, 0.01).struct(ORDER, 0.3)
        try:
            element = _first(b'<p:r xmlns:p="u" xmlns="u"><Order>%b</Order></p:r>' % inner)
        except ReadError:
            continue
        block = canonical_block(element)
        if block is not None and only_tags(block):
            record = reader.read(block)
            assert record is None or record == read_element(element, ORDER), block
            taken += record is not None
    print(taken)
    assert taken >= 100


def test_every_member_of_the_table() -> None:
    """Members of every kind of document are read the short way, attributes aside."""
    for kind in DOCUMENTS.values():
        if kind.struct:
            dice = random.Random(kind.member)
            reader = BlockReader(kind.struct, kind.member, learn)
            tag = kind.member.encode()
            blocks_ = [b"<%b>%b</%b>" % (tag, Scribe(dice, 0).struct(kind.struct, 0.5), tag) for _ in range(20)]
            read = [check(reader, block, kind.struct) for block in blocks_]
            assert sum(record is not None for record in read) >= 8, json.dumps(kind.member)


def test_forms_are_remembered_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """How values of a skeleton must look is remembered by how many there are of each kind, and not for ever."""
    monkeypatch.setattr(blocks, "_forms", {})
    monkeypatch.setattr(blocks, "_MAX_SKELETONS", 2)
    for tags in (b"", b"<IsPrime>true</IsPrime>", b"<IsPrime>true</IsPrime><IsISPU>false</IsISPU>"):
        for _ in range(2):
            assert read_order(b"<BuyerName>a</BuyerName>" + tags) is not None
        assert 1 <= len(blocks._forms) <= 2
    assert read_order(b"<IsPrime>True</IsPrime>") is None
