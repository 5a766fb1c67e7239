"""Calls of a script that train on a GPU: made on the CPU while they are probed, their device's figure computed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from memfit.documents import Assumption, Estimate
from memfit.jobs.fits_on_devices import (
    free_on,
    host_beside,
    of_sparse_rows,
    on_device,
    setting_of,
    version_here,
    with_parts,
    with_unused,
)
from memfit.machines import parse_request
from memfit.probing.calls import Given, Learner, TrainingCall
from memfit.probing.on_devices import DeviceFit, fullest
from memfit.probing.scaling import ColumnsAlike
from memfit.registry import devices

_NEARLY_DENSE = 0.5  # of the cells: some row has all of them then
_MADE_WHOLE = "the device's figure is that of the whole search's data, fitted once: as many as train at a time add up"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDevice:
    """What a call that trains on a GPU is.

    Args:
        framework: whose fit it is.
        setting: "device=cuda".
        fit: its shape; the device itself is not known yet.
        note: what the figure leaves out; "" for nothing.
    """

    framework: str
    setting: str
    fit: DeviceFit
    note: str = ""


def keep_on_host(call: TrainingCall) -> None:
    """Have a call made on the CPU where it is set to train on a GPU, which need not be there."""
    settings: dict[str, object] = {}
    for learner in call.learners():
        if setting_of(learner.framework, learner.params):
            settings |= devices(learner.framework).on_host(learner.params)
    if settings:
        call.keep_on_host(settings)


def on_device_of(call: TrainingCall, rows: int) -> OnDevice | None:
    """What a call would hold on a GPU; None where it trains on the CPU.

    Args:
        call: not made yet, or made on a part.
        rows: of its data in earnest.
    """
    outermost = True
    for learner in call.learners():
        setting = setting_of(learner.framework, learner.params)
        if setting:
            note = "" if outermost or learner.path is not None else _MADE_WHOLE
            return OnDevice(
                framework=learner.framework, setting=setting, fit=_fit(call, learner, call.given(), rows), note=note
            )
        outermost = False
    return None


def _fit(call: TrainingCall, learner: Learner, given: Given, rows: int) -> DeviceFit:
    version = version_here(learner.framework)
    filled = 1.0 if given.filled is None else given.filled
    alike = call.stored_columns or (ColumnsAlike(call.columns, filled),)
    rest = call.columns - sum(each.number for each in alike)
    stored = given.stored_matrix
    if stored is None:
        stored = devices(learner.framework).stored_by(learner.kind, learner.params, version)
    labels = given.classes > 2 and (learner.kind.endswith("Classifier") or learner.kind == "Booster")
    return DeviceFit(
        rows=rows,
        alike=(*alike, ColumnsAlike(rest, 0.0)) if rest > 0 else alike,
        longest_row=_longest(call.columns, filled, given.longest_row),
        params=learner.params,
        outputs=given.classes if labels else 1,
        at_once=devices(learner.framework).grown_at_once(learner.kind, learner.params),
        version=version,
        stored_matrix=stored,
        matrix_there=given.stored_matrix is not None,
        evaluated=given.evaluated,
        weighted=given.weighted,
        page_rows=given.page_rows,
        pages_on_host=given.pages_on_host,
    )


def _longest(columns: int, filled: float, known: int | None) -> tuple[int, int, int]:
    if known is not None:
        return (max(known, 1),) * 3
    if filled >= _NEARLY_DENSE:
        return (columns,) * 3
    return of_sparse_rows(columns, max(math.ceil(columns * filled), 1))


def with_devices(made: Estimate, found: tuple[tuple[str, str | None, OnDevice], ...], on: str | None) -> Estimate:
    """The estimate of a script with the device's pool, where one of its fits trains there.

    Args:
        made: the host's.
        found: label, line and call of each fit that trains on a GPU.
        on: the machine that was named, or that this is; None for one without a GPU.
    """
    if not found:
        return with_unused(made, on)
    device, count = parse_request(on or "cpu")
    if not device.is_cuda:
        notes = (
            Assumption(
                slug="probe-note",
                text=f"{label} has {each.setting}: what it takes on a GPU is in no figure here, and the host was "
                "probed with it on the CPU; --on a100-80gb names a GPU to reckon with",
            )
            for label, _, each in found
        )
        return replace(made, assumptions=(*made.assumptions, *notes))
    told = [
        (
            label,
            where,
            replace(each, fit=replace(each.fit, device_bytes=device.memory_bytes or 0, free_bytes=free_on(device))),
        )
        for label, where, each in found
    ]
    label, where, largest = max(
        told, key=lambda one: fullest(devices(one[2].framework).moments(one[2].fit)).size.expected
    )
    beside = host_beside(devices(largest.framework).host_beside(largest.fit))
    text = (
        f"the host was probed with {label} on the CPU, where trees take memory that they take on the device instead; "
        "what the driver holds beside it was measured with PyTorch"
    )
    more = [Assumption(slug="host-of-a-device-fit", text=text)]
    if largest.note:
        more.append(Assumption(slug="probe-note", text=largest.note))
    host = replace(made, pools=(with_parts(made.pools[0], beside),), assumptions=(*made.assumptions, *more))
    return on_device(host, largest.fit, largest.framework, label, device, count, where)
