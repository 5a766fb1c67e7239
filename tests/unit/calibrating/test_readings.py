"""What recordings teach of this machine, and when they teach nothing."""

from __future__ import annotations

import pytest
from tests.unit.analysis.jobs import iterations, predicted, predicted_pool, recorded, series

from memfit.calibrating import Reading, from_measurement, from_recording
from memfit.documents import Ending, Estimate, Limit
from memfit.probing.baseline import Baseline
from memfit.quantities import MIB

CARD = Limit(pool="cuda:0", name="NVIDIA T4", limit_bytes=16 << 30)


def estimate() -> Estimate:
    """300 MiB of framework, 700 of tensors and what malloc keeps."""
    return predicted(
        predicted_pool(framework=300, parameters=100, activations=500, fragmentation=100, reserved_mib=700)
    )


def kinds(readings: list[Reading]) -> dict[str, int]:
    return {reading.kind: reading.size for reading in readings}


def test_ratio_of_malloc_is_of_the_tensors_side_alone() -> None:
    """1070 MiB measured less 300 of framework, over 700 modelled: 1.1 of the model."""
    readings, notes = from_recording(recorded(series("host", "held", [400, 1070])), estimate())

    assert kinds(readings) == {"host_allocator": 1100}
    assert readings[0].subject == "train.py"
    assert notes == []


def test_malloc_settings_belong_to_the_subject() -> None:
    """What was learnt under one setting of malloc is no news of another."""
    environment = {"torch": "2.13.0", "MALLOC_ARENA_MAX": "1", "OMP_NUM_THREADS": "2"}

    readings, _ = from_recording(recorded(series("host", "held", [1000]), environment=environment), estimate())

    assert readings[0].subject == "train.py MALLOC_ARENA_MAX=1"


def test_context_is_learnt_from_a_recording_alone() -> None:
    """Used less reserved, by the driver's name of the device."""
    recording = recorded(
        series("host", "held", [500]),
        series("cuda:0", "used", [900, 1300]),
        rows=[iterations(cuda0__reserved_high=1000)],
        limits=[CARD],
    )

    readings, _ = from_recording(recording)

    assert kinds(readings) == {"context": 300 * MIB}
    assert (readings[0].subject, readings[0].version) == ("NVIDIA T4", "2.13.0")


def test_driver_side_of_the_host_is_what_else_was_predicted_leaves() -> None:
    """1000 MiB on the host, 800 of which were predicted for other things."""
    pools = (
        predicted_pool("cuda:0", framework=300, parameters=500),
        predicted_pool("host", framework=700, parameters=100),
    )
    recording = recorded(series("host", "held", [1000]), series("cuda:0", "used", [900]), limits=[CARD])

    readings, _ = from_recording(recording, predicted(*pools, product="NVIDIA T4"))

    assert kinds(readings) == {"cuda_host": 200 * MIB}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"ending": Ending(how="oom_killed", at_s=1.0)}, "cut short"),
        ({"ending": Ending(how="exited", exit_code=1, at_s=1.0)}, "exit code 1"),
        ({"command": ("python", "train.py", "--batch=8")}, "arguments"),
        ({"command": ("python", "other.py", "--batch=4")}, "another script"),
        ({"environment": {"torch": "2.12.0"}}, "torch is"),
        ({"rows": [iterations(2)]}, "2 iterations"),
        ({"rows": [iterations(pid=1), iterations(pid=2)]}, "processes"),
    ],
)
def test_nothing_is_learnt_from_another_job(changed: dict[str, object], why: str) -> None:
    """A recording that is not of the estimated job, or not all of it, teaches nothing, and says why."""
    readings, notes = from_recording(recorded(**changed), estimate())  # type: ignore[arg-type]

    assert readings == []
    assert why in notes[0]


@pytest.mark.parametrize("measured_mib", [500, 2000])
def test_a_miss_of_the_estimate_is_not_learnt_as_malloc(measured_mib: int) -> None:
    """Half or twice what was modelled is no allocator's doing: learning it would hide the miss."""
    readings, notes = from_recording(recorded(series("host", "held", [measured_mib])), estimate())

    assert readings == []
    assert "not learnt" in notes[0]


def test_a_fresh_process_gives_its_import_and_its_first_step() -> None:
    """Two constants where the package has a first step, one where it has none."""
    torch = Baseline(package="torch", version="2.13.0", import_bytes=200, first_step_bytes=20)
    numpy = Baseline(package="numpy", version="2.0", import_bytes=25, first_step_bytes=None)

    assert kinds(list(from_measurement(torch))) == {"baseline": 200, "first_step": 20}
    assert kinds(list(from_measurement(numpy))) == {"baseline": 25}
