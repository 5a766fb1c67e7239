"""Predicted against measured: like against like, where in the range, and why it differs."""

from __future__ import annotations

import dataclasses
from array import array

import pytest
from tests.unit.analysis.jobs import (
    TRAINER,
    WORKER,
    first_phase,
    held,
    iterations,
    predicted,
    predicted_pool,
    process,
    recorded,
    series,
)

from memfit.analysis.comparison import compare
from memfit.documents import Comparison, Ending, Holding, Limit, PeakLocation, PhaseTotal, PoolComparison, Row, codec
from memfit.quantities import MIB, ByteRange, Phase, Standing


def pool(comparison: Comparison, name: str = "host") -> PoolComparison:
    return next(pool for pool in comparison.pools if pool.pool == name)


def row(rows: tuple[Row, ...], name: str) -> Row:
    return next(row for row in rows if row.name == name)


def exactly(size_mib: int) -> ByteRange:
    return ByteRange.exactly(size_mib * MIB)


def slugs(comparison: Comparison) -> set[str]:
    return {reason.slug for reason in comparison.reasons}


@pytest.mark.parametrize(
    ("measured_mib", "standing", "error"),
    [
        (1000, Standing.INSIDE, 0.0),
        (1100, Standing.INSIDE, -1 / 11),
        (1101, Standing.ABOVE, -101 / 1101),
        (899, Standing.BELOW, 101 / 899),
    ],
)
def test_peak_stands_inside_or_outside_its_range(measured_mib: int, standing: Standing, error: float) -> None:
    """The range is 900 to 1100 MiB around 1000; the error is of what was measured."""
    comparison = compare(predicted(), recorded(series("host", "held", [400, measured_mib])))

    assert comparison.standing is standing
    assert pool(comparison).error_share == pytest.approx(error)


def test_order_of_estimate_and_recording_does_not_matter() -> None:
    """What was predicted stands first whichever way the two were named."""
    assert compare(recorded(), predicted()) == compare(predicted(), recorded())


def test_parts_are_told_apart_as_far_as_the_recording_does() -> None:
    """Parameters come from a look at tensors, the framework from the process before its first iteration."""
    estimate = predicted(predicted_pool(framework=300, parameters=100, activations=500, fragmentation=100))
    recording = recorded(holdings=[held("parameters", 100)], phases=[first_phase(440)])

    found = pool(compare(estimate, recording)).categories

    assert row(found, "parameters") == Row(name="parameters", first=exactly(100), second=exactly(100))
    assert row(found, "framework").second == exactly(340)
    assert row(found, "the rest").first == exactly(600)
    assert row(found, "the rest").second == exactly(1000 - 100 - 340)
    assert row(found, "the rest").note == "activations, fragmentation"


def test_model_and_framework_stay_together_where_nobody_looked_at_tensors() -> None:
    """Without a look, what the process held before its first iteration is framework and model in one."""
    found = pool(compare(predicted(), recorded(phases=[first_phase(440)]))).categories

    assert row(found, "framework + parameters + buffers").first == exactly(400)
    assert row(found, "framework + parameters + buffers").second == exactly(440)


def test_parts_add_up_to_their_peaks() -> None:
    """Whatever is told apart, either column sums to its own peak."""
    estimate = predicted(predicted_pool(framework=300, parameters=100, activations=500, fragmentation=100))
    recording = recorded(holdings=[held("parameters", 90), held("optimizer_state", 50)], phases=[first_phase(440)])

    found = pool(compare(estimate, recording))

    assert found.peak.first is not None and found.peak.second is not None
    assert sum(row.first.expected for row in found.categories if row.first) == found.peak.first.expected
    assert sum(row.second.expected for row in found.categories if row.second) == found.peak.second.expected


def test_looks_at_one_moment_are_summed_and_the_highest_moment_counts() -> None:
    """Two holders of one look add up; a later, smaller look takes nothing away."""
    holdings = [held("parameters", 60, at_s=1), held("parameters", 40, at_s=1), held("parameters", 50, at_s=2)]

    found = pool(compare(predicted(), recorded(holdings=holdings))).categories

    assert row(found, "parameters").second == exactly(100)


def test_allocated_is_never_held_against_used() -> None:
    """A device without a driver's reading has allocated and reserved compared, each with its like, and no peak."""
    card = predicted_pool("cuda:0", framework=400, parameters=100, activations=500, fragmentation=50, reserved_mib=650)
    rows = [iterations(cuda0__allocated_high=590, cuda0__reserved_high=700)]
    recording = recorded(series("host", "held", [500]), series("cuda:0", "reserved", [700]), rows=rows)

    found = pool(compare(predicted(card), recording), "cuda:0")

    assert found.peak.second is None and found.standing is None
    assert row(found.figures, "allocated") == Row(name="allocated", first=exactly(600), second=exactly(590))
    assert row(found.figures, "reserved") == Row(name="reserved", first=exactly(650), second=exactly(700))


def test_context_is_what_is_used_beyond_the_allocator() -> None:
    """Used 1300, reserved 700: the context holds 600 where 400 were predicted, and that is said."""
    card = predicted_pool("cuda:0", framework=400, parameters=100, activations=500, fragmentation=50, reserved_mib=650)
    rows = [iterations(cuda0__allocated_high=590, cuda0__reserved_high=700)]
    recording = recorded(series("host", "held", [500]), series("cuda:0", "used", [900, 1300]), rows=rows)

    comparison = compare(predicted(card), recording)

    assert row(pool(comparison, "cuda:0").categories, "framework").second == exactly(600)
    assert next(r for r in comparison.reasons if r.slug == "device-context").effect_bytes == 200 * MIB


def test_tensors_belong_to_the_device_that_their_label_names() -> None:
    """Of a look over two devices and the host, each pool has its own."""
    holdings = [
        held("parameters", 100, label="Net on cuda:0"),
        held("parameters", 50, label="Net on cuda:1"),
        held("parameters", 7, label="Ghost on earth of Net"),
    ]
    samples = [series("cuda:0", "used", [900]), series("cuda:1", "used", [900]), series("host", "held", [900])]
    names = ("cuda:0", "cuda:1", "host")
    pools = [predicted_pool(name, framework=400, parameters=100) for name in names]

    comparison = compare(predicted(*pools), recorded(*samples, holdings=holdings))

    found = {name: row(pool(comparison, name).categories, "parameters").second for name in names}
    assert found == {"cuda:0": exactly(100), "cuda:1": exactly(50), "host": exactly(7)}


@pytest.mark.parametrize(("phase", "compared"), [(Phase.BACKWARD, False), (Phase.OPTIMIZER, True)])
def test_gradients_between_iterations_are_those_of_an_optimizers_peak_alone(phase: Phase, compared: bool) -> None:
    """At a peak within the backward pass there are fewer or more of them: no row then."""
    whole = predicted_pool(framework=300, gradients=100, activations=600)
    whole = dataclasses.replace(whole, peak_at=PeakLocation(phase=phase))

    found = pool(compare(predicted(whole), recorded(holdings=[held("gradients", 100)]))).categories

    assert ("gradients" in {row.name for row in found}) is compared


def test_a_process_within_its_first_backward_pass_is_not_a_bare_one() -> None:
    """Where the first phase that was listed is a later one, nothing is said of the process before its first step."""
    late = dataclasses.replace(first_phase(440), name="backward")

    found = pool(compare(predicted(), recorded(phases=[late]))).categories

    assert not any("framework" in row.name for row in found)


def test_a_killed_job_gives_a_lower_bound() -> None:
    """A peak cut short under the range is no verdict and no error, and the reason is named."""
    killed = Ending(how="oom_killed", signal=9, at_s=3.0)

    comparison = compare(predicted(), recorded(series("host", "held", [400, 700]), ending=killed))

    assert comparison.standing is None
    assert pool(comparison).at_least and pool(comparison).error_share is None
    assert "measured-cut-short" in slugs(comparison)


def test_a_killed_job_above_the_range_is_above_it() -> None:
    """A lower bound above `high` is above it all the same."""
    killed = Ending(how="signalled", signal=9, at_s=3.0)

    comparison = compare(predicted(), recorded(series("host", "held", [400, 1500]), ending=killed))

    assert comparison.standing is Standing.ABOVE


def test_workers_hold_what_their_own_series_say_at_the_peak() -> None:
    """The job's peak is at the second sample: the worker's value of that moment counts, not its own highest."""
    recording = recorded(
        series("host", "held", [400, 1000, 900]),
        series("host", "pss", [10, 150, 300], scope=f"process:{WORKER}"),
        processes=[process(TRAINER), process(WORKER, role="loader worker")],
    )

    comparison = compare(predicted(), recording)

    assert row(pool(comparison).categories, "loader").second == exactly(150)
    assert next(r for r in comparison.reasons if r.slug == "worker-processes").effect_bytes == 150 * MIB


@pytest.mark.parametrize(
    ("changed", "slug"),
    [
        ({"command": ("python", "train.py", "--batch=8")}, "arguments-differ"),
        ({"environment": {"torch": "2.12.0"}}, "versions-differ"),
        ({"limits": [Limit(pool="cuda:0", name="NVIDIA T4", limit_bytes=1)]}, "devices-differ"),
        ({"rows": [iterations(2)]}, "recorded-fewer-steps"),
        ({"rows": []}, "iterations-unknown"),
        ({"rows": [iterations(pid=1), iterations(pid=2)]}, "several-processes"),
        ({"ending": Ending(how="exited", exit_code=1, at_s=3.0)}, "measured-failed"),
    ],
)
def test_what_was_not_the_same_job_is_said(changed: dict[str, object], slug: str) -> None:
    """Other arguments, versions, device, steps or processes are reasons of their own."""
    estimate = predicted(product="NVIDIA A100")
    samples = series("host", "held", [400, 1000]), series("cuda:0", "used", [900])

    assert slug not in slugs(compare(estimate, recorded(*samples)))
    assert slug in slugs(compare(estimate, recorded(*samples, **changed)))  # type: ignore[arg-type]


def test_allocator_settings_differ_only_where_both_are_known() -> None:
    """An estimate does not note the host's malloc settings: their absence there is no difference."""
    with_malloc = {"torch": "2.13.0", "MALLOC_MMAP_THRESHOLD_": "65536"}
    plain = {"torch": "2.13.0"}

    beside_estimate = compare(predicted(), recorded(environment=with_malloc))
    before_after = compare(recorded(environment=plain), recorded(environment=with_malloc))

    assert "settings-differ" not in slugs(beside_estimate)
    assert "settings-differ" in slugs(before_after)


def test_growth_is_told_on_both_sides() -> None:
    """The estimate's live tensors stay, the process grows by 2 MiB per step."""
    recording = recorded(rows=[iterations(40, host__rss=[500 + 2 * at for at in range(40)])])

    growth = pool(compare(predicted(), recording)).growth

    assert growth is not None
    assert growth.first_bytes == 0
    assert growth.second_bytes == pytest.approx(2 * MIB, rel=0.02)
    assert growth.verdict == "linear leak"


@pytest.mark.parametrize(("size_mib", "said"), [(120, "gave back 120 MiB"), (0, "gave back nothing")])
def test_what_malloc_gave_back_is_told(size_mib: int, said: str) -> None:
    """A probe's finding is a reason; a probe that found nothing is an answer too."""
    probe = Holding(
        at_s=1.0, pid=TRAINER, look="malloc_trim", category="retention", label="malloc_trim", held_bytes=size_mib * MIB
    )

    comparison = compare(predicted(), recorded(holdings=[probe]))

    assert any(said in reason.text for reason in comparison.reasons if reason.slug == "malloc-gave-back")


def test_two_recordings_are_before_and_after() -> None:
    """No standing, but the change of each figure that both have."""
    before = recorded(series("host", "held", [400, 1000]), holdings=[held("parameters", 200)])
    after = recorded(series("host", "held", [400, 700]), holdings=[held("parameters", 100)])

    comparison = compare(before, after)

    assert not comparison.of_prediction and comparison.standing is None
    assert pool(comparison).peak.change_bytes == -300 * MIB
    assert row(pool(comparison).categories, "parameters").change_bytes == -100 * MIB
    assert row(pool(comparison).categories, "the rest").change_bytes == -200 * MIB


def test_two_estimates_are_compared_category_by_category() -> None:
    """A category that one of the two lacks counts as nothing there, and no pool stands in or out of a range."""
    before = predicted(predicted_pool(framework=300, activations=500))
    after = predicted(predicted_pool(framework=300, activations=100, temporaries=50))

    found = pool(compare(before, after))

    assert row(found.categories, "temporaries").change_bytes == 50 * MIB
    assert row(found.categories, "activations").change_bytes == -400 * MIB
    assert found.standing is None


def test_a_pool_of_one_side_alone_is_kept() -> None:
    """A second machine that nobody predicted, a device that was never used: shown with one side empty."""
    comparison = compare(predicted(), recorded(series("host", "held", [900]), series("node1/host", "held", [800])))

    assert pool(comparison, "node1/host").peak == Row(name="peak", first=None, second=exactly(800))


def test_phases_carry_the_highest_of_their_stays() -> None:
    """Sums and listed stays are one: the highest of both."""
    totals = [PhaseTotal(pid=TRAINER, name="backward", count=3, seconds=1.0, high_bytes=700 * MIB)]

    found = pool(compare(predicted(), recorded(phase_totals=totals))).phases

    assert row(found, "backward").second == exactly(700)


def test_comparison_survives_being_written_and_read() -> None:
    """Through JSON and back it is the same."""
    recording = recorded(
        holdings=[held("parameters", 100)],
        phases=[first_phase(440)],
        rows=[iterations(40, host__rss=[500 + 2 * at for at in range(40)])],
    )
    comparison = compare(predicted(), recording)

    assert codec.from_json(codec.to_json(comparison)) == comparison


def test_an_empty_recording_is_compared_without_a_word_of_error() -> None:
    """A recording that holds nothing says nothing, and nothing fails."""
    nothing = recorded(series("host", "held", []), rows=[])

    comparison = compare(predicted(), nothing)

    assert pool(comparison).peak.second is None
    assert compare(nothing, nothing).standing is None
    assert array("q") == nothing.series[0].high_bytes


def test_growth_explains_what_more_iterations_added() -> None:
    """10 MiB a step, over 197 steps more than the three that were simulated: the rest needs no other reason."""
    rising = [900 + 10 * at for at in range(200)]
    recording = recorded(
        series("host", "held", rising),
        rows=[iterations(200, host__rss=rising)],
        phases=[first_phase(300)],
    )

    found = compare(predicted(), recording)

    reason = next(reason for reason in found.reasons if reason.slug == "grew-beyond-the-estimate")
    assert reason.effect_bytes == pytest.approx(1970 * MIB, rel=0.03)
    assert "allocator-retention" not in {reason.slug for reason in found.reasons}
