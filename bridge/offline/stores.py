"""Bytes that nobody sees yet: held back before a stream, or written to a hidden file beside their place."""

import io
import os
import re
import stat
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from bridge.offline.faults import TargetError, in_words

__all__ = ["Held", "Part", "Store", "as_target_error", "find_stale_parts", "remove_stale_parts"]

_BUFFER = 2**20
_STALE_AFTER = 24 * 60 * 60
_PART = r"(?s)\.(?P<stem>.+)\.[0-9a-f]{16}\.part"


class Store(Protocol):
    """Where a sink's bytes are until they are published. Every method raises TargetError."""

    @property
    def position(self) -> int:
        """Bytes that are here."""
        ...

    def write(self, data: bytes | memoryview) -> None: ...

    def truncate(self, position: int) -> None:
        """Drop what was written after there were ``position`` bytes."""
        ...

    def settle(self) -> None:
        """What is here need never be dropped again; afterwards ``position`` may count from a new beginning."""
        ...


class Held:
    """What is not shown yet: in memory up to ``_BUFFER``, then in a temporary file."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._name = name
        self._file: BinaryIO = io.BytesIO()
        self.position = 0

    def write(self, data: bytes | memoryview) -> None:
        with as_target_error("a temporary file"):
            if isinstance(self._file, io.BytesIO) and self.position + len(data) > _BUFFER:
                memory, self._file = self._file, _temporary_file()
                self._file.write(memory.getbuffer())
            self._file.write(data)
        self.position += len(data)

    def truncate(self, position: int) -> None:
        with as_target_error("a temporary file"):
            self._file.seek(position)
            self._file.truncate()
        self.position = position

    def settle(self) -> None:
        self._file.seek(0)
        with as_target_error(self._name):
            while piece := self._file.read(_BUFFER):
                rest = memoryview(piece)
                while rest:  # an unbuffered stream (python -u) may take only a part
                    rest = rest[self._stream.write(rest) :]
        self.truncate(0)

    def publish(self) -> None:
        try:
            self.settle()
            with as_target_error(self._name):
                self._stream.flush()
        finally:
            self.close()

    def close(self) -> None:
        self._file.close()


def _temporary_file() -> BinaryIO:
    import tempfile  # noqa: PLC0415 - not cheap, and few outputs are too large for memory

    return tempfile.TemporaryFile()


class Part:
    """A file that is being written beside the place where it will stand. Raises TargetError."""

    def __init__(self, final: Path, name: str) -> None:
        self._final = final
        self._name = name
        self._path = final.with_name(f".{_part_stem(final)}.{os.urandom(8).hex()}.part")
        self._buffer = bytearray()
        self._written = 0
        #: What made a write fail; there is no sense in going on after that.
        self.failure: TargetError | None = None
        self._opened: list[int] = []
        #: Also called when the interpreter ends.
        self.discard = weakref.finalize(self, _discard, self._path, self._opened)
        try:
            with as_target_error(name):
                self._create()
        except BaseException:
            self.discard()
            raise

    def _create(self) -> None:
        # As private as what it replaces: orders hold people's addresses.
        mode = stat.S_IMODE(self._final.stat().st_mode) & 0o777 if self._final.exists() else None
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        self._opened.append(os.open(self._path, flags, 0o666 if mode is None else mode))
        if mode is not None:
            self._path.chmod(mode)

    @property
    def position(self) -> int:
        return self._written + len(self._buffer)

    def write(self, data: bytes | memoryview) -> None:
        self._buffer += data
        if len(self._buffer) >= _BUFFER:
            self._flush()

    def _flush(self) -> None:
        try:
            with as_target_error(self._name):
                while self._buffer:
                    count = os.write(self._opened[0], self._buffer)
                    self._written += count
                    del self._buffer[:count]
        except TargetError as error:
            self.failure = error
            raise

    def truncate(self, position: int) -> None:
        if position < self._written:
            with as_target_error(self._name):
                os.ftruncate(self._opened[0], position)
                os.lseek(self._opened[0], position, os.SEEK_SET)
            self._written = position
            self._buffer.clear()
        else:
            del self._buffer[position - self._written :]

    def settle(self) -> None:
        """Nothing: until it is published nobody sees it."""

    def publish(self) -> None:
        try:
            if self.failure is not None:
                raise self.failure
            self._flush()
            with as_target_error(self._name):
                os.fsync(self._opened[0])
                os.close(self._opened.pop())  # Windows does not rename an open file
                self._path.replace(self._final)
        finally:
            self.discard()


def _discard(path: Path, opened: list[int]) -> None:
    with suppress(OSError):
        while opened:
            os.close(opened.pop())
    _remove(path)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _part_stem(final: Path) -> str:
    return final.name[:50]  # a name may have 255 bytes, a character four


def find_stale_parts(folder: Path) -> dict[str, list[Path]]:
    """What killed runs left in a directory more than a day ago, by the beginning of the final name."""
    found: dict[str, list[Path]] = {}
    with suppress(OSError):
        for name in os.listdir(folder):
            match = re.fullmatch(_PART, name)
            if match and time.time() - (folder / name).stat().st_mtime > _STALE_AFTER:
                found.setdefault(match["stem"], []).append(folder / name)
    return found


def remove_stale_parts(found: dict[str, list[Path]], final: Path) -> None:
    """Remove those that ``final`` left."""
    for path in found.pop(_part_stem(final), ()):
        _remove(path)


@contextmanager
def as_target_error(name: str) -> Iterator[None]:
    """Raise what goes wrong as a TargetError of that name; not a broken pipe, which is no fault of ours."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise TargetError(name, in_words(error)) from error
