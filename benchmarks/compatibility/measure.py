"""Runs the scripts of fitted.toml as python would, without memfit, and keeps what each came to hold at most.

    python measure.py CORPUS --python PYTHON [--only NAME …] [--limit SECONDS]
    python measure.py CORPUS --python PYTHON --of unseen.toml -o data/unseen-measured.json --steps 60 --only NAME …

With --steps a script that trains is ended after so many optimizer steps.
The peak is the main process's high-water mark, or the proportional shares of it and all that it started, sampled 30
times a second, where that was more. What was measured stays in data/fitted-measured.json; only what is missing is run.
"""

import argparse
import json
import os
import subprocess
import time
from pathlib import Path

import launching
from corpus import HERE, Script, load

from memfit.sensors import process_tree

STOPPED = 77  # environment/sitecustomize.py: after so many optimizer steps


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("corpus", type=Path)
    arguments.add_argument("--python", required=True)
    arguments.add_argument("--only", nargs="*", default=None)
    arguments.add_argument("--limit", type=float, default=180.0, metavar="SECONDS")
    arguments.add_argument("--of", default="fitted.toml")
    arguments.add_argument("--steps", type=int, default=None)
    arguments.add_argument("-o", "--output", type=Path, default=HERE / "data" / "fitted-measured.json")
    options = arguments.parse_args()
    rows = json.loads(options.output.read_text()) if options.output.exists() else {}
    for script in load(options.only, options.of):
        if script.name not in rows:
            corpus = options.corpus.resolve()
            rows[script.name] = measured(script, corpus, options.python, options.limit, options.steps)
            print(script.name, rows[script.name], flush=True)
            options.output.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


def measured(script: Script, corpus: Path, python: str, limit_s: float, steps: int | None = None) -> dict[str, object]:
    """One run: its exit code, seconds, peak in bytes, and the most processes at a time.

    Args:
        steps: optimizer steps after which it is ended; None for all of it.
    """
    surroundings = launching.surroundings(script, corpus)
    if steps is not None:
        surroundings = launching.environment(script, corpus) | {"MEMFIT_STOP_AFTER_STEPS": str(steps)}
    began = time.monotonic()
    with (corpus / ".measured.txt").open("w") as log:
        process = subprocess.Popen(
            [python, *script.command(corpus)],
            cwd=script.runs_in(corpus),
            env=os.environ | surroundings,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        highest = most = 0
        ended = (0, 0, None)
        while not ended[0]:
            tree = process_tree(process.pid)
            if len(tree) > 1:
                highest, most = max(highest, sum(each.share_bytes for each in tree)), max(most, len(tree))
            if time.monotonic() - began > limit_s:
                os.killpg(process.pid, 9)
            time.sleep(0.03)
            ended = os.wait4(process.pid, os.WNOHANG)
    code = os.waitstatus_to_exitcode(ended[1])
    peak = max(ended[2].ru_maxrss * 1024, highest)
    last = (corpus / ".measured.txt").read_text(errors="replace").strip().splitlines()[-1:] if code else []
    row = {"code": code, "seconds": round(time.monotonic() - began, 1), "peak_bytes": peak, "processes": most or 1}
    if steps is not None:
        row |= {"steps": steps, "stopped": code == STOPPED, "code": 0 if code == STOPPED else code}
    return row | ({"said": last[0][:200]} if last and code != STOPPED else {})


if __name__ == "__main__":
    raise SystemExit(main())
