"""Trains XGBoost on batches that are made anew in every pass; prints what its process held and its peak, as JSON.

python batch_script.py '["QuantileDMatrix", 400000, 30, 8, "normal", 0, {"max_depth": 6}]'
"""

import json
import sys
from pathlib import Path

import numpy as np
import xgboost as xgb

kind, rows, columns, batches, values, evaluated, params = json.loads(sys.argv[1])


def held(what):
    """VmRSS or VmHWM of this process, in bytes."""
    with Path("/proc/self/status").open() as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(what))


class Batches(xgb.DataIter):
    """Some of the batches, the same in each pass."""

    def __init__(self, numbers):
        self.numbers, self.at = numbers, 0
        super().__init__(cache_prefix=None if kind == "QuantileDMatrix" else "cache")

    def reset(self):
        """Back to the first."""
        self.at = 0

    def next(self, input_data):
        """Hand over one batch."""
        if self.at == len(self.numbers):
            return False
        random = np.random.default_rng(self.numbers[self.at])
        shape = rows // batches, columns
        table = random.normal(size=shape).astype("float32")
        if values == "codes":
            table = random.integers(0, 40, shape).astype("float32")
        elif values == "gaps":
            table = np.exp(table.astype("float64"))
            table[random.random(shape) < 0.1] = np.nan
        input_data(data=table, label=np.nan_to_num(table[:, 0]) + random.normal(size=shape[0]))
        self.at += 1
        return True


imported = held("VmRSS")
make = getattr(xgb, kind)
bins = {} if kind == "DMatrix" or "max_bin" not in params else {"max_bin": params["max_bin"]}  # the same in both
matrix = make(Batches(range(batches)), **bins)
sets = []
if evaluated:
    more = Batches(range(batches, batches + evaluated))
    sets = [(make(more) if kind == "DMatrix" else make(more, ref=matrix), "more")]
xgb.train({"tree_method": "hist", **params}, matrix, num_boost_round=15, evals=sets, verbose_eval=False)
print(json.dumps({"held_bytes": imported, "peak_bytes": held("VmHWM")}))
