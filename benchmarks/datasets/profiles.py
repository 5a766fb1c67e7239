"""What memfit finds out about each made file, kept: predictions can then be made anew without the files.

    python -m benchmarks.datasets.profiles --folder /tmp/…

Reads the files that `measure --keep` left; profiles of files that are gone stay as they are.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from benchmarks.datasets.measure import DATA, FORMS
from benchmarks.datasets.names import HALVES
from memfit import documents
from memfit.datasets.finding import read_one
from memfit.documents import Data, to_json
from memfit.documents.data import Table

FILE = DATA / "profiles.json"


def profiles() -> dict[str, Table]:
    """The kept profiles by file name."""
    return {table.name.partition("/")[0]: table for table in documents.load(FILE, Data).tables} if FILE.exists() else {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    found = profiles()
    for table in HALVES:
        for form in FORMS:
            path = options.folder / f"{table}.{form}"
            if path.exists():
                started = time.perf_counter()
                found[path.name] = read_one(path)
                print(path.name, f"{time.perf_counter() - started:.2f} s", flush=True)
    kept = Data(target={"kind": "data", "name": "made tables"}, tables=tuple(found[name] for name in sorted(found)))
    FILE.write_text(json.dumps(to_json(kept), separators=(",", ":")).replace('{"name":', '\n{"name":') + "\n", "utf-8")


if __name__ == "__main__":
    main()
