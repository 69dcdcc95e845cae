"""A raw HTTP client for tests that care about bytes, and what a raw MWS answer must be."""

import asyncio
import contextlib
import re
import socket
import threading

import httpx

from tests.support import PATH, Answer, assert_mws, signed_query

OWN_HOST = "bridge.test"
#: Seconds after which a test that waits for bytes has failed; nothing waits that long in a good run.
PATIENCE = 30.0


def request(method="GET", target=None, *headers, body=b"", version="1.1", length=None):
    target = target or f"{PATH}?{signed_query('GetServiceStatus', method=method, host=OWN_HOST)}"
    lines = [f"{method} {target} HTTP/{version}", f"Host: {OWN_HOST}", *headers]
    if body or length is not None:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode() + body


class Wire:
    """A client that writes bytes and reads responses, in a thread of its own: blocking sockets show what really came,
    also after a reset."""

    def __init__(self, port, *, tls=None):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        if tls is not None:
            self.sock = tls.wrap_socket(self.sock, server_hostname="localhost")
        self.buffer = b""

    def send(self, data):
        # Writing goes on beside reading: the server may answer and close before it has read everything.
        def write():
            with contextlib.suppress(OSError):
                self.sock.sendall(data)

        thread = threading.Thread(target=write)
        thread.start()
        return thread

    def more(self):
        try:
            data = self.sock.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            data = b""
        self.buffer += data
        return bool(data)

    def response(self, *, bodiless=False):
        """The next response, as (status line, header lines, body)."""
        while b"\r\n\r\n" not in self.buffer:
            assert self.more(), f"closed inside a head: {self.buffer!r}"
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        status, *headers = head.decode("latin-1").split("\r\n")
        length = next((int(line[15:]) for line in headers if line.startswith("content-length:")), 0)
        while not bodiless and len(self.buffer) < length:
            assert self.more(), "closed inside a body"
        body, self.buffer = (b"", self.buffer) if bodiless else (self.buffer[:length], self.buffer[length:])
        return status, headers, body

    def at_end(self):
        """Whether the server has closed the connection, with nothing unread before."""
        return not self.buffer and not self.more()

    def close(self):
        self.sock.close()


async def talk(port, conversation, *, tls=None):
    """What ``conversation`` returns, a function that gets a new Wire and runs beside the server's event loop."""

    def run():
        wire = Wire(port, tls=tls)
        try:
            return conversation(wire)
        finally:
            wire.close()

    return await asyncio.to_thread(run)


def mws(response):
    """The MWS answer in a raw response, with what old clients need of status line and headers."""
    status, headers, body = response
    assert re.fullmatch(r"HTTP/1\.1 \d{3} [A-Z][A-Za-z -]+", status), status
    names = [line.partition(":")[0] for line in headers]
    assert all(name == name.lower() for name in names)
    assert all(": " in line for line in headers)
    assert names.count("content-length") == names.count("x-mws-request-id") == names.count("date") == 1
    assert "transfer-encoding" not in names
    answer = Answer(int(status[9:12]), httpx.Headers([line.split(": ", 1) for line in headers]), body)
    assert_mws(answer)
    return answer


async def asked(port, data):
    """The one answer to some bytes."""

    def conversation(wire):
        thread = wire.send(data)
        response = wire.response()
        wire.close() if thread.is_alive() else None
        thread.join()
        return response

    return mws(await talk(port, conversation))
