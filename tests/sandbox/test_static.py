"""The static sandbox cases against the model files that they come from."""

import pytest

from tests.sandbox.model import load_model
from tests.sandbox.probe import EVERYTHING, FE, NA, Probe

PATHS = {
    "getOrders": "",
    "getOrder": "/{orderId}",
    "getOrderBuyerInfo": "/{orderId}/buyerInfo",
    "getOrderAddress": "/{orderId}/address",
    "getOrderItems": "/{orderId}/orderItems",
    "getOrderItemsBuyerInfo": "/{orderId}/orderItems/buyerInfo",
}


def model_cases(model):
    """Yield (operation, parameters, status, response) of every static case of a model's order reads."""
    for methods in load_model(model)["paths"].values():
        operation = methods.get("get", {})
        if operation.get("operationId") in {*PATHS, "searchOrders"}:
            for status, response in operation["responses"].items():
                for case in response.get("x-amzn-api-sandbox", {}).get("static", []):
                    parameters = {name: entry["value"] for name, entry in case["request"]["parameters"].items()}
                    yield operation["operationId"], parameters, int(status), case["response"]


def ask(probe, operation, parameters):
    parameters = {name: ",".join(v) if isinstance(v, list) else v for name, v in parameters.items()}
    path = PATHS[operation].replace("{orderId}", parameters.pop("orderId", ""))
    return probe.get(path, parameters, checked=False)


def ask_2026(probe, parameters):
    """Ask with the lists the other way round: they are sets."""
    parameters = {name: ",".join(v[::-1]) if isinstance(v, list) else v for name, v in parameters.items()}
    order_id = parameters.pop("orderId", "")
    return probe.get_2026(order_id and f"/{order_id}", parameters, checked=False)


def test_every_case_of_the_model_is_answered_as_it_says(demo):
    """The sandbox answers each static request of the model file with the model file's response, word for word."""
    cases = list(model_cases("ordersV0.json"))
    assert len(cases) == 15
    for operation, parameters, status, response in cases:
        answer = ask(demo, operation, parameters)
        assert (answer.status, answer.json) == (status, response)


def test_every_case_of_the_newer_model_is_answered_as_it_says(demo):
    """The same for v2026, whoever the seller is, with the data sets in any order."""
    cases = list(model_cases("orders_2026-01-01.json"))
    assert len(cases) == 8
    for _, parameters, status, response in cases:
        answer = ask_2026(demo, parameters)
        assert (answer.status, answer.json) == (status, response)


EIGHT = EVERYTHING.removesuffix(",TAX,PAYMENT,FULFILLMENT_ORDERS")


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/171-9876543-2109876", {}),
        ("/171-9876543-2109876", {"includedData": "BUYER"}),
        ("/TEST_CASE_200", {}),
        ("", {"createdAfter": "TEST_CASE_200"}),
    ],
)
def test_other_test_cases_of_v2026_do_not_match(demo, path, params):
    """A test case, or an order that is one, with other data sets than the model lists is 400."""
    answer = demo.get_2026(path, params)
    assert (answer.status, answer.error["message"]) == (400, "Could not match input arguments")


@pytest.mark.parametrize(
    "change",
    [
        {"includedData": "BUYER"},
        {"createdAfter": "2024-12-25T00:00:00.000Z"},
        {"marketplaceIds": "A39IBJ37TRP1C6"},
    ],
    ids=str,
)
def test_a_search_that_is_no_case_in_every_parameter_is_meant_in_earnest(demo, change):
    """One parameter other than the static case's, and the real orders come."""
    case = {
        "createdAfter": "2024-12-25T00:00:00Z",
        "marketplaceIds": "A1VC38T7YXB528",
        "includedData": EIGHT,
    }
    static = demo.get_2026("", case, FE).json
    assert [order["orderId"] for order in static["orders"]] == ["250-1234567-8901234"]
    real = demo.get_2026("", {**case, **change}, FE).json
    assert real["createdBefore"] == "2026-11-19T23:58:00.000Z"
    assert len(real["orders"]) > 50
    onward = {**case, "paginationToken": static["pagination"]["nextToken"]}
    assert demo.get_2026("", onward, FE).status == 400


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("", {"CreatedAfter": "TEST_CASE_200", "MarketplaceIds": "A1PA6795UKMFR9"}),
        ("", {"CreatedAfter": "TEST_CASE_200"}),
        ("", {"CreatedAfter": "TEST_CASE_500", "MarketplaceIds": "ATVPDKIKX0DER"}),
        ("", {"CreatedAfter": "TEST_CASE_200_NEXT_TOKEN", "MarketplaceIds": "ATVPDKIKX0DER", "NextToken": "x"}),
        ("/TEST_CASE_404", {}),
        ("/TEST_CASE_IBA_200/address", {}),
    ],
)
def test_other_test_cases_do_not_match(demo, path, params):
    """What no case lists is 400 in the static sandbox's words."""
    answer = demo.get(path, params)
    assert (answer.status, answer.error["code"]) == (400, "InvalidInput")
    assert answer.error["message"] == "Could not match input arguments"


def test_static_cases_need_a_token(probe):
    """The static sandbox is not open to the world."""
    assert probe.request("GET", "/orders/v0/orders/TEST_CASE_200").status == 401
    assert probe.request("GET", "/orders/2026-01-01/orders/TEST_CASE_400").status == 401


def test_static_cases_have_their_own_plan():
    """Fifteen at once and five a second, apart from the plan of the operation."""
    probe = Probe(usage_plans=True, orders=0)
    statuses = [probe.get("/TEST_CASE_400").status for _ in range(16)]
    assert statuses == [400] * 15 + [429]
    assert probe.get_2026("/TEST_CASE_400").status == 429
    probe.clock.now += 0.2
    assert probe.get("/TEST_CASE_400").status == 400
    assert probe.list(NA).status == 200
    assert probe.search(NA).status == 200
