"""The constants of the laws of reading, fitted to the tuning half: non-negative least squares of relative errors.

    python -m benchmarks.datasets.fit [reader …]

Prints them with what they miss; they are put into src/memfit/datasets/laws.py by hand, rounded. Needs SciPy.
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.optimize import nnls

from benchmarks.datasets.comparing import READERS, rows
from benchmarks.datasets.names import HALVES
from benchmarks.datasets.profiles import profiles
from memfit.datasets.assessing import weigh
from memfit.datasets.laws import LAWS
from memfit.datasets.readings import features_of

# Which features a law may use: few for the number of tables, and those that its reader's way of working suggests.
USED: dict[str, tuple[str, ...]] = {
    "pandas_csv": ("file_bytes", "number_bytes", "text_bytes", "text_cells"),
    "pandas_csv_pyarrow": ("file_bytes", "number_bytes", "text_bytes", "text_cells"),
    "pandas_csv_arrow": ("file_bytes", "arrow_bytes", "text_bytes", "text_cells"),
    "pyarrow_csv": ("file_bytes", "arrow_bytes", "text_bytes", "text_cells"),
    "polars_csv": ("file_bytes", "held", "text_bytes"),
    "pandas_csv@pandas2": ("number_bytes", "owned_bytes", "chunk_bytes"),
    "pandas_parquet": ("file_bytes", "arrow_bytes", "text_bytes"),
    "pandas_parquet@pandas2": ("file_bytes", "arrow_bytes", "owned_bytes", "text_bytes"),
    "pandas_parquet_arrow": ("file_bytes", "arrow_bytes", "text_bytes", "lone_text_bytes", "text_cells"),
    "pyarrow_parquet": ("file_bytes", "arrow_bytes", "text_bytes", "lone_text_bytes", "text_cells"),
    "polars_parquet": ("held", "lone_text_bytes"),
}


def fit(reader: str) -> None:
    """Fit and print one reader."""
    known = profiles()
    name, _, variant = reader.partition("@")
    used = USED[reader]
    tables, matrix, peaks = [], [], []
    for row in rows():
        key = f"{row['table']}.{row['form']}"
        if HALVES[row["table"]] != "tuning" or (row["reader"], row["variant"]) != (name, variant) or key not in known:
            continue
        if row["form"] == "csv.gz":
            continue
        seen = features_of(known[key], dates=LAWS[READERS[reader][0]].dates)
        held = weigh(known[key]).weight(*READERS[reader][1:])
        tables.append(key)
        matrix.append([held.held.expected if one == "held" else getattr(seen, one) for one in used] + [float(1 << 20)])
        peaks.append(float(row["peak_bytes"]))
    if not peaks:
        return
    measured = np.array(peaks)
    values = np.array(matrix)
    constants, _ = nnls(values / measured[:, None], np.ones(len(measured)))
    misses = (values @ constants - measured) / measured
    said = {feature: round(float(value), 2) for feature, value in zip((*used, "MiB"), constants, strict=True) if value}
    print(f"{reader}: {said}, median miss {np.median(abs(misses)):.1%}")
    print("   " + "  ".join(f"{table} {miss:+.0%}" for table, miss in zip(tables, misses, strict=True)))


def main() -> None:
    for reader in sys.argv[1:] or USED:
        fit(reader)


if __name__ == "__main__":
    main()
