"""Reading a request by its layout: what the long way reads, or nothing at all."""

import json
import os
import random
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mws_compat.layouts import _layout_of, read_laid_out
from mws_compat.query import HttpRequest, _read, parse_call
from mws_compat.signature import canonical_query

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "sigv2"
REF_POST = json.loads((FIXTURES / "ref-post.json").read_text())

names = st.from_regex(r"[A-Za-z0-9\-_.~]{1,6}", fullmatch=True) | st.text(max_size=4)
text = st.text(max_size=8)

_PIECES = [
    *(
        "Id.1",
        "Id.10",
        "Id.2",
        "Id",
        "Id-1",
        "Signature",
        "Signature1",
        "SignatureMethod",
        "XSignature",
        "a",
        "",
        "~",
    ),
    *("a%20b", "%41", "é", "a+b", "%C3%A9", "a%2", "%2f", "%2F", "%53ignature", "Id.", "B*", "a\0"),
]
_VALUES = ["", "1", "2", "a%20b", "%2F", "%2f", "a+b", "x=y", "=", "~", "%7E", "%zz", "*", "%00", "%E2%82%AC", "%"]


def _fuzzed(dice: random.Random) -> bytes:
    pieces = []
    for _ in range(dice.choice((1, 2, 2, 3, 4, 6))):
        name, value = dice.choice(_PIECES), dice.choice(_VALUES)
        if dice.random() < 0.5:
            name, value = quote(name, safe="-_.~%"), quote(value, safe="-_.~%")
        pieces.append(name + ("=" if dice.random() < 0.93 else "") + value)
    if dice.random() < 0.7:
        pieces.insert(dice.randrange(len(pieces) + 1), "Signature=abc%2Bdef%3D")
    return dice.choice(("&", "&", "&", "&&")).join(pieces).encode()


def _agrees(query: bytes) -> bool:
    """Whether the short way read the request; fails when it read anything else than the long one reads."""
    fast = read_laid_out(query)
    if fast is None:
        return False
    assert fast.values == _read([piece for piece in query.split(b"&") if piece]), query
    assert fast.canonical in {None, canonical_query(fast.values.items())}, query
    return fast.canonical is not None


def test_accelerator_agrees_or_abstains() -> None:
    """Over 20,000 hostile requests (MWS_FUZZ sets another number) the short way gives the canonical query or None."""
    dice = random.Random(20130901)
    count = int(os.environ.get("MWS_FUZZ", "20000"))
    sure = sum(_agrees(_fuzzed(dice)) for _ in range(count))
    assert sure > count // 50  # else nothing was tested


@given(st.lists(st.tuples(names, text), max_size=6), st.sampled_from([quote, quote_plus]))
@example([("Id.2", "1"), ("Id.10", "2"), ("Id.1", "3")], quote)
def test_accelerator_agrees_for_any_text(pairs: list[tuple[str, str]], encode) -> None:
    """The same over arbitrary text, well encoded."""
    _agrees("&".join(f"{encode(name, safe='~')}={encode(value, safe='~')}" for name, value in pairs).encode())


@given(st.lists(st.lists(st.sampled_from(["A", "b.1", "=", "%41", "%3d", "%3D", "%", "%25", "+", "é"])), min_size=1))
@example([["A", "=", "%", "%3D"], ["b.1", "=", "%25", "3D"]])
def test_the_short_way_agrees_for_any_pieces(pieces: list[list[str]]) -> None:
    """The same over escapes, whole and broken."""
    _agrees("&".join("".join(piece) for piece in pieces).encode())


@pytest.mark.parametrize(
    ("wire", "canonical"),
    [
        (b"b=2&a=1", "a=1&b=2"),
        (b"Id.10=1&Id.2=2&Id.1=3&Id=4", "Id=4&Id.1=3&Id.10=1&Id.2=2"),
        (b"b=2&Signature=x%2F&a=%20", "a=%20&b=2"),
        (b"a=", "a="),
        (b"Signature=x", ""),
        (b"Signature1=x", "Signature1=x"),
        (b"a=%2f", None),
        (b"a=%41", None),
        (b"a=%7E", None),
        (b"a=%2", None),
        (b"a=%2&b=F", None),
        (b"a=%", None),
        (b"a=b+c", None),
        (b"a=*", None),
    ],
)
def test_canonical_by_hand(wire: bytes, canonical: str | None) -> None:
    """The canonical query is read off exactly where the values were sent in canonical encoding."""
    read = read_laid_out(wire)
    assert read is not None
    assert read.canonical == canonical


@pytest.mark.parametrize(
    "wire",
    [
        *(
            b"",
            b"&",
            b"a",
            b"a=1&a=1",
            b"a=1&a=2",
            b"a=1&&b=2",
            b"&a=1",
            b"a=1&b",
            b"a&b=1",
            b"%20=1",
            b"a%20b=1&c=2",
        ),
        *(b"a+b=1", b"=1", b"a*=1", b"a=\xc3\xa9", b"a=%FF", b"a=%C3%28"),
    ],
)
def test_the_rest_by_hand(wire: bytes) -> None:
    """Everything that needs more care is left to whoever looks at each piece."""
    assert read_laid_out(wire) is None


@pytest.mark.parametrize(
    ("wire", "values"),
    [
        (b"A=1&B=a%20b&C=", {"A": "1", "B": "a b", "C": ""}),
        (b"A=a+b%2B+", {"A": "a b+ "}),
        (b"A=%253A%25&B=%%3A", {"A": "%3A%", "B": "%:"}),
        (b"T=2020-06-01T12%3A00%3A00Z&S=a%2Fb%2Bc%3D", {"T": "2020-06-01T12:00:00Z", "S": "a/b+c="}),
        (b"A=%C3%A9", {"A": "é"}),
    ],
)
def test_values_by_hand(wire: bytes, values: dict[str, str]) -> None:
    """Values are decoded as form data."""
    read = read_laid_out(wire)
    assert read is not None
    assert read.values == values


def test_real_clients_take_the_short_way() -> None:
    """Requests sent as most clients send them do take it; else it would be dead weight."""
    read = read_laid_out(REF_POST["request"]["body"].encode())
    assert read is not None
    assert read.canonical == REF_POST["canonical_query"]
    sent = REF_POST["request"]
    call = parse_call(HttpRequest("POST", sent["path"], b"", sent["body"].encode(), sent["host"]))
    assert call.canonical == REF_POST["canonical_query"]


def test_large_requests_are_read_but_not_remembered() -> None:
    """A request of any size is read; the memory for layouts has room for small ones only."""
    _layout_of.cache_clear()
    large = b"&".join(b"name%d=%s" % (number, b"x" * 40) for number in range(900))
    read = read_laid_out(large)
    assert read is not None
    assert len(read.values) == 900
    assert read.canonical == canonical_query(read.values.items())
    assert _layout_of.cache_info().currsize == 0
    for number in range(300):
        assert read_laid_out(b"n%d=1" % number) == ({f"n{number}": "1"}, f"n{number}=1")
    assert _layout_of.cache_info().currsize == 256
