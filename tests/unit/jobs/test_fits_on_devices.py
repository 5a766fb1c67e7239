"""Fits that are set to train on a GPU are no fits on the CPU."""

from __future__ import annotations

from collections.abc import Iterable

from memfit.jobs.fits_on_devices import notes_of_devices
from memfit.probing.calls import Learner, TrainingCall


class Fits(TrainingCall):
    """A call with two estimators, one of which trains on a GPU."""

    def learners(self) -> Iterable[Learner]:
        return [Learner("sklearn", "Pipeline", {}), Learner("xgboost", "XGBRegressor", {"device": "cuda"}, "model__")]


def test_a_script_that_trains_on_a_gpu_is_told_what_its_figure_is_not() -> None:
    """Once, of the estimator that is set so."""
    [note] = notes_of_devices(Fits())

    assert note.startswith("XGBRegressor has device=cuda")
