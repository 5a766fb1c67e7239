"""The largest batch by runs for real: never above the truth by more than runs differ, near it, in few runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.unit.advice.test_rules import JOB
from tests.unit.advice.worlds import World

from memfit.advice import SPREAD, Outcome, Runs, Setting, largest_batch
from memfit.documents import Knob, LargestBatch
from memfit.quantities import MIB

FACTS = replace(JOB, batch=Knob(name="--batch_size", kind="argument", value=16))


def outcome(size: int) -> Outcome:
    return World().outcome(Setting(batch=size))


def found(
    budget_mib: int, truth: Callable[[int], int | None], spread: float = SPREAD
) -> tuple[LargestBatch, list[int]]:
    """What is found when a run of a batch comes to ``truth`` MiB, and the batches that were run."""
    asked: list[int] = []

    def measure(size: int) -> int | None:
        asked.append(size)
        peak = truth(size)
        return None if peak is None else peak * MIB

    now = truth(16)
    assert now is not None
    told = largest_batch(
        FACTS, outcome, budget_mib * MIB, Runs(measure=measure, measured={16: now * MIB}, spread=spread)
    )
    assert told is not None
    return told, asked


TRUTHS: dict[str, Callable[[int], int]] = {
    "as estimated": lambda size: 700 + 30 * size,
    "less each": lambda size: 690 + 22 * size,
    "more each": lambda size: 700 + 41 * size,
    "less in all": lambda size: 520 + 30 * size,
    "one run is not like another": lambda size: 700 + 30 * size + (19 if size % 2 else -19),
    "bent": lambda size: 700 + 30 * size - (300 if size > 40 else 0),
}


@pytest.mark.parametrize("budget_mib", [1150, 1500, 2400, 6000])
@pytest.mark.parametrize("name", TRUTHS)
def test_runs_judge_in_the_place_of_the_high_end(name: str, budget_mib: int) -> None:
    """At most three runs; within the budget; what is missing to the largest is what runs differ by, and little more."""
    truth = TRUTHS[name]

    best, asked = found(budget_mib, truth)

    largest = max(size for size in range(1, 1000) if truth(size) <= budget_mib)
    slope = (truth(200) - truth(100)) / 100
    assert truth(best.batch) <= budget_mib and len(asked) <= 3
    assert best.batch >= largest - (SPREAD * budget_mib + 40) / slope - 0.05 * largest - 1
    assert best.peak_bytes is not None and best.peak_bytes.high <= budget_mib * MIB
    assert {int(size) for size in best.runs_bytes} == {16, *asked}


def test_runs_that_lie_close_lead_up_carefully() -> None:
    """Two that come to the same by chance are no reason to try a million: beyond them the estimate's rise is halved."""
    best, asked = found(1150, lambda size: 1000 + max(0, 25 * (size - 32)))

    assert best.batch > 20 and 1000 + max(0, 25 * (best.batch - 32)) <= 1150
    assert max(asked) < 40 and best.batch in (16, *asked)


def test_an_exact_job_is_found_to_the_spread() -> None:
    """Where two runs differ by nothing to speak of, 98 % of the largest, though each sample takes a quarter less."""
    best, _ = found(2400, TRUTHS["less each"], spread=0.005)

    assert 0.98 * 77 <= best.batch <= 77


def test_what_is_ended_is_gone_below() -> None:
    """A run that gives no reading is too large; the answer is one that was run, or next to one."""
    best, asked = found(6000, lambda size: 700 + 30 * size if size < 90 else None)

    assert asked[0] >= 90 and 16 <= best.batch < 90 and str(asked[-1]) in best.runs_bytes


def late(size: int) -> int | None:
    raise TimeoutError("it took longer than 300 s")


@pytest.mark.parametrize("runs", [Runs(measure=lambda size: None), Runs(measure=late, measured={16: 1200 * MIB})])
def test_without_a_reading_the_estimate_judges(runs: Runs) -> None:
    """As without runs; nothing is concluded from one that took too long."""

    with_runs, without = (largest_batch(FACTS, outcome, 2000 * MIB, each) for each in (runs, None))
    assert with_runs is not None and without is not None
    assert (with_runs.batch, with_runs.peak_bytes, with_runs.runs_bytes) == (without.batch, without.peak_bytes, {})
