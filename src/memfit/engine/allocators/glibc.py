"""glibc's malloc as torch's CPU tensors meet it: posix_memalign(64), with the small blocks that come with a tensor.

The heap itself is exact (glibc_heap.py). The small blocks are an assumption, fitted to recorded processes: they are
few bytes, but they lie between the tensors and keep what is freed from joining and from going back to the system.
"""

from __future__ import annotations

from dataclasses import dataclass

from memfit.engine.allocators.glibc_heap import Chunk, Heap
from memfit.engine.allocators.glibc_settings import GlibcSettings
from memfit.engine.allocators.interface import OutOfMemory

_ALIGNMENT_BYTES = 64  # c10::gAlignment, c10/core/alignment.h, torch 1.8 to 2.13
_OLD_AGE = 32  # births after which a tensor that dies counts as saved for backward
_MOST_NODES = 10_000  # without a backward pass nothing would end them


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallBlocks:
    """The C++ objects that torch allocates around a tensor, by their sizes in bytes.

    Args:
        before: taken before the data, freed with it (StorageImpl, 96 B in torch 2.13).
        after: taken after the data, freed with it (TensorImpl 176 B, its version counter 24 B, views, metadata).
        node: taken before the data, freed when backward passes it (the autograd node and its vectors).
    """

    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    node: tuple[int, ...] = ()


NO_SMALL_BLOCKS = SmallBlocks()
# Fitted to the malloc traffic of six training jobs (convolutions, three transformers, LSTM, MLP; torch 2.13.0, CPU,
# glibc 2.36, 2 threads), against the peak that the tensors and all C++ blocks gave together. Where a small block
# lands is as good as chance, so there are three sets: their median was 0.91 to 1.16 of it, the largest of the three
# 0.99 to 1.35, tensors alone 0.53 to 0.93. All six took part in the choice: none was held out.
TORCH_SMALL_BLOCKS = (
    SmallBlocks(before=(96,), after=(176, 24), node=(512, 16, 32, 312, 64, 104)),
    SmallBlocks(before=(96,), after=(176, 24, 176, 24, 64), node=(512, 16, 32)),
    SmallBlocks(before=(512, 16, 32, 96), after=(176, 24, 176, 24, 64)),
)


@dataclass(slots=True, kw_only=True)
class _Tensor:
    size_bytes: int
    born: int
    data: Chunk
    before: list[Chunk]
    after: list[Chunk]


class GlibcAllocator:
    """Host tensors under glibc's malloc, in one arena.

    Args:
        settings: what the environment says (GlibcSettings.from_environment); glibc's defaults when None.
        small_blocks: what comes with each tensor; TORCH_SMALL_BLOCKS[0] when None, NO_SMALL_BLOCKS for tensors alone.

    reserved_bytes is the arena plus the mappings, as mallinfo2 gives them (arena + hblkhd), above what the process
    held before its first tensor. A process is not stopped by malloc but by the kernel: there is no capacity here.

    >>> allocator = GlibcAllocator()
    >>> handle = allocator.malloc(1024**2)
    >>> allocator.reserved_bytes
    1187840
    """

    first_oom: OutOfMemory | None = None

    def __init__(self, settings: GlibcSettings | None = None, *, small_blocks: SmallBlocks | None = None) -> None:
        self.settings = settings or GlibcSettings()
        self.small_blocks = TORCH_SMALL_BLOCKS[0] if small_blocks is None else small_blocks
        self._heap = Heap(self.settings)
        self._live: dict[int, _Tensor] = {}
        self._nodes: list[tuple[int, list[Chunk]]] = []
        self._births = 0
        self._requested = self._allocated = 0
        self.requested_peak_bytes = self.allocated_peak_bytes = self.reserved_peak_bytes = 0
        self.resident_peak_bytes = 0

    @property
    def requested_bytes(self) -> int:
        """What the live tensors asked for."""
        return self._requested

    @property
    def allocated_bytes(self) -> int:
        """What their chunks and mappings hold, headers included; the small blocks are not counted here."""
        return self._allocated

    @property
    def reserved_bytes(self) -> int:
        """The arena and the mappings."""
        return self._heap.arena_bytes + self._heap.mapped_bytes

    @property
    def resident_bytes(self) -> int:
        """At most this much of it is resident, when every tensor is written to its end: the untouched top is not."""
        return self._heap.touched_bytes + self._heap.mapped_bytes

    @property
    def mmap_threshold_bytes(self) -> int:
        """Where the threshold stands now."""
        return self._heap.mmap_threshold

    def malloc(self, size_bytes: int, stream: int = 0) -> int:
        """Take a tensor's memory, and its small blocks. Returns its address, 0 for an empty one."""
        if size_bytes <= 0:
            return 0
        heap, small = self._heap, self.small_blocks
        self._births += 1
        if small.node:
            self._nodes.append((self._births, [heap.malloc(size) for size in small.node]))
            self._drop_nodes(keep=_MOST_NODES)
        before = [heap.malloc(size) for size in small.before]
        data = heap.memalign(_ALIGNMENT_BYTES, size_bytes)
        after = [heap.malloc(size) for size in small.after]
        self._live[data.address] = _Tensor(
            size_bytes=size_bytes, born=self._births, data=data, before=before, after=after
        )
        self._requested += size_bytes
        self._allocated += data.mapped_bytes or data.size
        self._see_peaks()
        return data.address

    def free(self, handle: int) -> None:
        """Give a tensor's memory back, its small blocks around it."""
        if not handle:
            return
        tensor = self._live.pop(handle)
        self._requested -= tensor.size_bytes
        self._allocated -= tensor.data.mapped_bytes or tensor.data.size
        for chunk in (*reversed(tensor.after), tensor.data, *tensor.before):
            self._heap.free(chunk)
        if self._births - tensor.born >= _OLD_AGE:
            self._pass_nodes(tensor.born)

    def empty_cache(self) -> None:
        """Nothing: torch has no call that reaches malloc's free chunks."""

    def trim(self) -> None:
        """malloc_trim(0), as far as the top of the heap is concerned."""
        self._heap.trim()

    def reset_peaks(self) -> None:
        """Let the peaks start again from the current figures."""
        self.requested_peak_bytes, self.allocated_peak_bytes = self._requested, self._allocated
        self.reserved_peak_bytes, self.resident_peak_bytes = self.reserved_bytes, self.resident_bytes

    def _see_peaks(self) -> None:
        self.requested_peak_bytes = max(self.requested_peak_bytes, self._requested)
        self.allocated_peak_bytes = max(self.allocated_peak_bytes, self._allocated)
        self.reserved_peak_bytes = max(self.reserved_peak_bytes, self.reserved_bytes)
        self.resident_peak_bytes = max(self.resident_peak_bytes, self.resident_bytes)

    def _pass_nodes(self, born: int) -> None:
        """An old tensor that dies was saved for backward, which is past all that came after it."""
        while self._nodes and self._nodes[-1][0] >= born:
            self._free_node(self._nodes.pop()[1])

    def _drop_nodes(self, *, keep: int) -> None:
        if len(self._nodes) > keep:
            dropped, self._nodes = self._nodes[: keep // 2], self._nodes[keep // 2 :]
            for _, chunks in dropped:
                self._free_node(chunks)

    def _free_node(self, chunks: list[Chunk]) -> None:
        for chunk in chunks:
            self._heap.free(chunk)
