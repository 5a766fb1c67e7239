"""A callable as a job: simulated in the caller's own process, since its objects live there."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from memfit.documents import Estimate
from memfit.errors import JobNeverTrained
from memfit.estimating import ProcessReading
from memfit.jobs.machine import simulated_machine
from memfit.jobs.request import Request
from memfit.jobs.result import estimate_of
from memfit.registry import adapter
from memfit.sensors import process_memory


def estimate_module(module: Any, batch: tuple[Any, ...], optimizer: str | None, request: Request) -> Estimate:
    """Estimate training steps (or, without an optimizer, forward passes) of a module; the module stays untouched."""
    job = adapter("torch")
    device = "cuda" if request.on else "cpu"
    run = job.training_job(module, batch, device=device, optimizer=optimizer, steps=request.steps)
    return estimate_callable(run, request)


def estimate_callable(function: Callable[[], Any], request: Request) -> Estimate:
    """Estimate a callable without arguments.

    Its errors come through as they are: the caller wrote it and sees it in place.

    Raises:
        JobNeverTrained: it did nothing that takes memory.
    """
    started = time.monotonic()
    job = adapter("torch")
    torch: Any = sys.modules["torch"]
    from memfit.frameworks.torch.simulation import Simulation

    before = process_memory()
    machine = simulated_machine(request.on, torch.__version__, torch.version.cuda)
    arguments = machine.simulation_arguments()
    observation = job.observe_callable(
        function,
        lambda **hooks: Simulation(**arguments, **hooks),
        job.Limits(steps=request.steps, passes=request.passes),
    )
    if not observation.trace.storages:
        raise JobNeverTrained(f"{request.target} made no tensor", hint="give a callable that runs a few steps")
    held = before.rss_bytes if before is not None else None
    return estimate_of(
        observation,
        request,
        machine,
        kind="callable",
        process=ProcessReading(peak_bytes=held, own_bytes=0),
        resident_bytes=held,
        cost={"seconds": round(time.monotonic() - started, 2)},
    )
