"""Runs every script for real on this machine until two optimizer steps are through, to know that its set-up is right.

    python verify.py CORPUS --python PYTHON [--python PYTHON …] [--only NAME …]

"steps" and "ended" are good; "wants a GPU" is a script that stops for the lack of one; all else is the set-up's fault.
"""

import argparse
import re
from pathlib import Path

import launching
from corpus import load

STOPPED = 77
NO_GPU = re.compile(
    r"Found no NVIDIA driver|not compiled with CUDA|No supported gpu backend|No CUDA GPUs|Invalid device|"
    r"fp16 mixed precision requires a|requires a GPU|No CUDA-capable|CUDA not enabled|is_available\(\) is False|"
    r"does not support bf16|bf16/gpu"
)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("corpus", type=Path)
    arguments.add_argument("--python", action="append", required=True)
    arguments.add_argument("--only", nargs="*", default=None)
    arguments.add_argument("--limit", type=float, default=90.0, metavar="SECONDS")
    options = arguments.parse_args()
    corpus = options.corpus.resolve()
    for script in load(options.only):
        python = launching.interpreter(script, options.python)
        if python is None:
            print(f"{script.name:34} no interpreter has {', '.join(script.packages)}", flush=True)
            continue
        stop = {"MEMFIT_STOP_AFTER_STEPS": "2"}
        ended = launching.run(script, [python, *script.command(corpus)], corpus, limit_s=options.limit, extra=stop)
        print(f"{script.name:34} {_outcome(ended)} ({ended.seconds:.0f} s, {Path(python).parents[1].name})", flush=True)
        (corpus / ".verified").mkdir(exist_ok=True)
        (corpus / ".verified" / f"{script.name}.txt").write_text(ended.tail)
    return 0


def _outcome(ended: launching.Ended) -> str:
    if ended.code == STOPPED:
        return "steps"
    if ended.code == 0:
        return "ended"
    if NO_GPU.search(ended.tail):
        return "wants a GPU"
    if ended.code == launching.TIMED_OUT:
        return "OUT OF TIME"
    last = [line for line in ended.tail.splitlines() if line.strip()]
    return f"FAILED {ended.code}: {last[-1][:200] if last else ''}"


if __name__ == "__main__":
    raise SystemExit(main())
