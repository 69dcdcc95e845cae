"""Where converted documents go: the standard output, one file, or a directory that mirrors the inputs.

A file appears under its name only when it is whole. Until then it is a hidden ``.part`` beside it, which goes when
anything is raised; a process that is killed outright leaves that behind, and the next run after a day removes it.
"""

import errno
import os
import re
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from bridge.offline.faults import OutputError, TargetError
from bridge.offline.memory import Mark, Memory
from bridge.offline.sources import Source
from bridge.offline.stores import Held, Part, Store, as_target_error, find_stale_parts, remove_stale_parts

__all__ = ["STDOUT", "Directory", "SingleFile", "Sink", "StandardOutput", "Target", "TargetError"]

#: What messages call the standard output.
STDOUT = "<stdout>"

#: What no other output of a directory can be written after, either.
_HOPELESS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_NO_PERMISSION = (errno.EACCES, errno.EPERM)

#: What a suffix of its own takes the place of; any other stays, before it.
_KNOWN_SUFFIX = re.compile(r"\.(?:xml|json|ndjson|jsonl|txt)", re.IGNORECASE)


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

    def is_done(self, source: Source, suffix: str) -> bool:  # noqa: ARG002
        """Whether the output that ``open`` would write is there, whole, made of this very input in the way of this
        run, and not to be redone."""
        return False

    @abstractmethod
    def open(self, source: Source, suffix: str) -> Sink:
        """Begin a source's output; ``suffix``, with its dot, is that of what it becomes. Raises TargetError, also
        when the output would be an input."""

    def mark_done(self, source: Source, suffix: str) -> None:  # noqa: B027  # only a directory remembers
        """Say of a source whose sink was left without an exception that nothing of it is missing."""

    def goes_on_after(self, error: TargetError) -> bool:
        """Whether the outputs of other sources can still be written."""
        return isinstance(error, OutputError)

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
        self._kind = _OneKind(name)

    def open(self, source: Source, suffix: str) -> Sink:
        _refuse_reading_itself(self._stream, source, self._name)
        self._kind.check(source, suffix)
        held = Held(self._stream, self._name)
        return Sink(held, held.publish, held.close)


def _refuse_reading_itself(stream: BinaryIO, source: Source, name: str) -> None:
    with suppress(OSError, ValueError):  # a stream without a file behind it, as ValueError (io.UnsupportedOperation)
        here = os.fstat(stream.fileno())
        if stat.S_ISREG(here.st_mode) and (here.st_dev, here.st_ino) == _identity_of(source):
            raise TargetError(name, f"is the input {source.name}; write to another file")


class _OneKind:
    """Sees to it that JSON and XML do not come into one stream, which nothing could read."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._first: Source | None = None
        self._suffix = ""

    def check(self, source: Source, suffix: str) -> None:
        """Raises OutputError for a source that becomes something else than the first one does."""
        if self._first is None:
            self._first, self._suffix = source, suffix
        elif suffix != self._suffix:
            kinds = f"{_word(suffix)} and {self._first.name} {_word(self._suffix)}"
            raise OutputError(self._name, f"{source.name} becomes {kinds}; write to a directory (-d)")


def _word(suffix: str) -> str:
    return "XML" if suffix == ".xml" else "JSON"


# --- files ----------------------------------------------------------------------------------------------------------


class SingleFile(Target):
    """All sources one after the other in one file, which appears when the run ends without an exception and at least
    one source is in it. A source whose sink is left by an exception is left out; when the file itself cannot be
    written, there is none.

    What exists is replaced, with its permissions kept; where a symbolic link stands, the file it leads to. A pipe
    or a device is written to as ``StandardOutput`` writes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._name = str(path)
        self._final = Path(os.path.realpath(path))
        self._kept = False
        self._kind = _OneKind(self._name)
        self._part: Part | None = None
        self._device: BinaryIO | None = None
        self._failure: TargetError | None = None

    def open(self, source: Source, suffix: str) -> Sink:
        if self._failure is None and _is_input(self._final, source):
            self._failure = TargetError(self._name, f"is the input {source.name}; write to another file")
        self._raise_failure()
        self._kind.check(source, suffix)
        if self._part is None:
            if self._device is None and os.path.exists(self._path) and not os.path.isfile(self._path):
                self._device = self._open_device()
            if self._device is not None:
                return StandardOutput(self._device, self._name).open(source, suffix)
            self._part = self._begin()
        part = self._part
        start = part.position
        return Sink(part, self._keep, lambda: self._drop(part, start))

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
        if not failed:
            self._raise_failure()


class Directory(Target):
    """A file for each source, at its ``relative`` path below ``path``; directories are made as they are needed.

    A file appears when its sink is left without an exception. An older one is replaced, with its permissions kept.
    Two sources of a run with the same output are an error at the second. ``how`` says in which way the run converts:
    what was made in another way is not done.
    """

    def __init__(self, path: Path, how: str = "", *, force: bool = False) -> None:
        self._path = path
        self._how = how
        self._force = force
        self._memory = Memory(path)
        self._claims: dict[str, Source] = {}
        self._inputs: dict[tuple[int, int], str] = {}
        self._stale: dict[Path, dict[str, list[Path]]] = {}
        self._marks: dict[str, Mark | None] = {}

    def is_done(self, source: Source, suffix: str) -> bool:
        final = self._final(source, suffix)
        mark = self._mark_of(source)
        return (
            not self._force
            and self._claim(final, source) is source
            and mark is not None
            and self._memory.mark_of(self._key(final)) == mark
            and final.is_file()
        )

    def open(self, source: Source, suffix: str) -> Sink:
        final = self._final(source, suffix)
        owner = self._claim(final, source)
        if owner is not source:
            problem = f"is the output of {owner.name} already; convert {source.name} into another directory"
            raise OutputError(str(final), problem)
        if (identity := _identity(final)) is not None and identity in self._inputs:
            raise OutputError(str(final), f"is the input {self._inputs[identity]}; write to another directory")
        if os.path.isdir(final):
            raise OutputError(str(final), "is a directory; remove it, or write to another one")
        with as_target_error(str(final.parent)):
            final.parent.mkdir(parents=True, exist_ok=True)
        if final.parent not in self._stale:
            self._stale[final.parent] = find_stale_parts(final.parent)
        remove_stale_parts(self._stale[final.parent], final)
        part = Part(Path(os.path.realpath(final)), str(final))
        key = self._key(final)
        self._marks = {key: self._mark_of(source)}  # before it is read: it may be changed meanwhile
        self._memory.begin(key)
        return Sink(part, part.publish, part.discard)

    def mark_done(self, source: Source, suffix: str) -> None:
        key = self._key(self._final(source, suffix))
        if (mark := self._marks.get(key)) is not None:
            self._memory.finish(key, mark)

    def goes_on_after(self, error: TargetError) -> bool:
        number = error.__cause__.errno if isinstance(error.__cause__, OSError) else 0
        if number in _NO_PERMISSION:  # for one directory below, or for all
            return os.access(self._path, os.W_OK | os.X_OK)
        return number not in _HOPELESS

    def _final(self, source: Source, suffix: str) -> Path:
        relative = source.relative
        if _KNOWN_SUFFIX.fullmatch(relative.suffix):
            return self._path / relative.with_suffix(suffix)
        return self._path / relative.with_name(relative.name + suffix)  # orders.1 and orders.2 are two

    def _key(self, final: Path) -> str:
        return final.relative_to(self._path).as_posix()

    def _mark_of(self, source: Source) -> Mark | None:
        """What tells an input from every other, and from what it is when it has been changed; None for a pipe."""
        try:
            status = source.path.stat() if source.path is not None else None
        except OSError:
            return None
        if source.path is None or status is None:
            return None
        place = os.path.abspath(source.path)
        return [place, str(source.relative), status.st_size, status.st_mtime_ns, self._how]

    def _claim(self, final: Path, source: Source) -> Source:
        """Who writes ``final``: the first that asks."""
        if (identity := _identity_of(source)) is not None:
            self._inputs.setdefault(identity, source.name)
        return self._claims.setdefault(os.path.normcase(final), source)


def _identity(path: Path) -> tuple[int, int] | None:
    """What two names of the same file have in common; None when there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _identity_of(source: Source) -> tuple[int, int] | None:
    """The same of the file that a source is read from."""
    return source.identity if source.path is None else _identity(source.path)


def _is_input(final: Path, source: Source) -> bool:
    return (here := _identity(final)) is not None and here == _identity_of(source)
