"""What an output directory remembers of earlier runs: which input each output was made of, and how.

It stands in one hidden file of the directory: a line of JSON each time an output is begun (null) or whole (its mark),
the last one counts. So a run that is killed loses nothing of it, and an output that it left half-way is done again.
"""

import json
import os
from contextlib import suppress
from pathlib import Path

from bridge.offline.faults import TargetError
from bridge.offline.stores import Part

__all__ = ["MEMORY_NAME", "Mark", "Memory"]

MEMORY_NAME = ".mws-bridge-convert"

#: What an output was made of, and how: texts and numbers that say it, to be compared with others.
Mark = list[str | int]

#: Lines that may count no more before the file is written anew.
_MAX_WASTE = 10_000


class Memory:
    """The memory of one directory. What cannot be read of it is not known; what cannot be written is forgotten."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / MEMORY_NAME
        self._marks: dict[str, Mark] | None = None

    def mark_of(self, output: str) -> Mark | None:
        """What an output was made of when it became whole; None when it never did, or is being made."""
        return self._known().get(output)

    def begin(self, output: str) -> None:
        """Forget an output, which is about to be made."""
        if self._known().pop(output, None) is not None:
            self._append(_line(output, None))

    def finish(self, output: str, mark: Mark) -> None:
        """Remember an output that is whole."""
        self._known()[output] = mark
        self._append(_line(output, mark))

    def _known(self) -> dict[str, Mark]:
        if self._marks is None:
            self._marks = {}
            count = 0
            with suppress(OSError, ValueError), self._path.open(encoding="ascii", errors="replace") as file:
                for line in file:
                    count += 1
                    self._learn(line)
            if count > 2 * len(self._marks) + _MAX_WASTE:
                self._write_anew()
        return self._marks

    def _learn(self, line: str) -> None:
        assert self._marks is not None  # noqa: S101 - _known made it
        with suppress(ValueError, TypeError):  # cut off, or not ours
            output, mark = json.loads(line)
            if mark is None:
                self._marks.pop(output, None)
            else:
                self._marks[output] = mark

    def _append(self, line: bytes) -> None:
        with suppress(OSError), self._path.open("ab", buffering=0) as file:
            file.write(line)

    def _write_anew(self) -> None:
        assert self._marks is not None  # noqa: S101 - _known made it
        with suppress(TargetError):
            part = Part(Path(os.path.realpath(self._path)), MEMORY_NAME)
            for output, mark in self._marks.items():
                part.write(_line(output, mark))
            part.publish()


def _line(output: str, mark: Mark | None) -> bytes:
    return json.dumps([output, mark], separators=(",", ":")).encode() + b"\n"
