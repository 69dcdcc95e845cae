"""Several workers that take connections from one socket: started, watched, replaced, and stopped together."""

import asyncio
import contextlib
import logging
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bridge.watch.board import Board

__all__ = ["Supervisor"]

#: A worker that has served for so many seconds may be replaced at once; others after a pause that grows with each.
_PROVEN = 10.0
_PAUSES = (0.2, 1.0, 5.0, 15.0)
#: Seconds in which a worker must have come to its end when told to: more than it gives its last requests.
_GRACE = 20.0

_log = logging.getLogger("mws_bridge.workers")


class Supervisor:
    """``count`` workers for ``listener``, each with the configuration at ``config`` (None: the environment). Their
    reports go to ``board``."""

    def __init__(self, config: Path | None, listener: socket.socket, count: int, board: Board) -> None:
        self._config = config
        self._listener = listener
        self._count = count
        self._board = board
        self._processes: dict[int, asyncio.subprocess.Process] = {}
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

    def tell(self, number: signal.Signals) -> None:
        """Pass a signal on to all workers."""
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
        self.tell(signal.SIGTERM)
        _, late = await asyncio.wait(tending, timeout=_GRACE)
        if late:
            _log.error("%d workers did not end in time, and are killed", len(late))
            self.tell(signal.SIGKILL)
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
                "-m",
                "bridge.processes.worker",
                str(self._config or ""),
                *map(str, descriptors),
                pass_fds=descriptors,
            )
        self._processes[number] = process
        if self.stopping:  # it was told before this one was there
            process.terminate()
        try:
            await self._listen(number, ours)
            return await process.wait()
        finally:
            self._processes.pop(number, None)
            self._reporting.discard(number)
            self._board.forget(str(number))

    async def _listen(self, number: int, link: socket.socket) -> None:
        """Take a worker's reports until it has gone."""
        reader, writer = await asyncio.open_unix_connection(sock=link)
        try:
            while True:
                size = int.from_bytes(await reader.readexactly(4))
                self._board.merge(str(number), await reader.readexactly(size))
                self._reporting.add(number)
                if not self.missing:
                    self._complete.set()
        except (asyncio.IncompleteReadError, OSError):
            return
        finally:
            writer.close()


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
