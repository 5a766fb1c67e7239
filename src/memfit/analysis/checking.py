"""A job against budgets of memory and of growth. What cannot be shown to be within its budget has not passed.

An estimate is judged by its high end, a recording by what it measured; one that was cut short measured too little.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping

from memfit.analysis.measured import was_cut_short
from memfit.documents import BudgetCheck, Check, Diagnosis, Estimate, GrowthCheck, Recording
from memfit.errors import UsageError
from memfit.quantities import format_bytes

ANY = ""  # a budget without a pool: the job's devices, or the host where it uses none


def check(
    document: Estimate | Recording,
    budgets: Mapping[str, int],
    *,
    growth_bytes: int | None = None,
    diagnosis: Diagnosis | None = None,
) -> Check:
    """Hold a job against its budgets.

    Args:
        document: what was predicted or measured.
        budgets: bytes by pool; "cuda" means each of its devices of that kind, "" the job's devices, or the host where
            it uses none.
        growth_bytes: what an iteration may add; None asks a recording for leaks alone.
        diagnosis: of the recording; None for an estimate, and where nothing was diagnosed.

    Raises:
        UsageError: a budget for a pool that the job does not have.
    """
    found = [_budget(document, pool, size) for name, size in budgets.items() for pool in _meant(name, document)]
    growth = (
        _simulated(document, growth_bytes) if isinstance(document, Estimate) else _diagnosed(diagnosis, growth_bytes)
    )
    return Check(target=_name(document), budgets=tuple(found), growth=tuple(growth))


def _meant(name: str, document: Estimate | Recording) -> list[str]:
    """The pools of a budget: one, all devices, or all of a kind ("cuda")."""
    pools = [pool.pool for pool in document.pools] if isinstance(document, Estimate) else list(document.pools)
    if name == ANY:
        return [pool for pool in pools if not pool.endswith("host")] or ["host"]
    alike = [name] if name in pools else [pool for pool in pools if pool.rpartition("/")[2].partition(":")[0] == name]
    if not alike and isinstance(document, Estimate):
        with contextlib.suppress(KeyError):  # of several ranks the pools are the fullest one's
            alike = [document.pool(name).pool]
    if not alike:
        raise UsageError(
            f"the job has no pool {name!r}", hint="it has " + ", ".join(pools or ["none"]), slug="no-such-pool"
        )
    return alike


def _name(document: Estimate | Recording) -> str:
    if isinstance(document, Recording):
        return document.title
    words = [document.target.get("name", "a job"), *(document.target.get("arguments") or ())]
    return " ".join(map(str, words))


def _budget(document: Estimate | Recording, pool: str, budget_bytes: int) -> BudgetCheck:
    if isinstance(document, Estimate):
        peak: int | None = document.pool(pool).peak_bytes.high
        unsure = ""
    else:
        peak = document.peak_bytes(pool)
        unsure = "the recording was cut short" if was_cut_short(document) else ""
    basis = "predicted" if isinstance(document, Estimate) else "measured"
    within = None if peak is None or (unsure and peak <= budget_bytes) else peak <= budget_bytes
    return BudgetCheck(
        pool=pool,
        budget_bytes=budget_bytes,
        peak_bytes=peak,
        basis=basis,
        within=within,
        text=_budget_text(peak, budget_bytes, basis, unsure),
    )


def _budget_text(peak: int | None, budget_bytes: int, basis: str, unsure: str) -> str:
    if peak is None:
        return "the peak is not known"
    figure = "plan with" if basis == "predicted" else "measured"
    at_least = "at least " if unsure else ""
    against = f"{figure} {at_least}{format_bytes(peak)} of {format_bytes(budget_bytes)}"
    if peak > budget_bytes:
        return f"{against}: {format_bytes(peak - budget_bytes)} over"
    return f"{against}: {unsure}" if unsure else f"{against}: {format_bytes(budget_bytes - peak)} to spare"


def _simulated(estimate: Estimate, budget_bytes: int | None) -> Iterable[GrowthCheck]:
    """Live tensors at the ends of the last two steps. Some steps show growth and never prove a leak."""
    if budget_bytes is None:
        return
    for pool in estimate.pools:
        if len(pool.steps) < 3:  # the first leaves the optimizer's state behind
            text = "fewer than three steps were simulated: growth cannot be told"
            yield GrowthCheck(
                pool=pool.pool,
                budget_bytes=budget_bytes,
                bytes_per_iteration=None,
                is_leak=None,
                within=None,
                text=text,
            )
            continue
        rate = pool.steps[-1].end_bytes - pool.steps[-2].end_bytes
        yield GrowthCheck(
            pool=pool.pool,
            budget_bytes=budget_bytes,
            bytes_per_iteration=float(rate),
            is_leak=None,
            within=rate <= budget_bytes,
            text=f"the last simulated step left {format_bytes(rate)} of {format_bytes(budget_bytes)}",
        )


def _diagnosed(diagnosis: Diagnosis | None, budget_bytes: int | None) -> Iterable[GrowthCheck]:
    for series in () if diagnosis is None else diagnosis.series:
        rate = None if series.bytes_per_iteration is None else float(series.bytes_per_iteration)
        figure = "" if rate is None else f"{format_bytes(round(rate))} per iteration; "
        yield GrowthCheck(
            pool=series.pool,
            budget_bytes=budget_bytes,
            bytes_per_iteration=rate,
            is_leak=series.is_leak,
            within=_grows_within(series.is_leak, rate, budget_bytes),
            text=f"{series.name}: {series.growth.value.replace('_', ' ')}; {figure}{series.evidence}",
        )


def _grows_within(is_leak: bool | None, rate: float | None, budget_bytes: int | None) -> bool | None:
    """A leak below the budget is allowed for; what does not go on growing is within any budget."""
    if is_leak is None or not is_leak:
        return None if is_leak is None else True
    return budget_bytes is not None and rate is not None and rate <= budget_bytes
