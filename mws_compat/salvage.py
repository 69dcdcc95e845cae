"""What can be saved of a document that is not well-formed, and a list of what was done to it.

Repairs are made where the meaning is beyond doubt (a bare ``&``, an HTML entity, a missing end tag that the next end
tag implies, an element that slipped into the list before it), each is listed, and nothing is guessed: a member that
is cut short is left out, and when nothing of a document can be trusted, it is not salvaged at all. A DOCTYPE is
refused here as everywhere. The result is well-formed XML, to be read as any other.
"""

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lxml import etree

from mws_compat.documents import DOCUMENTS, FRAGMENTS, DocumentKind
from mws_compat.errors import ReadError
from mws_compat.schema import Field, Struct

__all__ = ["MAX_SALVAGE_BYTES", "Repair", "Salvaged", "names_document", "salvage", "split_documents"]

#: Recovery needs the whole document at once.
MAX_SALVAGE_BYTES = 64 * 2**20
_MAX_REPAIRS = 200

_ROOTS = b"|".join(name.encode() for name in DOCUMENTS if name not in FRAGMENTS)
_START = re.compile(
    rb"(?:<\?xml[ \t\r\n][^<>]*\?>[ \t\r\n]*)?<(?:[A-Za-z_][\w.-]*:)?(?:%b)[ \t\r\n/>]|<\?xml[ \t\r\n]" % _ROOTS
)
_DECLARED = re.compile(rb"<\?xml[^<>]*?encoding[ \t\r\n]*=[ \t\r\n]*[\"']([A-Za-z0-9._-]+)")
_DECLARATION = re.compile(r"\s*<\?xml[^<>]*?\?>")
_AMPERSAND = re.compile(
    r"&(?!(?:amp|lt|gt|quot|apos);)(#[0-9]{1,7};|#x[0-9A-Fa-f]{1,6};|[A-Za-z][A-Za-z0-9]{0,31};)?"
)
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_TAG = re.compile(r"<[^<>]*>")
_ROOT = re.compile(rf"<((?:[A-Za-z_][\w.-]*:)?(?:{_ROOTS.decode()}))[\s/>]")


@dataclass(frozen=True, slots=True)
class Repair:
    """One thing done to a document. ``line`` counts from 1 in it; 0 where there is none to name."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Salvaged:
    """A well-formed document, and what was done for it to be one."""

    document: bytes
    repairs: tuple[Repair, ...]


def split_documents(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The stretches of any text in which a document begins, each up to the next, with the offset of each. What stands
    before the first is the first stretch if there is anything but white space in it."""
    starts = [match.start() for match in _START.finditer(data)]
    if not starts or data[: starts[0]].strip(b" \t\r\n\xef\xbb\xbf"):
        starts.insert(0, 0)
    for start, end in zip(starts, [*starts[1:], len(data)], strict=True):
        yield start, data[start:end]


def names_document(data: bytes) -> bool:
    """Whether anything here looks like the beginning of a document."""
    return bool(_START.search(data))


def salvage(data: bytes) -> Salvaged:
    """The document that ``data`` was meant to be. Raises ReadError when nothing of it can be trusted."""
    if len(data) > MAX_SALVAGE_BYTES:
        raise ReadError(f"recovery reads documents of up to {MAX_SALVAGE_BYTES // 2**20} MiB; this one is larger")
    if b"<!DOCTYPE" in data.replace(b"\0", b""):
        raise ReadError("a DOCTYPE is refused; remove it")
    repairs: list[Repair] = []
    text = _decode(data, repairs)
    text, rest = _cut(text)
    if rest:
        repairs.append(Repair(text.count("\n") + 1, f"{rest} characters after the document are left out"))
    text = _characters(text, repairs)
    text = _ampersands(text, repairs)
    root = _parse(text, repairs)
    name = etree.QName(root).localname
    kind = DOCUMENTS.get(name)
    if kind is None:
        raise ReadError(f"<{name}> is not the root of an MWS order document")
    _Placing(kind, root, text, repairs).run()
    lost = _letters(_TAG.sub(" ", _DECLARATION.sub("", text))) - _letters(" ".join(root.itertext()))
    if lost > 0:
        repairs.append(Repair(0, f"{lost} letters and digits of the text could not be placed and are lost"))
    document = etree.tostring(root, encoding="utf-8", xml_declaration=False)
    return Salvaged(document, tuple(repairs[:_MAX_REPAIRS]))


def _letters(text: str) -> int:
    return sum(map(str.isalnum, html.unescape(text)))


def _decode(data: bytes, repairs: list[Repair]) -> str:
    """The text in the encoding that it is in, whatever it declares."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    match = _DECLARED.search(data[:1024])
    declared = match[1].decode().lower() if match else "utf-8"
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode(declared)
    except (UnicodeDecodeError, LookupError) as error:
        line = data.count(b"\n", 0, error.start) + 1 if isinstance(error, UnicodeDecodeError) else 1
    for encoding in ("utf-8", "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        repairs.append(Repair(line, f"the document is not in {declared}, as declared or implied; read as {encoding}"))
        return text
    repairs.append(Repair(line, f"the document is not in {declared}; what cannot be read became U+FFFD"))
    return data.decode("utf-8", "replace")


def _cut(text: str) -> tuple[str, int]:
    """The text up to the end of its root element, if that can be seen, and how much stands behind it."""
    root = _ROOT.search(text)
    if root is None:
        return text, 0
    end = re.search(rf"</{re.escape(root[1])}\s*>", text)
    if end is None:
        return text, 0
    return text[: end.end()], len(text[end.end() :].strip())


def _each(
    pattern: re.Pattern[str], text: str, repairs: list[Repair], repair: Callable[[re.Match[str]], tuple[str, str]]
) -> str:
    """Replace every match by the first that ``repair`` gives, and list the second."""
    found: dict[str, list[int]] = {}

    def replace(match: re.Match[str]) -> str:
        written, words = repair(match)
        found.setdefault(words, []).append(match.start())
        return written

    repaired = pattern.sub(replace, text)
    found.pop("", None)
    for words, places in found.items():
        lines = [text.count("\n", 0, place) + 1 for place in places[:5]]
        more = f" and {len(places) - 5} more" if len(places) > 5 else ""
        listed = f" (lines {', '.join(map(str, lines))}{more})" if len(places) > 1 else ""
        repairs.append(Repair(lines[0], words + listed))
    return repaired


def _characters(text: str, repairs: list[Repair]) -> str:
    return _each(_ILLEGAL, text, repairs, lambda _: ("\ufffd", "a character that XML forbids became U+FFFD"))


def _ampersands(text: str, repairs: list[Repair]) -> str:
    """Ampersands that are no reference of XML, as what they were meant for."""

    def repair(match: re.Match[str]) -> tuple[str, str]:
        reference = match[1]
        if not reference:
            return "&amp;", "a bare & became &amp;"
        meant = html.unescape(f"&{reference}")
        if reference[0] == "#":
            if _ILLEGAL.search(meant) or meant == "\ufffd":
                return "\ufffd", "a reference to a character that XML forbids became U+FFFD"
            return match[0], ""
        if meant == f"&{reference}":
            return f"&amp;{reference}", "an unknown entity was kept as text"
        return meant, f"the HTML entity &{reference} became its character"

    return _each(_AMPERSAND, text, repairs, repair)


def _parse(text: str, repairs: list[Repair]) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        remove_blank_text=True,
        recover=True,
        encoding="utf-8",
    )
    data = _DECLARATION.sub("", text, count=1).encode()
    lines = text[: len(text) - len(_DECLARATION.sub("", text, count=1))].count("\n")
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise ReadError(f"nothing could be recovered: {error.msg}", line=error.position[0] + lines) from None
    if root is None:
        raise ReadError("nothing could be recovered: there is no element that can be trusted")
    if root.getroottree().docinfo.doctype:
        raise ReadError("a DOCTYPE is refused; remove it")
    repairs += [Repair(entry.line + lines, " ".join(entry.message.split())) for entry in parser.error_log]
    return root


class _Placing:
    """Puts elements where the table has them, drops what is cut short, and judges whether the rest is worth
    anything."""

    def __init__(self, kind: DocumentKind, root: etree._Element, text: str, repairs: list[Repair]) -> None:
        self._kind = kind
        self._root = root
        self._text = text
        self._repairs = repairs

    def run(self) -> None:
        self._lift(self._root, self._kind.root)
        if not self._kind.member:
            if not len(self._root):
                raise ReadError(f"nothing of <{self._kind.root.name}> could be recovered")
            return
        members = list(self._root.iter(f"{{*}}{self._kind.member}"))
        self._drop_cut_short(members)
        key = next((field.name for field in self._member_fields() if field.key), "")
        for member in members:
            if key and not any(
                etree.QName(child).localname == key and (child.text or "").strip() for child in member
            ):
                raise ReadError(
                    f"nothing was recovered: {self._kind.member} without {key}", line=member.sourceline or 0
                )
        if not members:
            raise ReadError(f"nothing was recovered: no whole {self._kind.member} was found")

    def _member_fields(self) -> tuple[Field, ...]:
        return self._kind.struct.fields if self._kind.struct else ()

    def _lift(self, element: etree._Element, struct: Struct) -> None:
        """An element that stands too deep, because an end tag before it is missing, goes up to the parent that the
        table knows it in."""
        path = [element]
        for name in self._kind.path:
            inner = next((child for child in path[-1] if etree.QName(child).localname == name), None)
            if inner is None:
                return
            path.append(inner)
        for level in range(len(path) - 1, 0, -1):
            listing = level == len(path) - 1
            known = {self._kind.member} if listing else _children_of(struct, self._kind.path[:level])
            for child in list(path[level]):
                name = etree.QName(child).localname
                if name in known:
                    if listing:
                        self._lift_members(child)
                    continue
                for outer in range(level - 1, -1, -1):
                    if name in _children_of(struct, self._kind.path[:outer]):
                        path[outer].append(child)
                        tags = etree.QName(path[level]).localname, etree.QName(path[outer]).localname
                        text = f"<{name}> was moved from <{tags[0]}> to <{tags[1]}>"
                        self._repairs.append(Repair(child.sourceline or 0, text))
                        break

    def _lift_members(self, member: etree._Element) -> None:
        """A member inside another: the outer one lacks its end tag."""
        place = member
        for inner in list(member.iter(f"{{*}}{self._kind.member}")):
            if inner is not member:
                place.addnext(inner)
                place = inner
                text = f"a <{self._kind.member}> inside another was moved behind it"
                self._repairs.append(Repair(inner.sourceline or 0, text))

    def _drop_cut_short(self, members: list[etree._Element]) -> None:
        """The last member, when the text ends inside it."""
        tag = self._kind.member
        last_end = max((match.end() for match in re.finditer(rf"</(?:[\w.-]+:)?{tag}\s*>", self._text)), default=0)
        if members and re.search(rf"<(?:[\w.-]+:)?{tag}[\s>]", self._text[last_end:]) and not self._ends():
            cut = members.pop()
            parent = cut.getparent()
            if parent is not None:
                parent.remove(cut)
            self._repairs.append(Repair(cut.sourceline or 0, f"the last <{tag}> is cut short; it is left out"))

    def _ends(self) -> bool:
        return bool(re.search(rf"</(?:[\w.-]+:)?{self._kind.root.name}\s*>\s*$", self._text))


def _children_of(struct: Struct, path: tuple[str, ...]) -> set[str]:
    """The names of the elements that the table knows at a path below a struct."""
    for name in path:
        inner = next((field.kind for field in struct.fields if field.name == name), None)
        if not isinstance(inner, Struct):
            return set()
        struct = inner
    return {field.name for field in struct.fields}
