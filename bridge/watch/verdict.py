"""The board in plain words: is all well, and if not, what is wrong and what helps."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from bridge.watch.figures import Mishap
from bridge.watch.meanings import Meaning, meaning_of
from bridge.watch.view import Gauges, View

__all__ = [
    "Finding",
    "Group",
    "Verdict",
    "clock_time",
    "counted",
    "duration",
    "grouped",
    "judge",
    "some_sellers",
    "why_degraded",
]

#: ``bad``: somebody has to act; ``warn``: it runs, and somebody should know.
Level = Literal["fine", "warn", "bad"]

#: Seconds for which an error is news.
_NEWS = 900
#: Seconds without a report after which a worker is missed.
_SILENCE = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be. ``note``: how often and whom it hits; ``details``: one by one, where
    there are several."""

    level: Level
    text: str
    remedy: str = ""
    note: str = ""
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Errors that mean the same, the latest first."""

    meaning: Meaning
    code: str
    mishaps: tuple[Mishap, ...]

    def sellers(self) -> tuple[str, ...]:
        """The sellers that they hit, each once."""
        return tuple(dict.fromkeys(mishap.seller_id for mishap in self.mishaps if mishap.seller_id))


@dataclass(frozen=True, slots=True)
class Verdict:
    """``level`` is the worst of the findings', which come worst first."""

    level: Level
    headline: str
    findings: tuple[Finding, ...]


def judge(view: View, why: tuple[str, ...] = ()) -> Verdict:
    """What to tell an operator. ``why``: what the process says of itself beyond what the board knows."""
    known = [*_of_the_house(view)]
    told = {finding.text for finding in known}
    found = [Finding("bad", text) for text in why if text not in told] + known + [*_of_requests(view)]
    bad = [finding for finding in found if finding.level == "bad"]
    warn = [finding for finding in found if finding.level == "warn"]
    if bad:
        headline = counted(len(bad), "thing needs attention", "things need attention")
        return Verdict("bad", headline, (*bad, *warn))
    if warn:
        return Verdict("warn", f"It runs, with {counted(len(warn), 'thing', 'things')} to know", tuple(warn))
    if not any(minute.requests for minute in view.minutes):
        return Verdict("fine", "All is quiet", ())
    return Verdict("fine", "All is well", ())


def why_degraded(view: Gauges) -> tuple[str, ...]:
    """What is wrong with the bridge itself, though it answers: for whoever asks whether it is ready."""
    return tuple(finding.text for finding in _of_the_house(view))


def _of_the_house(view: Gauges) -> Iterable[Finding]:
    if not view.workers:
        yield Finding("bad", "No worker reports.", "Look at the log: it says why they do not start.")
    if view.store == "alone":
        since = clock_time(view.store_since, view.at)
        yield Finding(
            "bad",
            f"The shared store has been out of reach since {since}. Each worker goes on alone, with its own share of "
            "the usage plans.",
            "Bring the store back, or correct its address (the setting state). The workers find it again themselves.",
            f"for {duration(view.at - view.store_since)}",
        )
    for worker in view.workers:
        silence = view.at - worker.heard
        if silence >= _SILENCE:
            yield Finding(
                "bad",
                f"Worker {worker.name} has not reported since {clock_time(worker.heard, view.at)}.",
                "It hangs, or the machine is overloaded. Restart mws-bridge if it stays.",
                f"for {duration(silence)}",
            )
    if view.configuration_faults:
        faults = counted(len(view.configuration_faults), "fault", "faults")
        yield Finding(
            "bad",
            f"{faults} in the configuration: nothing new from there is in force.",
            "Correct what is said below; such files are read again by themselves.",
            details=view.configuration_faults,
        )


def _of_requests(view: View) -> Iterable[Finding]:
    for group in grouped(mishap for mishap in view.mishaps if view.at - mishap.at < _NEWS):
        times = counted(len(group.mishaps), "time", "times")
        hit = group.sellers()
        note = f"{group.code} · {times} in {_NEWS // 60} minutes{f' · {some_sellers(hit)}' if hit else ''}"
        level: Level = "bad" if group.meaning.urgency == "operator" else "warn"
        yield Finding(level, group.meaning.meaning, group.meaning.remedy, note)


def some_sellers(sellers: tuple[str, ...]) -> str:
    """``seller A``, ``sellers A, B, C and 1,200 more``."""
    named = ", ".join(sellers[:3])
    more = f" and {len(sellers) - 3:,} more" if len(sellers) > 3 else ""
    return f"{'seller' if len(sellers) == 1 else 'sellers'} {named}{more}"


def grouped(mishaps: Iterable[Mishap]) -> tuple[Group, ...]:
    """Errors by what they mean, in the order in which each kind first comes."""
    groups: dict[tuple[str, Meaning], list[Mishap]] = {}
    for mishap in mishaps:
        groups.setdefault((mishap.code, meaning_of(mishap.code, mishap.reason)), []).append(mishap)
    return tuple(Group(meaning, code, tuple(found)) for (code, meaning), found in groups.items())


def counted(count: int, one: str, many: str) -> str:
    """``1 time``, ``1,200 times``."""
    return f"{count:,} {one if count == 1 else many}"


def clock_time(at: float, now: float, *, seconds: bool = False) -> str:
    """The time in UTC, with the date when it is another day than ``now``."""
    moment, today = datetime.fromtimestamp(at, UTC), datetime.fromtimestamp(now, UTC).date()
    text = f"{moment:%H:%M:%S}" if seconds else f"{moment:%H:%M}"
    return text if moment.date() == today else f"{moment:%Y-%m-%d} {text}"


def duration(seconds: float) -> str:
    """Seconds in the largest unit that tells enough: ``45 s``, ``28 min``, ``3 h``, ``2 days``."""
    for most, unit, name in ((90, 1, "s"), (5400, 60, "min"), (172_800, 3600, "h")):
        if seconds < most:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds / 86_400:.0f} days"
