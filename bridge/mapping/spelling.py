"""Records of one spelling, so that two ways of writing the same can be compared."""

from collections.abc import Callable
from html import unescape
from typing import cast

from bridge.mapping.cells import Cell, Leaf
from bridge.mapping.rows import MappingError
from mws_compat.escape import escape_text
from mws_compat.schema import Kind, ListOf, Node, Record, Scalar, Struct

__all__ = ["Clean", "cleaner"]

#: A record and the type that JSON gives to its texts → its known elements in that spelling, without what is empty.
Clean = Callable[[Record, Leaf], Record]
_CleanNode = Callable[[Node, Leaf], Node]


def cleaner(struct: Struct) -> Clean:
    """What brings records of ``struct`` to one spelling. It raises MappingError for a record of another shape. Made
    once, used for every order."""
    nodes = [(field.name, _node_cleaner(field.kind, field.name)) for field in struct.fields]

    def clean(record: Record, leaf: Leaf) -> Record:
        return {
            name: node for name, clean_node in nodes if name in record and (node := clean_node(record[name], leaf))
        }

    return clean


def _node_cleaner(kind: Kind, name: str) -> _CleanNode:
    if isinstance(kind, Scalar):
        cell = Cell(kind, quoted=True, name=name)

        def clean_text(node: Node, leaf: Leaf) -> Node:
            if not isinstance(node, str):
                raise _misshapen(name)
            return _as_xml_has_it(cast("str", leaf(node, cell)))

        return clean_text
    if isinstance(kind, Struct):
        clean = cleaner(kind)

        def clean_record(node: Node, leaf: Leaf) -> Node:
            if not isinstance(node, dict):
                raise _misshapen(name)
            return clean(node, leaf)

        return clean_record
    if isinstance(kind, ListOf):
        clean_member = _node_cleaner(kind.of, name)

        def clean_list(node: Node, leaf: Leaf) -> Node:
            if not isinstance(node, list):
                raise _misshapen(name)
            return [clean_member(inner, leaf) for inner in node]

        return clean_list
    raise TypeError(f"{name}: envelopes are not converted as a whole")  # the table's fault, not the input's


def _misshapen(name: str) -> MappingError:
    return MappingError("not of the element's shape", name)


def _as_xml_has_it(text: str) -> str:
    """The text that comes back from XML."""
    return text if text.isprintable() else unescape(escape_text(text))
