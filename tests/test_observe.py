"""The log line of a request: complete, of one line, readable by machines, at the right level; and every other line
of the process, as text and as JSON."""

import dataclasses
import json
import logging
import shlex
import sys
from collections.abc import Iterator

import pytest

from bridge.observe import JsonLines, RequestEvent, TextLines, emit_to_log, is_error, log_event, start_logging
from bridge.upstream.journal import UpstreamCall

LOGGER = "mws_bridge.requests"

EVENT = RequestEvent(
    request_id="6f1c",
    method="POST",
    operation="ListOrders",
    seller_id="A1SELLER",
    access_key_id="AKIA1",
    status=200,
    code="",
    reason="",
    faults=(),
    upstream=(UpstreamCall("getOrders", 200, "req-1", 0.2), UpstreamCall("getOrders", 0, "", 0.1)),
    waited=0.0,
    seconds=0.31249,
    bytes_in=311,
    bytes_out=9585,
)
FAILURE = EVENT._replace(operation="", seller_id="", access_key_id="", upstream=(), waited=1.5)


def logged(caplog: pytest.LogCaptureFixture, event: RequestEvent, level: int = logging.INFO) -> logging.LogRecord:
    """The one record that an event makes."""
    caplog.clear()
    with caplog.at_level(level, logger=LOGGER):
        log_event(event)
    (record,) = caplog.records
    return record


def fields(line: str) -> dict[str, str]:
    """The pairs of a line, as a reader of key=value logs takes them."""
    return dict(pair.split("=", 1) for pair in shlex.split(line))


def test_a_success(caplog: pytest.LogCaptureFixture) -> None:
    """An answered request is one INFO line with everything that is known of it, and nothing that is empty."""
    record = logged(caplog, EVENT)
    assert record.levelno == logging.INFO
    assert record.getMessage() == (
        "id=6f1c operation=ListOrders seller=A1SELLER key=AKIA1 status=200 ms=312.5 in=311 out=9585 "
        "upstream=getOrders:200:req-1,getOrders:0:-"
    )


@pytest.mark.parametrize(
    ("status", "code", "level"),
    [
        (200, "", logging.INFO),
        (503, "RequestThrottled", logging.INFO),
        (400, "InvalidParameterValue", logging.WARNING),
        (403, "SignatureDoesNotMatch", logging.WARNING),
        (499, "Any", logging.WARNING),
        (500, "InternalError", logging.ERROR),
        (503, "ServiceUnavailable", logging.ERROR),
    ],
)
def test_levels(caplog: pytest.LogCaptureFixture, status: int, code: str, level: int) -> None:
    """Success and throttling are INFO, the caller's mistakes WARNING, what failed behind the door ERROR."""
    record = logged(caplog, FAILURE._replace(status=status, code=code))
    assert record.levelno == level


def test_a_failure_explains_itself(caplog: pytest.LogCaptureFixture) -> None:
    """Code, reason and waiting time are told; several faults are listed, a single one is the reason already."""
    event = FAILURE._replace(
        status=400, code="InvalidParameterValue", reason="first wrong", faults=("first wrong", "second")
    )
    told = fields(logged(caplog, event).getMessage())
    assert told == {
        "id": "6f1c",
        "operation": "-",
        "seller": "-",
        "key": "-",
        "status": "400",
        "code": "InvalidParameterValue",
        "ms": "312.5",
        "waited_ms": "1500",
        "in": "311",
        "out": "9585",
        "reason": "first wrong",
        "faults": "first wrong | second",
    }
    alone = event._replace(faults=("first wrong",))
    assert "faults" not in fields(logged(caplog, alone).getMessage())


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("plain", "reason=plain"),
        ("two words", 'reason="two words"'),
        ("a=b", 'reason="a=b"'),
        ('x" status=200 id="forged', "reason=\"x' status=200 id='forged\""),
        ('"', 'reason="\'"'),
        ("it's", 'reason="it\'s"'),
        ("back\\slash here", 'reason="back/slash here"'),
        ("new\nline\r\x00\u2028\x1b[31m", "reason=new?line????[31m"),
        ("é漢", "reason=é漢"),
        ("x" * 600, "reason=" + "x" * 500),
    ],
)
def test_one_value_stays_one_value(caplog: pytest.LogCaptureFixture, reason: str, told: str) -> None:
    """Whatever a caller wrote that a reason repeats, the event stays one line, and its other pairs stay what they
    are."""
    line = logged(caplog, FAILURE._replace(status=400, code="C", reason=reason)).getMessage()
    assert line.endswith(f" {told}")
    assert line.isprintable()
    assert fields(line)["status"] == "400"
    assert fields(line)["id"] == "6f1c"


def test_what_nobody_reads_is_not_made(caplog: pytest.LogCaptureFixture) -> None:
    """Below the logger's level nothing is written."""
    caplog.clear()
    with caplog.at_level(logging.ERROR, logger=LOGGER):
        log_event(EVENT)
    assert caplog.records == []


def test_an_event_has_no_room_for_values() -> None:
    """The fields of an event are ids, names, numbers and explanations: none for parameters, bodies or headers."""
    assert set(RequestEvent._fields) == {
        *("request_id", "method", "operation", "seller_id", "access_key_id", "status", "code", "reason", "faults"),
        *("upstream", "waited", "seconds", "bytes_in", "bytes_out", "hits", "misses", "address", "token_calls"),
    }
    assert {field.name for field in dataclasses.fields(UpstreamCall)} == {
        "operation",
        "status",
        "request_id",
        "seconds",
        "started",
    }


def test_the_address_is_told_to_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """The caller's address is in no line and no repr."""
    event = FAILURE._replace(address="203.0.113.9", status=403, code="SignatureDoesNotMatch")
    assert "203.0.113.9" not in logged(caplog, event).getMessage()
    assert "203.0.113.9" not in json_line(caplog, event)
    assert "203.0.113.9" not in repr(event)


def test_orders_that_were_kept(caplog: pytest.LogCaptureFixture) -> None:
    """How many orders were answered from what is kept is told where there were any."""
    told = fields(logged(caplog, EVENT._replace(hits=7, misses=2)).getMessage())
    assert (told["hits"], told["misses"]) == ("7", "2")


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [(200, "", False), (503, "RequestThrottled", False), (400, "NextTokenCorrupted", True), (503, "Any", True)],
)
def test_what_counts_as_an_error(status: int, code: str, *, error: bool) -> None:
    """Whatever is no success is an error, but for throttling: that is how a usage plan is kept."""
    assert is_error(EVENT._replace(status=status, code=code)) is error


# --- as JSON --------------------------------------------------------------------------------------------------------


def json_line(caplog: pytest.LogCaptureFixture, event: RequestEvent) -> str:
    """The line that an event makes where JSON is chosen."""
    written: list[str] = []
    with caplog.at_level(logging.INFO, logger=LOGGER):
        emit_to_log("json", write=written.append, now=lambda: 1_795_313_585.25)(event)
    (line,) = written
    assert line.endswith("\n")
    return line[:-1]


def test_text_is_one_of_the_two() -> None:
    """``log_event`` is what writes text."""
    assert emit_to_log("text") is log_event


def test_a_success_as_json(caplog: pytest.LogCaptureFixture) -> None:
    """An answered request is one JSON object with everything that is known of it, and nothing that is empty."""
    assert json.loads(json_line(caplog, EVENT)) == {
        "time": "2026-11-22T02:13:05.250Z",
        "level": "INFO",
        "logger": LOGGER,
        "id": "6f1c",
        "operation": "ListOrders",
        "seller": "A1SELLER",
        "key": "AKIA1",
        "status": 200,
        "ms": 312.5,
        "bytes_in": 311,
        "bytes_out": 9585,
        "upstream": [
            {"operation": "getOrders", "status": 200, "request_id": "req-1", "ms": 200.0},
            {"operation": "getOrders", "status": 0, "ms": 100.0},
        ],
    }


def test_calls_for_tokens(caplog: pytest.LogCaptureFixture) -> None:
    """What was asked for tokens stands apart from what was asked for orders, in either form."""
    event = EVENT._replace(upstream=(), token_calls=(UpstreamCall("LWA", 400, "", 0.25),))
    told = fields(logged(caplog, event).getMessage())
    assert told["tokens"] == "LWA:400:-"
    assert "upstream" not in told
    told = json.loads(json_line(caplog, event))
    assert told["tokens"] == [{"operation": "LWA", "status": 400, "ms": 250.0}]
    assert "upstream" not in told


def test_a_failure_as_json(caplog: pytest.LogCaptureFixture) -> None:
    """An error has its code, its reason and its faults; waiting and what was kept are told where there was any."""
    event = FAILURE._replace(
        status=400,
        code="InvalidParameterValue",
        reason="first",
        faults=("first", "second"),
        hits=3,
        misses=1,
    )
    told = json.loads(json_line(caplog, event))
    assert (
        told.items()
        >= {
            "level": "WARNING",
            "code": "InvalidParameterValue",
            "reason": "first",
            "waited_ms": 1500,
            "hits": 3,
            "misses": 1,
        }.items()
    )
    assert told["faults"] == ["first", "second"]
    assert told.keys() & {"seller", "key", "operation", "upstream"} == set()
    assert "faults" not in json.loads(json_line(caplog, event._replace(faults=("first",))))


@pytest.mark.parametrize(
    "reason", ["new\nline\r\x00\u2028\x85\x1b[31m", '"}{"forged":1', "\ud800 alone", "é漢", "x" * 600]
)
def test_one_event_is_one_line_of_json(caplog: pytest.LogCaptureFixture, reason: str) -> None:
    """Whatever a caller wrote that a reason repeats, the line is one of printable ASCII, and the reason can be read
    back."""
    event = FAILURE._replace(status=400, code="C", reason=reason, faults=(reason, reason))
    line = json_line(caplog, event)
    assert line.isascii()
    assert line.isprintable()
    told = json.loads(line)
    assert told["reason"] == reason[:500]
    assert told["faults"] == [reason[:500]] * 2
    assert told["id"] == "6f1c"


def test_json_that_nobody_reads_is_not_made(caplog: pytest.LogCaptureFixture) -> None:
    """Below the logger's level nothing is written."""
    written: list[str] = []
    emit = emit_to_log("json", write=written.append)
    with caplog.at_level(logging.ERROR, logger=LOGGER):
        emit(EVENT)
        assert written == []
        emit(EVENT._replace(status=500, code="InternalError"))
    assert [json.loads(line)["level"] for line in written] == ["ERROR"]


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_795_313_585.9996, "2026-11-22T02:13:05.999Z"),
        (1_795_313_586.0, "2026-11-22T02:13:06.000Z"),
    ],
)
def test_the_time_of_a_line(caplog: pytest.LogCaptureFixture, at: float, text: str) -> None:
    """Milliseconds are cut off, so that no line is later than it was."""
    written: list[str] = []
    with caplog.at_level(logging.INFO, logger=LOGGER):
        emit_to_log("json", write=written.append, now=lambda: at)(EVENT)
    assert json.loads(written[0])["time"] == text


def test_an_event_shows_no_address() -> None:
    """The caller's address is for counting only."""
    assert "192.0.2.1" not in repr(EVENT._replace(address="192.0.2.1"))
    assert "ListOrders" in repr(EVENT)


# --- every line of the process --------------------------------------------------------------------------------------


def record_of(message: str, *args: object, failure: BaseException | None = None) -> logging.LogRecord:
    """A record as some logger makes it."""
    info = (type(failure), failure, failure.__traceback__) if failure else None
    return logging.LogRecord("some.logger", logging.ERROR, __file__, 1, message, args, info)


def failing() -> ValueError:
    """An exception that repeats a value."""
    try:
        int("private value")
    except ValueError as error:
        return error
    raise AssertionError


def test_any_line_as_json() -> None:
    """Whatever is logged by whomever is an object of time, level, logger and message."""
    told = json.loads(JsonLines().format(record_of("%s was said\nby %d", "something", 2)))
    assert told.pop("time").endswith("Z")
    assert told == {"level": "ERROR", "logger": "some.logger", "message": "something was said\nby 2"}
    assert json.loads(JsonLines().format(record_of("%(a)s", {"a": 1})))["message"] == "1"


def test_any_line_as_text() -> None:
    """As text it is one printable line, whatever was put into it."""
    line = TextLines().format(record_of("%s was\nsaid", "\x1b[31msomething"))
    assert line.endswith(" ERROR some.logger ?[31msomething was?said")
    assert line.isprintable()


def test_an_exception_tells_class_and_place() -> None:
    """Of an exception a line tells the class and the places it went through, never the message."""
    record = record_of("it failed", failure=failing())
    told = json.loads(JsonLines().format(record))
    assert told["message"] == "it failed"
    assert told["exception"]["class"] == "ValueError"
    (place,) = told["exception"]["at"]
    assert place.startswith(f"{__name__}.failing:")
    line = TextLines().format(record)
    assert line.endswith(f" it failed exception=ValueError at={place}")
    assert "private" not in line + json.dumps(told)


def test_a_deep_exception_tells_its_innermost_places() -> None:
    """Of a traceback without end the last twenty places are told."""

    def deeper(left: int) -> None:
        if not left:
            raise ValueError
        deeper(left - 1)

    try:
        deeper(40)
    except ValueError as error:
        record = record_of("it failed", failure=error)
    places = json.loads(JsonLines().format(record))["exception"]["at"]
    assert len(places) == 20
    assert all(".deeper:" in place for place in places)


def test_no_exception_is_no_exception() -> None:
    """``exc_info`` outside of an exception adds nothing."""
    record = record_of("plain")
    record.exc_info = (None, None, None)
    assert json.loads(JsonLines().format(record)).keys() == {"time", "level", "logger", "message"}


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, which is put back as it was."""
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    yield logger
    logger.handlers[:], logger.level = handlers, level


@pytest.mark.parametrize("format_", ["text", "json"])
def test_logging_to_stderr(root: logging.Logger, monkeypatch: pytest.MonkeyPatch, capsys, format_: str) -> None:
    """What was chosen is how every line of the process is written; the libraries that would log whole URLs are kept
    quiet."""
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    start_logging("info", format_)
    emit_to_log(format_)(EVENT)
    logging.getLogger("httpx").info("GET https://h/?BuyerEmail=private")
    logging.getLogger("uvicorn.access").info("GET /?BuyerEmail=private")
    logging.getLogger("mws_bridge").debug("a detail")
    logging.getLogger("mws_bridge").info("ours")
    request, ours = capsys.readouterr().err.splitlines()
    if format_ == "json":
        assert json.loads(request)["operation"] == "ListOrders"
        assert json.loads(ours)["message"] == "ours"
    else:
        assert fields(request.partition(f"{LOGGER} ")[2])["operation"] == "ListOrders"
        assert ours.endswith(" INFO mws_bridge ours")
