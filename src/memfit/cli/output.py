"""What the verbs that hand over an estimate share: saving it, showing it, and the exit code that it means."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from memfit import documents
from memfit.cli.parser import Parser
from memfit.documents import Document, Estimate
from memfit.errors import MemfitError
from memfit.quantities import Verdict

DOES_NOT_FIT = 3


def configure(parser: Parser) -> None:
    """The option that every such verb has."""
    parser.add_argument("--json", action="store_true", help="print JSON (docs/json.md), errors included")


def offer_page(parser: Parser) -> None:
    """The option of verbs whose result is a page of its own."""
    parser.add_argument("-o", "--output", metavar="FILE", help="write one HTML page that needs nothing else, too")


def check_writable(path: str | None) -> None:
    """Say before the work, not after it, that the result could not be saved.

    Raises:
        MemfitError: the folder is missing or not writable, or the path is a folder.
    """
    if path is None:
        return
    folder = Path(path).parent
    if Path(path).is_dir():
        raise _cannot_write(path, "it is a folder")
    if not folder.is_dir():
        raise _cannot_write(path, f"there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise _cannot_write(path, f"the folder {folder} is not writable")


def save(document: Document, path: str | None) -> None:
    """Write the document where the user asked for it, if anywhere."""
    if path is None:
        return
    try:
        documents.save(document, path)
    except OSError as error:
        raise _cannot_write(path, error.strerror or type(error).__name__) from error


def write_page(text: str, path: str) -> None:
    """Write a page where the user asked for it: whole or not at all."""
    target = Path(path)
    draft = target.with_name(f".{target.name}.part")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(target)
    except OSError as error:
        raise _cannot_write(path, error.strerror or type(error).__name__) from error


def save_page(path: str | None, **content: Any) -> None:
    """Make a page and write it where the user asked for it, if anywhere.

    Args:
        path: of the page; None for none.
        content: fields of memfit.reports.html.Content.
    """
    if path is not None:
        from memfit.reports.html import Content, page, render

        write_page(render(page(Content(**content))), path)


def show(estimate: Estimate, *, as_json: bool, brief: bool = False) -> None:
    """Print the estimate on stdout: JSON, one line, or the whole report."""
    if as_json:
        sys.stdout.write(json.dumps(documents.to_json(estimate), indent=1) + "\n")
        return
    from memfit.reports import terminal

    if brief:
        terminal.write_headline(estimate, sys.stdout)
    else:
        terminal.write(estimate, sys.stdout)


def exit_code(estimate: Estimate) -> int:
    """3 when the job does not fit; tight and unknown are not failures."""
    return DOES_NOT_FIT if estimate.verdict is Verdict.DOES_NOT_FIT else 0


def _cannot_write(path: str, why: str) -> MemfitError:
    return MemfitError(f"cannot save to {path}: {why}", hint="give -o a file in a writable folder", slug="cannot-save")
