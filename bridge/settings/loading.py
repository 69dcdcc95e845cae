"""From files to settings, strictly: any fault of any file is one of the configuration."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bridge.settings.environment import read_environment
from bridge.settings.faults import entries_of
from bridge.settings.fields import Surroundings
from bridge.settings.files import AccountFile, MainFile, check_main, list_account_files, read_account_file, read_main
from bridge.settings.fitting import Candidate, Fitted, fit
from bridge.settings.models import Settings, SettingsError

__all__ = ["empty_faults", "left_faults", "load_settings", "merged", "parse_settings", "unlisted"]


def load_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read a TOML file and the directory of accounts that it names; without a path, the settings of one seller from
    the environment. Relative paths are relative to the file that they stand in. Raises SettingsError with every fault
    of every file."""
    return _whole(read_main(path, environ) if path else read_environment(environ), environ)


def parse_settings(data: Mapping[str, object], environ: Mapping[str, str], *, base: Path) -> Settings:
    """Settings of decoded TOML. Raises SettingsError with every fault."""
    return _whole(check_main(data, Surroundings(environ, base)), environ)


def _whole(main: MainFile, environ: Mapping[str, str]) -> Settings:
    faults = [str(fault) for fault in main.faults]
    files: list[AccountFile] = []
    if main.directory is not None:
        try:
            files = [read_account_file(path, environ) for path in list_account_files(main.directory)]
        except OSError as error:
            faults.append(unlisted(main.directory, error))
    if main.settings is None:
        raise SettingsError([*faults, *(fault for file in files for fault in file.faults)])
    fitted = fit(entries_of(main.settings), [Candidate(file) for file in files])
    faults += [*map(str, fitted.main_faults), *fitted.faults]
    settings = merged(main.settings, fitted)
    if main.directory is not None and not faults:
        faults = empty_faults(settings, main.directory)
    if faults:
        raise SettingsError(faults)
    return settings


def unlisted(directory: Path, error: OSError) -> str:
    """What to say of a directory of accounts that cannot be listed."""
    return f"accounts: cannot list {directory}: {error.strerror or type(error).__name__}"


def empty_faults(settings: Settings, directory: Path) -> list[str]:
    """What is missing before anybody can be served."""
    return [
        f"{table}: there is none that can be used: write a [[{table}]] into a file *.toml of {directory}"
        for table in _empty_tables(settings)
    ]


def left_faults(settings: Settings, directory: Path | None) -> list[str]:
    """What is missing before anybody can be served any longer. It is hardly meant: more often a disk is gone."""
    meant = {
        "seller": "if nobody is to be served any more, restart mws-bridge",
        "access_key": "if no key is to be valid any more, revoke them (mws-bridge keys) or restart mws-bridge",
    }
    return [
        f"accounts: no [[{table}]] is left, so what was in force stays: "
        f"put the files back into {directory}; {meant[table]}"
        for table in _empty_tables(settings)
    ]


def _empty_tables(settings: Settings) -> list[str]:
    named: Sequence[tuple[str, object]] = (("seller", settings.seller), ("access_key", settings.access_key))
    return [table for table, entries in named if not entries]


def merged(settings: Settings, fitted: Fitted) -> Settings:
    """The settings of the main file with the accounts of all files."""
    own = entries_of(settings)
    if not fitted.entries:
        return settings
    return settings.model_copy(
        update={
            name: tuple(entry for entries in (own, *fitted.entries) for entry in getattr(entries, name))
            for name in own._fields
        }
    )
