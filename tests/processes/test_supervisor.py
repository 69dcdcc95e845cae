"""The supervisor of workers and its link to them."""

import asyncio
import logging
import signal
import socket
import subprocess
import sys
import time

import pytest

from bridge.cli.config import demo_settings
from bridge.cli.serve import _hangups_ignored
from bridge.processes.link import InForce, packed, read_message, receive, unpacked, with_length
from bridge.processes.supervisor import Supervisor
from bridge.processes.work import told_by_hangup
from bridge.settings.changes import taking_effect
from bridge.watch.board import Board

SETTINGS = demo_settings("http://127.0.0.1:1")


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


async def test_a_worker_that_does_not_begin_to_serve(tmp_path, listener, monkeypatch, caplog):
    """It is killed after a time, and another one takes its place; its end is told of."""
    caplog.set_level(logging.ERROR, "mws_bridge.workers")
    idle = tmp_path / "idle"
    idle.write_text("#!/bin/sh\nexec sleep 60\n")
    idle.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(idle))
    monkeypatch.setattr("bridge.processes.supervisor._START", 0.2)
    supervisor = Supervisor(InForce(SETTINGS), listener, 1, Board(now=time.time))
    running = asyncio.create_task(supervisor.run(lambda: None))
    async with asyncio.timeout(30):
        while len(caplog.records) < 3:  # noqa: ASYNC110 - logging has nothing to wait for
            await asyncio.sleep(0.02)
        supervisor.stop()
        await running
    assert caplog.messages[:2] == [
        "worker 1 does not serve after 0.2 s, and is killed",
        "worker 1 has ended (killed by SIGKILL) and is replaced in 1 s",
    ]


def test_what_takes_effect_at_once_and_what_waits():
    """Accounts, and the settings that keys are checked with; ports and keys for NextTokens wait."""
    server = SETTINGS.server.model_copy(update={"port": 1, "hosts": ("shop.example",), "token_keys": ()})
    after = SETTINGS.model_copy(update={"server": server, "seller": SETTINGS.seller[:1], "state": "redis://x"})
    made = taking_effect(SETTINGS, after)
    assert (made.seller, made.server.hosts) == (SETTINGS.seller[:1], ("shop.example",))
    assert (made.server.port, made.server.token_keys, made.state) == (
        SETTINGS.server.port,
        SETTINGS.server.token_keys,
        SETTINGS.state,
    )


async def test_a_message_arrives_as_it_was_sent():
    """Settings with their secrets and faults, also where they come in many pieces; the other side's end is told."""
    ours, theirs = socket.socketpair()
    sent = InForce(SETTINGS, ("a.toml: bad" * 500_000,))
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    writer.write(packed(sent))
    theirs.settimeout(None)
    received = await asyncio.to_thread(receive, theirs)
    assert unpacked(received) == sent
    theirs.send(with_length(b"report"))
    assert await read_message(reader) == b"report"
    writer.write(b"\x00")
    writer.close()
    with pytest.raises(EOFError):
        await asyncio.to_thread(receive, theirs)
    theirs.close()


def worker(listener, link):
    command = [sys.executable, "-P", "-m", "bridge.processes.worker", str(listener.fileno()), str(link.fileno())]
    descriptors = (listener.fileno(), link.fileno())
    return subprocess.Popen(command, pass_fds=descriptors, stderr=subprocess.PIPE, text=True)


def test_a_worker_whose_supervisor_has_gone(listener):
    """There is nothing to do for it, and nothing to complain about."""
    ours, theirs = socket.socketpair()
    with theirs:
        started = worker(listener, theirs)
    ours.close()
    assert started.communicate(timeout=60) == (None, "")
    assert started.returncode == 0


def test_a_worker_that_cannot_use_the_certificate(tmp_path, listener):
    """It says so in one line, and ends as what cannot be configured does."""
    (tmp_path / "bad.pem").write_text("no certificate")
    server = SETTINGS.server.model_copy(
        update={"certificate": str(tmp_path / "bad.pem"), "private_key": str(tmp_path / "bad.pem")}
    )
    ours, theirs = socket.socketpair()
    with ours, theirs:
        started = worker(listener, theirs)
        ours.sendall(packed(InForce(SETTINGS.model_copy(update={"server": server}))))
        _, told = started.communicate(timeout=60)
    assert started.returncode == 2
    assert told.count("\n") == 1
    assert "ERROR mws_bridge.workers" in told
    assert "bad.pem" in told


def test_a_hangup_before_anything_was_read(monkeypatch):
    """It is no reason to end; what was done about it before is so again afterwards."""
    before = signal.getsignal(signal.SIGHUP)
    with _hangups_ignored():
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        signal.raise_signal(signal.SIGHUP)

        async def listening():
            with told_by_hangup() as asked:
                signal.raise_signal(signal.SIGHUP)
                await asyncio.wait_for(asked.wait(), 10)

        asyncio.run(listening())
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGHUP) is before
