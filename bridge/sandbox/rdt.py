"""Restricted data tokens: `POST /tokens/2021-03-01/restrictedDataToken` (reference 5.2)."""

import re
from collections.abc import Sequence
from typing import Final

import orjson

from bridge.sandbox.answers import Answer, Request, SandboxError, denied, invalid_input
from bridge.sandbox.sellers import DIRECT_TO_CONSUMER, TAX
from bridge.sandbox.tokens import Grant, RestrictedResource, TokenDesk

RDT_PATH: Final = "/tokens/2021-03-01/restrictedDataToken"
RDT_OPERATION: Final = "createRestrictedDataToken"
MAX_RESOURCES: Final = 50

SHIPPING_ADDRESS: Final = "shippingAddress"
BUYER_INFO: Final = "buyerInfo"
BUYER_TAX_INFORMATION: Final = "buyerTaxInformation"
ROLE_OF_ELEMENT: Final = {SHIPPING_ADDRESS: DIRECT_TO_CONSUMER, BUYER_INFO: TAX, BUYER_TAX_INFORMATION: TAX}

_METHODS: Final = frozenset({"GET", "PUT", "POST", "DELETE"})
_NO_ACCESS: Final = "Application do not have access to some or all requested resource"
# The restricted operations of Orders v0. The three in the first group show only the elements that are named; the
# others have their element by nature. A path may end in a slash: the token is made all the same, and useless.
_SELECTIVE: Final = re.compile(r"/orders/v0/orders(/[^/]+(/orderItems)?)?/?")
_BY_NATURE: Final = re.compile(r"/orders/v0/orders/[^/]+/(address|buyerInfo|orderItems/buyerInfo|regulatedInfo)/?")
_ELEMENT_BY_NATURE: Final = {
    "address": SHIPPING_ADDRESS,
    "buyerInfo": BUYER_INFO,
    "orderItems/buyerInfo": BUYER_INFO,
    "regulatedInfo": BUYER_INFO,
}
_APPLICATION: Final = re.compile(r"amzn1\.(sellerapps\.app|sp\.solution)\.[\w.-]+")


def _bad_request(details: str) -> SandboxError:
    return SandboxError(400, "InvalidRequest", "Request is missing or has invalid parameters", details)


def _parse(body: bytes) -> Sequence[object]:
    """Return the raw resources of a request body whose frame is in order."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _bad_request("The body is not JSON.") from None
    if not isinstance(document, dict):
        raise _bad_request("The body is not an object.")
    target = document.get("targetApplication")
    if target is not None and not (isinstance(target, str) and _APPLICATION.fullmatch(target)):
        raise _bad_request("targetApplication is not an application id.")
    resources = document.get("restrictedResources")
    if not isinstance(resources, list) or not resources:
        raise _bad_request("Resource not provided.")
    if len(resources) > MAX_RESOURCES:
        raise _bad_request(f"restrictedResources holds more than {MAX_RESOURCES} resources.")
    return resources


def _read_resource(raw: object) -> tuple[str, str, list[str]]:
    if not isinstance(raw, dict):
        raise _bad_request("Resource not provided.")
    method, path, elements = raw.get("method"), raw.get("path"), raw.get("dataElements", [])
    if method not in _METHODS or not isinstance(path, str) or not path.startswith("/"):
        raise _bad_request("Resource not provided.")
    if not isinstance(elements, list) or not all(isinstance(element, str) for element in elements):
        raise _bad_request("dataElements is not a list of strings.")
    unknown = sorted(set(elements) - ROLE_OF_ELEMENT.keys())
    if unknown:
        raise invalid_input(f"Invalid data elements: [{', '.join(unknown)}]")
    return method, path, elements


def _check_resource(raw: object, roles: frozenset[str]) -> RestrictedResource:
    """Return the resource; of all elements that the seller's roles do not cover, name each in one error."""
    method, path, elements = _read_resource(raw)
    natural = _BY_NATURE.fullmatch(path)
    if method == "GET" and natural is not None:
        element = _ELEMENT_BY_NATURE[natural[1]]
        if ROLE_OF_ELEMENT[element] not in roles:
            raise invalid_input(_NO_ACCESS)
        return RestrictedResource(method, path, frozenset({element}))
    if method != "GET" or not _SELECTIVE.fullmatch(path):
        raise invalid_input(_NO_ACCESS)  # a restricted resource of another API, or none at all
    if not elements:
        raise invalid_input("dataElements is required for the getOrders, getOrder and getOrderItems operations.")
    return RestrictedResource(method, path, frozenset(elements))


def missing_role(elements: Sequence[str]) -> SandboxError:
    """400: the application or the seller's authorisation lacks the role for these data elements."""
    return invalid_input(
        f"Application does not have access to one or more requested data elements: [{', '.join(elements)}]"
    )


def create_restricted_data_token(desk: TokenDesk, grant: Grant, request: Request) -> Answer:
    """Answer createRestrictedDataToken for the seller of `grant`, an ordinary access token."""
    if grant.seller is None or grant.resources is not None:
        raise denied()
    roles = grant.seller.roles
    resources = tuple(_check_resource(raw, roles) for raw in _parse(request.body))
    asked = {element for resource in resources for element in resource.data_elements}
    lacking = sorted(element for element in asked if ROLE_OF_ELEMENT[element] not in roles)
    if lacking:
        raise missing_role(lacking)
    token = desk.issue_restricted(grant, resources)
    return Answer(200, orjson.dumps({"restrictedDataToken": token, "expiresIn": desk.lifetime}))


def elements_for(grant: Grant, method: str, path: str) -> frozenset[str]:
    """Return the personal data elements that a token shows on a path; raise 403 for an RDT that does not list it.

    `{orderId}` in a listed path stands for every order. An ordinary token opens every path and shows no element.
    """
    if grant.resources is None:
        return frozenset()
    shown: frozenset[str] | None = None
    for resource in grant.resources:
        pattern = re.escape(resource.path).replace(re.escape("{orderId}"), "[^/]+")
        if resource.method == method and re.fullmatch(pattern, path):
            shown = resource.data_elements | (shown or frozenset())
    if shown is None:
        raise denied("The restricted data token does not list this resource.")
    return shown
