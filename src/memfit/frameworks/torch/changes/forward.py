"""Changes to forward passes: precision, recomputation, where activations wait, graphs of evaluations, attention."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from memfit.frameworks.torch.surface.patching import Patches

_Call = Callable[..., Any]


def around_calls(patches: Patches, wrap: Callable[[_Call], _Call]) -> None:
    """Replace how every module is called by what ``wrap`` makes of it."""
    patches.set(torch.nn.Module, "__call__", wrap(torch.nn.Module.__call__))


def around_outermost(patches: Patches, context: Callable[[Any], Any]) -> None:
    """Enter a context around calls of modules that no other module made.

    Args:
        patches: keeps what was there before.
        context: given the module, the context manager.
    """
    depth = threading.local()

    def wrap(old: _Call) -> _Call:
        def call(module: Any, *args: Any, **kwargs: Any) -> Any:
            if getattr(depth, "inside", False) or torch._C._current_autograd_node() is not None:
                return old(module, *args, **kwargs)
            depth.inside = True
            try:
                with context(module):
                    return old(module, *args, **kwargs)
            finally:
                depth.inside = False

        return call

    around_calls(patches, wrap)


def use_autocast(value: dict[str, Any], patches: Patches) -> None:
    """Mixed precision over forward pass and loss: a region ends where a backward pass or an optimizer step begins.

    Args:
        value: "device" ("cuda", "cpu") and "dtype" ("bfloat16", "float16").
        patches: keeps what was there before.
    """
    device, dtype = value["device"], getattr(torch, value["dtype"])
    before = torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)

    def enable(on: bool) -> None:
        torch.set_autocast_enabled(device, on)
        torch.set_autocast_dtype(device, dtype if on else before[1])
        if not on:
            torch.clear_autocast_cache()

    def outside(old: _Call) -> _Call:
        @functools.wraps(old)
        def call(*args: Any, **kwargs: Any) -> Any:
            if not torch.is_autocast_enabled(device):
                return old(*args, **kwargs)
            enable(False)
            try:
                return old(*args, **kwargs)
            finally:
                enable(True)

        return call

    for owner in (torch.autograd.graph, torch.autograd):
        if hasattr(owner, "_engine_run_backward"):
            patches.set(owner, "_engine_run_backward", outside(owner._engine_run_backward))
    patches.set(torch.optim.Optimizer, "profile_hook_step", _outside_steps(outside))
    enable(True)


def _outside_steps(outside: Callable[[_Call], _Call]) -> Any:
    old = torch.optim.Optimizer.profile_hook_step
    return staticmethod(lambda step: outside(old(step)))


def checkpoint_modules(value: dict[str, Any], patches: Patches) -> None:
    """Recompute the activations of some modules in the backward pass.

    Args:
        value: "kind", the modules' class by name, and "share", of them 0 to 1, spread evenly.
        patches: keeps what was there before.
    """
    kind, share = value["kind"], float(value.get("share", 1.0))
    places: dict[int, int] = {}
    inside = threading.local()

    def chosen(module: Any) -> bool:
        place = places.setdefault(id(module), len(places))
        return int((place + 1) * share) > int(place * share)

    def wrap(old: _Call) -> _Call:
        def call(module: Any, *args: Any, **kwargs: Any) -> Any:
            wanted = type(module).__name__ == kind and module.training and torch.is_grad_enabled()
            if not wanted or getattr(inside, "it", False) or not chosen(module):
                return old(module, *args, **kwargs)

            def run(*args: Any, **kwargs: Any) -> Any:
                inside.it = True
                try:
                    return old(module, *args, **kwargs)
                finally:
                    inside.it = False

            return checkpoint(run, *args, use_reentrant=False, **kwargs)

        return call

    around_calls(patches, wrap)


def offload_activations(value: bool, patches: Patches) -> None:
    """What a graph keeps waits in the host's memory, as with torch.autograd.graph.save_on_cpu."""

    def away(tensor: Any) -> Any:
        return tensor.device, tensor.cpu()

    def back(waiting: Any) -> Any:
        return waiting[1].to(waiting[0], non_blocking=True)

    def context(module: Any) -> Any:
        if module.training and torch.is_grad_enabled():
            return torch.autograd.graph.saved_tensors_hooks(away, back)
        return contextlib.nullcontext()

    around_outermost(patches, context)


def evaluate_without_gradients(value: bool, patches: Patches) -> None:
    """Modules in evaluation mode keep no graph."""
    around_outermost(patches, lambda module: contextlib.nullcontext() if module.training else torch.no_grad())


def split_evaluation(value: int, patches: Patches) -> None:
    """Modules in evaluation mode are called with parts of the batch, where batch and results are tensors."""
    depth = threading.local()

    def wrap(old: _Call) -> _Call:
        def call(module: Any, *args: Any, **kwargs: Any) -> Any:
            sizes = {len(each) for each in args if isinstance(each, torch.Tensor) and each.dim()}
            if module.training or getattr(depth, "inside", False) or kwargs or len(sizes) != 1 or min(sizes) < value:
                return old(module, *args, **kwargs)
            depth.inside = True
            try:
                parts = zip(*(each.chunk(value) if isinstance(each, torch.Tensor) and each.dim() else [each] * value
                              for each in args), strict=False)  # fmt: skip
                results = [old(module, *part) for part in parts]
            finally:
                depth.inside = False
            tensors = all(isinstance(each, torch.Tensor) and each.dim() for each in results)
            return torch.cat(results) if tensors else old(module, *args)

        return call

    around_calls(patches, wrap)


def use_attention(value: str, patches: Patches) -> None:
    """Another attention implementation of Transformers' models, which look it up in their configuration every time."""

    def context(module: Any) -> Any:
        for part in module.modules():
            config: Any = getattr(part, "config", None)
            if getattr(config, "_attn_implementation", value) != value:
                config._attn_implementation = value
        return contextlib.nullcontext()

    around_outermost(patches, context)
