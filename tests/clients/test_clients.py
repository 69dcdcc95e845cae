"""Real legacy clients, with nothing changed but the address and the keys, against the endpoint and its sandbox."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

pytestmark = [pytest.mark.clients, pytest.mark.long]

HERE = Path(__file__).parent
DRIVER_SECONDS = 60

STATUS = {"SignatureDoesNotMatch": 403, "InvalidAccessKeyId": 403, "RequestThrottled": 503}
MESSAGE = {
    "SignatureDoesNotMatch": "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
    "InvalidAccessKeyId": "The AWS Access Key Id you provided does not exist in our records.",
    "RequestThrottled": "Request is throttled",
}


@dataclass(frozen=True, slots=True)
class Client:
    """A driver and what its library makes of an error.

    installed: its directory below installed/; empty when the driver is the whole client.
    raises: the name of the library's own class for an error code.
    status: whether that class tells the HTTP status.
    """

    driver: str
    installed: str
    raises: Callable[[str], str]
    status: bool = False


CLIENTS = [
    Client("mws_0_8.py", "mws", lambda _: "MWSError", status=True),
    Client("boto_mws.py", "boto", lambda code: code, status=True),
    Client("pymws_orders.py", "pymws", lambda code: code if code == "RequestThrottled" else "MWSError"),
    Client("scaleleap.js", "scaleleap", lambda code: f"{code}Error"),
    Client("ericblade.js", "ericblade", lambda _: "ServerError", status=True),
    Client("amazon_mws.js", "amazon-mws", lambda _: "AmazonMwsAPIError", status=True),
    Client("mws_api.js", "mws-api", lambda _: "Error"),
    # These two raise nothing: an error is a result with this root element, and the driver looks for it.
    Client("mws_simple.js", "mws-simple", lambda _: "ErrorResponse"),
    Client("mws_sdk_promises.js", "promises", lambda _: "ErrorResponse"),
    Client("plain.php", "", lambda _: "MwsException", status=True),
    # Before exceptions: it returns false and keeps status, code and message on itself.
    Client("oldest.php", "", lambda _: "AmazonOrders", status=True),
]


@dataclass(frozen=True, slots=True)
class Session:
    """What one client printed, by scenario, and what it should have read."""

    expected: dict
    printed: dict[str, subprocess.CompletedProcess[str]]

    def answer(self, scenario: str) -> dict:
        """Return the JSON of one run; fail with what the driver said when there is none."""
        run = self.printed[scenario]
        assert run.returncode == 0, f"the driver ended with {run.returncode}:\n{run.stderr[-3000:]}"
        return json.loads(run.stdout, parse_float=Decimal)


@pytest.fixture(params=CLIENTS, ids=lambda client: client.driver)
def client(request: pytest.FixtureRequest) -> Client:
    """Each client in turn, or skip it because something is not installed."""
    chosen: Client = request.param
    if reason := missing(chosen):
        pytest.skip(reason)
    return chosen


@pytest.fixture(scope="session")
def observed(new_task) -> Callable[[Client], Session]:
    """Run every scenario of a client, once; the throttle comes last, for it lasts."""

    @cache
    def observe(client: Client) -> Session:
        with new_task() as task:
            told = task.environment
            printed = {
                "read": drive(client, "read", told),
                "bad-secret": drive(client, "bad-secret", {**told, "MWS_SECRET": "not the secret"}),
                "bad-key": drive(client, "bad-key", {**told, "MWS_ACCESS_KEY": "AKIANOSUCHKEY0000000"}),
                "throttle": drive(client, "throttle", told),
            }
        return Session(task.expected, printed)

    return observe


def test_reads_all_pages_and_items(client: Client, observed: Callable[[Client], Session]) -> None:
    """The client follows the NextTokens to the end and finds the orders and items that a plain reading finds."""
    session = observed(client)
    answer = session.answer("read")

    assert "error_type" not in answer, answer
    assert answer["pages"] > 1
    assert comparable(answer) == comparable(session.expected)


@pytest.mark.parametrize(
    ("scenario", "code"),
    [
        ("bad-secret", "SignatureDoesNotMatch"),
        ("bad-key", "InvalidAccessKeyId"),
        ("throttle", "RequestThrottled"),
    ],
)
def test_raises_its_own_error(
    client: Client, observed: Callable[[Client], Session], scenario: str, code: str
) -> None:
    """The client recognises the error and raises the class that its users catch."""
    assert observed(client).answer(scenario) == {
        "error_type": client.raises(code),
        "code": code,
        "status": STATUS[code] if client.status else None,
        "message": MESSAGE[code],
    }


def test_every_pinned_client_is_run() -> None:
    """What install.sh installs has a driver, and what the drivers need is installed."""
    lines = (HERE / "clients.txt").read_text().splitlines()
    pinned = {line.split()[1] for line in lines if line and not line.startswith("#")}

    assert pinned == {client.installed for client in CLIENTS if client.installed}


def missing(client: Client) -> str:
    """Say what the client lacks here, or nothing."""
    kind = Path(client.driver).suffix
    if kind == ".php":
        return missing_php()
    if kind == ".js" and shutil.which("node") is None:
        return "node is not installed (Debian: nodejs npm)"
    if not (HERE / "installed" / client.installed).is_dir():
        return f"installed/{client.installed} is missing: run tests/clients/install.sh"
    return ""


@cache
def missing_php() -> str:
    """Look for php and the extensions that the drivers use."""
    php = shutil.which("php")
    if php is None:
        return "php is not installed (Debian: php-cli php-curl php-xml)"
    loaded = subprocess.run([php, "-m"], capture_output=True, text=True, check=True, timeout=20).stdout.split()
    absent = {"curl", "dom", "hash", "json", "SimpleXML"} - set(loaded)
    return f"php lacks {', '.join(sorted(absent))} (Debian: php-curl php-xml)" if absent else ""


def drive(client: Client, scenario: str, told: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a driver in a process of its own, without the proxies of this machine's environment."""
    installed = HERE / "installed" / client.installed
    program = {".py": sys.executable, ".js": shutil.which("node"), ".php": shutil.which("php")}
    inherited = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    paths = {
        "PYTHONPATH": str(installed),
        "NODE_PATH": str(installed / "node_modules"),
        "BOTO_CONFIG": os.devnull,
    }
    command = [str(program[Path(client.driver).suffix]), str(HERE / "drivers" / client.driver)]
    try:
        return subprocess.run(
            command,
            env={**inherited, **paths, **told, "MWS_SCENARIO": scenario},
            capture_output=True,
            text=True,
            timeout=DRIVER_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"stopped after {DRIVER_SECONDS} seconds")


def comparable(record: dict) -> dict:
    """Bring what parsers make of the same XML to one form: dates, money and counts as values, the rest as text."""
    first = record["first"]
    return {
        **record,
        "first": {
            "PurchaseDate": datetime.fromisoformat(first["PurchaseDate"]),
            "OrderStatus": first["OrderStatus"],
            "OrderTotal": money(first["OrderTotal"]),
        },
        "items": {
            order_id: [[item_id, asin, int(quantity), money(price)] for item_id, asin, quantity, price in items]
            for order_id, items in record["items"].items()
        },
    }


def money(amount: str | int | Decimal | None) -> Decimal | None:
    """An amount as a number: some parsers keep its text, some make a number of it."""
    return None if amount is None else Decimal(amount)
