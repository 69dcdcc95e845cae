"""The admin port: who may see what, and what load balancers and Prometheus are told."""

import base64
import json

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bridge.watch.admin import Readiness, admin_app
from tests.watch.sample import busy, quiet

TOKEN = "s3cret: of the port, é"


class Door:
    """The application as its callers meet it."""

    def __init__(self, board, token=TOKEN, readiness=None):
        self.slept = []
        self.readiness = readiness or Readiness("ready")
        app = admin_app(board, token=token, ready=lambda: self.readiness, sleep=self._sleep)
        transport = httpx.ASGITransport(app)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://admin")

    async def _sleep(self, seconds):
        self.slept.append(seconds)

    async def ask(self, path, authorization=None, method="GET", **headers):
        if authorization is not None:
            headers["authorization"] = authorization.encode()
        return await self._client.request(method, path, headers=headers)


def basic(password, user="anybody"):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def bearer(token=TOKEN):
    return f"Bearer {token}"


@pytest.fixture(scope="module")
def full_board():
    return busy()


@pytest.fixture
def door():
    return Door(quiet())


# --- for everybody --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [TOKEN, None])
async def test_healthz_needs_no_token(token):
    """Whether the process lives is told to everybody."""
    answer = await Door(quiet(), token).ask("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok")


@pytest.mark.parametrize(
    ("readiness", "status", "body"),
    [
        (Readiness("ready"), 200, {"status": "ready"}),
        (Readiness("degraded", ("the store is gone",)), 200, {"status": "degraded", "why": ["the store is gone"]}),
        (Readiness("starting", ("no worker yet",)), 503, {"status": "starting", "why": ["no worker yet"]}),
        (Readiness("stopping"), 503, {"status": "stopping"}),
    ],
    ids=lambda value: value.status if isinstance(value, Readiness) else "",
)
async def test_readyz(readiness, status, body):
    """A load balancer keeps who answers, even if not all is as it should be, and leaves who starts or stops; it is
    told why, without a token."""
    answer = await Door(quiet(), readiness=readiness).ask("/readyz")
    assert answer.status_code == status
    assert answer.json() == body


# --- for whoever shows the token ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/metrics"])
@pytest.mark.parametrize(
    "authorization", [bearer(), "bearer   " + TOKEN, basic(TOKEN), basic(TOKEN, ""), basic(TOKEN, "é")]
)
async def test_the_token_opens(door, path, authorization):
    """The token opens as a bearer and as the password of any user name, in whatever case the scheme is written."""
    answer = await door.ask(path, authorization)
    assert answer.status_code == 200
    assert door.slept == []


@pytest.mark.parametrize("path", ["/", "/metrics"])
@pytest.mark.parametrize(
    "authorization",
    [
        bearer("wrong"),
        bearer(TOKEN[:-1]),
        bearer(TOKEN + "x"),
        basic("wrong"),
        basic("", TOKEN),
        "Basic " + base64.b64encode(TOKEN.encode()).decode(),
        "Basic not base64!",
        "Basic",
        "Basic é",
    ],
)
async def test_a_wrong_token_opens_nothing(door, path, authorization):
    """A wrong token gets 401 after half a second, and a browser is told to ask for it; nothing else is told."""
    answer = await door.ask(path, authorization)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('Basic realm="mws-bridge"')
    assert door.slept == [0.5]
    assert "Requests" not in answer.text
    assert "mws_bridge_" not in answer.text


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Digest x"])
async def test_no_token_is_asked_for(door, authorization):
    """Who shows none is asked for it, and not slowed: so every browser begins."""
    answer = await door.ask("/", authorization)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert door.slept == []


@pytest.mark.parametrize("path", ["/", "/metrics"])
@pytest.mark.parametrize("token", [None, ""])
async def test_without_a_token_in_the_settings(path, token, full_board):
    """Where no token is set, nobody gets in, also not with an empty one, and the page says what to set."""
    for authorization in (None, "Bearer ", basic("")):
        answer = await Door(full_board, token).ask(path, authorization)
        assert answer.status_code == 403
        assert "[admin]\ntoken = " in answer.text
        assert "EXAMPLESELL" not in answer.text


# --- the answers ----------------------------------------------------------------------------------------------------


async def test_metrics(door):
    """Prometheus gets its text, or OpenMetrics where it asks for that."""
    answer = await door.ask("/metrics", bearer())
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "mws_bridge_workers" in {family.name for family in text_string_to_metric_families(answer.text)}
    asked = await door.ask("/metrics", bearer(), accept="application/openmetrics-text;version=1.0.0")
    assert asked.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert asked.text.endswith("# EOF\n")


async def test_the_page(door):
    """The status page is HTML, and says what the process says of itself."""
    door.readiness = Readiness("degraded", ("worker 7 ends again and again",))
    answer = await door.ask("/", bearer())
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "worker 7 ends again and again" in answer.text
    door.readiness = Readiness("ready")
    assert "All is quiet" in (await door.ask("/", bearer())).text


@pytest.mark.parametrize("path", ["/", "/metrics", "/healthz", "/readyz"])
async def test_head(door, path):
    """HEAD is answered like GET, without the body."""
    answer = await door.ask(path, bearer(), method="HEAD")
    assert (answer.status_code, answer.content) == (200, b"")
    whole = await door.ask(path, bearer())
    assert answer.headers["content-type"] == whole.headers["content-type"]
    assert (await door.ask("/", method="HEAD")).status_code == 401


@pytest.mark.parametrize("path", ["/favicon.ico", "/metrics/", "/admin", "/healthz/x"])
async def test_other_paths(door, path):
    """There is nothing else."""
    answer = await door.ask(path, bearer())
    assert answer.status_code == 404
    assert "mws_bridge_" not in answer.text


@pytest.mark.parametrize("path", ["/", "/metrics", "/healthz", "/readyz"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_other_methods(door, path, method):
    """Everything is only read."""
    answer = await door.ask(path, bearer(), method=method)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


@pytest.mark.parametrize("path", ["/", "/metrics", "/healthz", "/readyz", "/nothing"])
@pytest.mark.parametrize("authorization", [bearer(), None])
async def test_every_answer_is_safe_to_show(door, path, authorization):
    """Every answer forbids scripts, frames, guessing of types and keeping."""
    headers = (await door.ask(path, authorization)).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"


async def test_large_answers_are_packed(full_board):
    """What is large is sent packed to whoever takes it."""
    answer = await Door(full_board).ask("/", bearer(), **{"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "EXAMPLESELL" in answer.text
    plain = await Door(full_board).ask("/", bearer(), **{"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers


async def test_the_token_is_in_no_answer(door):
    """Neither the token nor a wrong one is repeated."""
    for path in ("/", "/metrics", "/readyz"):
        for shown in (TOKEN, "another secret"):
            answer = await door.ask(path, bearer(shown))
            assert shown not in answer.text + json.dumps(dict(answer.headers))
