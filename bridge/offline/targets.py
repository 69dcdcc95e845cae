"""Where converted documents go: the standard output, one file, or a directory that mirrors the inputs.

A file appears under its name only when it is whole. Until then it is a hidden ``.part`` beside it, which goes when
anything is raised; a process that is killed outright leaves that behind, and the next run after a day removes it.
"""

import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from bridge.offline.faults import SourceError, TargetError
from bridge.offline.sources import Source
from bridge.offline.stores import Held, Part, Store, as_target_error, find_stale_parts, remove_stale_parts

__all__ = ["STDOUT", "Directory", "SingleFile", "Sink", "StandardOutput", "Target", "TargetError"]

#: What messages call the standard output.
STDOUT = "<stdout>"


class Sink(AbstractContextManager["Sink"]):
    """One source's output. Leaving the context publishes it; leaving it by an exception drops it."""

    def __init__(self, store: Store, keep: Callable[[], None], drop: Callable[[], None]) -> None:
        self._store = store
        self._keep = keep
        self._drop = drop
        self._mark = store.position

    def write(self, data: bytes | memoryview) -> None:
        """Raises TargetError; BrokenPipeError when the reader of the standard output has gone."""
        self._store.write(data)

    def mark(self) -> None:
        """Keep what was written so far whatever ``rollback`` does. The standard output shows it to its reader; a file
        is still published whole or not at all. Raises as ``write`` does."""
        self._store.settle()
        self._mark = self._store.position

    def rollback(self) -> None:
        """Drop what was written since the last mark, or since the beginning."""
        self._store.truncate(self._mark)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._keep()
        else:
            self._drop()


class Target(ABC):
    """Where the documents of a run go. A context manager: leaving it ends the run."""

    @abstractmethod
    def is_done(self, source: Source, suffix: str) -> bool:
        """Whether the output that ``open`` would write is there, no older than its input, and not to be redone."""

    @abstractmethod
    def open(self, source: Source, suffix: str) -> Sink:
        """Begin a source's output; ``suffix``, with its dot, is that of what it becomes. Raises TargetError, also
        when the output would be an input."""

    def mark_incomplete(self, source: Source, suffix: str) -> None:  # noqa: B027  # the standard output cannot tell
        """Say of a source whose sink was left without an exception that a part of it is missing: the output is dated
        back, so that it never counts as done."""

    def close(self, *, failed: bool) -> None:  # noqa: B027  # most have nothing to do
        """End the run; ``failed`` when an exception ends it. Raises TargetError."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(failed=kind is not None)


# --- standard output ------------------------------------------------------------------------------------------------


class StandardOutput(Target):
    """All sources one after the other to a stream, each held back until a mark or its end, so that nothing
    half-written is ever seen. Never closes ``stream``."""

    def __init__(self, stream: BinaryIO, name: str = STDOUT) -> None:
        self._stream = stream
        self._name = name

    def is_done(self, source: Source, suffix: str) -> bool:  # noqa: ARG002
        """Never: what was written there before is not known."""
        return False

    def open(self, source: Source, suffix: str) -> Sink:  # noqa: ARG002
        _refuse_reading_itself(self._stream, source, self._name)
        held = Held(self._stream, self._name)
        return Sink(held, held.publish, held.close)


def _refuse_reading_itself(stream: BinaryIO, source: Source, name: str) -> None:
    with suppress(OSError, ValueError):  # a stream without a file behind it, as ValueError (io.UnsupportedOperation)
        here = os.fstat(stream.fileno())
        if source.path and stat.S_ISREG(here.st_mode) and os.path.samestat(here, source.path.stat()):
            raise TargetError(name, f"is the input {source.name}; write to another file")


# --- files ----------------------------------------------------------------------------------------------------------


class SingleFile(Target):
    """All sources one after the other in one file, which appears when the run ends without an exception and at least
    one source is in it. A source whose sink is left by an exception is left out; when the file itself cannot be
    written, there is none.

    What exists is replaced, with its permissions kept; where a symbolic link stands, the file it leads to. A pipe
    or a device is written to as ``StandardOutput`` writes.
    """

    def __init__(self, path: Path, *, force: bool = False) -> None:
        self._path = path
        self._name = str(path)
        self._final = Path(os.path.realpath(path))
        self._force = force
        self._done = False
        self._kept = False
        self._incomplete = False
        self._part: Part | None = None
        self._device: BinaryIO | None = None
        self._failure: TargetError | None = None

    def all_done(self, sources: Iterable[Source | SourceError]) -> bool:
        """Whether the file is there, no older than any of all these inputs, and not to be redone. From then on
        ``is_done`` says the same of each."""
        found = list(sources)
        self._done = (
            not self._force
            and bool(found)
            and all(isinstance(source, Source) and _is_newer(self._final, source) for source in found)
        )
        return self._done

    def is_done(self, source: Source, suffix: str) -> bool:  # noqa: ARG002
        """What ``all_done`` found: one source alone cannot be left out, or its part of the file would be lost."""
        return self._done

    def open(self, source: Source, suffix: str) -> Sink:
        if self._failure is None and _is_input(self._final, source):
            self._failure = TargetError(self._name, f"is the input {source.name}; write to another file")
        self._raise_failure()
        if self._part is None:
            if self._device is None and os.path.exists(self._path) and not os.path.isfile(self._path):
                self._device = self._open_device()
            if self._device is not None:
                return StandardOutput(self._device, self._name).open(source, suffix)
            self._part = self._begin()
        part = self._part
        start = part.position
        return Sink(part, self._keep, lambda: self._drop(part, start))

    def mark_incomplete(self, source: Source, suffix: str) -> None:  # noqa: ARG002
        self._incomplete = True

    def _open_device(self) -> BinaryIO:
        if os.path.isdir(self._path):
            raise TargetError(self._name, "is a directory")
        with as_target_error(self._name):
            return self._path.open("wb")

    def _begin(self) -> Part:
        if not os.path.isdir(self._final.parent):
            raise TargetError(self._name, f"the directory {self._path.parent} does not exist")
        remove_stale_parts(find_stale_parts(self._final.parent), self._final)
        return Part(self._final, self._name)

    def _keep(self) -> None:
        self._kept = True

    def _drop(self, part: Part, start: int) -> None:
        if part.failure is None:
            part.truncate(start)
        else:
            self._failure = part.failure

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def close(self, *, failed: bool) -> None:
        """Raises TargetError also when an earlier one left the run without its file."""
        if self._device is not None:
            self._device.close()
        part, self._part = self._part, None
        if part is not None and (failed or self._failure is not None or not self._kept):
            part.discard()
        elif part is not None:
            part.publish()
            if self._incomplete:
                _date_back(self._final)
        if not failed:
            self._raise_failure()


class Directory(Target):
    """A file for each source, at its ``relative`` path below ``path``; directories are made as they are needed.

    A file appears when its sink is left without an exception. An older one is replaced, with its permissions kept.
    Two sources of a run with the same output are an error at the second.
    """

    def __init__(self, path: Path, *, force: bool = False) -> None:
        self._path = path
        self._force = force
        self._claims: dict[str, Source] = {}
        self._inputs: dict[tuple[int, int], str] = {}
        self._stale: dict[Path, dict[str, list[Path]]] = {}

    def is_done(self, source: Source, suffix: str) -> bool:
        final = self._final(source, suffix)
        return not self._force and self._claim(final, source) is source and _is_newer(final, source)

    def open(self, source: Source, suffix: str) -> Sink:
        final = self._final(source, suffix)
        owner = self._claim(final, source)
        if owner is not source:
            raise TargetError(str(final), f"is the output of {owner.name} already; {source.name} would replace it")
        if (identity := _identity(final)) is not None and identity in self._inputs:
            raise TargetError(str(final), f"is the input {self._inputs[identity]}; write to another directory")
        if os.path.isdir(final):
            raise TargetError(str(final), "is a directory")
        with as_target_error(str(final.parent)):
            final.parent.mkdir(parents=True, exist_ok=True)
        if final.parent not in self._stale:
            self._stale[final.parent] = find_stale_parts(final.parent)
        remove_stale_parts(self._stale[final.parent], final)
        part = Part(Path(os.path.realpath(final)), str(final))
        return Sink(part, part.publish, part.discard)

    def mark_incomplete(self, source: Source, suffix: str) -> None:
        _date_back(self._final(source, suffix))

    def _final(self, source: Source, suffix: str) -> Path:
        return self._path / source.relative.with_suffix(suffix)

    def _claim(self, final: Path, source: Source) -> Source:
        """Who writes ``final``: the first that asks."""
        if source.path is not None and (identity := _identity(source.path)) is not None:
            self._inputs.setdefault(identity, source.name)
        return self._claims.setdefault(os.path.normcase(final), source)


def _date_back(path: Path) -> None:
    with suppress(OSError):  # a file system without dates: then it is done again only when forced
        os.utime(path, (0, 0))


def _identity(path: Path) -> tuple[int, int] | None:
    """What two names of the same file have in common; None when there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _is_input(final: Path, source: Source) -> bool:
    return source.path is not None and (here := _identity(final)) is not None and here == _identity(source.path)


def _is_newer(final: Path, source: Source) -> bool:
    if source.path is None or _is_input(final, source):
        return False
    try:
        return final.is_file() and final.stat().st_mtime_ns >= source.path.stat().st_mtime_ns
    except OSError:
        return False
