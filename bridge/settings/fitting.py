"""Do the files fit together? Each counts whole, or what it last said does, as far as that fits; or nothing of it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from bridge.settings.faults import Entries, Fault, astray
from bridge.settings.files import AccountFile
from bridge.settings.models import AccessKeySettings

__all__ = ["Candidate", "Fitted", "fit", "fit_around"]


class Candidate(NamedTuple):
    """A file as it is now, and what of it counted until now (None: nothing). No two of these say the same."""

    file: AccountFile
    before: Entries | None = None


@dataclass(frozen=True, slots=True)
class Fitted:
    """What counts of each file, in the order of the candidates; what is wrong, and the files of which the last good
    state counts. ``main_faults`` are names of the main file that lead nowhere."""

    entries: tuple[Entries, ...]
    good: frozenset[str]
    kept: tuple[str, ...]
    faults: tuple[str, ...]
    main_faults: tuple[Fault, ...]


def fit(main: Entries, candidates: Sequence[Candidate]) -> Fitted:
    """Put the files together with the main file. A file that leads nowhere, or names what is named already, is not
    used; nor is one that held something and is empty now, since it was cut short rather than written so. Of two files
    that say the same, one that has been in use goes before one that has not, and then the earlier name: a new file
    cannot push out what is served. What a file revokes counts even when the rest of it does not."""
    candidates = [_bad_if_emptied(candidate) for candidate in candidates]
    faults = {candidate.file.path: list(candidate.file.faults) for candidate in candidates}
    good = {one.file.path: one.file.entries for one in candidates if one.file.entries is not None}
    ranked = sorted(candidates, key=_rank)
    while True:
        rest = _what_still_fits([main, *good.values()], [one for one in candidates if one.file.path not in good])
        all_entries = (main, *good.values(), *rest.values())
        applications = {entry.name for entries in all_entries for entry in entries.application}
        sellers = {entry.seller_id for entries in all_entries for entry in entries.seller}
        wrong: Mapping[str, list[Fault]] = {
            path: found for path, entries in good.items() if (found := astray(entries, applications, sellers))
        } or _named_before(main, [(one.file.path, good[one.file.path]) for one in ranked if one.file.path in good])
        if not wrong:
            break
        for path, found in wrong.items():
            faults[path] += [f"{path}: {fault}" for fault in found]
            del good[path]
    used = {**rest, **good}
    return Fitted(
        entries=tuple(used[one.file.path] for one in candidates),
        good=frozenset(good),
        kept=tuple(one.file.path for one in candidates if one.file.path not in good and one.before is not None),
        faults=tuple(fault for one in candidates for fault in faults[one.file.path]),
        main_faults=tuple(astray(main, applications, sellers)),
    )


def fit_around(main: Entries, candidates: Sequence[Candidate]) -> tuple[Entries, Fitted]:
    """Like ``fit``, for a main file that is in force: also of that, only what leads somewhere counts, and is returned
    with the rest."""
    while True:
        fitted = fit(main, candidates)
        if not fitted.main_faults:
            return main, fitted
        applications = {entry.name for entries in (main, *fitted.entries) for entry in entries.application}
        sellers = tuple(seller for seller in main.seller if seller.application in applications)
        reached = {entry.seller_id for some in (sellers, *(one.seller for one in fitted.entries)) for entry in some}
        main = main._replace(seller=sellers, access_key=_keys_that_reach(main.access_key, reached))


def _bad_if_emptied(candidate: Candidate) -> Candidate:
    file, before = candidate
    if file.entries is None or any(file.entries) or before is None or not any(before):
        return candidate
    words = "is empty, and what it held stays in force: write that again, or delete the file to remove it"
    return Candidate(replace(file, entries=None, faults=(f"{file.path}: {words}",)), before)


def _rank(candidate: Candidate) -> tuple[int, str]:
    """In use as it is, in use with other content, new; then by name."""
    path, before = candidate.file.path, candidate.before
    return (2 if before is None else 0 if before is candidate.file.entries else 1, path)


def _named_before(main: Entries, files: Iterable[tuple[str, Entries]]) -> dict[str, list[Fault]]:
    """The files that name what the main file or an earlier one of them names."""
    taken: dict[tuple[str, str, str], str] = dict.fromkeys(main.names(), "the main file")
    wrong: dict[str, list[Fault]] = {}
    for path, entries in files:
        names = entries.names()
        found = [name for name in names if name in taken]
        if found:
            wrong[path] = [
                Fault(
                    (table, setting),
                    f"{name} is already in {taken[table, setting, name]}: remove one of them",
                )
                for table, setting, name in found
            ]
        else:
            taken.update(dict.fromkeys(names, path))
    return wrong


def _what_still_fits(good: Sequence[Entries], candidates: Sequence[Candidate]) -> dict[str, Entries]:
    """Of files that cannot be used as they are: of their last good state, what is not named elsewhere by now and
    leads somewhere, and all revocations."""
    rest: dict[str, Entries] = {}
    if not candidates:
        return rest
    taken = {name for entries in good for name in entries.names()}
    applications = {name for table, _, name in taken if table == "application"}
    sellers = {name for table, _, name in taken if table == "seller"}
    before = [(one.file, one.before or Entries()) for one in candidates]
    own_applications = [
        tuple(entry for entry in entries.application if ("application", "name", entry.name) not in taken)
        for _, entries in before
    ]
    applications |= {entry.name for some in own_applications for entry in some}
    own_sellers = [
        tuple(
            entry
            for entry in entries.seller
            if ("seller", "seller_id", entry.seller_id) not in taken and entry.application in applications
        )
        for _, entries in before
    ]
    sellers |= {entry.seller_id for some in own_sellers for entry in some}
    for (file, entries), some_applications, some_sellers in zip(before, own_applications, own_sellers, strict=True):
        untaken = [key for key in entries.access_key if ("access_key", "id", key.id) not in taken]
        revoked = entries.revoked if file.entries is None else file.entries.revoked
        rest[file.path] = Entries(some_applications, some_sellers, _keys_that_reach(untaken, sellers), revoked)
    return rest


def _keys_that_reach(keys: Iterable[AccessKeySettings], sellers: Collection[str]) -> tuple[AccessKeySettings, ...]:
    """The keys for those of their sellers that there are, without the keys that have none."""
    reaching = []
    for key in keys:
        reached = tuple(seller for seller in key.sellers if seller in sellers)
        if reached:
            tokens = {seller: token for seller, token in key.mws_auth_tokens.items() if seller in sellers}
            reaching.append(key.model_copy(update={"sellers": reached, "mws_auth_tokens": tokens}))
    return tuple(reaching)
