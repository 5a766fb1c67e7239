"""A recording's diagnosis: its series chosen and laid side by side, judged, and what was found in the job added.

A process that marked its iterations is read at their ends, the same point of each; everything else by the clock.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from memfit.analysis import SUMMED, diagnose_series
from memfit.analysis.hindering import hindrances
from memfit.analysis.holders import fragmented, named
from memfit.analysis.measured import main_iterations
from memfit.documents import Diagnosis, Iterations, Recording, Series, SeriesDiagnosis, worst_first
from memfit.errors import UsageError

_FEWEST_SHARES = 12
_TELLING_SHARE = 0.005  # of the level, by which peaks stand above it on average
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
        target={"kind": "recording", "name": recording.title},
        series=worst_first(tuple(named(one, recording) for one in found)),
        environment=dict(recording.environment),
        hindrances=hindrances(recording, leaks=any(one.is_leak for one in found)),
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
            peak_bytes=_peaks(rows.columns.get(f"{column}_high"), rows.columns[column]),
            limit_bytes=limits if alone and limits else None,
            pool=pool,
            name="resident size at the end of each " + rows.unit,
        ).series
        if alone:
            return
    if held is None or len(held.seconds) < 2:
        return
    yield from _whole_job(recording, pool, held, rows, limits, alone=alone)


def _whole_job(
    recording: Recording,
    pool: str,
    held: Series,
    rows: Iterations | None,
    limits: Mapping[str, int],
    *,
    alone: bool,
) -> tuple[SeriesDiagnosis, ...]:
    """The process tree while it iterates, by the clock. The summed resident sizes judge it and run out of nothing."""
    shares = recording.one(pool, "job", "pss")
    if rows is not None:
        held = _within(held, rows.seconds[0], rows.seconds[-1])
        shares = None if shares is None else _within(shares, rows.seconds[0], rows.seconds[-1])
    if not alone and shares is not None and len(shares.seconds) >= _FEWEST_SHARES:
        held = shares  # read, not carried on: what workers copy shows between its readings alone
    summed = recording.one(pool, "job", "rss")
    swap = recording.one(pool, "job", "swap")
    found = diagnose_series(
        held.last_bytes,
        seconds=held.seconds,
        iterations=None if rows is None else _numbers_at(rows, held),
        peak_bytes=_peaks(held.high_bytes, held.last_bytes) if alone else None,
        summed_rss_bytes=None if summed is None else _at(summed, held),
        swap_bytes=_at(swap, held) if swap is not None and swap.peak_bytes else None,
        limit_bytes=limits or None,
        pool=pool,
        name="held by all processes",
        notes=() if rows is not None else ("no iterations were marked: an iteration here is a sample",),
    ).series
    return tuple(one for one in found if not one.name.endswith(SUMMED))


def _within(series: Series, begin_s: float, end_s: float) -> Series:
    """The part of a series between two moments: imports before the first iteration are no growth."""
    first, last = bisect_left(series.seconds, begin_s), bisect_right(series.seconds, end_s)
    if last - first < 2:
        return series
    return replace(
        series,
        seconds=series.seconds[first:last],
        last_bytes=series.last_bytes[first:last],
        low_bytes=series.low_bytes[first:last],
        high_bytes=series.high_bytes[first:last],
    )


def _device(recording: Recording, pool: str, rows: Iterations | None) -> tuple[SeriesDiagnosis, ...]:
    limits = _limits(recording, pool) or None
    reserved = None if rows is None else rows.columns.get(f"{pool}/reserved")
    allocated = None if rows is None else rows.columns.get(f"{pool}/allocated")
    if rows is not None and reserved is not None:
        found = diagnose_series(
            reserved,
            seconds=rows.seconds,
            iterations=rows.numbers,
            live_bytes=allocated,
            limit_bytes=limits,
            pool=pool,
            name="reserved",
        ).series
        return tuple(fragmented(one, found) for one in found)
    used = recording.one(pool, "job", "used")
    if used is None or len(used.seconds) < 2:
        return ()
    used = used if rows is None else _within(used, rows.seconds[0], rows.seconds[-1])
    return diagnose_series(
        used.last_bytes,
        seconds=used.seconds,
        iterations=None if rows is None else _numbers_at(rows, used),
        peak_bytes=_peaks(used.high_bytes, used.last_bytes),
        limit_bytes=limits,
        pool=pool,
        name="used",
    ).series


def _shared_memory(recording: Recording) -> tuple[SeriesDiagnosis, ...]:
    """/dev/shm, where the batches of loader workers lie: the machine's, so only where the job shares some."""
    used, shared = recording.one("shm", "machine", "used"), recording.one("host", "job", "shared")
    if used is None or len(used.seconds) < 2 or not (_rises(used) and shared is not None and _rises(shared)):
        return ()
    limits = {one.name: one.limit_bytes for one in recording.limits if one.pool == "shm"}
    return diagnose_series(
        used.last_bytes, seconds=used.seconds, limit_bytes=limits or None, pool="shm", name="/dev/shm"
    ).series


def _rises(series: Series) -> bool:
    return bool(series.high_bytes) and max(series.high_bytes) - series.last_bytes[0] >= 1 << 20


def _peaks(high: Sequence[int] | None, last: Sequence[int]) -> Sequence[int] | None:
    """Peaks where they say something that the values themselves do not."""
    if high is None:
        return None
    above = sum(max(0, top - value) for top, value in zip(high, last, strict=True))
    return high if above > _TELLING_SHARE * sum(last) else None


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
