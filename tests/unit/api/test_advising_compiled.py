"""Advice for jobs that are run small: other batches follow from one estimate, settings of malloc take one more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import memfit
from memfit.advice.rules import host_allocator
from memfit.api import advising_compiled
from memfit.api.advising_compiled import scaled
from memfit.documents import Assumption, Component, Estimate, Machine, PoolEstimate
from memfit.jobs.launch import Seen
from memfit.quantities import MIB, Basis, ByteRange, Category

SCRIPT = "import jax\nBATCH_SIZE = 64\nstep = jax.jit(lambda w, x: w)\n"


def part(category: Category, expected: int, around: int = 0) -> Component:
    return Component(
        category=category, range=ByteRange.around(expected * MIB, around * MIB), basis=Basis.MEASURED
    )  # fmt: skip


def estimated(rest: int = 100) -> Estimate:
    """A job of 64 samples that take 10 MiB each, beside 200 MiB of imports."""
    parts = (
        part(Category.FRAMEWORK, 200, 32), part(Category.OTHER, rest, 120), part(Category.ACTIVATIONS, 640),
    )  # fmt: skip
    pool = PoolEstimate(
        pool="host", capacity_bytes=4096 * MIB, peak_bytes=ByteRange.total(each.range for each in parts),
        components=parts,
    )  # fmt: skip
    return Estimate(
        target={"name": "train.py"}, machine=Machine(name="cpu"), pools=(pool,), cost={"batch": 64},
        assumptions=(Assumption(slug="ran-small", text="…"),),
    )  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, str]]:
    """The environments of the estimates that were made; with malloc's threshold the rest takes nothing."""
    calls: list[Mapping[str, str]] = []

    def look_at(request: Any, *, environment: Mapping[str, str] | None = None, **options: Any) -> Seen:
        calls.append(environment or {})
        return Seen(estimate=estimated(0 if environment else 100), facts={}, replays={})

    monkeypatch.setattr(advising_compiled, "look_at", look_at)
    return calls


@pytest.mark.parametrize("times", [0.25, 0.5, 1.0, 2.0])
def test_what_grows_with_the_batch_is_multiplied(times: float) -> None:
    """Imports stay, the spread goes with what is above them; at the batch as it is the estimate is unchanged."""
    before = estimated().pools[-1].peak_bytes

    after = scaled(estimated().pools[-1], times)

    assert after.expected == (300 + round(640 * times)) * MIB
    assert after.low < after.expected < after.high
    if times == 1.0:
        assert (after.expected, after.high) == (before.expected, before.high)


def test_smaller_batches_take_no_run_of_their_own(tmp_path: Path, asked: list[Mapping[str, str]]) -> None:
    """Two estimates: the job as it is, and with malloc's threshold. The largest batch is exact by the law."""
    script = tmp_path / "train.py"
    script.write_text(SCRIPT, encoding="utf-8")
    budget = 800 * MIB

    advice = memfit.advise(script, on="cpu", within_bytes=budget, without=["data-chunks"])

    assert asked == [{}, host_allocator.THRESHOLD]
    best, largest = advice.best, advice.largest_batch
    assert best is not None and best.changes[0].slug in ("smaller-batch", "malloc-threshold")
    assert best.peak_bytes.high <= budget and advice.cost["estimates"] == 2
    assert largest is not None and scaled(estimated().pools[-1], largest.batch / 64).high <= budget
    assert scaled(estimated().pools[-1], (largest.batch + 1) / 64).high > budget
    assert {"donated-arguments", "remat", "mixed-precision-policy"} <= {hint.slug for hint in advice.hints}


def test_without_a_law_nothing_is_claimed_of_the_batch(
    tmp_path: Path, asked: list[Mapping[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job whose batch was not found to be cut."""
    script = tmp_path / "train.py"
    script.write_text(SCRIPT, encoding="utf-8")
    alone = replace(estimated(), cost={}, assumptions=())
    monkeypatch.setattr(
        advising_compiled, "look_at", lambda request, **options: Seen(estimate=alone, facts={}, replays={})
    )

    advice = memfit.advise(script, on="cpu", within_bytes=100 * MIB)

    assert advice.largest_batch is None and advice.best is None
