"""An allocator without rules: what is requested is allocated and reserved. For platforms without a model."""

from __future__ import annotations

from memfit.engine.allocators.interface import AllocatorOutOfMemory, OutOfMemory


class PlainAllocator:
    """Counts bytes, rounds nothing, keeps nothing.

    Args:
        capacity_bytes: the limit whose first crossing is recorded; None for no limit.
        raise_on_oom: raise AllocatorOutOfMemory at the crossing instead of going on.

    >>> allocator = PlainAllocator()
    >>> handle = allocator.malloc(100)
    >>> allocator.reserved_bytes
    100
    """

    def __init__(self, *, capacity_bytes: int | None = None, raise_on_oom: bool = False) -> None:
        self.capacity_bytes = capacity_bytes
        self.raise_on_oom = raise_on_oom
        self.first_oom: OutOfMemory | None = None
        self._current = self._peak = self._allocations = 0
        self._live: dict[int, int] = {}

    @property
    def requested_bytes(self) -> int:
        return self._current

    @property
    def requested_peak_bytes(self) -> int:
        return self._peak

    allocated_bytes = reserved_bytes = requested_bytes
    allocated_peak_bytes = reserved_peak_bytes = requested_peak_bytes

    def malloc(self, size_bytes: int, stream: int = 0) -> int:
        """Take a block. Returns its handle, 0 for an empty request."""
        self._allocations += 1
        if size_bytes <= 0:
            return 0
        if self.capacity_bytes is not None and self._current + size_bytes > self.capacity_bytes:
            self._note_oom(size_bytes, self.capacity_bytes)
        self._current += size_bytes
        self._peak = max(self._peak, self._current)
        self._live[self._allocations] = size_bytes
        return self._allocations

    def free(self, handle: int) -> None:
        """Give a block back."""
        if handle:
            self._current -= self._live.pop(handle)

    def empty_cache(self) -> None:
        """Nothing is kept, nothing to release."""

    def reset_peaks(self) -> None:
        """Let the peak start again from the current figure."""
        self._peak = self._current

    def _note_oom(self, size_bytes: int, capacity_bytes: int) -> None:
        oom = OutOfMemory(
            size_bytes=size_bytes,
            needed_bytes=size_bytes,
            allocated_bytes=self._current,
            reserved_bytes=self._current,
            capacity_bytes=capacity_bytes,
            allocation=self._allocations,
        )
        self.first_oom = self.first_oom or oom
        if self.raise_on_oom:
            raise AllocatorOutOfMemory(oom)
