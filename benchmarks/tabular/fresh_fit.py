"""A fit and its peak: made in this process, or in a fresh one; and the loop over cases whose results a file keeps."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from memfit.documents import Estimate
from memfit.probing.child.reading import give_back, reset_peak, sizes

_LONGEST_S = 600


class Case(Protocol):
    """One fit of a table of them."""

    @property
    def name(self) -> str: ...
    @property
    def half(self) -> str: ...


def fit(job: Callable[[Any], Any], inputs: Any, held_bytes: int) -> dict[str, Any]:
    """Fit in this process, whose data is there: what it held after its imports, before the fit, and its peak.

    Args:
        job: what probes call.
        inputs: of it.
        held_bytes: after the imports.
    """
    give_back()
    exact = reset_peak()
    before, began = sizes()["VmRSS"], time.monotonic()
    result = job(inputs)
    seconds = time.monotonic() - began
    del result
    return {"held_bytes": held_bytes, "before_bytes": before, "peak_bytes": sizes()["VmHWM"], "exact": exact,
            "seconds": round(seconds, 1)}  # fmt: skip


def in_a_fresh_process(module: str, *words: str) -> dict[str, Any]:
    """What `python -m MODULE fit WORDS` prints last, as JSON."""
    told = subprocess.run(
        [sys.executable, "-m", module, "fit", *words], capture_output=True, text=True, timeout=_LONGEST_S, check=True
    )
    found: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
    return found


def figures(estimate: Estimate) -> dict[str, Any]:
    """Of an estimate, what the tables keep."""
    pool = estimate.pool("host")
    peak = pool.peak_bytes
    return {"low": peak.low, "expected": peak.expected, "high": peak.high,
            "framework_bytes": pool.breakdown_bytes["framework"], "law": pool.components[-1].source}  # fmt: skip


def kept(file: Path) -> list[dict[str, Any]]:
    """The lines of a data file, none when it is not there."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def keep(file: Path, lines: Sequence[dict[str, Any]]) -> None:
    """Write them all."""
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def fill(
    about: str | None,
    file: Path,
    cases: Sequence[Case],
    measured: Callable[[int], dict[str, Any]],
    predicted: Callable[[int, dict[str, Any]], dict[str, Any]],
) -> None:
    """Measure and predict what is not there yet, as the command line asks.

    Args:
        about: the help.
        file: of the results, a line each.
        cases: in the order of the table.
        measured: of a case, by its number.
        predicted: of it, by its number and what was measured.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--again", action="store_true", help="predict anew what has been measured")
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    parser.add_argument("--halves", nargs="*", default=["tuning", "judging"])
    options = parser.parse_args()
    until = time.monotonic() + options.seconds
    lines = {line["case"]: line for line in kept(file)}
    for number, case in enumerate(cases):
        line = lines.get(case.name, {"case": case.name, "half": case.half})
        if options.only not in case.name or case.half not in options.halves:
            continue
        if time.monotonic() > until or ("predicted" in line and not options.again):
            continue
        if "measured" not in line:
            line["measured"] = measured(number)
        line["predicted"] = predicted(number, line["measured"])
        lines |= {each["case"]: each for each in kept(file)}  # another run may add to it as well
        lines[case.name] = line
        keep(file, list(lines.values()))
        print(json.dumps(line), flush=True)
