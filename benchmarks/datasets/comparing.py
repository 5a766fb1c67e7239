"""Predicted beside measured, row by row: from the kept profiles and readings, with the laws as they are now."""

from __future__ import annotations

import csv
from dataclasses import dataclass

from benchmarks.datasets.measure import DATA
from benchmarks.datasets.names import HALVES
from benchmarks.datasets.profiles import profiles
from memfit.datasets.assessing import weigh
from memfit.datasets.laws import LAWS
from memfit.datasets.readings import DATES, OBJECT, STR, features_of, peak_of
from memfit.documents.data import Table
from memfit.quantities import ByteRange

ARROW, CATEGORIES = "Arrow-backed", "with categories"
# By reader: its law, and the form in which the result is held.
READERS: dict[str, tuple[str, str, str]] = {
    "pandas_csv": ("pandas_csv", "pandas", STR),
    "pandas_csv@pandas2": ("pandas2_csv", "pandas", OBJECT),
    "pandas_csv_category": ("", "pandas", CATEGORIES),
    "pandas_csv_pyarrow": ("pandas_csv_pyarrow", "pandas", STR),
    "pandas_csv_arrow": ("pandas_csv_arrow", "pandas", ARROW),
    "polars_csv": ("polars_csv", "polars", "DataFrame"),
    "pyarrow_csv": ("pyarrow_csv", "pandas", ARROW),
    "pandas_parquet": ("pandas_parquet", "pandas", STR),
    "pandas_parquet@pandas2": ("pandas2_parquet", "pandas", OBJECT),
    "pandas_parquet_arrow": ("pandas_parquet_arrow", "pandas", ARROW),
    "polars_parquet": ("polars_parquet", "polars", "DataFrame"),
    "pyarrow_parquet": ("pyarrow_parquet", "pandas", ARROW),
    "pandas_feather": ("pandas_feather", "pandas", STR),
    "pandas_jsonl": ("pandas_jsonl", "pandas", STR),
    "polars_jsonl": ("polars_jsonl", "polars", "DataFrame"),
    "pandas_sqlite": ("pandas_sqlite", "pandas", STR),
    "numpy_load": ("numpy_load", "NumPy", ""),
    "numpy_float32": ("numpy_float32", "NumPy", "float32"),
    "h5py_read": ("h5py_read", "NumPy", ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One read: predicted and measured.

    Args:
        table: the made table.
        form: its format.
        reader: with its variant.
        half: "tuning" or "judging".
        weight: predicted bytes held; None where another choice of columns was measured.
        weight_bytes: measured.
        peak: predicted; None where no law is told.
        peak_bytes: measured.
    """

    table: str
    form: str
    reader: str
    half: str
    weight: ByteRange | None
    weight_bytes: int
    peak: ByteRange | None
    peak_bytes: int

    @property
    def weight_error(self) -> float | None:
        return None if self.weight is None else (self.weight.expected - self.weight_bytes) / self.weight_bytes

    @property
    def peak_error(self) -> float | None:
        return None if self.peak is None else (self.peak.expected - self.peak_bytes) / self.peak_bytes


def rows() -> list[dict[str, str]]:
    """The measured reads that did not fail."""
    with (DATA / "reading.csv").open(newline="", encoding="utf-8") as lines:
        return [row for row in csv.DictReader(lines) if not row["failure"]]


def compared() -> list[Compared]:
    """Every measured read beside its prediction."""
    known = {name: weigh(table) for name, table in profiles().items()}
    return [
        _one(row, known[f"{row['table']}.{row['form']}"]) for row in rows() if f"{row['table']}.{row['form']}" in known
    ]


def _one(row: dict[str, str], table: Table) -> Compared:
    reader = row["reader"] + (f"@{row['variant']}" if row["variant"] else "")
    law, library, form = READERS[reader]
    if row["form"] == "csv.gz":
        law = "pandas_csv_packed"
    if reader == "pandas_csv_pyarrow" and table.weight("pandas", DATES) is not None:
        form = DATES
    held = table.weight(library, form) if form else table.weights[0]
    weight = held.held if held is not None else None
    peak = _peak(law, table, weight) if law and weight is not None else None
    return Compared(
        table=row["table"], form=row["form"], reader=reader, half=HALVES[row["table"]], weight=weight,
        weight_bytes=int(row["weight_bytes"]), peak=peak, peak_bytes=int(row["peak_bytes"]),
    )  # fmt: skip


def _peak(name: str, table: Table, weight: ByteRange) -> ByteRange:
    law = LAWS[name]
    return peak_of(law, name, table, features_of(table, dates=law.dates), weight)
