"""The walls of the house: which room may import what, read from the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "shapescope"
FILES = sorted(PACKAGE.rglob("*.py"))

CENTRE = {
    "trace", "trace_json", "attrs", "diagnostic", "notebook", "source_text", "valid_sizes",
    "syntax", "pattern", "collection", "turns",
}  # fmt: skip
STDLIB_ROOMS = {*CENTRE, "arithmetic", "ops", "analysis"}
TORCH_ROOMS = {"capture", "networks", "training"}
HEAVY = {
    "torch", "torchvision", "torchinfo", "torchmetrics", "numpy", "timm", "transformers",
    "matplotlib", "PIL", "safetensors",
}  # fmt: skip
ALLOWED: dict[str, set[str]] = {
    "trace": {"attrs", "notebook"},
    "trace_json": {"trace", "attrs"},
    "attrs": set(),
    "notebook": set(),
    "collection": set(),
    "turns": set(),
    "diagnostic": {"trace", "notebook"},
    "syntax": set(),
    "source_text": {"syntax"},
    "pattern": {"trace", "attrs", "diagnostic"},
    "valid_sizes": {"trace", "diagnostic", "arithmetic"},
    "arithmetic": set(),
    "ops": {*CENTRE, "arithmetic"},
    "analysis": {*CENTRE, "arithmetic", "ops"},
    "capture": {*STDLIB_ROOMS, "networks"},
    "render": STDLIB_ROOMS | {"result", ""},
    "networks": set(),
    "training": {"networks", "diagnostic", "trace", ""},
    "result": STDLIB_ROOMS,
    "session": {*STDLIB_ROOMS, "result"},
}
"""What a room may import at module level or inside functions; `""` is the package itself.

A room that is not named here (the programs: cli, api) may import anything. What is imported for
annotations only does not count.
"""
LAZILY: dict[str, set[str]] = {
    "trace": {"trace_json"},
    "result": {"render"},
    "session": {"capture"},
    "capture": {"training"},
    "training": {"capture", "render"},
}
"""What a room may import inside functions besides."""


def room(file: Path) -> str:
    """The first part of a module's name inside the package."""
    part = file.relative_to(PACKAGE).parts[0]
    return part.removesuffix(".py")


class Imports(ast.NodeVisitor):
    """Every import of a file: its name, its line, and whether it stands at module level."""

    def __init__(self) -> None:
        self.found: list[tuple[str, int, bool]] = []
        self._depth = 0

    def visit_If(self, node: ast.If) -> None:
        if "TYPE_CHECKING" in ast.unparse(node.test):
            for other in node.orelse:
                self.visit(other)
            return
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)  # type: ignore[arg-type]

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.found.append((alias.name, node.lineno, self._depth == 0))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        assert node.level == 0, "imports are absolute"
        module = node.module or ""
        if module == "shapescope":
            for alias in node.names:
                inside = (PACKAGE / alias.name).is_dir() or (PACKAGE / f"{alias.name}.py").exists()
                name = f"shapescope.{alias.name}" if inside else "shapescope"
                self.found.append((name, node.lineno, self._depth == 0))
        else:
            self.found.append((module, node.lineno, self._depth == 0))


def imports(file: Path) -> Iterator[tuple[str, int, bool]]:
    """Every import of a file, without those for annotations only."""
    visitor = Imports()
    visitor.visit(ast.parse(file.read_text(encoding="utf-8")))
    yield from visitor.found


def ids(file: Path) -> str:
    return str(file.relative_to(PACKAGE))


@pytest.mark.parametrize("file", FILES, ids=ids)
def test_torch_stays_in_its_rooms(file: Path) -> None:
    here = room(file)
    for name, line, top in imports(file):
        package = name.split(".")[0]
        if package not in HEAVY:
            continue
        where = f"{ids(file)}:{line} imports {name}"
        assert here not in STDLIB_ROOMS, where
        if top:
            assert here in TORCH_ROOMS or (here == "render" and package != "torch"), where


@pytest.mark.parametrize("file", FILES, ids=ids)
def test_rich_and_typer_stay_in_their_rooms(file: Path) -> None:
    for name, line, top in imports(file):
        package = name.split(".")[0]
        where = f"{ids(file)}:{line} imports {name}"
        if package == "rich":
            assert room(file) in ("render", "cli"), where
            assert room(file) == "render" or not top, where
        if package == "typer":
            assert room(file) == "cli", where


@pytest.mark.parametrize("file", FILES, ids=ids)
def test_arrows_run_down(file: Path) -> None:
    here = room(file)
    if here not in ALLOWED:
        return
    for name, line, top in imports(file):
        parts = name.split(".")
        if parts[0] != "shapescope":
            continue
        other = parts[1] if len(parts) > 1 else ""
        allowed = ALLOWED[here] | (set() if top else LAZILY.get(here, set()))
        assert other == here or other in allowed, f"{ids(file)}:{line} imports {name}"


@pytest.mark.parametrize("file", FILES, ids=ids)
def test_only_the_command_line_prints_and_exits(file: Path) -> None:
    if room(file) in ("cli", "__main__"):
        return
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("print", "sys.exit", "exit", "quit"), f"{ids(file)}:{node.lineno}"


def test_the_reader_of_imports_sees_them_all(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text(
        "from typing import TYPE_CHECKING\nimport torch.nn\nif TYPE_CHECKING:\n    import rich\n"
        "def f():\n    from shapescope import trace, __version__\n    import numpy\n"
    )
    assert list(imports(file)) == [
        ("typing", 1, True),
        ("torch.nn", 2, True),
        ("shapescope.trace", 6, False),
        ("shapescope", 6, False),
        ("numpy", 7, False),
    ]


def _loaded(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules)"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    return set(done.stdout.split())


def test_import_shapescope_is_light() -> None:
    loaded = _loaded("import shapescope")
    assert not {"torch", "rich", "typer", "numpy", "shapescope.trace"} & loaded
    assert "shapescope" in loaded


def test_what_draws_a_record_is_loaded_when_a_notebook_asks() -> None:
    code = (
        "from shapescope.trace import SCHEMA, from_dict\n"
        "from shapescope.diagnostic import Diagnostic, Severity\n"
        "trace = from_dict({'schema': SCHEMA, 'model': 'Net', 'mode': 'meta', 'inputs': [],\n"
        "                   'outputs': [], 'steps': [], 'failure': None})\n"
        "assert not [name for name in sys.modules if name.startswith('shapescope.render')]\n"
        "assert '<svg' in trace._repr_html_()\n"
        "assert 'error[some]' in Diagnostic('some', Severity.ERROR, 'wrong')._repr_html_()"
    )
    assert "torch" not in _loaded(code)


def test_stdlib_rooms_load_no_torch() -> None:
    code = (
        "import shapescope.analysis.check, shapescope.analysis.cost, shapescope.ops\n"
        "import shapescope.arithmetic, shapescope.diagnostic, shapescope.result\n"
        "import shapescope.render.table, shapescope.networks.registry, shapescope.session"
    )
    assert not {"torch", "rich", "numpy"} & _loaded(code)


def test_tracing_a_network_loads_no_torchvision() -> None:
    loaded = _loaded("import shapescope; shapescope.trace('lenet5')")
    assert "torch" in loaded
    assert not {"torchvision", "matplotlib", "torchinfo", "rich.table"} & loaded


def test_a_sound_model_needs_nothing_that_explains_or_mends() -> None:
    loaded = _loaded("import shapescope; assert not shapescope.trace('lenet5').diagnostics")
    room = "shapescope.analysis"
    assert f"{room}.diagnosis.rules.batch" in loaded
    assert not [
        name
        for name in loaded
        if name.startswith(f"{room}.fixes.")
        or name in (f"{room}.diagnosis.rules.features", f"{room}.diagnosis.rules.loss")
        or name in ("shapescope.arithmetic.solve", "shapescope.capture.further.mixing")
    ]


@pytest.mark.parametrize(
    "words",
    [
        ("trace", "nosuch"),
        ("trace", "lenet6"),
        ("trace", "resnet18"),
        ("trace", "no_such_file.py"),
        ("trace", "no_such_file.py:Net(3)"),
        ("trace", "no_such_file.pt"),
        ("trace", "lenet5", "--input", "x,y"),
        ("params", "nosuch"),
        ("check", "no_such_file.py:Net"),
    ],
)
def test_a_wrong_request_is_refused_without_torch(words: tuple[str, ...]) -> None:
    code = (
        "import os, contextlib, io\n"
        "from shapescope.cli.app import main\n"
        "with contextlib.redirect_stderr(io.StringIO()):\n"
        f"    try: code = main({list(words)!r})\n"
        "    except SystemExit as end: code = end.code\n"
        "assert code == 2, code"
    )
    assert "torch" not in _loaded(code)
