"""Changes to a job, made within its process: its script stays as it is. One name, one value, one function.

They replace methods of PyTorch's own classes and know nothing of the simulation, so that the same change can be
estimated and, for a few steps, run for real. A new change is one function here and one rule in memfit.advice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from memfit.frameworks.torch.changes import forward, loading, offloading, optimizing, shrinking
from memfit.frameworks.torch.surface.patching import Patches

CHANGES: dict[str, Callable[[Any, Patches], None]] = {
    "leave_out": shrinking.leave_out,
    "factorize": shrinking.factorize,
    "accumulate": optimizing.accumulate,
    "optimizer": optimizing.use_optimizer,
    "optimizer_kernel": optimizing.use_kernel,
    "optimizer_in_backward": optimizing.step_in_backward,
    "zero_grad_early": optimizing.zero_early,
    "collect": optimizing.collect,
    "freeze": optimizing.freeze,
    "adapters": optimizing.use_adapters,
    "autocast": forward.use_autocast,
    "checkpoint": forward.checkpoint_modules,
    "offload_activations": forward.offload_activations,
    "no_grad_evaluation": forward.evaluate_without_gradients,
    "split_evaluation": forward.split_evaluation,
    "attention": forward.use_attention,
    "loader_batch": loading.use_batch,
    "offload_parameters": offloading.offload_parameters,
}


def install(changes: Mapping[str, Any], patches: Patches) -> None:
    """Put changes in place, until the patches are undone.

    Args:
        changes: name → value; every name is one of CHANGES.
        patches: keeps what was there before.
    """
    for name, change in CHANGES.items():  # in this order, whatever order they were asked for in
        if name in changes:
            change(changes[name], patches)
