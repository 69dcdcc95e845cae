"""Converting chunks of blocks in other processes, in order.

Processes are spawned, not forked: whoever calls may have threads. What goes to a worker is a chunk of bytes and what
comes back are its segments; the parser, and with it every decision, stays in the calling process. So the output is
the same for any number of jobs.
"""

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from bridge.offline.sp_api import Members
from mws_compat.documents import DocumentKind
from mws_compat.stream import Segment

__all__ = ["Pool", "WorkerError"]


class WorkerError(Exception):
    """A worker process ended before its time: killed, or out of memory. Its pool is of no use any more."""


_members: Members | None = None


def _start(separator: bytes, strict: bool) -> None:  # noqa: FBT001 - called by the executor, by position
    global _members  # noqa: PLW0603 - a worker serves one pool
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the calling process ends its workers
    _members = Members(separator, strict=strict)


def _convert(root: str, chunk: bytes) -> list[Segment]:
    assert _members is not None  # noqa: S101 - _start came first
    return _members.convert(root, chunk)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold interrupts back. A process that is started meanwhile never gets one, not even before ``_start``."""
    if not hasattr(signal, "pthread_sigmask"):  # pragma: no cover - Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Pool:
    """A shortcut over worker processes. A context manager: leaving it ends them."""

    def __init__(self, jobs: int, separator: bytes, *, strict: bool) -> None:
        self.ahead = 2 * jobs
        self._executor = ProcessPoolExecutor(
            jobs,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start,
            initargs=(separator, strict),
        )

    def submit(self, kind: DocumentKind, chunk: bytes) -> Callable[[], list[Segment]]:
        try:
            with _uninterrupted():
                future: Future[list[Segment]] = self._executor.submit(_convert, kind.root.name, chunk)
        except BrokenProcessPool as error:
            raise WorkerError from error

        def result() -> list[Segment]:
            try:
                return future.result()
            except BrokenProcessPool as error:
                raise WorkerError from error

        return result

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)
