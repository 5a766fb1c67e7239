"""Which framework an object or a script belongs to, without importing any of them."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # a recorded job's processes read the tables: nothing else is loaded for that
if TYPE_CHECKING:
    from typing import Any

# framework → the module that simulates it; one line each.
ADAPTERS = {"torch": "memfit.frameworks.torch.job"}
# framework → the module that tells a recorder what it does; one line each.
MARKS = {
    "torch": "memfit.frameworks.torch.marks",
    "sklearn": "memfit.frameworks.sklearn.marks",
    "xgboost": "memfit.frameworks.xgboost.marks",
    "lightgbm": "memfit.frameworks.lightgbm.marks",
    "keras": "memfit.frameworks.keras.marks",
    "tensorflow": "memfit.frameworks.tensorflow.marks",
    "jax": "memfit.frameworks.jax.marks",
}
# framework → the module that knows how its estimators grow with the rows, for probing; one line each.
SCALINGS = {
    "sklearn": "memfit.frameworks.sklearn.scaling",
    "xgboost": "memfit.frameworks.xgboost.scaling",
    "lightgbm": "memfit.frameworks.lightgbm.scaling",
    "catboost": "memfit.frameworks.catboost.scaling",
}
# framework → the module that knows what its fits hold on a GPU; one line each.
DEVICES = {
    "xgboost": "memfit.frameworks.xgboost.devices",
    "lightgbm": "memfit.frameworks.lightgbm.devices",
    "catboost": "memfit.frameworks.catboost.devices",
}
# framework → the module that has formulas for its fits; one line each.
CLOSED_FORMS = {"sklearn": "memfit.frameworks.sklearn.closed_forms"}
# framework → the module that finds the call that trains in a script, for probing it; one line each.
TRAININGS = {
    "sklearn": "memfit.frameworks.sklearn.training",
    "xgboost": "memfit.frameworks.xgboost.training",
    "lightgbm": "memfit.frameworks.lightgbm.training",
    "catboost": "memfit.frameworks.catboost.training",
}
# framework → the module that makes a job's batches small, for running it for real; one line each.
SMALL_BATCHES = {
    "keras": "memfit.frameworks.keras.small_batches",
    "tensorflow": "memfit.frameworks.tensorflow.small_batches",
    "jax": "memfit.frameworks.jax.small_batches",
}
# framework → the module by which such a job on the CPU goes as it would on a GPU; one line each.
AS_ON_GPU = {"tensorflow": "memfit.frameworks.tensorflow.as_on_gpu"}
# Packages whose objects tell in ``nbytes`` what their data takes.
ARRAYS = frozenset({"torch", "numpy", "jax", "jaxlib", "tensorflow", "pyarrow"})


def framework_of(obj: Any) -> str | None:
    """The framework that an object's class comes from, or None for a plain Python object.

    >>> framework_of([1, 2]) is None
    True
    """
    for cls in type(obj).__mro__:
        top = cls.__module__.partition(".")[0]
        if top in ADAPTERS and top in sys.modules:
            return top
    return None


def scaling(framework: str) -> Any:
    """The module that knows how a framework's estimators grow; None for one that is not known."""
    import importlib

    return importlib.import_module(SCALINGS[framework]) if framework in SCALINGS else None


def devices(framework: str) -> Any:
    """The module that knows what a framework's fits hold on a GPU."""
    import importlib

    return importlib.import_module(DEVICES[framework])


def adapter(framework: str) -> Any:
    """The module that simulates jobs of a framework.

    Raises:
        FrameworkMissing: the framework is not installed.
    """
    import importlib.util

    from memfit.errors import FrameworkMissing

    if importlib.util.find_spec(framework) is None:
        raise FrameworkMissing(
            f"{framework} is not installed in {sys.executable}",
            hint=f"pip install {framework}; jobs of another framework are estimated as scripts, by their path",
        )
    return importlib.import_module(ADAPTERS[framework])
