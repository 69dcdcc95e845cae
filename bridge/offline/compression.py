"""Bytes as they come from a file, a pipe or a member of an archive, unpacked on the way when they are gzip or zst.

What a stream is, its first bytes say, never its name. Memory stays flat whatever the input claims: at most one piece
of packed bytes is held, each read bounds what is unpacked, and a zst frame with a window over ``MAX_ZST_WINDOW`` is
refused. The libraries (isal, and CPython's zstd or its backport) are imported when the first stream needs them.
"""

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Literal, NamedTuple, Protocol, Self, cast

from bridge.offline.faults import SourceError, in_words

__all__ = ["HEAD_BYTES", "MAX_ZST_WINDOW", "ByteStream", "RawBytes", "read_head", "recognise"]

#: Enough to recognise a format by.
HEAD_BYTES = 4
#: What ``zstd -d`` allows unless told otherwise.
MAX_ZST_WINDOW = 128 * 2**20

_PIECE = 256 * 2**10
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")  # a member, an archive without one, the first of several parts


class RawBytes(Protocol):
    """What a stream is made over: a binary file opened for reading, or a member of an archive."""

    def read1(self, size: int, /) -> bytes:
        """At most ``size`` bytes, as soon as there are any; none at the end."""
        ...

    def close(self) -> None: ...


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Packing(NamedTuple):
    """How to unpack one format: a decompressor for each member or frame, and what it raises."""

    new: Callable[[], _Decompressor]
    error: type[Exception]
    #: What writers fill up to a block with, after the last member.
    padding: bytes


def _gzip() -> _Packing:
    from isal import igzip_lib  # noqa: PLC0415  # only who reads gzip pays for it

    return _Packing(
        lambda: cast("_Decompressor", igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)),
        cast("type[Exception]", igzip_lib.IsalError),  # the stub takes the class for an instance
        b"\0",
    )


def _zst() -> _Packing:
    if sys.version_info >= (3, 14):  # pragma: no cover - its own; before, the backport of it
        from compression import zstd  # noqa: PLC0415
    else:
        from backports import zstd  # noqa: PLC0415

    window: dict[int, int] = {zstd.DecompressionParameter.window_log_max: MAX_ZST_WINDOW.bit_length() - 1}
    return _Packing(lambda: zstd.ZstdDecompressor(options=window), zstd.ZstdError, b"")


_PACKINGS = {"gzip": _gzip, "zst": _zst}


def recognise(head: bytes) -> Literal["gzip", "zst", "zip"] | None:
    """The format that begins with these bytes; None for one that is not packed."""
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    # A frame; or one that is to be skipped, which is how parallel compressors and seekable files begin.
    if head.startswith(b"\x28\xb5\x2f\xfd") or (head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50):
        return "zst"
    return "zip" if head.startswith(_ZIP) else None


def read_head(raw: RawBytes) -> bytes:
    """The first ``HEAD_BYTES`` bytes; fewer when there are no more. Raises OSError."""
    head = b""
    while len(head) < HEAD_BYTES and (piece := raw.read1(HEAD_BYTES - len(head))):
        head += piece
    return head


class ByteStream:
    """The unpacked bytes of one input, from beginning to end, once.

    ``name`` is what messages call it. ``head`` is what was already read from ``raw``. ``share`` is (of the file on
    disk, of ``raw``): how many bytes there one byte here stands for. The stream owns ``raw`` and closes it. Several
    gzip members or zst frames are one stream, zeros after gzip are padding, anything else after either is an error.

    Raises SourceError, also from the constructor.
    """

    def __init__(self, raw: RawBytes, name: str, *, head: bytes = b"", share: tuple[int, int] = (1, 1)) -> None:
        self._raw = raw
        self._name = name
        self._head = b""
        self._taken = len(head)
        self._share = share
        self._first = True
        try:
            self._head = self._fill(head)
            self._format = self._recognise()
            self._packing = _PACKINGS[self._format]() if self._format else None
            self._unpacker = self._packing.new() if self._packing else None
        except BaseException:
            raw.close()
            raise

    def _recognise(self) -> Literal["gzip", "zst"] | None:
        found = recognise(self._head)
        if found == "zip":
            raise self._error("is a zip archive inside another archive; unpack it first")
        return found

    @property
    def consumed(self) -> int:
        """Bytes taken from the file on disk so far; within a zip archive, an estimate from the member's ratio."""
        of_disk, of_raw = self._share
        return self._taken * of_disk // of_raw

    def read(self, size: int) -> bytes:
        """At least one and at most ``size`` (≥ 1) bytes; none at the end. What was unpacked before an error is
        handed over before the error is raised."""
        if self._packing is None or self._unpacker is None:
            return self._take(size)
        while True:
            if self._unpacker.eof:
                if not self._another_follows(self._unpacker.unused_data, self._packing.padding):
                    return b""
                self._unpacker = self._packing.new()
            packed = b""
            if self._unpacker.needs_input:
                packed = self._take(_PIECE)
                if not packed:
                    raise self._error(f"the {self._format} data is cut off: it ends before its end is announced")
            try:
                piece = self._unpacker.decompress(packed, size)
            except self._packing.error as error:
                raise self._error(f"the {self._format} data is damaged ({error})") from error
            if piece:
                if self._first and recognise(piece):
                    raise self._error(f"holds {recognise(piece)} data inside {self._format} data; unpack it first")
                self._first = False
                return piece

    def _take(self, size: int) -> bytes:
        if self._head:
            piece, self._head = self._head[:size], self._head[size:]
            return piece
        try:
            piece = self._raw.read1(size)
        except OSError as error:
            raise self._error(in_words(error)) from error
        self._taken += len(piece)
        return piece

    def _fill(self, begun: bytes) -> bytes:
        """``begun`` and what follows it, until a format can be recognised or nothing follows."""
        while len(begun) < HEAD_BYTES and (piece := self._take(HEAD_BYTES - len(begun))):
            begun += piece
        return begun

    def _another_follows(self, rest: bytes, padding: bytes) -> bool:
        """Whether another member or frame comes, ``rest`` being what was read past the last one."""
        rest = rest.lstrip(padding)
        while not rest:
            piece = self._take(_PIECE)
            if not piece:
                return False
            rest = piece.lstrip(padding)
        self._head = self._fill(rest) + self._head
        if recognise(self._head) != self._format:
            raise self._error(f"something that is not {self._format} follows the {self._format} data")
        return True

    def _error(self, problem: str) -> SourceError:
        return SourceError(self._name, problem)

    def close(self) -> None:
        self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
