"""One read in this fresh process: what it peaked at above its imports, and what the result weighs by its own account.

    python -m benchmarks.datasets.reader_child pandas_csv FILE SMALL_FILE

The small file of the same form is read first, so that imports made on first use are in the baseline.
"""

from __future__ import annotations

import ctypes
import gc
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def status(field: str) -> int:
    """A field of /proc/self/status in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))


def pandas_csv(path: str) -> Any:
    import pandas

    return pandas.read_csv(path)


def pandas_csv_category(path: str) -> Any:
    import pandas

    head = pandas.read_csv(path, nrows=1000)
    texts = [name for name in head if not pandas.api.types.is_numeric_dtype(head[name]) and not head[name].is_unique]
    return pandas.read_csv(path, dtype=dict.fromkeys(texts, "category"))


def pandas_csv_pyarrow(path: str) -> Any:
    import pandas

    return pandas.read_csv(path, engine="pyarrow")


def pandas_csv_arrow(path: str) -> Any:
    import pandas

    return pandas.read_csv(path, engine="pyarrow", dtype_backend="pyarrow")


def polars_csv(path: str) -> Any:
    import polars

    return polars.read_csv(path)


def pyarrow_csv(path: str) -> Any:
    import pyarrow.csv

    return pyarrow.csv.read_csv(path)


def pandas_parquet(path: str) -> Any:
    import pandas

    return pandas.read_parquet(path)


def pandas_parquet_arrow(path: str) -> Any:
    import pandas

    return pandas.read_parquet(path, dtype_backend="pyarrow")


def polars_parquet(path: str) -> Any:
    import polars

    return polars.read_parquet(path)


def pyarrow_parquet(path: str) -> Any:
    import pyarrow.parquet

    return pyarrow.parquet.read_table(path)


def pandas_feather(path: str) -> Any:
    import pandas

    return pandas.read_feather(path)


def polars_feather(path: str) -> Any:
    import polars

    return polars.read_ipc(path)


def pyarrow_feather(path: str) -> Any:
    import pyarrow.feather

    return pyarrow.feather.read_table(path)


def pandas_json(path: str) -> Any:
    import pandas

    return pandas.read_json(path)


def polars_json(path: str) -> Any:
    import polars

    return polars.read_json(path)


def pandas_jsonl(path: str) -> Any:
    import pandas

    return pandas.read_json(path, lines=True)


def polars_jsonl(path: str) -> Any:
    import polars

    return polars.read_ndjson(path)


def numpy_load(path: str) -> Any:
    import numpy

    loaded = numpy.load(path)
    return loaded["x"] if path.endswith(".npz") else loaded


def numpy_float32(path: str) -> Any:
    return numpy_load(path).astype("float32")


def h5py_read(path: str) -> Any:
    import h5py

    with h5py.File(path, "r") as file:
        return file["x"][:]


def pandas_sqlite(path: str) -> Any:
    import sqlite3

    import pandas

    with sqlite3.connect(path) as base:
        return pandas.read_sql_query("select * from t", base)


READERS: dict[str, Callable[[str], Any]] = {
    call.__name__: call
    for call in (
        pandas_csv, pandas_csv_category, pandas_csv_pyarrow, pandas_csv_arrow,
        polars_csv, pyarrow_csv,
        pandas_parquet, pandas_parquet_arrow, polars_parquet, pyarrow_parquet, pandas_feather,
        polars_feather, pyarrow_feather, pandas_json, polars_json,
        pandas_jsonl, polars_jsonl, numpy_load, numpy_float32, h5py_read, pandas_sqlite,
    )
}  # fmt: skip


def weight(found: Any) -> int:
    """What the result holds: each Python object once, in malloc's steps of 16; buffers by their length."""
    kind = type(found).__module__.split(".")[0]
    if kind == "numpy":
        return int(found.nbytes)
    if kind == "pyarrow":
        return int(found.nbytes)
    if kind == "polars":
        import polars

        # estimated_size() leaves out the 16-byte views of strings; the buffers as Arrow sees them do not.
        return int(found.to_arrow(compat_level=polars.CompatLevel.newest()).nbytes)
    total, seen = int(found.index.memory_usage()), set()
    for name in found.columns:
        column = found[name]
        if column.dtype != object:
            total += int(column.memory_usage(index=False, deep=True))
            continue
        total += 8 * len(column)
        for value in column.array._ndarray if hasattr(column.array, "_ndarray") else column:
            if id(value) not in seen and isinstance(value, str):
                seen.add(id(value))
                total += (sys.getsizeof(value) + 15) // 16 * 16
    return total


def main() -> None:
    reader, path, small = sys.argv[1:]
    warm = READERS[reader](small)
    weight(warm)
    del warm
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    baseline = status("VmRSS")
    started = time.perf_counter()
    found = READERS[reader](path)
    seconds = time.perf_counter() - started
    peak = status("VmHWM")
    gc.collect()
    settled = status("VmRSS")
    report = {"baseline_bytes": baseline, "peak_bytes": peak - baseline, "settled_bytes": settled - baseline}
    print(json.dumps({**report, "weight_bytes": weight(found), "seconds": round(seconds, 2)}))


if __name__ == "__main__":
    main()
