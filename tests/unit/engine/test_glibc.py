"""glibc's malloc: thresholds, trimming and joining on sequences worked out by hand, and its settings."""

from __future__ import annotations

import pytest

from memfit.engine.allocators import NO_SMALL_BLOCKS, GlibcAllocator, GlibcSettings, SmallBlocks
from memfit.engine.allocators.glibc_heap import Heap, chunk_bytes
from memfit.quantities import KIB, MIB


def alone(**settings: object) -> GlibcAllocator:
    """An allocator for tensors without the small blocks around them."""
    return GlibcAllocator(GlibcSettings(**settings), small_blocks=NO_SMALL_BLOCKS)  # type: ignore[arg-type]


@pytest.mark.parametrize(("size_bytes", "expected"), [(0, 32), (24, 32), (25, 48), (1032, 1040), (1033, 1056)])
def test_a_chunk_is_the_request_with_its_header(size_bytes: int, expected: int):
    """Eight bytes more, rounded to 16, at least 32."""
    assert chunk_bytes(size_bytes) == expected


def test_a_large_tensor_gets_a_mapping_of_its_own():
    """From 128 KiB on, in whole pages with room for the alignment; freed, it is gone."""
    allocator = alone()

    handle = allocator.malloc(1 * MIB)
    held = allocator.reserved_bytes
    allocator.free(handle)

    assert held == 1 * MIB + 4 * KIB
    assert handle % 64 == 48  # the chunk's header is 16 B before the data
    assert allocator.reserved_bytes == 0


def test_the_threshold_follows_the_largest_mapping_that_was_freed():
    """The second tensor of that size goes onto the heap, and stays there when it is freed."""
    allocator = alone()
    allocator.free(allocator.malloc(1 * MIB))

    allocator.free(allocator.malloc(1 * MIB - 64))

    assert allocator.mmap_threshold_bytes == 1 * MIB + 4 * KIB - 48
    assert allocator.reserved_bytes > 1 * MIB


def test_the_threshold_ends_at_32_mebibytes():
    """Beyond it every tensor has a mapping."""
    allocator = alone()

    for size_bytes in (31 * MIB, 33 * MIB):
        allocator.free(allocator.malloc(size_bytes))

    assert 31 * MIB < allocator.mmap_threshold_bytes < 32 * MIB


def test_a_threshold_that_is_set_does_not_follow():
    """MALLOC_MMAP_THRESHOLD_ keeps large tensors off the heap for good."""
    allocator = alone(mmap_threshold_bytes=64 * KIB, dynamic=False)

    for _ in range(3):
        allocator.free(allocator.malloc(10 * MIB))

    assert allocator.mmap_threshold_bytes == 64 * KIB
    assert allocator.reserved_bytes == 0


def test_the_top_is_trimmed_beyond_the_threshold():
    """With a trim threshold of 1 MiB a freed top goes back but for the pad of 128 KiB."""
    heap = Heap(GlibcSettings(mmap_threshold_bytes=64 * MIB, trim_threshold_bytes=1 * MIB, dynamic=False))

    chunk = heap.malloc(8 * MIB)
    held = heap.arena_bytes
    heap.free(chunk)

    assert held == 8 * MIB + 132 * KIB
    assert heap.arena_bytes == 132 * KIB


def test_the_cut_off_end_of_an_aligned_chunk_keeps_it_from_the_top():
    """Up to glibc 2.37 the end goes into the thread's cache, behind the tensor; from 2.38 on it joins the top."""
    old, new = (
        alone(version=version, mmap_threshold_bytes=64 * MIB, trim_threshold_bytes=1 * MIB, dynamic=False)
        for version in ((2, 36), (2, 39))
    )

    for allocator in (old, new):
        allocator.free(allocator.malloc(8 * MIB))

    assert old.reserved_bytes > 8 * MIB
    assert new.reserved_bytes <= 136 * KIB


def test_a_small_block_above_keeps_what_was_freed():
    """One live chunk at the end of the heap holds 8 MiB of free ones from going back."""
    allocator = alone(mmap_threshold_bytes=64 * MIB, trim_threshold_bytes=1 * MIB, dynamic=False)
    freed = allocator.malloc(8 * MIB)
    allocator.malloc(2 * KIB)

    allocator.free(freed)

    assert allocator.allocated_bytes < 4 * KIB
    assert allocator.reserved_bytes > 8 * MIB
    allocator.malloc(7 * MIB)
    assert allocator.reserved_bytes < 9 * MIB


def test_the_small_blocks_of_torch_keep_more():
    """The same tensors leave more behind with their C++ objects between them than alone."""
    with_objects, tensors = GlibcAllocator(), alone()

    for allocator in (with_objects, tensors):
        allocator.free(allocator.malloc(30 * MIB))
        for count in range(20):
            handles = [allocator.malloc((1 + (index * 7 + count) % 13) * MIB) for index in range(40)]
            for handle in handles[::2] + handles[1::2]:
                allocator.free(handle)

    assert tensors.requested_bytes == with_objects.requested_bytes == 0
    assert with_objects.reserved_bytes > tensors.reserved_bytes


def test_nodes_do_not_pile_up_without_a_backward_pass():
    """In a long forward-only loop the heap stays bounded."""
    allocator = GlibcAllocator(small_blocks=SmallBlocks(node=(512,)))

    for _ in range(50_000):
        allocator.free(allocator.malloc(1 * KIB))

    assert allocator.reserved_bytes < 16 * MIB


def test_the_untouched_top_is_not_resident():
    """The pad above the last chunk is reserved, not resident."""
    allocator = alone()

    allocator.malloc(4 * KIB)

    assert 4 * KIB < allocator.resident_bytes < 5 * KIB
    assert allocator.reserved_bytes > 128 * KIB


def test_malloc_trim_gives_the_pad_back():
    """trim() is malloc_trim(0): the pad goes, the live tensor and less than a page stay."""
    allocator = alone()
    allocator.malloc(64 * KIB)

    allocator.trim()

    assert allocator.reserved_bytes == 68 * KIB


def test_a_cached_chunk_is_given_again_first():
    """The thread's cache is a stack per size."""
    heap = Heap(GlibcSettings())
    chunks = [heap.malloc(100) for _ in range(3)]
    for chunk in chunks:
        heap.free(chunk)

    assert heap.malloc(97) is chunks[2]
    assert heap.malloc(104) is chunks[1]


def test_the_environment_is_read():
    """The MALLOC_* variables, numbers in glibc's own spelling, and an end to the adaptation."""
    settings = GlibcSettings.from_environment(
        {"MALLOC_MMAP_THRESHOLD_": " 65536k", "MALLOC_TRIM_THRESHOLD_": "0x100000", "MALLOC_ARENA_MAX": "2"}
    )

    assert settings.mmap_threshold_bytes == 65536
    assert settings.trim_threshold_bytes == 1 * MIB
    assert settings.arena_max == 2
    assert not settings.dynamic


def test_tunables_win_over_the_older_variables():
    """GLIBC_TUNABLES first, as measured on glibc 2.36; the number of arenas leaves the thresholds dynamic."""
    settings = GlibcSettings.from_environment(
        {
            "GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=131072:glibc.cpu.hwcaps=x:glibc.malloc.tcache_count=0",
            "MALLOC_MMAP_THRESHOLD_": "1000000",
        }
    )

    assert settings.mmap_threshold_bytes == 131072
    assert settings.tcache_count == 0
    assert GlibcSettings.from_environment({"MALLOC_ARENA_MAX": "1"}).dynamic


def test_a_setting_that_is_no_number_is_reported():
    """It is left at its default."""
    settings = GlibcSettings.from_environment({"MALLOC_TOP_PAD_": "much"})

    assert settings.top_pad_bytes == 128 * KIB
    assert "MALLOC_TOP_PAD_=much" in settings.problems[0]
