"""Access keys on disk: made, written, and given an end, in the directory of accounts."""

import contextlib
import fcntl
import os
import secrets
import stat
from base64 import b32encode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit import TOMLDocument
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT

from bridge.settings.files import REVOKED_FILE
from bridge.settings.reading import UnreadableError, decode_toml, read_regular, text_of

__all__ = [
    "KeyPair",
    "KeysError",
    "end_key",
    "key_text",
    "locked",
    "new_pair",
    "replace_key",
    "revoked_text",
    "tokens_of",
    "write_key",
]


class KeysError(Exception):
    """Something on disk is not as it should be; says which file, why, and what to do."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A new access key."""

    id: str
    secret: str = field(repr=False)


def new_pair(random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> KeyPair:
    """A key pair of the shape of Amazon's: the id has 4 + 16 characters, the secret 40 of base64."""
    return KeyPair("AKIA" + b32encode(random_bytes(10)).decode(), b64encode(random_bytes(30)).decode())


def key_text(pair: KeyPair, sellers: Sequence[str], tokens: Mapping[str, object]) -> str:
    """``[[access_key]]`` in TOML. ``tokens``: the MWSAuthToken of sellers, as configurations write secrets."""
    table = tomlkit.table()
    table["id"] = pair.id
    table["secret"] = pair.secret
    table["sellers"] = list(sellers)
    if tokens:
        inline = tomlkit.inline_table()
        inline.update(tokens)
        table["mws_auth_tokens"] = inline
    return _in_list("access_key", table)


def revoked_text(key_id: str, at: datetime) -> str:
    """``[[revoked]]`` in TOML."""
    return _in_list("revoked", _revocation(key_id, at))


def _revocation(key_id: str, at: datetime) -> Any:
    table = tomlkit.table()
    table["id"] = key_id
    table["at"] = _whole_second(at)
    return table


def _in_list(name: str, table: Any) -> str:
    document = tomlkit.document()
    tables = tomlkit.aot()
    tables.append(table)
    document[name] = tables
    return tomlkit.dumps(document)


def _whole_second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


def tokens_of(path: Path, key_id: str, *, directory: Path | None) -> dict[str, object]:
    """The MWSAuthTokens of a key as its file writes them; paths of files are made good for another file, in
    ``directory``. Raises KeysError."""
    try:
        data: Any = decode_toml(read_regular(str(path)))
        entry = next(entry for entry in data["access_key"] if entry["id"] == key_id)
    except (UnreadableError, LookupError, TypeError, StopIteration):
        raise KeysError(f"{path}: has changed in the meantime: try again") from None
    tokens: dict[str, object] = entry.get("mws_auth_tokens", {})
    if directory is None or directory == path.parent:
        return tokens
    return {
        seller: {"file": str((path.parent / token["file"]).absolute())}
        if isinstance(token, dict) and "file" in token
        else token
        for seller, token in tokens.items()
    }


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Keep others who do the same out of the directory; waits for them. Raises KeysError."""
    try:
        handle = os.open(directory, os.O_RDONLY)
    except OSError as error:
        raise KeysError(f"{directory}: cannot be opened: {error.strerror}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)  # and with it the lock


def write_key(directory: Path, key_id: str, text: str) -> Path:
    """Write the file of a new key, for its owner only; returns its path. Raises KeysError, also when there is one."""
    path = directory / f"key-{key_id}.toml"
    if os.path.lexists(path):
        raise KeysError(f"{path}: is there already: try again")
    _write(path, text, 0o600)
    return path


def end_key(directory: Path, key_id: str, at: datetime) -> Path:
    """Write from when on a key is unknown into the directory's file of revocations, whose other words stay as they
    are; returns its path. Raises KeysError."""
    path = directory / REVOKED_FILE
    document, mode = _revocations(path)
    tables = document.get("revoked", tomlkit.aot())
    same = [table for table in tables if table.get("id") == key_id]
    for table in same:
        table["at"] = _whole_second(at)
    if not same:
        tables.append(_revocation(key_id, at))
    document["revoked"] = tables
    _write(path, tomlkit.dumps(document), mode)
    return path


def replace_key(directory: Path, new: tuple[str, str], old_id: str, at: datetime) -> tuple[Path, Path]:
    """Write the file of a new key, of which ``new`` is the id and the text, and from when on an old one is unknown:
    both or neither. Returns both paths. Raises KeysError."""
    _revocations(directory / REVOKED_FILE)  # before there is a new key
    written = write_key(directory, *new)
    try:
        return written, end_key(directory, old_id, at)
    except KeysError:
        written.unlink(missing_ok=True)
        raise


def _revocations(path: Path) -> tuple[TOMLDocument, int]:
    """What is in a file of revocations, and its permissions. Raises KeysError when nothing can be put there."""
    if not os.path.lexists(path):
        return tomlkit.document(), 0o644
    try:
        document = tomlkit.parse(text_of(read_regular(str(path))))
        mode = stat.S_IMODE(path.stat().st_mode)
    except UnreadableError as error:
        raise KeysError(f"{path}: {error}") from None
    except (OSError, TOMLKitError) as error:
        raise KeysError(f"{path}: cannot be used ({error}): repair it first") from None
    if not isinstance(document.get("revoked", tomlkit.aot()), AoT):
        raise KeysError(f"{path}: revoked must be written [[revoked]], with two brackets: repair it first")
    return document, mode


def _write(path: Path, text: str, mode: int) -> None:
    """Write a file so that whoever reads it finds the old content or the new one; whoever owns the directory owns
    the file, when we may give it to them."""
    draft = path.with_name(f".{path.name}.new")  # hidden: files of accounts are not
    try:
        draft.unlink(missing_ok=True)  # of one that was killed: whoever holds the lock is alone
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            if os.geteuid() == 0:
                owner = path.parent.stat()
                os.fchown(stream.fileno(), owner.st_uid, owner.st_gid)
            os.fsync(stream.fileno())
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise KeysError(f"{path}: cannot be written: {error.strerror}") from None
