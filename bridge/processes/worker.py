"""A worker process: ``python -P -m bridge.processes.worker LISTENER LINK``, started by the supervisor.

LISTENER and LINK are file descriptors: of the socket that all workers take connections from, and of the one over
which this one is told what is in force, and reports. It reads no file of the configuration itself: what holds for one
worker holds for all.
"""

import asyncio
import contextlib
import logging
import signal
import socket
import sys

from bridge.accounts import Loaded
from bridge.endpoint.server import CertificateError, run_loop
from bridge.observe import start_logging
from bridge.processes.link import InForce, read_message, receive, unpacked, with_length
from bridge.processes.work import Work

__all__ = ["REPORT_SECONDS", "main"]

#: Seconds between two reports.
REPORT_SECONDS = 1.0

_log = logging.getLogger("mws_bridge.workers")


def main(arguments: list[str]) -> int:
    """Serve until told to stop, or until the supervisor is gone."""
    listener, link = map(int, arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # until we serve: Ctrl-C ends what has begun to, and no more
    with socket.socket(fileno=listener) as shared, socket.socket(fileno=link) as own:
        own.settimeout(None)
        try:
            in_force = unpacked(receive(own))
        except EOFError:
            return 0  # there is nobody to work for
        start_logging(in_force.settings.server.log_level, in_force.settings.server.log_format)
        try:
            work = Work(Loaded(in_force.settings))
        except CertificateError as error:
            _log.error("%s", error)
            return 2
        work.service.configuration_faults = in_force.faults
        return run_loop(_run(work, shared, own))


async def _run(work: Work, listener: socket.socket, link: socket.socket) -> int:
    reader, writer = await asyncio.open_unix_connection(sock=link)
    reporting = asyncio.create_task(_report(work, writer))
    following = asyncio.create_task(_follow(reader, work))
    try:
        await work.run(listener)
    finally:
        reporting.cancel()
        following.cancel()
        with contextlib.suppress(OSError):
            writer.write(with_length(work.watch.report()))  # what was counted until the end
            writer.close()
            await writer.wait_closed()
    return 0


async def _report(work: Work, writer: asyncio.StreamWriter) -> None:
    while not work.server.started:  # noqa: ASYNC110 - uvicorn has nothing to wait for
        await asyncio.sleep(0.01)
    with contextlib.suppress(OSError):
        while True:
            writer.write(with_length(work.watch.report()))
            await writer.drain()
            await asyncio.sleep(REPORT_SECONDS)


async def _follow(reader: asyncio.StreamReader, work: Work) -> None:
    """Take over what the supervisor tells. When the link ends it has gone, and nobody would ever stop us."""
    with contextlib.suppress(asyncio.IncompleteReadError, OSError):
        while True:
            message = await read_message(reader)
            # In a thread: thousands of sellers take a while, and requests are answered meanwhile.
            in_force: InForce = await asyncio.to_thread(unpacked, message)
            work.service.take_over(in_force.settings)
            work.service.configuration_faults = in_force.faults
    work.server.should_exit = True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
