"""Requests as OpenTelemetry spans: a SERVER span for each, with a CLIENT span for each upstream call.

Needs the extra ``opentelemetry``, and so is imported only when somebody asks for spans. They are made when a request
is over, from its event: it costs nothing more while it is answered, and a span holds nothing that an event does not
hold. Attributes are named by the semantic conventions where these have a name, and ``mws.…`` where they have none.
"""

import logging
import threading
from collections.abc import Callable, Mapping

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, StatusCode, set_span_in_context

from bridge import VERSION
from bridge.observe import RequestEvent, is_error
from bridge.upstream.journal import UpstreamCall

__all__ = ["Spans"]

_Attributes = Mapping[str, str | int | float]

#: Seconds that the end may take.
_PATIENCE = 2.0

_log = logging.getLogger("mws_bridge.tracing")


class Spans:
    """Makes spans of events, when they are over. ``exporter`` gets them in batches, from another thread; ``now``
    gives unix seconds."""

    def __init__(self, exporter: SpanExporter, *, now: Callable[[], float]) -> None:
        ours: dict[str, str | bool | int | float] = {"service.version": VERSION}
        found = Resource.create()  # what the environment says of the service
        if str(found.attributes["service.name"]).startswith("unknown_service"):
            ours["service.name"] = "mws-bridge"
        self._provider = TracerProvider(resource=found.merge(Resource(ours)), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("mws-bridge", VERSION)
        self._now = now

    def __call__(self, event: RequestEvent) -> None:
        """Make the spans of an event."""
        end = self._now()
        start = end - event.seconds
        attributes: _Attributes = {
            "http.request.method": event.method,
            "http.response.status_code": event.status,
            "mws.request_id": event.request_id,
            "mws.operation": event.operation,
            "mws.seller_id": event.seller_id,
            "mws.code": event.code,
            "mws.reason": event.reason,
            "mws.usage_plan_wait_seconds": event.waited,
            "error.type": event.code,
        }
        span = self._start(
            f"{event.method} {event.operation}".rstrip(), SpanKind.SERVER, start, attributes, Context()
        )
        if event.status >= 500 and is_error(event):
            span.set_status(StatusCode.ERROR)
        inside = set_span_in_context(span, Context())
        for method, calls in (("POST", event.token_calls), ("GET", event.upstream)):
            for call in calls:
                # Where it is not known when a call began, it is taken to have ended with the request.
                self._call(method, call, call.started or max(start, end - call.seconds), inside)
        span.end(end_time=_nanoseconds(end))

    def _call(self, method: str, call: UpstreamCall, began: float, inside: Context) -> None:
        failed = not 200 <= call.status < 400
        attributes: _Attributes = {
            "http.request.method": method,
            "http.response.status_code": call.status,
            "mws.upstream.operation": call.operation,
            "mws.upstream.request_id": call.request_id,
            "error.type": (str(call.status) if call.status else "no answer") if failed else "",
        }
        span = self._start(f"{method} {call.operation}", SpanKind.CLIENT, began, attributes, inside)
        if failed:
            span.set_status(StatusCode.ERROR)
        span.end(end_time=_nanoseconds(began + call.seconds))

    def _start(self, name: str, kind: SpanKind, at: float, attributes: _Attributes, context: Context) -> Span:
        return self._tracer.start_span(
            name,
            context=context,
            kind=kind,
            attributes={key: value for key, value in attributes.items() if value},
            start_time=_nanoseconds(at),
        )

    def close(self) -> None:
        """Send what waits, and end the thread that sends. Takes two seconds at most: what is not sent by then is
        lost, with a line in the log. No thread is left that would keep the process from its end."""
        # The SDK's own end has no bound that could be set: it waits for the batch under way, which the exporter tries
        # again and again, and then for all that is queued behind it.
        sending = threading.Thread(target=self._provider.shutdown, name="last spans", daemon=True)
        sending.start()
        sending.join(_PATIENCE)
        if sending.is_alive():
            _log.warning("the last traces are lost: the collector did not take them within %g s", _PATIENCE)


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1_000_000_000)
