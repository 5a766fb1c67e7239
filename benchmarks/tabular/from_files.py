"""Fits on files of real-looking columns: measured in a fresh process, predicted from the CSV file and the class alone.

    python -m benchmarks.tabular.from_files [--seconds 1800] [--again] [--before] [--only XGBoost]
    python -m benchmarks.tabular.from_files fit FILE CLASS     the child

Adds to data/from-files.jsonl. --before keeps the prediction beside the later one: it was made with an earlier memfit,
whose probes knew rows, columns, classes and the share of missing cells alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.tabular import fresh_fit
from benchmarks.tabular.files import FILES, made, write
from memfit import api
from memfit.probing.child.estimator import EstimatorFit
from memfit.probing.child.reading import sizes

DATA = Path(__file__).parent / "data" / "from-files.jsonl"
ROWS = 80_000
BUDGET_S = 30
CLASSES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "XGBoost": ("xgboost.XGBRegressor", "xgboost.XGBClassifier", {"n_estimators": 10, "max_depth": 8}),
    "LightGBM": ("lightgbm.LGBMRegressor", "lightgbm.LGBMClassifier", {"n_estimators": 10, "verbose": -1}),
    "RandomForest": (
        "sklearn.ensemble.RandomForestRegressor", "sklearn.ensemble.RandomForestClassifier", {"n_estimators": 12},
    ),
    "HistGradientBoosting": (
        "sklearn.ensemble.HistGradientBoostingRegressor", "sklearn.ensemble.HistGradientBoostingClassifier",
        {"max_iter": 10},
    ),
}  # fmt: skip


def main() -> None:
    """Measure and predict what is not there yet."""
    if sys.argv[1:2] == ["fit"]:
        print(json.dumps(fitted(*sys.argv[2:])))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--again", action="store_true", help="predict anew what has been measured")
    parser.add_argument("--before", action="store_true", help="keep the prediction as that of an earlier memfit")
    parser.add_argument("--only", choices=CLASSES, help="fits of this class")
    parser.add_argument("--halves", nargs="*", default=["tuning", "judging"])
    options = parser.parse_args()
    until = time.monotonic() + options.seconds
    said = "before" if options.before else "predicted"
    lines = {(line["file"], line["class"]): line for line in fresh_fit.kept(DATA)}
    with tempfile.TemporaryDirectory() as folder:
        for name, (half, _, _) in FILES.items():
            path = Path(folder) / f"{name.replace(' ', '-')}.csv"
            for kind in [options.only] if options.only else CLASSES:
                known = lines.get((name, kind), {})
                if half not in options.halves or time.monotonic() > until or (said in known and not options.again):
                    continue
                if not path.exists():
                    write(name, ROWS, path)
                line = {"file": name, "class": kind, "half": half, **known}
                if "measured" not in line:
                    line["measured"] = fresh_fit.in_a_fresh_process("benchmarks.tabular.from_files", name, kind)
                line[said] = predicted(path, name, kind)
                lines[name, kind] = line
                fresh_fit.keep(DATA, list(lines.values()))
                print(json.dumps(line), flush=True)
            path.unlink(missing_ok=True)


def job_of(name: str, kind: str) -> tuple[str, dict[str, Any]]:
    """The class for a file's target, and its parameters."""
    numbers, labels, params = CLASSES[kind]
    return (labels if FILES[name][2] else numbers), params


def fitted(name: str, kind: str) -> dict[str, Any]:
    """The fit in this process: what it held after its imports, and its peak."""
    target, params = job_of(name, kind)
    job = EstimatorFit(target, params, columns=1)
    estimator = job.make()
    held = sizes()["VmRSS"]
    values = made(name, ROWS)
    table, wanted = values.table, values.target
    del values
    return {**fresh_fit.fit(job, (estimator, table, wanted), held), "data_bytes": table.nbytes + wanted.nbytes}


def predicted(path: Path, name: str, kind: str) -> dict[str, Any]:
    """What memfit says of the file and the class."""
    target, params = job_of(name, kind)
    estimate = api.estimate(target, data=path, label="target", params=params, probe_budget_s=BUDGET_S)
    return fresh_fit.figures(estimate)


if __name__ == "__main__":
    main()
