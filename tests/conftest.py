"""Hypothesis profiles for the whole suite: ``ci`` by default, ``nightly`` through HYPOTHESIS_PROFILE."""

import gc
import os
import sys
from importlib.util import find_spec

from hypothesis import HealthCheck, settings

from tests.browser import chromium  # noqa: F401 - a fixture of several directories

_COMMON = {
    "deadline": None,  # a shared runner's hiccup is not a fault of ours
    "print_blob": True,
    "suppress_health_check": [HealthCheck.too_slow],
}
settings.register_profile("ci", derandomize=True, max_examples=100, **_COMMON)
settings.register_profile("nightly", max_examples=5_000, **_COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

if find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment] # httpx asks for it with every request: no need to search


def pytest_collection_finish() -> None:
    """What is there before the first test stays: no collection of garbage has to look through it again."""
    gc.collect()
    gc.freeze()
