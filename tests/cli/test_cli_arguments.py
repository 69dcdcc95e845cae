"""What can be typed, and what is said to whoever types it."""

import io
import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from bridge.cli import arguments, check, main
from bridge.cli.arguments import build_parser
from bridge.cli.serving_options import option_of
from mws_compat.orders import OPERATIONS
from tests.cli.running import command, run

VERBS = ("demo", "serve", "call", "check", "keys", "sandbox", "convert", "diff", "replay", "compare-upstreams")
HELP = Path(__file__).parent / "help"
#: What the verbs need and what must not slow down a --help.
HEAVY = {
    "pydantic",
    "httpx",
    "uvicorn",
    "aiohttp",
    "starlette",
    "cryptography",
    "lxml",
    "rich",
    "orjson",
    "asyncio",
    "email",
}

OPTIONS = {
    "CreatedAfter": "--created-after",
    "CreatedBefore": "--created-before",
    "LastUpdatedAfter": "--last-updated-after",
    "LastUpdatedBefore": "--last-updated-before",
    "OrderStatus": "--order-status",
    "MarketplaceId": "--marketplace-id",
    "FulfillmentChannel": "--fulfillment-channel",
    "PaymentMethod": "--payment-method",
    "BuyerEmail": "--buyer-email",
    "SellerOrderId": "--seller-order-id",
    "MaxResultsPerPage": "--max-results-per-page",
    "TFMShipmentStatus": "--tfm-shipment-status",
    "EasyShipShipmentStatus": "--easy-ship-shipment-status",
    "NextToken": "--next-token",
    "AmazonOrderId": "--amazon-order-id",
}


def test_every_parameter_has_a_natural_option() -> None:
    """Each parameter of each operation has the option that one would guess, abbreviations as one word."""
    names = {parameter.name for operation in OPERATIONS.values() for parameter in operation.parameters}
    assert {name: option_of(name) for name in names} == OPTIONS
    assert option_of("IsTFM") == "--is-tfm"
    parsed = build_parser().parse_args(
        ["call", "X", *(part for option in OPTIONS.values() for part in (option, "v"))]
    )
    assert {name: getattr(parsed, f"mws_{name}") for name in names} == {name: ["v"] for name in names}


def helped(verb: str, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What --help prints on a terminal of some width."""
    monkeypatch.setenv("COLUMNS", str(columns))
    with pytest.raises(SystemExit) as caught:
        main([*([verb] if verb else []), "--help"])
    assert caught.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("verb", ["", *VERBS])
@pytest.mark.parametrize("columns", [80, 100])
def test_help_fits(
    verb: str, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No help is wider than the terminal, and none breaks a name at its hyphen."""
    text = helped(verb, columns, monkeypatch, capsys)
    assert max(len(line) for line in text.splitlines()) <= columns
    assert not re.search(r"[a-zA-Z]-\n", text)


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_is_stable(verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The words of every help are those of its file, wherever a Python version breaks the lines."""
    text = helped(verb, 80, monkeypatch, capsys)
    assert text.split() == (HELP / f"{verb or 'mws-bridge'}.txt").read_text().split()


def test_help_names_every_verb(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The verbs of the help are the verbs that there are."""
    text = helped("", 80, monkeypatch, capsys)
    assert tuple(re.findall(r"^    ([a-z-]+)(?= |$)", text, re.MULTILINE)) == VERBS


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """--version names program and version."""
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"mws-bridge {version('mws-bridge')}\n"


@pytest.mark.parametrize(
    "typed", [["--version"], ["--help"], ["call", "--help"], ["convert", "--help"]], ids=" ".join
)
def test_help_and_version_import_nothing_heavy(typed: list[str]) -> None:
    """Whoever asks for help or version waits for none of the libraries of the verbs."""
    program = (
        "import json, sys\n"
        "from bridge.cli.arguments import main\n"
        f"try:\n    main({typed!r})\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    modules = json.loads(done.stderr)
    assert "bridge.cli.arguments" in modules
    assert {module.partition(".")[0] for module in modules} & HEAVY == set()
    assert done.stdout


def test_what_a_verb_imports_is_kept_from_the_garbage_collector() -> None:
    """The process of a verb never looks for garbage among what was imported; one that only calls ``main`` may."""
    program = (
        "import gc, sys\n"
        "from bridge.cli import main\n"
        "words = ['check', '--offline', '--config', 'no such file']\n"
        "main(words)\n"
        "assert (gc.isenabled(), gc.get_freeze_count()) == (True, 0)\n"
        "sys.argv[1:] = words\n"
        "main()\n"
        "assert gc.isenabled() and gc.get_freeze_count() > 1000\n"
    )
    subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)


def test_as_a_process() -> None:
    """``python -m bridge`` is the same program, and its exit code is the verb's."""
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"mws-bridge {version('mws-bridge')}\n", "")
    done = run("call", "ListOrders", "--sandbox", "--param", "wrong")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "mws-bridge: --param wrong: write NAME=VALUE\n"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ([], "the following arguments are required: VERB"),
        (["sell"], "invalid choice: 'sell'"),
        (["call"], "the following arguments are required: OPERATION"),
        (["call", "ListOrders", "--nonsense"], "unrecognized arguments: --nonsense"),
        (["serve", "--port", "65536"], "argument --port: write a number from 0 to 65535"),
        (["serve", "--port", "-1"], "argument --port: write a number from 0 to 65535"),
        (["serve", "--port", "http"], "argument --port: write a number from 0 to 65535"),
        (["sandbox", "--port", "٨٠"], "argument --port: write a number from 0 to 65535"),
        (["sandbox", "--orders", "-5"], "argument --orders: write a number from 0 to 1000000"),
        (["sandbox", "--seed", "x"], "argument --seed: invalid int value: 'x'"),
    ],
)
def test_what_cannot_be_typed(typed: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A command line that makes no sense ends with 2, usage and reason on stderr."""
    with pytest.raises(SystemExit) as caught:
        main(typed)
    assert caught.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("usage: mws-bridge")
    assert words in told.err


def test_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends a verb with 130 and without a traceback."""

    def interrupted(_arguments: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(check, "run", interrupted)
    assert main(["check"]) == 130


def test_nobody_reads_any_more() -> None:
    """When the reader of our output goes away, the program ends as SIGPIPE would have it and says nothing."""
    for output in ("import bridge.cli.console as c; c.line('x' * 10)", "print('x' * 100_000)", "print('short')"):
        program = (
            "import sys, types\nfrom bridge.cli import main\n"
            f"def run(_):\n    {output}\n    return 0\n"
            "verb = sys.modules['bridge.cli.check'] = types.ModuleType('check')\n"  # not the real one: it takes long
            "verb.run = run\nsys.stdin.read()\nsys.exit(main(['check']))\n"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        process.stdin.close()
        told = process.stderr.read()
        process.stderr.close()
        assert (process.wait(60), told) == (141, b"")


FEED = Path(__file__).parents[2] / "fixtures" / "feeds" / "two-orders.xml"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
@pytest.mark.parametrize("verb", [["diff", str(FEED), str(FEED)], ["convert", str(FEED)], ["--help"]], ids=" ".join)
@pytest.mark.parametrize(
    ("redirection", "words"), [(">/dev/full", "the disk is full"), (">&-", "is closed"), (">&- 2>&-", "")]
)
def test_an_output_that_takes_nothing(verb: list[str], redirection: str, words: str) -> None:
    """It is told without a traceback: exit 2, which is not that something differs."""
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$@" {redirection}', "sh", *command(*verb)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONUNBUFFERED": ""},  # as it is for people; argparse passes over what fails at once
    )
    assert done.returncode == 2
    assert (f"mws-bridge: <stdout>: {words}\n" if words else "") in done.stderr
    assert "Traceback" not in done.stderr
    assert bool(done.stderr) is bool(words)


def test_files_that_fail_a_verb(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What no verb has told of itself is told by name and reason: exit 2."""

    def fail(_arguments: object) -> int:
        raise FileNotFoundError(2, "No such file or directory", "somewhere")

    monkeypatch.setattr(check, "run", fail)
    assert main(["check"]) == 2
    assert capsys.readouterr().err == "mws-bridge: somewhere: does not exist\n"


def test_an_output_that_cannot_take_every_character(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the encoding of stdout lacks is written as XML references, of stderr as escapes; it is no reason to
    fail."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="ascii") for _ in "oe")

    def say(_arguments: object) -> int:
        print("José → 見本")
        print("José", file=sys.stderr)
        return 0

    monkeypatch.setattr(check, "run", say)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert main(["check"]) == 0
    err.flush()
    assert out.buffer.getvalue() == b"Jos&#233; &#8594; &#35211;&#26412;\n"  # type: ignore[attr-defined]
    assert err.buffer.getvalue() == b"Jos\\xe9\n"  # type: ignore[attr-defined]


def test_a_stream_that_is_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stdout that somebody replaced is left as it is."""
    stream = io.StringIO()
    monkeypatch.setattr(check, "run", lambda _: print("é") or 0)
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(["check"]) == 0
    assert stream.getvalue() == "é\n"


def test_sys_argv_is_the_default(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without arguments of its own, main reads the process's."""
    monkeypatch.setattr(sys, "argv", ["mws-bridge", "--version"])
    with pytest.raises(SystemExit):
        arguments.main()
    assert capsys.readouterr().out.startswith("mws-bridge ")
    assert command()[-2:] == ["-m", "bridge"]
