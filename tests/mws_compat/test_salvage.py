"""Documents that are not well-formed: what must come out of each kind of damage, and what must be said of it."""

import csv
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mws_compat import balance
from mws_compat import salvage as module
from mws_compat.errors import ReadError
from mws_compat.reader import Document, parse_document, parse_element
from mws_compat.salvage import (
    MAX_SALVAGE_BYTES,
    Salvaged,
    as_utf8,
    end_of_document,
    names_document,
    salvage,
    split_documents,
)

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("MWS_CORPUS") or ROOT.parent / "shared" / "corpus")
REFERENCE = Path(os.environ.get("MWS_REFERENCE") or ROOT.parent / "shared" / "reference")


def order(number: int, name: str) -> str:
    return (
        f"      <Order>\n        <AmazonOrderId>10{number}-0000000-0000000</AmazonOrderId>\n"
        f"        <ShippingAddress>\n          <Name> {name}</Name>\n          <City>Oslo</City>\n"
        "        </ShippingAddress>\n        <PaymentMethodDetails>\n"
        "          <PaymentMethodDetail>COD</PaymentMethodDetail>\n        </PaymentMethodDetails>\n"
        "        <IsPrime>false</IsPrime>\n      </Order>\n"
    )


WHOLE = (
    '<?xml version="1.0"?>\n<ListOrdersResponse xmlns="https://mws.amazonservices.com/Orders/2013-09-01">\n'
    f"  <ListOrdersResult>\n    <Orders>\n{order(1, 'Åse Ek')}{order(2, 'Bo')}    </Orders>\n"
    "    <CreatedBefore>2020-01-01T00:00:00Z</CreatedBefore>\n  </ListOrdersResult>\n"
    "  <ResponseMetadata>\n    <RequestId>r-1</RequestId>\n  </ResponseMetadata>\n</ListOrdersResponse>\n"
)
MEANT = parse_document(WHOLE.encode())
HEAD = "<ListOrdersResponse><ListOrdersResult><Orders>"
END_TAGS = sorted({line.strip()[line.strip().rindex("</") :] for line in WHOLE.splitlines() if "</" in line})


def read(data: bytes) -> tuple[Document, list[str]]:
    saved = salvage(data)
    return parse_document(saved.document), [repair.text for repair in saved.repairs]


def one(inner: str) -> str:
    """A document of one order that holds ``inner``."""
    tail = "</Order></Orders></ListOrdersResult></ListOrdersResponse>"
    return f"{HEAD}\n<Order><AmazonOrderId>1</AmazonOrderId>{inner}{tail}"


# --- tags -----------------------------------------------------------------------------------------------------------


def test_a_whole_document_is_left_alone() -> None:
    """What is well-formed comes out as it was, with nothing to say of it."""
    assert read(WHOLE.encode()) == (MEANT, [])


@pytest.mark.parametrize("tag", END_TAGS)
def test_a_missing_end_tag(tag: str) -> None:
    """Any one end tag, wherever it is missing: the document is read as it was meant, and the repair says which."""
    parts = WHOLE.split(tag)
    for place in range(1, len(parts)):
        damaged = tag.join(parts[:place]) + tag.join(parts[place:])
        document, repairs = read(damaged.encode())
        assert document == MEANT
        last = tag == "</ListOrdersResponse>"
        assert repairs == [f"the text ends before {tag}" if last else f"a missing {tag} was put in"]


def test_every_truncation() -> None:
    """Wherever a document is cut off, every order that comes out is one of the original, whole, and it is told."""
    data = WHOLE.encode()
    counts = []
    for length in range(len(data.rstrip()) - 1):
        try:
            document, repairs = read(data[:length])
        except ReadError:
            counts.append(0)
            continue
        assert repairs
        orders = document.result["Orders"]
        assert orders == MEANT.result["Orders"][: len(orders)]
        assert set(document.result) <= set(MEANT.result)
        assert document.result.get("CreatedBefore", "2020-01-01T00:00:00Z") == "2020-01-01T00:00:00Z"
        assert document.request_id in {"", "r-1"}
        counts.append(len(orders))
    assert counts == sorted(counts)
    assert set(counts) == {0, 1, 2}


@pytest.mark.parametrize(
    ("inner", "record", "repairs"),
    [
        ("<BuyerName>A & B</BuyerName>", {"BuyerName": "A & B"}, ["a bare & became &amp;"]),
        ("<BuyerName>&</BuyerName>", {"BuyerName": "&"}, ["a bare & became &amp;"]),
        (
            "<BuyerName>&eacute;&nbsp;&amp;lt;</BuyerName>",
            {"BuyerName": "é\xa0&lt;"},
            ["the HTML entity &eacute; became its character", "the HTML entity &nbsp; became its character"],
        ),
        (
            "<BuyerName>&nonsense;</BuyerName>",
            {"BuyerName": "&nonsense;"},
            ["an unknown entity was kept as text"],
        ),
        (
            "<BuyerName>a\x01b</BuyerName>",
            {"BuyerName": "a\ufffdb"},
            ["a character that XML forbids became U+FFFD"],
        ),
        (
            "<BuyerName>&#1;&#xD800;&#x110000;&#xFFFF;</BuyerName>",
            {"BuyerName": "\ufffd" * 4},
            ["a reference to a character that XML forbids became U+FFFD (lines 2, 2, 2, 2)"],
        ),
        ("<BuyerName>&#0000000065;&#x1F600;&#131;</BuyerName>", {"BuyerName": "A😀\x83"}, []),
        ("<BuyerName><![CDATA[A & <b> &amp;]]></BuyerName>", {"BuyerName": "A & <b> &amp;"}, []),
        ("<BuyerName>a<!-- <x> -->b<?pi <y> ?></BuyerName>", {"BuyerName": "ab"}, []),
        ("<BuyerName>1 < 2</BuyerName>", {"BuyerName": "1 < 2"}, ["a bare < became &lt;"]),
        (
            '<BuyerName a="1" a="2">x</BuyerName>',
            {"BuyerName": "x", "#unknown": {"BuyerName": {"@a": "1"}}},
            ["not well-formed: attribute redefined"],
        ),
        (
            "<BuyerName><b>x</BuyerName></b>",
            {"BuyerName": "", "#unknown": {"BuyerName": {"b": "x"}}},
            ["a missing tag was put in", "tag, which ends nothing, was left out"],
        ),
        (
            "<ShippingAddress><City>Oslo</ShippingAddress></City>",
            {"ShippingAddress": {"City": "Oslo"}},
            ["a missing </City> was put in", "</City>, which ends nothing, was left out"],
        ),
        (
            '<p:BuyerName p:a="1" a="2">x</p:BuyerName>',
            {"BuyerName": "x", "#unknown": {"BuyerName": {"@a": "1"}}},
            ["not well-formed: ns undefined namespace (BuyerName)"] * 2,
        ),
        ("<New><City>x</City></New>", {"#unknown": {"New": {"City": "x"}}}, []),
        ("<BuyerName/><IsPrime />", {"BuyerName": "", "IsPrime": ""}, []),
    ],
)
def test_damage_inside_an_order(inner: str, record: dict, repairs: list[str]) -> None:
    """Each damage is repaired where its meaning is beyond doubt, and listed."""
    document, told = read(one(inner).encode())
    assert document.result == {"Orders": [{"AmazonOrderId": "1", **record}]}
    assert told == repairs


def test_places_of_repairs() -> None:
    """A repair names its line, and of many alike the first five."""
    saved = salvage(one("<BuyerName>" + "\n&" * 7 + "</BuyerName>").encode())
    assert [(repair.line, repair.text) for repair in saved.repairs] == [
        (3, "a bare & became &amp; (lines 3, 4, 5, 6, 7 and 2 more)")
    ]
    saved = salvage(b"\n\n" + WHOLE.replace("</Orders>", "").encode())
    assert [repair.line for repair in saved.repairs] == [3 + WHOLE[: WHOLE.index("<CreatedBefore")].count("\n")]


def test_the_number_of_repairs_is_bounded() -> None:
    """No more than 200 repairs are listed."""
    inner = "<b>x</c></b>" * 300
    assert len(salvage(one(inner).encode()).repairs) == 200


def test_text_around_the_document() -> None:
    """What stands before and after is left out, and how much it was is said; comments are not worth a word."""
    document, repairs = read(f"log: \n{WHOLE}and more".encode())
    assert document == MEANT
    assert repairs == [
        "4 characters before the document are left out",
        "8 characters after the document are left out",
    ]
    assert read(b"<!-- x --> \n<?y z?>" + WHOLE.partition("\n")[2].encode()) == (MEANT, [])
    assert read(b"</ListOrdersResponse>" + WHOLE.encode())[0] == MEANT


def test_white_space_in_the_namespace() -> None:
    """A namespace that a line break or blank got into is put together again."""
    document, repairs = read(WHOLE.replace(".com/Orders", ".com/ \nOrders").encode())
    assert document == MEANT
    assert repairs == ["white space in a namespace was left out"]


def test_a_section_without_its_end() -> None:
    """CDATA without an end takes its order with it, and nothing before it."""
    document, repairs = read(WHOLE.replace(" Bo<", " <![CDATA[Bo<").encode())
    assert document.result["Orders"] == MEANT.result["Orders"][:1]
    assert "characters of a section without its end are left out" in repairs[0]
    assert repairs[1:] == ["the last <Order> is cut short; it is left out", "the text ends before </Orders>"]


def test_a_comment_without_its_end() -> None:
    """So does a comment."""
    document, _ = read(WHOLE.replace("<Name> Bo", "<!-- Bo").encode())
    assert document.result["Orders"] == MEANT.result["Orders"][:1]


# --- encodings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "encoding", "repairs"),
    [
        ("", "utf-8", []),
        ("utf-8", "utf-8-sig", []),
        ("iso-8859-1", "latin-1", []),
        ("UTF-16", "utf-16", []),
        ("windows-1252", "cp1252", []),
        ("", "latin-1", ["the document is not in utf-8, as declared or implied; read as cp1252"]),
        ("us-ascii", "utf-8", ["the document is not in us-ascii, as declared or implied; read as utf-8"]),
        *(
            (name, "utf-8", [f"the document is not in {name}, as declared or implied; read as utf-8"])
            for name in (
                "nonsense",
                "undefined",
                "idna",
                "punycode",
                "utf-7",
                "cp037",
                "utf-16",
                "unicode_escape",
                "hex",
            )
        ),
    ],
)
def test_encodings(declared: str, encoding: str, repairs: list[str]) -> None:
    """A document is read in the encoding that it is in, whatever it declares."""
    text = WHOLE.replace('"1.0"', f'"1.0" encoding="{declared}"') if declared else WHOLE
    assert read(text.encode(encoding)) == (MEANT, repairs)


def test_bytes_of_no_encoding() -> None:
    """Bytes that are in no encoding become U+FFFD; the rest is read."""
    document, repairs = read(WHOLE.encode().replace(b"Bo", b"B\x81\xc3"))
    assert document.result["Orders"][1]["ShippingAddress"]["Name"] == " B\ufffd\ufffd"
    assert repairs == ["the document is not in utf-8; what cannot be read became U+FFFD"]
    document, repairs = read(WHOLE.encode("utf-16") + b"x")
    assert document == MEANT
    assert "the document is not in utf-16; what cannot be read became U+FFFD" in repairs


# --- refusals -------------------------------------------------------------------------------------------------------

DOCTYPE = '<!DOCTYPE x [<!ENTITY e "boo">]>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("before", [True, False])
def test_a_doctype_is_refused(encoding: str, before: bool) -> None:
    """A DOCTYPE is refused in any encoding and at any place."""
    text = f"{DOCTYPE}{WHOLE}" if before else WHOLE.replace("<Order>", f"{DOCTYPE}<Order>", 1)
    with pytest.raises(ReadError, match="a DOCTYPE is refused"):
        salvage(text.encode(encoding))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "no document of MWS begins here"),
        (b"<html><p>Sorry</p></html>", "no document of MWS begins here"),
        (b"<ListOrdersResponse>", "no whole Order was found"),
        (one("").replace("<AmazonOrderId>1</AmazonOrderId>", "").encode(), "Order without AmazonOrderId"),
        (b"<ErrorResponse></ErrorResponse>", "nothing of <ErrorResponse> could be recovered"),
        (HEAD.encode() + b"<b>" * 300, "too many tags"),
        (one('<X xmlns="a b"/>').encode(), "nothing could be recovered"),
        (b'<ListOrdersResponse a="' + b"x" * 10_000_010 + b'">', "nothing could be recovered"),
    ],
)
def test_what_cannot_be_trusted(data: bytes, problem: str) -> None:
    """Nothing is guessed: what has no whole member, or members without their key, is refused in a word."""
    with pytest.raises(ReadError, match=problem):
        salvage(data)


def test_documents_without_members() -> None:
    """An error answer, and an envelope, whose messages have no key, are salvaged too."""
    document, _ = read(b"<ErrorResponse><Error><Code>X</Code></ErrorResponse>")
    assert document.result == {"Code": "X"}
    assert read(b"<ErrorResponse><Error><Code>X</Code></Error><!-- x")[0].result == {"Code": "X"}
    saved = salvage(b"<AmazonEnvelope><Message><MessageID>1</MessageID><Message><MessageID>2</MessageID></Message>")
    root = parse_element(saved.document)
    assert [child.tag for child in root] == ["Message", "Message"]


def test_a_translated_sample_is_refused() -> None:
    """Markup that a translation program got at is not salvaged."""
    text = '<ListOrderItemsResponse xmlns = "urn:x&quot;> < ListOrderItemsResult> <OrderItems> <OrderItem>'
    text += "<QuantityOrdered> 1 </ QuantityOrdered> <Title> Hose </ Title> </ OrderItem> </ OrderItems>"
    with pytest.raises(ReadError):
        salvage(text.encode())


def test_no_value_is_named() -> None:
    """Neither repairs nor refusals hold anything of the text but the names of the tables."""
    inner = '<BuyerName>a <Secret me</BuyerName><BuyerName Secret Secret="1" Secret="2">&Secret;</Secret></BuyerName>'
    for data in (one(inner), one(inner)[:-90], f"Secret {one('<Secret:x>Secret')}", "<Secret>"):
        try:
            said = str(salvage(data.encode()).repairs)
        except ReadError as error:
            said = str(error)
        assert said
        assert "Secret" not in said


# --- anything -------------------------------------------------------------------------------------------------------

PIECES = """<Order> </Order> <AmazonOrderId> </AmazonOrderId> < > & &amp; &#1; &#65; 7 Ab <!-- --> <![CDATA[ ]]> <? ?>
" ' <a b= /> <x> </x> &eacute; é <Orders> </Orders> </ListOrdersResponse> <ShippingAddress> <City> </City> xmlns=
￾  <p:Order> </p:City> a="1" p:a="2" : = xmlns:p="" xmlns="urn:b" <p:City"""
pieces = st.sampled_from([*PIECES.split(), " ", "\n"])
documents = st.lists(pieces, max_size=25).map(lambda parts: one("".join(parts)).encode())


@given(documents | st.lists(pieces, max_size=12).map(lambda parts: "".join(parts).encode()) | st.binary(max_size=60))
def test_any_bytes(data: bytes) -> None:
    """Any bytes give a well-formed document or a ReadError; no letter is lost without a word."""
    try:
        saved = salvage(data)
    except ReadError:
        return
    assert isinstance(saved, Salvaged)
    root = parse_element(saved.document)
    if not saved.repairs:
        plain = parse_element(data)
        assert "".join("".join(root.itertext()).split()) == "".join("".join(plain.itertext()).split())


@given(st.sampled_from(range(20, len(WHOLE) - 60)), st.integers(1, 40), pieces)
def test_no_letter_is_lost_in_silence(start: int, length: int, put: str) -> None:
    """What is cut out of a document, and put in its place, is all that changes in its letters, or it is told."""
    damaged = WHOLE[:start] + put + WHOLE[start + length :]
    try:
        document, repairs = read(damaged.encode())
    except ReadError:
        return
    if document != MEANT:
        try:
            assert parse_document(damaged.encode()) == document  # another document, but a sound one
        except ReadError:
            assert repairs


@pytest.mark.parametrize(
    "unit",
    ["<", "&", "<Order>", "</x>", "<a ", "<!--", "<?xml ", "<![CDATA[", '<a b="', "<b>", "&x;", "\x01", "]]>", " "],
)
@pytest.mark.long
def test_garbage_costs_linear_time(unit: str) -> None:
    """Much of anything is judged in a moment of processor time."""
    data = f"{HEAD}<a {unit * (2**17 // len(unit))}".encode()
    before = time.process_time()
    with pytest.raises(ReadError):
        salvage(data)
    assert time.process_time() - before < 5


def test_too_much_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past a bound of repairs, and of bytes, it is no damaged document."""
    assert MAX_SALVAGE_BYTES == 64 * 2**20
    monkeypatch.setattr(module, "_MAX_DAMAGE", 5)
    monkeypatch.setattr(balance, "_MAX_EDITS", 5)
    assert salvage(one("&" * 5).encode()).repairs
    with pytest.raises(ReadError, match="more than 5 characters would have to be repaired"):
        salvage(one("&" * 6).encode())
    assert salvage(one("< " * 5).encode()).repairs
    with pytest.raises(ReadError, match="too many tags"):
        salvage(one("< " * 6).encode())
    monkeypatch.setattr(module, "MAX_SALVAGE_BYTES", 2**20)
    with pytest.raises(ReadError, match="recovery reads documents of up to 1 MiB"):
        salvage(b" " * (2**20 + 1))


# --- documents in other text ----------------------------------------------------------------------------------------


def test_split_documents() -> None:
    """Every document of a text is a stretch, with what follows it; what stands before the first is one of its own."""
    other = b"<a:ErrorResponse/>"
    data = b"blog\n" + WHOLE.encode() + b"text" + other
    parts = list(split_documents(data))
    assert [part for _, part in parts] == [b"blog\n", WHOLE.encode() + b"text", other]
    assert all(data[start : start + len(part)] == part for start, part in parts)
    assert [names_document(part) for _, part in parts] == [False, True, True]
    assert list(split_documents(b" \n<ErrorResponse>")) == [(2, b"<ErrorResponse>")]
    assert list(split_documents(b"")) == [(0, b"")]


# --- what was collected ---------------------------------------------------------------------------------------------


@pytest.mark.skipif(not (CORPUS / "INDEX.tsv").is_file(), reason="no corpus: set MWS_CORPUS to its folder")
def test_collected_documents() -> None:
    """Collected documents that the reader refuses are salvaged with their orders and items, but one that is not more
    than a line of prose; sound ones come out without a repair."""
    with (CORPUS / "INDEX.tsv").open(newline="") as index:
        rows = [row for row in csv.DictReader(index, delimiter="\t") if row["kind"].endswith("Response")]
    refused, saved, sound = [], 0, 0
    for row in rows:
        data = (CORPUS / row["path"]).read_bytes()
        try:
            parse_element(data)
        except ReadError:
            try:
                document, repairs = read(data)
            except ReadError:
                refused.append(row["repository"])
                continue
            assert repairs
            assert len(document.result.get("Orders", ())) == int(row["orders"] or 0), row["path"]
            assert len(document.result.get("OrderItems", ())) == int(row["items"] or 0), row["path"]
            saved += 1
        else:
            if int(row["orders"] or 0) + int(row["items"] or 0):
                assert salvage(data).repairs == (), row["path"]
                sound += 1
    assert refused == ["garrettmk/amazonmws"]
    assert saved == 10
    assert sound > 70


def test_the_blog_sample() -> None:
    """Of the blog that the project started from, both orders are recovered, and the translated items refused."""
    paths = sorted((REFERENCE / "documents").glob("000_*.txt"))
    if not paths:
        pytest.skip("no documents: point MWS_REFERENCE at the reference documents")
    _, (_, orders), (_, items) = split_documents(paths[0].read_bytes())
    document, repairs = read(orders)
    assert [len(order) for order in document.result["Orders"]] == [27, 27]
    assert list(document.result) == ["Orders", "LastUpdatedBefore"]
    assert document.unknown == ()
    assert "a missing </Orders> was put in" in repairs
    with pytest.raises(ReadError):
        salvage(items)


# --- what is around documents ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["utf-16", "utf-16-le", "utf-16-be"])
def test_wide_documents_become_narrow(code: str) -> None:
    """UTF-16, with its mark or without, becomes UTF-8 that declares no encoding, line for line."""
    text = "<?xml version='1.0'\nencoding = 'UTF-16' standalone='yes'?>\n<a>é</a>\n<?xml version=\"1.0\"?><b/>"
    plain = "<?xml version='1.0' standalone='yes'?>\n<a>é</a>\n<?xml version=\"1.0\"?><b/>"
    assert as_utf8(text.encode(code)) == Salvaged(plain.encode(), ())
    assert as_utf8(b"<a>\xe9</a>") == Salvaged(b"<a>\xe9</a>", ())


def test_where_a_document_ends() -> None:
    """By the first end tag of a root; 0 when there is none."""
    data = b"<x:ListOrdersResponse><Order></Order></x:ListOrdersResponse\n>EOF</ListOrdersResponse>"
    assert data[end_of_document(data) :].startswith(b"EOF")
    assert end_of_document(b"<ListOrdersResponse/>EOF</Order>") == 0


def test_a_comment_behind_the_declaration_is_a_part_of_the_document() -> None:
    """It does not part the two; one that is not closed has no end."""
    data = b"<?xml version='1.0'?>\n<!-- a - b -->\n<ListOrdersResponse/><ListOrdersResponse/>"
    assert [start for start, _ in split_documents(data)] == [0, data.rindex(b"<List")]
    assert len(list(split_documents(b"<?xml version='1.0'?><!-- <ListOrdersResponse/>"))) == 2
