"""Records of one spelling."""

import pytest

from bridge.mapping.cells import Typing
from bridge.mapping.rows import MappingError
from bridge.mapping.spelling import cleaner
from mws_compat.schema import BOOLEAN, DATETIME, TEXT, Field, ListOf, Repeated, Struct

PARCEL = Struct("Parcel", (Field("Sent", DATETIME), Field("Heavy", BOOLEAN), Field("Label", TEXT)))
ORDER = Struct("Order", (Field("Note", TEXT), Field("Parcel", PARCEL), Field("Codes", ListOf("Code", TEXT))))

clean = cleaner(ORDER)


def test_two_ways_of_writing_the_same():
    """White space around values, the case of flags and escaped colons make no difference, nor does the order of
    elements."""
    one = {"Parcel": {"Sent": "2016-01-20T18%3A49%3A10Z", "Heavy": "TRUE"}, "Note": " ring twice\n"}
    other = {"Note": "ring twice", "Parcel": {"Heavy": "true", "Sent": "2016-01-20T18:49:10Z"}}
    assert clean(one, Typing()) == clean(other, Typing()) == other
    assert list(clean(one, Typing())) == list(clean(other, Typing()))


def test_what_is_empty_is_left_out():
    """Empty texts, records and lists; an empty text among others in a list has its place."""
    assert clean({"Note": " ", "Parcel": {"Label": ""}, "Codes": []}, Typing()) == {}
    assert clean({"Codes": ["a", "", "b"]}, Typing()) == {"Codes": ["a", "", "b"]}


def test_what_xml_cannot_hold():
    """Characters become what comes back from XML."""
    assert clean({"Note": "a\x00b"}, Typing()) == {"Note": "a\ufffdb"}


@pytest.mark.parametrize(
    ("record", "name"),
    [
        ({"Note": {}}, "Note"),
        ({"Note": []}, "Note"),
        ({"Parcel": "text"}, "Parcel"),
        ({"Parcel": {"Label": ["text"]}}, "Label"),
        ({"Codes": "text"}, "Codes"),
        ({"Codes": [{"Code": "text"}]}, "Codes"),
    ],
)
def test_another_shape(record, name):
    """It is refused, by the name of the element."""
    with pytest.raises(MappingError, match=f"{name}: not of the element's shape"):
        clean(record, Typing())


def test_a_struct_that_no_order_has():
    """Envelopes are refused when the cleaner is made, not when the first record comes."""
    with pytest.raises(TypeError, match="Message: envelopes"):
        cleaner(Struct("Envelope", (Field("Message", Repeated(ORDER)),)))
