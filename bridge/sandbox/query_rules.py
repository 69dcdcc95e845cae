"""Rules that every version of the API has for a search: the two families of dates, and the marketplaces."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from bridge.sandbox.answers import denied, invalid_input
from bridge.sandbox.marketplaces import MARKETPLACES
from bridge.sandbox.model import Order
from bridge.sandbox.sellers import DemoSeller

LAG_SECONDS: Final = 120  # how near to now a *Before* may come, and where the answer stops without one
DEFAULT_PAGE_SIZE: Final = 100


@dataclass(frozen=True, slots=True)
class Period:
    """The bounds, inclusive, unix seconds, of the date that `by_update` picks."""

    by_update: bool
    after: float
    before: float

    def date_of(self, order: Order) -> int:
        """Return the date by which a search selects and sorts."""
        return order.updated if self.by_update else order.purchased

    def holds(self, order: Order) -> bool:
        """Tell whether an order's date is within both bounds."""
        return self.after <= self.date_of(order) <= self.before


def check_period(dates: Mapping[str, float], created: str, updated: str, now: float) -> Period:
    """Return the period that a search asks for, or raise 400.

    `created` and `updated` are the first halves of the parameters' names, which end in After and Before.
    """
    by_update = not {f"{updated}After", f"{updated}Before"}.isdisjoint(dates)
    if by_update and not {f"{created}After", f"{created}Before"}.isdisjoint(dates):
        raise invalid_input(f"{created}After/{created}Before and {updated}After/{updated}Before cannot be mixed.")
    family = updated if by_update else created
    after = dates.get(f"{family}After")
    before = dates.get(f"{family}Before")
    if after is None:
        raise invalid_input(f"Either the {created}After or the {updated}After parameter is required.")
    if after > now:
        raise invalid_input(f"{family}After must not be in the future.")
    if before is None:
        # Whole seconds, as the answer reports the bound, so that a client can send back the very same one.
        return Period(by_update, after, float(int(now - LAG_SECONDS)))
    if before > now - LAG_SECONDS:
        raise invalid_input(f"{family}Before must be at least two minutes before the current time.")
    if before < after:
        raise invalid_input(f"{family}Before must be equal to or after {family}After.")
    return Period(by_update, after, before)


def check_marketplaces(ids: Iterable[str], seller: DemoSeller) -> None:
    """Refuse marketplaces that are not this seller's.

    No such marketplace, or one of the region in which the seller does not take part: 400. One of another region:
    403, as for every call to the wrong region.
    """
    foreign = sorted(set(ids).difference(seller.marketplace_ids))
    for marketplace_id in foreign:
        known = MARKETPLACES.get(marketplace_id)
        if known is not None and known.region != seller.region:
            raise denied(f"Marketplace {marketplace_id} does not belong to the region of this authorization.")
    if foreign:
        raise invalid_input(f"Invalid MarketplaceIds: [{', '.join(foreign)}]")
