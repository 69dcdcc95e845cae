"""What ``pip install`` gets: that a wheel can be built without a network, and what is in it."""

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import BytesParser
from pathlib import Path

import pytest

from bridge import VERSION
from tests.cli.running import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
_BUILD = (
    "import sys; from hatchling import build; print(build.build_wheel(sys.argv[1]), build.build_sdist(sys.argv[1]))"
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A wheel and a source distribution, made by the build backend alone."""
    folder = tmp_path_factory.mktemp("built")
    run = subprocess.run(
        [sys.executable, "-c", _BUILD, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    wheel, source = run.stdout.split()
    return folder / wheel, folder / source


def ours() -> set[str]:
    """Every file of the two packages."""
    return {
        path.relative_to(ROOT).as_posix()
        for package in ("bridge", "mws_compat")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_has_all_of_the_packages_and_nothing_else(built: tuple[Path, Path]) -> None:
    """Every module and every file beside them, types included; no tests, no documents."""
    with zipfile.ZipFile(built[0]) as wheel:
        names = {name for name in wheel.namelist() if not name.partition("/")[0].endswith(".dist-info")}
    assert names == ours()
    assert {
        "bridge/py.typed",
        "mws_compat/py.typed",
        "bridge/watch/status.css",
        "bridge/diff/reports/report.html",
        "bridge/sandbox/static_v0.json",
        "bridge/sandbox/static_v2026.json",
    } <= names


@pytest.mark.long
def test_the_wheel_says_what_it_needs(built: tuple[Path, Path]) -> None:
    """Name, version, Python, licence, command and every extra are in its metadata."""
    info = f"mws_bridge-{VERSION}.dist-info"
    with zipfile.ZipFile(built[0]) as wheel:
        told = BytesParser().parsebytes(wheel.read(f"{info}/METADATA"))
        commands = wheel.read(f"{info}/entry_points.txt").decode()
        assert wheel.read(f"{info}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert (told["Name"], told["Version"]) == ("mws-bridge", VERSION)
    assert told["Requires-Python"] == PROJECT["requires-python"]
    assert told["License-Expression"] == "Apache-2.0"
    assert set(told.get_all("Provides-Extra") or ()) == set(PROJECT["optional-dependencies"])
    needed = told.get_all("Requires-Dist") or []
    assert len([line for line in needed if "extra ==" not in line]) == len(PROJECT["dependencies"])
    assert "mws-bridge = bridge.cli:main" in commands


def test_the_source_has_what_its_tests_need(built: tuple[Path, Path]) -> None:
    """The packages, the tests, and every file that the tests read."""
    with tarfile.open(built[1]) as source:
        names = {name.partition("/")[2] for name in source.getnames()}
    assert ours() <= names
    for folder in ("tests", "fixtures", "deploy"):
        assert any(name.startswith(f"{folder}/") for name in names)
    assert {"README.md", "MIGRATION.md", "LICENSE", "pyproject.toml", ".ci/run", ".dockerignore"} <= names
