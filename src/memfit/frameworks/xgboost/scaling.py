"""How XGBoost's memory grows: with the cells; histograms grow with depth and bins alone, trees hardly count.

Holds for the hist method of 1.7 to 3.2; read from its documentation and measured in benchmarks/tabular.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memfit.probing.scaling import Scaling, fewer

_ROUNDS, _PROBED_ROUNDS = 100, 5  # 1, 10 and 50 rounds peaked within 1 % of each other


def scaling_of(name: str, params: Mapping[str, Any], columns: int) -> Scaling:
    """As for every framework: by class, parameters and columns."""
    rounds = fewer("n_estimators", params.get("n_estimators", _ROUNDS), _PROBED_ROUNDS, kept=False)
    return Scaling(repeats=rounds, source="hist: quantile matrix and gradients grow with the rows")
