"""The accounts as they are now: a configuration that is read again when it changes, and goes on with what it had
where a file of it is bad."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bridge.settings.environment import read_environment
from bridge.settings.faults import Entries, entries_of
from bridge.settings.files import AccountFile, MainFile, list_account_files, read_account_file, read_main
from bridge.settings.fitting import Candidate, fit
from bridge.settings.loading import empty_faults, merged, unlisted
from bridge.settings.models import Settings, SettingsError
from bridge.settings.stamps import still_so

__all__ = ["AccountSource", "Loaded"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings with the accounts of all files. ``faults``: each "file: place: what and remedy"; ``kept``: the files
    of which the last good state counts, as far as it still fits; ``files``: how many there are beside that."""

    settings: Settings
    faults: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    files: int = 0


class AccountSource:
    """The configuration at ``path`` with its directory of accounts; without a path, the one of ``environ``. A file
    that has not changed is not read again. Not for several threads at once."""

    def __init__(self, path: Path | None, environ: Mapping[str, str]) -> None:
        self._path = path
        self._environ = environ
        self._main: MainFile | None = None
        self._files: dict[str, AccountFile] = {}
        self._listed: list[str] | None = None
        self._counted: dict[str, Entries] = {}
        self._loaded = False

    def load(self, *, may_be_empty: bool = False) -> Loaded:
        """Read what has changed. Raises SettingsError, and leaves what counts as it was: for faults of the main file;
        and the first time, when no seller or no key can be used (unless that ``may_be_empty``), or a file is bad that
        ends access keys, since these must not come back to life."""
        first = not self._loaded
        main = self._main = self._read_main(may_be_empty=may_be_empty)
        faults = [str(fault) for fault in main.faults]
        if faults and not first:
            raise SettingsError(faults)
        listing_fault = self._read_files(main.directory)
        if first and listing_fault:
            faults.append(listing_fault)
        if main.settings is None or faults:
            raise SettingsError([*faults, *(fault for file in self._files.values() for fault in file.faults)])
        fitted = fit(
            entries_of(main.settings),
            [Candidate(file, self._counted.get(path)) for path, file in self._files.items()],
        )
        if fitted.main_faults:
            raise SettingsError([*fitted.faults, *map(str, fitted.main_faults)])
        settings = merged(main.settings, fitted)
        if first and not may_be_empty:
            faults = empty_faults(settings, main.directory) if main.directory else []
            faults += [
                f"{file.path}: ends access keys, and cannot be used: repair it first"
                for file in self._files.values()
                if file.revokes and file.entries is None
            ]
            if faults:
                raise SettingsError([*fitted.faults, *faults])
        self._loaded = True
        used = zip(self._files, fitted.entries, strict=True)
        self._counted = {path: entries for path, entries in used if path in fitted.good or any(entries)}
        return Loaded(
            settings,
            (*([listing_fault] if listing_fault else []), *fitted.faults),
            fitted.kept,
            len(self._files),
        )

    def changed(self) -> bool:
        """Whether anything has changed since the last ``load``, whatever became of that: the main file, the list of
        the others, one of these, or a file with a secret of theirs. Looks at no content."""
        if self._main is None or not still_so(self._main.stamps):
            return True
        if self._main.faults:
            return False  # the others count only together with the main file
        try:
            listed = list_account_files(self._main.directory) if self._main.directory else []
        except OSError:
            listed = None
        if listed is None or listed != self._listed:
            return listed != self._listed  # a directory that is still gone is no news, nor are the files in it
        return not all(still_so(file.stamps) for file in self._files.values())

    def key_files(self) -> dict[str, Path]:
        """By id of each access key that counts, the file that holds it. Empty for keys of the environment."""
        if self._main is None or self._main.settings is None or self._path is None:
            return {}
        own = {key.id: self._path for key in self._main.settings.access_key}
        return own | {key.id: Path(path) for path, entries in self._counted.items() for key in entries.access_key}

    @property
    def directory(self) -> Path | None:
        """The directory of accounts; None when none is configured, or nothing was loaded."""
        return self._main.directory if self._main else None

    def _read_main(self, *, may_be_empty: bool) -> MainFile:
        if self._main is not None and self._main.settings is not None and still_so(self._main.stamps):
            return self._main
        if self._path is None:
            return read_environment(self._environ)
        return read_main(self._path, self._environ, may_be_empty=may_be_empty)

    def _read_files(self, directory: Path | None) -> str:
        """Read what has changed in the directory. Returns what is wrong with the directory itself, else ''; what was
        in it stays then."""
        try:
            self._listed = list_account_files(directory) if directory else []
        except OSError as error:
            self._listed = None
            return unlisted(directory, error) if directory else ""
        before = self._files
        self._files = {}
        for path in self._listed:
            file = before.get(path)
            fresh = file is None or not still_so(file.stamps)
            self._files[path] = read_account_file(path, self._environ) if fresh or file is None else file
        return ""
