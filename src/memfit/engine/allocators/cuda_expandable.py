"""Expandable segments: one long range of addresses per stream and pool, given memory page by page.

Follows c10/cuda/CUDACachingAllocator.cpp (map_block, find_expandable_block, unmap_block; torch 2.1 and newer).
"""

from __future__ import annotations

from memfit.engine.allocators.cuda_blocks import Block, Books, Driver, Pool, Segment, merge

# The range is 1 1/8 of the device, so that pages unmapped early on can be mapped again behind. With no limit given
# it is as good as endless.
_ENDLESS_BYTES = 1 << 50


def expand(
    *, driver: Driver, books: Books, pool: Pool, stream: int, size: int, page_bytes: int, device_bytes: int | None
) -> Block | None:
    """Map pages until a free block of the size exists, at the lowest address where that is possible.

    Returns:
        The block, taken out of its pool, or None when the driver has not enough; pages mapped until then stay.
    """
    block: Block | None = _candidate(driver, pool, stream, size, page_bytes, device_bytes)
    assert block is not None
    if not block.mapped and not _map(driver, books, block, min(block.size, size)):
        return None
    while block.size < size:
        follower = block.next
        assert follower is not None, "an expandable block ends in unmapped addresses"
        if not _map(driver, books, follower, min(size - block.size, follower.size)):
            return None
        block = follower
    pool.remove(block)
    return block


def unmap(*, driver: Driver, books: Books, block: Block) -> None:
    """Give back the whole pages inside a free block; what is left at its ends stays free."""
    segment, pool = block.segment, block.pool
    assert segment is not None
    page = segment.page_bytes
    start = segment.base + -(-(block.address - segment.base) // page) * page
    end = segment.base + (block.address + block.size - segment.base) // page * page
    if start >= end:
        return
    pool.remove(block)
    _cut_off(pool, block, start - block.address, before=True)
    _cut_off(pool, block, block.address + block.size - end, before=False)
    block.mapped = False
    merge(block, block.prev)
    merge(block, block.next)
    driver.give(end - start)
    books.reserved.sub(end - start)
    pool.books.reserved.sub(end - start)
    if block.is_split:
        pool.add_unmapped(block)


def _cut_off(pool: Pool, block: Block, size: int, *, before: bool) -> None:
    if size <= 0:
        return
    block.size -= size
    if before:
        piece = Block(pool, block.stream, block.address, size, block.segment)
        block.address += size
        piece.link(block.prev, block)
    else:
        piece = Block(pool, block.stream, block.address + block.size, size, block.segment)
        piece.link(block, block.next)
    pool.add(piece)


def _candidate(driver: Driver, pool: Pool, stream: int, size: int, page_bytes: int, device_bytes: int | None) -> Block:
    for _, unmapped in pool.unmapped.get(stream, ()):
        first = unmapped.prev if unmapped.prev is not None and unmapped.prev.free else unmapped
        if _free_run_holds(first, size):
            return first
    room = max(_ENDLESS_BYTES if device_bytes is None else device_bytes + device_bytes // 8, 2 * size)
    segment = Segment(0, -(-room // page_bytes) * page_bytes, page_bytes)
    segment.base = driver.addresses(segment.size_bytes)
    block = Block(pool, stream, segment.base, segment.size_bytes, segment)
    block.mapped = False
    pool.add_unmapped(block)
    return block


def _free_run_holds(block: Block | None, size: int) -> bool:
    found = 0
    while found < size and block is not None and block.free:
        found += block.size
        block = block.next
    return found >= size


def _map(driver: Driver, books: Books, block: Block, size: int) -> bool:
    """Back the first pages of an unmapped block; it joins its free neighbours and its pool."""
    segment, pool = block.segment, block.pool
    assert segment is not None
    mapped = -(-size // segment.page_bytes) * segment.page_bytes
    if not driver.take(mapped):
        return False
    pool.remove_unmapped(block)
    block.mapped = True
    if mapped < block.size:
        rest = Block(pool, block.stream, block.address + mapped, block.size - mapped, segment)
        rest.mapped = False
        rest.link(block, block.next)
        pool.add_unmapped(rest)
        block.size = mapped
    merge(block, block.prev)
    merge(block, block.next)
    pool.add(block)
    books.reserved.add(mapped)
    pool.books.reserved.add(mapped)
    return True
