"""``mws-bridge diff`` as a person meets it: sides, rules, reports, exit codes."""

import io
import json
import os
import subprocess
import sys

import pytest

from bridge.cli import diff, main
from bridge.diff.testing import assert_same_feed
from tests.cli.running import PATIENCE, command
from tests.offline.converting import converted, order, orders

OLD = orders(order("1", "<OrderStatus>a</OrderStatus><BuyerName>canary</BuyerName>"), order("2")).encode()
NEW = orders(order("2"), order("1", "<OrderStatus>b</OrderStatus><BuyerName>finch</BuyerName>")).encode()


@pytest.fixture
def sides(tmp_path):
    """An old and a new file that differ in two fields of one order."""
    (tmp_path / "old.xml").write_bytes(OLD)
    (tmp_path / "new.xml").write_bytes(NEW)
    return tmp_path / "old.xml", tmp_path / "new.xml"


@pytest.fixture
def cli(monkeypatch, capsys):
    """Runs the verb: its exit code, standard output, and standard error."""

    def run(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = main(["diff", *map(str, arguments)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_exit_codes(cli, sides, tmp_path):
    """As of diff(1): 0 the same, 1 different, 2 trouble."""
    old, new = sides
    assert cli(old, old)[0] == 0
    code, out, err = cli(old, new)
    assert (code, err) == (1, "")
    assert "Order[1]" in out
    code, out, err = cli(old, tmp_path / "none.xml")
    assert (code, out) == (2, "")
    assert err == f"mws-bridge: {tmp_path / 'none.xml'}: does not exist\n"


def test_one_side_may_be_a_pipe(cli, sides):
    """``-`` is the standard input."""
    assert cli(sides[0], "-", stdin=OLD)[0] == 0
    assert cli("-", sides[1], "--format", "json", stdin=converted(NEW, lines=True))[0] == 0
    assert cli("-", "-", stdin=OLD)[::2] == (2, "mws-bridge: only one side can be the standard input\n")


def test_a_broken_side(cli, sides):
    """Place and reason; nothing is written, not even a report that was asked for."""
    old, new = sides
    new.write_bytes(NEW[:-30])
    target = old.with_name("report.html")
    code, out, err = cli(old, new, "--format", "html", "-o", target)
    assert (code, out) == (2, "")
    assert err.startswith(f"mws-bridge: {new}: line ")
    assert not target.exists()
    new.write_bytes(b'{"a":1}\n' * 30)
    _, _, err = cli(old, new)
    assert err.count("\n") == 21
    assert err.endswith("mws-bridge: and 10 more\n")


def test_rules_of_the_command_line(cli, sides):
    """Ignored, bounded, tolerated; what matches nothing is told of."""
    old, new = sides
    assert cli(old, new, "--ignore", "OrderStatus", "--ignore", "BuyerName")[::2] == (0, "")
    assert cli(old, new, "--only", "OrderTotal")[0] == 0
    assert cli(old, new, "--only", "OrderStatus")[0] == 1
    code, _, err = cli(old, new, "--ignore", "Order", "--tolerance", "OrderTotal=1")
    assert code == 0
    assert err == "mws-bridge: note: no difference is at OrderTotal: within 1\n"


def test_rules_of_a_file(cli, sides):
    """The command line's profile goes before the file's."""
    old, new = sides
    rules = old.with_name("rules.toml")
    rules.write_text('profile = "exact"\nonly = ["BuyerName"]\n[[expect]]\npath = "BuyerName"\nreason = "renamed"\n')
    code, out, _ = cli(old, new, "--rules", rules, "--format", "json")
    assert code == 0
    assert json.loads(out)["summary"]["profile"] == "exact"
    assert "renamed" in out
    assert (
        json.loads(cli(old, new, "--rules", rules, "--profile", "migration", "--format", "json")[1])["summary"][
            "profile"
        ]
        == "migration"
    )


def test_rules_that_cannot_be_used(cli, sides):
    """Every fault at once, with its place and remedy."""
    old, new = sides
    rules = old.with_name("rules.toml")
    rules.write_text("x = 1")
    code, out, err = cli(old, new, "--ignore", "", "--only", "[", "--tolerance", "x", "--rules", rules)
    assert (code, out) == (2, "")
    assert [line.partition(": ")[2].partition(":")[0] for line in err.splitlines()] == [
        "--ignore ",
        "--only [",
        "--tolerance x",
        str(rules),
    ]


def test_the_report_into_a_file(cli, sides):
    """Whole, and for its owner alone; personal data only when asked for."""
    old, new = sides
    target = old.with_name("report.json")
    assert cli(old, new, "-o", target, "--format", "json") == (1, "", "")
    assert target.stat().st_mode & 0o777 == 0o600
    assert "canary" not in target.read_text()
    assert cli(old, new, "-o", target, "--format", "json", "--show-pii")[0] == 1
    assert "canary" in target.read_text()
    code, _, err = cli(old, new, "-o", old.parent / "none" / "report.json")
    assert code == 2
    assert err == f"mws-bridge: {old.parent / 'none' / 'report.json'}: does not exist\n"
    assert sorted(path.name for path in old.parent.iterdir()) == ["new.xml", "old.xml", "report.json"]


def test_a_report_that_cannot_be_put_in_its_place(cli, sides):
    """Nothing half-written stays."""
    old, new = sides
    (old.parent / "taken").mkdir()
    code, _, err = cli(old, new, "-o", old.parent / "taken")
    assert code == 2
    assert "taken: " in err
    assert sorted(path.name for path in old.parent.iterdir()) == ["new.xml", "old.xml", "taken"]


def test_no_input_is_overwritten(cli, sides, monkeypatch):
    """Neither side nor the rules, by whatever name or way they are read: exit 2, and they are as they were."""
    old, new = sides
    folder = old.parent
    rules = folder / "rules.toml"
    rules.write_text('profile = "exact"\n')
    (folder / "symbolic").symlink_to(old)
    os.link(old, folder / "hard")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    for given, target in (
        (old, old),
        (old, new),
        (old, folder / "symbolic"),
        (old, folder / "hard"),
        (old, rules),
        (folder, old),
        (folder / "*.xml", old),
    ):
        code, out, err = cli(given, new, "--rules", rules, "-o", target)
        assert (code, out) == (2, "")
        assert err.startswith(f"mws-bridge: {target}: is read by this comparison, as ")
    words = [*command(), "diff", "-", str(new), "-o", str(old)]
    with old.open() as stdin:
        done = subprocess.run(words, stdin=stdin, capture_output=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr.endswith(b"as <stdin>; write to another file\n")) == (2, True)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_what_is_no_file_is_written_into(cli, sides, capsys):
    """A pipe, a device, what a link leads to: none of them becomes a file; ``-`` is the standard output."""
    old, new = sides
    shown = cli(old, new)[1]
    pipe, link, real = (old.with_name(name) for name in ("pipe", "link", "real"))
    os.mkfifo(pipe)
    with subprocess.Popen(["/bin/cat", pipe], stdout=subprocess.PIPE) as reader:
        assert cli(old, new, "-o", pipe)[:2] == (1, "")
        assert reader.communicate()[0].decode() == shown
    assert pipe.is_fifo()
    for before in (None, "what was there"):
        if before:
            real.write_text(before)
        link.symlink_to(real)
        assert cli(old, new, "-o", link)[0] == 1
        assert link.is_symlink()
        assert real.read_text() == shown
        link.unlink()
        real.unlink()
    if os.path.exists("/dev/full"):
        link.symlink_to("/dev/full")
        assert cli(old, new, "-o", link)[::2] == (2, f"mws-bridge: {link}: the disk is full\n")
        assert link.is_symlink()
    assert cli(old, new, "-o", "-")[1] == shown
    assert not os.path.exists("-")
    link.unlink()
    link.symlink_to("link")
    assert cli(old, new, "-o", link)[::2] == (2, f"mws-bridge: {link}: its symbolic links lead in a circle\n")


@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="no name for the standard output")
def test_a_standard_output_with_a_name(sides):
    """Where it is a file, others write to it as well: it is not replaced."""
    target = sides[0].with_name("all")
    words = ["/bin/sh", "-c", 'echo before; "$@"; echo after', "sh", *command(), "diff", *map(str, sides)]
    with target.open("wb") as file:
        subprocess.run([*words, "-o", "/dev/stdout"], stdout=file, timeout=PATIENCE, check=True)
    lines = target.read_text().splitlines()
    assert (lines[0], lines[1], lines[-1]) == ("before", f"old  {sides[0]}", "after")


def test_what_only_asks_about(cli, sides):
    """An order that is gone counts; a path that is nowhere is named, and one that nobody knows is trouble; notes tell
    the truth."""
    old, new = sides
    total = "<OrderTotal><Amount>1.00</Amount></OrderTotal>"
    old.write_bytes(orders(order("1", total + "<OrderStatus>a</OrderStatus>"), order("2", total)).encode())
    new.write_bytes(orders(order("1", total + "<OrderStatus>b</OrderStatus>")).encode())
    code, out, _ = cli(old, new, "--only", "OrderTotal")
    assert code == 1
    assert "1 missing" in out
    code, out, err = cli(old, new, "--only", "OrderTotl")
    assert (code, out) == (2, "")
    assert err == (
        "mws-bridge: only OrderTotl: neither side has such a place, and no table knows one; correct the path\n"
    )
    code, _, err = cli(
        *(old, new, "--only", "OrderTotal", "--only", "PromotionIds", "--ignore", "OrderStatus", "--ignore", "Order"),
        *("--tolerance", "OrderStatus=1", "--ignore", "BuyerName"),
    )
    assert code == 0
    assert err.splitlines() == [
        "mws-bridge: note: neither side has anything at PromotionIds",
        "mws-bridge: note: no difference is at BuyerName: --ignore BuyerName",
        "mws-bridge: note: no difference at OrderStatus is one that the rule is for: within 1",
    ]


def test_an_input_without_a_document(cli, sides):
    """It is trouble on either side, as for convert: exit 2."""
    old, new = sides
    old.write_bytes(b"")
    for pair in ((old, old), (old, new), (new, old)):
        code, out, err = cli(*pair)
        assert (code, out) == (2, "")
        assert f"mws-bridge: {old}: holds no document\n" in err


def test_details(cli, sides):
    """As many differences one by one as asked for."""
    old, new = sides
    new.write_bytes(orders(*[order(str(n)) for n in range(3, 60)]).encode())
    few, many = cli(old, new, "--details", "1")[1], cli(old, new, "--details", "100")[1]
    assert len(few) < len(many)


def test_reproduce(cli, sides):
    """The smallest pair of documents for an order that differs; trouble when it is not there."""
    old, new = sides
    target = old.parent / "pair"
    code, out, _ = cli(old, new, "--reproduce", "1", target)
    assert code == 1
    pair = out.split()
    assert all(os.path.isfile(path) for path in pair)
    assert cli(*pair)[0] == 1
    assert b"canary" not in b"".join(path.read_bytes() for path in target.iterdir())
    code, _, err = cli(old, new, "--reproduce", "1", target)
    assert code == 2
    assert str(target) in err
    assert cli(old, new, "--reproduce", "2", target)[::2] == (0, "mws-bridge: 2 is the same on both sides\n")
    assert cli(old, new, "--reproduce", "9", target)[::2] == (2, "mws-bridge: 9 is not on either side\n")
    new.write_bytes(orders(order("2")).encode())
    assert cli(old, new, "--reproduce", "1", target)[::2] == (2, "mws-bridge: 1 is not on the new side\n")
    assert cli(new, old, "--reproduce", "1", target)[::2] == (2, "mws-bridge: 1 is not on the old side\n")
    new.write_bytes(NEW[:-30])
    assert cli(old, new, "--reproduce", "1", target)[0] == 2


def test_what_cannot_be_reproduced(cli, tmp_path):
    """Documents that are no orders are named."""
    for name, code in (("a.xml", "A"), ("b.xml", "B")):
        (tmp_path / name).write_text(f"<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>")
    code, _, err = cli(tmp_path / "a.xml", tmp_path / "b.xml", "--reproduce", "#1", tmp_path / "pair")
    assert code == 2
    assert err.startswith("mws-bridge: ErrorResponse[#1]: ")


def test_a_terminal_that_knows_few_characters(sides):
    """What it cannot show is written as an escape; reports that say they are UTF-8 are."""
    _, new = sides
    new.write_bytes(NEW.replace(b">b<", ">東<".encode()))
    for form, shown in (("text", b"\\u6771"), ("json", "東".encode())):
        done = subprocess.run(
            [*command(), "diff", *map(str, sides), "--format", form],
            capture_output=True,
            timeout=PATIENCE,
            check=False,
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
        )
        assert (done.returncode, done.stderr) == (1, b"")
        assert shown in done.stdout


# --- terminals ------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self):
        return True


def on_a_terminal(monkeypatch, sides, *arguments, lines=5):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("LINES", str(lines))
    monkeypatch.setenv("COLUMNS", "60")
    code = main(["diff", *map(str, sides), *arguments])
    return code, terminal.getvalue()


def test_colours(monkeypatch, sides, tmp_path):
    """On a terminal, unless told otherwise."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" in on_a_terminal(monkeypatch, sides, "--no-pager")[1]
    assert "\x1b[" not in on_a_terminal(monkeypatch, sides, "--no-pager", "--colour", "never")[1]
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in on_a_terminal(monkeypatch, sides, "--no-pager")[1]
    assert "\x1b[" in on_a_terminal(monkeypatch, sides, "--no-pager", "--colour", "always")[1]


def test_pager(monkeypatch, sides, tmp_path):
    """A report that is longer than the terminal goes to the user's pager, if there is one, and else is printed."""
    target = tmp_path / "paged"
    pager = tmp_path / "pager"
    pager.write_text(f"#!/bin/sh\ncat > {target}\n")
    pager.chmod(0o755)
    monkeypatch.setenv("PAGER", str(pager))
    assert on_a_terminal(monkeypatch, sides) == (1, "")
    assert "OrderStatus" in target.read_text()
    assert "OrderStatus" in on_a_terminal(monkeypatch, sides, lines=500)[1]
    for other in ("", "no-such-program-anywhere"):
        monkeypatch.setenv("PAGER", other)
        assert "OrderStatus" in on_a_terminal(monkeypatch, sides)[1]
    pager.write_text("#!/bin/sh\nexit 0\n")
    monkeypatch.setenv("PAGER", str(pager))
    assert on_a_terminal(monkeypatch, sides)[0] == 1


# --- as a process, and as a library ---------------------------------------------------------------------------------

HEAVY = (
    "pydantic",
    "httpx",
    "uvicorn",
    "aiohttp",
    "rich",
    "ijson",
    "xmltodict",
    "asyncio",
    "bridge.endpoint",
)


def test_imports_are_lazy(sides):
    """The verb imports neither a server nor a client, as its use by the hundred asks for."""
    code = (
        "import sys; from bridge.cli import main; code = main(sys.argv[1:]); "
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "diff", *map(str, sides), "--format", "json"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "[]\n")


def test_the_command(sides):
    """The installed command says the same."""
    done = subprocess.run(
        [*command(), "diff", *map(str, sides)], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 1
    assert "Order[1]" in done.stdout


def test_assert_same_feed():
    """For tests of programs that keep feeds: silent when they are the same, else the report is the message."""
    assert_same_feed(OLD, converted(OLD))
    assert_same_feed(OLD, NEW, ignore=["OrderStatus", "BuyerName"])
    with pytest.raises(AssertionError) as raised:
        assert_same_feed(OLD, NEW)
    assert "Order[1]" in str(raised.value)
    assert "canary" not in str(raised.value)
    with pytest.raises(AssertionError, match="canary"):
        assert_same_feed(OLD, NEW, show_pii=True)


def test_options_are_those_of_the_reports():
    """What may be asked for is what there is."""
    from bridge.cli.arguments import build_parser
    from bridge.diff.reports import FORMATS

    help_text = build_parser("diff").parse_args(["diff", "a", "b"])
    assert help_text.format in FORMATS
    for name in FORMATS:
        assert build_parser("diff").parse_args(["diff", "a", "b", "--format", name]).format == name
    assert diff.__all__ == ["misspelt_paths", "publish", "refused", "run", "tell_unused", "trouble"]
