"""Readers cut to a share: as many rows everywhere, what cannot be cut is read whole and told."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from memfit.datasets.formats.parquet_heads import write_heads
from memfit.jobs.readers import Readers, Size

ROWS = 100_000


def readers(share: float = 0.1, part: float = 1.0, *, sized: Size | None = None, free_bytes: int = 1 << 40) -> Readers:
    size = sized or Size(ROWS, ROWS, 10 << 20)

    @contextlib.contextmanager
    def reading() -> Iterator[None]:
        yield

    def heads(path: str, rows: int) -> str:
        write_heads(Path(path), Path(path + ".part"), rows)
        return path + ".part"

    return Readers(share, part, count=lambda path: size, heads=heads, free_bytes=free_bytes, reading=reading)


def hook(cut: Readers, name: str) -> Callable[[Any], None]:
    return dict(cut.hooks())[name]


def pandas_like() -> tuple[SimpleNamespace, list[dict[str, Any]]]:
    """A module whose read_csv says what it was asked."""
    asked: list[dict[str, Any]] = []

    def read_csv(source: Any, **kwargs: Any) -> str:
        asked.append(kwargs)
        return f"frame of {source}"

    def read_parquet(path: Any, engine: Any, columns: Any) -> str:
        return "whole"

    return SimpleNamespace(__name__="pandas", read_csv=read_csv, read_parquet=read_parquet), asked


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text("a\n1\n")
    return path


def test_option_of_the_reader_is_set(table: Path) -> None:
    """A tenth of the rows, half of that in the run ahead; the call is told."""
    for part, rows in ((1.0, 10_000), (0.5, 5_000)):
        cut, (pandas, asked) = readers(part=part), pandas_like()
        hook(cut, "pandas")(pandas)

        assert pandas.read_csv(str(table), sep=";") == f"frame of {table}"

        assert asked == [{"sep": ";", "nrows": rows}]
        assert str(cut.cuts[0]) == f"{rows:,} of 100,000 rows of t.csv (pandas.read_csv, by nrows)"


@pytest.mark.parametrize(
    ("given", "size", "why"),
    [
        ({"nrows": 5}, None, "nrows says already how much is read"),
        ({"chunksize": 5}, None, "chunksize says already how much is read"),
        ({}, Size(900, 900, 9_000), "it has 900 rows"),
    ],
)
def test_what_is_not_cut_is_read_as_the_script_says(table: Path, given: Any, size: Size | None, why: str) -> None:
    """With its own options, and the reason is kept."""
    cut, (pandas, asked) = readers(sized=size), pandas_like()
    hook(cut, "pandas")(pandas)

    pandas.read_csv(table, **given)

    assert asked == [given]
    assert cut.whole == {str(table): why}
    assert cut.cuts == []


def test_share_is_chosen_by_the_first_large_file_and_kept(table: Path) -> None:
    """Small files stay whole; a file of 2 GiB is cut to 256 MiB, and the next ones by the same share."""
    cut, (pandas, asked) = readers(0.0, sized=Size(ROWS, ROWS, 2 << 30)), pandas_like()
    hook(cut, "pandas")(pandas)

    pandas.read_csv(table)

    assert cut.share == 0.125
    assert asked == [{"nrows": 12_500}]


def test_nothing_is_cut_where_all_is_small(table: Path) -> None:
    """A share to choose, and nothing to choose it for."""
    cut, (pandas, asked) = readers(0.0), pandas_like()
    hook(cut, "pandas")(pandas)

    pandas.read_csv(table)

    assert (asked, cut.share, cut.cuts) == ([{}], 0.0, [])


def test_arrays_are_cut_evenly_through_a_memory_map(tmp_path: Path) -> None:
    """An array sorted by its values keeps the last of them; it is an ordinary array, as long as its labels'."""
    np.save(tmp_path / "x.npy", np.arange(ROWS * 2).reshape(ROWS, 2))
    np.save(tmp_path / "y.npy", np.arange(ROWS))
    cut = readers()
    numpy = SimpleNamespace(__name__="numpy", load=np.load)
    hook(cut, "numpy")(numpy)

    table, labels = numpy.load(tmp_path / "x.npy"), numpy.load(str(tmp_path / "y.npy"))

    assert (table.shape, labels.shape) == ((10_000, 2), (10_000,))
    assert type(table.base) is not np.memmap and not isinstance(table, np.memmap)
    assert labels[0] == 0 and labels[-1] > ROWS * 0.99
    assert [each.how for each in cut.cuts] == ["memory map", "memory map"]


def test_archives_and_objects_are_loaded_whole(tmp_path: Path) -> None:
    """An .npz has no rows to map, objects cannot be mapped."""
    np.savez(tmp_path / "a.npz", x=np.zeros(3))
    np.save(tmp_path / "o.npy", np.array([{}], dtype=object), allow_pickle=True)
    cut = readers()
    numpy = SimpleNamespace(__name__="numpy", load=np.load)
    hook(cut, "numpy")(numpy)

    assert numpy.load(tmp_path / "a.npz")["x"].shape == (3,)
    assert numpy.load(tmp_path / "o.npy", allow_pickle=True).shape == (1,)
    assert len(cut.whole) == 2


def test_parquet_gives_the_heads_of_all_row_groups(tmp_path: Path) -> None:
    """Exactly the share of all rows, from every group, of the columns that were asked for."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rows = 33_333
    parquet.write_table(pa.table({"a": np.arange(rows), "b": np.zeros(rows)}), tmp_path / "t.parquet",
                        row_group_size=7_000)  # fmt: skip
    cut = readers(0.2, sized=Size(rows, rows, 1 << 20))
    module = SimpleNamespace(__name__="pyarrow.parquet", read_table=parquet.read_table)
    hook(cut, "pyarrow.parquet")(module)

    found = module.read_table(tmp_path / "t.parquet", columns=["a"])

    assert (found.num_rows, found.column_names) == (round(rows * 0.2), ["a"])
    assert parquet.ParquetFile(tmp_path / "t.parquet.part").num_row_groups == 5
    assert {value // 7_000 for value in found.column("a").to_pylist()} == {0, 1, 2, 3, 4}
