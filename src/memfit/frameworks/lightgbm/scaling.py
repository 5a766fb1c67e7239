"""How LightGBM's memory grows: with the cells, once the sample that it bins on is full.

Holds for 3 to 4.7; bin_construct_sample_cnt is in its parameter documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memfit.probing.scaling import Scaling, fewer

_SAMPLE_ROWS = 200_000  # bin_construct_sample_cnt's default
_ROUNDS, _PROBED_ROUNDS = 100, 5
_ALIASES = ("bin_construct_sample_cnt", "subsample_for_bin")


def scaling_of(name: str, params: Mapping[str, Any], columns: int) -> Scaling:
    """As for every framework: by class, parameters and columns."""
    sample = next((int(params[alias]) for alias in _ALIASES if alias in params), _SAMPLE_ROWS)
    rounds = fewer("n_estimators", params.get("n_estimators", _ROUNDS), _PROBED_ROUNDS, kept=False)
    return Scaling(repeats=rounds, switches=(sample,), source="construction is bound by the sample for bins")
