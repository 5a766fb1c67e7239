"""Experiment trackers that write files by themselves are silent under the simulation.

They are replaced when they are imported: a script that uses none pays nothing, and none is imported to look.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from types import ModuleType
from typing import Any

_WRITERS = {"torch.utils.tensorboard.writer": "SummaryWriter", "tensorboardX.writer": "SummaryWriter"}


class SilentWriter:
    """Takes everything a SummaryWriter takes and writes nothing."""

    def __init__(self, log_dir: Any = None, *_: Any, **__: Any) -> None:
        self.log_dir = str(log_dir or "runs")

    def get_logdir(self) -> str:
        return self.log_dir

    def __enter__(self) -> SilentWriter:
        return self

    def __exit__(self, *_: Any) -> None:
        return None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: None


class _AfterImport(importlib.abc.MetaPathFinder):
    """Finds the trackers' modules as the others would, and replaces the writer once they are loaded."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name not in _WRITERS:
            return None
        for finder in sys.meta_path:
            if finder is not self and hasattr(finder, "find_spec"):
                spec = finder.find_spec(name, path, target)
                if spec is not None and spec.loader is not None:
                    _silence_after(spec.loader, _WRITERS[name])
                    return spec
        return None


def _silence_after(loader: Any, attribute: str) -> None:
    load = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        load(module)
        setattr(module, attribute, SilentWriter)

    loader.exec_module = exec_module


def install() -> Any:
    """Start watching imports; returns the finder, to be taken out of sys.meta_path at the end."""
    finder = _AfterImport()
    sys.meta_path.insert(0, finder)
    return finder
