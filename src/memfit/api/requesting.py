"""What to ask a scheduler for."""

from __future__ import annotations

from collections.abc import Sequence

from memfit.advice.requests import (
    SYSTEMS,
    asked_for,
    need_of_estimate,
    need_of_recordings,
    resource_request,
)
from memfit.api.growing import diagnose
from memfit.documents import Document, Estimate, Recording, ResourceRequest, SeriesDiagnosis
from memfit.errors import UsageError
from memfit.quantities import format_bytes

Saved = Document | Recording


def request(
    documents: Sequence[Saved] | Saved,
    system: str,
    *,
    iterations: int | None = None,
    hours: float | None = None,
    memory_bytes: int | None = None,
    force: bool = False,
) -> str:
    """What to type or paste for one node of a job, its reasons as comments; see ``requested``."""
    return requested(documents, system, iterations=iterations, hours=hours, memory_bytes=memory_bytes, force=force).text


def requested(
    documents: Sequence[Saved] | Saved,
    system: str,
    *,
    iterations: int | None = None,
    hours: float | None = None,
    memory_bytes: int | None = None,
    force: bool = False,
) -> ResourceRequest:
    """What to ask for, for one node of a job.

    Args:
        documents: an estimate, or recordings of earlier runs of the same job.
        system: "slurm", "kubernetes", "ray", "docker" or "systemd".
        iterations: that the run will make, where it is longer than those recorded: what grows is followed so far.
        hours: the same by the clock.
        memory_bytes: to ask for instead.
        force: even where that is less than the job may need.

    Raises:
        UsageError: no such system, nothing that tells what the job needs, or too little was asked for.
    """
    if system not in SYSTEMS:
        raise UsageError(f"no system {system!r}", hint="one of " + ", ".join(SYSTEMS), slug="unknown-system")
    given = list(documents) if isinstance(documents, Sequence) else [documents]
    recordings = [each for each in given if isinstance(each, Recording)]
    estimates = [each for each in given if isinstance(each, Estimate)]
    if recordings:
        grown, text = _growth(recordings, iterations, hours)
        need = need_of_recordings(recordings, growth_bytes=grown, growth_text=text)
        job = " ".join(recordings[0].command)
    elif len(estimates) == 1:
        need = need_of_estimate(estimates[0])
        target = estimates[0].target
        job = " ".join([str(target.get("name", "a job")), *map(str, target.get("arguments") or ())])
    else:
        raise UsageError(
            "a request is made from one estimate, or from recordings of one job",
            hint="memfit request --for slurm job.memfit",
            slug="no-need",
        )
    return resource_request(asked_for(need, memory_bytes, force=force), system, job)


def _growth(recordings: Sequence[Recording], iterations: int | None, hours: float | None) -> tuple[int, str]:
    """What the host's memory will grow beyond what a recording saw, at most, and how that was told."""
    found = (0, "")
    for recording in (each for each in recordings if each.peak_bytes("host")):
        for series in diagnose(recording).series:
            if series.pool == "host" and series.is_leak:
                found = max(found, _grown(series, iterations if recording.iterations else None, hours))
    return found


def _grown(series: SeriesDiagnosis, iterations: int | None, hours: float | None) -> tuple[int, str]:
    """Bytes beyond what a growing series reached, and a sentence.

    Raises:
        UsageError: nobody said how long the run will be.
    """
    by_step, by_second = series.bytes_per_iteration, series.bytes_per_second
    if iterations is not None and by_step is not None:
        more = (by_step.high or by_step.expected) * (iterations - series.horizon.iterations)
        return max(round(more), 0), f"{format_bytes(round(by_step))} an iteration, to {iterations:,}"
    if hours is not None and by_second is not None:
        more = (by_second.high or by_second.expected) * (hours * 3600 - (series.horizon.seconds or 0))
        return max(round(more), 0), f"{format_bytes(round(by_second * 3600))} an hour, for {hours:g} hours"
    rate = f"{format_bytes(round(by_second * 3600))} an hour" if by_second is not None else "with every iteration"
    raise UsageError(
        f"memory grows by {rate}: no request lasts for ever",
        hint="say how long the run is with --hours or, where steps are marked, --iterations; `memfit diagnose` says "
        "what holds it",
        slug="job-grows",
    )
