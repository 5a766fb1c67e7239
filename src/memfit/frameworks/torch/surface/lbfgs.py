"""torch.optim.LBFGS with its history full.

It keeps two vectors as long as all parameters for each of its last iterations (`history_size`, 100 unless asked
otherwise; lbfgs.py of PyTorch). How many iterations a step makes depends on values, and where losses do not change it
would be one: here it makes three, and remembers as many as it ever does.
"""

from __future__ import annotations

from typing import Any

import torch

_ITERATIONS = 3  # of a simulated step: the second finds what the first left, the third takes nothing more


def before_step(optimizer: Any) -> dict[str, Any] | None:
    """Let a step go on while its loss stays the same; gives what to put back afterwards, None for other optimizers."""
    if not isinstance(optimizer, torch.optim.LBFGS):
        return None
    group = optimizer.param_groups[0]
    asked = {name: group[name] for name in ("tolerance_change", "max_iter")}
    group.update(tolerance_change=-1.0, max_iter=min(group["max_iter"], _ITERATIONS))
    return asked


def after_step(simulation: Any, optimizer: Any, asked: dict[str, Any]) -> None:
    """Put back what was asked, and fill what the optimizer remembers."""
    group = optimizer.param_groups[0]
    group.update(asked)
    state = optimizer.state[optimizer._params[0]]
    gradient, kept = state.get("prev_flat_grad"), group["history_size"]
    if gradient is None or len(state["old_dirs"]) >= kept:
        return
    simulation.assume("lbfgs-history", f"LBFGS was taken to remember all of the {kept} iterations that it may")
    while len(state["old_dirs"]) < kept:
        state["old_dirs"].append(torch.empty_like(gradient))
        state["old_stps"].append(torch.empty_like(gradient))
        state["ro"].append(gradient.new_ones(()))
