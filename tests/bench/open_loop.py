"""A load of so many requests a second, whether the earlier ones are answered or not: what callers really do."""

import asyncio
import time
from urllib.parse import urlsplit

import uvloop

__all__ = ["latencies"]


def latencies(url: str, *, rate: float, seconds: float, connections: int = 32) -> list[float]:
    """Seconds from when each request was due to the end of its answer, over keep-alive connections. Raises
    RuntimeError when an answer is not 200."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(url, rate, seconds, connections))


async def _run(url: str, rate: float, seconds: float, connections: int) -> list[float]:
    parts = urlsplit(url)
    request = f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
    due: asyncio.Queue[float | None] = asyncio.Queue()
    took: list[float] = []

    async def caller() -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        while (at := await due.get()) is not None:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode())
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            took.append(time.perf_counter() - at)
        writer.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(caller())
        started = time.perf_counter()
        for number in range(int(rate * seconds)):
            at = started + number / rate
            await asyncio.sleep(max(0.0, at - time.perf_counter()))
            due.put_nowait(at)
        for _ in range(connections):
            due.put_nowait(None)
    return took
