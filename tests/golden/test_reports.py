"""The terminal reports of saved estimates, character by character. `make golden` writes them anew."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from memfit import documents
from memfit.reports import terminal

HERE = Path(__file__).parent
DOCUMENTS = sorted((HERE / "documents").glob("*.json"))


class Page(io.StringIO):
    """A stream that is no terminal, with an encoding of its own."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:
        return self._encoding


def drawn(document: Path, *, encoding: str = "utf-8") -> str:
    page = Page(encoding)
    terminal.write(documents.load(document), page)
    return page.getvalue()


def agrees(text: str, golden: Path) -> None:
    if os.environ.get("MEMFIT_WRITE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8"), f"the report differs from {golden.name}: see `make golden`"


@pytest.fixture(autouse=True)
def hundred_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same width wherever the tests run."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("FORCE_COLOR", raising=False)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_report_reads_as_agreed(document: Path) -> None:
    """A change of the report shows as a change of a file that a person reads."""
    text = drawn(document)

    agrees(text, HERE / "reports" / f"{document.stem}.txt")


def test_report_in_ascii_where_the_encoding_has_no_blocks() -> None:
    """An ASCII terminal gets the same report, drawn with its own characters."""
    text = drawn(HERE / "documents" / "tight.json", encoding="ascii")

    assert text.isascii()
    agrees(text, HERE / "reports" / "tight.ascii.txt")


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_report_keeps_within_the_width(document: Path, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is longer than the terminal is wide."""
    monkeypatch.setenv("COLUMNS", str(width))

    text = drawn(document)

    assert max(map(len, text.splitlines())) <= width


def test_report_of_a_hostile_document_steers_no_terminal() -> None:
    """Escape sequences, markup and direction overrides of a document are shown, not obeyed."""
    text = drawn(HERE / "documents" / "hostile.json")

    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\u202e" not in text
    assert "[red]bold[/red]" in text
