import pytest

from tests.sandbox.probe import EU, ITEMS_PII, LIST_PII, NA, NO_PII, ORDER_PII, ORDERS, RDT

ADDRESS = {"method": "GET", "path": ORDERS + "/{orderId}/address"}
BUYER = {"method": "GET", "path": ORDERS + "/{orderId}/buyerInfo"}


def an_order(probe, seller=NA):
    return probe.store.create_order(seller.selling_partner_id, seller.marketplace_ids[0], at=probe.clock.now - 3600)


def test_rdt_is_issued_and_expires(probe):
    """An RDT has the documented form and ends after an hour by the clock."""
    answer = probe.ask_rdt(LIST_PII)
    assert answer.status == 200
    assert answer.json["restrictedDataToken"].startswith("Atz.sprdt|")
    assert answer.json["expiresIn"] == 3600
    assert answer.headers["x-amzn-ratelimit-limit"] == "1"
    token = answer.json["restrictedDataToken"]
    assert probe.list(token=token).status == 200
    probe.clock.now += 3600
    assert probe.list(token=token).error["details"] == "The access token you provided has expired."


def test_rdt_opens_listed_paths_only(probe):
    """A path that the RDT does not list is 403, though the plain token would open it."""
    order = an_order(probe)
    token = probe.rdt(ORDER_PII)
    assert probe.get(f"/{order.id}", token=token).status == 200
    assert probe.get(f"/{order.id}/orderItems", token=token).status == 403
    assert probe.list(token=token).status == 403
    assert probe.get(f"/{order.id}/orderItems").status == 200


def test_rdt_for_one_order_is_for_that_order(probe):
    """A path with an id opens this order and no other."""
    one, other = an_order(probe), an_order(probe)
    token = probe.rdt({**ORDER_PII, "path": f"{ORDERS}/{one.id}"})
    assert probe.get(f"/{one.id}", token=token).status == 200
    assert probe.get(f"/{other.id}", token=token).status == 403


def test_elements_of_a_generic_and_a_specific_path_add_up(probe):
    """When several listed resources cover a call, it shows the elements of all of them."""
    order = an_order(probe)
    token = probe.rdt(
        {**ORDER_PII, "dataElements": ["buyerInfo"]},
        {**ORDER_PII, "path": f"{ORDERS}/{order.id}", "dataElements": ["shippingAddress"]},
    )
    payload = probe.get(f"/{order.id}", token=token).payload
    assert "Name" in payload["ShippingAddress"]
    assert payload["BuyerInfo"]


def test_rdt_is_bound_to_its_seller(probe):
    """Another seller's order stays unknown under an RDT, generic path or not."""
    order = an_order(probe)
    assert probe.get(f"/{order.id}", token=probe.rdt(ORDER_PII, seller=EU)).status == 404


@pytest.mark.parametrize("resource", [LIST_PII, ORDER_PII, ITEMS_PII, ADDRESS, BUYER])
def test_trailing_slash_makes_a_useless_rdt(probe, resource):
    """A trailing slash is accepted when the token is made and makes the later call 403."""
    order = an_order(probe)
    answer = probe.ask_rdt({**resource, "path": resource["path"] + "/"})
    assert answer.status == 200
    token = answer.json["restrictedDataToken"]
    path = resource["path"].removeprefix(ORDERS).replace("{orderId}", order.id)
    assert probe.get(path, token=token).status == 403
    assert probe.get(path + "/", token=token).status == 403


def test_missing_roles_are_named(probe):
    """A seller without PII roles gets 400 with the elements in Amazon's words."""
    answer = probe.ask_rdt(LIST_PII, seller=NO_PII)
    assert (answer.status, answer.error["code"]) == (400, "InvalidInput")
    assert answer.error["message"] == (
        "Application does not have access to one or more requested data elements: "
        "[buyerInfo, buyerTaxInformation, shippingAddress]"
    )


@pytest.mark.parametrize("resource", [ADDRESS, BUYER, {"method": "GET", "path": "/mfn/v0/shipments/{shipmentId}"}])
def test_resource_out_of_reach_is_refused(probe, resource):
    """A restricted resource without a role for it, or of another API, is refused as a whole."""
    answer = probe.ask_rdt(resource, seller=NO_PII)
    assert (answer.status, answer.error["code"]) == (400, "InvalidInput")
    assert answer.error["message"] == "Application do not have access to some or all requested resource"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"{}",
        b'{"restrictedResources":[]}',
        b'{"restrictedResources":{}}',
        b'{"restrictedResources":["x"]}',
        b'{"restrictedResources":[{"method":"","path":"/orders/v0/orders"}]}',
        b'{"restrictedResources":[{"method":"PATCH","path":"/orders/v0/orders"}]}',
        b'{"restrictedResources":[{"method":"GET"}]}',
        b'{"restrictedResources":[{"method":"GET","path":"orders/v0/orders"}]}',
        b'{"restrictedResources":[{"method":"GET","path":"/orders/v0/orders","dataElements":"buyerInfo"}]}',
        b'{"restrictedResources":[{"method":"GET","path":"/orders/v0/orders","dataElements":[1]}]}',
        b'{"restrictedResources":[{"method":"GET","path":"/orders/v0/orders"}],"targetApplication":7}',
        b'{"restrictedResources":[{"method":"GET","path":"/orders/v0/orders"}],"targetApplication":"my app"}',
    ],
)
def test_malformed_bodies_are_400(probe, body):
    """A body that is not what the model asks for is an invalid request."""
    answer = probe.request("POST", RDT, headers={"x-amz-access-token": probe.token()}, body=body)
    assert (answer.status, answer.error["code"]) == (400, "InvalidRequest")
    assert answer.error["message"] == "Request is missing or has invalid parameters"


@pytest.mark.parametrize(
    "resource",
    [
        {"method": "GET", "path": ORDERS},
        {"method": "GET", "path": ORDERS, "dataElements": []},
        {"method": "GET", "path": ORDERS, "dataElements": ["buyerinfo"]},
        {"method": "POST", "path": ORDERS, "dataElements": ["buyerInfo"]},
    ],
)
def test_data_elements_are_required_and_checked(probe, resource):
    """Orders and items need known data elements, and only their GET is restricted."""
    answer = probe.ask_rdt(resource)
    assert (answer.status, answer.error["code"]) == (400, "InvalidInput")


def test_at_most_fifty_resources(probe):
    """Fifty resources are taken, fifty-one are not."""
    assert probe.ask_rdt(*[ORDER_PII] * 50).status == 200
    assert probe.ask_rdt(*[ORDER_PII] * 51).status == 400


def test_rdt_needs_an_ordinary_token(probe):
    """An RDT cannot beget another, and no token begets none."""
    assert probe.ask_rdt(LIST_PII, token=probe.rdt()).status == 403
    assert probe.request("POST", RDT, body=b"{}").status == 401


def test_delegation_to_another_application_is_accepted(probe):
    """targetApplication may name an application."""
    assert probe.ask_rdt(LIST_PII, targetApplication="amzn1.sellerapps.app.target-application").status == 200
