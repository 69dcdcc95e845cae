"""Amazon's model files as a judge of the sandbox's answers; where they are is told by the variable MWS_REFERENCE."""

import json
import os
import re
from bisect import bisect_right
from copy import deepcopy
from functools import cache
from pathlib import Path

import jsonschema
import pytest

_ROOT = Path(__file__).resolve().parents[2]
MODELS = Path(os.environ.get("MWS_REFERENCE", _ROOT.parent / "shared" / "reference")) / "models"

RESPONSES = {
    "getOrders": ("ordersV0.json", "GetOrdersResponse"),
    "getOrder": ("ordersV0.json", "GetOrderResponse"),
    "getOrderBuyerInfo": ("ordersV0.json", "GetOrderBuyerInfoResponse"),
    "getOrderAddress": ("ordersV0.json", "GetOrderAddressResponse"),
    "getOrderItems": ("ordersV0.json", "GetOrderItemsResponse"),
    "getOrderItemsBuyerInfo": ("ordersV0.json", "GetOrderItemsBuyerInfoResponse"),
    "searchOrders": ("orders_2026-01-01.json", "SearchOrdersResponse"),
    "getOrder2026": ("orders_2026-01-01.json", "GetOrderResponse"),
    "createRestrictedDataToken": ("tokens_2021-03-01.json", "CreateRestrictedDataTokenResponse"),
}

# The documented ways in which live payloads leave the model (reference 1.3 and 10): (owner, field) → what is sent.
ALLOWED_ODDITIES = {
    ("Order", "IsReplacementOrder"): {"type": ["boolean", "string"], "enum": [True, False, "true", "false"]},
    ("Order", "SellerDisplayName"): {"type": ["string", "null"]},
    ("BuyerInfo", "BuyerEmail"): {"type": ["string", "null"]},
    ("OrderBuyerInfo", "BuyerEmail"): {"type": ["string", "null"]},
    ("Error", "message"): {"type": ["string", "null"]},
}


def load_model(name):
    """Return one model file, which nobody changes, or skip the test that needs it."""
    path = MODELS / name
    if not path.exists():
        pytest.skip(f"no {name} under MWS_REFERENCE or beside the project")
    return _read_model(path)


@cache
def _read_model(path):
    return json.loads(path.read_text(encoding="utf-8"))


def close_words(schema):
    """Make an enumeration of a text, or list of texts, whose description lists its possible values.

    v0's descriptions are left alone: its live payloads know more words than they do.
    """
    text = schema if schema.get("type") == "string" else schema.get("items", {})
    _, found, listed = schema.get("description", "").partition("**Possible value")
    if found and text.get("type") == "string" and "enum" not in text:
        text["enum"] = re.findall(r"`([A-Z_]+)`", listed.split("**Note")[0])


def inlined(schema, definitions):
    """Return a schema with every reference replaced by what it refers to: no model is recursive, and it is faster."""
    if isinstance(schema, list):
        return [inlined(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return inlined(definitions[reference.removeprefix("#/definitions/")], definitions)
    return {name: inlined(one, definitions) for name, one in schema.items()}


@cache
def validator(model, definition):
    """Return a JSON Schema validator for a Swagger 2 definition that allows no field or word beyond the model's."""
    definitions = deepcopy(load_model(model)["definitions"])
    for schema in definitions.values():
        if "properties" in schema:
            schema["additionalProperties"] = False
            for one in schema["properties"].values() if model != "ordersV0.json" else ():
                close_words(one)
    for (owner, field), schema in ALLOWED_ODDITIES.items():
        if owner in definitions:
            definitions[owner]["properties"][field] = schema
    return jsonschema.Draft4Validator(inlined(definitions[definition], definitions))


#: Keywords that judge each place by itself: a value that brings no place, type or word beyond sound ones is sound.
LOCAL = {"additionalProperties", "description", "enum", "example", "format", "items", "minimum", "properties"}
LOCAL |= {"required", "title", "type", "x-docgen-enum-table-extension"}


def keywords(schema):
    """Yield the keywords of a schema and of all within it."""
    yield from schema
    for inner in schema.get("properties", {}).values():
        yield from keywords(inner)
    if "items" in schema:
        yield from keywords(schema["items"])


def words_of(schema):
    """Yield the values that a schema, or one within it, lists."""
    yield from schema.get("enum", ())
    for inner in (*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])):
        yield from words_of(inner)


def minimums_of(schema):
    """Yield the least numbers that a schema, or one within it, allows."""
    yield from [schema["minimum"]] if "minimum" in schema else []
    for inner in (*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])):
        yield from minimums_of(inner)


class Judge:
    """A definition of a model, which remembers what it has found sound: it is asked about thousands of orders."""

    def __init__(self, model, definition):
        self._validator = validator(model, definition)
        schema = self._validator.schema
        assert LOCAL.issuperset(keywords(schema)), set(keywords(schema)) - LOCAL
        self._words = {word for word in words_of(schema) if isinstance(word, str)}
        assert all(isinstance(word, str | bool) for word in words_of(schema))
        self._minimums = sorted(set(minimums_of(schema)))
        self._sound = set()

    def _mark(self, value, place, found):
        """Put into a set all that a schema of such keywords can judge a JSON value by."""
        if isinstance(value, dict):
            found.add((place, tuple(value)))
            for name, inner in value.items():
                self._mark(inner, f"{place}.{name}", found)
        elif isinstance(value, list):
            found.add((place, list))
            place += "[]"
            for inner in value:
                self._mark(inner, place, found)
        elif isinstance(value, str):
            found.add((place, str, value if value in self._words else None))
        elif isinstance(value, bool) or value is None:
            found.add((place, bool, value))
        else:
            found.add((place, type(value), bisect_right(self._minimums, value)))

    def faults(self, document):
        """Return what the model has against a document."""
        found = set()
        self._mark(document, "", found)
        if found <= self._sound:
            return []
        faults = [error.message for error in self._validator.iter_errors(document)]
        if not faults:
            self._sound |= found
        return faults


judge = cache(Judge)


def faults_of(operation, status, document, orders=1):
    """Return what the model has against an answer; of a long page only some `orders` are looked at."""
    model, definition = RESPONSES[operation]
    if model != "ordersV0.json" and status != 200:
        definition = "ErrorList"
    if len(document.get("orders", ())) > orders:
        document = {**document, "orders": document["orders"][:orders]}
    payload = document.get("payload")
    if isinstance(payload, dict) and len(payload.get("Orders", ())) > orders:
        document = {**document, "payload": {**payload, "Orders": payload["Orders"][:orders]}}
    return judge(model, definition).faults(document)
