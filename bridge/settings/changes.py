"""What is different now? For the log of a bridge that has read its configuration again."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from bridge.settings.models import ApplicationSettings, SellerSettings, Settings

__all__ = ["Changed", "changes", "taking_effect"]

#: Names that one line of the log holds; of more of them it tells the number.
_NAMED = 10


@dataclass(frozen=True, slots=True)
class Changed:
    """Ids by what has become of them. A seller whose application has changed has changed. ``keys_ending``: from when
    on the key is unknown has changed. ``settings``: others that take effect at once; ``waiting``: those that do so at
    the next start."""

    sellers_added: tuple[str, ...] = ()
    sellers_removed: tuple[str, ...] = ()
    sellers_changed: tuple[str, ...] = ()
    keys_added: tuple[str, ...] = ()
    keys_removed: tuple[str, ...] = ()
    keys_changed: tuple[str, ...] = ()
    keys_ending: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name, _ in _WORDS)

    def lines(self) -> tuple[str, ...]:
        """One line for each thing that has happened; no secrets."""
        return tuple(f"{words}: {_some(getattr(self, name))}" for name, words in _WORDS if getattr(self, name))


_WORDS = (
    ("sellers_added", "sellers added"),
    ("sellers_removed", "sellers removed"),
    ("sellers_changed", "sellers changed"),
    ("keys_added", "access keys added"),
    ("keys_removed", "access keys removed"),
    ("keys_changed", "access keys changed"),
    ("keys_ending", "access keys with another end"),
    ("settings", "settings changed"),
    ("waiting", "changed, but takes effect at the next start"),
)
#: Settings that are told of as accounts, and others that the access keys are checked with.
_ACCOUNTS = {"accounts", "application", "seller", "access_key", "revoked"}
_AT_ONCE = {"server.hosts", "server.accept_deviant_signatures"}


def changes(before: Settings, after: Settings) -> Changed:
    """How ``after`` differs from ``before``."""
    sellers = _compare(_sellers(before), _sellers(after))
    keys = _compare({key.id: key for key in before.access_key}, {key.id: key for key in after.access_key})
    old_ends, new_ends = before.ends, after.ends
    ending = {id_ for id_ in old_ends.keys() | new_ends.keys() if old_ends.get(id_) != new_ends.get(id_)}
    others = _others(before, after)
    return Changed(
        *sellers,
        *keys,
        tuple(sorted(ending)),
        tuple(name for name in others if name in _AT_ONCE),
        tuple(name for name in others if name not in _AT_ONCE),
    )


def taking_effect(before: Settings, after: Settings) -> Settings:
    """``before`` with what of ``after`` takes effect at once."""
    server = {name: getattr(after.server, name) for table, _, name in (one.partition(".") for one in _AT_ONCE)}
    update: dict[str, object] = {name: getattr(after, name) for name in _ACCOUNTS}
    return before.model_copy(update=update | {"server": before.server.model_copy(update=server)})


def _sellers(settings: Settings) -> dict[str, tuple[SellerSettings, ApplicationSettings]]:
    applications = {application.name: application for application in settings.application}
    return {seller.seller_id: (seller, applications[seller.application]) for seller in settings.seller}


def _compare(
    before: Mapping[str, object], after: Mapping[str, object]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The ids that came, that went, and that are others now."""
    return (
        tuple(id_ for id_ in after if id_ not in before),
        tuple(id_ for id_ in before if id_ not in after),
        tuple(id_ for id_, entry in after.items() if id_ in before and entry != before[id_]),
    )


def _others(before: Settings, after: Settings) -> list[str]:
    """The settings apart from accounts that differ."""
    names: list[str] = []
    for table in Settings.model_fields.keys() - _ACCOUNTS:
        old, new = getattr(before, table), getattr(after, table)
        if isinstance(old, BaseModel) and isinstance(new, BaseModel):
            inner = type(old).model_fields
            names += [f"{table}.{name}" for name in inner if getattr(old, name) != getattr(new, name)]
        elif old != new:
            names.append(table)
    return sorted(names)


def _some(names: tuple[str, ...]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
