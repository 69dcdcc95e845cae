"""The production server: uvicorn, told to speak HTTP/1.1 as old clients need it, over TCP or TLS."""

import asyncio
import contextlib
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from typing import Any

import uvicorn

from bridge.endpoint.protocol import MAX_HEAD_BYTES, ServerLimits, protocol_with

__all__ = [
    "MAX_HEAD_BYTES",
    "CertificateError",
    "ServerLimits",
    "bind",
    "make_server",
    "origin_of",
    "room_for",
    "run_loop",
    "serving",
    "tls_context",
]

_new_event_loop: Callable[[], asyncio.AbstractEventLoop]
try:
    import uvloop

    _new_event_loop = uvloop.new_event_loop
except ImportError:  # pragma: no cover - not to be had on Windows
    _new_event_loop = asyncio.new_event_loop


#: Files that a process has open beside its connections: its own, and those to Amazon and to the store.
_OTHER_FILES = 256


class CertificateError(ValueError):
    """A certificate or private key that cannot be used; the text names the file and the remedy."""


class _Server(uvicorn.Server):
    """uvicorn's server; ``embedded``: inside a program that handles signals itself; ``tls``: over TLS, where a caller
    has ``handshake_seconds`` to say what it speaks."""

    def __init__(
        self, config: uvicorn.Config, *, embedded: bool, tls: ssl.SSLContext | None, handshake_seconds: float
    ) -> None:
        super().__init__(config)
        self._embedded = embedded
        self._tls = tls
        self._handshake_seconds = handshake_seconds

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        with contextlib.nullcontext() if self._embedded else super().capture_signals():
            yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if self._tls is None:
            await super().startup(sockets)
            return
        # uvicorn's own way leaves a minute for the handshake, in which a connection is nobody's.
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(3)  # as uvicorn does
        make_protocol: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(
                lambda: make_protocol(
                    config=self.config, server_state=self.server_state, app_state=self.lifespan.state
                ),
                sock=listener,
                ssl=self._tls,
                backlog=self.config.backlog,
                ssl_handshake_timeout=self._handshake_seconds,
                ssl_shutdown_timeout=self._handshake_seconds,
            )
            for listener in sockets or ()
        ]
        self.started = True


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises OSError when the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=2048)
    # asyncio sets this only on sockets made with an explicit protocol, which these are not. Without it the body of an
    # answer, written after its head, waits 40 ms for the client's acknowledgement. Accepted sockets inherit it.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def room_for(connections: int) -> int:
    """How many of ``connections`` this process may have at a time. Each is a file, and other files are needed: the
    limit of open files is raised as far as the process may."""
    try:
        import resource  # noqa: PLC0415 - not to be had on Windows, where there is no such limit
    except ImportError:  # pragma: no cover
        return connections
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + _OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return connections
    soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(1, min(connections, soft - _OTHER_FILES))


def origin_of(host: str, listener: socket.socket, *, tls: bool = False) -> str:
    """The origin under which a listening socket is reached: ``http://127.0.0.1:49152``, ``https://[::1]:49152``."""
    scheme = "https" if tls else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"


def run_loop(main: Coroutine[Any, Any, int]) -> int:
    """``asyncio.run`` on uvloop, where there is one."""
    with asyncio.Runner(loop_factory=_new_event_loop) as runner:
        return runner.run(main)


def tls_context(certificate: str, private_key: str) -> ssl.SSLContext:
    """TLS 1.2 and newer with the certificate chain and key of two PEM files. Only HTTP/1.1 is offered: PHP's curl
    takes HTTP/2 wherever it is, and the official PHP library cannot read its answers. Raises CertificateError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    for name, path in (("certificate", certificate), ("private key", private_key)):
        try:
            with open(path, "rb"):
                pass
        except OSError as error:
            raise CertificateError(f"{name} {path}: {error.strerror}: name a PEM file that can be read") from None
    try:
        # Without this a key under a passphrase would be asked for on the terminal.
        context.load_cert_chain(certificate, private_key, password=lambda: b"")
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or "unusable"
        raise CertificateError(
            f"certificate {certificate} with private key {private_key}: {reason}: both must be PEM, belong together, "
            "and the key must have no passphrase"
        ) from None
    return context


def make_server(
    app: Any,
    *,
    embedded: bool = False,
    mws: bool = True,
    limits: ServerLimits | None = None,
    certificate: str | None = None,
    private_key: str | None = None,
    trusted_proxies: Sequence[str] = (),
) -> uvicorn.Server:
    """A uvicorn server for an ASGI app.

    ``mws``: the answers to garbage are MWS XML, and callers have the time of ``limits``; ``embedded``: leave signals
    to the program around it. ``certificate`` and ``private_key`` are paths of PEM files; without both it serves plain
    HTTP. ``trusted_proxies`` are the addresses and networks whose X-Forwarded-For and -Proto are believed. Raises
    CertificateError.
    """
    limits = limits or ServerLimits()
    if (certificate is None) != (private_key is None):
        raise CertificateError("TLS needs both a certificate and its private key")
    config = uvicorn.Config(
        app,
        http=protocol_with(limits) if mws else "httptools",
        ws="none",
        lifespan="on" if mws else "off",
        loop="auto",
        interface="asgi3",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        timeout_keep_alive=limits.idle_seconds,
        timeout_graceful_shutdown=10,
    )
    return _Server(
        config,
        embedded=embedded,
        tls=tls_context(certificate, private_key) if certificate and private_key else None,
        handshake_seconds=limits.head_seconds,
    )


@contextlib.asynccontextmanager
async def serving(
    app: Any,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    mws: bool = True,
    limits: ServerLimits | None = None,
    certificate: str | None = None,
    private_key: str | None = None,
    trusted_proxies: Sequence[str] = (),
) -> AsyncIterator[str]:
    """Serve ``app`` inside this event loop, as ``make_server`` would; yields its origin, like
    ``http://127.0.0.1:49152``."""
    server = make_server(
        app,
        embedded=True,
        mws=mws,
        limits=limits,
        certificate=certificate,
        private_key=private_key,
        trusted_proxies=trusted_proxies,
    )
    with contextlib.closing(bind(host, port)) as listener:
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not server.started:
                if task.done():
                    await task
                    raise RuntimeError("the server stopped before it had started")
                await asyncio.sleep(0.005)
            yield origin_of(host, listener, tls=certificate is not None)
        finally:
            server.should_exit = True
            await task
