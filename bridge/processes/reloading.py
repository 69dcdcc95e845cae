"""New accounts while the bridge runs: when a file of the configuration changes, or somebody says so (SIGHUP)."""

import asyncio
import contextlib
import logging
from typing import Protocol

from bridge.accounts import AccountSource
from bridge.settings import Settings
from bridge.settings.changes import changes

__all__ = ["Serving", "keep_up", "log_faults"]

#: Seconds between two looks at whether a file has changed.
_EVERY = 2.0

_log = logging.getLogger("mws_bridge.accounts")


class Serving(Protocol):
    """What serves a configuration: a service, or workers that each have one. ``configuration_faults`` is what is
    wrong with files of which the last good state counts."""

    configuration_faults: tuple[str, ...]

    def take_over(self, settings: Settings) -> None:
        """Serve the accounts of ``settings`` from now on."""


async def keep_up(
    source: AccountSource, service: Serving, settings: Settings, asked: asyncio.Event, *, every: float = _EVERY
) -> None:
    """Go on for ever: have ``service``, which began with ``settings``, take over what ``source``, which has loaded
    these, says now, whenever that changes and when ``asked``. What cannot be used is logged, and leaves what there
    is."""
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(every):
                await asked.wait()
        told = asked.is_set()
        asked.clear()
        # In a thread: thousands of files take a while to look at, and requests are answered meanwhile.
        if not told and not await asyncio.to_thread(source.changed):
            continue
        loaded = await asyncio.to_thread(source.load)
        news = changes(settings, loaded.settings)
        if news:
            service.take_over(loaded.settings)
            for line in news.lines():
                _log.warning("reloaded: %s", line)
        elif told:
            _log.warning("reloaded: nothing has changed")
        if loaded.faults and (told or loaded.faults != service.configuration_faults):
            _log.error("the configuration has faults; where it has them, what was in force stays")
            log_faults(loaded.faults)
        service.configuration_faults = loaded.faults
        settings = loaded.settings


def log_faults(faults: tuple[str, ...]) -> None:
    """One line for each thing that is wrong with the configuration."""
    for fault in faults:
        _log.error("%s", fault)
