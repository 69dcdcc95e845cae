"""The differ: nothing where nothing changed, and exactly what changed where something did."""

import contextlib
import copy
import gzip
import io
import os
import random
import re
from collections import Counter
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.diff import DiffError, compare, compare_all, entries, shelf
from bridge.diff.comparison import find_records
from bridge.diff.differences import path_of
from bridge.diff.entries import Entry, EntryReader, _entry_of, _trimmed
from bridge.diff.profiles import Origin
from bridge.diff.records import compare_records
from bridge.offline.faults import SourceError
from bridge.offline.records import render
from bridge.offline.sources import Source
from mws_compat.documents import DOCUMENTS
from mws_compat.markup import only_tags
from mws_compat.orders import ORDER
from mws_compat.reader import parse_element, read_element
from mws_compat.schema import (
    BOOLEAN,
    DATETIME,
    DECIMAL,
    INTEGER,
    TEXT,
    UNKNOWN,
    Attributed,
    ListOf,
    Repeated,
    Scalar,
    Struct,
)
from tests.examples import examples
from tests.offline.converting import KINDS, convert, converted, folder, items, members, order, orders
from tests.soup import soup

GOOD = {
    TEXT: ["x", "Größe & Co", "a b"],
    BOOLEAN: ["true", "false"],
    INTEGER: ["0", "12"],
    DECIMAL: ["12.30", "7"],
    DATETIME: ["2016-01-20T18:49:10Z", "2017-02-03T00:00:00Z"],
}
#: For each kind: a value, another spelling of it, another value.
SPELLINGS = {
    TEXT: ("x y", " x y\n", "x  y"),
    BOOLEAN: ("true", "TRUE", "false"),
    INTEGER: ("7", " 007", "8"),
    DECIMAL: ("12.30", "12.3", "12.31"),
    DATETIME: ("2016-01-20T18:49:10Z", "2016-01-20T19:49:10.000+01:00", "2016-01-20T18:49:11Z"),
}


def xml(*records):
    return b"".join(render(records))


def changes(old, new, profile="exact", **options):
    found = compare(old, new, profile, **options)
    return [(one.change.value, path_of(one.steps, show_pii=True)) for one in found]


@st.composite
def full(draw, kind):
    """A node of a kind with a value in every place, lists of two."""
    if isinstance(kind, Scalar):
        return draw(st.sampled_from(GOOD[kind]))
    if isinstance(kind, ListOf | Repeated):
        first, second = draw(full(kind.of)), draw(full(kind.of))
        if isinstance(first, dict):
            for field in kind.of.fields:
                if field.key:
                    first[field.name], second[field.name] = "k1", "k2"
        return [first, second]
    if isinstance(kind, Attributed):
        return {kind.attribute_key: "USD", kind.text_key: "1.00"}
    return {field.name: draw(full(field.kind)) for field in kind.fields}


@st.composite
def feeds(draw):
    """A few records of a kind, each with an id of its own."""
    member = draw(st.sampled_from(sorted(KINDS)))
    struct, key = KINDS[member]
    found = []
    for number in range(draw(st.integers(1, 4))):
        record = draw(members(struct, key))
        record[key] = f"902-{number}"
        if member == "Order":
            record.pop("ASIN", None)
        found.append(record)
    return found


# --- nothing --------------------------------------------------------------------------------------------------------


@examples(30)
@given(feeds())
def test_a_feed_is_the_same_as_itself(records):
    """Whatever is in it: known, unknown, odd."""
    feed = xml(*records)
    tally = compare_all(feed, feed)
    assert tally.same
    assert tally.compared == tally.equal == len(records)
    assert not tally.differences


@examples(30)
@given(feeds(), st.randoms(use_true_random=False))
def test_order_does_not_count(records, dice):
    """Neither that of the orders nor that of their elements, nor how they are cut into documents."""
    shuffled = [dict(dice.sample(sorted(record.items()), len(record))) for record in records]
    dice.shuffle(shuffled)
    assert changes(xml(*records), b"".join(render(shuffled, page=1))) == []


@examples(25)
@given(feeds())
@pytest.mark.long
def test_the_way_through_json_and_back_changes_nothing(records):
    """XML against its JSON, against its lines, and against the XML of those."""
    feed = xml(*records)
    for options in ({}, {"lines": True}):
        other = converted(feed, **options)
        assert changes(feed, other) == []
        assert changes(other, feed) == []
        assert changes(feed, converted(other)) == []


@examples(25)
@given(st.data())
@pytest.mark.long
def test_swapping_the_sides_mirrors_the_differences(data):
    """What is missing one way is extra the other way; all else stays."""
    old, new = data.draw(feeds()), data.draw(feeds())
    there = [found.mirrored() for found in compare(xml(*old), xml(*new), "exact")]
    back = list(compare(xml(*new), xml(*old), "exact"))

    def key(found):
        return found.path, found.change, repr(found.old), repr(found.new)

    assert sorted(map(key, there)) == sorted(map(key, back))


# --- one planted change ---------------------------------------------------------------------------------------------


def places_in(kind, node, path=()):
    """Every place below a node that a change can be planted at: the way to it, and its kind."""
    if isinstance(kind, Struct):
        for field in kind.fields:
            if not field.volatile and not field.key:
                yield (*path, field.name), field.kind
                yield from places_in(field.kind, node[field.name], (*path, field.name))
    elif isinstance(kind, ListOf | Repeated) and isinstance(kind.of, Struct):
        for number, inner in enumerate(node):
            yield from places_in(kind.of, inner, (*path, number))


def named(struct, path):
    """The path of a difference, from the way to it."""
    steps = []
    kind = struct
    for step in path:
        if isinstance(step, int):
            keyed = any(field.key for field in kind.of.fields)
            steps[-1] += f"[k{step + 1}]" if keyed else f"[{step + 1}]"
            kind = kind.of
        else:
            kind = {field.name: field for field in kind.fields}[step].kind
            steps.append(step)
    return "/".join(steps)


@examples(30)
@given(st.data(), st.sampled_from(["Order", "OrderItem"]))
@pytest.mark.long
def test_a_planted_change_is_found_and_nothing_else(data, member):
    """One value changed or one node removed anywhere in the schema is exactly one difference at its path."""
    struct, key = KINDS[member]
    record = data.draw(full(struct))
    record[key] = "902-1"
    other = copy.deepcopy(record)
    path, kind = data.draw(st.sampled_from(list(places_in(struct, record))))
    holder = other
    for step in path[:-1]:
        holder = holder[step]
    if isinstance(kind, Scalar) and data.draw(st.booleans()):
        record_holder = record
        for step in path[:-1]:
            record_holder = record_holder[step]
        record_holder[path[-1]], same, holder[path[-1]] = SPELLINGS[kind]
        expected = "changed-value"
        respelled = copy.deepcopy(record)
        inner = respelled
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = same
        assert changes(xml(record), xml(respelled)) == []
    else:
        del holder[path[-1]]
        expected = "missing-field"
    # An item without an order of its own stands in no order.
    top = "Order[902-1]" if member == "Order" else "Order/OrderItem[902-1]"
    assert changes(xml(record), xml(other)) == [(expected, f"{top}/{named(struct, path)}")]


def test_absent_is_empty():
    """An element that is absent, one that is empty and one of blanks are alike, with all that would be in them."""
    bare = orders(order("1")).encode()
    for inner in ("<BuyerName/>", "<BuyerName> </BuyerName>", "<ShippingAddress><City/></ShippingAddress>"):
        assert changes(bare, orders(order("1", inner)).encode()) == []
        assert changes(orders(order("1", inner)).encode(), bare) == []


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("<IsPrime>yes</IsPrime>", "<IsPrime>true</IsPrime>", [("type", "/IsPrime")]),
        ("<IsPrime>yes</IsPrime>", "<IsPrime>no</IsPrime>", [("changed-value", "/IsPrime")]),
        ("<A>x</A>", "", [("missing-field", "/A")]),
        ("", "<A b='x'/>", [("extra-field", "/A")]),
        ("<A b='x'/>", "<A b='y'/>", [("changed-value", "/A/@b")]),
        ("<A>x</A><A>y</A>", "<A>x</A><A>z</A>", [("changed-value", "/A[2]")]),
        ("<A>x</A><A>y</A>", "<A>x</A>", [("type", "/A")]),
        ("<A>x</A><A>y</A>", "<A>x</A><A>y</A><A/>", [("count", "/A")]),
        ("<A><B>1</B></A>", "<A><B>2</B><C/></A>", [("changed-value", "/A/B")]),
        ("<IsPrime a='x'>true</IsPrime>", "<IsPrime>true</IsPrime>", [("missing-field", "/IsPrime/@a")]),
    ],
)
def test_kinds_of_change(old, new, found):
    """Values that are not of their kind, and what no table knows."""
    old, new = (orders(order("1", inner)).encode() for inner in (old, new))
    expected = [(change, f"Order[1]{path}") for change, path in found]
    if "a='x'" in old.decode():
        expected = [("missing-field", "Order[1]/IsPrime")]  # what is unknown of a known element stands at its place
    assert changes(old, new) == expected


def details(*names):
    inner = "".join(f"<PaymentMethodDetail>{name}</PaymentMethodDetail>" for name in names)
    return orders(order("1", f"<PaymentMethodDetails>{inner}</PaymentMethodDetails>")).encode()


def test_lists_of_leaves():
    """Another order, another length, another member."""
    assert changes(details("a", "b"), details("b", "a")) == [("list-order", "Order[1]/PaymentMethodDetails")]
    assert changes(details("a", "b"), details("a")) == [("count", "Order[1]/PaymentMethodDetails")]
    assert changes(details("a", "b"), details("a", "c")) == [("changed-value", "Order[1]/PaymentMethodDetails[2]")]
    assert changes(details("a", "b"), details("a ", "b")) == []


def payments(*pairs):
    inner = "".join(
        f"<PaymentExecutionDetailItem><Payment><Amount>{amount}</Amount></Payment>"
        f"<PaymentMethod>{method}</PaymentMethod></PaymentExecutionDetailItem>"
        for method, amount in pairs
    )
    return orders(order("1", f"<PaymentExecutionDetail>{inner}</PaymentExecutionDetail>")).encode()


def test_lists_with_keys():
    """Members pair by their key, in whatever order; where keys do not tell them apart, by their place."""
    place = "Order[1]/PaymentExecutionDetail"
    both = payments(("COD", 1), ("Gift", 2))
    assert changes(both, payments(("Gift", "2.0"), ("COD", "1.00"))) == []
    assert changes(both, payments(("Gift", 3), ("COD", 1))) == [("changed-value", f"{place}[Gift]/Payment/Amount")]
    assert changes(both, payments(("COD", 1))) == [("missing-field", f"{place}[Gift]")]
    assert changes(payments(("COD", 1)), both) == [("extra-field", f"{place}[Gift]")]
    twice = payments(("COD", 1), ("COD", 2))
    assert changes(twice, payments(("COD", 1), ("COD", 3))) == [("changed-value", f"{place}[2]/Payment/Amount")]
    assert changes(twice, payments(("COD", 1))) == [("count", place)]


# --- whole records --------------------------------------------------------------------------------------------------


def feed(*keys, inner=""):
    return orders(*[order(key, inner) for key in keys]).encode()


def test_missing_extra_duplicate():
    """An order that one side lacks, and one that it has more often than the other."""
    assert changes(feed("1", "2"), feed("2")) == [("missing", "Order[1]")]
    assert changes(feed("2"), feed("1", "2")) == [("extra", "Order[1]")]
    assert changes(feed("1", "1"), feed("1")) == [("duplicate", "Order[1]")]
    assert changes(feed("1"), feed("1", "1")) == [("duplicate", "Order[1]")]
    assert changes(feed(), feed("1", "1")) == [("extra", "Order[1]"), ("duplicate", "Order[1]")]
    assert changes(feed("1", "1"), feed()) == [("missing", "Order[1]"), ("duplicate", "Order[1]")]
    tally = compare_all(feed("1", "1", "2"), feed("1", "3", "3"))
    assert (tally.compared, tally.missing, tally.extra, tally.duplicate) == (1, 1, 1, 2)
    assert tally.details[0].new == {"AmazonOrderId": "3"}
    assert not tally.same


def test_what_comes_twice_is_paired_in_turn():
    """The second with the second, also when they say different things, whatever the hashes say."""
    one, other = order("1", "<OrderStatus>a</OrderStatus>"), order("1", "<OrderStatus>b</OrderStatus>")
    assert changes(orders(one, other).encode(), orders(one, other).encode()) == []
    assert changes(orders(one, other).encode(), orders(other, one).encode()) == []
    assert changes(orders(one, one).encode(), orders(one, other).encode()) == [
        ("changed-value", "Order[1]/OrderStatus")
    ]
    assert changes(orders(other, one).encode(), orders(one, one).encode()) == [
        ("changed-value", "Order[1]/OrderStatus")
    ]
    assert changes(orders(one).encode(), orders(other, one).encode()) == [
        ("changed-value", "Order[1]/OrderStatus"),
        ("duplicate", "Order[1]"),
    ]


def test_items_belong_to_their_order():
    """An item pairs by its order's id and its own, wherever its order is named."""
    item = "<OrderItemId>7</OrderItemId><Title>{}</Title>"
    one = items(item.format("a"), order="1").encode()
    assert changes(one, items(item.format("a"), order="1", behind=True).encode()) == []
    assert changes(one, items(item.format("b"), order="1").encode()) == [
        ("changed-value", "Order[1]/OrderItem[7]/Title")
    ]
    assert changes(one, items(item.format("a"), order="2").encode()) == [
        ("extra", "Order[2]/OrderItem[7]"),
        ("missing", "Order[1]/OrderItem[7]"),
    ]
    lines = converted(one, lines=True)
    assert changes(one, lines) == []
    assert changes(lines, items(item.format("b"), order="1").encode()) == [
        ("changed-value", "Order[1]/OrderItem[7]/Title")
    ]


def test_records_without_an_id_pair_by_their_number():
    """Nothing is lost for want of a key."""
    old = orders("<OrderStatus>a</OrderStatus>", "<OrderStatus>b</OrderStatus>").encode()
    new = orders("<OrderStatus>a</OrderStatus>", "<OrderStatus>c</OrderStatus>").encode()
    assert changes(old, new) == [("changed-value", "Order[#2]/OrderStatus")]


HEAD = (
    "<Header><DocumentVersion>{}</DocumentVersion><MerchantIdentifier>{}</MerchantIdentifier></Header>"
    "<MessageType>{}</MessageType>"
)


def test_what_is_around_messages():
    """Whose they are and what they are is compared, whatever their number is, with whatever cut the file; lines of
    JSON do not have it, and are the same nevertheless."""

    def feed_of(*head, numbers="12"):
        report = "<Message><OrderReport><AmazonOrderID>{}</AmazonOrderID></OrderReport></Message>"
        reports = "".join(map(report.format, numbers))
        return f"<AmazonEnvelope>{HEAD.format(*head)}{reports}</AmazonEnvelope>".encode()

    head, other = ("1.01", "A", "OrderReport"), ("1.02", "B", "OrderFulfillment")
    one = feed_of(*head)
    differing = [
        ("changed-value", "AmazonEnvelope[#1]/Header/DocumentVersion"),
        ("changed-value", "AmazonEnvelope[#1]/Header/MerchantIdentifier"),
        ("changed-value", "AmazonEnvelope[#1]/MessageType"),
    ]
    for old, new in ((one, feed_of(*other)), (converted(one), feed_of(*other)), (feed_of(*other), converted(one))):
        assert changes(old, new) == differing
    cut = [feed_of(*head, numbers="2"), feed_of(*head, numbers="1")]
    for same in (one, cut, converted(one), converted(one, lines=True)):
        assert changes(one, same) == changes(same, one) == []
    assert compare_all(one, cut).members == {"Message": 2, "AmazonEnvelope": 1}
    two = [feed_of(*other, numbers="2"), feed_of(*head, numbers="1")]
    assert changes(cut, two) == [("extra", "AmazonEnvelope[#1]")]
    assert changes(two, cut) == [("missing", "AmazonEnvelope[#1]")]
    assert changes(two, two[::-1]) == []
    noted = one.replace(b"<MessageType>", b"<Note>x</Note><MessageType>")
    assert changes(noted, converted(one, lines=True)) == [("missing", "AmazonEnvelope[#1]")]


def envelope(*messages):
    return f"<AmazonEnvelope><MessageType>x</MessageType>{''.join(messages)}</AmazonEnvelope>".encode()


def test_messages():
    """Reports pair by their order; feeds may have several messages for one, told apart by their numbers."""
    report = (
        "<Message><MessageID>{}</MessageID><OrderReport><AmazonOrderID>1</AmazonOrderID>"
        "<Item><AmazonOrderItemCode>7</AmazonOrderItemCode><ItemPrice><Component><Type>Tax</Type>"
        '<Amount currency="{}">{}</Amount></Component></ItemPrice></Item></OrderReport></Message>'
    )
    old = envelope(report.format(1, "USD", "1.00"))
    spot = "Message[OrderReport 1]/OrderReport/Item[7]/ItemPrice/Component[Tax]/Amount"
    assert changes(old, envelope(report.format(1, "USD", "1.0"))) == []
    assert changes(old, envelope(report.format(1, "EUR", "1.00"))) == [("changed-value", f"{spot}/CurrencyCode")]
    assert changes(old, envelope(report.format(1, "USD", "1.01"))) == [("changed-value", f"{spot}/Amount")]
    assert changes(old, envelope(report.format(2, "USD", "1"))) == [
        ("changed-value", "Message[OrderReport 1]/MessageID")
    ]
    shipped = (
        "<Message><MessageID>{}</MessageID><OrderFulfillment><AmazonOrderID>1</AmazonOrderID>"
        "<CODCollectionMethod>{}</CODCollectionMethod></OrderFulfillment></Message>"
    )
    assert changes(
        envelope(shipped.format(1, "a"), shipped.format(2, "b")),
        envelope(shipped.format(2, "c"), shipped.format(1, "a")),
    ) == [("changed-value", "Message[OrderFulfillment 1 2]/OrderFulfillment/CODCollectionMethod")]
    assert changes(envelope("<Message/>"), envelope("<Message><MessageID>1</MessageID></Message>")) == [
        ("extra-field", "Message[#1]/MessageID")
    ]


def error(code, request="r"):
    return (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code></Error>"
        f"<RequestID>{request}</RequestID></ErrorResponse>"
    ).encode()


def test_documents_without_orders():
    """Errors and service status pair by their number; what is volatile in them does not count."""
    assert changes(error("A", "r1"), error("A", "r2")) == []
    assert changes(error("A") + error("B"), error("A") + error("C")) == [
        ("changed-value", "ErrorResponse[#2]/Error[1]/Code")
    ]
    assert changes(error("A") + error("B"), error("A")) == [("missing", "ErrorResponse[#2]")]


def test_what_stands_around_orders():
    """Tokens, dates and request ids are volatile; what no table knows there counts."""
    old = orders(order("1"), token="a").encode()
    new = orders(order("1"), token="b").replace("r-1", "r-2").encode()
    assert changes(old, new) == []
    assert changes(old, orders(order("1"), action="ListOrdersByNextToken").encode()) == []
    odd = old.replace(b"<Orders>", b"<Novel>x</Novel><Orders>")
    assert changes(odd, odd) == []
    assert changes(old, odd) == [("extra", "ListOrdersResponse[#1]")]
    fragment = b"<Order><AmazonOrderId>1</AmazonOrderId></Order>"
    assert changes(old, fragment) == []


def test_versions_of_the_api():
    """The same order in 2011-01-01 and 2013-09-01 is the same."""
    inner = "<PaymentExecutionDetailItem><{0}>COD</{0}></PaymentExecutionDetailItem>"
    inner = f"<PaymentExecutionDetail>{inner}</PaymentExecutionDetail>"
    namespace = "https://mws.amazonservices.com/Orders/2011-01-01"
    old = orders(order("1", inner.format("SubPaymentMethod")), namespace=namespace)
    assert changes(old.encode(), orders(order("1", inner.format("PaymentMethod"))).encode()) == []


# --- where sides come from ------------------------------------------------------------------------------------------


def test_sides(tmp_path):
    """A side is a path, bytes, a file, or several of those; files may be packed, and in directories."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.xml").write_bytes(feed("1"))
    (tmp_path / "a" / "2.xml.gz").write_bytes(gzip.compress(feed("2")))
    (tmp_path / "b.ndjson").write_bytes(converted(feed("2", "1"), lines=True))
    whole = feed("1", "2")
    for side in (
        tmp_path / "a",
        str(tmp_path / "a" / "*"),
        [tmp_path / "a" / "1.xml", feed("2")],
        (io.BytesIO(feed("2")), io.BytesIO(feed("1"))),
        tmp_path / "b.ndjson",
    ):
        assert changes(side, whole) == []
    (found,) = compare(tmp_path / "a", feed("1"))
    assert found.old_source == str(tmp_path / "a" / "2.xml.gz")
    (found,) = compare([feed("1"), b"<Order><AmazonOrderId>2</AmazonOrderId></Order>"], feed("1"))
    assert found.old_source == "<old 2>"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (feed("1")[:-20], "line 10, column"),
        (feed("1").replace(b"<Orders>", b"<Orders><!DOCTYPE x>"), "line 5, column"),
        (b"<!DOCTYPE x><Order/>", "DOCTYPE"),
        (b"<html/>", "is not the root"),
        (feed("1", inner="<a>" * 500), "deep|Excessive|nested"),
        (feed("1", inner="<a " + " ".join(f"b{n}=''" for n in range(20_000)) + "/>"), "attributes"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]>' + feed("1"), "DOCTYPE"),
        (b'{"a": 1}', "neither"),
        (b"garbage", "line 1, column 1"),
    ],
)
def test_what_cannot_be_read(data, problem):
    """Either side: the input, the place and the reason, all of them, and no differences."""
    for old, new, name in ((data, feed("1"), "<old>"), (feed("1"), data, "<new>")):
        with pytest.raises(DiffError, match=problem) as raised:
            list(compare(old, new))
        assert [fault.source for fault in raised.value.faults] == [name]
    with pytest.raises(DiffError) as raised:
        list(compare(data, [data, data]))
    assert len(raised.value.faults) == 3


def test_a_side_that_is_not_there(tmp_path):
    """A directory without feeds is no feed that is the same as another one without."""
    with pytest.raises(DiffError, match=r"no (feed|file)"):
        list(compare(tmp_path, tmp_path))
    with pytest.raises(DiffError, match="no file matches"):
        list(compare(str(tmp_path / "*.xml"), feed("1")))


@pytest.mark.parametrize("data", [b"", b" \n", b"[]", b"\n[]\n[]\n", gzip.compress(b"", mtime=0)])
def test_an_input_without_any_document(data, tmp_path):
    """It is no feed that is the same as another one without; that of a list without orders is one."""
    (tmp_path / "empty.xml").write_bytes(data)
    (tmp_path / "good.xml").write_bytes(feed("1"))
    with pytest.raises(DiffError) as raised:
        list(compare(tmp_path / "empty.xml", tmp_path))
    assert [str(fault) for fault in raised.value.faults] == [f"{tmp_path / 'empty.xml'}: holds no document"] * 2
    for nothing in (feed(), b'{"payload":{"Orders":[]}}', b'{"orders":[]}'):
        assert changes(nothing, nothing) == []


def outcome(data):
    """What a document differs in from itself, or why it cannot be read."""
    try:
        return changes(data, data)
    except DiffError as error:
        return str(error)


def test_what_is_nested_as_deeply_as_can_be():
    """Whatever the parser lets pass is compared, or refused in words; in an order, around one, and in JSON."""
    for depth in range(244, 256):
        for end in ("<b>x</b>", "<b c='x'><d e='x'>f</d></b>"):
            nest = "<a>" * depth + end + "</a>" * depth
            for data in (
                orders(order("1", nest)),
                f"<Order>{nest}</Order>",
                f"<ErrorResponse>{nest}</ErrorResponse>",
            ):
                told = outcome(data.encode())
                assert told == [] or "deep" in told or "depth" in told
    with mock.patch("bridge.diff.entries.orjson.dumps", side_effect=TypeError), pytest.raises(DiffError) as raised:
        list(compare(b'{"AmazonOrderId": "1"}', b"<Order/>"))
    assert str(raised.value).startswith("<old>: nested too deeply to be compared")


def test_a_duplicate_names_its_own_input(tmp_path):
    """Not that of the order that it equals."""
    for name in ("a.xml", "b.xml"):
        (tmp_path / name).write_bytes(feed("1"))
    (found,) = compare(tmp_path / "a.xml", [tmp_path / "b.xml", feed("1")])
    assert (found.change, found.new_source) == ("duplicate", "<new 2>")
    (found,) = compare(orders(order("0"), order("1")).encode(), orders(order("0"), order("1"), order("1")).encode())
    assert (found.change, found.path, found.new_source) == ("duplicate", "Order[1]", "<new>")


def test_a_side_that_breaks_off(tmp_path, monkeypatch):
    """A packed file that ends too early, and one that is gone when its turn comes."""
    (tmp_path / "a.xml.gz").write_bytes(gzip.compress(feed("1"))[:-12])
    with pytest.raises(DiffError, match=r"a\.xml\.gz"):
        list(compare(tmp_path / "a.xml.gz", feed("1")))
    (tmp_path / "b.xml").write_bytes(feed("1"))
    monkeypatch.setattr(Source, "open", mock.Mock(side_effect=SourceError("b.xml", "does not exist")))
    with pytest.raises(DiffError, match=r"b\.xml: does not exist"):
        list(compare(tmp_path / "b.xml", feed("1")))


def test_an_endless_run_of_faults_ends():
    """Past a thousand nothing more is read."""
    with pytest.raises(DiffError) as raised:
        list(compare(b'{"a": 1}\n' * 3000, feed("1")))
    assert len(raised.value.faults) == 1001


def test_an_unknown_profile():
    """It is refused, with those that there are."""
    with pytest.raises(ValueError, match="choose from exact, migration"):
        list(compare(feed("1"), feed("1"), "extract"))


def test_a_digest_never_says_equal_of_what_is_not():
    """However names and texts are made up: of two records with the same digest the schema says the same."""
    tricky = ["a", "b", "a.b", "a'.'b", "/a", "[0]", "a\\'", "\x01"]
    texts = ["x", "x\0y", "", "y"]
    dice = random.Random(3)
    found = {}
    for _ in range(3000):
        unknown = {}
        for name in dice.sample(tricky, dice.randrange(1, 3)):
            inner = dice.choice([dice.choice(texts), [dice.choice(texts)], {dice.choice(tricky): dice.choice(texts)}])
            unknown[name] = inner
        record = {"AmazonOrderId": "1", "OrderStatus": dice.choice(texts), UNKNOWN: unknown}
        digest = _entry_of("Order", record, Origin.MWS, "").digest
        if digest and digest in found:
            assert list(compare_records(found[digest], record, ORDER, ())) == []
        found[digest] = record
    assert len(found) > 500


@pytest.mark.parametrize("odd", [0, 0.05])
def test_an_order_has_one_digest(odd):
    """Whatever elements an order is put together of: read as bytes, its key, its digest and its record are those of
    the record that the parser read."""
    dice = random.Random(f"digest {odd}")
    reader = EntryReader()
    blocks = reader.blocks(DOCUMENTS["ListOrdersResponse"])
    taken = 0
    for _ in range(3000):
        block = soup(dice, odd=odd)
        found = blocks.read(block) if only_tags(block) else None
        if found is None:
            continue
        (element,) = parse_element(b"<_>%b</_>" % block)
        record = read_element(element, ORDER)
        entry = _entry_of("Order", record, Origin.MWS, "")
        assert (found.key, found.digest) == (entry.key, entry.digest), block
        assert reader.record(found.body, found.make) == _trimmed(record)
        taken += 1
    assert taken >= 300


def test_shapes_are_bounded(monkeypatch):
    """Past so many shapes of orders the others are kept whole, and are compared as well."""
    assert entries._MAX_SHAPES == 8192
    monkeypatch.setattr(entries, "_MAX_SHAPES", 1)
    old = orders(*(order(f"{number}", f"<New{number}>a</New{number}>") for number in range(3))).encode()
    assert compare_all(old, old).equal == 3
    reader = EntryReader()
    assert sum(entry.make < 0 for entry in reader.read([old], "") if isinstance(entry, Entry)) == 2
    assert compare_all(old, old.replace(b">a<", b">b<")).different == 3
    (one, again) = (order("1", inner) for inner in ("<OrderStatus>a</OrderStatus><IsPrime/>",
                                                    "<IsPrime/><OrderStatus>a</OrderStatus>"))  # fmt: skip
    reader = EntryReader()
    made = [entry.make for entry in reader.read([orders(one, again).encode()], "") if isinstance(entry, Entry)]
    assert made == [0, 0]  # in whichever order elements stand, the shape is the same


# --- memory ---------------------------------------------------------------------------------------------------------


@examples(25)
@given(st.data())
@pytest.mark.long
def test_the_database_says_the_same(data):
    """With the old side in a database, from any entry on, the differences are the same, in the same order."""
    old, new = ([*data.draw(feeds()), *data.draw(feeds())] for _ in range(2))
    old, new = xml(*old), xml(*new)
    expected = list(compare(old, new, "exact"))
    for most in (0, 2000):
        assert list(compare(old, new, "exact", most_held=most)) == expected


def test_many_orders_in_a_database():
    """Lookups by hash, by key and of what is new."""
    dice = random.Random(1)
    keys = [str(number) for number in range(300)]
    old = [order(key, f"<OrderStatus>{key}</OrderStatus>") for key in keys]
    new = list(old)
    new[7] = order("7", "<OrderStatus>x</OrderStatus>")
    del new[100]
    new += [order("new"), order("new"), old[5]]
    dice.shuffle(new)
    found = Counter(changes(orders(*old).encode(), orders(*new).encode(), most_held=10_000))
    assert found == {
        ("changed-value", "Order[7]/OrderStatus"): 1,
        ("missing", "Order[100]"): 1,
        ("extra", "Order[new]"): 1,
        ("duplicate", "Order[new]"): 1,
        ("duplicate", "Order[5]"): 1,
    }


def spilled(monkeypatch):
    """A comparison whose old side is in a database on disk."""
    monkeypatch.setattr(shelf, "_TABLES", re.sub(r"cache_size = \S+;", "cache_size = 10;", shelf._TABLES))
    text = "<BuyerName>" + "x" * 2000 + "</BuyerName>"
    old, new = (orders(*[order(str(n), f"{text}<OrderStatus>{s}</OrderStatus>") for n in range(500)]) for s in "ab")
    return compare(old.encode(), new.encode(), most_held=2000)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="it looks at what the process has open")
def test_the_database_has_no_name(monkeypatch):
    """Not even while it is there: however the process ends, nothing of the orders is left in the directory."""
    found = spilled(monkeypatch)
    next(found)
    links = []
    for handle in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            links.append(os.readlink(f"/proc/self/fd/{handle}"))
    found.close()
    names = [link.removesuffix(" (deleted)") for link in links if "/etilqs_" in link]
    assert names
    assert not any(map(os.path.exists, names))


def test_no_room_for_the_database(monkeypatch):
    """It is told as what cannot be read is, with the remedy, and without a difference."""
    monkeypatch.setattr(shelf, "_TABLES", f"PRAGMA max_page_count = 20;{shelf._TABLES}")
    with pytest.raises(DiffError, match=r"^<temporary database>: database or disk is full; set TMPDIR to"):
        next(spilled(monkeypatch))


# --- other ----------------------------------------------------------------------------------------------------------


def test_find_records():
    """The records of an order: its own, its items', its messages'."""
    side = [feed("1", "2"), items("<OrderItemId>7</OrderItemId>", order="1").encode()]
    side.append(envelope("<Message><OrderReport><AmazonOrderID>1</AmazonOrderID></OrderReport></Message>"))
    found = find_records(side, "1")
    assert {path: member for path, (member, _) in found.items()} == {
        "Order[1]": "Order",
        "Order[1]/OrderItem[7]": "OrderItem",
        "Message[OrderReport 1]": "Message",
    }
    assert found["Order[1]/OrderItem[7]"][1] == {"OrderItemId": "7"}
    assert list(find_records(side, "1/7")) == ["Order[1]/OrderItem[7]"]
    with pytest.raises(DiffError):
        find_records(b"<a/>", "1")


def test_no_value_shows_by_accident():
    """A difference masks what is personal, in whatever way it is printed."""
    old = orders(order("1", "<BuyerEmail>canary@example.com</BuyerEmail><Novel>canary</Novel>")).encode()
    new = orders(order("1", "<BuyerEmail>other@example.com</BuyerEmail>")).encode()
    found = list(compare(old, new))
    assert len(found) == 2
    for difference in found:
        assert "canary" not in f"{difference} {difference!r} {difference.old_text()}"
        assert "canary" in difference.old_text(show_pii=True)
    old = orders(order("1", "<ShippingAddress><City>canary</City><AddressType>Home</AddressType></ShippingAddress>"))
    (found,) = compare(old.encode(), feed("1"))
    assert found.old_text() == "{AddressType: Home, City: xxxxxx}"
    assert found.new_text() is None


def test_an_amount_in_words():
    """Its currency and its number are nobody's secret."""
    fee = "<OrderReport><AmazonOrderID>1</AmazonOrderID><Item><ItemFees>{}</ItemFees></Item></OrderReport>"
    fee = f"<Message>{fee}</Message>"
    old = envelope(fee.format('<Fee><Type>a</Type><Amount currency="EUR">1.50</Amount></Fee>'))
    (found,) = compare(old, envelope(fee.format("<Fee><Type>a</Type></Fee>")))
    assert (found.spot, found.old_text()) == (
        "Message/OrderReport/Item/ItemFees/Fee/Amount",
        "{Amount: 1.50, CurrencyCode: EUR}",
    )


@pytest.mark.long
def test_the_corpus_against_itself():
    """Every document that others collected is the same as itself, as its JSON, and as the XML of that."""
    top = folder("MWS_CORPUS", "corpus")
    count = 0
    for path in sorted(top.rglob("*")):
        if not path.is_file() or path.suffix in {".tsv", ".md"}:
            continue
        data = path.read_bytes()
        out, report = convert(data)
        if report.failures or not report.documents:
            continue
        assert changes(data, data) == [], path
        assert changes(data, out) == [], path
        assert changes(data, converted(out)) == [], path
        count += 1
    print(count)
    assert count > 200
