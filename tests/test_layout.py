"""The layers of the package: imports point one way, and the heavy ones come late."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import cir

PACKAGE = Path(cir.__file__).parent

# From the top down: a part imports its own layer and those below it.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"__main__", "ui", "cli", "teaching"}),
    frozenset({"evaluation", "publish"}),
    frozenset({"library"}),
    frozenset({"retrieval"}),
    frozenset({"index"}),
    frozenset({"training"}),
    frozenset({"losses", "model", "baselines"}),
    frozenset({"mixtures"}),
    frozenset({"datasets"}),
    frozenset({"engines"}),
    frozenset({"instruments"}),
    frozenset({"audio"}),
    frozenset({"config", "files", "metrics", "schema"}),
    frozenset({"types", "errors", "text", "extras", "version"}),
)
LAYER_OF = {part: layer for layer, parts in enumerate(LAYERS) for part in parts}
HEAVY = (
    "torch",
    "transformers",
    "gradio",
    "chromadb",
    "plotly",
    "umap",
    "numba",
    "librosa",
    "matplotlib",
    "sklearn",
)


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def tree_of(path: Path) -> ast.Module:
    """Parse a file, once."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(module: str) -> Iterator[str]:
    """Modules of this package that a module imports anywhere, within functions too."""
    for node in ast.walk(tree_of(MODULES[module])):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} has a relative import in line {node.lineno}"
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else str(node.module) for name in full]
        yield from (name for name in names if name.split(".")[0] == "cir")


def packages_of(path: Path) -> set[str]:
    """Packages outside the standard library and this one that a file imports anywhere."""
    found: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found - sys.stdlib_module_names - {"cir"}


def part_of(module: str) -> str:
    """`cir.model.hub` -> `model`."""
    return module.split(".")[1]


INNER = [module for module in MODULES if module != "cir"]


def test_every_part_has_a_layer() -> None:
    homeless = {part_of(module) for module in INNER} - LAYER_OF.keys()
    assert not homeless, "give new parts their place in LAYERS"


def test_imports_point_down() -> None:
    upwards = [
        f"{module} imports {name}"
        for module in INNER
        for name in imports_of(module)
        if name == "cir" or LAYER_OF[part_of(name)] < LAYER_OF[part_of(module)]
    ]
    assert not upwards


def test_no_cycles() -> None:
    graph = {module: set(imports_of(module)) - {module} for module in INNER}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_no_drawer_for_odds_and_ends() -> None:
    drawers = {"utils", "util", "helpers", "common", "core", "misc", "v2"}
    assert not [module for module in MODULES if drawers & set(module.split("."))]


def heavy_modules_after(script: str) -> set[str]:
    """Which heavy packages a fresh interpreter has loaded when the script is done."""
    script += f"\nimport sys; print('\\n' + ' '.join(set({HEAVY}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def help_of(*words: str) -> str:
    """Print the help of a command within a script."""
    return f"""
import sys
sys.argv = ["cir", *{words}, "--help"]
from cir.cli.main import main
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
"""


@pytest.mark.parametrize(
    ("script", "heavy"),
    [
        ("import plotly", {"plotly"}),
        ("import cir; cir.CirError", set()),
        ("from cir import FAMILIES, InstrumentDatabase, search", set()),
        (help_of(), set()),
        (help_of("search"), set()),
        (help_of("database"), set()),
    ],
)
def test_heavy_packages_are_imported_late(script: str, heavy: set[str]) -> None:
    assert heavy_modules_after(script) == heavy
