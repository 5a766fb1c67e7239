"""The search: the cheapest set that fits, against all sets there are; wishes; floors; how few estimates it takes."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
from tests.unit.advice.worlds import World, proposal, usual

from memfit.advice import Found, Setting, Wishes, search
from memfit.advice.searching import RESULTS_PRICE
from memfit.errors import UsageError
from memfit.quantities import MIB, ByteRange


def searched(budget_mib: int | None, world: World | None = None) -> Found:
    world = world or World()
    budget = None if budget_mib is None else budget_mib * MIB
    return search(world.outcome(Setting()), usual(), world.outcomes, budget)


def cheapest_of_all(budget_mib: int) -> float | None:
    """What the cheapest of all sets costs, with every one of them estimated."""
    world, known = World(), usual()
    costs = []
    for size in range(len(known) + 1):
        for chosen in combinations(known, size):
            if any(one.excludes(other) for one, other in combinations(chosen, 2)):
                continue
            setting = Setting()
            for each in chosen:
                setting = setting.and_then(each.setting)
            if world.outcome(setting).peak_bytes.high <= budget_mib * MIB:
                costs.append(sum(cost(each.time_factor, each.results) for each in chosen))
    return min(costs, default=None)


def cost(time_factor: float, results: str) -> float:
    return max(time_factor - 1, 0) + RESULTS_PRICE[results] + 0.01


@pytest.mark.parametrize("budget_mib", [1200, 1100, 1000, 950, 900, 860, 800, 700, 600, 500, 420, 400, 300])
def test_no_set_is_cheaper_than_the_chosen_one(budget_mib: int) -> None:
    """For every budget the first plan costs what the cheapest of all sets does, and none is found where none fits."""
    world = World()

    found = searched(budget_mib, world)

    least = cheapest_of_all(budget_mib)
    best = found.plans[0] if found.plans and found.plans[0].fits else None
    chosen = None if best is None else sum(cost(each.time_factor, each.results) for each in best.changes)
    assert chosen == (None if least is None else pytest.approx(least, abs=2e-3))
    assert len(world.asked) <= 24


def test_changes_that_show_only_together_are_found() -> None:
    """An evaluation and a backward pass of nearly the same height: neither change alone moves the peak by much."""
    found = searched(850)

    assert found.plans[0].fits
    assert {change.slug for change in found.plans[0].changes} >= {"small-evaluation"}


def test_a_job_that_fits_needs_nothing() -> None:
    """The first plan is the job as it is."""
    found = searched(2000)

    assert found.plans[0].changes == () and found.plans[0].fits


def test_an_impossible_budget_shows_the_floor() -> None:
    """Nothing fits: the lowest peak of all sets is told."""
    found = searched(100)

    assert not any(plan.fits for plan in found.plans)
    lowest = World().outcome(
        Setting(changes={"half": True, "recompute": True, "no_state": True, "small_evaluation": True}, batch=1)
    )
    assert found.floor.peak_bytes.high == lowest.peak_bytes.high


def test_without_a_budget_the_frontier_is_told() -> None:
    """Plans that need less and less memory at more and more cost."""
    plans = searched(None).plans

    assert len(plans) >= 3
    assert [plan.peak_bytes.high for plan in plans] == sorted(plan.peak_bytes.high for plan in plans)
    assert all(plan.fits is None for plan in plans)


def test_what_a_change_saves_is_its_own_estimate() -> None:
    """A plan tells of each change what it saves when it is made alone."""
    change = next(c for plan in searched(None).plans for c in plan.changes if c.slug == "half")

    assert change.saves_bytes == 180 * MIB  # from 1,080: the evaluation holds 900


@pytest.mark.parametrize(
    "wishes",
    [Wishes(only=frozenset({"half"}), without=frozenset({"half"})), Wishes(only=frozenset({"half"}), results="same")],
)
def test_wishes_that_contradict_each_other_are_refused(wishes: Wishes) -> None:
    """What is wanted and ruled out at once, and what leaves nothing, is told."""
    with pytest.raises(UsageError, match=r"half|nothing that applies"):
        wishes.check(usual())


def test_a_change_that_cannot_be_simulated_is_left_out() -> None:
    """None from an estimate is no saving."""
    world = World()

    found = search(
        world.outcome(Setting()), [proposal("broken", Setting(changes={"x": 1}))], lambda asked: [None], 500 * MIB
    )

    assert found.plans == ()


def test_savings_are_counted_from_a_measured_peak() -> None:
    """The job came to 100 MiB less than expected: a change saves so much less, but for what is smaller than that."""
    world = World()
    base = world.outcome(Setting())
    expected = base.peak_bytes.expected
    peak = ByteRange.around(expected - 100 * MIB, 10 * MIB)
    found = search(replace(base, peak_bytes=peak, estimated_bytes=expected), usual(), world.outcomes, 1200 * MIB)
    plain = search(base, usual(), world.outcomes, 1200 * MIB)

    def saved(of: Found) -> dict[str, int]:
        return {change.title: change.saves_bytes for plan in of.plans for change in plan.changes}

    told, before = saved(found), saved(plain)
    for title in told.keys() & before.keys():
        assert told[title] == before[title] - (100 * MIB if before[title] > 100 * MIB else 0)
    assert told.keys() & before.keys()
