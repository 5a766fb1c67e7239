"""`memfit advise` on a script that fits an estimator: its parameters and its data are changed, and probed again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.environments import TABULAR as PYTHON

import memfit
from memfit.errors import UsageError
from memfit.quantities import MIB

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON.exists() or sys.platform != "linux", reason="no .venv-tabular: `make tabular`"),
]
SCRIPT = """
import numpy as np
from sklearn.linear_model import LinearRegression
random = np.random.default_rng(0)
X = random.standard_normal((200_000, 20))
y = X[:, 0] + random.standard_normal(len(X))
LinearRegression().fit(X, y)
"""


def test_narrower_data_are_estimated(tmp_path: Path) -> None:
    """Half the table, and what the fit makes of it; the plan says what to type."""
    script = tmp_path / "fit.py"
    script.write_text(SCRIPT, encoding="utf-8")

    advice = memfit.advise(str(script), within_bytes=1 << 40, python=str(PYTHON), probe_budget_s=10)

    change = next(change for plan in advice.plans for change in plan.changes)
    assert advice.fits_now and advice.pool == "host"
    assert (change.slug, change.how) == ("float32-data", 'X = X.astype("float32")')
    assert change.saves_bytes > 14 * MIB  # half of a table of 200,000 x 20 is 15.3 MiB


def test_an_estimator_by_name_is_no_script() -> None:
    """The hint says what to do instead."""
    with pytest.raises(UsageError, match="advice is for scripts"):
        memfit.advise("sklearn.svm.SVC", ["--rows", "1000"])
