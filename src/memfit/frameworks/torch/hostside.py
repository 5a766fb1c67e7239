"""What a job holds on the host beside its tensors: loader workers, pinned batches, the checkpoint being written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class LoaderNeeds:
    """One data loader as the script set it up."""

    workers: int
    prefetch: int
    batch_bytes: int
    pinned: bool
    start_method: str


@dataclass(slots=True)
class HostSide:
    """Collected while the job is simulated; read by the host pool's estimate."""

    loaders: dict[int, LoaderNeeds] = field(default_factory=dict)
    pinned_bytes: int = 0
    checkpoint_total_bytes: int = 0
    checkpoint_copy_bytes: int = 0

    def loader(self, loader: Any, workers: int, batch_bytes: int, batch: Any) -> None:
        """A batch came from a loader."""
        context = getattr(loader, "multiprocessing_context", None)
        method = context.get_start_method() if context is not None else "default"
        known = self.loaders.get(id(loader))
        largest = max(batch_bytes, known.batch_bytes if known else 0)
        prefetch = loader.prefetch_factor or 2
        self.loaders[id(loader)] = LoaderNeeds(workers, prefetch if workers else 0, largest, bool(loader.pin_memory), method)

    def pinned(self, size_bytes: int) -> None:
        """A pinned buffer: the caching host allocator keeps the largest sizes."""
        self.pinned_bytes = max(self.pinned_bytes, 2 * size_bytes)

    def checkpoint(self, total_bytes: int, copied_bytes: int) -> None:
        """Something is saved: its tensors pass the host one at a time."""
        self.checkpoint_total_bytes = max(self.checkpoint_total_bytes, total_bytes)
        self.checkpoint_copy_bytes = max(self.checkpoint_copy_bytes, copied_bytes)
