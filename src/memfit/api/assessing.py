"""`memfit.data`: what data sets weigh."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from os import PathLike

from memfit.documents import Data
from memfit.documents.data import Room
from memfit.jobs import Progress
from memfit.sensors import host_capacity


def data(
    *paths: str | PathLike[str],
    host_memory_bytes: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Data:
    """Say what data sets weigh in memory, in each library and while they are read, and lighter ways to hold them.

    Reads headers, metadata and bounded samples; nothing in the files is run.

    Args:
        paths: files, folders, or patterns such as "parts/*.parquet".
        host_memory_bytes: RAM of the machine in question; by default this machine's, within its container's limits and
            beside what others hold.
        progress: is told what is being read.

    Returns:
        The tables, the heaviest first; every size has a range.

    Raises:
        MemfitError: nothing of what was named could be read.

    >>> memfit.data("sales.csv").tables[0].readings[0].peak.high  # doctest: +SKIP
    12884901888
    """
    from memfit.datasets.assessing import assess

    started = time.monotonic()

    def tell(text: str) -> None:
        if progress is not None:
            progress(Progress(stage="data", text=text, step=0, steps=0, seconds=time.monotonic() - started))

    return replace(assess([str(path) for path in paths], tell), room=_room(host_memory_bytes))


def _room(host_memory_bytes: int | None) -> Room:
    if host_memory_bytes is not None:
        return Room(bound_by="RAM", limit_bytes=host_memory_bytes)
    host = host_capacity()
    bound = host.binding
    return Room(bound_by=bound.name, limit_bytes=bound.limit_bytes, others_bytes=bound.others_bytes,
                swap_free_bytes=host.swap_free_bytes)  # fmt: skip
