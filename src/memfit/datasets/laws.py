"""What reading peaks at, above the imports: one law per reader and library version, fitted to measured reads.

A law is a sum over the features of a table; its constants are the fit (least squares of relative errors) to the
tuning half of benchmarks/datasets, on Linux, glibc 2.36, two processors. Its spread is what the fit missed there.
`python -m benchmarks.datasets.fit` prints them anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from memfit.datasets.features import Features
from memfit.datasets.weights import ordered
from memfit.quantities import MIB, ByteRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """Peak = the sum of each constant times its feature.

    Args:
        file: of the file's bytes.
        held: of the bytes of the result.
        number: of the numbers' bytes in pandas.
        arrow: of the numbers' bytes in Arrow.
        text: of the texts' bytes.
        lone: of the texts' bytes that hardly repeat.
        owned: of the texts' bytes as objects in pandas 2.
        value: of the bytes of all cells as Python objects.
        record: of the bytes of the rows as dicts.
        chunk: of the bytes of text that pandas' C reader takes at a time.
        text_cells: bytes for each text.
        cells: bytes for each cell.
        rows: bytes for each row.
        fixed_mib: whatever the size.
        spread: share of the peak on either side.
        mapped: of the file's bytes, what is mapped and given back under pressure.
        dates: the reader knows dates in text.
        source: library version and where it was measured.
    """

    file: float = 0.0
    held: float = 0.0
    number: float = 0.0
    arrow: float = 0.0
    text: float = 0.0
    lone: float = 0.0
    owned: float = 0.0
    value: float = 0.0
    record: float = 0.0
    chunk: float = 0.0
    text_cells: float = 0.0
    cells: float = 0.0
    rows: float = 0.0
    fixed_mib: float = 0.0
    spread: float = 0.15
    mapped: float = 0.0
    dates: bool = False
    source: str

    def expected(self, table: Features, held_bytes: float) -> float:
        """The expected peak in bytes."""
        parts = (
            (self.file, table.file_bytes), (self.held, held_bytes), (self.number, table.number_bytes),
            (self.arrow, table.arrow_bytes), (self.text, table.text_bytes), (self.lone, table.lone_text_bytes),
            (self.owned, table.owned_bytes), (self.value, table.value_bytes), (self.record, table.record_bytes),
            (self.chunk, table.chunk_bytes), (self.text_cells, table.text_cells), (self.cells, table.cells),
            (self.rows, table.rows), (self.fixed_mib, MIB),
        )  # fmt: skip
        return sum(constant * size for constant, size in parts)

    def peak(self, table: Features, size: ByteRange) -> ByteRange:
        """The peak with its range: that of the law, widened by that of what is held.

        Args:
            table: the features.
            size: what is held afterwards, with its range.
        """
        middle = self.expected(table, size.expected)
        down, up = size.low / max(size.expected, 1), size.high / max(size.expected, 1)
        return ordered(middle * down * (1 - self.spread), middle, middle * up * (1 + self.spread))


_PANDAS, _POLARS, _PYARROW = "pandas 3.1.1", "polars 2.1.0", "pyarrow 26.0.1"
_WHERE = "measured: benchmarks/datasets"

# pandas 3.1 maps an uncompressed file, parses it in pieces on several threads and gathers the pieces
# (pandas/io/parsers/readers.py, _read_csv_parallel): the file, the numbers twice, the texts once.
LAWS: dict[str, Law] = {
    "pandas_csv": Law(file=0.95, number=1.92, text=0.95, text_cells=3.5, fixed_mib=14, spread=0.2, mapped=0.95,
                      source=f"{_PANDAS}, {_WHERE}"),
    "pandas_csv_pyarrow": Law(dates=True, file=1.41, number=2.52, text=0.6, fixed_mib=35, spread=0.27,
                              source=f"{_PANDAS}, {_PYARROW}, {_WHERE}"),
    "pandas_csv_arrow": Law(dates=True, file=1.61, arrow=1.36, text=0.34, fixed_mib=38, spread=0.33,
                            source=f"{_PANDAS}, {_PYARROW}, {_WHERE}"),
    "polars_csv": Law(file=0.89, held=0.91, text=0.19, fixed_mib=6, spread=0.27, mapped=0.89,
                      source=f"{_POLARS}, {_WHERE}"),
    "pyarrow_csv": Law(dates=True, file=1.53, arrow=1.29, text=0.3, fixed_mib=47, spread=0.27,
                       source=f"{_PYARROW}, {_WHERE}"),
    "pandas_parquet": Law(file=0.54, arrow=2.33, text=2.3, fixed_mib=33, spread=0.22,
                          source=f"{_PANDAS}, {_PYARROW}, {_WHERE}"),
    "pandas_parquet_arrow": Law(file=0.59, arrow=1.53, text=1.5, text_cells=13, lone=1.06, fixed_mib=14, spread=0.2,
                                source=f"{_PANDAS}, {_PYARROW}, {_WHERE}"),
    "polars_parquet": Law(held=1.11, lone=0.96, fixed_mib=1, spread=0.2, source=f"{_POLARS}, {_WHERE}"),
    "pyarrow_parquet": Law(file=0.57, arrow=1.53, text=2.39, lone=0.18, text_cells=4.6, fixed_mib=14, spread=0.2,
                           source=f"{_PYARROW}, {_WHERE}"),
    # Feather: the decompressed batches, the numbers copied out of them, the texts recast to 64-bit offsets.
    "pandas_feather": Law(file=0.4, number=2.0, text=1.65, text_cells=13, spread=0.3,
                          source=f"{_PANDAS}, {_PYARROW}, {_WHERE}"),
    "polars_feather": Law(file=2.17, held=0.68, fixed_mib=2, spread=0.3, source=f"{_POLARS}, {_WHERE}"),
    "pyarrow_feather": Law(file=1.72, held=0.85, fixed_mib=4, spread=0.3, source=f"{_PYARROW}, {_WHERE}"),
    "pandas_json": Law(file=3.85, value=0.56, record=0.18, cells=61, rows=99, spread=0.3,
                       source=f"{_PANDAS}, {_WHERE}"),
    "polars_json": Law(file=2.07, held=0.33, cells=126, fixed_mib=161, spread=0.3, source=f"{_POLARS}, {_WHERE}"),
    # JSON lines: the text three times (as read, as lines, joined), a dict for each row with keys of its own.
    "pandas_jsonl": Law(file=3.0, value=1.0, record=1.0, cells=8.0, rows=73, spread=0.3, source=f"{_PANDAS}, {_WHERE}"),
    "polars_jsonl": Law(file=1.3, held=1.0, spread=0.3, source=f"{_POLARS}, {_WHERE}"),
    # SQL: a tuple of Python objects for each row, two tables of pointers to them, and the result.
    "pandas_sqlite": Law(held=1.0, value=1.0, cells=24, rows=64, spread=0.3, source=f"{_PANDAS}, {_WHERE}"),
    "numpy_load": Law(number=1.0, fixed_mib=1, spread=0.02, source=f"NumPy 2.4.6, {_WHERE}"),
    "numpy_float32": Law(number=1.5, fixed_mib=1, spread=0.02, source=f"NumPy 2.4.6, {_WHERE}"),
    "h5py_read": Law(number=1.1, fixed_mib=14, spread=0.2, source=f"h5py 3.16, {_WHERE}"),
    # Compressed: one thread, chunk by chunk, nothing mapped.
    "pandas_csv_packed": Law(number=1.95, text=1.0, text_cells=8.0, fixed_mib=4, spread=0.28,
                             source=f"{_PANDAS}, {_WHERE}"),
    # pandas 2: one thread, chunk by chunk; texts become objects, equal ones within a chunk the same.
    "pandas2_csv": Law(number=2.21, owned=1.19, chunk=0.89, fixed_mib=2, spread=0.45, source=f"pandas 2.3.3, {_WHERE}"),
    "pandas2_parquet": Law(arrow=2.19, owned=1.73, text=1.49, fixed_mib=33, spread=0.28,
                           source=f"pandas 2.3.3, {_PYARROW}, {_WHERE}"),
}  # fmt: skip
