"""Baselines are read in fresh processes; an interpreter that is none is said to be none."""

from __future__ import annotations

import sys

import pytest

from memfit.calibrating.learn import installed
from memfit.errors import MemfitError
from memfit.probing.baseline import measure
from memfit.quantities import MIB


@pytest.mark.torch
@pytest.mark.slow
def test_first_step_of_torch_is_small_beside_its_import() -> None:
    """Importing torch takes over 100 MiB on any build, a step on tensors of some KiB a fraction of it."""
    found = measure("torch")

    assert found.import_bytes > 100 * MIB
    assert found.first_step_bytes is not None
    assert 1 * MIB < found.first_step_bytes < found.import_bytes


def test_interpreter_that_does_not_run_is_named() -> None:
    """No traceback of subprocess: a sentence with a hint."""
    with pytest.raises(MemfitError, match="/no/python"):
        installed("/no/python")


def test_package_that_is_not_there_is_told_by_its_own_error() -> None:
    """What the interpreter said is in the message."""
    here = installed(sys.executable)
    absent = next((package for package in ("jax", "tensorflow", "lightgbm") if package not in here), None)
    if absent is None:
        pytest.skip("all of them are installed")

    with pytest.raises(MemfitError, match="No module named"):
        measure(absent)
