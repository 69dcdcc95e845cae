"""Requests a minute as a plot: bars in an SVG that stretches, labels as text beside it, numbers in a table."""

from collections.abc import Iterator, Sequence

from bridge.watch.figures import MINUTE, Minute
from bridge.watch.verdict import clock_time, counted

__all__ = ["render_plot"]

#: Minutes in a row of the table.
_STEP = 5
#: Height of the plot in its own units; a bar is 1 wide.
_HEIGHT = 100.0
#: A bar of few is seen beside a bar of thousands.
_LEAST = 1.5


def render_plot(minutes: Sequence[Minute], now: float) -> Iterator[str]:
    """HTML of the plot. The last of ``minutes`` is the one of ``now`` (unix seconds), and not over."""
    top = _top(max(minute.requests for minute in minutes))
    requests, throttled, errors = (sum(numbers) for numbers in zip(*minutes, strict=True))
    told = (
        f"{counted(requests, 'request', 'requests')} in the last hour, {throttled:,} throttled, "
        f"{counted(errors, 'error', 'errors')}; at most {max(minute.requests for minute in minutes):,} a minute."
    )
    yield '<ul class="legend">'
    for name, count in (("answered", requests - throttled - errors), ("throttled", throttled), ("errors", errors)):
        yield f'<li><i class="{name}"></i>{name} <b>{count:,}</b></li>'
    yield '</ul><div class="plot"><div class="scale" aria-hidden="true">'
    yield "".join(f"<span>{level:,}</span>" for level in (top, top // 2, 0))
    yield f'</div><svg viewBox="0 0 {len(minutes)} {_HEIGHT:g}" preserveAspectRatio="none" role="img" '
    yield 'aria-labelledby="plot-title plot-desc"><title id="plot-title">Requests a minute</title>'
    yield f'<desc id="plot-desc">{told}</desc>'
    yield "".join(f'<path class="grid" d="M0 {y:g}H{len(minutes)}"/>' for y in (0, _HEIGHT / 2, _HEIGHT))
    yield from _bars(minutes, top)
    yield '</svg><div class="times" aria-hidden="true">'
    quarter = len(minutes) * MINUTE / 4
    yield "".join(f"<span>{clock_time(now - quarter * part, now)}</span>" for part in (4, 3, 2, 1))
    yield "<span>now</span></div></div>"
    yield from _table(minutes, now)


def _top(most: int) -> int:
    """The end of the scale: an even number of tens, hundreds …, so that its half is a round number too."""
    scale = 1
    while True:
        for factor in (2, 4, 6, 8, 10):
            if factor * scale >= most:
                return factor * scale
        scale *= 10


def _bars(minutes: Sequence[Minute], top: int) -> Iterator[str]:
    # Errors stand on the ground line, where few are seen as well as many.
    paths: dict[str, list[str]] = {"errors": [], "throttled": [], "answered": []}
    for place, minute in enumerate(minutes):
        ground = _HEIGHT
        answered = minute.requests - minute.throttled - minute.errors
        for name, count in (("errors", minute.errors), ("throttled", minute.throttled), ("answered", answered)):
            if count:
                height = min(max(count / top * _HEIGHT, _LEAST), ground)
                paths[name].append(f"M{place + 0.1:g} {ground:.4g}h.8v-{height:.4g}h-.8z")
                ground -= height
    for name, parts in paths.items():
        if parts:
            yield f'<path class="{name}" d="{"".join(parts)}"/>'


def _table(minutes: Sequence[Minute], now: float) -> Iterator[str]:
    yield "<details><summary>The numbers</summary><table><thead><tr><th scope=col>From (UTC)"
    yield "<th scope=col class=number>Requests<th scope=col class=number>Throttled<th scope=col class=number>Errors"
    yield "</thead><tbody>"
    begin = (now // MINUTE - len(minutes) + 1) * MINUTE
    for first in reversed(range(0, len(minutes), _STEP)):
        numbers = [sum(values) for values in zip(*minutes[first : first + _STEP], strict=True)]
        cells = "".join(f"<td class=number>{number:,}" for number in numbers)
        yield f"<tr><th scope=row>{clock_time(begin + first * MINUTE, now)}{cells}"
    yield "</tbody></table></details>"
