"""What a judgement is called in sentences: what was seen, what most likely holds the memory, what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from memfit.analysis.growth.judgement import Judgement
from memfit.analysis.growth.rhythm import Rhythm
from memfit.documents import Growth
from memfit.quantities import format_finely

_MOST_LEVELS = 6  # that a sentence can name


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Evidence, likely culprit and advice."""

    evidence: str
    culprit: str | None
    advice: tuple[str, ...]


def words(judgement: Judgement, rhythm: Rhythm, samples: int) -> Words:
    """The sentences about a series."""
    seen = _SEEN[judgement.growth](judgement, rhythm, samples)
    likely = None if _steps_down(judgement) else _LIKELY.get(judgement.growth)
    return Words(evidence=seen, culprit=likely, advice=_ADVICE.get(judgement.growth, ()))


def _steps_down(found: Judgement) -> bool:
    return found.growth is Growth.ONE_TIME_STEP and found.end < found.start


def _size(value: float) -> str:
    return format_finely(value)


def _per_iteration(found: Judgement) -> str:
    return f"{_size(found.rate)} per iteration"


def _from_to(found: Judgement) -> str:
    return f"from {_size(found.start)} to {_size(found.end)}"


def _steady(found: Judgement, rhythm: Rhythm, samples: int) -> str:
    since = "" if found.since is None else f" since iteration {found.since:.0f}"
    place = "the peaks rise" if found.where == "peaks" else "it rises"
    return (
        f"{place} by {_per_iteration(found)}{since}, {_from_to(found)}; the last third still does, "
        "and no shape that ends (a step, a warm-up, a filling cache, a wandering level) explains the readings as well"
    )


def _teeth(found: Judgement, rhythm: Rhythm, samples: int) -> str:
    return (
        f"what each collection leaves behind rises by {_per_iteration(found)}, {_from_to(found)}, "
        f"under teeth of {_size(rhythm.amplitude)}"
    )


def _stairs(found: Judgement, rhythm: Rhythm, samples: int) -> str:
    jumps = found.stairs
    assert jumps is not None
    usual = sorted(abs(height) for height in jumps.heights)[len(jumps.heights) // 2]
    distance = (jumps.places[-1] - jumps.places[0]) / max(len(jumps.places) - 1, 1)
    return (
        f"it rises in {jumps.up} jumps of about {_size(usual)}, one every {distance:.0f} iterations, "
        f"{_from_to(found)}; they do not become rarer and are not given back"
    )


def _speeding(found: Judgement, rhythm: Rhythm, samples: int) -> str:
    return f"it rises ever faster, by {_per_iteration(found)} at the end, {_from_to(found)}"


def _list(found: Judgement, rhythm: Rhythm, samples: int) -> str:
    return (
        f"it rises by no more than {_per_iteration(found)}, as lists of losses and metrics do: "
        f"{_size(found.end - found.start)} over all that was seen"
    )


def _level(found: Judgement, rhythm: Rhythm, samples: int) -> str:
    noise = f", readings scatter by {_size(found.spread)}" if found.spread >= 4096 else ""
    return f"it stays at {_size(found.end)}{noise}"


def _walk(found: Judgement, rhythm: Rhythm, samples: int) -> str:
    return f"it wanders up and down between {_size(rhythm.y.min())} and {_size(rhythm.y.max())} without a direction"


def _steps(found: Judgement, rhythm: Rhythm, samples: int) -> str:
    if rhythm.head_bytes > 0 and found.growth is Growth.ONE_TIME_STEP and len(found.levels) < 2:
        return f"it rises once, by {_size(rhythm.head_bytes)} in the first iterations, and stays at {_size(found.end)}"
    levels = [_size(level) for level in found.levels]
    if found.growth is Growth.ONE_TIME_STEP:
        return f"it steps once, {' → '.join(levels)}, and is level before and after"
    if len(levels) <= _MOST_LEVELS and len(set(levels)) == len(levels):
        return f"it moves in steps, {' → '.join(levels)}, and is level between them; they do not go on at a steady pace"
    least, most = _size(min(found.levels)), _size(max(found.levels))
    return (
        f"it moves in {len(levels) - 1} steps between {least} and {most}, is level between them and ends at "
        f"{levels[-1]}; they do not go on at a steady pace"
    )


def _settling(found: Judgement, rhythm: Rhythm, samples: int) -> str:
    if found.settles_at is None:
        return f"it rose {_from_to(found)}, ever more slowly, and has settled"
    return f"it rose {_from_to(found)} and settles at about {_size(found.settles_at)}"


def _collected(found: Judgement, rhythm: Rhythm, samples: int) -> str:
    return (
        f"it climbs by {_size(rhythm.amplitude)} and is given back, again and again; what is left each time stays at "
        f"{_size(found.end)}"
    )


def _spikes(found: Judgement, rhythm: Rhythm, samples: int) -> str:
    height = rhythm.spike_bytes if rhythm.kind == "plain" else rhythm.amplitude
    return f"it rises by {_size(height)} at regular distances and comes back to {_size(found.end)} each time"


def _spike(found: Judgement, rhythm: Rhythm, samples: int) -> str:
    times = "once" if rhythm.spikes == 1 else f"{rhythm.spikes} times"
    return f"it rises {times} by {_size(rhythm.spike_bytes)}, comes back and stays at {_size(found.end)}"


def _falling(found: Judgement, rhythm: Rhythm, samples: int) -> str:
    return f"it falls, {_from_to(found)}"


def _unclear(found: Judgement, rhythm: Rhythm, samples: int) -> str:
    more = f"about {found.needs} more iterations would tell"
    if found.end - found.start <= 0 or found.rate <= 0:
        return f"{samples} readings are not enough to tell a warm-up from a leak: {more}"
    if found.settles_at is not None:
        return f"it rose {_from_to(found)} and slows down, but has not settled yet: {more}"
    return f"it rose {_from_to(found)}, which may be a leak or chance: {more}"


_SEEN = {
    Growth.CONSTANT: _level,
    Growth.ONE_TIME_STEP: _steps,
    Growth.SEVERAL_STEPS: _steps,
    Growth.SATURATING: _settling,
    Growth.SAW_TOOTH: _collected,
    Growth.PERIODIC_SPIKES: _spikes,
    Growth.TRANSIENT_SPIKE: _spike,
    Growth.WANDERING: _walk,
    Growth.LINEAR_LEAK: _steady,
    Growth.STEPWISE_LEAK: _stairs,
    Growth.RISING_SAW_TOOTH: _teeth,
    Growth.ACCELERATING: _speeding,
    Growth.LOG_ACCUMULATION: _list,
    Growth.ALLOCATOR_RETENTION: _steady,
    Growth.COPY_ON_WRITE: _steady,
    Growth.SWAP_MASKED: _steady,
    Growth.SHRINKING: _falling,
    Growth.UNDETERMINED: _unclear,
}
_LIKELY = {
    Growth.LINEAR_LEAK: "something that is kept in every iteration: losses or outputs with their graph, hooks, caches",
    Growth.STEPWISE_LEAK: "something that is kept once per epoch, evaluation or checkpoint",
    Growth.RISING_SAW_TOOTH: "objects that survive every garbage collection, beside those that it frees",
    Growth.ACCELERATING: "a history that is copied or walked whole in every iteration, such as a graph that grows",
    Growth.LOG_ACCUMULATION: "lists of losses, metrics or log records",
    Growth.ONE_TIME_STEP: "optimizer state, or what a first evaluation or checkpoint sets up",
    Growth.SATURATING: "caches and pools that fill up: allocator, loader, compiled kernels",
    Growth.SAW_TOOTH: "garbage that waits for its collection",
    Growth.PERIODIC_SPIKES: "an evaluation or a checkpoint",
    Growth.ALLOCATOR_RETENTION: "the allocator, which keeps what was freed",
    Growth.COPY_ON_WRITE: "pages shared with worker processes that are copied as Python touches reference counts",
    Growth.SWAP_MASKED: "a leak whose older pages have gone to swap",
}
_KEEP_NUMBERS = "keep numbers, not tensors: loss.item() or loss.detach(), and clear lists after each epoch"
_FIND = "compare tracemalloc snapshots some iterations apart, or count live objects by type"
_ADVICE: dict[Growth, tuple[str, ...]] = {
    Growth.LINEAR_LEAK: (_KEEP_NUMBERS, "bound caches, remove hooks and handlers that are added in the loop", _FIND),
    Growth.STEPWISE_LEAK: (
        "look at what runs at that distance: evaluation, checkpoint, a new loader or logger per epoch", _KEEP_NUMBERS,
    ),
    Growth.RISING_SAW_TOOTH: (_FIND, "gc.collect() does not help: these objects are still referenced"),
    Growth.ACCELERATING: ("detach what is carried from one iteration to the next", _FIND),
    Growth.LOG_ACCUMULATION: ("write metrics to a file now and then if the run is to be very long",),
    Growth.ALLOCATOR_RETENTION: (
        "on the host: MALLOC_ARENA_MAX=2, MALLOC_TRIM_THRESHOLD_, malloc_trim(0) or another allocator",
        "on a device: PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True",
    ),
    Growth.COPY_ON_WRITE: ("keep the data set in NumPy arrays or tensors instead of lists of Python objects",),
    Growth.SWAP_MASKED: (_KEEP_NUMBERS, _FIND),
    Growth.PERIODIC_SPIKES: ("plan the limit for the spikes, not for the level between them",),
}  # fmt: skip
