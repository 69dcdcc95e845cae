"""Sandboxes for the tests: one big one that nobody changes, small ones to change at will."""

import pytest

from tests.sandbox.probe import Probe


@pytest.fixture(scope="session")
def demo():
    """The sandbox as everybody gets it, without usage plans; tests must not change its orders or its clock."""
    return Probe(orders=3000)


@pytest.fixture
def probe():
    """A small sandbox of one's own."""
    return Probe()
