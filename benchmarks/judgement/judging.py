"""Labelled series for judging: small programs are simulated, allocation by allocation, and their memory is read.

    from benchmarks.judgement.judging import cases

Nothing here is shared with tuning.py: no curve plus noise, but a heap whose objects live and die, an allocator that
rounds and keeps, a collector with its own moods, loaders, caches with bounds, and other tenants of the machine. What
is never freed and goes on being taken is a leak; everything else is none. Thresholds are not chosen on these series;
docs/judgement.md says what was changed after they were first judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.judgement.case import Case

SEED = 77_003
AHEAD = 4  # lengths that a series is continued for, to see when a limit is truly reached
KIB = 1024.0


@dataclass(frozen=True, slots=True)
class World:
    """A machine and the size of the job on it.

    Args:
        random: its dice.
        shown: iterations that the judge sees.
        total: iterations that happen.
        unit: bytes of a typical batch; everything else is so many batches.
    """

    random: np.random.Generator
    shown: int
    total: int
    unit: float

    def between(self, low: float, high: float) -> float:
        return float(low + (high - low) * self.random.random())

    def whole(self, low: float, high: float) -> int:
        return int(self.random.integers(int(low), max(int(high), int(low) + 1)))


# --- the machine's own part: what is read beside what the program holds -------------------------------------------


def quiet(world: World) -> np.ndarray:
    return np.zeros(world.total)


def laplace(world: World) -> np.ndarray:
    return world.random.laplace(0, world.unit * world.between(0.01, 0.15), world.total)


def pink(world: World) -> np.ndarray:
    """Many tenants, each with its own slowness: noise that remembers at every scale, but not for ever."""
    noise = np.zeros(world.total)
    for slowness in (2, 8, 32):
        state, scale = 0.0, world.unit * 0.08
        keep = 1 - 1 / slowness
        dice = world.random.normal(0, scale * np.sqrt(1 - keep**2), world.total)
        for at in range(world.total):
            state = keep * state + dice[at]
            noise[at] += state
    return noise


def bursts(world: World) -> np.ndarray:
    """Shots that die away: a log is flushed, a message is parsed."""
    noise, state, chance = np.zeros(world.total), 0.0, world.between(0.005, 0.05)
    hits = world.random.random(world.total) < chance
    sizes = world.random.exponential(world.unit * world.between(0.2, 2), world.total)
    for at in range(world.total):
        state = state * 0.5 + (sizes[at] if hits[at] else 0.0)
        noise[at] = state
    return noise


def moody(world: World) -> np.ndarray:
    """Calm and rough stretches."""
    rough = (np.sin(np.arange(world.total) / world.shown * world.between(5, 40)) > 0.3) * 4.0 + 1
    return world.random.normal(0, world.unit * 0.04, world.total) * rough


def uneven(world: World) -> np.ndarray:
    """Mostly exact, now and then off by a lot, in either direction."""
    off = world.random.random(world.total) < 0.04
    return off * world.random.normal(0, world.unit * 3, world.total)


AROUND: tuple[Callable[[World], np.ndarray], ...] = (quiet, laplace, pink, bursts, moody, uneven)


def read(world: World, held: np.ndarray, base: float) -> np.ndarray:
    """What a monitor shows: the program's bytes in granules, its base, and the machine's own part."""
    granule = world.random.choice([1.0, 4096.0, 64 * KIB, 2048 * KIB])
    granule = min(granule, max(world.unit / 4, 1.0))
    around = AROUND[world.random.integers(len(AROUND))](world)
    return np.maximum(np.ceil(held / granule) * granule + base + around, 0.0)


# --- programs ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Run:
    """What a program held.

    Args:
        held: bytes per iteration.
        classes: the right names.
        rate: the true bytes per iteration at the end of what is shown; 0 where nothing leaks.
        events: how often it leaked within what is shown; fewer than FEWEST_EVENTS tell nobody anything.
    """

    held: np.ndarray
    classes: tuple[str, ...]
    rate: float = 0.0
    events: float = np.inf


Program = Callable[[World], Run]
FEWEST_EVENTS = 6


def inference_server(world: World) -> Run:
    """Requests of random size, nothing kept: only the batch in flight shows."""
    sizes = world.random.gamma(4, world.unit / 4, world.total)
    return Run(sizes, ("constant", "wandering", "transient_spike", "periodic_spikes", "saw_tooth"))


def adam_trainer(world: World) -> Run:
    """Gradients at the first, two moments at the second step."""
    weights = world.unit * world.between(5, 40)
    held = np.full(world.total, 3 * weights)
    held[0], held[1] = weights, weights * 2
    return Run(held, ("one_time_step", "several_steps", "saturating"))


def curriculum(world: World) -> Run:
    """Longer sequences in two to four stages, the last one early enough to be seen settled."""
    stages = world.whole(2, 5)
    starts = np.sort(world.random.uniform(0.05, 0.7, stages - 1)) * world.shown
    heights = world.random.uniform(3, 15, stages - 1) * world.unit
    held = sum(
        height * (np.arange(world.total) >= start) for height, start in zip(heights, starts, strict=True)
    ) + np.zeros(world.total)
    return Run(held, ("several_steps", "one_time_step", "saturating"))


def bounded_cache(world: World) -> Run:
    """Keys drawn by Zipf's law enter a cache of fixed size until it is full, which is well before the end."""
    slots = world.whole(20, 200)
    kept: set[int] = set()
    held, per_step = np.zeros(world.total), max(1, int(np.ceil(slots / (world.shown * 0.08))))
    for at in range(world.total):
        for key in world.random.zipf(1.3, per_step):
            if len(kept) < slots:
                kept.add(int(key))
        held[at] = len(kept) * world.unit
    full = np.argmax(held >= held[-1])
    if full > 0.6 * world.shown:
        held = np.minimum(held, held[int(0.5 * world.shown)])
    return Run(held, ("saturating", "several_steps", "one_time_step", "constant"))


def generational_collector(world: World) -> Run:
    """Cycles pile up until a threshold of the collector is passed; each batch makes a random number of them."""
    threshold = world.unit * world.between(6, 20)
    period = world.between(6, max(world.shown / 12, 7))
    pile, held = 0.0, np.zeros(world.total)
    for at in range(world.total):
        pile += float(world.random.gamma(3, threshold / period / 3))
        if pile > threshold:
            pile = threshold * float(world.random.uniform(0, 0.05))
        held[at] = pile
    return Run(held, ("saw_tooth", "periodic_spikes"))


def arena_high_water(world: World) -> Run:
    """Sixteen arenas, each as large as the largest text that ever fell to it."""
    lengths = np.minimum(world.random.pareto(3, world.total) + 1, 4.0)
    arenas, held = np.zeros(16), np.zeros(world.total)
    for at in range(world.total):
        place = world.random.integers(16)
        arenas[place] = max(arenas[place], lengths[at])
        held[at] = arenas.sum() * world.unit
    return Run(held, ("saturating", "several_steps", "one_time_step", "constant", "wandering", "undetermined"))


def compiled_shapes(world: World) -> Run:
    """A compiler caches a kernel per padded shape; there are a dozen shapes and all are seen early."""
    shapes = world.whole(6, 14)
    weights = world.random.dirichlet(np.ones(shapes) * 3)
    seen: set[int] = set()
    held = np.zeros(world.total)
    for at in range(world.total):
        seen.add(int(world.random.choice(shapes, p=weights)))
        held[at] = len(seen) * world.unit * 2
    return Run(held, ("saturating", "several_steps", "one_time_step", "constant"))


def epochs_with_evaluation(world: World) -> Run:
    """Evaluation at the end of every epoch takes a larger batch; its predictions are freed."""
    epoch = world.whole(max(world.shown * 0.06, 8), max(world.shown * 0.16, 10))
    inside = np.arange(world.total) % epoch
    return Run(
        world.unit * world.between(4, 15) * (inside >= epoch * world.between(0.75, 0.92)),
        ("periodic_spikes", "saw_tooth", "several_steps", "wandering"),
    )


def checkpoint_writer(world: World) -> Run:
    """A state dict is serialised every so often and written out over a few iterations."""
    every, lasts = world.whole(max(world.shown * 0.05, 9), max(world.shown * 0.2, 11)), world.whole(1, 4)
    since = np.arange(world.total) % every
    held = np.where(since < lasts, 1 - since / (lasts + 1), 0.0) * world.unit * world.between(5, 30)
    held[:every] = 0
    return Run(held, ("periodic_spikes",))


def one_long_document(world: World) -> Run:
    held = np.zeros(world.total)
    held[world.whole(2, world.shown - 2)] = world.unit * world.between(5, 40)
    return Run(held, ("transient_spike",))


def mapped_file(world: World) -> Run:
    """Pages of a mapped data set become resident as random rows are first touched: rows are finite."""
    rows = world.shown / world.between(4, 12)
    touched = rows * (1 - np.exp(-np.arange(1, world.total + 1) / rows))
    return Run(touched * world.unit / 4, ("saturating",))


def balloon(world: World) -> Run:
    """A pool that grows and shrinks with the load: a birth and death process around its mean."""
    level, held = 10.0, np.zeros(world.total)
    for at in range(world.total):
        level += float(world.random.normal(0, 0.5)) - 0.06 * (level - 10)
        held[at] = max(level, 0) * world.unit
    return Run(held, ("constant", "wandering", "several_steps", "one_time_step", "shrinking", "saturating"))


def drifting_heap(world: World) -> Run:
    """Fragmentation that wanders: no memory of where it was, no direction."""
    steps = world.random.choice([-1.0, 0.0, 0.0, 1.0], world.total) * world.random.exponential(0.3, world.total)
    walk = np.cumsum(steps)
    return Run(
        (walk - walk.min()) * world.unit,
        ("wandering", "constant", "several_steps", "one_time_step", "shrinking", "undetermined", "saturating"),
    )


def loss_list(world: World) -> Run:
    """A list of Python floats: 32 bytes and a little in every iteration, in a process of its size."""
    slots = np.arange(world.total)
    return Run(slots * 24.0 + np.ceil(slots / 64) * 64 * 8, ("log_accumulation", "constant", "undetermined"))


def unloading(world: World) -> Run:
    """Raw tables are dropped piece by piece as they are converted."""
    left = np.maximum(1 - np.arange(world.total) / (world.shown * world.between(0.3, 1.5)), 0)
    return Run(left * world.unit * 30, ("shrinking", "saturating", "several_steps"))


# --- programs that leak: one thing each is never freed ---------------------------------------------------------------


def kept(world: World, strength: float | None = None) -> float:
    """Batches kept per iteration, so that what is shown gathers from ten to three hundred of them."""
    return strength if strength is not None else float(np.exp(world.between(np.log(10), np.log(300)))) / world.shown


def outputs_in_a_list(world: World) -> Run:
    rate = kept(world) * world.unit
    return Run(np.cumsum(world.random.gamma(5, rate / 5, world.total)), ("linear_leak", "stepwise_leak"), rate)


def sometimes_an_exception(world: World) -> Run:
    """A failed batch keeps its frame: at random, about one in ten."""
    size = kept(world) * world.unit * 10
    kept_now = world.random.random(world.total) < 0.1
    return Run(
        np.cumsum(kept_now * size), ("linear_leak", "stepwise_leak"), size * 0.1, float(kept_now[: world.shown].sum())
    )


def one_per_epoch(world: World) -> Run:
    """Every epoch leaves its loader's workers' buffers behind."""
    epoch = world.whole(max(world.shown * 0.03, 3), max(world.shown * 0.12, 5))
    size = kept(world) * world.unit * epoch
    epochs = np.arange(world.total) // epoch
    sizes = world.random.normal(size, size * 0.05, int(epochs[-1]) + 1)
    return Run(
        np.concatenate([[0.0], np.cumsum(sizes)])[epochs],
        ("stepwise_leak", "linear_leak"),
        size / epoch,
        world.shown / epoch,
    )


def graph_that_grows(world: World) -> Run:
    """A hidden state carries its history, and every step adds a copy of a part of it."""
    at = np.arange(world.total)
    scale = kept(world) * world.unit / world.shown
    return Run(
        scale * at**2 + scale * at * world.shown * 0.1, ("accelerating", "linear_leak"), scale * world.shown * 2.1
    )


def survivors_of_the_collector(world: World) -> Run:
    """Of the cycles that the collector frees, a share is held by a finalizer."""
    rate = kept(world) * world.unit
    period = world.whole(max(world.shown * 0.03, 5), max(world.shown * 0.1, 7))
    share = world.between(0.15, 0.6)
    held, pile, old = np.zeros(world.total), 0.0, 0.0
    for at in range(world.total):
        pile += rate / share
        if at % period == period - 1:
            old, pile = old + pile * share, 0.0
        held[at] = old + pile
    return Run(held, ("rising_saw_tooth", "linear_leak", "stepwise_leak"), rate, world.shown / period)


def after_the_warm_up(world: World) -> Run:
    """Pools fill, and a handler is registered in every iteration from the start."""
    rate = kept(world) * world.unit
    pools = rate * world.shown * world.between(0.3, 2)
    at = np.arange(world.total)
    return Run(pools * at / (at + world.shown * 0.03) + rate * at, ("linear_leak",), rate)


def after_a_reload(world: World) -> Run:
    """A change of configuration on the way starts the leak."""
    rate, start = kept(world) * world.unit * 1.5, world.between(0.15, 0.5) * world.shown
    return Run(
        rate * np.maximum(np.arange(world.total) - start, 0),
        ("linear_leak", "accelerating"),
        rate,
        (world.shown - start) / 4,
    )


def threads_never_joined(world: World) -> Run:
    """A pool per batch of requests; each thread touches some pages of its stack."""
    every = world.whole(2, max(world.shown * 0.02, 3))
    size = kept(world) * world.unit * every
    starts = (np.arange(world.total) % every == 0) * world.random.uniform(0.7, 1.3, world.total) * size
    return Run(np.cumsum(starts), ("linear_leak", "stepwise_leak"), size / every, world.shown / every)


def leak_and_evaluation(world: World) -> Run:
    spikes = checkpoint_writer(world).held
    rate = kept(world) * world.unit
    return Run(spikes + rate * np.arange(world.total), ("linear_leak", "rising_saw_tooth"), rate)


def leak_in_a_moving_heap(world: World) -> Run:
    """A balloon beside a leak that outgrows it several times."""
    swing = balloon(world).held
    rate = kept(world, world.between(30, 200) / world.shown) * world.unit
    return Run(swing + rate * np.arange(world.total), ("linear_leak",), rate)


# --- what cannot be told ---------------------------------------------------------------------------------------------


def still_filling(world: World) -> Run:
    """A cache that will be full long after the end."""
    return Run(np.minimum(np.arange(world.total), 3 * world.shown) * world.unit / 4, ("linear_leak", "undetermined"))


def half_warm(world: World) -> Run:
    """A warm-up of which about half is seen."""
    decay = world.shown * world.between(0.7, 1.2)
    return Run(world.unit * 40 * (1 - np.exp(-np.arange(world.total) / decay)), ("undetermined", "linear_leak"))


BENIGN: tuple[Program, ...] = (
    inference_server, adam_trainer, curriculum, bounded_cache, generational_collector, arena_high_water,
    compiled_shapes, epochs_with_evaluation, checkpoint_writer, one_long_document, mapped_file, balloon,
    drifting_heap, loss_list, unloading,
)  # fmt: skip
LEAKS: tuple[Program, ...] = (
    outputs_in_a_list, sometimes_an_exception, one_per_epoch, graph_that_grows, survivors_of_the_collector,
    after_the_warm_up, after_a_reload, threads_never_joined, leak_and_evaluation, leak_in_a_moving_heap,
)  # fmt: skip
OPEN: tuple[Program, ...] = (still_filling, half_warm)


def _world(random: np.random.Generator, leaking: bool) -> World:
    shown = round(float(np.exp(random.uniform(np.log(30), np.log(5000)))))
    total = shown * (1 + AHEAD) if leaking else shown
    return World(random=random, shown=shown, total=total, unit=float(np.exp(random.uniform(np.log(KIB), np.log(1e9)))))


def _case(program: Program, number: int, seed: int) -> Case:
    random = np.random.default_rng([seed, number, *program.__name__.encode()])
    leaking = program in LEAKS
    world = _world(random, leaking)
    run = program(world)
    held, rate = run.held, run.rate
    small = program is loss_list
    base = world.between(100, 1000) * 1024 * KIB if small else world.unit * float(np.exp(world.between(2, 7)))
    around = read(world, held, base) if not small else held + base
    shown = around[: world.shown]
    limit, after = _limit(world, around, held + base) if leaking else (None, None)
    noise = float(np.std(around[: world.shown] - held[: world.shown] - base))
    grown = rate * world.shown
    return Case(
        name=f"{program.__name__}-{number}",
        family=program.__name__,
        shown=shown,
        is_leak=None if program in OPEN else leaking,
        classes=run.classes,
        determinable=program not in OPEN and (not leaking or _shows(run, grown, noise, base)),
        rate=rate,
        limit_bytes=limit,
        reached_after=after,
    )


def _shows(run: Run, grown: float, noise: float, base: float) -> bool:
    """Whether a leak can be told from what is shown: above the noise, seen often enough, and no list of numbers.

    The last follows the definition in docs/diagnosis.md: below 2 KiB per iteration and 2 % in all it is none.
    """
    small = grown < 64 * KIB or (run.rate < 2048 and grown < 0.02 * base)
    return grown > 6 * noise and run.events >= FEWEST_EVENTS and not small


def _limit(world: World, around: np.ndarray, bare: np.ndarray) -> tuple[int | None, int | None]:
    """A limit that the program itself passes between a tenth and three lengths after the end, and when it is read."""
    target = world.shown + int(world.between(0.1, 3.0) * world.shown)
    limit = int(bare[target])
    if (around[: world.shown] >= limit).any():
        return None, None
    reached = np.flatnonzero(around[world.shown :] >= limit)
    return limit, int(reached[0]) + 1 if len(reached) else None


def cases(each: int = 40, seed: int = SEED) -> Iterator[Case]:
    """So many runs of each program, the same ones for the same seed."""
    for program in (*BENIGN, *LEAKS, *OPEN):
        for number in range(each):
            yield _case(program, number, seed)
