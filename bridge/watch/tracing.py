"""Whether somebody wants requests as OpenTelemetry spans, and whether that can be had.

The packages are an extra: ``pip install 'mws-bridge[opentelemetry]'``. Where the spans go is said as for every other
program, by OTEL_EXPORTER_OTLP_ENDPOINT and its siblings.
"""

import importlib
import logging
import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.watch.spans import Spans

__all__ = ["tracing"]

_log = logging.getLogger("mws_bridge.tracing")

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_HTTP = "http/protobuf"


def tracing(environ: Mapping[str, str] | None = None, *, now: Callable[[], float] = time.time) -> "Spans | None":
    """What makes spans of events, an Emit that has to be closed; None where nobody asks for it, and, with a line in
    the log, where it cannot be had. ``environ``: the process's own by default; ``now`` gives unix seconds. To be
    called in the process that serves: spans are sent by a thread of its own."""
    environ = os.environ if environ is None else environ
    asked = any(environ.get(name, "").strip() for name in _ENDPOINTS)
    disabled = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if not asked or disabled or environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none":
        return None
    protocol = next((value for name in _PROTOCOLS if (value := environ.get(name, "").strip())), _HTTP)
    if protocol != _HTTP:
        _log.warning("no traces are sent: only %s is to be had, and %s asks for another", _HTTP, _PROTOCOLS[1])
        return None
    try:
        exporters = importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
        spans = importlib.import_module("bridge.watch.spans")
    except ImportError:
        _log.warning("no traces are sent: install what sends them: pip install 'mws-bridge[opentelemetry]'")
        return None
    made: Spans = spans.Spans(exporters.OTLPSpanExporter(), now=now)
    return made
