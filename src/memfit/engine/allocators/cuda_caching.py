"""PyTorch's CUDA caching allocator, block by block: what a job's tensors reserve on the device.

Follows c10/cuda/CUDACachingAllocator.cpp, torch 2.1 to 2.13 (constants and versions: cuda_rules.py). Trusts that
tensors are used on the stream they were made on; record_stream, private pools and graph capture are left out.
"""

from __future__ import annotations

from memfit.engine.allocators import cuda_expandable
from memfit.engine.allocators import cuda_rules as rules
from memfit.engine.allocators.cuda_blocks import Block, Books, Driver, Pool, merge
from memfit.engine.allocators.interface import AllocatorOutOfMemory, OutOfMemory
from memfit.engine.allocators.settings import AllocatorSettings

_SMALL = rules.SMALL_BYTES
_MIN_BLOCK = rules.MIN_BLOCK_BYTES


class CudaCachingAllocator:
    """One device's caching allocator.

    Args:
        settings: what PYTORCH_CUDA_ALLOC_CONF says; torch's defaults when None.
        capacity_bytes: the most that the process can get from the driver for tensors: the device less the context,
            the libraries and what other processes hold. None for a device without end.
        device_total_bytes: the whole device, of which a memory fraction is a share; capacity_bytes when None.
        raise_on_oom: raise AllocatorOutOfMemory where torch would; else note the place and go on past the capacity.

    >>> allocator = CudaCachingAllocator()
    >>> handle = allocator.malloc(3 * 1024**2 + 1)
    >>> allocator.requested_bytes, allocator.allocated_bytes, allocator.reserved_bytes
    (3145729, 3146240, 20971520)
    """

    def __init__(
        self,
        settings: AllocatorSettings | None = None,
        capacity_bytes: int | None = None,
        *,
        device_total_bytes: int | None = None,
        raise_on_oom: bool = False,
    ) -> None:
        self.settings = settings or AllocatorSettings()
        self.raise_on_oom = raise_on_oom
        self.first_oom: OutOfMemory | None = None
        self.num_ooms = 0
        self.num_alloc_retries = 0
        self._device_total_bytes = device_total_bytes if device_total_bytes is not None else capacity_bytes
        self._driver = Driver(capacity_bytes)
        self._books = Books()
        self._small = Pool(is_small=True)
        self._large = Pool(is_small=False)
        self._live: dict[int, Block] = {}
        self._allocations = 0
        self._allowed_bytes: int | None = None
        self._plain_rounding = max(self.settings.roundup_power2_divisions) <= 1
        self._plain_fit = self.settings.max_split_size_bytes is None and not self.settings.expandable_segments
        if self.settings.per_process_memory_fraction is not None:
            self.set_memory_fraction(self.settings.per_process_memory_fraction)

    @property
    def requested_bytes(self) -> int:
        """What the live tensors asked for."""
        return self._books.requested.current

    @property
    def allocated_bytes(self) -> int:
        """What their blocks hold: torch.cuda.memory_allocated()."""
        return self._books.allocated.current

    @property
    def reserved_bytes(self) -> int:
        """What is held from the driver: torch.cuda.memory_reserved()."""
        return self._books.reserved.current

    @property
    def requested_peak_bytes(self) -> int:
        """The most that was requested at once."""
        return self._books.requested.peak

    @property
    def allocated_peak_bytes(self) -> int:
        """torch.cuda.max_memory_allocated()."""
        return self._books.allocated.peak

    @property
    def reserved_peak_bytes(self) -> int:
        """torch.cuda.max_memory_reserved()."""
        return self._books.reserved.peak

    @property
    def inactive_split_bytes(self) -> int:
        """Free, but in a segment that is partly in use and so cannot be released."""
        return self._books.inactive.current

    @property
    def num_allocations(self) -> int:
        """Live blocks."""
        return self._books.blocks.current

    @property
    def num_segments(self) -> int:
        """Segments held; expandable ones are not counted, as in torch."""
        return self._books.segments.current

    def malloc(self, size_bytes: int, stream: int = 0) -> int:
        """Take a block.

        Args:
            size_bytes: what the tensor needs.
            stream: the stream it is made on; only blocks of that stream are used again.

        Returns:
            The block's address, to be given to free(); 0 for an empty tensor, which takes nothing.

        Raises:
            AllocatorOutOfMemory: it does not fit and the allocator was made with raise_on_oom.
        """
        self._allocations += 1
        if size_bytes <= 0:
            return 0
        size = self.rounded_bytes(size_bytes)
        pool = self._small if size <= _SMALL else self._large
        block = self._best_fit(pool, size, stream) or self._grow(pool, size, stream, size_bytes)
        block = self._cut(pool, block, size)
        block.free = False
        block.requested = size_bytes
        self._books.took(block.size, size_bytes)
        pool.books.took(block.size, size_bytes)
        self._live[block.address] = block
        return block.address

    def free(self, handle: int) -> None:
        """Give a block back to its pool, where it joins its free neighbours."""
        if not handle:
            return
        block = self._live.pop(handle)
        pool = block.pool
        self._books.gave(block.size, block.requested)
        pool.books.gave(block.size, block.requested)
        block.free = True
        blocks = size = 0
        for neighbour in (block.prev, block.next):
            if neighbour is not None and neighbour.free:
                swallowed = merge(block, neighbour)
                if swallowed:
                    blocks -= 1
                    size -= swallowed
        if block.prev is not None or block.next is not None:
            blocks += 1
            size += block.size
        pool.add(block)
        if (blocks or size) and block.segment is None:
            self._books.inactive_changed(blocks, size)
            pool.books.inactive_changed(blocks, size)
        if not self.settings.caching:
            self._release(block)

    def empty_cache(self) -> None:
        """Return to the driver every segment that is wholly free, and every free page of an expandable one."""
        for pool in (self._large, self._small):
            whole = [block for block in pool.blocks() if block.segment is None and not block.is_split]
            expandable = [block for block in pool.blocks() if block.segment is not None]
            for block in whole:
                self._release(block)
            for block in expandable:
                cuda_expandable.unmap(driver=self._driver, books=self._books, block=block)

    def set_memory_fraction(self, fraction: float) -> None:
        """Let the process reserve no more than this share of the device (set_per_process_memory_fraction)."""
        if self._device_total_bytes is not None:
            self._allowed_bytes = int(fraction * self._device_total_bytes)

    def rounded_bytes(self, size_bytes: int) -> int:
        """The size of the block that serves a request, before what a block too small to be split adds."""
        if self._plain_rounding or size_bytes < _MIN_BLOCK:
            return (size_bytes + _MIN_BLOCK - 1) & -_MIN_BLOCK
        exponent = size_bytes.bit_length() - 1
        interval = min(max(exponent - 20, 0), rules.DIVISION_INTERVALS - 1)
        divisions = self.settings.roundup_power2_divisions[interval]
        if divisions <= 1 or size_bytes <= _MIN_BLOCK * divisions:
            return (size_bytes + _MIN_BLOCK - 1) & -_MIN_BLOCK
        step = (1 << exponent) // divisions
        return -(-size_bytes // step) * step

    def reset_peaks(self) -> None:
        """Let all peaks start again from the current figures (reset_peak_memory_stats)."""
        for books in self._all_books().values():
            for counter in books.counters().values():
                counter.reset_peak()

    def memory_stats(self) -> dict[str, int]:
        """The figures under the names of torch.cuda.memory_stats()."""
        found = {
            f"{name}.{which}.{metric}": value
            for which, books in self._all_books().items()
            for name, counter in books.counters().items()
            for metric, value in counter.as_stats().items()
        }
        found["num_alloc_retries"] = self.num_alloc_retries
        found["num_ooms"] = self.num_ooms
        found["num_device_alloc"] = self._driver.calls
        found["num_device_free"] = self._driver.frees
        limit = self.settings.max_split_size_bytes
        found["max_split_size"] = -1 if limit is None else limit
        return dict(sorted(found.items()))

    def _all_books(self) -> dict[str, Books]:
        return {"all": self._books, "large_pool": self._large.books, "small_pool": self._small.books}

    def _best_fit(self, pool: Pool, size: int, stream: int) -> Block | None:
        """The smallest free block that holds the request, out of its pool; None when the rules forbid it."""
        pool.searches += 1
        keys, at = pool.position(size, stream)
        if at == len(keys):
            return None
        if not self._plain_fit:
            at = self._expandable_fit(pool, keys, at)
            limit = self.settings.max_split_size_bytes
            if limit is not None:
                found = pool.by_key[keys[at]].size
                rounding = self.settings.max_non_split_rounding_bytes
                if found >= limit if size < limit else found >= size + rounding:
                    return None
        return pool.by_key.pop(keys.pop(at))

    def _expandable_fit(self, pool: Pool, keys: list[int], at: int) -> int:
        """A block that can still grow counts with all it can grow to, so a larger one behind it may fit better."""
        while at + 1 < len(keys):
            if _room(pool.by_key[keys[at + 1]]) >= _room(pool.by_key[keys[at]]):
                break
            at += 1
        return at

    def _grow(self, pool: Pool, size: int, stream: int, size_bytes: int) -> Block:
        """A new segment, or pages; near the limit after releasing what is cached, first a little, then all."""
        self._collect_garbage()
        block = self._obtain(pool, size, stream)
        if block is None and self._release_oversize(pool, size, stream):
            block = self._obtain(pool, size, stream)
        if block is None:
            self.empty_cache()
            self.num_alloc_retries += 1
            block = self._obtain(pool, size, stream)
        if block is None:
            self._note_oom(size_bytes, size)
            self._driver.unlimited = True
            block = self._obtain(pool, size, stream)
            self._driver.unlimited = False
        assert block is not None
        return block

    def _obtain(self, pool: Pool, size: int, stream: int) -> Block | None:
        needed = self._segment_bytes(size)
        driver, books = self._driver, self._books
        if (
            self._allowed_bytes is not None
            and not driver.unlimited
            and driver.held_bytes + needed > self._allowed_bytes
        ):
            return None
        if self.settings.expandable_segments:
            page = rules.SMALL_SEGMENT_BYTES if pool.is_small else self.settings.large_segment_size_bytes
            return cuda_expandable.expand(
                driver=driver,
                books=books,
                pool=pool,
                stream=stream,
                size=size,
                page_bytes=page,
                device_bytes=self._device_total_bytes,
            )
        if not driver.take(needed):
            return None
        for book in (books, pool.books):
            book.segments.add(1)
            book.reserved.add(needed)
        return Block(pool, stream, driver.addresses(needed), needed)

    def _segment_bytes(self, size: int) -> int:
        if not self.settings.caching:
            return size
        if size <= _SMALL:
            return rules.SMALL_SEGMENT_BYTES
        if size < rules.MIN_LARGE_BYTES:
            return self.settings.large_segment_size_bytes
        return -(-size // rules.ROUND_LARGE_BYTES) * rules.ROUND_LARGE_BYTES

    def _cut(self, pool: Pool, block: Block, size: int) -> Block:
        """Split the rest off where the rules say so; the books of inactive splits follow torch's."""
        rest = block.size - size
        was_split = block.prev is not None or block.next is not None
        if not (rest and self._splits(pool, size, rest)):
            if was_split and block.segment is None:
                self._books.inactive_changed(-1, -block.size)
                pool.books.inactive_changed(-1, -block.size)
            return block
        front = Block(pool, block.stream, block.address, size, block.segment)
        front.link(block.prev, block)
        block.address += size
        block.size = rest
        pool.add(block)
        if block.segment is None:
            change = (0, -size) if was_split else (1, rest)
            self._books.inactive_changed(*change)
            pool.books.inactive_changed(*change)
        return front

    def _splits(self, pool: Pool, size: int, rest: int) -> bool:
        if pool.is_small or self.settings.expandable_segments:
            return rest >= _MIN_BLOCK
        limit = self.settings.max_split_size_bytes
        return rest > _SMALL and (limit is None or size < limit)

    def _release(self, block: Block) -> None:
        """Return a free, unsplit segment to the driver."""
        block.pool.remove(block)
        self._driver.give(block.size)
        for book in (self._books, block.pool.books):
            book.segments.sub(1)
            book.reserved.sub(block.size)

    def _release_oversize(self, pool: Pool, size: int, stream: int) -> bool:
        """With max_split_size: release just enough of the blocks above it. Returns whether that may suffice."""
        limit = self.settings.max_split_size_bytes
        if limit is None:
            return False
        wanted = max(size, limit)
        keys, at = pool.position(wanted, stream)
        if at < len(keys):
            self._release(pool.by_key[keys[at]])
            return True
        released = 0
        while released < wanted and keys and pool.by_key[keys[-1]].size >= limit:
            block = pool.by_key[keys[-1]]
            released += block.size
            self._release(block)
        return released >= wanted

    def _collect_garbage(self) -> None:
        """With a threshold and a memory fraction: release the large blocks that waited longest."""
        threshold = self.settings.garbage_collection_threshold
        if self._allowed_bytes is None or threshold <= 0.0:
            return
        target = self._driver.held_bytes - int(threshold * self._allowed_bytes)
        waiting = [block for block in self._large.blocks() if block.segment is None and not block.is_split]
        age = sum(self._large.searches - block.age_base for block in waiting)
        reclaimed = 0
        while reclaimed < target and waiting:
            average = age / len(waiting)
            old = [block for block in waiting if self._large.searches - block.age_base >= average]
            waiting = [block for block in waiting if self._large.searches - block.age_base < average]
            for block in old:
                reclaimed += block.size
                age -= self._large.searches - block.age_base
                self._release(block)

    def _note_oom(self, size_bytes: int, size: int) -> None:
        self.num_ooms += 1
        limits = [limit for limit in (self._driver.capacity_bytes, self._allowed_bytes) if limit is not None]
        oom = OutOfMemory(
            size_bytes=size_bytes,
            needed_bytes=self._segment_bytes(size),
            allocated_bytes=self.allocated_bytes,
            reserved_bytes=self.reserved_bytes,
            capacity_bytes=min(limits),
            allocation=self._allocations,
        )
        self.first_oom = self.first_oom or oom
        if self.raise_on_oom:
            raise AllocatorOutOfMemory(oom)


def _room(block: Block) -> int:
    grows = block.next is not None and not block.next.mapped
    return block.size + (block.next.size if grows and block.next is not None else 0)
