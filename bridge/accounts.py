"""The accounts as they are now: a configuration that is read again when it changes, and goes on with what it had
where a file of it is bad, or where nothing would be left."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from bridge.settings.environment import read_environment
from bridge.settings.faults import Entries, Fault, entries_of
from bridge.settings.files import AccountFile, MainFile, list_account_files, read_account_file, read_main
from bridge.settings.fitting import Candidate, Fitted, fit, fit_around
from bridge.settings.loading import empty_faults, left_faults, merged, unlisted
from bridge.settings.models import Settings, SettingsError
from bridge.settings.stamps import still_so

__all__ = ["AccountSource", "Loaded"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings with the accounts of all files. ``faults``: each "file: place: what and remedy"; ``kept``: the files
    of which the last good state counts, as far as it still fits; ``files``: how many there are beside the main file;
    ``unused``: those that do not count as they are; ``unsure``: those of ``unused`` that seem to end access keys, of
    which nobody knows which ones."""

    settings: Settings
    faults: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    files: int = 0
    unused: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Directory:
    """A directory of accounts as it was found. ``listed`` is None when it could not be listed, for which ``fault`` is
    the reason; ``files`` are those then that there were before."""

    path: Path | None = None
    listed: list[str] | None = field(default_factory=list)
    files: Mapping[str, AccountFile] = field(default_factory=dict)
    fault: str = ""

    def changed(self) -> bool:
        """Whether the list of files, or one of these, is another now."""
        try:
            listed = list_account_files(self.path) if self.path else []
        except OSError:
            listed = None
        if listed is None or listed != self.listed:
            return listed != self.listed  # a directory that is still gone is no news, nor are the files in it
        return not all(still_so(file.stamps) for file in self.files.values())


class _Main(NamedTuple):
    """A main file that is good."""

    settings: Settings
    directory: Path | None

    def with_files(self, candidates: Sequence[Candidate]) -> tuple[Settings, Fitted]:
        """The settings of this file and of others, as far as it still fits to them."""
        own, fitted = fit_around(entries_of(self.settings), candidates)
        return merged(self.settings.model_copy(update=own._asdict()), fitted), fitted


class AccountSource:
    """The configuration at ``path`` with its directory of accounts; without a path, the one of ``environ``. A file
    that has not changed is not read again. Not for several threads at once."""

    def __init__(self, path: Path | None, environ: Mapping[str, str]) -> None:
        self._path = path
        self._environ = environ
        self._main: MainFile | None = None
        self._in_force: _Main | None = None
        self._found = _Directory()
        self._looked_at: list[_Directory] = []
        self._known: list[_Directory] = []
        self._counted: dict[str, Entries] = {}

    def load(self, *, may_be_empty: bool = False) -> Loaded:
        """Read what has changed.

        The first time it raises SettingsError: for faults of the main file; when no seller or no key can be used
        (unless that ``may_be_empty``); and when a file is bad that ends access keys, since these must not come back
        to life. Later it does not. A main file that is bad or leads nowhere does not count then, and the last good
        one does, around which the other files are taken over. When no seller or no key would be left, files that are
        gone count as they last did."""
        main = self._main = self._read_main(may_be_empty=may_be_empty)
        self._known, self._looked_at = self._looked_at, []
        if self._in_force is None:
            return self._start(main, may_be_empty=may_be_empty)
        return self._go_on(main, self._in_force, may_be_empty=may_be_empty)

    def changed(self) -> bool:
        """Whether anything has changed since the last ``load``, whatever became of that: the main file, the list of
        the others, one of these, or a file with a secret of theirs. Looks at no content."""
        if self._main is None or not still_so(self._main.stamps):
            return True
        return any(found.changed() for found in self._looked_at)

    def key_files(self) -> dict[str, Path]:
        """By id of each access key that counts, the file that holds it. Empty for keys of the environment."""
        if self._in_force is None or self._path is None:
            return {}
        own = {key.id: self._path for key in self._in_force.settings.access_key}
        return own | {key.id: Path(path) for path, entries in self._counted.items() for key in entries.access_key}

    @property
    def directory(self) -> Path | None:
        """The directory of accounts, also when the rest of the main file is bad; None when none is configured, or
        nothing was loaded."""
        main = self._in_force or self._main
        return main.directory if main else None

    def _start(self, main: MainFile, *, may_be_empty: bool) -> Loaded:
        found = self._look(main.directory)
        faults = [*map(str, main.faults), *([found.fault] if found.fault else [])]
        if main.settings is None or faults:
            raise SettingsError([*faults, *(fault for file in found.files.values() for fault in file.faults)])
        candidates = self._candidates(found)
        fitted = fit(entries_of(main.settings), candidates)
        if fitted.main_faults:
            raise SettingsError([*fitted.faults, *map(str, fitted.main_faults)])
        settings = merged(main.settings, fitted)
        if not may_be_empty:
            faults = empty_faults(settings, main.directory) if main.directory else []
            faults += [
                f"{file.path}: ends access keys, and cannot be used: repair it first"
                for file in found.files.values()
                if file.revokes and file.entries is None
            ]
            if faults:
                raise SettingsError([*fitted.faults, *faults])
        return self._take(_Main(main.settings, main.directory), found, candidates, (settings, fitted))

    def _go_on(self, main: MainFile, in_force: _Main, *, may_be_empty: bool) -> Loaded:
        faults = self._in_main(main.faults)
        if main.settings is not None and not faults:
            found = self._look(main.directory)
            candidates = self._candidates(found)
            fitted = fit(entries_of(main.settings), candidates)
            settings = merged(main.settings, fitted)
            faults = self._in_main(fitted.main_faults)
            faults += [] if may_be_empty else left_faults(settings, main.directory)
            if not faults:
                return self._take(_Main(main.settings, main.directory), found, candidates, (settings, fitted))
        found = self._look(in_force.directory)
        candidates = self._candidates(found)
        settings, fitted = in_force.with_files(candidates)
        nobody = [] if may_be_empty else left_faults(settings, in_force.directory)
        if nobody:
            faults += [fault for fault in nobody if fault not in faults]
            gone = [path for path in self._counted if path not in found.files]
            candidates += [Candidate(AccountFile(path), self._counted[path]) for path in gone]
            settings, fitted = in_force.with_files(candidates)
        return self._take(in_force, found, candidates, (settings, fitted), faults)

    def _take(
        self,
        main: _Main,
        found: _Directory,
        candidates: Sequence[Candidate],
        made: tuple[Settings, Fitted],
        faults: Sequence[str] = (),
    ) -> Loaded:
        """Have it in force from now on."""
        settings, fitted = made
        used = zip((one.file.path for one in candidates), fitted.entries, strict=True)
        self._counted = {path: entries for path, entries in used if path in fitted.good or any(entries)}
        self._in_force, self._found = main, found
        unused = [file for path, file in found.files.items() if path not in fitted.good]
        return Loaded(
            settings,
            (*faults, *([found.fault] if found.fault else []), *fitted.faults),
            fitted.kept,
            len(found.files),
            tuple(file.path for file in unused),
            tuple(file.path for file in unused if file.revokes and file.entries is None),
        )

    def _in_main(self, faults: Iterable[Fault]) -> list[str]:
        """Faults of the main file, each with its name, as they are told beside those of other files."""
        name = str(self._path)
        if self._path is None:
            return [str(fault) for fault in faults]
        return [str(fault) if fault.location[:1] == (name,) else f"{name}: {fault}" for fault in faults]

    def _candidates(self, found: _Directory) -> list[Candidate]:
        return [Candidate(file, self._counted.get(path)) for path, file in found.files.items()]

    def _read_main(self, *, may_be_empty: bool) -> MainFile:
        if self._main is not None and self._main.settings is not None and still_so(self._main.stamps):
            return self._main
        if self._path is None:
            return read_environment(self._environ)
        return read_main(self._path, self._environ, may_be_empty=may_be_empty)

    def _look(self, directory: Path | None) -> _Directory:
        """What is in a directory, of which only what has changed is read."""
        for found in self._looked_at:
            if found.path == directory:
                return found
        before = next((known for known in self._known if known.path == directory), self._found).files
        try:
            listed = list_account_files(directory) if directory else []
        except OSError as error:
            fault = unlisted(directory, error) if directory else ""
            found = _Directory(directory, None, before, fault)
        else:
            found = _Directory(directory, listed, {path: self._read(path, before.get(path)) for path in listed})
        self._looked_at.append(found)
        return found

    def _read(self, path: str, before: AccountFile | None) -> AccountFile:
        return before if before is not None and still_so(before.stamps) else read_account_file(path, self._environ)
