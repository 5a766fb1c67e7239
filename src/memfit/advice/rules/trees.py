"""Estimators on tables: parameters that decide what a fit holds, and lighter forms of its data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from memfit.advice.setting import Proposal, Setting
from memfit.documents import Hint, JobFacts

FRAMEWORKS = ("sklearn", "xgboost", "lightgbm")


def proposals(facts: JobFacts) -> Iterator[Proposal]:
    """Parameters of the estimator, and narrower numbers."""
    if facts.framework not in FRAMEWORKS:
        return
    params = facts.params
    jobs = params.get("n_jobs")
    if facts.framework == "sklearn" and (jobs or 1) != 1:
        yield _proposal("fewer-jobs", "one fit at a time", {"n_jobs": 1}, "slower by the number of cores", 2.0)
    if facts.dtype == "float64":
        yield _proposal(
            "float32-data", "single precision for the table", {"dtype": "float32"}, "seven digits are kept", 0.95,
            results="rounding", how='X = X.astype("float32")',
        )  # fmt: skip
    yield from _of_trees(facts, params)


def _of_trees(facts: JobFacts, params: Any) -> Iterator[Proposal]:
    name = facts.target.rpartition(".")[2]
    if facts.framework == "xgboost":
        depth = int(params.get("max_depth") or 6)
        if depth > 4:
            yield _proposal(
                "shallower-trees", f"trees of depth {depth - 2} instead of {depth}", {"max_depth": depth - 2},
                "more rounds may be needed", 0.8, results="training",
            )  # fmt: skip
        bins = int(params.get("max_bin") or 256)
        if bins > 64:
            yield _proposal(
                "fewer-bins", f"{bins // 4} bins instead of {bins}", {"max_bin": bins // 4},
                "coarser splits", 0.9, results="training",
            )  # fmt: skip
    elif facts.framework == "lightgbm":
        leaves = int(params.get("num_leaves") or 31)
        if leaves > 31:
            yield _proposal(
                "fewer-leaves", f"{leaves // 2} leaves instead of {leaves}", {"num_leaves": leaves // 2},
                "more rounds may be needed", 0.8, results="training",
            )  # fmt: skip
        if "histogram_pool_size" not in params:
            yield _proposal(
                "histogram-pool", "histograms in at most 256 MB", {"histogram_pool_size": 256.0},
                "histograms that do not fit are computed again", 1.2,
            )  # fmt: skip
        samples = int(params.get("bin_construct_sample_cnt") or params.get("subsample_for_bin") or 200_000)
        if samples > 50_000:
            yield _proposal(
                "smaller-bin-sample", f"bins from 50,000 rows instead of {samples:,}", {"subsample_for_bin": 50_000},
                "bins are a little less exact", 1.0, results="training",
            )  # fmt: skip
    elif "Forest" in name or "ExtraTrees" in name:
        if params.get("max_depth") is None:
            yield _proposal(
                "shallower-trees", "trees of depth 16 at most", {"max_depth": 16}, "another model", 0.9,
                results="training",
            )  # fmt: skip
        if params.get("max_samples") is None and params.get("bootstrap", True):
            yield _proposal(
                "smaller-samples", "a quarter of the rows for each tree", {"max_samples": 0.25}, "another model", 0.5,
                results="training",
            )  # fmt: skip


def hints(facts: JobFacts) -> Iterator[Hint]:
    """Forms of the data that the fit would hold less of."""
    if facts.framework == "xgboost":
        yield Hint(
            slug="quantile-matrix",
            text="a QuantileDMatrix holds one byte a cell where a DMatrix holds eight more; the scikit-learn interface "
            "makes one by itself with tree_method hist",
            how="xgboost.QuantileDMatrix(X, y); xgboost.train(params, matrix)",
        )
        yield Hint(
            slug="external-memory",
            text="data that does not fit is read from disk in parts by an ExtMemQuantileDMatrix with an iterator",
            how="xgboost.ExtMemQuantileDMatrix(iterator)",
        )


def _proposal(
    slug: str,
    title: str,
    params: dict[str, Any],
    costs: str,
    time_factor: float,
    *,
    results: str = "same",
    how: str = "",
) -> Proposal:
    typed = how or ", ".join(f"{name}={value}" for name, value in params.items())
    return Proposal(
        slug=slug,
        title=title,
        setting=Setting(params=params),
        costs=costs,
        how=typed,
        time_factor=time_factor,
        results=results,
        touches=frozenset(params),
        verifiable=False,
    )
