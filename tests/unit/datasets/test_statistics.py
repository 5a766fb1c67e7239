"""The statistics of a file's columns: enough to draw rows like the file's, from text and from binary files alike."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from memfit.datasets import read_statistics

ROWS = 30_000


def test_columns_of_a_csv_have_kind_gaps_zeros_spread_and_different_values(tmp_path: Path) -> None:
    """A key, a skewed number with gaps and zeros, and a class of three unequal labels are told apart."""
    dice = random.Random(4)
    amounts = [0.0 if dice.random() < 0.3 else round(dice.expovariate(0.1), 4) for _ in range(ROWS)]
    labels = dice.choices(["no", "yes", "perhaps"], [90, 9, 1], k=ROWS)
    lines = [f"{at},{'' if at % 5 == 0 else amounts[at]},{labels[at]}" for at in range(ROWS)]
    path = tmp_path / "t.csv"
    path.write_text("id,amount,label\n" + "\n".join(lines) + "\n")

    found = read_statistics(path)

    ident, amount, label = (found.column(name) for name in ("id", "amount", "label"))
    assert found.rows == ROWS
    assert ident is not None and ident.is_key and ident.kind.value == "integer"
    assert amount is not None and not amount.is_key
    assert amount.missing_share == pytest.approx(0.2, abs=0.02)
    assert amount.zero_share == pytest.approx(0.8 * 0.3, abs=0.03)
    there = [value for at, value in enumerate(amounts) if at % 5]
    assert amount.deciles[4] == pytest.approx(np.median(there), rel=0.1)
    assert amount.deciles[8] == pytest.approx(np.quantile(there, 0.9), rel=0.1)
    assert label is not None and (label.distinct, label.text_bytes) == (3, pytest.approx(2.14, abs=0.1))
    assert label.commonest_share == pytest.approx(0.9, abs=0.02)


def test_binary_files_give_the_same_statistics(tmp_path: Path) -> None:
    """Of an array the columns stand together, with the deciles of its values."""
    values = np.random.default_rng(1).normal(5, 2, (4000, 6))
    np.save(tmp_path / "x.npy", values)

    (column,) = read_statistics(tmp_path / "x.npy").columns

    assert (column.columns, column.kind.value, column.stored) == (6, "float", "float64")
    assert column.deciles[4] == pytest.approx(5, abs=0.2)
    assert column.deciles == tuple(sorted(column.deciles))
