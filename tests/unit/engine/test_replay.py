"""Replaying a trace: peaks with their place, breakdowns that add up, steps, marks, and the place of a failure."""

from __future__ import annotations

from memfit.engine.allocators import CudaCachingAllocator, PlainAllocator
from memfit.engine.replay import replay
from memfit.engine.trace import Mark, Storage, Trace
from memfit.quantities import MIB, Category

DEVICE = "cuda:0"


def _storage(size_bytes: int, born: int, died: int | None = None, category: Category = Category.OTHER) -> Storage:
    return Storage(pool=DEVICE, size_bytes=size_bytes, born=born, died=died, category=category)


def test_an_empty_trace_has_peaks_of_nothing():
    """No event, no tick."""
    found = replay(Trace(), DEVICE, CudaCachingAllocator())

    assert found.reserved.size_bytes == 0
    assert found.reserved.tick is None
    assert found.alive == ()
    assert found.steps == ()


def test_each_peak_has_its_own_tick():
    """Requested peaks at tick 3; a freed segment makes no room for a larger one, so reserved peaks at tick 5."""
    trace = Trace(
        storages=[
            _storage(30 * MIB, 1, 4, Category.ACTIVATIONS),
            _storage(5 * MIB, 2, None, Category.PARAMETERS),
            _storage(5 * MIB, 3, 6, Category.GRADIENTS),
            _storage(33 * MIB, 5, None, Category.TEMPORARIES),
        ]
    )

    found = replay(trace, DEVICE, CudaCachingAllocator())

    assert (found.requested.size_bytes, found.requested.tick) == (43 * MIB, 5)
    assert (found.allocated.size_bytes, found.allocated.tick) == (44 * MIB, 5)
    assert (found.reserved.size_bytes, found.reserved.tick) == (84 * MIB, 5)
    assert found.allocated_breakdown_bytes == {
        Category.TEMPORARIES: 34 * MIB,
        Category.PARAMETERS: 5 * MIB,
        Category.GRADIENTS: 5 * MIB,
    }
    assert found.reserved_breakdown_bytes[Category.FRAGMENTATION] == 40 * MIB
    assert sum(found.reserved_breakdown_bytes.values()) == found.reserved.size_bytes
    assert [storage.size_bytes for storage in found.alive] == [33 * MIB, 5 * MIB, 5 * MIB]


def test_only_the_named_pool_is_replayed():
    """The host's storages do not reach the device's allocator."""
    host = Storage(pool="host", size_bytes=7, born=2)
    trace = Trace(storages=[_storage(512, 1), host])

    assert replay(trace, "host", PlainAllocator()).reserved.size_bytes == 7
    assert replay(trace, DEVICE, PlainAllocator()).reserved.size_bytes == 512


def test_steps_have_peaks_of_their_own_and_what_they_leave():
    """The second step starts from what the first has left."""
    trace = Trace(
        storages=[_storage(10, 1), _storage(100, 2, 3), _storage(5, 4), _storage(20, 6, 7), _storage(999, 9)],
        marks=[Mark(tick=5, kind="step", step=1), Mark(tick=8, kind="step", step=2)],
    )

    found = replay(trace, DEVICE, PlainAllocator())

    assert [step.step for step in found.steps] == [1, 2]
    assert [step.allocated_peak_bytes for step in found.steps] == [110, 35]
    assert [step.reserved_end_bytes for step in found.steps] == [15, 15]
    assert found.allocated.size_bytes == 1014


def test_a_mark_releases_the_cache_of_its_own_pool():
    """empty_cache between two births halves what is reserved; for another device it changes nothing."""
    storages = [_storage(30 * MIB, 1, 2), _storage(40 * MIB, 4)]
    here = Trace(storages=storages, marks=[Mark(tick=3, kind="empty_cache", pool=DEVICE)])
    there = Trace(storages=storages, marks=[Mark(tick=3, kind="empty_cache", pool="cuda:1")])

    assert replay(here, DEVICE, CudaCachingAllocator()).reserved.size_bytes == 40 * MIB
    assert replay(there, DEVICE, CudaCachingAllocator()).reserved.size_bytes == 70 * MIB


def test_the_first_failure_names_its_storage():
    """The tick, the storage and the sizes of the birth that did not fit; the peak goes on."""
    trace = Trace(storages=[_storage(30 * MIB, 1), _storage(40 * MIB, 2), _storage(50 * MIB, 3)])

    found = replay(trace, DEVICE, CudaCachingAllocator(capacity_bytes=64 * MIB))

    assert found.oom is not None
    assert found.oom.tick == 2
    assert found.oom.storage is trace.storages[1]
    assert found.reserved.size_bytes == 120 * MIB


def test_a_storage_of_no_size_is_carried_through():
    """Empty tensors are born and die without an effect."""
    trace = Trace(storages=[_storage(0, 1, 2), _storage(512, 3)])

    assert replay(trace, DEVICE, CudaCachingAllocator()).allocated.size_bytes == 512
