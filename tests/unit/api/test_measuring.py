"""Runs for real behind advice: what they narrow, what they say of allocators, and what becomes of those that fail."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.unit.advice.worlds import World

import memfit
from memfit.advice import SPREAD, SPREAD_OF_THRESHOLD, Setting
from memfit.advice.rules import host_allocator
from memfit.api import measuring
from memfit.api.changed import ChangedJob
from memfit.api.measuring import Measuring
from memfit.documents import Hint, Recording
from memfit.errors import UsageError
from memfit.jobs.request import Request
from memfit.probing.watching import Limits, Reading
from memfit.quantities import GIB, MIB

GOLDEN = Path(__file__).parents[2] / "golden" / "documents"


class Job:
    """A made-up job: as World estimates it, on the CPU unless a device is named."""

    def __init__(self, on: str | None = None) -> None:
        self.request = Request(target="train.py", on=on)
        self.pool = "host"
        self.base = World().outcome(Setting())

    def as_request(self, setting: Setting) -> Request:
        return Request(target="train.py", changes={"batch": setting.batch})


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was run, with its limits; without an allocator a run comes to 900 MiB, with one to 700."""
    found: list[dict[str, Any]] = []

    def run(request: Request, environment: dict[str, str], limits: Limits, *, python: str | None) -> Reading:
        found.append({"request": request, "environment": environment, "limits": limits})
        size = (700 if environment else 900) * MIB
        if request.changes["batch"] == 999:
            return Reading(size=1, rise_bytes=None, failure="time", problem="it took longer than 300 s")
        failed = size > limits.memory_bytes
        return Reading(size=1, rise_bytes=None if failed else size, problem="it took more" if failed else "")

    monkeypatch.setattr(measuring, "run_for_real", run)
    room = SimpleNamespace(binding=SimpleNamespace(room_bytes=4 * GIB))
    monkeypatch.setattr(measuring, "host_capacity", lambda: room)
    return found


def measured(environment: dict[str, str] | None = None, on: str | None = None) -> Measuring:
    return Measuring(cast(ChangedJob, Job(on)), python=None, tell=lambda text: None, environment=environment or {})


def test_one_run_narrows_the_job_as_it_is(runs: list[dict[str, Any]]) -> None:
    """Its range is what runs differ by; the estimate's phases stay, which say where changes save."""
    outcome, found = measured().as_it_is()

    assert found == outcome.peak_bytes.expected == 900 * MIB
    assert outcome.peak_bytes.high == round(900 * MIB / (1 - SPREAD))
    assert outcome.estimated_bytes == World().outcome(Setting()).peak_bytes.expected
    assert outcome.phase_peaks == World().outcome(Setting()).phase_peaks
    assert runs[0]["request"].steps == 3 and runs[0]["limits"].memory_bytes < 4 * GIB


def test_a_fixed_threshold_makes_runs_alike(runs: list[dict[str, Any]]) -> None:
    """Less is left free of a budget then, and more of it can be used."""
    assert measured().spread == SPREAD
    assert measured({"MALLOC_MMAP_THRESHOLD_": "131072"}).spread == SPREAD_OF_THRESHOLD


def test_a_run_is_ended_above_the_budget_or_in_time(runs: list[dict[str, Any]]) -> None:
    """Too much is no reading; too long says nothing of the batch. What is not free is not tried."""
    few = measured().runs(500 * MIB, 16, None)
    assert few is not None and few.measure(32) is None
    assert runs[-1]["limits"].memory_bytes == round(1.25 * 500 * MIB)

    enough = measured().runs(GIB, 16, 800 * MIB)
    assert enough is not None and enough.measure(32) == 900 * MIB and enough.measured == {16: 800 * MIB}
    with pytest.raises(TimeoutError, match="longer"):
        enough.measure(999)

    assert measured().runs(8 * GIB, 16, None) is None


def test_installed_allocators_are_run(runs: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Their hints say what both came to; others stay as they are."""
    monkeypatch.setattr(host_allocator, "found", lambda: ("jemalloc",))
    hints = [Hint(slug=f"other-allocator-{name}", text="…") for name in ("jemalloc", "mimalloc")]

    first, second = measured().with_allocators(hints, 900 * MIB)

    assert first.saves_bytes == 200 * MIB and "700 MiB with jemalloc, 900 MiB without" in first.text
    assert runs[0]["environment"] == {"LD_PRELOAD": "libjemalloc.so.2"} and second == hints[1]


def test_jobs_on_devices_are_not_run(runs: list[dict[str, Any]]) -> None:
    """It is said why."""
    why = measured(on="t4").why_not()

    assert why is not None and "for a device" in why and not runs


def test_a_recording_takes_the_place_of_a_run(runs: list[dict[str, Any]]) -> None:
    """Its peak of the memory in question; none, and the estimate stays as it is."""
    recording = cast(Recording, SimpleNamespace(peak_bytes=lambda pool: 950 * MIB if pool == "host" else None))

    outcome, found = measured().recorded(recording)
    job = Job()
    job.pool = "cuda:0"
    other, nothing = Measuring(cast(ChangedJob, job), python=None, tell=print).recorded(recording)

    assert found == outcome.peak_bytes.expected == 950 * MIB and not runs
    assert nothing is None and other == job.base


def test_advice_takes_no_other_document_for_a_recording(tmp_path: Path) -> None:
    """It is said before the job is looked at."""
    script = tmp_path / "train.py"
    script.write_text("import torch\n", encoding="utf-8")

    with pytest.raises(UsageError, match="a recording is needed"):
        memfit.advise(script, on="cpu", recording=GOLDEN / "fits.json")
