"""Keras on PyTorch: its optimizers are none of torch's, and its layers are known by their own names.

Keras's layers are torch modules and its batches come from torch's data loaders: all else goes the usual way.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from memfit.frameworks.torch.surface.patching import Patches
from memfit.quantities import Category, Phase


def follow_optimizers(simulation: Any, patches: Patches, module: ModuleType) -> None:
    """``apply`` is a step of every Keras optimizer, in ``fit`` as in a loop of the job's own."""
    simulation.imports_compiler = True  # Keras's backend for torch does
    old_apply = module.BaseOptimizer.apply
    inside: list[Any] = []

    def apply(optimizer: Any, grads: Any, trainable_variables: Any = None) -> Any:
        if inside or not simulation.active:  # a LossScaleOptimizer calls the one within it
            return old_apply(optimizer, grads, trainable_variables)
        inside.append(optimizer)
        situation = simulation.situation
        situation.phase = Phase.OPTIMIZER
        _classify(simulation, grads, Category.GRADIENTS)
        _classify(simulation, trainable_variables or (), Category.PARAMETERS)
        try:
            result = old_apply(optimizer, grads, trainable_variables)
        finally:
            inside.clear()
            situation.phase = Phase.DATA
        _classify(simulation, optimizer.variables, Category.OPTIMIZER_STATE)
        situation.forget_graph()
        simulation.after_step(optimizer)
        return result

    patches.set(module.BaseOptimizer, "apply", apply)


def _classify(simulation: Any, items: Any, category: Category) -> None:
    for item in items:
        tensor = getattr(item, "_value", item)
        if tensor is not None:
            for part in simulation.parts(tensor):
                # every variable of Keras is a torch.nn.Parameter: what it is for, Keras says
                simulation.ledger.classify(part, category, certain=True)


def name_layers(simulation: Any, patches: Patches, module: ModuleType) -> None:
    """A layer's path, "block/attention/query", is its name."""

    def own_name(layer: Any) -> str | None:
        path = getattr(layer, "path", None) if isinstance(layer, module.Layer) else None
        return str(path).replace("/", ".") if path else getattr(layer, "name", None)

    patches.set(simulation.situation, "own_name", own_name)
