"""What a job waits for: memory pressure is told from data loading, disk and processor; the unknown stays unknown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.samples.recordings import MAIN, series, training

from memfit.analysis.hindering import hindrances
from memfit.analysis.recorded import diagnose_recording
from memfit.documents import Hindrance, PhaseTotal, Recording, codec


def recorded(*, data_s: float = 2.0, **stalled: float) -> Recording:
    """Five minutes of training, of which data_s waited for batches; waits of the machine as shares of the time."""
    base = training()
    seconds = [float(s) for s in range(0, 301, 10)]
    waits = [
        series("host", name, [int(share * s * 1e6) + 7_000_000 for s in seconds], seconds, scope="machine")
        for name, share in stalled.items()
    ]
    totals = (
        PhaseTotal(pid=MAIN, name="data", count=300, seconds=data_s, high_bytes=None),
        PhaseTotal(pid=MAIN, name="forward", count=300, seconds=90.0, high_bytes=None),
        PhaseTotal(pid=MAIN + 9, name="data", count=300, seconds=290.0, high_bytes=None),  # a worker's own
    )
    without_swap = [one for one in base.series if one.name != "swap"]
    return replace(base, series=(*without_swap, *waits), phase_totals=totals)


def told(recording: Recording, *, leaks: bool = False) -> dict[str, Hindrance]:
    return {each.what: each for each in hindrances(recording, leaks=leaks)}


def test_pressure_is_where_more_memory_helps() -> None:
    """A third of the time was waited for memory: that, and nothing else, is why."""
    found = told(recorded(stalled_us=0.33, stalled_io_us=0.02, stalled_cpu_us=0.01))

    assert [each.what for each in found.values() if each.slows] == ["memory"]
    assert found["memory"].share == pytest.approx(0.33, abs=0.001)
    assert "more memory" in found["memory"].text and "will make it faster" in found["memory"].text


@pytest.mark.parametrize(
    ("recording", "cause"),
    [
        (recorded(stalled_us=0.001, data_s=60.0), "data loading"),
        (recorded(stalled_us=0.001, stalled_io_us=0.4), "disk"),
        (recorded(stalled_us=0.001, stalled_cpu_us=0.5), "processor"),
    ],
    ids=["data", "disk", "processor"],
)
def test_more_memory_will_not_help(recording: Recording, cause: str) -> None:
    """Nothing waited for memory, something else did: said, and named in the same sentence."""
    found = told(recording)

    assert [each.what for each in found.values() if each.slows] == [cause]
    assert f"more memory will not make it faster; look at {cause}" in found["memory"].text


def test_leaks_are_sent_to_the_diagnosis() -> None:
    """Under pressure from a leak, more memory is not what is advised."""
    text = told(recorded(stalled_us=0.5), leaks=True)["memory"].text

    assert "only moves its end" in text and "will make it faster" not in text


def test_unknown_stays_unknown() -> None:
    """Without the kernel's counts memory is not acquitted; how busy the device was is not guessed."""
    found = told(recorded(data_s=60.0))

    assert found["memory"].slows is None and found["memory"].share is None
    assert found["device"].slows is None
    assert hindrances(replace(recorded(), phase_totals=())) == ()


def test_diagnosis_carries_them_through_json() -> None:
    """The diagnosis of a recording has them, saved and read again."""
    diagnosis = diagnose_recording(recorded(stalled_us=0.2))

    assert diagnosis.hindrances[0].what == "memory"
    assert codec.from_json(codec.to_json(diagnosis)) == diagnosis
