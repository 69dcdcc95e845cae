"""Any number of documents in one stream of bytes, with flat memory: members one by one, then what is around them.

One hardened pull parser reads each document and is the only judge of it. Runs of blocks that provably mean what they
seem to mean (see ``blocks.py``) are kept from it and converted at once. That is sound because such a block is a
balanced element, so leaving it out does not change the state in which the parser reads on, and because it is only
done where the parser is known to stand between two members: right after a member's end tag that was fed to it with no
comment, CDATA section or instruction begun in the same block, or none that could go on behind it. Anything else is
fed, byte for byte.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from lxml import etree

from mws_compat.documents import DOCUMENTS, FRAGMENTS, UNMAPPED_NAMESPACE, DocumentKind
from mws_compat.errors import ReadError
from mws_compat.reader import MAX_ATTRIBUTES, fault_in_words, pull_parser, read_element, refuse_crowded, syntax_error
from mws_compat.schema import Record
from mws_compat.source import DOCTYPE_START, ROOT, SECTION, SLICE, WIDE, Place, Source, after, excerpt_of

__all__ = ["MAX_MEMBER_BYTES", "Handler", "Segment", "Shortcut", "read_stream", "stream_steps"]

#: The most bytes that one member, or what is around the members, may take; and the most without a ``>``.
MAX_MEMBER_BYTES = 4 * 2**20
_MAX_UNBROKEN = 2**20
#: The most tags, attributes counting twice, that are held at a time: an element takes about 120 bytes of memory.
_MAX_NODES = 2**17
#: What each element or text between members counts for beside its bytes.
_STRAY_BYTES = 2**8
#: What is looked at together, and what is kept back of it, so that no end tag is cut in two.
_PIECE = 2**20
_KEPT_BACK = 256
_LINE_KEPT = 1024
#: How much may stand before a root element that does not show in the first bytes (in UTF-16, for example).
_MAX_PROLOGUE = 2**16

#: A part of a chunk: what the shortcut made of it, or None when it must be fed; where it begins, where it ends.
Segment = tuple[object | None, int, int]


class Handler(Protocol):
    """What is done with what is read. Calls come in document order: ``begin``, members, then ``end``; or ``fail``."""

    def begin(self, kind: DocumentKind, namespace: str) -> None:
        """A document's root element was read."""

    def member(self, element: etree._Element) -> None:
        """A member, parsed. The element is gone after the call."""

    def made(self, result: object) -> None:
        """What the shortcut made of a run of members."""

    def end(self, record: Record) -> None:
        """The document is whole and well-formed. ``record`` is the root's, without its members."""

    def fail(self, error: ReadError) -> None:
        """The document is broken or refused: what was told of it since ``begin``, if that came, does not count."""


class Shortcut(Protocol):
    """Converts runs of blocks without the parser."""

    def submit(self, kind: DocumentKind, chunk: bytes) -> Callable[[], list[Segment]]:
        """Begin with a chunk of whole blocks, which all end with the end tag that the chunk ends with. What is
        returned waits for the segments, which cover the chunk."""


def read_stream(
    pieces: Iterable[bytes], handler: Handler, *, shortcut: Shortcut | None = None, ahead: int = 0
) -> None:
    """Read every document of a stream. ``pieces`` are its bytes in order, of any size. ``ahead`` is how many chunks
    may be with the shortcut beside the one that is waited for. What is wrong with a document goes to
    ``handler.fail``, and reading goes on with the next one; what the handler raises passes through, but for a
    ReadError, which is the document's failure."""
    for _ in stream_steps(pieces, handler, shortcut=shortcut, ahead=ahead):
        pass


def stream_steps(
    pieces: Iterable[bytes], handler: Handler, *, shortcut: Shortcut | None = None, ahead: int = 0
) -> Iterator[None]:
    """Like ``read_stream``, a step at a time: no more is read than the steps that are taken need."""
    source = Source(pieces)
    while source.at_something():
        if source.at_document():
            yield from _Reading(source, handler, shortcut, ahead).steps()
        else:
            handler.fail(source.skip_stray())
            yield


# --- one document ---------------------------------------------------------------------------------------------------

_LINE_NAMED = re.compile(r"(?<= line )\d+")
_SECTION_MARKS = (b"<!", b"-->", b"]]>")
#: A declaration under which bytes mean what they mean in blocks. The parser tells the encoding only at the end.
_PLAIN = re.compile(
    rb"""(?!<\?xml[ \t\r\n])|<\?xml[ \t\r\n]+version *= *["']1\.0["'](?: +encoding *= *["'](?i:utf-8)["'])?"""
    rb"""(?: +standalone *= *["'](?:yes|no)["'])?[ \t\r\n]*\?>"""
)
_TAGS = [f"{{*}}{name}" for name in {*DOCUMENTS, *(kind.member for kind in DOCUMENTS.values() if kind.member)}]


class _Reading:
    """Reads one document from the source and leaves the source behind it."""

    def __init__(self, source: Source, handler: Handler, shortcut: Shortcut | None, ahead: int) -> None:
        self._source = source
        self._handler = handler
        self._shortcut = shortcut
        self._ahead = ahead
        self._pending: deque[tuple[bytes, Callable[[], list[Segment]]]] = deque()
        self._parser = pull_parser(_TAGS)
        # What the first bytes suggest: used to cut, never to understand.
        self._sniffed: DocumentKind | None = None
        self._wide = False
        self._plain = False
        self._head = 1
        self._root_end: re.Pattern[bytes] | None = None
        self._boundary = b""
        self._ask = SLICE
        # What the parser says.
        self._kind: DocumentKind | None = None
        self._root: etree._Element | None = None
        self._container: etree._Element | None = None
        self._last_member: etree._Element | None = None
        self._last_stranger: etree._Element | None = None
        self._stray: list[str] = []
        self._whole = False
        #: the parser stands between two members, and blocks may be kept from it
        self._between = False
        self._trusted = False
        # Where what is fed or skipped next begins, in the stream and as the parser counts; what was taken with it.
        self._place = source.place
        self._first_line = source.place[0]
        self._told: Place = (1, 0)
        self._line = b""
        self._resumed = 0
        self._fed = b""
        self._bytes_fed = 0
        self._past_root = False
        self._behind: list[tuple[bytes, int]] = []
        # Sizes.
        self._around = 0
        self._since_member = 0
        self._unbroken = 0
        self._nodes = 0
        self._equals = self._equals_here = 0

    def steps(self) -> Iterator[None]:
        """Read the document; what is wrong with it goes to the handler."""
        try:
            self._look()
            # Behind a wide document nothing else can be told from its white space: it goes on to the stream's end.
            while not self._whole or (self._wide and (self._source.data or not self._source.ended)):
                self._step()
                yield
            record = self._close()
        except etree.XMLSyntaxError as error:
            self._fail(syntax_error(error))
        except ReadError as error:
            self._fail(error)
        else:
            self._handler.end(record)

    # --- cutting ---

    def _look(self) -> None:
        """Which document this seems to be, from its first bytes."""
        data = self._source.data
        self._wide = data.startswith(WIDE)
        if self._wide:
            return
        doctype = DOCTYPE_START.match(data)
        if doctype:
            self._past_root = True
            raise _refused_doctype(data.count(b"\n", 0, doctype.end()) + 1)
        root = ROOT.match(data)
        if root is None:
            return
        self._head = root.end()
        self._plain = _PLAIN.match(data) is not None
        prefix, name = (root[1] or b""), root[2]
        self._sniffed = DOCUMENTS.get(name.decode())
        if self._sniffed is None:
            line = data.count(b"\n", 0, root.start(2)) + 1
            raise ReadError(f"<{name.decode()}> is not the root of an MWS order document", line=line, column=1)
        self._root_end = re.compile(rb"</%b[ \t\r\n]*>" % re.escape(prefix + name))
        if self._sniffed.member:
            self._boundary = b"</%b%b>" % (prefix, self._sniffed.member.encode())

    def _step(self) -> None:
        """Deal with what is at hand, or get more."""
        source = self._source
        end = self._root_end.search(source.data) if self._root_end else None
        region = end.start() if end else len(source.data)
        cut = source.data.rfind(self._boundary, 0, region) if self._boundary else -1
        if cut >= 0:
            chunk = source.take(cut + len(self._boundary))
            if self._between and self._trusted and self._shortcut and self._kind:
                self._pending.append((chunk, self._shortcut.submit(self._kind, chunk)))
                if len(self._pending) > self._ahead:
                    self._take_result()
            else:
                self._feed_blocks(chunk)
        elif self._pending and (end or source.ended or len(source.data) > _PIECE):
            self._take_result()
        elif end:
            self._feed(source.take(end.end()))
        elif source.ended:
            self._feed(source.take(len(source.data)))
            self._whole = True  # the parser will say if it is not
        elif len(source.data) > _PIECE:
            self._feed(source.take(source.data.rfind(b">") + 1 or len(source.data) - _KEPT_BACK))
        else:
            source.fill(len(source.data) + self._ask)
            self._ask = min(2 * self._ask, _PIECE)

    def _take_result(self) -> None:
        chunk, result = self._pending.popleft()
        for made, start, end in result():
            if made is not None:
                self._handler.made(made)
                self._pass(chunk, start, end)
                self._resumed = self._told[0]
                continue
            self._behind = [(chunk, end)]
            self._feed_blocks(chunk[start:end])
            self._behind = []
            if not self._between:  # what was begun after this may have been begun in vain
                later = [chunk[end:], *(later for later, _ in self._pending)]
                self._source.untake(b"".join(later), self._place)
                self._pending.clear()
                return

    def _feed_blocks(self, blocks: bytes) -> None:
        """Feed bytes that end with a member's end tag, or with what looks like one."""
        last = blocks.rfind(self._boundary, 0, -len(self._boundary)) + len(self._boundary)
        last = last if last >= len(self._boundary) else 0
        # A parser that was inside a comment either still is, and tells of no member, or its end tags are real again.
        self._between = self._feed(blocks, last) and not _opaque(blocks[last:])

    # --- parsing ---

    def _feed(self, data: bytes, last: int = 0) -> bool:
        """Feed the parser and deal with what it tells. True when the last thing told in ``data[last:]`` was the end
        of a member."""
        member = False
        start = 0
        while start < len(data):
            stop = min(last if start < last else len(data), start + SLICE)
            if stop < len(data):  # at a tag's end where there is one: no declaration is cut in two
                stop = data.rfind(b">", start, stop) + 1 or stop
            self._behind.append((data, stop))
            member = self._feed_slice(data[start:stop])
            self._behind.pop()
            start = stop
        return member

    def _feed_slice(self, piece: bytes) -> bool:
        self._fed = piece
        self._guard(piece)
        self._parser.feed(piece)
        for entry in self._parser.feed_error_log:  # some faults it notes without raising them, and then begins anew
            if entry.level >= etree.ErrorLevels.ERROR:
                raise ReadError(fault_in_words(entry.message), line=entry.line, column=entry.column)
        member = False
        for event, element in self._parser.read_events():
            if event == "start":
                member = False
                self._start(element)
            elif element is self._root:
                self._whole = True
            else:
                member = self._is_member(element)
                if member:
                    self._end_member(element)
        if self._root is None and not self._sniffed and self._since_member > _MAX_PROLOGUE:
            self._past_root = True
            raise ReadError("no MWS order document begins here", line=1, column=1)
        self._pass(piece, 0, len(piece))
        self._told = after(self._told, piece)
        self._bytes_fed += len(piece)
        self._fed = b""
        self._past_root = False
        return member

    def _pass(self, data: bytes, start: int, end: int) -> None:
        """Note that part of the document was dealt with; of its last line some is kept, to be shown."""
        self._place = after(self._place, data, start, end)
        begin = data.rfind(b"\n", start, end) + 1
        kept = data[max(begin, start, end - _LINE_KEPT) : end]
        self._line = kept if begin else (self._line + kept)[-_LINE_KEPT:]

    def _guard(self, piece: bytes) -> None:
        """Refuse what would make the parser hold too much, before it does."""
        self._equals_here = equals = piece.count(b"=")
        self._equals += equals
        self._nodes += piece.count(b"<") + 2 * equals
        self._since_member += len(piece)
        last = piece.rfind(b">")
        self._unbroken = len(piece) - 1 - last if last >= 0 else self._unbroken + len(piece)
        if self._unbroken > _MAX_UNBROKEN:
            raise self._refusal("a tag or text of more than 1 MiB is refused")
        if self._since_member > MAX_MEMBER_BYTES or self._around > MAX_MEMBER_BYTES:
            raise self._refusal(f"an element of more than {MAX_MEMBER_BYTES // 2**20} MiB is refused")
        if self._nodes > _MAX_NODES:
            raise self._refusal("an element with too many elements or attributes inside is refused")

    def _refusal(self, problem: str) -> ReadError:
        return ReadError(problem, line=self._told[0], column=self._told[1] + 1)

    def _start(self, element: etree._Element) -> None:
        if self._root is None:
            self._begin(element)
        elif element.tag == self._root.tag and self._kind and self._kind.root.name not in FRAGMENTS:
            line = element.sourceline or 0
            raise ReadError(f"<{self._kind.root.name}> begins again before its end", line=line, column=bool(line))

    def _begin(self, root: etree._Element) -> None:
        info = root.getroottree().docinfo
        if info.doctype:
            raise _refused_doctype(1)
        outer = root.getroottree().getroot()
        namespace, _, name = str(outer.tag).rpartition("}")
        kind = DOCUMENTS.get(name)
        if kind is None:
            raise ReadError(f"<{name}> is not the root of an MWS order document", line=1, column=1)
        self._root = root
        self._kind = kind
        self._past_root = not self._sniffed
        self._trusted = self._plain and kind is self._sniffed
        self._handler.begin(kind, namespace[1:])

    def _is_member(self, element: etree._Element) -> bool:
        """Whether the element is one of those that the document is a sequence of, by its place."""
        if self._kind is None or not self._kind.member or etree.QName(element).localname != self._kind.member:
            return False
        container = parent = element.getparent()
        if self._container is not None:
            return parent is self._container
        above = []
        while parent is not None and parent is not self._root:
            above.append(etree.QName(parent).localname)
            parent = parent.getparent()
        if container is None or tuple(reversed(above)) != self._kind.path:
            return False
        self._container = container
        # A block declares no namespace: its prefix, or having none, must mean here what it means for its parent.
        namespace = etree.QName(container).namespace
        prefix = self._boundary[2:].rpartition(b":")[0].decode() or None
        self._trusted &= (container.nsmap.get(prefix) or None) == namespace != UNMAPPED_NAMESPACE
        refuse_crowded(element.getroottree().getroot())
        return True

    def _end_member(self, element: etree._Element) -> None:
        if self._equals > MAX_ATTRIBUTES:
            refuse_crowded(element)
        self._handler.member(element)
        self._discard()
        for stranger in element.itersiblings(preceding=True):
            if stranger is self._last_stranger:
                break
            if self._equals > MAX_ATTRIBUTES:
                refuse_crowded(stranger)
            self._around += len(etree.tostring(stranger)) + _STRAY_BYTES
        self._last_stranger = element.getprevious()
        self._last_member = element
        self._since_member = self._nodes = 0
        self._equals = self._equals_here

    def _discard(self) -> None:
        """Remove the member before: not the one just read, which the parser still stands at."""
        if self._last_member is None or self._container is None:
            return
        tail = self._last_member.tail
        if tail and not tail.isspace():
            self._stray.append(tail)
            self._around += len(tail) + _STRAY_BYTES
        self._container.remove(self._last_member)

    def _close(self) -> Record:
        """The record of what is left when the members are gone."""
        root = self._parser.close()
        if self._kind is None:
            raise ReadError(
                f"<{etree.QName(root).localname}> is not the root of an MWS order document", line=1, column=1
            )
        self._discard()
        if self._container is not None and self._stray:
            self._container.text = "".join([self._container.text or "", *self._stray])
        refuse_crowded(root)
        return read_element(root, self._kind.root)

    def _fail(self, error: ReadError) -> None:
        """Tell of the fault with its place in the stream, and go to where the next document may begin."""
        # The next document may begin in what the parser was fed last, but not before this one's own root.
        rest = [data[start:] for data, start in reversed(self._behind)]
        rest = [self._fed, *rest, *(chunk for chunk, _ in self._pending)]
        self._source.untake(b"".join(rest), self._place)
        line, column, excerpt = error.line, error.column, ""
        if line:
            if line == self._told[0]:
                column += self._place[1] - self._told[1]
            line += self._place[0] - self._told[0]
            begun = self._line if line == self._place[0] else b""
            before = self._place[1] - after((0, 0), begun)[1] if begun else 0
            excerpt = excerpt_of(begun + self._source.data, line - self._place[0], column - 1 - before)
        problem = _LINE_NAMED.sub(self._named, error.problem)
        self._handler.fail(ReadError(problem, line=line, column=column, excerpt=excerpt))
        self._source.skip_to_start(max(0, self._head - self._bytes_fed), past_root=self._past_root)

    def _named(self, match: re.Match[str]) -> str:
        """The line of an element that is open, as the stream counts: it began where the parser goes on, or before
        anything was kept from it."""
        line = int(match[0])
        return str(line + (self._place[0] - self._told[0] if line >= self._resumed else self._first_line - 1))


def _refused_doctype(line: int) -> ReadError:
    return ReadError("a DOCTYPE is refused; remove it", line=line, column=1)


def _opaque(data: bytes) -> bool:
    """Whether something begins here in which tags do not count, and may go on behind it.

    Comments and CDATA sections that are seen to end here do not: nothing in or between them is left that could have
    ended one that is not seen to begin, in which they would not be what they seem."""
    if b"<?" in data:
        return True
    if b"<!" not in data:
        return False
    return b"?>" in data or any(mark in piece for piece in SECTION.split(data) if piece for mark in _SECTION_MARKS)
