"""A TCP proxy for loopback that spoils connections, in the ways of toxiproxy.

Each toxic is an asynchronous generator over the pieces of one direction of one connection: it may hold them back, cut
them, swallow them, end the stream, or raise ``Reset``. Whether a connection gets a toxic is drawn when it is made, by
the toxic's toxicity, from a seeded source: the same seed spoils the same connections.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from random import Random
from typing import Protocol
from urllib.parse import urlsplit

from tests.support import reset

__all__ = [
    "Bandwidth",
    "Latency",
    "LimitData",
    "Proxy",
    "Reset",
    "ResetPeer",
    "Slicer",
    "SlowClose",
    "Timeout",
    "Toxic",
    "poisoned",
]

Pieces = AsyncIterator[bytes]
UPSTREAM, DOWNSTREAM = "upstream", "downstream"


class Reset(Exception):  # noqa: N818 - it is what happens to the connection
    """The connection is to be reset, in both directions."""


class Toxic(Protocol):
    """What spoils a stream of pieces."""

    def __call__(self, pieces: Pieces, chance: Random) -> Pieces: ...


@dataclass(frozen=True)
class Latency:
    """Each piece comes ``seconds`` later, give or take up to ``jitter``."""

    seconds: float
    jitter: float = 0.0

    async def __call__(self, pieces: Pieces, chance: Random) -> Pieces:
        async for piece in pieces:
            await asyncio.sleep(max(0.0, self.seconds + chance.uniform(-self.jitter, self.jitter)))
            yield piece


@dataclass(frozen=True)
class Bandwidth:
    """No more than ``rate`` bytes a second."""

    rate: float

    async def __call__(self, pieces: Pieces, chance: Random) -> Pieces:
        async for piece in pieces:
            step = max(1, int(self.rate / 50))
            for start in range(0, len(piece), step):
                part = piece[start : start + step]
                await asyncio.sleep(len(part) / self.rate)
                yield part


@dataclass(frozen=True)
class SlowClose:
    """The end of the stream comes ``seconds`` late."""

    seconds: float

    async def __call__(self, pieces: Pieces, chance: Random) -> Pieces:
        async for piece in pieces:
            yield piece
        await asyncio.sleep(self.seconds)


@dataclass(frozen=True)
class Timeout:
    """Nothing comes through, and after ``seconds`` the connection is closed."""

    seconds: float

    async def __call__(self, pieces: Pieces, chance: Random) -> Pieces:
        await asyncio.sleep(self.seconds)
        return
        yield b""  # what makes this a generator


@dataclass(frozen=True)
class ResetPeer:
    """After ``seconds`` the connection is reset, whatever is under way."""

    seconds: float = 0.0

    async def __call__(self, pieces: Pieces, chance: Random) -> Pieces:
        end = asyncio.get_running_loop().time() + self.seconds
        try:
            async with asyncio.timeout_at(end):
                async for piece in pieces:
                    yield piece
        except TimeoutError:
            raise Reset from None


@dataclass(frozen=True)
class Slicer:
    """Pieces are cut to ``size`` bytes, with ``seconds`` between them."""

    size: int
    seconds: float = 0.0

    async def __call__(self, pieces: Pieces, chance: Random) -> Pieces:
        async for piece in pieces:
            for start in range(0, len(piece), self.size):
                yield piece[start : start + self.size]
                await asyncio.sleep(self.seconds)


@dataclass(frozen=True)
class LimitData:
    """After ``size`` bytes the connection is closed."""

    size: int

    async def __call__(self, pieces: Pieces, chance: Random) -> Pieces:
        left = self.size
        async for piece in pieces:
            if left <= 0:
                return
            yield piece[:left]
            left -= len(piece)
            if left <= 0:
                return


class Proxy:
    """Listens at ``origin``; ``made`` and ``spoiled`` count connections. Toxics are for connections to come."""

    def __init__(self, target: str, seed: int) -> None:
        place = urlsplit(target)
        self._host, self._port = place.hostname, place.port
        self._chance = Random(seed)
        self._toxics: list[tuple[Toxic, str, float]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.origin = ""
        self.made = 0
        self.spoiled = 0

    def add(self, toxic: Toxic, *streams: str, toxicity: float = 1.0) -> None:
        """Spoil ``streams`` (both when none is named) of that share of the connections to come."""
        for stream in streams or (UPSTREAM, DOWNSTREAM):
            self._toxics.append((toxic, stream, toxicity))

    def clear(self) -> None:
        """Leave the connections to come as they are."""
        self._toxics.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.made += 1
        drawn = [(toxic, stream) for toxic, stream, toxicity in self._toxics if self._chance.random() < toxicity]
        self.spoiled += bool(drawn)
        writers = [writer]
        try:
            their_reader, their_writer = await asyncio.open_connection(self._host, self._port)
            writers.append(their_writer)
            async with asyncio.TaskGroup() as group:
                asking = group.create_task(_pump(self._spoilt(reader, drawn, UPSTREAM), their_writer))
                await _pump(self._spoilt(their_reader, drawn, DOWNSTREAM), writer)
                asking.cancel()  # after the last answer nothing is asked
        except* Reset:
            for each in writers:
                reset(each)
        except* OSError:
            pass  # one side went away
        except* asyncio.CancelledError:
            pass  # the test is over
        finally:
            for each in writers:
                each.close()
            self._tasks.discard(task)

    def _spoilt(self, reader: asyncio.StreamReader, drawn: list[tuple[Toxic, str]], name: str) -> Pieces:
        pieces = _read(reader)
        for toxic, stream in drawn:
            if stream == name:
                pieces = toxic(pieces, self._chance)
        return pieces

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator["Proxy"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()


async def _read(reader: asyncio.StreamReader) -> Pieces:
    while piece := await reader.read(65536):
        yield piece


async def _pump(pieces: Pieces, writer: asyncio.StreamWriter) -> None:
    async with contextlib.aclosing(pieces):  # type: ignore[type-var]
        async for piece in pieces:
            writer.write(piece)
            await writer.drain()
    if not writer.transport.is_closing():
        writer.write_eof()


def poisoned(target: str, *, seed: int = 2013) -> contextlib.AbstractAsyncContextManager[Proxy]:
    """A proxy in front of the origin ``target``, without toxics as yet."""
    return Proxy(target, seed).listening()
