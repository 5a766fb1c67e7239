"""A data set assessed: found, read by its headers and samples, weighed, with its reading peaks and lighter ways."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path

from memfit.datasets.finding import read_all
from memfit.datasets.growths import growths
from memfit.datasets.readings import readings
from memfit.datasets.ways import ways
from memfit.datasets.weights import weights
from memfit.documents.data import Data, Table

_PACKAGES = ("pandas", "polars", "pyarrow", "numpy", "h5py", "scipy", "torch")


def assess(paths: Sequence[str | Path], tell: Callable[[str], None] = lambda text: None) -> Data:
    """Assess data sets.

    Args:
        paths: files, folders, patterns.
        tell: is told what is being read.

    Raises:
        MemfitError: nothing could be read.
    """
    tables, problems = read_all(paths, tell)
    if not tables:
        raise problems[0]
    tell("weighing")
    weighed = sorted(map(weigh, tables), key=lambda table: -_heaviest(table))
    return Data(
        target={"kind": "data", "name": ", ".join(map(str, paths))},
        tables=tuple(weighed),
        problems=tuple(dict.fromkeys(problem.message for problem in problems)),
        environment=_environment(),
    )


def weigh(table: Table) -> Table:
    """The table with its weights, readings, growths and lighter ways."""
    weighed = replace(table, weights=weights(table))
    read = replace(weighed, readings=readings(weighed))
    frame = next((one.held for one in read.readings if one.library in ("pandas", "NumPy")), None)
    grown = replace(read, growths=growths(read, frame) if frame is not None else ())
    return replace(grown, ways=ways(grown))


def _heaviest(table: Table) -> int:
    return max((one.peak.expected for one in table.readings), default=0) or max(
        (one.held.expected for one in table.weights), default=0
    )


def _environment() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
