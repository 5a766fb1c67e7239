"""The CUDA caching allocator's model on sequences worked out by hand from the rules."""

from __future__ import annotations

import pytest

from memfit.engine.allocators import AllocatorOutOfMemory, AllocatorSettings, CudaCachingAllocator
from memfit.quantities import MIB


def test_small_requests_share_a_segment_of_two_mebibytes():
    """Requests up to 1 MiB are rounded to 512 B and come from 2 MiB segments."""
    allocator = CudaCachingAllocator()

    allocator.malloc(1)
    allocator.malloc(513)

    assert allocator.requested_bytes == 514
    assert allocator.allocated_bytes == 512 + 1024
    assert allocator.reserved_bytes == 2 * MIB
    assert allocator.num_segments == 1
    assert allocator.inactive_split_bytes == 2 * MIB - 1536


@pytest.mark.parametrize(
    ("size_bytes", "segment_bytes"),
    [
        (1 * MIB, 2 * MIB),
        (1 * MIB + 1, 20 * MIB),
        (10 * MIB - 512, 20 * MIB),
        (10 * MIB, 10 * MIB),
        (10 * MIB + 1, 12 * MIB),
        (100 * MIB + 1, 102 * MIB),
    ],
)
def test_the_segment_follows_from_the_size(size_bytes: int, segment_bytes: int):
    """Small, 1 to 10 MiB, and large requests take segments by three rules."""
    allocator = CudaCachingAllocator()

    allocator.malloc(size_bytes)

    assert allocator.reserved_bytes == segment_bytes


def test_a_large_block_is_split_only_when_more_than_one_mebibyte_remains():
    """The block of an 11 MiB request in a 12 MiB segment keeps all of it: allocated is more than requested."""
    kept, split = CudaCachingAllocator(), CudaCachingAllocator()

    kept.malloc(11 * MIB)
    split.malloc(11 * MIB - 512 - 512)

    assert kept.allocated_bytes == 12 * MIB
    assert split.allocated_bytes == 11 * MIB - 1024
    assert split.inactive_split_bytes == 1 * MIB + 1024


def test_the_smallest_free_block_that_fits_is_taken():
    """Of free blocks of 40 and 30 MiB a request of 29.5 MiB takes the one of 30, and does not split it."""
    allocator = CudaCachingAllocator()
    large, middle = allocator.malloc(40 * MIB), allocator.malloc(30 * MIB)
    allocator.free(large)
    allocator.free(middle)

    handle = allocator.malloc(29 * MIB + MIB // 2)

    assert handle == middle
    assert allocator.allocated_bytes == 30 * MIB
    assert allocator.reserved_bytes == 70 * MIB


def test_freed_neighbours_join():
    """Three blocks of one segment, freed in any order, are one block again."""
    allocator = CudaCachingAllocator()
    handles = [allocator.malloc(4 * MIB) for _ in range(5)]

    for index in (1, 3, 2, 0, 4):
        allocator.free(handles[index])

    assert allocator.inactive_split_bytes == 0
    assert allocator.malloc(9 * MIB) == handles[0]
    assert allocator.reserved_bytes == 20 * MIB


def test_a_block_of_another_stream_is_not_used():
    """Free blocks belong to the stream they were made on."""
    allocator = CudaCachingAllocator()
    allocator.free(allocator.malloc(12 * MIB, stream=0))

    allocator.malloc(12 * MIB, stream=1)

    assert allocator.reserved_bytes == 24 * MIB


def test_empty_cache_keeps_segments_that_are_partly_in_use():
    """Only whole segments go back to the driver."""
    allocator = CudaCachingAllocator()
    kept, freed = allocator.malloc(4 * MIB), allocator.malloc(4 * MIB)
    whole = allocator.malloc(64 * MIB)
    allocator.free(freed)
    allocator.free(whole)

    allocator.empty_cache()

    assert allocator.reserved_bytes == 20 * MIB
    allocator.free(kept)
    allocator.empty_cache()
    assert allocator.reserved_bytes == 0
    assert allocator.num_segments == 0


def test_near_the_limit_cached_segments_are_released_before_it_fails():
    """A full device frees what is cached and tries again: fewer bytes are reserved than without a limit."""
    tight, endless = CudaCachingAllocator(capacity_bytes=100 * MIB), CudaCachingAllocator()

    for allocator in (tight, endless):
        allocator.free(allocator.malloc(60 * MIB))
        allocator.malloc(80 * MIB)

    assert tight.reserved_bytes == 80 * MIB
    assert tight.reserved_peak_bytes == 80 * MIB
    assert tight.num_alloc_retries == 1
    assert tight.first_oom is None
    assert endless.reserved_bytes == 140 * MIB


def test_a_request_that_does_not_fit_is_noted_and_served():
    """The place of the first failure is kept, and the peak goes on past the capacity."""
    allocator = CudaCachingAllocator(capacity_bytes=100 * MIB)
    allocator.malloc(60 * MIB)

    allocator.malloc(60 * MIB - 5)
    allocator.malloc(10 * MIB)

    assert allocator.first_oom is not None
    assert allocator.first_oom.size_bytes == 60 * MIB - 5
    assert allocator.first_oom.needed_bytes == 60 * MIB
    assert allocator.first_oom.allocated_bytes == allocator.first_oom.reserved_bytes == 60 * MIB
    assert allocator.first_oom.allocation == 2
    assert allocator.num_ooms == 2
    assert allocator.reserved_peak_bytes == 130 * MIB


def test_it_raises_where_torch_would_when_asked_to():
    """raise_on_oom stops at the failure, and what was held stays as it was."""
    allocator = CudaCachingAllocator(capacity_bytes=10 * MIB, raise_on_oom=True)

    with pytest.raises(AllocatorOutOfMemory) as raised:
        allocator.malloc(12 * MIB)

    assert raised.value.oom.capacity_bytes == 10 * MIB
    assert allocator.reserved_bytes == 0


def test_a_memory_fraction_limits_what_is_reserved():
    """set_per_process_memory_fraction counts from the whole device, not from what is free on it."""
    allocator = CudaCachingAllocator(capacity_bytes=90 * MIB, device_total_bytes=100 * MIB)
    allocator.set_memory_fraction(0.5)

    allocator.malloc(60 * MIB)

    assert allocator.first_oom is not None
    assert allocator.first_oom.capacity_bytes == 50 * MIB


def test_blocks_above_max_split_size_stay_whole():
    """With max_split_size_mb:32 a cached 64 MiB block serves neither a small request nor is it split."""
    allocator = CudaCachingAllocator(AllocatorSettings.parse("max_split_size_mb:32"))
    allocator.free(allocator.malloc(64 * MIB))

    allocator.malloc(30 * MIB)
    allocator.malloc(60 * MIB)

    assert allocator.reserved_bytes == 94 * MIB
    assert allocator.allocated_bytes == 30 * MIB + 64 * MIB


def test_blocks_above_max_split_size_are_released_first():
    """On a miss only as many oversize blocks go back as are needed; torch counts no retry for it."""
    allocator = CudaCachingAllocator(AllocatorSettings.parse("max_split_size_mb:32"), capacity_bytes=200 * MIB)
    for handle in [allocator.malloc(60 * MIB), allocator.malloc(100 * MIB)]:
        allocator.free(handle)

    allocator.malloc(130 * MIB)

    assert allocator.num_alloc_retries == 0
    assert allocator.reserved_bytes == 130 * MIB


def test_power_of_two_divisions_round_the_request():
    """torch's own example: 1200 with 4 divisions becomes 1280 (here in MiB)."""
    allocator = CudaCachingAllocator(AllocatorSettings.parse("roundup_power2_divisions:4"))

    allocator.malloc(1200 * MIB)

    assert allocator.rounded_bytes(1024 * MIB) == 1024 * MIB
    assert allocator.rounded_bytes(100) == 512
    assert allocator.allocated_bytes == 1280 * MIB


def test_the_garbage_collection_releases_what_waited_longest():
    """Above the threshold the blocks older than the average go back, without a failed request."""
    settings = AllocatorSettings.parse("garbage_collection_threshold:0.5,per_process_memory_fraction:0.9")
    allocator = CudaCachingAllocator(settings, capacity_bytes=200 * MIB)
    old, young = allocator.malloc(60 * MIB), allocator.malloc(40 * MIB)
    allocator.free(old)
    allocator.malloc(10 * MIB, stream=1)
    allocator.malloc(12 * MIB, stream=1)
    allocator.free(young)

    allocator.malloc(20 * MIB, stream=1)

    assert allocator.num_alloc_retries == 0
    assert allocator.reserved_bytes == (40 + 10 + 12 + 20) * MIB


def test_expandable_segments_grow_by_pages():
    """Two requests of 25 MiB take three pages of 20 MiB together, not two segments of 26."""
    allocator = CudaCachingAllocator(AllocatorSettings.parse("expandable_segments:True"))

    first = allocator.malloc(25 * MIB)
    second = allocator.malloc(25 * MIB)

    assert allocator.reserved_bytes == 60 * MIB
    assert second == first + 25 * MIB
    assert allocator.allocated_bytes == 50 * MIB


def test_expandable_segments_use_two_mebibyte_pages_for_small_requests():
    """The small pool has pages of its own size."""
    allocator = CudaCachingAllocator(AllocatorSettings.parse("expandable_segments:True"))

    allocator.malloc(1 * MIB)
    allocator.malloc(1 * MIB)
    allocator.malloc(512)

    assert allocator.reserved_bytes == 4 * MIB


def test_empty_cache_unmaps_the_free_pages_between_live_blocks():
    """What a plain segment would have to keep, an expandable one gives back, page by page."""
    allocator = CudaCachingAllocator(AllocatorSettings.parse("expandable_segments:True"))
    handles = [allocator.malloc(30 * MIB) for _ in range(3)]
    allocator.free(handles[1])

    allocator.empty_cache()

    assert allocator.reserved_bytes == 80 * MIB  # of 30..60 MiB only the page 40..60 is wholly free
    allocator.free(allocator.malloc(30 * MIB))
    assert allocator.reserved_bytes == 100 * MIB  # mapped again at the lowest place where 30 MiB fit
    for handle in (handles[0], handles[2]):
        allocator.free(handle)
    allocator.empty_cache()
    assert allocator.reserved_bytes == 0


def test_without_caching_every_block_comes_from_the_driver():
    """PYTORCH_NO_CUDA_MEMORY_CACHING: what is freed is gone."""
    allocator = CudaCachingAllocator(AllocatorSettings.from_environment({"PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}))

    handle = allocator.malloc(5 * MIB)
    allocator.malloc(3 * MIB)
    allocator.free(handle)

    assert allocator.reserved_bytes == 3 * MIB


def test_an_empty_tensor_takes_nothing():
    """Zero bytes have the handle 0, which may be freed any number of times."""
    allocator = CudaCachingAllocator()

    handle = allocator.malloc(0)
    allocator.free(handle)
    allocator.free(handle)

    assert handle == 0
    assert allocator.reserved_peak_bytes == 0


def test_peaks_start_again_from_the_current_figures():
    """reset_peaks does what torch.cuda.reset_peak_memory_stats does."""
    allocator = CudaCachingAllocator()
    allocator.malloc(5 * MIB)
    allocator.free(allocator.malloc(50 * MIB))
    allocator.empty_cache()

    allocator.reset_peaks()

    assert allocator.allocated_peak_bytes == 5 * MIB
    assert allocator.reserved_peak_bytes == 20 * MIB


def test_the_statistics_have_the_names_of_torch():
    """Scripts that print torch.cuda.memory_stats() find the keys they know, pool by pool."""
    allocator = CudaCachingAllocator()
    allocator.malloc(100)
    allocator.free(allocator.malloc(3 * MIB))

    stats = allocator.memory_stats()

    assert stats["allocation.all.allocated"] == 2
    assert stats["allocation.all.freed"] == 1
    assert stats["allocated_bytes.small_pool.current"] == 512
    assert stats["allocated_bytes.large_pool.peak"] == 3 * MIB
    assert stats["reserved_bytes.all.current"] == 22 * MIB
    assert stats["inactive_split.all.current"] == 1
    assert stats["num_ooms"] == 0
