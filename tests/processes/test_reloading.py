"""New accounts while the bridge runs, in one process."""

import asyncio
import logging
import os

import pytest

from bridge.accounts import AccountSource
from bridge.endpoint.build import build_service
from bridge.processes.reloading import keep_up
from tests.processes.running import write_config, write_key
from tests.support import ask, assert_mws, signed_query

NEW = "AKIANEW0000000000001"


class Counted(AccountSource):
    """Counts how often it is read to the end."""

    load_count = 0

    def load(self, **options):
        try:
            return super().load(**options)
        finally:
            self.load_count += 1


class Running:
    """A service that keeps up with a configuration."""

    def __init__(self, config):
        self.config = config
        self.accounts = config.parent / "accounts"
        self.source = Counted(config, os.environ)
        self.asked = asyncio.Event()
        loaded = self.source.load()
        self.settings = loaded.settings
        self.service = build_service(loaded.settings, emit=lambda _: None)

    async def __aenter__(self):
        keeping = keep_up(self.source, self.service, self.settings, self.asked, every=0.01)
        self.task = asyncio.create_task(keeping)
        return self

    async def __aexit__(self, *_):
        self.task.cancel()

    async def code(self, key):
        body = signed_query("GetServiceStatus", now=self.service._now(), key=key)
        answer = await ask(self.service.endpoint, "POST", "/Orders/2013-09-01", body=body)
        assert_mws(answer)
        return answer.code

    async def until(self, holds):
        async with asyncio.timeout(30):
            while not (await holds() if asyncio.iscoroutinefunction(holds) else holds()):
                assert not self.task.done()
                await asyncio.sleep(0.01)


@pytest.fixture
def config(tmp_path):
    return write_config(tmp_path, "http://127.0.0.1:1")


async def test_a_change_is_taken_over(config, caplog):
    """A key that is written is good, one that is revoked is unknown; the log names what has changed."""
    caplog.set_level(logging.WARNING, "mws_bridge.accounts")
    async with Running(config) as running:
        assert await running.code(NEW) == "InvalidAccessKeyId"
        write_key(running.accounts, NEW)
        await running.until(lambda: f"reloaded: access keys added: {NEW}" in caplog.messages)
        assert await running.code(NEW) is None
        (running.accounts / "revoked.toml").write_text(f'[[revoked]]\nid = "{NEW}"\nat = 2020-01-01\n')
        await running.until(lambda: any("another end" in line for line in caplog.messages))
        assert await running.code(NEW) == "InvalidAccessKeyId"
    assert caplog.messages.count(f"reloaded: access keys added: {NEW}") == 1  # it is no news the second time


async def test_a_bad_file_changes_nothing_and_is_told_once(config, caplog):
    """What was in force stays; the fault is in the log once, and in the survey until it is mended."""
    caplog.set_level(logging.WARNING, "mws_bridge.accounts")
    async with Running(config) as running:
        (running.accounts / "seller.toml").write_text("[[seller]]\nseller_id = ")
        await running.until(lambda: running.service.survey().configuration_faults)
        write_key(running.accounts, NEW)
        await running.until(lambda: f"reloaded: access keys added: {NEW}" in caplog.messages)
        assert await running.code("AKIASANDBOX000000001") is None
        assert len([line for line in caplog.messages if "seller.toml: not TOML" in line]) == 1
        assert "seller.toml: not TOML" in running.service.survey().configuration_faults[0]


async def test_a_bad_main_file_changes_nothing(config, caplog):
    """Faults of the main file are told, and told again when somebody asks; a good one ends them."""
    caplog.set_level(logging.WARNING, "mws_bridge.accounts")
    good = config.read_text()
    async with Running(config) as running:
        config.write_text(good + "\n[nonsense]\nx = 1\n")
        await running.until(lambda: running.service.survey().configuration_faults)
        assert await running.code("AKIASANDBOX000000001") is None
        told = [
            "the configuration has faults; where it has them, what was in force stays",
            f"{config}: nonsense: there is no such setting",
        ]
        assert caplog.messages == told
        before = running.source.load_count
        config.write_text(good + "\n[nonsense]\nx = 1  # the same fault\n")
        await running.until(lambda: running.source.load_count > before)
        assert caplog.messages == told
        running.asked.set()
        await running.until(lambda: len(caplog.messages) == 5)
        assert caplog.messages == [*told, "reloaded: nothing has changed", *told]
        config.write_text(good)
        await running.until(lambda: not running.service.survey().configuration_faults)


async def test_a_key_is_revoked_beside_a_bad_main_file(config, caplog):
    """However long a main file stays bad, a key that is revoked meanwhile is unknown."""
    caplog.set_level(logging.WARNING, "mws_bridge.accounts")
    async with Running(config) as running:
        config.write_text("[server")
        await running.until(lambda: running.service.survey().configuration_faults)
        assert await running.code("AKIASANDBOX000000001") is None
        (running.accounts / "revoked.toml").write_text('[[revoked]]\nid = "AKIASANDBOX000000001"\nat = 2020-01-01\n')
        await running.until(lambda: any("another end" in line for line in caplog.messages))
        assert await running.code("AKIASANDBOX000000001") == "InvalidAccessKeyId"
        assert f"{config}: not TOML" in running.service.survey().configuration_faults[0]


async def test_accounts_that_are_all_gone(config, caplog):
    """When the directory of accounts is empty all at once, everybody is served as before, and it is told."""
    caplog.set_level(logging.WARNING, "mws_bridge.accounts")
    hold = config.parent / "hold"
    hold.mkdir()
    async with Running(config) as running:
        files = list(running.accounts.iterdir())
        for path in files:
            path.rename(hold / path.name)
        await running.until(lambda: len(running.service.survey().configuration_faults) == 2)
        assert await running.code("AKIASANDBOX000000001") is None
        for path in files:
            (hold / path.name).rename(path)
        await running.until(lambda: not running.service.survey().configuration_faults)
        assert await running.code("AKIASANDBOX000000001") is None


async def test_asked_for_nothing_new_it_says_so(config, caplog):
    """Whoever sends SIGHUP sees in the log that it was heard."""
    caplog.set_level(logging.WARNING, "mws_bridge.accounts")
    async with Running(config) as running:
        running.asked.set()
        await running.until(lambda: "reloaded: nothing has changed" in caplog.messages)


async def test_what_waits_for_the_next_start_is_named(config, caplog):
    """A setting that is not about accounts is told of, and does not take effect."""
    caplog.set_level(logging.WARNING, "mws_bridge.accounts")
    async with Running(config) as running:
        config.write_text(config.read_text().replace("[server]", "[server]\nin_flight = 7"))
        await running.until(
            lambda: "reloaded: changed, but takes effect at the next start: server.in_flight" in caplog.messages
        )
        assert running.service.endpoint.limits._requests._most == 1000
