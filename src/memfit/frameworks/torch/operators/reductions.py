"""The staging buffer of sums and means: blocks that share an output put their partial results in memory first.

Follows ReduceConfig and setReduceConfig of aten/src/ATen/native/cuda/Reduce.cuh (torch 1.8 to 2.13). Measured on an
H200 with torch 2.11: a bias gradient, the sum over 12,288 rows of 3,072 columns, takes 132 MiB, to the byte.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from memfit.frameworks.torch.dispatch import Dispatch, Handler
from memfit.frameworks.torch.ledger import HOST
from memfit.quantities import Category

aten = torch.ops.aten

_MOST_THREADS = 512  # of a block
_WARP = 32
_LEAST_VALUES, _MOST_VALUES = 16, 256  # that one thread adds up
_VECTOR = 4  # outputs (or inputs) read at once where they lie side by side
# Threads resident per multiprocessor: CUDA C++ Programming Guide 12.9, "Compute Capabilities".
_RESIDENT = {(7, 5): 1024, (8, 6): 1536, (8, 7): 1536, (8, 9): 1536, (11, 0): 1536, (12, 0): 1536, (12, 1): 1536}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """What a device runs at once.

    Args:
        multiprocessors: of the device.
        resident_threads: per multiprocessor.
    """

    multiprocessors: int
    resident_threads: int


def staging_bytes(
    shape: Sequence[int], strides: Sequence[int], reduced: Sequence[int], item_bytes: int, grid: Grid
) -> int:
    """The buffer that a reduction takes beside its result; 0 where every output fits one block.

    Args:
        shape, strides: of the tensor, in elements.
        reduced: the dimensions summed over.
        item_bytes: of the type that sums are kept in.
        grid: of the device.

    >>> staging_bytes((12288, 3072), (3072, 1), (0,), 4, Grid(multiprocessors=132, resident_threads=2048)) // 2**20
    132
    """
    inner = _coalesced([(strides[at], shape[at]) for at in reduced if shape[at] != 1])
    outer = _coalesced([(strides[at], shape[at]) for at in range(len(shape)) if at not in reduced and shape[at] != 1])
    inputs, outputs = math.prod(size for _, size in inner), math.prod(size for _, size in outer)
    if inputs <= 1 or outputs == 0:
        return 0
    along = not outer or inner[0][0] < outer[0][0]  # whether neighbours in memory belong to one output
    vector, wide, high = 1, (inner if along else outer)[0][1], outputs if along else inputs
    if along and not outer and len(inner) == 1 and wide > 128 and inner[0][0] == 1:
        wide //= _VECTOR
    elif not along and outer[0][0] == 1:
        vector = _vector(outer[0][1], [stride for stride, _ in (*inner, *outer[1:])])
        wide //= vector
    width, height = _block(wide, high, _MOST_THREADS // vector)
    values = -(-inputs // width) if along else inputs
    step = 1 if along else width
    shared = values >= height * _LEAST_VALUES or values >= _MOST_VALUES
    if not shared:
        return 0
    values = -(-values // height)
    blocks = -(-(outputs // vector) // step)
    target = grid.multiprocessors * (grid.resident_threads // (width * height))
    if values < _MOST_VALUES or blocks > target:
        return 0
    parts = max(min(-(-target // blocks), -(-values // _LEAST_VALUES)), -(-values // _MOST_VALUES))
    if parts <= 1:
        return 0
    return item_bytes * outputs * parts * (1 if along else width * vector)


def _coalesced(dimensions: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """(stride, size) of dimensions from the innermost, those that follow each other without a gap as one."""
    found: list[tuple[int, int]] = []
    for stride, size in sorted(dimensions):
        if found and found[-1][0] * found[-1][1] == stride:
            found[-1] = (found[-1][0], found[-1][1] * size)
        else:
            found.append((stride, size))
    return found


def _vector(size: int, strides: Sequence[int]) -> int:
    """How many outputs are read at once: what divides their number and every other stride."""
    vector = _VECTOR
    for number in (size, *strides):
        while number % vector:
            vector //= 2
    return vector


def _block(wide: int, high: int, most: int) -> tuple[int, int]:
    """Threads of a block along the fastest dimension and across it, both powers of two."""
    wide, high = (most if size >= most else 1 << max(size, 1).bit_length() - 1 for size in (wide, high))
    width = min(wide, _WARP)
    height = min(high, most // width)
    return min(wide, most // height), height


def handlers(simulation: Any) -> dict[Any, Handler]:
    """The table of reductions that are large in real jobs: sums and means."""

    def reduction(dispatch: Dispatch, func: Any, args: Any, kwargs: Any, pool: str) -> Any:
        out = dispatch.run_simulated(func, args, kwargs, pool)
        tensor, device = args[0], simulation.device
        if pool != HOST and device.multiprocessors and isinstance(out, torch.Tensor):
            reduced = _dimensions(tensor, args[1] if len(args) > 1 else kwargs.get("dim"))
            grid = Grid(multiprocessors=device.multiprocessors, resident_threads=_RESIDENT.get(device.capability, 2048))
            item_bytes = 8 if out.dtype in (torch.float64, torch.int64) else 4
            scratch = staging_bytes(tensor.shape, tensor.stride(), reduced, item_bytes, grid)
            dispatch.ledger.transient(pool, scratch, Category.TEMPORARIES, dispatch.facts(func).label)
        return out

    return {
        aten.sum.default: reduction,
        aten.sum.dim_IntList: reduction,
        aten.mean.default: reduction,
        aten.mean.dim: reduction,
    }


def _dimensions(tensor: torch.Tensor, asked: Any) -> tuple[int, ...]:
    if asked is None or not isinstance(asked, (int, list, tuple)) or asked == []:
        return tuple(range(tensor.dim()))
    each = (asked,) if isinstance(asked, int) else asked
    return tuple(at % max(tensor.dim(), 1) for at in each)
