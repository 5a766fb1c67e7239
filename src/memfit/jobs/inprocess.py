"""A callable as a job: simulated in the caller's own process, since its objects live there."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable
from typing import Any

from memfit import __version__
from memfit.documents import Estimate
from memfit.errors import JobNeverTrained
from memfit.estimating import ProcessReading, assemble
from memfit.jobs.machine import simulated_machine
from memfit.jobs.request import Request
from memfit.registry import adapter
from memfit.sensors import host_capacity, process_memory


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
    observation.environment = {
        "memfit": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        **observation.environment,
    }
    held = before.rss_bytes if before is not None else None
    return assemble(
        observation,
        target={"kind": "callable", "name": request.target, "arguments": []},
        device=machine.device,
        device_count=machine.count,
        context=machine.context,
        process=ProcessReading(peak_bytes=held, own_bytes=0),
        host=host_capacity(own_bytes=held),
        host_memory_bytes=request.host_memory_bytes,
        environment=dict(os.environ),
        cost={"seconds": round(time.monotonic() - started, 2), "process_peak_bytes": held, "steps": observation.steps},
    )
