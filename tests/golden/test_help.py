"""The help texts in docs/cli.md are what the command prints. `make golden` writes them anew."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from memfit.cli.main import VERBS

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
_BLOCK = re.compile(r"```text\n\$ (memfit[^\n]*--help)\n(.*?)```", re.DOTALL)

pytestmark = pytest.mark.skipif(sys.version_info >= (3, 13), reason="argparse words its help anew from Python 3.13")


def printed(command: str) -> str:
    words = [sys.executable, "-m", *command.split()]
    return subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "100", "PYTHONIOENCODING": "utf-8"},
    ).stdout


def test_help_in_the_docs_is_current() -> None:
    """Every help block of docs/cli.md is the command's own."""
    page = PAGE.read_text(encoding="utf-8")

    current = _BLOCK.sub(lambda found: f"```text\n$ {found[1]}\n{printed(found[1])}```", page)

    if os.environ.get("MEMFIT_WRITE_GOLDEN"):
        PAGE.write_text(current, encoding="utf-8")
    assert current == PAGE.read_text(encoding="utf-8"), "docs/cli.md is out of date: see `make golden`"


def test_every_verb_is_in_the_docs() -> None:
    """A verb without its page section would be found by nobody."""
    page = PAGE.read_text(encoding="utf-8")

    shown = {found[1] for found in _BLOCK.finditer(page)}

    assert shown == {"memfit --help", *(f"memfit {verb} --help" for verb in VERBS)}
