"""What a sandbox can be told."""

from dataclasses import dataclass
from datetime import UTC, datetime

from bridge.sandbox.marketplaces import MARKETPLACES
from bridge.sandbox.sellers import DEMO_APPLICATION, DEMO_SELLERS, Application, DemoSeller


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """The knobs of a sandbox; equal settings, clock and calls give equal bytes.

    seed: of the orders, tokens and request ids.
    orders: how many the store holds at first, shared out over the sellers by their number of marketplaces.
    anchor: the orders spread over the 300 days before it, densest in the last week. Must have a zone.
    sellers, applications: who may ask.
    usage_plans: whether requests beyond the documented rates are answered 429; rate_scale multiplies the rates
        (not the bursts).
    access_token_lifetime: of access tokens and restricted data tokens, seconds.
    next_token_lifetime: of paging tokens, seconds; Amazon documents none for v0 and 24 hours for v2026.
    datasets_refused: whether asking v2026 for a data set beyond the seller's roles is 403, as one client reports, or
        brings the order without it; Amazon documents neither.
    v0_until: from this moment of the clock on the six reads of Orders v0 are gone (404, as for any resource that is
        not there); None for never. What Amazon will answer after 2027-03-27 is not known. Must have a zone.
    items_page_size: order items on one page; Amazon documents none, pages are rare.
    log_size: how many calls `Sandbox.log` keeps.

    Raises ValueError for settings that cannot work.
    """

    seed: int | str = 2013
    orders: int = 3000
    anchor: datetime = datetime(2026, 11, 20, tzinfo=UTC)
    sellers: tuple[DemoSeller, ...] = DEMO_SELLERS
    applications: tuple[Application, ...] = (DEMO_APPLICATION,)
    usage_plans: bool = True
    rate_scale: float = 1.0
    access_token_lifetime: int = 3600
    next_token_lifetime: int = 86400
    datasets_refused: bool = True
    v0_until: datetime | None = None
    items_page_size: int = 100
    log_size: int = 10_000

    def __post_init__(self) -> None:
        if self.anchor.tzinfo is None:
            raise ValueError("anchor needs a time zone")
        if self.v0_until is not None and self.v0_until.tzinfo is None:
            raise ValueError("v0_until needs a time zone")
        if self.orders < 0 or self.items_page_size < 1 or self.log_size < 0:
            raise ValueError("orders and log_size must not be negative, items_page_size must be at least 1")
        if self.rate_scale <= 0 or self.access_token_lifetime <= 0 or self.next_token_lifetime <= 0:
            raise ValueError("rate_scale and lifetimes must be positive")
        if len({seller.selling_partner_id for seller in self.sellers}) != len(self.sellers):
            raise ValueError("two sellers share a selling_partner_id")
        if len({seller.refresh_token for seller in self.sellers}) != len(self.sellers):
            raise ValueError("two sellers share a refresh_token")
        for seller in self.sellers:
            if not seller.marketplace_ids:
                raise ValueError(f"{seller.selling_partner_id} has no marketplace")
            for marketplace_id in seller.marketplace_ids:
                known = MARKETPLACES.get(marketplace_id)
                if known is None or known.region != seller.region:
                    raise ValueError(f"{marketplace_id} is no marketplace of region {seller.region}")
