"""One process that serves: the service, its server, what it tells about itself, and how it keeps up with changes."""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import threading
import time
from collections.abc import Iterator, Sequence

import uvicorn

from bridge.accounts import AccountSource, Loaded
from bridge.endpoint.build import build_service
from bridge.endpoint.recording import Recorder
from bridge.endpoint.server import ServerLimits, make_server, room_for
from bridge.observe import Emit, RequestEvent, emit_to_log
from bridge.processes.reloading import keep_up, log_faults
from bridge.settings import ServerSettings, Settings
from bridge.watch.counting import Watch
from bridge.watch.survey import Survey
from bridge.watch.tracing import tracing

_log = logging.getLogger("mws_bridge.server")

__all__ = ["Work", "limits_of", "stopped_by_signals", "told_by_hangup"]


class Work:
    """Serves what ``loaded`` says. ``source``, where there is one, is asked for changes of what it said at first:
    ``configured``, or else the settings of ``loaded``. Raises CertificateError."""

    def __init__(
        self,
        loaded: Loaded,
        *,
        source: AccountSource | None = None,
        configured: Settings | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        settings = loaded.settings
        self.watch = Watch(now=time.time, survey=self._survey)
        self._spans = tracing()
        emits: list[Emit] = [emit_to_log(settings.server.log_format), self.watch]
        if self._spans is not None:
            emits.append(self._spans)
        self._source = source
        self._configured = configured or settings
        self.service = build_service(settings, emit=_each_of(emits), recorder=recorder)
        self.service.configuration_faults = loaded.faults
        log_faults(loaded.faults)
        self.server = make_server(
            self.service.endpoint,
            limits=limits_of(settings.server),
            certificate=settings.server.certificate,
            private_key=settings.server.private_key,
            trusted_proxies=settings.server.trusted_proxies,
        )

    @property
    def stopping(self) -> bool:
        """Whether it takes no more requests."""
        return self.server.should_exit

    async def run(self, listener: socket.socket) -> None:
        """Serve until told to stop, and then until the requests under way are answered."""
        # What there is now stays until the end: it need not be looked through again and again while callers wait.
        gc.collect()
        gc.freeze()
        with contextlib.ExitStack() as stack:
            stack.enter_context(stopped_by_signals(self.server))
            keeping = None
            if self._source is not None:
                asked = stack.enter_context(told_by_hangup())
                keeping = asyncio.create_task(keep_up(self._source, self.service, self._configured, asked))
            try:
                await self.server.serve(sockets=[listener])
            finally:
                if keeping is not None:
                    keeping.cancel()
                if self._spans is not None:
                    await asyncio.to_thread(self._spans.close)

    def _survey(self) -> Survey:
        self.service.draining = self.stopping
        return self.service.survey()


def limits_of(server: ServerSettings) -> ServerLimits:
    """How long a caller may take, and how many connections there may be; a warning tells of fewer than was wanted."""
    connections = room_for(server.connections)
    if connections < server.connections:
        _log.warning(
            "server.connections: only %d of %d are possible: raise the limit of open files (ulimit -n, LimitNOFILE)",
            connections,
            server.connections,
        )
    return ServerLimits(
        head_seconds=server.head_seconds,
        body_seconds=server.body_seconds,
        send_seconds=server.send_seconds,
        connections=connections,
    )


def _each_of(emits: Sequence[Emit]) -> Emit:
    def emit(event: RequestEvent) -> None:
        for one in emits:
            one(event)

    return emit


@contextlib.contextmanager
def stopped_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """Being told to stop is no failure. uvicorn shuts down on SIGINT and SIGTERM, and then raises them again: here
    they find a handler that has nothing left to do, instead of the one that ends the process as killed."""

    def stop(_number: int, _frame: object) -> None:
        server.should_exit = True

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread hears signals
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def told_by_hangup() -> Iterator[asyncio.Event]:
    """What is set by SIGHUP, which asks for the configuration to be read again; where there is such a signal."""
    asked = asyncio.Event()
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGHUP"):
        yield asked
        return
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGHUP)
    loop.add_signal_handler(signal.SIGHUP, asked.set)
    try:
        yield asked
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        signal.signal(signal.SIGHUP, before)
