"""The host pool as a range: tensors alone below, the small blocks' median in the middle."""

from __future__ import annotations

from memfit.engine.allocators import GlibcSettings
from memfit.engine.host_replay import replay_host
from memfit.engine.trace import Storage, Trace
from memfit.quantities import KIB, MIB


def _job() -> Trace:
    """Ten rounds of forty tensors of 1 to 13 MiB, freed last first."""
    trace, tick = Trace(), 0
    for count in range(10):
        alive = []
        for index in range(40):
            tick += 1
            size_bytes = (1 + (index * 7 + count) % 13) * MIB
            alive.append(Storage(pool="host", size_bytes=size_bytes, born=tick))
        trace.storages += alive
        for storage in reversed(alive):
            tick += 1
            storage.died = tick
    return trace


def test_the_range_is_in_order_and_its_replay_is_the_expected_one():
    """low <= expected <= high, and the breakdown belongs to the expected figure."""
    found = replay_host(_job())

    size = found.reserved_peak_bytes
    assert found.tensors_alone.requested.size_bytes <= size.low <= size.expected <= size.high
    assert found.expected.reserved.size_bytes == size.expected
    assert sum(found.expected.reserved_breakdown_bytes.values()) == size.expected


def test_a_fixed_threshold_leaves_little_to_chance():
    """With MALLOC_MMAP_THRESHOLD_ set every large tensor is a mapping: the range closes up."""
    found = replay_host(_job(), GlibcSettings(mmap_threshold_bytes=128 * KIB, dynamic=False))

    size = found.reserved_peak_bytes
    assert size.high - size.low < 0.01 * size.high
    assert size.expected < 1.01 * found.expected.requested.size_bytes
