"""A memory control group that counts one job: version 1 or 2, made where this machine lets it be made."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

V1 = Path("/sys/fs/cgroup/memory")
V2 = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One control group.

    Args:
        folder: of it.
        version: 1 or 2.
    """

    folder: Path
    version: int

    @property
    def processes_file(self) -> Path:
        """Where a process writes its number to join."""
        return self.folder / "cgroup.procs"

    def peak_bytes(self) -> int:
        """The kernel's own high-water mark: nothing is sampled."""
        return int((self.folder / ("memory.max_usage_in_bytes" if self.version == 1 else "memory.peak")).read_text())

    def kernel_bytes(self) -> int:
        """The kernel's own memory that is charged to the group: page tables, stacks, caches of names."""
        if self.version == 1:
            return int((self.folder / "memory.kmem.usage_in_bytes").read_text())
        return self._stat().get("kernel", 0)

    def file_bytes(self) -> int:
        """Pages of files that are charged to the group: those it was the first to read. Shared memory is no file."""
        stat = self._stat()
        return (
            stat.get("total_cache", 0) - stat.get("total_shmem", 0)
            if self.version == 1
            else stat.get("file", 0) - stat.get("shmem", 0)
        )

    def _stat(self) -> dict[str, int]:
        lines = (self.folder / "memory.stat").read_text().split("\n")
        return {name: int(value) for name, value in (line.split() for line in lines if line)}


@contextmanager
def make_group(name: str) -> Iterator[Group]:
    """A new group, taken away at the end.

    Raises:
        SystemExit: no memory hierarchy of this machine may be written to.
    """
    for version, root, mark in ((1, V1, "memory.max_usage_in_bytes"), (2, V2, "memory.current")):
        folder = root / name
        try:
            folder.mkdir()
        except OSError:
            continue
        if (folder / mark).exists():
            try:
                yield Group(folder=folder, version=version)
            finally:
                _remove(folder)
            return
        folder.rmdir()
    raise SystemExit("no memory control group can be made here: the kernel's count cannot be had")


def _remove(folder: Path) -> None:
    for _ in range(50):  # the last process leaves a moment after it was waited for
        try:
            folder.rmdir()
            return
        except OSError:
            time.sleep(0.1)
