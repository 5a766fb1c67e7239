"""How much host memory a job may use: RAM, the container's limits, the process's own limits, and who else holds some.

The binding limit is the one that leaves the least room, which need not be the smallest.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from memfit.sensors.container import ControlGroup, control_groups
from memfit.sensors.linux import parse_sizes, read
from memfit.sensors.processes import process_memory


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryLimit:
    """One bound on what a job may hold.

    Args:
        name: "RAM", "container limit", "address space limit", …
        limit_bytes: the bound.
        others_bytes: what others hold of it and will not give back.
        where: the control group's path; "" for the others.
    """

    name: str
    limit_bytes: int
    others_bytes: int
    where: str = ""

    @property
    def room_bytes(self) -> int:
        return max(0, self.limit_bytes - self.others_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostMemory:
    """The host's memory as a job starting now would meet it.

    Args:
        total_bytes: the machine's RAM.
        available_bytes: what can be had without swapping, by the kernel's estimate.
        swap_total_bytes: of swap; None when unknown.
        swap_free_bytes: of it; None when unknown.
        overcommit: Linux's vm.overcommit_memory (0 heuristic, 1 always, 2 strict); None elsewhere.
        commit_limit_bytes: what may be promised under strict overcommit; None elsewhere.
        limits: every bound, RAM first.
        groups: the control groups that limit memory, the innermost first.
    """

    total_bytes: int
    available_bytes: int
    swap_total_bytes: int | None
    swap_free_bytes: int | None
    overcommit: int | None
    commit_limit_bytes: int | None
    limits: tuple[MemoryLimit, ...]
    groups: tuple[ControlGroup, ...] = ()

    @property
    def binding(self) -> MemoryLimit:
        """The bound that leaves the least room."""
        return min(self.limits, key=lambda limit: limit.room_bytes)

    @property
    def capacity_bytes(self) -> int:
        """The binding bound, others' share included."""
        return self.binding.limit_bytes

    @property
    def other_processes_bytes(self) -> int:
        """What others hold of the binding bound."""
        return self.binding.others_bytes


def host_capacity(root: Path = Path("/"), *, own_bytes: int | None = None) -> HostMemory:
    """Read the host's memory and every bound on it.

    Args:
        root: where /proc and /sys are found.
        own_bytes: what is held now by processes that will be gone when the job runs; by default this process's share.
    """
    if own_bytes is None:
        own = process_memory()
        own_bytes = own.share_bytes if own else 0
    meminfo = read(root / "proc/meminfo")
    groups = control_groups(root)
    total, available, swap_total, swap_free = _by_psutil() if meminfo is None else parse_meminfo(meminfo)
    held_by_others = max(0, total - available - own_bytes)
    limits = [MemoryLimit(name="RAM", limit_bytes=total, others_bytes=held_by_others)]
    limits += [_container_limit(group, own_bytes) for group in groups if group.limit_bytes is not None]
    limits += process_limits()
    return HostMemory(
        total_bytes=total,
        available_bytes=available,
        swap_total_bytes=swap_total,
        swap_free_bytes=swap_free,
        overcommit=_number(read(root / "proc/sys/vm/overcommit_memory")),
        commit_limit_bytes=parse_sizes(meminfo or "").get("CommitLimit"),
        limits=tuple(limits),
        groups=groups,
    )


def parse_meminfo(text: str) -> tuple[int, int, int | None, int | None]:
    """(RAM, available, swap, free swap) in bytes from /proc/meminfo.

    Kernels before 3.14 name no MemAvailable: then free memory and page cache stand for it.
    """
    sizes = parse_sizes(text)
    cache = sizes.get("MemFree", 0) + sizes.get("Buffers", 0) + sizes.get("Cached", 0)
    return sizes.get("MemTotal", 0), sizes.get("MemAvailable", cache), sizes.get("SwapTotal"), sizes.get("SwapFree")


def _container_limit(group: ControlGroup, own_bytes: int) -> MemoryLimit:
    used_bytes = (group.usage_bytes or 0) - group.reclaimable_bytes - own_bytes
    return MemoryLimit(
        name="container limit",
        limit_bytes=group.limit_bytes or 0,
        others_bytes=max(0, used_bytes),
        where=group.path,
    )


def process_limits() -> Iterator[MemoryLimit]:
    """Limits of this process that its children inherit (ulimit -v, ulimit -d)."""
    if sys.platform == "win32":
        return
    import resource

    for name, kind in (("address space limit", resource.RLIMIT_AS), ("data limit", resource.RLIMIT_DATA)):
        soft, _ = resource.getrlimit(kind)
        if soft != resource.RLIM_INFINITY:
            yield MemoryLimit(name=name, limit_bytes=soft, others_bytes=0)


def _by_psutil() -> tuple[int, int, int | None, int | None]:
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    return int(memory.total), int(memory.available), int(swap.total), int(swap.free)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.strip().isdigit() else None
