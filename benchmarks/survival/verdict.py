"""What a trial's recording says, against what the bed knows to have happened."""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.survival.trial import Trial
from memfit.documents import Recording
from memfit.errors import MemfitError
from memfit.recording import reader

LONGEST_LOSS_S = 1.0
_SETTLED_S = 15.0


@dataclass(slots=True, kw_only=True)
class Verdict:
    """Of one trial.

    Args:
        death: the kind.
        job: the kind of job.
        how: what the recording says of its end; "none" when the death came before there was a recording.
        loss_s: between its last sample and the death; None without one to compare.
        marks_loss_s: between its last iteration and the death or the job's last, whichever was first.
        complaints: what is wrong; empty when it survived.
    """

    death: str
    job: str
    how: str = "none"
    loss_s: float | None = None
    marks_loss_s: float | None = None
    complaints: list[str] = field(default_factory=list)


def judge(
    trial: Trial,
    death: str,
    *,
    how: Collection[str],
    events: Collection[str] = (),
    marks: bool = True,
    samples: bool = True,
    thinned: bool = False,
    may_be_missing: bool = False,
) -> Verdict:
    """Open the recording and compare.

    Args:
        trial: that is over.
        death: what was done to it.
        how: endings that are true.
        events: that must be told.
        marks: whether iterations up to the death must be there.
        samples: whether samples up to the death must be there.
        thinned: the recording must have been made smaller at least once.
        may_be_missing: the death may have come before there was a recording.
    """
    verdict = Verdict(death=death, job=trial.job)
    path = where(trial)
    if not path.exists() and may_be_missing:
        return verdict
    try:
        recording = settled(path)
    except MemfitError as error:
        verdict.complaints.append(f"does not open: {error}")
        return verdict
    verdict.how = recording.ending.how
    if recording.ending.how not in how:
        verdict.complaints.append(f"says {recording.ending.how} ({recording.ending.text}), expected {sorted(how)}")
    if damaged := [note for note in recording.notes if "damaged" in note]:
        verdict.complaints.append(damaged[0])
    if thinned and not any("host/rss_low" in table.columns for table in recording.iterations):
        verdict.complaints.append("was never thinned: the trial is none")
    if missing := set(events) - {event.slug for event in recording.events}:
        verdict.complaints.append(f"does not tell {sorted(missing)}")
    if "Traceback" in trial.said and trial.job != "inside" and "MemoryError" not in trial.said:
        verdict.complaints.append(f"traceback: {trial.said.strip().splitlines()[-1]}")
    _losses(verdict, trial, recording, marks=marks, samples=samples)
    return verdict


def where(trial: Trial) -> Path:
    """The recording: where it was wanted, or where the recorder says that it brought it."""
    said = re.search(r"recorded in (\S+)", trial.said)
    return Path(said.group(1)) if said else trial.recording


def settled(path: Path) -> Recording:
    """Read it once its recorder has ended, which may outlive the job for a moment."""
    deadline = time.monotonic() + _SETTLED_S
    while (recording := reader.read(path)).ending.how == "running" and time.monotonic() < deadline:
        time.sleep(0.05)
    return recording


def _losses(verdict: Verdict, trial: Trial, recording: Recording, *, marks: bool, samples: bool) -> None:
    began = datetime.datetime.fromisoformat(recording.started.replace("Z", "+00:00")).timestamp()
    last = max((series.seconds[-1] for series in recording.series), default=None)
    if samples and last is not None:
        verdict.loss_s = round(max(0.0, trial.died_s - (began + last)), 3)
    told = [(at, number) for at, number in trial.told() if at <= trial.died_s]
    if marks and trial.job in ("marking", "busy", "inside") and told:
        seen = max((int(table.numbers[-1]) for table in recording.iterations), default=0)
        missed = [at for at, number in told if number > seen]
        verdict.marks_loss_s = round(trial.died_s - missed[0], 3) if missed else 0.0
    for name, loss in (("samples", verdict.loss_s), ("iterations", verdict.marks_loss_s)):
        if loss is not None and loss > LONGEST_LOSS_S:
            verdict.complaints.append(f"lost {loss:.2f} s of {name}")
