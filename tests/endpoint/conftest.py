"""The endpoint over a small sandbox, at a standstill."""

import pytest

from tests.support import Bridge


@pytest.fixture
def bridge():
    return Bridge()
