"""Jagged tensors (torch.nested): one tensor of values and one of offsets, which say where they are."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import torch

from memfit.frameworks.torch.surface.patching import Patches


def made_without_device(simulation: Any, patches: Patches, module: ModuleType) -> None:
    """What wraps values on a simulated device must not name it to C++, which would look for its driver."""
    make = torch.Tensor._make_wrapper_subclass

    def made(cls: Any, *words: Any, **kwargs: Any) -> Any:
        if issubclass(cls, module.NestedTensor):
            words = tuple(
                torch.device("meta") if isinstance(word, torch.device) and word.type == "cuda" else word
                for word in words
            )
        return make(cls, *words, **kwargs)

    patches.set(torch.Tensor, "_make_wrapper_subclass", staticmethod(made))
