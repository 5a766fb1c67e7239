"""Which way a script is estimated: simulated, or run to the call that trains and probed there. Reads, runs nothing."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

_PROBED = frozenset({"sklearn", "xgboost", "lightgbm"})
# What the simulation is for, and what builds on it.
_SIMULATED = frozenset({
    "torch", "torchvision", "transformers", "accelerate", "lightning", "pytorch_lightning", "keras", "tensorflow",
    "jax", "diffusers", "peft", "trl", "timm", "fastai",
})  # fmt: skip


def is_probed(target: str, *, module: bool) -> bool:
    """Whether a script imports scikit-learn, XGBoost or LightGBM and nothing that is simulated.

    Args:
        target: a path, or a module's name.
        module: which of the two.
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
        return False
    return bool(names & _PROBED) and not names & _SIMULATED


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
