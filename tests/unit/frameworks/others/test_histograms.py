"""What LightGBM and XGBoost say of their histograms, by their parameters."""

from __future__ import annotations

from typing import Any

import pytest

from memfit.frameworks.lightgbm import scaling as lightgbm
from memfit.frameworks.xgboost import scaling as xgboost


@pytest.mark.parametrize(
    ("params", "leaves"),
    [({}, 31), ({"num_leaves": 7}, 7), ({"max_leaf_nodes": 63}, 63), ({"max_depth": 3}, 8), ({"max_depth": -1}, 31)],
)
def test_lightgbm_has_one_of_every_leaf(params: dict[str, Any], leaves: int) -> None:
    """By any of the parameter's names, and no more leaves than a depth has."""
    known = lightgbm.scaling_of("LGBMRegressor", {**params, "n_jobs": 1}, 10).histograms

    assert known is not None
    assert known.bin_bytes == (leaves + 1) * 16 + 8


def test_lightgbm_is_told_bins_and_a_pool() -> None:
    """Parameters that bound them."""
    known = lightgbm.scaling_of("LGBMRegressor", {"max_bin": 63, "histogram_pool_size": 5}, 10).histograms

    assert known is not None
    assert (known.most_bins, known.cap_bytes) == (63, 5 << 20)


@pytest.mark.parametrize(
    ("params", "nodes"), [({}, 63), ({"max_depth": 3}, 7), ({"max_leaves": 10}, 9), ({"max_depth": None}, 63)]
)
def test_xgboost_has_one_of_every_node_that_is_split(params: dict[str, Any], nodes: int) -> None:
    """And of every thread."""
    known = xgboost.scaling_of("XGBRegressor", {**params, "n_jobs": 2}, 10).histograms

    assert known is not None
    assert known.bin_bytes == (nodes + 2) * 16


@pytest.mark.parametrize("params", [{"tree_method": "exact"}, {"booster": "gblinear"}])
def test_what_has_no_histograms_has_none(params: dict[str, Any]) -> None:
    """Other ways of training."""
    assert xgboost.scaling_of("XGBRegressor", params, 10).histograms is None
