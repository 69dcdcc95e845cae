"""Inputs: what is found and in which order, what unpacks, and that damage and malice end in a SourceError."""

import errno
import gzip
import inspect
import io
import os
import pickle
import random
import socket
import struct
import subprocess
import sys
import threading
import tracemalloc
import zipfile
import zlib
from pathlib import Path, PurePosixPath

import pytest

from bridge.offline import archives, compression, sources
from bridge.offline.compression import MAX_ZST_WINDOW, ByteStream
from bridge.offline.sources import Source, SourceError, find_sources

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

XML = b"<ListOrdersResponse><Order>1</Order></ListOrdersResponse>\n"
posix = pytest.mark.skipif(os.name != "posix", reason="pipes, sockets and symbolic links as POSIX has them")


def write(path: Path, data: bytes = XML) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return made.getvalue()


def drain(stream: ByteStream, size: int = 2**16) -> bytes:
    with stream:
        return b"".join(iter(lambda: stream.read(size), b""))


def attempt(source: ByteStream | Source, size: int = 2**16) -> tuple[bytes, SourceError | None]:
    """What can be read, and what ended that."""
    got = b""
    try:
        with source if isinstance(source, ByteStream) else source.open() as data:
            while piece := data.read(size):
                got += piece
    except SourceError as error:
        return got, error
    return got, None


def text_of(source: Source | SourceError) -> bytes:
    assert isinstance(source, Source), source
    return drain(source.open())


def find(*inputs: object, **options: object) -> list[Source | SourceError]:
    return list(find_sources([str(given) for given in inputs], **options))


def found(*inputs: object, **options: object) -> list[str]:
    """Where each output belongs; of an error, its text."""
    return [str(one.relative) if isinstance(one, Source) else f"! {one}" for one in find(*inputs, **options)]


def one(*inputs: object, **options: object) -> Source:
    (source,) = find(*inputs, **options)
    assert isinstance(source, Source), source
    return source


def problem(*inputs: object, **options: object) -> str:
    """What is the matter with the only input, found or opened or read."""
    (source,) = find(*inputs, **options)
    if isinstance(source, SourceError):
        return source.problem
    with pytest.raises(SourceError) as caught:
        drain(source.open())
    assert caught.value.name == source.name
    return caught.value.problem


def stream(data: bytes) -> ByteStream:
    return ByteStream(io.BytesIO(data), "x")


class Trickle(io.BytesIO):
    """A pipe that gives what it has a few bytes at a time."""

    def read1(self, size: int | None = -1, /) -> bytes:
        return super().read1(min(size or 3, 3))


# --- one file -------------------------------------------------------------------------------------------------------


def test_a_plain_file(tmp_path):
    """A file that is named has its name as given, its file name as place, its size, and its path to read again."""
    path = write(tmp_path / "orders.xml")
    source = one(path)
    assert (source.name, source.relative, source.size) == (str(path), PurePosixPath("orders.xml"), len(XML))
    assert source.plain == source.path == path
    assert text_of(source) == text_of(source) == XML


@pytest.mark.parametrize("name", ["orders.xml.gz", "orders.xml.ZST", "orders.xml"])
@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress], ids=["gzip", "zst"])
def test_a_packed_file_is_recognised_by_its_content(tmp_path, name, pack):
    """gzip and zst are unpacked whatever the name; the place has no suffix of a compression."""
    path = write(tmp_path / name, pack(XML))
    source = one(path)
    assert (str(source.relative), source.plain, source.path) == ("orders.xml", None, path)
    assert source.size == path.stat().st_size
    assert text_of(source) == XML


def test_a_name_promises_nothing(tmp_path):
    """Plain text that is called .gz or .zip is plain text."""
    for name, place in (("a.xml.gz", "a.xml"), ("a.zip", "a.zip"), ("a", "a"), ("..gz", "..gz"), (".gz", ".gz")):
        source = one(write(tmp_path / name))
        assert str(source.relative) == place
        assert source.plain is not None
        assert text_of(source) == XML


@pytest.mark.parametrize("data", [b"", b"<", b"<a/", b"\x1f", b"\x28\xb5"])
def test_a_file_shorter_than_a_magic_number(tmp_path, data):
    """It is plain, and all of it is read."""
    source = one(write(tmp_path / "a.xml", data))
    assert source.plain is not None
    assert text_of(source) == data


def test_sources_of_files_go_to_other_processes(tmp_path):
    """A Source of a plain or packed file can be pickled."""
    source = pickle.loads(pickle.dumps(one(write(tmp_path / "a.xml.gz", gzip.compress(XML)))))
    assert text_of(source) == XML


def test_the_start_pays_for_nothing_that_is_not_needed():
    """Neither zipfile, isal, zstd nor tempfile is imported before an input needs it."""
    script = "import sys; was = {*sys.modules}; import bridge.offline.targets; print(*{*sys.modules} - was)"
    modules = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"zipfile", "isal", "backports.zstd", "compression.zstd", "tempfile", "hashlib"} & set(modules)


# --- what cannot be read --------------------------------------------------------------------------------------------


def test_the_rest_goes_on(tmp_path):
    """An input that cannot be read is an error in its place, not the end."""
    good = write(tmp_path / "a.xml")
    missing, pattern = tmp_path / "b.xml", tmp_path / "*.json"
    assert found(missing, good, pattern, good) == [
        f"! {missing}: does not exist",
        "a.xml",
        f"! {pattern}: no file matches",
        "a.xml",
    ]


def test_what_is_no_path():
    """A name that no system takes is an error like any other."""
    assert found("a\0b") == ["! a_b: is no path"]
    assert found("") == ["! : does not exist"]


def test_it_is_lazy(tmp_path):
    """Nothing is looked at before its turn."""
    walk = find_sources([str(tmp_path / "a.xml"), str(tmp_path / "b.xml")])
    assert isinstance(next(walk), SourceError)
    write(tmp_path / "b.xml")
    assert isinstance(next(walk), Source)


def refuse(monkeypatch, target, name, number=errno.EACCES, only=None):
    """Make a method raise, for every path or for that with the name ``only``. Root is refused nothing otherwise."""
    real = getattr(target, name)

    def refused(path, *arguments, **options):
        if only is None or Path(path).name == only:
            raise OSError(number, os.strerror(number), str(path))
        return real(path, *arguments, **options)

    monkeypatch.setattr(target, name, refused)


def test_a_file_without_permission(tmp_path, monkeypatch):
    """It is an error when it is looked for."""
    path = write(tmp_path / "a.xml")
    refuse(monkeypatch, Path, "open")
    assert found(path) == [f"! {path}: no permission"]


def test_a_file_that_goes_away(tmp_path):
    """A file that is there when it is found and not when it is opened is an error then."""
    source = one(path := write(tmp_path / "a.xml"))
    path.unlink()
    with pytest.raises(SourceError, match=r"a\.xml: does not exist"):
        source.open()


def test_a_disk_that_fails():
    """An error of the operating system while reading is a SourceError in its words."""

    class Failing(io.BytesIO):
        def read1(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise OSError(errno.EIO, "Input/output error")
            return super().read1(size)

    data = ByteStream(Failing(XML), "x")
    assert data.read(4) == XML[:4]
    with pytest.raises(SourceError, match="x: input/output error"):
        data.read(4)


def test_a_stream_that_cannot_begin_is_closed():
    """A constructor that raises leaves nothing open."""
    raw = io.BytesIO(zipped(("a", b"")))
    with pytest.raises(SourceError):
        ByteStream(raw, "x")
    assert raw.closed


# --- gzip and zst ---------------------------------------------------------------------------------------------------

PACKERS = pytest.mark.parametrize(
    ("word", "pack"),
    [("gzip", lambda data: gzip.compress(data, mtime=0)), ("zst", zstd.compress)],
    ids=["gzip", "zst"],
)


@PACKERS
def test_members_in_a_row(word, pack):
    """Several members or frames are one stream, in pieces of any size, empty ones among them."""
    parts = [XML, b"", random.Random(1).randbytes(300_000), bytes(10), XML * 20_000]
    packed = b"".join(pack(part) for part in parts)
    whole = b"".join(parts)
    for size in (1000, 2**16, 2**24):
        assert drain(stream(packed), size) == whole
    assert drain(ByteStream(Trickle(pack(XML) + pack(b"") + pack(XML)), "x"), 1) == XML + XML


@PACKERS
def test_a_cut_at_any_byte_is_told(word, pack):
    """Data that ends before its end is an error which says so, after what could be unpacked."""
    whole = XML + random.Random(2).randbytes(200)
    packed = pack(XML) + pack(whole[len(XML) :])
    between = len(pack(XML))
    for cut in range(4, len(packed)):
        if cut == between:
            continue
        got, error = attempt(stream(packed[:cut]), 50)
        assert error is not None
        assert whole.startswith(got)
        beginning = between < cut < between + 2 or (word == "zst" and between < cut < between + 4)
        assert ("follows" if beginning else "is cut off") in error.problem
        assert word in error.problem


@PACKERS
@pytest.mark.parametrize("tail", [b"x", b"<a/>\n", XML * 10])
def test_garbage_after_the_end_is_an_error(word, pack, tail):
    """What follows the last member and is none is not dropped silently."""
    data = stream(pack(XML) + tail)
    assert data.read(2**16) == XML
    with pytest.raises(SourceError, match=f"something that is not {word} follows the {word} data"):
        data.read(2**16)


def test_zeros_after_gzip_are_padding():
    """Tapes and some tools fill up with zeros; more members may follow. After zst zeros are garbage."""
    member = gzip.compress(XML)
    for padding in (1, 511, 700_000):
        assert drain(stream(member + bytes(padding))) == XML
        assert drain(stream(member + bytes(padding) + member)) == XML + XML
    with pytest.raises(SourceError, match="follows"):
        drain(stream(zstd.compress(XML) + bytes(4)))


@PACKERS
def test_damage_is_an_error(word, pack):
    """No byte that is changed in the packed data changes what is read without an error."""
    options = {zstd.CompressionParameter.checksum_flag: 1}
    packed = pack(XML * 3) if word == "gzip" else zstd.compress(XML * 3, options=options)
    numbers = random.Random(3)
    for place in range(10 if word == "gzip" else 4, len(packed)):
        damaged = bytearray(packed)
        damaged[place] ^= 1 << numbers.randrange(8)
        got, error = attempt(stream(bytes(damaged)))
        assert got == XML * 3 if error is None else word in error.problem


def test_skippable_frames_are_skipped():
    """Parallel compressors and seekable files begin or end with frames that hold no data."""
    skipped = struct.pack("<II", 0x184D2A50, 8) + b"whatever"
    assert drain(stream(skipped + zstd.compress(XML) + skipped)) == XML


def test_a_large_window_is_refused():
    """A zst frame may have the window that zstd allows by default, not one that takes gigabytes."""
    assert MAX_ZST_WINDOW == 2**27
    for exponent, problem_ in ((27, "is cut off"), (28, "is damaged"), (31, "is damaged")):
        head = b"\x28\xb5\x2f\xfd" + bytes([0x00, (exponent - 10) << 3])
        with pytest.raises(SourceError, match=problem_):
            drain(stream(head))


@pytest.mark.parametrize(
    "inner",
    [gzip.compress(XML), zstd.compress(XML), zipped(("a.xml", XML))],
    ids=["gzip inside", "zst inside", "zip inside"],
)
@PACKERS
def test_packed_twice_is_told(word, pack, inner):
    """One level is unpacked; a second one is named instead of being taken for a document."""
    with pytest.raises(SourceError, match=f"holds (gzip|zst|zip) data inside {word} data"):
        drain(stream(pack(inner)))


def peak_while_reading(data: ByteStream, size: int) -> tuple[int, int]:
    """(bytes read, most bytes that Python held meanwhile)."""
    total = 0
    tracemalloc.start()
    try:
        while piece := data.read(size):
            assert len(piece) <= size
            total += len(piece)
        return total, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def bomb(pack, size: int) -> bytes:
    piece = bytes(2**20)
    return b"".join(pack.compress(piece) for _ in range(size // len(piece))) + pack.flush()


@pytest.mark.parametrize("kind", ["gzip", "zst", "zip"])
@pytest.mark.long
def test_a_bomb_does_not_go_off(tmp_path, kind):
    """256 MiB of zeros packed small, read in pieces of 1 MiB, takes a few MiB."""
    size, path = 2**28, tmp_path / "bomb"
    if kind == "zip":
        with (
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
            archive.open("0", "w") as file,
        ):
            for _ in range(size // 2**20):
                file.write(bytes(2**20))
    else:
        write(path, bomb(zlib.compressobj(1, wbits=31) if kind == "gzip" else zstd.ZstdCompressor(), size))
    source = one(path)
    with source.open() as data:
        total, peak = peak_while_reading(data, 2**20)
        assert total == size
        assert peak < 16 * 2**20
        assert data.consumed == source.size


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress, zstd.compress], ids=["plain", "gzip", "zst"])
def test_progress(tmp_path, pack):
    """``consumed`` counts bytes on disk, never goes back, and ends at the size of the file."""
    packed = pack(random.Random(4).randbytes(3_000_000))
    source = one(write(tmp_path / "a.xml", packed))
    steps = []
    with source.open() as data:
        while data.read(2**17):
            steps.append(data.consumed)
    assert steps == sorted(steps)
    assert len(set(steps)) > 5
    assert steps[-1] == source.size == len(packed)


# --- directories ----------------------------------------------------------------------------------------------------


def test_a_directory(tmp_path):
    """Its candidates by suffix, recursively, sorted by name, each with its path below the directory."""
    plain = ("a.json", "b.xml", "c.ndjson", "d.jsonl", "e.txt")
    names = (*plain, "f.XML.gz", "g.json.zst", "sub/deeper/x.xml", "sub/a.xml", "sub.xml")
    for name in names:
        write(tmp_path / "in" / name)
    for name in [".hidden.xml", ".git/a.xml"]:
        write(tmp_path / "in" / name)
    expected = [*plain, "f.XML", "g.json", "sub/a.xml", "sub/deeper/x.xml", "sub.xml"]
    assert found(tmp_path / "in") == expected
    assert found(tmp_path / "in", tmp_path / "in/sub") == [*expected, "a.xml", "deeper/x.xml"]
    first = find(tmp_path / "in")[0]
    assert isinstance(first, Source)
    assert first.name == str(tmp_path / "in" / "a.json")


PDF = b"%PDF-1.4 <a>"
OTHERS = {
    "20190101": (XML, "20190101"),
    "orders-2019.gz": (gzip.compress(XML), "orders-2019"),
    "o.xml.1": (XML, "o.xml.1"),
    "o.xml.bak": (b"\xef\xbb\xbf \n" + XML, "o.xml.bak"),
    "x.zst": (zstd.compress(b'[ {"a": 1}]'), "x"),
    "resp.response": (b'{"payload":{}}', "resp.response"),
    "wide": ("<a/>".encode("utf-16"), "wide"),
    "batch": (zipped(("i.xml", XML)), "batch/i.xml"),
    "y.xml.bz2": (b"BZh91AY&SY", None),
    "empty": (b"", None),
    "notes": (b"hello <a>", None),
    "some.ini": (b"[section]\na=1", None),
    "page.html": (b"<!DOCTYPE html><html></html>", None),
    "old.htm": (b"\n<HTML>", None),
    "sheet.xlsx": (zipped(("[Content_Types].xml", XML)), None),
    "backup.tar.gz": (gzip.compress(PDF * 999), None),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_names_in_a_directory(tmp_path, name):
    """A file with another name is an input by what it begins with; else it is told that it was passed over."""
    data, place = OTHERS[name]
    path = write(tmp_path / name, data)
    write(tmp_path / "zz.xml")
    passed_over: list[str] = []
    assert found(tmp_path, on_passed_over=passed_over.append) == [*([place] if place else []), "zz.xml"]
    assert passed_over == ([] if place else [str(path)])


def test_other_names_that_cannot_be_looked_at(tmp_path, monkeypatch):
    """What may be an input and cannot be read is an error."""
    write(tmp_path / "cut", gzip.compress(XML)[:12])
    assert found(tmp_path) == [f"! {tmp_path / 'cut'}: the gzip data is cut off: it ends before its end is announced"]
    refuse(monkeypatch, Path, "open")
    assert found(tmp_path) == [f"! {tmp_path / 'cut'}: no permission"]


def test_names_are_shown_without_what_is_unprintable(tmp_path):
    """A name cannot give orders to a terminal, nor begin a line of its own."""
    source = one(path := write(tmp_path / "a\x1b[31m\nb.xml"))
    assert source.name == str(tmp_path / "a_[31m_b.xml")
    path.unlink()
    with pytest.raises(SourceError, match=r"a_\[31m_b\.xml: does not exist"):
        source.open()


def test_an_empty_directory(tmp_path):
    """Nothing is no success, whatever was named."""
    nothing = "no file with XML or JSON in it was found"
    (tmp_path / "empty").mkdir()
    write(tmp_path / "other/a.pdf", b"%PDF")
    for name in ("empty", "other", "*"):
        assert found(tmp_path / name) == [f"! {tmp_path / name}: {nothing}"]


def test_a_deep_directory(tmp_path):
    """Depth is no matter of Python's stack."""
    write(tmp_path.joinpath(*["d"] * 300, "a.xml"))
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 150)
    try:
        assert len(found(tmp_path)) == 1
    finally:
        sys.setrecursionlimit(limit)


@posix
def test_symbolic_links(tmp_path):
    """Links to files and directories are followed; circles end; no directory is read twice; a dead link is told."""
    inside, outside = tmp_path / "in", tmp_path / "elsewhere"
    write(inside / "a.xml")
    write(outside / "o.xml")
    (inside / "circle").symlink_to(inside)
    (inside / "link.xml").symlink_to(outside / "o.xml")
    (inside / "one").symlink_to(outside)
    (inside / "two").symlink_to(outside)
    (outside / "back").symlink_to(inside)
    (inside / "self.xml").symlink_to(inside / "self.xml")
    (inside / "dead.xml").symlink_to(inside / "nowhere")
    (inside / "dead").symlink_to(inside / "nowhere")
    assert found(inside) == [
        "a.xml",
        f"! {inside / 'dead.xml'}: does not exist",
        "link.xml",
        "one/o.xml",
        f"! {inside / 'self.xml'}: its symbolic links lead in a circle",
    ]


@posix
def test_a_directory_gives_no_pipes_and_sockets(tmp_path, monkeypatch):
    """What would block, or is no file, is not touched."""
    os.mkfifo(tmp_path / "fifo.xml")
    monkeypatch.chdir(tmp_path)  # the address of a socket must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.xml")
        write(tmp_path / "z.xml")
        assert found(tmp_path) == found(tmp_path / "*.xml") == ["z.xml"]
        assert found("socket.xml") == ["! socket.xml: is a socket or a device, not a file"]


def test_a_directory_without_permission(tmp_path, monkeypatch):
    """It is an error in its place; what stands beside it is read."""
    for name in ("a/x.xml", "b/x.xml"):
        write(tmp_path / name)
    refuse(monkeypatch, os, "listdir", only="a")
    assert found(tmp_path) == [f"! {tmp_path / 'a'}: no permission", "b/x.xml"]


def test_the_output_is_no_input(tmp_path):
    """``exclude`` is left out wherever it is met, but not when it is what was named."""
    for name in ("a.xml", "out/a.json", "sub/a.xml"):
        write(tmp_path / name)
    assert found(tmp_path, exclude=tmp_path / "out") == ["a.xml", "sub/a.xml"]
    assert found(tmp_path / "*", exclude=tmp_path / "out") == ["a.xml", "sub/a.xml"]
    assert found(tmp_path / "**" / "*.*", exclude=tmp_path / "out") == ["a.xml", "sub/a.xml"]
    assert found(tmp_path / "out" / "*", exclude=tmp_path / "out") == ["a.json"]
    assert found(tmp_path / "out", exclude=tmp_path / "out") == ["a.json"]
    assert len(found(tmp_path, exclude=tmp_path / "later")) == 3


# --- patterns -------------------------------------------------------------------------------------------------------


def test_a_pattern(tmp_path, monkeypatch):
    """Matches are sorted, count as named, and are placed below the part of the pattern without wildcards."""
    for name in ["2024/b.xml", "2024/a.dat", "2025/a.dat", "2025/deep/c.xml", "top.xml", ".hidden/a.dat"]:
        write(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert found("*.xml") == found("./t?p.xml") == ["top.xml"]
    assert found(tmp_path / "*" / "a.dat") == found("*/a.dat") == ["2024/a.dat", "2025/a.dat"]
    assert found("2024/*") == ["a.dat", "b.xml"]
    assert found("2024/../2025/*.dat") == ["a.dat"]
    assert found("*/../top.xml") == ["2024/top.xml", "2025/top.xml"]  # one file by two ways
    assert found("202*") == ["2024/a.dat", "2024/b.xml", "2025/a.dat", "2025/deep/c.xml"]
    assert found("**/*.xml") == ["2024/b.xml", "2025/deep/c.xml", "top.xml"]
    assert found("2025/**") == ["a.dat", "deep/c.xml"]
    assert found("**/**.dat") == ["2024/a.dat", "2025/a.dat"]
    assert found("*/**/c.xml") == ["2025/deep/c.xml"]


def test_a_name_with_wildcards_is_a_name_first(tmp_path):
    """A file that is called like a pattern is that file."""
    write(tmp_path / "a[1].xml")
    write(tmp_path / "a1.xml")
    assert found(tmp_path / "a[1].xml") == ["a[1].xml"]


@posix
def test_a_pattern_through_links(tmp_path):
    """``**`` gives each file once, however many ways lead to it; a dead link is an error."""
    write(tmp_path / "in/a.xml")
    (tmp_path / "in/circle").symlink_to(tmp_path / "in")
    (tmp_path / "in/dead.xml").symlink_to(tmp_path / "nowhere")
    dead = f"! {tmp_path / 'in/dead.xml'}: does not exist"
    assert found(tmp_path / "in" / "**" / "*.xml") == ["a.xml", dead]
    assert found(tmp_path / "in" / "*.xml") == ["a.xml", dead]


# --- archives -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("name", ["batch.zip", "batch.xml"])
def test_an_archive(tmp_path, name, method):
    """Each member is a source, in the archive's order, below a directory of the archive's name; directories, and the
    forks that macOS adds, are none. Members may be packed themselves."""
    members = [
        ("z/b.xml", XML),
        ("z/", b""),
        ("a.xml.gz", gzip.compress(XML * 2)),
        ("__MACOSX/._a.xml", b"\0"),
        ("c", zstd.compress(XML * 3)),
        ("empty.xml", b""),
    ]
    path = write(tmp_path / name, zipped(*members, method=method))
    found_ = find(path)
    assert [source.name for source in found_] == [f"{path}!{n}" for n in ("z/b.xml", "a.xml.gz", "c", "empty.xml")]
    folder = name.removesuffix(".zip")
    assert found(path) == [f"{folder}/{n}" for n in ("z/b.xml", "a.xml", "c", "empty.xml")]
    assert [text_of(source) for source in found_] == [XML, XML * 2, XML * 3, b""]
    for source in find_sources([str(path)]):
        assert isinstance(source, Source)
        assert (source.path, source.plain) == (path, None)
        with source.open() as data:
            while data.read(10):
                assert 0 <= data.consumed <= source.size
            assert data.consumed == (source.size if data.consumed else 0)  # an empty one has nothing to count


def test_an_archive_in_a_directory(tmp_path):
    """Its members belong below its own place."""
    write(tmp_path / "in/sub/batch.ZIP", zipped(("x/y.xml", XML)))
    assert found(tmp_path / "in") == ["sub/batch/x/y.xml"]


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("C:\\Windows\\x.xml", "Windows/x.xml"),
        ("C:x.xml", "x.xml"),
        ("\\\\server\\share\\x.xml", "server/share/x.xml"),
        ("a/../../x.xml", "a/x.xml"),
        ("a/./x.xml", "a/x.xml"),
        ("a\0b.xml", "a_b.xml"),
        ("a\x1b[2J\n.xml", "a_[2J_.xml"),
        ("ab:c*?.xml", "ab_c__.xml"),
        ("nul.xml", "_nul.xml"),
        ("COM1", "_COM1"),
        ("x. . /y.xml", "x/y.xml"),
        ("...", "member"),
        ("/", "member"),
        ("", "member"),
        ("Zürich/x.xml", "Zürich/x.xml"),
    ],
)
def test_a_member_stays_below_its_directory(name, place):
    """Roots, drives, parents, backslashes and control characters lead nowhere."""
    assert str(archives.safe_path(name)) == place


def test_a_hostile_archive(tmp_path):
    """What its members are called decides neither where they go nor what a terminal does."""
    path = write(tmp_path / "...zip", zipped(("../../x.xml", XML), ("\x1b[2J.xml", XML), ("...gz", XML)))
    assert found(path) == ["...zip/x.xml", "...zip/_[2J.xml", "...zip/...gz"]
    assert [source.name for source in find(path)][1] == f"{path}!_[2J.xml"
    assert all(text_of(source) == XML for source in find(path))


def test_a_member_without_a_name(tmp_path):
    """It is read all the same."""
    data = bytearray(zipped(("x", XML)))
    for signature, offset in ((b"PK\x03\x04", 26), (b"PK\x01\x02", 28)):
        place = data.index(signature) + offset
        data[place : place + 4] = struct.pack("<HH", 0, 1)  # the name's one byte becomes an extra field
    source = one(write(tmp_path / "a.zip", bytes(data)))
    assert (source.name, str(source.relative)) == (f"{tmp_path / 'a.zip'}!", "a/member")
    assert text_of(source) == XML


def test_an_archive_in_an_archive(tmp_path):
    """One level only."""
    path = write(tmp_path / "a.zip", zipped(("inner.zip", zipped(("x.xml", XML)))))
    assert problem(path) == "is a zip archive inside another archive; unpack it first"


def test_a_member_under_a_password(tmp_path):
    """It is told, and the other members are read."""
    data = bytearray(zipped(("a.xml", XML), ("b.xml", XML)))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    first, second = find(write(tmp_path / "a.zip", bytes(data)))
    assert isinstance(first, Source)
    with pytest.raises(SourceError, match=r"a\.zip!a\.xml: is encrypted"):
        first.open()
    assert text_of(second) == XML


@pytest.mark.parametrize(
    ("method", "word"), [(9, "Deflate64"), (12, "bzip2"), (14, "LZMA"), (99, "AES"), (77, "method 77")]
)
def test_a_member_of_another_method(tmp_path, method, word):
    """What zipfile cannot unpack, or not within bounds, is named."""
    data = bytearray(zipped(("a.xml", XML)))
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.index(signature) + offset] = method
    assert word in problem(write(tmp_path / "a.zip", bytes(data)))


def test_a_wrong_checksum(tmp_path):
    """The CRC of a member is checked."""
    data = zipped(("a.xml", XML), method=zipfile.ZIP_STORED).replace(b"<Order>1", b"<Order>2")
    assert "Bad CRC-32" in problem(write(tmp_path / "a.zip", data))


def test_a_cut_archive(tmp_path):
    """Without its directory at the end an archive gives nothing but an error."""
    data = zipped(("a.xml", XML), ("b.xml", XML))
    for cut in range(4, len(data), 3):
        assert "is damaged, cut off" in problem(write(tmp_path / "a.zip", data[:cut]))


def test_a_damaged_archive_raises_nothing_else(tmp_path):
    """Whatever bytes are changed, an archive is read, or it is a SourceError."""
    whole = zipped(("a/ü.xml", XML * 50), ("b.xml.gz", gzip.compress(XML)))
    numbers = random.Random(5)
    for _ in range(600):
        data = bytearray(whole)
        for _ in range(numbers.choice((1, 1, 2, 20))):
            data[numbers.randrange(4, len(data))] = numbers.randrange(256)
        for source in find(write(tmp_path / "a.zip", bytes(data))):
            error = attempt(source)[1] if isinstance(source, Source) else None
            assert error is None or error.name == source.name
            assert "argument" not in str(error or source)


def test_an_archive_that_goes_away(tmp_path):
    """A member is opened from the list of sources also when the archive has been left; without archive, an error."""
    path = write(tmp_path / "a.zip", zipped(("a.xml", XML)))
    source = one(path)
    opened = source.open()
    assert drain(opened) == XML
    path.unlink()
    with pytest.raises(SourceError, match=r"a\.zip: does not exist"):
        source.open()


def test_an_empty_archive(tmp_path):
    """It is told, wherever it stands."""
    path = write(tmp_path / "a.zip", zipped())
    assert found(path) == found(tmp_path) == [f"! {path}: the zip archive holds no file"]


def test_a_walk_that_is_left_closes_the_archive(tmp_path):
    """Who stops in the middle of an archive leaves nothing open, and may go on reading what is open."""
    path = write(tmp_path / "a.zip", zipped(("a.xml", XML), ("b.xml", XML)))
    walk = find_sources([str(path)])
    first = next(walk)
    assert isinstance(first, Source)
    data = first.open()
    walk.close()
    assert drain(data) == XML


# --- pipes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [io.BytesIO, Trickle])
@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress, zstd.compress], ids=["plain", "gzip", "zst"])
def test_standard_input(kind, pack):
    """``-`` is read once, from its first byte, packed or not, and is not closed."""
    stdin = kind(pack(XML))
    source = one("-", stdin=stdin)
    assert (source.name, str(source.relative)) == ("<stdin>", "stdin")
    assert (source.size, source.path, source.plain) == (0, None, None)
    assert text_of(source) == XML
    assert not stdin.closed
    with pytest.raises(SourceError, match="<stdin>: can be read only once"):
        source.open()


def test_standard_input_twice():
    """The second ``-`` is an error."""
    assert found("-", "-", stdin=io.BytesIO(XML)) == ["stdin", "! <stdin>: can be read only once"]


def test_an_unbuffered_standard_input(tmp_path):
    """A raw file has no read1; it is read all the same."""
    with write(tmp_path / "a").open("rb", buffering=0) as raw:
        assert text_of(one("-", stdin=raw)) == XML


@pytest.mark.parametrize("pipe", [io.BytesIO, Trickle])
def test_an_archive_through_standard_input(pipe):
    """It is put into a temporary file first, which is there as long as its members."""
    stdin = pipe(zipped(("x/a.xml", XML), ("b.xml", XML)))
    listed = find("-", stdin=stdin)
    assert [source.name for source in listed] == ["<stdin>!x/a.xml", "<stdin>!b.xml"]
    assert [str(source.relative) for source in listed] == ["stdin/x/a.xml", "stdin/b.xml"]
    first = listed[0].open()
    del listed
    assert drain(first) == XML


def test_the_standard_input_of_the_process(monkeypatch):
    """Without ``stdin`` it is that of the process; one that is closed or missing is an error."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(XML)))
    assert text_of(one("-")) == XML
    sys.stdin.close()
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setattr(sys, "stdin", None)
    assert found("-") == ["! <stdin>: is closed"]
    closed = io.BytesIO()
    closed.close()
    assert found("-", stdin=closed) == ["! <stdin>: is closed"]


def test_a_standard_input_that_fails():
    """An error of the operating system at its first bytes is an error in its place."""

    class Failing(io.BytesIO):
        def read1(self, size: int | None = -1, /) -> bytes:
            raise IsADirectoryError(errno.EISDIR, "Is a directory")

    assert found("-", stdin=Failing()) == ["! <stdin>: is a directory"]


def test_a_full_disk_under_a_temporary_file(monkeypatch):
    """An archive from a pipe that does not fit is an error in its place."""

    class Full(io.BytesIO):
        def write(self, data, /):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", Full)
    assert found("-", stdin=io.BytesIO(zipped(("a", XML)))) == ["! <stdin>: the disk is full"]


@posix
@pytest.mark.parametrize("packed", [XML, gzip.compress(XML), zipped(("a.xml", XML))], ids=["plain", "gzip", "zip"])
def test_a_named_pipe(tmp_path, packed):
    """A FIFO that is named is read like standard input."""
    path = tmp_path / "orders.xml"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(packed,))
    writer.start()
    source = one(path)
    writer.join()
    assert (source.path, source.plain) == (None, None)
    assert str(source.relative) in ("orders.xml", "orders.xml/a.xml")
    assert text_of(source) == XML


@posix
def test_a_named_pipe_that_nobody_opens(tmp_path):
    """It is closed with its source."""
    path = tmp_path / "orders.xml"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(XML,))
    writer.start()
    source = one(path)
    del source
    writer.join(10)
    assert not writer.is_alive()


@posix
def test_the_null_device():
    """A character device is a stream."""
    assert text_of(one(os.devnull)) == b""


# --- the modules ----------------------------------------------------------------------------------------------------


def test_errors_are_values():
    """A SourceError says its name and problem, also on the other side of a process."""
    error = pickle.loads(pickle.dumps(SourceError("a.xml", "is cut off")))
    assert (str(error), error.name, error.problem) == ("a.xml: is cut off", "a.xml", "is cut off")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (OSError(errno.EIO, "Input/output error", "/a/path"), "input/output error"),
        (OSError("odd"), "odd"),
        (OSError(), "oserror"),
    ],
)
def test_an_operating_system_in_plain_words(error, words):
    """Known errors have words of their own, others those of the system; never a number."""
    assert compression.in_words(error) == sources.in_words(error) == words
