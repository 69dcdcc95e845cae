"""The marketplace table against the two reference tables that it restates."""

import pytest

from bridge.upstream.regions import LWA_URL, MARKETPLACES, REGION_HOSTS, region_of
from tests.support import DEMO_SELLERS

# Section 6 of the SP-API reference, copied by hand; CN is closed and has no region.
REFERENCE = """
US ATVPDKIKX0DER na
CA A2EUQ1WTGCTBG2 na
MX A1AM78C64UM0Y8 na
BR A2Q3Y263D00KWC na
GB A1F83G8C2ARO7P eu
DE A1PA6795UKMFR9 eu
FR A13V1IB3VIYZZH eu
IT APJ6JRA9NG5V4 eu
ES A1RKKUPIHCS9HS eu
NL A1805IZSGTT6HS eu
SE A2NODRKZP88ZB9 eu
PL A1C3SOZRARQ6R3 eu
BE AMEN7PMS3EDWL eu
TR A33AVAJ2PDY3EV eu
EG ARBP9OOSHTCHU eu
SA A17E79C6D8DWNP eu
AE A2VIGQ35RCS4UG eu
IN A21TJRUUN4KGV eu
IE A28R8C7NBKEWEA eu
ZA AE08WJ6YKNBMC eu
SG A19VAU5U5O7RUS fe
AU A39IBJ37TRP1C6 fe
JP A1VC38T7YXB528 fe
"""
ROWS = [tuple(line.split()) for line in REFERENCE.strip().splitlines()]


def test_the_table_is_the_references_and_nothing_else():
    """Every marketplace of the reference with its country and region, no other, no closed one."""
    assert {(place.country, place.id, place.region) for place in MARKETPLACES.values()} == set(ROWS)
    assert all(key == place.id for key, place in MARKETPLACES.items())


@pytest.mark.parametrize(("country", "id_", "region"), ROWS)
def test_the_region_of_a_marketplace(country, id_, region):
    """Each marketplace's region, among them India and the Emirates, whose MWS hosts were their own, in eu."""
    assert region_of(id_) == region


def test_an_unknown_marketplace_has_no_region():
    """A new or closed marketplace is not guessed."""
    assert region_of("AAHKV2X7AFYLW") is None
    assert region_of("") is None


def test_the_hosts_are_amazons():
    """One host for each region, one login host for all, all https."""
    assert REGION_HOSTS == {
        "na": "https://sellingpartnerapi-na.amazon.com",
        "eu": "https://sellingpartnerapi-eu.amazon.com",
        "fe": "https://sellingpartnerapi-fe.amazon.com",
    }
    assert LWA_URL == "https://api.amazon.com/auth/o2/token"


def test_the_sandbox_agrees_about_regions():
    """Two tables written independently, the client's and the sandbox's, say the same of every demo marketplace."""
    for seller in DEMO_SELLERS:
        assert {region_of(id_) for id_ in seller.marketplace_ids} == {seller.region}
