"""The import rule of the house: imports point down, siblings do not know each other, each package has one home."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "memfit"

_FOUNDATION = {"quantities", "errors"}
_EVERYTHING = {path.stem if path.is_file() else path.name for path in SOURCE.iterdir()}
# What each part may import of memfit, itself aside. A part that is not listed here may import nothing: add its line.
ALLOWED = {
    "__init__": {"api", "errors"},
    "__main__": {"cli"},
    "errors": set(),
    "quantities": {"errors"},
    "documents": _FOUNDATION,
    "engine": _FOUNDATION,
    "sensors": _FOUNDATION,
    "datasets": _FOUNDATION | {"documents"},
    "machines": _FOUNDATION | {"documents"},
    "probing": _FOUNDATION | {"library", "sensors"},
    "library": set(),
    "owners": set(),
    "recording": _FOUNDATION | {"sensors", "documents", "registry", "owners", "library"},
    "frameworks": _FOUNDATION | {"engine", "probing", "datasets", "owners"},
    "analysis": _FOUNDATION | {"documents"},
    "readings": _FOUNDATION,
    "advice": _FOUNDATION | {"documents"},
    "calibrating": _FOUNDATION | {"analysis", "documents", "estimating", "machines", "probing"},
    "reports": _FOUNDATION | {"documents"},
    "estimating": _FOUNDATION | {"documents", "engine", "machines", "sensors"},
    "registry": {"errors"},
    "recipes": {"errors", "datasets"},
    "llamacpp": _FOUNDATION | {"datasets", "recipes"},
    "litert": _FOUNDATION | {"datasets"},
    "servers": _FOUNDATION | {"recipes"},
    "jobs": _FOUNDATION
    | {
        "documents",
        "engine",
        "estimating",
        "frameworks",
        "library",
        "machines",
        "probing",
        "recording",
        "sensors",
        "registry",
    },
    "api": _EVERYTHING - {"cli", "integrations"},
    "integrations": _FOUNDATION | {"api", "documents", "probing", "sensors"},
    # The verbs that only look around (devices, doctor, calibrate --show) ask those who know themselves.
    "cli": _FOUNDATION | {"api", "calibrating", "reports", "documents", "machines", "sensors"},
}
# Where each third-party package is imported; nowhere else.
HOMES = {
    "rich": {"reports"},
    "jinja2": {"reports.html"},
    "psutil": {"sensors"},
    "pynvml": {"sensors"},
    "pytest": {"integrations.pytest_plugin"},
    "tomli": {"machines"},
    "onnxruntime": {"probing.child"},
    "torch": {"frameworks.torch", "recipes"},
    "numpy": {"frameworks.torch", "frameworks.jax", "analysis", "readings", "probing.child", "recipes"},
    "keras": {"recipes"},
    "jax": {"frameworks.jax"},
    "transformers": {"frameworks.torch", "recipes"},
    "accelerate": {"frameworks.torch"},
    "lightning": {"frameworks.torch"},
    "peft": {"recipes"},
    "timm": {"recipes"},
    "sentence_transformers": {"recipes"},
    "huggingface_hub": {"recipes"},
    "safetensors": {"frameworks.torch"},
    "pyarrow": {"datasets.formats"},
    "h5py": {"datasets.formats"},
    "zstandard": {"datasets"},
}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts), path


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Every absolute module name a file imports, at its top, within functions or for types alone."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are written in full"
            if node.module == "memfit":
                yield from ((node.lineno, f"memfit.{name.name}") for name in node.names)
            else:
                yield node.lineno, node.module or ""


MODULES = list(modules())


@pytest.mark.parametrize(("module", "path"), MODULES, ids=[name for name, _ in MODULES])
def test_imports_point_down(module: str, path: Path) -> None:
    """A part imports only what stands below it."""
    part = module.split(".")[0]

    wrong = [
        f"{path.relative_to(SOURCE)}:{line}: {name}"
        for line, name in imported(path)
        if name.startswith("memfit.")
        and (below := name.split(".")[1]) != part
        and (SOURCE / below).exists() | (SOURCE / f"{below}.py").exists()  # a name of memfit's own is no module
        and below not in ALLOWED.get(part, set())
    ]

    assert wrong == []


@pytest.mark.parametrize(("module", "path"), MODULES, ids=[name for name, _ in MODULES])
def test_frameworks_do_not_know_each_other(module: str, path: Path) -> None:
    """A module under frameworks imports of frameworks only its own folder."""
    if not module.startswith("frameworks."):
        return
    own = ".".join(module.split(".")[:2])

    foreign = [
        (line, name)
        for line, name in imported(path)
        if name.startswith("memfit.frameworks.") and not f"{name}.".startswith(f"memfit.{own}.")
    ]

    assert foreign == []


@pytest.mark.parametrize(("module", "path"), MODULES, ids=[name for name, _ in MODULES])
def test_each_package_has_one_home(module: str, path: Path) -> None:
    """A third-party package is imported in one place: replacing it is one place's work."""
    strays = [
        f"{path.relative_to(SOURCE)}:{line}: {name}"
        for line, name in imported(path)
        if (package := name.split(".")[0]) not in sys.stdlib_module_names | {"memfit", "__future__"}
        and not any(f"{module}.".startswith(f"{home}.") for home in HOMES.get(package, set()))
    ]

    assert strays == []


def loaded_by(statement: str) -> set[str]:
    script = f"import sys; bare = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - bare))"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(told.stdout.split())


def test_importing_memfit_loads_nothing_of_weight() -> None:
    """`import memfit` stays cheap: its own front door, and of other packages nothing."""
    loaded = loaded_by("import memfit")

    assert {name for name in loaded if name.startswith("memfit")} == {"memfit"}
    assert {name.split(".")[0] for name in loaded} - sys.stdlib_module_names == {"memfit"}


@pytest.mark.parametrize("part", ["documents", "reports.terminal", "machines", "engine", "api"])
def test_views_and_engine_need_no_framework(part: str) -> None:
    """Reading, rendering, replaying and the front door work where no framework is installed."""
    loaded = loaded_by(f"import memfit.{part}")

    assert not loaded & {"torch", "numpy", "transformers", "accelerate", "lightning"}
