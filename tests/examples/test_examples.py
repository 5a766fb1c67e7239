"""The examples are ordinary scripts: each runs for real on the CPU, and each is estimated as it stands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent / "src"), "CUDA_VISIBLE_DEVICES": ""}

# The small command lines are those in each example's own docstring.
SMALL = {
    "train_gpt.py": "--n_layer=2 --n_head=2 --n_embd=64 --block_size=64 --batch_size=4 --max_iters=5",
    "train_cnn.py": "--device=cpu --batch_size=8 --samples=32 --epochs=1 --width=16 --image_size=32",
    "finetune_bert_trainer.py": "--layers=2 --hidden=64 --heads=2 --max_length=32 --max_steps=3",
    "train_lightning.py": "--width=8 --image_size=32 --batch_size=4 --samples=16 --max_steps=2",
    "generate.py": "--hidden=64 --layers=2 --heads=4 --kv_heads=2 --batch_size=2 --new_tokens=8",
}
PARAMETERS = {  # of the default sizes, in bytes as the device holds them
    "train_gpt.py": 4 * 86_039_040,
    "train_cnn.py": 4 * 11_168_708,
    "finetune_bert_trainer.py": 4 * 109_483_778,
    "train_lightning.py": 4 * 7_770_371,
    "generate.py": 2 * 1_103_169_536,
}

pytestmark = [pytest.mark.torch, pytest.mark.slow]


def run(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)


@pytest.mark.parametrize("name", SMALL)
def test_example_runs_on_the_cpu(name: str, tmp_path: Path) -> None:
    """With the small command line of its docstring, the script trains to its end."""
    assert SMALL[name] in (EXAMPLES / name).read_text(encoding="utf-8")

    told = run(str(EXAMPLES / name), *SMALL[name].split(), folder=tmp_path)

    assert told.returncode == 0, told.stderr[-2000:]


@pytest.mark.parametrize("name", SMALL)
def test_example_is_estimated_as_it_stands(name: str, tmp_path: Path) -> None:
    """At its default size, on a device that is not there: its parameters, and a peak that holds them."""
    told = run("-m", "memfit", "estimate", "--on", "a100-80gb", "--json", str(EXAMPLES / name), folder=tmp_path)

    assert told.returncode == 0, told.stderr
    device: dict[str, Any] = json.loads(told.stdout)["pools"][0]
    assert device["pool"] == "cuda:0"
    assert device["breakdown_bytes"]["parameters"] == pytest.approx(PARAMETERS[name], rel=0.01)
    assert device["peak_bytes"]["expected"] > device["reserved_peak_bytes"] >= device["allocated_peak_bytes"]
    assert device["allocated_peak_bytes"] > PARAMETERS[name]


def test_estimate_leaves_the_folder_to_the_script(tmp_path: Path) -> None:
    """memfit writes nothing of its own; what the script prepares is there, its checkpoint is not."""
    run("-m", "memfit", "estimate", "--on", "t4", str(EXAMPLES / "train_gpt.py"), "--batch_size=1", folder=tmp_path)

    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}

    assert left <= {"out/train.bin", "out/val.bin"}
