"""Requests as OpenTelemetry spans, and that nothing is missed where nobody asks for them."""

import asyncio
import builtins
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from bridge.upstream.journal import UpstreamCall
from bridge.watch.spans import Spans
from bridge.watch.tracing import tracing
from tests.watch.sample import EVENT, NOW, failure, stranger

ASKED = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    """No OTEL_* of the machine that runs the tests."""
    for name in [name for name in __import__("os").environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)


def spans_of(*events):
    """The finished spans of events, by name."""
    exporter = InMemorySpanExporter()
    spans = Spans(exporter, now=lambda: NOW)
    for event in events:
        spans(event)
    spans.close()
    return exporter.get_finished_spans()


def test_calls_for_tokens():
    """They are CLIENT spans as well, of a POST."""
    call = UpstreamCall("LWA", 400, "", 0.25, started=NOW - 0.75)
    first, server = spans_of(EVENT._replace(upstream=(), token_calls=(call,), seconds=1.0))
    assert (first.name, first.attributes["http.request.method"]) == ("POST LWA", "POST")
    assert first.parent.span_id == server.context.span_id


def test_a_request_and_its_calls():
    """A request is a SERVER span from arrival to answer; each upstream call is a CLIENT span inside it, at its own
    time."""
    calls = (
        UpstreamCall("getOrders", 200, "req-1", 0.25, started=NOW - 0.75),
        UpstreamCall("getOrderItems", 429, "req-2", 0.125, started=NOW - 0.5),
    )
    first, second, server = spans_of(EVENT._replace(upstream=calls, seconds=1.0, waited=0.125))
    assert (server.name, server.kind, server.parent) == ("POST ListOrders", SpanKind.SERVER, None)
    assert (server.start_time, server.end_time) == (int((NOW - 1) * 1e9), int(NOW * 1e9))
    assert dict(server.attributes) == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "mws.request_id": "6f1c",
        "mws.operation": "ListOrders",
        "mws.seller_id": "A1SELLER",
        "mws.usage_plan_wait_seconds": 0.125,
    }
    assert server.status.status_code is StatusCode.UNSET
    assert (first.name, first.kind) == ("GET getOrders", SpanKind.CLIENT)
    assert (first.start_time, first.end_time) == (int((NOW - 0.75) * 1e9), int((NOW - 0.5) * 1e9))
    assert dict(first.attributes) == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "mws.upstream.operation": "getOrders",
        "mws.upstream.request_id": "req-1",
    }
    assert {first.parent.span_id, second.parent.span_id} == {server.context.span_id}
    assert {first.context.trace_id, second.context.trace_id} == {server.context.trace_id}
    assert first.status.status_code is StatusCode.UNSET
    assert second.status.status_code is StatusCode.ERROR
    assert second.attributes["error.type"] == "429"


def test_each_request_is_a_trace_of_its_own():
    """Two requests have nothing in common."""
    bare = EVENT._replace(upstream=())
    one, other = spans_of(bare, bare)
    assert one.context.trace_id != other.context.trace_id


@pytest.mark.parametrize(
    ("event", "name", "status"),
    [
        (failure("InternalError"), "POST ListOrders", StatusCode.ERROR),
        (failure("ServiceUnavailable"), "POST ListOrders", StatusCode.ERROR),
        (failure("RequestThrottled"), "POST ListOrders", StatusCode.UNSET),
        (failure("AccessDenied"), "POST ListOrders", StatusCode.UNSET),
        (stranger("InvalidAddress"), "POST", StatusCode.UNSET),
    ],
    ids=lambda value: getattr(value, "code", ""),
)
def test_failures(event, name, status):
    """What failed behind the door is an error of the span; each failure has its code and the reason."""
    (span,) = spans_of(event)
    assert (span.name, span.status.status_code) == (name, status)
    assert span.attributes["error.type"] == span.attributes["mws.code"] == event.code
    assert span.attributes["mws.reason"] == event.reason
    assert ("mws.seller_id" in span.attributes) is bool(event.seller_id)


def test_a_call_without_an_answer():
    """A call without an answer, whose beginning nobody knows, is an error inside the request."""
    child, server = spans_of(EVENT._replace(upstream=(UpstreamCall("getOrder", 0, "", 5.0),), seconds=2.0))
    assert (child.start_time, child.status.status_code) == (server.start_time, StatusCode.ERROR)
    assert child.attributes["error.type"] == "no answer"
    assert "http.response.status_code" not in child.attributes


def test_the_address_is_in_no_span():
    """Spans hold no more than log lines do: the caller's address is not among it."""
    spans = spans_of(EVENT._replace(address="203.0.113.9"))
    assert "203.0.113.9" not in "".join(span.to_json() for span in spans)


@pytest.mark.parametrize(("set_to", "told"), [(None, "mws-bridge"), ("orders of acme", "orders of acme")])
def test_the_name_of_the_service(monkeypatch, set_to, told):
    """The service is called mws-bridge, unless the environment calls it something else."""
    if set_to:
        monkeypatch.setenv("OTEL_SERVICE_NAME", set_to)
    span = spans_of(EVENT)[0]
    assert span.resource.attributes["service.name"] == told
    assert span.resource.attributes["service.version"]


# --- whether anybody asks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": " "},
        {"OTEL_SERVICE_NAME": "x"},
        {**ASKED, "OTEL_SDK_DISABLED": "True"},
        {**ASKED, "OTEL_TRACES_EXPORTER": "none"},
    ],
    ids=str,
)
def test_nobody_asks(environ, caplog):
    """Without an endpoint, or where it is switched off, nothing is made and nothing said."""
    assert tracing(environ) is None
    assert caplog.records == []


def test_the_environment_is_the_processs_own(monkeypatch):
    """Left out, the environment is that of the process."""
    assert tracing() is None
    for name, value in ASKED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert tracing() is None


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"])
def test_another_protocol(name, caplog):
    """A protocol that is not to be had is said, not silently replaced."""
    assert tracing({**ASKED, name: "grpc"}) is None
    assert "only http/protobuf" in caplog.text


@pytest.mark.parametrize("missing", ["opentelemetry.exporter.otlp.proto.http.trace_exporter", "opentelemetry.sdk"])
def test_without_the_packages(missing, monkeypatch, caplog):
    """Without the extra nothing breaks: the log says what to install, once it is asked for, and only then."""
    for name in [
        name for name in sys.modules if name == missing or name.startswith((f"{missing}.", "bridge.watch.spans"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    imported = builtins.__import__

    def refuse(name, *rest, **named):
        if name == missing or name.startswith(f"{missing}."):
            raise ModuleNotFoundError(name)
        return imported(name, *rest, **named)

    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setattr(builtins, "__import__", refuse)
    assert tracing({}) is None
    assert caplog.records == []
    assert tracing(ASKED) is None
    assert "pip install 'mws-bridge[opentelemetry]'" in caplog.text


class Collector:
    """What takes spans over HTTP, on the loopback."""

    def __init__(self):
        self.bodies = []

    async def serve(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
        )
        self.bodies.append((head.split()[1], await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


async def test_spans_arrive(monkeypatch):
    """What is asked for by the environment is sent there, at the latest when it is closed."""
    collector = Collector()
    server = await asyncio.start_server(collector.serve, "127.0.0.1", 0)
    async with server:
        endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        spans = tracing(now=lambda: NOW)
        spans(EVENT)
        await asyncio.to_thread(spans.close)
    ((path, body),) = collector.bodies
    assert path == b"/v1/traces"
    assert b"POST ListOrders" in body
    assert b"mws-bridge" in body


# --- collectors that do not take anything ---------------------------------------------------------------------------


@contextlib.contextmanager
def silent():
    """The origin of a collector that takes every connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def dead():
    """The origin of a collector that is not there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("collector", [silent, dead])
def test_the_end_does_not_wait_for_the_collector(collector, monkeypatch, caplog):
    """Whatever the collector does, also within a batch, the end takes two seconds; the log tells of the loss."""
    monkeypatch.setattr("bridge.watch.spans._PATIENCE", 0.2)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    with collector() as origin:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", origin)
        spans = tracing(now=lambda: NOW)
        spans(EVENT)
        time.sleep(0.1)  # a batch is under way
        spans(EVENT)
        began = time.monotonic()
        spans.close()
        assert 0.15 < time.monotonic() - began < 1.0
        assert "the last traces are lost" in caplog.text
        for thread in threading.enumerate():
            if thread.name == "last spans":  # it must be no other test's company
                thread.join(30)
                assert not thread.is_alive()


_ENDS = """
import time
from bridge.watch.tracing import tracing
from tests.watch.sample import EVENT
spans = tracing()
for _ in range(2000):
    spans(EVENT)
print(time.time(), flush=True)
spans.close()
"""


@pytest.mark.parametrize("collector", [silent, dead])
def test_nothing_keeps_the_process_from_its_end(collector):
    """A process whose collector is silent or gone ends two seconds after it has been told to."""
    with collector() as origin:
        environ = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": origin}
        run = subprocess.run(
            [sys.executable, "-c", _ENDS], env=environ, capture_output=True, text=True, timeout=30, check=True
        )
        ended = time.time()
    assert ended - float(run.stdout) < 4.0  # with what a busy machine takes
