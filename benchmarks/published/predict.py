"""What memfit says of every published figure, one after the other, into data/first.jsonl: a line for each command.

    python -m benchmarks.published.predict [--of peft-metamath] [--later]

Resumable: commands that the file holds are not asked again. Their order is by no plan (a hash), so that what an
unfinished file holds is a fair sample. --later asks again after a change of memfit, with the words that it learned in
between (figures.toml has them), into data/later.jsonl; the page shows that beside the first. What was asked with other
words than those of today is asked again, and its last line counts; what was asked before comes before the rest.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shlex
import subprocess
import time
from pathlib import Path
from typing import Any

import memfit
from benchmarks.accuracy.surroundings import version
from benchmarks.published.figures import Row, rows, sources
from memfit.errors import MemfitError

DATA = Path(__file__).parent / "data"
FIRST, LATER = DATA / "first.jsonl", DATA / "later.jsonl"
_LIMIT_S = 3600.0  # a busy machine takes its time, and an estimate cut short is none


def predicted(row: Row, model: str, added: str) -> dict[str, Any]:
    """One estimate's figures, or why there is none."""
    began = time.monotonic()
    words = shlex.split(f"{row.words} {added}")
    try:
        found = memfit.estimate(f"hf:{model}", words, on=row.on, timeout_s=_LIMIT_S)
    except MemfitError as error:
        return {"failure": f"{error.message[:300]}", "seconds": round(time.monotonic() - began, 1)}
    pool = next(each for each in found.pools if each.pool != "host")  # of several ranks, the fullest one's
    return {
        "allocated_peak_bytes": pool.allocated_peak_bytes,
        "reserved_peak_bytes": pool.reserved_peak_bytes,
        "low_bytes": pool.peak_bytes.low,
        "expected_bytes": pool.peak_bytes.expected,
        "high_bytes": pool.peak_bytes.high,
        "framework_bytes": sum(each.range.expected for each in pool.components if each.category.value == "framework"),
        "basis": sorted({each.basis.value for each in pool.components}),
        "fits": found.verdict.value,
        "notes": sorted({each.slug for each in found.assumptions}),
        "seconds": round(time.monotonic() - began, 1),
    }


def held(file: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """By command and the words that were added to it: what a file holds."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return {(told["command"], told.get("added") or ""): told for told in map(json.loads, lines)}


def newest(row: Row) -> dict[str, Any] | None:
    """What was said of a figure last: with the words of today, or else with some of them; None before it was asked."""
    known = held(LATER)
    some = [
        told
        for (command, added), told in known.items()
        if command == row.command and set(added.split()) <= set(row.later.split())
    ]
    return known.get((row.command, row.later)) or (some[-1] if some else held(FIRST).get((row.command, "")))


def _by_no_plan(row: Row) -> bytes:
    return hashlib.sha256(row.command.encode()).digest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--of", nargs="*", help="sources; all")
    parser.add_argument("--later", action="store_true")
    parser.add_argument("--only", default="", help="commands with these words in them")
    parser.add_argument("--at-most", type=int, default=None, help="so many commands; the next call goes on from there")
    options = parser.parse_args()
    output = LATER if options.later else FIRST
    output.parent.mkdir(exist_ok=True)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    versions = {name: version(name) for name in ("torch", "transformers", "peft")}
    done = set(held(output))
    wanted = options.of or [source["name"] for source in sources()]
    todo = [row for row in rows() if row.source in wanted and options.only in row.command]
    before, at_first = len(done), held(FIRST) if options.later else {}
    for row in sorted(todo, key=lambda row: ((row.command, "") not in at_first, _by_no_plan(row))):
        model, added = (row.later_model, row.later) if options.later else (row.model, "")
        if (row.command, added) in done:
            continue
        if len(done) - before == options.at_most:
            break
        done.add((row.command, added))
        told = {"command": row.command, "added": added, **predicted(row, model, added), "memfit": commit, **versions}
        with output.open("a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")
        print(row.source, row.command, told.get("expected_bytes", told.get("failure")), told["seconds"], flush=True)


if __name__ == "__main__":
    main()
