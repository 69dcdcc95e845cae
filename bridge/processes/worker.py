"""A worker process: ``python -m bridge.processes.worker CONFIG LISTENER LINK``, started by the supervisor.

LISTENER and LINK are file descriptors: of the socket that all workers take connections from, and of the one on which
this one reports. CONFIG is a path, or '' for the environment.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path

from bridge.accounts import AccountSource
from bridge.endpoint.server import run_loop
from bridge.observe import start_logging
from bridge.processes.reloading import log_faults
from bridge.processes.work import Work
from bridge.settings import SettingsError

__all__ = ["REPORT_SECONDS", "main"]

#: Seconds between two reports.
REPORT_SECONDS = 1.0


def main(arguments: list[str]) -> int:
    """Serve until told to stop, or until the supervisor is gone."""
    config, listener, link = arguments
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # until we serve: Ctrl-C ends what has begun to, and no more
    source = AccountSource(Path(config) if config else None, os.environ)
    try:
        loaded = source.load()
    except SettingsError as error:
        start_logging("info")
        log_faults(error.faults)
        return 2
    start_logging(loaded.settings.server.log_level, loaded.settings.server.log_format)
    with socket.socket(fileno=int(listener)) as shared, socket.socket(fileno=int(link)) as own:
        return run_loop(_run(Work(loaded, source=source), shared, own))


async def _run(work: Work, listener: socket.socket, link: socket.socket) -> int:
    reader, writer = await asyncio.open_unix_connection(sock=link)
    reporting = asyncio.create_task(_report(work, writer))
    watching = asyncio.create_task(_stop_with(reader, work))
    try:
        await work.run(listener)
    finally:
        reporting.cancel()
        watching.cancel()
        with contextlib.suppress(OSError):
            _send(writer, work.watch.report())  # what was counted until the end
            writer.close()
            await writer.wait_closed()
    return 0


async def _report(work: Work, writer: asyncio.StreamWriter) -> None:
    while not work.server.started:  # noqa: ASYNC110 - uvicorn has nothing to wait for
        await asyncio.sleep(0.01)
    with contextlib.suppress(OSError):
        while True:
            _send(writer, work.watch.report())
            await writer.drain()
            await asyncio.sleep(REPORT_SECONDS)


def _send(writer: asyncio.StreamWriter, report: bytes) -> None:
    writer.write(len(report).to_bytes(4) + report)


async def _stop_with(reader: asyncio.StreamReader, work: Work) -> None:
    """The supervisor never writes: when the link ends it has gone, and nobody would ever stop us."""
    with contextlib.suppress(OSError):
        await reader.read(1)
    work.server.should_exit = True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
