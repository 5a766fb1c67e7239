"""An estimator and the shape of its data → the estimate document, through probes in the job's own interpreter."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from memfit.documents import Assumption, Component, Estimate, PeakLocation
from memfit.jobs.hosted import host_estimate
from memfit.jobs.launch import Progress
from memfit.probing.child.estimator import EstimatorFit
from memfit.probing.child.likeness import ColumnLike
from memfit.probing.launching import source_of
from memfit.probing.law import Point, fit_law
from memfit.probing.planning import Plan
from memfit.probing.scaling import Histograms, Repeats, Sample, Scaling
from memfit.probing.sweeping import ProbeResult, result_of, sweep
from memfit.probing.vocabulary import terms_with
from memfit.probing.watching import Limits
from memfit.quantities import MIB, Basis, ByteRange, Category, format_bytes
from memfit.registry import scaling
from memfit.sensors import frameworks_found

# An import baseline from one process to the next (a few pages of code), and what a script imports besides; measured
# with scikit-learn 1.9.1 by benchmarks/tabular.
IMPORT_SPREAD_BYTES = 4 * MIB
_LARGEST = 3  # probes that the law beside a sample is fitted on
# What a sample's vectors take beyond their usual: chosen on the tuning half, where they took up to 1.2 times as much.
_SAMPLE_HIGH = 1.3
_TARGET_BYTES = 8  # float64 of a regression, int64 of labels
_DEFAULT_CLASSES = {
    "xgboost": "xgboost.XGBRegressor",
    "lightgbm": "lightgbm.LGBMRegressor",
    "catboost": "catboost.CatBoostRegressor",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TabularRequest:
    """An estimator and its data.

    Args:
        target: "sklearn.ensemble.RandomForestClassifier", or "package.module:function" that returns an estimator.
        rows, columns: of the data.
        dtype: of the data, by NumPy's name.
        classes: of a classifier's target.
        params: of the estimator.
        predict: whether it also predicts on as many rows.
        given: the estimator itself instead of its name.
        budget_s: seconds for all probes.
        host_memory_bytes: to judge by, None for this machine's.
        python: the interpreter that has the packages.
        data: what was read from a data file, in a sentence; "" when the shape was given.
        missing: share of the cells that are missing, 0 to 1.
        like: what the file's columns are like, the target left out; () when the shape was given.
        target_like: what the target is like; None when it was not named.
        on: the machine that was named, for a fit that trains on a GPU; None for this one.
    """

    target: str
    rows: int
    columns: int
    dtype: str = "float64"
    classes: int = 2
    params: Mapping[str, Any] = field(default_factory=dict)
    predict: bool = False
    given: Any = None
    budget_s: float = 60.0
    host_memory_bytes: int | None = None
    python: str | None = None
    data: str = ""
    missing: float = 0.0
    like: tuple[ColumnLike, ...] = ()
    target_like: ColumnLike | None = None
    on: str | None = None

    @property
    def name(self) -> str:
        """The class, with the module that a framework's bare name stands for."""
        return _DEFAULT_CLASSES.get(self.target, self.target)

    @property
    def data_bytes(self) -> int:
        """The table and a target."""
        return self.rows * (self.columns * item_bytes(self.dtype) + _TARGET_BYTES)

    @property
    def data_range(self) -> ByteRange:
        """Those bytes with what making them leaves behind."""
        return ByteRange.exactly(self.data_bytes)

    @property
    def data_source(self) -> str:
        """What those bytes are, in words."""
        return f"{self.rows:,} rows × {self.columns:,} columns of {self.dtype}, and a target"

    @property
    def shape_words(self) -> list[str]:
        """What the command line says of the data besides its rows."""
        return ["--cols", str(self.columns)]

    @property
    def probed_on(self) -> str:
        """What the probes' data is, in a sentence."""
        return _LIKE if self.like else _DENSE

    @property
    def held_as(self) -> str:
        """How the data is held when the fit begins."""
        return "as one array"

    @property
    def sizes(self) -> tuple[int, ...] | None:
        """Rows to probe; None to choose them on the way."""
        return None

    def scaling(self) -> Scaling:
        """What its framework knows of the estimator; a dense column's bins are full in the smallest probe."""
        return replace(scaling_of(self), histograms=None)

    def remarks(self, found: ProbeResult) -> tuple[Assumption, ...]:
        """What the figures say of this kind of data."""
        return ()

    def call(self, params: Mapping[str, Any]) -> EstimatorFit:
        """The fit that probes make.

        Args:
            params: that they set otherwise.
        """
        return EstimatorFit(
            self.name,
            {**self.params, **params},
            self.columns,
            self.dtype,
            self.classes,
            self.predict,
            self.given,
            self.missing,
            self.like,
            self.target_like,
        )


def item_bytes(dtype: str) -> int:
    """Bytes of one value, from the number in its name.

    >>> item_bytes("float32"), item_bytes("int8")
    (4, 1)
    """
    digits = "".join(letter for letter in dtype if letter.isdigit())
    return int(digits) // 8 if digits else 1


def estimate_estimator(request: TabularRequest, *, progress: Callable[[Progress], None] | None = None) -> Estimate:
    """The estimate of a fit, by probing.

    Raises:
        MemfitError: it cannot be loaded or no probe succeeded.
    """
    began = time.monotonic()
    known = request.scaling()
    repeats = known.repeats
    fewer = {repeats.parameter: repeats.probed} if repeats is not None else {}
    call = request.call({**known.probe_params, **fewer})

    def tell(text: str) -> None:
        if progress is not None:
            progress(Progress(stage="probe", text=text, step=0, steps=0, seconds=time.monotonic() - began))

    tell(f"loading {request.name}")
    limits = Limits.of_this_machine(seconds=request.budget_s)
    plan = Plan.of(known, target=request.rows, sizes=request.sizes, budget_s=request.budget_s, limits=limits)
    with source_of(call, modules=("numpy",), python=request.python) as source:
        found = sweep(source, plan, progress=tell)
    if repeats is not None:
        found = with_all(found, repeats, plan)
    if known.sample is not None:
        found = with_sample(found, known.sample, plan)
    if known.histograms is not None and known.histograms.stumps:
        found = grown(found, known.histograms)
    return document(request, found, seconds=time.monotonic() - began)


def with_all(found: ProbeResult, repeats: Repeats, plan: Plan) -> ProbeResult:
    """The result with all the trees or rounds of which the probes made fewer."""
    readings = []
    for each in found.readings:
        if each.rise_bytes is not None:
            rise, kept = repeats.whole(each.rise_bytes, each.kept_bytes)
            stored = each.stored_bytes and round(each.stored_bytes * repeats.wanted / repeats.probed)
            each = replace(each, rise_bytes=rise, kept_bytes=kept, stored_bytes=stored)
        readings.append(each)
    whole = result_of(readings, plan, held_bytes=found.held_bytes, stopped=found.stopped, seconds=found.seconds)
    note = f"probed with {repeats.parameter}={repeats.probed} instead of {repeats.wanted}" + (
        ", what each keeps counted for all" if repeats.kept else ", which hardly changes the peak"
    )
    return replace(whole, notes=(*whole.notes, note))


def with_sample(found: ProbeResult, sample: Sample, plan: Plan) -> ProbeResult:
    """The result with the law fitted on what is not the sample, and the sample's part at the target added."""
    told = [each for each in found.readings if each.rise_bytes is not None]
    readings = [  # of the largest alone: what is left of small ones is first-call overhead
        replace(each, rise_bytes=max((each.rise_bytes or 0) - sample.at(each.size), 0)) for each in told[-_LARGEST:]
    ]
    rest = result_of(readings, plan, held_bytes=found.held_bytes, stopped=found.stopped, seconds=found.seconds)
    assert rest.rise_bytes is not None
    size = sample.at(plan.target or 1)
    part = ByteRange(low=round(size * 0.8), expected=size, high=round(size * _SAMPLE_HIGH))
    return replace(rest, readings=found.readings, rise_bytes=rest.rise_bytes + part, notes=found.notes)


def grown(found: ProbeResult, histograms: Histograms) -> ProbeResult:
    """The result that says what probes of the least trees cannot tell."""
    settings = ", ".join(f"{name}={value}" for name, value in histograms.stumps.items())
    note = f"probed with {settings}; the histograms of the trees that the fit grows are computed"
    readings = tuple(replace(each, stored_bytes=None) for each in found.readings)
    return replace(found, readings=readings, notes=(*found.notes, note))


def parameters_of(given: Any) -> dict[str, Any]:
    """Those that an estimator has; none of what is named alone."""
    return dict(given.get_params(deep=False)) if hasattr(given, "get_params") else {}


def _path_of(request: TabularRequest) -> str:
    """Of the class, or of what returns an estimator."""
    cls = type(request.given)
    return request.name.partition(":")[0] if request.given is None else f"{cls.__module__}.{cls.__qualname__}"


def framework_of(request: TabularRequest) -> str:
    """Whose estimator it is."""
    return _path_of(request).partition(".")[0]


def scaling_of(request: TabularRequest) -> Scaling:
    """What the estimator's framework knows of it."""
    known, name = scaling(framework_of(request)), _path_of(request).rpartition(".")[2]
    params = {**parameters_of(request.given), **request.params}
    found = known.scaling_of(name, params, request.columns) if known is not None else Scaling()
    found = replace(found, spread_share=found.spread_share + found.values_share)
    if found.sample is None or not request.like:
        return found
    filled = tuple(1 - column.zeros for column in request.like)  # zeros are not collected
    return replace(found, sample=replace(found.sample, filled=filled))


def document(request: TabularRequest, found: ProbeResult, *, seconds: float) -> Estimate:
    """The estimate document of what probing found."""
    held = found.held_bytes
    parts = [*held_parts(request, held), *fit_parts(found, found.rise_bytes or ByteRange.exactly(0))]
    cost = {"seconds": round(seconds, 2), "process_peak_bytes": held + found.probe_peak_bytes + _probe_data(found)}
    return document_of(request, parts, assumptions(request, found), cost)


def held_parts(request: TabularRequest, held_bytes: int) -> list[Component]:
    """What is there when a fit begins: the imports, measured, and the data."""
    return [
        Component(
            category=Category.FRAMEWORK,
            range=ByteRange.around(held_bytes, IMPORT_SPREAD_BYTES),
            basis=Basis.MEASURED,
            source="a fresh process that imported the estimator",
        ),
        Component(
            category=Category.DATASET,
            range=request.data_range,
            basis=Basis.COMPUTED,
            source=request.data_source,
        ),
    ]


def document_of(
    request: TabularRequest, parts: Sequence[Component], told: tuple[Assumption, ...], cost: Mapping[str, Any]
) -> Estimate:
    """The estimate document of a fit's parts."""
    return host_estimate(
        {"kind": "estimator", "name": request.name, "arguments": words(request)},
        parts,
        peak_at=PeakLocation(operator=f"{request.name.rpartition('.')[2].rpartition(':')[2]}.fit"),
        assumptions=told,
        versions={} if request.python else _versions(request),
        cost=cost,
        host_memory_bytes=request.host_memory_bytes,
    )


def kept_bytes(found: ProbeResult) -> int:
    """What a fit still holds at its end, at the size that is of interest."""
    kept = [Point(size=each.size, rise_bytes=each.kept_bytes) for each in found.readings if each.rise_bytes is not None]
    return min(
        fit_law(kept, terms=terms_with(("n",), found.readings)).at(found.target or 1),
        found.rise_bytes.expected if found.rise_bytes is not None else 0,
    )


def stored_bytes(found: ProbeResult) -> int | None:
    """What the fitted estimator takes on disk at the size that is of interest; None where no probe told."""
    told = [Point(size=each.size, rise_bytes=each.stored_bytes) for each in found.readings if each.stored_bytes]
    return fit_law(told, terms=terms_with(("n",), found.readings)).at(found.target or 1) if told else None


def fit_parts(found: ProbeResult, rise: ByteRange) -> list[Component]:
    """What the fit adds: what it keeps at its end, by a law of its own, and what it needs meanwhile."""
    last = kept_bytes(found)
    source = f"{len(found.law.points)} probes up to {found.law.points[-1].size:,.0f} rows: {found.law}"
    held = ByteRange(low=min(last, rise.low), expected=last, high=last)
    meanwhile = ByteRange(low=rise.low - held.low, expected=rise.expected - last, high=rise.high - last)
    return [
        Component(category=Category.PARAMETERS, range=held, basis=Basis.EXTRAPOLATED, source="the fitted estimator"),
        Component(category=Category.TEMPORARIES, range=meanwhile, basis=Basis.EXTRAPOLATED, source=source),
    ]


def assumptions(request: TabularRequest, found: ProbeResult) -> tuple[Assumption, ...]:
    """What the figures rest on that was not seen."""
    largest = max(int(point.size) for point in found.law.points)
    times = request.rows / largest
    told = [
        Assumption(
            slug="synthetic-data",
            text=request.probed_on,
        ),
        Assumption(
            slug="extrapolated-from-probes",
            text=f"{len(found.law.points)} probes of up to {largest:,} rows in {found.seconds:.0f} s; "
            f"{request.rows:,} are {times:.0f} times as many ({_STOPS[found.stopped]})",
        ),
        one_array(request),
    ]
    stored = stored_bytes(found)
    if stored is not None:
        told.append(
            Assumption(
                slug="model-size",
                text=f"the fitted estimator: about {format_bytes(stored)} on disk, as pickle and joblib write it "
                f"uncompressed, and {format_bytes(kept_bytes(found))} in memory",
            )
        )
    if request.data:
        told.append(Assumption(slug="shape-from-file", text=request.data))
    notes = (Assumption(slug="probe-note", text=note) for note in found.notes)
    return (*told, *request.remarks(found), *notes)


def one_array(request: TabularRequest) -> Assumption:
    """What is taken for the data."""
    return Assumption(
        slug="data-as-one-array",
        text=f"{format_bytes(request.data_bytes)} of data are held once, {request.held_as}, when the fit begins; "
        "reading and preparing them is not in this figure",
    )


_DENSE = "probed on dense random data of that shape: real values change what trees and bins take"
_LIKE = (
    "probed on random columns like the file's: their kinds, different values, missing and zero cells, quantiles; how "
    "they hang together and how far the target depends on them was not measured, and changes what trees take"
)
_STOPS = {
    "good-enough": "one more probe no longer moved the figure",
    "budget": "the budget was spent: --probe-budget gives more",
    "memory": "a larger probe would have taken too much of this machine's memory",
    "time": "a larger probe took too long: --probe-budget gives more",
    "all-sizes": "no larger probe was wanted",
}


def words(request: TabularRequest) -> list[str]:
    """The command line that says the same."""
    told = ["--rows", str(request.rows), *request.shape_words]
    if request.dtype != "float64":
        told += ["--dtype", request.dtype]
    if request.classes != 2 and not request.name.endswith("Regressor"):
        told += ["--classes", str(request.classes)]
    if request.missing and not request.data:
        told += ["--missing", f"{request.missing:g}"]
    for name, value in request.params.items():
        told += ["--set", f"{name}={value}"]
    return [*told, "--predict"] if request.predict else told


def _versions(request: TabularRequest) -> dict[str, str]:
    names = {"sklearn": "scikit-learn"}
    top = request.name.partition(".")[0]
    found = frameworks_found()
    wanted = {names.get(top, top), "numpy", "scikit-learn"}
    threads = {"OMP_NUM_THREADS": os.environ["OMP_NUM_THREADS"]} if "OMP_NUM_THREADS" in os.environ else {}
    return {**{name: version for name, version in found.items() if name in wanted}, **threads}


def _probe_data(found: ProbeResult) -> int:
    largest = max(found.readings, key=lambda each: each.start_bytes + (each.rise_bytes or 0))
    return max(largest.start_bytes - found.held_bytes, 0)
