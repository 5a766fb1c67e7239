"""What one iteration adds, as a comparison needs it: live tensors of an estimate, and what was measured."""

from __future__ import annotations

from memfit.analysis import diagnose_series
from memfit.analysis.measured import main_iterations
from memfit.documents import Estimate, PerIteration, Recording, SeriesDiagnosis


def per_iteration(pool: str, first: Estimate | Recording, second: Estimate | Recording) -> PerIteration | None:
    """The growth of one pool per iteration on both sides; None when neither tells."""
    before, after = _rate(pool, first), _rate(pool, second)
    if before is None and after is None:
        return None
    measured = _series(pool, second) if isinstance(second, Recording) else None
    rows = next((main_iterations(one) for one in (second, first) if isinstance(one, Recording)), None)
    return PerIteration(
        figure=_figure(pool, first, second),
        unit="step" if rows is None else rows.unit,
        first_bytes=before,
        second_bytes=after,
        verdict="" if measured is None else measured.growth.value.replace("_", " "),
    )


def _figure(pool: str, first: Estimate | Recording, second: Estimate | Recording) -> str:
    if not pool.endswith("host"):
        return "allocated"
    names = ["live tensors" if isinstance(document, Estimate) else "resident size" for document in (first, second)]
    return names[0] if names[0] == names[1] else "live tensors predicted, resident size measured"


def _rate(pool: str, document: Estimate | Recording) -> float | None:
    if isinstance(document, Recording):
        found = _series(pool, document)
        if found is None or found.is_leak is None:
            return None
        return 0.0 if found.bytes_per_iteration is None else float(found.bytes_per_iteration)
    steps = next((each.steps for each in document.pools if each.pool == pool), ())
    if len(steps) < 3:  # the first leaves the optimizer's state behind
        return None
    return float(steps[-1].end_bytes - steps[-2].end_bytes)


def _series(pool: str, recording: Recording) -> SeriesDiagnosis | None:
    """How the pool's level at the ends of the main process's iterations moves; None where it was not read."""
    rows = main_iterations(recording)
    name = "rss" if pool.endswith("host") else "allocated"
    column = None if rows is None else rows.columns.get(f"{pool}/{name}")
    if rows is None or not column:
        return None
    found = diagnose_series(column, seconds=rows.seconds, iterations=rows.numbers, pool=pool, name=name)
    return found.worst
