"""docs/what-memfit-covers.md names rules, verbs and tests that there are, and every rule."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from memfit.cli.main import VERBS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "what-memfit-covers.md").read_text(encoding="utf-8")
SECTIONS = {
    section.partition("\n")[0]: [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("| ") and not line.startswith(("| factor", "| framework |", "| step", "| tip", "| pitfall"))
        and not line.startswith(("| trend", "| cause"))
    ]
    for section in PAGE.split("\n## ")[1:]
}  # fmt: skip
ROWS = [row for rows in SECTIONS.values() for row in rows]


def slugs(folder: str) -> set[str]:
    """What is given as a slug in the modules of a folder, literally or as SLUG."""
    found: set[str] = set()
    for path in (ROOT / "src" / "memfit" / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            value = node.value if isinstance(node, ast.keyword) and node.arg == "slug" else None
            if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "SLUG" for t in node.targets):
                value = node.value
            if isinstance(value, ast.Constant):
                found.add(str(value.value))
    return found


def test_every_section_is_whole() -> None:
    """As many rows as the texts have factors, frameworks, steps, tips, pitfalls, trends and causes."""
    assert [len(rows) for rows in SECTIONS.values()] == [7, 5, 7, 10, 8, 8, 7]
    assert all(len(row) == 4 for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_what_a_row_names_exists(row: list[str]) -> None:
    """Its verbs, its rules and its test, which every row has."""
    verbs = re.findall(r"`memfit (\w+)", row[1])
    rules = re.findall(r"`([^`]+)`", row[2])
    ((file, name),) = re.findall(r"`([\w.]+)::(\w+)`", row[3])
    (path,) = [found for found in (ROOT / "tests").rglob(file) if f"def {name}(" in found.read_text(encoding="utf-8")]

    assert path.is_file()
    assert set(verbs) <= set(VERBS)
    assert set(rules) <= slugs("advice/rules") | slugs("datasets")


def test_rules_that_change_a_job_are_on_the_page() -> None:
    """A rule that no row mentions answers nothing that was asked for; those that only settle details may be missing."""
    named = {rule for row in ROWS for rule in re.findall(r"`([^`]+)`", row[2])}
    details = {"no-grad-evaluation", "zero-grad-early", "optimizer-kernels", "batch-not-found"}

    assert slugs("advice/rules") - named == details
