"""Calls of SP-API Orders v2026-01-01: paths, queries, and what comes back."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from bridge.mapping.amounts_v2026 import text_at
from bridge.mapping.order_parts_v2026 import ITEMS
from bridge.mapping.orders_v2026 import ITEM_MAP, ORDER_MAP
from bridge.mapping.paths import parse_path
from bridge.mapping.rows import JsonObject, MappingError
from bridge.mapping.ways import Words, as_second
from bridge.mapping.words_v2026 import CHANNELS, STATUSES
from mws_compat.schema import Record, format_instant, parse_instant

if TYPE_CHECKING:
    from mws_compat.validation import Arguments

__all__ = [
    "FILTERS",
    "ITEM_DATASETS",
    "LIST_PATH",
    "ORDER_DATASETS",
    "QUERY_NAMES",
    "RESTRICTED_DATASETS",
    "Query",
    "SearchPage",
    "datasets_query",
    "date_of",
    "list_query",
    "order_id_of",
    "order_path",
    "read_found_order",
    "read_items",
    "read_order",
    "read_search_page",
]

LIST_PATH = "/orders/2026-01-01/orders"

#: MWS parameter → v2026 query parameter.
QUERY_NAMES = {
    "MarketplaceId": "marketplaceIds",
    "CreatedAfter": "createdAfter",
    "CreatedBefore": "createdBefore",
    "LastUpdatedAfter": "lastUpdatedAfter",
    "LastUpdatedBefore": "lastUpdatedBefore",
    "OrderStatus": "fulfillmentStatuses",
    "FulfillmentChannel": "fulfilledBy",
    "MaxResultsPerPage": "maxResultsPerPage",
}

#: MWS parameters that v2026 has no filter for, by the element whose text must be one of the values.
FILTERS = {name: name for name in ("PaymentMethod", "BuyerEmail", "SellerOrderId", "EasyShipShipmentStatus")}

#: What must be asked for to answer with orders, and with items; which of it needs a role for personal data.
ORDER_DATASETS = ORDER_MAP.datasets
ITEM_DATASETS = ITEM_MAP.datasets
RESTRICTED_DATASETS = ("RECIPIENT", "BUYER")

Query = list[tuple[str, str]]

_FILTER_WORDS: Mapping[str, Words] = {"OrderStatus": Words(STATUSES), "FulfillmentChannel": Words(CHANNELS)}


def order_path(order_id: str) -> str:
    """The path of getOrder."""
    return f"{LIST_PATH}/{quote(order_id, safe='')}"


def list_query(arguments: "Arguments") -> Query | None:
    """The searchOrders query of typed ListOrders arguments, without those of ``FILTERS``: lists joined by commas,
    instants in UTC with ``Z``. None when no order can match: v2026 has no word for any of the statuses."""
    query: Query = []
    for name, target in QUERY_NAMES.items():
        value = arguments.get(name)
        if isinstance(value, tuple):
            words = _FILTER_WORDS.get(name)
            values = [words.back(text) for text in value] if words else list(value)
            values = [word for word in values if words is None or word in words.table]
            if not values:
                return None
            query.append((target, ",".join(values)))
        elif isinstance(value, datetime):
            query.append((target, format_instant(value, milliseconds=bool(value.microsecond))))
        elif value is not None:
            query.append((target, str(value)))
    return query


def datasets_query(datasets: Collection[str]) -> Query:
    """The part of a query that asks for datasets."""
    return [("includedData", ",".join(sorted(datasets)))] if datasets else []


_NEXT_TOKEN = parse_path("pagination.nextToken")

# --- answers ------------------------------------------------------------------------------------------------------


class SearchPage(NamedTuple):
    """A page of searchOrders: the orders as they came, with their items. ``next_token`` is '' on the last page; the
    *Before* dates are MWS text, '' where the answer named none."""

    orders: list[JsonObject]
    next_token: str
    created_before: str
    last_updated_before: str

    def __repr__(self) -> str:
        return f"<SearchPage of {len(self.orders)} orders>"  # they are personal


def read_search_page(answer: object) -> SearchPage:
    """Orders, token and upper bound of a searchOrders answer. Raises MappingError when it is not one."""
    if not isinstance(answer, dict) or not isinstance(answer.get("orders"), list):
        raise MappingError("array expected", "orders")
    for place, order in enumerate(answer["orders"]):
        _check_order(order, f"orders[{place}]")
    token = text_at(_NEXT_TOKEN, answer) or ""
    bounds = [as_second(answer.get(name) or "") or "" for name in ("createdBefore", "lastUpdatedBefore")]
    return SearchPage(answer["orders"], token, bounds[0], bounds[1])


def read_found_order(answer: object) -> JsonObject:
    """The order of a getOrder answer, as it came. Raises MappingError when it is not one."""
    order = answer.get("order") if isinstance(answer, dict) else None
    return _check_order(order, "order")


def _check_order(order: object, place: str) -> JsonObject:
    if not isinstance(order, dict):
        raise MappingError("object expected", place)
    if not isinstance(order.get("orderId"), str):
        raise MappingError("text expected", f"{place}.orderId")
    return order


def order_id_of(order: JsonObject) -> str:
    """The id of an order that came with an answer."""
    return str(order["orderId"])


def date_of(order: JsonObject, *, by_update: bool) -> datetime | None:
    """The date by which a search selects an order; None when it has none that can be read."""
    value = order.get("lastUpdatedTime" if by_update else "createdTime")
    try:
        return parse_instant(value) if isinstance(value, str) else None
    except ValueError:
        return None


def read_order(order: JsonObject) -> Record:
    """The record of an order, without its items. Raises MappingError, naming the place."""
    try:
        return ORDER_MAP.read(order)
    except MappingError as error:
        raise error.inside("order") from None


def read_items(order: JsonObject) -> list[Record]:
    """The records of an order's items. Raises MappingError, naming the place."""
    records = []
    for place, item in enumerate(ITEMS.find(order)):
        if not isinstance(item, dict):
            raise MappingError("object expected", f"order.orderItems[{place}]")
        try:
            records.append(ITEM_MAP.read(item, order))
        except MappingError as error:
            raise error.inside(f"order.orderItems[{place}]") from None
    return records
