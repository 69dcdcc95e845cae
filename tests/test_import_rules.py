"""Who may import whom, read from the syntax trees; and that every module says what it offers."""

import ast
import importlib
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = ("mws_compat", "bridge")
FILES = sorted(path for package in OURS for path in (ROOT / package).rglob("*.py"))

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

#: The house's rule inside mws_compat: errors ← schema ← orders ← {the others}, no arrows inside the braces.
BELOW = {
    "errors": set(),
    "schema": {"errors"},
    "orders": {"errors", "schema"},
    "documents": {"errors", "schema", "orders"},
    "layouts": set(),
    "query": {"errors", "schema", "orders", "layouts"},
    **{name: {"errors", "schema", "orders"} for name in ("signature", "validation")},
    "escape": set(),
    "overlay": {"errors", "schema", "orders", "documents", "escape"},
    "writer": {"errors", "schema", "orders", "documents", "escape", "overlay"},
    "reader": {"errors", "schema", "orders", "documents"},
    "source": {"errors", "schema", "orders", "documents"},
    "stream": {"errors", "schema", "orders", "documents", "reader", "source"},
    "balance": {"errors", "schema", "orders", "documents"},
    "salvage": {"errors", "schema", "orders", "documents", "balance"},
    "markup": {"errors", "schema", "orders", "documents", "source"},
    "skeletons": {"errors", "schema", "orders", "documents", "reader"},
    "blocks": {"errors", "schema", "orders", "documents", "reader", "source", "markup", "skeletons"},
}
#: For packages of bridge: what none of their modules may import.
FORBIDDEN = {
    "bridge.mapping": ("bridge.upstream", "bridge.endpoint"),
    "bridge.upstream": ("bridge.mapping", "bridge.endpoint"),
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def dotted(node: ast.expr) -> str:
    """A name, or an attribute of a name, as it is written; nothing of any other expression."""
    if isinstance(node, ast.Attribute):
        inner = dotted(node.value)
        return inner and f"{inner}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def imports(nodes: Iterable[ast.AST], module: str, *, package: bool = False) -> set[str]:
    """Every module that nodes of a module import; ``from a import b`` counts as a and a.b."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                parents = module.split(".") if package else module.split(".")[:-1]
                parents = parents[: len(parents) - node.level + 1]
                origin = ".".join([*parents, *([origin] if origin else [])])
            found |= {origin, *(f"{origin}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Call) and dotted(node.func) in {"__import__", "importlib.import_module"}:
            found |= {argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant)}
    return found


@cache
def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a file, which nobody changes."""
    return ast.parse(path.read_text())


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Every module that a file imports, wherever the import stands."""
    return frozenset(imports(ast.walk(tree_of(path)), module_name(path), package=path.name == "__init__.py"))


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def strangers(path: Path, *allowed: str) -> set[str]:
    """Top-level packages that a file imports, but for the standard library and those allowed."""
    return {name.partition(".")[0] for name in imports_of(path)} - set(sys.stdlib_module_names) - set(allowed)


each_file = pytest.mark.parametrize("path", FILES, ids=[module_name(path) for path in FILES])


def files_of(package: str) -> list[Path]:
    return [path for path in FILES if within(module_name(path), package)]


def test_the_walker_sees_every_kind_of_import() -> None:
    """Plain, aliased, relative, nested and dynamic imports are all seen: else the rules below would prove nothing."""
    source = (
        "import a.b as c, d\n"
        "from e.f import g\n"
        "def later():\n    from .h import i\n    from . import j\n    from ..k import l\n"
        "    import importlib\n    importlib.import_module('m.n')\n    __import__('o')\n"
    )
    assert imports(ast.walk(ast.parse(source)), "p.q.r") == {
        *("a.b", "d", "e.f", "e.f.g", "p.q.h", "p.q.h.i", "p.q", "p.q.j", "p.k", "p.k.l", "importlib", "m.n", "o")
    }
    assert imports(ast.walk(ast.parse("from .h import i")), "p.q", package=True) == {"p.q.h", "p.q.h.i"}
    assert imports(at_import(ast.parse(source)), "p.q.r") == {"a.b", "d", "e.f", "e.f.g"}
    assert FILES


def test_mws_compat_has_the_rooms_of_the_plan() -> None:
    """A new module of mws_compat needs a line in the rule before it may be imported."""
    assert {module_name(path).removeprefix("mws_compat").lstrip(".") for path in files_of("mws_compat")} == {
        "",
        *BELOW,
    }


@pytest.mark.parametrize("path", files_of("mws_compat"), ids=module_name)
def test_mws_compat_imports(path: Path) -> None:
    """mws_compat imports the standard library, lxml, and only what lies below; only two make parsers."""
    assert strangers(path, "lxml", "mws_compat") == set()
    name = module_name(path)
    inner = {found.split(".")[1] for found in imports_of(path) if found.startswith("mws_compat.")}
    assert inner <= BELOW.get(name.removeprefix("mws_compat."), set())
    if name not in {"mws_compat.reader", "mws_compat.salvage"}:
        assert not re.search(r"etree\.(\w*Parser|fromstring|parse|iterparse|XML|HTML)\b", path.read_text())


@pytest.mark.parametrize("path", files_of("mws_compat"), ids=module_name)
def test_mws_compat_is_pure(path: Path) -> None:
    """mws_compat has no clock, socket, file, environment, logging or randomness."""
    impure = {
        "os",
        "io",
        "time",
        "socket",
        "ssl",
        "logging",
        "random",
        "secrets",
        "uuid",
        "pathlib",
        "asyncio",
        "threading",
    }
    assert {name.partition(".")[0] for name in imports_of(path)} & impure == set()
    calls = {dotted(node.func) for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)}
    assert (
        calls & {"open", "print", "input", "datetime.now", "datetime.utcnow", "date.today", "eval", "exec"} == set()
    )


@each_file
def test_packages_that_must_not_meet(path: Path) -> None:
    """mapping knows neither upstream nor endpoint; upstream knows neither mapping nor endpoint."""
    for package, forbidden in FORBIDDEN.items():
        if within(module_name(path), package):
            assert [name for name in imports_of(path) for other in forbidden if within(name, other)] == []


@pytest.mark.parametrize("path", files_of("bridge.sandbox"), ids=module_name)
def test_the_sandbox_shares_no_code(path: Path) -> None:
    """The sandbox imports nothing else of bridge and nothing of mws_compat, so it cannot share their bugs."""
    ours = {name for name in imports_of(path) if any(within(name, package) for package in OURS)}
    assert {name for name in ours if not within(name, "bridge.sandbox") and name != "bridge"} == set()


#: Modules that need an extra of pyproject.toml, and so are imported only where somebody asks for what they do.
EXTRAS = {"bridge.watch.spans": "opentelemetry", "bridge.watch.tracing": "opentelemetry"}


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a module that run when it is imported: without functions and what is for the type checker."""
    yield node
    for inner in ast.iter_child_nodes(node):
        checked = isinstance(inner, ast.If) and dotted(inner.test) == "TYPE_CHECKING"
        if not checked and not isinstance(inner, ast.FunctionDef):
            yield from at_import(inner)


def test_extras_are_imported_later() -> None:
    """Nobody imports at its top what is only there with an extra, but for modules that nobody imports at its top."""
    tops = {module_name(path): imports(at_import(tree_of(path)), module_name(path)) for path in FILES}
    needing = {name for name in EXTRAS if any(within(found, EXTRAS[name]) for found in tops[name])}
    assert needing == {"bridge.watch.spans"}
    assert [name for name, found in tops.items() if found & needing] == []


@each_file
def test_third_parties_are_declared(path: Path) -> None:
    """Whatever a module imports from elsewhere is a declared dependency; or one of an extra, where it may be."""
    project = PROJECT["project"]
    declared = {re.split(r"[>;.]", entry)[0].strip().replace("-", "_") for entry in project["dependencies"]}
    later = {"compression"}  # in the standard library from Python 3.14 on, and imported only there
    extra = EXTRAS.get(module_name(path))
    if extra is not None:
        assert all(entry.startswith(extra) for entry in project["optional-dependencies"][extra])
        declared.add(extra)
    assert strangers(path, *OURS, *declared, *later) == set()


def public_names(path: Path) -> set[str]:
    """The names that a module defines for others: no leading underscore, not imported."""
    names: set[str] = set()
    for node in tree_of(path).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return {name for name in names if not name.startswith("_")}


#: Names of types and records that a module uses in its own signatures only.
INTERNAL = {"query": set(), "signature": {"Pairs"}, "writer": {"Keys", "Values", "Flatten", "Pick"}}


@pytest.mark.parametrize("name", BELOW)
def test_all_is_the_public_surface(name: str) -> None:
    """``__all__`` names exactly what the module defines for others, sorted as ruff sorts it, each with its object."""
    module = importlib.import_module(f"mws_compat.{name}")
    assert len(module.__all__) == len(set(module.__all__))
    assert all(hasattr(module, public) for public in module.__all__)
    assert set(module.__all__) == public_names(ROOT / "mws_compat" / f"{name}.py") - INTERNAL.get(name, set())


@pytest.mark.parametrize("name", BELOW)
def test_public_functions_say_what_they_promise(name: str) -> None:
    """Every public function and class has a docstring: it is the contract."""
    module = importlib.import_module(f"mws_compat.{name}")
    objects = [getattr(module, public) for public in module.__all__]
    undocumented = [thing.__name__ for thing in objects if callable(thing) and isinstance(thing, type | type(imports))
                    and not (thing.__doc__ or "").strip()]  # fmt: skip
    assert undocumented == []
