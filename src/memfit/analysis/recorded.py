"""A recording's diagnosis: its series chosen and laid side by side, judged, and what was found in the job added.

A process that marked its iterations is read at their ends, the same point of each; everything else by the clock.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping

from memfit.analysis import diagnose_series
from memfit.analysis.holders import named
from memfit.analysis.measured import main_iterations
from memfit.documents import Diagnosis, Iterations, Recording, Series, SeriesDiagnosis, worst_first
from memfit.errors import UsageError

_FEWEST_ROWS = 8  # iterations below which the clock says more


def diagnose_recording(recording: Recording, *, limits: Mapping[str, int] | None = None) -> Diagnosis:
    """How every memory of a recorded job behaves, worst first.

    Args:
        recording: of the job.
        limits: bounds on the host's memory that count beside the recorded ones, by name, in bytes.

    Returns:
        The diagnosis; a series of the host and one or more of each device.

    Raises:
        UsageError: the recording has no samples.
    """
    rows = main_iterations(recording)
    rows = rows if rows is not None and len(rows.numbers) >= _FEWEST_ROWS else None
    found: list[SeriesDiagnosis] = []
    for pool in recording.pools:
        found += _host(recording, pool, rows, limits or {}) if pool.endswith("host") else _device(recording, pool, rows)
    found += _shared_memory(recording)
    if not found:
        raise UsageError("the recording has no samples of the job: it ended too soon", slug="no-samples")
    return Diagnosis(
        target={"kind": "recording", "name": " ".join(recording.command)},
        series=worst_first(tuple(named(one, recording) for one in found)),
        environment=dict(recording.environment),
    )


def _host(
    recording: Recording, pool: str, rows: Iterations | None, more: Mapping[str, int]
) -> Iterator[SeriesDiagnosis]:
    held = recording.one(pool, "job", "held")
    limits = {**_limits(recording, pool), **more}
    alone = len([one for one in recording.processes if pool == "host" and one.node == 0]) <= 1
    column = f"{pool}/rss"
    if rows is not None and column in rows.columns:
        swap = _at_rows(recording.one(pool, "job", "swap"), rows) if alone else None
        yield from diagnose_series(
            rows.columns[column],
            seconds=rows.seconds,
            iterations=rows.numbers,
            swap_bytes=swap,
            peak_bytes=rows.columns.get(f"{column}_high"),
            limit_bytes=limits if alone and limits else None,
            pool=pool,
            name="resident size at the end of each " + rows.unit,
        ).series
        if alone:
            return
    if held is None or len(held.seconds) < 2:
        return
    yield from _whole_job(recording, pool, held, rows, limits)


def _whole_job(
    recording: Recording, pool: str, held: Series, rows: Iterations | None, limits: Mapping[str, int]
) -> tuple[SeriesDiagnosis, ...]:
    """The process tree by the clock: its proportional shares, with the summed resident sizes beside them."""
    summed = recording.one(pool, "job", "rss")
    swap = recording.one(pool, "job", "swap")
    return diagnose_series(
        held.last_bytes,
        seconds=held.seconds,
        iterations=None if rows is None else _numbers_at(rows, held),
        peak_bytes=held.high_bytes,
        summed_rss_bytes=None if summed is None else _at(summed, held),
        swap_bytes=_at(swap, held) if swap is not None and swap.peak_bytes else None,
        limit_bytes=limits or None,
        pool=pool,
        name="held by all processes",
        notes=() if rows is not None else ("no iterations were marked: an iteration here is a sample",),
    ).series


def _device(recording: Recording, pool: str, rows: Iterations | None) -> tuple[SeriesDiagnosis, ...]:
    limits = _limits(recording, pool) or None
    reserved = None if rows is None else rows.columns.get(f"{pool}/reserved")
    allocated = None if rows is None else rows.columns.get(f"{pool}/allocated")
    if rows is not None and reserved is not None:
        return diagnose_series(
            reserved,
            seconds=rows.seconds,
            iterations=rows.numbers,
            live_bytes=allocated,
            limit_bytes=limits,
            pool=pool,
            name="reserved",
        ).series
    used = recording.one(pool, "job", "used")
    if used is None or len(used.seconds) < 2:
        return ()
    return diagnose_series(
        used.last_bytes,
        seconds=used.seconds,
        iterations=None if rows is None else _numbers_at(rows, used),
        peak_bytes=used.high_bytes,
        limit_bytes=limits,
        pool=pool,
        name="used",
    ).series


def _shared_memory(recording: Recording) -> tuple[SeriesDiagnosis, ...]:
    """/dev/shm, where the batches of loader workers lie; looked at only where something lies there."""
    used = recording.one("shm", "machine", "used")
    if used is None or len(used.seconds) < 2 or max(used.high_bytes) - used.last_bytes[0] < 1 << 20:
        return ()
    limits = {one.name: one.limit_bytes for one in recording.limits if one.pool == "shm"}
    return diagnose_series(
        used.last_bytes, seconds=used.seconds, limit_bytes=limits or None, pool="shm", name="/dev/shm"
    ).series


def _limits(recording: Recording, pool: str) -> dict[str, int]:
    """What the job may hold of each limit: the limit less what others held at the start."""
    found = {one.name: one.limit_bytes - one.others_bytes for one in recording.limits if one.pool == pool}
    return {name: size for name, size in found.items() if size > 0}


def _at_rows(series: Series | None, rows: Iterations) -> list[int] | None:
    """A series at the ends of iterations; None where it is not there or always zero."""
    if series is None or not series.peak_bytes:
        return None
    return [_value(series, at) for at in rows.seconds]


def _at(series: Series, other: Series) -> list[int]:
    return [_value(series, at) for at in other.seconds]


def _value(series: Series, at: float) -> int:
    """The last reading before a moment, or the first there is."""
    return series.last_bytes[max(0, bisect_right(series.seconds, at) - 1)]


def _numbers_at(rows: Iterations, series: Series) -> list[float]:
    """How many iterations had ended at each sample, counted on between two marks as time passes."""
    numbers, seconds = rows.numbers, rows.seconds
    found = []
    for at in series.seconds:
        after = bisect_right(seconds, at)
        if after == 0:
            found.append(0.0)
        elif after == len(seconds):
            found.append(float(numbers[-1]) + (at - seconds[-1]) * 1e-6)  # after the last: in order, and no further
        else:
            share = (at - seconds[after - 1]) / max(seconds[after] - seconds[after - 1], 1e-9)
            found.append(numbers[after - 1] + share * (numbers[after] - numbers[after - 1]))
    return found
