"""Files as columns of numbers, by name. A cell that is no number is NaN: whoever judges the series counts them."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from memfit.errors import InvalidDocument, MemfitError, UsageError
from memfit.quantities import parse_bytes

LARGEST_BYTES = 1 << 30  # a million rows of twenty columns are a fifth of this
Columns = dict[str, list[float]]


def read_columns(path: str | Path) -> Columns:
    """The columns of a file: .csv and .tsv with or without a header, .json, .jsonl, .npy.

    Raises:
        InvalidDocument: the file is missing, too large, or no table of numbers.
    """
    target = Path(path)
    try:
        if target.stat().st_size > LARGEST_BYTES:
            raise InvalidDocument(f"{target} is {target.stat().st_size} bytes: too large to be a series")
        if target.suffix == ".npy":
            return _numpy(target)
        text = target.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidDocument(f"cannot read {target}: {error.strerror}", slug="no-series-file") from error
    except UnicodeDecodeError as error:
        raise InvalidDocument(f"{target} is no text", slug="no-series") from error
    columns = _json(text, target) if target.suffix in (".json", ".jsonl") else _table(text, target)
    if not columns:
        raise InvalidDocument(f"{target} holds no column of numbers", slug="no-series")
    return columns


def _table(text: str, target: Path) -> Columns:
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    delimiter = max(",;\t ", key=first.count)
    try:
        rows = [row for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True) if row]
    except csv.Error as error:
        raise InvalidDocument(f"{target} is no CSV: {error}", slug="no-series") from error
    if not rows:
        return {}
    named = any(math.isnan(number(cell)) for cell in rows[0])
    names = [cell.strip() for cell in rows[0]] if named else [str(at + 1) for at in range(len(rows[0]))]
    body = rows[1:] if named else rows
    return _with_numbers(
        {
            name: [number(row[at]) if at < len(row) else math.nan for row in body]
            for at, name in enumerate(names)
            if name
        }
    )


def _json(text: str, target: Path) -> Columns:
    try:
        data = [json.loads(line) for line in text.splitlines() if line.strip()] if target.suffix == ".jsonl" else None
        data = json.loads(text) if data is None else data
    except (ValueError, RecursionError) as error:
        raise InvalidDocument(f"{target} is no JSON: {error}", slug="no-series") from error
    if isinstance(data, list) and data and all(isinstance(row, Mapping) for row in data):
        names = list(dict.fromkeys(name for row in data for name in row))
        return _with_numbers({str(name): [number(row.get(name)) for row in data] for name in names})
    if isinstance(data, list):
        return _with_numbers({"1": [number(value) for value in data]})
    if isinstance(data, Mapping):
        lists = {str(name): values for name, values in data.items() if isinstance(values, list)}
        return _with_numbers({name: [number(value) for value in values] for name, values in lists.items()})
    return {}


def _numpy(target: Path) -> Columns:
    import numpy as np

    try:
        array = np.load(target, allow_pickle=False)
    except (ValueError, EOFError, SyntaxError) as error:
        raise InvalidDocument(f"{target} is no NumPy array of numbers: {error}", slug="no-series") from error
    if getattr(array, "dtype", None) is None:
        raise InvalidDocument(f"{target} holds several arrays, expected one", slug="no-series")
    if array.dtype.names:
        return _with_numbers({name: _floats(array[name]) for name in array.dtype.names if array.ndim == 1})
    if array.ndim == 1:
        return _with_numbers({"1": _floats(array)})
    if array.ndim == 2:
        return _with_numbers({str(at + 1): _floats(array[:, at]) for at in range(array.shape[1])})
    raise InvalidDocument(f"{target} has {array.ndim} dimensions, expected one or two", slug="no-series")


def _floats(values: Any) -> list[float]:
    return [float(value) for value in values.tolist()] if values.dtype.kind in "iuf" else []


def _with_numbers(columns: Mapping[str, Sequence[float]]) -> Columns:
    return {name: list(values) for name, values in columns.items() if _any_number(values)}


def _any_number(values: Iterable[float]) -> bool:
    return any(not math.isnan(value) for value in values)


def number(cell: Any) -> float:
    """A cell as a number: plain, a size with its unit, or a time; NaN when it is none of these."""
    if isinstance(cell, bool) or cell is None:
        return math.nan
    if isinstance(cell, (int, float)):
        return float(cell) if abs(cell) < 1e300 or isinstance(cell, float) else math.nan
    if not isinstance(cell, str):
        return math.nan
    try:
        return float(cell)
    except ValueError:
        return _worded(cell.strip())


def _worded(cell: str) -> float:
    if not cell[:1].isdigit():
        return math.nan
    try:
        return float(parse_bytes(cell))
    except (UsageError, MemfitError, ValueError, OverflowError):
        pass
    try:
        moment = datetime.fromisoformat(cell.replace("Z", "+00:00"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, OverflowError):
        return math.nan
