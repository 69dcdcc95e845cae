"""``mws-bridge serve --record`` and ``mws-bridge replay``: over the sandbox on loopback, and over a recording."""

import asyncio
import json
import re
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.cli import main
from bridge.cli import replay as replay_verb
from bridge.cli.arguments import build_parser
from bridge.cli.config import DEMO_ACCESS_KEY, DEMO_SECRET, demo_settings
from bridge.cli.signing import Account, sign_request
from bridge.diff.reports import FORMATS
from bridge.endpoint.build import build_endpoint
from bridge.endpoint.recorded import Recording
from bridge.endpoint.recording import Recorder
from bridge.mapping import orders_v0 as v0
from bridge.mapping.rows import StructMap
from bridge.sandbox import Sandbox, SandboxSettings
from bridge.upstream.transport import AiohttpTransport
from mws_compat.query import HttpRequest, parse_call
from mws_compat.reader import parse_document
from tests.cli.running import PATIENCE, SELLER, WITHOUT_ROLES, Upstream, configuration, running, served

Capture = pytest.CaptureFixture[str]
US = SELLER.marketplace_ids[0]
LISTING = {"CreatedAfter": "2020-01-01T00:00:00Z", "MarketplaceId.Id.1": US, "MaxResultsPerPage": "3"}


class Program:
    """A legacy program: it asks an endpoint."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.statuses: list[int] = []

    def ask(self, operation: str, seller: str = SELLER.selling_partner_id, **parameters: str) -> Any:
        """The document that is answered."""
        account = Account(DEMO_ACCESS_KEY, DEMO_SECRET, seller)
        signed = sign_request(self.origin, operation, parameters, account, now=datetime.now(UTC))
        # Without ``verify`` every call would read the machine's certificates, for a connection without TLS.
        answer = httpx.post(signed.url, content=signed.body, timeout=PATIENCE, trust_env=False, verify=False)
        self.statuses.append(answer.status_code)
        return parse_document(answer.content)

    def list(self, **parameters: str) -> list[str]:
        """The ids of a listing with all its pages."""
        document = self.ask("ListOrders", **{**LISTING, **parameters})
        ids = [order["AmazonOrderId"] for order in document.result["Orders"]]
        while token := document.result.get("NextToken"):
            document = self.ask("ListOrdersByNextToken", NextToken=token)
            ids += [order["AmazonOrderId"] for order in document.result["Orders"]]
        return ids

    def work(self) -> None:
        """Every operation, chains of pages, two sellers, and mistakes."""
        ids = self.list()
        self.ask("GetOrder", **{f"AmazonOrderId.Id.{number}": id_ for number, id_ in enumerate(ids[:3], 1)})
        for id_ in ids[:8]:
            document = self.ask("ListOrderItems", AmazonOrderId=id_)
            while token := document.result.get("NextToken"):
                document = self.ask("ListOrderItemsByNextToken", NextToken=token)
        self.ask("ListOrders", seller=WITHOUT_ROLES.selling_partner_id, **LISTING)
        self.ask("ListOrderItems", AmazonOrderId="nonsense")
        self.ask("ListOrdersByNextToken", NextToken="nonsense")
        self.ask("GetServiceStatus")


class Recorded:
    """A recording, the sandbox that it was made over, and an endpoint that is still there."""

    def __init__(self, directory: Path, origin: str, sandbox: Sandbox) -> None:
        self.directory = directory
        self.origin = origin
        self.sandbox = sandbox

    def files(self, part: str, operation: str = "") -> list[Path]:
        """The files of a part, in their order."""
        return sorted(path for path in (self.directory / part).rglob(f"*-{operation}*") if path.is_file())


def record(upstream: str, directory: Path, *, masked: bool = True, work: Callable[[Program], object]) -> None:
    """Have a program work at an endpoint that records."""
    transport = AiohttpTransport(trust_env=False)
    with Recorder(directory, masked=masked) as recorder:
        app = build_endpoint(
            demo_settings(upstream, upstream="v0"), transport=transport, emit=lambda _: None, recorder=recorder
        )
        with served(app) as origin:
            work(Program(origin))


@pytest.fixture(scope="module")
def _world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    settings = SandboxSettings(orders=120, usage_plans=False, anchor=datetime.now(UTC), items_page_size=1)
    sandbox = Sandbox(settings, sleep=asyncio.sleep)
    directory = tmp_path_factory.mktemp("world") / "recording"
    with served(sandbox.app, mws=False) as upstream:
        record(upstream, directory, work=Program.work)
        transport = AiohttpTransport(trust_env=False)
        app = build_endpoint(demo_settings(upstream, upstream="v0"), transport=transport, emit=lambda _: None)
        with served(app) as origin:
            yield Recorded(directory, origin, sandbox)


@pytest.fixture
def world(_world: Recorded, tmp_path: Path) -> Iterator[Recorded]:
    """A copy of the recording; faults of the sandbox are gone after the test."""
    directory = tmp_path / "recording"
    shutil.copytree(_world.directory, directory)
    yield Recorded(directory, _world.origin, _world.sandbox)
    _world.sandbox.faults.clear()


def replayed(world: Recorded, *typed: str) -> int:
    """``replay --against`` the endpoint over the same sandbox."""
    return main(["replay", str(world.directory), "--against", world.origin, "--sandbox", "--rate", "1000", *typed])


def rerendered(world: Recorded, *typed: str) -> int:
    """``replay --against-recorded-upstream``."""
    return main(["replay", str(world.directory), "--against-recorded-upstream", *typed])


def edit(path: Path, old: str, new: str) -> None:
    """Replace what must be in a file once or more."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


# --- nothing has changed --------------------------------------------------------------------------------------------


def test_the_recording_is_of_everything(world: Recorded) -> None:
    """What the tests below replay has every operation, chains of both kinds, two sellers, and errors."""
    found = [one.request for one in Recording(world.directory) if not isinstance(one, Exception)]
    assert len({request.operation for request in found}) == 6
    assert len([1 for request in found if request.operation == "ListOrdersByNextToken"]) > 2
    assert any(request.operation == "ListOrderItemsByNextToken" for request in found)
    assert len({request.seller.id for request in found if request.seller}) == 2
    assert len([1 for request in found if request.status == 400]) == 2


def test_the_same_endpoint_answers_the_same(world: Recorded, capsys: Capture) -> None:
    """Every recorded request is asked again, with the tokens of the present answers, and nothing differs: exit 0."""
    world.sandbox.log.clear()
    assert replayed(world) == 0
    told = capsys.readouterr()
    count = len(world.files("requests"))
    assert told.err == f"mws-bridge: {count} of {count} recorded requests compared\n"
    assert "The same" in told.out
    asked = [call for call in world.sandbox.log if call.operation == "getOrders"]
    assert len([call for call in asked if "NextToken" in dict(call.query)]) > 2
    assert not [call for call in asked if dict(call.query).get("NextToken", "").startswith("token-")]


def test_the_present_code_answers_the_same(world: Recorded, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """Over the recorded payloads the present code gives the recorded answers, and opens no connection: exit 0."""

    def refuse(*_: object) -> None:
        raise AssertionError("it wants to call somebody")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert rerendered(world) == 0
    count = len(world.files("requests"))
    assert capsys.readouterr().err == f"mws-bridge: {count} of {count} recorded requests compared\n"


def test_personal_data_that_was_kept(world: Recorded, tmp_path: Path, capsys: Capture) -> None:
    """A recording with personal data is the same too, both ways; a request for a buyer's address is asked again."""
    directory = tmp_path / "kept"
    emails: list[str] = []

    def work(program: Program) -> None:
        orders = program.ask("ListOrders", **{**LISTING, "MaxResultsPerPage": "50"}).result["Orders"]
        emails.extend(order["BuyerEmail"] for order in orders if "BuyerEmail" in order)
        program.ask("ListOrders", **LISTING, BuyerEmail=emails[0])

    with served(world.sandbox.app, mws=False) as upstream:
        record(upstream, directory, masked=False, work=work)
    kept = Recorded(directory, world.origin, world.sandbox)
    assert emails[0] in kept.files("requests")[1].read_text()
    assert replayed(kept) == 0
    assert rerendered(kept) == 0
    assert "2 of 2 recorded requests compared" in capsys.readouterr().err


def test_formats_and_output(world: Recorded, tmp_path: Path, capsys: Capture) -> None:
    """The report comes in the formats of ``diff``, on stdout or in a file."""
    assert rerendered(world, "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)
    assert rerendered(world, "--format", "junit", "--output", str(tmp_path / "report.xml")) == 0
    assert capsys.readouterr().out == ""
    assert (tmp_path / "report.xml").read_text().startswith("<?xml")
    parsed = build_parser("replay").parse_args(["replay", "d", "--against-recorded-upstream"])
    assert (parsed.format, parsed.show_pii, parsed.rate) == ("text", False, 1.0)
    assert "text" in FORMATS


# --- something has --------------------------------------------------------------------------------------------------


def test_a_planted_change(world: Recorded, capsys: Capture) -> None:
    """A value that differs is one difference at its path, in the file where it was recorded: exit 1, both ways."""
    path = world.files("answers", "GetOrder")[0]
    order_id = re.search(r"<AmazonOrderId>(.*)</", path.read_text())
    assert order_id
    text = re.sub(r"<OrderStatus>.*</", "<OrderStatus>Planted</", path.read_text(), count=1)
    path.write_text(text)
    for replay in (replayed, rerendered):
        assert replay(world) == 1
        told = capsys.readouterr().out
        assert "Order/OrderStatus" in told
        assert f"Order[{order_id[1]}]" in told
        assert str(path) in told


def test_rules_are_heeded(world: Recorded, tmp_path: Path, capsys: Capture) -> None:
    """A rules file of ``diff`` counts here as well; a broken one is trouble."""
    path = world.files("answers", "GetOrder")[0]
    path.write_text(re.sub(r"<OrderStatus>.*</", "<OrderStatus>Planted</", path.read_text(), count=1))
    rules = tmp_path / "rules.toml"
    rules.write_text('[[ignore]]\npath = "Order/OrderStatus"\nreason = "planted"\n')
    assert rerendered(world, "--rules", str(rules)) == 0
    rules.write_text("[[ignore]]\nnonsense = 1\n")
    assert rerendered(world, "--rules", str(rules)) == 2
    assert str(rules) in capsys.readouterr().err


def test_a_changed_row_of_the_mapping(world: Recorded, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """A row of the tables that takes another member shows itself offline: exit 1, with the element's path."""
    rows = [row._replace(source="OrderType") if row.mws == "ShipServiceLevel" else row for row in v0.ORDER_MAP.rows]
    monkeypatch.setattr(v0, "ORDER_MAP", StructMap(v0.ORDER_MAP.struct, rows, v0.ORDER_MAP.unused))
    assert rerendered(world) == 1
    assert "Order/ShipServiceLevel" in capsys.readouterr().out


def test_a_changed_question(world: Recorded, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """What is asked of SP-API is compared too: a parameter that goes under another name is told, both names."""
    monkeypatch.setattr(v0, "QUERY_NAMES", {**v0.QUERY_NAMES, "MaxResultsPerPage": "PageSize"})
    assert rerendered(world) == 1
    told = capsys.readouterr().out
    assert "ListOrders/UpstreamRequest/MaxResultsPerPage" in told
    assert "ListOrders/UpstreamRequest/PageSize" in told


def test_a_question_that_was_not_asked_then(
    world: Recorded, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """A request that was refused, and for which the present code asks SP-API, is told with the path that it asks."""
    monkeypatch.setattr("bridge.endpoint.handlers._ORDER_ID", lambda _: True)
    assert rerendered(world) == 1
    told = capsys.readouterr().out
    assert "ListOrderItems/UpstreamRequest" in told
    assert "/orders/v0/orders/nonsense/orderItems" in told


def test_a_listing_that_ends_earlier(world: Recorded, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """An answer without the token that the recorded one has is told as that, and the pages after it are left out."""
    monkeypatch.setattr(v0, "_token", lambda _: "")
    assert rerendered(world) == 1
    told = capsys.readouterr()
    assert "ListOrders/NextToken" in told.out
    assert "left out: it continues a listing that ends earlier now" in told.err


def test_a_listing_that_goes_on(world: Recorded, capsys: Capture) -> None:
    """An answer with a token that the recorded one does not have is told as well."""
    last = world.files("answers", "ListOrdersByNextToken")[-1]
    assert "NextToken>token-" not in last.read_text()
    second = world.files("upstream", "ListOrdersByNextToken")[-1]
    edit(second, '"payload":{', '"payload":{"NextToken":"token-more",')
    assert rerendered(world) == 1
    assert "a further page" in capsys.readouterr().out


def test_an_error_instead_of_an_answer(world: Recorded, capsys: Capture) -> None:
    """An endpoint that answers with an error is told of by status and error, not by every order that is missing."""
    world.sandbox.faults.script("getOrder", ["denied"] * 10)
    world.sandbox.faults.script("getOrders", ["denied"] * 100)
    assert replayed(world) == 1
    told = capsys.readouterr()
    for spot in ("GetOrder/Status", "GetOrder/Error", "ListOrders/Status", "ListOrders/Error"):
        assert spot in told.out
    assert "401" in told.out
    assert "left out: it continues a listing that ends earlier now" in told.err
    assert "missing: only the old side" not in told.out


def test_an_answer_instead_of_an_error(world: Recorded, capsys: Capture) -> None:
    """A request that was refused and is answered now is told of the same way; another message of an error is a
    difference at its path."""
    refused, corrupted = world.files("others", "ListOrder")[:2]
    edit(refused, "Invalid AmazonOrderId", "Wrong AmazonOrderId")
    edit(corrupted, "NextTokenCorrupted", "Other")
    assert rerendered(world) == 1
    told = capsys.readouterr().out
    assert "ErrorResponse/Error/Message" in told
    assert "ErrorResponse/Error/Code" in told
    request = world.files("requests", "GetOrder")[0]
    edit(request, '"status": 200,\n "code": ""', '"status": 400,\n "code": "InvalidParameterValue"')
    shutil.copytree(world.directory / "others", world.directory / "answers", dirs_exist_ok=True)
    shutil.copy(refused, world.directory / "others" / refused.parent.name / f"{request.stem}.mws.xml")
    assert rerendered(world) == 1
    told = capsys.readouterr().out
    assert "GetOrder/Status" in told
    assert "GetOrder/Error" in told


# --- how it asks ----------------------------------------------------------------------------------------------------


class Stub:
    """An MWS endpoint that answers as it is told, and keeps what it was asked."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, str]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for kind in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{kind}.complete"})
            return
        body = (await receive())["body"]
        self.asked.append(parse_call(HttpRequest("POST", scope["path"], scope["query_string"], body, "")).parameters)
        status, content = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        headers = [(b"location", b"http://127.0.0.1:1/"), (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})


THROTTLED = (
    b'<?xml version="1.0"?>\n<ErrorResponse xmlns="https://mws.amazonservices.com/">\n  <Error>\n    <Type></Type>\n'
    b"    <Code>RequestThrottled</Code>\n    <Message>Request is throttled</Message>\n  </Error>\n"
    b"  <RequestID>1</RequestID>\n</ErrorResponse>\n"
)


@pytest.fixture
def one(world: Recorded) -> Recorded:
    """The recording of a single listing."""
    for part in ("requests", "answers", "upstream", "others"):
        for path in world.files(part):
            if not path.name.startswith("000000001-"):
                path.unlink()
    assert len(world.files("requests")) == 1
    return world


def against(stub: Stub, one: Recorded, *typed: str) -> int:
    with served(stub) as origin:
        return replayed(Recorded(one.directory, origin, one.sandbox), *typed)


def test_throttling_is_waited_out(one: Recorded, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """RequestThrottled is asked again after a wait; the answer after it counts."""
    monkeypatch.setattr(replay_verb, "_WAITS", (0.01, 0.02))
    answer = one.files("answers")[0].read_bytes()
    stub = Stub((503, THROTTLED), (503, THROTTLED), (200, answer))
    assert against(stub, one) == 0
    assert len(stub.asked) == 3
    assert capsys.readouterr().err.splitlines()[:2] == [
        "mws-bridge: throttled; asking again in 0.01 s",
        "mws-bridge: throttled; asking again in 0.02 s",
    ]


def test_throttling_without_end(one: Recorded, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """The number of waits is bounded; then it is trouble, with a remedy."""
    monkeypatch.setattr(replay_verb, "_WAITS", (0.01, 0.02))
    stub = Stub((503, THROTTLED))
    assert against(stub, one) == 2
    assert len(stub.asked) == 3
    assert "000000001-ListOrders: still throttled after 0.03 s; use a smaller --rate" in capsys.readouterr().err


def test_the_bound_of_the_recorded_answer_is_asked_for(one: Recorded) -> None:
    """A listing without an upper date is asked for up to the date that the recorded answer names: what came since is
    no difference."""
    path = one.files("answers")[0]
    bound = re.search(r"<CreatedBefore>(.*)</", path.read_text())
    assert bound
    stub = Stub((200, path.read_bytes()))
    assert against(stub, one) == 0
    (asked,) = stub.asked
    assert asked["CreatedBefore"] == bound[1]
    assert {name: asked[name] for name in LISTING} == LISTING
    assert (asked["SellerId"], asked["AWSAccessKeyId"]) == (SELLER.selling_partner_id, DEMO_ACCESS_KEY)
    assert abs((datetime.now(UTC) - datetime.fromisoformat(asked["Timestamp"])).total_seconds()) < PATIENCE


def test_redirects_are_not_followed(one: Recorded, capsys: Capture) -> None:
    """Only the address that was named is called; a redirect is no answer of MWS."""
    stub = Stub((302, b"moved"))
    assert against(stub, one) == 2
    assert "HTTP 302 with what is no answer of MWS" in capsys.readouterr().err
    assert len(stub.asked) == 1


def test_no_answer(world: Recorded, capsys: Capture) -> None:
    """Where nobody listens it is trouble, and three requests are enough to know."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    nobody = Recorded(world.directory, f"http://127.0.0.1:{port}", world.sandbox)
    assert replayed(nobody) == 2
    told = capsys.readouterr().err
    assert told.count("no answer: ConnectError") == 3
    assert "gave up after 3 requests in a row without an answer" in told


def test_the_rate_is_kept(one: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more requests a second are sent than was said."""
    slept: list[float] = []
    sleep = asyncio.sleep

    async def watched(seconds: float, *rest: Any) -> Any:
        slept.append(seconds)
        return await sleep(0, *rest)

    monkeypatch.setattr(replay_verb, "_WAITS", (0.0, 0.0))
    arguments = build_parser("replay").parse_args(["replay", "d", "--against", "http://h", "--rate", "4"])
    live = replay_verb._Live("http://h", arguments)

    async def take() -> None:
        monkeypatch.setattr(asyncio, "sleep", watched)
        for _ in range(3):
            await live._take_turn()
        await live.close()

    asyncio.run(take())
    assert [round(seconds, 1) for seconds in slept] == [0.0, 0.2, 0.5]


def test_the_key_of_a_configuration(one: Recorded, tmp_path: Path, upstream: Upstream, capsys: Capture) -> None:
    """With --config the access key is the one that may call for the recorded seller, with its MWSAuthToken."""
    path = configuration(tmp_path, upstream.origin, access_key='mws_auth_tokens = { A1SANDBOXNA001 = "amzn.mws.1" }')
    text = path.read_text().replace(
        "[[access_key]]",
        '[[access_key]]\nid = "AKIAOTHER"\nsecret = "x"\nsellers = ["A1SANDBOXNOPII"]\n[[access_key]]',
    )
    other = f'[[seller]]\nseller_id = "A1SANDBOXNOPII"\nrefresh_token = "x"\nmarketplaces = ["{US}"]\n'
    path.write_text(f"{text}\n{other}")
    stub = Stub((200, one.files("answers")[0].read_bytes()))
    with served(stub) as origin:
        typed = ["replay", str(one.directory), "--against", origin, "--rate", "1000"]
        assert main([*typed, "--config", str(path)]) == 0
        (asked,) = stub.asked
        assert (asked["AWSAccessKeyId"], asked["MWSAuthToken"]) == ("AKIATEST", "amzn.mws.1")
        capsys.readouterr()
        assert main([*typed, "--config", str(tmp_path / "none.toml")]) == 2
        assert capsys.readouterr().err.startswith("mws-bridge: whose key? Set MWS_ACCESS_KEY")
        assert len(stub.asked) == 1


def test_what_is_left_out(world: Recorded, tmp_path: Path, capsys: Capture) -> None:
    """What cannot come out the same is not asked again, and counted by its reason: callers that were not let in,
    failures that pass, masked personal data, listings whose beginning is gone."""
    directory = tmp_path / "odd"

    def work(program: Program) -> None:
        program.ask("ListOrders", **LISTING, BuyerEmail="a@b.example")
        program.list()
        program.ask("ListOrders", seller="A1NOBODY", **LISTING)
        world.sandbox.faults.script("getOrders", ["unavailable"] * 9)
        program.ask("ListOrders", **LISTING)
        world.sandbox.faults.clear()
        world.sandbox.faults.script("getOrder", ["throttle"])
        program.ask("GetOrder", **{"AmazonOrderId.Id.1": "112-1234567-1234567"})
        world.sandbox.faults.script("getOrderItems", ["denied"])
        program.ask("ListOrderItems", AmazonOrderId="112-1234567-1234567")
        world.sandbox.faults.clear()

    with served(world.sandbox.app, mws=False) as upstream:
        record(upstream, directory, work=work)
    odd = Recorded(directory, world.origin, world.sandbox)
    for path in odd.files("requests", "ListOrders")[1:2]:
        path.unlink()
    assert replayed(odd) == 1  # of the order that is refused no longer
    told = capsys.readouterr()
    assert "mws-bridge: 2 left out: the failure was one that passes" in told.err
    assert "mws-bridge: 1 left out: the caller was not let in" in told.err
    assert "mws-bridge: 1 left out: it asks for personal data, which is masked in the recording" in told.err
    assert "left out: it continues a listing of which the page before is not in the recording" in told.err
    assert rerendered(odd) == 0
    told = capsys.readouterr()
    assert "failed before" not in told.err  # SP-API had been asked
    for path in odd.files("requests", "GetOrder"):
        path.write_text(re.sub(r'"upstream": \[.*\]', '"upstream": []', path.read_text(), flags=re.DOTALL))
    assert rerendered(odd) == 0
    assert "1 left out: it failed before SP-API was asked" in capsys.readouterr().err


# --- what goes wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "damage", "words"),
    [
        ("requests", lambda path: path.write_text("{"), "the file: invalid json"),
        ("requests", lambda path: edit(path, '"number"', '"numero"'), "number: field required"),
        ("answers", lambda path: path.write_text("<Order"), "line 1, column"),
        ("answers", lambda path: path.unlink(), "No such file or directory"),
        ("upstream", lambda path: path.unlink(), "No such file or directory"),
        ("upstream", lambda path: path.write_text(""), "has 0 lines of 1"),
        ("upstream", lambda path: path.write_text("{}\n{"), "line 2 is not JSON"),
    ],
)
def test_a_damaged_recording(
    part: str, damage: Callable[[Path], object], words: str, world: Recorded, capsys: Capture
) -> None:
    """A file that cannot be read is named with reason and remedy: exit 2; the others are compared all the same."""
    path = world.files(part, "GetOrder")[0]
    damage(path)
    assert rerendered(world) == 2
    told = capsys.readouterr()
    (fault,) = [line for line in told.err.splitlines() if str(path) in line]
    assert words in fault
    assert fault.endswith("; restore it, or remove this exchange's files")
    count = len(world.files("requests"))
    assert f"{count - 1} of {count} recorded requests compared" in told.err
    assert "Not complete, 1 fault: no difference that counts" in told.out
    assert words in told.out
    for form in FORMATS:
        assert rerendered(world, "--format", form) == 2
        told = capsys.readouterr()
        assert str(path) in told.out
        assert '"same":true' not in told.out


def test_the_report_never_overwrites_what_is_read(world: Recorded, tmp_path: Path, capsys: Capture) -> None:
    """Nothing of the recording, nor the rules or the configuration, whatever it is called: exit 2, and it is as it
    was."""
    rules = tmp_path / "rules.toml"
    rules.write_text('profile = "exact"\n')
    link = tmp_path / "link"
    link.symlink_to(world.files("requests")[0])
    config = tmp_path / "mws-bridge.toml"
    config.write_text("x")
    for target in (world.files("answers")[0], link, world.directory / "new.html", rules, config):
        before = target.read_bytes() if target.exists() else None
        assert rerendered(world, "-o", str(target), "--rules", str(rules), "--config", str(config)) == 2
        told = capsys.readouterr()
        assert told.err.startswith(f"mws-bridge: {target}: is ")
        assert told.out == ""
        assert (target.read_bytes() if target.exists() else None) == before


def test_only_in_the_rules(world: Recorded, tmp_path: Path, capsys: Capture) -> None:
    """A path that is misspelt proves nothing; an answer that is an error now counts, whatever was asked about."""
    rules = tmp_path / "rules.toml"
    rules.write_text('only = ["OrderTotl"]\n')
    assert rerendered(world, "--rules", str(rules)) == 2
    assert "only OrderTotl: neither side has such a place" in capsys.readouterr().err
    rules.write_text('only = ["OrderTotal", "UpstreamRequest/MarketplaceIds"]\n[[ignore]]\npath = "Nowhere"\n')
    assert rerendered(world, "--rules", str(rules)) == 0
    notes = [line for line in capsys.readouterr().err.splitlines() if ": note: " in line]
    assert notes == [
        "mws-bridge: note: neither side has anything at UpstreamRequest/MarketplaceIds",
        "mws-bridge: note: no difference is at Nowhere: ignored by a rule",
    ]
    world.sandbox.faults.script("getOrders", ["denied"] * 100)
    assert replayed(world, "--rules", str(rules)) == 1
    assert "ListOrders/Error" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: (path / ".recording.toml").unlink(), "is no recording (it has no .recording.toml)"),
        (lambda path: edit(path / ".recording.toml", "1", "9"), "is not of version 1"),
        (lambda path: shutil.rmtree(path / "requests"), "No such file or directory; restore it"),
        (shutil.rmtree, "is no recording"),
        (lambda path: [*map(Path.unlink, (path / "requests").rglob("*.request"))], "nothing of it could be compared"),
    ],
)
def test_no_recording(damage: Callable[[Path], object], words: str, world: Recorded, capsys: Capture) -> None:
    """A directory that is no recording, or an empty one, is trouble: nothing to compare is not the same."""
    damage(world.directory)
    assert rerendered(world) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert str(world.directory) in told.err
    assert words in told.err


def test_what_cannot_be_asked(world: Recorded, capsys: Capture) -> None:
    """An address that is none, no way to ask, and a rate that is none are refused."""
    assert main(["replay", str(world.directory), "--against", "not an address", "--sandbox"]) == 2
    assert "--against is not an address like https://host:port" in capsys.readouterr().err
    for typed in ([], ["--against-recorded-upstream", "--rate", "0"], ["--against-recorded-upstream", "--rate", "x"]):
        with pytest.raises(SystemExit) as caught:
            main(["replay", str(world.directory), *typed])
        assert caught.value.code == 2


# --- serve ----------------------------------------------------------------------------------------------------------


def test_serve_records(tmp_path: Path) -> None:
    """``serve --sandbox --record`` records; told to stop, it writes what still waits and ends with 0."""
    directory = tmp_path / "recording"
    with running("serve", "--sandbox", "--port", "0", "--record", str(directory), "--record-max-mb", "5") as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        program = Program(first.removeprefix("listening on ").strip())
        program.ask("ListOrders", **LISTING)
        program.ask("GetServiceStatus")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
    assert errors.startswith(f"recording to {directory}, personal data masked\n")
    assert [path.name for path in sorted((directory / "requests").rglob("*.request"))] == [
        "000000001-ListOrders.request",
        "000000002-GetServiceStatus.request",
    ]
    assert main(["replay", str(directory), "--against-recorded-upstream"]) == 0


def test_serve_into_a_directory_of_others(tmp_path: Path, capsys: Capture) -> None:
    """A directory that holds something else is refused before anything is served."""
    (tmp_path / "mine").write_text("x")
    assert main(["serve", "--sandbox", "--port", "0", "--record", str(tmp_path)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"mws-bridge: --record {tmp_path}: holds other files; choose an empty directory")
