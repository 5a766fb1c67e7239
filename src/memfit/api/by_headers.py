"""A model that no library here can build: what the headers of its weights alone say, and that it is not all."""

from __future__ import annotations

from dataclasses import replace

from memfit.api.named import NamedJob
from memfit.documents import Assumption, Component, Estimate
from memfit.jobs.computed import computed_estimate
from memfit.jobs.machine import own_devices
from memfit.quantities import Basis, ByteRange, Category
from memfit.sensors import read_devices

# States of an optimizer for every byte of weights, in the weights' own type; Adafactor's are of rows and columns.
_STATES = {"adamw": 2, "sgd": 0, "adafactor": 0}


def weights_alone(job: NamedJob, why: str, host_memory_bytes: int | None) -> Estimate | None:
    """The estimate of what is known: weights, and in full training what has their size; None without headers.

    Args:
        job: whose model cannot be built.
        why: in words.
        host_memory_bytes: to judge the host by.
    """
    if job.weights is None:
        return None
    held = job.weights.bytes
    parts = [_part(Category.PARAMETERS, held, f"headers of {job.weights.files} files")]
    if job.options.train == "full":
        parts.append(_part(Category.GRADIENTS, held, "of the weights' size"))
        parts.append(_part(Category.OPTIMIZER_STATE, held * _STATES[job.options.optimizer], job.options.optimizer))
    on = job.on or own_devices(read_devices())
    on_device = on is not None and on != "cpu"
    made = computed_estimate(
        {"kind": "model", "name": job.model.name, "arguments": list(job.words)},
        [parts] if on_device else [],
        [] if on_device else parts,
        on=on,
        assumptions=(),
        versions={},
        host_memory_bytes=host_memory_bytes,
        is_whole=False,
    )
    known = "weights, gradients and the optimizer's states" if job.options.train == "full" else "weights"
    alone = Assumption(
        slug="weights-alone",
        text=f"{why}: {known} are counted by the weights' headers, and nothing else is known; activations, caches and "
        "the host's part are missing, so that no verdict but a refusal is given",
    )
    return replace(made, assumptions=(alone, *job.stored))


def _part(category: Category, size_bytes: int, source: str) -> Component:
    return Component(category=category, range=ByteRange.exactly(size_bytes), basis=Basis.COMPUTED, source=source)
