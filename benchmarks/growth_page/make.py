"""Writes docs/does-memory-grow.md and its curves from the kept recordings alone.

    python -m benchmarks.growth_page.make [--check]

``--check`` writes nothing, needs no plotting library, and fails when the page or a curve is not what the data say.
"""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Mapping
from typing import Any

from benchmarks.growth_page import curves, page
from benchmarks.growth_page.cases import CASES, DATA, PICTURES, ROOT

PAGE = ROOT / "docs" / "does-memory-grow.md"


def read(name: str) -> dict[str, Any]:
    """A data file."""
    found: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return found


def text() -> str:
    """The page."""
    data = {name: read(name) for name in CASES}
    parts = page.sections(data, read("swapping"), read("environment"))
    return "\n".join(wrapped(part).rstrip() + "\n" for part in parts)


def wrapped(part: str) -> str:
    """Paragraphs filled anew around their figures; tables, lists, pictures and code as they are."""
    blocks = part.split("\n\n")
    return "\n\n".join(block if block.lstrip()[:1] in "|#-!`" else fill(block) for block in blocks)


def fill(paragraph: str) -> str:
    """One paragraph in lines of at most 120."""
    return textwrap.fill(" ".join(paragraph.split()), 120, break_long_words=False, break_on_hyphens=False)


def drawn() -> dict[str, tuple[str, Mapping[str, Mapping[str, Any]]]]:
    """Title and lines of every picture, by the name of its file."""
    found: dict[str, tuple[str, Mapping[str, Mapping[str, Any]]]] = {
        name: (title, {CASES[case].command.removeprefix("python "): read(case) for case in cases})
        for name, (title, cases) in page.PICTURES.items()
    }
    swapping = read("swapping")
    lines = {name: {"clock": swapping[name], "ends": [], "shares": {}} for name in ("whole", "resident")}
    found["swapping"] = ("Swapping, computed: what the process holds, and what of it is resident", lines)
    return found


def stale() -> list[str]:
    """What is not what the data say."""
    found = [] if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text() else [str(PAGE.relative_to(ROOT))]
    for name, (title, lines) in drawn().items():
        file = PICTURES / f"{name}.svg"
        if not file.exists() or curves.fingerprint(title, lines) not in file.read_text(encoding="utf-8"):
            found.append(str(file.relative_to(ROOT)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        if found := stale():
            sys.exit(f"not what the data say: {', '.join(found)}: python -m benchmarks.growth_page.make")
        return
    PAGE.write_text(text(), encoding="utf-8")
    PICTURES.mkdir(exist_ok=True)
    for name, (title, lines) in drawn().items():
        (PICTURES / f"{name}.svg").write_text(curves.picture(title, lines), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)} and {len(drawn())} curves")


if __name__ == "__main__":
    main()
