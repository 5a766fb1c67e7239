"""The data files that a script names, and lighter ways to hold them: from their headers and samples, nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from memfit.errors import MemfitError

_FORMATS = (".csv", ".tsv", ".parquet", ".feather", ".arrow", ".jsonl", ".npy", ".npz", ".csv.gz", ".csv.zst")
_LEAST_BYTES = 1 << 20
_MOST_FILES = 3


def data_ways(text: str, arguments: Sequence[str]) -> tuple[dict[str, Any], ...]:
    """Lighter ways of every data file that is named in a script or on its command line, and is there."""
    from memfit.api.assessing import data

    found: list[dict[str, Any]] = []
    for path in list(_files(text, arguments))[:_MOST_FILES]:
        try:
            tables = data(path).tables
        except MemfitError:
            continue
        for table in tables:
            found += [
                {"table": table.name, "slug": way.slug, "text": way.text, "code": way.code,
                 "saves_bytes": way.saves_bytes, "loses": way.loses}
                for way in table.ways
            ]  # fmt: skip
    return tuple(found)


def _files(text: str, arguments: Sequence[str]) -> Iterator[str]:
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError):
        nodes = []
    words = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    for word in dict.fromkeys([*(word.rpartition("=")[2] for word in arguments), *words]):
        if word.endswith(_FORMATS) and Path(word).is_file() and Path(word).stat().st_size >= _LEAST_BYTES:
            yield word
