"""The diagnosis: how each memory series of a job behaves over its iterations, worst first. Plain data.

A diagnosis has the attributes of its worst series, so that a caller with one series need not know of the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Growth(str, Enum):
    """How a series behaves. The words are explained in docs/diagnosis.md."""

    CONSTANT = "constant"
    ONE_TIME_STEP = "one_time_step"
    SEVERAL_STEPS = "several_steps"
    SATURATING = "saturating"
    SAW_TOOTH = "saw_tooth"
    PERIODIC_SPIKES = "periodic_spikes"
    TRANSIENT_SPIKE = "transient_spike"
    WANDERING = "wandering"
    LINEAR_LEAK = "linear_leak"
    STEPWISE_LEAK = "stepwise_leak"
    RISING_SAW_TOOTH = "rising_saw_tooth"
    ACCELERATING = "accelerating"
    LOG_ACCUMULATION = "log_accumulation"
    ALLOCATOR_RETENTION = "allocator_retention"
    COPY_ON_WRITE = "copy_on_write"
    SWAP_MASKED = "swap_masked"
    SHRINKING = "shrinking"
    UNDETERMINED = "undetermined"

    def __str__(self) -> str:
        return str(self.value)


class Interval(float):
    """A figure with its range: a number that is the expected one; `high` is None where there is no upper end ("at the
    earliest in 3 hours").

    Args:
        low: the lower end.
        expected: the figure itself.
        high: the upper end.

    Raises:
        ValueError: the three are out of order.

    >>> Interval(low=1.0, expected=2.0, high=None) + 1
    3.0
    """

    __slots__ = ("high", "low")
    low: float
    high: float | None

    def __new__(cls, *, low: float, expected: float, high: float | None) -> Interval:
        if not low <= expected or (high is not None and not expected <= high):
            raise ValueError(f"expected low <= expected <= high, got {low}, {expected}, {high}")
        made = super().__new__(cls, expected)
        made.low, made.high = float(low), None if high is None else float(high)
        return made

    @property
    def expected(self) -> float:
        """The figure without its range."""
        return float(self)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Interval):
            return (self.low, float(self), self.high) == (other.low, float(other), other.high)
        return float.__eq__(self, other) if isinstance(other, (int, float)) else NotImplemented

    def __hash__(self) -> int:
        return float.__hash__(self)

    def __repr__(self) -> str:
        return f"Interval(low={self.low!r}, expected={float(self)!r}, high={self.high!r})"

    def __reduce__(self) -> Any:
        return _interval, (self.low, float(self), self.high)


def _interval(low: float, expected: float, high: float | None) -> Interval:
    return Interval(low=low, expected=expected, high=high)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitReached:
    """When a series reaches a limit if it goes on as it did, counted from the end of what was seen.

    Args:
        limit: which limit: "limit" (the caller's), "container", "host", "device", …
        limit_bytes: where it is.
        unit: "seconds" where times are known, "iterations" otherwise.
        after: how many of the unit; 0 where the limit was reached already.
    """

    limit: str
    limit_bytes: int
    unit: str
    after: Interval

    @property
    def low(self) -> float:
        """The earliest."""
        return self.after.low

    @property
    def expected(self) -> float:
        """The likeliest."""
        return self.after.expected

    @property
    def high(self) -> float | None:
        """The latest; None where there is none."""
        return self.after.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """What a verdict covers: it says nothing of what lies beyond, and what is slower than this is not seen.

    Args:
        samples: readings that were used.
        iterations: iterations from the first to the last reading.
        seconds: the same in seconds, None where times are unknown.
    """

    samples: int
    iterations: float
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesDiagnosis:
    """How one series behaves.

    Args:
        pool: the memory it belongs to: "host", "cuda:0".
        name: the series: "resident", "resident + swap", "reserved", …
        growth: how it behaves.
        is_leak: whether it grows without an end in sight; None when that cannot be told yet.
        confidence: 0 to 1, how sure the verdict is.
        horizon: what the verdict covers.
        evidence: what was seen, in sentences.
        bytes_per_iteration: the rate at the end of the series, where it grows or shrinks.
        bytes_per_second: the same by the clock, where times are known.
        limit_reached: when which limit is reached; None without a limit, and where the shape gives no date.
        culprit: what most likely holds the memory, None when nothing points at one.
        advice: what to do, one sentence each.
        needs_iterations: for an undetermined series: about so many more iterations are needed.
        start_bytes: the level at the start.
        end_bytes: the level at the end.
        peak_bytes: the highest reading.
        levels_bytes: the fitted levels, in order, where the series moves in steps.
        curve_bytes: the series thinned to a line for drawing, with its peaks.
        notes: what was wrong with the data and how it was taken.
    """

    pool: str
    name: str
    growth: Growth
    is_leak: bool | None
    confidence: float
    horizon: Horizon
    evidence: str
    bytes_per_iteration: Interval | None = None
    bytes_per_second: Interval | None = None
    limit_reached: LimitReached | None = None
    culprit: str | None = None
    advice: tuple[str, ...] = ()
    needs_iterations: int | None = None
    start_bytes: int = 0
    end_bytes: int = 0
    peak_bytes: int = 0
    levels_bytes: tuple[int, ...] = ()
    curve_bytes: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hindrance:
    """Something that may make a job slow, and whether it does.

    Args:
        what: "memory", "data loading", "disk", "processor", "device".
        slows: whether it takes a part of the time that is worth mending; None when nothing was read that tells.
        share: of the time, 0 to 1; None when unknown.
        text: what was seen and what to do, a sentence.
    """

    what: str
    slows: bool | None
    share: float | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """How the memory of a job behaves.

    Args:
        series: the series, worst first; never empty.
        target: what was diagnosed: "name" and "kind" ("series", "recording"); plain JSON values.
        environment: versions that the verdict holds for.
        hindrances: of a recording: what it waited for, memory first; says whether more memory would make it faster.

    Raises:
        ValueError: there is no series.
    """

    series: tuple[SeriesDiagnosis, ...]
    target: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    hindrances: tuple[Hindrance, ...] = ()

    def __post_init__(self) -> None:
        if not self.series:
            raise ValueError("a diagnosis has at least one series")

    @property
    def worst(self) -> SeriesDiagnosis:
        """The series that the properties below speak of."""
        return self.series[0]

    @property
    def growth(self) -> Growth:
        """How the worst series behaves."""
        return self.worst.growth

    @property
    def is_leak(self) -> bool | None:
        """Whether it is a leak; None when that cannot be told yet."""
        return self.worst.is_leak

    @property
    def confidence(self) -> float:
        """How sure that is, 0 to 1."""
        return self.worst.confidence

    @property
    def bytes_per_iteration(self) -> Interval | None:
        """Its rate in bytes per iteration."""
        return self.worst.bytes_per_iteration

    @property
    def bytes_per_second(self) -> Interval | None:
        """Its rate in bytes per second."""
        return self.worst.bytes_per_second

    @property
    def limit_reached(self) -> LimitReached | None:
        """Which limit it reaches, and when."""
        return self.worst.limit_reached

    @property
    def horizon(self) -> Horizon:
        """What the verdict covers."""
        return self.worst.horizon

    @property
    def evidence(self) -> str:
        """What was seen, in sentences."""
        return self.worst.evidence

    @property
    def culprit(self) -> str | None:
        """What most likely holds the memory."""
        return self.worst.culprit

    @property
    def advice(self) -> tuple[str, ...]:
        """What to do."""
        return self.worst.advice

    @property
    def needs_iterations(self) -> int | None:
        """About how many more iterations an undetermined series needs."""
        return self.worst.needs_iterations


def worst_first(series: tuple[SeriesDiagnosis, ...]) -> tuple[SeriesDiagnosis, ...]:
    """Leaks first, then what is undetermined; among equals the sooner limit, then the faster growth."""
    ranks = {True: 0, None: 1, False: 2}

    def order(item: SeriesDiagnosis) -> tuple[int, float, float]:
        date = float("inf") if item.limit_reached is None else item.limit_reached.after.expected
        rate = 0.0 if item.bytes_per_iteration is None else item.bytes_per_iteration.expected
        return ranks[item.is_leak], date, -rate

    return tuple(sorted(series, key=order))
