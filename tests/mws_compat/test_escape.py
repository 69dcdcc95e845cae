"""Text as XML content: what an independent parser reads is the text, and nothing is escaped without need."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mws_compat.escape import escape_all, escape_attribute, escape_text


def lawful(text: str) -> str:
    """Text as it comes back: what is no Char of XML 1.0 is U+FFFD. Written from the production, not the escaping."""

    def char(code: int) -> bool:
        return code in {9, 10, 13} or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000

    return "".join(one if char(ord(one)) else "\ufffd" for one in text)


texts = st.text(max_size=20) | st.text("\r\n\t <>&\"'a\x00\x0b\x85\ufffe\ud800😀", max_size=20)


@given(texts)
def test_escape_text(text: str) -> None:
    """Escaped text, inside an element, is read by another parser as the text it was."""
    escaped = escape_text(text)
    assert "\n\n" not in escaped
    assert "\r" not in escaped
    element = ET.fromstring(f"<a>{escaped}</a>".encode())
    assert (element.text or "") == lawful(text)
    assert not len(element)


@given(texts)
def test_escape_attribute(text: str) -> None:
    """An escaped attribute is read by another parser as the text it was, white space included."""
    element = ET.fromstring(f"<a b={escape_attribute(text)}/>".encode())
    assert element.attrib == {"b": lawful(text)}


@given(st.lists(texts, max_size=5))
def test_all_are_escaped_alike(values: list[str]) -> None:
    """Many values are escaped as each by itself."""
    assert escape_all(values) == [escape_text(value) for value in values]


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("plain é 😀", "plain é 😀"),
        ("<a b=\"c\" d='e'>&amp;", "&lt;a b=\"c\" d='e'&gt;&amp;amp;"),
        ("\r\n", "&#13;\n"),
        ("a\n\nb\n\n\nc", "a\n&#10;b\n&#10;\nc"),
        ("\x00\x08\x0b\x0c\x0e\x1f\ud800\udfff\ufffe\uffff", "\ufffd" * 10),
        ("\t\x20\x7f\ud7ff\ue000\ufffd\U00010000\U0010ffff", "\t\x20\x7f\ud7ff\ue000\ufffd\U00010000\U0010ffff"),
    ],
)
def test_escape_text_by_hand(text: str, escaped: str) -> None:
    """Exactly what needs escaping is escaped."""
    assert escape_text(text) == escaped


@pytest.mark.parametrize(
    "odd", ["&", "<", ">", "\r", "\n\n", "\x00", "\ud800", "\ufffe", "\uffff", "\x1f", "é", "\x85"]
)
@pytest.mark.parametrize("others", [["x"], ["é"], ["&"], ["\x00"], ["a\n", "\nb"]])
def test_each_value_is_escaped_by_itself(odd: str, others: list[str]) -> None:
    """A value's escaping does not depend on the values beside it, whichever way was taken."""
    values = ["first", odd, *others, odd + odd]
    assert escape_all(values) == [escape_text(value) for value in values]


def test_clean_values_are_not_copied() -> None:
    """The short way is taken: a record without anything to escape is written as it is."""
    values = ["a", "é", "😀", "a\nb\tc"]
    assert escape_all(values) is values
    assert escape_all([]) == []
