"""Every module says in ``__all__`` what it offers, and nobody takes anything else from it."""

import ast
import importlib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(path for package in ("bridge", "mws_compat") for path in (ROOT / package).rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {module_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
PACKAGES = {module_name(path) for path in FILES if path.name == "__init__.py"}


@cache
def offered(tree: ast.Module) -> list[str] | None:
    """The names in a module's ``__all__``; None where it has none."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and [getattr(target, "id", "") for target in node.targets] == ["__all__"]:
            return list(ast.literal_eval(node.value))
    return None


def defined(tree: ast.Module) -> set[str]:
    """Functions, classes and constants that a module makes public by their names. Names of types that it gives to
    its own annotations are no constants."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name) and target.id.isupper()}
    return {name for name in names if not name.startswith("_")}


def imported(tree: ast.Module) -> set[str]:
    """The names that the top level of a module takes from elsewhere, but for those that it keeps to itself."""
    nodes = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.asname or alias.name for node in nodes for alias in node.names}
    return {name for name in names if not name.startswith("_")}


with_all = pytest.mark.parametrize("name", [name for name, tree in TREES.items() if offered(tree) is not None])
each_module = pytest.mark.parametrize("name", TREES)


@with_all
def test_what_is_offered_is_there(name: str) -> None:
    """Every name in ``__all__`` exists, stands there once, and is public."""
    names = offered(TREES[name]) or []
    module = importlib.import_module(name)
    assert len(names) == len(set(names))
    assert [public for public in names if not hasattr(module, public) or public.startswith("_")] == []


@with_all
def test_what_is_public_is_offered(name: str) -> None:
    """``__all__`` holds every public function, class and constant of its module; of a package, every name that its
    ``__init__`` imports."""
    tree = TREES[name]
    public = defined(tree) | (imported(tree) if name in PACKAGES else set())
    assert public - set(offered(tree) or []) == set()


def test_only_the_rooms_of_the_sandbox_have_none() -> None:
    """A module without ``__all__`` is a room of the sandbox, whose package offers for all of them, or has nothing to
    offer."""
    without = {name for name, tree in TREES.items() if offered(tree) is None and defined(tree)}
    assert {name for name in without if not name.startswith("bridge.sandbox.")} == set()


def problems(tree: ast.Module, module: str) -> list[str]:
    """What a module takes from others of ours although they do not offer it."""
    found: list[str] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom):
            continue
        origin = node.module or ""
        if any(alias.name == "*" for alias in node.names):
            found.append(f"{origin}: *")
        elif node.level:
            found.append(f"{origin}: relative")
        elif origin in TREES and not (origin.startswith("bridge.sandbox") and module.startswith("bridge.sandbox")):
            names = {alias.name for alias in node.names if f"{origin}.{alias.name}" not in TREES}
            found += [f"{origin}: {name}" for name in sorted(names - set(offered(TREES[origin]) or []))]
    return found


@each_module
def test_only_what_is_offered_is_taken(name: str) -> None:
    """A module imports from another of ours only what its ``__all__`` holds; never a wildcard, never relatively."""
    assert problems(TREES[name], name) == []


def test_the_rule_sees_what_breaks_it() -> None:
    """A wildcard, a relative import and a name that is not offered are found, wherever they stand."""
    source = (
        "from bridge.settings import *\n"
        "from .rows import Row\n"
        "def later():\n    from bridge.settings import Settings, Secret\n"
        "from bridge.mapping import orders_v0\n"
        "from bridge.sandbox.store import Store\n"
    )
    assert problems(ast.parse(source), "bridge.other") == [
        "bridge.settings: *",
        "rows: relative",
        "bridge.sandbox.store: Store",
        "bridge.settings: Secret",
    ]
    assert problems(ast.parse("from bridge.sandbox.store import Store"), "bridge.sandbox.app") == []
