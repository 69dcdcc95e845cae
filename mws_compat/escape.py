"""Text as XML content, with what MWS itself did about characters that XML cannot hold."""

import re

__all__ = ["escape_all", "escape_attribute", "escape_text"]

# Characters that XML 1.0 forbids; MWS put U+FFFD in their place [wire reference 1.4].
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# What may stand in an element unescaped, as UTF-8 bytes; '\r' may not, because parsers read it as '\n'.
_SAFE_BYTES = bytes(sorted({*range(0x20, 0x100), 0x09, 0x0A} - {0x26, 0x3C, 0x3E}))
#: Stands between values while they are looked at together. Markup needs no escaping of it, so it survives; a value
#: that holds one itself would be illegal anyway.
_BETWEEN = "\x00"


def escape_text(text: str) -> str:
    """``text`` as element content: markup escaped, carriage return kept as ``&#13;``, an empty line kept out of the
    body as ``&#10;`` (old PHP clients cut an answer there [wire reference 9]), characters that XML 1.0 forbids (lone
    surrogates among them) replaced with U+FFFD."""
    return _escape_markup(_ILLEGAL.sub("\ufffd", text))


def _escape_markup(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("\r", "&#13;").replace("\n\n", "\n&#10;")


def escape_all(values: list[str]) -> list[str]:
    """Every value escaped; the same list when none needs it."""
    together = _BETWEEN.join(values)
    try:
        unsafe = together.encode().translate(None, _SAFE_BYTES)
    except UnicodeEncodeError:  # a lone surrogate
        return [escape_text(value) for value in values]
    legal = together.isascii() or ("\ufffe" not in together and "\uffff" not in together)
    if legal and len(unsafe) == len(values) - 1 and "\n\n" not in together:  # nothing but what stands between them
        return values
    if legal and unsafe.count(b"\0") == len(values) - 1 and not unsafe.translate(None, b"\0&<>\r"):
        return _escape_markup(together).split(_BETWEEN)
    return [escape_text(value) for value in values]


def escape_attribute(text: str) -> str:
    """``text`` as an attribute's value, in double quotes."""
    text = escape_text(text).replace('"', "&quot;").replace("\t", "&#9;").replace("\n", "&#10;")
    return f'"{text}"'
