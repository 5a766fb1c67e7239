"""What every allocator model answers. The simulation and the replay speak this; each model is one file beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfMemory:
    """The first request that did not fit, after everything that could be released had been released.

    Args:
        size_bytes: as requested.
        needed_bytes: what the allocator asked the driver for.
        allocated_bytes: held by live blocks at that moment.
        reserved_bytes: held from the driver at that moment, before the request.
        capacity_bytes: the limit that was hit.
        allocation: the how-manieth request it was, from 1.
    """

    size_bytes: int
    needed_bytes: int
    allocated_bytes: int
    reserved_bytes: int
    capacity_bytes: int
    allocation: int


class AllocatorOutOfMemory(Exception):
    """Raised instead of going on past the capacity, by allocators made with ``raise_on_oom``.

    Args:
        oom: the request that failed.
    """

    def __init__(self, oom: OutOfMemory) -> None:
        super().__init__(f"{oom.size_bytes} B do not fit: {oom.reserved_bytes} B of {oom.capacity_bytes} B are held")
        self.oom = oom


class Allocator(Protocol):
    """A model of an allocator. Sizes are bytes; a handle is the simulated address, 0 for an empty request.

    requested <= allocated <= reserved holds at every moment, for the current figures and for the peaks.
    """

    @property
    def requested_bytes(self) -> int: ...
    @property
    def allocated_bytes(self) -> int: ...
    @property
    def reserved_bytes(self) -> int: ...
    @property
    def requested_peak_bytes(self) -> int: ...
    @property
    def allocated_peak_bytes(self) -> int: ...
    @property
    def reserved_peak_bytes(self) -> int: ...
    @property
    def first_oom(self) -> OutOfMemory | None: ...

    def malloc(self, size_bytes: int, stream: int = 0) -> int:
        """Take a block. Returns its handle."""

    def free(self, handle: int) -> None:
        """Give a block back."""

    def empty_cache(self) -> None:
        """What the framework's own release call does (torch.cuda.empty_cache); nothing where it does not reach."""

    def reset_peaks(self) -> None:
        """Let the peaks start again from the current figures."""
