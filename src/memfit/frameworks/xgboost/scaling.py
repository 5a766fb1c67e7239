"""How XGBoost's memory grows: with the cells; histograms grow with depth and bins alone, trees hardly count.

Holds for the hist method of 1.7 to 3.2; read from its documentation and measured in benchmarks/tabular.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memfit.probing.scaling import Scaling, fewer

_ROUNDS, _PROBED_ROUNDS = 100, 5  # 1, 10 and 50 rounds peaked within 1 % of each other
# Rows at which the quantile sketch of every column is full: measured with XGBoost 3.2.0 and 28 columns as 10, 13, 23,
# 31 MiB at 8,000, 16,000, 32,000 and 64,000 rows, then 34, 34, 54 at 96,000, 128,000 and 192,000.
_SKETCHED_ROWS = 65_536
_NODE_ROWS = 64  # at which a tree has about all nodes of its depth, each with a histogram
_DEPTH, _DEEPEST = 6, 16


def scaling_of(name: str, params: Mapping[str, Any], columns: int) -> Scaling:
    """As for every framework: by class, parameters and columns."""
    rounds = fewer("n_estimators", params.get("n_estimators", _ROUNDS), _PROBED_ROUNDS, kept=False)
    depth = params.get("max_depth") or _DEPTH
    nodes = 1 << min(depth, _DEEPEST) if isinstance(depth, int) and depth > 0 else 1
    return Scaling(
        repeats=rounds,
        fills=max(_SKETCHED_ROWS, _NODE_ROWS * nodes),
        source="hist: quantile matrix and gradients grow with the rows; sketches and histograms fill",
    )


def on_device(params: Mapping[str, Any]) -> str:
    """The setting by which it trains on a GPU; "" where it does not (parameter documentation, 1.7 to 3.2).

    >>> on_device({"device": "cuda:0"}), on_device({"device": "cpu"})
    ('device=cuda:0', '')
    """
    device, method = str(params.get("device") or ""), params.get("tree_method")
    if device.partition(":")[0] in ("cuda", "gpu"):
        return f"device={device}"
    return "tree_method=gpu_hist" if method == "gpu_hist" else ""
