"""Measures every case in a fresh process and predicts it by probing; adds what is missing to data/fits.jsonl.

    python -m benchmarks.tabular.measure [--seconds 1800] [--budget 20]

Needs scikit-learn, XGBoost and LightGBM beside memfit. A case is measured first, then predicted: each line of the file
holds both, with the versions.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.tabular.cases import Case, cases
from memfit.errors import MemfitError
from memfit.jobs.tabular import TabularRequest, estimate_estimator

DATA = Path(__file__).parent / "data" / "fits.jsonl"
_LONGEST_S = 300


def main() -> None:
    """Measure and predict what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--budget", type=float, default=20)
    parser.add_argument("--again", action="store_true", help="predict anew what has been measured")
    options = parser.parse_args()
    until = time.monotonic() + options.seconds
    if options.again:
        predict_again(options.budget)
        return
    known = {json.loads(line)["case"] for line in DATA.read_text().splitlines()} if DATA.exists() else set()
    for case in cases():
        if case.name not in known and time.monotonic() < until:
            line = one(case, options.budget)
            with DATA.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            print(json.dumps(line), flush=True)


def one(case: Case, budget_s: float) -> dict[str, Any]:
    """One line: measured, then predicted."""
    began = time.monotonic()
    line: dict[str, Any] = {"case": case.name, **dataclasses.asdict(case)}
    child = [sys.executable, "-m", "benchmarks.tabular.fit_child", json.dumps(dataclasses.asdict(case))]
    try:
        told = subprocess.run(child, capture_output=True, text=True, timeout=_LONGEST_S, check=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1:]
        return {**line, "failed": f"measuring: {said[0][:200] if said else error!r}"}
    line |= {"measured": json.loads(told.stdout.splitlines()[-1]), "fit_s": round(time.monotonic() - began, 1)}
    return {**line, **predicted(case, budget_s)}


def predicted(case: Case, budget_s: float) -> dict[str, Any]:
    """What probing says."""
    request = TabularRequest(
        target=case.target,
        rows=case.rows,
        columns=case.columns,
        dtype=case.dtype,
        params=case.params,
        predict=case.predict,
        budget_s=budget_s,
    )
    try:
        estimate = estimate_estimator(request)
    except MemfitError as error:
        return {"failed": f"predicting: {error}"}
    pool = estimate.pool("host")
    return {
        "predicted": dataclasses.asdict(pool.peak_bytes),
        "framework_bytes": pool.breakdown_bytes["framework"],
        "law": pool.components[-1].source,
        "cost": dict(estimate.cost),
        "environment": {k: v for k, v in estimate.environment.items() if k not in ("platform", "memfit")},
    }


def predict_again(budget_s: float) -> None:
    """Keep what was measured and predict anew: after a change of the laws."""
    lines = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]
    fields = {field.name for field in dataclasses.fields(Case)}
    for line in lines:
        if "measured" in line:
            line.pop("failed", None)
            line |= predicted(Case(**{name: line[name] for name in fields}), budget_s)
    DATA.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
