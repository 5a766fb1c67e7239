"""Which machines hold a job: its estimate against the catalogue, estimated again on the devices that matter."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from memfit.api.estimating import estimate, is_estimator
from memfit.api.saved import load_only
from memfit.documents import Estimate, Placement
from memfit.errors import MemfitError, UsageError
from memfit.machines import LITERT, MICROCONTROLLER, chosen, placements, runtime_of
from memfit.quantities import Verdict
from memfit.recipes.names import ONNX, TFLITE

REFERENCE = "h100-80gb"  # what a job is estimated on when nobody says: what it runs on is asked, not given
_DEVICES = 3  # devices that a job is estimated on again
_OTHER_KERNELS = 2  # the same of those to which no figures can be carried over


def machines_for(
    job: Estimate | str | os.PathLike[str] | Any,
    arguments: Sequence[str] = (),
    *,
    only: Sequence[str] = (),
    **options: Any,
) -> tuple[Placement, ...]:
    """Which machines hold a job, and how full they get, the smallest first.

    Args:
        job: an estimate, the file of one, or what ``memfit.estimate`` takes: a script is estimated again on the devices
            of the smallest machines that fit; of a saved estimate the figures are carried over.
        arguments: the script's command line.
        only: providers, kinds, or parts of names of machines or devices to consider; all but boards without any.
        options: of ``memfit.estimate``.

    Returns:
        A placement for every machine considered, fitting or not; ``verdict``, ``host_share`` and ``device_share`` tell.

    Raises:
        UnknownMachine: a word of ``only`` names nothing.
        MemfitError: the job cannot be estimated.

    >>> memfit.machines_for("estimate.json", only=["aws"])[0].machine   # doctest: +SKIP
    'g4dn.xlarge'
    """
    chosen(only)  # says before the work that a name is unknown
    found = saved_estimate(job)
    if found is not None:
        return placed(found, only=only)

    def again(on: str | None) -> Estimate:
        return estimate(job, arguments, **{**options, "on": on})

    named = isinstance(job, (str, os.PathLike)) and without_devices(os.fspath(job), arguments)
    first = again(options.get("on") or (None if named or options.get("rows") is not None else REFERENCE))
    return placed(first, again, only=only)


def without_devices(target: str, arguments: Sequence[str]) -> bool:
    """Whether a target is one that no accelerator is asked for: an estimator, or a model's file for small devices."""
    return is_estimator(target, arguments) or target.lower().endswith((TFLITE, ONNX))


def placed(
    first: Estimate, again: Callable[[str], Estimate] | None = None, *, only: Sequence[str] = ()
) -> tuple[Placement, ...]:
    """An estimate on every machine; with a way to estimate again, on the smallest machines' devices for real.

    Args:
        first: the estimate.
        again: estimates the job on devices by name; None carries the figures over.
        only: see ``machines_for``.
    """
    if first.serving is not None and first.serving.engine is not None:
        raise UsageError(
            "a serving engine takes a share of whichever device it is given: no machine is the smallest",
            hint="ask for one device after the other: memfit estimate --on NAME, which says how many requests it holds",
            slug="engine-takes-a-share",
        )
    runtime = runtime_of(first)
    machines, today = (
        [each for each in chosen(only) if only or runtime is not None or each.kind != "edge"],
        date.today(),
    )
    rows = {row.machine: row for row in placements(first, machines, today)}
    board = next((each.name for each in machines if each.kind == MICROCONTROLLER and each.name not in rows), None)
    if runtime == LITERT and board is not None and again is not None:  # microcontrollers run it by other rules
        rows = {**{row.machine: row for row in placements(again(board), machines, today)}, **rows}
    tried = {first.machine.name}

    def estimated(wanted: Callable[[Placement], bool], kin: Callable[[Placement], bool]) -> bool:
        """Estimate on the first device that is wanted; the figures go to it and its kin. False when none is left."""
        row = next((row for row in rows.values() if row.device not in tried and wanted(row)), None)
        if row is None or row.device is None or again is None:
            return False
        tried.add(row.device)
        with contextlib.suppress(MemfitError):  # what was carried over stays, and says so
            found = again(row.device if row.devices_used == 1 else f"{row.devices_used}x{row.device}")
            alike = [
                each
                for each in machines
                if each.name in rows  # those of another vendor are not
                and each.device is not None
                and (each.device.name == row.device or kin(rows[each.name]))
            ]
            rows.update((each.machine, each) for each in placements(found, alike, today))
        return True

    while len(tried) <= _DEVICES and estimated(_hopeful, lambda row: False):
        pass
    for _ in range(_OTHER_KERNELS):
        if not estimated(_unknown, _unknown):
            break
    return tuple(rows.values())


def saved_estimate(job: Any) -> Estimate | None:
    """The estimate itself, or the one that a file holds; None for what is to be estimated.

    Raises:
        UsageError: the file holds another kind of document.
    """
    if isinstance(job, Estimate):
        return job
    if not isinstance(job, (str, os.PathLike)) or Path(job).suffix not in (".json", ".memfit"):
        return None
    hint = "give a script, or what `memfit estimate -o estimate.json` saved"
    return load_only(Estimate, job, hint=hint, slug="not-an-estimate")


def _hopeful(row: Placement) -> bool:
    return not row.estimated and row.verdict in (Verdict.FITS, Verdict.TIGHT)


def _unknown(row: Placement) -> bool:
    """Nothing could be carried over, and the device is not too small by what is known of the job."""
    return row.verdict is Verdict.UNKNOWN and row.device_share is not None and row.device_share <= 1
