"""The members of a zip archive, as streams. Imported only when there is an archive: zipfile is not cheap."""

import errno
import re
import struct
import weakref
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, BinaryIO, Self

from bridge.offline.compression import ByteStream
from bridge.offline.faults import SourceError, in_words

__all__ = ["Archive", "safe_path"]

#: zipfile bounds what it unpacks at once for these two only; the others could be bombs.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_METHOD_NAMES = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "zst", 95: "xz", 98: "PPMd", 99: "AES encryption"}

#: Names that are devices on Windows, whatever their suffix.
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def safe_path(name: str) -> PurePosixPath:
    """A member's name as a relative path that stays below the directory it is put in, on every system.

    Backslashes separate like slashes; roots, drives, ``.`` and ``..`` go; what some system forbids in a name becomes
    ``_``. A name of which nothing is left is ``member``.
    """
    parts = []
    for raw in re.sub(r"^[A-Za-z]:", "", name).replace("\\", "/").split("/"):
        part = "".join(c if c.isprintable() and c not in '<>:"|?*' else "_" for c in raw).rstrip(". ")
        if part:
            parts.append(f"_{part}" if _DEVICE.fullmatch(part) else part)
    return PurePosixPath(*parts) if parts else PurePosixPath("member")


@contextmanager
def _faults(name: str) -> Iterator[None]:
    """Whatever a damaged archive makes zipfile raise, as a SourceError."""
    try:
        yield
    except OSError as error:
        # An invalid argument is a place before the file's beginning.
        problem = "the zip archive is damaged" if error.errno == errno.EINVAL else in_words(error)
        raise SourceError(name, problem) from error
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError) as error:
        because = f" ({error})" if str(error) else ""
        raise SourceError(name, f"the zip archive is damaged, cut off or of an unknown kind{because}") from error


class _Member:
    """A member's unpacked bytes; its CRC is checked at the end."""

    def __init__(self, archive: "Archive", opened: IO[bytes], name: str) -> None:
        self._archive = archive  # which would close a file of its own when nobody holds it any more
        self._opened = opened
        self._name = name

    def read1(self, size: int, /) -> bytes:
        with _faults(self._name):
            return self._opened.read(size)

    def close(self) -> None:
        self._opened.close()


class Archive(AbstractContextManager["Archive"]):
    """A zip archive. ``file`` is its path, or a seekable file that then belongs to the archive.

    Within its context the archive is open and its directory is read once; a member may also be opened afterwards,
    which opens the file again. Raises SourceError from ``__enter__`` and ``open``.
    """

    def __init__(self, file: Path | BinaryIO, name: str) -> None:
        self._file = file
        self._name = name
        self._zip: zipfile.ZipFile | None = None
        if not isinstance(file, Path):
            weakref.finalize(self, file.close)  # as long as there are members that may be opened

    def _read_directory(self) -> zipfile.ZipFile:
        with _faults(self._name):
            return zipfile.ZipFile(self._file)

    def members(self) -> Iterator[zipfile.ZipInfo]:
        """The files in the archive, in its order; not the resource forks that macOS adds to each."""
        for info in self._zip.infolist() if self._zip is not None else ():
            # Not is_dir(), which stumbles over an empty name.
            if not info.filename.endswith("/") and not info.filename.startswith("__MACOSX/"):
                yield info

    def open(self, info: zipfile.ZipInfo, name: str) -> ByteStream:
        """A member's bytes, unpacked once more when they are gzip or zst themselves."""
        if info.flag_bits & 0x1:
            raise SourceError(name, "is encrypted; unpack it with its password first")
        if info.compress_type not in _METHODS:
            method = _METHOD_NAMES.get(info.compress_type, f"method {info.compress_type}")
            raise SourceError(name, f"is packed with {method}; only stored and deflated members can be read")
        # A stream keeps the archive's file open by itself, past the archive's end.
        archive = self._zip or self._read_directory()
        try:
            with _faults(name):
                opened = archive.open(info)
        finally:
            if archive is not self._zip:
                archive.close()
        return ByteStream(_Member(self, opened, name), name, share=(info.compress_size, max(info.file_size, 1)))

    def __enter__(self) -> Self:
        self._zip = self._read_directory()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        archive, self._zip = self._zip, None
        archive.close() if archive is not None else None
