"""How LightGBM's memory grows: with the cells, once the sample that it bins on is full.

Holds for 3 to 4.7.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memfit.frameworks.lightgbm.histograms import histograms_of
from memfit.frameworks.lightgbm.parameters import value_of
from memfit.probing.scaling import Sample, Scaling, fewer

# Of each cell of the sample, by the vectors' room: 9.2 to 10.7 in fits of 30,000 to 1,000,000 rows with LightGBM 4.7.0
# (tuning half of benchmarks/tabular).
_SAMPLED_CELL_BYTES = 10
_ROUNDS, _PROBED_ROUNDS = 100, 5
_DEVICES = ("device_type", "device")


def scaling_of(name: str, params: Mapping[str, Any], columns: int) -> Scaling:
    """As for every framework: by class, parameters and columns."""
    sample = value_of("bin_construct_sample_cnt", params)
    rounds = fewer("n_estimators", params.get("n_estimators", _ROUNDS), _PROBED_ROUNDS, kept=False)
    return Scaling(
        repeats=rounds,
        sample=Sample(cell_bytes=_SAMPLED_CELL_BYTES, columns=columns, rows=round(sample)),
        histograms=histograms_of(params),
        source="construction collects a sample for its bins",
    )


def on_device(params: Mapping[str, Any]) -> str:
    """The setting by which it trains on a GPU; "" where it does not (device_type and its alias, 3 to 4.7)."""
    return next((f"{name}={params[name]}" for name in _DEVICES if params.get(name) in ("gpu", "cuda")), "")
