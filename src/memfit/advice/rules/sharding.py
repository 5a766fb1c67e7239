"""Optimizer states divided among the devices of a job that has several, where they are not yet."""

from __future__ import annotations

from collections.abc import Iterator

from memfit.advice.setting import Proposal, Setting
from memfit.documents import JobFacts

SLUG = "sharded-optimizer"


def proposals(facts: JobFacts) -> Iterator[Proposal]:
    """Where more than one device was asked for."""
    state = facts.breakdown.get("optimizer_state", 0)
    if facts.framework != "torch" or facts.device_count < 2 or not state or facts.sharded:
        return
    count = facts.device_count
    edits: tuple[dict[str, object], ...] = (
        {"category": "optimizer_state", "factor": 1 / count},
        {"phase": "optimizer", "category": "temporaries", "factor": 1 / count},
    )
    yield Proposal(
        slug=SLUG,
        title=f"divide the optimizer's states among {count} devices",
        setting=Setting(edits=edits),
        costs="parameters are sent around after every step; data-parallel over the same devices",
        how="torch.distributed.optim.ZeroRedundancyOptimizer(params, torch.optim.AdamW, lr=…), under torchrun "
        f"--nproc-per-node {count}",
        time_factor=1.1,
        touches=frozenset({"optimizer state", "optimizer"}),
        at_most_bytes=2 * state,
        verifiable=False,
    )
