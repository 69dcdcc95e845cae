"""The board as Prometheus reads it."""

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric

from bridge import VERSION
from bridge.watch.figures import BOUNDS
from bridge.watch.view import Histogram, View

__all__ = ["render_metrics"]

_ENDS = (*map(str, BOUNDS), "+Inf")  # as OpenMetrics spells them: 1.0


def render_metrics(view: View, accept: str) -> tuple[bytes, str]:
    """The exposition and its content type: OpenMetrics or Prometheus text, as the Accept header asks for it."""
    registry = CollectorRegistry()
    registry.register(_Collector(view))
    try:
        encode, content_type = choose_encoder(accept)
    except (TypeError, ValueError):  # a version that is no number
        encode, content_type = choose_encoder("")
    return encode(registry), content_type


class _Collector:
    def __init__(self, view: View) -> None:
        self._view = view

    def collect(self) -> Iterator[Metric]:
        view = self._view
        yield _counter(
            "requests",
            "Requests answered, by MWS operation and MWS error code (OK: success).",
            ("operation", "code"),
            (((operation, code or "OK"), count) for (operation, code), count in view.requests.items()),
        )
        yield _histogram("request_seconds", "Seconds from a request's arrival to its answer.", view.seconds)
        yield _counter(
            "upstream_calls",
            "Requests to SP-API and for its tokens (LWA: Login with Amazon), by HTTP status (none: no answer came).",
            ("operation", "status"),
            view.upstream.items(),
        )
        yield _histogram(
            "upstream_seconds",
            "Seconds that SP-API, or whoever gives its tokens, took to answer.",
            view.upstream_seconds,
        )
        waited = "Seconds that requests waited for their turn in a usage plan, and for nothing else."
        yield CounterMetricFamily("mws_bridge_usage_plan_wait_seconds", waited, view.waited)
        yield _counter(
            "order_cache",
            "Orders answered from what is kept (hit) and asked for upstream (miss).",
            ("result",),
            ((("hit",), view.hits), (("miss",), view.misses)),
        )
        yield _counter(
            "authentication_failures",
            "Requests of callers that did not show who they are, by MWS error code.",
            ("code",),
            (((code,), count) for code, count in view.refusals.items()),
        )
        corrupted = "NextTokens that could not be opened."
        yield CounterMetricFamily("mws_bridge_next_token_failures", corrupted, view.next_token)
        yield _counter(
            "request_bytes",
            "Bytes of queries and bodies in, of answers out.",
            ("direction",),
            ((("in",), view.bytes_in), (("out",), view.bytes_out)),
        )
        yield from self._gauges()

    def _gauges(self) -> Iterator[Metric]:
        view = self._view
        yield _gauge(
            "bucket_tokens",
            "Tokens left in a seller's usage plan; below zero when requests wait.",
            ("seller", "operation"),
            (
                ((seller_id, operation), tokens)
                for seller_id, state in view.sellers.items()
                for operation, tokens in state.buckets.items()
            ),
        )
        yield _gauge(
            "token_age_seconds",
            "Age of a seller's access token; it is renewed before an hour is over.",
            ("seller",),
            (((id_,), state.token_age) for id_, state in view.sellers.items() if state.token_age is not None),
        )
        yield _gauge("in_flight", "Requests being answered now.", (), (((), view.in_flight),))
        yield _gauge("workers", "Worker processes that report.", (), (((), len(view.workers)),))
        if view.store in {"shared", "alone"}:
            shared = "1: all workers use the shared store; 0: it is gone and each goes on alone. Absent without one."
            yield _gauge("store_shared", shared, (), (((), view.store == "shared"),))
        faulty = "Faults of the configuration: what has them is not taken over."
        yield _gauge("configuration_faults", faulty, (), (((), len(view.configuration_faults)),))
        yield _gauge("build_info", "The version that runs.", ("version",), (((VERSION,), 1),))


def _counter(
    name: str, help_: str, labels: tuple[str, ...], samples: Iterable[tuple[tuple[str, ...], float]]
) -> CounterMetricFamily:
    family = CounterMetricFamily(f"mws_bridge_{name}", help_, labels=labels)
    for values, count in samples:
        family.add_metric(values, count)
    return family


def _gauge(
    name: str, help_: str, labels: tuple[str, ...], samples: Iterable[tuple[tuple[str, ...], float]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"mws_bridge_{name}", help_, labels=labels)
    for values, level in samples:
        family.add_metric(values, level)
    return family


def _histogram(name: str, help_: str, histograms: Mapping[str, Histogram]) -> HistogramMetricFamily:
    family = HistogramMetricFamily(f"mws_bridge_{name}", help_, labels=("operation",))
    for operation, histogram in histograms.items():
        total, buckets = 0, []
        for end, count in zip(_ENDS, histogram.counts, strict=True):
            total += count
            buckets.append((end, float(total)))
        family.add_metric((operation,), buckets, histogram.total)
    return family
