"""The six reads of Orders v0, as functions of a request, a grant and the store."""

from collections.abc import Callable, Mapping
from math import floor

import orjson

from bridge.sandbox.answers import Answer, Call, invalid_input
from bridge.sandbox.disclosure import phone_shown, priced
from bridge.sandbox.model import Item, Order
from bridge.sandbox.paging import NextTokens
from bridge.sandbox.query_rules import Period
from bridge.sandbox.query_values import invalid_dates
from bridge.sandbox.rdt import BUYER_INFO, SHIPPING_ADDRESS
from bridge.sandbox.reads import OrderReads, Start
from bridge.sandbox.shapes import date_text, present
from bridge.sandbox.store import Store
from bridge.sandbox.v0 import buyer_json, items_json, order_json, shipping_address_json
from bridge.sandbox.v0_items import item_buyer_json
from bridge.sandbox.v0_parameters import parse_parameters
from bridge.sandbox.v0_query import OrdersQuery, check_query, require_marketplaces


class OrdersV0:
    """Answers the six reads; whoever calls has checked the token and the usage plan."""

    def __init__(self, store: Store, tokens: NextTokens, clock: Callable[[], float], *, items_page_size: int) -> None:
        self._reads = OrderReads(store, tokens, clock)
        self._tokens = tokens
        self._clock = clock
        self._items_page_size = items_page_size
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
        query, start = self._resume(call) if call.parameters.get("NextToken") else self._begin(call)
        page = self._reads.page(_purpose(call), call.seller.selling_partner_id, query, start)
        bound = "LastUpdatedBefore" if query.period.by_update else "CreatedBefore"
        payload: dict[str, object] = {
            "Orders": [self._written(order, call.elements) for order in page.orders],
            bound: date_text(query.period.before),
        }
        if page.next_token is not None:
            payload["NextToken"] = page.next_token
        return _success(payload)

    def _begin(self, call: Call) -> tuple[OrdersQuery, Start]:
        query = check_query(parse_parameters(call.parameters), call.seller, self._clock())
        return query, self._reads.begin(call, query)

    def _resume(self, call: Call) -> tuple[OrdersQuery, Start]:
        """Return the walk that a token belongs to.

        Beside the token MarketplaceIds and the date of the first request must be repeated; whatever else is repeated
        must be unchanged (reference 4: the readings differ, the strictest one that works for everybody is taken).
        """
        given = parse_parameters(call.parameters)
        if "MarketplaceIds" not in given.lists:
            raise invalid_input(None, error_type="InvalidQueryStringException")
        require_marketplaces(given, call.seller)
        start = self._reads.resume(_purpose(call), call.parameters["NextToken"])
        original = parse_parameters(start.raw)
        by_update = "LastUpdatedAfter" in original.dates
        family = "LastUpdated" if by_update else "Created"
        if not {"CreatedAfter", "LastUpdatedAfter"} & given.dates.keys():
            raise invalid_dates(f"{family}After")
        expected = original.everything()
        for name, value in given.everything().items():
            # The first answer told the upper bound; a client may make it explicit from then on.
            if value != expected.get(name) and not (name == f"{family}Before" and value == floor(start.before)):
                raise invalid_input(f"{name} differs from the request that the NextToken belongs to.")
        return OrdersQuery(original, Period(by_update, original.dates[f"{family}After"], start.before)), start

    def _written(self, order: Order, elements: frozenset[str]) -> orjson.Fragment:
        phone = phone_shown(order, self._clock())
        return self._reads.written(order, (elements, phone), lambda: order_json(order, elements, phone=phone))

    def _order(self, call: Call) -> Order:
        return self._reads.order(call, "AmazonOrderId")

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
                    payload["DeliveryPreferences"] = present(named)
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
        shown = BUYER_INFO in call.elements and priced(order)
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


def _purpose(call: Call) -> str:
    return f"getOrders/{call.seller.selling_partner_id}"


def _success(payload: Mapping[str, object] | orjson.Fragment) -> Answer:
    return Answer(200, orjson.dumps({"payload": payload}))
