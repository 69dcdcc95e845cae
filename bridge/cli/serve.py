"""``mws-bridge serve``: the endpoint for real sellers, or over the sandbox."""

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

from bridge.accounts import AccountSource, Loaded
from bridge.cli.config import config_path, explain
from bridge.endpoint.recording import Recorder
from bridge.endpoint.recording_store import RecordingError
from bridge.endpoint.server import CertificateError, bind, make_server, origin_of, run_loop
from bridge.observe import start_logging
from bridge.processes.link import InForce
from bridge.processes.reloading import keep_up, log_faults
from bridge.processes.supervisor import Supervisor
from bridge.processes.work import Work, stopped_by_signals, told_by_hangup
from bridge.settings import AdminSettings, Settings, SettingsError
from bridge.settings.faults import process_faults
from bridge.watch.admin import Readiness, admin_app
from bridge.watch.board import Board
from bridge.watch.verdict import why_degraded

__all__ = ["listen", "run", "serve", "stopped_by_signals"]


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop. Returns 2 when the configuration or an address cannot be used."""
    if arguments.sandbox and arguments.config:
        print("mws-bridge: --sandbox needs no --config: leave one of them out", file=sys.stderr)
        return 2
    if arguments.sandbox and (arguments.workers or 1) > 1:
        print("mws-bridge: --sandbox is served by one worker: leave --workers out", file=sys.stderr)
        return 2
    if arguments.sandbox:
        # Imported where it is needed: nobody's start waits for an emulation of Amazon that is not asked for.
        from bridge.cli.serve_sandbox import serve_sandbox  # noqa: PLC0415

        return _run(arguments, lambda recorder: serve_sandbox(arguments, recorder))
    with _hangups_ignored():
        return _run_configured(arguments)


def _run_configured(arguments: argparse.Namespace) -> int:
    path = config_path(arguments)
    source = AccountSource(path, os.environ)
    try:
        loaded = source.load()
        settings = _with_options(loaded.settings, arguments)
    except SettingsError as error:
        explain(path, error)
        print("Try it without one: mws-bridge serve --sandbox", file=sys.stderr)
        return 2
    if settings.server.workers > 1:
        if arguments.record is not None:
            print("mws-bridge: --record needs one worker: set --workers 1 while you record", file=sys.stderr)
            return 2
        return run_loop(_supervise(Loaded(settings, loaded.faults), source, loaded.settings))
    served = Loaded(settings, loaded.faults, loaded.kept, loaded.files)
    return _run(arguments, lambda recorder: serve(served, recorder, source=source, configured=loaded.settings))


def _with_options(settings: Settings, arguments: argparse.Namespace) -> Settings:
    """The settings as the command line wants them. Raises SettingsError."""
    server = {"host": arguments.host, "port": arguments.port, "workers": arguments.workers}
    changed = {name: value for name, value in server.items() if value is not None}
    admin = settings.admin
    if arguments.admin_port is not None:
        admin = (admin or AdminSettings()).model_copy(update={"port": arguments.admin_port})
    made = settings.model_copy(update={"server": settings.server.model_copy(update=changed), "admin": admin})
    faults = process_faults(made)
    if faults:
        raise SettingsError([str(fault) for fault in faults])
    return made


def _run(arguments: argparse.Namespace, work: Callable[[Recorder | None], Coroutine[Any, Any, int]]) -> int:
    """Serve, and record where that is asked for: what waits to be written is written in the end."""
    if arguments.record is None:
        return run_loop(work(None))
    masked = arguments.record_pii == "mask"
    try:
        recorder = Recorder(arguments.record, masked=masked, max_bytes=arguments.record_max_mb * 2**20)
    except RecordingError as error:
        print(f"mws-bridge: --record {error}", file=sys.stderr)
        return 2
    with recorder:
        print(f"recording to {arguments.record}, personal data {'masked' if masked else 'kept'}", file=sys.stderr)
        return run_loop(work(recorder))


def listen(host: str, port: int) -> socket.socket | None:
    """A listening socket; None after saying why there is none."""
    try:
        host.encode("idna")  # bind would find it out only after it has opened a socket, and not close that
        return bind(host, port)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).partition(" (while attempting")[0]
    except UnicodeError:
        reason = "this is no host name"
    print(f"mws-bridge: cannot listen on {host}:{port}: {reason}", file=sys.stderr)
    return None


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[tuple[socket.socket, socket.socket | None] | None]:
    """The sockets of the endpoint and of the admin port, which is None where there is none; None for both after
    saying why one cannot be had."""
    with contextlib.ExitStack() as stack:
        listeners: list[socket.socket | None] = []
        for place in (settings.server, settings.admin):
            listener = listen(place.host, place.port) if place is not None else None
            if listener is not None:
                stack.enter_context(contextlib.closing(listener))
            elif place is not None:
                yield None
                return
            listeners.append(listener)
        own, admin = listeners
        yield (own, admin) if own is not None else None


@contextlib.asynccontextmanager
async def _admin_port(
    settings: AdminSettings | None, listener: socket.socket | None, board: Board, ready: Callable[[], Readiness]
) -> AsyncIterator[None]:
    if settings is None or listener is None:
        yield
        return
    token = settings.token.get_secret_value() if settings.token else None
    server = make_server(admin_app(board, token=token, ready=ready), embedded=True, mws=False)
    serving_it = asyncio.create_task(server.serve(sockets=[listener]))
    print(f"status page and metrics on {origin_of(settings.host, listener)}", flush=True)
    try:
        yield
    finally:
        server.should_exit = True
        await serving_it


async def serve(
    loaded: Loaded,
    recorder: Recorder | None,
    *,
    source: AccountSource | None = None,
    configured: Settings | None = None,
    banner: Callable[[str], str] | None = None,
) -> int:
    """Serve in this process until told to stop; ``banner`` is printed for the origin. Returns the exit code."""
    settings = loaded.settings
    start_logging(settings.server.log_level, settings.server.log_format)
    with _listening(settings) as listeners:
        if listeners is None:
            return 2
        try:
            work = Work(loaded, source=source, configured=configured, recorder=recorder)
        except CertificateError as error:
            print(f"mws-bridge: {error}", file=sys.stderr)
            return 2
        board = Board(now=time.time, own=work.watch)

        def ready() -> Readiness:
            if work.stopping:
                return Readiness("stopping", ("it answers what it has begun, and takes no more",))
            if not work.server.started:
                return Readiness("starting")
            return _readiness(board)

        async with _admin_port(settings.admin, listeners[1], board, ready):
            origin = origin_of(settings.server.host, listeners[0], tls=settings.server.certificate is not None)
            print(f"listening on {origin}", flush=True)
            if banner:
                print(banner(origin), flush=True)
            await work.run(listeners[0])
    return 0


async def _supervise(loaded: Loaded, source: AccountSource, configured: Settings) -> int:
    """Several workers; the admin port is ours, so that it shows all of them, and so is the configuration, so that all
    of them have the same."""
    settings = loaded.settings
    start_logging(settings.server.log_level, settings.server.log_format)
    log_faults(loaded.faults)
    with _listening(settings) as listeners:
        if listeners is None:
            return 2
        board = Board(now=time.time)
        count = settings.server.workers
        supervisor = Supervisor(InForce(settings, loaded.faults), listeners[0], count, board)

        def ready() -> Readiness:
            if supervisor.stopping:
                return Readiness("stopping", ("its workers answer what they have begun, and take no more",))
            if supervisor.missing == count:
                return Readiness("starting", ("no worker serves yet",))
            short = (f"{supervisor.missing} of {count} workers do not serve",)
            return _readiness(board, short if supervisor.missing else ())

        origin = origin_of(settings.server.host, listeners[0], tls=settings.server.certificate is not None)
        with _stopping(supervisor), told_by_hangup() as asked:
            keeping = asyncio.create_task(keep_up(source, supervisor, configured, asked))
            async with _admin_port(settings.admin, listeners[1], board, ready):
                await supervisor.run(lambda: print(f"listening on {origin}, {count} workers", flush=True))
            keeping.cancel()
    return 0


def _readiness(board: Board, more: tuple[str, ...] = ()) -> Readiness:
    why = (*more, *why_degraded(board.gauges()))
    return Readiness("degraded", why) if why else Readiness("ready")


@contextlib.contextmanager
def _stopping(supervisor: Supervisor) -> Iterator[None]:
    """Being told to stop."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread hears signals
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, supervisor.stop)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def _hangups_ignored() -> Iterator[None]:
    """SIGHUP asks for the configuration to be read again. Before it has been read for the first time, and in the
    processes that we start, it asks for nothing; its usual effect is to kill."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGHUP"):
        yield
        return
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
