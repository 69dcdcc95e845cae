"""Records with all that no table knows, to XML and back: the inverse of the reader, whatever a record holds."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mws_compat import overlay
from mws_compat.documents import DOCUMENTS, ENVELOPE, UNMAPPED_NAMESPACE
from mws_compat.orders import ORDER, ORDER_ITEM
from mws_compat.overlay import MEMBERS, write_element, write_root
from mws_compat.reader import parse_element, read_element
from mws_compat.schema import UNKNOWN, UNMAPPED, Attributed, Kind, ListOf, Node, Record, Repeated, Scalar, Struct
from mws_compat.writer import MemberWriter
from tests.examples import examples
from tests.mws_compat.test_escape import lawful

NAMESPACES = ["", "urn:a", "https://mws.amazonservices.com/Orders/2013-09-01", "http://x.y:80/a?b=%20#c", "a&b"]
MEMBER_STRUCTS = {id(kind.struct) for kind in DOCUMENTS.values() if kind.struct}

texts = st.text(max_size=4) | st.sampled_from(["", "\r", "\n\n", "<&>", "\x00", "\ud800", "\ufffe", '"', " x ", "😀"])
stray = texts.map(lambda text: lawful(text).strip()).filter(bool)
names = st.sampled_from(["New", "Other", "b", "é", "_x", "a.b-c", "xmlns"])
attributes = st.dictionaries(
    st.sampled_from(["@a", "@b-c", "@{urn:x}a", "@{urn:y}a", "@{http://www.w3.org/XML/1998/namespace}lang"]), texts
)


@st.composite
def tree(draw: st.DrawFn, depth: int = 0) -> Node:
    """An element that no table knows, as the reader holds it."""
    record: Record = dict(draw(attributes)) if draw(st.booleans()) else {}
    inner = draw(st.lists(names, unique=True, max_size=2)) if depth < 3 else []
    if not inner:
        text = draw(texts)
        return {**record, **({"#text": text} if text else {})} if record else text
    for name in inner:
        many = draw(st.booleans())
        nodes = [draw(tree(depth + 1)) for _ in range(2 if many else 1)]
        record[name] = nodes if many else nodes[0]
    if draw(st.booleans()):
        record["#text"] = draw(stray)
    return record


@st.composite
def strangers(draw: st.DrawFn) -> Record:
    """What is unknown in an element with children."""
    found: Record = dict(draw(attributes))
    for name in draw(st.lists(names, unique=True, max_size=2)):
        found[name] = draw(tree() | st.lists(tree(), min_size=2, max_size=3))
    if draw(st.integers(0, 3)) == 0:
        found["#text"] = draw(stray)
    return found


@st.composite
def noded(draw: st.DrawFn, kind: Kind) -> tuple[Node, Record]:
    """A node of a kind, and what is unknown of it."""
    odd = draw(st.integers(0, 4)) == 0
    if isinstance(kind, Attributed):
        record: Record = {kind.text_key: draw(texts)}
        if draw(st.booleans()):
            record[kind.attribute_key] = draw(texts)
        return record, dict(draw(attributes)) if odd else {}
    if isinstance(kind, Scalar):
        if odd and draw(st.booleans()):
            return "", {**draw(attributes), "Inner": draw(tree())}
        return draw(texts), dict(draw(attributes)) if odd else {}
    unknown: Record = draw(strangers()) if odd else {}
    if isinstance(kind, ListOf):
        members, entries = draw(aligned(kind.of))
        if entries:
            unknown[kind.member] = entries
        return members, unknown
    assert isinstance(kind, Struct)
    record = {}
    for field in draw(st.lists(st.sampled_from(kind.fields), unique_by=lambda field: field.name, max_size=4)):
        if isinstance(field.kind, Repeated):
            members, entries = draw(aligned(field.kind.of, least=1))
            record[field.name] = members
            if entries:
                unknown[field.name] = entries
            continue
        record[field.name], inner = draw(noded(field.kind))
        if inner:
            unknown[field.name] = inner
        if draw(st.integers(0, 9)) == 0:
            unknown[field.name] = [inner, *draw(st.lists(tree(), min_size=1, max_size=2))]
    if draw(st.integers(0, 5)) == 0:
        record[UNMAPPED] = json.dumps(draw(st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)))
        if draw(st.booleans()):
            unknown["Unmapped"] = {"@xmlns": UNMAPPED_NAMESPACE, "#text": "second"}
    if unknown and id(kind) in MEMBER_STRUCTS:
        record[UNKNOWN] = unknown
        return record, {}
    return record, unknown


@st.composite
def aligned(draw: st.DrawFn, kind: Kind, least: int = 0) -> tuple[list[Node], list[Node]]:
    pairs = draw(st.lists(noded(kind), min_size=least, max_size=3))
    entries: list[Node] = [unknown for _, unknown in pairs]
    while entries and not entries[-1]:
        entries.pop()
    return [node for node, _ in pairs], entries


def lawfully(node: Node) -> Node:
    if isinstance(node, str):
        return lawful(node)
    if isinstance(node, list):
        return [lawfully(inner) for inner in node]
    return {name: lawfully(inner) for name, inner in node.items()}


def back(text: str, struct: Struct) -> Record:
    return read_element(parse_element(text.encode()), struct)


@examples(35)
@given(st.sampled_from(sorted(DOCUMENTS)), st.sampled_from(NAMESPACES), st.data())
@pytest.mark.long
def test_read_write_is_the_identity(name: str, namespace: str, data: st.DataObject) -> None:
    """read(write(x)) == x for records of every document with anything that no table knows in it, illegal characters
    apart; no line is empty."""
    root = DOCUMENTS[name].root
    record, unknown = data.draw(noded(root))
    assert isinstance(record, dict)
    record = {**record, UNKNOWN: unknown} if unknown else record
    text = write_root(root, record, namespace=namespace, version="2013-09-01")
    assert back(text, root) == lawfully(record)
    assert "\n\n" not in text
    assert parse_element(text.encode()).nsmap.get(None, "") == namespace


@examples(40)
@given(noded(ORDER) | noded(ORDER_ITEM), st.sampled_from(["2013-09-01", "2011-01-01"]))
@pytest.mark.long
def test_both_ways_write_the_same_bytes(made: tuple[Record, Record], version: str) -> None:
    """By shape and element by element, a record that both can write gives the same bytes."""
    record = {name: node for name, node in made[0].items() if name != UNKNOWN}
    struct = ORDER if record.keys() <= {*(field.name for field in ORDER.fields), UNMAPPED} else ORDER_ITEM
    write = MemberWriter(struct, struct.name, 2, version)
    element = write_element(struct.name, struct, record, depth=2, version=version)
    assert write(record) == element
    assert write({**record, UNKNOWN: {}}) == element


def test_layout() -> None:
    """Attributes on their element, unknown elements and text after the known ones, ``#json`` before them."""
    record: Record = {
        "AmazonOrderId": "1",
        UNMAPPED: "{}",
        UNKNOWN: {
            "@a": '"',
            "New": [{"x": {"@{urn:x}y": "z"}, "#text": "t"}, ""],
            "#text": ">",
            "AmazonOrderId": {"@b": ""},
        },
    }
    assert write_element("Order", ORDER, record, depth=1, version="").splitlines() == [
        '  <Order a="&quot;">',
        '    <AmazonOrderId b="">1</AmazonOrderId>',
        '    <Unmapped xmlns="urn:mws-bridge">{}</Unmapped>',
        "    <New>",
        "      t",
        '      <x xmlns:n1="urn:x" n1:y="z"></x>',
        "    </New>",
        "    <New></New>",
        "    &gt;",
        "  </Order>",
    ]
    assert write_root(ORDER, {}, namespace="", version="") == '<?xml version="1.0"?>\n<Order/>\n'


def test_an_attribute_that_the_table_knows() -> None:
    """A leaf with an attribute is written with it, and with what else is known of it."""
    item: Record = {
        "ItemFees": {
            "Fee": [{"Type": "x", "Amount": {"CurrencyCode": "USD", "Amount": "1"}}, {"Amount": {"Amount": ""}}]
        }
    }
    record: Record = {"Message": [{"OrderReport": {"Item": [item]}}]}
    text = write_root(ENVELOPE, record, namespace="", version="")
    assert '<Amount currency="USD">1</Amount>' in text
    assert back(text, ENVELOPE) == record


def test_the_prefix_of_xml_itself() -> None:
    """What has the namespace of ``xml:`` is written with its prefix, which needs no declaration."""
    record: Record = {UNKNOWN: {"@{http://www.w3.org/XML/1998/namespace}lang": "en"}}
    text = write_root(ORDER, record, namespace="", version="")
    assert '<Order xml:lang="en"/>' in text
    assert back(text, ORDER) == record


def test_the_older_version_has_its_names() -> None:
    """2011-01-01 spells its element on every occurrence."""
    record: Record = {"PaymentMethod": "a", "Payment": {}, UNKNOWN: {"PaymentMethod": [{"@x": "1"}, "b"]}}
    struct = next(field.kind.of for field in ORDER.fields if field.name == "PaymentExecutionDetail")
    text = write_element("Item", struct, record, depth=0, version="2011-01-01")
    assert '<SubPaymentMethod x="1">a</SubPaymentMethod>\n  <SubPaymentMethod>b</SubPaymentMethod>' in text


# --- the place of members -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["ListOrders", "AmazonEnvelope"])
def test_members_go_where_the_mark_stands(action: str) -> None:
    """The mark stands once in the text, where the members go, though values look like it."""
    kind = DOCUMENTS.get(f"{action}Response") or DOCUMENTS[action]
    if kind.path:
        record: Record = {kind.path[0]: {"NextToken": "\0", kind.path[1]: MEMBERS}, UNKNOWN: {"X": "\0"}}
    else:
        record = {"MessageType": "\0", "Message": MEMBERS, UNKNOWN: {"X": "\0"}}
    text = write_root(kind.root, record, namespace="", version="")
    before, _, after = text.partition(MEMBERS)
    assert MEMBERS not in before + after
    assert "\0" not in before + after
    assert back(before + after, kind.root)[UNKNOWN] == {"X": "\ufffd"}


@pytest.mark.parametrize(
    "record",
    [
        {"AmazonOrderId": MEMBERS},
        {"OrderTotal": MEMBERS},
        {"PaymentMethodDetails": "\0"},
        {"PaymentMethodDetails": [MEMBERS]},
    ],
)
def test_the_mark_is_no_value(record: Record) -> None:
    """The mark stands only for a list, and text that equals it stands for none."""
    with pytest.raises(TypeError):
        write_element("Order", ORDER, record, depth=0, version="")


def test_what_is_empty_but_for_what_is_unknown() -> None:
    """An element that a record lacks and something unknown is told of is written empty."""
    unknown: Record = {
        "BuyerName": {"@nil": "true"},
        "ShippingAddress": {"@a": "1"},
        "OrderTotal": {"Amount": {"Note": ""}},
        "PaymentMethodDetails": {"PaymentMethodDetail": [{"@a": "1"}]},
        "BuyerTaxInfo": {"TaxClassifications": {"@a": "1"}},
    }
    text = write_element("Order", ORDER, {"AmazonOrderId": "1", UNKNOWN: unknown}, depth=0, version="2013-09-01")
    record = read_element(parse_element(text.encode()), ORDER)
    assert record[UNKNOWN] == unknown
    assert (record["BuyerName"], record["ShippingAddress"], record["OrderTotal"]) == ("", {}, {"Amount": ""})
    assert record["PaymentMethodDetails"] == [""]


@pytest.mark.parametrize("entry", ["text", {"Item": "text"}])
def test_repeated_elements_of_nothing(entry: Node) -> None:
    """There are as many of them as are told of; where that is no list, none are made up."""
    message = DOCUMENTS["AmazonEnvelope"].struct
    assert message is not None
    good = {"Item": [{"@a": "1"}, {"@a": "2"}]}
    text = write_element("Message", message, {UNKNOWN: {"OrderReport": good}}, depth=0, version="")
    assert text.count("<Item a=") == 2
    with pytest.raises((ValueError, TypeError)):
        write_element("Message", message, {UNKNOWN: {"OrderReport": entry}}, depth=0, version="")


@pytest.mark.parametrize("entry", ["text", {"PaymentMethodDetail": "text"}])
def test_lists_of_nothing(entry: Node) -> None:
    """The same for lists."""
    with pytest.raises((ValueError, TypeError)):
        write_element("Order", ORDER, {UNKNOWN: {"PaymentMethodDetails": entry}}, depth=0, version="")


# --- refusals -------------------------------------------------------------------------------------------------------

deep: Node = ""
for _ in range(10_000):
    deep = {"a": deep}
listed: Node = ""
for _ in range(10_000):
    listed = [listed]

HOSTILE: dict[str, Node] = {
    **dict.fromkeys(["a b", "x><y", "", "a:b", "1a", "-a", "{urn:x}a", "a\0", "\ud800", "²", "a/", "x\n"], "text"),
    **dict.fromkeys(['@on"x', "@xmlns:a", "@", "@a b", "@a=''", "@{}a", "@{urn:x}xmlns", "@{a b}c"], "text"),
    "@{http://www.w3.org/2000/xmlns/}a": "text",
    "@xmlns": "not a uri",
    "@a": ["x"],
    "@b": {},
    "#other": "x",
    "#text": {"x": "y"},
    "#": "x",
    "deep": deep,
    "listed": listed,
    "number": 5,
    "none": None,
    "inner": {"x": {"#other": "x"}},
    "text": {"#text": []},
    "crowded": {f"@a{number}": "" for number in range(65)},
    "Unmapped": {"@xmlns": UNMAPPED_NAMESPACE, "#text": "{}"},
    "AmazonOrderId": "text",
    "ShippingAddress": {"Country": "text"},
    "PaymentMethodDetails": {"PaymentMethodDetail": [{}, {}, {"@a": "too many"}]},
    "PaymentExecutionDetail": {"PaymentExecutionDetailItem": {"@a": "no list"}},
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE, ids=[ascii(name) for name in HOSTILE])
def test_what_would_mean_something_else(name: str) -> None:
    """Names and shapes that the reader does not make are refused; the message holds no value."""
    record: Record = {
        "AmazonOrderId": "1",
        "OrderTotal": {},
        "ShippingAddress": {},
        "PaymentMethodDetails": ["secret", "b"],
        "PaymentExecutionDetail": [{}],
        UNKNOWN: {name: HOSTILE[name]},
    }
    with pytest.raises((ValueError, TypeError)) as caught:
        write_element("Order", ORDER, record, depth=0, version="")
    assert "secret" not in str(caught.value)
    assert "text" not in str(caught.value).replace("must be text", "").replace("#text", "") or name == "text"


@given(st.text(max_size=5), st.text(max_size=4))
def test_any_name_is_written_or_refused(name: str, value: str) -> None:
    """Whatever the name, what is written parses, and is read back as that name."""
    for key in (name, f"@{name}", f"@{{{name}}}a", f"@{{urn:a}}{name}"):
        record: Record = {"AmazonOrderId": "1", UNKNOWN: {key: value}}
        try:
            text = write_element("Order", ORDER, record, depth=0, version="")
        except ValueError:
            continue
        if key[0] == "#":
            assert back(text, ORDER).get(UNKNOWN, {}) == ({"#text": lawful(value).strip()} if value.strip() else {})
        else:
            assert back(text, ORDER) == {"AmazonOrderId": "1", UNKNOWN: {key: lawful(value)}}


@given(st.text("ahtp:/?#[]@!$&'()*+,;=%-._~ é|0", max_size=12))
def test_any_namespace_is_written_or_refused(namespace: str) -> None:
    """A namespace that the parser would refuse is refused before it is written."""
    for record in ({}, {UNKNOWN: {f"@{{{namespace}}}a": ""}}, {UNKNOWN: {"New": {"@xmlns": namespace}}}):
        try:
            text = write_root(ORDER, record, namespace="" if record else namespace, version="")
        except ValueError:
            continue
        parse_element(text.encode())


@pytest.mark.parametrize(
    "namespace", ["a b", "http://www.w3.org/XML/1998/namespace", "http://www.w3.org/2000/xmlns/"]
)
def test_a_namespace_that_cannot_be_declared(namespace: str) -> None:
    """So is one that XML reserves."""
    with pytest.raises(ValueError, match="no namespace that could be declared"):
        write_root(ORDER, {}, namespace=namespace, version="")


@pytest.mark.parametrize(
    ("struct", "record", "message"),
    [
        (ORDER, "text", "Order must be a record, not str"),
        (ORDER, {UNKNOWN: "x"}, "#unknown must be a record, not str"),
        (ORDER, {"B": "", "A": ""}, "Order has no element 'A'"),
        (ORDER, {"AmazonOrderId": []}, "AmazonOrderId must be text, not list"),
        (ORDER, {"OrderTotal": ""}, "OrderTotal must be a record, not str"),
        (ORDER, {"PaymentMethodDetails": ""}, "PaymentMethodDetails must be a list, not str"),
        (ORDER, {UNMAPPED: {}}, "#text must be text, not dict"),
        (ORDER, {UNKNOWN: {"@xmlns": "urn:b"}}, "Order: '@xmlns' is said twice"),
        (ORDER, {"OrderType": "1", UNKNOWN: {"OrderType": {"#text": "2"}}}, "OrderType: '#text' is said twice"),
        (ENVELOPE, {"Message": {}}, "Message must be a list, not dict"),
        (ENVELOPE, {"Message": [{"OrderReport": {"Item": [{"ItemFees": {"Fee": [{"Amount": ""}]}}]}}]}, "Amount"),
        (
            ENVELOPE,
            {"Message": [{"OrderReport": {"Item": [{"ItemFees": {"Fee": [{"Amount": {"Foo": ""}}]}}]}}]},
            "Amount has no 'Foo'",
        ),
        (
            ENVELOPE,
            {
                "Message": [
                    {
                        "OrderReport": {"Item": [{"ItemFees": {"Fee": [{"Amount": {"Amount": ""}}]}}]},
                        UNKNOWN: {"OrderReport": {"Item": [{"ItemFees": {"Fee": [{"Amount": {"@currency": ""}}]}}]}},
                    }
                ]
            },
            "Amount: the table knows 'currency'",
        ),
    ],
)  # fmt: skip
def test_what_is_no_record(struct: Struct, record: Record, message: str) -> None:
    """What is not of the struct is refused with its name and type."""
    with pytest.raises((ValueError, TypeError)) as caught:
        write_root(struct, record, namespace="urn:a", version="")
    assert str(caught.value).startswith(message)


def test_depth_is_bounded() -> None:
    """Elements that no table knows may stand 100 levels deep, and no deeper; what is written is read."""
    node: Node = "x"
    for _ in range(99):
        node = {"a": node}
    assert back(write_root(ORDER, {UNKNOWN: {"a": node}}, namespace="", version=""), ORDER) == {UNKNOWN: {"a": node}}
    with pytest.raises(ValueError, match="stands deeper than 100 levels"):
        write_root(ORDER, {UNKNOWN: {"a": {"a": node}}}, namespace="", version="")
    assert overlay._MAX_DEPTH == 100


def test_what_looks_like_json_of_ours() -> None:
    """An element of our name that has children is unknown, as is one that is not of our namespace."""
    for node in ({"@xmlns": UNMAPPED_NAMESPACE, "a": "b"}, {"@xmlns": "urn:x", "#text": "{}"}, "{}"):
        record: Record = {UNKNOWN: {"Unmapped": node}}
        assert back(write_root(ORDER, record, namespace="", version=""), ORDER) == record


def test_stray_text_makes_no_empty_line() -> None:
    """White space around stray text is not written."""
    text = write_root(
        ORDER, {UNKNOWN: {"#text": "\n x \n", "New": {"a": "", "#text": "\n"}}}, namespace="", version=""
    )
    assert text.splitlines()[1:] == ["<Order>", "  <New>", "    <a></a>", "  </New>", "  x", "</Order>"]


def test_many_attributes() -> None:
    """As many attributes as the reader takes are written."""
    record: Record = {UNKNOWN: {f"@{{urn:{number}}}a": "" for number in range(64)}}
    assert back(write_root(ORDER, record, namespace="urn:x", version=""), ORDER) == record
