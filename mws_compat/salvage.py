"""What can be saved of a document that is not well-formed, and a list of what was done to it.

Repairs are made where the meaning is beyond doubt (a bare ``&``, an HTML entity, a missing end tag that the next end
tag implies, an element that slipped into the list before it), each is listed, and nothing is guessed: a member that
is cut short is left out, and when nothing of a document can be trusted, it is not salvaged at all. A DOCTYPE is
refused here as everywhere. The result is well-formed XML, to be read as any other.
"""

import codecs
import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lxml import etree

from mws_compat.balance import Repair, balance
from mws_compat.documents import DOCUMENTS, ELEMENT_NAMES, FRAGMENTS, DocumentKind
from mws_compat.errors import ReadError

__all__ = [
    "MAX_SALVAGE_BYTES",
    "Salvaged",
    "as_utf8",
    "end_of_document",
    "names_document",
    "salvage",
    "split_documents",
]

#: Recovery needs the whole document at once.
MAX_SALVAGE_BYTES = 64 * 2**20
_MAX_REPAIRS = 200
#: With more characters to repair than this, it is not a damaged document but something else.
_MAX_DAMAGE = 2**20


_ROOTS = b"|".join(name.encode() for name in DOCUMENTS if name not in FRAGMENTS)
_START = re.compile(
    rb"(?:<\?xml[ \t\r\n][^<>]*\?>(?:[ \t\r\n]|<!--(?:[^-]|-(?!->))*+-->)*+)?<(?:[A-Za-z_][\w.-]*:)?(?:%b)[ \t\r\n/>]"
    rb"|<\?xml[ \t\r\n]" % _ROOTS
)
_DECLARED = re.compile(rb"<\?xml[^<>]*?encoding[ \t\r\n]*=[ \t\r\n]*[\"']([A-Za-z0-9._-]+)")
#: How UTF-16 begins, with its mark or without.
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")
_DECLARED_WIDE = re.compile(r"(<\?xml[^<>]*?)[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:\"[^<>\"]*\"|'[^<>']*')")
_DECLARATION = re.compile(r"<\?xml\s[^<>]*\?>")
_PROLOGUE = re.compile(r"\s+|<!--.*?-->|<\?.*?\?>", re.DOTALL)
#: Encodings that documents of those years were declared to be in. All have ASCII's markup but UTF-16, which is known
#: by its mark: without one, whatever can be read as a declaration is not in it.
_CODECS = re.compile(r"utf-8(?:-sig)?|ascii|iso8859-\d+|cp125\d|cp932|cp949|koi8-r|euc_.*|shift_jis|gb.*|big5")
_AMPERSAND = re.compile(
    r"<!\[CDATA\[(.*?)\]\]>|&(?!(?:amp|lt|gt|quot|apos);)(#[0-9]{1,40};|#x[0-9A-Fa-f]{1,40};|[A-Za-z][A-Za-z0-9]{0,31};)?",
    re.DOTALL,
)
_NAMESPACE = re.compile(r"""(\sxmlns(?::[\w.-]+)?\s*=\s*)("[^"<>]*"|'[^'<>]*')""")
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(r"&(#[0-9]{1,40};|#x[0-9A-Fa-f]{1,40};)")
_TAG = re.compile(r"<[^<>]*>")
_ROOT = re.compile(rf"<((?:[A-Za-z_][\w.-]*:)?(?:{_ROOTS.decode()}))[\s/>]")


@dataclass(frozen=True, slots=True)
class Salvaged:
    """A well-formed document, and what was done for it to be one."""

    document: bytes
    repairs: tuple[Repair, ...]


def as_utf8(data: bytes) -> Salvaged:
    """UTF-16 as UTF-8 that declares no encoding, line for line; anything else as it is."""
    if not data.startswith(_WIDE):
        return Salvaged(data, ())
    repairs: list[Repair] = []
    return Salvaged(_DECLARED_WIDE.sub(r"\1", _decode(data, repairs)).encode(), tuple(repairs))


def split_documents(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The stretches of any text in which a document begins, each up to the next, with the offset of each. What stands
    before the first is the first stretch if there is anything but white space in it."""
    starts = [match.start() for match in _START.finditer(data)]
    if not starts or data[: starts[0]].strip(b" \t\r\n\xef\xbb\xbf"):
        starts.insert(0, 0)
    for start, end in zip(starts, [*starts[1:], len(data)], strict=True):
        yield start, data[start:end]


def end_of_document(data: bytes) -> int:
    """Where the first document in any text ends, by its end tag; 0 where none is seen."""
    end = re.search(rb"</(?:[A-Za-z_][\w.-]*:)?(?:%b)[ \t\r\n]*>" % _ROOTS, data)
    return end.end() if end else 0


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
    text = _cut(_decode(data, repairs), repairs)
    text = _characters(text, repairs)
    text = _ampersands(text, repairs)
    begun = _ROOT.match(text.lstrip("\n"))
    if begun is None:
        raise ReadError("nothing could be recovered: no document of MWS begins here")
    kind = DOCUMENTS[begun[1].rpartition(":")[2]]
    balanced = balance(_namespaces(text, repairs), kind, repairs)
    root = _parse(balanced.encode(), _parser(recover=True), repairs)
    _unname(root)
    _judge(kind, root)
    plain = _REFERENCE.sub(lambda match: _character(match[1]), _TAG.sub(" ", balanced))
    for name, character in (("lt", "<"), ("gt", ">"), ("quot", '"'), ("apos", "'"), ("amp", "&")):
        plain = plain.replace(f"&{name};", character)
    lost = _letters(plain) - sum(map(_letters, root.itertext()))
    if lost > 0:
        repairs.append(Repair(0, f"{lost} letters and digits of the text could not be placed and are lost"))
    document = etree.tostring(root, encoding="utf-8", xml_declaration=False)
    _parse(document, _parser(recover=False), [])  # what libxml2 recovers, it does not always find well-formed itself
    return Salvaged(document, tuple(repairs[:_MAX_REPAIRS]))


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))


def _decode(data: bytes, repairs: list[Repair]) -> str:
    """The text in the encoding that it is in, whatever it declares."""
    if data.startswith(_WIDE):
        unmarked = {b"<\0": "utf-16-le", b"\0<": "utf-16-be"}
        text = data.decode(unmarked.get(data[:2], "utf-16"), "replace")
        if "\ufffd" in text:
            line = text.count("\n", 0, text.index("\ufffd")) + 1
            repairs.append(Repair(line, "the document is not in utf-16; what cannot be read became U+FFFD"))
        return text
    match = _DECLARED.search(data[:1024])
    declared = match[1].decode().lower() if match else "utf-8"
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        if _CODECS.fullmatch(codecs.lookup(declared).name):
            return data.decode(declared)
        line = 1
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


def _cut(text: str, repairs: list[Repair]) -> str:
    """The text of the root element, as far as its ends can be seen, on the lines where it stands; what is around it
    is listed. Comments and instructions before it are not worth a word."""
    root = _ROOT.search(text)
    if root is None:
        return _DECLARATION.sub("", text, count=1)
    end = re.compile(rf"</{re.escape(root[1])}\s*>").search(text, root.end())
    after = len(text[end.end() :].strip()) if end else 0
    before = len(_PROLOGUE.sub("", text[: root.start()]))
    if before:
        repairs.append(Repair(1, f"{before} characters before the document are left out"))
    if after and end:
        line = text.count("\n", 0, end.end()) + 1
        repairs.append(Repair(line, f"{after} characters after the document are left out"))
    return "\n" * text.count("\n", 0, root.start()) + text[root.start() : end.end() if end else None]


def _each(
    pattern: re.Pattern[str], text: str, repairs: list[Repair], repair: Callable[[re.Match[str]], tuple[str, str]]
) -> str:
    """Replace every match by the first that ``repair`` gives, and list the second."""
    found: dict[str, list[int]] = {}
    line, place, count = 1, 0, 0

    def replace(match: re.Match[str]) -> str:
        nonlocal line, place, count
        written, words = repair(match)
        if words:
            count += 1
            if count > _MAX_DAMAGE:
                raise ReadError(f"more than {_MAX_DAMAGE} characters would have to be repaired: this is no document")
            line += text.count("\n", place, match.start())
            place = match.start()
            found.setdefault(words, []).append(line)
        return written

    repaired = pattern.sub(replace, text)
    for words, lines in found.items():
        more = f" and {len(lines) - 5} more" if len(lines) > 5 else ""
        listed = f" (lines {', '.join(map(str, lines[:5]))}{more})" if len(lines) > 1 else ""
        repairs.append(Repair(lines[0], words + listed))
    return repaired


def _characters(text: str, repairs: list[Repair]) -> str:
    return _each(_ILLEGAL, text, repairs, lambda _: ("\ufffd", "a character that XML forbids became U+FFFD"))


def _ampersands(text: str, repairs: list[Repair]) -> str:
    """Ampersands that are no reference of XML, as what they were meant for; and CDATA as plain text, in which an
    ampersand is one."""
    begun = text.find("<![CDATA[", text.rfind("]]>") + 1)
    if begun >= 0:
        line = text.count("\n", 0, begun) + 1
        repairs.append(Repair(line, f"{len(text) - begun} characters of a section without its end are left out"))
        text = text[:begun]

    def repair(match: re.Match[str]) -> tuple[str, str]:
        cdata, reference = match.groups()
        if cdata is not None:
            return html.escape(cdata, quote=False), ""
        if not reference:
            return "&amp;", "a bare & became &amp;"
        if reference[0] == "#":
            if not _character(reference):
                return "\ufffd", "a reference to a character that XML forbids became U+FFFD"
            return match[0], ""
        meant = html.unescape(f"&{reference}")
        if meant == f"&{reference}":
            return f"&amp;{reference}", "an unknown entity was kept as text"
        return meant, f"the HTML entity &{reference} became its character"

    return _each(_AMPERSAND, text, repairs, repair)


def _character(reference: str) -> str:
    """What a reference such as ``#38;`` or ``#x26;`` stands for, '' when XML has no such character."""
    number = int(reference[2:-1], 16) if reference[1] == "x" else int(reference[1:-1])
    character = chr(number) if number <= 0x10FFFF else "\0"
    return "" if _ILLEGAL.match(character) else character


def _namespaces(text: str, repairs: list[Repair]) -> str:
    """The text without the white space that broke the namespaces of its root."""

    def repair(match: re.Match[str]) -> tuple[str, str]:
        written = match[1] + "".join(match[2].split())
        return written, "" if written == match[0] else "white space in a namespace was left out"

    end = text.find(">") + 1
    return _each(_NAMESPACE, text[:end], repairs, repair) + text[end:]


def _parser(*, recover: bool) -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        recover=recover,
        encoding="utf-8",
    )


def _parse(data: bytes, parser: etree.XMLParser, repairs: list[Repair]) -> etree._Element:
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise ReadError("nothing could be recovered", line=error.position[0]) from None
    if root is None:
        raise ReadError("nothing could be recovered: there is no element that can be trusted")
    repairs += [Repair(entry.line, _words(entry.type_name, entry.message)) for entry in parser.error_log]
    return root


def _unname(root: etree._Element) -> None:
    """Take from names the prefixes that nothing declares, and from elements all but the first of the attributes that
    are then called alike."""
    for element in root.iter():
        names = element.keys()
        if any(":" in name.rpartition("}")[2].rstrip(":") for name in names) or len(names) > len(set(names)):
            first: dict[str, str] = {}
            for name, value in element.items():
                space, brace, local = name.rpartition("}")
                first.setdefault(f"{space}{brace}{local.rpartition(':')[2]}" if local[-1] != ":" else name, value)
            while element.attrib:
                del element.attrib[element.keys()[0]]
            element.attrib.update(first)
        space, brace, local = str(element.tag).rpartition("}")
        if ":" in local.rstrip(":"):
            element.tag = f"{space}{brace}{local.rpartition(':')[2]}"


def _words(kind: str, message: str) -> str:
    """libxml2's complaint without what is quoted in it, which may be personal: only the names of the tables stay."""
    names = [name for name in re.findall(r"[\w.-]+", message) if name in ELEMENT_NAMES]
    what = kind.replace("ERR_", "").replace("_", " ").lower()
    return f"not well-formed: {what} ({', '.join(names)})" if names else f"not well-formed: {what}"


def _judge(kind: DocumentKind, root: etree._Element) -> None:
    """Whether what is there is worth anything. Raises ReadError."""
    if not kind.member:
        if not len(root):
            raise ReadError(f"nothing of <{kind.root.name}> could be recovered")
        return
    members = list(root.iter(f"{{*}}{kind.member}"))
    if not members:
        raise ReadError(f"nothing was recovered: no whole {kind.member} was found")
    key = next((field.name for field in kind.struct.fields if field.key), "") if kind.struct else ""
    for member in members:
        if key and not any(etree.QName(child).localname == key and (child.text or "").strip() for child in member):
            problem = f"nothing was recovered: {kind.member} without {key}"
            raise ReadError(problem, line=member.sourceline or 0)
