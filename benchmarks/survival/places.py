"""Places that are too small: a disk (a tmpfs mounted for it) and a control group; None where we may not make them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Path | None]:
    """A disk of that size, mounted below the folder."""
    disk = folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "memfit-survival", str(disk)], capture_output=True
    )
    if mounted.returncode:
        yield None
        return
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], capture_output=True)


def fill(disk: Path) -> Path:
    """Take every byte that is left; returns the file to remove for room again."""
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        size = 1 << 16
        while size:
            try:
                file.write(b"x" * size)
            except OSError:
                size //= 2
    return filler


@contextlib.contextmanager
def small_group(name: str, limit_bytes: int) -> Iterator[Path | None]:
    """A control group with that limit, below our own; its file cgroup.procs takes members."""
    group = _make_group(name, limit_bytes)
    try:
        yield group
    finally:
        for _ in range(50 if group is not None else 0):
            with contextlib.suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.1)


def _make_group(name: str, limit_bytes: int) -> Path | None:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        number, controllers, own = line.split(":", 2)
        version = 1 if controllers == "memory" else 2 if number == "0" else 0
        mount = Path("/sys/fs/cgroup/memory" if version == 1 else "/sys/fs/cgroup")
        limit = "memory.limit_in_bytes" if version == 1 else "memory.max"
        parent = mount / own.lstrip("/")
        if not version or not parent.is_dir() or not os.access(parent, os.W_OK):
            continue
        group = parent / name
        with contextlib.suppress(OSError):
            group.mkdir()
            try:
                (group / limit).write_text(str(limit_bytes))
            except OSError:
                group.rmdir()
                raise
            with contextlib.suppress(OSError):  # no swap to escape into, where there is any
                swap = ("memory.memsw.limit_in_bytes", limit_bytes) if version == 1 else ("memory.swap.max", 0)
                (group / swap[0]).write_text(str(swap[1]))
            return group
    return None


def joins(group: Path) -> str:
    """The shell's words by which a command joins the group before it begins."""
    return f"echo $$ > {group}/cgroup.procs && exec"
