"""Reading: the main file and the files of the directory of accounts, each by itself."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from bridge.settings.faults import Entries, Fault, entries_of, faults_of, process_faults, seller_faults, twice
from bridge.settings.fields import Surroundings
from bridge.settings.models import AccountFileSettings, Settings
from bridge.settings.reading import UnreadableError, decode_toml, read_regular
from bridge.settings.stamps import Stamp, stamp_of

__all__ = [
    "REVOKED_FILE",
    "AccountFile",
    "MainFile",
    "check_main",
    "list_account_files",
    "read_account_file",
    "read_main",
]


@dataclass(frozen=True, slots=True)
class MainFile:
    """A configuration without its directory of accounts. ``settings`` is None where they cannot even be read; they
    must not be used when there are ``faults``. ``stamps`` are those of all files that were read, taken before."""

    settings: Settings | None
    directory: Path | None
    faults: tuple[Fault, ...]
    stamps: Mapping[str, Stamp]


@dataclass(frozen=True, slots=True)
class AccountFile:
    """A file of the directory of accounts; ``path`` is text, since there may be thousands. ``entries`` is None when
    it has faults; each of these begins with the path. ``revokes``: it seems to end access keys, whether or not it can
    be read."""

    path: str
    entries: Entries | None = None
    faults: tuple[str, ...] = ()
    revokes: bool = False
    stamps: Mapping[str, Stamp] = field(default_factory=dict)


#: The file that ``mws-bridge keys`` writes to end access keys.
REVOKED_FILE = "revoked.toml"
#: The table of such ends, also behind the mark that Windows puts before text, and in the other ways to write it.
_REVOKED = re.compile(
    rb"""(?:^|\xef\xbb\xbf|\xff\xfe|\xfe\xff)\s*(?:\[\[\s*)?["']?revoked["']?\s*(?:\]\]|=)""", re.MULTILINE
)


def read_main(path: Path, environ: Mapping[str, str], *, may_be_empty: bool = False) -> MainFile:
    """Read the main file."""
    around = Surroundings(environ, path.parent, may_be_empty, {str(path): stamp_of(str(path))})
    try:
        data = decode_toml(read_regular(str(path)))
    except UnreadableError as error:
        return MainFile(None, None, (Fault((str(path),), str(error)),), around.seen)
    return check_main(data, around)


def check_main(data: Mapping[str, object], around: Surroundings) -> MainFile:
    """Check the decoded main file."""
    accounts = data.get("accounts")
    directory = around.base / accounts if isinstance(accounts, str) and accounts else None
    settings = None
    try:
        settings = Settings.model_validate(data, context=around)
    except ValidationError as error:
        faults = faults_of(error)
    else:
        faults = [*twice(entries_of(settings)), *seller_faults(settings.seller), *process_faults(settings)]
    return MainFile(settings, directory, tuple(faults), around.seen)


def list_account_files(directory: Path) -> list[str]:
    """The paths of the files of a directory of accounts, by name: ``*.toml``, but for hidden ones. Raises OSError."""
    place = os.path.join(directory, "")
    names = [name for name in os.listdir(directory) if name.endswith(".toml") and not name.startswith(".")]
    return [place + name for name in sorted(names)]


def read_account_file(path: str, environ: Mapping[str, str]) -> AccountFile:
    """Read a file of the directory of accounts."""
    around = Surroundings(environ, Path(path).parent, seen={path: stamp_of(path)})
    revokes = os.path.basename(path) == REVOKED_FILE
    try:
        content = read_regular(path)
        revokes = revokes or _REVOKED.search(content.replace(b"\0", b"")) is not None  # UTF-16 is bytes with zeros
        data = decode_toml(content)
    except UnreadableError as error:
        return AccountFile(path, None, (f"{path}: {error}",), revokes, around.seen)
    try:
        entries = entries_of(AccountFileSettings.model_validate(data, context=around))
    except ValidationError as error:
        faults = [_in_account_file(fault) for fault in faults_of(error)]
    else:
        faults = [*twice(entries), *seller_faults(entries.seller)]
        if not faults:
            return AccountFile(path, entries, (), revokes, around.seen)
    return AccountFile(path, None, tuple(f"{path}: {fault}" for fault in faults), revokes, around.seen)


def _in_account_file(fault: Fault) -> Fault:
    if len(fault.location) == 1 and fault.location[0] in Settings.model_fields.keys() - _TABLES:
        return Fault(fault.location, "belongs into the main file")
    return fault


_TABLES = AccountFileSettings.model_fields.keys()
