"""The converter against xmltodict, as whole processes: seconds of processor time, start included.

``MWS_BENCH_ORDERS`` is how many orders the files have (20,000 by default; the published figures are of 200,000), and
``MWS_BENCH_ROUNDS`` how many rounds are run; ``MWS_BENCH_LARGE`` adds a file of 2 GB to the sizes whose memory is
measured. With ``--jobs 2`` it is the time that passes that counts, so that figure
needs two idle cores.
"""

import os
import statistics
import sys
import tempfile
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
    with tempfile.TemporaryDirectory() as folder:
        _speed(Path(folder))
        _memory(Path(folder))
        _start(Path(folder))


def _speed(folder: Path) -> None:
    names = ("canonical.xml", "prefixed.xml", "other.xml", "v0.ndjson", "out")
    canonical, prefixed, other, lines, out = (str(folder / name) for name in names)
    size = feeds.write_canonical(Path(canonical), ORDERS)
    feeds.write_prefixed(Path(prefixed), ORDERS)
    feeds.write_other(Path(other), ORDERS)
    feeds.write_v0_lines(Path(lines), ORDERS)
    print(f"convert: {ORDERS:,} orders, {size / 1e6:.0f} MB of XML, {ROUNDS} rounds; µs of processor time an order")
    variants = {
        "xmltodict + json": _python(_WHOLE, canonical, out),
        "xmltodict streaming + json": _python(_STREAM, canonical, out),
        "convert --lines": _ours("--lines", canonical, "-o", out),
        "convert --lines --jobs 2": _ours("--lines", "--jobs", "2", canonical, "-o", out),
        "convert, one document": _ours(canonical, "-o", out),
        "prefixed XML: xmltodict + json": _python(_WHOLE, prefixed, out),
        "prefixed XML: convert --lines": _ours("--lines", prefixed, "-o", out),
        "other XML: xmltodict + json": _python(_WHOLE, other, out),
        "other XML: xmltodict streaming + json": _python(_STREAM, other, out),
        "other XML: convert --lines": _ours("--lines", other, "-o", out),
        "JSON to XML: json + xmltodict.unparse": _python(_UNPARSE, lines, out),
        "JSON to XML: convert": _ours(lines, "-o", out),
    }
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    passed: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(ROUNDS):
        for name, command in variants.items():
            processor, wall = run_command(*command)
            seconds[name].append(processor)
            passed[name].append(wall)
    for name, values in seconds.items():
        low, middle, high = (1e6 * value / ORDERS for value in (min(values), statistics.median(values), max(values)))
        print(f"  {name:<40} {middle:8.1f} µs   ({low:.1f} to {high:.1f})")
    _ratio("feeds as MWS wrote them", seconds, "xmltodict + json", "convert --lines", 5.5)
    _ratio("feeds as MWS wrote them", seconds, "xmltodict streaming + json", "convert --lines", 4.5)
    _ratio("feeds with prefixes", seconds, "prefixed XML: xmltodict + json", "prefixed XML: convert --lines", 4)
    _ratio("any well-formed feed", seconds, "other XML: xmltodict + json", "other XML: convert --lines", 4)
    _ratio(
        "any well-formed feed", seconds, "other XML: xmltodict streaming + json", "other XML: convert --lines", 3.2
    )
    _ratio("two jobs, time passed", passed, "xmltodict + json", "convert --lines --jobs 2", 8)
    _ratio("two jobs, time passed", passed, "xmltodict streaming + json", "convert --lines --jobs 2", 6.5)
    _ratio("JSON lines to XML", seconds, "JSON to XML: json + xmltodict.unparse", "JSON to XML: convert", 7)


def _ratio(title: str, seconds: dict[str, list[float]], peer: str, ours: str, wanted: float) -> None:
    ratios = [one / other for one, other in zip(seconds[peer], seconds[ours], strict=True)]
    low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
    peer = peer.rpartition(": ")[2]
    print(f"  {title}: {middle:.2f} × {peer}   ({low:.2f} to {high:.2f}); wanted: at least {wanted} ×")


def _memory(folder: Path) -> None:
    """Peak memory by size of the input: the same file once, and with its orders written many times."""
    small, large = folder / "canonical.xml", folder / "large.xml"
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
    """A document of 2 KB, from command to result."""
    path = folder / "small.xml"
    feeds.write_canonical(path, 1)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program is compiled
    run_command(*_ours(str(path)))
    ours = [run_command(*_ours(str(path)))[1] for _ in range(15)]
    bare = [run_command(sys.executable, "-c", "pass")[1] for _ in range(15)]
    print(
        f"  start: {path.stat().st_size} bytes in {1e3 * statistics.median(ours):.0f} ms "
        f"({1e3 * min(ours):.0f} to {1e3 * max(ours):.0f}), of which python -c pass takes "
        f"{1e3 * statistics.median(bare):.0f} ms; wanted: under 120 ms on an idle core"
    )
