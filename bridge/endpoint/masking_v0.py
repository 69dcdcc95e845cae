"""Orders v0 payloads as they are recorded. Deletable as one file once v0 is gone (2027-03-27)."""

from functools import cache
from typing import cast

from bridge.endpoint.personal import fields_of, fits, masked_json, with_placeholder
from bridge.mapping.orders_v0 import ITEM_MAP, ORDER_MAP
from bridge.mapping.rows import JsonObject, Row, StructMap
from mws_compat.schema import MONEY, Kind, ListOf, Scalar, Struct

__all__ = ["kept_v0"]

_TOKEN = "NextToken"  # noqa: S105 - a member's name
_MONEY_MAP = StructMap(MONEY, (Row("CurrencyCode", "CurrencyCode"), Row("Amount", "Amount")))


def kept_v0(operation: str, answer: JsonObject, *, masked: bool) -> JsonObject:
    """The answer of a getOrders, getOrder or getOrderItems call as it is recorded. What is beside its payload is
    masked in any case: nothing of it is an order's, and it could be anything, a token for example."""
    payload = answer.get("payload")
    if not isinstance(payload, dict):
        return cast("JsonObject", masked_json(answer))
    rest = {name: masked_json(value) for name, value in answer.items() if name != "payload"}
    if not masked:
        return {"payload": with_placeholder(payload, _TOKEN), **rest}
    if operation == "getOrder":
        return {"payload": _masked_object(payload, ORDER_MAP, whole=False), **rest}
    members = {"Orders": ORDER_MAP, "OrderItems": ITEM_MAP}
    out: JsonObject = {}
    for name, value in payload.items():
        if name in members and isinstance(value, list):
            out[name] = [_masked_member(member, members[name]) for member in value]
        elif name in _ENVELOPE and not isinstance(value, dict | list):
            out[name] = value
        else:
            out[name] = masked_json(value)
    return {"payload": with_placeholder(out, _TOKEN), **rest}


#: What stands beside the members and says nothing of a person.
_ENVELOPE = frozenset({"AmazonOrderId", "CreatedBefore", "LastUpdatedBefore", _TOKEN})


def _masked_member(member: object, table: StructMap) -> object:
    return _masked_object(member, table, whole=False) if isinstance(member, dict) else masked_json(member)


@cache
def _tree_of(table: StructMap) -> dict[str, object]:
    """A table's rows by the path of their source: a Row, or a dict of what is inside."""
    tree: dict[str, object] = {}
    for row in table.rows:
        if isinstance(row, Row):
            *outer, last = row.source.split(".")
            branch = tree
            for step in outer:
                branch = cast("dict[str, object]", branch.setdefault(step, {}))
            branch[last] = row
    return tree


def _masked_object(source: JsonObject, table: StructMap, *, whole: bool) -> JsonObject:
    fields = fields_of(table.struct)

    def walk(source: JsonObject, tree: dict[str, object]) -> JsonObject:
        out: JsonObject = {}
        for name, value in source.items():
            branch = tree.get(name)
            if isinstance(branch, Row):
                field, hidden = fields[branch.mws]
                out[name] = _masked_value(value, field.kind, branch.via, whole=whole or hidden)
            elif isinstance(branch, dict) and isinstance(value, dict):
                out[name] = walk(value, branch)
            else:
                out[name] = masked_json(value)
        return out

    return walk(source, _tree_of(table))


def _masked_value(value: object, kind: Kind, via: StructMap | None, *, whole: bool) -> object:
    if isinstance(kind, Struct) and isinstance(value, dict):
        return _masked_object(value, via or _MONEY_MAP, whole=whole)
    if isinstance(kind, ListOf):
        if isinstance(value, dict) and list(value) == [kind.member]:  # still wrapped, as SP-API's first releases did
            return {kind.member: _masked_value(value[kind.member], kind, via, whole=whole)}
        if isinstance(value, list):
            return [_masked_value(inner, kind.of, via, whole=whole) for inner in value]
        return _masked_value(value, kind.of, via, whole=whole)  # one member where an array is expected
    if isinstance(kind, Scalar) and not isinstance(value, dict | list):
        hidden = whole or (isinstance(value, str) and not fits(value, kind))
        return masked_json(value) if hidden else value
    return masked_json(value)
