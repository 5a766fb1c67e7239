"""A recording's diagnosis: which of its series is judged, against which limit, and what the job's looks add to it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.analysis.jobs import WORKER, held, iterations, process, recorded, series

from memfit.analysis.recorded import diagnose_recording
from memfit.documents import Growth, Holding, Limit, PhaseTotal
from memfit.errors import UsageError
from memfit.quantities import GIB, MIB

RISING = [500 + 10 * at for at in range(200)]
LEVEL = [500] * 200
RAM = Limit(pool="host", name="RAM", limit_bytes=16 * GIB, others_bytes=2 * GIB)


def looked(category: str, label: str, *, look: str = "graphs", count: int = 100, grows: bool | None = True) -> Holding:
    return Holding(
        at_s=9.0, pid=100, look=look, category=category, label=label, held_bytes=10, count=count, where="train.py",
        grows=grows,
    )  # fmt: skip


def test_a_marked_process_is_judged_at_the_ends_of_its_iterations() -> None:
    """The clock's saw-tooth is not looked at where iterations are: they are read at the same point each."""
    zigzag = [500, 1500] * 100

    found = diagnose_recording(recorded(series("host", "held", zigzag), rows=[iterations(200, host__rss=LEVEL)]))

    assert [one.name for one in found.series] == ["resident size at the end of each step"]
    assert (found.growth, found.is_leak) == (Growth.CONSTANT, False)


def test_a_leak_has_a_rate_and_a_date_by_the_limit_less_what_others_held() -> None:
    """10 MiB a step, a step a second, from 2.4 GiB towards 14 GiB."""
    found = diagnose_recording(
        recorded(series("host", "held", RISING), rows=[iterations(200, host__rss=RISING)], limits=[RAM])
    )

    assert found.is_leak
    assert found.bytes_per_iteration == pytest.approx(10 * MIB, rel=0.02)
    assert found.limit_reached is not None
    assert (found.limit_reached.limit, found.limit_reached.unit) == ("RAM", "seconds")
    truth = (14 * GIB - 2490 * MIB) / (10 * MIB)
    assert found.limit_reached.low <= truth <= (found.limit_reached.high or 0)


def test_without_marks_the_clock_tells() -> None:
    """A command that is no Python at all is judged by what its processes held, and the note says so."""
    found = diagnose_recording(recorded(series("host", "held", RISING), rows=[]))

    assert found.is_leak
    assert found.bytes_per_second == pytest.approx(10 * MIB, rel=0.02)
    assert "no iterations were marked" in found.worst.notes[0]


def test_growth_of_workers_is_seen_beside_a_level_trainer() -> None:
    """Of several processes both the trainer and all of them together are judged."""
    found = diagnose_recording(
        recorded(
            series("host", "held", RISING),
            series("host", "rss", [2000] * 200),
            rows=[iterations(200, host__rss=LEVEL)],
            processes=[process(), process(WORKER, role="loader worker")],
        )
    )

    by_name = {one.name: one for one in found.series}
    assert by_name["resident size at the end of each step"].is_leak is False
    assert by_name["held by all processes"].growth is Growth.COPY_ON_WRITE


def test_shared_memory_of_others_is_not_the_jobs() -> None:
    """/dev/shm is one for the machine: where it fills while the job shares nothing, others fill it."""
    filling = series("shm", "used", RISING, scope="machine")
    alone = recorded(series("host", "held", LEVEL), series("host", "shared", LEVEL), filling, rows=[])
    sharing = recorded(series("host", "held", LEVEL), series("host", "shared", RISING), filling, rows=[])

    assert "shm" not in {one.pool for one in diagnose_recording(alone).series}
    assert diagnose_recording(sharing).worst.pool == "shm"


def test_what_grows_in_the_job_is_named() -> None:
    """A list of losses with their graphs comes before other containers, and the advice fits it."""
    found = diagnose_recording(
        recorded(
            series("host", "held", RISING),
            rows=[iterations(200, host__rss=RISING)],
            holdings=[
                looked("container", "list `names`", look="containers"),
                looked("graph", "list `losses`: MeanBackward0"),
                held("parameters", 10),
            ],
        )
    )

    assert (found.culprit or "").startswith(
        "100 tensors that hold their graph: list `losses`: MeanBackward0 (train.py)"
    )
    assert "loss.item()" in found.advice[0]


def test_the_graph_of_the_last_loss_is_no_suspect_unless_it_grows() -> None:
    """Every loop has one alive when it is looked at, many operations long; one that is carried on grows."""
    last = "graph of local `loss` of main(): MseLossBackward0"

    def culprit(grows: bool | None) -> str:
        looks = [looked("graph", last, count=1300, grows=grows)]
        found = diagnose_recording(
            recorded(series("host", "held", RISING), rows=[iterations(200, host__rss=RISING)], holdings=looks)
        )
        return found.culprit or ""

    assert "MseLoss" not in culprit(None)
    assert "MseLoss" not in culprit(False)
    assert culprit(True) == f"a {last} (train.py), 1,300 operations long"


def test_what_does_not_grow_is_not_named() -> None:
    """A container that was large from the start is no suspect."""
    found = diagnose_recording(
        recorded(
            series("host", "held", RISING),
            rows=[iterations(200, host__rss=RISING)],
            holdings=[looked("container", "list `names`", grows=False)],
        )
    )

    assert "names" not in (found.culprit or "")


def test_a_step_of_the_size_of_the_optimizers_state_is_that() -> None:
    """The look at tensors says how large the state is; the step is as large."""
    found = diagnose_recording(
        recorded(
            series("host", "held", [500] * 10 + [700] * 190),
            rows=[iterations(200, host__rss=[500] * 10 + [700] * 190)],
            holdings=[held("optimizer_state", 100), held("optimizer_state", 100)],
        )
    )

    assert found.growth is Growth.ONE_TIME_STEP
    assert found.culprit == "the optimizer's state: 200 MiB, which its first step makes"


def test_spikes_are_laid_to_the_phases_that_were_seen() -> None:
    """A checkpoint now and then is named with how often it was written."""
    spikes = [900 if at % 20 == 10 else 500 for at in range(200)]
    found = diagnose_recording(
        recorded(
            series("host", "held", spikes),
            rows=[iterations(200, host__rss=spikes)],
            phase_totals=[PhaseTotal(pid=100, name="checkpoint", count=10, seconds=1.0, high_bytes=900 * MIB)],
        )
    )

    assert found.growth is Growth.PERIODIC_SPIKES
    assert found.culprit == "checkpoint (10 times)"


def test_probes_are_told_also_where_they_found_nothing() -> None:
    """ "Tested, not it" is an answer."""
    nothing = replace(looked("retention", "malloc_trim(0)", look="malloc_trim"), held_bytes=0)

    found = diagnose_recording(
        recorded(series("host", "held", RISING), rows=[iterations(200, host__rss=RISING)], holdings=[nothing, nothing])
    )

    assert "malloc_trim(0) was tried 2 times and freed nothing: that is not it" in found.worst.notes


def test_a_device_is_judged_by_what_its_allocator_keeps() -> None:
    """Reserved memory that grows while live tensors do not is the allocator's."""
    found = diagnose_recording(
        recorded(
            series("cuda:0", "used", RISING),
            series("host", "held", LEVEL),
            rows=[iterations(200, host__rss=LEVEL, cuda0__reserved=RISING, cuda0__allocated=LEVEL)],
        )
    )

    reserved = next(one for one in found.series if (one.pool, one.name) == ("cuda:0", "reserved"))
    assert reserved.growth is Growth.ALLOCATOR_RETENTION


def test_what_an_allocator_takes_for_level_tensors_is_laid_to_it() -> None:
    """A step of the reserved memory over tensors that stay level is fragmentation, no optimizer's state."""
    found = diagnose_recording(
        recorded(
            series("cuda:0", "used", LEVEL),
            rows=[iterations(200, cuda0__reserved=[1100] * 9 + [1400] * 191, cuda0__allocated=LEVEL)],
        )
    )

    reserved = next(one for one in found.series if one.name == "reserved")
    assert reserved.growth is Growth.ONE_TIME_STEP
    assert "fragmentation" in (reserved.culprit or "")


def test_a_recording_without_samples_is_told() -> None:
    """A command that ended at once leaves nothing to judge."""
    empty = replace(recorded(), series=())

    with pytest.raises(UsageError) as error:
        diagnose_recording(empty)

    assert error.value.slug == "no-samples"
