"""Several recordings that were written together, by ranks or machines, as one: on one clock, each machine its pools."""

from __future__ import annotations

import datetime
from array import array
from collections.abc import Sequence
from dataclasses import replace

from memfit.documents import Ending, Recording, Series, host_pool

_WORST = ("oom_killed", "signalled", "lost", "exited", "detached", "running")
_OVER = ("oom_killed", "signalled", "exited")  # the job itself ended; otherwise it may live on
_PIDS_PER_MACHINE = 10_000_000  # above the kernel's largest process number (4,194,304)
_LARGEST = (1 << 63) - 1  # what a column takes


def join(parts: Sequence[tuple[str, Recording]]) -> Recording:
    """One recording of several.

    Args:
        parts: (file name, recording), at least one.

    Returns:
        A recording that starts with the earliest. The pools of the second and later machines are prefixed with
        "node1/", … and their process numbers counted on from 10,000,000 a machine. What the job held is summed over
        the files of a machine; what they all read of the machine is kept once.
    """
    if len(parts) == 1:
        return parts[0][1]
    known = [_seconds(recording.started) for _, recording in parts]
    first = min((start for start in known if start is not None), default=0.0)
    began = [first if start is None else start for start in known]
    machines: dict[str, int] = {}
    shifted = []
    for position, ((_, recording), start) in enumerate(zip(parts, began, strict=True)):
        node = machines.setdefault(str(recording.machine.get("host", position)), len(machines))
        shifted.append(_shifted(recording, start - first, node))
    return _sum(shifted, [name for name, _ in parts])


def _seconds(started: str) -> float | None:
    try:
        return datetime.datetime.fromisoformat(started.replace("Z", "+00:00")).timestamp()
    except (ValueError, OverflowError, OSError):  # of the year 1 or 9999, which has no seconds here
        return None


def _shifted(recording: Recording, by_s: float, node: int) -> Recording:
    """The same on the common clock, as that machine's."""

    def pool(name: str) -> str:
        return name if node == 0 else host_pool(node) if name == "host" else f"node{node}/{name}"

    def number(pid: int) -> int:
        return pid + node * _PIDS_PER_MACHINE

    def later(column: array[float]) -> array[float]:
        return array("d", (value + by_s for value in column))

    def end(at_s: float | None) -> float | None:
        return None if at_s is None else at_s + by_s

    return replace(
        recording,
        limits=tuple(replace(one, pool=pool(one.pool)) for one in recording.limits),
        series=tuple(replace(one, pool=pool(one.pool), seconds=later(one.seconds)) for one in recording.series),
        iterations=tuple(replace(one, pid=number(one.pid), seconds=later(one.seconds)) for one in recording.iterations),
        phases=tuple(
            replace(one, pid=number(one.pid), start_s=one.start_s + by_s, end_s=end(one.end_s))
            for one in recording.phases
        ),
        phase_totals=tuple(replace(one, pid=number(one.pid)) for one in recording.phase_totals),
        processes=tuple(
            replace(
                one,
                node=node,
                pid=number(one.pid),
                parent_pid=None if one.parent_pid is None else number(one.parent_pid),
                start_s=one.start_s + by_s,
                end_s=end(one.end_s),
            )
            for one in recording.processes
        ),
        events=tuple(
            replace(one, at_s=one.at_s + by_s, pid=None if one.pid is None else number(one.pid))
            for one in recording.events
        ),
        holdings=tuple(replace(one, pid=number(one.pid), at_s=one.at_s + by_s) for one in recording.holdings),
        ending=replace(recording.ending, at_s=recording.ending.at_s + by_s),
    )


def _all_series(parts: Sequence[Recording]) -> tuple[Series, ...]:
    alike: dict[tuple[str, str, str], list[Series]] = {}
    for part in parts:
        for one in part.series:
            alike.setdefault((one.pool, one.scope, one.name), []).append(_let_go(one, part.ending))
    return tuple(_added(found) if scope == "job" else found[0] for (_, scope, _), found in alike.items())


def _let_go(series: Series, ending: Ending) -> Series:
    """The series of a job that ended goes to zero: in a sum it counts no longer than it lasted."""
    if series.scope != "job" or ending.how not in _OVER:
        return series
    at_s = max(ending.at_s, *series.seconds[-1:])
    seconds, zero = array("d", [*series.seconds, at_s]), array("q", [0])
    columns = {name: getattr(series, name) + zero for name in ("last_bytes", "low_bytes", "high_bytes")}
    return replace(series, seconds=seconds, **columns)


def _added(parts: Sequence[Series]) -> Series:
    """The sum of several, each holding its value until its next reading."""
    if len(parts) == 1:
        return parts[0]
    readings = sorted(
        (at, position, last, low, high)
        for position, one in enumerate(parts)
        for at, last, low, high in zip(one.seconds, one.last_bytes, one.low_bytes, one.high_bytes, strict=True)
    )
    seconds, lasts, lows, highs = array("d"), array("q"), array("q"), array("q")
    now = [0] * len(parts)
    total = 0
    for at, position, value, lowest, highest in readings:
        others = total - now[position]
        total, now[position] = others + value, value
        seconds.append(at)
        lasts.append(min(total, _LARGEST))
        lows.append(min(others + lowest, _LARGEST))
        highs.append(min(others + highest, _LARGEST))
    return replace(parts[0], seconds=seconds, last_bytes=lasts, low_bytes=lows, high_bytes=highs)


def _sum(parts: Sequence[Recording], names: Sequence[str]) -> Recording:
    first = parts[0]
    return replace(
        first,
        started=min(part.started for part in parts),
        environment={**{k: v for part in reversed(parts) for k, v in part.environment.items()}},
        limits=tuple(dict.fromkeys(one for part in parts for one in part.limits)),
        series=_all_series(parts),
        iterations=tuple(one for part in parts for one in part.iterations),
        phases=tuple(sorted((one for part in parts for one in part.phases), key=lambda one: one.start_s)),
        phase_totals=tuple(one for part in parts for one in part.phase_totals),
        processes=tuple(sorted((one for part in parts for one in part.processes), key=lambda one: one.start_s)),
        events=tuple(sorted((one for part in parts for one in part.events), key=lambda one: one.at_s)),
        holdings=tuple(sorted((one for part in parts for one in part.holdings), key=lambda one: one.at_s)),
        ending=_worst([part.ending for part in parts]),
        notes=(
            f"joined from {len(parts)} files: {', '.join(names[:8])}{', …' if len(names) > 8 else ''}",
            *dict.fromkeys(note for part in parts for note in part.notes),
        ),
    )


def _worst(endings: Sequence[Ending]) -> Ending:
    """The ending that matters: the worst of them, a failed exit before a clean one; at the time of the last."""

    def badness(ending: Ending) -> tuple[int, bool]:
        known = _WORST.index(ending.how) if ending.how in _WORST else len(_WORST)
        return (known, not ending.exit_code)

    return replace(min(endings, key=badness), at_s=max(ending.at_s for ending in endings))
