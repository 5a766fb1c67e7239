"""The largest batch: exact, with its neighbour shown not to fit, in few estimates."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.advice.test_rules import JOB
from tests.unit.advice.worlds import World

from memfit.advice import Outcome, Setting, largest_batch
from memfit.documents import Knob
from memfit.quantities import MIB

FACTS = replace(JOB, batch=Knob(name="--batch_size", kind="argument", value=16))


def brute_force(world: World, budget: int) -> int:
    return max((b for b in range(1, 400) if world.outcome(Setting(batch=b)).peak_bytes.high <= budget), default=0)


@pytest.mark.parametrize("budget_mib", [900, 1200, 1500, 2000, 3777, 9000])
def test_it_is_the_one_that_trying_all_finds(budget_mib: int) -> None:
    """The same batch, and one more does not fit."""
    world, asked = World(), []

    def outcome(size: int) -> Outcome:
        asked.append(size)
        return world.outcome(Setting(batch=size))

    found = largest_batch(FACTS, outcome, budget_mib * MIB)

    assert found is not None and found.batch == brute_force(World(), budget_mib * MIB)
    assert found.next_peak_bytes is None or found.next_peak_bytes.high > budget_mib * MIB
    assert len(asked) <= 8
    assert found.batch * found.accumulation >= 16 or found.batch == 0


def test_none_fits() -> None:
    """A budget below one sample: zero, and no number of micro-steps."""
    found = largest_batch(FACTS, lambda size: World().outcome(Setting(batch=size)), 300 * MIB)

    assert found is not None and (found.batch, found.peak_bytes) == (0, None)


def test_a_number_that_does_not_move_the_peak_is_no_batch() -> None:
    """Nothing is claimed."""
    assert largest_batch(FACTS, lambda size: World().outcome(Setting()), 900 * MIB) is None
