"""Where a report goes: to the standard output, into a pipe or a device, or into a file.

A file appears under its name only when it is whole, and for nobody else to read: a report may hold what it was told
to show. What a comparison reads is never overwritten.
"""

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from bridge.offline.sources import Source, find_sources

__all__ = ["STDOUT", "print_report", "why_not", "write_file"]

#: What messages call the standard output.
STDOUT = "<stdout>"


def why_not(output: Path, inputs: Iterable[str | os.PathLike[str]], *, recording: Path | None = None) -> str:
    """Why no report must be written there, or '': it is one of the ``inputs`` (what ``find_sources`` takes, and other
    files that are read), whatever it is called there, or it is inside of ``recording``."""
    if recording is not None and any(_is_same(parent, recording) for parent in _real(output).parents):
        return f"is inside of the recording {recording}; write to another place"
    try:
        there = os.stat(output)
    except OSError:
        return ""  # nothing is there to be lost; what else may be the matter is told when it is written
    if stat.S_ISREG(there.st_mode):
        for given in inputs:
            for found in _files_of(os.fspath(given)):
                with suppress(OSError):
                    if os.path.samestat(there, os.stat(found)):
                        return f"is read by this comparison, as {_name_of(found)}; write to another file"
    return ""


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _files_of(given: str) -> Iterator[str | Path | int]:
    """The files behind an input; none of it is read, and no pipe is opened."""
    if given == "-":
        with suppress(OSError, ValueError, AttributeError):  # a stream without a file behind it
            yield sys.stdin.fileno()
        return
    with suppress(OSError, ValueError):
        if not stat.S_ISDIR(os.stat(given).st_mode):
            yield given
            return
    yield from (found.path for found in find_sources([given]) if isinstance(found, Source) and found.path)


def _name_of(found: str | Path | int) -> str:
    return "<stdin>" if isinstance(found, int) else str(found)


def write_file(path: Path, text: str) -> None:
    """Write into what is at ``path``: whole or not at all into a file, which where a symbolic link stands is the one
    that it leads to; as it comes into anything else. Raises OSError."""
    try:
        there = os.stat(path)
    except FileNotFoundError:
        _replace(_real(path), text)
        return
    stream = _stream_into(there)
    if stream is not None:
        stream.flush()
        stream.buffer.write(text.encode())
        stream.flush()
    elif stat.S_ISREG(there.st_mode):
        _replace(_real(path), text)
    else:
        path.write_text(text, encoding="utf-8")


def _stream_into(there: os.stat_result) -> TextIO | None:
    """The stream of this process that goes there: ``/dev/stdout`` may be a file, which others write to as well."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # a stream without a file behind it
            if os.path.samestat(there, os.fstat(stream.fileno())):
                return stream
    return None


def _replace(path: Path, text: str) -> None:
    waiting = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        waiting.replace(path)
    except OSError:
        with suppress(OSError):
            waiting.unlink()
        raise


def print_report(text: str, *, plain: bool) -> None:
    """Write to the standard output. What is ``plain`` is for people, in the encoding of their terminal; other formats
    say of themselves that they are UTF-8, and are. Raises OSError, with STDOUT as the file's name."""
    try:
        if plain:
            encoding = sys.stdout.encoding or "utf-8"
            sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        else:
            sys.stdout.flush()
            sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
    except OSError as error:
        raise OSError(error.errno, error.strerror, STDOUT) from None
