"""What may be kept of an exchange: personal data masked, tokens replaced, on the MWS side and on SP-API's alike.

One rule decides for both sides, so that the masked JSON maps to the masked XML: an element is personal when the MWS
table flags it ``pii``, or when a mapping table says that SP-API gives it only to applications with a role for
personal data; and so is everything below it. What no table knows, and what is not of its field's kind, is taken for
personal. Letters become ``x`` and digits ``0``, so lengths, forms and what is absent can still be compared.
"""

import re
from functools import cache
from hashlib import blake2b
from typing import cast

import orjson

from bridge.diff.differences import mask as mask_text
from bridge.mapping.orders_v0 import ITEM_MAP, ORDER_MAP, QUERY_NAMES
from bridge.mapping.rows import JsonObject, Row, StructMap
from bridge.upstream.errors import clean_words
from mws_compat.documents import DOCUMENTS, ERROR
from mws_compat.errors import ReadError
from mws_compat.escape import escape_text
from mws_compat.orders import LATEST_VERSION, OPERATIONS, Operation, Parameter
from mws_compat.overlay import write_root
from mws_compat.reader import parse_element, read_element
from mws_compat.schema import (
    DATETIME,
    INTEGER,
    MONEY,
    TEXT,
    UNKNOWN,
    UNMAPPED,
    Attributed,
    Field,
    Kind,
    ListOf,
    Node,
    Record,
    Repeated,
    Scalar,
    Struct,
)
from mws_compat.writer import render_response

__all__ = [
    "PERSONAL_QUERY",
    "TOKEN",
    "is_personal",
    "kept_answer",
    "kept_error",
    "kept_parameters",
    "kept_payload",
    "kept_query",
    "masked_answer",
    "placeholder",
]

TOKEN = "NextToken"  # noqa: S105 - a parameter's name
_TOKEN_ELEMENT = re.compile(rb"(?<=<NextToken>)[^<]+(?=</NextToken>)")


#: Control characters that XML cannot hold: in an answer something else stands for them.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


def _mask(text: str) -> str:
    return mask_text(_ILLEGAL.sub("x", text))


def placeholder(token: str) -> str:
    """What stands for a NextToken in a recording: the same for the same token, and nothing of what is in it."""
    return f"token-{blake2b(token.strip().encode(), digest_size=12).hexdigest()}"


# --- which elements -------------------------------------------------------------------------------------------------

_MONEY_MAP = StructMap(MONEY, (Row("CurrencyCode", "CurrencyCode"), Row("Amount", "Amount")))


@cache
def _restricted() -> frozenset[tuple[int, str]]:
    """Structs, by identity, and their fields that SP-API gives only to applications with a role."""
    found: set[tuple[int, str]] = set()
    waiting = [ORDER_MAP, ITEM_MAP]
    while waiting:
        table = waiting.pop()
        rows = [row for row in table.rows if isinstance(row, Row)]
        found.update((id(table.struct), row.mws) for row in rows if row.restricted)
        waiting.extend(row.via for row in rows if row.via is not None)
    return frozenset(found)


def is_personal(struct: Struct, field: Field) -> bool:
    """Whether a field of a struct is masked, with all that it holds."""
    return field.pii or (id(struct), field.name) in _restricted()


#: The fields of a struct by name, and whether they are personal; by the struct's identity, since it is dear to hash.
_known: dict[int, tuple[Struct, dict[str, tuple[Field, bool]]]] = {}


def _fields_of(struct: Struct) -> dict[str, tuple[Field, bool]]:
    found = _known.get(id(struct))
    if found is None:
        fields = {field.name: (field, is_personal(struct, field)) for field in struct.fields}
        found = _known[id(struct)] = (struct, fields)
    return found[1]


# --- the request ----------------------------------------------------------------------------------------------------

#: Names of upstream query parameters whose values are personal.
PERSONAL_QUERY = frozenset(
    QUERY_NAMES[parameter.name]
    for operation in OPERATIONS.values()
    for parameter in operation.parameters
    if parameter.pii
)


def kept_parameters(operation: Operation, parameters: dict[str, str], *, masked: bool) -> dict[str, str]:
    """The parameters that the operation's table knows. No others: neither those that sign a request or name the
    caller, nor what a client sends under names of its own, in which anything can be."""
    kept: dict[str, str] = {}
    for name, value in parameters.items():
        prefix, _, number = name.rpartition(".")
        listed = prefix if number.isascii() and number.isdecimal() else ""
        for parameter in operation.parameters:
            if (listed in parameter.lists) if parameter.lists else (name == parameter.name):
                hidden = masked and (parameter.pii or not _is_for(value, parameter))
                kept[name] = placeholder(value) if name == TOKEN else _mask(value) if hidden else value
    return kept


def _is_for(value: str, parameter: Parameter) -> bool:
    """Whether a value is one that its parameter can have."""
    if parameter.values:
        return value in parameter.values
    if "@" in value:  # somebody's address, wherever it was put
        return False
    return _fits(value, {"instant": DATETIME, "integer": INTEGER}.get(parameter.kind, TEXT))


# --- the answer -----------------------------------------------------------------------------------------------------


def kept_answer(body: bytes, *, masked: bool) -> bytes:
    """The answer as it is recorded. Raises ReadError or ValueError for what is no answer of MWS."""
    return masked_answer(body) if masked else _TOKEN_ELEMENT.sub(_token_element, body)


def _token_element(match: re.Match[bytes]) -> bytes:
    return placeholder(match[0].decode()).encode()


def masked_answer(body: bytes) -> bytes:
    """An answer without personal data. Raises ReadError for what is none of MWS's, ValueError for one that cannot be
    written again."""
    root = parse_element(body)
    namespace, _, name = str(root.tag).rpartition("}")
    namespace = namespace[1:]
    kind = DOCUMENTS.get(name)
    if kind is None or not name.endswith("Response"):
        raise ReadError("this is not an answer of an Orders operation")
    record = _masked_record(read_element(root, kind.root), kind.root, whole=False)
    version = namespace.rpartition("/")[2] or LATEST_VERSION
    result, metadata = record.get(f"{kind.action}Result"), record.get("ResponseMetadata")
    if isinstance(result, dict) and isinstance(metadata, dict) and len(record) == 2 and UNKNOWN not in result:
        request_id = metadata.get("RequestId")
        if isinstance(request_id, str) and len(metadata) == 1:  # as the endpoint writes it: so can this one be
            operation = OPERATIONS[kind.action]
            id_ = escape_text(request_id)
            return render_response(operation, result, namespace=namespace, request_id=id_, version=version)
    return write_root(kind.root, record, namespace=namespace, version=version).encode()


def _masked_record(record: Record, struct: Struct, *, whole: bool) -> Record:
    fields = _fields_of(struct)
    out: Record = {}
    for name, node in record.items():
        if name == UNKNOWN:
            out[name] = _masked_unknown(node)
        elif name == UNMAPPED:
            out[name] = orjson.dumps(_masked_json(orjson.loads(cast("str", node)))).decode()
        elif name == TOKEN and isinstance(node, str):
            out[name] = placeholder(node) if node.strip() else node
        elif struct is ERROR and isinstance(node, str):
            out[name] = clean_words(node)  # some repeat what was asked for
        else:
            field, hidden = fields[name]
            out[name] = _masked_node(node, field.kind, whole=whole or hidden)
    return out


def _masked_node(node: Node, kind: Kind, *, whole: bool) -> Node:
    if isinstance(node, str):
        return _mask(node) if whole or not _fits(node, kind) else node
    if isinstance(node, list):
        of = kind.of if isinstance(kind, ListOf | Repeated) else kind
        return [_masked_node(inner, of, whole=whole) for inner in node]
    if isinstance(kind, Struct):
        return _masked_record(node, kind, whole=whole)
    assert isinstance(kind, Attributed)  # noqa: S101 - no other kind has a record for its node
    return {name: _masked_node(inner, kind.of, whole=whole) for name, inner in node.items()}


def _fits(text: str, kind: Kind) -> bool:
    """Whether a text is what its field holds. Anything can be in one that is not: a name, for example."""
    if kind is TEXT or not isinstance(kind, Scalar) or text.isdecimal():
        return True
    try:
        kind.canonical(text)
    except ValueError:
        return False
    return True


def _masked_unknown(node: Node) -> Node:
    """In xmltodict's notation. A namespace stays: it is no data, and nothing can be written in a masked one."""
    if isinstance(node, str):
        return _mask(node)
    if isinstance(node, list):
        return [_masked_unknown(inner) for inner in node]
    return {name: inner if name == "@xmlns" else _masked_unknown(inner) for name, inner in node.items()}


# --- SP-API's answers -----------------------------------------------------------------------------------------------


def kept_query(query: list[tuple[str, str]], *, masked: bool) -> list[tuple[str, str]]:
    """An upstream query as it is recorded."""
    kept = []
    for name, value in query:
        if name == TOKEN:
            kept.append((name, placeholder(value)))
        else:
            kept.append((name, _mask(value) if masked and name in PERSONAL_QUERY else value))
    return kept


def kept_error(answer: object) -> JsonObject:
    """What is recorded of an error answer: codes, and words without what they may repeat."""
    errors = answer.get("errors") if isinstance(answer, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    if not isinstance(first, dict):
        return {}
    words = {name: first.get(name) for name in ("code", "message", "details")}
    return {"errors": [{name: clean_words(text) for name, text in words.items() if isinstance(text, str)}]}


def kept_payload(operation: str, answer: JsonObject, *, masked: bool) -> JsonObject:
    """The answer of a getOrders, getOrder or getOrderItems call as it is recorded. What is beside its payload is
    masked in any case: nothing of it is an order's, and it could be anything, a token for example."""
    payload = answer.get("payload")
    if not isinstance(payload, dict):
        return cast("JsonObject", _masked_json(answer))
    rest = {name: _masked_json(value) for name, value in answer.items() if name != "payload"}
    if not masked:
        return {"payload": _with_placeholder(payload), **rest}
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
            out[name] = _masked_json(value)
    return {"payload": _with_placeholder(out), **rest}


#: What stands beside the members and says nothing of a person.
_ENVELOPE = frozenset({"AmazonOrderId", "CreatedBefore", "LastUpdatedBefore", TOKEN})


def _with_placeholder(payload: JsonObject) -> JsonObject:
    token = payload.get(TOKEN)
    if token is None or token == "":
        return payload
    return {**payload, TOKEN: placeholder(token) if isinstance(token, str) else _masked_json(token)}


def _masked_member(member: object, table: StructMap) -> object:
    return _masked_object(member, table, whole=False) if isinstance(member, dict) else _masked_json(member)


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
    fields = _fields_of(table.struct)

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
                out[name] = _masked_json(value)
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
        hidden = whole or (isinstance(value, str) and not _fits(value, kind))
        return _masked_leaf(value) if hidden else value
    return _masked_json(value)


def _masked_json(value: object) -> object:
    """What no table knows: names stay, and of values their kind and form."""
    if isinstance(value, dict):
        return {name: _masked_json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_masked_json(inner) for inner in value]
    return _masked_leaf(value)


def _masked_leaf(value: object) -> object:
    if isinstance(value, str):
        return _mask(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return _mask(str(value))  # text, because no number begins with zeros; the mapping reads both alike
    return 0.0
