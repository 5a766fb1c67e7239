"""Runs the scripts of fitted.toml as python would, without memfit, and keeps what each came to hold at most.

    python measure.py CORPUS --python PYTHON [--only NAME …] [--limit SECONDS]

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

DATA = HERE / "data" / "fitted-measured.json"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("corpus", type=Path)
    arguments.add_argument("--python", required=True)
    arguments.add_argument("--only", nargs="*", default=None)
    arguments.add_argument("--limit", type=float, default=180.0, metavar="SECONDS")
    options = arguments.parse_args()
    rows = json.loads(DATA.read_text()) if DATA.exists() else {}
    for script in load(options.only, "fitted.toml"):
        if script.name not in rows:
            rows[script.name] = measured(script, options.corpus.resolve(), options.python, options.limit)
            print(script.name, rows[script.name], flush=True)
            DATA.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


def measured(script: Script, corpus: Path, python: str, limit_s: float) -> dict[str, object]:
    """One run: its exit code, seconds, peak in bytes, and the most processes at a time."""
    began = time.monotonic()
    with (corpus / ".measured.txt").open("w") as log:
        process = subprocess.Popen(
            [python, *script.command(corpus)],
            cwd=script.runs_in(corpus),
            env=os.environ | launching.surroundings(script, corpus),
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
    return row | ({"said": last[0][:200]} if last else {})


if __name__ == "__main__":
    raise SystemExit(main())
