"""``mws-bridge serve`` and ``mws-bridge sandbox``: what they print, that it works, and how they end."""

import logging
import re
import shlex
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson
import pytest
import uvicorn

from bridge.cli import main
from bridge.cli import sandbox as sandbox_verb
from bridge.cli.serve import listen, origin_of, stopped_by_signals
from bridge.endpoint.server import make_server
from bridge.observe import start_logging
from bridge.processes import work
from bridge.sandbox import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET
from mws_compat.reader import parse_document
from tests.cli.running import PATIENCE, SELLER, Upstream, configuration, lines_until_blank, running

Capture = pytest.CaptureFixture[str]
LISTENING = re.compile(r"listening on (http://127\.0\.0\.1:[1-9][0-9]*)")


def test_serve_over_the_sandbox() -> None:
    """The banner tells address and account in a fixed form, the request that it shows is answered, and SIGTERM ends
    the program at once, with 0 and without a word."""
    with running("serve", "--sandbox", "--port", "0") as process:
        assert process.stdout is not None
        first, *account = lines_until_blank(process)
        listening = LISTENING.fullmatch(first)
        assert listening
        assert account == [
            "  access key   AKIASANDBOX000000001",
            "  secret       sandbox/secret+key/for/legacy/programs00",
            "  seller       A1SANDBOXNA001",
            "  marketplace  ATVPDKIKX0DER",
        ]
        assert process.stdout.readline() == "Ask it (good for 15 minutes):\n"
        assert process.stdout.readline() == "\n"
        program, url = shlex.split(process.stdout.readline())
        assert program == "curl"
        assert url.startswith(f"{listening[1]}/Orders/2013-09-01?AWSAccessKeyId=")
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            document = parse_document(answer.read())
        assert document.action == "ListOrders"
        assert len(document.result["Orders"]) == 2
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        rest, errors = process.stdout.read(), process.stderr.read()
        assert process.wait(PATIENCE) == 0
        assert f"'{listening[1]}/Orders/2013-09-01'" in rest
        assert rest.startswith("\nThe same from PHP")
        (line,) = errors.splitlines()
        assert " INFO mws_bridge.requests id=" in line
        assert " operation=ListOrders seller=A1SANDBOXNA001 key=AKIASANDBOX000000001 status=200 " in line


def test_serve_a_configuration(tmp_path: Path, upstream: Upstream) -> None:
    """A configuration in the working directory is found without an option; Ctrl-C ends the program with 0."""
    configuration(tmp_path, upstream.origin, server='token_keys = ["k"]\nlog_level = "warning"')
    with running("serve", cwd=tmp_path) as process:
        assert process.stdout is not None
        listening = LISTENING.fullmatch(process.stdout.readline().rstrip("\n"))
        assert listening
        answer = httpx.get(listening[1], timeout=PATIENCE, trust_env=False, verify=False)
        assert answer.text.startswith('<?xml version="1.0"?>\n<PingResponse>')
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=PATIENCE) == ("", "")
        assert process.returncode == 0


# --- in this process ------------------------------------------------------------------------------------------------


@contextmanager
def started(
    module: Any, monkeypatch: pytest.MonkeyPatch, capsys: Capture, *typed: str
) -> Iterator[tuple[str, Callable[[], str]]]:
    """Run a verb, whose server is made in ``module``, in a thread until the block ends; yields its origin and what
    tells all that it has printed. It must end with 0."""
    servers: list[uvicorn.Server] = []
    codes: list[int] = []
    said: list[str] = []

    def make(*arguments: Any, **options: Any) -> uvicorn.Server:
        servers.append(make_server(*arguments, **options))
        return servers[-1]

    def told() -> str:
        said.append(capsys.readouterr().out)
        return "".join(said)

    monkeypatch.setattr(module, "make_server", make)
    thread = threading.Thread(target=lambda: codes.append(main(typed)))
    thread.start()
    try:
        end = time.monotonic() + PATIENCE
        while not (servers and servers[0].started):
            assert thread.is_alive(), told()
            assert time.monotonic() < end
            time.sleep(0.01)
        listening = re.search(r"listening on (\S+)", told())
        assert listening
        yield listening[1], told
    finally:
        for server in servers:
            server.should_exit = True
        thread.join(PATIENCE)
    assert codes == [0]


def test_serve_with_options(
    tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """--host and --port win over the configuration; an address of IPv6 is shown in brackets."""
    path = configuration(tmp_path, upstream.origin, server='host = "192.0.2.1"')
    typed = ["serve", "--config", str(path), "--host", "127.0.0.1", "--port", "0"]
    with started(work, monkeypatch, capsys, *typed) as (origin, _):
        assert LISTENING.fullmatch(f"listening on {origin}")
        assert main(["call", "GetServiceStatus", "--config", str(path), "--url", origin]) == 0
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert origin_of("::1", listener) == f"http://[::1]:{listener.getsockname()[1]}"
        assert origin_of("localhost", listener) == f"http://localhost:{listener.getsockname()[1]}"


def test_serve_sandbox_in_process(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """The demo account of serve --sandbox is the one that call --sandbox uses."""
    with started(work, monkeypatch, capsys, "serve", "--sandbox", "--port", "0") as (origin, told):
        typed = ["--created-after", "2020-01-01", "--marketplace-id", "ATVPDKIKX0DER", "--max-results-per-page", "1"]
        assert main(["call", "ListOrders", "--sandbox", "--url", origin, *typed]) == 0
        assert told().endswith("</ListOrdersResponse>\n")


def test_the_sandbox_alone(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """The sandbox prints credentials with which any client of SP-API can log in and list, and does the faults that
    it is told to do."""
    typed = ["sandbox", "--port", "0", "--orders", "30", "--seed", "7", "--no-usage-plans"]
    faults = ["--fault", "getOrders=throttle", "--fault", "getOrder=not-found"]
    with started(sandbox_verb, monkeypatch, capsys, *typed, *faults) as (origin, told):
        assert told().splitlines() == [
            f"listening on {origin}",
            f"  client id      {DEMO_CLIENT_ID}",
            f"  client secret  {DEMO_CLIENT_SECRET}",
            "  refresh token  Atzr|sandbox-na-001  (A1SANDBOXNA001, na)",
            "  refresh token  Atzr|sandbox-eu-001  (A1SANDBOXEU001, eu)",
            "  refresh token  Atzr|sandbox-fe-001  (A1SANDBOXFE001, fe)",
            "  refresh token  Atzr|sandbox-no-pii  (A1SANDBOXNOPII, na)",
        ]
        form = {
            "grant_type": "refresh_token",
            "refresh_token": "Atzr|sandbox-na-001",
            "client_id": DEMO_CLIENT_ID,
            "client_secret": DEMO_CLIENT_SECRET,
        }
        with urllib.request.urlopen(f"{origin}/auth/o2/token", urlencode(form).encode(), timeout=PATIENCE) as answer:
            token = orjson.loads(answer.read())["access_token"]
        for path, status in (("/orders/v0/orders?MarketplaceIds=A", 429), ("/orders/v0/orders/112-1", 404)):
            asked = urllib.request.Request(f"{origin}{path}", headers={"x-amz-access-token": token})
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(asked, timeout=PATIENCE)
            assert caught.value.code == status
            caught.value.close()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("getOrders=nonsense", "--fault getOrders=nonsense: unknown fault 'nonsense', known are denied, "),
        ("getOrders", "--fault getOrders: unknown fault ''"),
        ("getorders=throttle", "--fault getorders=throttle: unknown operation 'getorders', known are *, "),
        ("getOrders=invalid-grant", "--fault getOrders=invalid-grant: fault 'invalid-grant' exists only at lwa"),
        ("getOrders=slow:-1", "--fault getOrders=slow:-1: fault 'slow' cannot wait -1 seconds"),
    ],
)
def test_faults_that_there_are_not(fault: str, words: str, capsys: Capture) -> None:
    """A fault that the sandbox does not know is refused before it serves, with those that it knows."""
    assert main(["sandbox", "--orders", "0", "--fault", fault]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"mws-bridge: {words}")


# --- what goes wrong ------------------------------------------------------------------------------------------------


def test_sandbox_and_configuration_exclude_each_other(capsys: Capture) -> None:
    """A configuration that would be ignored is refused."""
    assert main(["serve", "--sandbox", "--config", "my.toml"]) == 2
    assert capsys.readouterr().err == "mws-bridge: --sandbox needs no --config: leave one of them out\n"


def test_a_sandbox_has_one_worker(capsys: Capture) -> None:
    """Several workers of an emulation are refused, with the remedy."""
    assert main(["serve", "--sandbox", "--workers", "2"]) == 2
    assert capsys.readouterr().err == "mws-bridge: --sandbox is served by one worker: leave --workers out\n"


def test_what_several_workers_need(tmp_path: Path, capsys: Capture) -> None:
    """Without a store that they share they are refused, and so is recording."""
    path = configuration(tmp_path, "http://127.0.0.1:1", server='token_keys = ["k"]')
    assert main(["serve", "--config", str(path), "--workers", "2"]) == 2
    assert 'server.workers: several workers need a store that they share: set state = "redis://' in (
        capsys.readouterr().err
    )
    path.write_text('state = "redis://127.0.0.1:1/0"\n' + path.read_text())
    record = ["--record", str(tmp_path / "recording")]
    assert main(["serve", "--config", str(path), "--workers", "2", *record]) == 2
    assert capsys.readouterr().err == "mws-bridge: --record needs one worker: set --workers 1 while you record\n"
    assert not (tmp_path / "recording").exists()


def test_the_admin_port_of_the_sandbox(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """--admin-port opens the status page and the probes; the banner tells the token of this run, and only it opens
    the page."""
    with started(work, monkeypatch, capsys, "serve", "--sandbox", "--port", "0", "--admin-port", "0") as (_, told):
        text = told()
        admin = re.search(r"status page and metrics on (\S+)", text)
        token = re.search(r"admin token  (\S+)", text)
        assert admin
        assert token
        with httpx.Client(base_url=admin[1], trust_env=False, verify=False, timeout=PATIENCE) as http:
            assert http.get("/readyz").json() == {"status": "ready"}
            assert http.get("/").status_code == 401
            page = http.get("/", auth=("", token[1]))
            assert page.status_code == 200
            assert "All is quiet" in page.text
            assert "mws_bridge_workers 1.0" in http.get("/metrics", auth=("", token[1])).text


def test_an_admin_port_in_use(tmp_path: Path, capsys: Capture) -> None:
    """It is told of like any other, and nothing is served."""
    path = configuration(tmp_path, "http://127.0.0.1:1")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--config", str(path), "--port", "0", "--admin-port", str(port)]) == 2
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in capsys.readouterr().err


def test_no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """Without a configuration the exit code is 2, and what can be tried without one is told."""
    monkeypatch.chdir(tmp_path)
    assert main(["serve"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == (
        "mws-bridge: mws-bridge.toml cannot be used:\n"
        "  mws-bridge.toml: cannot be read: No such file or directory\n"
        "Try it without one: mws-bridge serve --sandbox\n"
    )


def test_a_bad_configuration(tmp_path: Path, capsys: Capture) -> None:
    """All faults of a configuration are told on stderr, one a line, without the secrets in it."""
    path = tmp_path / "bad.toml"
    path.write_text('[server]\nport = 99999\ntoken_keys = [5]\n[[access_key]]\nsecret = "hunter2"\nsellers = []\n')
    assert main(["serve", "--config", str(path)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    head, *faults, hint = told.err.splitlines()
    assert head == f"mws-bridge: {path} cannot be used:"
    assert [fault.partition(":")[0].strip() for fault in faults] == [
        *(
            "server.port",
            "server.token_keys[1]",
            "application",
            "seller",
            "access_key[1].id",
            "access_key[1].sellers",
        ),
    ]
    assert hint.startswith("Try it")
    assert "hunter2" not in told.err


@pytest.mark.parametrize("verb", [["serve", "--config"], ["serve", "--sandbox"], ["sandbox", "--orders", "0"]])
def test_a_port_in_use(verb: list[str], tmp_path: Path, capsys: Capture) -> None:
    """A port that somebody else has is one sentence, and the exit code is 2."""
    if verb[-1] == "--config":
        verb = [*verb, str(configuration(tmp_path, "http://127.0.0.1:1"))]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main([*verb, "--port", str(port)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert f"mws-bridge: cannot listen on 127.0.0.1:{port}: Address already in use\n" in told.err
    assert "Traceback" not in told.err


@pytest.mark.parametrize(
    "host", ["ä" * 70, "a..b", "192.0.2.1", "no such host"], ids=["long", "empty", "foreign", "unknown"]
)
def test_an_address_that_is_not_ours(host: str, capsys: Capture) -> None:
    """An address that cannot be had, or is none, is one sentence."""
    assert listen(host, 0) is None
    told = capsys.readouterr()
    assert told.err.startswith(f"mws-bridge: cannot listen on {host}:0: ")
    assert told.err.count("\n") == 1
    assert "attempting" not in told.err


def test_signals_before_the_server_listens() -> None:
    """A signal that comes before uvicorn hears it stops the server too, and afterwards signals mean what they meant
    before."""
    server = make_server(None)
    before = signal.getsignal(signal.SIGTERM)
    with stopped_by_signals(server):
        assert signal.getsignal(signal.SIGTERM) is not before
        signal.raise_signal(signal.SIGTERM)
        assert server.should_exit
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_log_is_quiet_about_urls(capsys: Capture) -> None:
    """The libraries that would log whole URLs, and with them personal data, are kept quiet."""
    start_logging("debug")
    logging.getLogger("httpx").info("GET https://h/?BuyerEmail=private")
    logging.getLogger("uvicorn.access").info("GET /?BuyerEmail=private")
    logging.getLogger("mws_bridge.requests").info("ours")
    told = capsys.readouterr().err
    assert "private" not in told
    assert told.endswith(" INFO mws_bridge.requests ours\n")
    assert SELLER.selling_partner_id not in told
