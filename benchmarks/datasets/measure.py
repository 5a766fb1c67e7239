"""The truth about reading: every made table in every format by every reader, each in a fresh process.

    python -m benchmarks.datasets.measure [--tables shop …] [--readers pandas_csv …] [--folder /tmp/…]

Results are appended as they come; what is there is not measured again. Files are made when needed and taken away after.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from benchmarks.datasets.real import TABLES as REAL

DATA = Path(__file__).resolve().parent / "data"
ROOT = Path(__file__).resolve().parents[2]
COLUMNS = ("table", "variant", "form", "reader", "file_bytes", "baseline_bytes", "peak_bytes", "settled_bytes",
           "weight_bytes", "maxrss_bytes", "seconds", "failure")  # fmt: skip
FORMS: dict[str, tuple[str, ...]] = {
    "csv": ("pandas_csv", "pandas_csv_category", "pandas_csv_pyarrow", "pandas_csv_arrow",
            "polars_csv", "pyarrow_csv"),
    "csv.gz": ("pandas_csv", "pandas_csv_pyarrow", "polars_csv"),
    "parquet": ("pandas_parquet", "pandas_parquet_arrow", "polars_parquet", "pyarrow_parquet"),
    "zstd.parquet": ("pandas_parquet", "polars_parquet"),
    "feather": ("pandas_feather", "polars_feather", "pyarrow_feather"),
    "jsonl": ("pandas_jsonl", "polars_jsonl"),
    "json": ("pandas_json", "polars_json"),
    "npy": ("numpy_load", "numpy_float32"),
    "npz": ("numpy_load",),
    "h5": ("h5py_read",),
    "sqlite": ("pandas_sqlite",),
}  # fmt: skip
# Forms that are measured with some tables alone.
SPARSE_FORMS = {
    "csv.gz": ("shop", "posts", "sensors", *REAL),
    "zstd.parquet": ("shop", "codes", "gaps", "rides", "posts", "ledger"),
    "feather": ("shop", "floats", "rides", "requests", *REAL),
    "jsonl": ("shop", "gaps", "rides", "survey", *REAL),
    "json": (*REAL,),
    "npy": ("floats", "thin", "panel", "ledger"),
    "npz": ("floats", "panel"),
    "h5": ("floats", "panel", "rwm5yr", "vocabulary", "chains", "lectures"),
    "sqlite": ("shop", "counts", "rides", "ledger", *REAL),
}
# Of the real tables, readers whose laws rest on the made tables alone.
LEFT_TO_MADE = ("pandas_csv_category", "pyarrow_csv", "pyarrow_parquet")


def surroundings() -> dict[str, object]:
    """Versions and the machine, as plain JSON values."""
    packages = ("pandas", "polars", "pyarrow", "numpy", "h5py")
    return {
        "python": platform.python_version(), **{name: metadata.version(name) for name in packages},
        "system": platform.system(), "kernel": platform.release(), "libc": " ".join(platform.libc_ver()),
        "machine": platform.machine(), "cpus_usable": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "command": "python -m benchmarks.datasets.measure",
    }  # fmt: skip


def run_once(python: str, reader: str, path: Path, small: Path) -> dict[str, object]:
    """One fresh process: its own report, and the kernel's as seen from this small launcher."""
    command = [python, "-m", "benchmarks.datasets.reader_child", reader, str(path), str(small)]
    child = subprocess.Popen(["nice", "-n", "10", "timeout", "300", *command], cwd=ROOT,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert child.stdout is not None and child.stderr is not None
    output, errors = child.stdout.read(), child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        return {"failure": (errors.strip().splitlines() or [f"exit {status}"])[-1][:160]}
    return {**json.loads(output.strip().splitlines()[-1]), "maxrss_bytes": usage.ru_maxrss * 1024, "failure": ""}


def make(table: str, form: str, path: Path) -> None:
    """Write a made table, in a process of its own."""
    if not path.exists():
        subprocess.run(["nice", "-n", "10", sys.executable, "-m", "benchmarks.datasets.make", table, form, str(path)],
                       cwd=ROOT, check=True)  # fmt: skip


def small_file(path: Path, form: str) -> Path:
    """A file of the same form with two columns and few rows, which every reader reads first."""
    target = path.with_name(f"small.{form}")
    code = ("import sys, pyarrow as pa\nfrom benchmarks.datasets.make import write\n"
            "table = pa.table({'a': [1, 2, 3] * 50, 'b': [0.5, 1.5, 2.5] * 50, 't': ['u', 'vv', 'www'] * 50})\n"
            "write(table, sys.argv[1], sys.argv[2])")  # fmt: skip
    if not target.exists():
        subprocess.run([sys.executable, "-c", code, form, str(target)], cwd=ROOT, check=True)
    return target


def done_already(file: Path) -> set[tuple[str, ...]]:
    if not file.exists():
        return set()
    with file.open(newline="", encoding="utf-8") as lines:
        return {(row["table"], row["form"], row["reader"], row["variant"]) for row in csv.DictReader(lines)}


def append(file: Path, row: dict[str, object]) -> None:
    fresh = not file.exists()
    with file.open("a", newline="", encoding="utf-8") as target:
        writer = csv.DictWriter(target, COLUMNS, lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerow({column: row.get(column, "") for column in COLUMNS})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", nargs="*")
    parser.add_argument("--readers", nargs="*")
    parser.add_argument("--forms", nargs="*", default=list(FORMS))
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "memfit-datasets")
    parser.add_argument("--keep", action="store_true", help="leave the files for another run")
    parser.add_argument("--python", default=sys.executable, help="the interpreter whose libraries are measured")
    parser.add_argument("--variant", default="", help='a name for its versions, such as "pandas2"')
    options = parser.parse_args()
    from benchmarks.datasets.names import HALVES

    options.folder.mkdir(parents=True, exist_ok=True)
    DATA.mkdir(exist_ok=True)
    file = DATA / "reading.csv"
    if not options.variant:
        (DATA / "reading.json").write_text(json.dumps(surroundings(), indent=1) + "\n", encoding="utf-8")
    for table in options.tables or HALVES:
        for form in options.forms:
            if table not in SPARSE_FORMS.get(form, (table,)):
                continue
            readers = [one for one in FORMS[form] if not options.readers or one in options.readers]
            readers = [one for one in readers if table not in REAL or one not in LEFT_TO_MADE]
            readers = [one for one in readers if (table, form, one, options.variant) not in done_already(file)]
            if not readers:
                continue
            path = options.folder / f"{table}.{form}"
            make(table, form, path)
            for reader in readers:
                row = run_once(options.python, reader, path, small_file(path, form))
                append(
                    file,
                    {
                        "table": table,
                        "variant": options.variant,
                        "form": form,
                        "reader": reader,
                        "file_bytes": path.stat().st_size,
                        **row,
                    },
                )
                print(table, form, reader, row.get("seconds"), row.get("peak_bytes"), row["failure"], flush=True)
            if not options.keep:
                path.unlink()
    if not options.keep:
        shutil.rmtree(options.folder)


if __name__ == "__main__":
    main()
