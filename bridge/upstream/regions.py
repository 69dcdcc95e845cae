"""SP-API's regions and the marketplaces in them [SP-API reference, section 6]."""

from dataclasses import dataclass

__all__ = ["LWA_URL", "MARKETPLACES", "REGION_HOSTS", "Marketplace", "region_of"]

#: One host for all regions.
LWA_URL = "https://api.amazon.com/auth/o2/token"

REGION_HOSTS = {
    "na": "https://sellingpartnerapi-na.amazon.com",
    "eu": "https://sellingpartnerapi-eu.amazon.com",
    "fe": "https://sellingpartnerapi-fe.amazon.com",
}


@dataclass(frozen=True, slots=True)
class Marketplace:
    """A marketplace: its id, ISO country code and SP-API region."""

    id: str
    country: str
    region: str


MARKETPLACES = {
    id_: Marketplace(id_, country, region)
    for region, members in {
        "na": {
            "ATVPDKIKX0DER": "US",
            "A2EUQ1WTGCTBG2": "CA",
            "A1AM78C64UM0Y8": "MX",
            "A2Q3Y263D00KWC": "BR",
        },
        "eu": {
            "A1F83G8C2ARO7P": "GB",
            "A1PA6795UKMFR9": "DE",
            "A13V1IB3VIYZZH": "FR",
            "APJ6JRA9NG5V4": "IT",
            "A1RKKUPIHCS9HS": "ES",
            "A1805IZSGTT6HS": "NL",
            "A2NODRKZP88ZB9": "SE",
            "A1C3SOZRARQ6R3": "PL",
            "AMEN7PMS3EDWL": "BE",
            "A33AVAJ2PDY3EV": "TR",
            "ARBP9OOSHTCHU": "EG",
            "A17E79C6D8DWNP": "SA",
            "A2VIGQ35RCS4UG": "AE",
            "A21TJRUUN4KGV": "IN",
            "A28R8C7NBKEWEA": "IE",
            "AE08WJ6YKNBMC": "ZA",
        },
        "fe": {
            "A19VAU5U5O7RUS": "SG",
            "A39IBJ37TRP1C6": "AU",
            "A1VC38T7YXB528": "JP",
        },
    }.items()
    for id_, country in members.items()
}


def region_of(marketplace_id: str) -> str | None:
    """The region of a marketplace; None for an id that is not in the table (Amazon opens new ones)."""
    marketplace = MARKETPLACES.get(marketplace_id)
    return marketplace.region if marketplace else None
