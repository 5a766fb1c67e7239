"""What every framework's simulation must hold to. A framework's test class inherits this and says how it is driven."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

from memfit.engine.trace import Trace
from memfit.quantities import Category

OTHERS = ("torch", "tensorflow", "jax", "keras", "sklearn", "xgboost", "lightgbm")


class FrameworkContract:
    """The common suite.

    A subclass gives: ``name`` (the package), ``simulate(job) -> Trace`` on a simulated device, ``train(batch)`` a job
    with that batch size, ``tied()`` and ``untied()`` jobs that differ only in sharing one weight, ``own_object()`` a
    real object, a function that fingerprints it and a job that uses it.
    """

    name: str

    def simulate(self, job: Callable[[], Any]) -> Trace:
        raise NotImplementedError

    def train(self, batch: int) -> Callable[[], Any]:
        raise NotImplementedError

    def sharing(self) -> tuple[Callable[[], Any], Callable[[], Any], int]:
        """A job with a shared weight, the same without sharing, and the weight's bytes."""
        raise NotImplementedError

    def own_object(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        """A job that uses an object made beforehand, and a function that tells all of the object's state."""
        raise NotImplementedError

    def test_tied_parameters_count_once(self) -> None:
        """Sharing a weight saves exactly that weight."""
        tied, untied, weight_bytes = self.sharing()

        difference = _bytes(self.simulate(untied), Category.PARAMETERS) - _bytes(
            self.simulate(tied), Category.PARAMETERS
        )

        assert difference == weight_bytes

    def test_freeing_everything_returns_to_zero(self) -> None:
        """What the job let go of is gone from the trace."""
        trace = self.simulate(self.train(8))

        alive = [storage for storage in trace.storages if storage.died is None and storage.pool != "host"]

        assert [item for item in alive if item.category is not Category.WORKSPACES] == []

    def test_doubling_the_batch_never_shrinks_memory(self) -> None:
        """The peak grows with the batch."""
        peaks = [_peak(self.simulate(self.train(batch))) for batch in (256, 512, 1024, 2048)]

        assert peaks == sorted(peaks)
        assert peaks[0] < peaks[-1]

    def test_the_users_object_is_unchanged(self) -> None:
        """An object made before the simulation is the same after it."""
        job, state = self.own_object()
        before = state()

        self.simulate(job)

        assert state() == before

    def test_no_other_framework_is_imported(self) -> None:
        """Loading one framework's simulation loads none of the others."""
        others = [item for item in OTHERS if item != self.name]
        code = (
            f"import sys; from memfit.registry import adapter; adapter({self.name!r}); "
            f"print([name for name in {others!r} if name in sys.modules])"
        )

        seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

        assert seen.stdout.strip() == "[]"


def _bytes(trace: Trace, category: Category) -> int:
    return sum(item.size_bytes for item in trace.storages if item.category is category and item.pool != "host")


def _peak(trace: Trace) -> int:
    live, peak = 0, 0
    for pool in trace.pools():
        if pool != "host":
            for _, change, storage in trace.events(pool):
                live += change * storage.size_bytes
                peak = max(peak, live)
    return peak
