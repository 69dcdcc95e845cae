"""The bytes of a stream that are not read yet: where documents begin in them, and on which line.

Only looks and cuts; what the bytes mean is for the parser to say.
"""

import re
from collections.abc import Iterable

from mws_compat.documents import DOCUMENTS, ELEMENT_NAMES, FRAGMENTS
from mws_compat.errors import ReadError

__all__ = [
    "DOCTYPE_START",
    "ROOT",
    "SECTION",
    "SLICE",
    "WIDE",
    "Place",
    "Source",
    "after",
    "excerpt_of",
    "mask",
]

#: How much is looked at, and fed, at a time.
SLICE = 2**16
_PIECE = 2**20
#: What is kept back when bytes are dropped, so that no beginning of a document is cut in two.
_KEPT_BACK = 256
_MAX_EXCERPT = 100
_MARGIN = 256

# Patterns that only a message about a faulty document needs stand as text: compiled when there is one.
_TAG = (
    r"""(</?[A-Za-z_][\w.:-]*(?:\s+[\w.:-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*\s*/?>|<\?xml\s[^<>]*>|<!\[CDATA\[|<!--)"""
)
_NAMED = r"(?s)(</?)([^\s/>]+)(.*)"
_ATTRIBUTE = r"""\s([\w.:-]+)\s*=\s*(?:"[^"]*"|'[^']*')"""


#: A comment or a CDATA section, and what is in it.
SECTION = re.compile(rb"<!(?:--(.*?)-->|\[CDATA\[(.*?)\]\]>)", re.DOTALL)


def mask(text: str) -> str:
    """A line of a document for a message: tags of known elements and namespaces as they are, letters and digits
    elsewhere as ``x`` and ``0``."""
    return "".join((_mask_tag if place % 2 else _mask)(part) for place, part in enumerate(re.split(_TAG, text)))


def _mask(text: str) -> str:
    # Not letters alone: combining marks are none, and tell much.
    return re.sub(r"[A-Za-z]|[^\s\x00-\x7f]", "x", re.sub(r"\d", "0", text))


def _mask_tag(tag: str) -> str:
    named = None if tag[1] in "?!" else re.match(_NAMED, tag)
    if named is None:
        return tag
    start, name, rest = named.groups()
    if name.rpartition(":")[2] not in ELEMENT_NAMES:
        name = _mask(name)
    rest = re.sub(_ATTRIBUTE, lambda found: found[0] if found[1].startswith("xmlns") else _mask(found[0]), rest)
    return f"{start}{name}{rest}"


#: A line, from 1, and how many characters of it stand before.
Place = tuple[int, int]

WIDE = (b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<")
# Possessive throughout: what was skipped once is not tried again in another way.
_MISC = re.compile(rb"(?:[ \t\r\n]++|\xef\xbb\xbf|<!--(?>.*?-->)|<\?(?!xml[ \t\r\n])(?>.*?\?>))++", re.DOTALL)
_PROLOGUE = rb"(?:[ \t\r\n]++|\xef\xbb\xbf|<!--(?>.*?-->)|<\?(?>.*?\?>))*+"
_ROOTS = b"|".join(name.encode() for name in DOCUMENTS if name not in FRAGMENTS)
#: Where, in any text, a document may begin; compiled when something else stands there.
_DOCUMENT_START = rb"<(?:\?xml[ \t\r\n]|(?:%b)[ \t\r\n/>]|[A-Za-z_][\w.-]*+:(?:%b)[ \t\r\n/>])" % (_ROOTS, _ROOTS)
ROOT = re.compile(rb"%b<([A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)[ \t\r\n/>]" % _PROLOGUE, re.DOTALL)
DOCTYPE_START = re.compile(rb"%b<!DOCTYPE" % _PROLOGUE, re.DOTALL)
_CONTINUATION = bytes(range(0x80, 0xC0))


class Source:
    """The bytes that are not read yet, and where they begin."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        # In small portions: what stands here is copied for each document taken from it.
        self._portions = (piece[at : at + SLICE] for piece in pieces for at in range(0, len(piece), SLICE))
        self.data = b""
        self.place: Place = (1, 0)
        self.ended = False

    def fill(self, size: int) -> None:
        """Add bytes until there are ``size``, if there are so many."""
        parts = [self.data]
        have = len(self.data)
        while not self.ended and have < size:
            portion = next(self._portions, None)
            if portion is None:
                self.ended = True
            else:
                parts.append(portion)
                have += len(portion)
        self.data = b"".join(parts)

    def take(self, size: int) -> bytes:
        """The next bytes; they count as read."""
        taken, self.data = self.data[:size], self.data[size:]
        self.place = after(self.place, taken)
        return taken

    def untake(self, data: bytes, place: Place) -> None:
        """Put back what was taken last, from ``place`` on."""
        self.data = data + self.data
        self.place = place

    def at_something(self) -> bool:
        """Skip white space, comments and instructions between documents. False at the end of the stream."""
        while True:
            self.fill(SLICE)
            misc = None if self.data.startswith(WIDE) else _MISC.match(self.data)
            if misc is None:
                return bool(self.data)
            self.take(misc.end())

    def at_document(self) -> bool:
        """Whether a document may begin here."""
        return self.data.startswith((b"<", *WIDE))

    def skip_stray(self) -> ReadError:
        """Go to where a document may begin, and say what was passed over."""
        line, column = self.place
        excerpt = excerpt_of(self.data[: 4 * _MAX_EXCERPT], 0, 0)
        self.skip_to_start(1)
        problem = f"text stands where a document should begin; {self.place[0] - line or 'no'} lines are skipped"
        return ReadError(problem, line=line, column=column + 1, excerpt=excerpt)

    def skip_to_start(self, least: int, *, past_root: bool = False) -> None:
        """Drop at least so many bytes, up to where a document may begin or the end. ``past_root``: the next root
        element is still the old document's, unless a declaration comes first."""
        self.take(least)
        while True:
            start = re.search(_DOCUMENT_START, self.data)
            if start and past_root and not start[0].startswith(b"<?"):
                self.take(start.end())
                past_root = False
            elif start or self.ended:
                self.take(start.start() if start else len(self.data))
                return
            else:
                self.take(max(0, len(self.data) - _KEPT_BACK))
                self.fill(len(self.data) + _PIECE)


def after(place: Place, data: bytes, start: int = 0, end: int | None = None) -> Place:
    """The place behind ``data[start:end]`` when that begins at ``place``."""
    end = len(data) if end is None else end
    last = data.rfind(b"\n", start, end)
    tail = data[max(last + 1, start) : end]
    width = len(tail) if tail.isascii() else len(tail.translate(None, _CONTINUATION))
    if last < 0:
        return place[0], place[1] + width
    return place[0] + data.count(b"\n", start, end), width


def excerpt_of(data: bytes, line: int, column: int) -> str:
    """The ``line``-th line (from 0) of ``data`` around the ``column``-th character, masked."""
    lines = data.split(b"\n", line + 1)
    if not 0 <= line < len(lines):
        return ""
    raw = lines[line][: 2**16]
    if 3 * raw.count(0) > len(raw):  # UTF-16, of which the plain letters can be shown
        raw = raw.replace(b"\0", b"")
    text = raw.decode("utf-8", "replace")
    start = max(0, min(column, len(text)) - _MAX_EXCERPT * 2 // 3)
    begin = max(0, start - _MARGIN)  # a line of many tags takes long to mask
    shown = mask(text[begin : start + _MAX_EXCERPT + _MARGIN])[start - begin :][:_MAX_EXCERPT].strip()
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in shown)
