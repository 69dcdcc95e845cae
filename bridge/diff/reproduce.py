"""The smallest pair of documents that shows a difference: what a person attaches to a report of a fault."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from pathlib import Path

import orjson

from bridge.diff.differences import Change, Step
from bridge.diff.pseudonyms import with_pseudonyms
from bridge.diff.records import compare_records
from bridge.mapping.documents_v0 import MEMBER_MAPS
from bridge.offline.records import render
from mws_compat.schema import UNKNOWN, UNMAPPED, Kind, ListOf, Node, Record, Repeated, Struct

__all__ = ["reproduce", "shrink"]

_NAMES = ("old.xml", "new.xml")
#: What a record is known by although the table does not call it a key: an item's order, a message.
_KEPT = frozenset({"AmazonOrderId", "AmazonOrderID", "MessageID"})

_Differences = set[tuple[Change, tuple[Step, ...]]]


def reproduce(
    record_path: str, old: Record, new: Record, struct: Struct, directory: Path, *, show_pii: bool = False
) -> list[Path]:
    """Write ``old.xml`` and ``new.xml`` into a directory, which is made when it is not there: MWS XML of the two
    records with no more in them than it takes to show their differences. Returns the two paths.

    Personal data, and what no table knows, is masked unless ``show_pii``; values that differ still do. Raises
    ValueError when the records, which ``record_path`` names, do not differ or cannot be written, FileExistsError when
    a file is there already, OSError. Either both files appear, each of them whole, or none.
    """
    if all(struct is not table.struct for table in MEMBER_MAPS.values()):
        raise ValueError(f"{record_path}: only orders, items and messages can be reproduced")
    old, new = shrink(old, new, struct)
    if not _differences(old, new, struct):
        raise ValueError(f"{record_path}: there is no difference to reproduce")
    if not show_pii:
        old, new = with_pseudonyms(old, new, struct)
    documents = [b"".join(render([record])) for record in (old, new)]
    directory.mkdir(parents=True, exist_ok=True)
    finals = [directory / name for name in _NAMES]
    for final in finals:
        if final.exists():
            raise _already_there(final)
    published: list[Path] = []
    try:
        for final, document in zip(finals, documents, strict=True):
            _publish(final, document, mode=0o600 if show_pii else 0o666)
            published.append(final)
    except BaseException:
        for path in published:
            path.unlink(missing_ok=True)
        raise
    return finals


def _already_there(path: Path) -> FileExistsError:
    return FileExistsError(errno.EEXIST, "is there already; choose another directory", str(path))


def _publish(final: Path, document: bytes, *, mode: int) -> None:
    """Write a file that appears whole, and never in the place of another."""
    part = final.with_name(f".{final.name}.{os.urandom(8).hex()}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(document)
        try:
            os.link(part, final)  # a rename would replace what somebody else has put there by now
        except FileExistsError:
            raise _already_there(final) from None
    finally:
        with suppress(OSError):
            part.unlink()


# --- less and less --------------------------------------------------------------------------------------------------


def shrink(old: Record, new: Record, struct: Struct) -> tuple[Record, Record]:
    """Two records with the differences of those given and, but for what identifies them, nothing else that can be
    left out. The records given stay as they are."""
    pair = deepcopy(old), deepcopy(new)
    differences = _differences(*pair, struct)
    _shrink_records(*pair, struct, lambda: _differences(*pair, struct) == differences)
    return pair


def _differences(old: Record, new: Record, struct: Struct) -> _Differences:
    """What differs and where: of a value that differs nothing is ever left out, so that it stays the same."""
    return {(found.change, found.steps) for found in compare_records(old, new, struct, ())}


def _shrink_records(old: Record, new: Record, struct: Struct | None, still: Callable[[], bool]) -> None:
    """Leave out of both what can be left out while ``still``; what cannot be is shrunk itself. Of what no table knows
    (no ``struct``) names are all there is to go by."""
    fields = {field.name: field for field in struct.fields} if struct is not None else {}
    names = [UNKNOWN, *dict.fromkeys([*old, *new])]  # it first: while it is there it speaks of the others
    for name in dict.fromkeys(names):
        field = fields.get(name)
        if name in _KEPT or (field is not None and field.key) or _is_spoken_of(name, old, new):
            continue
        if (name not in old and name not in new) or _without(name, old, new, still):
            continue
        if name == UNMAPPED:
            _shrink_members(old, new, still)
        else:
            kind = field.kind if field is not None else None
            _shrink_nodes(old.get(name), new.get(name), kind, still)


def _is_spoken_of(name: str, old: Record, new: Record) -> bool:
    """Whether what no table knows belongs to this element: an attribute of it, or something inside."""
    return any(isinstance(unknown := side.get(UNKNOWN), dict) and name in unknown for side in (old, new))


def _without(name: str, old: Record, new: Record, still: Callable[[], bool]) -> bool:
    """Leave an element out of both; whether that could be done."""
    before = [(side, dict(side)) for side in (old, new)]
    for side in (old, new):
        side.pop(name, None)
    if still():
        return True
    for side, had in before:  # with its elements in their order
        side.clear()
        side.update(had)
    return False


def _shrink_members(old: Record, new: Record, still: Callable[[], bool]) -> None:
    """The same for the JSON that no element carries."""
    texts = old.get(UNMAPPED), new.get(UNMAPPED)
    members = [orjson.loads(text) for text in texts if isinstance(text, str)]
    if len(members) != len(texts) or not all(isinstance(found, dict) for found in members):
        return

    def put() -> bool:
        for side, found in zip((old, new), members, strict=True):
            side[UNMAPPED] = orjson.dumps(found).decode()
        return still()

    _shrink_records(members[0], members[1], None, put)
    put()


def _shrink_nodes(old: Node | None, new: Node | None, kind: Kind | None, still: Callable[[], bool]) -> None:
    if isinstance(old, dict) and isinstance(new, dict):
        _shrink_records(old, new, kind if isinstance(kind, Struct) else None, still)
    elif isinstance(old, list) and isinstance(new, list) and isinstance(kind, ListOf | Repeated):
        of = kind.of if isinstance(kind.of, Struct) else None
        key = next((field.name for field in of.fields if field.key), "") if of is not None else ""
        for one, other in reversed(list(_alike(old, new, key))):
            if not key and len(old) != len(new) and old[one] != new[other]:
                continue  # only their number is compared: what else they say would be lost unseen
            if not _without_member(old, new, one, other, still):
                _shrink_nodes(old[one], new[other], of, still)


def _alike(old: list[Node], new: list[Node], key: str) -> Iterator[tuple[int, int]]:
    """The places of members that are compared with each other: by their key, or else by their number."""
    if not key:
        yield from ((number, number) for number in range(min(len(old), len(new))))
        return
    places = {node.get(key): place for place, node in enumerate(new) if isinstance(node, dict)}
    for place, node in enumerate(old):
        if isinstance(node, dict) and node.get(key) in places:
            yield place, places[node.get(key)]


def _without_member(old: list[Node], new: list[Node], one: int, other: int, still: Callable[[], bool]) -> bool:
    nodes = old.pop(one), new.pop(other)
    if still():
        return True
    old.insert(one, nodes[0])
    new.insert(other, nodes[1])
    return False
