"""The parameters of a request, by their *layout*: which names it has, in which order.

A program sends the same names again and again and changes the values. For a layout that was met before it is known
which place each parameter has in the canonical query, so that reading a request takes one split of its text, and its
canonical query, where the values were sent in canonical encoding, one ``%``.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

__all__ = ["LaidOut", "read_laid_out"]

#: Everything but what stands between names and values.
_LETTERS = bytes(sorted(set(range(256)) - set(b"=&")))
_is_plain = re.compile(r"[A-Za-z0-9\-_.~]+").fullmatch
# Values in canonical encoding, with & between them: escapes in upper-case hex, and only of bytes that are not
# unreserved. Possessive quantifiers: what matched is never tried another way.
_ESCAPE = r"%(?:[018-9A-F][0-9A-F]|2[0-9A-CF]|3[A-F]|40|5[B-E]|60|7[B-DF])"
_are_canonical = re.compile(rf"(?:[A-Za-z0-9\-_.~&]++|{_ESCAPE})*+").fullmatch
#: Layouts that are remembered, each of a request of so many bytes at most: nobody can fill the memory with them.
_REMEMBERED, _MOST_BYTES = 256, 8192


class LaidOut(NamedTuple):
    """``values``: name → decoded value, also empty ones. ``canonical``: the canonical query, when the values were
    sent in canonical encoding, else None."""

    values: dict[str, str]
    canonical: str | None


class _Layout(NamedTuple):
    template: str
    pick: Callable[[list[str]], object]  # what the template takes


def read_laid_out(wire: bytes) -> LaidOut | None:
    """What ``wire``, the parameters as sent, holds; None where that is not certain without looking at each piece for
    itself: for anything but ASCII, pieces without ``=`` or with more than one, names that are escaped or sent twice,
    values that are not UTF-8."""
    between = wire.translate(None, _LETTERS)
    if between != b"=&" * (len(between) >> 1) + b"=" or not wire.isascii():
        return None
    parts = wire.replace(b"&", b"=").decode().split("=")
    names, values = tuple(parts[::2]), parts[1::2]
    layout = _layout_of(names) if len(wire) <= _MOST_BYTES else _made_layout(names)
    if layout is None:
        return None
    together = "&".join(values)
    decoded = values
    if "%" in together or "+" in together:
        try:
            decoded = [_decoded(value) if "%" in value or "+" in value else value for value in values]
        except UnicodeDecodeError:
            return None  # whoever looks at each piece can say which
    canonical = layout.template % layout.pick(values) if _are_canonical(together) else None
    return LaidOut(dict(zip(names, decoded, strict=True)), canonical)


def _made_layout(names: tuple[str, ...]) -> _Layout | None:
    if len(set(names)) != len(names) or not all(map(_is_plain, names)):
        return None
    order = sorted((name, place) for place, name in enumerate(names) if name != "Signature")
    template = "&".join(f"{name}=%s" for name, _ in order)
    places = [place for _, place in order]
    return _Layout(template, itemgetter(*places) if places else _nothing)


def _nothing(_: list[str]) -> tuple[str, ...]:
    return ()


_layout_of = lru_cache(_REMEMBERED)(_made_layout)


def _decoded(value: str) -> str:
    value = value.replace("+", " ")
    # What signatures and dates have. Where that leaves no other escape, no escape was broken by it either.
    plain = value.replace("%3A", ":").replace("%2F", "/").replace("%2B", "+").replace("%3D", "=")
    return plain if "%" not in plain else unquote_to_bytes(value).decode()
