"""Changes to what is trained and how it is stepped: optimizers, their kernels, accumulation, frozen parts, adapters."""

from __future__ import annotations

import gc
import inspect
import math
import types
import weakref
from collections.abc import Callable
from typing import Any

import torch

from memfit.frameworks.torch.surface.patching import Patches


def after_init(patches: Patches, act: Callable[[Any], None]) -> None:
    """Call ``act`` with every optimizer once it has its parameters."""
    old_init = torch.optim.Optimizer.__init__

    def init(optimizer: Any, *args: Any, **kwargs: Any) -> None:
        old_init(optimizer, *args, **kwargs)
        act(optimizer)

    patches.set(torch.optim.Optimizer, "__init__", init)


def parameters_of(optimizer: Any) -> list[Any]:
    """All parameters of an optimizer."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


class Lion(torch.optim.Optimizer):
    """Evolved sign momentum (Chen et al. 2023): one state of the parameters' size."""

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def step(self, closure: Any = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            low, high = group.get("betas", (0.9, 0.99))
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["exp_avg"] = torch.zeros_like(parameter)
                average = state["exp_avg"]
                parameter.mul_(1 - group["lr"] * group.get("weight_decay", 0.0))
                update = average.lerp(parameter.grad, 1 - low).sign_()
                parameter.add_(update, alpha=-group["lr"])
                average.lerp_(parameter.grad, 1 - high)
        return loss


def _kinds() -> dict[str, tuple[type, dict[str, Any]]]:
    optim = torch.optim
    sgd = {"momentum": 0.0, "dampening": 0.0, "nesterov": False, "weight_decay": 0.0}
    common = {"maximize": False, "foreach": None, "differentiable": False, "fused": None}
    found: dict[str, tuple[type, dict[str, Any]]] = {
        "SGD": (optim.SGD, {**sgd, **common}),
        "SGD with momentum": (optim.SGD, {**sgd, **common, "momentum": 0.9}),
        "Lion": (Lion, {"betas": (0.9, 0.99), "weight_decay": 0.0}),
    }
    if hasattr(optim, "Adafactor"):
        settings = {"beta2_decay": -0.8, "eps": (None, 1e-3), "d": 1.0, "weight_decay": 0.0}
        found["Adafactor"] = (optim.Adafactor, {**settings, "foreach": None, "maximize": False})
    return found


_OWN = ("lr", "params", "weight_decay", "initial_lr")  # what a group keeps when its optimizer is replaced


def use_optimizer(value: str, patches: Patches) -> None:
    """Every optimizer that holds a state per parameter becomes one of this kind."""
    kind, settings = _kinds()[value]

    def replace(optimizer: Any) -> None:
        if type(optimizer) is kind and value != "SGD":
            return
        for group in optimizer.param_groups:
            kept = {name: group[name] for name in _OWN if name in group}
            group.clear()
            group.update({**settings, **kept})
        optimizer.defaults = {**settings, "lr": optimizer.defaults.get("lr", 1e-3)}
        optimizer.__class__ = kind
        optimizer._patch_step_function()

    after_init(patches, replace)


def use_kernel(value: str, patches: Patches) -> None:
    """ "fused", "foreach" or "for-loop", for optimizers that have the choice."""

    def choose(optimizer: Any) -> None:
        for settings in (optimizer.defaults, *optimizer.param_groups):
            if "foreach" in settings:
                settings["foreach"] = value == "foreach"
            if "fused" in settings:
                settings["fused"] = value == "fused"

    after_init(patches, choose)


def accumulate(value: int, patches: Patches) -> None:
    """Only every so many calls of ``step`` and ``zero_grad`` act."""

    def slow(optimizer: Any) -> None:
        calls = {"step": 0}
        step, zero_grad = optimizer.step, optimizer.zero_grad

        def every_step(self: Any, *args: Any, **kwargs: Any) -> Any:
            calls["step"] += 1
            return step(*args, **kwargs) if calls["step"] % value == 0 else None

        def every_zero_grad(self: Any, *args: Any, **kwargs: Any) -> None:
            if calls["step"] % value == 0:
                zero_grad(*args, **kwargs)

        optimizer.step = types.MethodType(every_step, optimizer)
        optimizer.zero_grad = types.MethodType(every_zero_grad, optimizer)

    after_init(patches, slow)


def zero_early(value: bool, patches: Patches) -> None:
    """Gradients are given back right after the step that used them."""

    def clear(optimizer: Any) -> None:
        optimizer.register_step_post_hook(lambda self, args, kwargs: _forget_gradients(self))

    after_init(patches, clear)


def _forget_gradients(optimizer: Any) -> None:
    for parameter in parameters_of(optimizer):
        parameter.grad = None


def collect(value: bool, patches: Patches) -> None:
    """Python's collector runs after every step: what earlier steps left in reference cycles is given back."""

    def run(optimizer: Any) -> None:
        optimizer.register_step_post_hook(lambda *_: gc.collect())

    after_init(patches, run)


def step_in_backward(value: bool, patches: Patches) -> None:
    """Each parameter is stepped as soon as its gradient is there, and the gradient given back."""

    def hook(optimizer: Any) -> None:
        reference = weakref.ref(optimizer)

        def step(parameter: Any) -> None:
            alive = reference()
            if alive is None:
                return
            # at this moment no other parameter has a gradient: the optimizer's own step does this one alone; without
            # its hooks, since it is no step of the job's
            with torch.no_grad():
                inspect.unwrap(type(alive).step)(alive)
            parameter.grad = None

        for parameter in parameters_of(optimizer):
            if parameter.requires_grad:
                parameter.register_post_accumulate_grad_hook(step)

    after_init(patches, hook)


def freeze(value: dict[str, Any], patches: Patches) -> None:
    """Train only the last of the parameters.

    Args:
        value: "share", of the parameters' elements that stay trained, 0 to 1.
        patches: keeps what was there before.
    """

    def hold(optimizer: Any) -> None:
        everything = parameters_of(optimizer)
        left = sum(parameter.numel() for parameter in everything) * (1 - float(value["share"]))
        for parameter in everything:
            left -= parameter.numel()
            if left < 0:
                break
            parameter.requires_grad_(False)

    after_init(patches, hold)


def use_adapters(value: dict[str, Any], patches: Patches) -> None:
    """Low-rank adapters beside every linear layer; nothing else is trained.

    Args:
        value: "rank".
        patches: keeps what was there before.
    """
    rank = int(value["rank"])
    linear: weakref.WeakSet[Any] = weakref.WeakSet()
    old_init, old_forward = torch.nn.Linear.__init__, torch.nn.Linear.forward

    def init(layer: Any, *args: Any, **kwargs: Any) -> None:
        old_init(layer, *args, **kwargs)
        linear.add(layer)

    def forward(layer: Any, given: Any) -> Any:
        whole = old_forward(layer, given)
        adapter = layer.__dict__.get("_memfit_adapter")
        if adapter is None:
            return whole
        return whole + torch.nn.functional.linear(torch.nn.functional.linear(given, adapter[0]), adapter[1])

    def adapt(optimizer: Any) -> None:
        trained = {id(parameter) for parameter in parameters_of(optimizer)}
        added = []
        for layer in list(linear):
            if id(layer.weight) not in trained:
                continue
            down = layer.weight.detach().new_empty(rank, layer.in_features).requires_grad_()
            torch.nn.init.kaiming_uniform_(down, a=math.sqrt(5))
            up = layer.weight.detach().new_zeros(layer.out_features, rank).requires_grad_()
            layer.__dict__["_memfit_adapter"] = (down, up)
            added += [down, up]
        for parameter in parameters_of(optimizer):
            parameter.requires_grad_(False)
        for position, group in enumerate(optimizer.param_groups):
            group["params"] = added if position == 0 else []

    patches.set(torch.nn.Linear, "__init__", init)
    patches.set(torch.nn.Linear, "forward", forward)
    after_init(patches, adapt)
