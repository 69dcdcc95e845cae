"""What deploy/README.md is made of by cog: real lines of the log, real commands, and tables of settings, variables,
metrics, alerts and errors, from the code and the files that say them."""

import contextlib
import inspect
import io
import logging
import os
import shlex
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import annotated_types
import yaml
from prometheus_client.parser import text_string_to_metric_families
from pydantic.fields import FieldInfo

from bridge import keys
from bridge.cli import keys as keys_verb
from bridge.cli import main
from bridge.endpoint.app import MAX_BODY_BYTES
from bridge.endpoint.limits import Limits
from bridge.endpoint.protocol import MAX_HEAD_BYTES, MAX_PIPELINED, ServerLimits
from bridge.observe import RequestEvent, TextLines, emit_to_log
from bridge.settings import AdminSettings, OrderCacheSettings, ServerSettings, Settings, UpstreamSettings
from bridge.settings.environment import _VARIABLES as VARIABLES
from bridge.settings.environment import PREFIX
from bridge.upstream.journal import UpstreamCall
from bridge.watch.meanings import MEANINGS
from bridge.watch.metrics import render_metrics
from tests.documents.tables import _table as table
from tests.watch.sample import busy

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
#: The moment at which everything in the guide happens.
NOW = datetime(2026, 11, 22, 2, 13, 5, tzinfo=UTC)

# --- settings -------------------------------------------------------------------------------------------------------

_TABLES: dict[str, type[Any]] = {
    "": Settings,
    "server": ServerSettings,
    "admin": AdminSettings,
    "upstream": UpstreamSettings,
    "order_cache": OrderCacheSettings,
}
#: What each setting is for. The tables of accounts are shown in README.md and MIGRATION.md.
_WORDS = {
    "state": "the store that all share: `redis://`, `valkey://`, `rediss://` (TLS), `unix://`; a secret",
    "accounts": "the directory of files with sellers and keys, relative to this file",
    "server.host": "where the endpoint listens",
    "server.port": "0 takes a free one",
    "server.hosts": "more names that programs may have signed, beside the one they call and Amazon’s",
    "server.accept_deviant_signatures": "wrong encodings that are accepted too, see MIGRATION.md",
    "server.strict_status_pair": "refuse Unshipped without PartiallyShipped",
    "server.token_keys": "seal NextTokens and the store; the first seals, all open; needed with `state`",
    "server.log_level": "`debug`, `info`, `warning`, `error`",
    "server.log_format": "`text`, `json`",
    "server.workers": "processes that serve; more than one need `state`",
    "server.certificate": "a chain in PEM: the bridge speaks TLS itself",
    "server.private_key": "its key in PEM, without a pass phrase",
    "server.head_seconds": "in which the head of a request must have come, and a TLS handshake",
    "server.body_seconds": "in which its body must have come",
    "server.send_seconds": "in which a caller must go on reading its answer",
    "server.connections": "at a time, of one process; for more, the one that is idle for longest is closed",
    "server.in_flight": "requests at work in one process; more are told ServiceUnavailable",
    "server.in_flight_per_seller": "of these, of one seller; more are told RequestThrottled",
    "server.trusted_proxies": "addresses and networks whose X-Forwarded-For is believed",
    "admin.host": "where the status page and the metrics are; other than loopback needs a token",
    "admin.port": "0 takes a free one",
    "admin.token": "opens the status page and the metrics; without it they are closed",
    "upstream.deadline": "seconds for a request, all its calls of Amazon together",
    "upstream.connect_timeout": "seconds for a connection to Amazon",
    "upstream.read_timeout": "seconds for an answer of Amazon",
    "upstream.attempts": "how often a call is tried that Amazon fails",
    "upstream.max_wait": "seconds to wait for a turn in the usage plan, before RequestThrottled",
    "upstream.v0_until": "when Amazon removes Orders v0",
    "upstream.lwa_url": "Login with Amazon",
    "upstream.origins": "SP-API’s addresses by region, where they are not Amazon’s",
    "order_cache.megabytes": "memory for kept orders in each process; 0 keeps none",
    "order_cache.fresh": "seconds for which a kept order is as good as a new one",
    "order_cache.stale": "seconds for which a kept listing serves instead of RequestThrottled",
}


def settings() -> str:
    """Every setting that is not about accounts: default, bounds, what it is for."""
    rows = []
    told = dict(_WORDS)
    for name, model in _TABLES.items():
        for field, info in model.model_fields.items():
            place = f"{name}.{field}" if name else field
            if place in _TABLES or (not name and field in ("application", "seller", "access_key", "revoked")):
                continue
            rows.append((f"`{place}`", _default(info), _bounds(info), told.pop(place)))
    assert not told, f"there is no such setting: {', '.join(told)}"
    return table(("setting", "default", "from, to", ""), rows)


def _default(info: FieldInfo) -> str:
    value = info.get_default(call_default_factory=True)
    if value is None or value in ((), {}):
        return "—"
    if isinstance(value, bool):
        return f"`{value}`".lower()
    if isinstance(value, datetime):
        return f"`{value:%Y-%m-%d}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _bounds(info: FieldInfo) -> str:
    least = most = ""
    for rule in info.metadata:
        if isinstance(rule, annotated_types.Ge):
            least = f"{rule.ge:g}"
        elif isinstance(rule, annotated_types.Gt):
            least = f"over {rule.gt:g}"
        elif isinstance(rule, annotated_types.Le):
            most = f"{rule.le:,}"
    return f"{least}, {most}" if most else ""


def fixed_limits() -> str:
    """The limits that no setting changes."""
    defaults = {name: one.default for name, one in inspect.signature(Limits).parameters.items()}
    rows = (
        ("the head of a request: request line and headers", f"{MAX_HEAD_BYTES:,} bytes"),
        ("its body", f"{MAX_BODY_BYTES:,} bytes"),
        ("all bodies together that are still coming in", f"{defaults['body_bytes']:,} bytes"),
        ("requests on one connection ahead of their answers", f"{MAX_PIPELINED}"),
        ("a connection on which nothing is asked", f"{ServerLimits().idle_seconds} s"),
        ("failed signatures in a minute from one address that are answered at once", f"{defaults['free_failures']}"),
        ("the delay of further ones", f"{defaults['delay']:g} s, doubled up to {defaults['longest_delay']:g} s"),
    )
    return table(("what", "limit"), rows)


def environment() -> str:
    """Every variable that configures one seller, and the setting that it is."""
    rows = []
    for one in VARIABLES:
        either = f"`{PREFIX}{one.name}` or `…_FILE`" if one.secret else f"`{PREFIX}{one.name}`"
        setting = ".".join(str(step) for step in one.location if step != 0)
        rows.append((either, f"`{setting}`", "needed" if one.needed else ""))
    return table(("variable", "setting", ""), rows)


# --- commands -------------------------------------------------------------------------------------------------------

_CONFIGURATION = """\
accounts = "sellers.d"
[[application]]
client_id = "amzn1.application-oa2-client.example"
client_secret = "an example"
"""
_SELLER = """\
[[seller]]
seller_id = "A1EXAMPLESELLER"
refresh_token = "an example"
marketplaces = ["ATVPDKIKX0DER"]
"""


@contextlib.contextmanager
def _agency() -> Iterator[None]:
    """A directory with a configuration and one seller, in which we stand; chance and clock stand still."""
    chance = iter(range(256))

    def random_bytes(count: int) -> bytes:
        return bytes((next(chance) * 37 + 11) % 256 for _ in range(count))

    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        mock.patch.dict(os.environ, {"PATH": os.environ["PATH"], "NO_COLOR": "1"}, clear=True),
        mock.patch.object(keys_verb, "_now", return_value=NOW),
        mock.patch.object(keys_verb, "new_pair", partial(keys.new_pair, random_bytes)),
    ):
        Path("mws-bridge.toml").write_text(_CONFIGURATION)
        Path("sellers.d").mkdir()
        Path("sellers.d/a1example.toml").write_text(_SELLER)
        yield


def session(*lines: str) -> str:
    """Command lines of ``mws-bridge``, one after the other in a small agency's directory, and what they print. FIRST
    stands for the id of the first key that was made."""
    parts: list[str] = []
    first = ""
    with _agency():
        for line in lines:
            words = [word.replace("FIRST", first) for word in shlex.split(line)]
            told = io.StringIO()
            with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
                code = main(words[1:])
            assert code == 0, told.getvalue()
            printed = "\n".join(row.rstrip() for row in told.getvalue().splitlines())
            first = first or next(row.split()[-1] for row in printed.splitlines() if row.startswith("access key"))
            parts.append(f"$ {shlex.join(words)}\n{printed}\n")
    return "```console\n" + "\n".join(parts) + "```"


# --- logs -----------------------------------------------------------------------------------------------------------

_EVENT = RequestEvent(
    request_id="6f1c0b0e-5a52-4a5e-9d53-6f7f3b8f0c11",
    method="POST",
    operation="ListOrderItems",
    seller_id="A1EXAMPLESELLER",
    access_key_id="AKIAIMPORT0000000001",
    status=401,
    code="AccessDenied",
    reason="the seller's refresh token is not valid any more: authorise the application again "
    "(seller A1EXAMPLESELLER, invalid_grant)",
    faults=(),
    upstream=(),
    token_calls=(UpstreamCall("LWA", 400, "b3b5-example", 0.2817),),
    waited=0.0,
    seconds=0.2839,
    bytes_in=311,
    bytes_out=412,
)


def log_lines() -> str:
    """One event as a line in either format."""
    return f"```\n{log_line('text')}\n```\n\n```json\n{log_line('json')}\n```"


def log_line(chosen: str) -> str:
    """The line of an event."""
    records: list[logging.LogRecord] = []
    written: list[str] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[assignment,method-assign]
    log = logging.getLogger("mws_bridge.requests")
    with (
        mock.patch.object(log, "handlers", [handler]),
        mock.patch.object(log, "propagate", False),
        mock.patch.object(log, "level", logging.INFO),
        mock.patch.object(log, "isEnabledFor", return_value=True),
    ):
        if chosen == "json":
            emit_to_log("json", write=written.append, now=lambda: NOW.timestamp() + 0.1234)(_EVENT)
            return written[0].rstrip()
        emit_to_log("text")(_EVENT)
    (record,) = records
    record.created = NOW.timestamp() + 0.123
    record.msecs = 123.0
    formatter = TextLines()
    formatter.converter = time.gmtime
    return formatter.format(record)


# --- metrics and alerts ---------------------------------------------------------------------------------------------


def metrics() -> str:
    """Every metric: name, kind, labels, help text."""
    return table(
        ("metric", "kind", "labels", ""),
        [
            (f"`{name}`", kind, ", ".join(f"`{label}`" for label in labels), help_)
            for name, kind, labels, help_ in exposed()
        ],
    )


def exposed() -> list[tuple[str, str, tuple[str, ...], str]]:
    """Name, kind, labels and help of every metric of a bridge that has seen everything."""
    content, _ = render_metrics(busy().view(), "text/plain")
    found = []
    for family in text_string_to_metric_families(content.decode()):
        labels = {label: None for sample in family.samples for label in sample.labels if label != "le"}
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found.append((name, family.type, tuple(labels), family.documentation))
    return found


def alerts() -> str:
    """Every alert of deploy/alerts.yml."""
    rows = []
    for rule in rules():
        words = rule["annotations"]["summary"].replace("{{ $labels.instance }}", "a bridge")
        words = words[0].upper() + words[1:]
        rows.append((rule["alert"], rule["labels"]["severity"], words, rule["annotations"]["remedy"]))
    return table(("alert", "severity", "it says", "what helps"), rows)


def rules() -> list[dict[str, Any]]:
    """The rules of deploy/alerts.yml."""
    (group,) = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


# --- errors ---------------------------------------------------------------------------------------------------------

_WHOSE = {"operator": "yours", "amazon": "Amazon’s", "caller": "the program’s owner’s"}


def errors() -> str:
    """What errors mean, whose they are to mend, and how."""
    rows = [(f"`{row.code}`", row.meaning, _WHOSE[row.urgency], row.remedy) for row in MEANINGS]
    return table(("code", "it means", "to mend", "what helps"), rows)
