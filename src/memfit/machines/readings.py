"""What people read on their devices: ``context_readings.csv`` as rows, and a range from the spread of some of them."""

from __future__ import annotations

import csv
import itertools
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from memfit.quantities import MIB, ByteRange

SCHEMA = 1
FENCE = 1.5  # Tukey's: beyond the upper quartile by so many quartile distances, a reading is another phenomenon


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextReading:
    """One process on one device, as somebody wrote it down.

    Args:
        device: the catalogue's name; "" when it was not told.
        kind: "bare", "job", "distributed", "collectives" or "library"; the file's head explains them.
        loading: "eager" or "lazy": when CUDA kernels were loaded.
        torch: the version of torch, as far as told.
        outside_bytes: what the process held beside PyTorch's allocator.
        source: who read it.
    """

    device: str
    kind: str
    loading: str
    torch: str
    outside_bytes: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextParts:
    """What the libraries of one process hold on one device, measured one after the other; in bytes.

    Args:
        device: the catalogue's name.
        context: with the first kernels.
        libraries: what each adds when it wakes up, by the names that an observation uses.
    """

    device: str
    context: int
    libraries: Mapping[str, int]


@lru_cache(maxsize=1)
def context_parts() -> tuple[ContextParts, ...]:
    """Every row of the shipped file."""
    return tuple(
        ContextParts(
            device=row["device"],
            context=int(row["context_mib"]) * MIB,
            libraries={
                "cuBLAS": int(row["cublas_mib"]) * MIB,
                "cuBLAS in backward": int(row["cublas_in_backward_mib"]) * MIB,
                "cuDNN": int(row["cudnn_mib"]) * MIB,
            },
        )
        for row in _rows("context_parts.csv")
    )


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = resources.files("memfit.machines").joinpath(name).read_text(encoding="utf-8")
    return iter(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))


@lru_cache(maxsize=1)
def context_readings() -> tuple[ContextReading, ...]:
    """Every reading in the shipped file."""
    return tuple(_reading(row) for row in _rows("context_readings.csv"))


def _reading(row: dict[str, str]) -> ContextReading:
    outside_mib = int(row["in_use_mib"]) - int(row["allocated_mib"]) - int(row["cached_mib"])
    return ContextReading(
        device=row["device"],
        kind=row["kind"],
        loading=row["loading"],
        torch=row["torch"],
        outside_bytes=outside_mib * MIB,
        source=row["source"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A straight line: ``base + slope * x``."""

    base: float
    slope: float

    def at(self, x: float) -> float:
        return self.base + self.slope * x


def straight_line(points: Sequence[tuple[float, float]]) -> Line:
    """The line by Theil and Sen: the median of all slopes, then of what is left. A few outliers do not move it.

    Args:
        points: at least two, with different x.

    >>> straight_line([(1, 12), (2, 14), (3, 16), (4, 18), (5, 100)])
    Line(base=10.0, slope=2.0)
    """
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.combinations(points, 2) if a[0] != b[0]]
    slope = statistics.median(slopes)
    return Line(base=statistics.median(y - slope * x for x, y in points), slope=slope)


def spread(sizes_bytes: Sequence[float]) -> ByteRange:
    """The smallest, the median, and the upper fence (or the largest, where that is less).

    Args:
        sizes_bytes: at least one size.

    Raises:
        ValueError: no sizes.

    >>> spread([10, 20, 30, 40, 1000])
    ByteRange(low=10, expected=30, high=70)
    """
    if not sizes_bytes:
        raise ValueError("expected at least one reading")
    ordered = sorted(sizes_bytes)
    middle = statistics.median(ordered)
    if len(ordered) == 1:
        return ByteRange.exactly(round(middle))
    lower, _, upper = statistics.quantiles(ordered, n=4, method="inclusive")
    fence = upper + FENCE * (upper - lower)
    return ByteRange(low=round(ordered[0]), expected=round(middle), high=round(max(middle, min(fence, ordered[-1]))))
