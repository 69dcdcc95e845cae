"""Fixtures of the tests of shared state."""

import pytest

from tests.state.servers import SERVER, running_store


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """A real server, for all tests of a worker; each uses names of its own."""
    if SERVER is None:
        pytest.skip("neither valkey-server nor redis-server is installed (Debian: apt-get install redis-server)")
    with running_store(tmp_path_factory.mktemp("store")) as running:
        yield running
