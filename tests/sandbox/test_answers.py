"""Single orders, headers, routes and the log."""

import httpx
import orjson
import pytest
import uvicorn

from bridge.sandbox import DEMO_SELLERS, Sandbox, SandboxSettings
from tests.sandbox.model import faults_of, load_model
from tests.sandbox.probe import ANCHOR, EU, FE, ITEMS_PII, LIST_PII, NA, ORDERS, US, Clock, Probe, is_uuid

READS = ["", "/buyerInfo", "/address", "/orderItems", "/orderItems/buyerInfo"]


@pytest.mark.parametrize("part", READS)
def test_unknown_malformed_and_foreign_orders(demo, part):
    """Unknown ids are 404 NotFound, so are another seller's; what is no order id at all is 400 InvalidInput."""
    foreign = next(demo.store.orders(EU.selling_partner_id)).id
    for order_id in ("111-1111111-1111111", foreign):
        answer = demo.get(f"/{order_id}{part}")
        assert (answer.status, answer.error["code"]) == (404, "NotFound")
        assert answer.headers["x-amzn-ratelimit-limit"] == "0.5"
    for order_id in ("1", "111-1111111-111111", "111-1111111-1111111x", "١11-1111111-1111111", "%20"):
        answer = demo.get(f"/{order_id}{part}")
        assert (answer.status, answer.error["code"]) == (400, "InvalidInput")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", ORDERS + "/"),
        ("GET", "/orders/v1/orders"),
        ("POST", ORDERS),
        ("GET", ORDERS + "/111-1111111-1111111/"),
        ("GET", "/tokens/2021-03-01/restrictedDataToken"),
        ("GET", "/auth/o2/token"),
        ("POST", "/tokens/2021-03-01/restrictedDataToken/"),
    ],
)
def test_unknown_resources(probe, method, path):
    """A path or method that no operation has is 403 by the gateway, token or not."""
    answer = probe.request(method, path, headers={"x-amz-access-token": probe.token()})
    assert (answer.status, answer.error["code"]) == (403, "MissingAuthenticationToken")
    assert answer.headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"
    assert "x-amzn-ratelimit-limit" not in answer.headers
    assert probe.sandbox.log[-1].operation is None


def test_get_order_equals_the_order_of_the_list(demo):
    """One order reads the same alone and in a list, under the same elements."""
    token = demo.rdt(LIST_PII, {**LIST_PII, "path": ORDERS + "/{orderId}"})
    for order in demo.list(token=token).payload["Orders"][:20]:
        assert demo.get(f"/{order['AmazonOrderId']}", token=token).payload == order


def test_kept_texts_are_bounded(demo, monkeypatch):
    """The memory of written orders is emptied when full, and nobody notices."""
    expected = demo.list(EU).body
    monkeypatch.setattr("bridge.sandbox.reads._KEPT_TEXTS", 10)
    assert demo.list(EU, MaxResultsPerPage=100, CreatedAfter="2025-01-01T00:00:00Z").payload["Orders"]
    demo.sandbox._orders._reads._texts.clear()
    assert demo.list(EU).payload["Orders"] == orjson.loads(expected)["payload"]["Orders"]
    assert len(demo.sandbox._orders._reads._texts) <= 10


def test_every_answer_has_an_id_of_its_own(probe):
    """x-amzn-RequestId is on every answer, another each time; JSON is declared as JSON."""
    answers = [probe.lwa(), probe.list(), probe.get("/x"), probe.list(token="bad"), probe.request("GET", "/")]
    ids = [answer.headers["x-amzn-requestid"] for answer in answers]
    assert len(set(ids)) == len(ids)
    assert all(map(is_uuid, ids))
    assert {answer.headers["content-type"] for answer in answers} == {"application/json"}
    assert all(int(answer.headers["content-length"]) == len(answer.body) for answer in answers)


@pytest.mark.long
def test_all_orders_and_items_are_valid_in_the_model(demo):
    """Orders, items, buyers and addresses of every kind conform to Amazon's definitions, oddities apart."""
    load_model("ordersV0.json")
    for seller in (NA, EU, FE):
        address = {"method": "GET", "path": ORDERS + "/{orderId}/address"}
        buyer = {"method": "GET", "path": ORDERS + "/{orderId}/buyerInfo"}
        wishes = {"method": "GET", "path": ORDERS + "/{orderId}/orderItems/buyerInfo"}
        token = demo.rdt(LIST_PII, ITEMS_PII, address, buyer, wishes, seller=seller)
        for page in list(demo.pages(seller, token))[::3]:
            assert faults_of("getOrders", 200, {"payload": page}, orders=40) == []
            for order in page["Orders"][::16]:
                for part in READS[1:]:  # the probe holds each against the model
                    assert demo.get(f"/{order['AmazonOrderId']}{part}", token=token).status == 200


def test_live_oddities_occur(demo):
    """What live payloads do and the model does not is really found here."""
    orders = [order for page in demo.pages(NA, demo.rdt()) for order in page["Orders"]]
    flags = {repr(order["IsReplacementOrder"]) for order in orders}
    assert {"True", "False", "'false'"} <= flags
    assert any(order.get("PromiseResponseDueDate") == "" for order in orders)
    assert any(order.get("SellerDisplayName", "") is None for order in orders)
    assert any(order["BuyerInfo"].get("BuyerEmail", "") is None for order in orders)
    assert any(order["SellerOrderId"] == order["AmazonOrderId"] for order in orders)
    assert any(order["SellerOrderId"] != order["AmazonOrderId"] for order in orders)
    items = demo.get(f"/{orders[0]['AmazonOrderId']}/orderItems").payload["OrderItems"]
    for item in items:
        assert item["IsGift"] in {"true", "false"}
        assert item["ProductInfo"]["NumberOfItems"].isdigit()
        assert item["BuyerRequestedCancel"]["IsBuyerRequestedCancel"] in {"true", "false"}


def test_the_log_tells_what_was_asked(probe):
    """The log holds method, path, decoded query, status, operation and seller, and never a token or a body."""
    probe.list(OrderStatuses="Shipped,Canceled")
    call = probe.sandbox.log[-1]
    assert (call.method, call.path, call.status, call.operation) == ("GET", ORDERS, 200, "getOrders")
    assert dict(call.query)["OrderStatuses"] == "Shipped,Canceled"
    assert call.selling_partner_id == NA.selling_partner_id
    token = probe.token()
    probe.request("POST", "/auth/o2/token", {"client_secret": "leaked"})
    probe.ask_rdt(LIST_PII)
    text = repr(probe.sandbox.log)
    for secret in (token, NA.refresh_token, "leaked", "shippingAddress", "Atz"):
        assert secret not in text
    assert [call.operation for call in probe.sandbox.log] == ["lwa", "getOrders", "lwa", "createRestrictedDataToken"]


def test_the_log_is_bounded():
    """The log keeps the newest calls."""
    probe = Probe(orders=0, log_size=3)
    for number in range(5):
        probe.request("GET", f"/{number}")
    assert [call.path for call in probe.sandbox.log] == ["/2", "/3", "/4"]


def test_expired_token_still_names_its_seller_in_the_log(probe):
    """A call with an expired token is logged with its seller."""
    token = probe.token()
    probe.clock.now += 3600
    probe.list(token=token)
    assert probe.sandbox.log[-1].selling_partner_id == NA.selling_partner_id


def _conversation(seed):
    probe = Probe(make=Sandbox, seed=seed, orders=120)
    bodies = [probe.lwa().body]
    token = probe.rdt()
    bodies += [repr(page).encode() for size in (30, 100) for page in probe.pages(token=token, MaxResultsPerPage=size)]
    probe.store.create_order(NA.selling_partner_id, US, at=ANCHOR - 1000)
    answer = probe.list(token=token)
    return [*bodies, answer.body, repr(answer.headers).encode()]


def test_equal_seeds_give_equal_bytes():
    """Equal settings, clock and requests give equal bytes, tokens and ids included; another seed gives others."""
    assert _conversation(1) == _conversation(1)
    assert not set(_conversation(1)) & set(_conversation(2))


async def test_served_over_httpx():
    """An httpx client works against the ASGI application."""
    sandbox = Sandbox(SandboxSettings(orders=20), clock=Clock())
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(sandbox.app), base_url="https://api.amazon.com"
    ) as http:
        form = {"grant_type": "refresh_token", "refresh_token": NA.refresh_token}
        application = sandbox.settings.applications[0]
        form |= {"client_id": application.client_id, "client_secret": application.client_secret}
        token = (await http.post("/auth/o2/token", data=form)).json()["access_token"]
        answer = await http.get(
            "https://sellingpartnerapi-na.amazon.com/orders/v0/orders",
            params={"MarketplaceIds": US, "CreatedAfter": "2026-01-01T00:00:00Z"},
            headers={"x-amz-access-token": token},
        )
        assert answer.status_code == 200
        slow = await http.get("/orders/v0/orders", headers={"x-amz-access-token": token, "x-sandbox-fault": "slow:0"})
        assert slow.status_code == 400


async def test_lifespan_and_other_protocols():
    """A server's lifespan is acknowledged; a websocket is none of the sandbox's business."""
    app = Sandbox(SandboxSettings(orders=0)).app
    incoming = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent = []

    async def receive():
        return next(incoming)

    async def send(message):
        sent.append(message["type"])

    await app({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    with pytest.raises(RuntimeError, match="not websocket"):
        await app({"type": "websocket"}, receive, send)


def test_servers_see_an_asgi_application(probe):
    """uvicorn recognises the application by itself as ASGI 3."""
    config = uvicorn.Config(probe.sandbox.app, log_config=None)
    config.load()
    assert config.interface == "asgi3"


async def test_a_client_that_goes_away_is_let_go(probe):
    """A disconnect while the body is read ends the request without an answer."""
    sent = []

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/auth/o2/token", "query_string": b"", "headers": []}
    await probe.sandbox.app(scope, receive, send)
    assert sent == []


def test_huge_bodies_are_cut():
    """A body beyond a mebibyte is not kept and so fails as damaged."""
    probe = Probe(orders=0)
    body = b'{"restrictedResources":[],"x":"' + b"x" * (1 << 20) + b'"}'
    answer = probe.request(
        "POST", "/tokens/2021-03-01/restrictedDataToken", headers={"x-amz-access-token": probe.token()}, body=body
    )
    assert answer.error["details"] == "The body is not JSON."


@pytest.mark.long
def test_defaults_work():
    """A sandbox needs no argument and knows the demo sellers."""
    sandbox = Sandbox()
    assert sandbox.settings == SandboxSettings()
    assert sandbox.store.seller_ids == tuple(seller.selling_partner_id for seller in DEMO_SELLERS)
    assert [seller.region for seller in DEMO_SELLERS] == ["na", "eu", "fe", "na"]


def test_exported_names():
    """Every name in __all__ is there, and the list is sorted as ruff sorts it."""
    import bridge.sandbox

    assert all(hasattr(bridge.sandbox, name) for name in bridge.sandbox.__all__)


def test_imports_nothing_of_the_rest():
    """The sandbox shares no code with the client: no module of it imports from bridge or mws_compat but its own."""
    import ast
    from pathlib import Path

    import bridge.sandbox

    for path in Path(bridge.sandbox.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module]
            for name in names:
                root = name.split(".")[0]
                assert root != "mws_compat"
                assert root != "bridge" or name.startswith("bridge.sandbox")
