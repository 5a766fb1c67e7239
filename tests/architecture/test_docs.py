"""The docs keep up with the code: messages, JSON, exported names, links."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

import memfit
from memfit.documents import codec

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "memfit"
DOCS = sorted((ROOT / "docs").rglob("*.md")) + [
    ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")
]
_JSON_BLOCK = re.compile(r"```json\n(.*?)```", re.DOTALL)


def slugs_in_code() -> set[str]:
    """Every slug of a message or an assumption: ``slug = "…"``, ``slug="…"``, ``assume("…", …)``, ``note("…", …)``."""
    nodes = (node for path in SOURCE.rglob("*.py") for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    return {slug for node in nodes for value in slug_values(node) for slug in constants(value)}


def slug_values(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.keyword(arg="slug", value=value) | ast.Assign(targets=[ast.Name(id="slug")], value=value):
            return [value]
        case ast.Call(func=ast.Attribute(attr="assume" | "_assume" | "note") | ast.Name(id="assume"), args=[first, *_]):
            return [first]
    return []


def constants(value: ast.expr) -> set[str]:
    """The texts that an expression can be: itself, or either side of a condition."""
    if isinstance(value, ast.IfExp):
        return constants(value.body) | constants(value.orelse)
    return {value.value} if isinstance(value, ast.Constant) and isinstance(value.value, str) else set()


def headings(page: Path) -> set[str]:
    return set(re.findall(r"^### ([a-z0-9-]+)$", page.read_text(encoding="utf-8"), re.MULTILINE))


def test_every_message_has_its_paragraph() -> None:
    """The slug at the end of a message leads to a paragraph of docs/messages.md."""
    missing = slugs_in_code() - headings(ROOT / "docs" / "messages.md")

    assert missing == set()


def test_every_paragraph_has_its_message() -> None:
    """docs/messages.md explains nothing that the program does not say."""
    stale = headings(ROOT / "docs" / "messages.md") - slugs_in_code()

    assert stale == set()


def examples(kind: str) -> list[dict[str, Any]]:
    found = _JSON_BLOCK.findall((ROOT / "docs" / "json.md").read_text(encoding="utf-8"))
    return [document for document in map(json.loads, found) if document.get("kind") == kind]


@pytest.mark.parametrize("kind", ["estimate", "comparison", "diagnosis", "data", "advice"])
def test_document_in_the_docs_is_a_real_one(kind: str) -> None:
    """The example of docs/json.md reads as a document and is written again as it stands."""
    (document,) = examples(kind)

    assert codec.to_json(codec.from_json(document)) == document


def test_check_in_the_docs_has_the_fields_of_a_real_one() -> None:
    """The example check of docs/json.md is what --json prints for the same figures."""
    from memfit.documents import BudgetCheck, Check, GrowthCheck, check_to_json

    (document,) = examples("check")
    budgets = tuple(BudgetCheck(**one) for one in document["budgets"])
    growth = tuple(GrowthCheck(**one) for one in document["growth"])

    assert document == check_to_json(Check(target=document["target"], budgets=budgets, growth=growth))


def test_error_in_the_docs_has_the_fields_of_a_real_one() -> None:
    """The example error of docs/json.md is what --json prints."""
    from memfit.cli.failure import to_json
    from memfit.errors import UnknownMachine

    (document,) = examples("error")

    assert document == to_json(UnknownMachine(document["message"], hint=document["hint"]))


def test_every_field_is_explained() -> None:
    """Each key of the estimate document is named in the tables of docs/json.md."""
    page = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `([a-z_]+)`", page, re.MULTILINE))
    (document,) = examples("estimate")
    pool = document["pools"][0]
    keys = {*document, *pool, *pool["components"][0], *pool["peak_at"], *pool["steps"][0], *pool["top"][0]}

    assert keys - explained == set()


def test_every_exported_name_is_documented() -> None:
    """What `import memfit` offers is on docs/python.md, and has a docstring."""
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    names = [name for name in memfit.__all__ if name != "__version__"]

    assert [name for name in names if f"`memfit.{name}" not in page] == []
    assert [name for name in names if not getattr(memfit, name).__doc__] == []


@pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """A relative link in the docs names a file that is there."""
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []
