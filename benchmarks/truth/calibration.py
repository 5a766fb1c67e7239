"""Does what was learnt of a script at one size help at another? Estimates and records scripts at several sizes.

    python -m benchmarks.truth.calibration

Keeps for each job the estimate's figures without anything learnt, and what a recording of the same job measured.
``page.py`` works out what learning from the other sizes of the script would have changed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import memfit
from benchmarks.accuracy.surroundings import POLITE, ROOT, machine_name, surroundings

DATA = Path(__file__).resolve().parent / "data"
GPT = "--device=cpu --dtype=float32 --n_layer=4 --n_head=4 --n_embd=256 --gradient_accumulation_steps=1 --max_iters=10"
CNN = "--device=cpu --workers=0 --epochs=1 --width=32"
JOBS = {
    ("train_gpt.py", "batch 2"): f"{GPT} --block_size=128 --batch_size=2",
    ("train_gpt.py", "batch 8"): f"{GPT} --block_size=128 --batch_size=8",
    ("train_gpt.py", "batch 24"): f"{GPT} --block_size=128 --batch_size=24",
    ("train_gpt.py", "block 256"): f"{GPT} --block_size=256 --batch_size=8",
    ("train_cnn.py", "batch 16"): f"{CNN} --batch_size=16 --samples=128 --image_size=64",
    ("train_cnn.py", "batch 64"): f"{CNN} --batch_size=64 --samples=512 --image_size=64",
    ("train_cnn.py", "96 pixels"): f"{CNN} --batch_size=32 --samples=256 --image_size=96",
}


def main() -> None:
    """Measure every job that is not in the data yet."""
    file = DATA / f"calibration-{machine_name()}.json"
    document = json.loads(file.read_text()) if file.exists() else {"environment": surroundings(), "jobs": []}
    done = {(job["script"], job["size"]) for job in document["jobs"]}
    for (script, size), words in JOBS.items():
        if (script, str(size)) not in done:
            document["jobs"].append({"script": script, "size": str(size), **one_job(script, words.split())})
            print(document["jobs"][-1], flush=True)
            file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def one_job(script: str, words: list[str]) -> dict[str, Any]:
    """Estimate and record one job; sizes in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        surrounding = {**os.environ, **POLITE, "MEMFIT_LEARNT": str(Path(folder) / "none.json")}
        estimate, recording = Path(folder) / "estimate.json", Path(folder) / "job.memfit"
        job = [str(ROOT / "examples" / script), *words]
        run = [sys.executable, "-m", "memfit"]
        predict = [*run, "estimate", "--on", "cpu", "--quiet", "-o", str(estimate), *job]
        subprocess.run(predict, check=True, cwd=folder, env=surrounding)
        record = [*run, "run", "--quiet", "-o", str(recording), "--", sys.executable, *job]
        subprocess.run(record, check=True, cwd=folder, env=surrounding, stdout=subprocess.DEVNULL)
        pool = memfit.load(estimate).pool("host")  # type: ignore[union-attr]
        return {
            "low_bytes": pool.peak_bytes.low,
            "expected_bytes": pool.peak_bytes.expected,
            "high_bytes": pool.peak_bytes.high,
            "modelled_bytes": pool.reserved_peak_bytes,
            "measured_bytes": memfit.load(recording).peak_bytes("host"),  # type: ignore[union-attr]
        }


if __name__ == "__main__":
    main()
