"""Pages of figures say what the data say: they are generated, and generated anew when the data change."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "program",
    [
        "benchmarks.accuracy.judge",
        "benchmarks.litert.page",
        "benchmarks.onnx.page",
        "benchmarks.overhead.page",
        "benchmarks.requests.page",
        "benchmarks.survival.page",
        "benchmarks.truth.page",
    ],
)
def test_a_page_is_that_of_its_data(program: str) -> None:
    """`--check` finds nothing to rewrite."""
    done = subprocess.run(
        [sys.executable, "-m", program, "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
