"""Lighter ways to hold and read a table: what each saves against pandas as it is usually read, and the code to type."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from memfit.datasets import cells, code
from memfit.datasets.features import features
from memfit.datasets.laws import LAWS
from memfit.datasets.readings import features_of, law_name
from memfit.datasets.weights import is_text_file, sparse, sparse_pays
from memfit.documents.data import ColumnKind, Reading, Table, Way, Weight
from memfit.quantities import MIB, ByteRange

_CHUNK_BYTES = 64 * MIB  # that a chunk should hold
_WORTH = 0.05  # of the peak: a way that saves less is not told
_MOST = 7
_SMALL = 4 * MIB  # a table that needs no lighter way


def ways(table: Table) -> tuple[Way, ...]:
    """The lighter ways of a table that has its weights and readings, those that save most first."""
    usual = next((one for one in table.readings if one.library in ("pandas", "NumPy")), None)
    if usual is None or usual.held.expected < _SMALL:
        return ()
    found = [way for way in _array_ways(table, usual) if way] if table.is_array else list(_frame_ways(table, usual))
    worth = [way for way in found if way.saves_bytes > _WORTH * usual.peak.expected]
    return tuple(sorted(worth, key=lambda way: -way.saves_bytes)[:_MOST])


def _frame_ways(table: Table, usual: Reading) -> Iterator[Way]:
    form = table.form.partition(",")[0]
    text = form in ("csv", "tsv")
    if text:
        yield from _narrow_ways(table, usual)
    yield from _heavy_columns(table, usual)
    chunk = _chunk_way(table, usual, form)
    if chunk is not None:
        yield chunk
    yield from _other_readers(table, usual)
    if form in ("csv", "tsv", "jsonl") and not table.dialect.encoding:  # polars reads UTF-8 alone
        yield _parquet(table, usual, form)
    sparse_way = _sparse_way(table, usual) if form in ("csv", "tsv", "parquet") and table.files == 1 else None
    if sparse_way is not None:
        yield sparse_way


def _narrow_ways(table: Table, usual: Reading) -> Iterator[Way]:
    rows = table.rows.expected
    narrow, category = table.weight("pandas", "smallest types"), table.weight("pandas", "with categories")
    lossy = any(column.kind is ColumnKind.FLOAT for column in table.columns)
    if narrow is not None:
        text = "give each column the smallest type that holds what was seen"
        loses = "a value beyond what the sample held is an error" + ("; float32 keeps seven digits" if lossy else "")
        peak = _read_as(table, narrow, usual)
        yield _way(usual, text, code.narrow(table), narrow, peak, loses, slug="narrow-types")
    paying = [one for one in table.columns if one.columns == 1 and cells.pays(one, rows)]
    if category is not None and paying:
        typed = code.categories(table, paying)
        peak = _read_as(table, category, usual)
        yield _way(usual, "hold texts that repeat as categories", typed, category, peak, slug="categories")


def _heavy_columns(table: Table, usual: Reading) -> Iterator[Way]:
    """The columns that weigh most: what is saved by reading all but them."""
    text = is_text_file(table)
    heavy = sorted(table.columns, key=lambda one: -cells.pandas_str(one, from_text=text).row * one.columns)[:3]
    heavy = [one for one in heavy if one.columns == 1]
    if len(table.columns) < 4 or len(heavy) < 2:
        return
    left = replace(table, columns=tuple(column for column in table.columns if column not in heavy))
    peak = _peak(left, usual, law_name(_law(table), table))
    held = _scale(usual.held, left, table)
    names = ", ".join(column.name for column in heavy)
    yield Way(slug="fewer-columns", text=f"read only the columns that are used; without {names} it is",
              code=code.without(table, heavy), held=held, peak=peak, saves_bytes=usual.peak.expected - peak.expected,
              loses="those columns")  # fmt: skip


def _chunk_way(table: Table, usual: Reading, form: str) -> Way | None:
    row = max(usual.held.expected / max(table.rows.expected, 1), 1e-9)
    rows = max(10 ** (len(str(int(_CHUNK_BYTES / row))) - 1), 1000)
    if rows >= table.rows.expected or form not in ("csv", "tsv", "jsonl", "parquet", "sqlite"):
        return None
    one = usual.held.expected * rows / table.rows.expected
    held = ByteRange(low=round(one), expected=round(one), high=round(2 * one))
    factor = min(usual.peak.expected / max(usual.held.expected, 1), 6.0)
    peak = ByteRange(low=round(one), expected=round(one * factor), high=round(2 * one * factor))
    return Way(slug="chunks", text=f"go through it in chunks of {rows:,} rows", code=code.chunks(table, form, rows),
               held=held, peak=peak, saves_bytes=usual.peak.expected - peak.expected,
               loses="the whole table is never there at once")  # fmt: skip


def _other_readers(table: Table, usual: Reading) -> Iterator[Way]:
    for reading in sorted(table.readings, key=lambda one: one.peak.expected)[:1]:
        if reading is not usual:
            yield Way(slug="another-reader", text="read it another way", code=code.runnable(f"df = {reading.call}"),
                      held=reading.held, peak=reading.peak,
                      saves_bytes=usual.peak.expected - reading.peak.expected)  # fmt: skip


def _parquet(table: Table, usual: Reading, form: str) -> Way:
    """The same table as Parquet, read by polars, which was the lightest reader of it on the measured files."""
    seen = features_of(table)
    held = table.weight("polars", "DataFrame")
    assert held is not None
    peak = LAWS["polars_parquet"].peak(seen, held.held)
    text = "turn it into Parquet once, a part at a time, and read that: types and columns are kept"
    return _way(usual, text, code.parquet(table, form), held, peak, slug="parquet")


def _sparse_way(table: Table, usual: Reading) -> Way | None:
    numbers = [column for column in table.columns if column.kind.is_number]
    weight = table.weight("SciPy", "CSR, float64")
    dense = table.weight("NumPy", "float64")
    if not sparse_pays(table) or weight is None or dense is None:
        return None
    size = sparse(table, numbers)
    return Way(slug="sparse", text="hold the number columns as a sparse matrix: most of their cells are zero",
               code=code.sparse(table), held=size, peak=None, saves_bytes=dense.held.expected - size.expected,
               loses="not every estimator takes it")  # fmt: skip


def _array_ways(table: Table, usual: Reading) -> Iterator[Way | None]:
    stored = table.weights[0].held
    if table.form == "npy":
        nothing = ByteRange(low=0, expected=0, high=stored.expected)
        yield Way(slug="memory-map", text="map it: pages are read when they are touched, and given back",
                  code=code.mapped(table), held=nothing, peak=nothing,
                  saves_bytes=usual.peak.expected)  # fmt: skip
    half = table.weight("NumPy", "float32")
    if half is not None and table.columns and table.columns[0].stored == "float64":
        yield Way(slug="float32", text="hold it in single precision", code=code.float32(table), held=half.held,
                  peak=None, saves_bytes=stored.expected - half.held.expected,
                  loses="float32 keeps seven digits")  # fmt: skip
    csr = table.weight("SciPy", "CSR, float64")
    if csr is not None and sparse_pays(table):
        yield Way(slug="sparse", text="hold it as a sparse matrix: most of its cells are zero",
                  code=code.runnable(f"x = scipy.sparse.csr_matrix({usual.call})"), held=csr.held, peak=None,
                  saves_bytes=stored.expected - csr.held.expected)  # fmt: skip


def _way(usual: Reading, text: str, typed: str, weight: Weight, peak: ByteRange, loses: str = "", *, slug: str) -> Way:
    return Way(slug=slug, text=text, code=typed, held=weight.held, peak=peak,
               saves_bytes=usual.peak.expected - peak.expected, loses=loses)  # fmt: skip


def _read_as(table: Table, weight: Weight, usual: Reading) -> ByteRange:
    """The peak of pandas' C reader with types given: its pieces and the result are of those types."""
    seen = features(table, from_text=True)
    law = LAWS[law_name("pandas_csv", table)]
    file = law.file * seen.file_bytes
    share = weight.held.expected / max(usual.held.expected, 1)
    return ByteRange(
        low=round((usual.peak.low - file) * share) if usual.peak.low > file else 0,
        expected=round(file + (usual.peak.expected - file) * share),
        high=round(file + (usual.peak.high - file) * max(share, 0.5)),
    )  # fmt: skip


def _peak(table: Table, usual: Reading, law: str) -> ByteRange:
    return LAWS[law].peak(features_of(table), usual.held)


def _scale(held: ByteRange, part: Table, whole: Table) -> ByteRange:
    share = _row(part) / max(_row(whole), 1e-9)
    return ByteRange(low=round(held.low * share), expected=round(held.expected * share), high=round(held.high * share))


def _row(table: Table) -> float:
    text = is_text_file(table)
    return sum(column.columns * cells.pandas_str(column, from_text=text).row for column in table.columns)


def _law(table: Table) -> str:
    form = table.form.partition(",")[0]
    return {"parquet": "pandas_parquet", "arrow": "pandas_feather", "jsonl": "pandas_jsonl", "json": "pandas_json",
            "sqlite": "pandas_sqlite"}.get(form, "pandas_csv")  # fmt: skip
