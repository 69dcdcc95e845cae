"""The status page: one HTML document that asks for nothing, runs no script, and says first what is wrong."""

import base64
import hashlib
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from html import escape
from importlib.resources import files
from math import ceil

from bridge import VERSION
from bridge.upstream.plans import OPERATIONS
from bridge.watch.figures import BOUNDS, Activity
from bridge.watch.plot import render_plot
from bridge.watch.survey import SellerState
from bridge.watch.verdict import Finding, Group, clock_time, counted, duration, grouped, judge, some_sellers
from bridge.watch.view import Histogram, View

__all__ = ["MOST_SELLERS", "STYLE_DIGEST", "render_locked", "render_page"]

MOST_SELLERS = 200
#: Seconds between two looks of a page that is left open.
_REFRESH = 30

_STYLE = files(__package__).joinpath("status.css").read_text(encoding="utf-8")
#: What the policy of the page allows to style it: exactly this text.
STYLE_DIGEST = f"sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}"

_NOBODY = Activity(0, 0, 0, 0.0)
_STORES = {
    None: ("unknown", "no worker has reported"),
    "memory": ("own memory", "one process needs no other"),
    "shared": ("shared", "all workers use it"),
    "alone": ("out of reach", "each worker goes on alone"),
}
#: Where a long name may go on in the next line.
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WHO = {"operator": "Yours to mend", "amazon": "Amazon’s to mend", "caller": "For the program’s owner"}


def render_page(view: View, why: tuple[str, ...] = ()) -> str:
    """The page. ``why``: what the process says of itself beyond what the board knows."""
    verdict = judge(view, why)
    body = "".join(
        (
            '<header><p class="about">',
            f"<span><b>mws-bridge</b> {_text(VERSION)}</span>",
            f"<span>{clock_time(view.at, view.at, seconds=True)} UTC, read again every {_REFRESH} s</span></p>",
            f'<h1 class="{verdict.level}">{_text(verdict.headline)}</h1></header><main>',
            *_findings(verdict.findings),
            *_facts(view),
            "<section><h2>Requests a minute</h2>",
            *render_plot(view.minutes, view.at),
            "</section>",
            *_errors("Last errors", grouped(view.mishaps), view),
            *_errors("Turned away at the door", grouped(view.strangers), view),
            *_sellers(view),
            "</main><footer>",
            f"Times are UTC. Counted since {clock_time(view.since, view.at)}",
            ' (<a href="/metrics">/metrics</a>).</footer>',
        )
    )
    return _document(f"{verdict.headline} – mws-bridge", body, refresh=True)


def render_locked() -> str:
    """What is shown where no token is configured, and so nobody can show one."""
    return _document(
        "Closed – mws-bridge",
        '<main class="locked"><h1 class="warn">This page is closed</h1><p>It tells about sellers, so it opens only '
        "to whoever shows a token, and none is set. Set one in the settings and restart mws-bridge:</p>"
        '<pre>[admin]\ntoken = { env = "MWS_BRIDGE_ADMIN_TOKEN" }</pre>'
        "<p>Then come back: any user name will do, and the token is the password. Prometheus sends it as a bearer. "
        "<code>/healthz</code> and <code>/readyz</code> are open to everybody.</p></main>",
    )


def _document(title: str, body: str, *, refresh: bool = False) -> str:
    again = f'<meta http-equiv="refresh" content="{_REFRESH}">' if refresh else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark">{again}<title>{_text(title)}</title>'
        f"<style>{_STYLE}</style></head><body>{body}</body></html>"
    )


def _text(text: str) -> str:
    """Text for the page, whoever wrote it; what cannot be seen, or turns the writing round, is shown as ``?``."""
    return escape("".join(character if character.isprintable() else "?" for character in text))


def _findings(findings: tuple[Finding, ...]) -> Iterator[str]:
    if not findings:
        return
    yield '<ul class="findings">'
    for finding in findings:
        yield f'<li class="{finding.level}"><b>{_text(finding.text)}</b>'
        if finding.remedy:
            yield f"<p>{_text(finding.remedy)}</p>"
        yield "".join(f"<code>{_text(detail)}</code>" for detail in finding.details)
        if finding.note:
            yield f'<p class="note">{_text(finding.note)}</p>'
        yield "</li>"
    yield "</ul>"


# --- facts ----------------------------------------------------------------------------------------------------------


def _facts(view: View) -> Iterator[str]:
    requests, throttled, errors = (sum(numbers) for numbers in zip(*view.minutes, strict=True))
    store, meaning = _STORES[view.store]
    asked = view.hits + view.misses
    draining = sum(worker.draining for worker in view.workers)
    calls = sum(view.upstream.values())
    facts = (
        ("Requests", f"{requests:,}", "in the last hour", False),
        ("Errors", f"{errors:,}", f"and {throttled:,} throttled, in the last hour", errors > 0),
        ("Answer time", _within(view.seconds.values()), "for 95 of 100 requests", False),
        ("Amazon’s time", _within(view.upstream_seconds.values()), f"for 95 of 100, of {calls:,}", False),
        ("In flight", f"{view.in_flight:,}", "requests at this moment", False),
        ("Workers", f"{len(view.workers):,}", f"{draining} about to stop" if draining else "all at work", False),
        ("Store", store, f"{meaning}{_since(view)}", view.store == "alone"),
        ("Orders kept", f"{view.hits / asked:.0%}" if asked else "–", _saved(view.hits, asked), False),
    )
    yield '<dl class="facts">'
    for name, value, note, bad in facts:
        yield f"<div{' class=bad' if bad else ''}><dt>{name}</dt><dd>{value}</dd><dd>{note}</dd></div>"
    yield "</dl>"


def _since(view: View) -> str:
    return f", since {clock_time(view.store_since, view.at)}" if view.store == "alone" else ""


def _saved(hits: int, asked: int) -> str:
    return f"{hits:,} of {asked:,} spared Amazon a question" if asked else "none was asked for yet"


def _within(histograms: Iterable[Histogram]) -> str:
    """The end of the bucket that holds the 95th of 100."""
    counts = [sum(column) for column in zip(*(histogram.counts for histogram in histograms), strict=True)]
    if not counts:
        return "–"
    ends = [sum(counts[: place + 1]) for place in range(len(counts))]
    place = bisect_left(ends, ends[-1] * 0.95)
    if place == len(BOUNDS):
        return f"over {BOUNDS[-1]:g} s"
    bound = BOUNDS[place]
    return f"≤ {bound:g} s" if bound >= 1 else f"≤ {bound * 1000:g} ms"


# --- errors ---------------------------------------------------------------------------------------------------------


def _errors(title: str, groups: tuple[Group, ...], view: View) -> Iterator[str]:
    if not groups:
        return
    yield f"<section><h2>{title}</h2>"
    for group in groups:
        latest, first = group.mishaps[0], group.mishaps[-1]
        times = counted(len(group.mishaps), "time", "times")
        sellers = f" · {some_sellers(hit)}" if (hit := group.sellers()) else ""
        when = f"{times}, last at {clock_time(latest.at, view.at, seconds=True)}"
        if len(group.mishaps) > 1:
            when += f", first at {clock_time(first.at, view.at, seconds=True)}"
        yield f'<div class="group"><h3><span class="code">{_text(group.code)}</span>'
        yield f"{_text(group.meaning.meaning)}</h3>"
        yield f"<p>{_text(group.meaning.remedy)}</p>"
        yield f'<p class="note">{_WHO[group.meaning.urgency]} · {when}{_text(sellers)}</p>'
        yield '<details><summary>One by one</summary><table class="cards each"><thead><tr><th scope=col>Time'
        yield "<th scope=col>Seller<th scope=col>Operation<th scope=col>Status<th scope=col>Reason, request id"
        yield "</thead><tbody>"
        for mishap in group.mishaps:
            yield f"<tr><td class=time>{clock_time(mishap.at, view.at, seconds=True)}"
            yield f"<td>{_text(mishap.seller_id) or '–'}<td>{_text(mishap.operation) or '–'}<td>{mishap.status}"
            yield f"<td>{_text(mishap.reason)}<small class=mono>{_text(mishap.request_id)}</small>"
        yield "</tbody></table></details></div>"
    yield "</section>"


# --- sellers --------------------------------------------------------------------------------------------------------


def _sellers(view: View) -> Iterator[str]:
    ids = sorted({*view.activity, *view.sellers}, key=lambda seller_id: _order(view, seller_id))
    yield "<section><h2>Sellers of the last hour</h2>"
    if not ids:
        yield '<p class="note">None has asked for anything.</p></section>'
        return
    yield '<table class="cards sellers"><thead><tr><th scope=col>Seller<th scope=col class=number>Requests'
    yield "<th scope=col>Served from<th scope=col>Left of the usage plans<th scope=col class=number>Token age"
    yield "</thead><tbody>"
    for seller_id in ids[:MOST_SELLERS]:
        state = view.sellers.get(seller_id)
        yield f"<tr><th scope=row>{_text(seller_id)}"
        yield from _requests(view.activity.get(seller_id, _NOBODY), view.at)
        yield from _state(state) if state else ("<td>–<td>–<td class=number data-name='Token age'>–",)
    yield "</tbody></table>"
    if left := ids[MOST_SELLERS:]:
        with_errors = sum(view.activity.get(seller_id, _NOBODY).errors > 0 for seller_id in left)
        yield f'<p class="note">… and {counted(len(left), "more seller", "more sellers")}, '
        yield f"{f'{with_errors:,} of them' if with_errors else 'none'} with errors.</p>"
    yield "</section>"


def _order(view: View, seller_id: str) -> tuple[int, int, str]:
    """Those with errors first, then the busiest."""
    activity = view.activity.get(seller_id, _NOBODY)
    return -activity.errors, -activity.requests, seller_id


def _requests(activity: Activity, now: float) -> Iterator[str]:
    yield f'<td class=number data-name="Requests">{activity.requests:,}'
    if activity.errors:
        yield f'<small class="wrong">{counted(activity.errors, "error", "errors")}</small>'
    if activity.throttled:
        yield f"<small>{activity.throttled:,} throttled</small>"
    if activity.last:
        yield f"<small>last {clock_time(activity.last, now)}</small>"


def _state(state: SellerState) -> Iterator[str]:
    yield f"<td>Orders {_text(state.upstream)}<small>{_text(state.why)}</small><td>"
    if state.buckets:
        yield '<ul class="levels">'
        for name, tokens in state.buckets.items():
            yield from _level(name, tokens)
        yield "</ul>"
    age = "–" if state.token_age is None else duration(state.token_age)
    yield f'<td class=number data-name="Token age">{age}'


def _level(name: str, tokens: float) -> Iterator[str]:
    burst = OPERATIONS[name].burst if name in OPERATIONS else max(tokens, 1.0)
    share = min(max(tokens / burst, 0.0), 1.0)
    low = " class=low" if tokens < 1 else ""
    told = f"{tokens:.0f} of {burst:g}" if tokens >= 0 else f"{ceil(-tokens)} waiting"
    yield f"<li{low}><span>{_HUMP.sub('<wbr>', _text(name))} <b>{told}</b></span>"
    yield '<svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
    yield f'<rect width="{share * 100:.3g}" height="1"/></svg></li>'
