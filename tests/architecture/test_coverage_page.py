"""docs/what-memfit-covers.md: what it names is there, and no rule is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from memfit.cli.main import VERBS
from memfit.quantities import Category

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/what-memfit-covers.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`((?:tests|src|docs|benchmarks)/[\w/.]+)`", TEXT)))


@pytest.mark.parametrize("path", NAMED)
def test_every_place_that_is_named_is_there(path: str) -> None:
    """A test that moved takes its line with it."""
    assert (ROOT / path).exists()


def test_every_verb_that_is_named_is_one() -> None:
    """`memfit X`, in code."""
    named = set(re.findall(r"`memfit (\w+)", TEXT))

    assert named <= set(VERBS)


def test_every_rule_of_advice_is_named_and_no_other() -> None:
    """By the name of its file."""
    rules = {path.stem for path in (ROOT / "src/memfit/advice/rules").glob("*.py")} - {"__init__"}
    after_rule = re.findall(r"rules? ((?:`\w+`(?:, | and )?)+)", TEXT)
    named = {name for words in after_rule for name in re.findall(r"`(\w+)`", words)}
    listed = re.search(r"have rules too:(.*?)\n\n", TEXT, re.DOTALL)
    named |= set(re.findall(r"`(\w+)`", listed.group(1))) if listed else set()

    assert named == rules


def test_every_part_that_is_named_is_a_category() -> None:
    """As the documents spell it."""
    named = {
        name
        for words in re.findall(r"parts? ((?:`\w+`(?:, | and )?)+)", TEXT)
        for name in re.findall(r"`(\w+)`", words)
    }

    assert named <= {each.value for each in Category}
