"""LightGBM's histograms: one of every leaf, for as many bins as the values of a column are cut into.

They are made when training begins and never given back; a column of sparse data has more bins the more values it has,
up to max_bin, which its rows alone do not tell. Read from its source, 4.7 (src/io/bin.cpp, GreedyFindBin and
NeedFilter; src/treelearner/feature_histogram.hpp, HistogramPool).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from memfit.frameworks.lightgbm.parameters import value_of
from memfit.probing.scaling import Histograms

_BIN_BYTES = 16  # gradient and hessian of float64
_QUANTIZED_BIN_BYTES = 8  # with use_quantized_grad: two int32
_BOUND_BYTES = 8  # of a bin, once
_FEATURE_BYTES = 96  # a FeatureHistogram: three pointers, a flag, two std::function of 32 bytes
_MEBIBYTE = 1 << 20


def histograms_of(params: Mapping[str, Any]) -> Histograms:
    """What they take by the values of the columns, which are left to who knows the data."""
    leaves, depth = value_of("num_leaves", params), value_of("max_depth", params)
    if depth > 0:
        leaves = min(leaves, 2 ** min(depth, 30))
    bin_bytes = _QUANTIZED_BIN_BYTES if params.get("use_quantized_grad") else _BIN_BYTES
    pool = value_of("histogram_pool_size", params)
    return Histograms(
        column_bytes=round(leaves * _FEATURE_BYTES),
        bin_bytes=round((leaves + _threads(params)) * bin_bytes) + _BOUND_BYTES,
        most_bins=round(value_of("max_bin", params)),
        bin_values=max(round(value_of("min_data_in_bin", params)), 1),
        column_values=round(value_of("min_data_in_leaf", params)) if params.get("feature_pre_filter", True) else 1,
        rows=round(value_of("bin_construct_sample_cnt", params)),
        cap_bytes=round(pool * _MEBIBYTE) if pool > 0 else None,
    )


def _threads(params: Mapping[str, Any]) -> int:
    """Each of which adds up a histogram of its own where rows are shared out."""
    asked = params.get("n_jobs", params.get("num_threads"))
    return asked if isinstance(asked, int) and asked > 0 else os.cpu_count() or 1
