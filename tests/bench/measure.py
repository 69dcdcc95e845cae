"""Interleaved timing: every variant once a round, so that a noisy moment meets all of them."""

import statistics
import time
from collections.abc import Callable, Mapping


def interleave(
    variants: Mapping[str, Callable[[], object]], *, rounds: int, repeat: int = 1
) -> dict[str, list[float]]:
    """Seconds of CPU for one call of each variant, by round. A first round warms up and is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds + 1):
        for name, run in variants.items():
            started = time.process_time()
            for _ in range(repeat):
                run()
            if number:
                seconds[name].append((time.process_time() - started) / repeat)
    return seconds


def report(title: str, seconds: Mapping[str, list[float]], *, ours: str, peer: str, wanted: float) -> None:
    """Print each variant's median and spread in microseconds, and the ratio of peer to ours by round."""
    print(title)
    for name, values in seconds.items():
        low, middle, high = (1e6 * value for value in (min(values), statistics.median(values), max(values)))
        print(f"  {name:<44} {middle:10.1f} µs   ({low:.1f} to {high:.1f})")
    ratios = [one / other for one, other in zip(seconds[peer], seconds[ours], strict=True)]
    low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
    print(f"  {peer} / {ours}: {middle:.2f} ×   ({low:.2f} to {high:.2f}); wanted: at least {wanted} ×")
