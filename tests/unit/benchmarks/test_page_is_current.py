"""docs/accuracy.md says what the data say: the page is generated, and generated anew when the data change."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_accuracy_page_is_that_of_the_data() -> None:
    """`judge --check` finds nothing to rewrite."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.accuracy.judge", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
