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
        number: of the numbers' bytes in pandas.
        arrow: of the numbers' bytes in Arrow.
        text: of the texts' bytes.
        lone: of the texts' bytes that hardly repeat.
        objects: of the texts' bytes as Python objects.
        text_cells: bytes for each text.
        cells: bytes for each cell.
        fixed_mib: whatever the size.
        spread: share of the peak on either side.
        mapped: of the file's bytes, what is mapped and given back under pressure.
        source: library version and where it was measured.
    """

    file: float = 0.0
    number: float = 0.0
    arrow: float = 0.0
    text: float = 0.0
    lone: float = 0.0
    objects: float = 0.0
    text_cells: float = 0.0
    cells: float = 0.0
    fixed_mib: float = 0.0
    spread: float = 0.15
    mapped: float = 0.0
    source: str

    def expected(self, table: Features) -> float:
        """The expected peak in bytes."""
        return (
            self.file * table.file_bytes + self.number * table.number_bytes + self.arrow * table.arrow_bytes
            + self.text * table.text_bytes + self.lone * table.lone_text_bytes + self.objects * table.object_bytes
            + self.text_cells * table.text_cells + self.cells * table.cells + self.fixed_mib * MIB
        )  # fmt: skip

    def peak(self, table: Features, size: ByteRange) -> ByteRange:
        """The peak with its range: that of the law, widened by that of what is held.

        Args:
            table: the features.
            size: what is held afterwards, with its range.
        """
        middle = self.expected(table)
        down, up = size.low / max(size.expected, 1), size.high / max(size.expected, 1)
        return ordered(middle * down * (1 - self.spread), middle, middle * up * (1 + self.spread))


_PANDAS, _POLARS, _PYARROW = "pandas 3.1.1", "polars 2.1.0", "pyarrow 26.0.1"
_WHERE = "measured: benchmarks/datasets"

# pandas 3.1 maps an uncompressed file, parses it in pieces on several threads and gathers the pieces
# (pandas/io/parsers/readers.py, _read_csv_parallel): the file, the numbers twice, the texts once.
LAWS: dict[str, Law] = {
    "pandas_csv": Law(file=1.0, number=1.9, text=1.0, text_cells=4.0, fixed_mib=8, spread=0.10, mapped=1.0,
                      source=f"{_PANDAS}, {_WHERE}"),
    "pandas_csv_pyarrow": Law(file=1.471, number=2.59, text=0.687, text_cells=6.2, fixed_mib=22, spread=0.15,
                              source=f"{_PANDAS}, {_PYARROW}, {_WHERE}"),
    "pandas_csv_arrow": Law(file=1.6, arrow=1.4, text=0.4, text_cells=2.0, fixed_mib=34, spread=0.2,
                            source=f"{_PANDAS}, {_PYARROW}, {_WHERE}"),
    "polars_csv": Law(file=0.93, arrow=0.95, text=1.1, text_cells=10.0, fixed_mib=1, spread=0.15, mapped=0.9,
                      source=f"{_POLARS}, {_WHERE}"),
    "pyarrow_csv": Law(file=1.56, arrow=1.33, text=0.36, text_cells=2.9, fixed_mib=40, spread=0.2,
                       source=f"{_PYARROW}, {_WHERE}"),
    "pandas_parquet": Law(file=0.54, arrow=2.4, text=2.48, fixed_mib=27, spread=0.15,
                          source=f"{_PANDAS}, {_PYARROW}, {_WHERE}"),
    "pandas_parquet_arrow": Law(file=0.62, arrow=1.56, text=1.47, text_cells=15, lone=1.1, fixed_mib=10, spread=0.2,
                                source=f"{_PANDAS}, {_PYARROW}, {_WHERE}"),
    "polars_parquet": Law(arrow=1.06, text=0.12, text_cells=16, lone=1.9, fixed_mib=6, spread=0.2,
                          source=f"{_POLARS}, {_WHERE}"),
    "pyarrow_parquet": Law(file=0.46, arrow=1.39, text=2.08, lone=0.3, fixed_mib=34, spread=0.2,
                           source=f"{_PYARROW}, {_WHERE}"),
    "pandas_feather": Law(number=1.2, arrow=1.2, text=1.9, text_cells=8, fixed_mib=8, spread=0.3,
                          source=f"{_PANDAS}, {_PYARROW}, {_WHERE}"),
    "pandas_jsonl": Law(file=12.2, number=6.9, spread=0.35, source=f"{_PANDAS}, {_WHERE}"),
    "polars_jsonl": Law(file=1.0, arrow=1.2, text=1.0, text_cells=16, spread=0.3, source=f"{_POLARS}, {_WHERE}"),
    "pandas_sqlite": Law(number=1.0, objects=1.0, text=1.0, text_cells=8, cells=44, fixed_mib=4, spread=0.25,
                         source=f"{_PANDAS}, {_WHERE}"),
    "numpy_load": Law(number=1.0, fixed_mib=1, spread=0.02, source=f"NumPy 2.4.6, {_WHERE}"),
    "numpy_float32": Law(number=1.5, fixed_mib=1, spread=0.02, source=f"NumPy 2.4.6, {_WHERE}"),
    "h5py_read": Law(number=1.1, fixed_mib=14, spread=0.2, source=f"h5py 3.16, {_WHERE}"),
    # Compressed: one thread, chunk by chunk, nothing mapped.
    "pandas_csv_packed": Law(number=1.9, text=1.0, text_cells=8.0, fixed_mib=8, spread=0.2,
                             source=f"{_PANDAS}, {_WHERE}"),
    # pandas 2: one thread; texts become objects, equal ones within a chunk the same.
    "pandas2_csv": Law(number=2.0, objects=1.0, text_cells=10.0, fixed_mib=10, spread=0.25,
                       source=f"pandas 2.3.3, {_WHERE}"),
    "pandas2_parquet": Law(file=0.54, arrow=2.4, text=2.4, objects=1.0, text_cells=8, fixed_mib=27, spread=0.2,
                           source=f"pandas 2.3.3, {_PYARROW}, {_WHERE}"),
}  # fmt: skip
