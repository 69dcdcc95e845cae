"""What is thought of a difference: profiles, patterns, rules and their file."""

import json
from decimal import Decimal

import pytest

from bridge.diff import Change, Difference, Pattern, Rule, Step, Tally, Verdict, compare, compare_all, make_profile
from bridge.diff.places import is_known
from bridge.diff.profiles import Origin
from bridge.diff.rules import RulesError, load_rules, parse_rules, parse_tolerance
from tests.offline.converting import converted, order, orders


def at(*steps, change=Change.VALUE, old="1", new="2"):
    return Difference(change, tuple(Step(*step.split("|")) for step in steps), old, new)


CITY = at("Order|902-1", "ShippingAddress", "City")
ITEM = at("Order|902-1", "OrderItem|7", "ItemPrice", "Amount")


@pytest.mark.parametrize(
    ("pattern", "difference", "matches"),
    [
        ("City", CITY, True),
        ("ShippingAddress", CITY, True),
        ("ShippingAddress/City", CITY, True),
        ("Order/ShippingAddress", CITY, True),
        ("/Order", CITY, True),
        ("/Order/ShippingAddress/City", CITY, True),
        ("/ShippingAddress", CITY, False),
        ("Order/City", CITY, False),
        ("Order/*/City", CITY, True),
        ("*Address", CITY, True),
        ("C?ty", CITY, True),
        ("city", CITY, False),
        ("Order[902-1]", CITY, True),
        ("Order[902-*]/ShippingAddress", CITY, True),
        ("Order[903-*]", CITY, False),
        ("Order/ShippingAddress/City/X", CITY, False),
        ("OrderItem[7]/ItemPrice", ITEM, True),
        ("Amount", ITEM, True),
        ("Order", at("Order|1", change=Change.MISSING), True),
        ("Order/ShippingAddress", at("Order|1", change=Change.MISSING), False),
    ],
)
def test_patterns(pattern, difference, matches):
    """A pattern matches its place and every place below it."""
    assert Pattern(pattern).matches(difference) is matches


@pytest.mark.parametrize("text", ["", "/", "a//b", "[x]", "a[x", "a]", "a[x]b"])
def test_patterns_that_are_none(text):
    """They are refused, with an example of one."""
    with pytest.raises(ValueError, match="for example"):
        Pattern(text)


def test_rules_come_in_order():
    """The first that applies decides; what each applies to is counted, whichever decides."""
    profile = make_profile("exact")
    profile.rules = [
        Rule(Pattern("City"), Verdict.EXPECTED, "moved", frozenset([Change.MISSING_FIELD])),
        Rule(Pattern("ShippingAddress"), Verdict.IGNORED, "no matter"),
    ]
    judged = profile.judge(CITY, Origin.MWS, Origin.MWS)
    assert (judged.verdict, judged.reason) == (Verdict.IGNORED, "no matter")
    judged = profile.judge(CITY._replace(change=Change.MISSING_FIELD), Origin.MWS, Origin.MWS)
    assert (judged.verdict, judged.reason) == (Verdict.EXPECTED, "moved")
    assert profile.judge(ITEM, Origin.MWS, Origin.MWS) == ITEM
    assert [rule.used for rule in profile.rules] == [1, 2]
    profile.only = [Pattern("OrderTotal")]
    assert profile.judge(CITY, Origin.MWS, Origin.MWS).verdict is Verdict.IGNORED
    assert [rule.used for rule in profile.rules] == [1, 3]  # there is such a difference, asked about or not


def test_only():
    """Anything else is ignored, and counted as such."""
    old = orders(order("1", "<OrderStatus>a</OrderStatus><BuyerName>a</BuyerName>")).encode()
    new = orders(order("1", "<OrderStatus>b</OrderStatus><BuyerName>b</BuyerName>")).encode()
    tally = compare_all(old, new, only=[Pattern("BuyerName")])
    assert (tally.different, tally.differences) == (1, {Verdict.DIFFERENT: 1, Verdict.IGNORED: 1})
    tally = compare_all(old, new, only=[Pattern("OrderTotal")])
    assert tally.same
    assert (tally.ignored, tally.equal, tally.differences) == (1, 0, {Verdict.IGNORED: 2})


def test_only_never_passes_over_what_cannot_be_looked_at():
    """An order that is missing, extra or there twice counts, and so does an element that held the place."""
    total = "<OrderTotal><Amount>1.00</Amount></OrderTotal>"
    one, two = orders(order("1", total)).encode(), orders(order("1", total), order("2", total)).encode()
    for old, new in ((two, one), (one, two), (one, [one, one])):
        assert compare_all(old, new, only=[Pattern("OrderTotal")]).differences == {Verdict.DIFFERENT: 1}
    for inner in ("", "<OrderTotal>1.00</OrderTotal>"):
        without = orders(order("1", inner)).encode()
        for old, new in ((one, without), (without, one)):
            assert not compare_all(old, new, only=[Pattern("OrderTotal/Amount")]).same
            assert compare_all(old, new, only=[Pattern("OrderTotal/CurrencyCode")]).same


@pytest.mark.parametrize(
    ("text", "is_there"),
    [
        ("OrderTotal", True),
        ("OrderTotal/Amount", True),
        ("Order[1]/OrderTotal", True),
        ("Order[9]/OrderTotal", False),
        ("OrderTotl", False),
        ("PromotionIds", False),
        ("ShopNote", True),
        ("PaymentExecutionDetail[a]/PaymentMethod", True),
        ("PaymentExecutionDetail[b]", False),
        ("#json/HasRegulatedItems", True),
    ],
)
def test_only_knows_whether_there_is_such_a_place(text, is_there):
    """Also where nothing differs, on either side, in records that are equal byte for byte."""
    inner = (
        "<OrderTotal><Amount>1.00</Amount></OrderTotal><ShopNote>x</ShopNote><PaymentExecutionDetail>"
        "<PaymentExecutionDetailItem><PaymentMethod>a</PaymentMethod></PaymentExecutionDetailItem>"
        '</PaymentExecutionDetail><Unmapped xmlns="urn:mws-bridge">{"HasRegulatedItems":false}</Unmapped>'
    )
    full, bare = orders(order("1", inner)).encode(), orders(order("2")).encode()
    for old, new in ((full, full), (full, bare), (bare, full)):
        pattern = Pattern(text)
        compare_all(old, new, only=[pattern])
        assert pattern.met is is_there


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("OrderTotal", True),
        ("/Order/OrderTotal/*", True),
        ("Order[902-*]/OrderItem[7]/ItemPrice/Amount", True),
        ("OrderReport/Item/ItemPrice/Component/Amount/CurrencyCode", True),
        ("ErrorResponse", True),
        ("#json/HasRegulatedItems", True),
        ("OrderTotl", False),
        ("/OrderTotal", False),
        ("OrderTotal/City", False),
    ],
)
def test_places_that_the_tables_know(text, known):
    """Whatever the keys are, from the record to the last leaf."""
    assert is_known(Pattern(text)) is known


@pytest.mark.parametrize(
    ("old", "new", "ignored"),
    [
        ("1.00", "1.01", True),
        ("1.01", "1.00", True),
        ("1.00", "1.011", False),
        ("-1", "1", False),
        ("x", "1", False),
        ("1", None, False),
    ],
)
def test_tolerance(old, new, ignored):
    """Numbers may differ by so much, as decimals; nothing else may."""
    rule = parse_tolerance("OrderTotal/Amount=0.01")
    difference = at("Order|1", "OrderTotal", "Amount", old=old, new=new)
    assert rule.applies(difference) is ignored
    assert (rule.verdict, rule.reason, rule.tolerance) == (Verdict.IGNORED, "within 0.01", Decimal("0.01"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Amount", "is not PATH=NUMBER"),
        ("=0.01", "a path names elements"),
        ("Amount=", "write the number"),
        ("Amount=x", "write the number"),
        ("Amount=-1", "within -1: must not be negative"),
        ("Amount=NaN", "write the number"),
        ("Amount=Infinity", "write the number"),
    ],
)
def test_tolerances_that_are_none(text, problem):
    """They are refused with the remedy."""
    with pytest.raises(ValueError, match=problem):
        parse_tolerance(text)


# --- the migration --------------------------------------------------------------------------------------------------

ADDRESS = "<ShippingAddress><Name>a</Name><City>b</City></ShippingAddress>"


def found(old, new, profile="migration"):
    return [
        (one.change.value, one.spot.removeprefix("Order/"), one.verdict.value, one.reason)
        for one in compare(old, new, profile)
    ]


LATER = "Amazon added the element later; older answers lack it"
NO_ELEMENT = "a member of SP-API that no MWS element carries"
TAX = "<BuyerTaxInfo><CompanyLegalName>a</CompanyLegalName></BuyerTaxInfo>"
CHANGED = ("changed-value", "BuyerEmail", "different", "")
PAYMENT = "<PaymentExecutionDetailItem><PaymentMethod>a</PaymentMethod></PaymentExecutionDetailItem>"
PAYMENT = f"<PaymentExecutionDetail>{PAYMENT}</PaymentExecutionDetail>"
ROLE = "SP-API gives it only to applications with a role for personal data"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("<BuyerEmail>a</BuyerEmail>", {}, [("missing-field", "BuyerEmail", "expected", ROLE)]),
        (ADDRESS, {"ShippingAddress": {"City": "b"}}, [("missing-field", "ShippingAddress/Name", "expected", ROLE)]),
        (ADDRESS, {"ShippingAddress": {"Name": "a"}}, [("missing-field", "ShippingAddress/City", "different", "")]),
        (ADDRESS, {}, [("missing-field", "ShippingAddress", "different", "")]),
        ("<OrderStatus>a</OrderStatus>", {}, [("missing-field", "OrderStatus", "different", "")]),
        ("<BuyerEmail>a</BuyerEmail>", {"BuyerInfo": {"BuyerEmail": "b"}}, [CHANGED]),
        ("", {"IsIBA": True}, [("extra-field", "IsIBA", "expected", LATER)]),
        ("", {"OrderStatus": "a"}, [("extra-field", "OrderStatus", "different", "")]),
        ("", {"Spare": "a"}, [("extra-field", "#json/Spare", "expected", NO_ELEMENT)]),
        (TAX, {}, [("missing-field", "BuyerTaxInfo", "expected", ROLE)]),
        (PAYMENT, {}, [("missing-field", "PaymentExecutionDetail", "different", "")]),
        ("<Novel>a</Novel>", {}, [("missing-field", "Novel", "different", "")]),
    ],
)  # fmt: skip
def test_migration(old, new, expected):
    """What the move from MWS to SP-API explains is expected, with the tables' reason; whatever else is not."""
    xml = orders(order("1", old)).encode()
    lines = json.dumps({"AmazonOrderId": "1", **new}).encode()
    assert found(xml, lines) == expected
    assert found(xml, lines, "auto") == expected
    mirrored = [(Change(one[0]).mirrored.value, *one[1:]) for one in expected]
    assert found(lines, xml) == mirrored
    assert {one[2] for one in found(xml, lines, "exact")} == {"different"}


def test_omitted_fields():
    """A field that SP-API no longer has is expected to be missing, and the reason says why."""
    xml = orders(order("1", "<ShippedByAmazonTFM>false</ShippedByAmazonTFM>")).encode()
    ((change, spot, verdict, reason),) = found(xml, b'{"AmazonOrderId": "1"}')
    assert (change, spot, verdict) == ("missing-field", "ShippedByAmazonTFM", "expected")
    assert reason.startswith("SP-API has no such field: ")


def test_members_that_are_known_to_have_no_element():
    """The mapping table says why."""
    xml = orders(order("1")).encode()
    ((_, spot, verdict, reason),) = found(xml, b'{"AmazonOrderId": "1", "HasRegulatedItems": false}')
    assert (spot, verdict) == ("#json/HasRegulatedItems", "expected")
    assert reason.startswith("a member of SP-API that no MWS element carries: ")


def test_two_of_one_origin():
    """With the profile named, the new side of two is taken for SP-API's; by itself none is expected."""
    old, new = orders(order("1", "<BuyerEmail>a</BuyerEmail>")).encode(), orders(order("1")).encode()
    assert found(old, new)[0][2] == "expected"
    assert found(old, new, "auto")[0][2] == "different"
    assert found(old, new, make_profile("migration"))[0][2] == "expected"
    assert found(new, old)[0][2] == "different"


def test_a_whole_order_is_never_expected_to_be_missing():
    """No profile explains it."""
    assert found(orders(order("1")).encode(), b'{"payload": {"Orders": []}}') == [
        ("missing", "Order", "different", "")
    ]


def test_what_is_counted():
    """Places by their count, each with its first example; equal, expected and ignored apart."""
    old = orders(
        *[order(str(n), f"<OrderStatus>{n}</OrderStatus><BuyerName>x</BuyerName>") for n in range(4)]
    ).encode()
    new = orders(order("0", "<OrderStatus>0</OrderStatus><BuyerName>x</BuyerName>"), *[order(str(n)) for n in (1, 2)])
    tally = compare_all(old, new.encode(), "migration")
    assert (tally.compared, tally.equal, tally.different, tally.missing) == (3, 1, 2, 1)
    assert [(place.spot, place.count) for place in tally.places()] == [("Order/OrderStatus", 2), ("Order", 1)]
    assert tally.places()[0].example.path == "Order[1]/OrderStatus"
    assert [(place.spot, place.reason) for place in tally.places(Verdict.EXPECTED)] == [("Order/BuyerName", ROLE)]
    assert tally.members == {"Order": 3}


def test_what_is_kept_is_bounded(monkeypatch):
    """Past a bound differences are counted only."""
    monkeypatch.setattr("bridge.diff.tally.MAX_DETAILS", 3)
    tally = Tally()
    for number in range(5):
        tally.lone(at(f"Order|{number}", change=Change.EXTRA))
    assert (len(tally.details), tally.extra) == (3, 5)


# --- the file -------------------------------------------------------------------------------------------------------


def test_a_rules_file(tmp_path):
    """All that it may say, as the documents show it."""
    path = tmp_path / "rules.toml"
    path.write_text(
        """
        profile = "migration"
        only = ["OrderTotal", "ShippingAddress"]
        [[ignore]]
        path = "ShippingAddress/Phone"
        reason = "we stopped keeping it in 2021"
        [[ignore]]
        path = "City"
        change = "extra-field"
        [[expect]]
        path = "Order/OrderStatus"
        change = ["changed-value", "type"]
        reason = "shipped in the meantime"
        [[tolerance]]
        path = "OrderTotal/Amount"
        within = "0.01"
        """
    )
    rules = load_rules(path)
    assert rules.profile == "migration"
    assert [pattern.text for pattern in rules.only] == ["OrderTotal", "ShippingAddress"]
    assert [(rule.pattern.text, rule.verdict, rule.reason, rule.changes, rule.tolerance) for rule in rules.rules] == [
        ("ShippingAddress/Phone", "ignored", "we stopped keeping it in 2021", frozenset(), None),
        ("City", "ignored", "ignored by a rule", {Change.EXTRA_FIELD}, None),
        ("Order/OrderStatus", "expected", "shipped in the meantime", {Change.VALUE, Change.TYPE}, None),
        ("OrderTotal/Amount", "ignored", "within 0.01", frozenset(), Decimal("0.01")),
    ]
    assert parse_rules({}).profile == ""


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("ignored = []", "ignored: there is no such rule; there are profile, only, ignore, expect, tolerance"),
        ("profile = 1", "profile: must be one of auto, exact, migration"),
        ("only = 'x'", "only[1]: text expected"),
        ("only = ['']", "only[1]: a path names elements"),
        ("ignore = ['x']", "ignore[1]: write [[ignore]] and below it path = …"),
        ("ignore = 1", "ignore[1]: write [[ignore]] and below it path = …"),
        ("[[ignore]]", "ignore[1]: needs a path"),
        ("[[ignore]]\npath = 1", "ignore[1]: text expected"),
        (
            "[[ignore]]\npath = 'a'\nwhy = 'b'",
            "ignore[1]: why: there is no such setting; there are change, path, reason",
        ),
        ("[[ignore]]\npath = 'a'\nchange = 'b'", "ignore[1]: change: must be one of missing, extra"),
        ("[[expect]]\npath = 'a'", "expect[1]: needs a reason"),
        ("[[tolerance]]\npath = 'a'", "tolerance[1]: write the number as text"),
        ("[[tolerance]]\npath = 'a'\nwithin = true", "tolerance[1]: write the number as text"),
        ("[[tolerance]]\npath = 'a'\nwithin = 0.01", "tolerance[1]: write the number as text"),
        ("x", "not TOML: "),
    ],
)
def test_faults_of_a_rules_file(tmp_path, text, fault):
    """Each is named with its place and its remedy."""
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(RulesError) as raised:
        load_rules(path)
    (told,) = raised.value.faults
    assert told.startswith(f"{path}: {fault}")


def test_a_rules_file_that_is_not_there(tmp_path):
    """It is named."""
    with pytest.raises(RulesError, match=r"none\.toml: cannot be read: No such file"):
        load_rules(tmp_path / "none.toml")


def test_all_faults_are_told_at_once(tmp_path):
    """A person mends a file once."""
    with pytest.raises(RulesError) as raised:
        parse_rules({"x": 1, "profile": "y", "expect": [{}, {"path": "a"}]})
    assert len(raised.value.faults) == 4


def test_an_exact_feed():
    """The profile of nothing expected leaves a difference as it is."""
    assert converted(orders(order("1")))
    assert make_profile("exact").judge(CITY, Origin.MWS, Origin.SP_API) is CITY
    with pytest.raises(ValueError, match="there is no profile"):
        make_profile("x")
