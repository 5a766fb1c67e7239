"""How CatBoost's memory grows: with the cells; trees are symmetric and small, so that rounds hardly count.

Measured with CatBoost 1.2.10 on the CPU (benchmarks/tabular).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memfit.probing.scaling import Scaling, fewer

_ROUNDS, _PROBED_ROUNDS = 1_000, 5  # 5 and 20 rounds peaked within 1 % of each other
_ALIASES = ("iterations", "n_estimators", "num_boost_round", "num_trees")
# Else a fit writes a folder catboost_info into the working directory, and a line for every round.
_QUIET = {"allow_writing_files": False, "logging_level": "Silent"}
_TALKS = ("verbose", "silent", "logging_level", "verbose_eval")  # of which CatBoost takes one


def scaling_of(name: str, params: Mapping[str, Any], columns: int) -> Scaling:
    """As for every framework: by class, parameters and columns."""
    alias = next((each for each in _ALIASES if each in params), _ALIASES[0])
    talks = any(each in params for each in _TALKS)
    return Scaling(
        repeats=fewer(alias, params.get(alias, _ROUNDS), _PROBED_ROUNDS, kept=False),
        probe_params={key: value for key, value in _QUIET.items() if not (talks and key == "logging_level")},
        source="quantized pool and approximations grow with the rows",
    )


def on_device(params: Mapping[str, Any]) -> str:
    """The setting by which it trains on a GPU; "" where it does not."""
    return "task_type=GPU" if params.get("task_type") == "GPU" else ""
