"""Runs `memfit estimate` on every public script of the corpus and keeps what came of it in data/<date>.json.

    python run.py CORPUS --python PYTHON [--python …] [--on DEVICE] [--of compiled.toml] [--only NAME …] [-o FILE]
    python run.py CORPUS --python PYTHON [--of compiled.toml] -o FILE --alone
    python run.py CORPUS --python OLDER --packages "NumPy 1.26" --of unseen.toml -o FILE --only NAME …

Each script runs in a process group of its own with a time limit. A script ran if memfit handed over an estimate that
has the peak of the pool the script trains on; anything else is kept with the message memfit gave. With --alone, those
of FILE that gave none are run without memfit instead, and how they ended is kept beside it. With --packages, what came
of a script with older packages is kept beside its row, as "then".
"""

import argparse
import datetime
import json
import platform
import re
import tempfile
from pathlib import Path

import launching
from corpus import HERE, Script, load

ANSWERED = {0, 3}  # fits, does not fit
# Assumptions that say the script was not seen as far, or not as, one would like: shown beside its figures.
NOTED = {
    "compiled-as-eager",
    "ran-small",
    "run-as-it-is",
    "small-run-failed",
    "one-small-run",
    "kernels-not-run",
    "job-failed-later",
    "job-ended-early",
    "no-optimizer-step",
    "stopped-by-time",
    "passes-bounded",
    "shape-from-values",
    "loop-on-values",
}


def main() -> int:
    options = _options()
    corpus = options.corpus.resolve()
    output = options.output or HERE / "data" / f"{datetime.date.today().isoformat()}.json"
    if options.alone:
        return _without_memfit(corpus, output, options)
    rows = {row["name"]: row for row in _kept(output)} if options.only else {}
    for script in load(options.only, options.of):
        row = attempt(script, corpus, options)
        rows[script.name] = rows[script.name] | {"then": row} if options.packages else row
        print(_line(row), flush=True)
        _keep(output, options, rows)
    return 0


def _without_memfit(corpus: Path, output: Path, options: argparse.Namespace) -> int:
    """Whether the scripts that gave no estimate fail by themselves: the exit codes."""
    document = json.loads(output.read_text())
    scripts = {script.name: script for script in load(None, options.of)}
    for row in document["scripts"]:
        python = launching.interpreter(scripts[row["name"]], options.python)
        if row["ran"] or python is None:
            continue
        script = scripts[row["name"]]
        ended = launching.run(script, [python, *script.command(corpus)], corpus, limit_s=options.limit)
        said = [line.strip() for line in ended.tail.splitlines() if line.strip()][-1:]
        row["alone"] = {"exit_code": ended.code, "limit_s": options.limit}
        row["alone"] |= {"said": of_no_machine(said[0][:300], corpus)} if ended.code and said else {}
        print(f"{script.name:34} alone: exit code {ended.code}", flush=True)
        output.write_text(json.dumps(document, indent=1) + "\n")
    return 0


def _options() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("corpus", type=Path)
    arguments.add_argument("--python", action="append", required=True)
    arguments.add_argument("--on", default="rtx4090-24gb")
    arguments.add_argument("--only", nargs="*", default=None)
    arguments.add_argument("--of", default="scripts.toml")
    arguments.add_argument("--limit", type=float, default=300.0, metavar="SECONDS")
    arguments.add_argument("--debug", action="store_true", help="ask memfit for tracebacks; kept in CORPUS/.attempts")
    arguments.add_argument("--alone", action="store_true", help="run those without an estimate, without memfit")
    arguments.add_argument("--commit", default=None, help="memfit's own commit, kept with each row")
    arguments.add_argument("--packages", default=None, help="what PYTHON has of older packages, in words")
    arguments.add_argument("-o", "--output", type=Path, default=None)
    return arguments.parse_args()


def attempt(script: Script, corpus: Path, options: argparse.Namespace) -> dict[str, object]:
    """One row of the results: what was run, where, whether it ran, the peaks, the seconds, the message if not."""
    row: dict[str, object] = {"name": script.name, "repository": script.repository, "commit": script.commit}
    row |= {"path": script.path, "arguments": list(script.arguments), "kind": script.kind, "memfit": options.commit}
    python = launching.interpreter(script, options.python)
    if python is None:
        return row | {"ran": False, "why": "no interpreter at hand has its packages", "seconds": None}
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "estimate.json"
        command = [python, "-m", "memfit", "estimate", "--on", options.on, "--json", "-o", str(saved)]
        command += ["--timeout", str(options.limit), *["--debug"] * options.debug, *script.command(corpus)]
        ended = launching.run(script, command, corpus, limit_s=options.limit + 30)
        estimate = json.loads(saved.read_text()) if saved.exists() else None
    attempts = corpus / ".attempts"
    attempts.mkdir(exist_ok=True)
    (attempts / f"{script.name}.txt").write_text(ended.tail)
    (attempts / f"{script.name}.json").write_text(json.dumps(estimate))
    torch = launching.version_of_torch(python) if "torch" in script.packages else None
    row |= {"torch": torch, "exit_code": ended.code, "seconds": round(ended.seconds, 1)}
    row |= {"on": options.on, "limit_s": options.limit}
    if options.packages:
        row["packages"] = options.packages
    return row | _outcome("cpu" if options.on == "cpu" else script.trains_on, ended, estimate, corpus)


def _outcome(trains_on: str, ended: launching.Ended, estimate: dict | None, corpus: Path) -> dict[str, object]:
    """Args:
    trains_on: "cuda" or "cpu": whose pool must have a peak.
    """
    if ended.code not in ANSWERED or estimate is None:
        return {"ran": False, "why": of_no_machine(_why(ended), corpus)}
    peaks = {pool["pool"]: pool["peak_bytes"] for pool in estimate["pools"]}
    device = next((peak for pool, peak in peaks.items() if pool.startswith("cuda")), None)
    ran = bool(device) if trains_on == "cuda" else "host" in peaks
    why = None if ran else f"the estimate has no peak for the {trains_on} pool"
    peaks_of = {"device": device, "host": peaks.get("host")}
    return {"ran": ran, "why": why, **peaks_of, "verdict": estimate.get("verdict"), "notes": notes(estimate, corpus)}


def notes(estimate: dict, corpus: Path) -> dict[str, str]:
    """What was assumed and is worth showing, by its slug."""
    worth_it = (item for item in estimate.get("assumptions", []) if item["slug"] in NOTED)
    return {item["slug"]: of_no_machine(item["text"], corpus) for item in worth_it}


def _why(ended: launching.Ended) -> str:
    if ended.code == launching.TIMED_OUT:
        return f"no answer within {ended.seconds:.0f} s"
    lines = [line.strip() for line in ended.tail.splitlines() if line.strip()]
    said = [line for line in lines if line.startswith(("memfit:", "error:", "memfit error"))]
    return (said or lines or ["nothing was said"])[-1][:300]


def of_no_machine(text: str, corpus: Path) -> str:
    """The text without the folders of this machine: paths start in the corpus, in site-packages, or are a name."""
    text = text.replace(f"{corpus}/", "").replace(str(corpus), ".")
    text = re.sub(r"(?<![\w.])/[\w./+-]*/site-packages/", "", text)
    return re.sub(r"(?<![\w.:/])/(?:[\w.+-]+/)+", ".../", text)


def _line(row: dict) -> str:
    if not row["ran"]:
        return f"{row['name']:34} NO   {row['seconds']} s  {row['why']}"
    show = [f"{pool} {_gib(row[pool])}" for pool in ("device", "host") if row[pool]]
    return f"{row['name']:34} ran  {row['seconds']} s  {'  '.join(show)}  {row['verdict']}  {' '.join(row['notes'])}"


def _gib(peak: dict) -> str:
    return f"{peak['expected'] / 2**30:.2f} to {peak['high'] / 2**30:.2f} GiB"


def _kept(output: Path) -> list[dict]:
    return json.loads(output.read_text())["scripts"] if output.exists() else []


def _keep(output: Path, options: argparse.Namespace, rows: dict[str, dict]) -> None:
    output.parent.mkdir(exist_ok=True)
    document = {
        "schema": 1,
        "date": datetime.date.today().isoformat(),
        "on": options.on,
        "machine": {"system": platform.system(), "python": platform.python_version(), "gpu": None},
        "scripts": list(rows.values()),
    }
    output.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
