"""The query parameters of getOrders, each by itself: names, kinds and forms (reference 1.2)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from bridge.sandbox.answers import SandboxError, invalid_input
from bridge.sandbox.v0_words import EASY_SHIP_STATUSES, INVOICE_STATUSES, PAYMENT_METHODS, STATUS_WORDS

MAX_LIST: Final = 50
ORDER_ID: Final = re.compile(r"\d{3}-\d{7}-\d{7}", re.ASCII)
# A zone is required: without one Amazon answers "Invalid Date-Time field(s)".
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)", re.ASCII)

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


def wire_name(name: str) -> str:
    """Return a parameter's name as Amazon's messages spell it: with a lower-case first letter."""
    return name[:1].lower() + name[1:]


def parse_date(name: str, raw: str) -> float:
    """Return the unix seconds of an ISO 8601 date-time with a zone, or raise 400."""
    try:
        if _DATE.fullmatch(raw):
            return datetime.fromisoformat(raw).timestamp()
    except ValueError:
        pass
    raise invalid_dates(name)


def invalid_dates(name: str) -> SandboxError:
    """400 in Amazon's words: a date is malformed, or missing where one has to be."""
    return invalid_input(f"Invalid Date-Time field(s) [{wire_name(name)}]")


def _parse_list(name: str, raw: str) -> frozenset[str]:
    values = raw.split(",")
    allowed = _LISTS[name]
    if allowed is not None and not allowed.issuperset(values):
        raise invalid_input(
            f"1 validation error detected: Value '[{raw}]' at '{wire_name(name)}' failed to satisfy constraint: "
            f"Member must satisfy constraint: [Member must satisfy enum value set: [{', '.join(sorted(allowed))}]]"
        )
    if len(values) > MAX_LIST:
        raise invalid_input(f"'{wire_name(name)}' holds more than {MAX_LIST} values.")
    if name == "AmazonOrderIds":
        for value in values:
            if not ORDER_ID.fullmatch(value):
                raise invalid_input(f"Invalid AmazonOrderId: {value}")
    return frozenset(values)


def _parse_page_size(raw: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", raw) or not 1 <= int(raw) <= 100:
        raise invalid_input(f"Value '{raw}' at '{wire_name(_PAGE_SIZE)}' must be an integer from 1 to 100.")
    return int(raw)


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
        page_size=_parse_page_size(given[_PAGE_SIZE]) if _PAGE_SIZE in given else None,
        store_pickup=_parse_flag(given[_STORE_PICKUP]) if _STORE_PICKUP in given else None,
    )
