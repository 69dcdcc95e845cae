"""Orders v2026-01-01: XML, v0 and v2026 become one another, and nothing is lost on any way."""

import csv
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.offline import from_json, from_sp_api, iter_records, render, to_sp_api, to_v2026
from bridge.offline.records import member_name
from bridge.offline.report import ConvertError
from mws_compat.documents import FRAGMENTS
from tests.examples import examples
from tests.mapping.store import newer_orders, older_orders, static_answers
from tests.offline.converting import (
    DOCUMENTS,
    FEEDS,
    KINDS,
    convert,
    converted,
    failures,
    folder,
    items,
    jsons,
    members,
    order,
    orders,
    root_of,
    same,
)
from tests.offline.test_corpus import BAD_NAMESPACE, is_json
from tests.sandbox.model import judge

FORM = "sp-api-2026"


def lines(values):
    return "\n".join(json.dumps(value, ensure_ascii=False) for value in values)


def new(number, *inner, **more):
    """An order of v2026 with items of these ids."""
    found = {"orderId": str(number), "salesChannel": {"marketplaceName": "Amazon.com"}, **more}
    return (
        found | {"orderItems": [{"orderItemId": one, "product": {"asin": "B"}} for one in inner]} if inner else found
    )


# --- the store ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def newer():
    return newer_orders()


@pytest.fixture(scope="module")
def older():
    """Answers of v0: lists of orders, each followed by the items of its orders."""
    found = []
    pairs = older_orders()
    for start in range(0, len(pairs), 50):
        page = pairs[start : start + 50]
        found.append({"payload": {"Orders": [one for one, _ in page], "NextToken": str(start)}})
        found += [{"payload": {"OrderItems": inner, "AmazonOrderId": one["AmazonOrderId"]}} for one, inner in page]
    return lines(found)


@pytest.mark.long
def test_answers_to_xml_and_back(newer):
    """An answer with its orders and their items comes back as it was; in between each order has a list of items."""
    source = {"orders": newer[:40], "pagination": {"nextToken": "t"}, "createdBefore": "2026-01-01T00:00:00Z"}
    xml = converted(json.dumps(source))
    assert xml.count(b"<ListOrdersResponse ") == 1
    assert xml.count(b"<ListOrderItemsResponse ") == 40
    assert jsons(xml, form=FORM) == [source]
    assert jsons(json.dumps(source), form=FORM) == [source]
    assert converted(converted(xml, form=FORM)) == xml
    paged = converted(json.dumps(source), page=10)
    assert paged.count(b"<ListOrdersResponse ") == 4
    back = jsons(paged, form=FORM)
    assert [one for answer in back for one in answer["orders"]] == source["orders"]
    assert [answer.get("pagination") for answer in back] == [None] * 3 + [{"nextToken": "t"}]


@pytest.mark.long
def test_lines_to_xml_and_back(newer):
    """Every order of the store comes back from lines as it was, items and all."""
    xml = converted(lines(newer))
    assert xml.count(b"<ListOrdersResponse ") == -(-len(newer) // 100)
    assert jsons(xml, form=FORM, lines=True) == newer
    assert converted(converted(xml, form=FORM, lines=True)) == xml


@pytest.mark.long
def test_v0_to_v2026_and_back(older):
    """Every order and item of v0 comes back but for what is empty, which counts as absent; what v2026 says of it is
    as Amazon's model has it."""
    expected = jsons(older, form="sp-api")
    found = jsons(older, form=FORM)
    assert len(found) == sum("Orders" in answer["payload"] for answer in expected)
    assert without_empty(jsons(lines(found), form="sp-api")) == without_empty(expected)
    strict = judge("orders_2026-01-01.json", "SearchOrdersResponse")
    faults = Counter()
    for answer in map(bare, found):
        assert answer["orders"]
        for one in answer["orders"]:
            faults.update(message[:20] for message in strict.faults({**answer, "orders": [one]}))
    # v2026 has no word for that status; what it presumably says instead would be a guess.
    assert faults.keys() <= {"'InvoiceUnconfirmed'"}


def without_empty(value):
    if isinstance(value, dict):
        return {name: without_empty(inner) for name, inner in value.items() if inner not in ("", {}, [])}
    return [without_empty(inner) for inner in value] if isinstance(value, list) else value


def bare(value):
    """A value without what only the converter writes."""
    if isinstance(value, dict):
        return {name: bare(inner) for name, inner in value.items() if not name.startswith("#")}
    return [bare(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("number", range(8))
def test_answers_of_the_model(number):
    """Amazon's examples come back as they are, errors too."""
    source = static_answers()[number]
    assert jsons(converted(json.dumps(source)), form=FORM) == [source]
    assert jsons(converted(json.dumps(source, indent=1), form="sp-api"), form=FORM) == [source]


# --- what was collected ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def corpus():
    top = folder("MWS_CORPUS", "corpus")
    with (top / "INDEX.tsv").open(encoding="utf-8", newline="") as index:
        rows = list(csv.DictReader(index, delimiter="\t"))
    return [(row, (top / row["path"]).read_bytes()) for row in rows if (top / row["path"]).is_file()]


@pytest.mark.long
def test_collected_xml(corpus):
    """Each document becomes v2026 JSON in both layouts, or is one failure; each comes back as the same record."""
    counts = Counter()
    for row, data in corpus:
        path, kind = row["path"], row["kind"].partition(":")[0]
        if is_json(data) or path.endswith(".tsv"):
            continue
        (out, whole), (_, in_lines) = (convert(data, form=FORM, lines=layout) for layout in (False, True))
        reports = [whole, in_lines]
        if row["well_formed"] != "yes" or not (kind in DOCUMENTS or kind.startswith("fragment")):
            assert [len(report.failures) for report in reports] == [1, 1], path
            counts["refused"] += 1
            continue
        if reports[0].failures:
            assert BAD_NAMESPACE in reports[0].failures[0].problem, path
            continue
        assert not any(report.failures for report in reports), path
        first_kind, first = root_of(data)
        second = converted(out)
        second_kind, again = root_of(second)
        if first_kind.root.name in FRAGMENTS:
            again = again["GetOrderResult"]["Orders"][0]
        else:
            assert first_kind is second_kind, path
        assert same(again, first, first_kind.root), path
        assert converted(converted(second, form=FORM)) == second, path
        counts["came back"] += 1
    print(dict(counts))
    assert counts["came back"] > 100


@pytest.mark.long
def test_collected_json(corpus):
    """Each answer of v2026 comes back as it is; each of v0 becomes v2026 and is, back in v0, what it would have
    become without that."""
    counts = Counter()
    for row, data in corpus:
        if not is_json(data):
            continue
        direct, report = convert(data, form="sp-api")
        if report.failures:
            continue
        if row["kind"].startswith("SP2026."):
            source = json.loads(data)
            assert jsons(data, form=FORM) == (source if isinstance(source, list) else [source]), row["path"]
            assert jsons(converted(data), form=FORM) == jsons(direct, form=FORM), row["path"]
            counts["v2026"] += 1
            continue
        through = converted(converted(data, form=FORM), form="sp-api")
        expected = [json.loads(line) for line in direct.splitlines()]
        assert without_empty([json.loads(line) for line in through.splitlines()]) == without_empty(expected)
        counts["v0"] += 1
    print(dict(counts))
    assert counts["v0"] > 80
    assert counts["v2026"] > 15


# --- any record -----------------------------------------------------------------------------------------------------


@examples(30)
@given(data=st.data(), member=st.sampled_from(sorted(KINDS)), layout=st.booleans())
def test_any_record(data, member, layout):
    """Whatever stands in XML stands there again with the same meaning."""
    struct, key = KINDS[member]
    records = data.draw(st.lists(members(struct, key), min_size=1, max_size=3))
    xml = b"".join(render(records))
    newer = converted(xml, form=FORM, lines=layout)
    again = list(iter_records(converted(newer)))
    expected = list(iter_records(xml))
    assert len(again) == len(expected)
    assert all(same(one, other, struct) for one, other in zip(again, expected, strict=True))
    assert converted(converted(newer), form=FORM, lines=layout) == newer
    for record in expected:
        for version in ("v0", "v2026-01-01"):
            assert same(from_sp_api(json.loads(json.dumps(to_sp_api(record, version)))), record, struct)


# --- orders and their items -----------------------------------------------------------------------------------------


def test_items_go_into_their_order():
    """A list of items that says nothing but its order goes into it, wherever it stands behind it; twice does not."""
    xml = orders(order("1"), order("2"), order("1")) + items("<ASIN>a</ASIN>", order="2") + items(order="1")
    (answer,) = jsons(xml, form=FORM)
    assert [len(one.get("orderItems", "x")) for one in answer["orders"]] == [0, 1, 1]
    assert len(jsons(xml + items("<ASIN>b</ASIN>", order="2"), form=FORM)) == 2
    assert jsons(xml, form=FORM, lines=True) == answer["orders"]
    assert jsons(orders(order(" 1 ")) + items("<ASIN>a</ASIN>", order="1\n"), form=FORM)[0]["orders"][0]["orderItems"]


REQUEST_ID = "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></ListOrderItemsResponse>"


@pytest.mark.parametrize(
    "other",
    [
        items("<ASIN>a</ASIN>", order="9"),
        items("<ASIN>a</ASIN>").replace("</ListOrderItemsResponse>", REQUEST_ID),
        items("<ASIN>a</ASIN>").replace("<OrderItems>", "<NextToken>t</NextToken><OrderItems>"),
        items("<ASIN>a</ASIN>").replace("2013-09-01", "2011-01-01"),
        items("<ASIN>a</ASIN>").replace("<AmazonOrderId>1</AmazonOrderId>", ""),
        items("<ASIN>a</ASIN>", action="ListOrderItemsByNextToken"),
        items("<ASIN>a</ASIN>").replace("<OrderItems>", "<New>x</New><OrderItems>"),
        items().replace("<OrderItems></OrderItems>", ""),
    ],
)
def test_items_that_stay_apart(other):
    """A list of items that says more, or is of another order, stays a document of its own and loses nothing."""
    xml = orders(order("1"), order("2")) + other
    first, second = jsons(xml, form=FORM)
    assert [one.keys() & {"orderItems"} for one in first["orders"]] == [set(), set()]
    back = converted(converted(xml, form=FORM))
    start = back.index(b"<?xml", 10)
    assert same(root_of(back[start:])[1], root_of(other.encode())[1], root_of(other.encode())[0].root)
    assert len(jsons(xml, form=FORM, lines=True)) == (3 if "orderItems" in second["order"] else 2)


def test_other_documents_do_not_come_between():
    """A broken document leaves the orders waiting; any other is written behind them."""
    broken, found = "<ListOrdersResponse><x>", f"<?xml version='1.0'?>{items('<ASIN>a</ASIN>')}"
    out, report = convert(orders(order("1")) + broken + found, form=FORM)
    assert len(report.failures) == 1
    assert json.loads(out)["orders"][0]["orderItems"]
    feed = (FEEDS / "fulfillment.xml").read_text()
    for other in (feed, "<Order><AmazonOrderId>7</AmazonOrderId></Order>", orders(order("7"))):
        first, _, third = jsons(orders(order("1")) + other + found, form=FORM)
        assert "orderItems" not in first["orders"][0]
        assert third == {"order": {"orderItems": third["order"]["orderItems"], "orderId": "1"}}


@pytest.mark.parametrize("layout", [False, True], ids=["document", "lines"])
def test_long_lists(layout, monkeypatch):
    """A list that is too long to wait is written as it is read; what comes back is the same."""
    xml = orders(*map(order, range(7)), token="t") + items(*["<ASIN>a</ASIN>"] * 7, order="3", behind=True)
    xml += items(*["<ASIN>b</ASIN>"] * 6, order="4") + orders(order("8")) + items("<ASIN>c</ASIN>", order="8")
    expected = jsons(xml, form=FORM, lines=layout)
    monkeypatch.setattr(to_v2026, "MAX_WAITING", 3)
    found = jsons(xml, form=FORM, lines=layout)
    apart = [one.pop("orderItems", None) for answer in expected for one in answer.get("orders", [answer])]
    assert sum(one is not None for one in apart) == 3
    assert len(found) == len(expected) + 2
    assert converted(lines(found)).count(b"<OrderItem>") == 14
    assert sorted(ids_of(converted(lines(found)))) == sorted(ids_of(converted(converted(xml))))


def ids_of(xml):
    return [(member_name(record), record["AmazonOrderId"], record.get("ASIN")) for record in iter_records(xml)]


def test_single_orders():
    """An answer with one order, one order cut out, and one item cut out."""
    (one,) = jsons(
        orders(order("1"), action="GetOrder")
        .replace("<ResponseMetadata>", "<RequestId/>")
        .partition("<RequestId/>")[0]
        + "</GetOrderResponse>",
        form=FORM,
    )
    assert one["order"]["orderId"] == "1"
    assert "Operation" not in one.get("#mws", {})
    (two,) = jsons(orders(order("1"), order("2"), action="GetOrder"), form=FORM)
    assert [len(two["orders"]), two["#mws"]["Operation"]] == [2, "GetOrder"]
    fragment = "<Order xmlns='urn:x'><AmazonOrderId>1</AmazonOrderId><IsPrime>true</IsPrime></Order>"
    (cut,) = jsons(fragment, form=FORM)
    assert (cut["order"]["programs"], cut["#mws"]) == (["PRIME"], {"Namespace": "urn:x"})
    assert jsons(fragment, form=FORM, lines=True) == [cut["order"]]
    (item,) = jsons("<OrderItem><ASIN>a</ASIN></OrderItem>", form=FORM)
    assert item["product"] == {"asin": "a"}
    assert jsons(converted(json.dumps(item)), form=FORM) == [{"order": {"orderItems": [item]}}]


def test_answers_without_orders():
    """An answer without orders says what it answered, unless its shape does."""
    bare_answer = (
        orders()
        .replace("<Orders>\n\n    </Orders>", "")
        .replace("<ResponseMetadata>", "<!--")
        .replace("</ResponseMetadata>", "-->")
    )
    assert jsons(bare_answer.replace("<!--<RequestId>r-1</RequestId>-->", ""), form=FORM) == [
        {"#mws": {"Operation": "ListOrders"}}
    ]
    assert jsons(orders(), form=FORM) == [{"orders": [], "#mws": {"ResponseMetadata": {"RequestId": "r-1"}}}]
    assert jsons(orders(), form=FORM, lines=True) == []
    assert jsons(items(order="5"), form=FORM) == [{"order": {"orderItems": [], "orderId": "5"}}]
    assert jsons(items(order="5").replace("<OrderItems></OrderItems>", ""), form=FORM) == [
        {"order": {"orderId": "5"}, "#mws": {"Operation": "ListOrderItems"}}
    ]
    for xml in (bare_answer, orders(), items(order="5")):
        assert same(
            root_of(converted(converted(xml, form=FORM)))[1], root_of(xml.encode())[1], root_of(xml.encode())[0].root
        )


# --- JSON input -----------------------------------------------------------------------------------------------------


def test_which_form():
    """What JSON becomes, the form says; without one XML, whatever version it is of."""
    one = json.dumps(new(1, "a"))
    v0 = '{"AmazonOrderId":"1"}'
    assert converted(one).count(b"<?xml") == 2
    assert jsons(v0, form="sp-api", lines=True) == [{"AmazonOrderId": "1"}]
    assert jsons(v0, form=FORM, lines=True)[0]["orderId"] == "1"
    assert [next(iter(line)) for line in jsons(one, form="sp-api", lines=True)] == ["AmazonOrderId", "AmazonOrderId"]
    assert [list(answer) for answer in jsons(one, form="generic")] == [
        ["ListOrdersResponse"],
        ["ListOrderItemsResponse"],
    ]
    mixed = f"{v0}\n{one}\n{v0}\n"
    assert [one["orderId"] for one in jsons(mixed, form=FORM, lines=True)] == ["1", "1", "1"]


def test_arrays():
    """An array of orders and items is taken one by one."""
    source = [new(1, "a"), {"orderItemId": "b"}, {"orderId": "2", "orderItems": []}, new(3)]
    for layout in (None, 1):
        xml = converted(json.dumps(source, indent=layout))
        assert [key for _, key, *_ in ids_with_order(xml)] == ["1", "1", None, "3"]


def ids_with_order(xml):
    return [(member_name(record), record.get("AmazonOrderId")) for record in iter_records(xml)]


BROKEN = [
    ({"orders": 5}, "f: orders: array expected"),
    ({"orders": [5]}, "f: orders[0]: object expected"),
    ({"order": 5}, "f: order: object expected"),
    ({"order": {}, "orders": []}, "f: order: may not stand beside orders"),
    ({"orders": [{"orderId": "1"}, {"#mws": {"secret": "1"}}]}, "f: orders[1].#mws: only elements of Order"),
    ({"orders": [{"orderItems": 5}]}, "f: orders[0].orderItems: array expected"),
    ({"orders": [{"orderItems": ["secret"]}]}, "f: orders[0].orderItems[0]: object expected"),
    ({"orders": [{"orderItems": [{}, {"#unknown": 5}]}]}, "f: orders[0].orderItems[1].#unknown: object expected"),
    ({"order": {"orderId": "1", "orderItems": [{"#v0": 5}]}}, "f: order.orderItems[0].#v0: object expected"),
    ({"order": {"orderId": "1", "programs": [], "#v0": 5}}, "f: order.#v0: object expected"),
    ({"orders": [], "#mws": 5}, "f: #mws: object expected"),
    ({"orders": [], "#mws": {"Operation": "GetServiceStatus"}}, "f: #mws.Operation: not an operation that lists"),
    ({"orders": [], "#mws": {"NextToken": 5}}, "f: #mws: only Namespace, Operation"),
    ({"order": {"orderItems": []}, "#mws": {"NextToken": 5}}, "f: #mws.NextToken: text, object or array expected"),
    ({"orders": [], "#v0": 5}, "f: #v0: object expected"),
    ({"orders": [], "#v0": {"payload": 5}}, "f: #v0.payload: object expected"),
    ({"orders": [], "#absent": 5}, "f: #absent: may not stand here"),
    ([{"orderId": "1"}, {"orderId": "1", "orderItems": [5]}], "f: [1].orderItems[0]: object expected"),
]


@pytest.mark.parametrize(("source", "message"), BROKEN)
def test_wrong_shapes(source, message):
    """What is wrong is told with its place and no value, on every way."""
    for form in ("", "sp-api"):
        (told,) = failures(json.dumps(source), form=form)
        assert told.startswith(message)
        assert "secret" not in told
    with pytest.raises(ConvertError):
        list(iter_records(json.dumps(source).encode()))


def test_unknown_members():
    """Members that nobody knows are counted, refused, or left out; those without an element by design are not."""
    source = {
        "orders": [new(1, "a", future=1, buyer={"buyerCompanyName": "x", "more": "y"})],
        "pagination": {"later": 1},
        "#unknown": {"@a": "1"},
    }
    source["orders"][0]["orderItems"][0]["news"] = 1
    text = json.dumps(source)
    assert convert(text)[1].unknown == 5
    assert convert(text, form=FORM)[1].unknown == 5
    assert failures(text, strict=True) == ["f: pagination.later: not known to the tables"]
    assert failures(json.dumps(new(1, buyer={"more": "y"})), strict=True) == [
        "f: buyer.more: not known to the tables"
    ]
    out, report = convert(text, drop=True)
    assert report.left_out == 5
    assert b"Unmapped" not in out
    assert jsons(text, form=FORM) == [source]
    assert convert(json.dumps(new(1)), form="sp-api")[1].unknown == 0
    assert convert(converted(json.dumps(new(1)), form="sp-api"))[1].unknown == 0


def test_numbers_keep_their_digits():
    """Numbers come back as they were written, amounts among them."""
    text = '{"orderId":"1","proceeds":{"grandTotal":{"amount":1.10,"currencyCode":"X"}},"size":2.50,"big":1e300}'
    out = converted(converted(text), form=FORM, lines=True)
    assert b'"amount":1.10' in out
    assert b'"size":2.50' in out
    assert b'"big":1e300' in out
    assert b"<Amount>1.10</Amount>" in converted(text)


def test_characters_that_xml_cannot_hold():
    """They are another one in XML, as MWS wrote it, and come back from there."""
    source = new(1, buyer={"buyerName": "a\uffffb\u0001c", "buyerCompanyName": "\ufffe\u0002"}, note="x\ry\n\nz")
    xml = converted(json.dumps(source))
    assert "a\ufffdb\ufffdc</BuyerName>".encode() in xml
    assert jsons(xml, form=FORM, lines=True) == [source]


LARGE = {
    "answer": {"orders": [new(n, "a", "b") if n % 2 else new(n) for n in range(7)], "pagination": {"nextToken": "t"}},
    "no items": {"createdBefore": "2026-01-01T00:00:00Z", "orders": [new(1), new(2)]},
    "empty": {"orders": []},
    "array": [new(1, "a"), new(2)],
    "one": {"order": new(1, "a")},
    "no list": {"pagination": {"nextToken": "t"}},
}


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("page", [0, 3])
def test_large_is_as_small(name, page, monkeypatch):
    """A value that is too large to be decoded at once becomes the same orders and items, in XML as in JSON."""
    text = json.dumps(LARGE[name], indent=1).encode()
    small, counts = convert(text, page=page)
    small_json = jsons(text, form=FORM)
    records = list(iter_records(text))
    monkeypatch.setattr(from_json, "MAX_WHOLE_JSON", 10)
    large, report = convert(text, page=page)
    assert not report.failures
    assert sorted(map(repr, iter_records(large))) == sorted(map(repr, iter_records(small)))
    assert (report.documents, report.members) == (counts.documents, counts.members)
    assert jsons(text, form=FORM) == small_json
    assert list(iter_records(text)) == records


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"orders": [new(1), {"#mws": 5}]}, "orders[1].#mws: object expected"),
        ({"orders": [new(1), {"orderItems": [5]}]}, "orders[1].orderItems[0]: object expected"),
        ({"orders": [new(1), 5]}, "orders[0]: object expected"),
        ({"orders": [new(1)], "#mws": {"Operation": "ListOrderItems"}}, "orders is not what such an answer lists"),
        ({"orders": [new(1)], "#mws": {"Namespace": "urn:2011-01-01"}}, "#mws.Namespace: a document this large"),
        (
            {"orders": [new(1)], "payload": {"Orders": [{"AmazonOrderId": "1"}]}},
            "lists of members in more than one place",
        ),
    ],
)
def test_large_errors(source, message, monkeypatch):
    """What is wrong with a large value is told in the same words, and nothing of it is written."""
    monkeypatch.setattr(from_json, "MAX_WHOLE_JSON", 10)
    (told,) = failures(json.dumps(source))
    assert told.startswith(f"f: {message}")
    found = []
    list(iter_records(json.dumps(source).encode(), on_error=found.append))
    assert len(found) <= 1


# --- XML input ------------------------------------------------------------------------------------------------------


def test_odd_and_unknown_things():
    """They are counted, told of and refused as on the way to v0."""
    inner = "<IsPrime>maybe</IsPrime><Novel a='1'/>"
    xml = orders(order("1", inner), token=" ")
    found, newer = convert(xml)[1], convert(xml, form=FORM)[1]
    assert newer.warnings == found.warnings
    assert (newer.unknown, newer.odd, newer.documents, newer.members) == (
        found.unknown,
        found.odd,
        found.documents,
        found.members,
    )
    for text in (xml, orders().replace("<Orders>", "<New>x</New><Orders>")):
        assert failures(text, form=FORM, strict=True) == failures(text, strict=True)
    assert len(failures(orders(order("1", "<Unmapped xmlns='urn:mws-bridge'>x</Unmapped>")), form=FORM)) == 1
    around = orders(order("1")).replace(
        "</ListOrdersResponse>", "<Unmapped xmlns='urn:mws-bridge'>x</Unmapped></ListOrdersResponse>"
    )
    assert len(failures(around, form=FORM)) == 1
    taken = around.replace(">x<", '>{"#v2026":{"orders":[]}}<')
    assert failures(taken, form=FORM) == ["f: orders: what no element carries has no place beside the elements"]
    assert len(failures(f'<ListOrdersResponse xmlns="{"x"}"/>', form=FORM)) == 1


def test_v0_members_stay():
    """What only v0 said of orders, items and answers stands under ``#v0``, and comes back."""
    source = {
        "payload": {
            "Orders": [{"AmazonOrderId": "1", "HasRegulatedItems": False, "ShippingAddress": {"CompanyName": "x"}}],
            "Future": 1,
        },
        "later": {"a": [1]},
        "#mws": {"Operation": "ListOrders"},
    }
    (found,) = jsons(json.dumps(source), form=FORM)
    assert found["#v0"] == {"payload": {"Future": 1}, "later": {"a": [1]}}
    assert found["orders"][0]["#v0"] == {"HasRegulatedItems": False, "ShippingAddress": {"CompanyName": "x"}}
    assert jsons(json.dumps(found), form="sp-api") == [source]


def test_recovery():
    """What can be saved of a broken document becomes v2026 as well."""
    xml = orders(order("1"), order("2")).replace("</Orders>", "")
    out, report = convert(xml, form=FORM, recover=True)
    assert report.repairs
    assert [one["orderId"] for one in json.loads(out)["orders"]] == ["1", "2"]


def test_jobs_make_no_difference(newer):
    """The same bytes for any number of processes."""
    xml = converted(lines(newer[:50]))
    assert converted(xml, form=FORM, jobs=2, size=0) == converted(xml, form=FORM)


# --- the library ----------------------------------------------------------------------------------------------------


def in_order(record):
    return json.dumps(record, sort_keys=True)


def test_records_of_v2026(newer):
    """Records come from v2026 as from the XML that it becomes, and go back to it."""
    data = lines(newer[:40])
    records = list(iter_records(data.encode()))
    by_order = list(iter_records(b"".join(render(records))))
    assert by_order == records
    assert sorted(map(in_order, iter_records(converted(data)))) == sorted(map(in_order, records))
    for record in records:
        assert from_sp_api(to_sp_api(record, "v2026-01-01")) == record
    answer = {"orders": newer[:3], "pagination": {"nextToken": "t"}}
    again = list(iter_records(json.dumps(answer).encode()))
    assert again == records[: len(again)]
    assert list(iter_records(json.dumps({"order": newer[0]}).encode())) == again[: 1 + len(newer[0]["orderItems"])]
    listed = {"order": {"orderId": "1", "orderItems": newer[0]["orderItems"]}}
    assert [record["AmazonOrderId"] for record in iter_records(json.dumps(listed).encode())] == ["1"] * len(
        newer[0]["orderItems"]
    )


def test_objects_of_the_library():
    """An order, a list of one item, an item; nothing else."""
    assert from_sp_api(new(1, "a"))["AmazonOrderId"] == "1"
    assert from_sp_api({"orderItemId": "a"})["OrderItemId"] == "a"
    assert from_sp_api({"orderId": "1", "orderItems": [{"orderItemId": "a"}]})["OrderItemId"] == "a"
    for source in ({"orderId": "1", "orderItems": []}, {"orderItems": [{}, {}]}, {"orders": []}, {"order": {}}):
        with pytest.raises(ValueError, match=r"neither an order|not one record"):
            from_sp_api(source)
    with pytest.raises(ValueError, match="not a version: write v0 or v2026-01-01"):
        to_sp_api({"AmazonOrderId": "1"}, "v1")
    record = from_sp_api({"orderItemId": "a", "measurement": {"value": 1.5}, "x": [2.25]})
    assert to_sp_api(record, "v2026-01-01")["measurement"] == {"value": 1.5}
    (exact,) = iter_records(b'{"orderItemId":"a","n":1.00000000000000000001}')
    assert str(to_sp_api(exact, "v2026-01-01")["n"]) == "1.00000000000000000001"
    assert to_sp_api({"MessageID": "1"}, "v2026-01-01") == {"MessageID": "1"}
