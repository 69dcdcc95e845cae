"""Any bytes at all over a real socket: every answer is MWS XML, nothing breaks, and the next caller is served.

The server's times are so short here that it ends every conversation itself: what was sent is read to the end, and
what came back is taken apart to the last byte."""

import contextlib
import logging
import re
import socket

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.endpoint.access import AccessBook, AccessKey
from bridge.endpoint.limits import Limits
from bridge.endpoint.server import ServerLimits
from bridge.sandbox import SandboxSettings
from mws_compat.errors import MwsError
from mws_compat.query import HttpRequest, parse_call, resolve_address
from mws_compat.signature import DEVIANT_ENCODINGS
from tests.cli.running import served
from tests.support import ALWAYS, NOW, PATH, US, Answer, Bridge, Clock, assert_mws, plain, signed_query

HOST = "bridge.test"
SHORT = ServerLimits(head_seconds=0.05, body_seconds=0.05, send_seconds=5, idle_seconds=0.05)
PATIENCE = 60.0
EXAMPLES = settings.default.max_examples // 4  # each holds several conversations, and waits for their ends
PING = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
_ANSWER = re.compile(rb"HTTP/1\.1 (\d{3}) [A-Z][A-Za-z -]+\r\n((?:[a-z0-9-]+: [^\r\n]*\r\n)+)\r\n")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Kept(logging.Handler):
    """What programs log that something went wrong with: exceptions, and complaints of the server and the loop."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.records = []

    def emit(self, record):
        if record.exc_info or record.name.partition(".")[0] in {"asyncio", "uvicorn"}:
            self.records.append(record)


@contextlib.contextmanager
def serving_bridge(limits=None):
    """The port of a bridge behind the server, its events, and the complaints in the log."""
    bridge = Bridge(sandbox=SandboxSettings(orders=6, anchor=NOW, usage_plans=False))
    pauses = Clock()  # of its own: the bridge's time stands still however many signatures are wrong
    bridge.endpoint.limits = Limits(clock=pauses, sleep=pauses.sleep)
    kept = Kept()
    logging.getLogger().addHandler(kept)
    with served(bridge.endpoint, limits=limits) as origin:
        yield int(origin.rpartition(":")[2]), bridge.events, kept.records
    logging.getLogger().removeHandler(kept)


@pytest.fixture(scope="module")
def hasty():
    with serving_bridge(SHORT) as server:
        yield server


@pytest.fixture(scope="module")
def patient():
    with serving_bridge() as server:
        yield server


def talk(port, *conversations):
    """What came back of each conversation, all held at the same time; None where the connection was reset."""
    with contextlib.ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
            for _ in conversations
        ]
        lost = set()
        for sock, data in zip(sockets, conversations, strict=True):
            try:
                sock.sendall(data)
            except (ConnectionResetError, BrokenPipeError):
                lost.add(sock)  # refused before it was all read
        heard = []
        for sock in sockets:
            came = b""
            try:
                while piece := sock.recv(65536):
                    came += piece
            except ConnectionResetError:
                lost.add(sock)
            heard.append((came, sock in lost))
        return heard


def answers(came, *, lost=False):
    """The answers in what came: every byte belongs to one, but where a reset has cut the last one off."""
    found = []
    while came:
        came = came.removeprefix(_CONTINUE)
        head = _ANSWER.match(came)
        if head is None:
            assert lost or not came, came[:200]
            break
        headers = httpx.Headers([line.split(b": ", 1) for line in head[2].splitlines()])
        body = came[head.end() :][: int(headers["content-length"])]
        if len(body) < int(headers["content-length"]):
            assert lost, "an answer broke off"
            break
        came = came[head.end() + len(body) :]
        answer = Answer(int(head[1]), headers, body)
        assert_mws(answer)
        found.append(answer)
    return found


METHODS = st.sampled_from(["GET", "POST", "PUT", "OPTIONS", "get", "BREW", "PRI"])
STATUS = f"{PATH}?{signed_query('GetServiceStatus', method='GET', host=HOST)}"
TARGETS = st.sampled_from(["/", PATH, STATUS, "*", "x"])
NAMES = st.sampled_from(
    ["Host", "Content-Length", "Transfer-Encoding", "Connection", "Expect", "Upgrade", "Trailer", "Accept-Encoding"]
) | st.from_regex(r"[!-~]{1,12}", fullmatch=True)
LENGTHS = ["0", "1", "5", "1048577", "9" * 30, "-1", "+1", "0x5", "1, 1"]
CODINGS = ["chunked", "identity, chunked", "chunked, gzip", "gzip"]
OTHERS = ["close", "keep-alive", "upgrade", "h2c", "websocket", "100-continue", HOST, "", "\0", "a\tb"]
VALUES = st.sampled_from([*LENGTHS, *CODINGS, *OTHERS]) | st.text(st.characters(max_codepoint=255), max_size=20)
ENDS = st.sampled_from([b"\r\n"] * 8 + [b"\n", b"\r", b"\r\r\n", b"\0\r\n", b" \r\n", b"\r\n "])
CHUNKS = st.lists(
    st.sampled_from([b"5\r\nhello\r\n", b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n", b"1;x=y\r\na\r\n"])
    | st.sampled_from([b"zz\r\n", b"-1\r\n", b"ffffffffffffffffff\r\n", b"5\r\nhel", b"3\r\nhello\r\n", b"1\na\n"])
).map(b"".join)


@st.composite
def requests(draw):
    """Something like a request."""
    lines = [f"{draw(METHODS)} {draw(TARGETS)} HTTP/{draw(st.sampled_from(['1.1'] * 5 + ['1.0', '2.0', '9.9', '']))}"]
    lines += [f"{name}: {value}" for name, value in draw(st.lists(st.tuples(NAMES, VALUES), max_size=5))]
    head = b"".join(line.encode("latin-1") + draw(ENDS) for line in lines)
    return head + b"\r\n" + draw(CHUNKS | st.binary(max_size=30) | st.just(b""))


@st.composite
def good_calls(draw):
    """The operation and the bytes of a legacy client's request."""
    action = draw(st.sampled_from(["GetServiceStatus", "ListOrders"]))
    query = signed_query(action, {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US}, host=HOST).encode()
    lines = [f"POST {PATH} HTTP/1.1", f"Host: {HOST}", "Content-Type: application/x-www-form-urlencoded"]
    if draw(st.booleans()):
        return action, "\r\n".join([*lines, f"Content-Length: {len(query)}", "", ""]).encode() + query
    size = draw(st.integers(1, len(query)))
    pieces = [query[start : start + size] for start in range(0, len(query), size)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])
    return action, "\r\n".join([*lines, "Transfer-Encoding: chunked", "", ""]).encode() + chunks


good_requests = good_calls().map(lambda call: call[1])


@st.composite
def mutated(draw):
    """A good request with some bytes changed, doubled, taken away or put in."""
    data = bytearray(draw(good_requests))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data)))
        length = draw(st.sampled_from([0, 1, 1, 2, 20]))
        new = draw(
            st.binary(max_size=3)
            | st.sampled_from([b"\0", b"\r\n", b"\n", b" ", b":", b"\r\n\r\n", bytes(data[place : place + 40])])
        )
        data[place : place + length] = new
    return bytes(data)


conversations = st.lists(st.binary(max_size=60) | requests() | mutated() | good_requests, max_size=4).map(b"".join)


@given(st.lists(conversations, min_size=1, max_size=8))
@settings(max_examples=EXAMPLES)
@pytest.mark.long
def test_any_bytes(hasty, sent):
    """Whatever comes, each answer is MWS XML and whole, no exception is logged, none is behind an InternalError, and
    the next request on a new connection is answered."""
    port, events, complaints = hasty
    for came, lost in talk(port, *sent):
        answers(came, lost=lost)
    came = b""
    while not came:  # on a busy machine even this can be too slow for such a hasty server
        [(came, _)] = talk(port, PING)
    [ping] = answers(came)
    assert plain(ping.root.tag) == "PingResponse"
    assert not [event for event in events if event.code == "InternalError"]
    assert not complaints
    events.clear()


@given(st.lists(good_calls(), min_size=1, max_size=6), st.booleans())
@settings(max_examples=EXAMPLES)
def test_good_requests_however_they_are_joined(patient, calls, garbage):
    """Well-formed requests written at once get an answer each, in their order, and garbage behind them one more."""
    port, events, complaints = patient
    events.clear()
    [(came, lost)] = talk(port, b"".join(data for _, data in calls) + (b"\0\r\n\r\n" if garbage else PING))
    found = answers(came, lost=lost)
    wanted = [action for action, _ in calls]
    assert [event.operation for event in events][: len(calls)] == wanted
    assert len(found) == len(calls) + 1
    for answer, action in zip(found, wanted, strict=False):
        assert plain(answer.root.tag) == f"{action}Response" or answer.code == "RequestThrottled"
    assert plain(found[-1].root.tag) == ("ErrorResponse" if garbage else "PingResponse")
    assert not complaints


# --- the same without sockets: the parsers

TEXTS = st.text(max_size=20) | st.sampled_from(["HmacSHA256", "2", "2026-11-20T12:00:00Z", "AKIA", "ListOrders"])
FIELDS = st.sampled_from(
    ["AWSAccessKeyId", "SignatureMethod", "SignatureVersion", "Signature", "Timestamp", "SellerId", "Action"]
)
WIRE = st.binary(max_size=80) | st.lists(
    st.tuples(FIELDS.map(str.encode) | st.binary(max_size=8), TEXTS.map(str.encode) | st.binary(max_size=20)),
    max_size=8,
).map(lambda pairs: b"&".join(name + b"=" + value for name, value in pairs))
BOOK = AccessBook([AccessKey("AKIA", "secret", {})], deviant_encodings=tuple(DEVIANT_ENCODINGS))


@given(METHODS, st.text(st.characters(max_codepoint=255), max_size=30), WIRE, WIRE, st.text(max_size=20))
def test_any_bytes_through_the_parsers(method, path, query, body, host):
    """Reading a request's parameters, finding its operation and checking its signature end in an MwsError or in what
    was asked for; nobody is let in."""
    request = HttpRequest(method=method, path=path, query=query, body=body, host=host)
    with contextlib.suppress(MwsError):
        resolve_address(parse_call(request))
    with pytest.raises(MwsError) as refused:
        BOOK.authenticate(parse_call(request), section="Orders", now=NOW)
    assert refused.value.fault.status in {400, 401, 403}
