"""Sparse rows as text, of svmlight and libsvm (`label index:value …`): rows, entries, the highest index, by windows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from memfit.datasets.estimating_rows import rows_from
from memfit.datasets.formats.sparse_matrices import SparseMatrix
from memfit.datasets.formats.stored_rows import StoredRows
from memfit.datasets.opening import UnreadableData
from memfit.datasets.windows import Window, look

_SUFFIXES = (".svm", ".svmlight", ".libsvm")
_PACKED = (".gz", ".bz2", ".xz", ".zst")
_ENTRY = re.compile(r"(\d+):(\S+)")
_MOST_CLASSES = 1_000  # labels of more different values are quantities


def read(path: Path) -> SparseMatrix | None:
    """What such a file holds, as scikit-learn's load_svmlight_file would load it; None of a file of another ending.

    Raises:
        UnreadableData: it is empty, binary, or has no row of that form.
    """
    name = path.name.lower()
    for ending in _PACKED:
        name = name.removesuffix(ending)
    if not name.endswith(_SUFFIXES):
        return None
    windows = look(path)
    parts = [_rows(window) for window in (windows.head, *windows.places)]
    rows = [row for part, _ in parts for row in part]
    entries = [index for _, found in rows for index, _ in found]
    if not entries:
        raise UnreadableData(f"{path} has no row of the form `label index:value …`")
    count = rows_from(windows, [(len(part), size) for part, size in parts], header_bytes=0).expected
    labels = {label for label, _ in rows}
    return SparseMatrix(
        rows=count,
        columns=max(entries) + (min(entries) == 0),  # zero-based where a zero is seen: zero_based="auto"
        stored=round(count * len(entries) / len(rows)),
        dtype="float64",
        classes=len(labels) if 2 <= len(labels) <= _MOST_CLASSES else None,
        note="" if windows.whole else "; the highest column seen in a sample, --cols says how many there are",
    )


def some_rows(path: Path) -> StoredRows | None:
    """Those of the windows; None where a value is no number."""
    windows = look(path)
    rows = [entries for window in (windows.head, *windows.places) for _, entries in _rows(window)[0]]
    lowest = min((index for row in rows for index, _ in row), default=1)
    try:
        return StoredRows.of([(index - min(lowest, 1), float(value)) for index, value in row] for row in rows)
    except ValueError:
        return None


def _rows(window: Window) -> tuple[list[tuple[str, list[tuple[int, str]]]], int]:
    """(label, (index, value)) of each complete row, and the bytes that they take."""
    lines = window.text.splitlines(keepends=True)
    lines = lines[0 if window.at_line else 1 : None if window.at_end else -1]
    size = sum(map(len, lines)) * window.size / max(len(window.text), 1)
    return list(_parsed(lines)), round(size)


def _parsed(lines: list[str]) -> Iterator[tuple[str, list[tuple[int, str]]]]:
    for line in lines:
        label, _, rest = line.partition("#")[0].strip().partition(" ")
        if label and ":" not in label:  # qid:3 is no entry: its name is no number
            yield label, [(int(index), value) for index, value in _ENTRY.findall(rest)]
