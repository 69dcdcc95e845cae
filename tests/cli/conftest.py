"""A sandbox and an endpoint on loopback, in a thread; and a process that knows nothing of the machine's settings."""

import logging
import os
from collections.abc import Iterator

import pytest

from bridge.cli.config import demo_settings
from bridge.endpoint.build import build_endpoint
from bridge.upstream.transport import AiohttpTransport
from tests.cli.running import Upstream, new_sandbox, served


def _is_foreign(name: str) -> bool:
    return (
        name.startswith("MWS_") or name.lower().endswith("_proxy") or name in {"COLUMNS", "FORCE_COLOR", "NO_COLOR"}
    )


@pytest.fixture(autouse=True)
def _own_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No setting of the machine counts, and what a verb does to logging is undone."""
    for name in [name for name in os.environ if _is_foreign(name)]:
        monkeypatch.delenv(name)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {
        name: logging.getLogger(name).level for name in ("httpx", "httpcore", "uvicorn.access", "uvicorn.error")
    }
    yield
    logging.disable(logging.NOTSET)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


@pytest.fixture(scope="session")
def _upstream() -> Iterator[Upstream]:
    sandbox = new_sandbox()
    with served(sandbox.app, mws=False) as origin:
        yield Upstream(sandbox, origin)


@pytest.fixture
def upstream(_upstream: Upstream) -> Iterator[Upstream]:
    """An emulated SP-API without usage plans; faults that a test sets are gone after it."""
    yield _upstream
    _upstream.sandbox.faults.clear()
    _upstream.sandbox.log.clear()


@pytest.fixture(scope="session")
def endpoint(_upstream: Upstream) -> Iterator[str]:
    """The origin of an endpoint over that SP-API."""
    app = build_endpoint(
        demo_settings(_upstream.origin, upstream="v0"),
        transport=AiohttpTransport(trust_env=False),
        emit=lambda _: None,
    )
    with served(app) as origin:
        yield origin
