"""What may be kept of an exchange: personal data masked, tokens replaced, on the MWS side and on SP-API's alike.

What is personal, and what stands for it, is in ``personal``; the payloads of SP-API's two versions are in
``masking_v0`` and ``masking_v2026``.
"""

import re
from typing import cast

import orjson

from bridge.endpoint import masking_v2026
from bridge.endpoint.masking_v0 import kept_v0
from bridge.endpoint.masking_v2026 import kept_v2026
from bridge.endpoint.personal import fields_of, fits, masked_json, masked_text, placeholder
from bridge.mapping import calls_v2026, orders_v0
from bridge.mapping.rows import JsonObject
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
    TEXT,
    UNKNOWN,
    UNMAPPED,
    Attributed,
    Kind,
    ListOf,
    Node,
    Record,
    Repeated,
    Struct,
)
from mws_compat.writer import render_response

__all__ = [
    "PERSONAL_QUERY",
    "TOKEN",
    "kept_answer",
    "kept_error",
    "kept_parameters",
    "kept_payload",
    "kept_query",
    "masked_answer",
]

TOKEN = "NextToken"  # noqa: S105 - a parameter's name
_TOKEN_ELEMENT = re.compile(rb"(?<=<NextToken>)[^<]+(?=</NextToken>)")


# --- the request ----------------------------------------------------------------------------------------------------

#: Names of upstream query parameters whose values are personal.
PERSONAL_QUERY = frozenset(
    names[parameter.name]
    for names in (orders_v0.QUERY_NAMES, calls_v2026.QUERY_NAMES)
    for operation in OPERATIONS.values()
    for parameter in operation.parameters
    if parameter.pii and parameter.name in names
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
                kept[name] = placeholder(value) if name == TOKEN else masked_text(value) if hidden else value
    return kept


def _is_for(value: str, parameter: Parameter) -> bool:
    """Whether a value is one that its parameter can have."""
    if parameter.values:
        return value in parameter.values
    if "@" in value:  # somebody's address, wherever it was put
        return False
    return fits(value, {"instant": DATETIME, "integer": INTEGER}.get(parameter.kind, TEXT))


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
    fields = fields_of(struct)
    out: Record = {}
    for name, node in record.items():
        if name == UNKNOWN:
            out[name] = _masked_unknown(node)
        elif name == UNMAPPED:
            out[name] = orjson.dumps(masked_json(orjson.loads(cast("str", node)))).decode()
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
        return masked_text(node) if whole or not fits(node, kind) else node
    if isinstance(node, list):
        of = kind.of if isinstance(kind, ListOf | Repeated) else kind
        return [_masked_node(inner, of, whole=whole) for inner in node]
    if isinstance(kind, Struct):
        return _masked_record(node, kind, whole=whole)
    assert isinstance(kind, Attributed)  # noqa: S101 - no other kind has a record for its node
    return {name: _masked_node(inner, kind.of, whole=whole) for name, inner in node.items()}


def _masked_unknown(node: Node) -> Node:
    """In xmltodict's notation. A namespace stays: it is no data, and nothing can be written in a masked one."""
    if isinstance(node, str):
        return masked_text(node)
    if isinstance(node, list):
        return [_masked_unknown(inner) for inner in node]
    return {name: inner if name == "@xmlns" else _masked_unknown(inner) for name, inner in node.items()}


# --- SP-API's answers -----------------------------------------------------------------------------------------------


#: The names under which a query has the token of a listing's next page.
_QUERY_TOKENS = frozenset({TOKEN, masking_v2026.TOKEN})


def kept_query(query: list[tuple[str, str]], *, masked: bool) -> list[tuple[str, str]]:
    """An upstream query as it is recorded."""
    kept = []
    for name, value in query:
        if name in _QUERY_TOKENS:
            kept.append((name, placeholder(value)))
        else:
            kept.append((name, masked_text(value) if masked and name in PERSONAL_QUERY else value))
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
    """The answer of an upstream call as it is recorded; of an operation that brings no orders all of it is masked."""
    if operation in {"getOrders", "getOrder", "getOrderItems"}:
        return kept_v0(operation, answer, masked=masked)
    if operation in {"searchOrders", "getOrder2026"}:
        return kept_v2026(answer, masked=masked)
    return cast("JsonObject", masked_json(answer))
