"""A real Valkey or Redis server for tests, on loopback, without anything on disk."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

#: The first that is installed: Debian's packages redis-server and valkey-server.
SERVER = shutil.which("valkey-server") or shutil.which("redis-server")


class Store:
    """A server that can be stopped and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        """Start it, empty, with more options of its own, and wait until it answers."""
        assert SERVER is not None
        command = [SERVER, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen([*command, *options], cwd=self._folder, stdout=subprocess.DEVNULL)
        for _ in range(1000):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as asked:
                asked.sendall(b"PING\r\n")
                if asked.recv(7) == b"+PONG\r\n":
                    return
            assert self._process.poll() is None, "the server ended at once"
            time.sleep(0.02)
        raise AssertionError("the server did not start")

    def stop(self) -> None:
        """Kill it, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)
            self._process = None


@contextlib.contextmanager
def running_store(folder: Path) -> Iterator[Store]:
    """A store that runs, and is stopped in the end."""
    store = Store(folder)
    store.start()
    try:
        yield store
    finally:
        store.stop()
