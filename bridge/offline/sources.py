"""What a command line names, as inputs that can be read: files, directories, patterns, archives, pipes.

Nothing is read before it is asked for, one input after the other; what cannot be read is reported in its place and
the rest goes on.
"""

import os
import re
import stat
import sys
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

from bridge.offline.compression import ByteStream, RawBytes, read_head, recognise
from bridge.offline.faults import SourceError, as_shown, in_words

__all__ = ["STDIN", "ByteStream", "Source", "SourceError", "find_sources"]

#: What messages call the standard input.
STDIN = "<stdin>"

_ONCE = "can be read only once"

#: What is taken from a directory without a look at what it is; compiled when one is named.
_CANDIDATE = r"(?is).*\.(?:(?:xml|json|ndjson|jsonl|txt)(?:\.(?:gz|zst))?|zip)"
#: How documents begin, behind what may stand before them; a page of HTML is none. And how zip archives begin that are
#: a program or the file of an office: those are passed over.
_DOCUMENT = r"(?is)[\ufeff\s]*(?:<(?!!doctype\b|html\b)[?!a-z_]|\{\s*[\"}]|\[\s*[\[{])"
_NO_ARCHIVE = rb"(?s).{30}(?:\[Content_Types\]|_rels/|mimetype|META-INF/)"
_LOOKED_AT = 2**12
#: The requests of a recording: JSON, but of no feed.
_REQUEST_SUFFIX = ".request"

_PACKED_SUFFIX = re.compile(r"(?<=[^.])\.(?:gz|zst)$", re.IGNORECASE)
_ZIP_SUFFIX = re.compile(r"(?<=[^.])\.zip$", re.IGNORECASE)


class Source(NamedTuple):
    """One input.

    ``name``: what messages call it: the path as given, ``a.zip!inner/x.xml`` for a member, ``<stdin>``.
    ``relative``: where its output belongs in a directory that mirrors the inputs, without .gz and .zst, else with its
    own suffix. It never leads out of that directory.
    ``size``: bytes on disk, for a member of an archive packed; 0 when unknown.
    ``path``: the file on disk that holds it, which for a member is the archive; None for a pipe.
    ``plain``: that file when it is the input byte for byte and may be read again and in parts; else None.
    ``identity``: device and number of the file that a pipe without a path turns out to be.
    """

    name: str
    relative: PurePosixPath
    size: int
    path: Path | None
    plain: Path | None
    opener: Callable[[], ByteStream]
    identity: tuple[int, int] | None = None

    def open(self) -> ByteStream:
        """The unpacked bytes, from the beginning. A pipe can be opened once. Raises SourceError."""
        return self.opener()


def find_sources(
    inputs: Sequence[str],
    *,
    exclude: Path | None = None,
    stdin: BinaryIO | None = None,
    on_passed_over: Callable[[str], None] | None = None,
) -> Iterator[Source | SourceError]:
    """Every input that the arguments of a command name, in their order.

    A file that is named is taken whatever its name. A directory gives, sorted by name and recursively, its .xml,
    .json, .ndjson, .jsonl, .txt (also with .gz or .zst) and .zip files, and those with other names that hold XML,
    JSON or a zip archive, packed or not: nothing hidden, no request of a recording, no pipe or device, no directory
    twice, not ``exclude``, where the output goes, unless that is the directory named. ``on_passed_over`` is told the
    names of the other files. A pattern (also ``**``) is expanded when no file has it as its name; what it matches
    counts as named, and is placed below the part of the pattern that has no wildcard. ``-`` is ``stdin``, by default
    that of the process. An archive, recognised by its content, gives its members in its order.

    Never raises for an input: gives a SourceError in its place, also for one that holds nothing.
    """
    walk = _Walk(exclude, on_passed_over or _forget)
    for number, given in enumerate(inputs):
        if given == "-":
            yield from [SourceError(STDIN, _ONCE)] if "-" in inputs[:number] else _standard_input(stdin)
            continue
        try:
            status = os.stat(given)
        except (OSError, ValueError) as error:
            import glob  # noqa: PLC0415 - only patterns need it

            if glob.has_magic(given):
                yield from _or_nothing(_matches(given, walk), given)
            else:
                yield SourceError(given, in_words(error) if isinstance(error, OSError) else "is no path")
            continue
        path = Path(given)
        if stat.S_ISDIR(status.st_mode):
            yield from _or_nothing(_directory(path, PurePosixPath(), walk), given)
        elif stat.S_ISREG(status.st_mode):
            yield from _file(path, given, PurePosixPath(path.name))
        elif stat.S_ISFIFO(status.st_mode) or stat.S_ISCHR(status.st_mode):
            yield from _pipe(partial(_open_raw, path), given, PurePosixPath(path.name))
        else:
            yield SourceError(given, "is a socket or a device, not a file")


class _Walk(NamedTuple):
    """How directories are gone through: without ``exclude``, telling ``on_passed_over`` of what is no input."""

    exclude: Path | None
    on_passed_over: Callable[[str], None]


def _forget(_: str) -> None:
    pass


def _or_nothing(found: Iterator[Source | SourceError], given: str) -> Iterator[Source | SourceError]:
    """What was found, or an error: nothing is no success."""
    nothing = True
    for source in found:
        nothing = False
        yield source
    if nothing:
        yield SourceError(given, "no file with XML or JSON in it was found")


# --- files ----------------------------------------------------------------------------------------------------------


def _file(path: Path, name: str, relative: PurePosixPath) -> Iterator[Source | SourceError]:
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            kind = recognise(read_head(file))
    except OSError as error:
        yield SourceError(name, in_words(error))
        return
    if kind == "zip":
        yield from _archive(path, name, relative)
    else:
        plain = path if kind is None else None
        place = _without(_PACKED_SUFFIX, relative)
        yield Source(as_shown(name), place, size, path, plain, partial(_open_file, path, name))


def _open_raw(path: Path) -> RawBytes:
    return path.open("rb")


def _open_file(path: Path, name: str) -> ByteStream:
    try:
        file = path.open("rb")
    except OSError as error:
        raise SourceError(name, in_words(error)) from error
    return ByteStream(file, name)


def _archive(
    file: Path | BinaryIO, name: str, relative: PurePosixPath, identity: tuple[int, int] | None = None
) -> Iterator[Source | SourceError]:
    from bridge.offline.archives import Archive, safe_path  # noqa: PLC0415  # zipfile is not cheap

    folder = _without(_ZIP_SUFFIX, relative)
    path = file if isinstance(file, Path) else None
    is_empty = True
    try:
        with Archive(file, name) as archive:
            for info in archive.members():
                is_empty = False
                inner = safe_path(info.filename)
                # Not the name as it stands in the archive: that may hold what makes a terminal dance.
                member = as_shown(f"{name}!{info.filename}")
                place = folder / _without(_PACKED_SUFFIX, inner)
                opener = partial(archive.open, info, member)
                yield Source(member, place, info.compress_size, path, None, opener, identity)
    except SourceError as error:
        yield error
    else:
        if is_empty:
            yield SourceError(name, "the zip archive holds no file")


def _without(suffix: re.Pattern[str], relative: PurePosixPath) -> PurePosixPath:
    return relative.with_name(suffix.sub("", relative.name))


# --- directories and patterns ---------------------------------------------------------------------------------------


def _directory(top: Path, below: PurePosixPath, walk: _Walk) -> Iterator[Source | SourceError]:
    seen: set[tuple[int, int]] = set()
    waiting = [(top, below)]
    while waiting:
        path, relative = waiting.pop()
        try:
            status = path.stat()
        except OSError as error:
            if re.fullmatch(_CANDIDATE, path.name):  # a symbolic link that leads nowhere
                yield SourceError(str(path), in_words(error))
            continue
        if stat.S_ISREG(status.st_mode):
            yield from _candidate(path, relative, walk)
        identity = (status.st_dev, status.st_ino)
        if not stat.S_ISDIR(status.st_mode) or identity in seen or (path is not top and _is_same(path, walk.exclude)):
            continue
        seen.add(identity)
        try:
            names = sorted(os.listdir(path), reverse=True)
        except OSError as error:
            yield SourceError(str(path), in_words(error))
            continue
        waiting += [(path / name, relative / name) for name in names if not name.startswith(".")]


def _candidate(path: Path, relative: PurePosixPath, walk: _Walk) -> Iterator[Source | SourceError]:
    """A file of a directory, if it is an input."""
    if path.suffix == _REQUEST_SUFFIX:
        return
    try:
        is_input = re.fullmatch(_CANDIDATE, path.name) or _looks_like_input(path)
    except SourceError as error:
        yield error
        return
    if is_input:
        yield from _file(path, str(path), relative)
    else:
        walk.on_passed_over(as_shown(str(path)))


def _looks_like_input(path: Path) -> bool:
    """Whether a file holds what can be read, whatever its name. Raises SourceError."""
    name = str(path)
    try:
        with path.open("rb") as file:
            begun = file.read(64)
    except OSError as error:
        raise SourceError(name, in_words(error)) from error
    if recognise(begun) == "zip":
        return not re.match(_NO_ARCHIVE, begun)
    with _open_file(path, name) as stream:
        head = b""
        while len(head) < _LOOKED_AT and (piece := stream.read(_LOOKED_AT)):
            head += piece
    is_wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = head.replace(b"\0", b"").lstrip(b"\xff\xfe") if is_wide else head
    return re.match(_DOCUMENT, text.decode("utf-8", "replace")) is not None


def _is_same(path: Path, other: Path | None) -> bool:
    try:
        return other is not None and path.samefile(other)
    except OSError:
        return False


def _matches(pattern: str, walk: _Walk) -> Iterator[Source | SourceError]:
    import glob  # noqa: PLC0415 - only patterns need it

    parts = Path(pattern).parts
    fixed = Path(*parts[: next(number for number, part in enumerate(parts) if glob.has_magic(part))])
    recursive = "**" in parts
    exclude = walk.exclude
    excluded = exclude if exclude is not None and not _is_below(fixed, exclude) else None
    found = False
    for path in _expand_recursive(fixed, parts) if recursive else map(Path, sorted(glob.glob(pattern))):
        if excluded is not None and _is_below(path, excluded):
            continue
        below = PurePosixPath(*(part for part in path.parts[len(fixed.parts) :] if part != ".."))
        if os.path.isdir(path):
            found = True
            yield from _directory(path, below, walk)
        elif os.path.isfile(path) or not os.path.exists(path):
            found = True
            yield from _file(path, str(path), below)
    if not found:
        yield SourceError(pattern, "no file matches")


def _expand_recursive(fixed: Path, parts: Sequence[str]) -> list[Path]:
    """What a pattern with ``**`` matches, without the directories, which it gives besides what is in them. Not by the
    glob module: that follows symbolic links to directories round and round."""
    rest = [part if part == "**" else part.replace("**", "*") for part in parts[len(fixed.parts) :]]
    matches = fixed.glob("/".join([*rest, "*"] if rest[-1] == "**" else rest))
    return sorted(path for path in set(matches) if not os.path.isdir(path) and not _is_hidden(path, fixed))


def _is_hidden(path: Path, fixed: Path) -> bool:
    return any(part.startswith(".") and part != ".." for part in path.parts[len(fixed.parts) :])


def _is_below(path: Path, other: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(other))


# --- pipes ----------------------------------------------------------------------------------------------------------


class _Pipe:
    """What can be read once. Closed when it is opened by nobody and then forgotten."""

    def __init__(self, raw: RawBytes, head: bytes, name: str) -> None:
        self._raw = raw
        self._head = head
        self._name = name
        self._forgotten = weakref.finalize(self, raw.close)

    def open(self) -> ByteStream:
        if not self._forgotten.detach():
            raise SourceError(self._name, _ONCE)
        return ByteStream(self._raw, self._name, head=self._head)


class _Borrowed:
    """A stream that is not ours to close."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def read1(self, size: int, /) -> bytes:
        # Unbuffered (python -u) it is a raw file, whose read does what read1 does elsewhere.
        return getattr(self._stream, "read1", self._stream.read)(size)

    def close(self) -> None:
        pass


def _standard_input(stdin: BinaryIO | None) -> Iterator[Source | SourceError]:
    stream = sys.stdin.buffer if stdin is None and sys.stdin is not None else stdin
    if stream is None or stream.closed:
        yield SourceError(STDIN, "is closed")
    else:
        yield from _pipe(lambda: _Borrowed(stream), STDIN, PurePosixPath("stdin"), _identity(stream))


def _identity(stream: BinaryIO) -> tuple[int, int] | None:
    """The file that a stream is read from; None for a pipe, a terminal, or what has no file behind it."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def _pipe(
    opener: Callable[[], RawBytes], name: str, relative: PurePosixPath, identity: tuple[int, int] | None = None
) -> Iterator[Source | SourceError]:
    try:
        with ExitStack() as opened:
            raw = opener()
            opened.callback(raw.close)
            head = read_head(raw)
            if recognise(head) == "zip":
                found = _archive(_spool(raw, head), name, relative, identity)
            else:
                place = _without(_PACKED_SUFFIX, relative)
                source = Source(as_shown(name), place, 0, None, None, _Pipe(raw, head, name).open, identity)
                found = iter([source])
                opened.pop_all()
    except OSError as error:
        yield SourceError(name, in_words(error))
    else:
        yield from found


def _spool(raw: RawBytes, head: bytes) -> BinaryIO:
    """A temporary file with all that a pipe holds: an archive is read from its end."""
    import tempfile  # noqa: PLC0415

    with ExitStack() as opened:
        spool = opened.enter_context(tempfile.TemporaryFile())
        piece = head
        while piece:
            spool.write(piece)
            piece = raw.read1(2**20)
        opened.pop_all()
    return spool
