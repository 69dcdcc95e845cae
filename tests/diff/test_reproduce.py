"""The smallest pair of fixtures: what differed still differs, and nothing else is left."""

import copy
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.diff import Change, Difference, Step, compare
from bridge.diff.differences import spot_of
from bridge.diff.pseudonyms import with_pseudonyms
from bridge.diff.records import compare_records
from bridge.diff.reproduce import reproduce, shrink
from bridge.offline.records import iter_records
from mws_compat.orders import ORDER, ORDER_ITEM, SERVICE_STATUS
from mws_compat.schema import BOOLEAN, DATETIME, DECIMAL, INTEGER, Field, Struct
from tests.diff.reporting import CANARIES, address
from tests.examples import examples
from tests.offline.converting import KINDS, members

ID = "902-3159896-1390916"


def full_order(**fields):
    return {
        "AmazonOrderId": ID,
        "PurchaseDate": "2016-01-20T18:49:10Z",
        "LastUpdateDate": "2016-01-20T18:49:10Z",
        "OrderStatus": "Shipped",
        "ShippingAddress": address("Xanadu"),
        "OrderTotal": {"CurrencyCode": "USD", "Amount": "12.30"},
        "PaymentMethodDetails": ["Standard", "CreditCard"],
        "BuyerTaxInfo": {
            "CompanyLegalName": "Quagmire",
            "TaxClassifications": [{"Name": "VATNumber", "Value": "unheard-of-1"}, {"Name": "b", "Value": "same"}],
        },
    } | fields


def found(old, new, struct=ORDER):
    return [(entry.change, entry.steps) for entry in compare_records(old, new, struct, ())]


def read(path):
    (record,) = iter_records(path.read_bytes())
    return record


# --- shrinking ------------------------------------------------------------------------------------------------------


def test_what_is_equal_is_left_out():
    """Only the value that differs, what holds it, and the key are left."""
    new = full_order(OrderTotal={"CurrencyCode": "USD", "Amount": "12.40"}, PurchaseDate="2016-01-20T18:49:10.000Z")
    assert shrink(full_order(), new, ORDER) == (
        {"AmazonOrderId": ID, "OrderTotal": {"Amount": "12.30"}},
        {"AmazonOrderId": ID, "OrderTotal": {"Amount": "12.40"}},
    )


def test_lists_keep_the_members_that_differ():
    """Of a list with keys the members that differ are left, with their keys; the others go."""
    new = full_order(BuyerTaxInfo={"TaxClassifications": [{"Name": "VATNumber", "Value": "x"}]})
    old = full_order(BuyerTaxInfo={"TaxClassifications": full_order()["BuyerTaxInfo"]["TaxClassifications"][:1]})
    classes = [{"Name": "VATNumber", "Value": "unheard-of-1"}]
    assert shrink(old, new, ORDER)[0] == {"AmazonOrderId": ID, "BuyerTaxInfo": {"TaxClassifications": classes}}
    longer = full_order(PaymentMethodDetails=["Standard", "CreditCard", "Gift"])
    assert shrink(full_order(), longer, ORDER) == (
        {"AmazonOrderId": ID, "PaymentMethodDetails": ["Standard"]},
        {"AmazonOrderId": ID, "PaymentMethodDetails": ["Standard", "Gift"]},
    )


def test_lists_of_another_length_keep_what_they_say():
    """Of two lists that are compared by their length alone no member goes that has no equal."""
    old, new = full_order(PaymentMethodDetails=["a"]), full_order(PaymentMethodDetails=["b", "c"])
    assert shrink(old, new, ORDER)[1]["PaymentMethodDetails"] == ["b", "c"]


def test_what_only_one_side_has_stays_whole():
    """An element that one side lacks is the difference itself, so nothing of it goes."""
    new = full_order()
    del new["ShippingAddress"]
    assert shrink(full_order(), new, ORDER) == (
        {"AmazonOrderId": ID, "ShippingAddress": address("Xanadu")},
        {"AmazonOrderId": ID},
    )


def test_what_no_table_knows_shrinks_too():
    """Unknown elements and JSON members that are equal go; an element that an unknown one belongs to stays."""
    unknown = {"Same": "1", "OrderTotal": {"@a": "1"}, "Deep": {"Same": "1", "Other": "1"}}
    old = full_order(**{"#unknown": unknown, "#json": '{"same":1,"other":{"a":1,"b":2}}'})
    new = full_order(
        **{
            "#unknown": {"Same": "1", "OrderTotal": {"@a": "2"}, "Deep": {"Same": "1", "Other": "2"}},
            "#json": '{"same":1,"other":{"a":1,"b":3}}',
        }
    )
    small, _ = shrink(old, new, ORDER)
    assert small == {
        "AmazonOrderId": ID,
        "OrderTotal": {"CurrencyCode": "USD", "Amount": "12.30"},
        "#unknown": {"OrderTotal": {"@a": "1"}, "Deep": {"Other": "1"}},
        "#json": '{"other":{"b":2}}',
    }


@st.composite
def pairs(draw):
    """Two records of one kind, the second the first with some of it exchanged for that of a third."""
    member = draw(st.sampled_from(sorted(KINDS)))
    struct, key = KINDS[member]
    old, other = draw(members(struct, key)), draw(members(struct, key))
    new = copy.deepcopy(old)
    for name in draw(st.sets(st.sampled_from(sorted({*old, *other})), max_size=3)):
        if name in other:
            new[name] = other[name]
        else:
            new.pop(name, None)
    return member, old, new


@examples(35)
@given(pairs())
def test_shrinking_keeps_every_difference(pair):
    """Whatever two records are, shrunk they have the same differences with the same values; neither is changed."""
    member, old, new = pair
    struct, _ = KINDS[member]
    before = copy.deepcopy((old, new))
    small = shrink(old, new, struct)
    assert (old, new) == before
    assert found(*small, struct) == found(old, new, struct)
    assert shrink(*small, struct) == small


# --- masking --------------------------------------------------------------------------------------------------------


@examples(35)
@given(pairs())
def test_masking_keeps_every_difference(pair):
    """Whatever two records are, masked they differ where they differed, in the same way, and nowhere else."""
    member, old, new = pair
    struct, _ = KINDS[member]
    places = [(change, spot_of(steps)) for change, steps in found(old, new, struct)]
    masked = with_pseudonyms(old, new, struct)
    assert [(change, spot_of(steps)) for change, steps in found(*masked, struct)] == places


def test_values_that_look_the_same_masked_are_numbered():
    """Two values of one form are told apart by a number; one that is the same on both sides is no other."""
    old, new = full_order(BuyerName="Anna"), full_order(BuyerName="Emma")
    masked = with_pseudonyms(old, new, ORDER)
    assert [record["BuyerName"] for record in masked] == ["xxxx (1)", "xxxx (2)"]
    assert masked[0]["ShippingAddress"] == masked[1]["ShippingAddress"]
    assert masked[0]["ShippingAddress"]["City"] == "xxxxxx"
    assert masked[0]["OrderTotal"] == old["OrderTotal"]


def test_typed_values_stay_typed():
    """A personal number, amount, moment or truth value is exchanged for another of its kind."""
    kinds = {"I": INTEGER, "D": DECIMAL, "T": DATETIME, "B": BOOLEAN}
    struct = Struct("S", tuple(Field(name, kind, pii=True) for name, kind in kinds.items()))
    old = {"I": "4711", "D": "12.30", "T": "1970-05-05T00:00:00Z", "B": "true"}
    new = {"I": "4712", "D": "12.3", "T": "1971-05-05T00:00:00Z", "B": "true"}
    masked = with_pseudonyms(old, new, struct)
    assert masked == (
        {"I": "1", "D": "1.00", "T": "2000-01-02T00:00:00Z", "B": "true"},
        {"I": "2", "D": "1.00", "T": "2000-01-03T00:00:00Z", "B": "true"},
    )


def test_json_keeps_its_types():
    """In JSON that no element carries names and types stay; a number and a text of its digits stay equal."""
    old = full_order(**{"#json": '{"a":"Quagmire","b":60,"c":true,"d":null,"e":["60"," "]}'})
    new = full_order(**{"#json": '{"a":"Zebuloon","b":61,"c":true,"d":null,"e":[60," "]}'})
    texts = [record["#json"] for record in with_pseudonyms(old, new, ORDER)]
    assert texts == [
        '{"a":"xxxxxxxx (1)","b":1,"c":true,"d":null,"e":["1"," "]}',
        '{"a":"xxxxxxxx (2)","b":2,"c":true,"d":null,"e":[1," "]}',
    ]


# --- the files ------------------------------------------------------------------------------------------------------


def test_the_fixtures_show_the_difference(tmp_path):
    """The two files are MWS XML whose comparison finds the difference, with nothing personal in them."""
    old = full_order(BuyerName="Zebulon Quagmire", BuyerEmail="zebulon@private.example")
    new = full_order(BuyerName="Zebulon Yggdrasil", BuyerEmail="zebulon@private.example")
    files = reproduce(f"Order[{ID}]", old, new, ORDER, tmp_path / "case")
    assert files == [tmp_path / "case" / "old.xml", tmp_path / "case" / "new.xml"]
    assert [(entry.change, entry.path) for entry in compare(*files)] == [(Change.VALUE, f"Order[{ID}]/BuyerName")]
    assert read(files[0]) == {"AmazonOrderId": ID, "BuyerName": "xxxxxxx xxxxxxxx"}
    assert [canary for canary in CANARIES for file in files if canary in file.read_text()] == []
    assert sorted(path.name for path in files[0].parent.iterdir()) == ["new.xml", "old.xml"]


def test_an_item_keeps_its_order(tmp_path):
    """The fixture of an item names the order that it belongs to."""
    old = {"AmazonOrderId": ID, "OrderItemId": "7", "ASIN": "B00", "QuantityOrdered": "1", "Title": "t"}
    files = reproduce("item", old, old | {"QuantityOrdered": "2"}, ORDER_ITEM, tmp_path)
    assert read(files[0]) == {"AmazonOrderId": ID, "OrderItemId": "7", "QuantityOrdered": "1"}
    (difference,) = compare(*files)
    steps = (Step("Order", ID), Step("OrderItem", "7"), Step("QuantityOrdered"))
    assert isinstance(difference, Difference)
    assert difference.steps == steps


def test_personal_data_when_asked_for(tmp_path):
    """With show_pii the values are the true ones, in files that nobody else may read."""
    old, new = full_order(BuyerName="Anna"), full_order(BuyerName="Emma")
    files = reproduce("order", old, new, ORDER, tmp_path, show_pii=True)
    assert [read(file)["BuyerName"] for file in files] == ["Anna", "Emma"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


@pytest.mark.parametrize("name", ["old.xml", "new.xml"])
def test_nothing_is_replaced(tmp_path, name):
    """A file that is there stays as it is, is named, and its fellow is not written."""
    (tmp_path / name).write_text("mine")
    with pytest.raises(FileExistsError) as error:
        reproduce("order", full_order(OrderStatus="a"), full_order(OrderStatus="b"), ORDER, tmp_path)
    assert error.value.filename == str(tmp_path / name)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


@pytest.mark.parametrize("name", ["old.xml", "new.xml"])
def test_nothing_is_replaced_that_comes_meanwhile(tmp_path, name, monkeypatch):
    """A file that appears while the fixtures are written is not replaced either, and none of them is left."""
    monkeypatch.setattr("pathlib.Path.exists", lambda path: False)
    (tmp_path / name).write_text("mine")
    with pytest.raises(FileExistsError, match="is there already"):
        reproduce("order", full_order(OrderStatus="a"), full_order(OrderStatus="b"), ORDER, tmp_path)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


def test_what_does_not_differ_cannot_be_reproduced(tmp_path):
    """Records that mean the same are an error that names them, and so is what no document is made of."""
    with pytest.raises(ValueError, match="the order: there is no difference to reproduce"):
        reproduce("the order", full_order(), full_order(), ORDER, tmp_path / "case")
    with pytest.raises(ValueError, match="status: only orders, items and messages can be reproduced"):
        reproduce("status", {"Status": "GREEN"}, {"Status": "RED"}, SERVICE_STATUS, tmp_path / "case")
    assert not (tmp_path / "case").exists()


@examples(30)
@given(pairs())
def test_whatever_differs_can_be_reproduced(tmp_path_factory, pair):
    """The fixtures of any two records of a kind, read again, differ as the records do."""
    member, old, new = pair
    struct, _ = KINDS[member]
    places = [(change, spot_of(steps)) for change, steps in found(old, new, struct)]
    if not places:
        return
    files = reproduce("record", old, new, struct, tmp_path_factory.mktemp("case"))
    again = found(read(files[0]), read(files[1]), struct)
    assert sorted((change, spot_of(steps)) for change, steps in again) == sorted(places)
