"""What a simulation hands over: the trace, and what the job holds beside its tensors. The same for every framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from memfit.engine.allocators import Allocator
from memfit.engine.trace import Trace


@dataclass(slots=True, kw_only=True)
class LoaderNeeds:
    """One data loader as the job set it up.

    Args:
        workers: processes that make batches.
        prefetch: batches that each of them keeps ready.
        batch_bytes: of the largest batch seen.
        pinned: whether batches are copied to page-locked memory.
        start_method: "fork", "spawn", "forkserver", or "default".
    """

    workers: int
    prefetch: int
    batch_bytes: int
    pinned: bool
    start_method: str


@dataclass(slots=True, kw_only=True)
class HostSide:
    """What a job holds on the host beside its tensors; filled while it is simulated.

    ``device_build``: whether the framework that ran the simulation brings the devices' libraries itself.
    """

    device_build: bool = False
    loaders: dict[int, LoaderNeeds] = field(default_factory=dict)
    pinned_bytes: int = 0
    checkpoint_total_bytes: int = 0
    checkpoint_copy_bytes: int = 0
    gathered: dict[tuple[str | None, int], int] = field(default_factory=dict)

    @property
    def gathered_bytes(self) -> int:
        """Of weights that the ranks gather from each other on the host, each part once."""
        return sum(self.gathered.values())

    def pinned(self, size_bytes: int) -> None:
        """A page-locked buffer was asked for; one is being filled while another is read."""
        self.pinned_bytes = max(self.pinned_bytes, 2 * size_bytes)

    def checkpoint(self, total_bytes: int, copied_bytes: int) -> None:
        """Something is saved: ``copied_bytes`` of it pass the host at a time."""
        self.checkpoint_total_bytes = max(self.checkpoint_total_bytes, total_bytes)
        self.checkpoint_copy_bytes = max(self.checkpoint_copy_bytes, copied_bytes)


@dataclass(slots=True, kw_only=True)
class Observation:
    """A simulated job, ready to be estimated.

    Args:
        trace: every storage's life.
        host: what the job holds on the host beside tensors.
        device_allocator: gives a fresh model of a device pool's allocator.
        assumptions: slug → sentence, for what was not seen.
        environment: versions and settings the figures hold for.
        steps: optimizer steps seen.
        passes: forward passes seen.
        libraries: those that the job woke up on a device: "cuBLAS", "cuBLAS in backward", "cuDNN".
        workspace_doubt_bytes: by how much a library may take more at once than the trace has it.
        ranks: processes that the job consists of; this one is seen.
        meshes: how they are laid out, as the job said: each a list of (name, size), the outermost first.
    """

    trace: Trace
    host: HostSide
    device_allocator: Callable[[str], Allocator]
    assumptions: Mapping[str, str]
    environment: Mapping[str, Any]
    steps: int
    passes: int
    libraries: frozenset[str] = frozenset()
    workspace_doubt_bytes: int = 0
    ranks: int = 1
    meshes: tuple[tuple[tuple[str, int], ...], ...] = ()
