"""How a job that is being recorded stands at this moment: what a live view shows. Plain data, never saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitUse:
    """How full one limit is.

    Args:
        pool: "host", "cuda:0", "shm".
        name: "RAM", "container limit", a device's name, "/dev/shm".
        used_bytes: by everybody, less what the kernel would drop.
        limit_bytes: the bound.
    """

    pool: str
    name: str
    used_bytes: int
    limit_bytes: int

    @property
    def share(self) -> float:
        return self.used_bytes / self.limit_bytes if self.limit_bytes else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobState:
    """A job at one moment.

    Args:
        seconds: since the recording began.
        held_bytes: of each pool, by the job.
        uses: how full each limit is, the fullest first.
        kinds: the job's host memory by kind (anonymous, file, shared, swap), as last read.
        processes: how many are alive.
        unit, number, rate: the iterations of the process that marked last, and how many a second; None without marks.
        phase: that it is in; None when unknown.
        columns: what it read of itself ("cuda:0/allocated", …), in bytes.
    """

    seconds: float
    held_bytes: Mapping[str, int]
    uses: tuple[LimitUse, ...]
    kinds: Mapping[str, int]
    processes: int
    unit: str | None = None
    number: int | None = None
    rate: float | None = None
    phase: str | None = None
    columns: Mapping[str, int] = field(default_factory=dict)
