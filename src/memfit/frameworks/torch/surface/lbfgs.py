"""torch.optim.LBFGS with its history full.

It keeps two vectors as long as all parameters for each of its last iterations (`history_size`, 100 unless asked
otherwise; lbfgs.py of PyTorch). How many iterations a step makes depends on values, and where losses do not change it
would be one: here it makes three, and remembers as many as it ever does. A search along the line finds its end at once.
"""

from __future__ import annotations

import importlib
from typing import Any

import torch

from memfit.frameworks.torch.surface.patching import Patches

_ITERATIONS = 3  # of a simulated step: the second finds what the first left, the third takes nothing more


def before_step(optimizer: Any) -> dict[str, Any] | None:
    """Let a step go on while its loss stays the same; gives what to put back afterwards, None for other optimizers."""
    if not isinstance(optimizer, torch.optim.LBFGS):
        return None
    group = optimizer.param_groups[0]
    asked = {name: group[name] for name in ("tolerance_change", "max_iter")}
    group.update(tolerance_change=-1.0, max_iter=min(group["max_iter"], _ITERATIONS))
    return asked


def after_step(simulation: Any, optimizer: Any, asked: dict[str, Any], args: tuple[Any, ...]) -> None:
    """Fill what the optimizer remembers, let it make one more step with it, and put back what was asked.

    Args:
        args: of the step: the optimizer itself, perhaps, and the closure.
    """
    group = optimizer.param_groups[0]
    state = optimizer.state[optimizer._params[0]]
    gradient, kept = state.get("prev_flat_grad"), group["history_size"]
    if gradient is not None and len(state["old_dirs"]) < kept:
        simulation.assume("lbfgs-history", f"LBFGS was taken to remember all of the {kept} iterations that it may")
        while len(state["old_dirs"]) < kept:
            state["old_dirs"].append(torch.empty_like(gradient))
            state["old_stps"].append(torch.empty_like(gradient))
            state["ro"].append(gradient.new_ones(()))
        # many a job makes one step of thousands of iterations: there would be no other to see the history in
        type(optimizer).step.__wrapped__(optimizer, *(item for item in args if item is not optimizer))
    group.update(asked)


def install(simulation: Any, patches: Patches) -> None:
    """Replace the search along a line (``line_search_fn="strong_wolfe"``), which divides by differences of losses."""
    patches.set(importlib.import_module("torch.optim.lbfgs"), "_strong_wolfe", _bracketed)


def _bracketed(evaluate: Any, x: Any, t: Any, d: Any, f: Any, g: Any, gtd: Any, *_: Any, **__: Any) -> Any:
    """A bracket found by the first evaluation and made narrower by the second, the gradients of both ends held."""
    ends = [g.clone(memory_format=torch.contiguous_format)]
    _, gradient = evaluate(x, t, d)
    ends.append(gradient.clone(memory_format=torch.contiguous_format))
    loss, gradient = evaluate(x, t, d)
    ends[1] = gradient.clone(memory_format=torch.contiguous_format)
    return loss, ends[1], t, 2
