"""What the supervisor and a worker say to each other, over a pair of sockets that nobody else has.

The supervisor tells what is in force: before the worker begins, and whenever that changes. The worker sends reports.
Either is a message of bytes behind its length.
"""

import asyncio
import pickle
import socket
from typing import NamedTuple

from bridge.settings import Settings

__all__ = ["InForce", "packed", "read_message", "receive", "unpacked", "with_length"]

_LENGTH_BYTES = 4


class InForce(NamedTuple):
    """The settings to serve with, and what is wrong with files of which the last good state counts."""

    settings: Settings
    faults: tuple[str, ...] = ()


def packed(in_force: InForce) -> bytes:
    """As a message."""
    return with_length(pickle.dumps(in_force))


def unpacked(message: bytes) -> InForce:
    """What the supervisor has packed: the process that started this one, and runs the same program."""
    in_force = pickle.loads(message)  # noqa: S301 - as the docstring says
    assert isinstance(in_force, InForce)  # noqa: S101
    return in_force


def with_length(message: bytes) -> bytes:
    """A message as it is sent."""
    return len(message).to_bytes(_LENGTH_BYTES) + message


async def read_message(reader: asyncio.StreamReader) -> bytes:
    """The next message. Raises IncompleteReadError and OSError when the other side has gone."""
    return await reader.readexactly(int.from_bytes(await reader.readexactly(_LENGTH_BYTES)))


def receive(link: socket.socket) -> bytes:
    """The next message of a blocking socket, for a process that has nothing else to do yet. Raises EOFError when the
    other side has gone."""
    return _exactly(link, int.from_bytes(_exactly(link, _LENGTH_BYTES)))


def _exactly(link: socket.socket, size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        piece = link.recv(min(size - len(found), 2**20))
        if not piece:
            raise EOFError
        found += piece
    return bytes(found)
