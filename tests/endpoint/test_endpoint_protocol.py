"""One connection of the server, without sockets and without waiting: the clock is a number, the peer a list."""

import asyncio
import re

import pytest
import uvicorn
from uvicorn.server import ServerState

from bridge.endpoint.protocol import MAX_HEAD_BYTES, MAX_PIPELINED, MAX_WIRE_BYTES, ServerLimits, protocol_with

GOOD = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


class Timer:
    def __init__(self, at, callback):
        self.at = at
        self.callback = callback
        self.off = False

    def cancel(self):
        self.off = True


class Loop:
    """The running loop's tasks, and timers of its own."""

    def __init__(self):
        self.now = 0.0
        self.timers = []

    def create_task(self, coroutine, **options):
        return asyncio.get_running_loop().create_task(coroutine, **options)

    def call_later(self, seconds, callback):
        timer = Timer(self.now + seconds, callback)
        self.timers.append(timer)
        return timer

    def waiting(self):
        return sorted(timer.at - self.now for timer in self.timers if not timer.off)

    def advance(self, seconds):
        """Let time pass, and everything that is due happen in its order."""
        end = self.now + seconds
        while due := [timer for timer in self.timers if not timer.off and timer.at <= end]:
            timer = min(due, key=lambda timer: timer.at)
            timer.off = True
            self.now = timer.at
            timer.callback()
        self.now = end


class Transport:
    """A peer that reads everything at once, or nothing."""

    def __init__(self):
        self.written = b""
        self.unread = 0
        self.reading = True
        self.closing = False
        self.aborted = False
        self.greedy = True

    def get_extra_info(self, name):
        return None

    def write(self, data):
        assert not self.aborted
        self.written += data
        self.unread += 0 if self.greedy else len(data)

    def get_write_buffer_size(self):
        return self.unread

    def is_closing(self):
        return self.closing

    def close(self):
        self.closing = True

    def abort(self):
        self.closing = self.aborted = True

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        self.reading = True


class Connection:
    """A protocol over such a transport; the application answers when it is told to. ``beside`` another it is of the
    same server."""

    def __init__(self, *, beside=None, **limits):
        self.loop = Loop()
        self.transport = Transport()
        self.release = asyncio.Event()
        self.release.set()
        self.reads_body = True
        self.asked = []
        self.left = 0
        config = uvicorn.Config(
            self.app,
            ws="none",
            lifespan="off",
            interface="asgi3",
            proxy_headers=False,
            log_config=None,
            timeout_keep_alive=65,
        )
        config.load()
        self.state = beside.state if beside else ServerState()
        made = type(beside.protocol) if beside else protocol_with(ServerLimits(**limits))
        self.protocol = made(config, self.state, {}, self.loop)
        self.protocol.connection_made(self.transport)

    async def app(self, scope, receive, send):
        body = b""
        more = self.reads_body
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.left += 1
                return
            body += message["body"]
            more = message["more_body"]
        await self.release.wait()
        self.asked.append((scope["method"], scope["path"], dict(scope["headers"]), body))
        text = b"<ok/>"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": text})

    async def send(self, data):
        self.protocol.data_received(data)
        await self.settle()

    async def settle(self):
        for _ in range(20):
            await asyncio.sleep(0)

    async def wait(self, seconds):
        self.loop.advance(seconds)
        await self.settle()

    @property
    def statuses(self):
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", self.transport.written)]

    @property
    def message(self):
        return re.findall(rb"<Message>(.*)</Message>", self.transport.written)[-1].decode()

    @property
    def closed(self):
        return self.transport.closing


@pytest.fixture
async def connection():
    made = Connection()
    yield made
    if not made.transport.aborted:
        made.protocol.connection_lost(None)
    await made.settle()
    assert not made.loop.waiting(), "a timer outlives its connection"
    assert not made.state.connections


# --- the head


async def test_a_silent_connection_is_closed(connection):
    """Who says nothing for ten seconds gets nothing, and the end of the connection."""
    await connection.wait(9.9)
    assert not connection.closed
    await connection.wait(0.2)
    assert connection.closed
    assert connection.transport.written == b""


@pytest.mark.parametrize("first", [b"", b"\r\n"])
async def test_line_ends_alone_are_silence(connection, first):
    """Line ends before a request are lawful, and buy no time, at the start or between two requests."""
    if not first:
        await connection.send(GOOD)
    for _ in range(9):
        await connection.send(b"\r\n")
        await connection.wait(1)
    assert not connection.closed
    await connection.wait(1.1)
    assert connection.closed
    assert connection.statuses == ([] if first else [200])


async def test_a_dripping_head_is_refused(connection):
    """Bytes of a head buy no time either; what has begun is answered before the connection ends."""
    for number in range(9):
        await connection.send(GOOD[number : number + 1])
        await connection.wait(1)
    assert not connection.closed
    await connection.wait(1.1)
    assert connection.statuses == [400]
    assert connection.message == "The request headers did not arrive within 10 seconds."
    assert connection.closed


async def test_a_head_in_time_is_answered(connection):
    """A head may take nearly all its time, and nothing is left running after it but the wait for the next."""
    await connection.send(GOOD[:5])
    await connection.wait(9.9)
    await connection.send(GOOD[5:])
    assert connection.statuses == [200]
    assert connection.loop.waiting() == [65]


async def test_idle_time_is_longer_than_the_time_of_a_head(connection):
    """A program that polls every minute keeps its connection; its next head has its own ten seconds."""
    for _ in range(3):
        await connection.send(GOOD)
        await connection.wait(60)
    assert connection.statuses == [200, 200, 200]
    await connection.send(GOOD[:5])
    await connection.wait(9.9)
    assert not connection.closed
    await connection.wait(0.2)
    assert connection.statuses == [200, 200, 200, 400]
    assert connection.closed


async def test_an_idle_connection_ends(connection):
    """After 65 quiet seconds a connection is closed without a word."""
    await connection.send(GOOD)
    await connection.wait(64.9)
    assert not connection.closed
    await connection.wait(0.2)
    assert connection.closed
    assert connection.statuses == [200]


async def test_a_slow_answer_is_no_slow_caller(connection):
    """While the application works no time of the caller runs out."""
    connection.release.clear()
    await connection.send(GOOD)
    assert connection.loop.waiting() == []
    await connection.wait(600)
    connection.release.set()
    await connection.settle()
    assert connection.statuses == [200]
    assert not connection.closed


async def test_whole_requests_cost_no_timer_of_ours(connection):
    """A request that comes in one piece starts uvicorn's idle timer and no other."""
    for _ in range(10):
        await connection.send(GOOD)
    assert len(connection.loop.timers) == 1 + 10


async def test_a_head_behind_another_request_waits_its_turn(connection):
    """A head that stays unfinished behind a request at work is refused after that one's answer, not before."""
    connection.release.clear()
    await connection.send(GOOD + GOOD[:5])
    await connection.wait(11)
    await connection.send(GOOD)  # too late: nothing is read any more
    assert connection.statuses == []
    connection.release.set()
    await connection.settle()
    assert connection.statuses == [200, 400]
    assert connection.closed
    assert connection.loop.waiting() == []


async def test_the_limit_of_a_head(connection):
    """A head that goes on past its limit is 431; one that ends below it is none of that."""
    line = b"X: " + b"y" * 995 + b"\r\n"
    assert len(line) == 1000
    await connection.send(GOOD[:-2])
    for _ in range(65):
        await connection.send(line)
    await connection.send(b"\r\n" + GOOD[:-2])
    assert connection.statuses == [200]
    for _ in range(66):
        await connection.send(line)
    assert MAX_HEAD_BYTES == 65_536
    assert connection.statuses == [200, 431]
    assert connection.closed


async def test_a_piece_that_ends_one_head_does_not_count_for_the_next(connection):
    """A large body and the beginning of the next head in one piece are not taken for a large head."""
    body = b"y" * 100_000
    await connection.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n")
    await connection.send(b"\r\n" + body + GOOD[:10])
    await connection.send(GOOD[10:])
    assert connection.statuses == [200, 200]


# --- the body


async def test_a_slow_body_is_refused(connection):
    """A body has thirty seconds from the end of its head; then the application is told that the caller has left, and
    the caller that it was too slow."""
    await connection.send(POST)
    for byte in b"1234":
        await connection.wait(7)
        await connection.send(bytes([byte]))
    assert not connection.closed
    await connection.wait(2.1)
    assert connection.statuses == [400]
    assert connection.message == "The request body did not arrive within 30 seconds."
    assert connection.closed
    assert (connection.asked, connection.left) == ([], 1)


async def test_head_and_body_have_times_of_their_own(connection):
    """Nine seconds of head and twenty-nine of body are no fault."""
    await connection.send(POST[:9])
    await connection.wait(9)
    await connection.send(POST[9:])
    await connection.wait(29)
    await connection.send(b"12345")
    assert connection.statuses == [200]
    assert connection.asked[0][3] == b"12345"


async def test_a_body_that_we_do_not_read_takes_no_time(connection):
    """While the server itself holds the connection back, its caller is not blamed."""
    connection.release.clear()
    await connection.send(GOOD)
    await connection.send(POST.replace(b": 5", b": 100000") + b"x" * 90_000)
    assert not connection.transport.reading
    await connection.wait(300)
    assert not connection.closed
    connection.release.set()
    await connection.settle()
    assert connection.transport.reading
    await connection.send(b"x" * 10_000)
    assert connection.statuses == [200, 200]


async def test_the_body_of_an_answered_request_never_comes(connection):
    """When the answer has long been given, the connection ends without another one."""
    connection.reads_body = False
    await connection.send(POST)
    assert connection.statuses == [200]
    await connection.wait(31)
    assert connection.statuses == [200]
    assert connection.closed


@pytest.mark.parametrize("expectation", [b"Expect: 100-continue\r\n", b""])
async def test_an_early_answer_to_an_expectation_ends_the_connection(connection, expectation):
    """After a final answer instead of 100 nobody knows whether the body comes: what follows is read as nothing. A
    body that was promised without asking is read, and forgotten."""
    connection.reads_body = False
    await connection.send(POST[:-2] + expectation + b"\r\n")
    assert connection.statuses == [200]
    assert connection.closed is bool(expectation)
    if not expectation:
        await connection.send(b"12345" + GOOD)
        assert connection.statuses == [200, 200]


async def test_100_is_said_once_and_only_to_who_asks(connection):
    """A body that is waited for is asked for, once."""
    await connection.send(POST[:-2] + b"Expect: 100-Continue\r\n\r\n")
    assert connection.statuses == [100]
    await connection.send(b"12")
    await connection.send(b"345" + POST)
    assert connection.statuses == [100, 200]


@pytest.mark.parametrize(
    "rest",
    [b"1;" + b"x" * 60_000, b"0\r\n" + b"X: y\r\n" * 10_000, b"0\r\nX: " + b"y" * 60_000],
    ids=["chunk extension", "trailers", "trailer"],
)
@pytest.mark.long
async def test_what_is_no_body_cannot_grow_for_ever(connection, rest):
    """Chunk extensions and trailers without end stop at a bound of bytes on the wire."""
    await connection.send(CHUNKED + rest)
    sent = len(rest)
    piece = b"X: y\r\n" * 10_000 if rest.endswith(b"X: y\r\n") else b"x" * 60_000
    while not connection.closed:
        await connection.send(piece)
        sent += len(piece)
        assert sent < MAX_WIRE_BYTES + 200_000
    assert sent > MAX_WIRE_BYTES
    assert connection.statuses == [413]
    assert connection.asked == []


async def test_a_trailer_is_no_header(connection):
    """What follows a chunked body reaches no application."""
    await connection.send(CHUNKED + b"1\r\na\r\n0\r\nX-Evil: 1\r\nHost: y\r\n\r\n")
    assert connection.asked == [("POST", "/", {b"host": b"x", b"transfer-encoding": b"chunked"}, b"a")]


async def test_a_broken_body_is_refused_once(connection):
    """A bad chunk ends the request: one answer, and the application is told that nobody waits for its own."""
    await connection.send(CHUNKED + b"1\r\na\r\n")
    await connection.send(b"zz\r\n")
    assert (connection.statuses, connection.closed) == ([400], True)
    assert (connection.asked, connection.left) == ([], 1)


async def test_a_broken_body_of_an_answered_request(connection):
    """A bad chunk after the answer ends the connection without a second answer."""
    connection.reads_body = False
    await connection.send(CHUNKED)
    await connection.send(b"zz\r\n")
    assert (connection.statuses, connection.closed) == ([200], True)


async def test_a_broken_body_while_its_answer_is_being_written(connection):
    """A bad chunk behind half an answer spoils neither the answer nor the order: it is written, and is the last."""
    connection.reads_body = False
    connection.protocol.data_received(CHUNKED)
    original = connection.transport.write

    def write(data):  # the caller's bytes come between head and body of the answer
        original(data)
        if data.startswith(b"HTTP/1.1 200"):
            connection.protocol.data_received(b"zz\r\n")

    connection.transport.write = write
    await connection.settle()
    assert connection.statuses == [200]
    assert connection.transport.written.endswith(b"<ok/>")
    assert connection.closed


# --- pipelining


async def test_garbage_behind_a_request_is_answered_behind_it(connection):
    """What cannot be read does not overtake the answer to what could."""
    connection.release.clear()
    await connection.send(GOOD + GOOD + b"\0\0\0\r\n\r\n")
    assert (connection.statuses, connection.closed) == ([], False)
    connection.release.set()
    await connection.settle()
    assert (connection.statuses, connection.closed) == ([200, 200, 400], True)


async def test_a_broken_body_behind_a_request_is_answered_behind_it(connection):
    """The application never sees a queued request whose body is broken."""
    connection.release.clear()
    await connection.send(GOOD + CHUNKED + b"zz\r\n")
    assert connection.statuses == []
    connection.release.set()
    await connection.settle()
    assert (connection.statuses, connection.closed) == ([200, 400], True)
    assert [method for method, *_ in connection.asked] == ["GET"]


async def test_requests_ahead_of_their_answers_are_bounded(connection):
    """So many requests may wait; one more is refused, after the answers to the others."""
    connection.release.clear()
    await connection.send(GOOD * (MAX_PIPELINED + 3))
    connection.release.set()
    await connection.settle()
    for _ in range(MAX_PIPELINED):
        await connection.settle()
    assert connection.statuses == [200] * (MAX_PIPELINED + 1) + [400]
    assert connection.message == "Too many requests came ahead of their answers."
    assert connection.closed


async def test_a_caller_that_leaves_is_noticed_by_all_its_requests(connection):
    """Nothing is written for requests at work, or waiting, when their connection is lost."""
    connection.release.clear()
    await connection.send(GOOD + GOOD)
    connection.transport.abort()
    connection.protocol.connection_lost(ConnectionResetError())
    connection.release.set()
    await connection.settle()
    assert connection.transport.written == b""
    assert len(connection.asked) == 1


async def test_an_offer_of_another_protocol_is_the_last_request(connection):
    """The parser reads nothing behind an Upgrade, so its answer closes the connection instead of leaving it deaf."""
    await connection.send(GOOD[:-2] + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + GOOD)
    assert (connection.statuses, connection.closed) == ([200], True)
    assert b"connection: close" in connection.transport.written


# --- the answer


async def test_a_caller_that_does_not_read_is_cut_off(connection):
    """A connection full of unread answers has a minute; reading gives it a new one the next time."""
    protocol = connection.protocol
    await connection.send(GOOD)
    protocol.pause_writing()
    await connection.wait(59)
    protocol.resume_writing()
    await connection.wait(2)
    assert not connection.transport.aborted
    protocol.pause_writing()
    await connection.wait(60.1)
    assert connection.transport.aborted
    protocol.connection_lost(None)


@pytest.mark.parametrize("last", [b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"\0\r\n\r\n", GOOD])
async def test_the_end_does_not_wait_for_who_does_not_read(connection, last):
    """Closing waits for what was written to be read: for a minute, not for ever."""
    connection.transport.greedy = False
    await connection.send(last)
    if last is GOOD:
        await connection.wait(65.1)
    assert connection.closed
    connection.protocol.pause_writing()
    connection.protocol.resume_writing()  # half of it was read, and then no more
    await connection.wait(60.1)
    assert connection.transport.aborted
    connection.protocol.connection_lost(None)


async def test_limits_are_those_of_the_server():
    """Each second can be set."""
    connection = Connection(head_seconds=1, body_seconds=2, send_seconds=3)
    assert connection.loop.waiting() == [1]
    await connection.send(POST)
    assert connection.loop.waiting() == [2]
    connection.protocol.pause_writing()
    assert connection.loop.waiting() == [2, 3]
    connection.protocol.connection_lost(None)
    assert connection.loop.waiting() == []
    await connection.settle()


# --- many connections


def some(count, **limits):
    """Connections of one server."""
    first = Connection(**limits)
    return [first, *(Connection(beside=first) for _ in range(count - 1))]


async def leave(*connections):
    for one in connections:
        one.protocol.connection_lost(None)
        await one.settle()
        assert not one.loop.waiting(), "a timer outlives its connection"
    assert not connections[0].state.connections
    assert not connections[0].protocol.silent


async def test_who_has_been_silent_for_longest_makes_room():
    """Another connection than there may be closes the one that has waited for longest, without a word, and only
    that one."""
    first, second, third = some(3, connections=3)
    await first.send(GOOD)  # so the second has been silent for longer
    fourth = Connection(beside=first)
    assert [one.closed for one in (first, second, third, fourth)] == [False, True, False, False]
    assert second.transport.written == b""
    second.protocol.connection_lost(None)
    fifth = Connection(beside=first)
    assert [one.closed for one in (first, third, fourth, fifth)] == [False, True, False, False]
    for one in (first, fourth, fifth):
        await one.send(GOOD)
        assert one.statuses[-1] == 200
    await leave(first, third, fourth, fifth)


async def test_half_a_head_is_silence():
    """A connection that drips its head is none that is at work."""
    first, second = some(2, connections=2)
    second.release.clear()
    await second.send(GOOD)
    await first.send(GOOD[:-2])
    third = Connection(beside=first)
    assert [one.closed for one in (first, second, third)] == [True, False, False]
    second.release.set()
    await second.settle()
    assert second.statuses == [200]
    await leave(first, second, third)


async def test_half_a_body_is_silence():
    """A connection whose body does not come makes room as well, but is told why: it may belong to a program."""
    first, second = some(2, connections=2)
    await first.send(POST + b"1234")
    await second.send(GOOD)
    third = Connection(beside=first)
    assert [one.closed for one in (first, second, third)] == [True, False, False]
    assert first.statuses == [503]
    assert "Too many connections" in first.message
    await leave(first, second, third)


async def test_room_is_made_of_who_does_not_read_as_well():
    """A silent connection that has not taken its last answer is cut off when its time is over."""
    (first,) = some(1, connections=1)
    first.transport.greedy = False
    await first.send(GOOD)
    second = Connection(beside=first)
    assert first.closed
    assert not second.closed
    await first.wait(59.9)
    assert not first.transport.aborted
    await first.wait(0.2)
    assert first.transport.aborted
    await leave(first, second)


async def test_who_is_at_work_is_not_closed():
    """When all are at work a new caller is told to come again, in MWS XML, and the others get their answers."""
    first, second = some(2, connections=2)
    for one in (first, second):
        one.release.clear()
        await one.send(POST + b"12345" if one is second else GOOD)
    third = Connection(beside=first)
    assert third.statuses == [503]
    assert "Too many connections" in third.message
    assert third.closed
    third.protocol.connection_lost(None)
    for one in (first, second):
        one.release.set()
        await one.settle()
    assert [one.statuses for one in (first, second)] == [[200], [200]]
    assert not first.closed
    fourth = Connection(beside=first)
    assert [one.closed for one in (first, second, fourth)] == [True, False, False]
    await leave(first, second, fourth)


async def test_requests_ahead_are_work():
    """Between two answers of requests that came together a connection is not silent."""
    (only,) = some(1, connections=1)
    only.release.clear()
    await only.send(GOOD * 2)
    for answered in ([], [200]):
        assert only.statuses == answered
        assert not only.protocol.silent
        only.release.set()  # for the one that waits, and not for the next
        only.release.clear()
        await only.settle()
    assert only.statuses == [200, 200]
    assert list(only.protocol.silent) == [only.protocol]
    await leave(only)


async def test_each_server_has_connections_of_its_own():
    """What is silent at one server makes no room at another one."""
    (first,) = some(1, connections=1)
    (other,) = some(1, connections=1)
    second = Connection(beside=other)
    assert [one.closed for one in (first, other, second)] == [False, True, False]
    await leave(first)
    await leave(other, second)
