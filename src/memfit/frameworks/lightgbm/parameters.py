"""Numbers among LightGBM's parameters: their defaults and other names (its parameter documentation, 3 to 4.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_DEFAULTS = {
    "bin_construct_sample_cnt": 200_000,
    "histogram_pool_size": -1,
    "max_bin": 255,
    "max_depth": -1,
    "min_data_in_bin": 3,
    "min_data_in_leaf": 20,
    "num_leaves": 31,
}
_OTHER_NAMES = {
    "bin_construct_sample_cnt": ("subsample_for_bin",),
    "histogram_pool_size": ("hist_pool_size",),
    "max_bin": ("max_bins",),
    "min_data_in_leaf": ("min_data_per_leaf", "min_data", "min_child_samples", "min_samples_leaf"),
    "num_leaves": ("num_leaf", "max_leaves", "max_leaf", "max_leaf_nodes"),
}


def value_of(name: str, params: Mapping[str, Any]) -> float:
    """A parameter's value, by any of its names; its default where it is not given, or is no number.

    >>> value_of("num_leaves", {"max_leaves": 7}), value_of("max_bin", {})
    (7, 255)
    """
    given = (params.get(alias) for alias in (name, *_OTHER_NAMES.get(name, ())))
    return next((each for each in given if isinstance(each, (int, float))), _DEFAULTS[name])
