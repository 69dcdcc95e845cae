"""Two records of one struct against each other, by what the table says that their values mean.

Equal is what the schema calls equal: amounts by their number, instants by their moment, white space around values and
the order of elements do not count, and neither does the difference between an element that is absent and one that is
empty, which MWS itself wrote at its pleasure.
"""

from collections import Counter
from collections.abc import Iterator

import orjson

from bridge.diff.differences import Change, Difference, Step
from mws_compat.schema import (
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

__all__ = ["compare_records", "is_empty", "places_in", "without_volatile"]

Steps = tuple[Step, ...]
_NOTHING: Record = {}


def compare_records(old: Record, new: Record, struct: Struct, steps: Steps) -> Iterator[Difference]:
    """The differences of two records, in the table's order; then of what no table knows, then of JSON members that no
    element carries. Volatile fields are passed over."""
    if old == new:
        return
    for field in struct.fields:
        if field.volatile:
            continue
        one, other = old.get(field.name), new.get(field.name)
        if one != other:
            yield from _compare(one, other, field.kind, (*steps, Step(field.name)), field)
    if old.get(UNKNOWN) != new.get(UNKNOWN):
        yield from _compare_unknown(old.get(UNKNOWN, _NOTHING), new.get(UNKNOWN, _NOTHING), steps)
    if old.get(UNMAPPED) != new.get(UNMAPPED):
        place = (*steps, Step(UNMAPPED))
        yield from _compare_unknown(_members(old.get(UNMAPPED)), _members(new.get(UNMAPPED)), place)


def places_in(node: Node, kind: Kind | None, steps: Steps) -> Iterator[Steps]:
    """Every place in a node, its own first, named as differences there are."""
    yield steps
    if isinstance(node, dict):
        kinds = {field.name: field.kind for field in kind.fields} if isinstance(kind, Struct) else {}
        for name, inner in node.items():
            if name == UNKNOWN:
                yield from places_in(inner, None, steps)
            elif name == UNMAPPED:
                yield from places_in(_members(inner), None, (*steps, Step(UNMAPPED)))
            else:
                yield from places_in(inner, kinds.get(name), (*steps, Step(name)))
    elif isinstance(node, list):
        of = kind.of if isinstance(kind, ListOf | Repeated) else None
        key = None if of is None else _key_of(of)
        members = None if key is None else _keyed(node, key)
        if members is None:
            members = {str(number): inner for number, inner in enumerate(node, 1)}
        *before, last = steps
        for text, inner in members.items():
            yield from places_in(inner, of, (*before, Step(last.name, text)))


def is_empty(node: Node | None) -> bool:
    """Whether a node says nothing: it is absent, blank, or made of what says nothing."""
    if node is None:
        return True
    if isinstance(node, str):
        return not node or node.isspace()
    return all(map(is_empty, node.values() if isinstance(node, dict) else node))


def without_volatile(record: Record, struct: Struct) -> Record:
    """The record without what differs between two answers to one question, and without what is empty then."""
    kinds = {field.name: field for field in struct.fields}
    out: Record = {}
    for name, node in record.items():
        field = kinds.get(name)
        if field is not None and field.volatile:
            continue
        if field is not None and isinstance(field.kind, Struct) and isinstance(node, dict):
            node = without_volatile(node, field.kind)  # noqa: PLW2901 - what is left of it
        if not is_empty(node):
            out[name] = node
    return out


def _compare(old: Node | None, new: Node | None, kind: Kind, steps: Steps, field: Field) -> Iterator[Difference]:
    """``field`` is the one that the nodes are of, or the list of which they are members."""
    if is_empty(old) or is_empty(new):
        if not (is_empty(old) and is_empty(new)):
            change = Change.EXTRA_FIELD if is_empty(old) else Change.MISSING_FIELD
            yield Difference(
                change, steps, None if is_empty(old) else old, None if is_empty(new) else new, kind, field.pii
            )
    elif isinstance(kind, Scalar) and isinstance(old, str) and isinstance(new, str):
        if not kind.same(old, new):
            change = Change.TYPE if _is_of(kind, old) != _is_of(kind, new) else Change.VALUE
            yield Difference(change, steps, old, new, kind, field.pii)
    elif isinstance(kind, Struct) and isinstance(old, dict) and isinstance(new, dict):
        yield from compare_records(old, new, kind, steps)
    elif isinstance(kind, ListOf | Repeated) and isinstance(old, list) and isinstance(new, list):
        yield from _compare_lists(old, new, kind, steps, field)
    elif isinstance(kind, Attributed) and isinstance(old, dict) and isinstance(new, dict):
        yield from _compare_attributed(old, new, kind, steps, field)
    else:
        yield Difference(Change.TYPE, steps, old, new, kind, field.pii)


def _is_of(kind: Scalar, text: str) -> bool:
    try:
        kind.canonical(text)
    except ValueError:
        return False
    return True


def _compare_attributed(
    old: Record, new: Record, kind: Attributed, steps: Steps, field: Field
) -> Iterator[Difference]:
    for name, scalar in ((kind.attribute_key, TEXT), (kind.text_key, kind.of)):
        one, other = old.get(name), new.get(name)
        if one != other:
            yield from _compare(one, other, scalar, (*steps, Step(name)), field)


# --- lists ----------------------------------------------------------------------------------------------------------


def _compare_lists(
    old: list[Node], new: list[Node], kind: ListOf | Repeated, steps: Steps, field: Field
) -> Iterator[Difference]:
    key = _key_of(kind.of)
    if key is not None:
        one, other = _keyed(old, key), _keyed(new, key)
        if one is not None and other is not None:
            yield from _compare_keyed(one, other, kind, steps, key, field)
            return
    if len(old) != len(new):
        yield Difference(Change.COUNT, steps, old, new, kind, field.pii)
        return
    if isinstance(kind.of, Scalar) and _are_the_same(old, new, kind.of):
        yield Difference(Change.ORDER, steps, old, new, kind, field.pii)
        return
    *before, last = steps
    for number, (inner, other_inner) in enumerate(zip(old, new, strict=True), 1):
        if inner != other_inner:
            place = (*before, Step(last.name, str(number)))
            yield from _compare(inner, other_inner, kind.of, place, field)


def _compare_keyed(
    old: dict[str, Node], new: dict[str, Node], kind: ListOf | Repeated, steps: Steps, key: Field, field: Field
) -> Iterator[Difference]:
    *before, last = steps
    for text in (*old, *(text for text in new if text not in old)):
        place = (*before, Step(last.name, text, key.pii))
        if old.get(text) != new.get(text):
            yield from _compare(old.get(text), new.get(text), kind.of, place, field)


def _key_of(kind: Scalar | Struct) -> Field | None:
    """The field by which the members of a list are told apart."""
    fields = kind.fields if isinstance(kind, Struct) else ()
    return next((field for field in fields if field.key), None)


def _keyed(nodes: list[Node], key: Field) -> dict[str, Node] | None:
    """The members by their key; None when one has none, or two have the same."""
    found: dict[str, Node] = {}
    for node in nodes:
        text = node.get(key.name) if isinstance(node, dict) else None
        if not isinstance(text, str) or not text.strip() or text.strip() in found:
            return None
        found[text.strip()] = node
    return found


def _are_the_same(old: list[Node], new: list[Node], kind: Scalar) -> bool:
    """Whether two lists of leaves have the same members, in whatever order."""

    def canonical(node: Node) -> str:
        text = node if isinstance(node, str) else repr(node)
        return kind.canonical(text) if _is_of(kind, text) else text.strip()

    return list(map(canonical, old)) != list(map(canonical, new)) and Counter(map(canonical, old)) == Counter(
        map(canonical, new)
    )


# --- what no table knows --------------------------------------------------------------------------------------------


def _members(text: Node | None) -> Node:
    """What ``#json`` holds, its leaves as text."""
    return _as_node(orjson.loads(text)) if isinstance(text, str) else _NOTHING


def _as_node(value: object) -> Node:
    if isinstance(value, dict):
        return {name: _as_node(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_as_node(inner) for inner in value]
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _compare_unknown(old: Node, new: Node, steps: Steps) -> Iterator[Difference]:
    """Both in xmltodict's notation, or JSON: nothing is known of what the values mean."""
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for name in (*old, *(name for name in new if name not in old)):
            yield from _compare_unknown_member(old.get(name), new.get(name), (*steps, Step(name)))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        *before, last = steps
        for number, (one, other) in enumerate(zip(old, new, strict=True), 1):
            yield from _compare_unknown(one, other, (*before, Step(last.name, str(number))))
    elif isinstance(old, list) and isinstance(new, list):
        yield Difference(Change.COUNT, steps, old, new)
    elif not (isinstance(old, str) and isinstance(new, str) and old.strip() == new.strip()):
        yield Difference(Change.VALUE if type(old) is type(new) else Change.TYPE, steps, old, new)


def _compare_unknown_member(old: Node | None, new: Node | None, steps: Steps) -> Iterator[Difference]:
    if is_empty(old) or is_empty(new):
        if not is_empty(old):
            yield Difference(Change.MISSING_FIELD, steps, old, None)
        elif not is_empty(new):
            yield Difference(Change.EXTRA_FIELD, steps, None, new)
    elif old is not None and new is not None:
        yield from _compare_unknown(old, new, steps)
