"""The recording: what happened to every memory pool while a job ran. Plain data in columns, no behaviour but look-ups.

Times are seconds since the recording began; a column holds only what was read, so nothing in it is unknown.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One quantity over time. When samples were merged, each point keeps the lowest and the highest of its window.

    Args:
        pool: the memory it belongs to: "host", "cuda:0", …; prefixed "node1/" for the second machine of several.
        scope: whose: "job" (the process tree), "machine", "container", or "process:PID".
        name: of the job on a host: "held" (what to plan with: PSS summed over the processes, carried on between its
            readings by the change of RSS), "pss", "uss", "rss" (summed: shared pages count in every process), "swap",
            "anonymous", "file", "shared"; of the job on a device: "used" (as the driver reports it for the job's
            processes); of the machine or the container: "available", "used", "usage", "reclaimable", "swap", ….
        seconds: when, ascending ('d').
        last_bytes: the value at that time ('q').
        low_bytes: the lowest since the point before ('q').
        high_bytes: the highest since the point before ('q').
    """

    pool: str
    scope: str
    name: str
    seconds: array[float]
    last_bytes: array[int]
    low_bytes: array[int]
    high_bytes: array[int]

    @property
    def peak_bytes(self) -> int | None:
        return max(self.high_bytes, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Iterations:
    """The iterations of one process, a row each or, where they were quick or were merged, a row for several.

    Args:
        pid: the process.
        unit: what counts: "step", "round", "batch", "epoch", "fit", …
        numbers: the number of the last iteration of the row, from 1, ascending ('q').
        seconds: when it ended ('d').
        columns: by "POOL/NAME" ("host/rss", "cuda:0/allocated", …): bytes at its end ('q'); a name that ends in
            "_high" is the highest within the row.
    """

    pid: int
    unit: str
    numbers: array[int]
    seconds: array[float]
    columns: Mapping[str, array[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseSpan:
    """One stay of a process in a phase.

    Args:
        pid: the process.
        name: "data", "forward", "backward", "optimizer", "evaluation", "checkpoint" or a name of the user's.
        start_s: when it began.
        end_s: when it ended; None when the recording ended within it.
        start_rss_bytes: resident size at its start; None when unknown.
        end_rss_bytes: resident size at its end; None when unknown.
        high_bytes: the highest resident size within it, where it could be told; None otherwise.
    """

    pid: int
    name: str
    start_s: float
    end_s: float | None
    start_rss_bytes: int | None = None
    end_rss_bytes: int | None = None
    high_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseTotal:
    """A phase over the whole recording, the stays too short to be listed included.

    Args:
        pid: the process.
        name: of the phase.
        count: stays.
        seconds: altogether.
        high_bytes: the highest resident size seen in it; None when never read.
    """

    pid: int
    name: str
    count: int
    seconds: float
    high_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process of the job.

    Args:
        pid: its number.
        parent_pid: who started it; None when unknown.
        name: its program's name.
        command: its command line, shortened.
        role: "main", "launcher", "trainer", "loader worker", …; "" when unknown.
        rank: in its process group; None without one.
        node: index of the machine it ran on, from 0.
        start_s: when it was first seen.
        end_s: when it was gone; None when it was there at the end.
        peak_rss_bytes: its high-water mark as last read; None when never read.
    """

    pid: int
    parent_pid: int | None
    name: str
    command: str
    role: str = ""
    rank: int | None = None
    node: int = 0
    start_s: float = 0.0
    end_s: float | None = None
    peak_rss_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A bound that the job can run into.

    Args:
        pool: "host", "cuda:0", "shm".
        name: "RAM", "container limit", "address space limit", "device memory", "/dev/shm".
        limit_bytes: the bound.
        others_bytes: what others held of it when the recording began.
    """

    pool: str
    name: str
    limit_bytes: int
    others_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened at a moment.

    Args:
        slug: "oom-kill", "process-ended", "warning", "samples-lost", "clock-jump", …
        at_s: when.
        pid: the process concerned; None for the machine.
        text: for a person.
    """

    slug: str
    at_s: float
    pid: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One holder of memory that was found in a process: see memfit.quantities.Held for the fields in common.

    Args:
        at_s: when the look was taken.
        pid: in which process.
        look: the name of the look ("tensors", "containers", "malloc_trim").
    """

    at_s: float
    pid: int
    look: str
    category: str
    label: str
    held_bytes: int | None
    count: int = 1
    where: str = ""
    grows: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How the recording ended.

    Args:
        how: "exited", "signalled", "oom_killed", "detached" (recorded from inside and closed), "lost" (the recorder
            itself was killed: the file just stops; or the process that it watched from inside ended within the
            block: the text says so), "running" (read while it is being written).
        exit_code: the command's; None without one.
        signal: that ended it; None without one.
        at_s: when.
        text: for a person.
    """

    how: str
    exit_code: int | None = None
    signal: int | None = None
    at_s: float = 0.0
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What happened: one job on one or several machines.

    Args:
        command: the words of the command; those of the first machine where they differ.
        started: when it began, ISO 8601 in UTC.
        machine: what was read of the machine at the start, plain JSON values ("host", "user", "system", "cwd", …).
        environment: versions and settings ("python", "torch", "memfit", MALLOC_… variables).
        limits: what the job can run into.
        series: samples by the clock.
        iterations: by process and unit.
        phases: stays that were long or rare enough to be listed, by start.
        phase_totals: all stays, summed.
        processes: of the job, in the order they were seen.
        events: by time.
        holdings: what attributions found, by time.
        ending: how it ended.
        notes: what the reader should know: what could not be read, what was damaged, what was merged.
    """

    command: tuple[str, ...]
    started: str
    machine: Mapping[str, Any]
    environment: Mapping[str, Any]
    limits: tuple[Limit, ...]
    series: tuple[Series, ...]
    iterations: tuple[Iterations, ...]
    phases: tuple[PhaseSpan, ...]
    phase_totals: tuple[PhaseTotal, ...]
    processes: tuple[Process, ...]
    events: tuple[Event, ...]
    holdings: tuple[Holding, ...]
    ending: Ending
    notes: tuple[str, ...] = field(default_factory=tuple)

    def one(self, pool: str, scope: str, name: str) -> Series | None:
        """The series of that pool, scope and name, or None."""
        return next((s for s in self.series if (s.pool, s.scope, s.name) == (pool, scope, name)), None)

    @property
    def title(self) -> str:
        """The command in a line, its program by name alone: where an interpreter lies is no news."""
        program, *words = self.command or ("",)
        return " ".join([program.rpartition("/")[2] or program, *words])

    @property
    def pools(self) -> tuple[str, ...]:
        """Every pool that the job has a series of, devices first, then hosts."""
        names = {series.pool for series in self.series if series.scope == "job"}
        return tuple(sorted(names, key=lambda name: (name.endswith("host"), name)))

    def peak_bytes(self, pool: str) -> int | None:
        """The highest that the job reached in a pool; None when it was never read.

        Of the host: what its processes held together ("held"), or one process's own high-water mark where a spike
        between two samples took it higher. Of a device: what it used there ("used").
        """
        sampled = self.one(pool, "job", "held" if pool.endswith("host") else "used")
        peaks = [None if sampled is None else sampled.peak_bytes]
        if pool.endswith("host"):
            peaks += [process.peak_rss_bytes for process in self.processes if host_pool(process.node) == pool]
        return max((peak for peak in peaks if peak is not None), default=None)

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.ending.at_s


def host_pool(node: int) -> str:
    """The name of a machine's host pool, by its index.

    >>> host_pool(0), host_pool(1)
    ('host', 'node1/host')
    """
    return "host" if node == 0 else f"node{node}/host"
