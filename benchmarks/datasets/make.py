"""Writes one made table in one format, in a process of its own: `python -m benchmarks.datasets.make shop csv PATH`."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet

from benchmarks.datasets import real, tables


def numbers(table: pa.Table):  # type: ignore[no-untyped-def]
    """The numeric columns as a NumPy matrix."""
    import numpy as np

    return np.column_stack(
        [
            column.to_numpy()
            for column in table.columns
            if pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
        ]
    )


def write(table: pa.Table, form: str, path: str) -> None:
    """Write the table in the format."""
    match form:
        case "csv":
            pa.csv.write_csv(table, path, pa.csv.WriteOptions(quoting_style="needed"))
        case "csv.gz":
            with pa.CompressedOutputStream(path, "gzip") as target:
                pa.csv.write_csv(table, target, pa.csv.WriteOptions(quoting_style="needed"))
        case "parquet":
            pa.parquet.write_table(table, path)
        case "zstd.parquet":
            pa.parquet.write_table(table, path, compression="zstd", row_group_size=len(table) // 7 + 1)
        case "feather":
            pa.feather.write_feather(table, path)
        case "jsonl":
            import polars

            polars.from_arrow(table).write_ndjson(path)  # type: ignore[union-attr]
        case "json":
            import polars

            polars.from_arrow(table).write_json(path)  # type: ignore[union-attr]
        case "npy":
            import numpy as np

            np.save(path, numbers(table))
        case "npz":
            import numpy as np

            np.savez_compressed(path, x=numbers(table))
        case "h5":
            import h5py

            with h5py.File(path, "w") as file:
                file.create_dataset("x", data=numbers(table), chunks=True, compression="gzip")
        case "sqlite":
            import sqlite3

            with sqlite3.connect(path) as base:
                names = ", ".join(f'"{name}"' for name in table.column_names)
                base.execute(f"create table t ({names})")
                holes = ", ".join("?" * table.num_columns)
                for batch in table.to_batches(20000):
                    base.executemany(
                        f"insert into t values ({holes})", zip(*(c.to_pylist() for c in batch.columns), strict=True)
                    )


def main() -> None:
    name, form, path = sys.argv[1:]
    part = Path(f"{path}.part.{form}")
    build = real.build if name in real.TABLES else tables.build
    write(build(name), form, str(part))
    part.replace(path)


if __name__ == "__main__":
    main()
