"""Data loaders: each worker is a process of its own and keeps batches ready."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from memfit.advice.setting import Proposal, Setting
from memfit.documents import JobFacts

SLUG = "loader-workers"
_FRESH = ("spawn", "forkserver")
_SPAWNED_BYTES = 128 << 20  # a worker that does not share the parent's pages holds at least so much


def proposals(facts: JobFacts) -> Iterator[Proposal]:
    """Forked workers, fewer batches ahead, fewer workers, none; for the host's memory alone."""
    if facts.pool != "host" or facts.framework != "torch":
        return
    busy = [loader for loader in facts.loaders if loader.workers]
    held = sum(loader.workers * (loader.prefetch + 1) * loader.batch_bytes for loader in busy)
    if not busy:
        return
    workers = max(loader.workers for loader in busy)
    if any(loader.start_method in _FRESH for loader in busy):
        yield replace(
            _proposal(
                {"start_method": "fork"},
                "loader workers that are forked",
                'DataLoader(…, multiprocessing_context="fork")',
                "a worker begins with the job's pages instead of imports of its own; not safe once threads or a device "
                "are used before the loader",
                workers * _SPAWNED_BYTES * 4,
                1.0,
            ),
            slug="loader-start-method",
            touches=frozenset({"start method"}),
        )
    if max(loader.prefetch for loader in busy) > 1:
        yield _proposal(
            {"prefetch": 1},
            "one batch ahead in every worker",
            "DataLoader(…, prefetch_factor=1)",
            "loading waits more easily for a slow sample",
            held,
            1.02,
        )
    if workers > 1:
        yield _proposal(
            {"workers": 1},
            "one loader worker",
            "DataLoader(…, num_workers=1)",
            "loading has one process: slower where it is what the job waits for (10 % assumed)",
            held + workers * _SPAWNED_BYTES,
            1.1,
        )
    yield _proposal(
        {"workers": 0},
        "no loader workers",
        "DataLoader(…, num_workers=0)",
        "batches are made between steps: slower by the time that takes (20 % assumed)",
        held + workers * _SPAWNED_BYTES,
        1.2,
    )


def _proposal(
    fields: dict[str, int | str], title: str, how: str, costs: str, at_most: int, time_factor: float
) -> Proposal:
    return Proposal(
        slug=SLUG,
        title=title,
        setting=Setting(loaders=fields),
        costs=costs,
        how=how,
        time_factor=time_factor,
        touches=frozenset({"loaders"}),
        at_most_bytes=at_most,
        verifiable=False,
    )
