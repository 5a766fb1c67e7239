"""Who held memory near the peak: of all looks into the job's processes, those that a report shows."""

from __future__ import annotations

from collections.abc import Iterable

from memfit.documents import Holding, Recording


def near_the_peak(recording: Recording, peaks_s: Iterable[float | None]) -> list[Holding]:
    """Of each process and look the last one not after the latest peak, or the first there is.

    Args:
        recording: what was found.
        peaks_s: when the pools were at their peaks, None for one whose moment nobody knows.
    """
    moment = max((at for at in peaks_s if at is not None), default=recording.seconds)
    chosen: dict[tuple[int, str], float] = {}
    for holding in recording.holdings:
        key = (holding.pid, holding.look)
        if key not in chosen or (holding.at_s <= moment and holding.at_s > chosen[key]):
            chosen[key] = holding.at_s
    found = [holding for holding in recording.holdings if chosen[holding.pid, holding.look] == holding.at_s]
    return sorted(found, key=lambda holding: -(holding.held_bytes or 0))
