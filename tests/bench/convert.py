"""The converter against xmltodict, as whole processes: seconds of processor time, start included.

``MWS_BENCH_ORDERS`` is how many orders the files have (20,000 by default; the published figures are of 200,000), and
``MWS_BENCH_ROUNDS`` how many rounds are run; ``MWS_BENCH_LARGE`` adds a file of 2 GB to the sizes whose memory is
measured. ``MWS_BENCH_ONLY`` chooses parts: ``canonical``, ``prefixed``, ``other``, ``lines``, ``memory``, ``start``.
With ``--jobs 2`` it is the time that passes that counts, so that figure needs two idle cores.
"""

import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench import feeds
from tests.bench.processes import peak_of, run_command

ORDERS = int(os.environ.get("MWS_BENCH_ORDERS", "20000"))
ROUNDS = int(os.environ.get("MWS_BENCH_ROUNDS", "5"))

_WHOLE = """
import json, sys, xmltodict
with open(sys.argv[1], "rb") as file, open(sys.argv[2], "w") as out:
    out.write(json.dumps(xmltodict.parse(file)))
"""
_STREAM = """
import json, sys, xmltodict
out = open(sys.argv[2], "w")
def put(path, order):
    out.write(json.dumps(order) + "\\n")
    return True
xmltodict.parse(open(sys.argv[1], "rb"), item_depth=4, item_callback=put)
"""
_UNPARSE = """
import json, sys, xmltodict
with open(sys.argv[2], "w") as out:
    for line in open(sys.argv[1]):
        out.write(xmltodict.unparse({"Order": json.loads(line)}, full_document=False, pretty=True) + "\\n")
"""


def _ours(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "bridge", "convert", "--quiet", "--force", *arguments)


def _python(code: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code, *arguments)


def main() -> None:
    parts = {
        "canonical": _canonical,
        "prefixed": _prefixed,
        "other": _other,
        "lines": _lines,
        "memory": _memory,
        "start": _start,
    }
    wanted = os.environ.get("MWS_BENCH_ONLY", ",".join(parts)).split(",")
    print(f"convert: {ORDERS:,} orders, {ROUNDS} rounds; µs of processor time an order")
    with tempfile.TemporaryDirectory() as folder:
        for name in wanted:
            parts[name](Path(folder))


def _canonical(folder: Path) -> None:
    feed, out = _feed(folder, "canonical", feeds.write_canonical)
    seconds, passed = _measure(
        {
            "xmltodict + json": _python(_WHOLE, feed, out),
            "xmltodict streaming + json": _python(_STREAM, feed, out),
            "convert --lines": _ours("--lines", feed, "-o", out),
            "convert --lines --jobs 2": _ours("--lines", "--jobs", "2", feed, "-o", out),
            "convert, one document": _ours(feed, "-o", out),
        }
    )
    _ratio("feeds as MWS wrote them", seconds, "xmltodict + json", "convert --lines", 5.5)
    _ratio("feeds as MWS wrote them", seconds, "xmltodict streaming + json", "convert --lines", 4.5)
    _ratio("two jobs, time passed", passed, "xmltodict + json", "convert --lines --jobs 2", 8)
    _ratio("two jobs, time passed", passed, "xmltodict streaming + json", "convert --lines --jobs 2", 6.5)


def _prefixed(folder: Path) -> None:
    feed, out = _feed(folder, "prefixed", feeds.write_prefixed)
    seconds, _ = _measure(
        {
            "xmltodict + json": _python(_WHOLE, feed, out),
            "convert --lines": _ours("--lines", feed, "-o", out),
        }
    )
    _ratio("feeds with prefixes", seconds, "xmltodict + json", "convert --lines", 4)


def _other(folder: Path) -> None:
    feed, out = _feed(folder, "other", feeds.write_other)
    seconds, _ = _measure(
        {
            "xmltodict + json": _python(_WHOLE, feed, out),
            "xmltodict streaming + json": _python(_STREAM, feed, out),
            "convert --lines": _ours("--lines", feed, "-o", out),
        }
    )
    _ratio("any well-formed feed", seconds, "xmltodict + json", "convert --lines", 4)
    _ratio("any well-formed feed", seconds, "xmltodict streaming + json", "convert --lines", 3.2)


def _lines(folder: Path) -> None:
    feed, out = _feed(folder, "v0-lines", feeds.write_v0_lines)
    seconds, _ = _measure(
        {
            "json + xmltodict.unparse": _python(_UNPARSE, feed, out),
            "convert": _ours(feed, "-o", out),
        }
    )
    _ratio("JSON lines to XML", seconds, "json + xmltodict.unparse", "convert", 7)


def _feed(folder: Path, name: str, write: Callable[[Path, int], int]) -> tuple[str, str]:
    """The feed of that name, written when it is not there, and where to put what comes of it."""
    path = folder / name
    if not path.exists():
        write(path, ORDERS)
    print(f"  {name}: {path.stat().st_size / 1e6:.0f} MB", flush=True)
    return str(path), str(folder / "out")


def _measure(variants: dict[str, tuple[str, ...]]) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """The seconds of processor time, and the seconds that passed, of each command in each round; taken in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    passed: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(ROUNDS):
        for name, command in variants.items():
            processor, wall = run_command(*command)
            seconds[name].append(processor)
            passed[name].append(wall)
    for name, values in seconds.items():
        low, middle, high = (1e6 * value / ORDERS for value in (min(values), statistics.median(values), max(values)))
        print(f"    {name:<40} {middle:8.1f} µs   ({low:.1f} to {high:.1f})")
    return seconds, passed


def _ratio(title: str, seconds: dict[str, list[float]], peer: str, ours: str, wanted: float) -> None:
    ratios = [one / other for one, other in zip(seconds[peer], seconds[ours], strict=True)]
    low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
    print(f"    {title}: {middle:.2f} × {peer}   ({low:.2f} to {high:.2f}); wanted: at least {wanted} ×", flush=True)


def _memory(folder: Path) -> None:
    """Peak memory by size of the input: the same file once, and with its orders written many times."""
    small, large = Path(_feed(folder, "canonical", feeds.write_canonical)[0]), folder / "large.xml"
    sizes = [small]
    for times in (4, round(2e9 / small.stat().st_size)) if os.environ.get("MWS_BENCH_LARGE") else (4,):
        path = large.with_stem(f"large-{times}")
        _repeat(small, path, times)
        sizes.append(path)
    for path in sizes:
        for jobs in ("1", "2"):
            command = ("convert", "--quiet", "--force", "--lines", "--jobs", jobs, str(path), "-o", os.devnull)
            _, own, worker = peak_of(*command)
            workers = f", its largest worker {worker:.1f} MB" if jobs != "1" else ""
            size = path.stat().st_size / 1e6
            print(
                f"  memory: {size:7.0f} MB of XML, {jobs} job(s): {own:.1f} MB{workers}; wanted: under 60 and 40 MB"
            )
        if path is not small:
            path.unlink()


def _repeat(source: Path, target: Path, times: int) -> None:
    text = source.read_bytes()
    start, end = text.index(b"      <Order>"), text.rindex(b"    </Orders>")
    with target.open("wb") as file:
        file.write(text[:start])
        for _ in range(times):
            file.write(text[start:end])
        file.write(text[end:])


def _start(folder: Path) -> None:
    """A document of 2 KB, from command to result, against only importing what parses arguments, XML and JSON.

    120 ms were wanted where that import took 45 (``argparse``, lxml and orjson, python's own start included)."""
    path = folder / "small.xml"
    feeds.write_canonical(path, 1)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program is compiled
    ours, floor = _ours(str(path)), _python("import argparse, lxml.etree, orjson")
    run_command(*ours)
    pairs = [(run_command(*ours)[1], run_command(*floor)[1]) for _ in range(25)]
    took, least = (1e3 * statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    print(
        f"  start: {path.stat().st_size} bytes in {took:.0f} ms, {ratio:.2f} × importing argparse, lxml and orjson "
        f"({least:.0f} ms); wanted: under {120 / 45:.2f} × (120 ms where the imports took 45)"
    )
