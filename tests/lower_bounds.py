"""Whether the lower bounds of ``pyproject.toml`` are true: ``python -m tests.lower_bounds``.

Installs the lowest version of everything that the program needs into an environment of its own, and has it do its
main jobs there.
"""

import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

from packaging.requirements import Requirement

from bridge.sandbox import DEMO_SELLERS

ROOT = Path(__file__).parent.parent
#: What is run there, and must end with exit code 0.
JOBS = (
    ("demo",),
    ("convert", "--quiet", "--lines", "fixtures/feeds/two-orders.xml"),
    ("convert", "--quiet", "--lines", "--form", "sp-api-2026", "fixtures/feeds/two-orders.xml"),
    ("convert", "--quiet", "--form", "generic", "fixtures/feeds/two-orders.xml"),
    ("diff", "fixtures/feeds/two-orders.xml", "fixtures/feeds/two-orders.xml"),
    ("compare-upstreams", "--sandbox", DEMO_SELLERS[0].selling_partner_id),
)


def lowest(requirements: list[str]) -> list[str]:
    """``name==bound`` for each requirement that counts on this machine. Raises ValueError for one without a bound."""
    found = []
    for requirement in map(Requirement, requirements):
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        bounds = [one.version for one in requirement.specifier if one.operator == ">="]
        if len(bounds) != 1:
            raise ValueError(f"{requirement.name} has no lower bound")
        found.append(f"{requirement.name}=={bounds[0]}")
    return found


def main() -> int:
    """Returns the exit code."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        programs = Path(folder) / "bin"
        install = [programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, str(ROOT), *lowest(project["dependencies"])], check=True)
        for job in JOBS:
            done = subprocess.run([programs / "mws-bridge", *job], cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
            if done.returncode:
                print(f"with the lowest versions, mws-bridge {' '.join(job)} ends with {done.returncode}")
                return 1
    print("the lower bounds are true")
    return 0


if __name__ == "__main__":
    sys.exit(main())
