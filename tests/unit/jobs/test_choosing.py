"""Which scripts are simulated and which are run to their fits, by what they import."""

from __future__ import annotations

from pathlib import Path

import pytest

from memfit.jobs.choosing import is_probed


@pytest.mark.parametrize(
    ("text", "probed"),
    [
        ("from sklearn.ensemble import RandomForestClassifier", True),
        ("def main():\n    import xgboost as xgb", True),
        ("import torch\nfrom sklearn.model_selection import train_test_split", False),
        ("import numpy", False),
        ("import sklearn\nthis is no Python", False),
    ],
)
def test_a_script_is_probed_for_what_it_imports(tmp_path: Path, text: str, probed: bool) -> None:
    """scikit-learn beside torch is a torch job; a script that cannot be read is left to the usual way."""
    script = tmp_path / "train.py"
    script.write_text(text, encoding="utf-8")

    assert is_probed(str(script), module=False) is probed


def test_a_script_that_is_not_there_is_no_matter_of_choice() -> None:
    """Its own message comes from elsewhere."""
    assert not is_probed("nowhere.py", module=False)
