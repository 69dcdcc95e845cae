"""What members may hold beside tags and text, seen in bytes: comments, CDATA sections and references, and how a block
is written without them.

Looks and rewrites only where it is certain what the bytes mean; what they mean otherwise is for the parser to say.
"""

import re

from mws_compat.source import SECTION

__all__ = ["STRANGE_REFERENCE", "is_legal", "is_plain", "only_tags", "resolve", "simplified"]

_NOT_ANGLES = bytes(sorted(set(range(256)) - set(b"<>")))
_NOT_MARKUP = bytes(sorted(set(range(256)) - set(b"<>!&#")))
_NOT_CONTROLS = bytes(sorted({*range(0x20, 0x100), *b" \t\r\n"}))

#: A reference that is none of the five of XML.
STRANGE_REFERENCE = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos);)")
_NUMBERED = re.compile(rb"&#(?:([0-9]{1,7})|x([0-9A-Fa-f]{1,6}));")
_NAMED = {0x26: b"&amp;", 0x3C: b"&lt;", 0x3E: b"&gt;", 0x22: b"&quot;", 0x27: b"&apos;"}
#: Left where something was taken out; no legal block holds it.
_MARKER = b"\x02"


def is_plain(chunk: bytes) -> bool:
    """Whether the chunk has only tags, as ``only_tags`` says, and no numeric reference."""
    markup = chunk.translate(None, _NOT_MARKUP)
    # Most of a chunk is gone by now. What stands side by side in the rest did so in the chunk, or did not.
    if (b"<!" in markup and b"<!" in chunk) or (b"&#" in markup and b"&#" in chunk):
        return False
    return _alternate(markup.translate(None, b"!&#")) and _is_text(chunk)


def only_tags(blocks: bytes) -> bool:
    """Whether angle brackets in ``blocks`` only ever open and close tags, and all of it is legal UTF-8."""
    return _alternate(blocks.translate(None, _NOT_ANGLES)) and _is_text(blocks)


def _alternate(angles: bytes) -> bool:
    return angles == b"<>" * (len(angles) // 2)


def _is_text(data: bytes) -> bool:
    """Whether these are UTF-8, without U+FFFE and U+FFFF, which XML does not allow."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    # Few texts have anything that begins as those two do.
    return b"\xef" not in data or (b"\xef\xbf\xbe" not in data and b"\xef\xbf\xbf" not in data)


def is_legal(chunk: bytes) -> bool:
    """Whether there is nothing in the chunk that XML does not allow anywhere, and no instruction, in which a comment
    may seem to begin."""
    return b"<?" not in chunk and not chunk.translate(None, _NOT_CONTROLS) and _is_text(chunk)


def simplified(block: bytes) -> bytes:
    """A legal block without its comments, with its CDATA sections and numeric references as text; empty when that is
    not all that keeps it from having only tags.

    In content ``<!--`` and ``<![CDATA[`` can only be what they are, and end at the first end of theirs. Whether one
    begins in a tag, or in a reference, shows in the mark that each leaves."""
    try:
        if b"<!" in block:
            block = SECTION.sub(_section_text, block)
            if _is_marked_in_tag(block):
                return b""
        if b"&" in block:
            block = _NUMBERED.sub(_character, block)
            if STRANGE_REFERENCE.search(block):
                return b""
    except ValueError:
        return b""
    block = block.replace(_MARKER, b"")
    if not only_tags(block):
        return b""
    return block.replace(b" >", b">")  # here only tags end with one, and their blanks would make another skeleton


def _is_marked_in_tag(block: bytes) -> bool:
    """Whether a mark stands in a tag: the last bracket before the first one that does has opened it."""
    return any(part.rfind(b"<") > part.rfind(b">") for part in block.split(_MARKER)[:-1])


def _section_text(match: re.Match[bytes]) -> bytes:
    """A mark, and behind it what stands for a CDATA section. Raises ValueError for a comment that is none."""
    comment, section = match.groups()
    if comment is None:
        return _MARKER + section.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
    if b"--" in comment or comment[-1:] == b"-":
        raise ValueError
    return _MARKER


def _character(match: re.Match[bytes]) -> bytes:
    """The character that a reference stands for, by its name if it has one. Raises ValueError where there is none
    that a value may hold as it is."""
    decimal, hexadecimal = match.groups()
    code = int(decimal) if decimal else int(hexadecimal, 16)
    if code < 0x20 or code in (0xFFFE, 0xFFFF):
        raise ValueError
    return _NAMED.get(code) or chr(code).encode()


def resolve(text: bytes) -> bytes:
    """The five references of XML, resolved; ``&amp;`` last, so that ``&amp;lt;`` means ``&lt;``."""
    text = text.replace(b"&lt;", b"<").replace(b"&gt;", b">").replace(b"&quot;", b'"').replace(b"&apos;", b"'")
    return text.replace(b"&amp;", b"&")
