"""The log line of a request: complete, of one line, readable by machines, at the right level."""

import dataclasses
import logging
import shlex

import pytest

from bridge.observe import RequestEvent, log_event
from bridge.upstream.client import UpstreamCall

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
FAILURE = dataclasses.replace(EVENT, operation="", seller_id="", access_key_id="", upstream=(), waited=1.5)


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
    record = logged(caplog, dataclasses.replace(FAILURE, status=status, code=code))
    assert record.levelno == level


def test_a_failure_explains_itself(caplog: pytest.LogCaptureFixture) -> None:
    """Code, reason and waiting time are told; several faults are listed, a single one is the reason already."""
    event = dataclasses.replace(
        FAILURE, status=400, code="InvalidParameterValue", reason="first wrong", faults=("first wrong", "second")
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
    alone = dataclasses.replace(event, faults=("first wrong",))
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
    line = logged(caplog, dataclasses.replace(FAILURE, status=400, code="C", reason=reason)).getMessage()
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
    assert {field.name for field in dataclasses.fields(RequestEvent)} == {
        *("request_id", "method", "operation", "seller_id", "access_key_id", "status", "code", "reason", "faults"),
        *("upstream", "waited", "seconds", "bytes_in", "bytes_out"),
    }
    assert {field.name for field in dataclasses.fields(UpstreamCall)} == {
        "operation",
        "status",
        "request_id",
        "seconds",
    }
