"""The child for jobs whose framework cannot be simulated: a few steps with small batches for real, and the law of it.

    python -m memfit.jobs.anchoring FOLDER

The folder is as for jobs.child. The job runs in fresh processes with an eighth, a quarter and half of its batch; their
peaks give a line, and the line the peak of the whole batch. What does not grow with the batch is measured as it is:
imports, weights, optimizer state, data held whole, what the framework's compiler and its threads keep.

What tf.data and Keras batch is cut by hooks. A job that makes its batches by hand is run with another number where its
script or its command line names one.
"""

from __future__ import annotations

import platform
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from memfit import __version__
from memfit.documents import Assumption, Component, Estimate, Knob, Machine, PeakLocation, PoolEstimate, save
from memfit.errors import JobFailed, JobNeverTrained, JobTimedOut, UsageError
from memfit.jobs.child import Child, _stay_offline
from memfit.jobs.knobs import batch_knobs, turned
from memfit.jobs.small import run_small
from memfit.probing.law import Law, Point, fit_law
from memfit.probing.watching import Limits, Reading
from memfit.quantities import MIB, Basis, ByteRange, Category, Phase
from memfit.sensors import frameworks_found, host_capacity

# What the hooks cut: such a script's own number is left alone.
_BATCHED = re.compile(r"\.(batch|padded_batch|fit|train_on_batch)\(|dataset_from_")
_DIVISORS = (8, 4, 2)
_STEPS = 16  # fewer do not show what malloc keeps: the tuning half of benchmarks/compiled, on TensorFlow
_LEAST_ROOM_SHARE = 0.5  # of the free memory, that a small run may take
# memfit in the process that runs the job, beyond what any TensorFlow job imports: measured with CPython 3.11 as the
# difference of the peaks of `import tensorflow` with and without it.
_OWN_BYTES = 4 * MIB
# What one run has and another has not. Libraries' code is read in by pages of different size as the page cache has it:
# two days' imports of TensorFlow 2.21 differed by 53 MiB. The share is of the rise above the imports, from the spread
# of repeated runs on the tuning half.
_IMPORT_SPREAD_BYTES = 32 * MIB
_RISE_SHARE = 0.12
_SHOWN = ("tensorflow", "tensorflow-cpu", "keras", "jax", "torch", "numpy")


class Anchoring(Child):
    """One job being run small."""

    def _simulate(self) -> None:
        self.assumed: dict[str, str] = {}
        self.knob = self._knob()
        readings = self._run_small()
        save(self._document(readings), self.folder / "result.json")
        self._end(0)

    def _knob(self) -> Knob | None:
        """The number by which a job that batches by hand can be made smaller."""
        try:
            text = Path(self.request.target).read_text(encoding="utf-8", errors="replace")
        except OSError:  # a module's name
            text = ""
        if _BATCHED.search(text):
            return None
        return next(iter(batch_knobs(text, self.request.arguments, ())), None)

    def _run_small(self) -> list[Reading]:
        """The readings of different batches, the smallest first; one of the whole job where no batch was found."""
        readings: list[Reading] = []
        request = self.request
        for divisor in _DIVISORS:
            left = request.timeout_s - (time.monotonic() - self.started)
            if readings and left < 3 * readings[-1].wall_s:
                break
            share = f"1/{divisor} of the batch"
            self.tell("setup", f"running a few steps with {share}", 0)
            found = self._one(divisor, left)
            if found.rise_bytes is None:
                if readings:
                    self.assume("small-run-failed", f"the run with {share} was given up: {found.problem}")
                    break
                self._first_failed(found)
            note: Any = found.note
            if note["problem"]:
                self._ended_with_problem(note, readings)
            if readings and note["cut"] == readings[-1].note["cut"]:  # type: ignore[index]
                continue
            readings.append(found)
            if note["batch"] is None or note["cut"] == note["batch"]:
                break
        return readings

    def _one(self, divisor: int, seconds: float) -> Reading:
        limits = Limits.of_this_machine(share=_LEAST_ROOM_SHARE, seconds=seconds + 10)
        request = replace(self.request, steps=max(self.request.steps, _STEPS), timeout_s=max(seconds, 1.0))
        if self.knob is None:
            return run_small(request, divisor, limits)
        cut = max(self.knob.value // divisor, 1)
        found = run_small(turned(request, self.knob, cut), 1, limits)
        if found.note is not None:
            found.note.update(batch=self.knob.value, cut=cut)  # type: ignore[attr-defined]
        return found

    def _first_failed(self, found: Reading) -> None:
        if found.failure == "time":
            raise JobTimedOut(
                f"{self.request.target} did not come to {_STEPS} steps within {self.request.timeout_s:g} s",
                hint="give it longer with --timeout, or less data to prepare",
            )
        if found.failure == "memory":
            raise JobFailed(
                f"{self.request.target} takes more than this machine can spare even with small batches: "
                f"{found.problem}",
                hint="run memfit where the job's data fits, or with fewer rows",
                slug="too-large-to-anchor",
            )
        raise JobFailed(found.problem, hint="run it with the arguments that python would need")

    def _ended_with_problem(self, note: dict[str, Any], readings: list[Reading]) -> None:
        if not note["steps"]:
            raise JobFailed(
                f"{note['problem']} before the first training step",
                hint="run it with the arguments that python would need; if plain python runs it, its batches cannot be "
                "made smaller",
            )
        self.assume(
            "job-failed-later", f"after {note['steps']} steps with small batches the script failed: {note['problem']}"
        )

    def assume(self, slug: str, text: str) -> None:
        self.assumed[slug] = text

    # -- the document ------------------------------------------------------------------------------------------

    def _document(self, readings: list[Reading]) -> Estimate:
        note: Any = readings[-1].note
        if not note["steps"]:
            raise JobNeverTrained(
                f"{self.request.target} ended without a training step",
                hint="pass the arguments that make it train",
            )
        host = host_capacity()
        request = self.request
        parts = tuple(self._components(readings))
        pool = PoolEstimate(
            pool="host",
            capacity_bytes=request.host_memory_bytes or host.capacity_bytes,
            peak_bytes=ByteRange.total(part.range for part in parts),
            components=parts,
            peak_at=PeakLocation(phase=Phase.BACKWARD),
            other_processes_bytes=None if request.host_memory_bytes else host.other_processes_bytes,
        )
        found = frameworks_found()
        return Estimate(
            target={
                "kind": "module" if request.module else "script",
                "name": request.target,
                "arguments": list(request.arguments),
            },
            machine=Machine(name="cpu", details={"device_count": 0}),
            pools=(pool,),
            assumptions=tuple(Assumption(slug=slug, text=text) for slug, text in self.assumed.items()),
            environment={
                "memfit": __version__,
                "python": platform.python_version(),
                "platform": platform.platform(),
                **{name: version for name, version in found.items() if name in _SHOWN},
            },
            cost={
                "seconds": round(time.monotonic() - self.started, 2),
                "process_peak_bytes": max(each.rise_bytes or 0 for each in readings),
            },
        )

    def _components(self, readings: list[Reading]) -> Iterator[Component]:
        """The parts that the runs show; what is left of the constant part is the framework's own."""
        note: Any = readings[-1].note
        imported = min(each.note["imported_bytes"] for each in readings) - _OWN_BYTES  # type: ignore[index]
        batch = note["batch"]
        rises = [max((each.rise_bytes or 0) - _OWN_BYTES - imported, 0) for each in readings]
        if batch is None or note["cut"] == batch:
            self.assume("run-as-it-is", f"no batch was found to make smaller: {note['steps']} steps ran as they are")
            grown, constant, high = 0, rises[-1], round(rises[-1] * (1 + _RISE_SHARE))
        else:
            sizes = [each.note["cut"] for each in readings]  # type: ignore[index]
            law = fit_law([Point(size=size, rise_bytes=rise) for size, rise in zip(sizes, rises, strict=True)])
            self.assume(
                "ran-small",
                f"{_STEPS} steps were run for real with batches of {', '.join(map(str, sizes))} instead of {batch}, "
                "and the line through their peaks followed to the whole batch"
                + (f"; {self.knob.name} was taken for the batch" if self.knob is not None else ""),
            )
            grown, constant, high = _split(law, batch)
        known = [
            (Category.PARAMETERS, note["parameters_bytes"], "variables of the models that were used"),
            (Category.OPTIMIZER_STATE, note["optimizer_bytes"], "variables of their optimizers"),
            (Category.DATASET, note["data_bytes"], "arrays that fit() was given whole"),
        ]
        yield Component(
            category=Category.FRAMEWORK,
            range=ByteRange(
                low=max(imported - _IMPORT_SPREAD_BYTES, 0), expected=imported, high=imported + _IMPORT_SPREAD_BYTES
            ),
            basis=Basis.MEASURED,
            source="after the framework's import",
        )
        left = constant
        for category, size, source in known:
            taken = min(size, left)
            left -= taken
            if taken:
                yield Component(category=category, range=ByteRange.exactly(taken), basis=Basis.MEASURED, source=source)
        more = high - grown - constant
        yield Component(
            category=Category.OTHER,
            range=ByteRange(low=max(left - more, 0), expected=left, high=left + more),
            basis=Basis.MEASURED,
            source="gradients, graphs, compiled code, threads' pools and what malloc keeps: the part of the small runs "
            "that does not grow with the batch",
        )
        if grown:
            yield Component(
                category=Category.ACTIVATIONS,
                range=ByteRange.exactly(grown),
                basis=Basis.EXTRAPOLATED,
                source=f"what grows with the batch, at {batch}",
            )


def _split(law: Law, batch: int) -> tuple[int, int, int]:
    """What grows with the batch, what does not, and the high end of both together."""
    whole = law.range_at(batch)
    constant = min(round(law.constant_bytes), whole.expected)
    return whole.expected - constant, constant, max(whole.high, round(whole.expected * (1 + _RISE_SHARE)))


def main() -> None:
    """Work on the folder named on the command line."""
    child = Anchoring(Path(sys.argv[1]))
    if child.request.on is not None:
        child._fail(
            UsageError(
                "jobs of TensorFlow and JAX are estimated for the host alone so far",
                hint="without --on, or with --on cpu",
                slug="cannot-simulate",
            )
        )
        child._end(1)
    _stay_offline()
    child.work()


if __name__ == "__main__":
    main()
