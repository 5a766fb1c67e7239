"""What holds for every allocator model and any sequence of requests and releases."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memfit.engine.allocators import (
    NO_SMALL_BLOCKS,
    Allocator,
    AllocatorSettings,
    CudaCachingAllocator,
    GlibcAllocator,
    GlibcSettings,
    PlainAllocator,
)
from memfit.engine.replay import replay
from memfit.engine.trace import Mark, Storage, Trace
from memfit.quantities import KIB, MIB, Category

MODELS: dict[str, Callable[[], Allocator]] = {
    "plain": PlainAllocator,
    "glibc": GlibcAllocator,
    "glibc, tensors alone": lambda: GlibcAllocator(small_blocks=NO_SMALL_BLOCKS),
    "glibc 2.39": lambda: GlibcAllocator(GlibcSettings(version=(2, 39))),
    "cuda": CudaCachingAllocator,
    "cuda, small": lambda: CudaCachingAllocator(capacity_bytes=120 * MIB),
    "cuda, expandable": lambda: CudaCachingAllocator(AllocatorSettings.parse("expandable_segments:True")),
    "cuda, expandable, small": lambda: CudaCachingAllocator(
        AllocatorSettings.parse("expandable_segments:True"), capacity_bytes=120 * MIB
    ),
    "cuda, max_split": lambda: CudaCachingAllocator(
        AllocatorSettings.parse("max_split_size_mb:24,roundup_power2_divisions:4"), capacity_bytes=150 * MIB
    ),
    "cuda, gc": lambda: CudaCachingAllocator(
        AllocatorSettings.parse("garbage_collection_threshold:0.6,per_process_memory_fraction:0.9"),
        capacity_bytes=150 * MIB,
    ),
}
sizes = st.one_of(
    st.integers(0, 4 * KIB), st.integers(1, 2 * MIB), st.integers(1 * MIB, 12 * MIB), st.integers(10 * MIB, 70 * MIB)
)
# (size, stream) asks for a block; a number gives back one of the live blocks
operations = st.lists(st.one_of(st.tuples(sizes, st.integers(0, 1)), st.integers(0, 1000)), max_size=60)
Operations = list[tuple[int, int] | int]
every_model = pytest.mark.parametrize("model", MODELS)


def run(allocator: Allocator, steps: Operations, look: Callable[[], None] = lambda: None) -> list[int]:
    """Carry the operations out, calling ``look`` after each. Returns the handles that are still live."""
    live: list[int] = []
    for step in steps:
        if isinstance(step, tuple):
            live.append(allocator.malloc(*step))
        elif live:
            allocator.free(live.pop(step % len(live)))
        look()
    return live


@every_model
@given(steps=operations)
@settings(deadline=None)
def test_reserved_holds_allocated_holds_requested(model: str, steps: Operations):
    """requested <= allocated <= reserved, at every moment and for the peaks; peaks never fall below."""
    allocator = MODELS[model]()

    def look() -> None:
        assert 0 <= allocator.requested_bytes <= allocator.allocated_bytes <= allocator.reserved_bytes
        assert allocator.requested_peak_bytes <= allocator.allocated_peak_bytes <= allocator.reserved_peak_bytes
        assert allocator.requested_peak_bytes >= allocator.requested_bytes
        assert allocator.reserved_peak_bytes >= allocator.reserved_bytes

    run(allocator, steps, look)


@every_model
@given(steps=operations)
@settings(deadline=None)
def test_freeing_everything_returns_to_zero(model: str, steps: Operations):
    """Nothing is allocated then, and emptying the cache leaves a device's allocator with nothing reserved."""
    allocator = MODELS[model]()

    for handle in run(allocator, steps):
        allocator.free(handle)
    allocator.empty_cache()

    assert allocator.requested_bytes == allocator.allocated_bytes == 0
    if isinstance(allocator, CudaCachingAllocator):
        assert allocator.reserved_bytes == allocator.num_segments == allocator.inactive_split_bytes == 0


@every_model
@given(steps=operations)
@settings(deadline=None)
def test_the_same_operations_give_the_same_figures(model: str, steps: Operations):
    """No clock, no hash order, no chance."""
    figures = []

    for _ in range(2):
        allocator = MODELS[model]()
        figures.append((run(allocator, steps), allocator.reserved_bytes, allocator.reserved_peak_bytes))

    assert figures[0] == figures[1]


@every_model
@given(steps=operations)
@settings(deadline=None)
def test_live_blocks_never_overlap(model: str, steps: Operations):
    """Two live handles are at least the first one's size apart."""
    allocator = MODELS[model]()
    live: list[tuple[int, int]] = []

    for step in steps:
        if isinstance(step, tuple):
            live.append((allocator.malloc(*step), step[0]))
        elif live:
            allocator.free(live.pop(step % len(live))[0])

    placed = sorted(pair for pair in live if pair[1])
    if model != "plain":
        assert all(start + size <= placed[at + 1][0] for at, (start, size) in enumerate(placed[:-1]))


@pytest.mark.parametrize("conf", ["", "expandable_segments:True", "max_split_size_mb:24"])
@given(steps=operations, capacity_mib=st.integers(1, 400))
@settings(deadline=None)
def test_a_capacity_that_suffices_never_reserves_more(conf: str, steps: Operations, capacity_mib: int):
    """With no failure the peak stays within the capacity, and at most what is reserved without one."""
    free, tight = (
        CudaCachingAllocator(AllocatorSettings.parse(conf), capacity_bytes=capacity)
        for capacity in (None, capacity_mib * MIB)
    )

    run(free, steps)
    run(tight, steps)

    assert tight.allocated_peak_bytes >= tight.requested_peak_bytes == free.requested_peak_bytes
    if tight.first_oom is None:
        assert tight.reserved_peak_bytes <= min(capacity_mib * MIB, free.reserved_peak_bytes)
    else:
        assert free.reserved_peak_bytes > capacity_mib * MIB


@given(steps=operations, spare=st.integers(0, 1 << 30))
@settings(deadline=None)
def test_more_than_the_free_peak_never_fails_and_changes_nothing(steps: Operations, spare: int):
    """From the peak without a limit upwards, capacity plays no part."""
    free = CudaCachingAllocator()
    run(free, steps)

    allocator = CudaCachingAllocator(capacity_bytes=free.reserved_peak_bytes + spare)
    run(allocator, steps)

    assert allocator.first_oom is None
    assert allocator.num_alloc_retries == 0
    assert allocator.memory_stats() == free.memory_stats()


class SlowAllocator:
    """The default rules of the CUDA caching allocator once more, as plainly as they can be said: lists and searches."""

    def __init__(self) -> None:
        self.segments: list[list[list[int]]] = []  # each a list of [start, size, live]
        self.owner: list[tuple[bool, int]] = []  # of each segment: small or not, stream
        self.next_address = 1 << 62

    def malloc(self, size: int, stream: int) -> int:
        if not size:
            return 0
        size = -(-size // 512) * 512
        small = size <= MIB
        fitting = [
            (piece[1], piece[0], index)
            for index, segment in enumerate(self.segments)
            if self.owner[index] == (small, stream)
            for piece in segment
            if not piece[2] and piece[1] >= size
        ]
        if not fitting:
            whole = 2 * MIB if small else 20 * MIB if size < 10 * MIB else -(-size // (2 * MIB)) * 2 * MIB
            self.next_address -= whole
            self.segments.append([[self.next_address, whole, 0]])
            self.owner.append((small, stream))
            fitting = [(whole, self.next_address, len(self.segments) - 1)]
        found, start, index = min(fitting)
        segment = self.segments[index]
        at = [piece[0] for piece in segment].index(start)
        if found - size >= 512 if small else found - size > MIB:
            segment[at : at + 1] = [[start, size, 1], [start + size, found - size, 0]]
        else:
            segment[at][2] = 1
        return start

    def free(self, handle: int) -> None:
        for segment in self.segments:
            for piece in segment:
                if piece[0] == handle and piece[2]:
                    piece[2] = 0
            joined: list[list[int]] = []
            for piece in segment:
                if joined and not joined[-1][2] and not piece[2]:
                    joined[-1][1] += piece[1]
                else:
                    joined.append(piece)
            segment[:] = joined

    def empty_cache(self) -> None:
        kept = [index for index, segment in enumerate(self.segments) if len(segment) > 1 or segment[0][2]]
        self.segments, self.owner = [self.segments[at] for at in kept], [self.owner[at] for at in kept]

    def figures(self) -> tuple[int, int, int]:
        pieces = [piece for segment in self.segments for piece in segment]
        loose = [piece for segment in self.segments for piece in segment if len(segment) > 1 and not piece[2]]
        return (
            sum(piece[1] for piece in pieces if piece[2]),
            sum(piece[1] for piece in pieces),
            sum(piece[1] for piece in loose),
        )


@given(steps=operations, emptied=st.sets(st.integers(0, 60)))
@settings(deadline=None, max_examples=300)
def test_the_fast_model_does_what_the_plain_rules_say(steps: Operations, emptied: set[int]):
    """Address by address and byte by byte the same as a second, naive implementation."""
    fast, slow = CudaCachingAllocator(), SlowAllocator()
    live: list[int] = []

    for number, step in enumerate(steps):
        if isinstance(step, tuple):
            live.append(fast.malloc(*step))
            assert slow.malloc(*step) == live[-1]
        elif live:
            handle = live.pop(step % len(live))
            fast.free(handle)
            slow.free(handle)
        if number in emptied:
            fast.empty_cache()
            slow.empty_cache()

        assert (fast.allocated_bytes, fast.reserved_bytes, fast.inactive_split_bytes) == slow.figures()


@every_model
@given(steps=operations, marked=st.lists(st.integers(0, 60), max_size=4))
@settings(deadline=None)
def test_breakdowns_of_a_replay_add_up(model: str, steps: Operations, marked: list[int]):
    """By category the parts sum to the peak, allocated and reserved, and the alive storages are those parts."""
    categories = list(Category)
    trace, live = Trace(), []
    for tick, step in enumerate(steps):
        if isinstance(step, tuple):
            category = categories[tick % len(categories)]
            live.append(Storage(pool="cuda:0", size_bytes=step[0], born=tick, stream=step[1], category=category))
            trace.storages.append(live[-1])
        elif live:
            live.pop(step % len(live)).died = tick
    trace.marks = [Mark(tick=tick, kind="step", step=index) for index, tick in enumerate(sorted(marked))]

    found = replay(trace, "cuda:0", MODELS[model]())

    assert sum(found.allocated_breakdown_bytes.values()) == found.allocated.size_bytes
    assert sum(found.reserved_breakdown_bytes.values()) == found.reserved.size_bytes
    assert found.requested.size_bytes <= found.allocated.size_bytes <= found.reserved.size_bytes
    assert sum(storage.size_bytes for storage in found.alive) <= found.allocated.size_bytes
    assert len(found.steps) == len(marked)
    assert all(step.reserved_peak_bytes <= found.reserved.size_bytes for step in found.steps)
