"""The programs about memory over iterations run to their end on the CPU, small, in each of their kinds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "memory_over_iterations"
ENVIRONMENT = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
SMALL = [
    "linear_sgd.py --inputs 10 --outputs 1 --batch 32 --iterations 10",
    "adam_state.py --width 8 --layers 2 --iterations 3",
    "checkpoints.py --kind file --width 8 --iterations 4 --every 2",
    "checkpoints.py --kind buffer --width 8 --iterations 4 --every 2",
    "checkpoints.py --kind history --width 8 --iterations 4 --every 2",
    "logged_metrics.py --kind floats --width 8 --iterations 3",
    "logged_metrics.py --kind loss --width 8 --iterations 3",
    "logged_metrics.py --kind graph --width 8 --iterations 3",
    "batches.py --width 8 --batch 4 --accumulate 2 --iterations 3",
    "data_loading.py --kind memory --rows 2048",
    "data_loading.py --kind mapped --rows 2048",
    "data_loading.py --kind mapped-anew --rows 2048",
    "data_loading.py --kind list-workers --samples 20000 --epochs 1",
    "data_loading.py --kind array-workers --samples 20000 --epochs 1",
]

pytestmark = [pytest.mark.torch, pytest.mark.slow]


def run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    script, *words = line.split()
    command = [sys.executable, str(FOLDER / script), "--device", "cpu", *words]
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)


@pytest.mark.parametrize("line", SMALL)
def test_program_runs_and_leaves_nothing_behind(line: str, tmp_path: Path) -> None:
    """It trains to its end, and its files are gone."""
    told = run(line, tmp_path)

    assert told.returncode == 0, told.stderr[-2000:]
    assert list(tmp_path.iterdir()) == []


def test_cuda_counts_nothing_on_a_cpu(tmp_path: Path) -> None:
    """torch.cuda.memory_allocated() is 0 however much the job holds on the host."""
    told = run(SMALL[0], tmp_path)

    assert told.stdout.count("on CUDA 0 bytes") == 6


def test_adam_keeps_two_moments_and_a_count_for_each_parameter(tmp_path: Path) -> None:
    """Nothing before the first step; then twice the parameters and four bytes for each tensor; then no more."""
    told = run("adam_state.py --width 8 --layers 2 --iterations 3", tmp_path)

    kept = [int(line.split("keeps ")[1].split()[0]) for line in told.stdout.splitlines()]
    assert kept == [0, *[2 * 4 * 2 * (8 * 8 + 8) + 4 * 4] * 3]
