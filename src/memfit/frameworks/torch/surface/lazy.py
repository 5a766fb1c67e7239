"""Layers that learn their sizes from the first batch (torch.nn.LazyLinear and its kind).

Until then their parameters have no shape, and nothing may be asked of them but to move. They are made, on the device
they were moved to, when that batch comes.
"""

from __future__ import annotations

from typing import Any

import torch

from memfit.frameworks.torch.surface.patching import Patches

_Lazy: Any = torch.nn.parameter.UninitializedTensorMixin
is_lazy = torch.nn.parameter.is_lazy


def moved(tensor: Any, device: torch.device | None, dtype: torch.dtype | None) -> Any:
    """The same parameter; where it shall be made, and of which type, is kept with it."""
    tensor._made_as = (device or _made_as(tensor)[0], dtype or _made_as(tensor)[1])
    return tensor


def _made_as(tensor: Any) -> tuple[torch.device | None, torch.dtype | None]:
    found: tuple[torch.device | None, torch.dtype | None] = getattr(tensor, "_made_as", (None, None))
    return found


def install(simulation: Any, patches: Patches) -> None:
    """Replace how parameters without a shape get one."""

    def materialize(tensor: Any, shape: Any, device: Any = None, dtype: Any = None) -> None:
        place, kind = _made_as(tensor)
        made = torch.empty(shape, device=device or place, dtype=dtype or kind or tensor.data.dtype)
        if issubclass(tensor.cls_to_become, torch.nn.Parameter):
            made = torch.nn.Parameter(made, tensor.requires_grad)
        torch.utils.swap_tensors(tensor, made)

    patches.set(_Lazy, "materialize", materialize)
