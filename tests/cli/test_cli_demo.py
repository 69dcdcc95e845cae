"""``mws-bridge demo``, and how things are shown on a terminal."""

import re
from xml.etree import ElementTree as ET

import pytest

from bridge.cli import demo, main
from bridge.cli.console import heading, line, show_xml
from bridge.sandbox import Sandbox, SandboxSettings
from tests.cli.running import run

Capture = pytest.CaptureFixture[str]
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(scope="module")
def played() -> str:
    """What a process of its own shows."""
    done = run("demo")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.long
def test_every_run_shows_the_same(played: str, capsys: Capture) -> None:
    """Two runs, in two processes, give the same text to the last character."""
    assert main(["demo"]) == 0
    told = capsys.readouterr()
    assert told.out == played
    assert told.err == ""


def test_every_step_is_there(played: str) -> None:
    """The session lists, pages, reads by id, reads items, asks for the status, is throttled, and is refused; each
    step shows what was asked, what went upstream and what came back."""
    _, *steps = re.split(r"^(?=\d+\. )", played, flags=re.MULTILINE)
    operations = [re.search(r"asked .* Action=(\w+)$", step, re.MULTILINE) for step in steps]
    assert [found[1] for found in operations if found] == [
        *("ListOrders", "ListOrdersByNextToken", "GetOrder", "ListOrderItems", "GetServiceStatus"),
        *("ListOrders", "ListOrders"),
    ]
    for number, step in enumerate(steps, 1):
        assert step.startswith(f"{number}. ")
        assert re.search(r"^   upstream   \S", step, re.MULTILINE)
        assert re.search(r"^   answered   HTTP \d{3} [A-Z].*  text/xml, \d+ bytes$", step, re.MULTILINE)
        assert '<?xml version="1.0"?>\n<' in step
    assert "→ 429" in steps[5]
    assert "<Code>RequestThrottled</Code>" in steps[5]
    assert "upstream   nothing was sent" in steps[6]
    assert "<Code>SignatureDoesNotMatch</Code>" in steps[6]
    assert played.endswith(
        "Every answer was the one that Amazon MWS would have given.\n"
        "Next: mws-bridge serve --sandbox, and point an old program at it.\n"
    )


def test_piped_it_is_plain(played: str) -> None:
    """Without a terminal there are no colours; nothing is wrapped, and what is left out is counted."""
    assert "\x1b" not in played
    assert re.search(r"^… \d+ more lines \(--full shows them\)$", played, re.MULTILINE)


def test_full(capsys: Capture) -> None:
    """--full shows every answer whole: as many well-formed documents as there are steps."""
    assert main(["demo", "--full"]) == 0
    text = capsys.readouterr().out
    assert "more lines" not in text
    documents = re.findall(r'^<\?xml version="1\.0"\?>\n(?:.*\n)*?</\w+Response>\n', text, re.MULTILINE)
    assert len(documents) == len(re.findall(r"^\d+\. ", text, re.MULTILINE)) == 7
    tokens = [ET.fromstring(document).findtext(".//{*}NextToken") for document in documents]
    assert tokens[0]
    assert "…" not in tokens[0]


@pytest.mark.parametrize(("orders", "fault", "failures"), [(0, "", 0), (40, "internal", 3)])
def test_a_play_that_fails(
    orders: int, fault: str, failures: int, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """An answer that is not the expected one is marked, counted, and makes the exit code 1; a listing without orders
    ends the play early."""

    def other(settings: SandboxSettings, **options: object) -> Sandbox:
        sandbox = Sandbox(SandboxSettings(anchor=settings.anchor, orders=orders), **options)  # type: ignore[arg-type]
        if fault:
            sandbox.faults.always("searchOrders", fault)
        return sandbox

    monkeypatch.setattr(demo, "Sandbox", other)
    assert main(["demo"]) == (1 if fault else 0)
    text = capsys.readouterr().out
    assert ("NOT AS EXPECTED: (200, '')" in text) == bool(fault)
    assert ("1 answers were not as expected" in text) == bool(fault)
    assert "2. " not in text


# --- the terminal ---------------------------------------------------------------------------------------------------

XML = '<?xml version="1.0"?>\n<A b="c">\n  <Long>' + "x" * 300 + "</Long>\n  <N>[bold]1[/bold]</N>\n</A>\n"


def test_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """On a terminal XML is coloured, and without the colours it is what it was: nothing is cut, wrapped or read as
    markup."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    show_xml(XML)
    coloured = capsys.readouterr().out
    assert "\x1b[" in coloured
    assert ESCAPES.sub("", coloured) == XML
    codes = {code for escape in ESCAPES.findall(coloured) for code in escape[2:-1].split(";")}
    assert not codes & {"37", "38", "97"}, (
        "only the terminal's own colours can be read on any background, and not white"
    )
    heading("1. [red]Title[/red]")
    line("x" * 200, "green")
    assert ESCAPES.sub("", capsys.readouterr().out) == "1. [red]Title[/red]\n" + "x" * 200 + "\n"


@pytest.mark.parametrize(("most", "kept", "left"), [(0, 5, 0), (5, 5, 0), (6, 5, 0), (4, 4, 1), (1, 1, 4)])
def test_how_much_is_shown(most: int, kept: int, left: int, capsys: Capture) -> None:
    """Past a number of lines it is said how many were left out; a document that just fits is whole."""
    show_xml(XML, most_lines=most)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:kept] == XML.splitlines()[:kept]
    assert lines[kept:] == ([f"… {left} more lines (--full shows them)"] if left else [])
