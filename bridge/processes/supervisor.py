"""Several workers that take connections from one socket: started, watched, replaced, and stopped together."""

import asyncio
import contextlib
import logging
import signal
import socket
import sys
import time
from collections.abc import Callable

from bridge.processes.link import InForce, packed, read_message
from bridge.settings import Settings
from bridge.settings.changes import taking_effect
from bridge.watch.board import Board

__all__ = ["Supervisor"]

#: A worker that has served for so many seconds may be replaced at once; others after a pause that grows with each.
_PROVEN = 10.0
_PAUSES = (0.2, 1.0, 5.0, 15.0)
#: Seconds in which a worker must have come to its end when told to: more than it gives its last requests.
_GRACE = 20.0
#: Seconds in which a worker must have begun to serve, also on a machine that is busy with much else.
_START = 120.0

_log = logging.getLogger("mws_bridge.workers")


class Supervisor:
    """``count`` workers for ``listener``, which serve what is ``in_force``, and take over what comes into force while
    they run; one that replaces another begins with that. Their reports go to ``board``."""

    def __init__(self, in_force: InForce, listener: socket.socket, count: int, board: Board) -> None:
        self._in_force = in_force
        self._listener = listener
        self._count = count
        self._board = board
        self._processes: dict[int, asyncio.subprocess.Process] = {}
        self._links: dict[int, asyncio.StreamWriter] = {}
        self._reporting: set[int] = set()
        self._complete = asyncio.Event()
        self._stopping = asyncio.Event()

    @property
    def stopping(self) -> bool:
        """Whether the workers are being stopped."""
        return self._stopping.is_set()

    @property
    def missing(self) -> int:
        """How many workers do not serve yet, or not any more."""
        return self._count - len(self._reporting)

    def stop(self) -> None:
        """Have all workers end: they answer what they have begun."""
        self._stopping.set()

    def take_over(self, settings: Settings) -> None:
        """Have all workers serve what of ``settings`` takes effect at once; the rest waits for the next start, also
        where a worker is replaced before that."""
        self._pass_on(self._in_force._replace(settings=taking_effect(self._in_force.settings, settings)))

    @property
    def configuration_faults(self) -> tuple[str, ...]:
        """What is wrong with files of the configuration, for the workers' reports."""
        return self._in_force.faults

    @configuration_faults.setter
    def configuration_faults(self, faults: tuple[str, ...]) -> None:
        if faults != self._in_force.faults:
            self._pass_on(self._in_force._replace(faults=faults))

    def _pass_on(self, in_force: InForce) -> None:
        self._in_force = in_force
        message = packed(in_force)
        for link in self._links.values():
            link.write(message)

    def _tell(self, number: signal.Signals) -> None:
        """Send all workers a signal."""
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)

    async def run(self, ready: Callable[[], None]) -> None:
        """Keep all workers running until ``stop``. ``ready`` is called once, when all of them serve."""
        tending = [asyncio.create_task(self._tend(number)) for number in range(1, self._count + 1)]
        announcing = asyncio.create_task(self._announce(ready))
        await self._stopping.wait()
        announcing.cancel()
        # Each has its own hold of the socket: when the last one lets go of it, callers are refused instead of kept.
        self._listener.close()
        self._tell(signal.SIGTERM)
        _, late = await asyncio.wait(tending, timeout=_GRACE)
        if late:
            _log.error("%d workers did not end in time, and are killed", len(late))
            self._tell(signal.SIGKILL)
            await asyncio.wait(late)

    async def _announce(self, ready: Callable[[], None]) -> None:
        await self._complete.wait()
        ready()

    async def _tend(self, number: int) -> None:
        """Run one worker, and another one in its place when it ends before it should."""
        failures = 0
        while not self.stopping:
            began = time.monotonic()
            code = await self._run_one(number)
            if self.stopping:
                return
            failures = 0 if time.monotonic() - began >= _PROVEN else failures + 1
            pause = _PAUSES[min(failures, len(_PAUSES) - 1)] if failures else 0.0
            _log.error("worker %d has ended (%s) and is replaced in %g s", number, _ending(code), pause)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()

    async def _run_one(self, number: int) -> int:
        ours, theirs = socket.socketpair()
        with theirs:
            descriptors = (self._listener.fileno(), theirs.fileno())
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # what lies in the directory that we were started in is no part of the program
                "-m",
                "bridge.processes.worker",
                *map(str, descriptors),
                pass_fds=descriptors,
            )
        self._processes[number] = process
        if self.stopping:  # it was told before this one was there
            process.terminate()
        try:
            await self._attend(number, ours, process)
            return await process.wait()
        finally:
            self._processes.pop(number, None)
            self._reporting.discard(number)
            self._board.forget(str(number))

    async def _attend(self, number: int, link: socket.socket, process: asyncio.subprocess.Process) -> None:
        """Tell a worker what is in force, and take its reports until it has gone."""
        reader, writer = await asyncio.open_unix_connection(sock=link)
        self._links[number] = writer
        writer.write(packed(self._in_force))
        try:
            async with asyncio.timeout(_START):
                report = await read_message(reader)
            while True:
                self._board.merge(str(number), report)
                self._reporting.add(number)
                if not self.missing:
                    self._complete.set()
                report = await read_message(reader)
        except TimeoutError:
            _log.error("worker %d does not serve after %g s, and is killed", number, _START)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        except (asyncio.IncompleteReadError, OSError):
            return
        finally:
            del self._links[number]
            writer.close()


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
