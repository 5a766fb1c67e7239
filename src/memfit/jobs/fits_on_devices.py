"""Fits that are set to train on a GPU: what they take there has not been measured, and is not guessed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memfit.errors import UsageError
from memfit.probing.calls import TrainingCall
from memfit.registry import scaling


def refuse_devices(name: str, params: Mapping[str, Any]) -> None:
    """Say that a fit on a GPU is not estimated: probed here it would be one on the CPU, which is another thing.

    Args:
        name: of the class, with its module.
        params: that it has.

    Raises:
        UsageError: it is set to train on one.
    """
    known = scaling(name.partition(".")[0])
    setting = known.on_device(params) if known is not None else ""
    if setting:
        raise UsageError(
            f"{name} with {setting} trains on a GPU: what it takes there has not been measured, and is not guessed",
            hint=f"without {setting} the same fit on the CPU is estimated; on a machine with the GPU, "
            "`memfit run -- python train.py` records both",
            slug="fit-on-device",
        )


def notes_of_devices(call: TrainingCall) -> list[str]:
    """That estimators of a script's call are set to train on a GPU, of which its probes say nothing."""
    found = ((known, learner) for learner in call.learners() if (known := scaling(learner.framework)) is not None)
    return [
        f"{learner.kind} has {setting}: what it takes on a GPU is in no figure here, and where none is the probes "
        "trained on the CPU, whose host memory is another; `memfit run` on the machine with the GPU records both"
        for known, learner in found if (setting := known.on_device(learner.params))
    ]  # fmt: skip
