"""Whatever table is written as CSV, memfit finds its rows, columns and gaps; whatever bytes a file has, it answers."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from memfit import api
from memfit.datasets import read_shape
from memfit.datasets.cardinality import distinct
from memfit.datasets.values import MISSING
from memfit.documents import codec, to_json

names = st.text("abcdefgh é\"',", min_size=1, max_size=8).map(lambda text: "n" + text)
words = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n"), max_size=12)
columns = st.sampled_from((
    st.integers(-(10**9), 10**9).map(str),
    st.floats(-1e6, 1e6).map(repr),
    st.booleans().map(str),
    words.map(lambda text: f"w{text}"),
))  # fmt: skip


endings = st.sampled_from(("csv", "npy", "npz", "jsonl", "safetensors", "pt", "db", "csv.gz", "xyz"))


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    header = draw(st.lists(names, min_size=2, max_size=5, unique=True))
    kinds = [draw(columns) for _ in header]
    rows = draw(st.lists(st.tuples(*(st.one_of(kind, st.just("NA")) for kind in kinds)), min_size=1, max_size=30))
    return header, [list(row) for row in rows]


def written(folder: str, header: list[str], rows: list[list[str]]) -> Path:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([header, *rows])
    path = Path(folder) / "t.csv"
    path.write_text(buffer.getvalue(), encoding="utf-8", newline="")
    return path


@settings(max_examples=80, deadline=None)
@given(tables())
def test_small_tables_are_found_as_they_are(table: tuple[list[str], list[list[str]]]) -> None:
    """Rows, columns, missing cells and different values of a table that is read whole are exact."""
    header, rows = table
    with tempfile.TemporaryDirectory() as folder:
        shape = read_shape(written(folder, header, rows))

    assert (shape.rows_low, shape.rows, shape.rows_high) == (len(rows), len(rows), len(rows))
    assert shape.columns == len(header)
    for at, column in enumerate(shape.table.columns):
        cells = [row[at] for row in rows]
        present = [cell for cell in cells if cell not in MISSING]
        assert abs(column.missing_share - (1 - len(present) / len(cells))) < 1e-9
        if present:
            assert column.distinct is not None
            assert column.distinct.expected == len(set(present))


@settings(max_examples=40, deadline=None)
@given(tables())
def test_every_assessment_is_ordered_and_survives_its_file(table: tuple[list[str], list[list[str]]]) -> None:
    """low <= expected <= high everywhere, no peak below what is held, and the document reads back as it was written."""
    header, rows = table
    with tempfile.TemporaryDirectory() as folder:
        found = api.data(written(folder, header, rows))

    assert all(one.peak.expected >= one.held.expected for one in found.tables[0].readings)
    assert to_json(codec.from_json(to_json(found))) == to_json(found)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.integers(0, 50), max_size=60), min_size=1, max_size=6), st.integers(1, 10**9))
def test_cardinality_is_within_what_can_be(blocks: list[list[int]], rows: int) -> None:
    """At least what was seen, at most one for each row, in order."""
    seen = len({value for block in blocks for value in block})
    drawn = sum(map(len, blocks))

    found = distinct(blocks, rows)

    assert seen == found.low <= found.expected <= found.high <= max(rows, drawn)


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=3000),
    st.sampled_from(("csv", "npy", "npz", "jsonl", "safetensors", "pt", "db", "csv.gz", "xyz")),
)
def test_arbitrary_bytes_are_read_or_refused(content: bytes, ending: str) -> None:
    """Nothing but a table or a sentence comes of any bytes under any name."""
    from memfit.errors import MemfitError

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"t.{ending}"
        path.write_bytes(content)
        try:
            found = api.data(path)
        except MemfitError as error:
            assert "cannot be read: " not in error.message, error.message  # a reader's own mistake
        else:
            assert found.tables
