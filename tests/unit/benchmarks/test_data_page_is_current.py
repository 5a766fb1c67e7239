"""docs/data-accuracy.md says what the data say: the page is generated, and generated anew when data or laws change."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="Python's objects have the sizes of the measured version")
def test_the_page_of_data_sets_is_that_of_the_data() -> None:
    """`judge --check` finds nothing to rewrite."""
    command = [sys.executable, "-m", "benchmarks.datasets.judge", "--check"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
