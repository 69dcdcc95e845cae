"""Paging over orders that change meanwhile."""

import asyncio
import contextlib

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from bridge.sandbox import SandboxSettings
from tests.support import ALWAYS, NA, NO_PII, NOW, US, Bridge

SELLER = NA.selling_partner_id
WINDOW = 120  # seconds that an order needs to show up in a listing


class PagingMachine(RuleBasedStateMachine):
    """Listings are begun and read on, while orders come, ship and are cancelled, and tokens are tampered with."""

    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()

    @initialize(size=st.sampled_from([1, 2, 3, 7, 100]), family=st.sampled_from(["Created", "LastUpdated"]))
    def start(self, size, family):
        self.bridge = Bridge(sandbox=SandboxSettings(orders=12, anchor=NOW, sellers=(NA, NO_PII), usage_plans=False))
        self.store = self.bridge.sandbox.store
        self.size, self.family = size, family
        self.token, self.expected, self.got, self.old = None, None, [], []

    def call(self, action, parameters, **signing):
        self.bridge.api.throttle._state._levels.clear()  # the usage plan is another machine's
        return self.runner.run(self.bridge.call(action, parameters, **signing))

    def teardown(self):
        self.runner.close()

    def listing(self, bound):
        """What a listing up to ``bound`` holds now, in its order."""
        rows = []
        for order in self.store.orders(SELLER):
            date = order.purchased if self.family == "Created" else order.updated
            if order.marketplace == US and date <= bound:
                rows.append((date, order.id))
        return [id_ for _, id_ in sorted(rows)]

    def take(self, answer):
        assert answer.status == 200
        fresh = answer.ids
        assert not set(fresh) & set(self.got), "an order twice"
        assert fresh or not answer.token, "an empty page in the middle"
        self.got += fresh
        self.old += [self.token] if self.token else []
        self.token = answer.token
        if self.token is None:
            assert self.got == self.expected
        else:
            assert self.got == self.expected[: len(self.got)]

    @rule()
    def begin(self):
        """ListOrders: from here on the listing at this moment's bound is what must come."""
        self.expected, self.got, self.token = self.listing(int(self.bridge.clock.at) - WINDOW), [], None
        parameters = {f"{self.family}After": ALWAYS, "MarketplaceId.Id.1": US, "MaxResultsPerPage": str(self.size)}
        self.take(self.call("ListOrders", parameters))

    @precondition(lambda self: getattr(self, "token", None))
    @rule()
    def read_on(self):
        """ListOrdersByNextToken."""
        self.take(self.call("ListOrdersByNextToken", {"NextToken": self.token}))

    @precondition(lambda self: getattr(self, "token", None))
    @rule()
    def read_to_the_end(self):
        """All pages that are left: as many as the listing can have, not one more."""
        for _ in range(len(self.expected) // self.size + 1):
            if self.token:
                self.read_on()
        assert self.token is None

    @precondition(lambda self: getattr(self, "token", None))
    @rule()
    def read_the_same_page_again(self):
        """A token can be used again, and gives the same orders."""
        one, two = (self.call("ListOrdersByNextToken", {"NextToken": self.token}) for _ in range(2))
        assert one.ids == two.ids

    @rule(ago=st.integers(0, 400), pending=st.booleans())
    def create_order(self, ago, pending):
        self.store.create_order(SELLER, US, at=self.bridge.clock.at - ago, pending=pending)

    @rule(pick=st.integers(0, 100))
    def ship(self, pick):
        self.change(pick, self.store.ship)

    @rule(pick=st.integers(0, 100))
    def cancel(self, pick):
        self.change(pick, self.store.cancel)

    def change(self, pick, how):
        ids = [order.id for order in self.store.orders(SELLER)]
        with contextlib.suppress(ValueError):  # shipped already, or cancelled
            how(ids[pick % len(ids)])

    @rule(seconds=st.integers(0, 3000))
    def pass_time(self, seconds):
        self.bridge.clock.at += seconds

    @precondition(lambda self: getattr(self, "token", None))
    @rule(
        how=st.sampled_from(["flip", "cut", "seller", "operation", "empty tail", "age"]), place=st.integers(0, 10_000)
    )
    def tamper(self, how, place):
        """A token that is altered, foreign or too old is NextTokenCorrupted, and nothing is asked upstream."""
        token, action, who = self.token, "ListOrdersByNextToken", {}
        place %= len(token)
        if how == "flip":
            token = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        elif how == "cut":
            token = token[:place] or "A"
        elif how == "seller":
            who = {"seller": NO_PII.selling_partner_id}
        elif how == "operation":
            action = "ListOrderItemsByNextToken"
        elif how == "empty tail":
            token += "A"
        before, sent = self.bridge.clock.at, len(self.bridge.upstream.requests)
        self.bridge.clock.at += 24 * 3600 if how == "age" else 0
        assert self.call(action, {"NextToken": token}, **who).outcome == (400, "NextTokenCorrupted")
        self.bridge.clock.at = before
        assert len(self.bridge.upstream.requests) == sent


TestPaging = PagingMachine.TestCase
TestPaging.__doc__ = (
    "The pages together are the listing at the moment of the first: nothing twice, nothing lost, no loop."
)
TestPaging.settings = settings(max_examples=25, stateful_step_count=20)
