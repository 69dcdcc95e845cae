"""The mapping tables read in both directions without loss: the engine of the converter.

``rows.py`` reads live payloads for the endpoint: it drops what old parsers must not see. Here nothing is dropped and
nothing refused. In JSON, three members carry what has no member of its own in a v0 object:

``#mws``      elements that MWS documented and v0 does not have (``TFMShipmentStatus``), as wire text
``#unknown``  what no table knows, as the record holds it (see ``mws_compat.schema``)

and in a record ``#json`` holds, as JSON text, the members of the object that no element carries. Its nesting is the
object's; where it reaches into an array, numbers stand for the places.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import cached_property
from typing import cast

from bridge.mapping.cells import OWN_CELL, VERBATIM, Cell, InexactError, Leaf, as_it_is, as_node, dump, put_back
from bridge.mapping.rows import Converter, JsonObject, MappingError, Omitted, Row, StructMap
from mws_compat.schema import (
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

__all__ = ["OWN", "ExactMap", "exact", "mirror"]

OWN = "#mws"


class ExactMap:
    """One struct and one kind of JSON object, both ways. ``rows`` cover the struct's fields; ``unused`` are members
    that are known to have no element."""

    def __init__(self, struct: Struct, rows: tuple[Row | Omitted, ...], unused: Iterable[str] = ()) -> None:
        self.struct = struct
        self.unused = frozenset(unused)
        self._table = rows

    # Made when they are first needed: most of those who import a table use a part of it.

    @cached_property
    def _rows(self) -> list[tuple[str, tuple[str, ...], "_Way"]]:
        fields = {field.name: field for field in self.struct.fields}
        rows = (row for row in self._table if isinstance(row, Row))
        return [(row.mws, tuple(row.source.split(".")), _way(row, fields[row.mws])) for row in rows]

    @cached_property
    def _own(self) -> frozenset[str]:
        return frozenset(row.mws for row in self._table if isinstance(row, Omitted))

    @cached_property
    def _ways(self) -> dict[str, "_Way"]:
        return {name: way for name, _, way in self._rows}

    @cached_property
    def _tree(self) -> dict[str, object]:
        """Names of members → names of elements, or the same again for a group of members."""
        tree: dict[str, object] = {}
        for name, path, _ in self._rows:
            branch = tree
            for step in path[:-1]:
                branch = cast("dict[str, object]", branch.setdefault(step, {}))
            branch[path[-1]] = name
        return tree

    # --- record to JSON ---

    def write(self, record: Record, leaf: Leaf) -> JsonObject:
        """The JSON object of a record, its members in the table's order. Raises MappingError when ``#json`` is not
        what ``read`` puts there."""
        out: JsonObject = {}
        for name, path, way in self._rows:
            node = record.get(name)
            if node is not None:
                target = out
                for step in path[:-1]:
                    target = cast("JsonObject", target.setdefault(step, {}))
                target[path[-1]] = way.write(node, leaf)
        own = {name: as_it_is(record[name], leaf, OWN_CELL) for name in record if name in self._own}
        if own:
            out[OWN] = own
        if UNKNOWN in record:
            out[UNKNOWN] = as_it_is(record[UNKNOWN], leaf, VERBATIM)
        if UNMAPPED in record:
            put_back(out, record[UNMAPPED])
        return out

    # --- JSON to record ---

    def read(self, source: JsonObject) -> Record:
        """The record of a JSON object. Members that no element carries stand in it as ``#json``; null and empty
        groups count as absent. Raises MappingError when ``#mws`` or ``#unknown`` are not what ``write`` puts there,
        and InexactError."""
        record, rest = self.take(source)
        if rest:
            record[UNMAPPED] = dump(rest)
        return record

    def take(self, source: JsonObject) -> tuple[Record, JsonObject]:
        """The record without ``#json``, and the members that no element carries."""
        record: Record = {}
        rest = self._walk(source, self._tree, record)
        own = rest.pop(OWN, None)
        if own is not None:
            if not isinstance(own, dict) or not self._own.issuperset(own):
                raise MappingError(f"only {', '.join(sorted(self._own)) or 'nothing'} may stand here", OWN)
            record.update({name: as_node(node, f"{OWN}.{name}") for name, node in own.items()})
        unknown = rest.pop(UNKNOWN, None)
        if unknown is not None:
            if not isinstance(unknown, dict):
                raise MappingError("object expected", UNKNOWN)
            record[UNKNOWN] = as_node(unknown, UNKNOWN)
        return record, rest

    def _walk(self, source: JsonObject, tree: Mapping[str, object], record: Record) -> JsonObject:
        rest: JsonObject = {}
        for name, value in source.items():
            branch = tree.get(name)
            if branch is None:
                rest[name] = value
            elif value is None:
                continue
            elif isinstance(branch, dict):
                if isinstance(value, dict):
                    try:
                        inner = self._walk(value, branch, record)
                    except MappingError as error:
                        raise error.inside(name) from None
                    if inner:
                        rest[name] = inner
                elif value != "":
                    rest[name] = value
            else:
                way = self._ways[cast("str", branch)]
                try:
                    node, left = way.read(value)
                except MappingError as error:
                    raise error.inside(name) from None
                if node is not None:
                    record[cast("str", branch)] = node
                if left is not None:
                    rest[name] = left
        return rest

    def choices(self) -> dict[str, Converter]:
        """The members, down to the leaves, whose text ``read`` may change, and what changes it."""
        found: dict[str, Converter] = {}
        for _, path, way in self._rows:
            inner = way.of if isinstance(way, _List) else way
            if isinstance(inner, _Struct):
                found |= inner.table.choices()
            elif isinstance(inner, _Leaf) and inner.convert is not None:
                found[path[-1]] = inner.convert
        return found


# --- one field, both ways -------------------------------------------------------------------------------------------


class _Leaf:
    """A scalar."""

    def __init__(self, kind: Scalar, row: Row) -> None:
        self._cell = Cell(kind, row.quoted, row.mws)
        self.convert = row.convert

    def write(self, node: Node, leaf: Leaf) -> object:
        return leaf(cast("str", node), self._cell)

    def read(self, value: object) -> tuple[Node | None, object]:
        """The wire text, or what cannot be one."""
        if isinstance(value, str):
            return (self.convert(value) if self.convert and value else value), None
        if isinstance(value, bool):
            return ("true" if value else "false"), None
        if isinstance(value, int):
            return str(value), None
        if isinstance(value, Decimal):
            return str(value), None
        if isinstance(value, float):
            raise InexactError(self._cell.name)
        return None, value


class _Struct:
    """A nested object."""

    def __init__(self, table: ExactMap) -> None:
        self.table = table

    def write(self, node: Node, leaf: Leaf) -> object:
        return self.table.write(cast("Record", node), leaf)

    def read(self, value: object) -> tuple[Node | None, object]:
        if isinstance(value, dict):
            record, rest = self.table.take(value)
            if UNKNOWN in record:
                raise MappingError("may stand only in an order or an item, not inside it", UNKNOWN)
            return record, rest or None
        return None, None if value == "" else value


class _List:
    """An array; ``member`` is the name under which MWS wrapped it, '' for none."""

    def __init__(self, member: str, of: "_Way") -> None:
        self._member = member
        self.of = of

    def write(self, node: Node, leaf: Leaf) -> object:
        return [self.of.write(inner, leaf) for inner in node]

    def read(self, value: object) -> tuple[Node | None, object]:
        source = value
        if self._member and isinstance(value, dict) and list(value) == [self._member]:
            value = value[self._member]  # still wrapped, as SP-API's first releases did
            value = value if isinstance(value, list) else [value]
        if not isinstance(value, list):
            return None, None if value in ("", {}) else value
        nodes: list[Node] = []
        rest: JsonObject = {}
        for inner in value:
            try:
                node, left = self.of.read(inner)
            except MappingError as error:
                raise error.inside(f"[{len(nodes)}]") from None
            if node is None:
                return None, source  # a list of other things than the table says: kept whole
            if left is not None:
                rest[str(len(nodes))] = left
            nodes.append(node)
        return nodes, rest or None


class _Amount:
    """A leaf with an attribute: an object of two texts."""

    def __init__(self, kind: Attributed) -> None:
        self._kind = kind
        self._text = Cell(kind.of, name=kind.text_key)
        self._leaf = _Leaf(kind.of, Row(kind.text_key, ""))

    def write(self, node: Node, leaf: Leaf) -> object:
        cells = {self._kind.text_key: self._text}
        return {
            name: leaf(cast("str", text), cells.get(name, VERBATIM)) for name, text in cast("Record", node).items()
        }

    def read(self, value: object) -> tuple[Node | None, object]:
        if isinstance(value, dict) and value.keys() == {f"@{self._kind.attribute}", "#text"}:  # as xmltodict has it
            value = {self._kind.attribute_key: value[f"@{self._kind.attribute}"], self._kind.text_key: value["#text"]}
        if not isinstance(value, dict) or not {self._kind.attribute_key, self._kind.text_key}.issuperset(value):
            return None, None if value == "" else value
        record: Record = {}
        for name, text in value.items():
            node, left = self._leaf.read(text)
            if left is not None:
                return None, value
            if node is not None:
                record[name] = node
        return record or None, None


_Way = _Leaf | _Struct | _List | _Amount


def _way(row: Row, field: Field) -> _Way:
    return _way_of(field.kind, row)


def _way_of(kind: Kind, row: Row) -> _Way:
    if isinstance(kind, Scalar):
        return _Leaf(kind, row)
    if isinstance(kind, Struct):
        return _Struct(exact(row.via) if row.via else mirror(kind))
    if isinstance(kind, ListOf):
        return _List(kind.member, _way_of(kind.of, row))
    if isinstance(kind, Repeated):
        return _List("", _way_of(kind.of, row))
    return _Amount(kind)


_maps: dict[int, tuple[object, ExactMap]] = {}


def exact(table: StructMap) -> ExactMap:
    """The lossless map of a mapping table; made once for each."""
    return _made(table, lambda: ExactMap(table.struct, table.rows, (row.source for row in table.unused)))


def mirror(struct: Struct) -> ExactMap:
    """The map of a struct to an object whose members are called as its elements: for what SP-API has no JSON of."""
    return _made(struct, lambda: ExactMap(struct, tuple(Row(field.name, field.name) for field in struct.fields)))


def _made(key: object, make: Callable[[], ExactMap]) -> ExactMap:
    known = _maps.get(id(key))
    if known is None:
        known = _maps[id(key)] = (key, make())
    return known[1]
