"""The main arena of glibc's malloc, chunk by chunk: caches and bins, best fit, joining, the top and its trimming.

Follows malloc/malloc.c of glibc 2.31 to 2.41 on 64-bit machines. Other arenas (threads) and realloc are left out.
"""

from __future__ import annotations

from bisect import bisect_left, insort

from memfit.engine.allocators.glibc_settings import GlibcSettings
from memfit.quantities import KIB, MIB

PAGE_BYTES = 4 * KIB
_HEADER = 8  # SIZE_SZ: what a chunk costs beyond the request, before rounding to 16
_MIN_CHUNK = 32  # MINSIZE
_FAST = 128  # global_max_fast: up to here freed chunks wait unjoined in a fast bin
_LARGE = 1024  # MIN_LARGE_SIZE: from here bins hold a range of sizes, sorted
_CONSOLIDATE = 64 * KIB  # FASTBIN_CONSOLIDATION_THRESHOLD
_MAX_DYNAMIC_THRESHOLD = 32 * MIB  # DEFAULT_MMAP_THRESHOLD_MAX, 64-bit


def chunk_bytes(size_bytes: int) -> int:
    """What a request takes with its header (request2size)."""
    return max(_MIN_CHUNK, (size_bytes + _HEADER + 15) & -16)


class Chunk:
    """A piece of the heap, or a mapping of its own. Its neighbours in the heap are linked."""

    __slots__ = ("address", "free", "mapped_bytes", "next", "prev", "size", "unsorted")

    def __init__(self, address: int, size: int, mapped_bytes: int = 0) -> None:
        self.address = address
        self.size = size
        self.mapped_bytes = mapped_bytes
        self.free = False
        self.unsorted = False
        self.prev: Chunk | None = None
        self.next: Chunk | None = None


class Heap:
    """One arena on the program break, and the mappings beside it.

    Args:
        settings: thresholds and pads, as the environment sets them.
    """

    def __init__(self, settings: GlibcSettings) -> None:
        self.settings = settings
        self.mmap_threshold = settings.mmap_threshold_bytes
        self.trim_threshold = settings.trim_threshold_bytes
        self.arena_bytes = 0
        self.mapped_bytes = 0
        self.touched_bytes = 0  # how far into the arena chunks have ever reached since it last shrank
        self._mappings = 0
        self._next_mapping = 1 << 44
        self._top = Chunk(PAGE_BYTES, 0)
        # up to here freed chunks wait unjoined in the thread's cache, 7 of each size: 1040 B unless set (2.26 on)
        self._cached = chunk_bytes(settings.tcache_max_bytes) if settings.tcache_count else 0
        self._cache: list[list[Chunk]] = [[] for _ in range(max(self._cached, _LARGE) // 16 + 1)]
        self._fast: list[list[Chunk]] = [[] for _ in range(_FAST // 16 + 1)]
        self._has_fast = False
        self._unsorted: dict[Chunk, None] = {}
        self._sizes: list[int] = []
        self._bins: dict[int, list[Chunk]] = {}
        self._last_remainder = 0

    def malloc(self, size_bytes: int) -> Chunk:
        """malloc(): from the thread's cache, else from the arena or a mapping."""
        size = chunk_bytes(size_bytes)
        if size <= self._cached and (cached := self._cache[size >> 4]):
            return cached.pop()
        return self._take(size)

    def memalign(self, alignment: int, size_bytes: int) -> Chunk:
        """posix_memalign() for an alignment above 16: a chunk with room to spare, whose ends are given back."""
        size = chunk_bytes(size_bytes)
        chunk = self._take(chunk_bytes(size + alignment + _MIN_CHUNK))
        misaligned = (chunk.address + 16) % alignment
        if misaligned:
            lead = alignment - misaligned
            if lead < _MIN_CHUNK:
                lead += alignment
            if chunk.mapped_bytes:
                chunk.address += lead
                chunk.size -= lead
                return chunk
            leader, chunk = chunk, self._split(chunk, lead)
            if self.settings.version < (2, 38):
                self.free(leader)
            else:
                self._join(leader)
        if not chunk.mapped_bytes and chunk.size > size + self._least_tail(chunk):
            tail = self._split(chunk, size)
            if self.settings.version < (2, 38):
                self.free(tail)
            else:
                self._free_joined(tail)
        return chunk

    def free(self, chunk: Chunk) -> None:
        """free(): into the caches when small, else joined with its neighbours; a mapping goes at once."""
        size = chunk.size
        if chunk.mapped_bytes:
            self._unmap(chunk)
        elif size <= self._cached and len(cached := self._cache[size >> 4]) < self.settings.tcache_count:
            cached.append(chunk)
        elif size <= _FAST:
            self._fast[size >> 4].append(chunk)
            self._has_fast = True
        else:
            self._free_joined(chunk)

    def trim(self) -> None:
        """malloc_trim(0), as far as the top is concerned."""
        self._consolidate()
        self._shrink(0)

    def _least_tail(self, chunk: Chunk) -> int:
        """How much a chunk may be too long before its tail is cut off.

        From glibc 2.38 on both ends join their neighbours at once and never wait in a cache (read from its source;
        measured was 2.36 alone).
        """
        if self.settings.version < (2, 38):
            return _MIN_CHUNK
        follower = chunk.next
        joins = follower is self._top or (follower is not None and follower.free)
        return 0 if joins else _MIN_CHUNK - 1

    def _take(self, size: int) -> Chunk:
        """_int_malloc(): fast bin, small bin, unsorted chunks, best fit, top, system."""
        if size < _LARGE:
            if (found := self._take_exact(size)) is not None:
                return found
        elif self._has_fast:
            self._consolidate()
        while True:
            if (found := self._sort(size)) is not None:
                return found
            at = bisect_left(self._sizes, size)
            if at < len(self._sizes):
                return self._cut(self._choose(self._sizes[at], size), size)
            if self._top.size >= size + _MIN_CHUNK:
                return self._from_top(size)
            if not self._has_fast:
                return self._from_system(size)
            self._consolidate()

    def _take_exact(self, size: int) -> Chunk | None:
        """From the fast or the small bin of the size; more of them move to the thread's cache on the way."""
        cached = self._cache[size >> 4]
        room = self.settings.tcache_count if size <= self._cached else 0
        if size <= _FAST and (fast := self._fast[size >> 4]):
            found = fast.pop()
            while fast and len(cached) < room:
                cached.append(fast.pop())
            return found
        chunks = self._bins.get(size)
        if not chunks:
            return None
        taken = chunks[: 1 + max(0, room - len(cached))]
        for chunk in taken:
            self._unlink(chunk)
        cached.extend(taken[1:])
        return taken[0]

    def _sort(self, size: int) -> Chunk | None:
        """Put the unsorted chunks into their bins, the oldest first; one of the very size ends the search."""
        unsorted = self._unsorted
        cached = self._cache[size >> 4] if size <= self._cached else None
        from_cache = False
        while unsorted:
            chunk = next(iter(unsorted))
            alone = len(unsorted) == 1 and chunk.address == self._last_remainder
            if alone and size < _LARGE and chunk.size > size + _MIN_CHUNK:
                return self._cut(chunk, size)
            self._unlink(chunk)
            if chunk.size != size:
                self._bin(chunk)
            elif cached is not None and len(cached) < self.settings.tcache_count:
                cached.append(chunk)
                from_cache = True
            else:
                return chunk
        return cached.pop() if from_cache and cached is not None else None

    def _choose(self, found: int, size: int) -> Chunk:
        """Of the free chunks of one size the one that glibc's lists would give."""
        chunks = self._bins[found]
        if found < _LARGE or len(chunks) == 1:
            return chunks[0]
        return chunks[-1] if _bin_index(found) == _bin_index(size) else chunks[1]

    def _cut(self, chunk: Chunk, size: int) -> Chunk:
        """Take the front of a free chunk; what remains is unsorted."""
        self._unlink(chunk)
        if chunk.size - size >= _MIN_CHUNK:
            rest = self._split(chunk, size)
            rest.free = rest.unsorted = True
            self._unsorted[rest] = None
            if size < _LARGE:
                self._last_remainder = rest.address
        return chunk

    def _from_top(self, size: int) -> Chunk:
        top = self._top
        chunk = Chunk(top.address, size)
        chunk.prev, chunk.next = top.prev, top
        if top.prev is not None:
            top.prev.next = chunk
        top.prev = chunk
        top.address += size
        top.size -= size
        self.touched_bytes = max(self.touched_bytes, top.address - PAGE_BYTES)
        return chunk

    def _from_system(self, size: int) -> Chunk:
        """sysmalloc(): a mapping from the threshold on, else a higher program break."""
        if size >= self.mmap_threshold and self._mappings < self.settings.mmap_max:
            mapped = -(-(size + _HEADER) // PAGE_BYTES) * PAGE_BYTES
            chunk = Chunk(self._next_mapping, mapped, mapped)
            self._next_mapping += mapped
            self._mappings += 1
            self.mapped_bytes += mapped
            return chunk
        wanted = size + self.settings.top_pad_bytes + _MIN_CHUNK - self._top.size
        grown = -(-wanted // PAGE_BYTES) * PAGE_BYTES
        self.arena_bytes += grown
        self._top.size += grown
        return self._from_top(size)

    def _unmap(self, chunk: Chunk) -> None:
        """Both thresholds follow the largest mapping that was ever freed, unless one of them was set."""
        self._mappings -= 1
        self.mapped_bytes -= chunk.mapped_bytes
        if self.settings.dynamic and self.mmap_threshold < chunk.size <= _MAX_DYNAMIC_THRESHOLD:
            self.mmap_threshold = chunk.size
            self.trim_threshold = 2 * chunk.size

    def _free_joined(self, chunk: Chunk) -> None:
        if self._join(chunk) >= _CONSOLIDATE:
            if self._has_fast:
                self._consolidate()
            if self._top.size >= self.trim_threshold:
                self._shrink(self.settings.top_pad_bytes)

    def _join(self, chunk: Chunk) -> int:
        """Join a chunk with its free neighbours, or with the top. Returns the size that came of it."""
        before = chunk.prev
        if before is not None and before.free:
            self._unlink(before)
            chunk.address = before.address
            chunk.size += before.size
            chunk.prev = before.prev
            if chunk.prev is not None:
                chunk.prev.next = chunk
        after = chunk.next
        if after is self._top:
            after.address = chunk.address
            after.size += chunk.size
            after.prev = chunk.prev
            if after.prev is not None:
                after.prev.next = after
            return after.size
        assert after is not None, "a chunk of the heap has the top behind it"
        if after.free:
            self._unlink(after)
            chunk.size += after.size
            chunk.next = after.next
            assert chunk.next is not None
            chunk.next.prev = chunk
        chunk.free = chunk.unsorted = True
        self._unsorted[chunk] = None
        return chunk.size

    def _consolidate(self) -> None:
        self._has_fast = False
        for fast in self._fast:
            while fast:
                self._join(fast.pop())

    def _shrink(self, pad: int) -> None:
        """systrim(): lower the break by whole pages, keeping the pad."""
        spare = self._top.size - _MIN_CHUNK - 1 - pad
        if spare > 0:
            spare -= spare % PAGE_BYTES
            self._top.size -= spare
            self.arena_bytes -= spare
            self.touched_bytes = min(self.touched_bytes, self.arena_bytes)

    def _split(self, chunk: Chunk, size: int) -> Chunk:
        """Shorten a chunk to the size. Returns the rest, in use."""
        rest = Chunk(chunk.address + size, chunk.size - size)
        rest.prev, rest.next = chunk, chunk.next
        if chunk.next is not None:
            chunk.next.prev = rest
        chunk.next = rest
        chunk.size = size
        return rest

    def _bin(self, chunk: Chunk) -> None:
        chunk.free = True
        chunks = self._bins.get(chunk.size)
        if chunks is None:
            self._bins[chunk.size] = [chunk]
            insort(self._sizes, chunk.size)
        else:
            chunks.append(chunk)

    def _unlink(self, chunk: Chunk) -> None:
        """Out of the unsorted chunks or the bin it is in; in use from here."""
        chunk.free = False
        if chunk.unsorted:
            chunk.unsorted = False
            del self._unsorted[chunk]
            return
        chunks = self._bins[chunk.size]
        if len(chunks) == 1:
            del self._bins[chunk.size]
            del self._sizes[bisect_left(self._sizes, chunk.size)]
        elif chunk.size >= _LARGE and chunks[0] is chunk:
            chunks[0] = chunks.pop()  # a large bin's list goes: the first, then the others, the newest of them first
        else:
            chunks.remove(chunk)


def _bin_index(size: int) -> int:
    """Which large bin a size belongs to (largebin_index_64)."""
    for shift, last, offset in ((6, 48, 48), (9, 20, 91), (12, 10, 110), (15, 4, 119), (18, 2, 124)):
        if size >> shift <= last:
            return offset + (size >> shift)
    return 126
