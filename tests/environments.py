"""The interpreters beside the tests' own: they have a framework, and memfit is handed to them."""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def _interpreter(variable: str, folder: str) -> Path:
    return Path(os.environ.get(variable, ROOT / folder / "bin" / "python"))


# scikit-learn, XGBoost, LightGBM: `make tabular`
TABULAR = _interpreter("MEMFIT_TABULAR_PYTHON", ".venv-tabular")
# TensorFlow, Keras, JAX, Flax, Optax, Equinox: `make xla`
XLA = _interpreter("MEMFIT_XLA_PYTHON", ".venv-xla")
_IN_XLA = frozenset({"equinox", "flax", "jax", "jax_cuda12_plugin", "keras", "libtpu", "optax", "tensorflow"})


def interpreter_with(package: str) -> Path | None:
    """The interpreter that has a package, None where it is not set up."""
    python = XLA if package in _IN_XLA else TABULAR
    return python if _has(python, package) else None


@functools.cache
def _has(python: Path, package: str) -> bool:
    if not python.exists():
        return False
    look = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({package!r}) is None)"
    return subprocess.run([python, "-c", look], check=False).returncode == 0
