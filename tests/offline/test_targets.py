"""Outputs: whole or not there, never over an input, never over one another, and every refusal in plain words."""

import contextlib
import errno
import io
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path, PurePosixPath

import pytest

from bridge.offline import memory, stores
from bridge.offline.compression import ByteStream
from bridge.offline.faults import OutputError
from bridge.offline.sources import Source
from bridge.offline.targets import Directory, SingleFile, StandardOutput, TargetError

LARGE = 3 * 2**20  # more than is kept in memory
posix = pytest.mark.skipif(os.name != "posix", reason="modes, pipes and signals as POSIX has them")


def source(relative: str = "a.xml", path: Path | None = None) -> Source:
    return Source(relative, PurePosixPath(relative), 0, path, path, lambda: ByteStream(io.BytesIO(), relative))


def source_file(path: Path, *, age: float = 0.0) -> Source:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"<a/>")
    back_date(path, age)
    return source(path.name, path)


def back_date(path: Path, age: float) -> None:
    moment = 1_700_000_000 - age
    os.utime(path, (moment, moment))


def files(folder: Path) -> dict[str, bytes]:
    """Everything below a directory, hidden or not."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def put(target, what: Source, *pieces: bytes, suffix: str = ".json") -> None:
    with target.open(what, suffix) as sink:
        for piece in pieces:
            sink.write(piece)


def break_off(target, what: Source, *pieces: bytes, error: type[BaseException] = ValueError) -> None:
    """Write pieces, with a mark after each but the last, and raise."""
    with target.open(what, ".json") as sink:
        for number, piece in enumerate(pieces):
            if number:
                sink.mark()
            sink.write(piece)
        raise error("broken")


def problem(target, what: Source | None = None, *pieces: bytes) -> str:
    with pytest.raises(TargetError) as caught:
        put(target, what or source(), *pieces)
    return str(caught.value)


def failing(monkeypatch, place, name: str, number: int = errno.ENOSPC, after: int = 0) -> None:
    """Make a function of the operating system fail after so many calls that work."""
    real = getattr(place, name)
    calls = iter(range(after))

    def fail(*arguments, **options):
        if next(calls, None) is None:
            raise OSError(number, os.strerror(number))
        return real(*arguments, **options)

    monkeypatch.setattr(place, name, fail)


class Interrupted(BaseException):
    """What a signal makes of a run: nothing that ``except Exception`` would see."""


@pytest.fixture(params=["stdout", "file", "directory"])
def kind(request):
    return request.param


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


class Run:
    """One source through one of the three targets: what a reader of its output sees, during and after."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.stream = io.BytesIO()
        self.path = folder / "a.json"
        made = {"stdout": lambda: StandardOutput(self.stream), "file": lambda: SingleFile(self.path)}
        self.target = made.get(kind, lambda: Directory(folder))()
        self.folder = folder

    @property
    def visible(self) -> bytes | None:
        """None for no output at all."""
        assert not [name for name in files(self.folder) if not name.endswith(".part")] or self.path.exists()
        return (self.path.read_bytes() if self.path.exists() else None) or self.stream.getvalue() or None


@pytest.fixture
def run(kind, out):
    return Run(kind, out)


# --- what all three promise -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 100, LARGE])
def test_what_is_written_is_published(run, size):
    """Bytes and memoryviews come out in order, none of them before the end."""
    with run.target as target:
        with target.open(source(), ".json") as sink:
            sink.write(b"<" * size)
            sink.write(memoryview(b"text" * size)[: size * 2])
            assert run.visible is None
        assert isinstance(target.is_done(source("b.xml"), ".json"), bool)
    assert run.visible == b"<" * size + (b"text" * size)[: size * 2]
    assert len(files(run.folder)) <= 1


@pytest.mark.parametrize("size", [1, LARGE])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, Interrupted])
def test_an_exception_leaves_nothing(run, error, size):
    """Whatever is raised within a sink and a target, nothing is seen of either afterwards, and nothing stays."""

    def convert() -> None:
        with run.target as target:
            break_off(target, source(), b"x" * size, error=error)

    with pytest.raises(error):
        convert()
    assert run.visible is None
    assert files(run.folder) == {}


@pytest.mark.parametrize("size", [1, LARGE])
def test_rollback(run, size):
    """It drops what was written since the last mark, or the beginning, and writing goes on from there."""
    with run.target as target, target.open(source(), ".json") as sink:
        sink.write(b"0" * size)
        sink.rollback()
        for letter in (b"a", b"b"):
            sink.write(letter * size)
            sink.mark()
            sink.write(b"-" * size)
            sink.rollback()
            sink.rollback()
        sink.write(b"c" * size)
    assert run.visible == b"a" * size + b"b" * size + b"c" * size


def test_small_steps_back(run):
    """Marks and rollbacks within what is still in memory and across it end in the same bytes."""
    expected = b""
    with run.target as target, target.open(source(), ".json") as sink:
        for number in range(40):
            kept = bytes([65 + number % 26]) * (number * 7_919 % 90_000)
            sink.write(kept)
            sink.mark()
            expected += kept
            sink.write(b"-" * (number * 104_729 % 300_000))
            sink.rollback()
    assert run.visible == expected


# --- standard output ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, LARGE])
def test_a_mark_shows_what_is_before_it(size):
    """On the standard output a mark goes through at once; what follows is held back, and a broken end is not seen."""
    stream = io.BytesIO()
    target = StandardOutput(stream)
    with target.open(source(), ".json") as sink:
        sink.write(b"a" * size)
        sink.mark()
        assert stream.getvalue() == b"a" * size
        sink.write(b"b" * size)
        assert stream.getvalue() == b"a" * size
    with pytest.raises(ValueError, match="broken"):
        break_off(target, source(), b"-" * size)
    put(target, source(), b"c")
    assert stream.getvalue() == b"a" * size + b"b" * size + b"c"
    assert not stream.closed
    assert not target.is_done(source(), ".json")


def test_a_stream_that_takes_a_part():
    """An unbuffered stream may take less than it is given; the rest follows."""

    class Slow(io.BytesIO):
        def write(self, data, /):
            return super().write(bytes(data[:7]))

    stream = Slow()
    put(StandardOutput(stream), source(), b"0123456789" * 10)
    assert stream.getvalue() == b"0123456789" * 10


class Refusing(io.BytesIO):
    def __init__(self, number: int, *, at_flush: bool = False) -> None:
        super().__init__()
        self.number, self.at_flush = number, at_flush

    def write(self, data, /):
        if self.at_flush:
            return super().write(data)
        raise OSError(self.number, os.strerror(self.number))

    def flush(self):
        if self.at_flush:
            raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize("at_flush", [False, True])
def test_a_reader_that_has_gone(at_flush):
    """BrokenPipeError passes through; any other error of the stream is a TargetError."""
    with pytest.raises(BrokenPipeError):
        put(StandardOutput(Refusing(errno.EPIPE, at_flush=at_flush)), source(), b"x")
    assert (
        problem(StandardOutput(Refusing(errno.ENOSPC, at_flush=at_flush)), None, b"x") == "<stdout>: the disk is full"
    )


def test_a_full_disk_under_what_is_held_back(monkeypatch):
    """When the temporary file does not take it, nothing is shown and the error says so."""

    class Full(io.BytesIO):
        def write(self, data, /):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", Full)
    stream = io.BytesIO()
    assert problem(StandardOutput(stream), None, b"x" * (stores._BUFFER + 1)) == "a temporary file: the disk is full"
    assert stream.getvalue() == b""


def test_standard_output_into_an_input(tmp_path):
    """``convert a.xml >> a.xml`` would read what it writes: it is refused."""
    inside = source_file(tmp_path / "a.xml")
    with (tmp_path / "a.xml").open("ab") as stream:
        assert problem(StandardOutput(stream), inside) == "<stdout>: is the input a.xml; write to another file"
    assert (tmp_path / "a.xml").read_bytes() == b"<a/>"
    with (tmp_path / "b.json").open("wb") as stream:
        put(StandardOutput(stream), inside, b"{}")
    assert (tmp_path / "b.json").read_bytes() == b"{}"


# --- one file -------------------------------------------------------------------------------------------------------


def test_all_sources_in_one_file(out):
    """They stand one after the other, and the file appears at the end of the run."""
    with SingleFile(out / "all.ndjson") as target:
        for number in range(3):
            put(target, source(f"{number}.xml"), b"%d\n" % number)
            assert list(files(out)) == [name for name in files(out) if name.startswith(".all.ndjson.")]
    assert files(out) == {"all.ndjson": b"0\n1\n2\n"}


@pytest.mark.parametrize("size", [1, LARGE])
def test_a_broken_source_is_left_out(out, size):
    """A sink that is left by an exception leaves the others' parts as they are, also past a mark."""
    with SingleFile(out / "all") as target:
        put(target, source("a"), b"a" * size)
        with pytest.raises(ValueError, match="broken"):
            break_off(target, source("b"), b"b" * size, b"b")
        put(target, source("c"), b"c" * size)
    assert files(out) == {"all": b"a" * size + b"c" * size}


def test_no_source_no_file(out):
    """A run in which nothing succeeds leaves what was there."""
    (out / "all").write_bytes(b"old")
    with SingleFile(out / "all") as target, pytest.raises(ValueError, match="broken"):
        break_off(target, source(), b"new")
    with SingleFile(out / "all"):
        pass
    assert files(out) == {"all": b"old"}


def test_a_run_that_breaks_off(out):
    """An exception between two sources leaves what was there."""
    (out / "all").write_bytes(b"old")
    target = SingleFile(out / "all")
    put(target, source(), b"new")
    target.close(failed=True)
    assert files(out) == {"all": b"old"}


def test_one_file_is_never_done(tmp_path, out):
    """What it holds, nobody can tell."""
    put(SingleFile(out / "all"), old := source_file(tmp_path / "old.xml", age=10))
    assert not SingleFile(out / "all").is_done(old, ".json")


@pytest.mark.parametrize("place", ["stdout", "file"])
def test_one_stream_is_of_one_kind(place, out):
    """A source that becomes XML where others became JSON is refused by itself; the others go on."""
    stream = io.BytesIO()
    with StandardOutput(stream) if place == "stdout" else SingleFile(out / "all") as target:
        put(target, source("a.xml"), b"{}")
        with pytest.raises(OutputError, match=r"b\.json becomes XML and a\.xml JSON; write to a directory") as caught:
            put(target, source("b.json"), b"<a/>", suffix=".xml")
        assert target.goes_on_after(caught.value)
        put(target, source("c.xml"), b"[]")
    assert stream.getvalue() + b"".join(files(out).values()) == b"{}[]"


def test_one_file_over_an_input(tmp_path):
    """It is refused before anything is written, under whatever name; the run then has no output."""
    a, b = source_file(tmp_path / "a.xml"), source_file(tmp_path / "b.xml")
    (tmp_path / "hard.xml").hardlink_to(tmp_path / "b.xml")
    before = files(tmp_path)
    target = SingleFile(tmp_path / "hard.xml")
    expected = f"{tmp_path / 'hard.xml'}: is the input b.xml; write to another file"
    put(target, a, b"{}")
    assert problem(target, b) == problem(target, a) == expected
    with pytest.raises(TargetError, match="is the input"):
        target.close(failed=False)
    target.close(failed=True)
    assert files(tmp_path) == before


def test_where_one_file_cannot_be(tmp_path):
    """A directory, a missing directory: the error says which."""
    assert problem(SingleFile(tmp_path)) == f"{tmp_path}: is a directory"
    path = tmp_path / "no" / "all.json"
    assert problem(SingleFile(path)) == f"{path}: the directory {path.parent} does not exist"
    assert files(tmp_path) == {}


def test_one_file_on_a_full_disk(out, monkeypatch):
    """After a write has failed there is no file, the old one stands, and the run ends with the error."""
    (out / "all").write_bytes(b"old")
    expected = f"{out / 'all'}: the disk is full"
    target = SingleFile(out / "all")
    put(target, source(), b"a")
    with monkeypatch.context() as full:
        failing(full, os, "write", after=1)
        assert problem(target, source(), b"b" * LARGE, b"b" * LARGE) == expected
    assert problem(target, source(), b"c") == expected
    with pytest.raises(TargetError, match="the disk is full"):
        target.close(failed=False)
    assert files(out) == {"all": b"old"}


def test_an_error_that_is_overlooked_is_raised_again(out, monkeypatch):
    """Who goes on after a failed write does not publish a file with a hole."""
    target = SingleFile(out / "all")
    with target.open(source(), ".json") as sink, monkeypatch.context() as full:
        failing(full, os, "write")
        with pytest.raises(TargetError):
            sink.write(b"x" * LARGE)
    with pytest.raises(TargetError, match="the disk is full"):
        target.close(failed=False)
    assert files(out) == {}


def test_a_symbolic_link_stays(tmp_path, out):
    """Where one stands, the file that it leads to is replaced, or made."""
    for name in ("there", "new"):
        (out / name).symlink_to(tmp_path / f"real-{name}")
    (tmp_path / "real-there").write_bytes(b"old")
    for name in ("there", "new"):
        with SingleFile(out / name) as target:
            put(target, source(), b"{}")
        assert (out / name).is_symlink()
        assert (tmp_path / f"real-{name}").read_bytes() == b"{}"


@posix
def test_a_device(tmp_path):
    """A pipe or device is written to, never replaced; what is broken does not reach it."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with SingleFile(path) as target:
            put(target, source(), b"a")
            with pytest.raises(ValueError, match="broken"):
                break_off(target, source(), b"b")
            put(target, source(), b"c")
        assert os.read(reader, 100) == b"ac"
    finally:
        os.close(reader)
    with SingleFile(Path(os.devnull)) as target:
        put(target, source(), b"x")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


# --- a directory ----------------------------------------------------------------------------------------------------


def test_a_directory_mirrors_the_inputs(out):
    """Each output stands at its source's place with another suffix, in directories that are made."""
    target = Directory(out / "made")
    for place in ("orders/a.xml", "orders/deep/b.xml", "c", "stdin"):
        put(target, source(place), place.encode())
    put(target, source("orders/a.v2.json"), b"x", suffix=".xml")
    assert files(out / "made") == {
        "orders/a.json": b"orders/a.xml",
        "orders/deep/b.json": b"orders/deep/b.xml",
        "c.json": b"c",
        "stdin.json": b"stdin",
        "orders/a.v2.xml": b"x",
    }


def test_two_sources_with_one_output(out):
    """The second is an error that names both, also when the first was done before; the same source may try again."""
    target = Directory(out)
    first, second = source("a.xml"), source("a.txt")
    put(target, first, b"first")
    assert not target.is_done(second, ".json")
    assert (
        problem(target, second, b"2")
        == f"{out / 'a.json'}: is the output of a.xml already; convert a.txt into another directory"
    )
    assert files(out) == {"a.json": b"first"}
    put(target, first, b"again")
    assert files(out) == {"a.json": b"again"}


def finish(target, what: Source) -> None:
    """Make an output, and say that it is whole."""
    put(target, what, b"x")
    target.mark_done(what, ".json")


def test_a_directory_knows_what_is_done(tmp_path, out):
    """An output is done when it was made of this very input in this very way, and is whole and there."""
    inside = source_file(tmp_path / "a.xml", age=10)
    assert not Directory(out, "lines").is_done(inside, ".json")
    finish(Directory(out, "lines"), inside)
    assert Directory(out, "lines").is_done(inside, ".json")
    assert not Directory(out, "lines", force=True).is_done(inside, ".json")
    assert not Directory(out, "generic").is_done(inside, ".json")
    assert not Directory(out, "lines").is_done(inside, ".xml")
    back_date(tmp_path / "a.xml", 99)
    assert not Directory(out, "lines").is_done(inside, ".json")
    (out / "a.json").unlink()
    back_date(tmp_path / "a.xml", 10)
    assert not Directory(out, "lines").is_done(inside, ".json")


@pytest.mark.parametrize("other", [source("a.xml"), source("a.xml", Path("gone"))], ids=["pipe", "gone"])
def test_what_cannot_be_known_again_is_never_done(other, out):
    """A pipe, or a file that is not there any more."""
    finish(Directory(out), other)
    assert not Directory(out).is_done(other, ".json")


def test_an_output_of_another_input_is_not_done(tmp_path, out):
    """What an earlier run made of one file is not mistaken for what becomes of another, older one."""
    finish(Directory(out), source_file(tmp_path / "new/a.xml"))
    for other in ("old/a.xml", "new/a.txt"):
        assert not Directory(out).is_done(source_file(tmp_path / other, age=99), ".json")


def test_an_output_that_lacks_something_is_not_done(tmp_path, out):
    """Until it is said to be whole it is not, nor while it is made again."""
    inside = source_file(tmp_path / "a.xml")
    put(Directory(out), inside, b"x")
    assert not Directory(out).is_done(inside, ".json")
    finish(Directory(out), inside)
    with Directory(out).open(inside, ".json"):
        assert not Directory(out).is_done(inside, ".json")
    assert not Directory(out).is_done(inside, ".json")


def test_a_memory_that_is_damaged(tmp_path, out, monkeypatch):
    """What cannot be read of it is not known; what counts no more goes when there is much of it."""
    inside = source_file(tmp_path / "a.xml")
    finish(Directory(out), inside)
    path = out / memory.MEMORY_NAME
    path.write_bytes(b'\xff\n["b.json"\n7\n' + path.read_bytes())
    assert Directory(out).is_done(inside, ".json")
    path.write_bytes(path.read_bytes() * 99)
    monkeypatch.setattr(memory, "_MAX_WASTE", 50)
    assert Directory(out).is_done(inside, ".json")
    assert path.read_bytes().count(b"\n") == 1
    path.unlink()
    path.mkdir()
    assert not Directory(out).is_done(inside, ".json")
    finish(Directory(out), inside)


def test_which_faults_end_a_run(out, monkeypatch):
    """A name that is too long is one output; a full disk is all of them, so is a directory without permission."""
    target = Directory(out)

    def fault(number: int) -> TargetError:
        with pytest.raises(TargetError) as caught, stores.as_target_error("x"):
            raise OSError(number, os.strerror(number))
        return caught.value

    assert target.goes_on_after(fault(errno.ENAMETOOLONG))
    assert not target.goes_on_after(fault(errno.ENOSPC))
    assert target.goes_on_after(fault(errno.EACCES))
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert not target.goes_on_after(fault(errno.EACCES))
    assert not SingleFile(out / "x").goes_on_after(fault(errno.ENAMETOOLONG))


def test_names_that_differ_in_their_suffix_only(out):
    """A suffix of no kind of document stays, so that files that differ in it have outputs of their own."""
    target = Directory(out)
    for name in ("o.1", "o.2", "o.XML"):
        put(target, source(name), name.encode())
    assert files(out) == {"o.1.json": b"o.1", "o.2.json": b"o.2", "o.json": b"o.XML"}


def test_a_directory_over_an_input(tmp_path):
    """An output that is its own or an earlier source's file is refused, under whatever name."""
    a, b = source_file(tmp_path / "in/a.xml"), source_file(tmp_path / "in/b.json")
    target = Directory(tmp_path / "in")
    assert problem(target, b, b"x") == f"{tmp_path / 'in/b.json'}: is the input b.json; write to another directory"
    put(target, a, b"{}")
    (tmp_path / "in/c.json").symlink_to(tmp_path / "in/a.xml")
    assert "is the input a.xml" in problem(target, source("c.xml"), b"x")
    assert (tmp_path / "in/a.xml").read_bytes() == b"<a/>"


def test_where_a_directory_cannot_be(tmp_path):
    """A file in its place, a directory in the place of an output: the error names it."""
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "out" / "a.json").mkdir(parents=True)
    assert problem(Directory(tmp_path / "file")) == f"{tmp_path / 'file'}: exists already and is not a directory"
    inner = tmp_path / "file" / "sub"
    assert problem(Directory(inner)) == f"{inner}: a part of the path is a file, not a directory"
    taken = "is a directory; remove it, or write to another one"
    assert problem(Directory(tmp_path / "out")) == f"{tmp_path / 'out/a.json'}: {taken}"


def test_a_name_that_is_too_long(out):
    """A name may be as long as the system takes; a longer one is an error."""
    put(Directory(out), source("ü" * 120 + ".xml"), b"x")
    assert list(files(out)) == ["ü" * 120 + ".json"]
    assert problem(Directory(out), source("x" * 300 + ".xml"), b"x").endswith("the name is too long")


@pytest.mark.parametrize(
    ("name", "number", "words"),
    [
        ("open", errno.EACCES, "no permission"),
        ("open", errno.EROFS, "the file system is read-only"),
        ("write", errno.ENOSPC, "the disk is full"),
        ("write", errno.EDQUOT, "the disk quota is used up"),
        ("fsync", errno.EIO, "input/output error"),
        ("close", errno.ENOSPC, "the disk is full"),
        ("replace", errno.EPERM, "no permission"),
        ("chmod", errno.EPERM, "no permission"),
    ],
)
def test_every_refusal_leaves_the_old_file(out, monkeypatch, name, number, words):
    """Wherever the operating system refuses, the error says why, the old output stands, and no part stays."""
    (out / "a.json").write_bytes(b"old")
    with monkeypatch.context() as refused:
        failing(refused, os, name, number)
        assert problem(Directory(out), source(), b"x") == f"{out / 'a.json'}: {words}"
    assert files(out) == {"a.json": b"old"}


def test_a_rollback_that_is_refused(out, monkeypatch):
    """It is a TargetError like a write, and nothing stays."""
    failing(monkeypatch, os, "ftruncate", errno.EIO)
    sink = Directory(out).open(source(), ".json")
    sink.write(b"x" * LARGE)
    with pytest.raises(TargetError, match="input/output error"), sink:
        sink.rollback()
    assert files(out) == {}


def test_short_writes(out, monkeypatch):
    """The operating system may take less than it is given; the rest follows."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, data: real(file, bytes(data[:400_000])))
    put(Directory(out), source(), b"0123456789" * 300_000)
    assert files(out) == {"a.json": b"0123456789" * 300_000}


# --- files: modes, leftovers ----------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_mode_of_any_new_file(out, mask):
    """The umask decides, as for a file that a shell makes."""
    before = os.umask(mask)
    try:
        put(Directory(out), source(), b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((out / "a.json").stat().st_mode) == 0o666 & ~mask


@posix
@pytest.mark.parametrize("mode", [0o600, 0o664])
def test_a_file_that_is_replaced_keeps_its_mode(out, mode):
    """Orders hold people's addresses: a file that only its owner could read stays so."""
    (out / "a.json").write_bytes(b"old")
    (out / "a.json").chmod(mode)
    with Directory(out).open(source(), ".json") as sink:
        sink.write(b"x")
        (part,) = (path for path in out.iterdir() if path.suffix == ".part")
        assert stat.S_IMODE(part.stat().st_mode) == mode
    assert stat.S_IMODE((out / "a.json").stat().st_mode) == mode


def test_a_part_has_a_name_of_its_own(out, monkeypatch):
    """A part never opens what stands there already, be it a link that somebody laid."""
    monkeypatch.setattr(os, "urandom", bytes)
    laid = out / ".a.json.0000000000000000.part"
    laid.symlink_to(out / "elsewhere")
    assert "exists already" in problem(Directory(out), source(), b"x")
    assert not (out / "elsewhere").exists()


def stale(folder: Path, name: str, *, hours: float) -> Path:
    path = folder / name
    path.write_bytes(b"left")
    moment = time.time() - hours * 3600
    os.utime(path, (moment, moment))
    return path


@pytest.mark.parametrize("make", [Directory, lambda out: SingleFile(out / "a.json")])
def test_what_a_killed_run_left_goes_after_a_day(out, make):
    """Old parts of the same output are removed; younger ones, others' and other hidden files are not."""
    gone = [stale(out, f".a.json.{number:016x}.part", hours=25) for number in range(2)]
    stay = [
        stale(out, ".a.json.00000000000000ff.part", hours=23),
        stale(out, ".b.json.0000000000000000.part", hours=25),
        stale(out, ".a.json.part", hours=25),
        stale(out, ".a.json.swp", hours=25),
    ]
    with make(out) as target:
        put(target, source(), b"x")
        put(target, source("c.xml"), b"x") if isinstance(target, Directory) else None
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in stay)


def test_a_directory_that_cannot_be_listed(out, monkeypatch):
    """Old parts are then left where they are."""
    left = stale(out, ".a.json.0000000000000000.part", hours=25)
    with monkeypatch.context() as refused:
        failing(refused, os, "listdir", errno.EACCES)
        put(Directory(out), source(), b"x")
    assert left.exists()


def test_a_sink_that_is_forgotten_leaves_nothing(out):
    """One that was never entered, and is lost, takes its part along."""
    sink = Directory(out).open(source(), ".json")
    assert len(files(out)) == 1
    del sink
    assert files(out) == {}


def test_a_part_that_somebody_removed(out):
    """Dropping what has gone already is no error; publishing it is one."""
    for end in (contextlib.nullcontext(), pytest.raises(TargetError, match="does not exist")):
        sink = Directory(out).open(source(), ".json")
        for path in out.iterdir():
            path.unlink()
        with end:
            sink.__exit__(*((None, None, None) if isinstance(end, pytest.RaisesExc) else (ValueError, None, None)))


SCRIPT = """
import io, signal, sys, time
from pathlib import Path, PurePosixPath
from bridge.offline.sources import Source
from bridge.offline.targets import Directory

signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
with Directory(Path(sys.argv[1])) as target:
    with target.open(Source("a.xml", PurePosixPath("a.xml"), 0, None, None, None), ".json") as sink:
        sink.write(b"x" * (3 * 2**20))
        print("written", flush=True)
        time.sleep(60)
"""


@posix
@pytest.mark.parametrize(("number", "code", "left"), [(signal.SIGTERM, 143, 0), (signal.SIGKILL, -9, 1)])
def test_a_process_that_is_killed(out, number, code, left):
    """SIGTERM as SystemExit leaves nothing; SIGKILL leaves a hidden part and never an output."""
    with subprocess.Popen([sys.executable, "-c", SCRIPT, str(out)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        process.send_signal(number)
        assert process.wait(30) == code
    names = list(files(out))
    assert len(names) == left
    assert all(name.startswith(".a.json.") and name.endswith(".part") for name in names)


def test_the_buffer_is_flat(out):
    """However much is written, only a buffer is in memory."""
    with Directory(out).open(source(), ".json") as sink:
        for _ in range(64):
            sink.write(bytes(2**17))
            assert len(sink._store._buffer) <= stores._BUFFER
