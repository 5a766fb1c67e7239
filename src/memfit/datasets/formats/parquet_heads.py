"""Writes the heads of a Parquet file's row groups into another file, as many groups of the same columns. Needs pyarrow.

python -m memfit.datasets.formats.parquet_heads PATH TARGET ROWS
"""

from __future__ import annotations

import sys
from pathlib import Path


def write_heads(path: Path, target: Path, rows: int) -> None:
    """Write so many of the rows, of each group its share."""
    import pyarrow
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        metadata = file.metadata
        packed = metadata.row_group(0).column(0).compression if metadata.num_row_groups and metadata.num_columns else ""
        passed = 0
        with parquet.ParquetWriter(target, file.schema_arrow, compression=packed.lower() or "none") as writer:
            for at in range(metadata.num_row_groups):
                held = metadata.row_group(at).num_rows
                total = max(metadata.num_rows, 1)
                wanted = (passed + held) * rows // total - passed * rows // total
                passed += held
                if wanted:
                    head = next(file.iter_batches(batch_size=wanted, row_groups=[at], use_threads=False))
                    writer.write_table(pyarrow.Table.from_batches([head]))


if __name__ == "__main__":
    write_heads(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
