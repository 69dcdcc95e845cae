"""New accounts while the bridge runs: when a file of the configuration changes, or somebody says so (SIGHUP)."""

import asyncio
import contextlib
import logging

from bridge.accounts import AccountSource
from bridge.endpoint.service import Service
from bridge.settings import Settings, SettingsError
from bridge.settings.changes import changes

__all__ = ["keep_up", "log_faults"]

#: Seconds between two looks at whether a file has changed.
_EVERY = 2.0

_log = logging.getLogger("mws_bridge.accounts")


async def keep_up(
    source: AccountSource, service: Service, settings: Settings, asked: asyncio.Event, *, every: float = _EVERY
) -> None:
    """Go on for ever: have ``service``, which began with ``settings``, take over what ``source`` says, whenever that
    changes and when ``asked``. What cannot be used is logged, and leaves what there is."""
    refused: tuple[str, ...] = ()
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(every):
                await asked.wait()
        told = asked.is_set()
        asked.clear()
        # In a thread: thousands of files take a while to look at, and requests are answered meanwhile.
        if not told and not await asyncio.to_thread(source.changed):
            continue
        try:
            loaded = await asyncio.to_thread(source.load)
        except SettingsError as error:
            if told or error.faults != refused:
                _log.error("the configuration cannot be used; what was in force stays")
                log_faults(error.faults)
            refused = error.faults
            service.faulty_files = error.faults
            continue
        refused = ()
        news = changes(settings, loaded.settings)
        if news:
            service.take_over(loaded.settings)
            for line in news.lines():
                _log.warning("reloaded: %s", line)
        elif told:
            _log.warning("reloaded: nothing has changed")
        if loaded.faults != service.faulty_files:
            log_faults(loaded.faults)
        service.faulty_files = loaded.faults
        settings = loaded.settings


def log_faults(faults: tuple[str, ...]) -> None:
    """One line for each thing that is wrong with the configuration."""
    for fault in faults:
        _log.error("%s", fault)
