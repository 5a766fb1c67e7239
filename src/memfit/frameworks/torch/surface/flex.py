"""Flex attention as its compiled kernel: what it keeps and gives back, without the scores.

Its operator is made of the job's own functions, which a compiler turns into one kernel (flex_attention.py and
_inductor/kernel/flex of PyTorch 2.5 to 2.14): results, two numbers for each query, and in the backward pass one more.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import torch

from memfit.frameworks.torch.surface.patching import Patches


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> Any:
        of_queries = query.shape[:-1]
        logsumexp = query.new_empty(of_queries, dtype=torch.float32)
        highest = query.new_empty(of_queries, dtype=torch.float32)
        out = (
            torch.empty_like(query)
            if value.shape[-1] == query.shape[-1]
            else query.new_empty((*of_queries, value.shape[-1]))
        )
        ctx.save_for_backward(query, key, value, out, logsumexp)
        ctx.mark_non_differentiable(highest)
        return out, logsumexp, highest

    @staticmethod
    def backward(ctx: Any, of_out: torch.Tensor, of_logsumexp: Any, of_highest: Any) -> Any:
        query, key, value, _, logsumexp = ctx.saved_tensors
        products = torch.empty_like(logsumexp)  # of each row of the result with its gradient
        gradients = torch.empty_like(query), _summed(key, query), _summed(value, query)
        del products
        return gradients


def _summed(shared: torch.Tensor, query: torch.Tensor) -> torch.Tensor:
    """The gradient of keys or values; those that all samples share get one of each sample, and their sum."""
    if shared.shape[0] == query.shape[0]:
        return torch.empty_like(shared)
    return shared.new_empty((query.shape[0], *shared.shape[1:])).sum(0, keepdim=True)


def fuse(simulation: Any, patches: Patches, module: ModuleType) -> None:
    """Replace the operator where ``torch.nn.attention.flex_attention`` calls it."""

    def attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *_: Any, **__: Any) -> Any:
        simulation.assume(
            "flex-fused",
            "flex_attention was taken as its compiled kernel; without torch.compile it makes all the scores",
        )
        return _Fused.apply(query, key, value)

    patches.set(module, "flex_attention_hop", attention)
