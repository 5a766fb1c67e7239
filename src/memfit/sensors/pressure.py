"""What the machine's processes wait for (pressure stall information), and how full the shared-memory file system is."""

from __future__ import annotations

import os
from pathlib import Path

from memfit.sensors.linux import read


def stalled_us(root: Path = Path("/"), *, what: str = "memory") -> int | None:
    """Microseconds since boot in which some process waited for "memory", "cpu" or "io"; None if not counted."""
    for line in (read(root / "proc/pressure" / what) or "").splitlines():
        if line.startswith("some "):
            total = line.rpartition("total=")[2]
            return int(total) if total.isdigit() else None
    return None


def shared_memory(root: Path = Path("/")) -> tuple[int, int] | None:
    """(used, size) in bytes of /dev/shm, through which loader workers hand over batches; None without one."""
    try:
        stat = os.statvfs(root / "dev/shm")
    except (OSError, AttributeError):
        return None
    size = stat.f_blocks * stat.f_frsize
    return (size - stat.f_bfree * stat.f_frsize, size) if size else None
