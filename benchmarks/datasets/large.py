"""`memfit data` on a CSV of 10 GB: seconds and memory. The file is one made table's rows over and over.

python -m benchmarks.datasets.large --source /tmp/…/shop.csv --target /tmp/large.csv [--gigabytes 10]
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.datasets.measure import DATA, ROOT

COLUMNS = (
    "gigabytes",
    "rows",
    "rows_expected",
    "rows_low",
    "rows_high",
    "seconds",
    "processor_seconds",
    "maxrss_bytes",
)
FILE = DATA / "large.csv"


def build(source: Path, target: Path, size: int) -> int:
    """Write the file, a little at a time: a child's high-water mark starts from this process's size. Its rows."""
    with source.open("rb") as lines:
        header = lines.readline()
        start, rows = lines.tell(), sum(1 for _ in lines)
    times = max(size // (source.stat().st_size - start), 1)
    with target.open("wb") as file:
        file.write(header)
        for _ in range(times):
            with source.open("rb") as lines:
                lines.seek(start)
                shutil.copyfileobj(lines, file, 1 << 20)
    return times * rows


def measure(target: Path) -> dict[str, object]:
    """One run of the command in a fresh process."""
    started = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", "memfit", "data", str(target), "--json"], cwd=ROOT,
                             stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert child.stdout is not None
    found = json.loads(child.stdout.read())
    _, status, usage = os.wait4(child.pid, 0)
    assert status == 0
    rows = found["tables"][0]["rows"]
    return {"rows_expected": rows["expected"], "rows_low": rows["low"], "rows_high": rows["high"],
            "seconds": round(time.perf_counter() - started, 2), "maxrss_bytes": usage.ru_maxrss * 1024,
            "processor_seconds": round(usage.ru_utime + usage.ru_stime, 2)}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--target", type=Path, required=True)
    parser.add_argument("--gigabytes", type=float, default=10)
    options = parser.parse_args()
    rows = build(options.source, options.target, round(options.gigabytes * 1e9))
    found = []
    for _ in range(3):
        found.append({"gigabytes": options.gigabytes, "rows": rows, **measure(options.target)})
        print(found[-1], flush=True)
    with FILE.open("w", newline="", encoding="utf-8") as target:
        writer = csv.DictWriter(target, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    options.target.unlink()


if __name__ == "__main__":
    main()
