"""A data file's shape in a few figures: rows, columns, kinds, bytes as NumPy holds them."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest

from memfit.datasets import read_shape


def rows_of(number: int) -> list[str]:
    dice = random.Random(1)
    return [
        f"{at},{dice.random():.6f},{dice.choice(['red', 'green', 'blue'])},{'' if at % 4 else 7}"
        for at in range(number)
    ]


def written(path: Path, rows: list[str]) -> Path:
    path.write_text("id,x,colour,gap\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_small_csv_is_counted(tmp_path: Path) -> None:
    """Of a file that is read whole every figure is exact."""
    shape = read_shape(written(tmp_path / "small.csv", rows_of(1000)))

    assert (shape.rows_low, shape.rows, shape.rows_high) == (1000, 1000, 1000)
    assert [kind for _, kind, _, _ in shape.kinds] == ["integer", "float", "text", "integer"]
    assert shape.float64_bytes == 2 * shape.float32_bytes == 3 * 1000 * 8
    assert shape.missing_share == pytest.approx(750 / 4000)
    assert shape.cardinalities == {"colour": 3}


def test_large_csv_is_sampled_and_its_lines_counted(tmp_path: Path) -> None:
    """Beyond a megabyte a sample is said to be one, and the rows are still right."""
    shape = read_shape(written(tmp_path / "large.csv", rows_of(90_000)))

    assert shape.rows_low <= 90_000 <= shape.rows_high
    assert shape.rows == 90_000
    assert shape.table.sampled.startswith("a sample")


def test_compressed_csv_has_a_wider_range_that_holds(tmp_path: Path) -> None:
    """Only the head of a compressed file is seen: the range says so."""
    plain = written(tmp_path / "t.csv", rows_of(400_000))
    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes(), 1))

    shape = read_shape(packed)

    assert shape.rows_low <= 400_000 <= shape.rows_high
    assert shape.rows_high > 1.05 * shape.rows


def test_folder_of_shards_is_one_table(tmp_path: Path) -> None:
    """Files with the same columns are one table; those not looked at count by their size."""
    for at in range(20):
        written(tmp_path / f"part-{at:02}.csv", rows_of(500))

    shape = read_shape(tmp_path)

    assert shape.rows == 10_000
    assert shape.columns == 4
    assert "8 of 20 files" in shape.table.sampled


def test_pattern_of_shards_is_one_table(tmp_path: Path) -> None:
    """A pattern that the shell did not expand names its files."""
    for at in range(3):
        written(tmp_path / f"part-{at}.csv", rows_of(100))

    assert read_shape(str(tmp_path / "part-*.csv")).rows == 300
