"""End tags that are missing from a document, put where its table or the next end tag says that elements end.

One pass over the tags of a text, as an editor would go through it: nothing is parsed and nothing but tags is touched.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from mws_compat.documents import ELEMENT_NAMES, DocumentKind
from mws_compat.errors import ReadError
from mws_compat.schema import Attributed, Kind, ListOf, Repeated, Scalar, Struct

__all__ = ["Repair", "balance"]


@dataclass(frozen=True, slots=True)
class Repair:
    """One thing done to a document. ``line`` counts from 1 in it; 0 where there is none to name."""

    line: int
    text: str


_ANY_TAG = re.compile(r"""<(/?)([^\W\d][\w.-]*+(?::[\w.-]++)?+)((?:[^<>"']|"[^"<]*+"|'[^'<]*+')*+)>""")
_MAX_DEPTH = 250
_MAX_EDITS = 2**17
_TOO_MANY = "nothing was recovered: too many tags are without their ends, or are no tags"


class _Open(NamedTuple):
    """An element whose end has not come. ``kind`` is None for one that no table knows."""

    name: str
    kind: Kind | None
    place: int


def balance(text: str, kind: DocumentKind, repairs: list[Repair]) -> str:
    """The text with every element ended where its table or the next end tag says that it ends. What the end of the
    text cuts short, a member or a value, is left out."""
    stack: list[_Open] = []
    edits: list[tuple[int, int, str]] = []
    place = 0
    last = text.rfind(">")
    line, counted = 1, 0

    def repair(words: str) -> None:
        nonlocal line, counted
        line += text.count("\n", counted, place)
        counted = place
        repairs.append(Repair(line, words))

    def end_above(level: int) -> None:
        ends = [f"</{element.name}>" for element in reversed(stack[level + 1 :])]
        for element in reversed(stack[level + 1 :]):
            repair(f"a missing {_shown(element.name, '</')} was put in")
        behind = place
        if isinstance(stack[-1].kind, Scalar):  # white space before the next tag is none of a value's
            behind = stack[-1].place + len(text[stack[-1].place : place].rstrip())
        edits.append((behind, behind, "".join(ends)))
        del stack[level + 1 :]

    while (place := text.find("<", place)) >= 0:
        closing = "-->" if text.startswith("<!--", place) else "?>" if text.startswith("<?", place) else ""
        if closing:
            end = text.find(closing, place + 2)
            if end < 0:
                break
            edits.append((place, end + len(closing), ""))
            place = end + len(closing)
            continue
        tag = _ANY_TAG.match(text, place)
        if tag is None:
            if last < place:
                break
            if text[place + 1] in " \t\r\n=<0123456789":
                repair("a bare < became &lt;")
                edits.append((place, place + 1, "&lt;"))
            if len(edits) > _MAX_EDITS:
                raise ReadError(_TOO_MANY)
            place += 1
            continue
        slash, name, rest = tag.groups()
        if slash:
            level = len(stack) - 1
            while level >= 0 and stack[level].name != name:
                level -= 1
            if level < 0:
                repair(f"{_shown(name, '</')}, which ends nothing, was left out")
                edits.append((place, tag.end(), ""))
            else:
                if level < len(stack) - 1:
                    end_above(level)
                stack.pop()
                if not stack:
                    place = tag.end()
                    break
        else:
            level, inner = _holder(stack, name) if stack else (-1, kind.root)
            if 0 <= level < len(stack) - 1:
                end_above(level)
            if not rest.endswith("/"):
                stack.append(_Open(name, inner, place))
            if len(stack) > _MAX_DEPTH or len(edits) > _MAX_EDITS:
                raise ReadError(_TOO_MANY)
        place = tag.end()
    if stack:
        cut = next((level for level, one in enumerate(stack) if _is_whole(one.kind, kind)), len(stack))
        if cut < len(stack):
            place = stack[cut].place
            repair(f"the last {_shown(stack[cut].name, '<')} is cut short; it is left out")
        elif place < 0:
            place = len(text)
        edits = [edit for edit in edits if edit[0] < place]
        ends = [f"</{element.name}>" for element in reversed(stack[:cut])]
        repair(f"the text ends before {_shown(stack[cut - 1].name, '</')}")
        edits.append((place, len(text), "".join(ends)))
    parts = []
    done = 0
    for start, end, put in edits:
        parts += [text[done:start], put]
        done = end
    return "".join(parts) + text[done:]


def _shown(name: str, before: str) -> str:
    """A tag for a report. A name that no table knows may be a value that got between angle brackets."""
    return f"{before}{name}>" if name.rpartition(":")[2] in ELEMENT_NAMES else "tag"


def _is_whole(one: Kind | None, kind: DocumentKind) -> bool:
    """Whether an element is worth nothing without its end: a member, a value."""
    return isinstance(one, Scalar) or (one is not None and one is kind.struct)


def _holder(stack: list[_Open], name: str) -> tuple[int, Kind | None]:
    """Which of the open elements a new one belongs into, and its kind. What is inside an element that no table knows
    stays there, and so does what none of them knows."""
    name = name.rpartition(":")[2]
    for level in range(len(stack) - 1, -1, -1):
        kind = stack[level].kind
        if kind is None:
            break
        inner = _children_of(kind).get(name)
        if inner is not None:
            return level, inner
    return len(stack) - 1, None


#: By the identity of the struct, as it is dear to hash.
_children: dict[int, tuple[Kind, dict[str, Kind]]] = {}


def _children_of(kind: Kind) -> dict[str, Kind]:
    """What may stand in an element of the kind, under every name that it has had."""
    if isinstance(kind, ListOf):
        return {kind.member: kind.of}
    if not isinstance(kind, Struct):
        return {}
    if id(kind) not in _children:
        known: dict[str, Kind] = {}
        for field in kind.fields:
            inner = field.kind.of if isinstance(field.kind, Repeated | Attributed) else field.kind
            known |= dict.fromkeys((field.name, field.name_2011, *field.aliases), inner)
        _children[id(kind)] = (kind, known)
    return _children[id(kind)][1]
