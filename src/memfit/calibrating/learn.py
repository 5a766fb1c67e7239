"""Readings from whatever there is: recordings of a job, and the frameworks of an interpreter in fresh processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable

from memfit.calibrating.readings import Reading, from_measurement, from_recording
from memfit.documents import Estimate, Recording
from memfit.errors import MemfitError
from memfit.probing.baseline import FRAMEWORKS, measure

REPEATS = 3  # fresh processes a framework: their peaks differ by less than 1 % on an idle machine
_FOUND = "import importlib.util as u, sys; print(*[n for n in sys.argv[1:] if u.find_spec(n.partition('.')[0])])"


def read(recordings: Iterable[Recording], estimate: Estimate | None) -> tuple[list[Reading], list[str]]:
    """What recordings teach, alone or beside the estimate of the job that they are of; and what could not be learnt."""
    found: list[Reading] = []
    notes: list[str] = []
    for recording in recordings:
        readings, why = from_recording(recording, estimate)
        found += readings
        notes += [one for one in why if one not in notes]
    return found, notes


def measured(python: str | None = None) -> list[Reading]:
    """What every framework costs that an interpreter has; some seconds each.

    Args:
        python: the interpreter; this one by default.

    Raises:
        MemfitError: it does not run, or a framework that it has cannot be imported.
    """
    interpreter = python or sys.executable
    found: list[Reading] = []
    for package in installed(interpreter):
        for _ in range(REPEATS):
            found += from_measurement(measure(package, python=interpreter))
    return found


def installed(python: str) -> list[str]:
    """The frameworks that an interpreter has, without importing them.

    Raises:
        MemfitError: there is no such interpreter.
    """
    words = [python, "-c", _FOUND, *FRAMEWORKS.values()]
    try:
        told = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    except (OSError, subprocess.SubprocessError) as error:
        raise MemfitError(
            f"{python} does not run: {error}", hint="name a Python interpreter with --python", slug="baseline-failed"
        ) from error
    return [package for package, module in FRAMEWORKS.items() if module in told]
