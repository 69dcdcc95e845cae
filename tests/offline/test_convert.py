"""Any input: converted, or a clear word about it that holds nothing of it; and what recovery saves."""

import io
import json
import re
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.offline import from_json
from bridge.offline.compression import ByteStream
from bridge.offline.convert import Converter, Options, gather_head, looks_like_json, suffix_of
from bridge.offline.report import MAX_NOTES, ConvertError, Report
from mws_compat import salvage
from tests.offline.converting import FEEDS, Memory, convert, converted, failures, folder, jsons, order, orders
from tests.offline.test_to_json import GOLDEN

DOCUMENT = orders(order("1"))


# --- which way ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "is_json"),
    [(b"{", True), (b" \r\n[", True), (b"\xef\xbb\xbf\n{", True), (b"<a/>", False), (b"", False), (b"x{", False)],
)
def test_which_way(head, is_json):
    """The first byte that is not blank decides."""
    assert looks_like_json(head) is is_json
    assert suffix_of(head, Options()) == (".xml" if is_json else ".json")
    assert suffix_of(head, Options(lines=True)) == (".xml" if is_json else ".ndjson")


def test_head(monkeypatch):
    """Blanks are read over, but not for ever."""
    pieces = iter([b"\xef", b"\xbb\xbf", b"\n", b'{"a', b'":1}'])
    assert gather_head(lambda: next(pieces, b"")) == b'\xef\xbb\xbf\n{"a":1}'
    assert gather_head(lambda: b"") == b""
    monkeypatch.setattr("bridge.offline.convert._MAX_BLANK", 3)
    assert gather_head(lambda: b"  ") == b"    "


# --- what is none ---------------------------------------------------------------------------------------------------

NONE = {
    "empty": (b"", "holds no document"),
    "blank": (b"\n \n", "holds no document"),
    "no-values": (b"[]", "holds no document"),
    "text": (b"hello", "line 1, column 1: text stands where a document should begin"),
    "nul": (b"\0" * 9, "line 1, column 1: text stands where a document should begin"),
    "html": (b"<html><body/></html>", "is a page of HTML, as servers send for errors"),
    "html-doctype": (b'<?xml version="1.0"?>\n<!-- x --><!DOCTYPE html PUBLIC "x"><html/>', "is a page of HTML"),
    "nul-inside": (DOCUMENT.replace("<Amazon", "\0<Amazon", 1).encode(), "line 6, column"),
    "not-utf-8": (DOCUMENT.encode().replace(b">1<", b">\xff<"), "line 6, column"),
    "doctype": (b"<!DOCTYPE a>" + DOCUMENT[22:].encode(), "a DOCTYPE is refused; remove it"),
    "truncated": (DOCUMENT[:-30].encode(), "line 9, column"),
    "utf-16-json": ('{"a":1}'.encode("utf-16"), "JSON must be in UTF-8; this is in UTF-16 or UTF-32"),
    "utf-16-json-without-bom": ('[{"a":1}]'.encode("utf-16-be"), "JSON must be in UTF-8"),
    "utf-32-json": ('{"a":1}'.encode("utf-32"), "JSON must be in UTF-8"),
    "utf-16-text": ("hello".encode("utf-16"), "line 1, column"),
    "nul-in-json": (b'{"AmazonOrderId":"\0"}', "not JSON: "),
    "not-utf-8-json": (b'{"AmazonOrderId":"\xff"}', "not JSON: "),
}


@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("name", NONE)
def test_none(name, lines):
    """What is no document, or broken, is one failure that says so."""
    data, problem = NONE[name]
    (told,) = failures(data, lines=lines)
    assert told.startswith(f"f: {problem}") or problem in told


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "iso-8859-1"])
def test_other_encodings_of_xml(encoding):
    """XML may be in any encoding that it declares."""
    text = DOCUMENT.replace(
        'version="1.0"', f'version="1.0" encoding="{encoding.replace("-le", "").replace("-be", "")}"'
    )
    if encoding in {"utf-16-le", "utf-16-be"}:
        text = "\ufeff" + text
    assert jsons(text.encode(encoding)) == jsons(DOCUMENT)


def test_the_rest_of_a_file_goes_on():
    """A document that is broken takes nothing of the others with it, and leaves nothing behind."""
    broken = DOCUMENT.replace("</Order>", "", 1)
    out, report = convert(DOCUMENT + broken + DOCUMENT)
    assert out == converted(DOCUMENT) * 2
    (failure,) = report.failures
    assert failure.place.startswith("line 17, ")
    assert failure.excerpt


# --- report ---------------------------------------------------------------------------------------------------------


def test_notes_are_bounded():
    """Past a number, notes are counted and not kept."""
    report = Report()
    for number in range(MAX_NOTES + 2):
        report.warn("f", str(number))
        report.repaired("f", str(number))
    assert (len(report.warnings), len(report.repairs)) == (MAX_NOTES, MAX_NOTES)
    assert (report.warnings_dropped, report.repairs_dropped) == (2, 2)


def test_an_error_has_its_parts():
    """Source, place and problem make its text."""
    error = ConvertError("f", "bad", place="line 1", excerpt="x")
    assert (str(error), error.source, error.place, error.problem, error.excerpt) == (
        "f: line 1: bad",
        "f",
        "line 1",
        "bad",
        "x",
    )


# --- recovery -------------------------------------------------------------------------------------------------------


def test_a_whole_document_needs_no_repair():
    """Recovery changes nothing of what is well."""
    assert convert(DOCUMENT * 2, recover=True)[0] == converted(DOCUMENT * 2)
    assert convert(DOCUMENT, recover=True)[1].repairs == []


def test_damaged_by_life():
    """Of a document with the faults of real life everything is saved that can be trusted; each repair is listed with
    its line."""
    data = (FEEDS / "damaged.xml").read_bytes()
    (told,) = failures(data)
    assert told.startswith("f: line 8, column ")
    out, report = convert(data, recover=True)
    assert report.failures == []
    found = json.loads(out)["payload"]
    assert [(one["AmazonOrderId"], one["OrderStatus"]) for one in found["Orders"]] == [
        ("902-0000001-0000001", "Shipped"),
        ("902-0000002-0000002", "Unshipped"),
    ]
    assert found["Orders"][0]["BuyerInfo"]["BuyerName"] == "Smith & Sons"
    assert found["CreatedBefore"] == "2016-01-20T18:49:10Z"
    assert any(note.text.startswith("line 8: ") for note in report.repairs)
    assert any("eacute" in note.text for note in report.repairs)


def test_recovery_counts_lines_in_the_file():
    """Repairs of a later document name the line in the file; text between documents is named too."""
    data = f"noise\n{DOCUMENT}\n" + orders(order("2", "<BuyerName>A & B</BuyerName>"))
    out, report = convert(data, recover=True)
    assert [len(json.loads(line)["payload"]["Orders"]) for line in out.splitlines()] == [1, 1]
    told = [note.text for note in report.repairs]
    assert told[0] == "line 1: 5 bytes that are no document were skipped"
    assert any(text.startswith(f"line {data[: data.index('A & B')].count(chr(10)) + 1}: ") for text in told[1:])


def test_what_cannot_be_saved():
    """A document of which nothing can be trusted stays a failure, with the reader's place and both reasons."""
    (told,) = failures("<ListOrdersResponse><ListOrdersResult><Orders></ListOrdersResult>", recover=True)
    assert re.match(r"f: line 1, column \d+: .+; .*nothing was recovered", told)


def test_recovery_is_bounded(monkeypatch):
    """Recovery reads a file at once, up to a size."""
    monkeypatch.setattr(salvage, "MAX_SALVAGE_BYTES", 100)
    (told,) = failures(DOCUMENT, recover=True)
    assert "larger" in told


@pytest.mark.parametrize("lines", [False, True])
def test_a_cut_off_archive(lines):
    """Of gzip data that ends early, recovery saves the documents that are whole; without it that is the stream's
    error."""
    import gzip

    from bridge.offline.faults import SourceError

    packed = gzip.compress(DOCUMENT.encode() * 2 + b"<!--" + bytes(range(256)) * 99 + b"-->")[:-200]

    def run(recover):
        report, sink = Report(), Memory()
        with Converter(Options(recover=recover, lines=lines), report) as converter:
            stream = ByteStream(io.BytesIO(packed), "f")
            converter.convert("f", gather_head(lambda: stream.read(50)), stream, sink)
        return bytes(sink.data), report

    with pytest.raises(SourceError, match="cut off"):
        run(recover=False)
    out, report = run(recover=True)
    assert out.startswith(converted(DOCUMENT * 2, lines=lines))
    assert report.repairs[0].text.startswith("what follows could not be read: the gzip data is cut off")


def test_the_sample_of_the_blog():
    """Of the guide with the damaged sample both orders are saved; of its machine-translated twin it is said that
    nothing can be."""
    path = folder("MWS_REFERENCE", "reference") / "documents" / "000_7219e70de5dba609.txt"
    if not path.exists():
        pytest.skip("the sample is not here")
    data = path.read_bytes()
    out, report = convert(data, recover=True)
    keys = [one["AmazonOrderId"] for line in out.splitlines() for one in json.loads(line)["payload"]["Orders"]]
    assert len(keys) == 2
    assert all(re.fullmatch(r"[\d-]{19}", key) for key in keys)
    assert report.repairs
    assert report.failures


# --- nothing of a value ---------------------------------------------------------------------------------------------

MARK = "zqj"


def marked():
    """An answer with everything, every value of which is a marker."""
    names = iter(f"{MARK}{first}{second}" for first in "abcdefghijklmnop" for second in "abcdefghijklmnop")
    inner = ["AmazonOrderId", "OrderStatus", "PurchaseDate", "BuyerName", "IsPrime", "NumberOfItemsShipped", "Novel"]
    member = "".join(f"\n<{name}>{next(names)}</{name}>" for name in inner)
    nested = f"\n<ShippingAddress a='1'><Name>{next(names)}</Name></ShippingAddress>{next(names)}"
    return orders(member + nested, member.replace(MARK, f"{MARK}{MARK}"), token=next(names)).replace(
        "r-1", next(names)
    )


def assert_nothing_is_told(report, name=""):
    words = [name]
    for failure in report.failures:
        words += [str(failure), repr(failure), failure.excerpt, *traceback.format_exception(failure)]
    words += [repr(note) for note in (*report.warnings, *report.repairs)]
    words.append(repr(report.members))
    assert MARK not in "\n".join(words).lower()


DAMAGES = [
    ("</Order>", ""),
    ("</OrderStatus>", "</OrderState>"),
    ("<BuyerName>", "<BuyerName>& "),
    ("<BuyerName>", "<BuyerName"),
    ("<Novel>", "<Novel a=>"),
    ("<Novel>", "<Novel a='1' a='2'>"),
    ("<Novel>", "&nbsp;<Novel>"),
    ("<Novel>", "<Novel a='zqj' zqj='1'>&"),
    ("<Novel>", "<zqj>"),
    ("<Novel>", "<Novel zqj>"),
    ("<Novel>", "&zqj;<zqj:Novel>"),
    ("<PurchaseDate>", "\0<PurchaseDate>"),
    ("</PurchaseDate>", "\x01</PurchaseDate>"),
    ("</ListOrdersResult>", ""),
    ("<Orders>", "<Orders><![CDATA["),
    ("<Orders>", "<Orders><!--"),
    ("xmlns=", "xmlns=x"),
    ("</ListOrdersResponse>", ""),
    ("<?xml", "zqjbefore <?xml"),
]


@pytest.mark.parametrize(
    "options", [{}, {"lines": True}, {"strict": True}, {"recover": True}, {"form": "generic"}], ids=str
)
@pytest.mark.parametrize("damage", [*range(len(DAMAGES)), "cut", "none"])
def test_messages_hold_no_letter_of_a_value(damage, options):
    """Whatever is wrong, no message, excerpt, repair, repr or traceback has a letter of a value."""
    text = marked()
    texts = [text[:cut] for cut in range(0, len(text), 37)] if damage == "cut" else [text]
    if isinstance(damage, int):
        texts = [text.replace(*DAMAGES[damage], 1), text.replace(*DAMAGES[damage])]
    for one in texts:
        _, report = convert(one, **options)
        assert_nothing_is_told(report)


@pytest.mark.parametrize("large", [False, True], ids=["small", "large"])
def test_messages_about_json_hold_no_letter_of_a_value(large, monkeypatch):
    """The same for JSON, cut anywhere or with one byte replaced."""
    text = json.dumps(json.loads(converted(marked())), indent=1).encode()
    if large:
        monkeypatch.setattr(from_json, "MAX_WHOLE_JSON", 20)
    for place in range(20, len(text), 11):
        for damaged in (text[:place], text[:place] + b"#" + text[place + 1 :], text[:place] + b"\xff" + text[place:]):
            _, report = convert(damaged, strict=place % 2 == 0)
            assert_nothing_is_told(report)


# --- anything -------------------------------------------------------------------------------------------------------

BASES = [xml.encode() for xml, _, _ in GOLDEN.values()]
BASES += [converted(base) for base in BASES] + [converted(base, form="generic") for base in BASES[:5]]
BASES += [converted(GOLDEN["orders"][0] * 2, lines=True), json.dumps(json.loads(BASES[13]), indent=1).encode()]
PIECES = [
    b"<", b">", b"</Order>", b"<Order>", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<?x ", b"?>", b"&", b"&#0;",
    b"\0", b"\xff", b"\xef\xbb\xbf", b"\n", b"{", b"}", b"[", b"]", b'"', b":", b",", b"null", b"1e400", b"1.50",
    b'"#unknown"', b'"#mws"', b'"@a"', b'"#text"', b'"payload"', b'"Orders"', b"\\ud800", b"\\u0000", b"{}", b"[]",
    b'<Unmapped xmlns="urn:mws-bridge">', b"</Unmapped>", b' a="1"', b" xmlns='u'", b"<m:x xmlns:m='v'/>", b"9" * 25,
]  # fmt: skip


@st.composite
def mutated(draw):
    data = draw(st.sampled_from(BASES))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.sampled_from([0, 0, 1, 5, 40, 400])))
        data = data[:start] + draw(st.sampled_from([b"", data[start:end] * 2, *PIECES])) + data[end:]
    return data


OPTIONS = st.fixed_dictionaries(
    {
        "form": st.sampled_from(["sp-api", "generic"]),
        "lines": st.booleans(),
        "strict": st.sampled_from([False, False, True]),
        "drop": st.booleans(),
        "recover": st.booleans(),
        "page": st.sampled_from([0, 1]),
    }
)


@given(
    data=mutated() | st.binary(max_size=60),
    options=OPTIONS,
    pieces=st.sampled_from([1, 13, 2**16]),
    large=st.booleans(),
)
def test_anything(data, options, pieces, large):
    """Any bytes are converted, or there is a failure; and what is written can be read."""
    with pytest.MonkeyPatch.context() as patch:
        if large:
            patch.setattr(from_json, "MAX_WHOLE_JSON", 20)
        out, report = convert(data, head=pieces, **options)
    assert out or report.failures or report.documents
    if looks_like_json(data) and out:
        _, again = convert(out)
        assert again.failures == []
    else:
        for line in out.splitlines():
            json.loads(line)


# --- recovery of what is whole --------------------------------------------------------------------------------------


def plain(*numbers):
    """A document on one line."""
    inner = "".join(f"<Order>{order(number)}</Order>" for number in numbers)
    return f"<ListOrdersResponse><ListOrdersResult><Orders>{inner}</Orders></ListOrdersResult></ListOrdersResponse>"


@pytest.mark.parametrize("rest", ["\nEOF", "\0" * 3, "x\n\n", "<html><p>Bye</html>"], ids=ascii)
def test_what_stands_behind_a_document(rest):
    """A document that has ended is read once; what stands behind it is told and left out."""
    out, report = convert(plain("1") + rest + plain("2"), lines=True, recover=True)
    assert out == b'{"AmazonOrderId":"1"}\n{"AmazonOrderId":"2"}\n'
    assert (report.documents, report.members["Order"], report.failures) == (2, 2, [])
    count = len(rest.strip())
    line = 1 + (rest[0] == "\n")
    assert [note.text for note in report.repairs] == [
        f"line {line}: {count} characters after the document are left out"
    ]


def test_a_broken_order_behind_a_document():
    """It is not left out as if it were nothing."""
    out, report = convert(plain("1") + "<Order><AmazonOrderId>2", lines=True, recover=True)
    assert out == b'{"AmazonOrderId":"1"}\n'
    assert len(report.failures) == 1


WHOLE = {
    "utf-16": f'<?xml version="1.0" encoding="utf-16"?>\n{plain("1")}'.encode("utf-16"),
    "fragments": f"<Order>{order(1)}</Order>",
    "comments": f'<?xml version="1.0"?><!-- a - b -- -->{plain("1")}'.replace(" -- ", " "),
    "root-in-a-comment": plain("1").replace("<Order>", "<!-- <ListOrdersResponse> --><Order>"),
    "plain": plain("1"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_recovery_changes_nothing_that_is_whole(name):
    """What can be read is read as it always is, and nothing is told."""
    out, report = convert(WHOLE[name], lines=True, recover=True)
    assert (out, report.failures, report.repairs) == (b'{"AmazonOrderId":"1"}\n', [], [])


@pytest.mark.parametrize("code", ["utf-16", "utf-16-be", "utf-16-le"])
def test_recovery_of_wide_documents(code):
    """UTF-16 is recovered as UTF-8 is."""
    wide = f'<?xml version="1.0" encoding="utf-16"?>\n{plain("1 & 2", "3")}'.encode(code)
    out, report = convert(wide, lines=True, recover=True)
    assert out == b'{"AmazonOrderId":"1 & 2"}\n{"AmazonOrderId":"3"}\n'
    assert [note.text for note in report.repairs] == ["line 2: a bare & became &amp;"]


def test_recovery_of_a_wide_document_that_is_cut():
    """What cannot be decoded is told with its line."""
    _, report = convert(f"\n{plain('1')}".encode("utf-16")[:-1], lines=True, recover=True)
    assert report.repairs[0].text.startswith("line 2: the document is not in utf-16")


def test_bytes_in_another_encoding():
    """The remedy is told."""
    (told,) = failures(plain("é").encode("latin-1"))
    assert "declare their encoding" in told
    assert "--recover" in told


# --- values, exactly ------------------------------------------------------------------------------------------------

NUMBERS = (
    '"Big":12345678901234567890123,"Fine":0.12345678901234567890123,"Round":1.50,"Power":1e2,"None":-0,"Half":0.5'
)


@pytest.mark.parametrize("form", ["sp-api", "sp-api-2026"])
def test_numbers_are_kept_as_they_are_written(form):
    """By way of either version and of XML."""
    source = f'{{"AmazonOrderId":"1","OrderTotal":{{"CurrencyCode":"USD","Amount":"1.10"}},{NUMBERS}}}'
    assert NUMBERS.encode() in converted(source)
    out = converted(converted(source, form=form, lines=True), form="sp-api", lines=True)
    assert out == source.encode() + b"\n"
    assert b"<Amount>1e2</Amount>" in converted(source.replace('"1.10"', "1e2"))


@pytest.mark.parametrize("form", ["", "sp-api", "sp-api-2026"])
def test_characters_that_xml_forbids_are_told(form):
    """What an element cannot hold is named with its place, also between JSON and JSON; what stands elsewhere or is
    allowed is not."""
    bad = '{"AmazonOrderId":"1","BuyerInfo":{"BuyerName":"A\\u0007B"},"PaymentMethodDetails":["\\\\b","\\ufffe"]}\n'
    out, report = convert('{"AmazonOrderId":"\\u000a"}\n' + bad, form=form, lines=True)
    assert "A\ufffdB".encode() in out
    assert [note.text.partition(": a char")[0] for note in report.warnings if "XML" in note.text] == [
        "line 2: BuyerInfo.BuyerName",
        "line 2: PaymentMethodDetails[1]",
    ]


# --- records that no XML can carry ----------------------------------------------------------------------------------

UNFIT = {
    "text": (f'"Notes":{json.dumps(["x" * 600_000] * 2)}', "a value of more than 1 MiB"),
    "size": (f'"PaymentMethodDetails":{json.dumps(["y" * 900_000] * 5)}', "more than 4 MiB of XML"),
    "elements": (f'"#unknown":{json.dumps({f"A{n}": "1" for n in range(70_000)})}', "more elements than any reader"),
    "patch": ('"#v2026":[1]', "#json.#v2026: object expected"),
}


@pytest.mark.parametrize("form", ["", "sp-api", "sp-api-2026", "generic"])
@pytest.mark.parametrize("name", UNFIT)
def test_a_record_that_cannot_be_carried(name, form):
    """It is refused by the line of the input, whichever way it goes; the others are converted."""
    member, problem = UNFIT[name]
    data = f'{{"AmazonOrderId":"1"}}\n{{"AmazonOrderId":"2",{member}}}\n{{"AmazonOrderId":"3"}}\n'
    out, report = convert(data, form=form, lines=True)
    assert report.members == {"Order": 2}
    assert len(report.failures) == 1
    assert str(report.failures[0]).startswith(f"f: line 2: {problem}")
    assert out.count(b'"AmazonOrderId":' if form in ("sp-api", "generic") else b"rderId") in {2, 4}


def test_a_record_of_a_form_that_cannot_be_carried():
    """Also when others of its form were converted before it, and with its place in a document."""
    members = [{"AmazonOrderId": "1", "BuyerInfo": {"BuyerName": "x" * size}} for size in (1, 1, 1_200_000)]
    assert failures(json.dumps({"payload": {"Orders": members}})) == [
        "f: payload.Orders[2]: a value of more than 1 MiB, which no reader of the XML would take"
    ]


def test_items_with_what_no_version_has():
    """What is kept of another version must be of it, in items too."""
    assert failures('{"AmazonOrderId":"1","OrderItemId":"2","#v2026":[1]}')
    assert failures('{"orderId":"1","#v0":{"AmazonOrderId":"2"}}')
    assert failures('{"orderItemId":"1","#v0":{"OrderItemId":"2"}}')


# --- what lines and the generic form leave out ----------------------------------------------------------------------

SECOND = plain("1").replace("</Orders>", f"</Orders><Orders><Order>{order(2)}</Order></Orders>")


@pytest.mark.parametrize("form", ["sp-api", "sp-api-2026", "generic"])
@pytest.mark.parametrize(
    ("data", "named"),
    [
        (SECOND, "ListOrdersResult/Orders"),
        ('{"payload":{"Orders":[{"AmazonOrderId":"1"}],"OrderItems":[{"OrderItemId":"2"}]}}', "OrderItems"),
    ],
    ids=["xml", "json"],
)
def test_what_lines_leave_out(form, data, named):
    """It is counted as left out, not as kept, and named."""
    _, report = convert(data, form=form, lines=True)
    assert (report.unknown, report.left_out) == (0, 1)
    told = f"<ListOrdersResponse>: what no table knows around the Orders is left out: {named}"
    assert [note.text for note in report.warnings] == [told]
    assert convert(data, form=form if form != "generic" else "sp-api")[1].left_out == 0


def test_what_the_generic_form_leaves_out():
    """A second list comes too late for its place; text between members does not."""
    _, report = convert(SECOND, form="generic")
    assert (report.left_out, report.warnings[0].text.rpartition(": ")[2]) == (1, "Orders[2]")
    between = plain("1", "2").replace("</Order><Order>", "</Order>text<Order>")
    (made,) = jsons(between, form="generic")
    assert made["ListOrdersResponse"]["ListOrdersResult"]["Orders"]["#text"] == "text"


def test_much_that_is_left_out():
    """Some of it is named; what is no JSON is named as what it is."""
    strange = "".join(f"<S{number}/>" for number in range(8))
    odd = '<Unmapped xmlns="urn:mws-bridge">no</Unmapped>'
    data = plain("1").replace("<ListOrdersResult>", f"{odd}<ListOrdersResult>{strange}")
    _, report = convert(data, form="generic", lines=True)
    assert report.left_out == 9
    assert report.warnings[0].text.endswith(", ListOrdersResult/S4 and 4 more")
