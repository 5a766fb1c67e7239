"""Where the runtimes place tensors that do not live at the same time: the size of the arena that this needs.

Both put the largest first, each at a place that is free for as long as it lives. TFLite Micro takes the first gap that
is large enough (micro/memory_planner/greedy_memory_planner.cc, micro/micro_allocation_info.cc, commit 90b983c), LiteRT
the smallest (lite/simple_memory_arena.cc, lite/arena_planner.cc, TensorFlow 2.21).
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from memfit.datasets.opening import UnreadableData
from memfit.litert.model import Graph, Model, Operator

_DEEPEST, _MOST_STEPS, _MOST_BUFFERS = 16, 1 << 18, 1 << 14  # beyond what models have; placing takes their square
Scratch = Callable[[Graph, Operator], Sequence[int]]  # what an operator's kernel asks for beside its tensors, bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffer:
    """Something that needs a place from one operator to another, both included.

    Args:
        bytes: as aligned.
        first, last: the operators, counted over all graphs as they run.
        offset: where it has to lie; None where it may lie anywhere.
    """

    bytes: int
    first: int
    last: int
    offset: int | None = None

    def meets(self, other: Buffer) -> bool:
        """Whether both live at some time."""
        return self.first <= other.last and other.first <= self.last


def buffers_of(model: Model, *, alignment: int, scratch: Scratch) -> list[Buffer]:
    """What has to be placed when a model runs: tensors that are computed, and what kernels ask for.

    Variables are not among them: they have a place of their own.

    Args:
        model: as read.
        alignment: of every buffer, bytes.
        scratch: of each operator.

    Raises:
        UnreadableData: it is larger, or its control flow deeper, than a model is.
    """
    lives = _Lives()
    lives.run(model, 0, scratch)
    made = []
    for (number, place), (first, last) in lives.of_tensors.items():
        tensor = model.graphs[number].tensors[place]
        if tensor.bytes and not tensor.constant and (not tensor.variable or tensor.offset is not None):
            made.append(Buffer(bytes=aligned(tensor.bytes, alignment), first=first, last=last, offset=tensor.offset))
    made += [Buffer(bytes=aligned(size, alignment), first=first, last=last) for size, first, last in lives.of_kernels]
    if len(made) > _MOST_BUFFERS:
        raise UnreadableData(f"the model computes {len(made):,} tensors; memfit places {_MOST_BUFFERS:,}")
    return made


class _Lives:
    """From when to when each tensor is needed; an operator that runs graphs lives as long as these."""

    def __init__(self) -> None:
        self.now = 0
        self.of_tensors: dict[tuple[int, int], tuple[int, int]] = {}
        self.of_kernels: list[tuple[int, int, int]] = []
        self._running: set[int] = set()

    def run(self, model: Model, number: int, scratch: Scratch) -> None:
        if number in self._running or len(self._running) > _DEEPEST or self.now > _MOST_STEPS:
            raise UnreadableData("the model's graphs run each other without an end, or nearly so")
        self._running.add(number)
        graph = model.graphs[number]
        self._seen(number, graph.inputs)
        for operator in graph.operators:
            self.now += 1
            began = self.now
            self._seen(number, operator.outputs)
            for other in operator.graphs:
                self.now += 1
                self.run(model, other, scratch)
            self._seen(number, operator.inputs, begins=False)
            self._seen(number, operator.outputs)
            self.of_kernels += [(size, began, self.now) for size in scratch(graph, operator) if size]
        self._seen(number, graph.outputs)
        self._running.discard(number)

    def _seen(self, number: int, places: Sequence[int], *, begins: bool = True) -> None:
        for place in places:
            first, _ = self.of_tensors.get((number, place), (self.now if begins else None, 0))
            if place >= 0 and first is not None:
                self.of_tensors[number, place] = (first, self.now)


def first_gap(buffers: Sequence[Buffer]) -> int:
    """Bytes of TFLite Micro's plan: those with a fixed place first, then the largest, each in the first gap.

    >>> first_gap([Buffer(bytes=64, first=0, last=1), Buffer(bytes=32, first=1, last=2)])
    96
    """
    fixed = [each for each in buffers if each.offset is not None]
    free = [each for each in buffers if each.offset is None][::-1]  # of two alike the later one is placed first
    free.sort(key=lambda each: -each.bytes)
    return _placed([*fixed, *free], lambda gaps, wanted: next(start for start, size in gaps if size >= wanted))


def smallest_gap(buffers: Sequence[Buffer]) -> int:
    """Bytes of LiteRT's plan: the largest first, of two alike the earlier one, each in the smallest gap for it.

    >>> smallest_gap([Buffer(bytes=64, first=0, last=1), Buffer(bytes=32, first=2, last=3)])
    64
    """
    ordered = sorted(buffers, key=lambda each: (-each.bytes, each.first))

    def smallest(gaps: Iterator[tuple[int, int]], wanted: int) -> int:
        return min(((size, start) for start, size in gaps if size >= wanted))[1]

    return _placed(ordered, smallest)


_END = 1 << 62


def _placed(ordered: Sequence[Buffer], choose: Callable[[Iterator[tuple[int, int]], int], int]) -> int:
    held: list[tuple[int, int, Buffer]] = []  # by place, and where two have the same one as they were placed
    most = 0
    for number, buffer in enumerate(ordered):
        start = buffer.offset if buffer.offset is not None else choose(_gaps(held, buffer), buffer.bytes)
        insort(held, (start, number, buffer), key=lambda each: each[:2])
        most = max(most, start + buffer.bytes)
    return most


def _gaps(held: Sequence[tuple[int, int, Buffer]], buffer: Buffer) -> Iterator[tuple[int, int]]:
    """Where nothing lies while the buffer lives: starts and bytes, the last without an end."""
    free = 0
    for start, _, other in held:
        if other.meets(buffer):
            if start > free:
                yield free, start - free
            free = max(free, start + other.bytes)
    yield free, _END - free


def aligned(size: int, alignment: int) -> int:
    """The next multiple.

    >>> aligned(17, 16)
    32
    """
    return -(-size // alignment) * alignment
