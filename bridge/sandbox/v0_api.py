"""The six reads of Orders v0, as functions of a request, a grant and the store."""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, floor
from typing import Final

import orjson

from bridge.sandbox.answers import Answer, invalid_input, not_found
from bridge.sandbox.marketplaces import MARKETPLACES
from bridge.sandbox.model import Item, Order
from bridge.sandbox.paging import NextTokens
from bridge.sandbox.rdt import BUYER_INFO, SHIPPING_ADDRESS
from bridge.sandbox.sellers import DemoSeller
from bridge.sandbox.store import Snapshot, Store
from bridge.sandbox.v0 import UNPRICED, buyer_json, items_json, order_json, phone_shown, shipping_address_json
from bridge.sandbox.v0_items import item_buyer_json
from bridge.sandbox.v0_parameters import ORDER_ID, invalid_dates, parse_parameters
from bridge.sandbox.v0_query import OrdersQuery, check_marketplaces, check_query
from bridge.sandbox.v0_words import date_text

_TWO_YEARS: Final = 730 * 86400
_KEPT_TEXTS: Final = 20_000
_KEPT_RESULTS: Final = 32
_YEAR_2016: Final = 1451606400


_Rows = list[tuple[int, str, Order]]  # (date, id, order), sorted by the first two


@dataclass(frozen=True, slots=True)
class Call:
    """One authorised call. `elements` are the personal data elements that its token shows."""

    seller: DemoSeller
    parameters: Mapping[str, str]
    elements: frozenset[str]
    order_id: str = ""


@dataclass(frozen=True, slots=True)
class _Walk:
    """A walk through the pages of one query: its raw parameters, its moment, and the last order handed out."""

    query: OrdersQuery
    raw: Mapping[str, str]
    snapshot: Snapshot
    position: tuple[int, str] | None


class OrdersV0:
    """Answers the six reads; whoever calls has checked the token and the usage plan."""

    def __init__(self, store: Store, tokens: NextTokens, clock: Callable[[], float], *, items_page_size: int) -> None:
        self._store = store
        self._tokens = tokens
        self._clock = clock
        self._items_page_size = items_page_size
        self._results: dict[tuple[str, tuple[tuple[str, str], ...], float, Snapshot], _Rows] = {}
        self._texts: dict[tuple[str, int, frozenset[str], bool], bytes] = {}
        self.operations: dict[str, Callable[[Call], Answer]] = {
            "getOrders": self.get_orders,
            "getOrder": self.get_order,
            "getOrderBuyerInfo": self.get_order_buyer_info,
            "getOrderAddress": self.get_order_address,
            "getOrderItems": self.get_order_items,
            "getOrderItemsBuyerInfo": self.get_order_items_buyer_info,
        }

    def get_orders(self, call: Call) -> Answer:
        """Return one page of orders and, when there are more, the token for the next."""
        walk = self._resume(call) if call.parameters.get("NextToken") else self._begin(call)
        query = walk.query
        rows = self._rows(call.seller, walk)
        start = 0 if walk.position is None else bisect_right(rows, walk.position, key=lambda row: row[:2])
        page = rows[start : start + query.page_size]
        payload: dict[str, object] = {
            "Orders": [self._written(order, call.elements) for _, _, order in page],
            "LastUpdatedBefore" if query.by_update else "CreatedBefore": date_text(query.before),
        }
        if start + len(page) < len(rows):
            content = {
                "parameters": walk.raw,
                "before": query.before,
                "at": walk.snapshot.at,
                "changes": walk.snapshot.changes,
                "position": page[-1][:2],
            }
            payload["NextToken"] = self._tokens.seal(_purpose(call), content)
        return _success(payload)

    def _begin(self, call: Call) -> _Walk:
        query = check_query(parse_parameters(call.parameters), call.seller, self._clock())
        return _Walk(query, call.parameters, self._store.snapshot(), None)

    def _resume(self, call: Call) -> _Walk:
        """Return the walk that a token belongs to.

        Beside the token MarketplaceIds and the date of the first request must be repeated; whatever else is repeated
        must be unchanged (reference 4: the readings differ, the strictest one that works for everybody is taken).
        """
        given = parse_parameters(call.parameters)
        if "MarketplaceIds" not in given.lists:
            raise invalid_input(None, error_type="InvalidQueryStringException")
        check_marketplaces(given, call.seller)
        content = self._tokens.open(_purpose(call), call.parameters["NextToken"])
        original = parse_parameters(content["parameters"])
        by_update = "LastUpdatedAfter" in original.dates
        family = "LastUpdated" if by_update else "Created"
        if not {"CreatedAfter", "LastUpdatedAfter"} & given.dates.keys():
            raise invalid_dates(f"{family}After")
        before: float = content["before"]
        expected = original.everything()
        for name, value in given.everything().items():
            # The first answer told the upper bound; a client may make it explicit from then on.
            if value != expected.get(name) and not (name == f"{family}Before" and value == floor(before)):
                raise invalid_input(f"{name} differs from the request that the NextToken belongs to.")
        date, order_id = content["position"]
        return _Walk(
            OrdersQuery(original, by_update, original.dates[f"{family}After"], before),
            content["parameters"],
            Snapshot(content["at"], content["changes"]),
            (date, order_id),
        )

    def _rows(self, seller: DemoSeller, walk: _Walk) -> _Rows:
        """Return the whole result of a walk; kept for its next page, because a snapshot never changes."""
        key = (seller.selling_partner_id, tuple(sorted(walk.raw.items())), walk.query.before, walk.snapshot)
        rows = self._results.get(key)
        if rows is None:
            if len(self._results) >= _KEPT_RESULTS:
                del self._results[next(iter(self._results))]
            rows = self._results[key] = self._select(seller, walk.query, walk.snapshot)
        return rows

    def _select(self, seller: DemoSeller, query: OrdersQuery, snapshot: Snapshot) -> _Rows:
        """Return all that match, as (date, id, order), in order."""
        # An order cannot have been updated before it was placed, so the upper bound holds for both families.
        orders = self._store.orders(
            seller.selling_partner_id,
            snapshot,
            purchased_from=None if query.by_update else ceil(query.after),
            purchased_to=floor(query.before),
        )
        rows = [
            (query.date_of(order), order.id, order)
            for order in orders
            if query.matches(order) and _retained(order, snapshot.at)
        ]
        rows.sort(key=lambda row: row[:2])
        return rows

    def _written(self, order: Order, elements: frozenset[str]) -> orjson.Fragment:
        """Return an order as JSON text; kept, because one state of an order always reads the same."""
        phone = phone_shown(order, self._clock())
        key = (order.id, order.revision, elements, phone)
        text = self._texts.get(key)
        if text is None:
            if len(self._texts) >= _KEPT_TEXTS:
                self._texts.clear()
            text = self._texts[key] = orjson.dumps(order_json(order, elements, phone=phone))
        return orjson.Fragment(text)

    def _order(self, call: Call) -> Order:
        if not ORDER_ID.fullmatch(call.order_id):
            raise invalid_input(f"Invalid AmazonOrderId: {call.order_id}")
        order = self._store.get(call.seller.selling_partner_id, call.order_id)
        # Another seller's order is answered like an unknown one: an id must not be found out by trying.
        if order is None or not _retained(order, int(self._clock())):
            raise not_found(f"Order {call.order_id} was not found.")
        return order

    def get_order(self, call: Call) -> Answer:
        """Return one order."""
        return _success(self._written(self._order(call), call.elements))

    def get_order_buyer_info(self, call: Call) -> Answer:
        """Return the buyer of one order."""
        order = self._order(call)
        return _success({"AmazonOrderId": order.id, **(buyer_json(order) if BUYER_INFO in call.elements else {})})

    def get_order_address(self, call: Call) -> Answer:
        """Return the delivery address of one order, company and preferences with it if the token shows them."""
        order = self._order(call)
        payload: dict[str, object] = {"AmazonOrderId": order.id}
        address = shipping_address_json(order, call.elements, phone=phone_shown(order, self._clock()))
        if address is not None:
            payload["ShippingAddress"] = address
            if SHIPPING_ADDRESS in call.elements:
                if order.purchase.buyer.company is not None:
                    payload["BuyerCompanyName"] = order.purchase.buyer.company
                if order.purchase.delivery_preferences is not None:
                    wishes = order.purchase.delivery_preferences
                    named = {"DropOffLocation": wishes.drop_off, "AddressInstructions": wishes.instructions}
                    payload["DeliveryPreferences"] = {k: v for k, v in named.items() if v is not None}
        return _success(payload)

    def get_order_items(self, call: Call) -> Answer:
        """Return one page of an order's lines."""
        order = self._order(call)
        items, token = self._items_page("getOrderItems", call, order)
        return _success({"AmazonOrderId": order.id, "OrderItems": items_json(order, items, call.elements), **token})

    def get_order_items_buyer_info(self, call: Call) -> Answer:
        """Return what the buyer wished for an order's lines, a page of them."""
        order = self._order(call)
        items, token = self._items_page("getOrderItemsBuyerInfo", call, order)
        shown = BUYER_INFO in call.elements and order.status not in UNPRICED
        rows = [{"OrderItemId": item.id, **(item_buyer_json(order, item) if shown else {})} for item in items]
        return _success({"AmazonOrderId": order.id, "OrderItems": rows, **token})

    def _items_page(self, operation: str, call: Call, order: Order) -> tuple[tuple[Item, ...], dict[str, str]]:
        """Return a page of lines and {"NextToken": …} when more follow. Lines keep their order for ever."""
        purpose = f"{operation}/{call.seller.selling_partner_id}/{order.id}"
        token = call.parameters.get("NextToken")
        start: int = self._tokens.open(purpose, token)["start"] if token else 0
        end = start + self._items_page_size
        more = {"NextToken": self._tokens.seal(purpose, {"start": end})} if end < len(order.items) else {}
        return order.items[start:end], more


def _retained(order: Order, now: int) -> bool:
    """Amazon shows two years of orders, and in Japan, Australia and Singapore everything since 2016."""
    if MARKETPLACES[order.marketplace].history_since_2016:
        return order.purchased >= _YEAR_2016
    return order.purchased >= now - _TWO_YEARS


def _purpose(call: Call) -> str:
    return f"getOrders/{call.seller.selling_partner_id}"


def _success(payload: Mapping[str, object] | orjson.Fragment) -> Answer:
    return Answer(200, orjson.dumps({"payload": payload}))
