"""Scripts that give XGBoost their data batch by batch: measured as they are, predicted by `memfit estimate SCRIPT`.

    python -m benchmarks.tabular.batches [--seconds 1800] [--again] [--halves tuning judging]

Adds to data/batches.jsonl. A case is batch_script.py with its arguments: it makes its batches anew in every pass, as
one that reads them from files would. The cases were listed before anything was predicted; the judging half has other
shapes, other values and evaluation sets.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.tabular import fresh_fit
from memfit import api

DATA = Path(__file__).parent / "data" / "batches.jsonl"
SCRIPT = Path(__file__).parent / "batch_script.py"
_LONGEST_S = 600
OPENING = """\
Scripts whose matrix is an iterator's (`xgboost.DataIter`; `batches.py`, 15 rounds): measured as they are, in a process
of their own, and predicted by `memfit estimate SCRIPT`, which makes the matrix of some of the batches alone. The tuning
half showed that trees of later rounds have more nodes where pages are in external memory (probes have ten rounds, the
high end all nodes), and that a matrix in memory grows faster once its bins are made (probes of up to half of the
batches). How many pages threads have read ahead when the peak comes differs from run to run: the same fit of a
`DMatrix` in external memory peaked at 239 and 262 MiB, which the high end holds. The judging half was predicted once;
its last four scripts were listed larger, and cut before any of them had been predicted, on a busy machine.
"""


@dataclass(frozen=True)
class Case:
    """One script.

    Args:
        kind: the class of its matrix.
        rows, columns, batches: of its data.
        values: "normal", "gaps" (log-normal, a tenth missing) or "codes" (whole numbers of few values).
        evaluated: batches of an evaluation set besides.
        params: of the training.
    """

    half: str
    kind: str
    rows: int
    columns: int
    batches: int
    values: str = "normal"
    evaluated: int = 0
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As in the page."""
        words = "".join(f" {name}={value}" for name, value in self.params.items())
        more = f", {self.evaluated} more evaluated" if self.evaluated else ""
        return f"{self.kind}: {self.rows} x {self.columns} in {self.batches} batches, {self.values}{more}{words}"

    @property
    def words(self) -> list[str]:
        """The script's arguments."""
        return [
            json.dumps([self.kind, self.rows, self.columns, self.batches, self.values, self.evaluated, self.params])
        ]


_QUANTILE, _EXTERNAL, _STORED = "QuantileDMatrix", "ExtMemQuantileDMatrix", "DMatrix"
CASES = [
    Case("tuning", _QUANTILE, 400_000, 30, 8),
    Case("tuning", _QUANTILE, 600_000, 20, 20, params={"max_depth": 8}),
    Case("tuning", _EXTERNAL, 800_000, 30, 10),
    Case("tuning", _EXTERNAL, 1_200_000, 20, 40, params={"max_depth": 8}),
    Case("tuning", _STORED, 400_000, 30, 8),
    Case("tuning", _STORED, 600_000, 20, 30),
    Case("judging", _QUANTILE, 500_000, 50, 25, "gaps", params={"max_depth": 4}),
    Case("judging", _QUANTILE, 900_000, 12, 6, "codes", 2),
    Case("judging", _EXTERNAL, 240_000, 60, 30, "gaps", 6),
    Case("judging", _EXTERNAL, 400_000, 16, 50, "codes", params={"max_bin": 64}),
    Case("judging", _STORED, 200_000, 25, 50, "gaps"),
    Case("judging", _STORED, 120_000, 40, 12, "codes", 3, params={"tree_method": "approx", "max_depth": 4}),
]


def measured(number: int) -> dict[str, Any]:
    """What the script itself says of its process, in a folder of its own for the cache."""
    with tempfile.TemporaryDirectory() as folder:
        told = subprocess.run(
            [sys.executable, str(SCRIPT), *CASES[number].words],
            cwd=folder, capture_output=True, text=True, timeout=_LONGEST_S, check=True,
        )  # fmt: skip
    found: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
    return found


def predicted(number: int, _: dict[str, Any]) -> dict[str, Any]:
    """What memfit says of the script."""
    estimate = api.estimate(str(SCRIPT), arguments=CASES[number].words, probe_budget_s=120, timeout_s=_LONGEST_S)
    return {**fresh_fit.figures(estimate), "seconds": estimate.cost["seconds"]}


if __name__ == "__main__":
    fresh_fit.fill(__doc__, DATA, CASES, measured, predicted)
