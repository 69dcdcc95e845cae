"""The differ against lxml iterparse with a walk into dicts, and against deepdiff on keyed dicts: whole processes.

``MWS_BENCH_ORDERS`` is how many orders each side has (10,000 by default), ``MWS_BENCH_ROUNDS`` how many rounds are
run. deepdiff is run once, where it is installed. ``MWS_BENCH_LARGE`` compares two archives of that many orders in
different order, and tells the peak of memory and the processor time for each order against that with a tenth of them.
"""

import importlib.util
import os
import random
import re
import statistics
import sys
import tempfile
from pathlib import Path

from tests.bench import feeds
from tests.bench.processes import peak_of, run_command

ORDERS = int(os.environ.get("MWS_BENCH_ORDERS", "10000"))
ROUNDS = int(os.environ.get("MWS_BENCH_ROUNDS", "5"))
LARGE = int(os.environ.get("MWS_BENCH_LARGE", "0"))

#: Every order as nested dicts by its id, both files, and how many differ.
_WALK = """
import sys
from lxml import etree
def walk(element):
    if len(element):
        found = {}
        for child in element:
            found.setdefault(etree.QName(child).localname, []).append(walk(child))
        return found
    return element.text or ""
def load(path):
    orders = {}
    for _, element in etree.iterparse(path, tag="{*}Order"):
        order = walk(element)
        orders[order["AmazonOrderId"][0]] = order
        element.clear()
    return orders
old, new = load(sys.argv[1]), load(sys.argv[2])
"""
_COUNT = "print(sum(old[key] != new.get(key) for key in old))\n"
_DEEPDIFF = _WALK + "from deepdiff import DeepDiff\nprint(len(DeepDiff(old, new).affected_root_keys))\n"
#: What only reading both sides takes: as the differ reads them, to the keys and digests, and as records.
_ENTRIES = """
import sys
from bridge.diff.entries import EntryReader
reader = EntryReader()
print(sum(1 for path in sys.argv[1:] for _ in reader.read(open(path, "rb"), path)))
"""
_RECORDS = """
import sys
from bridge.offline import iter_records
print(sum(1 for path in sys.argv[1:] for _ in iter_records(open(path, "rb"))))
"""
_BOUND = "wanted: at most"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        _speed(Path(folder))
        if LARGE:
            _large(Path(folder))


def _ours(*paths: Path) -> tuple[str, ...]:
    return (sys.executable, "-m", "bridge", "diff", "--no-pager", *map(str, paths))


def _python(code: str, *paths: Path) -> tuple[str, ...]:
    return (sys.executable, "-c", code, *map(str, paths))


def _speed(folder: Path) -> None:
    old, new, other = (folder / name for name in ("old.xml", "new.xml", "other.xml"))
    changed = _write_sides(old, new, other)
    print(f"diff: {ORDERS:,} orders a side, shuffled, {changed} changed, {ROUNDS} rounds; seconds of processor time")
    variants = {
        "iterparse and walk": _python(_WALK + _COUNT, old, new),
        "diff": _ours(old, new),
        "diff, other layout": _ours(old, other),
        "diff, no difference": _ours(old, old),
        "read both sides, to digests": _python(_ENTRIES, old, old),
        "read both sides, to records": _python(_RECORDS, old, old),
    }
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(ROUNDS):
        for name, command in variants.items():
            seconds[name].append(run_command(*command, status={0, 1})[0])
    if importlib.util.find_spec("deepdiff"):
        seconds["deepdiff on the dicts"] = [run_command(*_python(_DEEPDIFF, old, new))[0]]
    for name, values in seconds.items():
        print(f"  {name:<32} {statistics.median(values):7.3f} s   ({min(values):.3f} to {max(values):.3f})")
    _ratio(seconds, "diff", "iterparse and walk", f"{_BOUND} 0.5 ×")
    _ratio(seconds, "diff, other layout", "iterparse and walk", f"{_BOUND} 1.2 ×")
    _ratio(seconds, "diff, no difference", "read both sides, to digests", f"{_BOUND} 1.1 ×")
    _ratio(seconds, "diff, no difference", "read both sides, to records", f"{_BOUND} 1.1 ×")
    if "deepdiff on the dicts" in seconds:
        ratio = seconds["deepdiff on the dicts"][0] / statistics.median(seconds["diff"])
        print(f"  deepdiff takes {ratio:.0f} × as long; wanted: at least 35 ×")


def _ratio(seconds: dict[str, list[float]], ours: str, peer: str, wanted: str) -> None:
    ratios = [one / other for one, other in zip(seconds[ours], seconds[peer], strict=True)]
    print(f"  {ours}: {statistics.median(ratios):.2f} × {peer}   ({min(ratios):.2f} to {max(ratios):.2f}); {wanted}")


def _write_sides(old: Path, new: Path, other: Path) -> int:
    """The same orders twice, shuffled, one in a hundred changed; and the new side in another layout throughout."""
    feeds.write_canonical(old, ORDERS)
    head, blocks, tail = feeds.blocks_of(old.read_text())
    chance = random.Random(26)
    changed = chance.sample(range(len(blocks)), len(blocks) // 100)
    for place in changed:
        blocks[place] = blocks[place].replace("<OrderStatus>", "<OrderStatus>Not", 1)
        blocks[place] = re.sub("<LastUpdateDate>20", "<LastUpdateDate>21", blocks[place], count=1)
    chance.shuffle(blocks)
    new.write_text(head + "".join(blocks) + tail)
    other.write_text(head + "".join(re.sub(r"\n *", "\n\t", block) for block in blocks) + tail)
    return len(changed)


def _large(folder: Path) -> None:
    """Two archives in different order: memory, and the time an order."""
    times = []
    for count in (LARGE // 10, LARGE):
        old, new = folder / "old.xml", folder / "new.xml"
        feeds.write_canonical(old, count)
        feeds.write_reversed(old, new)
        seconds, peak, _ = peak_of("diff", "--no-pager", str(old), str(new))
        times.append(1e6 * seconds / count)
        size = (old.stat().st_size + new.stat().st_size) / 1e6
        print(
            f"  {count:>9,} orders a side ({size:,.0f} MB): {peak:.0f} MB, {times[-1]:.0f} µs an order; "
            f"{_BOUND} 400 MB for 1,000,000"
        )
    print(f"  time an order: {times[1] / times[0]:.2f} × that of a tenth; wanted: linear")
