"""What Prometheus reads, read by its own parsers."""

from importlib.metadata import version

import pytest
from prometheus_client import REGISTRY
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from bridge.upstream.journal import UpstreamCall
from bridge.watch.board import Board
from bridge.watch.counting import Watch
from bridge.watch.metrics import render_metrics
from bridge.watch.survey import Survey
from tests.watch.sample import EVENT, HOSTILE, Clock, busy, failure, quiet, state, stranger

OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"


def samples(view, accept="", parse=parse_text):
    """Every sample by name and labels."""
    content, _ = render_metrics(view, accept)
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in parse(content.decode())
        for sample in family.samples
    }


def board(store="shared"):
    clock = Clock()
    survey = Survey(
        (state("A1SELLER", buckets={"getOrders": 3.5, "getOrder": -2.0}), state("B", token_age=None)),
        store,
        in_flight=4,
        configuration_faults=("a.toml: bad", "b.toml: bad"),
    )
    watch = Watch(now=clock, survey=lambda: survey)
    watch(EVENT._replace(waited=1.25, hits=7, misses=2))
    watch(EVENT._replace(upstream=(UpstreamCall("getOrders", 0, "", 40.0),), seconds=40.0))
    watch(failure("RequestThrottled"))
    watch(stranger("SignatureDoesNotMatch"))
    watch(EVENT._replace(code="NextTokenCorrupted", status=400, upstream=()))
    return Board(now=clock, own=watch)


@pytest.mark.parametrize(("accept", "parse"), [("", parse_text), (OPENMETRICS, parse_openmetrics)])
def test_every_figure_is_there(accept, parse):
    """Every counter, histogram and gauge is exposed under its name and labels, in both formats."""
    found = samples(board().view(), accept, parse)
    expected = {
        ("mws_bridge_requests_total", ("code", "OK"), ("operation", "ListOrders")): 2,
        ("mws_bridge_requests_total", ("code", "RequestThrottled"), ("operation", "ListOrders")): 1,
        ("mws_bridge_requests_total", ("code", "SignatureDoesNotMatch"), ("operation", "other")): 1,
        ("mws_bridge_requests_total", ("code", "NextTokenCorrupted"), ("operation", "ListOrders")): 1,
        ("mws_bridge_request_seconds_bucket", ("le", "0.25"), ("operation", "ListOrders")): 0,
        ("mws_bridge_request_seconds_bucket", ("le", "0.5"), ("operation", "ListOrders")): 3,
        ("mws_bridge_request_seconds_bucket", ("le", "30.0"), ("operation", "ListOrders")): 3,
        ("mws_bridge_request_seconds_bucket", ("le", "+Inf"), ("operation", "ListOrders")): 4,
        ("mws_bridge_request_seconds_count", ("operation", "ListOrders")): 4,
        ("mws_bridge_request_seconds_sum", ("operation", "ListOrders")): pytest.approx(40.93),
        ("mws_bridge_upstream_calls_total", ("operation", "getOrders"), ("status", "200")): 1,
        ("mws_bridge_upstream_calls_total", ("operation", "getOrders"), ("status", "none")): 1,
        ("mws_bridge_upstream_seconds_count", ("operation", "getOrders")): 2,
        ("mws_bridge_usage_plan_wait_seconds_total",): 1.25,
        ("mws_bridge_bucket_tokens", ("operation", "getOrders"), ("seller", "A1SELLER")): 3.5,
        ("mws_bridge_bucket_tokens", ("operation", "getOrder"), ("seller", "A1SELLER")): -2,
        ("mws_bridge_token_age_seconds", ("seller", "A1SELLER")): 1260,
        ("mws_bridge_order_cache_total", ("result", "hit")): 7,
        ("mws_bridge_order_cache_total", ("result", "miss")): 2,
        ("mws_bridge_authentication_failures_total", ("code", "SignatureDoesNotMatch")): 1,
        ("mws_bridge_next_token_failures_total",): 1,
        ("mws_bridge_request_bytes_total", ("direction", "in")): 5 * 311,
        ("mws_bridge_request_bytes_total", ("direction", "out")): 5 * 9585,
        ("mws_bridge_in_flight",): 4,
        ("mws_bridge_workers",): 1,
        ("mws_bridge_store_shared",): 1,
        ("mws_bridge_configuration_faults",): 2,
        ("mws_bridge_build_info", ("version", version("mws-bridge"))): 1,
    }
    assert {name: found.get(name) for name in expected} == expected
    assert ("mws_bridge_token_age_seconds", ("seller", "B")) not in found


def test_buckets_add_up():
    """The counts of a histogram never fall from bucket to bucket, and its last one is its count."""
    content, _ = render_metrics(busy().view(), "")
    for family in parse_text(content.decode()):
        if family.type == "histogram":
            for operation in {sample.labels["operation"] for sample in family.samples}:
                of_it = [sample for sample in family.samples if sample.labels["operation"] == operation]
                counts = [sample.value for sample in of_it if sample.name.endswith("_bucket")]
                (count,) = [sample.value for sample in of_it if sample.name.endswith("_count")]
                assert counts == sorted(counts)
                assert (len(counts), counts[-1]) == (15, count)


def test_every_figure_is_explained():
    """Each family has its type and a sentence, also before anything has happened."""
    content, _ = render_metrics(quiet().view(), "")
    families = list(parse_text(content.decode()))
    assert all(family.documentation.endswith(".") for family in families)
    assert {family.type for family in families} == {"counter", "gauge", "histogram"}
    assert {family.name.removeprefix("mws_bridge_") for family in families} == {
        *("requests", "request_seconds", "upstream_calls", "upstream_seconds", "usage_plan_wait_seconds"),
        *("order_cache", "authentication_failures", "next_token_failures", "request_bytes", "bucket_tokens"),
        *("token_age_seconds", "in_flight", "workers", "configuration_faults", "build_info"),
    }


@pytest.mark.parametrize(("store", "shared"), [("shared", 1), ("alone", 0), ("memory", None)])
def test_the_store(store, shared):
    """Whether the shared store is there is told where there should be one, so that an alarm can be set on it."""
    assert samples(board(store).view()).get(("mws_bridge_store_shared",)) == shared


def test_hostile_labels_stay_labels():
    """Whatever an id holds, the exposition can be parsed, and the id is read back."""
    clock = Clock()
    survey = Survey((state(HOSTILE + '\\"}'),))
    found = samples(Board(now=clock, own=Watch(now=clock, survey=lambda: survey)).view())
    assert ("mws_bridge_token_age_seconds", ("seller", HOSTILE + '\\"}')) in found


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;version=many", "text/plain; version=0.0.4; charset=utf-8"),
        (OPENMETRICS, "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"),
    ],
)
def test_the_format_is_the_one_asked_for(accept, content_type):
    """OpenMetrics goes to whoever asks for it, Prometheus text to all others, also to who asks for nonsense."""
    content, told = render_metrics(quiet().view(), accept)
    assert told == content_type
    assert content.endswith(b"# EOF\n") is ("openmetrics" in content_type)


def test_the_process_has_other_figures_of_its_own():
    """Nothing of ours is in prometheus-client's global registry, which belongs to whoever embeds us."""
    render_metrics(quiet().view(), "")
    assert not any(family.name.startswith("mws_bridge") for family in REGISTRY.collect())
