"""The rules between the parameters of getOrders, and the filter that they amount to (reference 1.2)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from bridge.sandbox.answers import invalid_input
from bridge.sandbox.model import Order
from bridge.sandbox.query_rules import DEFAULT_PAGE_SIZE, Period, check_marketplaces, check_period
from bridge.sandbox.sellers import DemoSeller
from bridge.sandbox.v0_parameters import Parameters
from bridge.sandbox.v0_words import STATUS_WORDS, channel_word, payment_method

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
    """A checked query."""

    parameters: Parameters
    period: Period

    @property
    def page_size(self) -> int:
        """Orders on one page."""
        return self.parameters.page_size or DEFAULT_PAGE_SIZE

    def matches(self, order: Order) -> bool:
        """Tell whether an order meets both bounds and every filter."""
        parameters = self.parameters
        if not self.period.holds(order):
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
    require_marketplaces(parameters, seller)
    names = parameters.everything().keys()
    if "SellerOrderId" in names:
        excluded = [name for name in _EXCLUDED_BY_SELLER_ORDER_ID if name in names]
        if excluded:
            raise invalid_input(f"SellerOrderId cannot be specified together with {', '.join(excluded)}.")
    # AmazonOrderIds makes no exception from the date: the model gives none (reference 3 and 11.3).
    return OrdersQuery(parameters, check_period(parameters.dates, "Created", "LastUpdated", now))


def require_marketplaces(parameters: Parameters, seller: DemoSeller) -> None:
    """Refuse a query without marketplaces, or with one that is not this seller's."""
    ids = parameters.lists.get("MarketplaceIds")
    if ids is None:
        raise invalid_input("Missing required request parameter: [marketplaceIds]")
    check_marketplaces(ids, seller)
