"""Records to MWS XML, byte for byte as MWS laid it out: two-space indent, no blank line, newline at the end.

An order is written by its *shape*: the keys of its record and of everything nested in it. The first record of a shape
builds a ``%``-template from the table, in schema order; every later one is one lookup, one check whether any of its
values needs escaping, and one ``%``. Orders come in a few hundred shapes, so nearly all take the short way. It is one
code path for all of them: nothing is assumed of a value except that it is text.
"""

from collections.abc import Callable, Iterator
from itertools import count
from operator import itemgetter

from mws_compat.documents import UNMAPPED_NAME, UNMAPPED_NAMESPACE
from mws_compat.errors import Fault
from mws_compat.escape import escape_all, escape_text
from mws_compat.orders import LATEST_VERSION, MEMBER_STRUCTS, Operation
from mws_compat.overlay import write_element
from mws_compat.schema import TEXT, UNKNOWN, UNMAPPED, Field, ListOf, Node, Record, Scalar, Struct

__all__ = [
    "CONTENT_TYPE",
    "DEFAULT_NAMESPACE",
    "LastingRecord",
    "MemberWriter",
    "render_error",
    "render_ping",
    "render_response",
]

#: Bare, without charset, as MWS sent it; boto insists on the beginning.
CONTENT_TYPE = "text/xml"
#: The namespace of an error whose request could not be mapped to a section.
DEFAULT_NAMESPACE = "https://mws.amazonservices.com/"

_DECLARATION = '<?xml version="1.0"?>\n'
#: Shapes remembered for one struct; past it the memory starts anew, so that odd input cannot fill it for ever.
_MAX_SHAPES = 4096

#: What no element carries is written last, as a leaf of our own.
_UNMAPPED = Field(UNMAPPED, TEXT)

Keys = list[object]
Values = list[str]
#: Takes a nested node apart: appends its shape to the keys and its texts to the values.
Flatten = Callable[[Node, Keys, Values], None]
Pick = Callable[[Values], tuple[str, ...]]


def _flatten_struct(struct: Struct) -> Flatten:
    nested_fields = {UNMAPPED: None} | {field.name: _flatten_field(field) for field in struct.fields}
    nested_of: dict[tuple[str, ...], list[tuple[int, Flatten]]] = {}

    def flatten(node: Node, keys: Keys, values: Values) -> None:
        if not isinstance(node, dict):
            raise TypeError(f"{struct.name} must be a record, not {type(node).__name__}")
        shape = tuple(node)
        keys.append(shape)
        nested = nested_of.get(shape)
        if nested is None:
            nested = _places(struct, shape, nested_fields)
            if len(nested_of) >= _MAX_SHAPES:
                nested_of.clear()
            nested_of[shape] = nested
        if not nested:
            values += node.values()  # type: ignore[arg-type]  # leaves only: texts, or join() refuses them
            return
        row: list[Node] = list(node.values())
        start = 0
        for place, flatten_nested in nested:
            values += row[start:place]  # type: ignore[arg-type]
            flatten_nested(row[place], keys, values)
            start = place + 1
        values += row[start:]  # type: ignore[arg-type]

    return flatten


def _places(
    struct: Struct, shape: tuple[str, ...], nested_fields: dict[str, Flatten | None]
) -> list[tuple[int, Flatten]]:
    for name in shape:
        if name not in nested_fields:
            raise ValueError(f"{struct.name} has no element {name!r}")
    found = ((place, nested_fields[name]) for place, name in enumerate(shape))
    return [(place, flatten) for place, flatten in found if flatten is not None]


def _flatten_field(field: Field) -> Flatten | None:
    """None for a leaf."""
    if isinstance(field.kind, Scalar):
        return None
    if isinstance(field.kind, Struct):
        return _flatten_struct(field.kind)
    if not isinstance(field.kind, ListOf):
        raise TypeError(f"{field.name}: envelopes are not written by shape")  # the table's fault, not the input's
    member = field.kind.member
    flatten_member = None if isinstance(field.kind.of, Scalar) else _flatten_struct(field.kind.of)

    def flatten_list(node: Node, keys: Keys, values: Values) -> None:
        if not isinstance(node, list):
            raise TypeError(f"{field.name} must be a list, not {type(node).__name__}")
        keys.append(len(node))
        if flatten_member is None:
            values += node  # type: ignore[arg-type]
            return
        for item in node:
            if not isinstance(item, dict):
                raise TypeError(f"{member} must be a record, not {type(item).__name__}")
            flatten_member(item, keys, values)

    return flatten_list


class _StructWriter:
    """Writes the children of one struct at one depth of indentation, in one API version."""

    def __init__(self, struct: Struct, depth: int, version: str) -> None:
        self._struct = struct
        self._depth = depth
        self._version = version
        self._flatten = _flatten_struct(struct)
        self._plans: dict[tuple[object, ...], tuple[str, Pick]] = {}

    def __call__(self, record: Record) -> str:
        keys: Keys = []
        values: Values = []
        self._flatten(record, keys, values)
        texts = escape_all(values)  # before a plan is made: what holds anything but text must not be remembered
        shape = tuple(keys)
        plan = self._plans.get(shape)
        if plan is None:
            plan = self._remember(shape, record)
        template, pick = plan
        return template % pick(texts)

    def _remember(self, shape: tuple[object, ...], record: Record) -> tuple[str, Pick]:
        template, order = self._template(self._struct, record, self._depth, count())
        if order == sorted(order):
            pick: Pick = tuple
        else:
            pick = itemgetter(*order)
        if len(self._plans) >= _MAX_SHAPES:
            self._plans.clear()
        plan = self._plans[shape] = (template, pick)
        return plan

    def _template(self, struct: Struct, record: Record, depth: int, place: Iterator[int]) -> tuple[str, list[int]]:
        """The template of a record's children in schema order, and which of the flattened values goes where.
        ``place`` counts the values in the order in which flattening takes them: that of the record."""
        fields = {field.name: (position, field) for position, field in enumerate((*struct.fields, _UNMAPPED))}
        parts = sorted(
            (fields[name][0], *self._element(fields[name][1], node, depth, place)) for name, node in record.items()
        )
        return "".join(text for _, text, _ in parts), [number for _, _, order in parts for number in order]

    def _element(self, field: Field, node: Node, depth: int, place: Iterator[int]) -> tuple[str, list[int]]:
        indent = "  " * depth
        name = field.name_in(self._version)
        if field is _UNMAPPED:
            start = f'<{UNMAPPED_NAME} xmlns="{UNMAPPED_NAMESPACE}">'
            return f"{indent}{start}%s</{UNMAPPED_NAME}>\n", [next(place)]
        if isinstance(node, str):
            return f"{indent}<{name}>%s</{name}>\n", [next(place)]
        if not node:
            return f"{indent}<{name}/>\n", []
        if isinstance(node, dict):
            assert isinstance(field.kind, Struct)  # noqa: S101 - flattening has checked it
            text, order = self._template(field.kind, node, depth + 1, place)
        else:
            assert isinstance(field.kind, ListOf)  # noqa: S101 - flattening has checked it
            member = Field(field.kind.member, field.kind.of)
            parts = [self._element(member, item, depth + 1, place) for item in node]
            text, order = "".join(part for part, _ in parts), [number for _, numbers in parts for number in numbers]
        return f"{indent}<{name}>\n{text}{indent}</{name}>\n", order


class LastingRecord(dict[str, Node]):
    """A record of an order or item that is written again and again, and never changed: it remembers what came of it,
    for as long as it lives itself. Equal to, and usable as, any other record."""

    __slots__ = ("_written",)

    def __init__(self, record: Record) -> None:
        super().__init__(record)
        self._written: dict[object, str] = {}

    def __repr__(self) -> str:
        return f"<LastingRecord of {len(self)} elements>"  # they are personal

    def written_by(self, writer: "MemberWriter") -> str:
        """What ``writer`` makes of it. Raises what that raises."""
        text = self._written.get(writer)
        if text is None:
            text = self._written[writer] = writer.write(self)
        return text


class MemberWriter:
    """Writes one order or item with its tags, at ``depth``: by shape, or element by element where the record holds
    what the table does not know."""

    def __init__(self, struct: Struct, name: str, depth: int, version: str) -> None:
        self._struct = struct
        self._name = name
        self._depth = depth
        self._version = version
        indent = "  " * depth
        self._head, self._tail = f"{indent}<{name}>\n", f"{indent}</{name}>\n"
        # Messages of envelopes have no shapes: what is repeated in them would make one of nearly every message.
        shaped = any(struct is member for member in MEMBER_STRUCTS)
        self._write = _StructWriter(struct, depth + 1, version) if shaped else None

    def __call__(self, record: Record) -> str:
        """The text of a record; of a lasting one, what it remembers."""
        return record.written_by(self) if type(record) is LastingRecord else self.write(record)

    def write(self, record: Record) -> str:
        """The text of a record. Raises ValueError and TypeError as ``render_response`` does."""
        plain = isinstance(record, dict) and record and UNKNOWN not in record  # type: ignore[redundant-expr]
        if self._write is None or not plain:  # what is no record at all is refused there, too
            return write_element(self._name, self._struct, record, depth=self._depth, version=self._version)
        return f"{self._head}{self._write(record)}{self._tail}"


class _ResultWriter:
    """Writes an operation's result. The list that the operation is about, if it has one, comes last, member by
    member: a shape made of a hundred orders would never be met again. What stands before it are single texts."""

    def __init__(self, operation: Operation, version: str) -> None:
        *others, last = operation.result.fields
        self._list = last if isinstance(last.kind, ListOf) and last.kind.of in MEMBER_STRUCTS else None
        if self._list is None:
            self._write_whole = _StructWriter(operation.result, 2, version)
            return
        assert isinstance(last.kind, ListOf)  # noqa: S101 - tested three lines above
        assert isinstance(last.kind.of, Struct)  # noqa: S101
        assert all(isinstance(field.kind, Scalar) for field in others)  # noqa: S101 - or the tables are wrong
        self._name = operation.result.name
        self._leaves = [(field.name, field.name_in(version)) for field in others]
        self._known = {field.name for field in operation.result.fields}
        self._write_member = MemberWriter(last.kind.of, last.kind.member, 3, version)

    def __call__(self, result: Record) -> str:
        if self._list is None:
            return self._write_whole(result)
        if not result.keys() <= self._known:
            raise ValueError(f"{self._name} has no element {min(result.keys() - self._known)!r}")
        text = ""
        for name, tag in self._leaves:
            if name in result:
                text += f"    <{tag}>{escape_text(result[name])}</{tag}>\n"  # type: ignore[arg-type]  # refuses no text
        name = self._list.name
        if name not in result:
            return text
        members = result[name]
        if not isinstance(members, list):
            raise TypeError(f"{name} must be a list, not {type(members).__name__}")
        if not members:
            return f"{text}    <{name}/>\n"
        written = "".join([self._write_member(member) for member in members])  # type: ignore[arg-type]
        return f"{text}    <{name}>\n{written}    </{name}>\n"


_writers: dict[tuple[str, str], _ResultWriter] = {}


def render_response(
    operation: Operation, result: Record, *, namespace: str, request_id: str, version: str = LATEST_VERSION
) -> bytes:
    """The envelope of a successful answer, UTF-8.

    ``result`` is a record of ``operation.result``: every leaf text, absent elements absent. ``version`` decides the
    spelling of the few elements that 2011-01-01 called otherwise. Raises ValueError for an element that the table
    does not know and TypeError for a value that is not text, record or list as the table says.
    """
    key = (operation.name, version)
    writer = _writers.get(key)
    if writer is None:
        writer = _writers[key] = _ResultWriter(operation, version)
    action = operation.name
    body = (
        f'{_DECLARATION}<{action}Response xmlns="{namespace}">\n'
        f"  <{action}Result>\n{writer(result)}  </{action}Result>\n"
        f"  <ResponseMetadata>\n    <RequestId>{request_id}</RequestId>\n  </ResponseMetadata>\n"
        f"</{action}Response>\n"
    )
    return body.encode()


def render_error(fault: Fault, message: str, *, request_id: str, namespace: str = DEFAULT_NAMESPACE) -> bytes:
    """The error document of ``fault`` with ``message``, its request id spelled as that class of fault spelled it."""
    body = (
        f'{_DECLARATION}<ErrorResponse xmlns="{namespace}">\n'
        f"  <Error>\n"
        f"    <Type>{fault.type}</Type>\n"
        f"    <Code>{fault.code}</Code>\n"
        f"    <Message>{escape_text(message)}</Message>\n"
        f"  </Error>\n"
        f"  <{fault.id_element}>{request_id}</{fault.id_element}>\n"
        f"</ErrorResponse>\n"
    )
    return body.encode()


def render_ping(timestamp: str) -> bytes:
    """The clock that ``GET /`` without parameters showed: ``<PingResponse><Timestamp timestamp="…"/>``."""
    return f'{_DECLARATION}<PingResponse>\n  <Timestamp timestamp="{timestamp}"/>\n</PingResponse>\n'.encode()
