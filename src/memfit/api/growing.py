"""How memory behaves over iterations."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from memfit.documents import Diagnosis, Recording


def diagnose(
    readings: Any,
    seconds: Any = None,
    *,
    iterations: Any = None,
    swap_bytes: Any = None,
    peak_bytes: Any = None,
    summed_rss_bytes: Any = None,
    live_bytes: Any = None,
    limit_bytes: int | Mapping[str, int] | None = None,
    **columns: str | None,
) -> Diagnosis:
    """How memory behaves over iterations, whether it is a leak, how fast it grows, and when it reaches a limit.

    Args:
        readings: bytes, one reading per iteration: a list, an array, a data frame's column; a recording; or the path
            of one or of a saved series (.csv, .json, .npy).
        seconds: the time of each reading, on any clock.
        iterations: the iteration of each reading; 0, 1, 2, … when None.
        swap_bytes: what of it was in swap at each reading: growth that swapping hides.
        peak_bytes: the highest point within each iteration: growth that shows only there.
        summed_rss_bytes: for the proportional size of several processes: their resident sizes summed.
        live_bytes: what the program knows to be in use of it: the rest is the allocator's.
        limit_bytes: where memory ends, or several limits by name.
        columns: for a path: which column is what: ``column``, ``time``, ``iteration``, ``swap``, and its ``unit``.

    Returns:
        The diagnosis: ``growth``, ``is_leak`` (None when it cannot be told yet), ``bytes_per_iteration``,
        ``limit_reached``, ``evidence`` and more.

    Raises:
        MemfitError: no numbers, negative ones, series of different lengths, or a file that is no series.

    >>> memfit.diagnose([10**9 + 10**6 * step for step in range(100)]).growth   # doctest: +SKIP
    <Growth.LINEAR_LEAK: 'linear_leak'>
    """
    from memfit.analysis import diagnose_series
    from memfit.api.saved import load
    from memfit.recording import reader

    if isinstance(readings, (str, os.PathLike)):
        if not reader.is_recording(readings):
            return _diagnose_file(Path(readings), limit_bytes, columns)
        readings = load(readings)
    if isinstance(readings, Recording):
        return _diagnose_recording(readings, limit_bytes)
    return diagnose_series(
        readings,
        seconds=seconds,
        iterations=iterations,
        swap_bytes=swap_bytes,
        peak_bytes=peak_bytes,
        summed_rss_bytes=summed_rss_bytes,
        live_bytes=live_bytes,
        limit_bytes=limit_bytes,
    )


def _diagnose_recording(recording: Recording, limit_bytes: int | Mapping[str, int] | None) -> Diagnosis:
    from memfit.analysis.recorded import diagnose_recording

    if limit_bytes is not None and not isinstance(limit_bytes, Mapping):
        limit_bytes = {"limit": limit_bytes}
    return diagnose_recording(recording, limits=limit_bytes)


def _diagnose_file(
    path: Path, limit_bytes: int | Mapping[str, int] | None, columns: dict[str, str | None]
) -> Diagnosis:
    from memfit.analysis import diagnose_series
    from memfit.readings import load_readings

    found = load_readings(path, **columns)
    return diagnose_series(
        found.readings_bytes,
        seconds=found.seconds,
        iterations=found.iterations,
        swap_bytes=found.swap_bytes,
        limit_bytes=limit_bytes,
        name=found.name,
        notes=found.notes,
        target={"kind": "series", "name": path.name},
    )
