"""Sandboxes for the tests: one big one that nobody changes, small ones to change at will."""

import pytest

from tests.sandbox.probe import EU, FE, ITEMS_PII, LIST_PII, NA, ORDERS, Probe


@pytest.fixture(scope="session")
def demo():
    """The sandbox as everybody gets it, without usage plans; tests must not change its orders or its clock."""
    return Probe(orders=3000)


@pytest.fixture
def probe():
    """A small sandbox of one's own."""
    return Probe()


@pytest.fixture(scope="session")
def newer(demo):
    """Every order of the three sellers with all roles as v2026 shows it with every data set, by its id."""
    return {
        order["orderId"]: order
        for seller in (NA, EU, FE)
        for page in demo.search_pages(seller)
        for order in page["orders"]
    }


@pytest.fixture(scope="session")
def older(demo):
    """The same orders as v0 shows them to a token for everything, by their id."""
    return {
        order["AmazonOrderId"]: order
        for seller in (NA, EU, FE)
        for page in demo.pages(seller, demo.rdt(LIST_PII, seller=seller))
        for order in page["Orders"]
    }


@pytest.fixture(scope="session")
def older_items(demo):
    """The lines of every tenth of these orders, and of every order of more than one line, by the order's id."""
    lines = {}
    for seller in (NA, EU, FE):
        token = demo.rdt(ITEMS_PII, seller=seller)
        for number, order in enumerate(demo.store.orders(seller.selling_partner_id)):
            if number % 10 == 0 or len(order.items) > 1:
                answer = demo.get(f"/{order.id}/orderItems", seller=seller, token=token, checked=False)
                lines[order.id] = answer.payload["OrderItems"]
    return lines


@pytest.fixture(scope="session")
def older_addresses(demo):
    """What v0's getOrderAddress says of orders with a company or with delivery preferences, by the order's id."""
    addresses = {}
    for seller in (NA, EU, FE):
        token = demo.rdt({"method": "GET", "path": ORDERS + "/{orderId}/address"}, seller=seller)
        for order in demo.store.orders(seller.selling_partner_id):
            if order.purchase.buyer.company or order.purchase.delivery_preferences:
                answer = demo.get(f"/{order.id}/address", seller=seller, token=token, checked=False)
                addresses[order.id] = answer.payload
    return addresses


@pytest.fixture(scope="session")
def truth(demo):
    """The same orders as the store has them, by their id."""
    return {order.id: order for seller in (NA, EU, FE) for order in demo.store.orders(seller.selling_partner_id)}
