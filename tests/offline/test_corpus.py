"""Documents that others collected: every one is converted or refused in words, and comes back."""

import csv
import json
from collections import Counter
from urllib.parse import unquote

import pytest

from mws_compat.documents import FRAGMENTS
from mws_compat.schema import BOOLEAN
from tests.offline.converting import DOCUMENTS, convert, converted, folder, root_of, same

FORMS = [{}, {"lines": True}, {"form": "generic"}, {"form": "generic", "lines": True}]

#: Well-formed for some parser, not for libxml2: a namespace with a space in it.
BAD_NAMESPACE = "is not a valid URI"


@pytest.fixture(scope="module")
def corpus():
    """(path, kind, whether it is well-formed, bytes) of every document."""
    top = folder("MWS_CORPUS", "corpus")
    with (top / "INDEX.tsv").open(encoding="utf-8", newline="") as index:
        rows = list(csv.DictReader(index, delimiter="\t"))
    return [
        (row["path"], row["kind"].partition(":")[0], row["well_formed"] == "yes", (top / row["path"]).read_bytes())
        for row in rows
        if (top / row["path"]).is_file()
    ]


def is_json(data):
    return data.lstrip()[:1] in (b"{", b"[")


@pytest.mark.long
def test_every_xml_document(corpus):
    """Each is converted in every form, or is one failure; each well-formed one comes back as the same record."""
    counts = Counter()
    for path, kind, well_formed, data in corpus:
        if is_json(data) or path.endswith(".tsv"):
            continue
        known = kind in DOCUMENTS or kind.startswith("fragment")
        made = [convert(data, **options) for options in FORMS]
        reports = [report for _, report in made]
        if not well_formed or not known:
            assert [len(report.failures) for report in reports] == [1] * len(FORMS), path
            counts["refused"] += 1
            continue
        if reports[0].failures:
            assert all(BAD_NAMESPACE in report.failures[0].problem for report in reports), path
            counts["bad namespace"] += 1
            continue
        assert not any(report.failures for report in reports), path
        first_kind, first = root_of(data)
        for (out, _), options in zip(made, FORMS, strict=True):
            if "lines" in options:
                continue
            second = converted(out)
            second_kind, again = root_of(second)
            if first_kind.root.name in FRAGMENTS and not options:
                again = again["GetOrderResult"]["Orders"][0]
            else:
                assert first_kind is second_kind, path
            assert same(again, first, first_kind.root), (path, options)
            assert converted(converted(second, **options)) == second, (path, options)
        counts["came back"] += 1
    print(dict(counts))
    assert counts["came back"] > 100


#: What MWS wrapped lists with, as SP-API's first releases and libraries for MWS did.
WRAPPED = ("PromotionId", "PaymentMethodDetail", "PaymentExecutionDetailItem", "TaxClassification")


def trimmed(value):
    """A JSON value without what is empty, its lists unwrapped, its scalars as text."""
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in WRAPPED:
        (inner,) = value.values()
        return trimmed(inner if isinstance(inner, list) else [inner])
    if isinstance(value, dict):
        inner = {name: trimmed(one) for name, one in value.items()}
        return {name: one for name, one in inner.items() if one is not None} or None
    if isinstance(value, list):
        return [one for one in map(trimmed, value) if one is not None] or None
    text = ("true" if value else "false") if isinstance(value, bool) else unquote(str(value).strip())
    return (
        None if value is None or not text else BOOLEAN.canonical(text) if text.lower() in {"true", "false"} else text
    )


def members_of(document):
    """The orders or items of an answer, or the answer's payload where it lists none."""
    payload = document.get("payload", document)
    for name in ("Orders", "OrderItems"):
        if name in payload:
            found = payload[name]
            found = found.get(name[:-1], found) if isinstance(found, dict) else found
            return found if isinstance(found, list) else [found]
    return document.get("errors", [payload])


#: v0's documents that hold neither orders nor items, or hold them in a shape that v0 never had.
OTHER_JSON = ("SPv0.getOrders__ordersV0-257099.json", "SPv0.getOrderItemsBuyerInfo-200__ordersV0-dafd50.json")


def test_every_json_document(corpus):
    """Each answer of Orders v0 goes to XML and comes back with the same orders and items, but for what is empty and
    how numbers are spelled. Those of later versions are looked at in ``test_v2026``."""
    counts = Counter()
    for path, kind, _, data in corpus:
        if not is_json(data) or kind.startswith("SP2026."):
            continue
        out, report = convert(data)
        if report.failures:
            assert path.endswith(OTHER_JSON), path
            assert out == b""
            counts["refused"] += 1
            continue
        (line,) = converted(out).splitlines()
        found, expected = members_of(json.loads(line)), members_of(json.loads(data))
        for one in expected:
            if isinstance(one, dict) and one.get("FulfillmentChannel") == "SellerFulfilled":
                one["FulfillmentChannel"] = "MFN"
        assert trimmed(found) == trimmed(expected), path
        second = converted(converted(out))
        assert converted(converted(second)) == second, path
        counts[kind] += 1
    print(dict(sorted(counts.items())))
    assert sum(counts.values()) > 100
