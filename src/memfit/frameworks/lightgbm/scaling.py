"""How LightGBM's memory grows: with the cells, once the sample that it bins on is full.

Holds for 3 to 4.7; bin_construct_sample_cnt is in its parameter documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memfit.probing.scaling import Sample, Scaling, fewer

_SAMPLE_ROWS = 200_000  # bin_construct_sample_cnt's default
# Of each cell of the sample, by the vectors' room: 9.2 to 10.7 in fits of 30,000 to 1,000,000 rows with LightGBM 4.7.0
# (tuning half of benchmarks/tabular).
_SAMPLED_CELL_BYTES = 10
# Of stored values in a column: up to here each took 180 bytes, beyond it 30 (fits on CSR matrices of 300 and 1,200
# columns at densities of 1.25 and 5 %, 5,000 to 150,000 rows, LightGBM 4.7.0; what it is was not traced).
_COLUMN_VALUES = 1_024
_ROUNDS, _PROBED_ROUNDS = 100, 5
_ALIASES = ("bin_construct_sample_cnt", "subsample_for_bin")
_DEVICES = ("device_type", "device")


def scaling_of(name: str, params: Mapping[str, Any], columns: int) -> Scaling:
    """As for every framework: by class, parameters and columns."""
    sample = next((int(params[alias]) for alias in _ALIASES if alias in params), _SAMPLE_ROWS)
    rounds = fewer("n_estimators", params.get("n_estimators", _ROUNDS), _PROBED_ROUNDS, kept=False)
    return Scaling(
        repeats=rounds,
        sample=Sample(cell_bytes=_SAMPLED_CELL_BYTES, columns=columns, rows=sample),
        column_fills=_COLUMN_VALUES,
        source="construction collects a sample for its bins",
    )


def on_device(params: Mapping[str, Any]) -> str:
    """The setting by which it trains on a GPU; "" where it does not (device_type and its alias, 3 to 4.7)."""
    return next((f"{name}={params[name]}" for name in _DEVICES if params.get(name) in ("gpu", "cuda")), "")
