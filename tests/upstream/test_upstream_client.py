"""The SP-API client: one deadline, retries of what is transient, the usage plan above all."""

import asyncio
import contextlib
import logging
from types import SimpleNamespace

import httpx
import orjson
import pytest

from bridge.endpoint.build import user_agent
from bridge.upstream.client import ClientSettings, SpApi
from bridge.upstream.journal import UpstreamJournal
from bridge.upstream.plans import OPERATIONS, UpstreamOperation
from bridge.upstream.throttle import Throttle, _bucket
from mws_compat.errors import (
    ACCESS_DENIED,
    INTERNAL_ERROR,
    INVALID_PARAMETER_VALUE,
    REQUEST_THROTTLED,
    SERVICE_UNAVAILABLE,
    MwsError,
)
from tests.support import SELLER, Clock, another_seller

PLAIN = UpstreamOperation("getThings", 0.5, 5)
GOOD = {"payload": {"Orders": []}}


class Upstream:
    """Answers from a list, the last one for ever; logins and RDTs always succeed. Keeps what it was asked."""

    def __init__(self, *answers, lwa=()):
        self.answers = list(answers) or [GOOD]
        self.lwa = list(lwa)
        self.requests, self.logins, self.rdts = [], [], []
        self.clock = Clock()

    async def __call__(self, request):
        if request.url.path == "/auth/o2/token":
            self.logins.append(request)
            return self._reply(self.lwa.pop(0) if self.lwa else {"access_token": f"Atza|{len(self.logins)}"}, request)
        if request.url.path.startswith("/tokens"):
            self.rdts.append(request)
            return httpx.Response(200, json={"restrictedDataToken": f"Atz.sprdt|{len(self.rdts)}"})
        self.requests.append(request)
        return self._reply(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0], request)

    @staticmethod
    def _reply(answer, request):
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            return httpx.Response(answer, json={"errors": [{"code": "C", "message": "M"}]})
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

    def api(self, *, jitter=lambda: 0.5, max_wait=0.0, sleep=None, **settings):
        waiting = SimpleNamespace(slept=[])

        async def hold(seconds):
            waiting.slept.append(seconds)
            await asyncio.sleep(0)

        self.slept = waiting.slept
        return SpApi(
            httpx.AsyncClient(transport=httpx.MockTransport(self)),
            throttle=Throttle(clock=self.clock, sleep=self.clock.sleep, max_wait=max_wait),
            settings=ClientSettings(
                origins={region: f"https://{region}.test" for region in ("na", "eu", "fe")}, **settings
            ),
            clock=self.clock,
            sleep=sleep or hold,
            jitter=jitter,
        )


async def get(api, query=(), *, operation=PLAIN, path="/things", journal=None, seller=SELLER):
    journal = UpstreamJournal() if journal is None else journal
    return await api.get(seller, operation, path, list(query), mws_operation="ListOrders", journal=journal)


async def refused(api, **how):
    with pytest.raises(MwsError) as caught:
        await get(api, **how)
    return caught.value


# --- what is sent ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        ("+/+/abc==", "%2B%2F%2B%2Fabc%3D%3D"),
        ("a%2Bb", "a%252Bb"),
        ("Unshipped,PartiallyShipped", "Unshipped%2CPartiallyShipped"),
        ("2026-11-20T12:00:00Z", "2026-11-20T12%3A00%3A00Z"),
        ("a b&c=d#e?f", "a%20b%26c%3Dd%23e%3Ff"),
        ("é😀~-_.", "%C3%A9%F0%9F%98%80~-_."),
        ("line\r\nbreak", "line%0D%0Abreak"),
        ("", ""),
    ],
)
async def test_a_value_is_percent_encoded_exactly_once(value, wire):
    """Whatever a value holds, it arrives as itself: encoded once, never twice and never not at all."""
    upstream = Upstream()
    await get(upstream.api(), [("NextToken", value), ("Other", "x")])
    assert upstream.requests[0].url.raw_path == f"/things?NextToken={wire}&Other=x".encode()


async def test_the_request_is_what_sp_api_asks_for():
    """A GET without a body to the seller's region, with the token, the user agent, and gzip welcome."""
    upstream = Upstream()
    await get(upstream.api(user_agent=user_agent()), seller=another_seller(region="fe"))
    request = upstream.requests[0]
    assert (request.method, str(request.url), await request.aread()) == ("GET", "https://fe.test/things", b"")
    assert "content-length" not in request.headers
    assert request.headers["x-amz-access-token"] == "Atza|1"
    assert request.headers["accept"] == "application/json"
    assert request.headers["accept-encoding"] == "gzip"


async def test_the_user_agent_has_amazons_form_on_every_request():
    """AppId/Version (Language=…; Platform=…) goes with the call, the login and the RDT."""
    upstream = Upstream()
    await get(upstream.api(user_agent=user_agent()), operation=OPERATIONS["getOrders"])
    agents = {request.headers["user-agent"] for request in upstream.requests + upstream.logins + upstream.rdts}
    assert len(agents) == 1
    agent = agents.pop()
    assert agent.startswith("mws-bridge/")
    assert agent.partition(" ")[2].startswith("(Language=Python; Platform=")
    assert len(agent) <= 500


async def test_timeouts_go_along_with_each_request():
    """Connect and read timeouts of the settings reach the transport, for calls and for logins."""
    upstream = Upstream()
    await get(upstream.api(connect_timeout=1.5, read_timeout=2.5))
    for request in (upstream.requests[0], upstream.logins[0]):
        assert request.extensions["timeout"]["connect"] == 1.5
        assert request.extensions["timeout"]["read"] == 2.5


async def test_the_log_of_httpx_shows_no_query(caplog):
    """httpx writes every URL into its log; the query, which may hold a buyer's address, is not in it."""
    caplog.set_level(logging.DEBUG)
    await get(Upstream().api(), [("BuyerEmail", "jane@example.com")])
    lines = [record.getMessage() for record in caplog.records if record.name == "httpx"]
    assert any("https://na.test/things" in line for line in lines)
    assert not any("jane" in line or "?" in line for line in lines)


# --- what comes back ------------------------------------------------------------------------------------------------


async def test_a_json_object_is_the_answer_and_404_is_none():
    """200 with an object gives the object; 404 gives None; neither is asked for again."""
    assert await get(Upstream().api()) == GOOD
    upstream = Upstream(404)
    assert await get(upstream.api()) is None
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("body", [b"<html></html>", b"", b"[]", b"null", b'{"payload": {', b"\xff", b'"x"'])
async def test_what_is_no_json_object_is_asked_for_again_and_then_is_an_error(body):
    """HTML, arrays and truncated JSON are retried; when they stay, the caller gets InternalError."""
    broken = httpx.Response(200, content=body, headers={"x-amzn-RequestId": "rid"})
    assert await get(Upstream(broken, GOOD).api()) == GOOD
    upstream = Upstream(broken)
    error = await refused(upstream.api())
    assert (error.fault, error.upstream_request_id) == (INTERNAL_ERROR, "rid")
    assert len(upstream.requests) == 3


async def test_a_body_that_does_not_unzip_is_like_one_that_is_no_json():
    """Damaged gzip is retried and ends in InternalError, never in a foreign exception."""
    upstream = Upstream(httpx.DecodingError("Error -3 while decompressing"), GOOD)
    assert await get(upstream.api()) == GOOD
    error = await refused(Upstream(httpx.DecodingError("Error -3")).api())
    assert error.fault is INTERNAL_ERROR


@pytest.mark.parametrize(
    ("status", "sent", "fault"),
    [
        (500, 3, INTERNAL_ERROR),
        (502, 3, SERVICE_UNAVAILABLE),
        (503, 3, SERVICE_UNAVAILABLE),
        (504, 3, SERVICE_UNAVAILABLE),
        (400, 1, INVALID_PARAMETER_VALUE),
        (403, 1, ACCESS_DENIED),
        (429, 1, REQUEST_THROTTLED),
        (413, 1, INTERNAL_ERROR),
        (501, 1, INTERNAL_ERROR),
        (301, 1, INTERNAL_ERROR),
        (204, 1, INTERNAL_ERROR),
    ],
)
async def test_only_what_is_transient_is_sent_again(status, sent, fault):
    """500, 502, 503 and 504 are tried three times, everything else once."""
    upstream = Upstream(status)
    error = await refused(upstream.api())
    assert error.fault is fault
    assert len(upstream.requests) == sent


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("x"),
        httpx.ConnectTimeout("x"),
        httpx.ReadTimeout("x"),
        httpx.ReadError("x"),
        httpx.RemoteProtocolError("x"),
    ],
)
async def test_a_broken_connection_is_tried_again(error):
    """A connection that fails once costs one more request; one that keeps failing is ServiceUnavailable."""
    upstream = Upstream(error, GOOD)
    assert await get(upstream.api()) == GOOD
    assert len(upstream.requests) == 2
    upstream = Upstream(error)
    raised = await refused(upstream.api())
    assert (raised.fault, raised.reason) == (SERVICE_UNAVAILABLE, f"getThings: {type(error).__name__}")
    assert len(upstream.requests) == 3


@pytest.mark.parametrize("attempts", [1, 2, 5])
async def test_the_number_of_attempts_is_the_configured_one(attempts):
    """``attempts`` counts the first request; the last failure is the one that is told."""
    upstream = Upstream(*[500] * (attempts - 1), 503)
    error = await refused(upstream.api(attempts=attempts))
    assert len(upstream.requests) == attempts
    assert error.fault is SERVICE_UNAVAILABLE


@pytest.mark.parametrize(
    ("jitter", "waits"), [(0.0, [0.5, 1.0, 2.0]), (0.5, [1.0, 2.0, 4.0]), (1.0, [1.5, 3.0, 6.0])]
)
async def test_the_pauses_double_and_jitter_by_half(jitter, waits):
    """Before retry n the client waits backoff · 2ⁿ⁻¹ · (0.5 … 1.5), and does not wait after the last."""
    upstream = Upstream(500)
    await refused(upstream.api(attempts=4, backoff=1.0, jitter=lambda: jitter))
    assert upstream.slept == waits
    upstream = Upstream(lwa=[500, 500, 500, 500])
    await refused(upstream.api(attempts=4, backoff=1.0, jitter=lambda: jitter))
    assert upstream.slept == waits


async def test_the_default_jitter_spreads_the_retries():
    """Two clients that fail together do not come back together."""
    upstream = Upstream(500)
    api = SpApi(
        httpx.AsyncClient(transport=httpx.MockTransport(upstream)),
        throttle=Throttle(clock=upstream.clock, sleep=upstream.clock.sleep),
        settings=ClientSettings(origins={"na": "https://na.test"}, backoff=1.0, attempts=5),
        clock=upstream.clock,
        sleep=upstream.clock.sleep,
    )
    await refused(api)
    factors = [wait / 2**number for number, wait in enumerate(upstream.clock.slept)]
    assert len(set(factors)) == 4
    assert all(0.5 <= factor <= 1.5 for factor in factors)


# --- the usage plan -------------------------------------------------------------------------------------------------


async def test_every_request_takes_a_token_also_the_retries():
    """Three requests cost three tokens of the bucket."""
    upstream = Upstream(500)
    api = upstream.api()
    await refused(api)
    assert await api.throttle.available(SELLER, PLAIN) == 2.0


async def test_a_retry_without_a_token_is_not_sent():
    """When the bucket is empty the first failure is told at once: retries neither wait for tokens nor borrow."""
    upstream = Upstream(500)
    api = upstream.api(max_wait=100.0, attempts=9)
    error = await refused(api)
    assert len(upstream.requests) == 5
    assert error.fault is INTERNAL_ERROR
    assert upstream.clock.slept == []


async def test_a_call_over_the_plan_is_refused_before_anything_is_sent():
    """With an empty bucket no call goes out; the login before it is good for the next one."""
    upstream = Upstream()
    api = upstream.api()
    await api.throttle.drain(SELLER, PLAIN)
    error = await refused(api)
    assert error.fault is REQUEST_THROTTLED
    assert upstream.requests == []
    assert len(upstream.logins) == 1


async def test_the_wait_for_a_token_is_journalled():
    """The journal says how long the plan made us wait."""
    upstream = Upstream()
    api = upstream.api(max_wait=2.0)
    await api.throttle.drain(SELLER, PLAIN)
    journal = UpstreamJournal()
    await get(api, journal=journal)
    assert journal.waited == 2.0


async def test_a_429_is_told_at_once_and_empties_the_bucket():
    """Amazon's own throttling is not retried, and the next call is held back by ours."""
    upstream = Upstream(429)
    api = upstream.api()
    assert (await refused(api)).fault is REQUEST_THROTTLED
    assert (await refused(api)).fault is REQUEST_THROTTLED
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    ("header", "rate"), [("2.0", 2.0), ("0.0055", 0.0055), ("", 0.5), ("fast", 0.5), ("nan", 0.5), ("-1", 0.5)]
)
async def test_the_rate_that_amazon_tells_is_learned(header, rate):
    """x-amzn-RateLimit-Limit becomes the bucket's rate when it is one, whatever the answer's status."""
    for status in (200, 404, 429):
        told = httpx.Response(status, json=GOOD, headers={"x-amzn-RateLimit-Limit": header})
        api = Upstream(told).api()
        with contextlib.suppress(MwsError):
            await get(api)
        assert await rate_of(api, SELLER) == rate
        assert await rate_of(api, another_seller()) == 0.5


async def rate_of(api, seller):
    return (await api.throttle._state.level(_bucket(seller, PLAIN))).rate


# --- tokens ---------------------------------------------------------------------------------------------------------


def stale(details="The access token you provided has expired."):
    body = {
        "errors": [{"code": "Unauthorized", "message": "Access to requested resource is denied.", "details": details}]
    }
    return httpx.Response(403, json=body)


async def test_a_stale_token_is_renewed_once_and_the_call_repeated():
    """An expired token costs a login and one more request, but no attempt and no pause."""
    upstream = Upstream(stale(), GOOD)
    assert await get(upstream.api(attempts=1)) == GOOD
    assert [request.headers["x-amz-access-token"] for request in upstream.requests] == ["Atza|1", "Atza|2"]
    assert upstream.slept == []


async def test_a_token_that_stays_stale_is_access_denied_after_one_renewal():
    """A second refusal is final: no loop of logins."""
    upstream = Upstream(stale())
    assert (await refused(upstream.api())).fault is ACCESS_DENIED
    assert (len(upstream.requests), len(upstream.logins)) == (2, 2)


async def test_many_calls_with_one_stale_token_make_one_login():
    """Thirty calls that are refused together share one renewal."""
    upstream = Upstream()
    api = upstream.api()
    await get(api)
    operation = UpstreamOperation("getMany", 1.0, 100)

    async def reply(request):
        if request.url.path == "/auth/o2/token":
            return await upstream(request)
        await asyncio.sleep(0)
        return stale() if request.headers["x-amz-access-token"] == "Atza|1" else httpx.Response(200, json=GOOD)

    api._http = httpx.AsyncClient(transport=httpx.MockTransport(reply))
    assert await asyncio.gather(*(get(api, operation=operation) for _ in range(30))) == [GOOD] * 30
    assert len(upstream.logins) == 2


@pytest.mark.parametrize(
    "failure",
    [500, 502, 503, 504, httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.DecodingError("x")],
)
async def test_a_login_that_fails_for_a_moment_is_tried_again(failure):
    """Two failures of the login service pass unnoticed; three are ServiceUnavailable, and name its host."""
    assert await get(Upstream(lwa=[failure] * 2).api()) == GOOD
    upstream = Upstream(lwa=[failure] * 3)
    error = await refused(upstream.api())
    assert error.fault is SERVICE_UNAVAILABLE
    assert error.reason.startswith("api.amazon.com")
    assert (len(upstream.logins), len(upstream.requests)) == (3, 0)


async def test_a_refused_login_is_not_repeated():
    """invalid_grant is final."""
    upstream = Upstream(lwa=[httpx.Response(400, json={"error": "invalid_grant"})])
    error = await refused(upstream.api())
    assert error.message == "AuthToken is not valid for SellerId and AWSAccountId"
    assert len(upstream.logins) == 1


async def test_a_restricted_token_is_asked_for_within_its_own_plan():
    """createRestrictedDataToken takes from its own bucket, and an empty one refuses the call."""
    upstream = Upstream()
    api = upstream.api()
    await get(api, operation=OPERATIONS["getOrders"])
    plan = OPERATIONS["createRestrictedDataToken"]
    assert await api.throttle.available(SELLER, plan) == plan.burst - 1
    await api.throttle.drain(another_seller(), plan)
    error = await refused(api, operation=OPERATIONS["getOrders"], seller=another_seller())
    assert error.fault is REQUEST_THROTTLED
    assert len(upstream.requests) == 1


# --- the deadline ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["login", "call", "pause", "plan"])
async def test_one_deadline_bounds_the_whole_call(where):
    """Wherever the time goes, the call ends at the deadline with ServiceUnavailable."""
    loop = asyncio.get_running_loop()

    async def never(*_):
        await asyncio.Event().wait()

    async def reply(request):
        login = request.url.path == "/auth/o2/token"
        if where == ("login" if login else "call"):
            await never()
        if login:
            return httpx.Response(200, json={"access_token": "Atza|1"})
        return httpx.Response(500 if where == "pause" else 200, json=GOOD)

    upstream = Upstream()
    api = upstream.api(deadline=0.05, sleep=never, max_wait=100.0)
    api._http = httpx.AsyncClient(transport=httpx.MockTransport(reply))
    if where == "plan":
        await api.throttle.drain(SELLER, PLAIN)
        api.throttle._sleep = never
    journal = UpstreamJournal()
    started = loop.time()
    error = await refused(api, journal=journal)
    assert loop.time() - started < 0.25
    assert (error.fault, error.reason) == (SERVICE_UNAVAILABLE, "getThings did not end within 0.05 s")
    if where == "call":
        assert [(call.operation, call.status) for call in journal.calls] == [("getThings", 0)]


async def test_a_hanging_login_leaves_time_for_the_call_while_the_old_token_is_good():
    """When a renewal hangs, a quarter of the deadline is given to it, and the call is made with the old token."""
    upstream = Upstream()
    api = upstream.api(deadline=0.2)
    await get(api)
    upstream.clock.at += 3400

    async def reply(request):
        if request.url.path == "/auth/o2/token":
            await asyncio.Event().wait()
        return await upstream(request)

    api._http = httpx.AsyncClient(transport=httpx.MockTransport(reply))
    assert await get(api) == GOOD


# --- the journal ----------------------------------------------------------------------------------------------------


async def test_calls_for_tokens_are_journalled_apart():
    """What Login with Amazon and the token service were asked is there, retries and all, and is no answer about
    orders; who is served from the memory of tokens has no such calls."""
    upstream = Upstream(GOOD)
    upstream.lwa = [
        httpx.ReadError("x"),
        httpx.Response(503, headers={"x-amzn-RequestId": "rid-1"}),
        {"access_token": "Atza|3"},
    ]
    api = upstream.api()
    first, second = UpstreamJournal(answers=[]), UpstreamJournal(answers=[])
    for journal in (first, second):
        await get(api, journal=journal, operation=OPERATIONS["getOrders"])
    assert [(call.operation, call.status, call.request_id) for call in first.token_calls] == [
        ("LWA", 0, ""),
        ("LWA", 503, "rid-1"),
        ("LWA", 200, ""),
        ("createRestrictedDataToken", 200, ""),
    ]
    assert second.token_calls == []
    assert [call.operation for call in first.calls + second.calls] == ["getOrders"] * 2
    assert [answer.operation for answer in first.answers + second.answers] == ["getOrders"] * 2


async def test_each_request_is_journalled_with_status_id_and_time():
    """Retries and broken connections are all there, in order; a connection without an answer has status 0."""
    fine = httpx.Response(200, json=GOOD, headers={"x-amzn-RequestId": "rid-3"})
    upstream = Upstream(httpx.ReadError("x"), httpx.Response(503, headers={"x-amzn-RequestId": "rid-2"}), fine)
    journal = UpstreamJournal()
    await get(upstream.api(), journal=journal)
    assert [(call.operation, call.status, call.request_id, call.seconds) for call in journal.calls] == [
        ("getThings", 0, "", 0.0),
        ("getThings", 503, "rid-2", 0.0),
        ("getThings", 200, "rid-3", 0.0),
    ]
    assert journal.waited == 0.0


def test_the_defaults_are_amazons_addresses_and_a_patience_below_the_old_clients():
    """Out of the box the client talks to Amazon, three times at most, within 25 seconds."""
    settings = ClientSettings()
    assert (settings.deadline, settings.attempts, settings.connect_timeout, settings.read_timeout) == (25, 3, 5, 12)
    assert settings.origins["eu"] == "https://sellingpartnerapi-eu.amazon.com"
    assert orjson.loads(orjson.dumps(settings.lwa_url)) == "https://api.amazon.com/auth/o2/token"
