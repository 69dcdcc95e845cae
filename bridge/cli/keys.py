"""``mws-bridge keys``: the key pairs of old programs: made, listed, rotated, revoked."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import orjson

from bridge.accounts import AccountSource, Loaded
from bridge.cli.config import config_path, explain, name_of
from bridge.cli.console import line, show_table
from bridge.keys import (
    KeyPair,
    KeysError,
    end_key,
    key_text,
    locked,
    new_pair,
    replace_key,
    revoked_text,
    tokens_of,
    write_key,
)
from bridge.settings import AccessKeySettings, Settings, SettingsError
from bridge.settings.faults import Entries
from bridge.settings.files import REVOKED_FILE, AccountFile, read_account_file
from bridge.settings.models import ends_of

__all__ = ["run"]

#: Names that a message holds; of more of them it tells the number.
_NAMED = 10


class _Configured(NamedTuple):
    """What is there: the main file (None: the environment), what reads it, and what that has read."""

    path: Path | None
    source: AccountSource
    loaded: Loaded

    @property
    def settings(self) -> Settings:
        """What counts of it."""
        return self.loaded.settings

    @property
    def main(self) -> Path:
        """The main file. Raises KeysError where there is none."""
        if self.path is None:
            raise KeysError(f"{name_of(None)} has one key: change MWS_BRIDGE_ACCESS_KEY_… there, or write a file")
        return self.path

    def find(self, key_id: str) -> AccessKeySettings | None:
        """An access key; None when there is none of that id."""
        return next((key for key in self.settings.access_key if key.id == key_id), None)

    def none_of(self, key_id: str) -> str:
        """What to say of an id that no access key has."""
        known = f"no [[access_key]] has id {key_id}; known are {_some([key.id for key in self.settings.access_key])}"
        return f"{known}; not used as they are: {_some(self.loaded.unused)}" if self.loaded.unused else known


def run(arguments: argparse.Namespace) -> int:
    """Returns 0 when it is done, 2 when it could not be."""
    path = config_path(arguments)
    source = AccountSource(path, os.environ)
    try:
        try:
            loaded = source.load(may_be_empty=True)
        except SettingsError as error:
            explain(path, error)
            if arguments.action != "revoke" or source.directory is None:
                return 2
            return _revoke_unread(arguments, source.directory)
        for fault in loaded.faults:
            print(f"mws-bridge: note: {fault}", file=sys.stderr)
        return _ACTIONS[arguments.action](arguments, _Configured(path, source, loaded))
    except KeysError as error:
        print(f"mws-bridge: {error}", file=sys.stderr)
    return 2


def _now() -> datetime:
    return datetime.now(UTC)


def _new(arguments: argparse.Namespace, configured: _Configured) -> int:
    main, directory = configured.main, configured.source.directory
    _check_ends(configured.loaded.unsure)
    known = [seller.seller_id for seller in configured.settings.seller]
    for seller in arguments.sellers:
        if seller not in known:
            raise KeysError(f"no [[seller]] has seller_id {seller}; known are {_some(known)}")
    sellers = list(dict.fromkeys(arguments.sellers))
    pair = new_pair()
    text = key_text(pair, sellers, {})
    written = None
    if directory:
        with locked(directory):
            written = write_key(directory, pair.id, text)
    _show(configured, pair, sellers, written or f"Put this into {main}:\n\n{text}")
    return 0


def _rotate(arguments: argparse.Namespace, configured: _Configured) -> int:
    main, directory = configured.main, configured.source.directory
    _check_ends(configured.loaded.unsure)
    key = configured.find(arguments.id)
    if key is None:
        raise KeysError(configured.none_of(arguments.id))
    later = _now() + timedelta(days=arguments.days)
    end = min(later, _end_of(configured.settings.ends, key.id) or later)
    tokens = tokens_of(configured.source.key_files().get(key.id, main), key.id, directory=directory)
    pair = new_pair()
    text = key_text(pair, key.sellers, tokens)
    written = ended = None
    if directory:
        with locked(directory):
            written, ended = replace_key(directory, (pair.id, text), key.id, end)
    _show(configured, pair, key.sellers, written or f"Put this into {main}:\n\n{text}")
    line("")
    _tell_end(configured, key.id, end, ended)
    return 0


def _revoke(arguments: argparse.Namespace, configured: _Configured) -> int:
    _, directory, at = configured.main, configured.source.directory, arguments.at or _now()
    # The others that cannot be read do not matter: it is this file that is written, and the earliest end that counts.
    _check_ends([file for file in configured.loaded.unsure if Path(file).name == REVOKED_FILE])
    if configured.find(arguments.id) is None:
        _check_id(arguments.id)
        print(f"mws-bridge: warning: {configured.none_of(arguments.id)}", file=sys.stderr)
    _end_of(configured.settings.ends, arguments.id)
    if directory:
        with locked(directory):
            ended = end_key(directory, arguments.id, at)
        _tell_end(configured, arguments.id, at, ended)
        return 0
    _tell_end(configured, arguments.id, at, None)
    print(f"mws-bridge: {arguments.id} stays valid as long as that is not there", file=sys.stderr)
    return 2


def _revoke_unread(arguments: argparse.Namespace, directory: Path) -> int:
    """Have a key end although the main file is bad: a bridge that runs takes it over all the same."""
    _check_id(arguments.id)
    path, at = directory / REVOKED_FILE, arguments.at or _now()
    with locked(directory):
        file = (
            read_account_file(str(path), os.environ) if os.path.lexists(path) else AccountFile(str(path), Entries())
        )
        if file.entries is None:
            raise KeysError("; ".join(file.faults))
        _end_of(ends_of(file.entries.revoked), arguments.id)
        end_key(directory, arguments.id, at)
    line(f"{arguments.id} {'is unknown from' if at <= _now() else 'goes on until'} {_moment(at)}")
    line(f"Written to {path}, without a look at whether there is such a key. {_TAKEN_OVER}")
    return 0


#: Of what is written into the directory.
_TAKEN_OVER = "A running bridge takes it over within seconds, or at once on SIGHUP."


def _check_ends(unsure: Sequence[str]) -> None:
    """Raises KeysError when it is not known which keys have ended."""
    if unsure:
        raise KeysError(
            "; ".join(f"{file}: ends access keys, and cannot be used: repair it first" for file in unsure)
        )


def _check_id(key_id: str) -> None:
    """Raises KeysError for what can be the id of no key."""
    if not re.fullmatch(r"\S{1,200}", key_id) or not key_id.isprintable():
        raise KeysError("ID: write an access key like AKIAIMPORT0000000001")


def _show(configured: _Configured, pair: KeyPair, sellers: Sequence[str], place: Path | str) -> None:
    """Show a pair, and where it is, or what to do with it."""
    server = configured.settings.server
    line(f"access key   {pair.id}")
    line(f"secret       {pair.secret}")
    line(f"sellers      {', '.join(sellers)}")
    if isinstance(place, Path):
        line(f"\nWritten to {place}, for its owner only. The secret is shown this once.")
        line("A running bridge knows the key within seconds.")
    else:
        line(f"\n{place}")
        line('With accounts = "sellers.d" at its top, and that directory beside it, it would be written there.')
    line("\nIn the old program:")
    scheme = "https" if server.certificate else "http"
    line(f"  service URL     this bridge instead of Amazon (it listens on {scheme}://{server.host}:{server.port})")
    line("  AWSAccessKeyId  the access key")
    line("  secret key      the secret")
    line("  SellerId        stays as it is")


def _end_of(ends: Mapping[str, datetime], key_id: str) -> datetime | None:
    """From when on a key is unknown. Raises KeysError when it is already: it must not come back to life."""
    end = ends.get(key_id)
    if end is not None and end <= _now():
        raise KeysError(f"{key_id} has been revoked since {_moment(end)}; make another: mws-bridge keys new")
    return end


def _tell_end(configured: _Configured, key_id: str, at: datetime, ended: Path | None) -> None:
    """Say when a key ends, by the file where that is written, or what to do so that it ends."""
    if ended is None:
        line(f"To end {key_id}, put this into {configured.main}:\n\n{revoked_text(key_id, at)}")
        return
    loaded = configured.source.load(may_be_empty=True)
    end = loaded.settings.ends.get(key_id)
    if end is None:
        raise KeysError(f"{ended} cannot be used, and the key goes on: {'; '.join(loaded.faults)}")
    line(f"{key_id} {'is unknown from' if end <= _now() else 'goes on until'} {_moment(end)}")
    line(f"Written to {ended}. {_TAKEN_OVER}")


def _list(arguments: argparse.Namespace, configured: _Configured) -> int:
    now, ends, files = _now(), configured.settings.ends, configured.source.key_files()
    unused, unsure = configured.loaded.unused, configured.loaded.unsure
    rows = [
        (key, str(files.get(key.id, "the environment")), _state(ends.get(key.id), now, sure=not unsure))
        for key in configured.settings.access_key
    ]
    if unused:
        print(f"mws-bridge: note: keys that only {_some(unused)} may have are not listed", file=sys.stderr)
    if unsure:
        print(
            f"mws-bridge: note: which keys have ended is unknown until {_some(unsure)} is repaired", file=sys.stderr
        )
    if arguments.format == "json":
        document = [
            {"id": key.id, "sellers": key.sellers, "place": place, "state": state, "ends": ends.get(key.id)}
            for key, place, state in rows
        ]
        print(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        return 0
    show_table(
        ("access key", "sellers", "configured in", "state"),
        [
            (
                key.id,
                _some(key.sellers, 3),
                place,
                f"{_STATES[state]} {_moment(ends[key.id])}" if state in _STATES else state,
            )
            for key, place, state in rows
        ],
    )
    return 0


_STATES = {"revoked": "revoked since", "ending": "ends on"}
_ACTIONS: Mapping[str, Callable[[argparse.Namespace, _Configured], int]] = {
    "new": _new,
    "list": _list,
    "rotate": _rotate,
    "revoke": _revoke,
}


def _state(end: datetime | None, now: datetime, *, sure: bool) -> str:
    """``sure``: all ends are known, so that there is no earlier one."""
    if end is not None and end <= now:
        return "revoked"
    if not sure:
        return "unknown"
    return "valid" if end is None else "ending"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _some(names: Sequence[str], most: int = _NAMED) -> str:
    more = len(names) - most
    return (", ".join(names[:most]) or "none") + (f" and {more} more" if more > 0 else "")
