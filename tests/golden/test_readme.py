"""The output shown in the README is what the program says. `make golden` writes it anew."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
_BLOCK = re.compile(r"(<!-- demo: [^\n]*\n```text\n).*?(```\n<!-- /demo -->)", re.DOTALL)
COMMAND = "memfit estimate --on rtx4090-24gb examples/train_gpt.py --batch_size=12"

pytestmark = [pytest.mark.torch, pytest.mark.slow]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the README's command prints. It runs in a folder of its own, since the example writes its data there."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "examples").symlink_to(ROOT / "examples", target_is_directory=True)
    environment = {**os.environ, "COLUMNS": "92", "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(ROOT / "src")}
    told = subprocess.run(
        [sys.executable, "-m", *COMMAND.split()],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout


def figures(text: str) -> tuple[str, float, float]:
    """The verdict, and the device's expected and high peak in GiB."""
    found = re.search(r"^ (\w+) .*\n(?:.*\n)?cuda:0: expect ([\d.]+) GiB, plan with ([\d.]+) GiB", text, re.MULTILINE)
    assert found is not None, text
    return found[1], float(found[2]), float(found[3])


def test_output_in_the_readme_is_current(said: str) -> None:
    """Verdict and figures of the README's example are those of this version (the host's depend on the machine)."""
    page = README.read_text(encoding="utf-8")
    if os.environ.get("MEMFIT_WRITE_GOLDEN"):
        page = _BLOCK.sub(lambda found: f"{found[1]}$ {COMMAND}\n{said}{found[2]}", page)
        README.write_text(page, encoding="utf-8")

    verdict, expected, high = figures(page)

    assert (verdict, expected, high) == (figures(said)[0], *(pytest.approx(it, rel=0.02) for it in figures(said)[1:]))
