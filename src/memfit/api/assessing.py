"""`memfit.data`: what data sets weigh."""

from __future__ import annotations

import time
from collections.abc import Callable
from os import PathLike

from memfit.documents import Data
from memfit.jobs import Progress


def data(*paths: str | PathLike[str], progress: Callable[[Progress], None] | None = None) -> Data:
    """Say what data sets weigh in memory, in each library and while they are read, and lighter ways to hold them.

    Reads headers, metadata and bounded samples; nothing in the files is run.

    Args:
        paths: files, folders, or patterns such as "parts/*.parquet".
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

    return assess([str(path) for path in paths], tell)
