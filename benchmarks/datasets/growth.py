"""Preprocessing of made tables in fresh processes: what each step adds at its peak, beside what memfit says.

    python -m benchmarks.datasets.growth --folder /tmp/… [--tables shop …]

Needs pandas, scikit-learn, pyarrow, and the Parquet files that `measure --keep` left.
"""

from __future__ import annotations

import argparse
import csv
import ctypes
import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.datasets.measure import DATA, ROOT
from benchmarks.datasets.reader_child import status, weight

FILE = DATA / "growth.csv"
COLUMNS = ("table", "step", "frame_bytes", "added_peak_bytes")
STEPS = ("df.copy()", "StandardScaler().fit_transform(X)", "train_test_split(df)", "pandas.get_dummies(df)",
         "OneHotEncoder().fit_transform(X)", "TfidfVectorizer().fit_transform(texts)")  # fmt: skip
TABLES = ("gaps", "rides", "reviews", "survey", "posts", "chats")
_MOST_VALUES, _SENTENCE = 5000, 40  # as in memfit.datasets.growths


def act(step: str, df: Any) -> Any:
    """The step on a frame."""
    import pandas
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    texts = [name for name in df if str(df[name].dtype) == "str"]
    language = [name for name in texts if df[name].str.len().mean() >= _SENTENCE]
    few = [name for name in texts if name not in language and df[name].nunique() <= _MOST_VALUES]
    yield  # what was imported and looked at is no part of the step
    if step == "df.copy()":
        yield df.copy()
    elif step.startswith("StandardScaler"):
        yield StandardScaler().fit_transform(df.select_dtypes(["number", "bool"]).to_numpy("float64"))
    elif step.startswith("train_test_split"):
        yield train_test_split(df)
    elif step.startswith("pandas.get_dummies"):
        yield pandas.get_dummies(df, columns=few)
    elif step.startswith("OneHotEncoder"):
        yield OneHotEncoder().fit_transform(df[few])
    else:
        yield TfidfVectorizer().fit_transform(df[language[0]])


def child(path: str, step: str) -> None:
    """One step in this fresh process."""
    import pandas

    small = act(step, pandas.DataFrame({"n": [1, 2] * 20, "t": ["a", "b"] * 20, "l": ["many words " * 9] * 40}))
    next(small), next(small)
    df = pandas.read_parquet(path)
    steps = act(step, df)
    next(steps)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what reading left free would hide what the step takes
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    kept = next(steps)
    print(
        json.dumps({"added_peak_bytes": status("VmHWM") - before, "frame_bytes": weight(df), "kept": str(type(kept))})
    )


def main() -> None:
    if len(sys.argv) == 4 and sys.argv[1] == "child":
        return child(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--tables", nargs="*", default=TABLES)
    options = parser.parse_args()
    found = []
    for table in options.tables:
        for step in STEPS:
            path = options.folder / f"{table}.parquet"
            command = ["nice", "-n", "10", sys.executable, "-m", "benchmarks.datasets.growth", "child", str(path), step]
            pool = {**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"}
            done = subprocess.run(command, cwd=ROOT, env=pool, capture_output=True, text=True)
            if done.returncode == 0:
                told = json.loads(done.stdout.splitlines()[-1])
                found.append({"table": table, "step": step, **{name: told[name] for name in COLUMNS[2:]}})
                print(found[-1], flush=True)
            else:
                print(table, step, (done.stderr.strip().splitlines() or ["?"])[-1][:120], flush=True)
    with FILE.open("w", newline="", encoding="utf-8") as target:
        writer = csv.DictWriter(target, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    return None


if __name__ == "__main__":
    main()
