"""The endpoint as an HTTP service: headers, compression, methods, sizes, life and death."""

import gzip
import shlex
import uuid

import httpx
import pytest

from bridge.endpoint.app import MAX_BODY_BYTES, new_request_id
from bridge.observe import RequestEvent, log_event
from bridge.upstream.journal import UpstreamCall
from bridge.upstream.transport import AiohttpTransport
from tests.support import ALWAYS, HOST, PATH, US, Bridge, ask, signed_query

WINDOW = {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US}


@pytest.mark.parametrize("how", ["success", "front door", "service", "upstream", "ping"])
async def test_the_headers_of_every_answer(bridge, how):
    """Section 5.2, on success and on errors: lower-case names, each once, and nothing about quotas."""
    if how == "upstream":
        bridge.sandbox.faults.always("getOrders", "unavailable")
    answer = {
        "success": lambda: bridge.call("ListOrders", WINDOW),
        "front door": lambda: bridge.call("ListOrders", WINDOW, secret="wrong"),
        "service": lambda: bridge.call("ListOrders"),
        "upstream": lambda: bridge.call("ListOrders", WINDOW),
        "ping": lambda: bridge.send("GET", "/"),
    }[how]
    headers = (await answer()).headers
    names = [name for name, _ in headers.raw]
    assert names == [name.lower() for name in names]
    assert len(names) == len(set(names))
    assert set(names) == {
        b"server",
        b"content-type",
        b"x-mws-request-id",
        b"x-mws-timestamp",
        b"x-mws-response-context",
        b"vary",
        b"content-length",
    }
    assert headers["server"] == "Server"
    assert headers["content-type"] == "text/xml"
    assert headers["x-mws-timestamp"] == "2026-11-20T12:00:00.000Z"
    assert len(headers["x-mws-response-context"]) == 88
    assert headers["vary"] == "Accept-Encoding,User-Agent"


async def test_each_answer_has_its_own_request_id_and_context(bridge):
    """No two answers share an id."""
    answers = [await bridge.send("GET", "/") for _ in range(5)]
    assert len({answer.headers["x-mws-request-id"] for answer in answers}) == 5
    assert len({answer.headers["x-mws-response-context"] for answer in answers}) == 5


async def test_the_calls_for_tokens_are_told_with_the_request_that_needed_them(bridge):
    """The first call of a seller asks Login with Amazon and the token service, the next one nobody."""
    for _ in range(2):
        await bridge.call("ListOrders", WINDOW)
    first, second = bridge.events
    assert [(call.operation, call.status) for call in first.token_calls] == [
        ("LWA", 200),
        ("createRestrictedDataToken", 200),
    ]
    assert second.token_calls == ()


def test_request_ids_are_random_uuids():
    """Each is a UUID of version 4, written as everybody writes one."""
    ids = [new_request_id() for _ in range(200)]
    assert len(set(ids)) == 200
    for text in ids:
        found = uuid.UUID(text)
        assert (str(found), found.version, found.variant) == (text, 4, uuid.RFC_4122)


async def test_of_a_header_that_comes_twice_the_first_one_counts(bridge):
    """A proxy that adds its own Host behind the caller's does not break the caller's signature."""

    async def with_another(scope, receive, send):
        await bridge.endpoint({**scope, "headers": [*scope["headers"], (b"host", b"another.example")]}, receive, send)

    query = signed_query("GetServiceStatus", now=bridge.clock.now(), host="bridge.example")
    answer = await ask(with_another, "POST", PATH, body=query, headers={"host": "bridge.example"})
    assert answer.status == 200


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("gzip", True),
        ("deflate, gzip;q=0.5", True),
        ("x-gzip", True),
        ("GZIP", True),
        ("gzip; q=0", False),
        ("gzip;q=0.000", False),
        ("identity", False),
        ("br", False),
        ("", False),
        (None, False),
    ],
)
async def test_gzip_only_when_asked(bridge, asked, given):
    """A long answer is packed for whom can unpack it, and for nobody else; it is the same answer."""
    plain = await bridge.call("ListOrders", WINDOW)
    headers = {} if asked is None else {"accept-encoding": asked}
    answer = await bridge.call("ListOrders", WINDOW, headers=headers)
    assert (answer.headers.get("content-encoding") == "gzip") is given
    assert answer.ids == plain.ids
    if given:
        assert int(answer.headers["content-length"]) < len(answer.body)
        assert bridge.events[-1].bytes_out == int(answer.headers["content-length"])


async def test_a_short_answer_is_never_packed(bridge):
    """Errors fit into a packet as they are."""
    answer = await bridge.call("GetServiceStatus", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "FOO"])
async def test_other_methods_are_405(bridge, method):
    """Only GET and POST are answered; the others are told so, before anything is read."""
    answer = await bridge.send(method, query=signed_query("ListOrders"))
    assert answer.outcome == (405, "InvalidRequest")
    assert answer.headers["allow"] == "GET, POST"
    assert bridge.upstream.requests == []


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("size", [MAX_BODY_BYTES, MAX_BODY_BYTES + 1])
async def test_a_body_of_one_mebibyte_is_read_and_one_byte_more_is_413(bridge, size, declared):
    """The limit is exact, whether the size is declared or found out; the connection is closed after a 413."""
    headers = {"content-length": str(size)} if declared else {}
    answer = await bridge.send(body=b"x" * size, headers=headers)
    if size == MAX_BODY_BYTES:
        assert answer.status == 400
    else:
        assert answer.outcome == (413, "InvalidRequest")
        assert answer.headers["connection"] == "close"
    assert MAX_BODY_BYTES == 1024 * 1024


@pytest.mark.parametrize("length", ["9" * 12, "9" * 13, "9" * 5000])
async def test_an_absurd_content_length_is_413_unread(bridge, length):
    """A declared size of any number of digits is refused without a look at the body."""
    assert (await bridge.send(headers={"content-length": length})).status == 413


@pytest.mark.parametrize("length", ["-1", "+5", "abc", "1e3", "", "٣"[:0]])
async def test_a_content_length_that_is_no_number_does_no_harm(bridge, length):
    """The server checks it; the application only uses it to refuse early."""
    assert (await bridge.send(headers={"content-length": length})).status == 400


async def test_a_caller_who_goes_away_is_not_answered(bridge):
    """A disconnect in the middle of the body: no answer, no event, no exception."""
    sent = []
    messages = [{"type": "http.request", "body": b"Acti", "more_body": True}, {"type": "http.disconnect"}]

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": PATH, "query_string": b"", "headers": []}
    await bridge.endpoint(scope, receive, send)
    assert sent == []
    assert bridge.events == []


async def test_a_server_without_raw_path_and_a_request_without_host(bridge):
    """raw_path is optional in ASGI, Host in HTTP/1.0: both are done without."""

    async def forgetful(scope, receive, send):
        await bridge.endpoint({**scope, "raw_path": None, "headers": []}, receive, send)

    query = signed_query("GetServiceStatus")
    assert (await ask(forgetful, "POST", PATH, body=query)).status == 200


async def test_a_query_that_a_server_left_in_the_raw_path_is_not_part_of_the_path(bridge):
    """Some servers give the whole request target as raw_path."""

    async def sloppy(scope, receive, send):
        await bridge.endpoint({**scope, "raw_path": scope["raw_path"] + b"?a=b"}, receive, send)

    assert (await ask(sloppy, "POST", PATH, body=signed_query("GetServiceStatus"))).status == 200


async def test_the_lifespan_closes_the_upstream_connections():
    """Startup and shutdown are answered, and shutdown closes the transport."""
    closed = []

    class Transport(AiohttpTransport):
        async def aclose(self):
            closed.append(True)
            await super().aclose()

    bridge = Bridge()
    bridge.api._http._transport = Transport()
    inbox = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = []

    async def receive():
        return inbox.pop(0)

    async def send(message):
        sent.append(message["type"])

    await bridge.endpoint({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert closed == [True]


async def test_an_endpoint_without_a_lifespan_lives_as_well(bridge):
    """The lifespan is optional."""
    bridge.endpoint._lifespan = None
    inbox = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = []

    async def receive():
        return inbox.pop(0)

    async def send(message):
        sent.append(message["type"])

    await bridge.endpoint({"type": "lifespan"}, receive, send)
    assert len(sent) == 2


@pytest.mark.parametrize(
    "error", [KeyError("jane@example.com"), RecursionError(), MemoryError(), AssertionError("x")]
)
async def test_an_exception_inside_a_handler_is_an_internal_error(bridge, monkeypatch, error):
    """Whatever a handler throws, the caller gets MWS XML with a retryable 500, and the log the class and place."""

    async def fail(request):
        raise error

    monkeypatch.setattr(bridge.endpoint._handlers, "_by_name", {"GetServiceStatus": fail})
    answer = await bridge.call("GetServiceStatus")
    assert answer.outcome == (500, "InternalError")
    reason = bridge.events[-1].reason
    assert reason.startswith(f"{type(error).__name__} in ")
    assert "fail:" in reason
    assert "jane" not in reason


async def test_httpx_reads_the_endpoint_through_its_asgi_transport(bridge):
    """A client library over the ASGI interface gets the whole answer, packed or not."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(bridge.endpoint), base_url=f"http://{HOST}") as http:
        answer = await http.post(PATH, content=signed_query("ListOrders", WINDOW).encode())
        assert (answer.status_code, answer.headers["content-encoding"]) == (200, "gzip")
        assert answer.text.endswith("</ListOrdersResponse>\n")
        assert gzip.compress(answer.content)


# --- the log line ---------------------------------------------------------------------------------------------------


def event(**changes):
    fields = {
        "request_id": "id-1",
        "method": "POST",
        "operation": "ListOrders",
        "seller_id": "A1",
        "access_key_id": "AKIA",
        "status": 200,
        "code": "",
        "reason": "",
        "faults": (),
        "upstream": (UpstreamCall("getOrders", 200, "rid", 0.1), UpstreamCall("getOrders", 0, "", 0.1)),
        "waited": 1.5,
        "seconds": 0.0123,
        "bytes_in": 10,
        "bytes_out": 20,
    }
    return RequestEvent(**{**fields, **changes})


def logged(caplog, **changes):
    caplog.clear()
    caplog.set_level("DEBUG", "mws_bridge.requests")
    log_event(event(**changes))
    (record,) = caplog.records
    line = record.getMessage()
    return record.levelname, line, dict(part.partition("=")[::2] for part in shlex.split(line))


def test_a_log_line_is_pairs(caplog):
    """One event is one line of key=value pairs that a shell could split."""
    level, _, pairs = logged(caplog)
    assert level == "INFO"
    assert pairs == {
        "id": "id-1",
        "operation": "ListOrders",
        "seller": "A1",
        "key": "AKIA",
        "status": "200",
        "ms": "12.3",
        "waited_ms": "1500",
        "in": "10",
        "out": "20",
        "upstream": "getOrders:200:rid,getOrders:0:-",
    }


@pytest.mark.parametrize(
    ("status", "code", "level"),
    [
        (200, "", "INFO"),
        (503, "RequestThrottled", "INFO"),
        (399, "", "INFO"),
        (400, "InvalidParameterValue", "WARNING"),
        (401, "AccessDenied", "WARNING"),
        (500, "InternalError", "ERROR"),
        (503, "ServiceUnavailable", "ERROR"),
    ],
)
def test_the_level_says_whose_fault_it_is(caplog, status, code, level):
    """INFO for what is normal, WARNING for the caller's mistakes, ERROR for ours and Amazon's."""
    assert logged(caplog, status=status, code=code, upstream=(), waited=0.0)[0] == level


@pytest.mark.parametrize(
    "reason",
    [
        'Parameter x" status="200 was sent more than once.',
        "line one\r\nid=2 status=200",
        "tab\tbell\x07 nul\0 del\x7f",
        "back\\slash \\",
        "\u2028separator\u202ertl",
        "a=b",
        "x" * 5000,
        "quote'quote",
    ],
)
def test_a_reason_cannot_forge_a_pair_or_a_line(caplog, reason):
    """Whatever a caller put into a name, the line stays one line and its pairs stay ours."""
    _, line, _ = logged(caplog, reason=reason, status=400, code="InvalidParameterValue")
    assert line.isprintable()
    assert len(line) < 1000
    inside = line.partition("reason=")[2]
    assert '"' not in inside.strip('"')
    if " " in inside or "=" in inside:
        assert inside[0] == inside[-1] == '"'
    assert line.count("status=") - inside.count("status=") == 1


def test_several_faults_are_all_in_the_line_and_one_is_not_said_twice(caplog):
    """``faults`` is there when there is more than the reason."""
    assert logged(caplog, faults=("one", "two"))[2]["faults"] == "one | two"
    assert "faults" not in logged(caplog, faults=("one",))[2]


def test_a_level_that_is_off_costs_nothing(caplog):
    """Nothing is written below the logger's level."""
    caplog.set_level("ERROR", "mws_bridge.requests")
    log_event(event())
    assert caplog.records == []


async def test_what_fails_after_the_answer_does_not_cost_it(bridge, caplog, monkeypatch):
    """When the event cannot be told of, or the exchange not recorded, the caller still gets its answer; the log names
    the place, and nothing that the failure says."""

    class Full:
        def take(self, _):
            raise OSError("no space left for Jane Doe")

    def emit(_):
        raise ValueError("Jane Doe")

    monkeypatch.setattr(bridge.endpoint, "_emit", emit)
    monkeypatch.setattr(bridge.endpoint, "_recorder", Full())
    assert (await bridge.call("ListOrders", WINDOW)).status == 200
    first, second = caplog.messages[-2:]
    assert first.startswith("an exchange could not be recorded: OSError in test_what_fails")
    assert second.startswith("an event could not be told of: ValueError in test_what_fails")
    assert "Doe" not in caplog.text
