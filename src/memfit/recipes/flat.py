"""A model over ranks by FullyShardedDataParallel, whose units hold their weights in one flat tensor each.

Which modules are units decides: with adapters apart (peft's `fsdp_auto_wrap_policy`, as accelerate and Trainer take it)
frozen weights have no gradients; with layers alone (Lightning's `auto_wrap_policy={Block}`) a layer's adapters lie in
one flat tensor with its frozen weights, and that tensor gets a gradient as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import torch

UNITS = ("adapters", "layers")


def flat_shards(
    model: torch.nn.Module,
    layers: Collection[torch.nn.Module],
    device: torch.device,
    *,
    fill: Callable[[torch.nn.Module], None],
    adapters_apart: bool,
) -> Any:
    """The model in memory, of which this rank keeps a part.

    Args:
        model: on "meta"; the types of a unit's weights must be the same.
        layers: its blocks, each a unit.
        device: of this rank.
        fill: gives one module's own weights memory on it.
        adapters_apart: trained layers of a model that is frozen otherwise are units of their own.
    """
    from torch.distributed.fsdp import FullyShardedDataParallel
    from torch.distributed.fsdp.wrap import CustomPolicy

    blocks = set(map(id, layers))

    def is_unit(module: torch.nn.Module) -> bool:
        weight = getattr(module, "weight", None)
        is_trained = isinstance(weight, torch.Tensor) and weight.requires_grad
        is_adapter = adapters_apart and is_trained and not list(module.children())
        return id(module) in blocks or is_adapter

    return FullyShardedDataParallel(
        model,
        auto_wrap_policy=CustomPolicy(is_unit),
        device_id=device if device.type == "cuda" else None,
        param_init_fn=fill,
        use_orig_params=not adapters_apart,
    )
