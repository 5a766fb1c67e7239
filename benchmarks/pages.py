"""A page of docs that is made from recorded data alone: written, or checked against what the data say."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def write_or_check(page: Path, text: Callable[[], str], program: str, about: str | None) -> None:
    """What such a program does: write its page, or with ``--check`` fail when the page is another.

    Args:
        page: the file.
        text: makes what should stand in it.
        program: its name for the reader, "benchmarks.accuracy.judge".
        about: its docstring.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    made = text()
    if not check:
        page.write_text(made, encoding="utf-8")
        print(f"wrote {page.relative_to(ROOT)}")
    elif not page.exists() or page.read_text(encoding="utf-8") != made:
        sys.exit(f"{page.relative_to(ROOT)} is not what the data say: python -m {program}")
