"""Recordings: what is in them, what never is, that the masked payload still makes the masked answer, and that the
disk cannot hurt an answer."""

import errno
import logging
import os
import re
import signal
import stat
import sys
import threading
from datetime import timedelta
from pathlib import Path

import httpx
import orjson
import pytest

from bridge.cli import main
from bridge.diff import compare
from bridge.endpoint import recording_store
from bridge.endpoint.app import Endpoint
from bridge.endpoint.masking import kept_answer, kept_payload, masked_answer
from bridge.endpoint.personal import is_personal, placeholder
from bridge.endpoint.recorded import Recording
from bridge.endpoint.recording import Exchange, RecordedRequest, Recorder
from bridge.endpoint.recording_store import RecordingError, read_marker
from bridge.mapping import orders_v0 as v0
from bridge.mapping.rows import Row
from bridge.offline.sources import SourceError, find_sources
from bridge.sandbox import SandboxSettings
from bridge.upstream.journal import UpstreamAnswer
from bridge.upstream.plans import V0, V2026
from mws_compat.errors import ReadError
from mws_compat.orders import OPERATIONS, ORDER, ORDER_ITEM, namespace_of
from mws_compat.reader import parse_document
from mws_compat.schema import DECIMAL, MONEY, TEXT, ListOf, Scalar, Struct
from mws_compat.writer import render_response
from tests.endpoint import test_endpoint_canaries as canaries
from tests.support import ALWAYS, NOW, US, Bridge, ask, faulty_endpoint, signed_query

ASKED = "asked.for@example.com"
NAMESPACE = namespace_of("Orders", "2013-09-01")


@pytest.fixture
def recorders():
    """Makes recorders, and closes them in the end."""
    made = []

    def make(directory, **options):
        made.append(Recorder(directory, **options))
        return made[-1]

    yield make
    for recorder in made:
        recorder.close()


def recorded_bridge(recorder, **options):
    """The endpoint over the sandbox, with a recorder."""
    bridge = Bridge(**options)
    bridge.endpoint._recorder = recorder
    return bridge


VERSIONS = pytest.mark.parametrize("version", [V0, V2026])
#: Version → the operation upstream that lists orders.
LISTS = {V0: "getOrders", V2026: "searchOrders"}


async def session(bridge, version=V0):
    """Every operation, with pages, and what goes wrong; returns the answers."""
    listing = {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US}
    answers = await bridge.pages({**listing, "MaxResultsPerPage": "10" if version == V0 else "20"})
    ids = [id_ for answer in answers for id_ in answer.ids]
    answers.append(await bridge.call("GetOrder", {f"AmazonOrderId.Id.{n}": id_ for n, id_ in enumerate(ids[:3], 1)}))
    for id_ in ids[:12]:
        answers.append(await bridge.call("ListOrderItems", {"AmazonOrderId": id_}))
        while token := answers[-1].token:
            answers.append(await bridge.call("ListOrderItemsByNextToken", {"NextToken": token}))
    answers.append(await bridge.call("ListOrders", {**listing, "BuyerEmail": ASKED}))
    answers.append(await bridge.call("GetServiceStatus"))
    answers.append(await bridge.call("ListOrders", {"MarketplaceId.Id.1": US}))
    answers.append(await bridge.call("ListOrdersByNextToken", {"NextToken": "ABC"}))
    answers.append(await bridge.call("ListOrderItemsByNextToken", {"NextToken": "ABC"}))
    answers.append(await bridge.call("ListOrders", listing, secret="a wrong one"))
    answers.append(await bridge.send("PUT"))
    for fault in ("throttle", "denied", "not-found", "html", "unavailable"):
        bridge.sandbox.faults.script(LISTS[version], [fault] * 3)
        answers.append(await bridge.call("ListOrders", listing))
        bridge.clock.at += 600
    await bridge.send("GET", "/")  # a ping
    return answers


def paged_sandbox():
    return SandboxSettings(orders=300, anchor=NOW, items_page_size=1)


def files_in(directory):
    return sorted(path for path in directory.rglob("*") if path.is_file())


def everything_in(directory):
    """All bytes of all files, and their names."""
    return b"\n".join(str(path).encode() + b"\n" + path.read_bytes() for path in files_in(directory))


def exchange(number=0, body=b"", **changes):
    """An exchange that is an error: small, and of any moment."""
    body = body or kept_answer(
        b'<?xml version="1.0"?>\n<ErrorResponse xmlns="https://mws.amazonservices.com/">\n  <Error>\n'
        b"    <Type>Sender</Type>\n    <Code>InvalidRequest</Code>\n    <Message>Use GET or POST.</Message>\n"
        b"  </Error>\n  <RequestID>1</RequestID>\n</ErrorResponse>\n",
        masked=False,
    )
    plain = Exchange(NOW + timedelta(hours=number), "PUT", None, None, None, False, 405, "InvalidRequest", body, ())
    return plain._replace(**changes)


def numbers_in(directory):
    return [int(path.name.partition("-")[0]) for path in files_in(directory / "requests")]


# --- what is in it --------------------------------------------------------------------------------------------------


@VERSIONS
async def test_every_answer_is_recorded(tmp_path, recorders, version):
    """Each answer becomes a request, an answer and, where SP-API was asked, a payload; errors too, pings not."""
    recorder = recorders(tmp_path / "r")
    bridge = recorded_bridge(recorder, sandbox=paged_sandbox(), version=version)
    answers = await session(bridge, version)
    recorder.close()
    found = list(Recording(tmp_path / "r"))
    assert [(one.request.status, one.request.code) for one in found] == [
        (answer.status, answer.code or "") for answer in answers
    ]
    assert [one.request.number for one in found] == list(range(1, len(answers) + 1))
    for one, answer in zip(found, answers, strict=True):
        document = parse_document(one.answer)
        assert document.action == (one.request.operation if answer.status == 200 else "Error")
        place = "answers" if answer.status == 200 and document.action != "GetServiceStatus" else "others"
        assert one.path.relative_to(tmp_path / "r").parts[0] == place
    assert {one.request.operation for one in found} == {*OPERATIONS, "Unknown"}
    assert {one.request.seller.upstream for one in found if one.request.seller} == {version}
    assert any(one.payloads for one in found)
    assert recorder.dropped == recorder.failed == 0


async def test_a_request_names_what_it_asked(tmp_path, recorders):
    """Of a request there stand its operation, moment, seller and the parameters that the table knows; what signs it
    and names nobody knows do not."""
    recorder = recorders(tmp_path / "r")
    bridge = recorded_bridge(recorder)
    parameters = {"CreatedAfter": ALWAYS, "MarketplaceId.Id.2": US, "MaxResultsPerPage": "1"}
    await bridge.call("ListOrders", {**parameters, "Password": "hunter2", "MarketplaceId.Id.x": "odd"})
    recorder.close()
    (one,) = Recording(tmp_path / "r")
    assert one.request.parameters == parameters
    assert one.request.left_out == 2
    assert one.request.at == NOW
    assert one.request.seller is not None
    assert one.request.seller.id == "A1SANDBOXNA001"
    (call,) = one.request.upstream
    assert (call.operation, call.path, call.status, call.line) == ("getOrders", "/orders/v0/orders", 200, 0)
    assert dict(call.query)["MarketplaceIds"] == US
    assert b"hunter2" not in everything_in(tmp_path)


@VERSIONS
async def test_pages_can_be_told_apart(tmp_path, recorders, version):
    """A token is replaced, the same on the page that gave it and in the request that took it; upstream too."""
    recorder = recorders(tmp_path / "r")
    bridge = recorded_bridge(recorder, version=version)
    answers = await bridge.pages({"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US, "MaxResultsPerPage": "5"})
    recorder.close()
    assert len(answers) > 2
    found = list(Recording(tmp_path / "r"))
    given = [str(parse_document(one.answer).result.get("NextToken", "")) for one in found]
    assert [one.request.parameters["NextToken"] for one in found[1:]] == given[:-1]
    assert given[:-1] == [placeholder(answer.token) for answer in answers[:-1]]
    assert given[-1] == ""
    outer, inner, name = {
        V0: ("payload", "NextToken", "NextToken"),
        V2026: ("pagination", "nextToken", "paginationToken"),
    }[version]
    upstream = [orjson.loads(one.payloads[0]).get(outer, {}).get(inner) for one in found]
    assert [dict(one.request.upstream[0].query)[name] for one in found[1:]] == upstream[:-1]
    assert len({*upstream, *given}) == len(upstream) + len(given)


async def test_the_other_tools_read_it(tmp_path, recorders, capsys, monkeypatch):
    """``convert`` takes every answer and every payload for what it is, and a request for nothing."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # the verb's handler would stay
    recorder = recorders(tmp_path / "r")
    await session(recorded_bridge(recorder, sandbox=paged_sandbox()))
    recorder.close()
    for part in ("answers", "others", "upstream"):
        capsys.readouterr()
        assert main(["convert", str(tmp_path / "r" / part), "-o", str(tmp_path / part)]) == 0
        count = len(files_in(tmp_path / "r" / part))
        assert capsys.readouterr().err.startswith(f"{count} files: ")
        assert count > 1
    (nothing,) = find_sources([str(tmp_path / "r" / "requests")])
    assert isinstance(nothing, SourceError)


async def test_both_sides_of_a_recording_are_the_same_feed(tmp_path, recorders):
    """The payloads against the answers: nothing but what the move to SP-API explains."""
    recorder = recorders(tmp_path / "r")
    await session(recorded_bridge(recorder, sandbox=paged_sandbox()))
    recorder.close()
    found = compare(tmp_path / "r" / "upstream", tmp_path / "r" / "answers", "auto")
    assert {difference.verdict for difference in found} <= {"expected"}


# --- secrets and personal data --------------------------------------------------------------------------------------


class Canaries(canaries.Witness):
    """The endpoint of the canary tests, over an upstream in which every secret and every personal field is marked."""

    def __init__(self, recorder, monkeypatch, version):
        super().__init__([], monkeypatch, version)
        self.endpoint._recorder = recorder

    async def play(self):
        """All that the canary tests do: sessions with every fault, and a caller's mistakes."""
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.endpoint), base_url="http://h") as http:
            await self.session(http)
            for kind, faults in (
                ("login", canaries.LOGIN_FAULTS),
                ("token", canaries.TOKEN_FAULTS),
                ("orders", {**canaries.ORDER_FAULTS, **canaries.FAULTS_2026}),
            ):
                for fault in faults.values():
                    self.faults = {kind: fault}
                    self.forget()
                    await self.session(http)
            self.faults = {}
            for action, parameters in canaries.BAD_CALLS:
                await self.call(http, action, parameters)
            for name in ("Access%20Key", "SECRET"):
                await http.post("/Orders/2013-09-01", content=f"{name}={canaries.SECRETS['access key']}".encode())


def markers(*groups):
    """Every spelling under which a marker may stand in a file, each once."""
    for group in groups:
        for name, marker in group.items():
            for text in {
                marker: None,
                canaries.orjson.dumps(marker).decode()[1:-1]: None,
                marker.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"): None,
                str(httpx.QueryParams({"": marker}))[1:]: None,
            }:
                yield name, text.encode()


@VERSIONS
@pytest.mark.parametrize("masked", [True, False], ids=["mask", "keep"])
@pytest.mark.long
async def test_no_secret_gets_in(tmp_path, recorders, monkeypatch, masked, version):
    """Whatever goes wrong, no recorded byte is of a key, a token, a signature; of personal data none when masked, and
    all of it when kept."""
    recorder = recorders(tmp_path / "r", masked=masked, waiting=10_000)
    witness = Canaries(recorder, monkeypatch, version)
    await witness.play()
    recorder.close()
    assert (recorder.dropped, recorder.failed) == (0, 0)
    data = everything_in(tmp_path)
    assert len(files_in(tmp_path / "r" / "upstream")) > 10
    signatures = {f"signature {number}": made for number, made in enumerate(witness.signatures)}
    for name, marker in markers(canaries.SECRETS, signatures):
        assert marker not in data, name
    assert not re.search(rb"(?:Signature|MWSAuthToken|AWSAccessKeyId)(?:=|\")", data)
    if masked:
        for name, marker in markers(canaries.PERSONAL, canaries.ASKED):
            assert marker not in data, name
        assert b"canary" not in data.lower()
    else:
        told = canaries.orjson.dumps(canaries.ORDER_2026).decode()
        personal = {name: text for name, text in canaries.PERSONAL.items() if version == V0 or text in told}
        personal |= canaries.ASKED
        assert {name for name, marker in markers(personal) if marker in data} == {*personal}


async def test_an_address_in_the_wrong_parameter(tmp_path, recorders):
    """An e-mail address that somebody asked for as an order's id is neither in the request nor in the answer that
    repeats it."""
    recorder = recorders(tmp_path / "r")
    answer = await recorded_bridge(recorder).call("ListOrderItems", {"AmazonOrderId": ASKED})
    recorder.close()
    assert answer.message == f"Invalid AmazonOrderId: {ASKED}"
    assert ASKED.encode() not in everything_in(tmp_path)
    (one,) = Recording(tmp_path / "r")
    assert parse_document(one.answer).result["Message"] == "Invalid AmazonOrderId: (address)"


@VERSIONS
async def test_nobody_of_the_sandbox_is_in_a_masked_recording(tmp_path, recorders, version):
    """Over the sandbox: no secret of the settings, no token that was given out, and no personal value of any order or
    item occurs in any file."""
    recorder = recorders(tmp_path / "r")
    bridge = recorded_bridge(recorder, sandbox=paged_sandbox(), version=version)
    answers = await session(bridge, version)
    recorder.close()
    data = everything_in(tmp_path)
    tokens = {str(entry.grant.token) for entry in bridge.api.tokens._entries.values()}
    (application,), (key,) = bridge.settings.application, bridge.settings.access_key
    secrets = {
        application.client_secret.get_secret_value(),
        key.secret.get_secret_value(),
        *(seller.refresh_token.get_secret_value() for seller in bridge.settings.seller),
        *tokens,
        *(answer.token for answer in answers if answer.token),
    }
    assert len(tokens) >= (2 if version == V0 else 1)
    for request in bridge.upstream.requests:
        secrets.add(request.headers.get("x-amz-access-token", ""))
        secrets |= {request.url.params.get(name, "") for name in ("NextToken", "paginationToken")}
    personal = {ASKED}
    for answer in answers:
        if answer.status == 200:
            personal |= set(personal_values(answer.body))
    assert len(personal) > 60
    for value in (secrets | personal) - {""}:
        assert value.encode() not in data


def personal_values(body):
    """The personal texts of an answer that are long enough to be told from everything else."""
    document = parse_document(body)
    result = OPERATIONS[document.action].result
    yield from (text for text in _personal(document.result, result, whole=False) if len(text) > 5)


def _personal(record, struct, *, whole):
    for field in struct.fields:
        node, kind = record.get(field.name), field.kind
        hidden = whole or field.pii
        nodes = node if isinstance(node, list) else [] if node is None else [node]
        of = kind.of if isinstance(kind, ListOf) else kind
        for inner in nodes:
            if isinstance(of, Struct):
                yield from _personal(inner, of, whole=hidden)
            elif hidden and inner.strip("0-., x"):
                yield inner


@VERSIONS
async def test_keep_keeps(tmp_path, recorders, version):
    """Kept, the answers are recorded byte for byte but for their tokens, and the payloads as they came."""
    recorder = recorders(tmp_path / "r", masked=False)
    bridge = recorded_bridge(recorder, version=version)
    answers = await bridge.pages({"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US, "MaxResultsPerPage": "7"})
    recorder.close()
    for one, answer in zip(Recording(tmp_path / "r"), answers, strict=True):
        expected = (
            answer.body.replace(answer.token.encode(), placeholder(answer.token).encode())
            if answer.token
            else answer.body
        )
        assert one.answer == expected
        assert b"@marketplace.amazon.com" in one.payloads[0]


# --- masking --------------------------------------------------------------------------------------------------------


def rendered(action, payload):
    """The answer that the mapping makes of a payload."""
    if action == "ListOrderItems":
        page = v0.read_item_page(payload)
        result = {"AmazonOrderId": page.order_id, "OrderItems": page.items}
    elif action == "GetOrder":
        result = {"Orders": [v0.read_order(payload)]}
    else:
        result = {"Orders": v0.read_order_page(payload).orders}
    return render_response(OPERATIONS[action], result, namespace=NAMESPACE, request_id="1")


def upstream_of(action):
    return {"ListOrders": "getOrders", "GetOrder": "getOrder", "ListOrderItems": "getOrderItems"}[action]


CANARY_PAYLOADS = {
    "ListOrders": {"payload": {"Orders": [canaries.ORDER_JSON]}},
    "GetOrder": {"payload": canaries.ORDER_JSON},
    "ListOrderItems": {"payload": {"AmazonOrderId": canaries.ORDER_ID, "OrderItems": [canaries.ITEM_JSON]}},
}


@pytest.mark.parametrize("action", CANARY_PAYLOADS)
def test_the_masked_payload_makes_the_masked_answer(action):
    """With every field of the tables filled: mapping what is masked gives, byte for byte, what masking gives of what
    is mapped."""
    payload = CANARY_PAYLOADS[action]
    masked = kept_payload(upstream_of(action), payload, masked=True)
    assert rendered(action, masked) == masked_answer(rendered(action, payload))
    assert "canary" not in orjson.dumps(masked).decode().lower()


@pytest.mark.long
async def test_the_same_for_the_sandbox(tmp_path, recorders):
    """The same for every order and item of the sandbox, whatever shape it has."""
    bridge = Bridge(sandbox=SandboxSettings(orders=600, anchor=NOW, usage_plans=False))
    contents = []
    send = bridge.upstream.inner.handle_async_request

    async def watched(request):
        answer = await send(request)
        await answer.aread()
        contents.append((request.url.path, answer.content))
        return answer

    bridge.upstream.inner.handle_async_request = watched
    listing = {"CreatedAfter": ALWAYS, "MaxResultsPerPage": "100"}
    for seller in bridge.settings.seller:
        ids = {f"MarketplaceId.Id.{n}": id_ for n, id_ in enumerate(seller.marketplaces, 1)}
        for page in await bridge.pages({**listing, **ids}, seller=seller.seller_id):
            for id_ in page.ids[:20]:
                await bridge.call("ListOrderItems", {"AmazonOrderId": id_}, seller=seller.seller_id)
                bridge.clock.at += 3
    seen = 0
    for path, content in contents:
        action = "ListOrderItems" if path.endswith("Items") else "ListOrders"
        if path.startswith("/orders/v0/orders"):
            payload = orjson.loads(content)
            masked = kept_payload(upstream_of(action), payload, masked=True)
            assert rendered(action, masked) == masked_answer(rendered(action, payload))
            seen += 1
    assert seen > 50


def test_what_is_masked_is_text_or_an_amount():
    """Only such fields are masked: of other kinds the masked JSON might not map to the masked text."""

    def check(struct, *, whole):
        for field in struct.fields:
            of = field.kind.of if isinstance(field.kind, ListOf) else field.kind
            hidden = whole or is_personal(struct, field)
            if isinstance(of, Struct):
                check(of, whole=hidden)
            elif hidden:
                assert of in {TEXT, DECIMAL}, (struct.name, field.name)

    check(ORDER, whole=False)
    check(ORDER_ITEM, whole=False)


def test_whatever_needs_a_role_is_masked():
    """Every row that SP-API gives only to applications with a role, and every personal field, counts as personal."""

    def check(table):
        fields = {field.name: field for field in table.struct.fields}
        for row in table.rows:
            if isinstance(row, Row):
                assert is_personal(table.struct, fields[row.mws]) == (row.restricted or fields[row.mws].pii)
                if row.via:
                    check(row.via)

    check(v0.ORDER_MAP)
    check(v0.ITEM_MAP)
    assert not any(is_personal(MONEY, field) for field in MONEY.fields)
    assert all(isinstance(field.kind, Scalar) for field in MONEY.fields)


STRANGE = {
    "unknown member": {"BuyerNote": {"Lines": ["Jane 1", 17, 1.5, None, True]}},
    "object for a text": {"SellerOrderId": {"Name": "Jane"}},
    "text for an object": {"ShippingAddress": "Jane"},
    "list for an object": {"BuyerInfo": [{"BuyerName": "Jane"}]},
    "unknown inside": {"ShippingAddress": {"CompanyName": "Jane", "City": "Janestown", "CountryCode": "US"}},
    "wrapped list": {"PaymentMethodDetails": {"PaymentMethodDetail": ["COD"]}},
    "number for a name": {"BuyerInfo": {"BuyerName": 4711}},
    "boolean for a name": {"BuyerInfo": {"BuyerName": True}},
    "list of lists": {"PaymentMethodDetails": [["Jane"]]},
    "money with more": {"OrderTotal": {"Amount": "1.00", "CurrencyCode": "USD", "Payer": "Jane"}},
    "name for a boolean": {"IsPrime": "Jane"},
    "name for a number": {"NumberOfItemsShipped": "Jane 1"},
    "name for a date": {"PurchaseDate": "Jane 1"},
    "name for an amount": {"OrderTotal": {"Amount": "Jane", "CurrencyCode": "USD"}},
    "characters": {"BuyerInfo": {"BuyerName": "Jane\x01\x0b\x1c\ufffe\ufffd\u3000é中①\r\n\n "}},
    "null": {"BuyerInfo": None, "ShippingAddress": {"Name": None}},
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_no_table_knows_is_masked(name):
    """Members, shapes and kinds that no table knows are masked, and map, or fail to map, as before."""
    order = {"AmazonOrderId": canaries.ORDER_ID, "OrderStatus": "Shipped", **STRANGE[name]}
    for operation, payload in (("getOrder", order), ("getOrders", {"Orders": [order]})):
        masked = kept_payload(operation, {"payload": payload}, masked=True)
        assert b"Jane" not in orjson.dumps(masked)
        assert b"4711" not in orjson.dumps(masked)
        action = "GetOrder" if operation == "getOrder" else "ListOrders"
        outcomes = []
        for document in ({"payload": payload}, masked):
            try:
                outcomes.append(rendered(action, document))
            except v0.MappingError as error:
                outcomes.append(str(error))
        expected = masked_answer(outcomes[0]) if isinstance(outcomes[0], bytes) else outcomes[0]
        assert outcomes[1] == expected


@pytest.mark.parametrize(
    "payload",
    [
        {"payload": ["Jane"]},
        {"errors": [{"message": "Jane"}]},
        {"payload": {"Orders": {"Order": [{"Name": "Jane"}]}, "NextToken": {"a": "Jane"}}},
        {"payload": {"Orders": ["Jane"], "Other": "Jane"}, "pagination": {"nextToken": "Jane"}},
    ],
)
def test_documents_of_another_shape_are_masked(payload):
    """A document that is not what it should be is masked throughout."""
    masked = kept_payload("getOrders", payload, masked=True)
    assert b"Jane" not in orjson.dumps(masked)
    assert masked.keys() == payload.keys()


def test_unknown_elements_of_an_answer_are_masked():
    """In an answer of somebody else, elements and attributes that no table knows are masked with their namespaces
    kept, and JSON members that no element carries."""
    answer = (
        f'<?xml version="1.0"?>\n<GetOrderResponse xmlns="{NAMESPACE}">\n  <GetOrderResult>\n    <Orders>\n'
        '      <Order kind="Jane">\n        <AmazonOrderId>112-1</AmazonOrderId>\n'
        "        <BuyerName>Jane</BuyerName>\n"
        '        <Unmapped xmlns="urn:mws-bridge">{"BuyerNote":"Jane"}</Unmapped>\n'
        '        <Note xmlns="urn:other" to="Jane">Dear <b>Jane</b></Note>\n      </Order>\n    </Orders>\n'
        "  </GetOrderResult>\n  <ResponseMetadata>\n    <RequestId>1</RequestId>\n  </ResponseMetadata>\n"
        "</GetOrderResponse>\n"
    ).encode()
    masked = masked_answer(answer)
    assert b"Jane" not in masked
    assert b'xmlns="urn:other"' in masked
    assert b'to="xxxx"' in masked
    assert b"<AmazonOrderId>112-1</AmazonOrderId>" in masked
    assert b'{"BuyerNote":"xxxx"}' in masked
    with pytest.raises(ReadError):
        masked_answer(b"<Order/>")


# --- the disk -------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
async def test_only_the_owner_reads_it(tmp_path, recorders):
    """Files are 0600 and directories 0700, whatever the umask of the process."""
    before = os.umask(0)
    try:
        recorder = recorders(tmp_path / "deep" / "r")
        await recorded_bridge(recorder).call("ListOrders", {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US})
        recorder.close()
    finally:
        os.umask(before)
    root = tmp_path / "deep" / "r"
    for path in [root, *root.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_the_oldest_go_first(tmp_path, recorders):
    """Past the bound the oldest exchanges are removed with all their files and the directories that they leave empty;
    also those of an earlier process, whose numbering goes on."""
    block = 4096
    recorder = recorders(tmp_path / "r", max_bytes=10 * block)
    for number in range(8):
        recorder.take(exchange(number * 8))
    recorder.close()
    assert numbers_in(tmp_path / "r") == [4, 5, 6, 7, 8]
    assert [path.name for path in sorted((tmp_path / "r" / "others").iterdir())] == ["2026-11-21", "2026-11-22"]
    again = recorders(tmp_path / "r", max_bytes=4 * block)
    again.take(exchange(100))
    again.close()
    assert numbers_in(tmp_path / "r") == [8, 9]
    assert len(files_in(tmp_path / "r" / "others")) == 2


def test_the_newest_stays(tmp_path, recorders):
    """An exchange that is larger than the bound by itself is kept, alone."""
    recorder = recorders(tmp_path / "r", max_bytes=0)
    for number in range(3):
        recorder.take(exchange(number))
    recorder.close()
    assert numbers_in(tmp_path / "r") == [3]


def test_the_queue_is_bounded(tmp_path, recorders, monkeypatch, caplog):
    """When the disk does not keep up, further exchanges are dropped and counted, the log is told once a minute, and
    what had been taken is written in the end."""
    held = threading.Event()
    write = recording_store._write

    def slow(path, data):
        held.wait(30)
        write(path, data)

    now = [0.0]
    recorder = recorders(tmp_path / "r", waiting=3, clock=lambda: now[0])
    monkeypatch.setattr(recording_store, "_write", slow)
    with caplog.at_level(logging.WARNING, "mws_bridge.recording"):
        for second in (0, 10, 20, 61):
            now[0] = second
            for _ in range(10):
                recorder.take(exchange())
        held.set()
        recorder.close()
    assert recorder.dropped in {36, 37}  # one may be in the writer's hands
    assert len(numbers_in(tmp_path / "r")) == 40 - recorder.dropped
    assert len(caplog.messages) == 3
    assert all("came faster than they can be written" in line for line in caplog.messages[:2])
    assert caplog.messages[2] == f"{recorder.dropped} exchanges were not recorded in all"


async def test_a_full_disk_breaks_no_answer(tmp_path, recorders, monkeypatch, caplog):
    """When the disk is full the answers are as ever, nothing half written stays, the log tells why without a value,
    and recording goes on once there is room."""
    recorder = recorders(tmp_path / "r")
    bridge = recorded_bridge(recorder)
    write = recording_store._write
    full = threading.Event()
    full.set()

    def refuse(path, data):
        if full.is_set() and path.suffix == ".request":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        write(path, data)

    monkeypatch.setattr(recording_store, "_write", refuse)
    listing = {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US}
    with caplog.at_level(logging.WARNING, "mws_bridge.recording"):
        for _ in range(3):
            assert (await bridge.call("ListOrders", listing)).status == 200
        wait_for(lambda: recorder.failed == 3)
        assert files_in(tmp_path / "r") == [tmp_path / "r" / ".recording.toml"]
        full.clear()
        assert (await bridge.call("ListOrders", listing)).status == 200
        recorder.close()
    assert caplog.messages == [
        "1 exchange was not recorded: No space left on device",
        "3 exchanges were not recorded in all",
    ]
    assert numbers_in(tmp_path / "r") == [1]


def wait_for(condition):
    for _ in range(3000):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it does not come")


def test_a_file_is_whole_or_not_there(tmp_path, recorders, monkeypatch):
    """A write that breaks off leaves neither the file nor its part; what a killed process left is removed at the next
    start, and an exchange without a request is nobody's."""
    recorder = recorders(tmp_path / "r")
    replace = os.replace

    def break_off(source, target):
        if str(target).endswith(".mws.xml"):
            assert Path(source).name.startswith(".")
            raise OSError(errno.EIO, "broken")
        replace(source, target)

    monkeypatch.setattr(os, "replace", break_off)
    recorder.take(exchange())
    recorder.close()
    monkeypatch.undo()
    assert recorder.failed == 1
    assert files_in(tmp_path / "r") == [tmp_path / "r" / ".recording.toml"]
    day = tmp_path / "r" / "others" / "2026-11-20"
    day.mkdir()
    (day / ".000000001-Unknown.mws.xml.part").write_bytes(b"<half")
    (day / "000000007-Unknown.mws.xml").write_bytes(b"<whole/>")
    again = recorders(tmp_path / "r")
    again.take(exchange())
    again.close()
    assert [path.name for path in files_in(day)] == ["000000007-Unknown.mws.xml", "000000008-Unknown.mws.xml"]
    assert [one.request.number for one in Recording(tmp_path / "r")] == [8]


def test_what_cannot_be_recorded_is_passed_over(tmp_path, recorders, caplog):
    """An answer that cannot be read is not recorded, the log names the kind of error and no value, and the next one
    is."""
    recorder = recorders(tmp_path / "r")
    with caplog.at_level(logging.WARNING, "mws_bridge.recording"):
        recorder.take(exchange(body=b"<Jane"))
        recorder.take(exchange())
        recorder.close()
    assert caplog.messages == [
        "1 exchange was not recorded: ReadError",
        "1 exchange was not recorded in all",
    ]
    assert numbers_in(tmp_path / "r") == [1]
    recorder.take(exchange())  # too late, and harmless


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda path: path.write_text("a file"), "cannot be recorded into: Not a directory; choose another one"),
        (lambda path: path.mkdir() or (path / "mine.txt").write_text("x"), "holds other files; choose an empty"),
        (
            lambda path: Recorder(path, masked=False).close(),
            "its personal data is kept; go on with --record-pii keep",
        ),
        (
            lambda path: path.mkdir() or (path / ".recording.toml").write_text("version = 2\nmasked = true\n"),
            "is not of version 1; use the mws-bridge that wrote it",
        ),
        (lambda path: path.mkdir() or (path / ".recording.toml").write_text("= ="), "is not TOML; restore it"),
    ],
    ids=["file", "foreign", "other", "later", "broken"],
)
def test_directories_that_are_refused(tmp_path, prepare, words):
    """A directory that is none, holds something else, or another kind of recording is refused with the remedy, and
    left as it was."""
    prepare(tmp_path / "r")
    before = {path: path.read_bytes() for path in files_in(tmp_path)}
    with pytest.raises(RecordingError, match=re.escape(words)):
        Recorder(tmp_path / "r")
    assert {path: path.read_bytes() for path in files_in(tmp_path)} == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")
def test_one_process_at_a_time(tmp_path, recorders):
    """Two recorders would take each other's numbers: the second one is refused while the first one is there."""
    first = recorders(tmp_path / "r")
    with pytest.raises(RecordingError, match="another process is recording into it"):
        Recorder(tmp_path / "r")
    first.close()
    recorders(tmp_path / "r").close()
    assert read_marker(tmp_path / "r") is True


# --- the endpoint ---------------------------------------------------------------------------------------------------


async def test_without_a_recorder_nothing_is_kept(monkeypatch):
    """Off, recording costs two looks at an attribute: no exchange is made and no answer of SP-API kept."""
    bridge = Bridge()
    journals = []
    handle = bridge.endpoint._handlers.handle

    async def watched(request):
        journals.append(request.journal)
        return await handle(request)

    monkeypatch.setattr(bridge.endpoint._handlers, "handle", watched)
    monkeypatch.setattr(Endpoint, "_exchange", None)
    assert (await bridge.call("ListOrders", {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US})).status == 200
    assert [journal.answers for journal in journals] == [None]


async def test_calls_without_an_answer_are_recorded_as_such(tmp_path, recorders):
    """A connection that breaks is a call of status 0, each attempt for itself."""

    def broken(request):
        if request.url.path.startswith("/orders"):
            raise httpx.ConnectError("no")
        return httpx.Response(200, json={"access_token": "a", "restrictedDataToken": "b"})

    recorder = recorders(tmp_path / "r")
    endpoint = faulty_endpoint(httpx.MockTransport(broken))
    endpoint._recorder = recorder
    query = signed_query("ListOrders", {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US})
    answer = await ask(endpoint, "POST", "/Orders/2013-09-01", body=query)
    recorder.close()
    (one,) = Recording(tmp_path / "r")
    assert (answer.status, one.request.status, one.request.code) == (503, 503, "ServiceUnavailable")
    assert [(call.status, call.line, call.error) for call in one.request.upstream] == [(0, None, None)] * 3
    assert "no" not in repr(UpstreamAnswer("getOrders", "/", "a=no", 200, b"no"))


def test_the_request_file_says_what_it_holds():
    """A request file with a member that nobody knows is refused: it is of another version."""
    with pytest.raises(ValueError, match="Extra inputs"):
        RecordedRequest.model_validate({"number": 1, "at": NOW, "method": "", "operation": "", "status": 1, "x": 1})
