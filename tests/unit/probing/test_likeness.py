"""Synthetic columns have what the statistics of a file say: ties, gaps, zeros, skew, classes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from memfit.api.likenesses import likenesses
from memfit.datasets import read_statistics
from memfit.probing.child.likeness import ColumnLike, labels_like, table_like

ROWS = 20_000


def one(column: ColumnLike, *, gaps: bool = True, positive: bool = False) -> np.ndarray:
    table, _ = table_like((column,), ROWS, "float64", gaps=gaps, positive=positive, seed=0)
    return np.asarray(table[:, 0])


def tenths(values: np.ndarray) -> tuple[float, ...]:
    return tuple(np.quantile(values[~np.isnan(values)], np.linspace(0, 1, 11)).tolist())


def test_statistics_of_a_file_come_back_in_the_table_made_like_it(tmp_path: Path) -> None:
    """From a CSV of five kinds of columns to a table of the same different values, gaps, zeros and quantiles."""
    dice = np.random.default_rng(3)
    skewed, codes = np.round(np.exp(dice.normal(0, 1.5, ROWS)), 1), dice.integers(1, 7, ROWS)
    counts = dice.poisson(0.1, ROWS)
    words = np.minimum(dice.geometric(0.4, ROWS), 12)
    gappy = np.where(dice.random(ROWS) < 0.4, "", np.round(dice.normal(0, 1, ROWS), 2).astype(str))
    lines = (f"{a},{b},{c},word {d},{e}" for a, b, c, d, e in zip(skewed, codes, counts, words, gappy, strict=True))
    (tmp_path / "t.csv").write_text("skewed,codes,counts,words,gappy\n" + "\n".join(lines) + "\n")
    like, target = likenesses(read_statistics(tmp_path / "t.csv"), None)

    table, _ = table_like(like, ROWS, "float64", gaps=True, positive=False, seed=0)

    assert target is None
    assert np.median(table[:, 0]) == pytest.approx(np.median(skewed), rel=0.1)
    assert len(np.unique(table[:, 0])) == pytest.approx(len(np.unique(skewed)), rel=0.4)
    assert sorted(np.unique(table[:, 1])) == [1, 2, 3, 4, 5, 6]
    assert np.mean(table[:, 2] == 0) == pytest.approx(np.mean(counts == 0), abs=0.03)
    assert len(np.unique(table[:, 3])) == len(np.unique(words))
    assert np.mean(table[:, 3] == 0) == pytest.approx(0.4, abs=0.04)
    assert np.mean(np.isnan(table[:, 4])) == pytest.approx(0.4, abs=0.02)


@pytest.mark.parametrize(
    ("column", "different"),
    [
        (ColumnLike(quantiles=(2.0,) * 11, distinct=1), 1),
        (ColumnLike(quantiles=tuple(range(11)), whole=True, distinct=11), 11),
        (ColumnLike(quantiles=tuple(range(11)), distinct=50), 50),
        (ColumnLike(distinct=9, commonest=0.9), 9),
        (ColumnLike(distinct=1), 1),
    ],
)
def test_column_has_as_many_different_values(column: ColumnLike, different: int) -> None:
    """Constant, whole, tied and coded columns alike."""
    assert len(np.unique(one(column))) == different
    assert column.varies == (different > 1)


def test_quantiles_are_kept() -> None:
    """A long tail stays one."""
    wanted = (0.0, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 34.0, 55.0, 1000.0)

    assert tenths(one(ColumnLike(quantiles=wanted))) == pytest.approx(wanted, rel=0.1, abs=0.3)


def test_rare_gap_is_there_even_in_few_rows() -> None:
    """One missing cell in a million makes a library hold the whole in another way: a probe must have one."""
    column = ColumnLike(quantiles=(0.0, 1.0), missing=1e-6)

    assert np.isnan(one(column)).sum() == 1
    assert not np.isnan(one(column, gaps=False)).any()


def test_nothing_is_negative_where_that_is_wanted() -> None:
    """For estimators that take no negative values."""
    assert one(ColumnLike(quantiles=(-9.0, 0.0, 9.0)), positive=True).min() >= 0


def test_signal_has_unit_variance_and_leaves_constants_out() -> None:
    """It comes from columns that vary."""
    columns = (ColumnLike(quantiles=(1.0, 1.0), distinct=1), *(ColumnLike(quantiles=(0.0, 1.0)),) * 3)

    table, signal = table_like(columns, ROWS, "float32", gaps=True, positive=False, seed=0)

    assert table.dtype == np.float32
    assert np.std(signal) == pytest.approx(1, rel=0.05)
    assert np.corrcoef(signal, table[:, 1:].T)[0, 1:].any()


def test_classes_are_as_frequent_as_those_of_the_file() -> None:
    """The commonest has its share, the others are alike."""
    ranks = (np.arange(ROWS) + 0.5) / ROWS

    counts = np.bincount(labels_like(ColumnLike(distinct=5, commonest=0.8), ranks, 5)) / ROWS

    assert counts.tolist() == pytest.approx([0.8, 0.05, 0.05, 0.05, 0.05], abs=0.002)
    assert np.bincount(labels_like(ColumnLike(), ranks, 4)).tolist() == [ROWS // 4] * 4
    assert math.isclose(sum(counts), 1)
