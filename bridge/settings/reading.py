"""Reading what people wrote: regular files only, and in them only text in UTF-8."""

import os
import stat
from collections.abc import Callable

import tomli  # compiled: a third of the time, where there are thousands of files

__all__ = ["UnreadableError", "decode_toml", "read_regular", "read_secret", "text_of"]


class UnreadableError(Exception):
    """A file that cannot be used; says why and what to do in words that follow its name, without its content."""


def read_regular(path: str) -> bytes:
    """The content of a regular file, or of one that a symbolic link leads to. Nothing else is read: a FIFO would make
    us wait for whoever writes it. Raises UnreadableError."""
    try:
        # Before it is opened, since that alone has effects on devices, and on whoever waits to write into a FIFO.
        _check_kind(os.stat(path))
        with open(path, "rb", opener=_open_at_once) as stream:
            _check_kind(os.fstat(stream.fileno()))  # another may have taken its place
            return stream.read()
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror or type(error).__name__}") from None
    except ValueError:
        raise UnreadableError("cannot be read: no file can have this name") from None


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # Windows has no such flag, and no such files


_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def _check_kind(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = next((name for is_one, name in _KINDS if is_one(found.st_mode)), "something else")
        raise UnreadableError(f"is {kind}, and is not read: put a regular file in its place")


def text_of(content: bytes) -> str:
    """Text in UTF-8, without the mark that Windows puts before it. Raises UnreadableError."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:  # no text has it; UTF-16 is full of it
        raise UnreadableError("is not UTF-8 text: save it as UTF-8")
    return text


def decode_toml(content: bytes) -> dict[str, object]:
    """What TOML says. Raises UnreadableError."""
    text = text_of(content)
    try:
        return tomli.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"not TOML: {error}") from None


def read_secret(path: str) -> str:
    """A secret: what a file holds but for one line end. Raises UnreadableError for what nobody has seen when he wrote
    the file: Amazon would say only that the secret is wrong."""
    text = text_of(read_regular(path))
    secret = text.removesuffix("\n").removesuffix("\r")
    if len(secret.splitlines()) > 1 or secret.endswith(("\n", "\r")):
        raise UnreadableError("holds more than one line: leave the secret in it, and nothing else")
    if secret != secret.strip():
        raise UnreadableError("has blanks before or after the secret: remove them")
    if not secret.isprintable():
        raise UnreadableError("holds characters that cannot be seen: write the secret anew, without them")
    return secret
