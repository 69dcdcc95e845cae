"""The query parameters of getOrders, each by itself: names, kinds and forms (reference 1.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bridge.sandbox.answers import invalid_input
from bridge.sandbox.query_values import ORDER_ID, parse_date, parse_list, parse_page_size, wire_name
from bridge.sandbox.v0_words import EASY_SHIP_STATUSES, INVOICE_STATUSES, PAYMENT_METHODS, STATUS_WORDS

# The lists, with their closed sets of values where there is one.
_LISTS: Final[Mapping[str, frozenset[str] | None]] = {
    "MarketplaceIds": None,
    "AmazonOrderIds": None,
    "OrderStatuses": frozenset(STATUS_WORDS.values()),
    "FulfillmentChannels": frozenset({"AFN", "MFN"}),
    "PaymentMethods": PAYMENT_METHODS,
    "EasyShipShipmentStatuses": EASY_SHIP_STATUSES,
    "ElectronicInvoiceStatuses": INVOICE_STATUSES,
}
_DATES: Final = frozenset(
    {
        "CreatedAfter",
        "CreatedBefore",
        "LastUpdatedAfter",
        "LastUpdatedBefore",
        "EarliestDeliveryDateBefore",
        "EarliestDeliveryDateAfter",
        "LatestDeliveryDateBefore",
        "LatestDeliveryDateAfter",
    }
)
_TEXTS: Final = frozenset({"BuyerEmail", "SellerOrderId", "ActualFulfillmentSupplySourceId", "StoreChainStoreId"})
_PAGE_SIZE: Final = "MaxResultsPerPage"
_STORE_PICKUP: Final = "IsISPU"


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters that were given, by kind; dates are unix seconds."""

    lists: Mapping[str, frozenset[str]] = field(default_factory=dict)
    dates: Mapping[str, float] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    page_size: int | None = None
    store_pickup: bool | None = None

    def everything(self) -> dict[str, object]:
        """Return name → value of whatever was given."""
        single = {_PAGE_SIZE: self.page_size, _STORE_PICKUP: self.store_pickup}
        given = {name: value for name, value in single.items() if value is not None}
        return {**self.lists, **self.dates, **self.texts, **given}


def _parse_list(name: str, raw: str) -> frozenset[str]:
    values = parse_list(name, raw, _LISTS[name])
    if name == "AmazonOrderIds":
        for value in raw.split(","):
            if not ORDER_ID.fullmatch(value):
                raise invalid_input(f"Invalid AmazonOrderId: {value}")
    return values


def _parse_flag(raw: str) -> bool:
    if raw.lower() not in {"true", "false"}:
        raise invalid_input(f"Value '{raw}' at '{wire_name(_STORE_PICKUP)}' must be true or false.")
    return raw.lower() == "true"


def parse_parameters(raw: Mapping[str, str]) -> Parameters:
    """Return the typed values; the first malformed one raises 400.

    An empty value counts as absent. A parameter that getOrders does not know is ignored: Amazon's own guide misspells
    one (`MaxResultPerPage`), which could not stand there if the service refused it.
    """
    given = {name: value for name, value in raw.items() if value}
    return Parameters(
        lists={name: _parse_list(name, value) for name, value in given.items() if name in _LISTS},
        dates={name: parse_date(name, value) for name, value in given.items() if name in _DATES},
        texts={name: value for name, value in given.items() if name in _TEXTS},
        page_size=parse_page_size(_PAGE_SIZE, given[_PAGE_SIZE]) if _PAGE_SIZE in given else None,
        store_pickup=_parse_flag(given[_STORE_PICKUP]) if _STORE_PICKUP in given else None,
    )
