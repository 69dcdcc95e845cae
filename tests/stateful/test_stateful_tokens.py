"""The token cache under any sequence of calls, outages, expiries and refusals."""

import asyncio
import dataclasses

import httpx
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bridge.state.memory import MemoryState
from bridge.upstream.plans import OPERATIONS
from bridge.upstream.tokens import EARLY, Tokens
from mws_compat.errors import SERVICE_UNAVAILABLE, MwsError
from tests.support import SELLER, Clock, another_seller

#: The third is the first again, in another region and so with another refresh token.
SELLERS = (SELLER, another_seller(), dataclasses.replace(SELLER, region="eu", refresh_token="Atzr|of-eu"))
LIFE = 3600.0
sellers = st.sampled_from(SELLERS)


class TokenMachine(RuleBasedStateMachine):
    """Many callers at once, for three sellers, while the services come and go."""

    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = Clock(0.0)
        self.issued = {}  # token → (seller, when it ends)
        self.up = True
        self.under_way = {}
        self.requests = []
        self.tokens = Tokens(
            send=self.send,
            take_rdt=self.take,
            lwa_url="https://lwa.test/auth",
            base_url=lambda seller: f"https://{seller.region}.{seller.seller_id}.test",
            clock=self.clock,
            wall=self.clock,
            sleep=self.clock.sleep,
            state=MemoryState(clock=self.clock),
        )

    async def take(self, seller):
        return 0.0

    async def send(self, request, name, journal):
        body = (await request.aread()).decode()
        if request.url.path == "/auth":
            kind = ("lwa", httpx.QueryParams(body)["refresh_token"])
            name = f"Atza|{kind[1]}|{len(self.issued)}"
        else:
            plain = request.headers["x-amz-access-token"]
            assert self.issued[plain][1] > self.clock.at, "an RDT was asked for with a token that has ended"
            kind = ("rdt", self.issued[plain][0])
            name = f"Atz.sprdt|{kind[1]}|{len(self.issued)}"
        self.requests.append(kind)
        assert kind not in self.under_way, "two renewals of one token at a time"
        self.under_way[kind] = True
        for _ in range(3):
            await asyncio.sleep(0)
        del self.under_way[kind]
        if not self.up:
            raise MwsError(SERVICE_UNAVAILABLE)
        self.issued[name] = (kind[1], self.clock.at + LIFE)
        if kind[0] == "lwa":
            return httpx.Response(200, json={"access_token": name, "expires_in": LIFE})
        return httpx.Response(200, json={"restrictedDataToken": name, "expiresIn": LIFE})

    def ask(self, callers):
        """Every caller's token or error, all asked for at once."""

        async def one(seller, restricted):
            if restricted:
                return (await self.tokens.grant_for(seller, OPERATIONS["getOrders"])).token
            return await self.tokens.access_token(seller)

        async def together():
            return await asyncio.gather(*(one(*caller) for caller in callers), return_exceptions=True)

        return self.runner.run(together())

    def teardown(self):
        self.runner.close()

    @rule(
        seconds=st.floats(0, 4000) | st.sampled_from([0.0, 1.0, EARLY, LIFE - EARLY, LIFE]),
        up=st.booleans(),
        callers=st.lists(st.tuples(sellers, st.booleans()), min_size=1, max_size=12),
    )
    def call(self, seconds, up, callers):
        """Time passes, the services come or go, and some calls come at once."""
        self.clock.at += seconds
        self.up = up
        before = len(self.requests)
        had = {kind for kind, entry in self.tokens._entries.items() if self.clock.at < entry.dead_at}
        answers = self.ask(callers)
        new = self.requests[before:]
        for (seller, restricted), answer in zip(callers, answers, strict=True):
            if isinstance(answer, BaseException):
                assert isinstance(answer, MwsError)
                kinds = {("lwa", *_key(seller))} | ({("rdt", *_key(seller))} if restricted else set())
                assert not self.up, "an error while the services are up"
                assert not kinds <= had, "an error although the old token was good"
            else:
                owner, ends = self.issued[answer]
                assert owner == seller.refresh_token, "a token of another seller"
                assert ends > self.clock.at, "a token that has ended"
        if self.up:
            assert len(new) == len(set(new)), "more than one refresh for one expiry"

    @rule(callers=st.lists(sellers, min_size=1, max_size=6))
    def call_twice(self, callers):
        """What was just renewed is not renewed again."""
        self.up = True
        self.clock.at += 20.0  # any pause after a failure is over
        self.ask([(seller, True) for seller in callers])
        before = len(self.requests)
        self.ask([(seller, True) for seller in callers])
        assert len(self.requests) == before

    @rule(seller=sellers, restricted=st.booleans())
    def refuse(self, seller, restricted):
        """Amazon no longer takes the token that a call was made with."""
        (token,) = self.ask([(seller, restricted)])
        if isinstance(token, str):  # else: there was none to be had
            self.runner.run(self.tokens.forget(seller, token))
            assert token not in {entry.grant.token for entry in self.tokens._entries.values()}

    @invariant()
    def renewal_comes_before_the_end(self):
        for entry in self.tokens._entries.values():
            assert entry.renew_at <= entry.dead_at


def _key(seller):
    return (seller.application.client_id, seller.seller_id, seller.region)


TestTokens = TokenMachine.TestCase
TestTokens.__doc__ = "One refresh for one expiry, never another seller's token, never one that has ended."
TestTokens.settings = settings(max_examples=35, stateful_step_count=20)
