"""Budgets: an estimate by its high end, a recording by its peak; what cannot be told has not passed."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from tests.unit.analysis.jobs import iterations, predicted, predicted_pool, recorded, series

from memfit.analysis.checking import ANY, check
from memfit.analysis.recorded import diagnose_recording
from memfit.documents import Check, Ending, Recording, Role
from memfit.errors import UsageError
from memfit.quantities import KIB, MIB


def of_recording(recording: Recording, budget_mib: int = 4096, growth_bytes: int | None = None) -> Check:
    """As memfit.check does it: with the diagnosis, where there are samples to diagnose."""
    diagnosis = None
    with contextlib.suppress(UsageError):
        diagnosis = diagnose_recording(recording)
    return check(recording, {ANY: budget_mib * MIB}, growth_bytes=growth_bytes, diagnosis=diagnosis)


@pytest.mark.parametrize(("budget_mib", "passed"), [(1100, True), (1099, False)])
def test_an_estimate_is_judged_by_its_high_end(budget_mib: int, passed: bool) -> None:
    """900 to 1100 MiB: the budget must hold the high end."""
    assert check(predicted(), {"host": budget_mib * MIB}).passed is passed


def test_a_budget_without_a_pool_is_of_the_devices() -> None:
    """With a device the host is not meant; without one it is."""
    card, host = predicted_pool("cuda:0", parameters=500), predicted_pool("host", framework=900)

    with_card = check(predicted(card, host), {ANY: 700 * MIB})
    without = check(predicted(host), {ANY: 700 * MIB})

    assert [(one.pool, one.within) for one in with_card.budgets] == [("cuda:0", True)]
    assert [(one.pool, one.within) for one in without.budgets] == [("host", False)]


def test_a_budget_of_a_kind_is_of_all_its_devices() -> None:
    """What one card may take, each may."""
    cards = predicted_pool("cuda:0", parameters=500), predicted_pool("cuda:1", parameters=900)

    found = check(predicted(*cards, predicted_pool("host", framework=900)), {"cuda": 700 * MIB})

    assert [(one.pool, one.within) for one in found.budgets] == [("cuda:0", True), ("cuda:1", False)]


def test_a_budget_can_be_of_a_device_that_is_not_the_fullest_ranks() -> None:
    """An estimate for several ranks holds the fullest one's pools: others are told by their roles."""
    host = predicted_pool("host", framework=9)
    first, fullest = predicted_pool("cuda:0", parameters=500), predicted_pool("cuda:1", parameters=900)
    roles = tuple(
        Role(ranks=str(rank), count=1, rank=rank, pools=(pool, host)) for rank, pool in enumerate((first, fullest))
    )
    job = replace(predicted(fullest, host), roles=roles, target={"nodes": 1, "ranks_per_node": 2})

    found = check(job, {"cuda:0": 700 * MIB})

    assert [(one.pool, one.within) for one in found.budgets] == [("cuda:0", True)]


def test_a_pool_that_the_job_does_not_have_is_named() -> None:
    """A slip in the pool's name must not pass."""
    with pytest.raises(UsageError) as caught:
        check(predicted(), {"cuda:0": MIB})

    assert caught.value.slug == "no-such-pool" and "host" in caught.value.hint


@pytest.mark.parametrize(
    ("peak_mib", "how", "within"),
    [
        (900, "exited", True),
        (1100, "exited", False),
        (900, "oom_killed", None),
        (900, "lost", None),
        (1100, "oom_killed", False),
    ],
)
def test_a_recording_cut_short_below_its_budget_proves_nothing(peak_mib: int, how: str, within: bool | None) -> None:
    """Above its budget it has failed all the same."""
    recording = recorded(series("host", "held", [peak_mib]), ending=Ending(how=how, at_s=1.0))

    found = of_recording(recording, 1000)

    assert found.budgets[0].within is within
    assert found.over is (within is not True)


def test_a_recording_without_samples_does_not_pass() -> None:
    """Nothing read is nothing proved."""
    assert of_recording(recorded(series("host", "held", []), rows=[])).over


def leaking(step_kib: int) -> Recording:
    levels = iterations(120, host__rss=[0] * 120)
    column = levels.columns["host/rss"]
    for at in range(120):
        column[at] = 500 * MIB + at * step_kib * KIB
    return recorded(rows=[levels])


def test_a_leak_is_found_without_being_asked_for() -> None:
    """A recording that grows on and on fails, whatever its peak."""
    found = of_recording(leaking(512))

    assert found.leaks and not found.over and not found.passed


def test_growth_within_its_budget_is_allowed_for() -> None:
    """A leak of half a MiB per step passes a budget of one, and fails one of a quarter."""
    assert of_recording(leaking(512), growth_bytes=MIB).passed
    assert of_recording(leaking(512), growth_bytes=256 * KIB).leaks


def test_a_level_job_passes() -> None:
    """No growth, within its budget."""
    assert of_recording(recorded(rows=[iterations(120, host__rss=500)]), growth_bytes=KIB).passed


def test_growth_of_an_estimate_is_of_its_last_steps() -> None:
    """What the last simulated step leaves is held against the budget; a leak is not claimed from three steps."""
    pool = predicted_pool(framework=300, activations=500)  # 1, 2, 2 MiB at the steps' ends

    found = check(predicted(pool), {}, growth_bytes=KIB)

    assert found.growth[0].within is True
    assert found.growth[0].is_leak is None
