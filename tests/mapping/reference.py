"""The reference documents, which are not part of the project: found through MWS_REFERENCE, or beside it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def reference(name: str) -> Any:
    """A JSON document of the reference; skips the test where there is none."""
    folder = Path(os.environ.get("MWS_REFERENCE") or ROOT.parent / "shared" / "reference")
    path = folder / name
    if not path.is_file():
        pytest.skip(f"no {name}: point MWS_REFERENCE at the reference documents")
    return json.loads(path.read_text(encoding="utf-8"))
