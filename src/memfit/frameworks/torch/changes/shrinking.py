"""Changes to the model itself: layers that are left out, linear layers as products of two thin ones."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from typing import Any

import torch

from memfit.errors import UsageError
from memfit.frameworks.torch.changes.forward import around_calls
from memfit.frameworks.torch.changes.optimizing import after_init, parameters_of
from memfit.frameworks.torch.surface.patching import Patches

_LEAST_RANK = 8
_Call = Callable[..., Any]


def leave_out(value: dict[str, Any], patches: Patches) -> None:
    """Leave out every second layer of a class, from when the optimizer is made: its parameters are given back.

    What a layer is given takes the place of what it would return, in the form in which the first of them returns it.

    Args:
        value: "kind", the layers' class by name.
        patches: keeps what was there before.
    """
    kind = value["kind"]
    layers: list[weakref.ref[Any]] = []
    left_out: weakref.WeakSet[Any] = weakref.WeakSet()
    others: list[Any] = []  # what the first layer returned beside its result, as None; empty for a tensor alone
    old_init = torch.nn.Module.__init__

    def init(module: Any, *args: Any, **kwargs: Any) -> None:
        old_init(module, *args, **kwargs)
        if type(module).__name__ == kind:
            layers.append(weakref.ref(module))

    def prune(optimizer: Any) -> None:
        gone: set[int] = set()
        for layer in [found for each in layers if (found := each()) is not None][1::2]:
            left_out.add(layer)
            for parameter in layer.parameters():
                gone.add(id(parameter))
                parameter.grad = None
                parameter.data = parameter.data.new_empty(0)
        for group in optimizer.param_groups:
            group["params"] = [each for each in group["params"] if id(each) not in gone]

    def wrap(old: _Call) -> _Call:
        def call(module: Any, *args: Any, **kwargs: Any) -> Any:
            if type(module).__name__ != kind:
                return old(module, *args, **kwargs)
            if module in left_out:
                return (args[0], *others) if others else args[0]
            returned = old(module, *args, **kwargs)
            result = returned[0] if isinstance(returned, tuple) else returned
            others[:] = [None] * (len(returned) - 1) if isinstance(returned, tuple) else []
            if left_out and (not args or result.shape != args[0].shape):
                raise UsageError(f"{kind} does not return what it is given: one cannot be left out")
            return returned

        return call

    patches.set(torch.nn.Module, "__init__", init)
    around_calls(patches, wrap)
    after_init(patches, prune)


def factorize(value: dict[str, Any], patches: Patches) -> None:
    """Two thin matrices in the place of every linear layer's one, from when the optimizer is made.

    Args:
        value: "share", of a square matrix' rank that is kept, 0 to 1.
        patches: keeps what was there before.
    """
    share = float(value["share"])
    linear: weakref.WeakSet[Any] = weakref.WeakSet()
    tables: weakref.WeakSet[Any] = weakref.WeakSet()
    old_init, old_forward = torch.nn.Linear.__init__, torch.nn.Linear.forward
    old_table = torch.nn.Embedding.__init__

    def init(layer: Any, *args: Any, **kwargs: Any) -> None:
        old_init(layer, *args, **kwargs)
        if type(layer) is torch.nn.Linear:  # kinds of it are read by others without being called
            linear.add(layer)

    def init_table(table: Any, *args: Any, **kwargs: Any) -> None:
        old_table(table, *args, **kwargs)
        tables.add(table)

    def forward(layer: Any, given: Any) -> Any:
        thin = layer.__dict__.get("_memfit_thin")
        if thin is None:
            return old_forward(layer, given)
        functional = torch.nn.functional
        return functional.linear(functional.linear(given, thin[0]), thin[1], layer.bias)

    def split(optimizer: Any) -> None:
        trained = {id(parameter) for parameter in parameters_of(optimizer)}
        tied = {id(table.weight) for table in tables}
        replaced: dict[int, tuple[Any, Any]] = {}
        for layer in list(linear):
            rank = max(round(min(layer.weight.shape) * share), _LEAST_RANK)
            own = id(layer.weight) in trained and id(layer.weight) not in tied
            if own and rank * sum(layer.weight.shape) < layer.weight.numel():
                replaced[id(layer.weight)] = _thin(layer, rank)
        for group in optimizer.param_groups:
            group["params"] = [new for each in group["params"] for new in replaced.get(id(each), (each,))]

    patches.set(torch.nn.Linear, "__init__", init)
    patches.set(torch.nn.Linear, "forward", forward)
    patches.set(torch.nn.Embedding, "__init__", init_table)
    after_init(patches, split)


def _thin(layer: Any, rank: int) -> tuple[Any, Any]:
    """Give a layer's matrix back, and two thin ones to the layer."""
    down = layer.weight.detach().new_empty(rank, layer.in_features).requires_grad_()
    up = layer.weight.detach().new_empty(layer.out_features, rank).requires_grad_()
    for each in (down, up):
        torch.nn.init.kaiming_uniform_(each, a=math.sqrt(5))
    layer.__dict__["_memfit_thin"] = (down, up)
    layer.weight.data = layer.weight.data.new_empty(0)
    return down, up
