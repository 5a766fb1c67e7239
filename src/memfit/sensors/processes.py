"""What processes hold: resident, proportional and unique set sizes, swap and the high-water mark.

On Linux from /proc below ``root``; elsewhere psutil says what it can and the rest is None.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from memfit.sensors.linux import parse_sizes, read


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessMemory:
    """One process, in bytes; None for what the system does not tell.

    Args:
        pid: its number.
        name: of its program.
        rss_bytes: resident: pages in RAM, those shared with others counted in full.
        pss_bytes: proportional: shared pages divided among those who share them; sums over a tree are right.
        uss_bytes: unique: what would come free if the process ended.
        swap_bytes: in swap.
        peak_rss_bytes: the high-water mark of the resident size since the start.
        file_bytes: the part of the resident size that is pages of files, code of libraries above all.
    """

    pid: int
    name: str
    rss_bytes: int
    pss_bytes: int | None
    uss_bytes: int | None
    swap_bytes: int | None
    peak_rss_bytes: int | None
    file_bytes: int | None = None

    @property
    def share_bytes(self) -> int:
        """What the process should be charged with: PSS, or RSS where PSS is not known."""
        return self.rss_bytes if self.pss_bytes is None else self.pss_bytes


def process_memory(pid: int | None = None, *, root: Path = Path("/")) -> ProcessMemory | None:
    """One process's memory; None when there is no such process or it may not be read.

    Args:
        pid: its number; this process by default.
        root: where /proc is found.
    """
    number = os.getpid() if pid is None else pid
    status = read(root / f"proc/{number}/status")
    return _elsewhere(number) if status is None else parse_process(number, status, _rollup(root, number))


def parse_process(pid: int, status: str, rollup: str | None) -> ProcessMemory | None:
    """Read /proc/PID/status and /proc/PID/smaps_rollup; None for a kernel thread or a process that ended.

    Args:
        pid: the process's number.
        status: text of its status file.
        rollup: text of its smaps_rollup; None when it may not be read.
    """
    sizes, shares = parse_sizes(status), parse_sizes(rollup or "")
    if "VmRSS" not in sizes:
        return None
    name = next((line.partition(":")[2].strip() for line in status.splitlines() if line.startswith("Name:")), "")
    known = "Pss" in shares
    return ProcessMemory(
        pid=pid,
        name=name,
        rss_bytes=sizes["VmRSS"],
        pss_bytes=shares["Pss"] if known else None,
        uss_bytes=shares.get("Private_Clean", 0) + shares.get("Private_Dirty", 0) if known else None,
        swap_bytes=sizes.get("VmSwap"),
        peak_rss_bytes=sizes.get("VmHWM"),
        file_bytes=sizes.get("RssFile"),
    )


def resident_bytes(*, root: Path = Path("/")) -> int | None:
    """This process's resident size, read in microseconds; None where the system does not tell."""
    text = read(root / "proc/self/statm")
    if text is None:
        own = _elsewhere(os.getpid())
        return None if own is None else own.rss_bytes
    return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")


def process_tree(pid: int | None = None) -> tuple[ProcessMemory, ...]:
    """A process and all that it started, itself first; those that ended meanwhile are left out."""
    number = os.getpid() if pid is None else pid
    try:
        children = [child.pid for child in psutil.Process(number).children(recursive=True)]
    except psutil.Error:
        children = []
    read_all = (process_memory(each) for each in [number, *children])
    return tuple(found for found in read_all if found is not None)


def tree_bytes(processes: Iterable[ProcessMemory]) -> int:
    """What the processes hold together: the sum of their proportional shares."""
    return sum(process.share_bytes for process in processes)


def largest_processes(count: int, *, leave_out: Iterable[int] = ()) -> tuple[ProcessMemory, ...]:
    """The processes of the machine with the largest resident sizes.

    Args:
        count: how many.
        leave_out: numbers of processes that are not wanted.
    """
    unwanted = set(leave_out)
    sizes = sorted(((_quick_rss(process), process.pid) for process in psutil.process_iter()), reverse=True)
    numbers = [pid for rss, pid in sizes if rss > 0 and pid not in unwanted]
    found = (process_memory(pid) for pid in numbers[:count])
    return tuple(process for process in found if process is not None)


def _quick_rss(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _rollup(root: Path, pid: int) -> str | None:
    return read(root / f"proc/{pid}/smaps_rollup")


def _elsewhere(pid: int) -> ProcessMemory | None:
    """By psutil: macOS and Windows; on Linux it finds no more than /proc did."""
    try:
        process = psutil.Process(pid)
        info = process.memory_info()
        return ProcessMemory(
            pid=pid,
            name=process.name(),
            rss_bytes=int(info.rss),
            pss_bytes=None,
            uss_bytes=_uss(process),
            swap_bytes=None,
            peak_rss_bytes=getattr(info, "peak_wset", None),  # Windows alone
        )
    except psutil.Error:
        return None


def _uss(process: psutil.Process) -> int | None:
    try:
        return int(process.memory_full_info().uss)
    except (psutil.Error, AttributeError):
        return None


def started_at(pid: int) -> float | None:
    """When a process began, in seconds since the epoch; None when it is gone, if only unburied (a zombie).

    With its number it names the process.
    """
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return None
