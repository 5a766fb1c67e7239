"""The parent's part: which variables make the Python processes of a job mark themselves."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

SITE = Path(__file__).resolve().parent / "site"


def environment(
    spool: Path, library: Path, probes: Sequence[str] = (), *, known: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The variables to set for a job whose processes leave their marks in ``spool``.

    Args:
        spool: the folder, which exists.
        library: a folder that holds a link to memfit and nothing else, so that another interpreter finds none of this
            one's packages.
        probes: those that may disturb the job: "gc", "malloc_trim".
        known: the environment that they are added to; os.environ by default.
    """
    known = os.environ if known is None else known
    ours = {str(SITE), known.get("MEMFIT_LIBRARY", "")}
    path = [entry for entry in known.get("PYTHONPATH", "").split(os.pathsep) if entry and entry not in ours]
    return {
        "PYTHONPATH": os.pathsep.join([str(SITE), str(library.absolute()), *path]),
        "MEMFIT_SPOOL": str(spool.absolute()),
        "MEMFIT_LIBRARY": str(library.absolute()),
        "MEMFIT_PROBES": ",".join(probes),
    }
