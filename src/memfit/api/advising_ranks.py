"""Advice on a job of several processes: changes are estimated of its fullest rank, alone, as one of so many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from memfit.api.launching import in_ranks, runner
from memfit.documents import Assumption
from memfit.errors import UsageError
from memfit.jobs import Progress, Request
from memfit.jobs.ranks import estimate_ranks, fullest_rank


def of_fullest_rank(
    request: Request, ranks: str | int | None, *, python: str | None, progress: Callable[[Progress], None] | None
) -> tuple[Request, tuple[Assumption, ...]]:
    """The job as its fullest rank, and what is taken for granted by that; a job in one process as it is.

    Args:
        request: of the job.
        ranks: 8, or "2x8" for two nodes of eight; None for one process.
        python, progress: as for an estimate.

    Raises:
        UsageError: its ranks use no device, share one, or are stages of a pipeline.
    """
    if ranks is None:
        return request, ()
    if request.on is None:
        raise UsageError(
            "advice on several ranks is about their devices, and none is named",
            hint="name the one that each rank has: --on a100-80gb",
            slug="bad-ranks",
        )
    request, launch = in_ranks(request, str(ranks))
    rank = fullest_rank(estimate_ranks(request, launch, runner(python, progress)), launch)
    text = f"changes are estimated of rank {rank}, the fullest of {launch.ranks}; all are to be changed alike"
    alone = replace(request, nodes=launch.nodes, ranks_per_node=launch.per_node, rank=rank)
    return alone, (Assumption(slug="fullest-rank", text=text),)
