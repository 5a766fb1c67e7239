"""Which framework an object or a script belongs to, without importing any of them."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any

from memfit.errors import FrameworkMissing

# framework → the module that simulates it; one line each.
ADAPTERS = {"torch": "memfit.frameworks.torch.job"}


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


def adapter(framework: str) -> Any:
    """The module that simulates jobs of a framework.

    Raises:
        FrameworkMissing: the framework is not installed.
    """
    if importlib.util.find_spec(framework) is None:
        raise FrameworkMissing(
            f"{framework} is not installed in {sys.executable}",
            hint=f"pip install {framework}, or name the job's own interpreter with --python",
        )
    return importlib.import_module(ADAPTERS[framework])
