"""Where the job is: module calls, backward passes, optimizer steps, threads. Labels storages with what they turn out
to be for, at the moments when that is known."""

from __future__ import annotations

import threading
from itertools import zip_longest
from typing import Any

import torch
from torch.autograd.function import BackwardCFunction
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from memfit.frameworks.torch.arguments import is_real, real_device
from memfit.frameworks.torch.ledger import HOST
from memfit.frameworks.torch.surface.patching import Patches
from memfit.quantities import Category, Phase


def install(simulation: Any, patches: Patches) -> None:
    """Watch module calls, backward passes and optimizer steps until the patches are undone."""
    _install_modules(simulation, patches)
    _install_backward(simulation, patches)
    _install_optimizers(simulation, patches)
    _install_threads(simulation, patches)
    old_clear = torch.clear_autocast_cache

    def clear_autocast_cache() -> None:
        simulation.clear_autocast()
        old_clear()

    patches.set(torch, "clear_autocast_cache", clear_autocast_cache)

    def left_aligned(*_: Any) -> bool:
        simulation.assume(
            "padding-kept", "a transformer's fast path would leave out padded positions: they were taken to be computed"
        )
        return False

    patches.set(torch, "_nested_tensor_from_mask_left_aligned", left_aligned)


def _install_modules(simulation: Any, patches: Patches) -> None:
    situation = simulation.situation
    seen: dict[int, bool] = {}
    old_call = torch.nn.Module.__call__

    def call(module: Any, *args: Any, **kwargs: Any) -> Any:
        stack = situation.module_stack
        if not stack and not situation.in_backward:
            _enter_forward(simulation, module, seen)
        stack.append(module)
        try:
            return old_call(module, *args, **kwargs)
        finally:
            stack.pop()
            if not stack and not situation.in_backward and seen.get(id(module), True):
                simulation.passes += 1
                if not torch.is_grad_enabled():
                    situation.phase = Phase.DATA
                    simulation.after_pass()

    patches.set(torch.nn.Module, "__call__", call)


def _enter_forward(simulation: Any, module: torch.nn.Module, seen: dict[int, bool]) -> None:
    """A call from outside any module: a forward pass, or an evaluation when no graph is kept.

    Args:
        seen: id of each module → whether a call of it is a pass of a model.
    """
    situation = simulation.situation
    if situation.phase not in (Phase.OPTIMIZER, Phase.CHECKPOINT):
        situation.phase = Phase.FORWARD if torch.is_grad_enabled() else Phase.EVALUATION
    if id(module) not in seen:
        seen[id(module)] = _holds_something(module)
        situation.learn_names(module)
    classify_module(simulation, module)


def _holds_something(module: torch.nn.Module) -> bool:
    """False of a transform of one image, or of a loss: they are modules, and called by the thousand before a pass."""
    holds = any(True for _ in module.parameters()) or any(True for _ in module.buffers())
    return holds or bool(module.state_dict())  # packed weights, which are neither


def classify_module(simulation: Any, module: torch.nn.Module) -> None:
    """Say of a module's parameters and buffers what they are."""
    classify = simulation.ledger.classify
    for parameter in module.parameters():
        classify(parameter, Category.PARAMETERS)
        if parameter.grad is not None:
            classify(parameter.grad, Category.GRADIENTS)
    for part in module.modules():
        category = Category(getattr(part, "memfit_category", Category.BUFFERS))
        for buffer in part._buffers.values():
            if buffer is not None:
                classify(buffer, category)
    if len(simulation.modules) < 4096:
        simulation.modules.add(module)


def _install_backward(simulation: Any, patches: Patches) -> None:
    situation = simulation.situation
    old_run = torch.autograd.graph._engine_run_backward
    ledger = simulation.ledger

    def on_the_device_of(gradient: Any, output: Any) -> Any:
        """A gradient to start from, such as a small tensor of ones on the CPU, where PyTorch will look for it."""
        real = isinstance(gradient, torch.Tensor) and real_device(gradient).type == "cpu"
        if real and isinstance(output, torch.Tensor) and ledger.pool(output) == HOST:
            return ledger.stand_in(gradient, HOST)
        return gradient

    def run_backward(outputs: Any, gradients: Any, *args: Any, **kwargs: Any) -> Any:
        gradients = tuple(map(on_the_device_of, gradients, outputs))
        outer = situation.phase
        situation.phase = Phase.BACKWARD
        situation.in_backward += 1
        try:
            return old_run(outputs, gradients, *args, **kwargs)
        finally:
            situation.in_backward -= 1
            if situation.in_backward == 0:
                situation.phase = Phase.DATA
                _name_gradients(simulation)
                simulation.after_backward()
            else:
                situation.phase = outer

    old_apply = BackwardCFunction.apply

    def apply(node: Any, *gradients: Any) -> Any:
        """What the job's own backward function made on the host, as the engine expects it."""
        found = old_apply(node, *gradients)
        several = isinstance(found, tuple)
        made = found if several else (found,)
        if not any(isinstance(item, torch.Tensor) and is_real(item) for item in made):
            return found
        wanted = map(_wants_simulated, node.next_functions)
        made = tuple(ledger.stand_in(item, HOST) if simulated and isinstance(item, torch.Tensor) and is_real(item)
                     else item for item, simulated in zip_longest(made, wanted))  # fmt: skip
        return made if several else made[0]

    patches.set(BackwardCFunction, "apply", apply)
    for owner in (torch.autograd.graph, torch.autograd):
        if hasattr(owner, "_engine_run_backward"):
            patches.set(owner, "_engine_run_backward", run_backward)


def _wants_simulated(following: tuple[Any, int]) -> bool:
    """Whether a node's next one takes a gradient on meta: the engine refuses one from elsewhere (validate_outputs of
    engine.cpp)."""
    node, place = following
    known = getattr(node, "_input_metadata", None)
    return known is not None and bool(known[place].device.type == "meta")


def _name_gradients(simulation: Any) -> None:
    for optimizer in list(simulation.optimizers):
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    for part in simulation.parts(parameter.grad):
                        simulation.ledger.classify(part, Category.GRADIENTS)
    if not simulation.optimizers:
        for module in list(simulation.modules):
            classify_module(simulation, module)


def _install_optimizers(simulation: Any, patches: Patches) -> None:
    situation = simulation.situation
    old_init = torch.optim.Optimizer.__init__

    def init(optimizer: Any, *args: Any, **kwargs: Any) -> None:
        old_init(optimizer, *args, **kwargs)
        simulation.optimizers.add(optimizer)
        simulation.imports_compiler = True

    patches.set(torch.optim.Optimizer, "__init__", init)

    def before(optimizer: Any, args: Any, kwargs: Any) -> None:
        if not simulation.active:
            return
        _name_gradients(simulation)
        situation.phase = Phase.OPTIMIZER
        if simulation.stepped.get(optimizer) is None:
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    simulation.ledger.classify(parameter, Category.PARAMETERS)

    def after(optimizer: Any, args: Any, kwargs: Any) -> None:
        if not simulation.active:
            return
        for state in optimizer.state.values():
            _classify_state(simulation, state)
        situation.phase = Phase.DATA
        situation.forget_graph()
        simulation.after_step(optimizer)

    simulation.hooks.append(register_optimizer_step_pre_hook(before))
    simulation.hooks.append(register_optimizer_step_post_hook(after))


def _classify_state(simulation: Any, state: Any) -> None:
    if isinstance(state, torch.Tensor):
        simulation.ledger.classify(state, Category.OPTIMIZER_STATE)
    elif isinstance(state, dict):
        for item in state.values():
            _classify_state(simulation, item)
    elif isinstance(state, (list, tuple)):
        for item in state:
            _classify_state(simulation, item)


def _install_threads(simulation: Any, patches: Patches) -> None:
    """The dispatch mode belongs to a thread: threads that the job starts join the simulation."""
    old_run = threading.Thread.run

    def run(thread: threading.Thread) -> None:
        if not simulation.active:
            old_run(thread)
            return
        with simulation.thread():
            old_run(thread)

    patches.set(threading.Thread, "run", run)
