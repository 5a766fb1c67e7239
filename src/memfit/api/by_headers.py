"""A model that no library here can build: what the headers of its weights alone say, and that it is not all."""

from __future__ import annotations

from dataclasses import replace

from memfit.api.named import NamedJob
from memfit.documents import Assumption, Estimate
from memfit.estimating import exactly
from memfit.jobs.computed import computed_estimate
from memfit.jobs.machine import devices_here
from memfit.quantities import Category

# States of an optimizer for every weight, and the bytes of each; None is the weights' own type. Adafactor's are of rows
# and columns; paged ones lie with the host where the driver puts them there, and count as the device's.
_STATES: dict[str, tuple[int, int | None]] = {
    "adamw": (2, None), "sgd": (0, None), "adafactor": (0, None), "lion": (1, None), "adamw8bit": (2, 1),
    "lion8bit": (1, 1), "paged-adamw8bit": (2, 1), "paged-adamw": (2, 4),
}  # fmt: skip


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
    parts = [exactly(Category.PARAMETERS, held, f"headers of {job.weights.files} files")]
    if job.options.train == "full":
        parts.append(exactly(Category.GRADIENTS, held, "of the weights' size"))
        states, size = _STATES[job.options.optimizer]
        elements = sum(tensor.elements for tensor in job.weights.tensors.values())
        kept = states * (held if size is None else elements * size)
        parts.append(exactly(Category.OPTIMIZER_STATE, kept, job.options.optimizer))
    on = job.on or devices_here()
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
