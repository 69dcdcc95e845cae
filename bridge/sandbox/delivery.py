"""How an answer goes out: whole, or as badly as the fault says."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.types import Send

from bridge.sandbox.answers import Answer
from bridge.sandbox.faults import DRIP, MALFORMED, SLOW, TRUNCATED, Fault

_PIECE = 7  # bytes of a dripping body; odd and small, so that pieces cut through words and characters


async def deliver(send: Send, answer: Answer, fault: Fault | None, sleep: Callable[[float], Awaitable[None]]) -> None:
    """Send an answer. Of a truncated one the header promises all and the body holds half."""
    name = None if fault is None else fault.name
    seconds = 0.0 if fault is None else fault.seconds
    if name == SLOW:
        await sleep(seconds)
    body = answer.body
    if name == MALFORMED:
        body = body[:-1] + b",]"
    pairs = {"content-type": answer.content_type, "content-length": str(len(body)), **answer.headers}
    headers = [(key.lower().encode(), value.encode("latin-1")) for key, value in pairs.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if name == TRUNCATED:
        # The server notices the shortage, complains, and closes the connection, which is the point.
        with suppress(RuntimeError):
            await send({"type": "http.response.body", "body": body[: len(body) // 2]})
        return
    if name == DRIP:
        for start in range(0, len(body), _PIECE):
            await sleep(seconds)
            await send({"type": "http.response.body", "body": body[start : start + _PIECE], "more_body": True})
        body = b""
    await send({"type": "http.response.body", "body": body})
