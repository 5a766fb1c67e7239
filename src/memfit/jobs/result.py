"""From a simulated job to its estimate: what both ways of running a job add to what was observed."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from memfit.documents import Estimate
from memfit.engine.observation import Observation
from memfit.estimating import Learnt, ProcessReading, assemble
from memfit.jobs.environment import environment_of
from memfit.jobs.machine import SimulatedMachine
from memfit.jobs.request import Request
from memfit.sensors import host_capacity


def estimate_of(
    observation: Observation,
    request: Request,
    machine: SimulatedMachine,
    *,
    kind: str,
    process: ProcessReading,
    resident_bytes: int | None,
    cost: dict[str, Any],
    variables: Mapping[str, str] | None = None,
) -> Estimate:
    """The estimate of an observed job.

    Args:
        observation: what the simulation saw.
        request: what was asked.
        machine: what was simulated.
        kind: of target: "script", "module" or "callable".
        process: what the simulating process held at most.
        resident_bytes: what this process holds now: it is not another's.
        cost: what the estimate took, beside the steps and the process's peak.
        variables: the environment that the job would run with; this process's by default.
    """
    meshes = [[list(dimension) for dimension in mesh] for mesh in observation.meshes]
    settings = {**({"meshes": meshes} if meshes else {}), **observation.environment}
    return assemble(
        dataclasses.replace(observation, environment=environment_of(settings)),
        target={"kind": kind, "name": request.target, "arguments": list(request.arguments)},
        device=machine.device,
        device_count=machine.count,
        context=machine.context,
        process=process,
        host=host_capacity(own_bytes=resident_bytes),
        host_memory_bytes=request.host_memory_bytes,
        environment=dict(os.environ if variables is None else variables),
        learnt=Learnt(machine.learnt, machine.torch),
        cost={**cost, "process_peak_bytes": process.peak_bytes, "steps": observation.steps},
    )
