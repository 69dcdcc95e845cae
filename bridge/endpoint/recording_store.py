"""The directory of a recording: its marker, its files, and how much of the disk they may take."""

import contextlib
import os
import re
import sys
import tomllib
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from sys import intern
from typing import NamedTuple

__all__ = ["ANSWERS", "MARKER", "OTHERS", "REQUESTS", "UPSTREAM", "RecordingError", "Store", "read_marker"]

MARKER = ".recording.toml"
_VERSION = 1
#: The directories of a recording.
ANSWERS, OTHERS, UPSTREAM, REQUESTS = "answers", "others", "upstream", "requests"
# Directory → the suffix of its files, in the order of writing.
_SUFFIXES = {UPSTREAM: ".upstream.ndjson", ANSWERS: ".mws.xml", OTHERS: ".mws.xml", REQUESTS: ".request"}
_NAME = re.compile(r"([0-9]{9,})-([A-Za-z]+)(\.upstream\.ndjson|\.mws\.xml|\.request)")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
#: What a file takes of the disk, in steps of this.
_BLOCK = 4096


class RecordingError(ValueError):
    """A directory that cannot be recorded into, or no recording: the place, the reason, what to do."""


def read_marker(directory: Path) -> bool:
    """Whether a recording's personal data is masked. Raises RecordingError when the directory holds none that this
    version can read."""
    path = directory / MARKER
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        text = f"{directory}: is no recording (it has no {MARKER}); name the directory that serve --record wrote"
        raise RecordingError(text) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not TOML"
        raise RecordingError(f"{path}: {reason}; restore it, or record anew") from None
    if told.get("version") != _VERSION or not isinstance(told.get("masked"), bool):
        raise RecordingError(
            f"{path}: is not of version {_VERSION}; use the mws-bridge that wrote it, or record anew"
        )
    masked: bool = told["masked"]
    return masked


class _Kept(NamedTuple):
    """An exchange that has files, and what these take of the disk."""

    day: str
    operation: str
    size: int


def _on_disk(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


class Store:
    """The files of a recording: written whole or not at all, readable by their owner only, the oldest removed when
    there are too many bytes of them. Raises RecordingError when the directory cannot be used."""

    def __init__(self, directory: Path, *, masked: bool, max_bytes: int) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._kept: OrderedDict[int, _Kept] = OrderedDict()
        self._size = 0
        try:
            self._open(masked=masked)
            self._lock = self._locked()
            self._scan()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise RecordingError(f"{directory}: cannot be recorded into: {reason}; choose another one") from None
        self.next_number = max(self._kept, default=0) + 1

    def _open(self, *, masked: bool) -> None:
        directory = self._directory
        directory.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            directory.mkdir(mode=0o700)
        if not any(directory.iterdir()):
            _write(directory / MARKER, f"version = {_VERSION}\nmasked = {str(masked).lower()}\n".encode())
        elif not (directory / MARKER).exists():
            raise RecordingError(f"{directory}: holds other files; choose an empty directory, or a new one")
        if read_marker(directory) != masked:
            has = "kept" if masked else "masked"
            raise RecordingError(
                f"{directory}: its personal data is {has}; go on with --record-pii {'keep' if masked else 'mask'}, "
                "or choose another directory"
            )
        for name in _SUFFIXES:
            (directory / name).mkdir(mode=0o700, exist_ok=True)

    def _locked(self) -> int:
        """The marker, locked against other processes for as long as it is open; -1 where there are no such locks."""
        if sys.platform == "win32":
            return -1
        import fcntl  # noqa: PLC0415 - not to be had on Windows

        handle = os.open(self._directory / MARKER, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            text = f"{self._directory}: another process is recording into it; choose another directory"
            raise RecordingError(text) from None
        except OSError:
            pass  # a file system that has no locks
        return handle

    def close(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _scan(self) -> None:
        """Take stock of what is there; what a killed process left half written is removed."""
        found: dict[int, _Kept] = {}
        for day, entry in self._entries():
            match = _NAME.fullmatch(entry.name)
            if match:
                number, size = int(match[1]), _on_disk(entry.stat().st_size)
                before = found[number].size if number in found else 0
                found[number] = _Kept(intern(day), intern(match[2]), before + size)
            elif entry.name.startswith(".") and entry.name.endswith(".part"):
                os.unlink(entry.path)
        for number in sorted(found):
            self._kept[number] = found[number]
            self._size += found[number].size

    def _entries(self) -> Iterator[tuple[str, os.DirEntry[str]]]:
        for name in _SUFFIXES:
            for day in os.scandir(self._directory / name):
                if _DAY.fullmatch(day.name) and day.is_dir(follow_symlinks=False):
                    yield from (
                        (day.name, file) for file in os.scandir(day.path) if file.is_file(follow_symlinks=False)
                    )

    def _path(self, name: str, number: int, day: str, operation: str) -> Path:
        return self._directory / name / day / f"{number:09}-{operation}{_SUFFIXES[name]}"

    def put(self, day: str, operation: str, files: dict[str, bytes]) -> None:
        """Write an exchange's files. Raises OSError, and then nothing of it is there."""
        number = self.next_number
        try:
            for name in _SUFFIXES:
                if name in files:
                    path = self._path(name, number, day, operation)
                    path.parent.mkdir(mode=0o700, exist_ok=True)
                    _write(path, files[name])
        except OSError:
            self._remove(number, day, operation)
            raise
        self.next_number += 1
        kept = self._kept[number] = _Kept(intern(day), operation, sum(map(_on_disk, map(len, files.values()))))
        self._size += kept.size
        while self._size > self._max_bytes and len(self._kept) > 1:
            oldest, kept = self._kept.popitem(last=False)
            self._size -= kept.size
            self._remove(oldest, kept.day, kept.operation)

    def _remove(self, number: int, day: str, operation: str) -> None:
        """Remove an exchange, its request first, and the directories that it leaves empty."""
        for name in reversed(_SUFFIXES):
            path = self._path(name, number, day, operation)
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
                path.parent.rmdir()


def _write(path: Path, data: bytes) -> None:
    """Write a file that appears under its name only when it is whole."""
    part = path.with_name(f".{path.name}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(part, flags, 0o600), "wb") as file:
            file.write(data)
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
