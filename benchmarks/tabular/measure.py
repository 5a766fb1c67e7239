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

from benchmarks.tabular.cases import MISSING, Case, cases, takes_missing
from memfit.errors import MemfitError
from memfit.jobs.tabular import TabularRequest, estimate_estimator

DATA = Path(__file__).parent / "data" / "fits.jsonl"
_LONGEST_S = 900


def main() -> None:
    """Measure and predict what is not there yet; with --again predict all anew, after a change of the laws."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--budget", type=float, default=20)
    parser.add_argument("--again", action="store_true", help="predict anew what has been measured")
    parser.add_argument("--measure-again", action="store_true", help="measure anew and keep what was predicted")
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    parser.add_argument("--halves", nargs="*", default=["tuning", "judging", "fresh", "blind", "later", "long"])
    options = parser.parse_args()
    until = time.monotonic() + options.seconds
    lines = {line["case"]: line for line in map(json.loads, DATA.read_text().splitlines())} if DATA.exists() else {}
    for case in cases():
        known = lines.get(case.name, {})
        if options.only not in case.name or case.half not in options.halves:
            continue
        if time.monotonic() > until or ("predicted" in known and not options.again and not options.measure_again):
            continue
        if options.measure_again:
            lines[case.name] = {**known, **measured(case)}
        else:
            lines[case.name] = one(case, options.budget, known)
        DATA.write_text("".join(json.dumps(line) + "\n" for line in lines.values()), encoding="utf-8")
        print(json.dumps(lines[case.name]), flush=True)


def one(case: Case, budget_s: float, known: dict[str, Any]) -> dict[str, Any]:
    """One line: measured where it is not yet, then predicted."""
    line = {"case": case.name, **dataclasses.asdict(case)}
    found = {name: known[name] for name in ("measured", "fit_s") if name in known} or measured(case)
    return {**line, **found, **(predicted(case, budget_s) if "measured" in found else {})}


def measured(case: Case) -> dict[str, Any]:
    """What the fit comes to in a fresh process."""
    began = time.monotonic()
    child = [sys.executable, "-m", "benchmarks.tabular.fit_child", json.dumps(dataclasses.asdict(case))]
    try:
        told = subprocess.run(child, capture_output=True, text=True, timeout=_LONGEST_S, check=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1:]
        return {"failed": f"measuring: {said[0][:200] if said else error!r}"}
    return {"measured": json.loads(told.stdout.splitlines()[-1]), "fit_s": round(time.monotonic() - began, 1)}


def predicted(case: Case, budget_s: float) -> dict[str, Any]:
    """What probing says."""
    request = TabularRequest(
        target=case.target,
        rows=case.rows,
        columns=case.columns,
        dtype=case.dtype,
        params=case.params,
        predict=case.predict,
        missing=MISSING if case.values == "skewed" and takes_missing(case.target) else 0.0,
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


if __name__ == "__main__":
    main()
