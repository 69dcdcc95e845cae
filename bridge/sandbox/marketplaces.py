"""The marketplaces: id, country, region, sales channel, currency and how prices treat tax.

Ids and regions are Amazon's published ones. India, Turkey and the Gulf belong to the region "eu". Tax rates are
round numbers for synthetic orders, not advice.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Region = Literal["na", "eu", "fe"]


@dataclass(frozen=True, slots=True)
class Marketplace:
    """One marketplace; `digits` are the decimals of its currency, `weight` its share of a seller's orders."""

    id: str
    country: str
    region: Region
    channel: str
    currency: str
    tax_rate: Decimal
    tax_included: bool = True
    digits: int = 2
    weight: int = 1
    history_since_2016: bool = False

    @property
    def cent(self) -> Decimal:
        """The smallest amount of the currency."""
        return Decimal(1).scaleb(-self.digits)


def _rate(percent: str) -> Decimal:
    return Decimal(percent) / 100


_ALL = (
    Marketplace("ATVPDKIKX0DER", "US", "na", "Amazon.com", "USD", _rate("8.25"), tax_included=False, weight=6),
    Marketplace("A2EUQ1WTGCTBG2", "CA", "na", "Amazon.ca", "CAD", _rate("13"), tax_included=False, weight=2),
    Marketplace("A1AM78C64UM0Y8", "MX", "na", "Amazon.com.mx", "MXN", _rate("16"), weight=2),
    Marketplace("A2Q3Y263D00KWC", "BR", "na", "Amazon.com.br", "BRL", _rate("17"), weight=3),
    Marketplace("A1F83G8C2ARO7P", "GB", "eu", "Amazon.co.uk", "GBP", _rate("20"), weight=4),
    Marketplace("A1PA6795UKMFR9", "DE", "eu", "Amazon.de", "EUR", _rate("19"), weight=5),
    Marketplace("A13V1IB3VIYZZH", "FR", "eu", "Amazon.fr", "EUR", _rate("20"), weight=2),
    Marketplace("APJ6JRA9NG5V4", "IT", "eu", "Amazon.it", "EUR", _rate("22"), weight=2),
    Marketplace("A1RKKUPIHCS9HS", "ES", "eu", "Amazon.es", "EUR", _rate("21"), weight=2),
    Marketplace("A1805IZSGTT6HS", "NL", "eu", "Amazon.nl", "EUR", _rate("21")),
    Marketplace("A2NODRKZP88ZB9", "SE", "eu", "Amazon.se", "SEK", _rate("25")),
    Marketplace("A1C3SOZRARQ6R3", "PL", "eu", "Amazon.pl", "PLN", _rate("23")),
    Marketplace("AMEN7PMS3EDWL", "BE", "eu", "Amazon.com.be", "EUR", _rate("21")),
    Marketplace("A33AVAJ2PDY3EV", "TR", "eu", "Amazon.com.tr", "TRY", _rate("20"), weight=3),
    Marketplace("ARBP9OOSHTCHU", "EG", "eu", "Amazon.eg", "EGP", _rate("14")),
    Marketplace("A17E79C6D8DWNP", "SA", "eu", "Amazon.sa", "SAR", _rate("15")),
    Marketplace("A2VIGQ35RCS4UG", "AE", "eu", "Amazon.ae", "AED", _rate("5")),
    Marketplace("A21TJRUUN4KGV", "IN", "eu", "Amazon.in", "INR", _rate("18"), weight=4),
    Marketplace("A28R8C7NBKEWEA", "IE", "eu", "Amazon.ie", "EUR", _rate("23")),
    Marketplace("AE08WJ6YKNBMC", "ZA", "eu", "Amazon.co.za", "ZAR", _rate("15")),
    Marketplace("A19VAU5U5O7RUS", "SG", "fe", "Amazon.sg", "SGD", _rate("9"), history_since_2016=True),
    Marketplace("A39IBJ37TRP1C6", "AU", "fe", "Amazon.com.au", "AUD", _rate("10"), weight=2, history_since_2016=True),
    Marketplace(
        "A1VC38T7YXB528", "JP", "fe", "Amazon.co.jp", "JPY", _rate("10"), digits=0, weight=5, history_since_2016=True
    ),
)

MARKETPLACES: dict[str, Marketplace] = {one.id: one for one in _ALL}
BY_COUNTRY: dict[str, Marketplace] = {one.country: one for one in _ALL}
