"""``mws-bridge replay`` of what Orders v2026-01-01 answered, from Amazon or from memory."""

import asyncio
import json
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.cli import main
from bridge.cli.config import demo_settings
from bridge.endpoint import reads_v2026
from bridge.endpoint.build import build_endpoint
from bridge.endpoint.recorded import Recorded as Exchange
from bridge.endpoint.recorded import Recording
from bridge.endpoint.recording import Recorder
from bridge.mapping import calls_v2026 as v2026
from bridge.mapping.links import LinkMap
from bridge.sandbox import DEMO_SELLERS, DemoSeller, Sandbox, SandboxSettings
from bridge.settings import Settings
from bridge.upstream.transport import AiohttpTransport
from tests.cli.running import SELLER, WITHOUT_ROLES, served
from tests.cli.test_cli_replay import LISTING, Program, Recorded, edit, replayed, rerendered

Capture = pytest.CaptureFixture[str]
Change = Callable[[Settings], Settings]
EASY_SHIP = "A1SANDBOXEU001"


def without_cache(settings: Settings) -> Settings:
    """Nothing is answered from memory."""
    return settings.model_copy(update={"order_cache": settings.order_cache.model_copy(update={"megabytes": 0})})


def record(
    upstream: str,
    directory: Path,
    work: Callable[[Program], object],
    *,
    masked: bool = True,
    change: Change = lambda settings: settings,
    version: str = "auto",
) -> list[Any]:
    """Have a program work at an endpoint that records; returns the exchanges."""
    settings = change(demo_settings(upstream, upstream=version))
    with Recorder(directory, masked=masked) as recorder:
        app = build_endpoint(
            settings, transport=AiohttpTransport(trust_env=False), emit=lambda _: None, recorder=recorder
        )
        with served(app) as origin:
            work(Program(origin))
    found = list(Recording(directory))
    assert all(isinstance(one, Exchange) for one in found)
    return found


def new_sandbox(*, plans: bool = False, orders: int = 120) -> Sandbox:
    settings = SandboxSettings(orders=orders, usage_plans=plans, anchor=datetime.now(UTC))
    return Sandbox(settings, sleep=asyncio.sleep)


def everything(program: Program) -> None:
    """Every operation, twice, so that a part is answered from memory; three sellers; filters; mistakes."""
    program.work()
    program.ask("ListOrders", **{**LISTING, "MaxResultsPerPage": "100"})
    program.ask("ListOrders", **{**LISTING, "MaxResultsPerPage": "100"})
    program.list(PaymentMethod="Other", MaxResultsPerPage="20")
    program.list(**{"OrderStatus.Status.1": "Shipped", "MaxResultsPerPage": "20"})
    program.ask("ListOrderItemsByNextToken", NextToken="nonsense")
    program.ask("ListOrders", **LISTING, **{"OrderStatus.Status.1": "InvoiceUnconfirmed"})
    program.ask("ListOrders", **LISTING, **{"TFMShipmentStatus.Status.1": "Delivered"})
    (europe,) = [seller for seller in DEMO_SELLERS if seller.selling_partner_id == EASY_SHIP]
    ids = {f"MarketplaceId.Id.{number}": id_ for number, id_ in enumerate(europe.marketplace_ids, 1)}
    program.ask("ListOrders", EASY_SHIP, CreatedAfter=LISTING["CreatedAfter"], **ids)
    program.work()


@pytest.fixture(scope="module")
def _world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    sandbox = new_sandbox()
    directory = tmp_path_factory.mktemp("world") / "recording"
    with served(sandbox.app, mws=False) as upstream:
        found = record(upstream, directory, everything)
        asked = [call for call in sandbox.log if call.operation in {"searchOrders", "getOrder2026"}]
        assert sum(len(one.request.upstream) for one in found) >= len(asked) + 10, "nothing came from memory"
        app = build_endpoint(
            demo_settings(upstream), transport=AiohttpTransport(trust_env=False), emit=lambda _: None
        )
        with served(app) as origin:
            yield Recorded(directory, origin, sandbox)


@pytest.fixture
def world(_world: Recorded, tmp_path: Path) -> Recorded:
    """A copy of the recording."""
    directory = tmp_path / "recording"
    shutil.copytree(_world.directory, directory)
    return Recorded(directory, _world.origin, _world.sandbox)


def exchanges(world: Recorded) -> list[Exchange]:
    return [one for one in Recording(world.directory) if isinstance(one, Exchange)]


# --- nothing has changed --------------------------------------------------------------------------------------------


def test_the_recording_is_of_everything(world: Recorded) -> None:
    """What the tests below replay has every operation, chains of pages, three sellers and datasets that were refused,
    and names the version that served; a good part of it was answered from memory."""
    found = exchanges(world)
    assert len({one.request.operation for one in found}) == 6
    sellers = [one.request.seller for one in found if one.request.seller]
    assert {seller.upstream for seller in sellers} == {"v2026-01-01"}
    assert len({seller.id for seller in sellers}) == 3
    calls = [call for one in found for call in one.request.upstream]
    assert {call.operation for call in calls} == {"searchOrders", "getOrder2026"}
    assert {call.status for call in calls} >= {200, 403}


@pytest.mark.parametrize("by", [replayed, rerendered])
@pytest.mark.long
def test_it_answers_the_same(by: Callable[[Recorded], int], world: Recorded, capsys: Capture) -> None:
    """Over the recorded payloads, from Amazon or from memory, and asked again of an endpoint, every request is
    answered as it was, and the present code asks what was asked."""
    assert by(world) == 0
    told = capsys.readouterr()
    count = len(world.files("requests"))
    assert told.err == f"mws-bridge: {count} of {count} recorded requests compared\n"
    assert "The same" in told.out


@pytest.mark.long
def test_each_exchange_alone(world: Recorded, tmp_path: Path, capsys: Capture) -> None:
    """An exchange that continues no listing says the same without the others: what memory answered is in it."""
    for number, one in enumerate(exchanges(world)):
        if one.request.parameters.get("NextToken") is None:
            directory = tmp_path / str(number)
            others = {
                path.name
                for part in ("requests", "answers", "others", "upstream")
                for path in world.files(part)
                if not path.name.startswith(one.name)
            }
            shutil.copytree(world.directory, directory, ignore=lambda _, names, others=others: others & {*names})
            alone = Recorded(directory, world.origin, world.sandbox)
            assert len(alone.files("requests")) == 1
            assert rerendered(alone) == 0, (one.name, capsys.readouterr())


@pytest.mark.parametrize("masked", [True, False], ids=["mask", "keep"])
@pytest.mark.parametrize("cache", [True, False], ids=["cache", "no cache"])
def test_any_way_of_recording(masked: bool, cache: bool, world: Recorded, tmp_path: Path, capsys: Capture) -> None:
    """With personal data masked or kept, with a memory or without, the recording is the same; with personal data a
    search for a buyer's address is asked again, without it is left out and counted."""
    directory = tmp_path / "r"

    def work(program: Program) -> None:
        orders = program.ask("ListOrders", **{**LISTING, "MaxResultsPerPage": "50"}).result["Orders"]
        email = next(order["BuyerEmail"] for order in orders if "BuyerEmail" in order)
        program.list(BuyerEmail=email, MaxResultsPerPage="50")
        for order in orders[:4]:
            program.ask("ListOrderItems", AmazonOrderId=order["AmazonOrderId"])
        program.ask("ListOrders", WITHOUT_ROLES.selling_partner_id, **LISTING)
        program.ask("ListOrderItems", WITHOUT_ROLES.selling_partner_id, AmazonOrderId=orders[0]["AmazonOrderId"])

    with served(world.sandbox.app, mws=False) as upstream:
        change: Change = (lambda settings: settings) if cache else without_cache
        found = record(upstream, directory, work, masked=masked, change=change)
    one = Recorded(directory, world.origin, world.sandbox)
    assert rerendered(one) == 0
    told = capsys.readouterr().err
    left_out = [one for one in found if "BuyerEmail" in one.request.parameters]
    if masked:
        assert f"{len(left_out)} left out: it asks for personal data, which is masked in the recording" in told
    else:
        assert f"{len(found)} of {len(found)} recorded requests compared" in told


@pytest.mark.parametrize("seller", [SELLER, WITHOUT_ROLES], ids=["all roles", "no roles"])
@pytest.mark.long
def test_a_search_through_many_pages(
    seller: DemoSeller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """A listing with a filter that v2026 does not have reads several pages in a call, and goes on in the next one.
    The recorded pages are asked for again, and no more of them, also where the usage plan had ended the search."""
    monkeypatch.setattr(reads_v2026, "MAX_PAGES", 2)
    sandbox = new_sandbox(plans=True, orders=1800)
    directory = tmp_path / "r"

    def work(program: Program) -> None:
        document = program.ask("ListOrders", seller.selling_partner_id, **LISTING, SellerOrderId="none")
        while token := document.result.get("NextToken"):
            document = program.ask("ListOrdersByNextToken", seller.selling_partner_id, NextToken=token)

    with served(sandbox.app, mws=False) as upstream:
        found = record(upstream, directory, work)
    answered = [[call for call in one.request.upstream if call.status == 200] for one in found]
    assert len(answered[0]) > 1
    assert len(found) > 1 or seller is WITHOUT_ROLES
    assert any(call.status == 403 for call in found[0].request.upstream) == (seller is WITHOUT_ROLES)
    one = Recorded(directory, "", sandbox)
    assert rerendered(one) == 0
    capsys.readouterr()
    first, *others = one.files("requests")
    for path in others:
        path.unlink()
    request = json.loads(first.read_text())
    request["upstream"].pop()
    first.write_text(json.dumps(request))
    rerendered(one)
    assert "UpstreamRequest" not in capsys.readouterr().out


# --- which version --------------------------------------------------------------------------------------------------


def test_when_the_newer_one_is_refused(tmp_path: Path, world: Recorded, capsys: Capture) -> None:
    """A request that was refused by v2026 and served by v0 is of v0."""
    directory = tmp_path / "r"
    sandbox = new_sandbox()
    for operation in ("searchOrders", "getOrder2026"):
        sandbox.faults.script(operation, ["denied"] * 50)
    with served(sandbox.app, mws=False) as upstream:
        found = record(upstream, directory, lambda program: program.list(MaxResultsPerPage="100"))
    (one, *_) = found
    assert {call.operation for call in one.request.upstream} == {"searchOrders", "getOrders"}
    assert {one.request.seller.upstream for one in found} == {"v0"}
    assert rerendered(Recorded(directory, world.origin, sandbox)) == 0


@pytest.mark.parametrize(("setting", "recorded"), [("auto", "v2026-01-01"), ("v2026-01-01",) * 2, ("v0", "v0")])
def test_without_a_call(setting: str, recorded: str, tmp_path: Path, world: Recorded) -> None:
    """A request that needed no call is of the version that the settings name."""
    with served(world.sandbox.app, mws=False) as upstream:
        (found,) = record(
            upstream,
            tmp_path / "r",
            lambda program: program.ask("ListOrders", **LISTING, **{"TFMShipmentStatus.Status.1": "Delivered"}),
            version=setting,
        )
    assert found.request.upstream == ()
    assert found.request.seller.upstream == recorded
    assert rerendered(Recorded(tmp_path / "r", world.origin, world.sandbox)) == 0


def test_recordings_that_name_no_version(tmp_path: Path, world: Recorded, capsys: Capture) -> None:
    """A recording of an earlier release, whose sellers have no version, is of v0."""
    directory = tmp_path / "r"
    with served(world.sandbox.app, mws=False) as upstream:
        count = len(record(upstream, directory, Program.work, version="v0"))
    old = Recorded(directory, world.origin, world.sandbox)
    for path in old.files("requests"):
        text = path.read_text()
        path.write_text(re.sub(r',\s*"upstream": "v0"', "", text))
        assert '"v0"' not in path.read_text()
    assert rerendered(old) == 0
    assert f"{count} of {count} recorded requests compared" in capsys.readouterr().err


def test_a_version_that_there_is_not(world: Recorded, capsys: Capture) -> None:
    """A version that nobody knows is a damaged file."""
    path = world.files("requests", "GetOrder")[0]
    edit(path, '"upstream": "v2026-01-01"', '"upstream": "v2030"')
    assert rerendered(world) == 2
    assert "seller.upstream: " in capsys.readouterr().err


# --- something has --------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_changed_link_of_the_mapping(world: Recorded, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """A link that takes another member shows itself offline: exit 1, with the element's path."""
    rows = [
        row._replace(source="fulfillment.fulfilledBy", way=None) if row.mws == "ShipmentServiceLevelCategory" else row
        for row in v2026.ORDER_MAP.rows
    ]
    monkeypatch.setattr(v2026, "ORDER_MAP", LinkMap(v2026.ORDER_MAP.struct, rows, v2026.ORDER_MAP.unused))
    assert rerendered(world) == 1
    told = capsys.readouterr().out
    assert "Order/ShipmentServiceLevelCategory" in told
    assert "UpstreamRequest" not in told


@pytest.mark.parametrize("name", ["MaxResultsPerPage", "CreatedAfter"])
@pytest.mark.long
def test_a_changed_question(name: str, world: Recorded, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """What is asked of SP-API is compared: a parameter that goes under another name is told, both names."""
    old = v2026.QUERY_NAMES[name]
    monkeypatch.setattr(v2026, "QUERY_NAMES", {**v2026.QUERY_NAMES, name: "another"})
    assert rerendered(world) == 1
    told = capsys.readouterr().out
    assert f"ListOrders/UpstreamRequest/{old}" in told
    assert "ListOrders/UpstreamRequest/another" in told


def test_a_dataset_more(world: Recorded, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """A dataset that the present code asks for and that was not refused then is a changed question."""
    monkeypatch.setattr(v2026, "ORDER_DATASETS", v2026.ORDER_DATASETS | {"FULFILLMENT_ORDERS"})
    assert rerendered(world) == 1
    assert "ListOrders/UpstreamRequest/includedData" in capsys.readouterr().out


def test_a_planted_value(world: Recorded, capsys: Capture) -> None:
    """A payload that says something else is found at its path."""
    path = world.files("upstream", "GetOrder")[0]
    edit(path, '"fulfillmentStatus":"', '"fulfillmentStatus":"NOT_')
    assert rerendered(world) == 1
    assert "Order/OrderStatus" in capsys.readouterr().out


# --- failures -------------------------------------------------------------------------------------------------------


def test_failures(tmp_path: Path, world: Recorded, capsys: Capture) -> None:
    """What SP-API refused or broke off is refused again; what an empty bucket of ours refused is left out, though
    some orders had been asked for before."""
    sandbox = new_sandbox()
    directory = tmp_path / "r"

    def work(program: Program) -> None:
        ids = program.list(MaxResultsPerPage="100")
        for operation, fault in (
            ("searchOrders", "throttle"),
            ("searchOrders", "unavailable"),
            ("searchOrders", "html"),
            ("getOrder2026", "not-found"),
            ("getOrder2026", "unavailable"),
        ):
            sandbox.faults.script(operation, [fault] * 9)
            if operation == "searchOrders":
                program.ask("ListOrders", **{**LISTING, "CreatedAfter": f"20{len(fault)}-01-01T00:00:00Z"})
            else:
                program.ask("ListOrderItems", AmazonOrderId=ids[0])
            sandbox.faults.clear()
        program.ask("GetOrder", **{f"AmazonOrderId.Id.{number}": id_ for number, id_ in enumerate(ids[:50], 1)})
        program.ask("GetOrder", **{f"AmazonOrderId.Id.{number}": id_ for number, id_ in enumerate(ids[:50], 1)})

    with served(sandbox.app, mws=False) as upstream:
        found = record(upstream, directory, work, change=without_cache)
    statuses = [(one.request.status, one.request.code) for one in found]
    assert (503, "RequestThrottled") in statuses
    partly = [one for one in found if one.request.operation == "GetOrder" and one.request.status == 503]
    assert rerendered(Recorded(directory, world.origin, sandbox)) == 0, capsys.readouterr()
    assert partly
    assert any(one.request.upstream for one in partly)
    told = capsys.readouterr().err
    assert f"{len(partly)} left out: it failed before SP-API was asked" in told


def test_the_answers_are_a_feed(world: Recorded, tmp_path: Path) -> None:
    """``convert`` reads the answers, as those of any recording."""
    assert main(["convert", str(world.directory / "answers"), "-o", str(tmp_path / "answers")]) == 0
