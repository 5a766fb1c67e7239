"""Runs the scripts of recorded.toml bare and under `memfit run`, and keeps what came of it in data/recorded.json.

    python record.py CORPUS --python PYTHON [--python PYTHON …] [--only NAME …]

What they print must be the same but for times and paths; lines that differ are held against a second bare run, as some
differ each time. A script that is started by no launcher is estimated too (`--on cpu`), and compared.
"""

import argparse
import datetime
import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import launching
from corpus import HERE, Script, load
from run import of_no_machine

import memfit
from memfit import documents
from memfit.documents import Recording

# Threads that wait sleep, so that other work goes on beside; sets of strings have the same order in every run.
POLITE = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "PYTHONHASHSEED": "0"}
OUTPUT = HERE / "data" / "recorded.json"
TIMES = re.compile(
    r"\d+(\.\d+)?(e-\d+)?\s*(it/s|s/it|ms|seconds|sec|s\b)|\d+:\d\d(:\d\d)?|took \S+|'train_runtime\S* \S+"
)
SPEEDS = re.compile(r"(\w*(runtime|per_second|ms/batch|pid|port|time)\w*)['\"]?[ :=]+'?[\d.,]+'?", re.IGNORECASE)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("corpus", type=Path)
    arguments.add_argument("--python", action="append", required=True)
    arguments.add_argument("--only", nargs="*", default=None)
    arguments.add_argument("--limit", type=float, default=900.0, metavar="SECONDS")
    arguments.add_argument("--commit", default=None, help="memfit's own commit, kept with each row")
    options = arguments.parse_args()
    rows = json.loads(OUTPUT.read_text())["scripts"] if OUTPUT.exists() else []
    kept = {row["name"]: row for row in rows}
    for script in load(options.only, "recorded.toml"):
        kept[script.name] = attempt(script, options.corpus.resolve(), options)
        print(json.dumps(kept[script.name]), flush=True)
        document = {"schema": 1, "date": datetime.date.today().isoformat(), "scripts": list(kept.values())}
        OUTPUT.write_text(json.dumps(document, indent=1) + "\n")
    return 0


def attempt(script: Script, corpus: Path, options: argparse.Namespace) -> dict[str, Any]:
    """One row: both runs, what they printed, what was recorded, and the estimate beside it."""
    row: dict[str, Any] = {"name": script.name, "repository": script.repository, "kind": script.kind}
    row |= {"path": script.path, "arguments": list(script.arguments), "launcher": list(script.launcher)}
    row |= {"memfit": options.commit}
    python = launching.interpreter(script, options.python)
    if python is None:
        return row | {"failure": "no interpreter at hand has its packages"}
    command = [python, *script.launcher, *script.command(corpus)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "job.memfit"
        recorder = [python, "-m", "memfit", "run", "--quiet", "-o", str(file), "--"]
        bare = launching.run(script, command, corpus, limit_s=options.limit, extra=POLITE)
        ended = launching.run(script, [*recorder, *command], corpus, limit_s=options.limit, extra=POLITE)
        said = words if script.launcher else lines  # lines of several ranks run into each other
        differing = said(bare.tail) ^ said(ended.tail)
        if differing:
            again = launching.run(script, command, corpus, limit_s=options.limit, extra=POLITE)
            differing = set() if said(bare.tail) ^ said(again.tail) else differing
            row["differs_bare_too"] = bool(said(bare.tail) ^ said(again.tail))
        row |= {
            "bare_exit": bare.code,
            "exit": ended.code,
            "differing": sorted(of_no_machine(x, corpus) for x in differing)[:6],
        }
        row |= {"bare_s": round(bare.seconds, 1), "recorded_s": round(ended.seconds, 1)}
        if bare.code:
            return row | {"failure": of_no_machine(bare.tail[-300:], corpus)}
        recording = memfit.load(file)
        assert isinstance(recording, Recording)
        row |= told(recording) | compared(script, python, corpus, file, options.limit)
    return row


def lines(printed: str) -> set[str]:
    """What a run printed, without times, speeds and progress bars."""
    whole = (part.split("\r")[-1].strip() for part in printed.splitlines())
    masked = (SPEEDS.sub(r"\1 …", TIMES.sub("…", line)) for line in whole)
    return {line for line in masked if line and "|" not in line and "Warning" not in line}


def words(printed: str) -> set[str]:
    """The words of those lines."""
    return {word for line in lines(printed) for word in re.findall(r"\w+", line)}


def told(recording: Recording) -> dict[str, Any]:
    """What a recording says."""
    found: dict[str, Any] = {
        "iterations": sorted(
            (
                {"pid": f"process {at}", "unit": one.unit, "count": one.numbers[-1]}
                for at, one in enumerate(recording.iterations)
            ),
            key=lambda one: -one["count"],
        ),
        "phases": {one.name: one.count for one in recording.phase_totals if one.pid == main_pid(recording)},
        "roles": count([one.role or one.name for one in recording.processes]),
        "peak_bytes": recording.peak_bytes("host"),
        "ending": recording.ending.how,
        "notes": list(recording.notes),
    }
    try:
        diagnosis = memfit.diagnose(recording)
    except memfit.MemfitError as problem:
        return found | {"growth": None, "evidence": str(problem)}
    worst = documents.to_json(diagnosis)["series"][0]
    return found | {key: worst[key] for key in ("growth", "is_leak", "evidence")}


def main_pid(recording: Recording) -> int | None:
    """The process that iterated most."""
    most = max(recording.iterations, key=lambda one: one.numbers[-1], default=None)
    return None if most is None else most.pid


def count(names: list[str]) -> dict[str, int]:
    """How often each occurs."""
    return {name: names.count(name) for name in dict.fromkeys(names)}


def compared(script: Script, python: str, corpus: Path, file: Path, limit_s: float) -> dict[str, Any]:
    """The estimate of the same script on this machine's CPU, beside the recording."""
    if script.launcher or "torch" not in script.packages:
        return {}
    saved = file.with_name("estimate.json")
    command = [python, "-m", "memfit", "estimate", "--on", "cpu", "--quiet", "-o", str(saved), "--timeout", "600"]
    ended = launching.run(script, [*command, *script.command(corpus)], corpus, limit_s=limit_s, extra=POLITE)
    if not saved.exists():
        return {"estimate_failure": of_no_machine(ended.tail.strip()[-300:], corpus)}
    estimate = json.loads(saved.read_text())
    host: Mapping[str, Any] = next(pool for pool in estimate["pools"] if pool["pool"] == "host")
    found = documents.to_json(memfit.compare(saved, file))
    pool = next(one for one in found["pools"] if one["pool"] == "host")
    return {"estimate": host["peak_bytes"], "standing": pool["standing"]}


if __name__ == "__main__":
    raise SystemExit(main())
