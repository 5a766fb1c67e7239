"""From a machine's name to what a simulation and an estimate need to know of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from memfit.errors import UnknownMachine, UsageError
from memfit.machines import (
    ContextOverhead,
    Device,
    LearntConstant,
    cublas_workspace_bytes,
    cublaslt_workspace_bytes,
    device_overhead,
    find,
    load_learnt,
    lt_workspaces_stay,
    parse_request,
    user_data_file,
    workspaces_stay,
)
from memfit.quantities import MIB
from memfit.sensors import DeviceReading, read_devices


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedMachine:
    """A device with its overheads for one framework version.

    Args:
        device: from the catalogue; None for the CPU.
        count: how many.
        context: what a process holds on each beside tensors; None for the CPU.
        workspace_bytes: the matrix library's workspace.
        workspace_stays: whether it is kept once taken.
        learnt: what was learnt on this machine.
        torch: the version of the framework.
        lt_workspace_bytes, lt_workspace_stays: the same of the library that products with a bias go through.
    """

    device: Device | None
    count: int
    context: ContextOverhead | None
    workspace_bytes: int
    workspace_stays: bool
    learnt: tuple[LearntConstant, ...] = ()
    torch: str = ""
    lt_workspace_bytes: int = 0
    lt_workspace_stays: bool = True

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
            "lt_workspace_bytes": self.lt_workspace_bytes,
            "lt_workspace_stays": self.lt_workspace_stays,
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
    learnt = load_learnt(user_data_file(environment))
    device, count = parse_request(on) if on else (None, 0)
    if device is None or device.is_cpu:
        return SimulatedMachine(
            device=None,
            count=0,
            context=None,
            workspace_bytes=0,
            workspace_stays=True,
            learnt=learnt,
            torch=torch_version,
        )
    if device.vendor == "google":
        raise UsageError(
            f"{device.name} is a TPU: jobs of JAX, and Keras on JAX, are planned for it, no others",
            hint="name a GPU, --on h100-80gb",
            slug="cannot-simulate",
        )
    context = device_overhead(device, torch_version, cuda_version, env=environment, learnt=learnt)
    return SimulatedMachine(
        device=device,
        count=count,
        context=context,
        workspace_bytes=cublas_workspace_bytes(device.capability, torch_version, environment),
        workspace_stays=workspaces_stay(torch_version),
        learnt=learnt,
        torch=torch_version,
        lt_workspace_bytes=cublaslt_workspace_bytes(device.capability, torch_version, environment),
        lt_workspace_stays=lt_workspaces_stay(torch_version),
    )


def own_devices(reading: DeviceReading, environment: Mapping[str, str] = os.environ) -> str | None:
    """The name by which to ask for the devices that this machine has; None without an NVIDIA device.

    Args:
        reading: what the driver says.
        environment: ``CUDA_VISIBLE_DEVICES`` limits the count; empty or -1 hides all.
    """
    found = [device for device in reading.devices if device.vendor == "nvidia" and device.total_bytes]
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        wanted = [word for word in visible.split(",") if word.strip() not in ("", "-1")]
        found = found[: len(wanted)]
    if not found:
        return None
    first = found[0]
    alike = [device for device in found if device.name == first.name]
    try:
        known = find(first.name)
    except UnknownMachine:
        known = None
    size_bytes = first.total_bytes or 0
    if known is None or known.memory_bytes is None or abs(known.memory_bytes - size_bytes) > 0.05 * size_bytes:
        return f"{size_bytes // MIB}MiB"
    return f"{len(alike)}x{known.name}" if len(alike) > 1 else known.name


def devices_here() -> str | None:
    """The name of this machine's own devices, as for --on; None without any."""
    return own_devices(read_devices())


def device_count(on: str | None) -> int:
    """How many devices the name asks for, 0 for the CPU; a name that nobody knows ends here, before anything starts."""
    if on is None:
        return 0
    device, count = parse_request(on)
    return 0 if device.is_cpu else count
