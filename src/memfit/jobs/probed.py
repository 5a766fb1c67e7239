"""A training call of a script → what probing it found: at which sizes, by which law, in forks of the script."""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from memfit.jobs.tabular import grown, with_all, with_sample
from memfit.probing.calls import TrainingCall
from memfit.probing.cutting import stretched
from memfit.probing.launching import ForkOfThis
from memfit.probing.law import SPREAD_BYTES, SPREAD_SHARE
from memfit.probing.planning import Plan
from memfit.probing.scaling import ColumnsAlike, Scaling, together
from memfit.probing.sweeping import ProbeResult, result_of, sweep
from memfit.probing.watching import Limits
from memfit.quantities import ByteRange
from memfit.registry import scaling

SMALL_ROWS = 20_000  # fits of so few rows are probed up to their whole size
_WHOLE_S = 3.0  # calls that take no longer are probed with all their rows
FEW_ROWS = 2_000  # fits of so few are probed at that alone, and a script goes on with an estimator fitted on so many


def probed(
    call: TrainingCall,
    folder: Path,
    *,
    budget_s: float,
    longest_s: float,
    tell: Callable[[str], None],
    target: int | None = None,
) -> ProbeResult:
    """Probe a call by forking this process.

    Args:
        call: not made yet.
        folder: where probes leave their readings.
        budget_s: seconds for all probes.
        longest_s: seconds for one of them.
        tell: told what is being done.
        target: rows that it will have in earnest; None for those that it has.

    Raises:
        MemfitError: no probe succeeded.
    """
    wanted = target or call.rows
    known = known_of(call, stumps=wanted > SMALL_ROWS and call.sliceable)
    repeats = known.repeats if wanted > SMALL_ROWS and call.sliceable else None
    limits = Limits.of_this_machine(seconds=longest_s)
    known = replace(known, most_coefficients={})  # the values are the job's own
    plan = Plan.of(known, target=wanted, sizes=_sizes(call, wanted), budget_s=budget_s, limits=limits)
    fewer = {repeats.parameter: repeats.probed} if repeats is not None else {}
    histograms = known.histograms
    call.changed = fewer | dict(histograms.stumps if histograms is not None else {})
    with ForkOfThis(InFork(call), folder=folder) as source:
        result = sweep(source, plan, progress=tell)
        if wanted == call.rows and worth_the_whole(result, plan):
            tell(f"probing all {call.rows:,}")
            call.changed = fewer  # with the trees that it grows
            readings = [*result.readings, source.probe(call.rows, replace(plan.limits, seconds=_WHOLE_S * 4))]
            result = result_of(
                readings, plan, held_bytes=result.held_bytes, stopped="all-sizes", seconds=result.seconds
            )
    call.changed = {}
    said = [str(each.note) for each in result.readings if each.note]
    result = replace(result, notes=(*result.notes, *dict.fromkeys(said)))
    if repeats is not None:
        result = with_all(result, repeats, plan)
    whole = result.readings[-1]
    if whole.size == wanted and whole.rise_bytes is not None:
        result = replace(result, rise_bytes=as_measured(whole.rise_bytes))
    elif known.sample is not None:
        result = with_sample(result, known.sample, plan)
    elif histograms is not None and histograms.stumps:
        result = grown(result, histograms)
    timing = ByteRange(low=0, expected=0, high=call.unsure_bytes)
    return replace(result, rise_bytes=result.rise_bytes + timing) if result.rise_bytes is not None else result


def worth_the_whole(result: ProbeResult, plan: Plan) -> bool:
    """Whether the call takes so little, as far as the probes tell, that it is probed with all its rows too."""
    done = [each for each in result.readings if each.rise_bytes is not None]
    if not done or done[-1].size == plan.target or plan.target is None or result.rise_bytes is None:
        return False
    times = plan.target / done[-1].size * (plan.target / done[-1].size if "n2" in plan.terms else 1)
    needs = result.rise_bytes.high + (done[-1].start_bytes - result.held_bytes) * times
    return done[-1].seconds * times < _WHOLE_S and needs < plan.limits.memory_bytes


def as_measured(rise_bytes: int) -> ByteRange:
    """The range of a rise that was measured at the size in question: one run and another."""
    spread = round(rise_bytes * SPREAD_SHARE) + SPREAD_BYTES
    return ByteRange.around(rise_bytes, spread)


def _sizes(call: TrainingCall, wanted: int) -> tuple[int, ...] | None:
    rows = call.rows
    if call.sizes is not None:
        return call.sizes
    if wanted > rows and call.sliceable:  # of a part of the data all that is there
        return tuple(sorted({max(rows // times, 1) for times in (8, 4, 2, 1)}))
    if not call.sliceable or rows <= FEW_ROWS:
        return (rows,)
    return (rows // 4, rows) if rows <= SMALL_ROWS else None


def known_of(call: TrainingCall, *, stumps: bool = False) -> Scaling:
    """What the frameworks know of the estimators in a call, those within others included.

    Args:
        call: the call.
        stumps: whether probes may grow the least trees, where the outermost estimator is one of trees.
    """
    found: list[Scaling] = []
    repeats = None
    for learner in call.learners():
        known = scaling(learner.framework)
        if known is None:
            continue
        each = of_stored(
            known.scaling_of(learner.kind, learner.params, call.columns),
            call.stored_columns,
            stumps=stumps and not found,
        )
        found.append(each)
        if repeats is None and each.repeats is not None and learner.path is not None and call.estimator is not None:
            repeats = replace(each.repeats, parameter=learner.path + each.repeats.parameter)
    return replace(together(found), repeats=repeats) if found else Scaling()


def of_stored(known: Scaling, columns: tuple[ColumnsAlike, ...], *, stumps: bool = False) -> Scaling:
    """What is known, of a sparse table with such columns.

    Histograms that only probes of the least trees leave out are not known where probes grow the call's own.
    """
    histograms = known.histograms
    if histograms is not None and histograms.stumps and not stumps:
        histograms = None
    if not columns:
        return replace(known, histograms=None)
    shares = tuple(each.filled for each in columns for _ in range(each.number))
    return replace(
        known,
        sample=known.sample and replace(known.sample, filled=shares),
        histograms=histograms and replace(histograms, columns=columns, made_up=False),
    )


@dataclass(frozen=True, slots=True)
class InFork:
    """A call with as many threads as the script would have had: see launch._one_thread."""

    call: TrainingCall

    def prepare(self, rows: int) -> Any:
        """The call's arguments, cut down."""
        with_threads()
        return self.call.prepare(rows)

    def __call__(self, prepared: Any) -> Any:
        return self.call(prepared)

    @property
    def note(self) -> str:
        """What was left out."""
        return "; ".join(dict.fromkeys(self.call.notes))


def with_threads() -> None:
    """The threads that the script would have, in a fork of its process."""
    threads = (os.environ.get("MEMFIT_THREADS") or "1").partition(",")[0]
    os.environ["OMP_NUM_THREADS"] = threads  # for processes that the fit starts
    with contextlib.suppress(Exception):  # without threadpoolctl, or a pool that it does not know: one thread
        importlib.import_module("threadpoolctl").threadpool_limits(limits=int(threads), user_api="openmp")


@dataclass(frozen=True, slots=True)
class HandBack:
    """Makes a call on a part in a fork and leaves what was learnt in a file.

    Args:
        call: the call.
        path: of the file.
        lighter: fewer rounds and candidates too.
    """

    call: TrainingCall
    path: str
    lighter: bool = False

    def prepare(self, rows: int) -> Any:
        """The call's arguments, cut down."""
        with_threads()
        return min(rows, self.call.rows), self.call.prepare(rows, lighter=self.lighter)

    def __call__(self, prepared: Any) -> None:
        rows, arguments = prepared
        result = self.call(arguments)
        learnt = None if result is self.call.estimator else result
        if learnt is not None and not self.call.gives_result:
            learnt = stretched(learnt, rows, self.call.rows)
        draft = self.path + ".part"
        Path(draft).write_bytes(_pickled((self.call.learnt(), learnt)))
        os.rename(draft, self.path)  # noqa: PTH104  # pathlib's is the overlay's


def _pickled(told: Any) -> bytes:
    """By value what the script defined itself, where joblib is there to do so."""
    try:
        return pickle.dumps(told)
    except Exception:  # a lambda, a class within a function
        return bytes(importlib.import_module("joblib.externals.cloudpickle").dumps(told))


def handed_back(call: TrainingCall, folder: Path, *, rows: int, lighter: bool, seconds: float) -> tuple[Any, str]:
    """What a call gives when made on a part: ((state of the estimator, result), ""), or (None, why not)."""
    path = folder / "fitted"
    reading = ForkOfThis(HandBack(call, str(path), lighter), folder=folder).probe(
        min(call.rows, rows), Limits.of_this_machine(seconds=seconds)
    )
    if reading.failure or not path.exists():
        return None, reading.problem or "its result is no data"
    return pickle.loads(path.read_bytes()), ""
