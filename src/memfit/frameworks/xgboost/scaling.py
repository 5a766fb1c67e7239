"""How XGBoost's memory grows: with the cells; histograms grow with depth and bins alone, trees hardly count.

Holds for the hist method of 1.7 to 3.2; read from its documentation and measured in benchmarks/tabular.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from memfit.probing.scaling import ColumnsAlike, Histograms, Scaling, fewer

_ROUNDS, _PROBED_ROUNDS = 100, 5  # 1, 10 and 50 rounds peaked within 1 % of each other
# Rows at which the quantile sketch of every column is full: measured with XGBoost 3.2.0 and 28 columns as 10, 13, 23,
# 31 MiB at 8,000, 16,000, 32,000 and 64,000 rows, then 34, 34, 54 at 96,000, 128,000 and 192,000.
_SKETCHED_ROWS = 65_536
_NODE_ROWS = 64  # at which a tree has about all nodes of its depth, each with a histogram
_DEPTH, _DEEPEST = 6, 16
# Histograms of BoundedHistCollection (src/tree/hist/hist_cache.h, 3.2): gradient and hessian of float64 for each bin.
_BIN_BYTES = 16
_BINS = 256  # max_bin's default
_CACHED_NODES = 65_536  # max_cached_hist_node's default, on a CPU
_ALL_ROWS = 1 << 62
# Of the nodes that a tree of that depth may split, 48 and 56 of 63 had a histogram in fits of 100,000 and 150,000 rows
# (tuning half of benchmarks/tabular/sparse.py).
_GROWN_SHARE = 0.82


def scaling_of(name: str, params: Mapping[str, Any], columns: int) -> Scaling:
    """As for every framework: by class, parameters and columns."""
    rounds = fewer("n_estimators", params.get("n_estimators") or _ROUNDS, _PROBED_ROUNDS, kept=False)
    depth = params.get("max_depth") or _DEPTH
    nodes = 1 << min(depth, _DEEPEST) if isinstance(depth, int) and depth > 0 else 1
    return Scaling(
        repeats=rounds,
        histograms=_histograms(params, nodes - 1) if nodes > 1 else None,
        fills=max(_SKETCHED_ROWS, _NODE_ROWS * nodes),
        source="hist: quantile matrix and gradients grow with the rows; sketches and histograms fill",
    )


def _histograms(params: Mapping[str, Any], nodes: int) -> Histograms | None:
    """One of every node that a tree splits and of every thread; a bin for each value of a column, up to max_bin."""
    if params.get("tree_method") == "exact" or params.get("booster") == "gblinear":
        return None
    leaves, kept = params.get("max_leaves") or nodes + 1, params.get("max_cached_hist_node") or _CACHED_NODES
    threads = params.get("n_jobs") or 0
    shared = threads if threads > 0 else os.cpu_count() or 1
    return Histograms(
        column_bytes=0,
        bin_bytes=_BIN_BYTES * (min(nodes, leaves - 1, kept) + shared),
        most_bins=params.get("max_bin") or _BINS,
        bin_values=1,
        column_values=1,
        rows=_ALL_ROWS,
        stumps={"max_depth": 1},
        probed_bin_bytes=_BIN_BYTES * (1 + shared),
        grown_share=_GROWN_SHARE,
    )


def histogram_bytes(params: Mapping[str, Any], rows: int, columns: int) -> int:
    """Of every node that a tree of these parameters may split, of columns whose values all differ.

    >>> histogram_bytes({"max_depth": 2, "n_jobs": 1}, 10_000, 3)
    49152
    """
    histograms = scaling_of("Booster", params, columns).histograms
    return 0 if histograms is None else replace(histograms, columns=(ColumnsAlike(columns, 1.0),)).at(rows)


def on_device(params: Mapping[str, Any]) -> str:
    """The setting by which it trains on a GPU; "" where it does not (parameter documentation, 1.7 to 3.2).

    >>> on_device({"device": "cuda:0"}), on_device({"device": "cpu"})
    ('device=cuda:0', '')
    """
    device, method = str(params.get("device") or ""), params.get("tree_method")
    if device.partition(":")[0] in ("cuda", "gpu"):
        return f"device={device}"
    return "tree_method=gpu_hist" if method == "gpu_hist" else ""
