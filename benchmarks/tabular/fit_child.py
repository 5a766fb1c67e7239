"""One fit in a fresh process, started by measure.py: prints what it held after its imports, and its peak, as JSON."""

from __future__ import annotations

import json
import sys

import numpy as np

from benchmarks.tabular import fresh_fit
from benchmarks.tabular.cases import Case, takes_missing
from memfit.probing.child.estimator import EstimatorFit, kind_of, synthetic
from memfit.probing.child.reading import sizes
from memfit.registry import scaling


def main() -> None:
    """Make the data, fit, tell."""
    case = Case(**json.loads(sys.argv[1]))
    known = scaling(case.target.partition(".")[0])  # a fit that writes no files and says nothing, as probes are
    quiet = known.scaling_of(case.target.rpartition(".")[2], case.params, case.columns).probe_params
    job = EstimatorFit(case.target, {**case.params, **quiet}, case.columns, case.dtype, predict=case.predict)
    estimator = job.make()
    held = sizes()["VmRSS"]
    table, target = synthetic(case.rows, case.columns, case.dtype, kind_of(estimator), seed=7)
    if case.target.endswith(("MultinomialNB", "NMF")):
        np.abs(table, out=table)
    shape_values(table, case)
    print(json.dumps(fresh_fit.fit(job, (estimator, table, target), held)))


def shape_values(table: np.ndarray, case: Case) -> None:
    """Turn normal values, in place and in parts, into the case's."""
    for part in np.array_split(table, max(len(table) // 2_000, 1)):
        if case.values == "integers":
            np.rint(part * 4, out=part)
        elif case.values == "skewed":
            np.exp(part, out=part)
            if takes_missing(case.target):
                part[part < 0.28] = np.nan


if __name__ == "__main__":
    main()
