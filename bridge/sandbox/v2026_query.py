"""The query parameters of searchOrders and getOrder v2026-01-01, their rules, and the filter that they amount to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bridge.sandbox.answers import denied, invalid_input
from bridge.sandbox.model import Order
from bridge.sandbox.query_rules import DEFAULT_PAGE_SIZE, Period, check_marketplaces, check_period
from bridge.sandbox.query_values import parse_date, parse_list, parse_page_size
from bridge.sandbox.sellers import DemoSeller
from bridge.sandbox.v2026_words import FULFILLED_BY_WORDS, ROLE_OF_DATASET, STATUS_WORDS, Dataset

PAGINATION_TOKEN: Final = "paginationToken"  # noqa: S105 - the name of a parameter
_INCLUDED_DATA: Final = "includedData"
_PAGE_SIZE: Final = "maxResultsPerPage"
_LISTS: Final[Mapping[str, frozenset[str] | None]] = {
    "marketplaceIds": None,
    "fulfillmentStatuses": frozenset(STATUS_WORDS.values()),
    "fulfilledBy": frozenset(FULFILLED_BY_WORDS.values()),
    _INCLUDED_DATA: frozenset(Dataset),
}
_DATES: Final = frozenset({"createdAfter", "createdBefore", "lastUpdatedAfter", "lastUpdatedBefore"})


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters that were given, by kind; dates are unix seconds."""

    lists: Mapping[str, frozenset[str]] = field(default_factory=dict)
    dates: Mapping[str, float] = field(default_factory=dict)
    page_size: int | None = None

    @property
    def datasets(self) -> frozenset[Dataset]:
        """The data sets that were asked for."""
        return frozenset(map(Dataset, self.lists.get(_INCLUDED_DATA, ())))


def parse_parameters(raw: Mapping[str, str]) -> Parameters:
    """Return the typed values; the first malformed one raises 400.

    An empty value counts as absent, and an unknown parameter is ignored, as in v0.
    """
    given = {name: value for name, value in raw.items() if value}
    return Parameters(
        lists={name: parse_list(name, value, _LISTS[name]) for name, value in given.items() if name in _LISTS},
        dates={name: parse_date(name, value) for name, value in given.items() if name in _DATES},
        page_size=parse_page_size(_PAGE_SIZE, given[_PAGE_SIZE]) if _PAGE_SIZE in given else None,
    )


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A checked search."""

    parameters: Parameters
    period: Period

    @property
    def page_size(self) -> int:
        """Orders on one page."""
        return self.parameters.page_size or DEFAULT_PAGE_SIZE

    def matches(self, order: Order) -> bool:
        """Tell whether an order meets both bounds and every filter. Unlike in v0 a status stands for itself alone."""
        values = {
            "marketplaceIds": order.marketplace,
            "fulfillmentStatuses": STATUS_WORDS[order.status],
            "fulfilledBy": FULFILLED_BY_WORDS[order.purchase.fulfilled_by],
        }
        lists = self.parameters.lists
        return self.period.holds(order) and all(
            value in lists[name] for name, value in values.items() if name in lists
        )


def check_query(parameters: Parameters, seller: DemoSeller, now: float) -> SearchQuery:
    """Apply the rules between parameters; the first broken one raises 400 or 403.

    Without marketplaces a search is for all that the seller has in the region.
    """
    check_marketplaces(parameters.lists.get("marketplaceIds", ()), seller)
    return SearchQuery(parameters, check_period(parameters.dates, "created", "lastUpdated", now))


def check_continuation(given: Parameters, original: Parameters) -> None:
    """Refuse a further page with other parameters than the first: only maxResultsPerPage may differ.

    The model lets includedData differ too, the service does not (sdk#717).
    """
    for ours, theirs in ((given.lists, original.lists), (given.dates, original.dates)):
        for name in sorted(ours.keys() | theirs.keys()):
            if ours.get(name) != theirs.get(name):
                raise invalid_input(
                    f"{name} differs from the request that the {PAGINATION_TOKEN} belongs to: "
                    f"only {_PAGE_SIZE} may differ."
                )


def check_datasets(asked: frozenset[Dataset], seller: DemoSeller, *, refused: bool) -> frozenset[Dataset]:
    """Return the data sets that the seller's roles open.

    Of the others it is not known for certain what Amazon does (reference 11.9): with `refused` they are 403, else
    they are left out.
    """
    closed = sorted(one for one in asked if ROLE_OF_DATASET.get(one, "") not in {"", *seller.roles})
    if closed and refused:
        raise denied(f"No role of this authorization covers {_INCLUDED_DATA} [{', '.join(closed)}].")
    return asked.difference(closed)
