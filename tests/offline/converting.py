"""The converter over bytes in memory, documents to feed it, and when two records are one."""

import io
import json
import os
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import strategies as st

from bridge.offline.convert import Converter, Options, gather_head
from bridge.offline.report import Report
from mws_compat.documents import DOCUMENTS, ENVELOPE, FRAGMENTS
from mws_compat.orders import ORDER, ORDER_ITEM, namespace_of
from mws_compat.reader import parse_element, read_element
from mws_compat.schema import (
    BOOLEAN,
    DATETIME,
    DECIMAL,
    INTEGER,
    UNKNOWN,
    UNMAPPED,
    Attributed,
    ListOf,
    Repeated,
    Scalar,
    Struct,
)

NAMESPACE = namespace_of("Orders", "2013-09-01")
ROOT = Path(__file__).parents[2]
FEEDS = ROOT / "fixtures" / "feeds"


def folder(variable, name):
    """A folder beside the project, or a skip with the reason."""
    path = Path(os.environ.get(variable) or ROOT.parent / "shared" / name)
    if not path.is_dir():
        pytest.skip(f"{name} is not here: set {variable}")
    return path


class Memory:
    """A sink."""

    def __init__(self):
        self.data = bytearray()
        self.marked = 0

    def write(self, data):
        self.data += data

    def mark(self):
        self.marked = len(self.data)

    def rollback(self):
        del self.data[self.marked :]


class Trickle:
    """A stream that gives so many bytes at a time."""

    def __init__(self, data, most):
        self._file = io.BytesIO(data)
        self._most = most

    def read(self, size):
        return self._file.read(min(size, self._most))


def convert(data, *, size=1, head=2**16, name="f", **options):
    """What a source becomes, and the report; ``head`` bytes are read at a time."""
    if isinstance(data, str):
        data = data.encode()
    report, sink = Report(), Memory()
    with Converter(Options(**options), report) as converter:
        stream = Trickle(data, head)
        converter.convert(name, gather_head(lambda: stream.read(head)), stream, sink, size)
    return bytes(sink.data), report


def converted(data, **options):
    """What a source becomes when nothing is wrong with it."""
    out, report = convert(data, **options)
    assert report.failures == []
    return out


def jsons(data, **options):
    """What a source becomes, decoded: a list of documents or lines."""
    return [json.loads(line) for line in converted(data, **options).splitlines()]


def failures(data, **options):
    """What is wrong with a source of which nothing can be converted."""
    out, report = convert(data, **options)
    assert out == b""
    assert report.failures
    return [str(failure) for failure in report.failures]


# --- documents ------------------------------------------------------------------------------------------------------


def orders(*members, token="", action="ListOrders", namespace=NAMESPACE):
    """An answer of ListOrders around orders written as XML."""
    head = f"<NextToken>{token}</NextToken>" if token else ""
    return (
        f'<?xml version="1.0"?>\n<{action}Response xmlns="{namespace}">\n'
        f"  <{action}Result>\n    {head}\n    <Orders>\n"
        + "\n".join(f"      <Order>{member}</Order>" for member in members)
        + f"\n    </Orders>\n  </{action}Result>\n"
        f"  <ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata>\n</{action}Response>\n"
    )


def items(*members, order="1", behind=False, action="ListOrderItems"):
    """An answer of ListOrderItems; ``behind``: its order is named after the items."""
    listed = "<OrderItems>" + "".join(f"<OrderItem>{member}</OrderItem>" for member in members) + "</OrderItems>"
    key = f"<AmazonOrderId>{order}</AmazonOrderId>"
    inner = listed + key if behind else key + listed
    return f'<{action}Response xmlns="{NAMESPACE}"><{action}Result>{inner}</{action}Result></{action}Response>'


def order(number, inner=""):
    return f"<AmazonOrderId>{number}</AmazonOrderId>{inner}"


# --- records --------------------------------------------------------------------------------------------------------


def root_of(xml):
    """The kind of a document, and the record of its root with all its members."""
    element = parse_element(xml)
    kind = DOCUMENTS[str(element.tag).rpartition("}")[2]]
    return kind, read_element(element, kind.root)


def same(one, other, kind):
    """Whether two nodes of a kind mean the same: absent is empty, scalars are compared as their kind does."""
    if isinstance(kind, Scalar):
        return kind.same(unquote(one or ""), unquote(other or ""))  # Amazon's own samples have dates in URL notation
    if isinstance(kind, ListOf | Repeated):
        one, other = one or [], other or []
        return len(one) == len(other) and all(same(*pair, kind.of) for pair in zip(one, other, strict=True))
    one, other = one or {}, other or {}
    if isinstance(kind, Attributed):
        texts = kind.of.same(one.get(kind.text_key, ""), other.get(kind.text_key, ""))
        return texts and one.get(kind.attribute_key, "") == other.get(kind.attribute_key, "")
    known = {field.name for field in kind.fields} | {UNKNOWN, UNMAPPED}
    return (
        known.issuperset(one)
        and known.issuperset(other)
        and _plain(one.get(UNKNOWN)) == _plain(other.get(UNKNOWN))
        and json.loads(one.get(UNMAPPED, "{}")) == json.loads(other.get(UNMAPPED, "{}"))
        and all(same(one.get(field.name), other.get(field.name), field.kind) for field in kind.fields)
    )


def _plain(node):
    """What is unknown, without entries that say nothing."""
    if isinstance(node, dict):
        return {
            name: inner for name, inner in ((name, _plain(inner)) for name, inner in node.items()) if inner
        } or None
    if isinstance(node, list):
        while node and not node[-1]:
            node = node[:-1]
        return [_plain(inner) for inner in node] or None
    return node.strip() or None if isinstance(node, str) else node


# --- generated ------------------------------------------------------------------------------------------------------

TEXTS = [
    "x",
    "",
    " padded ",
    "a&b<c>d",
    'say "hi"',
    "back\\slash",
    "é → 見本 😀",
    "]]>",
    "%s %b %%",
    "two\nlines",
    "tab\there",
    "&amp;#38;",
    "\u00a0\u2028",
    "null",
    "{}",
]
VALUES = {
    BOOLEAN: ["true", "false", "TRUE", " false ", "yes", ""],
    INTEGER: ["0", "12", "-3", "+4", "007", " 5 ", "1.0", "many", "9" * 18, "9" * 19],
    DECIMAL: ["1.50", "0", "-12.30", ".5", "5.", "1,5", "1e3", " 7.1 "],
    DATETIME: [
        "2016-01-20T18:49:10Z",
        "2016-01-29T18:49:10.120Z",
        "2016-02-29T00:00:00Z",
        "2015-02-29T00:00:00Z",
        "2016-04-30T23:59:59Z",
        "2016-04-31T23:59:59Z",
        "2016-12-31T23:59:60Z",
        "2016-01-20T18:49:10+02:00",
        "20.1.2016",
        " 2016-01-20 ",
    ],
}
_SPARE = st.sampled_from(["Novel", "Extra-1", "_x", "été"])
_TEXT = st.sampled_from(TEXTS)
_GENERIC = st.recursive(
    _TEXT,
    lambda inner: st.dictionaries(_SPARE, inner | st.lists(inner, min_size=2, max_size=2), min_size=1, max_size=2),
    max_leaves=4,
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["x", "é<&>", ""]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
    max_leaves=4,
)


def nodes(kind):
    """Nodes of any kind."""
    if isinstance(kind, Scalar):
        return st.sampled_from(VALUES.get(kind, TEXTS))
    if isinstance(kind, ListOf):
        return st.lists(nodes(kind.of), max_size=2)
    if isinstance(kind, Repeated):
        return st.lists(nodes(kind.of), min_size=1, max_size=2)
    if isinstance(kind, Attributed):
        return st.fixed_dictionaries(
            {kind.text_key: nodes(kind.of)}, optional={kind.attribute_key: st.sampled_from(["USD", "EUR"])}
        )
    return structs(kind)


@st.composite
def structs(draw, struct, most=6):
    """Records of a struct with some of its fields, in the table's order."""
    chosen = draw(st.sets(st.sampled_from(range(len(struct.fields))), max_size=most))
    return {struct.fields[place].name: draw(nodes(struct.fields[place].kind)) for place in sorted(chosen)}


@st.composite
def members(draw, struct, key):
    """Records of a member with everything that a record can hold, told apart by ``key``."""
    record = {key: draw(st.sampled_from(["1", "902-0000001-0000002"])), **draw(structs(struct))}
    if not record[key]:
        record[key] = "1"
    if draw(st.booleans()):
        unknown = draw(st.dictionaries(_SPARE, _GENERIC, max_size=2))
        if draw(st.booleans()):
            unknown["@note"] = draw(_TEXT.filter(str.strip))
        name = draw(st.sampled_from(sorted(record)))
        if isinstance(record[name], str) and draw(st.booleans()):
            unknown[name] = {"@kept": "yes"}
        if unknown:
            record[UNKNOWN] = unknown
    if draw(st.booleans()):
        rest = draw(st.dictionaries(st.sampled_from(["HasRegulatedItems", "Spare"]), _JSON, min_size=1, max_size=2))
        record[UNMAPPED] = json.dumps(rest, ensure_ascii=False, separators=(",", ":"))
    return record


KINDS = {"Order": (ORDER, "AmazonOrderId"), "OrderItem": (ORDER_ITEM, "OrderItemId")}

__all__ = [
    "DOCUMENTS",
    "ENVELOPE",
    "FEEDS",
    "FRAGMENTS",
    "KINDS",
    "NAMESPACE",
    "TEXTS",
    "VALUES",
    "Memory",
    "Struct",
    "convert",
    "converted",
    "failures",
    "folder",
    "items",
    "jsons",
    "members",
    "nodes",
    "order",
    "orders",
    "root_of",
    "same",
    "structs",
]
