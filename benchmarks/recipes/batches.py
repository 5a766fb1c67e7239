"""The largest batch of a recipe on a card of a given size: what memfit says, and what runs.

    python -m benchmarks.recipes.batches say                     on a machine without a card
    python -m benchmarks.recipes.batches run --output FILE       on one with a card

A run is told that the card has the budget less what the process holds beside the allocator; a batch fits that does not
run out. Beside it, what accelerate's finder comes to on the same card, from the batch that it is started with.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.accuracy.surroundings import ROOT
from memfit.quantities import GIB

DATA = Path(__file__).parent / "data"
# Model, words without the batch, budget in GiB: listed before anything was said or run.
JOBS = (
    ("Qwen/Qwen2.5-0.5B", "--train full --seq 1024", 24),
    ("Qwen/Qwen2.5-1.5B", "--train full --seq 1024 --checkpointing", 40),
    ("meta-llama/Llama-3.2-1B", "--train lora --seq 2048 --checkpointing", 24),
    ("meta-llama/Llama-3.2-3B", "--train lora --seq 512", 32),
    ("openai-community/gpt2", "--train full --seq 1024", 16),
    ("openai-community/gpt2-large", "--train full --seq 512 --autocast bfloat16", 24),
    ("google-bert/bert-base-uncased", "--train full --seq 512", 16),
    ("Qwen/Qwen3-0.6B", "--train full --seq 512 --optimizer adafactor", 24),
)
ON, FIRST, MOST, FINDER_FROM = "h200-141gb", 4, 256, 128
BESIDE_BYTES = 773 << 20  # context and libraries on this card: what memfit's estimates of these jobs call "framework"


def name_of(model: str, words: str, budget: int) -> str:
    """The key of the data files."""
    return f"{model} {words} in {budget} GiB"


def say(model: str, words: str, budget: int) -> dict[str, Any]:
    """What `memfit advise` says."""
    from memfit import advise
    from memfit.recipes.naming import find

    began = time.monotonic()
    arguments = [str(find(f"hf:{model}").folder), *shlex.split(words), "--batch", str(FIRST)]
    found = advise("memfit.recipes.language", arguments, on=ON, module=True, within_bytes=budget * GIB).largest_batch
    seconds = round(time.monotonic() - began, 1)
    if found is None:
        return {"batch": None, "seconds": seconds}
    return {"batch": found.batch, "likely_batch": found.likely_batch, "seconds": seconds}


def child(model: str, words: str, budget: int, finder: bool, size: int) -> dict[str, Any]:
    """One process on the card."""
    from memfit.recipes.naming import find

    command = [sys.executable, "-m", "benchmarks.recipes.batch_child", str(budget * GIB - BESIDE_BYTES)]
    command += ["find" if finder else "run", str(find(f"hf:{model}").folder), *shlex.split(words), "--batch", str(size)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "HF_HUB_OFFLINE": "1"}
    began = time.monotonic()
    try:
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=150)
    except subprocess.TimeoutExpired:
        return {"failure": "took too long"}
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"batch"')]
    said = (done.stderr.strip().splitlines() or ["nothing"])[-1][:200]
    told: dict[str, Any] = json.loads(lines[-1]) if lines else {"failure": said}
    return {**told, "seconds": round(time.monotonic() - began, 1)}


def run(model: str, words: str, budget: int, until: float) -> dict[str, Any]:
    """The largest batch that runs, by doubling and halving, then the finder."""
    runs: dict[int, dict[str, Any]] = {}

    def fits(size: int) -> bool:
        if time.monotonic() > until:
            raise TimeoutError
        runs[size] = child(model, words, budget, False, size)
        return bool(runs[size].get("batch"))

    told: dict[str, Any] = {"batch": None, "runs": runs}
    try:
        low, high = 0, FIRST
        while high <= MOST and fits(high):
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if fits(middle) else (low, middle)
        told["batch"] = low
        told["brute_seconds"] = round(sum(each["seconds"] for each in runs.values()), 1)
        told["accelerate"] = child(model, words, budget, True, FINDER_FROM)
    except TimeoutError:
        told["failure"] = "no time left"
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("say", "run"))
    parser.add_argument("--output", type=Path)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--limit-seconds", type=float, default=300)
    options = parser.parse_args()
    file = options.output or DATA / ("batches-said.json" if options.what == "say" else "batches-run.json")
    until = time.monotonic() + options.limit_seconds
    told: dict[str, Any] = {}

    def one(job: tuple[str, str, int]) -> None:
        name = name_of(*job)
        told[name] = say(*job) if options.what == "say" else run(*job, until)
        file.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")
        print(name, told[name].get("batch"), flush=True)

    with ThreadPoolExecutor(1 if options.what == "say" else options.at_once) as pool:
        list(pool.map(one, JOBS))


if __name__ == "__main__":
    main()
