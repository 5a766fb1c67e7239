"""Each class of growth is told from its neighbours, with its rate, its date and its sentence."""

from __future__ import annotations

import numpy as np
import pytest

import memfit
from memfit.analysis import diagnose_series
from memfit.documents import Diagnosis, Growth
from memfit.quantities import GIB, KIB, MIB

LENGTH = 300
STEP = np.arange(LENGTH, dtype=float)


def noise(scale: float = MIB, seed: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, scale, LENGTH)


BENIGN = {
    Growth.CONSTANT: noise(),
    Growth.ONE_TIME_STEP: 300 * MIB * (STEP >= 3) + noise(),
    Growth.SEVERAL_STEPS: 50 * MIB * ((STEP > 40).astype(float) + (STEP > 110) + (STEP > 130)) + noise(),
    Growth.SATURATING: 400 * MIB * (1 - np.exp(-STEP / 35)) + noise(),
    Growth.SAW_TOOTH: 5 * MIB * (STEP % 23) + noise(),
    Growth.PERIODIC_SPIKES: 500 * MIB * (STEP % 50 == 49) + noise(),
    Growth.TRANSIENT_SPIKE: 500 * MIB * (STEP == 120) + noise(),
    Growth.WANDERING: np.cumsum(noise(4 * MIB, seed=3)),
    Growth.SHRINKING: -1.5 * MIB * STEP + noise(),
    Growth.LOG_ACCUMULATION: 400.0 * STEP,
}
LEAKING = {
    Growth.LINEAR_LEAK: (MIB * STEP + noise(), MIB),
    Growth.STEPWISE_LEAK: (30 * MIB * (STEP // 20) + noise(), 1.5 * MIB),
    Growth.RISING_SAW_TOOTH: (5 * MIB * (STEP % 15) + MIB * STEP + noise(), MIB),
    Growth.ACCELERATING: (0.01 * MIB * STEP**2 + noise(), 0.02 * LENGTH * MIB),
}


def diagnosed(curve: np.ndarray, **more: object) -> Diagnosis:
    return diagnose_series(2 * GIB + curve, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("growth", BENIGN, ids=str)
def test_benign_series_is_named_and_no_leak(growth: Growth) -> None:
    """What is set up, fills, comes and goes is called by its name."""
    found = diagnosed(BENIGN[growth])

    assert (found.growth, found.is_leak) == (growth, False)
    assert found.evidence


@pytest.mark.parametrize("growth", LEAKING, ids=str)
def test_leak_is_named_with_its_rate(growth: Growth) -> None:
    """A leak is found, and its rate at the end lies within a tenth of the truth."""
    curve, rate = LEAKING[growth]

    found = diagnosed(curve)

    assert (found.growth, found.is_leak) == (growth, True)
    assert found.bytes_per_iteration is not None
    assert float(found.bytes_per_iteration) == pytest.approx(rate, rel=0.1)
    assert found.culprit
    assert found.advice


def test_leak_has_a_date_in_seconds() -> None:
    """With times and a limit, the date comes in seconds, and its interval holds the truth."""
    curve, rate = LEAKING[Growth.LINEAR_LEAK]
    left = (3 * GIB - 2 * GIB - rate * LENGTH) / rate * 0.5

    found = diagnosed(curve, seconds=0.5 * STEP, limit_bytes=3 * GIB).limit_reached

    assert found is not None
    assert found.unit == "seconds"
    assert found.after.low <= left <= (found.after.high or 0)


def test_the_limit_that_binds_is_named() -> None:
    """Of several limits the first to be reached is told."""
    found = diagnosed(LEAKING[Growth.LINEAR_LEAK][0], limit_bytes={"host": 16 * GIB, "container": 4 * GIB})

    assert found.limit_reached is not None
    assert (found.limit_reached.limit, found.limit_reached.unit) == ("container", "iterations")


@pytest.mark.parametrize("growth", [Growth.CONSTANT, Growth.SATURATING, Growth.SAW_TOOTH, Growth.WANDERING], ids=str)
def test_a_shape_that_ends_has_no_date(growth: Growth) -> None:
    """What does not go on rising reaches no limit."""
    assert diagnosed(BENIGN[growth], limit_bytes=64 * GIB).limit_reached is None


def test_a_limit_that_was_reached_says_so() -> None:
    """A series that touched its limit already gets a date of now."""
    found = diagnosed(BENIGN[Growth.PERIODIC_SPIKES], limit_bytes=int(2.3 * GIB)).limit_reached

    assert found is not None
    assert found.after.expected == 0


@pytest.mark.parametrize("length", [0, 1, 2, 5, 12])
def test_too_short_to_tell(length: int) -> None:
    """A handful of readings is undetermined, and says how many more would tell."""
    found = diagnose_series([GIB + at * MIB for at in range(length)])

    assert (found.growth, found.is_leak) == (Growth.UNDETERMINED, None)
    assert (found.needs_iterations or 0) > 0


def test_warm_up_that_has_not_settled_is_undetermined() -> None:
    """A curve that bends but has not come to its end is neither a leak nor none."""
    found = diagnosed(800 * MIB * (1 - np.exp(-STEP / 250)) + noise())

    assert found.is_leak is None
    assert found.needs_iterations


def test_swapping_does_not_hide_a_leak() -> None:
    """Resident memory stays level while swap takes what is lost: told, and first."""
    found = diagnosed(noise(), swap_bytes=MIB * STEP)

    assert (found.growth, found.is_leak) == (Growth.SWAP_MASKED, True)
    assert [item.growth for item in found.series] == [Growth.SWAP_MASKED, Growth.CONSTANT]


def test_copy_on_write_is_no_leak_and_ends() -> None:
    """Workers' proportional size rises towards their summed resident size, which stays."""
    summed = np.full(LENGTH, 2.0 * GIB + 600 * MIB)

    near = diagnosed(MIB * STEP + noise(), summed_rss_bytes=summed, limit_bytes=int(2.5 * GIB))
    far = diagnosed(MIB * STEP + noise(), summed_rss_bytes=summed, limit_bytes=8 * GIB)

    assert (near.growth, near.is_leak) == (Growth.COPY_ON_WRITE, False)
    assert near.limit_reached is not None
    assert far.limit_reached is None


def test_allocator_retention_is_no_leak() -> None:
    """What is held rises while what is live does not."""
    found = diagnosed(MIB * STEP + noise(), live_bytes=GIB + noise())

    assert (found.growth, found.is_leak) == (Growth.ALLOCATOR_RETENTION, False)


def test_growth_that_shows_only_in_the_peaks() -> None:
    """The level between collections stays, the peaks rise: a leak all the same."""
    found = diagnosed(noise(), peak_bytes=2 * GIB + 100 * MIB + MIB * STEP + noise())

    assert found.is_leak is True
    assert found.series[0].name == "host peaks"


def test_small_growth_is_a_list_of_numbers() -> None:
    """A few hundred bytes per iteration have a rate, a date, and no alarm."""
    found = diagnosed(BENIGN[Growth.LOG_ACCUMULATION], limit_bytes=2 * GIB + MIB)

    assert float(found.bytes_per_iteration or 0) == pytest.approx(400, rel=0.05)
    assert found.limit_reached is not None


def test_a_million_readings_take_a_moment() -> None:
    """A week of readings is judged in less than two seconds, and a single spike among them is not lost."""
    import time

    readings = 2.0 * GIB + np.random.default_rng(0).normal(0, MIB, 1_000_000) + 200 * np.arange(1_000_000)
    readings[500_000] = 8 * GIB
    start = time.perf_counter()

    found = diagnose_series(readings)

    assert time.perf_counter() - start < 2.0
    assert found.is_leak is True
    assert found.series[0].peak_bytes == 8 * GIB


def test_the_front_door_answers_for_lists() -> None:
    """`memfit.diagnose` of a plain list is enough."""
    assert memfit.diagnose([GIB + at * 64 * KIB for at in range(100)]).is_leak is True


def test_a_step_down_is_not_blamed_on_what_is_set_up() -> None:
    """Memory that is given back once is no optimizer state."""
    found = diagnosed(-300.0 * MIB * (STEP >= 100) + noise())

    assert found.is_leak is False
    assert found.culprit is None


def test_many_steps_are_counted_not_listed() -> None:
    """A sentence names six levels at most."""
    heights = np.repeat(np.random.default_rng(1).integers(0, 8, 30), 10) * 20.0 * MIB

    found = diagnosed(heights)

    assert len(found.evidence) < 250
