"""What others say of the same fits, written to data/rivals.jsonl: AutoGluon's estimates and the ways people use.

    PYTHON_WITH_AUTOGLUON -m benchmarks.tabular.rivals autogluon
    python -m benchmarks.tabular.rivals tenth [--seconds 900]
    python -m benchmarks.tabular.rivals csv

AutoGluon (1.6.3) has an estimate for the fit of some of its models, asked here with the parameters and the shape of the
case; it is of the fit's own memory, so the process's baseline is added, as AutoGluon does when it compares with the
machine's. "tenth" runs the fit with a tenth of the rows for real, to be multiplied by ten, which is what people do by
hand. "csv" is the size of the table as a CSV file, by its first rows: the rule of thumb is five to ten times that.
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

DATA = Path(__file__).parent / "data" / "rivals.jsonl"
_MODELS = {
    "RandomForestClassifier": "RFModel",
    "RandomForestRegressor": "RFModel",
    "ExtraTreesClassifier": "XTModel",
    "ExtraTreesRegressor": "XTModel",
    "XGBClassifier": "XGBoostModel",
    "XGBRegressor": "XGBoostModel",
    "LGBMClassifier": "LGBModel",
    "LGBMRegressor": "LGBModel",
    "KNeighborsClassifier": "KNNModel",
    "KNeighborsRegressor": "KNNModel",
    "LogisticRegression": "LinearModel",
    "Ridge": "LinearModel",
    "Lasso": "LinearModel",
}
_LONGEST_S = 200
_SAMPLED_ROWS = 2_000


def main() -> None:
    """Ask one rival for every case that it knows and that is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rival", choices=sorted(RIVALS))
    parser.add_argument("--seconds", type=float, default=900)
    options = parser.parse_args()
    lines = [json.loads(line) for line in DATA.read_text().splitlines()] if DATA.exists() else []
    known = {(line["case"], line["rival"]) for line in lines}
    until = time.monotonic() + options.seconds
    for case in cases():
        if (case.name, options.rival) in known or time.monotonic() > until:
            continue
        found = RIVALS[options.rival](case)
        if found is not None:
            line = {"case": case.name, "rival": options.rival, **found}
            with DATA.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")


def autogluon(case: Case) -> dict[str, Any] | None:
    """Bytes of the fit by AutoGluon's model of that kind; None where it has none."""
    name = _MODELS.get(case.target.rpartition(".")[2])
    if name is None:
        return None
    import autogluon.tabular.models as models
    import numpy as np
    import pandas as pd
    from autogluon.tabular import __version__

    table = pd.DataFrame(np.zeros((case.rows, case.columns), case.dtype))
    regresses = case.target.endswith("Regressor")
    said = getattr(models, name).estimate_memory_usage_static(
        X=table,
        hyperparameters=dict(case.params),
        problem_type="regression" if regresses else "binary",
        num_classes=None if regresses else 2,
    )
    return {"fit_bytes": int(said), "version": __version__}


def tenth(case: Case) -> dict[str, Any] | None:
    """The peak of the whole process with a tenth of the rows; None where that fit fails."""
    small = dataclasses.replace(case, rows=case.rows // 10)
    child = [sys.executable, "-m", "benchmarks.tabular.fit_child", json.dumps(dataclasses.asdict(small))]
    try:
        told = subprocess.run(child, capture_output=True, text=True, timeout=_LONGEST_S, check=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None
    return {"peak_bytes": json.loads(told.stdout.splitlines()[-1])["peak_bytes"]}


def csv(case: Case) -> dict[str, Any]:
    """Bytes of the table as pandas or numpy write it, by its first rows."""
    import io

    import numpy as np

    from benchmarks.tabular.fit_child import shape_values
    from memfit.probing.child.estimator import synthetic

    table, _ = synthetic(_SAMPLED_ROWS, case.columns, case.dtype, "", seed=7)
    shape_values(table, case)
    text = io.StringIO()
    for row in np.asarray(table).tolist() if case.dtype == "float64" else table.astype(str).tolist():
        text.write(",".join(map(str, row)) + "\n")
    return {"file_bytes": len(text.getvalue()) * case.rows // _SAMPLED_ROWS}


RIVALS = {"autogluon": autogluon, "tenth": tenth, "csv": csv}


if __name__ == "__main__":
    main()
