"""What is replaced when, and only when, a job imports it: trackers that write files, kernels that need a driver or a
compiler, Keras, caches of language models.

A script that uses none of these pays nothing, and none is imported to look.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from memfit.frameworks.torch.surface import caches, deepspeed, flex, keras, nested, pipelining
from memfit.frameworks.torch.surface.patching import Patches, Silence


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
        return Silence()


def _silence(simulation: Any, patches: Patches, module: ModuleType) -> None:
    patches.set(module, "SummaryWriter", SilentWriter)


def _skip_launches(simulation: Any, patches: Patches, module: ModuleType) -> None:
    """A Triton kernel writes to tensors that its caller allocated: not running it changes no memory."""

    def run(function: Any, *args: Any, **kwargs: Any) -> None:
        simulation.assume("kernels-not-run", "Triton kernels were not run: their callers allocate what they write to")

    patches.set(module.JITFunction, "run", run)


def _skip_tuning(simulation: Any, patches: Patches, module: ModuleType) -> None:
    patches.set(module.Autotuner, "run", lambda tuner, *args, **kwargs: tuner.fn.run(*args, **kwargs))


_REPLACEMENTS: dict[str, Callable[[Any, Patches, ModuleType], None]] = {
    "torch.utils.tensorboard.writer": _silence,
    "tensorboardX.writer": _silence,
    "triton.runtime.jit": _skip_launches,
    "triton.runtime.autotuner": _skip_tuning,
    "deepspeed.ops.op_builder.builder": deepspeed.skip_building,
    "deepspeed.runtime.zero.utils": deepspeed.agree_with_others,
    "keras.src.optimizers.base_optimizer": keras.follow_optimizers,
    "keras.src.layers.layer": keras.name_layers,
    "transformers.cache_utils": caches.name_contents,
    "torch.nn.attention.flex_attention": flex.fuse,
    "torch.nested._internal.nested_tensor": nested.made_without_device,
    "torch.distributed.pipelining.stage": pipelining.answer_for_neighbours,
}


class _AfterImport(importlib.abc.MetaPathFinder):
    """Finds the modules as the others would, and acts once they are loaded."""

    def __init__(self, simulation: Any, patches: Patches) -> None:
        self._simulation, self._patches = simulation, patches

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        replace = _REPLACEMENTS.get(name)
        if replace is None:
            return None
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target) if finder is not self and hasattr(finder, "find_spec") else None
            if spec is not None and spec.loader is not None:
                self._act_after(spec.loader, replace)
                return spec
        return None

    def _act_after(self, loader: Any, replace: Callable[[Any, Patches, ModuleType], None]) -> None:
        load = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            load(module)
            replace(self._simulation, self._patches, module)

        loader.exec_module = exec_module


def install(simulation: Any, patches: Patches) -> Callable[[], None]:
    """Replace what is loaded already and watch for the rest; returns what ends the watch."""
    for name, replace in _REPLACEMENTS.items():
        if name in sys.modules:
            replace(simulation, patches, sys.modules[name])
    finder = _AfterImport(simulation, patches)
    sys.meta_path.insert(0, finder)

    def forget() -> None:
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)

    return forget
