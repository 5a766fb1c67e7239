"""Calls of a script, probed in forks: with which parameters, and what is added to what the probes show."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from memfit.jobs import probed
from memfit.probing.calls import Learner, TrainingCall
from memfit.probing.scaling import ColumnsAlike
from memfit.quantities import MIB

ROWS = 200_000


class Trees(TrainingCall):
    """Takes 200 bytes for a row, and ten times that unless it grows stumps."""

    label = "Trees.fit"
    rows, columns = ROWS, 500
    stored_columns = (ColumnsAlike(500, 0.02),)

    def learners(self) -> Iterable[Learner]:
        return [Learner("xgboost", "Booster", {"n_jobs": 1}, path=None)]

    def prepare(self, rows: int, *, lighter: bool = True) -> Any:
        return rows * (200 if self.changed.get("max_depth") == 1 else 2_000)

    def __call__(self, prepared: Any) -> Any:
        bytes(bytearray(b"1") * prepared)


def found(folder: Path, whole_s: float | None = None) -> Any:
    """What probing it says, from a fresh process: probes are forks, and what it had freed before would hide in them.

    Args:
        folder: an empty one.
        whole_s: in place of the seconds for which a call is probed whole.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
        return fresh.submit(probed_here, folder, whole_s).result()


def probed_here(folder: Path, whole_s: float | None) -> Any:
    if whole_s is not None:
        probed._WHOLE_S = whole_s
    return probed.probed(Trees(), folder, budget_s=30, longest_s=10, tell=lambda text: None)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's high-water mark")
def test_histograms_of_a_sparse_tables_columns_stand_beside_what_stumps_take(tmp_path: Path) -> None:
    """500 columns of 256 bins: 16 bytes for each of 63 nodes and a thread."""
    whole = 500 * 256 * 16 * 64

    rise = found(tmp_path, whole_s=0.0).rise_bytes

    assert abs(rise.expected - ROWS * 400 - 0.82 * whole) < 32 * MIB
    assert rise.high >= whole + ROWS * 400 - 8 * MIB > rise.low  # stumps have some of their own, which are taken out


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's high-water mark")
def test_a_call_that_is_probed_whole_grows_its_own_trees(tmp_path: Path) -> None:
    """Nothing is computed where all was measured."""
    result = found(tmp_path)

    assert result.readings[-1].size == ROWS
    assert abs(result.rise_bytes.expected - ROWS * 4_000) < 16 * MIB
    assert not any("max_depth" in note for note in result.notes)
