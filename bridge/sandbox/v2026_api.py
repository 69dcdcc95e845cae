"""The two reads of Orders v2026-01-01, as functions of a request and the store."""

from collections.abc import Callable
from typing import Final

import orjson

from bridge.sandbox.answers import Answer, Call
from bridge.sandbox.disclosure import phone_shown
from bridge.sandbox.model import Order
from bridge.sandbox.paging import NextTokens
from bridge.sandbox.query_rules import Period
from bridge.sandbox.reads import OrderReads, Start
from bridge.sandbox.sellers import TAX
from bridge.sandbox.store import Store
from bridge.sandbox.v2026 import order_json
from bridge.sandbox.v2026_query import (
    PAGINATION_TOKEN,
    SearchQuery,
    check_continuation,
    check_datasets,
    check_query,
    parse_parameters,
)
from bridge.sandbox.v2026_words import Dataset, View, time_text

#: getOrder is an operation of both versions; where they meet (log, plans, faults) this is the newer one's name.
GET_ORDER_2026: Final = "getOrder2026"


class OrdersV2026:
    """Answers the two reads; whoever calls has checked the token and the usage plan."""

    def __init__(
        self, store: Store, tokens: NextTokens, clock: Callable[[], float], *, datasets_refused: bool
    ) -> None:
        self._reads = OrderReads(store, tokens, clock)
        self._clock = clock
        self._datasets_refused = datasets_refused
        self.operations: dict[str, Callable[[Call], Answer]] = {
            "searchOrders": self.search_orders,
            GET_ORDER_2026: self.get_order,
        }

    def search_orders(self, call: Call) -> Answer:
        """Return one page of orders, their lines included, and the token for the next when there are more."""
        query, start = self._resume(call) if call.parameters.get(PAGINATION_TOKEN) else self._begin(call)
        datasets = self._datasets(query.parameters.datasets, call)
        page = self._reads.page(_purpose(call), call.seller.selling_partner_id, query, start)
        bound = "lastUpdatedBefore" if query.period.by_update else "createdBefore"
        document: dict[str, object] = {
            "orders": [self._written(order, call, datasets) for order in page.orders],
            bound: time_text(query.period.before),
        }
        if page.next_token is not None:
            document["pagination"] = {"nextToken": page.next_token}
        return Answer(200, orjson.dumps(document))

    def get_order(self, call: Call) -> Answer:
        """Return one order with all its lines."""
        datasets = self._datasets(parse_parameters(call.parameters).datasets, call)
        order = self._reads.order(call, "orderId")
        return Answer(200, orjson.dumps({"order": self._written(order, call, datasets)}))

    def _begin(self, call: Call) -> tuple[SearchQuery, Start]:
        query = check_query(parse_parameters(call.parameters), call.seller, self._clock())
        return query, self._reads.begin(call, query)

    def _resume(self, call: Call) -> tuple[SearchQuery, Start]:
        """Return the walk that a token belongs to, with the page size of this request."""
        given = parse_parameters(call.parameters)
        start = self._reads.resume(_purpose(call), call.parameters[PAGINATION_TOKEN])
        check_continuation(given, parse_parameters(start.raw))
        by_update = "lastUpdatedAfter" in given.dates
        after = given.dates["lastUpdatedAfter" if by_update else "createdAfter"]
        return SearchQuery(given, Period(by_update, after, start.before)), start

    def _datasets(self, asked: frozenset[Dataset], call: Call) -> frozenset[Dataset]:
        return check_datasets(asked, call.seller, refused=self._datasets_refused)

    def _written(self, order: Order, call: Call, datasets: frozenset[Dataset]) -> orjson.Fragment:
        view = View(datasets, phone_shown(order, self._clock()), TAX in call.seller.roles)
        return self._reads.written(order, view, lambda: order_json(order, view))


def _purpose(call: Call) -> str:
    return f"searchOrders/{call.seller.selling_partner_id}"
