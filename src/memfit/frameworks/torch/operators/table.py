"""The rules of all operators, in one table; later ones see, and may refine, those before them."""

from __future__ import annotations

from typing import Any

from memfit.frameworks.torch.operators import (
    accumulation,
    attention,
    collectives,
    convolutions,
    cpu,
    inside,
    kernels,
    lengths,
    losses,
    recurrent,
    reductions,
    sparse,
    transfer,
    values,
)


def join(simulation: Any) -> None:
    """Fill the simulation's table of handlers."""
    rules = simulation.dispatch.handlers
    rules.update(values.handlers(simulation.stand_ins))
    for part in (lengths, transfer, attention, losses, sparse, recurrent):
        rules.update(part.handlers())
    rules.update(collectives.handlers(simulation.host))
    for device_part in (kernels, convolutions, reductions):
        rules.update(device_part.handlers(simulation))
    rules.update(inside.handlers(rules))
    rules.update(accumulation.handlers(rules))
    rules.update(cpu.handlers(simulation, rules))
