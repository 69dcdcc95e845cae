"""Whole processes, measured from outside."""

import os
import subprocess
import sys
import time
from collections.abc import Collection

__all__ = ["peak_of", "run_command"]

#: Runs a command line of ours and tells its processor time, its own peak of resident memory and that of its largest
#: worker, in KB.
_PEAK = """
import resource, sys
from bridge.cli import main
main(sys.argv[1:])
own = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
spent = resource.getrusage(resource.RUSAGE_SELF)
print(spent.ru_utime + spent.ru_stime, own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""


def run_command(*command: str, status: Collection[int] = (0,)) -> tuple[float, float]:
    """Seconds of processor time, and seconds that passed. Raises RuntimeError for another exit status."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, found, usage = os.wait4(process.pid, 0)
    passed = time.perf_counter() - started
    if os.waitstatus_to_exitcode(found) not in status:
        raise RuntimeError(f"{' '.join(command)[:200]} failed")
    return usage.ru_utime + usage.ru_stime, passed


def peak_of(*arguments: str) -> tuple[float, float, float]:
    """Of a command of ours: seconds of processor time, its peak of memory and that of its largest worker in MB."""
    told = subprocess.run(
        [sys.executable, "-c", _PEAK, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
        text=True,
    )
    seconds, own, worker = map(float, told.stderr.splitlines()[-1].split())
    return seconds, own / 1024, worker / 1024
