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


def install(simulation: Any, patches: Patches) -> None:
    """Replace a step, and the search along a line (``line_search_fn="strong_wolfe"``), which divides by differences of
    losses."""
    kind = torch.optim.LBFGS
    made = kind.step.__wrapped__ if getattr(kind.step, "hooked", False) else kind.step  # hooks come around ours

    def step(optimizer: Any, closure: Any) -> Any:
        group = optimizer.param_groups[0]
        asked = {name: group[name] for name in ("tolerance_change", "max_iter")}
        group.update(tolerance_change=-1.0, max_iter=min(group["max_iter"], _ITERATIONS))
        try:
            loss = made(optimizer, closure)
            if _fill_history(simulation, optimizer):
                # many a job makes one step of thousands of iterations: there would be no other to see the history in
                made(optimizer, closure)
            return loss
        finally:
            group.update(asked)

    patches.set(kind, "step", step)
    patches.set(importlib.import_module("torch.optim.lbfgs"), "_strong_wolfe", _bracketed)


def _fill_history(simulation: Any, optimizer: Any) -> bool:
    """Whether there was room in what the optimizer remembers, which is full now."""
    state, kept = optimizer.state[optimizer._params[0]], optimizer.param_groups[0]["history_size"]
    gradient = state.get("prev_flat_grad")
    if gradient is None or len(state["old_dirs"]) >= kept:
        return False
    simulation.assume("lbfgs-history", f"LBFGS was taken to remember all of the {kept} iterations that it may")
    while len(state["old_dirs"]) < kept:
        state["old_dirs"].append(torch.empty_like(gradient))
        state["old_stps"].append(torch.empty_like(gradient))
        state["ro"].append(gradient.new_ones(()))
    return True


def _bracketed(evaluate: Any, x: Any, t: Any, d: Any, f: Any, g: Any, gtd: Any, *_: Any, **__: Any) -> Any:
    """A bracket found by the first evaluation and made narrower by the second, the gradients of both ends held."""
    ends = [g.clone(memory_format=torch.contiguous_format)]
    _, gradient = evaluate(x, t, d)
    ends.append(gradient.clone(memory_format=torch.contiguous_format))
    loss, gradient = evaluate(x, t, d)
    ends[1] = gradient.clone(memory_format=torch.contiguous_format)
    return loss, ends[1], t, 2
