"""``mws-bridge convert`` as a person meets it: files, directories, pipes, exit codes, interrupts."""

import errno
import gzip
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from rich.console import Console

from bridge.cli import convert, main
from bridge.cli.arguments import build_parser
from bridge.cli.progress import ProgressBar
from bridge.offline.memory import MEMORY_NAME
from bridge.offline.report import MAX_NOTES, Report
from bridge.offline.sources import Source
from tests.cli.running import PATIENCE, command

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

NAMESPACE = "https://mws.amazonservices.com/Orders/2013-09-01"


def xml(*keys, inner="<OrderStatus>Shipped</OrderStatus>"):
    members = "".join(f"<Order><AmazonOrderId>{key}</AmazonOrderId>{inner}</Order>" for key in keys)
    return (
        f'<ListOrdersResponse xmlns="{NAMESPACE}"><ListOrdersResult><Orders>{members}</Orders></ListOrdersResult>'
        "</ListOrdersResponse>\n"
    ).encode()


def lines(*keys):
    return b"".join(b'{"AmazonOrderId":"%b","OrderStatus":"Shipped"}\n' % key.encode() for key in keys)


@pytest.fixture(autouse=True)
def _own_signals():
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def cli(monkeypatch, capsysbinary):
    """Runs the verb: its exit code, standard output, and standard error."""

    def run(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = main(["convert", *map(str, arguments)])
        told = capsysbinary.readouterr()
        return code, told.out, told.err.decode()

    return run


def files(top):
    """All but what the directory remembers."""
    found = (path for path in top.rglob("*") if path.is_file() and path.name != MEMORY_NAME)
    return sorted(str(path.relative_to(top)) for path in found)


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


SUMMARY = re.compile(r"(\d+ files?: .*) in \d+\.\d s(.*)\n")


def summary(err):
    found = SUMMARY.search(err)
    assert found, err
    return "".join(found.groups())


# --- where it goes --------------------------------------------------------------------------------------------------


def test_standard_output(cli, tmp_path):
    """Without an option all goes to the standard output, one input after the other, with a summary on the error."""
    one, two = write(tmp_path / "a.xml", xml("1")), write(tmp_path / "b.xml", xml("2", "3"))
    code, out, err = cli("--lines", one, two)
    assert (code, out) == (0, lines("1", "2", "3"))
    assert summary(err) == "2 files: 2 documents, 3 orders"


def test_standard_input(cli):
    """A hyphen is the standard input, either way."""
    assert cli("--lines", "-", stdin=xml("1"))[:2] == (0, lines("1"))
    code, out, err = cli("-", stdin=lines("1", "2"))
    assert (code, out.count(b"<Order>")) == (0, 2)
    assert summary(err) == "1 file: 1 document, 2 orders"


def test_one_file(cli, tmp_path):
    """Several inputs go into one file, which is made anew each time."""
    one, two, out = write(tmp_path / "a.xml", xml("1")), write(tmp_path / "b.xml", xml("2")), tmp_path / "out"
    assert cli("--lines", one, two, "-o", out)[:2] == (0, b"")
    assert out.read_bytes() == lines("1", "2")
    out.write_bytes(b"touched")
    os.utime(one, (1, 1))
    assert cli("--lines", one, "-o", out)[0] == 0
    assert out.read_bytes() == lines("1")
    assert cli("--lines", one, "-o", "-")[1] == lines("1")


def test_a_directory(cli, tmp_path):
    """Each input has its file, in a directory that mirrors theirs; what is done is left, and done again by force."""
    write(tmp_path / "in/a.xml", xml("1"))
    write(tmp_path / "in/sub/b.xml.gz", gzip.compress(xml("2")))
    write(tmp_path / "in/sub/c.json", lines("3"))
    out = tmp_path / "out"
    assert cli(tmp_path / "in", "-d", out)[0] == 0
    assert files(out) == ["a.json", "sub/b.json", "sub/c.xml"]
    write(out / "a.json", b"touched")
    code, _, err = cli(tmp_path / "in", "-d", out)
    assert (code, (out / "a.json").read_bytes()) == (0, b"touched")
    assert summary(err).endswith("3 files done already")
    assert cli(tmp_path / "in", "-d", out, "--form", "generic")[0] == 0
    assert b"ListOrdersResult" in (out / "a.json").read_bytes()
    write(out / "a.json", b"touched")
    assert cli(tmp_path / "in", "-o", out, "--force", "--lines")[0] == 0  # a directory after -o is one
    assert (out / "a.json").read_bytes() == b"touched"
    assert (out / "a.ndjson").read_bytes() == lines("1")


def test_an_output_that_lacks_something_is_done_again(cli, tmp_path):
    """A file of which a part failed is converted again by the next run, in a directory as well as in one file."""
    source = write(tmp_path / "a.xml", xml("1") + b"<broken>" + xml("2"))
    bad = write(tmp_path / "b.xml", b"nothing")
    for where in (["-d", tmp_path / "d"], ["-o", tmp_path / "one"]):
        for _ in range(2):
            code, _, err = cli(source, bad, *where)
            assert code == 2
            assert summary(err).startswith("2 files: 2 documents, 2 orders; 2 failures")
    assert files(tmp_path / "d") == ["a.json"]
    good = write(tmp_path / "g.xml", xml("3"))
    for _ in range(2):
        assert cli(good, bad, "-o", tmp_path / "two")[0] == 2
    write(bad, xml("4"))
    os.utime(bad, (1, 1))
    assert cli("--lines", good, bad, "-o", tmp_path / "two")[0] == 0
    assert (tmp_path / "two").read_bytes() == lines("3", "4")


def test_patterns_and_archives(cli, tmp_path):
    """Patterns, zip, gzip and zst are inputs like any other."""
    write(tmp_path / "a.xml.zst", zstd.compress(xml("1")))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("x/c.xml", xml("2"))
    write(tmp_path / "d.xml.gz", gzip.compress(xml("3")))
    code, out, _ = cli("--lines", tmp_path / "*.*")
    assert (code, out) == (0, lines("1", "2", "3"))


def test_nothing_is_written_over_an_input(cli, tmp_path):
    """An output that is an input, or a directory of inputs, is refused."""
    source = write(tmp_path / "a.xml", xml("1"))
    code, _, err = cli(source, "-o", source, "--force")
    assert (code, source.read_bytes()) == (2, xml("1"))
    assert f"mws-bridge: {source}: is the input" in err
    code, _, err = cli(tmp_path, "-d", tmp_path)
    assert code == 2
    assert "is an input directory; write to another one" in err
    code, _, err = cli(source, "-o", tmp_path / "none" / "x")
    assert code == 2
    assert "does not exist" in err


def test_a_name_clash_is_the_fault_of_one(cli, tmp_path):
    """Of two inputs with one output the second is refused, with a remedy; so is one whose output is a directory. All
    others are converted."""
    for name in ("2019.xml", "2019.xml.gz", "2020.xml", "2021.xml"):
        write(tmp_path / "in" / name, xml(name))
    (tmp_path / "out/2020.json").mkdir(parents=True)
    code, _, err = cli(tmp_path / "in", "-d", tmp_path / "out")
    assert (code, files(tmp_path / "out")) == (2, ["2019.json", "2021.json"])
    assert "2019.json: is the output of " in err
    assert "2019.xml.gz into another directory\n" in err
    assert "2020.json: is a directory; remove it, or write to another one\n" in err
    assert "; 2 failures" in summary(err)


def test_a_full_disk_ends_the_run(cli, tmp_path, monkeypatch):
    """When nothing can be written any more, that is said once."""
    for name in ("a.xml", "b.xml"):
        write(tmp_path / "in" / name, xml(name))

    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    code, _, err = cli(tmp_path / "in", "-d", tmp_path / "out")
    assert (code, err.count("the disk is full")) == (2, 1)


def test_files_with_other_names(cli, tmp_path):
    """A directory is converted whatever the names in it; what is no document is counted and named."""
    for name in ("ok.xml", "20190101", "o.xml.1", "o.xml.bak"):
        write(tmp_path / "in" / name, xml(name))
    for number in range(7):
        write(tmp_path / f"in/{number}.pdf", b"%PDF")
    code, _, err = cli(tmp_path / "in", "-d", tmp_path / "out")
    assert code == 0
    assert files(tmp_path / "out") == ["20190101.json", "o.xml.1.json", "o.xml.bak.json", "ok.json"]
    assert "/4.pdf and 2 more: are neither XML nor JSON; they were passed over\n" in err
    code, _, err = cli(tmp_path / "in", tmp_path / "none")
    assert code == 2
    write(tmp_path / "pdf/a.pdf", b"%PDF")
    code, _, err = cli(tmp_path / "pdf")
    assert code == 2
    assert "a.pdf: is neither XML nor JSON; it was passed over\n" in err
    assert f"mws-bridge: {tmp_path / 'pdf'}: no file with XML or JSON in it was found\n" in err


def test_the_standard_input_is_not_overwritten(tmp_path):
    """A file that is read from the standard input is as safe as one that is named."""
    source = write(tmp_path / "s.xml", xml("1"))
    for where in (["-o", source], ["-d", tmp_path / "out"]):
        (tmp_path / "out").mkdir(exist_ok=True)
        if not (tmp_path / "out/stdin.json").exists():
            (tmp_path / "out/stdin.json").hardlink_to(source)
        with source.open("rb") as stdin:
            done = subprocess.run(
                command("convert", "-", *map(str, where)), stdin=stdin, capture_output=True, text=True, check=False
            )
        assert (done.returncode, source.read_bytes()) == (2, xml("1"))
        assert "is the input <stdin>; write to another" in done.stderr


def test_json_and_xml_do_not_mix(cli, tmp_path):
    """One file holds one kind; the input of the other kind is told."""
    a, c = write(tmp_path / "a.xml", xml("1")), write(tmp_path / "c.json", lines("2"))
    code, _, err = cli(a, c, "-o", tmp_path / "m", "--lines")
    assert (code, (tmp_path / "m").read_bytes()) == (2, lines("1"))
    assert f"{tmp_path / 'm'}: {c} becomes XML and {a} JSON; write to a directory (-d)\n" in err


@pytest.mark.parametrize("option", ["-o", "-d"])
def test_an_empty_name(option, tmp_path, monkeypatch, capsys):
    """It is a mistake, not this directory."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="2"):
        main(["convert", "x", option, ""])
    assert "a name is needed; this one is empty" in capsys.readouterr().err


# --- what is told ---------------------------------------------------------------------------------------------------


def test_faults(cli, tmp_path):
    """A fault is told with its file, place and masked line; the other inputs go on; nothing half-done is written."""
    good, bad = write(tmp_path / "a.xml", xml("1")), write(tmp_path / "b.xml", xml("2")[:-30])
    missing, cut = tmp_path / "c.xml", write(tmp_path / "d.xml.gz", gzip.compress(xml("3") * 9)[:-12])
    code, out, err = cli("--lines", bad, missing, cut, good)
    assert code == 2
    assert out in {lines("1"), lines(*["3"] * 9, "1")}
    assert f"mws-bridge: {bad}: line 1, column " in err
    assert "\n    " in err
    assert f"mws-bridge: {missing}: does not exist\n" in err
    assert f"mws-bridge: {cut}: the gzip data is cut off" in err
    assert "; 3 failures" in summary(err)
    assert cli(bad, cut, "-d", tmp_path / "out")[0] == 2
    assert files(tmp_path / "out") == []


def test_recover(cli, tmp_path):
    """Recovery tells each repair, also when it is told to be quiet."""
    source = write(tmp_path / "a.xml", xml("1", inner="<BuyerName>A & B</BuyerName>"))
    assert cli(source)[0] == 2
    code, out, err = cli(source, "--recover", "--quiet")
    assert code == 0
    assert json.loads(out)["payload"]["Orders"][0]["BuyerInfo"] == {"BuyerName": "A & B"}
    assert err == f"repaired: {source}: line 1: a bare & became &amp;\n"
    assert "; 1 repair" in summary(cli(source, "--recover")[2])


def test_strict_and_drop(cli, tmp_path):
    """What no table knows is kept and counted; strict makes it an error with its place, drop leaves it out."""
    source = write(tmp_path / "a.json", b'{"AmazonOrderId":"1","Novel":1}\n')
    code, out, err = cli(source)
    assert (code, b"Novel" in out) == (0, True)
    assert summary(err).endswith("; 1 thing that no table knows, kept")
    code, out, err = cli(source, "--strict")
    assert (code, out) == (2, b"")
    assert f"mws-bridge: {source}: line 1: Novel: not known to the tables\n" in err
    code, out, err = cli(source, "--drop-unknown")
    assert (code, b"Novel" in out) == (0, False)
    assert summary(err).endswith("; 1 thing that no table knows, left out")


def test_warnings(cli, tmp_path):
    """Of many warnings some are shown and the rest counted; quiet shows none, and no summary."""
    odd = "<IsPrime>?</IsPrime>"
    source = write(tmp_path / "a.xml", xml(*map(str, range(MAX_NOTES + 5)), inner=odd))
    code, _, err = cli(source)
    assert code == 0
    assert err.count("warning: ") == 21
    assert f"warning: {source}: Order 0: IsPrime is not of its kind; it stays text\n" in err
    assert f"warning: {MAX_NOTES + 5 - 20} more\n" in err
    assert f"; {MAX_NOTES + 5:,} warnings" in summary(err)
    assert cli(source, "--quiet")[2] == ""


@pytest.mark.parametrize(
    ("report", "text"),
    [
        (Report(files=1), "1 file: 0 documents, 0 orders"),
        (
            Report(files=2, documents=1200, members={"Order": 1, "OrderItem": 2, "Message": 1, "ErrorResponse": 1}),
            "2 files: 1,200 documents, 1 order, 2 items, 1 message",
        ),
        (Report(files=1, skipped=1, unknown=2), "; 1 file done already; 2 things that no table knows, kept"),
        (Report(files=1, left_out=1), "; 1 thing that no table knows, left out"),
    ],
)
def test_summary(report, text):
    """One line says what was done."""
    line = convert._summary(report, 0.04)
    assert text in line.replace(" in 0.0 s", "")


def test_options_reach_the_converter(cli, tmp_path):
    """Page, form and jobs do what they say."""
    source = write(tmp_path / "a.ndjson", lines("1", "2", "3"))
    assert cli(source, "--page", "2")[1].count(b"<ListOrdersResponse ") == 2
    write(tmp_path / "a.xml", xml("1"))
    assert cli(tmp_path / "a.xml", "--form", "generic")[1].startswith(b'{"ListOrdersResponse":')
    assert cli("-", "--jobs", "2", "--lines", stdin=xml("1"))[:2] == (0, lines("1"))


# --- progress -------------------------------------------------------------------------------------------------------


def test_progress():
    """The bar shows bytes, orders and the name at hand, shortened from its beginning, and is gone afterwards."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=120, color_system=None)
    report = Report()
    source = Source("x" * 40 + "/[/b]orders.xml", Path("orders.xml"), 100, None, None, None)
    with ProgressBar(200, console) as bar:
        report.members["Order"] = 1234
        bar.at(source, 50, report)
        bar._progress.refresh()
        bar.at(None, 100, report)
        bar._progress.refresh()
    text = out.getvalue()
    assert "1,234 orders" in text
    assert "…" in text
    assert "x/[/b]orders.xml" in text
    assert "50/200 bytes" in text
    assert "100/200 bytes" in text


def test_progress_on_a_terminal(cli, tmp_path, monkeypatch):
    """A large input on a terminal gets a bar; a small one, a pipe, or quiet none."""
    shown = []

    class Bar:
        def __init__(self, total):
            shown.append(total)

        def at(self, source, consumed, report):
            shown.append(consumed)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            shown.append("gone")

    source = write(tmp_path / "a.xml", xml("1"))
    monkeypatch.setattr("bridge.cli.progress.ProgressBar", Bar)
    monkeypatch.setattr(convert, "_SHOW_FROM", 1)
    cli(source)
    assert shown == []
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    cli(source, "--quiet")
    assert shown == []
    cli(source)
    assert (shown[0], shown[-2:]) == (len(xml("1")), [len(xml("1")), "gone"])


# --- as a process ---------------------------------------------------------------------------------------------------

HEAVY = {
    "aiohttp", "asyncio", "concurrent", "cryptography", "glob", "httpx", "ijson", "multiprocessing", "pydantic",
    "random", "rich", "starlette", "tempfile", "uvicorn", "xmltodict", "zipfile",
}  # fmt: skip


@pytest.mark.parametrize("data", [xml("1"), lines("1")], ids=["xml", "json"])
def test_a_small_document_imports_little(data, tmp_path):
    """Whoever converts a small document waits for nothing that it does not need."""
    source = write(tmp_path / "a", data)
    program = (
        "import sys\nfrom bridge.cli import main\n"
        f"assert main(['convert', {str(source)!r}]) == 0\n"
        "print(*sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True, env=unmeasured()
    )
    modules = {name.partition(".")[0] for name in done.stderr.split()}
    assert "lxml" in modules
    assert HEAVY & modules == set()


def unmeasured():
    """The environment of a process that no coverage is measured of: that takes imports and memory of its own."""
    return {name: value for name, value in os.environ.items() if "COV" not in name}


def start(*arguments, cwd):
    return subprocess.Popen(
        command("convert", *arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        # A shell that runs the tests in the background has the interrupt ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    )


def until(condition):
    """Wait for a condition."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("number", "code", "left"),
    [(signal.SIGTERM, 143, 0), (signal.SIGINT, 130, 0), (signal.SIGKILL, -signal.SIGKILL, 1)],
    ids=["term", "int", "kill"],
)
@pytest.mark.parametrize("where", [("-o", "out.ndjson"), ("-d", "out")], ids=["file", "directory"])
def test_ended_in_the_middle(number, code, left, where, tmp_path):
    """Whatever ends a conversion in the middle, no output stands under its name; only what is killed outright leaves
    its hidden part."""
    place = tmp_path if where[0] == "-o" else tmp_path / "out"
    process = start("--lines", "-", *where, cwd=tmp_path)
    try:
        process.stdin.write(xml(*map(str, range(2000)))[:-100])
        process.stdin.flush()
        until(lambda: place.is_dir() and any(place.glob(".*.part")))
        process.send_signal(number)
        assert process.wait(PATIENCE) == code
        assert b"Traceback" not in process.stderr.read()
    finally:
        process.kill()
        process.communicate()
    assert [name for name in files(place) if not name.startswith(".")] == []
    assert len(files(place)) == left


def test_nobody_reads(tmp_path):
    """When the reader of the standard output has gone, the program ends as SIGPIPE would have it and says nothing."""
    process = start("--lines", "-", cwd=tmp_path)
    process.stdout.close()
    with suppress(BrokenPipeError):  # it may have ended before it has read everything
        process.stdin.write(xml(*map(str, range(2000))) * 3)
    with suppress(BrokenPipeError):
        process.stdin.close()
    assert process.wait(PATIENCE) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


PEAK = (
    "import re, sys\nfrom bridge.cli import main\n"
    "assert main(['convert', '--quiet', *sys.argv[1:]]) == 0\n"
    "print(re.search(r'VmHWM:\\s*(\\d+) kB', open('/proc/self/status').read())[1])\n"
)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
@pytest.mark.parametrize("kind", ["xml", "json"])
@pytest.mark.long
def test_flat_memory(kind, tmp_path):
    """40 MB take no more memory than a small part of that."""
    address = f"<ShippingAddress><Name>{'n' * 3000}</Name></ShippingAddress>"
    start_, block, end = re.fullmatch(rb"(.*<Orders>)(.*)(</Orders>.*)", xml("1", inner=address), re.DOTALL).groups()
    if kind == "json":
        block = json.dumps({"AmazonOrderId": "1", "ShippingAddress": {"Name": "n" * 3000}}).encode() + b"\n"
        start_ = end = b""
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.write(start_)
        file.writelines(block for _ in range(40_000_000 // len(block)))
        file.write(end)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, "--lines", str(large), "-o", os.devnull],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env=unmeasured(),
    )
    assert int(done.stdout) < 60 * 1024


def test_every_option_is_known():
    """The verb has these options and no other."""
    parsed = vars(build_parser().parse_args(["convert", "x"]))
    options = {"directory", "drop_unknown", "force", "form", "jobs", "lines", "output", "page", "quiet", "recover"}
    assert parsed.keys() - {"module", "version"} == options | {"strict", "inputs"}
