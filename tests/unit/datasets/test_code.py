"""The code of the lighter ways runs as it stands: imports, the path as it was named, the file's own separator."""

from __future__ import annotations

import random
import subprocess
import sys
from importlib import util
from pathlib import Path

import numpy as np
import pytest

from memfit import api
from memfit.datasets import code
from memfit.documents.data import Table

ROWS = 130_000


def text_file(path: Path, separator: str = ",", encoding: str = "utf-8") -> Path:
    header = 'when,a "b",,a "b",größe,n'
    dice = random.Random(7)
    cells = [
        (f"2024-01-{1 + at % 28:02}", dice.choice("xyz"), str(at % 300), "NA" if at % 3 else "7", "süß", str(at))
        for at in range(ROWS)
    ]
    head = header.replace(",", separator).replace('"', '""').replace('a ""b""', '"a ""b"""')
    path.write_text("\n".join([head, *(separator.join(row) for row in cells)]) + "\n", encoding=encoding)
    return path


def table_of(path: Path | str) -> Table:
    return api.data(path).tables[0]


@pytest.mark.parametrize(
    ("separator", "encoding", "said"),
    [
        (",", "utf-8", ""),
        (";", "utf-8", 'sep=";"'),
        ("\t", "utf-8", 'sep="\\t"'),
        ("|", "latin-1", 'encoding="latin-1"'),
    ],
)
def test_code_for_text_names_the_path_and_what_the_file_wants(
    tmp_path: Path, separator: str, encoding: str, said: str
) -> None:
    """Every line is Python, has its imports, opens the path as it was named, and passes separator and encoding."""
    path = text_file(tmp_path / "odd name.csv", separator, encoding=encoding)

    table = table_of(path)

    codes = {way.slug: way.code for way in table.ways}
    assert {"narrow-types", "categories"} <= set(codes)
    codes["chunks"] = code.chunks(table, "csv", 10_000)
    for typed in codes.values():
        compile(typed, "way", "exec")
        assert typed.startswith("import ")
        assert str(path) in typed
        if "pandas.read_csv" in typed:
            assert said in typed
    for reading in table.readings:
        compile(reading.call, "reading", "eval")
    narrow = codes["narrow-types"]
    assert '"n": "int32"' in narrow  # as many different ones as rows: no int16, whatever the sample held
    assert '"Unnamed: 2": "int16"' in narrow
    assert '"a \\"b\\".1": "float32"' in narrow  # pandas numbers a name that repeats
    assert 'parse_dates=["when"]' in narrow
    if encoding != "utf-8":
        assert not any("polars" in typed for typed in codes.values())  # it reads UTF-8 alone


@pytest.mark.skipif(util.find_spec("pandas") is None or util.find_spec("polars") is None, reason="no pandas, no polars")
def test_code_for_text_runs(tmp_path: Path) -> None:
    """Each way runs in a fresh process."""
    for way in table_of(text_file(tmp_path / "t.csv", ";")).ways:
        subprocess.run([sys.executable, "-c", way.code], check=True, capture_output=True)


def test_wide_tables_take_types_from_their_head(tmp_path: Path) -> None:
    """A table too wide to name its columns has code without an ellipsis."""
    path = tmp_path / "wide.csv"
    row = ",".join(f"{at % 7}" if at % 2 else f"{at / 8}" for at in range(600))
    path.write_text(",".join(f"c{at}" for at in range(600)) + "\n" + (row + "\n") * 3000)

    for way in table_of(path).ways:
        compile(way.code, "way", "exec")
        assert "…" not in way.code


def test_a_set_of_files_is_read_file_by_file(tmp_path: Path) -> None:
    """pandas takes no pattern for text: the code goes through the files; polars does, and is given one."""
    (tmp_path / "parts").mkdir()
    for at in range(3):
        text_file(tmp_path / "parts" / f"{at}.csv")

    table = table_of(tmp_path / "parts")

    assert (table.files, table.path) == (3, f"{tmp_path}/parts/*.csv")
    calls = [reading.call for reading in table.readings]
    assert calls[0].startswith("pandas.concat([pandas.read_csv(path")
    assert f'polars.read_csv("{tmp_path}/parts/*.csv"' in calls[-1]
    chunks = code.chunks(table, "csv", 10_000)
    assert f'for path in sorted(glob.glob("{tmp_path}/parts/*.csv")):' in chunks
    compile(chunks, "way", "exec")


def test_code_for_arrays_runs_and_gives_what_it_says(tmp_path: Path) -> None:
    """NumPy and HDF5: what is held afterwards is what was said."""
    import h5py

    values = np.random.default_rng(3).normal(size=(20_000, 40))
    values[:, 1:] *= np.random.default_rng(4).random((20_000, 39)) < 0.02
    np.save(tmp_path / "x.npy", values)
    np.savez(tmp_path / "x.npz", first=values)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["group/x"] = values

    for name in ("x.npy", "x.npz", "x.h5"):
        ways = {way.slug: way for way in table_of(tmp_path / name).ways}
        assert "float32" in ways
        for way in ways.values():
            if "scipy" in way.code and util.find_spec("scipy") is None:
                continue
            found: dict[str, object] = {}
            exec(way.code, found)
            if way.slug == "float32":
                x = found["x"]
                assert isinstance(x, np.ndarray)
                assert (x.dtype, x.nbytes) == (np.float32, way.held.expected)
