"""From a machine's name to what a simulation and an estimate need to know of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from memfit.machines import (
    ContextOverhead,
    Device,
    cublas_workspace_bytes,
    cublaslt_workspace_bytes,
    device_overhead,
    load_learnt,
    parse_request,
    user_data_file,
    workspaces_stay,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedMachine:
    """A device with its overheads for one framework version.

    Args:
        device: from the catalogue; None for the CPU.
        count: how many.
        context: what a process holds on each beside tensors; None for the CPU.
        workspace_bytes: the matrix library's workspace.
        workspace_stays: whether it is kept once taken.
    """

    device: Device | None
    count: int
    context: ContextOverhead | None
    workspace_bytes: int
    workspace_stays: bool

    def simulation_arguments(self) -> dict[str, Any]:
        """What memfit.frameworks.torch.simulation.Simulation takes."""
        if self.device is None or self.context is None:
            return {"device_count": 0}
        return {
            "device": self.device,
            "device_count": self.count,
            "total_memory_bytes": self.device.usable_bytes or self.device.memory_bytes,
            "context_bytes": self.context.range.expected,
            "workspace_bytes": self.workspace_bytes,
            "workspace_stays": self.workspace_stays,
        }


def simulated_machine(
    on: str | None, torch_version: str, cuda_version: str | None, environment: Mapping[str, str] = os.environ
) -> SimulatedMachine:
    """The machine of that name.

    Args:
        on: "rtx4090-24gb", "2xh100-80gb", "cpu"; None is the CPU.
        torch_version: decides library workspaces and the context.
        cuda_version: of the framework's build, None when it has none.
        environment: variables that change them.

    Raises:
        UnknownMachine: no such device.
    """
    device, count = parse_request(on) if on else (None, 0)
    if device is None or device.is_cpu:
        return SimulatedMachine(device=None, count=0, context=None, workspace_bytes=0, workspace_stays=True)
    context = device_overhead(
        device, torch_version, cuda_version, env=environment, learnt=load_learnt(user_data_file(environment))
    )
    workspace = cublas_workspace_bytes(device.capability, torch_version, environment)
    workspace += cublaslt_workspace_bytes(device.capability, torch_version, environment)
    return SimulatedMachine(
        device=device,
        count=count,
        context=context,
        workspace_bytes=workspace,
        workspace_stays=workspaces_stay(torch_version),
    )
