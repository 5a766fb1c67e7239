"""Which way a script is estimated, by what it imports. Reads its text, runs nothing."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
from pathlib import Path

from memfit.errors import UsageError

# way → the child that goes it; one line each.
WAYS = {
    "simulated": "memfit.jobs.child",
    "probed": "memfit.jobs.fitting",  # run to the calls that fit estimators, which are probed
    "anchored": "memfit.jobs.anchoring",  # run for real, for a few steps with small batches
    "unrun": "memfit.jobs.unrun",  # run without computing; this machine's compiler plans its programs
    "planned": "memfit.jobs.planning",  # run without computing; a compiler for the device plans its programs
}
_PROBED = frozenset({"sklearn", "xgboost", "lightgbm", "catboost"})
_OF_JAX = frozenset({"jax", "flax", "equinox", "optax", "haiku"})
_ANCHORED = _OF_JAX | {"tensorflow", "tf_keras"}
# torch in earnest: its loaders feed JAX jobs too.
_USES_TORCH = re.compile(r"\btorch\.(nn|optim|cuda|compile)\b|\bnn\.Module\b.*torch", re.DOTALL)
_SET = re.compile(r"""KERAS_BACKEND["']\s*(?:\]\s*=|,)\s*["'](\w+)""")
# What the simulation is for, and what builds on it.
_SIMULATED = frozenset({
    "torch", "torchvision", "transformers", "accelerate", "lightning", "pytorch_lightning", "keras",
    "diffusers", "peft", "trl", "timm", "fastai",
})  # fmt: skip


def way_of(target: str, *, module: bool, on_device: bool = False, run: bool = True) -> str:
    """A name in ``WAYS`` for a script.

    What TensorFlow and JAX run, and Keras on them, is not simulated but run small, for a device as it would go there,
    and JAX's programs are planned for a device by a compiler; scikit-learn, XGBoost and LightGBM are probed
    where nothing is imported beside them that is simulated; all else is simulated.

    Args:
        target: a path, or a module's name.
        module: which of the two.
        on_device: whether it is estimated on a device: Keras on torch is simulated there, and run small for the host
            alone, where the simulation came out 15 % low (benchmarks/compiled).
        run: whether a few steps may be run for real, where that tells more than a plan or a simulation.

    Raises:
        UsageError: only a run tells what the script takes, and it may not be run.
    """
    try:
        if module:
            found = importlib.util.find_spec(target)
            path = Path(found.origin) if found is not None and found.origin else None
        else:
            path = Path(target)
        text = path.read_text(encoding="utf-8", errors="replace") if path is not None else ""
        names = imports(text)
    except (OSError, SyntaxError, ValueError, ImportError):
        return "simulated"
    backend = keras_backend(text) if "keras" in names else ""
    small = ("tensorflow", "jax") if on_device or not run else ("tensorflow", "jax", "torch")
    if names & _ANCHORED or backend in small:
        if names & (_SIMULATED - {"keras"}) and _USES_TORCH.search(text):
            return "simulated"
        of_jax = bool(backend == "jax" or (names & _OF_JAX and not backend))
        if on_device and of_jax:
            return "planned"
        return "anchored" if run else _unrun(target, is_planned=of_jax)
    return "probed" if names & _PROBED and not names & _SIMULATED else "simulated"


def _unrun(target: str, *, is_planned: bool) -> str:
    if is_planned:
        return "unrun"
    raise UsageError(
        f"{target} runs on TensorFlow, whose executor takes what no plan tells",
        hint="without --no-run it is run for a few steps with small batches; under KERAS_BACKEND=jax it can be planned",
        slug="must-run",
    )


def keras_backend(text: str) -> str:
    """The backend that Keras 3 will choose in a script: as the script sets it, the environment, its file, its default.

    >>> keras_backend('import os; os.environ["KERAS_BACKEND"] = "jax"; import keras')
    'jax'
    """
    return _set_in(text) or os.environ.get("KERAS_BACKEND", "") or _configured() or "tensorflow"


def _set_in(text: str) -> str:
    found = _SET.search(text)
    return found.group(1) if found else ""


def _configured() -> str:
    """Keras's own file, in KERAS_HOME or ~/.keras."""
    home = os.environ.get("KERAS_HOME", "")
    try:
        file = (Path(home) if home else Path.home() / ".keras") / "keras.json"
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RuntimeError):
        return ""
    return str(told.get("backend", "")) if isinstance(told, dict) else ""


def imports(text: str) -> set[str]:
    """The packages that a script's text imports, by their first name.

    >>> sorted(imports("import sklearn.svm as s\\nfrom xgboost import train"))
    ['sklearn', 'xgboost']
    """
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found
