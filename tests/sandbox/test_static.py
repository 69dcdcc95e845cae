"""The static sandbox cases against the model file that they come from."""

import pytest

from tests.sandbox.model import load_model
from tests.sandbox.probe import NA, Probe

PATHS = {
    "getOrders": "",
    "getOrder": "/{orderId}",
    "getOrderBuyerInfo": "/{orderId}/buyerInfo",
    "getOrderAddress": "/{orderId}/address",
    "getOrderItems": "/{orderId}/orderItems",
    "getOrderItemsBuyerInfo": "/{orderId}/orderItems/buyerInfo",
}


def model_cases():
    """Yield (operation, parameters, status, response) of every static case of the six reads."""
    for methods in load_model("ordersV0.json")["paths"].values():
        operation = methods.get("get", {})
        if operation.get("operationId") in PATHS:
            for status, response in operation["responses"].items():
                for case in response.get("x-amzn-api-sandbox", {}).get("static", []):
                    parameters = {name: entry["value"] for name, entry in case["request"]["parameters"].items()}
                    yield operation["operationId"], parameters, int(status), case["response"]


def ask(probe, operation, parameters):
    parameters = {name: ",".join(v) if isinstance(v, list) else v for name, v in parameters.items()}
    path = PATHS[operation].replace("{orderId}", parameters.pop("orderId", ""))
    return probe.get(path, parameters, checked=False)


def test_every_case_of_the_model_is_answered_as_it_says(demo):
    """The sandbox answers each static request of the model file with the model file's response, word for word."""
    cases = list(model_cases())
    assert len(cases) == 15
    for operation, parameters, status, response in cases:
        answer = ask(demo, operation, parameters)
        assert (answer.status, answer.json) == (status, response)


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


def test_static_cases_have_their_own_plan():
    """Fifteen at once and five a second, apart from the plan of the operation."""
    probe = Probe(usage_plans=True, orders=0)
    statuses = [probe.get("/TEST_CASE_400").status for _ in range(16)]
    assert statuses == [400] * 15 + [429]
    probe.clock.now += 0.2
    assert probe.get("/TEST_CASE_400").status == 400
    assert probe.list(NA).status == 200
