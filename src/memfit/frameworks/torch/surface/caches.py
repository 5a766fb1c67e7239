"""What transformers keeps of earlier tokens is told apart from activations."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import torch

from memfit.frameworks.torch.surface.patching import Patches
from memfit.quantities import Category


def name_contents(simulation: Any, patches: Patches, module: ModuleType) -> None:
    """After every update of a layer's cache, its tensors are known for what they are.

    Args:
        simulation: whose ledger is told.
        patches: what undoes it.
        module: transformers.cache_utils; of versions with one object for each layer (4.54 on), others do without.
    """
    for kind in {each for name, each in vars(module).items() if isinstance(each, type) and name.endswith("Layer")}:
        for name in [each for each in vars(kind) if each.startswith("update") and callable(vars(kind)[each])]:
            patches.set(kind, name, _told(simulation, vars(kind)[name]))


def _told(simulation: Any, update: Any) -> Any:
    def followed(layer: Any, *args: Any, **kwargs: Any) -> Any:
        result = update(layer, *args, **kwargs)
        for tensor in vars(layer).values():
            if isinstance(tensor, torch.Tensor) and tensor.dim() > 1:
                simulation.ledger.classify(tensor, Category.CACHE)
        return result

    return followed
