"""The rules between the parameters of getOrders, and the filter that they amount to (reference 1.2)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from bridge.sandbox.answers import denied, invalid_input
from bridge.sandbox.marketplaces import MARKETPLACES
from bridge.sandbox.model import Order
from bridge.sandbox.sellers import DemoSeller
from bridge.sandbox.v0_parameters import Parameters
from bridge.sandbox.v0_words import STATUS_WORDS, channel_word, payment_method

LAG_SECONDS: Final = 120  # how near to now a *Before* may come, and where the answer stops without one
DEFAULT_PAGE_SIZE: Final = 100
_TWINS: Final = frozenset({"Unshipped", "PartiallyShipped"})
_EXCLUDED_BY_SELLER_ORDER_ID: Final = (
    "FulfillmentChannels",
    "OrderStatuses",
    "PaymentMethods",
    "LastUpdatedAfter",
    "LastUpdatedBefore",
    "BuyerEmail",
)

_LIST_FILTERS: Final[Mapping[str, Callable[[Order], str | None]]] = {
    "MarketplaceIds": lambda order: order.marketplace,
    "AmazonOrderIds": lambda order: order.id,
    "OrderStatuses": lambda order: STATUS_WORDS[order.status],
    "FulfillmentChannels": channel_word,
    "PaymentMethods": payment_method,
    "EasyShipShipmentStatuses": lambda order: order.easy_ship,
    "ElectronicInvoiceStatuses": lambda order: order.purchase.invoice_status,
}
_TEXT_FILTERS: Final[Mapping[str, Callable[[Order], set[str | None]]]] = {
    "BuyerEmail": lambda order: {order.purchase.buyer.email},
    "SellerOrderId": lambda order: {order.purchase.seller_order_id or order.id},
    "ActualFulfillmentSupplySourceId": lambda order: {order.purchase.supply_source},
    "StoreChainStoreId": lambda order: {item.store_chain_store for item in order.items},
}


@dataclass(frozen=True, slots=True)
class OrdersQuery:
    """A checked query; `after` and `before` bound the date that `by_update` picks, inclusive, unix seconds."""

    parameters: Parameters
    by_update: bool
    after: float
    before: float

    @property
    def page_size(self) -> int:
        """Orders on one page."""
        return self.parameters.page_size or DEFAULT_PAGE_SIZE

    def date_of(self, order: Order) -> int:
        """Return the date by which the query selects and sorts."""
        return order.updated if self.by_update else order.purchased

    def matches(self, order: Order) -> bool:
        """Tell whether an order meets both bounds and every filter."""
        parameters = self.parameters
        if not self.after <= self.date_of(order) <= self.before:
            return False
        for name, wanted in parameters.lists.items():
            # Asking for one of the twin statuses returns both (docs#1387).
            accepted = wanted | _TWINS if name == "OrderStatuses" and wanted & _TWINS else wanted
            if _LIST_FILTERS[name](order) not in accepted:
                return False
        if any(text not in _TEXT_FILTERS[name](order) for name, text in parameters.texts.items()):
            return False
        if parameters.store_pickup is not None and order.purchase.is_store_pickup != parameters.store_pickup:
            return False
        return _delivery_matches(order, parameters.dates)


def _delivery_matches(order: Order, dates: Mapping[str, float]) -> bool:
    """Apply the four filters on the delivery promise; an order without a promise meets none of them."""
    for name, bound in dates.items():
        if "DeliveryDate" not in name:
            continue
        if order.purchase.deliver_by is None:
            return False
        date = order.purchase.deliver_by.start if name.startswith("Earliest") else order.purchase.deliver_by.end
        if date > bound if name.endswith("Before") else date < bound:
            return False
    return True


def check_query(parameters: Parameters, seller: DemoSeller, now: float) -> OrdersQuery:
    """Apply the rules between parameters; the first broken one raises 400 or 403."""
    check_marketplaces(parameters, seller)
    names = parameters.everything().keys()
    if "SellerOrderId" in names:
        excluded = [name for name in _EXCLUDED_BY_SELLER_ORDER_ID if name in names]
        if excluded:
            raise invalid_input(f"SellerOrderId cannot be specified together with {', '.join(excluded)}.")
    created = any(name in names for name in ("CreatedAfter", "CreatedBefore"))
    updated = any(name in names for name in ("LastUpdatedAfter", "LastUpdatedBefore"))
    if created and updated:
        raise invalid_input("CreatedAfter/CreatedBefore and LastUpdatedAfter/LastUpdatedBefore cannot be mixed.")
    family = "LastUpdated" if updated else "Created"
    after = parameters.dates.get(f"{family}After")
    before = parameters.dates.get(f"{family}Before")
    if after is None:
        # AmazonOrderIds makes no exception: the model gives none (reference 3 and 11.3).
        raise invalid_input("Either the CreatedAfter or the LastUpdatedAfter parameter is required.")
    if after > now:
        raise invalid_input(f"{family}After must not be in the future.")
    if before is None:
        # Whole seconds, as the payload reports the bound, so that a client can send back the very same one.
        return OrdersQuery(parameters, updated, after, float(int(now - LAG_SECONDS)))
    if before > now - LAG_SECONDS:
        raise invalid_input(f"{family}Before must be at least two minutes before the current time.")
    if before < after:
        raise invalid_input(f"{family}Before must be equal to or after {family}After.")
    return OrdersQuery(parameters, updated, after, before)


def check_marketplaces(parameters: Parameters, seller: DemoSeller) -> None:
    """Refuse a query without marketplaces, or with one that is not this seller's.

    No such marketplace, or one of the region in which the seller does not take part: 400. One of another region:
    403, as for every call to the wrong region.
    """
    ids = parameters.lists.get("MarketplaceIds")
    if ids is None:
        raise invalid_input("Missing required request parameter: [marketplaceIds]")
    foreign = sorted(ids.difference(seller.marketplace_ids))
    for marketplace_id in foreign:
        known = MARKETPLACES.get(marketplace_id)
        if known is not None and known.region != seller.region:
            raise denied(f"Marketplace {marketplace_id} does not belong to the region of this authorization.")
    if foreign:
        raise invalid_input(f"Invalid MarketplaceIds: [{', '.join(foreign)}]")
