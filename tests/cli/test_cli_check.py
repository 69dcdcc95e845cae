"""``mws-bridge check``: in words, what is wrong and what to do."""

import contextlib
import dataclasses
import re
import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.cli import main
from tests.cli.running import ACCESS_SECRET, SELLER, WITHOUT_ROLES, Upstream, configuration

Capture = pytest.CaptureFixture[str]
KEYS = 'token_keys = ["k"]'


@contextlib.contextmanager
def answering() -> Iterator[int]:
    """A stand-in for a store that says how it is called, that it is there, and OK to all else; yields its port."""
    answers = {b"HELLO": b"%1\r\n+proto\r\n:3\r\n", b"PING": b"+PONG\r\n"}

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while commands := self.request.recv(65536):
                for command in re.findall(rb"\*\d+\r\n\$\d+\r\n(\w+)", commands):
                    self.request.sendall(answers.get(command, b"+OK\r\n"))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def checked(capsys: Capture, path: Path, *typed: str) -> tuple[int, list[str]]:
    """Exit code and lines of a check; none holds a secret."""
    code = main(["check", "--config", str(path), *typed])
    told = capsys.readouterr()
    assert told.err == ""
    assert ACCESS_SECRET not in told.out
    assert "Atz" not in told.out
    return code, told.out.splitlines()


def test_all_is_well(tmp_path: Path, upstream: Upstream, capsys: Capture) -> None:
    """Every step of every seller is told, in order, and the exit code is 0."""
    path = configuration(tmp_path, upstream.origin, server=KEYS)
    assert checked(capsys, path) == (
        0,
        [
            f"{path}: 1 seller, 1 access key: the configuration is consistent",
            "A1SANDBOXNA001 (na, ATVPDKIKX0DER, A2EUQ1WTGCTBG2, A1AM78C64UM0Y8, A2Q3Y263D00KWC)",
            "  ok    login: Login with Amazon gave an access token",
            "  ok    restricted data: the token service answered",
            '  ok    orders: getOrders answered; Orders v0 is in force: the settings say upstream = "v0"',
            "all sellers can be served",
        ],
    )
    assert [call.operation for call in upstream.sandbox.log] == ["lwa", "createRestrictedDataToken", "getOrders"]
    assert dict(upstream.sandbox.log[-1].query)["MaxResultsPerPage"] == "1"


BUYER = "buyer names, e-mail addresses and gift messages (role: Tax Invoicing or Tax Remittance)"
ADDRESS = "names and streets of shipping addresses (role: Direct-to-Consumer Shipping)"


def test_missing_roles_are_a_note(tmp_path: Path, upstream: Upstream, capsys: Capture) -> None:
    """A seller whose application has no role for personal data can be served; what will be missing is said."""
    path = configuration(tmp_path, upstream.origin, server=KEYS, sellers=[WITHOUT_ROLES])
    code, lines = checked(capsys, path)
    assert code == 0
    assert lines[3:6] == [
        "  ok    restricted data: the token service answered",
        f"  note  without a role for buyerInfo: answers will lack {BUYER}",
        f"  note  without a role for shippingAddress: answers will lack {ADDRESS}",
    ]


NEWEST = "Orders v2026-01-01 is in force: the newest version that Amazon lets the application use"


def test_the_version_in_force_is_told(tmp_path: Path, upstream: Upstream, capsys: Capture) -> None:
    """With auto the newest version is tried, needs no restricted data token, and is named with the reason."""
    code, lines = checked(capsys, configuration(tmp_path, upstream.origin, server=KEYS, version="auto"))
    assert code == 0
    assert lines[2:] == [
        "  ok    login: Login with Amazon gave an access token",
        f"  ok    orders: searchOrders answered; {NEWEST}",
        "all sellers can be served",
    ]
    assert [call.operation for call in upstream.sandbox.log] == ["lwa", "searchOrders"]


def test_refused_datasets_are_a_note(tmp_path: Path, upstream: Upstream, capsys: Capture) -> None:
    """What answers of v2026 will lack without a role is said."""
    path = configuration(tmp_path, upstream.origin, server=KEYS, sellers=[WITHOUT_ROLES], version="auto")
    code, lines = checked(capsys, path)
    assert code == 0
    assert [line.partition(":")[0] for line in lines[3:5]] == [
        "  note  without a role for BUYER",
        "  note  without a role for RECIPIENT",
    ]


def test_a_refused_version_is_a_note(tmp_path: Path, upstream: Upstream, capsys: Capture) -> None:
    """An application that may not use v2026 is served from v0, until when is said, and why."""
    upstream.sandbox.faults.always("searchOrders", "denied")
    code, lines = checked(capsys, configuration(tmp_path, upstream.origin, server=KEYS, version="auto"))
    assert code == 0
    assert lines[3].startswith("  note  v2026-01-01 is refused: SP-API answered HTTP 403")
    assert lines[5].endswith(
        "getOrders answered; Orders v0 is in force: Amazon refuses v2026-01-01 to this application; "
        "v0 ends on 2027-03-27"
    )


@pytest.mark.parametrize(
    ("fault", "version", "words"),
    [
        ("denied", "v2026-01-01", "orders: SP-API answered HTTP 403"),
        ("throttle", "auto", "orders: SP-API answered HTTP 429"),
        ("wrong-shape", "auto", "orders: the answer is not what SP-API promises, at orders: array expected"),
    ],
)
def test_what_v2026_refuses(
    fault: str, version: str, words: str, tmp_path: Path, upstream: Upstream, capsys: Capture
) -> None:
    """Whatever is no question of roles fails the check, and v0 is not tried instead."""
    upstream.sandbox.faults.always("searchOrders", fault)
    code, lines = checked(capsys, configuration(tmp_path, upstream.origin, server=KEYS, version=version))
    assert code == 1
    assert words in "".join(lines)
    assert "getOrders" not in [call.operation for call in upstream.sandbox.log]


def test_no_key_for_tokens_is_a_note(tmp_path: Path, capsys: Capture) -> None:
    """--offline calls nobody; that listings will not outlive a restart is said."""
    path = configuration(tmp_path, "http://127.0.0.1:1")
    assert checked(capsys, path, "--offline") == (
        0,
        [
            f"{path}: 1 seller, 1 access key: the configuration is consistent",
            "note: server.token_keys is not set; a restart will break listings that are under way",
        ],
    )


REAUTHORISE = "let the seller authorise the application again, and put the new refresh token into the settings"
COMPARE = "compare client_id and client_secret with the developer console; secrets end after 180 days"
ROLE_OR_REGION = "the role Inventory and Order Tracking is missing, or the refresh token is of another region"


@pytest.mark.parametrize(
    ("fault", "step", "reason", "remedy"),
    [
        ("lwa=invalid-grant", "login", "refresh token is not valid any more", REAUTHORISE),
        ("lwa=unauthorized-token", "login", "the secret has expired (180 days)", COMPARE),
        ("lwa=denied", "login", "client id or secret is wrong", COMPARE),
        ("lwa=not-found", "login", "Login with Amazon refused the request", "the refresh token, the role or the"),
        ("lwa=unavailable", "login", "answered HTTP 503", "no answer: is there a way out to Amazon from here"),
        ("lwa=throttle", "login", "answered HTTP 429", "no answer: is there a way out to Amazon"),
        ("lwa=html", "login", "without a token", "no answer: is there a way out to Amazon"),
        ("createRestrictedDataToken=internal", "restricted data", "HTTP 500", "no answer: is there a way out"),
        (
            "getOrders=denied",
            "orders",
            "HTTP 403 Unauthorized: Access to requested resource is denied.",
            ROLE_OR_REGION,
        ),
        ("getOrders=unauthorized-token", "orders", "HTTP 403", "the refresh token, the role or the region is not"),
        ("getOrders=throttle", "orders", "HTTP 429 QuotaExceeded", "the usage plan of this seller is used up"),
        ("getOrders=internal", "orders", "HTTP 500", "Amazon answered something unexpected; try again"),
        ("getOrders=unavailable", "orders", "HTTP 503", "no answer: is there a way out to Amazon"),
        ("getOrders=html", "orders", "not a JSON object", "Amazon answered something unexpected"),
    ],
)
def test_what_amazon_refuses(
    fault: str, step: str, reason: str, remedy: str, tmp_path: Path, upstream: Upstream, capsys: Capture
) -> None:
    """A refusal is told with Amazon's reason, then with what to do about it; later steps are not tried; the exit
    code is 1."""
    upstream.sandbox.faults.always(*fault.split("="))
    code, lines = checked(capsys, configuration(tmp_path, upstream.origin, server=KEYS))
    assert code == 1
    *_, failed, what_to_do, verdict = lines
    assert failed.startswith(f"  FAIL  {step}: ")
    assert reason in failed
    assert what_to_do.startswith(f"        {remedy}")
    assert verdict == "not served: 1 of 1 seller"


def test_an_answer_of_another_shape(tmp_path: Path, upstream: Upstream, capsys: Capture) -> None:
    """An answer that is none of SP-API's is told with the place at which it differs."""
    upstream.sandbox.faults.always("getOrders", "wrong-shape")
    code, lines = checked(capsys, configuration(tmp_path, upstream.origin, server=KEYS))
    assert code == 1
    assert lines[-2] == "  FAIL  orders: the answer is not what SP-API promises, at payload: object expected"


def test_no_such_operation(tmp_path: Path, upstream: Upstream, capsys: Capture) -> None:
    """Where a listing is not found, the address is what to look at."""
    upstream.sandbox.faults.always("getOrders", "not-found")
    code, lines = checked(capsys, configuration(tmp_path, upstream.origin, server=KEYS))
    assert code == 1
    assert lines[-3] == "  FAIL  orders: SP-API answered getOrders with 404: is the endpoint address right?"


def test_a_wrong_secret_and_a_wrong_refresh_token(tmp_path: Path, upstream: Upstream, capsys: Capture) -> None:
    """What the sandbox refuses by itself is explained like Amazon's refusals."""
    _, lines = checked(capsys, configuration(tmp_path, upstream.origin, client_secret="wrong"))
    assert lines[-2].strip() == COMPARE
    _, lines = checked(capsys, configuration(tmp_path, upstream.origin, refresh_token="Nobody"))
    assert lines[-2].strip() == REAUTHORISE


def test_a_marketplace_of_another_region(tmp_path: Path, upstream: Upstream, capsys: Capture) -> None:
    """A marketplace that is not the seller's is named as the likely cause."""
    path = configuration(tmp_path, upstream.origin, server=KEYS, marketplaces=["A1PA6795UKMFR9"])
    code, lines = checked(capsys, path)
    assert code == 1
    assert "(eu, A1PA6795UKMFR9)" in lines[1]
    assert lines[-3].startswith("  FAIL  orders: SP-API answered HTTP 4")
    assert lines[-2].strip() in {
        ROLE_OR_REGION,
        "one of the marketplaces is not one of this seller's in this region",
    }


def test_nobody_answers(tmp_path: Path, capsys: Capture) -> None:
    """Where nobody listens, the way to Amazon is what to look at."""
    code, lines = checked(capsys, configuration(tmp_path, "http://127.0.0.1:1", server=KEYS))
    assert code == 1
    assert lines[-3:-1] == [
        "  FAIL  login: 127.0.0.1: ConnectError",
        "        no answer: is there a way out to Amazon from here (firewall, proxy, DNS)?",
    ]


def test_several_sellers(tmp_path: Path, upstream: Upstream, capsys: Capture) -> None:
    """A seller that cannot be served does not hide the others; they are told of in their order, and those that fail
    are counted and named."""
    path = configuration(tmp_path, upstream.origin, server=KEYS, sellers=[SELLER, WITHOUT_ROLES])
    path.write_text(path.read_text().replace(SELLER.refresh_token, "Nobody"))
    code, lines = checked(capsys, path)
    assert code == 1
    assert lines[0].endswith("2 sellers, 1 access key: the configuration is consistent")
    assert lines[1].startswith(f"{SELLER.selling_partner_id} (")
    assert lines[3].strip() == REAUTHORISE
    assert lines[4].startswith(f"{WITHOUT_ROLES.selling_partner_id} (")
    assert lines[-2:] == [
        '  ok    orders: getOrders answered; Orders v0 is in force: the settings say upstream = "v0"',
        f"not served: 1 of 2 sellers: {SELLER.selling_partner_id}",
    ]


def test_chosen_sellers(tmp_path: Path, upstream: Upstream, capsys: Capture) -> None:
    """Only the sellers that are named are tried, each once; one that there is not is refused before anybody is
    called."""
    path = configuration(tmp_path, upstream.origin, server=KEYS, sellers=[SELLER, WITHOUT_ROLES])
    chosen = WITHOUT_ROLES.selling_partner_id
    code, lines = checked(capsys, path, chosen, chosen)
    assert code == 0
    assert [line for line in lines if line.startswith("A1")] == [lines[1]]
    assert lines[1].startswith(chosen)
    upstream.sandbox.log.clear()
    assert main(["check", "--config", str(path), chosen, "NOBODY", "NOWHERE"]) == 2
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "mws-bridge: no [[seller]] has seller_id NOBODY, NOWHERE\n")
    assert not upstream.sandbox.log


def test_many_sellers_that_fail(tmp_path: Path, capsys: Capture) -> None:
    """Of many that cannot be served, the verdict names ten, and all are told of in their order."""
    sellers = [dataclasses.replace(SELLER, selling_partner_id=f"A{number}") for number in range(12)]
    code, lines = checked(capsys, configuration(tmp_path, "http://127.0.0.1:1", server=KEYS, sellers=sellers))
    assert code == 1
    assert [line.partition(" ")[0] for line in lines[1:-1:3]] == [f"A{number}" for number in range(12)]
    assert lines[-1] == "not served: 12 of 12 sellers: A0, A1, A2, A3, A4, A5, A6, A7, A8, A9 and 2 more"


def test_files_of_accounts(tmp_path: Path, capsys: Capture) -> None:
    """Files beside the main one are counted; every fault of every file is told."""
    folder = tmp_path / "sellers.d"
    folder.mkdir()
    path = configuration(tmp_path, "http://127.0.0.1:1", server=KEYS)
    path.write_text(f'accounts = "sellers.d"\n{path.read_text()}')
    first = f"{path} and 0 files of {folder}: 1 seller, 1 access key: the configuration is consistent"
    assert checked(capsys, path, "--offline") == (0, [first])
    (folder / "b.toml").write_text('[[revoked]]\nid = "AKIAOLD"\nat = 2020-01-01\n')
    assert checked(capsys, path, "--offline")[1] == [first.replace("0 files", "1 file")]
    (folder / "a.toml").write_text("[[seller]]\nregion = 'mars'\n")
    (folder / "b.toml").write_text("[server]\n[[seller\n")
    (folder / "c.toml").write_text("[server]\n")
    assert main(["check", "--offline", "--config", str(path)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [
        f"mws-bridge: {path} cannot be used:",
        f"  {folder}/a.toml: seller[1].seller_id: is missing",
        f"  {folder}/a.toml: seller[1].refresh_token: is missing",
        f"  {folder}/a.toml: seller[1].marketplaces: is missing",
        f"  {folder}/a.toml: seller[1].region: Input should be 'na', 'eu' or 'fe'",
        f"  {folder}/b.toml: not TOML: Expected ']]' at the end of an array declaration (at line 2, column 9)",
        f"  {folder}/c.toml: server: belongs into the main file",
    ]


def test_a_seller_of_the_environment(
    tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Without a file, the seller of the environment is checked, and faults name variables; a file that is there goes
    before, and that is said."""
    monkeypatch.chdir(tmp_path)
    for name in ("SELLER_ID", "CLIENT_ID", "REFRESH_TOKEN"):
        monkeypatch.setenv(f"MWS_BRIDGE_{name}", "A1SELLER")
    assert main(["check", "--offline"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines()[:2] == [
        "mws-bridge: the configuration in the environment (MWS_BRIDGE_…) cannot be used:",
        "  MWS_BRIDGE_CLIENT_SECRET: is missing: set it, or MWS_BRIDGE_CLIENT_SECRET_FILE",
    ]
    for name in ("CLIENT_SECRET", "ACCESS_KEY_ID", "ACCESS_KEY_SECRET"):
        monkeypatch.setenv(f"MWS_BRIDGE_{name}", ACCESS_SECRET)
    monkeypatch.setenv("MWS_BRIDGE_MARKETPLACES", "ATVPDKIKX0DER")
    assert main(["check", "--offline"]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert told.out.startswith("the configuration in the environment (MWS_BRIDGE_…): 1 seller, 1 access key: the")
    assert ACCESS_SECRET not in told.out
    configuration(tmp_path, upstream.origin, server=KEYS, sellers=[SELLER, WITHOUT_ROLES])
    assert main(["check", "--offline"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("mws-bridge.toml: 2 sellers, 1 access key")
    assert told.err == (
        "mws-bridge: note: mws-bridge.toml counts; MWS_BRIDGE_SELLER_ID and what belongs to it are not looked at\n"
    )


def test_the_shared_store(
    tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """A shared store that does not answer fails the check, without its password; the sellers are tried all the same.
    --offline does not ask it."""
    path = configuration(tmp_path, upstream.origin, server=KEYS)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    path.write_text(f'state = "redis://:{ACCESS_SECRET[-4:]}@127.0.0.1:{port}/0"\n{path.read_text()}')
    code, lines = checked(capsys, path)
    assert code == 1
    assert lines[1].startswith("  FAIL  state: ")
    assert lines[2].startswith("        is the store up, ")
    assert "@" not in lines[1]
    assert lines[-1] == "all sellers can be served"
    assert checked(capsys, path, "--offline")[0] == 0
    with answering() as port:
        path.write_text(re.sub("127.0.0.1:[0-9]+/0", f"127.0.0.1:{port}/0", path.read_text()))
        code, lines = checked(capsys, path)
    assert (code, lines[1]) == (0, "  ok    state: the shared store answers")


def test_a_bad_configuration(tmp_path: Path, capsys: Capture) -> None:
    """A configuration that cannot be used is told of with all its faults on stderr, and the exit code is 2."""
    path = configuration(tmp_path, "http://127.0.0.1:1", refresh_token="", marketplaces=["NEW"], server="prot = 1")
    assert main(["check", "--config", str(path)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == f"mws-bridge: {path} cannot be used:\n  server.prot: there is no such setting\n"
    assert main(["check", "--config", str(tmp_path / "none.toml")]) == 2
    assert "none.toml: cannot be read: No such file or directory" in capsys.readouterr().err
