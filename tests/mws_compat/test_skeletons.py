"""Skeletons put together of what the parser said of each element: the same as what it says of the whole."""

import json
from random import Random

import pytest

from mws_compat import skeletons
from mws_compat.blocks import BlockReader, maker_of
from mws_compat.errors import ReadError
from mws_compat.markup import only_tags
from mws_compat.orders import ORDER
from mws_compat.reader import parse_element, read_element
from mws_compat.schema import Record
from mws_compat.skeletons import MARK, Outline, Skeletons
from tests.soup import ELEMENTS, soup


def outline_of(reader: Skeletons, block: bytes) -> Outline | None:
    return reader.outline(b">".join(block.replace(b"<", b">").split(b">")[1::2]))


def filled(outline: Outline, block: bytes) -> Record:
    """The record that an outline makes of a block's values."""
    texts = block.replace(b"<", b">").split(b">")[0::2]
    assert sorted([*outline.leaves, *outline.gaps]) == [*range(len(texts))]
    return maker_of(outline.record, outline.numbers)([texts[place].decode() for place in outline.leaves])


def truth(block: bytes, prefix: str = "") -> Record | None:
    """What the parser says of a block; None when it refuses it."""
    declared = f' xmlns:{prefix}="u"' if prefix else ""
    try:
        root = parse_element(f"<{prefix or '_'}:_{declared}>".replace("_:", "").encode() + block
                             + f"</{prefix or '_'}:_>".replace("_:", "").encode())  # fmt: skip
    except ReadError:
        return None
    return read_element(root[0], ORDER) if len(root) == 1 else None


def texts_between(block: bytes, outline: Outline) -> bytes:
    texts = block.replace(b"<", b">").split(b">")[0::2]
    return b"".join([texts[place] for place in outline.gaps]).strip()


@pytest.mark.parametrize(("odd", "prefix"), [(0, ""), (0.1, ""), (0, "m"), (0.1, "m")])
@pytest.mark.long
def test_the_whole_is_what_its_elements_are(odd: float, prefix: str) -> None:
    """Whatever elements an order is put together of, in whatever order: its outline says what the parser says of it,
    to the order of names, and is the one that is told where no other order was seen before."""
    dice = Random(f"{odd} {prefix}")
    reader = Skeletons(ORDER, "Order")
    taken = 0
    for _ in range(1000):
        block = soup(dice, odd=odd, prefix=prefix)
        outline = outline_of(reader, block) if only_tags(block) else None
        if outline is None:
            continue
        assert (
            json.dumps(outline.record, ensure_ascii=False).count(MARK) == len(outline.leaves) == len(outline.numbers)
        )
        fresh = outline_of(Skeletons(ORDER, "Order"), block)
        assert fresh is not None
        assert fresh[2:] == outline[2:]
        if not texts_between(block, outline) and b"&" not in block:
            said = truth(block, prefix)
            assert json.dumps(filled(outline, block)) == json.dumps(said), block
            assert json.dumps(filled(fresh, block)) == json.dumps(said), block
            taken += 1
    assert taken >= 120


@pytest.mark.parametrize("typed", [True, False])
@pytest.mark.parametrize("odd", [0, 0.05])
@pytest.mark.long
def test_blocks_of_any_elements(odd: float, *, typed: bool) -> None:
    """What is read of such an order without the parser is what the parser reads, to the order of names."""
    dice = Random(f"{odd} {typed}")
    reader = BlockReader(
        ORDER,
        "Order",
        lambda record, numbers: lambda values: maker_of(record, numbers)([value.decode() for value in values]),
        typed=typed,
    )
    taken = 0
    for _ in range(3000):
        block = soup(dice, odd=odd)
        read = reader.read(block) if only_tags(block) else None
        if read is not None:
            assert json.dumps(read) == json.dumps(truth(block)), block
            taken += 1
    assert taken >= 200


def test_elements_are_asked_about_once() -> None:
    """The parser is asked about an element once, whatever stands around it."""
    reader = Skeletons(ORDER, "Order")
    one, other = (b"<%b>1</%b>" % (name, name) for name in (b"BuyerName", b"BuyerEmail"))
    for inner, asked in ((one, 1), (one + other, 2), (other, 2), (other + one, 2), (b"<Order/>" + one, 3)):
        assert outline_of(reader, b"<Order>%b</Order>" % inner) is not None
        assert reader.asked == asked


@pytest.mark.parametrize(
    "inner",
    [
        "<BuyerName>1</BuyerName><BuyerName>2</BuyerName>",
        "<New>1</New><BuyerName/><New>2</New>",
        "<New><New>1</New></New>",
        '<BuyerName a="1">1</BuyerName><BuyerName>2</BuyerName>',
        "<BuyerName>1</BuyerName >",
    ],
)
def test_what_is_asked_about_as_a_whole(inner: str) -> None:
    """Where a name comes twice, or the end of an element does not show, the parser is asked about all that the order
    holds, each time."""
    reader = Skeletons(ORDER, "Order")
    block = f"<Order>{inner}</Order>".encode()
    for _ in range(2):
        before = reader.asked
        outline = outline_of(reader, block)
        assert outline is not None
        assert filled(outline, block) == truth(block)
        assert reader.asked > before


@pytest.mark.parametrize(
    "block",
    [
        "<Order><ListOrdersResponse/></Order>",
        "<Order><ListOrdersResponse a='1'/></Order>",
        "<Order><New><ListOrdersResponse >1</ListOrdersResponse></New></Order>",
        f"<Order><BuyerName a='{MARK}'>1</BuyerName></Order>",
        "<Order><{}></{}></Order>".format("A " + " ".join(f"a{n}='='" for n in range(33)), "A"),
        "</a:Order></a:BuyerName>1<//a:BuyerName><//a:Order>",
        "<a b:Order><a b:BuyerName>1</a b:BuyerName></a b:Order>",
    ],
)  # fmt: skip
def test_what_is_not_trusted(block: str) -> None:
    """Tags that another document may begin with, that hold what is taken for a mark, or too many attributes."""
    assert outline_of(Skeletons(ORDER, "Order"), block.encode()) is None


@pytest.mark.parametrize("inner", ["<Order>", "<Order>1", "<BuyerName/><Order>", "<New><Order>", "</Order><Order>"])
def test_an_element_called_as_the_member(inner: str) -> None:
    """The member's own end tag ends no element inside it, though one of its name has been seen to."""
    reader = Skeletons(ORDER, "Order")
    for block in ("<Order><Order>1</Order><BuyerName/></Order>", "<Order><New><Order>1</Order></New></Order>"):
        assert outline_of(reader, block.encode()) is not None
    assert outline_of(reader, f"<Order>{inner}</Order>".encode()) is None


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many elements are remembered, and only short ones; members with others are asked about as a whole."""
    assert (skeletons._MAX_RUNS, skeletons._MAX_RUN) == (4096, 4096)
    monkeypatch.setattr(skeletons, "_MAX_RUNS", 2)
    monkeypatch.setattr(skeletons, "_MAX_RUN", 7)
    reader = Skeletons(ORDER, "Order")
    for name, kept in (("Long", 0), ("A", 1), ("B", 2), ("C", 2), ("A", 2)):
        block = f"<Order><{name}>1</{name}></Order>".encode()
        for _ in range(2):
            outline = outline_of(reader, block)
            assert outline is not None
            assert filled(outline, block) == truth(block)
        assert len(reader._runs) == kept
        assert len(reader._last) <= kept


def test_the_elements_are_what_they_should_be() -> None:
    """The orders that these tests are made of reach both ways: elements with an outline, and some without."""
    found = [outline_of(Skeletons(ORDER, "Order"), f"<Order>{part}</Order>".encode()) for part in ELEMENTS]
    assert len([outline for outline in found if outline]) >= 30
    assert None in found
