"""Labelled series for tuning: thresholds of memfit.analysis.growth may be chosen on these, never on judging.py's.

    from benchmarks.judgement.tuning import cases

Every series is a curve (what the program keeps) plus noise (what the allocator and the system make of it). A leak is
called determinable when the growth shown exceeds what its own noise could do: six standard deviations of the drift.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.judgement.case import Case

MIB = 1024.0**2
SEED = 20260701
Random = np.random.Generator


def white(random: Random, size: int, scale: float) -> np.ndarray:
    return random.normal(0, scale, size)


def remembering(random: Random, size: int, scale: float) -> np.ndarray:
    memory = random.uniform(0.5, 0.95)
    noise = random.normal(0, scale * np.sqrt(1 - memory**2), size)
    for at in range(1, size):
        noise[at] += memory * noise[at - 1]
    return noise


def heavy(random: Random, size: int, scale: float) -> np.ndarray:
    return scale * random.standard_t(2.5, size) * 0.6


def pages(random: Random, size: int, scale: float) -> np.ndarray:
    return np.round(random.normal(0, scale, size) / 4096) * 4096


NOISES: tuple[Callable[[Random, int, float], np.ndarray], ...] = (white, remembering, heavy, pages)
# The standard deviation of the mean of the noise over a stretch, against that of one reading: for "determinable".
SPREAD = {white: 1.0, remembering: 5.0, heavy: 1.2, pages: 1.0}


class Draw:
    """One series to be: its length, level and noise, drawn once."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.length = int(random.choice([40, 60, 100, 150, 200, 300, 500, 800, 1200, 2000]))
        self.whole = 6 * self.length
        self.level = float(np.exp(random.uniform(np.log(150), np.log(9000)))) * MIB
        self.kind = NOISES[random.integers(len(NOISES))]
        self.scale = self.level * float(np.exp(random.uniform(np.log(2e-5), np.log(5e-3))))
        self.noise = self.kind(random, self.whole, self.scale)
        self.i = np.arange(self.whole, dtype=float)

    def part(self, low: float, high: float) -> float:
        return float(self.random.uniform(low, high))


def benign(draw: Draw, family: str, curve: np.ndarray, *classes: str) -> Case:
    shown = np.maximum(draw.level + curve + draw.noise, 0)[: draw.length]
    return Case(name="", family=family, shown=shown, is_leak=False, classes=classes)


def leaking(
    draw: Draw, family: str, curve: np.ndarray, rate: float, *classes: str, determinable: bool | None = None
) -> Case:
    """A leak: its limit lies where the true series arrives 0.1 to 3 lengths after the end."""
    full = np.maximum(draw.level + curve + draw.noise, 0)
    target = draw.length + int(draw.part(0.1, 3.0) * draw.length)
    limit = int(draw.level + curve[target])
    after = np.flatnonzero(full[draw.length :] >= limit)
    if determinable is None:
        determinable = rate * draw.length > 6 * draw.scale * SPREAD[draw.kind]
    already = bool((full[: draw.length] >= limit).any())
    return Case(
        name="", family=family, shown=full[: draw.length], is_leak=True, classes=classes, determinable=determinable,
        rate=rate, limit_bytes=None if already else limit,
        reached_after=int(after[0]) + 1 if len(after) and not already else None,
    )  # fmt: skip


def rate_of(draw: Draw, low: float = 3.0, high: float = 300.0) -> float:
    """A rate whose growth over what is shown is so many standard deviations of the noise."""
    return float(np.exp(draw.part(np.log(low), np.log(high)))) * draw.scale / draw.length + 4096.0


# --- benign ---


def constant(draw: Draw) -> Case:
    draw.noise = np.zeros(draw.whole)
    return benign(draw, "constant", np.zeros(draw.whole), "constant")


def jitter(draw: Draw) -> Case:
    return benign(draw, "jitter", np.zeros(draw.whole), "constant", "wandering", "transient_spike")


def optimizer_step(draw: Draw) -> Case:
    return benign(draw, "optimizer_step", draw.level * draw.part(0.05, 1) * (draw.i >= draw.random.integers(1, 4)),
                  "one_time_step")  # fmt: skip


def late_step(draw: Draw) -> Case:
    place = draw.part(0.2, 0.85) * draw.length
    return benign(draw, "late_step", draw.level * draw.part(0.02, 0.5) * (draw.i >= place), "one_time_step")


def several_steps(draw: Draw) -> Case:
    curve = np.zeros(draw.whole)
    for _ in range(draw.random.integers(2, 6)):
        curve += draw.level * draw.part(0.01, 0.3) * (draw.i >= draw.part(0.02, 0.8) * draw.length)
    return benign(draw, "several_steps", curve, "several_steps", "one_time_step", "saturating")


def saw_tooth(draw: Draw) -> Case:
    period = max(4, int(draw.length * draw.part(0.02, 0.15)))
    return benign(draw, "saw_tooth", draw.level * draw.part(0.02, 0.5) * ((draw.i % period) / period), "saw_tooth",
                  "periodic_spikes")  # fmt: skip


def collected(draw: Draw) -> Case:
    """Garbage collected at irregular times."""
    curve, held, height = np.zeros(draw.whole), 0.0, draw.level * draw.part(0.02, 0.4)
    chance = 1 / max(5, draw.length * draw.part(0.02, 0.08))
    for at in range(draw.whole):
        held = 0.0 if draw.random.random() < chance else held + height * chance
        curve[at] = held
    return benign(draw, "collected", curve, "saw_tooth", "periodic_spikes", "constant", "wandering")


def warm_up(draw: Draw) -> Case:
    decay = draw.length * draw.part(0.02, 0.25)
    return benign(draw, "warm_up", draw.level * draw.part(0.05, 1) * (1 - np.exp(-draw.i / decay)), "saturating")


def filling_cache(draw: Draw) -> Case:
    full = draw.length * draw.part(0.15, 0.75)
    return benign(draw, "filling_cache", draw.level * draw.part(0.05, 1) * np.minimum(draw.i / full, 1), "saturating")


def high_water(draw: Draw) -> Case:
    """The allocator keeps the most that batches of varying size ever needed."""
    curve = np.maximum.accumulate(draw.random.lognormal(0, draw.part(0.1, 0.6), draw.whole)) * draw.level * 0.1
    draw.noise *= 0.1
    return benign(draw, "high_water", curve, "several_steps", "saturating", "one_time_step", "constant")


def wandering(draw: Draw) -> Case:
    curve = np.cumsum(draw.random.normal(0, draw.scale, draw.whole))
    return benign(draw, "wandering", curve - min(curve.min() + draw.level / 2, 0), "wandering", "several_steps",
                  "constant", "shrinking")  # fmt: skip


def checkpoints(draw: Draw) -> Case:
    every, width = max(8, int(draw.length * draw.part(0.04, 0.2))), int(draw.random.integers(1, 4))
    return benign(draw, "checkpoints", draw.level * draw.part(0.05, 0.8) * (draw.i % every >= every - width),
                  "periodic_spikes")  # fmt: skip


def evaluations(draw: Draw) -> Case:
    every = max(16, int(draw.length * draw.part(0.08, 0.22)))
    return benign(draw, "evaluations", draw.level * draw.part(0.05, 0.5) * (draw.i % every >= every * 0.75),
                  "periodic_spikes")  # fmt: skip


def one_spike(draw: Draw) -> Case:
    place = int(draw.part(0.1, 0.95) * draw.length)
    spike = (draw.i >= place) & (draw.i < place + 2)
    return benign(draw, "one_spike", draw.level * draw.part(0.1, 1) * spike, "transient_spike")


def shrinking(draw: Draw) -> Case:
    return benign(draw, "shrinking", -np.minimum(rate_of(draw, 20, 100) * draw.i, draw.level * 0.9), "shrinking")


def slow_cycle(draw: Draw) -> Case:
    """Day and night, long and short documents: a swing that is seen one and a half to five times."""
    turns = draw.part(1.5, 5)
    curve = draw.level * draw.part(0.01, 0.3) * np.sin(2 * np.pi * (turns * draw.i / draw.length + draw.part(0, 1)))
    return benign(draw, "slow_cycle", curve, "wandering", "constant", "periodic_spikes", "several_steps", "shrinking",
                  "saw_tooth", "saturating")  # fmt: skip


def two_stage(draw: Draw) -> Case:
    """A second warm-up begins when the first has ended: another data set, a second model."""
    first, second = draw.length * draw.part(0.02, 0.1), draw.length * draw.part(0.02, 0.1)
    later = np.maximum(draw.i - draw.length * draw.part(0.3, 0.5), 0)
    curve = 1 - np.exp(-draw.i / first) + draw.part(0.2, 1) * (1 - np.exp(-later / second))
    return benign(draw, "two_stage", draw.level * 0.3 * curve, "saturating", "several_steps", "one_time_step")


def two_levels(draw: Draw) -> Case:
    """Batches of two sizes in random order."""
    return benign(draw, "two_levels", draw.level * draw.part(0.01, 0.3) * (draw.random.random(draw.whole) < 0.4),
                  "constant", "periodic_spikes", "wandering", "transient_spike", "saw_tooth")  # fmt: skip


def slow_warm_up(draw: Draw) -> Case:
    """A warm-up with a long tail: nine tenths of it within a fifth of what is shown."""
    power = draw.part(1.5, 3)
    curve = 1 - (1 + draw.i / (draw.length * 0.2) * (10 ** (1 / power) - 1)) ** -power
    return benign(draw, "slow_warm_up", draw.level * draw.part(0.05, 0.8) * curve, "saturating")


def up_and_down(draw: Draw) -> Case:
    """A longer stretch with more memory, given back afterwards."""
    start = draw.part(0.1, 0.5) * draw.length
    inside = (draw.i >= start) & (draw.i < start + draw.part(0.1, 0.35) * draw.length)
    return benign(draw, "up_and_down", draw.level * draw.part(0.02, 0.5) * inside, "several_steps", "transient_spike",
                  "one_time_step")  # fmt: skip


# --- leaks ---


def linear(draw: Draw) -> Case:
    rate = rate_of(draw)
    return leaking(draw, "linear", rate * draw.i, rate, "linear_leak")


def step_and_line(draw: Draw) -> Case:
    rate = rate_of(draw, 6)
    curve = rate * draw.i + draw.level * draw.part(0.05, 1) * (draw.i >= draw.random.integers(1, 5))
    return leaking(draw, "step_and_line", curve, rate, "linear_leak")


def warm_up_and_line(draw: Draw) -> Case:
    rate = rate_of(draw, 10)
    decay = draw.length * draw.part(0.01, 0.1)
    curve = rate * draw.i + rate * draw.length * draw.part(0.2, 2) * (1 - np.exp(-draw.i / decay))
    return leaking(draw, "warm_up_and_line", curve, rate, "linear_leak")


def late_onset(draw: Draw) -> Case:
    rate, start = rate_of(draw, 20), draw.part(0.15, 0.6) * draw.length
    part = draw.length - start
    sure = part >= 25 and rate * part > 8 * draw.scale * SPREAD[draw.kind]
    return leaking(draw, "late_onset", rate * np.maximum(draw.i - start, 0), rate, "linear_leak", determinable=sure)


def rising_teeth(draw: Draw) -> Case:
    rate, period = rate_of(draw, 10), max(5, int(draw.length * draw.part(0.02, 0.1)))
    curve = rate * draw.i + rate * draw.length * draw.part(0.2, 3) * ((draw.i % period) / period)
    return leaking(draw, "rising_teeth", curve, rate, "rising_saw_tooth", "linear_leak")


def stairs(draw: Draw) -> Case:
    period = int(draw.length * draw.part(0.04, 0.18))
    height = draw.scale * draw.part(8, 100)
    curve = height * (draw.i // period)
    return leaking(draw, "stairs", curve, height / period, "stepwise_leak", "linear_leak")


def irregular_stairs(draw: Draw) -> Case:
    chance, height = 1 / (draw.length * draw.part(0.02, 0.08)), draw.scale * draw.part(8, 100)
    curve = height * np.cumsum(draw.random.random(draw.whole) < chance)
    return leaking(draw, "irregular_stairs", curve, height * chance, "stepwise_leak", "linear_leak")


def accelerating(draw: Draw) -> Case:
    grown = rate_of(draw, 30) * draw.length
    curve = grown * (draw.i / draw.length) ** 2
    return leaking(draw, "accelerating", curve, 2 * grown / draw.length, "accelerating", "linear_leak")


def line_and_spikes(draw: Draw) -> Case:
    rate, every = rate_of(draw, 10), max(8, int(draw.length * draw.part(0.05, 0.2)))
    curve = rate * draw.i + draw.level * draw.part(0.05, 0.5) * (draw.i % every == every - 1)
    return leaking(draw, "line_and_spikes", curve, rate, "linear_leak", "rising_saw_tooth")


def line_and_walk(draw: Draw) -> Case:
    walk = np.cumsum(draw.random.normal(0, draw.scale, draw.whole))
    rate = draw.scale / np.sqrt(draw.length) * draw.part(3, 30)
    sure = rate * draw.length > 6 * draw.scale * np.sqrt(draw.length)
    draw.noise *= 0.1
    return leaking(draw, "line_and_walk", rate * draw.i + walk, rate, "linear_leak", determinable=sure)


def granules(draw: Draw) -> Case:
    """A small leak that the allocator takes from the system in large pieces."""
    rate = rate_of(draw, 20)
    granule = rate * draw.length * draw.part(0.005, 0.05)
    return leaking(draw, "granules", np.floor(rate * draw.i / granule) * granule, rate, "linear_leak", "stepwise_leak")


def pausing(draw: Draw) -> Case:
    """It leaks in training and rests in evaluation."""
    every = max(8, int(draw.length * draw.part(0.04, 0.15)))
    busy = draw.i % every < every * 0.7
    step = rate_of(draw, 10)
    return leaking(draw, "pausing", np.cumsum(step * busy), step * 0.7, "linear_leak", "stepwise_leak")


def after_release(draw: Draw) -> Case:
    """Raw data are freed once they are converted, then it leaks."""
    rate, place = rate_of(draw, 20), draw.part(0.02, 0.15) * draw.length
    curve = draw.level * draw.part(0.1, 0.5) * (draw.i < place) + rate * draw.i
    return leaking(draw, "after_release", curve, rate, "linear_leak")


def line_and_evaluations(draw: Draw) -> Case:
    rate, every = rate_of(draw, 20), max(16, int(draw.length * draw.part(0.06, 0.15)))
    curve = rate * draw.i + rate * draw.length * draw.part(0.1, 2) * (draw.i % every >= every * 0.75)
    return leaking(draw, "line_and_evaluations", curve, rate, "linear_leak", "rising_saw_tooth")


def growing_spikes(draw: Draw) -> Case:
    """Every evaluation takes more than the one before; between them nothing shows."""
    every = max(6, int(draw.length * draw.part(0.03, 0.1)))
    rate = rate_of(draw, 30, 300)
    curve = (draw.level * 0.2 + rate * draw.i) * (draw.i % every == every - 1)
    return leaking(draw, "growing_spikes", curve, rate, "linear_leak")


def faint(draw: Draw) -> Case:
    """A leak within the noise: total growth of one to four standard deviations, over many iterations."""
    if draw.scale < 8192.0 * draw.length:
        draw.noise, draw.scale = draw.noise * (8192.0 * draw.length / draw.scale), 8192.0 * draw.length
    rate = draw.scale / draw.length * draw.part(1, 4)
    spread = draw.scale * SPREAD[draw.kind] * np.sqrt(12 / draw.length)
    return leaking(draw, "faint", rate * draw.i, rate, "linear_leak", determinable=rate * draw.length > 14 * spread)


BENIGN = (
    constant, jitter, optimizer_step, late_step, several_steps, saw_tooth, collected, warm_up, filling_cache,
    high_water, wandering, checkpoints, evaluations, one_spike, shrinking, slow_cycle, two_stage, two_levels,
    slow_warm_up, up_and_down,
)  # fmt: skip
LEAKS = (
    linear, step_and_line, warm_up_and_line, late_onset, rising_teeth, stairs, irregular_stairs, accelerating,
    line_and_spikes, line_and_walk, granules, pausing, after_release,
    line_and_evaluations, growing_spikes, faint,
)  # fmt: skip


def cases(each: int = 40, seed: int = SEED) -> Iterator[Case]:
    """So many series of each family, the same ones for the same seed."""
    for family in (*BENIGN, *LEAKS):
        for number in range(each):
            random = np.random.default_rng([seed, number, *family.__name__.encode()])
            case = family(Draw(random))
            yield Case(**{**{name: getattr(case, name) for name in Case.__slots__}, "name": f"{case.family}-{number}"})
