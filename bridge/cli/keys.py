"""``mws-bridge keys``: the key pairs of old programs: made, listed, rotated, revoked."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import orjson

from bridge.accounts import AccountSource
from bridge.cli.config import config_path, explain, name_of
from bridge.cli.console import line, show_table
from bridge.keys import KeysError, end_key, key_text, locked, new_pair, revoked_text, tokens_of, write_key
from bridge.settings import AccessKeySettings, Settings, SettingsError

__all__ = ["run"]

#: Names that a message holds; of more of them it tells the number.
_NAMED = 10


class _Configured(NamedTuple):
    """What is there: the main file (None: the environment), what reads it, and what that has read."""

    path: Path | None
    source: AccountSource
    settings: Settings

    @property
    def main(self) -> Path:
        """The main file. Raises KeysError where there is none."""
        if self.path is None:
            raise KeysError(f"{name_of(None)} has one key: change MWS_BRIDGE_ACCESS_KEY_… there, or write a file")
        return self.path

    def key(self, key_id: str) -> AccessKeySettings:
        """An access key. Raises KeysError when there is none of that id."""
        for key in self.settings.access_key:
            if key.id == key_id:
                return key
        known = _some([key.id for key in self.settings.access_key])
        raise KeysError(f"no [[access_key]] has id {key_id}; known are {known}")


def run(arguments: argparse.Namespace) -> int:
    """Returns 0 when it is done, 2 when it could not be."""
    path = config_path(arguments)
    source = AccountSource(path, os.environ)
    try:
        loaded = source.load(may_be_empty=True)
        for fault in loaded.faults:
            print(f"mws-bridge: note: {fault}", file=sys.stderr)
        return _ACTIONS[arguments.action](arguments, _Configured(path, source, loaded.settings))
    except SettingsError as error:
        explain(path, error)
    except KeysError as error:
        print(f"mws-bridge: {error}", file=sys.stderr)
    return 2


def _now() -> datetime:
    return datetime.now(UTC)


def _new(arguments: argparse.Namespace, configured: _Configured) -> int:
    known = [seller.seller_id for seller in configured.settings.seller]
    for seller in arguments.sellers:
        if seller not in known:
            raise KeysError(f"no [[seller]] has seller_id {seller}; known are {_some(known)}")
    _make(configured, list(dict.fromkeys(arguments.sellers)), {})
    return 0


def _rotate(arguments: argparse.Namespace, configured: _Configured) -> int:
    key, directory = configured.key(arguments.id), configured.source.directory
    end = _end_of(configured, key)
    later = _now() + timedelta(days=arguments.days)
    tokens = tokens_of(configured.source.key_files().get(key.id, configured.main), key.id, directory=directory)
    _make(configured, key.sellers, tokens)
    line("")
    _end(configured, key.id, min(later, end or later))
    return 0


def _revoke(arguments: argparse.Namespace, configured: _Configured) -> int:
    key = configured.key(arguments.id)
    _end_of(configured, key)
    _end(configured, key.id, arguments.at or _now())
    if configured.source.directory:
        return 0
    print(f"mws-bridge: {key.id} stays valid as long as that is not there", file=sys.stderr)
    return 2


def _make(configured: _Configured, sellers: Sequence[str], tokens: Mapping[str, object]) -> None:
    """Make a pair, put it where it belongs, and show it."""
    main, directory, server = configured.main, configured.source.directory, configured.settings.server
    pair = new_pair()
    text = key_text(pair, sellers, tokens)
    written = None
    if directory:
        with locked(directory):
            written = write_key(directory, pair.id, text)
    line(f"access key   {pair.id}")
    line(f"secret       {pair.secret}")
    line(f"sellers      {', '.join(sellers)}")
    if written:
        line(f"\nWritten to {written}, for its owner only. The secret is shown this once.")
        line("A running bridge knows the key within seconds.")
    else:
        line(f"\nPut this into {main}:\n\n{text}")
        line('With accounts = "sellers.d" at its top, and that directory beside it, it would be written there.')
    line("\nIn the old program:")
    scheme = "https" if server.certificate else "http"
    line(f"  service URL     this bridge instead of Amazon (it listens on {scheme}://{server.host}:{server.port})")
    line("  AWSAccessKeyId  the access key")
    line("  secret key      the secret")
    line("  SellerId        stays as it is")


def _end_of(configured: _Configured, key: AccessKeySettings) -> datetime | None:
    """From when on a key is unknown. Raises KeysError when it is already: it must not come back to life."""
    end = configured.settings.ends.get(key.id)
    if end is not None and end <= _now():
        raise KeysError(f"{key.id} has been revoked since {_moment(end)}; make another: mws-bridge keys new")
    return end


def _end(configured: _Configured, key_id: str, at: datetime) -> None:
    """Have a key end, and say when it does."""
    directory = configured.source.directory
    if directory is None:
        line(f"To end {key_id}, put this into {configured.main}:\n\n{revoked_text(key_id, at)}")
        return
    with locked(directory):
        written = end_key(directory, key_id, at)
    loaded = configured.source.load(may_be_empty=True)
    end = loaded.settings.ends.get(key_id)
    if end is None:
        raise KeysError(f"{written} cannot be used, and the key goes on: {'; '.join(loaded.faults)}")
    line(f"{key_id} {'is unknown from' if end <= _now() else 'goes on until'} {_moment(end)}")
    line(f"Written to {written}. A running bridge takes it over within seconds, or at once on SIGHUP.")


def _list(arguments: argparse.Namespace, configured: _Configured) -> int:
    now, ends, files = _now(), configured.settings.ends, configured.source.key_files()
    rows = [
        (key, str(files.get(key.id, "the environment")), _state(ends.get(key.id), now), ends.get(key.id))
        for key in configured.settings.access_key
    ]
    if arguments.format == "json":
        document = [
            {"id": key.id, "sellers": key.sellers, "place": place, "state": state, "ends": end}
            for key, place, state, end in rows
        ]
        print(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        return 0
    show_table(
        ("access key", "sellers", "configured in", "state"),
        [
            (key.id, _some(key.sellers, 3), place, f"{_STATES[state]} {_moment(end)}" if end else state)
            for key, place, state, end in rows
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


def _state(end: datetime | None, now: datetime) -> str:
    return "valid" if end is None else "revoked" if end <= now else "ending"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _some(names: Sequence[str], most: int = _NAMED) -> str:
    more = len(names) - most
    return (", ".join(names[:most]) or "none") + (f" and {more} more" if more > 0 else "")
