"""Shared by the tests of the differ's reports: a comparison with something of everything, and its reports."""

import io

from bridge.diff import Change, Difference, Origin, Pattern, Rule, Step, Tally, Verdict, make_profile
from bridge.diff.records import compare_records
from bridge.diff.reports import write_report
from mws_compat.orders import ORDER, ORDER_ITEM

HOSTILE = "</script><script>alert(1)</script><!-- \"'&<img src=x onerror=alert(2)> \u2028\u202e\x1b[31m\x00 end"
#: Personal values of the sample: none may be in a report that masks them.
CANARIES = (
    *("Zebulon", "Quagmire", "zebulon@private.example", "Umbrella Street", "Xanadu", "Yggdrasil", "60-7071"),
    *("KEY-TAX-1", "KEY-TAX-2", "unheard-of-1", "unheard-of-2", "0187-5550"),
)


def address(city, street="Umbrella Street 4"):
    return {"Name": "Zebulon Quagmire", "AddressLine1": street, "City": city, "PostalCode": "60-7071"}


def order_id(number):
    return f"902-{number:07}-0000000"


def sample(count=12, *, hostile=False):
    """``count`` orders of which each differs in some way, with an item each, some equal ones, and lone ones."""
    tally = Tally(profile="migration")
    profile = make_profile("migration")
    profile.rules.append(Rule(Pattern("LastUpdateDate"), Verdict.IGNORED, "--ignore LastUpdateDate"))
    tally.equals("Order", 1000)
    for number in range(count):
        old = {
            "AmazonOrderId": order_id(number),
            "OrderStatus": "Unshipped",
            "LastUpdateDate": "2016-01-20T18:49:10Z",
            "BuyerName": "Zebulon Quagmire",
            "BuyerEmail": "zebulon@private.example",
            "ShippingAddress": address("Xanadu"),
            "TaxRegistrationDetails": [{"taxRegistrationId": "KEY-TAX-1", "taxRegistrationType": "VAT"}],
            "#unknown": {"Strange": {"@tel": "0187-5550", "#text": "unheard-of-1"}},
        }
        new = {
            **{name: node for name, node in old.items() if name != "BuyerEmail"},
            "OrderStatus": HOSTILE if hostile else "Shipped",
            "LastUpdateDate": "2017-01-20T18:49:10Z",
            "ShippingAddress": address("Yggdrasil"),
            "#unknown": {"Strange": {"@tel": "0187-5550", "#text": "unheard-of-2"}},
        }
        if number % 2:
            new["TaxRegistrationDetails"] = [{"taxRegistrationId": "KEY-TAX-2"}]
        step = Step("Order", order_id(number))
        tally.pair("Order", judged(profile, old, new, ORDER, (step,)))
        one, other = {"QuantityOrdered": "1", "GiftMessageText": "Xanadu"}, {"QuantityOrdered": "two"}
        tally.pair("OrderItem", judged(profile, one, other, ORDER_ITEM, (step, Step("OrderItem", "7"))))
    brief = {"AmazonOrderId": order_id(500)}
    tally.lone(Difference(Change.MISSING, (Step("Order", order_id(500)),), brief, None, ORDER, old_source="a.xml"))
    tally.lone(Difference(Change.EXTRA, (Step("Order", order_id(501)),), None, brief, ORDER, new_source="b.xml"))
    tally.lone(Difference(Change.DUPLICATE, (Step("Order", order_id(502)),), None, brief, ORDER, new_source="b.xml"))
    return tally


def judged(profile, old, new, struct, steps):
    return [
        profile.judge(found, Origin.MWS, Origin.SP_API)._replace(old_source="a.xml", new_source="b.json")
        for found in compare_records(old, new, struct, steps)
    ]


def same():
    """A comparison that found nothing."""
    tally = Tally(profile="exact")
    tally.equals("Order", 3)
    return tally


def report(tally, form, **options):
    out = io.StringIO()
    write_report(tally, out, format=form, old_name="before.xml", new_name="after.json", **options)
    return out.getvalue()
