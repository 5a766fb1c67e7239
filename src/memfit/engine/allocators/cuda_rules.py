"""The numbers of PyTorch's CUDA caching allocator, and the versions from which its settings exist.

Source: c10/core/AllocatorConfig.h (torch 2.13.0, from the installed headers) and c10/cuda/CUDACachingAllocator.cpp.
The sizes have been the same from torch 1.8 to 2.13; only the settings around them changed.
"""

from __future__ import annotations

from memfit.quantities import MIB

MIN_BLOCK_BYTES = 512  # kMinBlockSize: every size is rounded up to a multiple
SMALL_BYTES = 1 * MIB  # kSmallSize: up to here from the small pool; also the least remainder that is split off
SMALL_SEGMENT_BYTES = 2 * MIB  # kSmallBuffer: a segment (and expandable page) of the small pool
LARGE_SEGMENT_BYTES = 20 * MIB  # kLargeBuffer, from 2.11 on the setting large_segment_size_mb
MIN_LARGE_BYTES = 10 * MIB  # kMinLargeAlloc: from here a request gets a segment of its own
ROUND_LARGE_BYTES = 2 * MIB  # kRoundLarge: and that segment is rounded up to this

# roundup_power2_divisions has one entry per power of two, from 1 MiB to 64 GiB (kRoundUpPowerOfTwoIntervals).
DIVISION_INTERVALS = 16

# The torch version a setting came with. An older torch stops with an error on a setting it does not know, so the
# only use of this table is to say so; a setting missing here is not checked. Taken from when each change was made.
SETTING_SINCE: dict[str, tuple[int, int]] = {
    "max_split_size_mb": (1, 10),
    "garbage_collection_threshold": (1, 12),
    "roundup_power2_divisions": (1, 12),
    "backend": (2, 0),
    "expandable_segments": (2, 1),
    "max_non_split_rounding_mb": (2, 6),  # pull request 136174, September 2024
    "large_segment_size_mb": (2, 11),  # pull request 172056, January 2026
}

# Settings that are understood by torch 2.13 and change nothing in what is reserved on the device.
SETTINGS_WITHOUT_EFFECT = frozenset(
    {
        "graph_capture_record_stream_reuse",
        "pinned_free_catch_all",
        "pinned_max_cached_size_mb",
        "pinned_max_round_threshold_mb",
        "pinned_num_register_threads",
        "pinned_reserve_segment_size_mb",
        "pinned_use_background_threads",
        "pinned_use_cuda_host_register",
        "pinned_use_hip_host_register",
        "release_lock_on_cudamalloc",
        "release_lock_on_hipmalloc",
        "throw_on_cudamalloc_oom",
    }
)
