"""A sample of the texts that a data set has: of a column of files, or of a folder's text files, each of them whole."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from memfit.datasets import guarded
from memfit.datasets.files import FileSet, files_of
from memfit.datasets.formats import delimited, json_lines, texts
from memfit.documents.data import Table
from memfit.errors import MemfitError

_WINDOWS = 40  # of a text file: what datasets.windows looks at
_LEAST_WINDOW_BYTES = 64 << 10
_FILES = 16  # of a set of files, spread evenly
FORMS = ("csv", "tsv", "jsonl", "json", "parquet", "arrow", "texts")


def sampled_texts(table: Table, column: str, *, most_bytes: int) -> list[str]:
    """Texts spread over a data set, in its order; missing and empty ones left out.

    Args:
        table: that was read of it; its form is one of FORMS.
        column: that has the texts; of a folder of texts there is only one.
        most_bytes: of all texts together, about.

    Raises:
        MemfitError: its files cannot be read.
    """
    form = table.form.partition(",")[0]
    files = FileSet()
    for file in files_of(table.path, []):
        files.add(file)
    if form == "texts":
        return texts.some_of(files, most_bytes=most_bytes)
    chosen = files.some(_FILES)
    read = _reader(form)
    if len(chosen) == 1:
        return read(chosen[0].path, column, most_bytes)
    found: list[str] = []
    for each in chosen:
        with contextlib.suppress(MemfitError):  # a broken shard: reading the table has told of it
            found += read(each.path, column, most_bytes // len(chosen))
    return found


def _reader(form: str) -> Callable[[Path, str, int], list[str]]:
    """What reads some texts of one file: its path, the column, about how many bytes."""
    if form in guarded.FORMS:
        return lambda path, column, most_bytes: guarded.read_texts(form, path, column, most_bytes)
    cells_of = json_lines.cells_of if form in ("jsonl", "json") else delimited.cells_of
    return lambda path, column, most_bytes: cells_of(
        path, column, width_bytes=max(most_bytes // _WINDOWS, _LEAST_WINDOW_BYTES)
    )
