"""The tables of documents: every root is read, and what was collected of envelopes leaves nothing unknown."""

import csv
import os
from collections import Counter
from pathlib import Path

import pytest
from lxml import etree

from mws_compat.documents import DOCUMENTS, ENVELOPE, FRAGMENTS, MESSAGE
from mws_compat.errors import ReadError
from mws_compat.orders import MEMBER_STRUCTS, OPERATIONS
from mws_compat.reader import parse_document, parse_element, read_element, unknown_paths
from mws_compat.schema import Attributed, Kind, ListOf, Repeated, Scalar, Struct


def full(name: str, kind: Kind) -> str:
    """An element with everything that its kind can hold, twice where it may repeat."""
    if isinstance(kind, Scalar):
        return f"<{name}>{name}</{name}>"
    if isinstance(kind, Attributed):
        return f'<{name} {kind.attribute}="USD">1.00</{name}>'
    if isinstance(kind, Repeated):
        return full(name, kind.of) * 2
    if isinstance(kind, ListOf):
        return f"<{name}>{full(kind.member, kind.of) * 2}</{name}>"
    return f"<{name}>{''.join(full(field.name, field.kind) for field in kind.fields)}</{name}>"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_is_read(name: str) -> None:
    """A document with everything that its table lists is read to the last leaf, and nothing of it is unknown."""
    kind = DOCUMENTS[name]
    assert kind.root.name == name or name in FRAGMENTS
    root = parse_element(full(name, kind.root).encode())
    record = read_element(root, kind.root)
    assert list(unknown_paths(record, kind.root)) == []
    assert list(record) == [field.name for field in kind.root.fields]
    leaves = sum(1 for element in root.iter() if not len(element))
    assert str(record).count("USD") == str(etree.tostring(root)).count("USD")
    assert _leaves(record) == leaves + str(record).count("USD")


def _leaves(node: object) -> int:
    if isinstance(node, str):
        return 1
    return sum(map(_leaves, node.values() if isinstance(node, dict) else node))


@pytest.mark.parametrize("name", [name for name, kind in DOCUMENTS.items() if kind.member])
def test_members_are_where_the_table_says(name: str) -> None:
    """The path leads from the root to the members, through structs to one list of them."""
    kind = DOCUMENTS[name]
    at: Kind = kind.root
    for step in kind.path:
        assert isinstance(at, Struct)
        at = next(field.kind for field in at.fields if field.name == step)
    if isinstance(at, ListOf):
        assert (at.member, at.of) == (kind.member, kind.struct)
    else:
        assert next(field.kind for field in at.fields if field.name == kind.member) == Repeated(kind.struct)
    assert any(kind.struct is struct for struct in (*MEMBER_STRUCTS, MESSAGE))


def test_kinds_of_documents() -> None:
    """There is a document for each operation's answer, for errors, for envelopes and for two fragments."""
    answers = {f"{action}Response" for action in OPERATIONS}
    assert set(DOCUMENTS) == {*answers, "ErrorResponse", "AmazonEnvelope", *FRAGMENTS}
    assert {name for name, kind in DOCUMENTS.items() if not kind.member} == {
        "ErrorResponse",
        "GetServiceStatusResponse",
        *FRAGMENTS,
    }
    assert DOCUMENTS["ListOrdersResponse"].path == ("ListOrdersResult", "Orders")
    assert DOCUMENTS["ListOrderItemsResponse"].member == "OrderItem"
    assert DOCUMENTS["AmazonEnvelope"].root is ENVELOPE
    assert DOCUMENTS["ErrorResponse"].action == "Error"


def test_an_amount_with_its_currency() -> None:
    """``<Amount currency="USD">`` becomes a record of two texts; without the attribute, of one."""
    amount = '<Amount currency="USD">121.99</Amount>'
    for text, expected in (
        (amount, {"CurrencyCode": "USD", "Amount": "121.99"}),
        ("<Amount>1</Amount>", {"Amount": "1"}),
        ("<Amount/>", {"Amount": ""}),
    ):
        item = f"<Item><ItemFees><Fee><Type>Commission</Type>{text}</Fee></ItemFees></Item>"
        root = parse_element(f"<Message><OrderReport>{item}</OrderReport></Message>".encode())
        fee = {"Type": "Commission", "Amount": expected}
        assert read_element(root, MESSAGE) == {"OrderReport": {"Item": [{"ItemFees": {"Fee": [fee]}}]}}


def test_the_request_id_of_an_error_in_metadata() -> None:
    """Errors of other sections have their request id in ResponseMetadata, as answers do."""
    data = b"<ErrorResponse><Error/><ResponseMetadata><RequestId>a</RequestId></ResponseMetadata></ErrorResponse>"
    document = parse_document(data)
    assert (document.request_id, document.unknown) == ("a", ())


CORPUS = Path(os.environ.get("MWS_CORPUS") or Path(__file__).resolve().parents[3] / "shared" / "corpus")
_LOCATIONS = ("@{http://www.w3.org/2001/XMLSchema-instance}", "/@MarketplaceName")


@pytest.mark.skipif(not (CORPUS / "INDEX.tsv").is_file(), reason="no corpus: set MWS_CORPUS to its folder")
def test_collected_envelopes() -> None:
    """Every collected envelope of the kinds that the tables list leaves only schema locations unknown, and the
    marketplace that was noted on a summary as an attribute."""
    with (CORPUS / "INDEX.tsv").open(newline="") as index:
        rows = [row for row in csv.DictReader(index, delimiter="\t") if row["kind"].startswith("AmazonEnvelope")]
    counts: Counter[str] = Counter()
    for row in rows:
        try:
            root = parse_element((CORPUS / row["path"]).read_bytes())
        except ReadError:
            assert row["well_formed"] != "yes", row["path"]
            continue
        message = row["kind"].partition(":")[2]
        unknown = list(unknown_paths(read_element(root, ENVELOPE), ENVELOPE))
        strange = [path for path in unknown if not any(known in path for known in _LOCATIONS)]
        listed = any(field.name == message for field in MESSAGE.fields)
        assert strange == ([] if listed else [f"Message/{message}"]), row["path"]
        counts[message] += 1
    print(dict(counts))
    assert {"OrderReport", "OrderFulfillment", "OrderAcknowledgement", "ProcessingReport"} <= set(counts)
