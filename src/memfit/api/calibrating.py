"""What this machine teaches later estimates."""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from memfit.api.saved import comparable
from memfit.documents import Estimate, Recording
from memfit.errors import UsageError

if TYPE_CHECKING:
    from memfit.calibrating.store import Calibration


def calibrate(
    recordings: Sequence[Recording | str | os.PathLike[str]] = (),
    *,
    estimate: Estimate | str | os.PathLike[str] | None = None,
    measure: bool = False,
    python: str | None = None,
) -> Calibration:
    """Learn this machine's constants, for later estimates: they are kept in the user's data folder.

    Args:
        recordings: of jobs on this machine, or their files.
        estimate: of the job that the recordings are of; without it only the devices' contexts can be learnt.
        measure: import the frameworks that are found, in fresh processes, and run a first small step.
        python: the interpreter to measure with; this one by default.

    Returns:
        What was learnt, all that is known, and what could not be learnt.

    Raises:
        MemfitError: a file that is no recording or estimate, or a framework that cannot be imported.
    """
    from memfit.calibrating import measured, read
    from memfit.calibrating.store import add

    predicted = None if estimate is None else comparable(estimate)
    if isinstance(predicted, Recording):
        raise UsageError("--estimate is a recording, expected an estimate", slug="not-comparable")
    readings, notes = read([_recording(each) for each in recordings], predicted)
    if measure:
        readings += measured(python)
    return add(_learnt_file(), readings, datetime.date.today().isoformat(), notes)


def _learnt_file() -> Path:
    from memfit.machines import user_data_file

    return user_data_file(os.environ)


def _recording(given: Recording | str | os.PathLike[str]) -> Recording:
    found = comparable(given)
    if isinstance(found, Estimate):
        raise UsageError(
            "an estimate was given where a recording is expected: nothing is measured in it",
            hint="memfit calibrate job.memfit --estimate estimate.json",
            slug="not-comparable",
        )
    return found
