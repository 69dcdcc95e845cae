"""The alerts of deploy/alerts.yml: that they ask for what there is, and fire when they should."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge.watch.figures import CODES
from tests.cli.running import PATIENCE
from tests.documents import production
from tests.documents.production import DEPLOY

#: For each alert, series of a bridge that fire it, and when: values a minute, in promtool's notation.
_FIRING: dict[str, tuple[dict[str, str], str]] = {
    "MwsBridgeDown": ({'up{job="mws-bridge",instance="b"}': "0x10"}, "5m"),
    "MwsBridgeWorkersMissing": ({'mws_bridge_workers{instance="b"}': "2x10 1x20"}, "20m"),
    "MwsBridgeStoreGone": ({'mws_bridge_store_shared{instance="b"}': "1x5 0x10"}, "10m"),
    "MwsBridgeConfigurationFaulty": ({'mws_bridge_configuration_faults{instance="b"}': "1x20"}, "10m"),
    "MwsBridgeRefused": (  # the first one ever
        {'mws_bridge_requests_total{instance="b",operation="ListOrders",code="AccessDenied"}': "_x9 1x5"},
        "11m",
    ),
    "MwsBridgeFails": (  # one more
        {'mws_bridge_requests_total{instance="b",operation="GetOrder",code="InternalError"}': "1x20 2x5"},
        "24m",
    ),
    "MwsBridgeUnavailable": (
        {
            'mws_bridge_requests_total{instance="b",operation="ListOrders",code="OK"}': "0+90x40",
            'mws_bridge_requests_total{instance="b",operation="ListOrders",code="ServiceUnavailable"}': "0+6x40",
        },
        "30m",
    ),
    "MwsBridgeThrottled": (
        {
            'mws_bridge_requests_total{instance="b",operation="ListOrders",code="OK"}': "0+4x120",
            'mws_bridge_requests_total{instance="b",operation="ListOrders",code="RequestThrottled"}': "0+5x120",
        },
        "100m",
    ),
    "MwsBridgeSlow": (
        {
            'mws_bridge_request_seconds_bucket{instance="b",operation="GetOrder",le="10.0"}': "0+9x60",
            'mws_bridge_request_seconds_bucket{instance="b",operation="GetOrder",le="30.0"}': "0+10x60",
            'mws_bridge_request_seconds_bucket{instance="b",operation="GetOrder",le="+Inf"}': "0+10x60",
        },
        "40m",
    ),
    "MwsBridgeStrangers": (
        {'mws_bridge_authentication_failures_total{instance="b",code="InvalidAccessKeyId"}': "0+90x60"},
        "50m",
    ),
}
#: What takes a day: values every ten minutes. The bridge was started anew, and nobody has asked since.
_SILENT = ({'mws_bridge_requests_total{instance="b",operation="ListOrders",code="OK"}': "0+10x20 _x140"}, "1530m")
#: A bridge with which all is well.
_WELL = {
    'up{job="mws-bridge",instance="a"}': "1x200",
    'mws_bridge_workers{instance="a"}': "2x200",
    'mws_bridge_store_shared{instance="a"}': "1x200",
    'mws_bridge_configuration_faults{instance="a"}': "0x200",
    'mws_bridge_requests_total{instance="a",operation="ListOrders",code="OK"}': "0+80x200",
    'mws_bridge_requests_total{instance="a",operation="ListOrders",code="RequestThrottled"}': "0+20x200",
    'mws_bridge_requests_total{instance="a",operation="ListOrders",code="ServiceUnavailable"}': "0+1x200",
    'mws_bridge_request_seconds_bucket{instance="a",operation="ListOrders",le="0.5"}': "0+9x200",
    'mws_bridge_request_seconds_bucket{instance="a",operation="ListOrders",le="+Inf"}': "0+9x200",
    'mws_bridge_authentication_failures_total{instance="a",code="InvalidAccessKeyId"}': "0+1x200",
}


def test_alerts_ask_for_metrics_that_there_are() -> None:
    """Every metric, label and MWS code in an alert exists."""
    known = {name: set(labels) for name, _, labels, _ in production.exposed()}
    for rule in production.rules():
        for name, labels in re.findall(r"\b(mws_bridge_\w+)(?:\{([^}]*)\})?", rule["expr"]):
            assert set(re.findall(r"(\w+)=", labels)) <= known[name.removesuffix("_bucket")], name
        assert set(re.findall(r'code="(\w+)"', rule["expr"])) <= CODES
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert set(rule["annotations"]) == {"summary", "remedy"}


def _case(interval: str, series: dict[str, str], expected: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "interval": interval,
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": expected,
    }


def _fires(name: str, at: str) -> dict[str, Any]:
    (rule,) = (rule for rule in production.rules() if rule["alert"] == name)
    told = {key: text.replace("{{ $labels.instance }}", "b") for key, text in rule["annotations"].items()}
    labels = {**rule["labels"], "instance": "b", **({"job": "mws-bridge"} if name == "MwsBridgeDown" else {})}
    return {"eval_time": at, "alertname": name, "exp_alerts": [{"exp_labels": labels, "exp_annotations": told}]}


def _is_quiet(*times: str) -> list[dict[str, Any]]:
    names = [rule["alert"] for rule in production.rules()]
    return [{"eval_time": at, "alertname": name, "exp_alerts": []} for name in names for at in times]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
@pytest.mark.long
def test_alerts_fire_when_they_should(tmp_path: Path) -> None:
    """Prometheus itself fires each alert for what it is about, and none for a bridge with which all is well."""
    assert {*_FIRING, "MwsBridgeSilent"} == {rule["alert"] for rule in production.rules()}
    shutil.copy(DEPLOY / "alerts.yml", tmp_path)
    cases = {
        "1m": [
            _case("1m", _WELL, _is_quiet("3m", "40m", "110m")),
            *(_case("1m", series, [_fires(name, at)]) for name, (series, at) in _FIRING.items()),
        ],
        "10m": [
            _case("10m", _WELL, _is_quiet("1530m")),
            _case("10m", _SILENT[0], [_fires("MwsBridgeSilent", _SILENT[1])]),
        ],
    }
    token = tmp_path / "token"
    token.write_text("a token")
    config = (DEPLOY / "prometheus.yml").read_text()
    (tmp_path / "prometheus.yml").write_text(config.replace("/etc/prometheus/mws_bridge_admin_token", str(token)))
    typed = [["check", "config", "prometheus.yml"]]
    for interval, tests in cases.items():
        written = {"rule_files": ["alerts.yml"], "evaluation_interval": interval, "tests": tests}
        (tmp_path / f"tests{interval}.yml").write_text(yaml.safe_dump(written))
        typed.append(["test", "rules", f"tests{interval}.yml"])
    for words in typed:
        run = subprocess.run(
            ["promtool", *words], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert run.returncode == 0, run.stdout + run.stderr
